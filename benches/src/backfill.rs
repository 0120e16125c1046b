//! How long it takes until all videos of an instance are shown by one that follows it: two of ours, on one machine.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::api;
use crate::catalogue::{self, fill};
use crate::delivery::{self, reset_password, until};
use crate::process::{Server, free_address, shoal};
use crate::table::Table;

/// From the request to follow to the last video on the list.
pub(crate) fn run() -> anyhow::Result<Table> {
    let mut table = Table::new([
        "videos",
        "first shown",
        "all shown",
        "requests",
        "at once",
        "CPU of who follows",
        "of who is followed",
        "RSS of who follows",
        "of who is followed",
    ]);
    let folder = tempfile::tempdir()?;
    let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
    for data in [&theirs, &ours] {
        drop(catalogue::start(data)?);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        fill(&theirs, VIDEOS).await?;
        let pool = delivery::open(&theirs).await?;
        delivery::settle(&pool).await?;
        pool.close().await;
        anyhow::Ok(())
    })?;
    let password = reset_password(&ours)?;
    let address = free_address()?;
    let way = Way::to(address)?;
    let there = start(&theirs, address, way.address)?;
    let address = free_address()?;
    let here = start(&ours, address, address)?;
    let token = api::log_in(&here, &password)?;
    std::thread::sleep(SETTLED);
    let (before, before_there) = (here.cpu_seconds()?, there.cpu_seconds()?);
    let began = Instant::now();
    follow(&here, &token, way.address)?;
    let first = until(began, || Ok(shown(&here)? > 0))?;
    let all = until(began, || Ok(shown(&here)? >= VIDEOS))?;
    table.row([
        VIDEOS.to_string(),
        format!("{:.1} s", first.as_secs_f64()),
        format!("{:.1} s", all.as_secs_f64()),
        way.came.load(Ordering::Relaxed).to_string(),
        way.most.load(Ordering::Relaxed).to_string(),
        format!("{:.1} s", here.cpu_seconds()? - before),
        format!("{:.1} s", there.cpu_seconds()? - before_there),
        format!("{:.0} MB", here.resident_bytes()? as f64 / 1e6),
        format!("{:.0} MB", there.resident_bytes()? as f64 / 1e6),
    ]);
    Ok(table)
}

/// An instance of which others know by `known_at`.
fn start(data: &Path, address: SocketAddr, known_at: SocketAddr) -> anyhow::Result<Server> {
    let mut command = Command::new(shoal());
    command.env("SHOAL_OUTBOUND_ALLOW_PRIVATE", "true");
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
    command.args(["--public-url", &format!("http://{known_at}")]);
    Server::start(&mut command, address, "/api/v1/videos?count=1")
}

fn follow(server: &Server, token: &str, whom: SocketAddr) -> anyhow::Result<()> {
    let body = format!("{{\"hosts\":[\"{whom}\"]}}");
    let head = "POST /api/v1/server/following\nContent-Type: application/json";
    let answer = api::send(server, head, token, body.as_bytes())?;
    anyhow::ensure!(answer.status == 204, "answered with {}", answer.status);
    Ok(())
}

/// Videos of others on the list that everybody sees.
fn shown(server: &Server) -> anyhow::Result<i64> {
    std::thread::sleep(OFTEN);
    let path = "/api/v1/videos?isLocal=false&nsfw=both&count=1";
    let told = api::get(server, path, "")?.json()?;
    told["total"].as_i64().with_context(|| format!("no total: {told}"))
}

/// The way to a server on which connections are counted, each of which has one request.
struct Way {
    address: SocketAddr,
    came: Arc<AtomicUsize>,
    /// At the same time.
    most: Arc<AtomicUsize>,
}

impl Way {
    fn to(server: SocketAddr) -> anyhow::Result<Way> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let way =
            Way { address: listener.local_addr()?, came: Arc::default(), most: Arc::default() };
        let (came, most) = (Arc::clone(&way.came), Arc::clone(&way.most));
        let open = Arc::<AtomicUsize>::default();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                came.fetch_add(1, Ordering::Relaxed);
                most.fetch_max(open.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                let open = Arc::clone(&open);
                std::thread::spawn(move || {
                    let _ = pass(stream, server);
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Ok(way)
    }
}

/// Passes on what both say until both have said all.
fn pass(asker: TcpStream, server: SocketAddr) -> io::Result<()> {
    let answerer = TcpStream::connect(server)?;
    let (mut from, mut to) = (asker.try_clone()?, answerer.try_clone()?);
    let asking = std::thread::spawn(move || {
        let passed = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write).and(passed)
    });
    let (mut from, mut to) = (answerer, asker);
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Both)?;
    let _ = asking.join();
    Ok(())
}

const VIDEOS: i64 = 1_000;

/// How often the list is looked at.
const OFTEN: Duration = Duration::from_millis(50);

/// By then what a start does in the background is done.
const SETTLED: Duration = Duration::from_secs(5);
