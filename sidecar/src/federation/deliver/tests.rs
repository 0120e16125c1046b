//! Deliveries over the wire, to inboxes of a test's own, on both databases.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::api::tests::instances;
use crate::config::{self, Registration};
use crate::federation::id::{Place, Strictness};
use crate::federation::key::PublicKey;
use crate::federation::send::To;
use crate::federation::signature::{Claim, Request};
use crate::limits::{DELIVERED_OF_SITE, DELIVERIES_OF_PARKED, PARKED};
use crate::table::follow::{self, FollowState};
use crate::table::remote_actor::{self, Kind, NewActor, tests::somebody};
use crate::table::sent::{self, Addressee};

/// A server whose every inbox answers the same, and tells what came.
pub(crate) struct Server {
    pub(crate) host: String,
    status: Arc<AtomicU16>,
    came: UnboundedReceiver<Came>,
}

/// What came to an inbox.
pub(crate) struct Came {
    pub(crate) path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Came {
    pub(crate) fn activity(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Server {
    pub(crate) async fn start() -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let status = Arc::new(AtomicU16::new(202));
        let (tell, came) = unbounded_channel();
        let answers = Arc::clone(&status);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&answers), tell.clone()));
            }
        });
        Server { host, status, came }
    }

    /// From now on it answers so.
    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) async fn next(&mut self) -> Came {
        let next = tokio::time::timeout(Duration::from_secs(30), self.came.recv());
        next.await.expect("nothing comes").unwrap()
    }

    /// Somebody of this server.
    pub(crate) fn actor(&self, name: &str) -> NewActor {
        let at = format!("http://{}", self.host);
        NewActor {
            url: format!("{at}/users/{name}"),
            inbox: format!("{at}/users/{name}/inbox"),
            shared_inbox: Some(format!("{at}/inbox")),
            ..somebody(name, &self.host, Kind::Person)
        }
    }
}

async fn receive(mut stream: TcpStream, status: Arc<AtomicU16>, tell: UnboundedSender<Came>) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let (head, rest) = loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end + 4..].to_vec());
        }
    };
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: HeaderMap = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.parse::<header::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let length: usize =
        headers.get("content-length").map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = rest;
    while body.len() < length {
        let read = stream.read(&mut buffer).await.unwrap();
        body.extend_from_slice(&buffer[..read]);
    }
    let status = status.load(Ordering::SeqCst);
    if status == SILENCE {
        let _ = tell.send(Came { path, headers, body });
        return std::future::pending().await;
    }
    let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = tell.send(Came { path, headers, body });
}

/// No answer at all.
const SILENCE: u16 = 0;

/// Instances that may ask this machine, and the work that they keep alive.
pub(crate) async fn federating() -> [(Arc<Sidecar>, Box<dyn Send>); 2] {
    instances(Registration::Closed).await.map(|mut instance| {
        let place = Place::new("https://one.example", Strictness::Test).unwrap();
        instance.sidecar.place = Some(place);
        let outbound = config::Outbound { allow_private: true, ..config::Outbound::default() };
        instance.sidecar.open_door(&outbound).unwrap();
        let sidecar = Arc::new(instance.sidecar);
        (sidecar, Box::new((instance._trial,)) as Box<dyn Send>)
    })
}

pub(crate) async fn keep(sidecar: &Sidecar, actor: &NewActor) -> i64 {
    remote_actor::keep(&sidecar.database, 1, actor).await.unwrap()
}

pub(crate) fn begin(sidecar: &Arc<Sidecar>) -> JoinSet<()> {
    let (mut work, sidecar) = (JoinSet::new(), Arc::clone(sidecar));
    work.spawn(async move { sidecar.deliver_all().await });
    work
}

async fn follows(sidecar: &Sidecar, actor: &NewActor, target: i64) {
    let id = keep(sidecar, actor).await;
    let state = FollowState::Accepted;
    follow::set(&sidecar.database, 1, (id, target), None, state).await.unwrap();
}

/// Delivers what is due now, and ends when all of it was tried.
async fn deliver(sidecar: &Arc<Sidecar>) {
    let taken = sidecar.take_hosts(DELIVERED_AT_ONCE, &[]).await.unwrap();
    let mut at_work = JoinSet::new();
    for host in taken {
        at_work.spawn(Arc::clone(sidecar).serve(host));
    }
    at_work.join_all().await;
}

/// What waits for a server, or was given up.
async fn queue(sidecar: &Sidecar, host: &str) -> Option<delivery::Queue> {
    let queues = delivery::queues(&sidecar.database, 0, 100).await.unwrap();
    queues.into_iter().find(|queue| queue.host == host)
}

fn said(no: i64) -> Value {
    json!({ "type": "Update", "id": format!("https://one.example/{no}"), "actor": "https://one.example/accounts/root", "object": {} })
}

fn root() -> Local {
    Local::Account("root".to_owned())
}

async fn handle(sidecar: &Sidecar) -> i64 {
    sidecar.handle_of(&root()).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_activity_reaches_each_server_once_signed_by_whose_it_is() {
    for (sidecar, _kept) in federating().await {
        let (mut one, mut two) = (Server::start().await, Server::start().await);
        let target = handle(&sidecar).await;
        for name in ["ada", "bob", "cyd"] {
            follows(&sidecar, &one.actor(name), target).await;
        }
        let alone = NewActor { shared_inbox: None, ..two.actor("dan") };
        follows(&sidecar, &alone, target).await;
        let ada = keep(&sidecar, &one.actor("ada")).await;
        let to = [To::FollowersOf(root()), To::Server(ada), To::Inbox(ada)];
        sidecar.send(&root(), &said(1), &to).await.unwrap();
        deliver(&sidecar).await;
        let (first, second, third) = (one.next().await, one.next().await, two.next().await);
        assert_eq!([&*first.path, &*second.path], ["/inbox", "/users/ada/inbox"]);
        assert_eq!(third.path, "/users/dan/inbox");
        assert_eq!(third.headers["content-type"], "application/activity+json");
        let activity = third.activity();
        assert_eq!(activity["id"], "https://one.example/1");
        assert_eq!(activity["@context"][0], "https://www.w3.org/ns/activitystreams");
        let request = Request {
            method: &Method::POST,
            target: &third.path,
            headers: &third.headers,
            body: &third.body,
            authority: &two.host,
        };
        let claim = Claim::read(&request, SystemTime::now()).unwrap();
        assert_eq!(claim.key_id, "https://one.example/accounts/root#main-key");
        let key = sidecar.key_of(target).await.unwrap();
        assert!(claim.is_of(&PublicKey::read(&key.public_key).unwrap()));
        assert_eq!(delivery::queues(&sidecar.database, 0, 100).await.unwrap(), []);
        assert_eq!(sent::tests::count(&sidecar.database).await, 0);
    }
}

#[tokio::test]
async fn a_server_in_trouble_gets_all_in_order_later_and_nobody_waits_for_it() {
    for (sidecar, _kept) in federating().await {
        let (mut ill, mut well) = (Server::start().await, Server::start().await);
        let target = handle(&sidecar).await;
        follows(&sidecar, &ill.actor("ada"), target).await;
        follows(&sidecar, &well.actor("bob"), target).await;
        ill.answers(503);
        for no in 1..=3 {
            sidecar.send(&root(), &said(no), &[To::FollowersOf(root())]).await.unwrap();
        }
        deliver(&sidecar).await;
        for no in 1..=3 {
            assert_eq!(well.next().await.activity()["id"], said(no)["id"]);
        }
        let left = queue(&sidecar, &ill.host).await.unwrap();
        assert_eq!((left.waiting, left.failures), (3, 1));
        assert_eq!(left.reason.as_deref(), Some("the server answers 503"));
        assert!(left.due_at > now_ms());
        assert_eq!(ill.next().await.activity()["id"], said(1)["id"]);
        ill.answers(200);
        let _work = begin(&sidecar);
        sidecar.retry_deliveries(&ill.host).await.unwrap();
        for no in 1..=3 {
            assert_eq!(ill.next().await.activity()["id"], said(no)["id"]);
        }
    }
}

#[tokio::test]
async fn what_a_server_refuses_is_given_up_and_the_next_one_goes() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        follows(&sidecar, &server.actor("ada"), handle(&sidecar).await).await;
        server.answers(400);
        sidecar.send(&root(), &said(1), &[To::FollowersOf(root())]).await.unwrap();
        deliver(&sidecar).await;
        let left = queue(&sidecar, &server.host).await.unwrap();
        assert_eq!((left.given_up, left.failures), (1, 0));
        server.answers(202);
        sidecar.send(&root(), &said(2), &[To::FollowersOf(root())]).await.unwrap();
        deliver(&sidecar).await;
        assert_eq!(server.next().await.activity()["id"], said(1)["id"]);
        assert_eq!(server.next().await.activity()["id"], said(2)["id"]);
        delivery::forget(&sidecar.database, i64::MAX, None).await.unwrap();
        assert_eq!(queue(&sidecar, &server.host).await, None);
    }
}

#[tokio::test]
async fn who_is_gone_follows_no_longer_and_a_servers_shared_inbox_is_nobodys_own() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        let target = handle(&sidecar).await;
        let alone = NewActor { shared_inbox: None, ..server.actor("ada") };
        follows(&sidecar, &alone, target).await;
        follows(&sidecar, &server.actor("bob"), target).await;
        server.answers(410);
        sidecar.send(&root(), &said(1), &[To::FollowersOf(root())]).await.unwrap();
        deliver(&sidecar).await;
        let left = queue(&sidecar, &server.host).await.unwrap();
        assert_eq!((left.given_up, left.failures), (2, 0));
        server.next().await;
        server.next().await;
        assert_eq!(follow::followers(&sidecar.database, target).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn what_was_queued_outlives_who_was_to_deliver_it() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        follows(&sidecar, &server.actor("ada"), handle(&sidecar).await).await;
        server.answers(SILENCE);
        sidecar.send(&root(), &said(1), &[To::FollowersOf(root())]).await.unwrap();
        let killed = begin(&sidecar);
        assert_eq!(server.next().await.activity()["id"], said(1)["id"]);
        drop(killed);
        server.answers(202);
        sidecar.send(&root(), &said(2), &[To::FollowersOf(root())]).await.unwrap();
        let _work = begin(&sidecar);
        assert_eq!(server.next().await.activity()["id"], said(1)["id"]);
        // The next one goes when this one is done.
        assert_eq!(server.next().await.activity()["id"], said(2)["id"]);
        let left = queue(&sidecar, &server.host).await;
        assert!(left.is_none_or(|left| left.waiting < 2));
    }
}

#[tokio::test]
async fn nothing_for_all_is_kept_for_a_server_that_is_gone_until_it_is_heard_of() {
    for (sidecar, _kept) in federating().await {
        let (gone, database) = (somebody("ada", "gone.example", Kind::Person), &sidecar.database);
        let target = handle(&sidecar).await;
        follows(&sidecar, &gone, target).await;
        let id = keep(&sidecar, &gone).await;
        for _ in 0..PARKED {
            host::failed(database, 1, "gone.example", 1, "nobody there").await.unwrap();
        }
        let queued = |to: Addressee| async move {
            sent::queue(database, 2, (target, "{}", None), &[to]).await.unwrap()
        };
        assert_eq!(queued(Addressee::FollowersOf(target)).await, 0);
        assert_eq!(queued(Addressee::Inbox(id)).await, 1);
        sidecar.note_alive("gone.example").await.unwrap();
        assert_eq!(queued(Addressee::FollowersOf(target)).await, 1);
        assert_eq!(queued(Addressee::Server(id)).await, 1);
    }
}

#[tokio::test]
async fn nothing_goes_to_who_is_blocked() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        let target = handle(&sidecar).await;
        follows(&sidecar, &somebody("ada", "evil.example", Kind::Person), target).await;
        follows(&sidecar, &server.actor("bob"), target).await;
        sidecar.block("evil.example", None).await.unwrap();
        let eve = keep(&sidecar, &somebody("eve", "evil.example", Kind::Person)).await;
        let to = [To::FollowersOf(root()), To::Inbox(eve), To::Server(eve)];
        sidecar.send(&root(), &said(1), &to).await.unwrap();
        let queues = delivery::queues(&sidecar.database, 0, 100).await.unwrap();
        let waiting = queues.iter().map(|queue| (&*queue.host, queue.waiting));
        // That the follow ends, and nothing after it.
        assert_eq!(waiting.collect::<Vec<_>>(), [(&*server.host, 1), ("evil.example", 1)]);
        let _work = begin(&sidecar);
        assert_eq!(server.next().await.activity()["id"], said(1)["id"]);
    }
}

#[tokio::test]
async fn servers_are_due_in_turn_and_each_is_one_workers() {
    for (sidecar, _kept) in federating().await {
        let database = &sidecar.database;
        let target = handle(&sidecar).await;
        for name in ["c.example", "a.example", "b.example"] {
            follows(&sidecar, &somebody("ada", name, Kind::Person), target).await;
        }
        let due = async |now: i64, most: i64| {
            let found = host::due(database, now, most, &[]).await.unwrap();
            found.into_iter().map(|host| host.name).collect::<Vec<_>>()
        };
        assert_eq!(due(10, 9).await, [""; 0]);
        let all = [Addressee::FollowersOf(target)];
        sent::queue(database, 2, (target, "{}", None), &all).await.unwrap();
        host::failed(database, 5, "a.example", 20, "no").await.unwrap();
        assert_eq!(due(10, 9).await, ["b.example", "c.example"]);
        assert_eq!(due(30, 2).await, ["b.example", "c.example"]);
        assert!(host::lease(database, 10, "b.example", 50).await.unwrap().is_some());
        assert!(host::lease(database, 10, "b.example", 50).await.unwrap().is_none());
        assert!(host::lease(database, 10, "a.example", 50).await.unwrap().is_none());
        assert_eq!(due(30, 9).await, ["c.example", "a.example"]);
        host::take_back(database).await.unwrap();
        // Whoever was served comes last, whatever they are called.
        assert_eq!(due(10, 9).await, ["c.example", "b.example"]);
    }
}

#[tokio::test]
async fn who_invents_names_gets_no_more_turns_for_it() {
    for (sidecar, _kept) in federating().await {
        let database = &sidecar.database;
        let target = handle(&sidecar).await;
        for no in 0..40 {
            let name = format!("a{no}.evil.com");
            follows(&sidecar, &somebody("ada", &name, Kind::Person), target).await;
        }
        follows(&sidecar, &somebody("bob", "zoe.example", Kind::Person), target).await;
        sidecar.send(&root(), &said(1), &[To::FollowersOf(root())]).await.unwrap();
        let taken = sidecar.take_hosts(9, &[]).await.unwrap();
        let of = |site: &str| taken.iter().filter(|host| host.site == site).count();
        assert_eq!((of("evil.com"), of("zoe.example")), (DELIVERED_OF_SITE, 1));
        let sites: Vec<String> = vec!["evil.com".to_owned(); DELIVERED_OF_SITE];
        assert_eq!(sidecar.take_hosts(9, &sites).await.unwrap(), []);
        assert_eq!(sidecar.take_hosts(9, &sites[1..]).await.unwrap().len(), 1);
        host::take_back(database).await.unwrap();
        assert_eq!(sidecar.take_hosts(9, &sites).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_turn_ends_also_when_more_waits() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        follows(&sidecar, &server.actor("ada"), handle(&sidecar).await).await;
        for no in 1..=3 {
            sidecar.send(&root(), &said(no), &[To::FollowersOf(root())]).await.unwrap();
        }
        for no in 1..=3 {
            let mut host = sidecar.take_hosts(1, &[]).await.unwrap().remove(0);
            sidecar.deliver_to(&mut host, Duration::ZERO).await.unwrap();
            assert_eq!(server.next().await.activity()["id"], said(no)["id"]);
            assert!(server.came.try_recv().is_err(), "more than its turn");
        }
    }
}

#[tokio::test]
async fn an_inbox_that_fails_is_left_alone_however_often_its_server_says_something() {
    for (sidecar, _kept) in federating().await {
        let (database, name) = (&sidecar.database, "two.example");
        keep(&sidecar, &somebody("ada", name, Kind::Person)).await;
        let fails = async || {
            let later = now_ms() + 3_600_000;
            host::failed(database, now_ms(), name, later, "no").await.unwrap();
        };
        let is_left_alone = async || {
            sidecar.note_alive(name).await.unwrap();
            host::trouble(database, name).await.unwrap().unwrap().due_at > now_ms()
        };
        fails().await;
        assert!(!is_left_alone().await);
        for _ in 0..3 {
            fails().await;
            assert!(is_left_alone().await && is_left_alone().await);
        }
        assert_eq!(host::trouble(database, name).await.unwrap().unwrap().failures, 4);
        host::revive(database, name).await.unwrap();
        assert_eq!(host::trouble(database, name).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_answer_that_waits_is_replaced_and_nobodys_inbox_grows_without_end() {
    for (sidecar, _kept) in federating().await {
        let ada = somebody("ada", "two.example", Kind::Person);
        let (database, id) = (&sidecar.database, keep(&sidecar, &ada).await);
        let actor = remote_actor::by_id(database, id).await.unwrap().unwrap();
        for no in 0..5 {
            let url = format!("https://two.example/follows/{no}");
            let url = crate::federation::id::Remote::parse(&url, Strictness::Public).unwrap();
            sidecar.followed(&actor, &root(), Some(&url)).await.unwrap();
        }
        let waiting = delivery::next(database, "two.example", 9).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].activity.contains("two.example/follows/4"));
        assert_eq!(sent::tests::count(database).await, 1);
        for _ in 0..PARKED {
            host::failed(database, 1, "two.example", 1, "nobody there").await.unwrap();
        }
        for no in 0..DELIVERIES_OF_PARKED + 9 {
            sidecar.send(&root(), &said(no), &[To::Inbox(id), To::Server(id)]).await.unwrap();
        }
        let waiting = delivery::next(database, "two.example", 999).await.unwrap();
        assert_eq!(waiting.len() as i64, DELIVERIES_OF_PARKED);
    }
}
