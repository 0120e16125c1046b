//! For tests: an unsigned video of 40 segments, as imports made them before there were lists.

use std::time::Duration;

use wire::digest::SegmentDigests;
use wire::id::VideoId;
use wire::playlist::{ByteRange, Master, Media, Segment, Variant};

use super::digest;
use crate::library::{Access, Rendition, Video};

/// Its files by their names. The segment `no`, from 0, has 1000 + `no` bytes, each of them `no`.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let bytes: Vec<u8> = (0..40u8).flat_map(|no| vec![no; 1000 + usize::from(no)]).collect();
    let mut digests = SegmentDigests::default();
    let (mut segments, mut start) = (Vec::new(), 0);
    for no in 0..40 {
        let range = ByteRange { start, length: 1000 + no };
        let found = digest(&mut &bytes[start as usize..], range.length, |_| Ok(())).unwrap();
        digests.insert(MEDIA, range, found.sha256);
        let (uri, duration) = (MEDIA.to_owned(), Duration::from_secs(4));
        segments.push(Segment { uri, duration, range: Some(range), sha256: None, signed: None });
        start += range.length;
    }
    let media = Media {
        target_duration: Duration::from_secs(4),
        media_sequence: 0,
        init: None,
        segments,
        is_ended: true,
        is_encrypted: false,
    };
    let variant = Variant {
        uri: PLAYLIST.to_owned(),
        bandwidth_bps: 1,
        resolution: None,
        frame_rate: None,
        codecs: Vec::new(),
        video_range: None,
        has_separate_audio: false,
    };
    let named = Some(DIGESTS.to_owned());
    let master = Master { variants: vec![variant], digests: named, signed: None };
    vec![
        (MEDIA, bytes),
        (PLAYLIST, media.to_string().into()),
        (DIGESTS, digests.to_json().into()),
        (MASTER, master.to_string().into()),
    ]
}

/// Its record.
pub(crate) fn video(id: &VideoId) -> Video {
    let (playlist, media) = (PLAYLIST.to_owned(), MEDIA.to_owned());
    let rendition = Rendition { width: 426, height: 240, playlist, media, bytes: 40_780 };
    Video {
        id: id.to_string(),
        title: "t".to_owned(),
        channel: None,
        duration_ms: 160_000,
        published_at_ms: 1,
        master: MASTER.to_owned(),
        poster: "g1-poster.jpg".to_owned(),
        renditions: vec![rendition],
        storyboard: None,
        is_importing: false,
        access: Access::Open,
    }
}

const MEDIA: &str = "g1-240.mp4";
const PLAYLIST: &str = "g1-240.m3u8";
const DIGESTS: &str = "g1-sha256.json";
const MASTER: &str = "g1-master.m3u8";
