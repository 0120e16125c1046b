//! What servers say to each other: ActivityPub with other Shoals, PeerTube and Mastodon.
//!
//! - `id`: what is ours and what is another server's
//! - `object`: what we say of ourselves; `tell` answers those who ask
//! - `signature` and `key`: who sent a request, and signing ours
//! - `authority`: whose word is believed
//! - `json`: reading what others write; `read` makes of it what is kept

pub mod authority;
pub mod id;
pub mod json;
pub mod key;
pub(crate) mod object;
pub(crate) mod read;
pub mod signature;
mod tell;
