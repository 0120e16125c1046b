//! A video of another server's, as PeerTube 6.3, newer ones and other Shoals tell it: facts/peertube-interop.md, B4.
//!
//! Without an id, owners, a name and a moment it is none; all else is passed over where it isn't what it should be.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::id::VideoId;

use crate::federation::id::{Id, Place, Remote};
use crate::federation::json::{
    self, Object, boolean, count, each, first, is_public, kind, moment, text,
};
use crate::prose;
use crate::table::video::{About, Privacy, State};
use crate::vocabulary::{self, CATEGORIES, LICENCES};

/// What is kept of a video.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadVideo {
    pub(crate) id: Remote,
    /// Who says that it is theirs, of the same host: one of them must be a channel.
    pub(crate) owners: Vec<Remote>,
    /// The UUID that it has there.
    pub(crate) uuid: Option<VideoId>,
    /// The description is Markdown, whatever it was.
    pub(crate) about: About,
    pub(crate) state: State,
    pub(crate) duration_ms: i64,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) views: i64,
    pub(crate) published_at: i64,
    pub(crate) updated_at: i64,
    /// Of people to read.
    pub(crate) page: Option<String>,
    pub(crate) master: Option<String>,
    pub(crate) sums: Option<String>,
    /// The best first.
    pub(crate) files: Vec<File>,
    /// WebSockets.
    pub(crate) trackers: Vec<String>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) captions: Vec<Caption>,
    /// Collections, of the same host.
    pub(crate) comments: Option<Remote>,
    pub(crate) likes: Option<Remote>,
    pub(crate) dislikes: Option<Remote>,
    /// Where its chapters are told.
    pub(crate) chapters: Option<Remote>,
}

/// A file that a browser could play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) href: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) bytes: i64,
    pub(crate) fps: i64,
}

/// One size of its picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Picture {
    pub(crate) url: String,
    pub(crate) width: i64,
    pub(crate) height: i64,
}

/// What is said in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caption {
    pub(crate) language: String,
    pub(crate) url: String,
}

/// Why an object is no video that could be kept; the blame is its sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("it is no Video")]
    Kind,
    #[error("its id is no URL of another server")]
    Id,
    #[error("it is nobody's of its own host")]
    Owner,
    #[error("it has no name")]
    Name,
    #[error("it isn't everybody's")]
    Private,
    #[error("it doesn't say when it was published")]
    Moment,
}

/// Reads one; what was published in the future is of now.
///
/// # Errors
/// When it can't be kept.
pub(crate) fn read(place: &Place, now_ms: i64, object: &Object) -> Result<ReadVideo, ReadError> {
    if kind(object) != Some("Video") {
        return Err(ReadError::Kind);
    }
    let id = object.get("id").and_then(json::id).and_then(|id| remote(place, id));
    let id = id.ok_or(ReadError::Id)?;
    let owners: Vec<Remote> = owners(place, object, &id);
    if owners.is_empty() {
        return Err(ReadError::Owner);
    }
    let published_at = moment(object, "published").ok_or(ReadError::Moment)?.clamp(0, now_ms);
    let links = Links::read(place, object, &id);
    let (width, height) = links.size(object);
    let is_waiting = matches!(count(object, "state"), Some(4 | 5));
    let of_same_host = |name: &str| {
        let url = first(object.get(name)).and_then(json::id).and_then(|url| remote(place, url));
        url.filter(|url| url.authority() == id.authority())
    };
    Ok(ReadVideo {
        uuid: first(object.get("uuid")).and_then(Value::as_str).and_then(|uuid| uuid.parse().ok()),
        about: about(object)?,
        // A live stream that isn't on can't be watched.
        state: if is_waiting { State::ToTranscode } else { State::Published },
        duration_ms: seconds(object, "duration") * 1000,
        width,
        height,
        views: count(object, "views").unwrap_or_default().min(MOST_VIEWS),
        published_at,
        updated_at: moment(object, "updated")
            .unwrap_or(published_at)
            .clamp(published_at, now_ms.max(published_at)),
        page: links.page,
        master: links.master,
        sums: links.sums,
        files: links.files,
        trackers: links.trackers,
        pictures: pictures(place, object),
        captions: captions(place, object),
        comments: of_same_host("comments"),
        likes: of_same_host("likes"),
        dislikes: of_same_host("dislikes"),
        chapters: of_same_host("hasParts"),
        owners,
        id,
    })
}

/// Groups come first, where it is told what they are.
fn owners(place: &Place, object: &Object, id: &Remote) -> Vec<Remote> {
    let is_person = |value: &&Value| value.get("type").and_then(Value::as_str) == Some("Person");
    let told = || each(object.get("attributedTo")).take(OWNERS);
    let (persons, others): (Vec<_>, Vec<_>) = told().partition(is_person);
    let ids = others.into_iter().chain(persons).filter_map(json::id);
    ids.filter_map(|owner| remote(place, owner))
        .filter(|owner| owner.authority() == id.authority())
        .collect()
}

fn about(object: &Object) -> Result<About, ReadError> {
    let name = text(object, "name", NAME).map(|name| prose::plain(&name));
    let name = name.filter(|name| !name.is_empty()).ok_or(ReadError::Name)?;
    let is_everybodys = |field: &str| each(object.get(field)).any(is_public);
    let privacy = match (is_everybodys("to"), is_everybodys("cc")) {
        (true, _) => Privacy::Public,
        (false, true) => Privacy::Unlisted,
        (false, false) => return Err(ReadError::Private),
    };
    Ok(About {
        description: text(object, "content", CONTENT).and_then(|content| {
            let kind = object.get("mediaType").and_then(Value::as_str);
            let markdown =
                if kind == Some("text/markdown") { content } else { prose::markdown(&content) };
            printable(&markdown)
        }),
        support: text(object, "support", SUPPORT).as_deref().and_then(printable),
        category: numbered(CATEGORIES, object.get("category")),
        licence: numbered(LICENCES, object.get("licence")),
        language: identifier(object.get("language"))
            .filter(|code| vocabulary::language(code).is_some())
            .map(str::to_owned),
        nsfw: boolean(object, "sensitive").unwrap_or(false),
        comments_policy: comments_policy(object),
        download_enabled: boolean(object, "downloadEnabled").unwrap_or(true),
        originally_published_at: moment(object, "originallyPublishedAt"),
        tags: tags(object),
        ..About::named(name, privacy)
    })
}

/// Newer PeerTubes say a number, 6.3 also whether there are any; who says nothing has none.
fn comments_policy(object: &Object) -> i64 {
    match (count(object, "commentsPolicy"), boolean(object, "commentsEnabled")) {
        (Some(policy @ 1..=3), _) => policy,
        (_, Some(true)) => 1,
        _ => 2,
    }
}

fn tags(object: &Object) -> Vec<String> {
    let hashtags = each(object.get("tag")).filter_map(Value::as_object);
    let hashtags = hashtags.filter(|tag| kind(tag) == Some("Hashtag"));
    let mut tags: Vec<String> = Vec::new();
    for tag in hashtags.filter_map(|tag| text(tag, "name", TAG)) {
        let tag = prose::plain(tag.trim_start_matches('#'));
        let is_known = tags.iter().any(|known| known.to_lowercase() == tag.to_lowercase());
        if tags.len() < TAGS && !tag.is_empty() && !is_known {
            tags.push(tag);
        }
    }
    tags
}

/// What `url` has: the page, what is played, and where viewers meet.
#[derive(Debug, Default)]
struct Links {
    page: Option<String>,
    master: Option<String>,
    sums: Option<String>,
    files: Vec<File>,
    trackers: Vec<String>,
}

impl Links {
    fn read(place: &Place, object: &Object, id: &Remote) -> Links {
        let mut links = Links::default();
        let mut whole = Vec::new();
        for link in each(object.get("url")).take(LINKS) {
            let Some(link) = link.as_object() else { continue };
            let media = media_type(link);
            let href = || href(place, link);
            if media == "text/html" {
                let page = href().filter(|page| page.authority() == id.authority());
                links.page = links.page.or(page.map(|page| page.as_str().to_owned()));
            } else if media == "application/x-mpegurl" && links.master.is_none() {
                links.master = href().map(|href| href.as_str().to_owned());
                links.read_parts(place, link);
            } else if is_rel(link, "tracker") && is_rel(link, "websocket") {
                links.trackers.extend(socket(place, link));
            } else {
                whole.extend(file(place, link));
            }
        }
        // Fragmented files are the playlist's; whole ones play without it.
        if links.master.is_none() {
            links.files = whole;
        }
        links.files.sort_by_key(|file| std::cmp::Reverse(file.height));
        links.files.truncate(FILES);
        links.trackers.truncate(TRACKERS);
        links
    }

    fn read_parts(&mut self, place: &Place, playlist: &Object) {
        for part in each(playlist.get("tag")).take(LINKS).filter_map(Value::as_object) {
            if part.get("name").and_then(Value::as_str) == Some("sha256") {
                self.sums = href(place, part).map(|href| href.as_str().to_owned());
            } else {
                self.files.extend(file(place, part));
            }
        }
    }

    /// Of the best file, as far as it is told.
    fn size(&self, object: &Object) -> (i64, i64) {
        let Some(best) = self.files.first().filter(|best| best.height > 0) else { return (0, 0) };
        if best.width > 0 {
            return (best.width, best.height);
        }
        let ratio = first(object.get("aspectRatio")).and_then(Value::as_f64);
        let ratio = ratio.filter(|ratio| (0.05..=20.0).contains(ratio)).unwrap_or(16.0 / 9.0);
        ((best.height as f64 * ratio).round() as i64, best.height)
    }
}

fn file(place: &Place, link: &Object) -> Option<File> {
    if !FILE_TYPES.contains(&media_type(link).as_str()) {
        return None;
    }
    let number = |name: &str, most: i64| count(link, name).unwrap_or_default().min(most);
    Some(File {
        href: href(place, link)?.as_str().to_owned(),
        width: number("width", SIDE),
        height: number("height", SIDE),
        bytes: number("size", i64::MAX),
        fps: number("fps", 1_000),
    })
}

fn media_type(link: &Object) -> String {
    link.get("mediaType").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

fn is_rel(link: &Object, word: &str) -> bool {
    each(link.get("rel")).any(|rel| rel.as_str() == Some(word))
}

fn href(place: &Place, link: &Object) -> Option<Remote> {
    remote(place, link.get("href")?.as_str()?)
}

/// A WebSocket where a web page could be, too.
fn socket(place: &Place, link: &Object) -> Option<String> {
    let text = link.get("href")?.as_str()?.strip_prefix("ws")?;
    let page = remote(place, &format!("http{text}"))?;
    Some(page.as_str().replacen("http", "ws", 1))
}

/// Small ones for lists, large ones for players.
fn pictures(place: &Place, object: &Object) -> Vec<Picture> {
    let images = each(object.get("icon")).filter_map(Value::as_object);
    let known = images.filter_map(|image| {
        let url = first(image.get("url"))?;
        let url = url.as_str().or_else(|| url.get("href")?.as_str())?;
        let side = |name: &str| count(image, name).unwrap_or_default().min(SIDE);
        Some(Picture {
            url: remote(place, url)?.as_str().to_owned(),
            width: side("width"),
            height: side("height"),
        })
    });
    known.take(PICTURES).collect()
}

fn captions(place: &Place, object: &Object) -> Vec<Caption> {
    let mut captions: Vec<Caption> = Vec::new();
    for told in each(object.get("subtitleLanguage")).take(CAPTIONS) {
        let Some(language) = identifier(Some(told)) else { continue };
        let is_known = captions.iter().any(|caption| caption.language == language);
        let is_text = |link: &&Value| match link {
            Value::Object(link) => media_type(link) == "text/vtt",
            _ => true,
        };
        let link = each(told.get("url")).find(is_text);
        let url = link.and_then(|link| link.as_str().or_else(|| link.get("href")?.as_str()));
        let url = url.and_then(|url| remote(place, url));
        if let Some(url) = url
            && !is_known
            && vocabulary::language(language).is_some()
        {
            captions.push(Caption { language: language.to_owned(), url: url.as_str().to_owned() });
        }
    }
    captions
}

/// `{ "identifier": … }`, or the word itself.
fn identifier(value: Option<&Value>) -> Option<&str> {
    let value = first(value)?;
    value.as_str().or_else(|| value.get("identifier")?.as_str())
}

fn numbered(table: &[(i64, &'static str)], value: Option<&Value>) -> Option<i64> {
    let id = identifier(value)?.parse().ok()?;
    vocabulary::label(table, &id).map(|_| id)
}

/// `PT1H2M3S`, of which PeerTube writes the seconds alone.
fn seconds(object: &Object, name: &str) -> i64 {
    let told = first(object.get(name)).and_then(Value::as_str);
    let Some(mut rest) = told.and_then(|told| told.strip_prefix("PT")) else { return 0 };
    let mut seconds = 0.0;
    for (unit, worth) in [('H', 3600.0), ('M', 60.0), ('S', 1.0)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let number = number.parse::<f64>().ok().filter(|number| number.is_finite());
            seconds += number.unwrap_or_default().max(0.0) * worth;
            rest = after;
        }
    }
    seconds.min(MOST_SECONDS) as i64
}

/// A URL that isn't ours.
fn remote(place: &Place, text: &str) -> Option<Remote> {
    match place.read(text) {
        Ok(Id::Remote(remote)) => Some(remote),
        _ => None,
    }
}

fn printable(text: &str) -> Option<String> {
    let is_good = |letter: &char| !letter.is_control() || "\n\t".contains(*letter);
    let text: String = text.chars().filter(is_good).collect();
    (!text.trim().is_empty()).then_some(text)
}

/// PeerTube's and our own bounds, in characters.
const NAME: usize = 120;
const CONTENT: usize = 10_000;
const SUPPORT: usize = 1_000;
const TAG: usize = 31;

/// A video of PeerTube's may have five; others write more, of which nobody reads all.
const TAGS: usize = 20;

/// A person and a channel, and somebody more.
const OWNERS: usize = 4;

/// Five for each of a dozen renditions, and some more.
const LINKS: usize = 200;
const FILES: usize = 20;

/// Safari's player uses one, others two.
const TRACKERS: usize = 4;
const PICTURES: usize = 8;
const CAPTIONS: usize = 60;

/// Pixels, more than any screen has.
const SIDE: i64 = 32_768;

/// What players show as whole numbers.
const MOST_VIEWS: i64 = 1_000_000_000_000;

/// A month: longer than anything that is no mistake.
const MOST_SECONDS: f64 = 31.0 * 86_400.0;

/// What browsers play by themselves.
const FILE_TYPES: [&str; 4] = ["video/mp4", "video/webm", "video/ogg", "audio/mp4"];

#[cfg(test)]
mod tests {
    use serde_json::json as value;

    use super::*;
    use crate::federation::id::Strictness;
    use crate::federation::object::tests::recorded;
    use crate::federation::object::video::tests::told;

    const NOW: i64 = 1_795_400_000_000;

    fn at(place: &str, object: &Value) -> Result<ReadVideo, ReadError> {
        let place = Place::new(place, Strictness::Test).unwrap();
        read(&place, NOW, object.as_object().unwrap())
    }

    fn peertubes(change: impl Fn(&mut Value)) -> Result<ReadVideo, ReadError> {
        let mut object = recorded("ap-video.json");
        change(&mut object);
        at("https://here.example", &object)
    }

    #[test]
    fn a_recorded_video_of_peertubes_is_read_field_by_field() {
        let read = peertubes(|_| {}).unwrap();
        let base = "http://127.0.0.1:9000";
        let uuid = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
        assert_eq!(read.id.as_str(), format!("{base}/videos/watch/{uuid}"));
        let owners: Vec<_> = read.owners.iter().map(Remote::as_str).collect();
        assert_eq!(
            owners,
            [format!("{base}/video-channels/root_channel"), format!("{base}/accounts/root")]
        );
        assert_eq!(read.uuid.map(|uuid| uuid.to_string()).as_deref(), Some(uuid));
        assert_eq!(
            read.about,
            About {
                description: Some("A **markdown** description".to_owned()),
                category: Some(15),
                licence: Some(1),
                language: Some("en".to_owned()),
                tags: vec!["baseline".to_owned(), "test".to_owned()],
                ..About::named("Baseline test video".to_owned(), Privacy::Public)
            }
        );
        assert_eq!(
            (read.state, read.duration_ms, read.width, read.height),
            (State::Published, 60_000, 1280, 720)
        );
        assert_eq!((read.published_at, read.updated_at), (1_795_301_583_992, 1_795_301_685_343));
        let folder = format!("{base}/static/streaming-playlists/hls/{uuid}");
        assert_eq!(
            read.master,
            Some(format!("{folder}/00ad06f6-57b9-4f73-9f8f-b8955a09d0ee-master.m3u8"))
        );
        assert_eq!(
            read.sums,
            Some(format!("{folder}/aca4859b-b7ba-4593-b6a5-e53490f9629e-segments-sha256.json"))
        );
        let heights: Vec<_> =
            read.files.iter().map(|file| (file.width, file.height, file.fps)).collect();
        assert_eq!(heights, [(1280, 720, 30), (854, 480, 30), (426, 240, 30)]);
        assert_eq!(read.files[0].bytes, 18_350_990);
        assert_eq!(read.trackers, ["ws://127.0.0.1:9000/tracker/socket"]);
        assert_eq!(
            read.pictures.iter().map(|picture| picture.width).collect::<Vec<_>>(),
            [280, 850]
        );
        assert_eq!(read.captions.len(), 1);
        assert_eq!(read.comments.unwrap().as_str(), format!("{base}/videos/watch/{uuid}/comments"));
        assert_eq!(read.chapters.unwrap().as_str(), format!("{base}/videos/watch/{uuid}/chapters"));
    }

    #[test]
    fn what_another_shoal_tells_is_read() {
        let read = at("https://two.example", &told(|_| {})).unwrap();
        assert_eq!(read.about.description.as_deref(), Some("A **markdown** description"));
        assert_eq!(read.about.tags, ["baseline", "C & co"]);
        assert_eq!(read.about.support.as_deref(), Some("Coffee"));
        assert!(read.page.unwrap().starts_with("https://one.example/w/"));
        assert!(read.master.unwrap().ends_with("/g1-master.m3u8"));
        assert_eq!(read.files.iter().map(|file| file.height).collect::<Vec<_>>(), [720, 480, 240]);
        assert_eq!(read.trackers, ["wss://one.example/tracker/socket"]);
        assert_eq!((read.views, read.about.privacy), (7, Privacy::Public));
        let unlisted = at("https://two.example", &told(|video| video.privacy = 2)).unwrap();
        assert_eq!(unlisted.about.privacy, Privacy::Unlisted);
    }

    #[test]
    fn nobody_elsewhere_tells_of_ours_or_of_anothers() {
        assert_eq!(at("http://127.0.0.1:9000", &recorded("ap-video.json")), Err(ReadError::Id));
        let foreign = |object: &mut Value| object["attributedTo"] = value!(["https://b.example/u"]);
        assert_eq!(peertubes(foreign), Err(ReadError::Owner));
        let ours = "https://here.example/hls/x/g1-master.m3u8";
        let read = peertubes(|object| {
            object["url"] = value!([
                { "mediaType": "text/html", "href": "https://b.example/w/1" },
                { "mediaType": "application/x-mpegURL", "href": ours, "tag": [] },
                { "rel": ["tracker", "websocket"], "href": "wss://here.example/tracker/socket" },
            ]);
            object["likes"] = value!("https://b.example/likes");
        });
        let read = read.unwrap();
        assert_eq!(
            (read.page, read.master, read.likes, read.trackers.len()),
            (None, None, None, 0)
        );
    }

    #[track_caller]
    fn refused(change: impl Fn(&mut Value), wanted: ReadError) {
        assert_eq!(peertubes(change), Err(wanted));
    }

    #[test]
    fn what_is_no_video_is_refused() {
        refused(|object| object["type"] = value!("Note"), ReadError::Kind);
        refused(|object| object["id"] = value!({ "a": 1 }), ReadError::Id);
        refused(|object| object["id"] = value!("file:///etc/passwd"), ReadError::Id);
        refused(|object| object["attributedTo"] = value!([7, null]), ReadError::Owner);
        refused(|object| object["name"] = value!(" \n\t "), ReadError::Name);
        refused(
            |object| object["to"] = value!(["http://127.0.0.1:9000/a/followers"]),
            ReadError::Private,
        );
        refused(|object| object["published"] = value!("yesterday"), ReadError::Moment);
    }

    #[test]
    fn what_is_odd_is_passed_over_and_what_is_much_is_cut() {
        let read = peertubes(|object| {
            for key in [
                "duration",
                "uuid",
                "category",
                "licence",
                "language",
                "icon",
                "subtitleLanguage",
                "views",
                "tag",
            ] {
                object[key] = value!({ "identifier": { "a": [1] }, "url": 7 });
            }
            object["name"] = value!("x\u{0}\ny".repeat(400));
            object["published"] = value!("2999-01-01T00:00:00Z");
            object["content"] = value!("<script>alert(1)</script><p>é</p>".repeat(5_000));
            object["mediaType"] = value!("text/html");
            object["url"] = value!(vec![
                value!({ "mediaType": "video/mp4", "href": "https://a.example/v", "height": -5 });
                900
            ]);
        });
        let read = read.unwrap();
        assert_eq!((read.uuid, read.duration_ms, read.views), (None, 0, 0));
        assert_eq!((read.about.category, read.about.language), (None, None));
        assert_eq!((read.pictures.len(), read.captions.len(), read.about.tags.len()), (0, 0, 0));
        assert!(read.about.name.chars().count() <= NAME && !read.about.name.contains('\n'));
        assert_eq!((read.published_at, read.updated_at), (NOW, NOW));
        assert!(read.about.description.unwrap().chars().count() <= CONTENT);
        assert_eq!((read.files.len(), read.width), (FILES, 0));
    }

    #[test]
    fn newer_words_are_read_too() {
        let read = peertubes(|object| {
            object["attributedTo"] = value!([
                "http://127.0.0.1:9000/accounts/root",
                "http://127.0.0.1:9000/video-channels/c"
            ]);
            object["subtitleLanguage"] = value!([{ "identifier": "fr", "url": [
                { "type": "Link", "mediaType": "application/x-mpegURL", "href": "http://127.0.0.1:9000/a.m3u8" },
                { "type": "Link", "mediaType": "text/vtt", "href": "http://127.0.0.1:9000/a.vtt" },
            ] }]);
            object["duration"] = value!("PT1H2M3.5S");
            object["commentsPolicy"] = value!(3);
            object["to"] = value!("as:Public");
        });
        let read = read.unwrap();
        assert_eq!(read.owners.len(), 2);
        assert_eq!(
            read.captions,
            [Caption { language: "fr".to_owned(), url: "http://127.0.0.1:9000/a.vtt".to_owned() }]
        );
        assert_eq!((read.duration_ms, read.about.comments_policy), (3_723_000, 3));
        assert_eq!(read.about.privacy, Privacy::Public);
        let waits = peertubes(|object| object["state"] = value!(4)).unwrap();
        assert_eq!(waits.state, State::ToTranscode);
    }
}
