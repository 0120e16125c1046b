//! Who is given what: a few at a time, no faster than the cap, and no more in all than a multiple of what was taken.

use std::time::Duration;

use wire::peer::Command;
use wire::pieces::PIECE;

use crate::Time;
use crate::engine::{Engine, Request, Soonest};
use crate::limits::{
    FAST_KBPS, HEAD_START, PROMPT_REFUSAL, SLOT_KBPS, SLOT_PATIENCE, UPLOAD_ADVANCE,
    UPLOAD_BYTES_PER_SECOND, UPLOAD_PATIENCE, UPLOAD_SHARE, UPLOAD_SLOTS, UPLOAD_STALL,
};
use crate::message::{LinkId, Output, Sharing, Why};

use super::links::Link;
use super::news::News;
use super::source::MOST_KBPS;

/// What a peer asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) segment: u64,
    /// What the request is called on the wire.
    pub(crate) number: u64,
    pub(crate) start: u64,
    /// The byte after the last one; all to the end if absent.
    pub(crate) end: Option<u64>,
    /// What the asker says that it can give in turn.
    pub(crate) kbps: Option<u64>,
}

/// A segment that a peer asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    rendition: usize,
    pub(super) no: usize,
    /// What the request is called on the wire.
    number: u64,
    /// The next byte to give.
    next: u64,
    end: u64,
    /// It waits for room since then; `None` once its header was sent.
    queued_at: Option<Time>,
    /// The asker needs it then.
    needed_at: Option<Time>,
    /// What the asker can give in turn, or is taken to.
    kbps: u64,
}

/// Who is given to before whom: who is given to already; then who needs it soon; then fast ones, since what they have, many have
/// soon; then who has got least for what it can give, then who asked first.
type Turn = (bool, bool, bool, u64, Option<Time>, LinkId);

fn turn_of(now: Time, id: LinkId, link: &Link) -> Option<(Turn, Upload)> {
    let upload = link.upload?;
    let Upload { kbps, queued_at, .. } = upload;
    let is_urgent = upload.is_needed_within(now, NEEDED_SOON);
    let given = link.given.saturating_add(GIVEN_AT_FIRST) / kbps;
    Some(((queued_at.is_some(), !is_urgent, kbps < FAST_KBPS, given, queued_at, id), upload))
}

impl Upload {
    /// This byte is still to be given.
    pub(super) fn has(&self, byte: u64) -> bool {
        (self.next..self.end).contains(&byte)
    }

    fn is_needed_within(&self, now: Time, time: Duration) -> bool {
        self.needed_at.is_some_and(|at| at < now + time)
    }
}

impl Engine {
    /// A peer asks for a segment; a request that it made before is over.
    pub(crate) fn asked(&mut self, now: Time, id: LinkId, wish: Wish, needed_in: Option<u64>) {
        let Wish { segment, number, start, end, kbps } = wish;
        let Some(link) = self.share.links.get_mut(&id) else { return };
        (link.upload, link.kbps) = (None, kbps.or(link.kbps));
        let (rendition, is_extended) = (link.rendition, link.is_extended());
        let no = usize::try_from(segment).ok();
        if let (Some(no), Some(end)) = (no, end) {
            self.run_errand(now, id, no, start..end);
        }
        let end_within = |bytes: u64| end.unwrap_or(bytes).min(bytes);
        let held = no
            .and_then(|no| Some((no, self.bytes_given(rendition, no, start, is_extended)?)))
            .filter(|(_, bytes)| start < end_within(*bytes))
            .filter(|_| self.share.permitted == Sharing::Full);
        let needed_at =
            needed_in.map(|millis| now + Duration::from_millis(millis.min(MOST_NEEDED_IN)));
        let upload = held.map(|(no, bytes)| Upload {
            rendition,
            no,
            number,
            next: start,
            end: end_within(bytes),
            queued_at: Some(now),
            needed_at,
            kbps: kbps.unwrap_or(UNKNOWN_KBPS).clamp(LEAST_KBPS, MOST_KBPS),
        });
        match self.share.links.get_mut(&id) {
            Some(link) if upload.is_some() => link.upload = upload,
            _ => self.say(id, &Command::SegmentAbsent { segment, request: number }),
        }
        self.refuse_the_crowded_out(now);
    }

    /// The length of a segment that is given from a byte on: one that is held, or, to those who know that it may take longer, one
    /// of which this much has come, or is on its way from the server.
    fn bytes_given(
        &self,
        rendition: usize,
        no: usize,
        from: u64,
        is_extended: bool,
    ) -> Option<u64> {
        let held = self.share.store.verified(rendition, no).map(|stored| stored.bytes);
        let key = (rendition, no);
        let comes = |request: &Request| !request.is_from_peer() && request.range().contains(&from);
        let is_begun = self.given_from(key, from).is_some()
            || self.is_long(key) && self.requests_for(key).any(|(_, request)| comes(request));
        held.or_else(|| self.length_of(rendition, no).filter(|_| is_extended && is_begun))
    }

    /// Bytes that could be given now of what was asked for.
    fn is_ready(&self, upload: Upload) -> bool {
        self.given_from((upload.rendition, upload.no), upload.next).is_some()
    }

    /// Who has just asked, and would be given to too late since others come first or there is no budget, is told so while asking
    /// elsewhere still costs it nothing.
    fn refuse_the_crowded_out(&mut self, now: Time) {
        let patience = self.uplink_rate() * UPLOAD_PATIENCE.as_secs_f64();
        let is_new =
            |upload: Upload| upload.queued_at.is_some_and(|at| now.since(at) < PROMPT_REFUSAL / 2);
        for id in self.links_where(|link| link.upload.is_some_and(is_new)) {
            let Some((ours, upload)) =
                self.share.links.get(&id).and_then(|link| turn_of(now, id, link))
            else {
                continue;
            };
            let all = self.share.links.iter().filter_map(|(id, link)| turn_of(now, id, link));
            let before = all.filter(|(turn, _)| *turn < ours);
            let promised = before.map(|(_, upload)| upload.end - upload.next).sum::<u64>();
            let with_it = promised + upload.end - upload.next;
            if promised as f64 > patience || !self.has_budget(with_it) {
                self.refuse(id);
            }
        }
    }

    fn uplink_rate(&self) -> f64 {
        self.share.uplink.unwrap_or(UNKNOWN_KBPS as f64 * 125.0)
    }

    pub(crate) fn upload_cancelled(&mut self, id: LinkId, number: u64) {
        if let Some(link) = self.share.links.get_mut(&id) {
            link.upload = link.upload.filter(|upload| upload.number != number);
            link.giving = link.giving.filter(|_| link.upload.is_some());
        }
    }

    /// What was given has been sent, or almost.
    pub(crate) fn drained(&mut self, now: Time, id: LinkId) {
        let sending = self.share.links.values().filter(|link| link.sending_since.is_some()).count();
        let upload = self.share.links.get(&id).and_then(|link| link.upload);
        let goes_on =
            upload.is_some_and(|upload| upload.queued_at.is_none() && self.is_ready(upload));
        let Some(link) = self.share.links.get_mut(&id) else { return };
        if link.sending_since.take().is_none() || goes_on {
            return;
        }
        let Some((since, before)) = link.giving.take() else { return };
        let bytes = (link.given - before).saturating_sub(STILL_WAITING);
        if bytes >= PIECE {
            let all = bytes as f64 / now.since(since).as_secs_f64().max(0.001) * sending as f64;
            let uplink = self.share.uplink.map_or(all, |before| before * 0.75 + all * 0.25);
            self.share.uplink = Some(uplink);
        }
    }

    /// What this viewer can give, in kilobits a second, once it has given something.
    pub(crate) fn uplink_kbps(&self) -> Option<u64> {
        let most = UPLOAD_BYTES_PER_SECOND as f64;
        self.share.uplink.map(|rate| (rate.min(most) / 125.0) as u64)
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
        let nothing = Some(News::default());
        self.share.swarms.values_mut().for_each(|swarm| swarm.told.clone_from(&nothing));
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
        // What was coming and comes no more can't be given.
        let is_gone = |upload: Upload| !self.is_on_its_way((upload.rendition, upload.no));
        let gone = self.links_where(|link| link.upload.is_some_and(is_gone));
        gone.into_iter().for_each(|link| self.refuse(link));
        let is_begun = |link: &Link| link.upload.is_some_and(|upload| upload.queued_at.is_none());
        let begun = self.links_where(is_begun);
        // Who takes nothing, perhaps because it is gone, holds up nobody else; nor does who has all that has come.
        let is_taking = |link: &Link| match link.sending_since {
            Some(since) => now < since + SLOT_PATIENCE,
            None => link.upload.is_some_and(|upload| self.is_ready(upload)),
        };
        let taking = self.links_where(|link| is_begun(link) && is_taking(link)).len();
        let room = self.slots().saturating_sub(taking);
        begun.into_iter().for_each(|link| self.give_more(now, link));
        for _ in 0..self.room_for_who_needs_it_now(now) {
            self.begin_upload(now, &|upload| upload.is_needed_within(now, NEEDED_NOW));
        }
        for _ in 0..room {
            self.begin_upload(now, &|_| true);
        }
        let has_waited = |link: &Link| {
            link.upload
                .and_then(|upload| upload.queued_at)
                .is_some_and(|at| now >= at + UPLOAD_PATIENCE)
        };
        self.links_where(has_waited).into_iter().for_each(|link| self.refuse(link));
    }

    /// Peers that are given to at once: as many as get enough for it to be passed on soon.
    fn slots(&self) -> usize {
        let watched = self.renditions.get(self.target).map_or(0, |it| it.info.bandwidth_bps);
        let each = SLOT_KBPS.max(watched / 800);
        let slots = self.uplink_rate() / 125.0 / each as f64;
        (slots as usize).clamp(1, UPLOAD_SLOTS)
    }

    /// Those who would be left without a picture aren't kept waiting by those who have time, but only by more than one of their like.
    fn room_for_who_needs_it_now(&self, now: Time) -> usize {
        let uploads = self.share.links.values().filter_map(|link| link.upload);
        let urgent = uploads
            .filter(|upload| self.is_ready(*upload) && upload.is_needed_within(now, NEEDED_NOW));
        let (begun, queued): (Vec<_>, Vec<_>) =
            urgent.partition(|upload| upload.queued_at.is_none());
        let most = if self.share.uplink.is_some() { URGENT_SLOTS } else { 1 };
        most.saturating_sub(begun.len()).min(queued.len())
    }

    /// Begins with whoever comes first of those that have taken all that they were given.
    fn begin_upload(&mut self, now: Time, is_it: &dyn Fn(Upload) -> bool) {
        let is_about_to_ask = |link: &Link, (rendition, no): (usize, usize)| {
            let is_fast = link.kbps.is_some_and(|kbps| kbps >= FAST_KBPS);
            let has = [&link.holds, &link.fetches, &link.comes].iter().any(|set| set.contains(no));
            link.rendition == rendition && link.is_open() && is_fast && !has
        };
        let leaves_the_turn = |upload: Upload, since: Time| {
            let key = (upload.rendition, upload.no);
            upload.kbps < FAST_KBPS
                && !upload.is_needed_within(now, NEEDED_NOW)
                && now < since + HEAD_START
                && self.share.links.values().any(|link| is_about_to_ask(link, key))
        };
        let queued = self.share.links.iter().filter(|(_, link)| link.sending_since.is_none());
        let queued = queued.filter_map(|(id, link)| turn_of(now, id, link));
        let queued = queued.filter(|(_, upload)| {
            upload.queued_at.is_some_and(|since| !leaves_the_turn(*upload, since))
                && self.is_ready(*upload)
                && is_it(*upload)
        });
        let Some(((.., id), upload)) = queued.min_by_key(|(turn, _)| *turn) else { return };
        if !self.has_budget(upload.end - upload.next) {
            return;
        }
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
        let key = (upload.rendition, upload.no);
        let Some((request, start, there)) = self.given_from(key, upload.next) else { return };
        let bytes = CHUNK_BYTES.min(upload.end - upload.next).min(there);
        if !self.has_budget(bytes) || !self.share.upload_rate.take(now, bytes) {
            return;
        }
        let Some(link) = self.share.links.get_mut(&id) else { return };
        let next = upload.next + bytes;
        link.sending_since = Some(now);
        link.giving.get_or_insert((now, link.given));
        link.given += bytes;
        link.upload = (next < upload.end).then_some(Upload { next, ..upload });
        self.stats.uploaded_bytes += bytes;
        self.want(Output::Give { link: id, request, start, bytes });
        if next == upload.end {
            // The channel keeps the order, so this arrives after the last byte.
            let segment = upload.no as u64;
            self.say(id, &Command::SegmentDataSendingCompleted { segment, request: upload.number });
        }
    }

    /// So many bytes more are within what this viewer gives in all.
    pub(super) fn has_budget(&self, bytes: u64) -> bool {
        let taken = self.stats.http_bytes + self.stats.p2p_bytes;
        let most = taken.saturating_mul(UPLOAD_SHARE).saturating_add(UPLOAD_ADVANCE);
        self.stats.uploaded_bytes.saturating_add(bytes) <= most
    }

    pub(crate) fn upload_deadlines(&self, soonest: &mut Soonest) {
        for link in self.share.links.values() {
            if let Some(since) = link.sending_since {
                soonest.take(since + SLOT_PATIENCE, Why::Upload);
                soonest.take(since + UPLOAD_STALL, Why::Upload);
            }
            match link.upload.map(|upload| upload.queued_at) {
                Some(Some(since)) => {
                    soonest.take(since + HEAD_START, Why::Upload);
                    soonest.take(since + UPLOAD_PATIENCE, Why::Upload);
                }
                Some(None) => {
                    soonest.take(self.share.upload_rate.ready_at(CHUNK_BYTES), Why::Upload)
                }
                None => {}
            }
        }
    }
}

/// Who doesn't say what it can give is taken for a home's line.
const UNKNOWN_KBPS: u64 = 5_000;

/// Who gives nothing isn't left without.
const LEAST_KBPS: u64 = 500;

/// So many who need something at once are given it at once, whoever else is given something. More would get it too late; and where
/// nothing is known of the uplink, a second would.
const URGENT_SLOTS: usize = 2;

/// What is needed within this time is needed at once.
const NEEDED_NOW: Duration = Duration::from_secs(1);

/// What is needed within this time is needed soon.
const NEEDED_SOON: Duration = Duration::from_millis(2500);

/// Longer than anything is fetched ahead.
const MOST_NEEDED_IN: u64 = 3_600_000;

/// Among those who got nothing yet, what they can give decides.
const GIVEN_AT_FIRST: u64 = 256 << 10;

/// What still waits to be sent, or almost, when the driver says that it is.
const STILL_WAITING: u64 = 64 << 10;

/// What is given before the driver says that it is sent: so that some is on its way while the next is made.
const CHUNK_BYTES: u64 = 3 * PIECE;
