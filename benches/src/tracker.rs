//! What introducing viewers costs: memory for an idle connection, and CPU for a passed-on message, ours beside npm
//! `bittorrent-tracker`.
//!
//! Plain WebSockets on the loopback, the tracker pinned to one core. Session descriptions have 1,200 bytes and every offer
//! is answered. The load is closed: each viewer announces again as soon as it was answered, which saturates a tracker
//! without flooding it; then it waits until all that was sent has arrived, or long enough to call it lost.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::announce::{Announce, Answer, Event, Offer, OfferId, PeerId, Reply, Request, Sdp};
use wire::identity::InfoHash;

use crate::process::{Server, free_address, shoal};
use crate::table::{Table, median};

/// Three rounds in turn.
pub(crate) fn run() -> anyhow::Result<Table> {
    origin::limits::raise_open_files();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut results = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (start, results) in [start_shoal, start_npm].into_iter().zip(&mut results) {
            let idle = runtime.block_on(idle(&start(folder.path())?))?;
            let busy = runtime.block_on(busy(&start(folder.path())?))?;
            results.push((idle, busy));
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
    for (name, results) in ["shoal", "bittorrent-tracker 11.2.3"].iter().zip(&results) {
        let middle =
            |of: fn(&(Idle, Busy)) -> f64| median(&results.iter().map(of).collect::<Vec<_>>());
        table.row([
            (*name).to_owned(),
            format!("{:.1}", middle(|(idle, _)| idle.quiet_kib)),
            format!("{:.1}", middle(|(idle, _)| idle.used_kib)),
            format!("{:.1}", middle(|(_, busy)| busy.cpu_us)),
            format!("{:.0}", middle(|(_, busy)| busy.per_second)),
            format!("{:.2} %", middle(|(_, busy)| busy.lost * 100.0)),
        ]);
    }
    Ok(table)
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

async fn idle(server: &Server) -> anyhow::Result<Idle> {
    let before = server.resident_bytes()?;
    let crowd = Crowd::gather(server.address, CROWD, CROWD / 50).await?;
    let per_connection = |now: u64| now.saturating_sub(before) as f64 / CROWD as f64 / 1024.0;
    tokio::time::sleep(SETTLE).await;
    let quiet_kib = per_connection(server.resident_bytes()?);
    crowd.wake.send_replace(1);
    crowd.settle().await;
    tokio::time::sleep(SETTLE).await;
    Ok(Idle { quiet_kib, used_kib: per_connection(server.resident_bytes()?) })
}

async fn busy(server: &Server) -> anyhow::Result<Busy> {
    let crowd = Crowd::gather(server.address, VIEWERS, VIEWERS / 50).await?;
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
    async fn gather(address: SocketAddr, size: usize, swarms: usize) -> anyhow::Result<Crowd> {
        let tally = Arc::new(Tally::default());
        let (wake, woken) = tokio::sync::watch::channel(0);
        let mut viewers = JoinSet::new();
        for no in 0..size {
            let viewer = Viewer::connect(address, no, swarms, Arc::clone(&tally)).await?;
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
    tally: Arc<Tally>,
}

impl Viewer {
    async fn connect(
        address: SocketAddr,
        no: usize,
        swarms: usize,
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
                *format!("swarm{:015}", no % swarms).as_bytes().first_chunk().context("20")?,
            ),
            tally,
        })
    }

    async fn live(mut self, mut woken: tokio::sync::watch::Receiver<u32>) {
        let first = self.announcement(Event::Started, 0);
        let next = self.announcement(Event::Periodic, OFFERS);
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
                let _ = self.socket.send(Message::text(answer.write())).await;
            }
            Ok(Reply::Answer { .. }) => drop(self.tally.delivered.fetch_add(1, Relaxed)),
            Ok(Reply::Scraped(_) | Reply::Failed { .. }) | Err(_) => {}
        }
    }

    async fn announce(&mut self, announcement: &str) {
        self.tally.sent.fetch_add(OFFERS.into(), Relaxed);
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
/// Idle connections, in swarms of 50.
const CROWD: usize = 5_000;
/// Busy connections, in swarms of 50.
const VIEWERS: usize = 1_000;
/// In each announcement, as clients have.
const OFFERS: u8 = 5;
const LOAD: Duration = Duration::from_secs(10);
/// So that what was freed is free.
const SETTLE: Duration = Duration::from_secs(3);
/// What hasn't arrived after this long silence is lost.
const DRAIN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(60);
