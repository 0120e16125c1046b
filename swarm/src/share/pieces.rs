//! Cut-through: pieces of segments that aren't whole yet are compared with their digests as they come, and passed on at once.
//!
//! ```text
//! bytes come ─▶ a piece is there ─▶ its digest ─▶ right: neighbours are told, and whoever asks is given it; ─▶ all are right:
//!                                          │             what follows goes on to them as it comes              it is held
//!                                          └────▶ wrong: whoever gave it is blamed, and it is missing again
//! ```
//!
//! Each request, and each part that is left of one, begins with a piece, and is compared from there on. What a segment's
//! list tells no digests of pieces of is compared as a whole, and passed on when it is whole.

use std::ops::Range;

use wire::peer::Command;
use wire::pieces::{PIECE, PieceDigest};

use crate::Time;
use crate::engine::{Engine, Request, Via, What};
use crate::limits::{BEGUN, TOLD_AGAIN, TOLD_AT_ONCE, TOLD_TIMES};
use crate::message::{Hash, LinkId, Output, RequestId, Sharing};
use crate::parts::{Part, Parts};

use super::conduct::Misdeed;
use super::links::Link;
use super::segments::Segments;

/// How many bytes of a request, from its first one on, have been compared with their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tested {
    /// Their digests are being computed, or were.
    asked: u64,
    /// They are right.
    pub(crate) right: u64,
    /// What follows is wrong, and so is what came after it: it isn't asked for again.
    is_wrong: bool,
}

impl Tested {
    pub(crate) fn is_pending(self) -> bool {
        !self.is_wrong && self.right < self.asked
    }

    pub(crate) fn take_back(&mut self) {
        self.asked = self.right;
    }
}

/// Where bytes of a segment are that a request brought.
struct Stretch {
    key: (usize, usize),
    start: u64,
    bytes: u64,
    via: Via,
    tested: Tested,
}

impl Engine {
    /// What the pieces of a segment should be; empty if nobody has said, or nothing is shared.
    pub(crate) fn piece_digests(&self, (rendition, no): (usize, usize)) -> &[PieceDigest] {
        let line = self.renditions.get(rendition).and_then(|rendition| rendition.timeline());
        let slot = line.filter(|_| self.uses_pieces()).and_then(|line| line.slot(no));
        slot.map_or(&[], |slot| &slot.pieces)
    }

    /// Lists tell of pieces, and somebody else than the video's own host may give some, or be given them.
    fn uses_pieces(&self) -> bool {
        self.is_signed() && (self.share.is_on() || self.mirrors.are_left())
    }

    /// Each piece of it can be checked as it comes, or soon can: a signed list tells what it should be.
    pub(crate) fn is_in_pieces(&self, (rendition, no): (usize, usize)) -> bool {
        self.uses_pieces()
            && self.length_of(rendition, no).is_some()
            && !self.lacks_list(rendition, no)
    }

    /// Its pieces come, are played and are passed on as late as they can: all viewers of a live stream need the same at once. Of a
    /// finished video they seldom do, and the server is asked for more, and sooner.
    pub(crate) fn is_streamed(&self, key: (usize, usize)) -> bool {
        self.is_live(key.0) && self.is_in_pieces(key)
    }

    /// The beginning of the piece that this byte is in, where pieces are told apart.
    pub(crate) fn piece_before(&self, key: (usize, usize), at: u64) -> u64 {
        if self.is_in_pieces(key) { at / PIECE * PIECE } else { at }
    }

    /// How much of what a request brought is of use if no more comes: whole pieces, and of a peer none that are wrong.
    pub(crate) fn usable(&self, key: (usize, usize), request: &Request) -> u64 {
        let bytes = request.bytes.min(request.length.unwrap_or(u64::MAX));
        let tested = request.tested;
        let is_to_the_end = self.length_of(key.0, key.1) == Some(request.start + bytes);
        match self.is_in_pieces(key) && !is_to_the_end {
            _ if tested.is_wrong && !request.via.is_believed() => tested.right,
            true => bytes / PIECE * PIECE,
            false => bytes,
        }
    }

    /// Has the digests computed of pieces that have come whole.
    pub(crate) fn test_pieces(&mut self, id: RequestId) {
        let Some(stretch) = self.stretch(id) else { return };
        let Stretch { key, start, bytes, mut tested, .. } = stretch;
        let Some(length) = self.length_of(key.0, key.1) else { return };
        let is_told = !self.piece_digests(key).is_empty();
        if tested.is_wrong || !is_told || !start.is_multiple_of(PIECE) {
            return;
        }
        loop {
            let end = (tested.asked + PIECE).min(length.saturating_sub(start));
            if end <= tested.asked || end > bytes {
                break;
            }
            let (bytes, hash) = (tested.asked..end, Hash::Blake3);
            self.want(Output::Check { request: id, bytes, hash });
            tested.asked = end;
        }
        self.note_tested(id, key, tested);
    }

    fn stretch(&self, id: RequestId) -> Option<Stretch> {
        if let Some(request) = self.requests.get(&id) {
            let What::Segment { rendition, no } = request.what else { return None };
            let Request { start, bytes, via, .. } = *request;
            return Some(Stretch {
                key: (rendition, no),
                start,
                bytes,
                via,
                tested: request.tested,
            });
        }
        let mut parts = self.parts.iter();
        parts.find_map(|(key, parts)| {
            let part = parts.iter().find(|part| part.request == id)?;
            let Part { start, bytes, via, tested, .. } = *part;
            Some(Stretch { key, start, bytes, via, tested })
        })
    }

    fn note_tested(&mut self, id: RequestId, key: (usize, usize), tested: Tested) {
        if let Some(request) = self.requests.get_mut(&id) {
            request.tested = tested;
        } else if let Some(parts) = self.parts.get_mut(&key) {
            parts.note_tested(id, tested);
        }
    }

    /// If nobody else may give bytes any more, none are compared: what waits for a digest is the own host's word again.
    pub(crate) fn compare_no_more(&mut self) {
        if !self.uses_pieces() {
            self.take_back_tests();
        }
    }

    /// Digests that were asked for aren't waited for.
    pub(crate) fn take_back_tests(&mut self) {
        self.requests.values_mut().for_each(|request| request.tested.take_back());
        self.parts.values_mut().for_each(Parts::take_back_tests);
        let keys: Vec<_> = self.parts.keys().collect();
        keys.into_iter().for_each(|key| self.join_if_whole(key));
    }

    /// The digest of a piece, which the driver was asked for.
    pub(crate) fn piece_checked(
        &mut self,
        now: Time,
        id: RequestId,
        bytes: Range<u64>,
        digest: &[u8; 32],
    ) {
        let Some(stretch) = self.stretch(id) else { return };
        let Stretch { key, start, via, tested, .. } = stretch;
        // Behind a piece that is wrong nothing counts.
        if tested.is_wrong || tested.right != bytes.start || bytes.end > tested.asked {
            return;
        }
        let wanted = self.piece_digests(key).get(((start + bytes.start) / PIECE) as usize);
        // Without a digest the segment isn't known any more, and nobody is to blame.
        let Some(wanted) = wanted else { return };
        if !digest.starts_with(wanted) {
            self.note_tested(id, key, Tested { is_wrong: true, ..tested });
            return self.piece_is_wrong(now, id, key, via);
        }
        self.note_tested(id, key, Tested { right: bytes.end, ..tested });
        if let Some(giver) = via.peer() {
            self.stats.p2p_bytes += bytes.end - bytes.start;
            let link = self.share.links.get_mut(&giver);
            link.into_iter().for_each(|link| link.conduct.note_right());
        }
        self.tell_begun(key);
        self.join_if_whole(key);
    }

    /// What a peer or a mirror gave wrong is missing again, and taken from elsewhere. The video's own host is believed, but nobody
    /// is given what it sent.
    fn piece_is_wrong(&mut self, now: Time, id: RequestId, key: (usize, usize), via: Via) {
        if via.is_believed() {
            return self.join_if_whole(key);
        }
        self.stats.rejected_pieces += 1;
        match via.peer() {
            _ if !self.requests.contains_key(&id) => {
                self.cut_part(key, id);
                self.join_if_whole(key);
            }
            Some(giver) => drop(self.end_download(now, giver)),
            None => self.end_request(now, id),
        }
        self.blame_giver(now, via, Misdeed::WrongBytes);
    }

    pub(crate) fn blame_giver(&mut self, now: Time, via: Via, misdeed: Misdeed) {
        match via {
            Via::Server => {}
            Via::Mirror(no) => self.drop_mirror(now, no),
            Via::Peer(giver) => self.blame(now, giver, misdeed),
        }
    }

    /// Bytes of a segment that can be given away, from this one on: whose, from where in them, and how many.
    pub(crate) fn given_from(&self, key: (usize, usize), at: u64) -> Option<(RequestId, u64, u64)> {
        if let Some(stored) = self.share.store.verified(key.0, key.1) {
            return Some((
                stored.request,
                at,
                stored.bytes.checked_sub(at).filter(|left| *left > 0)?,
            ));
        }
        let requests = self.requests_for(key);
        let asked = requests.map(|(id, request)| (id, request.start, request.tested.right));
        let parts = self.parts.get(&key).into_iter().flat_map(|parts| parts.iter());
        let came = parts.map(|part| (part.request, part.start, part.tested.right.min(part.bytes)));
        let mut all = asked.chain(came);
        let found = all.find(|(_, start, right)| *start <= at && at < start + right);
        found.map(|(id, start, right)| (id, at - start, start + right - at))
    }

    /// It is held, or may soon be.
    pub(crate) fn is_on_its_way(&self, key: (usize, usize)) -> bool {
        self.is_held(key)
            || self.parts.contains_key(&key)
            || self.requests_for(key).next().is_some()
    }

    /// The first pieces of a segment are there, or some more of them: whoever hasn't got it is told.
    fn tell_begun(&mut self, key: (usize, usize)) {
        let (rendition, no) = key;
        if self.share.permitted != Sharing::Full {
            return;
        }
        let last = self.length_of(rendition, no).unwrap_or(0) / PIECE;
        let is_there = |piece: &u64| self.given_from(key, piece * PIECE).is_some();
        let pieces: Vec<u64> = match self.is_long(key) {
            true => (0..last).filter(is_there).collect(),
            // Who has others than the first doesn't get those before them any sooner than who asks.
            false => (0..last).take_while(is_there).collect(),
        };
        let count = pieces.len();
        let told = self.share.begun.iter().find(|(of, _)| *of == key);
        let told = told.map_or(0, |(_, count)| *count);
        let each = if self.slack_of(key) < TOLD_AT_ONCE { 1 } else { TOLD_AGAIN };
        let more = each.max(last as usize / TOLD_TIMES);
        if count == 0 || (told > 0 && count < told + more) {
            return;
        }
        self.share.take_back_begun(key);
        if self.share.begun.len() == BEGUN {
            self.share.begun.pop_front();
        }
        self.share.begun.push_back((key, count));
        let command = Command::Pieces { segment: no as u64, piece_bytes: PIECE, pieces };
        let lacks_it = |link: &Link| {
            link.rendition == rendition
                && link.is_open()
                && link.is_told
                && link.is_extended()
                && !link.holds.contains(no)
        };
        self.links_where(lacks_it).into_iter().for_each(|link| self.say(link, &command));
    }

    /// A peer tells which pieces of a segment it has, before it has all of them. Something may follow if a segment is waited for, or
    /// others have to hear of one.
    pub(crate) fn pieces_came(
        &mut self,
        id: LinkId,
        segment: u64,
        piece_bytes: u64,
        pieces: &[u64],
    ) -> bool {
        let link = self.share.links.get_mut(&id).filter(|link| link.is_extended());
        let (Some(link), Ok(no)) = (link, usize::try_from(segment)) else { return false };
        if piece_bytes != PIECE {
            return false;
        }
        let heard = link.heard;
        link.forget_begun(no);
        if link.begun.len() == BEGUN {
            link.begun.pop_front();
        }
        link.begun.push_back((no, Segments::of(pieces)));
        link.note_owned(&[segment]);
        self.share.is_waiting || link.heard != heard
    }
}

impl Link {
    /// It has told that it has the piece that this byte is in, before it had all of the segment.
    pub(crate) fn has_piece(&self, no: usize, byte: u64) -> bool {
        self.begun.iter().any(|(of, pieces)| *of == no && pieces.contains((byte / PIECE) as usize))
    }

    /// It has told that it has some of a segment.
    pub(crate) fn has_begun(&self, no: usize) -> bool {
        self.begun.iter().any(|(of, _)| *of == no)
    }

    pub(super) fn forget_begun(&mut self, no: usize) {
        self.begun.retain(|(of, _)| *of != no);
    }
}
