//! What is to be asked of other servers, worked off by a few at once, of each site one thing after the other.
//!
//! ```text
//! an activity, a follow, a page ──▶ add_task ──▶ the table `task` ──▶ claimed ──▶ done
//!                                                     ▲                  │
//!                                                     └── later again ◀──┴──▶ given up
//! ```
//! Nobody takes all the time that there is: a task lasts for a slice of it, whose site had much of late comes after all others, and
//! one of those who work does nothing but videos.

mod turns;

use std::future::Future;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use self::turns::AtWork;
pub(super) use self::turns::Busy;
use super::ask::FetchError;
use super::id::{IdError, Remote};
use super::json;
use super::people::PersonError;
use super::receive::{HearError, Turns};
use super::videos::VideoError;
use crate::limits::{FETCHERS, NOTE_BUDGET, TASK_BACK_OFF, TASK_LEASE, TASK_SLICE, VIDEO_BUDGET};
use crate::outbound::Budget;
use crate::table::about::{self, Chapter};
use crate::table::remote_video;
use crate::table::task::{self, Kind, Task};
use crate::{Sidecar, now_ms, prose};

/// Why a task isn't done: what is asked, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    #[error(transparent)]
    Video(#[from] VideoError),
    #[error(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Hear(#[from] HearError),
    #[error(transparent)]
    Id(#[from] IdError),
    /// Of a newer build, or what it was about is gone.
    #[error("nobody knows what to do")]
    Unknown,
    #[error("{0} has no outbox")]
    NoOutbox(String),
    /// Its server, or one of those to which it leads.
    #[error("it takes too long")]
    TooLong,
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl TaskError {
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            TaskError::Video(error) => error.is_lasting(),
            TaskError::Person(error) => error.is_lasting(),
            TaskError::Fetch(error) => error.is_lasting(),
            TaskError::Hear(error) => error.is_lasting(),
            TaskError::TooLong | TaskError::Database(_) => false,
            TaskError::Id(_) | TaskError::Unknown | TaskError::NoOutbox(_) => true,
        }
    }
}

/// How far a task came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    End,
    /// There is more, from what is noted on.
    More,
}

impl Sidecar {
    /// Notes that something of another server's is to be fetched; `false` if too much waits already.
    pub(crate) async fn add_task(&self, kind: Kind, url: &Remote) -> sqlx::Result<bool> {
        let (host, url) = (url.authority(), url.document());
        let is_added = task::add(&self.database, now_ms(), kind, host, url).await?;
        self.task_waits.notify_one();
        Ok(is_added)
    }

    /// Works off what is to be fetched, until `stop`; what isn't done then goes on after the next start.
    pub async fn work_tasks_forever(&self, stop: impl Future<Output = ()>) {
        let busy = Busy::default();
        let working = async {
            let any = join_all((0..FETCHERS).map(|_| self.work_tasks(&busy, None)));
            tokio::join!(any, self.work_tasks(&busy, Some(Kind::Video)), self.look_after());
        };
        tokio::select! {
            () = stop => {}
            () = working => {}
        }
        let left = lock(&busy).left();
        for id in left {
            if let Err(error) = task::release(&self.database, id).await {
                tracing::warn!("a task goes on later than it could: {error}");
            }
        }
    }

    /// Forgets, now and then, what was done or given up, and asks again for what nobody answered.
    async fn look_after(&self) {
        loop {
            if let Err(error) = task::forget(&self.database, now_ms() - ENDED_MS).await {
                tracing::warn!("what was fetched stays noted: {error}");
            }
            if let Err(error) = self.ask_for_missing().await {
                tracing::warn!("videos that weren't there are asked for later: {error}");
            }
            if let Err(error) = self.ask_to_follow_again().await {
                tracing::warn!("who doesn't answer is asked later: {error}");
            }
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
    }

    async fn work_tasks(&self, busy: &Busy, kind: Option<Kind>) {
        loop {
            let wait = match self.work_task_of(busy, kind).await {
                Ok(true) => continue,
                Ok(false) => self.until_next().await,
                Err(error) => {
                    tracing::warn!("tasks wait: {error}");
                    LOOK
                }
            };
            tokio::select! {
                () = self.task_waits.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn until_next(&self) -> Duration {
        let next = task::next_due(&self.database).await.ok().flatten();
        let wait = next.map_or(LOOK, |due| {
            Duration::from_millis(u64::try_from(due - now_ms()).unwrap_or_default())
        });
        // What is due and can't be claimed is another's, or its server is busy.
        wait.clamp(Duration::from_millis(500), LOOK)
    }

    /// Does the task that is due longest; `false` if there is none.
    #[cfg(test)]
    pub(super) async fn work_one_task(&self, busy: &Busy) -> sqlx::Result<bool> {
        self.work_task_of(busy, None).await
    }

    /// Does the task of this kind, or of any, that is due longest, of a site that had little time of late if there is one; `false` if
    /// there is none.
    async fn work_task_of(&self, busy: &Busy, kind: Option<Kind>) -> sqlx::Result<bool> {
        let Some(task) = self.claim_task(busy, kind).await? else { return Ok(false) };
        let begun = Instant::now();
        let done = self.work_task(&task).await;
        lock(busy).end(task.id, begun, Instant::now());
        self.settle_task(&task, done).await?;
        Ok(true)
    }

    async fn claim_task(&self, busy: &Busy, kind: Option<Kind>) -> sqlx::Result<Option<Task>> {
        let (database, now_ms) = (&self.database, now_ms());
        // Whoever comes next sees which site this one asks.
        let _turn = self.claiming_tasks.lock().await;
        let (at_work, greedy) = lock(busy).sites(Instant::now());
        let until = now_ms + LEASE_MS;
        let all: Vec<String> = at_work.iter().chain(&greedy).cloned().collect();
        let mut claimed = task::claim(database, now_ms, until, kind, &all).await?;
        if claimed.is_none() && !greedy.is_empty() {
            claimed = task::claim(database, now_ms, until, kind, &at_work).await?;
        }
        if let Some(task) = &claimed {
            lock(busy).begin(&task.site, task.id);
        }
        Ok(claimed)
    }

    async fn settle_task(&self, task: &Task, done: Result<Reached, TaskError>) -> sqlx::Result<()> {
        let now_ms = now_ms();
        let error = match done {
            Ok(Reached::End) => return task::finish(&self.database, now_ms, task.id).await,
            Ok(Reached::More) => return task::requeue(&self.database, now_ms, task.id).await,
            Err(error) => error,
        };
        tracing::debug!(task.kind, task.url, "isn't fetched: {error}");
        let exponent = u32::try_from(task.attempts.clamp(1, 12) - 1).unwrap_or_default();
        let wait = TASK_BACK_OFF * 4_u32.pow(exponent.min(8));
        let again_at = now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        let again_at = (!error.is_lasting()).then_some(again_at);
        task::fail(&self.database, now_ms, task.id, &error.to_string(), again_at).await
    }

    async fn work_task(&self, task: &Task) -> Result<Reached, TaskError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let url = Remote::parse(&task.url, place.strictness())?;
        match Kind::parse(&task.kind) {
            Some(Kind::Backfill) => self.backfill(task, &url, TASK_SLICE).await,
            // What was found within its time is kept, and the rest is asked for when somebody looks again.
            Some(Kind::Comments) => match in_time(self.ask_comments(&url)).await {
                Err(TaskError::TooLong) => Ok(Reached::End),
                other => other.map(|()| Reached::End),
            },
            Some(kind) => in_time(self.fetch_one(kind, &url)).await.map(|()| Reached::End),
            None => Err(TaskError::Unknown),
        }
    }

    async fn fetch_one(&self, kind: Kind, url: &Remote) -> Result<(), TaskError> {
        match kind {
            Kind::Video => self.renew_video(url).await,
            Kind::Actor => {
                self.person_anew(url, &mut Budget(VIDEO_BUDGET)).await?;
                Ok(())
            }
            Kind::Note => {
                Ok(self.keep_note_at(url, Turns::Taken, &mut Budget(NOTE_BUDGET)).await?)
            }
            Kind::Backfill | Kind::Comments => Err(TaskError::Unknown),
        }
    }

    /// A video as its server tells now, with its counts and chapters, which stand in documents of their own.
    async fn renew_video(&self, url: &Remote) -> Result<(), TaskError> {
        let mut budget = Budget(VIDEO_BUDGET);
        let (kept, read) = self.video_anew(url, &mut budget).await?;
        let mut counts = [0; 2];
        for (count, url) in counts.iter_mut().zip([&read.likes, &read.dislikes]) {
            if let Some(url) = url
                && let Ok(told) = self.fetch_object(url, &mut budget).await
            {
                *count =
                    json::count(&told.object, "totalItems").unwrap_or_default().min(MOST_RATES);
            }
        }
        remote_video::set_rates(&self.database, kept.id, counts[0], counts[1]).await?;
        if let Some(url) = &read.chapters
            && let Ok(told) = self.fetch_object(url, &mut budget).await
        {
            let chapters = read_chapters(&told.object);
            if !chapters.is_empty() {
                about::set_chapters(&self.database, kept.id, &chapters).await?;
            }
        }
        Ok(())
    }

    /// Asks a video's server again if it is long since it was asked.
    pub(crate) async fn freshen(&self, known: &remote_video::RemoteVideo) {
        let Some(place) = self.place.as_ref() else { return };
        if known.fetched_at + FRESH_MS > now_ms() {
            return;
        }
        if let Ok(url) = Remote::parse(&known.url, place.strictness())
            && let Err(error) = self.add_task(Kind::Video, &url).await
        {
            tracing::warn!("a video stays as it was: {error}");
        }
    }
}

/// `hasPart`, as PeerTube tells it.
fn read_chapters(object: &json::Object) -> Vec<Chapter> {
    let parts = json::each(object.get("hasPart")).filter_map(serde_json::Value::as_object);
    let mut chapters: Vec<Chapter> = parts
        .filter_map(|part| {
            let title = prose::plain(&json::text(part, "name", CHAPTER)?);
            Some(Chapter { timecode: json::count(part, "startOffset")?, title })
        })
        .filter(|chapter| !chapter.title.is_empty())
        .take(CHAPTERS)
        .collect();
    chapters.sort_by_key(|chapter| chapter.timecode);
    chapters.dedup_by_key(|chapter| chapter.timecode);
    chapters
}

/// Whatever it leads to, it ends within a slice.
async fn in_time<T>(work: impl Future<Output = Result<T, TaskError>>) -> Result<T, TaskError> {
    tokio::time::timeout(TASK_SLICE, work).await.unwrap_or(Err(TaskError::TooLong))
}

fn lock(busy: &Busy) -> MutexGuard<'_, AtWork> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long nobody looks for tasks, which say by themselves that they are there.
const LOOK: Duration = Duration::from_secs(15);

/// How long it is known why something wasn't fetched.
const ENDED_MS: i64 = 86_400_000;

const LEASE_MS: i64 = TASK_LEASE.as_millis() as i64;

/// How long what is known of a video is good: as PeerTube's.
const FRESH_MS: i64 = 2 * 86_400_000;

/// What players show as whole numbers.
const MOST_RATES: i64 = 1_000_000_000_000;

/// Characters of a title, and how many there are: PeerTube's bounds.
const CHAPTER: usize = 100;
const CHAPTERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_ended() {
        let never = in_time(std::future::pending::<Result<(), TaskError>>());
        assert!(matches!(never.await, Err(TaskError::TooLong)));
        assert!(matches!(in_time(async { Ok(7) }).await, Ok(7)));
    }

    #[test]
    fn chapters_are_read_in_order_and_each_moment_once() {
        let told = serde_json::json!({ "hasPart": [
            { "name": "Two\u{0}", "startOffset": 20, "endOffset": 30 },
            { "name": "One", "startOffset": 0 },
            { "name": "Again", "startOffset": 20 },
            { "name": "", "startOffset": 40 },
            { "name": "Never", "startOffset": -1 },
            "odd",
        ] });
        let found = read_chapters(told.as_object().unwrap());
        let told: Vec<_> = found.iter().map(|part| (part.timecode, part.title.as_str())).collect();
        assert_eq!(told, [(0, "One"), (20, "Two")]);
    }
}
