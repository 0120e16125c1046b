//! The tracker's doors: the upgrade to a WebSocket, and a listener of its own when it runs alone.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::announce::{Reply, Request as Said};

use crate::config::Config;
use crate::door::Door;
use crate::error::unreadable;
use crate::limits::{ACCEPT_PAUSE, HEAD_PATIENCE, HEADER_BYTES, HEADS, HOUSEKEEPING};
use crate::metrics::Metrics;
use crate::outbox::{End, Outbox};
use crate::stun;
use crate::swarms::{Admission, ConnectionNo, Output, Swarms, Time};

/// Where the tracker is on an instance's port.
pub const PATH: &str = "/tracker/socket";

/// Serves `/tracker/socket`, `/`, `/health` and `/metrics` until `shutdown`, then takes leave of every viewer.
pub async fn run(
    listener: TcpListener,
    config: &Config,
    admission: Arc<dyn Admission>,
    shutdown: CancellationToken,
) {
    let tracker = Arc::new(Tracker::new(config, admission));
    tracker.start(config, &shutdown);
    let heads = Arc::new(Semaphore::new(HEADS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match Arc::clone(&heads).try_acquire_owned() {
                Ok(place) => {
                    tokio::spawn(serve_alone(Arc::clone(&tracker), stream, peer, place));
                }
                Err(_) => tracker.metrics.refused.add(),
            },
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tracker.close().await;
}

/// All viewers' connections and the swarms that they are in.
pub struct Tracker {
    state: Mutex<State>,
    admission: Arc<dyn Admission>,
    pub(crate) metrics: Arc<Metrics>,
    begun: Instant,
    next_no: AtomicU64,
    places: Arc<Semaphore>,
    doors: TaskTracker,
}

struct State {
    swarms: Swarms,
    outboxes: HashMap<ConnectionNo, Arc<Outbox>>,
    is_closing: bool,
}

impl State {
    fn end_all(&mut self) {
        self.is_closing = true;
        self.outboxes.values().for_each(|outbox| outbox.end(End::Shutdown));
    }
}

impl Tracker {
    /// Without viewers. `admission` is asked at every announcement.
    pub fn new(config: &Config, admission: Arc<dyn Admission>) -> Tracker {
        // Without the system's randomness it would be known who meets whom, which is not worth failing for.
        let seed = getrandom::u64().unwrap_or_default();
        Tracker {
            state: Mutex::new(State {
                swarms: Swarms::new(seed),
                outboxes: HashMap::new(),
                is_closing: false,
            }),
            admission,
            metrics: Arc::new(Metrics::default()),
            begun: Instant::now(),
            next_no: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(config.connections.min(Semaphore::MAX_PERMITS))),
            doors: TaskTracker::new(),
        }
    }

    /// Starts what runs beside the viewers, until `shutdown`: housekeeping, and the answers to STUN.
    pub fn start(self: &Arc<Tracker>, config: &Config, shutdown: &CancellationToken) {
        let (tracker, ended) = (Arc::clone(self), shutdown.clone());
        tokio::spawn(async move { ended.run_until_cancelled(tracker.keep_house()).await });
        for &address in &config.stun_listen {
            let (metrics, ended) = (Arc::clone(&self.metrics), shutdown.clone());
            match stun::bind(address) {
                Ok(socket) => {
                    let serving = stun::serve(socket, metrics);
                    tokio::spawn(async move { ended.run_until_cancelled(serving).await });
                }
                Err(error) => tracing::warn!(
                    "cannot answer STUN on {address}: {error}; viewers on different networks may not find each other, \
                     see stun_listen"
                ),
            }
        }
    }

    /// Answers a request for a WebSocket, and serves it when the answer is out.
    pub fn answer<B>(self: &Arc<Tracker>, request: &mut Request<B>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET {
            let mut reply =
                text(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is asked for with GET\n");
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            return reply;
        }
        let Some(key) = websocket_key(request.headers()) else {
            let mut reply =
                text(StatusCode::UPGRADE_REQUIRED, "this is a WebTorrent tracker: a WebSocket\n");
            say(&mut reply, &[(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")]);
            let version = HeaderName::from_static("sec-websocket-version");
            reply.headers_mut().insert(version, HeaderValue::from_static("13"));
            return reply;
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.metrics.refused.add();
            let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, "the tracker is full\n");
            say(&mut reply, &[(header::RETRY_AFTER, "30")]);
            return reply;
        };
        let accept = derive_accept_key(key.as_bytes());
        let upgrade = hyper::upgrade::on(request);
        self.doors.spawn(Arc::clone(self).serve(upgrade, place));
        let mut reply = Response::new(Full::default());
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        say(&mut reply, &[(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")]);
        let accept = HeaderValue::try_from(accept).expect("base 64 is a header's value");
        reply.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        reply
    }

    /// The counters as Prometheus text.
    pub fn metrics(&self) -> String {
        let totals = self.lock().swarms.totals();
        self.metrics.render(totals)
    }

    /// Takes leave of every viewer.
    pub async fn close(&self) {
        self.lock().end_all();
        self.doors.close();
        self.doors.wait().await;
    }

    pub(crate) fn now(&self) -> Time {
        self.begun.elapsed()
    }

    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.begun + time
    }

    /// A viewer's message; whether the viewer is in a swarm now.
    pub(crate) fn received(&self, no: ConnectionNo, outbox: &Outbox, message: &str) -> bool {
        self.metrics.messages.add();
        let said = match Said::read(message) {
            Ok(said) => said,
            Err(error) => {
                self.metrics.errors.add();
                self.heard(no);
                outbox.push(unreadable(&error).write());
                return false;
            }
        };
        let mut state = self.lock();
        let outputs = state.swarms.handle(self.now(), no, said, &*self.admission);
        let is_member = state.swarms.is_member(no);
        let find = |output| match output {
            Output::Send(to, reply) => {
                state.outboxes.get(&to).map(|outbox| (Arc::clone(outbox), Some(reply)))
            }
            Output::Ping(to) => state.outboxes.get(&to).map(|outbox| (Arc::clone(outbox), None)),
        };
        let found: Vec<_> = outputs.into_iter().filter_map(find).collect();
        drop(state);
        for (outbox, reply) in found {
            match reply {
                Some(reply) => {
                    self.count(&reply);
                    outbox.push(reply.write());
                }
                None => outbox.ping(),
            }
        }
        is_member
    }

    pub(crate) fn heard(&self, no: ConnectionNo) {
        self.lock().swarms.heard(self.now(), no);
    }

    pub(crate) fn closed(&self, no: ConnectionNo) {
        let mut state = self.lock();
        state.outboxes.remove(&no);
        state.swarms.closed(no);
    }

    async fn serve(self: Arc<Tracker>, upgrade: OnUpgrade, _place: OwnedSemaphorePermit) {
        let Ok(upgraded) = upgrade.await else { return };
        let no = ConnectionNo(self.next_no.fetch_add(1, Relaxed));
        let outbox = self.register(no);
        self.metrics.accepted.add();
        self.metrics.open.add();
        // What is boxed, here and in the door, is seldom needed and would make each idle task larger by its size.
        let opening = Door::open(Arc::clone(&self), no, outbox, upgraded);
        let mut door = Box::pin(opening).await;
        door.serve().await;
        self.metrics.open.remove();
    }

    fn register(&self, no: ConnectionNo) -> Arc<Outbox> {
        let outbox = Arc::new(Outbox::default());
        let mut state = self.lock();
        if state.is_closing {
            outbox.end(End::Shutdown);
        }
        state.outboxes.insert(no, Arc::clone(&outbox));
        outbox
    }

    async fn keep_house(self: Arc<Tracker>) {
        let mut ticks = tokio::time::interval(HOUSEKEEPING);
        loop {
            ticks.tick().await;
            self.lock().swarms.tidy(self.now());
        }
    }

    fn count(&self, reply: &Reply<'_>) {
        match reply {
            Reply::Offer { .. } => self.metrics.offers.add(),
            Reply::Answer { .. } => self.metrics.answers.add(),
            Reply::Failed { .. } => self.metrics.errors.add(),
            Reply::Announced { .. } | Reply::Scraped(_) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of a tracker that has the port for itself, until it is a WebSocket or ends.
async fn serve_alone(
    tracker: Arc<Tracker>,
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request| {
        let reply = answer_alone(&tracker, &mut request, peer);
        async move { Ok::<_, Infallible>(reply) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!("a connection ended early: {error}");
    }
}

fn answer_alone<B>(
    tracker: &Arc<Tracker>,
    request: &mut Request<B>,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    match request.uri().path() {
        PATH | "/" => tracker.answer(request),
        "/health" => text(StatusCode::OK, "ok\n"),
        "/metrics" if may_see_metrics(request.headers(), peer) => {
            text(StatusCode::OK, tracker.metrics())
        }
        _ => text(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

/// The counters are for the machine itself: a loopback peer that no proxy on this machine speaks for.
fn may_see_metrics(headers: &HeaderMap, peer: SocketAddr) -> bool {
    let is_forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    peer.ip().to_canonical().is_loopback()
        && !is_forwarded.iter().any(|&name| headers.contains_key(name))
}

/// The key of a request for a WebSocket (RFC 6455 §4.2.1), of whatever origin: embeds stand on any site.
fn websocket_key(headers: &HeaderMap) -> Option<&HeaderValue> {
    let has = |name, wanted: &str| {
        let words = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        words
            .flat_map(|value| value.split(','))
            .any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let is_wanted = has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| is_wanted && key.len() == KEY_LENGTH)
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    say(
        &mut reply,
        &[(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
    );
    reply
}

fn say(reply: &mut Response<Full<Bytes>>, headers: &[(HeaderName, &'static str)]) {
    for (name, value) in headers {
        reply.headers_mut().insert(name.clone(), HeaderValue::from_static(value));
    }
}

/// 16 bytes in base 64.
const KEY_LENGTH: usize = 24;
