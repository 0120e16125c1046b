//! What the server counts, as Prometheus text; no label says who a viewer is.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::uri::Authority;
use http::{HeaderValue, Request, StatusCode, Version, header};

use crate::Reply;
use crate::serve::text;

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By the first digit of the status, from 1.
    requests: [AtomicU64; 5],
    sent_bytes: AtomicU64,
    accepted: AtomicU64,
    open: AtomicU64,
    refused: AtomicU64,
}

impl Metrics {
    /// The answer to `/metrics`.
    pub fn answer(&self) -> Reply {
        self.answer_with("")
    }

    /// The answer to `/metrics` of a process that counts more: `others` is Prometheus text, too.
    pub fn answer_with(&self, others: &str) -> Reply {
        let mut reply = text(StatusCode::OK, self.render() + others);
        let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        reply.headers_mut().insert(header::CONTENT_TYPE, format);
        reply
    }

    pub(crate) fn count_request(&self, status: StatusCode) {
        if let Some(counter) = self.requests.get(usize::from(status.as_u16() / 100) - 1) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn connection_opened(&self) {
        self.accepted.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    fn render(&self) -> String {
        let mut out = String::new();
        let mut say = |name: &str, kind: &str, help: &str, samples: &[(String, u64)]| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let single = |counter: &AtomicU64| [(String::new(), counter.load(Relaxed))];
        let requests: Vec<_> = (1..)
            .zip(&self.requests)
            .map(|(class, counter)| (format!("{{status=\"{class}xx\"}}"), counter.load(Relaxed)))
            .collect();
        say(
            "shoal_http_requests_total",
            "counter",
            "Requests answered, by class of status.",
            &requests,
        );
        let sent = single(&self.sent_bytes);
        say(
            "shoal_http_sent_bytes_total",
            "counter",
            "Bytes written to sockets, headers included.",
            &sent,
        );
        let accepted = single(&self.accepted);
        say("shoal_http_connections_total", "counter", "Connections accepted.", &accepted);
        say("shoal_http_connections", "gauge", "Connections open now.", &single(&self.open));
        let refused = single(&self.refused);
        say(
            "shoal_http_connections_refused_total",
            "counter",
            "Connections over the bound.",
            &refused,
        );
        out
    }
}

/// The counters are for the machine itself: a loopback peer that asks a loopback host, and that no proxy on this machine
/// speaks for.
///
/// A proxy gives itself away by the host that the public asks for, by a header, or by HTTP/1.0, which nginx speaks to us
/// by default, and then under our own address. One that hides all of it must keep `/metrics` to itself.
pub fn may_see<B>(request: &Request<B>, peer: SocketAddr) -> bool {
    let mut hosts = request
        .headers()
        .get_all(header::HOST)
        .iter()
        .map(|host| host.to_str().ok()?.parse::<Authority>().ok())
        .chain(request.uri().authority().cloned().map(Some))
        .peekable();
    peer.ip().to_canonical().is_loopback()
        && hosts.peek().is_some()
        && hosts.all(|host| host.is_some_and(|host| is_loopback(host.host())))
        && request.version() >= Version::HTTP_11
        && !PROXY_HEADERS.iter().any(|&name| request.headers().contains_key(name))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// What proxies add to the requests that they pass on.
const PROXY_HEADERS: [&str; 7] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_shown_by_class() {
        let metrics = Metrics::default();
        metrics.count_request(StatusCode::PARTIAL_CONTENT);
        metrics.count_request(StatusCode::NOT_FOUND);
        metrics.count_sent(1 << 40);
        let text = metrics.render();
        assert!(text.contains("shoal_http_requests_total{status=\"2xx\"} 1\n"), "{text}");
        assert!(text.contains("shoal_http_requests_total{status=\"4xx\"} 1\n"), "{text}");
        assert!(text.contains("shoal_http_sent_bytes_total 1099511627776\n"), "{text}");
    }

    #[test]
    fn only_the_machine_itself_sees_them() {
        #[track_caller]
        fn check(peer: &str, headers: &[(&'static str, &'static str)], wanted: bool) {
            let mut request = Request::new(());
            for &(name, value) in headers {
                request.headers_mut().append(name, HeaderValue::from_static(value));
            }
            let peer = peer.parse().unwrap();
            assert_eq!(may_see(&request, peer), wanted, "{peer} {headers:?}");
        }
        let host = |host| [("host", host)];
        for here in
            ["127.0.0.1:9000", "127.0.0.1", "[::1]:9000", "[::1]", "localhost", "LocalHost:9"]
        {
            check("127.0.0.1:1", &host(here), true);
        }
        check("[::1]:1", &host("localhost"), true);
        check("[::ffff:127.0.0.1]:1", &host("localhost"), true);
        check("192.0.2.1:1", &host("localhost"), false);
        for elsewhere in
            ["videos.example.org", "shoal", "192.0.2.1:9000", "localhost.example.org", "", "a b"]
        {
            check("127.0.0.1:1", &host(elsewhere), false);
        }
        check("127.0.0.1:1", &[], false);
        check("127.0.0.1:1", &[("host", "localhost"), ("host", "videos.example.org")], false);
        for name in PROXY_HEADERS {
            check("127.0.0.1:1", &[("host", "localhost"), (name, "x")], false);
        }
    }

    #[test]
    fn a_bare_proxy_of_nginx_does_not_see_them() {
        let mut request = Request::new(());
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("127.0.0.1:9000"));
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(may_see(&request, peer));
        *request.version_mut() = Version::HTTP_10;
        assert!(!may_see(&request, peer));
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = "http://videos.example.org/metrics".parse().unwrap();
        assert!(!may_see(&request, peer));
    }
}
