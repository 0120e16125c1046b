//! PeerTube's forms of videos, channels and accounts: the keys that its programs read.

use serde::Serialize;
use serde_json::{Value, json};
use wire::id::VideoId;

use crate::Sidecar;
use crate::media::{Media, Rendition, is_open};
use crate::table::account::Account;
use crate::table::card::Card;
use crate::table::channel::Channel;
use crate::table::remote_video::RemoteVideo;
use crate::table::video::{Privacy, State, Video};
use crate::view::{PictureKind, made_at, picture_path};
use crate::vocabulary::{self, CATEGORIES, LICENCES};
use crate::when::iso;

/// A video in a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CardForm<'a> {
    id: i64,
    uuid: &'a str,
    #[serde(rename = "shortUUID")]
    short_uuid: String,
    url: String,
    name: &'a str,
    category: Labelled<Option<i64>>,
    licence: Labelled<Option<i64>>,
    language: Labelled<Option<&'a str>>,
    privacy: Labelled<i64>,
    nsfw: bool,
    truncated_description: Option<String>,
    description: Option<String>,
    is_local: bool,
    duration: i64,
    aspect_ratio: Option<f64>,
    views: i64,
    viewers: i64,
    likes: i64,
    dislikes: i64,
    thumbnail_path: Option<String>,
    preview_path: Option<String>,
    embed_path: String,
    created_at: String,
    updated_at: String,
    published_at: Option<String>,
    originally_published_at: Option<String>,
    is_live: bool,
    account: OwnerForm<'a>,
    channel: OwnerForm<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_history: Option<PositionForm>,
}

#[derive(Debug, Serialize)]
struct Labelled<T> {
    id: T,
    label: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerForm<'a> {
    id: i64,
    name: &'a str,
    display_name: &'a str,
    url: String,
    host: &'a str,
    avatars: Vec<Picture>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PositionForm {
    current_time: i64,
}

/// One size of a picture of a channel or account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Picture {
    path: String,
    file_url: String,
    width: u32,
    height: u32,
    created_at: String,
    updated_at: String,
}

impl Sidecar {
    /// The host's name with its port.
    pub(crate) fn host(&self) -> &str {
        self.public_url.split_once("://").map_or("", |(_, host)| host)
    }

    pub(super) fn card_form<'a>(&'a self, card: &'a Card) -> CardForm<'a> {
        let picture = self.picture(
            &card.uuid,
            card.privacy,
            card.thumbnail.as_deref(),
            card.media.as_deref(),
        );
        let beginning = card.beginning.as_deref().map(truncated);
        CardForm {
            id: card.id,
            uuid: &card.uuid,
            short_uuid: card.uuid.parse::<VideoId>().map_or(String::new(), |id| id.short()),
            url: match &card.url {
                Some(url) => url.clone(),
                None => format!("{}/videos/watch/{}", self.public_url, card.uuid),
            },
            name: &card.name,
            category: of_table(CATEGORIES, card.category),
            licence: of_table(LICENCES, card.licence),
            language: language(card.language.as_deref()),
            privacy: privacy(card.privacy),
            nsfw: card.nsfw,
            truncated_description: beginning.clone(),
            description: beginning,
            is_local: !card.is_remote,
            duration: card.duration_ms / 1000,
            aspect_ratio: aspect_ratio(card.width, card.height),
            views: card.views,
            // Who is there is the tracker's to know, and nobody counts it.
            viewers: 0,
            likes: card.likes,
            dislikes: card.dislikes,
            thumbnail_path: picture.clone(),
            preview_path: picture,
            embed_path: format!("/videos/embed/{}", card.uuid),
            created_at: iso(card.created_at),
            updated_at: iso(card.updated_at),
            published_at: card.published_at.map(iso),
            originally_published_at: card.originally_published_at.map(iso),
            is_live: false,
            account: self.owner_form(
                "accounts",
                OwnerForm {
                    id: card.account_id,
                    name: &card.account_name,
                    display_name: &card.account_label,
                    url: card.account_url.clone().unwrap_or_default(),
                    host: self.host(),
                    avatars: self.pictures(PictureKind::Avatar, card.account_avatar.as_deref()),
                },
            ),
            channel: self.owner_form(
                "video-channels",
                OwnerForm {
                    id: card.channel_id,
                    name: &card.channel_name,
                    display_name: &card.channel_label,
                    url: card.channel_url.clone().unwrap_or_default(),
                    host: self.host(),
                    avatars: self.pictures(PictureKind::Avatar, card.channel_avatar.as_deref()),
                },
            ),
            user_history: card.position.map(|current_time| PositionForm { current_time }),
        }
    }

    /// Of ours the URL is known by the name; of others name and host stand in the handle.
    fn owner_form<'a>(&self, folder: &str, form: OwnerForm<'a>) -> OwnerForm<'a> {
        match form.name.split_once('@') {
            Some((name, host)) => OwnerForm { name, host, ..form },
            None => {
                OwnerForm { url: format!("{}/{folder}/{}", self.public_url, form.name), ..form }
            }
        }
    }

    /// What the owner of a video sees of it beyond others.
    pub(super) fn own_card_json(&self, card: &Card) -> Value {
        let mut form = value(&self.card_form(card));
        merge(&mut form, own_json(card.state, card.scheduled_at.zip(card.scheduled_privacy)));
        merge(&mut form, json!({ "waitTranscoding": card.wait_transcoding, "blacklisted": false }));
        form
    }

    /// A video by itself; without torrents, which it has none of. One of another server's has its media there.
    pub(super) fn video_json(
        &self,
        (video, elsewhere): (&Video, Option<&RemoteVideo>),
        card: &Card,
        channel: &Channel,
        tags: &[String],
        may_edit: bool,
    ) -> Value {
        let mut form = value(&self.card_form(card));
        let label = match video.comments_policy {
            2 => "Disabled",
            3 => "Requires approval",
            _ => "Enabled",
        };
        let schedule = video.scheduled_at.zip(video.scheduled_privacy).filter(|_| may_edit);
        merge(&mut form, own_json(video.state, schedule));
        let (playlists, files, trackers) = match elsewhere {
            Some(elsewhere) => elsewhere_json(elsewhere),
            None => {
                let tracker =
                    format!("{}/tracker/socket", self.public_url.replacen("http", "ws", 1));
                (self.playlists_json(video), Vec::new(), vec![tracker])
            }
        };
        merge(
            &mut form,
            json!({
                "description": video.description,
                "support": video.support,
                "descriptionPath": format!("/api/v1/videos/{}/description", video.uuid),
                "tags": tags,
                "account": self.owner_json(channel),
                "channel": self.channel_json(channel),
                "blacklisted": false,
                "blacklistedReason": null,
                "commentsEnabled": video.comments_policy != 2,
                "commentsPolicy": { "id": video.comments_policy, "label": label },
                "downloadEnabled": video.download_enabled,
                "waitTranscoding": video.wait_transcoding,
                "inputFileUpdatedAt": video.replaced_at.map(iso),
                "files": files,
                "streamingPlaylists": playlists,
                "trackerUrls": trackers,
            }),
        );
        form
    }

    /// The sizes of a picture, the smallest first; none if there is no picture.
    pub(super) fn pictures(&self, kind: PictureKind, name: Option<&str>) -> Vec<Picture> {
        let Some(name) = name else { return Vec::new() };
        let made_at = iso(made_at(name));
        let picture = |&(width, height): &(u32, u32)| {
            let path = picture_path(kind, name, width);
            Picture {
                file_url: format!("{}{path}", self.public_url),
                path,
                width,
                height,
                created_at: made_at.clone(),
                updated_at: made_at.clone(),
            }
        };
        kind.sizes().iter().map(picture).collect()
    }

    fn playlists_json(&self, video: &Video) -> Vec<Value> {
        let media = Media::parse(video.media.as_deref());
        let found = media.zip(self.media_folder(&video.uuid, video.privacy));
        let Some((media, folder)) = found else { return Vec::new() };
        let url = |file: &str| format!("{}{folder}/{file}", self.public_url);
        let download = |rendition: &Rendition| match is_open(video.privacy) {
            true => format!(
                "{}/download/streaming-playlists/hls/videos/{}-{}-fragmented.mp4",
                self.public_url, video.uuid, rendition.height
            ),
            // What lets in is in the address.
            false => url(&rendition.media),
        };
        let files = media.renditions.iter().enumerate().map(|(no, rendition)| {
            let size = (rendition.width, rendition.height, rendition.bytes);
            file_json(no, size, -1, (&url(&rendition.media), &download(rendition)))
        });
        let files: Vec<Value> = files.rev().collect();
        vec![json!({
            "id": video.id,
            "type": 1,
            "playlistUrl": url(&media.master),
            "segmentsSha256Url": url(&media.master.replace("master.m3u8", "segments-sha256.json")),
            "redundancies": [],
            "files": files,
        })]
    }

    pub(super) fn channel_json(&self, channel: &Channel) -> Value {
        let mut form = self.channel_itself_json(channel);
        merge(&mut form, json!({ "ownerAccount": self.owner_json(channel) }));
        form
    }

    /// A channel where its owner is known.
    pub(super) fn channel_itself_json(&self, channel: &Channel) -> Value {
        let (name, host) = channel.name.split_once('@').unwrap_or((&channel.name, self.host()));
        json!({
            "url": channel.url.clone().unwrap_or_else(|| format!("{}/video-channels/{}", self.public_url, channel.name)),
            "name": name,
            "host": host,
            "avatars": value(&self.pictures(PictureKind::Avatar, channel.avatar.as_deref())),
            "banners": value(&self.pictures(PictureKind::Banner, channel.banner.as_deref())),
            "id": channel.id,
            "hostRedundancyAllowed": false,
            "followingCount": 0,
            "followersCount": channel.subscribers,
            "createdAt": iso(channel.created_at),
            "updatedAt": iso(channel.updated_at),
            "displayName": channel.display_name,
            "description": channel.description,
            "support": channel.support,
            "isLocal": !channel.is_remote,
        })
    }

    fn owner_json(&self, channel: &Channel) -> Value {
        self.account_json(&Account {
            id: channel.account_id,
            user_id: channel.user_id,
            name: channel.account_name.clone(),
            display_name: channel.account_label.clone(),
            description: channel.account_description.clone(),
            avatar: channel.account_avatar.clone(),
            created_at: channel.account_created_at,
            updated_at: channel.account_updated_at,
            url: channel.account_url.clone(),
        })
    }

    pub(super) fn account_json(&self, account: &Account) -> Value {
        let (name, host) = account.name.split_once('@').unwrap_or((&account.name, self.host()));
        json!({
            "url": account.url.clone().unwrap_or_else(|| format!("{}/accounts/{}", self.public_url, account.name)),
            "name": name,
            "host": host,
            "id": account.id,
            "createdAt": iso(account.created_at),
            "displayName": account.display_name,
            "description": account.description,
            "updatedAt": iso(account.updated_at),
            "userId": account.user_id,
            "avatars": value(&self.pictures(PictureKind::Avatar, account.avatar.as_deref())),
            // Nobody can follow an account.
            "followingCount": 0,
            "followersCount": 0,
            "hostRedundancyAllowed": false,
        })
    }
}

/// Playlists, files without one, and trackers of a video elsewhere.
fn elsewhere_json(elsewhere: &RemoteVideo) -> (Vec<Value>, Vec<Value>, Vec<String>) {
    let found = elsewhere.files();
    let files = found.iter().enumerate().map(|(no, file)| {
        let size = (file.width, file.height, file.bytes);
        file_json(no, size, file.fps, (&file.href, &file.href))
    });
    let files: Vec<Value> = files.collect();
    let Some(master) = &elsewhere.master else {
        return (Vec::new(), files, elsewhere.trackers());
    };
    let playlist = json!({
        "id": elsewhere.id,
        "type": 1,
        "playlistUrl": master,
        "segmentsSha256Url": elsewhere.sums,
        "redundancies": [],
        "files": files,
    });
    (vec![playlist], Vec::new(), elsewhere.trackers())
}

/// One file of a video's media; -1 frames a second are unknown, as PeerTube says it.
fn file_json(
    no: usize,
    (width, height, bytes): (i64, i64, i64),
    fps: i64,
    (url, download): (&str, &str),
) -> Value {
    let label = if height == 0 { "Audio only".to_owned() } else { format!("{height}p") };
    json!({
        "id": no + 1,
        "resolution": { "id": height, "label": label },
        "width": width,
        "height": height,
        "size": bytes,
        "fps": fps,
        "fileUrl": url,
        "fileDownloadUrl": download,
        "hasAudio": true,
        "hasVideo": height > 0,
        "storage": 0,
    })
}

fn own_json(state: i64, schedule: Option<(i64, i64)>) -> Value {
    let label = State::parse(state).map_or("", State::label);
    let mut form = json!({ "state": { "id": state, "label": label } });
    if let Some((at, privacy)) = schedule {
        merge(&mut form, json!({ "scheduledUpdate": { "updateAt": iso(at), "privacy": privacy } }));
    }
    form
}

/// Adds the keys of one object to another.
pub(super) fn merge(form: &mut Value, more: Value) {
    if let (Value::Object(form), Value::Object(more)) = (form, more) {
        form.extend(more);
    }
}

pub(super) fn value<T: Serialize>(form: &T) -> Value {
    serde_json::to_value(form).expect("texts and numbers are JSON")
}

fn of_table(table: &[(i64, &'static str)], id: Option<i64>) -> Labelled<Option<i64>> {
    let label = id.and_then(|id| vocabulary::label(table, &id));
    Labelled { id, label: label.unwrap_or(UNKNOWN) }
}

fn language(code: Option<&str>) -> Labelled<Option<&str>> {
    Labelled { id: code, label: code.and_then(vocabulary::language).unwrap_or(UNKNOWN) }
}

fn privacy(id: i64) -> Labelled<i64> {
    Labelled { id, label: Privacy::parse(id).map_or(UNKNOWN, Privacy::label) }
}

/// As much of a description as a list shows, as PeerTube cuts it.
fn truncated(beginning: &str) -> String {
    match beginning.char_indices().nth(250) {
        None => beginning.to_owned(),
        Some(_) => beginning.chars().take(247).chain("...".chars()).collect(),
    }
}

fn aspect_ratio(width: i64, height: i64) -> Option<f64> {
    let ratio = width as f64 / height as f64;
    (width > 0 && height > 0).then(|| (ratio * 10_000.0).round() / 10_000.0)
}

const UNKNOWN: &str = "Unknown";
