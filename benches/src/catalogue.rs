//! Lists of the API on SQLite: what a request costs the server, whether or not somebody writes at the same time.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::process::{Server, free_address, shoal};
use crate::table::Table;
use crate::wrk;

/// Catalogues of two sizes, each asked in several ways.
pub(crate) fn run() -> anyhow::Result<Table> {
    let mut table = Table::new([
        "videos",
        "asked for",
        "req/s",
        "req per CPU-second of the server",
        "p50, ms",
        "p99, ms",
        "RSS, MB",
    ]);
    for videos in [10_000, 100_000] {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        drop(start(&data)?);
        tokio::runtime::Runtime::new()?.block_on(fill(&data, videos))?;
        let server = start(&data)?;
        for (what, script) in [("varied", VARIED), ("front page", FRONT_PAGE), ("search", SEARCH)] {
            let script = script.replace("VIDEOS", &videos.to_string());
            measure(&mut table, &server, folder.path(), videos, what, &script)?;
        }
        let is_over = AtomicBool::new(false);
        let address = server.address;
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|no| {
                    let is_over = &is_over;
                    scope.spawn(move || write(address, videos, no, is_over))
                })
                .collect();
            let script = VARIED.replace("VIDEOS", &videos.to_string());
            let measured = measure(
                &mut table,
                &server,
                folder.path(),
                videos,
                "varied, beside writes",
                &script,
            );
            is_over.store(true, Ordering::Relaxed);
            let mut written = 0.0;
            for writer in writers {
                written += writer.join().map_err(|_| anyhow::anyhow!("a writer panicked"))??;
            }
            println!("{written:.0} writes/s beside {videos} videos");
            measured
        })?;
    }
    Ok(table)
}

/// Our server on a data folder.
pub(crate) fn start(data: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(shoal());
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(data);
    Server::start(&mut command, address, "/api/v1/videos?count=1")
}

/// Writes what that many uploads would have left.
pub(crate) async fn fill(data: &Path, videos: i64) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new().filename(data.join("shoal.sqlite"));
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut work = pool.begin().await?;
    let numbers = |most: i64| {
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})")
    };
    let statements = [
        format!(
            "INSERT INTO handle (id, name) {} SELECT 1000 + i, 'c' || i FROM n",
            numbers(CHANNELS)
        ),
        format!(
            "INSERT INTO channel (id, account_id, display_name, subscribers, created_at, updated_at) {} \
             SELECT 1000 + i, 1, 'Channel ' || i, 0, 0, 0 FROM n",
            numbers(CHANNELS)
        ),
        format!(
            "INSERT INTO video (uuid, channel_id, account_id, state, privacy, name, description, category, licence, \
             language, nsfw, comments_policy, download_enabled, wait_transcoding, duration_ms, width, height, media, \
             source_name, source_bytes, views, views_lately, likes, dislikes, created_at, updated_at, published_at) {} \
             SELECT printf('%08x-0000-4000-8000-%012x', i * 2654435761 % 4294967296, i), 1001 + i * 7919 % {CHANNELS}, 1, 1, 1, \
             printf('Video %d of the %s sea', i, CASE i % 3 WHEN 0 THEN 'deep' WHEN 1 THEN 'cold' ELSE 'blue' END), \
             '{DESCRIPTION}', 1 + i * 31 % 18, i % 7, \
             CASE i % 10 WHEN 0 THEN NULL WHEN 1 THEN 'fr' WHEN 2 THEN 'de' ELSE 'en' END, i % 50 = 0, 1, TRUE, TRUE, \
             i * 104729 % 3600000, 1280, 720, '{MEDIA}', 'a.mp4', 1000000, i * 7919 % 100003, i * 104729 % 1009, \
             i * 31337 % 503, 0, 1700000000000 + i, 1700000000000 + i, 1700000000000 + i * 1000 FROM n",
            numbers(videos)
        ),
        "UPDATE video SET listed_at = published_at".to_owned(),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *work).await?;
    }
    for (kind, value) in [
        ("all", "''"),
        ("local", "''"),
        ("category", "category"),
        ("licence", "licence"),
        ("language", "language"),
        ("channel", "channel_id"),
        ("account", "account_id"),
    ] {
        let statement = format!(
            "INSERT INTO tally (kind, value, videos, nsfw) \
             SELECT '{kind}', CAST({value} AS TEXT), COUNT(*), SUM(nsfw) FROM video WHERE {value} IS NOT NULL GROUP BY {value}"
        );
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *work).await?;
    }
    work.commit().await?;
    pool.close().await;
    record(data, videos)
}

/// Tells the origin of them: a start marks what has no record as lost, which is on no list.
fn record(data: &Path, videos: i64) -> anyhow::Result<()> {
    fs::create_dir_all(data.join("videos"))?;
    for no in 1..=videos {
        // As the statement above makes them.
        let first = no * 2_654_435_761 % 4_294_967_296;
        let id = format!("{first:08x}-0000-4000-8000-{no:012x}");
        let record = format!(
            r#"{{"id":"{id}","title":"{no}","durationMs":60000,"publishedAtMs":1,"isImporting":false,{}"#,
            &MEDIA[1..]
        );
        fs::write(data.join("videos").join(format!("{id}.json")), record)?;
    }
    Ok(())
}

fn measure(
    table: &mut Table,
    server: &Server,
    folder: &Path,
    videos: i64,
    what: &str,
    script: &str,
) -> anyhow::Result<()> {
    let found = wrk::ask(server, folder, script)?;
    table.row([
        videos.to_string(),
        what.to_owned(),
        format!("{:.0}", found.requests / found.seconds),
        format!("{:.0}", found.requests / found.cpu_seconds),
        format!("{:.1}", found.middle),
        format!("{:.1}", found.high),
        format!("{:.0}", server.resident_bytes()? as f64 / 1e6),
    ]);
    Ok(())
}

/// Views of one video after the other, each a write, until it is over; how many there were in a second.
fn write(address: SocketAddr, videos: i64, no: i64, is_over: &AtomicBool) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let began = Instant::now();
    let mut written = 0;
    while !is_over.load(Ordering::Relaxed) {
        let video = 1 + (written * WRITERS + no) * 7919 % videos;
        write!(
            stream,
            "POST /api/v1/videos/{video}/views HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n\
             Content-Length: 17\r\n\r\n{{\"currentTime\":1}}"
        )?;
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer)?;
        anyhow::ensure!(answer[..read].starts_with(b"HTTP/1.1 204"), "a write was refused");
        written += 1;
        let due = began + Duration::from_millis(1000 * WRITERS as u64 / WRITES) * written as u32;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(written as f64 / began.elapsed().as_secs_f64())
}

const CHANNELS: i64 = 100;
/// In a second, in all.
const WRITES: u64 = 100;
/// As many at once as are needed where each waits its turn behind readers.
const WRITERS: i64 = 20;

const DESCRIPTION: &str = "A description of some lines, as people write them: what is seen, who made it, where to find more. \
                           It goes on for a while, since most of them do, and has a link to https://example.org/somewhere. \
                           Then it says thank you to those who helped, and that is nearly all of it.";

const MEDIA: &str = r#"{"master":"g1-master.m3u8","poster":"g1-poster.jpg","renditions":[{"width":426,"height":240,"playlist":"g1-240.m3u8","media":"g1-240-fragmented.mp4","bytes":2319513},{"width":854,"height":480,"playlist":"g1-480.m3u8","media":"g1-480-fragmented.mp4","bytes":5520647},{"width":1280,"height":720,"playlist":"g1-720.m3u8","media":"g1-720-fragmented.mp4","bytes":18350990}]}"#;

/// Pages anywhere in a list, in six orders, half of them of one category; hardly one twice in a second.
const VARIED: &str = r#"
local sorts = { "-publishedAt", "publishedAt", "-views", "-trending", "-likes", "-name" }
local no = 0
request = function()
  no = no + 1
  local sort = sorts[no % 6 + 1]
  local category = no % 2 == 0 and "&categoryOneOf=" .. (no % 18 + 1) or ""
  local most = no % 2 == 0 and VIDEOS / 18 or VIDEOS
  local start = math.floor((no * 7919) % most)
  return wrk.format("GET", "/api/v1/videos?start=" .. start .. "&count=15&sort=" .. sort .. category)
end
"#;

const FRONT_PAGE: &str = r#"request = function() return wrk.format("GET", "/api/v1/videos?start=0&count=15&sort=-publishedAt") end"#;

/// A number, which one video has, and a word, which a third of them have, in turn.
const SEARCH: &str = r#"
local no = 0
request = function()
  no = no + 1
  local words = no % 2 == 0 and "deep+sea" or "video+" .. (no * 7919 % VIDEOS)
  return wrk.format("GET", "/api/v1/search/videos?search=" .. words)
end
"#;
