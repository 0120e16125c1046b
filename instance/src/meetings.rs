//! Playlists of other servers that are fetched so that viewers of their videos can meet here: each once at a time, few at once, and
//! what couldn't be had not again for a while. Whoever opens a page makes us ask, and is nobody in particular.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sidecar::federation::site;

/// What is fetched just now, and what couldn't be.
#[derive(Debug, Default)]
pub(crate) struct Meetings(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// URLs that are being fetched; at most [`AT_ONCE`].
    under_way: Vec<String>,
    /// URLs that couldn't be had, and until when they aren't tried again; at most [`FAILED`].
    failed: HashMap<String, Instant>,
}

/// Leave to fetch one playlist; dropped without success, it isn't given again for a while.
#[derive(Debug)]
pub(crate) struct Turn {
    meetings: Arc<Meetings>,
    url: String,
    again: Instant,
    is_met: bool,
}

impl Meetings {
    /// Leave to fetch this playlist now, unless somebody does, too many are, or it failed a moment ago.
    pub(crate) fn begin(self: &Arc<Meetings>, now: Instant, url: &str) -> Option<Turn> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (under_way, site) = (known.under_way.len(), site_of(url));
        let of_site = known.under_way.iter().filter(|other| site_of(other) == site).count();
        let is_asked = known.under_way.iter().any(|other| other == url);
        let is_failed = known.failed.get(url).is_some_and(|again| *again > now);
        if is_asked || is_failed || under_way >= AT_ONCE || of_site >= OF_SITE {
            return None;
        }
        known.under_way.push(url.to_owned());
        let (url, again) = (url.to_owned(), now + AGAIN);
        Some(Turn { meetings: Arc::clone(self), url, again, is_met: false })
    }
}

impl Turn {
    /// It was had.
    pub(crate) fn met(mut self) {
        self.is_met = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut known = self.meetings.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.under_way.retain(|other| *other != self.url);
        known.failed.remove(&self.url);
        if self.is_met {
            return;
        }
        if known.failed.len() >= FAILED {
            let first = known.failed.iter().min_by_key(|(_, again)| **again);
            if let Some(url) = first.map(|(url, _)| url.clone()) {
                known.failed.remove(&url);
            }
        }
        known.failed.insert(self.url.clone(), self.again);
    }
}

/// Whose server a URL leads to that was read already.
fn site_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    site::of(rest.split(['/', '?', '#']).next().unwrap_or(rest))
}

/// Playlists that are fetched at once: each has 12 seconds, and takes a connection and 256 KB.
const AT_ONCE: usize = 8;

/// Of these, those of one domain with all below it, which may be slow on purpose.
const OF_SITE: usize = 2;

/// How long what couldn't be had isn't tried again, whoever watches: a server that restarts is back by then.
const AGAIN: Duration = Duration::from_secs(120);

/// What is remembered to have failed, at some 200 bytes each; of more the oldest is tried again.
const FAILED: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_is_fetched_once_at_a_time_and_what_failed_not_at_once_again() {
        let (meetings, now) = (Arc::<Meetings>::default(), Instant::now());
        let url = "https://a.example/master.m3u8";
        let turn = meetings.begin(now, url).unwrap();
        assert!(meetings.begin(now, url).is_none());
        drop(turn);
        assert!(meetings.begin(now + AGAIN / 2, url).is_none());
        meetings.begin(now + AGAIN, url).unwrap().met();
        assert!(meetings.begin(now + AGAIN, url).is_some());
    }

    #[test]
    fn few_are_fetched_at_once_and_fewer_of_one_domain() {
        let (meetings, now) = (Arc::<Meetings>::default(), Instant::now());
        let ask = |host: &str| meetings.begin(now, &format!("https://{host}/master.m3u8"));
        let some = |after: &'static str| (0..100).map(move |no| format!("{no}.{after}"));
        let mut turns: Vec<Turn> = some("evil.com").filter_map(|host| ask(&host)).collect();
        assert_eq!(turns.len(), OF_SITE);
        turns.extend(some("example").filter_map(|host| ask(&host)));
        assert_eq!(turns.len(), AT_ONCE);
        drop(turns);
        assert!(ask("other.example").is_some());
    }

    #[test]
    fn no_more_failures_are_remembered_than_there_is_room_for() {
        let (meetings, now) = (Arc::<Meetings>::default(), Instant::now());
        let ask = |no: u64| {
            let url = format!("https://a.example/{no}");
            meetings.begin(now + Duration::from_millis(no), &url)
        };
        for no in 0..FAILED as u64 + 5 {
            drop(ask(no));
        }
        assert_eq!(meetings.0.lock().unwrap().failed.len(), FAILED);
        assert!(ask(0).is_some());
        assert!(ask(FAILED as u64).is_none());
    }
}
