//! Runs the measurements of `benches/` against the release binary.

use crate::install::{self, For};
use crate::{e2e, run, shell};
use anyhow::Result;

/// Measures everything, or what is named.
pub(crate) fn bench(names: &[String]) -> Result<()> {
    install::install(For::Measuring)?;
    e2e::install_packages()?;
    let shoal = run::compile()?;
    let mut benches = shell::cargo();
    benches.args(["run", "--release", "--package", "benches", "--"]).args(names);
    shell::run(benches.env("BENCH_SHOAL", shoal))
}
