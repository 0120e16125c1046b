//! How often somebody may try: a budget for each key that fills with time, of a bounded number of keys.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Since an arbitrary moment.
pub(crate) type Time = Duration;

/// So many tries at once, and after that one in each `every`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) every: Duration,
}

/// The generic cell rate algorithm (ITU-T I.371) for each key: one instant is all that it remembers of one.
#[derive(Debug)]
pub(crate) struct Pace<K> {
    rate: Rate,
    most: usize,
    /// When everything granted so far would have been used up at the lasting rate.
    used_until: HashMap<K, Time>,
}

impl<K: Hash + Eq + Clone> Pace<K> {
    /// Remembers at most `most` keys.
    pub(crate) fn new(rate: Rate, most: usize) -> Pace<K> {
        Pace { rate, most, used_until: HashMap::new() }
    }

    /// Takes one try from the key's budget, or tells how long it lasts until there is one.
    pub(crate) fn take(&mut self, now: Time, key: &K) -> Result<(), Duration> {
        let before = self.used_until.get(key).copied().unwrap_or(now).max(now);
        let used_until = before + self.rate.every;
        let ahead = used_until.saturating_sub(now);
        match ahead.checked_sub(self.rate.every * self.rate.burst) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.make_room(now, key);
                self.used_until.insert(key.clone(), used_until);
                Ok(())
            }
        }
    }

    /// Gives one try back, since it was a good one.
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(used_until) = self.used_until.get_mut(key) {
            *used_until = used_until.saturating_sub(self.rate.every);
        }
    }

    /// Forgets whose budget is full again, and if nobody's is, whose is fullest.
    fn make_room(&mut self, now: Time, newcomer: &K) {
        if self.used_until.len() < self.most || self.used_until.contains_key(newcomer) {
            return;
        }
        self.used_until.retain(|_, used_until| *used_until > now);
        if self.used_until.len() < self.most {
            return;
        }
        let fullest = self.used_until.iter().min_by_key(|(_, used_until)| **used_until);
        if let Some(key) = fullest.map(|(key, _)| key.clone()) {
            self.used_until.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, every: Duration::from_secs(20) };

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn a_burst_is_granted_and_then_the_rate() {
        let mut pace = Pace::new(RATE, 9);
        let granted = (0..100).filter(|_| pace.take(at(9), &"a").is_ok()).count();
        assert_eq!(granted, 3);
        assert_eq!(pace.take(at(9), &"a"), Err(at(20)));
        assert_eq!(pace.take(at(29), &"a"), Ok(()));
        assert_eq!(pace.take(at(39), &"a"), Err(at(10)));
        assert_eq!(pace.take(at(39), &"b"), Ok(()));
        let granted = (0..100).filter(|_| pace.take(at(1000), &"a").is_ok()).count();
        assert_eq!(granted, 3);
    }

    #[test]
    fn a_good_try_costs_nothing() {
        let mut pace = Pace::new(RATE, 9);
        for _ in 0..100 {
            assert_eq!(pace.take(at(9), &"a"), Ok(()));
            pace.give_back(&"a");
        }
        pace.give_back(&"nobody");
        let granted = (0..100).filter(|_| pace.take(at(9), &"a").is_ok()).count();
        assert_eq!(granted, 3);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_worst_are_remembered_longest() {
        let mut pace = Pace::new(RATE, 10);
        for _ in 0..3 {
            pace.take(at(0), &0).unwrap();
        }
        for key in 1..1000 {
            pace.take(at(0), &key).unwrap();
        }
        assert_eq!(pace.used_until.len(), 10);
        assert!(pace.take(at(0), &0).is_err());
        pace.take(at(100), &1000).unwrap();
        assert_eq!(pace.used_until.len(), 1);
    }
}
