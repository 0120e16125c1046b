//! What a host may set about the origin, with defaults for a small server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::connections::Bounds;
use crate::limits::{MAPPING_WEIGHT, MAPPINGS};

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

/// Standard streams, the listener, the runtime's own, a file being opened on each blocking thread.
const OTHER_FILES: u64 = 1024;
