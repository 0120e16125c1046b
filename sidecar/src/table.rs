//! The tables: one module for each, with all its queries.

pub(crate) mod about;
pub(crate) mod account;
pub(crate) mod caption;
pub(crate) mod card;
pub(crate) mod channel;
pub(crate) mod client;
pub(crate) mod collaborator;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod job;
pub(crate) mod listing;
pub(crate) mod own;
pub(crate) mod picture;
pub(crate) mod rate;
pub(crate) mod registration;
pub(crate) mod roll;
pub(crate) mod session;
pub(crate) mod stats;
pub(crate) mod subscription;
pub(crate) mod thumbnail;
pub(crate) mod upload;
pub(crate) mod user;
pub(crate) mod video;
pub(crate) mod video_password;
pub(crate) mod views;
pub(crate) mod visitor;
