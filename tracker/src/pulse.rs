//! Whether a connection still lives, and whether its viewer is in a swarm in time.

use crate::limits::{FIRST_ANNOUNCE, PING, PONG_PATIENCE};
use crate::swarms::Time;

/// What is known of one connection's life.
#[derive(Debug)]
pub(crate) struct Pulse {
    opened: Time,
    heard: Time,
    pinged: Option<Time>,
    /// It was in a swarm at least once.
    pub(crate) was_member: bool,
}

/// What is to be done about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nothing before this time.
    Rest(Time),
    /// Ping, and look again at this time.
    Ping(Time),
    /// It doesn't answer.
    Dead,
    /// It isn't in any swarm.
    Useless,
}

impl Pulse {
    pub(crate) fn new(now: Time) -> Pulse {
        Pulse { opened: now, heard: now, pinged: None, was_member: false }
    }

    /// Something came.
    pub(crate) fn heard(&mut self, now: Time) {
        self.heard = now;
        self.pinged = None;
    }

    /// Looks whether something is due.
    pub(crate) fn check(&mut self, now: Time) -> Beat {
        let join_by = (!self.was_member).then(|| self.opened + FIRST_ANNOUNCE);
        if join_by.is_some_and(|join_by| now >= join_by) {
            return Beat::Useless;
        }
        let sooner = |at: Time| join_by.map_or(at, |join_by| at.min(join_by));
        match self.pinged {
            Some(pinged) if now >= pinged + PONG_PATIENCE => Beat::Dead,
            Some(pinged) => Beat::Rest(sooner(pinged + PONG_PATIENCE)),
            None if now >= self.heard + PING => {
                self.pinged = Some(now);
                Beat::Ping(sooner(now + PONG_PATIENCE))
            }
            None => Beat::Rest(sooner(self.heard + PING)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn who_is_in_no_swarm_in_time_has_to_go() {
        let mut pulse = Pulse::new(s(100));
        assert_eq!(pulse.check(s(100)), Beat::Rest(s(130)));
        pulse.heard(s(129));
        assert_eq!(pulse.check(s(129)), Beat::Rest(s(130)));
        assert_eq!(pulse.check(s(130)), Beat::Useless);
        pulse.was_member = true;
        assert_eq!(pulse.check(s(130)), Beat::Rest(s(159)));
    }

    #[test]
    fn a_silent_connection_is_pinged_and_then_given_up() {
        let mut pulse = Pulse::new(s(0));
        pulse.was_member = true;
        assert_eq!(pulse.check(s(30)), Beat::Ping(s(50)));
        assert_eq!(pulse.check(s(49)), Beat::Rest(s(50)));
        assert_eq!(pulse.check(s(50)), Beat::Dead);
    }

    #[test]
    fn any_sign_of_life_will_do() {
        let mut pulse = Pulse::new(s(0));
        pulse.was_member = true;
        assert_eq!(pulse.check(s(30)), Beat::Ping(s(50)));
        pulse.heard(s(31));
        assert_eq!(pulse.check(s(50)), Beat::Rest(s(61)));
        assert_eq!(pulse.check(s(61)), Beat::Ping(s(81)));
    }
}
