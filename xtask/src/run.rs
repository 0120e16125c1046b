//! Builds the release binary, starts it with some videos and says what to open.

use crate::install::{self, For};
use crate::{http, sample, shell, www};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Makes the release binary with every page inside and says how large it is.
pub(crate) fn build() -> Result<PathBuf> {
    install::install(For::Building)?;
    let binary = compile()?;
    println!("xtask: built {} ({} KB)", binary.display(), fs::metadata(&binary)?.len() / 1000);
    Ok(binary)
}

/// The release binary, brought up to date.
pub(crate) fn compile() -> Result<PathBuf> {
    www::build()?;
    shell::run(shell::cargo().args(["build", "--release", "--package", "instance"]))?;
    Ok(shell::target().join("release/shoal"))
}

/// Serves the given videos, or a sample, until interrupted.
pub(crate) fn run(files: &[PathBuf]) -> Result<()> {
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        bail!("{} is not a file", missing.display());
    }
    refuse_taken_port()?;
    install::install(For::Running)?;
    let shoal = compile()?;
    let data = shell::root().join("data");
    fs::create_dir_all(&data)?;

    let mut server = Server::start(&shoal, &data, address())?;
    server.stop_on_signals()?;
    let published = server.wait_until_healthy().and_then(|()| publish_all(&shoal, &data, files));
    match published {
        Ok(urls) => println!("\n{}\n\nCtrl-C stops the server.", urls.join("\n")),
        Err(error) => {
            server.stop()?;
            return Err(error);
        }
    }
    server.wait()
}

fn publish_all(shoal: &Path, data: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let made;
    let files = if files.is_empty() {
        made = [sample::make(data)?];
        &made[..]
    } else {
        files
    };
    let mut imports = Imports::read(&data.join("run-imports.json"));
    let mut lines = Vec::new();
    for file in files {
        lines.push(format!("Open {}", imports.publish(shoal, data, file)?));
    }
    Ok(lines)
}

fn refuse_taken_port() -> Result<()> {
    match TcpListener::bind(address()) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!(
                "{} is taken by another program (another `cargo xtask run`?); stop it first",
                address()
            )
        }
        _ => Ok(()),
    }
}

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9000))
}

/// A running `shoal serve`, stopped when dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the server in a process group of its own, so that Ctrl-C reaches it through us and once.
    pub(crate) fn start(shoal: &Path, data: &Path, address: SocketAddr) -> Result<Server> {
        let mut command = Command::new(shoal);
        command
            .args(["serve", "--listen", &address.to_string(), "--data"])
            .arg(data)
            .process_group(0);
        let child =
            command.spawn().with_context(|| format!("{} does not start", shoal.display()))?;
        Ok(Server { child, address })
    }

    /// Returns once `/health` answers 200, or with an error as soon as the server has ended.
    pub(crate) fn wait_until_healthy(&mut self) -> Result<()> {
        let give_up = Instant::now() + START_PATIENCE;
        while !http::get(self.address, "/health").is_ok_and(|answer| answer.status == 200) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended before it answered ({status})");
            }
            if Instant::now() > give_up {
                bail!("the server does not answer on http://{}/health", self.address);
            }
            thread::sleep(KNOCK_AGAIN);
        }
        Ok(())
    }

    fn stop_on_signals(&self) -> Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let server = rustix::process::Pid::from_child(&self.child);
        thread::spawn(move || {
            for _ in signals.forever() {
                // An error means that the server has ended by itself, which is what was wanted.
                let _ = rustix::process::kill_process(server, rustix::process::Signal::TERM);
            }
        });
        Ok(())
    }

    /// Asks the server to finish what it is serving, and waits for that.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            let server = rustix::process::Pid::from_child(&self.child);
            rustix::process::kill_process(server, rustix::process::Signal::TERM)?;
            self.child.wait()?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("xtask: cannot stop the server: {error}");
        }
    }
}

/// Which files this data folder already holds, so that a second run does not import them again.
struct Imports {
    file: PathBuf,
    urls: Map<String, Value>,
}

impl Imports {
    fn read(file: &Path) -> Imports {
        let text = fs::read_to_string(file).unwrap_or_default();
        Imports { file: file.to_owned(), urls: serde_json::from_str(&text).unwrap_or_default() }
    }

    fn publish(&mut self, shoal: &Path, data: &Path, file: &Path) -> Result<String> {
        let identity = identity(file)?;
        if let Some(url) = self.urls.get(&identity).and_then(Value::as_str)
            && is_served(url)
        {
            return Ok(url.to_owned());
        }
        let url = import(shoal, data, file)?;
        self.urls.insert(identity, json!(url));
        fs::write(&self.file, Value::Object(self.urls.clone()).to_string())?;
        Ok(url)
    }
}

/// Imports one file and returns its watch URL.
pub(crate) fn import(shoal: &Path, data: &Path, file: &Path) -> Result<String> {
    let mut command = Command::new(shoal);
    let file = fs::canonicalize(file).with_context(|| format!("no file {}", file.display()))?;
    command.arg("import").arg("--data").arg(data).arg(file);
    let told = shell::output(&mut command)?;
    told.lines().last().map(str::to_owned).context("the import named no page to open")
}

/// Path, length and time of change: enough to tell an edited file from one that was imported.
fn identity(file: &Path) -> Result<String> {
    let path = fs::canonicalize(file)?;
    let metadata = fs::metadata(&path)?;
    let changed = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    Ok(format!("{} {} {changed}", path.display(), metadata.len()))
}

fn is_served(url: &str) -> bool {
    let path =
        url.strip_prefix("http://").and_then(|rest| rest.find('/').map(|slash| &rest[slash..]));
    path.is_some_and(|path| http::get(address(), path).is_ok_and(|answer| answer.status == 200))
}

/// A server on a loaded machine answers well within this; a silent one should not hold anybody up for longer.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// Short beside the 300 ms that a start may take.
const KNOCK_AGAIN: Duration = Duration::from_millis(10);
