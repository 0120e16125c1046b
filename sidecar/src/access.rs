//! Who may read a video's media, told to the origin: it keeps that by itself, and is told again whenever it differs.

use wire::id::VideoId;

use crate::Sidecar;
use crate::media::is_open;
use crate::table::video;
use crate::work::WorkError;

/// Who may read a video's media, by its privacy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Which video.
    pub video: VideoId,
    /// Everybody; else those with a capability.
    pub is_open: bool,
}

impl Sidecar {
    /// Those of which the origin knows otherwise, or nothing yet; some of them, if there are many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn access_due(&self) -> Result<Vec<Access>, WorkError> {
        let due = video::access_due(&self.database, AT_ONCE).await?;
        Ok(due.into_iter().filter_map(access_of).collect())
    }

    /// Who may read which video, of all, whatever the origin was told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_access(&self) -> Result<Vec<Access>, WorkError> {
        let all = video::privacies(&self.database).await?;
        Ok(all.into_iter().filter_map(access_of).collect())
    }

    /// Who may read a video now; nobody without a capability if there is none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn access(&self, video: VideoId) -> Result<Access, WorkError> {
        let found = video::by_uuid(&self.database, &video).await?;
        Ok(Access { video, is_open: found.is_some_and(|video| is_open(video.privacy)) })
    }

    /// Notes that the origin was told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_access(&self, access: Access) -> Result<(), WorkError> {
        let uuid = access.video.to_string();
        Ok(video::note_access(&self.database, &uuid, access.is_open).await?)
    }
}

fn access_of((uuid, privacy): (String, i64)) -> Option<Access> {
    Some(Access { video: uuid.parse().ok()?, is_open: is_open(privacy) })
}

/// The rest comes a moment later.
const AT_ONCE: i64 = 100;
