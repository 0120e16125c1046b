//! Chance that repeats itself: a world is decided by its seed.

use std::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number in `0.0..1.0`.
    pub fn roll(&mut self) -> f64 {
        share(self.number())
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() * end as f64) as usize
    }

    /// A time below `end`.
    pub fn moment(&mut self, end: Duration) -> Duration {
        end.mul_f64(self.roll())
    }
}

/// What is decided once and for all for two viewers, whoever asks first: a number in `0.0..1.0`.
pub(crate) fn between(seed: u64, one: usize, other: usize, what: u64) -> f64 {
    let (low, high) = (one.min(other) as u64, one.max(other) as u64);
    share(mixed(mixed(mixed(seed ^ what).wrapping_add(low)).wrapping_add(high)))
}

fn share(number: u64) -> f64 {
    (number >> 11) as f64 / (1u64 << 53) as f64
}

fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
