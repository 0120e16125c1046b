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
    /// With all that it says it asks for segments too, many times over.
    Flood,
}

impl Malice {
    /// Every one that there is.
    pub const ALL: &[Malice] =
        &[Malice::Lies, Malice::Silence, Malice::Stalls, Malice::FalseHave, Malice::Flood];

    /// What is sent in place of a message, where these segments exist.
    pub(crate) fn twist(self, message: Vec<u8>, there_are: Range<usize>) -> Vec<Vec<u8>> {
        let there_are = || there_are.clone().map(|no| no as u64);
        match self {
            Malice::Lies | Malice::Silence | Malice::Stalls => vec![message],
            Malice::FalseHave => boasted(message, there_are().collect()),
            Malice::Flood => {
                let asked = there_are().rev().cycle().take(REQUESTS);
                let floods = asked.enumerate().flat_map(|(no, segment)| {
                    let request = no as u64;
                    let ask = Command::SegmentRequest { segment, request, offset: 0 };
                    ask.encode(MESSAGE_BYTES)
                });
                std::iter::once(message).chain(floods).collect()
            }
        }
    }

    /// Whether the bytes of a segment from `start` on are given, and whether they are right.
    pub(crate) fn gives(this: Option<Malice>, start: u64) -> (bool, bool) {
        match this {
            Some(Malice::Silence) => (false, true),
            Some(Malice::Stalls) => (start == 0, true),
            Some(Malice::Lies) => (true, false),
            Some(Malice::FalseHave | Malice::Flood) | None => (true, true),
        }
    }
}

/// A message with which somebody tells what it holds, as if that were everything.
fn boasted(message: Vec<u8>, all: Vec<u64>) -> Vec<Vec<u8>> {
    let boast = match Joiner::default().take(&message) {
        Ok(Some(Message::Command(Command::SegmentsAnnouncement { loading, hello, .. }))) => {
            Command::SegmentsAnnouncement { loaded: all, loading, hello }
        }
        Ok(Some(Message::Command(Command::Changes {
            fetching,
            coming,
            dropped,
            uplink_kbps,
            ..
        }))) => {
            let gone = Vec::new();
            Command::Changes { held: all, gone, fetching, coming, dropped, uplink_kbps }
        }
        _ => return vec![message],
    };
    boast.encode(MESSAGE_BYTES)
}

/// What a flood asks for with each message: more than any honest viewer has under way.
const REQUESTS: usize = 20;
