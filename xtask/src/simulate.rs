//! Plays audiences in virtual time: the simulator, built for speed, with the options passed on; and draws what became of them.

use crate::shell;
use anyhow::{Context, Result, anyhow, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Builds the simulator and has it play, once or for all charts.
pub(crate) fn simulate(options: &[String]) -> Result<()> {
    let plot = match options.iter().any(|option| option == PLOT) {
        true => Some(Plot::parse(options).map_err(|complaint| anyhow!(complaint))?),
        false => None,
    };
    shell::run(shell::cargo().args([
        "build",
        "--profile",
        "simulation",
        "--quiet",
        "--package",
        "swarm-sim",
    ]))?;
    plot.map_or_else(|| play(options), |plot| plot.draw())
}

/// Plays once; where its numbers are read by a person, tells what that took.
fn play(options: &[String]) -> Result<()> {
    let began = Instant::now();
    let mut command = Command::new(shell::target().join("simulation/swarm-sim"));
    command.args(options).env(HEAP.0, HEAP.1);
    let mut child = command.spawn().context("swarm-sim does not start")?;
    let (status, peak_kib) = watch(&mut child)?;
    if !status.success() {
        bail!("swarm-sim {} failed ({status})", options.join(" "));
    }
    if !options.iter().any(|option| option == "--json") {
        println!("wallSeconds: {:.1}", began.elapsed().as_secs_f64());
        println!("peakMiB: {}", peak_kib / 1024);
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

/// Charts of several policies, a crowd, and ever larger audiences.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plot {
    scenario: String,
    /// In place of the scenarios', and the most to which audiences grow.
    viewers: Option<usize>,
    seed: u64,
}

impl Plot {
    fn parse(options: &[String]) -> Result<Plot, String> {
        let mut plot = Plot { scenario: SCENARIO.to_owned(), viewers: None, seed: 1 };
        let mut rest = options.iter().filter(|option| *option != PLOT);
        while let Some(option) = rest.next() {
            let mut value = || rest.next().cloned().ok_or(format!("{option} needs a value"));
            match option.as_str() {
                "--scenario" => plot.scenario = value()?,
                "--viewers" => plot.viewers = Some(number(option, &value()?)?),
                "--seed" => plot.seed = number(option, &value()?)?,
                other => return Err(format!("{PLOT} plays every policy and takes no {other:?}")),
            }
        }
        Ok(plot)
    }

    /// Plays all that the charts show, and draws them.
    fn draw(&self) -> Result<()> {
        let charts = shell::root().join("docs/charts");
        fs::create_dir_all(&charts).with_context(|| charts.display().to_string())?;
        let of = |scenario, viewers| {
            let play = |policy: &&str| self.play(scenario, viewers, policy);
            COMPARED.iter().map(play).collect::<Result<Vec<_>>>()
        };
        draw(
            "copies",
            &charts,
            &["--scenario", &self.scenario],
            &of(&self.scenario, self.viewers)?,
        )?;
        draw("crowd", &charts, &[], &of(CROWD, self.viewers)?)?;
        let sizes = sizes(self.viewers).into_iter();
        let grown = sizes.map(|viewers| self.play(&self.scenario, Some(viewers), COMPARED[0]));
        draw("growth", &charts, &[], &grown.collect::<Result<Vec<_>>>()?)
    }

    /// Plays once, and tells where the report is.
    fn play(&self, scenario: &str, viewers: Option<usize>, policy: &str) -> Result<PathBuf> {
        let folder = shell::target().join("simulations");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let size = viewers.map_or_else(|| "all".to_owned(), |viewers| viewers.to_string());
        let name = scenario.replace(['/', '.'], "_");
        let report = folder.join(format!("{name}-{policy}-{size}.json"));
        let (seed, series) = (self.seed.to_string(), report.display().to_string());
        let mut options = vec!["--scenario", scenario, "--policy", policy, "--seed", &seed];
        options.extend(["--series", &series]);
        options.extend(viewers.iter().flat_map(|_| ["--viewers", &size]));
        println!("\nxtask: swarm-sim {}", options.join(" "));
        play(&options.into_iter().map(str::to_owned).collect::<Vec<_>>())?;
        Ok(report)
    }
}

fn number<N: std::str::FromStr>(option: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("{option} needs a number, got {value:?}"))
}

fn draw(chart: &str, folder: &Path, options: &[&str], reports: &[PathBuf]) -> Result<()> {
    let into = folder.join(format!("{chart}.svg"));
    let mut charts = Command::new(shell::target().join("simulation/swarm-charts"));
    shell::run(charts.arg(chart).arg(&into).args(reports).args(options))?;
    println!("xtask: drew {}", into.display());
    Ok(())
}

/// Audiences of ever more viewers, up to the most that is wanted.
fn sizes(most: Option<usize>) -> Vec<usize> {
    SIZES.iter().copied().filter(|size| *size <= most.unwrap_or(usize::MAX)).collect()
}

const PLOT: &str = "--plot";
/// Ours first.
const COMPARED: &[&str] = &["shoal", "pml5", "pml2"];
const SCENARIO: &str = "live-1000";
const CROWD: &str = "flash-crowd";
const SIZES: &[usize] = &[100, 300, 1_000, 3_000, 10_000];
/// Ten thousand engines lie in a gigabyte, and each event is another's: in large pages they are found a sixth faster, where the C library
/// knows of them.
const HEAP: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
/// Between two looks at a program's memory.
const LOOKS: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plot, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Plot::parse(&words)
    }

    #[test]
    fn what_charts_show_can_be_chosen() {
        let plot = Plot { scenario: "live-100".to_owned(), viewers: Some(30), seed: 7 };
        assert_eq!(parse("--plot --scenario live-100 --viewers 30 --seed 7"), Ok(plot));
        assert_eq!(parse("--plot").unwrap().scenario, SCENARIO);
    }

    #[test]
    fn what_is_wrong_with_an_option_is_said() {
        #[track_caller]
        fn check(line: &str, wanted: &str) {
            assert_eq!(parse(line), Err(wanted.to_owned()));
        }
        check("--plot --viewers many", "--viewers needs a number, got \"many\"");
        check("--seed --plot", "--seed needs a value");
        check("--plot --policy off", "--plot plays every policy and takes no \"--policy\"");
        check("--plot --json", "--plot plays every policy and takes no \"--json\"");
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
