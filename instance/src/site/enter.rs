//! The way in and out: `/login`, `/register`, `/logout`, and `/language`.

use std::net::SocketAddr;
use std::time::Duration;

use askama::Template;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use origin::Reply;
use sidecar::config::Registration;
use sidecar::{ApiError, Entered, Fields, GrantError, SignedUp, cookie};

use super::{PageError, Site, see_other};
use crate::form::Form;
use crate::language::{self, Language};
use crate::visit::{Visit, local_path};

/// `/login`.
#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    /// Somebody who has forgotten their password can be written to.
    has_mail: bool,
    /// They have yet to follow the link that was sent to them.
    is_unverified: bool,
}

/// `/login` after the password, for whoever needs a code, too.
#[derive(Template)]
#[template(path = "code.html")]
struct Code<'a> {
    visit: &'a Visit<'a>,
    form: Form,
}

/// `/register`.
#[derive(Template)]
#[template(path = "register.html")]
struct Register<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    /// A moderator reads why.
    needs_reason: bool,
    is_closed: bool,
    /// All is sent, and somebody will decide.
    is_waiting: bool,
    /// A link was sent, which they have to follow.
    is_unverified: bool,
    /// The same beside the moderators.
    verifies: bool,
}

impl Site {
    pub(super) fn show_login(&self, visit: &Visit<'_>, query: &str) -> Result<Reply, PageError> {
        let next = parameter(query, "next").unwrap_or_default();
        let mut form = Form::filled([("next", next)]);
        if parameter(query, "new").is_some() {
            form.done = Some(visit.say("register-done"));
        }
        self.html(visit, StatusCode::OK, &self.login_page(visit, form))
    }

    pub(super) async fn log_in(
        &self,
        visit: &Visit<'_>,
        fields: Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Reply, PageError> {
        match self.sidecar.enter(&fields, headers, peer).await {
            Ok(Entered::CodeWanted(ticket)) => {
                let next = fields.text("next").unwrap_or_default().to_owned();
                let form = Form::filled([("next", next), ("ticket", ticket)]);
                self.html(visit, StatusCode::OK, &Code { visit, form })
            }
            Ok(Entered::In(cookie)) => {
                let next = fields.text("next").and_then(local_path).unwrap_or("/");
                Ok(with_cookie(see_other(next), cookie))
            }
            Err(error) => {
                let form = Form::refused(visit.language, &fields, &error);
                let needs_code = fields.text("ticket").is_some();
                if needs_code
                    && !matches!(error, ApiError::BadTicket | ApiError::Grant(GrantError::Blocked))
                {
                    return self.html(visit, error.status(), &Code { visit, form });
                }
                let is_unverified = matches!(error, ApiError::Grant(GrantError::Unverified));
                let page = Login { is_unverified, ..self.login_page(visit, form) };
                self.html(visit, error.status(), &page)
            }
        }
    }

    pub(super) async fn log_out(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        let Some(visitor) = &visit.visitor else { return Ok(see_other("/")) };
        let cookie = self.sidecar.leave(visitor).await?;
        Ok(with_cookie(see_other("/"), cookie))
    }

    pub(super) fn show_register(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.html(visit, StatusCode::OK, &self.register_page(visit, Form::default()))
    }

    pub(super) async fn sign_up(
        &self,
        visit: &Visit<'_>,
        mut fields: Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Reply, PageError> {
        fields.drop_empty(&["displayName"]);
        match self.sidecar.sign_up(fields.clone(), (headers, peer), visit.language.code).await {
            Ok(SignedUp::Ready) => Ok(see_other("/login?new=1")),
            Ok(SignedUp::Unverified) => {
                let page =
                    Register { is_unverified: true, ..self.register_page(visit, Form::default()) };
                self.html(visit, StatusCode::OK, &page)
            }
            Ok(SignedUp::Waiting) => {
                let page =
                    Register { is_waiting: true, ..self.register_page(visit, Form::default()) };
                self.html(visit, StatusCode::OK, &page)
            }
            Err(error) => {
                let form = Form::refused(visit.language, &fields, &error);
                self.html(visit, error.status(), &self.register_page(visit, form))
            }
        }
    }

    pub(super) fn choose_language(&self, fields: &Fields) -> Result<Reply, PageError> {
        let code = fields.text("code").unwrap_or_default();
        let language = Language::by_code(code).ok_or(PageError::NotFound)?;
        let next = fields.text("next").and_then(local_path).unwrap_or("/");
        let public_url = &self.frame.public_url;
        let cookie = cookie::set(language::COOKIE, language.code, A_YEAR, public_url);
        Ok(with_cookie(see_other(next), cookie))
    }

    fn register_page<'a>(&self, visit: &'a Visit<'a>, form: Form) -> Register<'a> {
        let rule = self.sidecar.registration_rule();
        Register {
            visit,
            form,
            needs_reason: rule == Registration::Approval,
            is_closed: rule == Registration::Closed,
            is_waiting: false,
            is_unverified: false,
            verifies: self.sidecar.verifies(),
        }
    }

    fn login_page<'a>(&self, visit: &'a Visit<'a>, form: Form) -> Login<'a> {
        Login { visit, form, has_mail: self.sidecar.has_mail(), is_unverified: false }
    }
}

/// A parameter of a query.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

pub(super) fn with_cookie(mut reply: Reply, cookie: HeaderValue) -> Reply {
    reply.headers_mut().append(header::SET_COOKIE, cookie);
    reply
}

const A_YEAR: Duration = Duration::from_secs(365 * 86_400);
