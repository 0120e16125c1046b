//! A toy world in which policies are compared by nothing but their decisions: one fresh live segment, and who fetches it.
//!
//! Viewers form a random graph. Each sees the segment in its playlist within four seconds; who holds it gives it to two others
//! at a time; who still lacks it when it becomes urgent fetches it. A fetch from the server takes 0.4 s, a hop 0.6 s.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use wire::peer::{PeerId, Segment};

use crate::Dice;
use crate::policy::pml5::Turn;
use crate::policy::{Stock, pml2, pml5};

/// A toy world before the segment is published.
#[derive(Clone, Copy, Debug)]
pub struct Toy {
    /// How many watch.
    pub viewers: usize,
    /// How many neighbours each has, in the mean.
    pub degree: usize,
    /// How long after its publication the segment is urgent, about: a second earlier or later.
    pub budget: Duration,
}

impl Toy {
    /// How many fetch the segment from the server.
    pub fn copies(self, policy: Stock, seed: u64) -> usize {
        let mut play = Play::new(self, policy, seed);
        while let Some(Reverse((at, _, event))) = play.queue.pop() {
            play.happen(at, event);
        }
        play.copies
    }

    /// The mean of that over the seeds from 1 on.
    pub fn mean_copies(self, policy: Stock, seeds: u64) -> f64 {
        (1..=seeds).map(|seed| self.copies(policy, seed) as f64).sum::<f64>() / seeds as f64
    }
}

/// What a viewer has of the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Without,
    Fetching,
    /// It comes from a neighbour.
    Receiving,
    Held,
}

struct Viewer {
    state: State,
    neighbours: Vec<usize>,
    peer: PeerId,
    /// Neighbours that it gives the segment to now.
    uploads: usize,
    seen_at: Duration,
    urgent_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Seen(usize),
    Urgent(usize),
    Fetched(usize),
    /// From the first to the second.
    Received(usize, usize),
    /// The timer of version 2 goes off.
    Tick(usize),
    /// A viewer that isn't the owner looks whether it has to step in.
    StepIn(usize),
}

struct Play {
    policy: Stock,
    viewers: Vec<Viewer>,
    dice: Dice,
    queue: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    events: u64,
    copies: usize,
}

impl Play {
    fn new(toy: Toy, policy: Stock, seed: u64) -> Play {
        let mut dice = Dice::new(seed);
        let mut viewers: Vec<Viewer> = graph(toy.viewers, toy.degree, &mut dice)
            .into_iter()
            .map(|neighbours| Viewer {
                state: State::Without,
                neighbours: neighbours.into_iter().collect(),
                peer: PeerId::from_random(std::array::from_fn(|_| dice.number() as u8)),
                uploads: 0,
                seen_at: dice.moment(POLLING),
                urgent_at: Duration::ZERO,
            })
            .collect();
        for viewer in &mut viewers {
            let urgent_at = toy.budget - UNEVENNESS / 2 + dice.moment(UNEVENNESS);
            viewer.urgent_at = urgent_at.max(viewer.seen_at);
        }
        let queue = BinaryHeap::new();
        let mut play = Play { policy, viewers, dice, queue, events: 0, copies: 0 };
        for no in 0..play.viewers.len() {
            play.push(play.viewers[no].seen_at, Event::Seen(no));
            play.push(play.viewers[no].urgent_at, Event::Urgent(no));
            if policy == Stock::Pml2 {
                play.push_tick(Duration::ZERO, no);
            }
        }
        play
    }

    fn push(&mut self, at: Duration, event: Event) {
        self.events += 1;
        self.queue.push(Reverse((at, self.events, event)));
    }

    fn happen(&mut self, now: Duration, event: Event) {
        match event {
            Event::Seen(no) => self.seen(now, no),
            Event::Urgent(no) => match self.viewers[no].state {
                State::Without | State::Receiving => self.fetch(now, no),
                State::Fetching | State::Held => {}
            },
            Event::Fetched(no) => self.got(now, no),
            Event::Received(from, no) => {
                self.viewers[from].uploads -= 1;
                if self.viewers[no].state == State::Receiving {
                    self.got(now, no);
                }
                self.give(now, from);
            }
            Event::Tick(no) => self.tick(now, no),
            Event::StepIn(no) => self.stand_for_election(now, no),
        }
    }

    fn seen(&mut self, now: Duration, no: usize) {
        let holders = self.viewers[no].neighbours.clone();
        holders.into_iter().for_each(|holder| {
            if self.lacks(no) && self.viewers[holder].state == State::Held {
                self.give(now, holder);
            }
        });
        if self.policy == Stock::Pml5 {
            self.stand_for_election(now, no);
        }
    }

    /// Fetches if it is this viewer's turn; if that is still to come, looks again then.
    fn stand_for_election(&mut self, now: Duration, no: usize) {
        if !self.lacks(no) {
            return;
        }
        let viewer = &self.viewers[no];
        let neighbours = viewer.neighbours.iter().map(|other| self.viewers[*other].peer);
        let turn = Turn::of(pml5::rank(viewer.peer, neighbours, SEGMENT), FETCH);
        let until_urgent = viewer.urgent_at.saturating_sub(now);
        match turn {
            Turn::Within(wait) if wait < until_urgent => {
                self.push(viewer.urgent_at - wait, Event::StepIn(no));
            }
            _ if turn.has_come(until_urgent, self.is_loaded_near(no)) => self.fetch(now, no),
            _ => {}
        }
    }

    fn tick(&mut self, now: Duration, no: usize) {
        let viewer = &self.viewers[no];
        if viewer.state == State::Held {
            return;
        }
        let is_candidate = self.lacks(no)
            && (viewer.seen_at..viewer.urgent_at).contains(&now)
            && !viewer.neighbours.iter().any(|other| self.is_announced(*other));
        let neighbours = viewer.neighbours.len();
        if is_candidate && !pml2::picks(1, neighbours, &mut self.dice).is_empty() {
            self.fetch(now, no);
        }
        self.push_tick(now, no);
    }

    fn push_tick(&mut self, now: Duration, no: usize) {
        let wait = pml2::next_tick(self.viewers[no].neighbours.len(), &mut self.dice);
        self.push(now + wait, Event::Tick(no));
    }

    fn lacks(&self, no: usize) -> bool {
        self.viewers[no].state == State::Without
    }

    fn is_announced(&self, no: usize) -> bool {
        matches!(self.viewers[no].state, State::Held | State::Fetching)
    }

    fn is_loaded_near(&self, no: usize) -> bool {
        let is_loading = |other: &usize| self.viewers[*other].state == State::Fetching;
        self.viewers[no].neighbours.iter().any(is_loading)
    }

    fn fetch(&mut self, now: Duration, no: usize) {
        self.viewers[no].state = State::Fetching;
        self.copies += 1;
        self.push(now + FETCH, Event::Fetched(no));
    }

    fn got(&mut self, now: Duration, no: usize) {
        if self.viewers[no].state != State::Held {
            self.viewers[no].state = State::Held;
            self.give(now, no);
        }
    }

    /// Gives the segment to as many neighbours as may be at a time.
    fn give(&mut self, now: Duration, from: usize) {
        for at in 0..self.viewers[from].neighbours.len() {
            let to = self.viewers[from].neighbours[at];
            if self.viewers[from].uploads == SLOTS {
                return;
            }
            if self.lacks(to) && self.viewers[to].seen_at <= now {
                self.viewers[to].state = State::Receiving;
                self.viewers[from].uploads += 1;
                self.push(now + HOP, Event::Received(from, to));
            }
        }
    }
}

/// A random graph: the neighbours of each.
fn graph(viewers: usize, degree: usize, dice: &mut Dice) -> Vec<BTreeSet<usize>> {
    if degree + 1 >= viewers {
        let others = |no| (0..viewers).filter(|other| *other != no).collect();
        return (0..viewers).map(others).collect();
    }
    let mut graph = vec![BTreeSet::new(); viewers];
    let mut wanted = viewers * degree / 2;
    while wanted > 0 {
        let (one, other) = (dice.below(viewers), dice.below(viewers));
        if one != other && graph[one].insert(other) {
            graph[other].insert(one);
            wanted -= 1;
        }
    }
    graph
}

/// The number of the segment.
const SEGMENT: Segment = 100;
/// Within which everybody's playlist shows the segment.
const POLLING: Duration = Duration::from_secs(4);
/// By how much viewers differ in when the segment becomes urgent.
const UNEVENNESS: Duration = Duration::from_secs(2);
const FETCH: Duration = Duration::from_millis(400);
const HOP: Duration = Duration::from_millis(600);
/// To how many at a time a viewer gives.
const SLOTS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// Copies by pml2 and by pml5 must be within a quarter of what is wanted, or a half where that is more.
    ///
    /// Wanted is the mean of the older model in JavaScript over 96 seeds; where a comment gives another number, that is what
    /// the table in our notes has after the first 8 of them. The model's own spread explains the difference.
    #[track_caller]
    fn check(viewers: usize, degree: usize, budget: u64, seeds: u64, wanted: [f64; 2]) {
        let toy = Toy { viewers, degree, budget: Duration::from_secs(budget) };
        for (policy, wanted) in [Stock::Pml2, Stock::Pml5].into_iter().zip(wanted) {
            let copies = toy.mean_copies(policy, seeds);
            let tolerance = if wanted < 2.0 { 0.5 } else { wanted / 4.0 };
            println!(
                "{viewers:5} {degree:3} {budget:3} s {policy:?}: {copies:6.1}, wanted {wanted}"
            );
            assert!((copies - wanted).abs() <= tolerance, "{toy:?} {policy:?}: {copies}");
        }
    }

    #[test]
    fn small_audiences_fetch_as_often_as_in_the_older_model() {
        check(10, 9, 5, 96, [6.7, 2.0]); // 7.0, 2.0
        check(10, 9, 20, 96, [1.0, 1.0]);
        check(30, 20, 10, 96, [13.1, 1.2]); // 16.1, 1.1
        check(100, 20, 5, 96, [59.0, 9.9]); // 47, 5.4
        check(200, 50, 10, 48, [88.6, 3.3]); // 93, 3.9
    }

    #[test]
    fn a_thousand_viewers_fetch_as_often_as_in_the_older_model() {
        check(1000, 10, 5, 8, [321.0, 82.6]); // 320, 86
        check(1000, 10, 10, 8, [22.4, 58.8]); // 23, 62
        check(1000, 50, 3, 8, [760.0, 569.0]); // 763, 562
        check(1000, 50, 5, 8, [646.0, 58.5]); // 664, 45
        check(1000, 50, 10, 48, [132.0, 16.3]); // 212, 15: pml2 from 1 to 700, as chance has it
        check(1000, 50, 20, 8, [1.4, 16.3]); // 1.4, 15: pml2 but for one run of 96, where it fails
    }
}
