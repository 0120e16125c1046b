//! A running `shoal`, ended with its test; requests to it, and how a test waits for what it does by itself.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::fs::inotify;
use serde_json::{Value, json};

/// A server, ended with the test.
pub(crate) struct Shoal {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// Of a first start.
    pub(crate) password: Option<String>,
    /// What it has still to say on its standard output.
    pub(crate) said: BufReader<ChildStdout>,
    data: PathBuf,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) bytes: Vec<u8>,
    /// The same, where it is JSON.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Shoal {
    /// `shoal serve` on a data folder, with these variables.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> Shoal {
        let is_first = !data.join("shoal.sqlite").exists();
        let mut serve = shoal(&["serve", "--listen", "127.0.0.1:0"], data);
        let mut server = Shoal::spawn(serve.envs(settings.iter().copied()), data);
        if is_first {
            server.hear_password();
        }
        server
    }

    /// One that logs all it can, for the first time.
    pub(crate) fn talkative(listen: &str, data: &Path) -> Shoal {
        let mut serve = shoal(&["serve", "--verbose", "--listen", listen], data);
        let mut server = Shoal::spawn(serve.env("RUST_LOG", "trace"), data);
        server.hear_password();
        server
    }

    fn hear_password(&mut self) {
        let mut lines = self.said.by_ref().lines().map(Result::unwrap);
        assert_eq!(lines.next().unwrap(), "administrator: root");
        self.password = Some(password_in(&lines.next().unwrap()));
    }

    /// A command that serves this data folder, as soon as it says where. Its log is in the folder.
    pub(crate) fn spawn(command: &mut Command, data: &Path) -> Shoal {
        fs::create_dir_all(data).unwrap();
        let log = File::create(data.join("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.split(['/', ',']).nth(2).expect("an address").to_owned();
        Shoal { child, address, password: None, said, data: data.to_owned() }
    }

    /// Ends it as a loss of power would; what it logged.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::read_to_string(self.data.join("log")).unwrap()
    }

    /// Asks, as whoever has this token: a method and a path, then headers on lines of their own.
    pub(crate) fn request(&self, head: &str, token: &str, body: &[u8]) -> Reply {
        let mut stream = self.begin(head, token, body.len());
        // Whoever is refused needn't have sent all of it.
        let _ = stream.write_all(body);
        read(stream)
    }

    /// Sends the head of a request whose body has this length.
    pub(crate) fn begin(&self, head: &str, token: &str, length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (method, rest) = head.split_once(' ').unwrap();
        let (path, headers) = rest.split_once('\n').unwrap_or((rest, ""));
        let mut lines: Vec<String> = headers.lines().map(str::to_owned).collect();
        if !headers.starts_with("Host: ") {
            lines.push("Host: localhost".to_owned());
        }
        if !token.is_empty() {
            lines.push(format!("Authorization: Bearer {token}"));
        }
        let lines = lines.join("\r\n");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\n{lines}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Reply {
        self.request(&format!("GET {path}"), token, b"")
    }

    /// Asks as somebody who isn't known.
    pub(crate) fn page(&self, path: &str) -> Reply {
        self.get(path, "")
    }

    /// The status alone, for somebody who isn't known.
    pub(crate) fn status(&self, path: &str) -> u16 {
        self.request(&format!("HEAD {path}"), "", b"").status
    }

    /// A login from an address that the proxy tells.
    pub(crate) fn log_in_from(&self, address: &str, name: &str, password: &str) -> Reply {
        let client = self.page("/api/v1/oauth-clients/local").body;
        let text = |key: &str| client[key].as_str().unwrap().to_owned();
        let form = format!(
            "client_id={}&client_secret={}&grant_type=password&username={name}&password={password}",
            text("client_id"),
            text("client_secret")
        );
        let head = format!(
            "POST /api/v1/users/token\nX-Forwarded-For: {address}\n\
             Content-Type: application/x-www-form-urlencoded"
        );
        self.request(&head, "", form.as_bytes())
    }

    pub(crate) fn token(&self, name: &str, password: &str) -> String {
        let reply = self.log_in_from("198.51.100.7", name, password);
        reply.body["access_token"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
    }

    /// The administrator's, after a first start.
    pub(crate) fn root(&self) -> String {
        self.token("root", self.password.as_deref().unwrap())
    }

    /// Begins an upload: its address is in the answer.
    pub(crate) fn announce(&self, token: &str, bytes: usize, video: &Value) -> Reply {
        let head = format!(
            "POST {RESUMABLE}\nContent-Type: application/json\nX-Upload-Content-Length: {bytes}\n\
             X-Upload-Content-Type: video/mp4"
        );
        self.request(&head, token, video.to_string().as_bytes())
    }

    /// Begins an upload that is taken, and returns its address.
    pub(crate) fn upload(&self, token: &str, bytes: usize, video: &Value) -> String {
        let begun = self.announce(token, bytes, video);
        assert_eq!(begun.status, 201, "{begun:?}");
        begun.header("location").unwrap().to_owned()
    }

    pub(crate) fn put(&self, location: &str, token: &str, range: &str, body: &[u8]) -> Reply {
        self.request(&format!("PUT {location}\nContent-Range: bytes {range}"), token, body)
    }

    /// Sends a whole file to an upload's address.
    pub(crate) fn put_all(&self, location: &str, token: &str, file: &[u8]) -> Reply {
        let size = file.len();
        self.put(location, token, &format!("0-{}/{size}", size - 1), file)
    }

    /// Has another file take the place of a video's.
    pub(crate) fn replace(&self, token: &str, id: &str, file: &[u8]) {
        let head = format!(
            "POST /api/v1/videos/{id}/source/replace-resumable\nContent-Type: application/json\n\
             X-Upload-Content-Length: {}\nX-Upload-Content-Type: video/mp4",
            file.len()
        );
        let begun = self.request(&head, token, b"{\"filename\":\"b.mp4\"}");
        assert_eq!(begun.status, 201, "{begun:?}");
        let put = self.put_all(begun.header("location").unwrap(), token, file);
        assert_eq!(put.status, 204, "{put:?}");
    }

    /// What its owner is told of a video, as soon as it is of one of these stages.
    #[track_caller]
    pub(crate) fn wait_for(&self, video: &str, token: &str, stages: &[&str]) -> Value {
        self.until(|| {
            let told = self.get(&format!("/api/shoal/v1/videos/{video}/progress"), token);
            assert_eq!(told.status, 200, "{told:?}");
            let is_there = stages.contains(&told.body["stage"].as_str().unwrap());
            if is_there { Ok(told.body) } else { Err(told.body) }
        })
    }

    /// Where its owner is told that a video's master playlist is.
    pub(crate) fn master(&self, token: &str, id: &str) -> String {
        let video = self.get(&format!("/api/v1/videos/{id}"), token).body;
        let url = video["streamingPlaylists"][0]["playlistUrl"].as_str();
        let url = url.unwrap_or_else(|| panic!("{video}"));
        url[url.find("/hls/").unwrap()..].to_owned()
    }

    /// Looks again whenever something has changed in the data folder, until what is looked for is there.
    #[track_caller]
    pub(crate) fn until<T, F: std::fmt::Debug>(&self, look: impl FnMut() -> Result<T, F>) -> T {
        until(&self.data, look)
    }
}

impl Drop for Shoal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command in a folder and an environment without a configuration, on this data folder.
pub(crate) fn shoal(words: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("SHOAL_TRACKER_STUN_LISTEN", "")
        .env("SHOAL_IMPORT_PRESET", "ultrafast")
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .args(words)
        .arg("--data")
        .arg(data);
    command
}

/// What a command of the host's prints, or its complaint.
pub(crate) fn run(words: &[&str], data: &Path) -> Result<String, String> {
    let output = shoal(words, data).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The password that a command or a first start prints.
pub(crate) fn password_in(printed: &str) -> String {
    printed.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned()
}

/// Reads an answer to its end.
pub(crate) fn read(mut stream: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A refused body may end in a reset, behind the answer.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let bytes = bytes.split_off(end + 4);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Reply { status, head, bytes, body }
}

/// Looks again whenever something has changed in a data folder, until what is looked for is there.
///
/// The database, uploads and records are files, so that hardly anything happens without a change of one. What a server merely
/// forgets after a while is looked for again all the same.
#[track_caller]
pub(crate) fn until<T, F: std::fmt::Debug>(
    data: &Path,
    mut look: impl FnMut() -> Result<T, F>,
) -> T {
    let patience = Instant::now() + PATIENCE;
    let changes = watch(data);
    loop {
        match look() {
            Ok(found) => return found,
            Err(found) => assert!(Instant::now() < patience, "it never came: {found:?}"),
        }
        let _ = changes.recv_timeout(QUIET);
        while changes.try_recv().is_ok() {}
    }
}

/// Tells of each change of a file in a data folder or one level below.
fn watch(data: &Path) -> mpsc::Receiver<()> {
    let watched = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    let below = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    for folder in below.filter(|path| path.is_dir()).chain([data.to_owned()]) {
        use inotify::WatchFlags;
        let changes =
            WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        inotify::add_watch(&watched, folder, changes).unwrap();
    }
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut events = [0; 4096];
        let mut watched = File::from(watched);
        while watched.read(&mut events).is_ok() && sender.send(()).is_ok() {}
    });
    receiver
}

/// A film of so many seconds.
pub(crate) fn film(folder: &Path, seconds: u32) -> Vec<u8> {
    let path = folder.join("film.mp4");
    let picture = format!("testsrc2=size=320x240:rate=25:duration={seconds}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture, "-pix_fmt", "yuv420p"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    fs::read(path).unwrap()
}

/// What an upload will be, in a channel.
pub(crate) fn video(channel: i64) -> Value {
    json!({ "filename": "../../film.mp4", "name": "The sea", "channelId": channel, "privacy": 1 })
}

/// Of the video that a whole upload became.
pub(crate) fn uuid(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["video"]["uuid"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

pub(crate) const RESUMABLE: &str = "/api/v1/videos/upload-resumable";
/// Accounts and channels are numbered together: root's account is 1.
pub(crate) const ROOTS_CHANNEL: i64 = 2;
/// Longer than any of these films takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// As often as what needs no file is looked for.
const QUIET: Duration = Duration::from_millis(250);
