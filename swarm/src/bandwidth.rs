//! How soon and how fast bytes come: a moving mean of the latency, and two of the rate, a quick and a slow one.

use std::time::Duration;

use crate::limits::{
    FIRST_ESTIMATE_BPS, LATENCY, LEAST_LATENCY, PATIENCE, SMALL_SAMPLE, SMALLEST_SAMPLE,
};

/// The line's measured rate.
///
/// The lower of both means counts: a drop is believed at once, a rise when it has lasted. Only sums and quotients are
/// used, whose results are the same bit for bit natively and in wasm.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    stored_bps: Option<u64>,
    latency: Option<Duration>,
    quick: Mean,
    slow: Mean,
}

impl Bandwidth {
    /// Starts from what an earlier visit measured.
    pub(crate) fn new(stored_bps: Option<u64>) -> Bandwidth {
        Bandwidth { stored_bps, latency: None, quick: Mean::new(2.0), slow: Mean::new(8.0) }
    }

    /// Counts a download of `bytes` that took this long, the wait for the first one included; ones too small to tell are left
    /// out.
    pub(crate) fn sample(&mut self, bytes: u64, took: Duration) {
        let latency = self.latency.unwrap_or_default();
        let waited = latency.min(took / 2);
        let seconds = (took - waited).as_secs_f64().max(0.001);
        let bps = bytes as f64 * 8.0 / seconds;
        let is_quick = seconds < latency.as_secs_f64() * 3.0 && bps < self.bps() as f64;
        if bytes < SMALLEST_SAMPLE || is_quick && bytes < SMALL_SAMPLE {
            return;
        }
        self.quick.sample(bps, seconds);
        self.slow.sample(bps, seconds);
    }

    /// Counts an answer that began so long after it was asked for.
    pub(crate) fn answered(&mut self, after: Duration) {
        let after = after.min(PATIENCE);
        self.latency = Some(self.latency.map_or(after, |before| (before * 3 + after) / 4));
    }

    /// From asking a server to the first byte.
    pub(crate) fn latency(&self) -> Duration {
        self.latency.unwrap_or(LATENCY).max(LEAST_LATENCY)
    }

    /// Bits per second that the line carries, as far as is known.
    pub(crate) fn bps(&self) -> u64 {
        match (self.quick.mean(), self.slow.mean()) {
            (Some(quick), Some(slow)) => quick.min(slow) as u64,
            _ => self.stored_bps.unwrap_or(FIRST_ESTIMATE_BPS),
        }
    }

    /// Something was measured on this visit.
    pub(crate) fn is_measured(&self) -> bool {
        self.quick.weight > 0.0
    }
}

/// A mean in which a sample that lasted `half_life` seconds counts as much as everything before it.
#[derive(Debug)]
struct Mean {
    half_life: f64,
    sum: f64,
    weight: f64,
}

impl Mean {
    fn new(half_life: f64) -> Mean {
        Mean { half_life, sum: 0.0, weight: 0.0 }
    }

    fn sample(&mut self, value: f64, seconds: f64) {
        let kept = self.half_life / (self.half_life + seconds);
        self.sum = self.sum * kept + value * (1.0 - kept);
        self.weight = self.weight * kept + (1.0 - kept);
    }

    fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.sum / self.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second_at(bandwidth: &mut Bandwidth, bps: u64) {
        bandwidth.sample(bps / 8, Duration::from_secs(1));
    }

    #[test]
    fn the_stored_estimate_counts_until_something_is_measured() {
        let mut bandwidth = Bandwidth::new(Some(5_000_000));
        bandwidth.sample(SMALLEST_SAMPLE - 1, Duration::from_secs(1));
        assert_eq!((bandwidth.bps(), bandwidth.is_measured()), (5_000_000, false));
        second_at(&mut bandwidth, 800_000);
        assert_eq!(bandwidth.bps(), 800_000);
    }

    #[test]
    fn a_few_pieces_that_are_little_but_a_wait_tell_nothing_of_the_rate() {
        let took = |bytes: u64, ms| {
            let mut bandwidth = Bandwidth::new(Some(5_000_000));
            bandwidth.answered(Duration::from_millis(100));
            bandwidth.sample(bytes, Duration::from_millis(ms));
            (bandwidth.is_measured(), bandwidth.bps())
        };
        assert_eq!(took(SMALL_SAMPLE / 2, 399), (false, 5_000_000));
        assert!(took(SMALL_SAMPLE, 399).0, "more does");
        assert_eq!(took(SMALL_SAMPLE / 2, 1_100), (true, SMALL_SAMPLE * 4 - 1), "a slow line");
        assert!(took(SMALL_SAMPLE / 2, 101).1 > 5_000_000, "a better line than was known");
    }

    #[test]
    fn a_drop_is_believed_sooner_than_a_rise() {
        let mut bandwidth = Bandwidth::new(None);
        (0..20).for_each(|_| second_at(&mut bandwidth, 8_000_000));
        (0..2).for_each(|_| second_at(&mut bandwidth, 1_000_000));
        let after_drop = bandwidth.bps();
        assert!(after_drop < 4_500_000, "{after_drop}");
        (0..2).for_each(|_| second_at(&mut bandwidth, 8_000_000));
        assert!(bandwidth.bps() < 8_000_000 - after_drop / 4, "{}", bandwidth.bps());
    }

    #[test]
    fn the_latency_follows_what_is_measured() {
        let mut bandwidth = Bandwidth::new(None);
        assert_eq!(bandwidth.latency(), LATENCY);
        bandwidth.answered(Duration::from_millis(80));
        bandwidth.answered(Duration::from_millis(120));
        assert_eq!(bandwidth.latency(), Duration::from_millis(90));
        (0..20).for_each(|_| bandwidth.answered(Duration::ZERO));
        assert_eq!(bandwidth.latency(), LEAST_LATENCY);
    }

    #[test]
    fn an_answer_without_duration_does_not_divide_by_zero() {
        let mut bandwidth = Bandwidth::new(None);
        bandwidth.sample(1 << 20, Duration::ZERO);
        assert!(bandwidth.bps() > 1_000_000_000);
    }
}
