//! What a media element does: holds spans of media, plays through them, runs out, is full.

use std::time::Duration;

use swarm::Span;

/// How many bytes a media element takes before it refuses more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota(pub u64);

#[derive(Debug)]
pub(crate) struct Element {
    held: Vec<(Span, usize, u64)>,
    pub(crate) quota: Quota,
    /// Where playback was at `since`.
    base: Duration,
    since: Duration,
    /// The viewer wants it to play.
    pub(crate) is_playing: bool,
    /// It does.
    is_running: bool,
    /// Nothing comes after this.
    pub(crate) end: Duration,
    /// The rendition on screen, each time that it changed.
    pub(crate) shown: Vec<usize>,
    /// How long it has played, in all.
    pub(crate) played: Duration,
}

impl Element {
    pub(crate) fn new(quota: Quota, position: Duration) -> Element {
        Element {
            held: Vec::new(),
            quota,
            base: position,
            since: Duration::ZERO,
            is_playing: false,
            is_running: false,
            end: Duration::MAX,
            shown: Vec::new(),
            played: Duration::ZERO,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.held.iter().map(|(_, _, bytes)| bytes).sum()
    }

    /// Takes a segment in place of what it overlaps, unless it's full.
    pub(crate) fn append(&mut self, span: Span, rendition: usize, bytes: u64) -> bool {
        if self.bytes() + bytes > self.quota.0 {
            return false;
        }
        self.remove(span);
        let at = self.held.partition_point(|(other, _, _)| other.start < span.start);
        self.held.insert(at, (span, rendition, bytes));
        true
    }

    pub(crate) fn remove(&mut self, gone: Span) {
        self.held.retain(|(span, _, _)| span.end <= gone.start || span.start >= gone.end);
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    pub(crate) fn buffered(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (span, _, _) in &self.held {
            match spans.last_mut() {
                Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
                _ => spans.push(*span),
            }
        }
        spans
    }

    pub(crate) fn position(&self, now: Duration) -> Duration {
        match self.is_running {
            true => (self.base + now.saturating_sub(self.since)).min(self.runs_until()),
            false => self.base,
        }
    }

    pub(crate) fn seek(&mut self, now: Duration, position: Duration) {
        self.settle(now);
        self.base = position;
    }

    /// Brings playback up to this moment, and tells when it will run dry or end, if it runs.
    pub(crate) fn settle(&mut self, now: Duration) -> Option<Duration> {
        let position = self.position(now);
        self.played += position.saturating_sub(self.base);
        (self.base, self.since) = (position, now);
        let on = self.on();
        self.is_running = self.is_playing && !self.is_ended() && on.is_some();
        if !self.is_running {
            return None;
        }
        if self.shown.last() != on.as_ref() {
            self.shown.extend(on);
        }
        Some(now + self.runs_until().saturating_sub(self.base))
    }

    /// When the picture changes to another rendition, if it does before it ends.
    pub(crate) fn turns_at(&self, now: Duration) -> Option<Duration> {
        let next = self.held.iter().find(|(span, _, _)| span.start > self.base)?;
        (self.is_running && self.on() != Some(next.1))
            .then(|| now + next.0.start.saturating_sub(self.base))
    }

    fn runs_until(&self) -> Duration {
        let mut end = self.base;
        for (span, _, _) in &self.held {
            if span.start <= end {
                end = end.max(span.end);
            }
        }
        end.min(self.end)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.is_running
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.base >= self.end
    }

    pub(crate) fn is_starved(&self) -> bool {
        self.is_playing && !self.is_ended() && !self.is_running
    }

    fn on(&self) -> Option<usize> {
        let on =
            self.held.iter().find(|(span, _, _)| span.start <= self.base && self.base < span.end);
        on.map(|(_, rendition, _)| *rendition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_plays_as_far_as_there_is_something_and_goes_on_when_more_comes() {
        let mut element = Element::new(Quota(100), Duration::ZERO);
        element.is_playing = true;
        assert_eq!(element.settle(s(0)), None);
        assert!(element.is_starved());
        element.append(Span { start: s(0), end: s(4) }, 0, 10);
        assert_eq!(element.settle(s(1)), Some(s(5)));
        assert_eq!(element.position(s(3)), s(2));
        assert_eq!((element.settle(s(9)), element.position(s(9))), (None, s(4)));
        element.append(Span { start: s(4), end: s(8) }, 1, 10);
        assert_eq!(element.settle(s(10)), Some(s(14)));
        assert_eq!((element.played, &element.shown[..]), (s(4), &[0, 1][..]));
        assert!(!element.append(Span { start: s(8), end: s(9) }, 1, 81), "it is full");
    }
}
