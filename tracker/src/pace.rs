//! How often something may happen: a budget that fills with time.

use crate::swarms::Time;

/// The generic cell rate algorithm (ITU-T I.371): one instant is all that it remembers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// When everything granted so far would have been used up at the lasting rate.
    used_until: Time,
}

impl Pace {
    /// Takes one from the budget, or tells how long it lasts until there is one.
    pub(crate) fn take(&mut self, now: Time, per_second: u32, burst: u32) -> Result<(), Time> {
        let each = Time::from_secs(1) / per_second.max(1);
        let used_until = self.used_until.max(now) + each;
        let ahead = used_until.saturating_sub(now);
        match ahead.checked_sub(each * burst.max(1)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.used_until = used_until;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_granted_and_then_the_rate() {
        let mut pace = Pace::default();
        let now = Time::from_secs(9);
        let granted = (0..100).filter(|_| pace.take(now, 10, 5).is_ok()).count();
        assert_eq!(granted, 5);
        assert_eq!(pace.take(now, 10, 5), Err(Time::from_millis(100)));
        assert_eq!(pace.take(now + Time::from_millis(100), 10, 5), Ok(()));
        assert!(pace.take(now + Time::from_millis(150), 10, 5).is_err());
        let later = now + Time::from_secs(60);
        assert_eq!((0..100).filter(|_| pace.take(later, 10, 5).is_ok()).count(), 5);
    }
}
