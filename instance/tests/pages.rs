//! What a browser gets from the binary: pages, their headers, and their files.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use origin::library::{Access, Library, Video};
use tempfile::TempDir;
use wire::capability::Key;

use crate::server::{self, Reply, Shoal};

const ID: &str = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
const SHORT: &str = "83b4fymrueQZj9EdVRKYZj";
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
const NASTY: &str = "</title><script>alert(\"1\")</script> & 'so' on=x";

const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:7\n\
    #EXT-X-STREAM-INF:BANDWIDTH=309269,RESOLUTION=426x240,CODECS=\"avc1.640015,mp4a.40.2\"\ng1-240.m3u8\n";

/// A server of some videos, and its data folder.
struct Site {
    shoal: Shoal,
    data: TempDir,
}

impl Site {
    fn start(videos: &[Video]) -> Site {
        Site::start_part("serve", videos)
    }

    fn start_part(part: &str, videos: &[Video]) -> Site {
        Site::start_with(&[], part, videos)
    }

    fn start_with(variables: &[(&str, &str)], part: &str, videos: &[Video]) -> Site {
        let words = [part, "--listen", "127.0.0.1:0", "--public-url", "https://videos.example.org"];
        Site::spawn(variables, &words, videos)
    }

    fn spawn(variables: &[(&str, &str)], words: &[&str], videos: &[Video]) -> Site {
        let data = tempfile::tempdir().unwrap();
        fill(data.path(), videos);
        let mut command = server::shoal(words, data.path());
        let shoal = Shoal::spawn(command.envs(variables.iter().copied()), data.path());
        Site { shoal, data }
    }

    fn get(&self, path: &str) -> Reply {
        self.shoal.page(path)
    }

    fn ask(&self, method: &str, path: &str) -> Reply {
        self.shoal.request(&format!("{method} {path}"), "", b"")
    }

    /// As somebody who knows the server by this name.
    fn ask_as(&self, host: &str, path: &str) -> Reply {
        self.shoal.request(&format!("GET {path}\nHost: {host}"), "", b"")
    }
}

/// The binary without a data folder.
fn shoal() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SHOAL_TRACKER_STUN_LISTEN", "")
        .current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn fill(data: &Path, videos: &[Video]) {
    let library = Library::open(data).unwrap();
    for video in videos {
        let folder = library.hls_dir().join(&video.id);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("g1-master.m3u8"), MASTER).unwrap();
        let playlist = include_str!("../../swarm/wire/fixtures/hls-media-240.m3u8");
        fs::write(folder.join("g1-240.m3u8"), playlist).unwrap();
        library.record(video).unwrap();
    }
}

fn video(id: &str, title: &str) -> Video {
    serde_json::from_value(serde_json::json!({
        "id": id, "title": title, "durationMs": 754_000, "publishedAtMs": 1_000, "master": "g1-master.m3u8",
        "poster": "g1-poster.jpg", "isImporting": false, "renditions": [
            {"width": 426, "height": 240, "playlist": "g1-240.m3u8", "media": "g1-240-fragmented.mp4", "bytes": 1},
        ],
    }))
    .unwrap()
}

fn harbour() -> Site {
    Site::start(&[video(ID, "Harbour")])
}

#[test]
fn an_empty_shelf_tells_how_to_import() {
    let shoal = Site::start(&[]);
    let shelf = shoal.get("/");
    assert_eq!(shelf.status, 200);
    assert!(shelf.text().contains("shoal import"), "{}", shelf.text());
    assert_eq!(shoal.get("/?page=2").status, 404);
}

#[test]
fn the_shelf_shows_what_is_there_page_by_page() {
    let id = |no: usize| format!("00000000-0000-4000-8000-{no:012}");
    let videos: Vec<_> = (0..50).map(|no| video(&id(no), &format!("Video {no}."))).collect();
    let shoal = Site::start(&videos);
    let (first, second) = (shoal.get("/").text(), shoal.get("/?page=2").text());
    assert_eq!(
        (first.matches("class=\"card\"").count(), second.matches("class=\"card\"").count()),
        (48, 2)
    );
    assert!(
        first.contains("rel=\"next\" href=\"/?page=2\"")
            && second.contains("rel=\"prev\" href=\"/\"")
    );
    assert!(first.contains("12:34") && first.contains(&format!("/hls/{}/g1-poster.jpg", id(49))));
}

#[test]
fn a_video_is_watched_under_one_address() {
    let shoal = harbour();
    let page = shoal.get(&format!("/w/{SHORT}"));
    assert_eq!(page.status, 200);
    for wanted in [
        "<title>Harbour – Shoal</title>",
        "<link rel=\"canonical\" href=\"https://videos.example.org/w/83b4fymrueQZj9EdVRKYZj\">",
        "<meta property=\"og:title\" content=\"Harbour\">",
        "<meta property=\"og:image\" content=\"https://videos.example.org/hls/38fda7c9-bbb7-464f-bb9b-d64d33f575c4/g1-poster.jpg\">",
        "<meta property=\"og:video\" content=\"https://videos.example.org/videos/embed/83b4fymrueQZj9EdVRKYZj\">",
    ] {
        assert!(page.text().contains(wanted), "{wanted} in {}", page.text());
    }
    for path in
        [format!("/w/{ID}"), format!("/videos/watch/{ID}"), format!("/videos/watch/{SHORT}")]
    {
        let reply = shoal.get(&path);
        assert_eq!(
            (reply.status, reply.header("location")),
            (301, Some("/w/83b4fymrueQZj9EdVRKYZj")),
            "{path}"
        );
    }
    assert_eq!(shoal.get(&format!("/videos/embed/{SHORT}")).status, 200);
    assert_eq!(shoal.get(&format!("/videos/embed/{ID}?autoplay=1")).status, 200);
}

#[test]
fn pages_say_how_far_viewers_share() {
    #[track_caller]
    fn check(setting: &str, query: &str, attribute: &str, words: &str) {
        let variables = [("SHOAL_PLAYER_P2P", setting)];
        let shoal = Site::start_with(&variables, "serve", &[video(ID, "Harbour")]);
        let embed = shoal.get(&format!("/videos/embed/{SHORT}{query}")).text();
        assert!(embed.contains(&format!(" p2p=\"{attribute}\" ")), "{embed}");
        let watch = shoal.get(&format!("/w/{SHORT}")).text();
        assert!(watch.contains(&format!(" p2p=\"{setting}\" ")), "{watch}");
        assert!(watch.contains(words), "{watch}");
        assert_eq!(watch.contains("by nobody else"), setting == "off", "{watch}");
    }
    check("off", "?p2p=1", "off", "is sent from there, by nobody else.");
    check("receive", "?p2p=1", "receive", "takes parts of it from other people");
    check("full", "", "full", "People watching it send parts of it to each other, unless");
    check("full", "?p2p=0", "off", "turned off in the player");
    check("ask", "?p2p=true", "ask", "if they said yes to that in the player");
}

#[test]
fn pages_of_public_videos_name_mirrors_and_allow_them_alone() {
    let mirrors = "https://a.example/hls,https://b.example:8443,https://a.example/more";
    let variables = [("SHOAL_PLAYER_MIRRORS", mirrors)];
    let shoal = Site::start_with(&variables, "serve", &[video(ID, "Harbour")]);
    let pages = [format!("/w/{SHORT}"), format!("/videos/embed/{SHORT}")];
    let named = format!(
        " mirrors=\"https://a.example/hls/{ID}/ https://b.example:8443/{ID}/ https://a.example/more/{ID}/\""
    );
    for page in &pages {
        let reply = shoal.get(page);
        assert!(reply.text().contains(&named), "{}", reply.text());
        let policy = reply.header("content-security-policy").unwrap();
        let allowed =
            "media-src 'self' blob:; connect-src 'self' https://a.example https://b.example:8443; ";
        assert!(policy.contains(allowed), "{policy}");
    }
    let elsewhere = shoal.get("/");
    let policy = elsewhere.header("content-security-policy").unwrap();
    assert!(policy.contains("connect-src 'self'; "), "{policy}");
    // Who knows the address of an unlisted video knows it from its owner.
    server::run(&["video", "set-privacy", ID, "unlisted"], shoal.data.path()).unwrap();
    for page in &pages {
        let reply = shoal.get(page);
        assert_eq!(reply.status, 200);
        assert!(!reply.text().contains(" mirrors="), "{}", reply.text());
        assert!(!reply.head.contains("a.example"), "{}", reply.head);
    }
}

#[test]
fn pages_say_where_stun_is_if_not_where_it_always_is() {
    #[track_caller]
    fn check(listen: &str, wanted: Option<&str>) {
        let variables = [("SHOAL_TRACKER_STUN_LISTEN", listen)];
        let shoal = Site::start_with(&variables, "serve", &[video(ID, "Harbour")]);
        let page = shoal.get(&format!("/w/{SHORT}")).text();
        let told = page.split_once(" stun=\"").and_then(|(_, rest)| rest.split('"').next());
        assert_eq!(told, wanted, "{page}");
    }
    check("", Some("off"));
    check("127.0.0.1:39478", Some("stun:videos.example.org:39478"));
    check("127.0.0.1:3478", None);
}

#[test]
fn an_unknown_address_gets_a_page_that_says_so() {
    let shoal = harbour();
    for path in [
        "/w/",
        "/w/nothing",
        &format!("/w/{UNKNOWN}"),
        &format!("/videos/embed/{UNKNOWN}"),
        &format!("/videos/watch/{UNKNOWN}"),
        &format!("/w/{SHORT}/"),
        "/w/%3Cscript%3E",
        "/%2e%2e/etc/passwd",
    ] {
        let reply = shoal.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text().contains("Nothing at this address"), "{path}");
    }
}

#[test]
fn a_title_is_text_wherever_it_stands() {
    let shoal = Site::start(&[video(ID, NASTY)]);
    for path in ["/".to_owned(), format!("/w/{SHORT}"), format!("/videos/embed/{SHORT}")] {
        let body = shoal.get(&path).text();
        assert!(!body.contains("<script>"), "{path}: {body}");
        assert!(!body.contains("alert(\""), "{path}: {body}");
        assert_eq!(body.matches("</title>").count(), 1, "{path}: {body}");
        assert!(body.contains("&#60;script&#62;alert(&#34;1&#34;)"), "{path}: {body}");
    }
    let page = shoal.get(&format!("/w/{SHORT}")).text();
    assert!(
        page.contains("title=&#34;&#38;#60;/title&#38;#62;"),
        "the snippet is escaped twice: {page}"
    );
}

#[test]
fn pages_allow_what_the_player_needs_and_no_more() {
    let shoal = harbour();
    let policy = |ancestors: &str| {
        format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; media-src \
             'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors \
             {ancestors}"
        )
    };
    for (path, ancestors) in [("/", "'none'"), ("/w/x", "'none'"), ("/w/", "'none'")] {
        assert_eq!(
            shoal.get(path).header("content-security-policy"),
            Some(policy(ancestors).as_str()),
            "{path}"
        );
    }
    let embed = shoal.get(&format!("/videos/embed/{SHORT}"));
    assert_eq!(embed.header("content-security-policy"), Some(policy("*").as_str()));
    assert_eq!(embed.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
    assert_eq!(embed.header("x-content-type-options"), Some("nosniff"));
    assert!(embed.header("permissions-policy").unwrap().contains("fullscreen=*"));
    for path in ["/".to_owned(), format!("/w/{SHORT}"), format!("/videos/embed/{SHORT}")] {
        let page = shoal.get(&path).text();
        let inline = page
            .replace("<script type=\"module\" src=", "")
            .replace("<script type=\"module\" async src=", "")
            // Data that search engines read, and nobody runs.
            .replace("<script type=\"application/ld+json\">", "");
        let is_event = |word: &str| word.starts_with("on") && word.contains('=');
        let is_inline = |word: &str| is_event(word) || word.starts_with("style=\"");
        assert!(!inline.contains("<script") && !page.contains("<style"), "{page}");
        assert!(!page.split_whitespace().any(is_inline), "{page}");
    }
}

#[test]
fn a_head_is_a_page_without_body_and_a_post_is_refused() {
    let shoal = harbour();
    let (get, head) = (shoal.get("/"), shoal.ask("HEAD", "/"));
    assert_eq!((head.status, head.text().as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    let post = shoal.ask("POST", "/");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn health_metrics_and_media_are_on_the_same_port() {
    let shoal = harbour();
    assert_eq!(shoal.get("/health").text(), "ok\n");
    assert_eq!(shoal.get(&format!("/hls/{ID}/g1-master.m3u8")).text(), MASTER);
    assert!(shoal.get("/metrics").text().contains("shoal_http_requests_total{status=\"2xx\"} 2"));
    let robots = shoal.get("/robots.txt").text();
    assert!(robots.contains("Sitemap: https://videos.example.org/sitemap.xml"), "{robots}");
    assert!(shoal.get("/sitemap.xml").text().contains(SHORT));
}

#[test]
fn a_private_video_is_on_no_page_and_its_media_opens_with_a_capability_alone() {
    let private = Video { access: Access::Capability, ..video(ID, "Harbour") };
    for part in ["serve", "origin"] {
        let shoal = Site::start_part(part, std::slice::from_ref(&private));
        if part == "serve" {
            assert!(!shoal.get("/").text().contains("Harbour"));
            for page in [format!("/w/{SHORT}"), format!("/videos/embed/{ID}")] {
                assert_eq!(shoal.get(&page).status, 404, "{page}");
            }
        }
        let key = fs::read(shoal.data.path().join("key")).unwrap();
        let shown = Key::new(key.try_into().unwrap()).sign(&ID.parse().unwrap(), u32::MAX);
        assert_eq!(shoal.get(&format!("/hls/{ID}/g1-master.m3u8")).status, 404);
        let reply = shoal.get(&format!("/hls/{ID}/~{shown}/g1-master.m3u8"));
        assert_eq!((reply.status, reply.text().as_str()), (200, MASTER));
    }
}

#[test]
fn the_origin_alone_serves_media_and_no_pages() {
    let shoal = Site::start_part("origin", &[video(ID, "Harbour")]);
    assert_eq!(shoal.get("/health").text(), "ok\n");
    assert_eq!(shoal.get(&format!("/hls/{ID}/g1-master.m3u8")).text(), MASTER);
    assert!(shoal.get("/metrics").text().contains("shoal_http_requests_total{status=\"2xx\"} 2"));
    assert_eq!(shoal.get("/").status, 404);
    assert_eq!(shoal.get(&format!("/w/{SHORT}")).status, 404);
}

/// The head of the answer to a request for a WebSocket.
fn upgrade(site: &Site, path: &str) -> String {
    let mut stream = TcpStream::connect(&site.shoal.address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nOrigin: https://blog.example\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .unwrap();
    BufReader::new(stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn the_tracker_is_on_the_same_port_and_can_run_alone() {
    let whole = harbour();
    // RFC 6455 §1.3 has this key and what is made of it.
    let head = upgrade(&whole, "/tracker/socket");
    assert!(
        head.starts_with("HTTP/1.1 101 ") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "{head}"
    );
    assert!(upgrade(&whole, "/").starts_with("HTTP/1.1 200 "));
    assert_eq!(whole.get("/tracker/socket").status, 426);
    assert!(whole.get("/metrics").text().contains("\nshoal_tracker_connections_total 1\n"));
    let alone = Site::start_part("tracker", &[video(ID, "Harbour")]);
    assert!(upgrade(&alone, "/tracker/socket").starts_with("HTTP/1.1 101 "));
    assert!(upgrade(&alone, "/").starts_with("HTTP/1.1 101 "));
    assert_eq!((alone.get("/health").status, alone.get("/w/").status), (200, 404));
}

#[test]
fn counters_are_not_for_those_who_come_by_a_public_name() {
    for part in ["serve", "origin"] {
        let shoal = Site::start_part(part, &[]);
        for host in ["videos.example.org", "shoal", "10.0.0.1:9000"] {
            assert_eq!(shoal.ask_as(host, "/metrics").status, 404, "{part} {host}");
        }
        assert_eq!(shoal.ask_as(&shoal.shoal.address, "/metrics").status, 200, "{part}");
    }
}

#[test]
fn all_addresses_are_none_that_a_page_could_name() {
    let words = ["serve", "--listen", "0.0.0.0:0"];
    let mut shoal = Site::spawn(&[], &words, &[video(ID, "Harbour")]);
    let address = shoal.shoal.address.replace("0.0.0.0", "127.0.0.1");
    shoal.shoal.address.clone_from(&address);
    let page = shoal.get(&format!("/w/{SHORT}")).text();
    assert!(page.contains(&format!("href=\"http://{address}/w/{SHORT}\"")), "{page}");
    assert!(!page.contains("0.0.0.0"), "{page}");
    let log = shoal.shoal.kill();
    assert!(log.contains("set --public-url") && log.contains(&address), "{log}");
}

#[test]
fn what_is_wrong_with_the_settings_is_said_once_and_before_anything_else() {
    #[track_caller]
    fn check(command: &mut Command, wanted: &str) {
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("shoal: ") && !said.contains("panicked"), "{said}");
        assert_eq!(said.matches(wanted).count(), 1, "{wanted} in {said}");
    }
    let data = tempfile::tempdir().unwrap();
    for (name, value, wanted) in [
        ("SHOAL_ORIGIN_CONNECTIONS", "4611686018427387904", "it may be 1 to 1000000"),
        ("SHOAL_ORIGIN_REQUEST_TIMEOUT_SECONDS", "9223372036854775807", "it may be 1 to 86400"),
        ("SHOAL_ORIGIN_CONNECTIONS", "0", "origin.connections = 0"),
        ("SHOAL_IMPORT_HEIGHTS", "", "import.heights = []"),
        ("SHOAL_SEVER_LISTEN", "127.0.0.1:0", "SHOAL_SEVER_LISTEN is no setting"),
    ] {
        check(shoal().args(["serve", "--data"]).arg(data.path()).env(name, value), wanted);
    }
    let file = data.path().join("shoal.toml");
    fs::write(&file, "[server]\nport = 1\n").unwrap();
    check(shoal().arg("serve").arg("--config").arg(&file), "unknown field `port`");
    check(shoal().args(["serve", "--data"]).arg(&file), "Not a directory");
}

#[test]
fn a_port_in_use_is_said_in_a_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let output =
        shoal().args(["serve", "--listen", &address, "--data"]).arg(data.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.starts_with(&format!("shoal: {address} is in use:")) && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("shoal.toml");
    fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\ndata = \"/nowhere/file\"\n").unwrap();
    let check = |variable: Option<&str>, flag: Option<&str>, wanted: &str| {
        let mut command = shoal();
        command.arg("doctor").arg("--config").arg(&file).arg("--data").arg(data.path());
        command.envs(variable.map(|address| ("SHOAL_SERVER_LISTEN", address)));
        command.args(flag.map(|address| ["--listen", address]).into_iter().flatten());
        let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(said.contains(wanted), "{said}");
    };
    check(None, None, "127.0.0.1:0 is free");
    check(Some("127.0.0.2:0"), None, "127.0.0.2:0 is free");
    check(Some("127.0.0.2:0"), Some("127.0.0.3:0"), "127.0.0.3:0 is free");
}

#[test]
fn the_log_never_says_who_watches() {
    let data = tempfile::tempdir().unwrap();
    fill(data.path(), &[video(ID, "Harbour")]);
    let server = Shoal::talkative("127.0.0.2:0", data.path());
    let address = &server.address;
    let mut stream = TcpStream::connect(address).unwrap();
    let viewer = stream.local_addr().unwrap().ip().to_string();
    let key: [u8; 32] = fs::read(data.path().join("key")).unwrap().try_into().unwrap();
    let shown = Key::new(key).sign(&ID.parse().unwrap(), u32::MAX);
    let request = format!(
        "GET /hls/{ID}/~{shown}/g1-master.m3u8 HTTP/1.1\r\nHost: x\r\n\r\n\
         GET /w/{SHORT} HTTP/1.1\r\nHost: x\r\nUser-Agent: spy/1\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2, "{answers}");
    drop(TcpStream::connect(address).unwrap());
    let mut early = TcpStream::connect(address).unwrap();
    early.write_all(b"nonsense\r\n\r\n").unwrap();
    let _ = early.read_to_end(&mut Vec::new());
    let log = server.kill();
    // This sample can't be signed, which is said once, whether or not anybody watches.
    let log: String = log.lines().filter(|line| !line.contains("shoal::signing")).collect();
    let secrets = [&viewer, "spy", SHORT, ID, &shown, &format!("{key:?}")];
    assert!(!secrets.iter().any(|secret| log.contains(*secret)), "{log}");
}
