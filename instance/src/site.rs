//! Which answer a URL gets: a page, the player's files, media, the tracker, health or counters.
//!
//! What the pages of a room show and do is in a module of its own.

mod about;
mod elsewhere;
mod enter;
mod export;
mod federation;
mod identity;
mod notices;
mod order;
mod reports;
mod settings;
mod shelf;
mod studio;
mod talk;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use origin::downloads::Downloads;
use origin::library::{Library, LibraryError};
use origin::metrics::{self, Metrics};
use origin::{Origin, Reply};
use sidecar::export::DOWNLOADS;
use sidecar::view::{Unavailable, Whose};
use sidecar::{ApiError, Fields, Sidecar, Wanted, cookie};
use tracker::Tracker;

use crate::assets::Assets;
use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::form::sentence;
use crate::health::Health;
use crate::inbox;
use crate::language::Language;
use crate::meetings::Meetings;
use crate::pages::{Frame, Missing, Refusal};
use crate::pictures::Pictures;
use crate::portrait;
use crate::swarms::KnownSwarms;
use crate::visit::{Visit, local_path};
use enter::parameter;
use settings::Part;
use watch::Knock;

/// A whole instance, as visitors see it.
pub(crate) struct Site {
    frame: Frame,
    assets: Assets,
    catalogue: Catalogue,
    sidecar: Arc<Sidecar>,
    media: Arc<Origin>,
    downloads: Downloads,
    tracker: Arc<Tracker>,
    swarms: Arc<KnownSwarms>,
    meetings: Arc<Meetings>,
    pictures: Arc<Pictures>,
    metrics: Arc<Metrics>,
    health: Health,
    public_metrics: bool,
}

impl Site {
    /// `address` is the one really listened on, which the public URL falls back to.
    pub(crate) fn new(
        config: &Config,
        address: SocketAddr,
        catalogue: Catalogue,
        media: Arc<Origin>,
        (tracker, swarms): (Arc<Tracker>, Arc<KnownSwarms>),
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
            health: Health::new(Arc::clone(&catalogue.sidecar), catalogue.library.clone()),
            sidecar: Arc::clone(&catalogue.sidecar),
            downloads: Downloads::new(&catalogue.library),
            pictures: Arc::new(Pictures::new(&catalogue, config.import.clone())),
            catalogue,
            media,
            tracker,
            swarms,
            meetings: Arc::default(),
            metrics,
            public_metrics: config.server.public_metrics,
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: &mut Request<Incoming>, peer: SocketAddr) -> Reply {
        if request.uri().path() == tracker::serve::PATH {
            return self.tracker.answer(request);
        }
        let prefixes = [sidecar::PREFIX, sidecar::OWN_PREFIX];
        if prefixes.iter().any(|prefix| request.uri().path().starts_with(prefix)) {
            return self.catalogue.answer_api(request, peer).await;
        }
        if request.uri().path().starts_with("/hls/") {
            return self.media.answer(request).await;
        }
        match *request.method() {
            Method::GET | Method::HEAD => self.show(request, peer).await,
            Method::POST => match inbox::hear(&self.sidecar, request, peer).await {
                Some(reply) => reply,
                None => self.act(request, peer).await,
            },
            _ => refuse_method(),
        }
    }

    async fn show(&self, request: &Request<Incoming>, peer: SocketAddr) -> Reply {
        match request.uri().path() {
            "/health" => self.health.answer().await,
            "/robots.txt" => origin::serve::text(StatusCode::OK, self.frame.robots()),
            "/metrics" if self.public_metrics || metrics::may_see(request, peer) => {
                let others = self.tracker.metrics() + &self.sidecar.metrics().await;
                self.metrics.answer_with(&others)
            }
            _ => match self.assets.answer(request) {
                Some(reply) => reply,
                None => self.page(request, peer).await,
            },
        }
    }

    async fn page(&self, request: &Request<Incoming>, peer: SocketAddr) -> Reply {
        if let Some(reply) = self.sidecar.answer_public(request.uri()).await {
            return reply;
        }
        let from = self.sidecar.counted(request.headers(), peer);
        if let Some(reply) = self.sidecar.tell(request.uri(), request.headers(), &from).await {
            return reply;
        }
        if let Some(reply) = self.pictures.show(request.uri().path()).await {
            return reply;
        }
        if let Some(reply) = portrait::show(&self.catalogue.library, request.uri().path()).await {
            return reply;
        }
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let visit = match self.visit(request).await {
            Ok(visit) => visit,
            Err(error) => return self.refuse(&self.stranger(request), &error),
        };
        let knock = Knock { headers: request.headers(), peer, fields: None };
        let found = self.page_of(&visit, path, query, knock).await;
        let mut reply = found.unwrap_or_else(|error| self.refuse(&visit, &error));
        if let Some(id) = self.sidecar.told_at(path) {
            lead_to_object(reply.headers_mut(), &id);
        }
        reply
    }

    async fn page_of(
        &self,
        visit: &Visit<'_>,
        path: &str,
        query: &str,
        knock: Knock<'_>,
    ) -> Result<Reply, PageError> {
        if let Some(file) = path.strip_prefix(DOWNLOADS) {
            return self.fetch_export(visit, file, query, knock.headers).await;
        }
        match path.split('/').skip(1).collect::<Vec<_>>()[..] {
            [""] => self.shelf(visit, query).await,
            ["search"] => self.search(visit, query).await,
            ["w", key] => self.watch(visit, key, query, knock).await,
            ["videos", "watch", key] => self.forward(visit, key, knock).await,
            ["videos", "watch", key, "comments", no] => self.forward_comment(key, no).await,
            ["videos", "embed", key] => self.embed(visit, key, query, knock).await,
            ["c" | "video-channels", handle] => self.channel(visit, handle, query).await,
            ["a" | "accounts", handle] => self.account(visit, handle, query).await,
            ["about"] => self.show_about(visit),
            ["instances"] => self.show_instances(visit, query).await,
            ["report"] => self.show_report(visit, query, knock).await,
            ["login"] => self.show_login(visit, query),
            ["register"] => self.show_register(visit),
            ["forgotten-password"] => self.show_ask_mail(visit, Wanted::Reset),
            ["verify-again"] => self.show_ask_mail(visit, Wanted::Verification),
            ["reset-password"] => self.show_from_mail(visit, Wanted::Reset, query),
            ["verify-email"] => self.show_from_mail(visit, Wanted::Verification, query),
            ["my", ref rest @ ..] => self.own_page(visit, rest, query).await,
            ["admin", "registrations"] => self.show_registrations(visit).await,
            ["admin", "users"] => self.show_users(visit, query).await,
            ["admin", "jobs"] => self.show_jobs(visit).await,
            ["admin", "reports"] => self.show_reports(visit, query).await,
            ["admin", "comments"] => self.show_comments(visit, Whose::All, query).await,
            ["admin", "federation"] => self.show_federation(visit).await,
            _ => Err(PageError::NotFound),
        }
    }

    /// Pages below `/my/`.
    async fn own_page(
        &self,
        visit: &Visit<'_>,
        path: &[&str],
        query: &str,
    ) -> Result<Reply, PageError> {
        match *path {
            ["settings"] => self.show_settings(visit, query).await,
            ["upload"] => self.show_upload(visit).await,
            ["videos"] => self.my_videos(visit, query).await,
            ["videos", key] => self.show_edit(visit, key, query).await,
            ["channels"] => self.show_channels(visit).await,
            ["channels", handle] => self.show_channel(visit, handle, query).await,
            ["subscriptions"] => self.subscriptions(visit, query).await,
            ["history"] => self.history(visit, query).await,
            ["comments"] => self.show_comments(visit, Whose::Own, query).await,
            ["notifications"] => self.show_notices(visit, query).await,
            ["two-factor"] => self.show_two_factor(visit).await,
            ["export"] => self.show_export(visit).await,
            _ => Err(PageError::NotFound),
        }
    }

    /// Does what a page's form asks for.
    async fn act(&self, request: &mut Request<Incoming>, peer: SocketAddr) -> Reply {
        let visit = match self.visit(request).await {
            Ok(visit) => visit,
            Err(error) => return self.refuse(&self.stranger(request), &error),
        };
        match self.act_in(&visit, request, peer).await {
            Ok(reply) => reply,
            // A form can't be gone back to.
            Err(PageError::LoggedOut) => see_other(&login_from(request.headers())),
            Err(error) => self.refuse(&visit, &error),
        }
    }

    async fn act_in(
        &self,
        visit: &Visit<'_>,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Reply, PageError> {
        if !cookie::is_from_own_page(request.headers()) {
            return Err(PageError::AnotherSite);
        }
        let path = request.uri().path().to_owned();
        let path: Vec<&str> = path.split('/').skip(1).collect();
        if !is_form(&path) {
            return Ok(refuse_method());
        }
        let fields = Fields::read(request).await.map_err(ApiError::from)?;
        let headers = request.headers();
        match path[..] {
            ["login"] => self.log_in(visit, fields, headers, peer).await,
            ["logout"] => self.log_out(visit).await,
            ["register"] => self.sign_up(visit, fields, headers, peer).await,
            ["language"] => self.choose_language(&fields),
            ["forgotten-password"] => {
                self.ask_mail(visit, Wanted::Reset, fields, (headers, peer)).await
            }
            ["verify-again"] => {
                self.ask_mail(visit, Wanted::Verification, fields, (headers, peer)).await
            }
            ["reset-password"] => {
                self.act_from_mail(visit, Wanted::Reset, fields, (headers, peer)).await
            }
            ["verify-email"] => {
                self.act_from_mail(visit, Wanted::Verification, fields, (headers, peer)).await
            }
            ["w", key] => {
                let knock = Knock { headers, peer, fields: Some(&fields) };
                self.watch(visit, key, "", knock).await
            }
            ["report"] => self.report(visit, fields, Knock { headers, peer, fields: None }).await,
            ["w", key, "comments"] => {
                let knock = Knock { headers, peer, fields: None };
                self.speak(visit, key, fields, knock).await
            }
            ["w", key, "comments", no] => {
                let knock = Knock { headers, peer, fields: None };
                self.change_comment(visit, (key, number(no)?), fields, knock).await
            }
            ["videos", "embed", key] => {
                let query = request.uri().query().unwrap_or_default();
                let knock = Knock { headers, peer, fields: Some(&fields) };
                self.embed(visit, key, query, knock).await
            }
            ["follow-from"] => self.follow_from(visit, &fields, (headers, peer)).await,
            ["my", ref rest @ ..] => self.act_on_own(visit, rest, fields, headers).await,
            ["admin", "registrations", id] => self.decide_on(visit, number(id)?, fields).await,
            ["admin", "reports", id] => self.settle_report(visit, number(id)?, &fields).await,
            ["admin", "users", id] => self.govern(visit, number(id)?, fields).await,
            ["admin", "federation"] => self.rule_federation(visit, fields).await,
            _ => Err(PageError::NotFound),
        }
    }

    /// Forms of pages below `/my/`.
    async fn act_on_own(
        &self,
        visit: &Visit<'_>,
        path: &[&str],
        fields: Fields,
        headers: &HeaderMap,
    ) -> Result<Reply, PageError> {
        match *path {
            ["settings"] => self.change_settings(visit, fields, Part::Profile).await,
            ["access"] => self.change_settings(visit, fields, Part::Access).await,
            ["farewell"] => self.delete_account(visit, &fields).await,
            ["sessions", id] => self.end_session(visit, number(id)?).await,
            ["videos", key] => self.change_video(visit, key, fields).await,
            ["videos", key, "delete"] => self.delete_video(visit, key).await,
            ["videos", key, "retry"] => self.retry_video(visit, key).await,
            ["imports"] => self.import_video(visit, fields).await,
            ["imports", id] => self.change_import(visit, number(id)?, &fields).await,
            ["channels"] => self.make_channel(visit, fields).await,
            ["channels", handle] => self.change_channel(visit, handle, fields).await,
            ["channels", handle, "delete"] => self.delete_channel(visit, handle).await,
            ["subscriptions", handle] => self.subscribe(visit, handle, &fields).await,
            ["ratings", key] => self.rate(visit, key, &fields, headers).await,
            ["history"] => self.forget_history(visit).await,
            ["two-factor"] => self.begin_two_factor(visit, &fields).await,
            ["two-factor", "confirm"] => self.confirm_two_factor(visit, fields).await,
            ["two-factor", "disable"] => self.end_two_factor(visit, &fields).await,
            ["export"] => self.request_export(visit, fields).await,
            ["notifications"] => self.read_notices(visit).await,
            ["export", id] => self.delete_export(visit, number(id)?).await,
            _ => Err(PageError::NotFound),
        }
    }

    async fn visit<B>(&self, request: &Request<B>) -> Result<Visit<'_>, PageError> {
        let visitor = self.sidecar.visitor(request.headers()).await?;
        let unread = match visitor.as_ref().filter(|_| request.method() == Method::GET) {
            Some(visitor) => self.sidecar.unread(visitor).await?,
            None => 0,
        };
        Ok(Visit { visitor, unread, ..self.stranger(request) })
    }

    /// A visit of somebody unknown.
    fn stranger<B>(&self, request: &Request<B>) -> Visit<'_> {
        let language = Language::of(request.headers());
        let rule = self.sidecar.registration_rule();
        Visit::new(&self.frame, language, None, request.uri(), rule)
    }

    /// Reads the library on a thread that may wait for the disk.
    async fn look_up<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Library) -> Result<T, LibraryError> + Send + 'static,
    ) -> Result<T, PageError> {
        let library = self.catalogue.library.clone();
        let looked_up = tokio::task::spawn_blocking(move || work(&library)).await;
        looked_up.map_err(|_| PageError::Stopped)?.map_err(PageError::Library)
    }

    /// A page, which is kept by nobody but the visitor's own browser if it knows them.
    fn html(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        page: &impl Template,
    ) -> Result<Reply, PageError> {
        let mut reply = html(status, page, Framing::Refused);
        keep_from_others(&mut reply, visit);
        Ok(reply)
    }

    /// The one place where a page that can't be had becomes a status.
    fn refuse(&self, visit: &Visit<'_>, error: &PageError) -> Reply {
        let (status, reason) = match error {
            PageError::NotFound | PageError::Refused(ApiError::NotFound(_)) => {
                let mut reply = html(StatusCode::NOT_FOUND, &Missing { visit }, Framing::Refused);
                keep_from_others(&mut reply, visit);
                return reply;
            }
            PageError::LoggedOut => return see_other(&login_to(&visit.here)),
            PageError::AnotherSite => (StatusCode::FORBIDDEN, visit.say("error-another-site")),
            PageError::Refused(error) => (error.status(), sentence(visit.language, error)),
            PageError::Library(_) | PageError::Media(_) | PageError::Stopped => {
                (StatusCode::INTERNAL_SERVER_ERROR, visit.say("error-ours"))
            }
        };
        if status.is_server_error() {
            tracing::error!("{error}");
        }
        let mut reply = html(status, &Refusal { visit, reason }, Framing::Refused);
        keep_from_others(&mut reply, visit);
        reply
    }
}

/// Why there is no page, sorted by blame: the visitor, then the machine.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error("there is no such page")]
    NotFound,
    #[error("the page is for those who are logged in")]
    LoggedOut,
    #[error("the form is of another site's page")]
    AnotherSite,
    #[error(transparent)]
    Refused(#[from] ApiError),
    #[error(transparent)]
    Library(LibraryError),
    #[error("the media: {0:#}")]
    Media(anyhow::Error),
    #[error("the process is ending")]
    Stopped,
}

impl From<Unavailable> for PageError {
    fn from(error: Unavailable) -> PageError {
        PageError::Refused(error.into())
    }
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
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if framing == Framing::Allowed {
        allow_framing(&mut reply);
    }
    reply
}

/// Where whoever sent a form logs in, and then comes back to the page that it was on.
fn login_from(headers: &HeaderMap) -> String {
    let page = headers.get(header::REFERER).and_then(|page| page.to_str().ok());
    let path = page.and_then(|page| {
        let (_, rest) = page.split_once("://")?;
        rest.find('/').and_then(|at| local_path(&rest[at..]))
    });
    match path {
        Some(path) => login_to(path),
        None => "/login".to_owned(),
    }
}

/// Where somebody logs in who then goes on to this path.
fn login_to(path: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    format!("/login?next={next}")
}

/// Says that a page is made for whoever asks, in their language.
fn keep_from_others(reply: &mut Reply, visit: &Visit<'_>) {
    let headers = reply.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Cookie"));
    if visit.visitor.is_some() {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
}

/// Says that the same URL has an object for servers, and where, since some ask for the page first.
fn lead_to_object(headers: &mut HeaderMap, id: &str) {
    headers.append(header::VARY, HeaderValue::from_static("accept"));
    let link = format!("<{id}>; rel=\"alternate\"; type=\"application/activity+json\"");
    if let Ok(link) = HeaderValue::try_from(link) {
        headers.append(header::LINK, link);
    }
}

/// Lets pages of other sites show this one in a frame.
fn allow_framing(reply: &mut Reply) {
    let policy = HeaderValue::from_static(POLICY_OF_EMBEDS);
    reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    let name = HeaderName::from_static("cross-origin-resource-policy");
    reply.headers_mut().insert(name, HeaderValue::from_static("cross-origin"));
}

/// Whether a page's form is sent to this path.
fn is_form(path: &[&str]) -> bool {
    matches!(
        *path,
        ["login" | "logout" | "register" | "language" | "report" | "follow-from"]
            | ["forgotten-password" | "verify-again" | "reset-password" | "verify-email"]
            | ["my", "two-factor" | "export" | "notifications"]
            | ["my", "two-factor", "confirm" | "disable"]
            | ["my", "export", _]
            | ["w", _]
            | ["w", _, "comments"]
            | ["w", _, "comments", _]
            | ["videos", "embed", _]
            | ["my", "settings" | "access" | "farewell" | "channels" | "history" | "imports"]
            | [
                "my",
                "sessions" | "videos" | "channels" | "subscriptions" | "ratings" | "imports",
                _
            ]
            | ["my", "videos", _, "delete" | "retry"]
            | ["my", "channels", _, "delete"]
            | ["admin", "registrations" | "users" | "reports", _]
            | ["admin", "federation"]
    )
}

fn moved(to: &str) -> Reply {
    let mut reply = origin::serve::text(StatusCode::MOVED_PERMANENTLY, format!("moved to {to}\n"));
    let to = HeaderValue::try_from(to).expect("a path of base-58 digits is a header's value");
    reply.headers_mut().insert(header::LOCATION, to);
    reply
}

/// Sends a browser on to another page of ours, whatever it asked for.
fn see_other(to: &str) -> Reply {
    let mut reply = origin::serve::text(StatusCode::SEE_OTHER, "");
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
    reply.headers_mut().insert(header::LOCATION, to);
    reply
}

fn refuse_method() -> Reply {
    let text = "only GET and HEAD are answered here\n";
    let mut reply = origin::serve::text(StatusCode::METHOD_NOT_ALLOWED, text);
    reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    reply
}

/// An id in a path.
fn number(text: &str) -> Result<i64, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
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
