//! How long a failing server is left in peace.

use std::time::Duration;

use crate::Time;
use crate::dice::Dice;
use crate::limits::{FIRST_WAIT, LONGEST_RETRY_AFTER, LONGEST_WAIT};

/// Where the tries for one thing stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// Failures in a row.
    pub(crate) failures: u32,
    /// Not asked again before this.
    pub(crate) at: Time,
}

impl Retry {
    /// What follows a failure at `now`.
    ///
    /// The wait doubles, up to a bound, and is spread by half to either side, so that thousands of viewers don't come
    /// back to a recovering server in the same instant. The server's own word goes before ours.
    pub(crate) fn after(
        now: Time,
        before: Option<Retry>,
        retry_after: Option<Duration>,
        dice: &mut Dice,
    ) -> Retry {
        let failures = before.map_or(1, |retry| retry.failures.saturating_add(1));
        let doubled = FIRST_WAIT.saturating_mul(1 << (failures - 1).min(16));
        let wait = match retry_after {
            Some(asked) => asked.min(LONGEST_RETRY_AFTER) + FIRST_WAIT.mul_f64(dice.roll()),
            None => doubled.min(LONGEST_WAIT).mul_f64(0.5 + dice.roll()),
        };
        Retry { failures, at: now + wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_are_spread() {
        let (mut dice, mut before, now) = (Dice::new(1), None, Time::default());
        for doubled in [500, 1000, 2000, 4000, 8000, 8000, 8000] {
            let retry = Retry::after(now, before, None, &mut dice);
            let wait = retry.at.since(now).as_millis();
            assert!((doubled / 2..doubled * 3 / 2).contains(&wait), "{wait} for {doubled}");
            before = Some(retry);
        }
        before = Some(Retry { failures: u32::MAX, at: now });
        assert_eq!(Retry::after(now, before, None, &mut dice).failures, u32::MAX);
    }

    #[test]
    fn the_servers_own_word_is_kept_within_reason() {
        let (mut dice, now) = (Dice::new(1), Time::default());
        let wait = Retry::after(now, None, Some(Duration::from_secs(7)), &mut dice).at.since(now);
        assert!(wait >= Duration::from_secs(7) && wait < Duration::from_secs(8));
        let wait =
            Retry::after(now, None, Some(Duration::from_secs(1 << 40)), &mut dice).at.since(now);
        assert!(wait <= LONGEST_RETRY_AFTER + FIRST_WAIT);
    }
}
