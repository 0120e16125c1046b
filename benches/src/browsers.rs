//! Real pages in Chromium on lines of their own: ours with sharing and without, and stock p2p-media-loader, on the same files by turns.
//!
//! `benches/browsers.mjs` measures, in the network that `cargo xtask bench` makes; here its raw figures become a table and charts.
//! They stay beside the charts, from which `--redraw` makes both again.

mod plan;
mod report;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::Context;

use crate::import::Source;
use crate::published::{node, publish, serve_behind, workspace};
use plan::{Plan, Wish};
use report::Report;

/// Measures unless it is asked to draw only; the tables.
pub(crate) fn run(options: &[String]) -> anyhow::Result<String> {
    let charts = workspace().join("docs/charts");
    match Wish::parse(options)? {
        Wish::Measure { plan, is_whole: false } => {
            // Nothing to show people.
            let folder = tempfile::tempdir()?;
            measure(&plan, folder.path())?;
            return Ok(draw(folder.path())?.to_string());
        }
        Wish::Measure { plan, .. } => measure(&plan, &charts)?,
        Wish::Redraw => {}
    }
    let report = draw(&charts)?;
    let readme = workspace().join("README.md");
    fs::write(&readme, told(&fs::read_to_string(&readme)?, &report.summary())?)?;
    Ok(report.to_string())
}

/// Charts of what was measured, beside it.
fn draw(folder: &Path) -> anyhow::Result<Report> {
    let raw = folder.join(RAW);
    let text = fs::read_to_string(&raw).with_context(|| raw.display().to_string())?;
    let report: Report = serde_json::from_str(&text).with_context(|| raw.display().to_string())?;
    for (name, svg) in report.charts()? {
        fs::write(folder.join(name), svg)?;
    }
    Ok(report)
}

/// The README with another summary between the marks that it has for that.
fn told(readme: &str, summary: &str) -> anyhow::Result<String> {
    let parts = readme.split_once(BEGIN).and_then(|(before, after)| {
        let (_, after) = after.split_once(END)?;
        Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", summary.trim()))
    });
    parts.context("the README has no place for the figures")
}

/// Leaves raw figures in a folder.
fn measure(plan: &Plan, into: &Path) -> anyhow::Result<()> {
    TcpListener::bind((SERVER.ip(), 0)).context(
        "these viewers meet in a network of their own: run `cargo xtask bench browsers`",
    )?;
    let folder = tempfile::tempdir()?;
    let id = publish(folder.path(), &Source { seconds: plan.vod.seconds, ..SOURCE }, "480")?;
    let server = serve_behind(folder.path(), SERVER, SEEN)?;
    let (ours, seen) = (format!("http://{}", server.address), SEEN.to_string());
    let raw = into.join(RAW);
    let raw = raw.to_str().context("a path is not UTF-8")?;
    node("browsers.mjs", &[&ours, &seen, &id, &serde_json::to_string(plan)?, raw]).map(drop)
}

/// Between which the README has the summary.
const BEGIN: &str = "<!-- cargo xtask bench browsers -->";
const END: &str = "<!-- as measured -->";
/// What was measured, beside the charts.
const RAW: &str = "browsers.json";
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
/// Where the server listens, and where viewers find what counts before it.
const SERVER: SocketAddr = SocketAddr::new(HOST, 9001);
const SEEN: SocketAddr = SocketAddr::new(HOST, 9000);

/// One rendition of 1.5 Mbit/s, remuxed. Twelve pictures a second, so that the lines and who asks whom decide, not two cores that decode
/// six times.
const SOURCE: Source = Source {
    seconds: 60,
    size: "854x480",
    frames_per_second: 12,
    keyframes: "24",
    rate: &["-b:v", "1400k", "-maxrate", "1500k", "-bufsize", "3000k"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_newest_summary_alone() {
        let readme = |middle: &str| format!("# Shoal\n\n{BEGIN}\n\n{middle}\n\n{END}\n\nThe end\n");
        assert_eq!(told(&readme("| old |"), "| new |\n").unwrap(), readme("| new |"));
        assert!(told("# Shoal\n", "| new |").is_err());
        let ours = fs::read_to_string(workspace().join("README.md")).unwrap();
        assert!(told(&ours, "| new |").unwrap().contains("| new |"));
    }
}
