//! What is asked of peers, and what they answer.
//!
//! A connection downloads one segment at a time. Its bytes are counted by an ordinary request of the engine, whose way leads
//! to a peer; what a peer leaves unfinished, the next one or the server goes on with.

use std::ops::Range;

use wire::peer::Command;

use crate::Time;
use crate::engine::{Engine, Ready, Request, Via, What};
use crate::limits::{BUSY_REST, DISTRUSTED, PEER_REST, PROMPT_REFUSAL, STALL};
use crate::message::{LinkId, Output, RequestId, Span};
use crate::parts::Part;

use super::conduct::Misdeed;

/// What a connection is downloading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Download {
    /// Whose bytes these are.
    pub(crate) request: RequestId,
    no: usize,
    /// What the request is called on the wire.
    number: u64,
    asked_at: Time,
    /// The header came then, and bytes count.
    began_at: Option<Time>,
}

/// A whole segment, whose digest is being computed.
#[derive(Debug)]
pub(crate) struct Check {
    /// Rendition and segment.
    pub(crate) key: (usize, usize),
    bytes: u64,
    /// How many of them came from peers.
    peer_bytes: u64,
    /// Which peers or mirrors gave any of them, and whether they gave all that they were asked for.
    givers: Vec<(Via, bool)>,
}

impl Engine {
    /// Asks a peer for a stretch of a segment. Stock peers give all from its start on.
    pub(crate) fn ask_peer(
        &mut self,
        now: Time,
        id: LinkId,
        key: (usize, usize),
        range: Range<u64>,
    ) {
        let (rendition, no) = key;
        let (number, bytes) = (self.dice.below(1000), range.end - range.start);
        let what = What::Segment { rendition, no };
        let new =
            Request { start: range.start, ..Request::new(now, what, Via::Peer(id), Some(bytes)) };
        let request = self.add_request(new);
        let Some(link) = self.share.links.get_mut(&id) else { return };
        link.download = Some(Download { request, no, number, asked_at: now, began_at: None });
        let (is_extended, segment) = (link.is_extended(), no as u64);
        let command = match is_extended {
            true => Command::PartRequest {
                segment,
                request: number,
                start: range.start,
                end: range.end,
                needed_in: Some(self.slack_of(key).as_millis() as u64),
                uplink_kbps: self.uplink_kbps(),
            },
            false => Command::SegmentRequest { segment, request: number, offset: range.start },
        };
        self.say(id, &command);
    }

    /// The bytes of a segment, as its playlist tells.
    pub(crate) fn length_of(&self, rendition: usize, no: usize) -> Option<u64> {
        let slot = self.renditions.get(rendition)?.timeline()?.slot(no)?;
        slot.place.range.map(|range| range.length)
    }

    pub(crate) fn header_came(&mut self, now: Time, id: LinkId, no: u64, number: u64, size: u64) {
        let Some(link) = self.share.links.get_mut(&id) else { return };
        let Some(download) = link.download.as_mut().filter(|download| download.is(no, number))
        else {
            // It answers a request that was taken back; its bytes are on their way.
            return;
        };
        let request = download.request;
        if size == 0 {
            return self.emptiness_came(now, id, no);
        }
        let wanted = self.requests.get(&request).and_then(|request| request.length);
        if download.began_at.is_some() || wanted != Some(size) {
            return self.blame(now, id, Misdeed::WrongSize);
        }
        download.began_at = Some(now);
        if let Some(request) = self.requests.get_mut(&request) {
            // Waiting for its turn says nothing of how fast it gives.
            (request.heard_at, request.looks) = (now, [(now, 0); 2]);
        }
        self.want(Output::Receive { link: id, request: Some(request) });
    }

    /// Bytes came, which the driver has put where `Receive` said.
    pub(crate) fn received(&mut self, now: Time, id: LinkId, bytes: u64) {
        let Some(link) = self.share.links.get_mut(&id).filter(|link| link.is_open()) else {
            return;
        };
        if bytes > wire::peer::MESSAGE_BYTES as u64 {
            return self.blame(now, id, Misdeed::Giant);
        }
        // Each message costs work, so that many small ones are a flood as commands are.
        if bytes < SMALL_MESSAGE && link.conduct.is_flooding(now) {
            return self.blame(now, id, Misdeed::Flood);
        }
        let Some(download) = link.download.filter(|download| download.began_at.is_some()) else {
            return self.unasked_came(now, id, bytes);
        };
        link.brought += bytes;
        let Some(request) = self.requests.get_mut(&download.request) else { return };
        request.look(now);
        request.bytes += bytes;
        request.heard_at = now;
        let id_of_request = download.request;
        let (came, length, what) = (request.bytes, request.length.unwrap_or(0), request.what);
        if came > length {
            return self.blame(now, id, Misdeed::TooMuch);
        }
        if came == length {
            self.download_ended(now, id, download);
        } else if let What::Segment { rendition, no } = what {
            self.test_pieces(id_of_request);
            self.end_rivals(now, (rendition, no));
        }
    }

    /// What was on its way when a request was taken back still comes, before the answer to the next one: a sign of life.
    fn unasked_came(&mut self, now: Time, id: LinkId, bytes: u64) {
        let Some(link) = self.share.links.get_mut(&id) else { return };
        if link.conduct.takes_unasked(bytes) {
            return self.blame(now, id, Misdeed::Flood);
        }
        let next = link.download.and_then(|download| self.requests.get_mut(&download.request));
        next.into_iter().for_each(|request| request.heard_at = now);
    }

    /// All bytes are there; whether they are the right ones, their digest tells.
    fn download_ended(&mut self, now: Time, id: LinkId, download: Download) {
        let Some(request) = self.requests.remove(&download.request) else { return };
        if let Some(link) = self.share.links.get_mut(&id) {
            link.download = None;
            let rate = request.bytes as f64 / now.since(request.asked_at).as_secs_f64().max(0.001);
            link.rate = Some(link.rate.map_or(rate, |before| (before + rate) / 2.0));
        }
        let took = now.since(download.began_at.unwrap_or(request.asked_at));
        self.note_hop(&request, took);
        self.want(Output::Receive { link: id, request: None });
        self.part_came(now, download.request, &request, true);
    }

    /// Has the digest of a whole segment computed before anything else is done with it.
    pub(crate) fn check(&mut self, key: (usize, usize), id: RequestId, parts: &[Part]) {
        let unsure = || parts.iter().filter(|part| !part.is_right() && !part.via.is_believed());
        let bytes = parts.iter().map(|part| part.bytes).sum();
        let from_peers = unsure().filter(|part| part.via.peer().is_some());
        let peer_bytes = from_peers.map(|part| part.bytes).sum();
        let mut givers: Vec<(Via, bool)> = Vec::new();
        for part in unsure() {
            match givers.iter_mut().find(|(known, _)| *known == part.via) {
                Some((_, is_kept)) => *is_kept &= part.is_kept,
                None => givers.push((part.via, part.is_kept)),
            }
        }
        let Some((hash, _)) = self.digest_of(key.0, key.1) else {
            // Nobody says any more what it should be.
            return self.want(Output::Forget(id));
        };
        self.share.checks.insert(id, Check { key, bytes, peer_bytes, givers });
        self.want(Output::Check { request: id, bytes: 0..bytes, hash });
    }

    /// Each piece of a segment was right as it came.
    pub(crate) fn verified(&mut self, key: (usize, usize), id: RequestId, parts: &[Part]) {
        let bytes = parts.iter().map(|part| part.bytes).sum();
        let kept = parts.iter().filter(|part| part.is_kept).map(|part| part.via);
        self.came_right(key, id, bytes, kept);
    }

    pub(crate) fn checked(
        &mut self,
        now: Time,
        id: RequestId,
        range: Range<u64>,
        digest: [u8; 32],
    ) {
        let Some(check) = self.share.checks.remove(&id) else {
            return match self.share.store.is_checking(id, &range) {
                true => self.stored_checked(id, digest),
                false => self.piece_checked(now, id, range, &digest),
            };
        };
        let Check { key, bytes, peer_bytes, givers } = check;
        let (rendition, no) = key;
        let Some((_, wanted)) = self.digest_of(rendition, no) else {
            // The playlist has forgotten it meanwhile.
            return self.want(Output::Forget(id));
        };
        if wanted != digest {
            return self.reject(now, id, key, &givers);
        }
        self.stats.p2p_bytes += peer_bytes;
        let kept = givers.into_iter().filter(|(_, is_kept)| *is_kept);
        self.came_right(key, id, bytes, kept.map(|(giver, _)| giver));
    }

    /// A segment is whole, and right. A beginning that others had to end is no merit of whoever gave it, or who always stalls would
    /// always be forgiven.
    fn came_right(
        &mut self,
        (rendition, no): (usize, usize),
        id: RequestId,
        bytes: u64,
        kept: impl Iterator<Item = Via>,
    ) {
        for giver in kept.filter_map(Via::peer) {
            let link = self.share.links.get_mut(&giver);
            link.into_iter().for_each(|link| link.conduct.note_good());
        }
        let span = self.span_of(rendition, no);
        self.segment_came(Ready { request: id, rendition, no, span, bytes });
        self.store((rendition, no), id, bytes, true);
        self.segment_is_had(What::Segment { rendition, no });
    }

    /// Nothing of wrong bytes is used; where several gave them, each is suspected and the server alone is believed.
    fn reject(&mut self, now: Time, id: RequestId, key: (usize, usize), givers: &[(Via, bool)]) {
        self.stats.rejected_pieces += 1;
        self.want(Output::Forget(id));
        if self.share.distrusted.len() >= DISTRUSTED {
            self.share.distrusted.pop_front();
        }
        self.share.distrusted.push_back(key);
        let misdeed =
            if givers.len() == 1 { Misdeed::WrongBytes } else { Misdeed::PerhapsWrongBytes };
        givers.iter().for_each(|(giver, _)| self.blame_giver(now, *giver, misdeed));
    }

    /// Stretches that have come and are being checked.
    pub(crate) fn checked_spans(&self) -> impl Iterator<Item = Span> {
        self.share.checks.values().map(|check| self.span_of(check.key.0, check.key.1))
    }

    pub(crate) fn completion_came(&mut self, now: Time, id: LinkId, no: u64, number: u64) {
        // After the last byte the download is over, and a completion says nothing new.
        if self.downloads(id, no, number) {
            self.end_download(now, id);
            self.blame(now, id, Misdeed::CutShort);
        }
    }

    pub(crate) fn absence_came(&mut self, now: Time, id: LinkId, no: u64, number: u64) {
        if !self.downloads(id, no, number) {
            return;
        }
        let asked_at = self.end_download(now, id).map(|download| download.asked_at);
        let (Some(link), Ok(no)) = (self.share.links.get_mut(&id), usize::try_from(no)) else {
            return;
        };
        if !link.holds.contains(no) {
            link.rests_until = now + BUSY_REST;
            if link.has_begun(no) {
                // What was coming to it comes no more.
                link.forget_begun(no);
                self.blame(now, id, Misdeed::Busy);
            }
            return;
        }
        let is_prompt = asked_at.is_some_and(|at| now.since(at) < PROMPT_REFUSAL);
        if link.is_extended() && is_prompt {
            // It would have said so if it held it no longer: it has too much to do.
            link.rests_until = now + BUSY_REST;
            return self.blame(now, id, Misdeed::Busy);
        }
        link.holds.remove(no);
        link.rests_until = now + PEER_REST;
        self.blame(now, id, Misdeed::FalseHave);
    }

    /// Stock peers announce what they hold no more: hls.js, in its worker, takes the bytes out of their store. They are of use
    /// all the same, and aren't asked for this one again.
    fn emptiness_came(&mut self, now: Time, id: LinkId, no: u64) {
        self.end_download(now, id);
        let Some(link) = self.share.links.get_mut(&id) else { return };
        link.lacks.insert(no);
        link.holds.subtract(&link.lacks);
    }

    fn downloads(&self, id: LinkId, no: u64, number: u64) -> bool {
        let download = self.share.links.get(&id).and_then(|link| link.download);
        download.is_some_and(|download| download.is(no, number))
    }

    /// A peer from which nothing came for too long.
    pub(crate) fn give_up_peer(&mut self, now: Time, id: LinkId) {
        let has_only_begun = self.asked_of_who_has_begun(id);
        self.take_back(now, id);
        if let Some(link) = self.share.links.get_mut(&id) {
            link.rests_until = now + PEER_REST;
        }
        if !has_only_begun {
            self.blame(now, id, Misdeed::Silence);
        }
    }

    /// It was asked for a segment that is still coming to it, and can't give more than has come: whether it could, nobody knows.
    fn asked_of_who_has_begun(&mut self, id: LinkId) -> bool {
        let Some(link) = self.share.links.get_mut(&id) else { return false };
        let Some(no) = link.download.map(|download| download.no) else { return false };
        !link.holds.contains(no)
    }

    /// Tells a peer that what was asked of it is no longer wanted.
    pub(crate) fn take_back(&mut self, now: Time, id: LinkId) {
        let has_only_begun = self.asked_of_who_has_begun(id);
        // Who hasn't begun may be giving to others first.
        let download = self.share.links.get(&id).and_then(|link| link.download);
        let begun = download.filter(|download| download.began_at.is_some());
        let request = begun.and_then(|download| self.requests.get(&download.request));
        let has_stalled = request.is_some_and(|request| now.since(request.heard_at) >= STALL);
        if let Some(Download { no, number, .. }) = self.end_download(now, id) {
            self.say(id, &Command::CancelSegmentRequest { segment: no as u64, request: number });
        }
        if has_stalled && has_only_begun {
            self.blame(now, id, Misdeed::Busy);
        } else if has_stalled {
            self.blame(now, id, Misdeed::Stall);
        }
    }

    /// Ends a download on our side, and keeps its bytes for whoever goes on.
    pub(crate) fn end_download(&mut self, now: Time, id: LinkId) -> Option<Download> {
        let link = self.share.links.get_mut(&id)?;
        let download = link.download.take()?;
        self.want(Output::Receive { link: id, request: None });
        let request = self.requests.remove(&download.request)?;
        let missing = request.length.unwrap_or(0).saturating_sub(request.bytes);
        if let Some(link) = self.share.links.get_mut(&id) {
            link.conduct.expect_unasked(missing);
            let came = request.bytes as f64 / now.since(request.asked_at).as_secs_f64().max(0.001);
            link.rate = Some(link.rate.map_or(came, |before| before.min(came)));
        }
        self.part_came(now, download.request, &request, false);
        Some(download)
    }
}

/// Nobody has a reason to cut a segment into messages shorter than this, but for its last bytes.
const SMALL_MESSAGE: u64 = 1 << 10;

impl Download {
    fn is(&self, no: u64, number: u64) -> bool {
        self.no as u64 == no && self.number == number
    }
}
