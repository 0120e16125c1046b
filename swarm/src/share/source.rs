//! Who is asked for a segment: a peer, the server, or nobody yet.
//!
//! What is urgent comes from the server, so that sharing never costs a stall. Of the rest, what a peer has comes from the
//! peer. What nobody has is fetched from the server by one of those who are connected, in a turn that all of them compute
//! alike: the first when the segment comes into sight, each further one a little later, if none had it by then.

use std::time::Duration;

use wire::peer::{MESSAGE_BYTES, PeerId};

use crate::Time;
use crate::engine::{Engine, Request, Via, What};
use crate::limits::{
    AHEAD, HEAD_MARGIN, PEER_FETCHES, SERVER_FETCHES, TURN, TURNS, URGENT_MARGIN, WATCH_BEFORE_RACE,
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
        if !self.can_share(rendition, no) {
            return if is_idle && !is_resting { Source::Server } else { Source::Later };
        }
        let span = self.span_of(rendition, no);
        let slack = self.slack_of((rendition, no));
        let may_ask = !is_resting && !self.is_resting(now, What::Segment { rendition, no });
        if self.is_urgent((rendition, no)) && self.may_overtake(span) && may_ask {
            return Source::Server;
        }
        let is_coming =
            |link: &Link| link.is_open() && (link.holds.contains(no) || link.fetches.contains(no));
        if self.links_of(rendition).any(|(_, link)| is_coming(link)) {
            let is_free = !self.free_holders(now, (rendition, no)).is_empty();
            return if is_free { Source::Peers } else { Source::Later };
        }
        if !is_idle
            || is_resting
            || self.awaits_peers(now, rendition)
            || slack > self.turn(rendition, no)
        {
            return Source::Later;
        }
        Source::Server
    }

    /// The server can be asked for one more segment: what it is sending already is needed later.
    fn may_overtake(&self, span: Span) -> bool {
        self.server_segments().count() < SERVER_FETCHES
            && self.server_segments().all(|(_, other)| {
                self.span_of_what(other.what).is_none_or(|other| other.start > span.start)
            })
    }

    /// It failed with another segment a moment ago.
    fn is_server_resting(&self, now: Time, no: usize) -> bool {
        self.retries.iter().any(|(what, retry)| {
            matches!(what, What::Segment { no: other, .. } if other != no) && retry.at > now
        })
    }

    /// It could be checked if a peer gave it.
    fn can_share(&self, rendition: usize, no: usize) -> bool {
        let is_joined = rendition == self.target || self.share.swarms.contains_key(&rendition);
        self.share.is_on()
            && self.is_verifiable()
            && is_joined
            && !self.share.distrusted.contains(&(rendition, no))
    }

    /// Peers that have it, are free, and can give the first stretch that is missing, with how fast they are: one that hasn't
    /// shown yet counts as fast as the best.
    fn free_holders(&self, now: Time, key: (usize, usize)) -> Vec<(LinkId, f64)> {
        let (rendition, no) = key;
        let busy = self.requests.values().filter(|request| request.is_from_peer()).count();
        let Some(missing) = self.missing(key, 0).filter(|_| busy < PEER_FETCHES) else {
            return Vec::new();
        };
        if self.digest_of(rendition, no).is_none()
            || self.length_of(rendition, no) != Some(missing.end)
        {
            return Vec::new();
        }
        let is_free = |link: &Link| {
            link.is_open()
                && link.download.is_none()
                && link.rests_until <= now
                && link.holds.contains(no)
        };
        let free = || self.links_of(rendition).filter(|(_, link)| is_free(link));
        let best = free().filter_map(|(_, link)| link.rate).fold(1.0, f64::max);
        free().map(|(id, link)| (id, link.rate.unwrap_or(best))).collect()
    }

    /// Asks a peer for what is missing, the likelier the faster it was.
    pub(crate) fn ask_peers(&mut self, now: Time, key: (usize, usize)) {
        let holders = self.free_holders(now, key);
        let Some(missing) = self.missing(key, 0) else { return };
        let mut left = holders.iter().map(|(_, weight)| weight).sum::<f64>() * self.dice.roll();
        let chosen = holders.iter().find(|(_, weight)| {
            left -= weight;
            left <= 0.0
        });
        if let Some((id, _)) = chosen.or(holders.last()) {
            self.ask_peer(now, *id, key, missing);
        }
    }

    /// The tracker or a connection may bring a peer any moment.
    fn awaits_peers(&self, now: Time, rendition: usize) -> bool {
        // Before the first picture no swarm is joined, and soon after it is.
        let Some(swarm) = self.share.swarms.get(&rendition) else { return true };
        if self.links_of(rendition).any(|(_, link)| link.is_about_to_tell(now)) {
            return true;
        }
        let has_peers = self.links_of(rendition).any(|(_, link)| link.is_open());
        let awaits_tracker = swarm.awaits_tracker(now) && !self.share.tracker.is_failing();
        !has_peers && (awaits_tracker || swarm.awaits_peers(now))
    }

    /// Playing time until a segment is needed, or what follows its beginning where that is on.
    pub(crate) fn slack_of(&self, (rendition, no): (usize, usize)) -> Duration {
        let span = self.span_of(rendition, no);
        let position = self.playhead.position;
        let start = match self.has_begun((rendition, no)) {
            true => self.element.buffer.end_from(position).min(span.end),
            false => span.start,
        };
        if self.playhead.is_starved {
            return start.saturating_sub(self.element.buffer.end_from(position));
        }
        start.saturating_sub(position)
    }

    /// Its beginning is in the media element.
    fn has_begun(&self, key: (usize, usize)) -> bool {
        self.element.head.is_some_and(|head| (head.rendition, head.no) == key)
    }

    /// So little time is left that the server is asked: twice what it is likely to take, and a margin.
    fn is_urgent(&self, key: (usize, usize)) -> bool {
        self.slack_of(key) <= self.reserve(key)
    }

    /// The time that is left to the server.
    pub(crate) fn reserve(&self, key: (usize, usize)) -> Duration {
        let missing = self.missing(key, 0).map_or(0, |missing| missing.end - missing.start);
        let bytes = if self.length_of(key.0, key.1).is_some() { missing } else { 0 };
        let margin = if self.has_begun(key) { HEAD_MARGIN } else { URGENT_MARGIN };
        self.server_time(bytes) * 2 + margin
    }

    /// How long the server is likely to take for so many bytes.
    pub(crate) fn server_time(&self, bytes: u64) -> Duration {
        let seconds = bytes as f64 * 8.0 / self.bandwidth.bps().max(1) as f64;
        self.bandwidth.latency() + Duration::from_secs_f64(seconds.min(LONGEST_ESTIMATE))
    }

    /// With how much time left it is our turn to fetch what nobody has.
    fn turn(&self, rendition: usize, no: usize) -> Duration {
        let Some(swarm) = self.share.swarms.get(&rendition) else { return AHEAD };
        let ours = score(&swarm.peer_id, no);
        let peers = self.links_of(rendition).filter(|(_, link)| link.is_open());
        let before = peers.filter_map(|(_, link)| link.peer).filter(|peer| score(peer, no) < ours);
        AHEAD.saturating_sub(TURN * before.count().min(TURNS) as u32)
    }

    /// Has the server send what a peer is too slow with: the missing bytes alone.
    pub(crate) fn race_late_peers(&mut self, now: Time) {
        let from_peers = self.requests.iter().filter(|(_, request)| request.is_from_peer());
        let late = from_peers.filter(|(_, request)| self.is_late(now, request));
        let soonest = late
            .filter_map(|(id, request)| Some((self.span_of_what(request.what)?, id)))
            .min_by_key(|(span, _)| span.start);
        if let Some((span, id)) = soonest
            && self.may_overtake(span)
        {
            self.race(now, id);
        }
    }

    fn is_late(&self, now: Time, request: &Request) -> bool {
        let What::Segment { rendition, no } = request.what else { return false };
        let is_raced = self.server_segments().any(|(_, other)| other.what == request.what);
        let is_resting = self.retries.get(&request.what).is_some_and(|retry| retry.at > now);
        if is_raced || is_resting || now.since(request.asked_at) < WATCH_BEFORE_RACE {
            return false;
        }
        let left = self.to_come(request).map_or(0, |left| left.end - left.start);
        let slack = self.slack_of((rendition, no));
        let margin = if self.has_begun((rendition, no)) { HEAD_MARGIN } else { URGENT_MARGIN };
        let needs = left as f64 / request.rate(now).max(1.0);
        slack <= self.server_time(left) * 2 + margin && needs > slack.as_secs_f64()
    }

    /// The peer goes on with the messages that it is likely to bring before the server has answered, if they come in time; the
    /// server sends the rest.
    fn race(&mut self, now: Time, id: RequestId) {
        let Some(request) = self.requests.get(&id) else { return };
        let What::Segment { rendition, no } = request.what else { return };
        let Some(left) = self.to_come(request) else { return };
        let rate = request.rate(now).max(1.0);
        let soon = rate * self.server_time(left.end - left.start).as_secs_f64();
        let soon = (soon as u64).div_ceil(MESSAGE_BYTES as u64).max(1) * MESSAGE_BYTES as u64;
        let is_in_time = soon as f64 / rate < self.slack_of((rendition, no)).as_secs_f64();
        let start = if is_in_time { left.start + soon } else { left.start };
        if start < left.end {
            self.ask_server_for(now, (rendition, no), start..left.end);
        }
    }

    /// Segments of a rendition that are on their way from the server.
    pub(crate) fn fetched_from_server(&self, rendition: usize) -> impl Iterator<Item = usize> {
        self.server_segments().filter_map(move |(_, request)| match request.what {
            What::Segment { rendition: of, no } if of == rendition => Some(no),
            _ => None,
        })
    }

    /// Requests for segments that go to the server.
    pub(crate) fn server_segments(&self) -> impl Iterator<Item = (RequestId, &Request)> {
        self.requests.iter().filter(|(_, request)| {
            request.via == Via::Server && matches!(request.what, What::Segment { .. })
        })
    }
}

/// A number that everybody computes alike for a peer and a segment: FNV-1a, mixed so that neighbouring segments don't
/// fall to the same peer.
fn score(peer: &PeerId, no: usize) -> u32 {
    let bytes = peer.0.iter().copied().chain((no as u32).to_le_bytes());
    let hash = bytes
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Seconds; a longer guess says only that the line is bad.
const LONGEST_ESTIMATE: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_fall_to_everybody_alike() {
        let peers: Vec<PeerId> = (0..4).map(|no| PeerId::from_random([no; 12])).collect();
        let mut turns = [0; 4];
        for no in 0..400 {
            let first = (0..4).min_by_key(|peer| score(&peers[*peer], no)).unwrap();
            turns[first] += 1;
        }
        assert!(turns.iter().all(|turns| (60..140).contains(turns)), "{turns:?}");
    }
}
