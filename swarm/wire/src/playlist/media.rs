//! The media playlist: which segments a rendition has, and where their bytes lie.

use std::fmt;
use std::iter;
use std::str::FromStr;
use std::time::Duration;

use crate::digest::{hex, read_hex};

use super::{ENTRY_LIMIT, PlaylistError, Seconds, scan};

/// A media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// No segment is longer than this, rounded to seconds.
    pub target_duration: Duration,
    /// The number of the first segment.
    pub media_sequence: u64,
    /// What a decoder needs before any segment; absent in MPEG-TS.
    pub init: Option<InitSection>,
    /// The segments in playing order.
    pub segments: Vec<Segment>,
    /// No segment will be added: a VOD, or a live stream that is over.
    pub is_ended: bool,
    /// Segments are encrypted, by whatever method.
    pub is_encrypted: bool,
}

/// The initialisation section of fragmented MP4: `ftyp` and `moov`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitSection {
    /// The file, relative to the playlist.
    pub uri: String,
    /// The part of the file; all of it when absent.
    pub range: Option<ByteRange>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The file, relative to the playlist.
    pub uri: String,
    /// How long it plays.
    pub duration: Duration,
    /// The part of the file; all of it when absent.
    pub range: Option<ByteRange>,
    /// The digest of these bytes, where the playlist tells it, as ours of live streams do: a list beside the playlist would
    /// have to be asked for with every segment.
    pub sha256: Option<[u8; 32]>,
    /// The [window](crate::pieces) of this segment alone, where the playlist tells it: so that each of its pieces can be passed on
    /// before the next has come, and whoever keeps the playlist for others needn't be believed.
    pub signed: Option<Box<[u8]>>,
}

/// `length` bytes of a file from byte `start` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteRange {
    /// Position of the first byte.
    pub start: u64,
    /// How many bytes; never 0 and never past 2^53 together with `start`.
    pub length: u64,
}

impl ByteRange {
    /// Position of the last byte.
    pub fn last(&self) -> u64 {
        self.start + self.length - 1
    }

    /// Reads HLS's `length[@start]`; without a start, the range follows the one that ended at `previous_end`.
    fn parse(text: &str, previous_end: u64) -> Option<ByteRange> {
        let (length, start) = match text.trim().split_once('@') {
            Some((length, start)) => (length, start.parse().ok()?),
            None => (text.trim(), previous_end),
        };
        let length: u64 = length.parse().ok()?;
        let end = length.checked_add(start)?;
        (length > 0 && end <= LARGEST_FILE).then_some(ByteRange { start, length })
    }
}

/// `first-last`, both included, as HTTP's `Range` and PeerTube's SHA-256 JSON write it.
impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.start, self.last())
    }
}

impl FromStr for Media {
    type Err = PlaylistError;

    fn from_str(text: &str) -> Result<Media, PlaylistError> {
        let mut reading = Reading::default();
        scan::lines(scan::body(text)?).try_for_each(|line| reading.line(line))?;
        reading.end()
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}",
            self.target_duration.as_secs()
        )?;
        writeln!(f, "#EXT-X-MEDIA-SEQUENCE:{}", self.media_sequence)?;
        if self.is_ended {
            writeln!(f, "#EXT-X-PLAYLIST-TYPE:VOD")?;
        }
        if let Some(init) = &self.init {
            write!(f, "#EXT-X-MAP:URI=\"{}\"", init.uri)?;
            if let Some(ByteRange { start, length }) = init.range {
                write!(f, ",BYTERANGE=\"{length}@{start}\"")?;
            }
            writeln!(f)?;
        }
        for segment in &self.segments {
            writeln!(f, "#EXTINF:{},", Seconds(segment.duration))?;
            if let (Some(sha256), Some(range)) = (&segment.sha256, segment.range) {
                let hex = hex(sha256);
                write!(f, "#EXT-X-SHOAL-SEGMENT:BYTES={},SHA256={hex}", range.length)?;
                if let Some(signed) = &segment.signed {
                    write!(f, ",SIGNED={}", self::hex(signed))?;
                }
                writeln!(f)?;
            } else if let Some(ByteRange { start, length }) = segment.range {
                writeln!(f, "#EXT-X-BYTERANGE:{length}@{start}")?;
            }
            writeln!(f, "{}", segment.uri)?;
        }
        if self.is_ended { writeln!(f, "#EXT-X-ENDLIST") } else { Ok(()) }
    }
}

/// A playlist while it is read, line by line.
#[derive(Default)]
struct Reading {
    target_duration: Option<Duration>,
    media_sequence: u64,
    init: Option<InitSection>,
    segments: Vec<Segment>,
    is_ended: bool,
    is_encrypted: bool,
    /// Of the segment whose address is still to come.
    duration: Option<Duration>,
    range: Option<ByteRange>,
    sha256: Option<[u8; 32]>,
    signed: Option<Box<[u8]>>,
    /// Where the last range ended.
    range_end: u64,
}

impl Reading {
    /// Takes in one line; tags that don't matter for playing are passed over, as RFC 8216 §6.3.1 asks.
    fn line(&mut self, line: &str) -> Result<(), PlaylistError> {
        if !line.starts_with('#') {
            return self.address(line);
        }
        let (tag, value) = line.split_once(':').unwrap_or((line, ""));
        let unreadable = || PlaylistError::line(line);
        match tag {
            "#EXTINF" => {
                self.duration =
                    Some(seconds(value.split(',').next().unwrap_or(value)).ok_or_else(unreadable)?)
            }
            "#EXT-X-BYTERANGE" => {
                let range = ByteRange::parse(value, self.range_end).ok_or_else(unreadable)?;
                self.range_end = range.start + range.length;
                self.range = Some(range);
            }
            "#EXT-X-SHOAL-SEGMENT" => {
                let (length, sha256) = whole_file(value).ok_or_else(unreadable)?;
                (self.range, self.sha256) = (Some(ByteRange { start: 0, length }), Some(sha256));
                self.signed = signed(value);
            }
            "#EXT-X-MAP" => self.take_init(InitSection::read(value).ok_or_else(unreadable)?)?,
            "#EXT-X-KEY" => self.is_encrypted |= scan::attribute(value, "METHOD") != Some("NONE"),
            "#EXT-X-TARGETDURATION" => {
                self.target_duration = Some(seconds(value).ok_or_else(unreadable)?)
            }
            "#EXT-X-MEDIA-SEQUENCE" => {
                self.media_sequence = value.trim().parse().map_err(|_| unreadable())?
            }
            "#EXT-X-ENDLIST" => self.is_ended = true,
            _ => {}
        }
        Ok(())
    }

    fn address(&mut self, uri: &str) -> Result<(), PlaylistError> {
        if self.segments.len() == ENTRY_LIMIT {
            return Err(PlaylistError::TooManyEntries);
        }
        let duration =
            self.duration.take().ok_or(PlaylistError::Malformed("a segment without duration"))?;
        let (range, sha256) = (self.range.take(), self.sha256.take());
        let signed = self.signed.take();
        self.segments.push(Segment { uri: uri.to_owned(), duration, range, sha256, signed });
        Ok(())
    }

    /// A second, different section would need a new decoder set-up in mid-play, which nothing of ours writes.
    fn take_init(&mut self, init: InitSection) -> Result<(), PlaylistError> {
        if self.init.as_ref().is_some_and(|known| *known != init) {
            return Err(PlaylistError::Malformed("more than one initialisation section"));
        }
        self.init = Some(init);
        Ok(())
    }

    fn end(self) -> Result<Media, PlaylistError> {
        let target_duration =
            self.target_duration.ok_or(PlaylistError::Malformed("no target duration"))?;
        if self.segments.is_empty() && self.is_ended {
            return Err(PlaylistError::Empty);
        }
        Ok(Media {
            target_duration,
            media_sequence: self.media_sequence,
            init: self.init,
            segments: self.segments,
            is_ended: self.is_ended,
            is_encrypted: self.is_encrypted,
        })
    }
}

impl InitSection {
    fn read(attributes: &str) -> Option<InitSection> {
        let range = match scan::attribute(attributes, "BYTERANGE") {
            Some(range) => Some(ByteRange::parse(range, 0)?),
            None => None,
        };
        Some(InitSection { uri: scan::attribute(attributes, "URI")?.to_owned(), range })
    }
}

/// The length and digest of a segment that is a file of its own: `BYTES=750000,SHA256=…`.
fn whole_file(attributes: &str) -> Option<(u64, [u8; 32])> {
    let length = scan::attribute(attributes, "BYTES")?.parse().ok()?;
    let sha256 = read_hex(scan::attribute(attributes, "SHA256")?.as_bytes())?;
    (0 < length && length <= LARGEST_FILE).then_some((length, sha256))
}

/// The window of a segment. What isn't hex digits is empty, and so no window.
fn signed(attributes: &str) -> Option<Box<[u8]>> {
    let digits = scan::attribute(attributes, "SIGNED")?.as_bytes();
    let bytes = digits.chunks(2).map(|pair| read_hex::<1>(pair).map(|[byte]| byte));
    Some(bytes.collect::<Option<_>>().unwrap_or_default())
}

/// Seconds with or without a fraction, from zero to [`LONGEST_SEGMENT`]; what a fraction has beyond nanoseconds is left out.
///
/// Read digit by digit: Rust's reader of `f64` and its table of powers would take 13 KB of what a viewer downloads.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(iter::repeat(b'0')).take(9);
    let nanos = digits.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    let whole = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse().ok()? };
    let duration = Duration::new(whole, nanos);
    (duration <= LONGEST_SEGMENT).then_some(duration)
}

/// The largest offset that JavaScript counts exactly, 2^53 - 1.
const LARGEST_FILE: u64 = (1 << 53) - 1;

/// An hour: no sane packager cuts longer segments, and the sum over all of a playlist stays far from overflow.
const LONGEST_SEGMENT: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    const PEERTUBE: &str = include_str!("../../fixtures/hls-media-240.m3u8");

    #[test]
    fn peertubes_playlist_is_read() {
        let media: Media = PEERTUBE.parse().unwrap();
        assert_eq!(media.init.as_ref().unwrap().range, Some(ByteRange { start: 0, length: 1357 }));
        assert_eq!(media.segments[1].range.unwrap().to_string(), "151104-308021");
        assert_eq!(media.segments[1].duration, Duration::from_secs(4));
        assert!(media.is_ended && !media.is_encrypted);
    }

    #[test]
    fn peertubes_playlist_is_written_line_for_line() {
        assert_eq!(PEERTUBE.parse::<Media>().unwrap().to_string(), PEERTUBE);
    }

    #[test]
    fn hls_m3u8_reads_what_is_written_as_we_do() {
        let ours: Media = PEERTUBE.parse().unwrap();
        let text = ours.to_string();
        let theirs = hls_m3u8::MediaPlaylist::try_from(text.as_str()).unwrap();
        let same = ours.segments.iter().zip(theirs.segments.values()).all(|(ours, theirs)| {
            let range =
                theirs.byte_range.map(|range| range.start().unwrap() as u64..range.end() as u64);
            *theirs.uri() == ours.uri.as_str()
                && theirs.duration.duration() == ours.duration
                && range == ours.range.map(|range| range.start..range.start + range.length)
        });
        assert!(
            same && theirs.segments.num_elements() == ours.segments.len() && theirs.has_end_list
        );
    }

    #[test]
    fn ranges_past_four_gibibytes_and_ranges_without_start_are_right() {
        let media: Media =
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n#EXT-X-BYTERANGE:10@5000000000\na\n\
                            #EXTINF:4,\n#EXT-X-BYTERANGE:7\na\n"
                .parse()
                .unwrap();
        assert_eq!(media.segments[1].range, Some(ByteRange { start: 5_000_000_010, length: 7 }));
        assert!(!media.is_ended);
    }

    #[test]
    fn a_newer_version_and_a_long_segment_do_not_matter() {
        let text = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=1\n\
                    #EXTINF:4.9,\na.ts\n#EXT-X-ENDLIST\n";
        assert_eq!(
            text.parse::<Media>().unwrap().segments[0].duration,
            Duration::from_millis(4900)
        );
    }

    #[test]
    fn a_live_playlist_tells_lengths_and_digests_of_its_files() {
        let digest = "01".repeat(32);
        let text = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:17\n\
             #EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.000000,\n#EXT-X-SHOAL-SEGMENT:BYTES=750000,SHA256={digest}\n17.m4s\n"
        );
        let media: Media = text.parse().unwrap();
        assert!(!media.is_ended && media.media_sequence == 17);
        let range = Some(ByteRange { start: 0, length: 750_000 });
        assert_eq!((media.segments[0].range, media.segments[0].sha256), (range, Some([1; 32])));
        assert_eq!(media.to_string(), text);
        let short = text.replace(&digest, "01");
        assert!(short.parse::<Media>().unwrap_err().to_string().contains("unreadable line"));
    }

    #[test]
    fn a_live_playlist_carries_a_window_with_a_segment_or_an_unreadable_one() {
        #[track_caller]
        fn check(signed: &str, wanted: Option<&[u8]>) {
            let text = format!(
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:4.000000,\n\
                 #EXT-X-SHOAL-SEGMENT:BYTES=9,SHA256={}{signed}\n1.m4s\n",
                "01".repeat(32)
            );
            let media: Media = text.parse().unwrap();
            assert_eq!(media.segments[0].signed.as_deref(), wanted);
            assert!(wanted.is_some_and(<[u8]>::is_empty) || media.to_string() == text);
        }
        check("", None);
        check(",SIGNED=0102ff", Some(&[1, 2, 255]));
        check(",SIGNED=01", Some(&[1]));
        check(",SIGNED=", Some(&[]));
        check(",SIGNED=é", Some(&[]));
        check(",SIGNED=010", Some(&[]));
    }

    #[test]
    fn durations_are_read_to_the_nanosecond() {
        #[track_caller]
        fn check(text: &str, nanos: u64) {
            assert_eq!(seconds(text), Some(Duration::from_nanos(nanos)), "{text:?}");
        }
        check("0", 0);
        check(" 4 ", 4_000_000_000);
        check("4.", 4_000_000_000);
        check("0.033367", 33_367_000);
        check(".5", 500_000_000);
        check("6.0000000019", 6_000_000_001);
        check("3600.000", 3_600_000_000_000);
        for text in
            ["", ".", "4.-1", "4.+1", "4.5.6", "-0.5", "3600.1", "18446744073709551616", "٤"]
        {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn encryption_is_noticed() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:4,\na.ts\n";
        assert!(text.parse::<Media>().unwrap().is_encrypted);
    }

    #[test]
    fn bad_playlists_are_named_not_panicked_on() {
        #[track_caller]
        fn check(lines: &str, wanted: &str) {
            let error =
                format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}").parse::<Media>().unwrap_err();
            assert!(error.to_string().contains(wanted), "{lines:?} gave {error}");
        }
        check("#EXT-X-ENDLIST", "empty");
        check("#EXTINF:-1,\na", "unreadable line: #EXTINF:-1,");
        check("#EXTINF:inf,\na", "unreadable line");
        check("#EXTINF:NaN,\na", "unreadable line");
        check("#EXTINF:1e300,\na", "unreadable line");
        check("a.mp4", "malformed");
        check("#EXTINF:4,\n#EXT-X-BYTERANGE:0@4\na", "unreadable line");
        check(
            "#EXTINF:4,\n#EXT-X-BYTERANGE:18446744073709551615@18446744073709551615\na",
            "unreadable line",
        );
        check(
            "#EXT-X-MAP:URI=\"a\"\n#EXTINF:4,\na\n#EXT-X-MAP:URI=\"b\"\n#EXTINF:4,\nb",
            "more than one",
        );
        check(&"#EXTINF:4,\na\n".repeat(ENTRY_LIMIT + 1), "more than 50000 entries");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(lines in proptest::collection::vec(hostile_line(), 0..12)) {
            let text = format!("#EXTM3U\n{}", lines.join("\n"));
            let _ = text.parse::<super::super::Playlist>();
        }

        #[test]
        fn perturbed_playlists_never_panic(at in 0..PEERTUBE.len(), byte: u8) {
            let mut bytes = PEERTUBE.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = String::from_utf8_lossy(&bytes).parse::<Media>();
        }
    }

    fn hostile_line() -> impl proptest::strategy::Strategy<Value = String> {
        proptest::string::string_regex(
            "(#EXT(INF|-X-(STREAM-INF|MEDIA|MAP|KEY|BYTERANGE|TARGETDURATION|MEDIA-SEQUENCE|START|DISCONTINUITY-SEQUENCE|PROGRAM-DATE-TIME|PLAYLIST-TYPE|SESSION-DATA|SHOAL-SEGMENT)):)?\
             (BANDWIDTH=|BYTES=|SHA256=|SIGNED=|URI=|METHOD=|TIME-OFFSET=|RESOLUTION=|FRAME-RATE=|TYPE=|CHANNELS=|IV=)?[\"0-9a-z.,x@=-]{0,12}\"?",
        )
        .unwrap()
    }
}
