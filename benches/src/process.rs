//! Processes under measurement: started, watched through `/proc`, and ended with the measurement.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer.
    pub(crate) first_answer: Duration,
}

impl Server {
    /// Starts a server and waits for it to answer `GET path`.
    pub(crate) fn start(
        command: &mut Command,
        address: SocketAddr,
        path: &str,
    ) -> anyhow::Result<Server> {
        let began = Instant::now();
        let child = command
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{command:?} does not start"))?;
        let mut server = Server { child, address, first_answer: Duration::ZERO };
        while !answers(address, path) {
            if let Some(status) = server.child.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "{command:?} does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
        server.first_answer = began.elapsed();
        Ok(server)
    }

    /// Ends it as a loss of power would.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// User and system seconds of the process and its children so far.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let ticks = self.family()?.into_iter().map(cpu_ticks).sum::<anyhow::Result<u64>>()?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Memory that the process holds now.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        Ok(self.told("status", "VmRSS:")? << 10)
    }

    /// The same without what is mapped of files, which the system may take back.
    pub(crate) fn anonymous_bytes(&self) -> anyhow::Result<u64> {
        Ok(self.told("status", "RssAnon:")? << 10)
    }

    /// What the process has had written to disks so far.
    pub(crate) fn written_bytes(&self) -> anyhow::Result<u64> {
        self.told("io", "write_bytes:")
    }

    /// A number of proc(5).
    fn told(&self, file: &str, key: &str) -> anyhow::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)).context("no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    fn family(&self) -> anyhow::Result<Vec<u32>> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let children =
            children.split_whitespace().map(str::parse).collect::<Result<Vec<u32>, _>>()?;
        Ok([vec![id], children].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// The release binary: `cargo xtask bench` names it.
pub(crate) fn shoal() -> PathBuf {
    std::env::var_os("BENCH_SHOAL")
        .map_or_else(|| PathBuf::from("target/release/shoal"), PathBuf::from)
}

/// An address on the loopback that is free now.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Runs a program to its end, and says which one failed and how.
pub(crate) fn finish(command: &mut Command) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{command:?} does not start"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?} ended with {}: {said}", output.status);
    Ok(began.elapsed())
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

fn cpu_ticks(id: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // Fields 14 and 15 of proc(5), counted after the name, which may hold spaces.
    let (_, after_name) = stat.rsplit_once(") ").context("no stat")?;
    let fields: Vec<_> = after_name.split(' ').collect();
    let field = |no: usize| -> anyhow::Result<u64> {
        Ok(fields.get(no - 3).context("a short stat")?.parse()?)
    };
    Ok(field(14)? + field(15)?)
}

/// A server that has not answered by now never will.
const PATIENCE: Duration = Duration::from_secs(20);
