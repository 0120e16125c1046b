//! What strangers try at the door, so that nobody else gets through it: on both databases.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use hyper::body::Frame;

use super::tests::{activity, federating, known, post, published};
use super::*;
use crate::config::{Federation, RemoteComments};
use crate::table::remote_actor::Kind;
use crate::table::{follow, task, video};

/// A body of which the beginning comes, and then nothing.
struct Stuck(Option<Bytes>);

impl Body for Stuck {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

fn stuck(bytes: usize) -> Request<Stuck> {
    let mut request = Request::new(Stuck((bytes > 0).then(|| vec![b' '; bytes].into())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/inbox".parse().unwrap();
    request.headers_mut().insert(header::CONTENT_LENGTH, MOST_BYTES.into());
    request
}

#[tokio::test]
async fn who_sends_nothing_takes_no_room_and_who_sends_much_leaves_others_theirs() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let (id, url) = published(sidecar).await;
        // Of twenty addresses, each a hundred that say they are long; of one, seven that are.
        let mut waiting = Vec::new();
        for (from, times, bytes) in (10..30).map(|no| (no, 100, 0)).chain([(30, 7, MOST_BYTES - 1)])
        {
            for _ in 0..times {
                let peer = SocketAddr::from(([203, 0, 113, from], 9));
                waiting.push((stuck(bytes), peer, bytes));
            }
        }
        let mut reading = Vec::new();
        let mut full = 0;
        for (request, peer, bytes) in &mut waiting {
            let mut read = Box::pin(sidecar.read_posted(request, *peer));
            match (&mut read).now_or_never() {
                None => reading.push(read),
                Some(read) => {
                    assert_eq!(*bytes, MOST_BYTES - 1);
                    assert_eq!(read.unwrap().unwrap_err().status(), 503);
                    full += 1;
                }
            }
        }
        assert_eq!((reading.len(), full), (2_006, 1));
        assert_eq!(post(&ada, &activity("Like", 1, &ada, url)).to(sidecar).await, 202);
        let found = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
        assert_eq!(found.likes, 1);
    }
}

#[tokio::test]
async fn what_is_passed_on_and_refused_is_no_reason_to_send_it_again() {
    let settings = Federation { comments: RemoteComments::Off, ..Federation::default() };
    for (settings, asked) in [(Federation::default(), true), (settings, false)] {
        for instance in federating(settings).await {
            let sidecar = &instance.sidecar;
            let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
            let note = "https://three.example/notes/1";
            let mut create = activity("Create", 1, &ada, json!({ "type": "Note", "id": note }));
            create["actor"] = "https://three.example/users/eve".into();
            assert_eq!(post(&ada, &create).to(sidecar).await, 202);
            let found = task::of(&sidecar.database, task::Kind::Note, note).await.unwrap();
            assert_eq!(found.is_some(), asked);
        }
    }
}

#[tokio::test]
async fn what_somebody_listened_to_does_nothing_later() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
        let follows = async || follow::of(&sidecar.database, ada.id, us).await.unwrap().is_some();
        let asks = activity("Follow", 1, &ada, "https://one.example/accounts/peertube");
        let heard = post(&ada, &asks);
        assert_eq!(heard.to(sidecar).await, 202);
        assert!(follows().await);
        let ends = activity("Undo", 2, &ada, asks.clone());
        assert_eq!(post(&ada, &ends).to(sidecar).await, 202);
        assert!(!follows().await);
        let long_ago = "UPDATE heard SET heard_at = heard_at - 60000";
        crate::database::writing!(&sidecar.database, pool => {
            sqlx::query(long_ago).execute(pool).await.map(drop)
        })
        .unwrap();
        assert_eq!(heard.to(sidecar).await, 202);
        assert!(!follows().await, "the same request, byte for byte");
        let mut later = heard;
        later.now -= Duration::from_secs(9);
        assert_eq!(later.to(sidecar).await, 202);
        assert!(follows().await, "the same, asked anew");
    }
}

#[tokio::test]
async fn what_comes_while_the_same_is_being_done_comes_again_and_is_done_once() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let (id, url) = published(sidecar).await;
        let viewed = activity("View", 1, &ada, url);
        let view = post(&ada, &viewed);
        let first = sidecar.inbox.under_way.take(viewed["id"].as_str().unwrap(), 1).unwrap();
        assert_eq!(view.to(sidecar).await, 429);
        drop(first);
        for _ in 0..2 {
            assert_eq!(view.to(sidecar).await, 202);
        }
        let found = video::by_id(&sidecar.database, id).await.unwrap().unwrap();
        assert_eq!(found.views, 1);
    }
}

#[tokio::test]
async fn what_no_database_keeps_is_no_fault_of_ours() {
    for instance in federating(Federation::default()).await {
        let sidecar = &instance.sidecar;
        let ada = known(sidecar, "ada", "two.example", Kind::Person).await;
        let (_, url) = published(sidecar).await;
        let nobody = json!({ "type": "Delete", "id": "\0", "actor": "\0", "object": "\0" });
        assert_eq!(post(&ada, &nobody).to(sidecar).await, 400);
        let flag = json!({ "content": "bad\0", "tag": [] });
        let mut flagged = activity("Flag", 1, &ada, url.as_str());
        flagged["content"] = flag["content"].clone();
        assert_eq!(post(&ada, &flagged).to(sidecar).await, 202);
        let note = json!({
            "type": "Note", "id": format!("{}/notes/1", ada.url), "attributedTo": ada.url, "inReplyTo": url,
            "to": "as:Public", "summary": "a\0b", "mediaType": "text/plain", "content": "c\0d",
        });
        assert_eq!(post(&ada, &activity("Create", 2, &ada, note)).to(sidecar).await, 202);
        let note = format!("{}/notes/1", ada.url);
        let made = crate::table::comment::by_url(&sidecar.database, &note).await.unwrap().unwrap();
        assert_eq!(made.text, "<p><strong>ab</strong></p><p>cd</p>");
        let undo = activity("Undo", 3, &ada, "https://two.example/\0");
        assert_eq!(post(&ada, &undo).to(sidecar).await, 202);
    }
}

#[tokio::test]
async fn one_address_makes_us_ask_so_many_at_once_and_leaves_others_theirs() {
    let inbox = Inbox::new();
    let sites: Vec<String> = (0..ASKING).map(|no| format!("site{no}.com")).collect();
    let turn =
        |from: &str, site: &str| inbox.asking_for.take(from, 1).zip(inbox.turn_to_ask_of(site));
    let eve: Vec<_> = sites.iter().map_while(|site| turn("eve", site)).collect();
    assert_eq!(eve.len(), ASKING_FOR);
    let below: Vec<_> = (0..).map_while(|no| turn("bob", &format!("s{no}.evil.com"))).collect();
    assert_eq!(below.len(), ASKING_ONE);
    assert!(turn("ada", "honest.org").is_some());
}
