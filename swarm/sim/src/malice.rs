//! Ways to betray others, by what the network does to what an honest engine sends.

use std::ops::Range;

use wire::peer::{Command, Joiner, MESSAGE_BYTES, Message};

/// A way to betray others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// The bytes that it gives are wrong.
    Lies,
    /// It gives nothing of what it announces.
    Silence,
    /// It gives the first bytes of each segment, and no more.
    Stalls,
    /// It announces all segments that there are, whether it holds them or not.
    FalseHave,
}

impl Malice {
    /// What is sent in place of a message.
    pub(crate) fn twist(self, message: Vec<u8>, there_are: Range<usize>) -> Vec<Vec<u8>> {
        if self != Malice::FalseHave {
            return vec![message];
        }
        match Joiner::default().take(&message) {
            Ok(Some(Message::Command(Command::SegmentsAnnouncement {
                loading, hello, ..
            }))) => {
                let loaded = there_are.map(|no| no as u64).collect();
                Command::SegmentsAnnouncement { loaded, loading, hello }.encode(MESSAGE_BYTES)
            }
            _ => vec![message],
        }
    }

    /// Whether the bytes of a segment from `start` on are given, and whether they are right.
    pub(crate) fn gives(this: Option<Malice>, start: u64) -> (bool, bool) {
        match this {
            Some(Malice::Silence) => (false, true),
            Some(Malice::Stalls) => (start == 0, true),
            Some(Malice::Lies) => (true, false),
            Some(Malice::FalseHave) | None => (true, true),
        }
    }
}
