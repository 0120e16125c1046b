//! The queue: which segment is fetched from whom, now.

use std::time::Duration;

use swarm::Time;
use wire::peer::Segment;

use crate::policy::pml5::{self, Turn};
use crate::policy::{Stock, pml2};

use super::StockPeer;
use super::loader::Via;

/// When the queue is gone through.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Something has changed since it was last gone through.
    pub(super) is_due: bool,
    /// The playlist lists something new.
    pub(super) has_fresh: bool,
    /// The viewer jumped: the next segment is urgent.
    pub(super) has_seeked: bool,
    /// Playback had it gone through last.
    went_on_at: Time,
    /// The policy's timer goes off then.
    ticks_at: Option<Time>,
    /// What a fetch from the server takes, of late.
    fetch_estimate: Option<Duration>,
}

impl Queue {
    pub(super) fn ticks_at(&self) -> Option<Time> {
        self.ticks_at
    }

    /// Playback has it gone through once a second, and when it jumps.
    pub(super) fn playback_went_on(&mut self, now: Time, has_jumped: bool) {
        if has_jumped || now.since(self.went_on_at) >= PLAYBACK_INTERVAL {
            (self.is_due, self.went_on_at) = (true, now);
        }
    }

    pub(super) fn fetch_took(&mut self, took: Duration) {
        let before = self.fetch_estimate.unwrap_or(took);
        self.fetch_estimate = Some(before.mul_f64(0.7) + took.mul_f64(0.3));
    }

    fn fetch_estimate(&self) -> Duration {
        self.fetch_estimate.unwrap_or(FIRST_ESTIMATE)
    }
}

impl StockPeer {
    pub(super) fn look_at_queue(&mut self) {
        if std::mem::take(&mut self.queue.is_due) && self.track.is_known() {
            self.go_through();
        }
        let is_tick = self.queue.ticks_at.is_some_and(|at| at <= self.now);
        let is_fresh = std::mem::take(&mut self.queue.has_fresh);
        match self.policy {
            Stock::Pml2 if is_tick => self.tick(),
            Stock::Pml5 if is_tick || is_fresh => self.elect(),
            _ => {}
        }
        if is_tick || self.queue.ticks_at.is_none() {
            let wait = match self.policy {
                Stock::Pml2 => pml2::next_tick(self.neighbours(), &mut self.dice),
                Stock::Pml5 => pml5::next_look(&mut self.dice),
            };
            self.queue.ticks_at = Some(self.now + wait);
        }
    }

    /// From the segment that the player needs next to the end of the playlist.
    fn go_through(&mut self) {
        let mut http = self.running(Via::Server);
        let mut p2p = self.running(Via::Peer);
        for no in self.player.next..self.track.end() {
            if self.held.contains_key(&no) {
                continue;
            }
            if self.is_urgent(no) {
                self.hurry(no, &mut http, &mut p2p);
            } else if p2p >= P2P_DOWNLOADS {
                return;
            } else if self.via(no).is_none() && self.start_from_peer(no) {
                p2p += 1;
            }
        }
    }

    /// An urgent segment comes from the server, even if a peer is bringing it; only where that can't be, from a peer.
    fn hurry(&mut self, no: Segment, http: &mut usize, p2p: &mut usize) {
        let via = self.via(no);
        if via == Some(Via::Server) {
            return;
        }
        let may_fetch =
            !self.is_resting(no) && (*http < HTTP_DOWNLOADS || self.free_server_slot(no, http));
        if may_fetch {
            if via == Some(Via::Peer) {
                self.stop(no);
                *p2p -= 1;
            }
            if self.held.contains_key(&no) {
                return;
            }
            self.start_from_server(no);
            *http += 1;
        } else if via.is_none() && *p2p < P2P_DOWNLOADS && self.start_from_peer(no) {
            *p2p += 1;
        }
    }

    /// Gives up the last fetch from the server that is behind this segment in the queue.
    fn free_server_slot(&mut self, no: Segment, http: &mut usize) -> bool {
        let behind = self.loads.range(no + 1..).rev();
        let last =
            behind.filter(|(_, load)| load.via() == Some(Via::Server)).map(|(no, _)| *no).next();
        if let Some(last) = last {
            self.stop(last);
            *http -= 1;
        }
        last.is_some()
    }

    fn is_urgent(&self, no: Segment) -> bool {
        let is_sought = self.queue.has_seeked && no == self.player.next;
        is_sought || self.until_urgent(no).is_zero()
    }

    fn until_urgent(&self, no: Segment) -> Duration {
        let start = self.track.slot(no).map_or(Duration::ZERO, |slot| slot.span.start);
        start.saturating_sub(self.player.position + self.config.high_demand)
    }

    /// Version 2's timer goes off: what nobody around holds or fetches is left to chance.
    fn tick(&mut self) {
        let neighbours = self.neighbours();
        let mut free = HTTP_DOWNLOADS.saturating_sub(self.running(Via::Server));
        if neighbours == 0 || free == 0 {
            return;
        }
        let is_candidate = |no: &Segment| {
            let near = self.nearby.of(*no);
            self.is_missing(*no) && near.loaded == 0 && near.loading == 0
        };
        let candidates: Vec<Segment> =
            (self.player.next..self.track.end()).filter(is_candidate).collect();
        for pick in pml2::picks(candidates.len(), neighbours, &mut self.dice) {
            if free > 0 && !self.is_resting(candidates[pick]) {
                self.start_from_server(candidates[pick]);
                free -= 1;
            }
        }
    }

    /// Version 5's election, for every segment that no neighbour holds.
    fn elect(&mut self) {
        let mut free = HTTP_DOWNLOADS.saturating_sub(self.running(Via::Server));
        let neighbours: Vec<_> = self
            .links
            .values()
            .filter(|link| link.is_open())
            .filter_map(|link| link.peer)
            .collect();
        if neighbours.is_empty() {
            return;
        }
        for no in self.player.next..self.track.end() {
            if free == 0 {
                return;
            }
            let near = self.nearby.of(no);
            if !self.is_missing(no) || near.loaded > 0 || self.is_resting(no) {
                continue;
            }
            let rank = pml5::rank(self.peer_id, neighbours.iter().copied(), no);
            let turn = Turn::of(rank, self.queue.fetch_estimate());
            if turn.has_come(self.until_urgent(no), near.loading > 0) {
                self.start_from_server(no);
                free -= 1;
            }
        }
    }

    fn is_missing(&self, no: Segment) -> bool {
        !self.held.contains_key(&no) && self.via(no).is_none()
    }
}

const HTTP_DOWNLOADS: usize = 2;
const P2P_DOWNLOADS: usize = 3;
const PLAYBACK_INTERVAL: Duration = Duration::from_secs(1);
/// Before anything was fetched.
const FIRST_ESTIMATE: Duration = Duration::from_secs(1);
