//! Puts the pages' files together in `www/dist`, which the binary embeds: hashed, concatenated, compressed.
//!
//! `player-<hash>.wasm`, `player.js` (wasm-bindgen's glue, then our element), `site.css` with its parts, what the player loads
//! later (`panel-<hash>.js`, `controls-<hash>.js`, `watching-<hash>.js`, `verifier-<hash>.js` with its own glue, and `verifier-<hash>.wasm`) or for some alone (`extras-<hash>.js`,
//! `words-<hash>.js`, `words-<language>-<hash>.json`), every other file of `www`, and a `.br` and `.gz` beside each.

use crate::shell;
use crate::wasm::{Bound, PLAYER, VERIFIER};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// File name to content.
type Files = BTreeMap<String, Vec<u8>>;

/// Where the finished files are.
pub(crate) fn dist() -> PathBuf {
    shell::root().join("www/dist")
}

/// Compiles what runs in browsers and brings `www/dist` up to date.
pub(crate) fn build() -> Result<()> {
    let (player, verifier) = (PLAYER.compile()?, VERIFIER.compile()?);
    let sources = sources(&shell::root().join("www"))?;
    let fingerprint = fingerprint([&player, &verifier], &sources)?;
    let stamp = shell::target().join("www-dist.stamp");
    if is_current(&stamp, &fingerprint) {
        return Ok(());
    }
    let bound = [PLAYER.bind(&player)?, VERIFIER.bind(&verifier)?];
    let files = compress(&assemble(bound, sources)?)?;
    replace(&dist(), &files)?;
    let list: String = files.keys().map(|name| format!("{name}\n")).collect();
    fs::write(&stamp, format!("{fingerprint}\n{list}"))?;
    Ok(())
}

fn sources(folder: &Path) -> Result<Files> {
    let mut sources = Files::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
        let path = entry?.path();
        let is_static = path
            .extension()
            .and_then(OsStr::to_str)
            .is_some_and(|extension| STATIC.contains(&extension));
        if let (true, Some(name)) = (is_static, path.file_name().and_then(OsStr::to_str)) {
            sources.insert(name.to_owned(), fs::read(&path)?);
        }
    }
    if !sources.contains_key(ELEMENT) {
        bail!("www/{ELEMENT}, the custom element, is missing");
    }
    if !sources.contains_key(VERIFYING) {
        bail!("www/{VERIFYING}, which starts what verifies, is missing");
    }
    Ok(sources)
}

fn fingerprint(compiled: [&Path; 2], sources: &Files) -> Result<String> {
    let mut hash = Sha256::new();
    for wasm in compiled {
        hash.update(fs::read(wasm)?);
    }
    hash.update([u8::from(shell::find("wasm-opt").is_some())]);
    hash.update(fs::read(std::env::current_exe()?)?);
    for (name, content) in sources {
        hash.update(format!("{name} {} ", content.len()));
        hash.update(content);
    }
    Ok(hex(&hash.finalize()))
}

fn is_current(stamp: &Path, fingerprint: &str) -> bool {
    let Ok(stamp) = fs::read_to_string(stamp) else { return false };
    let mut lines = stamp.lines();
    lines.next() == Some(fingerprint) && lines.all(|name| dist().join(name).is_file())
}

fn assemble([player, verifier]: [Bound; 2], mut files: Files) -> Result<Files> {
    join_styles(&mut files);
    let wasm_name = hashed("player.wasm", &player.wasm);
    let element = text(files.remove(ELEMENT), ELEMENT)?;
    if !element.contains(PLACEHOLDER) {
        bail!("www/{ELEMENT} nowhere says {PLACEHOLDER}, where the name of the wasm file belongs");
    }
    let mut script = without_comments(&format!("{}\n{element}", player.glue))
        .replace(&PLAYER.bound_name(), &wasm_name)
        .replace(PLACEHOLDER, &wasm_name);
    join_verifier(verifier, &mut files)?;
    let dictionaries = name_dictionaries(&mut files);
    for (source, placeholder) in LATER {
        let Some(later) = files.remove(*source) else { continue };
        let later = text(Some(later), source)?;
        let later = without_comments(&later).replace(DICTIONARIES, &dictionaries).into_bytes();
        let name = hashed(source, &later);
        script = script.replace(placeholder, &name);
        files.insert(name, later);
    }
    files.insert(ELEMENT.to_owned(), script.into_bytes());
    files.insert(wasm_name, player.wasm);
    Ok(files)
}

/// Puts what starts the verifier behind its glue, which then names the module by its hash.
fn join_verifier(verifier: Bound, files: &mut Files) -> Result<()> {
    let start = text(files.remove(VERIFYING), VERIFYING)?;
    let name = hashed("verifier.wasm", &verifier.wasm);
    let script = format!("{}\n{start}", verifier.glue).replace(&VERIFIER.bound_name(), &name);
    files.insert(VERIFYING.to_owned(), script.into_bytes());
    files.insert(name, verifier.wasm);
    Ok(())
}

fn text(content: Option<Vec<u8>>, name: &str) -> Result<String> {
    let content = content.with_context(|| format!("www/{name} is missing"))?;
    String::from_utf8(content).with_context(|| format!("www/{name} is not UTF-8"))
}

/// Puts the pages' styles behind each other, in the order of their names: one file is one request.
fn join_styles(files: &mut Files) {
    let is_part = |name: &&String| name.starts_with("site-") && name.ends_with(".css");
    let parts: Vec<String> = files.keys().filter(is_part).cloned().collect();
    for part in parts {
        let Some(style) = files.remove(&part) else { continue };
        files.entry(STYLE.to_owned()).or_default().extend(style);
    }
}

/// Gives the words of each language a name by their hash; the languages and names, as an object in a script has them.
fn name_dictionaries(files: &mut Files) -> String {
    let is_dictionary = |name: &&String| name.starts_with("words-") && name.ends_with(".json");
    let sources: Vec<String> = files.keys().filter(is_dictionary).cloned().collect();
    let mut named = Vec::new();
    for source in sources {
        let Some(words) = files.remove(&source) else { continue };
        let name = hashed(&source, &words);
        let language = source.trim_start_matches("words-").trim_end_matches(".json");
        named.push(format!("{language}: \"{name}\""));
        files.insert(name, words);
    }
    named.join(", ")
}

/// A file's name with the hash of its content before the ending.
fn hashed(name: &str, content: &[u8]) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{stem}-{}.{ending}", &hex(&Sha256::digest(content))[..8])
}

/// A script without indentation and without lines that begin as comments, in a script where no text spans lines.
fn without_comments(script: &str) -> String {
    let is_comment = |line: &str| {
        line == "*" || ["//", "/*", "* ", "*/"].iter().any(|sign| line.starts_with(sign))
    };
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !is_comment(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn compress(files: &Files) -> Result<Files> {
    let mut all = files.clone();
    for (name, content) in files {
        all.insert(format!("{name}.br"), brotli(content)?);
        all.insert(format!("{name}.gz"), gzip(content)?);
    }
    Ok(all)
}

/// The bytes under brotli at its best level, as files and budget use it.
pub(crate) fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &content[..], &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

/// Makes a folder hold exactly these files, leaving unchanged ones alone so that cargo rebuilds no more than it must.
fn replace(folder: &Path, files: &Files) -> Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_none_or(|name| !files.contains_key(name)) {
            fs::remove_file(entry.path())?;
        }
    }
    for (name, content) in files {
        let path = folder.join(name);
        if fs::read(&path).ok().as_ref() != Some(content) {
            fs::write(&path, content)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The style of all pages; its parts are called `site-<what>.css`.
const STYLE: &str = "site.css";

/// The custom element, which is joined with the glue so that a page loads one script and not two in a row.
const ELEMENT: &str = "player.js";
/// Where the element's source wants the wasm's file name.
const PLACEHOLDER: &str = "__PLAYER_WASM__";
/// What makes the verifier ready, which is joined with its glue.
const VERIFYING: &str = "verifier.js";
/// What the element loads later or for some alone, and where its source wants the file's name: to verify with, the panel, more
/// buttons, for videos that have captions or a storyboard, and for those who read another language than English. Texts may span lines if none of them
/// begins as a comment.
const LATER: &[(&str, &str)] = &[
    (VERIFYING, "__VERIFIER__"),
    ("panel.js", "__PANEL__"),
    ("controls.js", "__CONTROLS__"),
    ("watching.js", "__WATCHING__"),
    ("extras.js", "__EXTRAS__"),
    ("words.js", "__WORDS__"),
];
/// Where `words.js` wants the names of the languages' files.
const DICTIONARIES: &str = "__WORDS__";
/// What a page can load as it stands in `www`.
const STATIC: &[&str] = &["css", "js", "json", "svg", "txt"];

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> [Bound; 2] {
        let bound =
            |name| Bound { glue: format!("init('{name}_bg.wasm');"), wasm: b"wasm".to_vec() };
        [bound("player"), bound("verifier")]
    }

    fn files<const N: usize>(files: [(&str, &str); N]) -> Files {
        let all = files.into_iter().chain([(VERIFYING, "await init();")]);
        all.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[track_caller]
    fn named<'a>(files: &'a Files, start: &str, end: &str) -> &'a str {
        files.keys().find(|name| name.starts_with(start) && name.ends_with(end)).unwrap()
    }

    #[test]
    fn the_script_names_the_wasm_by_its_hash() {
        let files = assemble(bound(), files([(ELEMENT, "load('__PLAYER_WASM__');")])).unwrap();
        let name = named(&files, "player-", ".wasm");
        assert_eq!(name.len(), "player-01234567.wasm".len());
        assert_eq!(
            String::from_utf8_lossy(&files[ELEMENT]),
            format!("init('{name}');\nload('{name}');\n")
        );
    }

    #[test]
    fn the_script_names_what_verifies_and_that_its_own_wasm_by_their_hashes() {
        let sources = files([(ELEMENT, "load('__PLAYER_WASM__', '__VERIFIER__');")]);
        let files = assemble(bound(), sources).unwrap();
        let (script, wasm) =
            (named(&files, "verifier-", ".js"), named(&files, "verifier-", ".wasm"));
        assert_eq!(script.len(), "verifier-01234567.js".len());
        let expected = format!("init('{wasm}');\nawait init();\n");
        assert_eq!(String::from_utf8_lossy(&files[script]), expected);
        assert!(String::from_utf8_lossy(&files[ELEMENT]).contains(&format!("'{script}'")));
        assert!(!files.contains_key(VERIFYING));
    }

    #[test]
    fn the_script_names_what_some_videos_have_by_its_hash() {
        let element = (ELEMENT, "load('__PLAYER_WASM__', '__EXTRAS__');");
        let sources = files([element, ("extras.js", "// Says so.\na();")]);
        let files = assemble(bound(), sources).unwrap();
        let name = named(&files, "extras-", ".js");
        assert_eq!(name.len(), "extras-01234567.js".len());
        assert_eq!(files[name], b"a();\n");
        assert!(String::from_utf8_lossy(&files[ELEMENT]).contains(&format!("'{name}'")));
        assert!(!files.contains_key("extras.js"));
    }

    #[test]
    fn comments_are_left_out_where_they_are_all_of_a_line() {
        let script =
            "/**\n * Says so.\n *\n * Always.\n */\n  a(\"//\"); // b\n\n  // c\n  *d() {}\n";
        assert_eq!(without_comments(script), "a(\"//\"); // b\n*d() {}\n");
    }

    #[test]
    fn an_element_without_the_placeholder_is_refused() {
        assert!(assemble(bound(), files([(ELEMENT, "load('player.wasm');")])).is_err());
    }

    #[test]
    fn what_is_said_in_other_languages_names_their_files_by_their_hashes() {
        let sources = files([
            (ELEMENT, "load('__PLAYER_WASM__', '__WORDS__');"),
            ("words.js", "const FILES = { __WORDS__ };"),
            ("words-fr.json", "{}"),
        ]);
        let files = assemble(bound(), sources).unwrap();
        let of_language = named(&files, "words-fr-", "");
        let script = named(&files, "words-", ".js");
        assert_eq!(
            String::from_utf8_lossy(&files[script]),
            format!("const FILES = {{ fr: \"{of_language}\" }};\n")
        );
        assert!(String::from_utf8_lossy(&files[ELEMENT]).contains(script));
    }

    #[test]
    fn files_that_are_no_longer_made_disappear() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("player-old.wasm"), "old").unwrap();
        replace(folder.path(), &Files::from([("a.css".to_owned(), b"new".to_vec())])).unwrap();
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.css"]);
    }
}
