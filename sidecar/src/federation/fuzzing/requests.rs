//! Requests with signatures that were really made, and whatever becomes of them: what is believed after a change is what was signed.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::Value;

use crate::federation::key::PublicKey;
use crate::federation::signature::{Claim, Request};

/// A request as text: method and target, a header on each line, an empty line, the body.
///
/// # Panics
/// When a signature is believed that nobody made, or of something else than was signed.
pub fn requests(bytes: &[u8]) {
    let Some(raw) = Raw::read(bytes) else { return };
    for receiver in RECEIVERS.iter() {
        receiver.believes(&raw);
    }
}

/// What comes in.
#[derive(Debug)]
pub(super) struct Raw {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Raw {
    pub(super) fn read(bytes: &[u8]) -> Option<Raw> {
        let end = bytes.windows(2).position(|two| two == b"\n\n")?;
        let mut lines = bytes.get(..end)?.split(|byte| *byte == b'\n');
        let (method, target) = str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
        let target: Uri = target.parse().ok()?;
        let mut headers = HeaderMap::new();
        for line in lines.take(MOST_LINES) {
            let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
            let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
            headers.append(HeaderName::from_bytes(name).ok()?, value);
        }
        Some(Raw {
            method: method.parse().ok()?,
            target: target.path_and_query()?.as_str().to_owned(),
            headers,
            body: bytes.get(end + 2..)?.to_vec(),
        })
    }

    fn as_of<'a>(&'a self, authority: &'a str) -> Request<'a> {
        Request {
            method: &self.method,
            target: &self.target,
            headers: &self.headers,
            body: &self.body,
            authority,
        }
    }

    /// As it is read.
    #[cfg(test)]
    pub(super) fn written(&self) -> Vec<u8> {
        let mut bytes = format!("{} {}\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
        }
        bytes.push(b'\n');
        bytes.extend(&self.body);
        bytes
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

/// A server that signed requests came to, at its time, and whose keys it knows.
pub(super) struct Receiver {
    authority: &'static str,
    now: SystemTime,
    keys: Vec<PublicKey>,
    pub(super) sent: Vec<Raw>,
}

impl Receiver {
    /// Whether what comes in is signed by somebody who is known.
    pub(super) fn believes(&self, raw: &Raw) -> bool {
        let Ok(claim) = Claim::read(&raw.as_of(self.authority), self.now) else { return false };
        if !self.keys.iter().any(|key| claim.is_of(key)) {
            return false;
        }
        let is_same = |sent: &&Raw| {
            let sent = Claim::read(&sent.as_of(self.authority), self.now);
            sent.is_ok_and(|sent| sent.mark() == claim.mark())
        };
        let signed = self.sent.iter().find(is_same).expect("nobody made this signature");
        assert_eq!((&raw.method, raw.path()), (&signed.method, signed.path()));
        assert_eq!(raw.body, signed.body);
        // The draft leaves it open whether a query is signed.
        if raw.headers.contains_key("signature-input") {
            assert_eq!(raw.target, signed.target);
        }
        true
    }

    fn of_stranger(text: &str) -> Receiver {
        let told: Value = serde_json::from_str(text).expect("a fixture is JSON");
        let created = Duration::from_secs(told["created"].as_u64().unwrap_or_default());
        let sent = told["requests"].as_array().into_iter().flatten();
        Receiver {
            authority: "one.example",
            now: SystemTime::UNIX_EPOCH + created,
            keys: vec![key(&told["key"])],
            sent: sent.map(|one| raw(one, ["target", "headers", "body"])).collect(),
        }
    }

    fn of_peertube(authority: &'static str, recorded: &[Value]) -> Receiver {
        let actors = recorded.iter().map(|one| &one["resBody"]["publicKey"]["publicKeyPem"]);
        let is_signed = |one: &&Value| {
            one["reqHeaders"]["host"] == authority && one["reqHeaders"]["signature"].is_string()
        };
        let signed: Vec<&Value> = recorded.iter().filter(is_signed).collect();
        let first = signed.first().and_then(|one| crate::when::parse(one["t"].as_str()?));
        let first = first.expect("somebody wrote to them").unsigned_abs();
        let mut keys: Vec<PublicKey> = actors.filter(|pem| pem.is_string()).map(key).collect();
        keys.sort_by_key(|key| format!("{key:?}"));
        keys.dedup();
        Receiver {
            authority,
            now: SystemTime::UNIX_EPOCH + Duration::from_millis(first),
            keys,
            sent: signed.iter().map(|one| raw(one, ["url", "reqHeaders", "rawBody"])).collect(),
        }
    }
}

fn key(pem: &Value) -> PublicKey {
    PublicKey::read(pem.as_str().unwrap_or_default()).expect("a fixture has its key")
}

/// A request of a fixture, whose names for its parts are these.
fn raw(told: &Value, [target, headers, body]: [&str; 3]) -> Raw {
    let text = |name: &str| told[name].as_str().unwrap_or_default();
    let mut written = format!("{} {}\n", text("method"), text(target)).into_bytes();
    for (name, value) in told[headers].as_object().into_iter().flatten() {
        written.extend(format!("{name}: {}\n", value.as_str().unwrap_or_default()).bytes());
    }
    written.push(b'\n');
    written.extend(text(body).bytes());
    Raw::read(&written).expect("a fixture is a request")
}

fn recorded() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/federation");
    let files = std::fs::read_dir(folder).expect("the fixtures are there");
    let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    let read = |path| serde_json::from_slice(&std::fs::read(path).ok()?).ok();
    paths.iter().filter_map(read).collect()
}

/// Two PeerTubes, and one whom strangers wrote to in every form that there is.
pub(super) static RECEIVERS: LazyLock<Vec<Receiver>> = LazyLock::new(|| {
    let recorded = recorded();
    vec![
        Receiver::of_stranger(include_str!("../../../fixtures/signatures/standard.json")),
        Receiver::of_stranger(include_str!("../../../fixtures/signatures/forms.json")),
        Receiver::of_peertube("127.0.0.1:9000", &recorded),
        Receiver::of_peertube("127.0.0.1:9010", &recorded),
    ]
});

/// More than any request has.
const MOST_LINES: usize = 64;
