//! What federation costs: objects that are asked for, activities that come in, and hostile ones beside honest ones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http::Method;
use sidecar::federation::key::{NewKey, PrivateKey};
use sidecar::federation::signature::{Outgoing, sign};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::catalogue::{self, fill};
use crate::process::{Server, free_address, shoal};
use crate::table::Table;
use crate::wrk;

/// All three on one catalogue, the hostile ones last.
pub(crate) fn run() -> anyhow::Result<Table> {
    let mut table = Table::new(["what", "how many", "per second", "per CPU-second", "RSS, MB"]);
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    drop(catalogue::start(&data)?);
    let key = NewKey::make()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fill(&data, VIDEOS))?;
    runtime.block_on(know(&data, &key.public_pem))?;
    let server = start(&data)?;
    for (what, script) in [("Video objects, one", ONE), ("Video objects, varied", VARIED)] {
        let script = script.replace("VIDEOS", &VIDEOS.to_string());
        let found = wrk::ask(&server, folder.path(), &script)?;
        row(&mut table, &server, what, found.requests, (found.seconds, found.cpu_seconds))?;
    }
    let key = PrivateKey::read(&key.private)?;
    let likes = signed(&key, LIKES, |no| like(no, no))?;
    heard(&mut table, &server, "likes, each signed", &likes, "202")?;
    let hostile = hostile(&key)?;
    heard(&mut table, &server, "hostile and malformed", &hostile, "4")?;
    let likes = signed(&key, LIKES / 4, |no| like(no, LIKES + no))?;
    heard(&mut table, &server, "likes after those", &likes, "202")?;
    Ok(table)
}

fn start(data: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(shoal());
    command.env("SHOAL_OUTBOUND_ALLOW_PRIVATE", "true");
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
    command.args(["--public-url", PUBLIC_URL]);
    Server::start(&mut command, address, "/api/v1/videos?count=1")
}

/// Writes people of other servers who share a key.
async fn know(data: &Path, public_key: &str) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(data.join("shoal.sqlite"));
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut work = pool.begin().await?;
    for no in 0..PEOPLE {
        let host = host(no);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis() as i64;
        for statement in [
            "INSERT INTO host (name, created_at, site) VALUES ($2, 0, $2) ON CONFLICT DO NOTHING",
            "INSERT INTO handle (id, name) VALUES (100000 + $1, 'fan@' || $2)",
            "INSERT INTO account (id, display_name, created_at, updated_at) VALUES (100000 + $1, 'Fan of ' || $2, 0, 0)",
            "INSERT INTO remote_actor (id, url, host, kind, name, inbox, public_key, followers, fetched_at) VALUES \
             (100000 + $1, 'https://' || $2 || '/users/fan', $2, 1, 'fan', 'https://' || $2 || '/inbox', $3, 0, $4)",
        ] {
            let query = sqlx::query(statement).bind(no as i64).bind(&host);
            query.bind(public_key).bind(now).execute(&mut *work).await?;
        }
    }
    Ok(work.commit().await?)
}

fn host(no: usize) -> String {
    format!("h{no}.example")
}

fn like(no: usize, id: usize) -> String {
    let (host, video) = (host(no % PEOPLE), 1 + no * 7_919 % VIDEOS as usize);
    let first = video * 2_654_435_761 % 4_294_967_296;
    format!(
        r#"{{"@context":"https://www.w3.org/ns/activitystreams","type":"Like","id":"https://{host}/likes/{id}","actor":"https://{host}/users/fan","object":"{PUBLIC_URL}/videos/watch/{first:08x}-0000-4000-8000-{video:012x}"}}"#
    )
}

/// Requests as they are sent, signed before anything is measured.
fn signed(
    key: &PrivateKey,
    many: usize,
    body: impl Fn(usize) -> String,
) -> anyhow::Result<Vec<Vec<u8>>> {
    (0..many).map(|no| request(key, no, &body(no), &body(no))).collect()
}

/// `said` is what the signature is of.
fn request(key: &PrivateKey, no: usize, said: &str, body: &str) -> anyhow::Result<Vec<u8>> {
    let authority = PUBLIC_URL.trim_start_matches("https://");
    let body_said = Some(said.as_bytes());
    let outgoing = Outgoing { method: &Method::POST, authority, target: "/inbox", body: body_said };
    let key_id = format!("https://{}/users/fan#main-key", host(no % PEOPLE));
    let mut head = "POST /inbox HTTP/1.1\r\nContent-Type: application/activity+json\r\n".to_owned();
    for (name, value) in sign(&outgoing, &key_id, key, SystemTime::now())? {
        head += &format!("{name}: {}\r\n", value.to_str()?);
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    Ok([head.as_bytes(), body.as_bytes()].concat())
}

/// Of five kinds in turn: another body, another's id, no JSON, too deep, an id of ours.
fn hostile(key: &PrivateKey) -> anyhow::Result<Vec<Vec<u8>>> {
    let made = (0..HOSTILE).map(|no| {
        let honest = like(no, 10 * LIKES + no);
        let evil = match no % 5 {
            0 => return request(key, no, &honest, &honest.replace("Like", "Dislike")),
            1 => honest.replace("/likes/", ".evil/likes/"),
            2 => honest.replace('}', ""),
            3 => format!("{{\"a\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000)),
            _ => honest.replace(&format!("https://{}/likes", host(no % PEOPLE)), PUBLIC_URL),
        };
        request(key, no, &evil, &evil)
    });
    made.collect()
}

/// Sends requests over a few connections, as other servers' queues do, and looks at each answer.
fn heard(
    table: &mut Table,
    server: &Server,
    what: &str,
    requests: &[Vec<u8>],
    wanted: &str,
) -> anyhow::Result<()> {
    let (next, before, began) = (AtomicUsize::new(0), server.cpu_seconds()?, Instant::now());
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| scope.spawn(|| send(server.address, requests, &next, wanted)))
            .collect();
        for sender in senders {
            sender.join().map_err(|_| anyhow::anyhow!("a sender panicked"))??;
        }
        anyhow::Ok(())
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = server.cpu_seconds()? - before;
    row(table, server, what, requests.len() as f64, (seconds, cpu))
}

fn send(
    address: SocketAddr,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    wanted: &str,
) -> anyhow::Result<()> {
    let connect = || {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        anyhow::Ok(stream)
    };
    let mut stream = connect()?;
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        stream.write_all(request)?;
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer)?;
        let said = String::from_utf8_lossy(&answer[..read]).into_owned();
        let status = said.split(' ').nth(1).unwrap_or_default();
        anyhow::ensure!(status.starts_with(wanted), "answered with {said:?}, not {wanted}");
        // After some refusals the server hangs up, which is its right.
        if said.to_ascii_lowercase().contains("connection: close") {
            stream = connect()?;
        }
    }
    Ok(())
}

fn row(
    table: &mut Table,
    server: &Server,
    what: &str,
    many: f64,
    (seconds, cpu): (f64, f64),
) -> anyhow::Result<()> {
    table.row([
        what.to_owned(),
        format!("{many:.0}"),
        format!("{:.0}", many / seconds),
        format!("{:.0}", many / cpu),
        format!("{:.0}", server.resident_bytes()? as f64 / 1e6),
    ]);
    Ok(())
}

/// Nobody is asked there: all who speak are known.
const PUBLIC_URL: &str = "https://bench.example";
const VIDEOS: i64 = 10_000;
const PEOPLE: usize = 100;
const LIKES: usize = 8_000;
const HOSTILE: usize = 10_000;
const SENDERS: usize = 8;

const ONE: &str = r#"
request = function()
  return wrk.format("GET", "/videos/watch/9e3779b1-0000-4000-8000-000000000001", { ["Accept"] = "application/activity+json" })
end
"#;

const VARIED: &str = r#"
local no = 0
request = function()
  no = (no + 7919) % VIDEOS
  local i = no + 1
  local path = string.format("/videos/watch/%08x-0000-4000-8000-%012x", i * 2654435761 % 4294967296, i)
  return wrk.format("GET", path, { ["Accept"] = "application/activity+json" })
end
"#;
