//! What lets somebody read a video that isn't open to all: a signed word that says which one, and until when.
//!
//! sidecar → page: `/hls/<uuid>/~<capability>/g1-master.m3u8`; page → origin: the same, so that relative URLs inherit it.
//! 28 characters, which are 21 bytes in base64 for URLs (RFC 4648 §5) without padding:
//!
//! ```text
//! 1 byte    the version, 1
//! 4 bytes   when it ends, in seconds since 1970, the most significant byte first: enough until 2106
//! 16 bytes  the first half of an HMAC-SHA256 (RFC 2104 §5) over "shoal read", both of these, and the UUID's 16 bytes
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::id::VideoId;

/// The secret that signs capabilities, which an instance's sidecar, origin and tracker share.
#[derive(Clone)]
pub struct Key([u8; KEY_LENGTH]);

impl Key {
    /// From bytes that nobody can guess.
    pub fn new(bytes: [u8; KEY_LENGTH]) -> Key {
        Key(bytes)
    }

    /// The capability to read `video` for as long as `now` is before `ends_at`, both in seconds since 1970.
    pub fn sign(&self, video: &VideoId, ends_at: u32) -> String {
        let mut bytes = [0; LENGTH];
        let (head, mac) = bytes.split_at_mut(HEAD_LENGTH);
        head[0] = VERSION;
        head[1..].copy_from_slice(&ends_at.to_be_bytes());
        mac.copy_from_slice(&self.mac(head, video).finalize().into_bytes()[..MAC_LENGTH]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// That a text lets its bearer read `video` at `now`, in seconds since 1970.
    ///
    /// How long this takes doesn't tell which bytes of a forged one are right.
    ///
    /// # Errors
    /// Why it doesn't.
    pub fn check(&self, text: &str, video: &VideoId, now: u64) -> Result<(), CapabilityError> {
        let mut bytes = [0; LENGTH];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(LENGTH) => {}
            _ => return Err(CapabilityError::Unreadable),
        }
        let (head, mac) = bytes.split_at(HEAD_LENGTH);
        if head[0] != VERSION {
            return Err(CapabilityError::Version(head[0]));
        }
        self.mac(head, video).verify_truncated_left(mac).map_err(|_| CapabilityError::Forged)?;
        let ends_at = head[1..].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        if now < ends_at { Ok(()) } else { Err(CapabilityError::Ended(ends_at)) }
    }

    /// Another secret for another purpose, which tells nothing of this one: HMAC-SHA256 over what it is for.
    pub fn derive(&self, purpose: &[u8]) -> [u8; KEY_LENGTH] {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0);
        let mac = mac.expect("a key of HMAC may have any length").chain_update(purpose);
        mac.finalize().into_bytes().into()
    }

    fn mac(&self, head: &[u8], video: &VideoId) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(&self.0).expect("a key of HMAC may have any length");
        mac.chain_update(PURPOSE).chain_update(head).chain_update(video.bytes())
    }
}

/// Never the key itself: it would end up in a log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Why a text is no capability for a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// Not 21 bytes in base64.
    #[error("not a capability: it must be 28 characters of base64 for URLs")]
    Unreadable,
    /// Of a version that isn't known here.
    #[error("a capability of version {0} is not known here")]
    Version(u8),
    /// Signed by another key, for another video, or changed since.
    #[error("the capability is not one for this video")]
    Forged,
    /// It was good until this second since 1970.
    #[error("the capability ended at {0} s since 1970")]
    Ended(u64),
}

/// Bytes of a key: as many as SHA-256 gives, since more would add nothing.
pub const KEY_LENGTH: usize = 32;

const VERSION: u8 = 1;
/// What these are for, so that the key can sign other things, too.
const PURPOSE: &[u8] = b"shoal read";
const HEAD_LENGTH: usize = 5;
/// 128 bits: nobody tries so many against a server.
const MAC_LENGTH: usize = 16;
const LENGTH: usize = HEAD_LENGTH + MAC_LENGTH;

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = "AWAAAADWUIAr7PvZVCOAlvJH0x8u";
    const ENDS_AT: u32 = 0x6000_0000;

    fn key() -> Key {
        Key::new(std::array::from_fn(|at| at as u8))
    }

    fn video() -> VideoId {
        "38fda7c9-bbb7-464f-bb9b-d64d33f575c4".parse().unwrap()
    }

    #[track_caller]
    fn check(text: &str, now: u64, wanted: Result<(), CapabilityError>) {
        assert_eq!(key().check(text, &video(), now), wanted, "{text} at {now}");
    }

    #[test]
    fn the_bytes_are_those_that_another_program_computes() {
        assert_eq!(key().sign(&video(), ENDS_AT), GOLDEN);
    }

    #[test]
    fn keys_for_other_purposes_differ_and_stay_the_same() {
        let one = key().derive(b"shoal seal");
        assert_eq!(one, key().derive(b"shoal seal"));
        assert_ne!(one, key().derive(b"shoal export"));
        assert_ne!(one, Key::new([0; KEY_LENGTH]).derive(b"shoal seal"));
    }

    #[test]
    fn what_is_signed_is_good_until_its_end() {
        let text = key().sign(&video(), ENDS_AT);
        check(&text, 0, Ok(()));
        check(&text, u64::from(ENDS_AT) - 1, Ok(()));
        check(&text, u64::from(ENDS_AT), Err(CapabilityError::Ended(u64::from(ENDS_AT))));
        check(&text, u64::MAX, Err(CapabilityError::Ended(u64::from(ENDS_AT))));
        check(&key().sign(&video(), u32::MAX), u64::from(u32::MAX) - 1, Ok(()));
    }

    #[test]
    fn another_video_s_and_another_key_s_are_forged() {
        let another = VideoId::from_random([7; 16]);
        check(&key().sign(&another, ENDS_AT), 0, Err(CapabilityError::Forged));
        check(&Key::new([7; KEY_LENGTH]).sign(&video(), ENDS_AT), 0, Err(CapabilityError::Forged));
    }

    #[test]
    fn each_changed_bit_is_noticed() {
        let bytes = URL_SAFE_NO_PAD.decode(GOLDEN).unwrap();
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let wanted = match bit {
                0..8 => CapabilityError::Version(changed[0]),
                _ => CapabilityError::Forged,
            };
            check(&URL_SAFE_NO_PAD.encode(changed), 0, Err(wanted));
        }
    }

    #[test]
    fn other_texts_are_named_not_panicked_on() {
        let long = format!("{GOLDEN}AAAA");
        let padded = format!("{GOLDEN}=");
        for text in ["", "A", "~", &GOLDEN[1..], &GOLDEN[..27], &long, &padded, "ééééééééé"]
        {
            check(text, 0, Err(CapabilityError::Unreadable));
        }
        check(&GOLDEN.replace('W', "+"), 0, Err(CapabilityError::Unreadable));
    }

    #[test]
    fn a_key_is_never_shown() {
        assert_eq!(format!("{:?}", key()), "Key(…)");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_or_opens_anything(text: String, letters in "[A-Za-z0-9_-]{28}") {
            proptest::prop_assert!(key().check(&text, &video(), 0).is_err());
            proptest::prop_assert!(key().check(&letters, &video(), 0).is_err());
        }
    }
}
