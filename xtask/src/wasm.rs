//! Compiles the player to wasm, binds it to JavaScript and makes it small.

use crate::{imports, install, shell};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

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
    bindgen.generate(&folder).context("wasm-bindgen cannot bind the player")?;

    let wasm_file = folder.join("player_bg.wasm");
    shrink(&wasm_file)?;
    let glue =
        fs::read_to_string(folder.join("player.js")).context("wasm-bindgen wrote no player.js")?;
    let wasm = fs::read(&wasm_file)?;
    refuse_env(&wasm)?;
    Ok(Player { glue, wasm })
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
    match shell::run(command.arg("-Oz").args(FEATURES).arg(wasm).arg("-o").arg(&small)) {
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

/// What Rust's wasm32-unknown-unknown uses by default, which binaryen 108 must be told.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
];

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
}
