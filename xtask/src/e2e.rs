//! Runs the browser tests of `e2e/` against the release binary, in a network namespace.

use crate::install::{self, For};
use crate::{netns, run, shell};
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds what the browser tests need and runs those whose file or test name contains `filter`.
pub(crate) fn alone(filter: Option<&str>) -> Result<()> {
    install::install(For::Testing)?;
    let shoal = run::compile()?;
    browse(&shoal, filter)
}

/// Runs the browser tests with an already built binary.
pub(crate) fn browse(shoal: &Path, filter: Option<&str>) -> Result<()> {
    let folder = folder();
    install_packages()?;
    let downloader = fetch_downloader()?;
    let files = test_files(&folder)?;
    let (named, pattern) = select(&files, filter);

    let mut node = netns::command("node")?;
    node.args(["--test", "--test-reporter=spec", "--test-concurrency=1"]);
    if let Some(pattern) = pattern {
        node.args(["--test-name-pattern", pattern]);
    }
    node.args(named).current_dir(&folder);
    node.env("E2E_SHOAL", shoal).env("E2E_CACHE", shell::target().join("e2e-media"));
    node.env("E2E_YT_DLP", downloader);
    shell::run(&mut node)
}

/// A filter that some file names contain selects those; any other is a pattern for the tests' own names.
fn select<'a>(
    files: &'a [PathBuf],
    filter: Option<&'a str>,
) -> (Vec<&'a PathBuf>, Option<&'a str>) {
    let Some(filter) = filter else { return (files.iter().collect(), None) };
    let named: Vec<&PathBuf> =
        files.iter().filter(|file| file.to_string_lossy().contains(filter)).collect();
    if named.is_empty() { (files.iter().collect(), Some(filter)) } else { (named, None) }
}

fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = PathBuf::from(entry?.file_name());
        if name.to_string_lossy().ends_with(".test.js") {
            files.push(name);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!("no *.test.js in {}", folder.display());
    }
    Ok(files)
}

fn folder() -> PathBuf {
    shell::root().join("e2e")
}

/// Installs what `package.json` pins.
///
/// npm's own record of what it installed is as new as the lock file unless that has changed.
pub(crate) fn install_packages() -> Result<()> {
    let folder = folder();
    let changed = |path: PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let installed = changed(folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(folder.join("package-lock.json")) {
        return Ok(());
    }
    println!("xtask: installing the browser tests' packages with npm");
    shell::run(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder),
    )
}

/// The wheel of yt-dlp, which Python runs as it is.
fn fetch_downloader() -> Result<PathBuf> {
    let folder = shell::target().join("yt-dlp");
    let wheel = folder.join(format!("yt_dlp-{DOWNLOADER}-py3-none-any.whl"));
    if !wheel.exists() {
        println!("xtask: fetching yt-dlp {DOWNLOADER} with pip");
        let mut pip = Command::new("pip3");
        pip.args(["download", "--quiet", "--no-deps", "--disable-pip-version-check", "--dest"]);
        shell::run(pip.arg(&folder).arg(format!("yt-dlp=={DOWNLOADER}")))?;
    }
    Ok(wheel)
}

/// A version of yt-dlp, which knows PeerTubes.
const DOWNLOADER: &str = "2026.10.26";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_selects_files_first_and_test_names_otherwise() {
        let files = ["keys.test.js", "seek.test.js"].map(PathBuf::from);
        assert_eq!(select(&files, None), (files.iter().collect(), None));
        assert_eq!(select(&files, Some("seek")), (vec![&files[1]], None));
        assert_eq!(select(&files, Some("plays")), (files.iter().collect(), Some("plays")));
    }
}
