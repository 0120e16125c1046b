//! Imports in the API, on both databases.

use serde_json::{Value, json};

use crate::api::tests::{Instance, check, instances};
use crate::config::{Outbound, Registration};

async fn with_door() -> [Instance; 2] {
    let mut all = instances(Registration::Closed).await;
    for instance in &mut all {
        instance.sidecar.open_door(&Outbound::default()).unwrap();
    }
    all
}

async fn channel(instance: &Instance, name: &str) -> Value {
    let told = instance.get(&format!("video-channels/{name}_channel"), "").await.body;
    told["id"].clone()
}

#[tokio::test]
async fn an_import_is_told_in_peertube_s_form_and_to_its_owner_alone() {
    for instance in with_door().await {
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let channel_id = channel(&instance, "alice").await;
        let wanted = json!({
            "targetUrl": " https://Example.org/a/The%20sea.mp4?key=1#t ", "channelId": channel_id, "tags": ["sea"],
        });
        let made = instance.ask("POST", "videos/imports", &alice, wanted).await;
        assert_eq!(made.status, 200, "{}", made.body);
        assert_eq!(made.body["targetUrl"], "https://example.org/a/The%20sea.mp4?key=1");
        assert_eq!(made.body["state"], json!({ "id": 1, "label": "Pending" }));
        for key in ["id", "magnetUri", "torrentName", "error", "createdAt", "updatedAt"] {
            assert!(made.body.get(key).is_some(), "{key}");
        }
        let list = instance.get("users/me/videos/imports", &alice).await.body;
        assert_eq!((&list["total"], &list["data"][0]), (&json!(1), &made.body));
        assert_eq!(instance.get("users/me/videos/imports", &bob).await.body["total"], 0);
        let path = format!("videos/imports/{}", made.body["id"]);
        for (method, path) in [
            ("DELETE", path.clone()),
            ("POST", format!("{path}/cancel")),
            ("POST", format!("{path}/retry")),
        ] {
            let refused = instance.ask(method, &path, &bob, Value::Null).await;
            check(&refused, 404, "Video import not found");
            assert_eq!(instance.ask(method, &path, "", Value::Null).await.status, 401);
        }
        let id = made.body["id"].as_i64().unwrap();
        let fetching = instance.sidecar.claim_import().await.unwrap().unwrap();
        assert_eq!((fetching.id, fetching.begun.is_none()), (id, true));
        assert!(instance.sidecar.claim_import().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_cannot_be_imported_is_named() {
    for instance in with_door().await {
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let channel_id = channel(&instance, "alice").await;
        let ask = async |token: &str, url: Value| {
            let wanted = json!({ "targetUrl": url, "channelId": channel_id });
            instance.ask("POST", "videos/imports", token, wanted).await
        };
        for bad in [json!("file:///etc/passwd"), json!("a"), json!(null), json!("https://a:1/")] {
            let refused = ask(&alice, bad.clone()).await;
            check(&refused, 400, "Incorrect request parameters: targetUrl");
        }
        let private = ask(&alice, json!("https://10.0.0.1/")).await;
        check(&private, 403, "Cannot use non unicast IP as targetUrl.");
        let elsewhere = ask(&bob, json!("https://example.org/a.mp4")).await;
        check(&elsewhere, 400, "Unknown video \"video channel\" for this instance.");
        check(&ask("", json!("https://example.org/")).await, 401, "Token is invalid");
    }
}

#[tokio::test]
async fn a_file_that_came_is_the_owner_s_video_and_one_that_did_not_takes_no_room() {
    for instance in with_door().await {
        let alice = instance.user("alice").await;
        let channel_id = channel(&instance, "alice").await;
        let wanted = json!({ "targetUrl": "https://example.org/a.mp4", "channelId": channel_id, "name": "The sea" });
        let sidecar = &instance.sidecar;
        let used = async || {
            instance.get("users/me/video-quota-used", &alice).await.body["videoQuotaUsed"].clone()
        };
        for _ in 0..2 {
            instance.ask("POST", "videos/imports", &alice, wanted.clone()).await;
        }
        let first = sidecar.claim_import().await.unwrap().unwrap();
        let upload = sidecar.reserve_import(&first, Some(900), Some("\"a\"")).await.unwrap();
        assert!(sidecar.import_goes_on(&first, &upload).await.unwrap());
        sidecar.take_back_imports().await.unwrap();
        let again = sidecar.claim_import().await.unwrap().unwrap();
        assert_eq!(again.begun, Some((upload.clone(), Some("\"a\"".to_owned()))));
        sidecar.finish_import(&again, &upload, 900).await.unwrap();
        let list = instance.get("users/me/videos/imports", &alice).await.body;
        let done = &list["data"][1];
        assert_eq!((&done["state"]["id"], &done["video"]["name"]), (&json!(2), &json!("The sea")));
        assert_eq!(used().await, 900);

        let second = sidecar.claim_import().await.unwrap().unwrap();
        let upload = sidecar.reserve_import(&second, None, None).await.unwrap();
        let reason = format!("it broke off{}", " ".repeat(30_000));
        sidecar.fail_import(&second, reason, false).await.unwrap();
        assert!(sidecar.claim_import().await.unwrap().is_none(), "not before a while");
        assert!(!sidecar.import_goes_on(&second, &upload).await.unwrap());
        let list = instance.get("users/me/videos/imports", &alice).await.body;
        let later = &list["data"][0];
        let reason = later["error"].as_str().unwrap();
        assert_eq!((&later["state"]["id"], reason.trim_end()), (&json!(1), "it broke off"));
        assert!(reason.len() < 500, "{} bytes of a stranger's", reason.len());
    }
}

#[tokio::test]
async fn who_was_stopped_has_no_part_in_the_next_try() {
    for instance in with_door().await {
        let alice = instance.user("alice").await;
        let channel_id = channel(&instance, "alice").await;
        let wanted = json!({ "targetUrl": "https://example.org/a.mp4", "channelId": channel_id });
        let made = instance.ask("POST", "videos/imports", &alice, wanted).await;
        let path = format!("videos/imports/{}", made.body["id"]);
        let sidecar = &instance.sidecar;
        let first = sidecar.claim_import().await.unwrap().unwrap();
        let stale = sidecar.reserve_import(&first, Some(900), None).await.unwrap();
        for change in ["cancel", "retry"] {
            let path = format!("{path}/{change}");
            assert_eq!(instance.ask("POST", &path, &alice, Value::Null).await.status, 204);
        }
        let second = sidecar.claim_import().await.unwrap().unwrap();
        let upload = sidecar.reserve_import(&second, Some(900), None).await.unwrap();
        assert!(!sidecar.import_goes_on(&first, &stale).await.unwrap());
        assert!(sidecar.finish_import(&first, &stale, 900).await.is_err());
        sidecar.fail_import(&first, "it broke off".to_owned(), true).await.unwrap();
        assert!(sidecar.import_goes_on(&second, &upload).await.unwrap());
        sidecar.finish_import(&second, &upload, 900).await.unwrap();
        let list = instance.get("users/me/videos/imports", &alice).await.body;
        assert_eq!(list["data"][0]["state"]["id"], 2, "{list}");
    }
}

#[tokio::test]
async fn a_file_of_unknown_length_is_fetched_from_its_beginning() {
    for instance in with_door().await {
        let alice = instance.user("alice").await;
        let channel_id = channel(&instance, "alice").await;
        let wanted = json!({ "targetUrl": "https://example.org/a.mp4", "channelId": channel_id });
        instance.ask("POST", "videos/imports", &alice, wanted).await;
        let sidecar = &instance.sidecar;
        let first = sidecar.claim_import().await.unwrap().unwrap();
        let upload = sidecar.reserve_import(&first, None, Some("\"a\"")).await.unwrap();
        sidecar.take_back_imports().await.unwrap();
        let again = sidecar.claim_import().await.unwrap().unwrap();
        assert_eq!(again.begun, Some((upload, None)));
    }
}
