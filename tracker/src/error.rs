//! Why a viewer's request is refused.

use wire::announce::{Action, ReadError, Reply};
use wire::identity::InfoHash;

/// Why a well-formed request is refused, sorted by blame: the one who asks, then the tracker's own bounds.
///
/// None of them ends a connection, since other swarms of the same viewer share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No video of this instance has the swarm.
    #[error("this tracker does not know the info_hash: it serves the videos of its own instance")]
    UnknownSwarm,
    /// The peer id is another connection's, which lives.
    #[error("the peer_id belongs to another connection: announce with one of your own")]
    IdTaken,
    /// An answer from somebody who isn't in the swarm by this id.
    #[error("the peer_id is not in this swarm: announce first")]
    NotAMember,
    /// An answer to what was not offered to this viewer, or was answered, or is too old.
    #[error("there is no such offer for this peer_id, or it was answered, or it is too old")]
    NoSuchOffer,
    /// One connection in too many swarms, or with too many ids in one.
    #[error("too many swarms or ids on one connection: leave some first")]
    TooManyIds,
    /// The swarm is as large as it may get.
    #[error("the swarm is full")]
    FullSwarm,
    /// There are as many swarms as may be.
    #[error("the tracker has no room for another swarm")]
    TooManySwarms,
}

impl Refusal {
    pub(crate) fn reply(self, action: Action, info_hash: Option<InfoHash>) -> Reply<'static> {
        Reply::Failed { action, info_hash, reason: self.to_string().into() }
    }
}

/// The answer to a message that could not be read.
pub(crate) fn unreadable(error: &ReadError) -> Reply<'static> {
    let ReadError { fault, action, info_hash } = *error;
    Reply::Failed { action, info_hash, reason: fault.to_string().into() }
}
