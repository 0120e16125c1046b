//! Which bytes a `Range` header asks for (RFC 9110 §14).

use std::ops::Range;

use http::{HeaderMap, header};

/// Which bytes of a file a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range, several ranges, another unit, or nonsense, all of which RFC 9110 lets us answer with 200.
    All,
    /// These, which are at least one and within the file.
    Part(Range<u64>),
    /// A range past the end.
    Unsatisfiable,
}

impl Wanted {
    /// Reads the `Range` of a GET for a file of `length` bytes.
    pub(crate) fn of(headers: &HeaderMap, length: u64) -> Wanted {
        let mut values = headers.get_all(header::RANGE).iter();
        match (values.next().map(|value| value.to_str()), values.next()) {
            (Some(Ok(text)), None) => Wanted::parse(text, length).unwrap_or(Wanted::All),
            _ => Wanted::All,
        }
    }

    fn parse(text: &str, length: u64) -> Option<Wanted> {
        let (unit, set) = text.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let mut specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty());
        let (Some(spec), None) = (specs.next(), specs.next()) else { return None };
        match spec.split_once('-')? {
            ("", suffix) => {
                let start = length.saturating_sub(number(suffix)?);
                Some(Wanted::within(start..length))
            }
            (first, "") => Some(Wanted::within(number(first)?..length)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then(|| Wanted::within(first..length.min(last.saturating_add(1))))
            }
        }
    }

    fn within(range: Range<u64>) -> Wanted {
        if range.is_empty() { Wanted::Unsatisfiable } else { Wanted::Part(range) }
    }
}

/// Decimal digits; more than fit mean "past every end".
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Wanted) {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(text).unwrap());
        assert_eq!(Wanted::of(&headers, 10), wanted, "{text}");
    }

    #[test]
    fn a_single_range_is_cut_to_the_file() {
        check("bytes=0-4", Wanted::Part(0..5));
        check("bytes=9-9", Wanted::Part(9..10));
        check("bytes=5-99999999999999999999999", Wanted::Part(5..10));
        check("bytes=5-", Wanted::Part(5..10));
        check("bytes=-3", Wanted::Part(7..10));
        check("bytes=-30", Wanted::Part(0..10));
        check("BYTES=0-4,", Wanted::Part(0..5));
    }

    #[test]
    fn a_range_past_the_end_is_unsatisfiable() {
        check("bytes=10-", Wanted::Unsatisfiable);
        check("bytes=10-20", Wanted::Unsatisfiable);
        check("bytes=-0", Wanted::Unsatisfiable);
        check("bytes=99999999999999999999999-", Wanted::Unsatisfiable);
    }

    #[test]
    fn several_ranges_and_nonsense_are_ignored() {
        for text in [
            "bytes=0-1,3-4",
            "bytes=4-2",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=0-4",
            "0-4",
        ] {
            check(text, Wanted::All);
        }
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(header::RANGE, HeaderValue::from_static("bytes=3-4"));
        assert_eq!(Wanted::of(&headers, 10), Wanted::All);
        assert_eq!(Wanted::of(&HeaderMap::new(), 10), Wanted::All);
    }

    #[test]
    fn nothing_of_an_empty_file_can_be_had() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=-5"));
        assert_eq!(Wanted::of(&headers, 0), Wanted::Unsatisfiable);
    }

    proptest::proptest! {
        #[test]
        fn what_is_asked_lies_within_the_file(text in "bytes=[0-9]{0,21}-[0-9]{0,21}", length: u64) {
            if let Some(Wanted::Part(range)) = Wanted::parse(&text, length) {
                assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
