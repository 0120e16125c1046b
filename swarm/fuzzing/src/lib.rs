//! What strangers may send and drivers may do, described by bytes, and what must hold whatever they do.
//!
//! Each function takes any bytes and panics if something doesn't hold. The fuzzers in `fuzz/` grow bytes that reach ever
//! more code; the tests of this crate hand in random ones and those that the fuzzers found worth keeping.
//!
//! - `formats`: everything in `wire` that reads what others wrote
//! - `operations`: which [inputs](swarm::Input) some bytes stand for
//! - `driver`: what a driver keeps, and what of it the engine may ask for at any moment
//! - `video`: what the server of that driver serves

mod bytes;
mod driver;
mod formats;
mod operations;
mod video;

pub use formats::{digests, headers, messages, pieces, playlists, tracker};
pub use operations::{operations, tell};

/// A function that some bytes are handed to.
pub type Target = fn(&[u8]);

/// All of them, by the names that the fuzzers and their corpora have.
pub const TARGETS: &[(&str, Target)] = &[
    ("messages", messages),
    ("tracker", tracker),
    ("playlists", playlists),
    ("digests", digests),
    ("headers", headers),
    ("pieces", pieces),
    ("operations", operations),
];
