//! Videos from an address: what comes over a bad line, what lies, and what leads elsewhere.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{assert_plays, fresh};
use crate::server::{ROOTS_CHANNEL, Shoal, film, shoal};

const LAX: [(&str, &str); 1] = [("SHOAL_OUTBOUND_ALLOW_PRIVATE", "true")];

/// Another host: what it says to the path that it is asked for.
struct Elsewhere {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Elsewhere {
    fn saying(say: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Elsewhere {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (say, told) = (Arc::new(say), Arc::clone(&heard));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (say, told) = (Arc::clone(&say), Arc::clone(&told));
                std::thread::spawn(move || {
                    let mut head = Vec::new();
                    let mut byte = [0];
                    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                        head.push(byte[0]);
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    told.lock().unwrap().push(head.clone());
                    say(&head, &mut stream);
                });
            }
        });
        Elsewhere { address, heard }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn import(server: &Shoal, token: &str, fields: Value) -> (u16, Value) {
    let head = "POST /api/v1/videos/imports\nContent-Type: application/json";
    let reply = server.request(head, token, fields.to_string().as_bytes());
    (reply.status, reply.body)
}

fn begin(server: &Shoal, token: &str, url: &str) -> i64 {
    begin_in(server, token, url, ROOTS_CHANNEL)
}

fn begin_in(server: &Shoal, token: &str, url: &str, channel: i64) -> i64 {
    let wanted = json!({ "targetUrl": url, "channelId": channel, "privacy": 1 });
    let (status, body) = import(server, token, wanted);
    assert_eq!((status, &body["state"]["id"]), (200, &json!(1)), "{body}");
    body["id"].as_i64().unwrap()
}

fn told(server: &Shoal, token: &str, id: i64) -> Value {
    let list = server.get("/api/v1/users/me/videos/imports?count=100", token).body;
    let data = list["data"].as_array().unwrap();
    data.iter().find(|import| import["id"] == json!(id)).unwrap_or(&Value::Null).clone()
}

#[track_caller]
fn wait_for(server: &Shoal, token: &str, id: i64, is_there: impl Fn(&Value) -> bool) -> Value {
    server.until(|| {
        let import = told(server, token, id);
        if is_there(&import) { Ok(import) } else { Err(import) }
    })
}

fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{}\r\n", headers.replace('\n', "\r\n"))
}

#[test]
fn a_video_from_an_address_goes_on_after_kill_9_and_becomes_one_that_plays() {
    let data = fresh();
    // With a box behind it that means nothing, so that half of it is more than is written at once.
    let free = [&(8_u32 << 20).to_be_bytes()[..], b"free", &vec![0; (8 << 20) - 8]].concat();
    let film = [film(data.path(), 3), free].concat();
    let (size, half) = (film.len(), film.len() / 2);
    let host = Elsewhere::saying(move |asked, stream| {
        let kind = "Content-Type: video/mp4\nETag: \"sea\"\nAccept-Ranges: bytes\n";
        let range = asked.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()
        });
        match range {
            Some(from) => {
                let range = format!("Content-Range: bytes {from}-{}/{size}\n", size - 1);
                let length = format!("Content-Length: {}\n", size - from);
                let head = head("206 Partial Content", &format!("{kind}{range}{length}"));
                let _ = stream.write_all(&[head.as_bytes(), &film[from..]].concat());
            }
            // The first time, it stops half-way and says nothing more.
            None => {
                let head = head("200 OK", &format!("{kind}Content-Length: {size}\n"));
                let _ = stream.write_all(&[head.as_bytes(), &film[..half]].concat());
                let _ = stream.read(&mut [0]);
            }
        }
    });
    let server = Shoal::start(data.path(), &LAX);
    let password = server.password.clone().unwrap();
    let token = server.root();
    let id = begin(&server, &token, &host.url("/The%20sea.mp4?key=1"));
    let arrived = || {
        let files = fs::read_dir(data.path().join("uploads")).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum::<u64>()
    };
    server.until(|| if arrived() >= 2 << 20 { Ok(()) } else { Err((arrived(), half)) });
    server.kill();

    let server = Shoal::start(data.path(), &LAX);
    let token = server.token("root", &password);
    let import = wait_for(&server, &token, id, |import| import["state"]["id"] == json!(2));
    let video = import["video"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(import["video"]["name"], "The sea");
    server.wait_for(&video, &token, &["published"]);
    assert_plays(&server, data.path(), &video);
    let heard = host.heard.lock().unwrap();
    assert_eq!(heard.len(), 2, "{heard:?}");
    let from = heard[1].lines().find_map(|line| line.strip_prefix("range: bytes=")).unwrap();
    let from: usize = from.trim_end_matches('-').parse().unwrap();
    assert!((2 << 20..=half).contains(&from), "{}", heard[1]);
    assert!(heard[1].contains("if-range: \"sea\""), "{}", heard[1]);
    let source = server.get(&format!("/api/v1/videos/{video}/source"), &token).body;
    assert_eq!((&source["filename"], &source["size"]), (&json!("The sea.mp4"), &json!(size)));
}

#[test]
fn what_lies_or_is_no_video_is_not_taken_and_leaves_nothing() {
    let data = fresh();
    let settings = [LAX[0], ("SHOAL_ACCOUNTS_VIDEO_QUOTA_BYTES", "500000")];
    let server = Shoal::start(data.path(), &settings);
    let made = shoal(&["user", "create", "bob"], data.path()).envs(settings).output().unwrap();
    let printed = String::from_utf8(made.stdout).unwrap();
    let password = printed.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    let token = server.token("bob", password);
    let me = server.get("/api/v1/users/me", &token).body;
    let channel = me["videoChannels"][0]["id"].as_i64().unwrap();
    let host = Elsewhere::saying(|asked, stream| {
        let film = "Content-Type: video/mp4\n";
        let path = asked.split(' ').nth(1).unwrap_or_default();
        let answer = match path {
            "/page" => head("200 OK", "Content-Type: text/html\nContent-Length: 1\n") + "<",
            "/list" => {
                head("200 OK", "Content-Type: application/x-mpegurl\nContent-Length: 7\n")
                    + "#EXTM3U"
            }
            "/none" => head("404 Not Found", "Content-Length: 0\n"),
            "/away" => head("302 Found", "Location: file:///etc/passwd\nContent-Length: 0\n"),
            "/round" => head("302 Found", "Location: /round\nContent-Length: 0\n"),
            "/large" => head("200 OK", &format!("{film}Content-Length: 600000\n")),
            "/empty" => head("200 OK", &format!("{film}Content-Length: 0\n")),
            _ => head("200 OK", film),
        };
        let _ = stream.write_all(answer.as_bytes());
        if path == "/endless" {
            while stream.write_all(&[7; 16_384]).is_ok() {}
        }
    });
    for (path, wanted) in [
        ("/page", "text/html"),
        ("/list", "application/x-mpegurl"),
        ("/none", "404"),
        ("/away", "must begin with https://"),
        ("/round", "redirects too often"),
        ("/large", "quota"),
        ("/endless", "quota"),
        ("/empty", "empty"),
    ] {
        let id = begin_in(&server, &token, &host.url(path), channel);
        let import = wait_for(&server, &token, id, |import| import["state"]["id"] == json!(3));
        let reason = import["error"].as_str().unwrap();
        assert!(reason.contains(wanted), "{path}: {reason}");
    }
    assert_eq!(fs::read_dir(data.path().join("uploads")).unwrap().count(), 0, "a file stays");
    let used = server.get("/api/v1/users/me/video-quota-used", &token).body;
    assert_eq!(used["videoQuotaUsed"], 0, "{used}");
}

#[test]
fn an_import_is_stopped_tried_again_and_forgotten_by_its_owner() {
    let data = fresh();
    let server = Shoal::start(data.path(), &LAX);
    let token = server.root();
    let host = Elsewhere::saying(|_, stream| {
        let film = "Content-Type: video/mp4\nContent-Length: 1000000\n";
        let _ = stream.write_all(head("200 OK", film).as_bytes());
        let _ = stream.read(&mut [0]);
    });
    let id = begin(&server, &token, &host.url("/sea.mp4"));
    let post = |what: &str| {
        server.request(&format!("POST /api/v1/videos/imports/{id}/{what}"), &token, b"").status
    };
    let delete =
        || server.request(&format!("DELETE /api/v1/videos/imports/{id}"), &token, b"").status;
    wait_for(&server, &token, id, |import| import["state"]["id"] == json!(6));
    assert_eq!((delete(), post("retry")), (409, 409), "it is under way");
    assert_eq!((post("cancel"), post("cancel")), (204, 409));
    server.until(|| match fs::read_dir(data.path().join("uploads")).unwrap().count() {
        0 => Ok(()),
        files => Err(files),
    });
    assert_eq!(post("retry"), 204);
    wait_for(&server, &token, id, |import| import["state"]["id"] == json!(6));
    assert_eq!((post("cancel"), delete(), delete()), (204, 204, 404));
    assert_eq!(told(&server, &token, id), Value::Null);
}

#[test]
fn nothing_is_fetched_from_this_machine_unless_a_test_says_so() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let host = Elsewhere::saying(|_, _| {});
    let wanted = |url: &str| json!({ "targetUrl": url, "channelId": ROOTS_CHANNEL });
    for (url, status) in [
        (host.url("/"), 400),
        ("file:///etc/passwd".to_owned(), 400),
        ("https://127.0.0.1/".to_owned(), 403),
        ("https://[::1]/".to_owned(), 403),
        ("https://2130706433/".to_owned(), 403),
        ("https://root:password@example.org/".to_owned(), 400),
        ("https://example.org:9000/".to_owned(), 400),
    ] {
        assert_eq!(import(&server, &token, wanted(&url)).0, status, "{url}");
    }
    assert_eq!(import(&server, "nobody", wanted("https://example.org/a.mp4")).0, 401);
    // A name is asked for when it is connected to, each time.
    let (status, body) = import(&server, &token, wanted("https://localhost/a.mp4"));
    assert_eq!(status, 200, "{body}");
    let id = body["id"].as_i64().unwrap();
    let failed = wait_for(&server, &token, id, |import| import["state"]["id"] == json!(3));
    assert_eq!(failed["error"], "localhost is in a network that is not public");
    assert!(host.heard.lock().unwrap().is_empty());
    let config = server.get("/api/v1/config", &token).body;
    assert_eq!(config["import"]["videos"]["http"]["enabled"], true);
    drop(server);
    let server = Shoal::start(data.path(), &[("SHOAL_OUTBOUND_IMPORTS", "false")]);
    let config = server.get("/api/v1/config", &token).body;
    assert_eq!(config["import"]["videos"]["http"]["enabled"], false);
    let (status, body) = import(&server, &token, wanted("https://example.org/a.mp4"));
    assert_eq!(
        (status, &body["detail"]),
        (409, &json!("HTTP import is not enabled on this instance."))
    );
}
