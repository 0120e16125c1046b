//! When a server is tried again, and what an answer means: without clock, dice or database.
//!
//! ```text
//!            ┌── 2xx: it has it, the next one
//!  one try ──┼── 4xx: it doesn't want it; given up, the next one
//!            └── 5xx, 429, silence: the server waits, longer each time ──▶ after three and a half days nothing is kept for it
//! ```

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

use crate::limits::PARKED;

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has it.
    Delivered,
    /// It will never want this one; others, it may.
    Refused(String),
    /// Nobody has this inbox any more.
    Gone(String),
    /// It isn't well, and may say for how long; or it can't take this one, which can't be told apart.
    Unwell(String, Option<Duration>),
    /// It isn't there.
    Silent(String),
}

/// What follows from it for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Gone from the queue.
    Done,
    /// Kept, to be looked at, and not tried again by itself.
    GivenUp,
    /// Tried again.
    PutOff,
}

impl Outcome {
    /// What an answer means, by its status and how long it asks to be left alone.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Outcome {
        let reason = format!("the server answers {}", status.as_u16());
        match status.as_u16() {
            200..300 => Outcome::Delivered,
            410 => Outcome::Gone(reason),
            // Its key of us may be old, or it couldn't ask for it just then.
            401 | 408 | 425 | 429 | 500 | 502.. => Outcome::Unwell(reason, rest(headers, now)),
            _ => Outcome::Refused(reason),
        }
    }

    /// What becomes of a delivery that was tried `attempts` times before, and is so old.
    pub(super) fn fate(&self, attempts: i64, age: Duration) -> Fate {
        match self {
            Outcome::Delivered => Fate::Done,
            Outcome::Refused(_) | Outcome::Gone(_) => Fate::GivenUp,
            Outcome::Unwell(..) if attempts + 1 >= MOST_ATTEMPTS => Fate::GivenUp,
            Outcome::Unwell(..) | Outcome::Silent(_) if age >= MOST_AGE => Fate::GivenUp,
            Outcome::Unwell(..) | Outcome::Silent(_) => Fate::PutOff,
        }
    }
}

/// How long a server is left alone after so many failures in a row, this one among them.
///
/// `spread` makes servers that went away at the same time come back one by one.
pub(super) fn wait(failures: i64, asked: Option<Duration>, spread: u64) -> Duration {
    let step = usize::try_from(failures - 1).unwrap_or(0).min(STEPS.len() - 1);
    let wait = STEPS.get(step).copied().unwrap_or(LONGEST);
    let wait = wait + wait.mul_f64((spread % 1000) as f64 / 8000.0);
    wait.max(asked.unwrap_or_default()).min(LONGEST)
}

/// Whether nothing is kept any more for a server that failed so often.
pub(super) fn is_parked(failures: i64) -> bool {
    failures >= PARKED
}

/// `Retry-After`: seconds, or a moment.
fn rest(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let said = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = said.parse().ok().map(Duration::from_secs);
    let asked =
        seconds.or_else(|| httpdate::parse_http_date(said).ok()?.duration_since(now).ok())?;
    Some(asked.min(LONGEST))
}

/// From a restart to a move of house.
const STEPS: [Duration; 7] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(8 * 3_600),
    Duration::from_secs(24 * 3_600),
    LONGEST,
];

/// Longer than this nobody is left alone, whatever they ask for.
const LONGEST: Duration = Duration::from_secs(48 * 3_600);

/// Tries of one delivery at a server that is there: with the steps above within two and a half hours, so that one that it can't
/// take keeps the others waiting for no longer.
const MOST_ATTEMPTS: i64 = 5;

/// News that is older than this is none.
const MOST_AGE: Duration = Duration::from_secs(4 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn answers(status: u16, attempts: i64, fate: Fate) {
        let status = StatusCode::from_u16(status).unwrap();
        let outcome = Outcome::of(status, &HeaderMap::new(), SystemTime::UNIX_EPOCH);
        assert_eq!(outcome.fate(attempts, Duration::ZERO), fate, "{status}");
    }

    #[test]
    fn an_answer_says_whether_to_try_again() {
        for status in [200, 202, 204] {
            answers(status, 0, Fate::Done);
        }
        for status in [301, 400, 403, 404, 410, 413, 422, 501] {
            answers(status, 0, Fate::GivenUp);
        }
        for status in [401, 408, 429, 500, 502, 503, 599] {
            answers(status, 0, Fate::PutOff);
            answers(status, 3, Fate::PutOff);
            answers(status, 4, Fate::GivenUp);
        }
    }

    #[test]
    fn who_is_silent_is_tried_until_it_is_no_news_any_more() {
        let silent = Outcome::Silent("nobody there".to_owned());
        assert_eq!(silent.fate(100, Duration::from_secs(3 * 86_400)), Fate::PutOff);
        assert_eq!(silent.fate(0, MOST_AGE), Fate::GivenUp);
    }

    #[test]
    fn a_server_is_left_alone_longer_each_time() {
        let waits: Vec<u64> = (1..=9).map(|failures| wait(failures, None, 0).as_secs()).collect();
        assert_eq!(waits, [60, 300, 1_800, 7_200, 28_800, 86_400, 172_800, 172_800, 172_800]);
        assert_eq!(wait(0, None, 0), STEPS[0]);
        assert_eq!(wait(i64::MIN + 1, None, 0), STEPS[0]);
        assert!(wait(1, None, 999) > STEPS[0] && wait(1, None, 999) < STEPS[0].mul_f64(1.13));
    }

    #[test]
    fn a_server_may_ask_for_more_rest_but_not_for_ever() {
        let asked = |text: &str| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, text.parse().unwrap())]);
            match Outcome::of(StatusCode::TOO_MANY_REQUESTS, &headers, SystemTime::UNIX_EPOCH) {
                Outcome::Unwell(_, rest) => wait(1, rest, 0).as_secs(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(asked("3600"), 3_600);
        assert_eq!(asked("1"), 60);
        assert_eq!(asked("Thu, 01 Jan 1970 02:00:00 GMT"), 7_200);
        assert_eq!(asked("99999999999"), 172_800);
        assert_eq!(asked("tomorrow"), 60);
        assert_eq!(asked("-1"), 60);
    }

    #[test]
    fn nothing_is_kept_for_a_server_that_is_away_for_days() {
        let mut away = Duration::ZERO;
        for failures in 1..PARKED {
            assert!(!is_parked(failures));
            away += wait(failures, None, 0);
        }
        assert!(is_parked(PARKED));
        assert_eq!(away.as_secs() / 3_600, 82);
    }
}
