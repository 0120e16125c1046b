//! Who is asked for a segment: a peer, the server, or nobody yet.
//!
//! What is urgent comes from the server, so that sharing never costs a stall. Of the rest, what peers have comes from peers,
//! from several at once where they understand parts. What nobody has is fetched by whoever was elected (`election`).

use std::iter;
use std::ops::Range;
use std::time::Duration;

use wire::pieces::PIECE;

use crate::Time;
use crate::engine::{ElementState, Engine, Request, Via, What};
use crate::limits::{
    BEGUN_MARGIN, CLOSE, CLOSE_BYTES, FALLEN_SILENT, FIRST_COMERS, HEDGED, JUST_HEARD,
    LONGEST_RESERVE, PART_BYTES, PARTS, PEER_FETCHES, RELIEF, SERVER_FETCHES, SILENT,
    URGENT_MARGIN, WATCH_BEFORE_RACE,
};
use crate::message::{LinkId, RequestId, Span};

use super::links::Link;

/// Where a segment is to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Peers,
    Server,
    /// Somebody will have it soon, or there is no room to ask.
    Later,
}

impl Engine {
    /// Decides for a segment that isn't held and isn't under way.
    pub(crate) fn source_of(&mut self, now: Time, rendition: usize, no: usize) -> Source {
        let is_idle = self.server_segments().next().is_none();
        let is_resting = self.is_server_resting(now, no);
        let is_urgent = self.is_urgent((rendition, no)) && self.may_overtake((rendition, no));
        if !self.can_share(rendition, no) {
            let may_ask = (is_idle || is_urgent) && !is_resting;
            return if may_ask { Source::Server } else { Source::Later };
        }
        let may_ask = !is_resting && !self.is_resting(now, What::Segment { rendition, no });
        if is_urgent && may_ask {
            return Source::Server;
        }
        let is_believed = |link: &Link| link.is_open() && !link.conduct.is_doubtful();
        let is_coming = self.is_any(rendition, &|link| {
            is_believed(link) && (link.has_begun(no) || link.comes.contains(no))
        });
        let has_some = |link: &Link| {
            let mut stretches = self.stretches((rendition, no));
            stretches.any(|stretch| self.first_of(link, no, &stretch).is_some())
        };
        let is_there = self.is_any(rendition, &|link| {
            let sets = [&link.holds, &link.fetches];
            is_believed(link) && (sets.iter().any(|set| set.contains(no)) || has_some(link))
        });
        if is_there || is_coming && !self.is_live(rendition) {
            let is_free = self.free_holders(now, (rendition, no)).is_some();
            return if is_free { Source::Peers } else { Source::Later };
        }
        if !is_idle
            || is_resting
            || self.awaits_peers(now, rendition)
            || !self.is_our_turn(now, (rendition, no), is_coming)
        {
            return Source::Later;
        }
        Source::Server
    }

    /// The server can be asked for more of a segment: what it is sending already is needed later, or no more, or is the piece before
    /// this in what is being played.
    fn may_overtake(&self, key: (usize, usize)) -> bool {
        let (position, span) = (self.playhead.position, self.span_of(key.0, key.1));
        let spans = self.server_segments().filter_map(|(_, other)| self.span_of_what(other.what));
        let mut needed = spans.filter(|other| other.end > position).enumerate();
        needed.all(|(before, other)| {
            let is_later = other.start > span.start || other == span && self.is_on(key);
            before + 1 < SERVER_FETCHES && is_later
        })
    }

    /// It failed with another segment a moment ago.
    pub(super) fn is_server_resting(&self, now: Time, no: usize) -> bool {
        self.retries.iter().any(|(what, retry)| {
            matches!(what, What::Segment { no: other, .. } if other != no) && retry.at > now
        })
    }

    /// It could be checked if a peer gave it.
    pub(super) fn can_share(&self, rendition: usize, no: usize) -> bool {
        let is_joined = rendition == self.target || self.share.swarms.contains_key(&rendition);
        self.share.is_on()
            && self.is_verifiable()
            && is_joined
            && !self.lacks_list(rendition, no)
            && !self.is_verified_slowly(rendition, no)
            && !self.share.distrusted.contains(&(rendition, no))
    }

    /// Stretches of a segment that haven't come and that nobody was asked for: all, or the first if it isn't long.
    fn stretches(&self, key: (usize, usize)) -> impl Iterator<Item = Range<u64>> {
        iter::successors(self.missing(key, 0), move |before| {
            let next = self.missing(key, before.end).filter(|next| next.start >= before.end);
            next.filter(|_| self.is_long(key))
        })
    }

    /// The first byte of a stretch of a segment that a peer has told that it has. If the segment isn't long, others than the very first
    /// aren't taken by themselves: more is asked for less, and each time is a round trip.
    fn first_of(&self, link: &Link, no: usize, stretch: &Range<u64>) -> Option<u64> {
        let end = if self.is_long((link.rendition, no)) { stretch.end } else { stretch.start + 1 };
        let mut starts = (stretch.start..end).step_by(PIECE as usize);
        starts.find(|start| link.has_piece(no, *start))
    }

    /// The first bytes that are missing and that peers can give who are free, with how fast they are: one that hasn't shown yet
    /// counts as fast as it says, or as the best. Stock peers can't stop before the end.
    fn free_holders(&self, now: Time, key: (usize, usize)) -> Option<(Range<u64>, Vec<Holder>)> {
        let length = self.length_of(key.0, key.1)?;
        let from = |start: u64, end: u64| {
            let can_give = |link: &Link| link.is_extended() || end == length;
            let holders = self.holders(now, key, Some(start), &can_give);
            (!holders.is_empty()).then_some((start..end, holders))
        };
        self.stretches(key).find_map(|Range { start, end }| {
            let begun = self.links_of(key.0).filter(|(_, link)| link.is_open());
            let begun = begun.filter_map(|(_, link)| self.first_of(link, key.1, &(start..end)));
            from(start, end).or_else(|| from(begun.min()?, end))
        })
    }

    /// Peers that have all of it; and those that have the piece that begins with `begun`, and get what follows, if that is of use.
    fn holders(
        &self,
        now: Time,
        (rendition, no): (usize, usize),
        begun: Option<u64>,
        can_give: &dyn Fn(&Link) -> bool,
    ) -> Vec<Holder> {
        let busy = self.requests.values().filter(|request| request.is_from_peer()).count();
        if self.digest_of(rendition, no).is_none()
            || self.share.distrusted_of((rendition, no))
            || busy >= PEER_FETCHES
        {
            return Vec::new();
        }
        let begun = begun.filter(|_| self.is_in_pieces((rendition, no)));
        let is_long = self.is_long((rendition, no));
        let is_given = |link: &Link, at| {
            link.upload.is_some_and(|upload| upload.no == no && (!is_long || upload.has(at)))
        };
        let has_begun =
            |link: &Link| begun.is_some_and(|at| link.has_piece(no, at) && !is_given(link, at));
        let is_free = |link: &Link| {
            link.is_free(now) && (link.holds.contains(no) || has_begun(link)) && can_give(link)
        };
        let free = || self.links_of(rendition).filter(|(_, link)| is_free(link));
        let best = free().filter_map(|(_, link)| link.rate).fold(1.0, f64::max);
        let weight = |link: &Link| link.rate.or(link.told_rate()).unwrap_or(best);
        let gives_parts = |link: &Link| link.is_extended() && link.holds.contains(no);
        free()
            .map(|(link, it)| Holder { link, weight: weight(it), gives_parts: gives_parts(it) })
            .collect()
    }

    /// Asks peers for what is missing: several for parts of it, the likelier each the faster it was.
    pub(crate) fn ask_peers(&mut self, now: Time, key: (usize, usize)) {
        let Some((mut missing, mut holders)) = self.free_holders(now, key) else { return };
        let gives_parts = |holder: &Holder| holder.gives_parts;
        if self.is_close(key, missing.start) && holders.iter().any(gives_parts) {
            holders.retain(gives_parts);
            missing.end = missing.end.min(missing.start + CLOSE_BYTES);
        }
        let bytes = missing.end - missing.start;
        let most = (bytes / PART_BYTES).clamp(1, PARTS as u64);
        let extended = holders.iter().filter(|holder| holder.gives_parts).count() as u64;
        let parts = most.min(extended).max(1);
        let each = (bytes / parts).next_multiple_of(GRAIN);
        let mut start = missing.start;
        while start < missing.end {
            let Some(holder) = self.choose(&mut holders, parts > 1) else { return };
            let end = (start + each).min(missing.end);
            if parts == 1 {
                let end = self.end_with(key, holder.link, start..end);
                return self.ask_peer(now, holder.link, key, start..end);
            }
            self.ask_peer(now, holder.link, key, start..end);
            start = end;
        }
    }

    /// Where a peer that has some of a segment has no more, and another has, or we are to give it what follows.
    fn end_with(&self, (rendition, no): (usize, usize), id: LinkId, bytes: Range<u64>) -> u64 {
        let link = self.share.links.get(&id).filter(|link| !link.holds.contains(no));
        let Some(link) = link.filter(|_| self.is_long((rendition, no))) else { return bytes.end };
        let is_given = |at| link.upload.is_some_and(|upload| upload.no == no && upload.has(at));
        let has = |at: u64| {
            let is_elsewhere = |other: &Link| other.is_open() && other.has_piece(no, at);
            link.has_piece(no, at) || !is_given(at) && !self.is_any(rendition, &is_elsewhere)
        };
        bytes.clone().step_by(PIECE as usize).find(|at| !has(*at)).unwrap_or(bytes.end)
    }

    /// Takes one of them, much the likelier the faster it is.
    fn choose(&mut self, holders: &mut Vec<Holder>, is_for_part: bool) -> Option<Holder> {
        if is_for_part {
            holders.retain(|holder| holder.gives_parts);
        }
        let chance = |holder: &Holder| holder.weight * holder.weight;
        let mut left = holders.iter().map(chance).sum::<f64>() * self.dice.roll();
        let chosen = holders.iter().position(|holder| {
            left -= chance(holder);
            left <= 0.0
        });
        let at = chosen.or(holders.len().checked_sub(1))?;
        Some(holders.swap_remove(at))
    }

    /// A peer has it, or somebody who has it may be met any moment.
    pub(crate) fn may_come_from_peers(&self, (rendition, no): (usize, usize)) -> bool {
        let has = |link: &Link| {
            let sets = [&link.holds, &link.fetches, &link.comes];
            link.is_open() && (link.has_begun(no) || sets.iter().any(|set| set.contains(no)))
        };
        let swarm = self.share.swarms.get(&rendition);
        let meets = swarm.is_some_and(|swarm| swarm.awaits_peers(self.looked_at));
        let others = swarm.and_then(|swarm| swarm.others).filter(|_| self.is_live(rendition));
        let is_among_first = self.playhead.has_played && others.is_some_and(|it| it < FIRST_COMERS);
        let may_meet = || meets || self.awaits_peers(self.looked_at, rendition);
        self.can_share(rendition, no)
            && (!is_among_first && may_meet() || self.is_any(rendition, &has))
    }

    /// The tracker or a connection may bring a peer any moment.
    fn awaits_peers(&self, now: Time, rendition: usize) -> bool {
        // Before the first picture no swarm is joined, and soon after it is.
        let Some(swarm) = self.share.swarms.get(&rendition) else { return true };
        if self.is_any(rendition, &|link| link.is_about_to_tell(now)) {
            return true;
        }
        let has_peers = self.is_any(rendition, &Link::is_open);
        let awaits_tracker = swarm.awaits_tracker(now) && !self.share.tracker.is_failing();
        !has_peers && (awaits_tracker || swarm.awaits_peers(now))
    }

    /// Time until a segment is needed, or what follows its beginning where that is on.
    pub(crate) fn slack_of(&self, (rendition, no): (usize, usize)) -> Duration {
        let span = self.span_of(rendition, no);
        let position = self.playhead.position_at(self.looked_at);
        let begun = self.begun_of((rendition, no));
        let start = span.start + self.share_of(span, (rendition, no), begun);
        let playing = match self.is_dry() {
            true => start.saturating_sub(self.element.buffer.end_from(position)),
            false => start.saturating_sub(position),
        };
        playing.div_f64(self.playhead.speed)
    }

    /// Playback waits for bytes, and what was appended last hasn't helped: what there is up to here counts as played.
    fn is_dry(&self) -> bool {
        self.playhead.is_starved && self.element.appended_at <= self.playhead.told_at
    }

    /// Bytes of its beginning that are on, or are about to be.
    fn begun_of(&self, key: (usize, usize)) -> u64 {
        let head = match self.element.state {
            ElementState::AppendingHead(head, _) => Some(head),
            _ => self.element.head,
        };
        let head = head.filter(|head| (head.rendition, head.no) == key).map(|head| head.bytes);
        match head {
            None if !self.begins_in_time(key) => 0,
            _ => self.begun_bytes(key).max(head.unwrap_or(0)),
        }
    }

    /// How long so many bytes of a segment play.
    pub(crate) fn share_of(&self, span: Span, key: (usize, usize), bytes: u64) -> Duration {
        let whole = self.length_of(key.0, key.1).unwrap_or(bytes).max(1);
        span.end.saturating_sub(span.start).mul_f64(bytes as f64 / whole as f64)
    }

    /// So little time is left that the server is asked.
    pub(crate) fn is_urgent(&self, key: (usize, usize)) -> bool {
        let missing = self.missing(key, 0).map_or(0, |missing| missing.start);
        self.due_in(key, missing) <= self.reserve(key)
    }

    /// Time until a byte of a segment is needed: where its beginning is on and each piece can be played as it comes, later ones
    /// are needed later.
    fn due_in(&self, key: (usize, usize), byte: u64) -> Duration {
        let before = if self.is_on(key) { byte.saturating_sub(self.begun_of(key)) } else { 0 };
        self.slack_of(key) + self.plays(key, before)
    }

    /// Its beginning is on, and each piece can be played as it comes.
    fn is_on(&self, key: (usize, usize)) -> bool {
        self.is_streamed(key) && self.begun_of(key) > 0
    }

    /// How long so many bytes of a segment last at the speed of playback.
    pub(crate) fn plays(&self, key: (usize, usize), bytes: u64) -> Duration {
        self.share_of(self.span_of(key.0, key.1), key, bytes).div_f64(self.playhead.speed)
    }

    /// The time that is left to the server.
    pub(crate) fn reserve(&self, key: (usize, usize)) -> Duration {
        let missing = self.missing(key, 0).map(|missing| self.only_what_is_urgent(key, missing));
        let missing = missing.map_or(0, |missing| missing.end - missing.start);
        let bytes = if self.length_of(key.0, key.1).is_some() { missing } else { 0 };
        let (quarters, margin) =
            if self.is_on(key) { (7, self.begun_margin()) } else { (8, URGENT_MARGIN) };
        self.server_reserve(bytes, quarters) + margin
    }

    /// The same without a margin: so many quarters of what the server is likely to take for so many bytes. What follows a beginning that
    /// is on can do with less than what stops playback where it comes late.
    #[inline(never)]
    fn server_reserve(&self, bytes: u64, quarters: u32) -> Duration {
        (self.server_time(bytes) * quarters / 4).min(LONGEST_RESERVE)
    }

    /// Spare time for what follows a beginning that is on. Where peers cheat, each may, and more has to be spare.
    fn begun_margin(&self) -> Duration {
        if self.share.is_cheated { URGENT_MARGIN } else { BEGUN_MARGIN }
    }

    /// How long the server is likely to take for so many bytes.
    pub(crate) fn server_time(&self, bytes: u64) -> Duration {
        let seconds = bytes as f64 * 8.0 / self.bandwidth.bps().max(1) as f64;
        // Rust's own way of making a time of fractions would take 0.2 KB of what viewers download.
        let nanoseconds = (seconds.min(LONGEST_ESTIMATE) * 1e9).round_ties_even() as u64;
        self.bandwidth.latency() + Duration::from_nanos(nanoseconds)
    }

    /// Asks a faster peer for the last bytes of what another won't have given before the server would have to be asked.
    ///
    /// And of what a server that is too busy won't have given before it is needed; and one more peer for all that is needed soon,
    /// where those who were asked for it are silent: who brings something first goes on.
    pub(crate) fn relieve_slow_ones(&mut self, now: Time) {
        let segments =
            self.requests.iter().filter(|(_, request)| self.span_of_what(request.what).is_some());
        let slow: Vec<RequestId> = segments
            .filter(|(_, request)| {
                let link = request.giver().and_then(|link| self.share.links.get(&link));
                let is_known = link.is_some_and(|link| link.rate.or(link.told_rate()).is_some());
                let is_begun = request.bytes > 0;
                is_known && !is_begun
                    || is_silent(now, request)
                    || now.since(request.asked_at) >= WATCH_BEFORE_RACE
            })
            .map(|(id, _)| id)
            .collect();
        slow.into_iter().for_each(|id| self.relieve(now, id));
    }

    /// What this byte is in is being played, and it is needed soon.
    fn is_close(&self, key: (usize, usize), byte: u64) -> bool {
        self.is_on(key) && self.due_in(key, byte) <= CLOSE
    }

    fn will_be_urgent(&self, now: Time, request: &Request) -> bool {
        let What::Segment { rendition, no } = request.what else { return false };
        let left = self.to_come(request).map_or(0, |left| left.end - left.start);
        let reserve = match request.via {
            Via::Peer(_) => self.reserve((rendition, no)),
            Via::Server | Via::Mirror(_) => Duration::ZERO,
        };
        let spare = self.slack_of((rendition, no)).saturating_sub(reserve);
        left as f64 > self.expected_rate(now, request) * spare.min(RELIEF).as_secs_f64()
    }

    /// Bytes a second that a peer brings, or once its turn has come is likely to.
    fn expected_rate(&self, now: Time, request: &Request) -> f64 {
        let link = request.giver().and_then(|link| self.share.links.get(&link));
        let known = link.and_then(|link| link.rate.or(link.told_rate()));
        if request.bytes > 0 { request.rate(now).max(1.0) } else { known.unwrap_or(UNKNOWN_RATE) }
    }

    fn relieve(&mut self, now: Time, id: RequestId) {
        let Some(request) = self.requests.get(&id) else { return };
        let What::Segment { rendition, no } = request.what else { return };
        let (Some(left), rate) = (self.to_come(request), self.expected_rate(now, request)) else {
            return;
        };
        let is_whole = !self.is_streamed((rendition, no));
        if is_whole && request.is_from_peer() && self.has_to_be_raced(request, left.clone()) {
            return;
        }
        let left_to_it = left.start..request.range().end;
        let is_hedged = is_silent(now, request) && self.is_close((rendition, no), left.start);
        if !is_hedged && !self.will_be_urgent(now, request) {
            return;
        }
        let (mut asked, mut is_shared) = (1, false);
        for (other, request) in self.requests_for((rendition, no)) {
            let range = request.range();
            if other != id && range.start < left_to_it.end && left_to_it.start < range.end {
                asked += usize::from(request.is_from_peer());
                is_shared |= !is_hedged || request.is_from_peer() && !is_silent(now, request);
            }
        }
        let rate = if is_hedged { 0.0 } else { rate };
        let begun = is_hedged.then_some(left.start);
        let faster = self.holders(now, (rendition, no), begun, &Link::is_extended);
        let faster = faster.into_iter().filter(|holder| holder.weight > rate * FASTER);
        let best = faster.max_by(|one, other| one.weight.total_cmp(&other.weight));
        let Some(best) = best.filter(|_| !is_shared && asked < HEDGED) else { return };
        let kept = (left.end - left.start) as f64 * rate / (rate + best.weight);
        let start = (left.start + kept as u64).next_multiple_of(GRAIN);
        if start < left.end {
            self.ask_peer(now, best.link, (rendition, no), start..left.end);
        }
    }

    /// Has the server send what a peer is too slow with: the missing bytes alone.
    pub(crate) fn race_late_peers(&mut self, now: Time) {
        let from_peers = self.requests.values().filter(|request| request.is_from_peer());
        let late = from_peers.filter_map(|request| {
            let What::Segment { rendition, no } = request.what else { return None };
            let (key, range) = ((rendition, no), self.late_bytes(now, request)?);
            let plays_at = self.span_of(rendition, no).start + self.plays(key, range.start);
            Some((plays_at, key, range))
        });
        if let Some((_, key, range)) = late.min_by_key(|(plays_at, ..)| *plays_at)
            && self.may_overtake(key)
        {
            self.ask_server_for(now, key, range);
        }
    }

    /// What a peer was asked for and won't bring in time, if the server has to be asked for it now.
    fn late_bytes(&self, now: Time, request: &Request) -> Option<Range<u64>> {
        let What::Segment { rendition, no } = request.what else { return None };
        let key = (rendition, no);
        let is_raced =
            !self.is_on(key) && self.server_segments().any(|(_, other)| other.what == request.what);
        let is_resting = self.retries.get(&request.what).is_some_and(|retry| retry.at > now);
        let is_fresh = now.since(request.asked_at) < WATCH_BEFORE_RACE;
        if is_raced || is_resting || (is_fresh && !self.is_streamed(key)) {
            return None;
        }
        let left = self.to_come(request)?;
        if self.is_streamed(key) {
            return self.late_in_stream(now, request, key, left);
        }
        let time = self.time_with(request).saturating_sub(URGENT_MARGIN / 2).as_secs_f64();
        let needs = (left.end - left.start) as f64 / request.rate(now).max(1.0);
        let is_late = self.has_to_be_raced(request, left.clone()) && needs > time;
        let range = self.after_what_comes_soon(now, request, key, left).filter(|_| is_late)?;
        let range = self.piece_before(key, range.start)..range.end;
        Some(self.only_what_is_urgent(key, range))
    }

    /// The same where each piece can be played as soon as it has come.
    fn late_in_stream(
        &self,
        now: Time,
        request: &Request,
        key: (usize, usize),
        left: Range<u64>,
    ) -> Option<Range<u64>> {
        let due = |byte| self.due_in(key, byte);
        let slice = |start: u64| start..left.end.min(start + self.slice_bytes(key));
        // Who was asked just now may bring it yet, and so may who has just said that it will: then less has to be spare.
        let is_likely = now.since(request.heard_at) < JUST_HEARD && !self.share.is_cheated;
        let margin = self.begun_margin() / if is_likely { 3 } else { 1 };
        let has_to_be_asked = |range: &Range<u64>| {
            due(range.start) <= self.server_reserve(range.end - range.start, 7) + margin
        };
        let is_silent = request.bytes == 0 || now.since(request.heard_at) >= WATCH_BEFORE_RACE;
        if is_silent {
            return Some(slice(self.piece_before(key, left.start))).filter(has_to_be_asked);
        }
        // Each byte takes it longer than it plays, by so many seconds.
        let plays = self.plays(key, PIECE).as_secs_f64() / PIECE as f64;
        let loses = 1.0 / request.rate(now).max(1.0) - plays;
        // What has come from elsewhere it sends all the same, before what is still to come; and a piece plays when its end has come:
        // half of one behind, in the mean.
        let behind = left.start - (request.start + request.bytes) + PIECE / 2;
        let time = due(left.start).saturating_sub(self.begun_margin() / 2).as_secs_f64();
        let time = time - behind as f64 / request.rate(now).max(1.0);
        let brings = match loses {
            // However fast it is, nothing plays while it catches up.
            _ if time <= 0.0 => 0.0,
            ..=0.0 => f64::INFINITY,
            _ => time / loses,
        };
        let brings = (brings as u64).min(left.end - left.start);
        if brings == left.end - left.start {
            return None;
        }
        let start = self.piece_before(key, left.start + brings);
        Some(slice(start)).filter(|slice| !slice.is_empty() && has_to_be_asked(slice))
    }

    /// If the server is to send these bytes in time, it has to be asked now.
    fn has_to_be_raced(&self, request: &Request, left: Range<u64>) -> bool {
        self.time_with(request) <= self.server_reserve(left.end - left.start, 8) + URGENT_MARGIN
    }

    /// How long a peer may take for a segment. Who hasn't given anything right yet may give wrong bytes: then the server has to
    /// send all of it again.
    fn time_with(&self, request: &Request) -> Duration {
        let What::Segment { rendition, no } = request.what else { return Duration::ZERO };
        let link = request.giver().and_then(|link| self.share.links.get(&link));
        let is_proven =
            link.is_some_and(|link| link.conduct.is_proven()) || self.is_streamed((rendition, no));
        let whole = self.length_of(rendition, no).filter(|_| !is_proven);
        let again = whole.map_or(Duration::ZERO, |whole| self.server_time(whole));
        let again = again.min(LONGEST_RESERVE);
        self.slack_of((rendition, no)).saturating_sub(again)
    }

    /// The peer goes on with what it is likely to bring before the server has answered, if they come in time; the
    /// server sends the rest.
    fn after_what_comes_soon(
        &self,
        now: Time,
        request: &Request,
        key: (usize, usize),
        left: Range<u64>,
    ) -> Option<Range<u64>> {
        let (rate, slack) = (request.rate(now).max(1.0), self.slack_of(key));
        let until =
            self.server_time(left.end - left.start).max(slack.saturating_sub(URGENT_MARGIN));
        let soon = rate * until.as_secs_f64();
        let soon = (soon as u64).div_ceil(PIECE).max(1) * PIECE;
        let is_in_time = soon as f64 / rate < slack.as_secs_f64();
        let start = if is_in_time { left.start + soon } else { left.start };
        (start < left.end).then_some(start..left.end)
    }

    /// It brings a few pieces of what is being played; the next are asked for while they come.
    pub(crate) fn is_slice(&self, request: &Request) -> bool {
        let What::Segment { rendition, no } = request.what else { return false };
        let is_rest = self.length_of(rendition, no) <= Some(request.range().end);
        self.is_on((rendition, no)) && !is_rest
    }

    /// Requests for segments that go to the server.
    pub(crate) fn server_segments(&self) -> impl Iterator<Item = (RequestId, &Request)> {
        self.requests.iter().filter(|(_, request)| {
            !request.is_from_peer() && matches!(request.what, What::Segment { .. })
        })
    }
}

/// A peer that was asked, and has brought nothing for a while.
fn is_silent(now: Time, request: &Request) -> bool {
    request.is_from_peer()
        && match request.bytes {
            0 => now.since(request.asked_at) >= SILENT,
            _ => now.since(request.heard_at) >= FALLEN_SILENT,
        }
}

/// A peer that could give what is missing.
#[derive(Clone, Copy, Debug)]
struct Holder {
    link: LinkId,
    /// Bytes a second.
    weight: f64,
    /// It has all of it, and gives any stretch.
    gives_parts: bool,
}

impl Link {
    /// Bytes a second that it says it can give.
    fn told_rate(&self) -> Option<f64> {
        let kbps = self.kbps?.min(MOST_KBPS);
        Some(kbps as f64 * 125.0)
    }
}

/// Bytes a second of a peer of which nothing is known: a home's line.
const UNKNOWN_RATE: f64 = 625_000.0;

/// How many times as fast another peer has to be to be asked for the rest.
const FASTER: f64 = 1.5;

/// Parts begin at multiples of this: with a piece.
const GRAIN: u64 = PIECE;

/// What a peer says of its uplink counts up to here; nobody gives more to one.
pub(super) const MOST_KBPS: u64 = 20_000;

/// Seconds; a longer guess says only that the line is bad.
const LONGEST_ESTIMATE: f64 = 60.0;
