//! Signatures of requests: who says that they sent one, as draft-cavage-http-signatures-12 and RFC 9421 have it.
//!
//! Flow:
//! 1. somebody → us: a request; [`Claim::read`] compares the digest with the body, looks at what is covered and how old it is,
//!    and says whose key it claims to be signed with
//! 2. the caller finds that key, among those that are known or at its owner's
//! 3. [`Claim::is_of`] says whether it was that key
//! 4. we → somebody: [`sign`] says what headers a request gets
//!
//! The form is told by `Signature-Input`, which only RFC 9421 has: what fails in one form is never tried in the other.

mod digest;
mod draft;
mod standard;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{DATE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};

use super::key::{KeyError, PrivateKey, PublicKey};

/// A request that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Such as POST.
    pub method: &'a Method,
    /// Path and query.
    pub target: &'a str,
    /// All of them.
    pub headers: &'a HeaderMap,
    /// All of it.
    pub body: &'a [u8],
    /// Host, and port if it has one, of our public URL.
    pub authority: &'a str,
}

/// What a request says of itself, before its key is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The URL of the key, or of its owner.
    pub key_id: String,
    /// What may have been signed: servers disagree on whether a query belongs to it.
    texts: Vec<String>,
    signature: Vec<u8>,
}

impl Claim {
    /// Reads the signature of a request that arrives at `now`.
    ///
    /// What must be covered: method, path, host, the time, and of a body its digest.
    ///
    /// # Errors
    /// When there is none, or it can't be what its sender meant.
    pub fn read(request: &Request<'_>, now: SystemTime) -> Result<Claim, SignatureError> {
        if request.headers.contains_key(standard::INPUT) {
            standard::read(request, now)
        } else {
            draft::read(request, now)
        }
    }

    /// Whether it was signed with the private part of `key`.
    pub fn is_of(&self, key: &PublicKey) -> bool {
        self.texts.iter().any(|text| key.verifies(text.as_bytes(), &self.signature))
    }

    /// By what the same request is known when it comes again: no id, since it has no scheme.
    pub fn mark(&self) -> String {
        format!("signature {}", STANDARD.encode(Sha256::digest(&self.signature)))
    }
}

/// Why a signature isn't believed; the blame is the sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request isn't signed.
    #[error("the request has no signature")]
    Missing,
    /// A header that doesn't follow its grammar, or has something twice.
    #[error("the header {0} can't be read")]
    Unreadable(&'static str),
    /// More or other signatures than one with RSA and SHA-256.
    #[error("the signature is not one of RSA with SHA-256")]
    Algorithm,
    /// Something that must be signed isn't.
    #[error("the signature doesn't cover {0}")]
    Uncovered(&'static str),
    /// It covers what the request doesn't have, or what is not understood.
    #[error("the signature covers what the request doesn't have")]
    Absent,
    /// The body isn't what was signed.
    #[error("the digest is not the body's")]
    Digest,
    /// Meant for another server.
    #[error("the request is for another host")]
    Host,
    /// Too old, or of the future.
    #[error("the request was signed more than an hour ago, or in the future")]
    Stale,
}

/// A request of ours.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Such as POST.
    pub method: &'a Method,
    /// Host, and port if the URL has one.
    pub authority: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// A POST's.
    pub body: Option<&'a [u8]>,
}

/// Headers that sign a request at `now`, in the draft's form, which everybody understands.
///
/// # Errors
/// When the system gives no random numbers.
pub fn sign(
    outgoing: &Outgoing<'_>,
    key_id: &str,
    key: &PrivateKey,
    now: SystemTime,
) -> Result<Vec<(HeaderName, HeaderValue)>, KeyError> {
    let date = httpdate::fmt_http_date(now);
    let method = outgoing.method.as_str().to_ascii_lowercase();
    let mut text = format!(
        "(request-target): {method} {}\nhost: {}\ndate: {date}",
        outgoing.target, outgoing.authority
    );
    let mut covered = "(request-target) host date".to_owned();
    let digest = outgoing.body.map(digest::of);
    if let Some(digest) = &digest {
        text.push_str("\ndigest: ");
        text.push_str(digest);
        covered.push_str(" digest");
    }
    let signature = STANDARD.encode(key.sign(text.as_bytes())?);
    let signature = format!(
        "keyId=\"{key_id}\",algorithm=\"rsa-sha256\",headers=\"{covered}\",signature=\"{signature}\""
    );
    let said = [(HOST, Some(outgoing.authority.to_owned())), (DATE, Some(date))];
    let said =
        said.into_iter().chain([(digest::DRAFT, digest), (draft::SIGNATURE, Some(signature))]);
    let headers = said.filter_map(|(name, value)| Some((name, value?)));
    headers
        .map(|(name, value)| {
            Ok((name, HeaderValue::try_from(value).map_err(|_| KeyError::Unreadable)?))
        })
        .collect()
}

/// A header's values, joined as both forms want it.
fn values(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut joined: Option<String> = None;
    for value in headers.get_all(name) {
        let value = value.to_str().ok()?.trim();
        joined = Some(joined.map_or_else(|| value.to_owned(), |joined| joined + ", " + value));
    }
    joined
}

/// Whether what was signed then may arrive now.
fn check_age(signed: SystemTime, now: SystemTime) -> Result<(), SignatureError> {
    let apart = now.duration_since(signed).unwrap_or_else(|early| early.duration());
    if apart <= WINDOW { Ok(()) } else { Err(SignatureError::Stale) }
}

/// A moment in seconds since 1970.
fn moment(seconds: u64) -> Result<SystemTime, SignatureError> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(SignatureError::Stale)
}

/// Whether a host as a header has it is ours.
fn check_host(host: &str, request: &Request<'_>) -> Result<(), SignatureError> {
    let is_ours = host.eq_ignore_ascii_case(request.authority);
    if is_ours { Ok(()) } else { Err(SignatureError::Host) }
}

/// How far apart clocks may be, and how long a request may take: Mastodon's hour, of which PeerTube's is half. For twice as long
/// a request is known to have come.
pub const WINDOW: Duration = Duration::from_secs(3600);

/// More headers than anybody signs; each is a line that is put together.
const MOST_COVERED: usize = 24;
