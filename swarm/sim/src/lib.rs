//! A world of viewers in virtual time around the real engine.
//!
//! Nothing here is measured against a wall clock, and nothing in the engine knows that it is here: a [`Viewer`] is driven as
//! a browser drives the engine, with a modelled media element, an access line to an [`Origin`], and connections to others.
//!
//! ```text
//!            ┌ tracker ┐                    what an agent wants (Output) goes left and down,
//!   viewer ──┤ origin  ├── viewer           what happens to it (Input) comes back as an event
//!            └ pipes ──┘                    at the time when the bytes have come through
//! ```
//!
//! Everything that happens is an event in one queue, ordered by time; a seed decides all chance, so that a run repeats itself.
//! What different viewers are told within two milliseconds, their agents take in on all cores at once: nothing comes from one to another
//! in so short a time.
//!
//! - `world`: the queue's loop, and what agents want of others; `http`, `sending`: how bytes get through
//! - `viewer`, `element`, `line`: one viewer's driver, media element and access line; `agent`: who decides for it
//! - `network`, `pipe`: what lies between viewers
//! - `origin`, `tracker`: the servers
//! - `malice`: how viewers betray each other
//! - `scenario`, `audience`, `report`: whole audiences from text files, how they are played, and what became of them
//! - [`chart`]: drawings of that
//! - `story`: what one viewer was told, to be told again
//! - `stock`: a page with a stock player
//! - [`policy`]: who decides for them; [`toy`]: the least world in which decisions can be compared

mod agent;
mod audience;
pub mod chart;
mod dice;
mod element;
mod event;
mod http;
mod line;
mod malice;
mod network;
mod origin;
mod pipe;
pub mod policy;
mod report;
mod scenario;
mod sending;
mod stock;
mod story;
pub mod toy;
mod tracker;
mod viewer;
mod world;

pub use agent::Agent;
pub use dice::Dice;
pub use element::Quota;
pub use line::Line;
pub use malice::Malice;
pub use network::Network;
pub use origin::{Fault, Origin};
pub use policy::{Policy, agent};
pub use report::{Report, Second};
pub use scenario::Scenario;
pub use stock::{StockConfig, StockPeer};
pub use story::Story;
pub use viewer::Viewer;
pub use world::World;
