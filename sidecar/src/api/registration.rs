//! `users/register` and `users/registrations`: how somebody becomes a user, under the house's rule.

use serde_json::{Value, json};

use super::{done, json as answer};
use crate::body::Fields;
use crate::config::Registration as Rule;
use crate::error::ApiError;
use crate::field::{Email, FieldError, Password, Username, line, prose};
use crate::limits::LIST;
use crate::role::Role;
use crate::table::letter::{Kind, NewLetter};
use crate::table::registration::{self, NewRegistration, Registration, State};
use crate::table::user;
use crate::when::iso;
use crate::{Reply, Sidecar, now_ms};

/// Who somebody wants to be.
struct Applicant {
    username: Username,
    email: Email,
    password: Password,
    display_name: String,
}

impl Sidecar {
    /// Makes a user of whoever asks, where everybody may.
    pub(crate) async fn register(
        &self,
        mut fields: Fields,
        from: String,
        language: &str,
    ) -> Result<Reply, ApiError> {
        match self.settings.registration {
            Rule::Open => {}
            Rule::Closed => return Err(ApiError::Forbidden(CLOSED)),
            Rule::Approval => return Err(ApiError::Forbidden(APPROVAL)),
        }
        let applicant = Applicant::read(&mut fields);
        let applicant = fields.finish(applicant)?;
        self.count_registration(&from)?;
        let hash = self.hasher.hash(applicant.password).await?;
        let Applicant { username, email, display_name, .. } = applicant;
        let address = email.clone();
        let mut new = self.new_user(username, Some(email), display_name, Role::User, hash);
        new.email_verified = self.verifies().then_some(false);
        let id = user::create(&self.database, now_ms(), new).await?;
        if self.verifies() {
            let (user_id, address) = (Some(id), address.as_str());
            let kind = Kind::Verify;
            self.post(NewLetter { kind, user_id, registration_id: None, address, language })
                .await?;
        }
        Ok(done())
    }

    /// Notes who asks, where a moderator decides.
    pub(crate) async fn ask_for_account(
        &self,
        mut fields: Fields,
        from: String,
        language: &str,
    ) -> Result<Reply, ApiError> {
        match self.settings.registration {
            Rule::Approval => {}
            Rule::Closed => return Err(ApiError::Forbidden(CLOSED)),
            Rule::Open => return Err(ApiError::Forbidden(OPEN)),
        }
        let applicant = Applicant::read(&mut fields);
        let reason = |text: &str| prose(text, 2, 3_000).map(str::to_owned);
        let reason = fields.required("registrationReason", reason);
        let (applicant, reason) = fields.finish(applicant.zip(reason))?;
        self.count_registration(&from)?;
        let new = NewRegistration {
            password_hash: self.hasher.hash(applicant.password).await?,
            username: applicant.username,
            email: applicant.email,
            display_name: applicant.display_name,
            reason,
            email_verified: self.verifies().then_some(false),
            language: language.to_owned(),
        };
        let id = registration::ask(&self.database, now_ms(), new).await?;
        if self.verifies() {
            self.write_to(Kind::Applicant, &self.registration(id).await?).await?;
        }
        Ok(answer(&registration_json(&self.registration(id).await?)))
    }

    pub(super) async fn tell_registrations(&self, query: &str) -> Result<Reply, ApiError> {
        let number = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<u32>().ok())
        };
        let start = number("start").unwrap_or(0);
        let count = number("count").unwrap_or(15).min(LIST as u32);
        let listed = registration::list(&self.database, start.into(), count.into()).await?;
        let total = registration::total(&self.database).await?;
        let data: Vec<Value> = listed.iter().map(registration_json).collect();
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    /// Makes a user of whoever asked.
    pub(crate) async fn accept(&self, id: i64, mut fields: Fields) -> Result<Reply, ApiError> {
        let said = moderation_response(&mut fields);
        fields.check()?;
        let asked = self.waiting(id).await?;
        let email_verified = asked.email_verified;
        let unreadable = |_| ApiError::Conflict("this request is of rules that are no longer ours");
        let mut new = self.new_user(
            Username::parse(&asked.username).map_err(unreadable)?,
            Some(Email::parse(&asked.email).map_err(unreadable)?),
            asked.display_name,
            Role::User,
            asked.password_hash,
        );
        new.email_verified = email_verified;
        let user = user::create(&self.database, now_ms(), new).await?;
        self.decide(id, State::Accepted, said, Some(user)).await
    }

    pub(crate) async fn refuse(&self, id: i64, mut fields: Fields) -> Result<Reply, ApiError> {
        let said = moderation_response(&mut fields);
        fields.check()?;
        self.waiting(id).await?;
        self.decide(id, State::Refused, said, None).await
    }

    async fn decide(
        &self,
        id: i64,
        state: State,
        said: Option<String>,
        user: Option<i64>,
    ) -> Result<Reply, ApiError> {
        let said = said.unwrap_or_default();
        if !registration::decide(&self.database, now_ms(), id, state, &said, user).await? {
            return Err(ApiError::Conflict(DECIDED));
        }
        if self.has_mail() {
            let kind = if state == State::Accepted { Kind::Accepted } else { Kind::Refused };
            self.write_to(kind, &self.registration(id).await?).await?;
        }
        Ok(done())
    }

    /// Has somebody who asked be written to.
    async fn write_to(&self, kind: Kind, asked: &Registration) -> sqlx::Result<()> {
        let (registration_id, address) = (Some(asked.id), asked.email.as_str());
        let language = &asked.language;
        self.post(NewLetter { kind, user_id: None, registration_id, address, language }).await
    }

    async fn waiting(&self, id: i64) -> Result<Registration, ApiError> {
        let asked = self.registration(id).await?;
        if asked.state == State::Waiting as i64 {
            Ok(asked)
        } else {
            Err(ApiError::Conflict(DECIDED))
        }
    }

    async fn registration(&self, id: i64) -> Result<Registration, ApiError> {
        let found = registration::by_id(&self.database, id).await?;
        found.ok_or(ApiError::NotFound("Registration"))
    }

    fn count_registration(&self, from: &String) -> Result<(), ApiError> {
        let taken = self.attempts(|attempts, now| attempts.registrations_from.take(now, from));
        taken.map_err(ApiError::TooMany)
    }
}

impl Applicant {
    /// `None` if a field is bad, which the fields then know.
    fn read(fields: &mut Fields) -> Option<Applicant> {
        let username = fields.required("username", Username::parse);
        let email = fields.required("email", Email::parse);
        let password = fields.required("password", Password::parse);
        let name = |text: &str| line(text, 1, 120).map(str::to_owned);
        let display_name = fields.optional("displayName", name);
        let username = username?;
        Some(Applicant {
            email: email?,
            password: password?,
            display_name: display_name.unwrap_or_else(|| username.to_string()),
            username,
        })
    }
}

fn moderation_response(fields: &mut Fields) -> Option<String> {
    let read =
        |text: &str| -> Result<String, FieldError> { prose(text, 0, 3_000).map(str::to_owned) };
    fields.optional("moderationResponse", read)
}

/// PeerTube's form of a request for an account.
fn registration_json(asked: &Registration) -> Value {
    let label = match asked.state {
        2 => "Rejected",
        3 => "Accepted",
        _ => "Pending",
    };
    json!({
        "id": asked.id,
        "state": { "id": asked.state, "label": label },
        "registrationReason": asked.reason,
        "moderationResponse": asked.answer,
        "username": asked.username,
        "email": asked.email,
        "emailVerified": asked.email_verified,
        "accountDisplayName": asked.display_name,
        "user": asked.user_id.map(|id| json!({ "id": id })),
        "createdAt": iso(asked.created_at),
        "updatedAt": iso(asked.updated_at),
    })
}

const CLOSED: &str = "User registration is not enabled.";
const APPROVAL: &str = "Direct user registration is not allowed: a moderator decides";
const OPEN: &str = "This instance needs no approval: register directly";
const DECIDED: &str = "This request is decided already.";
