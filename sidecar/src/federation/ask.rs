//! Asking other servers: by the one outbound door, signed by the instance, and of nobody who is blocked.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::id::{IdError, Local, Remote};
use super::json::{self, JsonError, Object};
use super::key::KeyError;
use super::keyring::{KeyringError, Signer};
use super::signature::{Outgoing, sign};
use crate::Sidecar;
use crate::outbound::{Answer, Ask, Bounds, Budget, OutboundError};

/// What a server told, and under which URL.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    /// After redirects.
    pub(crate) source: Remote,
    pub(crate) object: Object,
}

/// Why nothing was told: our own rules, then the other's blame, then the machine's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The instance has no ids that others could know, or no door.
    #[error("federation is off")]
    Off,
    /// We have nothing to do with it.
    #[error("{0} is blocked here")]
    Blocked(String),
    /// It was there and will not be again.
    #[error("{0} is gone")]
    Gone(String),
    /// It isn't there, or isn't shown to us; a server that is being rebuilt says so of everything.
    #[error("{0} is gone, or never was")]
    Missing(String),
    /// It doesn't want to, or can't.
    #[error("{0} answers with {1}")]
    Status(String, StatusCode),
    /// It isn't reached, too slow, too large, or something else than was asked for.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// What came is no object.
    #[error("{0}: {1}")]
    Json(String, JsonError),
    /// It leads to where we don't go.
    #[error(transparent)]
    Id(#[from] IdError),
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl FetchError {
    /// Whether asking again later is of no use.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            FetchError::Off
            | FetchError::Blocked(_)
            | FetchError::Gone(_)
            | FetchError::Missing(_)
            | FetchError::Json(..)
            | FetchError::Id(_) => true,
            FetchError::Status(_, status) => {
                status.is_client_error()
                    && *status != StatusCode::TOO_MANY_REQUESTS
                    && *status != StatusCode::REQUEST_TIMEOUT
            }
            FetchError::Outbound(error) => matches!(
                error,
                OutboundError::Address(_)
                    | OutboundError::Private(_)
                    | OutboundError::Kind(..)
                    | OutboundError::Encoding(_)
                    | OutboundError::TooLarge(..)
                    | OutboundError::Redirects(_)
            ),
            FetchError::Keyring(_) | FetchError::Key(_) => false,
        }
    }
}

impl Sidecar {
    /// An object of another server's, as it is told under its URL; whose word it is, is for the caller to check.
    pub(crate) async fn fetch_object(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<Fetched, FetchError> {
        self.fetch(url, (ACTIVITY, is_activity), budget).await
    }

    /// JSON that is no object of ActivityPub, such as webfinger's.
    pub(crate) async fn fetch_json(
        &self,
        url: &Remote,
        budget: &mut Budget,
    ) -> Result<Fetched, FetchError> {
        self.fetch(url, (JSON, is_json), budget).await
    }

    async fn fetch(
        &self,
        url: &Remote,
        (accept, is_wanted): (&'static str, fn(&str) -> bool),
        budget: &mut Budget,
    ) -> Result<Fetched, FetchError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let door = self.door.as_ref().ok_or(FetchError::Off)?;
        if self.is_blocked(url.authority(), None) {
            return Err(FetchError::Blocked(url.authority().to_owned()));
        }
        let address = door.address(url.as_str())?;
        let signer = self.signer(&Local::Instance).await?;
        let mut headers = signed(&Method::GET, &address, None, &signer)?;
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let bounds = Bounds { is_wanted, ..BOUNDS };
        let mut answer = door.fetch(Ask::get(address, headers), &bounds, budget).await?;
        match answer.status {
            StatusCode::GONE => return Err(FetchError::Gone(url.as_str().to_owned())),
            StatusCode::NOT_FOUND => return Err(FetchError::Missing(url.as_str().to_owned())),
            status if !status.is_success() => {
                return Err(FetchError::Status(url.authority().to_owned(), status));
            }
            _ => {}
        }
        let source = Remote::parse(answer.url.as_str(), place.strictness())?;
        if source.authority() != url.authority() && self.is_blocked(source.authority(), None) {
            return Err(FetchError::Blocked(source.authority().to_owned()));
        }
        let body = read(&mut answer).await?;
        let object = json::read(&body);
        let object =
            object.map_err(|error| FetchError::Json(source.authority().to_owned(), error))?;
        Ok(Fetched { source, object })
    }
}

/// Headers that sign a request of ours as it is now.
pub(crate) fn signed(
    method: &Method,
    url: &Url,
    body: Option<&[u8]>,
    signer: &Signer,
) -> Result<HeaderMap, KeyError> {
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = url.authority();
    let outgoing = Outgoing { method, authority, target: &target, body };
    let headers = sign(&outgoing, &signer.key_id, &signer.key, SystemTime::now())?;
    Ok(headers.into_iter().collect())
}

async fn read(answer: &mut Answer) -> Result<Vec<u8>, OutboundError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.next_chunk().await? {
        let chunk: Bytes = chunk;
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Only objects of ActivityPub: a file that somebody uploaded comes as something else.
fn is_activity(kind: &str) -> bool {
    matches!(kind, "application/activity+json" | "application/ld+json")
}

fn is_json(kind: &str) -> bool {
    matches!(kind, "application/json" | "application/jrd+json") || is_activity(kind)
}

/// Mastodon's and PeerTube's word for it.
pub(crate) const ACTIVITY: &str = "application/activity+json, application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"";
const JSON: &str = "application/jrd+json, application/json";

/// As long and as much as Mastodon gives another server; one redirect, as from http's name to www's.
const BOUNDS: Bounds = Bounds {
    bytes: 1 << 20,
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(10),
    pause: Duration::from_secs(5),
    whole: Duration::from_secs(15),
    least_rate: 1_000,
    redirects: 1,
    is_wanted: is_activity,
};
