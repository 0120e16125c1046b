//! What is wanted now: decided afresh from the state after every input from which something may follow.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use wire::pieces::PIECE;
use wire::playlist::ByteRange;

use crate::Time;
use crate::abr::{FILLED, next_rendition};
use crate::buffer::Held;
use crate::catalogue::Known;
use crate::engine::{ElementState, Engine, Head, Phase, Ready, Request, Via, What};
use crate::limits::{
    AHEAD, BEHIND, BEHIND_SLACK, CUT_TOLERANCE, FAILURES_A_RENDITION, LATEST, SMALL_GAP,
    WATCH_BEFORE_ABANDON,
};
use crate::message::{Content, Event, Fatal, Output, Quality, RequestId, Span, Trouble, Wanted};
use crate::share::Source;
use crate::timeline::{Live, Place, Timeline};

impl Engine {
    /// Each step looks at the state alone, so that doing it twice changes nothing. What has come is appended before more
    /// is asked for: the picture first.
    pub(crate) fn plan(&mut self, now: Time) {
        if self.phase == Phase::Opening {
            self.meet_early(now);
            let place = Place { uri: self.source.clone(), range: None };
            return self.ask(now, What::Source, self.source.clone(), place);
        }
        if self.phase != Phase::Open || !self.has_playable_target() {
            return;
        }
        self.abandon_hopeless(now);
        self.choose_rendition();
        self.prepare();
        self.replace_ahead();
        self.evict();
        self.append();
        self.ask_lists(now);
        self.plan_sharing(now);
        self.fetch(now);
        self.finish();
        self.jump();
    }

    /// Leaves a rendition whose playlist is broken for the nearest below, else above.
    fn has_playable_target(&mut self) -> bool {
        if !self.renditions[self.target].is_broken() {
            return true;
        }
        let below = (0..self.target).rev();
        match below
            .chain(self.target + 1..self.renditions.len())
            .find(|&other| !self.renditions[other].is_broken())
        {
            Some(other) => {
                if std::mem::take(&mut self.quality) != Quality::Auto {
                    self.want(Output::Report(Event::Released));
                }
                self.switch(other);
                true
            }
            None => {
                if let Known::Broken(fatal) = &self.renditions[self.target].playlist {
                    self.give_up(fatal.clone());
                }
                false
            }
        }
    }

    fn fetch(&mut self, now: Time) {
        self.ask_playlist(now, self.target);
        self.ask_init(now, self.target);
        let waiting: Vec<usize> = self.element.ready.iter().map(|ready| ready.rendition).collect();
        waiting.into_iter().for_each(|rendition| self.ask_init(now, rendition));
        self.relieve_mirrors(now);
        self.relieve_slow_ones(now);
        self.race_late_peers(now);
        self.ask_segments(now);
    }

    /// Decided between two segments, or while pieces of one come by and by; any other running download is the business of
    /// `abandon_hopeless`.
    fn choose_rendition(&mut self) {
        if self.quality != Quality::Auto
            || self.server_segments().any(|(_, request)| !self.is_slice(request))
            || !self.bandwidth.is_measured()
        {
            return;
        }
        let playable: Vec<usize> =
            (0..self.renditions.len()).filter(|&no| !self.renditions[no].is_broken()).collect();
        let rates: Vec<u64> =
            playable.iter().map(|&no| self.renditions[no].info.bandwidth_bps).collect();
        let current = playable.partition_point(|&no| no < self.target);
        let next = next_rendition(&rates, current, self.bandwidth.bps(), self.ahead());
        if let Some(&next) = playable.get(next)
            && next != self.target
        {
            self.switch(next);
        }
    }

    /// Playing time that is held or under way from the playhead on.
    pub(crate) fn ahead(&self) -> Duration {
        let position = self.playhead.position;
        self.element.covered_from(position).saturating_sub(position)
    }

    /// Asks for a rendition's playlist if it isn't known; tells whether it isn't.
    fn ask_playlist(&mut self, now: Time, rendition: usize) -> bool {
        let Some(wanted) = self.renditions.get(rendition) else { return true };
        let is_unknown = matches!(wanted.playlist, Known::NotYet);
        let live = wanted.timeline().and_then(|line| line.live);
        if is_unknown || live.is_some_and(|live| live.due_at <= now) {
            let (base, uri) = (wanted.base.clone(), wanted.uri.clone());
            self.ask(now, What::Playlist { rendition }, base, Place { uri, range: None });
        }
        is_unknown
    }

    /// The playlist that is played, if it grows.
    pub(crate) fn live_line(&self) -> Option<(&Timeline, Live)> {
        let line = self.renditions.get(self.target)?.timeline()?;
        Some((line, line.live?))
    }

    fn ask_init(&mut self, now: Time, rendition: usize) {
        let wanted = &self.renditions[rendition];
        if wanted.init.is_some() {
            return;
        }
        if let Some((base, Some(init))) =
            wanted.timeline().map(|line| (line.base.clone(), line.init.clone()))
        {
            self.ask(now, What::Init { rendition }, base, init);
        }
    }

    /// Walks through what is neither held nor under way, up to as far as is fetched ahead, and asks for what it can.
    fn ask_segments(&mut self, now: Time) {
        (self.share.is_waiting, self.share.awaited) = (false, None);
        if let Some(span) = self.unfinished() {
            match self.ask_for(now, span) {
                Asked::Goes => {}
                Asked::Waits => self.await_peers(span),
                Asked::Stuck => return,
            }
        }
        let goal = self.goal();
        let mut from = self.playhead.position;
        for _ in 0..SEGMENTS_LOOKED_AT {
            let covered = self.element.covered_with(from, &self.under_way());
            let ahead = covered.saturating_sub(self.playhead.position);
            let is_full = self.element.bytes() >= self.element.bytes_limit && !ahead.is_zero();
            if ahead >= goal || is_full {
                return;
            }
            let Some(listed) = self.listed() else { return self.ask_another_playlist(now) };
            let Some(no) = self.timeline().and_then(|line| line.segment_from(covered)) else {
                return;
            };
            let span = self.span_of(listed, no);
            // What is held beyond a gap in the stream doesn't touch what is held before it.
            let beyond = self.element.covered_with(span.start, &self.under_way());
            if covered < span.start && span.end <= beyond {
                from = beyond;
                continue;
            }
            match self.ask_for(now, span) {
                Asked::Goes => {}
                Asked::Waits => self.await_peers(span),
                Asked::Stuck => return,
            }
            from = span.end.max(covered);
        }
    }

    /// The segment whose beginning is on, where so little of it is still to come that it passes for covered.
    fn unfinished(&self) -> Option<Span> {
        let Head { rendition, no, .. } = self.element.head?;
        let (span, position) = (self.span_of(rendition, no), self.playhead.position);
        let covered = self.element.covered_with(position, &self.under_way());
        let is_passed_over = covered + CUT_TOLERANCE >= span.end;
        let is_whole = self.element.ready.iter().any(|ready| ready.span == span);
        let is_missing = position < span.end && self.missing((rendition, no), 0).is_some();
        (is_passed_over && is_missing && !is_whole).then_some(span)
    }

    /// Notes that somebody may bring a segment, so that it is looked at again before that is too late.
    fn await_peers(&mut self, span: Span) {
        self.share.is_waiting = self.share.is_on();
        if let Some(no) = self.number_in(self.target, span).filter(|_| self.share.is_on()) {
            self.share.awaited.get_or_insert((self.target, no));
        }
    }

    /// Up to how much playing time ahead is fetched.
    fn goal(&self) -> Duration {
        let position = self.playhead.position;
        let ahead = self.element.covered_from(position).saturating_sub(position);
        // Segments with less in them than they say, such as a picture without its sound, show only at the very end.
        let is_hollow = self.playhead.is_starved && ahead > SMALL_GAP && self.element.is_idle();
        match self.playhead.is_started {
            true if is_hollow => LATEST,
            true => AHEAD,
            false => ONE_SEGMENT,
        }
    }

    /// Stretches that somebody was asked for, and that come.
    fn under_way(&self) -> Vec<Span> {
        let asked = self.requests.values().filter_map(|request| match request.what {
            What::Segment { rendition, no } => Some((rendition, no)),
            _ => None,
        });
        let whole = asked.filter(|key| self.missing(*key, 0).is_none());
        whole
            .map(|(rendition, no)| self.span_of(rendition, no))
            .chain(self.checked_spans())
            .collect()
    }

    pub(crate) fn span_of_what(&self, what: What) -> Option<Span> {
        match what {
            What::Segment { rendition, no } => Some(self.span_of(rendition, no)),
            _ => None,
        }
    }

    /// Asks for one stretch where it is best had.
    fn ask_for(&mut self, now: Time, span: Span) -> Asked {
        let of_target = self.number_in(self.target, span);
        let is_missing = |no: &usize| self.renditions[self.target].missing.contains_key(no);
        if let Some(no) = of_target.filter(|no| !is_missing(no)) {
            if let Some(stored) = self.share.store.held(self.target, no) {
                let (rendition, request, bytes) = (self.target, stored.request, stored.bytes);
                self.segment_came(Ready { request, rendition, no, span, bytes });
                return Asked::Goes;
            }
            if self.source_of(now, self.target, no) == Source::Peers {
                self.ask_init(now, self.target);
                self.ask_peers(now, (self.target, no));
                return Asked::Goes;
            }
        }
        match self.rendition_with(span) {
            Some(rendition) if self.ask_playlist(now, rendition) => Asked::Stuck,
            Some(rendition) => self.ask_server(now, rendition, span),
            None => {
                self.element.note_hole(span);
                self.report(Trouble::Hole);
                Asked::Goes
            }
        }
    }

    /// The number of a rendition's segment that plays from there on, if its playlist is known.
    fn number_in(&self, rendition: usize, span: Span) -> Option<usize> {
        self.renditions.get(rendition)?.timeline()?.segment_from(span.start)
    }

    /// Nobody's segments are known, and the target's playlist may not come.
    fn ask_another_playlist(&mut self, now: Time) {
        let nowhere = Span { start: Duration::ZERO, end: Duration::ZERO };
        if let Some(rendition) = self.rendition_with(nowhere) {
            self.ask_playlist(now, rendition);
        }
    }

    fn ask_server(&mut self, now: Time, rendition: usize, span: Span) -> Asked {
        self.ask_init(now, rendition);
        let Some(no) = self.number_in(rendition, span) else { return Asked::Stuck };
        if self.source_of(now, rendition, no) != Source::Server {
            return if self.share.is_on() { Asked::Waits } else { Asked::Stuck };
        }
        let what = What::Segment { rendition, no };
        if self.is_resting(now, what) {
            return Asked::Waits;
        }
        let Some(missing) = self.missing((rendition, no), 0) else { return Asked::Goes };
        // Whose turn it is fetches for all.
        let is_for_all = missing.start == 0 && !self.is_urgent((rendition, no));
        let missing = match is_for_all {
            true => missing,
            false => self.only_what_is_urgent((rendition, no), missing),
        };
        let missing = self.share_out(now, (rendition, no), missing);
        self.ask_server_for(now, (rendition, no), missing);
        Asked::Goes
    }

    /// Where there is nothing to play, the beginning of a segment is fetched by itself: the picture is there the sooner. As long as
    /// peers may bring the rest, more of it is fetched only when it has to be.
    pub(crate) fn only_what_is_urgent(
        &self,
        key: (usize, usize),
        missing: Range<u64>,
    ) -> Range<u64> {
        let (position, span) = (self.playhead.position, self.span_of(key.0, key.1));
        let is_next = span.start <= position && self.element.covered_from(position) == position;
        let head = self.head_bytes(key);
        let (begun, is_streamed) = (self.begun_bytes(key), self.is_streamed(key));
        let most = match missing.start {
            _ if head == 0 => return missing,
            0 if is_next => head,
            0 if is_streamed && self.may_come_from_peers(key) => head,
            start
                if begun > 0
                    && (start == begun || is_streamed)
                    && self.may_come_from_peers(key) =>
            {
                self.slice_bytes(key)
            }
            _ => return missing,
        };
        missing.start..missing.end.min(missing.start + most)
    }

    /// How much of a segment is fetched by itself where nothing else is there; 0 of one that is so short that it comes in one go.
    ///
    /// The page's script asks for the first segment of a finished video by the same rule (`www/player.js`).
    fn head_bytes(&self, key: (usize, usize)) -> u64 {
        match self.length_of(key.0, key.1) {
            None | Some(..SHORTEST_WITH_HEAD) => 0,
            Some(length) if self.is_streamed(key) => {
                // What follows is there before that is over, from the server if from nobody else.
                let enough = self.bytes_of(key, self.bandwidth.latency() * 2 + HEAD_MARGIN);
                enough.min(length / 4).next_multiple_of(PIECE)
            }
            Some(length) => length / 8 * 3 / PIECE * PIECE,
        }
    }

    /// How much of a segment that is on the server sends at once, as long as peers may bring the rest.
    pub(crate) fn slice_bytes(&self, key: (usize, usize)) -> u64 {
        let length = self.length_of(key.0, key.1).unwrap_or(0);
        match self.is_in_pieces(key) {
            // The next is asked for while this comes: no more than is played meanwhile, if that isn't too many requests.
            true if self.is_streamed(key) => {
                let played = self.bytes_of(key, self.bandwidth.latency()).min(length / 4);
                (played.max(length / SLICES).max(PIECE) + PIECE / 2) / PIECE * PIECE
            }
            true => (length / 4).next_multiple_of(PIECE),
            false => length / 4,
        }
    }

    /// How many bytes of a segment play for so long.
    fn bytes_of(&self, key: (usize, usize), time: Duration) -> u64 {
        (time.as_secs_f64() / self.plays(key, PIECE).as_secs_f64() * PIECE as f64) as u64
    }

    /// Asks the server for a stretch of a segment.
    pub(crate) fn ask_server_for(&mut self, now: Time, key: (usize, usize), range: Range<u64>) {
        let (rendition, no) = key;
        let Some((base, mut place)) = self.place_of(rendition, no) else { return };
        if let Some(whole) = &mut place.range {
            *whole =
                ByteRange { start: whole.start + range.start, length: range.end - range.start };
        }
        let length = place.range.map(|range| range.length);
        let via = self.choose_server(now, key);
        let (base, place) = self.place_at(via, base, place);
        let new = Request::new(now, What::Segment { rendition, no }, via, length);
        let request = self.add_request(Request { start: range.start, ..new });
        self.fetch_from_server(request, base, place);
    }

    /// Where a segment's bytes lie on the server, and what that is relative to.
    pub(crate) fn place_of(&self, rendition: usize, no: usize) -> Option<(Arc<str>, Place)> {
        let line = self.renditions.get(rendition)?.timeline()?;
        Some((line.base.clone(), line.slot(no)?.place.clone()))
    }

    /// The target, or the nearest rendition that still may have bytes for this stretch, and whose server gives them.
    fn rendition_with(&self, span: Span) -> Option<usize> {
        let no_in = |other: usize| self.renditions[other].timeline()?.segment_from(span.start);
        let may_have = |&other: &usize| {
            let rendition = &self.renditions[other];
            !rendition.is_broken()
                && no_in(other).is_none_or(|no| !rendition.missing.contains_key(&no))
        };
        let failures = |rendition: usize| {
            let what = match no_in(rendition) {
                Some(no) => What::Segment { rendition, no },
                None => What::Playlist { rendition },
            };
            self.retries.get(&what).map_or(0, |retry| retry.failures)
        };
        (0..self.renditions.len()).filter(may_have).min_by_key(|&other| {
            let rounds = failures(other) / FAILURES_A_RENDITION;
            (rounds, other.abs_diff(self.target))
        })
    }

    /// Asks the server, unless it was asked already or is left in peace for now.
    pub(crate) fn ask(&mut self, now: Time, what: What, base: Arc<str>, place: Place) {
        if !self.may_ask(now, what) {
            return;
        }
        let length = place.range.map(|range| range.length);
        let request = self.add_request(Request::new(now, what, Via::Server, length));
        self.fetch_from_server(request, base, place);
    }

    /// It isn't under way, and its server isn't left in peace.
    pub(crate) fn may_ask(&self, now: Time, what: What) -> bool {
        let is_under_way = self.requests.values().any(|request| request.what == what);
        !is_under_way && !self.is_resting(now, what)
    }

    pub(crate) fn is_resting(&self, now: Time, what: What) -> bool {
        self.retries.get(&what).is_some_and(|retry| retry.at > now)
    }

    pub(crate) fn add_request(&mut self, request: Request) -> RequestId {
        let id = self.new_request_id();
        self.requests.insert(id, request);
        id
    }

    pub(crate) fn new_request_id(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request - 1)
    }

    pub(crate) fn fetch_from_server(&mut self, id: RequestId, base: Arc<str>, place: Place) {
        let Some(request) = self.requests.get(&id) else { return };
        let wanted = match request.what {
            What::Init { .. } | What::Segment { .. } => Wanted::Bytes,
            What::List { .. } => Wanted::List,
            What::Source | What::Playlist { .. } | What::Digests => Wanted::Text,
        };
        let Place { uri, range } = place;
        self.want(Output::Fetch { request: id, base, uri, range, wanted });
    }

    /// The running segment request that a lower rendition could replace.
    pub(crate) fn abandonable(&self) -> Option<&Request> {
        let (_, request) = self.server_segments().find(|(_, of)| of.via.is_believed())?;
        let What::Segment { rendition, .. } = request.what else { return None };
        (self.quality == Quality::Auto && rendition > 0 && self.playhead.is_started)
            .then_some(request)
    }

    /// Gives up a download that will come too late if a lower rendition would come sooner.
    fn abandon_hopeless(&mut self, now: Time) {
        let Some(request) = self.abandonable() else { return };
        let took = now.since(request.asked_at);
        let What::Segment { rendition, no } = request.what else { return };
        let length = request.length.unwrap_or_else(|| self.guessed_length(rendition, no));
        // With so much ahead there is time to wait, and the next choice would go up again.
        if took < WATCH_BEFORE_ABANDON || request.bytes >= length || self.ahead() >= FILLED {
            return;
        }
        let bps = (request.rate(now) * 8.0).max(1.0);
        let left = (length - request.bytes) as f64 * 8.0 / bps;
        let ahead = self.playhead_buffer().as_secs_f64();
        let bandwidths = self.bandwidths();
        let lower = crate::start_rendition(&bandwidths[..rendition], bps as u64);
        let instead = length as f64 * 8.0 * bandwidths[lower] as f64
            / bandwidths[rendition].max(1) as f64
            / bps;
        let can_be_had = !self.renditions[lower].is_broken()
            && !self.retries.contains_key(&What::Playlist { rendition: lower });
        if left > ahead && instead < left && can_be_had {
            let what = request.what;
            self.bandwidth.sample(request.bytes, took);
            self.cancel(&|_, other| other.what == what && !other.is_from_peer());
            self.switch(lower);
        }
    }

    /// What a segment weighs if its rendition keeps to its bit rate.
    fn guessed_length(&self, rendition: usize, no: usize) -> u64 {
        let span = self.span_of(rendition, no);
        let seconds = span.end.saturating_sub(span.start).as_secs_f64();
        (self.renditions[rendition].info.bandwidth_bps as f64 / 8.0 * seconds) as u64
    }

    /// Playing time in the media element from the playhead on.
    fn playhead_buffer(&self) -> Duration {
        self.element.buffer.end_from(self.playhead.position).saturating_sub(self.playhead.position)
    }

    fn prepare(&mut self) {
        if self.element.state != ElementState::Unprepared {
            return;
        }
        let duration = self.timeline().map(|line| match line.live {
            Some(_) => None,
            None => Some(line.duration()),
        });
        let kind = self.listed().and_then(|listed| self.renditions[listed].kind());
        if let (Some(duration), Some(mime)) = (duration, kind) {
            self.element.state = ElementState::Preparing;
            self.want(Output::Prepare { duration, mime });
        }
    }

    /// Takes out what is held of other renditions after the segment that is on.
    fn replace_ahead(&mut self) {
        if !self.element.replaces_ahead || self.element.state != ElementState::Idle {
            return;
        }
        self.element.replaces_ahead = false;
        let soon = self.playhead.position + SMALL_GAP;
        let is_replaced = |held: &&Held| held.rendition != self.target && held.span.start > soon;
        let Some(start) = self.element.buffer.iter().find(is_replaced).map(|held| held.span.start)
        else {
            return;
        };
        let end = self.element.buffer.iter().next_back().map_or(start, |held| held.span.end);
        self.start_evicting(Span { start, end });
    }

    fn evict(&mut self) {
        if self.element.state != ElementState::Idle {
            return;
        }
        let is_over = self.element.is_overfull || self.element.bytes() > self.element.bytes_limit;
        let span = self.evictable(is_over);
        match span {
            Some(span) => self.start_evicting(span),
            None if self.element.is_overfull => self.give_up_overfull(),
            None => {}
        }
    }

    /// What the element can best do without: the past, then what seeks left behind, then the far future.
    fn evictable(&self, is_over: bool) -> Option<Span> {
        let position = self.playhead.position;
        let kept_behind = if is_over { Duration::from_secs(1) } else { BEHIND };
        let slack = if is_over { Duration::ZERO } else { BEHIND_SLACK };
        let buffer = &self.element.buffer;
        let past_end = position.saturating_sub(kept_behind);
        let past = buffer.iter().filter(|held| held.span.end <= past_end);
        let mut oldest = past.map(|held| held.span);
        if let Some(first) = oldest.next()
            && first.start + slack < past_end
        {
            let end = oldest.next_back().unwrap_or(first).end;
            return Some(Span { start: first.start, end });
        }
        if !is_over {
            return None;
        }
        let connected = buffer.end_from(position);
        let last = buffer.iter().next_back()?.span;
        let is_far = last.start > connected || (self.element.is_overfull && last.start > position);
        is_far.then_some(last)
    }

    fn start_evicting(&mut self, span: Span) {
        self.element.state = ElementState::Evicting(span);
        self.element.is_finished = false;
        self.element.is_overfull = false;
        self.want(Output::Evict(span));
    }

    /// A single segment that fits into an empty element in no way can't be played.
    fn give_up_overfull(&mut self) {
        self.give_up(Fatal::Undecodable);
    }

    fn append(&mut self) {
        if self.element.state != ElementState::Idle {
            return;
        }
        let next = self.element.ready.first().filter(|next| !self.is_before_its_time(next));
        let Some(next) = next.copied() else { return self.begin() };
        if self.element.init != Some(next.rendition) {
            return self.append_init(next.rendition);
        }
        self.element.ready.remove(0);
        let head = self.element.head.take();
        let begun = head.filter(|head| (head.rendition, head.no) == (next.rendition, next.no));
        let (content, from) = match begun {
            Some(head) => (Content::Rest, head.bytes),
            None => (Content::Segment(next.span.start), 0),
        };
        let state = ElementState::Appending(next);
        self.start_appending(state, next.request, content, from..next.bytes);
    }

    /// The beginning of the segment that plays is in the element, and would be lost if a later one were appended before its rest.
    fn is_before_its_time(&self, next: &Ready) -> bool {
        let Some(Head { rendition, no, .. }) = self.element.head else { return false };
        let (position, span) = (self.playhead.position, self.span_of(rendition, no));
        let is_missing = self.renditions[rendition].missing.contains_key(&no);
        !is_missing && position < span.end && next.span.start >= span.end
    }

    fn append_init(&mut self, rendition: usize) {
        let wanted = &self.renditions[rendition];
        if let (Some((request, bytes)), Some(mime)) = (wanted.init, wanted.kind()) {
            self.element.head = None;
            let state = ElementState::AppendingInit(rendition);
            self.start_appending(state, request, Content::Init(mime), 0..bytes);
        }
    }

    /// Where there is hardly anything to be played but the beginning of what follows has come, that is appended, if what is still
    /// missing is likely to be there before it is over.
    fn begin(&mut self) {
        let (rendition, position) = (self.target, self.playhead.position);
        let covered = self.element.covered_from(position);
        let is_here = |head: &Head| {
            let span = self.span_of(head.rendition, head.no);
            span.start <= covered && position < span.end
        };
        if let Some(head) = self.element.head.filter(is_here) {
            return self.go_on(head);
        }
        if covered > self.playhead.position_at(self.looked_at) + NEARLY_DRY {
            return;
        }
        let line = self.renditions[rendition].timeline();
        let Some(no) = line.and_then(|line| line.segment_from(covered)) else { return };
        let key = (rendition, no);
        let is_playable = !self.renditions[rendition].missing.contains_key(&no);
        // While it plays yet nothing is gained by waiting for more; when it stands still it is not to begin only to stand still again.
        let is_time = covered > position || self.begins_in_time(key);
        let begun = self.played_from(key, 0).filter(|_| is_playable && is_time);
        let Some((request, range)) = begun else { return };
        let (span, bytes) = (self.span_of(rendition, no), range.end - range.start);
        if self.is_all(key, bytes) {
            return;
        }
        let end = span.start + self.share_of(span, key, bytes);
        if self.element.init != Some(rendition) {
            return self.append_init(rendition);
        }
        let head = Head { rendition, no, bytes };
        let state = ElementState::AppendingHead(head, Span { start: span.start, end });
        self.start_appending(state, request, Content::Head(span.start), range);
    }

    /// What has come of a segment plays longer than what is asked for next is likely to take.
    pub(crate) fn begins_in_time(&self, key: (usize, usize)) -> bool {
        let Some(length) = self.length_of(key.0, key.1) else { return false };
        let (span, begun) = (self.span_of(key.0, key.1), self.begun_bytes(key));
        let next = self.only_what_is_urgent(key, begun.min(length)..length);
        let end = span.start + self.share_of(span, key, begun);
        self.server_time(next.end - next.start) * 3 <= end.saturating_sub(self.playhead.position)
    }

    /// With so many bytes a segment is whole: it is appended as such in a moment.
    fn is_all(&self, key: (usize, usize), bytes: u64) -> bool {
        self.length_of(key.0, key.1) == Some(bytes)
    }

    /// Appends what has come and follows the beginning that is in the element.
    fn go_on(&mut self, head: Head) {
        let Head { rendition, no, bytes: from } = head;
        let Some((request, range)) = self.played_from((rendition, no), from) else { return };
        let span = self.span_of(rendition, no);
        let bytes = from + range.end - range.start;
        let is_missing = self.renditions[rendition].missing.contains_key(&no);
        if is_missing || self.is_all((rendition, no), bytes) {
            return;
        }
        let end = span.start + self.share_of(span, (rendition, no), bytes);
        let head = Head { bytes, ..head };
        let state = ElementState::AppendingHead(head, Span { start: span.start, end });
        self.start_appending(state, request, Content::More, range);
    }

    fn start_appending(
        &mut self,
        state: ElementState,
        request: RequestId,
        content: Content,
        bytes: Range<u64>,
    ) {
        self.element.state = state;
        self.element.is_finished = false;
        self.want(Output::Append { request, content, bytes });
    }

    fn finish(&mut self) {
        let Some(line) = self.timeline() else { return };
        let end = self.element.covered_from(self.playhead.position);
        let has_all = line.live.is_none()
            && line.segment_from(end).is_none()
            && self.element.ready.is_empty();
        if has_all && self.element.state == ElementState::Idle && !self.element.is_finished {
            self.element.is_finished = true;
            self.want(Output::Finish);
        }
    }

    /// Helps a starved playhead over a small gap, over a hole that nobody can fill, or over segments with nothing in them.
    fn jump(&mut self) {
        if let Some((line, _)) = self.live_line()
            && self.playhead.is_started
            && self.playhead.position < line.start()
        {
            return self.go_live();
        }
        let (position, playhead) = (self.playhead.position, &self.playhead);
        if !playhead.is_starved
            || playhead
                .buffered
                .iter()
                .any(|span| span.start <= position && position + LAST_FRAMES < span.end)
        {
            return;
        }
        let Some(next) =
            playhead.buffered.iter().map(|span| span.start).find(|start| *start > position)
        else {
            return;
        };
        let hole_end = self
            .element
            .holes
            .iter()
            .map(|hole| hole.end)
            .filter(|end| *end <= next + CUT_TOLERANCE)
            .max();
        let is_small = next <= position + SMALL_GAP;
        let is_hole = hole_end.is_some_and(|end| end > position && next <= end + SMALL_GAP);
        let is_hollow = self.element.buffer.end_from(position) >= next;
        if (is_small || is_hole || is_hollow) && self.jumped_to != Some(next) {
            self.jumped_to = Some(next);
            self.want(Output::Jump(next + JUST_INSIDE));
        }
    }

    /// The target, or while its playlist is still to come, the nearest rendition whose segments are known.
    fn listed(&self) -> Option<usize> {
        let known =
            (0..self.renditions.len()).filter(|&no| self.renditions[no].timeline().is_some());
        known.min_by_key(|no| no.abs_diff(self.target))
    }

    fn timeline(&self) -> Option<&Timeline> {
        self.renditions[self.listed()?].timeline()
    }
}

/// What came of the wish for a stretch of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It comes, or never will.
    Goes,
    /// Nobody is asked for now; what follows may be.
    Waits,
    /// Nothing can be asked for before something else is known.
    Stuck,
}

/// Spare time beyond two round trips to the server that the beginning of a segment plays at least, if a quarter of it does.
const HEAD_MARGIN: Duration = Duration::from_millis(250);

/// So many slices of a live segment a server is asked for at most, unless a piece is more: six a second.
const SLICES: u64 = 24;

/// A second request costs a round trip, in which this much more would have come.
const SHORTEST_WITH_HEAD: u64 = 256 << 10;

/// Segments that one pass looks at: as many of a second as are fetched ahead.
const SEGMENTS_LOOKED_AT: usize = 32;

/// Anything at all ahead is enough before the viewer presses play.
const ONE_SEGMENT: Duration = Duration::from_nanos(1);

/// So close before the end of a stretch there's no frame left to show.
const LAST_FRAMES: Duration = Duration::from_millis(100);

/// With no more than this to play, the beginning of what follows is appended, before the rest of it has come.
const NEARLY_DRY: Duration = Duration::from_millis(600);

/// Rounding in the media element must not put the playhead back before the stretch.
const JUST_INSIDE: Duration = Duration::from_millis(10);
