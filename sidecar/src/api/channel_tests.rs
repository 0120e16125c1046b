//! Channels and accounts in the API, on both databases, beside recorded answers of PeerTube.

use serde_json::{Value, json};

use super::tests::{check, differences, instances};
use crate::config::Registration;
use crate::table::video::tests::about;

#[tokio::test]
async fn channels_and_accounts_are_told_in_peertube_s_form() {
    for instance in instances(Registration::Closed).await {
        instance.user("alice").await;
        instance.publish("alice", about("The sea")).await;
        for (path, wanted) in [
            ("video-channels/alice_channel", include_str!("../../fixtures/api-video-channel.json")),
            ("video-channels?count=1", include_str!("../../fixtures/api-video-channels.json")),
            (
                "accounts/alice/video-channels",
                include_str!("../../fixtures/api-video-channels.json"),
            ),
            ("accounts/alice", include_str!("../../fixtures/api-account.json")),
            ("accounts/alice/videos", include_str!("../../fixtures/api-account-videos.json")),
            (
                "video-channels/alice_channel/videos",
                include_str!("../../fixtures/api-video-channel-videos.json"),
            ),
        ] {
            let told = instance.get(path, "").await;
            let wanted: Value = serde_json::from_str(wanted).unwrap();
            assert_eq!(differences(path, &told.body, &wanted), [""; 0]);
        }
        let list = instance.get("video-channels?count=1", "").await.body;
        assert_eq!(
            (&list["total"], &list["data"][0]["name"]),
            (&json!(2), &json!("alice_channel"))
        );
        let whole = instance.get("accounts/alice%40127.0.0.1:9000", "").await;
        assert_eq!(whole.body["displayName"], "alice");
        for path in ["accounts/nobody", "accounts/alice@example.org", "accounts/%27"] {
            check(&instance.get(path, "").await, 404, "Account not found");
        }
        check(&instance.get("video-channels/alice", "").await, 404, "Video channel not found");
    }
}

#[tokio::test]
async fn an_owner_makes_changes_and_takes_away_channels_but_for_the_last() {
    for instance in instances(Registration::Closed).await {
        let (owner, other) = (instance.user("alice").await, instance.user("bob").await);
        let sea = json!({ "name": "sea", "displayName": "The sea", "description": "Salt" });
        let made = instance.ask("POST", "video-channels", &owner, sea.clone()).await;
        assert!(made.body["videoChannel"]["id"].is_number(), "{}", made.body);
        let taken = instance.ask("POST", "video-channels", &other, sea).await;
        check(&taken, 409, "that handle is taken");
        let bad = json!({ "name": "A b", "displayName": "", "support": "x" });
        let bad = instance.ask("POST", "video-channels", &owner, bad).await;
        check(&bad, 400, "Incorrect request parameters: name, displayName, support");
        let change = async |token: &str, body: Value| {
            instance.ask("PUT", "video-channels/sea", token, body).await
        };
        assert_eq!(change(&other, json!({ "displayName": "Mine" })).await.status, 403);
        let body = json!({ "displayName": "Ocean", "description": null, "support": "Give" });
        check(&change(&owner, body).await, 204, "");
        let now = instance.get("video-channels/sea", "").await.body;
        assert_eq!((&now["displayName"], &now["support"]), (&json!("Ocean"), &json!("Give")));
        assert_eq!(now["description"], Value::Null);
        let (_, uuid) = instance.publish("alice", about("In the first")).await;
        let delete = async |handle: &str, token: &str| {
            instance.ask("DELETE", &format!("video-channels/{handle}"), token, Value::Null).await
        };
        assert_eq!(delete("alice_channel", &other).await.status, 403);
        check(&delete("alice_channel", &owner).await, 204, "");
        assert_eq!(instance.get(&format!("videos/{uuid}"), &owner).await.status, 404);
        assert_eq!(instance.get("videos", "").await.body["total"], 0);
        check(&delete("sea", &owner).await, 409, "Cannot remove the last channel of this user");
        assert_eq!(instance.get("users/me", &owner).await.body["videoChannels"][0]["name"], "sea");
    }
}

#[tokio::test]
async fn whoever_is_asked_into_a_channel_and_accepts_works_there() {
    for instance in instances(Registration::Closed).await {
        let (owner, other) = (instance.user("alice").await, instance.user("bob").await);
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let path = "video-channels/alice_channel/collaborators";
        let ours = async |method: &str, below: &str, token: &str, body: Value| {
            instance.ask_at(method, &format!("/api/shoal/v1/{path}{below}"), token, body).await
        };
        let rename = async || {
            let body = json!({ "name": "By Bob" });
            instance.ask("PUT", &format!("videos/{uuid}"), &other, body).await.status
        };
        let editor = json!({ "role": "editor" });
        assert_eq!(ours("PUT", "/bob", &other, editor.clone()).await.status, 403);
        check(&ours("PUT", "/bob", &owner, editor).await, 204, "");
        check(
            &ours("PUT", "/bob", &owner, json!({ "role": "king" })).await,
            400,
            "Incorrect request parameters: role",
        );
        assert_eq!(rename().await, 403);
        assert_eq!(ours("POST", "/bob/accept", &owner, Value::Null).await.status, 404);
        check(&ours("POST", "/bob/accept", &other, Value::Null).await, 204, "");
        assert_eq!(rename().await, 204);
        let manage = json!({ "displayName": "Bob's" });
        let refused =
            instance.ask("PUT", "video-channels/alice_channel", &other, manage.clone()).await;
        assert_eq!(refused.status, 403);
        check(&ours("PUT", "/bob", &owner, json!({ "role": "manager" })).await, 204, "");
        let done = instance.ask("PUT", "video-channels/alice_channel", &other, manage).await;
        check(&done, 204, "");
        let told = ours("GET", "", &other, Value::Null).await.body;
        assert_eq!(told["data"][0]["role"], "manager");
        assert_eq!(told["data"][0]["isAccepted"], true);
        check(&ours("DELETE", "/bob", &other, Value::Null).await, 204, "");
        assert_eq!(rename().await, 403);
        assert_eq!(ours("GET", "", "", Value::Null).await.status, 401);
        check(
            &ours("PUT", "/alice", &owner, json!({ "role": "editor" })).await,
            409,
            "the channel is theirs already",
        );
    }
}
