//! What introducing viewers costs: memory for an idle connection, and CPU for a passed-on message, ours beside npm
//! `bittorrent-tracker` and `aquatic_ws`.
//!
//! Plain WebSockets on the loopback, the tracker pinned to one core. Session descriptions have 1,200 bytes and every offer
//! is answered. The load is closed: each viewer announces again as soon as it was answered, which saturates a tracker
//! without flooding it; then it waits until all that was sent has arrived, or long enough to call it lost.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::announce::{Announce, Answer, Event, Offer, OfferId, PeerId, Reply, Request, Sdp};
use wire::identity::InfoHash;

use crate::aquatic;
use crate::process::{Server, free_address, shoal};
use crate::table::{Table, median};

/// Three rounds in turn.
pub(crate) fn run() -> anyhow::Result<String> {
    origin::limits::raise_open_files();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut contestants = [
        Contestant::new("shoal", start_shoal, Replies::ToAnnouncements),
        Contestant::new("bittorrent-tracker 11.2.3", start_npm, Replies::ToAnnouncements),
        Contestant::new("aquatic_ws 0.9.0", aquatic::start, Replies::ToAnswersToo),
    ];
    for round in 0..ROUNDS {
        for contestant in &mut contestants {
            contestant.measure(&runtime, folder.path());
            eprintln!("round {round}: {} done", contestant.name);
        }
    }
    let mut table = Table::new([
        "tracker",
        "KiB per idle connection",
        "after an announcement with 5 offers",
        "CPU-µs per message passed on",
        "passed on a second",
        "lost",
    ]);
    let mut failures = String::new();
    for Contestant { name, results, .. } in &contestants {
        match results {
            Ok(results) => table.row(row(name, results)),
            Err(reason) => {
                let dash = || "–".to_owned();
                table.row([
                    format!("{name}: not measured"),
                    dash(),
                    dash(),
                    dash(),
                    dash(),
                    dash(),
                ]);
                failures += &format!("\n{name} was not measured: {reason:#}\n");
            }
        }
    }
    anyhow::ensure!(contestants[0].results.is_ok(), "our own tracker was not measured: {failures}");
    Ok(format!("{table}{failures}"))
}

/// A tracker, and what was found or why not.
struct Contestant {
    name: &'static str,
    start: fn(&Path) -> anyhow::Result<Server>,
    replies: Replies,
    results: anyhow::Result<Vec<(Idle, Busy)>>,
}

/// Which messages a tracker answers itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replies {
    ToAnnouncements,
    /// With what looks like the reply to an announcement.
    ToAnswersToo,
}

impl Contestant {
    fn new(
        name: &'static str,
        start: fn(&Path) -> anyhow::Result<Server>,
        replies: Replies,
    ) -> Contestant {
        Contestant { name, start, replies, results: Ok(Vec::new()) }
    }

    /// One round more; none after one has failed.
    fn measure(&mut self, runtime: &Runtime, folder: &Path) {
        let Ok(results) = &mut self.results else { return };
        let round = || -> anyhow::Result<_> {
            let idle = runtime.block_on(idle(&(self.start)(folder)?, self.replies))?;
            let busy = runtime.block_on(busy(&(self.start)(folder)?, self.replies))?;
            Ok((idle, busy))
        };
        match round() {
            Ok(found) => results.push(found),
            Err(reason) => self.results = Err(reason),
        }
    }
}

fn row(name: &str, results: &[(Idle, Busy)]) -> [String; 6] {
    let middle = |of: fn(&(Idle, Busy)) -> f64| median(&results.iter().map(of).collect::<Vec<_>>());
    [
        name.to_owned(),
        format!("{:.1}", middle(|(idle, _)| idle.quiet_kib)),
        format!("{:.1}", middle(|(idle, _)| idle.used_kib)),
        format!("{:.1}", middle(|(_, busy)| busy.cpu_us)),
        format!("{:.0}", middle(|(_, busy)| busy.per_second)),
        format!("{:.2} %", middle(|(_, busy)| busy.lost * 100.0)),
    ]
}

/// Memory for each of [`CROWD`] connections.
struct Idle {
    /// Which announced once, without offers.
    quiet_kib: f64,
    /// Which announced once more with five offers, all of them answered.
    used_kib: f64,
}

/// A saturated tracker.
struct Busy {
    cpu_us: f64,
    per_second: f64,
    lost: f64,
}

/// What all viewers of one run share.
#[derive(Default)]
struct Tally {
    /// Offers sent to a swarm with others in it, and answers.
    sent: AtomicU64,
    delivered: AtomicU64,
    announced: AtomicU64,
    /// Viewers announce again.
    goes_on: AtomicBool,
}

async fn idle(server: &Server, replies: Replies) -> anyhow::Result<Idle> {
    let before = server.resident_bytes()?;
    let crowd = Crowd::gather(server.address, CROWD, replies).await?;
    let per_connection = |now: u64| now.saturating_sub(before) as f64 / CROWD as f64 / 1024.0;
    tokio::time::sleep(SETTLE).await;
    let quiet_kib = per_connection(server.resident_bytes()?);
    crowd.wake.send_replace(1);
    crowd.settle().await;
    tokio::time::sleep(SETTLE).await;
    Ok(Idle { quiet_kib, used_kib: per_connection(server.resident_bytes()?) })
}

async fn busy(server: &Server, replies: Replies) -> anyhow::Result<Busy> {
    let crowd = Crowd::gather(server.address, VIEWERS, replies).await?;
    let tally = &crowd.tally;
    let (cpu, began) = (server.cpu_seconds()?, Instant::now());
    tally.goes_on.store(true, Relaxed);
    crowd.wake.send_replace(1);
    tokio::time::sleep(LOAD).await;
    let per_second = tally.delivered.load(Relaxed) as f64 / began.elapsed().as_secs_f64();
    tally.goes_on.store(false, Relaxed);
    crowd.settle().await;
    let cpu = server.cpu_seconds()? - cpu;
    let (sent, delivered) = (tally.sent.load(Relaxed) as f64, tally.delivered.load(Relaxed) as f64);
    Ok(Busy { cpu_us: cpu * 1e6 / delivered, per_second, lost: 1.0 - delivered / sent })
}

/// Connected viewers, each of them announced once.
struct Crowd {
    tally: Arc<Tally>,
    wake: tokio::sync::watch::Sender<u32>,
    _viewers: JoinSet<()>,
}

impl Crowd {
    async fn gather(address: SocketAddr, size: usize, replies: Replies) -> anyhow::Result<Crowd> {
        let tally = Arc::new(Tally::default());
        let (wake, woken) = tokio::sync::watch::channel(0);
        let mut viewers = JoinSet::new();
        for no in 0..size {
            let swarm = no % (size / SWARM);
            let viewer = Viewer::connect(address, no, swarm, replies, Arc::clone(&tally)).await?;
            viewers.spawn(viewer.live(woken.clone()));
        }
        let began = Instant::now();
        while tally.announced.load(Relaxed) < size as u64 {
            anyhow::ensure!(began.elapsed() < PATIENCE, "not every viewer was answered");
            tokio::time::sleep(LOOK).await;
        }
        Ok(Crowd { tally, wake, _viewers: viewers })
    }

    /// Until nothing has arrived for a while.
    async fn settle(&self) {
        let mut before = u64::MAX;
        while before != self.tally.delivered.load(Relaxed) {
            before = self.tally.delivered.load(Relaxed);
            tokio::time::sleep(DRAIN).await;
        }
    }
}

struct Viewer {
    socket: WebSocketStream<TcpStream>,
    peer_id: PeerId,
    info_hash: InfoHash,
    replies: Replies,
    /// What the tracker is going to reply to, in order.
    unanswered: VecDeque<Sent>,
    tally: Arc<Tally>,
}

enum Sent {
    Announcement,
    Answer,
}

impl Viewer {
    async fn connect(
        address: SocketAddr,
        no: usize,
        swarm: usize,
        replies: Replies,
        tally: Arc<Tally>,
    ) -> anyhow::Result<Viewer> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(4 << 10).write_buffer_size(0);
        let url = format!("ws://{address}/");
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        Ok(Viewer {
            socket,
            peer_id: PeerId(*format!("-PM0203-{no:012}").as_bytes().first_chunk().context("20")?),
            info_hash: InfoHash(
                *format!("swarm{swarm:015}").as_bytes().first_chunk().context("20")?,
            ),
            replies,
            unanswered: VecDeque::new(),
            tally,
        })
    }

    async fn live(mut self, mut woken: tokio::sync::watch::Receiver<u32>) {
        let first = self.announcement(Event::Started, 0);
        let next = self.announcement(Event::Periodic, OFFERS);
        self.unanswered.push_back(Sent::Announcement);
        let _ = self.socket.send(Message::text(first)).await;
        let mut is_awake = false;
        loop {
            tokio::select! {
                Ok(()) = woken.changed() => {
                    is_awake = true;
                    self.announce(&next).await;
                }
                Some(Ok(message)) = self.socket.next() => {
                    if let Message::Text(text) = message {
                        self.take(&text, is_awake, &next).await;
                    }
                }
                else => return,
            }
        }
    }

    async fn take(&mut self, text: &str, is_awake: bool, next: &str) {
        match Reply::read(text) {
            Ok(Reply::Announced { .. }) => {
                if let Some(Sent::Answer) = self.unanswered.pop_front() {
                    return;
                }
                self.tally.announced.fetch_add(1, Relaxed);
                if is_awake && self.tally.goes_on.load(Relaxed) {
                    self.announce(next).await;
                }
            }
            Ok(Reply::Offer { info_hash, peer_id: to_peer_id, offer_id, .. }) => {
                self.tally.delivered.fetch_add(1, Relaxed);
                let (peer_id, sdp) = (self.peer_id, description());
                let answer =
                    Request::Answer(Answer { info_hash, peer_id, to_peer_id, offer_id, sdp });
                self.tally.sent.fetch_add(1, Relaxed);
                if self.replies == Replies::ToAnswersToo {
                    self.unanswered.push_back(Sent::Answer);
                }
                let _ = self.socket.send(Message::text(answer.write())).await;
            }
            Ok(Reply::Answer { .. }) => drop(self.tally.delivered.fetch_add(1, Relaxed)),
            Ok(Reply::Scraped(_) | Reply::Failed { .. }) | Err(_) => {}
        }
    }

    async fn announce(&mut self, announcement: &str) {
        self.tally.sent.fetch_add(OFFERS.into(), Relaxed);
        self.unanswered.push_back(Sent::Announcement);
        let _ = self.socket.send(Message::text(announcement)).await;
    }

    fn announcement(&self, event: Event, offers: u8) -> String {
        let offer = |no| Offer { offer_id: OfferId([no; 20]), sdp: description() };
        Request::Announce(Announce {
            info_hash: self.info_hash,
            peer_id: self.peer_id,
            event,
            wanted: Some(offers.into()),
            is_complete: false,
            offers: (b'0'..b'0' + offers).map(offer).collect(),
        })
        .write()
    }
}

/// As long as those of browsers, with as many line ends.
fn description() -> Sdp<'static> {
    Sdp::of(&"a=candidate:1426652371 1 udp 2113937151 192.0.2.2 33725 typ\r\n".repeat(20)[..1200])
}

fn start_shoal(folder: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(shoal());
    command.args(["tracker", "--listen", &address.to_string(), "--data"]).arg(folder);
    command.envs([("SHOAL_TRACKER_OPEN", "true"), ("SHOAL_TRACKER_STUN_LISTEN", "")]);
    Server::start(&mut command, address, "/health")
}

fn start_npm(_: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new("taskset");
    command.args(["-c", "0", "node", "benches/tracker.mjs", &address.port().to_string()]);
    Server::start(&mut command, address, "/stats.json")
}

const ROUNDS: usize = 3;
/// Idle connections.
const CROWD: usize = 5_000;
/// Busy connections.
const VIEWERS: usize = 1_000;
/// Members of each swarm.
const SWARM: usize = 50;
/// In each announcement, as clients have.
const OFFERS: u8 = 5;
const LOAD: Duration = Duration::from_secs(10);
/// So that what was freed is free.
const SETTLE: Duration = Duration::from_secs(3);
/// What hasn't arrived after this long silence is lost.
const DRAIN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);
