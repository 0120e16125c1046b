//! What pages do in a visitor's name: the same as the API, but logged in by a cookie and answered as values.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::body::Fields;
use crate::config::Registration;
use crate::error::{ApiError, GrantError};
use crate::limits::{LIST, REFRESH_LIFE};
use crate::table::registration;
use crate::table::session::{self, Session};
use crate::table::{account, user, video};
use crate::{Sidecar, Visitor, address, cookie, now_ms};

/// What became of somebody who wants an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedUp {
    /// They may log in.
    Ready,
    /// A moderator will decide.
    Waiting,
}

/// What somebody says of themselves, and where they can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What others call them.
    pub display_name: String,
    /// Markdown.
    pub description: Option<String>,
    /// Nobody else sees it.
    pub email: Option<String>,
}

/// Where somebody is logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLine {
    /// To end it by.
    pub id: i64,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// The one that asks.
    pub is_current: bool,
}

/// What somebody may keep here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes that they uploaded.
    pub used_bytes: u64,
    /// Bytes that they may have uploaded; `None` is without a bound.
    pub bytes: Option<u64>,
}

/// Somebody who waits for a moderator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// To decide by.
    pub id: i64,
    /// What they want to log in with.
    pub username: String,
    /// Where they can be written to.
    pub email: String,
    /// Why they ask.
    pub reason: String,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

impl Sidecar {
    /// Who may have an account here.
    pub fn registration_rule(&self) -> Registration {
        self.settings.registration
    }

    /// Logs in by `username` and `password`; returns the cookie that says so from now on.
    ///
    /// # Errors
    /// When they are nobody's, blocked, or tried too often.
    pub async fn enter(
        &self,
        fields: &Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<HeaderValue, ApiError> {
        let needed = |name: &'static str| fields.text(name).ok_or(GrantError::Missing(name));
        let from = self.counted(headers, peer);
        let user = self.identify(needed("username")?, needed("password")?, from).await?;
        let tokens = self.begin_session(user.id, REFRESH_LIFE).await?;
        Ok(cookie::set(cookie::SESSION, &tokens.access, REFRESH_LIFE, &self.public_url))
    }

    /// Ends the session that asks; returns the cookie's end.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn leave(&self, visitor: &Visitor) -> Result<HeaderValue, ApiError> {
        session::end(&self.database, visitor.session_id).await?;
        Ok(cookie::set(cookie::SESSION, "", Duration::ZERO, &self.public_url))
    }

    /// Makes an account, or asks for one, as the house has it.
    ///
    /// # Errors
    /// What the API's `users/register` and `users/registrations/request` refuse.
    pub async fn sign_up(
        &self,
        fields: Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<SignedUp, ApiError> {
        let from = self.counted(headers, peer);
        match self.settings.registration {
            Registration::Approval => {
                self.ask_for_account(fields, from).await.map(|_| SignedUp::Waiting)
            }
            Registration::Open | Registration::Closed => {
                self.register(fields, from).await.map(|_| SignedUp::Ready)
            }
        }
    }

    /// What a visitor's settings begin with.
    ///
    /// # Errors
    /// When the database fails, or they are just deleted.
    pub async fn profile(&self, visitor: &Visitor) -> Result<Profile, ApiError> {
        let user = user::by_id(&self.database, visitor.user_id).await?;
        let account = account::of_user(&self.database, visitor.user_id).await?;
        let (user, account) = user.zip(account).ok_or(ApiError::BadToken)?;
        Ok(Profile {
            display_name: account.display_name,
            description: account.description,
            email: user.email,
        })
    }

    /// What a visitor may keep, and keeps.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quota(&self, visitor: &Visitor) -> Result<Quota, ApiError> {
        let user = user::by_id(&self.database, visitor.user_id).await?;
        let user = user.ok_or(ApiError::BadToken)?;
        let used = video::source_bytes(&self.database, visitor.account_id, 0).await?;
        Ok(Quota { used_bytes: used.unsigned_abs(), bytes: u64::try_from(user.video_quota).ok() })
    }

    /// Changes what a visitor chose for themselves, by the API's names.
    ///
    /// # Errors
    /// What `PUT users/me` refuses.
    pub async fn change_settings(&self, visitor: &Visitor, fields: Fields) -> Result<(), ApiError> {
        let session = Session { id: visitor.session_id, user_id: visitor.user_id };
        let user = user::by_id(&self.database, visitor.user_id).await?;
        let user = user.ok_or(ApiError::BadToken)?;
        self.change_me((session, user), fields).await.map(drop)
    }

    /// Takes a visitor's account away with all that is theirs, if `currentPassword` is right; returns the cookie's end.
    ///
    /// # Errors
    /// When the password is wrong, they are administrator, or the database fails.
    pub async fn delete_account(
        &self,
        visitor: &Visitor,
        fields: &Fields,
    ) -> Result<HeaderValue, ApiError> {
        let user = user::by_id(&self.database, visitor.user_id).await?;
        let user = user.ok_or(ApiError::BadToken)?;
        let password = fields.text("currentPassword").unwrap_or_default().to_owned();
        self.leave_for_good_by(&user, password).await?;
        Ok(cookie::set(cookie::SESSION, "", Duration::ZERO, &self.public_url))
    }

    /// Where a visitor is logged in, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions(&self, visitor: &Visitor) -> Result<Vec<SessionLine>, ApiError> {
        let listed = session::of_user(&self.database, now_ms(), visitor.user_id).await?;
        let line = |session: session::Begun| SessionLine {
            id: session.id,
            created_at: session.created_at,
            is_current: session.id == visitor.session_id,
        };
        Ok(listed.into_iter().map(line).collect())
    }

    /// Ends one session of a visitor's own; another's is not found.
    ///
    /// # Errors
    /// When it isn't theirs, or the database fails.
    pub async fn end_session(&self, visitor: &Visitor, id: i64) -> Result<(), ApiError> {
        if session::end_of_user(&self.database, visitor.user_id, id).await? {
            Ok(())
        } else {
            Err(ApiError::NotFound("Session"))
        }
    }

    /// Who waits for an account, the longest waiting first.
    ///
    /// # Errors
    /// When the visitor is no moderator, or the database fails.
    pub async fn applicants(&self, visitor: &Visitor) -> Result<Vec<Applicant>, ApiError> {
        moderates(visitor)?;
        let waiting = registration::waiting(&self.database, LIST as i64).await?;
        let applicant = |asked: registration::Registration| Applicant {
            id: asked.id,
            username: asked.username,
            email: asked.email,
            reason: asked.reason,
            created_at: asked.created_at,
        };
        Ok(waiting.into_iter().map(applicant).collect())
    }

    /// Lets somebody in who asked, or doesn't; `moderationResponse` says why.
    ///
    /// # Errors
    /// When the visitor is no moderator, nobody waits under this id, or the database fails.
    pub async fn decide_on(
        &self,
        visitor: &Visitor,
        id: i64,
        is_accepted: bool,
        fields: Fields,
    ) -> Result<(), ApiError> {
        moderates(visitor)?;
        let decided =
            if is_accepted { self.accept(id, fields).await } else { self.refuse(id, fields).await };
        decided.map(drop)
    }

    /// The address that tries are counted for.
    pub fn counted(&self, headers: &HeaderMap, peer: SocketAddr) -> String {
        address::counted(headers, peer, &self.settings.trusted_proxies)
    }
}

fn moderates(visitor: &Visitor) -> Result<(), ApiError> {
    if visitor.role.moderates() {
        Ok(())
    } else {
        Err(ApiError::Forbidden("only moderators and administrators may do this"))
    }
}
