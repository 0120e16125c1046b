//! What two viewers say to each other on a data channel: p2p-media-loader's commands, families 2 to 4, byte for byte.
//!
//! The flow, which `docs/protocol.md` draws: each side announces the segments that it holds, and again whenever that
//! changes. Who wants one sends a request; the other answers with a header, the raw bytes in messages of their own, and
//! a completion, or with "absent". Who no longer wants it cancels. One download and one upload run at a time in each
//! direction of a connection.
//!
//! A [`Joiner`] turns received messages into [`Message`]s; [`Command::encode`] and [`data_messages`] make the messages
//! that are sent. Whatever a stranger sends, nothing panics and nothing grows past [`JOINED_LIMIT`].

mod fields;
mod frame;
mod id;

pub use frame::{JOINED_LIMIT, Joiner, data_messages, is_command};
pub use id::{PeerFamily, PeerId};

use fields::{Fields, Writer};

/// One thing said on a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// Said by one side's engine to the other's.
    Command(Command),
    /// The next bytes of the one segment that this connection is downloading.
    Data(&'a [u8]),
}

/// What one viewer tells or asks another. Segments are numbered by [`Segment`], requests by [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Everything that the sender holds and is fetching by HTTP; it replaces what was announced before.
    ///
    /// Make it with [`Command::announcement`], so that what matters most comes first: [`Command::encode`] leaves out what
    /// a stock peer couldn't read.
    SegmentsAnnouncement {
        /// Held whole, verified, ready to be asked for.
        loaded: Vec<Segment>,
        /// Being fetched by HTTP: soon held.
        loading: Vec<Segment>,
    },
    /// Asks for a segment, or its end; an upload that runs on this connection stops.
    SegmentRequest {
        /// Which segment.
        segment: Segment,
        /// Names this request in all answers.
        request: Request,
        /// Bytes that the asker has already: the answer starts after them.
        offset: u64,
    },
    /// Says that the bytes of a segment follow, in raw messages.
    SegmentData {
        /// Which segment.
        segment: Segment,
        /// Bytes that follow: the segment's length less the offset asked for.
        size: u64,
        /// The request that this answers.
        request: Request,
    },
    /// All bytes have been sent.
    SegmentDataSendingCompleted {
        /// Which segment.
        segment: Segment,
        /// The request that this answers.
        request: Request,
    },
    /// The segment asked for isn't here, or isn't given.
    SegmentAbsent {
        /// Which segment.
        segment: Segment,
        /// The request that this answers.
        request: Request,
    },
    /// The bytes asked for are no longer wanted.
    CancelSegmentRequest {
        /// Which segment.
        segment: Segment,
        /// The request that is taken back.
        request: Request,
    },
}

/// A segment's number: its media sequence when live, else its position in the playlist from 0. Up to [`LARGEST`].
pub type Segment = u64;

/// What a requester calls its request by. Stock peers draw it from 0 to 999; up to [`LARGEST`] is understood.
pub type Request = u64;

impl Command {
    /// An announcement with the segments nearest to `position` first, so that they are never the ones left out. The lists
    /// ascend.
    pub fn announcement(
        position: Segment,
        loaded: impl IntoIterator<Item = Segment>,
        loading: impl IntoIterator<Item = Segment>,
    ) -> Command {
        Command::SegmentsAnnouncement {
            loaded: nearest_first(position, loaded.into_iter().collect()),
            loading: nearest_first(position, loading.into_iter().collect()),
        }
    }

    /// The messages to send, in order: one, unless it is longer than `max_message_bytes`.
    ///
    /// Of an announcement, in the order given, at most 255 segments of each block of 256, 255 blocks and
    /// [`MOST_SEGMENTS`] in all are sent: the package miscounts beyond, and drops the whole command without a word.
    pub fn encode(&self, max_message_bytes: usize) -> Vec<Vec<u8>> {
        let mut writer = Writer::new(self.code());
        match self {
            Command::SegmentsAnnouncement { loaded, loading } => {
                let taken = writer.segments(b'l', loaded, MOST_SEGMENTS);
                writer.segments(b'p', loading, MOST_SEGMENTS - taken);
            }
            Command::SegmentRequest { segment, request, offset } => {
                writer.number(b'i', *segment);
                writer.number(b'r', *request);
                if *offset > 0 {
                    writer.number(b'b', *offset);
                }
            }
            Command::SegmentData { segment, size, request } => {
                writer.number(b'i', *segment);
                writer.number(b's', *size);
                writer.number(b'r', *request);
            }
            Command::SegmentDataSendingCompleted { segment, request }
            | Command::SegmentAbsent { segment, request }
            | Command::CancelSegmentRequest { segment, request } => {
                writer.number(b'i', *segment);
                writer.number(b'r', *request);
            }
        }
        frame::split(&writer.into_body(), max_message_bytes)
    }

    /// Reads what stands between the frames. `None` for a command that we don't know, which the package ignores too.
    fn decode(body: &[u8]) -> Result<Option<Command>, PeerError> {
        let Some((&code, fields)) = body.split_first() else { return Ok(None) };
        if code > CANCEL {
            return Ok(None);
        }
        let mut fields = Fields::read(fields)?;
        if code == ANNOUNCEMENT {
            let (loaded, loading) = (fields.segments(b'l')?, fields.segments(b'p')?);
            return Ok(Some(Command::SegmentsAnnouncement { loaded, loading }));
        }
        let (segment, request) = (fields.number(b'i')?, fields.number(b'r')?);
        Ok(Some(match code {
            REQUEST => {
                let offset = fields.number_if_any(b'b')?.unwrap_or(0);
                Command::SegmentRequest { segment, request, offset }
            }
            DATA => Command::SegmentData { segment, size: fields.number(b's')?, request },
            COMPLETED => Command::SegmentDataSendingCompleted { segment, request },
            ABSENT => Command::SegmentAbsent { segment, request },
            _ => Command::CancelSegmentRequest { segment, request },
        }))
    }

    fn code(&self) -> u8 {
        match self {
            Command::SegmentsAnnouncement { .. } => ANNOUNCEMENT,
            Command::SegmentRequest { .. } => REQUEST,
            Command::SegmentData { .. } => DATA,
            Command::SegmentDataSendingCompleted { .. } => COMPLETED,
            Command::SegmentAbsent { .. } => ABSENT,
            Command::CancelSegmentRequest { .. } => CANCEL,
        }
    }
}

/// Walks from `position` in both directions at once.
fn nearest_first(position: Segment, ascending: Vec<Segment>) -> Vec<Segment> {
    let (before, after) = ascending.split_at(ascending.partition_point(|id| *id < position));
    let (mut before, mut after) = (before.iter().rev().peekable(), after.iter().peekable());
    let mut nearest = Vec::with_capacity(ascending.len());
    loop {
        let is_before = match (before.peek(), after.peek()) {
            (Some(below), Some(above)) => position - **below <= **above - position,
            (below, _) => below.is_some(),
        };
        let Some(next) = (if is_before { before.next() } else { after.next() }) else {
            return nearest;
        };
        nearest.push(*next);
    }
}

/// Why a message of a peer isn't understood. The connection goes on: the package drops such a command in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerError {
    // Unreadable bytes.
    /// The command ends within a field.
    #[error("the command ends within a field")]
    Truncated,
    /// A field of a type that nobody has defined, so that its end is unknown.
    #[error("the command has a field of unknown type {0}")]
    UnknownType(u8),

    // A peer that misbehaves.
    /// A later part of a split command came without the first.
    #[error("part of a command came without its beginning")]
    NoBeginning,
    /// A command began before the last part of another; both are dropped, as the package does.
    #[error("a command began within another")]
    Interrupted,
    /// The parts of a command are more than [`JOINED_LIMIT`] together.
    #[error("a command of more than {JOINED_LIMIT} bytes is too long")]
    TooLong,
    /// An announcement lists more than [`MOST_SEGMENTS`].
    #[error("an announcement of {0} segments is too long")]
    TooManySegments(usize),
    /// A field that the command can't do without.
    #[error("the command lacks its field {0:?}")]
    Missing(char),
    /// A number where a list belongs, or the other way round.
    #[error("the field {0:?} is of the wrong type")]
    WrongType(char),
    /// A number that is negative or above [`LARGEST`].
    #[error("the field {0:?} is out of bounds")]
    OutOfBounds(char),
}

/// The largest number that JavaScript, and so every stock peer, counts exactly: 2^53 - 1.
pub const LARGEST: u64 = (1 << 53) - 1;

/// Bytes of one message, either way: what every browser passes on, and what stock peers keep to.
pub const MESSAGE_BYTES: usize = 65_535;

/// Segments that one announcement may list: no playlist that we read has more. With two lists of 255 blocks it stays
/// below [`JOINED_LIMIT`].
pub const MOST_SEGMENTS: usize = crate::playlist::ENTRY_LIMIT;

const ANNOUNCEMENT: u8 = 0;
const REQUEST: u8 = 1;
const DATA: u8 = 2;
const COMPLETED: u8 = 3;
const ABSENT: u8 = 4;
const CANCEL: u8 = 5;

#[cfg(test)]
mod tests;
