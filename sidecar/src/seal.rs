//! What must be read again and yet lies in the database as nobody but this instance can read it: ChaCha20-Poly1305
//! (RFC 8439) with a key that comes from the instance's own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use wire::capability::Key;

/// Closes texts and opens them.
pub(crate) struct Seal(LessSafeKey);

impl Seal {
    pub(crate) fn new(key: &Key) -> Seal {
        let bytes = key.derive(PURPOSE);
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).expect("a key of 32 bytes");
        Seal(LessSafeKey::new(key))
    }

    /// Closes `secret` for `whose`: for nobody else does it open.
    pub(crate) fn close(&self, whose: i64, secret: &[u8]) -> Result<String, getrandom::Error> {
        // By chance, of which 2^48 texts would be needed for one to come twice with any likelihood.
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce)?;
        let mut text = secret.to_vec();
        let aad = Aad::from(whose.to_be_bytes());
        let sealed =
            self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text);
        sealed.expect("a secret is shorter than 256 GB");
        Ok(URL_SAFE_NO_PAD.encode([&nonce, &*text].concat()))
    }

    /// The secret, unless the text is another's, of another key, or broken.
    pub(crate) fn open(&self, whose: i64, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let aad = Aad::from(whose.to_be_bytes());
        let opened =
            self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut text).ok()?;
        Some(opened.to_vec())
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

const PURPOSE: &[u8] = b"shoal seal";

#[cfg(test)]
mod tests {
    use super::*;
    use wire::capability::KEY_LENGTH;

    #[test]
    fn what_is_closed_opens_for_its_owner_and_with_the_same_key_alone() {
        let seal = Seal::new(&Key::new([7; KEY_LENGTH]));
        let (one, two) = (seal.close(3, b"secret").unwrap(), seal.close(3, b"secret").unwrap());
        assert!(one != two && !one.contains("secret"));
        assert_eq!(seal.open(3, &one).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(seal.open(4, &one), None);
        assert_eq!(Seal::new(&Key::new([8; KEY_LENGTH])).open(3, &one), None);
        for broken in ["", "AAAA", &one[1..], &two[..two.len() - 2], "é"] {
            assert_eq!(seal.open(3, broken), None, "{broken}");
        }
    }
}
