//! The engine's clock, which only its driver winds.

use std::ops::Add;
use std::time::Duration;

/// A moment, counted from one that the driver chose once and for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(Duration);

impl Time {
    /// The moment this long after the driver's first.
    pub fn at(since_start: Duration) -> Time {
        Time(since_start)
    }

    /// How long ago `earlier` was; zero if it is still to come.
    pub fn since(self, earlier: Time) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, wait: Duration) -> Time {
        Time(self.0 + wait)
    }
}
