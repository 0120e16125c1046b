//! Who asks: known by an access token, which programs send in a header and pages keep in a cookie.

use http::{HeaderMap, header};

use crate::error::ApiError;
use crate::preferences::{NsfwPolicy, Preferences};
use crate::role::Role;
use crate::table::session::{self, Session};
use crate::table::user::{self, User};
use crate::table::visitor::{self, Known};
use crate::view::Unavailable;
use crate::{Sidecar, cookie, now_ms, token};

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Their id as a user.
    pub user_id: i64,
    /// Their account's id.
    pub account_id: i64,
    /// What they log in with, which is also their account's handle.
    pub username: String,
    /// What others call them.
    pub display_name: String,
    /// What they may do.
    pub role: Role,
    /// The session that they show.
    pub session_id: i64,
    pub(crate) preferences: Preferences,
}

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
    /// What they chose.
    pub fn choices(&self) -> Choices {
        let chosen = &self.preferences;
        Choices {
            p2p_enabled: chosen.p2p_enabled,
            videos_history_enabled: chosen.videos_history_enabled,
            auto_play_video: chosen.auto_play_video,
            nsfw_policy: chosen.nsfw_policy.name(),
        }
    }

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
            display_name: row.display_name,
            role: row.role,
            session_id: row.session_id,
            preferences: Preferences::parse(&row.preferences),
        }
    }
}

impl Sidecar {
    /// Who asks, if they are logged in; for pages, which anybody may read.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn visitor(&self, headers: &HeaderMap) -> Result<Option<Visitor>, Unavailable> {
        let Ok(shown) = shown(headers) else { return Ok(None) };
        let found = visitor::by_access(&self.database, now_ms(), &shown).await?;
        Ok(found.map(Visitor::of))
    }

    /// Who asks the API, if they say so; whoever shows a token must be known, while a cookie may be of long ago.
    pub(crate) async fn visitor_of(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Visitor>, ApiError> {
        if let Err(ApiError::Forbidden(_)) = meant(headers) {
            return Ok(None);
        }
        let found = self.visitor(headers).await?;
        if found.is_none() && headers.contains_key(header::AUTHORIZATION) {
            return Err(ApiError::BadToken);
        }
        Ok(found)
    }

    /// Who asks, by the access token that they show.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Session, User), ApiError> {
        let session = session::find(&self.database, now_ms(), &meant(headers)?).await?;
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

/// The hash of what is shown on purpose: a token, which no page of another site has, or the cookie that a page of ours sends.
fn meant(headers: &HeaderMap) -> Result<String, ApiError> {
    let shown = shown(headers)?;
    if headers.contains_key(header::AUTHORIZATION) || cookie::is_from_own_page(headers) {
        Ok(shown)
    } else {
        Err(ApiError::Forbidden("a page of another site may not do this in your name"))
    }
}

/// The hash of the token in the header, else of the one in the cookie.
fn shown(headers: &HeaderMap) -> Result<String, ApiError> {
    let shown = match headers.get(header::AUTHORIZATION) {
        Some(shown) => {
            let shown = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
            shown
                .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
                .map(|(_, secret)| secret)
        }
        None => cookie::find(headers, cookie::SESSION),
    };
    shown.map(|secret| token::hash(secret.trim())).ok_or(ApiError::NoToken)
}
