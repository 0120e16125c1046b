//! Answers that are the same for everybody for a moment: a bounded number, each for a short life.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use bytes::Bytes;

use crate::pace::Time;

/// Pages by what was asked for.
#[derive(Debug)]
pub(crate) struct Pages<K> {
    most: usize,
    life: Duration,
    kept: HashMap<K, (Time, Bytes)>,
}

impl<K: Hash + Eq> Pages<K> {
    pub(crate) fn new(most: usize, life: Duration) -> Pages<K> {
        Pages { most, life, kept: HashMap::new() }
    }

    /// A page that is young enough.
    pub(crate) fn find(&self, now: Time, key: &K) -> Option<Bytes> {
        let (until, page) = self.kept.get(key)?;
        (now < *until).then(|| page.clone())
    }

    /// Keeps a page; when there are too many, all that are old go, and if none is, all.
    pub(crate) fn keep(&mut self, now: Time, key: K, page: Bytes) {
        if self.kept.len() >= self.most {
            self.kept.retain(|_, (until, _)| now < *until);
        }
        if self.kept.len() >= self.most {
            self.kept.clear();
        }
        self.kept.insert(key, (now + self.life, page));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lives_for_a_moment_and_there_are_few() {
        let at = Time::from_millis;
        let mut pages = Pages::new(10, Duration::from_secs(1));
        pages.keep(at(500), 1, Bytes::from_static(b"one"));
        assert_eq!(pages.find(at(1_499), &1).as_deref(), Some(&b"one"[..]));
        assert_eq!(pages.find(at(1_500), &1), None);
        for key in 0..1_000 {
            pages.keep(at(2_000), key, Bytes::new());
            assert!(pages.kept.len() <= 10);
        }
        assert!(pages.find(at(2_000), &999).is_some());
    }
}
