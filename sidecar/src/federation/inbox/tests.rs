//! What other servers send, what it does, and what is not believed: on both databases.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use http::header::{HeaderName, HeaderValue};
use serde_json::Value;
use wire::id::VideoId;

use super::*;
pub(super) use crate::api::tests::federating;
use crate::api::tests::instances;
use crate::config::{Federation, Followers, Registration};
use crate::database::{reading, writing};
use crate::federation::id::Strictness;
use crate::federation::key::{NewKey, PrivateKey};
use crate::federation::read;
use crate::federation::signature::{Outgoing, sign};
use crate::table::follow::{self, FollowState};
use crate::table::remote_actor::{Kind, NewActor, tests::somebody};
use crate::table::video::{self, State, tests::about};

/// Two pairs of keys, since making them takes long.
fn keys() -> &'static [NewKey; 2] {
    static KEYS: OnceLock<[NewKey; 2]> = OnceLock::new();
    KEYS.get_or_init(|| [NewKey::make().unwrap(), NewKey::make().unwrap()])
}

/// Somebody of another server, whose first key we have.
pub(super) async fn known(sidecar: &Sidecar, name: &str, host: &str, kind: Kind) -> RemoteActor {
    let public_key = keys()[0].public_pem.clone();
    let new = NewActor { public_key, ..somebody(name, host, kind) };
    let id = remote_actor::keep(&sidecar.database, crate::now_ms(), &new).await.unwrap();
    remote_actor::by_id(&sidecar.database, id).await.unwrap().unwrap()
}

/// A published video of root's, and its URL.
pub(super) async fn published(sidecar: &Sidecar) -> (i64, String) {
    let id = video::tests::made(&sidecar.database, "root", about("The sea")).await;
    video::set_state(&sidecar.database, 20, id, State::Published).await.unwrap();
    let found = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
    (id, format!("https://one.example/videos/watch/{}", found.uuid))
}

/// What is sent, and how it is signed.
pub(super) struct Post {
    path: &'static str,
    pub(super) body: String,
    key: usize,
    key_id: String,
    pub(super) now: SystemTime,
    host: &'static str,
}

pub(super) fn post(from: &RemoteActor, activity: &Value) -> Post {
    Post {
        path: "/inbox",
        body: activity.to_string(),
        key: 0,
        key_id: format!("{}#main-key", from.url),
        now: SystemTime::now(),
        host: "one.example",
    }
}

impl Post {
    fn request(&self) -> Request<Full<Bytes>> {
        let key = PrivateKey::read(&keys()[self.key].private).unwrap();
        let outgoing = Outgoing {
            method: &Method::POST,
            authority: self.host,
            target: self.path,
            body: Some(self.body.as_bytes()),
        };
        let mut request = Request::new(Full::new(Bytes::from(self.body.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.path.parse().unwrap();
        let signed = sign(&outgoing, &self.key_id, &key, self.now).unwrap();
        request.headers_mut().extend(signed.into_iter().map(|(name, value)| (Some(name), value)));
        request
    }

    pub(super) async fn to(&self, sidecar: &Sidecar) -> u16 {
        status(sidecar, self.request()).await
    }
}

async fn status(sidecar: &Sidecar, mut request: Request<Full<Bytes>>) -> u16 {
    let peer = "127.0.0.1:9".parse().unwrap();
    match sidecar.read_posted(&mut request, peer).await.unwrap() {
        Ok(posted) => sidecar.hear(&posted, SystemTime::now()).await.status().as_u16(),
        Err(reply) => reply.status().as_u16(),
    }
}

pub(super) fn activity(
    kind: &str,
    no: u32,
    actor: &RemoteActor,
    object: impl Into<Value>,
) -> Value {
    json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "type": kind,
        "id": format!("{}/activities/{no}", actor.url),
        "actor": actor.url,
        "object": object.into(),
    })
}

async fn waiting(sidecar: &Sidecar) -> Vec<Value> {
    let found: Vec<(String,)> = reading!(&sidecar.database, pool => {
        sqlx::query_as("SELECT activity FROM sent ORDER BY id").fetch_all(pool).await
    })
    .unwrap();
    found.into_iter().map(|(text,)| serde_json::from_str(&text).unwrap()).collect()
}

async fn waiting_ids(sidecar: &Sidecar) -> Vec<i64> {
    let found: Vec<(i64,)> = reading!(&sidecar.database, pool => {
        sqlx::query_as("SELECT id FROM delivery ORDER BY id").fetch_all(pool).await
    })
    .unwrap();
    found.into_iter().map(|(id,)| id).collect()
}

#[tokio::test]
async fn whoever_follows_is_answered_by_the_houses_rule_and_may_end_it() {
    for (followers, state, answer) in [
        (Followers::Open, 2, Some("Accept")),
        (Followers::Approve, 1, None),
        (Followers::Off, 3, Some("Reject")),
    ] {
        let settings = Federation { followers, ..Federation::default() };
        for instance in federating(settings).await {
            let sidecar = &instance.sidecar;
            let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
            let target = "https://one.example/video-channels/root_channel";
            let follow_it = activity("Follow", 1, &ada, target);
            assert_eq!(post(&ada, &follow_it).to(sidecar).await, 202);
            let channel = sidecar.handle_of(&Local::Channel("root_channel".to_owned())).await;
            let channel = channel.unwrap().unwrap();
            let kept = follow::of(&sidecar.database, ada.id, channel).await.unwrap().unwrap();
            assert_eq!(kept.state, state);
            let sent = waiting(sidecar).await;
            assert_eq!(sent.first().map(|sent| sent["type"].as_str().unwrap()), answer);
            if let Some(sent) = sent.first() {
                assert_eq!(
                    (&sent["actor"], &sent["object"]["id"]),
                    (&json!(target), &follow_it["id"])
                );
            }
            // Who asks again is answered again, as the first answer may be lost; not twice while one waits.
            let first = waiting_ids(sidecar).await;
            assert_eq!(post(&ada, &follow_it).to(sidecar).await, 202);
            let second = waiting_ids(sidecar).await;
            assert_eq!(second.len(), usize::from(answer.is_some()));
            assert!(answer.is_none() || first != second);
            let undo = activity("Undo", 2, &ada, follow_it["id"].clone());
            assert_eq!(post(&ada, &undo).to(sidecar).await, 202);
            assert_eq!(follow::of(&sidecar.database, ada.id, channel).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn likes_and_dislikes_are_counted_once_and_taken_back() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let bob = known(sidecar, "bob", "two.example", Kind::Person).await;
        let (id, url) = published(sidecar).await;
        let counts = async || {
            let found = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
            (found.likes, found.dislikes)
        };
        let like = activity("Like", 1, &ada, url.as_str());
        for _ in 0..2 {
            assert_eq!(post(&ada, &like).to(sidecar).await, 202);
            assert_eq!(counts().await, (1, 0));
        }
        let dislike = activity("Dislike", 2, &ada, json!({ "id": url, "type": "Video" }));
        post(&ada, &dislike).to(sidecar).await;
        assert_eq!(counts().await, (0, 1));
        // What came once doesn't come again.
        post(&ada, &like).to(sidecar).await;
        assert_eq!(counts().await, (0, 1));
        // Nobody takes back what another thinks, not even of the same server.
        post(&bob, &activity("Undo", 3, &bob, dislike.clone())).to(sidecar).await;
        assert_eq!(counts().await, (0, 1));
        // PeerTube's like has the same id each time, and so has what takes it back.
        for _ in 0..2 {
            post(&ada, &dislike).to(sidecar).await;
            assert_eq!(counts().await, (0, 1));
            post(&ada, &activity("Undo", 4, &ada, dislike.clone())).to(sidecar).await;
            assert_eq!(counts().await, (0, 0));
        }
        post(&ada, &activity("Like", 5, &ada, url.as_str())).to(sidecar).await;
        post(&bob, &activity("Like", 6, &bob, url.as_str())).to(sidecar).await;
        assert_eq!(counts().await, (2, 0));
        post(&ada, &activity("Delete", 7, &ada, ada.url.as_str())).to(sidecar).await;
        assert_eq!(counts().await, (1, 0), "who goes takes it along");
        assert!(remote_actor::by_url(&sidecar.database, &ada.url).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn views_and_shares_of_elsewhere_are_counted() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let two = known(sidecar, "peertube", "two.example", Kind::Instance).await;
        let (id, url) = published(sidecar).await;
        let views = async || video::by_id(&sidecar.database, id).await.unwrap().unwrap().views;
        post(&two, &activity("View", 1, &two, url.as_str())).to(sidecar).await;
        let mut watching = activity("View", 2, &two, url.as_str());
        watching["expires"] = json!("2026-11-26T00:00:00Z");
        post(&two, &watching).to(sidecar).await;
        assert_eq!(views().await, 1);
        for no in 3..1_000 {
            post(&two, &activity("View", no, &two, url.as_str())).to(sidecar).await;
        }
        assert!((200..600).contains(&views().await), "one server tells as many as it likes");
        let announce = activity("Announce", 2_000, &two, url.as_str());
        let shares = async || crate::table::share::of_video(&sidecar.database, id).await.unwrap();
        post(&two, &announce).to(sidecar).await;
        assert_eq!(shares().await, 1);
        post(&two, &activity("Undo", 2_001, &two, announce)).to(sidecar).await;
        assert_eq!(shares().await, 0);
    }
}

#[tokio::test]
async fn what_is_not_proved_is_not_believed() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let (id, url) = published(sidecar).await;
        let like = activity("Like", 1, &ada, url.as_str());
        let refused = async |post: Post, wanted: u16, why: &str| {
            assert_eq!(post.to(sidecar).await, wanted, "{why}");
            let found = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
            assert_eq!(found.likes, 0, "{why}");
        };
        refused(Post { key: 1, ..post(&ada, &like) }, 401, "another's key").await;
        refused(Post { host: "three.example", ..post(&ada, &like) }, 401, "for another").await;
        let old = SystemTime::now() - 2 * signature::WINDOW;
        refused(Post { now: old, ..post(&ada, &like) }, 401, "of yesterday").await;
        let here = "https://one.example/accounts/root#main-key".to_owned();
        refused(Post { key_id: here, ..post(&ada, &like) }, 403, "our own key").await;
        let mut ours = like.clone();
        ours["actor"] = json!("https://one.example/accounts/root");
        refused(post(&ada, &ours), 403, "as one of ours").await;
        let mut ours = like.clone();
        ours["id"] = json!("https://one.example/accounts/root/likes/1");
        refused(post(&ada, &ours), 403, "with an id of ours").await;
        let mut theirs = like.clone();
        theirs["id"] = json!("https://three.example/likes/1");
        refused(post(&ada, &theirs), 403, "with another server's id").await;
        let mut theirs = like.clone();
        theirs["actor"] = json!("https://three.example/users/ada");
        refused(post(&ada, &theirs), 202, "as another server's").await;
        let mut nameless = like.clone();
        nameless.as_object_mut().unwrap().remove("id");
        refused(post(&ada, &nameless), 400, "without an id").await;
        refused(Post { body: "[]".to_owned(), ..post(&ada, &like) }, 400, "no object").await;
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500_000), "]".repeat(500_000));
        refused(Post { body: deep, ..post(&ada, &like) }, 400, "too deep").await;
        let long = "x".repeat(MOST_BYTES + 1);
        refused(Post { body: long, ..post(&ada, &like) }, 413, "too long").await;
        let nobodys = "/accounts/nobody/inbox";
        refused(Post { path: nobodys, ..post(&ada, &like) }, 404, "nobody's inbox").await;
        let mut request = post(&ada, &like).request();
        request.headers_mut().remove("signature");
        assert_eq!(status(sidecar, request).await, 401, "not signed");
        let mut request = post(&ada, &like).request();
        *request.body_mut() = Full::new(Bytes::from(like.to_string().replace("Like", "Flag")));
        assert_eq!(status(sidecar, request).await, 401, "another body");
        let mut request = post(&ada, &like).request();
        *request.method_mut() = Method::GET;
        assert_eq!(status(sidecar, request).await, 405, "not posted");
        sidecar.block("two.example", None).await.unwrap();
        refused(post(&ada, &like), 403, "of who is blocked").await;
        sidecar.unblock("two.example").await.unwrap();
        assert_eq!(post(&ada, &like).to(sidecar).await, 202);
    }
}

#[tokio::test]
async fn of_who_is_gone_and_was_never_here_nothing_is_asked() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        remote_actor::remove(&sidecar.database, ada.id).await.unwrap();
        // There is no door to ask by, so asking would fail.
        let gone = activity("Delete", 1, &ada, ada.url.as_str());
        assert_eq!(post(&ada, &gone).to(sidecar).await, 202);
        let like = activity("Like", 2, &ada, "https://one.example/videos/watch/x");
        assert_eq!(post(&ada, &like).to(sidecar).await, 401);
        // Names are given anew after that.
        known(sidecar, "ada", "two.example", Kind::Person).await;
    }
}

/// A request between two PeerTubes, as it was recorded.
#[derive(serde::Deserialize)]
pub(super) struct Recorded {
    t: String,
    dir: String,
    pub(super) method: String,
    url: String,
    #[serde(rename = "reqHeaders")]
    headers: BTreeMap<String, String>,
    #[serde(rename = "rawBody", default)]
    pub(super) body: String,
    #[serde(rename = "resBody")]
    answer: Value,
}

pub(super) fn recorded() -> Vec<Recorded> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/federation");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&fs::read(file).unwrap()).unwrap()).collect()
}

/// Keeps whom PeerTube B was asked about, as A would have.
async fn keep_actors(sidecar: &Sidecar, recorded: &[Recorded], host: &str) {
    let place = sidecar.place.as_ref().unwrap();
    let actors = recorded.iter().filter(|one| one.answer["publicKey"].is_object());
    for one in actors.filter(|one| one.answer["id"].as_str().unwrap().contains(host)) {
        let id = Remote::parse(one.answer["id"].as_str().unwrap(), Strictness::Test).unwrap();
        let mut read = read::actor::read(place, &id, one.answer.as_object().unwrap()).unwrap();
        if read.actor.kind == Kind::Channel {
            let owner = remote_actor::by_url(&sidecar.database, read.owners[0].as_str()).await;
            read.actor.owner_id = Some(owner.unwrap().unwrap().id);
        }
        remote_actor::keep(&sidecar.database, crate::now_ms(), &read.actor).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_peertube_sent_to_another_does_here_what_it_did_there() {
    let recorded = recorded();
    for mut instance in instances(Registration::Closed).await {
        let place = Place::new("http://127.0.0.1:9000", Strictness::Test).unwrap();
        instance.sidecar.federate(place, &Federation::default()).await.unwrap();
        let sidecar = &instance.sidecar;
        keep_actors(sidecar, &recorded, "127.0.0.1:9010").await;
        let (id, _) = published(sidecar).await;
        let uuid: VideoId = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4".parse().unwrap();
        writing!(&sidecar.database, pool => {
            sqlx::query("UPDATE video SET uuid = $1 WHERE id = $2")
                .bind(uuid.to_string()).bind(id).execute(pool).await.map(drop)
        })
        .unwrap();
        let mut seen = Vec::new();
        for one in recorded.iter().filter(|one| one.dir == "B-to-A" && one.method == "POST") {
            let mut request = Request::new(Full::new(Bytes::from(one.body.clone())));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = one.url.parse().unwrap();
            let headers = one.headers.iter().map(|(name, value)| {
                (HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap())
            });
            request.headers_mut().extend(headers.map(|(name, value)| (Some(name), value)));
            let peer = "127.0.0.1:9".parse().unwrap();
            let posted = sidecar.read_posted(&mut request, peer).await.unwrap().unwrap();
            let at = crate::when::parse(&one.t).unwrap();
            let at = UNIX_EPOCH + Duration::from_millis(at.unsigned_abs());
            let said = serde_json::from_str::<Value>(&one.body).unwrap()["type"].clone();
            let status = sidecar.hear(&posted, at).await.status().as_u16();
            let found = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
            seen.push((said, status, found.likes, found.dislikes, found.views));
        }
        let wanted = [
            (json!("Follow"), 202, 0, 0, 0),
            (json!("Like"), 202, 1, 0, 0),
            (json!("Follow"), 202, 1, 0, 0),
            (json!("Create"), 202, 1, 0, 0),
            (json!("Undo"), 202, 0, 0, 0),
            (json!("Dislike"), 202, 0, 1, 0),
        ];
        assert_eq!(seen[..6], wanted);
        let followers = async |whose: Local| {
            let id = sidecar.handle_of(&whose).await.unwrap().unwrap();
            follow::followers(&sidecar.database, id).await.unwrap()
        };
        assert_eq!(followers(Local::Instance).await, 1);
        assert_eq!(followers(Local::Channel("root_channel".to_owned())).await, 1);
        let answers = waiting(sidecar).await;
        assert_eq!((answers.len(), &answers[0]["type"]), (2, &json!("Accept")));
    }
}

#[tokio::test]
async fn what_we_follow_is_listed_once_they_say_yes_and_no_longer_than_we_do() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let two = known(sidecar, "peertube", "two.example", Kind::Instance).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let boats =
            NewActor { owner_id: Some(ada.id), ..somebody("boats", "two.example", Kind::Channel) };
        let boats = remote_actor::keep(&sidecar.database, 5, &boats).await.unwrap();
        let is_followed = async || {
            let found = crate::table::channel::by_id(&sidecar.database, boats).await;
            found.unwrap().unwrap().is_followed
        };
        let asked = sidecar.follow(&two).await.unwrap();
        assert!(asked.is(FollowState::Asked) && !is_followed().await);
        let yes =
            activity("Accept", 1, &two, json!({ "type": "Follow", "id": "https://one.example/x" }));
        assert_eq!(post(&two, &yes).to(sidecar).await, 202);
        assert!(is_followed().await);
        let no = activity("Reject", 2, &two, json!({ "type": "Follow" }));
        post(&two, &no).to(sidecar).await;
        assert!(!is_followed().await);
        sidecar.follow(&two).await.unwrap();
        post(&two, &activity("Accept", 3, &two, json!({ "type": "Follow" }))).to(sidecar).await;
        assert!(is_followed().await);
        assert!(sidecar.unfollow(&two).await.unwrap() && !is_followed().await);
        let sent: Vec<Value> = waiting(sidecar).await;
        let kinds: Vec<_> = sent.iter().map(|sent| sent["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["Follow", "Undo"]);
        // Whom nobody asked says yes in vain.
        let yes = activity("Accept", 4, &ada, json!({ "type": "Follow" }));
        assert_eq!(post(&ada, &yes).to(sidecar).await, 202);
        assert!(!is_followed().await);
    }
}

#[tokio::test]
async fn nothing_of_who_is_blocked_is_listed_and_nobody_of_them_follows() {
    for instance in federating(Federation::default()).await {
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let two = known(sidecar, "peertube", "a.two.example", Kind::Instance).await;
        let ada = known(sidecar, "ada", "a.two.example", Kind::Person).await;
        let mut channels = Vec::new();
        for name in ["boats", "harbours"] {
            let new = somebody(name, "a.two.example", Kind::Channel);
            let new = NewActor { owner_id: Some(ada.id), ..new };
            channels.push(remote_actor::keep(database, 5, &new).await.unwrap());
        }
        let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
        for pair in [(us, two.id), (ada.id, us)] {
            follow::set(database, 5, pair, None, FollowState::Accepted).await.unwrap();
        }
        sidecar.relist().await.unwrap();
        let followed = async || {
            let mut followed = Vec::new();
            for id in &channels {
                followed.push(
                    crate::table::channel::by_id(database, *id).await.unwrap().unwrap().is_followed,
                );
            }
            followed
        };
        assert_eq!(followed().await, [true, true]);
        sidecar.block("boats@a.two.example", None).await.unwrap();
        assert_eq!(followed().await, [false, true]);
        sidecar.unblock("boats@a.two.example").await.unwrap();
        assert_eq!(followed().await, [true, true]);
        sidecar.block("ada@a.two.example", None).await.unwrap();
        assert_eq!(followed().await, [false, false]);
        assert_eq!(follow::of(database, ada.id, us).await.unwrap(), None);
        sidecar.unblock("ada@a.two.example").await.unwrap();
        sidecar.block("two.example", Some("spam")).await.unwrap();
        assert_eq!(followed().await, [false, false]);
        assert_eq!(follow::of(database, us, two.id).await.unwrap(), None);
        sidecar.unblock("two.example").await.unwrap();
        assert_eq!(followed().await, [false, false], "whoever is let in again is followed by hand");
    }
}

#[tokio::test]
async fn where_it_is_wished_objects_are_told_to_those_alone_who_say_who_they_are() {
    let settings = Federation { authorized_fetch: true, ..Federation::default() };
    for instance in federating(settings).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let told = async |path: &'static str, key: Option<usize>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/activity+json"));
            if let Some(key) = key {
                let key = PrivateKey::read(&keys()[key].private).unwrap();
                let (method, authority) = (&Method::GET, "one.example");
                let outgoing = Outgoing { method, authority, target: path, body: None };
                let signed =
                    sign(&outgoing, &format!("{}#main-key", ada.url), &key, SystemTime::now());
                headers
                    .extend(signed.unwrap().into_iter().map(|(name, value)| (Some(name), value)));
            }
            let told = sidecar.tell(&path.parse().unwrap(), &headers, "192.0.2.1").await.unwrap();
            told.status().as_u16()
        };
        assert_eq!(told("/accounts/root", None).await, 401);
        assert_eq!(told("/accounts/root", Some(1)).await, 401);
        assert_eq!(told("/accounts/root", Some(0)).await, 200);
        assert_eq!(told("/accounts/peertube", None).await, 200);
        sidecar.block("two.example", None).await.unwrap();
        assert_eq!(told("/accounts/root", Some(0)).await, 403);
    }
}
