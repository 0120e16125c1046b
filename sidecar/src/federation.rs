//! What servers say to each other: ActivityPub with other Shoals, PeerTube and Mastodon.
//!
//! - `id`: what is ours and what is another server's
//! - `object`: what we say of ourselves; `tell` answers those who ask
//! - `signature` and `key`: who sent a request, and signing ours
//! - `inbox`: what they send, which `receive` does; `follows`: who follows whom
//! - `authority`: whose word is believed; `policy`: with whom we have nothing to do; `site`: whose a server is
//! - `json`: reading what others write; `read`: what is understood of it; `fuzzing`: that nothing they write breaks it
//! - `ask`: asking them; `people`: who they are; `videos`: what they publish
//! - `tasks`: what is to be asked, one after the other; `backfill`: all that somebody has published; `resolve`: what people here
//!   look for
//! - `hosts`: what servers say of themselves; `govern`: what an administrator decides
//! - `talk`: what is told of comments; `threads`: asking for theirs; `flag`: what is reported to the server that it comes from
//! - `news`: what changes here; `activity`: how it is said; `send` queues it, `deliver` takes it to their inboxes

pub(crate) mod activity;
pub(crate) mod ask;
pub mod authority;
pub(crate) mod backfill;
pub(crate) mod deliver;
#[cfg(test)]
pub(crate) mod elsewhere;
pub(crate) mod flag;
pub(crate) mod follows;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod govern;
pub(crate) mod hosts;
pub mod id;
pub(crate) mod inbox;
pub mod json;
pub mod key;
pub(crate) mod keyring;
pub(crate) mod news;
pub(crate) mod object;
pub(crate) mod people;
pub(crate) mod policy;
pub(crate) mod read;
pub(crate) mod receive;
pub mod resolve;
pub(crate) mod send;
pub mod signature;
pub mod site;
pub(crate) mod talk;
pub(crate) mod tasks;
pub(crate) mod tell;
pub(crate) mod threads;
pub(crate) mod videos;
