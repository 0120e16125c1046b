//! Installs what a task lacks, saying each step in a line and asking nothing.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// What a task is going to do, and so what it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Build the wasm, the pages and the server.
    Building,
    /// Import videos and serve them.
    Running,
    /// Drive a browser in a network namespace.
    Testing,
    /// Compare with other programs.
    Measuring,
}

/// Makes sure that everything for a task is there, or says exactly what to install.
///
/// What merely improves the result (wasm-opt, nextest) never stops a task.
pub(crate) fn install(purpose: For) -> Result<()> {
    rust_target(WASM_TARGET, "which the player is compiled for")?;
    if purpose == For::Testing {
        rust_target(WASI_TARGET, "in which the engine's tests run as wasm")?;
    }
    let missing: Vec<&Tool> =
        TOOLS.iter().filter(|tool| tool.serves(purpose) && tool.is_missing()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = packages(&missing);
    let attempt = apt_get(&packages);
    let lacking: Vec<&Tool> = missing.into_iter().filter(|tool| tool.is_missing()).collect();
    for tool in lacking.iter().filter(|tool| !tool.required) {
        println!("xtask: going on without {}: {}", tool.command, tool.purpose);
    }
    let required: Vec<&str> =
        lacking.iter().filter(|tool| tool.required).map(|tool| tool.command).collect();
    if required.is_empty() {
        return Ok(());
    }
    attempt.with_context(|| format!("missing: {}", required.join(", ")))?;
    bail!("{} still missing after installing {}", required.join(", "), packages.join(" "))
}

fn rust_target(target: &str, purpose: &str) -> Result<()> {
    let sysroot = shell::output(
        Command::new("rustc").args(["--print", "sysroot"]).current_dir(shell::root()),
    )?;
    let libraries = std::path::Path::new(sysroot.trim()).join("lib/rustlib").join(target);
    if libraries.is_dir() {
        return Ok(());
    }
    if shell::find("rustup").is_none() {
        bail!(
            "Rust's {target} target is missing and rustup is not here to add it; install that target"
        );
    }
    println!("xtask: adding Rust's {target} target, {purpose}");
    shell::run(Command::new("rustup").args(["target", "add", target]).current_dir(shell::root()))
}

fn packages(missing: &[&Tool]) -> Vec<&'static str> {
    let mut packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn apt_get(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if shell::find("apt-get").is_none() {
        bail!("no apt-get on this system; please install what Debian calls: {list}");
    }
    let is_root = rustix::process::geteuid().is_root();
    if !is_root && shell::find("sudo").is_none() {
        bail!(
            "not root and no sudo; please run as root: apt-get install -y --no-install-recommends {list}"
        );
    }
    println!("xtask: installing from Debian: {list}");
    let administrate = |arguments: &[&str]| {
        let mut command = Command::new(if is_root { "env" } else { "sudo" });
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]).args(arguments);
        shell::run(&mut command)
    };
    administrate(&["update"])?;
    administrate(&[&["install", "-y", "--no-install-recommends"], packages].concat())
}

/// A program of Debian that some tasks call.
struct Tool {
    command: &'static str,
    package: &'static str,
    /// What is worse without it.
    purpose: &'static str,
    needed: &'static [For],
    required: bool,
}

impl Tool {
    fn serves(&self, purpose: For) -> bool {
        self.needed.contains(&purpose)
    }

    fn is_missing(&self) -> bool {
        shell::find(self.command).is_none()
    }
}

const fn required(command: &'static str, package: &'static str, needed: &'static [For]) -> Tool {
    Tool { command, package, purpose: "", needed, required: true }
}

const TOOLS: &[Tool] = &[
    Tool {
        command: "wasm-opt",
        package: "binaryen",
        purpose: "the player's wasm will be larger",
        needed: &[For::Building, For::Running, For::Testing, For::Measuring],
        required: false,
    },
    required("ffmpeg", "ffmpeg", &[For::Running, For::Testing, For::Measuring]),
    required("ffprobe", "ffmpeg", &[For::Running, For::Testing, For::Measuring]),
    required("chromium", "chromium", &[For::Testing, For::Measuring]),
    required("ip", "iproute2", &[For::Testing, For::Measuring]),
    required("unshare", "util-linux", &[For::Testing, For::Measuring]),
    required("node", "nodejs", &[For::Testing, For::Measuring]),
    required("npm", "npm", &[For::Testing, For::Measuring]),
    required("python3", "python3", &[For::Testing]),
    required("pip3", "python3-pip", &[For::Testing]),
    required("openssl", "openssl", &[For::Testing]),
    required(POSTGRES, "postgresql-15", &[For::Testing]),
    required("nginx", "nginx-light", &[For::Testing, For::Measuring]),
    required("wrk", "wrk", &[For::Measuring]),
];

/// Outside everybody's path, where Debian keeps it.
const POSTGRES: &str = "/usr/lib/postgresql/15/bin/postgres";

/// What the player is compiled for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What tests are compiled for that run as wasm: with files and a clock, unlike in a browser.
pub(crate) const WASI_TARGET: &str = "wasm32-wasip1";
