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
        Visit { frame, language, visitor, here, is_open: rule != Registration::Closed }
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

    /// How long ago a moment was, which milliseconds since 1970 tell.
    pub(crate) fn age(&self, ms: u64, now_ms: u64) -> String {
        match when::age(ms, now_ms) {
            Some((key, count)) => self.count(key, count),
            None => self.say("age-now"),
        }
    }

    /// Whether whoever asks keeps order here.
    pub(crate) fn moderates(&self) -> bool {
        self.visitor.as_ref().is_some_and(|visitor| visitor.role.moderates())
    }

    /// Other languages than this.
    pub(crate) fn other_languages(&self) -> impl Iterator<Item = &'static Language> {
        Language::all().iter().filter(|language| language.code != self.language.code)
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
