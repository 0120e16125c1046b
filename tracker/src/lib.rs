//! The signal plane: introduces viewers of the same rendition to each other, and tells them their public address.
//!
//! - [`swarms`]: who is in which swarm and who meets whom; decisions without IO
//! - [`Tracker`]: a WebSocket for each viewer, in the WebTorrent tracker protocol (`wire::announce`)
//! - [`stun`]: answers to STUN Binding requests on UDP
//!
//! It knows neither videos nor accounts, only info-hashes: an [`Admission`] says which of them belong here. Nothing that
//! identifies a viewer is logged or kept longer than the connection.
//!
//! [`run`] is the tracker alone on a port of its own; `instance` mounts [`Tracker::answer`] at `/tracker/socket`.

pub mod config;
mod dice;
mod door;
pub mod error;
pub mod limits;
pub mod metrics;
mod outbox;
mod pace;
mod pulse;
pub mod serve;
pub mod stun;
pub mod swarms;

pub use config::Config;
pub use serve::{Tracker, run};
pub use swarms::Admission;
