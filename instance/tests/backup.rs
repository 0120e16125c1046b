//! `shoal backup` beside a running `shoal serve`, and what `shoal restore` makes of it elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed, helpers included")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A running `shoal serve`, ended with the test.
struct Shoal {
    child: Child,
    address: String,
    /// Of a first start.
    password: Option<String>,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Shoal {
    fn start(data: &Path) -> Shoal {
        let is_first = !data.join("shoal.sqlite").exists();
        let mut child = shoal(&["serve", "--listen", "127.0.0.1:0"], data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = said.next().unwrap();
        let address = line.split(['/', ',']).nth(2).expect("an address").to_owned();
        let password = is_first.then(|| {
            said.find_map(|line| Some(line.strip_prefix("password: ")?.to_owned())).unwrap()
        });
        Shoal { child, address, password }
    }

    fn request(&self, head: &str, token: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (method, rest) = head.split_once(' ').unwrap();
        let (path, headers) = rest.split_once('\n').unwrap_or((rest, ""));
        let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = serde_json::from_str(body).unwrap_or_default();
        Reply { status, head: head.to_owned(), body }
    }

    fn get(&self, path: &str, token: &str) -> Value {
        self.request(&format!("GET {path}"), token, b"").body
    }

    fn status(&self, path: &str) -> u16 {
        self.request(&format!("HEAD {path}"), "", b"").status
    }

    fn token(&self, name: &str, password: &str) -> String {
        let client = self.get("/api/v1/oauth-clients/local", "");
        let text = |key: &str| client[key].as_str().unwrap().to_owned();
        let form = format!(
            "client_id={}&client_secret={}&grant_type=password&username={name}&password={password}",
            text("client_id"),
            text("client_secret")
        );
        let head = "POST /api/v1/users/token\nContent-Type: application/x-www-form-urlencoded";
        let reply = self.request(head, "", form.as_bytes());
        reply.body["access_token"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    /// Begins an upload of so many bytes, and returns its address.
    fn announce(&self, token: &str, name: &str, privacy: u32, bytes: usize) -> String {
        let channel = self.get("/api/v1/users/me", token)["videoChannels"][0]["id"].clone();
        let video =
            json!({ "filename": "a.mp4", "name": name, "channelId": channel, "privacy": privacy });
        let head = format!(
            "POST /api/v1/videos/upload-resumable\nContent-Type: application/json\n\
             X-Upload-Content-Length: {bytes}\nX-Upload-Content-Type: video/mp4"
        );
        let begun = self.request(&head, token, video.to_string().as_bytes());
        begun.header("location").unwrap_or_else(|| panic!("{begun:?}")).to_owned()
    }

    fn put(&self, at: &str, token: &str, range: &str, bytes: &[u8]) -> Reply {
        self.request(&format!("PUT {at}\nContent-Range: bytes {range}"), token, bytes)
    }

    /// Publishes a film, and returns its id.
    fn publish(&self, token: &str, name: &str, privacy: u32, film: &[u8]) -> String {
        let at = self.announce(token, name, privacy, film.len());
        let range = format!("0-{}/{}", film.len() - 1, film.len());
        self.finish(token, &self.put(&at, token, &range, film))
    }

    /// Has another file take the place of a video's, and waits until it has.
    fn replace(&self, token: &str, id: &str, film: &[u8]) {
        let size = film.len();
        let head = format!(
            "POST /api/v1/videos/{id}/source/replace-resumable\nContent-Type: application/json\n\
             X-Upload-Content-Length: {size}\nX-Upload-Content-Type: video/mp4"
        );
        let begun = self.request(&head, token, b"{\"filename\":\"b.mp4\"}");
        let at = begun.header("location").unwrap_or_else(|| panic!("{begun:?}"));
        let put = self.put(at, token, &format!("0-{}/{size}", size - 1), film);
        assert_eq!(put.status, 204, "{put:?}");
        self.wait_for(token, id);
    }

    /// Waits until an upload that is whole is published, and returns its video's id.
    fn finish(&self, token: &str, put: &Reply) -> String {
        let id = put.body["video"]["uuid"].as_str().unwrap_or_else(|| panic!("{put:?}")).to_owned();
        self.wait_for(token, &id);
        id
    }

    fn wait_for(&self, token: &str, id: &str) {
        let patience = Instant::now() + Duration::from_secs(120);
        let progress = || self.get(&format!("/api/shoal/v1/videos/{id}/progress"), token);
        loop {
            let told = progress();
            if told["stage"] == json!("published") {
                return;
            }
            assert!(told["stage"] != json!("failed") && Instant::now() < patience, "{told}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Where its owner is told that a video's master playlist is.
    fn master(&self, token: &str, id: &str) -> String {
        let video = self.get(&format!("/api/v1/videos/{id}"), token);
        let url = video["streamingPlaylists"][0]["playlistUrl"].as_str();
        let url = url.unwrap_or_else(|| panic!("{video}"));
        url[url.find("/hls/").unwrap()..].to_owned()
    }

    fn names(&self, token: &str) -> Vec<String> {
        let videos = self.get("/api/v1/videos", token);
        let mut names: Vec<String> = videos["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|video| video["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Shoal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shoal(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SHOAL_TRACKER_STUN_LISTEN", "")
        .env("SHOAL_IMPORT_PRESET", "ultrafast")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(arguments)
        .arg("--data")
        .arg(data);
    command
}

/// What a command of the host's prints, or its complaint.
fn run(arguments: &[&str], data: &Path) -> Result<String, String> {
    let output = shoal(arguments, data).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The word `command` with a folder.
fn with(command: &str, folder: &Path, data: &Path) -> Result<String, String> {
    run(&[command, folder.to_str().unwrap()], data)
}

/// A film of so many seconds.
fn film(folder: &Path, seconds: u32) -> Vec<u8> {
    let path = folder.join("film.mp4");
    let picture = format!("testsrc2=size=320x240:rate=25:duration={seconds}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture, "-pix_fmt", "yuv420p"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    fs::read(path).unwrap()
}

#[test]
fn what_a_running_server_has_goes_on_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    let film = film(place.path(), 1);
    let server = Shoal::start(&here);
    let root = server.password.clone().unwrap();
    let made = run(&["user", "create", "alice"], &here).unwrap();
    let password = made.lines().find_map(|line| line.strip_prefix("password: ")).unwrap();
    let alice = server.token("alice", password);
    let public = server.publish(&alice, "The sea", 1, &film);
    let private = server.publish(&alice, "The diary", 3, &film);
    let (size, half) = (film.len(), film.len() / 2);
    let at = server.announce(&alice, "The end", 1, size);
    server.put(&at, &alice, &format!("0-{}/{size}", half - 1), &film[..half]);
    let capability = server.master(&alice, &private);

    let said = with("backup", &kept, &here).unwrap();
    assert!(said.starts_with("kept 2 videos and 1 uploads, "), "{said}");
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others may read the backup");
    // What comes later isn't in it, and changes nothing of it.
    server.put(&at, &alice, &format!("{half}-{}/{size}", size - 1), &film[half..]);
    server.publish(&alice, "Too late", 1, &film);
    let deleted = server.request(&format!("DELETE /api/v1/videos/{public}"), &alice, b"");
    assert_eq!(deleted.status, 204);
    drop(server);

    let said = with("restore", &kept, &there).unwrap();
    assert!(said.starts_with("restored 2 videos and 1 uploads in "), "{said}");
    fs::remove_dir_all(&kept).unwrap();
    fs::remove_dir_all(&here).unwrap();
    let server = Shoal::start(&there);
    server.token("root", &root);
    let alice = server.token("alice", password);
    assert_eq!(server.names(&alice), ["The sea"]);
    let found = server.get("/api/v1/search/videos?search=sea", &alice);
    assert_eq!(found["total"], json!(1), "{found}");
    assert_eq!(server.status(&format!("/hls/{public}/g1-master.m3u8")), 200);
    assert_eq!(server.status(&format!("/hls/{public}/g1-240-fragmented.mp4")), 200);
    assert_eq!(server.status(&format!("/hls/{private}/g1-master.m3u8")), 404);
    assert_eq!(server.status(&server.master(&alice, &private)), 200);
    assert_eq!(server.status(&capability), 200, "it is signed with the same key");
    let asked = server.put(&at, &alice, &format!("*/{size}"), b"");
    assert_eq!(asked.header("range"), Some(&*format!("bytes=0-{}", half - 1)), "{asked:?}");
    let rest = server.put(&at, &alice, &format!("{half}-{}/{size}", size - 1), &film[half..]);
    server.finish(&alice, &rest);
    assert_eq!(server.names(&alice), ["The end", "The sea"]);
}

#[test]
fn a_video_in_the_making_is_made_again_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    let film = film(place.path(), 30);
    let server = Shoal::start(&here);
    let root = server.password.clone().unwrap();
    let token = server.token("root", &root);
    let at = server.announce(&token, "The sea", 3, film.len());
    let range = format!("0-{}/{}", film.len() - 1, film.len());
    let put = server.put(&at, &token, &range, &film);
    let id = put.body["video"]["uuid"].as_str().unwrap();
    with("backup", &kept, &here).unwrap();
    drop(server);

    with("restore", &kept, &there).unwrap();
    let server = Shoal::start(&there);
    let token = server.token("root", &root);
    server.wait_for(&token, id);
    assert_eq!(server.status(&format!("/hls/{id}/g1-master.m3u8")), 404);
    assert_eq!(server.status(&server.master(&token, id)), 200);
}

#[test]
fn files_that_are_younger_than_the_database_open_nothing_and_play() {
    let place = tempfile::tempdir().unwrap();
    let [here, old, kept, there] =
        ["here", "old", "kept", "there"].map(|name| place.path().join(name));
    let film = film(place.path(), 1);
    let server = Shoal::start(&here);
    let root = server.password.clone().unwrap();
    let token = server.token("root", &root);
    let id = server.publish(&token, "The diary", 3, &film);
    with("backup", &old, &here).unwrap();
    server.replace(&token, &id, &film);
    let change = json!({ "privacy": 1 }).to_string();
    let head = format!("PUT /api/v1/videos/{id}\nContent-Type: application/json");
    assert_eq!(server.request(&head, &token, change.as_bytes()).status, 204);
    let late = server.publish(&token, "Too late", 1, &film);
    assert_eq!(server.status(&format!("/hls/{id}/g2-master.m3u8")), 200);
    with("backup", &kept, &here).unwrap();
    drop(server);

    fs::copy(old.join("shoal.sqlite"), kept.join("shoal.sqlite")).unwrap();
    fs::remove_file(kept.join(format!("videos/{late}.json"))).unwrap();
    with("restore", &kept, &there).unwrap();
    let server = Shoal::start(&there);
    let token = server.token("root", &root);
    assert_eq!(server.status(&format!("/hls/{id}/g2-master.m3u8")), 404);
    let master = server.master(&token, &id);
    assert!(master.ends_with("/g2-master.m3u8"), "{master}");
    assert_eq!(server.status(&master), 200);
}

#[test]
fn what_would_be_mixed_or_is_no_backup_is_refused_and_stays() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    let refused = with("backup", &kept, &here).unwrap_err();
    assert!(refused.contains("holds no instance: name its folder with --data"), "{refused}");
    assert!(!here.exists() && !kept.exists());

    run(&["user", "create", "alice"], &here).unwrap();
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("holiday.txt"), "").unwrap();
    let refused = with("backup", &kept, &here).unwrap_err();
    assert!(refused.contains("has \"holiday.txt\" in it: name a folder"), "{refused}");
    let refused = with("restore", &kept, &there).unwrap_err();
    assert!(refused.contains("has no backup.json: it is no backup"), "{refused}");
    assert!(!there.exists());
    fs::remove_file(kept.join("holiday.txt")).unwrap();

    with("backup", &kept, &here).unwrap();
    let refused = with("backup", &kept, &here).unwrap_err();
    assert!(refused.contains("in it: name a folder"), "{refused}");
    let refused = with("restore", &kept, &here).unwrap_err();
    assert!(refused.contains("in it: name a folder"), "{refused}");
    let mut elsewhere = shoal(&["restore", kept.to_str().unwrap()], &there);
    elsewhere.env("SHOAL_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let refused = String::from_utf8(elsewhere.output().unwrap().stderr).unwrap();
    assert!(refused.contains("the backup has SQLite's database"), "{refused}");
    with("restore", &kept, &there).unwrap();
    let taken = run(&["user", "create", "alice"], &there).unwrap_err();
    assert!(taken.contains("is taken"), "{taken}");
}

#[test]
fn a_restore_that_is_killed_leaves_nothing_that_could_be_taken_for_an_instance() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    run(&["user", "create", "alice"], &here).unwrap();
    with("backup", &kept, &here).unwrap();
    // Whoever reads this waits until somebody writes it: there the restore is killed.
    let trap = kept.join("videos/trap.json");
    assert!(Command::new("mkfifo").arg(&trap).status().unwrap().success());
    let mut restore = shoal(&["restore", kept.to_str().unwrap()], &there).spawn().unwrap();
    let writing = fs::OpenOptions::new().write(true).open(&trap).unwrap();
    restore.kill().unwrap();
    restore.wait().unwrap();
    drop(writing);
    fs::remove_file(&trap).unwrap();

    let names: Vec<_> =
        fs::read_dir(&there).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["restoring"]);
    let elsewhere = place.path().join("elsewhere");
    for arguments in [
        &["user", "create", "bob"][..],
        &["user", "list"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["backup", elsewhere.to_str().unwrap()],
    ] {
        let refused = run(arguments, &there).unwrap_err();
        assert!(refused.contains("is half restored: remove what is in it"), "{refused}");
    }
    with("restore", &kept, &there).unwrap();
    let taken = run(&["user", "create", "alice"], &there).unwrap_err();
    assert!(taken.contains("is taken"), "{taken}");
    assert!(!there.join("restoring").exists());
}
