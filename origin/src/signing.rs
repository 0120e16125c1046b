//! Signed piece lists of finished videos: what makes, signs and checks them ([`wire::pieces`] says how they are written).
//!
//! An import signs what it makes ([`crate::import`]); what other machines made, what was there before there were keys, and what an
//! older key signed is signed where it lies ([`sign`]), whose media is only read if no list of ours tells what it should be.

mod place;
#[cfg(test)]
pub(crate) mod sample;

use std::fmt;
use std::io::{self, Read};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use wire::pieces::{
    Key, LONGEST_SEGMENT, PIECE, PieceDigest, SegmentPieces, Signed, WINDOW, WINDOW_BYTES, Window,
};
use wire::playlist::Signature;

pub use place::{Look, SigningError, sign};
pub(crate) use place::{Place, name};

/// Who signs lists, and whom viewers may still believe.
pub struct Signer {
    pair: Ed25519KeyPair,
    key: Key,
    before: Option<Key>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Signer {
    /// One with this secret (RFC 8032 §5.1.5); `before` is the key that it takes the place of, if it does.
    ///
    /// # Panics
    /// Never: every 32 bytes are a secret.
    pub fn new(seed: &[u8; 32], before: Option<Key>) -> Signer {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("a seed has 32 bytes");
        let mut key = [0; 32];
        key.copy_from_slice(pair.public_key().as_ref());
        Signer { pair, key, before }
    }

    /// What everybody may know of it.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The key that this one takes the place of.
    pub fn before(&self) -> Option<&Key> {
        self.before.as_ref()
    }

    /// What a master says of who signs a video that this signer signed and nobody before.
    pub(crate) fn alone(&self, video: &str) -> Signature {
        Signature { video: video.to_owned(), keys: vec![self.key] }
    }

    /// The list of a rendition: windows end to end. `None` if a segment or window is longer than viewers read.
    pub fn list(
        &self,
        video: &str,
        rendition: &str,
        segments: &[SegmentPieces],
    ) -> Option<Vec<u8>> {
        let mut list = Vec::new();
        for (no, segments) in segments.chunks(WINDOW).enumerate() {
            let window = Window {
                video: video.to_owned(),
                rendition: rendition.to_owned(),
                first: (no * WINDOW) as u64,
                segments: segments.to_vec(),
            };
            let message = window.message(&self.key);
            let signature = self.pair.sign(&message);
            let bytes = message.len() + signature.as_ref().len();
            let is_read = segments.iter().all(|segment| segment.bytes <= LONGEST_SEGMENT)
                && bytes as u64 <= WINDOW_BYTES;
            if !is_read {
                return None;
            }
            list.extend(message);
            list.extend(signature.as_ref());
        }
        Some(list)
    }
}

/// Whether a window was signed by the key that it names. Whether that key may sign is for the master to say.
pub fn is_genuine(signed: &Signed) -> bool {
    UnparsedPublicKey::new(&ED25519, signed.key).verify(&signed.message, &signed.signature).is_ok()
}

/// What one reading of a segment tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// For those who compare whole segments, as PeerTube's viewers do.
    pub sha256: [u8; 32],
    /// For lists.
    pub pieces: SegmentPieces,
}

/// Reads the next `length` bytes once through, and shows each piece of them.
///
/// # Errors
/// When they can't be read, or end before.
pub fn digest(
    file: &mut impl Read,
    length: u64,
    mut see: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Digests> {
    let (mut sha256, mut blake3) = (Sha256::new(), blake3::Hasher::new());
    let mut buffer = [0; PIECE as usize];
    let mut pieces: Vec<PieceDigest> = Vec::new();
    let mut left = length;
    while left > 0 {
        let piece = &mut buffer[..left.min(PIECE) as usize];
        file.read_exact(piece)?;
        sha256.update(&piece);
        blake3.update(piece);
        pieces.extend(blake3::hash(piece).as_bytes().first_chunk());
        see(piece)?;
        left -= piece.len() as u64;
    }
    let digest = blake3.finalize().into();
    let pieces = SegmentPieces { bytes: length, digest, pieces: pieces.into() };
    Ok(Digests { sha256: sha256.finalize().into(), pieces })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::new(&[7; 32], None)
    }

    fn digests(bytes: &[u8]) -> Digests {
        digest(&mut &bytes[..], bytes.len() as u64, |_| Ok(())).unwrap()
    }

    #[test]
    fn a_segment_is_digested_whole_and_by_pieces() {
        let bytes: Vec<u8> = (0..2 * PIECE + 5).map(|at| (at / 251) as u8).collect();
        let found = digests(&bytes);
        assert_eq!(found.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        assert_eq!(found.pieces.digest, *blake3::hash(&bytes).as_bytes());
        let parts: Vec<_> = bytes.chunks(PIECE as usize).map(blake3::hash).collect();
        assert_eq!(found.pieces.pieces.len(), 3);
        for (piece, part) in found.pieces.pieces.iter().zip(parts) {
            assert_eq!(piece, &part.as_bytes()[..16]);
        }
        assert!(digest(&mut &bytes[..], bytes.len() as u64 + 1, |_| Ok(())).is_err());
    }

    #[test]
    fn a_list_is_windows_that_its_signer_signed_and_no_other_bytes_are() {
        let segments: Vec<_> = (0..40).map(|no| digests(&[no; 100]).pieces).collect();
        let list = signer().list("a.g1", "g1-240.m3u8", &segments).unwrap();
        let windows = wire::pieces::Windows::of("a.g1", "g1-240.m3u8");
        let window = |no: usize| {
            let (start, bytes) = windows.range(no, segments.iter().map(|segment| segment.bytes));
            list[start as usize..(start + bytes) as usize].to_vec()
        };
        assert_eq!(list, [window(0), window(32)].concat());
        let second = Signed::parse(&window(39)).unwrap();
        assert!(is_genuine(&second) && second.key == *signer().key());
        assert_eq!((second.window.first, &second.window.segments[..]), (32, &segments[32..]));
        let mut forged = window(0);
        forged[100] ^= 1;
        assert!(!is_genuine(&Signed::parse(&forged).unwrap()));
        let other = Signer::new(&[8; 32], None);
        let renamed = Signed { key: *other.key(), ..second };
        assert!(!is_genuine(&renamed));
    }

    #[test]
    fn what_viewers_would_not_read_is_not_signed() {
        let long = |bytes| SegmentPieces { bytes, digest: [0; 32], pieces: Box::default() };
        assert!(signer().list("v", "r", &[long(LONGEST_SEGMENT)]).is_some());
        assert_eq!(signer().list("v", "r", &[long(LONGEST_SEGMENT + 1)]), None);
        let pieces = vec![[0; 16]; (WINDOW_BYTES / 16) as usize].into();
        assert_eq!(signer().list("v", "r", &[SegmentPieces { pieces, ..long(1) }]), None);
    }
}
