//! The tables: one module for each, with all its queries.

pub(crate) mod account;
pub(crate) mod client;
pub(crate) mod registration;
pub(crate) mod session;
pub(crate) mod user;
