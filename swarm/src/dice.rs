//! Chance that can be repeated: a generator that its driver seeds.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread retries.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.roll() * end as f64) as u64
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// A letter or digit, as stock peers' software writes names.
    pub(crate) fn letter(&mut self) -> u8 {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        LETTERS[self.below(LETTERS.len() as u64) as usize % LETTERS.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same_numbers_in_range() {
        let (mut one, mut two) = (Dice::new(7), Dice::new(7));
        for _ in 0..1000 {
            let roll = one.roll();
            assert_eq!(roll, two.roll());
            assert!((0.0..1.0).contains(&roll));
        }
        assert_ne!(Dice::new(1).roll(), Dice::new(2).roll());
    }
}
