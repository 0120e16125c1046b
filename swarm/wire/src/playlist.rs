//! HLS playlists (RFC 8216): the master lists renditions, a media playlist lists one rendition's segments.
//!
//! The flow: the importer writes both ([`Master`] and [`Media`] display as the text of the file), the origin serves
//! them, the player reads them back. What the player reads may come from any server on the web.
//!
//! The reading is ours and not `hls_m3u8`'s, for the player's sake: that crate panics on a negative duration, counts
//! byte ranges in 32 bits in wasm, refuses versions from 8, and would add 37 KB to what every viewer downloads. It is the
//! second opinion instead: tests here compare the two, and the importer publishes nothing that it can't read.

mod master;
mod media;
mod scan;

use std::fmt;
use std::str::FromStr;

pub use master::{DIGESTS_ID, Master, Resolution, SIGNED_ID, Signature, Variant};
pub use media::{ByteRange, InitSection, Media, Segment};

/// Either kind of playlist, when only its text tells which it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Playlist {
    /// It lists renditions.
    Master(Master),
    /// It lists the segments of a lone rendition.
    Media(Media),
}

impl FromStr for Playlist {
    type Err = PlaylistError;

    fn from_str(text: &str) -> Result<Playlist, PlaylistError> {
        if scan::lines(text).any(|line| line.starts_with("#EXT-X-STREAM-INF")) {
            text.parse().map(Playlist::Master)
        } else {
            text.parse().map(Playlist::Media)
        }
    }
}

/// Why a text is no playlist that we can play. The blame is always the server's that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// It doesn't open with `#EXTM3U`: another kind of file altogether.
    #[error("not an HLS playlist: it does not begin with #EXTM3U")]
    NotAPlaylist,
    /// Longer than [`TEXT_LIMIT`] bytes.
    #[error("a playlist of {0} bytes is too long")]
    TooLong(usize),
    /// More than [`ENTRY_LIMIT`] renditions or segments.
    #[error("a playlist of more than {ENTRY_LIMIT} entries is too long")]
    TooManyEntries,
    /// A master without a rendition, or a finished media playlist without a segment.
    #[error("the playlist is empty")]
    Empty,
    /// A number or range that is missing, out of bounds, or no number.
    #[error("the playlist has an unreadable line: {0}")]
    Line(String),
    /// A tag that stands alone or is missing: in words.
    #[error("the playlist is malformed: {0}")]
    Malformed(&'static str),
}

impl PlaylistError {
    fn line(line: &str) -> PlaylistError {
        PlaylistError::Line(line.chars().take(80).collect())
    }
}

/// Bytes of playlist text that are read at all: a day of 4-second segments takes 2 MB.
pub const TEXT_LIMIT: usize = 4 << 20;

/// Renditions or segments that one playlist may list: a day of 2-second segments is 43,200.
pub const ENTRY_LIMIT: usize = 50_000;

/// Seconds as HLS writes them, with the six digits of microseconds.
struct Seconds(std::time::Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}
