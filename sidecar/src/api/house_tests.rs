//! Users, search and what the house is like, in the API, on both databases, beside recorded answers of PeerTube.

use serde_json::{Value, json};

use super::tests::{check, differences, instances};
use crate::config::Registration;
use crate::house::{House, NsfwPolicy};
use crate::table::video::About;
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
        assert_eq!(differences("", &stats, &wanted), [""; 0]);
        assert_eq!((&stats["totalUsers"], &stats["totalVideos"]), (&json!(2), &json!(1)));
        assert_eq!(stats["totalLocalVideoChannels"], 2);
        assert_eq!((&stats["totalAdmins"], &stats["totalModerators"]), (&json!(1), &json!(1)));
        assert_eq!(stats["totalLocalVideoFilesSize"], 1_000);
        // It was published in 1970.
        assert_eq!(stats["totalLocalMonthlyActiveVideoChannels"], 0);
    }
}

#[tokio::test]
async fn what_the_house_says_of_itself_is_told_to_programs() {
    for mut instance in instances(Registration::Closed).await {
        let house = House {
            name: "Sea TV".to_owned(),
            rules: "Be kind.".to_owned(),
            languages: vec!["fr".to_owned()],
            categories: vec!["Education".to_owned()],
            is_nsfw: true,
            nsfw_policy: NsfwPolicy::Display,
            ..House::default()
        };
        instance.sidecar.describe_house(house);
        let nsfw = About { nsfw: true, ..about("The sea") };
        instance.publish("alice", nsfw).await;
        assert_eq!(instance.get("videos", "").await.body["total"], 1);
        let about = instance.get("config/about", "").await.body["instance"].clone();
        for (key, wanted) in [
            ("name", json!("Sea TV")),
            ("codeOfConduct", json!("Be kind.")),
            ("languages", json!(["fr"])),
            ("categories", json!([13])),
        ] {
            assert_eq!(about[key], wanted, "{key}");
        }
        let config = instance.get("config", "").await.body["instance"].clone();
        assert_eq!(
            (&config["isNSFW"], &config["defaultNSFWPolicy"]),
            (&json!(true), &json!("display"))
        );
        let root = instance.root().await;
        let body = json!({ "username": "bob", "password": "correct horse" });
        assert_eq!(instance.ask("POST", "users", &root, body).await.status, 200);
        let bob = instance.token("bob", "correct+horse").await;
        assert_eq!(instance.get("users/me", &bob).await.body["nsfwPolicy"], "display");
    }
}

#[tokio::test]
async fn lists_of_what_there_is_not_are_told_in_peertube_s_form() {
    for instance in instances(Registration::Closed).await {
        let (_, id) = instance.publish("alice", about("The sea")).await;
        for (path, text) in [
            ("overviews/videos?page=1", include_str!("../../fixtures/api-overviews.json")),
            ("accounts?start=0&count=15", include_str!("../../fixtures/api-accounts-list.json")),
            ("server/followers", include_str!("../../fixtures/api-followers.json")),
            ("server/following", include_str!("../../fixtures/api-following.json")),
            ("video-playlists", include_str!("../../fixtures/api-playlists.json")),
            ("accounts/alice/video-playlists", include_str!("../../fixtures/api-playlists.json")),
            (
                &*format!("videos/{id}/comment-threads"),
                include_str!("../../fixtures/api-comment-threads.json"),
            ),
        ] {
            let told = instance.get(path, "").await;
            assert_eq!(
                (told.status, differences("", &told.body, &recorded(text))),
                (200, vec![]),
                "{path}"
            );
        }
        for path in ["video-channels/alice_channel/followers", "accounts/root/followers"] {
            assert_eq!(instance.get(path, "").await.body, json!({ "total": 0, "data": [] }));
        }
        let missing = instance.get("video-channels/nobody/video-playlists", "").await;
        check(&missing, 404, "Video channel not found");
        check(
            &instance.get("overviews/videos?page=11", "").await,
            400,
            "Incorrect request parameters: page",
        );
    }
}

#[tokio::test]
async fn an_overview_has_the_newest_of_what_there_is_most_of() {
    for instance in instances(Registration::Closed).await {
        for no in 0..6 {
            instance.publish("alice", about(&format!("Sea {no}"))).await;
        }
        let told = instance.get("overviews/videos", "").await.body;
        assert_eq!(
            told["categories"][0]["category"],
            json!({ "id": 15, "label": "Science & Technology" })
        );
        assert_eq!(told["tags"][0]["tag"], "sea");
        assert_eq!(told["channels"][0]["channel"]["name"], "alice_channel");
        for kind in ["categories", "tags", "channels"] {
            let videos = told[kind][0]["videos"].as_array().unwrap();
            assert_eq!((videos.len(), &videos[0]["name"]), (6, &json!("Sea 5")), "{kind}");
        }
        let later = instance.get("overviews/videos?page=2", "").await.body;
        assert_eq!((&later["categories"], &later["channels"]), (&json!([]), &json!([])));
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
