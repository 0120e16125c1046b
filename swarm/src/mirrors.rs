//! Mirrors: other servers that have the same media, whose bytes count only where a signed list says what they should be.
//!
//! The video's own host comes first: playlists, lists and all that no list tells of yet come from there. What follows is asked of
//! whoever is fast, the likelier the faster it was. A mirror that fails or sends a wrong byte isn't asked again; one that is slow
//! loses what it won't bring in time to whoever is fastest.

use std::sync::Arc;
use std::time::Duration;

use crate::Time;
use crate::engine::{Engine, Request, Via, What};
use crate::limits::{MIRRORS, STALL, WATCH_BEFORE_RACE};
use crate::message::RequestId;
use crate::timeline::Place;

/// The mirrors that are left, and how fast each server was.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    all: Vec<Mirror>,
    /// Bytes a second of the video's own host.
    own_rate: Option<f64>,
}

#[derive(Debug)]
struct Mirror {
    /// What the files lie below.
    base: Arc<str>,
    /// Bytes a second.
    rate: Option<f64>,
    /// It has failed, or sent wrong bytes.
    is_dropped: bool,
}

impl Mirrors {
    pub(crate) fn new(bases: Vec<String>) -> Mirrors {
        let mirror = |base: String| Mirror { base: base.into(), rate: None, is_dropped: false };
        Mirrors { all: bases.into_iter().take(MIRRORS).map(mirror).collect(), own_rate: None }
    }

    /// The page named some.
    pub(crate) fn are_named(&self) -> bool {
        !self.all.is_empty()
    }

    /// Some are left.
    pub(crate) fn are_left(&self) -> bool {
        self.all.iter().any(|mirror| !mirror.is_dropped)
    }

    fn rate_of(&mut self, via: Via) -> Option<&mut Option<f64>> {
        match via {
            Via::Server => Some(&mut self.own_rate),
            Via::Mirror(no) => self.all.get_mut(no).map(|mirror| &mut mirror.rate),
            Via::Peer(_) => None,
        }
    }

    /// Whoever can be asked, and how fast it was.
    fn servers(&self) -> impl Iterator<Item = (Via, Option<f64>)> {
        let left = self.all.iter().enumerate().filter(|(_, mirror)| !mirror.is_dropped);
        let mirrors = left.map(|(no, mirror)| (Via::Mirror(no), mirror.rate));
        std::iter::once((Via::Server, self.own_rate)).chain(mirrors)
    }
}

impl Engine {
    /// Which server is asked for some of a segment: the fastest known where time is short, else any, and one that hasn't shown yet
    /// how fast it is as if it were the fastest.
    pub(crate) fn choose_server(&mut self, key: (usize, usize), is_urgent: bool) -> Via {
        if !self.mirrors.are_left() || self.piece_digests(key).is_empty() {
            return Via::Server;
        }
        let best = self.mirrors.servers().filter_map(|(_, rate)| rate).fold(1.0, f64::max);
        let chance = |(via, rate): (Via, Option<f64>)| match rate {
            Some(rate) if is_urgent && rate < best => (via, 0.0),
            None if is_urgent && via != Via::Server => (via, 0.0),
            rate => (via, rate.unwrap_or(best)),
        };
        let sum: f64 = self.mirrors.servers().map(chance).map(|(_, chance)| chance).sum();
        let mut left = sum * self.dice.roll();
        let mut chances = self.mirrors.servers().map(chance);
        let chosen = chances.find(|(_, chance)| {
            left -= chance;
            *chance > 0.0 && left <= 0.0
        });
        chosen.map_or(Via::Server, |(via, _)| via)
    }

    /// Where a server has a file.
    pub(crate) fn place_at(&self, via: Via, base: Arc<str>, place: Place) -> (Arc<str>, Place) {
        let Via::Mirror(no) = via else { return (base, place) };
        let Some(mirror) = self.mirrors.all.get(no) else { return (base, place) };
        let name = crate::share::file_name(&place.uri).into();
        (mirror.base.clone(), Place { uri: name, ..place })
    }

    /// A server has brought so many bytes within this time.
    pub(crate) fn note_server(&mut self, via: Via, bytes: u64, took: Duration) {
        let rate = bytes as f64 / took.as_secs_f64().max(0.001);
        if via.is_believed() || rate * 8.0 >= self.bandwidth.bps() as f64 {
            // A slow mirror says nothing of the line.
            self.bandwidth.sample(bytes, took);
        }
        if let Some(known) = self.mirrors.rate_of(via) {
            *known = Some(known.map_or(rate, |before| (before + rate) / 2.0));
        }
    }

    /// A mirror has failed or sent wrong bytes: what it still sends isn't waited for, and it isn't asked again.
    pub(crate) fn drop_mirror(&mut self, now: Time, no: usize) {
        if let Some(mirror) = self.mirrors.all.get_mut(no) {
            mirror.is_dropped = true;
        }
        let asked = self.requests.iter().filter(|(_, request)| request.via == Via::Mirror(no));
        let asked: Vec<RequestId> = asked.map(|(id, _)| id).collect();
        asked.into_iter().for_each(|id| self.end_request(now, id));
    }

    /// Nobody can say any more what their bytes should be.
    pub(crate) fn drop_mirrors(&mut self, now: Time) {
        (0..self.mirrors.all.len()).for_each(|no| self.drop_mirror(now, no));
    }

    /// Takes back what a mirror won't bring before it is needed.
    pub(crate) fn relieve_mirrors(&mut self, now: Time) {
        let asked = self.requests.iter();
        let late = asked.filter(|(_, request)| self.is_late_mirror(now, request));
        let late: Vec<(RequestId, Via, u64, Duration)> = late
            .map(|(id, request)| (id, request.via, request.bytes, now.since(request.asked_at)))
            .collect();
        for (id, via, bytes, took) in late {
            if let Some(rate) = self.mirrors.rate_of(via) {
                *rate = Some(bytes as f64 / took.as_secs_f64().max(0.001));
            }
            self.end_request(now, id);
        }
    }

    fn is_late_mirror(&self, now: Time, request: &Request) -> bool {
        let (Via::Mirror(_), What::Segment { rendition, no }) = (request.via, request.what) else {
            return false;
        };
        if now.since(request.asked_at) < WATCH_BEFORE_RACE || !self.playhead.moves() {
            return false;
        }
        let left = self.to_come(request).map_or(0, |left| left.end - left.start);
        let spare = self.slack_of((rendition, no)).saturating_sub(self.server_time(left));
        now.since(request.heard_at) >= STALL
            || left as f64 > request.rate(now) * spare.as_secs_f64()
    }
}
