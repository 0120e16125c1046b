//! Mirrors: other servers that have the same media, whose bytes count only where a signed list says what they should be.
//!
//! The video's own host comes first: playlists, lists and all that no list tells of yet come from there. What follows is asked of
//! whoever is fast, the likelier the faster it was. A mirror that sends a wrong byte or hasn't got a file isn't asked again, nor is
//! one that fails three times in a row; what one won't bring in time is taken over where somebody else is faster.

use std::sync::Arc;
use std::time::Duration;

use crate::Time;
use crate::engine::{Engine, Request, Via, What};
use crate::limits::{LONGEST_WAIT, MIRROR_FAILURES, MIRRORS, STALL};
use crate::message::{Failure, RequestId};
use crate::retry::Retry;
use crate::timeline::{Place, file_name};

/// All servers, and how they have done.
#[derive(Debug)]
pub(crate) struct Mirrors {
    own: Server,
    /// By the numbers of [`Via::Mirror`].
    all: Vec<Server>,
}

#[derive(Debug, Default)]
struct Server {
    /// What the files lie below, of a mirror.
    base: Arc<str>,
    /// Bytes a second, once that is known.
    rate: Option<f64>,
    /// How often it has failed, or brought nothing in time, since it last did what it should.
    failures: u32,
    rests_until: Time,
    is_dropped: bool,
}

impl Mirrors {
    pub(crate) fn new(bases: Vec<String>) -> Mirrors {
        let mirror = |base: String| Server { base: base.into(), ..Server::default() };
        let all = bases.into_iter().take(MIRRORS).map(mirror).collect();
        Mirrors { own: Server::default(), all }
    }

    /// The page named some.
    pub(crate) fn are_named(&self) -> bool {
        !self.all.is_empty()
    }

    /// Some are left.
    pub(crate) fn are_left(&self) -> bool {
        self.all.iter().any(|mirror| !mirror.is_dropped)
    }

    fn server(&mut self, via: Via) -> Option<&mut Server> {
        match via {
            Via::Server => Some(&mut self.own),
            Via::Mirror(no) => self.all.get_mut(no),
            Via::Peer(_) => None,
        }
    }

    /// Whoever can be asked now, and how fast it was.
    fn ready(&self, now: Time) -> impl Iterator<Item = (Via, Option<f64>)> {
        let own = std::iter::once((Via::Server, &self.own));
        let mirrors = self.all.iter().enumerate().map(|(no, mirror)| (Via::Mirror(no), mirror));
        let is_ready = move |(_, of): &(Via, &Server)| !of.is_dropped && of.rests_until <= now;
        own.chain(mirrors).filter(is_ready).map(|(via, of)| (via, of.rate))
    }
}

impl Engine {
    /// Which server is asked for some of a segment: any, the likelier the faster it was; where time is short the fastest, if that is
    /// fast enough. One that hasn't shown yet how fast it is counts as if it were the fastest.
    pub(crate) fn choose_server(&mut self, now: Time, key: (usize, usize)) -> Via {
        if !self.may_be_mirrored(key) {
            return Via::Server;
        }
        let rates = || self.mirrors.ready(now);
        let best = rates().filter_map(|(_, rate)| rate).fold(1.0, f64::max);
        let is_settled = self.is_urgent(key) && best >= self.bytes_a_second(key);
        let chance = |rate: Option<f64>| match rate {
            Some(rate) if is_settled && rate < best => 0.0,
            None if is_settled => 0.0,
            rate => rate.unwrap_or(best).max(best * LEAST_CHANCE),
        };
        let sum: f64 = rates().map(|(_, rate)| chance(rate)).sum();
        let mut left = sum * self.dice.roll();
        let chosen = self.mirrors.ready(now).find(|(_, rate)| {
            left -= chance(*rate);
            chance(*rate) > 0.0 && left <= 0.0
        });
        chosen.map_or(Via::Server, |(via, _)| via)
    }

    /// A mirror may be asked for some of it: what it sends can be compared, piece by piece.
    fn may_be_mirrored(&self, key: (usize, usize)) -> bool {
        self.mirrors.are_left()
            && !self.piece_digests(key).is_empty()
            && !self.share.distrusted_of(key)
    }

    /// What has to come of a segment in the time that it plays.
    fn bytes_a_second(&self, (rendition, no): (usize, usize)) -> f64 {
        let span = self.span_of(rendition, no);
        let plays = span.end.saturating_sub(span.start).as_secs_f64().max(0.1);
        self.length_of(rendition, no).unwrap_or(0) as f64 / plays * self.playhead.speed
    }

    /// Where a server has a file.
    pub(crate) fn place_at(&self, via: Via, base: Arc<str>, place: Place) -> (Arc<str>, Place) {
        let Via::Mirror(no) = via else { return (base, place) };
        let Some(mirror) = self.mirrors.all.get(no) else { return (base, place) };
        let uri = file_name(&place.uri).into();
        (mirror.base.clone(), Place { uri, ..place })
    }

    /// A server has brought so many bytes within this time.
    pub(crate) fn note_server(&mut self, via: Via, bytes: u64, took: Duration) {
        let rate = bytes as f64 / took.as_secs_f64().max(0.001);
        if via.is_believed() || rate * 8.0 >= self.bandwidth.bps() as f64 {
            // A slow mirror says nothing of the line.
            self.bandwidth.sample(bytes, took);
        }
        if let Some(server) = self.mirrors.server(via) {
            server.failures = 0;
            server.rate = Some(server.rate.map_or(rate, |before| (before + rate) / 2.0));
        }
    }

    /// A server has failed to send some of a segment. `true`: somebody else is asked for it, and nobody waits for this one.
    pub(crate) fn replaces_server(
        &mut self,
        now: Time,
        request: &Request,
        failure: &Failure,
    ) -> bool {
        match (request.via, request.what) {
            (Via::Mirror(no), _) if failure.is_final() => self.drop_mirror(now, no),
            (Via::Mirror(_), _) => self.server_failed(now, request.via),
            (_, What::Segment { rendition, no }) if self.may_be_mirrored((rendition, no)) => {
                self.server_failed(now, request.via);
                return self.mirrors.ready(now).next().is_some();
            }
            _ => return false,
        }
        true
    }

    /// Leaves a server in peace for a while, the longer the oftener it has failed: the video's own host, which alone has everything,
    /// for as short as any that fails, a mirror for longer, and for good after a few times.
    fn server_failed(&mut self, now: Time, via: Via) {
        let Some(server) = self.mirrors.server(via) else { return };
        let before = Retry { failures: server.failures, at: now };
        let retry = Retry::after(now, Some(before), None, &mut self.dice);
        server.failures = retry.failures;
        server.rests_until = retry.at;
        if let Via::Mirror(no) = via {
            server.rests_until = now + LONGEST_WAIT * retry.failures;
            if retry.failures >= MIRROR_FAILURES {
                self.drop_mirror(now, no);
            }
        }
    }

    /// Never asks a mirror again, and doesn't wait for what it still sends.
    pub(crate) fn drop_mirror(&mut self, now: Time, no: usize) {
        if let Some(mirror) = self.mirrors.all.get_mut(no) {
            mirror.is_dropped = true;
        }
        let asked = self.requests.iter().filter(|(_, request)| request.via == Via::Mirror(no));
        let asked: Vec<RequestId> = asked.map(|(id, _)| id).collect();
        asked.into_iter().for_each(|id| self.end_request(now, id));
        self.compare_no_more();
    }

    /// Nobody can say any more what their bytes should be.
    pub(crate) fn drop_mirrors(&mut self, now: Time) {
        (0..self.mirrors.all.len()).for_each(|no| self.drop_mirror(now, no));
    }

    /// Takes back what a mirror won't bring before it is needed, if somebody else is faster, or that it has stopped to send.
    pub(crate) fn relieve_mirrors(&mut self, now: Time) {
        let late = self.requests.iter().filter(|(_, request)| self.is_late_mirror(now, request));
        let late: Vec<RequestId> = late.map(|(id, _)| id).collect();
        for id in late {
            let Some(Request { via, bytes, asked_at, heard_at, .. }) = self.requests.get(&id)
            else {
                continue;
            };
            let (via, bytes, took) = (*via, *bytes, now.since(*asked_at));
            let has_stalled = now.since(*heard_at) >= STALL;
            if let Some(server) = self.mirrors.server(via).filter(|_| bytes > 0) {
                server.rate = Some(bytes as f64 / took.as_secs_f64().max(0.001));
            }
            self.end_request(now, id);
            if has_stalled || bytes == 0 {
                self.server_failed(now, via);
            }
        }
    }

    fn is_late_mirror(&self, now: Time, request: &Request) -> bool {
        let (Via::Mirror(_), What::Segment { rendition, no }) = (request.via, request.what) else {
            return false;
        };
        // Until then one that is far away looks like one that is slow.
        if now.since(request.asked_at) < STALL || !self.playhead.moves() {
            return false;
        }
        let rate = request.rate(now);
        let is_faster = |(via, of): (Via, Option<f64>)| {
            let unmeasured = via == Via::Server && self.mirrors.own.failures == 0;
            let guess = unmeasured.then(|| self.bandwidth.bps() as f64 / 8.0);
            via != request.via && of.or(guess).is_some_and(|other| other > rate)
        };
        let left = self.to_come(request).map_or(0, |left| left.end - left.start);
        let spare = self.slack_of((rendition, no)).saturating_sub(self.server_time(left));
        let is_late = left as f64 > rate * spare.as_secs_f64();
        now.since(request.heard_at) >= STALL || (is_late && self.mirrors.ready(now).any(is_faster))
    }
}

/// A server that was slow is tried once in so many times, as it may not be any more.
const LEAST_CHANCE: f64 = 0.05;
