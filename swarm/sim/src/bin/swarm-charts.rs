//! `swarm-charts`: draws a chart from reports of `swarm-sim`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use swarm_sim::chart::{self, Run};

/// Draws a chart from reports of the simulator.
#[derive(Parser)]
struct Arguments {
    /// What it shows.
    chart: Chart,
    /// The SVG that is written.
    into: PathBuf,
    /// Reports that `swarm-sim --series` wrote.
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// What was played, for the title.
    #[arg(long)]
    scenario: Option<String>,
    /// Bits per second of what was played.
    #[arg(long, default_value_t = 1_500_000.0)]
    bitrate: f64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Chart {
    /// Copies per segment of several policies.
    Copies,
    /// What the server sends second by second.
    Crowd,
    /// Copies per segment against viewers.
    Growth,
}

fn main() -> ExitCode {
    match draw(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarm-charts: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(arguments: &Arguments) -> Result<(), String> {
    let mut runs =
        arguments.reports.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if let Some(scenario) = &arguments.scenario {
        runs.iter_mut().for_each(|run| run.scenario.clone_from(scenario));
    }
    let svg = match arguments.chart {
        Chart::Copies => chart::copies(&runs),
        Chart::Crowd => chart::crowd(&runs, arguments.bitrate),
        Chart::Growth => chart::growth(&runs),
    };
    let svg = svg.map_err(|error| error.to_string())?;
    std::fs::write(&arguments.into, svg).map_err(|error| named(&arguments.into, &error))
}

fn read(path: &Path) -> Result<Run, String> {
    let text = std::fs::read_to_string(path).map_err(|error| named(path, &error))?;
    serde_json::from_str(&text).map_err(|error| named(path, &error))
}

fn named(path: &Path, error: &dyn std::error::Error) -> String {
    format!("{}: {error}", path.display())
}
