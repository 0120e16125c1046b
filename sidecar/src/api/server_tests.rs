//! What administrators decide, by the page's way and by PeerTube's, on both databases.

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::tests::{Instance, federating};
use crate::config::Federation;
use crate::error::{ApiError, NotFollowed};
use crate::federation::govern::{Consent, Ruling};
use crate::role::Role;
use crate::table::delivery;
use crate::table::follow::{self, FollowState};
use crate::table::host::{self, Known};
use crate::table::remote_actor::{self, Kind, tests::somebody};
use crate::visitor::Visitor;

impl Instance {
    async fn follows_us(&self, name: &str, host: &str, kind: Kind, state: FollowState) -> i64 {
        let database = &self.sidecar.database;
        let id = remote_actor::keep(database, 1, &somebody(name, host, kind)).await.unwrap();
        let us = self.sidecar.instance_handle().await.unwrap();
        follow::set(database, 1, (id, us), Some("https://x.example/f"), state).await.unwrap();
        id
    }

    async fn servers(&self, method: &str, path: &str, token: &str, body: Value) -> (u16, Value) {
        let answered = self.ask(method, &format!("server/{path}"), token, body).await;
        (answered.status, answered.body)
    }

    async fn waiting(&self, host: &str) -> Vec<String> {
        let found = delivery::next(&self.sidecar.database, host, 100).await.unwrap();
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let kinds =
            found.iter().map(|one| read(&one.activity)["type"].as_str().unwrap().to_owned());
        kinds.collect()
    }
}

#[tokio::test]
async fn who_follows_is_let_or_not_as_peertubes_programs_ask() {
    for instance in federating(Federation::default()).await {
        instance.follows_us("peertube", "two.example", Kind::Instance, FollowState::Asked).await;
        instance.follows_us("eve", "mastodon.example", Kind::Person, FollowState::Accepted).await;
        let root = instance.root().await;
        let (status, told) = instance.servers("GET", "followers", "", Value::Null).await;
        assert_eq!((status, &told["total"]), (200, &json!(0)));
        let (_, told) = instance.servers("GET", "followers", &root, Value::Null).await;
        assert_eq!(told["total"], 2);
        let first = &told["data"][0];
        assert_eq!(
            (&first["state"], &first["follower"]["host"]),
            (&json!("pending"), &json!("two.example"))
        );
        assert_eq!(first["following"]["name"], "peertube");
        let path = "followers/peertube@two.example/accept";
        assert_eq!(instance.servers("POST", path, "", json!({})).await.0, 401);
        assert_eq!(instance.servers("POST", path, &root, json!({})).await.0, 204);
        assert_eq!(instance.waiting("two.example").await, ["Accept"]);
        let (_, told) = instance.servers("GET", "followers", "", Value::Null).await;
        assert_eq!((&told["total"], &told["data"][0]["state"]), (&json!(1), &json!("accepted")));
        let path = "followers/eve@mastodon.example";
        assert_eq!(instance.servers("DELETE", path, &root, json!({})).await.0, 204);
        assert_eq!(instance.waiting("mastodon.example").await, ["Reject"]);
        let path = "followers/nobody@two.example/reject";
        assert_eq!(instance.servers("POST", path, &root, json!({})).await.0, 404);
    }
}

#[tokio::test]
async fn whom_we_follow_is_asked_once_and_told_when_that_ends() {
    for instance in federating(Federation::default()).await {
        let (database, sidecar) = (&instance.sidecar.database, &instance.sidecar);
        let two = somebody("peertube", "two.example", Kind::Instance);
        let id = remote_actor::keep(database, crate::now_ms(), &two).await.unwrap();
        let root = instance.root().await;
        // Known and fresh, so that nobody has to be asked who that is.
        sidecar.follow_by_hand(&two.url).await.unwrap();
        assert_eq!(instance.waiting("two.example").await, ["Follow"]);
        let (_, told) = instance.servers("GET", "following", "", Value::Null).await;
        assert_eq!(told["total"], 0);
        let (_, told) = instance.servers("GET", "following", &root, Value::Null).await;
        let line = &told["data"][0];
        assert_eq!(
            (&line["state"], &line["following"]["url"]),
            (&json!("pending"), &json!(two.url))
        );
        assert_eq!(line["follower"]["host"], "127.0.0.1:9000");
        let path = "following/two.example";
        assert_eq!(instance.servers("DELETE", path, &root, json!({})).await.0, 204);
        assert_eq!(instance.waiting("two.example").await, ["Follow", "Undo"]);
        assert_eq!(instance.servers("DELETE", path, &root, json!({})).await.0, 404);
        // There is no door to others in this test, and one of these is known without it.
        let body = json!({ "hosts": ["nowhere.invalid"], "handles": [two.url, "a@evil.example"] });
        let (status, told) = instance.servers("POST", "following", &root, body).await;
        let off = "federation is off here";
        let wanted = format!("not followed: nowhere.invalid ({off}), a@evil.example ({off})");
        assert_eq!((status, &told["detail"]), (409, &json!(wanted)));
        assert_eq!(instance.waiting("two.example").await, ["Follow", "Undo", "Follow"]);
        sidecar.block("two.example", None).await.unwrap();
        let refused = sidecar.follow_by_hand(&two.url).await;
        let ApiError::NotFollowed(all) = refused.unwrap_err() else { panic!("it is blocked") };
        assert_eq!(all, [(two.url.clone(), NotFollowed::Blocked)]);
        assert_eq!(
            instance.servers("POST", "following", &root, json!({ "hosts": 7 })).await.0,
            400
        );
        for nobody in [json!({}), json!({ "hosts": [], "handles": null })] {
            let (status, told) = instance.servers("POST", "following", &root, nobody).await;
            assert_eq!(
                (status, &told["detail"]),
                (400, &json!("Incorrect request parameters: hosts"))
            );
        }
        assert!(remote_actor::by_id(database, id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_block_ends_what_there_was_and_is_taken_back() {
    for instance in federating(Federation::default()).await {
        instance
            .follows_us("peertube", "evil.example", Kind::Instance, FollowState::Accepted)
            .await;
        let root = instance.root().await;
        let body = json!({ "host": "Evil.example", "reason": "spam" });
        assert_eq!(instance.servers("POST", "blocklist/servers", &root, body).await.0, 204);
        let body = json!({ "accountName": "eve@mastodon.example" });
        assert_eq!(instance.servers("POST", "blocklist/accounts", &root, body).await.0, 204);
        for bad in [json!({ "host": "a@b.example" }), json!({ "host": "no host" }), json!({})] {
            assert_eq!(instance.servers("POST", "blocklist/servers", &root, bad).await.0, 400);
        }
        assert!(instance.sidecar.is_blocked("evil.example", None));
        let (_, told) = instance.servers("GET", "followers", &root, Value::Null).await;
        assert_eq!(told["total"], 0);
        let (_, told) = instance.servers("GET", "blocklist/servers", &root, Value::Null).await;
        assert_eq!(told["data"][0]["blockedServer"]["host"], "evil.example");
        assert_eq!((&told["total"], &told["data"][0]["reason"]), (&json!(1), &json!("spam")));
        let (_, told) = instance.servers("GET", "blocklist/accounts", &root, Value::Null).await;
        assert_eq!(told["data"][0]["blockedAccount"]["name"], "eve");
        assert_eq!(instance.servers("GET", "blocklist/servers", "", Value::Null).await.0, 401);
        let path = "blocklist/servers/evil.example";
        assert_eq!(instance.servers("DELETE", path, &root, json!({})).await.0, 204);
        assert_eq!(instance.servers("DELETE", path, &root, json!({})).await.0, 404);
        assert!(!instance.sidecar.is_blocked("evil.example", None));
    }
}

#[tokio::test]
async fn the_page_is_an_administrators_and_shows_all_of_it() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        instance.follows_us("ada", "two.example", Kind::Person, FollowState::Asked).await;
        let token = HeaderValue::try_from(format!("Bearer {}", instance.root().await)).unwrap();
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, token)]);
        let root = sidecar.visitor(&headers).await.unwrap().unwrap();
        let known = sidecar.federation(&root).await.unwrap();
        assert_eq!((known.followers_total, known.following_total), (1, 0));
        let line = &known.followers[0];
        assert_eq!((&*line.handle, line.state), ("ada@two.example", Consent::Asked));
        sidecar.rule(&root, Ruling::Accept(line.id)).await.unwrap();
        let known = sidecar.federation(&root).await.unwrap();
        assert_eq!(known.followers[0].state, Consent::Given);
        assert_eq!((&*known.queues[0].host, known.queues[0].waiting), ("two.example", 1));
        sidecar.rule(&root, Ruling::Retry("two.example")).await.unwrap();
        sidecar.rule(&root, Ruling::Forget("two.example")).await.unwrap();
        let error = sidecar.rule(&root, Ruling::Unfollow(99)).await.unwrap_err();
        assert!(matches!(error, ApiError::NotFound(_)));
        let somebody = Visitor { role: Role::Moderator, ..root };
        assert!(sidecar.federation(&somebody).await.is_err());
        assert!(sidecar.rule(&somebody, Ruling::Unblock("a.example")).await.is_err());
    }
}

#[tokio::test]
async fn neighbours_are_those_who_said_who_they_are_and_arent_blocked() {
    for instance in federating(Federation::default()).await {
        let (database, sidecar) = (&instance.sidecar.database, &instance.sidecar);
        for name in ["b.example", "a.example", "silent.example", "evil.example"] {
            host::meet(database, 1, name).await.unwrap();
        }
        let known = |name: &str| Known {
            name: name.to_owned(),
            software: Some("peertube".to_owned()),
            version: Some("6.3.0".to_owned()),
            title: None,
            description: Some("*Boats*\n\n<script>alert(1)</script>".to_owned()),
            rules: None,
            registration: Some(true),
            asked_at: None,
        };
        for name in ["b.example", "a.example", "evil.example"] {
            host::note(database, 5, name, Some(&known(name))).await.unwrap();
        }
        host::note(database, 5, "silent.example", None).await.unwrap();
        sidecar.block("evil.example", None).await.unwrap();
        let (_, found) = sidecar.neighbours(0, 10).await.unwrap();
        let hosts: Vec<&str> = found.iter().map(|found| &*found.host).collect();
        assert_eq!(hosts, ["a.example", "b.example"]);
        assert_eq!((&*found[0].title, &*found[0].software), ("a.example", "peertube 6.3.0"));
        assert!(found[0].description.contains("<em>Boats</em>"));
        assert!(!found[0].description.contains("<script"));
        assert_eq!(host::unasked(database, 5, 10).await.unwrap(), [""; 0]);
        assert_eq!(host::unasked(database, 6, 1).await.unwrap(), ["a.example"]);
    }
}

#[tokio::test]
async fn follows_are_listed_by_state_kind_and_name() {
    for instance in federating(Federation::default()).await {
        let (asked, accepted) = (FollowState::Asked, FollowState::Accepted);
        instance.follows_us("peertube", "two.example", Kind::Instance, accepted).await;
        instance
            .follows_us("peertube", "three.example", Kind::Instance, FollowState::Rejected)
            .await;
        instance.follows_us("Eve_1", "mastodon.example", Kind::Person, asked).await;
        instance.follows_us("evex1", "mastodon.example", Kind::Person, accepted).await;
        let root = instance.root().await;
        let hosts = async |query: &str, token: &str| {
            let path = format!("followers?{query}");
            let (status, told) = instance.servers("GET", &path, token, Value::Null).await;
            assert_eq!(status, 200, "{query}");
            let found = told["data"].as_array().unwrap().clone();
            assert_eq!(told["total"], found.len(), "{query}");
            found.iter().map(|one| one["follower"]["name"].as_str().unwrap().to_owned()).collect()
        };
        let check = async |query: &str, token: &str, wanted: &[&str]| {
            let found: Vec<String> = hosts(query, token).await;
            assert_eq!(found, wanted, "{query}");
        };
        check("", &root, &["Eve_1", "evex1", "peertube", "peertube"]).await;
        check("state=pending", &root, &["Eve_1"]).await;
        check("state=accepted&actorType=Application", &root, &["peertube"]).await;
        check("search=eve_1", &root, &["Eve_1"]).await;
        check("search=THREE.ex", &root, &["peertube"]).await;
        check("search=%25", &root, &[]).await;
        check("sort=createdAt&actorType=Person", &root, &["Eve_1", "evex1"]).await;
        check("sort=-createdAt&actorType=Person", &root, &["evex1", "Eve_1"]).await;
        check("state=pending", "", &[]).await;
        check("state=rejected", "", &[]).await;
        check("", "", &["peertube"]).await;
        for bad in ["state=x", "actorType=x", "sort=x"] {
            let path = format!("followers?{bad}");
            assert_eq!(instance.servers("GET", &path, &root, Value::Null).await.0, 400, "{bad}");
        }
    }
}
