//! What a viewer calls itself to the tracker and to others: 20 bytes that begin with the name of its software.

use std::fmt;

/// By which name a viewer is in a swarm; one viewer may have several. Players use visible ASCII, other software any bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub [u8; 20]);

impl PeerId {
    /// A new id: `-PM0203-`, as stock peers of the family that we speak have it, and 12 letters and digits.
    ///
    /// One of each of the 12 bytes; that some letters then are a little likelier than others leaves 71 bits.
    pub fn from_random(bytes: [u8; 12]) -> PeerId {
        let mut id = *b"-PM0203-            ";
        for (character, byte) in id[8..].iter_mut().zip(bytes) {
            *character = ALPHABET[usize::from(byte) % ALPHABET.len()];
        }
        PeerId(id)
    }

    /// Which commands its software speaks, as far as the id tells. Ids are claims: nothing is trusted for them.
    pub fn family(&self) -> PeerFamily {
        let version = |digits: &[u8]| {
            digits.iter().try_fold(0, |number, digit| {
                digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
            })
        };
        match &self.0[..8] {
            [b'-', b'W', b'W', b'0', b'0', b'0', b'6', b'-'] => PeerFamily::Json,
            [b'-', b'P', b'M', digits @ .., b'-'] => match version(digits) {
                Some(100..=202) => PeerFamily::Position,
                Some(203..=499) => PeerFamily::Property,
                Some(500..=599) => PeerFamily::Manifest,
                _ => PeerFamily::Unknown,
            },
            _ => PeerFamily::Unknown,
        }
    }
}

/// The generations of p2p-media-loader, by how they name swarms; see [`crate::identity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerFamily {
    /// 0.6 and PeerTube's fork of it (`-WW0006-`): JSON, which we don't speak.
    Json,
    /// 1.x to 2.2.x (`-PM0100-` to `-PM0202-`): our commands, other swarms.
    Position,
    /// 2.3.x to 4.x (`-PM0203-` to `-PM0499-`), and ours.
    Property,
    /// 5.x (`-PM05xx-`): our commands, other swarms.
    Manifest,
    /// Other software.
    Unknown,
}

/// As text, with what isn't visible escaped.
impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_which_family_its_software_is_of() {
        #[track_caller]
        fn check(prefix: &str, wanted: PeerFamily) {
            let id = format!("{prefix}abcdefABCDEF").into_bytes().try_into().unwrap();
            assert_eq!(PeerId(id).family(), wanted);
        }
        check("-PM0203-", PeerFamily::Property);
        check("-PM0400-", PeerFamily::Property);
        check("-PM0202-", PeerFamily::Position);
        check("-PM0100-", PeerFamily::Position);
        check("-PM0500-", PeerFamily::Manifest);
        check("-PM0600-", PeerFamily::Unknown);
        check("-PM+203-", PeerFamily::Unknown);
        check("-PM02b3-", PeerFamily::Unknown);
        check("-WW0006-", PeerFamily::Json);
        check("-WW0117-", PeerFamily::Unknown);
        check("-qB4500-", PeerFamily::Unknown);
    }

    #[test]
    fn an_id_of_any_bytes_can_be_shown() {
        assert_eq!(
            PeerId(*b"-WW0117-\0\n\xff\"abcdefgh").to_string(),
            r#"-WW0117-\x00\n\xff\"abcdefgh"#
        );
    }

    proptest::proptest! {
        #[test]
        fn every_new_id_is_as_stock_peers_have_it(bytes: [u8; 12]) {
            let id = PeerId::from_random(bytes);
            assert_eq!(id.family(), PeerFamily::Property);
            assert!(id.0[8..].iter().all(u8::is_ascii_alphanumeric));
        }
    }
}
