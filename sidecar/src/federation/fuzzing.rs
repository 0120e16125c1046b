//! What other servers send, as any bytes: nothing panics, and whatever is understood is of whom it must be and within its bounds.
//!
//! The fuzzers in `fuzz/` grow bytes that reach ever more code (`docs/fuzzing.md`); the tests hand in what these found worth keeping.

mod requests;
#[cfg(test)]
mod tests;

use serde_json::Value;
use url::Url;

pub use requests::requests;

use super::authority;
use super::id::{Id, Place, Remote, Strictness};
use super::json::{self, Object};
use super::read;
use crate::prose;
use crate::table::video::Privacy;

/// A document or an activity, and what is within it, read as everything that we read of other servers.
pub fn documents(bytes: &[u8]) {
    let Ok(told) = json::read(bytes) else { return };
    let place = Place::new(OURS, Strictness::Public).expect("a URL that others may have");
    let within = ["object", "first", "orderedItems", "items"].into_iter();
    let within = within.flat_map(|name| json::each(told.get(name))).filter_map(Value::as_object);
    for object in std::iter::once(&told).chain(within.take(MOST_WITHIN)) {
        ids(&place, object);
        activity(&place, object);
        actor(&place, object);
        note(&place, object);
        video(&place, object);
    }
}

/// What is read is of one form, however it was written.
fn ids(place: &Place, object: &Object) {
    for text in object.values().flat_map(|value| json::each(Some(value))).filter_map(json::id) {
        match place.read(text) {
            Ok(Id::Local(local)) => {
                assert_eq!(place.read(&place.url(&local)), Ok(Id::Local(local)), "{text}");
            }
            Ok(Id::Remote(remote)) => {
                assert_ne!(remote.authority(), place.authority(), "{text}");
                let again = Remote::parse(remote.as_str(), Strictness::Public);
                assert_eq!(again.as_ref(), Ok(&remote), "{text}");
                let whole = format!("https://{}{}", remote.authority(), remote.target());
                assert_eq!(remote.document(), whole, "{text}");
            }
            Err(error) => drop(error.to_string()),
        }
    }
}

/// Whoever signs speaks for their own host, and never for us.
fn activity(place: &Place, object: &Object) {
    let read = |name| json::first_id(object, name).and_then(|id| place.read(id).ok());
    let (Some(id), Some(actor)) = (read("id"), read("actor")) else { return };
    let signer = Remote::parse(SIGNER, Strictness::Public).expect("a URL that others may have");
    if authority::check(&signer, &id, &actor).is_ok() {
        for of in [id, actor] {
            assert_eq!(of.remote().map(Remote::authority), Some(signer.authority()));
        }
    }
}

/// `false` if it is none.
fn actor(place: &Place, object: &Object) -> bool {
    let id = json::first_id(object, "id").and_then(|id| place.read(id).ok());
    let Some(Id::Remote(id)) = id else { return false };
    let Ok(read) = read::actor::read(place, &id, object) else { return false };
    let actor = read.actor;
    assert_eq!((&*actor.url, &*actor.host), (id.as_str(), id.authority()));
    let urls = [Some(actor.inbox), actor.shared_inbox, actor.outbox, actor.page];
    urls.iter().flatten().for_each(|url| is_of(url, id.authority()));
    read.owners.iter().for_each(|owner| is_of(owner.as_str(), id.authority()));
    [actor.avatar_url, actor.banner_url].iter().flatten().for_each(|url| is_secure(url));
    assert!(!actor.name.is_empty() && !actor.name.contains(['@', '/', ' ']), "{}", actor.name);
    assert_eq!(prose::plain(&actor.display_name), actor.display_name);
    shown(actor.description.as_deref());
    true
}

/// The same.
fn note(place: &Place, object: &Object) -> bool {
    let Ok(note) = read::note::read(place, object, NOW_MS) else { return false };
    assert_ne!(note.id.authority(), place.authority());
    is_of(note.author.as_str(), note.id.authority());
    note.page.iter().for_each(|page| is_of(page, note.id.authority()));
    assert!((0..=note.updated_at).contains(&note.published_at) && note.updated_at <= NOW_MS);
    can_only_be_read(&note.html);
    true
}

/// The same.
fn video(place: &Place, object: &Object) -> bool {
    let Ok(video) = read::video::read(place, NOW_MS, object) else { return false };
    let host = video.id.authority();
    assert_ne!(host, place.authority());
    assert!(!video.owners.is_empty());
    video.owners.iter().for_each(|owner| is_of(owner.as_str(), host));
    video.page.iter().for_each(|page| is_of(page, host));
    for of in [video.comments, video.likes, video.dislikes, video.chapters].iter().flatten() {
        is_of(of.as_str(), host);
    }
    let files = video.files.iter().map(|file| &file.href);
    let pictures = video.pictures.iter().map(|picture| &picture.url);
    let captions = video.captions.iter().map(|caption| &caption.url);
    let all = files.chain(pictures).chain(captions).chain(&video.master).chain(&video.sums);
    for url in all {
        is_secure(url);
        assert!(!url.starts_with(&format!("{OURS}/")), "{url}");
    }
    assert!(video.trackers.iter().all(|tracker| tracker.starts_with("wss://")));
    let moments = [0, video.published_at, video.updated_at, NOW_MS];
    assert!(moments.is_sorted(), "{moments:?}");
    let numbers = [video.duration_ms, video.width, video.height, video.views];
    assert!(numbers.iter().all(|number| *number >= 0), "{numbers:?}");
    assert!([Privacy::Public, Privacy::Unlisted].contains(&video.about.privacy));
    for name in std::iter::once(&video.about.name).chain(&video.about.tags) {
        assert!(!name.is_empty() && prose::plain(name) == *name, "{name:?}");
    }
    shown(video.about.description.as_deref());
    shown(video.about.support.as_deref());
    true
}

#[track_caller]
fn is_of(url: &str, authority: &str) {
    let read = Remote::parse(url, Strictness::Public).expect("it was read before");
    assert_eq!(read.authority(), authority, "{url}");
}

#[track_caller]
fn is_secure(url: &str) {
    assert!(url.starts_with("https://"), "{url}");
}

/// As pages show a text.
fn shown(text: Option<&str>) {
    let Some(text) = text else { return };
    can_only_be_read(&prose::html(text));
    prose::excerpt(text);
}

/// Of HTML, the tags that texts may have, and of attributes those of a link that leads to a page.
#[track_caller]
fn can_only_be_read(html: &str) {
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        let (name, after) = tag.split_at(tag.find([' ', '>']).unwrap_or(tag.len()));
        let name = name.strip_prefix('/').unwrap_or(name);
        assert!(prose::TAGS.contains(&name), "{name:?} in {html:?}");
        rest = after;
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (key, value) = attribute.split_once("=\"").expect("an attribute has a value");
            let (value, after) = value.split_once('"').expect("a value ends");
            let scheme = Url::parse(value).map(|url| url.scheme().to_owned()).unwrap_or_default();
            let is_link = key == "href" && ["http", "https", "mailto"].contains(&&*scheme);
            assert!(name == "a" && (is_link || key == "rel"), "{key:?} in {html:?}");
            rest = after;
        }
        assert!(rest.starts_with('>'), "{html:?}");
    }
}

/// Where the documents of the corpus come to.
const OURS: &str = "https://one.example";

/// Who brings them.
const SIGNER: &str = "https://two.example/accounts/root";

/// After all that was recorded.
const NOW_MS: i64 = 1_800_000_000_000;

/// Things within a document that are looked at.
const MOST_WITHIN: usize = 20;
