//! Mail of a running `shoal serve`, against a mail server that refuses, is killed before, or looks for more letters in one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// What a mail server heard in one connection, after its greeting.
#[derive(Debug, Clone, Default)]
struct Heard {
    commands: Vec<String>,
    recipients: Vec<String>,
    /// The letter, as it came, dots and all.
    letter: String,
    /// Commands after it.
    after: Vec<String>,
}

/// A mail server that answers recipients with `verdict`.
struct Sink {
    port: u16,
    verdict: Arc<Mutex<&'static str>>,
    heard: Receiver<Heard>,
}

impl Sink {
    fn start(verdict: &'static str) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let verdict = Arc::new(Mutex::new(verdict));
        let (tell, heard) = mpsc::channel();
        let shared = Arc::clone(&verdict);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let verdict = *shared.lock().unwrap();
                // Whoever hangs up in between has been killed.
                let _ = talk(stream.unwrap(), verdict, &tell);
            }
        });
        Sink { port, verdict, heard }
    }

    fn next(&self) -> Heard {
        self.heard.recv_timeout(Duration::from_secs(60)).unwrap()
    }
}

fn talk(stream: TcpStream, verdict: &str, tell: &Sender<Heard>) -> std::io::Result<()> {
    let mut answers = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    let mut heard = Heard::default();
    let mut is_told = false;
    answers.write_all(b"220 sink\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            break;
        }
        let command = line.trim_end().to_owned();
        if command != "QUIT" {
            heard.commands.push(command.clone());
        }
        if is_told && command != "QUIT" {
            heard.after.push(command.clone());
        }
        let answer = match command.get(..4) {
            Some("RCPT") => {
                heard.recipients.push(command);
                verdict
            }
            Some("DATA") => {
                answers.write_all(b"354 go on\r\n")?;
                while !heard.letter.ends_with("\r\n.\r\n") {
                    lines.read_line(&mut heard.letter)?;
                }
                is_told = true;
                "250 taken"
            }
            Some("QUIT") => break,
            _ => "250 sink",
        };
        answers.write_all(answer.as_bytes())?;
        answers.write_all(b"\r\n")?;
    }
    let _ = answers.write_all(b"221 bye\r\n");
    let _ = tell.send(heard);
    Ok(())
}

/// A running `shoal serve` or a part of it, killed with the test.
struct Shoal {
    child: Child,
    address: String,
    said: BufReader<ChildStdout>,
    /// A file: a pipe that nobody reads would keep it waiting.
    log: PathBuf,
}

impl Shoal {
    fn start(data: &Path, sink: &Sink, settings: &[(&str, &str)]) -> Shoal {
        Shoal::start_part("serve", data, sink, settings)
    }

    /// The whole, or a part of it.
    fn start_part(part: &str, data: &Path, sink: &Sink, settings: &[(&str, &str)]) -> Shoal {
        let log = data.join("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_shoal"))
            .args([part, "--verbose", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .current_dir(data)
            .env("RUST_LOG", "trace")
            .env("SHOAL_TRACKER_STUN_LISTEN", "")
            .env("SHOAL_SMTP_HOST", "127.0.0.1")
            .env("SHOAL_SMTP_PORT", sink.port.to_string())
            .env("SHOAL_SMTP_TLS", "off")
            .env("SHOAL_SMTP_FROM", "Videos <videos@example.org>")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.split(['/', ',']).nth(2).expect("an address").to_owned();
        Shoal { child, address, said, log }
    }

    /// The password that a first start tells.
    fn password(&mut self) -> String {
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            self.said.read_line(line).unwrap();
        }
        lines[1].trim_end().strip_prefix("password: ").unwrap().to_owned()
    }

    fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let shown = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        let (body, kind) = match body {
            Value::String(form) => (form.clone(), "application/x-www-form-urlencoded"),
            body => (body.to_string(), "application/json"),
        };
        write!(
            stream,
            "POST /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{shown}\
             Accept-Language: fr-CH, en;q=0.5\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// An access token of `root`.
    fn root(&mut self) -> String {
        let password = self.password();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET /api/v1/oauth-clients/local HTTP/1.0\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let client: Value = serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap();
        let (id, secret) = (client["client_id"].as_str(), client["client_secret"].as_str());
        let form = format!(
            "client_id={}&client_secret={}&grant_type=password&username=root&password={password}",
            id.unwrap(),
            secret.unwrap()
        );
        let (_, token) = self.post("users/token", "", &form.into());
        token["access_token"].as_str().unwrap().to_owned()
    }

    /// Kills it at once, as a power cut does; returns its log.
    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Shoal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_letter_outlives_kill_9_and_its_address_is_in_no_log() {
    let data = tempfile::tempdir().unwrap();
    let sink = Sink::start("451 <alice@example.org> try again");
    let settings = [
        ("SHOAL_ACCOUNTS_REGISTRATION", "open"),
        ("SHOAL_ACCOUNTS_REQUIRES_EMAIL_VERIFICATION", "true"),
    ];
    let shoal = Shoal::start(data.path(), &sink, &settings);
    let alice =
        json!({ "username": "alice", "email": "alice@example.org", "password": "correct horse" });
    assert_eq!(shoal.post("users/register", "", &alice).0, 204);
    assert_eq!(sink.next().recipients, ["RCPT TO:<alice@example.org>"]);
    // The second letter is tried after the first is put off, so the log has that by now.
    let bob = json!({ "username": "bob", "email": "bob@example.org", "password": "correct horse" });
    assert_eq!(shoal.post("users/register", "", &bob).0, 204);
    assert_eq!(sink.next().recipients, ["RCPT TO:<bob@example.org>"]);
    let before = shoal.kill();
    *sink.verdict.lock().unwrap() = "250 fine";
    let shoal = Shoal::start(data.path(), &sink, &settings);
    let heard = sink.next();
    assert!(
        heard.letter.contains("Subject: Confirmez votre adresse pour Shoal\r\n"),
        "{}",
        heard.letter
    );
    assert!(heard.letter.contains("Auto-Submitted: auto-generated\r\n"));
    sink.next();
    // For good this time, with the address in the mail server's words.
    *sink.verdict.lock().unwrap() = "550 5.1.1 <alice@example.org> is not known here";
    let body = json!({ "email": "alice@example.org" });
    assert_eq!(shoal.post("users/ask-reset-password", "", &body).0, 204);
    sink.next();
    assert_eq!(shoal.post("users/ask-reset-password", "", &body).0, 204);
    sink.next();
    let after = shoal.kill();
    assert!(after.contains("a letter is given up: the mail server answers 550"), "{after}");
    assert!(
        before.contains("a letter is tried again later: the mail server answers 451"),
        "{before}"
    );
    for log in [before, after] {
        assert!(!log.contains("alice@") && !log.contains("verificationString"), "{log}");
    }
}

#[test]
fn the_sidecar_alone_sends_what_it_promises() {
    let data = tempfile::tempdir().unwrap();
    let sink = Sink::start("250 fine");
    let settings = [
        ("SHOAL_ACCOUNTS_REGISTRATION", "open"),
        ("SHOAL_ACCOUNTS_REQUIRES_EMAIL_VERIFICATION", "true"),
    ];
    let shoal = Shoal::start_part("sidecar", data.path(), &sink, &settings);
    let alice =
        json!({ "username": "alice", "email": "alice@example.org", "password": "correct horse" });
    assert_eq!(shoal.post("users/register", "", &alice).0, 204);
    assert_eq!(sink.next().recipients, ["RCPT TO:<alice@example.org>"]);
    let log = shoal.kill();
    assert!(log.contains("links in mails begin with http://127.0.0.1:"), "{log}");
}

#[test]
fn nothing_that_people_write_ends_a_letter_or_adds_a_reader() {
    let data = tempfile::tempdir().unwrap();
    let sink = Sink::start("250 fine");
    let mut shoal =
        Shoal::start(data.path(), &sink, &[("SHOAL_ACCOUNTS_REGISTRATION", "approval")]);
    let root = shoal.root();
    let asked = json!({
        "username": "alice", "email": "alice@example.org", "password": "correct horse",
        "displayName": "Bcc: eve@example.org", "registrationReason": "I film trains",
    });
    let (status, asked) = shoal.post("users/registrations/request", "", &asked);
    assert_eq!(status, 200, "{asked}");
    let said = "No.\r\n.\r\nMAIL FROM:<eve@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nBcc: eve@example.org\n.\nx\r.\ry";
    let path = format!("users/registrations/{}/reject", asked["id"]);
    assert_eq!(shoal.post(&path, &root, &json!({ "moderationResponse": said })).0, 204);
    let heard = sink.next();
    assert_eq!(heard.recipients, ["RCPT TO:<alice@example.org>"]);
    assert_eq!(heard.after, Vec::<String>::new(), "all of it was one letter");
    let (head, body) = heard.letter.split_once("\r\n\r\n").unwrap();
    // The message's id may well have these letters in it.
    let is_copied = |line: &str| line.to_lowercase().starts_with("bcc");
    assert!(!head.lines().any(is_copied), "{head}");
    assert!(body.contains("RCPT TO:<bob@example.org>"), "{body}");
    assert_eq!(body.matches("\r\n.\r\n").count(), 1, "{body:?}");
    let bare = body.replace("\r\n", "");
    assert!(
        !bare.contains(['\r', '\n']),
        "no line ends in a way that some servers take for one: {body:?}"
    );
}

#[test]
fn nothing_is_said_to_a_mail_server_that_offers_no_secrecy() {
    let data = tempfile::tempdir().unwrap();
    let sink = Sink::start("250 fine");
    let settings = [
        ("SHOAL_ACCOUNTS_REGISTRATION", "open"),
        ("SHOAL_SMTP_TLS", "starttls"),
        ("SHOAL_SMTP_USER", "shoal"),
        ("SHOAL_SMTP_PASSWORD", "a secret of the mail server"),
    ];
    let mut shoal = Shoal::start(data.path(), &sink, &settings);
    let root = shoal.root();
    let password = "correct horse";
    let alice = json!({ "username": "alice", "email": "alice@example.org", "password": password });
    assert_eq!(shoal.post("users/register", &root, &alice).0, 204);
    let body = json!({ "email": "alice@example.org" });
    assert_eq!(shoal.post("users/ask-reset-password", "", &body).0, 204);
    let heard = sink.next();
    assert!(heard.recipients.is_empty() && heard.letter.is_empty(), "{heard:?}");
    assert!(heard.commands.iter().all(|command| command.starts_with("EHLO")), "{heard:?}");
}
