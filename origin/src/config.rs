//! What a host may set about the origin, with defaults for a small server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connections::Bounds;
use crate::limits::{MAPPING_WEIGHT, MAPPINGS};
use crate::setting::{BadSetting, within};

/// The section `[origin]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Bytes of memory for playlists, posters and other small files; media lies in the kernel's page cache.
    pub cache_bytes: u64,
    /// Connections at once; one more is answered 503.
    pub connections: usize,
    /// Seconds in which a connection must have sent its next request whole, idle time included.
    pub request_timeout_seconds: u64,
    /// Seconds that a viewer may take nothing of a response that waits for them.
    pub write_timeout_seconds: u64,
    /// Seconds that running responses get to finish after SIGTERM.
    pub drain_timeout_seconds: u64,
}

impl Config {
    /// That every value can be worked with.
    ///
    /// # Errors
    /// Which one can't, and what it may be.
    pub fn check(&self) -> Result<(), BadSetting> {
        within("origin.connections", self.connections as u64, 1..=MOST_CONNECTIONS)?;
        for (key, seconds) in [
            ("origin.request_timeout_seconds", self.request_timeout_seconds),
            ("origin.write_timeout_seconds", self.write_timeout_seconds),
            ("origin.drain_timeout_seconds", self.drain_timeout_seconds),
        ] {
            within(key, seconds, 1..=LONGEST_TIMEOUT_SECONDS)?;
        }
        Ok(())
    }

    /// File descriptors that the full use of these settings takes.
    pub fn open_files(&self) -> u64 {
        let mappings = (self.cache_bytes / u64::from(MAPPING_WEIGHT)).min(MAPPINGS);
        self.connections as u64 + mappings + OTHER_FILES
    }

    /// The bounds of a listener that is configured so.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            connections: self.connections,
            request_timeout: Duration::from_secs(self.request_timeout_seconds),
            write_timeout: Duration::from_secs(self.write_timeout_seconds),
            drain_timeout: Duration::from_secs(self.drain_timeout_seconds),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            // Thousands of playlists; a server with 1 GB keeps the rest for the page cache.
            cache_bytes: 64 << 20,
            // About 20 KB each, and each needs a file descriptor.
            connections: 4096,
            // hyper counts idle and header time as one; a player with a full buffer asks every 4 to 10 seconds.
            request_timeout_seconds: 30,
            // A paused `<video src>` stops reading; browsers reconnect with a Range when it plays on.
            write_timeout_seconds: 60,
            // A 1080p segment over a 1 Mbit/s line takes about 25 seconds.
            drain_timeout_seconds: 30,
        }
    }
}

/// What Linux lets one process open (`fs.nr_open`) by default, rounded down.
const MOST_CONNECTIONS: u64 = 1_000_000;

/// A day: whoever waits longer has left.
const LONGEST_TIMEOUT_SECONDS: u64 = 86_400;

/// Standard streams, the listener, the runtime's own, a file being opened on each blocking thread.
const OTHER_FILES: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut Config), wanted: Option<&str>) {
        let mut config = Config::default();
        change(&mut config);
        let found = config.check().err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), wanted);
    }

    #[test]
    fn what_no_listener_could_keep_is_refused() {
        check(|_| {}, None);
        check(|config| config.connections = 1, None);
        check(
            |config| config.connections = 0,
            Some("origin.connections = 0 is out of bounds: it may be 1 to 1000000"),
        );
        check(
            |config| config.connections = 1 << 62,
            Some(
                "origin.connections = 4611686018427387904 is out of bounds: it may be 1 to 1000000",
            ),
        );
        check(
            |config| config.request_timeout_seconds = u64::MAX >> 1,
            Some(
                "origin.request_timeout_seconds = 9223372036854775807 is out of bounds: it may be 1 to 86400",
            ),
        );
        check(
            |config| config.write_timeout_seconds = 0,
            Some("origin.write_timeout_seconds = 0 is out of bounds: it may be 1 to 86400"),
        );
        check(
            |config| config.drain_timeout_seconds = 86_401,
            Some("origin.drain_timeout_seconds = 86401 is out of bounds: it may be 1 to 86400"),
        );
    }
}
