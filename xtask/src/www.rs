//! Puts the pages' files together in `www/dist`, which the binary embeds: hashed, concatenated, compressed.
//!
//! `player-<hash>.wasm`, `player.js` (wasm-bindgen's glue, then our element), `site.css` with its parts, what the player loads
//! for some alone (`extras-<hash>.js`, `words-<hash>.js`, `words-<language>-<hash>.json`), every other file of `www`, and a `.br`
//! and `.gz` beside each.

use crate::{shell, wasm};
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

/// Compiles the player and brings `www/dist` up to date.
pub(crate) fn build() -> Result<()> {
    let compiled = wasm::compile()?;
    let sources = sources(&shell::root().join("www"))?;
    let fingerprint = fingerprint(&compiled, &sources)?;
    let stamp = shell::target().join("www-dist.stamp");
    if is_current(&stamp, &fingerprint) {
        return Ok(());
    }
    let player = wasm::bind(&compiled)?;
    let files = compress(&assemble(player, sources)?)?;
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
    Ok(sources)
}

fn fingerprint(compiled: &Path, sources: &Files) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(fs::read(compiled)?);
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

fn assemble(player: wasm::Player, mut files: Files) -> Result<Files> {
    join_styles(&mut files);
    let wasm_name = format!("player-{}.wasm", &hex(&Sha256::digest(&player.wasm))[..8]);
    let element = files.remove(ELEMENT).with_context(|| format!("www/{ELEMENT} is missing"))?;
    let element =
        String::from_utf8(element).with_context(|| format!("www/{ELEMENT} is not UTF-8"))?;
    if !element.contains(PLACEHOLDER) {
        bail!("www/{ELEMENT} nowhere says {PLACEHOLDER}, where the name of the wasm file belongs");
    }
    let mut script = without_comments(&format!("{}\n{element}", player.glue))
        .replace(BOUND, &wasm_name)
        .replace(PLACEHOLDER, &wasm_name);
    let dictionaries = name_dictionaries(&mut files);
    for (source, placeholder) in LATER {
        let Some(later) = files.remove(*source) else { continue };
        let later =
            String::from_utf8(later).with_context(|| format!("www/{source} is not UTF-8"))?;
        let later = without_comments(&later).replace(DICTIONARIES, &dictionaries).into_bytes();
        let name = hashed(source, &later);
        script = script.replace(placeholder, &name);
        files.insert(name, later);
    }
    files.insert(ELEMENT.to_owned(), script.into_bytes());
    files.insert(wasm_name, player.wasm);
    Ok(files)
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
/// What the element loads for some alone, and where its source wants the file's name: for videos that have captions or a
/// storyboard, and for those who read another language than English. Texts may span lines if none of them begins as a comment.
const LATER: &[(&str, &str)] = &[("extras.js", "__EXTRAS__"), ("words.js", "__WORDS__")];
/// Where `words.js` wants the names of the languages' files.
const DICTIONARIES: &str = "__WORDS__";
/// What wasm-bindgen calls the wasm in its glue.
const BOUND: &str = "player_bg.wasm";
/// What a page can load as it stands in `www`.
const STATIC: &[&str] = &["css", "js", "json", "svg", "txt"];

#[cfg(test)]
mod tests {
    use super::*;

    fn player() -> wasm::Player {
        wasm::Player { glue: "init('player_bg.wasm');".to_owned(), wasm: b"wasm".to_vec() }
    }

    #[test]
    fn the_script_names_the_wasm_by_its_hash() {
        let sources = Files::from([(ELEMENT.to_owned(), b"load('__PLAYER_WASM__');".to_vec())]);
        let files = assemble(player(), sources).unwrap();
        let name = files.keys().find(|name| name.ends_with(".wasm")).unwrap();
        assert_eq!(name.len(), "player-01234567.wasm".len());
        assert_eq!(
            String::from_utf8_lossy(&files[ELEMENT]),
            format!("init('{name}');\nload('{name}');\n")
        );
    }

    #[test]
    fn the_script_names_what_some_videos_have_by_its_hash() {
        let sources = Files::from([
            (ELEMENT.to_owned(), b"load('__PLAYER_WASM__', '__EXTRAS__');".to_vec()),
            ("extras.js".to_owned(), b"// Says so.\na();".to_vec()),
        ]);
        let files = assemble(player(), sources).unwrap();
        let name = files.keys().find(|name| name.starts_with("extras-")).unwrap();
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
        let sources = Files::from([(ELEMENT.to_owned(), b"load('player.wasm');".to_vec())]);
        assert!(assemble(player(), sources).is_err());
    }

    #[test]
    fn what_is_said_in_other_languages_names_their_files_by_their_hashes() {
        let sources = [
            (ELEMENT, "load('__PLAYER_WASM__', '__WORDS__');"),
            ("words.js", "const FILES = { __WORDS__ };"),
            ("words-fr.json", "{}"),
        ];
        let sources = sources.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        let files = assemble(player(), sources.into()).unwrap();
        let of_language = files.keys().find(|name| name.starts_with("words-fr-")).unwrap();
        let script = files.keys().find(|name| name.ends_with(".js") && name.as_str() != ELEMENT);
        assert_eq!(
            String::from_utf8_lossy(&files[script.unwrap()]),
            format!("const FILES = {{ fr: \"{of_language}\" }};\n")
        );
        assert!(String::from_utf8_lossy(&files[ELEMENT]).contains(script.unwrap().as_str()));
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
