//! What is said below another server's video: its collection of comments, gone through now and then, bounded.

use std::collections::HashMap;

use serde_json::Value;

use super::ask::{FetchError, Fetched};
use super::id::{Id, Remote};
use super::json::{self, Object};
use super::receive::Turns;
use super::site;
use super::tasks::TaskError;
use crate::limits::{COMMENTS_ASKED, COMMENTS_ELSEWHERE, OUTBOX_PAGE};
use crate::outbound::Budget;
use crate::table::task::{self, Kind};
use crate::table::{comment, remote_video};
use crate::{Sidecar, now_ms};

impl Sidecar {
    /// Has the comments of another server's video asked for, unless that was done just now.
    pub(crate) async fn freshen_comments(&self, video_id: i64) -> sqlx::Result<()> {
        let Some(place) = self.place.as_ref() else { return Ok(()) };
        let known = remote_video::by_id(&self.database, video_id).await?;
        let url = known.and_then(|known| known.comments);
        let url = url.and_then(|url| Remote::parse(&url, place.strictness()).ok());
        let Some(url) = url else { return Ok(()) };
        let last = task::of(&self.database, Kind::Comments, url.document()).await?;
        if last.is_none_or(|last| last.updated_at + FRESH_MS < now_ms()) {
            self.add_task(Kind::Comments, &url).await?;
        }
        Ok(())
    }

    /// Goes through a collection of comments, from its first page on, and asks each that isn't known of its own server; of each other
    /// site only so many, which didn't ask for it.
    pub(super) async fn ask_comments(&self, url: &Remote) -> Result<(), TaskError> {
        let place = self.place.as_ref().ok_or(FetchError::Off)?;
        let mut told = self.fetch_object(url, &mut Budget(PAGE_BUDGET)).await?;
        if let Some(first) = json::first(told.object.get("first")) {
            told = match first {
                Value::Object(first) => Fetched { object: first.clone(), ..told },
                other => match json::id(other).and_then(|id| place.read(id).ok()) {
                    Some(Id::Remote(id)) if id.authority() == told.source.authority() => {
                        self.fetch_object(&id, &mut Budget(PAGE_BUDGET)).await?
                    }
                    _ => return Ok(()),
                },
            };
        }
        let mut budget = Budget(COMMENTS_ASKED);
        let (home, mut elsewhere) = (site::of(url.authority()), HashMap::new());
        for _ in 0..PAGES {
            for id in self.items(&told.object) {
                if budget.0 == 0 {
                    return Ok(());
                }
                if comment::by_url(&self.database, id.as_str()).await?.is_some() {
                    continue;
                }
                let there = site::of(id.authority());
                if there != home {
                    let asked = elsewhere.entry(there.to_owned()).or_insert(0);
                    *asked += 1;
                    if *asked > COMMENTS_ELSEWHERE {
                        continue;
                    }
                }
                // One that leads far costs no more than its share.
                let mut share = Budget(NOTE_BUDGET.min(budget.0));
                let before = share.0;
                let kept = self.keep_note_at(&id, Turns::Free, &mut share).await;
                budget.0 -= before - share.0;
                if let Err(error) = kept {
                    tracing::debug!(id = id.as_str(), "a comment isn't kept: {error}");
                }
            }
            let next = json::first_id(&told.object, "next").and_then(|id| place.read(id).ok());
            let Some(Id::Remote(next)) = next else { break };
            // Another server's next page would be another's word, and one that is itself no page.
            if next.authority() != told.source.authority() || next == told.source {
                break;
            }
            told = self.fetch_object(&next, &mut Budget(PAGE_BUDGET)).await?;
        }
        Ok(())
    }

    /// Comments on a page, of whichever other server.
    fn items(&self, page: &Object) -> Vec<Remote> {
        let Some(place) = self.place.as_ref() else { return Vec::new() };
        let items = page.get("orderedItems").or(page.get("items"));
        let ids = json::each(items).take(OUTBOX_PAGE).filter_map(json::id);
        let read = ids.filter_map(|id| match place.read(id) {
            Ok(Id::Remote(id)) => Some(id),
            _ => None,
        });
        read.collect()
    }
}

/// How long nobody asks again what is said below one video.
const FRESH_MS: i64 = 10 * 60_000;

/// Pages of ten, which others tell.
const PAGES: usize = 100;

/// A page, with a redirect.
const PAGE_BUDGET: u32 = 4;

/// A comment, what it answers, and who said that: some levels, the rest of which are in the collection, too.
const NOTE_BUDGET: u32 = 20;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::tests::instances;
    use crate::config::Registration;
    use crate::federation::elsewhere::Elsewhere;
    use crate::federation::id::Strictness;

    #[tokio::test]
    async fn what_is_said_below_a_video_elsewhere_is_asked_for_once_in_a_while() {
        for mut instance in instances(Registration::Closed).await {
            instance.sidecar.meet_elsewhere().await;
            let sidecar = &instance.sidecar;
            let elsewhere = Elsewhere::start().await;
            let video = elsewhere.publish("1", |video| {
                video["comments"] = format!("{}/videos/watch/1/comments", elsewhere.base).into();
            });
            let video = Remote::parse(&video, Strictness::Test).unwrap();
            let (kept, _) = sidecar.video_anew(&video, &mut Budget(16)).await.unwrap();
            let url = elsewhere.url("/videos/watch/1/comments");
            let author = elsewhere.url("/accounts/root");
            let page = |no: u32, next: Value, ids: Vec<String>| {
                let page =
                    json!({ "type": "OrderedCollectionPage", "orderedItems": ids, "next": next });
                elsewhere.put(&format!("/videos/watch/1/comments?page={no}"), &page);
            };
            let first =
                json!({ "id": url, "type": "OrderedCollection", "first": format!("{url}?page=1") });
            elsewhere.put("/videos/watch/1/comments", &first);
            let id = |no: u32| elsewhere.url(&format!("/notes/{no}"));
            page(1, format!("{url}?page=2").into(), vec![id(1), id(9)]);
            // A page that leads back to itself ends there.
            page(2, format!("{url}?page=2").into(), vec![id(2)]);
            for no in [1, 2] {
                let note = json!({
                    "type": "Note", "id": id(no), "attributedTo": author, "content": format!("{no}"),
                    "inReplyTo": video.as_str(), "to": "as:Public",
                });
                elsewhere.put(&format!("/notes/{no}"), &note);
            }
            let busy = Default::default();
            sidecar.freshen_comments(kept.id).await.unwrap();
            assert!(sidecar.work_one_task(&busy).await.unwrap());
            assert_eq!(comment::shown(&sidecar.database, kept.id).await.unwrap(), 2);
            let done = task::of(&sidecar.database, Kind::Comments, &url).await.unwrap().unwrap();
            assert!(done.is_done(), "{done:?}");
            elsewhere.asked();
            // Who is named there by somebody else is asked for few.
            let other = Elsewhere::start().await;
            let ids = (0..50).map(|no| other.url(&format!("/notes/{no}")));
            page(1, Value::Null, ids.chain([id(9)]).collect());
            sidecar.ask_comments(&elsewhere.remote("/videos/watch/1/comments")).await.unwrap();
            assert_eq!(other.asked().len(), 20);
            assert_eq!(elsewhere.asked().last().map(String::as_str), Some("/notes/9"));
            sidecar.freshen_comments(kept.id).await.unwrap();
            assert!(!sidecar.work_one_task(&busy).await.unwrap());
            assert_eq!(elsewhere.asked(), [""; 0]);
        }
    }
}
