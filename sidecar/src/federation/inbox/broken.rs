//! Activities with anything in any place of them, signed as they must be: refused or passed over, and never more.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::tests::{activity, federating, known, post, published, recorded};
use crate::config::Federation;
use crate::federation::id::Remote;
use crate::federation::{id, read};
use crate::table::remote_actor::Kind;

/// Marsaglia's xorshift: a failing seed fails again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }

    /// What nobody expects.
    fn junk(&mut self) -> Value {
        match self.below(16) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(f64::MAX),
            4 => json!(u64::MAX),
            5 => json!(""),
            6 => json!("\u{0}\u{202e}\u{feff}"),
            7 => json!("x".repeat(5_000)),
            8 => json!([]),
            9 => json!([[[[[]]]], 7, null]),
            10 => json!({ "id": { "id": ["x"] }, "type": ["Note", 7] }),
            11 => json!("https://one.example/accounts/root"),
            12 => json!("https://one.example/videos/watch/1/comments/9999999999999999999"),
            13 => json!("https://127.0.0.1/"),
            14 => json!("javascript:alert(1)"),
            _ => json!("https://two.example/users/ada"),
        }
    }

    /// Puts junk into one place of it, or takes the place away.
    fn spoil(&mut self, value: &mut Value) {
        let places = count(value);
        let place = self.below(places);
        let junk = if self.below(5) == 0 { None } else { Some(self.junk()) };
        replace(value, &mut { place }, &junk);
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(object) => object.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Whether the place was found; without junk, it is null or gone.
fn replace(value: &mut Value, place: &mut usize, junk: &Option<Value>) -> bool {
    if *place == 0 {
        *value = junk.clone().unwrap_or_default();
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => list.iter_mut().any(|inner| replace(inner, place, junk)),
        Value::Object(object) => spoil_object(object, place, junk),
        _ => false,
    }
}

fn spoil_object(object: &mut Map<String, Value>, place: &mut usize, junk: &Option<Value>) -> bool {
    let keys: Vec<String> = object.keys().cloned().collect();
    for key in keys {
        if *place == 0 && junk.is_none() {
            object.remove(&key);
            return true;
        }
        if object.get_mut(&key).is_some_and(|inner| replace(inner, place, junk)) {
            return true;
        }
    }
    false
}

/// What servers say, as of somebody whom we know.
fn said(by: &crate::table::remote_actor::RemoteActor, video: &str) -> Vec<Value> {
    let mut all: Vec<Value> = recorded()
        .iter()
        .filter(|one| one.method == "POST")
        .filter_map(|one| serde_json::from_str(&one.body).ok())
        .collect();
    for kind in ["Follow", "Like", "Dislike", "View", "Announce", "Undo", "Block", "Flag", "Delete"]
    {
        all.push(activity(kind, 1, by, video));
        all.push(activity(kind, 1, by, json!({ "id": video, "type": "Follow", "actor": by.url })));
    }
    let text = serde_json::to_string(&all).unwrap();
    let text = text.replace("http://127.0.0.1:9010", &format!("https://{}", by.host));
    let text = text.replace("http://127.0.0.1:9000", "https://one.example");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn no_activity_is_more_than_refused_and_nobody_stops_hearing() {
    let seed = Instant::now().elapsed().as_nanos() as u64 ^ u64::from(std::process::id()) | 1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let [instance, other] = federating(Federation::default()).await;
    drop(other);
    let sidecar = &instance.sidecar;
    let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
    let (_, video) = published(sidecar).await;
    let said = said(&ada, &video);
    for no in 0..1_500 {
        let mut activity = said[chance.below(said.len())].clone();
        activity["actor"] = json!(ada.url);
        activity["id"] = json!(format!("{}/{no}", ada.url));
        for _ in 0..=chance.below(3) {
            chance.spoil(&mut activity);
        }
        let status = post(&ada, &activity).to(sidecar).await;
        assert!([202, 400, 401, 403, 413].contains(&status), "{status} for {activity}");
        if chance.below(100) == 0 {
            known(sidecar, "ada", "two.example", Kind::Person).await;
        }
    }
    let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
    assert_eq!(post(&ada, &activity("Like", 9_999, &ada, video)).to(sidecar).await, 202);
}

#[test]
fn no_actor_is_more_than_refused() {
    let seed = u64::from(std::process::id()) | 1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let place = id::Place::new("https://one.example", id::Strictness::Public).unwrap();
    let source =
        Remote::parse("https://two.example/accounts/root", id::Strictness::Public).unwrap();
    let told = crate::federation::object::tests::recorded("ap-channel-root.json").to_string();
    let told = told.replace("http://127.0.0.1:9000/video-channels/root_channel", source.as_str());
    let told = told.replace("http://127.0.0.1:9000", "https://two.example");
    let told: Value = serde_json::from_str(&told).unwrap();
    assert!(read::actor::read(&place, &source, told.as_object().unwrap()).is_ok());
    for _ in 0..20_000 {
        let mut told = told.clone();
        for _ in 0..=chance.below(4) {
            chance.spoil(&mut told);
        }
        if let Some(object) = told.as_object()
            && let Ok(read) = read::actor::read(&place, &source, object)
        {
            assert!(read.actor.url == source.as_str() && read.actor.host == "two.example");
            assert!(read.actor.inbox.starts_with("https://two.example/"), "{}", read.actor.inbox);
        }
    }
}
