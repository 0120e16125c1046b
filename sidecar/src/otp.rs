//! Codes of six digits that a telephone and we make of a shared secret and the clock (TOTP, RFC 6238, with SHA-1, as
//! all programs for it do).

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Which half minute since 1970 a moment is in.
pub(crate) fn step_at(now_ms: i64) -> i64 {
    now_ms.max(0) / PERIOD_MS
}

/// In which half minute a code is the right one, if in any near this moment: clocks of telephones go wrong by some
/// seconds, and people type slowly.
pub(crate) fn step_of(secret: &[u8], code: &str, now_ms: i64) -> Option<i64> {
    let code: String = code.chars().filter(|character| !character.is_whitespace()).collect();
    if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let wanted: u32 = code.parse().ok()?;
    let now = step_at(now_ms);
    // All are computed, so that time doesn't tell which one it was.
    let right = (now - SKEW..=now + SKEW).filter(|step| code_at(secret, *step) == wanted);
    right.fold(None, |_, step| Some(step))
}

/// The secret as telephones take it (RFC 4648 §6, without padding).
pub(crate) fn base32(bytes: &[u8]) -> String {
    let groups = bytes.chunks(5).flat_map(|chunk| {
        let mut whole = [0; 8];
        whole[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(whole);
        let letters = (chunk.len() * 8).div_ceil(5);
        (0..letters).map(move |at| char::from(ALPHABET[(bits >> (35 - 5 * at)) as usize & 31]))
    });
    groups.collect()
}

/// What a QR code says to a telephone's program.
pub(crate) fn uri(issuer: &str, name: &str, secret: &[u8]) -> String {
    let plain = |text: &str| {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        encoded.replace('+', "%20")
    };
    let (issuer, name) = (plain(issuer), plain(name));
    let secret = base32(secret);
    format!(
        "otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

/// The code of a half minute (RFC 4226 §5.3).
pub(crate) fn code_at(secret: &[u8], step: i64) -> u32 {
    let mac = Hmac::<Sha1>::new_from_slice(secret).expect("a key of HMAC may have any length");
    let mac = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let number = mac[at..at + 4].iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
    (number & 0x7fff_ffff) % 1_000_000
}

/// Bytes of a secret, as RFC 4226 §4 wants it.
pub(crate) const SECRET_LENGTH: usize = 20;

const PERIOD_MS: i64 = 30_000;
const DIGITS: usize = 6;

/// Half minutes before and after: RFC 6238 §5.2 wants no more than one.
const SKEW: i64 = 1;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, whose codes of eight digits end in ours.
        for (seconds, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code_at(SECRET, step_at(seconds * 1000)), code, "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_for_its_half_minute_and_those_beside_it() {
        let at = |seconds: i64| step_of(SECRET, "287082", seconds * 1000);
        for (seconds, wanted) in
            [(0, Some(1)), (30, Some(1)), (59, Some(1)), (89, Some(1)), (90, None), (1_000, None)]
        {
            assert_eq!(at(seconds), wanted, "{seconds}");
        }
        assert_eq!(step_of(SECRET, "287 082", 59_000), Some(1));
        for bad in ["", "287083", "28708", "2870820", "-28708", "+87082", "２８７０８２", "28708a"]
        {
            assert_eq!(step_of(SECRET, bad, 59_000), None, "{bad}");
        }
    }

    #[test]
    fn secrets_are_written_as_telephones_read_them() {
        // RFC 4648 §10.
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let uri = uri("Fish & Co", "alice", b"fooba");
        assert_eq!(
            uri,
            "otpauth://totp/Fish%20%26%20Co:alice?secret=MZXW6YTB&issuer=Fish%20%26%20Co&algorithm=SHA1&digits=6&period=30"
        );
    }
}
