//! Signed piece lists: which windows are asked for, and whether they are believed.
//!
//! ```text
//! master: video, keys ─▶ window ─▶ is it of these segments, by one of these keys? ─▶ signature ─▶ digests of pieces
//!                                     │ no                                             │ wrong
//!                                     └──────────────▶ nothing is shared ◀─────────────┘
//! ```
//!
//! The master playlist is read once, so that its keys hold as long as the video plays. A list that isn't what it should be says
//! that somebody meddles with the server: then nothing else that it says of digests is believed either.

use std::ops::Range;

use wire::pieces::{self, Signed, WINDOW, WINDOW_BYTES, Window, Windows};
use wire::playlist::{ByteRange, Signature};

use crate::Time;
use crate::engine::{Engine, Request, What};
use crate::limits::{AHEAD, MISSING_TRIES, VERIFICATIONS, WATCH_BEFORE_RACE};
use crate::message::{Failure, Hindrance, Output, Span};
use crate::retry::Retry;
use crate::timeline::{Place, Slot, Timeline, file_name};

use super::Digests;

/// A window whose signature the driver was asked about.
#[derive(Debug)]
pub(crate) struct Verifying {
    rendition: usize,
    window: Window,
    /// When its first segment was listed: a stream that has begun to count anew since then has other ones.
    listed_at: Time,
    asked_at: Time,
}

impl Verifying {
    fn covers(&self, rendition: usize, no: usize) -> bool {
        let first = self.window.first as usize;
        self.rendition == rendition && (first..first + self.window.segments.len()).contains(&no)
    }
}

impl Engine {
    /// Has what is needed soon told by signed lists, once there is somebody to take it from.
    pub(crate) fn ask_lists(&mut self, now: Time) {
        // Until a picture is there, nothing else may cost it time.
        if !self.has_picture() || !self.is_signed() || !self.has_other_sources() {
            return;
        }
        let rendition = self.target;
        self.verify_listed(now, rendition);
        if let Some(no) = self.first_untold(rendition) {
            self.ask_window(now, rendition, no);
        }
    }

    /// Somebody else may have bytes of the video.
    fn has_other_sources(&self) -> bool {
        let is_counted = |others: Option<usize>| others.is_some_and(|others| others > 0);
        self.mirrors.are_left()
            || !self.share.links.is_empty()
            || self.share.swarms.values().any(|swarm| is_counted(swarm.others))
    }

    /// Takes up the windows that a playlist told with its segments, unless the driver has enough to do.
    fn verify_listed(&mut self, now: Time, rendition: usize) {
        if self.share.verifying.len() >= VERIFICATIONS {
            return;
        }
        let position = self.playhead.position;
        let soon = Span { start: position, end: position + AHEAD };
        let Some(line) = self.line_mut(rendition) else { return };
        for (no, window) in line.take_signed(soon) {
            self.window_came(now, rendition, no..no + 1, &window);
        }
    }

    /// The first segment that is needed soon, is on no list that is known, and is on one that can be asked for.
    fn first_untold(&self, rendition: usize) -> Option<usize> {
        let line = self.line(rendition).filter(|line| line.is_whole)?;
        let from = line.segment_from(self.playhead.position)?;
        let end = self.playhead.position + AHEAD;
        let is_untold = |no: &usize| {
            let is_known = |slot: &Slot| slot.blake3.is_some() || slot.signed.is_some();
            !line.slot(*no).is_some_and(is_known) && !self.is_being_verified(rendition, *no)
        };
        let is_soon = |no: &usize| line.slot(*no).is_some_and(|slot| slot.span.start < end);
        (from..line.end()).take_while(is_soon).find(is_untold)
    }

    fn ask_window(&mut self, now: Time, rendition: usize, no: usize) {
        let what = What::List { rendition, window: no / WINDOW };
        if !self.may_ask(now, what) {
            return;
        }
        let Digests::Signed(signature) = &self.share.digests else { return };
        let (Some(line), Some(key)) = (self.line(rendition), signature.keys.first()) else {
            return;
        };
        let playlist = file_name(&line.base);
        let lengths: Option<Vec<u64>> = line.slots().map(Slot::bytes).collect();
        let Some(lengths) = lengths else { return self.trust_nobody(now, Hindrance::ListMissing) };
        let windows = Windows::of(&signature.video, playlist);
        let (start, length) = windows.range(no, lengths.into_iter());
        if length > WINDOW_BYTES {
            return self.trust_nobody(now, Hindrance::ListBroken);
        }
        let place = Place {
            uri: pieces::list_name(playlist, key).into(),
            range: Some(ByteRange { start, length }),
        };
        let base = line.base.clone();
        self.ask(now, what, base, place);
    }

    /// A window that was asked for.
    pub(crate) fn list_came(&mut self, now: Time, rendition: usize, window: usize, bytes: &[u8]) {
        let Some(line) = self.line(rendition) else { return };
        let first = window * WINDOW;
        let end = (first + WINDOW).min(line.end());
        self.window_came(now, rendition, first..end, bytes);
    }

    /// Why a window that was asked for can't be had decides what that means.
    pub(crate) fn list_failed(&mut self, now: Time, what: What, retry: Retry, failure: &Failure) {
        match failure {
            _ if !self.is_signed() => {}
            Failure::Wrong | Failure::Status { code: 416, .. } => {
                self.trust_nobody(now, Hindrance::ListBroken);
            }
            _ if failure.is_final() && retry.failures >= MISSING_TRIES => {
                self.trust_nobody(now, Hindrance::ListMissing);
            }
            _ => drop(self.retries.insert(what, retry)),
        }
    }

    /// It is on no list, or on one that can't be had at once: nobody waits for it to come from others.
    pub(crate) fn lacks_list(&self, rendition: usize, no: usize) -> bool {
        let Some(line) = self.line(rendition).filter(|_| self.is_signed()) else { return false };
        let Some(slot) = line.slot(no) else { return true };
        if slot.blake3.is_some() {
            return false;
        }
        let what = What::List { rendition, window: no / WINDOW };
        let hangs = |request: &Request| {
            request.what == what && self.looked_at.since(request.asked_at) >= WATCH_BEFORE_RACE
        };
        match line.is_whole {
            true => self.retries.contains_key(&what) || self.requests.values().any(hangs),
            false => slot.signed.is_none() && !self.is_being_verified(rendition, no),
        }
    }

    /// The driver takes so long to verify its list that nobody waits for it to come from others.
    pub(super) fn is_verified_slowly(&self, rendition: usize, no: usize) -> bool {
        let since = self.verified_since(rendition, no);
        since.is_some_and(|since| self.looked_at.since(since) >= WATCH_BEFORE_RACE)
    }

    fn is_being_verified(&self, rendition: usize, no: usize) -> bool {
        self.verified_since(rendition, no).is_some()
    }

    /// When the driver was asked about its list, if it hasn't answered.
    fn verified_since(&self, rendition: usize, no: usize) -> Option<Time> {
        let window = self.share.verifying.iter().find(|of| of.covers(rendition, no));
        window.map(|of| of.asked_at)
    }

    /// Has a window verified, if it is of these segments.
    fn window_came(&mut self, now: Time, rendition: usize, numbers: Range<usize>, bytes: &[u8]) {
        let Digests::Signed(signature) = &self.share.digests else { return };
        let Some(line) = self.line(rendition) else { return };
        let Ok(Signed { key, message, signature: by, window }) = Signed::parse(bytes) else {
            return self.trust_nobody(now, Hindrance::ListBroken);
        };
        if !signature.keys.contains(&key) {
            return self.trust_nobody(now, Hindrance::ListForged);
        }
        if !is_of(&window, signature, line, numbers.clone()) {
            return self.trust_nobody(now, Hindrance::ListForeign);
        }
        let listed_at = line.slot(numbers.start).map_or(now, |slot| slot.listed_at);
        self.share.verifying.push_back(Verifying { rendition, window, listed_at, asked_at: now });
        self.want(Output::Verify { key, message, signature: by });
    }

    /// The driver tells of the window that it was asked about first.
    pub(crate) fn window_verified(&mut self, now: Time, is_right: bool) {
        let Some(Verifying { rendition, window, listed_at, .. }) = self.share.verifying.pop_front()
        else {
            return;
        };
        if !self.is_signed() {
            return;
        }
        if !is_right {
            return self.trust_nobody(now, Hindrance::ListForged);
        }
        let first = window.first as usize;
        let Some(line) = self.line_mut(rendition) else { return };
        let is_same = line.slot(first).is_none_or(|slot| slot.listed_at == listed_at);
        if !is_same {
            return;
        }
        for (no, told) in (first..).zip(window.segments) {
            if let Some(slot) = line.slot_mut(no).filter(|slot| slot.bytes() == Some(told.bytes)) {
                (slot.blake3, slot.pieces) = (Some(told.digest), told.pieces);
            }
        }
        self.test_all_pieces();
    }

    /// What has come of segments before their list has pieces too, which are compared now.
    fn test_all_pieces(&mut self) {
        let asked = self.requests.keys();
        let came = self.parts.values().flat_map(|parts| parts.iter().map(|part| part.request));
        let all: Vec<_> = asked.chain(came).collect();
        all.into_iter().for_each(|request| self.test_pieces(request));
    }

    pub(super) fn line(&self, rendition: usize) -> Option<&Timeline> {
        self.renditions.get(rendition)?.timeline()
    }

    fn line_mut(&mut self, rendition: usize) -> Option<&mut Timeline> {
        self.renditions.get_mut(rendition)?.timeline_mut()
    }
}

/// The window is of just these segments of this rendition of this video, in this generation.
fn is_of(window: &Window, signature: &Signature, line: &Timeline, numbers: Range<usize>) -> bool {
    let lengths = numbers.clone().map(|no| line.slot(no).and_then(Slot::bytes));
    window.video == signature.video
        && window.rendition == file_name(&line.base)
        && window.first == numbers.start as u64
        && window.segments.len() == numbers.len()
        && window.segments.iter().zip(lengths).all(|(told, bytes)| Some(told.bytes) == bytes)
}
