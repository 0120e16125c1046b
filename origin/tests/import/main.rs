//! Importing real files with the real ffmpeg: what comes out plays everywhere, and what can't be imported leaves nothing.

#![allow(clippy::unwrap_used, reason = "a film that cannot be made fails its test")]

mod films;
mod refused;
mod replaced;
mod studio;
