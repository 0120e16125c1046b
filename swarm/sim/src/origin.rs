//! A server with one video, and the ways in which it fails.

use std::ops::Range;
use std::time::Duration;

use swarm::Failure;
use wire::digest::SegmentDigests;
use wire::playlist::{ByteRange, InitSection, Master, Media, Resolution, Segment, Variant};

/// A server with one VOD: every rendition one file, as Shoal's importer writes it.
#[derive(Clone, Debug)]
pub struct Origin {
    rates_bps: Vec<u64>,
    segments: usize,
    /// What goes wrong.
    pub faults: Vec<Fault>,
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
    Text(String),
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
        Origin { rates_bps: rates_bps.to_vec(), segments, faults: Vec::new() }
    }

    /// The same server with one more fault.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Origin {
        self.faults.push(fault);
        self
    }

    pub(crate) fn duration(&self) -> Duration {
        SEGMENT * u32::try_from(self.segments).unwrap_or(u32::MAX)
    }

    pub(crate) fn span(segment: usize) -> (Duration, Duration) {
        let start = SEGMENT * u32::try_from(segment).unwrap_or(u32::MAX);
        (start, start + SEGMENT)
    }

    /// Nothing comes out of it at this moment.
    pub(crate) fn is_away(&self, now: Duration) -> bool {
        self.faults.iter().any(|fault| matches!(fault, Fault::Away(when) if when.contains(&now)))
    }

    pub(crate) fn answer(
        &self,
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
        let answer = self.content(uri, range).ok_or(NOT_FOUND)?;
        self.faults.iter().find_map(|fault| fault.failure(&answer)).map_or(Ok(answer), Err)
    }

    pub(crate) fn is_broken(&self, rendition: usize, segment: usize) -> bool {
        self.faults.contains(&Fault::Broken { rendition, segment })
    }

    fn content(&self, uri: &str, range: Option<ByteRange>) -> Option<Answer> {
        if uri.ends_with(MASTER) {
            return Some(Answer::Text(self.master().to_string()));
        }
        if uri == DIGESTS {
            return Some(Answer::Text(self.digests().to_json()));
        }
        let rendition: usize = uri.split(['.', '-']).next()?.parse().ok()?;
        if uri.ends_with(".m3u8") {
            return Some(Answer::Text(self.media(rendition)?.to_string()));
        }
        let range = range?;
        if range.start == 0 {
            return Some(Answer::Init { rendition });
        }
        let end = range.start + range.length;
        let (segment, whole) =
            self.media(rendition)?.segments.iter().enumerate().find_map(|(no, segment)| {
                Some((no, segment.range.filter(|whole| range.start >= whole.start)?))
                    .filter(|(_, whole)| end <= whole.start + whole.length)
            })?;
        let start = range.start - whole.start;
        Some(Answer::Segment { rendition, segment, start, bytes: range.length })
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
        Master { variants: variants.collect(), digests: Some(DIGESTS.to_owned()) }
    }

    fn digests(&self) -> SegmentDigests {
        let mut digests = SegmentDigests::default();
        for rendition in 0..self.rates_bps.len() {
            let segments = self.media(rendition).map(|media| media.segments).unwrap_or_default();
            for (no, segment) in segments.into_iter().enumerate() {
                if let Some(range) = segment.range {
                    digests.insert(&segment.uri, range, digest(rendition, no));
                }
            }
        }
        digests
    }

    /// Bytes of a segment.
    pub(crate) fn length(&self, rendition: usize, segment: usize) -> Option<u64> {
        Some(self.media(rendition)?.segments.get(segment)?.range?.length)
    }

    /// Segments take nine tenths of the peak rate, less or more by a seventh in turn.
    fn media(&self, rendition: usize) -> Option<Media> {
        let mean = self.rates_bps.get(rendition)? / 8 * SEGMENT.as_secs() * 9 / 10;
        let file = format!("{rendition}-fragmented.mp4");
        let mut start = INIT_BYTES;
        let segments = (0..self.segments).map(|no| {
            let length = mean * [7, 6, 8, 7][no % 4] / 7;
            let range = Some(ByteRange { start, length });
            start += length;
            Segment { uri: file.clone(), duration: SEGMENT, range, sha256: None }
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

const NOT_FOUND: Failure = Failure::Status { code: 404, retry_after: None };

/// What stands for the digest of a segment.
pub(crate) fn digest(rendition: usize, segment: usize) -> [u8; 32] {
    let mut digest = [7; 32];
    (digest[0], digest[1], digest[2]) = (rendition as u8, segment as u8, (segment >> 8) as u8);
    digest
}

/// Where the digests lie.
const DIGESTS: &str = "segments-sha256.json";
/// Where the master lies.
pub(crate) const MASTER: &str = "master.m3u8";
/// Bytes of every initialisation section.
pub(crate) const INIT_BYTES: u64 = 1_300;
const SEGMENT: Duration = Duration::from_secs(4);
