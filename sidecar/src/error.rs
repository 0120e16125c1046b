//! Why a request to the API fails, and the one place where that becomes an answer, in PeerTube's form (RFC 9457).

use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::Reply;
use crate::api::reply;
use crate::api::upload::add_range;
use crate::field::FieldError;
use crate::hasher::HasherError;
use crate::table::channel;
use crate::table::registration::AskError;
use crate::table::ticket::UseError;
use crate::table::upload::BeginError;
use crate::table::user::CreateError;
use crate::view::Unavailable;

/// Why a request fails, sorted by blame: unreadable bytes, who asks, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// Its body can't be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Fields of it can't be used.
    #[error("Incorrect request parameters: {}", names(.0))]
    Fields(Vec<BadField>),
    /// There is nothing at this path.
    #[error("API route not found")]
    NoRoute,
    /// What it is about isn't there, or not for who asks.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Of another method than these.
    #[error("only {0} are answered here")]
    Method(&'static str),
    /// Nobody is logged in by it.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// It says of nobody who asks.
    #[error("Token is invalid")]
    NoToken,
    /// Its token opens nothing, or no longer.
    #[error("Token is invalid")]
    BadToken,
    /// The password that must confirm it is wrong.
    #[error("currentPassword is invalid.")]
    BadPassword,
    /// What came by mail is used, too old, or never was.
    #[error("Invalid verification string.")]
    BadTicket,
    /// What began the setting up of a second factor is used, too old, or never was.
    #[error("Invalid request token")]
    BadRequestToken,
    /// The code that must confirm it is wrong or used.
    #[error("Invalid OTP token")]
    BadCode,
    /// It needs mail, and the house sends none.
    #[error("This server sends no mail: ask whoever runs it.")]
    NoMail,
    /// It is a video that a password opens, and that wasn't it.
    #[error(transparent)]
    VideoPassword(#[from] PasswordError),
    /// Who asks may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Name or address are somebody else's.
    #[error("User with this username or email already exists.")]
    Taken,
    /// Things have changed, or aren't so.
    #[error("{0}")]
    Conflict(&'static str),
    /// It can't be shown, since what it answers waits itself.
    #[error("What this comment answers waits for approval, too: approve that first")]
    HeldAbove,
    /// Nobody is followed there, for each its reason.
    #[error("not followed: {}", unfollowed(.0))]
    NotFollowed(Vec<(String, NotFollowed)>),
    /// It can't be done with what it has.
    #[error("{0}")]
    Invalid(&'static str),
    /// It lacks this header or field.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Neither picture nor sound.
    #[error("This file is not supported: it must be a video or a sound file")]
    MediaType,
    /// Larger than any upload here.
    #[error("This file is too large. It exceeds the maximum file size authorized.")]
    TooLarge,
    /// More than its owner may keep, or upload today.
    #[error("The user video quota is exceeded with this video.")]
    Quota,
    /// It doesn't go on where the upload ends.
    #[error("the part must begin at byte {0}, where the upload ends")]
    Elsewhere(u64),
    /// The disk is full.
    #[error("this server has no room for the file just now")]
    NoSpace,
    /// Something on our side.
    #[error("{0}")]
    Machine(String),
    /// Tried too often; try again after this.
    #[error("Too many attempts: try again in {} seconds", .0.as_secs() + 1)]
    TooMany(Duration),
    /// Too many others ask.
    #[error("{0}")]
    Busy(&'static str),
    /// The database fails.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// No memory to hash a password.
    #[error("cannot hash a password: {0}")]
    Hasher(HasherError),
    /// No random numbers.
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
}

/// Why nobody is followed: our own rules, then the other's blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// The instance meets nobody.
    #[error("federation is off here")]
    Off,
    /// We have nothing to do with them.
    #[error("that server, or that account, is blocked here")]
    Blocked,
    /// It isn't reached, or can't answer just now.
    #[error("that server cannot be reached just now")]
    Away,
    /// It answers, and that isn't somebody.
    #[error("nobody was found there who can be followed")]
    Nobody,
}

/// Why a body can't be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Longer than a body of its kind, or a file in it, may be.
    #[error("the body, or a file in it, is longer than it may be")]
    TooLong,
    /// Too slow.
    #[error("the body took too long to come")]
    TooSlow,
    /// Not whole.
    #[error("the body broke off")]
    Broken,
    /// Of another kind.
    #[error("the body must be application/json or application/x-www-form-urlencoded")]
    Type,
    /// Not JSON.
    #[error("the body is no JSON object")]
    Json,
    /// Not a form.
    #[error("the body is no form of UTF-8 text")]
    Form,
}

/// Why somebody isn't logged in; OAuth 2.0's codes (RFC 6749 §5.2) and PeerTube's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Nothing under this name.
    #[error("Missing parameter: `{0}`")]
    Missing(&'static str),
    /// Neither password nor refresh token.
    #[error("Unsupported grant type: `grant_type` is invalid")]
    Unsupported,
    /// Not this instance's client.
    #[error("Invalid client: client is invalid")]
    Client,
    /// A wrong name or password.
    #[error("Invalid grant: user credentials are invalid")]
    Credentials,
    /// Used already, or too old.
    #[error("Invalid grant: refresh token is invalid")]
    RefreshToken,
    /// Kept out by a moderator.
    #[error("User is blocked.")]
    Blocked,
    /// They have yet to follow the link that was sent to them.
    #[error("User email is not verified.")]
    Unverified,
    /// The password is right, and a code must come with it.
    #[error("Missing two factor header")]
    CodeMissing,
    /// The password is right, and the code wrong or used.
    #[error("Invalid two factor header")]
    CodeWrong,
    /// A moderator has yet to decide.
    #[error("This account is awaiting approval.")]
    Waiting,
    /// A moderator decided against it.
    #[error("Registration approval has been rejected.")]
    Refused,
}

/// Why a video isn't shown that a password opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// None came with it.
    #[error("Please provide a password to access this password protected video")]
    Required,
    /// None of its passwords.
    #[error("Incorrect video password. Access to the video is denied.")]
    Incorrect,
}

/// A field of a request that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadField {
    /// By the API's name for it.
    pub name: &'static str,
    /// And never what it was: it may be a password.
    pub reason: FieldError,
}

impl ApiError {
    /// The one place where a failure becomes a status.
    pub fn status(&self) -> StatusCode {
        match self {
            ApiError::Body(BodyError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::Body(BodyError::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            ApiError::Body(BodyError::Type) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::Grant(GrantError::CodeMissing) => StatusCode::UNAUTHORIZED,
            ApiError::Body(_)
            | ApiError::Fields(_)
            | ApiError::Grant(_)
            | ApiError::Invalid(_)
            | ApiError::Missing(_) => StatusCode::BAD_REQUEST,
            ApiError::NotFollowed(all) => {
                let is_ours = |reason| matches!(reason, NotFollowed::Off | NotFollowed::Blocked);
                match all.iter().all(|(_, reason)| is_ours(*reason)) {
                    true => StatusCode::CONFLICT,
                    false => StatusCode::BAD_REQUEST,
                }
            }
            ApiError::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ApiError::TooLarge | ApiError::Quota => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            ApiError::NoRoute | ApiError::NotFound(_) => StatusCode::NOT_FOUND,
            ApiError::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::NoToken | ApiError::BadToken | ApiError::BadPassword => {
                StatusCode::UNAUTHORIZED
            }
            ApiError::Forbidden(_)
            | ApiError::VideoPassword(_)
            | ApiError::BadTicket
            | ApiError::BadRequestToken
            | ApiError::BadCode
            | ApiError::NoMail => StatusCode::FORBIDDEN,
            ApiError::Taken
            | ApiError::Conflict(_)
            | ApiError::HeldAbove
            | ApiError::Elsewhere(_) => StatusCode::CONFLICT,
            ApiError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            ApiError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Database(_)
            | ApiError::Hasher(_)
            | ApiError::Chance(_)
            | ApiError::Machine(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word by which PeerTube's clients tell errors apart.
    fn code(&self) -> Option<&'static str> {
        match self {
            ApiError::Grant(error) => Some(error.code()),
            ApiError::NoToken => Some("unauthorized_request"),
            ApiError::BadToken => Some("invalid_token"),
            ApiError::VideoPassword(PasswordError::Required) => Some("video_requires_password"),
            ApiError::VideoPassword(PasswordError::Incorrect) => Some("incorrect_video_password"),
            ApiError::NoMail => Some("no_mail"),
            ApiError::TooLarge => Some("max_file_size_reached"),
            ApiError::Quota => Some("quota_reached"),
            _ => None,
        }
    }

    /// The answer; what is the machine's own fault goes to the log, and not to whoever asked.
    pub(crate) fn answer(&self) -> Reply {
        let status = self.status();
        let detail = if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("{self}");
            "this cannot be done just now".to_owned()
        } else {
            self.to_string()
        };
        let mut problem = Map::new();
        match self.code() {
            Some(code) => {
                problem.insert("type".into(), format!("{ERRORS}{code}").into());
                problem.insert("code".into(), code.into());
            }
            None => {
                problem.insert("type".into(), "about:blank".into());
                problem.insert("title".into(), status.canonical_reason().into());
            }
        }
        problem.insert("detail".into(), detail.clone().into());
        problem.insert("status".into(), status.as_u16().into());
        // What clients of before RFC 7807 read.
        problem.insert("error".into(), detail.into());
        if let ApiError::Fields(fields) = self {
            problem.insert("invalid-params".into(), invalid_params(fields));
        }
        let mut reply =
            reply(status, "application/problem+json; charset=utf-8", &Value::Object(problem));
        self.add_headers(&mut reply);
        if let ApiError::Elsewhere(have) = self {
            add_range(&mut reply, *have);
        }
        reply
    }

    fn add_headers<B>(&self, reply: &mut Response<B>) {
        let headers = reply.headers_mut();
        match self {
            ApiError::NoToken | ApiError::BadToken => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            ApiError::Grant(GrantError::CodeMissing) => {
                headers.insert(OTP, HeaderValue::from_static("required; app"));
            }
            ApiError::Method(methods) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(methods));
            }
            ApiError::TooMany(wait) => {
                headers.insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
            }
            ApiError::Busy(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
    }
}

impl GrantError {
    fn code(self) -> &'static str {
        match self {
            GrantError::Missing(_) => "invalid_request",
            GrantError::Unsupported => "unsupported_grant_type",
            GrantError::Client => "invalid_client",
            GrantError::Credentials | GrantError::RefreshToken => "invalid_grant",
            GrantError::Blocked | GrantError::Unverified => "access_denied",
            GrantError::CodeMissing => "missing_two_factor",
            GrantError::CodeWrong => "invalid_two_factor",
            GrantError::Waiting => "account_waiting_for_approval",
            GrantError::Refused => "account_approval_rejected",
        }
    }
}

impl From<HasherError> for ApiError {
    fn from(error: HasherError) -> ApiError {
        match error {
            HasherError::Busy => ApiError::Busy("too many people log in at once"),
            HasherError::Failed(_) | HasherError::Stopped => ApiError::Hasher(error),
        }
    }
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> ApiError {
        ApiError::Database(error.0)
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> ApiError {
        match error {
            CreateError::Taken => ApiError::Taken,
            CreateError::Database(error) => ApiError::Database(error),
        }
    }
}

impl From<BeginError> for ApiError {
    fn from(error: BeginError) -> ApiError {
        match error {
            BeginError::Quota => ApiError::Quota,
            BeginError::Full => {
                ApiError::Busy("too many uploads of yours are under way: finish one first")
            }
            BeginError::Database(error) => ApiError::Database(error),
        }
    }
}

impl From<UseError> for ApiError {
    fn from(error: UseError) -> ApiError {
        match error {
            UseError::Void => ApiError::BadTicket,
            UseError::Taken => ApiError::Taken,
            UseError::Database(error) => ApiError::Database(error),
        }
    }
}

impl From<channel::CreateError> for ApiError {
    fn from(error: channel::CreateError) -> ApiError {
        match error {
            channel::CreateError::Taken => ApiError::Conflict("that handle is taken"),
            channel::CreateError::Full => ApiError::Conflict("an account has at most 20 channels"),
            channel::CreateError::Database(error) => ApiError::Database(error),
        }
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> ApiError {
        match error {
            AskError::Taken => ApiError::Taken,
            AskError::Full => ApiError::Busy("too many requests for an account wait already"),
            AskError::Database(error) => ApiError::Database(error),
        }
    }
}

fn unfollowed(all: &[(String, NotFollowed)]) -> String {
    let each = all.iter().map(|(whom, reason)| format!("{whom} ({reason})"));
    each.collect::<Vec<_>>().join(", ")
}

fn names(fields: &[BadField]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")
}

/// Of each field what is wrong, and never what it was: it may be a password.
fn invalid_params(fields: &[BadField]) -> Value {
    let each = fields.iter().map(|field| {
        let about = json!({
            "type": "field", "msg": field.reason.to_string(), "path": field.name, "location": "body",
        });
        (field.name.to_owned(), about)
    });
    Value::Object(each.collect())
}

/// The header with a code, and of the answer that wants one; PeerTube's.
pub(crate) const OTP: HeaderName = HeaderName::from_static("x-peertube-otp");

/// Where PeerTube's documentation explains its codes, which its clients compare the whole of.
const ERRORS: &str = "https://docs.joinpeertube.org/api-rest-reference.html#section/Errors/";

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn body(error: ApiError) -> (StatusCode, Value) {
        let (head, body) = error.answer().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head.status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn errors_are_worded_as_peertube_words_them() {
        let recorded: Value =
            serde_json::from_str(include_str!("../fixtures/api-error-401.json")).unwrap();
        assert_eq!(body(ApiError::NoToken).await, (StatusCode::UNAUTHORIZED, recorded));
        let recorded: Value =
            serde_json::from_str(include_str!("../fixtures/api-error-404.json")).unwrap();
        let (_, ours) = body(ApiError::NotFound("Video")).await;
        for key in ["type", "title", "detail", "status", "error"] {
            assert_eq!(ours[key], recorded[key], "{key}");
        }
    }

    #[tokio::test]
    async fn a_bad_field_is_named_and_not_repeated() {
        let field = BadField { name: "password", reason: FieldError::Control };
        let (status, problem) = body(ApiError::Fields(vec![field])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["detail"], "Incorrect request parameters: password");
        assert_eq!(problem["invalid-params"]["password"]["msg"], "may not have control characters");
    }

    #[tokio::test]
    async fn what_goes_wrong_inside_is_not_told() {
        let (status, problem) = body(ApiError::Database(sqlx::Error::PoolTimedOut)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem["detail"], "this cannot be done just now");
    }
}
