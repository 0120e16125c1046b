//! The picture that comes with an upload: it is made at once, and kept under the id that the video is to have.

use serde::{Deserialize, Serialize};
use wire::id::VideoId;

use super::{Plan, Refusal};
use crate::Sidecar;
use crate::api::captions::random;
use crate::error::ApiError;
use crate::table::upload::{self, Upload};

/// A picture that is to stand for a video that isn't there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Of which video.
    pub video: VideoId,
    /// Under which name.
    pub file: String,
    /// As it was sent.
    pub bytes: Vec<u8>,
}

/// What the table keeps of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    uuid: String,
    file: String,
}

impl Cover {
    pub(super) fn new(bytes: Vec<u8>) -> Result<Cover, ApiError> {
        let video = fresh_id()?;
        Ok(Cover { video, file: format!("thumbnail-{}.jpg", random()?), bytes })
    }

    pub(super) fn kept(&self) -> Kept {
        Kept { uuid: self.video.to_string(), file: self.file.clone() }
    }
}

impl Kept {
    /// The id that the video is to have, and its picture.
    pub(super) fn read(self) -> Option<(VideoId, String)> {
        Some((self.uuid.parse().ok()?, self.file))
    }
}

impl Sidecar {
    /// The videos that uploads under way are to become and that have a picture already.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn expected_videos(&self) -> Result<Vec<VideoId>, Refusal> {
        let open = upload::open(&self.database).await.map_err(ApiError::from)?;
        Ok(open.iter().filter_map(expected).collect())
    }
}

/// The video that an upload is to become, if it has a picture already.
pub(super) fn expected(upload: &Upload) -> Option<VideoId> {
    match serde_json::from_str(&upload.video) {
        Ok(Plan::Video { cover: Some(kept), .. }) => kept.read().map(|(video, _)| video),
        _ => None,
    }
}

/// An id that no video has.
pub(super) fn fresh_id() -> Result<VideoId, ApiError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    Ok(VideoId::from_random(random))
}
