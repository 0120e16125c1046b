//! `/download/…`: a video's file to keep, for whoever may see the video and if its owner lets people have it; no faster than the
//! house allows, so that viewers have the line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use origin::{Origin, Reply};
use serde::{Deserialize, Serialize};
use sidecar::visitor::Asker;
use sidecar::{Seen, Sidecar, cookie};
use tokio::sync::Mutex;
use tokio::time::Instant;
use wire::id::VideoId;

use crate::sent::{Sent, at_once, by_and_by};

/// The section `[downloads]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Downloads {
    /// Of each download; 0 is without a bound.
    pub(crate) bytes_per_second: u64,
    /// Of all together; 0 is without a bound.
    pub(crate) total_bytes_per_second: u64,
}

/// Where files are had.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    sidecar: Arc<Sidecar>,
    media: Arc<Origin>,
    each: u64,
    all: Arc<Pace>,
}

/// Bytes one after the other, so many in a second.
#[derive(Debug)]
struct Pace {
    rate: u64,
    /// When the last are through. Whose turn it is holds it, in the order in which they came; who leaves before has taken nothing.
    through: Mutex<Option<Instant>>,
}

impl Desk {
    pub(crate) fn new(sidecar: Arc<Sidecar>, media: Arc<Origin>, settings: &Downloads) -> Desk {
        let all = Arc::new(Pace::new(settings.total_bytes_per_second));
        Desk { sidecar, media, each: settings.bytes_per_second, all }
    }

    /// Which video and height a path asks for, ours or PeerTube's.
    pub(crate) fn file(path: &str) -> Option<(VideoId, i64)> {
        let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
        let name = name.strip_suffix(".mp4")?;
        let name = name.strip_suffix("-fragmented").unwrap_or(name);
        let (video, height) = name.rsplit_once('-')?;
        Some((video.parse().ok()?, height.parse::<u16>().ok()?.into()))
    }

    /// Answers one request.
    pub(crate) async fn answer(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
        file: (VideoId, i64),
    ) -> Sent {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = "only GET and HEAD are answered here\n";
            return at_once(origin::serve::text(StatusCode::METHOD_NOT_ALLOWED, text));
        }
        match self.find(request, peer, file).await {
            Ok(reply) => self.slowed(reply),
            Err(status) => at_once(origin::serve::text(status, "there is no such file\n")),
        }
    }

    async fn find(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
        (id, height): (VideoId, i64),
    ) -> Result<Reply, StatusCode> {
        let headers = request.headers();
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!("{error}");
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let visitor = self.sidecar.visitor(headers).await.map_err(|error| failed(&error))?;
        let from = self.sidecar.counted(headers, peer);
        let password = cookie::video_password(headers, &id);
        let asker = Asker { visitor: visitor.as_ref(), password: password.as_deref(), from: &from };
        let seen = self.sidecar.video_page(&id.to_string(), asker).await;
        let Seen::Shown(page) = seen.map_err(|error| failed(&error))? else {
            return Err(StatusCode::NOT_FOUND);
        };
        if !page.download_enabled && !page.may_edit {
            return Err(StatusCode::FORBIDDEN);
        }
        let medium = page.medium.as_ref().ok_or(StatusCode::NOT_FOUND)?;
        let path = medium.file(height).ok_or(StatusCode::NOT_FOUND)?;
        let mut asked = Request::new(());
        *asked.method_mut() = request.method().clone();
        *asked.uri_mut() = path.parse().map_err(|error| failed(&error))?;
        *asked.headers_mut() = headers.clone();
        let mut reply = self.media.answer(&asked).await;
        let name = format!("{}-{height}p.mp4", page.card.name);
        let name = format!(
            "attachment; filename=\"{}-{height}p.mp4\"; filename*=UTF-8''{}",
            id.short(),
            encoded(&name)
        );
        if let Ok(name) = HeaderValue::try_from(name) {
            reply.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        }
        // Whether it may be had can change; the bytes are the same under another address.
        reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(reply)
    }

    fn slowed(&self, reply: Reply) -> Sent {
        if self.each == 0 && self.all.rate == 0 {
            return at_once(reply);
        }
        let (head, body) = reply.into_parts();
        // It is in memory, or mapped: one piece.
        let Some(Ok(frame)) = now(body) else {
            return Sent::from_parts(head, by_and_by(stream::empty()));
        };
        let whole = frame.into_data().unwrap_or_default();
        let paces = [Arc::new(Pace::new(self.each)), Arc::clone(&self.all)];
        let pieces = stream::unfold((whole, paces), |(mut rest, paces)| async move {
            if rest.is_empty() {
                return None;
            }
            let piece = rest.split_to(rest.len().min(PIECE));
            for pace in &paces {
                pace.take(piece.len()).await;
            }
            Some((piece, (rest, paces)))
        });
        Sent::from_parts(head, by_and_by(pieces))
    }
}

impl Pace {
    fn new(rate: u64) -> Pace {
        Pace { rate, through: Mutex::default() }
    }

    /// Waits until so many bytes are through: whoever asks for little, again and again, is no faster.
    async fn take(&self, bytes: usize) {
        if self.rate == 0 {
            return;
        }
        let lasts = Duration::from_secs_f64(bytes as f64 / self.rate as f64);
        let mut through = self.through.lock().await;
        let now = Instant::now();
        let lately = now.checked_sub(LATE).unwrap_or(now);
        let at = through.map_or(now, |through| through.max(lately)) + lasts;
        tokio::time::sleep_until(at).await;
        *through = Some(at);
    }
}

/// The piece that a body is, which needs no waiting.
fn now(
    mut body: origin::Answer,
) -> Option<Result<hyper::body::Frame<Bytes>, std::convert::Infallible>> {
    futures_util::FutureExt::now_or_never(body.frame()).flatten()
}

/// A file's name in a header (RFC 8187 §3.2).
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let each = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    each.collect()
}

/// PeerTube's folders of files to keep.
const FOLDERS: [&str; 2] = ["/download/videos/", "/download/streaming-playlists/hls/videos/"];

/// What goes at once: little enough for a slow pace, and enough for a fast one.
const PIECE: usize = 64 << 10;

/// How much later than they should timers may wake up without the pace being lost.
const LATE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_peertube_s_names() {
        let id = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
        #[track_caller]
        fn check(path: &str, wanted: Option<i64>) {
            assert_eq!(Desk::file(path).map(|(_, height)| height), wanted, "{path}");
        }
        check(&format!("/download/videos/{id}-720.mp4"), Some(720));
        let hls = "/download/streaming-playlists/hls/videos";
        check(&format!("{hls}/{id}-240-fragmented.mp4"), Some(240));
        check(&format!("{hls}/{id}-0-fragmented.mp4"), Some(0));
        for other in ["-720.webm", "-x.mp4", ".mp4", "-720-.mp4", "/../key-1.mp4", "--1.mp4"] {
            check(&format!("/download/videos/{id}{other}"), None);
        }
        check(&format!("/download/{id}-720.mp4"), None);
    }

    #[test]
    fn a_file_s_name_stays_within_its_header() {
        assert_eq!(encoded("La mer\r\n\"é\".mp4"), "La%20mer%0D%0A%22%C3%A9%22.mp4");
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_are_no_faster_than_the_house_allows() {
        let (pace, begun) = (Pace::new(1_000), Instant::now());
        futures_util::future::join_all((0..20).map(|_| pace.take(500))).await;
        assert!(begun.elapsed() >= Duration::from_secs(10), "{:?}", begun.elapsed());
        tokio::time::advance(Duration::from_secs(60)).await;
        let begun = Instant::now();
        for _ in 0..20 {
            pace.take(500).await;
        }
        let least = Duration::from_secs(10) - LATE;
        assert!(begun.elapsed() >= least, "something is saved up: {:?}", begun.elapsed());
        let begun = Instant::now();
        Pace::new(0).take(usize::MAX).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_keeps_nobody_waiting() {
        let (pace, begun) = (Pace::new(1_000), Instant::now());
        for _ in 0..1_000 {
            let leaving = tokio::time::timeout(Duration::ZERO, pace.take(1_000));
            assert!(leaving.await.is_err());
        }
        pace.take(1_000).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
