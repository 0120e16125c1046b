//! What other servers are told when they ask: actors, videos, collections, and how to find them.
//!
//! Only what everybody may see is told, unsigned, so that nobody has to be known before they can know us.

mod discovery;
mod encoded;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Response, StatusCode, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use wire::id::VideoId;

use super::activity;
use super::id::{INSTANCE, Local, Place};
use super::keyring::KeyringError;
use super::object::actor::{Actor, Picture};
use super::object::video::{self, Told};
use super::object::{collection, plain_context, with_context};
use super::talk::CommentPart;
use crate::listing::{Filters, ListQuery, Nsfw, Scope};
use crate::media::Media;
use crate::query::Query;
use crate::sight::is_everybodys;
use crate::table::actor_key;
use crate::table::telling::{self, Telling};
use crate::table::{about, account, channel, follow, share, tombstone, video as videos};
use crate::view::{PictureKind, picture_path};
use crate::when::iso;
use crate::{Reply, Sidecar, prose};
pub(crate) use encoded::Encoded;

/// What a path names, and which part of it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    what: Local,
    part: Part,
}

/// A part of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Itself,
    Outbox,
    Followers,
    Following,
    Activity,
    /// By which channel or instance a video was announced.
    Announce(i64),
    Announces,
    Likes,
    Dislikes,
    Comments,
    /// Of a comment, by whoever decides about its video.
    Approval,
    Chapters,
}

/// Why nothing is told: the machine's blame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TellError {
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl Sidecar {
    /// Answers what another server asks; `None` if the path is another one's, or a page is wanted, or federation is off.
    ///
    /// `from` is whose budget it is counted on, where only who says who they are is told anything.
    pub async fn tell(&self, uri: &Uri, headers: &HeaderMap, from: &str) -> Option<Reply> {
        let place = self.place.as_ref()?;
        if let Some(reply) = self.discover(place, uri).await {
            return Some(reply);
        }
        let wanted = Wanted::parse(uri.path())?;
        // Pages have the ids of what they show; its parts are nobody's page.
        if wanted.part == Part::Itself && !wants_activity(headers) {
            return None;
        }
        // The instance's own key is needed to prove anything: two servers that both hid it would never meet.
        if wanted.what != Local::Instance
            && let Err(reply) = self.may_fetch(uri, headers, from).await
        {
            return Some(*reply);
        }
        let page = Query::parse(uri.query().unwrap_or_default());
        let page =
            page.text("page").map(|page| page.parse().ok().filter(|page| PAGES.contains(page)));
        let told = match page {
            Some(None) => Ok(None),
            page => self.told(place, &wanted, page.flatten()).await,
        };
        let told = match told {
            Ok(None) => self.tell_end(place, &wanted.what).await,
            told => told.map(|told| reply(StatusCode::OK, ACTIVITY, told.unwrap_or_default())),
        };
        Some(told.unwrap_or_else(|error| failed(&error)))
    }

    /// That something is gone, if it was there, or never was.
    async fn tell_end(&self, place: &Place, what: &Local) -> Result<Reply, TellError> {
        let found = tombstone::find(&self.database, &what.to_string()).await?;
        let Some(found) = found else {
            let nothing = json!({ "error": "there is nothing here" });
            return Ok(answer(StatusCode::NOT_FOUND, &nothing));
        };
        let stone = json!({
            "@context": plain_context(),
            "type": "Tombstone",
            "id": place.url(what),
            "formerType": found.former_type,
            "deleted": iso(found.deleted_at),
        });
        Ok(answer(StatusCode::GONE, &stone))
    }

    /// The object of an actor who is here.
    pub(super) async fn told_itself(
        &self,
        place: &Place,
        whose: &Local,
    ) -> Result<Option<Value>, TellError> {
        self.told_actor(place, whose, Part::Itself, None).await
    }

    /// The id of what the page at this path shows, for servers that got the page.
    pub fn told_at(&self, path: &str) -> Option<String> {
        let place = self.place.as_ref()?;
        let wanted = Wanted::parse(path).filter(|wanted| wanted.part == Part::Itself)?;
        Some(place.url(&wanted.what))
    }

    async fn told(
        &self,
        place: &Place,
        wanted: &Wanted,
        page: Option<i64>,
    ) -> Result<Option<Bytes>, TellError> {
        let told = match &wanted.what {
            Local::Video(uuid) if wanted.part == Part::Itself => {
                return self.encoded_video(place, uuid).await;
            }
            Local::Video(uuid) => self.told_of_video(place, uuid, wanted.part, page).await?,
            Local::Comment(uuid, no) => {
                let part = match wanted.part {
                    Part::Itself => CommentPart::Itself,
                    Part::Activity => CommentPart::Activity,
                    Part::Approval => CommentPart::Approval,
                    _ => return Ok(None),
                };
                self.told_comment(place, (uuid, *no), part).await?
            }
            whose => self.told_actor(place, whose, wanted.part, page).await?,
        };
        Ok(told.map(|told| Bytes::from(told.to_string())))
    }

    async fn told_actor(
        &self,
        place: &Place,
        whose: &Local,
        part: Part,
        page: Option<i64>,
    ) -> Result<Option<Value>, TellError> {
        let Some(actor) = self.actor(whose).await? else { return Ok(None) };
        let url = place.url(&actor.id);
        Ok(Some(match part {
            Part::Itself => actor.told(self, place).await?,
            Part::Outbox => self.outbox(place, &actor, page).await?,
            // How many there are, and not who.
            Part::Followers => {
                let elsewhere = follow::followers(&self.database, actor.handle).await?;
                counted(&format!("{url}/followers"), actor.followers + elsewhere, page)
            }
            Part::Following => {
                let elsewhere = follow::following(&self.database, actor.handle).await?;
                counted(&format!("{url}/following"), elsewhere, page)
            }
            _ => return Ok(None),
        }))
    }

    /// What is known of an actor, if there is one of this name.
    async fn actor(&self, whose: &Local) -> Result<Option<Known>, TellError> {
        let database = &self.database;
        Ok(match whose {
            Local::Account(name) => account::by_name(database, name).await?.map(|found| Known {
                handle: found.id,
                id: whose.clone(),
                label: found.display_name,
                about: found.description,
                support: None,
                owner: None,
                avatar: found.avatar,
                banner: None,
                created_at: found.created_at,
                scope: Scope::Account(found.id),
                followers: 0,
            }),
            Local::Channel(name) => channel::by_name(database, name).await?.map(|found| Known {
                handle: found.id,
                id: whose.clone(),
                label: found.display_name,
                about: found.description,
                support: found.support,
                owner: Some(Local::Account(found.account_name)),
                avatar: found.avatar,
                banner: found.banner,
                created_at: found.created_at,
                scope: Scope::Channel(found.id),
                followers: found.subscribers,
            }),
            _ => {
                let handle = actor_key::handle(database, INSTANCE).await?;
                Some(Known {
                    handle,
                    id: Local::Instance,
                    label: self.house.name.clone(),
                    about: Some(self.house.short_description.clone()),
                    support: None,
                    owner: None,
                    avatar: None,
                    banner: None,
                    created_at: self.key_of(handle).await?.created_at,
                    scope: Scope::All,
                    followers: 0,
                })
            }
        })
    }

    async fn outbox(
        &self,
        place: &Place,
        actor: &Known,
        page: Option<i64>,
    ) -> Result<Value, TellError> {
        let url = format!("{}/outbox", place.url(&actor.id));
        let count = collection::PAGE as u32;
        let start = u32::try_from((page.unwrap_or(1) - 1) * collection::PAGE).unwrap_or(u32::MAX);
        // Whoever is here has only what is here; the instance shows others' videos, too.
        let is_ours = (actor.scope == Scope::All).then_some(true);
        let query = ListQuery {
            scope: actor.scope,
            filters: Filters { nsfw: Nsfw::With, is_local: is_ours, ..Filters::default() },
            start,
            count: if page.is_some() { count } else { 1 },
            ..ListQuery::default()
        };
        let found = self.find_list(&query, 0).await?;
        let Some(page) = page else { return Ok(collection::object(&url, found.total, None)) };
        let mut items = Vec::new();
        for card in &found.cards {
            let Ok(uuid) = card.uuid.parse() else { continue };
            let item = match &actor.id {
                Local::Account(_) => self.create(place, &uuid).await?,
                _ => Some(announce(place, actor, &uuid, &card.account_name)),
            };
            items.extend(item);
        }
        let mut told = collection::object(&url, found.total, Some((page, items)));
        told["@context"] = video::context();
        Ok(told)
    }

    async fn create(&self, place: &Place, uuid: &VideoId) -> Result<Option<Value>, TellError> {
        let Some(loaded) = self.load(uuid).await? else { return Ok(None) };
        let account = Local::Account(loaded.account.clone());
        Ok(Some(activity::create(place, &account, loaded.told().object(place))))
    }

    /// A part of a video.
    async fn told_of_video(
        &self,
        place: &Place,
        uuid: &VideoId,
        part: Part,
        page: Option<i64>,
    ) -> Result<Option<Value>, TellError> {
        let Some(loaded) = self.load(uuid).await? else { return Ok(None) };
        let url = place.url(&Local::Video(*uuid));
        let counted = |name: &str, total: i64| counted(&format!("{url}/{name}"), total, page);
        Ok(match part {
            Part::Activity => self
                .create(place, uuid)
                .await?
                .map(|activity| with_context(video::context(), activity)),
            // Whose they are is nobody's business.
            Part::Likes => Some(counted("likes", loaded.video.likes)),
            Part::Dislikes => Some(counted("dislikes", loaded.video.dislikes)),
            Part::Comments => Some(self.told_comments(place, &loaded.video, page).await?),
            Part::Announces => {
                let items = vec![json!(format!("{url}/announces/{}", loaded.video.channel_id))];
                let page = page.map(|page| (page, if page == 1 { items } else { Vec::new() }));
                let shares = share::of_video(&self.database, loaded.video.id).await?;
                Some(collection::object(&format!("{url}/announces"), 1 + shares, page))
            }
            Part::Announce(by) => {
                let channel = Local::Channel(loaded.channel.clone());
                let whose = if by == loaded.video.channel_id { channel } else { Local::Instance };
                let whose = self.actor(&whose).await?.filter(|whose| whose.handle == by);
                whose.map(|whose| {
                    let announce = announce(place, &whose, uuid, &loaded.account);
                    with_context(plain_context(), announce)
                })
            }
            Part::Chapters => Some(self.chapters_of(&url, &loaded).await?),
            _ => None,
        })
    }

    async fn chapters_of(&self, url: &str, loaded: &Loaded) -> Result<Value, TellError> {
        let chapters = about::chapters(&self.database, loaded.video.id).await?;
        let end = loaded.video.duration_ms / 1000;
        let ends = chapters.iter().skip(1).map(|chapter| chapter.timecode).chain([end]);
        let parts = chapters.iter().zip(ends).map(|(chapter, end)| {
            json!({ "name": chapter.title, "startOffset": chapter.timecode, "endOffset": end })
        });
        Ok(json!({
            "@context": [super::object::ACTIVITY_STREAMS, {
                "sc": "http://schema.org/",
                "hasPart": "sc:hasPart",
                "startOffset": "sc:startOffset",
                "endOffset": "sc:endOffset",
            }],
            "id": format!("{url}/chapters"),
            "hasPart": parts.collect::<Vec<_>>(),
        }))
    }

    /// A video that everybody may see, with what its object takes.
    pub(super) async fn load(&self, uuid: &VideoId) -> Result<Option<Loaded>, TellError> {
        let telling = self.telling(uuid).await?;
        Ok(telling.and_then(|telling| self.loaded(uuid, &telling)))
    }

    /// What the tables have of a video that everybody may see.
    async fn telling(&self, uuid: &VideoId) -> sqlx::Result<Option<Telling>> {
        let found = telling::find(&self.database, uuid).await?;
        Ok(found.filter(|found| is_everybodys(&found.video)))
    }

    fn loaded(&self, uuid: &VideoId, telling: &Telling) -> Option<Loaded> {
        let video = &telling.video;
        let media = Media::parse(video.media.as_deref())?;
        let folder = self.media_folder(&video.uuid, video.privacy).unwrap_or_default();
        let picture = self.picture(
            &video.uuid,
            video.privacy,
            video.thumbnail.as_deref(),
            video.media.as_deref(),
        );
        Some(Loaded {
            id: *uuid,
            tags: telling.tags(),
            captions: telling.captions(),
            content: video.description.as_deref().map(prose::html),
            picture: picture.unwrap_or_default(),
            folder,
            media,
            account: telling.beside.account.clone(),
            channel: telling.beside.channel.clone(),
            video: video.clone(),
        })
    }
}

/// An actor, as the tables have it.
#[derive(Debug, Clone)]
struct Known {
    handle: i64,
    id: Local,
    label: String,
    about: Option<String>,
    support: Option<String>,
    owner: Option<Local>,
    /// Names of pictures.
    avatar: Option<String>,
    banner: Option<String>,
    created_at: i64,
    /// What it publishes.
    scope: Scope,
    followers: i64,
}

impl Known {
    async fn told(&self, sidecar: &Sidecar, place: &Place) -> Result<Value, TellError> {
        let key = sidecar.key_of(self.handle).await?;
        let actor = Actor {
            id: self.id.clone(),
            label: &self.label,
            about: self.about.as_deref().filter(|about| !about.is_empty()),
            support: self.support.as_deref(),
            avatars: pictures(PictureKind::Avatar, self.avatar.as_deref()),
            banners: pictures(PictureKind::Banner, self.banner.as_deref()),
            created_at: self.created_at,
            owner: self.owner.clone(),
            public_key: &key.public_key,
        };
        Ok(actor.object(place))
    }
}

fn pictures(kind: PictureKind, name: Option<&str>) -> Vec<Picture> {
    let told = |name: &str| {
        let sizes = kind.sizes().iter();
        let sizes = sizes.map(|&(width, height)| Picture {
            path: picture_path(kind, name, width),
            width: width.into(),
            height: height.into(),
        });
        sizes.collect()
    };
    name.map(told).unwrap_or_default()
}

/// A video, as the tables have it.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) id: VideoId,
    pub(super) video: videos::Video,
    pub(super) account: String,
    pub(super) channel: String,
    tags: Vec<String>,
    captions: Vec<about::Caption>,
    media: Media,
    folder: String,
    picture: String,
    content: Option<String>,
}

impl Loaded {
    pub(super) fn told(&self) -> Told<'_> {
        Told {
            id: self.id,
            video: &self.video,
            account: &self.account,
            channel: &self.channel,
            tags: &self.tags,
            captions: &self.captions,
            media: &self.media,
            folder: &self.folder,
            picture: &self.picture,
            content: self.content.as_deref(),
        }
    }
}

/// How many there are, page by page, of what isn't told.
fn counted(url: &str, total: i64, page: Option<i64>) -> Value {
    collection::object(url, total, page.map(|page| (page, Vec::new())))
}

/// How a channel, or the instance, says that there is a video.
fn announce(place: &Place, by: &Known, uuid: &VideoId, account: &str) -> Value {
    activity::announce(place, (&by.id, by.handle), &Local::Video(*uuid), account)
}

impl Wanted {
    /// Reads a path: an id with a part behind it, or the page that shows the same.
    fn parse(path: &str) -> Option<Wanted> {
        let itself = |what: Local| Some(Wanted { what, part: Part::Itself });
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments[..] {
            ["a" | "accounts", name] => {
                return itself(Local::parse(&format!("/accounts/{}", name.to_ascii_lowercase()))?);
            }
            ["c" | "video-channels", name] => {
                return itself(Local::parse(&format!(
                    "/video-channels/{}",
                    name.to_ascii_lowercase()
                ))?);
            }
            ["about"] => return itself(Local::Instance),
            ["w", key] | ["videos", "watch", key] => {
                return itself(Local::Video(key.parse().ok()?));
            }
            ["videos", "watch", key, "announces", by] => {
                return Some(Wanted {
                    what: Local::Video(key.parse().ok()?),
                    part: Part::Announce(by.parse().ok()?),
                });
            }
            _ => {}
        }
        if let Some(what) = Local::parse(path) {
            return itself(what);
        }
        let (whole, part) = path.rsplit_once('/')?;
        let what = Local::parse(whole)?;
        let part = match (&what, part) {
            (Local::Video(_) | Local::Comment(..), "activity") => Part::Activity,
            (Local::Comment(..), "approve-reply") => Part::Approval,
            (Local::Video(_), "announces") => Part::Announces,
            (Local::Video(_), "likes") => Part::Likes,
            (Local::Video(_), "dislikes") => Part::Dislikes,
            (Local::Video(_), "comments") => Part::Comments,
            (Local::Video(_), "chapters") => Part::Chapters,
            (Local::Instance | Local::Account(_) | Local::Channel(_), "outbox") => Part::Outbox,
            (Local::Instance | Local::Account(_) | Local::Channel(_), "followers") => {
                Part::Followers
            }
            (Local::Instance | Local::Account(_) | Local::Channel(_), "following") => {
                Part::Following
            }
            _ => return None,
        };
        Some(Wanted { what, part })
    }
}

/// Whether an object is wanted rather than a page: browsers never ask for one, servers often for either.
fn wants_activity(headers: &HeaderMap) -> bool {
    let (mut object, mut page) = (0.0_f32, 0.0_f32);
    for accept in headers.get_all(header::ACCEPT) {
        for range in accept.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight =
                parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
            match kind.as_str() {
                "application/activity+json" | "application/ld+json" => object = object.max(weight),
                "text/html" | "application/xhtml+xml" => page = page.max(weight),
                _ => {}
            }
        }
    }
    object > 0.0 && object >= page
}

fn answer(status: StatusCode, object: &Value) -> Reply {
    reply(status, ACTIVITY, Bytes::from(object.to_string()))
}

/// What is told may be read by every program, and is another thing than the page of the same URL.
fn reply(status: StatusCode, kind: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    reply
}

fn failed(error: &TellError) -> Reply {
    tracing::error!("another server is told nothing: {error}");
    answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "this cannot be told just now" }))
}

/// What Mastodon and PeerTube compare with.
const ACTIVITY: &str = "application/activity+json; charset=utf-8";

/// Pages of collections that are told: PeerTube reads 2,000.
const PAGES: std::ops::RangeInclusive<i64> = 1..=10_000;

#[cfg(test)]
mod tests;
