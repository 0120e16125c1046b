//! What the server serves: a video of two renditions with four segments each, or a live stream of one.

use std::ops::Range;
use std::time::Duration;

use wire::pieces::PIECE;
use wire::playlist::ByteRange;

/// Where the page says that the video is.
pub(crate) const URL: &str = "http://a/m.m3u8";

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

/// The right text at an address; a live playlist has moved on by so many segments.
pub(crate) fn text_at(uri: &str, is_live: bool, moved: u64) -> String {
    match uri.rsplit('/').next().unwrap_or(uri) {
        "m.m3u8" if is_live => LIVE_MASTER.to_owned(),
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
        let piece = |range: Range<u64>| hex(&digest(0, no, range)[..16]);
        let pieces = piece(0..PIECE) + &piece(PIECE..SEGMENT_BYTES);
        format!(
            "#EXTINF:4,\n#EXT-X-SHOAL-SEGMENT:BYTES={SEGMENT_BYTES},SHA256={sha256},PIECES={pieces}\n{no}.m4s\n"
        )
    };
    let segments: String = (first..first + SEGMENTS).map(segment).collect();
    format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-MAP:URI=\"init.mp4\"\n{segments}"
    )
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
