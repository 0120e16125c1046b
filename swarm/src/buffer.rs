//! What the media element holds, as the engine gave it and as the element says.

use std::time::Duration;

use crate::limits::CUT_TOLERANCE;
use crate::message::Span;

/// The segments in the media element, by time.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    held: Vec<Held>,
}

/// One appended segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) span: Span,
    pub(crate) rendition: usize,
    pub(crate) bytes: u64,
    /// The element has shown it in its buffered ranges.
    pub(crate) was_seen: bool,
}

impl Buffer {
    /// Notes an append; what it covers was replaced by it.
    pub(crate) fn insert(&mut self, new: Held) {
        self.held.retain(|old| {
            midpoint(old.span) < new.span.start || midpoint(old.span) >= new.span.end
        });
        let at = self.held.partition_point(|old| old.span.start < new.span.start);
        self.held.insert(at, new);
    }

    /// Forgets what lies in a stretch.
    pub(crate) fn remove(&mut self, span: Span) {
        self.held
            .retain(|held| midpoint(held.span) < span.start || midpoint(held.span) >= span.end);
    }

    /// Forgets what the media element had and let go by itself.
    ///
    /// What it never showed stays: a last segment may hold less than its duration says, and must not be fetched again
    /// and again.
    pub(crate) fn keep_only(&mut self, buffered: &[Span]) {
        self.held.retain_mut(|held| {
            let is_there = buffered.iter().any(|span| contains(*span, midpoint(held.span)));
            let was_there = std::mem::replace(&mut held.was_seen, is_there);
            is_there || !was_there
        });
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    /// Where the media that is held without a gap from `moment` on ends; `moment` itself if none is.
    pub(crate) fn end_from(&self, moment: Duration) -> Duration {
        self.held.iter().fold(moment, |end, held| {
            if held.span.start <= end + CUT_TOLERANCE { end.max(held.span.end) } else { end }
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.held.iter().map(|held| held.bytes).sum()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Held> {
        self.held.iter()
    }
}

pub(crate) fn contains(span: Span, moment: Duration) -> bool {
    span.start <= moment && moment < span.end
}

fn midpoint(span: Span) -> Duration {
    span.start + span.end.saturating_sub(span.start) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span { start: Duration::from_secs(start), end: Duration::from_secs(end) }
    }

    fn buffer(spans: &[(u64, u64)]) -> Buffer {
        let mut buffer = Buffer::default();
        for &(start, end) in spans {
            buffer.insert(Held {
                span: span(start, end),
                rendition: 0,
                bytes: 10,
                was_seen: false,
            });
        }
        buffer
    }

    #[track_caller]
    fn check(buffer: &Buffer, from: u64, wanted: u64) {
        assert_eq!(buffer.end_from(Duration::from_secs(from)), Duration::from_secs(wanted));
    }

    #[test]
    fn the_end_is_that_of_the_stretch_without_a_gap() {
        let buffer = buffer(&[(12, 16), (0, 4), (4, 8)]);
        check(&buffer, 1, 8);
        check(&buffer, 9, 9);
        check(&buffer, 13, 16);
    }

    #[test]
    fn a_segment_appended_over_another_takes_its_place() {
        let mut buffer = buffer(&[(0, 4), (4, 8)]);
        buffer.insert(Held { span: span(4, 8), rendition: 1, bytes: 30, was_seen: false });
        assert_eq!(buffer.bytes(), 40);
        assert_eq!(buffer.iter().map(|held| held.rendition).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn what_the_element_let_go_is_forgotten() {
        let mut buffer = buffer(&[(0, 4), (4, 8), (8, 12)]);
        buffer.keep_only(&[span(5, 12)]);
        assert_eq!(buffer.bytes(), 30, "the first was never seen");
        buffer.keep_only(&[span(0, 12)]);
        buffer.keep_only(&[span(5, 12)]);
        assert_eq!(buffer.bytes(), 20);
        buffer.remove(span(8, 100));
        check(&buffer, 4, 8);
    }
}
