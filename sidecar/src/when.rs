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
pub(crate) fn iso(ms: i64) -> String {
    let ms = u64::try_from(ms).unwrap_or(0);
    let (hour, minute) = (ms / 3_600_000 % 24, ms / 60_000 % 60);
    let (second, milli) = (ms / 1000 % 60, ms % 1000);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", date(ms))
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

/// Milliseconds since 1970 of `2026-11-22`, `2026-11-22T05:13:20Z` or `2026-11-22T05:13:20.007+01:00`; `None` before 1970.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let is_at = |at: usize, byte: u8| text.as_bytes().get(at) == Some(&byte);
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let is_date = (1970..=9999).contains(&year) && is_at(4, b'-') && is_at(7, b'-');
    let midnight = days(year, month, day)? * 86_400_000;
    if !is_date || date(midnight.try_into().ok()?) != text.get(..10)? {
        return None;
    }
    if text.len() == 10 {
        return Some(midnight);
    }
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_time = is_at(10, b'T') && is_at(13, b':') && is_at(16, b':');
    if !is_time || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let rest = text.get(19..)?;
    let digits = rest
        .strip_prefix('.')
        .map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let millis = match digits {
        0 => 0,
        _ => format!("{:0<3}", rest.get(1..=digits.min(3))?).parse().ok()?,
    };
    let zone = rest.get(if digits > 0 { digits + 1 } else { 0 }..)?;
    let moment = midnight + (hour * 60 + minute) * 60_000 + second * 1000 + millis;
    Some(moment - offset_minutes(zone)? * 60_000).filter(|ms| *ms >= 0)
}

/// Days since 1970, the other way round than in [`date`]; also of days that no calendar has.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    Some(
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
            - 719_468,
    )
}

/// Of `Z`, `+01:00` or `-03:30`.
fn offset_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) {
        return None;
    }
    let offset = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    match zone.as_bytes().first()? {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_right_around_leap_days() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(-1), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_868_799_999), "2000-02-29T23:59:59.999Z");
        assert_eq!(iso(951_868_800_000), "2000-03-01T00:00:00.000Z");
        assert_eq!(iso(1_795_324_400_007), "2026-11-22T05:13:20.007Z");
        assert_eq!(rfc822(1_795_324_400_007), "Sun, 22 Nov 2026 05:13:20 GMT");
    }

    #[test]
    fn moments_are_read_as_they_are_written() {
        for ms in [0, 951_868_799_999, 951_868_800_000, 1_795_324_400_007, 4_107_542_399_999] {
            assert_eq!(parse(&iso(ms)), Some(ms));
        }
        assert_eq!(parse("2026-11-22"), Some(1_795_305_600_000));
        assert_eq!(parse("2026-11-22T05:13:20Z"), Some(1_795_324_400_000));
        assert_eq!(parse("2026-11-22T05:13:20.5+01:30"), Some(1_795_319_000_500));
        for bad in [
            "",
            "2026",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-22T",
            "2026-11-22T24:00:00Z",
            "2026-11-22T05:13:20",
            "2026-11-22 05:13:20Z",
            "2026-11-22T05:13:20Zé",
            "-026-11-22",
            "1969-12-31",
            "2026-11-22T05:13:20.é",
            "2026-11-22T05:13:20*01:00",
            "+026-11-22",
            "2026-11-2é",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
