//! `segments-sha256.json` as PeerTube publishes it: the SHA-256 of every segment, by file name and byte range.
//!
//! The importer writes it beside the playlists; players and mirrors check segments that others gave them against it. Its JSON
//! is of one shape only, two objects deep and without escapes, and is read by hand: a reader of all JSON would take 9 KB of
//! what a player downloads, and the text forms of digests three times the memory of digests.

use crate::playlist::{ByteRange, TEXT_LIMIT};

/// The digests of all renditions of a video: file name → `first-last` → 64 lower-case hex digits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentDigests(Vec<(String, Vec<Entry>)>);

/// A byte range, and the digest of what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    first: u64,
    last: u64,
    sha256: [u8; 32],
}

/// Why a text is no list of digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DigestsError {
    /// Another shape than the list's, at this byte.
    #[error("the list of digests can't be read from byte {0} on")]
    Shape(usize),
    /// More than [`TEXT_LIMIT`].
    #[error("a list of digests of {0} bytes is too long")]
    TooLong(usize),
}

impl SegmentDigests {
    /// Notes the digest of one segment; one noted before for the same bytes is replaced.
    pub fn insert(&mut self, file: &str, range: ByteRange, sha256: [u8; 32]) {
        let new = Entry { first: range.start, last: range.last(), sha256 };
        let entries = self.entries_of(file);
        match entries.iter_mut().find(|entry| (entry.first, entry.last) == (new.first, new.last)) {
            Some(entry) => *entry = new,
            None => entries.push(new),
        }
    }

    fn entries_of(&mut self, file: &str) -> &mut Vec<Entry> {
        let at = self.0.iter().position(|(name, _)| name == file).unwrap_or_else(|| {
            self.0.push((file.to_owned(), Vec::new()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    /// The digest of one segment, or `None` if it isn't listed or isn't 64 hex digits.
    pub fn sha256(&self, file: &str, range: ByteRange) -> Option<[u8; 32]> {
        let entries =
            self.0.iter().filter(|(name, _)| name == file).flat_map(|(_, entries)| entries);
        let is_it = |entry: &&Entry| (entry.first, entry.last) == (range.start, range.last());
        entries.into_iter().find(is_it).map(|entry| entry.sha256)
    }

    /// All that is listed of one file, in the list's order. [`SegmentDigests::sha256`] looks through all for each.
    pub fn of_file(&self, file: &str) -> impl Iterator<Item = (ByteRange, [u8; 32])> {
        let entries = self.0.iter().filter(move |(name, _)| name == file).flat_map(|(_, all)| all);
        entries.map(|entry| {
            let range = ByteRange {
                start: entry.first,
                length: (entry.last - entry.first).saturating_add(1),
            };
            (range, entry.sha256)
        })
    }

    /// How many segments are listed, over all files.
    pub fn len(&self) -> usize {
        self.0.iter().map(|(_, entries)| entries.len()).sum()
    }

    /// Nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the JSON file. What is no range or no digest is left out, and so is a file with one digest for all of it, as
    /// live streams have them.
    ///
    /// # Errors
    /// When the text is not JSON of this shape.
    pub fn parse(text: &str) -> Result<SegmentDigests, DigestsError> {
        if text.len() > TEXT_LIMIT {
            return Err(DigestsError::TooLong(text.len()));
        }
        let mut digests = SegmentDigests::default();
        let mut reader = Reader { text, at: 0 };
        reader.object(|reader, file| {
            if reader.next() == Some(b'"') {
                return reader.string().map(drop);
            }
            let mut entries = Vec::new();
            reader.object(|reader, range| {
                let hex = reader.string()?;
                entries.extend(Entry::read(range, hex));
                Ok(())
            })?;
            // Not looked for among those before: each would be compared with all, and a stranger's list may be long.
            if !entries.is_empty() {
                digests.0.push((file.to_owned(), entries));
            }
            Ok(())
        })?;
        match reader.next() {
            None => Ok(digests),
            Some(_) => Err(reader.error()),
        }
    }

    /// The JSON file.
    pub fn to_json(&self) -> String {
        let files = self.0.iter().map(|(file, entries)| {
            let entries: Vec<String> = entries.iter().map(Entry::json).collect();
            format!("{}:{{{}}}", serde_json::Value::from(file.as_str()), entries.join(","))
        });
        format!("{{{}}}", files.collect::<Vec<_>>().join(","))
    }
}

impl Entry {
    fn read(range: &str, hex: &str) -> Option<Entry> {
        let (first, last) = range.split_once('-')?;
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        let sha256 = read_hex(hex.as_bytes())?;
        (first <= last).then_some(Entry { first, last, sha256 })
    }

    fn json(&self) -> String {
        format!("\"{}-{}\":\"{}\"", self.first, self.last, hex(&self.sha256))
    }
}

/// A digest in hex digits, two a byte.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest that hex digits write, two a byte.
pub(crate) fn read_hex<const BYTES: usize>(hex: &[u8]) -> Option<[u8; BYTES]> {
    let mut digest = [0; BYTES];
    if hex.len() != 2 * BYTES {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// What is left of the text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads an object, whose values `value` reads.
    fn object(
        &mut self,
        mut value: impl FnMut(&mut Reader<'a>, &'a str) -> Result<(), DigestsError>,
    ) -> Result<(), DigestsError> {
        self.expect(b'{')?;
        if self.next() == Some(b'}') {
            return self.expect(b'}');
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            value(self, key)?;
            if self.next() != Some(b',') {
                return self.expect(b'}');
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<&'a str, DigestsError> {
        self.expect(b'"')?;
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        let end = end.filter(|end| rest.as_bytes()[*end] == b'"').ok_or_else(|| self.error())?;
        self.at += end + 1;
        rest.get(..end).ok_or_else(|| self.error())
    }

    fn expect(&mut self, wanted: u8) -> Result<(), DigestsError> {
        if self.next() != Some(wanted) {
            return Err(self.error());
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    fn error(&self) -> DigestsError {
        DigestsError::Shape(self.at)
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
        let written: serde_json::Value = serde_json::from_str(&digests.to_json()).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(PEERTUBE).unwrap());
        assert_eq!(SegmentDigests::parse(&digests.to_json()).unwrap(), digests);
        assert_eq!(digests.len(), 47);
    }

    #[test]
    fn a_list_of_as_many_files_as_there_is_room_for_is_read_in_one_go() {
        let files: String = (0..300_000).map(|no| format!("\"{no}\":{{}},")).collect();
        let hex = "01".repeat(32);
        let text = format!("{{{files}\"a\":{{\"0-9\":\"{hex}\"}},\"a\":{{\"10-19\":\"{hex}\"}}}}");
        let digests = SegmentDigests::parse(&text).unwrap();
        let has = |start| digests.sha256("a", ByteRange { start, length: 10 }).is_some();
        assert!(has(0) && has(10) && !has(20));
    }

    #[test]
    fn what_is_not_listed_has_no_digest() {
        let text = r#" { "a.mp4" : {"0-9":"zz", "10-19":"é"} , "live.ts":"00", "c.mp4":{} } "#;
        let digests = SegmentDigests::parse(text).unwrap();
        assert_eq!(digests.sha256("a.mp4", ByteRange { start: 0, length: 10 }), None);
        assert_eq!(digests.sha256("a.mp4", ByteRange { start: 10, length: 10 }), None);
        assert_eq!(digests.sha256("b.mp4", ByteRange { start: 0, length: 10 }), None);
    }

    #[test]
    fn a_digest_for_the_same_bytes_replaces_the_one_before() {
        let mut digests = SegmentDigests::default();
        let range = ByteRange { start: 5, length: 5 };
        digests.insert("a", range, [1; 32]);
        digests.insert("a", range, [2; 32]);
        assert_eq!((digests.len(), digests.sha256("a", range)), (1, Some([2; 32])));
    }

    #[test]
    fn other_shapes_are_named_not_panicked_on() {
        #[track_caller]
        fn check(text: &str, at: usize) {
            assert_eq!(SegmentDigests::parse(text), Err(DigestsError::Shape(at)), "{text}");
        }
        check("", 0);
        check("[]", 0);
        check("{\"a\"}", 4);
        check("{\"a\":1}", 5);
        check("{\"a\":{\"0-9\":[]}}", 12);
        check("{\"a\\n\":{}}", 2);
        check("{\"a\":{},}", 8);
        check("{}{", 2);
        check("{\"é", 2);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text: String, cut in 0..400usize) {
            let _ = SegmentDigests::parse(&text);
            let shorter: String = PEERTUBE.chars().take(cut).collect();
            proptest::prop_assert!(SegmentDigests::parse(&shorter).is_err());
        }
    }
}
