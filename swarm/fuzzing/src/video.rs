//! What the server serves: a video of two renditions with four segments each, whose pieces it signs or not, or a live stream of
//! one, whose pieces it signs.

use std::ops::Range;
use std::time::Duration;

use swarm::Span;
use wire::pieces::{Key, PIECE, SegmentPieces, Signed, Window};
use wire::playlist::{ByteRange, Signature};

/// What the master calls the video.
const VIDEO: &str = "v.g1";
const KEY: Key = [3; 32];
/// What stands for any signature of the server.
const SIGNATURE: [u8; 64] = [4; 64];
const LIVE: &str = "live.m3u8";

/// Where the page says that the video is.
pub(crate) const URL: &str = "http://a/m.m3u8";

/// What the files lie below on a mirror.
pub(crate) const MIRROR: &str = "http://mirror/v/";

/// Bytes of each segment.
pub(crate) const SEGMENT_BYTES: u64 = 90_000;

/// Playing time of each segment.
const SEGMENT_TIME: Duration = Duration::from_secs(4);

const INIT_BYTES: u64 = 9;

/// Segments of each rendition; of the live stream, how many its playlist lists.
pub(crate) const SEGMENTS: u64 = 4;

/// The first segment that the live playlist ever lists.
pub(crate) const FIRST: u64 = 17;

const MASTER: &str = "#EXTM3U\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"d.json\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\na.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=854x480,CODECS=\"avc1.64001f\"\nb.m3u8\n";

const LIVE_MASTER: &str = "#EXTM3U\n\
    #EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\nlive.m3u8\n";

/// Which video it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A finished one with digests of whole segments.
    #[default]
    Plain,
    /// The same with signed lists of pieces.
    Signed,
    Live,
}

/// The right text at an address; a live playlist has moved on by so many segments.
pub(crate) fn text_at(uri: &str, kind: Kind, moved: u64) -> String {
    match uri.rsplit('/').next().unwrap_or(uri) {
        "m.m3u8" if kind == Kind::Live => signed(LIVE_MASTER),
        "m.m3u8" if kind == Kind::Signed => signed(MASTER),
        "m.m3u8" => MASTER.to_owned(),
        "live.m3u8" => live(FIRST + moved),
        "a.m3u8" => media("a.mp4"),
        "b.m3u8" => media("b.mp4"),
        "d.json" => digests(),
        _ => String::new(),
    }
}

fn media(file: &str) -> String {
    let segments: String = (0..SEGMENTS)
        .map(|no| {
            let start = INIT_BYTES + no * SEGMENT_BYTES;
            format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{SEGMENT_BYTES}@{start}\n{file}\n")
        })
        .collect();
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"{file}\",BYTERANGE=\"{INIT_BYTES}@0\"\n{segments}#EXT-X-ENDLIST\n"
    )
}

fn live(first: u64) -> String {
    let segment = |no: u64| {
        let sha256 = hex(&digest(0, no, 0..SEGMENT_BYTES));
        let window = hex(&list(LIVE, 0, no, 1));
        format!(
            "#EXTINF:4,\n#EXT-X-SHOAL-SEGMENT:BYTES={SEGMENT_BYTES},SHA256={sha256},SIGNED={window}\n{no}.m4s\n"
        )
    };
    let segments: String = (first..first + SEGMENTS).map(segment).collect();
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-MAP:URI=\"init.mp4\"\n{segments}"
    )
}

/// The master of a video whose pieces are signed.
fn signed(master: &str) -> String {
    let signature = Signature { video: VIDEO.to_owned(), keys: vec![KEY] };
    let data = format!("#EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.signed\",VALUE=\"{signature}\"");
    master.replacen('\n', &format!("\n{data}\n"), 1)
}

/// The right part of a list of pieces; empty where there is none.
pub(crate) fn list_at(uri: &str, range: Option<ByteRange>) -> Vec<u8> {
    let name = uri.rsplit('/').next().unwrap_or(uri);
    let (playlist, rendition) = if name.starts_with('a') { ("a.m3u8", 0) } else { ("b.m3u8", 1) };
    let list = list(playlist, rendition, 0, SEGMENTS);
    let range = range.map_or(0..0, |range| range.start as usize..(range.last() + 1) as usize);
    list.get(range).unwrap_or_default().to_vec()
}

/// A window of so many segments from this one on, signed.
fn list(playlist: &str, rendition: u8, first: u64, count: u64) -> Vec<u8> {
    let message = window(playlist, rendition, first, count).message(&KEY);
    [message, SIGNATURE.to_vec()].concat()
}

fn window(playlist: &str, rendition: u8, first: u64, count: u64) -> Window {
    let segment = |no: u64| {
        let piece = |start: u64| {
            let digest = digest(rendition, no, start..(start + PIECE).min(SEGMENT_BYTES));
            std::array::from_fn(|byte| digest[byte])
        };
        let pieces = (0..SEGMENT_BYTES).step_by(PIECE as usize).map(piece).collect();
        let digest = digest(rendition, no, 0..SEGMENT_BYTES);
        SegmentPieces { bytes: SEGMENT_BYTES, digest, pieces }
    };
    let segments = (first..first + count).map(segment).collect();
    Window { video: VIDEO.to_owned(), rendition: playlist.to_owned(), first, segments }
}

/// What a driver says that honestly verifies a signature: only what the server signed has one.
pub(crate) fn is_signed(message: &[u8], signature: [u8; 64]) -> bool {
    let whole = [message, &signature[..]].concat();
    let Ok(Signed { window: told, .. }) = Signed::parse(&whole) else { return false };
    let right = match told.rendition.as_str() {
        LIVE => window(LIVE, 0, told.first, 1),
        "a.m3u8" => window("a.m3u8", 0, 0, SEGMENTS),
        _ => window("b.m3u8", 1, 0, SEGMENTS),
    };
    told == right && message == right.message(&KEY) && signature == SIGNATURE
}

fn digests() -> String {
    let file = |(rendition, name): (u8, &str)| {
        let entry = |no: u64| {
            let start = INIT_BYTES + no * SEGMENT_BYTES;
            let (last, sha256) =
                (start + SEGMENT_BYTES - 1, hex(&digest(rendition, no, 0..SEGMENT_BYTES)));
            format!("\"{start}-{last}\":\"{sha256}\"")
        };
        let entries: Vec<String> = (0..SEGMENTS).map(entry).collect();
        format!("\"{name}\":{{{}}}", entries.join(","))
    };
    let files = [(0, "a.mp4"), (1, "b.mp4")].map(file);
    format!("{{{}}}", files.join(","))
}

/// The rendition and the segment that are asked for by address and range; no segment where an initialisation section is.
pub(crate) fn segment_at(uri: &str, range: Option<ByteRange>) -> (u8, Option<u64>) {
    let name = uri.rsplit('/').next().unwrap_or(uri);
    if let Some(no) = name.strip_suffix(".m4s") {
        return (0, no.parse().ok());
    }
    let start = range.and_then(|range| range.start.checked_sub(INIT_BYTES));
    (u8::from(name == "b.mp4"), start.map(|start| start / SEGMENT_BYTES))
}

/// The segment of a video, not live, that plays from this moment on.
pub(crate) fn segment_of(start: Duration) -> u64 {
    start.as_millis() as u64 / SEGMENT_TIME.as_millis() as u64
}

/// When a segment of a video, not live, plays.
pub(crate) fn span_of(no: u64) -> Span {
    let start = SEGMENT_TIME.saturating_mul(u32::try_from(no).unwrap_or(u32::MAX));
    Span { start, end: start.saturating_add(SEGMENT_TIME) }
}

/// Where in its segment a byte of a file is.
pub(crate) fn offset_in_segment(uri: &str, at: u64) -> u64 {
    if uri.ends_with(".m4s") { at } else { at.saturating_sub(INIT_BYTES) % SEGMENT_BYTES }
}

/// What the server says that the digest of these bytes of a segment is.
pub(crate) fn digest(rendition: u8, no: u64, bytes: Range<u64>) -> [u8; 32] {
    let mut digest = [0x80 * rendition + 1 + no as u8 % 0x7f; 32];
    if bytes != (0..SEGMENT_BYTES) {
        (digest[1], digest[2]) = ((bytes.start >> 10) as u8, (bytes.end >> 10) as u8);
    }
    digest
}

/// Whether it is the digest of these bytes of this segment, of either rendition.
pub(crate) fn is_right(digest_told: [u8; 32], no: u64, bytes: Range<u64>) -> bool {
    [0, 1].into_iter().any(|rendition| digest(rendition, no, bytes.clone()) == digest_told)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
