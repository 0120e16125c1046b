//! A viewer's line: a rate that changes with time, and a delay.

use std::time::Duration;

/// How bytes reach one viewer.
#[derive(Clone, Debug)]
pub struct Line {
    /// Bits per second from each moment on, in order of time.
    pub rates: Vec<(Duration, u64)>,
    /// From asking to the first byte, on an idle server.
    pub delay: Duration,
}

impl Line {
    /// A line that never changes.
    pub fn steady(bps: u64) -> Line {
        Line { rates: vec![(Duration::ZERO, bps)], delay: Duration::from_millis(40) }
    }

    /// A line that changes once.
    pub fn changing(before_bps: u64, at: Duration, after_bps: u64) -> Line {
        Line { rates: vec![(Duration::ZERO, before_bps), (at, after_bps)], ..Line::steady(0) }
    }

    pub(crate) fn bps(&self, now: Duration) -> u64 {
        self.rates.iter().take_while(|(from, _)| *from <= now).last().map_or(0, |(_, bps)| *bps)
    }
}
