//! What happens next: events in order of their time, and of their making where that is the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use swarm::{Input, LinkId, RequestId};

use crate::pipe::Parcel;

/// Something that happens to somebody.
#[derive(Debug)]
pub(crate) enum Event {
    /// A viewer's agent wanted to be woken.
    Wake(usize),
    /// Something is told to a viewer's agent.
    Tell(usize, Box<Input>),
    /// A viewer's uplink has sent a message.
    Sent(usize),
    /// A connection may send again.
    PipeReady(usize, LinkId),
    /// A message has reached a viewer's line.
    Arrived(usize, LinkId, Parcel),
    /// A message has come through a viewer's line.
    Received(usize, LinkId, Parcel),
    /// A viewer's request has reached the origin.
    Asked(usize, RequestId),
    /// The origin's uplink has sent a chunk.
    OriginSent,
    /// A chunk of an answer has reached a viewer's line.
    ChunkArrived(usize, RequestId, u64),
    /// A chunk has come through the line.
    ChunkReceived(usize, RequestId, u64),
    /// What was appended or taken out is done, if the viewer's element hasn't been set up anew since.
    ElementDone(usize, u32),
    /// A viewer's playback may have run dry, or is due to be reported.
    Playback(usize, u32),
    /// Digests are computed.
    Checked(usize, RequestId),
}

/// A queue of events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    heap: BinaryHeap<Reverse<Entry>>,
    made: u64,
}

#[derive(Debug)]
struct Entry {
    at: Duration,
    no: u64,
    event: Event,
}

impl Events {
    pub(crate) fn push(&mut self, at: Duration, event: Event) {
        self.made += 1;
        self.heap.push(Reverse(Entry { at, no: self.made, event }));
    }

    /// The next event, if it comes at `until` or before.
    pub(crate) fn pop(&mut self, until: Duration) -> Option<(Duration, Event)> {
        if self.heap.peek()?.0.at > until {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        (self.at, self.no) == (other.at, other.no)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        (self.at, self.no).cmp(&(other.at, other.no))
    }
}
