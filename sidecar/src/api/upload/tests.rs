//! Who may upload what, on both databases.

use super::*;
use crate::database::writing;
use crate::field::Username;
use crate::role::Role;
use crate::table::session::{self, Keys};
use crate::table::user;
use crate::token;
use crate::work::tests::instances;
use http_body_util::BodyExt;
use serde_json::Value;

/// Headers of somebody who is logged in.
async fn logged_in(sidecar: &Sidecar, name: &str) -> HeaderMap {
    let user = user::by_login(&sidecar.database, name).await.unwrap().unwrap();
    let (access_hash, refresh_hash) = (token::hash(name), token::hash(&format!("{name} again")));
    let keys = Keys {
        access_hash: &access_hash,
        access_expires_at: i64::MAX,
        refresh_hash: &refresh_hash,
        refresh_expires_at: i64::MAX,
    };
    session::begin(&sidecar.database, 5, user.id, keys).await.unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {name}").parse().unwrap());
    headers
}

/// What somebody gets who announces so many bytes for a channel.
async fn announce(
    sidecar: &Sidecar,
    headers: &HeaderMap,
    bytes: u64,
    channel: i64,
) -> Result<Allowed, (u16, String)> {
    let body = json!({ "filename": "a.mp4", "name": "The sea", "channelId": channel });
    let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
    *request.uri_mut() = RESUMABLE.parse().unwrap();
    *request.headers_mut() = headers.clone();
    request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    request.headers_mut().insert(UPLOAD_LENGTH, bytes.into());
    sidecar.begin_upload(&mut request).await.map(|(allowed, _)| allowed).map_err(refused)
}

fn refused(refusal: Refusal) -> (u16, String) {
    (refusal.answer().status().as_u16(), refusal.to_string())
}

async fn channel_of(sidecar: &Sidecar, name: &str) -> i64 {
    let found = channel::by_name(&sidecar.database, &format!("{name}_channel")).await;
    found.unwrap().unwrap().id
}

async fn run(sidecar: &Sidecar, sql: &'static str) {
    writing!(&sidecar.database, pool => sqlx::query(sql).execute(pool).await.map(drop)).unwrap();
}

#[tokio::test]
async fn an_upload_is_its_sender_s_alone_and_becomes_a_video_once() {
    for (sidecar, _trial) in instances().await {
        let alice = Username::parse("alice").unwrap();
        sidecar.create_user(&alice, None, Role::User).await.unwrap();
        let (root, alice) = (logged_in(&sidecar, "root").await, logged_in(&sidecar, "alice").await);
        let channel = channel_of(&sidecar, "alice").await;
        let upload = announce(&sidecar, &alice, 100, channel).await.unwrap();
        let query = format!("upload_id={}", upload.id);
        let mut part = alice.clone();
        part.insert(header::CONTENT_RANGE, "bytes 0-9/100".parse().unwrap());
        let sent = sidecar.find_upload(&part, Some(&query)).await.unwrap();
        assert_eq!((&sent.upload, sent.part), (&upload, Some(0..10)));
        let other = sidecar.find_upload(&root, Some(&query)).await.map_err(refused);
        assert_eq!(other.unwrap_err(), (404, "Upload not found".to_owned()));
        let open = sidecar.open_uploads().await.unwrap();
        assert_eq!(open, std::slice::from_ref(&upload));
        let mut answers = Vec::new();
        for _ in 0..2 {
            let reply = sidecar.complete_upload(&upload.id).await.unwrap();
            let body = reply.into_body().collect().await.unwrap().to_bytes();
            answers.push(serde_json::from_slice::<Value>(&body).unwrap());
        }
        assert_eq!(answers[0], answers[1]);
        assert!(sidecar.find_upload(&part, Some(&query)).await.unwrap().is_settled);
        let cancelled = sidecar.cancel_upload(&alice, Some(&query)).await.map_err(refused);
        assert_eq!(cancelled.unwrap_err().0, 404, "what is accepted stays");
    }
}

#[tokio::test]
async fn only_those_who_publish_in_a_channel_upload_to_it_at_its_owner_s_cost() {
    for (sidecar, _trial) in instances().await {
        let alice = Username::parse("alice").unwrap();
        sidecar.create_user(&alice, None, Role::User).await.unwrap();
        let (root, alice) = (logged_in(&sidecar, "root").await, logged_in(&sidecar, "alice").await);
        let channel = channel_of(&sidecar, "root").await;
        let unknown = (400, "Unknown video \"video channel\" for this instance.".to_owned());
        assert_eq!(announce(&sidecar, &alice, 100, channel).await, Err(unknown.clone()));
        assert_eq!(announce(&sidecar, &alice, 100, 99).await, Err(unknown));
        run(
            &sidecar,
            "INSERT INTO collaborator (channel_id, account_id, role, state, created_at) \
             SELECT channel.id, account.id, 1, 2, 0 FROM channel, account JOIN users ON users.id = account.user_id \
             WHERE users.username = 'alice' AND channel.account_id <> account.id",
        )
        .await;
        run(&sidecar, "UPDATE users SET video_quota = 150 WHERE username = 'root'").await;
        announce(&sidecar, &alice, 100, channel).await.unwrap();
        let quota = "The user video quota is exceeded with this video.".to_owned();
        assert_eq!(announce(&sidecar, &root, 51, channel).await, Err((413, quota)));
    }
}

#[tokio::test]
async fn a_quota_that_shrinks_stops_what_is_under_way() {
    for (sidecar, _trial) in instances().await {
        let root = logged_in(&sidecar, "root").await;
        let channel = channel_of(&sidecar, "root").await;
        let upload = announce(&sidecar, &root, 100, channel).await.unwrap();
        run(&sidecar, "UPDATE users SET video_quota = 99").await;
        let query = format!("upload_id={}", upload.id);
        let going_on = sidecar.find_upload(&root, Some(&query)).await.map_err(refused);
        assert_eq!(going_on.unwrap_err().0, 413);
        let whole = sidecar.complete_upload(&upload.id).await.map_err(refused);
        assert_eq!(whole.unwrap_err().0, 413);
        assert_eq!(sidecar.cancel_upload(&root, Some(&query)).await.unwrap(), (upload.id, None));
    }
}

#[track_caller]
fn check_range(text: &str, wanted: Option<Option<std::ops::Range<u64>>>) {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_RANGE, text.parse().unwrap());
    assert_eq!(content_range(&headers, 200).ok(), wanted, "{text}");
}

#[test]
fn a_content_range_lies_in_the_file() {
    check_range("bytes 0-99/200", Some(Some(0..100)));
    check_range("bytes 199-199/200", Some(Some(199..200)));
    check_range("bytes */200", Some(None));
    for bad in [
        "bytes 0-200/200",
        "bytes 5-4/200",
        "bytes 0-99/201",
        "bytes 0-99/*",
        "bytes */",
        "bytes -5/200",
        "bytes +0-99/200",
        "bytes 0-18446744073709551615/200",
        "bytes 0-99999999999999999999/200",
        "0-99/200",
        "items 0-99/200",
    ] {
        check_range(bad, None);
    }
    assert_eq!(content_range(&HeaderMap::new(), 200).unwrap(), Some(0..200));
}

#[test]
fn only_media_is_announced() {
    for good in ["video/mp4", "VIDEO/X-Matroska; a=b", "audio/flac", "application/octet-stream"] {
        assert!(may_be_a_video(good), "{good}");
    }
    for bad in [
        "application/vnd.apple.mpegurl",
        "audio/x-mpegurl",
        "image/svg+xml",
        "text/html",
        "application/zip",
        "",
    ] {
        assert!(!may_be_a_video(bad), "{bad}");
    }
}

#[tokio::test]
async fn a_picture_before_the_video_is_not_waited_for_without_end() {
    for (sidecar, _trial) in instances().await {
        let mut headers = logged_in(&sidecar, "root").await;
        let kind = "multipart/form-data; boundary=AaB";
        headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let begun = "--AaB\r\nContent-Disposition: form-data; name=\"thumbnailfile\"; filename=\"a\"\r\n\r\na";
        let begun = Ok::<_, std::io::Error>(hyper::body::Frame::data(Bytes::from(begun)));
        let pieces = futures_util::stream::iter([begun]);
        let pieces = futures_util::StreamExt::chain(pieces, futures_util::stream::pending());
        let mut body = http_body_util::StreamBody::new(pieces);
        let mut sending = sidecar.open_form(&headers, &mut body).await.unwrap();
        tokio::time::pause();
        let looked =
            tokio::time::timeout(CAPTION_PATIENCE * 9, sidecar.next_file(&mut sending)).await;
        tokio::time::resume();
        assert_eq!(looked.expect("an end").map_err(refused).unwrap_err().0, 408);
    }
}
