//! The table `job`: work that takes long, and who does it for how long. A claim names the attempt: a worker that was given
//! up finds that a later attempt has the job, and changes nothing.

use crate::database::{Database, reading, record, writing};
use crate::publishing::{JobState, Next, Stage};

record! {
    /// A video to be made of a file.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Job {
        id: i64,
        video_id: i64,
        kind: String,
        /// The upload whose file it is.
        about: String,
        state: i64,
        stage: String,
        percent: i64,
        attempts: i64,
        reason: Option<String>,
        lease_until: Option<i64>,
        is_away: bool,
        due_at: i64,
        created_at: i64,
        updated_at: i64,
    }
}

impl Job {
    /// Its video is watched as it was until the job is done.
    pub(crate) fn is_replacement(&self) -> bool {
        self.kind == REPLACEMENT
    }

    /// It is being done, for this time.
    pub(crate) fn is_attempt(&self, attempt: i64) -> bool {
        self.state == JobState::Running.id() && self.attempts == attempt
    }

    /// It is to be done yet.
    pub(crate) fn is_open(&self) -> bool {
        [JobState::Waiting.id(), JobState::Running.id()].contains(&self.state)
    }
}

/// Who takes a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taker {
    /// A worker of the server, which has all files and ends with it.
    Here,
    /// One on another machine, which makes new videos alone and outlives the server.
    Away,
}

/// Takes the job that waits longest, until `lease_until`; `None` if none is due.
///
/// The one statement that the databases say differently: in PostgreSQL several workers may look at once, and each passes
/// over what another is just taking.
pub(crate) async fn claim(
    database: &Database,
    now_ms: i64,
    lease_until: i64,
    taker: Taker,
) -> sqlx::Result<Option<Job>> {
    let is_away = taker == Taker::Away;
    match database {
        Database::Sqlite { writing, .. } => {
            sqlx::query_as(CLAIM_SQLITE)
                .bind(now_ms)
                .bind(lease_until)
                .bind(is_away)
                .fetch_optional(writing)
                .await
        }
        Database::Postgres(pool) => {
            sqlx::query_as(CLAIM_POSTGRES)
                .bind(now_ms)
                .bind(lease_until)
                .bind(is_away)
                .fetch_optional(pool)
                .await
        }
    }
}

/// Notes how far a worker is, and that it lives; false if the job isn't its any more.
pub(crate) async fn note(
    database: &Database,
    now_ms: i64,
    (id, attempt): (i64, i64),
    (stage, percent): (Stage, i64),
    lease_until: i64,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(NOTE)
            .bind(id)
            .bind(attempt)
            .bind(stage.word())
            .bind(percent)
            .bind(lease_until)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Ends an attempt; false if the job isn't its any more.
pub(crate) async fn settle(
    database: &Database,
    now_ms: i64,
    id: i64,
    attempt: i64,
    next: &Next,
) -> sqlx::Result<bool> {
    change(database, now_ms, id, (JobState::Running, attempt), next).await
}

/// Begins a failed job anew; false if it isn't as it was any more.
pub(crate) async fn retry(
    database: &Database,
    now_ms: i64,
    job: &Job,
    next: &Next,
) -> sqlx::Result<bool> {
    change(database, now_ms, job.id, (JobState::Failed, job.attempts), next).await
}

/// Ends a job that is in this state; false if it isn't as it was any more.
pub(crate) async fn cancel(
    database: &Database,
    now_ms: i64,
    job: &Job,
    state: JobState,
    next: &Next,
) -> sqlx::Result<bool> {
    change(database, now_ms, job.id, (state, job.attempts), next).await
}

/// Running jobs whose worker has been silent past its time.
pub(crate) async fn abandoned(database: &Database, now_ms: i64) -> sqlx::Result<Vec<Job>> {
    reading!(database, pool => sqlx::query_as(ABANDONED).bind(now_ms).fetch_all(pool).await)
}

/// Running jobs of the server's own workers.
pub(crate) async fn here(database: &Database) -> sqlx::Result<Vec<Job>> {
    reading!(database, pool => sqlx::query_as(HERE).fetch_all(pool).await)
}

/// A job by its id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Job>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// The newest job of a video.
pub(crate) async fn of_video(database: &Database, video_id: i64) -> sqlx::Result<Option<Job>> {
    reading!(database, pool => sqlx::query_as(OF_VIDEO).bind(video_id).fetch_optional(pool).await)
}

/// Jobs of a state, or of all, the newest first.
pub(crate) async fn list(
    database: &Database,
    state: Option<JobState>,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<Job>> {
    reading!(database, pool => match state {
        Some(state) => {
            sqlx::query_as(LIST).bind(state.id()).bind(start).bind(count).fetch_all(pool).await
        }
        None => sqlx::query_as(LIST_ALL).bind(start).bind(count).fetch_all(pool).await,
    })
}

/// How many jobs are in a state, or in all. It counts the rows, of which there are those of a week.
pub(crate) async fn total(database: &Database, state: Option<JobState>) -> sqlx::Result<i64> {
    let found: (i64,) = reading!(database, pool => match state {
        Some(state) => sqlx::query_as(TOTAL).bind(state.id()).fetch_one(pool).await,
        None => sqlx::query_as(TOTAL_OF_ALL).fetch_one(pool).await,
    })?;
    Ok(found.0)
}

/// Forgets jobs that were done before a time.
pub(crate) async fn prune(database: &Database, before: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(PRUNE).bind(before).execute(pool).await.map(drop)
    })
}

async fn change(
    database: &Database,
    now_ms: i64,
    id: i64,
    (state, attempt): (JobState, i64),
    next: &Next,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(CHANGE)
            .bind(id)
            .bind(state.id())
            .bind(attempt)
            .bind(next.state.id())
            .bind(next.stage.word())
            .bind(next.percent)
            .bind(next.attempts)
            .bind(next.due_at)
            .bind(&next.reason)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

macro_rules! columns {
    () => {
        "id, video_id, kind, about, state, stage, percent, attempts, reason, lease_until, is_away, due_at, created_at, \
         updated_at"
    };
}

macro_rules! select {
    ($condition:literal) => {
        concat!("SELECT ", columns!(), " FROM job WHERE ", $condition)
    };
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE job SET state = 2, stage = 'probing', percent = 0, attempts = attempts + 1, lease_until = $2, \
             is_away = $3, updated_at = $1 WHERE id = (SELECT id FROM job WHERE state = 1 AND due_at <= $1 \
             AND (kind = 'video-transcoding' OR NOT $3) ORDER BY due_at, id LIMIT 1",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

const CLAIM_SQLITE: &str = claim!("");
const CLAIM_POSTGRES: &str = claim!(" FOR UPDATE SKIP LOCKED");

const BY_ID: &str = select!("id = $1");
const OF_VIDEO: &str = select!("video_id = $1 ORDER BY id DESC LIMIT 1");
const LIST: &str = select!("state = $1 ORDER BY due_at DESC, id DESC LIMIT $3 OFFSET $2");
const LIST_ALL: &str = select!("TRUE ORDER BY id DESC LIMIT $2 OFFSET $1");
const TOTAL: &str = "SELECT COUNT(*) FROM job WHERE state = $1";
const TOTAL_OF_ALL: &str = "SELECT COUNT(*) FROM job";
const HERE: &str = select!("state = 2 AND NOT is_away ORDER BY id");
const ABANDONED: &str = select!("state = 2 AND lease_until < $1 ORDER BY id");

/// Makes the job of a video that becomes what an upload brought.
pub(crate) const INSERT: &str = "INSERT INTO job (video_id, kind, about, state, stage, percent, attempts, is_away, due_at, created_at, updated_at) \
                                 VALUES ($1, $4, $2, 1, 'queued', 0, 0, FALSE, $3, $3, $3)";

/// Makes a video of a file.
pub(crate) const TRANSCODING: &str = "video-transcoding";

/// Makes the file of a video anew, which is watched as it was until then.
pub(crate) const REPLACEMENT: &str = "video-replacement";

const NOTE: &str = "UPDATE job SET stage = $3, percent = $4, lease_until = $5, updated_at = $6 \
                    WHERE id = $1 AND state = 2 AND attempts = $2";

const CHANGE: &str = "UPDATE job SET state = $4, stage = $5, percent = $6, attempts = $7, due_at = $8, reason = $9, \
                      lease_until = NULL, updated_at = $10 WHERE id = $1 AND state = $2 AND attempts = $3";

const PRUNE: &str = "DELETE FROM job WHERE state = 3 AND due_at < $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::publishing::{Interruption, Outcome, after, retried};
    use crate::table::upload::tests::{sender, settled};

    #[tokio::test]
    async fn jobs_are_claimed_in_order_and_each_once() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let one = settled(database, "a", alice).await.unwrap();
            let two = settled(database, "b", alice).await.unwrap();
            assert_eq!(claim(database, 19, 49, Taker::Here).await.unwrap(), None);
            let claims = (0..8).map(|_| claim(database, 30, 60, Taker::Here));
            let claimed = futures_util::future::join_all(claims).await;
            let mut videos: Vec<i64> =
                claimed.into_iter().filter_map(|job| Some(job.unwrap()?.video_id)).collect();
            videos.sort_unstable();
            assert_eq!(videos, [one, two]);
        }
    }

    #[tokio::test]
    async fn a_worker_that_was_given_up_changes_nothing() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let video = settled(database, "a", alice).await.unwrap();
            let first = claim(database, 30, 60, Taker::Here).await.unwrap().unwrap();
            let stage = (Stage::Transcoding, 40);
            assert!(note(database, 50, (first.id, 1), stage, 80).await.unwrap());
            assert!(abandoned(database, 80).await.unwrap().is_empty());
            let silent = abandoned(database, 81).await.unwrap();
            assert_eq!((silent.len(), silent[0].percent), (1, 40));
            assert_eq!(here(database).await.unwrap().len(), 1);
            let lost = Outcome::Interrupted { by: Interruption::Silence };
            let next = after(90, 1, &lost);
            assert!(settle(database, 90, first.id, 1, &next).await.unwrap());
            let second = claim(database, 91, 120, Taker::Here).await.unwrap().unwrap();
            assert_eq!((second.id, second.attempts), (first.id, 2));
            assert!(!note(database, 92, (first.id, 1), stage, 130).await.unwrap());
            let done = after(92, 1, &Outcome::Done);
            assert!(!settle(database, 92, first.id, 1, &done).await.unwrap());
            assert_eq!(of_video(database, video).await.unwrap(), Some(second));
        }
    }

    #[tokio::test]
    async fn a_worker_on_another_machine_makes_new_videos_alone_and_outlives_the_server() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let video = settled(database, "a", alice).await.unwrap();
            let away = claim(database, 30, 60, Taker::Away).await.unwrap().unwrap();
            assert_eq!(away.video_id, video);
            assert!(here(database).await.unwrap().is_empty());
            assert_eq!(abandoned(database, 61).await.unwrap().len(), 1);
            writing!(database, pool => {
                let replace = "UPDATE job SET kind = 'video-replacement', state = 1";
                sqlx::query(replace).execute(pool).await.map(drop)
            })
            .unwrap();
            assert_eq!(claim(database, 70, 99, Taker::Away).await.unwrap(), None);
            assert!(claim(database, 70, 99, Taker::Here).await.unwrap().is_some());
            assert_eq!(here(database).await.unwrap().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_failed_job_keeps_its_reason_and_may_be_tried_again() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let video = settled(database, "a", alice).await.unwrap();
            let job = claim(database, 30, 60, Taker::Here).await.unwrap().unwrap();
            let failed = Outcome::Failed { reason: "it is a picture".to_owned(), is_final: true };
            settle(database, 40, job.id, 1, &after(40, 1, &failed)).await.unwrap();
            let job = of_video(database, video).await.unwrap().unwrap();
            assert_eq!((job.state, job.reason.as_deref()), (4, Some("it is a picture")));
            let failed = list(database, Some(JobState::Failed), 0, 9).await.unwrap();
            assert_eq!(failed, std::slice::from_ref(&job));
            let next = retried(50, JobState::Failed).unwrap();
            assert!(retry(database, 50, &job, &next).await.unwrap());
            assert!(!retry(database, 50, &job, &next).await.unwrap());
            let job = claim(database, 50, 80, Taker::Here).await.unwrap().unwrap();
            settle(database, 60, job.id, 1, &after(60, 1, &Outcome::Done)).await.unwrap();
            assert_eq!(total(database, Some(JobState::Done)).await.unwrap(), 1);
            prune(database, 60).await.unwrap();
            assert_eq!(total(database, Some(JobState::Done)).await.unwrap(), 1);
            prune(database, 61).await.unwrap();
            assert_eq!(of_video(database, video).await.unwrap(), None);
        }
    }
}
