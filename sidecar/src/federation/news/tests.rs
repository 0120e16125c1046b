//! What is told when something changes, and to whom, on both databases.

use serde_json::json;

use super::*;
use crate::api::tests::{Instance, federating};
use crate::config::Federation;
use crate::table::delivery;
use crate::table::follow::{self, FollowState};
use crate::table::remote_actor::{self, Kind, tests::somebody};
use crate::table::video::{self, tests::about};

impl Instance {
    /// Somebody of this server follows somebody here from now on.
    async fn followed(&self, host: &str, whose: Local) {
        let database = &self.sidecar.database;
        let ada = somebody("ada", host, Kind::Person);
        let id = remote_actor::keep(database, 1, &ada).await.unwrap();
        let target = self.sidecar.handle_of(&whose).await.unwrap().unwrap();
        follow::set(database, 1, (id, target), None, FollowState::Accepted).await.unwrap();
    }

    /// Tells all news, and what waits for a server from then on: type, actor and object of each.
    async fn heard(&self, host: &str) -> Vec<[String; 3]> {
        while self.sidecar.tell_news().await.unwrap() > 0 {}
        let database = &self.sidecar.database;
        let waiting = delivery::next(database, host, 100).await.unwrap();
        let mut heard = Vec::new();
        for delivery in waiting {
            let said: Value = serde_json::from_str(&delivery.activity).unwrap();
            let object = said["object"].as_str().or(said["object"]["id"].as_str());
            let text = |text: Option<&str>| {
                text.unwrap_or_default().replace("https://one.example", "").to_owned()
            };
            heard.push([text(said["type"].as_str()), text(said["actor"].as_str()), text(object)]);
            delivery::end(database, delivery.id, delivery.sent_id).await.unwrap();
        }
        heard
    }
}

fn line(kind: &str, actor: &str, object: &str) -> [String; 3] {
    [kind, actor, object].map(str::to_owned)
}

fn alice() -> Local {
    Local::Account("alice".to_owned())
}

#[tokio::test]
async fn a_new_video_is_told_to_the_followers_of_all_whose_it_is() {
    for instance in federating(Federation::default()).await {
        instance.publish("alice", about("Before")).await;
        instance.followed("account.example", alice()).await;
        instance.followed("channel.example", Local::Channel("alice_channel".to_owned())).await;
        instance.followed("instance.example", Local::Instance).await;
        instance.heard("account.example").await;
        instance.heard("channel.example").await;
        instance.heard("instance.example").await;
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let video = format!("/videos/watch/{uuid}");
        let heard = instance.heard("account.example").await;
        assert_eq!(heard, [line("Create", "/accounts/alice", &video)]);
        let heard = instance.heard("channel.example").await;
        assert_eq!(heard, [line("Announce", "/video-channels/alice_channel", &video)]);
        let heard = instance.heard("instance.example").await;
        assert_eq!(heard, [line("Announce", "/accounts/peertube", &video)]);
        instance.publish("bob", about("Bob's")).await;
        assert_eq!(instance.heard("account.example").await, [[""; 3]; 0]);
    }
}

#[tokio::test]
async fn a_change_is_told_once_and_what_isnt_everybodys_any_more_is_gone() {
    for instance in federating(Federation::default()).await {
        let database = &instance.sidecar.database;
        let (id, uuid) = instance.publish("alice", about("The sea")).await;
        let video = format!("/videos/watch/{uuid}");
        for whose in [alice(), Local::Channel("alice_channel".to_owned()), Local::Instance] {
            instance.followed("all.example", whose).await;
        }
        assert_eq!(instance.heard("all.example").await.len(), 3);
        for name in ["The Sea", "The North Sea"] {
            video::describe(database, 30, id, &about(name)).await.unwrap();
        }
        let changed = [line("Update", "/accounts/alice", &video)];
        assert_eq!(instance.heard("all.example").await, changed);
        video::describe(database, 40, id, &about("The North Sea")).await.unwrap();
        assert_eq!(instance.heard("all.example").await, [[""; 3]; 0]);
        let ended = [line("Delete", "/accounts/alice", &video)];
        video::set_privacy(database, 50, id, Privacy::Private, None).await.unwrap();
        assert_eq!(instance.heard("all.example").await, ended);
        assert!(tombstone::find(database, &video).await.unwrap().is_none());
        video::set_privacy(database, 60, id, Privacy::Public, None).await.unwrap();
        assert_eq!(instance.heard("all.example").await.len(), 3);
        video::delete(database, id).await.unwrap();
        assert_eq!(instance.heard("all.example").await, ended);
        let stone = tombstone::find(database, &video).await.unwrap().unwrap();
        assert_eq!(stone.former_type, "Video");
    }
}

#[tokio::test]
async fn what_was_never_everybodys_leaves_no_trace() {
    for instance in federating(Federation::default()).await {
        instance.followed("all.example", Local::Instance).await;
        let database = &instance.sidecar.database;
        for privacy in [Privacy::Private, Privacy::Unlisted, Privacy::Internal] {
            let about = video::About { privacy, ..about("Hidden") };
            let (id, uuid) = instance.publish("alice", about).await;
            assert_eq!(instance.heard("all.example").await, [[""; 3]; 0]);
            video::delete(database, id).await.unwrap();
            assert_eq!(instance.heard("all.example").await, [[""; 3]; 0]);
            let path = format!("/videos/watch/{uuid}");
            assert!(tombstone::find(database, &path).await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn people_and_channels_are_told_anew_and_their_end_is() {
    for instance in federating(Federation::default()).await {
        let database = &instance.sidecar.database;
        let (id, uuid) = instance.publish("alice", about("The sea")).await;
        instance.heard("all.example").await;
        for whose in [alice(), Local::Channel("alice_channel".to_owned()), Local::Instance] {
            instance.followed("all.example", whose).await;
        }
        let user = crate::table::user::by_login(database, "alice").await.unwrap().unwrap();
        account::describe(database, 99, user.id, Some("Alice L."), None).await.unwrap();
        let person = "/accounts/alice";
        assert_eq!(instance.heard("all.example").await, [line("Update", person, person)]);
        video::delete(database, id).await.unwrap();
        crate::table::user::delete(database, user.id).await.unwrap();
        let mut heard = instance.heard("all.example").await;
        heard.sort();
        let group = "/video-channels/alice_channel";
        assert_eq!(heard, [line("Delete", person, person), line("Delete", group, group)]);
        for (path, kind) in
            [(person, "Person"), (group, "Group"), (&*format!("/videos/watch/{uuid}"), "Video")]
        {
            let stone = tombstone::find(database, path).await.unwrap().unwrap();
            assert_eq!(stone.former_type, kind);
            let accept = http::HeaderValue::from_static("application/activity+json");
            let headers = http::HeaderMap::from_iter([(http::header::ACCEPT, accept)]);
            let told =
                instance.sidecar.tell(&path.parse().unwrap(), &headers, "192.0.2.1").await.unwrap();
            assert_eq!(told.status(), 410, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_thought_of_a_video_elsewhere_is_told_there_and_taken_back() {
    for instance in federating(Federation::default()).await {
        let (database, sidecar) = (&instance.sidecar.database, &instance.sidecar);
        let (id, _) = instance.publish("alice", about("Theirs")).await;
        let eve = somebody("eve", "their.example", Kind::Person);
        let eve = remote_actor::keep(database, 1, &eve).await.unwrap();
        let url = "https://their.example/v/1";
        news::tests::make_remote(database, id, "their.example", url).await;
        let theirs = video::by_id(database, id).await.unwrap().unwrap();
        let theirs = Video { account_id: eve, is_remote: true, ..theirs };
        let name = crate::field::Username::parse("bob").unwrap();
        sidecar.create_user(&name, None, crate::role::Role::User).await.unwrap();
        let bob = crate::table::user::by_login(database, "bob").await.unwrap().unwrap();
        for opinion in [Some(true), Some(true), Some(false), None] {
            sidecar.rate_as(bob.id, &theirs, opinion).await.unwrap();
        }
        let like = format!("/accounts/bob/likes/{id}");
        let dislike = format!("/accounts/bob/dislikes/{id}");
        assert_eq!(
            instance.heard("their.example").await,
            [
                line("Like", "/accounts/bob", url),
                line("Undo", "/accounts/bob", &like),
                line("Dislike", "/accounts/bob", url),
                line("Undo", "/accounts/bob", &dislike),
            ]
        );
    }
}

#[tokio::test]
async fn who_watches_a_video_elsewhere_is_counted_there_once_and_not_named() {
    for instance in federating(Federation::default()).await {
        let (database, sidecar) = (&instance.sidecar.database, &instance.sidecar);
        let (id, _) = instance.publish("alice", about("Theirs")).await;
        let eve = somebody("eve", "their.example", Kind::Person);
        let eve = remote_actor::keep(database, 1, &eve).await.unwrap();
        let url = "https://their.example/v/1";
        news::tests::make_remote(database, id, "their.example", url).await;
        let ours = video::by_id(database, id).await.unwrap().unwrap();
        let theirs = Video { account_id: eve, is_remote: true, ..ours.clone() };
        for from in ["192.0.2.1", "192.0.2.1", "192.0.2.2"] {
            sidecar.watched(&theirs, None, from, None).await.unwrap();
        }
        sidecar.watched(&ours, None, "192.0.2.3", None).await.unwrap();
        let view = line("View", "/accounts/peertube", url);
        assert_eq!(instance.heard("their.example").await, [view.clone(), view]);
    }
}

#[tokio::test]
async fn nobody_is_told_while_federation_is_off() {
    for mut instance in federating(Federation::default()).await {
        instance.sidecar.place = None;
        instance.publish("alice", about("The sea")).await;
        assert!(!news::next(&instance.sidecar.database, 9).await.unwrap().is_empty());
        assert_eq!(instance.sidecar.tell_news().await.unwrap(), 0);
        assert!(news::next(&instance.sidecar.database, 9).await.unwrap().is_empty());
    }
}

#[test]
fn others_are_told_what_they_dont_know() {
    for (known, is, step) in [
        (None, Some("a"), Step::Publish),
        (Some("a"), Some("a"), Step::Nothing),
        (Some("a"), Some("b"), Step::Update),
        (Some("a"), None, Step::Withdraw),
        (None, None, Step::Nothing),
    ] {
        assert_eq!(Step::of(known, is), step);
    }
    let object = json!({ "name": "a", "views": 1, "updated": "x" });
    assert_eq!(digest(&object), digest(&json!({ "name": "a", "views": 2, "updated": "y" })));
    assert_ne!(digest(&object), digest(&json!({ "name": "b", "views": 1, "updated": "x" })));
}
