//! The signal plane's place: it will introduce viewers of the same rendition to each other, and does nothing yet.
//!
//! The player has HTTP as its only source so far, so there is nobody to introduce. What this crate will be is decided
//! already: a WebSocket at `/tracker/socket` that speaks the WebTorrent tracker protocol, so that existing clients work
//! with it, and a STUN responder on UDP 3478. It will have the origin's file names for the same jobs (`config`, `error`,
//! `limits`, `metrics`, `shutdown`) and a `run(listener, config, shutdown)`, and will know neither videos nor accounts:
//! only info-hashes, which `wire::identity` makes.
