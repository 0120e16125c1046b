//! The languages that pages speak: every sentence of theirs, by its key, from `instance/locales/`.
//!
//! A visitor gets the one that they chose, else the first of their browser's that there is, else English.

use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use http::{HeaderMap, header};
use unic_langid::LanguageIdentifier;

/// All sentences in one language.
pub(crate) struct Language {
    /// Its code, for `lang` and the cookie.
    pub(crate) code: &'static str,
    /// What its speakers call it.
    pub(crate) name: &'static str,
    /// `ltr` or `rtl`, for `dir`.
    pub(crate) direction: &'static str,
    bundle: FluentBundle<FluentResource>,
}

impl Language {
    /// English first.
    pub(crate) fn all() -> &'static [Language] {
        &*LANGUAGES
    }

    /// One by its code.
    pub(crate) fn by_code(code: &str) -> Option<&'static Language> {
        Language::all().iter().find(|language| language.code == code)
    }

    /// The one that a request asks for.
    pub(crate) fn of(headers: &HeaderMap) -> &'static Language {
        let chosen = sidecar::cookie::find(headers, COOKIE).and_then(Language::by_code);
        let wanted = || {
            let accepted = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
            preferred(accepted).into_iter().find_map(Language::by_code)
        };
        chosen.or_else(wanted).unwrap_or(&Language::all()[0])
    }

    /// The one that whoever says `accepted` in `Accept-Language`, or the code of one alone, wants.
    pub(crate) fn accepted(accepted: &str) -> &'static Language {
        let wanted = preferred(accepted).into_iter().find_map(Language::by_code);
        wanted.unwrap_or(&Language::all()[0])
    }

    /// A sentence without values.
    pub(crate) fn say(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// A sentence with one value, called by its name in the sentence.
    pub(crate) fn tell<'a>(
        &'a self,
        key: &str,
        name: &'a str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        let mut values = FluentArgs::new();
        values.set(name, value);
        self.format(key, Some(&values))
    }

    /// A sentence with two texts in it.
    pub(crate) fn tell_two(&self, key: &str, one: (&str, String), two: (&str, String)) -> String {
        let mut values = FluentArgs::new();
        values.set(one.0, one.1);
        values.set(two.0, two.1);
        self.format(key, Some(&values))
    }

    /// The key itself where the sentence is missing, which a test rules out.
    fn format(&self, key: &str, values: Option<&FluentArgs<'_>>) -> String {
        let pattern = self.bundle.get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else { return key.to_owned() };
        self.bundle.format_pattern(pattern, values, &mut Vec::new()).into_owned()
    }

    fn load(
        code: &'static str,
        name: &'static str,
        direction: &'static str,
        text: &'static str,
    ) -> Language {
        let id: LanguageIdentifier = code.parse().expect("a code of two letters");
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Marks around values would be copied along with a name or an address.
        bundle.set_use_isolating(false);
        // What can be read of a file with a slip in it; the tests find the slip.
        let resource =
            FluentResource::try_new(text.to_owned()).unwrap_or_else(|(resource, _)| resource);
        let _ = bundle.add_resource(resource);
        Language { code, name, direction, bundle }
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Language").field(&self.code).finish()
    }
}

/// Two-letter codes of an `Accept-Language`, the most wanted first (RFC 9110 §12.5.4).
fn preferred(accepted: &str) -> Vec<&str> {
    let mut wanted: Vec<(&str, f32)> = accepted
        .split(',')
        .take(MOST_WANTED)
        .filter_map(|one| {
            let (tag, quality) = one.split_once(";q=").unwrap_or((one, "1"));
            let code = tag.trim().split('-').next().filter(|code| !code.is_empty())?;
            Some((code, quality.trim().parse().ok()?))
        })
        .filter(|(_, quality)| *quality > 0.0)
        .collect();
    wanted.sort_by(|a, b| b.1.total_cmp(&a.1));
    wanted.into_iter().map(|(code, _)| code).collect()
}

static LANGUAGES: LazyLock<[Language; 2]> = LazyLock::new(|| {
    [
        Language::load("en", "English", "ltr", include_str!("../locales/en.ftl")),
        Language::load("fr", "Français", "ltr", include_str!("../locales/fr.ftl")),
    ]
});

/// What a visitor chose; it holds a code of two letters and nothing that could tell visitors apart.
pub(crate) const COOKIE: &str = "shoal_language";

/// More languages than anybody speaks.
const MOST_WANTED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use sidecar::listing::Order;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    #[track_caller]
    fn check(cookie: &str, accepted: &str, wanted: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, accepted.parse().unwrap());
        assert_eq!(Language::of(&headers).code, wanted, "{cookie} {accepted}");
    }

    #[test]
    fn a_visitor_is_spoken_to_in_their_language() {
        check("", "", "en");
        check("", "fr-CH, fr;q=0.9, en;q=0.8", "fr");
        check("", "de, en;q=0.5, fr;q=0.7", "fr");
        check("", "fr;q=0, *", "en");
        check("", "fr;q=x, en", "en");
        check("a=b; shoal_language=fr", "en", "fr");
        check("shoal_language=tlh", "fr", "fr");
    }

    #[test]
    fn sentences_have_their_values() {
        let english = &Language::all()[0];
        assert_eq!(english.tell("age-day", "count", 1), "1 day ago");
        assert_eq!(english.tell("age-day", "count", 3), "3 days ago");
        assert_eq!(english.say("no-such-key"), "no-such-key");
    }

    /// All that templates and code say, in one.
    fn pages_and_code() -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders = vec![root.join("templates"), root.join("src")];
        let mut all = String::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("language.rs") {
                    all += &fs::read_to_string(&path).unwrap();
                }
            }
        }
        all
    }

    #[test]
    fn every_sentence_is_there_in_every_language_and_none_is_left_over() {
        let mut known: Vec<BTreeSet<String>> = Vec::new();
        for code in Language::all().iter().map(|language| language.code) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("locales/{code}.ftl"));
            let text = fs::read_to_string(path).unwrap();
            assert!(FluentResource::try_new(text.clone()).is_ok(), "a slip in {code}.ftl");
            let key = |line: &str| {
                let (key, _) = line.split_once(" =")?;
                let is_key = !key.is_empty() && !key.starts_with([' ', '#', '*', '[']);
                is_key.then(|| key.to_owned())
            };
            let keys: Vec<String> = text.lines().filter_map(key).collect();
            let each: BTreeSet<String> = keys.iter().cloned().collect();
            assert_eq!(keys.len(), each.len(), "a key is there twice in {code}.ftl");
            known.push(each);
        }
        for others in &known[1..] {
            assert_eq!(&known[0], others, "the languages have other keys");
        }
        let all = pages_and_code();
        let said = ["say(\"", "count(\"", "name(\"", "tell(\""];
        let openings = said.iter().flat_map(|opening| all.split(opening).skip(1));
        let used = openings.map(|rest| rest.split('"').next().unwrap());
        let missing: Vec<_> = used.filter(|key| !known[0].contains(*key)).collect();
        assert!(missing.is_empty(), "not in the languages: {missing:?}");
        let names = [
            "publishedAt",
            "createdAt",
            "originallyPublishedAt",
            "views",
            "trending",
            "likes",
            "duration",
            "name",
        ];
        let orders: Vec<String> = names
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("-{name}")])
            .map(|name| Order::parse(&name).unwrap().sentence_key())
            .collect();
        assert!(orders.iter().all(|key| known[0].contains(key)), "{orders:?}");
        let is_unsaid =
            |key: &&String| !all.contains(&format!("\"{key}\"")) && !orders.contains(key);
        let unused: Vec<_> = known[0].iter().filter(is_unsaid).collect();
        assert!(unused.is_empty(), "in the languages, and nowhere said: {unused:?}");
    }
}
