//! A look at playlist text line by line, for what `hls_m3u8` would refuse, lose or panic on.

use super::{PlaylistError, TEXT_LIMIT};

/// The text without byte-order mark, or why it is no playlist.
pub(super) fn body(text: &str) -> Result<&str, PlaylistError> {
    if text.len() > TEXT_LIMIT {
        return Err(PlaylistError::TooLong(text.len()));
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match lines(text).next() {
        Some("#EXTM3U") => Ok(text),
        _ => Err(PlaylistError::NotAPlaylist),
    }
}

/// The lines that mean something, trimmed.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The value of attribute `name` in a tag's attribute list (RFC 8216 §4.2), without its quotes.
///
/// A comma inside quotes does not end the value.
pub(super) fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, tail) = quoted.split_once('"')?;
                (value, tail.strip_prefix(',').unwrap_or(tail))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.trim() == name {
            return Some(value.trim());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attributes: &str, name: &str, wanted: Option<&str>) {
        assert_eq!(attribute(attributes, name), wanted, "{name} in {attributes}");
    }

    #[test]
    fn attributes_are_found_by_their_whole_name() {
        check("BANDWIDTH=1,AVERAGE-BANDWIDTH=2", "BANDWIDTH", Some("1"));
        check("AVERAGE-BANDWIDTH=2,BANDWIDTH=1", "BANDWIDTH", Some("1"));
        check(r#"URI="a,b=c.mp4",BYTERANGE="5@0""#, "BYTERANGE", Some("5@0"));
        check(r#"URI="a,BYTERANGE=9.mp4""#, "BYTERANGE", None);
        check(r#"URI="unclosed"#, "URI", None);
        check("", "URI", None);
    }
}
