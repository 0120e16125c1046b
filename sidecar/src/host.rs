//! What the host of an instance does at a terminal, whom nobody has to let in: users, channels, videos and jobs by their names.

use serde::Serialize;
use wire::id::VideoId;

use crate::api::{JobLine, UserLine};
use crate::field::{FieldError, Username, line};
use crate::publishing::{self, JobState};
use crate::role::Role;
use crate::table::channel::{self, Channel, NewChannel};
use crate::table::job::{self, Job};
use crate::table::roll::{self, Entry};
use crate::table::user::{self, User};
use crate::table::video::{self, Privacy, State, Video};
use crate::table::{about, account, upload, video_password};
use crate::when::iso;
use crate::{Sidecar, now_ms};

/// A channel, in a list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelLine {
    /// `/c/<handle>`
    pub handle: String,
    /// What people read.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// Those that are listed.
    pub videos: i64,
    /// How many subscribed.
    pub subscribers: i64,
    /// In UTC.
    pub created_at: String,
}

/// A video, in a list of all, whatever its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoLine {
    /// To go on behind.
    #[serde(skip)]
    pub no: i64,
    /// What it is known by.
    pub uuid: String,
    /// What it is called.
    pub name: String,
    /// The handle of its channel.
    pub channel: String,
    /// `public`, `unlisted`, `private`, `internal` or `password`.
    pub privacy: &'static str,
    /// `published`, `to-transcode` or `failed`.
    pub state: &'static str,
    /// How long it plays.
    pub seconds: i64,
    /// Of the file that was uploaded.
    pub bytes: i64,
    /// Once for each viewer and hour.
    pub views: i64,
    /// In UTC.
    pub created_at: String,
    /// In UTC; `None` is not yet.
    pub published_at: Option<String>,
}

/// One video with all that a host asks about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoSheet {
    /// As in a list.
    #[serde(flatten)]
    pub line: VideoLine,
    /// Whose it is.
    pub owner: String,
    /// The page to watch it on.
    pub url: String,
    /// Markdown.
    pub description: Option<String>,
    /// What it is found by.
    pub tags: Vec<String>,
    /// ISO 639.
    pub language: Option<String>,
    /// Not for everybody's eyes.
    pub nsfw: bool,
    /// Pixels of the best rendition; 0 is none yet.
    pub width: i64,
    /// Pixels of the best rendition; 0 is none yet, or only sound.
    pub height: i64,
    /// Who likes it.
    pub likes: i64,
    /// Who doesn't.
    pub dislikes: i64,
    /// What the uploaded file was called.
    pub source_name: String,
    /// The number of its last job.
    pub job: Option<i64>,
    /// Why that failed last.
    pub reason: Option<String>,
}

/// Whose videos are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// All.
    Everybody,
    /// Those of a channel, by its handle.
    Channel(&'a str),
    /// Those of a user, by their name.
    User(&'a str),
}

/// Why a host's command changes nothing, sorted by blame: what it names, what it wants, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Nobody's name.
    #[error("there is no user {0:?}: shoal user list tells who is here")]
    NoUser(String),
    /// No channel's handle.
    #[error("there is no channel {0:?}: shoal channel list tells which there are")]
    NoChannel(String),
    /// Neither UUID nor number of a video.
    #[error("there is no video {0:?}: shoal video list tells which there are")]
    NoVideo(String),
    /// No job's number.
    #[error("there is no job {0}: shoal job list tells which there are")]
    NoJob(i64),
    /// Something that it may not be called.
    #[error("{0} {1}")]
    Field(&'static str, #[source] FieldError),
    /// Nobody could come in any more who may do everything.
    #[error(
        "{0} is the only administrator who can come in: make another one first, with shoal user role NAME administrator"
    )]
    LastAdministrator(String),
    /// An account has one at least.
    #[error(
        "{0} is the only channel of {1}: make them another one first, with shoal channel create"
    )]
    LastChannel(String, String),
    /// Of an account or a channel, or of one that was.
    #[error("the handle {0:?} is taken, or was once: choose another")]
    Taken(String),
    /// More than an account may have.
    #[error("{0} has {most} channels, which is the most", most = crate::limits::CHANNELS)]
    Full(String),
    /// Nothing to do.
    #[error("the channel {0} is theirs already")]
    Theirs(String),
    /// Nobody could watch it.
    #[error("nobody could open it: name a password with --password")]
    NoPassword,
    /// Only failed ones are.
    #[error("job {0} is {1}, and only failed ones are tried again")]
    NotFailed(i64, &'static str),
    /// Nothing is left to be done.
    #[error("job {0} is over: it is {1}")]
    Over(i64, &'static str),
    /// Nothing to make it of.
    #[error("the file of job {0} is not kept any more: it has to be uploaded again")]
    NoFile(i64),
    /// A worker was quicker.
    #[error("job {0} has just changed: look at it again")]
    Changed(i64),
    /// It doesn't answer.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

/// Users.
impl Sidecar {
    /// Some users, the newest first, and how many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_users(
        &self,
        start: u32,
        count: u32,
    ) -> Result<(u64, Vec<UserLine>), HostError> {
        Ok(self.user_lines(start, count).await?)
    }

    /// Sets what a user may do.
    ///
    /// # Errors
    /// When there is no such user, or no administrator would be left.
    pub async fn host_set_role(&self, name: &str, role: Role) -> Result<(), HostError> {
        let user = self.user_named(name).await?;
        if role != Role::Administrator {
            self.ensure_another(&user).await?;
        }
        Ok(user::set_rights(&self.database, user.id, Some(role), None, None).await?)
    }

    /// Sets how many bytes a user may keep, and upload in 24 hours; -1 is without a bound, `None` as it is.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn host_set_quota(
        &self,
        name: &str,
        in_all: Option<i64>,
        daily: Option<i64>,
    ) -> Result<(), HostError> {
        let user = self.user_named(name).await?;
        Ok(user::set_rights(&self.database, user.id, None, in_all, daily).await?)
    }

    /// Keeps a user out, and ends their sessions.
    ///
    /// # Errors
    /// When there is no such user, or no administrator would be left.
    pub async fn host_block(&self, name: &str, reason: Option<&str>) -> Result<(), HostError> {
        let reason =
            reason.map(|text| line(text, 3, 250).map_err(field("--reason"))).transpose()?;
        let user = self.user_named(name).await?;
        self.ensure_another(&user).await?;
        Ok(user::set_blocked(&self.database, user.id, true, reason).await?)
    }

    /// Lets a user in again.
    ///
    /// # Errors
    /// When there is no such user.
    pub async fn host_unblock(&self, name: &str) -> Result<(), HostError> {
        let user = self.user_named(name).await?;
        Ok(user::set_blocked(&self.database, user.id, false, None).await?)
    }

    /// Takes a user away, with all that is theirs.
    ///
    /// # Errors
    /// When there is no such user, or no administrator would be left.
    pub async fn host_delete_user(&self, name: &str) -> Result<(), HostError> {
        let user = self.user_named(name).await?;
        self.ensure_another(&user).await?;
        Ok(self.delete_user(&user).await?)
    }

    async fn user_named(&self, name: &str) -> Result<User, HostError> {
        let found = user::by_login(&self.database, name).await?;
        found.ok_or_else(|| HostError::NoUser(name.to_owned()))
    }

    /// That somebody else can do everything, too, if this user can.
    async fn ensure_another(&self, user: &User) -> Result<(), HostError> {
        if user.role != Role::Administrator
            || user::is_another_administrator(&self.database, user.id).await?
        {
            Ok(())
        } else {
            Err(HostError::LastAdministrator(user.username.clone()))
        }
    }
}

/// Channels.
impl Sidecar {
    /// Some channels, the newest first, and how many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn host_channels(
        &self,
        start: u32,
        count: u32,
    ) -> Result<(i64, Vec<ChannelLine>), HostError> {
        let (total, found) = channel::page(&self.database, start.into(), count.into()).await?;
        let mut lines = Vec::new();
        for channel in found {
            let videos = video::tally(&self.database, "channel", &channel.id.to_string()).await?;
            lines.push(ChannelLine {
                handle: channel.name,
                name: channel.display_name,
                owner: channel.account_name,
                videos,
                subscribers: channel.subscribers,
                created_at: iso(channel.created_at),
            });
        }
        Ok((total, lines))
    }

    /// Makes a channel for a user.
    ///
    /// # Errors
    /// When there is no such user, they have enough, or the handle is taken or can't be one.
    pub async fn host_make_channel(
        &self,
        owner: &str,
        handle: &str,
        name: Option<&str>,
    ) -> Result<(), HostError> {
        let user = self.user_named(owner).await?;
        let account = account::of_user(&self.database, user.id).await?;
        let account = account.ok_or_else(|| HostError::NoUser(owner.to_owned()))?;
        let new = NewChannel {
            name: Username::parse(handle).map_err(field("the handle"))?,
            display_name: line(name.unwrap_or(handle), 1, 120).map_err(field("--name"))?.to_owned(),
            description: None,
            support: None,
        };
        let made = channel::create(&self.database, now_ms(), account.id, new).await;
        made.map(drop).map_err(|error| match error {
            channel::CreateError::Taken => HostError::Taken(handle.to_owned()),
            channel::CreateError::Full => HostError::Full(owner.to_owned()),
            channel::CreateError::Database(error) => HostError::Database(error),
        })
    }

    /// Takes a channel away with all its videos.
    ///
    /// # Errors
    /// When there is no such channel, or it is its owner's last.
    pub async fn host_delete_channel(&self, handle: &str) -> Result<(), HostError> {
        let channel = self.channel_named(handle).await?;
        self.ensure_other_channel(&channel).await?;
        self.delete_videos_of(channel.id).await?;
        if channel::delete(&self.database, channel.id).await? {
            Ok(())
        } else {
            Err(HostError::LastChannel(channel.name, channel.account_name))
        }
    }

    /// Gives a channel with all its videos to another user, against whose quota they count from then on.
    ///
    /// # Errors
    /// When there is no such channel or user, it is its owner's last, or its new one has enough.
    pub async fn host_transfer_channel(&self, handle: &str, to: &str) -> Result<(), HostError> {
        let channel = self.channel_named(handle).await?;
        let user = self.user_named(to).await?;
        let account = account::of_user(&self.database, user.id).await?;
        let account = account.ok_or_else(|| HostError::NoUser(to.to_owned()))?;
        if account.id == channel.account_id {
            return Err(HostError::Theirs(channel.name));
        }
        self.ensure_other_channel(&channel).await?;
        if channel::transfer(&self.database, now_ms(), channel.id, account.id).await? {
            Ok(())
        } else {
            Err(HostError::Full(user.username))
        }
    }

    async fn channel_named(&self, handle: &str) -> Result<Channel, HostError> {
        let found = channel::by_name(&self.database, handle).await?;
        found.ok_or_else(|| HostError::NoChannel(handle.to_owned()))
    }

    async fn ensure_other_channel(&self, channel: &Channel) -> Result<(), HostError> {
        if channel::of_account(&self.database, channel.account_id).await?.len() > 1 {
            return Ok(());
        }
        Err(HostError::LastChannel(channel.name.clone(), channel.account_name.clone()))
    }
}

/// Videos.
impl Sidecar {
    /// Some videos, the newest first, those with a number below `before`.
    ///
    /// # Errors
    /// When there is no such channel or user, or the database fails.
    pub async fn host_videos(
        &self,
        whose: Whose<'_>,
        before: i64,
        count: u32,
    ) -> Result<Vec<VideoLine>, HostError> {
        let whose = match whose {
            Whose::Everybody => roll::Whose::Everybody,
            Whose::Channel(handle) => roll::Whose::Channel(self.channel_named(handle).await?.id),
            Whose::User(name) => {
                let user = self.user_named(name).await?;
                let account = account::of_user(&self.database, user.id).await?;
                let account = account.ok_or_else(|| HostError::NoUser(name.to_owned()))?;
                roll::Whose::Account(account.id)
            }
        };
        let rows = roll::page(&self.database, whose, before, count.into()).await?;
        Ok(rows.into_iter().map(video_line).collect())
    }

    /// A video by its UUID, the short form of that, or its number.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn host_video(&self, key: &str) -> Result<VideoSheet, HostError> {
        let video = self.video_keyed(key).await?;
        let missing = || HostError::NoVideo(key.to_owned());
        let row = roll::by_id(&self.database, video.id).await?.ok_or_else(missing)?;
        let channel = channel::by_id(&self.database, video.channel_id).await?;
        let tags = about::tags(&self.database, video.id).await?;
        let job = job::of_video(&self.database, video.id).await?;
        let short = video.uuid.parse::<VideoId>().map_or(String::new(), |id| id.short());
        Ok(VideoSheet {
            line: video_line(row),
            owner: channel.map_or(String::new(), |channel| channel.account_name),
            url: format!("{}/w/{short}", self.public_url),
            description: video.description,
            tags,
            language: video.language,
            nsfw: video.nsfw,
            width: video.width,
            height: video.height,
            likes: video.likes,
            dislikes: video.dislikes,
            source_name: video.source_name,
            job: job.as_ref().map(|job| job.id),
            reason: job.and_then(|job| job.reason),
        })
    }

    /// Sets who may see a video from now on, whatever was planned for later; returns which it is. Of `password` it needs one
    /// for those who know a password, and keeps those that it has.
    ///
    /// # Errors
    /// When there is none, or nobody could open it.
    pub async fn host_set_privacy(
        &self,
        key: &str,
        privacy: Privacy,
        password: Option<&str>,
    ) -> Result<VideoId, HostError> {
        let password = password.map(|text| line(text, 2, 100).map_err(field("--password")));
        let password = password.transpose()?;
        let video = self.video_keyed(key).await?;
        let has_one = !video_password::all(&self.database, video.id).await?.is_empty();
        if privacy == Privacy::Password && password.is_none() && !has_one {
            return Err(HostError::NoPassword);
        }
        video::set_privacy(&self.database, now_ms(), video.id, privacy, password).await?;
        video.uuid.parse().map_err(|_| HostError::NoVideo(key.to_owned()))
    }

    /// Takes a video away; its media is noted for removal.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub async fn host_delete_video(&self, key: &str) -> Result<(), HostError> {
        let video = self.video_keyed(key).await?;
        Ok(video::delete(&self.database, video.id).await?)
    }

    async fn video_keyed(&self, key: &str) -> Result<Video, HostError> {
        self.by_key(key).await?.ok_or_else(|| HostError::NoVideo(key.to_owned()))
    }
}

/// Jobs.
impl Sidecar {
    /// Some jobs of a state, or of all, the newest first. The states are `waiting`, `active`, `completed` and `failed`.
    ///
    /// # Errors
    /// When there is no such state, or the database fails.
    pub async fn host_jobs(
        &self,
        state: Option<&str>,
        start: u32,
        count: u32,
    ) -> Result<Vec<JobLine>, HostError> {
        let state = match state {
            Some(word) => JobState::named(word).ok_or(HostError::Field("--state", STATES))?,
            None => None,
        };
        let mut lines = Vec::new();
        for job in job::list(&self.database, state, start.into(), count.into()).await? {
            if let Some(video) = video::by_id(&self.database, job.video_id).await? {
                lines.push(self.job_line(job, &video).await?);
            }
        }
        Ok(lines)
    }

    /// Begins a failed job anew.
    ///
    /// # Errors
    /// When there is none, it hasn't failed, or its file is gone.
    pub async fn host_retry(&self, no: i64) -> Result<(), HostError> {
        let (job, state) = self.job_numbered(no).await?;
        let next = publishing::retried(now_ms(), state);
        let next = next.ok_or(HostError::NotFailed(no, state.label()))?;
        if upload::of_video(&self.database, job.video_id).await?.is_none() {
            return Err(HostError::NoFile(no));
        }
        if !job::retry(&self.database, now_ms(), &job, &next).await? {
            return Err(HostError::Changed(no));
        }
        if !job.is_replacement() {
            let waiting = State::ToTranscode;
            video::set_state(&self.database, now_ms(), job.video_id, waiting).await?;
        }
        self.work_waits.notify_one();
        Ok(())
    }

    /// Ends a job that waits or is being done: its worker stops when it hears of it. It may be tried again.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub async fn host_cancel(&self, no: i64) -> Result<(), HostError> {
        let (job, state) = self.job_numbered(no).await?;
        let next = publishing::cancelled(now_ms(), state, job.attempts);
        let next = next.ok_or(HostError::Over(no, state.label()))?;
        if !job::cancel(&self.database, now_ms(), &job, state, &next).await? {
            return Err(HostError::Changed(no));
        }
        if !job.is_replacement() {
            self.unshow(job.video_id).await?;
            let failed = State::TranscodingFailed;
            video::set_state(&self.database, now_ms(), job.video_id, failed).await?;
        }
        Ok(())
    }

    async fn job_numbered(&self, no: i64) -> Result<(Job, JobState), HostError> {
        let job = job::by_id(&self.database, no).await?.ok_or(HostError::NoJob(no))?;
        let state = JobState::parse(job.state).ok_or(HostError::NoJob(no))?;
        Ok((job, state))
    }
}

fn field(name: &'static str) -> impl FnOnce(FieldError) -> HostError {
    move |error| HostError::Field(name, error)
}

fn video_line(row: Entry) -> VideoLine {
    VideoLine {
        no: row.id,
        uuid: row.uuid,
        name: row.name,
        channel: row.channel,
        privacy: Privacy::parse(row.privacy).map_or("unknown", Privacy::word),
        state: match State::parse(row.state) {
            Some(State::Published) => "published",
            Some(State::ToTranscode) => "to-transcode",
            Some(State::TranscodingFailed) | None => "failed",
        },
        seconds: row.duration_ms / 1000,
        bytes: row.source_bytes,
        views: row.views,
        created_at: iso(row.created_at),
        published_at: row.published_at.map(iso),
    }
}

const STATES: FieldError = FieldError::Choice("waiting, active, completed, failed");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::upload::tests::{sender, settled};
    use crate::table::video::tests::{about, made};
    use crate::work::tests::{instances, minute};

    #[track_caller]
    fn refused<T: std::fmt::Debug>(done: Result<T, HostError>, wanted: &str) {
        let text = done.unwrap_err().to_string();
        assert!(text.contains(wanted), "{text}");
    }

    async fn named(sidecar: &Sidecar, name: &str) -> User {
        user::by_login(&sidecar.database, name).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn an_instance_keeps_an_administrator_who_can_come_in() {
        for (sidecar, _trial) in instances().await {
            made(&sidecar.database, "alice", about("The sea")).await;
            refused(sidecar.host_set_role("root", Role::User).await, "the only administrator");
            refused(sidecar.host_block("root", None).await, "the only administrator");
            refused(sidecar.host_delete_user("root").await, "the only administrator");
            sidecar.host_set_role("alice", Role::Administrator).await.unwrap();
            sidecar.host_block("alice", Some("for now")).await.unwrap();
            refused(sidecar.host_delete_user("root").await, "root is the only administrator");
            assert_eq!(named(&sidecar, "alice").await.blocked_reason.as_deref(), Some("for now"));
            sidecar.host_unblock("alice").await.unwrap();
            sidecar.host_delete_user("root").await.unwrap();
            refused(sidecar.host_set_role("root", Role::User).await, "no user \"root\"");
            let (total, lines) = sidecar.host_users(0, 10).await.unwrap();
            assert_eq!((total, lines.len(), &*lines[0].username), (1, 1, "alice"));
        }
    }

    #[tokio::test]
    async fn a_quota_is_set_in_all_for_a_day_or_both() {
        for (sidecar, _trial) in instances().await {
            made(&sidecar.database, "alice", about("The sea")).await;
            for (in_all, daily, wanted) in
                [(Some(7), None, (7, -1)), (None, Some(3), (7, 3)), (Some(-1), Some(-1), (-1, -1))]
            {
                sidecar.host_set_quota("alice", in_all, daily).await.unwrap();
                let user = named(&sidecar, "alice").await;
                assert_eq!((user.video_quota, user.video_quota_daily), wanted);
            }
        }
    }

    #[tokio::test]
    async fn a_channel_goes_over_with_its_videos_and_what_they_are_counted_in() {
        for (sidecar, _trial) in instances().await {
            let database = &sidecar.database;
            let video = made(database, "alice", about("The sea")).await;
            video::set_state(database, 20, video, State::Published).await.unwrap();
            made(database, "bob", about("The sky")).await;
            let handle = "alice_channel";
            refused(sidecar.host_transfer_channel(handle, "bob").await, "only channel of alice");
            sidecar.host_make_channel("alice", "hills", Some("Hills")).await.unwrap();
            refused(sidecar.host_make_channel("alice", "hills", None).await, "is taken");
            refused(sidecar.host_make_channel("alice", "Hills!", None).await, "the handle may");
            refused(sidecar.host_transfer_channel(handle, "alice").await, "theirs already");
            refused(sidecar.host_transfer_channel("nowhere", "bob").await, "no channel");
            sidecar.host_transfer_channel(handle, "bob").await.unwrap();
            let moved = video::by_id(database, video).await.unwrap().unwrap();
            let channel = channel::by_name(database, handle).await.unwrap().unwrap();
            let account = async |name: &str| {
                let user = named(&sidecar, name).await.id;
                account::of_user(database, user).await.unwrap().unwrap().id
            };
            let (alice, bob) = (account("alice").await, account("bob").await);
            assert_eq!((moved.account_id, channel.account_id), (bob, bob));
            for (account, videos, bytes) in [(alice, 0, 0), (bob, 1, 2_000)] {
                let counted = video::tally(database, "account", &account.to_string()).await;
                assert_eq!(counted.unwrap(), videos);
                assert_eq!(video::source_bytes(database, account, 0).await.unwrap(), bytes);
            }
            sidecar.host_delete_channel(handle).await.unwrap();
            assert!(video::by_id(database, video).await.unwrap().is_none());
            assert_eq!(video::tally(database, "account", &bob.to_string()).await.unwrap(), 0);
            refused(sidecar.host_delete_channel("bob_channel").await, "only channel of bob");
        }
    }

    #[tokio::test]
    async fn videos_are_listed_whatever_their_state_and_changed_by_any_of_their_names() {
        for (sidecar, _trial) in instances().await {
            let database = &sidecar.database;
            let one = made(database, "alice", about("The sea")).await;
            let two = made(database, "bob", about("The sky")).await;
            let list = async |whose, before| {
                let lines = sidecar.host_videos(whose, before, 10).await.unwrap();
                lines.into_iter().map(|line| line.no).collect::<Vec<_>>()
            };
            assert_eq!(list(Whose::Everybody, i64::MAX).await, [two, one]);
            assert_eq!(list(Whose::Everybody, two).await, [one]);
            assert_eq!(list(Whose::Channel("bob_channel"), i64::MAX).await, [two]);
            assert_eq!(list(Whose::User("alice"), i64::MAX).await, [one]);
            let sheet = sidecar.host_video(&one.to_string()).await.unwrap();
            assert_eq!((&*sheet.owner, sheet.line.state), ("alice", "to-transcode"));
            assert_eq!(sheet.tags.len(), 2);
            let key = sheet.line.uuid.clone();
            refused(sidecar.host_set_privacy(&key, Privacy::Password, None).await, "--password");
            let password = Privacy::Password;
            sidecar.host_set_privacy(&key, password, Some("open sesame")).await.unwrap();
            sidecar.host_set_privacy(&key, password, None).await.unwrap();
            assert_eq!(video_password::all(database, one).await.unwrap(), ["open sesame"]);
            assert_eq!(sidecar.host_video(&key).await.unwrap().line.privacy, "password");
            sidecar.host_delete_video(&key).await.unwrap();
            refused(sidecar.host_video(&key).await, "there is no video");
        }
    }

    #[tokio::test]
    async fn a_job_is_cancelled_whoever_does_it_and_tried_again() {
        for (sidecar, _trial) in instances().await {
            let database = &sidecar.database;
            let alice = sender(database, "alice").await;
            let video = settled(database, "a", alice).await.unwrap();
            let claim = sidecar.claim_work().await.unwrap().unwrap();
            sidecar.show_work(&claim, &minute()).await.unwrap();
            let job = sidecar.host_jobs(Some("active"), 0, 10).await.unwrap().remove(0).id;
            refused(sidecar.host_retry(job).await, "is active");
            sidecar.host_cancel(job).await.unwrap();
            refused(sidecar.host_cancel(job).await, "is over: it is failed");
            assert!(!sidecar.finish_work(&claim, &minute()).await.unwrap());
            let found = video::by_id(database, video).await.unwrap().unwrap();
            assert_eq!((found.state, found.media), (7, None));
            let line = sidecar.host_jobs(None, 0, 10).await.unwrap().remove(0);
            assert!(line.may_retry && line.reason.unwrap().contains("cancelled"));
            sidecar.host_retry(job).await.unwrap();
            sidecar.host_cancel(job).await.unwrap();
            refused(sidecar.host_cancel(99).await, "no job 99");
            refused(sidecar.host_jobs(Some("lost"), 0, 1).await, "--state must be one of");
        }
    }
}
