//! What somebody does with a mail of ours, `/forgotten-password` and its like, and `/my/two-factor`.
//!
//! A link in a mail only opens a form: programs that look at links on the way use nothing up.

use std::net::SocketAddr;

use askama::Template;
use http::{HeaderMap, StatusCode};
use origin::Reply;
use qrcodegen::{QrCode, QrCodeEcc};
use sidecar::{ApiError, Fields, Wanted};

use super::enter::parameter;
use super::settings::visitor;
use super::{PageError, Site, see_other};
use crate::form::Form;
use crate::visit::Visit;

/// `/forgotten-password` and `/verify-again`.
#[derive(Template)]
#[template(path = "ask-mail.html")]
struct AskMail<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    wanted: Wanted,
    /// It is sent, if there is anybody to get it.
    is_sent: bool,
}

/// `/reset-password` and `/verify-email`.
#[derive(Template)]
#[template(path = "from-mail.html")]
struct FromMail<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    wanted: Wanted,
    is_done: bool,
}

/// `/my/two-factor`.
#[derive(Template)]
#[template(path = "two-factor.html")]
struct TwoFactor<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    is_on: bool,
    /// What is being set up.
    setting: Option<Setting>,
}

/// What a telephone must be told.
struct Setting {
    token: String,
    /// In groups of four, which people type better.
    secret: String,
    uri: String,
    code: Picture,
}

/// A QR code as the path of an SVG.
struct Picture {
    modules: i32,
    path: String,
}

impl Site {
    pub(super) fn show_ask_mail(
        &self,
        visit: &Visit<'_>,
        wanted: Wanted,
    ) -> Result<Reply, PageError> {
        if !self.sidecar.has_mail() {
            return Err(PageError::NotFound);
        }
        let page = AskMail { visit, form: Form::default(), wanted, is_sent: false };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn ask_mail(
        &self,
        visit: &Visit<'_>,
        wanted: Wanted,
        fields: Fields,
        from: (&HeaderMap, SocketAddr),
    ) -> Result<Reply, PageError> {
        let code = visit.language.code;
        match self.sidecar.ask_for_mail(wanted, fields.clone(), from, code).await {
            Ok(()) => {
                let page = AskMail { visit, form: Form::default(), wanted, is_sent: true };
                self.html(visit, StatusCode::OK, &page)
            }
            Err(error) => {
                let form = Form::refused(visit.language, &fields, &error);
                let page = AskMail { visit, form, wanted, is_sent: false };
                self.html(visit, error.status(), &page)
            }
        }
    }

    pub(super) fn show_from_mail(
        &self,
        visit: &Visit<'_>,
        wanted: Wanted,
        query: &str,
    ) -> Result<Reply, PageError> {
        let values = CARRIED.map(|name| (name, parameter(query, name).unwrap_or_default()));
        let page = FromMail { visit, form: Form::filled(values), wanted, is_done: false };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn act_from_mail(
        &self,
        visit: &Visit<'_>,
        wanted: Wanted,
        mut fields: Fields,
        (headers, peer): (&HeaderMap, SocketAddr),
    ) -> Result<Reply, PageError> {
        fields.drop_empty(&CARRIED);
        let done = match wanted {
            Wanted::Reset => self.sidecar.reset_by_mail(fields.clone(), headers, peer).await,
            Wanted::Verification => {
                self.sidecar.verify_by_mail(fields.clone(), headers, peer).await
            }
        };
        let (status, form) = match &done {
            Ok(()) => (StatusCode::OK, Form::default()),
            Err(error) => (error.status(), Form::refused(visit.language, &fields, error)),
        };
        let page = FromMail { visit, form, wanted, is_done: done.is_ok() };
        self.html(visit, status, &page)
    }

    pub(super) async fn show_two_factor(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.two_factor(visit, StatusCode::OK, Form::default(), None).await
    }

    pub(super) async fn begin_two_factor(
        &self,
        visit: &Visit<'_>,
        fields: &Fields,
    ) -> Result<Reply, PageError> {
        match self.sidecar.begin_two_factor(visitor(visit)?, fields).await {
            Ok(made) => {
                let setting = Setting::of(made.token, made.secret, made.uri)?;
                self.two_factor(visit, StatusCode::OK, Form::default(), Some(setting)).await
            }
            Err(error) => self.refuse_two_factor(visit, fields, &error, None).await,
        }
    }

    /// A code that is wrong may be followed by another: the page shows the same secret again.
    pub(super) async fn confirm_two_factor(
        &self,
        visit: &Visit<'_>,
        fields: Fields,
    ) -> Result<Reply, PageError> {
        match self.sidecar.confirm_two_factor(visitor(visit)?, fields.clone()).await {
            Ok(()) => Ok(see_other("/my/two-factor")),
            Err(error) => {
                let text = |name: &str| fields.text(name).unwrap_or_default().to_owned();
                let is_over = matches!(error, ApiError::BadRequestToken);
                let shown = (!is_over && text("uri").starts_with("otpauth://")).then(|| {
                    Setting::of(text("requestToken"), text("secret").replace(' ', ""), text("uri"))
                });
                self.refuse_two_factor(visit, &fields, &error, shown.transpose()?).await
            }
        }
    }

    pub(super) async fn end_two_factor(
        &self,
        visit: &Visit<'_>,
        fields: &Fields,
    ) -> Result<Reply, PageError> {
        match self.sidecar.end_two_factor(visitor(visit)?, fields).await {
            Ok(()) => Ok(see_other("/my/two-factor")),
            Err(error) => self.refuse_two_factor(visit, fields, &error, None).await,
        }
    }

    async fn refuse_two_factor(
        &self,
        visit: &Visit<'_>,
        fields: &Fields,
        error: &ApiError,
        setting: Option<Setting>,
    ) -> Result<Reply, PageError> {
        let form = Form::refused(visit.language, fields, error);
        self.two_factor(visit, error.status(), form, setting).await
    }

    async fn two_factor(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        form: Form,
        setting: Option<Setting>,
    ) -> Result<Reply, PageError> {
        let is_on = self.sidecar.profile(visitor(visit)?).await?.has_two_factor;
        self.html(visit, status, &TwoFactor { visit, form, is_on, setting })
    }
}

impl Setting {
    fn of(token: String, secret: String, uri: String) -> Result<Setting, PageError> {
        let code = Picture::of(&uri).ok_or(PageError::NotFound)?;
        let groups: Vec<char> = secret.chars().take(LONGEST_SECRET).collect();
        let groups: Vec<String> = groups.chunks(4).map(|four| four.iter().collect()).collect();
        Ok(Setting { token, secret: groups.join(" "), uri, code })
    }
}

impl Picture {
    /// `None` for a text that is too long.
    fn of(text: &str) -> Option<Picture> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let side = code.size();
        let dark = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let dark = dark.filter(|&(x, y)| code.get_module(x, y));
        let path = dark.map(|(x, y)| format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET)).collect();
        Some(Picture { modules: side + 2 * QUIET, path })
    }
}

/// What a link in a mail carries to the form behind it.
const CARRIED: [&str; 4] = ["userId", "registrationId", "verificationString", "isPendingEmail"];

/// Light modules around a QR code, as ISO/IEC 18004 wants them.
const QUIET: i32 = 4;

/// Letters of a secret in base 32.
const LONGEST_SECRET: usize = 32;
