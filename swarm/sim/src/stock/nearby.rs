//! How many neighbours hold a segment, or are fetching it: counted as they announce, so that nobody has to ask them all.

use std::collections::BTreeMap;

use wire::peer::Segment;

/// Counts of all segments that any neighbour announced.
#[derive(Debug, Default)]
pub(super) struct Nearby(BTreeMap<Segment, Counts>);

/// Of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) loaded: u32,
    pub(super) loading: u32,
}

/// What one neighbour announced last. The lists ascend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) loaded: Vec<Segment>,
    pub(super) loading: Vec<Segment>,
}

impl Announced {
    pub(super) fn new(mut loaded: Vec<Segment>, mut loading: Vec<Segment>) -> Announced {
        for list in [&mut loaded, &mut loading] {
            list.sort_unstable();
            list.dedup();
        }
        Announced { loaded, loading }
    }

    pub(super) fn holds(&self, no: Segment) -> bool {
        self.loaded.binary_search(&no).is_ok()
    }
}

impl Nearby {
    pub(super) fn of(&self, no: Segment) -> Counts {
        self.0.get(&no).copied().unwrap_or_default()
    }

    /// One neighbour's announcement takes the place of another.
    pub(super) fn replace(&mut self, before: &Announced, after: &Announced) {
        let added = |list: &[Segment], other: &[Segment]| -> Vec<Segment> {
            list.iter().copied().filter(|no| other.binary_search(no).is_err()).collect()
        };
        for no in added(&after.loaded, &before.loaded) {
            self.0.entry(no).or_default().loaded += 1;
        }
        for no in added(&after.loading, &before.loading) {
            self.0.entry(no).or_default().loading += 1;
        }
        for no in added(&before.loaded, &after.loaded) {
            self.change(no, |counts| counts.loaded -= 1);
        }
        for no in added(&before.loading, &after.loading) {
            self.change(no, |counts| counts.loading -= 1);
        }
    }

    fn change(&mut self, no: Segment, change: impl FnOnce(&mut Counts)) {
        let Some(counts) = self.0.get_mut(&no) else { return };
        change(counts);
        if *counts == Counts::default() {
            self.0.remove(&no);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_neighbour_counts_once_and_only_with_its_last_word() {
        let mut nearby = Nearby::default();
        let nothing = Announced::default();
        let (one, other) =
            (Announced::new(vec![5, 4, 5], vec![6]), Announced::new(vec![5], vec![]));
        nearby.replace(&nothing, &one);
        nearby.replace(&nothing, &other);
        assert_eq!(nearby.of(5), Counts { loaded: 2, loading: 0 });
        nearby.replace(&one, &Announced::new(vec![6], vec![]));
        assert_eq!(nearby.of(5), Counts { loaded: 1, loading: 0 });
        assert_eq!(nearby.of(6), Counts { loaded: 1, loading: 0 });
        nearby.replace(&Announced::new(vec![6], vec![]), &nothing);
        nearby.replace(&other, &nothing);
        assert!(nearby.0.is_empty());
    }
}
