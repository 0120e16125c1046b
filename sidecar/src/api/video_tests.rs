//! Videos in the API, on both databases, beside recorded answers of PeerTube.

use serde_json::{Value, json};
use wire::id::VideoId;

use super::tests::{Answered, Instance, check, differences, instances};
use crate::config::Registration;
use crate::table::about::{self, Chapter};
use crate::table::video::{self, About, Media, Privacy, State, tests::about, tests::made};
use crate::table::{collaborator, user, views};

const MEDIA: &str = r#"{"master":"g1-master.m3u8","poster":"g1-poster.jpg","renditions":[
    {"width":426,"height":240,"playlist":"g1-240.m3u8","media":"g1-240-fragmented.mp4","bytes":100},
    {"width":1280,"height":720,"playlist":"g1-720.m3u8","media":"g1-720-fragmented.mp4","bytes":900}]}"#;

impl Instance {
    /// Publishes a video of a minute, and returns its number and UUID.
    pub(crate) async fn publish(&self, owner: &str, about: About) -> (i64, String) {
        let database = &self.sidecar.database;
        let id = made(database, owner, about).await;
        let media = Media { json: MEDIA.to_owned(), duration_ms: 60_000, width: 1280, height: 720 };
        video::set_media(database, 12, id, &media).await.unwrap();
        video::set_state(database, 20, id, State::Published).await.unwrap();
        (id, video::by_id(database, id).await.unwrap().unwrap().uuid)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answered {
        self.ask("GET", path, token, Value::Null).await
    }

    /// A user's token; they are made, unless they are there.
    pub(crate) async fn user(&self, name: &str) -> String {
        let name = crate::field::Username::parse(name).unwrap();
        let password = match self.sidecar.reset_password(&name).await {
            Ok(password) => password,
            Err(_) => self.sidecar.create_user(&name, None, crate::role::Role::User).await.unwrap(),
        };
        self.token(&name.to_string(), password.reveal()).await
    }
}

fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn videos_are_told_in_peertube_s_form() {
    for instance in instances(Registration::Closed).await {
        let (id, uuid) = instance.publish("root", about("The sea")).await;
        let chapters = [Chapter { timecode: 0, title: "Intro".to_owned() }];
        about::set_chapters(&instance.sidecar.database, id, &chapters).await.unwrap();
        let list = instance.get("videos", "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-videos-list.json"));
        assert_eq!(differences("", &list, &wanted), [""; 0]);
        let video = instance.get(&format!("videos/{uuid}"), "").await.body;
        let wanted = recorded(include_str!("../../fixtures/api-video.json"));
        let file = "/streamingPlaylists/0/files/0/";
        // There are no torrents, and of a file no more is told than that it is there.
        let lacking = ["magnetUri", "metadataUrl", "torrentDownloadUrl", "torrentUrl"];
        let lacking: Vec<String> =
            lacking.iter().map(|key| format!("{file}{key} is lacking")).collect();
        assert_eq!(differences("", &video, &wanted), lacking);
        for key in [
            "category",
            "language",
            "privacy",
            "duration",
            "aspectRatio",
            "state",
            "commentsPolicy",
        ] {
            assert_eq!(video[key], wanted[key], "{key}");
        }
        let url = format!("http://127.0.0.1:9000/hls/{uuid}/g1-master.m3u8");
        assert_eq!(video["streamingPlaylists"][0]["playlistUrl"], url);
        assert_eq!(video["streamingPlaylists"][0]["files"][0]["resolution"]["label"], "720p");
        for (below, wanted) in [
            ("captions", include_str!("../../fixtures/api-captions.json")),
            ("chapters", include_str!("../../fixtures/api-chapters.json")),
            ("description", include_str!("../../fixtures/api-video-description.json")),
            ("storyboards", include_str!("../../fixtures/api-storyboards.json")),
        ] {
            let told = instance.get(&format!("videos/{uuid}/{below}"), "").await.body;
            assert_eq!(differences(below, &told, &recorded(wanted)), [""; 0]);
        }
        for (words, wanted) in [
            ("categories", include_str!("../../fixtures/api-categories.json")),
            ("licences", include_str!("../../fixtures/api-licences.json")),
            ("languages", include_str!("../../fixtures/api-languages.json")),
            ("privacies", include_str!("../../fixtures/api-privacies.json")),
        ] {
            let told = instance.get(&format!("videos/{words}"), "").await.body;
            assert_eq!(told, recorded(wanted), "{words}");
        }
    }
}

#[tokio::test]
async fn a_video_is_seen_by_those_who_may() {
    for instance in instances(Registration::Closed).await {
        let (owner, other, editor) = (
            instance.user("alice").await,
            instance.user("bob").await,
            instance.user("carol").await,
        );
        let database = &instance.sidecar.database;
        let carol = user::by_login(database, "carol").await.unwrap().unwrap();
        let carol = crate::table::account::of_user(database, carol.id).await.unwrap().unwrap();
        let root = instance.root().await;
        let mut videos = Vec::new();
        for privacy in 1..=5 {
            let privacy = Privacy::parse(privacy).unwrap();
            let passwords = vec!["open sesame".to_owned()];
            videos.push(
                instance.publish("alice", About { privacy, passwords, ..about("One") }).await,
            );
        }
        let channel = video::by_id(database, videos[0].0).await.unwrap().unwrap().channel_id;
        let role = collaborator::Role::Editor;
        assert!(collaborator::ask(database, 5, channel, carol.id, role).await.unwrap());
        let status = async |token: &str, is_by_number: bool| {
            let mut found = Vec::new();
            for (no, uuid) in &videos {
                let key = if is_by_number { no.to_string() } else { uuid.clone() };
                found.push(instance.get(&format!("videos/{key}"), token).await.status);
            }
            found
        };
        assert_eq!(status("", false).await, [200, 200, 404, 404, 403]);
        assert_eq!(status("", true).await, [200, 404, 404, 404, 403]);
        assert_eq!(status(&other, false).await, [200, 200, 404, 200, 403]);
        assert_eq!(status(&editor, false).await, [200, 200, 404, 200, 403]);
        assert!(collaborator::accept(database, channel, carol.id).await.unwrap());
        for token in [&owner, &editor, &root] {
            assert_eq!(status(token, true).await, [200; 5]);
        }
        let key = &videos[4].1;
        for (token, code) in
            [("", "video_requires_password"), ("password x", "incorrect_video_password")]
        {
            let refused = instance.get(&format!("videos/{key}"), token).await;
            assert_eq!(refused.body["code"], code);
        }
        let shown = instance.get(&format!("videos/{key}"), "password open sesame").await;
        let playlist = shown.body["streamingPlaylists"][0]["playlistUrl"].as_str().unwrap();
        assert!(shown.status == 200 && playlist.contains(&format!("{key}/~")), "{playlist}");
        let short = key.parse::<VideoId>().unwrap().short();
        assert_eq!(instance.get(&format!("videos/{short}"), &owner).await.status, 200);
        for key in ["0", "-1", "99999999999999999999", "x", &videos[0].1[..35], "%27"] {
            check(&instance.get(&format!("videos/{key}"), &root).await, 404, "Video not found");
        }
        assert_eq!(instance.get("videos", &root).await.body["total"], 1);
    }
}

#[tokio::test]
async fn media_of_what_is_not_everybody_s_has_a_capability_in_its_path() {
    let [instance, _] = instances(Registration::Closed).await;
    let token = instance.user("alice").await;
    let (_, uuid) =
        instance.publish("alice", About { privacy: Privacy::Private, ..about("Mine") }).await;
    let video = instance.get(&format!("videos/{uuid}"), &token).await.body;
    let capability = instance.sidecar.capability(&uuid.parse().unwrap(), crate::now_ms());
    let folder = format!("/hls/{uuid}/~{capability}");
    let wanted = format!("http://127.0.0.1:9000{folder}/g1-master.m3u8");
    assert_eq!(video["streamingPlaylists"][0]["playlistUrl"], wanted);
    assert_eq!(video["previewPath"], format!("{folder}/g1-poster.jpg"));
}

#[tokio::test]
async fn guessed_passwords_of_a_video_are_counted() {
    let [mut instance, _] = instances(Registration::Closed).await;
    instance.sidecar.elapsed = |_| crate::pace::Time::from_secs(9);
    let passwords = vec!["open sesame".to_owned()];
    let about = About { privacy: Privacy::Password, passwords, ..about("One") };
    let (_, uuid) = instance.publish("alice", about).await;
    let ask = async |token: &str| instance.get(&format!("videos/{uuid}"), token).await.status;
    for _ in 0..50 {
        assert_eq!(ask("password open sesame").await, 200);
    }
    for _ in 0..20 {
        assert_eq!(ask("password guessed").await, 403);
    }
    assert_eq!(ask("password open sesame").await, 429);
}

#[tokio::test]
async fn an_owner_changes_a_video_and_takes_it_away() {
    for instance in instances(Registration::Closed).await {
        let (owner, other) = (instance.user("alice").await, instance.user("bob").await);
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let path = format!("videos/{uuid}");
        let change = async |token: &str, body: Value| instance.ask("PUT", &path, token, body).await;
        assert_eq!(change("", json!({})).await.status, 401);
        check(&change(&other, json!({})).await, 403, "Cannot manage a video of another user.");
        let body = json!({
            "name": "The ocean", "category": 2, "tags": ["Deep"], "description": "0:00 One\n0:10 Two\n0:20 Three",
        });
        check(&change(&owner, body).await, 204, "");
        let now = instance.get(&path, "").await.body;
        assert_eq!(
            (&now["name"], &now["category"]["label"]),
            (&json!("The ocean"), &json!("Films"))
        );
        assert_eq!((&now["tags"], &now["language"]["id"]), (&json!(["Deep"]), &json!("en")));
        let chapters = instance.get(&format!("{path}/chapters"), "").await.body;
        assert_eq!(chapters["chapters"][1], json!({ "timecode": 10, "title": "Two" }));
        check(&change(&owner, "description=&privacy=2".into()).await, 204, "");
        let chapters = instance.get(&format!("{path}/chapters"), "").await.body;
        assert_eq!(chapters["chapters"], json!([]));
        assert_eq!(instance.get("videos?categoryOneOf=2", "").await.body["total"], 0);
        let before = instance.get(&path, &owner).await.body;
        for (name, value) in [("name", json!("x")), ("privacy", json!(9)), ("channelId", json!(1))]
        {
            let refused = change(&owner, json!({ name: value, "nsfw": true })).await;
            check(&refused, 400, &format!("Incorrect request parameters: {name}"));
        }
        let refused = change(&owner, json!({ "privacy": 5 })).await;
        check(&refused, 400, "Incorrect request parameters: videoPasswords");
        assert_eq!(instance.get(&path, &owner).await.body, before);
        let locked = json!({ "privacy": 5, "videoPasswords": ["Sesame", "sesame"] });
        check(&change(&owner, locked).await, 204, "");
        assert_eq!(instance.get(&format!("{path}/passwords"), &owner).await.body["total"], 2);
        let delete = async |token: &str| instance.ask("DELETE", &path, token, Value::Null).await;
        assert_eq!(delete(&other).await.status, 403);
        check(&delete(&owner).await, 204, "");
        check(&instance.get(&path, &owner).await, 404, "Video not found");
    }
}

#[tokio::test]
async fn likes_are_counted_once_for_each_user() {
    for instance in instances(Registration::Closed).await {
        let (one, two) = (instance.user("alice").await, instance.user("bob").await);
        let (id, uuid) = instance.publish("alice", about("The sea")).await;
        let rate = async |token: &str, rating: &str| {
            let body = json!({ "rating": rating });
            instance.ask("PUT", &format!("videos/{uuid}/rate"), token, body).await
        };
        let counts = async || {
            let video = instance.get(&format!("videos/{uuid}"), "").await.body;
            (video["likes"].as_i64().unwrap(), video["dislikes"].as_i64().unwrap())
        };
        for (token, rating, wanted) in [
            (&one, "like", (1, 0)),
            (&one, "like", (1, 0)),
            (&two, "like", (2, 0)),
            (&one, "dislike", (1, 1)),
            (&one, "none", (1, 0)),
        ] {
            check(&rate(token, rating).await, 204, "");
            assert_eq!(counts().await, wanted, "{rating}");
        }
        assert_eq!(rate("", "like").await.status, 401);
        check(&rate(&one, "love").await, 400, "Incorrect request parameters: rating");
        let rating = instance.get(&format!("users/me/videos/{id}/rating"), &two).await.body;
        assert_eq!(rating, json!({ "videoId": id, "rating": "like" }));
    }
}

#[tokio::test]
async fn a_view_counts_once_and_a_position_is_kept_for_who_wants_it() {
    for instance in instances(Registration::Closed).await {
        let token = instance.user("alice").await;
        let (id, uuid) = instance.publish("bob", about("The sea")).await;
        let watch = async |token: &str, body: Value| {
            instance.ask("POST", &format!("videos/{uuid}/views"), token, body).await
        };
        for _ in 0..3 {
            check(&watch("", json!({ "currentTime": 3 })).await, 204, "");
        }
        let views = async || instance.get(&format!("videos/{id}"), "").await.body["views"].clone();
        assert_eq!(views().await, 1);
        check(&watch(&token, json!({ "currentTime": 12.7, "viewEvent": "seek" })).await, 204, "");
        check(&watch(&token, json!({ "currentTime": 1e9 })).await, 204, "");
        let position = async || {
            instance.get(&format!("videos/{id}"), &token).await.body["userHistory"].clone()
        };
        assert_eq!(position().await, json!({ "currentTime": 61 }));
        let off = json!({ "videosHistoryEnabled": false });
        assert_eq!(instance.ask("PUT", "users/me", &token, off).await.status, 204);
        check(&watch(&token, json!({ "currentTime": 5 })).await, 204, "");
        assert_eq!(position().await, json!({ "currentTime": 61 }));
        for body in [
            json!({ "currentTime": -1 }),
            json!({ "currentTime": "x" }),
            json!({ "currentTime": [] }),
        ] {
            check(&watch(&token, body).await, 400, "Incorrect request parameters: currentTime");
        }
        views::roll(&instance.sidecar.database, crate::now_ms()).await.unwrap();
        assert_eq!(instance.get("videos?sort=-trending", "").await.body["data"][0]["views"], 1);
    }
}

#[tokio::test]
async fn a_list_is_filtered_and_bad_parameters_are_named() {
    for instance in instances(Registration::Closed).await {
        instance.publish("alice", about("Sea")).await;
        instance.publish("bob", About { nsfw: true, ..about("Not for work") }).await;
        instance.publish("bob", About { category: Some(1), ..about("Air") }).await;
        let names = async |query: &str, token: &str| {
            let body = instance.get(&format!("videos?{query}"), token).await.body;
            let data = body["data"].as_array().unwrap_or_else(|| panic!("{query}: {body}")).clone();
            let names = data.iter().map(|video| video["name"].as_str().unwrap().to_owned());
            (body["total"].as_i64(), names.collect::<Vec<_>>())
        };
        let named = |total: i64, names: &[&str]| {
            (Some(total), names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names("sort=name", "").await, named(2, &["Air", "Sea"]));
        assert_eq!(
            names("sort=name&nsfw=both&count=2", "").await,
            named(3, &["Air", "Not for work"])
        );
        assert_eq!(names("nsfw=true", "").await, named(1, &["Not for work"]));
        assert_eq!(names("categoryOneOf=1", "").await, named(1, &["Air"]));
        assert_eq!(names("isLocal=false", "").await, named(0, &[]));
        assert_eq!(
            names("tagsAllOf=SEA&tagsAllOf=salt&count=1&start=1&sort=-name", "").await,
            named(2, &["Air"])
        );
        let (total, few) = names("skipCount=true&count=0", "").await;
        assert_eq!((total, few.len()), (None, 0));
        let token = instance.user("alice").await;
        let blur = json!({ "nsfwPolicy": "blur" });
        assert_eq!(instance.ask("PUT", "users/me", &token, blur).await.status, 204);
        assert_eq!(names("", &token).await.0, Some(3));
        let bad = instance.get("videos?count=101&sort=id&start=-1", "").await;
        check(&bad, 400, "Incorrect request parameters: start, count, sort");
        assert_eq!(instance.get("videos", "stolen").await.status, 401);
    }
}

#[tokio::test]
async fn the_origin_is_told_who_may_read_a_video_until_it_knows() {
    for instance in instances(Registration::Closed).await {
        let sidecar = &instance.sidecar;
        let token = instance.user("alice").await;
        let (_, uuid) = instance.publish("alice", about("Mine")).await;
        let video: VideoId = uuid.parse().unwrap();
        let due = async || sidecar.access_due().await.unwrap();
        let is = |is_open| crate::Access { video, is_open };
        assert_eq!(due().await, [is(true)], "it knows nothing of a new one");
        sidecar.note_access(is(true)).await.unwrap();
        assert_eq!(due().await, []);
        for (privacy, is_open) in [(2, true), (3, false), (5, false), (4, false), (1, true)] {
            let change = json!({ "privacy": privacy, "videoPasswords": ["open sesame"] });
            let path = format!("videos/{uuid}");
            assert_eq!(instance.ask("PUT", &path, &token, change).await.status, 204);
            assert_eq!(sidecar.access(video).await.unwrap(), is(is_open), "{privacy}");
            for access in due().await {
                assert_eq!(access, is(is_open), "{privacy}");
                sidecar.note_access(access).await.unwrap();
            }
            assert_eq!(due().await, []);
        }
        instance.ask("DELETE", &format!("videos/{uuid}"), &token, Value::Null).await;
        assert_eq!(sidecar.access(video).await.unwrap(), is(false));
    }
}
