//! A video, as PeerTube 6.3 and newer take it: facts/peertube-interop.md, B4, field by field in the tests.

use std::cmp::Reverse;

use serde_json::{Value, json};
use wire::id::VideoId;

use super::actor::Picture;
use crate::federation::id::{Local, Place};
use crate::federation::json::PUBLIC;
use crate::media::Media;
use crate::table::about::Caption;
use crate::table::video::{Privacy, State, Video};
use crate::vocabulary::{self, CATEGORIES, LICENCES};
use crate::when::iso;

/// A video with what its object takes.
#[derive(Debug, Clone)]
pub(crate) struct Told<'a> {
    pub(crate) id: VideoId,
    pub(crate) video: &'a Video,
    pub(crate) account: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) tags: &'a [String],
    pub(crate) captions: &'a [Caption],
    pub(crate) media: &'a Media,
    /// The path of the folder of its media.
    pub(crate) folder: &'a str,
    /// The path of its picture.
    pub(crate) picture: &'a str,
    /// Its description as HTML that can only be read.
    pub(crate) content: Option<&'a str>,
}

impl Told<'_> {
    /// Its object, without a context, as activities carry it.
    pub(crate) fn object(&self, place: &Place) -> Value {
        let video = self.video;
        let id = place.url(&Local::Video(self.id));
        let (to, cc) = self.addressees(place);
        let published = video.published_at.unwrap_or(video.created_at);
        json!({
            "to": to,
            "cc": cc,
            "type": "Video",
            "id": id,
            "name": video.name,
            "duration": format!("PT{}S", video.duration_ms / 1000),
            "uuid": video.uuid,
            "category": numbered(CATEGORIES, video.category),
            "licence": numbered(LICENCES, video.licence),
            "language": video.language.as_deref().and_then(language),
            "views": video.views,
            "sensitive": video.nsfw,
            "waitTranscoding": video.wait_transcoding,
            "state": State::Published.id(),
            // PeerTube 6.3 reads the first, newer ones the last.
            "commentsEnabled": video.comments_policy != 2,
            "canReply": if video.comments_policy == 3 { json!(PUBLIC) } else { Value::Null },
            "commentsPolicy": video.comments_policy,
            "downloadEnabled": video.download_enabled,
            "published": iso(published),
            "originallyPublishedAt": video.originally_published_at.map(iso),
            // GoToSocial takes nothing that was changed before it was there.
            "updated": iso(video.updated_at.max(published)),
            "tag": self.tags.iter().map(|tag| hashtag(place, tag)).collect::<Vec<_>>(),
            "mediaType": "text/html",
            "content": self.content,
            "support": video.support,
            "subtitleLanguage": self.captions.iter().map(|caption| self.caption(place, caption)).collect::<Vec<_>>(),
            "icon": [self.picture(place)],
            "preview": self.storyboard(place).into_iter().collect::<Vec<_>>(),
            "aspectRatio": ratio(video.width, video.height),
            "url": self.links(place),
            "embedUrl": place.below(&format!("/videos/embed/{}", video.uuid)),
            "likes": format!("{id}/likes"),
            "dislikes": format!("{id}/dislikes"),
            "shares": format!("{id}/announces"),
            "comments": format!("{id}/comments"),
            "hasParts": format!("{id}/chapters"),
            // Mastodon and GoToSocial look at the first alone.
            "attributedTo": [
                { "type": "Person", "id": place.url(&Local::Account(self.account.to_owned())) },
                { "type": "Group", "id": place.url(&Local::Channel(self.channel.to_owned())) },
            ],
            "isLiveBroadcast": false,
            "liveSaveReplay": null,
            "permanentLive": null,
            "latencyMode": null,
        })
    }

    /// Whom it is told: everybody in the first place is public, in the second unlisted.
    pub(crate) fn addressees(&self, place: &Place) -> (Vec<String>, Vec<String>) {
        let account = place.url(&Local::Account(self.account.to_owned()));
        let channel = place.url(&Local::Channel(self.channel.to_owned()));
        let followers = vec![format!("{account}/followers"), format!("{channel}/followers")];
        if self.video.privacy == Privacy::Public.id() {
            (vec![PUBLIC.to_owned()], followers)
        } else {
            (followers, vec![PUBLIC.to_owned()])
        }
    }

    fn file(&self, place: &Place, name: &str) -> String {
        place.below(&format!("{}/{name}", self.folder))
    }

    fn caption(&self, place: &Place, caption: &Caption) -> Value {
        json!({
            "identifier": caption.language,
            "name": vocabulary::language(&caption.language).unwrap_or(&caption.language),
            "automaticallyGenerated": false,
            "url": self.file(place, &caption.file),
        })
    }

    /// PeerTube takes its thumbnail from what is wider than 150 pixels, its preview from what is wider than 400.
    fn picture(&self, place: &Place) -> Value {
        let (width, height) = fit(self.video.width, self.video.height);
        Picture { path: self.picture.to_owned(), width, height }.object(place)
    }

    fn storyboard(&self, place: &Place) -> Option<Value> {
        let told = self.media.storyboard.as_ref()?;
        let number = |name: &str| told.get(name).and_then(Value::as_i64);
        Some(json!({
            "type": "Image",
            "rel": ["storyboard"],
            "url": [{
                "mediaType": "image/jpeg",
                "href": self.file(place, told.get("file")?.as_str()?),
                "width": number("totalWidth")?,
                "height": number("totalHeight")?,
                "tileWidth": number("spriteWidth")?,
                "tileHeight": number("spriteHeight")?,
                "tileDuration": format!("PT{}S", number("spriteDuration")?),
            }],
        }))
    }

    /// The page first, for Mastodon; then what is played, and where viewers meet.
    fn links(&self, place: &Place) -> Vec<Value> {
        let sums = self.media.master.replace("master.m3u8", "segments-sha256.json");
        let mut parts = vec![json!({
            "type": "Link",
            "name": "sha256",
            "mediaType": "application/json",
            "href": self.file(place, &sums),
        })];
        // Best first, as PeerTube has them, in whatever order they were made.
        let mut renditions: Vec<_> = self.media.renditions.iter().collect();
        renditions.sort_by_key(|rendition| Reverse(rendition.height));
        parts.extend(renditions.into_iter().map(|rendition| {
            json!({
                "type": "Link",
                "mediaType": if rendition.height > 0 { "video/mp4" } else { "audio/mp4" },
                "href": self.file(place, &rendition.media),
                "height": rendition.height,
                "width": rendition.width,
                "size": rendition.bytes,
                "fps": -1,
            })
        }));
        let tracker = place.below("/tracker/socket").replacen("http", "ws", 1);
        vec![
            json!({ "type": "Link", "mediaType": "text/html", "href": place.below(&format!("/w/{}", self.id.short())) }),
            json!({
                "type": "Link",
                "mediaType": "application/x-mpegURL",
                "href": self.file(place, &self.media.master),
                "tag": parts,
            }),
            json!({ "type": "Link", "name": "tracker-websocket", "rel": ["tracker", "websocket"], "href": tracker }),
        ]
    }
}

/// What the words of a video mean.
pub(crate) fn context() -> Value {
    let typed = |kind: &str, name: &str| json!({ "@type": format!("sc:{kind}"), "@id": format!("pt:{name}") });
    let mut words = json!({
        "pt": super::PEERTUBE,
        "sc": "http://schema.org/",
        "Hashtag": "as:Hashtag",
        "category": "sc:category",
        "licence": "sc:license",
        "subtitleLanguage": "sc:subtitleLanguage",
        "automaticallyGenerated": "pt:automaticallyGenerated",
        "sensitive": "as:sensitive",
        "language": "sc:inLanguage",
        "identifier": "sc:identifier",
        "isLiveBroadcast": "sc:isLiveBroadcast",
        "uuid": { "@type": "sc:identifier", "@id": "pt:uuid" },
        "originallyPublishedAt": "sc:datePublished",
        "hasParts": "sc:hasParts",
        "canReply": "pt:canReply",
        "aspectRatio": { "@type": "sc:Float", "@id": "pt:aspectRatio" },
        "embedUrl": "sc:embedUrl",
        "support": typed("Text", "support"),
    });
    for name in
        ["liveSaveReplay", "permanentLive", "commentsEnabled", "downloadEnabled", "waitTranscoding"]
    {
        words[name] = typed("Boolean", name);
    }
    for name in [
        "latencyMode",
        "tileWidth",
        "tileHeight",
        "tileDuration",
        "views",
        "state",
        "size",
        "fps",
        "commentsPolicy",
    ] {
        words[name] = typed("Number", name);
    }
    for name in ["likes", "dislikes", "shares", "comments"] {
        words[name] = json!({ "@id": format!("as:{name}"), "@type": "@id" });
    }
    json!([super::ACTIVITY_STREAMS, super::SECURITY, words])
}

fn numbered(table: &[(i64, &'static str)], id: Option<i64>) -> Option<Value> {
    let id = id?;
    let name = vocabulary::label(table, &id)?;
    Some(json!({ "identifier": id.to_string(), "name": name }))
}

fn language(code: &str) -> Option<Value> {
    Some(json!({ "identifier": code, "name": vocabulary::language(code)? }))
}

/// GoToSocial wants to know where a tag leads.
fn hashtag(place: &Place, tag: &str) -> Value {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("tag", tag).finish();
    json!({ "type": "Hashtag", "name": tag, "href": place.below(&format!("/search?{query}")) })
}

fn ratio(width: i64, height: i64) -> Option<f64> {
    let ratio = width as f64 / height as f64;
    (width > 0 && height > 0).then(|| (ratio * 10_000.0).round() / 10_000.0)
}

/// How large the picture of a video of this size is; sound has one of 16:9.
fn fit(width: i64, height: i64) -> (i64, i64) {
    let (width, height) =
        if width > 0 && height > 0 { (width, height) } else { (16 * SIDE, 9 * SIDE) };
    let long = width.max(height);
    let side = |side: i64| (side * SIDE.min(long) / long).max(1);
    (side(width), side(height))
}

/// Pixels of the longer side of pictures, at most: the origin's own bound.
const SIDE: i64 = 854;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::federation::id::Strictness;
    use crate::federation::object::tests::{recorded, unlike};
    use crate::federation::object::with_context;
    use crate::media::Rendition;
    use crate::table::telling::{Beside, Telling};

    /// What goes into the object of a video of this name.
    pub(crate) fn telling(name: &str) -> Telling {
        let beside = Beside {
            account: "root".to_owned(),
            channel: "root_channel".to_owned(),
            tags: Some("baseline".to_owned()),
            captions: Some("en 0 en.vtt".to_owned()),
        };
        Telling { video: Video { name: name.to_owned(), ..video() }, beside }
    }

    fn video() -> Video {
        Video {
            id: 1,
            uuid: "38fda7c9-bbb7-464f-bb9b-d64d33f575c4".to_owned(),
            channel_id: 2,
            account_id: 1,
            state: 1,
            privacy: 1,
            listed_at: Some(1_795_301_583_992),
            name: "Baseline test video".to_owned(),
            description: Some("A **markdown** description".to_owned()),
            support: Some("Coffee".to_owned()),
            category: Some(15),
            licence: Some(1),
            language: Some("en".to_owned()),
            nsfw: false,
            comments_policy: 1,
            download_enabled: true,
            wait_transcoding: true,
            scheduled_at: None,
            scheduled_privacy: None,
            duration_ms: 60_999,
            width: 1280,
            height: 720,
            media: None,
            thumbnail: None,
            source_name: "a.mp4".to_owned(),
            source_bytes: 1,
            replaced_at: None,
            views: 7,
            views_lately: 0,
            likes: 0,
            dislikes: 0,
            created_at: 1_795_301_000_000,
            updated_at: 1_795_301_100_000,
            published_at: Some(1_795_301_583_992),
            originally_published_at: None,
            is_remote: false,
        }
    }

    fn media() -> Media {
        let rendition = |height: i64| Rendition {
            width: height * 16 / 9,
            height,
            playlist: format!("g1-{height}.m3u8"),
            media: format!("g1-{height}.mp4"),
            bytes: 1000 * height,
        };
        Media {
            master: "g1-master.m3u8".to_owned(),
            poster: "g1-poster.jpg".to_owned(),
            renditions: vec![rendition(480), rendition(720), rendition(240)],
            storyboard: Some(json!({
                "file": "g1-storyboard.jpg", "totalWidth": 1920, "totalHeight": 648,
                "spriteWidth": 192, "spriteHeight": 108, "spriteDuration": 1,
            })),
        }
    }

    /// A video as we tell it.
    pub(crate) fn told(change: impl Fn(&mut Video)) -> Value {
        let (mut video, media) = (video(), media());
        change(&mut video);
        let caption =
            Caption { language: "en".to_owned(), file: "en.vtt".to_owned(), updated_at: 0 };
        let told = Told {
            id: video.uuid.parse().unwrap(),
            video: &video,
            account: "root",
            channel: "root_channel",
            tags: &["baseline".to_owned(), "C & co".to_owned()],
            captions: &[caption],
            media: &media,
            folder: "/hls/38fda7c9-bbb7-464f-bb9b-d64d33f575c4",
            picture: "/hls/38fda7c9-bbb7-464f-bb9b-d64d33f575c4/g1-poster.jpg",
            content: Some("<p>A <strong>markdown</strong> description</p>"),
        };
        told.object(&Place::new("https://one.example", Strictness::Public).unwrap())
    }

    #[test]
    fn a_video_has_what_peertubes_have() {
        let object = with_context(context(), told(|_| {}));
        // Links are in an order of their own, below.
        let more = ["/tag/0/href is unknown", "/embedUrl is unknown"];
        assert_eq!(unlike(&object, "ap-video.json", &["@context", "url"]), more);
        let words = &object["@context"][2];
        let theirs = &recorded("ap-video.json")["@context"][3];
        for key in object.as_object().unwrap().keys().filter(|key| theirs.get(*key).is_some()) {
            assert_eq!(words[key], theirs[key], "{key}");
        }
    }

    #[test]
    fn peertubes_validator_would_take_it() {
        let object = told(|_| {});
        assert_eq!(object["duration"], "PT60S");
        assert_eq!(object["uuid"], "38fda7c9-bbb7-464f-bb9b-d64d33f575c4");
        assert_eq!(
            object["id"],
            "https://one.example/videos/watch/38fda7c9-bbb7-464f-bb9b-d64d33f575c4"
        );
        assert_eq!(
            object["category"],
            json!({ "identifier": "15", "name": "Science & Technology" })
        );
        assert_eq!(object["commentsEnabled"], true);
        assert_eq!(object["commentsPolicy"], 1);
        assert_eq!(object["canReply"], Value::Null);
        assert_eq!(
            object["embedUrl"],
            "https://one.example/videos/embed/38fda7c9-bbb7-464f-bb9b-d64d33f575c4"
        );
        assert_eq!(
            object["icon"],
            json!([{
                "type": "Image", "mediaType": "image/jpeg", "width": 854, "height": 480,
                "url": "https://one.example/hls/38fda7c9-bbb7-464f-bb9b-d64d33f575c4/g1-poster.jpg",
            }])
        );
        assert_eq!(object["attributedTo"][0]["type"], "Person");
        assert_eq!(object["attributedTo"][1]["type"], "Group");
        assert_eq!(object["tag"][1]["href"], "https://one.example/search?tag=C+%26+co");
        assert_eq!(object["preview"][0]["url"][0]["tileDuration"], "PT1S");
    }

    #[test]
    fn the_page_is_the_first_link_and_each_rendition_is_one_file() {
        let object = told(|_| {});
        let links = object["url"].as_array().unwrap();
        assert_eq!(links[0]["mediaType"], "text/html");
        assert!(links[0]["href"].as_str().unwrap().starts_with("https://one.example/w/"));
        let parts = links[1]["tag"].as_array().unwrap();
        assert_eq!(parts[0]["name"], "sha256");
        assert!(parts[0]["href"].as_str().unwrap().ends_with("/g1-segments-sha256.json"));
        let heights: Vec<_> =
            parts[1..].iter().map(|part| part["height"].as_i64().unwrap()).collect();
        assert_eq!(heights, [720, 480, 240]);
        assert!(
            parts[1..]
                .iter()
                .all(|part| part["size"].as_i64().unwrap()
                    == 1000 * part["height"].as_i64().unwrap())
        );
        assert_eq!(links[2]["href"], "wss://one.example/tracker/socket");
    }

    #[test]
    fn who_is_told_says_whether_it_is_public() {
        let (public, unlisted) = (told(|_| {}), told(|video| video.privacy = 2));
        assert_eq!(public["to"], json!([PUBLIC]));
        assert_eq!(unlisted["cc"], json!([PUBLIC]));
        assert_eq!(public["cc"], unlisted["to"]);
        assert_eq!(
            public["cc"],
            json!([
                "https://one.example/accounts/root/followers",
                "https://one.example/video-channels/root_channel/followers"
            ])
        );
    }

    #[test]
    fn nothing_is_changed_before_it_is_there() {
        let object = told(|_| {});
        assert_eq!(object["published"], object["updated"]);
        let later = told(|video| video.updated_at = 1_795_301_600_000);
        assert!(later["updated"].as_str() > later["published"].as_str());
    }

    #[test]
    fn comments_are_for_all_for_nobody_or_after_approval() {
        assert_eq!(told(|video| video.comments_policy = 2)["commentsEnabled"], false);
        let held = told(|video| video.comments_policy = 3);
        assert_eq!((&held["commentsEnabled"], &held["commentsPolicy"]), (&json!(true), &json!(3)));
        assert_eq!(held["canReply"], PUBLIC);
    }

    #[test]
    fn pictures_are_as_large_as_they_are() {
        assert_eq!(fit(1280, 720), (854, 480));
        assert_eq!(fit(320, 180), (320, 180));
        assert_eq!(fit(1080, 1920), (480, 854));
        assert_eq!(fit(0, 0), (854, 480));
    }
}
