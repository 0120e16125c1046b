//! `cargo xtask`: installs what is missing, then builds, runs, tests or measures Shoal.

mod aquatic;
mod bench;
mod budget;
mod described;
mod e2e;
mod http;
mod imports;
mod install;
#[cfg(test)]
mod licences;
mod netns;
mod run;
mod sample;
mod shell;
mod simulate;
mod test;
#[cfg(test)]
mod tidy;
mod wasm;
#[cfg(test)]
mod words;
mod www;

use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// One thing that `cargo xtask` does.
enum Task {
    Run { files: Vec<PathBuf> },
    Test,
    Build,
    Pages,
    Bench { names: Vec<String> },
    EndToEnd { filter: Option<String> },
    Api { shoal: Option<PathBuf> },
    Simulate { options: Vec<String> },
    Help,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let task = match parse(&arguments) {
        Ok(task) => task,
        Err(complaint) => {
            eprintln!("xtask: {complaint}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match perform(task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<()> {
    match task {
        Task::Run { files } => run::run(&files),
        Task::Test => test::test(),
        Task::Build => run::build().map(drop),
        Task::Pages => www::build(),
        Task::Bench { names } => bench::bench(&names),
        Task::EndToEnd { filter } => e2e::alone(filter.as_deref()),
        Task::Api { shoal: Some(shoal) } => described::check(&std::path::absolute(shoal)?),
        Task::Api { shoal: None } => described::check(&run::compile()?),
        Task::Simulate { options } => simulate::simulate(&options),
        Task::Help => {
            println!("{USAGE}");
            Ok(())
        }
    }
}

fn parse(arguments: &[String]) -> Result<Task, String> {
    let Some((name, rest)) = arguments.split_first() else { return Ok(Task::Help) };
    if name == "simulate" {
        return Ok(Task::Simulate { options: rest.to_vec() });
    }
    if rest.iter().any(|argument| argument == "--help" || argument == "-h") {
        return Ok(Task::Help);
    }
    if name == "bench" {
        return Ok(Task::Bench { names: rest.to_vec() });
    }
    if let Some(option) = rest.iter().find(|argument| argument.starts_with("--")) {
        return Err(format!("no option {option:?} is known"));
    }
    match (name.as_str(), rest) {
        ("run", files) => Ok(Task::Run { files: files.iter().map(PathBuf::from).collect() }),
        ("test", []) => Ok(Task::Test),
        ("build", []) => Ok(Task::Build),
        ("pages", []) => Ok(Task::Pages),
        ("e2e", []) => Ok(Task::EndToEnd { filter: None }),
        ("api", []) => Ok(Task::Api { shoal: None }),
        ("api", [shoal]) => Ok(Task::Api { shoal: Some(PathBuf::from(shoal)) }),
        ("e2e", [filter]) => Ok(Task::EndToEnd { filter: Some(filter.clone()) }),
        ("help" | "--help" | "-h", _) => Ok(Task::Help),
        ("test" | "build", [extra, ..]) => Err(format!("{name} takes no argument, got {extra:?}")),
        ("e2e", _) => Err("e2e takes one filter at most".to_owned()),
        _ => Err(format!("no task {name:?} is known")),
    }
}

const USAGE: &str = "\
Usage: cargo xtask <task>

  run [FILE…]      Build everything, start the server on http://127.0.0.1:9000
                   with the given videos (or a sample), and print what to open.
  test             Every check: format, lints, unit, doc, tidy and browser tests,
                   what viewers download. Needs root or user namespaces.
  build            Make the release binary target/release/shoal, pages inside.
  pages            Only what browsers load: www/dist, which a debug binary reads live.
  api [SHOAL]      Only whether the API answers as its description says, of the release
                   binary or of another.
  e2e [FILTER]     Only the browser tests whose file or test name contains FILTER.
  simulate [OPTION…]  Play an audience in virtual time around the engine and print
                   what became of it; `simulate --help` lists scenarios and options.
                   With --plot: every policy, a crowd, and charts in docs/charts.
  bench [NAME…]    Measure beside other programs; results as Markdown.
  bench browsers [--quick] [--rounds=N] [--redraw]
                   Pages in Chromium on lines of their own, ours and stock p2p-media-loader,
                   with charts in docs/charts: half an hour, or 4 minutes to see that it works.

Each installs what it lacks with rustup and apt-get, and says so.";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], accepted: bool) {
        let arguments: Vec<String> =
            arguments.iter().map(|&argument| argument.to_owned()).collect();
        assert_eq!(parse(&arguments).is_ok(), accepted, "{arguments:?}");
    }

    #[test]
    fn misspelt_tasks_and_unknown_options_are_refused() {
        check(&[], true);
        check(&["run"], true);
        check(&["run", "a.mp4", "b c.mkv"], true);
        check(&["e2e", "seek"], true);
        check(&["api", "target/debug/shoal"], true);
        check(&["rnu"], false);
        check(&["test", "more"], false);
        check(&["run", "--port"], false);
        check(&["simulate", "--scenario", "live-100"], true);
        check(&["e2e", "a", "b"], false);
        check(&["bench", "browsers", "--quick"], true);
        check(&["simulate", "--viewers", "30", "--plot"], true);
    }
}
