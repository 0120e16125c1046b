//! Where a rendition's segments lie in playing time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use wire::pieces::PieceDigest;
use wire::playlist::{ByteRange, Media};

use crate::Time;
use crate::limits::{CUT_TOLERANCE, KEPT_SEGMENTS, LATEST};
use crate::message::Span;

/// A media playlist, laid out in time.
///
/// Segments are numbered as other viewers number them: by their place in the playlist, or by their media sequence number when
/// the stream is live.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// What the addresses are relative to.
    pub(crate) base: Arc<str>,
    pub(crate) init: Option<Place>,
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    first: usize,
    /// It was complete from the beginning: segments are numbered by their place in it.
    pub(crate) is_whole: bool,
    /// When more may be listed; `None` when the playlist is complete.
    pub(crate) live: Option<Live>,
}

/// A playlist that grows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    /// No segment is longer.
    pub(crate) target_duration: Duration,
    /// The next look is due then.
    pub(crate) due_at: Time,
    /// How often others had it looked at early since it listed something new.
    pub(crate) prompts: u32,
}

/// Where bytes are to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) uri: Arc<str>,
    pub(crate) range: Option<ByteRange>,
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) place: Place,
    pub(crate) span: Span,
    /// What its SHA-256 should be, if the playlist tells.
    pub(crate) sha256: Option<[u8; 32]>,
    /// A window of a piece list that came with it, and that nobody has looked at.
    pub(crate) signed: Option<Box<[u8]>>,
    /// What its BLAKE3 should be, if a list tells that was verified.
    pub(crate) blake3: Option<[u8; 32]>,
    /// The same of its pieces.
    pub(crate) pieces: Box<[PieceDigest]>,
    /// When the playlist was asked for that listed it first.
    pub(crate) listed_at: Time,
}

impl Timeline {
    /// That of a playlist which was asked for at `asked_at`. One that grows goes on where `other`, of another rendition, has the
    /// same number.
    pub(crate) fn new(
        url: &str,
        media: Media,
        asked_at: Time,
        other: Option<&Timeline>,
    ) -> Timeline {
        let init = media.init.as_ref();
        let init = init.map(|init| Place { uri: init.uri.as_str().into(), range: init.range });
        let is_whole = media.is_ended;
        let first = if is_whole { 0 } else { number(media.media_sequence) };
        let same = other.filter(|_| !media.is_ended).and_then(|other| other.slot(first));
        let start = same.map_or(Duration::ZERO, |slot| slot.span.start);
        let mut line = Timeline {
            base: url.into(),
            init,
            slots: VecDeque::new(),
            first,
            is_whole,
            live: None,
        };
        line.live = line.next_look(&media, asked_at, true);
        line.extend(media, 0, start, asked_at);
        line
    }

    /// Takes in the same playlist as it is now, and tells whether it has begun to count anew. One that is a little older than
    /// what is known changes nothing but the next look.
    pub(crate) fn update(&mut self, media: Media, asked_at: Time) -> bool {
        let (listed, known) = (number(media.media_sequence), self.end());
        let listed_end = listed.saturating_add(media.segments.len());
        let is_anew = listed_end <= self.first && !media.segments.is_empty();
        let is_new = listed_end > known || is_anew;
        self.live = self.next_look(&media, asked_at, is_new);
        if !is_new {
            return false;
        }
        let target = media.target_duration;
        let lost = u32::try_from(listed.saturating_sub(known)).unwrap_or(u32::MAX);
        let start = self.duration().saturating_add(target.saturating_mul(lost)).min(LATEST);
        if lost > 0 || is_anew {
            self.slots.clear();
            self.first = listed;
        }
        let from = if is_anew { 0 } else { known.saturating_sub(listed) };
        self.extend(media, from, start, asked_at);
        while self.slots.len() > KEPT_SEGMENTS && self.first < listed {
            self.slots.pop_front();
            self.first += 1;
        }
        is_anew
    }

    /// A target duration after a look that showed something new, half of one after another (RFC 8216 §6.3.4).
    fn next_look(&self, media: &Media, asked_at: Time, is_new: bool) -> Option<Live> {
        let target_duration = media.target_duration.max(SHORTEST_TARGET);
        let wait = if is_new { target_duration } else { target_duration / 2 };
        let before = self.live.filter(|_| !is_new).map_or(0, |live| live.prompts);
        let live = Live { target_duration, due_at: asked_at + wait, prompts: before };
        (!media.is_ended).then_some(live)
    }

    /// Lays out a playlist's segments from the one with this place in it on.
    fn extend(&mut self, media: Media, from: usize, start: Duration, listed_at: Time) {
        let mut end = start;
        self.slots.extend(media.segments.into_iter().skip(from).map(|segment| {
            let start = end;
            end = end.saturating_add(segment.duration).min(LATEST);
            Slot {
                place: Place { uri: segment.uri.into(), range: segment.range },
                span: Span { start, end },
                sha256: segment.sha256,
                signed: segment.signed,
                blake3: None,
                pieces: Box::default(),
                listed_at,
            }
        }));
    }

    /// A segment, unless nothing is known of it, or nothing any more.
    pub(crate) fn slot(&self, no: usize) -> Option<&Slot> {
        self.slots.get(no.checked_sub(self.first)?)
    }

    pub(crate) fn slot_mut(&mut self, no: usize) -> Option<&mut Slot> {
        self.slots.get_mut(no.checked_sub(self.first)?)
    }

    pub(crate) fn slots(&self) -> impl DoubleEndedIterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The windows that came with segments that play within this span, and those segments' numbers.
    pub(crate) fn take_signed(&mut self, span: Span) -> Vec<(usize, Box<[u8]>)> {
        let from = self.slots.partition_point(|slot| slot.span.end <= span.start);
        let soon = self.slots.iter_mut().enumerate().skip(from);
        let soon = soon.take_while(|(_, slot)| slot.span.start < span.end);
        soon.filter_map(|(at, slot)| Some((self.first + at, slot.signed.take()?))).collect()
    }

    /// The number of the first segment that is known.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// The number after that of the last segment.
    pub(crate) fn end(&self) -> usize {
        self.first + self.slots.len()
    }

    /// Where what is known begins.
    pub(crate) fn start(&self) -> Duration {
        self.slots.front().map_or(Duration::ZERO, |slot| slot.span.start)
    }

    /// Where what is known ends.
    pub(crate) fn duration(&self) -> Duration {
        self.slots.back().map_or(Duration::ZERO, |slot| slot.span.end)
    }

    /// The segment that plays on from `moment`; `None` past the end.
    pub(crate) fn segment_from(&self, moment: Duration) -> Option<usize> {
        let at = self.slots.partition_point(|Slot { span, .. }| {
            let tolerance = CUT_TOLERANCE.min(span.end.saturating_sub(span.start) / 2);
            span.end <= moment + tolerance
        });
        (at < self.slots.len()).then_some(self.first + at)
    }

    /// The beginning of a segment that lies about as far before the end. Between two, chance decides (`roll`, in `0.0..1.0`), so that
    /// in the mean it is as far as is wanted, and not all viewers need the same at once.
    pub(crate) fn start_before_end(&self, delay: Duration, roll: f64) -> Duration {
        let wanted = self.duration().saturating_sub(delay);
        let before = self.slots.iter().rev().find(|slot| slot.span.start <= wanted);
        let Some(span) = before.map(|slot| slot.span) else { return self.start() };
        let length = span.end.saturating_sub(span.start);
        let is_later = (wanted - span.start).as_secs_f64() > length.as_secs_f64() * roll;
        if is_later { span.end } else { span.start }
    }
}

/// A segment's number as it is counted here. Nobody numbers past what 32 bits hold but by accident or malice, and then several
/// segments share the last number.
fn number(sequence: u64) -> usize {
    usize::try_from(sequence.min(u64::from(u32::MAX) / 2)).unwrap_or(0)
}

/// The last part of an address, without its query.
pub(crate) fn file_name(uri: &str) -> &str {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    path.rsplit('/').next().unwrap_or(path)
}

impl Slot {
    /// How many bytes it has, if the playlist tells.
    pub(crate) fn bytes(&self) -> Option<u64> {
        self.place.range.map(|range| range.length)
    }
}

/// A playlist that says less isn't asked for more often.
const SHORTEST_TARGET: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(lines: &str) -> Timeline {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{lines}#EXT-X-ENDLIST\n");
        Timeline::new("http://a/b.m3u8", text.parse().unwrap(), Time::default(), None)
    }

    /// Segments of 4 s with the numbers from `first` on.
    fn live(first: usize, count: usize) -> Media {
        let segments: String =
            (first..first + count).map(|no| format!("#EXTINF:4,\n{no}\n")).collect();
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:";
        format!("{head}{first}\n{segments}").parse().unwrap()
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_segment_after_a_cut_is_found_although_cuts_differ_by_a_frame() {
        let timeline = ended("#EXTINF:4,\na\n#EXTINF:4,\nb\n#EXTINF:1,\nc\n");
        let check = |millis, wanted| {
            assert_eq!(timeline.segment_from(Duration::from_millis(millis)), wanted, "{millis}");
        };
        check(0, Some(0));
        check(3_800, Some(0));
        check(3_960, Some(1));
        check(4_040, Some(1));
        check(8_500, Some(2));
        check(8_950, None);
        check(60_000, None);
        assert_eq!(timeline.duration(), s(9));
    }

    #[test]
    fn a_file_is_known_by_its_name_wherever_it_lies() {
        assert_eq!(file_name("g1-240-fragmented.mp4"), "g1-240-fragmented.mp4");
        assert_eq!(file_name("https://mirror.example/hls/a.mp4?token=/x"), "a.mp4");
    }

    #[test]
    fn a_segment_shorter_than_the_tolerance_is_a_segment_too() {
        let timeline = ended("#EXTINF:0.04,\na\n");
        assert_eq!(timeline.segment_from(Duration::ZERO), Some(0));
        assert_eq!(timeline.segment_from(Duration::from_millis(40)), None);
    }

    #[test]
    fn a_playlist_that_grows_goes_on_where_it_was() {
        let mut line = Timeline::new("http://a/b.m3u8", live(100, 3), Time::at(s(1)), None);
        assert_eq!((line.first(), line.end(), line.duration()), (100, 103, s(12)));
        assert_eq!(line.live.unwrap().due_at, Time::at(s(5)));
        line.update(live(102, 3), Time::at(s(5)));
        assert_eq!((line.end(), line.duration()), (105, s(20)));
        assert_eq!(line.slot(104).unwrap().span, Span { start: s(16), end: s(20) });
        line.update(live(101, 3), Time::at(s(9)));
        assert_eq!(line.live.unwrap().due_at, Time::at(s(11)), "nothing new: half as long");
        assert_eq!(line.end(), 105, "what a cache says late changes nothing");
        line.update(live(107, 1), Time::at(s(20)));
        assert_eq!(line.slot(107).unwrap().span.start, s(28), "what was missed takes its time");
        assert!(line.slot(104).is_none());
    }

    #[test]
    fn renditions_of_a_live_stream_agree_by_their_numbers() {
        let one = Timeline::new("http://a/1.m3u8", live(100, 5), Time::default(), None);
        let two = Timeline::new("http://a/2.m3u8", live(103, 5), Time::default(), Some(&one));
        assert_eq!(two.slot(103).unwrap().span.start, s(12));
    }

    #[test]
    fn playback_starts_at_the_segment_about_as_far_from_the_end_as_is_wanted() {
        let line = Timeline::new("http://a/1.m3u8", live(0, 5), Time::default(), None);
        assert_eq!(line.start_before_end(s(12), 0.0), s(8));
        assert_eq!(line.start_before_end(s(9), 0.7), s(12));
        assert_eq!(line.start_before_end(s(9), 0.8), s(8));
        assert_eq!(line.start_before_end(s(99), 0.5), Duration::ZERO);
    }

    #[test]
    fn a_stream_of_days_keeps_no_more_than_it_lists() {
        let mut line = Timeline::new("http://a/1.m3u8", live(0, 5), Time::default(), None);
        (1..2000).for_each(|no| assert!(!line.update(live(no, 5), Time::default())));
        assert_eq!(line.end(), 2004);
        assert!(line.slots.len() <= KEPT_SEGMENTS);
        line.update(live(usize::MAX / 2, 5), Time::default());
        assert!(line.slots.len() <= 5);
    }

    #[test]
    fn a_stream_that_is_started_anew_counts_anew() {
        let mut line = Timeline::new("http://a/1.m3u8", live(900, 5), Time::default(), None);
        assert!(line.update(live(0, 2), Time::default()));
        assert_eq!((line.first(), line.end(), line.start()), (0, 2, s(20)));
    }
}
