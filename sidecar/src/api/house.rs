//! `search`, `config` and `server`: what there is, and what the house is like.

use http::Method;
use serde_json::{Value, json};

use super::asked::Asked;
use super::forms::merge;
use super::json as answer;
use super::videos::page_reply;
use crate::config::Registration;
use crate::error::ApiError;
use crate::federation::resolve::Resolved;
use crate::field::{FieldError, line};
use crate::listing::{self, ListQuery};
use crate::sight::Seen;
use crate::table::listing::Found;
use crate::table::{card, channel};
use crate::{Reply, Sidecar, search};

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    SearchVideos,
    SearchChannels,
    Config,
    About,
    Stats,
    Overview,
    /// Playlists, of which there is none.
    None,
}

impl Route {
    pub(super) fn parse(segments: &[&str]) -> Option<Route> {
        Some(match *segments {
            ["search", "videos"] => Route::SearchVideos,
            ["search", "video-channels"] => Route::SearchChannels,
            ["config"] => Route::Config,
            ["config", "about"] => Route::About,
            ["server", "stats"] => Route::Stats,
            ["overviews", "videos"] => Route::Overview,
            ["video-playlists"] => Route::None,
            _ => return None,
        })
    }
}

impl Sidecar {
    pub(super) async fn answer_house(
        &self,
        route: Route,
        asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match (route, &asked.method) {
            (Route::SearchVideos, &Method::GET) => self.search_videos_for(asked).await,
            (Route::SearchChannels, &Method::GET) => self.search_channels_for(asked).await,
            (Route::Config, &Method::GET) => Ok(answer(&self.config_json())),
            (Route::About, &Method::GET) => Ok(answer(&self.about_json())),
            (Route::Stats, &Method::GET) => self.tell_stats().await,
            (Route::Overview, &Method::GET) => self.tell_overview(asked).await,
            (Route::None, &Method::GET) => tell_none(asked),
            _ => Err(ApiError::Method("GET, HEAD, OPTIONS")),
        }
    }

    async fn search_videos_for(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let text = asked.query.optional("search", words).unwrap_or_default();
        let by_match = matches!(asked.query.text("sort"), None | Some("-match" | "match"));
        if by_match {
            asked.query.forget("sort");
        }
        let query = ListQuery::read(&mut asked.query);
        let read = std::mem::take(&mut asked.query);
        let query = self.as_wanted(read.finish(query)?, asked.visitor.as_ref());
        // A URL of another server's video finds that one.
        if let Some(Resolved::Video(key)) = self.resolve(&text, asked.visitor.as_ref()).await {
            let asker = asked.asker();
            let Seen::Shown(sight) = self.look(&key, asker).await? else {
                return Ok(answer(&json!({ "total": 0, "data": [] })));
            };
            let cards = card::by_ids(&self.database, &[sight.video.id], asked.user_id()).await?;
            return Ok(page_reply(self.page_json(&Found { total: 1, cards }, false)));
        }
        let order = (!by_match).then_some(query.order);
        let found = search::videos(&self.database, &text, &query, order, asked.user_id()).await?;
        Ok(page_reply(self.page_json(&found, false)))
    }

    async fn search_channels_for(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let text = asked.query.optional("search", words).unwrap_or_default();
        let wanted = listing::page(&mut asked.query);
        let read = std::mem::take(&mut asked.query);
        let (start, count) = read.finish(wanted)?;
        if let Some(Resolved::Channel(name)) = self.resolve(&text, asked.visitor.as_ref()).await
            && let Some(channel) = channel::by_name(&self.database, &name).await?
        {
            return Ok(self.channels_json(1, &[channel]));
        }
        let (total, channels) =
            search::channels(&self.database, &text, start.into(), count.into()).await?;
        Ok(self.channels_json(total, &channels))
    }

    /// PeerTube's form of what an instance can do; what this one can't is said to be off.
    fn config_json(&self) -> Value {
        let house = &self.house;
        let off = || json!({ "enabled": false });
        let rule = self.settings.registration;
        let mut all = json!({
            "client": {
                "videos": {
                    "miniature": { "displayAuthorAvatar": false, "preferAuthorDisplayName": false },
                    "resumableUpload": { "maxChunkSize": 0 },
                },
                "menu": { "login": { "redirectOnSingleExternalAuth": false } },
            },
            "defaults": {
                "publish": {
                    "downloadEnabled": true, "commentsPolicy": 1, "commentsEnabled": true, "privacy": 1, "licence": null,
                },
                "p2p": { "webapp": { "enabled": true }, "embed": { "enabled": true } },
            },
            "webadmin": { "configuration": { "edition": { "allowed": false } } },
            "instance": {
                "name": house.name, "shortDescription": house.short_description, "isNSFW": house.is_nsfw,
                "defaultNSFWPolicy": house.nsfw_policy.name(), "defaultClientRoute": "/", "avatars": [], "banners": [],
                "customizations": { "javascript": "", "css": "" },
            },
            "search": {
                "remoteUri": { "users": false, "anonymous": false },
                "searchIndex": { "enabled": false, "url": "", "disableLocalSearch": false, "isDefaultSearch": false },
            },
            "plugin": { "registered": [], "registeredExternalAuths": [], "registeredIdAndPassAuths": [] },
            "theme": { "registered": [], "default": "default" },
            "email": { "enabled": self.has_mail() }, "contactForm": off(),
            "serverVersion": SERVER_VERSION, "serverCommit": "",
            "user": {
                "videoQuota": self.settings.video_quota_bytes,
                "videoQuotaDaily": self.settings.video_quota_daily_bytes,
            },
            "videoChannels": { "maxPerUser": crate::limits::CHANNELS },
            "trending": {
                "videos": {
                    "intervalDays": 7,
                    "algorithms": { "enabled": ["most-viewed", "most-liked"], "default": "most-viewed" },
                },
            },
            "tracker": { "enabled": true },
            "followings": { "instance": { "autoFollowIndex": { "indexUrl": "" } } },
            "broadcastMessage": { "enabled": false, "message": "", "level": "info", "dismissable": false },
            "homepage": off(),
            "openTelemetry": { "metrics": { "enabled": false, "playbackStatsInterval": 15_000 } },
            "views": { "videos": { "watchingInterval": { "anonymous": 60_000, "users": 5_000 } } },
            "storyboards": { "enabled": true },
            "signup": {
                "allowed": rule != Registration::Closed, "allowedForCurrentIP": rule != Registration::Closed,
                "minimumAge": 0, "requiresApproval": rule == Registration::Approval, "requiresEmailVerification": self.verifies(),
            },
        });
        merge(&mut all, media_json(self.import_door().is_some()));
        all
    }

    fn about_json(&self) -> Value {
        let house = &self.house;
        json!({
            "instance": {
                "name": house.name, "shortDescription": house.short_description, "description": house.description,
                "terms": house.terms, "codeOfConduct": house.rules, "hardwareInformation": house.hardware,
                "creationReason": house.creation_reason, "moderationInformation": house.moderation,
                "administrator": house.administrator, "maintenanceLifetime": house.maintenance_lifetime,
                "businessModel": house.business_model, "languages": house.languages,
                "categories": house.category_ids(), "banners": [], "avatars": [],
            },
        })
    }
}

/// A list with nothing in it.
pub(super) fn tell_none(mut asked: Asked<'_>) -> Result<Reply, ApiError> {
    let wanted = listing::page(&mut asked.query);
    asked.query.finish(wanted)?;
    Ok(answer(&json!({ "total": 0, "data": [] })))
}

/// The part of `config` that is about files.
fn media_json(imports: bool) -> Value {
    let off = || json!({ "enabled": false });
    let remote = || json!({ "enabled": false, "remoteRunners": { "enabled": false } });
    let picture =
        || json!({ "file": { "size": { "max": PICTURE_BYTES }, "extensions": PICTURES } });
    let transcoding = json!({
        "enabled": false, "remoteRunners": { "enabled": false }, "enabledResolutions": [], "profile": "default",
        "availableProfiles": ["default"],
    });
    json!({
            "transcoding": {
                "remoteRunners": { "enabled": false }, "hls": { "enabled": true }, "web_videos": { "enabled": false },
                "enabledResolutions": [240, 480, 720, 1080], "profile": "default", "availableProfiles": ["default"],
            },
            "live": {
                "enabled": false, "allowReplay": false, "latencySetting": off(), "maxDuration": -1,
                "maxInstanceLives": -1, "maxUserLives": -1, "transcoding": transcoding, "rtmp": { "port": 1935 },
            },
            "videoStudio": remote(), "videoFile": { "update": off() }, "videoTranscription": remote(),
            "import": {
                "videos": { "http": { "enabled": imports }, "torrent": off() }, "videoChannelSynchronization": off(), "users": off(),
            },
            "export": { "users": { "enabled": false, "exportExpiration": 0, "maxUserVideoQuota": 0 } },
            "autoBlacklist": { "videos": { "ofUsers": off() } },
            "avatar": picture(), "banner": picture(),
            "video": {
                "image": { "extensions": PICTURES, "size": { "max": PICTURE_BYTES } },
                "file": { "extensions": FILES },
            },
            "videoCaption": { "file": { "size": { "max": 1 << 20 }, "extensions": [".vtt", ".srt"] } },
    })
}

fn words(text: &str) -> Result<String, FieldError> {
    line(text, 0, 200).map(str::to_owned)
}

/// Whose API this is; PeerTube's programs ask for it.
const SERVER_VERSION: &str = "6.3.0";

const PICTURES: [&str; 4] = [".png", ".jpg", ".jpeg", ".webp"];
const PICTURE_BYTES: u32 = 4 << 20;
const FILES: [&str; 12] = [
    ".mp4", ".m4v", ".mov", ".webm", ".mkv", ".ogv", ".avi", ".flv", ".wmv", ".ts", ".mp3", ".flac",
];
