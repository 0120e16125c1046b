//! Viewers, honest and hostile, on real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed, helpers included")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async};
use tokio_util::sync::CancellationToken;
use tracker::limits::{CLAIM_INTERVAL, MESSAGE_BYTES};
use tracker::{Config, stun};
use wire::identity::InfoHash;

const VIDEO: &str = "F123ZzViggOyOP6N+87T";

/// A tracker alone on a port of its own, for one video.
struct Server {
    port: u16,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    async fn start() -> Server {
        Server::with(Config { connections: 8, stun_listen: Vec::new(), open: false }).await
    }

    async fn with(config: Config) -> Server {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shutdown = CancellationToken::new();
        let ended = shutdown.clone();
        let admission = Arc::new(|hash: &InfoHash| hash.0 == *VIDEO.as_bytes());
        let running =
            tokio::spawn(async move { tracker::run(listener, &config, admission, ended).await });
        Server { port, shutdown, running }
    }

    async fn connect(&self) -> Viewer {
        self.connect_over(TcpSocket::new_v4().unwrap(), Ipv4Addr::LOCALHOST.into()).await
    }

    async fn connect_over(&self, socket: TcpSocket, host: std::net::IpAddr) -> Viewer {
        let stream = socket.connect(SocketAddr::new(host, self.port)).await.unwrap();
        let url = format!("ws://tracker:{}/tracker/socket", self.port);
        Viewer(client_async(url, stream).await.unwrap().0)
    }

    /// The status of the answer to a request that may be granted.
    async fn knock(&self, head: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        stream.write_all(format!("{head}\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        String::from_utf8_lossy(&status[9..]).into_owned()
    }

    /// The whole answer to one plain request.
    async fn ask(&self, head: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.unwrap();
        let request = format!("{head}\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    async fn metric(&self, name: &str) -> u64 {
        let text = self.ask("GET /metrics HTTP/1.1").await;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap().parse().unwrap()
    }
}

struct Viewer(WebSocketStream<TcpStream>);

impl Viewer {
    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            match self.0.next().await.expect("an open connection").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.say(message).await;
        self.hear().await
    }

    /// With which code the tracker takes leave.
    async fn farewell(&mut self) -> Option<CloseCode> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }
}

fn announce(peer: &str, offers: usize) -> Value {
    let offer =
        |no| json!({"offer": {"type": "offer", "sdp": "v=0\r\n"}, "offer_id": format!("{no:020}")});
    json!({
        "action": "announce", "info_hash": VIDEO, "peer_id": format!("{peer:-<20}"), "event": "started", "numwant": 5,
        "uploaded": 0, "downloaded": 0, "offers": (0..offers).map(offer).collect::<Vec<_>>(),
    })
}

fn counts(incomplete: usize) -> Value {
    json!({"action": "announce", "info_hash": VIDEO, "complete": 0, "incomplete": incomplete, "interval": 120})
}

fn failed(info_hash: &str, reply: &Value) -> bool {
    reply["action"] == "announce"
        && reply["info_hash"] == info_hash
        && reply["failure reason"].is_string()
}

#[tokio::test]
async fn viewers_over_ipv4_and_ipv6_meet_in_one_swarm() {
    let server = Server::start().await;
    let mut four = server.connect().await;
    let mut six =
        server.connect_over(TcpSocket::new_v6().unwrap(), Ipv6Addr::LOCALHOST.into()).await;
    assert_eq!(four.ask(announce("four", 5)).await, counts(1));
    assert_eq!(six.ask(announce("six", 5)).await, counts(2));
    let offer = four.hear().await;
    assert_eq!(
        (&offer["peer_id"], &offer["offer"]["sdp"]),
        (&json!("six-----------------"), &json!("v=0\r\n"))
    );
    let answer = json!({
        "action": "announce", "info_hash": VIDEO, "peer_id": "four----------------", "to_peer_id": offer["peer_id"],
        "offer_id": offer["offer_id"], "answer": {"type": "answer", "sdp": "v=1\r\n"},
    });
    four.say(answer.clone()).await;
    let answered = six.hear().await;
    assert_eq!(answered["answer"], json!({"type": "answer", "sdp": "v=1\r\n"}));
    assert_eq!(answered["offer_id"], offer["offer_id"]);
    assert!(failed(VIDEO, &four.ask(answer).await), "an offer is answered once");
    assert_eq!(server.metric("shoal_tracker_offers_total").await, 1);
    assert_eq!(server.metric("shoal_tracker_answers_total").await, 1);
}

#[tokio::test]
async fn a_closed_connection_leaves_no_ghost() {
    let server = Server::start().await;
    let (mut stays, mut leaves) = (server.connect().await, server.connect().await);
    leaves.ask(announce("one", 0)).await;
    leaves.ask(announce("two", 0)).await;
    assert_eq!(stays.ask(announce("three", 0)).await, counts(3));
    drop(leaves);
    while stays.ask(announce("three", 0)).await != counts(1) {}
    assert_eq!(stays.ask(announce("one", 0)).await, counts(2));
}

#[tokio::test]
async fn mistakes_are_answered_and_the_connection_stays() {
    let server = Server::start().await;
    let mut viewer = server.connect().await;
    for text in [
        "",
        "{}",
        "[[[[",
        "null",
        "{\"action\":\"paint\"}",
        "{\"action\":\"announce\",\"info_hash\":7}",
    ] {
        viewer.0.send(Message::text(text)).await.unwrap();
        assert!(failed("", &viewer.hear().await), "{text}");
    }
    let mut unknown = announce("one", 5);
    unknown["info_hash"] = json!("nobody knows this...");
    assert!(failed("nobody knows this...", &viewer.ask(unknown).await));
    let mut wrong = announce("one", 0);
    wrong["event"] = json!("foo");
    assert!(failed(VIDEO, &viewer.ask(wrong).await));
    let scrape = viewer.ask(json!({"action": "scrape"})).await;
    assert_eq!((&scrape["action"], &scrape["info_hash"]), (&json!("scrape"), &json!("")));
    assert_eq!(viewer.ask(announce("one", 5)).await, counts(1));
}

#[tokio::test]
async fn binary_frames_and_fragments_are_read_as_text() {
    let server = Server::start().await;
    let mut viewer = server.connect().await;
    let bytes = announce("one", 1).to_string().into_bytes();
    viewer.0.send(Message::binary(bytes)).await.unwrap();
    assert_eq!(viewer.hear().await, counts(1));
}

#[tokio::test]
async fn what_is_no_message_ends_its_own_connection_only() {
    let server = Server::start().await;
    let mut honest = server.connect().await;
    honest.ask(announce("honest", 0)).await;
    let mut giant = server.connect().await;
    let _ = giant.0.send(Message::text("x".repeat(MESSAGE_BYTES + 1))).await;
    assert!(matches!(giant.farewell().await, Some(CloseCode::Size) | None));
    let mut garbled = server.connect().await;
    garbled.0.send(Message::binary(vec![0xff; 100])).await.unwrap();
    assert_eq!(garbled.farewell().await, Some(CloseCode::Invalid));
    let mut raw = server.connect().await;
    raw.0.get_mut().write_all(&[0xff; 64]).await.unwrap();
    assert!(matches!(raw.farewell().await, Some(CloseCode::Protocol) | None));
    assert_eq!(honest.ask(announce("honest", 0)).await, counts(1));
}

#[tokio::test]
async fn a_thief_gets_no_living_viewer_s_id() {
    let server = Server::start().await;
    let (mut owner, mut thief) = (server.connect().await, server.connect().await);
    owner.ask(announce("owner", 0)).await;
    let mut stop = announce("owner", 0);
    stop["event"] = json!("stopped");
    assert!(failed(VIDEO, &thief.ask(stop).await));
    assert_eq!(thief.ask(announce("owner", 0)).await["interval"], 5);
    assert!(matches!(owner.0.next().await, Some(Ok(Message::Ping(_)))));
    // The owner's pong is on its way before this, and the tracker reads them in order.
    assert_eq!(owner.ask(announce("owner", 0)).await, counts(1));
    let reply = thief.ask(announce("thief", 1)).await;
    assert_eq!(reply, counts(2));
    assert_eq!(owner.hear().await["peer_id"], "thief---------------");
}

#[tokio::test(start_paused = true)]
async fn a_dead_viewer_s_id_passes_to_its_next_connection() {
    let server = Server::start().await;
    let mut before = server.connect().await;
    before.ask(announce("viewer", 0)).await;
    let mut after = server.connect().await;
    let reply = after.ask(announce("viewer", 0)).await;
    assert_eq!(reply["interval"], CLAIM_INTERVAL.as_secs());
    tokio::time::sleep(CLAIM_INTERVAL).await;
    assert_eq!(after.ask(announce("viewer", 0)).await, counts(1));
}

#[tokio::test(start_paused = true)]
async fn who_never_announces_is_shown_out() {
    let server = Server::start().await;
    let mut idle = server.connect().await;
    assert_eq!(idle.farewell().await, Some(CloseCode::Policy));
    let mut nosy = server.connect().await;
    nosy.ask(json!({"action": "scrape", "info_hash": VIDEO})).await;
    assert_eq!(nosy.farewell().await, Some(CloseCode::Policy));
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_slowed_down_and_answered_to_the_last() {
    let server = Server::start().await;
    let mut flooder = server.connect().await;
    flooder.ask(announce("flooder", 0)).await;
    for _ in 0..500 {
        flooder.0.feed(Message::text("nonsense")).await.unwrap();
    }
    flooder.0.flush().await.unwrap();
    let began = tokio::time::Instant::now();
    for _ in 0..500 {
        assert!(failed("", &flooder.hear().await));
    }
    assert!(
        began.elapsed() > Duration::from_secs(4),
        "virtual time: 300 over the burst at 50 a second"
    );
}

#[tokio::test]
async fn a_viewer_that_reads_nothing_is_cut_off_and_the_others_are_not() {
    let server = Server::start().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut slow = server.connect_over(socket, Ipv4Addr::LOCALHOST.into()).await;
    for id in ["a", "b", "c", "d"] {
        slow.ask(announce(id, 0)).await;
    }
    let mut busy = server.connect().await;
    let mut long = announce("busy", 4);
    for offer in long["offers"].as_array_mut().unwrap() {
        offer["offer"]["sdp"] = json!("v".repeat(8000));
    }
    let long = Utf8Bytes::from(long.to_string());
    loop {
        busy.0.send(Message::Text(long.clone())).await.unwrap();
        if busy.hear().await == counts(1) {
            break;
        }
    }
    assert_eq!(server.metric("shoal_tracker_connections_slow_total").await, 1);
}

#[tokio::test]
async fn only_so_many_connections_are_let_in() {
    let server =
        Server::with(Config { connections: 1, stun_listen: Vec::new(), open: false }).await;
    let upgrade = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut viewer = server.connect().await;
    viewer.ask(announce("one", 0)).await;
    assert_eq!(server.knock(upgrade).await, "503");
    drop(viewer);
    while server.knock(upgrade).await != "101" {}
}

#[tokio::test]
async fn plain_requests_are_told_what_this_is() {
    #[track_caller]
    fn check(answer: &str, status: &str) {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    let server = Server::start().await;
    check(&server.ask("GET /tracker/socket HTTP/1.1").await, "426");
    check(&server.ask("POST /tracker/socket HTTP/1.1").await, "405");
    check(&server.ask("GET /health HTTP/1.1").await, "200");
    check(&server.ask("GET /metrics HTTP/1.1").await, "200");
    check(&server.ask("GET /metrics HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1").await, "404");
    check(&server.ask("GET /w/x HTTP/1.1").await, "404");
}

#[tokio::test]
async fn everybody_is_told_when_the_tracker_ends() {
    let server = Server::start().await;
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    one.ask(announce("one", 0)).await;
    two.ask(announce("two", 0)).await;
    server.shutdown.cancel();
    assert_eq!(one.farewell().await, Some(CloseCode::Away));
    assert_eq!(two.farewell().await, Some(CloseCode::Away));
    server.running.await.unwrap();
}

#[tokio::test]
async fn stun_tells_each_viewer_its_own_address() {
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let socket = stun::bind(host.parse().unwrap()).unwrap();
        let server = socket.local_addr().unwrap();
        let serving = tokio::spawn(stun::serve(socket, Arc::default()));
        let viewer = UdpSocket::bind(host).await.unwrap();
        viewer.connect(server).await.unwrap();
        viewer.send(b"not STUN at all, so nothing comes back").await.unwrap();
        let request = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction!"].concat();
        viewer.send(&request).await.unwrap();
        let mut response = [0; 100];
        let length = viewer.recv(&mut response).await.unwrap();
        assert_eq!(
            Some(response[..length].to_vec()),
            stun::answer(&request, viewer.local_addr().unwrap())
        );
        serving.abort();
    }
}
