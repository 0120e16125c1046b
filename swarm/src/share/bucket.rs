//! A token bucket: so much a second, and so much at once.

use std::time::Duration;

use crate::Time;

/// How much may flow now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    per_second: u64,
    burst: u64,
    tokens: u64,
    filled_at: Time,
}

impl Bucket {
    /// Full at the beginning.
    pub(crate) fn new(per_second: u64, burst: u64) -> Bucket {
        Bucket { per_second, burst, tokens: burst, filled_at: Time::default() }
    }

    /// Takes `tokens` if they are there.
    pub(crate) fn take(&mut self, now: Time, tokens: u64) -> bool {
        self.fill(now);
        match self.tokens.checked_sub(tokens) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// When `tokens` will be there if nothing is taken meanwhile.
    pub(crate) fn ready_at(&self, tokens: u64) -> Time {
        let lacking = tokens.saturating_sub(self.tokens);
        let micros = lacking.saturating_mul(1_000_000).div_ceil(self.per_second);
        self.filled_at + Duration::from_micros(micros)
    }

    /// Counts time in whole tokens, so that nothing is lost to rounding however often it is looked at.
    fn fill(&mut self, now: Time) {
        let micros = now.since(self.filled_at).as_micros().min(u128::from(u32::MAX)) as u64;
        let new = micros.saturating_mul(self.per_second) / 1_000_000;
        self.tokens = self.tokens.saturating_add(new);
        self.filled_at = self.filled_at + Duration::from_micros(new * 1_000_000 / self.per_second);
        if self.tokens >= self.burst {
            (self.tokens, self.filled_at) = (self.burst, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::at(Duration::from_millis(millis))
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_its_rate() {
        let mut bucket = Bucket::new(1000, 500);
        assert!(bucket.take(at(0), 500) && !bucket.take(at(0), 1));
        assert_eq!(bucket.ready_at(100), at(100));
        assert!(!bucket.take(at(99), 100) && bucket.take(at(100), 100));
    }

    #[test]
    fn looking_often_costs_nothing() {
        let mut bucket = Bucket::new(20, 200);
        bucket.take(at(0), 200);
        let taken = (1..=1000).filter(|tick| bucket.take(at(tick * 9), 1)).count();
        assert!((179..=180).contains(&taken), "{taken}");
    }

    #[test]
    fn it_holds_no_more_than_a_burst_however_long_it_rests() {
        let mut bucket = Bucket::new(1000, 500);
        bucket.take(at(0), 500);
        assert!(
            !bucket.take(at(u64::from(u32::MAX)), 501) && bucket.take(at(u64::from(u32::MAX)), 500)
        );
    }
}
