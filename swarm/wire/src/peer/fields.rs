//! The fields of a command: a byte of name, a byte of type, then a number, a list of numbers, or a text.
//!
//! The high half of the type byte is the type, the low half belongs to the value. A number (0) is sign and magnitude, big
//! end first, its bytes counted in the low half. A list (1) groups numbers that differ in their last byte alone: how
//! many groups, then for each a number, which is the common part with the count in its last byte, and the last bytes. A
//! text (2) has a 12-bit length. Fields of unknown name are skipped: they are where the protocol may grow.

use super::{LARGEST, MOST_SEGMENTS, PeerError};

/// The fields that some command has, as they were sent last: a name that comes twice counts as its second.
#[derive(Default)]
pub(super) struct Fields([Option<Value>; NAMES.len()]);

impl Fields {
    pub(super) fn read(bytes: &[u8]) -> Result<Fields, PeerError> {
        let mut fields = Fields::default();
        let mut reader = Reader(bytes);
        while !reader.0.is_empty() {
            let name = reader.byte()?;
            let value = reader.value()?;
            if let Some(field) = fields.field(name) {
                *field = Some(value);
            }
        }
        Ok(fields)
    }

    /// A number that the command can't do without.
    pub(super) fn number(&mut self, name: u8) -> Result<u64, PeerError> {
        self.number_if_any(name)?.ok_or(PeerError::Missing(name.into()))
    }

    pub(super) fn number_if_any(&mut self, name: u8) -> Result<Option<u64>, PeerError> {
        match self.field(name).and_then(Option::take) {
            None => Ok(None),
            Some(Value::Number(number)) => in_bounds(number, name).map(Some),
            Some(_) => Err(PeerError::WrongType(name.into())),
        }
    }

    /// A list of numbers, empty if there is none.
    pub(super) fn list(&mut self, name: u8) -> Result<Vec<u64>, PeerError> {
        match self.field(name).and_then(Option::take) {
            None => Ok(Vec::new()),
            Some(Value::List(numbers)) if numbers.len() > MOST_SEGMENTS => {
                Err(PeerError::TooManySegments(numbers.len()))
            }
            Some(Value::List(numbers)) => {
                numbers.into_iter().map(|number| in_bounds(number, name)).collect()
            }
            Some(_) => Err(PeerError::WrongType(name.into())),
        }
    }

    fn field(&mut self, name: u8) -> Option<&mut Option<Value>> {
        let at = NAMES.iter().position(|&known| known == name)?;
        self.0.get_mut(at)
    }
}

/// The body of a command that is being written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(code: u8) -> Writer {
        Writer(vec![code])
    }

    pub(super) fn number(&mut self, name: u8, number: u64) {
        self.0.push(name);
        self.push_number(number);
    }

    pub(super) fn number_if_any(&mut self, name: u8, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    /// Lists of at most [`MOST_SEGMENTS`] together, the first first; nothing at all of a list that is empty.
    pub(super) fn lists(&mut self, lists: &[(u8, &[u64])]) {
        let mut left = MOST_SEGMENTS;
        for (name, numbers) in lists {
            left -= self.list(*name, numbers, left);
        }
    }

    /// A list of at most `most` segments, those of the front first; nothing at all if there are none.
    ///
    /// Returns how many it took: no more than 255 groups, of no more than 255 each.
    fn list(&mut self, name: u8, segments: &[u64], most: usize) -> usize {
        let mut blocks: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut taken = 0;
        for &segment in segments {
            let common = segment & !0xff;
            if taken == most {
                break;
            }
            // The segments of a block mostly follow each other. A full one goes on in a second group.
            let has_room = |(block, last_bytes): &(u64, Vec<u8>)| {
                *block == common && last_bytes.len() < MOST_OF_A_BYTE
            };
            let known = blocks.iter().rposition(has_room);
            if known.is_none() && blocks.len() == MOST_OF_A_BYTE {
                continue;
            }
            let place = known.unwrap_or(blocks.len());
            if place == blocks.len() {
                blocks.push((common, Vec::new()));
            }
            blocks[place].1.push(segment as u8);
            taken += 1;
        }
        if taken > 0 {
            self.0.extend([name, LIST << 4, blocks.len() as u8]);
        }
        for (common, last_bytes) in blocks {
            self.push_number(common | last_bytes.len() as u64);
            self.0.extend(last_bytes);
        }
        taken
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.0
    }

    /// In as few bytes as leave the first bit, the sign, 0.
    fn push_number(&mut self, number: u64) {
        let bytes = u128::from(number).to_be_bytes();
        let length = (u64::BITS - number.leading_zeros()) as usize / 8 + 1;
        self.0.push(NUMBER << 4 | length as u8);
        self.0.extend(&bytes[bytes.len() - length..]);
    }
}

enum Value {
    Number(i128),
    List(Vec<i128>),
    Text,
}

/// What is left of a command's bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value, PeerError> {
        let tag = self.byte()?;
        let low = tag & 0x0f;
        match tag >> 4 {
            NUMBER => self.number(low).map(Value::Number),
            LIST => self.list().map(Value::List),
            TEXT => {
                let length = usize::from(low) << 8 | usize::from(self.byte()?);
                self.bytes(length)?;
                Ok(Value::Text)
            }
            unknown => Err(PeerError::UnknownType(unknown)),
        }
    }

    /// A number of no bytes is 0, as the package reads it.
    fn number(&mut self, length: u8) -> Result<i128, PeerError> {
        let mut bytes = self.bytes(length.into())?.iter();
        let first = bytes.next().copied().unwrap_or(0);
        let magnitude =
            bytes.fold(i128::from(first & 0x7f), |number, &byte| number << 8 | i128::from(byte));
        Ok(if first & 0x80 == 0 { magnitude } else { -magnitude })
    }

    fn list(&mut self) -> Result<Vec<i128>, PeerError> {
        let mut numbers = Vec::new();
        for _ in 0..self.byte()? {
            let tag = self.byte()?;
            if tag >> 4 != NUMBER {
                return Err(PeerError::UnknownType(tag >> 4));
            }
            let common_and_count = self.number(tag & 0x0f)?;
            let common = common_and_count & !0xff;
            let last_bytes = match (common_and_count & 0xff) as usize {
                0 => self.full_block(),
                count => self.bytes(count)?,
            };
            numbers.extend(last_bytes.iter().map(|&last| common | i128::from(last)));
        }
        Ok(numbers)
    }

    /// What a count of 0 stands for: the package writes it for 256, the remainder of which it then can't read itself.
    ///
    /// A full block has each last byte once; bytes that haven't aren't one, and the group is empty.
    fn full_block(&mut self) -> &'a [u8] {
        let Some((block, rest)) = self.0.split_at_checked(FULL_BLOCK) else { return &[] };
        let mut seen = [false; FULL_BLOCK];
        block.iter().for_each(|&last| seen[usize::from(last)] = true);
        if seen.contains(&false) {
            return &[];
        }
        self.0 = rest;
        block
    }

    fn byte(&mut self) -> Result<u8, PeerError> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], PeerError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(PeerError::Truncated)?;
        self.0 = rest;
        Ok(bytes)
    }
}

fn in_bounds(number: i128, name: u8) -> Result<u64, PeerError> {
    let number = u64::try_from(number).ok().filter(|&number| number <= LARGEST);
    number.ok_or(PeerError::OutOfBounds(name.into()))
}

/// All fields of all commands.
const NAMES: [u8; 15] = *b"lpirsbxugcdenzo";

const NUMBER: u8 = 0;
const LIST: u8 = 1;
const TEXT: u8 = 2;

/// What a byte can count: groups of a list, and segments of a group.
const MOST_OF_A_BYTE: usize = 255;
/// Segments that have all but their last byte in common.
const FULL_BLOCK: usize = 256;
