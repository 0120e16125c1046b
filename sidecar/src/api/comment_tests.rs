//! Comments in the API, on both databases, beside recorded answers of PeerTube.

use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

use super::tests::{Answered, Instance, check, differences, instances};
use crate::config::Registration;
use crate::table::comment::{self, Comment, CommentState, NewComment};
use crate::table::remote_actor::tests::somebody;
use crate::table::remote_actor::{self, Kind};
use crate::table::video::{About, Privacy, tests::about};
use crate::view::{Notice, Part, Place, Whose};
use crate::visitor::{Asker, Visitor};

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

impl Instance {
    pub(crate) async fn say(&self, video: &str, token: &str, text: &str) -> Answered {
        let path = format!("videos/{video}/comment-threads");
        self.ask("POST", &path, token, json!({ "text": text })).await
    }

    async fn reply(&self, video: &str, to: &Value, token: &str, text: &str) -> Answered {
        let path = format!("videos/{video}/comments/{to}");
        self.ask("POST", &path, token, json!({ "text": text })).await
    }

    async fn threads(&self, video: &str, token: &str) -> Value {
        self.get(&format!("videos/{video}/comment-threads"), token).await.body
    }

    async fn thread(&self, video: &str, id: &Value, token: &str) -> Answered {
        self.get(&format!("videos/{video}/comment-threads/{id}"), token).await
    }

    async fn approve(&self, video: &str, id: &Value, token: &str) -> Answered {
        let path = format!("videos/{video}/comments/{id}/approve");
        self.ask("POST", &path, token, Value::Null).await
    }

    async fn reword(&self, video: &str, id: &Value, token: &str, text: &str) -> Answered {
        let path = format!("/api/shoal/v1/videos/{video}/comments/{id}");
        self.ask_at("PUT", &path, token, json!({ "text": text })).await
    }

    pub(crate) async fn visitor(&self, token: &str) -> Visitor {
        let token = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, token)]);
        self.sidecar.visitor(&headers).await.unwrap().unwrap()
    }

    /// Somebody of another server says something.
    async fn hear(
        &self,
        video_id: i64,
        (name, host): (&str, &str),
        parent: Option<&Comment>,
        text: &str,
    ) -> Comment {
        let database = &self.sidecar.database;
        let who = somebody(name, host, Kind::Person);
        let url = format!("https://{host}/{name}/{text}");
        let new = NewComment {
            url: Some(&url),
            page: None,
            video_id,
            account_id: remote_actor::keep(database, 5, &who).await.unwrap(),
            parent,
            text,
            state: CommentState::Shown,
            approval: None,
            created_at: 7,
            updated_at: 7,
        };
        let made = comment::create(database, &new, None).await.unwrap().unwrap();
        let made = comment::by_id(database, made).await.unwrap().unwrap();
        self.sidecar.notify_of_comment(&made).await.unwrap();
        made
    }
}

fn id(answered: &Answered) -> Value {
    assert_eq!(answered.status, 200, "{}", answered.body);
    answered.body["comment"]["id"].clone()
}

#[tokio::test]
async fn threads_are_told_in_peertube_s_form() {
    for instance in instances(Registration::Closed).await {
        let (_, video) = instance.publish("root", about("The sea")).await;
        let (alice, root) = (instance.user("alice").await, instance.root().await);
        let made = instance.say(&video, &alice, " Hello **world** from alice\n").await;
        let wanted = recorded(include_str!("../../fixtures/api-comment-thread-create.json"));
        assert_eq!(differences("", &made.body, &wanted), [""; 0]);
        assert_eq!(made.body["comment"]["text"], wanted["comment"]["text"]);
        let first = id(&made);
        let answered = instance.reply(&video, &first, &root, "a reply").await;
        let wanted = recorded(include_str!("../../fixtures/api-comment-reply-create.json"));
        assert_eq!(differences("", &answered.body, &wanted), [""; 0]);
        assert_eq!(answered.body["comment"]["inReplyToCommentId"], first);
        let threads = instance.threads(&video, "").await;
        let wanted = recorded(include_str!("../../fixtures/api-comment-threads.json"));
        assert_eq!(differences("", &threads, &wanted), [""; 0]);
        assert_eq!(
            (&threads["total"], &threads["totalNotDeletedComments"]),
            (&json!(1), &json!(2))
        );
        let path = format!("videos/{video}/comment-threads/{first}");
        let thread = instance.get(&path, "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-comment-thread.json"));
        assert_eq!(differences("", &thread, &wanted), [""; 0]);
        for key in ["totalReplies", "totalRepliesFromVideoAuthor"] {
            assert_eq!(thread["comment"][key], 1, "{key}");
        }
        assert_eq!(thread["children"][0]["comment"]["text"], "a reply");
        let listed = instance.get("videos/comments?isLocal=true", &root).await.body;
        assert_eq!(
            (&listed["total"], &listed["data"][0]["video"]["name"]),
            (&json!(2), &json!("The sea"))
        );
        assert_eq!(instance.get("users/me/videos/comments", &alice).await.body["total"], 0);
        assert_eq!(instance.get("users/me/videos/comments", &root).await.body["total"], 2);
        check(
            &instance.get("videos/comments", &alice).await,
            403,
            "only moderators and administrators may do this",
        );
    }
}

#[tokio::test]
async fn who_may_not_see_or_comment_a_video_cannot() {
    for instance in instances(Registration::Closed).await {
        let alice = instance.user("alice").await;
        let (_, open) = instance.publish("bob", about("Open")).await;
        let (_, hidden) =
            instance.publish("bob", About { privacy: Privacy::Private, ..about("Hidden") }).await;
        let (_, mute) =
            instance.publish("bob", About { comments_policy: 2, ..about("Mute") }).await;
        check(&instance.say(&open, "", "Hi").await, 401, "Token is invalid");
        check(&instance.say(&hidden, &alice, "Hi").await, 404, "Video not found");
        check(&instance.say(&mute, &alice, "Hi").await, 409, "Video comments are disabled.");
        let long = "a".repeat(10_001);
        for text in ["", "  \n ", "a\0b", long.as_str()] {
            let refused = instance.say(&open, &alice, text).await;
            check(&refused, 400, "Incorrect request parameters: text");
        }
        let first = id(&instance.say(&open, &alice, "Hi").await);
        let elsewhere = instance.publish("bob", about("Another")).await.1;
        for (video, to) in [(&elsewhere, &first), (&open, &json!(99))] {
            check(&instance.reply(video, to, &alice, "x").await, 404, "Video comment not found");
        }
        let path = format!("videos/{elsewhere}/comment-threads/{first}");
        check(&instance.get(&path, "").await, 404, "Video comment thread not found");
    }
}

#[tokio::test]
async fn nobody_talks_without_end() {
    for instance in instances(Registration::Closed).await {
        let alice = instance.user("alice").await;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        for _ in 0..30 {
            id(&instance.say(&video, &alice, "Buy!").await);
        }
        assert_eq!(instance.say(&video, &alice, "Buy!").await.status, 429);
        id(&instance.say(&video, &instance.user("carol").await, "Enough.").await);
    }
}

#[tokio::test]
async fn what_is_deleted_is_empty_and_its_answers_stay() {
    for instance in instances(Registration::Closed).await {
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let carol = instance.user("carol").await;
        let first = id(&instance.say(&video, &alice, "Secret").await);
        let below = id(&instance.reply(&video, &first, &carol, "What?").await);
        let delete = async |id: &Value, token: &str| {
            let path = format!("videos/{video}/comments/{id}");
            instance.ask("DELETE", &path, token, Value::Null).await
        };
        check(&delete(&first, &carol).await, 403, "Cannot remove video comment of another user");
        check(&delete(&first, "").await, 401, "Token is invalid");
        check(&delete(&first, &alice).await, 204, "");
        check(&delete(&first, &alice).await, 404, "Video comment not found");
        let threads = instance.threads(&video, "").await;
        assert!(!threads.to_string().contains("Secret"));
        let told = &threads["data"][0];
        assert_eq!((&told["isDeleted"], &told["account"]), (&json!(true), &Value::Null));
        assert_eq!(
            (&told["totalReplies"], &threads["totalNotDeletedComments"]),
            (&json!(1), &json!(1))
        );
        check(&instance.reply(&video, &first, &bob, "Hm").await, 404, "Video comment not found");
        // The owner of a video decides what stands below it.
        check(&delete(&below, &bob).await, 204, "");
        assert_eq!(instance.threads(&video, "").await["total"], 0);
    }
}

#[tokio::test]
async fn what_waits_for_approval_is_seen_by_its_author_and_who_approves() {
    for instance in instances(Registration::Closed).await {
        let about = About { comments_policy: 3, ..about("The sea") };
        let (_, video) = instance.publish("bob", about).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let (carol, root) = (instance.user("carol").await, instance.root().await);
        let made = instance.say(&video, &alice, "First!").await;
        assert_eq!(made.body["comment"]["heldForReview"], true);
        let first = id(&made);
        for (token, wanted) in [("", 0), (&*carol, 0), (&*alice, 1), (&*bob, 1), (&*root, 1)] {
            assert_eq!(instance.threads(&video, token).await["total"], wanted);
        }
        assert_eq!(instance.threads(&video, &bob).await["totalNotDeletedComments"], 0);
        let mine = instance.get("users/me/videos/comments?isHeldForReview=true", &bob).await.body;
        assert_eq!(mine["data"][0]["heldForReview"], true);
        let path = format!("videos/{video}/comments/{first}/approve");
        let approve = async |token: &str| instance.ask("POST", &path, token, Value::Null).await;
        check(&approve(&alice).await, 403, "Cannot approve comments of this video");
        check(&approve(&carol).await, 404, "Video comment not found");
        check(&approve(&bob).await, 204, "");
        check(&approve(&bob).await, 400, "This comment does not wait for approval");
        assert_eq!(instance.threads(&video, "").await["total"], 1);
        assert_eq!(
            instance.say(&video, &bob, "Mine").await.body["comment"]["heldForReview"],
            false
        );
    }
}

#[tokio::test]
async fn who_leaves_takes_what_they_said_along() {
    for instance in instances(Registration::Closed).await {
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let first = id(&instance.say(&video, &bob, "Welcome").await);
        instance.reply(&video, &first, &alice, "Secret").await;
        instance.say(&video, &alice, "Another secret").await;
        check(&instance.ask("DELETE", "users/me", &alice, Value::Null).await, 204, "");
        let threads = instance.threads(&video, "").await;
        assert_eq!(
            (&threads["total"], &threads["data"][0]["totalReplies"]),
            (&json!(1), &json!(0))
        );
        let path = format!("videos/{video}/comment-threads/{first}");
        assert_eq!(instance.get(&path, "").await.body["children"], json!([]));
    }
}

#[tokio::test]
async fn people_of_other_servers_are_told_as_such() {
    for instance in instances(Registration::Closed).await {
        let database = &instance.sidecar.database;
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let ada = somebody("Ada", "one.example", Kind::Person);
        let account_id = remote_actor::keep(database, 5, &ada).await.unwrap();
        let new = NewComment {
            url: Some("https://one.example/notes/1"),
            page: None,
            video_id,
            account_id,
            parent: None,
            text: "<p>Hello</p>",
            state: CommentState::Shown,
            approval: None,
            created_at: 7,
            updated_at: 7,
        };
        assert!(comment::create(database, &new, None).await.unwrap().is_some());
        assert_eq!(comment::create(database, &new, None).await.unwrap(), None);
        let told = instance.threads(&video, "").await["data"][0].clone();
        assert_eq!(told["url"], "https://one.example/notes/1");
        let account = &told["account"];
        assert_eq!((&account["name"], &account["host"]), (&json!("Ada"), &json!("one.example")));
        assert_eq!((&account["url"], &account["userId"]), (&json!(ada.url), &Value::Null));
        let wanted = recorded(include_str!("../../fixtures/api-comment-threads.json"));
        assert_eq!(differences("", &told, &wanted["data"][0]), [""; 0]);
    }
}

#[tokio::test]
async fn a_thread_is_told_to_a_depth_and_no_deeper() {
    for instance in instances(Registration::Closed).await {
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let database = &instance.sidecar.database;
        let account = crate::table::account::by_name(database, "bob").await.unwrap().unwrap();
        let mut parent = None;
        for no in 0..120 {
            let new = NewComment {
                url: None,
                page: None,
                video_id,
                account_id: account.id,
                parent: parent.as_ref(),
                text: "and",
                state: CommentState::Shown,
                approval: None,
                created_at: no,
                updated_at: no,
            };
            let made = comment::create(database, &new, None).await.unwrap().unwrap();
            parent = comment::by_id(database, made).await.unwrap();
        }
        let first = instance.threads(&video, "").await["data"][0]["id"].clone();
        let path = format!("videos/{video}/comment-threads/{first}");
        let mut told = instance.get(&path, "").await.body;
        let (mut depth, mut all) = (0, 1);
        while let Some(next) = told["children"].as_array().and_then(|all| all.first()).cloned() {
            depth += 1;
            all += told["children"].as_array().unwrap().len();
            told = next;
        }
        assert_eq!((depth, all), (50, 120));
    }
}

#[tokio::test]
async fn people_are_told_of_what_concerns_them_until_they_have_read_it() {
    for instance in instances(Registration::Closed).await {
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let first = id(&instance.say(&video, &alice, "Hello @nobody and @bob").await);
        id(&instance.reply(&video, &first, &bob, "Hello, Alice").await);
        let told = async |token: &str, query: &str| {
            instance.get(&format!("users/me/notifications{query}"), token).await.body
        };
        let bobs = told(&bob, "").await;
        assert_eq!((&bobs["total"], &bobs["data"][0]["type"]), (&json!(1), &json!(2)));
        assert_eq!(bobs["data"][0]["comment"]["account"]["name"], "alice");
        assert_eq!(bobs["data"][0]["comment"]["video"]["name"], "The sea");
        let alices = told(&alice, "").await;
        assert_eq!((&alices["total"], &alices["data"][0]["type"]), (&json!(1), &json!(11)));
        let read = "users/me/notifications/read";
        let ids = json!({ "ids": [bobs["data"][0]["id"]] });
        check(&instance.ask("POST", read, &alice, ids.clone()).await, 204, "");
        assert_eq!(told(&bob, "?unread=true").await["total"], 1);
        check(&instance.ask("POST", read, &bob, ids).await, 204, "");
        assert_eq!(told(&bob, "?unread=true").await["total"], 0);
        assert_eq!(told(&bob, "").await["data"][0]["read"], true);
        check(&instance.ask("POST", read, &bob, json!({})).await, 400, "ids is missing");
        let bad = instance.ask("POST", read, &bob, json!({ "ids": ["x"] })).await;
        check(&bad, 400, "Incorrect request parameters: ids");
        let all = "users/me/notifications/read-all";
        check(&instance.ask("POST", all, &alice, Value::Null).await, 204, "");
        assert_eq!(told(&alice, "?unread=true").await["total"], 0);
        check(&instance.get("users/me/notifications", "").await, 401, "Token is invalid");
    }
}

#[tokio::test]
async fn what_is_reported_is_seen_and_decided_by_moderators() {
    for instance in instances(Registration::Closed).await {
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let (alice, root) = (instance.user("alice").await, instance.root().await);
        let first = id(&instance.say(&video, &instance.user("carol").await, "Buy!").await);
        let report =
            async |token: &str, body: Value| instance.ask("POST", "abuses", token, body).await;
        let spam = json!({ "reason": "It is spam", "comment": { "id": first } });
        assert_eq!(report(&alice, spam.clone()).await.body["abuse"]["id"], 1);
        let film = json!({ "reason": "Stolen", "video": { "id": video_id } });
        assert_eq!(report(&alice, film).await.status, 200);
        check(&report("", spam).await, 401, "Token is invalid");
        check(
            &report(&alice, json!({ "reason": "x" })).await,
            400,
            "Incorrect request parameters: reason",
        );
        check(
            &report(&alice, json!({ "reason": "why" })).await,
            400,
            "video, comment or account is missing",
        );
        let nothing = json!({ "reason": "why", "video": { "id": 99 } });
        check(&report(&alice, nothing).await, 404, "Video not found");
        let listed = instance.get("abuses", &root).await.body;
        assert_eq!((&listed["total"], &listed["data"][0]["reason"]), (&json!(2), &json!("Stolen")));
        assert_eq!(listed["data"][0]["flaggedAccount"]["name"], "bob");
        let spam = &listed["data"][1];
        assert_eq!(
            (&spam["comment"]["text"], &spam["flaggedAccount"]["name"]),
            (&json!("Buy!"), &json!("carol"))
        );
        assert_eq!(spam["reporterAccount"]["name"], "alice");
        assert_eq!(spam["state"], json!({ "id": 1, "label": "Pending" }));
        let refused = "only moderators and administrators may do this";
        check(&instance.get("abuses", &alice).await, 403, refused);
        let decision = json!({ "state": 3, "moderationComment": "Deleted" });
        check(&instance.ask("PUT", "abuses/1", &alice, decision.clone()).await, 403, refused);
        check(&instance.ask("PUT", "abuses/1", &root, decision).await, 204, "");
        check(
            &instance.ask("PUT", "abuses/1", &root, json!({ "state": 9 })).await,
            400,
            "Incorrect request parameters: state",
        );
        let accepted = instance.get("abuses?state=3", &root).await.body;
        assert_eq!(
            (&accepted["total"], &accepted["data"][0]["moderationComment"]),
            (&json!(1), &json!("Deleted"))
        );
        check(&instance.ask("DELETE", "abuses/2", &root, Value::Null).await, 204, "");
        check(
            &instance.ask("DELETE", "abuses/2", &root, Value::Null).await,
            404,
            "Abuse not found",
        );
    }
}

#[tokio::test]
async fn who_said_something_may_say_it_otherwise_and_it_is_judged_anew() {
    for instance in instances(Registration::Closed).await {
        let (_, open) = instance.publish("bob", about("Open")).await;
        let (_, judged) =
            instance.publish("bob", About { comments_policy: 3, ..about("Judged") }).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let reword = async |video: &str, no: &Value, token: &str| {
            let path = format!("/api/shoal/v1/videos/{video}/comments/{no}");
            instance.ask_at("PUT", &path, token, json!({ "text": "Otherwise" })).await
        };
        let first = id(&instance.say(&open, &alice, "So").await);
        check(
            &reword(&open, &first, &bob).await,
            403,
            "Cannot change video comment of another user",
        );
        let changed = reword(&open, &first, &alice).await;
        assert_eq!(id(&changed), first);
        let changed = &changed.body["comment"];
        assert_eq!(
            (&changed["text"], &changed["heldForReview"]),
            (&json!("Otherwise"), &json!(false))
        );
        assert_ne!(changed["createdAt"], changed["updatedAt"]);
        let second = id(&instance.say(&judged, &alice, "So").await);
        let path = format!("videos/{judged}/comments/{second}/approve");
        check(&instance.ask("POST", &path, &bob, Value::Null).await, 204, "");
        assert_eq!(reword(&judged, &second, &alice).await.body["comment"]["heldForReview"], true);
    }
}

#[tokio::test]
async fn who_is_named_in_a_closed_circle_learns_nothing_of_it() {
    for instance in instances(Registration::Closed).await {
        let private = About { privacy: Privacy::Private, ..about("Closed") };
        let (_, closed) = instance.publish("bob", private).await;
        let (_, open) = instance.publish("bob", about("Open")).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let told =
            async || instance.get("users/me/notifications", &alice).await.body["total"].clone();
        id(&instance.say(&closed, &bob, "@alice is not to know").await);
        assert_eq!(told().await, 0);
        id(&instance.say(&open, &bob, "@alice may know").await);
        assert_eq!(told().await, 1);
    }
}

#[tokio::test]
async fn what_somebody_said_who_is_blocked_is_neither_told_nor_counted() {
    for instance in instances(Registration::Closed).await {
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let (eve, ada) = (("eve", "a.evil.example"), ("ada", "one.example"));
        let spam = instance.hear(video_id, eve, None, "spam").await;
        id(&instance.reply(&video, &json!(spam.id), &alice, "Go away").await);
        let good = instance.hear(video_id, ada, None, "good").await;
        instance.hear(video_id, eve, Some(&good), "more-spam").await;
        let alone = instance.hear(video_id, eve, None, "alone").await;
        let counts = async || {
            let told = instance.threads(&video, "").await;
            (told["total"].clone(), told["totalNotDeletedComments"].clone())
        };
        let notices = async || {
            let visitor = instance.visitor(&bob).await;
            let shown = instance.sidecar.notices(&visitor, 0, 30).await.unwrap();
            let told = instance.get("users/me/notifications", &bob).await.body;
            assert_eq!(told["total"], shown.total);
            assert_eq!(shown.entries.len() as u64, shown.total);
            assert_eq!(instance.sidecar.unread(&visitor).await.unwrap(), shown.total);
            shown.total
        };
        assert_eq!((counts().await, notices().await), ((json!(3), json!(5)), 5));
        for target in ["evil.example", "eve@a.evil.example"] {
            instance.sidecar.block(target, None).await.unwrap();
            assert_eq!((counts().await, notices().await), ((json!(2), json!(2)), 2), "{target}");
            let all = instance.threads(&video, "").await;
            assert!(!all.to_string().contains("spam") && !all.to_string().contains("eve"));
            let thread = instance.thread(&video, &json!(spam.id), "").await.body;
            assert!(!thread.to_string().contains("spam") && !thread.to_string().contains("eve"));
            assert_eq!(thread["comment"]["isDeleted"], true);
            assert_eq!(thread["children"][0]["comment"]["text"], "Go away");
            let thread = instance.thread(&video, &json!(good.id), "").await.body;
            assert_eq!(
                (&thread["comment"]["totalReplies"], &thread["children"]),
                (&json!(0), &json!([]))
            );
            assert_eq!(instance.thread(&video, &json!(alone.id), "").await.status, 404);
            let mine = instance.get("users/me/videos/comments", &bob).await.body;
            assert_eq!(mine["total"], 2);
            let database = &instance.sidecar.database;
            assert_eq!(comment::collection(database, video_id, 0, 9).await.unwrap().len(), 2);
            let part = Part::Threads(0, 20);
            let talk = instance.sidecar.talk(&video, Asker::default(), part).await.unwrap();
            let talk = talk.unwrap();
            assert_eq!((talk.total, talk.threads), (2, 2));
            let lines: Vec<_> = talk.lines.iter().map(|line| (&*line.html, line.depth)).collect();
            assert_eq!(lines, [("good", 0), ("", 0), ("<p>Go away</p>\n", 1)]);
            assert!(talk.lines.iter().all(|line| line.more == 0));
            check(
                &instance.reply(&video, &json!(alone.id), &alice, "x").await,
                404,
                "Video comment not found",
            );
            instance.sidecar.unblock(target).await.unwrap();
            assert_eq!((counts().await, notices().await), ((json!(3), json!(5)), 5), "{target}");
        }
        // Who is blocked twice stays so until both are taken back.
        for target in ["evil.example", "a.evil.example"] {
            instance.sidecar.block(target, None).await.unwrap();
        }
        instance.sidecar.unblock("evil.example").await.unwrap();
        assert_eq!(counts().await, (json!(2), json!(2)));
    }
}

#[tokio::test]
async fn answers_stay_where_what_they_answer_is_judged_anew() {
    for instance in instances(Registration::Closed).await {
        let about = About { comments_policy: 3, ..about("The sea") };
        let (_, video) = instance.publish("bob", about).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let carol = instance.user("carol").await;
        let first = id(&instance.say(&video, &alice, "First").await);
        check(&instance.approve(&video, &first, &bob).await, 204, "");
        let shown = id(&instance.reply(&video, &first, &carol, "Second").await);
        check(&instance.approve(&video, &shown, &bob).await, 204, "");
        let waiting = id(&instance.reply(&video, &first, &carol, "Third").await);
        id(&instance.reword(&video, &first, &alice, "Secret").await);
        let told = instance.threads(&video, "").await;
        assert!(!told.to_string().contains("Secret") && !told.to_string().contains("alice"));
        assert_eq!((&told["total"], &told["totalNotDeletedComments"]), (&json!(1), &json!(1)));
        let thread = instance.thread(&video, &first, "").await.body;
        assert_eq!(thread["comment"]["isDeleted"], true);
        assert_eq!(thread["children"][0]["comment"]["text"], "Second");
        let part = Part::Threads(0, 20);
        let talk = instance.sidecar.talk(&video, Asker::default(), part).await.unwrap().unwrap();
        assert!(talk.lines[0].is_hidden && talk.lines[0].author.is_none());
        assert_eq!(talk.lines.len(), 2);
        assert_eq!(instance.threads(&video, &alice).await["data"][0]["text"], "Secret");
        let refused = "What this comment answers waits for approval, too: approve that first";
        check(&instance.approve(&video, &waiting, &bob).await, 409, refused);
        check(&instance.approve(&video, &first, &bob).await, 204, "");
        check(&instance.approve(&video, &waiting, &bob).await, 204, "");
        assert_eq!(instance.threads(&video, "").await["totalNotDeletedComments"], 3);
    }
}

#[tokio::test]
async fn what_somebody_was_told_of_says_nothing_that_isnt_for_them_any_more() {
    for instance in instances(Registration::Closed).await {
        let about = About { comments_policy: 3, ..about("The sea") };
        let (video_id, video) = instance.publish("bob", about).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let carol = instance.user("carol").await;
        let first = id(&instance.say(&video, &carol, "@alice look").await);
        check(&instance.approve(&video, &first, &bob).await, 204, "");
        let told = async |token: &str| {
            let visitor = instance.visitor(token).await;
            let found = instance.sidecar.notices(&visitor, 0, 9).await.unwrap().entries.remove(0);
            match found.what {
                Notice::Commented(line) | Notice::Named(line) => (line.html, line.video_name),
                Notice::Follows { .. } => panic!("nobody follows"),
            }
        };
        assert!(told(&alice).await.0.contains("look"));
        id(&instance.reword(&video, &first, &carol, "@alice secret").await);
        assert_eq!(told(&alice).await, (String::new(), "The sea".to_owned()));
        assert!(told(&bob).await.0.contains("secret"));
        check(&instance.approve(&video, &first, &bob).await, 204, "");
        assert!(told(&alice).await.0.contains("secret"));
        let private = json!({ "privacy": 3, "name": "Hidden sea" });
        check(&instance.ask("PUT", &format!("videos/{video_id}"), &bob, private).await, 204, "");
        assert_eq!(told(&alice).await, (String::new(), String::new()));
        let listed = instance.get("users/me/notifications", &alice).await.body;
        assert!(listed["total"] == 1 && !listed.to_string().contains("Hidden"), "{listed}");
        assert!(told(&bob).await.0.contains("secret"));
    }
}

#[tokio::test]
async fn what_was_said_is_deleted_by_who_said_it_also_where_they_see_the_video_no_longer() {
    for instance in instances(Registration::Closed).await {
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let (alice, bob) = (instance.user("alice").await, instance.user("bob").await);
        let (carol, root) = (instance.user("carol").await, instance.root().await);
        let first = id(&instance.say(&video, &alice, "Mine").await);
        let second = id(&instance.say(&video, &alice, "Too much").await);
        let private = json!({ "privacy": 3, "name": "Hidden sea" });
        check(&instance.ask("PUT", &format!("videos/{video_id}"), &bob, private).await, 204, "");
        let visitor = instance.visitor(&alice).await;
        let said = async || {
            let found = instance.sidecar.comments(&visitor, Whose::Said, None, (0, 9)).await;
            let line = |line: &crate::view::CommentLine| (line.video_name.clone(), line.may_delete);
            found.unwrap().entries.iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(said().await, [(String::new(), true), (String::new(), true)]);
        let delete = async |id: &Value, token: &str| {
            let path = format!("videos/{video}/comments/{id}");
            instance.ask("DELETE", &path, token, Value::Null).await
        };
        check(&delete(&first, &carol).await, 404, "Video not found");
        check(&delete(&first, &alice).await, 204, "");
        let asker = Asker { visitor: Some(&instance.visitor(&root).await), ..Asker::default() };
        let no = second.as_i64().unwrap();
        instance.sidecar.unsay(&video, asker, no).await.unwrap();
        assert!(said().await.is_empty());
    }
}

#[tokio::test]
async fn a_thread_goes_on_page_by_page() {
    for instance in instances(Registration::Closed).await {
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let first = instance.hear(video_id, ("ada", "one.example"), None, "first").await;
        let mut last = first.id;
        for no in 0..230 {
            let text = format!("no{no}");
            last = instance.hear(video_id, ("ada", "one.example"), Some(&first), &text).await.id;
        }
        let page = async |place: Place| {
            let part = Part::Thread(first.id, place);
            let talk = instance.sidecar.talk(&video, Asker::default(), part).await.unwrap();
            let talk = talk.unwrap();
            let texts = talk.lines.iter().map(|line| line.html.clone());
            let (texts, page) = (texts.collect::<Vec<_>>(), (talk.page, talk.is_more));
            (texts.len(), texts[0].clone(), texts.last().unwrap().clone(), page)
        };
        let told = |lines, last: &str, page| (lines, "first".to_owned(), last.to_owned(), page);
        assert_eq!(page(Place::Page(1)).await, told(101, "no99", (1, true)));
        assert_eq!(page(Place::Page(2)).await, told(101, "no199", (2, true)));
        assert_eq!(page(Place::Page(3)).await, told(31, "no229", (3, false)));
        assert_eq!(page(Place::Comment(last)).await, told(31, "no229", (3, false)));
        assert_eq!(page(Place::Comment(first.id)).await.3, (1, true));
        let path = format!("videos/{video}/comment-threads/{}?start=220", first.id);
        let rest = instance.get(&path, "").await.body["children"].as_array().unwrap().len();
        assert_eq!(rest, 10);
    }
}

#[test]
fn ends_of_lines_count_as_one_character() {
    let lines = "a\r\n".repeat(5_000);
    assert_eq!(super::comments::comment_text(&lines), Ok("a\n".repeat(5_000).trim().to_owned()));
    assert!(super::comments::comment_text(&"a".repeat(10_001)).is_err());
}

#[tokio::test]
async fn an_unlisted_video_is_reported_by_its_number_and_by_its_uuid() {
    for instance in instances(Registration::Closed).await {
        let unlisted = About { privacy: Privacy::Unlisted, ..about("Unlisted") };
        let (no, uuid) = instance.publish("bob", unlisted).await;
        let private = About { privacy: Privacy::Private, ..about("Private") };
        let (hidden, _) = instance.publish("bob", private).await;
        let alice = instance.user("alice").await;
        let report = async |video: Value| {
            let body = json!({ "reason": "Stolen", "video": { "id": video } });
            instance.ask("POST", "abuses", &alice, body).await
        };
        let short = uuid.parse::<wire::id::VideoId>().unwrap().short();
        for video in [json!(no), json!(uuid), json!(short), json!(no.to_string())] {
            assert_eq!(report(video.clone()).await.status, 200, "{video}");
        }
        check(&report(json!(hidden)).await, 404, "Video not found");
        for bad in [json!("nothing"), json!(-1), json!([]), Value::Null] {
            check(&report(bad).await, 400, "Incorrect request parameters: video");
        }
    }
}

#[tokio::test]
async fn a_note_about_a_report_may_be_short_and_one_that_is_too_long_is_said_to_be() {
    for instance in instances(Registration::Closed).await {
        let (no, _) = instance.publish("bob", about("The sea")).await;
        let root = instance.root().await;
        let body = json!({ "reason": "Stolen", "video": { "id": no } });
        let made = instance.ask("POST", "abuses", &root, body).await.body["abuse"]["id"].as_i64();
        let visitor = instance.visitor(&root).await;
        let settle = async |note: &str| {
            let verdict = crate::view::Verdict::Accepted;
            instance.sidecar.settle_report(&visitor, made.unwrap(), verdict, Some(note)).await
        };
        settle("y").await.unwrap();
        let refused = settle(&"y".repeat(3_001)).await.unwrap_err();
        assert_eq!(refused.to_string(), "Incorrect request parameters: note");
    }
}
