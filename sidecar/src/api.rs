//! The answers under `/api/v1/`: which request goes where, and what all answers have in common.

pub(crate) mod abuses;
mod act;
mod asked;
pub mod captions;
mod change;
#[cfg(test)]
mod channel_tests;
mod channels;
#[cfg(test)]
mod comment_tests;
pub(crate) mod comments;
#[cfg(test)]
mod export_tests;
mod exports;
#[cfg(test)]
mod feed_tests;
mod forms;
mod house;
#[cfg(test)]
mod house_tests;
mod mail;
#[cfg(test)]
mod mail_tests;
mod me;
mod mine;
#[cfg(test)]
mod mine_tests;
mod notifications;
mod oauth;
mod openapi;
pub mod pictures;
mod registration;
#[cfg(test)]
mod rights_tests;
#[cfg(test)]
mod server_tests;
mod servers;
mod stats;
#[cfg(test)]
pub(crate) mod tests;
pub mod thumbnails;
mod two_factor;
#[cfg(test)]
mod two_factor_tests;
pub mod upload;
mod users;
#[cfg(test)]
mod video_tests;
mod videos;

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use serde_json::Value;
use wire::id::VideoId;

pub use act::{Act, JobLine, UserLine};
use asked::Asked;
pub(crate) use mail::{Whose, truth};
pub use two_factor::FactorRequest;

use crate::body::Fields;
use crate::error::{ApiError, OTP};
use crate::publishing::JobState;
use crate::query::Query;
use crate::{Reply, Sidecar, address};

/// Under which paths [`Sidecar::answer`] answers.
pub const PREFIX: &str = "/api/v1/";

/// Under which paths it answers what PeerTube doesn't have.
pub const OWN_PREFIX: &str = "/api/shoal/v1/";

/// What a path is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'a> {
    Client,
    Token,
    RevokeToken,
    Me,
    Register,
    AskForAccount,
    Registrations,
    Accept(i64),
    Refuse(i64),
    Videos(videos::Route<'a>),
    Source(VideoId),
    Progress(VideoId),
    Retry(VideoId),
    Jobs(Option<JobState>),
    /// A video from an address.
    Import,
    Channels(channels::Route<'a>),
    Mine(mine::Route<'a>),
    Users(users::Route),
    House(house::Route),
    /// Of all this.
    Description,
    Mail(mail::Route),
    TwoFactor(two_factor::Route),
    Exports(exports::Route),
    Comments(comments::Route<'a>),
    Servers(servers::Route<'a>),
    Notifications(notifications::Route),
    Abuses(abuses::Route),
}

impl<'a> Route<'a> {
    fn parse(path: &'a str) -> Option<Route<'a>> {
        let (path, is_ours) = match path.strip_prefix(OWN_PREFIX) {
            Some(path) => (path, true),
            None => (path.strip_prefix(PREFIX)?, false),
        };
        let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
        if is_ours { Route::parse_own(&segments) } else { Route::parse_shared(&segments) }
    }

    /// What we have beyond PeerTube.
    fn parse_own(segments: &[&'a str]) -> Option<Route<'a>> {
        match *segments {
            ["openapi.json"] => Some(Route::Description),
            ["videos", id, "progress"] => id.parse().ok().map(Route::Progress),
            ["videos", id, "retry"] => id.parse().ok().map(Route::Retry),
            _ => None
                .or_else(|| comments::Route::parse_ours(segments).map(Route::Comments))
                .or_else(|| channels::Route::parse_ours(segments).map(Route::Channels)),
        }
    }

    fn parse_shared(segments: &[&'a str]) -> Option<Route<'a>> {
        match *segments {
            ["oauth-clients", "local"] => Some(Route::Client),
            ["users", "token"] => Some(Route::Token),
            ["users", "revoke-token"] => Some(Route::RevokeToken),
            ["users", "me"] => Some(Route::Me),
            ["users", "register"] => Some(Route::Register),
            ["users", "registrations"] => Some(Route::Registrations),
            ["users", "registrations", "request"] => Some(Route::AskForAccount),
            ["users", "registrations", id, "accept"] => id.parse().ok().map(Route::Accept),
            ["users", "registrations", id, "reject"] => id.parse().ok().map(Route::Refuse),
            ["videos", id, "source"] => id.parse().ok().map(Route::Source),
            ["videos", "imports"] => Some(Route::Import),
            ["jobs"] => Some(Route::Jobs(None)),
            ["jobs", state] => JobState::named(state).map(Route::Jobs),
            _ => None
                // Before those of videos, one of which might be called so.
                .or_else(|| comments::Route::parse(segments).map(Route::Comments))
                .or_else(|| videos::Route::parse(segments).map(Route::Videos))
                .or_else(|| channels::Route::parse(segments).map(Route::Channels))
                .or_else(|| mine::Route::parse(segments).map(Route::Mine))
                .or_else(|| abuses::Route::parse(segments).map(Route::Abuses))
                .or_else(|| notifications::Route::parse(segments).map(Route::Notifications))
                .or_else(|| mail::Route::parse(segments).map(Route::Mail))
                .or_else(|| two_factor::Route::parse(segments).map(Route::TwoFactor))
                .or_else(|| exports::Route::parse(segments).map(Route::Exports))
                .or_else(|| servers::Route::parse(segments).map(Route::Servers))
                .or_else(|| users::Route::parse(segments).map(Route::Users))
                .or_else(|| house::Route::parse(segments).map(Route::House)),
        }
    }

    /// What it is counted under.
    fn kind(self) -> &'static str {
        match self {
            Route::Client
            | Route::Token
            | Route::RevokeToken
            | Route::Register
            | Route::AskForAccount
            | Route::Mail(_)
            | Route::TwoFactor(_) => "entry",
            Route::Videos(_)
            | Route::Source(_)
            | Route::Progress(_)
            | Route::Import
            | Route::Retry(_) => "videos",
            Route::Comments(_) => "comments",
            Route::Channels(_) => "channels",
            Route::Me | Route::Mine(_) | Route::Exports(_) | Route::Notifications(_) => "mine",
            Route::Registrations
            | Route::Accept(_)
            | Route::Refuse(_)
            | Route::Abuses(_)
            | Route::Users(_) => "users",
            Route::Jobs(_) => "jobs",
            Route::Servers(_) => "servers",
            Route::House(_) | Route::Description => "house",
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Route::Client
            | Route::Registrations
            | Route::House(_)
            | Route::Description
            | Route::Source(_)
            | Route::Progress(_)
            | Route::Jobs(_) => "GET, HEAD, OPTIONS",
            Route::Me => "GET, HEAD, PUT, DELETE, OPTIONS",
            Route::Token
            | Route::RevokeToken
            | Route::Register
            | Route::AskForAccount
            | Route::Accept(_)
            | Route::Refuse(_)
            | Route::Import
            | Route::Mail(_)
            | Route::TwoFactor(_)
            | Route::Retry(_) => "POST, OPTIONS",
            Route::Videos(route) => route.methods(),
            Route::Channels(route) => route.methods(),
            Route::Mine(route) => route.methods(),
            Route::Users(route) => route.methods(),
            Route::Servers(route) => route.methods(),
            Route::Exports(route) => route.methods(),
            Route::Comments(route) => route.methods(),
            Route::Abuses(route) => route.methods(),
            Route::Notifications(route) => route.methods(),
        }
    }
}

impl Sidecar {
    /// Answers one request; `peer` is who is connected.
    pub async fn answer<B>(&self, request: &mut Request<B>, peer: SocketAddr) -> Reply
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let is_head = request.method() == Method::HEAD;
        let mut reply = match self.route(request, peer).await {
            Ok(reply) => reply,
            Err(error) => error.answer(),
        };
        if *request.method() != Method::GET && reply.status().is_success() {
            self.wake_news();
        }
        let kind = Route::parse(request.uri().path()).map_or("other", Route::kind);
        self.metrics.count_request(kind, reply.status());
        if is_head {
            *reply.body_mut() = Full::default();
        }
        for (name, value) in ALWAYS {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        reply
    }

    async fn route<B>(&self, request: &mut Request<B>, peer: SocketAddr) -> Result<Reply, ApiError>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let uri = request.uri().clone();
        let route = Route::parse(uri.path()).ok_or(ApiError::NoRoute)?;
        let method = match *request.method() {
            Method::OPTIONS => return Ok(preflight(route.methods())),
            Method::HEAD => Method::GET,
            ref method => method.clone(),
        };
        let from = address::counted(request.headers(), peer, &self.settings.trusted_proxies);
        match (route, method) {
            (Route::Client, Method::GET) => Ok(self.tell_client()),
            (Route::Description, Method::GET) => Ok(self.tell_description()),
            (Route::Token, Method::POST) => {
                let code = otp_of(request.headers());
                self.grant(&Fields::read(request).await?, code.as_deref(), from).await
            }
            (Route::RevokeToken, Method::POST) => self.revoke(request.headers()).await,
            (Route::Me, Method::GET) => self.tell_me(request.headers()).await,
            (Route::Me, Method::DELETE) => {
                let (_, user) = self.authenticate(request.headers()).await?;
                self.leave_for_good(&user).await
            }
            (Route::Me, Method::PUT) => {
                let visitor = self.authenticate(request.headers()).await?;
                let fields = Fields::read(request).await?;
                self.change_me(visitor, fields, asked::language(request.headers())).await
            }
            (Route::Register, Method::POST) => {
                let fields = Fields::read(request).await?;
                self.register(fields, from, asked::language(request.headers())).await
            }
            (Route::AskForAccount, Method::POST) => {
                let fields = Fields::read(request).await?;
                self.ask_for_account(fields, from, asked::language(request.headers())).await
            }
            (Route::Registrations, Method::GET) => {
                self.authenticate_moderator(request.headers()).await?;
                self.tell_registrations(request.uri().query().unwrap_or_default()).await
            }
            (Route::Accept(id), Method::POST) => {
                self.authenticate_moderator(request.headers()).await?;
                self.accept(id, Fields::read(request).await?).await
            }
            (Route::Refuse(id), Method::POST) => {
                self.authenticate_moderator(request.headers()).await?;
                self.refuse(id, Fields::read(request).await?).await
            }
            (Route::Source(uuid), Method::GET) => self.tell_source(request.headers(), uuid).await,
            (Route::Progress(uuid), Method::GET) => {
                self.tell_publishing(request.headers(), uuid).await
            }
            (Route::Retry(uuid), Method::POST) => self.retry(request.headers(), uuid).await,
            (Route::Jobs(state), Method::GET) => {
                let query = request.uri().query().unwrap_or_default();
                self.tell_jobs(request.headers(), state, query).await
            }
            (Route::Import, Method::POST) => {
                let (_, user) = self.authenticate(request.headers()).await?;
                self.begin_import(user.id, upload::read_fields(request).await?).await
            }
            (route, method) => {
                self.answer_rest(route, self.asked(request, method, &from).await?).await
            }
        }
    }

    /// What is about the catalogue, and not about who comes in.
    async fn answer_rest(&self, route: Route<'_>, asked: Asked<'_>) -> Result<Reply, ApiError> {
        match route {
            Route::Videos(route) => self.answer_videos(route, asked).await,
            Route::Channels(route) => self.answer_channels(route, asked).await,
            Route::Mine(route) => self.answer_mine(route, asked).await,
            Route::Users(route) => self.answer_users(route, asked).await,
            Route::Servers(route) => self.answer_servers(route, asked).await,
            Route::House(route) => self.answer_house(route, asked).await,
            Route::Mail(route) => self.answer_mail(route, asked).await,
            Route::TwoFactor(route) => self.answer_two_factor(route, asked).await,
            Route::Exports(route) => self.answer_exports(route, asked).await,
            Route::Comments(route) => self.answer_comments(route, asked).await,
            Route::Abuses(route) => self.answer_abuses(route, asked).await,
            Route::Notifications(route) => self.answer_notifications(route, asked).await,
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    /// Reads what answers about the catalogue are made from.
    async fn asked<'a, B>(
        &self,
        request: &'a mut Request<B>,
        method: Method,
        from: &'a str,
    ) -> Result<Asked<'a>, ApiError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let visitor = self.visitor_of(request.headers()).await?;
        let fields = match method {
            Method::GET => Fields::default(),
            _ => Fields::read(request).await?,
        };
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let password = asked::password(request.headers(), request.uri().path());
        let language = asked::language(request.headers());
        Ok(Asked { method, query, fields, from, visitor, password, language })
    }
}

/// The code beside a password.
fn otp_of(headers: &HeaderMap) -> Option<String> {
    headers.get(OTP)?.to_str().ok().map(str::to_owned)
}

/// An answer in JSON.
pub(crate) fn reply(status: StatusCode, kind: &'static str, value: &Value) -> Reply {
    let mut reply = Response::new(Full::from(value.to_string()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

pub(crate) fn json(value: &Value) -> Reply {
    reply(StatusCode::OK, JSON, value)
}

fn done() -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply
}

/// What a browser asks before a script of another site may use the API.
fn preflight(methods: &'static str) -> Reply {
    let mut reply = done();
    for (name, value) in [
        (header::ALLOW, methods),
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, X-PeerTube-OTP, X-PeerTube-Video-Password",
        ),
        // Chromium keeps it for two hours at most.
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

const JSON: &str = "application/json; charset=utf-8";

/// Pages of all hosts may use the API, as PeerTube's: there are no cookies that a browser would add by itself.
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];
