//! What one viewer was told, and when: enough for the same engine to decide the same again, without a world around it.

use std::time::Duration;

use swarm::{Config, Engine, Input, Stats, Time};

/// All that an engine was told.
#[derive(Clone, Debug)]
pub struct Story {
    config: Config,
    /// When, since the world began, and what.
    pub told: Vec<(Duration, Input)>,
}

impl Story {
    pub(crate) fn new(config: Config) -> Story {
        Story { config, told: Vec::new() }
    }

    /// From the first input to the last.
    pub fn lasts(&self) -> Duration {
        let [first, last] =
            [self.told.first(), self.told.last()].map(|told| told.map(|(at, _)| *at));
        last.unwrap_or_default().saturating_sub(first.unwrap_or_default())
    }

    /// Tells it to a new engine, asks for the deadline after each input as drivers do, and drops what the engine wants.
    pub fn replay(&self) -> Stats {
        let mut engine = Engine::new(self.config.clone());
        for (at, input) in self.told.iter().cloned() {
            engine.handle(Time::at(at), input);
            while engine.poll().is_some() {}
            std::hint::black_box(engine.next_deadline());
        }
        engine.stats(Time::at(self.told.last().map_or(Duration::ZERO, |(at, _)| *at)))
    }
}
