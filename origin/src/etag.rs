//! Entity tags: whether a viewer already has the bytes it asks for (RFC 9110 §8.8.3 and §13.1).

use std::fmt;

use http::{HeaderMap, HeaderValue, header};

/// A strong entity tag, in its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Etag(String);

impl Etag {
    /// From what identifies the bytes: hex digits, letters and dashes.
    pub fn new(of: impl fmt::Display) -> Etag {
        Etag(format!("\"{of}\""))
    }

    /// As a header's value.
    pub fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an entity tag is built from plain ASCII")
    }

    /// The viewer has these bytes already: `If-None-Match` names them, compared weakly.
    pub fn is_known_to(&self, headers: &HeaderMap) -> bool {
        headers
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|list| list.trim() == "*" || tags(list).any(|tag| tag == self.0))
    }

    /// A range may be sent: there is no `If-Range`, or it names these bytes strongly.
    pub fn allows_range(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::IF_RANGE)
            .is_none_or(|value| value.as_bytes().trim_ascii() == self.0.as_bytes())
    }
}

/// The quoted parts of a list of tags, weak or strong; what follows an unclosed quote is no tag.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest.find('"')?;
        let end = start + 1 + rest[start + 1..].find('"')? + 1;
        let tag = &rest[start..end];
        rest = &rest[end..];
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: header::HeaderName, value: &'static str, wanted: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(&name, HeaderValue::from_static(value));
        let etag = Etag::new("a-1");
        let found = if name == header::IF_RANGE {
            etag.allows_range(&headers)
        } else {
            etag.is_known_to(&headers)
        };
        assert_eq!(found, wanted, "{name}: {value}");
    }

    #[test]
    fn known_bytes_are_not_sent_again() {
        check(header::IF_NONE_MATCH, r#""a-1""#, true);
        check(header::IF_NONE_MATCH, r#"W/"a-1""#, true);
        check(header::IF_NONE_MATCH, r#""x", W/"y,z" ,"a-1""#, true);
        check(header::IF_NONE_MATCH, "*", true);
        check(header::IF_NONE_MATCH, r#""a-2""#, false);
        check(header::IF_NONE_MATCH, r#"a-1"#, false);
        check(header::IF_NONE_MATCH, r#""a-1"#, false);
        assert!(!Etag::new("a-1").is_known_to(&HeaderMap::new()));
    }

    #[test]
    fn a_range_of_other_bytes_is_not_sent() {
        check(header::IF_RANGE, r#""a-1""#, true);
        check(header::IF_RANGE, r#"W/"a-1""#, false);
        check(header::IF_RANGE, r#""a-2""#, false);
        check(header::IF_RANGE, "Sat, 29 Oct 1994 19:43:31 GMT", false);
        assert!(Etag::new("a-1").allows_range(&HeaderMap::new()));
    }
}
