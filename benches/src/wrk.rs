//! How wrk is asked, and how it tells what it counted.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::process::Server;

/// What one run found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) requests: f64,
    pub(crate) bytes: f64,
    pub(crate) seconds: f64,
    /// Of the server.
    pub(crate) cpu_seconds: f64,
    /// Milliseconds of the middle request, and of the slowest of a hundred.
    pub(crate) middle: f64,
    pub(crate) high: f64,
}

/// Asks for 8 s over 32 connections, after a second in which everything gets warm.
pub(crate) fn ask(server: &Server, folder: &Path, request: &str) -> anyhow::Result<Found> {
    run(server, folder, request, (32, 1))?;
    run(server, folder, request, (32, 8))
}

/// Asks what `request` makes, a function of a script, over so many connections for so many seconds. Each request is to succeed.
pub(crate) fn run(
    server: &Server,
    folder: &Path,
    request: &str,
    (connections, seconds): (u32, u32),
) -> anyhow::Result<Found> {
    let script = folder.join("requests.lua");
    fs::write(&script, format!("{request}{DONE}"))?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"]);
    wrk.arg(script).arg(format!("http://{}/", server.address));
    let before = server.cpu_seconds()?;
    let output = wrk.output().context("wrk does not start: apt-get install wrk")?;
    let cpu_seconds = server.cpu_seconds()? - before;
    let said = String::from_utf8(output.stdout)?;
    let line = said.lines().find_map(|line| line.strip_prefix("told "));
    let numbers = line.context("wrk told nothing")?.split(' ').map(str::parse);
    let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().context("wrk told no numbers")?;
    let [failed, requests, bytes, seconds, middle, high] = numbers[..] else {
        anyhow::bail!("wrk told something else: {numbers:?}");
    };
    anyhow::ensure!(failed == 0.0, "{failed} requests failed: {said}");
    Ok(Found { requests, bytes, seconds, cpu_seconds, middle, high })
}

const DONE: &str = r#"
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("told %d %d %d %f %f %f\n", failed, summary.requests, summary.bytes, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"#;
