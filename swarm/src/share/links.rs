//! Connections to other viewers, from an offer to their end.
//!
//! ```text
//! ours:    Offering ─▶ Gathered ─▶ Offered (told the tracker) ─ somebody answers ─▶ Connecting ─▶ Open
//! theirs:                                      Answering (told the tracker) ─────▶ Connecting ─▶ Open
//! ```

use std::collections::VecDeque;

use wire::announce::{Answer, OfferId, Request};
use wire::peer::{Command, EXTENSION, Hello, Joiner, MESSAGE_BYTES, Message, PeerId};

use crate::Time;
use crate::engine::{Engine, Soonest};
use crate::limits::{
    CONNECT_PATIENCE, GATHER_PATIENCE, GREETING_PATIENCE, LEAVE_INTERVAL, LINKS, OFFER_LIFE,
    OFFERS_AT_ONCE, PROBATION,
};
use crate::message::{End, LinkId, Output, Why};

use super::conduct::{Conduct, Misdeed};
use super::download::Download;
use super::news::Word;
use super::segments::Segments;
use super::upload::{Upload, Wish};

/// One connection, or the beginnings of one.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) rendition: usize,
    pub(crate) state: LinkState,
    since: Time,
    /// What an answer will refer to, of an offer of ours.
    pub(crate) offer_id: OfferId,
    /// Who is at the other end; of an offer nobody knows before it is answered.
    pub(crate) peer: Option<PeerId>,
    joiner: Joiner,
    /// It has been told what we hold.
    pub(super) is_told: bool,
    /// It has told what it holds.
    pub(super) has_told: bool,
    /// What it said of itself when it offered the extension.
    pub(super) hello: Option<Hello>,
    /// What it has heard of new segments, from us or others.
    pub(super) heard: Word,
    /// What the other has, as it announced last.
    pub(crate) holds: Segments,
    /// What it announces and has shown not to have.
    pub(crate) lacks: Segments,
    /// What the other is fetching from the server.
    pub(crate) fetches: Segments,
    /// What is coming to the other from peers.
    pub(crate) comes: Segments,
    /// Of which segments it has told that some pieces are there, and which.
    pub(crate) begun: VecDeque<(usize, Segments)>,
    /// Bytes that were fetched from the server since it asked for them.
    pub(super) fetched_for: u64,
    pub(crate) download: Option<Download>,
    pub(crate) upload: Option<Upload>,
    /// What was given last is on its way since then.
    pub(crate) sending_since: Option<Time>,
    pub(crate) conduct: Conduct,
    /// It isn't asked for anything before this.
    pub(crate) rests_until: Time,
    /// Bytes a second that it brought, of late; `None` before the first segment.
    pub(crate) rate: Option<f64>,
    /// What it says that it can give, in kilobits a second.
    pub(crate) kbps: Option<u64>,
    /// The upload that runs began then, when so much had been given before.
    pub(crate) giving: Option<(Time, u64)>,
    /// Bytes that it was given.
    pub(crate) given: u64,
    /// Bytes that it brought.
    pub(super) brought: u64,
}

/// How far a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// The driver makes an offer.
    Offering,
    /// The offer is made, and waits for the next announcement.
    Gathered(String),
    /// The tracker has it.
    Offered,
    /// The driver makes an answer.
    Answering,
    /// Both ends are known to each other.
    Connecting,
    /// Messages pass.
    Open,
}

impl Link {
    fn new(now: Time, rendition: usize, state: LinkState) -> Link {
        Link {
            rendition,
            state,
            since: now,
            offer_id: OfferId([0; 20]),
            peer: None,
            joiner: Joiner::default(),
            is_told: false,
            has_told: false,
            hello: None,
            heard: Word::default(),
            holds: Segments::default(),
            lacks: Segments::default(),
            fetches: Segments::default(),
            comes: Segments::default(),
            begun: VecDeque::new(),
            fetched_for: 0,
            download: None,
            upload: None,
            sending_since: None,
            conduct: Conduct::default(),
            rests_until: now,
            rate: None,
            kbps: None,
            giving: None,
            given: 0,
            brought: 0,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == LinkState::Open
    }

    /// It can be asked for something now.
    pub(super) fn is_free(&self, now: Time) -> bool {
        self.is_open() && self.download.is_none() && self.rests_until <= now
    }

    /// It understands the extension.
    pub(crate) fn is_extended(&self) -> bool {
        self.hello.is_some_and(|hello| hello.version >= EXTENSION)
    }

    /// It has just been connected, and what it holds is about to be heard.
    pub(crate) fn is_about_to_tell(&self, now: Time) -> bool {
        self.is_open() && !self.has_told && now.since(self.since) < GREETING_PATIENCE
    }

    /// An offer that nobody has taken.
    fn is_offer(&self) -> bool {
        matches!(self.state, LinkState::Offering | LinkState::Gathered(_) | LinkState::Offered)
    }

    /// When it has taken too long to get any further.
    fn gives_up_at(&self) -> Option<Time> {
        match self.state {
            LinkState::Offering | LinkState::Answering => Some(self.since + GATHER_PATIENCE),
            LinkState::Gathered(_) | LinkState::Offered => Some(self.since + OFFER_LIFE),
            LinkState::Connecting => Some(self.since + CONNECT_PATIENCE),
            LinkState::Open => None,
        }
    }

    pub(super) fn enter(&mut self, now: Time, state: LinkState) {
        (self.state, self.since) = (state, now);
    }
}

impl Engine {
    pub(crate) fn links_of(&self, rendition: usize) -> impl Iterator<Item = (LinkId, &Link)> {
        self.share.links.iter().filter(move |(_, link)| link.rendition == rendition)
    }

    /// Whether it is so of any connection of a swarm.
    pub(crate) fn is_any(&self, rendition: usize, is_it: &dyn Fn(&Link) -> bool) -> bool {
        self.links_of(rendition).any(|(_, link)| is_it(link))
    }

    /// Connections of all swarms of which `is_it` says so.
    pub(crate) fn links_where(&self, is_it: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        self.links_that(&is_it)
    }

    /// One function for all questions: each of their own would be downloaded by every viewer.
    fn links_that(&self, is_it: &dyn Fn(&Link) -> bool) -> Vec<LinkId> {
        self.share.links.iter().filter(|(_, link)| is_it(link)).map(|(id, _)| id).collect()
    }

    /// Viewers that messages pass to and from.
    pub(crate) fn open_links(&self) -> usize {
        self.share.links.values().filter(|link| link.is_open()).count()
    }

    /// Ends what took too long, and offers more connections where they are wanted.
    pub(crate) fn tend_links(&mut self, now: Time) {
        let is_late = |link: &Link| link.gives_up_at().is_some_and(|at| now >= at);
        self.links_where(is_late).into_iter().for_each(|link| self.hang_up(now, link));
        let rendition = self.target;
        let neighbours = self.links_of(rendition).filter(|(_, link)| !link.is_offer()).count();
        self.hurry_announcement(now, rendition, neighbours);
        self.offer_links(now, rendition, neighbours);
        self.leave_the_worst(now, rendition);
    }

    /// Makes room for newcomers: with more neighbours than are looked for, the one that has been of least use is left, one at a time.
    fn leave_the_worst(&mut self, now: Time, rendition: usize) {
        let open = || self.links_of(rendition).filter(|(_, link)| link.is_open());
        let is_over = open().count() > self.neighbours;
        if !is_over || now < self.share.left_at + LEAVE_INTERVAL {
            return;
        }
        let is_idle = |link: &Link| {
            link.download.is_none() && link.upload.is_none() && link.sending_since.is_none()
        };
        let known = open().filter(|(_, link)| is_idle(link) && now.since(link.since) >= PROBATION);
        let worst = known.min_by_key(|(_, link)| link.brought + link.given).map(|(id, _)| id);
        if let Some(worst) = worst {
            self.share.left_at = now;
            if self.share.links.get(&worst).is_some_and(Link::is_extended) {
                self.say(worst, &Command::Bye);
            }
            self.hang_up(now, worst);
        }
    }

    /// Makes offers just before an announcement can carry them: the tracker counted others, and it is time. Who comes to a live
    /// stream is seldom alone there, and in a hurry: its first offers are made before the tracker has counted anybody.
    fn offer_links(&mut self, now: Time, rendition: usize, neighbours: usize) {
        let Some(swarm) = self.share.swarms.get(&rendition) else { return };
        let is_live = self.is_live(rendition);
        let others = swarm.others.unwrap_or(if is_live { OFFERS_AT_ONCE } else { 0 });
        let is_early = is_live && swarm.may_offer_early() && !self.share.tracker.is_failing();
        let is_due = now >= swarm.offers_from && (swarm.may_offer(now) || is_early);
        let pending = self.links_of(rendition).filter(|(_, link)| link.is_offer()).count();
        let wanted = others.min(self.neighbours).saturating_sub(neighbours).min(OFFERS_AT_ONCE);
        if !is_due || wanted == 0 || pending > 0 {
            return;
        }
        if let Some(swarm) = self.share.swarms.get_mut(&rendition) {
            swarm.has_made_offers = true;
        }
        self.make_offers(now, rendition, wanted);
    }

    /// The first offers to what is said to be a live stream are made while its playlists are on their way. The rendition that they
    /// are for shows later.
    pub(super) fn offer_early(&mut self, now: Time) {
        if self.expects_live && self.share.next_link == 0 {
            self.make_offers(now, 0, self.neighbours.min(OFFERS_AT_ONCE));
        }
    }

    fn make_offers(&mut self, now: Time, rendition: usize, wanted: usize) {
        for _ in 0..wanted.min(LINKS.saturating_sub(self.share.links.len())) {
            let offer_id = OfferId(std::array::from_fn(|_| self.dice.letter()));
            let link =
                self.add_link(Link { offer_id, ..Link::new(now, rendition, LinkState::Offering) });
            self.want(Output::Offer { link });
        }
    }

    fn add_link(&mut self, link: Link) -> LinkId {
        let id = LinkId(self.share.next_link);
        self.share.next_link += 1;
        self.share.links.insert(id, link);
        id
    }

    pub(crate) fn offered(&mut self, now: Time, id: LinkId, sdp: String) {
        if let Some(link) = self.share.links.get_mut(&id)
            && link.state == LinkState::Offering
        {
            link.enter(now, LinkState::Gathered(sdp));
        }
    }

    /// Somebody's offer: taken, unless we know them already, don't want to, or have enough.
    pub(crate) fn offer_came(&mut self, now: Time, offer: End) {
        let End { info_hash, peer_id: peer, offer_id, sdp } = offer;
        let Some((rendition, _)) = self.share.swarm_mut(info_hash) else { return };
        let is_known = self.is_any(rendition, &|link| link.peer == Some(peer));
        let connections = self.share.links.values().filter(|link| !link.is_offer()).count();
        if is_known || self.share.is_banned(&peer) || connections >= LINKS || !is_for_data(&sdp) {
            return;
        }
        let new =
            Link { peer: Some(peer), offer_id, ..Link::new(now, rendition, LinkState::Answering) };
        let link = self.add_link(new);
        self.want(Output::Answer { link, sdp });
    }

    pub(crate) fn answered(&mut self, now: Time, id: LinkId, sdp: &str) {
        let Some(link) = self.share.links.get_mut(&id) else { return };
        let (Some(to_peer_id), LinkState::Answering) = (link.peer, &link.state) else { return };
        link.enter(now, LinkState::Connecting);
        let offer_id = link.offer_id;
        let Some(swarm) = self.share.swarms.get(&link.rendition) else { return };
        let (info_hash, peer_id) = (swarm.info_hash, swarm.peer_id);
        let sdp = wire::announce::Sdp::of(sdp);
        let answer = Answer { info_hash, peer_id, to_peer_id, offer_id, sdp };
        self.tell_tracker(&Request::Answer(answer).write());
    }

    /// Somebody took an offer of ours. Where both sides offered to each other, the offer of the lower id stands, on both.
    pub(crate) fn answer_came(&mut self, now: Time, answer: End) {
        let End { info_hash, peer_id: peer, offer_id, sdp } = answer;
        let Some((rendition, swarm)) = self.share.swarm_mut(info_hash) else { return };
        let is_ours_lower = swarm.peer_id < peer;
        let is_it = |link: &Link| link.offer_id == offer_id && link.state == LinkState::Offered;
        let Some(id) = self.links_of(rendition).find(|(_, link)| is_it(link)).map(|(id, _)| id)
        else {
            return;
        };
        let other = self.links_of(rendition).find(|(_, link)| link.peer == Some(peer));
        let connections = self.share.links.values().filter(|link| !link.is_offer()).count();
        match other.map(|(other, link)| (other, link.is_open())) {
            _ if self.share.is_banned(&peer) || !is_for_data(&sdp) || connections >= LINKS => {
                return self.hang_up(now, id);
            }
            Some((other, false)) if is_ours_lower => self.hang_up(now, other),
            Some(_) => return self.hang_up(now, id),
            None => {}
        }
        if let Some(link) = self.share.links.get_mut(&id) {
            link.peer = Some(peer);
            link.enter(now, LinkState::Connecting);
            self.want(Output::Accept { link: id, sdp });
        }
    }

    pub(crate) fn connected(&mut self, now: Time, id: LinkId) {
        let Some(link) = self.share.links.get_mut(&id) else { return };
        if link.state != LinkState::Connecting {
            return;
        }
        link.enter(now, LinkState::Open);
        let (rendition, peer) = (link.rendition, link.peer);
        if let Some(peer) = peer {
            let price = self.share.record_of(&peer);
            let link = self.share.links.get_mut(&id);
            link.into_iter().for_each(|link| link.conduct.begin_at(price));
        }
        let is_twin =
            |(other, link): &(LinkId, &Link)| *other != id && link.is_open() && link.peer == peer;
        if self.links_of(rendition).any(|other| is_twin(&other)) {
            self.hang_up(now, id);
        }
    }

    /// Lets go of what peers hold of the past of a live stream.
    pub(crate) fn forget_before(&mut self, rendition: usize, no: usize) {
        for link in self.share.links.values_mut().filter(|link| link.rendition == rendition) {
            link.holds.forget_before(no);
            link.lacks.forget_before(no);
            link.fetches.forget_before(no);
            link.comes.forget_before(no);
            link.begun.retain(|(of, _)| *of >= no);
        }
    }

    pub(crate) fn say(&mut self, link: LinkId, command: &Command) {
        for message in command.encode(MESSAGE_BYTES) {
            self.want(Output::Say { link, message });
        }
    }

    /// A command, or part of one. Most are news of what peers hold, told by twenty of them: tells whether something may follow at
    /// once, or whether it only has to be known when a decision is due.
    pub(crate) fn said(&mut self, now: Time, id: LinkId, message: &[u8]) -> bool {
        let Some(link) = self.share.links.get_mut(&id).filter(|link| link.is_open()) else {
            return false;
        };
        if link.conduct.is_flooding(now) {
            self.blame(now, id, Misdeed::Flood);
            return true;
        }
        match link.joiner.take(message) {
            Ok(Some(Message::Command(command))) => return self.commanded(now, id, command),
            Ok(Some(Message::Data(data))) => self.received(now, id, data.len() as u64),
            Ok(None) => return false,
            Err(_) => self.blame(now, id, Misdeed::Gibberish),
        }
        true
    }

    fn commanded(&mut self, now: Time, id: LinkId, command: Command) -> bool {
        match command {
            Command::SegmentsAnnouncement { loaded, loading, hello } => {
                self.announcement_came(id, &loaded, &loading, hello);
            }
            Command::SegmentRequest { segment, request, offset } => {
                let wish = Wish { segment, number: request, start: offset, end: None, kbps: None };
                self.asked(now, id, wish, None);
            }
            Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps: kbps } => {
                let wish = Wish { segment, number: request, start, end: Some(end), kbps };
                self.asked(now, id, wish, needed_in);
            }
            Command::CancelSegmentRequest { request, .. } => self.upload_cancelled(id, request),
            Command::SegmentData { segment, size, request } => {
                self.header_came(now, id, segment, request, size);
            }
            Command::SegmentDataSendingCompleted { segment, request } => {
                self.completion_came(now, id, segment, request);
            }
            Command::SegmentAbsent { segment, request } => {
                self.absence_came(now, id, segment, request)
            }
            Command::Changes { held, gone, fetching, coming, dropped, uplink_kbps } => {
                let link = self.share.links.get_mut(&id);
                link.into_iter().for_each(|link| link.kbps = uplink_kbps.or(link.kbps));
                return self.changes_came(id, [&held, &gone, &fetching, &coming, &dropped]);
            }
            Command::Fresh { segment, owned } => return self.fresh_came(now, id, segment, owned),
            Command::Bye => self.hang_up(now, id),
            Command::Pieces { segment, piece_bytes, pieces } => {
                return self.pieces_came(id, segment, piece_bytes, &pieces);
            }
        }
        true
    }

    /// Notes a misdeed; one too many ends the connection, and its peer isn't met again.
    pub(crate) fn blame(&mut self, now: Time, id: LinkId, misdeed: Misdeed) {
        let Some(link) = self.share.links.get_mut(&id) else { return };
        self.share.is_cheated |= misdeed.is_about_bytes();
        if link.conduct.note(misdeed) {
            let peer = link.peer;
            peer.into_iter().for_each(|peer| self.share.ban(peer));
            self.hang_up(now, id);
        }
    }

    /// Ends a connection from our side.
    pub(crate) fn hang_up(&mut self, now: Time, id: LinkId) {
        if self.share.links.contains_key(&id) {
            self.disconnected(now, id);
            self.want(Output::Disconnect { link: id });
        }
    }

    /// A connection is no more. What it brought until then is kept for whoever goes on.
    pub(crate) fn disconnected(&mut self, now: Time, id: LinkId) {
        self.end_download(now, id);
        let Some(link) = self.share.links.remove(&id) else { return };
        if link.state == LinkState::Offering
            && let Some(swarm) = self.share.swarms.get_mut(&link.rendition)
        {
            // The driver can't make any, perhaps; it isn't asked without end.
            swarm.offers_from = now + GATHER_PATIENCE;
        }
        if let Some(peer) = link.peer {
            self.share.keep_record(peer, link.conduct.price());
        }
    }

    /// Offers that the tracker has forgotten.
    pub(crate) fn drop_offers(&mut self) {
        for link in self.links_where(Link::is_offer) {
            self.share.links.remove(&link);
            self.want(Output::Disconnect { link });
        }
    }

    pub(crate) fn link_deadlines(&self, soonest: &mut Soonest) {
        for at in self.share.links.values().filter_map(Link::gives_up_at) {
            soonest.take(at, Why::Link);
        }
        if self.share.links.len() > self.neighbours {
            soonest.take(self.share.left_at + LEAVE_INTERVAL, Why::Link);
        }
    }
}

/// A session description of data channels alone: browsers would make room for pictures and sound, too.
fn is_for_data(sdp: &str) -> bool {
    sdp.lines().all(|line| !line.starts_with("m=") || line.starts_with("m=application "))
}
