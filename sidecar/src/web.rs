//! What pages do in a visitor's name: the same as the API, but logged in by a cookie and answered as values.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::api::{FactorRequest, Whose};
use crate::body::Fields;
use crate::config::Registration;
use crate::error::{ApiError, GrantError};
use crate::limits::{CODE_LIFE, LIST, REFRESH_LIFE};
use crate::table::letter::Kind;
use crate::table::registration;
use crate::table::session::{self, Session};
use crate::table::ticket::{self, Purpose, Ticket};
use crate::table::user::User;
use crate::table::{account, user, video};
use crate::{Sidecar, Visitor, address, cookie, now_ms, token};

/// How far somebody came who wants to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// All the way: the cookie that says so from now on.
    In(HeaderValue),
    /// Their password is right, and a code must come, with this ticket.
    CodeWanted(String),
}

/// Which mail somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To set another password.
    Reset,
    /// To show that their address is theirs.
    Verification,
}

/// What became of somebody who wants an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedUp {
    /// They may log in.
    Ready,
    /// A moderator will decide.
    Waiting,
    /// They may log in when they have followed the link that was sent to them.
    Unverified,
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
    /// What they want instead, and have yet to show to be theirs.
    pub pending_email: Option<String>,
    /// Each login needs a code.
    pub has_two_factor: bool,
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

    /// Logs in by `username` and `password`, then by the `ticket` of that and a code, `otp`, where one is needed.
    ///
    /// # Errors
    /// When they are nobody's, blocked, or tried too often.
    pub async fn enter(
        &self,
        fields: &Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Entered, ApiError> {
        let needed = |name: &'static str| fields.text(name).ok_or(GrantError::Missing(name));
        if let Some(ticket) = fields.text("ticket") {
            return self.enter_by_code(ticket, fields.text("otp")).await;
        }
        let from = self.counted(headers, peer);
        let user = self.identify(needed("username")?, needed("password")?, from).await?;
        if user.otp_secret.is_some() {
            return Ok(Entered::CodeWanted(self.half_way(&user).await?));
        }
        self.let_in(&user).await
    }

    /// Says that somebody has shown their password, until they show a code, too.
    async fn half_way(&self, user: &User) -> Result<String, ApiError> {
        let (now, secret) = (now_ms(), token::generate()?);
        // Which password they showed: with another, all begins anew.
        let about = token::hash(&user.password_hash);
        let ticket = Ticket { user_id: Some(user.id), registration_id: None, about };
        let (hash, expires_at) = (token::hash(&secret), now + CODE_LIFE.as_millis() as i64);
        ticket::issue(&self.database, now, &hash, Purpose::Login, &ticket, expires_at).await?;
        Ok(secret)
    }

    async fn enter_by_code(&self, secret: &str, code: Option<&str>) -> Result<Entered, ApiError> {
        let hash = token::hash(secret);
        let found = ticket::look(&self.database, now_ms(), &hash, Purpose::Login).await?;
        let found = found.ok_or(ApiError::BadTicket)?;
        let id = found.user_id.ok_or(ApiError::BadTicket)?;
        let user = user::by_id(&self.database, id).await?.ok_or(ApiError::BadTicket)?;
        if found.about != token::hash(&user.password_hash) {
            return Err(ApiError::BadTicket);
        }
        if user.blocked {
            return Err(GrantError::Blocked.into());
        }
        self.pass_factor(&user, code).await?;
        if !ticket::tear(&self.database, &hash).await? {
            return Err(ApiError::BadTicket);
        }
        self.let_in(&user).await
    }

    async fn let_in(&self, user: &User) -> Result<Entered, ApiError> {
        let tokens = self.begin_session(user, REFRESH_LIFE).await?;
        let cookie = cookie::set(cookie::SESSION, &tokens.access, REFRESH_LIFE, &self.public_url);
        Ok(Entered::In(cookie))
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
        (headers, peer): (&HeaderMap, SocketAddr),
        language: &str,
    ) -> Result<SignedUp, ApiError> {
        let from = self.counted(headers, peer);
        match self.settings.registration {
            Registration::Approval => {
                self.ask_for_account(fields, from, language).await.map(|_| SignedUp::Waiting)
            }
            Registration::Open | Registration::Closed => {
                self.register(fields, from, language).await?;
                Ok(if self.verifies() { SignedUp::Unverified } else { SignedUp::Ready })
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
            pending_email: user.pending_email,
            has_two_factor: user.otp_secret.is_some(),
        })
    }

    /// Has the mail sent that sets another password, or proves an address: if the `email` is anybody's.
    ///
    /// # Errors
    /// When it is none, too many were asked for, or the house sends no mail.
    pub async fn ask_for_mail(
        &self,
        wanted: Wanted,
        fields: Fields,
        (headers, peer): (&HeaderMap, SocketAddr),
        language: &str,
    ) -> Result<(), ApiError> {
        let from = self.counted(headers, peer);
        let kinds: &[Kind] = match wanted {
            Wanted::Reset => &[Kind::Reset],
            // Of both at most one is due.
            Wanted::Verification => &[Kind::Applicant, Kind::Verify],
        };
        self.ask_for(kinds, fields, &from, language).await
    }

    /// Sets another password, on the `verificationString` of a mail.
    ///
    /// # Errors
    /// When that is used, too old or none, or the password can't be one.
    pub async fn reset_by_mail(
        &self,
        fields: Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<(), ApiError> {
        self.reset(Whose::Bearer, fields, &self.counted(headers, peer)).await
    }

    /// Takes the `verificationString` of a mail for it that the address is its reader's.
    ///
    /// # Errors
    /// When that is used, too old or none.
    pub async fn verify_by_mail(
        &self,
        fields: Fields,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<(), ApiError> {
        let id = fields.text("registrationId").and_then(|id| id.parse().ok());
        let whose = id.map_or(Whose::Bearer, Whose::Applicant);
        self.verify(whose, fields, &self.counted(headers, peer)).await
    }

    /// Begins to set up a visitor's second factor, if `currentPassword` is right.
    ///
    /// # Errors
    /// When it isn't, they have one, or the database fails.
    pub async fn begin_two_factor(
        &self,
        visitor: &Visitor,
        fields: &Fields,
    ) -> Result<FactorRequest, ApiError> {
        self.request_factor(&self.user(visitor).await?, fields).await
    }

    /// Ends it, by `requestToken` and `otpToken`: from then on each login needs a code.
    ///
    /// # Errors
    /// When these don't fit, or the database fails.
    pub async fn confirm_two_factor(
        &self,
        visitor: &Visitor,
        fields: Fields,
    ) -> Result<(), ApiError> {
        self.confirm_factor(&self.user(visitor).await?, fields).await
    }

    /// Takes a visitor's second factor away, if `currentPassword` is right.
    ///
    /// # Errors
    /// When it isn't, they have none, or the database fails.
    pub async fn end_two_factor(&self, visitor: &Visitor, fields: &Fields) -> Result<(), ApiError> {
        self.disable_factor(&self.user(visitor).await?, fields).await
    }

    async fn user(&self, visitor: &Visitor) -> Result<User, ApiError> {
        user::by_id(&self.database, visitor.user_id).await?.ok_or(ApiError::BadToken)
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
    pub async fn change_settings(
        &self,
        visitor: &Visitor,
        fields: Fields,
        language: &str,
    ) -> Result<(), ApiError> {
        let session = Session { id: visitor.session_id, user_id: visitor.user_id };
        let user = user::by_id(&self.database, visitor.user_id).await?;
        let user = user.ok_or(ApiError::BadToken)?;
        self.change_me((session, user), fields, language).await.map(drop)
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
