//! An actor of another server: who they are, where they are written to, and by which key they are known.

use serde_json::Value;

use crate::federation::authority::{self, AuthorityError};
use crate::federation::id::{Id, IdError, Place, Remote};
use crate::federation::json::{self, Object};
use crate::federation::key::{KeyError, PublicKey};
use crate::prose;
use crate::table::remote_actor::{Kind, NewActor};

/// What was read, before its owner is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) actor: NewActor,
    /// Whose a group says that it is; the first that are named.
    pub(crate) owners: Vec<Remote>,
}

/// Why a document is no actor that we can know; the blame is its server's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActorError {
    #[error("this is no actor but {0:?}")]
    Kind(String),
    #[error("an actor without {0}")]
    Missing(&'static str),
    #[error("the name {0:?} is none")]
    Name(String),
    #[error("{0}: {1}")]
    Url(&'static str, IdError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("its key: {0}")]
    Key(#[from] KeyError),
    #[error("its key is another's")]
    KeyOwner,
}

/// Reads what was told under `source`.
///
/// # Errors
/// When it is no actor, or another's word.
pub(crate) fn read(place: &Place, source: &Remote, object: &Object) -> Result<Read, ActorError> {
    let kind = json::kind(object).unwrap_or_default();
    let kind = match kind {
        "Person" | "Service" | "Organization" => Kind::Person,
        "Group" => Kind::Channel,
        "Application" => Kind::Instance,
        other => return Err(ActorError::Kind(other.chars().take(50).collect())),
    };
    let id = url(place, object, "id")?;
    // Whoever leads us to ourselves meets nobody of another server.
    if id.authority() == place.authority() {
        return Err(AuthorityError::Ours.into());
    }
    let itself = Id::Remote(id.clone());
    authority::check_fetched(source, &itself, &itself)?;
    let name = name(object)?;
    let inbox = of_same_host(place, object, "inbox", &id)?;
    let shared_inbox = object.get("endpoints").and_then(Value::as_object);
    let shared_inbox = shared_inbox
        .and_then(|endpoints| of_same_host(place, endpoints, "sharedInbox", &id).ok())
        .map(|inbox| inbox.as_str().to_owned());
    let created_at = json::moment(object, "published").unwrap_or_default();
    let display_name = json::text(object, "name", MOST_LABEL).map(|name| prose::plain(&name));
    let display_name = display_name.filter(|name| !name.is_empty());
    let outbox = of_same_host(place, object, "outbox", &id).ok();
    Ok(Read {
        owners: owners(place, object, &id),
        actor: NewActor {
            url: id.as_str().to_owned(),
            host: id.authority().to_owned(),
            kind,
            display_name: display_name.unwrap_or_else(|| name.clone()),
            name,
            description: json::text(object, "summary", MOST_ABOUT)
                .map(|text| prose::of_elsewhere(&text)),
            support: json::text(object, "support", MOST_SUPPORT),
            inbox: inbox.as_str().to_owned(),
            shared_inbox,
            outbox: outbox.map(|outbox| outbox.as_str().to_owned()),
            public_key: key(place, object, &id)?,
            page: page(place, object, &id),
            avatar_url: picture(place, object, "icon"),
            banner_url: picture(place, object, "image"),
            followers: 0,
            created_at: created_at.max(0),
            owner_id: None,
        },
    })
}

fn url(place: &Place, object: &Object, name: &'static str) -> Result<Remote, ActorError> {
    let text = json::first_id(object, name).ok_or(ActorError::Missing(name))?;
    Remote::parse(text, place.strictness()).map_err(|error| ActorError::Url(name, error))
}

/// What is asked or written to must be the actor's own server: else anybody could have us write to anybody.
fn of_same_host(
    place: &Place,
    object: &Object,
    name: &'static str,
    id: &Remote,
) -> Result<Remote, ActorError> {
    let found = url(place, object, name)?;
    if found.authority() == id.authority() {
        Ok(found)
    } else {
        Err(AuthorityError::Anothers.into())
    }
}

/// As PeerTube takes it.
fn name(object: &Object) -> Result<String, ActorError> {
    let name = json::text(object, "preferredUsername", MOST_NAME + 1);
    let name = name.ok_or(ActorError::Missing("preferredUsername"))?;
    let is_good = name.len() <= MOST_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    if is_good { Ok(name) } else { Err(ActorError::Name(name)) }
}

/// The key must say that it is this actor's, as the actor says that it is its key.
fn key(place: &Place, object: &Object, id: &Remote) -> Result<String, ActorError> {
    let key = json::first(object.get("publicKey")).and_then(Value::as_object);
    let key = key.ok_or(ActorError::Missing("publicKey"))?;
    if url(place, key, "owner")?.as_str() != id.as_str() {
        return Err(ActorError::KeyOwner);
    }
    let pem = key.get("publicKeyPem").and_then(Value::as_str);
    let pem = pem.ok_or(ActorError::Missing("publicKeyPem"))?;
    PublicKey::read(pem)?;
    Ok(pem.trim().to_owned())
}

fn owners(place: &Place, object: &Object, id: &Remote) -> Vec<Remote> {
    json::each(object.get("attributedTo"))
        .filter_map(json::id)
        .filter_map(|text| Remote::parse(text, place.strictness()).ok())
        .filter(|owner| owner.authority() == id.authority() && owner.as_str() != id.as_str())
        .take(MOST_OWNERS)
        .collect()
}

/// A link, or a text.
fn page(place: &Place, object: &Object, id: &Remote) -> Option<String> {
    let link = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(link) => {
            let kind = link.get("mediaType").and_then(Value::as_str).unwrap_or("text/html");
            let href = link.get("href").and_then(Value::as_str);
            href.filter(|_| kind == "text/html").map(str::to_owned)
        }
        _ => None,
    };
    json::each(object.get("url"))
        .filter_map(link)
        .filter_map(|text| Remote::parse(&text, place.strictness()).ok())
        .find(|page| page.authority() == id.authority())
        .map(|page| page.as_str().to_owned())
}

/// The URL of the widest, wherever it lies.
fn picture(place: &Place, object: &Object, name: &str) -> Option<String> {
    let read = |value: &Value| {
        let image = value.as_object()?;
        let href = image.get("url").or_else(|| image.get("href"))?;
        let url = Remote::parse(json::id(json::first(Some(href))?)?, place.strictness()).ok()?;
        Some((json::count(image, "width").unwrap_or(0), url.as_str().to_owned()))
    };
    let found = json::each(object.get(name)).take(MOST_PICTURES).filter_map(read);
    found.max_by_key(|(width, _)| *width).map(|(_, url)| url)
}

/// Characters of a name; Mastodon's longest have 30, and some servers' 100.
const MOST_NAME: usize = 120;
/// As PeerTube's.
const MOST_LABEL: usize = 120;
/// Twice PeerTube's, which may be HTML.
const MOST_ABOUT: usize = 10_000;
const MOST_SUPPORT: usize = 1_000;
/// An account; other servers name their moderators, too.
const MOST_OWNERS: usize = 3;
const MOST_PICTURES: usize = 16;

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::federation::id::Strictness;
    use crate::federation::object::tests::recorded;

    fn place() -> Place {
        Place::new("http://127.0.0.1:9010", Strictness::Test).unwrap()
    }

    fn source(id: &Value) -> Remote {
        Remote::parse(id.as_str().unwrap(), Strictness::Test).unwrap()
    }

    fn read_it(object: &Value) -> Result<Read, ActorError> {
        read(&place(), &source(&object["id"]), object.as_object().unwrap())
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Value), wanted: &str) {
        let mut object = recorded("ap-account-root.json");
        let source = source(&object["id"]);
        change(&mut object);
        let error = read(&place(), &source, object.as_object().unwrap()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }

    #[test]
    fn recorded_actors_are_read() {
        let account = read_it(&recorded("ap-account-root.json")).unwrap().actor;
        assert_eq!((account.kind, &*account.name), (Kind::Person, "root"));
        assert_eq!(account.inbox, "http://127.0.0.1:9000/accounts/root/inbox");
        assert_eq!(account.shared_inbox.as_deref(), Some("http://127.0.0.1:9000/inbox"));
        let channel = read_it(&recorded("ap-channel-root.json")).unwrap();
        assert_eq!(channel.owners[0].as_str(), "http://127.0.0.1:9000/accounts/root");
        assert_eq!(
            (channel.actor.kind, &*channel.actor.display_name),
            (Kind::Channel, "Main root channel")
        );
        let instance = read_it(&recorded("ap-instance-actor.json")).unwrap().actor;
        assert_eq!((instance.kind, &*instance.name), (Kind::Instance, "peertube"));
    }

    #[test]
    fn whoever_leads_us_to_ourselves_meets_nobody() {
        let actor = recorded("ap-account-root.json");
        let ours = Place::new("http://127.0.0.1:9000", Strictness::Test).unwrap();
        let found = read(&ours, &source(&actor["id"]), actor.as_object().unwrap());
        assert!(matches!(found, Err(ActorError::Authority(AuthorityError::Ours))), "{found:?}");
    }

    #[test]
    fn a_key_is_kept_without_what_is_around_it() {
        let mut actor = recorded("ap-account-root.json");
        let key = actor["publicKey"]["publicKeyPem"].as_str().unwrap().trim().to_owned();
        actor["publicKey"]["publicKeyPem"] = format!("{}{key}", " ".repeat(100_000)).into();
        assert_eq!(read_it(&actor).unwrap().actor.public_key, key);
    }

    #[test]
    fn who_says_another_servers_word_is_refused() {
        let elsewhere = "http://127.0.0.1:9999/accounts/root";
        refused(|actor| actor["id"] = json!(elsewhere), "hosts of signer");
        refused(|actor| actor["id"] = json!("http://127.0.0.1:9000/accounts/ann"), "another id");
        refused(|actor| actor["inbox"] = json!(elsewhere), "hosts of signer");
        refused(|actor| actor["publicKey"]["owner"] = json!(elsewhere), "another's");
        refused(|actor| actor["publicKey"]["publicKeyPem"] = json!("AAAA"), "its key");
        refused(|actor| actor["preferredUsername"] = json!("a@b"), "the name");
        refused(|actor| actor["type"] = json!("Note"), "no actor but \"Note\"");
        for gone in ["id", "inbox", "publicKey", "preferredUsername"] {
            refused(|actor| drop(actor.as_object_mut().unwrap().remove(gone)), gone);
        }
    }

    #[test]
    fn what_is_another_hosts_but_does_no_harm_is_left_out() {
        let mut object = recorded("ap-account-root.json");
        object["endpoints"]["sharedInbox"] = json!("http://127.0.0.1:9999/inbox");
        object["url"] = json!(["javascript:alert(1)", "http://127.0.0.1:9999/a"]);
        object["icon"] = json!([{ "url": "https://cdn.example/s.png", "width": 20 }, 7,
                                { "url": { "href": "x" } }, { "url": "https://cdn.example/l.png", "width": 90 }]);
        object["name"] = json!("<b>Root</b>\n& co");
        let read = read_it(&object).unwrap().actor;
        assert_eq!((read.shared_inbox, read.page), (None, None));
        assert_eq!(read.avatar_url.as_deref(), Some("https://cdn.example/l.png"));
        assert_eq!(read.display_name, "<b>Root</b> & co");
    }
}
