//! Dates, ages and durations as people read them.

pub(crate) use sidecar::when::date;

/// `3 days ago`; a moment in the future, of a clock that is ahead, is `just now`.
pub(crate) fn age(ms: u64, now_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(ms) / 1000;
    for (name, worth) in UNITS {
        let count = seconds / worth;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            return format!("{count} {name}{plural} ago");
        }
    }
    "just now".to_owned()
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

const UNITS: [(&str, u64); 6] = [
    ("year", 365 * 86_400),
    ("month", 30 * 86_400),
    ("week", 7 * 86_400),
    ("day", 86_400),
    ("hour", 3600),
    ("minute", 60),
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
        fn check(seconds: u64, wanted: &str) {
            assert_eq!(age(5, 5 + seconds * 1000), wanted);
        }
        check(59, "just now");
        check(60, "1 minute ago");
        check(7200, "2 hours ago");
        check(13 * 86_400, "1 week ago");
        check(800 * 86_400, "2 years ago");
        assert_eq!(age(9000, 5), "just now");
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
