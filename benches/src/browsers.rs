//! Real pages in Chromium on lines of their own: ours with sharing and without, and stock p2p-media-loader, on the same files by turns.
//!
//! `benches/browsers.mjs` measures, in the network that `cargo xtask bench` makes; here its raw figures become a table and charts.
//! They stay beside the charts, from which `--redraw` makes both again.

mod plan;
mod report;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::import::Source;
use crate::published::{node, publish, serve_behind, workspace};
use plan::{Plan, Wish};
use report::Report;

/// Measures unless it is asked to draw only; the table.
pub(crate) fn run(options: &[String]) -> anyhow::Result<String> {
    let charts = workspace().join("docs/charts");
    let folder = match Wish::parse(options)? {
        Wish::Redraw => charts,
        Wish::Measure { plan, is_whole: true } => measure(&plan, charts)?,
        // Nothing to show people.
        Wish::Measure { plan, .. } => measure(&plan, std::env::temp_dir())?,
    };
    let raw = folder.join(RAW);
    let text = fs::read_to_string(&raw).with_context(|| raw.display().to_string())?;
    let report: Report = serde_json::from_str(&text).with_context(|| raw.display().to_string())?;
    for (name, svg) in report.charts()? {
        fs::write(folder.join(name), svg)?;
    }
    Ok(report.to_string())
}

/// Where the figures are.
fn measure(plan: &Plan, into: PathBuf) -> anyhow::Result<PathBuf> {
    TcpListener::bind((SERVER.ip(), 0)).context(
        "these viewers meet in a network of their own: run `cargo xtask bench browsers`",
    )?;
    let folder = tempfile::tempdir()?;
    let id = publish(folder.path(), &Source { seconds: plan.vod.seconds, ..SOURCE }, "480")?;
    let server = serve_behind(folder.path(), SERVER, SEEN)?;
    let (ours, seen) = (format!("http://{}", server.address), SEEN.to_string());
    let raw = into.join(RAW);
    node("browsers.mjs", &[&ours, &seen, &id, &serde_json::to_string(plan)?, &path(&raw)?])?;
    Ok(into)
}

fn path(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().context("a path is not UTF-8")?.to_owned())
}

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
