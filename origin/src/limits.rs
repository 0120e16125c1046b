//! Bounds that no configuration moves, each with its reason. Those that depend on the machine are in [`crate::config`].

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets the process open as many files as the system allows it, and tells how many that is.
///
/// The usual soft limit of 1,024 is there for programs that use `select(2)`.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let granted = if setrlimit(Resource::Nofile, wanted).is_ok() { wanted } else { limit };
    granted.current.unwrap_or(u64::MAX)
}

/// Bytes of one request's line and headers: browsers send under 2 KB, and cookies of a shared domain may double that.
pub const HEADER_BYTES: usize = 16 << 10;

/// Headers of one request: browsers send about 20.
pub const HEADER_COUNT: usize = 64;

/// Files up to this size are read into the cache, larger ones are mapped.
///
/// Playlists, posters and digests of an hour-long video are smaller; a mapping costs two system calls and page faults,
/// which pays only for media.
pub const SMALL_FILE: u64 = 256 << 10;

/// What a mapping weighs in the cache, beside the page cache's memory, which the kernel takes back by itself.
///
/// Each also holds a file descriptor. With the default cache of 64 MiB at most 2,048 files stay mapped, far under
/// Linux's 65,530 mappings a process.
pub const MAPPING_WEIGHT: u32 = 32 << 10;

/// Mappings at once, however large the cache is configured: a quarter of what Linux allows a process.
pub const MAPPINGS: u64 = 16_384;

/// How old a cached answer may be before the file system is asked whether the file is still the same.
///
/// A removed video is therefore gone after about this time, and a busy one costs a few system calls per file in it.
pub const RECHECK: Duration = Duration::from_secs(1);

/// How old it may be for those who ask while somebody looks, which takes milliseconds.
///
/// Nobody may read a video any more, this long after it was made private, however seldom it's asked for.
pub const RECHECK_AT_LEAST: Duration = Duration::from_secs(3);

/// A file nobody asked for leaves the cache after this time: a mapping holds the disk space of a removed video.
pub const CACHE_IDLE: Duration = Duration::from_secs(300);

/// How often idle cache entries are looked for when nobody asks for anything.
pub const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// Bytes of a mapped range that the kernel is asked to read ahead at once; one long segment.
///
/// An open range over gigabytes would else push everything out of the page cache.
pub const READ_AHEAD: usize = 4 << 20;

/// Videos whose openings are remembered: a few KB each.
pub const OPENINGS: u64 = 1_000;

/// Connections over the bound that are told 503 at the same time; any more are closed without a word.
pub const REFUSALS: usize = 64;

/// How long a refused connection may take to send its request, which has to be read for the 503 to arrive.
pub const REFUSAL_PATIENCE: Duration = Duration::from_secs(2);

/// What a refused viewer is told to wait: about a segment, so that a full buffer bridges it.
pub const RETRY_AFTER_SECONDS: u32 = 5;

/// Pause after a failed `accept`, which means that the process is out of file descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of an upload that wait in memory to be written at once: a system call for each piece that hyper reads, 16 KB, would
/// cost more than the copying.
pub const UPLOAD_BATCH: u64 = 256 << 10;

/// How long an upload may bring nothing before its connection is given up: a phone in a tunnel comes back with a new one.
pub const UPLOAD_PATIENCE: Duration = Duration::from_secs(60);

/// Free bytes that an upload leaves on the disk, so that databases and playlists can still be written.
pub const UPLOAD_SPARE: u64 = 256 << 20;
