//! What a worker asks and tells: which file to make a video of, how far it is, what became of it.
//!
//! A job and its video are changed one after the other, in an order of which every beginning is harmless: whoever is killed
//! between the two leaves a job that is claimed again.

use std::time::Duration;

use wire::id::VideoId;

use crate::limits::{JOB_LIFE, LEASE};
use crate::publishing::{self, Interruption, Outcome, Stage};
use crate::table::job::{self, Job, Taker};
use crate::table::video::{self, Media, State};
use crate::{Sidecar, now_ms};

/// A job that is this worker's, until it is silent for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub(crate) job: i64,
    /// Which try it is: a later one takes the job away from this.
    attempt: i64,
    video_id: i64,
    /// Which video is made.
    pub uuid: VideoId,
    /// Of which upload.
    pub upload: String,
    /// What the video is called.
    pub title: String,
    /// What whoever sent the file calls it.
    pub source_name: String,
    /// It is published when all renditions are made, and not with the first.
    pub waits: bool,
    /// What was made of the file that this one replaces: that is watched until all is made anew.
    pub replaced: Option<String>,
}

/// What was made of a file so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The origin's record, as JSON.
    pub json: String,
    /// How long it plays.
    pub duration: Duration,
    /// Of the best rendition.
    pub width: u32,
    /// Of the best rendition.
    pub height: u32,
}

/// The database doesn't answer a worker.
#[derive(Debug, thiserror::Error)]
#[error("the database: {0}")]
pub struct WorkError(#[from] pub(crate) sqlx::Error);

impl Sidecar {
    /// Takes the job that waits longest, for a worker of this process.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_work(&self) -> Result<Option<Claim>, WorkError> {
        self.claim(Taker::Here).await
    }

    /// Takes the job that waits longest, for a worker on another machine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_work_away(&self) -> Result<Option<Claim>, WorkError> {
        self.claim(Taker::Away).await
    }

    /// The claim that a worker on another machine names, if it still has the job.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claimed_away(&self, name: &str) -> Result<Option<Claim>, WorkError> {
        let numbers = name.split_once('-').and_then(|(job, attempt)| {
            Some((job.parse::<i64>().ok()?, attempt.parse::<i64>().ok()?))
        });
        let Some((job, attempt)) = numbers else { return Ok(None) };
        let job = job::by_id(&self.database, job).await?;
        match job.filter(|job| job.is_away && job.is_attempt(attempt)) {
            Some(job) => self.claim_of(job).await,
            None => Ok(None),
        }
    }

    async fn claim(&self, taker: Taker) -> Result<Option<Claim>, WorkError> {
        let now = now_ms();
        let Some(job) = job::claim(&self.database, now, now + ms(LEASE), taker).await? else {
            return Ok(None);
        };
        let claim = self.claim_of(job).await?;
        if let Some(claim) = claim.as_ref().filter(|claim| claim.replaced.is_none()) {
            video::set_state(&self.database, now, claim.video_id, State::ToTranscode).await?;
        }
        Ok(claim)
    }

    async fn claim_of(&self, job: Job) -> Result<Option<Claim>, WorkError> {
        let Some(video) = video::by_id(&self.database, job.video_id).await? else {
            // Deleted just now, and the job with it.
            return Ok(None);
        };
        let Ok(uuid) = video.uuid.parse() else {
            return Ok(None);
        };
        let replaced = video.media.filter(|_| job.is_replacement());
        Ok(Some(Claim {
            job: job.id,
            attempt: job.attempts,
            video_id: video.id,
            uuid,
            upload: job.about,
            title: video.name,
            source_name: video.source_name,
            waits: video.wait_transcoding,
            replaced,
        }))
    }

    /// Returns when a job may be due: when one was made here, else after a while, since others make jobs, too.
    pub async fn wait_for_work(&self) {
        // A while that is over says just as well that it is time to look.
        let _ = tokio::time::timeout(LOOK, self.work_waits.notified()).await;
    }

    /// Notes how far a job is, and that its worker lives; false if it isn't the worker's any more, who must stop.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn tell_work(
        &self,
        claim: &Claim,
        stage: Stage,
        percent: u8,
    ) -> Result<bool, WorkError> {
        let (now, attempt) = (now_ms(), (claim.job, claim.attempt));
        let told = (stage, i64::from(percent.min(100)));
        Ok(job::note(&self.database, now, attempt, told, now + ms(LEASE)).await?)
    }

    /// Notes what can be played by now, and publishes it unless it waits for the rest. This and the next three do nothing
    /// if the job isn't the worker's any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn show_work(&self, claim: &Claim, made: &Made) -> Result<(), WorkError> {
        if claim.replaced.is_some() || !self.tell_work(claim, Stage::Transcoding, 0).await? {
            return Ok(());
        }
        let now = now_ms();
        video::set_media(&self.database, now, claim.video_id, &made.media()).await?;
        if !claim.waits {
            video::set_state(&self.database, now, claim.video_id, State::Published).await?;
        }
        Ok(())
    }

    /// Publishes a video that is whole; false if the job isn't the worker's any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn finish_work(&self, claim: &Claim, made: &Made) -> Result<bool, WorkError> {
        if !self.tell_work(claim, Stage::Transcoding, 100).await? {
            return Ok(false);
        }
        let now = now_ms();
        video::set_media(&self.database, now, claim.video_id, &made.media()).await?;
        video::set_state(&self.database, now, claim.video_id, State::Published).await?;
        self.settle(claim.job, claim.attempt, &Outcome::Done).await?;
        Ok(true)
    }

    /// Whether the catalogue has a video.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn knows(&self, uuid: &VideoId) -> Result<bool, WorkError> {
        Ok(video::by_uuid(&self.database, uuid).await?.is_some())
    }

    /// Notes why nothing came of it; what was shown is gone again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fail_work(
        &self,
        claim: &Claim,
        reason: String,
        is_final: bool,
    ) -> Result<(), WorkError> {
        if !self.tell_work(claim, Stage::Transcoding, 0).await? {
            return Ok(());
        }
        if claim.replaced.is_none() {
            self.unshow(claim.video_id).await?;
        }
        let next = Outcome::Failed { reason, is_final };
        self.settle(claim.job, claim.attempt, &next).await?;
        Ok(())
    }

    /// Gives a job back that the worker may not finish.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn return_work(&self, claim: &Claim) -> Result<(), WorkError> {
        if !self.tell_work(claim, Stage::Queued, 0).await? {
            return Ok(());
        }
        if claim.replaced.is_none() {
            self.unshow(claim.video_id).await?;
        }
        let farewell = Outcome::Interrupted { by: Interruption::Farewell };
        self.settle(claim.job, claim.attempt, &farewell).await?;
        Ok(())
    }

    /// Takes back the jobs of workers that are silent for too long.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look_after_work(&self) -> Result<(), WorkError> {
        self.take_back(job::abandoned(&self.database, now_ms()).await?).await
    }

    /// Gives videos the privacy that they were to have by now, and tells how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_schedules(&self) -> Result<usize, WorkError> {
        Ok(video::keep_schedules(&self.database, now_ms()).await?)
    }

    /// Forgets jobs that were done long ago.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_old_work(&self) -> Result<(), WorkError> {
        Ok(job::prune(&self.database, now_ms() - ms(JOB_LIFE)).await?)
    }

    /// Takes back all jobs of workers of this server, which ended with its last process.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn take_back_work(&self) -> Result<(), WorkError> {
        self.take_back(job::here(&self.database).await?).await
    }

    /// Deleted videos whose media is still there; some of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn withdrawals(&self) -> Result<Vec<VideoId>, WorkError> {
        let found = video::withdrawals(&self.database, AT_ONCE).await?;
        Ok(found.iter().filter_map(|uuid| uuid.parse().ok()).collect())
    }

    /// Notes that the media of a deleted video is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_withdrawn(&self, uuid: &VideoId) -> Result<(), WorkError> {
        Ok(video::forget_withdrawal(&self.database, &uuid.to_string()).await?)
    }

    async fn take_back(&self, jobs: Vec<Job>) -> Result<(), WorkError> {
        let silence = Outcome::Interrupted { by: Interruption::Silence };
        for job in jobs {
            if !job.is_replacement() {
                self.unshow(job.video_id).await?;
            }
            self.settle(job.id, job.attempts, &silence).await?;
        }
        Ok(())
    }

    /// Takes a video out of the lists: its renditions went with the attempt that made them.
    pub(crate) async fn unshow(&self, video_id: i64) -> Result<(), sqlx::Error> {
        let now = now_ms();
        video::set_state(&self.database, now, video_id, State::ToTranscode).await?;
        video::forget_media(&self.database, now, video_id).await
    }

    async fn settle(&self, job: i64, attempt: i64, outcome: &Outcome) -> Result<(), sqlx::Error> {
        let now = now_ms();
        let next = publishing::after(now, attempt, outcome);
        let is_failed = next.stage == Stage::Failed;
        let is_ours = job::settle(&self.database, now, job, attempt, &next).await?;
        let job = job::by_id(&self.database, job).await?.filter(|_| is_ours && is_failed);
        if let Some(job) = job.filter(|job| !job.is_replacement()) {
            let failed = State::TranscodingFailed;
            video::set_state(&self.database, now, job.video_id, failed).await?;
        }
        self.work_waits.notify_one();
        Ok(())
    }
}

impl Claim {
    /// What a worker on another machine calls it by.
    pub fn name(&self) -> String {
        format!("{}-{}", self.job, self.attempt)
    }
}

impl Made {
    pub(crate) fn media(&self) -> Media {
        Media {
            json: self.json.clone(),
            duration_ms: ms(self.duration),
            width: self.width.into(),
            height: self.height.into(),
        }
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How often jobs are looked for that nobody told of: `shoal import` and other machines make them, too.
pub(crate) const LOOK: Duration = Duration::from_secs(5);

/// Deleted videos that are told of at once.
const AT_ONCE: i64 = 100;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::Accounts;
    use crate::database::trial::{self, Trial};
    use crate::publishing::JobState;
    use crate::table::upload::tests::{sender, settled};

    /// An instance on each database, with `root`.
    pub(crate) async fn instances() -> Vec<(Sidecar, Trial)> {
        let mut instances = Vec::new();
        for trial in trial::databases().await {
            let (url, accounts) = ("http://127.0.0.1:9000".to_owned(), Accounts::default());
            let key = wire::capability::Key::new([7; wire::capability::KEY_LENGTH]);
            let opening = Sidecar::open(&trial.settings, &accounts, trial.data.path(), url, key);
            let sidecar = opening.await.unwrap();
            sidecar.ensure_administrator().await.unwrap();
            instances.push((sidecar, trial));
        }
        instances
    }

    /// A minute in 720p.
    pub(crate) fn minute() -> Made {
        let (duration, width, height) = (Duration::from_secs(60), 1280, 720);
        Made { json: "{\"master\":\"g1-master.m3u8\"}".to_owned(), duration, width, height }
    }

    async fn state(sidecar: &Sidecar, video_id: i64) -> (i64, bool, i64) {
        let video = video::by_id(&sidecar.database, video_id).await.unwrap().unwrap();
        let job = job::of_video(&sidecar.database, video_id).await.unwrap().unwrap();
        (video.state, video.media.is_some(), job.state)
    }

    /// Lets the pause after a failure be over.
    async fn hurry(sidecar: &Sidecar, video_id: i64) {
        let job = job::of_video(&sidecar.database, video_id).await.unwrap().unwrap();
        let next = publishing::Next {
            state: JobState::Failed,
            stage: Stage::Queued,
            percent: 0,
            attempts: job.attempts,
            due_at: 0,
            reason: job.reason.clone(),
        };
        let claimed = job::claim(&sidecar.database, i64::MAX - 1, i64::MAX, Taker::Here)
            .await
            .unwrap()
            .unwrap();
        let attempt = claimed.attempts;
        assert!(job::settle(&sidecar.database, 0, job.id, attempt, &next).await.unwrap());
        let job = job::by_id(&sidecar.database, job.id).await.unwrap().unwrap();
        let next = publishing::Next { state: JobState::Waiting, ..next };
        assert!(job::retry(&sidecar.database, 0, &job, &next).await.unwrap());
    }

    #[tokio::test]
    async fn a_video_is_shown_with_its_first_rendition_unless_it_waits_for_all() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            for (upload, waits) in [("a", false), ("b", true)] {
                let video = settled(&sidecar.database, upload, alice).await.unwrap();
                let claim = sidecar.claim_work().await.unwrap().unwrap();
                assert_eq!((claim.video_id, &*claim.upload, claim.attempt), (video, upload, 1));
                assert!(sidecar.tell_work(&claim, Stage::Transcoding, 200).await.unwrap());
                let claim = Claim { waits, ..claim };
                sidecar.show_work(&claim, &minute()).await.unwrap();
                let shown = if waits { 2 } else { 1 };
                assert_eq!(state(&sidecar, video).await, (shown, true, 2));
                assert!(sidecar.finish_work(&claim, &minute()).await.unwrap());
                assert_eq!(state(&sidecar, video).await, (1, true, 3));
                assert!(!sidecar.finish_work(&claim, &minute()).await.unwrap());
                assert!(sidecar.knows(&claim.uuid).await.unwrap());
            }
            assert!(sidecar.claim_work().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn what_fails_is_shown_to_nobody_and_ends_after_some_tries() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            let video = settled(&sidecar.database, "a", alice).await.unwrap();
            for attempt in 1..=crate::limits::ATTEMPTS {
                let claim = sidecar.claim_work().await.unwrap().unwrap();
                assert_eq!(claim.attempt, attempt);
                sidecar.show_work(&claim, &minute()).await.unwrap();
                sidecar.fail_work(&claim, "no space".to_owned(), false).await.unwrap();
                let is_over = attempt == crate::limits::ATTEMPTS;
                let wanted = if is_over { (7, false, 4) } else { (2, false, 1) };
                assert_eq!(state(&sidecar, video).await, wanted);
                assert!(sidecar.claim_work().await.unwrap().is_none(), "it waits for a while");
                if !is_over {
                    hurry(&sidecar, video).await;
                    // The claim of the hurry was none.
                    let job = job::of_video(&sidecar.database, video).await.unwrap().unwrap();
                    assert_eq!(job.attempts, attempt);
                }
            }
        }
    }

    #[tokio::test]
    async fn what_a_worker_left_is_taken_back_and_it_changes_nothing_any_more() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            let video = settled(&sidecar.database, "a", alice).await.unwrap();
            let dead = sidecar.claim_work().await.unwrap().unwrap();
            sidecar.show_work(&dead, &minute()).await.unwrap();
            sidecar.look_after_work().await.unwrap();
            assert_eq!(state(&sidecar, video).await, (1, true, 2), "its time isn't over");
            sidecar.take_back_work().await.unwrap();
            assert_eq!(state(&sidecar, video).await, (2, false, 1));
            let alive = sidecar.claim_work().await.unwrap().unwrap();
            sidecar.fail_work(&dead, "late".to_owned(), true).await.unwrap();
            sidecar.show_work(&dead, &minute()).await.unwrap();
            sidecar.return_work(&dead).await.unwrap();
            assert_eq!(state(&sidecar, video).await, (2, false, 2));
            sidecar.return_work(&alive).await.unwrap();
            let job = job::of_video(&sidecar.database, video).await.unwrap().unwrap();
            assert_eq!((job.state, job.attempts), (1, 1), "a farewell is no attempt");
        }
    }

    #[tokio::test]
    async fn a_worker_on_another_machine_names_its_claim_while_it_has_it() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            settled(&sidecar.database, "a", alice).await.unwrap();
            let claim = sidecar.claim_work_away().await.unwrap().unwrap();
            sidecar.take_back_work().await.unwrap();
            let again = sidecar.claimed_away(&claim.name()).await.unwrap();
            assert_eq!(again.as_ref(), Some(&claim), "it outlives the server");
            for other in ["", "1", "1-", "1-2", "2-1", "-1-1", "1-1-1", "x-y"] {
                assert_eq!(sidecar.claimed_away(other).await.unwrap(), None, "{other}");
            }
            sidecar.fail_work(&claim, "no video".to_owned(), true).await.unwrap();
            assert_eq!(sidecar.claimed_away(&claim.name()).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_video_whose_new_file_fails_is_watched_as_before() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            let video = settled(&sidecar.database, "a", alice).await.unwrap();
            let claim = sidecar.claim_work().await.unwrap().unwrap();
            assert!(sidecar.finish_work(&claim, &minute()).await.unwrap());
            crate::table::upload::tests::open(&sidecar.database, "b", alice).await;
            let source = ("b.mp4", 7);
            let done = video::replace_source(&sidecar.database, 30, "b", video, source).await;
            assert!(done.unwrap());
            let claim = sidecar.claim_work().await.unwrap().unwrap();
            assert_eq!(claim.replaced, Some(minute().json));
            sidecar.show_work(&claim, &Made { json: "{}".to_owned(), ..minute() }).await.unwrap();
            assert_eq!(state(&sidecar, video).await, (1, true, 2));
            sidecar.take_back_work().await.unwrap();
            assert_eq!(state(&sidecar, video).await, (1, true, 1));
            let claim = sidecar.claim_work().await.unwrap().unwrap();
            sidecar.fail_work(&claim, "no video".to_owned(), true).await.unwrap();
            assert_eq!(state(&sidecar, video).await, (1, true, 4));
            let found = video::by_id(&sidecar.database, video).await.unwrap().unwrap();
            assert_eq!(found.media, Some(minute().json));
        }
    }

    #[tokio::test]
    async fn a_deleted_video_takes_its_job_and_upload_along_and_its_media_is_remembered() {
        for (sidecar, _trial) in instances().await {
            let alice = sender(&sidecar.database, "alice").await;
            let video = settled(&sidecar.database, "a", alice).await.unwrap();
            let claim = sidecar.claim_work().await.unwrap().unwrap();
            video::delete(&sidecar.database, video).await.unwrap();
            assert!(!sidecar.tell_work(&claim, Stage::Transcoding, 1).await.unwrap());
            assert!(!sidecar.finish_work(&claim, &minute()).await.unwrap());
            assert!(!sidecar.knows(&claim.uuid).await.unwrap());
            assert!(sidecar.needed_uploads().await.unwrap().is_empty());
            assert_eq!(sidecar.withdrawals().await.unwrap(), [claim.uuid]);
            sidecar.note_withdrawn(&claim.uuid).await.unwrap();
            assert!(sidecar.withdrawals().await.unwrap().is_empty());
        }
    }
}
