//! Whose turn it is to fetch from the server what nobody has.
//!
//! Everybody computes the same number for each viewer and segment; who has the lowest comes first. A viewer knows only its
//! neighbours, but the tracker counts all: its own number among so many evenly spread ones tells about how many come before it.
//!
//! - Viewers of a finished video are at different places. Each neighbourhood fetches what is next: the first when the segment
//!   comes into sight, each further one a little later, if none had it by then.
//! - Viewers of a live stream all want the newest segment at once. The first of the whole swarm fetches it; further ones follow
//!   until the word is out that somebody does. As the time runs short, so many more fetch it, where it is nowhere near, that what
//!   is left of the time suffices to pass it on to all.

use std::time::Duration;

use wire::peer::PeerId;

use crate::Time;
use crate::engine::{Engine, Request, What};
use crate::limits::{
    AHEAD, COMING_LIFE, FAST_KBPS, FRESH_TURN, FRESH_TURNS, LONGEST_FRESH_TURN, LONGEST_HOP,
    OWNED_LIFE, SLOW_KBPS, SLOW_TURNS, SPREAD, TURN, TURNS,
};

impl Engine {
    /// It is for us to fetch a segment that no neighbour has or fetches; to some it may be coming.
    pub(super) fn is_our_turn(
        &self,
        now: Time,
        (rendition, no): (usize, usize),
        is_coming: bool,
    ) -> bool {
        let slack = self.slack_of((rendition, no));
        let Some(swarm) = self.share.swarms.get(&rendition) else { return slack <= AHEAD };
        let ours = score(&swarm.peer_id, no);
        let peers = self.links_of(rendition).filter(|(_, link)| link.is_open());
        let peers = peers.filter_map(|(_, link)| link.peer);
        let (neighbours, before) = peers.fold((0, 0), |(all, before), peer| {
            (all + 1, before + usize::from(score(&peer, no) < ours))
        });
        let line = self.renditions.get(rendition).and_then(|rendition| rendition.timeline());
        let Some(line) = line.filter(|line| line.live.is_some()) else {
            return slack <= AHEAD.saturating_sub(TURN * before.min(TURNS) as u32);
        };
        let others = swarm.others.unwrap_or(0).max(neighbours);
        let bytes = self.length_of(rendition, no).unwrap_or(0);
        let rank = self.rank(rendition, bytes, ours, others, before);
        let is_owned = self.owned(rendition, line.end()) > no;
        let listed_at = line.slot(no).map_or(now, |slot| slot.listed_at);
        let left = slack.saturating_sub(self.reserve((rendition, no)));
        let turn = left.div_f64(FRESH_TURNS).min(LONGEST_FRESH_TURN).max(FRESH_TURN);
        let turn = turn.mul_f64(rank);
        let believed = match is_owned {
            _ if is_coming => COMING_LIFE,
            true => OWNED_LIFE,
            false => Duration::ZERO,
        };
        let has_waited = now.since(listed_at) >= believed + turn;
        has_waited
            || !is_coming
                && left <= self.hop_of((rendition, no)) * hops(others + 1, rank as usize + 1)
    }

    /// How long a segment takes from one viewer to those behind it: by pieces less than to become whole there.
    fn hop_of(&self, key: (usize, usize)) -> Duration {
        if self.is_in_pieces(key) { self.share.hop / CUT_THROUGH } else { self.share.hop }
    }

    /// How many are likely to come before us. Fast viewers are counted among themselves, and the others leave them turns, the
    /// slowest most: what a slow one fetches takes long to get further.
    fn rank(&self, rendition: usize, bytes: u64, ours: u32, others: usize, before: usize) -> f64 {
        let is_fast = |kbps: u64| kbps >= FAST_KBPS;
        let told: Vec<u64> = self.links_of(rendition).filter_map(|(_, link)| link.kbps).collect();
        let fast = told.iter().filter(|kbps| is_fast(**kbps)).count();
        let kbps = self.uplink_kbps().filter(|_| self.has_budget(bytes * PASSED_ON)).unwrap_or(0);
        if is_fast(kbps) {
            return place_among(ours, others) * (fast + 1) as f64 / (told.len() + 1) as f64;
        }
        let handicap = match fast {
            0 => 0.0,
            _ if kbps < SLOW_KBPS => SLOW_TURNS * 3.0,
            _ => SLOW_TURNS,
        };
        place_among(ours, others).max(before as f64) + handicap
    }

    /// What was asked of a peer came within this time, from its first byte on: a whole segment takes as much longer as it is.
    pub(super) fn note_hop(&mut self, request: &Request, took: Duration) {
        let What::Segment { rendition, no } = request.what else { return };
        let whole = self.length_of(rendition, no).unwrap_or(request.bytes);
        let hop = took.mul_f64(whole as f64 / request.bytes.max(1) as f64).min(LONGEST_HOP);
        self.share.hop = (self.share.hop * 7 + hop) / 8;
    }
}

/// A segment of a few pieces is passed on so many times as fast as if it were passed on whole.
const CUT_THROUGH: u32 = 4;

/// How often the owner of a segment passes it on before others do.
const PASSED_ON: u64 = 3;

/// How many of so many others are likely to come before one with this score.
fn place_among(score: u32, others: usize) -> f64 {
    f64::from(score) * others as f64 / (u64::from(u32::MAX) + 1) as f64
}

/// How often a segment has to be passed on until all have it that `owners` have.
fn hops(all: usize, owners: usize) -> u32 {
    (all / owners.max(1)).max(1).ilog2().div_ceil(SPREAD)
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

    #[test]
    fn about_one_of_a_swarm_comes_first() {
        let firsts = |no| {
            let peers = (0..1000_u32).map(|peer| {
                let [a, b, ..] = peer.to_le_bytes();
                PeerId::from_random([a, b, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
            });
            peers.filter(|peer| place_among(score(peer, no), 999) < 1.0).count()
        };
        let all: usize = (0..200).map(firsts).sum();
        assert!((150..250).contains(&all), "{all} in 200 segments");
    }

    #[test]
    fn the_less_time_is_left_the_more_fetch() {
        assert_eq!([hops(1000, 1), hops(1000, 4), hops(1000, 64), hops(1000, 1000)], [3, 3, 1, 0]);
        assert_eq!((hops(1, 1), hops(0, 0)), (0, 0));
    }
}
