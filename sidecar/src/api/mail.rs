//! `users/…verify-email` and `users/…reset-password`: what somebody does with a mail of ours.
//!
//! ```text
//! POST users/ask-send-verify-email   email                        → 204 and, if it is somebody's to verify, a mail
//! POST users/<id>/verify-email       verificationString           → 204
//! POST users/ask-reset-password      email                        → 204 and, if it is a user's, a mail
//! POST users/<id>/reset-password     verificationString, password → 204
//! ```
//! Below `users/registrations/` the first two are for those who ask for an account. Nobody learns which addresses are known.

use http::Method;
use serde_json::Value;

use super::asked::Asked;
use super::done;
use crate::body::Fields;
use crate::error::ApiError;
use crate::field::{Email, FieldError, Password, line};
use crate::table::letter::{Kind, NewLetter};
use crate::table::ticket::{self, Purpose};
use crate::{Reply, Sidecar, now_ms, token};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    AskVerify,
    AskVerifyApplicant,
    AskReset,
    Verify(i64),
    VerifyApplicant(i64),
    Reset(i64),
}

/// Whose ticket somebody shows: the id in the path, or whosever it is for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    User(i64),
    Applicant(i64),
    Bearer,
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        let id = |text: &str| text.parse::<u32>().ok().map(i64::from);
        Some(match *segments {
            ["users", "ask-send-verify-email"] => Route::AskVerify,
            ["users", "registrations", "ask-send-verify-email"] => Route::AskVerifyApplicant,
            ["users", "ask-reset-password"] => Route::AskReset,
            ["users", user, "verify-email"] => Route::Verify(id(user)?),
            ["users", "registrations", asked, "verify-email"] => Route::VerifyApplicant(id(asked)?),
            ["users", user, "reset-password"] => Route::Reset(id(user)?),
            _ => return None,
        })
    }
}

impl Sidecar {
    pub(super) async fn answer_mail(
        &self,
        route: Route,
        asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        if asked.method != Method::POST {
            return Err(ApiError::Method("POST, OPTIONS"));
        }
        let (fields, from, language) = (asked.fields, asked.from, asked.language);
        match route {
            Route::AskVerify => self.ask_for(&[Kind::Verify], fields, from, language).await?,
            Route::AskVerifyApplicant => {
                self.ask_for(&[Kind::Applicant], fields, from, language).await?;
            }
            Route::AskReset => self.ask_for(&[Kind::Reset], fields, from, language).await?,
            Route::Verify(id) => self.verify(Whose::User(id), fields, from).await?,
            Route::VerifyApplicant(id) => self.verify(Whose::Applicant(id), fields, from).await?,
            Route::Reset(id) => self.reset(Whose::User(id), fields, from).await?,
        }
        Ok(done())
    }

    /// Notes letters to an address that somebody writes, whosever it is.
    pub(crate) async fn ask_for(
        &self,
        kinds: &[Kind],
        mut fields: Fields,
        from: &str,
        language: &str,
    ) -> Result<(), ApiError> {
        self.needs_mail()?;
        let email = fields.required("email", Email::parse);
        let email = fields.finish(email)?;
        self.count_letter(from, &email)?;
        let address = email.as_str();
        for &kind in kinds {
            let new = NewLetter { kind, user_id: None, registration_id: None, address, language };
            self.post(new).await?;
        }
        Ok(())
    }

    /// Takes the word of a mail for it that an address is its reader's.
    pub(crate) async fn verify(
        &self,
        whose: Whose,
        mut fields: Fields,
        from: &str,
    ) -> Result<(), ApiError> {
        let secret = fields.required("verificationString", secret);
        let is_pending = fields.value("isPendingEmail", truth).unwrap_or(false);
        let hash = token::hash(&fields.finish(secret)?);
        self.count_ticket(from)?;
        let purpose = match whose {
            Whose::Applicant(_) => Purpose::Applicant,
            _ if is_pending => Purpose::Change,
            _ => Purpose::Verify,
        };
        self.look_at(whose, &hash, purpose).await?;
        ticket::verify(&self.database, now_ms(), &hash, purpose).await?;
        self.give_ticket_back(from);
        Ok(())
    }

    /// Sets another password, on the word of a mail.
    pub(crate) async fn reset(
        &self,
        whose: Whose,
        mut fields: Fields,
        from: &str,
    ) -> Result<(), ApiError> {
        let secret = fields.required("verificationString", secret);
        let password = fields.required("password", Password::parse);
        let (secret, password) = fields.finish(secret.zip(password))?;
        let hash = token::hash(&secret);
        self.count_ticket(from)?;
        // Before the password is hashed, which costs more than guesses may.
        self.look_at(whose, &hash, Purpose::Reset).await?;
        let password_hash = self.hasher.hash(password).await?;
        ticket::reset(&self.database, now_ms(), &hash, &password_hash).await?;
        self.give_ticket_back(from);
        Ok(())
    }

    /// That a ticket is good, and of whom it should be.
    async fn look_at(&self, whose: Whose, hash: &str, purpose: Purpose) -> Result<(), ApiError> {
        let found = ticket::look(&self.database, now_ms(), hash, purpose).await?;
        let found = found.ok_or(ApiError::BadTicket)?;
        let is_theirs = match whose {
            Whose::User(id) => found.user_id == Some(id),
            Whose::Applicant(id) => found.registration_id == Some(id),
            Whose::Bearer => true,
        };
        if is_theirs { Ok(()) } else { Err(ApiError::BadTicket) }
    }

    pub(crate) fn needs_mail(&self) -> Result<(), ApiError> {
        if self.has_mail() { Ok(()) } else { Err(ApiError::NoMail) }
    }

    /// Counts a letter for who asks and, however many ask, for who gets it.
    pub(super) fn count_letter(&self, from: &str, to: &Email) -> Result<(), ApiError> {
        let (from, to) = (from.to_owned(), token::hash(to.as_str()));
        let taken = self.attempts(|attempts, now| {
            attempts.letters_from.take(now, &from)?;
            attempts
                .letters_to
                .take(now, &to)
                .inspect_err(|_| attempts.letters_from.give_back(&from))
        });
        taken.map_err(ApiError::TooMany)
    }

    fn count_ticket(&self, from: &str) -> Result<(), ApiError> {
        let taken =
            self.attempts(|attempts, now| attempts.tickets_from.take(now, &from.to_owned()));
        taken.map_err(ApiError::TooMany)
    }

    fn give_ticket_back(&self, from: &str) {
        self.attempts(|attempts, _| attempts.tickets_from.give_back(&from.to_owned()));
    }
}

fn secret(text: &str) -> Result<String, FieldError> {
    line(text, 1, 100).map(str::to_owned)
}

/// Also as a form says it.
pub(crate) fn truth(value: &Value) -> Result<bool, FieldError> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) => Ok(text == "true"),
        _ => Err(FieldError::Kind("true or false")),
    }
}
