//! The engine: which segment to ask of whom, and when, so that the picture never stops.
//!
//! It does no IO, has no clock and no dice. A driver (the browser player, the simulator, later the native seeder) owns
//! one [`Engine`] and repeats three steps:
//!
//! 1. tell it one thing that happened: [`Engine::handle`] with the time and an [`Input`];
//! 2. do all that it wants: [`Engine::poll`] until `None`, carrying out each [`Output`];
//! 3. sleep until the next thing happens or [`Engine::next_deadline`] comes, then hand in [`Input::Woken`].
//!
//! The same inputs and seed give the same outputs, natively and in wasm.
//!
//! The way of a segment: [`Output::Fetch`] → [`Input::Fetched`] (the driver keeps the bytes under the request's id, the
//! engine only counts them) → [`Output::Append`] → [`Input::Updated`] → played → [`Output::Evict`].
//!
//! - `engine`: the contract and the state; `note`: what each input changes in it
//! - `plan`: what is wanted now, decided afresh after every input from which something may follow
//! - `parts`: segments that come in parts, from several sides
//! - `catalogue`: which renditions a playlist offers that can be played here
//! - `timeline`, `buffer`: where segments lie in time, and which of them the media element holds
//! - `bandwidth`, `abr`: how fast bytes come, and which rendition that allows
//! - `share`: what is taken from other viewers, and given to them
//! - `mirrors`: which of several servers is asked
//! - `retry`: how long to leave a failing server in peace
//! - `table`: maps of few entries
//! - [`limits`]: every bound and wait, with its reason

mod abr;
mod bandwidth;
mod buffer;
mod catalogue;
mod dice;
mod engine;
pub mod limits;
mod message;
mod mirrors;
mod note;
mod parts;
mod plan;
mod retry;
mod share;
mod table;
mod time;
mod timeline;

pub use abr::start_rendition;
pub use engine::{Config, Engine, Stats};
pub use message::{
    Body, Content, Deadline, End, Event, Failure, Fatal, Hash, Heard, Hindrance, Input, LinkId,
    Mime, Output, Quality, RenditionInfo, RequestId, Sharing, Span, Trouble, Trust, Wanted, Why,
};
pub use table::Table;
pub use time::Time;
