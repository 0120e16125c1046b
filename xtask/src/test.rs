//! Every check there is, in the order in which a mistake is found soonest; the first failure stops.

use crate::install::{self, For};
use crate::{budget, described, e2e, run, shell, www};
use anyhow::{Context, Result};
use std::process::Command;
use std::time::Instant;

/// Runs all checks.
pub(crate) fn test() -> Result<()> {
    step("install what is missing", || install::install(For::Testing))?;
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("player and pages", www::build)?;
    step("lints", || {
        cargo(&with_natives(&["clippy", "--all-targets"], &["--", "-D", "warnings"]))
    })?;
    step("lints of what runs in browsers", || {
        cargo(BROWSER_LINTS)?;
        cargo(&["clippy", "--package", VERIFIER, "--all-targets", "--", "-D", "warnings"])
    })?;
    step("unit, integration and tidy tests", unit_tests)?;
    step("unit tests of what verifies", || {
        cargo(&["test", "--quiet", "--lib", "--package", VERIFIER])
    })?;
    step("unit and integration tests of the engine, as wasm", wasm_tests)?;
    step("doc tests", || cargo(&with_natives(&["test", "--doc"], &[])))?;
    step("docs", docs)?;
    let shoal = step("release binary", run::compile)?;
    step("answers as the API's description has them", || described::check(&shoal))?;
    step("what an embed downloads", || budget::check(&shoal))?;
    step("browser tests", || e2e::browse(&shoal, None))
}

fn step<T>(name: &str, check: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n=== {name}");
    let start = Instant::now();
    let result = check().with_context(|| format!("failed at: {name}"))?;
    println!("=== {name}: {:.1} s", start.elapsed().as_secs_f32());
    Ok(result)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    shell::run(shell::cargo().args(arguments))
}

fn unit_tests() -> Result<()> {
    if shell::find("cargo-nextest").is_some() {
        return cargo(&with_natives(&["nextest", "run"], &[]));
    }
    println!("xtask: no cargo-nextest here, so plain `cargo test` runs the tests");
    cargo(&with_natives(&["test", "--lib", "--bins", "--tests"], &[]))
}

/// The engine is the same natively and in wasm; so are its tests, whose programs node runs.
fn wasm_tests() -> Result<()> {
    let runner = shell::root().join("xtask/src/wasi.mjs");
    let runner = format!(
        "target.{}.runner=[\"node\", \"--no-warnings\", {:?}]",
        install::WASI_TARGET,
        runner.display().to_string()
    );
    let mut test = shell::cargo();
    test.args(["--config", &runner, "test", "--quiet", "--lib", "--tests"]);
    test.args(["--target", install::WASI_TARGET]);
    shell::run(test.args(IN_WASM.iter().flat_map(|package| ["--package", package])))
}

fn docs() -> Result<()> {
    let mut doc: Command = shell::cargo();
    doc.args(with_natives(&["doc", "--no-deps", "--document-private-items"], &[]));
    shell::run(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// All packages but those that compile for browsers only.
fn with_natives<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<&'a str> {
    let others = ["--workspace", "--exclude", "player-wasm", "--exclude", VERIFIER];
    [before, &others, after].concat()
}

/// What needs no browser to say whether a signature is good: its tests run natively, by themselves, since it has other features of
/// what the origin uses too.
const VERIFIER: &str = "verifier-wasm";

/// What the player is made of and can run without a browser.
const IN_WASM: &[&str] = &["wire", "swarm", "swarm-fuzzing"];

const BROWSER_LINTS: &[&str] = &[
    "clippy",
    "--package",
    "player-wasm",
    "--package",
    VERIFIER,
    "--target",
    install::WASM_TARGET,
    "--",
    "-D",
    "warnings",
];
