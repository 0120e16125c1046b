//! The answers under `/hls/`: GET and HEAD of a video's files, whole or in part, for pages of any host; if the video isn't
//! open to all, for whoever shows a capability, and pages of its own host.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use wire::capability::Key;

use crate::Reply;
use crate::cache::{Cache, Entry};
use crate::config::Config;
use crate::error::ServeError;
use crate::library::{Access, Library, Video};
use crate::limits::HOUSEKEEPING;
use crate::opening::Openings;
use crate::path::{KeptBy, MediaPath};
use crate::range::Wanted;

/// Serves the media of one library.
#[derive(Debug)]
pub struct Origin {
    cache: Cache,
    openings: Openings,
    key: Key,
}

impl Origin {
    /// Nothing is read before it is asked for. `key` is the one that capabilities are signed with.
    pub fn new(library: Library, config: &Config, key: Key) -> Origin {
        let cache = Cache::new(library, config.cache_bytes);
        Origin { cache, openings: Openings::default(), key }
    }

    /// Answers one request; its path may be any, and only what [`MediaPath`] describes is found.
    pub async fn answer<B>(&self, request: &Request<B>) -> Reply {
        match self.find(request).await {
            Ok(reply) => reply,
            Err(error) => refuse(&error),
        }
    }

    /// Where each rendition of a video begins, as JSON for the player's `data-opening`; `[]` when that can't be told.
    pub async fn opening(&self, video: &Video) -> Arc<str> {
        self.openings.of(&self.cache, video).await
    }

    /// The same of a video that isn't open to all, for a page whose viewer has this capability.
    pub async fn opening_with(&self, video: &Video, capability: &str) -> String {
        let opening = self.openings.of(&self.cache, video).await;
        let folder = format!("/hls/{}/", video.id);
        opening.replace(&folder, &format!("{folder}~{capability}/"))
    }

    /// Lets go of files that nobody asked for lately, for ever.
    pub async fn keep_house(self: Arc<Origin>) {
        let mut ticks = tokio::time::interval(HOUSEKEEPING);
        loop {
            ticks.tick().await;
            self.cache.tidy();
        }
    }

    async fn find<B>(&self, request: &Request<B>) -> Result<Reply, ServeError> {
        match *request.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(preflight()),
            _ => return Err(ServeError::Method),
        }
        let path = MediaPath::parse(request.uri().path()).ok_or(ServeError::NotFound)?;
        let entry = self.cache.open(&path).await?;
        let kept_by = self.admit(&path, entry.access())?;
        let mut reply = choose(request, &entry)?;
        let headers = reply.headers_mut();
        headers.insert(header::ETAG, entry.etag().value());
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(path.kind.cache_control(kept_by)),
        );
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if reply.status() != StatusCode::NOT_MODIFIED {
            reply
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static(path.kind.content_type()));
        }
        Ok(match kept_by {
            KeptBy::Everybody => open_to_all(reply),
            KeptBy::Viewer => open_to_own_pages(reply),
        })
    }

    /// Whether a request may read a file, and who may keep the answer. A capability that isn't needed must be good, too, so
    /// that one file has no more than one address that shared caches keep.
    fn admit(&self, path: &MediaPath<'_>, access: Access) -> Result<KeptBy, ServeError> {
        match (path.capability, access) {
            (None, Access::Open) => Ok(KeptBy::Everybody),
            (None, Access::Capability) => Err(ServeError::NotFound),
            (Some(shown), _) => {
                let checked = self.key.check(shown, &path.id, now());
                checked.map(|()| KeptBy::Viewer).map_err(|_| ServeError::NotFound)
            }
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A short plain text.
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply
}

/// Status and body by the request's conditions and range, in the order of RFC 9110 §13.2.2.
///
/// A HEAD never looks at `Range`, which is defined for GET only.
fn choose<B>(request: &Request<B>, entry: &Entry) -> Result<Reply, ServeError> {
    let headers = request.headers();
    let is_head = request.method() == Method::HEAD;
    let mut reply = Response::new(Full::default());
    if entry.etag().is_known_to(headers) {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(reply);
    }
    let wanted = if is_head || !entry.etag().allows_range(headers) {
        Wanted::All
    } else {
        Wanted::of(headers, entry.len())
    };
    let range = match wanted {
        Wanted::All => 0..entry.len(),
        Wanted::Part(range) => {
            let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, entry.len());
            reply.headers_mut().insert(header::CONTENT_RANGE, ascii(shown));
            *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
            range
        }
        Wanted::Unsatisfiable => return Err(ServeError::Unsatisfiable(entry.len())),
    };
    reply.headers_mut().insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if !is_head {
        *reply.body_mut() = Full::new(entry.slice(range));
        if let Some(mapped) = entry.mapped() {
            reply.extensions_mut().insert(mapped);
        }
    }
    Ok(reply)
}

/// The one place where a failure becomes a status.
fn refuse(error: &ServeError) -> Reply {
    let status = match error {
        ServeError::NotFound => StatusCode::NOT_FOUND,
        ServeError::Method => StatusCode::METHOD_NOT_ALLOWED,
        ServeError::Unsatisfiable(_) => StatusCode::RANGE_NOT_SATISFIABLE,
        ServeError::Unreadable(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if status.is_server_error() {
        tracing::error!("{error}");
    }
    let shown = if status.is_server_error() {
        "the file cannot be read just now\n".into()
    } else {
        format!("{error}\n")
    };
    let mut reply = text(status, shown);
    match error {
        ServeError::Method => {
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(METHODS));
        }
        ServeError::Unsatisfiable(length) => {
            reply.headers_mut().insert(header::CONTENT_RANGE, ascii(format!("bytes */{length}")));
        }
        ServeError::NotFound | ServeError::Unreadable(_) => {}
    }
    open_to_all(reply)
}

/// What a browser asks before a script on another host may send `Range`.
fn preflight() -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in [
        (header::ALLOW, METHODS),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Range, If-Range, If-None-Match"),
        // Chromium keeps it for two hours at most.
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    open_to_all(reply)
}

/// Public media may be read, timed and embedded by every page.
fn open_to_all(mut reply: Reply) -> Reply {
    for (name, value) in OPEN_TO_ALL {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// Media that isn't open to all is for pages of this host, embeds among them: an address that leaked plays on no other page.
fn open_to_own_pages(mut reply: Reply) -> Reply {
    for (name, value) in OPEN_TO_OWN_PAGES {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("digits and words are a header's value")
}

const METHODS: &str = "GET, HEAD, OPTIONS";

const OPEN_TO_ALL: [(HeaderName, &str); 5] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Accept-Ranges, Content-Length, Content-Range, ETag, Retry-After",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("timing-allow-origin"), "*"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

const OPEN_TO_OWN_PAGES: [(HeaderName, &str); 2] = [
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];
