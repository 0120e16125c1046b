//! Videos that came another way than by upload: those that `shoal import` publishes, and those that a data folder has
//! from before it had a catalogue.

use std::collections::HashSet;

use wire::id::VideoId;

use crate::field::FieldError;
use crate::role::Role;
use crate::table::job;
use crate::table::video::{self, About, NewVideo, Privacy, State};
use crate::table::{account, channel, user};
use crate::work::{Made, WorkError};
use crate::{Sidecar, now_ms};

/// A video that is published without an upload.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// Which one.
    pub uuid: VideoId,
    /// What it is called.
    pub title: String,
    /// Bytes of its file, or of what was made of it.
    pub bytes: u64,
    /// The handle of its channel; the administrator's first if absent.
    pub channel: Option<String>,
    /// Everybody may see it; else it is private.
    pub is_open: bool,
}

/// Why a video can't be put into the catalogue: whoever names its channel, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum NewcomerError {
    /// Nobody has made it.
    #[error("there is no channel {0:?}")]
    NoChannel(String),
    /// There is none yet.
    #[error("there is no administrator whose channel it could be in")]
    NoAdministrator,
    /// A title that nobody could read.
    #[error("the title {0}")]
    Title(#[from] FieldError),
    /// The database doesn't answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl From<WorkError> for NewcomerError {
    fn from(WorkError(error): WorkError) -> NewcomerError {
        NewcomerError::Database(error)
    }
}

impl Sidecar {
    /// Notes a video that is about to be made, and in no list yet.
    ///
    /// # Errors
    /// When it has no channel, or the database fails.
    pub async fn announce(&self, newcomer: &Newcomer) -> Result<(), NewcomerError> {
        self.admit(newcomer, now_ms(), State::ToTranscode).await.map(drop)
    }

    /// Publishes a video that was announced, as far as it is made.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn publish(&self, uuid: &VideoId, made: &Made) -> Result<(), WorkError> {
        let Some(video) = video::by_uuid(&self.database, uuid).await? else { return Ok(()) };
        let now = now_ms();
        video::set_media(&self.database, now, video.id, &made.media()).await?;
        video::set_state(&self.database, now, video.id, State::Published).await?;
        Ok(())
    }

    /// Takes a video out of the catalogue of which nothing came.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn retract(&self, uuid: &VideoId) -> Result<(), WorkError> {
        match video::by_uuid(&self.database, uuid).await? {
            Some(video) => Ok(video::delete(&self.database, video.id).await?),
            None => Ok(()),
        }
    }

    /// Puts a video into the catalogue that is there already, as it was published at that time, unless the catalogue
    /// has it published; into the administrator's first channel where its own isn't there. True if that changed something.
    ///
    /// # Errors
    /// When there is no administrator, or the database fails.
    pub async fn adopt(
        &self,
        newcomer: &Newcomer,
        published_at_ms: i64,
        made: &Made,
    ) -> Result<bool, NewcomerError> {
        if let Some(known) = video::by_uuid(&self.database, &newcomer.uuid).await? {
            // An import that was killed when all was made but the last word.
            let is_left = known.state != State::Published.id();
            let is_left = is_left && !self.is_being_made(known.id).await?;
            if is_left {
                self.publish(&newcomer.uuid, made).await?;
            }
            return Ok(is_left);
        }
        let named = newcomer.channel.as_deref();
        let known = match named {
            Some(name) => channel::by_name(&self.database, name).await?.is_some(),
            None => false,
        };
        let title: String = newcomer.title.chars().take(120).collect();
        let title = if title.trim().is_empty() { "Video".to_owned() } else { title };
        let channel = newcomer.channel.clone().filter(|_| known);
        let newcomer = Newcomer { title, channel, ..newcomer.clone() };
        let id = self.admit(&newcomer, published_at_ms, State::ToTranscode).await?;
        video::set_media(&self.database, published_at_ms, id, &made.media()).await?;
        video::set_state(&self.database, published_at_ms, id, State::Published).await?;
        Ok(true)
    }

    /// Marks videos as failed that are published by the catalogue, and of which no media is there; tells how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_missing(&self, there: &HashSet<VideoId>) -> Result<usize, WorkError> {
        let (mut after, mut marked) = (0, 0);
        loop {
            let roll = video::roll(&self.database, after, AT_ONCE).await?;
            let Some(&(last, ..)) = roll.last() else { return Ok(marked) };
            after = last;
            for (id, uuid, state) in roll {
                let is_there = uuid.parse().is_ok_and(|uuid| there.contains(&uuid));
                let is_awaited = [State::Published.id(), State::ToTranscode.id()].contains(&state);
                if is_there || !is_awaited {
                    continue;
                }
                let is_being_made = self.is_being_made(id).await?;
                let state =
                    if is_being_made { State::ToTranscode } else { State::TranscodingFailed };
                video::set_state(&self.database, now_ms(), id, state).await?;
                video::forget_media(&self.database, now_ms(), id).await?;
                marked += usize::from(!is_being_made);
            }
        }
    }

    async fn is_being_made(&self, video_id: i64) -> Result<bool, sqlx::Error> {
        let job = job::of_video(&self.database, video_id).await?;
        Ok(job.is_some_and(|job| [1, 2].contains(&job.state)))
    }

    async fn admit(
        &self,
        newcomer: &Newcomer,
        created_at_ms: i64,
        state: State,
    ) -> Result<i64, NewcomerError> {
        let (channel_id, account_id) = self.channel_for(newcomer.channel.as_deref()).await?;
        let new = NewVideo {
            uuid: newcomer.uuid,
            channel_id,
            account_id,
            state,
            source_name: newcomer.title.clone(),
            source_bytes: i64::try_from(newcomer.bytes).unwrap_or(i64::MAX),
            about: About {
                name: newcomer.title.clone(),
                privacy: if newcomer.is_open { Privacy::Public } else { Privacy::Private },
                description: None,
                support: None,
                category: None,
                licence: None,
                language: None,
                nsfw: false,
                comments_policy: 1,
                download_enabled: true,
                wait_transcoding: false,
                originally_published_at: None,
                schedule: None,
                tags: Vec::new(),
                passwords: Vec::new(),
            },
        };
        Ok(video::create(&self.database, created_at_ms, &new).await?)
    }

    /// A channel and the account whose it is.
    async fn channel_for(&self, name: Option<&str>) -> Result<(i64, i64), NewcomerError> {
        if let Some(name) = name {
            let found = channel::by_name(&self.database, name).await?;
            let found = found.ok_or_else(|| NewcomerError::NoChannel(name.to_owned()))?;
            return Ok((found.id, found.account_id));
        }
        let none = || NewcomerError::NoAdministrator;
        let first = user::first(&self.database, Role::Administrator).await?.ok_or_else(none)?;
        let account = account::of_user(&self.database, first).await?.ok_or_else(none)?;
        let channels = channel::of_account(&self.database, account.id).await?;
        channels.first().map(|channel| (channel.id, account.id)).ok_or_else(none)
    }
}

/// Videos that are looked at in one query.
const AT_ONCE: i64 = 1_000;
