//! A server with one video, and the ways in which it fails.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use swarm::Failure;
use wire::digest::SegmentDigests;
use wire::pieces::{Key, PIECE, SegmentPieces, WINDOW, Window};
use wire::playlist::{
    ByteRange, InitSection, Master, Media, Resolution, Segment, Signature, Variant,
};

/// A server with one video: a VOD of which every rendition is one file, as Shoal's importer writes it, or a live stream with a
/// file for each segment.
#[derive(Clone, Debug)]
pub struct Origin {
    rates_bps: Vec<u64>,
    segments: usize,
    live: Option<Live>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// The live playlist that was asked for last, by its newest segment and its rendition: thousands ask for the same.
    listed: Option<((usize, usize), Arc<str>)>,
}

/// A stream that goes on.
#[derive(Clone, Copy, Debug)]
struct Live {
    /// Of each segment.
    duration: Duration,
    /// Segments that the playlist lists.
    window: usize,
}

/// A way to fail.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// No answer at all within this stretch of time.
    Away(Range<Duration>),
    /// Within this stretch, status 503 and when to come back.
    Busy(Range<Duration>, Duration),
    /// A segment answers 404; in every rendition when none is named.
    Missing {
        /// Counted from the lowest bit rate.
        rendition: Option<usize>,
        /// Counted from the start.
        segment: usize,
    },
    /// Every segment of a rendition answers 500.
    Ill {
        /// Counted from the lowest bit rate.
        rendition: usize,
    },
    /// A rendition's playlist answers 500.
    Unlisted {
        /// Counted from the lowest bit rate.
        rendition: usize,
    },
    /// A rendition's initialisation section answers 404.
    Headless {
        /// Counted from the lowest bit rate.
        rendition: usize,
    },
    /// A segment's bytes don't decode.
    Broken {
        /// Counted from the lowest bit rate.
        rendition: usize,
        /// Counted from the start.
        segment: usize,
    },
}

/// What the server has at an address.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Text(Arc<str>),
    /// A window of a piece list.
    List(Vec<u8>),
    Init {
        rendition: usize,
    },
    /// So many bytes of a segment, from `start` on.
    Segment {
        rendition: usize,
        segment: usize,
        start: u64,
        bytes: u64,
    },
}

impl Origin {
    /// A video of that many 4-second segments, with one rendition for each bit rate.
    pub fn new(rates_bps: &[u64], segments: usize) -> Origin {
        Origin {
            rates_bps: rates_bps.to_vec(),
            segments,
            live: None,
            faults: Vec::new(),
            listed: None,
        }
    }

    /// A live stream of segments of this duration, of which the last `window` are listed. It has gone on for a while when the
    /// world begins.
    pub fn live(rates_bps: &[u64], duration: Duration, window: usize) -> Origin {
        let live = Some(Live { duration, window });
        Origin {
            rates_bps: rates_bps.to_vec(),
            segments: 0,
            live,
            faults: Vec::new(),
            listed: None,
        }
    }

    /// The last segment that is listed at this moment, of a live stream.
    pub fn newest(&self, now: Duration) -> Option<usize> {
        let live = self.live?;
        Some(FIRST_NUMBER + (now.as_nanos() / live.duration.as_nanos()) as usize - 1)
    }

    /// When a segment of a live stream is first listed.
    pub fn published_at(&self, no: usize) -> Option<Duration> {
        let past = u32::try_from((no + 1).saturating_sub(FIRST_NUMBER)).ok()?;
        self.live.map(|live| live.duration * past)
    }

    /// The same server with one more fault.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Origin {
        self.faults.push(fault);
        self
    }

    /// Where the video ends; never, of a live stream.
    pub(crate) fn duration(&self) -> Duration {
        if self.live.is_some() {
            return Duration::MAX;
        }
        SEGMENT * u32::try_from(self.segments).unwrap_or(u32::MAX)
    }

    /// How long a segment plays.
    pub(crate) fn segment(&self) -> Duration {
        self.live.map_or(SEGMENT, |live| live.duration)
    }

    /// Nothing comes out of it at this moment.
    pub(crate) fn is_away(&self, now: Duration) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Away(when) if when.contains(&now)))
    }

    pub(crate) fn answer(
        &mut self,
        now: Duration,
        uri: &str,
        range: Option<ByteRange>,
    ) -> Result<Answer, Failure> {
        if self.is_away(now) {
            return Err(Failure::Unreachable);
        }
        for fault in &self.faults {
            if let Fault::Busy(when, retry_after) = fault
                && when.contains(&now)
            {
                return Err(Failure::Status { code: 503, retry_after: Some(*retry_after) });
            }
        }
        if self.faults.iter().any(|fault| matches!(fault, Fault::Unlisted { rendition } if uri == format!("{rendition}.m3u8"))) {
            return Err(Failure::Status { code: 500, retry_after: None });
        }
        if range.is_some_and(|range| range.length == 0) {
            return Err(Failure::Status { code: 416, retry_after: None });
        }
        let answer = self.content(now, uri, range).ok_or(NOT_FOUND)?;
        self.faults.iter().find_map(|fault| fault.failure(&answer)).map_or(Ok(answer), Err)
    }

    pub(crate) fn is_broken(&self, rendition: usize, segment: usize) -> bool {
        self.faults.contains(&Fault::Broken { rendition, segment })
    }

    fn content(&mut self, now: Duration, uri: &str, range: Option<ByteRange>) -> Option<Answer> {
        if self.live.is_some() && !uri.ends_with(MASTER) {
            return self.live_content(now, uri, range);
        }
        if uri.ends_with(MASTER) {
            return Some(text(&self.master()));
        }
        if uri == DIGESTS {
            return Some(Answer::Text(self.digests().to_json().into()));
        }
        let rendition: usize = uri.split(['.', '-']).next()?.parse().ok()?;
        if uri.ends_with(".m3u8") {
            return Some(text(&self.media(rendition)?));
        }
        let range = range?;
        if uri.ends_with(".pieces") {
            let list = self.list(rendition);
            let within = range.start as usize..(range.start + range.length) as usize;
            return list.get(within).map(|window| Answer::List(window.to_vec()));
        }
        if range.start == 0 {
            return Some(Answer::Init { rendition });
        }
        let mut before = INIT_BYTES;
        let segment = (0..self.segments).find(|no| {
            let length = self.length(rendition, *no).unwrap_or(0);
            let is_it = range.start < before + length;
            before += if is_it { 0 } else { length };
            is_it
        })?;
        let start = range.start - before;
        let is_within = start + range.length <= self.length(rendition, segment)?;
        let bytes = range.length;
        is_within.then_some(Answer::Segment { rendition, segment, start, bytes })
    }

    fn live_content(
        &mut self,
        now: Duration,
        uri: &str,
        range: Option<ByteRange>,
    ) -> Option<Answer> {
        let rendition: usize = uri.split(['.', '-']).next()?.parse().ok()?;
        if uri.ends_with(".m3u8") {
            return Some(Answer::Text(self.live_text(now, rendition)?));
        }
        if uri.ends_with("-init.mp4") {
            return Some(Answer::Init { rendition });
        }
        let segment = uri.split(['.', '-']).nth(1)?.parse().ok()?;
        let length =
            self.length(rendition, segment).filter(|_| Some(segment) <= self.newest(now))?;
        let range = range.unwrap_or(ByteRange { start: 0, length });
        (range.start + range.length <= length).then_some(Answer::Segment {
            rendition,
            segment,
            start: range.start,
            bytes: range.length,
        })
    }

    fn live_text(&mut self, now: Duration, rendition: usize) -> Option<Arc<str>> {
        let key = (self.newest(now)?, rendition);
        if let Some((of, text)) = &self.listed
            && *of == key
        {
            return Some(text.clone());
        }
        let text: Arc<str> = self.live_media(now, rendition)?.to_string().into();
        self.listed = Some((key, text.clone()));
        Some(text)
    }

    fn live_media(&self, now: Duration, rendition: usize) -> Option<Media> {
        let (live, newest) = (self.live?, self.newest(now)?);
        let first = newest + 1 - live.window;
        let segments = (first..=newest).map(|no| {
            let range = self.length(rendition, no).map(|length| ByteRange { start: 0, length });
            let length = self.length(rendition, no).unwrap_or(0);
            let sha256 = Some(digest(rendition, no, 0..length, length));
            let is_new = no + PIECES_LISTED > newest;
            let signed = is_new.then(|| self.window(rendition, no..no + 1).into());
            let uri = format!("{rendition}-{no}.m4s");
            Segment { uri, duration: live.duration, range, sha256, signed }
        });
        Some(Media {
            target_duration: live.duration,
            media_sequence: first as u64,
            init: Some(InitSection { uri: format!("{rendition}-init.mp4"), range: None }),
            segments: segments.collect(),
            is_ended: false,
            is_encrypted: false,
        })
    }

    fn master(&self) -> Master {
        let variants = self.rates_bps.iter().enumerate().map(|(rendition, &bandwidth_bps)| {
            let height = 240 * (u32::try_from(rendition).unwrap_or(0) + 1);
            Variant {
                uri: format!("{rendition}.m3u8"),
                bandwidth_bps,
                resolution: Some(Resolution { width: height * 16 / 9, height }),
                frame_rate: None,
                codecs: vec!["avc1.64001f".to_owned(), "mp4a.40.2".to_owned()],
                video_range: None,
                has_separate_audio: false,
            }
        });
        let digests = self.live.is_none().then(|| DIGESTS.to_owned());
        let signed = Some(Signature { video: VIDEO.to_owned(), keys: vec![KEY] });
        Master { variants: variants.collect(), digests, signed }
    }

    /// What a rendition's segments with these numbers have to be, signed.
    fn window(&self, rendition: usize, numbers: Range<usize>) -> Vec<u8> {
        let segment = |no: usize| {
            let bytes = self.length(rendition, no)?;
            let piece = |start: u64| {
                let digest = digest(rendition, no, start..(start + PIECE).min(bytes), bytes);
                std::array::from_fn(|byte| digest[byte])
            };
            let pieces = (0..bytes).step_by(PIECE as usize).map(piece).collect();
            Some(SegmentPieces { bytes, digest: digest(rendition, no, 0..bytes, bytes), pieces })
        };
        let window = Window {
            video: VIDEO.to_owned(),
            rendition: format!("{rendition}.m3u8"),
            first: numbers.start as u64,
            segments: numbers.filter_map(segment).collect(),
        };
        [window.message(&KEY), SIGNATURE.to_vec()].concat()
    }

    fn list(&self, rendition: usize) -> Vec<u8> {
        let firsts = (0..self.segments).step_by(WINDOW);
        let windows =
            firsts.map(|first| self.window(rendition, first..(first + WINDOW).min(self.segments)));
        windows.collect::<Vec<_>>().concat()
    }

    fn digests(&self) -> SegmentDigests {
        let mut digests = SegmentDigests::default();
        for rendition in 0..self.rates_bps.len() {
            let segments = self.media(rendition).map(|media| media.segments).unwrap_or_default();
            for (no, segment) in segments.into_iter().enumerate() {
                if let Some(range) = segment.range {
                    let whole = 0..range.length;
                    digests.insert(&segment.uri, range, digest(rendition, no, whole, range.length));
                }
            }
        }
        digests
    }

    /// Bytes of a segment: nine tenths of the peak rate, less or more by a seventh in turn; of a live stream, all of it.
    pub fn length(&self, rendition: usize, no: usize) -> Option<u64> {
        let rate = self.rates_bps.get(rendition)? / 8;
        if let Some(live) = self.live {
            return Some(rate * live.duration.as_millis() as u64 / 1000);
        }
        let mean = rate * SEGMENT.as_secs() * 9 / 10;
        (no < self.segments).then(|| mean * [7, 6, 8, 7][no % 4] / 7)
    }

    fn media(&self, rendition: usize) -> Option<Media> {
        self.rates_bps.get(rendition)?;
        let file = format!("{rendition}-fragmented.mp4");
        let mut start = INIT_BYTES;
        let lengths = (0..self.segments).filter_map(|no| self.length(rendition, no));
        let segments = lengths.map(|length| {
            let range = Some(ByteRange { start, length });
            start += length;
            Segment { uri: file.clone(), duration: SEGMENT, range, sha256: None, signed: None }
        });
        let segments = segments.collect();
        let init = Some(InitSection {
            uri: file,
            range: Some(ByteRange { start: 0, length: INIT_BYTES }),
        });
        Some(Media {
            target_duration: SEGMENT,
            media_sequence: 0,
            init,
            segments,
            is_ended: true,
            is_encrypted: false,
        })
    }
}

impl Fault {
    /// How it spoils an answer, if it does.
    fn failure(&self, answer: &Answer) -> Option<Failure> {
        match (self, answer) {
            (
                Fault::Missing { rendition: of, segment: no },
                Answer::Segment { rendition, segment, .. },
            ) => (no == segment && of.is_none_or(|of| of == *rendition)).then_some(NOT_FOUND),
            (Fault::Ill { rendition: of }, Answer::Segment { rendition, .. }) => {
                (of == rendition).then_some(Failure::Status { code: 500, retry_after: None })
            }
            (Fault::Headless { rendition: of }, Answer::Init { rendition }) => {
                (of == rendition).then_some(NOT_FOUND)
            }
            _ => None,
        }
    }
}

fn text(of: &impl std::fmt::Display) -> Answer {
    Answer::Text(of.to_string().into())
}

const NOT_FOUND: Failure = Failure::Status { code: 404, retry_after: None };

/// What stands for the digest of bytes of a segment that has so many.
pub(crate) fn digest(rendition: usize, segment: usize, bytes: Range<u64>, whole: u64) -> [u8; 32] {
    let mut digest = [7; 32];
    (digest[0], digest[1], digest[2]) = (rendition as u8, segment as u8, (segment >> 8) as u8);
    if bytes != (0..whole) {
        digest[4..8].copy_from_slice(&(bytes.start as u32).to_le_bytes());
        digest[8..12].copy_from_slice(&(bytes.end as u32).to_le_bytes());
    }
    digest
}

/// Segments that a live playlist has lists with: viewers who begin are about so far behind.
const PIECES_LISTED: usize = 6;

/// The number of the segment that is published a segment's duration after the world began: a stream that goes on.
const FIRST_NUMBER: usize = 100;
/// What the master calls the video.
const VIDEO: &str = "video.g1";
/// Who signs.
const KEY: Key = [1; 32];
/// What stands for any signature of that key.
pub(crate) const SIGNATURE: [u8; 64] = [2; 64];
/// Where the digests lie.
const DIGESTS: &str = "segments-sha256.json";
/// Where the master lies.
pub(crate) const MASTER: &str = "master.m3u8";
/// Bytes of every initialisation section.
pub(crate) const INIT_BYTES: u64 = 1_300;
const SEGMENT: Duration = Duration::from_secs(4);
