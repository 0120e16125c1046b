//! What it takes to tell other servers something: one change for 1,000 inboxes on 100 hosts of which half are dead, and a server that
//! is killed with all of it still to do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::api;
use crate::catalogue::{self, fill};
use crate::process::{Server, free_address, shoal};
use crate::table::Table;

/// A change while a server runs, and the same after a kill.
pub(crate) fn run() -> anyhow::Result<Table> {
    let mut table = Table::new(["what", "answered", "queued", "delivered", "CPU", "RSS"]);
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    drop(catalogue::start(&data)?);
    let world = World::start()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fill(&data, VIDEOS))?;
    let pool = runtime.block_on(open(&data))?;
    runtime.block_on(settle(&pool))?;
    runtime.block_on(know(&pool, world.port))?;
    let password = reset_password(&data)?;
    let server = start(&data)?;
    let token = api::log_in(&server, &password)?;
    std::thread::sleep(SETTLED);
    let waiting = || runtime.block_on(count(&pool));
    let (before, began) = (server.cpu_seconds()?, Instant::now());
    change(&server, &token, "Another name")?;
    let answered = began.elapsed();
    let queued = until(began, || Ok(waiting()? >= INBOXES as i64 || world.came() > 0))?;
    let delivered = until(began, || Ok(world.came() >= ALIVE * INBOXES / HOSTS))?;
    let cpu = server.cpu_seconds()? - before;
    table.row([
        "1,000 inboxes on 100 hosts, half dead".to_owned(),
        millis(answered),
        millis(queued),
        millis(delivered),
        format!("{cpu:.1} s"),
        format!("{:.0} MB", server.resident_bytes()? as f64 / 1e6),
    ]);
    world.silence(true);
    change(&server, &token, "A third name")?;
    until(Instant::now(), || Ok(waiting()? >= INBOXES as i64))?;
    server.kill();
    world.silence(false);
    let before = world.came();
    let began = Instant::now();
    let server = start(&data)?;
    let delivered = until(began, || Ok(world.came() >= before + ALIVE * INBOXES / HOSTS))?;
    table.row([
        "the same after kill -9, from the start on".to_owned(),
        "-".to_owned(),
        "-".to_owned(),
        millis(delivered),
        format!("{:.1} s", server.cpu_seconds()?),
        format!("{:.0} MB", server.resident_bytes()? as f64 / 1e6),
    ]);
    Ok(table)
}

/// All living hosts, on one port of many addresses of this machine, and those that take a connection and say nothing.
struct World {
    port: u16,
    came: Arc<AtomicUsize>,
    is_silent: Arc<AtomicBool>,
}

impl World {
    fn start() -> anyhow::Result<World> {
        let listener = TcpListener::bind("0.0.0.0:0")?;
        let world = World {
            port: listener.local_addr()?.port(),
            came: Arc::default(),
            is_silent: Arc::default(),
        };
        let (came, is_silent) = (Arc::clone(&world.came), Arc::clone(&world.is_silent));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (came, is_silent) = (Arc::clone(&came), Arc::clone(&is_silent));
                std::thread::spawn(move || take(stream, &came, &is_silent));
            }
        });
        Ok(world)
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::Relaxed)
    }

    fn silence(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Relaxed);
    }
}

/// Takes one post; a dead host keeps whoever posts waiting.
fn take(mut stream: TcpStream, came: &AtomicUsize, is_silent: &AtomicBool) -> Option<()> {
    let SocketAddr::V4(at) = stream.local_addr().ok()? else { return None };
    if usize::from(at.ip().octets()[3]) > ALIVE || is_silent.load(Ordering::Relaxed) {
        std::thread::sleep(DEAD);
        return None;
    }
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        if body.len() >= length.parse().ok()? {
            break;
        }
    }
    stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").ok()?;
    came.fetch_add(1, Ordering::Relaxed);
    Some(())
}

fn start(data: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(shoal());
    command.env("SHOAL_OUTBOUND_ALLOW_PRIVATE", "true");
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
    command.args(["--public-url", "https://bench.example"]);
    Server::start(&mut command, address, "/api/v1/videos?count=1")
}

/// A new password of the administrator.
pub(crate) fn reset_password(data: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(shoal());
    command.args(["user", "reset-password", "root", "--data"]).arg(data);
    let said = String::from_utf8(command.output()?.stdout)?;
    let password = said.lines().find_map(|line| line.strip_prefix("password: "));
    Ok(password.context("no password was printed")?.to_owned())
}

/// The database of a server, beside it.
pub(crate) async fn open(data: &Path) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::new()
        .filename(data.join("shoal.sqlite"))
        .busy_timeout(Duration::from_secs(10));
    Ok(SqlitePoolOptions::new().max_connections(1).connect_with(options).await?)
}

/// Writes those who follow the administrator: ten of each host, each with an inbox of their own.
async fn know(pool: &SqlitePool, port: u16) -> anyhow::Result<()> {
    let mut work = pool.begin().await?;
    for no in 0..INBOXES {
        let host = format!("127.0.1.{}:{port}", 1 + no % HOSTS);
        for statement in [
            "INSERT INTO host (name, asked_at, created_at, site) VALUES ($2, 9000000000000, 0, $2) ON CONFLICT DO NOTHING",
            "INSERT INTO handle (id, name) VALUES (100000 + $1, 'fan' || $1 || '@' || $2)",
            "INSERT INTO account (id, display_name, created_at, updated_at) VALUES (100000 + $1, $2, 0, 0)",
            "INSERT INTO remote_actor (id, url, host, kind, name, inbox, public_key, followers, fetched_at) VALUES \
             (100000 + $1, 'http://' || $2 || '/fan' || $1, $2, 1, 'fan' || $1, 'http://' || $2 || '/fan' || $1 || '/inbox', '', 0, 0)",
            "INSERT INTO follow (follower_id, target_id, state, is_by_hand, created_at, updated_at) \
             SELECT 100000 + $1, id, 2, FALSE, 0, 0 FROM handle WHERE name = 'root' AND $2 <> ''",
        ] {
            sqlx::query(statement).bind(no as i64).bind(&host).execute(&mut *work).await?;
        }
    }
    Ok(work.commit().await?)
}

/// Has what is there be known to all, so that a change is one.
pub(crate) async fn settle(pool: &SqlitePool) -> anyhow::Result<()> {
    for statement in [
        "UPDATE video SET told_open = TRUE",
        "DELETE FROM news",
        "INSERT INTO told (uuid, account_id, channel_id, digest) SELECT uuid, account_id, channel_id, '' FROM video",
    ] {
        sqlx::query(statement).execute(pool).await?;
    }
    Ok(())
}

async fn count(pool: &SqlitePool) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM delivery WHERE state = 1").fetch_one(pool).await?)
}

fn change(server: &Server, token: &str, name: &str) -> anyhow::Result<()> {
    let body = format!("{{\"name\":\"{name}\"}}");
    let head = "PUT /api/v1/videos/1\nContent-Type: application/json";
    let answer = api::send(server, head, token, body.as_bytes())?;
    anyhow::ensure!(answer.status == 204, "answered with {}", answer.status);
    Ok(())
}

/// How long after `began` something is so.
pub(crate) fn until(
    began: Instant,
    is_so: impl Fn() -> anyhow::Result<bool>,
) -> anyhow::Result<Duration> {
    while !is_so()? {
        anyhow::ensure!(began.elapsed() < PATIENCE, "it never was so");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(began.elapsed())
}

fn millis(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

const VIDEOS: i64 = 1_000;
const INBOXES: usize = 1_000;
const HOSTS: usize = 100;
const ALIVE: usize = 50;

/// By then what a start does in the background is done.
const SETTLED: Duration = Duration::from_secs(5);

/// Longer than anybody waits for an inbox.
const DEAD: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(180);
