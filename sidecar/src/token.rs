//! Secrets that open doors: made of 256 bits of chance, and kept only as their SHA-256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A new secret, 43 characters that every header and URL may carry.
pub(crate) fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(text(&bytes))
}

/// What the database keeps of a secret: nobody turns 256 bits of chance back, so it needs neither salt nor slowness.
pub(crate) fn hash(secret: &str) -> String {
    text(&Sha256::digest(secret))
}

/// Bytes as letters, digits, `-` and `_`.
pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_their_hashes_are_sha_256() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert!(one != two && one.len() == 43);
        // FIPS 180-2, appendix B.1.
        assert_eq!(hash("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }
}
