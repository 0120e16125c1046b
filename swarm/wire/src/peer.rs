//! What two viewers say to each other on a data channel: p2p-media-loader's commands, families 2 to 4, byte for byte, and
//! five of our own.
//!
//! The flow, which `docs/protocol.md` draws: each side announces the segments that it holds, and again whenever that
//! changes. Who wants one sends a request; the other answers with a header, the raw bytes in messages of their own, and
//! a completion, or with "absent". Who no longer wants it cancels. One download and one upload run at a time in each
//! direction of a connection.
//!
//! Between two of ours, whose announcements said [`Hello`], there is more: changes instead of whole announcements, word
//! of fresh live segments, requests for parts, pieces of segments that aren't whole yet, and goodbye. Stock peers pass
//! over all of it.
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
        /// Offers the extension, in the first announcement of a connection.
        hello: Option<Hello>,
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
    /// What has changed since this was last told, by an announcement or by changes. Extension.
    ///
    /// [`Command::encode`] bounds the lists, together, as it does an announcement's.
    Changes {
        /// Now held whole and verified.
        held: Vec<Segment>,
        /// Held no longer.
        gone: Vec<Segment>,
        /// Now being fetched from the server.
        fetching: Vec<Segment>,
        /// Now coming from peers.
        coming: Vec<Segment>,
        /// Neither fetched nor coming any more, nor held: given up.
        dropped: Vec<Segment>,
        /// Kilobits a second that the sender can give, if it knows by now.
        uplink_kbps: Option<u64>,
    },
    /// The sender's live playlist has segments up to this one. Extension.
    Fresh {
        /// The last of the playlist.
        segment: Segment,
        /// The last that somebody holds or is fetching, as far as the sender has heard: nobody else need fetch it for now.
        owned: Option<Segment>,
    },
    /// Asks for some bytes of a segment; an upload that runs on this connection stops. Extension.
    PartRequest {
        /// Which segment.
        segment: Segment,
        /// Names this request in all answers.
        request: Request,
        /// The first byte wanted.
        start: u64,
        /// The byte after the last one wanted; more than `start`.
        end: u64,
        /// Milliseconds of playing time until the asker needs the bytes, if it knows.
        needed_in: Option<u64>,
        /// Kilobits a second that the asker can give in turn, if it knows: who gives much is best served first.
        uplink_kbps: Option<u64>,
    },
    /// The sender leaves, and asks and gives no more. Extension.
    Bye,
    /// Of a segment that isn't held whole, these verified pieces can be asked for. Extension.
    Pieces {
        /// Which segment.
        segment: Segment,
        /// Bytes of each piece but the last, within [`PIECE_BYTES`].
        piece_bytes: u64,
        /// Pieces by number, from 0.
        pieces: Vec<u64>,
    },
}

/// What a side of a connection says of itself when it offers the extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello {
    /// The newest version of the extension that the sender knows. The older of both sides' is spoken: today [`EXTENSION`].
    pub version: u64,
    /// Kilobits a second that the sender thinks it can give in all: 0 if it gives nothing, `None` if it doesn't know.
    pub uplink_kbps: Option<u64>,
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
            hello: None,
        }
    }

    /// The same announcement, offering the extension. Other commands offer nothing and stay as they are.
    #[must_use]
    pub fn with_hello(mut self, said: Hello) -> Command {
        if let Command::SegmentsAnnouncement { hello, .. } = &mut self {
            *hello = Some(said);
        }
        self
    }

    /// The messages to send, in order: one, unless it is longer than `max_message_bytes`.
    ///
    /// Of each list, in the order given, at most 255 groups are sent, and [`MOST_SEGMENTS`] of all lists together: the package
    /// miscounts beyond, and drops the whole command without a word. A group has up to 255 numbers that differ in their last
    /// byte alone, so that 256 of them take two groups.
    pub fn encode(&self, max_message_bytes: usize) -> Vec<Vec<u8>> {
        let mut writer = Writer::new(self.code());
        match self {
            Command::SegmentsAnnouncement { loaded, loading, hello } => {
                writer.lists(&[(b'l', loaded), (b'p', loading)]);
                if let Some(hello) = hello {
                    writer.number(b'x', hello.version);
                    writer.number_if_any(b'u', hello.uplink_kbps);
                }
            }
            Command::SegmentRequest { segment, request, offset } => {
                writer.number(b'i', *segment);
                writer.number(b'r', *request);
                writer.number_if_any(b'b', (*offset > 0).then_some(*offset));
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
            Command::Changes { held, gone, fetching, coming, dropped, uplink_kbps } => {
                writer.lists(&[
                    (b'l', held),
                    (b'g', gone),
                    (b'p', fetching),
                    (b'c', coming),
                    (b'd', dropped),
                ]);
                writer.number_if_any(b'u', *uplink_kbps);
            }
            Command::Fresh { segment, owned } => {
                writer.number(b'i', *segment);
                writer.number_if_any(b'o', *owned);
            }
            Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps } => {
                writer.number(b'i', *segment);
                writer.number(b'r', *request);
                writer.number_if_any(b'b', (*start > 0).then_some(*start));
                writer.number(b'e', *end);
                writer.number_if_any(b'n', *needed_in);
                writer.number_if_any(b'u', *uplink_kbps);
            }
            Command::Bye => {}
            Command::Pieces { segment, piece_bytes, pieces } => {
                writer.number(b'i', *segment);
                writer.number(b'z', *piece_bytes);
                writer.lists(&[(b'l', pieces)]);
            }
        }
        frame::split(&writer.into_body(), max_message_bytes)
    }

    /// Reads what stands between the frames. `None` for a command that we don't know, which the package ignores too.
    fn decode(body: &[u8]) -> Result<Option<Command>, PeerError> {
        let Some((&code, fields)) = body.split_first() else { return Ok(None) };
        if !matches!(code, ANNOUNCEMENT..=CANCEL | CHANGES..=PIECES) {
            return Ok(None);
        }
        let mut fields = Fields::read(fields)?;
        let command = match code {
            ANNOUNCEMENT => Command::SegmentsAnnouncement {
                loaded: fields.list(b'l')?,
                loading: fields.list(b'p')?,
                hello: Hello::read(&mut fields)?,
            },
            CHANGES => Command::Changes {
                held: fields.list(b'l')?,
                gone: fields.list(b'g')?,
                fetching: fields.list(b'p')?,
                coming: fields.list(b'c')?,
                dropped: fields.list(b'd')?,
                uplink_kbps: fields.number_if_any(b'u')?,
            },
            FRESH => {
                Command::Fresh { segment: fields.number(b'i')?, owned: fields.number_if_any(b'o')? }
            }
            BYE => Command::Bye,
            PIECES => Command::Pieces {
                segment: fields.number(b'i')?,
                piece_bytes: piece_bytes(fields.number(b'z')?)?,
                pieces: fields.list(b'l')?,
            },
            _ => Command::of_request(code, &mut fields)?,
        };
        Ok(Some(command))
    }

    /// Reads the commands that make, answer or take back a request.
    fn of_request(code: u8, fields: &mut Fields) -> Result<Command, PeerError> {
        let (segment, request) = (fields.number(b'i')?, fields.number(b'r')?);
        Ok(match code {
            REQUEST => {
                let offset = fields.number_if_any(b'b')?.unwrap_or(0);
                Command::SegmentRequest { segment, request, offset }
            }
            DATA => Command::SegmentData { segment, size: fields.number(b's')?, request },
            COMPLETED => Command::SegmentDataSendingCompleted { segment, request },
            ABSENT => Command::SegmentAbsent { segment, request },
            CANCEL => Command::CancelSegmentRequest { segment, request },
            _ => {
                let start = fields.number_if_any(b'b')?.unwrap_or(0);
                let end = fields.number(b'e')?;
                if end <= start {
                    return Err(PeerError::EmptyPart { start, end });
                }
                let needed_in = fields.number_if_any(b'n')?;
                let uplink_kbps = fields.number_if_any(b'u')?;
                Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps }
            }
        })
    }

    fn code(&self) -> u8 {
        match self {
            Command::SegmentsAnnouncement { .. } => ANNOUNCEMENT,
            Command::SegmentRequest { .. } => REQUEST,
            Command::SegmentData { .. } => DATA,
            Command::SegmentDataSendingCompleted { .. } => COMPLETED,
            Command::SegmentAbsent { .. } => ABSENT,
            Command::CancelSegmentRequest { .. } => CANCEL,
            Command::Changes { .. } => CHANGES,
            Command::Fresh { .. } => FRESH,
            Command::PartRequest { .. } => PART_REQUEST,
            Command::Bye => BYE,
            Command::Pieces { .. } => PIECES,
        }
    }
}

impl Hello {
    fn read(fields: &mut Fields) -> Result<Option<Hello>, PeerError> {
        let Some(version) = fields.number_if_any(b'x')? else { return Ok(None) };
        Ok(Some(Hello { version, uplink_kbps: fields.number_if_any(b'u')? }))
    }
}

fn piece_bytes(told: u64) -> Result<u64, PeerError> {
    if PIECE_BYTES.contains(&told) { Ok(told) } else { Err(PeerError::PieceSize(told)) }
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
    /// A list has more than [`MOST_SEGMENTS`].
    #[error("a list of {0} segments is too long")]
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
    /// A request for a part that ends where it begins, or before.
    #[error("a part from byte {start} up to byte {end} is empty")]
    EmptyPart {
        /// The first byte asked for.
        start: u64,
        /// The byte after the last one asked for.
        end: u64,
    },
    /// Pieces smaller or larger than [`PIECE_BYTES`].
    #[error("pieces of {0} bytes are too small or too large")]
    PieceSize(u64),
}

/// The largest number that JavaScript, and so every stock peer, counts exactly: 2^53 - 1.
pub const LARGEST: u64 = (1 << 53) - 1;

/// Bytes of one message, either way: what every browser passes on, and what stock peers keep to.
pub const MESSAGE_BYTES: usize = 65_535;

/// Bytes of a message of data that we send: two of them are a piece of [`PIECE`](crate::pieces::PIECE), and commands between them
/// don't wait long.
pub const DATA_BYTES: usize = 32 << 10;

/// Segments that one command may list: no playlist that we read has more. With five lists of 255 blocks it stays below
/// [`JOINED_LIMIT`].
pub const MOST_SEGMENTS: usize = crate::playlist::ENTRY_LIMIT;

/// The version of the extension that this module speaks, which [`Hello`] offers.
pub const EXTENSION: u64 = 1;

/// How large the pieces of a segment may be. Smaller ones would cost more in digests and requests than they save in
/// waiting; larger ones are hardly passed on sooner than the whole segment.
pub const PIECE_BYTES: std::ops::RangeInclusive<u64> = 16_384..=65_536;

const ANNOUNCEMENT: u8 = 0;
const REQUEST: u8 = 1;
const DATA: u8 = 2;
const COMPLETED: u8 = 3;
const ABSENT: u8 = 4;
const CANCEL: u8 = 5;
// Ours begin at 16, to leave the package room for more of its own.
const CHANGES: u8 = 16;
const FRESH: u8 = 17;
const PART_REQUEST: u8 = 18;
const BYE: u8 = 19;
const PIECES: u8 = 20;

#[cfg(test)]
mod tests;
