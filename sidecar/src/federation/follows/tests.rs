//! What is said to those who are blocked: that nobody follows the other any more, and then nothing.

use serde_json::{Value, json};

use super::*;
use crate::federation::deliver::tests::{Server, begin, federating, keep};

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
