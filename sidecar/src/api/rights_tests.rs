//! Who may do what changes, and what was begun or watched before heeds it.

use http::{HeaderMap, Request, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::tests::{Instance, instances};
use crate::config::Registration;
use crate::cookie;
use crate::role::Role;
use crate::table::collaborator;
use crate::table::video::{self, About, Privacy, tests::about};
use crate::table::{account, channel, user};

impl Instance {
    async fn account(&self, name: &str) -> account::Account {
        let user = user::by_login(&self.sidecar.database, name).await.unwrap().unwrap();
        account::of_user(&self.sidecar.database, user.id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn what_somebody_may_no_longer_see_is_gone_from_their_history() {
    for instance in instances(Registration::Closed).await {
        let (owner, viewer) = (instance.user("alice").await, instance.user("bob").await);
        let (id, uuid) = instance.publish("alice", about("The sea")).await;
        let body = json!({ "currentTime": 7 });
        for token in [&owner, &viewer] {
            let path = format!("videos/{id}/views");
            let seen = instance.ask("POST", &path, token, body.clone());
            assert_eq!(seen.await.status, 204);
        }
        let history = async |token: &str| {
            instance.get("users/me/history/videos", token).await.body["total"].clone()
        };
        assert_eq!((history(&owner).await, history(&viewer).await), (json!(1), json!(1)));
        let hidden = json!({ "privacy": 3 });
        let path = format!("videos/{uuid}");
        assert_eq!(instance.ask("PUT", &path, &owner, hidden).await.status, 204);
        assert_eq!((history(&owner).await, history(&viewer).await), (json!(1), json!(0)));
        let told = instance.get("users/me/history/videos", &viewer).await.body;
        assert!(!told.to_string().contains('~'), "{told}");
    }
}

#[tokio::test]
async fn a_moderator_leaves_to_an_administrator_what_is_theirs() {
    for instance in instances(Registration::Closed).await {
        let name = crate::field::Username::parse("keeper").unwrap();
        let password = instance.sidecar.create_user(&name, None, Role::Moderator).await.unwrap();
        let keeper = instance.token("keeper", password.reveal()).await;
        instance.user("alice").await;
        let private = About { privacy: Privacy::Private, ..about("Mine") };
        let (_, theirs) = instance.publish("root", private.clone()).await;
        let (_, a_users) = instance.publish("alice", private).await;
        assert_eq!(instance.get(&format!("videos/{theirs}"), &keeper).await.status, 404);
        assert_eq!(instance.get(&format!("videos/{a_users}"), &keeper).await.status, 200);
        for (uuid, wanted) in [(theirs, false), (a_users, true)] {
            let path = format!("videos/{uuid}");
            let gone = instance.ask("DELETE", &path, &keeper, Value::Null).await;
            assert_eq!(gone.status == 204, wanted, "{}", gone.body);
        }
    }
}

#[tokio::test]
async fn who_no_longer_works_in_a_channel_ends_no_upload_there() {
    for instance in instances(Registration::Closed).await {
        let database = &instance.sidecar.database;
        let (_, editor) = (instance.user("alice").await, instance.user("bob").await);
        let (alice, bob) = (instance.account("alice").await, instance.account("bob").await);
        let channel = channel::of_account(database, alice.id).await.unwrap().remove(0);
        let role = collaborator::Role::Editor;
        assert!(collaborator::ask(database, 5, channel.id, bob.id, role).await.unwrap());
        assert!(collaborator::accept(database, channel.id, bob.id).await.unwrap());
        let about = json!({ "name": "Boats", "channelId": channel.id, "filename": "a.mp4" });
        let mut request = Request::builder()
            .uri("/api/v1/videos/upload-resumable")
            .header(header::AUTHORIZATION, format!("Bearer {editor}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-upload-content-length", "5")
            .header("x-upload-content-type", "video/mp4")
            .body(Full::from(about.to_string()))
            .unwrap();
        let (upload, _) = instance.sidecar.begin_upload(&mut request).await.unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, format!("Bearer {editor}").parse().unwrap());
        headers.insert(header::CONTENT_RANGE, "bytes 0-4/5".parse().unwrap());
        let query = format!("upload_id={}", upload.id);
        assert!(instance.sidecar.find_upload(&headers, Some(&query)).await.is_ok());
        collaborator::end(database, channel.id, bob.id).await.unwrap();
        assert!(instance.sidecar.find_upload(&headers, Some(&query)).await.is_err());
        assert!(instance.sidecar.complete_upload(&upload.id).await.is_err());
        assert_eq!(video::tally(database, "account", &alice.id.to_string()).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn of_two_changes_at_once_none_is_lost() {
    for instance in instances(Registration::Closed).await {
        let owner = instance.user("alice").await;
        for round in 0..10 {
            let (id, uuid) = instance.publish("alice", about("The sea")).await;
            let path = format!("videos/{uuid}");
            let hide = instance.ask("PUT", &path, &owner, json!({ "privacy": 3 }));
            let tag = instance.ask("PUT", &path, &owner, json!({ "tags": ["deep"] }));
            tokio::join!(hide, tag);
            let video = video::by_id(&instance.sidecar.database, id).await.unwrap().unwrap();
            assert_eq!(video.privacy, Privacy::Private.id(), "round {round}");
            let now = instance.get(&path, &owner).await.body;
            assert_eq!(now["tags"], json!(["deep"]), "round {round}");
        }
    }
}

#[tokio::test]
async fn a_page_that_a_password_opened_is_counted_and_no_other_is() {
    for instance in instances(Registration::Closed).await {
        let passwords = vec!["open sesame".to_owned()];
        let locked = About { privacy: Privacy::Password, passwords, ..about("Locked") };
        let (_, uuid) = instance.publish("alice", locked).await;
        let id = uuid.parse().unwrap();
        for (password, site, wanted) in [
            ("open sesame", "same-origin", 204),
            ("open sesame", "cross-site", 403),
            ("guess", "same-origin", 403),
        ] {
            let kept = cookie::keep_video_password(&id, password, "http://a");
            let pair = kept.to_str().unwrap().split(';').next().unwrap().to_owned();
            let mut request = Request::builder()
                .method("POST")
                .uri(format!("/api/v1/videos/{uuid}/views"))
                .header(header::COOKIE, pair)
                .header("sec-fetch-site", site)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Full::from(r#"{"currentTime":7}"#))
                .unwrap();
            let peer = "127.0.0.1:5".parse().unwrap();
            let answer = instance.sidecar.answer(&mut request, peer).await;
            assert_eq!(answer.status(), wanted, "{password} {site}");
        }
    }
}

#[tokio::test]
async fn who_leaves_takes_along_what_is_theirs_and_an_administrator_stays() {
    for instance in instances(Registration::Closed).await {
        let token = instance.user("alice").await;
        let (_, uuid) = instance.publish("alice", about("The sea")).await;
        let root = instance.root().await;
        let leave =
            async |token: &str| instance.ask("DELETE", "users/me", token, Value::Null).await.status;
        assert_eq!(leave(&root).await, 403);
        assert_eq!(leave(&token).await, 204);
        assert_eq!(instance.get("users/me", &token).await.status, 401);
        for path in [format!("videos/{uuid}"), "accounts/alice".to_owned()] {
            assert_eq!(instance.get(&path, &root).await.status, 404, "{path}");
        }
        assert_eq!(instance.get("videos", &root).await.body["total"], 0);
        let due = instance.sidecar.withdrawals().await.unwrap();
        assert_eq!(due.iter().map(ToString::to_string).collect::<Vec<_>>(), [uuid]);
    }
}
