//! The door to other hosts: the one way in which anything of ours fetches from elsewhere.
//!
//! ```text
//! an address ──▶ https, port 443, no password in it ──▶ its name's addresses, all of them public ──▶ one of those, by TLS
//!      ▲                                                                                                   │
//!      └─────────────── a redirect goes the same way from its beginning ◀──────────────────────────────────┘
//! ```
//! The addresses that were looked at are those that are connected to: a name isn't asked twice. Every step has a bound, and
//! the body comes piece by piece, so that a large file is never in memory.

mod reach;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;
pub use url::Url;

use crate::config::Outbound;

/// The door of one instance.
#[derive(Clone)]
pub struct Door {
    rules: Rules,
    tls: TlsConnector,
    user_agent: HeaderValue,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// What is asked of another host.
#[derive(Debug, Clone)]
pub struct Ask {
    /// GET or POST.
    pub method: AskMethod,
    /// Of whom, and what.
    pub url: Url,
    /// Beside those that the door says by itself; all but `Accept` and what asks for a range are for the first host alone.
    pub headers: HeaderMap,
    /// What is sent; of GET nothing.
    pub body: Bytes,
}

/// The two methods that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskMethod {
    /// Redirects are followed.
    Get,
    /// Redirects are not followed: what is posted is signed for one host.
    Post,
}

/// How much of another host's time and bytes is taken.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Of the body.
    pub bytes: u64,
    /// For a connection, its name looked up and TLS agreed.
    pub connect: Duration,
    /// From a connection to the head of the answer.
    pub first_byte: Duration,
    /// Between two pieces of the body.
    pub pause: Duration,
    /// For all of it.
    pub whole: Duration,
    /// Bytes in a second, once the body has come for [`GRACE`]; slower ones only hold a connection.
    pub least_rate: u64,
    /// Redirects that are followed.
    pub redirects: u8,
    /// Whether an answer of a media type, in lower case and without parameters, is wanted; of none, it is empty.
    pub is_wanted: fn(&str) -> bool,
}

/// How many requests a job may still make, so that no answer of others makes it ask for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub u32);

/// The answer of another host, whose body comes piece by piece.
pub struct Answer {
    /// As it was said; a redirect is one that wasn't followed.
    pub status: StatusCode,
    /// As they were said.
    pub headers: HeaderMap,
    /// Who answered, after redirects.
    pub url: Url,
    body: Incoming,
    bounds: Bounds,
    received: u64,
    begun: Instant,
    deadline: Instant,
    _connection: Connection,
}

/// Why there is no answer, sorted by blame: who asks, who answers, then our own bounds.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// Not an address that is fetched from.
    #[error("the address {0}")]
    Address(&'static str),
    /// It leads into a network that isn't everybody's.
    #[error("{0} is in a network that is not public")]
    Private(String),
    /// No such name, or nobody there.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, std::io::Error),
    /// Not who they should be, or no TLS.
    #[error("no secure connection to {0}: {1}")]
    Tls(String, std::io::Error),
    /// Not HTTP, or broken off.
    #[error("{0} does not answer as it should: {1}")]
    Broken(String, hyper::Error),
    /// Something else than what was wanted.
    #[error("{0} answers with {1:?}, which is not wanted")]
    Kind(String, String),
    /// Compressed, though nobody said that it may be.
    #[error("{0} answers in an encoding that nobody asked for")]
    Encoding(String),
    /// It takes longer than it may.
    #[error("{0} is too slow")]
    TooSlow(String),
    /// It has more than it may.
    #[error("{0} sends more than {1} bytes")]
    TooLarge(String, u64),
    /// From one to the next, or to nowhere.
    #[error("{0} redirects too often, or to no address")]
    Redirects(String),
    /// A job has asked often enough.
    #[error("too many requests for one job")]
    Budget,
}

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The file with certificates isn't one.
    #[error("outbound.ca_file: cannot read certificates from {0:?}: {1}")]
    Certificates(String, String),
    /// TLS can't be had.
    #[error("no TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Where the door leads.
#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Also without TLS, and to any port.
    is_lax: bool,
    may_reach: fn(IpAddr) -> bool,
}

/// Ends with the answer that it carries.
struct Connection(JoinHandle<()>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Door {
    /// A door by the host's settings; `public_url` is how it says who asks.
    ///
    /// # Errors
    /// When the certificates that they name can't be read.
    pub fn new(settings: &Outbound, public_url: &str) -> Result<Door, DoorError> {
        let rules = if settings.allow_private {
            Rules { is_lax: true, may_reach: |_| true }
        } else {
            Rules { is_lax: false, may_reach: reach::is_public }
        };
        Door::with(rules, &settings.ca_file, public_url)
    }

    fn with(rules: Rules, ca_file: &str, public_url: &str) -> Result<Door, DoorError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if !ca_file.is_empty() {
            let bad = |error: String| DoorError::Certificates(ca_file.to_owned(), error);
            let found = CertificateDer::pem_file_iter(ca_file);
            for certificate in found.map_err(|error| bad(error.to_string()))? {
                let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let text = format!("Shoal/{} (+{public_url})", env!("CARGO_PKG_VERSION"));
        let user_agent = HeaderValue::try_from(text);
        let user_agent = user_agent.unwrap_or(HeaderValue::from_static("Shoal"));
        Ok(Door { rules, tls: TlsConnector::from(Arc::new(tls)), user_agent })
    }

    /// An address that the door leads to, as far as it can be told without asking for its name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn address(&self, text: &str) -> Result<Url, OutboundError> {
        let bad = OutboundError::Address;
        if text.len() > LONGEST {
            return Err(bad("is longer than 2000 letters"));
        }
        let mut url = Url::parse(text).map_err(|_| bad("is none"))?;
        url.set_fragment(None);
        self.check(&url)?;
        Ok(url)
    }

    fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let bad = OutboundError::Address;
        match url.scheme() {
            "https" => {}
            "http" if self.rules.is_lax => {}
            _ => return Err(bad("must begin with https://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("may have no name and no password in it"));
        }
        if url.port().is_some() && !self.rules.is_lax {
            return Err(bad("may have no port"));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(bad("has no host")),
        };
        match literal {
            Some(address) if !(self.rules.may_reach)(address) => {
                Err(OutboundError::Private(host(url)))
            }
            _ => Ok(()),
        }
    }

    /// Asks, follows redirects, and returns the answer as soon as its head is there.
    ///
    /// # Errors
    /// Whatever keeps it from being one that is wanted, its status apart.
    pub async fn fetch(
        &self,
        mut ask: Ask,
        bounds: &Bounds,
        budget: &mut Budget,
    ) -> Result<Answer, OutboundError> {
        let deadline = Instant::now() + bounds.whole;
        for left in (0..=bounds.redirects).rev() {
            budget.0 = budget.0.checked_sub(1).ok_or(OutboundError::Budget)?;
            self.check(&ask.url)?;
            let asking = timeout_at(deadline, self.send(&ask, bounds));
            let (reply, connection) =
                asking.await.map_err(|_| OutboundError::TooSlow(host(&ask.url)))??;
            let is_followed = ask.method == AskMethod::Get && reply.status().is_redirection();
            match reply.headers().get(header::LOCATION) {
                Some(to) if is_followed && reply.status() != StatusCode::NOT_MODIFIED => {
                    if left == 0 {
                        break;
                    }
                    follow(&mut ask, to)?;
                }
                _ => return Answer::new(reply, connection, ask.url, *bounds, deadline),
            }
        }
        Err(OutboundError::Redirects(host(&ask.url)))
    }

    async fn send(
        &self,
        ask: &Ask,
        bounds: &Bounds,
    ) -> Result<(Response<Incoming>, Connection), OutboundError> {
        let connecting = timeout(bounds.connect, self.connect(&ask.url));
        let stream = connecting.await.map_err(|_| OutboundError::TooSlow(host(&ask.url)))??;
        let broken = |error| OutboundError::Broken(host(&ask.url), error);
        let shaken = http1::Builder::new()
            .max_buf_size(HEAD_BYTES)
            .max_headers(HEAD_FIELDS)
            .handshake(TokioIo::new(stream));
        let request = self.request(ask)?;
        let (mut sender, talking) = shaken.await.map_err(broken)?;
        let connection = Connection(tokio::spawn(async move {
            // Whoever waits for the answer hears of it.
            let _ = talking.await;
        }));
        let answering = timeout(bounds.first_byte, sender.send_request(request));
        let reply = answering.await.map_err(|_| OutboundError::TooSlow(host(&ask.url)))?;
        Ok((reply.map_err(broken)?, connection))
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>, OutboundError> {
        let (method, body) = match ask.method {
            AskMethod::Get => (Method::GET, Bytes::new()),
            AskMethod::Post => (Method::POST, ask.body.clone()),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let target = match ask.url.query() {
            Some(query) => format!("{}?{query}", ask.url.path()),
            None => ask.url.path().to_owned(),
        };
        let unfit = |_| OutboundError::Address("has a path that cannot be asked for");
        *request.uri_mut() = target.parse().map_err(unfit)?;
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, self.user_agent.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        for (name, value) in &ask.headers {
            if !OURS.contains(name) {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if let Ok(host) = HeaderValue::try_from(authority(&ask.url)) {
            headers.insert(header::HOST, host);
        }
        Ok(request)
    }

    /// Connects to one of the addresses that were looked at, of which none may be in a network of somebody's own.
    async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, OutboundError> {
        let name = host(url);
        let unreachable = |error| OutboundError::Unreachable(host(url), error);
        let port = url.port_or_known_default().unwrap_or(443);
        let bare = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let found = tokio::net::lookup_host((bare.clone(), port)).await.map_err(unreachable)?;
        let found: Vec<SocketAddr> = found.collect();
        if let Some(at) = found.iter().find(|at| !(self.rules.may_reach)(at.ip())) {
            tracing::debug!(%at, "an address isn't connected to");
            return Err(OutboundError::Private(name));
        }
        let stream = connect_one(&found).await.map_err(unreachable)?;
        if url.scheme() == "http" {
            return Ok(Box::new(stream));
        }
        let server = ServerName::try_from(bare);
        let server = server.map_err(|_| OutboundError::Address("has no name of a host"))?;
        let secured = self.tls.connect(server, stream).await;
        Ok(Box::new(secured.map_err(|error| OutboundError::Tls(name, error))?))
    }
}

impl Ask {
    /// Asks for a file.
    pub fn get(url: Url, headers: HeaderMap) -> Ask {
        Ask { method: AskMethod::Get, url, headers, body: Bytes::new() }
    }

    /// Brings something.
    pub fn post(url: Url, headers: HeaderMap, body: Bytes) -> Ask {
        Ask { method: AskMethod::Post, url, headers, body }
    }
}

impl Answer {
    fn new(
        reply: Response<Incoming>,
        connection: Connection,
        url: Url,
        bounds: Bounds,
        deadline: Instant,
    ) -> Result<Answer, OutboundError> {
        let (head, body) = reply.into_parts();
        let coding = head.headers.get(header::CONTENT_ENCODING);
        if coding.is_some_and(|coding| coding.as_bytes() != b"identity") {
            return Err(OutboundError::Encoding(host(&url)));
        }
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            url,
            body,
            bounds,
            received: 0,
            begun: Instant::now(),
            deadline,
            _connection: connection,
        };
        let kind = answer.kind();
        if answer.status.is_success() && !(bounds.is_wanted)(&kind) {
            return Err(OutboundError::Kind(host(&answer.url), kind));
        }
        match answer.length() {
            Some(length) if length > bounds.bytes => Err(answer.too_large()),
            _ => Ok(answer),
        }
    }

    /// The media type, in lower case and without parameters.
    pub fn kind(&self) -> String {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }

    /// How long the body is, if that is said.
    pub fn length(&self) -> Option<u64> {
        hyper::body::Body::size_hint(&self.body).exact()
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// When it breaks off, or goes beyond a bound.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        loop {
            let until = self.deadline.min(Instant::now() + self.bounds.pause);
            let next = timeout_at(until, self.body.frame()).await;
            let frame = next.map_err(|_| OutboundError::TooSlow(host(&self.url)))?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| OutboundError::Broken(host(&self.url), error))?;
            let Ok(piece) = frame.into_data() else { continue };
            self.received += piece.len() as u64;
            if self.received > self.bounds.bytes {
                return Err(self.too_large());
            }
            let elapsed = self.begun.elapsed();
            if elapsed > GRACE
                && self.received < self.bounds.least_rate.saturating_mul(elapsed.as_secs())
            {
                return Err(OutboundError::TooSlow(host(&self.url)));
            }
            return Ok(Some(piece));
        }
    }

    fn too_large(&self) -> OutboundError {
        OutboundError::TooLarge(host(&self.url), self.bounds.bytes)
    }
}

/// What bytes go over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes a request of a redirect, which carries nothing to another host that is meant for the first.
fn follow(ask: &mut Ask, to: &HeaderValue) -> Result<(), OutboundError> {
    let lost = || OutboundError::Redirects(host(&ask.url));
    let to = to.to_str().ok().filter(|to| to.len() <= LONGEST).ok_or_else(lost)?;
    let mut url = ask.url.join(to).map_err(|_| lost())?;
    url.set_fragment(None);
    if url.origin() != ask.url.origin() {
        let kept = HARMLESS
            .iter()
            .filter_map(|name| ask.headers.get(name).map(|value| (name.clone(), value.clone())));
        ask.headers = kept.collect();
    }
    ask.url = url;
    Ok(())
}

/// Tries one address after the other.
async fn connect_one(addresses: &[SocketAddr]) -> std::io::Result<TcpStream> {
    let mut failed = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in addresses.iter().take(ADDRESSES) {
        match timeout(EACH, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// What the header `Host` says.
fn authority(url: &Url) -> String {
    match url.port() {
        Some(port) => format!("{}:{port}", host(url)),
        None => host(url),
    }
}

/// Headers that are as good for one host as for another.
const HARMLESS: [HeaderName; 3] = [header::ACCEPT, header::RANGE, header::IF_RANGE];

/// Headers that are the door's own.
const OURS: [HeaderName; 7] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
];

/// Letters of an address, as with PeerTube.
const LONGEST: usize = 2_000;

/// The head of an answer: twice what servers say.
const HEAD_BYTES: usize = 32 << 10;
const HEAD_FIELDS: usize = 100;

/// Addresses of one name that are tried, and for how long each.
const ADDRESSES: usize = 4;
const EACH: Duration = Duration::from_secs(4);

/// How long a body may begin slowly: a line that was idle, a disk that wakes up.
pub const GRACE: Duration = Duration::from_secs(30);
