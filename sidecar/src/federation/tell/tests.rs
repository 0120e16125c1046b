//! What other servers are told, and what they aren't, on both databases.

use http_body_util::BodyExt;

use super::*;
use crate::api::tests::{Instance, federating, instances};
use crate::config::{Federation, Registration};
use crate::database::writing;
use crate::federation::key::{PrivateKey, PublicKey};
use crate::federation::object::tests::unlike;
use crate::table::video::{About, Privacy, tests::about};
use crate::table::{caption, thumbnail};
use crate::visitor::Asker;

const MASTODON: &str = "application/activity+json, application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\", text/html;q=0.1";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

impl Instance {
    /// Asks as somebody with this `Accept`; `None` is a page.
    async fn told(&self, path: &str, accept: &'static str) -> Option<(u16, String, Value)> {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static(accept));
        let reply = self.sidecar.tell(&path.parse().unwrap(), &headers, "192.0.2.1").await?;
        let (head, body) = reply.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let kind = head.headers["content-type"].to_str().unwrap().to_owned();
        Some((head.status.as_u16(), kind, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    async fn object(&self, path: &str) -> Value {
        let (status, kind, object) = self.told(path, MASTODON).await.unwrap();
        assert_eq!((status, &*kind), (200, "application/activity+json; charset=utf-8"), "{path}");
        object
    }
}

#[tokio::test]
async fn actors_are_told_with_keys_that_stay_and_sign() {
    for instance in federating(Federation::default()).await {
        instance.publish("alice", about("The sea")).await;
        let mut keys = Vec::new();
        for path in ["/accounts/peertube", "/accounts/alice", "/video-channels/alice_channel"] {
            let actor = instance.object(path).await;
            assert_eq!(actor["id"], format!("https://one.example{path}"));
            assert_eq!(actor, instance.object(path).await);
            keys.push(actor["publicKey"]["publicKeyPem"].as_str().unwrap().to_owned());
        }
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        let handle = actor_key::handle(&instance.sidecar.database, INSTANCE).await.unwrap();
        let kept = instance.sidecar.key_of(handle).await.unwrap();
        let private = instance.sidecar.seal.open(handle, &kept.private_key).unwrap();
        let signature = PrivateKey::read(&private).unwrap().sign(b"words").unwrap();
        assert!(PublicKey::read(&keys[0]).unwrap().verifies(b"words", &signature));
        let (status, ..) = instance.told("/accounts/nobody", MASTODON).await.unwrap();
        assert_eq!(status, 404);
    }
}

#[tokio::test]
async fn a_page_and_its_object_have_one_url() {
    for instance in federating(Federation::default()).await {
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let short = uuid.parse::<VideoId>().unwrap().short();
        let video = instance.object(&format!("/videos/watch/{uuid}")).await;
        assert_eq!(video["type"], "Video");
        for (page, id) in [
            (format!("/w/{short}"), &video["id"]),
            (format!("/w/{uuid}"), &video["id"]),
            ("/a/Alice".to_owned(), &json!("https://one.example/accounts/alice")),
            ("/accounts/Alice".to_owned(), &json!("https://one.example/accounts/alice")),
            ("/about".to_owned(), &json!("https://one.example/accounts/peertube")),
            (
                "/c/alice_channel".to_owned(),
                &json!("https://one.example/video-channels/alice_channel"),
            ),
        ] {
            assert_eq!(instance.object(&page).await["id"], *id, "{page}");
            assert!(instance.told(&page, BROWSER).await.is_none(), "{page}");
            assert!(instance.told(&page, "*/*").await.is_none(), "{page}");
        }
        assert!(instance.told("/", MASTODON).await.is_none());
        assert!(instance.told("/api/v1/videos", MASTODON).await.is_none());
    }
}

#[tokio::test]
async fn what_isnt_everybodys_is_nothing_to_other_servers() {
    for instance in federating(Federation::default()).await {
        for privacy in [Privacy::Private, Privacy::Internal, Privacy::Password] {
            let passwords = vec!["secret".to_owned()];
            let (_, uuid) =
                instance.publish("alice", About { privacy, passwords, ..about("Hidden") }).await;
            for part in ["", "/activity", "/comments", "/chapters", "/announces"] {
                let path = format!("/videos/watch/{uuid}{part}");
                let (status, _, body) = instance.told(&path, MASTODON).await.unwrap();
                assert_eq!((status, body.to_string().contains("Hidden")), (404, false), "{path}");
            }
        }
        let (_, unlisted) = instance
            .publish("alice", About { privacy: Privacy::Unlisted, ..about("Unlisted") })
            .await;
        let video = instance.object(&format!("/videos/watch/{unlisted}")).await;
        assert!(!video["to"].to_string().contains("#Public"));
        for outbox in [
            "/accounts/alice/outbox",
            "/video-channels/alice_channel/outbox",
            "/accounts/peertube/outbox",
        ] {
            assert_eq!(instance.object(outbox).await["totalItems"], 0, "{outbox}");
            let page = instance.object(&format!("{outbox}?page=1")).await;
            assert_eq!(page["orderedItems"], json!([]), "{outbox}");
        }
    }
}

#[tokio::test]
async fn everybodys_is_what_is_shown_to_whoever_asks() {
    for instance in federating(Federation::default()).await {
        let (id, uuid) = instance.publish("alice", about("The sea")).await;
        let (database, sidecar) = (&instance.sidecar.database, &instance.sidecar);
        for state in 1..=9 {
            for privacy in 1..=5 {
                let update = "UPDATE video SET state = $2, privacy = $3 WHERE id = $1";
                writing!(database, pool => {
                    sqlx::query(update).bind(id).bind(state).bind(privacy).execute(pool).await.map(drop)
                })
                .unwrap();
                let nobody = Asker { visitor: None, password: None, from: "" };
                let shown = sidecar.look(&uuid, nobody).await.unwrap().shown();
                let video = videos::by_id(database, id).await.unwrap().unwrap();
                assert_eq!(shown.is_some(), is_everybodys(&video), "{state} {privacy}");
            }
        }
    }
}

#[tokio::test]
async fn a_video_is_told_as_it_is_whatever_was_told_before() {
    for instance in federating(Federation::default()).await {
        let (id, uuid) = instance.publish("alice", about("The sea")).await;
        let (database, path) = (&instance.sidecar.database, format!("/videos/watch/{uuid}"));
        let told = async || {
            let first = instance.object(&path).await;
            assert_eq!(instance.object(&path).await, first);
            first
        };
        let at = videos::by_id(database, id).await.unwrap().unwrap().updated_at;
        let mut known = told().await;
        // All in one moment, so that no time tells them apart.
        for change in 0..6 {
            match change {
                0 => {
                    let tags = vec!["another".to_owned()];
                    videos::describe(database, at, id, &About { tags, ..about("The sea") })
                        .await
                        .unwrap();
                }
                1 => {
                    caption::set(database, at, id, "en", "a.vtt").await.unwrap();
                }
                2 => {
                    caption::set(database, at, id, "en", "b.vtt").await.unwrap();
                }
                3 => {
                    caption::remove(database, at, id, "en").await.unwrap();
                }
                4 => thumbnail::set(database, at, id, Some("p.jpg")).await.map(drop).unwrap(),
                _ => {
                    let unlisted = About { privacy: Privacy::Unlisted, ..about("The sea") };
                    videos::describe(database, at, id, &unlisted).await.unwrap();
                }
            }
            let now = told().await;
            assert_ne!(now, known, "change {change}");
            known = now;
        }
        videos::set_privacy(database, at, id, Privacy::Private, None).await.unwrap();
        assert_eq!(instance.told(&path, MASTODON).await.unwrap().0, 404);
        videos::set_privacy(database, at, id, Privacy::Public, None).await.unwrap();
        assert_eq!(told().await["to"], json!([crate::federation::json::PUBLIC]));
        videos::delete(database, id).await.unwrap();
        assert_ne!(instance.told(&path, MASTODON).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn an_outbox_has_all_videos_page_by_page() {
    for instance in federating(Federation::default()).await {
        for no in 0..12 {
            instance.publish("alice", about(&format!("Video {no}"))).await;
        }
        instance.publish("bob", about("Bob's")).await;
        let first = instance.object("/accounts/alice/outbox").await;
        assert_eq!(
            (&first["totalItems"], &first["first"]),
            (&json!(12), &json!("https://one.example/accounts/alice/outbox?page=1"))
        );
        let mut names = Vec::new();
        for page in 1..=2 {
            let page = instance.object(&format!("/accounts/alice/outbox?page={page}")).await;
            for item in page["orderedItems"].as_array().unwrap() {
                assert_eq!(
                    (&item["type"], &item["actor"]),
                    (&json!("Create"), &json!("https://one.example/accounts/alice"))
                );
                names.push(item["object"]["name"].as_str().unwrap().to_owned());
            }
            assert_eq!(page.get("next").is_some(), names.len() < 12);
        }
        assert_eq!(names.len(), 12);
        assert_eq!(names.first().map(String::as_str), Some("Video 11"));
        let announced = instance.object("/accounts/peertube/outbox?page=1").await;
        let one = &announced["orderedItems"][0];
        assert_eq!((&one["type"], one["object"].is_string()), (&json!("Announce"), true));
        let channel = instance.object("/video-channels/alice_channel/outbox?page=2").await;
        let one = &channel["orderedItems"][0];
        let path =
            one["id"].as_str().unwrap().strip_prefix("https://one.example").unwrap().to_owned();
        assert_eq!(instance.object(&path).await["object"], one["object"]);
        for page in ["0", "-1", "10001", "99999999999999999999", "x"] {
            let path = format!("/accounts/alice/outbox?page={page}");
            assert_eq!(instance.told(&path, MASTODON).await.unwrap().0, 404, "{page}");
        }
    }
}

#[tokio::test]
async fn parts_of_a_video_are_told() {
    for instance in federating(Federation::default()).await {
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let video = format!("/videos/watch/{uuid}");
        let activity = instance.object(&format!("{video}/activity")).await;
        assert_eq!(unlike(&activity, "ap-video-activity.json", &["@context", "object"]), [""; 0]);
        assert_eq!(activity["object"]["id"], format!("https://one.example{video}"));
        let chapters = instance.object(&format!("{video}/chapters")).await;
        assert_eq!(unlike(&chapters, "ap-video-chapters.json", &["@context"]), [""; 0]);
        for part in ["likes", "dislikes", "comments", "announces"] {
            let told = instance.object(&format!("{video}/{part}")).await;
            assert_eq!(told["type"], "OrderedCollection", "{part}");
            assert_eq!(told["id"], format!("https://one.example{video}/{part}"));
        }
        assert_eq!(
            instance.told(&format!("{video}/announces/999"), MASTODON).await.unwrap().0,
            404
        );
        // A browser that follows a link to a part gets the same: there is no page of it.
        assert_eq!(instance.told(&format!("{video}/likes"), BROWSER).await.unwrap().0, 200);
    }
}

#[tokio::test]
async fn handles_lead_to_actors_and_back() {
    for instance in federating(Federation::default()).await {
        instance.publish("alice", about("The sea")).await;
        let finger = async |resource: &str| {
            let resource: String = form_urlencoded::byte_serialize(resource.as_bytes()).collect();
            instance
                .told(&format!("/.well-known/webfinger?resource={resource}"), "*/*")
                .await
                .unwrap()
        };
        for (resource, subject, id) in [
            ("acct:alice@one.example", "alice", "accounts/alice"),
            ("acct:Alice@ONE.example", "alice", "accounts/alice"),
            ("@alice@one.example", "alice", "accounts/alice"),
            ("acct:alice_channel@one.example", "alice_channel", "video-channels/alice_channel"),
            ("acct:peertube@one.example", "peertube", "accounts/peertube"),
            ("acct:one.example@one.example", "peertube", "accounts/peertube"),
            ("https://one.example/accounts/alice", "alice", "accounts/alice"),
            ("https://ONE.example/accounts/alice", "alice", "accounts/alice"),
            ("https://one.example/a/alice", "alice", "accounts/alice"),
            (
                "https://one.example/c/alice_channel",
                "alice_channel",
                "video-channels/alice_channel",
            ),
            ("https://one.example/about", "peertube", "accounts/peertube"),
        ] {
            let (status, kind, told) = finger(resource).await;
            assert_eq!(
                (status, &*kind),
                (200, "application/jrd+json; charset=utf-8"),
                "{resource}"
            );
            assert_eq!(told["subject"], format!("acct:{subject}@one.example"));
            let own = told["links"]
                .as_array()
                .unwrap()
                .iter()
                .find(|link| link["rel"] == "self")
                .unwrap();
            assert_eq!(own["href"], format!("https://one.example/{id}"));
            assert_eq!(instance.object(&format!("/{id}")).await["preferredUsername"], subject);
        }
        for resource in [
            "acct:nobody@one.example",
            "acct:alice@two.example",
            "https://two.example/accounts/alice",
            "https://one.example.net/a/alice",
            "https://one.example/a/alice/outbox",
            "https://one.example/search",
            "alice",
            "@",
            "acct:@one.example",
        ] {
            assert_eq!(finger(resource).await.0, 404, "{resource}");
        }
        assert_eq!(instance.told("/.well-known/webfinger", "*/*").await.unwrap().0, 400);
    }
}

#[tokio::test]
async fn the_node_says_what_it_is_and_whom_to_follow() {
    for instance in federating(Federation::default()).await {
        instance.publish("alice", about("The sea")).await;
        let (_, _, links) = instance.told("/.well-known/nodeinfo", "*/*").await.unwrap();
        let application = links["links"]
            .as_array()
            .unwrap()
            .iter()
            .find(|link| link["rel"].as_str().unwrap().ends_with("#Application"));
        assert_eq!(application.unwrap()["href"], "https://one.example/accounts/peertube");
        for version in ["2.0", "2.1"] {
            let (status, kind, node) =
                instance.told(&format!("/nodeinfo/{version}.json"), "*/*").await.unwrap();
            assert_eq!((status, &node["version"]), (200, &json!(version)));
            assert!(kind.contains(&format!("/ns/schema/{version}#")), "{kind}");
            assert_eq!(node["software"]["name"], "shoal");
            assert_eq!(
                (&node["usage"]["users"]["total"], &node["usage"]["localPosts"]),
                (&json!(2), &json!(1))
            );
        }
        let (status, kind, _) = instance.told("/.well-known/host-meta", "*/*").await.unwrap();
        assert_eq!((status, &*kind), (200, "application/xrd+xml; charset=utf-8"));
    }
}

#[tokio::test]
async fn without_federation_nothing_is_told() {
    for instance in instances(Registration::Closed).await {
        for path in [
            "/accounts/root",
            "/.well-known/webfinger?resource=acct:root@one.example",
            "/accounts/root/outbox",
        ] {
            assert!(instance.told(path, MASTODON).await.is_none(), "{path}");
        }
    }
}
