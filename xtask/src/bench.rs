//! Runs the measurements of `benches/` against the release binary.

use crate::install::{self, For};
use crate::{aquatic, e2e, netns, run, shell, www};
use anyhow::{Result, bail};
use std::process::Command;

/// Measures everything, or what is named.
pub(crate) fn bench(names: &[String]) -> Result<()> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        names.iter().map(String::as_str).partition(|name| name.starts_with("--"));
    if !options.is_empty() && names != [BROWSERS] {
        bail!("{} is an option of {BROWSERS} alone", options.join(" "));
    }
    if options.contains(&REDRAW) {
        return redraw();
    }
    let (alone, others): (Vec<&str>, Vec<&str>) =
        names.iter().copied().partition(|name| [ENGINE, VERIFY].contains(name));
    let is_wanted = |name| names.is_empty() || alone.contains(&name);
    if is_wanted(ENGINE) {
        engine_load()?;
    }
    if is_wanted(VERIFY) {
        verify()?;
    }
    if names.is_empty() || !others.is_empty() { beside_others(&others, &options) } else { Ok(()) }
}

/// Makes charts and tables of what was measured before.
fn redraw() -> Result<()> {
    let mut benches = shell::cargo();
    benches.args(["run", "--release", "--package", "benches", "--", BROWSERS, REDRAW]);
    shell::run(&mut benches)
}

/// What the engine takes of a core as it is in the page: compiled for wasm, smallest first, and run by node, whose compiler is
/// Chromium's; and natively.
fn engine_load() -> Result<()> {
    install::install(For::Testing)?;
    let build = |profile: &str| {
        let mut build = shell::cargo();
        build.args([
            "build",
            "--package",
            "swarm-sim",
            "--bin",
            "engine-load",
            "--profile",
            profile,
        ]);
        build
    };
    shell::run(&mut build("release"))?;
    shell::run(build("wasm").args(["--target", install::WASI_TARGET]))?;
    println!("natively");
    shell::run(&mut Command::new(shell::target().join("release/engine-load")))?;
    println!("in wasm");
    let program = shell::target().join(install::WASI_TARGET).join("wasm/engine-load.wasm");
    let runner = shell::root().join("xtask/src/wasi.mjs");
    shell::run(Command::new("node").arg("--no-warnings").args([runner, program]))
}

/// How fast the player's second module is, in node and in Chromium.
fn verify() -> Result<()> {
    install::install(For::Testing)?;
    e2e::install_packages()?;
    www::build()?;
    println!("\n## verify\n\n`cargo xtask bench verify`\n");
    shell::run(Command::new("node").arg(shell::root().join("benches/verify.mjs")))
}

fn beside_others(names: &[&str], options: &[&str]) -> Result<()> {
    install::install(For::Measuring)?;
    e2e::install_packages()?;
    let shoal = run::compile()?;
    shell::run(shell::cargo().args(["build", "--release", "--package", "benches"]))?;
    let program = shell::target().join("release/benches");
    let (meeting, plain) = divide(names);
    if !plain.is_empty() {
        let mut benches = Command::new(&program);
        if plain.contains(&"tracker") {
            match aquatic::install() {
                Ok(binary) => benches.env("BENCH_AQUATIC", binary),
                Err(error) => benches.env("BENCH_AQUATIC_LACKS", format!("{error:#}")),
            };
        }
        shell::run(benches.args(plain).current_dir(shell::root()).env("BENCH_SHOAL", &shoal))?;
    }
    if !meeting.is_empty() {
        let mut benches = netns::command(&program)?;
        shell::run(
            benches
                .args(meeting)
                .args(options)
                .current_dir(shell::root())
                .env("BENCH_SHOAL", &shoal),
        )?;
    }
    Ok(())
}

/// Those in which browsers meet, which need a network of their own, and the others.
fn divide<'a>(names: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    if names.is_empty() {
        return (MEETING.to_vec(), PLAIN.to_vec());
    }
    names.iter().partition(|name| MEETING.contains(name))
}

const ENGINE: &str = "engine";
const VERIFY: &str = "verify";
const PLAIN: &[&str] = &[
    "start",
    "serve",
    "catalogue",
    "pages",
    "idle",
    "upload",
    "inbox",
    "federation",
    "backfill",
    "import",
    "first-frame",
    "tracker",
];
const BROWSERS: &str = "browsers";
const REDRAW: &str = "--redraw";
const MEETING: &[&str] = &[BROWSERS];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], meeting: &[&str], plain: &[&str]) {
        assert_eq!(divide(names), (meeting.to_vec(), plain.to_vec()));
    }

    #[test]
    fn options_are_refused_where_none_is_known() {
        let refused = |words: &[&str]| {
            bench(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).is_err()
        };
        assert!(refused(&["--quick"]));
        assert!(refused(&["start", "browsers", "--quick"]));
    }

    #[test]
    fn benches_in_which_browsers_meet_run_in_a_network_of_their_own() {
        check(&[], MEETING, PLAIN);
        check(&["browsers", "start"], &["browsers"], &["start"]);
        // Which the benches themselves refuse.
        check(&["misspelt"], &[], &["misspelt"]);
    }
}
