//! All that somebody has published, from the pages of their outbox: bounded, polite, and resumed where it was left.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::Value;

use super::ask::FetchError;
use super::id::{Id, Remote};
use super::json::{self, Object};
use super::receive::HearError;
use super::tasks::{Reached, TaskError};
use crate::limits::{
    BACKFILL, BACKFILL_AT_ONCE, OUTBOX_PAGE, TASK_LEASE, TASK_SLICE, VIDEO_BUDGET,
};
use crate::outbound::Budget;
use crate::table::remote_actor::{self, RemoteActor};
use crate::table::remote_video;
use crate::table::task::{self, Kind, Task};
use crate::{Sidecar, now_ms};

/// A page of an outbox.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    /// Ids of videos, and of whatever else was announced.
    items: Vec<Remote>,
    /// Things on it, whatever they are.
    count: i64,
    next: Option<Remote>,
}

impl Sidecar {
    /// Has all that somebody published fetched.
    pub(crate) async fn begin_backfill(&self, actor: &RemoteActor) -> sqlx::Result<()> {
        let Some(place) = self.place.as_ref() else { return Ok(()) };
        if let Ok(url) = Remote::parse(&actor.url, place.strictness())
            && !self.add_task(Kind::Backfill, &url).await?
        {
            tracing::warn!(actor.url, "too much waits: what they published isn't fetched");
        }
        Ok(())
    }

    /// Ends that: they aren't followed any more.
    pub(crate) async fn end_backfill(&self, actor: &RemoteActor) -> sqlx::Result<()> {
        task::drop_of(&self.database, Kind::Backfill, &actor.url).await
    }

    /// Goes through an outbox from where it was left, for so long.
    pub(super) async fn backfill(
        &self,
        task: &Task,
        url: &Remote,
        slice: Duration,
    ) -> Result<Reached, TaskError> {
        let begun = Instant::now();
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let actor = remote_actor::by_url(&self.database, url.as_str()).await?;
        let actor = actor.ok_or(TaskError::Unknown)?;
        let (mut done, mut total) = (task.done, task.total);
        let (mut at, mut taken, mut page) = match &task.cursor {
            Some(cursor) => {
                let (at, taken) = read_cursor(cursor);
                let at = Remote::parse(at, place.strictness())?;
                let page = self.outbox_page(&at).await?;
                (at, taken, page)
            }
            None => {
                let outbox = actor.outbox.as_ref();
                let outbox = outbox.ok_or_else(|| TaskError::NoOutbox(actor.url.clone()))?;
                let outbox = Remote::parse(outbox, place.strictness())?;
                self.ask_new_host(&actor.host).await?;
                let first = self.first_page(&outbox).await?;
                total = first.0;
                self.note_progress(task, Some(outbox.as_str()), (0, total)).await?;
                (outbox, 0, first.1)
            }
        };
        loop {
            let begin = done - i64::try_from(taken).unwrap_or_default();
            for some in page.items.get(taken..).unwrap_or_default().chunks(BACKFILL_AT_ONCE) {
                let noted = join_all(some.iter().map(|id| self.take_in(task, &actor, id))).await;
                if noted.contains(&false) {
                    // Here it goes on when less waits.
                    let cursor = format!("{}#{taken}", at.document());
                    self.note_progress(task, Some(&cursor), (done, total)).await?;
                    return Err(HearError::Full.into());
                }
                taken += some.len();
                done = (begin + i64::try_from(taken).unwrap_or_default()).min(begin + page.count);
                if begun.elapsed() >= slice {
                    let cursor = format!("{}#{taken}", at.document());
                    self.note_progress(task, Some(&cursor), (done, total)).await?;
                    return Ok(Reached::More);
                }
                self.extend_lease(task).await?;
            }
            // What is no video counts, too: else pages without any would never end.
            done = begin + page.count;
            let Some(next) = page.next.take().filter(|_| page.count > 0 && done < BACKFILL) else {
                self.note_progress(task, None, (done, total.or(Some(done)))).await?;
                return Ok(Reached::End);
            };
            self.note_progress(task, Some(next.as_str()), (done, total)).await?;
            if begun.elapsed() >= slice {
                return Ok(Reached::More);
            }
            page = self.outbox_page(&next).await?;
            (at, taken) = (next, 0);
        }
    }

    /// What fails now is tried again by itself, so that one broken video keeps nobody from the others; `false` if too much waits for that.
    async fn take_in(&self, task: &Task, actor: &RemoteActor, id: &Remote) -> bool {
        if id.authority() != actor.host {
            return true;
        }
        let taking = tokio::time::timeout(TASK_SLICE, self.take_one(task, id)).await;
        match taking.unwrap_or(Err(TaskError::TooLong)) {
            Ok(()) => true,
            Err(error) if error.is_lasting() => {
                tracing::debug!(id = id.as_str(), "a video isn't taken in: {error}");
                true
            }
            Err(error) => {
                tracing::debug!(id = id.as_str(), "a video is taken in later: {error}");
                self.add_task(Kind::Video, id).await.unwrap_or(false)
            }
        }
    }

    /// What is known from before they were followed may have changed since, of which nobody told us.
    async fn take_one(&self, task: &Task, id: &Remote) -> Result<(), TaskError> {
        let known = remote_video::by_url(&self.database, id.document()).await?;
        if known.is_none_or(|known| known.fetched_at <= task.created_at) {
            self.video_anew(id, &mut Budget(VIDEO_BUDGET)).await?;
        }
        Ok(())
    }

    /// How many things are in an outbox, and its first page, which may stand in it.
    async fn first_page(&self, url: &Remote) -> Result<(Option<i64>, Page), TaskError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let told = self.fetch_object(url, &mut Budget(PAGE_BUDGET)).await?;
        let total = json::count(&told.object, "totalItems").map(|total| total.min(BACKFILL));
        let page = match json::first(told.object.get("first")) {
            Some(Value::Object(first)) if first.contains_key("orderedItems") => {
                self.read_page(first, &told.source)
            }
            Some(first) => {
                let first = json::id(first).and_then(|first| place.read(first).ok());
                match first {
                    Some(Id::Remote(first)) if first.authority() == told.source.authority() => {
                        self.outbox_page(&first).await?
                    }
                    _ => Page::default(),
                }
            }
            None => self.read_page(&told.object, &told.source),
        };
        Ok((total, page))
    }

    async fn outbox_page(&self, url: &Remote) -> Result<Page, TaskError> {
        let told = self.fetch_object(url, &mut Budget(PAGE_BUDGET)).await?;
        // The outbox itself, to which a killed process had come.
        if told.object.contains_key("first") {
            return Ok(Box::pin(self.first_page(url)).await?.1);
        }
        Ok(self.read_page(&told.object, &told.source))
    }

    fn read_page(&self, object: &Object, source: &Remote) -> Page {
        let Some(place) = self.place.as_ref() else { return Page::default() };
        let remote = |text: &str| match place.read(text) {
            Ok(Id::Remote(id)) => Some(id),
            _ => None,
        };
        let items = object.get("orderedItems").or(object.get("items"));
        let activities: Vec<&Value> = json::each(items).take(OUTBOX_PAGE).collect();
        let named = activities.iter().filter_map(|activity| {
            let activity = activity.as_object()?;
            let kind = json::kind(activity)?;
            ["Create", "Announce"].contains(&kind).then(|| json::first_id(activity, "object"))?
        });
        let next = json::first_id(object, "next").and_then(remote);
        Page {
            items: named.filter_map(remote).collect(),
            count: i64::try_from(activities.len()).unwrap_or_default(),
            // Another server's next page would be another's word, and one that is itself no page.
            next: next.filter(|next| next.authority() == source.authority() && next != source),
        }
    }

    async fn note_progress(
        &self,
        task: &Task,
        cursor: Option<&str>,
        progress: (i64, Option<i64>),
    ) -> sqlx::Result<()> {
        let now_ms = now_ms();
        task::note(&self.database, now_ms, task.id, cursor, progress, now_ms + LEASE_MS).await
    }

    async fn extend_lease(&self, task: &Task) -> sqlx::Result<()> {
        task::extend(&self.database, task.id, now_ms() + LEASE_MS).await
    }
}

/// The URL of a page, and how many of its items were taken in.
fn read_cursor(cursor: &str) -> (&str, usize) {
    let (url, taken) = cursor.rsplit_once('#').unwrap_or((cursor, ""));
    (url, taken.parse().unwrap_or_default())
}

/// A page, with a redirect.
const PAGE_BUDGET: u32 = 4;

const LEASE_MS: i64 = TASK_LEASE.as_millis() as i64;
