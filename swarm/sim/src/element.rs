//! What a media element does: holds spans of media, plays through them, runs out, is full.

use std::time::Duration;

use swarm::Span;

use crate::STEP;

/// How many bytes a media element takes before it refuses more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota(pub u64);

#[derive(Debug)]
pub(crate) struct Element {
    held: Vec<(Span, usize, u64)>,
    pub(crate) quota: Quota,
    pub(crate) position: Duration,
    pub(crate) is_playing: bool,
    pub(crate) duration: Duration,
    /// The rendition on screen, each time that it changed.
    pub(crate) shown: Vec<usize>,
}

impl Element {
    pub(crate) fn new(quota: Quota) -> Element {
        Element {
            held: Vec::new(),
            quota,
            position: Duration::ZERO,
            is_playing: false,
            duration: Duration::MAX,
            shown: Vec::new(),
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
        self.held.push((span, rendition, bytes));
        self.held.sort_by_key(|(span, _, _)| span.start);
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

    pub(crate) fn is_ended(&self) -> bool {
        self.position >= self.duration
    }

    pub(crate) fn is_starved(&self) -> bool {
        self.is_playing && !self.is_ended() && self.on().is_none()
    }

    fn on(&self) -> Option<usize> {
        let on = self
            .held
            .iter()
            .find(|(span, _, _)| span.start <= self.position && self.position < span.end);
        on.map(|(_, rendition, _)| *rendition)
    }

    /// Plays on for a step, if there's something to play.
    pub(crate) fn play(&mut self) {
        if !self.is_playing || self.is_ended() {
            return;
        }
        if let Some(rendition) = self.on() {
            if self.shown.last() != Some(&rendition) {
                self.shown.push(rendition);
            }
            self.position = (self.position + STEP).min(self.duration);
        }
    }
}
