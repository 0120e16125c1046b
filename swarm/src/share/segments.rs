//! A set of segments of one rendition, as one bit each: peers may claim any of 50,000, which makes 6 KB.

use wire::peer::MOST_SEGMENTS;

/// Which segments, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segments(Vec<u64>);

impl Segments {
    /// Those of a stranger's list that there can be.
    pub(crate) fn of(claimed: &[u64]) -> Segments {
        let mut set = Segments::default();
        claimed.iter().for_each(|&no| set.insert(no));
        set
    }

    pub(crate) fn contains(&self, no: usize) -> bool {
        self.0.get(no / 64).is_some_and(|word| word >> (no % 64) & 1 == 1)
    }

    /// Takes out all that are in `others`.
    pub(crate) fn subtract(&mut self, others: &Segments) {
        for (word, other) in self.0.iter_mut().zip(&others.0) {
            *word &= !other;
        }
    }

    /// Takes one in, if there can be such a one.
    pub(crate) fn insert(&mut self, no: u64) {
        let Some(no) = usize::try_from(no).ok().filter(|no| *no < MOST_SEGMENTS) else { return };
        if self.0.len() <= no / 64 {
            self.0.resize(no / 64 + 1, 0);
        }
        self.0[no / 64] |= 1 << (no % 64);
    }

    pub(crate) fn remove(&mut self, no: usize) {
        if let Some(word) = self.0.get_mut(no / 64) {
            *word &= !(1 << (no % 64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_cut_to_the_segments_that_there_can_be() {
        let most = MOST_SEGMENTS as u64;
        let set = Segments::of(&[0, 63, 64, most - 1, most, u64::MAX]);
        let held: Vec<_> = (0..MOST_SEGMENTS * 2).filter(|&no| set.contains(no)).collect();
        assert_eq!(held, [0, 63, 64, MOST_SEGMENTS - 1]);
        assert!(set.0.len() <= MOST_SEGMENTS / 64 + 1);
    }

    #[test]
    fn what_is_removed_is_gone_and_nothing_else() {
        let mut set = Segments::of(&[1, 2]);
        set.remove(2);
        set.remove(700);
        assert_eq!(set, Segments::of(&[1]));
        let mut more = Segments::of(&[0, 1, 99]);
        more.subtract(&set);
        assert_eq!(more, Segments::of(&[0, 99]));
    }
}
