//! Signed piece lists: what each piece of each segment of a rendition has to be, in the word of the video's own host.
//!
//! A list is made of *windows*, each of some segments that follow each other, each signed by itself:
//!
//! ```text
//! "SHOALPL2" │ key │ n video │ n rendition │ first │ count │ count × segment        │ signature
//!     8      │ 32  │ 1 + n   │   1 + n     │   8   │   2   │                        │    64
//!                                              segment: │ bytes │ digest │ pieces × 16 │
//!                                                       │   4   │   32   │             │
//! ```
//!
//! Numbers have the big end first. *key* is the Ed25519 key (RFC 8032) that signed all that comes before the signature. *video* is
//! the name that the master playlist gives in [`SIGNED_ID`](crate::playlist::SIGNED_ID), generation included; *rendition* is the
//! file name of the media playlist; *first* is the number of the first segment, as viewers count. So a segment that is right
//! elsewhere is wrong here. *digest* is the BLAKE3 of the segment, each piece's the first 16 bytes of the BLAKE3 of [`PIECE`]
//! bytes, or of what is left at the end.
//!
//! A finished video has a list beside each media playlist, called [`list_name`]: windows of [`WINDOW`] segments end to end, whose
//! lengths follow from the playlist ([`Windows`]), so that a viewer asks for the one it needs. A live playlist has a
//! window of one segment with each of its newest segments.

use crate::digest::hex;

/// The first half of the BLAKE3 of a piece. Who would give other bytes has to find some that have the same, of 2^128.
pub type PieceDigest = [u8; 16];

/// Bytes of a piece of a segment, but for its last one.
pub const PIECE: u64 = 32 << 10;

/// Segments in a window of a finished video, but for the last: two minutes, so that who leaves early has paid for little.
pub const WINDOW: usize = 32;

/// Bytes of a segment that a list can tell of.
pub const LONGEST_SEGMENT: u64 = u32::MAX as u64;

/// Bytes of a window that are read at all: 32 segments of 256 MiB take 4.2 MB.
pub const WINDOW_BYTES: u64 = 5 << 20;

/// An Ed25519 key that everybody may know.
pub type Key = [u8; 32];

/// Some segments that follow each other, and what they have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The video and its generation, as its master playlist names them; at most 255 bytes.
    pub video: String,
    /// The file name of the media playlist; at most 255 bytes.
    pub rendition: String,
    /// The number of the first segment: its place in the playlist from 0, or its media sequence number when live.
    pub first: u64,
    /// At most 65,535.
    pub segments: Vec<SegmentPieces>,
}

/// What a segment has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPieces {
    /// How long it is; at most [`LONGEST_SEGMENT`].
    pub bytes: u64,
    /// Its BLAKE3.
    pub digest: [u8; 32],
    /// Those of its pieces, one for each.
    pub pieces: Box<[PieceDigest]>,
}

/// A window as it came, which is worth nothing before its signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Who is said to have signed it.
    pub key: Key,
    /// All that was signed.
    pub message: Vec<u8>,
    /// Ed25519.
    pub signature: [u8; 64],
    /// What the message says.
    pub window: Window,
}

/// Why bytes are no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It ends before all that it should hold.
    #[error("the piece list is cut short")]
    CutShort,
    /// It doesn't begin as piece lists do, or says what can't be.
    #[error("the piece list can't be read")]
    Unreadable,
}

impl Window {
    /// What is signed: all but the signature.
    pub fn message(&self, key: &Key) -> Vec<u8> {
        let mut message = MAGIC.to_vec();
        message.extend(key);
        for name in [&self.video, &self.rendition] {
            let name = &name.as_bytes()[..name.len().min(255)];
            message.push(name.len() as u8);
            message.extend(name);
        }
        message.extend(self.first.to_be_bytes());
        message.extend((self.segments.len() as u16).to_be_bytes());
        for segment in &self.segments {
            message.extend((segment.bytes as u32).to_be_bytes());
            message.extend(segment.digest);
            segment.pieces.iter().for_each(|piece| message.extend(piece));
        }
        message
    }
}

impl Signed {
    /// Reads a window, and nothing after it.
    ///
    /// # Errors
    /// When it isn't one, as a whole and from the first byte to the last.
    pub fn parse(bytes: &[u8]) -> Result<Signed, ListError> {
        let mut rest = bytes;
        if take(&mut rest)? != *MAGIC {
            return Err(ListError::Unreadable);
        }
        let key = take(&mut rest)?;
        let (video, rendition) = (name(&mut rest)?, name(&mut rest)?);
        let first = u64::from_be_bytes(take(&mut rest)?);
        let count = u16::from_be_bytes(take(&mut rest)?);
        let segments = (0..count).map(|_| SegmentPieces::read(&mut rest));
        let segments = segments.collect::<Result<_, _>>()?;
        let message = bytes[..bytes.len() - rest.len()].to_vec();
        let signature = take(&mut rest)?;
        if !rest.is_empty() {
            return Err(ListError::Unreadable);
        }
        let window = Window { video, rendition, first, segments };
        Ok(Signed { key, message, signature, window })
    }
}

impl SegmentPieces {
    fn read(rest: &mut &[u8]) -> Result<SegmentPieces, ListError> {
        let bytes = u64::from(u32::from_be_bytes(take(rest)?));
        if bytes == 0 {
            return Err(ListError::Unreadable);
        }
        let digest = take(rest)?;
        // Not made room for before they are there: a stranger's count may be any.
        let pieces = (0..bytes.div_ceil(PIECE)).map(|_| take(rest));
        Ok(SegmentPieces { bytes, digest, pieces: pieces.collect::<Result<_, _>>()? })
    }
}

/// Where the windows of a finished video's rendition lie in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    /// Bytes of a window before its segments, and of the signature behind them.
    frame: u64,
}

impl Windows {
    /// Those of a rendition of a video, both by the names that the windows say.
    pub fn of(video: &str, rendition: &str) -> Windows {
        Windows { frame: (8 + 32 + 1 + video.len() + 1 + rendition.len() + 8 + 2 + 64) as u64 }
    }

    /// Where the window is that a segment is in, first byte and how many, of segments with these lengths.
    pub fn range(&self, no: usize, lengths: impl Iterator<Item = u64>) -> (u64, u64) {
        let (mut start, mut bytes) = (0, self.frame);
        for (at, length) in lengths.enumerate() {
            if at > 0 && at % WINDOW == 0 {
                if at > no {
                    break;
                }
                start += bytes;
                bytes = self.frame;
            }
            bytes = bytes.saturating_add(4 + 32 + length.div_ceil(PIECE).saturating_mul(16));
        }
        (start, bytes)
    }
}

/// What the list of a media playlist's rendition is called that this key signed: `g1-720.m3u8` has `g1-720-0a1b2c3d.pieces`.
pub fn list_name(playlist: &str, key: &Key) -> String {
    let stem = playlist.strip_suffix(".m3u8").unwrap_or(playlist);
    format!("{stem}-{}.pieces", key_id(key))
}

/// What people call a key, and lists: the first 8 of its hex digits.
pub fn key_id(key: &Key) -> String {
    hex(&key[..4])
}

fn name(rest: &mut &[u8]) -> Result<String, ListError> {
    let [length] = take(rest)?;
    let (name, after) = rest.split_at_checked(usize::from(length)).ok_or(ListError::CutShort)?;
    *rest = after;
    String::from_utf8(name.to_vec()).map_err(|_| ListError::Unreadable)
}

fn take<const BYTES: usize>(rest: &mut &[u8]) -> Result<[u8; BYTES], ListError> {
    let (taken, after) = rest.split_first_chunk().ok_or(ListError::CutShort)?;
    *rest = after;
    Ok(*taken)
}

/// What windows begin with: a signature over anything else is worth nothing here.
const MAGIC: &[u8; 8] = b"SHOALPL2";

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(bytes: u64) -> SegmentPieces {
        let pieces = (0..bytes.div_ceil(PIECE)).map(|no| [no as u8; 16]).collect();
        SegmentPieces { bytes, digest: [7; 32], pieces }
    }

    fn window(first: u64, lengths: &[u64]) -> Window {
        let segments = lengths.iter().map(|bytes| segment(*bytes)).collect();
        Window { video: "v.g1".into(), rendition: "g1-720.m3u8".into(), first, segments }
    }

    fn signed(window: &Window) -> Vec<u8> {
        [window.message(&[3; 32]), vec![9; 64]].concat()
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let window = window(64, &[1, PIECE, PIECE + 1, 5 * PIECE]);
        let read = Signed::parse(&signed(&window)).unwrap();
        assert_eq!((read.key, read.signature), ([3; 32], [9; 64]));
        assert_eq!(read.message, window.message(&[3; 32]));
        assert_eq!(read.window, window);
    }

    #[test]
    fn what_is_cut_short_anywhere_or_goes_on_is_no_window() {
        let whole = signed(&window(0, &[PIECE * 2, 9]));
        for end in 0..whole.len() {
            assert_eq!(Signed::parse(&whole[..end]), Err(ListError::CutShort), "{end}");
        }
        assert_eq!(Signed::parse(&[whole, vec![0]].concat()), Err(ListError::Unreadable));
    }

    #[test]
    fn other_bytes_are_no_window() {
        let whole = signed(&window(0, &[PIECE]));
        let with = |at: usize, byte: u8| {
            let mut other = whole.clone();
            other[at] = byte;
            Signed::parse(&other)
        };
        assert_eq!(with(7, b'1'), Err(ListError::Unreadable), "another version");
        assert_eq!(with(41, 0xff), Err(ListError::Unreadable), "a name that is no text");
        assert_eq!(Signed::parse(&signed(&window(0, &[0]))), Err(ListError::Unreadable));
    }

    #[test]
    fn windows_lie_where_the_playlist_says() {
        let lengths: Vec<u64> = (0..75).map(|no| 30_000 * (no + 1)).collect();
        let windows = Windows::of("v.g1", "g1-720.m3u8");
        let mut start = 0;
        for (no, part) in lengths.chunks(WINDOW).enumerate() {
            let bytes = signed(&window((no * WINDOW) as u64, part)).len() as u64;
            for no in [no * WINDOW, no * WINDOW + part.len() - 1] {
                assert_eq!(windows.range(no, lengths.iter().copied()), (start, bytes), "{no}");
            }
            start += bytes;
        }
    }

    #[test]
    fn a_list_is_called_after_its_playlist_and_key() {
        let key = std::array::from_fn(|at| at as u8 + 10);
        assert_eq!(list_name("g1-720.m3u8", &key), "g1-720-0a0b0c0d.pieces");
        assert_eq!(list_name("live", &key), "live-0a0b0c0d.pieces");
    }
}
