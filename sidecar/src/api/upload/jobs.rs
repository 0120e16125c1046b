//! How far an uploaded video is, what it was made of, and the administrators' list of jobs.

use http::HeaderMap;
use serde_json::{Value, json};
use wire::id::VideoId;

use super::super::{done, json as answer, preflight};
use super::{Refusal, dressed};
use crate::error::ApiError;
use crate::limits::LIST;
use crate::publishing::{self, JobState, Stage};
use crate::role::Role;
use crate::table::job::{self, Job};
use crate::table::upload;
use crate::table::video::{self, State, Video};
use crate::visitor::Visitor;
use crate::when::iso;
use crate::{Reply, Sidecar, now_ms};

impl Sidecar {
    /// The file that a video was made of, in PeerTube's form; there is no copy of it to be had.
    pub(in crate::api) async fn tell_source(
        &self,
        headers: &HeaderMap,
        uuid: VideoId,
    ) -> Result<Reply, ApiError> {
        let video = self.own_video(headers, uuid).await?;
        Ok(answer(&source_json(&video)))
    }

    /// How far a video is, for those who may publish it.
    pub(in crate::api) async fn tell_publishing(
        &self,
        headers: &HeaderMap,
        uuid: VideoId,
    ) -> Result<Reply, ApiError> {
        let video = self.own_video(headers, uuid).await?;
        let job = job::of_video(&self.database, video.id).await?;
        let is_kept = upload::of_video(&self.database, video.id).await?.is_some();
        Ok(answer(&progress_json(&video, job.as_ref(), is_kept)))
    }

    /// The same as JSON for whoever listens, and whether nothing more will change by itself.
    ///
    /// # Errors
    /// Whoever asks may not publish it, or the database fails.
    pub async fn progress(
        &self,
        headers: &HeaderMap,
        uuid: VideoId,
    ) -> Result<(String, bool), Refusal> {
        let video = self.own_video(headers, uuid).await?;
        let job = job::of_video(&self.database, video.id).await.map_err(ApiError::from)?;
        let kept = upload::of_video(&self.database, video.id).await.map_err(ApiError::from)?;
        let told = progress_json(&video, job.as_ref(), kept.is_some());
        let is_over = job.is_none_or(|job| !job.is_open());
        Ok((told.to_string(), is_over))
    }

    /// Answers what a browser asks before a script of another site may listen.
    pub fn allow_listening(&self) -> Reply {
        dressed(preflight(LISTENING))
    }

    /// Answers a method by which nobody listens.
    pub fn refuse_listening(&self) -> Reply {
        Refusal::from(ApiError::Method(LISTENING)).answer()
    }

    /// Tries again to make a video whose file is still there.
    pub(in crate::api) async fn retry(
        &self,
        headers: &HeaderMap,
        uuid: VideoId,
    ) -> Result<Reply, ApiError> {
        let video = self.own_video(headers, uuid).await?;
        self.begin_again(&video).await
    }

    /// The same for a page's visitor.
    pub(in crate::api) async fn try_again(
        &self,
        visitor: &Visitor,
        uuid: &VideoId,
    ) -> Result<Reply, ApiError> {
        let video = video::by_uuid(&self.database, uuid).await?;
        let video = video.ok_or(ApiError::NotFound("Video"))?;
        if !self.may_edit(&video, Some(visitor)).await? {
            return Err(ApiError::NotFound("Video"));
        }
        self.begin_again(&video).await
    }

    async fn begin_again(&self, video: &Video) -> Result<Reply, ApiError> {
        let job = job::of_video(&self.database, video.id).await?;
        let job = job.ok_or(ApiError::Conflict(NO_FILE))?;
        let state = JobState::parse(job.state).ok_or(ApiError::NotFound("Job"))?;
        let now = now_ms();
        let next = publishing::retried(now, state);
        let next = next.ok_or(ApiError::Conflict("this video has not failed"))?;
        if upload::of_video(&self.database, video.id).await?.is_none() {
            return Err(ApiError::Conflict(NO_FILE));
        }
        if job::retry(&self.database, now, &job, &next).await? && !job.is_replacement() {
            video::set_state(&self.database, now, video.id, State::ToTranscode).await?;
        }
        self.work_waits.notify_one();
        Ok(done())
    }

    /// The jobs of a state, in PeerTube's form.
    pub(in crate::api) async fn tell_jobs(
        &self,
        headers: &HeaderMap,
        state: Option<JobState>,
        query: &str,
    ) -> Result<Reply, ApiError> {
        let (_, user) = self.authenticate(headers).await?;
        if user.role != Role::Administrator {
            return Err(ApiError::Forbidden("only administrators may do this"));
        }
        let number = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<u32>().ok())
        };
        let start = number("start").unwrap_or(0);
        let count = number("count").unwrap_or(15).min(LIST as u32);
        let listed = job::list(&self.database, state, start.into(), count.into()).await?;
        let total = job::total(&self.database, state).await?;
        let mut data = Vec::new();
        for job in &listed {
            let video = video::by_id(&self.database, job.video_id).await?;
            data.push(job_json(job, video.as_ref()));
        }
        Ok(answer(&json!({ "total": total, "data": data })))
    }

    /// A video of whoever asks, or of a channel that they publish in; to all others there is none.
    pub(super) async fn own_video(
        &self,
        headers: &HeaderMap,
        uuid: VideoId,
    ) -> Result<Video, ApiError> {
        let visitor = self.visitor_of(headers).await?.ok_or(ApiError::NoToken)?;
        let missing = ApiError::NotFound("Video");
        let Some(video) = video::by_uuid(&self.database, &uuid).await? else {
            return Err(missing);
        };
        let may = self.may_edit(&video, Some(&visitor)).await?;
        if may { Ok(video) } else { Err(missing) }
    }
}

fn source_json(video: &Video) -> Value {
    let height = video.height;
    let resolution = (height > 0).then(|| json!({ "id": height, "label": format!("{height}p") }));
    json!({
        "filename": video.source_name,
        "inputFilename": video.source_name,
        "fileUrl": null,
        "fileDownloadUrl": null,
        "resolution": resolution,
        "size": video.source_bytes,
        "width": (video.width > 0).then_some(video.width),
        "height": (height > 0).then_some(height),
        "fps": null,
        "metadata": null,
        "createdAt": iso(video.replaced_at.unwrap_or(video.created_at)),
    })
}

/// What the ladder says of a video; one without a job is whole, or will never be.
fn progress_json(video: &Video, job: Option<&Job>, is_kept: bool) -> Value {
    let is_published = video.state == State::Published.id();
    let (stage, percent) = match job {
        Some(job) => (job.stage.as_str(), job.percent),
        None if is_published => (Stage::Published.word(), 100),
        None => (Stage::Failed.word(), 0),
    };
    let is_failed = stage == Stage::Failed.word();
    json!({
        "stage": stage,
        "percent": percent,
        // It may be watched before all renditions are there.
        "isPublished": is_published,
        "attempts": job.map_or(0, |job| job.attempts),
        "reason": job.and_then(|job| job.reason.as_deref()),
        "mayRetry": is_failed && job.is_some() && is_kept,
        // When a job that waits is tried next.
        "dueAt": job.filter(|job| job.state == JobState::Waiting.id()).map(|job| iso(job.due_at)),
        "updatedAt": iso(job.map_or(video.updated_at, |job| job.updated_at)),
    })
}

fn job_json(job: &Job, video: Option<&Video>) -> Value {
    let state = JobState::parse(job.state);
    let is_over = matches!(state, Some(JobState::Done | JobState::Failed));
    let has_begun = job.attempts > 0;
    json!({
        "id": job.id.to_string(),
        "type": job.kind,
        "state": state.map(JobState::label),
        "progress": job.percent,
        "priority": 0,
        "data": {
            "type": "new-resolution-to-hls",
            "videoUUID": video.map(|video| &video.uuid),
            "attempts": job.attempts,
        },
        "error": job.reason.as_ref().map(|reason| json!({ "message": reason })),
        "createdAt": iso(job.created_at),
        "processedOn": has_begun.then(|| iso(job.updated_at)),
        "finishedOn": is_over.then(|| iso(job.updated_at)),
    })
}

const LISTENING: &str = "GET, OPTIONS";

const NO_FILE: &str = "the file is not kept any more: upload it again";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::video::tests::{about, made};
    use crate::work::tests::instances;

    #[tokio::test]
    async fn a_source_is_told_in_peertube_s_form() {
        let recorded: Value =
            serde_json::from_str(include_str!("../../../fixtures/api-source.json")).unwrap();
        for (sidecar, _trial) in instances().await {
            let id = made(&sidecar.database, "alice", about("The sea")).await;
            let video = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
            let ours = source_json(&video);
            let keys =
                |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<String>>();
            assert_eq!(keys(&ours), keys(&recorded));
            assert_eq!((&ours["filename"], &ours["size"]), (&json!("sea.mp4"), &json!(1_000)));
            let told = progress_json(&video, None, true);
            assert_eq!((&told["stage"], &told["mayRetry"]), (&json!("failed"), &json!(false)));
        }
    }
}
