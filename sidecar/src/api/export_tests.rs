//! What people take along, on both databases.

use serde_json::{Value, json};

use super::tests::{check, instances};
use crate::config::Registration;
use crate::error::ApiError;
use crate::table::caption;
use crate::table::video::tests::about;

#[tokio::test]
async fn an_export_has_all_that_is_somebody_s_and_nobody_else_s() {
    for instance in instances(Registration::Closed).await {
        let alice = instance.user("alice").await;
        let bob = instance.user("bob").await;
        let (id, _) = instance.publish("alice", about("The sea")).await;
        caption::set(&instance.sidecar.database, 5, id, "fr", "c-fr-1.vtt").await.unwrap();
        let (theirs, _) = instance.publish("bob", about("The hills")).await;
        let watched = json!({ "currentTime": 7 });
        instance.ask("POST", &format!("videos/{theirs}/views"), &alice, watched).await;
        let like = json!({ "rating": "like" });
        instance.ask("PUT", &format!("videos/{theirs}/rate"), &alice, like).await;
        let me = instance.ask("GET", "users/me", &alice, Value::Null).await.body["id"].clone();
        let path = format!("users/{me}/exports");
        let asked = instance.ask("POST", &format!("{path}/request"), &alice, json!({})).await;
        assert_eq!(asked.status, 200, "{}", asked.body);
        let again = instance.ask("POST", &format!("{path}/request"), &alice, json!({})).await;
        check(&again, 400, "User has already processing or completed exports");
        for (method, path) in [("GET", path.clone()), ("POST", format!("{path}/request"))] {
            let refused = instance.ask(method, &path, &bob, Value::Null).await;
            check(&refused, 403, "Cannot manage exports of another user");
        }
        let claim = instance.sidecar.claim_export().await.unwrap().unwrap();
        let archive = instance.sidecar.archive(&claim).await.unwrap();
        let document = |name: &str| -> Value {
            let found = archive.documents.iter().find(|(known, _)| known == name);
            serde_json::from_slice(&found.unwrap().1).unwrap()
        };
        assert_eq!(document("account.json")["username"], "alice");
        assert_eq!(document("videos.json")[0]["name"], "The sea");
        assert_eq!(document("videos.json")[0]["captions"], json!(["fr"]));
        assert_eq!(document("videos.json").as_array().unwrap().len(), 1);
        assert_eq!(document("history.json")[0]["currentTime"], 7);
        assert_eq!(document("likes.json")[0]["name"], "The hills");
        assert_eq!(archive.videos[0].captions, [("fr".to_owned(), "c-fr-1.vtt".to_owned())]);
        let all: Vec<u8> = archive.documents.into_iter().flat_map(|(_, text)| text).collect();
        let all = String::from_utf8(all).unwrap();
        assert!(!all.contains("argon2") && !all.contains("/~"), "{all}");
    }
}

#[tokio::test]
async fn an_export_is_fetched_by_its_owner_or_by_a_fresh_address() {
    for instance in instances(Registration::Closed).await {
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let me = instance.ask("GET", "users/me", &alice, Value::Null).await.body["id"].clone();
        let path = format!("users/{me}/exports");
        instance.ask("POST", &format!("{path}/request"), &alice, json!({})).await;
        let told =
            async || instance.ask("GET", &path, &alice, Value::Null).await.body["data"][0].clone();
        assert_eq!(told().await["state"]["label"], "Pending");
        let claim = instance.sidecar.claim_export().await.unwrap().unwrap();
        assert_eq!(told().await["privateDownloadUrl"], Value::Null);
        let visitor = async |token: &str| {
            let mut headers = http::HeaderMap::new();
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
            instance.sidecar.visitor_of(&headers).await.unwrap().unwrap()
        };
        let (owner, other) = (visitor(&alice).await, visitor(&bob).await);
        let sidecar = &instance.sidecar;
        assert!(sidecar.exported_file(&claim.file, None, Some(&owner)).await.is_err());
        assert!(sidecar.settle_export(&claim, Some(9)).await.unwrap());
        let told = told().await;
        assert_eq!((&told["state"]["id"], &told["size"]), (&json!(3), &json!(9)));
        let url = told["privateDownloadUrl"].as_str().unwrap();
        let (address, shown) = url.split_once("?jwt=").unwrap();
        assert!(address.ends_with(&format!("/download/user-exports/{}", claim.file)));
        let fetch = async |shown: Option<&str>, visitor| {
            sidecar.exported_file(&claim.file, shown, visitor).await
        };
        assert_eq!(fetch(None, Some(&owner)).await.unwrap(), claim.file);
        assert_eq!(fetch(Some(shown), None).await.unwrap(), claim.file);
        let (ends_at, mac) = shown.split_once('-').unwrap();
        let later = format!("{}-{mac}", ends_at.parse::<i64>().unwrap() + 1);
        for (shown, visitor) in [
            (None, None),
            (None, Some(&other)),
            (Some("1-x"), Some(&other)),
            (Some(""), None),
            (Some(&*later), None),
            (Some(&shown[1..]), None),
        ] {
            let refused = fetch(shown, visitor).await;
            assert!(matches!(refused, Err(ApiError::NotFound(_))), "{shown:?}");
        }
        let gone = format!("{path}/{}", claim.id);
        assert_eq!(instance.ask("DELETE", &gone, &bob, Value::Null).await.status, 403);
        check(&instance.ask("DELETE", &gone, &alice, Value::Null).await, 204, "");
        assert!(fetch(Some(shown), Some(&owner)).await.is_err());
        assert_eq!(sidecar.wanted_exports().await.unwrap(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_export_with_files_has_a_bound() {
    for mut instance in instances(Registration::Closed).await {
        instance.sidecar.settings.export_bytes = 0;
        let alice = instance.user("alice").await;
        instance.publish("alice", about("The sea")).await;
        let me = instance.ask("GET", "users/me", &alice, Value::Null).await.body["id"].clone();
        let path = format!("users/{me}/exports/request");
        let with = json!({ "withVideoFiles": true });
        assert_eq!(instance.ask("POST", &path, &alice, with).await.status, 403);
        let without = json!({ "withVideoFiles": false });
        assert_eq!(instance.ask("POST", &path, &alice, without).await.status, 200);
    }
}

#[tokio::test]
async fn files_are_made_for_somebody_a_few_times_and_then_once_an_hour() {
    for instance in instances(Registration::Closed).await {
        let alice = instance.user("alice").await;
        let me = instance.ask("GET", "users/me", &alice, Value::Null).await.body["id"].clone();
        let path = format!("users/{me}/exports");
        let request =
            async || instance.ask("POST", &format!("{path}/request"), &alice, json!({})).await;
        for no in 0..5 {
            let asked = request().await;
            assert_eq!(asked.status, 200, "{}", asked.body);
            // Asking again while there is one costs nothing.
            if no == 0 {
                assert_eq!(request().await.status, 400);
            }
            let id = &asked.body["export"]["id"];
            let gone = instance.ask("DELETE", &format!("{path}/{id}"), &alice, Value::Null).await;
            assert_eq!(gone.status, 204);
        }
        assert_eq!(request().await.status, 429);
    }
}
