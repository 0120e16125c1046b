//! RSA keys of actors: what they sign with, and what they are known by.
//!
//! ring signs and verifies; it can't make keys, so that alone is left to the crate `rsa`, none of whose arithmetic ever meets
//! what a stranger sent (RUSTSEC-2023-0071 is of its decryption).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use rsa::pkcs8::der::Decode;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding, ObjectIdentifier};

/// What a local actor signs with.
pub struct PrivateKey(RsaKeyPair);

/// What an actor's signatures are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// RSAPublicKey of RFC 8017, as ring reads it.
    der: Vec<u8>,
}

/// A new pair, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// PKCS #8, DER.
    pub private: Vec<u8>,
    /// SubjectPublicKeyInfo as PEM: what actors show.
    pub public_pem: String,
}

impl NewKey {
    /// Makes a pair, which takes a core for some tenths of a second.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn make() -> Result<NewKey, KeyError> {
        let private =
            rsa::PrivateKey::new(&mut getrandom::SysRng, BITS).map_err(|_| KeyError::Chance)?;
        let public_pem = private.to_public_key().to_public_key_pem(LineEnding::LF);
        let private = private.to_pkcs8_der().map_err(|_| KeyError::Unreadable)?;
        Ok(NewKey {
            private: private.as_bytes().to_vec(),
            public_pem: public_pem.map_err(|_| KeyError::Unreadable)?,
        })
    }
}

impl PrivateKey {
    /// Reads what [`NewKey::private`] was.
    ///
    /// # Errors
    /// When it is no RSA key of at least 2048 bits.
    pub fn read(pkcs8: &[u8]) -> Result<PrivateKey, KeyError> {
        RsaKeyPair::from_pkcs8(pkcs8).map(PrivateKey).map_err(|_| KeyError::Unreadable)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 of `message`.
    ///
    /// # Errors
    /// When the system gives no random numbers, which blinding takes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map(|()| signature).map_err(|_| KeyError::Chance)
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("PrivateKey(…)")
    }
}

impl PublicKey {
    /// Reads a `publicKeyPem`: SubjectPublicKeyInfo between its two lines, which is what every server sends.
    ///
    /// # Errors
    /// When it is anything else, or no RSA key.
    pub fn read(pem: &str) -> Result<PublicKey, KeyError> {
        let text = pem.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
        let text = text.filter(|text| text.len() <= MOST_TEXT).ok_or(KeyError::Unreadable)?;
        let text: String =
            text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(text).map_err(|_| KeyError::Unreadable)?;
        let info = SubjectPublicKeyInfoRef::from_der(&bytes).map_err(|_| KeyError::Unreadable)?;
        if info.algorithm.oid != RSA_ENCRYPTION {
            return Err(KeyError::NotRsa);
        }
        let der = info.subject_public_key.as_bytes().ok_or(KeyError::Unreadable)?;
        Ok(PublicKey { der: der.to_vec() })
    }

    /// Whether `signature` is this key's, RSASSA-PKCS1-v1_5 with SHA-256 of `message`.
    ///
    /// Keys from 1,024 bits on are taken, since old servers still have them: a weak key harms whose it is.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &self.der)
            .verify(message, signature)
            .is_ok()
    }
}

/// What is wrong with a key, or with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Bytes that are no key.
    #[error("this is no key in the form of SubjectPublicKeyInfo (public) or PKCS #8 (private)")]
    Unreadable,
    /// A key of another kind.
    #[error("this is no RSA key")]
    NotRsa,
    /// No randomness.
    #[error("the system gives no random numbers")]
    Chance,
}

/// What Mastodon, GoToSocial and PeerTube have.
const BITS: usize = 2048;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A key of 8,192 bits has 1,400 characters; PeerTube takes 5,000.
const MOST_TEXT: usize = 5000;

/// RFC 8017, appendix C.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn what_a_new_pair_signs_is_verified_and_nothing_else_is() {
        let new = NewKey::make().unwrap();
        let (private, public) =
            (PrivateKey::read(&new.private).unwrap(), PublicKey::read(&new.public_pem).unwrap());
        let signature = private.sign(b"words").unwrap();
        assert_eq!(signature.len(), BITS / 8);
        assert!(public.verifies(b"words", &signature));
        assert!(!public.verifies(b"other words", &signature));
        assert!(!public.verifies(b"words", &signature[1..]));
        let other = PublicKey::read(&NewKey::make().unwrap().public_pem).unwrap();
        assert!(!other.verifies(b"words", &signature));
    }

    #[test]
    fn what_is_no_key_is_named() {
        let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert_eq!(PublicKey::read(ed25519), Err(KeyError::NotRsa));
        for text in [
            "",
            "words",
            BEGIN,
            &format!("{BEGIN}{END}"),
            &format!("{BEGIN}\nAAAA\n{END}"),
            &"x".repeat(9999),
        ] {
            assert_eq!(PublicKey::read(text), Err(KeyError::Unreadable), "{text}");
        }
        assert_eq!(PrivateKey::read(b"words").map(|_| ()), Err(KeyError::Unreadable));
    }
}
