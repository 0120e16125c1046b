//! Plain requests to a server under measurement, as its clients send them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use crate::process::Server;

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("an answer is no JSON")
    }
}

pub(crate) fn get(server: &Server, path: &str, token: &str) -> anyhow::Result<Answer> {
    get_as(server, path, token, "Accept: */*")
}

/// With one more header.
pub(crate) fn get_as(
    server: &Server,
    path: &str,
    token: &str,
    header: &str,
) -> anyhow::Result<Answer> {
    read(begin(server, &format!("GET {path}\n{header}"), token, 0)?)
}

/// A method and a path, headers on lines of their own, and a body.
pub(crate) fn send(
    server: &Server,
    head: &str,
    token: &str,
    body: &[u8],
) -> anyhow::Result<Answer> {
    let mut stream = begin(server, head, token, body.len())?;
    stream.write_all(body)?;
    read(stream)
}

/// Sends the head of a request whose body has this length, as nobody where there is no token.
pub(crate) fn begin(
    server: &Server,
    head: &str,
    token: &str,
    length: usize,
) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
    if !token.is_empty() {
        headers += &format!("Authorization: Bearer {token}\r\n");
    }
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\
         Content-Length: {length}\r\n{headers}\r\n"
    )?;
    Ok(stream)
}

/// Reads an answer to its end.
pub(crate) fn read(mut stream: TcpStream) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no answer")?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes)?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Answer { status, head, body })
}

/// A token of the administrator, whose password is given.
pub(crate) fn log_in(server: &Server, password: &str) -> anyhow::Result<String> {
    let client = get(server, "/api/v1/oauth-clients/local", "")?.json()?;
    let text = |key: &str| client[key].as_str().unwrap_or_default().to_owned();
    let form = format!(
        "client_id={}&client_secret={}&grant_type=password&username=root&password={password}",
        text("client_id"),
        text("client_secret")
    );
    let head = "POST /api/v1/users/token\nContent-Type: application/x-www-form-urlencoded";
    let told = send(server, head, "", form.as_bytes())?.json()?;
    Ok(told["access_token"].as_str().with_context(|| format!("no token: {told}"))?.to_owned())
}

/// Longer than a whole upload takes to be looked at.
const PATIENCE: Duration = Duration::from_secs(120);
