//! Outboxes of another server, told as it likes, on both databases.

use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::api::tests::{Instance, instances};
use crate::config::Registration;
use crate::federation::elsewhere::Elsewhere;
use crate::federation::id::Local;
use crate::listing::ListQuery;
use crate::table::follow::{self, FollowState};
use crate::table::{remote_video, tombstone};

/// Works off all that is due.
async fn work(instance: &Instance) {
    let busy = Mutex::default();
    while instance.sidecar.work_one_task(&busy).await.unwrap() {}
}

/// Follows somebody of another server, who accepted.
async fn follow(instance: &Instance, elsewhere: &Elsewhere, path: &str) -> RemoteActor {
    let sidecar = &instance.sidecar;
    let actor = sidecar.person(&elsewhere.remote(path), &mut Budget(9)).await.unwrap();
    let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
    follow::set(&sidecar.database, 1, (us, actor.id), None, FollowState::Accepted).await.unwrap();
    sidecar.follows_changed(&actor).await.unwrap();
    actor
}

async fn listed(instance: &Instance) -> usize {
    let query = ListQuery { count: 100, ..ListQuery::default() };
    instance.sidecar.list(&query, None).await.unwrap().entries.len()
}

/// An outbox of so many videos, in pages of ten.
fn fill(elsewhere: &Elsewhere, videos: usize) {
    let outbox = elsewhere.url("/accounts/peertube/outbox");
    let page = |no: usize| format!("{outbox}?page={no}");
    elsewhere.put("/accounts/peertube/outbox", &json!({ "id": outbox, "type": "OrderedCollection", "totalItems": videos, "first": page(1) }));
    for (no, ids) in (0..videos).collect::<Vec<_>>().chunks(10).enumerate() {
        let items: Vec<Value> = ids
            .iter()
            .map(|id| {
                let object = elsewhere.publish(&id.to_string(), |_| {});
                if id % 2 == 0 {
                    json!({ "type": "Announce", "object": object })
                } else {
                    json!({ "type": "Create", "object": { "id": object } })
                }
            })
            .collect();
        let mut told =
            json!({ "id": page(no + 1), "type": "OrderedCollectionPage", "orderedItems": items });
        if (no + 1) * 10 < videos {
            told["next"] = page(no + 2).into();
        }
        elsewhere.put(&format!("/accounts/peertube/outbox?page={}", no + 1), &told);
    }
}

#[tokio::test]
async fn all_that_an_instance_published_is_there_after_a_follow_and_resumed_where_it_was_left() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.meet_elsewhere().await;
        let elsewhere = Elsewhere::start().await;
        fill(&elsewhere, 25);
        let last = "/accounts/peertube/outbox?page=3";
        elsewhere.refuse(last, 503);
        let actor = follow(&instance, &elsewhere, "/accounts/peertube").await;
        work(&instance).await;
        assert_eq!(listed(&instance).await, 20);
        let database = &instance.sidecar.database;
        let task = async || task::of(database, Kind::Backfill, &actor.url).await.unwrap().unwrap();
        let left = task().await;
        assert_eq!((left.done, left.total, left.cursor), (20, Some(25), Some(elsewhere.url(last))));
        assert!(left.reason.unwrap().contains("503"));
        fill(&elsewhere, 25);
        elsewhere.asked();
        instance
            .sidecar
            .add_task(Kind::Backfill, &elsewhere.remote("/accounts/peertube"))
            .await
            .unwrap();
        work(&instance).await;
        assert_eq!((listed(&instance).await, task().await.done), (25, 25));
        // Nothing is asked twice.
        assert_eq!(elsewhere.asked().len(), 6);
        // Who is followed again may have changed everything meanwhile.
        elsewhere.publish("3", |video| video["name"] = json!("Changed"));
        instance.sidecar.follows_changed(&actor).await.unwrap();
        work(&instance).await;
        let query = ListQuery { count: 100, ..ListQuery::default() };
        let found = instance.sidecar.list(&query, None).await.unwrap().entries;
        assert_eq!(found.iter().filter(|card| card.name == "Changed").count(), 1);
    }
}

#[tokio::test]
async fn a_long_outbox_lets_others_go_between_and_goes_on_in_the_middle_of_a_page() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.meet_elsewhere().await;
        let elsewhere = Elsewhere::start().await;
        fill(&elsewhere, 15);
        let actor = follow(&instance, &elsewhere, "/accounts/peertube").await;
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let url = elsewhere.remote("/accounts/peertube");
        let mut came = Vec::new();
        loop {
            let task = task::claim(database, now_ms(), 0, None, &[]).await.unwrap().unwrap();
            let reached = sidecar.backfill(&task, &url, Duration::ZERO).await.unwrap();
            came.push((listed(&instance).await, reached));
            if reached == Reached::End {
                break;
            }
            task::requeue(database, now_ms(), task.id).await.unwrap();
        }
        let videos: Vec<usize> = came.iter().map(|(videos, _)| *videos).collect();
        assert_eq!(videos, [4, 8, 10, 10, 14, 15, 15], "{came:?}");
        let task = task::of(database, Kind::Backfill, &actor.url).await.unwrap().unwrap();
        assert_eq!((task.done, task.total, task.cursor), (15, Some(15), None));
    }
}

#[tokio::test]
async fn an_outbox_leads_to_no_other_server_and_has_an_end() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.meet_elsewhere().await;
        let (elsewhere, other) = (Elsewhere::start().await, Elsewhere::start().await);
        let theirs = other.publish("1", |_| {});
        // Another's word of what is here, and an upload that looks like an object.
        let claimed = elsewhere.publish("2", |video| video["id"] = theirs.as_str().into());
        let uploaded = elsewhere
            .publish("3", |video| video["id"] = elsewhere.url("/videos/watch/none").into());
        let spoofed = elsewhere.publish("4", |video| {
            video["attributedTo"] = json!([other.url("/video-channels/root_channel")])
        });
        let good = elsewhere.publish("5", |_| {});
        let gone = elsewhere.publish("6", |_| {});
        tombstone::set(&instance.sidecar.database, 1, &gone, "Video").await.unwrap();
        let items: Vec<Value> = [
            theirs,
            claimed,
            uploaded,
            spoofed,
            good,
            gone,
            "http://here.example/videos/watch/1".to_owned(),
        ]
        .into_iter()
        .map(|object| json!({ "type": "Announce", "object": object }))
        .collect();
        let outbox = "/accounts/peertube/outbox";
        let next = [
            elsewhere.url("/accounts/peertube/outbox?page=2"),
            other.url("/accounts/peertube/outbox"),
        ];
        elsewhere.put(
            outbox,
            &json!({ "totalItems": 1_000_000, "orderedItems": items, "next": next[0] }),
        );
        elsewhere.put(
            "/accounts/peertube/outbox?page=2",
            &json!({ "orderedItems": [7, null, { "type": "Delete" }], "next": next[1] }),
        );
        let actor = follow(&instance, &elsewhere, "/accounts/peertube").await;
        work(&instance).await;
        assert_eq!(listed(&instance).await, 1);
        assert!(other.asked().is_empty());
        // Also what is nothing brings the end nearer.
        let database = &instance.sidecar.database;
        let task = task::of(database, Kind::Backfill, &actor.url).await.unwrap().unwrap();
        assert_eq!(task.done, 10);
    }
}

#[tokio::test]
async fn a_video_is_renewed_with_its_counts_and_goes_when_it_is_gone() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.meet_elsewhere().await;
        let elsewhere = Elsewhere::start().await;
        let id = elsewhere.publish("1", |_| {});
        fill(&elsewhere, 0);
        follow(&instance, &elsewhere, "/video-channels/root_channel").await;
        let base = "/videos/watch/38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
        elsewhere.put(&format!("{base}/likes"), &json!({ "totalItems": 12 }));
        elsewhere.put(&format!("{base}/dislikes"), &json!({ "totalItems": -3 }));
        elsewhere.put(
            &format!("{base}/chapters"),
            &json!({ "hasPart": [{ "name": "Sea", "startOffset": 3 }] }),
        );
        instance.sidecar.add_task(Kind::Video, &elsewhere.remote("/videos/watch/1")).await.unwrap();
        work(&instance).await;
        let database = &instance.sidecar.database;
        let known = remote_video::by_url(database, &id).await.unwrap().unwrap();
        let row = crate::table::video::by_id(database, known.id).await.unwrap().unwrap();
        assert_eq!((row.likes, row.dislikes), (12, 0));
        assert_eq!(crate::table::about::chapters(database, known.id).await.unwrap().len(), 1);
        elsewhere.refuse("/videos/watch/1", 410);
        instance.sidecar.add_task(Kind::Video, &elsewhere.remote("/videos/watch/1")).await.unwrap();
        work(&instance).await;
        assert_eq!(
            (remote_video::by_url(database, &id).await.unwrap(), listed(&instance).await),
            (None, 0)
        );
    }
}

#[tokio::test]
async fn a_video_that_is_not_there_is_in_no_list_and_goes_only_after_days() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.meet_elsewhere().await;
        let elsewhere = Elsewhere::start().await;
        let id = elsewhere.publish("1", |_| {});
        fill(&elsewhere, 0);
        let channel = follow(&instance, &elsewhere, "/video-channels/root_channel").await;
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let seen = async || {
            let url = elsewhere.remote("/videos/watch/1");
            let _ = sidecar.video_anew(&url, &mut Budget(9)).await;
            let known = remote_video::by_url(database, &id).await.unwrap();
            (known.is_some(), listed(&instance).await)
        };
        let path = "/videos/watch/1";
        assert_eq!(seen().await, (true, 1));
        elsewhere.refuse(path, 404);
        assert_eq!(seen().await, (true, 0));
        crate::table::video::relist_channel(database, channel.id).await.unwrap();
        assert_eq!(seen().await, (true, 0));
        // It is asked for again by itself.
        sidecar.ask_for_missing().await.unwrap();
        let again = async || task::of(database, Kind::Video, &id).await.unwrap().is_some();
        assert!(!again().await);
        set(database, "UPDATE remote_video SET fetched_at = 1").await;
        sidecar.ask_for_missing().await.unwrap();
        assert!(again().await);
        // Nobody's turn comes again before all others had theirs.
        let at = remote_video::by_url(database, &id).await.unwrap().unwrap().fetched_at;
        assert!(at > 1);
        elsewhere.publish("1", |_| {});
        assert_eq!(seen().await, (true, 1));
        elsewhere.refuse(path, 404);
        assert_eq!(seen().await, (true, 0));
        set(database, "UPDATE remote_video SET missing_since = 1").await;
        assert_eq!(seen().await, (false, 0));
        elsewhere.publish("1", |_| {});
        assert_eq!(seen().await, (true, 1));
        // Whatever its server says after days, and if it says nothing.
        set(database, "UPDATE remote_video SET missing_since = 1").await;
        sidecar.ask_for_missing().await.unwrap();
        assert_eq!(remote_video::by_url(database, &id).await.unwrap(), None);
        assert_eq!(seen().await, (true, 1));
        elsewhere.put(path, &json!({ "type": "Tombstone", "id": id }));
        assert_eq!(seen().await, (false, 0));
    }
}

async fn set(database: &crate::database::Database, update: &'static str) {
    let done: sqlx::Result<()> = crate::database::writing!(database, pool => {
        sqlx::query(update).execute(pool).await.map(drop)
    });
    done.unwrap();
}
