//! The segments of the playlist, and where they lie in time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use swarm::{Span, Time};
use wire::peer::Segment;
use wire::playlist::{ByteRange, Media};

/// The segments that are known. Numbered by media sequence when live, from 0 else; time 0 is the beginning of the first that this
/// page ever saw.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) base: Arc<str>,
    first: Segment,
    slots: VecDeque<Slot>,
    live: Option<Live>,
}

/// One segment.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) span: Span,
    pub(super) uri: Arc<str>,
    pub(super) range: Option<ByteRange>,
}

#[derive(Clone, Copy, Debug)]
struct Live {
    target: Duration,
    due_at: Time,
}

impl Track {
    /// Takes in the playlist as it was asked for at `asked_at`, and tells whether it brought something.
    pub(super) fn update(&mut self, base: &str, media: Media, asked_at: Time) -> bool {
        let is_first = self.slots.is_empty();
        if is_first {
            (self.base, self.first) =
                (base.into(), if media.is_ended { 0 } else { media.media_sequence });
        }
        let listed = if media.is_ended && is_first { 0 } else { media.media_sequence };
        let (known, target) = (self.end(), media.target_duration);
        let is_new = listed + media.segments.len() as u64 > known;
        let wait = if is_new { target } else { target / 2 };
        self.live = (!media.is_ended).then(|| Live { target, due_at: asked_at + wait });
        if is_new {
            self.extend(media, listed, known);
        }
        is_new
    }

    fn extend(&mut self, media: Media, listed: Segment, known: Segment) {
        let lost = listed.saturating_sub(known);
        let mut end = self.end_time() + media.target_duration * lost as u32;
        if lost > 0 && !self.slots.is_empty() {
            self.slots.clear();
            self.first = listed;
        }
        let fresh = media.segments.into_iter().skip(known.saturating_sub(listed) as usize);
        self.slots.extend(fresh.map(|segment| {
            let span = Span { start: end, end: end + segment.duration };
            end = span.end;
            Slot { span, uri: segment.uri.into(), range: segment.range }
        }));
        while self.live.is_some() && self.slots.len() > KEPT && self.first < listed {
            self.slots.pop_front();
            self.first += 1;
        }
    }

    pub(super) fn slot(&self, no: Segment) -> Option<&Slot> {
        self.slots.get(usize::try_from(no.checked_sub(self.first)?).ok()?)
    }

    /// The number after that of the last.
    pub(super) fn end(&self) -> Segment {
        self.first + self.slots.len() as u64
    }

    /// Where what is known ends.
    pub(super) fn end_time(&self) -> Duration {
        self.slots.back().map_or(Duration::ZERO, |slot| slot.span.end)
    }

    /// The segment that plays at this moment, or the first or last one.
    pub(super) fn segment_at(&self, moment: Duration) -> Segment {
        let before = self.slots.partition_point(|slot| slot.span.end <= moment);
        self.first + before.min(self.slots.len().saturating_sub(1)) as u64
    }

    /// The beginning of a segment that lies about as far before the end.
    pub(super) fn start_before_end(&self, delay: Duration) -> Duration {
        let wanted = self.end_time().saturating_sub(delay);
        let starts = self.slots.iter().map(|slot| slot.span.start);
        starts.min_by_key(|start| start.abs_diff(wanted)).unwrap_or_default()
    }

    pub(super) fn is_known(&self) -> bool {
        !self.slots.is_empty()
    }

    pub(super) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// When a live playlist is looked at again.
    pub(super) fn due_at(&self) -> Option<Time> {
        self.live.map(|live| live.due_at)
    }

    /// No segment plays longer, as a live playlist says; of others, as the first does.
    pub(super) fn target(&self) -> Duration {
        let first = self.slots.front().map(|slot| slot.span.end - slot.span.start);
        self.live.map(|live| live.target).or(first).unwrap_or_default()
    }
}

/// Segments of a live stream that are remembered.
const KEPT: usize = 60;
