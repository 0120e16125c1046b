//! Segments on their way, in parts: what has come, from whom, and what is still missing.
//!
//! ```text
//! segment  |■■■■■■■■■■|▒▒▒▒▒▒▒▒░░░░░░|          |▒▒▒▒░░░░░░░░|
//!           came       from a peer     missing   from the server
//! ```
//!
//! Each stretch is a request of its own, of which the driver keeps the bytes. What a peer or a server leaves unfinished stays
//! as a shorter part, and the rest is missing again. When all parts are there, they are joined.

use std::ops::Range;

use crate::Time;
use crate::engine::{Engine, Ready, Request, Via, What};
use crate::limits::PARTIALS;
use crate::message::{LinkId, Output, RequestId};
use crate::share::Tested;

/// Bytes of a segment that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// Under which the driver holds them, from their first one on.
    pub(crate) request: RequestId,
    /// Who gave them.
    pub(crate) via: Via,
    /// The giver gave all that it was asked for.
    pub(crate) is_kept: bool,
    /// How far the bytes are known to be right.
    pub(crate) tested: Tested,
}

impl Part {
    pub(crate) fn is_right(&self) -> bool {
        self.tested.right >= self.bytes
    }

    fn end(&self) -> u64 {
        self.start + self.bytes
    }
}

/// The parts of one segment, apart, in order.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<Part>);

impl Parts {
    /// Takes in a part. Where it and others overlap, one of them is cut at its end, and those that bring nothing new go.
    ///
    /// Tells which requests' bytes aren't needed any more, and how many bytes came twice.
    fn insert(&mut self, mut new: Part) -> (Vec<RequestId>, u64) {
        let (mut useless, mut twice) = (Vec::new(), 0);
        if self.0.iter().any(|part| part.start <= new.start && new.end() <= part.end()) {
            return (vec![new.request], new.bytes);
        }
        for part in &mut self.0 {
            if part.start < new.start && new.start < part.end() {
                twice += part.end() - new.start;
                part.bytes = new.start - part.start;
            }
        }
        for part in self.0.extract_if(.., |part| new.start <= part.start && part.end() <= new.end())
        {
            twice += part.bytes;
            useless.push(part.request);
        }
        let next = self.0.iter().find(|part| part.start >= new.start).map(|part| part.start);
        let end = new.end().min(next.unwrap_or(u64::MAX));
        twice += new.end() - end;
        new.bytes = end - new.start;
        let at = self.0.partition_point(|part| part.start < new.start);
        self.0.insert(at, new);
        (useless, twice)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.0.iter()
    }

    pub(crate) fn note_tested(&mut self, request: RequestId, tested: Tested) {
        let found = self.0.iter_mut().find(|part| part.request == request);
        found.into_iter().for_each(|part| part.tested = tested);
    }

    pub(crate) fn take_back_tests(&mut self) {
        self.0.iter_mut().for_each(|part| part.tested.take_back());
    }

    fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.iter().map(|part| part.start..part.end())
    }

    /// Whether all bytes of a segment of this length are there.
    fn is_whole(&self, length: u64) -> bool {
        first_gap(0, length, &self.ranges().collect::<Vec<_>>()).is_none()
    }
}

/// The first stretch from `from` on, and before `end`, that none of `ranges` covers.
fn first_gap(from: u64, end: u64, ranges: &[Range<u64>]) -> Option<Range<u64>> {
    let mut start = from;
    while let Some(range) = ranges.iter().find(|range| range.contains(&start)) {
        start = range.end;
    }
    let next = ranges.iter().map(|range| range.start).filter(|next| *next > start).min();
    (start < end).then(|| start..next.unwrap_or(end).min(end))
}

impl Engine {
    /// The first stretch of a segment from `from` on that hasn't come and that nobody was asked for. Of a segment of unknown
    /// length that is everything or nothing.
    pub(crate) fn missing(&self, key: (usize, usize), from: u64) -> Option<Range<u64>> {
        let (rendition, no) = key;
        if self.share.checks.values().any(|check| check.key == key) {
            return None;
        }
        let Some(length) = self.length_of(rendition, no) else {
            return self.requests_for(key).next().is_none().then_some(0..u64::MAX);
        };
        first_gap(from, length, &self.ranges(key, &|_| true))
    }

    /// What has come of a segment, and what requests will bring of which `is_it` says so.
    fn ranges(&self, key: (usize, usize), is_it: &dyn Fn(&Request) -> bool) -> Vec<Range<u64>> {
        let asked = self.requests_for(key).filter(|(_, request)| is_it(request));
        let came = self.parts.get(&key).into_iter().flat_map(Parts::ranges);
        came.chain(asked.map(|(_, request)| request.range())).collect()
    }

    /// Bytes of a segment that can be played, from this one on, of one request: the server sent them, or they are right.
    pub(crate) fn played_from(
        &self,
        key: (usize, usize),
        start: u64,
    ) -> Option<(RequestId, Range<u64>)> {
        let mut parts = self.parts.get(&key).into_iter().flat_map(|parts| parts.iter());
        let has_sent = |part: &&Part| {
            part.via.is_believed() && part.is_kept && part.start <= start && start < part.end()
        };
        if let Some(part) = parts.find(has_sent) {
            return Some((part.request, start - part.start..part.bytes));
        }
        let (request, from, bytes) = self.given_from(key, start)?;
        Some((request, from..from + bytes))
    }

    /// How much of a segment's beginning can be played without a gap.
    pub(crate) fn begun_bytes(&self, key: (usize, usize)) -> u64 {
        let mut end = 0;
        while let Some((_, bytes)) = self.played_from(key, end) {
            end += bytes.end - bytes.start;
        }
        end
    }

    /// Requests for a segment or parts of it.
    pub(crate) fn requests_for(
        &self,
        (rendition, no): (usize, usize),
    ) -> impl Iterator<Item = (RequestId, &Request)> {
        let what = What::Segment { rendition, no };
        self.requests.iter().filter(move |(_, request)| request.what == what)
    }

    /// What a request brought before it ended, well or not, is kept until all of the segment is there.
    pub(crate) fn part_came(&mut self, now: Time, id: RequestId, request: &Request, is_kept: bool) {
        let What::Segment { rendition, no } = request.what else {
            return self.want(Output::Forget(id));
        };
        let key = (rendition, no);
        if self.length_of(rendition, no).is_none() {
            // Of a segment that the playlist has forgotten nothing is of use, and of one of unknown length no stretch is.
            let is_listed = self.place_of(rendition, no).is_some() && request.length.is_none();
            return match is_kept && request.via.is_believed() && is_listed {
                true => self.take_from_server(key, id, request.bytes),
                false => self.want(Output::Forget(id)),
            };
        }
        let bytes = self.usable(key, request);
        let is_useless = bytes == 0
            || self.is_held(key)
            || self.share.distrusted_of(key) && !request.via.is_believed();
        if is_useless {
            self.stats.duplicate_bytes += request.bytes;
            return self.want(Output::Forget(id));
        }
        let Request { start, via, tested, .. } = *request;
        let part = Part { start, bytes, request: id, via, is_kept, tested };
        let (useless, twice) = self.parts.get_or_insert(key).insert(part);
        self.stats.duplicate_bytes += twice + request.bytes - bytes;
        useless.into_iter().for_each(|request| self.want(Output::Forget(request)));
        self.test_pieces(id);
        self.end_rivals(now, key);
        self.join_if_whole(key);
        self.drop_oldest_parts();
    }

    /// Takes out of a part what is not right.
    pub(crate) fn cut_part(&mut self, key: (usize, usize), request: RequestId) {
        let Some(Parts(parts)) = self.parts.get_mut(&key) else { return };
        parts.iter_mut().filter(|part| part.request == request).for_each(|part| {
            part.bytes = part.bytes.min(part.tested.right);
        });
        let is_gone = parts.extract_if(.., |part| part.bytes == 0).next().is_some();
        if parts.is_empty() {
            self.parts.remove(&key);
        }
        if is_gone {
            self.want(Output::Forget(request));
        }
    }

    /// Ends requests of which every byte that is still to come has come from elsewhere, or comes from one that was asked for what
    /// follows, and gives it; or, of one that is silent, for the same.
    pub(crate) fn end_rivals(&mut self, now: Time, key: (usize, usize)) {
        if !self.parts.contains_key(&key) && self.requests_for(key).nth(1).is_none() {
            return;
        }
        let is_idle = |request: &Request| {
            let is_silent = request.is_from_peer() && request.bytes == 0;
            let follows = |other: &Request| {
                let is_rival = is_silent && other.is_from_peer() && other.start == request.start;
                (other.start > request.start || is_rival) && other.bytes > 0
            };
            let ranges = self.ranges(key, &follows);
            first_gap(request.start + request.bytes, request.range().end, &ranges).is_none()
        };
        let idle = self.requests_for(key).find(|(_, request)| is_idle(request)).map(|(id, _)| id);
        if let Some(id) = idle {
            self.end_request(now, id);
            self.end_rivals(now, key);
        }
    }

    /// The next stretch that a request will bring, that hasn't come from elsewhere, and that nobody was asked for who gives what
    /// follows, or, of a peer's, the server.
    pub(crate) fn to_come(&self, request: &Request) -> Option<Range<u64>> {
        let What::Segment { rendition, no } = request.what else { return None };
        let is_sent = |other: &Request| request.is_from_peer() && !other.is_from_peer();
        let comes = |other: &Request| other.start > request.start || is_sent(other);
        let ranges = self.ranges((rendition, no), &comes);
        first_gap(request.start + request.bytes, request.range().end, &ranges)
    }

    /// All parts are there, and nobody is about to say whether they are right: they become one body. What peers gave is checked
    /// before anything else is done with it.
    pub(crate) fn join_if_whole(&mut self, key: (usize, usize)) {
        let (Some(parts), Some(length)) = (self.parts.get(&key), self.length_of(key.0, key.1))
        else {
            return;
        };
        if !parts.is_whole(length) || parts.iter().any(|part| part.tested.is_pending()) {
            return;
        }
        let Some(Parts(parts)) = self.parts.remove(&key) else { return };
        let request = match parts[..] {
            [only] => only.request,
            _ => {
                let request = self.new_request_id();
                let each = parts.iter().map(|part| (part.request, part.bytes)).collect();
                self.want(Output::Join { request, parts: each });
                parts.iter().for_each(|part| self.want(Output::Forget(part.request)));
                request
            }
        };
        if parts.iter().all(Part::is_right) {
            return self.verified(key, request, &parts);
        }
        if parts.iter().any(|part| !part.via.is_believed()) {
            return self.check(key, request, &parts);
        }
        let bytes = parts.iter().map(|part| part.bytes).sum();
        self.take_from_server(key, request, bytes);
    }

    /// What the server sent whole is played as it is.
    fn take_from_server(&mut self, key: (usize, usize), request: RequestId, bytes: u64) {
        let (rendition, no) = key;
        let span = self.span_of(rendition, no);
        self.segment_came(Ready { request, rendition, no, span, bytes });
        self.store(key, request, bytes, false);
    }

    /// Lets go of parts of the oldest segment that nobody is asked for any more, above the bound.
    fn drop_oldest_parts(&mut self) {
        if self.parts.len() <= PARTIALS {
            return;
        }
        let keys: Vec<_> = self.parts.keys().collect();
        let is_idle = |key: &&(usize, usize)| self.requests_for(**key).next().is_none();
        if let Some(oldest) = keys.iter().find(is_idle).or(keys.first()) {
            self.drop_parts(*oldest);
        }
    }

    fn drop_parts(&mut self, key: (usize, usize)) {
        let Some(Parts(parts)) = self.parts.remove(&key) else { return };
        self.share.take_back_begun(key);
        parts.iter().for_each(|part| self.want(Output::Forget(part.request)));
    }

    /// Lets go of what has come of segments that are no longer wanted.
    pub(crate) fn drop_parts_where(&mut self, is_useless: &dyn Fn(&Engine, usize, usize) -> bool) {
        let keys = self.parts.keys();
        let useless: Vec<_> = keys.filter(|key| is_useless(self, key.0, key.1)).collect();
        useless.into_iter().for_each(|key| self.drop_parts(key));
    }

    /// Lets go of segments of which others than the video's own host gave some.
    pub(crate) fn drop_parts_of_others(&mut self) {
        self.drop_parts_where(&|engine, rendition, no| {
            let parts = engine.parts.get(&(rendition, no));
            parts.is_some_and(|parts| parts.iter().any(|part| !part.via.is_believed()))
        });
    }

    /// It has come already, if perhaps unchecked.
    pub(crate) fn is_held(&self, key: (usize, usize)) -> bool {
        self.share.store.held(key.0, key.1).is_some()
            || self.share.checks.values().any(|check| check.key == key)
            || self.element.ready.iter().any(|ready| (ready.rendition, ready.no) == key)
    }
}

impl Request {
    /// Bytes of the segment that it is for.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.length.map_or(u64::MAX, |length| self.start.saturating_add(length))
    }

    pub(crate) fn giver(&self) -> Option<LinkId> {
        self.via.peer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_apart_and_in_order_whatever_comes_twice() {
        #[track_caller]
        fn check(ranges: &[(u64, u64)], left: &[(u64, u64)], twice: u64) {
            let (mut parts, mut came_twice) = (Parts::default(), 0);
            for (no, (start, end)) in ranges.iter().enumerate() {
                let (start, bytes, via) = (*start, end - start, Via::Server);
                let request = RequestId(no as u64);
                let tested = Tested::default();
                let part = Part { start, bytes, request, via, is_kept: true, tested };
                came_twice += parts.insert(part).1;
            }
            let ranges: Vec<_> = parts.ranges().map(|range| (range.start, range.end)).collect();
            assert_eq!((&ranges[..], came_twice), (left, twice));
        }
        check(&[(5, 9), (0, 5)], &[(0, 5), (5, 9)], 0);
        check(&[(0, 9), (2, 5)], &[(0, 9)], 3);
        check(&[(2, 5), (0, 9)], &[(0, 9)], 3);
        check(&[(0, 6), (4, 9)], &[(0, 4), (4, 9)], 2);
        check(&[(4, 9), (0, 6)], &[(0, 4), (4, 9)], 2);
        check(&[(0, 3), (6, 9), (2, 7)], &[(0, 2), (2, 6), (6, 9)], 2);
        check(&[(4, 6), (4, 9)], &[(4, 9)], 2);
    }

    #[test]
    fn the_first_gap_is_what_nobody_covers() {
        let gap = |from, ranges: &[Range<u64>]| first_gap(from, 10, ranges);
        assert_eq!(gap(0, &[]), Some(0..10));
        assert_eq!(gap(0, &[4..6, 0..2]), Some(2..4));
        assert_eq!(gap(5, &[4..6, 8..12]), Some(6..8));
        assert_eq!(gap(0, &[4..u64::MAX, 0..4]), None);
    }
}
