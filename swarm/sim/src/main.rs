//! `swarm-sim`: plays a scenario and prints what became of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use swarm_sim::{Policy, Report, Scenario};

/// Plays an audience in virtual time around the engine.
#[derive(Parser)]
struct Arguments {
    /// The name of a scenario that comes along (live-1000, live-1000-short, live-high, live-100, live-10000, flash-crowd, small-origin,
    /// hostile-30, slow-30, vod-crowd), or a file.
    #[arg(long, default_value = "live-1000")]
    scenario: String,
    /// How many viewers, in place of the scenario's.
    #[arg(long)]
    viewers: Option<usize>,
    /// Who decides for them.
    #[arg(long, default_value = "shoal")]
    policy: Policy,
    /// What chance follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Writes the report as JSON, with each second, to this file.
    #[arg(long)]
    series: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarm-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let mut scenario = scenario(&arguments.scenario)?;
    scenario.viewers = arguments.viewers.unwrap_or(scenario.viewers);
    // On the pool's own threads, where sharing a round out costs least.
    let mut report = rayon::scope(|_| scenario.run(arguments.policy, arguments.seed));
    if let Some(file) = &arguments.series {
        std::fs::write(file, json(&report)?)
            .map_err(|error| format!("{}: {error}", file.display()))?;
    }
    report.series.clear();
    println!("{}", if arguments.json { json(&report)? } else { table(&report)? });
    if let Some(mebibytes) = peak_memory().filter(|_| !arguments.json) {
        println!("peakMebibytes: {mebibytes}");
    }
    Ok(())
}

/// The most memory that this run ever took, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(peak.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}

fn scenario(name: &str) -> Result<Scenario, String> {
    if let Some(scenario) = Scenario::named(name) {
        return Ok(scenario);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        let names: Vec<_> = Scenario::names().collect();
        format!(
            "no scenario {name:?} comes along ({}), and no such file: {error}",
            names.join(", ")
        )
    })?;
    Scenario::read(&text).map_err(|error| format!("{name}: {error}"))
}

fn json(report: &Report) -> Result<String, String> {
    serde_json::to_string_pretty(report).map_err(|error| error.to_string())
}

/// The same a line each, as a person reads it.
fn table(report: &Report) -> Result<String, String> {
    let text = json(report)?;
    let lines = text.lines().map(|line| line.trim().trim_end_matches(',').replace('"', ""));
    Ok(lines.filter(|line| line.len() > 1).collect::<Vec<_>>().join("\n"))
}
