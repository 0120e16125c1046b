//! What is worth believing: digests of bytes, and signatures over lists of them.
//!
//! A module of its own beside the player's, which `www/player.js` loads when the engine first wants something verified: it is as
//! large as a picture, and nobody waits for it to see the first one. It is compiled for speed, with SIMD, and has no state but
//! the room through which bytes come in.

use std::cell::RefCell;

use ed25519_dalek::{Signature, VerifyingKey};
use js_sys::Uint8Array;
use sha2::{Digest, Sha256};
use wasm_bindgen::prelude::wasm_bindgen;

/// The BLAKE3 of these bytes, one array after the other; 32 bytes.
#[wasm_bindgen]
pub fn blake3(views: Vec<Uint8Array>) -> Vec<u8> {
    let mut hash = blake3::Hasher::new();
    in_blocks(&views, |block| {
        hash.update(block);
    });
    hash.finalize().as_bytes().to_vec()
}

/// Their SHA-256; 32 bytes. Pages without https have no `crypto.subtle`.
#[wasm_bindgen]
pub fn sha256(views: Vec<Uint8Array>) -> Vec<u8> {
    let mut hash = Sha256::new();
    in_blocks(&views, |block| hash.update(block));
    hash.finalize().to_vec()
}

/// Whether an Ed25519 key has signed a message (RFC 8032, section 5.1.7), without the leeway that lets two verifiers differ: no
/// key or point of small order, no number that has a shorter form.
#[wasm_bindgen]
pub fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok());
    let signature = Signature::from_slice(signature);
    key.zip(signature.ok())
        .is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
}

/// Hands over bytes of JavaScript's memory in blocks that are full but for the last: BLAKE3 is fast with whole subtrees only.
fn in_blocks(views: &[Uint8Array], mut take: impl FnMut(&[u8])) {
    ROOM.with_borrow_mut(|room| {
        room.resize(BLOCK, 0);
        let mut filled = 0;
        for view in views {
            let mut at = 0;
            while at < view.length() {
                let more = (view.length() - at).min((BLOCK - filled) as u32);
                let end = filled + more as usize;
                view.subarray(at, at + more).copy_to(&mut room[filled..end]);
                (at, filled) = (at + more, end % BLOCK);
                if end == BLOCK {
                    take(room);
                }
            }
        }
        take(&room[..filled]);
    });
}

thread_local! {
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How much is copied at once: a piece.
const BLOCK: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(digit).collect()
    }

    /// Key, message and signature of RFC 8032 §7.1, tests 1 to 3.
    const KNOWN: [[&str; 3]; 3] = [
        [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];

    /// The order of the group that signatures count in (RFC 8032 §5.1), the small end first.
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

    #[test]
    fn what_the_rfc_signs_is_signed_and_nothing_beside_it() {
        for [key, message, signature] in KNOWN.map(|known| known.map(bytes)) {
            assert!(verify(&key, &message, &signature));
            assert!(!verify(&key, &[&message[..], &[0]].concat(), &signature));
            for at in 0..signature.len() {
                let mut other = signature.clone();
                other[at] ^= 1;
                assert!(!verify(&key, &message, &other), "{at}");
            }
            assert!(!verify(&key, &message, &signature[..63]));
            assert!(!verify(&key[..31], &message, &signature));
        }
        let [first, second, _] = KNOWN.map(|known| known.map(bytes));
        assert!(!verify(&second[0], &first[1], &first[2]), "another's");
    }

    #[test]
    fn a_number_that_has_a_shorter_form_is_none() {
        for [key, message, mut signature] in KNOWN.map(|known| known.map(bytes)) {
            let mut carry = 0;
            for (byte, more) in signature[32..].iter_mut().zip(bytes(ORDER)) {
                let sum = u16::from(*byte) + u16::from(more) + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            assert_eq!(carry, 0);
            assert!(!verify(&key, &message, &signature));
        }
    }

    /// With such a key anybody can make a signature that is right for one message in eight, or for all.
    #[test]
    fn a_key_of_small_order_has_signed_nothing() {
        // The basepoint, and 1: what every key signs whose point the message's hash takes to zero.
        let signature = bytes(&format!("58{}01{}", "66".repeat(31), "00".repeat(31)));
        for key in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            // Zero and one again, in forms that are too long.
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let key = bytes(key);
            for message in 0..64 {
                assert!(!verify(&key, &[message], &signature), "{key:x?} {message}");
            }
        }
    }

    /// Made with the secret of the first key for the message 72, by a number of chance that is zero: it verifies where small order is let
    /// through, and gives the secret away.
    #[test]
    fn a_signature_whose_point_is_of_small_order_is_none() {
        let number = "58c417b3a2665269f2291931ff74de319dd45e06323cb6c4dac010d5cd521501";
        let signature = bytes(&format!("01{}{number}", "00".repeat(31)));
        assert!(!verify(&bytes(KNOWN[0][0]), &[0x72], &signature));
    }
}
