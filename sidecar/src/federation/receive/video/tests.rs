//! What is said of videos elsewhere, and what becomes of it, on both databases.

use serde_json::{Value, json};

use super::*;
use crate::api::tests::{Instance, instances};
use crate::config::Registration;
use crate::federation::elsewhere::Elsewhere;
use crate::outbound::Budget;
use crate::table::task;

/// Has it said by somebody of another server, whose word it is.
async fn say(
    instance: &Instance,
    elsewhere: &Elsewhere,
    by: &str,
    activity: Value,
) -> Result<(), HearError> {
    let sidecar = &instance.sidecar;
    let actor = sidecar.person(&elsewhere.remote(by), &mut Budget(9)).await.unwrap();
    let id = elsewhere.remote("/activities/1");
    let heard = Heard { activity: activity.as_object().unwrap(), id: &id, actor: &actor };
    sidecar.receive(&heard, &mut Budget(9)).await
}

async fn work(instance: &Instance) {
    let busy = std::sync::Mutex::default();
    while instance.sidecar.work_one_task(&busy).await.unwrap() {}
}

async fn follow(instance: &Instance, elsewhere: &Elsewhere, path: &str) {
    let sidecar = &instance.sidecar;
    let actor = sidecar.person(&elsewhere.remote(path), &mut Budget(9)).await.unwrap();
    let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
    follow::set(&sidecar.database, 1, (us, actor.id), None, FollowState::Accepted).await.unwrap();
    sidecar.follows_changed(&actor).await.unwrap();
}

async fn name(instance: &Instance, id: &str) -> Option<String> {
    let database = &instance.sidecar.database;
    let known = remote_video::by_url(database, id).await.unwrap()?;
    let found = video::by_id(database, known.id).await.unwrap()?;
    found.listed_at.map(|_| found.name)
}

async fn meeting() -> [Instance; 2] {
    let mut both = instances(Registration::Closed).await;
    for instance in &mut both {
        instance.sidecar.meet_elsewhere().await;
    }
    both
}

const CHANNEL: &str = "/video-channels/root_channel";

#[tokio::test]
async fn what_somebody_followed_publishes_is_fetched_and_what_others_do_isnt() {
    for instance in meeting().await {
        let (elsewhere, other) = (Elsewhere::start().await, Elsewhere::start().await);
        let id = elsewhere.publish("1", |_| {});
        let announce = |object: &str| json!({ "type": "Announce", "object": object });
        say(&instance, &elsewhere, CHANNEL, announce(&id)).await.unwrap();
        work(&instance).await;
        assert_eq!(name(&instance, &id).await, None);
        follow(&instance, &elsewhere, CHANNEL).await;
        // Another server, though followed, publishes nothing of this one's.
        follow(&instance, &other, CHANNEL).await;
        say(&instance, &other, CHANNEL, announce(&id)).await.unwrap();
        work(&instance).await;
        assert_eq!(name(&instance, &id).await, None);
        say(&instance, &elsewhere, CHANNEL, announce(&id)).await.unwrap();
        work(&instance).await;
        assert_eq!(name(&instance, &id).await.as_deref(), Some("Baseline test video"));
        let second = elsewhere.publish("2", |video| video["name"] = json!("Second"));
        let told = json!({ "type": "Create", "object": { "type": "Video", "id": second, "name": "A lie" } });
        say(&instance, &elsewhere, "/accounts/root", told).await.unwrap();
        work(&instance).await;
        assert_eq!(name(&instance, &second).await.as_deref(), Some("Second"));
    }
}

#[tokio::test]
async fn a_video_changes_as_its_own_id_tells_and_not_as_is_said() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let id = elsewhere.publish("1", |_| {});
        follow(&instance, &elsewhere, CHANNEL).await;
        say(&instance, &elsewhere, CHANNEL, json!({ "type": "Announce", "object": id }))
            .await
            .unwrap();
        work(&instance).await;
        elsewhere.publish("1", |video| video["name"] = json!("Changed"));
        let update =
            json!({ "type": "Update", "object": { "type": "Video", "id": id, "name": "A lie" } });
        say(&instance, &elsewhere, "/accounts/root", update.clone()).await.unwrap();
        work(&instance).await;
        assert_eq!(name(&instance, &id).await.as_deref(), Some("Changed"));
        // Made private there.
        elsewhere.publish("1", |video| {
            video["to"] = json!([]);
            video["cc"] = json!(["https://www.w3.org/ns/activitystreams#Public"]);
        });
        say(&instance, &elsewhere, "/accounts/root", update).await.unwrap();
        work(&instance).await;
        assert_eq!(name(&instance, &id).await, None);
    }
}

#[tokio::test]
async fn a_video_is_deleted_by_whose_it_is_and_never_comes_back() {
    for instance in meeting().await {
        let (elsewhere, other) = (Elsewhere::start().await, Elsewhere::start().await);
        let id = elsewhere.publish("1", |_| {});
        follow(&instance, &elsewhere, CHANNEL).await;
        let announce = json!({ "type": "Announce", "object": id });
        say(&instance, &elsewhere, CHANNEL, announce.clone()).await.unwrap();
        work(&instance).await;
        let delete = json!({ "type": "Delete", "object": { "type": "Tombstone", "id": id } });
        say(&instance, &other, "/accounts/root", delete.clone()).await.unwrap();
        assert!(say(&instance, &elsewhere, "/accounts/peertube", delete.clone()).await.is_err());
        assert!(name(&instance, &id).await.is_some());
        say(&instance, &elsewhere, "/accounts/root", delete).await.unwrap();
        assert_eq!(name(&instance, &id).await, None);
        assert!(say(&instance, &elsewhere, CHANNEL, announce).await.is_err());
        work(&instance).await;
        assert_eq!(name(&instance, &id).await, None);
    }
}

#[tokio::test]
async fn what_others_pass_on_has_nobody_asked_all_day() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.meet_elsewhere().await;
        let elsewhere = Elsewhere::start().await;
        let id = elsewhere.publish("1", |_| {});
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let url = elsewhere.remote("/videos/watch/1");
        sidecar.video_anew(&url, &mut Budget(9)).await.unwrap();
        let passed_on = async || {
            let activity = json!({ "type": "Like", "object": id });
            sidecar.hear_of_video(activity.as_object().unwrap()).await.unwrap();
            task::of(database, Kind::Video, &id).await.unwrap().is_some()
        };
        assert!(!passed_on().await);
        let update = "UPDATE remote_video SET fetched_at = fetched_at - 600001";
        let done: sqlx::Result<()> = crate::database::writing!(database, pool => {
            sqlx::query(update).execute(pool).await.map(drop)
        });
        done.unwrap();
        assert!(passed_on().await);
    }
}
