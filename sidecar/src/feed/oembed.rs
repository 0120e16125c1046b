//! oEmbed (oembed.com): the frame by which other sites show a video.

use serde_json::json;

use super::xml::escape;
use crate::api::{json as answer, reply};
use crate::error::ApiError;
use crate::field::{FieldError, line};
use crate::query::Query;
use crate::sight::Seen;
use crate::table::card;
use crate::visitor::Asker;
use crate::{Reply, Sidecar};
use http::StatusCode;

impl Sidecar {
    pub(super) async fn oembed(&self, mut query: Query) -> Result<Reply, ApiError> {
        let size = |text: &str| match text.parse::<u32>() {
            Ok(size) if (1..=10_000).contains(&size) => Ok(size),
            _ => Err(FieldError::Above(10_000)),
        };
        let url = query.optional("url", |text| line(text, 1, 2_000).map(str::to_owned));
        let (most_wide, most_high) =
            (query.optional("maxwidth", size), query.optional("maxheight", size));
        let format = query.optional("format", |text| line(text, 1, 20).map(str::to_owned));
        query.finish(())?;
        if format.is_some_and(|format| format != "json") {
            return Ok(no_such_format());
        }
        let url = url.unwrap_or_default();
        let (key, parameters) = self.named(&url).ok_or(ApiError::NotFound("Video"))?;
        // Nobody in particular asks: what a frame shows, everybody may see.
        let seen = self.look(key, Asker { from: "oembed", ..Asker::default() }).await?;
        let Seen::Shown(sight) = seen else { return Err(ApiError::NotFound("Video")) };
        let card = card::by_id(&self.database, sight.video.id, 0).await?;
        let card = card.ok_or(ApiError::NotFound("Video"))?;
        let width = most_wide.unwrap_or(WIDTH).min(WIDTH);
        let height = most_high.unwrap_or(HEIGHT).min(HEIGHT);
        let source = format!("{}/videos/embed/{}{parameters}", self.public_url, card.uuid);
        let html = format!(
            "<iframe width=\"{width}\" height=\"{height}\" \
             sandbox=\"allow-same-origin allow-scripts allow-popups allow-forms\" title=\"{}\" src=\"{}\" \
             frameborder=\"0\" allowfullscreen></iframe>",
            escape(&card.name),
            escape(&source),
        );
        let mut told = json!({
            "type": "video",
            "version": "1.0",
            "html": html,
            "width": width,
            "height": height,
            "title": card.name,
            "author_name": card.channel_label,
            "author_url": format!("{}/c/{}", self.public_url, card.channel_name),
            "provider_name": self.house.name,
            "provider_url": self.public_url,
        });
        if let Some(picture) = self.picture_url(&card) {
            told["thumbnail_url"] = picture.into();
            told["thumbnail_width"] = card.width.into();
            told["thumbnail_height"] = card.height.into();
        }
        Ok(answer(&told))
    }

    /// The key of a video in one of our addresses, and what of its query a player may be told.
    fn named<'a>(&self, url: &'a str) -> Option<(&'a str, String)> {
        let path = url.strip_prefix(self.public_url.as_str())?;
        let path = path.split('#').next()?;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let key = ["/w/", "/videos/watch/", "/videos/embed/"]
            .iter()
            .find_map(|prefix| path.strip_prefix(prefix))?;
        let told = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| PARAMETERS.contains(&name.as_ref()))
            .take(PARAMETERS.len());
        let told = form_urlencoded::Serializer::new(String::new()).extend_pairs(told).finish();
        let parameters = if told.is_empty() { told } else { format!("?{told}") };
        Some((key.trim_end_matches('/'), parameters))
    }
}

/// As PeerTube says it.
fn no_such_format() -> Reply {
    let detail = "Requested format is not implemented on server.";
    let problem = json!({
        "type": "about:blank", "title": "Not Implemented", "detail": detail, "status": 501, "error": detail,
    });
    reply(StatusCode::NOT_IMPLEMENTED, "application/problem+json; charset=utf-8", &problem)
}

/// What a player may be told by the address of a frame, as with PeerTube.
const PARAMETERS: [&str; 16] = [
    "start",
    "stop",
    "subtitle",
    "autoplay",
    "muted",
    "loop",
    "title",
    "warningTitle",
    "peertubeLink",
    "controls",
    "controlBar",
    "api",
    "p2p",
    "playbackRate",
    "bigPlayBackgroundColor",
    "foregroundColor",
];

/// Pixels of a frame for those who don't say.
const WIDTH: u32 = 560;
const HEIGHT: u32 = 315;
