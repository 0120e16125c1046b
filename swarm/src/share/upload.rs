//! Who is given what: a few at a time, no faster than the cap, and no more in all than a multiple of what was taken.

use wire::peer::{Command, MESSAGE_BYTES};

use crate::Time;
use crate::engine::{Engine, Soonest};
use crate::limits::{UPLOAD_PATIENCE, UPLOAD_SHARE, UPLOAD_SLOTS, UPLOAD_STALL};
use crate::message::{LinkId, Output, RequestId, Sharing, Why};

use super::links::Link;

/// A segment that a peer asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    rendition: usize,
    no: usize,
    /// What the request is called on the wire.
    number: u64,
    /// Whose bytes these are.
    request: RequestId,
    /// The next byte to give.
    next: u64,
    end: u64,
    /// It waits for room since then; `None` once its header was sent.
    queued_at: Option<Time>,
}

impl Engine {
    /// A peer asks for a segment; a request that it made before is over.
    pub(crate) fn asked(&mut self, now: Time, id: LinkId, segment: u64, number: u64, offset: u64) {
        let Some(link) = self.share.links.get(&id) else { return };
        let rendition = link.rendition;
        let held = usize::try_from(segment)
            .ok()
            .and_then(|no| Some((no, self.share.store.verified(rendition, no)?)))
            .filter(|(_, stored)| offset < stored.bytes && self.share.permitted == Sharing::Full);
        let upload = held.map(|(no, stored)| Upload {
            rendition,
            no,
            number,
            request: stored.request,
            next: offset,
            end: stored.bytes,
            queued_at: Some(now),
        });
        if upload.is_none() {
            self.say(id, &Command::SegmentAbsent { segment, request: number });
        }
        if let Some(link) = self.share.links.get_mut(&id) {
            link.upload = upload;
        }
    }

    pub(crate) fn upload_cancelled(&mut self, id: LinkId, number: u64) {
        if let Some(link) = self.share.links.get_mut(&id) {
            link.upload = link.upload.filter(|upload| upload.number != number);
        }
    }

    /// What was given has been sent.
    pub(crate) fn drained(&mut self, id: LinkId) {
        if let Some(link) = self.share.links.get_mut(&id) {
            link.sending_since = None;
        }
    }

    /// Whether somebody is being given this segment.
    pub(crate) fn is_given(&self, key: (usize, usize)) -> bool {
        let uploads = self.share.links.values().filter_map(|link| link.upload);
        uploads.into_iter().any(|upload| (upload.rendition, upload.no) == key)
    }

    /// Takes back every promise, and tells everybody that there is nothing to be had here.
    pub(crate) fn stop_giving(&mut self) {
        let promised = self.links_where(|link| link.upload.is_some());
        promised.into_iter().for_each(|link| self.refuse(link));
        for link in self.links_where(Link::is_open) {
            self.say(link, &Command::announcement(0, [], []));
        }
        self.share.swarms.values_mut().for_each(|swarm| swarm.told = None);
    }

    /// Tells a peer to ask elsewhere.
    fn refuse(&mut self, id: LinkId) {
        let upload = self.share.links.get_mut(&id).and_then(|link| link.upload.take());
        if let Some(Upload { no, number, .. }) = upload {
            self.say(id, &Command::SegmentAbsent { segment: no as u64, request: number });
        }
    }

    /// Gives where there is room, refuses those who have waited long, and ends connections that take nothing.
    pub(crate) fn pump_uploads(&mut self, now: Time) {
        let is_stalled =
            |link: &Link| link.sending_since.is_some_and(|since| now >= since + UPLOAD_STALL);
        self.links_where(is_stalled).into_iter().for_each(|link| self.hang_up(now, link));
        let is_begun = |link: &Link| link.upload.is_some_and(|upload| upload.queued_at.is_none());
        let begun = self.links_where(is_begun);
        let room = UPLOAD_SLOTS.saturating_sub(begun.len());
        begun.into_iter().for_each(|link| self.give_more(now, link));
        for _ in 0..room {
            self.begin_upload(now);
        }
        let has_waited = |link: &Link| {
            link.upload
                .and_then(|upload| upload.queued_at)
                .is_some_and(|at| now >= at + UPLOAD_PATIENCE)
        };
        self.links_where(has_waited).into_iter().for_each(|link| self.refuse(link));
    }

    /// Begins with the peer that has waited longest and has taken all that it was given.
    fn begin_upload(&mut self, now: Time) {
        let queued = self.share.links.iter().filter_map(|(id, link)| {
            let upload = link.upload.filter(|_| link.sending_since.is_none())?;
            Some((upload.queued_at?, id, upload))
        });
        let next = queued.min_by_key(|(since, id, _)| (*since, *id));
        let Some((_, id, upload)) = next.filter(|_| self.has_budget(1)) else { return };
        let (segment, size) = (upload.no as u64, upload.end - upload.next);
        self.say(id, &Command::SegmentData { segment, size, request: upload.number });
        if let Some(link) = self.share.links.get_mut(&id) {
            link.upload = Some(Upload { queued_at: None, ..upload });
        }
        self.give_more(now, id);
    }

    /// Gives the next bytes of what has begun, if those before are sent and budget and cap allow it.
    fn give_more(&mut self, now: Time, id: LinkId) {
        let Some(link) = self.share.links.get(&id) else { return };
        let Some(upload) = link.upload.filter(|_| link.sending_since.is_none()) else { return };
        let bytes = CHUNK_BYTES.min(upload.end - upload.next);
        if !self.has_budget(bytes) || !self.share.upload_rate.take(now, bytes) {
            return;
        }
        let Some(link) = self.share.links.get_mut(&id) else { return };
        let next = upload.next + bytes;
        link.sending_since = Some(now);
        link.upload = (next < upload.end).then_some(Upload { next, ..upload });
        self.stats.uploaded_bytes += bytes;
        let (request, start) = (upload.request, upload.next);
        self.want(Output::Give { link: id, request, start, bytes });
        if next == upload.end {
            // The channel keeps the order, so this arrives after the last byte.
            let segment = upload.no as u64;
            self.say(id, &Command::SegmentDataSendingCompleted { segment, request: upload.number });
        }
    }

    /// So many bytes more are within what this viewer gives in all.
    fn has_budget(&self, bytes: u64) -> bool {
        let taken = self.stats.http_bytes + self.stats.p2p_bytes;
        self.stats.uploaded_bytes + bytes <= taken.saturating_mul(UPLOAD_SHARE)
    }

    pub(crate) fn upload_deadlines(&self, soonest: &mut Soonest) {
        for link in self.share.links.values() {
            if let Some(since) = link.sending_since {
                soonest.take(since + UPLOAD_STALL, Why::Upload);
            }
            match link.upload.map(|upload| upload.queued_at) {
                Some(Some(since)) => soonest.take(since + UPLOAD_PATIENCE, Why::Upload),
                Some(None) => {
                    soonest.take(self.share.upload_rate.ready_at(CHUNK_BYTES), Why::Upload)
                }
                None => {}
            }
        }
    }
}

/// What is given before the driver says that it is sent: two messages, so that one is on its way while the next is made.
const CHUNK_BYTES: u64 = 2 * MESSAGE_BYTES as u64;
