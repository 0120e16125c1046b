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

/// How the catalogue and the media differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    /// Videos that were published without media.
    pub marked: usize,
    /// Media that the catalogue has not published: see [`Sidecar::adopt`].
    pub unknown: Vec<VideoId>,
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

    /// Compares the catalogue with the videos whose media is there. Videos that are published without any are marked as failed.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn reconcile(&self, there: &HashSet<VideoId>) -> Result<Differences, WorkError> {
        let (mut after, mut marked, mut unknown) = (0, 0, there.clone());
        loop {
            let roll = video::roll(&self.database, after, AT_ONCE).await?;
            let Some(&(last, ..)) = roll.last() else {
                return Ok(Differences { marked, unknown: unknown.into_iter().collect() });
            };
            after = last;
            for (id, uuid, state) in roll {
                let uuid = uuid.parse().ok();
                let is_there = uuid.is_some_and(|uuid| there.contains(&uuid));
                if let Some(uuid) = uuid.filter(|_| state == State::Published.id()) {
                    unknown.remove(&uuid);
                }
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

    /// Notes what was made of a published video, if the catalogue has something else of it: it is older than the media, in which
    /// another file has taken the place of the first. Whoever makes a video says so by themselves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn correct(&self, uuid: &VideoId, made: &Made) -> Result<(), WorkError> {
        let Some(video) = video::by_uuid(&self.database, uuid).await? else { return Ok(()) };
        let is_other = video.media.as_ref() != Some(&made.json);
        if video.state == State::Published.id() && is_other && !self.is_being_made(video.id).await?
        {
            video::set_media(&self.database, now_ms(), video.id, &made.media()).await?;
        }
        Ok(())
    }

    async fn is_being_made(&self, video_id: i64) -> Result<bool, sqlx::Error> {
        let job = job::of_video(&self.database, video_id).await?;
        Ok(job.is_some_and(|job| job.is_open()))
    }

    async fn admit(
        &self,
        newcomer: &Newcomer,
        created_at_ms: i64,
        state: State,
    ) -> Result<i64, NewcomerError> {
        let (channel_id, account_id) = self.channel_for(newcomer.channel.as_deref()).await?;
        let privacy = if newcomer.is_open { Privacy::Public } else { Privacy::Private };
        let new = NewVideo {
            uuid: newcomer.uuid,
            channel_id,
            account_id,
            state,
            source_name: newcomer.title.clone(),
            source_bytes: i64::try_from(newcomer.bytes).unwrap_or(i64::MAX),
            about: About::named(newcomer.title.clone(), privacy),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::upload::tests::{sender, settled};
    use crate::work::tests::{instances, minute};

    fn newcomer(seed: u8, channel: Option<&str>) -> Newcomer {
        let uuid = VideoId::from_random([seed; 16]);
        let (title, channel) = ("The sea".to_owned(), channel.map(str::to_owned));
        Newcomer { uuid, title, bytes: 1_000, channel, is_open: true }
    }

    async fn found(sidecar: &Sidecar, newcomer: &Newcomer) -> Option<(i64, String)> {
        let video = video::by_uuid(&sidecar.database, &newcomer.uuid).await.unwrap()?;
        let channel = channel::by_id(&sidecar.database, video.channel_id).await.unwrap();
        Some((video.state, channel.unwrap().name))
    }

    #[tokio::test]
    async fn a_video_from_before_is_adopted_once_and_where_it_belongs() {
        for (sidecar, _trial) in instances().await {
            sender(&sidecar.database, "alice").await;
            for (seed, channel, wanted) in [
                (1, None, "root_channel"),
                (2, Some("alice_channel"), "alice_channel"),
                (3, Some("nobody"), "root_channel"),
            ] {
                let newcomer = newcomer(seed, channel);
                assert!(sidecar.adopt(&newcomer, 77, &minute()).await.unwrap());
                assert!(!sidecar.adopt(&newcomer, 78, &minute()).await.unwrap());
                assert_eq!(found(&sidecar, &newcomer).await, Some((1, wanted.to_owned())));
                let video = video::by_uuid(&sidecar.database, &newcomer.uuid).await.unwrap();
                let video = video.unwrap();
                assert_eq!((video.published_at, video.listed_at), (Some(77), Some(77)));
                assert_eq!((video.duration_ms, video.height), (60_000, 720));
            }
        }
    }

    #[tokio::test]
    async fn an_import_is_announced_published_and_taken_back() {
        for (sidecar, _trial) in instances().await {
            let refused = sidecar.announce(&newcomer(1, Some("nobody"))).await;
            assert!(matches!(refused, Err(NewcomerError::NoChannel(_))), "{refused:?}");
            for seed in [1, 2, 3] {
                sidecar.announce(&newcomer(seed, None)).await.unwrap();
            }
            let state =
                async |seed| found(&sidecar, &newcomer(seed, None)).await.map(|(state, _)| state);
            sidecar.publish(&newcomer(1, None).uuid, &minute()).await.unwrap();
            sidecar.retract(&newcomer(2, None).uuid).await.unwrap();
            assert_eq!((state(1).await, state(2).await, state(3).await), (Some(1), None, Some(2)));
            // Killed when all was made but the last word.
            assert!(sidecar.adopt(&newcomer(3, None), 77, &minute()).await.unwrap());
            assert_eq!(state(3).await, Some(1));
        }
    }

    #[tokio::test]
    async fn a_video_without_media_is_marked_and_one_that_is_being_made_is_not() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            let made = settled(&sidecar.database, "a", alice).await.unwrap();
            for seed in [1, 2] {
                sidecar.adopt(&newcomer(seed, None), 77, &minute()).await.unwrap();
            }
            let there = HashSet::from([newcomer(1, None).uuid]);
            for marked in [1, 0] {
                let unknown = Vec::new();
                let wanted = Differences { marked, unknown };
                assert_eq!(sidecar.reconcile(&there).await.unwrap(), wanted);
            }
            let uuid = newcomer(3, None).uuid;
            let more = HashSet::from([newcomer(1, None).uuid, uuid]);
            assert_eq!(sidecar.reconcile(&more).await.unwrap().unknown, [uuid]);
            for (seed, wanted) in [(1, 1), (2, 7)] {
                let (state, _) = found(&sidecar, &newcomer(seed, None)).await.unwrap();
                assert_eq!(state, wanted);
            }
            let waiting = video::by_id(&sidecar.database, made).await.unwrap().unwrap();
            assert_eq!(waiting.state, 2);
        }
    }
}
