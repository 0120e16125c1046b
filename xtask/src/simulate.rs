//! Plays audiences in virtual time: the simulator, built for speed, with the options passed on.

use crate::shell;
use anyhow::Result;
use std::process::Command;
use std::time::Instant;

/// Builds the simulator and runs it; where its numbers are read by a person, tells how long it took.
pub(crate) fn simulate(options: &[String]) -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--quiet", "--package", "swarm-sim"]))?;
    let began = Instant::now();
    let binary = shell::target().join("release").join("swarm-sim");
    shell::run(Command::new(binary).args(options))?;
    if !options.iter().any(|option| option == "--json") {
        println!("wallSeconds: {:.0}", began.elapsed().as_secs_f64());
    }
    Ok(())
}
