//! What is to be asked of other servers, worked off by a few at once, of each server one thing after the other.
//!
//! ```text
//! an activity, a follow, a page ──▶ add_task ──▶ the table `task` ──▶ claimed ──▶ done
//!                                                     ▲                  │
//!                                                     └── later again ◀──┴──▶ given up
//! ```

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ask::FetchError;
use super::id::{IdError, Remote};
use super::json;
use super::people::PersonError;
use super::receive::{HearError, Turns};
use super::videos::VideoError;
use crate::limits::{NOTE_BUDGET, TASK_BACK_OFF, TASK_LEASE, VIDEO_BUDGET};
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
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl TaskError {
    fn is_lasting(&self) -> bool {
        match self {
            TaskError::Video(error) => error.is_lasting(),
            TaskError::Person(error) => error.is_lasting(),
            TaskError::Fetch(error) => error.is_lasting(),
            TaskError::Hear(error) => error.is_lasting(),
            TaskError::Database(_) => false,
            TaskError::Id(_) | TaskError::Unknown | TaskError::NoOutbox(_) => true,
        }
    }
}

/// Servers that somebody is just asking, with the tasks.
pub(super) type Busy = Mutex<Vec<(String, i64)>>;

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
            let one = || self.work_tasks(&busy);
            tokio::join!(one(), one(), one(), one(), self.forget_tasks());
        };
        tokio::select! {
            () = stop => {}
            () = working => {}
        }
        let left = std::mem::take(&mut *busy.lock().unwrap_or_else(PoisonError::into_inner));
        for (_, id) in left {
            if let Err(error) = task::release(&self.database, id).await {
                tracing::warn!("a task goes on later than it could: {error}");
            }
        }
    }

    /// Forgets, now and then, what was done or given up.
    async fn forget_tasks(&self) {
        loop {
            if let Err(error) = task::forget(&self.database, now_ms() - ENDED_MS).await {
                tracing::warn!("what was fetched stays noted: {error}");
            }
            tokio::time::sleep(Duration::from_secs(3_600)).await;
        }
    }

    async fn work_tasks(&self, busy: &Busy) {
        loop {
            let wait = match self.work_one_task(busy).await {
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
    pub(super) async fn work_one_task(&self, busy: &Busy) -> sqlx::Result<bool> {
        let now_ms = now_ms();
        let claimed = {
            // Whoever comes next sees which server this one asks.
            let _turn = self.claiming_tasks.lock().await;
            let hosts: Vec<String> = lock(busy).iter().map(|(host, _)| host.clone()).collect();
            let claimed = task::claim(&self.database, now_ms, now_ms + LEASE_MS, &hosts).await?;
            if let Some(task) = &claimed {
                lock(busy).push((task.host.clone(), task.id));
            }
            claimed
        };
        let Some(task) = claimed else { return Ok(false) };
        let done = self.work_task(&task).await;
        lock(busy).retain(|(_, id)| *id != task.id);
        self.settle_task(&task, done).await?;
        Ok(true)
    }

    async fn settle_task(&self, task: &Task, done: Result<(), TaskError>) -> sqlx::Result<()> {
        let now_ms = now_ms();
        let Err(error) = done else { return task::finish(&self.database, now_ms, task.id).await };
        tracing::debug!(task.kind, task.url, "isn't fetched: {error}");
        let exponent = u32::try_from(task.attempts.clamp(1, 12) - 1).unwrap_or_default();
        let wait = TASK_BACK_OFF * 4_u32.pow(exponent.min(8));
        let again_at = now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 2);
        let again_at = (!error.is_lasting()).then_some(again_at);
        task::fail(&self.database, now_ms, task.id, &error.to_string(), again_at).await
    }

    async fn work_task(&self, task: &Task) -> Result<(), TaskError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let url = Remote::parse(&task.url, place.strictness())?;
        match Kind::parse(&task.kind) {
            Some(Kind::Backfill) => self.backfill(task, &url).await,
            Some(Kind::Video) => self.renew_video(&url).await,
            Some(Kind::Actor) => {
                self.person_anew(&url, &mut Budget(VIDEO_BUDGET)).await?;
                Ok(())
            }
            Some(Kind::Note) => {
                Ok(self.keep_note_at(&url, Turns::Taken, &mut Budget(NOTE_BUDGET)).await?)
            }
            Some(Kind::Comments) => self.ask_comments(task, &url).await,
            None => Err(TaskError::Unknown),
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

fn lock(busy: &Busy) -> std::sync::MutexGuard<'_, Vec<(String, i64)>> {
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
