//! What becomes of comments of other servers, on both databases.

use serde_json::{Value, json};

use super::*;
use crate::api::tests::{Instance, federating, instances};
use crate::config::{Federation, Registration};
use crate::database::{Database, reading, writing};
use crate::federation::elsewhere::Elsewhere;
use crate::federation::id::Strictness;
use crate::table::notification;
use crate::table::remote_actor::{self, tests::somebody};
use crate::table::video::{About, Privacy, tests::about};

async fn known(sidecar: &Sidecar, name: &str, host: &str, kind: Kind) -> RemoteActor {
    let new = somebody(name, host, kind);
    let new = match kind {
        Kind::Channel => remote_actor::NewActor { owner_id: Some(1), ..new },
        _ => new,
    };
    let id = remote_actor::keep(&sidecar.database, now_ms(), &new).await.unwrap();
    remote_actor::by_id(&sidecar.database, id).await.unwrap().unwrap()
}

/// As Mastodon writes one.
fn note(author: &RemoteActor, no: u32, answers: &str, html: &str) -> Value {
    json!({
        "type": "Note",
        "id": format!("{}/statuses/{no}", author.url),
        "attributedTo": author.url,
        "inReplyTo": answers,
        "published": "2026-11-21T22:54:44Z",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "content": html,
    })
}

/// What an activity of somebody does; the refusal's text, or nothing.
async fn say(sidecar: &Sidecar, actor: &RemoteActor, kind: &str, object: Value) -> String {
    let activity = json!({ "type": kind, "object": object });
    let url = format!("{}/activities/1", actor.url);
    let id = Remote::parse(&url, Strictness::Public).unwrap();
    let heard = Heard { activity: activity.as_object().unwrap(), id: &id, actor };
    let done = sidecar.receive(&heard, &mut Budget(0)).await;
    done.err().map(|error| error.to_string()).unwrap_or_default()
}

/// How many tasks there are to ask for a note.
async fn asked_later(sidecar: &Sidecar, note: &Value) -> usize {
    let url = note["id"].as_str().unwrap();
    let found = crate::table::task::of(&sidecar.database, TaskKind::Note, url).await.unwrap();
    found.into_iter().count()
}

fn url(uuid: &str) -> String {
    format!("https://one.example/videos/watch/{uuid}")
}

async fn texts(instance: &Instance, video: &str, token: &str) -> Vec<String> {
    let path = format!("videos/{video}/comment-threads");
    let told = instance.get(&path, token).await.body;
    let data = told["data"].as_array().unwrap();
    data.iter().map(|comment| comment["text"].as_str().unwrap().to_owned()).collect()
}

/// Makes a video of ours one of somebody else's.
async fn give_away(database: &Database, video_id: i64, to: &RemoteActor) {
    writing!(database, pool => {
        for step in [
            "UPDATE video SET is_remote = TRUE, account_id = $2 WHERE id = $1 AND $3 <> ''",
            "INSERT INTO remote_video (id, url, host, uuid, files, trackers, pictures, captions, fetched_at) \
             SELECT $1, 'https://' || $3 || '/v/1', $3, uuid, '[]', '[]', '[]', '[]', 5 FROM video \
             WHERE id = $1 AND account_id = $2",
        ] {
            sqlx::query(step).bind(video_id).bind(to.id).bind(&to.host).execute(pool).await.unwrap();
        }
    });
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_shown_and_its_owner_is_told() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (video_id, video) = instance.publish("bob", about("The sea")).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let hello = note(&ada, 1, &url(&video), "<p>Hello <script>alert(1)</script></p>");
        for _ in 0..2 {
            assert_eq!(say(sidecar, &ada, "Create", hello.clone()).await, "");
        }
        assert_eq!(texts(&instance, &video, "").await, ["<p>Hello </p>"]);
        let eve = known(sidecar, "eve", "three.example", Kind::Person).await;
        let below = hello["id"].as_str().unwrap();
        assert_eq!(say(sidecar, &eve, "Create", note(&eve, 1, below, "And?")).await, "");
        let made = comment::by_url(&sidecar.database, below).await.unwrap().unwrap();
        assert_eq!((made.replies, made.video_id), (1, video_id));
        let user = crate::table::account::by_name(&sidecar.database, "bob").await.unwrap().unwrap();
        let (total, _) =
            notification::page(&sidecar.database, user.user_id.unwrap(), true, 0, 9).await.unwrap();
        assert_eq!(total, 2);
    }
}

#[tokio::test]
async fn who_is_answered_or_named_is_told() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let alice = instance.user("alice").await;
        instance.user("carol").await;
        let no = instance.say(&video, &alice, "Hello").await.body["comment"]["id"].clone();
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let below = format!("{}/comments/{no}", url(&video));
        let html =
            "<a href=\"http://127.0.0.1:9000/a/carol\">@carol</a> @bob and @alice@three.example";
        assert_eq!(say(sidecar, &ada, "Create", note(&ada, 1, &below, html)).await, "");
        for (name, wanted) in [("alice", vec![11]), ("bob", vec![2, 2]), ("carol", vec![11])] {
            let user = crate::table::account::by_name(&sidecar.database, name).await.unwrap();
            let user = user.unwrap().user_id.unwrap();
            let (_, found) =
                notification::page(&sidecar.database, user, false, 0, 9).await.unwrap();
            let kinds: Vec<i64> = found.iter().map(|found| found.kind).collect();
            assert_eq!(kinds, wanted, "{name}");
        }
    }
}

#[tokio::test]
async fn the_rules_of_house_and_video_hold_for_others() {
    let house = |comments| Federation { comments, ..Federation::default() };
    for (settings, policy, wanted) in [
        (house(RemoteComments::On), 1, Ok(1)),
        (house(RemoteComments::On), 3, Ok(0)),
        (house(RemoteComments::Approval), 1, Ok(0)),
        (house(RemoteComments::On), 2, Err("nobody may comment on this video")),
        (house(RemoteComments::Off), 1, Err("comments of other servers aren't taken here")),
    ] {
        let [instance, _] = federating(settings).await;
        let sidecar = &instance.sidecar;
        let about = About { comments_policy: policy, ..about("The sea") };
        let (_, video) = instance.publish("bob", about).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let said = say(sidecar, &ada, "Create", note(&ada, 1, &url(&video), "Hi")).await;
        assert_eq!(said, wanted.err().unwrap_or_default());
        let shown = texts(&instance, &video, "").await.len();
        let to_owner = texts(&instance, &video, &instance.user("bob").await).await.len();
        assert_eq!((shown, to_owner), (wanted.unwrap_or(0), usize::from(wanted.is_ok())));
    }
}

#[tokio::test]
async fn what_answers_something_that_waits_waits_with_it() {
    let settings = Federation { comments: RemoteComments::On, ..Federation::default() };
    for instance in federating(settings).await {
        let sidecar = &instance.sidecar;
        let (_, video) =
            instance.publish("bob", About { comments_policy: 3, ..about("The sea") }).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let eve = known(sidecar, "eve", "three.example", Kind::Person).await;
        let first = note(&ada, 1, &url(&video), "Hello");
        let second = note(&eve, 1, first["id"].as_str().unwrap(), "Hello to you");
        for (who, said) in [(&ada, &first), (&eve, &second)] {
            assert_eq!(say(sidecar, who, "Create", said.clone()).await, "");
            let id = said["id"].as_str().unwrap();
            let kept = comment::by_url(&sidecar.database, id).await.unwrap().unwrap();
            assert!(kept.is(CommentState::Held), "{id}");
        }
    }
}

#[tokio::test]
async fn what_isnt_for_everybody_or_of_nobody_is_refused() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let hidden = About { privacy: Privacy::Internal, ..about("Within") };
        let (_, hidden) = instance.publish("bob", hidden).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let letter = |change: fn(&mut Value)| {
            let mut letter = note(&ada, 1, &url(&video), "Secret");
            change(&mut letter);
            letter
        };
        let alone = |letter: &mut Value| letter["to"] = json!(["https://one.example/accounts/bob"]);
        assert_eq!(
            say(sidecar, &ada, "Create", letter(alone)).await,
            "the note isn't for everybody"
        );
        let unknown = "it leads to no video that is known here";
        assert_eq!(say(sidecar, &ada, "Create", note(&ada, 1, &url(&hidden), "x")).await, unknown);
        // In another's name: its own server is asked soon.
        let another =
            |letter: &mut Value| letter["attributedTo"] = "https://two.example/users/eve".into();
        assert_eq!(say(sidecar, &ada, "Create", letter(another)).await, "");
        assert_eq!(asked_later(sidecar, &letter(another)).await, 1);
        let ours = |letter: &mut Value| letter["id"] = "https://one.example/accounts/bob".into();
        assert_ne!(say(sidecar, &ada, "Create", letter(ours)).await, "");
        assert!(sidecar.block("two.example", None).await.unwrap());
        assert_eq!(
            say(sidecar, &ada, "Create", letter(|_| {})).await,
            "its author is blocked here"
        );
        assert_eq!(texts(&instance, &video, "").await, [""; 0]);
    }
}

#[tokio::test]
async fn what_a_blocked_server_said_is_shown_no_more() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        assert_eq!(say(sidecar, &ada, "Create", note(&ada, 1, &url(&video), "Hi")).await, "");
        sidecar.block("two.example", None).await.unwrap();
        assert_eq!(texts(&instance, &video, "").await, [""; 0]);
        sidecar.unblock("two.example").await.unwrap();
        assert_eq!(texts(&instance, &video, "").await, ["Hi"]);
    }
}

#[tokio::test]
async fn an_author_changes_and_deletes_and_nobody_else_does() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let alice = instance.user("alice").await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let eve = known(sidecar, "eve", "two.example", Kind::Person).await;
        let mut said = note(&ada, 1, &url(&video), "Hi");
        let id = said["id"].clone();
        assert_eq!(say(sidecar, &ada, "Create", said.clone()).await, "");
        said["content"] = "Hello".into();
        said["updated"] = "2026-11-22T22:54:44Z".into();
        assert_eq!(say(sidecar, &ada, "Update", said.clone()).await, "");
        assert_eq!(texts(&instance, &video, "").await, ["Hello"]);
        let refused = "only whose it is deletes it";
        assert_eq!(say(sidecar, &eve, "Delete", id.clone()).await, refused);
        let no = instance.say(&video, &alice, "Mine").await.body["comment"]["id"].clone();
        let ours = format!("{}/comments/{no}", url(&video));
        assert_eq!(say(sidecar, &ada, "Delete", ours.into()).await, refused);
        assert_eq!(
            say(sidecar, &ada, "Delete", json!({ "type": "Tombstone", "id": id })).await,
            ""
        );
        assert_eq!(texts(&instance, &video, "").await, ["Mine"]);
        // Late and out of order, it doesn't come back.
        assert_ne!(say(sidecar, &ada, "Create", said).await, "");
        assert_eq!(texts(&instance, &video, "").await, ["Mine"]);
    }
}

#[tokio::test]
async fn what_comes_after_its_end_isnt_taken() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let hello = note(&ada, 1, &url(&video), "Hello");
        let stone = json!({ "type": "Tombstone", "id": hello["id"] });
        // Nobody ends what others have said but doesn't know yet.
        let eve = known(sidecar, "eve", "three.example", Kind::Person).await;
        say(sidecar, &eve, "Delete", stone.clone()).await;
        let other = note(&ada, 2, &url(&video), "Other");
        say(sidecar, &eve, "Delete", other["id"].clone()).await;
        assert_eq!(say(sidecar, &ada, "Create", other).await, "");
        say(sidecar, &ada, "Delete", stone).await;
        assert_eq!(say(sidecar, &ada, "Create", hello).await, "it was deleted");
        assert_eq!(texts(&instance, &video, "").await, ["Other"]);
    }
}

#[tokio::test]
async fn below_anothers_video_its_owner_decides() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let database = &sidecar.database;
        let about = About { comments_policy: 3, ..about("Theirs") };
        let (video_id, video) = instance.publish("bob", about).await;
        let alice = instance.user("alice").await;
        let owner = known(sidecar, "ada", "two.example", Kind::Person).await;
        let eve = known(sidecar, "eve", "two.example", Kind::Person).await;
        give_away(database, video_id, &owner).await;
        let made = instance.say(&video, &alice, "Hello").await.body;
        assert_eq!(made["comment"]["heldForReview"], true);
        let no = made["comment"]["id"].as_i64().unwrap();
        let id: Value = format!("{}/comments/{no}", url(&video)).into();
        let refused = "only whose video it is decides about comments";
        assert_eq!(say(sidecar, &eve, "ApproveReply", id.clone()).await, refused);
        assert_eq!(say(sidecar, &owner, "ApproveReply", id.clone()).await, "");
        let shown = comment::by_id(database, no).await.unwrap().unwrap();
        assert!(shown.is(CommentState::Shown));
        assert_eq!(shown.approval.unwrap(), format!("{}/activities/1", owner.url));
        // Theirs to hide, and ours to keep.
        assert_eq!(say(sidecar, &owner, "Delete", id).await, "");
        assert_eq!(texts(&instance, &video, "").await, [""; 0]);
        assert_eq!(texts(&instance, &video, &alice).await, ["Hello"]);
        let theirs = note(&eve, 1, "https://two.example/v/1", "Hm");
        assert_eq!(say(sidecar, &eve, "Create", theirs.clone()).await, "");
        assert_eq!(texts(&instance, &video, "").await, [""; 0]);
        // That somebody approved it is asked of them.
        let mut approved = note(&eve, 2, "https://two.example/v/1", "Ah");
        approved["replyApproval"] = "https://two.example/approvals/1".into();
        assert_eq!(say(sidecar, &eve, "Create", approved).await, "");
        assert_eq!(texts(&instance, &video, "").await, [""; 0]);
    }
}

#[tokio::test]
async fn an_approval_is_believed_of_whose_video_it_is_alone() {
    for instance in instances(Registration::Closed).await {
        let mut instance = instance;
        instance.sidecar.meet_elsewhere().await;
        let sidecar = &instance.sidecar;
        let (theirs, others) = (Elsewhere::start().await, Elsewhere::start().await);
        let video = theirs.publish("1", |video| video["commentsPolicy"] = 3.into());
        let at = Remote::parse(&video, Strictness::Test).unwrap();
        let (kept, _) = sidecar.video_anew(&at, &mut Budget(16)).await.unwrap();
        let owner = theirs.url("/accounts/root");
        let keep = async |no: u32, approval: String| {
            let id = others.url(&format!("/notes/{no}"));
            let note = json!({
                "type": "Note", "id": id, "attributedTo": others.url("/accounts/root"), "content": "x",
                "inReplyTo": video, "to": "as:Public", "replyApproval": approval,
            });
            others.put(&format!("/notes/{no}"), &note);
            let id = others.remote(&format!("/notes/{no}"));
            sidecar.keep_note_at(&id, Turns::Taken, &mut Budget(12)).await.unwrap();
            let made = comment::by_url(&sidecar.database, id.as_str()).await.unwrap().unwrap();
            assert_eq!(made.video_id, kept.id);
            made.is(CommentState::Shown)
        };
        let says = |path: &str, by: &str, no: u32| {
            let object = others.url(&format!("/notes/{no}"));
            let approval = json!({ "type": "ApproveReply", "id": theirs.url(path), "actor": by, "object": object });
            theirs.put(path, &approval);
        };
        says("/approvals/1", &owner, 1);
        assert!(keep(1, theirs.url("/approvals/1")).await);
        // Of another comment, by somebody else, of another server, and of nobody.
        assert!(!keep(2, theirs.url("/approvals/1")).await);
        says("/approvals/3", &theirs.url("/accounts/eve"), 3);
        assert!(!keep(3, theirs.url("/approvals/3")).await);
        others.put(
            "/approvals/4",
            &json!({ "type": "ApproveReply", "actor": owner, "object": others.url("/notes/4") }),
        );
        assert!(!keep(4, others.url("/approvals/4")).await);
        assert!(!keep(5, theirs.url("/approvals/5")).await);
    }
}

#[tokio::test]
async fn what_is_passed_on_is_asked_of_whose_it_is() {
    for instance in instances(Registration::Closed).await {
        let mut instance = instance;
        instance.sidecar.meet_elsewhere().await;
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let elsewhere = Elsewhere::start().await;
        let id = elsewhere.url("/notes/1");
        let note = json!({
            "type": "Note", "id": id, "attributedTo": elsewhere.url("/accounts/root"), "content": "Hello",
            "inReplyTo": format!("http://here.example/videos/watch/{video}"), "to": "as:Public",
        });
        elsewhere.put("/notes/1", &note);
        let passed_on = async |kind: &str, object: Value| {
            let activity = json!({ "type": kind, "object": object });
            sidecar.hear_of(activity.as_object().unwrap()).await.unwrap();
            let asked = elsewhere.asked().is_empty();
            assert!(asked, "nobody is asked while somebody waits");
            while sidecar.work_one_task(&Default::default()).await.unwrap() {}
        };
        passed_on("Create", note.clone()).await;
        assert_eq!(texts(&instance, &video, "").await, ["Hello"]);
        // That it is gone isn't believed of who passes it on.
        elsewhere.asked();
        passed_on("Delete", json!(id)).await;
        assert_eq!(texts(&instance, &video, "").await, ["Hello"]);
        // Nor of a server that says so of everything, as one does that is being built anew.
        elsewhere.refuse("/notes/1", 404);
        elsewhere.asked();
        passed_on("Update", note.clone()).await;
        assert_eq!(texts(&instance, &video, "").await, ["Hello"]);
        elsewhere.refuse("/notes/1", 410);
        elsewhere.asked();
        passed_on("Delete", json!({ "type": "Tombstone", "id": id })).await;
        assert_eq!(texts(&instance, &video, "").await, [""; 0]);
        // What is unknown and gone is nobody's business, and what is no comment is none.
        elsewhere.asked();
        passed_on("Delete", json!(elsewhere.url("/notes/9"))).await;
        assert_eq!(elsewhere.asked(), [""; 0]);
    }
}

#[tokio::test]
async fn below_what_few_may_see_nobody_of_elsewhere_says_anything() {
    for instance in federating(Federation::default()).await {
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let (alice, ada) = (
            instance.user("alice").await,
            known(sidecar, "ada", "two.example", Kind::Person).await,
        );
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let (hidden_id, hidden) = instance.publish("bob", about("Hidden")).await;
        let no = instance.say(&hidden, &alice, "Hello").await.body["comment"]["id"].clone();
        let below = |video: &str| format!("{}/comments/{no}", url(video));
        assert_eq!(say(sidecar, &ada, "Create", note(&ada, 1, &below(&hidden), "a")).await, "");
        let unknown = "it leads to no video that is known here";
        // Under the name of another video.
        let said = note(&ada, 2, &below(&video), "b");
        assert_eq!(say(sidecar, &ada, "Create", said).await, unknown);
        writing!(database, pool => {
            sqlx::query("UPDATE video SET privacy = 3 WHERE id = $1").bind(hidden_id).execute(pool).await.map(drop)
        })
        .unwrap();
        for above in [below(&hidden), format!("{}/statuses/1", ada.url)] {
            let said = note(&ada, 3, &above, "c");
            assert_eq!(say(sidecar, &ada, "Create", said).await, unknown);
        }
    }
}

#[tokio::test]
async fn nobody_of_elsewhere_talks_without_end() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        for no in 0..30 {
            let said = note(&ada, no, &url(&video), "Buy!");
            assert_eq!(say(sidecar, &ada, "Create", said).await, "");
        }
        // What is too much is asked for later, and so is what says something else.
        let said = note(&ada, 30, &url(&video), "Buy!");
        assert_eq!(say(sidecar, &ada, "Create", said.clone()).await, "");
        assert_eq!(asked_later(sidecar, &said).await, 1);
        let mut changed = note(&ada, 1, &url(&video), "Buy more!");
        changed["updated"] = "2026-11-22T00:00:00Z".into();
        assert_eq!(say(sidecar, &ada, "Update", changed.clone()).await, "");
        assert_eq!(asked_later(sidecar, &changed).await, 1);
        let (total, _) = comment::page(&sidecar.database, comment::CommentFilter::default(), 0, 1)
            .await
            .unwrap();
        assert_eq!(total, 30);
    }
}

#[tokio::test]
async fn what_is_between_a_comment_and_its_video_is_asked_for() {
    for instance in instances(Registration::Closed).await {
        let mut instance = instance;
        let elsewhere = Elsewhere::start().await;
        instance.sidecar.meet_elsewhere().await;
        let sidecar = &instance.sidecar;
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let place = sidecar.place.clone().unwrap();
        let author = format!("{}/accounts/root", elsewhere.base);
        let id = |no: u32| format!("{}/notes/{no}", elsewhere.base);
        let told = |no: u32, answers: &str| {
            let note = json!({
                "type": "Note",
                "id": id(no),
                "attributedTo": author,
                "inReplyTo": answers,
                "to": "https://www.w3.org/ns/activitystreams#Public",
                "content": format!("<p>{no}</p>"),
            });
            elsewhere.put(&format!("/notes/{no}"), &note);
        };
        told(1, &place.below(&format!("/videos/watch/{video}")));
        told(2, &id(1));
        told(3, &id(2));
        // These lead in a ring, and to nothing.
        told(5, &id(6));
        told(6, &id(5));
        told(7, "https://nowhere.example/x");
        let keep = async |no: u32| {
            let url = Remote::parse(&id(no), Strictness::Test).unwrap();
            sidecar.keep_note_at(&url, Turns::Taken, &mut Budget(12)).await
        };
        keep(3).await.unwrap();
        let first = instance.get(&format!("videos/{video}/comment-threads"), "").await.body;
        assert_eq!(
            (&first["data"][0]["text"], &first["data"][0]["totalReplies"]),
            (&json!("<p>1</p>"), &json!(2))
        );
        assert_eq!(first["data"][0]["account"]["name"], "root");
        assert!(keep(5).await.is_err());
        assert!(keep(7).await.is_err());
        assert_eq!(
            instance.get(&format!("videos/{video}/comment-threads"), "").await.body["total"],
            1
        );
    }
}

#[tokio::test]
async fn what_is_said_below_our_videos_is_passed_on_to_shoals_and_its_end_to_everybody_who_follows()
{
    for instance in federating(Federation::default()).await {
        let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
        let (_, video) = instance.publish("bob", about("The sea")).await;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
        for (host, software) in
            [("two.example", "shoal"), ("three.example", "shoal"), ("four.example", "mastodon")]
        {
            let follower = known(sidecar, "peertube", host, Kind::Instance).await;
            let state = crate::table::follow::FollowState::Accepted;
            crate::table::follow::set(database, 5, (follower.id, us), None, state).await.unwrap();
            writing!(database, pool => {
                sqlx::query("UPDATE host SET software = $2 WHERE name = $1")
                    .bind(host).bind(software).execute(pool).await.map(drop)
            })
            .unwrap();
        }
        let told = async |kind: &str| {
            while sidecar.tell_news().await.unwrap() > 0 {}
            let found: Vec<(String, String)> = reading!(database, pool => {
                sqlx::query_as("SELECT host, activity FROM delivery JOIN sent ON sent.id = sent_id WHERE activity LIKE $1 ORDER BY host")
                    .bind(format!("%\"type\":\"{kind}\"%")).fetch_all(pool).await
            })
            .unwrap();
            let noted = |(host, text): (String, String)| {
                let told: Value = serde_json::from_str(&text).unwrap();
                let object = told["object"]["id"].as_str().or(told["object"].as_str());
                (host, told["actor"].as_str().unwrap().to_owned(), object.unwrap().to_owned())
            };
            found
                .into_iter()
                .map(noted)
                .filter(|(_, _, object)| object.contains("statuses"))
                .collect::<Vec<_>>()
        };
        let hello = note(&ada, 1, &url(&video), "Hello");
        let id = hello["id"].as_str().unwrap().to_owned();
        assert_eq!(say(sidecar, &ada, "Create", hello).await, "");
        // Not to whose it is, and not to those who would believe none of it.
        assert_eq!(
            told("Create").await,
            [("three.example".to_owned(), ada.url.clone(), id.clone())]
        );
        assert_eq!(say(sidecar, &ada, "Delete", json!(id)).await, "");
        let bob = "https://one.example/accounts/bob".to_owned();
        let ended = ["four.example", "three.example", "two.example"]
            .map(|host| (host.to_owned(), bob.clone(), id.clone()));
        assert_eq!(told("Delete").await, ended);
    }
}
