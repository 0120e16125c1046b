//! What the origin made of a video, and under which paths it is had.

use serde::Deserialize;
use serde_json::Value;
use wire::id::VideoId;

use crate::table::video::Privacy;
use crate::{Sidecar, elsewhere, now_ms};

/// The origin's record of a video, as `video.media` keeps it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Media {
    pub(crate) master: String,
    pub(crate) poster: String,
    #[serde(default)]
    pub(crate) renditions: Vec<Rendition>,
    #[serde(default)]
    pub(crate) storyboard: Option<Value>,
}

/// One file of media.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Rendition {
    pub(crate) width: i64,
    pub(crate) height: i64,
    pub(crate) playlist: String,
    pub(crate) media: String,
    pub(crate) bytes: i64,
}

impl Media {
    /// `None` before the first rendition, or if it can't be read.
    pub(crate) fn parse(json: Option<&str>) -> Option<Media> {
        serde_json::from_str(json?).ok()
    }
}

impl Sidecar {
    /// The path of the folder of a video's media for somebody who may see it; `None` if that is no UUID.
    pub(crate) fn media_folder(&self, uuid: &str, privacy: i64) -> Option<String> {
        if is_open(privacy) {
            return Some(format!("/hls/{uuid}"));
        }
        let video: VideoId = uuid.parse().ok()?;
        let capability = self.capability(&video, now_ms());
        Some(format!("/hls/{uuid}/~{capability}"))
    }

    /// The path of a video's picture: the one that its owner chose, or the origin's; of another server's, the one made anew here.
    pub(crate) fn picture(
        &self,
        uuid: &str,
        privacy: i64,
        thumbnail: Option<&str>,
        media: Option<&str>,
    ) -> Option<String> {
        if let Some(path) = thumbnail.and_then(|file| elsewhere::thumbnail_path(uuid, file)) {
            return Some(path);
        }
        let file = match thumbnail {
            Some(file) => file.to_owned(),
            None => Media::parse(media)?.poster,
        };
        Some(format!("{}/{file}", self.media_folder(uuid, privacy)?))
    }
}

/// Whether everybody who has the address may have the media.
pub(crate) fn is_open(privacy: i64) -> bool {
    [Privacy::Public.id(), Privacy::Unlisted.id()].contains(&privacy)
}
