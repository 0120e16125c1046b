//! A world of viewers in virtual time around the real engine.
//!
//! Nothing here is measured against a wall clock, and nothing in the engine knows that it is here: a [`Viewer`] drives
//! [`swarm::Engine`] as a browser would, with a modelled media element and a line of limited rate to an [`Origin`].
//!
//! Time goes in steps of [`STEP`]; within one, bytes flow as a fluid. That is exact enough for decisions that are made
//! a few times a second, and makes every run repeat itself.
//!
//! - `origin`: what servers have, and how they fail
//! - `line`: how fast and how late bytes come
//! - `element`: what a media element does with them
//! - `mesh`: how viewers meet, and what passes between them
//! - `viewer`: one engine with its line and element

mod element;
mod line;
mod mesh;
mod origin;
mod viewer;

pub use element::Quota;
pub use line::Line;
pub use origin::{Fault, Origin};
pub use viewer::{Malice, Viewer, World};

use std::time::Duration;

/// How far the world moves at once.
pub const STEP: Duration = Duration::from_millis(10);
