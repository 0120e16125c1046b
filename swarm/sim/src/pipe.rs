//! One direction of a connection between two viewers, and what passes over it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use swarm::{LinkId, RequestId};

/// One end of a connection: whose, and how it is called there.
pub(crate) type End = (usize, LinkId);

/// From one end to the other.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// Where it leads; `None` as long as nobody has taken the offer.
    pub(crate) to: Option<End>,
    pub(crate) is_open: bool,
    pub(crate) round_trip: Duration,
    pub(crate) queue: VecDeque<Parcel>,
    pub(crate) queued_bytes: u64,
    /// It waits for its turn at the uplink, or for its own window.
    pub(crate) is_lined_up: bool,
    /// What was given is to be told as sent.
    pub(crate) is_draining: bool,
    /// Nothing overtakes what arrives then.
    pub(crate) last_arrival: Duration,
}

/// What passes over a connection.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Command(Vec<u8>),
    Data(Piece),
}

impl Parcel {
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Parcel::Command(message) => message.len() as u64,
            Parcel::Data(piece) => piece.bytes,
        }
    }
}

/// Bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) rendition: usize,
    pub(crate) segment: usize,
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// They are what they should be.
    pub(crate) is_true: bool,
}

/// What a viewer holds under a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Of which rendition and segment.
    pub(crate) of: Option<(usize, usize)>,
    /// From which byte of it on.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// So many of the first bytes are what they should be, where they should be.
    pub(crate) right: u64,
}

impl Held {
    pub(crate) fn push(&mut self, piece: Piece) {
        let of = (piece.rendition, piece.segment);
        if self.of.is_none() {
            (self.of, self.start) = (Some(of), piece.start);
        }
        let fits = self.of == Some(of) && piece.start == self.start + self.bytes;
        if fits && piece.is_true && self.right == self.bytes {
            self.right += piece.bytes;
        }
        self.bytes += piece.bytes;
    }
}

/// Names a request's body.
pub(crate) type Bodies = BTreeMap<RequestId, Held>;
