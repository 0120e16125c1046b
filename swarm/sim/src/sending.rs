//! How what viewers send each other gets through: the sender's uplink, the way, the receiver's line.
//!
//! An uplink serves its connections in turn, a message at a time; small commands slip in between, as packets do, and hold up the
//! next message by what they take. A connection keeps its order, and sends no faster than its window allows.

use std::time::Duration;

use swarm::{Input, LinkId};
use wire::peer::DATA_BYTES;

use crate::event::Event;
use crate::line::takes;
use crate::pipe::{End, Parcel, Piece};
use crate::world::World;

impl World {
    pub(crate) fn give_piece(&mut self, from: End, piece: Piece) {
        let end = piece.start + piece.bytes;
        let mut start = piece.start;
        while start < end {
            let bytes = (end - start).min(DATA_BYTES as u64);
            self.send(from, Parcel::Data(Piece { start, bytes, ..piece }));
            start += bytes;
        }
        if let Some(pipe) = self.viewers[from.0].pipes.get_mut(&from.1) {
            pipe.is_draining = true;
        }
    }

    pub(crate) fn send(&mut self, (viewer, link): End, parcel: Parcel) {
        let sender = &mut self.viewers[viewer];
        let uplink_bps = sender.line.uplink_bps;
        let Some(pipe) = sender.pipes.get_mut(&link).filter(|pipe| pipe.is_open) else { return };
        let bytes = parcel.bytes();
        if pipe.queue.is_empty() && bytes < SMALL {
            sender.slipped_in += bytes + PACKET_OVERHEAD;
            return self.leave_uplink((viewer, link), parcel, takes(bytes, uplink_bps));
        }
        pipe.queued_bytes += bytes;
        pipe.queue.push_back(parcel);
        if !std::mem::replace(&mut pipe.is_lined_up, true) {
            self.line_up(viewer, link);
        }
    }

    /// A connection waits for its turn at the uplink.
    pub(crate) fn line_up(&mut self, viewer: usize, link: LinkId) {
        self.viewers[viewer].lined_up.push_back(link);
        self.serve(viewer);
    }

    fn serve(&mut self, viewer: usize) {
        let sender = &mut self.viewers[viewer];
        while sender.sending.is_none() {
            let Some(link) = sender.lined_up.pop_front() else { return };
            let Some(first) = sender.pipes.get(&link).and_then(|pipe| pipe.queue.front()) else {
                continue;
            };
            let bytes = first.bytes() + std::mem::take(&mut sender.slipped_in);
            let at = self.now + takes(bytes, sender.line.uplink_bps);
            sender.sending = Some(link);
            self.events.push(at, Event::Sent(viewer));
        }
    }

    /// The uplink has sent a message.
    pub(crate) fn sent(&mut self, viewer: usize) {
        let sender = &mut self.viewers[viewer];
        let Some(link) = sender.sending.take() else { return };
        let takes_at_uplink = |bytes| takes(bytes, sender.line.uplink_bps);
        if let Some(pipe) = sender.pipes.get_mut(&link)
            && let Some(parcel) = pipe.queue.pop_front()
        {
            let bytes = parcel.bytes();
            pipe.queued_bytes -= bytes;
            let window_bps =
                (WINDOW_BYTES as f64 * 8.0 / pipe.round_trip.as_secs_f64().max(0.001)) as u64;
            let wait = takes(bytes, window_bps).saturating_sub(takes_at_uplink(bytes));
            pipe.is_lined_up = !pipe.queue.is_empty();
            if pipe.is_lined_up && wait.is_zero() {
                sender.lined_up.push_back(link);
            } else if pipe.is_lined_up {
                self.events.push(self.now + wait, Event::PipeReady(viewer, link));
            }
            self.leave_uplink((viewer, link), parcel, Duration::ZERO);
            self.tell_drained(viewer, link);
        }
        self.serve(viewer);
    }

    fn tell_drained(&mut self, viewer: usize, link: LinkId) {
        let Some(pipe) = self.viewers[viewer].pipes.get_mut(&link) else { return };
        if pipe.is_draining && pipe.queued_bytes <= ALMOST {
            pipe.is_draining = false;
            self.mail(self.now, viewer, Input::Drained { link });
        }
    }

    /// A message is on its way; one of which a packet was lost comes a round trip later, and holds up those behind it.
    fn leave_uplink(&mut self, (viewer, link): End, parcel: Parcel, takes: Duration) {
        let lost =
            self.network.loss > 0.0 && self.dice.roll() < self.network.loss_of(parcel.bytes());
        let Some(pipe) = self.viewers[viewer].pipes.get_mut(&link) else { return };
        let Some((to, to_link)) = pipe.to else { return };
        let resent = if lost { pipe.round_trip } else { Duration::ZERO };
        let at = (self.now + takes + pipe.round_trip / 2 + resent).max(pipe.last_arrival);
        pipe.last_arrival = at;
        if let Parcel::Data(piece) = &parcel {
            self.viewers[viewer].sent_bytes += piece.bytes;
        }
        self.events.push(at, Event::Arrived(to, to_link, parcel));
    }

    /// A message has reached a viewer's line, and waits for what came before.
    pub(crate) fn arrived(&mut self, viewer: usize, link: LinkId, parcel: Parcel) {
        let is_free = self.viewers[viewer].line_free_at <= self.now;
        let at = self.through_line(viewer, parcel.bytes());
        if is_free && at <= self.now + IMPERCEPTIBLE {
            self.received(viewer, link, parcel);
        } else {
            self.events.push(at, Event::Received(viewer, link, parcel));
        }
    }

    /// When bytes that have reached a viewer's line are through it.
    pub(crate) fn through_line(&mut self, viewer: usize, bytes: u64) -> Duration {
        let receiver = &mut self.viewers[viewer];
        let at = receiver.line.through_at(receiver.line_free_at.max(self.now), bytes);
        receiver.line_free_at = at;
        at
    }

    pub(crate) fn received(&mut self, viewer: usize, link: LinkId, parcel: Parcel) {
        let receiver = &mut self.viewers[viewer];
        if receiver.pipes.get(&link).is_none_or(|pipe| !pipe.is_open) {
            return;
        }
        match parcel {
            Parcel::Command(message) => self.tell_agent(viewer, Input::Said { link, message }),
            Parcel::Data(piece) => {
                if let Some(request) = receiver.receiving.get(&link) {
                    receiver.bodies.entry(*request).or_default().push(piece);
                }
                self.tell_agent(viewer, Input::Received { link, bytes: piece.bytes });
            }
        }
    }

    /// Both ends know each other: if they can reach each other, messages pass soon. Else nothing ever comes of it, as with
    /// browsers behind certain routers. Round trips from the answer on are Chromium's (benches/RESULTS.md): the end that offered opens
    /// first.
    pub(crate) fn accept(&mut self, ours: End, theirs: Option<End>) {
        let Some(theirs) = theirs.filter(|(viewer, link)| {
            self.viewers.get(*viewer).is_some_and(|viewer| viewer.pipes.contains_key(link))
        }) else {
            return;
        };
        if !self.network.is_reachable(ours.0, theirs.0) {
            return;
        }
        let round_trip = self.network.round_trip(ours.0, theirs.0);
        for (end, other, trips) in [(ours, theirs, 3.6), (theirs, ours, 4.1)] {
            if let Some(pipe) = self.viewers[end.0].pipes.get_mut(&end.1) {
                (pipe.to, pipe.is_open, pipe.round_trip) = (Some(other), true, round_trip);
            }
            let at = self.now + round_trip.mul_f64(trips);
            self.mail(at, end.0, Input::Connected { link: end.1 });
        }
    }

    pub(crate) fn disconnect(&mut self, (viewer, link): End) {
        let Some(pipe) = self.viewers[viewer].pipes.remove(&link).filter(|pipe| pipe.is_open)
        else {
            return;
        };
        if let Some((other, link)) = pipe.to {
            self.mail(self.now + pipe.round_trip / 2, other, Input::Disconnected { link });
        }
    }
}

/// A browser's send window for a data channel (facts/p2p.md, data-channel limits).
const WINDOW_BYTES: u64 = 1 << 20;
/// With no more than this left to send, what was given is told to be sent: so that the line doesn't run dry.
const ALMOST: u64 = 64 << 10;
/// Commands of a packet or two aren't held up by data of other connections.
const SMALL: u64 = 2_400;
/// What IP, UDP, DTLS and SCTP add to a packet.
const PACKET_OVERHEAD: u64 = 90;
/// Less delay than this isn't worth an event.
const IMPERCEPTIBLE: Duration = Duration::from_millis(1);
