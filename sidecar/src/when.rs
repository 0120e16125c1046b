//! Dates, and moments as JSON says them.

/// `2026-11-22`, in UTC, from milliseconds since 1970.
pub fn date(ms: u64) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so leap days come last.
    let days = ms / 86_400_000 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-22T05:13:20.007Z`, from milliseconds since 1970; what is before that is 1970.
pub fn iso(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    let (hour, minute) = (ms / 3_600_000 % 24, ms / 60_000 % 60);
    let (second, milli) = (ms / 1000 % 60, ms % 1000);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", date(ms))
}

/// `2026-11-22T05:13`, from milliseconds since 1970: what a form's box for a moment holds.
pub fn minute(ms: i64) -> String {
    iso(ms).get(..16).unwrap_or_default().to_owned()
}

/// `Sun, 22 Nov 2026 05:13:20 GMT` (RFC 822 with a year of four digits), from milliseconds since 1970.
pub(crate) fn rfc822(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    let date = date(ms);
    let month = date.get(5..7).and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let (hour, minute, second) = (ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1000 % 60);
    // The first day of 1970 was a Thursday.
    let day = DAYS[(ms / 86_400_000 % 7) as usize];
    let (year, day_of_month) = (date.get(..4).unwrap_or(""), date.get(8..).unwrap_or(""));
    format!(
        "{day}, {day_of_month} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
        MONTHS[month - 1]
    )
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Milliseconds since 1970 of a date, or a date with a time, as RFC 3339 and JavaScript write them.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    let time_ms = time.map_or(Some(0), time_of_day)?;
    Some(days_since_1970(year, month, day) * 86_400_000 + time_ms)
}

/// `05:13`, `05:13:20` or `05:13:20.007`, then `Z`, `+02:00`, or nothing, which is UTC here.
fn time_of_day(text: &str) -> Option<i64> {
    let (text, offset) = match text.strip_suffix('Z') {
        Some(text) => (text, 0),
        None => match text.find(['+', '-']) {
            Some(at) => {
                let [hours, minutes] = numbers(&text[at + 1..], ':', [2, 2])?;
                let minutes = (hours <= 23 && minutes <= 59).then_some(hours * 60 + minutes)?;
                (&text[..at], if text.as_bytes()[at] == b'-' { -minutes } else { minutes })
            }
            None => (text, 0),
        },
    };
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_fraction =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let milli: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok().filter(|_| is_fraction)?;
    let [hour, minute, second] = match text.len() {
        5 => numbers(text, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0])?,
        _ => numbers(text, ':', [2, 2, 2])?,
    };
    let is_time = hour <= 23 && minute <= 59 && second <= 59;
    is_time.then_some(((hour * 60 + minute - offset) * 60 + second) * 1_000 + milli)
}

/// Numbers of exactly so many digits.
fn numbers<const N: usize>(text: &str, between: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(between);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        *number = part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(found)
}

/// The other way round than [`date`], by the same reckoning.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for ms in [0, 951_868_799_999, 951_868_800_000, 1_795_324_400_007] {
            assert_eq!(parse(&iso(ms)), Some(ms), "{}", iso(ms));
        }
        assert_eq!(parse("1970-01-02"), Some(86_400_000));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Some(-1_000));
        assert_eq!(parse("1970-01-01T02:00+02:00"), Some(0));
        assert_eq!(parse("1969-12-31T22:30:00.5-01:30"), Some(500));
        assert_eq!(parse("2000-02-29 00:00"), Some(951_782_400_000));
        assert_eq!(parse("2026-11-22T05:13:20.5+01:30"), Some(1_795_319_000_500));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for bad in [
            "",
            "soon",
            "2020-1-01",
            "2020-13-01",
            "2021-02-29",
            "2020-01-00",
            "2020-01-01T",
            "2020-01-01T24:00",
            "2020-01-01T00:60",
            "2020-01-01T00:00:00.",
            "2020-01-01T00:00:00.x",
            "2020-01-01T00:00+1",
            "2020-01-01-01",
            "+020-01-01",
            "2020-01-01T00:00:00Zx",
            "2020-01-01T00:00é",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_are_right_around_leap_days() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(-1), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_868_799_999), "2000-02-29T23:59:59.999Z");
        assert_eq!(iso(951_868_800_000), "2000-03-01T00:00:00.000Z");
        assert_eq!(iso(1_795_324_400_007), "2026-11-22T05:13:20.007Z");
        assert_eq!(minute(1_795_324_400_007), "2026-11-22T05:13");
        assert_eq!(rfc822(1_795_324_400_007), "Sun, 22 Nov 2026 05:13:20 GMT");
    }
}
