//! What the origin answers to raw bytes over TCP, from friendly players and from others.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed, helpers included")]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use origin::Config;
use origin::library::{Access, Library, Video};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wire::capability::{KEY_LENGTH, Key};
use wire::id::VideoId;

const ID: &str = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
const SMALL: &str = "g1-240-fragmented.mp4";
const LARGE: &str = "g1-720-fragmented.mp4";
/// Mapped, and more than both sockets' buffers hold.
const LARGE_BYTES: usize = 24 << 20;
/// No test waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(60);

struct World {
    address: SocketAddr,
    folder: PathBuf,
    library: Library,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
    _data: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        World::with(Config {
            request_timeout_seconds: 3600,
            write_timeout_seconds: 3600,
            ..Config::default()
        })
        .await
    }

    async fn with(config: Config) -> World {
        let data = tempfile::tempdir().unwrap();
        let library = Library::open(data.path()).unwrap();
        let folder = library.hls_dir().join(ID);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("g1-master.m3u8"), "#EXTM3U\n").unwrap();
        fs::write(folder.join("g1-poster.jpg"), "jpeg").unwrap();
        fs::write(folder.join(SMALL), "0123456789").unwrap();
        fs::write(folder.join(LARGE), pattern()).unwrap();
        fs::write(folder.join("notes.txt"), "private").unwrap();
        library.record(&video()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let (token, served) = (shutdown.clone(), library.clone());
        let server =
            tokio::spawn(async move { origin::run(listener, &config, served, key(), token).await });
        World { address, folder, library, shutdown, server, _data: data }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads until the server closes it.
    async fn raw(&self, request: impl AsRef<[u8]>) -> Reply {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        let mut bytes = Vec::new();
        within(stream.read_to_end(&mut bytes)).await.unwrap();
        Reply::of(&bytes)
    }

    async fn ask(&self, method: &str, path: &str, headers: &str) -> Reply {
        self.raw(format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    async fn get(&self, file: &str, headers: &str) -> Reply {
        self.ask("GET", &format!("/hls/{ID}/{file}"), headers).await
    }
}

struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    fn of(bytes: &[u8]) -> Reply {
        let end =
            bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer with a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A prime period, so that bytes from any wrong block are wrong bytes.
fn pattern() -> Vec<u8> {
    (0..251).collect::<Vec<u8>>().repeat(LARGE_BYTES / 251 + 1)[..LARGE_BYTES].to_vec()
}

fn video() -> Video {
    serde_json::from_value(serde_json::json!({
        "id": ID, "title": "Harbour", "durationMs": 4000, "publishedAtMs": 1, "master": "g1-master.m3u8",
        "poster": "g1-poster.jpg", "renditions": [], "isImporting": false,
    }))
    .unwrap()
}

fn key() -> Key {
    Key::new([7; KEY_LENGTH])
}

fn id() -> VideoId {
    ID.parse().unwrap()
}

/// Good for as long as this test suite will be run.
fn capability() -> String {
    key().sign(&id(), u32::MAX)
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("an end of the waiting")
}

#[tokio::test]
async fn ranges_are_served_from_small_and_from_mapped_files() {
    let world = World::new().await;
    let whole = pattern();
    for (file, all) in [(SMALL, b"0123456789".as_slice()), (LARGE, &whole)] {
        let end = all.len();
        for (range, from, to) in [
            ("0-4", 0, 5),
            ("0-", 0, end),
            ("3-", 3, end),
            ("-4", end - 4, end),
            ("7-999999999", 7, end),
        ] {
            let reply = world.get(file, &format!("Range: bytes={range}\r\n")).await;
            assert_eq!((reply.status, reply.body == all[from..to]), (206, true), "{file} {range}");
            let wanted = format!("bytes {from}-{}/{end}", to - 1);
            assert_eq!(reply.header("content-range"), Some(wanted.as_str()));
        }
        let reply = world.get(file, "").await;
        assert_eq!((reply.status, reply.body == all), (200, true), "{file}");
        let reply = world.get(file, "Range: bytes=0-1,3-4\r\n").await;
        assert_eq!((reply.status, reply.body.len()), (200, end));
        let reply = world.get(file, &format!("Range: bytes={end}-\r\n")).await;
        assert_eq!(
            (reply.status, reply.header("content-range")),
            (416, Some(format!("bytes */{end}").as_str()))
        );
    }
}

#[tokio::test]
async fn requests_sent_all_at_once_are_answered_whole_and_in_order() {
    let world = World::new().await;
    let whole = pattern();
    let ask = |file: &str, range: &str, more: &str| {
        format!("GET /hls/{ID}/{file} HTTP/1.1\r\nHost: x\r\nRange: bytes={range}\r\n{more}\r\n")
    };
    let (first, second) = (100..3_000_000, 5_000_001..9_000_000);
    let requests = [
        ask(LARGE, "100-2999999", ""),
        ask(SMALL, "2-4", ""),
        ask(LARGE, "5000001-8999999", ""),
        ask("g1-master.m3u8", "0-", "Connection: close\r\n"),
    ];
    let mut stream = world.connect().await;
    stream.write_all(requests.concat().as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    let mut rest = bytes.as_slice();
    for wanted in [&whole[first], b"234", &whole[second], b"#EXTM3U\n"] {
        let reply = Reply::of(rest);
        assert_eq!((reply.status, reply.body.starts_with(wanted)), (206, true));
        rest = &rest[rest.len() - reply.body.len() + wanted.len()..];
    }
    assert!(rest.is_empty());
}

#[tokio::test]
async fn players_on_other_pages_may_read_everything_they_need() {
    let world = World::new().await;
    let reply = world.get(SMALL, "Origin: https://blog.example\r\nRange: bytes=0-1\r\n").await;
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    for exposed in ["Content-Range", "ETag", "Accept-Ranges", "Content-Length"] {
        assert!(reply.header("access-control-expose-headers").unwrap().contains(exposed));
    }
    assert_eq!(reply.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let preflight = world
        .ask("OPTIONS", &format!("/hls/{ID}/{SMALL}"), "Origin: https://blog.example\r\n")
        .await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-headers").unwrap().contains("Range"));
    assert!(preflight.header("access-control-max-age").is_some());
    assert_eq!(world.get("missing.mp4", "").await.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn types_and_lifetimes_follow_the_name() {
    #[track_caller]
    fn check(reply: &Reply, content_type: &str, is_lasting: bool) {
        assert_eq!(reply.header("content-type"), Some(content_type));
        assert_eq!(
            reply.header("cache-control").unwrap().contains("immutable"),
            is_lasting,
            "{content_type}"
        );
    }
    let world = World::new().await;
    check(&world.get("g1-master.m3u8", "").await, "application/vnd.apple.mpegurl", false);
    check(&world.get("g1-poster.jpg", "").await, "image/jpeg", true);
    check(&world.get(SMALL, "").await, "video/mp4", true);
    assert_eq!(world.get("notes.txt", "").await.status, 404);
}

#[tokio::test]
async fn known_bytes_are_not_sent_again_and_ranges_only_of_the_same_bytes() {
    let world = World::new().await;
    let etag = world.get(SMALL, "").await.header("etag").unwrap().to_owned();
    let reply = world.get(SMALL, &format!("If-None-Match: \"x\", W/{etag}\r\n")).await;
    assert_eq!(
        (reply.status, reply.body.len(), reply.header("etag")),
        (304, 0, Some(etag.as_str()))
    );
    assert_eq!(world.get(SMALL, "If-None-Match: \"x\"\r\n").await.status, 200);
    assert_eq!(
        world.get(SMALL, &format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n")).await.status,
        206
    );
    assert_eq!(
        world.get(SMALL, &format!("Range: bytes=0-1\r\nIf-Range: W/{etag}\r\n")).await.status,
        200
    );
    assert_eq!(world.get(SMALL, "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n").await.status, 200);
}

#[tokio::test]
async fn a_head_is_a_get_without_body() {
    let world = World::new().await;
    let (get, head) =
        (world.get(LARGE, "").await, world.ask("HEAD", &format!("/hls/{ID}/{LARGE}"), "").await);
    let undated = |reply: &Reply| {
        let lines =
            reply.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(undated(&get), undated(&head));
    assert_eq!((get.body.len(), head.body.len()), (LARGE_BYTES, 0));
    let ranged = world.ask("HEAD", &format!("/hls/{ID}/{LARGE}"), "Range: bytes=0-1\r\n").await;
    assert_eq!(ranged.status, 200);
}

#[tokio::test]
async fn other_methods_are_refused_by_name() {
    let world = World::new().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        let reply = world.ask(method, &format!("/hls/{ID}/{SMALL}"), "").await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some("GET, HEAD, OPTIONS")),
            "{method}"
        );
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let world = World::new().await;
    let outside = world.folder.parent().unwrap().join("secret.mp4");
    fs::write(&outside, "secret").unwrap();
    symlink(&outside, world.folder.join("link.mp4")).unwrap();
    fs::create_dir(world.folder.join("folder.mp4")).unwrap();
    symlink(
        &world.folder,
        world.folder.parent().unwrap().join("00000000-0000-4000-8000-000000000000"),
    )
    .unwrap();
    let paths = [
        "/hls/../secret.mp4".to_owned(),
        format!("/hls/{ID}/../secret.mp4"),
        format!("/hls/{ID}/%2e%2e/secret.mp4"),
        format!("/hls/{ID}/..%2fsecret.mp4"),
        format!("/hls/{ID}/..%5csecret.mp4"),
        format!("/hls/{ID}//{SMALL}"),
        format!("/hls//{ID}/{SMALL}"),
        format!("//hls/{ID}/{SMALL}"),
        format!("/hls/{ID}/./{SMALL}"),
        format!("/hls/{ID}/g1-240-fragmented%2emp4"),
        format!("/hls/{ID}/{SMALL}/"),
        format!("/hls/{ID}/{SMALL}%00.mp4"),
        format!("/hls/{}/{SMALL}", ID.to_uppercase()),
        format!("/hls/{ID}/link.mp4"),
        format!("/hls/{ID}/folder.mp4"),
        format!("/hls/00000000-0000-4000-8000-000000000000/{SMALL}"),
        format!("/hls/{ID}"),
        "/hls/".to_owned(),
        "*".to_owned(),
    ];
    for path in paths {
        assert_eq!(world.ask("GET", &path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let world = World::new().await;
    let request =
        |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(world.raw(request(&format!("/hls/{ID}/\0.mp4"))).await.status, 400);
    assert_eq!(world.raw("hello\r\n\r\n").await.status, 400);
    assert_eq!(
        world.raw(request(&format!("http://else.example/hls/{ID}/{SMALL}"))).await.status,
        200
    );
    assert_eq!(world.raw(request("/health")).await.body, b"ok\n");
    assert_eq!(world.raw(request("/metrics")).await.status, 404, "asked for another host");
    let local = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(world.raw(local.to_owned()).await.status, 200);
}

#[tokio::test]
async fn a_head_over_the_bound_is_refused() {
    let world = World::new().await;
    let long = format!("X-Long: {}\r\n", "a".repeat(origin::limits::HEADER_BYTES));
    assert_eq!(world.get(SMALL, &long).await.status, 431);
    let many: String =
        (0..origin::limits::HEADER_COUNT).map(|no| format!("X-{no}: a\r\n")).collect();
    assert_eq!(world.get(SMALL, &many).await.status, 431);
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut() {
    let world = World::with(Config { request_timeout_seconds: 1, ..Config::default() }).await;
    let mut slow = world.connect().await;
    slow.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nX-").await.unwrap();
    let mut answer = Vec::new();
    // The server closes; with a reset if it had not read everything.
    let _ = within(slow.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let mut idle = world.connect().await;
    assert_eq!(within(idle.read(&mut [0; 1])).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_is_cut() {
    let config =
        Config { write_timeout_seconds: 1, drain_timeout_seconds: 3600, ..Config::default() };
    let world = World::with(config).await;
    let mut stream = world.connect().await;
    stream
        .write_all(format!("GET /hls/{ID}/{LARGE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream.read_exact(&mut [0; 15]).await.unwrap();
    world.shutdown.cancel();
    within(world.server).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_lets_a_slow_download_finish() {
    let world = World::with(Config { drain_timeout_seconds: 3600, ..Config::default() }).await;
    let mut idle = world.connect().await;
    let mut slow = world.connect().await;
    slow.write_all(format!("GET /hls/{ID}/{LARGE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut bytes = vec![0; 15];
    slow.read_exact(&mut bytes).await.unwrap();
    world.shutdown.cancel();
    assert_eq!(within(idle.read(&mut [0; 1])).await.unwrap_or(0), 0);
    within(slow.read_to_end(&mut bytes)).await.unwrap();
    assert!(Reply::of(&bytes).body == pattern());
    within(world.server).await.unwrap();
    assert!(TcpStream::connect(world.address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_waits_no_longer_than_its_deadline() {
    let world = World::with(Config { drain_timeout_seconds: 1, ..Config::default() }).await;
    let mut stalled = world.connect().await;
    stalled
        .write_all(format!("GET /hls/{ID}/{LARGE} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stalled.read_exact(&mut [0; 15]).await.unwrap();
    world.shutdown.cancel();
    within(world.server).await.unwrap();
}

#[tokio::test]
async fn a_connection_over_the_bound_is_told_when_to_come_back() {
    let world = World::with(Config { connections: 1, ..Config::default() }).await;
    let mut first = world.connect().await;
    first.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    first.read_exact(&mut [0; 15]).await.unwrap();
    let refused = world.get(SMALL, "").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_replaced_master_and_a_removed_video_are_noticed() {
    let world = World::new().await;
    let old = world.get("g1-master.m3u8", "").await;
    fs::write(world.folder.join("new"), "#EXTM3U\n#EXT-X-VERSION:7\n").unwrap();
    fs::rename(world.folder.join("new"), world.folder.join("g1-master.m3u8")).unwrap();
    assert_ne!(changed(&world, &old).await.header("etag"), old.header("etag"));
    let old = world.get(SMALL, "").await;
    world.library.withdraw(&ID.parse().unwrap()).unwrap();
    assert_eq!(changed(&world, &old).await.status, 404);
}

#[tokio::test]
async fn private_media_is_for_whoever_shows_a_capability() {
    let world = World::new().await;
    world.library.set_access(&id(), Access::Capability).unwrap();
    let shown = capability();
    for (file, bytes) in
        [("g1-master.m3u8", 8), ("g1-poster.jpg", 4), (SMALL, 10), (LARGE, LARGE_BYTES)]
    {
        assert_eq!(world.get(file, "").await.status, 404, "{file}");
        let reply = world.get(&format!("~{shown}/{file}"), "").await;
        assert_eq!((reply.status, reply.body.len()), (200, bytes), "{file}");
    }
    let part = world.get(&format!("~{shown}/{LARGE}"), "Range: bytes=1-3\r\n").await;
    assert_eq!((part.status, part.body.as_slice()), (206, &pattern()[1..4]));
    let head = world.ask("HEAD", &format!("/hls/{ID}/~{shown}/{LARGE}"), "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(world.ask("HEAD", &format!("/hls/{ID}/{LARGE}"), "").await.status, 404);
    let etag = part.header("etag").unwrap();
    let known = format!("If-None-Match: {etag}\r\n");
    assert_eq!(world.get(LARGE, &known).await.status, 404, "a known tag is no capability");
    assert_eq!(world.get(&format!("~{shown}/{LARGE}"), &known).await.status, 304);
}

#[tokio::test]
async fn what_is_no_capability_for_the_video_now_finds_what_is_not_there() {
    let world = World::new().await;
    world.library.set_access(&id(), Access::Capability).unwrap();
    let missing = world.get(&format!("~{}/missing.mp4", capability()), "").await;
    let undated = |reply: &Reply| {
        let lines =
            reply.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        (lines.collect::<Vec<_>>().join("\n"), reply.body.clone())
    };
    let good = capability();
    let another = key().sign(&VideoId::from_random([9; 16]), u32::MAX);
    let ended = key().sign(&id(), 1_700_000_000);
    let forged = Key::new([8; KEY_LENGTH]).sign(&id(), u32::MAX);
    for shown in ["", "~", &another, &ended, &forged, &good[1..], &good.to_lowercase()] {
        let reply = world.get(&format!("~{shown}/{SMALL}"), "").await;
        assert_eq!(undated(&reply), undated(&missing), "{shown}");
    }
    let query = world.get(&format!("{SMALL}?capability={good}"), "").await;
    assert_eq!(query.status, 404, "a query is for nobody to read");
    assert_eq!(world.get(&format!("{good}/{SMALL}"), "").await.status, 404);
}

#[tokio::test]
async fn private_media_is_kept_by_its_viewer_and_read_by_its_own_pages_only() {
    let world = World::new().await;
    let shown = capability();
    for access in [Access::Capability, Access::Open] {
        world.library.set_access(&id(), access).unwrap();
        for file in ["g1-master.m3u8", "g1-poster.jpg", SMALL] {
            let reply =
                world.get(&format!("~{shown}/{file}"), "Origin: https://blog.example\r\n").await;
            assert_eq!(reply.status, 200);
            assert!(reply.header("cache-control").unwrap().starts_with("private, "));
            assert_eq!(reply.header("access-control-allow-origin"), None);
            assert_eq!(reply.header("timing-allow-origin"), None);
            assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
    }
    let bad = world.get(&format!("~{}/{SMALL}", &shown[1..]), "").await;
    assert_eq!(bad.status, 404, "not even of an open video");
}

#[tokio::test]
async fn a_change_of_access_is_noticed_for_files_that_are_open_already() {
    let world = World::new().await;
    for file in [SMALL, LARGE] {
        assert_eq!(world.get(file, "Range: bytes=0-0\r\n").await.status, 206);
    }
    for (access, wanted) in [(Access::Capability, 404), (Access::Open, 206)] {
        world.library.set_access(&id(), access).unwrap();
        for file in [SMALL, LARGE] {
            within(async {
                while world.get(file, "Range: bytes=0-0\r\n").await.status != wanted {}
            })
            .await;
        }
    }
}

/// Asks for the file behind `old` again until the answer differs; one that never does fails by [`PATIENCE`].
async fn changed(world: &World, old: &Reply) -> Reply {
    let file = if old.body.starts_with(b"#EXTM3U") { "g1-master.m3u8" } else { SMALL };
    within(async {
        loop {
            let reply = world.get(file, "").await;
            if reply.body != old.body {
                return reply;
            }
        }
    })
    .await
}
