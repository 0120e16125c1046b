//! What we say of ourselves: actors, videos and collections, as PeerTube and Mastodon read them.
//!
//! Pure: rows in, JSON out. Loading and answering is [`super::tell`]'s.

pub(crate) mod actor;
pub(crate) mod collection;
pub(crate) mod note;
pub(crate) mod video;

use serde_json::{Value, json};

/// What the words of an actor mean; nobody here reads it, JSON-LD processors do.
pub(crate) fn actor_context() -> Value {
    json!([
        ACTIVITY_STREAMS,
        SECURITY,
        {
            "pt": PEERTUBE,
            "sc": "http://schema.org/",
            "support": { "@type": "sc:Text", "@id": "pt:support" },
            "toot": "http://joinmastodon.org/ns#",
            "discoverable": "toot:discoverable",
            "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        },
    ])
}

/// What the words of a collection or a plain activity mean.
pub(crate) fn plain_context() -> Value {
    json!([ACTIVITY_STREAMS, SECURITY])
}

/// Puts a context before an object's other keys.
pub(crate) fn with_context(context: Value, mut object: Value) -> Value {
    object["@context"] = context;
    object
}

pub(crate) const ACTIVITY_STREAMS: &str = "https://www.w3.org/ns/activitystreams";
const SECURITY: &str = "https://w3id.org/security/v1";
pub(crate) const PEERTUBE: &str = "https://joinpeertube.org/ns#";

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use serde_json::Value;

    use crate::api::tests::differences;

    /// How an object differs from an answer of a real PeerTube, but for keys that are looked at by themselves.
    pub(crate) fn unlike(ours: &Value, recorded: &str, but: &[&str]) -> Vec<String> {
        let mut objects = [ours.clone(), self::recorded(recorded)];
        for object in &mut objects {
            object.as_object_mut().unwrap().retain(|key, _| !but.contains(&key.as_str()));
        }
        differences("", &objects[0], &objects[1])
    }

    /// An answer of a real PeerTube.
    pub(crate) fn recorded(name: &str) -> Value {
        let path = format!("{}/fixtures/objects/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}
