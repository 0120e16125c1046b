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
