//! A set of segments of one rendition, as one bit each: peers may claim any of 50,000, which makes 6 KB.

use wire::peer::MOST_SEGMENTS;

/// Which segments, by number. They lie in a window of [`MOST_SEGMENTS`] numbers, wherever that begins; what a stranger claims
/// beyond it is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segments {
    /// The number of the first bit, a multiple of 64.
    base: usize,
    words: Vec<u64>,
}

impl Segments {
    /// Those of a stranger's list that there can be.
    pub(crate) fn of(claimed: &[u64]) -> Segments {
        let mut set = Segments::default();
        claimed.iter().for_each(|&no| set.insert(no));
        set
    }

    pub(crate) fn contains(&self, no: usize) -> bool {
        let at = no.wrapping_sub(self.base);
        self.words.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// Takes out all that are in `others`.
    pub(crate) fn subtract(&mut self, others: &Segments) {
        for no in others.iter() {
            self.remove(no);
        }
    }

    /// Takes one in, if there can be such a one.
    pub(crate) fn insert(&mut self, no: u64) {
        let Some(no) = usize::try_from(no).ok() else { return };
        if self.words.is_empty() {
            self.base = no / 64 * 64;
        }
        let (end, room) = (self.base + self.words.len() * 64, MOST_SEGMENTS / 64 * 64);
        if no < self.base {
            if end - no > room {
                return;
            }
            let new = (self.base - no).div_ceil(64);
            self.words.splice(..0, std::iter::repeat_n(0, new));
            self.base -= new * 64;
        }
        let at = no - self.base;
        if at >= room {
            return;
        }
        if self.words.len() <= at / 64 {
            self.words.resize(at / 64 + 1, 0);
        }
        self.words[at / 64] |= 1 << (at % 64);
    }

    pub(crate) fn remove(&mut self, no: usize) {
        let at = no.wrapping_sub(self.base);
        if let Some(word) = self.words.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    /// Lets go of all below a number, so that the window moves on with a live stream.
    pub(crate) fn forget_before(&mut self, no: usize) {
        let old = (no.saturating_sub(self.base) / 64).min(self.words.len());
        self.words.drain(..old);
        self.base += old * 64;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let base = self.base;
        let bits = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
        let all = self.words.iter().enumerate().filter(|(_, word)| **word != 0);
        all.flat_map(move |(at, word)| bits(*word).map(move |bit| base + at * 64 + bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_to_the_segments_that_there_can_be() {
        let most = MOST_SEGMENTS as u64;
        let set = Segments::of(&[0, 63, 64, most - 100, most, u64::MAX]);
        let held: Vec<_> = set.iter().collect();
        assert_eq!(held, [0, 63, 64, MOST_SEGMENTS - 100]);
        assert!(set.words.len() <= MOST_SEGMENTS / 64 + 1);
        assert!((0..MOST_SEGMENTS * 2).filter(|&no| set.contains(no)).eq(held));
    }

    #[test]
    fn a_window_far_from_zero_takes_no_more_room() {
        let mut set = Segments::of(&[1_000_000, 999_990, 10]);
        assert_eq!(set.iter().collect::<Vec<_>>(), [999_990, 1_000_000]);
        set.forget_before(1_000_000);
        assert!(set.contains(1_000_000) && set.words.len() == 1);
        set.forget_before(2_000_000);
        set.insert(5);
        assert_eq!(set.iter().collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn what_is_removed_is_gone_and_nothing_else() {
        let mut set = Segments::of(&[1, 2]);
        set.remove(2);
        set.remove(700);
        assert_eq!(set, Segments::of(&[1]));
        let mut more = Segments::of(&[0, 1, 99]);
        more.subtract(&set);
        assert_eq!(more.iter().collect::<Vec<_>>(), [0, 99]);
    }
}
