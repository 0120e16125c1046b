//! What peers do wrong, and what it costs them: a connection is ended, and its peer not met again, at a price of 100.

use crate::Time;
use crate::limits::{COMMANDS_AT_ONCE, COMMANDS_PER_SECOND, REFUSALS, UNASKED_BYTES};

use super::bucket::Bucket;

/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misdeed {
    /// The bytes of a segment aren't those that its digest tells.
    WrongBytes,
    /// The same, where the bytes came from several.
    PerhapsWrongBytes,
    /// A header with another length than the segment's.
    WrongSize,
    /// More bytes than the header said.
    TooMuch,
    /// A completion before the last byte.
    CutShort,
    /// It announced a segment, and doesn't give it.
    FalseHave,
    /// It announced a segment, and has too much to do to give it.
    Busy,
    /// When what was asked of it was no longer wanted, nothing had come for a while.
    Stall,
    /// It was asked, and for too long not a byte came.
    Silence,
    /// Bytes that nobody asked for, or more commands than anybody needs.
    Flood,
    /// A message longer than any that is allowed.
    Giant,
    /// A command that can't be understood.
    Gibberish,
}

impl Misdeed {
    /// It gave bytes that aren't those of the segment.
    pub(crate) fn is_about_bytes(self) -> bool {
        matches!(self, Misdeed::WrongBytes | Misdeed::PerhapsWrongBytes)
    }

    /// In hundredths of a connection.
    pub(crate) fn price(self) -> u32 {
        match self {
            // Nobody does these by accident.
            Misdeed::WrongBytes
            | Misdeed::WrongSize
            | Misdeed::TooMuch
            | Misdeed::Flood
            | Misdeed::Giant => 100,
            Misdeed::PerhapsWrongBytes | Misdeed::CutShort | Misdeed::Silence => 50,
            // A stranger's newer version may say what we don't know; one that says nothing else is of no use.
            Misdeed::Gibberish => 20,
            // Honest peers let go of a segment while we ask.
            Misdeed::FalseHave | Misdeed::Stall => 10,
            // It is no use to know somebody who never has time.
            Misdeed::Busy => 1,
        }
    }
}

/// How one peer has behaved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    price: u32,
    /// How often it has refused what it announces, since anything right came of it.
    refused: u32,
    /// It has given something right.
    is_proven: bool,
    commands: Bucket,
    /// Bytes that may still come without having been asked for: those on their way when a request was taken back.
    unasked: u64,
}

impl Default for Conduct {
    fn default() -> Conduct {
        let commands = Bucket::new(COMMANDS_PER_SECOND, COMMANDS_AT_ONCE);
        Conduct { price: 0, refused: 0, is_proven: false, commands, unasked: UNASKED_BYTES }
    }
}

impl Conduct {
    /// Notes a misdeed, and tells whether that was one too many.
    pub(crate) fn note(&mut self, misdeed: Misdeed) -> bool {
        if matches!(misdeed, Misdeed::Busy | Misdeed::FalseHave) {
            self.refused = (self.refused + 1).min(REFUSALS * 2);
        }
        self.price = self.price.saturating_add(misdeed.price());
        self.price >= 100
    }

    pub(crate) fn price(&self) -> u32 {
        self.price
    }

    /// It isn't the first time that this peer is met.
    pub(crate) fn begin_at(&mut self, price: u32) {
        self.price = price;
    }

    /// A piece came right.
    pub(crate) fn note_right(&mut self) {
        self.is_proven = true;
    }

    /// A segment came whole and right.
    pub(crate) fn note_good(&mut self) {
        self.note_right();
        (self.price, self.refused) = (self.price / 2, self.refused.saturating_sub(1));
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// What it announces isn't counted on. It may be too busy ever to give, or lie: that comes to the same.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.refused >= REFUSALS
    }

    /// A command came; tells whether that is one too many.
    pub(crate) fn is_flooding(&mut self, now: Time) -> bool {
        !self.commands.take(now, 1)
    }

    /// A request was taken back while this much of it was still to come.
    pub(crate) fn expect_unasked(&mut self, bytes: u64) {
        self.unasked = UNASKED_BYTES.saturating_add(bytes);
    }

    /// Bytes came that belong to nothing; tells whether those are too many.
    pub(crate) fn takes_unasked(&mut self, bytes: u64) -> bool {
        match self.unasked.checked_sub(bytes) {
            Some(left) => {
                self.unasked = left;
                false
            }
            None => true,
        }
    }
}
