//! Installs `aquatic_ws`, which the tracker's bench is held beside, from the cargo registry.

use crate::shell;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// Where the binary is, built once: its tree takes minutes.
///
/// # Errors
/// If it can't be built here; the bench then says so in its table.
pub(crate) fn install() -> Result<PathBuf> {
    let root = shell::target().join("bench-tools");
    let binary = root.join("bin/aquatic_ws");
    if binary.is_file() {
        return Ok(binary);
    }
    println!("xtask: building aquatic_ws {VERSION}, which takes minutes once");
    let mut cargo = shell::cargo();
    cargo.args(["install", "aquatic_ws", "--version", VERSION, "--locked", "--root"]).arg(&root);
    cargo.args(["--no-default-features", "--features", FEATURES]);
    shell::run(cargo.env_remove("CARGO_TARGET_DIR"))?;
    if !binary.is_file() {
        bail!("cargo install aquatic_ws left no {}", binary.display());
    }
    Ok(binary)
}

/// The newest.
const VERSION: &str = "0.9.0";
/// The default ones without `prometheus`: `metrics` 0.22.3, to which its lock file holds it, is no Rust by now (E0521), and
/// counters aren't measured.
const FEATURES: &str = "mimalloc";
