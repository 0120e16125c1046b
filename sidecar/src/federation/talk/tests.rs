//! What other servers are told of comments, on both databases.

use serde_json::{Value, json};

use super::*;
use crate::api::tests::{Instance, federating};
use crate::config::Federation;
use crate::database::{reading, writing};
use crate::table::comment::NewComment;
use crate::table::follow::{self, FollowState};
use crate::table::remote_actor::{Kind, tests::somebody};
use crate::table::video::{About, tests::about};

/// What waits for delivery when all news is told, with the inboxes that it is for.
async fn queued(sidecar: &Sidecar) -> Vec<(Value, Vec<String>)> {
    while sidecar.tell_news().await.unwrap() > 0 {}
    let select = "SELECT activity, inbox FROM sent JOIN delivery ON sent_id = sent.id ORDER BY sent.id, inbox";
    let found: Vec<(String, String)> = reading!(&sidecar.database, pool => {
        sqlx::query_as(select).fetch_all(pool).await
    })
    .unwrap();
    let mut all: Vec<(Value, Vec<String>)> = Vec::new();
    for (text, inbox) in found {
        let activity: Value = serde_json::from_str(&text).unwrap();
        match all.last_mut().filter(|(known, _)| *known == activity) {
            Some((_, inboxes)) => inboxes.push(inbox),
            None => all.push((activity, vec![inbox])),
        }
    }
    all
}

async fn told(instance: &Instance, path: &str) -> (u16, Value) {
    use http_body_util::BodyExt;
    let mut headers = http::HeaderMap::new();
    headers.insert("accept", "application/activity+json".parse().unwrap());
    let reply = instance.sidecar.tell(&path.parse().unwrap(), &headers, "").await.unwrap();
    let (head, body) = reply.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Somebody of another server who has commented, and what they said.
async fn ada_said(sidecar: &Sidecar, video_id: i64, state: CommentState) -> (i64, Comment) {
    let ada = somebody("Ada", "two.example", Kind::Person);
    let ada = remote_actor::keep(&sidecar.database, now_ms(), &ada).await.unwrap();
    let new = NewComment {
        url: Some("https://two.example/notes/1"),
        page: None,
        video_id,
        account_id: ada,
        parent: None,
        text: "<p>Hello</p>",
        state,
        approval: None,
        created_at: 7,
        updated_at: 7,
    };
    let made = comment::create(&sidecar.database, &new, None).await.unwrap().unwrap();
    (ada, sidecar.comment_by(made).await.unwrap())
}

#[tokio::test]
async fn an_answer_goes_to_whom_it_answers_and_can_be_asked_for() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let alice = instance.user("alice").await;
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let (_, hers) = ada_said(sidecar, video_id, CommentState::Shown).await;
        let path = format!("videos/{video}/comments/{}", hers.id);
        let text = json!({ "text": "Hello **you**" });
        let made = instance.ask("POST", &path, &alice, text).await.body;
        let no = &made["comment"]["id"];
        let id = format!("https://one.example/videos/watch/{video}/comments/{no}");
        let [(create, inboxes)] = &queued(sidecar).await[..] else { panic!() };
        assert_eq!(inboxes[..], ["https://two.example/inbox"]);
        assert_eq!(
            (&create["type"], &create["actor"]),
            (&json!("Create"), &json!("https://one.example/accounts/alice"))
        );
        let note = &create["object"];
        assert_eq!(
            (&note["id"], &note["inReplyTo"]),
            (&json!(id), &json!("https://two.example/notes/1"))
        );
        assert_eq!(note["content"], "<p>Hello <strong>you</strong></p>\n");
        assert_eq!(note["tag"][0]["name"], "@Ada@two.example");
        assert!(note["cc"].as_array().unwrap().contains(&json!("https://two.example/users/Ada")));
        let path = id.strip_prefix("https://one.example").unwrap();
        let (status, asked) = told(&instance, path).await;
        let mut asked_bare = asked.clone();
        asked_bare.as_object_mut().unwrap().remove("@context");
        assert_eq!((status, &asked_bare), (200, note));
        assert_eq!(told(&instance, &format!("{path}/activity")).await.1["object"], *note);
        let approval = told(&instance, &format!("{path}/approve-reply")).await.1;
        assert_eq!((&approval["type"], &approval["object"]), (&json!("ApproveReply"), &json!(id)));
        let other = told(
            &instance,
            &format!("/videos/watch/00000000-0000-4000-8000-000000000000/comments/{no}"),
        )
        .await;
        assert_eq!(other.0, 404);
    }
}

#[tokio::test]
async fn the_comments_of_a_video_are_a_collection_of_ours_and_others() {
    for instance in federating(Federation::default()).await {
        let alice = instance.user("alice").await;
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        ada_said(&instance.sidecar, video_id, CommentState::Shown).await;
        let made = instance.say(&video, &alice, "Hello").await.body;
        let url = format!("/videos/watch/{video}/comments");
        let (_, whole) = told(&instance, &url).await;
        assert_eq!(
            (&whole["type"], &whole["totalItems"]),
            (&json!("OrderedCollection"), &json!(2))
        );
        let (_, page) = told(&instance, &format!("{url}?page=1")).await;
        let ours = format!("https://one.example{url}/{}", made["comment"]["id"]);
        assert_eq!(page["orderedItems"], json!(["https://two.example/notes/1", ours]));
        let wanted = "ap-video-comments-page1.json";
        assert_eq!(crate::federation::object::tests::unlike(&page, wanted, &["@context"]), [""; 0]);
        assert_eq!(told(&instance, &format!("{url}?page=2")).await.1["orderedItems"], json!([]));
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_for_others() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let (ada, hers) = ada_said(sidecar, video_id, CommentState::Shown).await;
        let database = &sidecar.database;
        let channel = channel::by_name(database, "bob_channel").await.unwrap().unwrap();
        let pair = (ada, channel.id);
        follow::set(database, 9, pair, Some("https://two.example/f/1"), FollowState::Accepted)
            .await
            .unwrap();
        let no = instance.say(&video, &alice, "Hello").await.body["comment"]["id"].clone();
        let is_told = |(activity, _): &(Value, Vec<String>)| activity["type"] == "Create";
        assert!(queued(sidecar).await.iter().any(is_told));
        // Hidden or not: whom it was told is told that it is gone.
        let hide = "UPDATE video SET privacy = 3 WHERE id = $1";
        writing!(database, pool => sqlx::query(hide).bind(video_id).execute(pool).await.map(drop))
            .unwrap();
        let path = format!("videos/{video}/comments/{no}");
        assert_eq!(instance.ask("DELETE", &path, &bob, Value::Null).await.status, 204);
        let show = "UPDATE video SET privacy = 1 WHERE id = $1";
        writing!(database, pool => sqlx::query(show).bind(video_id).execute(pool).await.map(drop))
            .unwrap();
        let id = format!("/videos/watch/{video}/comments/{no}");
        let sent = queued(sidecar).await;
        let (status, stone) = told(&instance, &id).await;
        assert_eq!(
            (status, &stone["type"], &stone["formerType"]),
            (410, &json!("Tombstone"), &json!("Note"))
        );
        let (delete, inboxes) = sent.last().unwrap();
        assert_eq!(
            (&delete["type"], &delete["object"], &delete["actor"]),
            (
                &json!("Delete"),
                &json!(format!("https://one.example{id}")),
                &json!("https://one.example/accounts/alice")
            )
        );
        assert_eq!(inboxes[..], ["https://two.example/inbox"]);
        // The owner of the video takes away what somebody else said below it.
        let path = format!("videos/{video}/comments/{}", hers.id);
        assert_eq!(instance.ask("DELETE", &path, &bob, Value::Null).await.status, 204);
        let (delete, inboxes) = queued(sidecar).await.pop().unwrap();
        assert_eq!(
            (&delete["object"], &delete["actor"]),
            (&json!("https://two.example/notes/1"), &json!("https://one.example/accounts/bob"))
        );
        assert!(delete["id"].as_str().unwrap().starts_with("https://one.example/"));
        assert_eq!(inboxes, ["https://two.example/inbox"]);
    }
}

#[tokio::test]
async fn what_was_said_is_told_though_nobody_could_tell_it_at_once() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (alice, _) = (instance.user("alice").await, instance.user("bob").await);
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let (_, hers) = ada_said(sidecar, video_id, CommentState::Shown).await;
        let path = format!("videos/{video}/comments/{}", hers.id);
        let said = instance.ask("POST", &path, &alice, json!({ "text": "Hello @ada@two.example" }));
        let no = said.await.body["comment"]["id"].clone();
        // As after a crash: the worker comes to it when it comes.
        let sent = queued(sidecar).await;
        let kinds: Vec<&Value> = sent.iter().map(|(activity, _)| &activity["type"]).collect();
        assert_eq!(kinds, ["Create"]);
        assert_eq!(sent[0].1, ["https://two.example/inbox"]);
        instance.ask("DELETE", &format!("videos/{video}/comments/{no}"), &alice, Value::Null).await;
        let sent = queued(sidecar).await;
        let (delete, inboxes) = sent.last().unwrap();
        assert_eq!((sent.len(), &delete["type"]), (2, &json!("Delete")));
        assert_eq!(inboxes[..], ["https://two.example/inbox"]);
        assert_eq!(delete["actor"], "https://one.example/accounts/alice");
        // Of what was never told, nobody is told that it is gone.
        let no =
            instance.say(&video, &alice, "@ada@two.example").await.body["comment"]["id"].clone();
        instance.ask("DELETE", &format!("videos/{video}/comments/{no}"), &alice, Value::Null).await;
        assert_eq!(queued(sidecar).await.len(), 2);
    }
}

#[tokio::test]
async fn that_it_is_gone_is_told_to_who_knew_of_it_and_to_nobody_else() {
    for instance in federating(Federation::default()).await {
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let unlisted = About { privacy: Privacy::Unlisted, ..about("For friends") };
        let (secret_id, secret) = instance.publish("bob", unlisted).await;
        let judged = About { comments_policy: 3, ..about("Judged") };
        let (_, judged) = instance.publish("bob", judged).await;
        let (ada, hers) = ada_said(sidecar, secret_id, CommentState::Shown).await;
        queued(sidecar).await;
        let channel = channel::by_name(database, "bob_channel").await.unwrap().unwrap();
        let eve = somebody("Eve", "three.example", Kind::Person);
        let eve = remote_actor::keep(database, 1, &eve).await.unwrap();
        follow::set(database, 9, (eve, channel.id), None, FollowState::Accepted).await.unwrap();
        // Who knows the address of an unlisted video is told, and no follower.
        let no = instance.say(&secret, &alice, "Psst").await.body["comment"]["id"].clone();
        for no in [no, hers.id.into()] {
            let path = format!("videos/{secret}/comments/{no}");
            assert_eq!(instance.ask("DELETE", &path, &bob, Value::Null).await.status, 204);
        }
        let to: Vec<String> =
            queued(sidecar).await.into_iter().flat_map(|(_, inboxes)| inboxes).collect();
        assert!(to.iter().all(|inbox| inbox.starts_with("https://two.example/")), "{to:?}");
        assert_eq!((to.len(), ada != eve), (1, true));
        // What waits for another look was seen before.
        let no = instance.say(&judged, &alice, "Fine").await.body["comment"]["id"].clone();
        let path = format!("videos/{judged}/comments/{no}");
        let approved = instance.ask("POST", &format!("{path}/approve"), &bob, Value::Null).await;
        assert_eq!(approved.status, 204);
        queued(sidecar).await;
        let (no, said) = (no.as_i64().unwrap(), ("Not fine", CommentState::Held));
        comment::rewrite(database, now_ms(), no, said, &[]).await.unwrap();
        assert_eq!(instance.ask("DELETE", &path, &alice, Value::Null).await.status, 204);
        let (last, inboxes) = queued(sidecar).await.pop().unwrap();
        assert_eq!(
            (&last["type"], &inboxes[..]),
            (&json!("Delete"), &["https://three.example/inbox".to_owned()][..])
        );
    }
}

#[tokio::test]
async fn whoever_is_approved_is_told_so() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let bob = instance.user("bob").await;
        let about = About { comments_policy: 3, ..about("The sea") };
        let (video_id, video) = instance.publish("bob", about).await;
        let (_, hers) = ada_said(sidecar, video_id, CommentState::Held).await;
        let path = format!("videos/{video}/comments/{}/approve", hers.id);
        assert_eq!(instance.ask("POST", &path, &bob, Value::Null).await.status, 204);
        let [(approval, inboxes)] = &queued(sidecar).await[..] else { panic!() };
        assert_eq!(inboxes[..], ["https://two.example/users/Ada/inbox"]);
        assert_eq!(
            (&approval["type"], &approval["object"]),
            (&json!("ApproveReply"), &json!("https://two.example/notes/1"))
        );
        assert_eq!(approval["actor"], "https://one.example/accounts/bob");
    }
}

#[tokio::test]
async fn what_isnt_everybodys_is_told_to_nobody() {
    for instance in federating(Federation::default()).await {
        let alice = instance.user("alice").await;
        let (_, held) =
            instance.publish("bob", About { comments_policy: 3, ..about("Held") }).await;
        let (_, within) = instance
            .publish("bob", About { privacy: Privacy::Internal, ..about("Internal") })
            .await;
        for video in [held, within] {
            let no = instance.say(&video, &alice, "Hello").await.body["comment"]["id"].clone();
            let path = format!("/videos/watch/{video}/comments/{no}");
            for part in ["", "/activity", "/approve-reply"] {
                assert_eq!(told(&instance, &format!("{path}{part}")).await.0, 404);
            }
        }
        assert_eq!(queued(&instance.sidecar).await, []);
    }
}

#[test]
fn people_are_named_by_their_handles() {
    let named = |text: &str| {
        let found = handles(text).into_iter();
        found.map(|(name, host)| format!("{name} {}", host.unwrap_or_default())).collect::<Vec<_>>()
    };
    assert_eq!(named("@Bob, look: @ada@Two.example."), ["bob ", "ada two.example"]);
    assert_eq!(named("(@bob) @bob"), ["bob "]);
    assert_eq!(named("write to a@b.example, https://x.example/@ada, @ @@ @-"), [""; 0]);
    assert_eq!(named("@a@b @ünal"), ["a "]);
    let many: String = (0..50).map(|no| format!("@a{no} ")).collect();
    assert_eq!(handles(&many).len(), MENTIONS);
}
