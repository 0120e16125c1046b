//! The id of a video: a UUID version 4, and the short form that watch URLs carry.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A video's id.
///
/// Displayed as the hyphenated lower-case UUID. It is version 4 because PeerTube refuses any other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VideoId(Uuid);

impl VideoId {
    /// A new id from 16 random bytes; the version and variant bits are set here.
    pub fn from_random(bytes: [u8; 16]) -> VideoId {
        VideoId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The 22 characters that `/w/<short>` carries: the number in base 58, most significant digit first, padded with
    /// the digit zero (`1`), in the flickr alphabet, as PeerTube writes it.
    pub fn short(&self) -> String {
        let mut rest = self.0.as_u128();
        let mut digits = [ALPHABET[0]; SHORT_LENGTH];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(rest % BASE) as usize];
            rest /= BASE;
        }
        digits.iter().map(|&digit| char::from(digit)).collect()
    }

    /// The number's 16 bytes, the most significant first.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    fn from_short(text: &str) -> Option<Uuid> {
        text.bytes()
            .try_fold(0u128, |number, byte| {
                let digit = ALPHABET.iter().position(|&known| known == byte)?;
                number.checked_mul(BASE)?.checked_add(digit as u128)
            })
            .map(Uuid::from_u128)
    }
}

impl FromStr for VideoId {
    type Err = IdError;

    /// Reads either form: 36 hyphenated characters, or 22 of base 58.
    fn from_str(text: &str) -> Result<VideoId, IdError> {
        let uuid = match text.len() {
            LONG_LENGTH => Uuid::try_parse(text).ok(),
            SHORT_LENGTH => VideoId::from_short(text),
            _ => None,
        };
        match uuid {
            Some(uuid) if uuid.get_version_num() == 4 => Ok(VideoId(uuid)),
            _ => Err(IdError),
        }
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VideoId({self})")
    }
}

/// The text is neither form of a version 4 UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a video: neither a version 4 UUID nor its 22-character short form")]
pub struct IdError;

/// The flickr alphabet: base 58 without the look-alikes `0`, `O`, `I` and `l`.
const ALPHABET: &[u8; 58] = b"123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ";
const BASE: u128 = ALPHABET.len() as u128;
/// Digits that the largest UUID needs: `58^22 > 2^128 > 58^21`.
const SHORT_LENGTH: usize = 22;
const LONG_LENGTH: usize = 36;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Option<&str>) {
        assert_eq!(
            text.parse::<VideoId>().ok().map(|id| id.to_string()).as_deref(),
            wanted,
            "{text:?}"
        );
    }

    #[test]
    fn the_pair_recorded_from_peertube_is_ours_too() {
        let id: VideoId = RECORDED.parse().unwrap();
        assert_eq!(id.short(), RECORDED_SHORT);
        check(RECORDED_SHORT, Some(RECORDED));
    }

    #[test]
    fn small_numbers_are_padded() {
        let id = VideoId::from_random([0; 16]);
        assert_eq!(id.to_string(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(id.short().len(), SHORT_LENGTH);
        check(&id.short(), Some(&id.to_string()));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        check("", None);
        check("../../etc/passwd-----", None);
        check("ZZZZZZZZZZZZZZZZZZZZZZ", None);
        check("1111111111111111111111", None);
        check("00000000-0000-1000-8000-000000000000", None);
        check("00000000000040008000000000000000", None);
        check("0OIl11111111111111111ü", None);
    }

    proptest::proptest! {
        #[test]
        fn every_id_survives_both_forms(bytes: [u8; 16]) {
            let id = VideoId::from_random(bytes);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.short().parse(), Ok(id));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<VideoId>();
        }
    }

    const RECORDED: &str = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
    const RECORDED_SHORT: &str = "83b4fymrueQZj9EdVRKYZj";
}
