//! Whoever decides for a viewer: the engine, or another player's policy with the same contract.

use swarm::{Deadline, Engine, Input, Output, Stats, Time};

/// A viewer's decisions, driven as [`swarm::Engine`] is.
pub trait Agent: std::fmt::Debug + Send {
    /// Takes in one thing that happened.
    fn handle(&mut self, now: Time, input: Input);

    /// The next thing that the driver shall do; `None` when that was all.
    fn poll(&mut self) -> Option<Output>;

    /// When to hand in [`Input::Woken`] if nothing else happens before.
    fn next_deadline(&self) -> Option<Deadline>;

    /// Numbers since the start.
    fn stats(&self, now: Time) -> Stats;
}

impl Agent for Engine {
    fn handle(&mut self, now: Time, input: Input) {
        Engine::handle(self, now, input);
    }

    fn poll(&mut self) -> Option<Output> {
        Engine::poll(self)
    }

    fn next_deadline(&self) -> Option<Deadline> {
        Engine::next_deadline(self)
    }

    fn stats(&self, now: Time) -> Stats {
        Engine::stats(self, now)
    }
}
