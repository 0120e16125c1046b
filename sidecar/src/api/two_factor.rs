//! `users/<id>/two-factor/…`: a code from a telephone beside the password.
//!
//! ```text
//! POST …/request          currentPassword          → requestToken, secret, uri
//! POST …/confirm-request  requestToken, otpToken   → 204: from now on each login needs a code
//! POST …/disable          currentPassword          → 204
//! POST users/token        … and X-PeerTube-OTP     → tokens
//! ```

use http::Method;
use serde_json::json;

use super::asked::Asked;
use super::{done, json as answer};
use crate::body::Fields;
use crate::error::{ApiError, GrantError};
use crate::field::{FieldError, line};
use crate::limits::FACTOR_LIFE;
use crate::role::Role;
use crate::table::ticket::{self, Purpose, Ticket};
use crate::table::user::{self, User};
use crate::visitor::Visitor;
use crate::{Reply, Sidecar, now_ms, otp, token};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Request(i64),
    Confirm(i64),
    Disable(i64),
}

/// What a telephone needs for codes, told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorRequest {
    /// What confirms it, beside a code.
    pub token: String,
    /// As people type it.
    pub secret: String,
    /// As a QR code says it.
    pub uri: String,
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        let id = |text: &str| text.parse::<u32>().ok().map(i64::from);
        Some(match *segments {
            ["users", user, "two-factor", "request"] => Route::Request(id(user)?),
            ["users", user, "two-factor", "confirm-request"] => Route::Confirm(id(user)?),
            ["users", user, "two-factor", "disable"] => Route::Disable(id(user)?),
            _ => return None,
        })
    }
}

impl Sidecar {
    pub(super) async fn answer_two_factor(
        &self,
        route: Route,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let fields = std::mem::take(&mut asked.fields);
        let visitor = asked.visitor()?;
        if asked.method != Method::POST {
            return Err(ApiError::Method("POST, OPTIONS"));
        }
        match route {
            Route::Request(id) => {
                let user = self.oneself(visitor, id).await?;
                let made = self.request_factor(&user, &fields).await?;
                Ok(answer(&json!({
                    "otpRequest": { "requestToken": made.token, "secret": made.secret, "uri": made.uri },
                })))
            }
            Route::Confirm(id) => {
                let user = self.oneself(visitor, id).await?;
                self.confirm_factor(&user, fields).await?;
                Ok(done())
            }
            Route::Disable(id) if id != visitor.user_id && visitor.role == Role::Administrator => {
                let user = user::by_id(&self.database, id).await?;
                self.take_factor_away(&user.ok_or(ApiError::NotFound("User"))?).await?;
                Ok(done())
            }
            Route::Disable(id) => {
                let user = self.oneself(visitor, id).await?;
                self.disable_factor(&user, &fields).await?;
                Ok(done())
            }
        }
    }

    /// Makes a secret that the password allows, and nothing needs before it is confirmed.
    pub(crate) async fn request_factor(
        &self,
        user: &User,
        fields: &Fields,
    ) -> Result<FactorRequest, ApiError> {
        if user.otp_secret.is_some() {
            return Err(ApiError::Invalid("Two factor is already enabled."));
        }
        self.confirm(user, current_password(fields)?).await?;
        let mut secret = [0; otp::SECRET_LENGTH];
        getrandom::fill(&mut secret)?;
        let about = self.seal.close(user.id, &secret)?;
        let (now, token) = (now_ms(), token::generate()?);
        let ticket = Ticket { user_id: Some(user.id), registration_id: None, about };
        let (hash, expires_at) = (token::hash(&token), now + FACTOR_LIFE.as_millis() as i64);
        ticket::issue(&self.database, now, &hash, Purpose::Factor, &ticket, expires_at).await?;
        let uri = otp::uri(&self.house.name, &user.username, &secret);
        Ok(FactorRequest { token, secret: otp::base32(&secret), uri })
    }

    /// Turns the second factor on, since its owner can make codes. The code is used up.
    pub(crate) async fn confirm_factor(
        &self,
        user: &User,
        mut fields: Fields,
    ) -> Result<(), ApiError> {
        let token = fields.required("requestToken", short);
        let code = fields.required("otpToken", short);
        let (token, code) = fields.finish(token.zip(code))?;
        if user.otp_secret.is_some() {
            return Err(ApiError::Invalid("Two factor is already enabled."));
        }
        let hash = token::hash(&token);
        let found = ticket::look(&self.database, now_ms(), &hash, Purpose::Factor).await?;
        let found = found.filter(|ticket| ticket.user_id == Some(user.id));
        let found = found.ok_or(ApiError::BadRequestToken)?;
        self.take_code(user)?;
        let step = self.step_of(user, &found.about, &code).ok_or(ApiError::BadCode)?;
        if !ticket::tear(&self.database, &hash).await? {
            return Err(ApiError::BadRequestToken);
        }
        user::set_otp_secret(&self.database, user.id, Some(&found.about)).await?;
        user::use_otp_step(&self.database, user.id, step).await?;
        self.give_code_back(user);
        Ok(())
    }

    pub(crate) async fn disable_factor(
        &self,
        user: &User,
        fields: &Fields,
    ) -> Result<(), ApiError> {
        self.confirm(user, current_password(fields)?).await?;
        self.take_factor_away(user).await
    }

    /// That whoever knows the password has the telephone, too, where that is needed. A code is used up by it.
    pub(crate) async fn pass_factor(
        &self,
        user: &User,
        code: Option<&str>,
    ) -> Result<(), ApiError> {
        let Some(sealed) = &user.otp_secret else { return Ok(()) };
        let code = code.filter(|code| !code.is_empty()).ok_or(GrantError::CodeMissing)?;
        self.take_code(user)?;
        let step = self.step_of(user, sealed, code).ok_or(GrantError::CodeWrong)?;
        if !user::use_otp_step(&self.database, user.id, step).await? {
            return Err(GrantError::CodeWrong.into());
        }
        self.give_code_back(user);
        Ok(())
    }

    async fn take_factor_away(&self, user: &User) -> Result<(), ApiError> {
        if user.otp_secret.is_none() {
            return Err(ApiError::Invalid("Two factor is already disabled."));
        }
        Ok(user::set_otp_secret(&self.database, user.id, None).await?)
    }

    fn step_of(&self, user: &User, sealed: &str, code: &str) -> Option<i64> {
        let secret = self.seal.open(user.id, sealed);
        if secret.is_none() {
            tracing::error!("a second factor can't be read: was DATA/key replaced?");
        }
        otp::step_of(&secret?, code, now_ms())
    }

    /// Counts a code before it is compared: of many at once, each must pay.
    fn take_code(&self, user: &User) -> Result<(), ApiError> {
        let taken = self.attempts(|attempts, now| attempts.codes_of.take(now, &user.id));
        taken.map_err(ApiError::TooMany)
    }

    fn give_code_back(&self, user: &User) {
        self.attempts(|attempts, _| attempts.codes_of.give_back(&user.id));
    }

    async fn oneself(&self, visitor: &Visitor, id: i64) -> Result<User, ApiError> {
        if visitor.user_id != id {
            return Err(ApiError::Forbidden(NOT_YOURS));
        }
        user::by_id(&self.database, id).await?.ok_or(ApiError::BadToken)
    }
}

fn current_password(fields: &Fields) -> Result<String, ApiError> {
    let password = fields.text("currentPassword").map(str::to_owned);
    password.ok_or(ApiError::Missing("currentPassword"))
}

fn short(text: &str) -> Result<String, FieldError> {
    line(text, 1, 100).map(str::to_owned)
}

const NOT_YOURS: &str = "User does not have right to change two factor setting of this user.";
