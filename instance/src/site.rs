//! Which answer a URL gets: a page, the player's files, media, the tracker, health or counters.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use http::header::{self, HeaderName};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use origin::library::{Library, LibraryError, Video};
use origin::metrics::{self, Metrics};
use origin::{Origin, Reply};
use sidecar::Sidecar;
use tracker::Tracker;
use wire::id::VideoId;

use crate::assets::Assets;
use crate::config::Config;
use crate::embed::Options;
use crate::pages::{Embed, Frame, Missing, Shelf, Watch};

/// A whole instance, as visitors see it.
pub(crate) struct Site {
    frame: Frame,
    assets: Assets,
    library: Library,
    media: Arc<Origin>,
    tracker: Arc<Tracker>,
    sidecar: Arc<Sidecar>,
    metrics: Arc<Metrics>,
    public_metrics: bool,
}

impl Site {
    /// `address` is the one really listened on, which the public URL falls back to.
    pub(crate) fn new(
        config: &Config,
        address: SocketAddr,
        library: Library,
        media: Arc<Origin>,
        tracker: Arc<Tracker>,
        sidecar: Arc<Sidecar>,
        metrics: Arc<Metrics>,
    ) -> Site {
        let assets = Assets::load();
        let frame = Frame::new(config, address, &assets);
        if frame.player.is_none() {
            tracing::warn!("this build lacks the player: run cargo xtask build");
        }
        Site {
            frame,
            assets,
            library,
            media,
            tracker,
            sidecar,
            metrics,
            public_metrics: config.server.public_metrics,
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: &mut Request<Incoming>, peer: SocketAddr) -> Reply {
        if request.uri().path() == tracker::serve::PATH {
            return self.tracker.answer(request);
        }
        if request.uri().path().starts_with(sidecar::PREFIX) {
            return self.sidecar.answer(request, peer).await;
        }
        let request = &*request;
        let path = request.uri().path();
        if path.starts_with("/hls/") {
            return self.media.answer(request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = origin::serve::text(
                StatusCode::METHOD_NOT_ALLOWED,
                "only GET and HEAD are answered here\n",
            );
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        match path {
            "/health" => origin::serve::text(StatusCode::OK, "ok\n"),
            "/metrics" if self.public_metrics || metrics::may_see(request, peer) => {
                self.metrics.answer_with(&self.tracker.metrics())
            }
            _ => match self.assets.answer(request) {
                Some(reply) => reply,
                None => self.page(path, request.uri().query().unwrap_or_default()).await,
            },
        }
    }

    async fn page(&self, path: &str, query: &str) -> Reply {
        let found = match path.split('/').skip(1).collect::<Vec<_>>()[..] {
            [""] => self.shelf(query).await,
            ["w", id] => self.watch(id).await,
            ["videos", "watch", id] => self.forward(id).await,
            ["videos", "embed", id] => self.embed(id, query).await,
            _ => Err(PageError::NotFound),
        };
        found.unwrap_or_else(|error| self.refuse(&error))
    }

    async fn shelf(&self, query: &str) -> Result<Reply, PageError> {
        let mut videos = self.look_up(Library::videos).await?;
        videos.retain(|video| video.access.is_open());
        let page = query.strip_prefix("page=").and_then(|page| page.parse().ok()).unwrap_or(1);
        let shelf = Shelf::new(&self.frame, &videos, page, now_ms()).ok_or(PageError::NotFound)?;
        Ok(html(StatusCode::OK, &shelf, Framing::Refused))
    }

    async fn watch(&self, id: &str) -> Result<Reply, PageError> {
        let (id, video) = self.find(id, Form::Short).await?;
        let Some(video) = video else { return Ok(moved(&format!("/w/{}", id.short()))) };
        let opening = self.media.opening(&video).await;
        let page = Watch::new(&self.frame, &id, &video, opening, now_ms());
        Ok(html(StatusCode::OK, &page, Framing::Refused))
    }

    async fn forward(&self, id: &str) -> Result<Reply, PageError> {
        let (id, _) = self.find(id, Form::Either).await?;
        Ok(moved(&format!("/w/{}", id.short())))
    }

    async fn embed(&self, id: &str, query: &str) -> Result<Reply, PageError> {
        let (id, video) = self.find(id, Form::Either).await?;
        let video = video.ok_or(PageError::NotFound)?;
        let opening = self.media.opening(&video).await;
        let page = Embed::new(&self.frame, &id, &video, opening, Options::parse(query));
        Ok(html(StatusCode::OK, &page, Framing::Allowed))
    }

    /// A public video by its id; without its record when the id isn't in the form that the page wants.
    async fn find(&self, text: &str, form: Form) -> Result<(VideoId, Option<Video>), PageError> {
        let id: VideoId = text.parse().map_err(|_| PageError::NotFound)?;
        let video = self.look_up(move |library| library.video(&id)).await?;
        let video = video.filter(|video| video.access.is_open()).ok_or(PageError::NotFound)?;
        let is_wanted = form == Form::Either || text == id.short();
        Ok((id, is_wanted.then_some(video)))
    }

    /// Reads the library on a thread that may wait for the disk.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Library) -> Result<T, LibraryError> + Send + 'static,
    ) -> Result<T, PageError> {
        let library = self.library.clone();
        let looked_up = tokio::task::spawn_blocking(move || work(&library)).await;
        looked_up.map_err(|_| PageError::Stopped)?.map_err(PageError::Library)
    }

    /// The one place where a page that can't be had becomes a status.
    fn refuse(&self, error: &PageError) -> Reply {
        match error {
            PageError::NotFound => {
                html(StatusCode::NOT_FOUND, &Missing { frame: &self.frame }, Framing::Refused)
            }
            PageError::Library(_) | PageError::Stopped => {
                tracing::error!("{error}");
                origin::serve::text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the library cannot be read just now\n",
                )
            }
        }
    }
}

/// Which spelling of an id a page wants in its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Short,
    Either,
}

/// Why there is no page, sorted by blame: the visitor, then the machine.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error("there is no such page")]
    NotFound,
    #[error(transparent)]
    Library(LibraryError),
    #[error("the process is ending")]
    Stopped,
}

/// Whether other sites may show a page in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Allowed,
    Refused,
}

fn html(status: StatusCode, page: &impl Template, framing: Framing) -> Reply {
    let Ok(text) = page.render() else {
        return origin::serve::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this page cannot be shown\n",
        );
    };
    let mut reply = Response::new(Full::new(text.into()));
    *reply.status_mut() = status;
    let policy = match framing {
        Framing::Allowed => POLICY_OF_EMBEDS,
        Framing::Refused => POLICY,
    };
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if framing == Framing::Allowed {
        let name = HeaderName::from_static("cross-origin-resource-policy");
        reply.headers_mut().insert(name, HeaderValue::from_static("cross-origin"));
    }
    reply
}

fn moved(to: &str) -> Reply {
    let mut reply = origin::serve::text(StatusCode::MOVED_PERMANENTLY, format!("moved to {to}\n"));
    let to = HeaderValue::try_from(to).expect("a path of base-58 digits is a header's value");
    reply.headers_mut().insert(header::LOCATION, to);
    reply
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

macro_rules! policy {
    ($ancestors:literal) => {
        concat!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; ",
            "media-src 'self' blob:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; ",
            "frame-ancestors ",
            $ancestors
        )
    };
}

const POLICY: &str = policy!("'none'");
const POLICY_OF_EMBEDS: &str = policy!("*");

/// What a player needs, and nothing that could watch a viewer.
const PERMISSIONS: &str = "autoplay=*, fullscreen=*, picture-in-picture=*, camera=(), geolocation=(), microphone=(), \
                           payment=(), usb=()";
