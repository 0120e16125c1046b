//! Users, search and what the house is like, in the API, on both databases, beside recorded answers of PeerTube.

use serde_json::{Value, json};

use super::tests::{check, differences, instances};
use crate::config::Registration;
use crate::table::video::tests::about;

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn search_is_told_in_peertube_s_form() {
    for instance in instances(Registration::Closed).await {
        instance.publish("alice", about("Whales of the sea")).await;
        instance.publish("alice", about("Airships")).await;
        let found = instance.get("search/videos?search=whale&sort=-match", "").await.body;
        assert_eq!(
            (&found["total"], &found["data"][0]["name"]),
            (&json!(1), &json!("Whales of the sea"))
        );
        let wanted = recorded(include_str!("../../fixtures/api-search-videos.json"));
        assert_eq!(differences("", &found, &wanted), [""; 0]);
        assert_eq!(instance.get("search/videos", "").await.body["total"], 2);
        let later = "search/videos?search=whale&startDate=2020-01-01T00:00:00Z";
        assert_eq!(instance.get(later, "").await.body["total"], 0);
        let sorted = instance.get("search/videos?search=a&sort=name", "").await;
        assert_eq!(sorted.body["data"][0]["name"], "Airships");
        let found = instance.get("search/video-channels?search=alice", "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-search-channels.json"));
        assert_eq!(differences("", &found, &wanted), [""; 0]);
        assert_eq!(found["total"], 1);
        let long = format!("search/videos?search={}&sort=x&count=101", "a".repeat(201));
        let bad = instance.get(&long, "").await;
        check(&bad, 400, "Incorrect request parameters: search, count, sort");
    }
}

#[tokio::test]
async fn the_house_is_told_in_peertube_s_form() {
    for instance in instances(Registration::Approval).await {
        instance.publish("alice", about("The sea")).await;
        let config = instance.get("config", "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-config.json"));
        assert_eq!(differences("", &config, &wanted), [""; 0]);
        assert_eq!(config["signup"]["requiresApproval"], true);
        let about = instance.get("config/about", "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-config-about.json"));
        assert_eq!(differences("", &about, &wanted), [""; 0]);
        let stats = instance.get("server/stats", "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-server-stats.json"));
        // Nobody counts who was active, sizes of files, moderation, or messages that aren't exchanged.
        let unknown = differences("", &stats, &wanted);
        let is_known = |path: &String| {
            [
                "Active",
                "ActivityPub",
                "activityPub",
                "Abuse",
                "Registration",
                "Moderators",
                "Admins",
                "FilesSize",
            ]
            .iter()
            .any(|word| path.contains(word))
        };
        assert!(unknown.iter().all(is_known), "{unknown:?}");
        assert_eq!((&stats["totalUsers"], &stats["totalVideos"]), (&json!(2), &json!(1)));
        assert_eq!(stats["totalLocalVideoChannels"], 2);
    }
}

#[tokio::test]
async fn users_are_looked_after_by_those_above_them() {
    for instance in instances(Registration::Closed).await {
        let (root, alice) = (instance.root().await, instance.user("alice").await);
        let make =
            async |token: &str, body: Value| instance.ask("POST", "users", token, body).await;
        let bob =
            json!({ "username": "bob", "password": "correct horse", "role": 1, "videoQuota": 7 });
        assert_eq!(make(&alice, bob.clone()).await.status, 403);
        assert_eq!(make("", bob.clone()).await.status, 401);
        let made = make(&root, bob.clone()).await;
        let bob_id = made.body["user"]["id"].as_i64().unwrap();
        check(&make(&root, bob).await, 409, "User with this username or email already exists.");
        let bad = json!({ "username": "B", "password": "short", "role": 3, "videoQuota": -2 });
        check(
            &make(&root, bad).await,
            400,
            "Incorrect request parameters: username, password, role, videoQuota",
        );
        let bob = instance.token("bob", "correct+horse").await;
        let list = instance.get("users?count=1", &bob).await.body;
        let mut wanted = recorded(include_str!("../../fixtures/api-users-list.json"));
        // There are no notifications yet.
        wanted["data"][0].as_object_mut().unwrap().remove("notificationSettings");
        assert_eq!(differences("", &list, &wanted), [""; 0]);
        assert_eq!((&list["total"], &list["data"][0]["username"]), (&json!(3), &json!("bob")));
        let alice_id = instance.get("users/me", &alice).await.body["id"].as_i64().unwrap();
        let root_id = instance.get("users/me", &root).await.body["id"].as_i64().unwrap();
        let put = async |id: i64, token: &str, body: Value| {
            instance.ask("PUT", &format!("users/{id}"), token, body).await.status
        };
        assert_eq!(put(alice_id, &bob, json!({ "videoQuota": 5 })).await, 204);
        assert_eq!(put(alice_id, &bob, json!({ "role": 0 })).await, 403);
        assert_eq!(put(root_id, &bob, json!({ "password": "another one" })).await, 403);
        assert_eq!(put(bob_id, &bob, json!({ "role": 0 })).await, 403);
        assert_eq!(put(root_id, &root, json!({ "role": 2 })).await, 403);
        assert_eq!(put(bob_id, &root, json!({ "role": 2 })).await, 204);
        assert_eq!(instance.get("users", &bob).await.status, 403);
        let alice_now = instance.get(&format!("users/{alice_id}"), &root).await.body;
        assert_eq!((&alice_now["videoQuota"], &alice_now["role"]["id"]), (&json!(5), &json!(2)));
    }
}

#[tokio::test]
async fn whoever_is_blocked_is_out_and_whoever_is_deleted_leaves_nothing() {
    for instance in instances(Registration::Closed).await {
        let (root, alice) = (instance.root().await, instance.user("alice").await);
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let (_, other) = instance.publish("bob", about("The air")).await;
        let like = json!({ "rating": "like" });
        instance.ask("PUT", &format!("videos/{other}/rate"), &alice, like).await;
        let subscribe = json!({ "uri": "bob_channel" });
        instance.ask("POST", "users/me/subscriptions", &alice, subscribe).await;
        let id = instance.get("users/me", &alice).await.body["id"].as_i64().unwrap();
        let post = async |what: &str| {
            let body = json!({ "reason": "spam and more" });
            instance.ask("POST", &format!("users/{id}/{what}"), &root, body).await.status
        };
        assert_eq!(post("block").await, 204);
        assert_eq!(instance.get("users/me", &alice).await.status, 401);
        let told = instance.get(&format!("users/{id}"), &root).await.body;
        assert_eq!(
            (&told["blocked"], &told["blockedReason"]),
            (&json!(true), &json!("spam and more"))
        );
        assert_eq!(post("unblock").await, 204);
        let path = format!("users/{id}");
        check(&instance.ask("DELETE", &path, &root, Value::Null).await, 204, "");
        check(&instance.get(&path, &root).await, 404, "User not found");
        assert_eq!(instance.get(&format!("videos/{uuid}"), &root).await.status, 404);
        let left = instance.get(&format!("videos/{other}"), "").await.body;
        assert_eq!((&left["likes"], &left["channel"]["followersCount"]), (&json!(0), &json!(0)));
        let stats = instance.get("server/stats", "").await.body;
        assert_eq!((&stats["totalUsers"], &stats["totalVideos"]), (&json!(2), &json!(1)));
        assert_eq!(stats["totalLocalVideoChannels"], 2);
    }
}
