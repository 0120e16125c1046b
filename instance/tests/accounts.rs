//! Accounts of a running `shoal serve` over HTTP, and the commands about users beside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed, helpers included")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running `shoal serve`, ended with the test.
struct Shoal {
    child: Child,
    address: String,
    said: BufReader<ChildStdout>,
}

struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Shoal {
    fn start(data: &Path) -> Shoal {
        let mut child = shoal(&["serve", "--verbose", "--listen", "127.0.0.1:0"], data)
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.split(['/', ',']).nth(2).expect("an address").to_owned();
        Shoal { child, address, said }
    }

    /// The password that a first start tells.
    fn password(&mut self) -> String {
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            self.said.read_line(line).unwrap();
        }
        assert_eq!(lines[0], "administrator: root\n");
        lines[1].trim_end().strip_prefix("password: ").unwrap().to_owned()
    }

    fn send(&self, head: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        // Whoever is told that a body is too long needn't have sent all of it.
        let _ = stream.write_all(body);
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = serde_json::from_str(body).unwrap_or_default();
        Reply { status, head: head.to_owned(), body }
    }

    fn get(&self, path: &str, token: &str) -> Reply {
        self.send(&format!("GET /api/v1/{path} HTTP/1.1\r\nAuthorization: Bearer {token}"), b"")
    }

    /// As somebody whom the proxy calls by this address.
    fn log_in_from(&self, address: &str, name: &str, password: &str) -> Reply {
        let client = self.get("oauth-clients/local", "").body;
        let (id, secret) =
            (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
        let form = format!(
            "client_id={id}&client_secret={secret}&grant_type=password&username={name}&password={password}"
        );
        let head = format!(
            "POST /api/v1/users/token HTTP/1.1\r\nX-Forwarded-For: {address}\r\n\
             Content-Type: application/x-www-form-urlencoded"
        );
        self.send(&head, form.as_bytes())
    }

    fn log_in(&self, name: &str, password: &str) -> Reply {
        self.log_in_from("198.51.100.7", name, password)
    }

    fn token(&self, name: &str, password: &str) -> String {
        let reply = self.log_in(name, password);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Ends it as a loss of power would, and returns what it logged.
    fn kill(mut self) -> String {
        self.child.kill().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
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

fn password_in(printed: &str) -> String {
    printed.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned()
}

#[test]
fn the_first_start_tells_a_password_and_kill_9_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Shoal::start(data.path());
    let password = server.password();
    let token = server.token("root", &password);
    let me = server.get("users/me", &token);
    assert_eq!((me.status, &me.body["role"]["label"]), (200, &json!("Administrator")));
    server.kill();
    for file in ["shoal.sqlite", "shoal.sqlite-wal"] {
        let mode = fs::metadata(data.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read {file}");
    }
    let mut server = Shoal::start(data.path());
    assert_eq!(server.get("users/me", &token).status, 200);
    server.token("root", &password);
    server.child.kill().unwrap();
    let mut rest = String::new();
    server.said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "the second start tells no password");
}

#[test]
fn users_are_made_and_given_passwords_beside_the_running_server() {
    let data = tempfile::tempdir().unwrap();
    let made = ["user", "create", "alice", "--role", "moderator", "--email", "Alice@example.org"];
    let before = password_in(&run(&made, data.path()).unwrap());
    let server = Shoal::start(data.path());
    let token = server.token("alice", &before);
    let me = server.get("users/me", &token).body;
    assert_eq!(
        (&me["role"]["label"], &me["email"]),
        (&json!("Moderator"), &json!("alice@example.org"))
    );
    let after = password_in(&run(&["user", "reset-password", "alice"], data.path()).unwrap());
    assert_eq!(server.get("users/me", &token).status, 401);
    assert_eq!(server.log_in("alice", &before).status, 400);
    server.token("alice@example.org", &after);
    let lost = run(&["user", "disable-two-factor", "alice"], data.path()).unwrap();
    assert_eq!(lost, "username: alice\ntwo-factor: off\n");
    for (arguments, complaint) in [
        (&made[..3], "taken"),
        (&["user", "create", "bob", "--email", "alice@example.org"], "taken"),
        (&["user", "create", "Bob"], "may have a-z"),
        (&["user", "create", "bob", "--role", "king"], "administrator, moderator, user"),
        (&["user", "create", "bob", "--email", "nobody"], "must be an e-mail address"),
        (&["user", "reset-password", "bob"], "there is no user bob"),
        (&["user", "disable-two-factor", "bob"], "there is no user bob"),
    ] {
        let error = run(arguments, data.path()).unwrap_err();
        assert!(error.contains(complaint), "{arguments:?}: {error}");
    }
}

#[test]
fn guesses_are_counted_for_each_address_and_no_address_is_logged() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Shoal::start(data.path());
    let password = server.password();
    let guess =
        |address: &str, no: u32| server.log_in_from(address, &format!("user{no}"), "guess").status;
    let refused = (0..40).position(|no| guess("203.0.113.77", no) == 429);
    assert!(refused.is_some_and(|no| no >= 20), "{refused:?}");
    let refused = server.log_in_from("203.0.113.77", "root", &password);
    assert!(refused.head.to_lowercase().contains("\r\nretry-after: "), "{}", refused.head);
    assert_eq!(guess("203.0.113.78", 0), 400);
    let log = server.kill();
    assert!(log.contains("wrong name or password"), "{log}");
    for secret in ["203.0.113.77", "198.51.100.7", "guess", "user17", &password] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn what_nobody_should_send_is_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Shoal::start(data.path());
    let password = server.password();
    let token = server.token("root", &password);
    let put = |kind: &str, body: &[u8]| {
        let head = format!(
            "PUT /api/v1/users/me HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: {kind}"
        );
        server.send(&head, body)
    };
    assert_eq!(put("application/json", &vec![b' '; 70_000]).status, 413);
    assert_eq!(put("text/plain", b"a").status, 415);
    assert_eq!(put("application/json", b"{\"a\"").status, 400);
    let split = put("application/json", br#"{"displayName":"a\r\nSet-Cookie: b=c"}"#);
    assert_eq!(split.body["detail"], "Incorrect request parameters: displayName");
    assert!(!split.head.contains("Set-Cookie"), "{}", split.head);
    for path in ["users/me%0d%0aSet-Cookie:%20a=b", "users/..%2fme", "users/me;a", "users/me/x"] {
        let reply = server.get(path, &token);
        assert_eq!((reply.status, reply.head.contains("Set-Cookie")), (404, false), "{path}");
    }
    for token in ["' OR 1=1 --", "%", "", &"x".repeat(8_000)] {
        assert_eq!(server.get("users/me", token).status, 401);
    }
    assert_eq!(server.get("users/me", &token).status, 200);
}
