//! Dates, ages and durations as people read them.

pub(crate) use sidecar::when::date;

/// How long ago, in the largest unit: the key of the sentence and its number. A moment less than a minute ago, or in the
/// future of a clock that is ahead, is now.
pub(crate) fn age(ms: u64, now_ms: u64) -> Option<(&'static str, u64)> {
    let seconds = now_ms.saturating_sub(ms) / 1000;
    UNITS.iter().map(|unit| (unit.key, seconds / unit.worth)).find(|(_, count)| *count > 0)
}

/// A unit of age.
struct Unit {
    key: &'static str,
    /// Seconds.
    worth: u64,
}

/// `0:07`, `12:34`, `1:02:03`; a part of a second counts as one.
pub(crate) fn clock(ms: u64) -> String {
    let seconds = ms.div_ceil(1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// The same for a machine (HTML's duration string): `PT754S`.
pub(crate) fn duration(ms: u64) -> String {
    format!("PT{}S", ms.div_ceil(1000))
}

const UNITS: [Unit; 6] = [
    Unit { key: "age-year", worth: 365 * 86_400 },
    Unit { key: "age-month", worth: 30 * 86_400 },
    Unit { key: "age-week", worth: 7 * 86_400 },
    Unit { key: "age-day", worth: 86_400 },
    Unit { key: "age-hour", worth: 3600 },
    Unit { key: "age-minute", worth: 60 },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400_000), "2000-02-29");
        assert_eq!(date(951_868_800_000), "2000-03-01");
        assert_eq!(date(1_795_305_599_999), "2026-11-21");
        assert_eq!(date(1_795_305_600_000), "2026-11-22");
        assert_eq!(date(4_107_542_400_000), "2100-03-01");
    }

    #[test]
    fn ages_are_said_in_the_largest_unit() {
        #[track_caller]
        fn check(seconds: u64, wanted: Option<(&str, u64)>) {
            assert_eq!(age(5, 5 + seconds * 1000), wanted);
        }
        check(59, None);
        check(60, Some(("age-minute", 1)));
        check(7200, Some(("age-hour", 2)));
        check(13 * 86_400, Some(("age-week", 1)));
        check(800 * 86_400, Some(("age-year", 2)));
        assert_eq!(age(9000, 5), None);
    }

    #[test]
    fn durations_are_read_as_on_a_clock() {
        assert_eq!(clock(0), "0:00");
        assert_eq!(clock(6_100), "0:07");
        assert_eq!(clock(754_000), "12:34");
        assert_eq!(clock(3_723_000), "1:02:03");
        assert_eq!(duration(754_000), "PT754S");
    }
}
