//! One video: its page `/w/<short>`, its embed, and the door before it where a password is wanted.

use std::net::SocketAddr;
use std::sync::Arc;

use askama::Template;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use origin::Reply;
use origin::library::{Library, Rendition, Video};
use serde::Serialize;
use sidecar::view::{Privacy, VideoPage};
use sidecar::visitor::Asker;
use sidecar::{Fields, Seen, cookie};
use wire::id::VideoId;

use super::talk::{Draft, TalkPart};
use super::{Framing, PageError, Site, elsewhere, html, moved, now_ms};
use crate::config::Sharing;
use crate::embed::Options;
use crate::language::Language;
use crate::pages::{Frame, snippet};
use crate::visit::{Visit, size};
use crate::when;
use sidecar::prose;

/// The player element and what it needs to begin at once.
pub(crate) struct Stage {
    src: String,
    /// What browsers play by themselves: all that there is of a video elsewhere without a playlist.
    whole: Option<String>,
    /// Where viewers meet, if not at the tracker of the video's own host.
    tracker: Option<String>,
    /// Where others keep copies of its files.
    mirrors: Vec<String>,
    /// Where players ask for their address, if not beside the tracker.
    stun: Option<String>,
    poster: Option<String>,
    title: String,
    opening: Arc<str>,
    /// Shown without scripts: the smallest rendition's file, which browsers play by themselves.
    plain_src: Option<String>,
    /// What the player's own embed button offers; the watch page has it beside the player.
    snippet: Option<String>,
    /// The page is nothing but the player, which so may have every key.
    has_page_keys: bool,
    sharing: Sharing,
    options: Options,
    /// JSON of what the player shows of them.
    captions: Option<String>,
    storyboard: Option<String>,
    /// The video's id, under which it is told that it is watched.
    id: String,
    /// Seconds where this visitor stopped.
    resume: Option<u64>,
    /// Where they go on is remembered.
    is_remembered: bool,
}

impl Stage {
    /// Seconds where it begins: what the address says, else where this visitor stopped.
    fn start(&self) -> Option<u64> {
        self.options.start_seconds().or(self.resume)
    }
}

/// `/w/<short>`: one video to watch.
#[derive(Template)]
#[template(path = "watch.html")]
struct Watch<'a> {
    visit: &'a Visit<'a>,
    stage: Stage,
    video: VideoPage,
    /// Who sends it to whom.
    source: String,
    short: String,
    shape: &'static str,
    clock: String,
    date: String,
    age: String,
    views: String,
    likes: String,
    subscribers: String,
    description: String,
    support: String,
    excerpt: String,
    privacy: Option<&'static str>,
    chapters: Vec<ChapterLine>,
    renditions: Vec<RenditionLine>,
    is_importing: bool,
    width: u32,
    height: u32,
    snippet: String,
    facts: String,
    /// Of people to read, where a video of another server is from.
    canonical: Option<String>,
    talk: TalkPart,
}

struct ChapterLine {
    seconds: u64,
    clock: String,
    title: String,
}

struct RenditionLine {
    name: String,
    size: String,
    bytes: String,
    href: String,
}

/// `/videos/embed/<id>`: the player and nothing else.
#[derive(Template)]
#[template(path = "embed.html")]
struct Embed<'a> {
    language: &'static Language,
    frame: &'a Frame,
    stage: Stage,
    short: String,
}

/// Where a password is wanted.
#[derive(Template)]
#[template(path = "locked.html")]
struct Locked<'a> {
    visit: &'a Visit<'a>,
    problem: Option<String>,
}

/// How a page's video is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Knock<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: SocketAddr,
    /// The form that was sent with a password, if one was.
    pub(super) fields: Option<&'a Fields>,
}

impl Site {
    pub(super) async fn watch(
        &self,
        visit: &Visit<'_>,
        key: &str,
        query: &str,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let id: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        let opened = self.open(visit, &id, knock).await?;
        if key != id.short() {
            return Ok(moved(&format!("/w/{}", id.short())));
        }
        self.show_video(visit, &id, opened, query, knock, None).await
    }

    /// The page of a video with a comment that wasn't taken.
    pub(super) async fn watch_again(
        &self,
        visit: &Visit<'_>,
        id: &VideoId,
        query: &str,
        knock: Knock<'_>,
        draft: Draft,
    ) -> Result<Reply, PageError> {
        let opened = self.open(visit, id, knock).await?;
        self.show_video(visit, id, opened, query, knock, Some(draft)).await
    }

    async fn show_video(
        &self,
        visit: &Visit<'_>,
        id: &VideoId,
        opened: Opened,
        query: &str,
        knock: Knock<'_>,
        draft: Option<Draft>,
    ) -> Result<Reply, PageError> {
        let (video, cookie) = match opened {
            Opened::Video(video, cookie) => (video, cookie),
            Opened::Door(reply) => return Ok(reply),
        };
        let record = self.record(id).await?;
        let options = Options { start: Options::parse(query).start, ..Options::default() };
        let stage = self.stage(visit, &video, record.as_ref(), options).await;
        let is_public = matches!(video.card.privacy, Privacy::Public | Privacy::Unlisted);
        let sources = self.meet(&video);
        let talk = TalkPart { draft, ..self.talk_part(visit, id, query, knock).await? };
        let page = Watch { talk, ..watch_page(visit, id, *video, record, stage, now_ms()) };
        let mut reply = self.html(visit, StatusCode::OK, &page)?;
        elsewhere::allow(&mut reply, &sources);
        elsewhere::allow_mirrors(&mut reply, &page.stage.mirrors);
        if !is_public {
            keep_to_itself(&mut reply);
        }
        with_password(&mut reply, cookie);
        Ok(reply)
    }

    pub(super) async fn embed(
        &self,
        visit: &Visit<'_>,
        key: &str,
        query: &str,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let id: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        let (video, cookie) = match self.open(visit, &id, knock).await? {
            Opened::Video(video, cookie) => (video, cookie),
            Opened::Door(mut reply) => {
                super::allow_framing(&mut reply);
                return Ok(reply);
            }
        };
        let record = self.record(&id).await?;
        let stage = self.stage(visit, &video, record.as_ref(), Options::parse(query)).await;
        let snippet = Some(snippet(&self.frame, &id, &video.card.name));
        let is_public = matches!(video.card.privacy, Privacy::Public | Privacy::Unlisted);
        let stage = Stage { snippet, has_page_keys: true, ..stage };
        let sources = self.meet(&video);
        let page = Embed { language: visit.language, frame: &self.frame, stage, short: id.short() };
        let mut reply = html(StatusCode::OK, &page, Framing::Allowed);
        super::keep_from_others(&mut reply, visit);
        elsewhere::allow(&mut reply, &sources);
        elsewhere::allow_mirrors(&mut reply, &page.stage.mirrors);
        if !is_public {
            keep_to_itself(&mut reply);
        }
        with_password(&mut reply, cookie);
        Ok(reply)
    }

    /// PeerTube's address of a page, which leads to ours.
    pub(super) async fn forward(
        &self,
        visit: &Visit<'_>,
        key: &str,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        let id: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        self.open(visit, &id, knock).await?;
        Ok(moved(&format!("/w/{}", id.short())))
    }

    /// The video, if whoever asks may see it; else the door where they may say a password.
    async fn open(
        &self,
        visit: &Visit<'_>,
        id: &VideoId,
        knock: Knock<'_>,
    ) -> Result<Opened, PageError> {
        let kept = cookie::video_password(knock.headers, id);
        let said = knock.fields.and_then(|fields| fields.text("password"));
        let from = self.sidecar.counted(knock.headers, knock.peer);
        let asker = Asker {
            visitor: visit.visitor.as_ref(),
            password: said.or(kept.as_deref()),
            from: &from,
        };
        let problem = match self.sidecar.video_page(&id.to_string(), asker).await? {
            Seen::Shown(video) => {
                let url = &self.frame.public_url;
                let cookie = said.map(|said| cookie::keep_video_password(id, said, url));
                return Ok(Opened::Video(video, cookie));
            }
            Seen::Nothing => return Err(PageError::NotFound),
            Seen::PasswordWanted => None,
            Seen::PasswordWrong => Some(visit.say("locked-wrong")),
            Seen::TooMany(wait) => Some(visit.count("error-too-many", wait.as_secs() + 1)),
        };
        let page = Locked { visit, problem };
        Ok(Opened::Door(self.html(visit, StatusCode::FORBIDDEN, &page)?))
    }

    /// Mirrors have what everybody may see of here, and nothing else.
    fn mirrors_of(&self, video: &VideoPage) -> Vec<String> {
        let is_theirs = video.elsewhere.is_none()
            && video.medium.is_some()
            && video.card.privacy == Privacy::Public;
        let id = Some(video.card.id).filter(|_| is_theirs);
        let folders =
            id.iter().flat_map(|id| self.frame.mirrors.iter().map(|mirror| mirror.folder(id)));
        folders.collect()
    }

    /// What the origin knows of the media, once there is any.
    async fn record(&self, id: &VideoId) -> Result<Option<Video>, PageError> {
        let id = *id;
        self.look_up(move |library: &Library| library.video(&id)).await
    }

    async fn stage(
        &self,
        visit: &Visit<'_>,
        video: &VideoPage,
        record: Option<&Video>,
        options: Options,
    ) -> Stage {
        let src = video.medium.as_ref().map(|medium| medium.master.clone()).unwrap_or_default();
        let folder = src.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_open = matches!(video.card.privacy, Privacy::Public | Privacy::Unlisted);
        let may_share = is_open
            && options.allows_sharing
            && visit.visitor.as_ref().is_none_or(|visitor| visitor.choices().p2p_enabled);
        let opening = match record.filter(|_| is_open) {
            Some(record) => self.media.opening(record).await,
            // What comes first of a private video is read from its playlists.
            None => Arc::from("[]"),
        };
        let smallest = record
            .and_then(|record| record.renditions.iter().min_by_key(|rendition| rendition.bytes));
        let plain_src = match &video.elsewhere {
            Some(elsewhere) => elsewhere.files.first().cloned(),
            None => smallest.map(|rendition| format!("{folder}/{}", rendition.media)),
        };
        let whole = video.elsewhere.as_ref().filter(|_| video.medium.is_none());
        Stage {
            whole: whole.and_then(|elsewhere| elsewhere.files.last().cloned()),
            tracker: video.elsewhere.as_ref().map(|elsewhere| self.tracker_of(elsewhere)),
            mirrors: self.mirrors_of(video),
            stun: self.frame.stun.clone().filter(|_| {
                video.elsewhere.as_ref().is_none_or(|elsewhere| elsewhere.tracker.is_none())
            }),
            poster: video.card.picture.clone(),
            title: video.card.name.clone(),
            opening,
            plain_src,
            snippet: None,
            has_page_keys: false,
            sharing: if may_share { self.frame.sharing } else { Sharing::Off },
            options,
            captions: captions(video),
            storyboard: storyboard(video, folder),
            id: video.card.id.to_string(),
            resume: video.card.position.map(|at| at.as_secs()).filter(|at| *at > 0),
            is_remembered: visit
                .visitor
                .as_ref()
                .is_some_and(sidecar::visitor::Visitor::keeps_history),
            src,
        }
    }
}

/// What stands behind a video's address.
enum Opened {
    /// It is shown; with a cookie that opens it again, if a password just did.
    Video(Box<VideoPage>, Option<HeaderValue>),
    Door(Reply),
}

fn watch_page<'a>(
    visit: &'a Visit<'a>,
    id: &VideoId,
    mut video: VideoPage,
    record: Option<Video>,
    stage: Stage,
    now_ms: u64,
) -> Watch<'a> {
    let published = video.card.published_at_ms.unwrap_or(video.card.created_at_ms);
    let published = u64::try_from(published).unwrap_or_default();
    let ms = u64::try_from(video.card.duration.as_millis()).unwrap_or(u64::MAX);
    let mut best_first: Vec<&Rendition> =
        record.iter().flat_map(|record| &record.renditions).collect();
    best_first.sort_by_key(|rendition| std::cmp::Reverse(rendition.height));
    let made = best_first.first().map(|top| (top.width, top.height));
    let told = video.medium.as_ref().filter(|medium| medium.width > 0 && video.elsewhere.is_some());
    let told = told.and_then(|medium| {
        Some((u32::try_from(medium.width).ok()?, u32::try_from(medium.height).ok()?))
    });
    let (width, height) = made.or(told).unwrap_or((16, 9));
    let renditions =
        best_first.into_iter().filter(|_| video.download_enabled).map(|rendition| RenditionLine {
            name: format!("{}p", rendition.width.min(rendition.height)),
            size: format!("{}×{}", rendition.width, rendition.height),
            bytes: size(rendition.bytes),
            href: format!("/download/videos/{id}-{}.mp4", rendition.height),
        });
    let chapters = std::mem::take(&mut video.chapters).into_iter().map(|chapter| ChapterLine {
        seconds: chapter.at.as_secs(),
        clock: when::clock(chapter.at.as_secs() * 1000),
        title: chapter.title,
    });
    let text = video.description.as_deref().unwrap_or_default();
    let excerpt = prose::excerpt(text);
    let snippet = snippet(visit.frame, id, &video.card.name);
    Watch {
        visit,
        source: match &video.elsewhere {
            Some(elsewhere) => visit.name(source_key(stage.sharing), &elsewhere.host),
            None => visit.name(source_key(stage.sharing), &visit.frame.public_url),
        },
        canonical: video.elsewhere.as_ref().map(|elsewhere| elsewhere.page.clone()),
        short: id.short(),
        shape: crate::pages::shape(width, height),
        clock: when::clock(ms),
        date: when::date(published),
        age: visit.age(published, now_ms),
        views: visit.count("views", video.card.views),
        likes: visit.count("likes", video.card.likes),
        subscribers: visit.count("subscribers", video.subscribers),
        description: prose::html(text),
        support: prose::html(video.support.as_deref().unwrap_or_default()),
        facts: json_ld(visit, id, &video, &excerpt, published, ms),
        excerpt,
        talk: TalkPart::default(),
        privacy: super::shelf::privacy_key(video.card.privacy),
        chapters: chapters.collect(),
        renditions: renditions.collect(),
        is_importing: record.is_some_and(|record| record.is_importing),
        width,
        height,
        snippet,
        stage,
        video,
    }
}

/// What search engines read of a video (schema.org), as a data block that can't end its own element.
fn json_ld(
    visit: &Visit<'_>,
    id: &VideoId,
    video: &VideoPage,
    excerpt: &str,
    published_ms: u64,
    ms: u64,
) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct VideoObject<'a> {
        #[serde(rename = "@context")]
        context: &'static str,
        #[serde(rename = "@type")]
        kind: &'static str,
        name: &'a str,
        description: &'a str,
        thumbnail_url: Option<String>,
        upload_date: String,
        duration: String,
        embed_url: String,
    }
    let url = &visit.frame.public_url;
    let object = VideoObject {
        context: "https://schema.org",
        kind: "VideoObject",
        name: &video.card.name,
        description: excerpt,
        thumbnail_url: video.card.picture.as_ref().map(|path| format!("{url}{path}")),
        upload_date: when::date(published_ms),
        duration: when::duration(ms),
        embed_url: format!("{url}/videos/embed/{}", id.short()),
    };
    serde_json::to_string(&object).unwrap_or_default().replace('<', "\\u003c")
}

fn captions(video: &VideoPage) -> Option<String> {
    #[derive(Serialize)]
    struct Caption<'a> {
        language: &'a str,
        label: &'a str,
        src: &'a str,
    }
    let captions: Vec<Caption<'_>> = video
        .captions
        .iter()
        .map(|caption| Caption {
            language: &caption.language.id,
            label: caption.language.label,
            src: &caption.path,
        })
        .collect();
    if captions.is_empty() { None } else { serde_json::to_string(&captions).ok() }
}

/// The origin's words about it, with the picture's whole path.
fn storyboard(video: &VideoPage, folder: &str) -> Option<String> {
    let said = video.medium.as_ref()?.storyboard.as_deref()?;
    let mut said: serde_json::Map<String, serde_json::Value> = serde_json::from_str(said).ok()?;
    let file = said.remove("file")?;
    said.insert("src".to_owned(), format!("{folder}/{}", file.as_str()?).into());
    serde_json::to_string(&said).ok()
}

/// The sentence about who sends a video to whom.
fn source_key(sharing: Sharing) -> &'static str {
    match sharing {
        Sharing::Off => "source-off",
        Sharing::Receive => "source-receive",
        Sharing::Full => "source-full",
        Sharing::Ask => "source-ask",
    }
}

/// The address of its media has a capability in it, which no cache is to keep.
fn keep_to_itself(reply: &mut Reply) {
    let private = HeaderValue::from_static("private, no-store");
    reply.headers_mut().insert(header::CACHE_CONTROL, private);
}

fn with_password(reply: &mut Reply, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
