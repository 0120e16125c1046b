//! What pages with a video of another server may load, where its viewers meet, and how visitors from elsewhere follow what is here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use origin::Reply;
use sidecar::Fields;
use sidecar::federation::resolve::NotLed;
use sidecar::view::{Elsewhere, VideoPage};
use wire::playlist::Master;

use super::{PageError, Site};
use crate::visit::Visit;

/// The page that leads a visitor to their own server.
#[derive(Template)]
#[template(path = "follow-from.html")]
struct FollowFrom<'a> {
    visit: &'a Visit<'a>,
    handle: String,
    /// Where they go on; else why that isn't known.
    address: Result<String, String>,
}

impl Site {
    /// What the page of a video must be allowed to load from elsewhere; and its viewers may meet here from now on.
    pub(super) fn meet(&self, video: &VideoPage) -> Vec<String> {
        let Some(elsewhere) = &video.elsewhere else { return Vec::new() };
        let master = video.medium.as_ref().map(|medium| medium.master.clone());
        if let Some(master) = master.clone().filter(|_| elsewhere.tracker.is_none())
            && !self.swarms.meets(&master)
            && let Some(turn) = self.meetings.begin(Instant::now(), &master)
        {
            let (sidecar, swarms) = (Arc::clone(&self.sidecar), Arc::clone(&self.swarms));
            // Its viewers don't wait for it: who is alone there at first meets nobody anyway.
            tokio::spawn(async move {
                let told = sidecar.fetch_playlist(&master).await;
                let told = told.map(|bytes| String::from_utf8_lossy(&bytes).parse::<Master>());
                match told {
                    Ok(Ok(playlist)) => {
                        swarms.meet(&master, &playlist);
                        turn.met();
                    }
                    Ok(Err(error)) => tracing::debug!(master, "no playlist: {error}"),
                    Err(error) => tracing::debug!(master, "no playlist: {error}"),
                }
            });
        }
        sources(elsewhere, master.as_deref(), video)
    }

    /// Where viewers of a video of another server meet: at another Shoal's tracker with those there, else at ours among themselves. To
    /// the tracker of another software no swarm of ours is ever told.
    pub(super) fn tracker_of(&self, elsewhere: &Elsewhere) -> String {
        let ours = || format!("{}{}", self.frame.public_url, tracker::serve::PATH);
        elsewhere.tracker.clone().unwrap_or_else(|| ours().replacen("http", "ws", 1))
    }

    /// Leads somebody with an account elsewhere to the page of their own server where they follow a channel of ours.
    pub(super) async fn follow_from(
        &self,
        visit: &Visit<'_>,
        fields: &Fields,
        (headers, peer): (&HeaderMap, SocketAddr),
    ) -> Result<Reply, PageError> {
        let handle = fields.text("of").unwrap_or_default();
        let channel = self.sidecar.channel_page(handle, visit.visitor.as_ref()).await?;
        let channel = channel.filter(|channel| channel.elsewhere.is_none());
        let channel = channel.ok_or(PageError::NotFound)?;
        let asker = self.sidecar.counted(headers, peer);
        let from = fields.text("from").unwrap_or_default();
        let address = self.sidecar.follow_address(&channel.handle, from, &asker).await;
        let (status, address) = match address {
            Ok(address) => (StatusCode::OK, Ok(address)),
            Err(reason) => {
                let (status, sentence) = match reason {
                    NotLed::Off => (StatusCode::CONFLICT, visit.say("follow-off")),
                    NotLed::NoHandle => (StatusCode::BAD_REQUEST, visit.say("follow-no-handle")),
                    NotLed::TooMany(wait) => {
                        let seconds = wait.as_secs() + 1;
                        let sentence = visit.count("error-too-many", seconds);
                        (StatusCode::TOO_MANY_REQUESTS, sentence)
                    }
                    NotLed::Unknown => (StatusCode::NOT_FOUND, visit.say("follow-unknown")),
                };
                (status, Err(sentence))
            }
        };
        let page = FollowFrom { visit, handle: channel.handle, address };
        self.html(visit, status, &page)
    }
}

/// Allows a page to load from these sources, and no others: its own policy, widened by as much.
pub(super) fn allow(reply: &mut Reply, sources: &[String]) {
    if sources.is_empty() {
        return;
    }
    let web: Vec<&str> =
        sources.iter().map(String::as_str).filter(|source| source.starts_with("http")).collect();
    widen(reply, "connect-src 'self'", &sources.join(" "));
    widen(reply, "media-src 'self' blob:", &web.join(" "));
}

/// Allows a page's player to fetch from the hosts of these addresses, which are no sources of whole files.
pub(super) fn allow_mirrors(reply: &mut Reply, mirrors: &[String]) {
    let mut sources: Vec<String> = Vec::new();
    for source in mirrors.iter().filter_map(|mirror| source(mirror)) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    if !sources.is_empty() {
        widen(reply, "connect-src 'self'", &sources.join(" "));
    }
}

fn widen(reply: &mut Reply, directive: &str, more: &str) {
    let policy = reply.headers().get(header::CONTENT_SECURITY_POLICY);
    let Some(policy) = policy.and_then(|policy| policy.to_str().ok()) else { return };
    let policy = policy.replace(directive, &format!("{directive} {more}"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Scheme and host of all that a video of another server has, each once.
fn sources(elsewhere: &Elsewhere, master: Option<&str>, video: &VideoPage) -> Vec<String> {
    let captions = video.captions.iter().map(|caption| caption.path.as_str());
    let files = elsewhere.files.iter().map(String::as_str);
    let tracker = elsewhere.tracker.as_deref();
    let mut sources: Vec<String> = Vec::new();
    for url in master.into_iter().chain(tracker).chain(files).chain(captions) {
        if let Some(source) = source(url)
            && !sources.contains(&source)
            && sources.len() < MOST
        {
            sources.push(source);
        }
    }
    sources
}

/// Scheme, host and port as they stand in a URL that was read already; nothing that could end a directive.
fn source(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_good = ["http", "https", "ws", "wss"].contains(&scheme)
        && !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    is_good.then(|| format!("{scheme}://{host}"))
}

/// Hosts of one video: its server, its store of objects, its tracker, and some more.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_scheme_and_a_host() {
        assert_eq!(source("https://a.example/x?y").as_deref(), Some("https://a.example"));
        assert_eq!(source("wss://a.example:8443/t").as_deref(), Some("wss://a.example:8443"));
        assert_eq!(source("http://[::1]:9000/").as_deref(), Some("http://[::1]:9000"));
        for odd in [
            "a.example",
            "data:x",
            "https:///",
            "https://a;script-src *//",
            "https://a b/",
            "javascript://a",
        ] {
            assert_eq!(source(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_policy_is_widened_by_a_video_s_hosts_alone() {
        let mut reply =
            super::super::html(StatusCode::OK, &Nothing, super::super::Framing::Refused);
        let before = reply.headers()[header::CONTENT_SECURITY_POLICY].clone();
        allow(&mut reply, &[]);
        assert_eq!(reply.headers()[header::CONTENT_SECURITY_POLICY], before);
        allow(&mut reply, &["https://a.example".to_owned(), "wss://a.example".to_owned()]);
        let policy = reply.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        for part in [
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; ",
            "media-src 'self' blob: https://a.example; ",
            "connect-src 'self' https://a.example wss://a.example; ",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
    }

    #[derive(Template)]
    #[template(source = "", ext = "html")]
    struct Nothing;
}
