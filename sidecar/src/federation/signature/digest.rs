//! Digests of bodies: `Digest` of RFC 3230, and `Content-Digest` of RFC 9530.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};
use sha2::{Digest, Sha256};

use super::{SignatureError, values};

/// What the draft's signatures cover.
pub(super) const DRAFT: HeaderName = HeaderName::from_static("digest");

/// What RFC 9421's cover.
pub(super) const STANDARD_NAME: &str = "content-digest";

/// `SHA-256=…`, in the only way that PeerTube takes it.
pub(super) fn of(body: &[u8]) -> String {
    format!("SHA-256={}", STANDARD.encode(Sha256::digest(body)))
}

/// Compares `Digest`, which must have a SHA-256 and no other one.
pub(super) fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
    let said = values(headers, DRAFT.as_str()).ok_or(SignatureError::Uncovered("digest"))?;
    let mut is_there = false;
    for part in said.split(',') {
        let Some((name, value)) = part.trim().split_once('=') else {
            return Err(SignatureError::Unreadable("digest"));
        };
        if name.eq_ignore_ascii_case("sha-256") {
            compare(
                &STANDARD.decode(value).map_err(|_| SignatureError::Unreadable("digest"))?,
                body,
            )?;
            is_there = true;
        }
    }
    if is_there { Ok(()) } else { Err(SignatureError::Digest) }
}

/// Compares `Content-Digest`, in the same way.
pub(super) fn check_standard(headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
    let said = values(headers, STANDARD_NAME).ok_or(SignatureError::Uncovered(STANDARD_NAME))?;
    let unreadable = SignatureError::Unreadable(STANDARD_NAME);
    let said: Dictionary = Parser::new(&said).parse().map_err(|_| unreadable)?;
    match said.get("sha-256") {
        Some(ListEntry::Item(item)) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => compare(bytes, body),
            _ => Err(unreadable),
        },
        Some(ListEntry::InnerList(_)) => Err(unreadable),
        None => Err(SignatureError::Digest),
    }
}

fn compare(said: &[u8], body: &[u8]) -> Result<(), SignatureError> {
    if said == Sha256::digest(body).as_slice() { Ok(()) } else { Err(SignatureError::Digest) }
}
