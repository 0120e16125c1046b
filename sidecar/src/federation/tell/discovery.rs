//! How others find us: webfinger (RFC 7033), host-meta (RFC 6415) and NodeInfo 2.0 and 2.1.

use bytes::Bytes;
use http::{StatusCode, Uri};
use serde_json::{Value, json};

use super::{Part, TellError, Wanted, failed, reply};
use crate::config::Registration;
use crate::federation::id::{INSTANCE, Id, Local, Place};
use crate::query::Query;
use crate::table::video;
use crate::{Reply, Sidecar};

impl Sidecar {
    /// Answers what is below `/.well-known/` and `/nodeinfo/`.
    pub(super) async fn discover(&self, place: &Place, uri: &Uri) -> Option<Reply> {
        Some(match uri.path() {
            "/.well-known/webfinger" => {
                self.answer_finger(place, uri.query().unwrap_or_default()).await
            }
            "/.well-known/host-meta" => reply(
                StatusCode::OK,
                "application/xrd+xml; charset=utf-8",
                Bytes::from(host_meta(place)),
            ),
            "/.well-known/nodeinfo" => json_reply(&node_links(place)),
            "/nodeinfo/2.0.json" | "/nodeinfo/2.0" => self.node("2.0").await,
            "/nodeinfo/2.1.json" | "/nodeinfo/2.1" => self.node("2.1").await,
            _ => return None,
        })
    }

    async fn answer_finger(&self, place: &Place, query: &str) -> Reply {
        let query = Query::parse(query);
        let Some(resource) = query.text("resource") else {
            return problem(StatusCode::BAD_REQUEST, "resource is missing: acct:name@host");
        };
        for whose in named(place, resource) {
            match self.actor(&whose).await {
                Ok(Some(actor)) => {
                    return reply(
                        StatusCode::OK,
                        JRD,
                        Bytes::from(finger_of(place, &actor.id).to_string()),
                    );
                }
                Ok(None) => {}
                Err(error) => return failed(&error),
            }
        }
        problem(StatusCode::NOT_FOUND, "nobody here is called so")
    }

    async fn node(&self, version: &str) -> Reply {
        match self.node_info(version).await {
            Ok(info) => {
                let kind = if version == "2.0" { NODE_2_0 } else { NODE_2_1 };
                reply(StatusCode::OK, kind, Bytes::from(info.to_string()))
            }
            Err(error) => failed(&error),
        }
    }

    async fn node_info(&self, version: &str) -> Result<Value, TellError> {
        let users = video::tally(&self.database, "users", "").await?;
        let videos = video::tally(&self.database, "local", "").await?;
        Ok(json!({
            "version": version,
            "software": { "name": "shoal", "version": env!("CARGO_PKG_VERSION") },
            "protocols": ["activitypub"],
            "services": { "inbound": [], "outbound": ["atom1.0", "rss2.0"] },
            "openRegistrations": self.settings.registration == Registration::Open,
            // Who was here when isn't kept.
            "usage": { "users": { "total": users }, "localPosts": videos, "localComments": 0 },
            "metadata": {
                "taxonomy": { "postsName": "Videos" },
                "nodeName": self.house.name,
                "nodeDescription": self.house.short_description,
            },
        }))
    }
}

/// Who may be meant: `acct:name@host`, `name@host`, or the URL of an actor or its page. Accounts and channels share their names.
fn named(place: &Place, resource: &str) -> Vec<Local> {
    let handle = resource.strip_prefix("acct:").unwrap_or(resource);
    let handle = handle.strip_prefix('@').unwrap_or(handle);
    if let Some((name, host)) = handle.rsplit_once('@').filter(|_| !handle.contains("://")) {
        if !host.eq_ignore_ascii_case(place.authority()) {
            return Vec::new();
        }
        let name = name.to_ascii_lowercase();
        if name == INSTANCE || name.eq_ignore_ascii_case(place.authority()) {
            return vec![Local::Instance];
        }
        let paths = [format!("/accounts/{name}"), format!("/video-channels/{name}")];
        return paths.iter().filter_map(|path| Local::parse(path)).collect();
    }
    let whose = match place.read(resource) {
        Ok(Id::Local(local)) => Some(local),
        _ => shown_at(place, resource),
    };
    let is_actor =
        |whose: &Local| matches!(whose, Local::Instance | Local::Account(_) | Local::Channel(_));
    whose.into_iter().filter(is_actor).collect()
}

/// What the page of this URL shows.
fn shown_at(place: &Place, url: &str) -> Option<Local> {
    let path = url.strip_prefix(&place.below("")).filter(|path| path.starts_with('/'))?;
    Wanted::parse(path).filter(|wanted| wanted.part == Part::Itself).map(|wanted| wanted.what)
}

fn finger_of(place: &Place, whose: &Local) -> Value {
    let (name, page) = match whose {
        Local::Account(name) => (name.as_str(), format!("/a/{name}")),
        Local::Channel(name) => (name.as_str(), format!("/c/{name}")),
        _ => (INSTANCE, "/about".to_owned()),
    };
    let id = place.url(whose);
    json!({
        "subject": format!("acct:{name}@{}", place.authority()),
        "aliases": [id, place.below(&page)],
        "links": [
            { "rel": "self", "type": "application/activity+json", "href": id },
            { "rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": place.below(&page) },
        ],
    })
}

fn host_meta(place: &Place) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
         <Link rel=\"lrdd\" type=\"application/xrd+xml\" template=\"{}\"/>\n</XRD>\n",
        place.below("/.well-known/webfinger?resource={uri}")
    )
}

/// The last is where PeerTube finds whom to follow (FEP-2677).
fn node_links(place: &Place) -> Value {
    let schema = |version: &str| format!("http://nodeinfo.diaspora.software/ns/schema/{version}");
    json!({
        "links": [
            { "rel": schema("2.0"), "href": place.below("/nodeinfo/2.0.json") },
            { "rel": schema("2.1"), "href": place.below("/nodeinfo/2.1.json") },
            { "rel": "https://www.w3.org/ns/activitystreams#Application", "href": place.url(&Local::Instance) },
        ],
    })
}

fn json_reply(value: &Value) -> Reply {
    reply(StatusCode::OK, "application/json; charset=utf-8", Bytes::from(value.to_string()))
}

fn problem(status: StatusCode, text: &str) -> Reply {
    reply(
        status,
        "application/json; charset=utf-8",
        Bytes::from(json!({ "error": text }).to_string()),
    )
}

const JRD: &str = "application/jrd+json; charset=utf-8";

/// NodeInfo wants the profile named.
const NODE_2_0: &str =
    "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.0#\"; charset=utf-8";
const NODE_2_1: &str =
    "application/json; profile=\"http://nodeinfo.diaspora.software/ns/schema/2.1#\"; charset=utf-8";
