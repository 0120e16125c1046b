//! What the server counts, as Prometheus text; no label says who a viewer is.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::{HeaderValue, Request, StatusCode, header};

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
        let mut reply = text(StatusCode::OK, self.render());
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

/// The counters are for the machine itself: a loopback peer that no proxy on this machine speaks for.
pub fn may_see<B>(request: &Request<B>, peer: SocketAddr) -> bool {
    let is_forwarded = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    peer.ip().to_canonical().is_loopback()
        && !is_forwarded.iter().any(|&name| request.headers().contains_key(name))
}

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
        fn check(peer: &str, header: Option<&'static str>, wanted: bool) {
            let mut request = Request::new(());
            if let Some(name) = header {
                request.headers_mut().insert(name, HeaderValue::from_static("x"));
            }
            assert_eq!(may_see(&request, peer.parse().unwrap()), wanted, "{peer} {header:?}");
        }
        check("127.0.0.1:1", None, true);
        check("[::1]:1", None, true);
        check("[::ffff:127.0.0.1]:1", None, true);
        check("192.0.2.1:1", None, false);
        check("127.0.0.1:1", Some("x-forwarded-for"), false);
        check("127.0.0.1:1", Some("forwarded"), false);
    }
}
