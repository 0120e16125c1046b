//! What is somebody's own in the API and on pages, on both databases.

use serde_json::{Value, json};

use super::tests::{check, instances};
use crate::Seen;
use crate::config::Registration;
use crate::listing::{ListQuery, Order};
use crate::table::about::{self, Chapter};
use crate::table::video::{About, Privacy, State, tests::about as said, tests::made};
use crate::visitor::Asker;

/// A request's headers with this token.
fn shown(token: &str) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    headers
}

#[tokio::test]
async fn an_owner_sees_their_videos_in_all_states() {
    for instance in instances(Registration::Closed).await {
        let token = instance.user("alice").await;
        instance.publish("bob", said("Not hers")).await;
        instance.publish("alice", About { privacy: Privacy::Private, ..said("Private") }).await;
        made(&instance.sidecar.database, "alice", said("Waiting")).await;
        let mine = instance.get("users/me/videos?sort=name", &token).await.body;
        assert_eq!(mine["total"], 2);
        assert_eq!(mine["data"][0]["privacy"]["label"], "Private");
        assert_eq!(mine["data"][1]["state"], json!({ "id": 2, "label": "To transcode" }));
        let first = instance.get("users/me/videos?count=1", &token).await.body;
        assert_eq!((&first["total"], &first["data"][0]["name"]), (&json!(2), &json!("Waiting")));
        let foreign = instance.get("users/me/videos?channelId=99", &token).await.body;
        assert_eq!(foreign["total"], 0);
        let quota = instance.get("users/me/video-quota-used", &token).await.body;
        assert_eq!(quota, json!({ "videoQuotaUsed": 2_000, "videoQuotaUsedDaily": 0 }));
        assert_eq!(instance.get("users/me/videos", "").await.status, 401);
    }
}

#[tokio::test]
async fn subscriptions_are_begun_listed_and_ended() {
    for instance in instances(Registration::Closed).await {
        let token = instance.user("alice").await;
        instance.publish("bob", said("The sea")).await;
        instance.publish("carol", said("The air")).await;
        let begin = async |uri: &str| {
            instance.ask("POST", "users/me/subscriptions", &token, json!({ "uri": uri })).await
        };
        for _ in 0..2 {
            check(&begin("bob_channel@127.0.0.1:9000").await, 204, "");
        }
        check(&begin("nobody").await, 404, "Video channel not found");
        check(&begin("").await, 400, "Incorrect request parameters: uri");
        let list = instance.get("users/me/subscriptions", &token).await.body;
        assert_eq!((&list["total"], &list["data"][0]["name"]), (&json!(1), &json!("bob_channel")));
        assert_eq!(list["data"][0]["followersCount"], 1);
        let videos = instance.get("users/me/subscriptions/videos", &token).await.body;
        assert_eq!((&videos["total"], &videos["data"][0]["name"]), (&json!(1), &json!("The sea")));
        let which = "users/me/subscriptions/exist?uris=bob_channel&uris=carol_channel&uris=x";
        let wanted = json!({ "bob_channel": true, "carol_channel": false, "x": false });
        assert_eq!(instance.get(which, &token).await.body, wanted);
        let one = "users/me/subscriptions/bob_channel";
        assert_eq!(instance.get(one, &token).await.body["name"], "bob_channel");
        let end = async || instance.ask("DELETE", one, &token, Value::Null).await;
        check(&end().await, 204, "");
        check(&end().await, 404, "Subscription not found");
        let channel = instance.get("video-channels/bob_channel", "").await.body;
        assert_eq!(channel["followersCount"], 0);
    }
}

#[tokio::test]
async fn history_is_listed_and_forgotten() {
    for instance in instances(Registration::Closed).await {
        let token = instance.user("alice").await;
        let mut ids = Vec::new();
        for (no, name) in ["One", "Two", "Three"].into_iter().enumerate() {
            let (id, _) = instance.publish("bob", said(name)).await;
            let body = json!({ "currentTime": no * 10 });
            instance.ask("POST", &format!("videos/{id}/views"), &token, body).await;
            ids.push(id);
        }
        let list = async || instance.get("users/me/history/videos", &token).await.body;
        let all = list().await;
        assert_eq!(all["total"], 3);
        let two =
            all["data"].as_array().unwrap().iter().find(|video| video["name"] == "Two").unwrap();
        assert_eq!(two["userHistory"], json!({ "currentTime": 10 }));
        let path = format!("users/me/history/videos/{}", ids[1]);
        check(&instance.ask("DELETE", &path, &token, Value::Null).await, 204, "");
        assert_eq!(list().await["total"], 2);
        let path = "users/me/history/videos/remove";
        let early = json!({ "beforeDate": "2020-01-01T00:00:00Z" });
        check(&instance.ask("POST", path, &token, early).await, 204, "");
        assert_eq!(list().await["total"], 2);
        let bad = instance.ask("POST", path, &token, json!({ "beforeDate": "then" })).await;
        check(&bad, 400, "Incorrect request parameters: beforeDate");
        check(&instance.ask("POST", path, &token, Value::Null).await, 204, "");
        assert_eq!(list().await["total"], 0);
    }
}

#[tokio::test]
async fn pages_get_plain_values_as_whoever_asks_may_see_them() {
    for instance in instances(Registration::Closed).await {
        let sidecar = &instance.sidecar;
        let visitor =
            sidecar.visitor(&shown(&instance.user("alice").await)).await.unwrap().unwrap();
        let asker = Asker { visitor: Some(&visitor), password: None, from: "test" };
        let about = About { description: Some("*Salt*".to_owned()), ..said("The sea") };
        let (id, uuid) = instance.publish("bob", about).await;
        let chapters = [Chapter { timecode: 5, title: "Waves".to_owned() }];
        about::set_chapters(&sidecar.database, id, &chapters).await.unwrap();
        assert!(sidecar.subscribe(&visitor, "bob_channel", true).await.unwrap());
        assert!(sidecar.rate_video(&uuid, &visitor, None, Some(true)).await.unwrap());
        let Seen::Shown(page) = sidecar.video_page(&uuid, asker).await.unwrap() else { panic!() };
        assert_eq!((page.description.as_deref(), page.card.likes), (Some("*Salt*"), 1));
        assert_eq!((page.rating, page.is_subscribed, page.may_edit), (Some(true), true, false));
        assert_eq!((page.subscribers, page.chapters[0].at.as_secs()), (1, 5));
        assert_eq!(page.medium.unwrap().master, format!("/hls/{uuid}/g1-master.m3u8"));
        assert_eq!(page.category.unwrap().label, "Science & Technology");
        let query = ListQuery { count: 9, ..ListQuery::default() };
        let listed = sidecar.list(&query, Some(&visitor)).await.unwrap();
        assert_eq!((listed.total, &*listed.entries[0].name), (1, "The sea"));
        let channel = sidecar.channel_page("bob_channel", Some(&visitor)).await.unwrap().unwrap();
        assert_eq!(
            (channel.subscribers, channel.is_subscribed, channel.may_publish),
            (1, true, false)
        );
        let account = sidecar.account_page("bob", None).await.unwrap().unwrap();
        assert_eq!(
            (&*account.channels[0].handle, account.channels[0].is_subscribed),
            ("bob_channel", false)
        );
        assert_eq!(sidecar.my_subscriptions(&visitor, 0, 9).await.unwrap().total, 1);
        assert_eq!(sidecar.my_channels(&visitor).await.unwrap()[0].handle, "alice_channel");
        made(&sidecar.database, "alice", said("Waiting")).await;
        let mine = sidecar.my_videos(&visitor, None, Order::default(), 0, 9).await.unwrap();
        assert_eq!((mine.total, mine.entries[0].state), (1, State::ToTranscode));
        assert_eq!(sidecar.my_history(&visitor, 0, 9).await.unwrap().total, 0);
        for nothing in ["nobody", "bob_channel@example.org"] {
            assert!(sidecar.channel_page(nothing, None).await.unwrap().is_none());
            assert!(sidecar.account_page(nothing, None).await.unwrap().is_none());
        }
        let nobody = sidecar.visitor(&shown("stolen")).await.unwrap();
        assert_eq!(nobody, None);
        assert_eq!(sidecar.video_page("x", Asker::default()).await.unwrap(), Seen::Nothing);
    }
}
