//! Actors: the instance (Application), accounts (Person), channels (Group).

use serde_json::{Value, json};

use crate::federation::id::{INSTANCE, Local, Place};
use crate::when::iso;

/// Somebody who is followed and speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Actor<'a> {
    pub(crate) id: Local,
    pub(crate) label: &'a str,
    /// Markdown, as PeerTube's.
    pub(crate) about: Option<&'a str>,
    pub(crate) support: Option<&'a str>,
    /// The same in several sizes, the smallest first.
    pub(crate) avatars: Vec<Picture>,
    pub(crate) banners: Vec<Picture>,
    pub(crate) created_at: i64,
    /// Whose channel it is.
    pub(crate) owner: Option<Local>,
    pub(crate) public_key: &'a str,
}

/// A JPEG, by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) path: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

impl Picture {
    pub(crate) fn object(&self, place: &Place) -> Value {
        json!({
            "type": "Image",
            "mediaType": "image/jpeg",
            "url": place.below(&self.path),
            "width": self.width,
            "height": self.height,
        })
    }
}

impl Actor<'_> {
    /// Its document, with a context.
    pub(crate) fn object(&self, place: &Place) -> Value {
        let id = place.url(&self.id);
        let (kind, name, page) = match &self.id {
            Local::Account(name) => ("Person", name.as_str(), place.below(&format!("/a/{name}"))),
            Local::Channel(name) => ("Group", name.as_str(), place.below(&format!("/c/{name}"))),
            _ => ("Application", INSTANCE, place.below("/about")),
        };
        let mut object = json!({
            "@context": super::actor_context(),
            "type": kind,
            "id": id,
            "following": format!("{id}/following"),
            "followers": format!("{id}/followers"),
            "inbox": format!("{id}/inbox"),
            "outbox": format!("{id}/outbox"),
            "preferredUsername": name,
            "url": [{ "type": "Link", "mediaType": "text/html", "href": page }],
            "name": self.label,
            "endpoints": { "sharedInbox": place.below("/inbox") },
            "publicKey": {
                "id": format!("{id}#main-key"),
                "owner": id,
                "publicKeyPem": self.public_key,
            },
            "published": iso(self.created_at),
            "summary": self.about,
            "manuallyApprovesFollowers": false,
            "discoverable": true,
        });
        if let Some(owner) = &self.owner {
            object["attributedTo"] = json!([{ "type": "Person", "id": place.url(owner) }]);
            object["support"] = json!(self.support);
        }
        for (key, pictures) in [("icon", &self.avatars), ("image", &self.banners)] {
            if !pictures.is_empty() {
                let told: Vec<Value> =
                    pictures.iter().map(|picture| picture.object(place)).collect();
                object[key] = json!(told);
            }
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::id::Strictness;
    use crate::federation::object::tests::unlike;

    fn channel() -> Actor<'static> {
        Actor {
            id: Local::Channel("root_channel".to_owned()),
            label: "Main root channel",
            about: Some("About"),
            support: Some("Support"),
            avatars: vec![Picture {
                path: "/lazy-static/avatars/a.jpg".to_owned(),
                width: 600,
                height: 600,
            }],
            banners: Vec::new(),
            created_at: 1_795_301_356_541,
            owner: Some(Local::Account("root".to_owned())),
            public_key: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        }
    }

    fn place() -> Place {
        Place::new("https://one.example", Strictness::Public).unwrap()
    }

    fn sorted<T: ToString>(texts: impl IntoIterator<Item = T>) -> Vec<String> {
        let mut texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
        texts.sort();
        texts
    }

    #[test]
    fn actors_have_what_peertubes_have() {
        let object = channel().object(&place());
        // Lemmy's word comes with what it names.
        let more = [
            "/manuallyApprovesFollowers is unknown",
            "/discoverable is unknown",
            "/icon is unknown",
        ];
        let but = ["@context", "url", "playlists", "postingRestrictedToMods"];
        assert_eq!(sorted(unlike(&object, "ap-channel-root.json", &but)), sorted(more));
        let account = Actor { id: Local::Account("alice".to_owned()), owner: None, ..channel() };
        assert_eq!(
            sorted(unlike(&account.object(&place()), "ap-account-alice.json", &but)),
            sorted(more)
        );
        let instance = Actor { id: Local::Instance, owner: None, ..channel() };
        let instance = instance.object(&place());
        assert_eq!(sorted(unlike(&instance, "ap-instance-actor.json", &but)), sorted(more));
        assert_eq!(instance["type"], "Application");
        assert_eq!(instance["preferredUsername"], "peertube");
        assert_eq!(instance["id"], "https://one.example/accounts/peertube");
    }

    #[test]
    fn a_channel_says_whose_it_is_and_a_key_says_whose_it_is() {
        let object = channel().object(&place());
        assert_eq!(object["attributedTo"][0]["id"], "https://one.example/accounts/root");
        assert_eq!(object["publicKey"]["owner"], object["id"]);
        assert_eq!(
            object["publicKey"]["id"],
            "https://one.example/video-channels/root_channel#main-key"
        );
        assert_eq!(object["url"][0]["href"], "https://one.example/c/root_channel");
        assert_eq!(object["icon"][0]["url"], "https://one.example/lazy-static/avatars/a.jpg");
        assert!(
            object["@context"]
                .as_array()
                .unwrap()
                .contains(&json!("https://www.w3.org/ns/activitystreams"))
        );
    }
}
