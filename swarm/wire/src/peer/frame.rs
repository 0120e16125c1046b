//! How commands and raw bytes share a data channel: frames, parts, and telling them apart.
//!
//! A message is a command, or part of one, if and only if it begins with `cstr` or `dstr` and ends with `cend` or `dend`:
//! `cstr…cend` is whole; a longer command is `cstr…dend`, any number of `dstr…dend`, and `dstr…cend`. Anything else is
//! raw bytes of a segment.

use super::{Command, Message, PeerError};

/// Puts the parts of split commands together, one for each connection.
#[derive(Debug, Default)]
pub struct Joiner {
    begun: Option<Vec<u8>>,
}

impl Joiner {
    /// Takes the next message from the channel. `None` means that there is nothing to act on: part of a command, or a
    /// command that nobody has defined yet.
    ///
    /// # Errors
    /// When a command can't be understood or its parts don't follow each other. What was begun is dropped, and the next
    /// message is taken afresh.
    pub fn take<'a>(&mut self, message: &'a [u8]) -> Result<Option<Message<'a>>, PeerError> {
        let Some(part) = Part::of(message) else { return Ok(Some(Message::Data(message))) };
        let body = match (self.begun.take(), part.is_first) {
            (None, false) => return Err(PeerError::NoBeginning),
            (Some(_), true) => return Err(PeerError::Interrupted),
            (begun, _) if begun.as_ref().map_or(0, Vec::len) + part.body.len() > JOINED_LIMIT => {
                return Err(PeerError::TooLong);
            }
            (None, true) if part.is_last => return command(part.body),
            (None, true) => part.body.to_vec(),
            (Some(mut body), false) => {
                body.extend(part.body);
                body
            }
        };
        if part.is_last {
            return command(&body);
        }
        self.begun = Some(body);
        Ok(None)
    }
}

/// Whether a message is a command or part of one, by its first and last four bytes; all others are data.
pub fn is_command(first: &[u8], last: &[u8]) -> bool {
    [FIRST, LATER].contains(&first) && [LAST, EARLIER].contains(&last)
}

/// Cuts the bytes of a segment into messages of at most `max_message_bytes`.
///
/// Bytes that happen to look like a command are cut once more, so that the other side takes them for what they are.
pub fn data_messages(bytes: &[u8], max_message_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let longest = rest.len().min(max_message_bytes.max(1));
        let is_mistakable = Part::of(&rest[..longest]).is_some();
        let (message, after) = rest.split_at(if is_mistakable { longest - 1 } else { longest });
        rest = after;
        (!message.is_empty()).then_some(message)
    })
}

/// Frames a command's body: whole if it fits, else in equal parts, as few as fit.
pub(super) fn split(body: &[u8], max_message_bytes: usize) -> Vec<Vec<u8>> {
    if body.len() + FRAMES <= max_message_bytes {
        return vec![framed(body, true, true)];
    }
    let fits = max_message_bytes.saturating_sub(FRAMES).max(1);
    let mut count = body.len().div_ceil(max_message_bytes.max(1)).max(2);
    while body.len().div_ceil(count) > fits {
        count += 1;
    }
    let length = body.len().div_ceil(count);
    let part = |no: usize| {
        let (start, end) = (no * length, (no + 1) * length);
        let bytes = &body[start.min(body.len())..end.min(body.len())];
        framed(bytes, no == 0, no == count - 1)
    };
    (0..count).map(part).collect()
}

fn command(body: &[u8]) -> Result<Option<Message<'static>>, PeerError> {
    Ok(Command::decode(body)?.map(Message::Command))
}

fn framed(body: &[u8], is_first: bool, is_last: bool) -> Vec<u8> {
    let start = if is_first { FIRST } else { LATER };
    let end = if is_last { LAST } else { EARLIER };
    [start, body, end].concat()
}

/// A message that is a command or part of one.
struct Part<'a> {
    is_first: bool,
    is_last: bool,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn of(message: &'a [u8]) -> Option<Part<'a>> {
        let (start, rest) = message.split_at_checked(MAGIC)?;
        let (body, end) = rest.split_at_checked(rest.len().checked_sub(MAGIC)?)?;
        is_command(start, end).then_some(Part {
            is_first: start == FIRST,
            is_last: end == LAST,
            body,
        })
    }
}

/// Bytes of a command that are joined from its parts; what goes beyond is dropped.
///
/// The longest announcement that [`super::MOST_SEGMENTS`] permits has 55 KB.
pub const JOINED_LIMIT: usize = 64 << 10;

const FIRST: &[u8] = b"cstr";
const LATER: &[u8] = b"dstr";
const EARLIER: &[u8] = b"dend";
const LAST: &[u8] = b"cend";
/// Bytes of each of these.
const MAGIC: usize = 4;
/// Bytes that frames add to each part.
const FRAMES: usize = 8;
