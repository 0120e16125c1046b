//! One request for a page: who asks, in which language, and what every page has around it.

use http::Uri;
use sidecar::Visitor;
use sidecar::config::Registration;

use crate::language::Language;
use crate::pages::Frame;
use crate::when;

/// What a page needs to know of whoever asks for it.
pub(crate) struct Visit<'a> {
    pub(crate) frame: &'a Frame,
    pub(crate) language: &'static Language,
    pub(crate) visitor: Option<Visitor>,
    /// Path and query of the page, to come back to.
    pub(crate) here: String,
    /// Whether strangers may ask for an account.
    pub(crate) is_open: bool,
    /// How many things the visitor doesn't know yet that they are told of.
    pub(crate) unread: u64,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(
        frame: &'a Frame,
        language: &'static Language,
        visitor: Option<Visitor>,
        uri: &Uri,
        rule: Registration,
    ) -> Visit<'a> {
        let here = uri.path_and_query().map_or("/", |here| here.as_str());
        let here = local_path(here).unwrap_or("/").to_owned();
        Visit { frame, language, visitor, here, is_open: rule != Registration::Closed, unread: 0 }
    }

    /// A sentence of the page.
    pub(crate) fn say(&self, key: &str) -> String {
        self.language.say(key)
    }

    /// A sentence with a number in it.
    pub(crate) fn count(&self, key: &str, count: impl TryInto<i64>) -> String {
        self.language.tell(key, "count", count.try_into().unwrap_or(i64::MAX))
    }

    /// A sentence with a name in it.
    pub(crate) fn name(&self, key: &str, name: &str) -> String {
        self.language.tell(key, "name", name)
    }

    /// A sentence with two sizes in it, `used` and `most`.
    pub(crate) fn used(&self, key: &str, used_bytes: u64, most_bytes: u64) -> String {
        self.language.tell_two(key, ("used", size(used_bytes)), ("most", size(most_bytes)))
    }

    /// Whether pictures of sensitive videos are to be blurred.
    pub(crate) fn blurs(&self) -> bool {
        let visitor = self.visitor.as_ref();
        let policy = visitor.map_or_else(
            || self.frame.house.nsfw_policy.name(),
            |visitor| visitor.choices().nsfw_policy,
        );
        policy != "display"
    }

    /// What is said of the stage that work on a video is at.
    pub(crate) fn stage(&self, word: &str) -> String {
        let key = match word {
            "queued" => "stage-queued",
            "probing" => "stage-probing",
            "transcoding" => "stage-transcoding",
            "published" => "stage-published",
            _ => "stage-failed",
        };
        self.say(key)
    }

    /// How long ago a moment was, which milliseconds since 1970 tell.
    pub(crate) fn age(&self, ms: u64, now_ms: u64) -> String {
        match when::age(ms, now_ms) {
            Some((key, count)) => self.count(key, count),
            None => self.say("age-now"),
        }
    }

    /// That there is something new.
    pub(crate) fn news(&self) -> String {
        self.count("notices-unread", self.unread)
    }

    /// Whether whoever asks keeps order here.
    pub(crate) fn moderates(&self) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.role.moderates())
    }

    /// What stands for somebody who has no picture.
    pub(crate) fn initial(&self, name: &str) -> String {
        let letter = name.trim_start().chars().find(|letter| letter.is_alphanumeric());
        letter.map_or_else(|| "·".to_owned(), |letter| letter.to_uppercase().collect())
    }

    /// Whether this is the page under a path, or below it.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.here
            .strip_prefix(path)
            .is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b'/' | b'?')))
    }

    /// Other languages than this.
    pub(crate) fn other_languages(&self) -> impl Iterator<Item = &'static Language> {
        Language::all().iter().filter(|language| language.code != self.language.code)
    }
}

/// Bytes as people read them.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A path of this site, or nothing: whoever is sent on after a login must not land elsewhere.
pub(crate) fn local_path(text: &str) -> Option<&str> {
    let is_local = text.starts_with('/') && !text.starts_with("//");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_local && is_plain && text.len() <= LONGEST_PATH).then_some(text)
}

/// Longer than any address of ours.
const LONGEST_PATH: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_gone_on_to() {
        for good in ["/", "/w/abc?start=1", "/search?q=%2F%2Fa"] {
            assert_eq!(local_path(good), Some(good));
        }
        let long = format!("/{}", "a".repeat(LONGEST_PATH));
        for bad in [
            "",
            "w",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nSet-Cookie: x",
            "/é",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
    }
}
