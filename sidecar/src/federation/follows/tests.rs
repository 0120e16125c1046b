//! Who is asked to follow again, and what is said to those who are blocked: that nobody follows the other any more, and then nothing.

use serde_json::{Value, json};

use super::*;
use crate::config::Federation;
use crate::federation::deliver::tests::{Server, begin, federating, keep};
use crate::table::delivery;
use crate::table::remote_actor::tests::somebody;

fn update(no: i64) -> Value {
    let actor = "https://one.example/accounts/peertube";
    json!({ "type": "Update", "id": format!("{actor}/{no}"), "actor": actor, "object": {} })
}

impl Sidecar {
    /// Somebody of a server, whom we follow, and who follows us by a Follow with the id `url`.
    async fn befriend(&self, server: &Server, name: &str, url: &str) -> i64 {
        let (us, theirs) =
            (self.instance_handle().await.unwrap(), keep(self, &server.actor(name)).await);
        for (pair, url) in [((theirs, us), Some(url)), ((us, theirs), None)] {
            follow::set(&self.database, 1, pair, url, FollowState::Accepted).await.unwrap();
        }
        theirs
    }

    async fn update(&self, no: i64, to: &[i64]) {
        let to: Vec<To> = to.iter().map(|id| To::Inbox(*id)).collect();
        self.send(&Local::Instance, &update(no), &to).await.unwrap();
    }
}

/// That two activities come to the inbox `path`, by which both follows end.
async fn leaves(server: &mut Server, path: &str, url: &str) {
    let (refused, undone) = (server.next().await, server.next().await);
    assert_eq!((&*refused.path, &*undone.path), (path, path));
    let (refused, undone) = (refused.activity(), undone.activity());
    assert_eq!((&refused["type"], &refused["object"]["id"]), (&json!("Reject"), &json!(url)));
    assert_eq!((&undone["type"], &undone["object"]["type"]), (&json!("Undo"), &json!("Follow")));
}

#[tokio::test]
async fn a_server_that_is_blocked_hears_that_follows_end_and_nothing_else() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        let ada = sidecar.befriend(&server, "ada", "https://ada.example/f").await;
        let eve = keep(&sidecar, &server.actor("eve")).await;
        let us = sidecar.instance_handle().await.unwrap();
        follow::set(&sidecar.database, 1, (eve, us), None, FollowState::Rejected).await.unwrap();
        // What waits when it is blocked, and what comes after.
        sidecar.update(1, &[ada]).await;
        assert!(sidecar.block(&server.host, None).await.unwrap());
        sidecar.update(2, &[ada]).await;
        assert!(follow::of(&sidecar.database, ada, us).await.unwrap().is_none());
        assert!(follow::of(&sidecar.database, us, ada).await.unwrap().is_none());
        let _work = begin(&sidecar);
        leaves(&mut server, "/users/ada/inbox", "https://ada.example/f").await;
        sidecar.unblock(&server.host).await.unwrap();
        sidecar.update(3, &[ada]).await;
        assert_eq!(server.next().await.activity()["id"], update(3)["id"]);
    }
}

#[tokio::test]
async fn somebody_who_is_blocked_hears_the_same_and_their_server_goes_on() {
    for (sidecar, _kept) in federating().await {
        let mut server = Server::start().await;
        let ada = sidecar.befriend(&server, "ada", "https://ada.example/f").await;
        let bob = sidecar.befriend(&server, "bob", "https://bob.example/f").await;
        assert!(sidecar.block(&format!("@Ada@{}", server.host), None).await.unwrap());
        sidecar.update(1, &[ada, bob]).await;
        let _work = begin(&sidecar);
        leaves(&mut server, "/users/ada/inbox", "https://ada.example/f").await;
        let next = server.next().await;
        assert_eq!((&*next.path, &next.activity()["id"]), ("/users/bob/inbox", &update(1)["id"]));
        assert_eq!(
            follow::followers(&sidecar.database, sidecar.instance_handle().await.unwrap())
                .await
                .unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn a_follow_that_was_never_sent_is_sent_a_day_later_and_then_once_a_day() {
    for instance in crate::api::tests::federating(Federation::default()).await {
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
        let mut ids = Vec::new();
        for (name, state) in [("one", FollowState::Asked), ("two", FollowState::Accepted)] {
            let host = format!("{name}.example");
            let new = somebody(name, &host, Kind::Instance);
            let id = remote_actor::keep(database, 1, &new).await.unwrap();
            // As if the machine had been killed just then.
            follow::set(database, 1, (us, id), None, state).await.unwrap();
            ids.push(id);
        }
        for _ in 0..2 {
            sidecar.ask_to_follow_again().await.unwrap();
            let waiting = delivery::next(database, "one.example", 9).await.unwrap();
            assert_eq!(waiting.len(), 1);
            assert!(waiting[0].activity.contains("\"type\":\"Follow\""));
            assert_eq!(delivery::next(database, "two.example", 9).await.unwrap(), []);
        }
        let asked = follow::of(database, us, ids[0]).await.unwrap().unwrap();
        assert!(asked.updated_at > 1 && asked.created_at == 1);
    }
}
