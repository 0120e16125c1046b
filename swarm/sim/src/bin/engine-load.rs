//! `engine-load`: how much of a core the engine takes while one viewer watches among its neighbours.
//!
//! An audience is played once, and what one of it was told is told again to the engine alone. Compiled for wasm it tells what
//! a browser spends on deciding; the media element, WebRTC and digests are the browser's own.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the time that it takes is measured here"
)]

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use swarm_sim::Scenario;

/// Measures the engine alone.
#[derive(Parser)]
struct Arguments {
    /// A scenario that comes along.
    #[arg(long, default_value = "live-1000")]
    scenario: String,
    /// How many watch.
    #[arg(long, default_value_t = 100)]
    viewers: usize,
    /// Which viewer of it, by the order in which they come.
    #[arg(long, default_value_t = 20)]
    viewer: usize,
    /// What chance follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often the story is told; the median counts.
    #[arg(long, default_value_t = 9)]
    times: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let story = Scenario::named(&arguments.scenario)
        .map(|scenario| Scenario { viewers: arguments.viewers, ..scenario })
        .and_then(|scenario| scenario.story(arguments.seed, arguments.viewer));
    let Some(story) = story else {
        eprintln!("engine-load: no such scenario, or nobody is the {}th of it", arguments.viewer);
        return ExitCode::FAILURE;
    };
    let peers = story.replay().peers;
    let mut took: Vec<f64> = (0..arguments.times.max(1))
        .map(|_| {
            let began = Instant::now();
            std::hint::black_box(story.replay());
            began.elapsed().as_secs_f64()
        })
        .collect();
    took.sort_by(f64::total_cmp);
    let (median, lasts) = (took[took.len() / 2], story.lasts().as_secs_f64());
    println!("viewer: {} of {} of {}", arguments.viewer, arguments.viewers, arguments.scenario);
    println!("peersAtTheEnd: {peers}");
    println!("seconds: {lasts:.0}");
    println!("inputs: {}", story.told.len());
    println!("microsecondsPerInput: {:.1}", median * 1e6 / story.told.len() as f64);
    println!("shareOfACore: {:.4}", median / lasts);
    ExitCode::SUCCESS
}
