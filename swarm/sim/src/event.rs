//! What happens next: events in order of their time, and of their making where that is the same.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
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
    /// More chunks of an answer may be on their way.
    WindowMoved(usize, RequestId),
    /// What was appended or taken out is done, if the viewer's element hasn't been set up anew since.
    ElementDone(usize, u32),
    /// A viewer's playback may have run dry, or is due to be reported.
    Playback(usize, u32),
    /// Digests are computed.
    Checked(usize, RequestId, Range<u64>),
}

impl Event {
    /// To whom it happens, unless it is to the origin.
    pub(crate) fn viewer(&self) -> Option<usize> {
        match self {
            Event::Wake(viewer)
            | Event::Tell(viewer, _)
            | Event::Sent(viewer)
            | Event::PipeReady(viewer, _)
            | Event::Arrived(viewer, ..)
            | Event::Received(viewer, ..)
            | Event::Asked(viewer, _)
            | Event::ChunkArrived(viewer, ..)
            | Event::ChunkReceived(viewer, ..)
            | Event::WindowMoved(viewer, _)
            | Event::ElementDone(viewer, _)
            | Event::Playback(viewer, _)
            | Event::Checked(viewer, ..) => Some(*viewer),
            Event::OriginSent => None,
        }
    }
}

/// A queue of events: those of the current stretch of time in order, those of the stretches after it by stretch, and those that
/// are far off in order again. Almost everything happens within a few stretches, and costs one step to note and few to find.
#[derive(Debug)]
pub(crate) struct Events {
    /// The number of the current stretch.
    stretch: u64,
    now: BinaryHeap<Reverse<Entry>>,
    /// By the number of the stretch, in a ring.
    soon: Vec<Vec<Entry>>,
    /// How many there are in the ring.
    soon_count: usize,
    later: BinaryHeap<Reverse<Entry>>,
    made: u64,
}

#[derive(Debug)]
struct Entry {
    /// In nanoseconds.
    at: u64,
    no: u64,
    event: Event,
}

impl Default for Events {
    fn default() -> Events {
        Events {
            stretch: 0,
            now: BinaryHeap::new(),
            soon: (0..STRETCHES).map(|_| Vec::new()).collect(),
            soon_count: 0,
            later: BinaryHeap::new(),
            made: 0,
        }
    }
}

impl Events {
    pub(crate) fn push(&mut self, at: Duration, event: Event) {
        self.made += 1;
        let entry = Entry { at: nanoseconds(at), no: self.made, event };
        match stretch_of(entry.at).saturating_sub(self.stretch) {
            0 => self.now.push(Reverse(entry)),
            1..STRETCHES => {
                self.soon_count += 1;
                self.soon[(stretch_of(entry.at) % STRETCHES) as usize].push(entry);
            }
            _ => self.later.push(Reverse(entry)),
        }
    }

    /// When the next event comes, if it does at `until` or before.
    pub(crate) fn next_at(&mut self, until: Duration) -> Option<Duration> {
        let until = nanoseconds(until);
        while self.now.is_empty() {
            self.go_on(stretch_of(until))?;
        }
        let at = self.now.peek()?.0.at;
        (at <= until).then(|| Duration::from_nanos(at))
    }

    /// The next event, if it comes at `until` or before.
    pub(crate) fn pop(&mut self, until: Duration) -> Option<(Duration, Event)> {
        self.next_at(until)?;
        self.now.pop().map(|Reverse(entry)| (Duration::from_nanos(entry.at), entry.event))
    }

    /// Makes the next stretch in which something may happen the current one, if it isn't after `last`.
    fn go_on(&mut self, last: u64) -> Option<()> {
        let far = self.later.peek().map(|Reverse(entry)| stretch_of(entry.at));
        let next = if self.soon_count > 0 { self.stretch + 1 } else { far? };
        if next > last {
            return None;
        }
        self.stretch = next;
        let come = &mut self.soon[(next % STRETCHES) as usize];
        self.soon_count -= come.len();
        self.now.extend(come.drain(..).map(Reverse));
        while self.later.peek().is_some_and(|Reverse(entry)| stretch_of(entry.at) <= next) {
            self.now.extend(self.later.pop());
        }
        Some(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn stretch_of(nanoseconds: u64) -> u64 {
    nanoseconds >> STRETCH_BITS
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

/// A stretch lasts a quarter of a millisecond (2^18 ns): with ten thousand viewers, some hundred events.
const STRETCH_BITS: u32 = 18;
/// So many stretches are told apart: a good second.
const STRETCHES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dice;

    #[test]
    fn events_come_in_order_of_their_time_and_then_of_their_making() {
        let (mut events, mut dice) = (Events::default(), Dice::new(1));
        let (mut now, mut due) = (Duration::ZERO, Vec::new());
        for no in 0..20_000 {
            let wait = [0, 1_000, 50_000_000, 3_000_000_000][dice.below(4)];
            let at = now + Duration::from_nanos(wait * dice.below(5) as u64);
            events.push(at, Event::Wake(no));
            due.push((at, no));
            if dice.below(3) == 0 {
                let until = now + Duration::from_millis(dice.below(40) as u64);
                while let Some((at, Event::Wake(no))) = events.pop(until) {
                    let least = due.iter().min().copied();
                    assert_eq!(least, Some((at, no)));
                    due.retain(|one| *one != (at, no));
                }
                assert!(due.iter().all(|(at, _)| *at > until));
                now = until;
            }
        }
    }
}
