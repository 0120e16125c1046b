//! Who asks: by the token that a program shows, or by the cookie that a page's requests carry.

use http::{HeaderMap, header};

use crate::error::ApiError;
use crate::preferences::Preferences;
use crate::role::Role;
use crate::table::account::{self, Account};
use crate::table::session::{self, Session};
use crate::table::user::{self, User};
use crate::{Sidecar, cookie, now_ms, token};

/// What somebody chose that pages show and heed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices {
    /// Their player may share with others.
    pub p2p_enabled: bool,
    /// What they watch is remembered for them.
    pub videos_history_enabled: bool,
    /// Videos begin to play by themselves.
    pub auto_play_video: bool,
    /// `do_not_list`, `blur` or `display`.
    pub nsfw_policy: &'static str,
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Visitor {
    pub(crate) session: Session,
    pub(crate) user: User,
    pub(crate) account: Account,
}

impl Visitor {
    /// What they log in with.
    pub fn username(&self) -> &str {
        &self.user.username
    }

    /// What others call them.
    pub fn display_name(&self) -> &str {
        &self.account.display_name
    }

    /// What they say of themselves.
    pub fn description(&self) -> Option<&str> {
        self.account.description.as_deref()
    }

    /// Where they can be written to.
    pub fn email(&self) -> Option<&str> {
        self.user.email.as_deref()
    }

    /// What they chose.
    pub fn choices(&self) -> Choices {
        let chosen = Preferences::parse(&self.user.preferences);
        Choices {
            p2p_enabled: chosen.p2p_enabled,
            videos_history_enabled: chosen.videos_history_enabled,
            auto_play_video: chosen.auto_play_video,
            nsfw_policy: chosen.nsfw_policy.name(),
        }
    }

    /// How far they may go.
    pub fn role(&self) -> Role {
        self.user.role
    }
}

impl Sidecar {
    /// Who asks, if they are logged in; for pages, which anybody may read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn visitor(&self, headers: &HeaderMap) -> Result<Option<Visitor>, ApiError> {
        match self.authenticate(headers).await {
            Ok(visitor) => Ok(Some(visitor)),
            Err(ApiError::NoToken | ApiError::BadToken) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Who asks, by a token in `Authorization`, else by the cookie.
    ///
    /// The cookie counts in a request that changes something only if `api` found it to come from a page of ours.
    pub(crate) async fn authenticate(&self, headers: &HeaderMap) -> Result<Visitor, ApiError> {
        let secret = shown(headers).ok_or(ApiError::NoToken)?;
        let session = session::find(&self.database, now_ms(), &token::hash(secret)).await?;
        let session = session.ok_or(ApiError::BadToken)?;
        let user = user::by_id(&self.database, session.user_id).await?;
        let user = user.filter(|user| !user.blocked).ok_or(ApiError::BadToken)?;
        let account = account::of_user(&self.database, user.id).await?;
        let account = account.ok_or(ApiError::BadToken)?;
        Ok(Visitor { session, user, account })
    }

    pub(crate) async fn authenticate_moderator(
        &self,
        headers: &HeaderMap,
    ) -> Result<Visitor, ApiError> {
        let visitor = self.authenticate(headers).await?;
        if visitor.user.role.moderates() {
            Ok(visitor)
        } else {
            Err(ApiError::Forbidden("only moderators and administrators may do this"))
        }
    }
}

/// Whether the cookie alone says who asks.
pub(crate) fn is_by_cookie(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::AUTHORIZATION) && cookie::find(headers, cookie::SESSION).is_some()
}

fn shown(headers: &HeaderMap) -> Option<&str> {
    match headers.get(header::AUTHORIZATION) {
        Some(shown) => {
            let (scheme, secret) = shown.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
        }
        None => cookie::find(headers, cookie::SESSION),
    }
}
