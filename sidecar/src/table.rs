//! The tables: one module for each, with all its queries.

pub(crate) mod account;
#[allow(dead_code, reason = "the answers about it come next")]
pub(crate) mod channel;
pub(crate) mod client;
pub(crate) mod job;
pub(crate) mod registration;
pub(crate) mod session;
pub(crate) mod upload;
pub(crate) mod user;
#[allow(dead_code, reason = "the answers about it come next")]
pub(crate) mod video;
