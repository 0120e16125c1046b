//! `/my/settings`: what somebody chose for themselves, their password, and where they are logged in.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::role::Role;
use sidecar::{ApiError, Fields, Profile, Visitor};

use super::{PageError, Site, now_ms, parameter, see_other};
use crate::form::Form;
use crate::visit::Visit;
use crate::when;

#[derive(Template)]
#[template(path = "settings.html")]
struct Settings<'a> {
    visit: &'a Visit<'a>,
    username: &'a str,
    /// What others see, and how pages behave.
    profile: Form,
    /// Password and address, which the password must confirm.
    access: Form,
    /// What the password confirms that ends all of it.
    farewell: Form,
    may_leave: bool,
    sessions: Vec<SessionRow>,
    /// The path of their picture.
    portrait: Option<String>,
    /// The one that they sent can't be used.
    is_refused: bool,
}

struct SessionRow {
    id: i64,
    date: String,
    age: String,
    is_current: bool,
}

impl Site {
    pub(super) async fn show_settings(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let known = self.sidecar.profile(visitor).await?;
        let mut profile = profile(visitor, &known);
        profile.done = parameter(query, "saved").map(|_| visit.say("saved"));
        let is_refused = parameter(query, "picture").is_some();
        let forms =
            Forms { profile, access: access(&known), farewell: Form::default(), is_refused };
        self.settings(visit, StatusCode::OK, forms).await
    }

    /// Takes one of the page's two forms.
    pub(super) async fn change_settings(
        &self,
        visit: &Visit<'_>,
        mut fields: Fields,
        part: Part,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        fields.drop_empty(&["password", "email"]);
        if part == Part::Profile {
            fields.tick(&["p2pEnabled", "videosHistoryEnabled", "autoPlayVideo"]);
        }
        match self.sidecar.change_settings(visitor, fields.clone()).await {
            Ok(()) => Ok(see_other("/my/settings?saved=1")),
            Err(error) => self.refuse_settings(visit, visitor, &fields, &error, part).await,
        }
    }

    /// Takes the account away for good.
    pub(super) async fn delete_account(
        &self,
        visit: &Visit<'_>,
        fields: &Fields,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        match self.sidecar.delete_account(visitor, fields).await {
            Ok(cookie) => Ok(super::enter::with_cookie(see_other("/"), cookie)),
            Err(error) => {
                self.refuse_settings(visit, visitor, fields, &error, Part::Farewell).await
            }
        }
    }

    pub(super) async fn end_session(&self, visit: &Visit<'_>, id: i64) -> Result<Reply, PageError> {
        self.sidecar.end_session(visitor(visit)?, id).await?;
        Ok(see_other("/my/settings#sessions"))
    }

    async fn refuse_settings(
        &self,
        visit: &Visit<'_>,
        visitor: &Visitor,
        fields: &Fields,
        error: &ApiError,
        part: Part,
    ) -> Result<Reply, PageError> {
        let refused = Form::refused(visit.language, fields, error);
        let known = self.sidecar.profile(visitor).await?;
        let mut forms = Forms {
            profile: profile(visitor, &known),
            access: access(&known),
            farewell: Form::default(),
            is_refused: false,
        };
        match part {
            Part::Profile => forms.profile = refused,
            Part::Access => forms.access = refused,
            Part::Farewell => forms.farewell = refused,
        }
        self.settings(visit, error.status(), forms).await
    }

    async fn settings(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        forms: Forms,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let now_ms = now_ms();
        let sessions = self.sidecar.sessions(visitor).await?;
        let sessions = sessions.into_iter().map(|session| {
            let begun = u64::try_from(session.created_at).unwrap_or_default();
            SessionRow {
                id: session.id,
                date: when::date(begun),
                age: visit.age(begun, now_ms),
                is_current: session.is_current,
            }
        });
        let page = Settings {
            visit,
            username: &visitor.username,
            profile: forms.profile,
            access: forms.access,
            farewell: forms.farewell,
            may_leave: visitor.role != Role::Administrator,
            sessions: sessions.collect(),
            portrait: self.sidecar.portrait_of(visitor).await?,
            is_refused: forms.is_refused,
        };
        self.html(visit, status, &page)
    }
}

/// Which form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Profile,
    Access,
    /// The end of the account.
    Farewell,
}

/// All forms of the page.
struct Forms {
    profile: Form,
    access: Form,
    farewell: Form,
    is_refused: bool,
}

/// Who is logged in, which the page is for.
pub(super) fn visitor<'a>(visit: &'a Visit<'_>) -> Result<&'a Visitor, PageError> {
    visit.visitor.as_ref().ok_or(PageError::LoggedOut)
}

fn profile(visitor: &Visitor, known: &Profile) -> Form {
    let ticked = |is_ticked: bool| if is_ticked { "true".to_owned() } else { String::new() };
    let choices = visitor.choices();
    Form::filled([
        ("displayName", known.display_name.clone()),
        ("description", known.description.clone().unwrap_or_default()),
        ("nsfwPolicy", choices.nsfw_policy.to_owned()),
        ("p2pEnabled", ticked(choices.p2p_enabled)),
        ("videosHistoryEnabled", ticked(choices.videos_history_enabled)),
        ("autoPlayVideo", ticked(choices.auto_play_video)),
    ])
}

fn access(known: &Profile) -> Form {
    Form::filled([("email", known.email.clone().unwrap_or_default())])
}
