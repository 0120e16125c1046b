//! What the tracker counts, as Prometheus text; no label says who a viewer is or what is watched.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(crate) open: Counter,
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    pub(crate) cut_slow: Counter,
    pub(crate) cut_silent: Counter,
    pub(crate) messages: Counter,
    pub(crate) errors: Counter,
    pub(crate) offers: Counter,
    pub(crate) answers: Counter,
    pub(crate) stun_answered: Counter,
    pub(crate) stun_limited: Counter,
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(crate) fn remove(&self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// All counters, with the numbers of swarms and of members in them.
    pub fn render(&self, (swarms, members): (usize, usize)) -> String {
        let mut out = String::new();
        let mut say = |name: &str, kind: &str, help: &str, value: u64| {
            let _ = writeln!(
                out,
                "# HELP shoal_tracker_{name} {help}\n# TYPE shoal_tracker_{name} {kind}\nshoal_tracker_{name} {value}"
            );
        };
        say("swarms", "gauge", "Swarms with anybody in them.", swarms as u64);
        say("members", "gauge", "Members of all swarms.", members as u64);
        say("connections", "gauge", "Viewers' connections open now.", self.open.0.load(Relaxed));
        for (name, help, counter) in [
            ("connections_total", "Viewers' connections accepted.", &self.accepted),
            ("connections_refused_total", "Connections over the bound.", &self.refused),
            ("connections_slow_total", "Cut off for reading too slowly.", &self.cut_slow),
            ("connections_silent_total", "Cut off for being silent.", &self.cut_silent),
            ("messages_total", "Messages received.", &self.messages),
            ("errors_total", "Messages answered with an error.", &self.errors),
            ("offers_total", "Offers passed on.", &self.offers),
            ("answers_total", "Answers passed on.", &self.answers),
            ("stun_answered_total", "STUN requests answered.", &self.stun_answered),
            ("stun_limited_total", "STUN requests over the rate.", &self.stun_limited),
        ] {
            say(name, "counter", help, counter.0.load(Relaxed));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_shown_by_name() {
        let metrics = Metrics::default();
        metrics.offers.add();
        metrics.open.add();
        metrics.open.remove();
        let text = metrics.render((2, 3));
        for line in [
            "shoal_tracker_swarms 2\n",
            "shoal_tracker_members 3\n",
            "shoal_tracker_offers_total 1\n",
            "shoal_tracker_connections 0\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
