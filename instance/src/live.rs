//! `/api/shoal/v1/videos/<id>/progress/events`: how far a video is, told to its owner as it changes (Server-Sent Events).
//!
//! ```text
//! data: {"stage":"transcoding","percent":40,…}     what `…/progress` answers, when it changes
//! :                                                now and then, so that a dead line is noticed
//! ```
//! It ends when nothing more will change, or when whoever listens may not any more. There are only so many at once: whoever
//! is refused asks `…/progress` now and then.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use sidecar::upload::{Refusal, Trouble};
use sidecar::{OWN_PREFIX, Sidecar};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use wire::id::VideoId;

use crate::sent::{Sent, at_once, by_and_by};

/// Where owners listen.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    sidecar: Arc<Sidecar>,
    places: Arc<Semaphore>,
    asked_to_end: CancellationToken,
}

/// One who listens.
struct Listener {
    live: Live,
    headers: HeaderMap,
    video: VideoId,
    told: String,
    is_over: bool,
    /// Looks since something was last said.
    silent: u32,
    /// Looks that are left.
    left: u32,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(crate) fn new(sidecar: Arc<Sidecar>, asked_to_end: CancellationToken) -> Live {
        Live { sidecar, places: Arc::new(Semaphore::new(AT_ONCE)), asked_to_end }
    }

    /// The video that a path is about, if it is one where owners listen.
    pub(crate) fn video(path: &str) -> Option<VideoId> {
        let rest = path.strip_prefix(OWN_PREFIX)?.strip_prefix("videos/")?;
        rest.strip_suffix("/progress/events")?.parse().ok()
    }

    /// Answers one request.
    pub(crate) async fn answer(self, request: &Request<Incoming>, video: VideoId) -> Sent {
        match *request.method() {
            Method::GET => match self.listen(request.headers(), video).await {
                Ok(sent) => sent,
                Err(refusal) => at_once(refusal.answer()),
            },
            Method::OPTIONS => at_once(self.sidecar.allow_listening()),
            _ => at_once(self.sidecar.refuse_listening()),
        }
    }

    async fn listen(self, headers: &HeaderMap, video: VideoId) -> Result<Sent, Refusal> {
        let (told, is_over) = self.sidecar.progress(headers, video).await?;
        let place = Arc::clone(&self.places).try_acquire_owned();
        let _place = place.map_err(|_| Refusal::from(Trouble::ManyListen))?;
        let first = event(&told);
        let listener = Listener {
            live: self,
            headers: headers.clone(),
            video,
            told,
            is_over,
            silent: 0,
            left: LOOKS,
            _place,
        };
        let rest = stream::unfold(listener, |mut listener| async move {
            let piece = listener.next().await?;
            Some((piece, listener))
        });
        let first = stream::once(std::future::ready(first));
        let mut sent = Response::new(by_and_by(futures_util::StreamExt::chain(first, rest)));
        for (name, value) in [
            (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            // Has nginx hand on what it gets, and not gather it.
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ] {
            sent.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Ok(sent)
    }
}

impl Listener {
    /// What is said next; `None` when that was all.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.is_over && self.left > 0 {
            self.left -= 1;
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.live.asked_to_end.cancelled() => return None,
            }
            // Whoever may not any more, or is lost to the database, hears no more.
            let (told, is_over) =
                self.live.sidecar.progress(&self.headers, self.video).await.ok()?;
            self.is_over = is_over;
            self.silent += 1;
            if told != self.told {
                (self.silent, self.told) = (0, told);
                return Some(event(&self.told));
            }
            if self.silent >= SILENCE {
                self.silent = 0;
                return Some(Bytes::from_static(b":\n\n"));
            }
        }
        None
    }
}

/// JSON has no line breaks of its own.
fn event(json: &str) -> Bytes {
    Bytes::from(format!("data: {json}\n\n"))
}

/// Those who listen at once: each looks once a second.
const AT_ONCE: usize = 64;

/// How often it is looked: as often as workers tell.
const LOOK: Duration = Duration::from_secs(1);

/// Looks without a change after which something is said all the same.
const SILENCE: u32 = 15;

/// Looks of one who listens, an hour of them; browsers come back by themselves.
const LOOKS: u32 = 3_600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_listen_at_a_video_s_own_path() {
        let id = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
        let path = format!("/api/shoal/v1/videos/{id}/progress/events");
        assert_eq!(Live::video(&path).map(|id| id.to_string()).as_deref(), Some(id));
        for other in [
            format!("/api/shoal/v1/videos/{id}/progress"),
            format!("/api/v1/videos/{id}/progress/events"),
            "/api/shoal/v1/videos/x/progress/events".to_owned(),
        ] {
            assert_eq!(Live::video(&other), None, "{other}");
        }
    }
}
