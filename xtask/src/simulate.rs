//! Plays audiences in the simulator, and draws what became of them.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// What is to be played.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Simulation {
    scenario: Option<String>,
    viewers: Option<usize>,
    policy: Option<String>,
    seed: Option<u64>,
    is_json: bool,
    is_plotted: bool,
}

impl Simulation {
    /// Reads the options.
    pub(crate) fn parse(arguments: &[String]) -> Result<Simulation, String> {
        let mut simulation = Simulation::default();
        let mut rest = arguments.iter();
        while let Some(option) = rest.next() {
            let mut value = || rest.next().cloned().ok_or(format!("{option} needs a value"));
            match option.as_str() {
                "--scenario" => simulation.scenario = Some(value()?),
                "--viewers" => simulation.viewers = Some(number(option, &value()?)?),
                "--policy" => simulation.policy = Some(policy(value()?)?),
                "--seed" => simulation.seed = Some(number(option, &value()?)?),
                "--json" => simulation.is_json = true,
                "--plot" => simulation.is_plotted = true,
                other => return Err(format!("simulate knows no {other:?}")),
            }
        }
        if simulation.is_plotted && (simulation.policy.is_some() || simulation.is_json) {
            return Err("--plot plays every policy and prints no JSON".to_owned());
        }
        Ok(simulation)
    }

    /// The same for the simulator.
    fn options(&self) -> Vec<String> {
        let viewers = self.viewers.map(|viewers| viewers.to_string());
        let seed = self.seed.map(|seed| seed.to_string());
        let options = [
            ("--scenario", self.scenario.clone()),
            ("--viewers", viewers),
            ("--policy", self.policy.clone()),
            ("--seed", seed),
        ];
        let mut words: Vec<String> = Vec::new();
        for (name, value) in options {
            words.extend(value.into_iter().flat_map(|value| [name.to_owned(), value]));
        }
        words.extend(self.is_json.then(|| "--json".to_owned()));
        words
    }

    fn with(&self, scenario: &str, policy: &str) -> Simulation {
        let (scenario, policy) = (Some(scenario.to_owned()), Some(policy.to_owned()));
        Simulation { scenario, policy, is_json: false, is_plotted: false, ..self.clone() }
    }
}

fn number<N: std::str::FromStr>(option: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("{option} needs a number, got {value:?}"))
}

fn policy(name: String) -> Result<String, String> {
    if POLICIES.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(format!("no policy {name:?} is known; there are {}", POLICIES.join(", ")))
}

/// Builds the simulator and has it play.
pub(crate) fn simulate(simulation: &Simulation) -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--package", "swarm-sim"]))?;
    if simulation.is_plotted { plot(simulation) } else { play(simulation, None) }
}

/// Plays once, and says what that took; on the error output, for the other may be JSON.
fn play(simulation: &Simulation, series: Option<&Path>) -> Result<()> {
    let mut command = Command::new(shell::target().join("release/swarm-sim"));
    command.args(simulation.options()).current_dir(shell::root());
    if let Some(series) = series {
        command.arg("--series").arg(series);
    }
    let start = Instant::now();
    let mut child = command.spawn().context("swarm-sim does not start")?;
    let (status, peak_kib) = watch(&mut child)?;
    let words = simulation.options().join(" ");
    let took = start.elapsed().as_secs_f32();
    eprintln!("xtask: swarm-sim {words}: {took:.1} s, {} MiB at most", peak_kib / 1024);
    if !status.success() {
        bail!("swarm-sim {words} failed ({status})");
    }
    Ok(())
}

/// Waits for the end, and tells the most memory that was in use, in KiB, as far as looking now and then shows it.
fn watch(child: &mut Child) -> Result<(ExitStatus, u64)> {
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(&status_file).unwrap_or_default();
        peak = peak.max(peak_kib(&status).unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak));
        }
        thread::sleep(LOOKS);
    }
}

/// What the kernel says is the most memory that a process had.
fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Plays all that the charts show, and draws them.
fn plot(simulation: &Simulation) -> Result<()> {
    let (reports, charts) =
        (shell::target().join("simulations"), shell::root().join("docs/charts"));
    for folder in [&reports, &charts] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let played = |simulation: &Simulation| -> Result<PathBuf> {
        let name = simulation.options().join("").replace("--", ".").replace(['/', ' '], "_");
        let series = reports.join(format!("report{name}.json"));
        play(simulation, Some(&series))?;
        Ok(series)
    };
    let scenario = simulation.scenario.as_deref().unwrap_or(SCENARIO);
    let compared = COMPARED.iter().map(|policy| played(&simulation.with(scenario, policy)));
    let compared = compared.collect::<Result<Vec<_>>>()?;
    draw("copies", &charts, &["--scenario", scenario], &compared)?;
    let crowd = COMPARED.iter().map(|policy| played(&simulation.with(CROWD, policy)));
    draw("crowd", &charts, &[], &crowd.collect::<Result<Vec<_>>>()?)?;
    let sizes = sizes(simulation.viewers);
    let grown = sizes.into_iter().map(|viewers| {
        played(&Simulation { viewers: Some(viewers), ..simulation.with(scenario, COMPARED[0]) })
    });
    draw("growth", &charts, &[], &grown.collect::<Result<Vec<_>>>()?)
}

fn draw(chart: &str, folder: &Path, options: &[&str], reports: &[PathBuf]) -> Result<()> {
    let into = folder.join(format!("{chart}.svg"));
    let mut charts = Command::new(shell::target().join("release/swarm-charts"));
    shell::run(charts.arg(chart).arg(&into).args(reports).args(options))?;
    println!("xtask: drew {}", into.display());
    Ok(())
}

/// Audiences of ever more viewers, up to the most that is wanted.
fn sizes(most: Option<usize>) -> Vec<usize> {
    SIZES.iter().copied().filter(|size| *size <= most.unwrap_or(usize::MAX)).collect()
}

const POLICIES: &[&str] = &["shoal", "pml2", "pml5", "off"];
/// Ours first.
const COMPARED: &[&str] = &["shoal", "pml5", "pml2"];
const SCENARIO: &str = "live-1000";
const CROWD: &str = "flash-crowd";
const SIZES: &[usize] = &[100, 300, 1_000, 3_000, 10_000];
/// Between two looks at a program's memory.
const LOOKS: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Simulation, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Simulation::parse(&words)
    }

    #[test]
    fn options_are_passed_on_as_they_are() {
        let line = "--scenario live-100 --viewers 30 --policy pml5 --seed 7 --json";
        assert_eq!(parse(line).unwrap().options().join(" "), line);
        assert_eq!(parse("").unwrap().options(), [""; 0]);
        assert!(parse("--plot --viewers 300").unwrap().is_plotted);
    }

    #[test]
    fn what_is_wrong_with_an_option_is_said() {
        #[track_caller]
        fn check(line: &str, wanted: &str) {
            assert_eq!(parse(line), Err(wanted.to_owned()));
        }
        check("--viewers many", "--viewers needs a number, got \"many\"");
        check("--seed", "--seed needs a value");
        check("--policy bt", "no policy \"bt\" is known; there are shoal, pml2, pml5, off");
        check("--speed 9", "simulate knows no \"--speed\"");
        check("live-100", "simulate knows no \"live-100\"");
        check("--plot --json", "--plot plays every policy and prints no JSON");
    }

    #[test]
    fn peak_memory_is_read_from_the_kernel() {
        assert_eq!(peak_kib("VmPeak:\t 9 kB\nVmHWM:\t   2048 kB\n"), Some(2048));
        assert_eq!(peak_kib("State:\tZ (zombie)\n"), None);
    }

    #[test]
    fn audiences_grow_up_to_what_is_wanted() {
        assert_eq!(sizes(Some(500)), [100, 300]);
        assert_eq!(sizes(None).last(), Some(&10_000));
    }
}
