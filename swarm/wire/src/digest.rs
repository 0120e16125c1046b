//! `segments-sha256.json` as PeerTube publishes it: the SHA-256 of every segment, by file name and byte range.
//!
//! The importer writes it beside the playlists; players and mirrors check segments that others gave them against it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::playlist::ByteRange;

/// The digests of all renditions of a video: file name → `first-last` → 64 lower-case hex digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SegmentDigests(BTreeMap<String, BTreeMap<String, String>>);

impl SegmentDigests {
    /// Notes the digest of one segment; one noted before for the same bytes is replaced.
    pub fn insert(&mut self, file: &str, range: ByteRange, sha256: [u8; 32]) {
        let hex = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.entry(file.to_owned()).or_default().insert(range.to_string(), hex);
    }

    /// The digest of one segment, or `None` if it isn't listed or isn't 64 hex digits.
    pub fn sha256(&self, file: &str, range: ByteRange) -> Option<[u8; 32]> {
        let hex = self.0.get(file)?.get(&range.to_string())?.as_bytes();
        let mut digest = [0; 32];
        if hex.len() != 2 * digest.len() {
            return None;
        }
        for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(digest)
    }

    /// How many segments are listed, over all files.
    pub fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// Nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the JSON file.
    ///
    /// # Errors
    /// When the text is not JSON of this shape.
    pub fn parse(text: &str) -> Result<SegmentDigests, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The JSON file.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps of strings are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEERTUBE: &str = include_str!("../fixtures/hls-segments-sha256.json");
    const FILE: &str = "c44bb2ea-251c-41b3-991e-821e3adce803-240-fragmented.mp4";

    #[test]
    fn peertubes_file_is_read_and_its_shape_kept() {
        let digests = SegmentDigests::parse(PEERTUBE).unwrap();
        let first = digests.sha256(FILE, ByteRange { start: 1357, length: 149_747 }).unwrap();
        assert_eq!(first[..4], [0xa1, 0x06, 0x3f, 0x40]);
        assert_eq!(SegmentDigests::parse(&digests.to_json()).unwrap(), digests);
        assert_eq!(digests.len(), 47);
    }

    #[test]
    fn what_is_not_listed_has_no_digest() {
        let digests = SegmentDigests::parse(r#"{"a.mp4":{"0-9":"zz","10-19":"é"}}"#).unwrap();
        assert_eq!(digests.sha256("a.mp4", ByteRange { start: 0, length: 10 }), None);
        assert_eq!(digests.sha256("a.mp4", ByteRange { start: 10, length: 10 }), None);
        assert_eq!(digests.sha256("b.mp4", ByteRange { start: 0, length: 10 }), None);
        assert!(SegmentDigests::parse("[]").is_err());
    }
}
