//! Compiles the player to wasm, binds it to JavaScript and makes it small.

use crate::{imports, install, shell};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::{Bindgen, EncodeInto};

/// The player as browsers load it.
pub(crate) struct Player {
    /// wasm-bindgen's JavaScript, which names the wasm file `player_bg.wasm`.
    pub(crate) glue: String,
    /// The module itself.
    pub(crate) wasm: Vec<u8>,
}

/// Compiles the player; cargo does nothing if nothing has changed.
pub(crate) fn compile() -> Result<PathBuf> {
    let mut cargo = shell::cargo();
    cargo.args([
        "build",
        "--package",
        "player-wasm",
        "--profile",
        "wasm",
        "--target",
        install::WASM_TARGET,
    ]);
    shell::run(&mut cargo)?;
    let wasm = shell::target().join(install::WASM_TARGET).join("wasm/player_wasm.wasm");
    if !wasm.is_file() {
        bail!("cargo made no {}; is the crate-type of player-wasm still cdylib?", wasm.display());
    }
    Ok(wasm)
}

/// Binds and shrinks a compiled player.
pub(crate) fn bind(compiled: &Path) -> Result<Player> {
    let folder = shell::target().join("player-bindings");
    let mut bindgen = Bindgen::new();
    bindgen
        .input_bytes("player", deny_reference_types(fs::read(compiled)?))
        .out_name("player")
        .typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true);
    bindgen.web(true)?.omit_default_module_path(false);
    bindgen.encode_into(EncodeInto::Always);
    let mut output = bindgen.generate_output().context("wasm-bindgen cannot bind the player")?;
    let mut glue = output.js().to_owned();
    for (no, import) in output.wasm_mut().imports.iter_mut().enumerate() {
        import.name = number(&mut glue, &import.name, no)?;
    }
    let glue = without_unused(&glue)?;
    let wasm_file = folder.join("player_bg.wasm");
    fs::create_dir_all(&folder)?;
    fs::write(&wasm_file, output.wasm_mut().emit_wasm())?;
    shrink(&wasm_file)?;
    let wasm = fs::read(&wasm_file)?;
    refuse_env(&wasm)?;
    Ok(Player { glue, wasm })
}

/// Gives what the module imports a number for a name, in the glue as well.
///
/// wasm-bindgen's names end with 16 random digits each, which take 5 KB when compressed, in two files together.
fn number(glue: &mut String, name: &str, no: usize) -> Result<String> {
    let (key, short) = (format!("{name}: function"), no.to_string());
    if glue.matches(&key).count() != 1 {
        bail!("wasm-bindgen's glue doesn't define {name} as it used to, so it can't be renamed");
    }
    *glue = glue.replace(&key, &format!("{short}: function"));
    Ok(short)
}

/// The glue without `initSync`, which nobody calls, and without the line that exports it: 200 bytes when compressed.
fn without_unused(glue: &str) -> Result<String> {
    let (before, rest) = glue.split_once("function initSync(").context(UNLIKE)?;
    let indentation = before.rsplit('\n').next().unwrap_or_default();
    let (_, after) = rest.split_once(&format!("\n{indentation}}}\n")).context(UNLIKE)?;
    let (between, after) = after.split_once("export { initSync, ").context(UNLIKE)?;
    let (_, after) = after.split_once("};").context(UNLIKE)?;
    Ok([before, between, after].concat())
}

/// Tells wasm-bindgen that the module does not use reference types, by one byte of its `target_features` section.
///
/// Otherwise it keeps JavaScript's objects in a table of their own, which Debian's binaryen 108 can't read or mixes up
/// with the table of functions.
fn deny_reference_types(mut wasm: Vec<u8>) -> Vec<u8> {
    const USED: &[u8] = b"+\x0freference-types";
    for start in 0..wasm.len().saturating_sub(USED.len()) {
        if wasm[start..].starts_with(USED) {
            wasm[start] = b'-';
        }
    }
    wasm
}

fn shrink(wasm: &Path) -> Result<()> {
    let Some(wasm_opt) = shell::find("wasm-opt") else {
        println!("xtask: no wasm-opt (Debian: binaryen), so the player's wasm will be larger");
        return Ok(());
    };
    let small = wasm.with_extension("small");
    let mut command = Command::new(wasm_opt);
    match shell::run(command.args(FEATURES).args(PASSES).arg(wasm).arg("-o").arg(&small)) {
        Ok(()) => Ok(fs::rename(small, wasm)?),
        Err(error) => {
            println!("xtask: the player's wasm will be larger: {error}");
            Ok(())
        }
    }
}

/// Nothing gives a browser's module an `env`: such an import means a crate that expects C or an operating system.
fn refuse_env(wasm: &[u8]) -> Result<()> {
    let modules =
        imports::modules(wasm).context("the player's wasm has no readable import section")?;
    if modules.iter().any(|module| module == "env") {
        bail!(
            "the player's wasm imports from \"env\", which no browser provides; a dependency wants C or an operating system"
        );
    }
    Ok(())
}

/// Why less can't be left out.
const UNLIKE: &str = "wasm-bindgen's glue doesn't define and export initSync as it used to";

/// What Rust's wasm32-unknown-unknown uses by default, which binaryen 108 must be told.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

/// A second pass finds more; flattened code with its loops made anew compresses better. The lowest 1,024 bytes are unused,
/// since Rust has the far end of the stack there.
const PASSES: &[&str] = &["--low-memory-unused", "--flatten", "--rereloop", "-Oz", "-Oz"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_claim_of_reference_types_is_changed() {
        let section = b"\0asm+\x0bbulk-memory+\x0freference-types+\x08sign-ext".to_vec();
        let expected = b"\0asm+\x0bbulk-memory-\x0freference-types+\x08sign-ext".to_vec();
        assert_eq!(deny_reference_types(section), expected);
        assert_eq!(deny_reference_types(Vec::new()), Vec::<u8>::new());
    }

    #[test]
    fn what_nobody_calls_is_left_out() {
        let glue = "a();\n  function initSync(x) {\n    if (x) {\n    }\n  }\nb();\nexport { initSync, init as default };\nc();\n";
        assert_eq!(without_unused(glue).unwrap(), "a();\n  b();\n\nc();\n");
        assert!(without_unused("a();\n").is_err());
    }

    #[test]
    fn an_import_is_renamed_where_the_glue_defines_it_once() {
        let glue = "x = { __wbg_play_01: function(a) {}, __wbg_play_012: function() {} };";
        let mut renamed = glue.to_owned();
        assert_eq!(number(&mut renamed, "__wbg_play_01", 7).unwrap(), "7");
        assert_eq!(renamed, "x = { 7: function(a) {}, __wbg_play_012: function() {} };");
        assert!(number(&mut renamed, "__wbg_play_01", 8).is_err());
        assert!(number(&mut format!("{glue}{glue}"), "__wbg_play_01", 8).is_err());
    }
}
