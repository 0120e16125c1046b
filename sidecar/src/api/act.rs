//! What pages have done in a visitor's name: by the very rules of the API, under which a test has each of them.

use http::Method;
use wire::id::VideoId;

use super::asked::Asked;
use super::upload::imports::Change;
use super::{channels, users, videos};
use crate::body::Fields;
use crate::error::ApiError;
use crate::publishing::{JobState, Stage};
use crate::query::Query;
use crate::role::Role;
use crate::table::{job, upload, user, video};
use crate::visitor::Visitor;
use crate::{Reply, Sidecar};

/// What a visitor wants to be done; the fields of it are the API's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act<'a> {
    /// `PUT videos/:key`
    ChangeVideo(&'a str),
    /// `DELETE videos/:key`
    DeleteVideo(&'a str),
    /// `POST /api/shoal/v1/videos/:key/retry`
    RetryVideo(&'a VideoId),
    /// `POST video-channels`
    MakeChannel,
    /// `PUT video-channels/:handle`
    ChangeChannel(&'a str),
    /// `DELETE video-channels/:handle`
    DeleteChannel(&'a str),
    /// `POST videos/imports`
    ImportVideo,
    /// `POST videos/imports/:id/cancel`
    CancelImport(i64),
    /// `POST videos/imports/:id/retry`
    RetryImport(i64),
    /// `DELETE videos/imports/:id`
    DeleteImport(i64),
    /// `POST users/:id/block`
    BlockUser(i64),
    /// `POST users/:id/unblock`
    UnblockUser(i64),
}

/// Somebody who may come in, as those who keep order see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserLine {
    /// To act by.
    pub id: i64,
    /// What they log in with; their account's handle.
    pub username: String,
    /// Where they can be written to.
    pub email: Option<String>,
    /// How far they may go.
    pub role: Role,
    /// They can't come in, for this reason if one was given.
    pub blocked: Option<Option<String>>,
    /// Bytes that they uploaded.
    pub used_bytes: u64,
    /// Bytes that they may have uploaded; `None` is without a bound.
    pub quota_bytes: Option<u64>,
    /// Bytes that they may upload in 24 hours; `None` is without a bound.
    pub daily_bytes: Option<u64>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub last_login_at: Option<i64>,
}

/// Work on a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLine {
    /// Its number.
    pub id: i64,
    /// The video's UUID.
    pub uuid: String,
    /// What it is called.
    pub name: String,
    /// `waiting`, `active`, `completed` or `failed`.
    pub state: &'static str,
    /// The word of its stage: `queued`, `probing`, `transcoding`, `published` or `failed`.
    pub stage: String,
    /// Of all the work.
    pub percent: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// Why it failed last.
    pub reason: Option<String>,
    /// Its file is there to try again.
    pub may_retry: bool,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

impl Sidecar {
    /// Does what a visitor wants, if they may.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn act(
        &self,
        visitor: &Visitor,
        act: Act<'_>,
        fields: Fields,
    ) -> Result<(), ApiError> {
        let asked = |method| Asked {
            method,
            query: Query::parse(""),
            fields,
            from: "",
            visitor: Some(visitor.clone()),
            password: None,
            language: "",
        };
        let done: Reply = match act {
            Act::ChangeVideo(key) => {
                self.answer_videos(videos::Route::Video(key), asked(Method::PUT)).await
            }
            Act::DeleteVideo(key) => {
                self.answer_videos(videos::Route::Video(key), asked(Method::DELETE)).await
            }
            Act::ImportVideo => {
                self.begin_import(visitor.user_id, asked(Method::POST).fields).await
            }
            Act::CancelImport(id) => self.change_import(visitor, id, Change::Cancel).await,
            Act::RetryImport(id) => self.change_import(visitor, id, Change::Retry).await,
            Act::DeleteImport(id) => self.change_import(visitor, id, Change::Delete).await,
            Act::RetryVideo(uuid) => self.try_again(visitor, uuid).await,
            Act::MakeChannel => {
                self.answer_channels(channels::Route::Channels, asked(Method::POST)).await
            }
            Act::ChangeChannel(handle) => {
                self.answer_channels(channels::Route::Channel(handle), asked(Method::PUT)).await
            }
            Act::DeleteChannel(handle) => {
                self.answer_channels(channels::Route::Channel(handle), asked(Method::DELETE)).await
            }
            Act::BlockUser(id) => {
                self.answer_users(users::Route::Block(id), asked(Method::POST)).await
            }
            Act::UnblockUser(id) => {
                self.answer_users(users::Route::Unblock(id), asked(Method::POST)).await
            }
        }?;
        debug_assert!(done.status().is_success());
        self.wake_news();
        Ok(())
    }

    /// A page of all users, and how many there are.
    ///
    /// # Errors
    /// When the visitor is no moderator, or the database fails.
    pub async fn users(
        &self,
        visitor: &Visitor,
        start: u32,
        count: u32,
    ) -> Result<(u64, Vec<UserLine>), ApiError> {
        if !visitor.role.moderates() {
            return Err(ApiError::Forbidden("only moderators and administrators may do this"));
        }
        Ok(self.user_lines(start, count).await?)
    }

    pub(crate) async fn user_lines(
        &self,
        start: u32,
        count: u32,
    ) -> sqlx::Result<(u64, Vec<UserLine>)> {
        let mut lines = Vec::new();
        for user in user::page(&self.database, start.into(), count.into()).await? {
            let account = crate::table::account::of_user(&self.database, user.id).await?;
            let used = match account {
                Some(account) => video::source_bytes(&self.database, account.id, 0).await?,
                None => 0,
            };
            lines.push(UserLine {
                id: user.id,
                username: user.username,
                email: user.email,
                role: user.role,
                blocked: user.blocked.then_some(user.blocked_reason),
                used_bytes: used.unsigned_abs(),
                quota_bytes: u64::try_from(user.video_quota).ok(),
                daily_bytes: u64::try_from(user.video_quota_daily).ok(),
                created_at: user.created_at,
                last_login_at: user.last_login_at,
            });
        }
        let total = video::tally(&self.database, "users", "").await?;
        Ok((total.unsigned_abs(), lines))
    }

    /// The newest jobs.
    ///
    /// # Errors
    /// When the visitor is no administrator, or the database fails.
    pub async fn jobs(&self, visitor: &Visitor, count: u32) -> Result<Vec<JobLine>, ApiError> {
        if visitor.role != Role::Administrator {
            return Err(ApiError::Forbidden("only administrators may do this"));
        }
        let mut lines = Vec::new();
        for job in job::list(&self.database, None, 0, count.into()).await? {
            if let Some(video) = video::by_id(&self.database, job.video_id).await? {
                lines.push(self.job_line(job, &video).await?);
            }
        }
        Ok(lines)
    }

    /// How far a video is, for those who may change it; `None` if no work on it is known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn job_of(&self, visitor: &Visitor, key: &str) -> Result<Option<JobLine>, ApiError> {
        let Some(video) = self.by_key(key).await? else { return Ok(None) };
        if !self.may_edit(&video, Some(visitor)).await? {
            return Ok(None);
        }
        match job::of_video(&self.database, video.id).await? {
            Some(job) => Ok(Some(self.job_line(job, &video).await?)),
            None => Ok(None),
        }
    }

    pub(crate) async fn job_line(
        &self,
        job: job::Job,
        video: &video::Video,
    ) -> sqlx::Result<JobLine> {
        let is_failed = job.stage == Stage::Failed.word();
        let is_kept = is_failed && upload::of_video(&self.database, video.id).await?.is_some();
        Ok(JobLine {
            id: job.id,
            uuid: video.uuid.clone(),
            name: video.name.clone(),
            state: JobState::parse(job.state).map_or("unknown", JobState::label),
            stage: job.stage,
            percent: job.percent,
            attempts: job.attempts,
            reason: job.reason,
            may_retry: is_kept,
            updated_at: job.updated_at,
        })
    }
}
