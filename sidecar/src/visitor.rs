//! Who asks: known by an access token, which programs send in a header and pages keep in a cookie.

use http::{HeaderMap, header};

use crate::error::ApiError;
use crate::preferences::{NsfwPolicy, Preferences};
use crate::role::Role;
use crate::table::session::{self, Session};
use crate::table::user::{self, User};
use crate::table::visitor::{self, Known};
use crate::view::Unavailable;
use crate::{Sidecar, now_ms, token};

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Their id as a user.
    pub user_id: i64,
    /// Their account's id.
    pub account_id: i64,
    /// What they log in with, which is also their account's handle.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// The session that they show.
    pub session_id: i64,
    pub(crate) preferences: Preferences,
}

/// Who wants to see one video, and what they have to show for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asker<'a> {
    /// Who they are, if they are logged in.
    pub visitor: Option<&'a Visitor>,
    /// What they typed where a password is wanted.
    pub password: Option<&'a str>,
    /// Whose guesses are counted: their address, as [`Sidecar::counted`] has it.
    pub from: &'a str,
}

impl Visitor {
    /// Whether where they stop is noted.
    pub fn keeps_history(&self) -> bool {
        self.preferences.videos_history_enabled
    }

    /// What becomes of videos not safe for work: `true` is to be listed, `None` has no filter.
    pub(crate) fn lists_nsfw(&self) -> bool {
        self.preferences.nsfw_policy != NsfwPolicy::DoNotList
    }

    fn of(row: Known) -> Visitor {
        Visitor {
            user_id: row.user_id,
            account_id: row.account_id,
            username: row.username,
            role: row.role,
            session_id: row.session_id,
            preferences: Preferences::parse(&row.preferences),
        }
    }
}

impl Sidecar {
    /// Whose access token this is; nobody's if its time is over or they are blocked.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn visitor(&self, secret: &str) -> Result<Option<Visitor>, Unavailable> {
        let found = visitor::by_access(&self.database, now_ms(), &token::hash(secret)).await?;
        Ok(found.map(Visitor::of))
    }

    /// Who asks, if they say so; whoever says so must be known.
    pub(crate) async fn visitor_of(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Visitor>, ApiError> {
        if !headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        let found = visitor::by_access(&self.database, now_ms(), &shown(headers)?).await?;
        found.map(Visitor::of).map(Some).ok_or(ApiError::BadToken)
    }

    /// Who asks, by the access token that they show.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Session, User), ApiError> {
        let session = session::find(&self.database, now_ms(), &shown(headers)?).await?;
        let session = session.ok_or(ApiError::BadToken)?;
        let user = user::by_id(&self.database, session.user_id).await?;
        let user = user.filter(|user| !user.blocked).ok_or(ApiError::BadToken)?;
        Ok((session, user))
    }

    pub(crate) async fn authenticate_moderator(
        &self,
        headers: &HeaderMap,
    ) -> Result<User, ApiError> {
        let (_, user) = self.authenticate(headers).await?;
        if user.role.moderates() {
            Ok(user)
        } else {
            Err(ApiError::Forbidden("only moderators and administrators may do this"))
        }
    }
}

/// The hash of the token in the header.
fn shown(headers: &HeaderMap) -> Result<String, ApiError> {
    let shown = headers.get(header::AUTHORIZATION).ok_or(ApiError::NoToken)?;
    let shown = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
    let (_, secret) = shown
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or(ApiError::NoToken)?;
    Ok(token::hash(secret.trim()))
}
