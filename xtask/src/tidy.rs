//! Rules of this repository that no compiler knows: which way imports point, what files open with, what docs name.

use crate::shell;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// What `cargo metadata` says about the whole tree.
pub(crate) fn metadata() -> Value {
    let json = shell::output(shell::cargo().args(["metadata", "--format-version", "1"])).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
fn imports_point_down_only() {
    let metadata = metadata();
    let members: Vec<&Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["source"].is_null())
        .collect();
    let names: Vec<&str> =
        members.iter().map(|package| package["name"].as_str().unwrap()).collect();
    for package in members {
        let name = package["name"].as_str().unwrap();
        let Some((_, below)) = BELOW.iter().find(|(above, _)| *above == name) else {
            panic!("say in {} what {name} may import", file!());
        };
        let dependencies = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|dependency| dependency["name"].as_str());
        for dependency in dependencies.filter(|dependency| names.contains(dependency)) {
            assert!(
                below.contains(&dependency) || below == &EVERYTHING,
                "{name} must not import {dependency}"
            );
        }
    }
}

#[test]
fn every_rust_file_opens_by_saying_what_it_is() {
    for (path, text) in texts(&["rs"]) {
        assert!(
            text.starts_with("//! "),
            "{} does not open with a sentence after //!",
            path.display()
        );
    }
}

#[test]
fn no_file_is_longer_than_anybody_reads() {
    for (path, text) in texts(&["rs", "js", "css", "html"]) {
        let lines = text.lines().count();
        assert!(lines <= 800, "{} has {lines} lines; split it by idea", path.display());
    }
}

#[test]
fn every_silenced_lint_has_a_reason() {
    for (path, text) in texts(&["rs"]) {
        for lint in ["allow", "expect"].into_iter().flat_map(|verb| attributes(&text, verb)) {
            assert!(lint.contains("reason"), "{}: no reason for #[{lint}]", path.display());
        }
    }
}

#[test]
fn only_the_file_map_is_unsafe() {
    for (path, text) in texts(&["rs"]) {
        let is_allowed = attributes(&text, "allow")
            .chain(attributes(&text, "expect"))
            .any(|lint| lint.contains("unsafe_code"));
        assert!(
            !is_allowed || path == Path::new("origin/src/map.rs"),
            "{} allows unsafe code",
            path.display()
        );
    }
}

/// Migrations, and lists put together of constants alone.
const VOUCHED: [&str; 2] = ["sidecar/src/database.rs", "sidecar/src/database/sql.rs"];

/// sqlx takes SQL that isn't a constant only where this word vouches for it.
#[test]
fn no_sql_is_put_together_of_what_comes_from_outside() {
    for (path, text) in texts(&["rs"]).into_iter().filter(|(path, _)| path.starts_with("sidecar")) {
        let vouches =
            ["AssertSqlSafe", "QueryBuilder", "raw_sql"].iter().any(|word| text.contains(word));
        assert!(
            !vouches || VOUCHED.iter().any(|known| path == Path::new(known)),
            "{} puts SQL together; bind its values instead",
            path.display()
        );
    }
}

/// RUSTSEC-2023-0071 is of what the crate computes with private keys; ring does that, and can't make any.
#[test]
fn keys_are_made_in_one_place_and_used_by_ring_alone() {
    for (path, text) in texts(&["rs"]).into_iter().filter(|(path, _)| !path.starts_with("xtask")) {
        let is_named = text.contains("rsa::");
        let is_there = path == Path::new("sidecar/src/federation/key.rs");
        assert!(!is_named || is_there, "{} uses the crate rsa; sign with ring", path.display());
        let signs =
            ["pkcs1v15", "oaep", "pss::", ".decrypt"].iter().any(|word| text.contains(word));
        assert!(!is_there || !signs, "{} may make keys with the crate rsa alone", path.display());
    }
    let manifest = fs::read_to_string(shell::root().join("Cargo.toml")).unwrap();
    let line = manifest.lines().find(|line| line.starts_with("rsa = ")).unwrap();
    assert!(line.contains("default-features = false") && !line.contains("pkcs1v15"), "{line}");
}

#[test]
fn the_engine_does_not_know_who_drives_it() {
    let manifest = fs::read_to_string(shell::root().join("swarm/Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("[features]"),
        "the engine is the same for every driver, so it has no features"
    );
    for (path, text) in texts(&["rs"]).into_iter().filter(|(path, _)| path.starts_with("swarm/src"))
    {
        let conditions = text
            .split("cfg")
            .skip(1)
            .filter(|rest| rest.trim_start_matches(['!', '_', 'a', 't', 'r']).starts_with('('));
        for condition in conditions {
            assert!(
                condition.starts_with("(test)"),
                "{}: the engine depends on how it is built",
                path.display()
            );
        }
        let mut words = text.split(|character: char| !character.is_alphanumeric());
        assert!(!words.any(|word| word == "sim"), "{} knows the simulator", path.display());
    }
}

#[test]
fn docs_name_only_files_that_exist() {
    let files = files();
    for (path, text) in texts(&["md"]).into_iter().filter(|(path, _)| is_documentation(path)) {
        for name in named_files(&text) {
            assert!(
                exists(&files, &path, &name),
                "{} names {name}, which does not exist",
                path.display()
            );
        }
    }
}

#[test]
fn pages_keep_to_their_content_security_policy() {
    let is_page = |path: &Path| PAGES.iter().any(|folder| path.starts_with(folder));
    for (path, text) in texts(&["html", "js"]).into_iter().filter(|(path, _)| is_page(path)) {
        let offences = inline(&text);
        assert!(
            offences.is_empty(),
            "{}: the content security policy forbids inline {offences:?}",
            path.display()
        );
    }
}

#[test]
fn styles_are_as_good_from_right_to_left() {
    for (path, text) in texts(&["css"]) {
        let offences = one_sided(&text);
        assert!(
            offences.is_empty(),
            "{}: say inline-start and inline-end instead of {offences:?}",
            path.display()
        );
    }
}

#[test]
fn sides_are_told_from_other_words() {
    for bad in [
        "a{margin-left:1px}",
        "a { left : 0; }",
        "a{border-right:0}",
        "a{text-align:right}",
        "a{float:left}",
        "a{padding:1px 2px 3px 4px}",
        "a{border-top-left-radius:1px}",
    ] {
        assert_eq!(one_sided(bad).len(), 1, "{bad}");
    }
    let good = "/* left: */a{margin-inline-start:1px;padding:1px 2px 3px;inset:1px 2px 3px 2px;margin:clamp(1px, 2px, 3px) auto;transform-origin:left}.right:hover{}";
    assert_eq!(one_sided(good), Vec::<String>::new());
}

#[test]
fn inline_scripts_styles_and_handlers_are_recognised() {
    for inlined in [
        "<script>x</script>",
        "<p style=\"a\">",
        "<b onclick=\"x\">",
        "<style>a{}</style>",
        "<script type=\"module\">x</script>",
    ] {
        assert_eq!(inline(inlined).len(), 1, "{inlined}");
    }
    for clean in [
        "<script src=\"/a.js\"></script>",
        "<p class=\"style\">",
        "element.onclick = open",
        "<a href=\"/on\">on</a>",
        "<script type=\"application/ld+json\">{}</script>",
    ] {
        assert_eq!(inline(clean), Vec::<String>::new(), "{clean}");
    }
}

#[test]
fn names_of_files_are_told_from_other_code() {
    let text = "`origin/src/map.rs` `/hls/<id>/x.m3u8` `text/html` [a](docs/a.md#b) [w](https://a.b/c.md) `cargo xtask run` `gone.rs` `wire/`\n```sh\ncat `no.md`\n```";
    assert_eq!(named_files(text), ["origin/src/map.rs", "gone.rs", "wire/", "docs/a.md"]);
}

/// The arguments of each `#[verb(…)]` or `#![verb(…)]`.
fn attributes<'a>(text: &'a str, verb: &str) -> impl Iterator<Item = &'a str> {
    let starts = [format!("#[{verb}("), format!("#![{verb}(")];
    starts.into_iter().flat_map(|start| {
        text.split(start.as_str())
            .skip(1)
            .filter_map(|rest| rest.split(']').next())
            .collect::<Vec<_>>()
    })
}

fn inline(text: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for tag in text.split('<').skip(1).filter_map(|rest| rest.split_inclusive('>').next()) {
        let attributes: Vec<&str> = tag.split_whitespace().skip(1).collect();
        let is_handler = |attribute: &&str| {
            let name = attribute.split("=\"").next().unwrap_or_default();
            attribute.contains("=\"") && (name == "style" || name.starts_with("on"))
        };
        // Data that nobody runs is no script.
        let is_data = tag == "script type=\"application/ld+json\">";
        let is_script = tag.starts_with("script") && !tag.contains("src=") && !is_data;
        if is_script
            || tag.starts_with("style>")
            || tag.starts_with(char::is_alphabetic) && attributes.iter().any(is_handler)
        {
            offences.push(format!("<{tag}"));
        }
    }
    offences
}

/// Declarations that mean the left or the right side of the screen, and not where lines begin or end.
fn one_sided(css: &str) -> Vec<String> {
    let mut plain = String::new();
    for part in css.split("/*") {
        plain += part.split_once("*/").map_or(part, |(_, rest)| rest);
    }
    let is_side = |word: &str| word == "left" || word == "right";
    let is_one_sided = |declaration: &&str| {
        let Some((name, value)) = declaration.split_once(':') else { return false };
        let (name, values) = (name.trim(), value.split_whitespace().collect::<Vec<_>>());
        match name {
            "margin" | "padding" | "inset" => {
                values.len() == 4 && values[1] != values[3] && !value.contains('(')
            }
            "text-align" | "float" | "clear" => is_side(value.trim()),
            _ => name.split('-').any(is_side),
        }
    };
    let blocks = plain.split('{').skip(1).filter_map(|block| block.split('}').next());
    let declarations = blocks.flat_map(|block| block.split(';'));
    declarations.filter(is_one_sided).map(|found| found.trim().to_owned()).collect()
}

fn is_documentation(path: &Path) -> bool {
    let top = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];
    top.iter().any(|name| path == Path::new(name)) || path.starts_with("docs")
}

/// What is in back-quotes and looks like a file of ours, and where links lead within the repository.
fn named_files(markdown: &str) -> Vec<String> {
    let prose: String = markdown.split("```").step_by(2).collect();
    let quoted = prose
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| looks_like_a_file(code))
        .map(str::to_owned);
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next());
    let local = links.filter(|link| !link.is_empty() && !link.contains(':')).map(str::to_owned);
    quoted.chain(local).collect()
}

fn looks_like_a_file(code: &str) -> bool {
    let is_plain = code
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
    let extension = Path::new(code).extension().and_then(OsStr::to_str).unwrap_or_default();
    is_plain
        && !code.starts_with('/')
        && !MADE.iter().any(|made| code.starts_with(made))
        && (code.ends_with('/') || EXTENSIONS.contains(&extension) && !code.starts_with('.'))
}

/// From the root, beside the document, or, for a bare name, anywhere.
fn exists(files: &[PathBuf], document: &Path, name: &str) -> bool {
    let root = shell::root();
    let beside = document.parent().map(|folder| root.join(folder).join(name));
    let anywhere =
        !name.contains('/') && files.iter().any(|file| file.file_name() == Some(OsStr::new(name)));
    root.join(name).exists() || beside.is_some_and(|beside| beside.exists()) || anywhere
}

fn texts(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let has_extension = |path: &PathBuf| {
        path.extension()
            .and_then(OsStr::to_str)
            .is_some_and(|extension| extensions.contains(&extension))
    };
    let texts: Vec<_> = files()
        .into_iter()
        .filter(has_extension)
        .map(|path| {
            let text = fs::read_to_string(shell::root().join(&path)).unwrap();
            (path, text)
        })
        .collect();
    assert!(!texts.is_empty(), "no file with {extensions:?} found");
    texts
}

/// Every file that is written by hand, relative to the root.
fn files() -> Vec<PathBuf> {
    let root = shell::root();
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(&root).unwrap().to_owned();
            let name = relative.file_name().unwrap().to_string_lossy().into_owned();
            let is_made = relative.starts_with("data")
                || ["target", "dist", "node_modules"].contains(&name.as_str());
            if is_made || name.starts_with('.') {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { files.push(relative) }
        }
    }
    files.sort();
    files
}

/// What each package may import of the workspace; see `ARCHITECTURE.md`.
const BELOW: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("swarm", &["wire"]),
    ("swarm-sim", &["swarm", "wire"]),
    ("swarm-fuzzing", &["swarm", "wire"]),
    ("player-wasm", &["swarm", "wire"]),
    ("verifier-wasm", &[]),
    ("origin", &["wire"]),
    ("tracker", &["wire"]),
    ("sidecar", &["wire"]),
    ("instance", &["origin", "tracker", "sidecar", "wire"]),
    ("benches", EVERYTHING),
    ("xtask", EVERYTHING),
];

const EVERYTHING: &[&str] = &["*"];

/// Where text lies that becomes part of a page.
const PAGES: &[&str] = &["instance/templates", "player-wasm/src", "www"];

const EXTENSIONS: &[&str] = &["css", "html", "js", "json", "lock", "md", "rs", "sh", "svg", "toml"];

/// What documents may name though it is made by building, running or the reader.
const MADE: &[&str] = &["DATA/", "data/", "node_modules/", "shoal.toml", "target/", "www/dist/"];
