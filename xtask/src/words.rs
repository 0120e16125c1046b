//! The player's words: that each of its English sentences is there in every other language, and none besides.

use crate::shell;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn every_word_of_the_player_is_there_in_every_language_and_none_is_left_over() {
    let said = said();
    for (file, words) in dictionaries() {
        let known: BTreeSet<String> = words.keys().map(|english| plain(english)).collect();
        let missing: Vec<_> = said.difference(&known).collect();
        assert!(missing.is_empty(), "not in www/{file}: {missing:?}");
        let all = sources();
        let is_unsaid = |english: &&String| {
            let mut parts = english.split("{}").filter(|part| part.len() > 1 || *part == "×");
            !said.contains(*english) && !parts.all(|part| all.contains(part))
        };
        let unsaid: Vec<_> = known.iter().filter(is_unsaid).collect();
        assert!(unsaid.is_empty(), "in www/{file}, and nowhere said: {unsaid:?}");
    }
}

#[test]
fn what_stands_for_values_is_the_same_in_every_language() {
    for (file, words) in dictionaries() {
        for (english, other) in words {
            let places = |text: &str| plain(text).matches("{}").count();
            assert_eq!(places(&english), places(other.as_str().unwrap()), "{english} in {file}");
        }
    }
}

#[test]
fn words_are_found_where_they_are_said() {
    let html = "<b aria-label=\"Play\">Try again<p> </p>at most <i>0:00</i></b>";
    assert_eq!(of_html(html), ["Play", "Try again", "at most"]);
    let code =
        "// \"Not this\"\nsay(\"Not here (status {0}).\"); at(\"Home\"); call(\"fullscreen\");";
    assert_eq!(of_code(code), ["Not here (status {0})."]);
    let errors = "/// It says \"No\".\n#[error(\n    \"empty\"\n)]\nEmpty,\n#[error(\"{0} is\")]";
    assert_eq!(of_errors(errors), ["empty", "{0} is"]);
}

/// Everything that the player says, in English.
fn said() -> BTreeSet<String> {
    let mut said = of_html(&read("player-wasm/src/controls.html"));
    said.extend(
        ["www/panel.js", "www/controls.js"].iter().flat_map(|file| of_html(&html_in(file))),
    );
    for file in SPEAKERS {
        said.extend(of_code(&read(file)));
    }
    for file in ["swarm/src/message.rs", "swarm/wire/src/playlist.rs"] {
        said.extend(of_errors(&read(file)));
    }
    assert!(said.len() > 50, "where are the player's words? {said:?}");
    said.iter().map(|text| plain(text)).collect()
}

/// The HTML within a script.
fn html_in(file: &str) -> String {
    let script = read(file);
    let html = script.split_once("const HTML = `").unwrap().1;
    html.split_once('`').unwrap().0.trim().to_owned()
}

fn sources() -> String {
    let files = ["player-wasm/src/controls.html", "swarm/src/message.rs", "swarm/src/catalogue.rs"];
    let more = ["swarm/src/note.rs", "swarm/wire/src/playlist.rs"];
    files.iter().chain(&more).chain(SPEAKERS).map(|file| read(file)).collect()
}

fn dictionaries() -> Vec<(String, Map<String, Value>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(shell::root().join("www")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with("words-") {
            let words = serde_json::from_str(&read(&format!("www/{name}"))).unwrap();
            found.push((name, words));
        }
    }
    assert!(!found.is_empty(), "no www/words-….json");
    found
}

/// Texts between tags and labels that have letters.
fn of_html(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for tag in html.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap();
        let label = tag.split("aria-label=\"").nth(1).and_then(|rest| rest.split('"').next());
        found.extend(label.into_iter().chain([text.trim()]).map(str::to_owned));
    }
    found.retain(|text| text.chars().any(char::is_alphabetic) && !text.ends_with('×'));
    found
}

/// Texts in a program that begin as sentences do, but for names of keys and the commands of a drawing.
fn of_code(code: &str) -> Vec<String> {
    let found = literals(code).into_iter().filter(|text| text.starts_with(char::is_uppercase));
    let is_said = |text: &String| !NAMES.contains(&text.as_str()) && text.get(1..2) != Some("{");
    found.filter(is_said).collect()
}

/// What errors are displayed as.
fn of_errors(code: &str) -> Vec<String> {
    let attributes = code.split("#[error(").skip(1);
    attributes.filter_map(|rest| literals(rest).into_iter().next()).collect()
}

/// What stands between double quotes, outside of comments.
fn literals(code: &str) -> Vec<String> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<&str> = code.lines().filter(is_code).collect();
    code.join("\n").split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A sentence with the same sign wherever a value stands.
fn plain(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .fold(first, |plain, part| plain + "{}" + part.split_once('}').map_or("", |(_, rest)| rest))
}

fn read(file: &str) -> String {
    fs::read_to_string(shell::root().join(file)).unwrap()
}

/// Which programs say something to viewers.
const SPEAKERS: &[&str] = &[
    "player-wasm/src/consent.rs",
    "player-wasm/src/driver.rs",
    "player-wasm/src/page.rs",
    "www/controls.js",
    "www/extras.js",
    "www/panel.js",
    "www/player.js",
];

/// What begins with a capital letter and is said to nobody.
const NAMES: &[&str] = &[
    "ArrowDown",
    "ArrowLeft",
    "ArrowRight",
    "ArrowUp",
    "End",
    "Enter",
    "Escape",
    "Home",
    "INPUT",
    "SELECT",
    "TEXTAREA",
];
