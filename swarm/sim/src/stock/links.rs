//! Connections to other viewers, from an offer to their end.

use std::time::Duration;

use swarm::{End, LinkId, Output, Sharing, Time};
use wire::announce::OfferId;
use wire::peer::{Joiner, PeerId, Segment};

use super::StockPeer;
use super::nearby::Announced;
use super::talk::Upload;

/// One connection, or the beginnings of one.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) state: State,
    since: Time,
    pub(super) offer_id: OfferId,
    pub(super) peer: Option<PeerId>,
    pub(super) joiner: Joiner,
    /// What the other holds.
    pub(super) announced: Announced,
    /// What is coming from it.
    pub(super) download: Option<Segment>,
    /// What goes to it.
    pub(super) upload: Option<Upload>,
    pub(super) meter: Meter,
    /// How often it was silent for too long.
    silences: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The browser makes an offer.
    Offering,
    /// The offer waits for the others of its announcement.
    Gathered(String),
    /// The tracker has it.
    Offered,
    /// The browser makes an answer.
    Answering,
    Connecting,
    Open,
}

impl Link {
    pub(super) fn new(now: Time, state: State, offer_id: OfferId, peer: Option<PeerId>) -> Link {
        Link {
            state,
            since: now,
            offer_id,
            peer,
            joiner: Joiner::default(),
            announced: Announced::default(),
            download: None,
            upload: None,
            meter: Meter::default(),
            silences: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn gives(&self, no: Segment) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.segment == no)
    }

    pub(super) fn gives_up_at(&self) -> Option<Time> {
        match self.state {
            State::Open => None,
            State::Answering | State::Connecting => Some(self.since + CONNECT_PATIENCE),
            _ => Some(self.since + OFFER_LIFE),
        }
    }
}

/// How many bytes a second came of late; what came longer ago counts ever less.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meter {
    bytes: f64,
    at: Time,
    is_proven: bool,
}

impl Meter {
    pub(super) fn came(&mut self, now: Time, bytes: u64) {
        *self = Meter { bytes: self.faded(now) + bytes as f64, at: now, is_proven: true };
    }

    pub(super) fn rate(&self, now: Time) -> Option<f64> {
        self.is_proven.then(|| self.faded(now) / METER.as_secs_f64())
    }

    fn faded(&self, now: Time) -> f64 {
        self.bytes * (-now.since(self.at).as_secs_f64() / METER.as_secs_f64()).exp()
    }
}

impl StockPeer {
    /// How many messages pass to and from.
    pub(super) fn neighbours(&self) -> usize {
        self.links.values().filter(|link| link.is_open()).count()
    }

    pub(super) fn new_link(&mut self, link: Link) -> LinkId {
        self.next_link += 1;
        self.links.insert(LinkId(self.next_link), link);
        LinkId(self.next_link)
    }

    pub(super) fn offered(&mut self, link: LinkId, sdp: String) {
        if let Some(offering) = self.links.get_mut(&link) {
            offering.state = State::Gathered(sdp);
        }
    }

    /// Somebody offers a connection. There is no cap; one to somebody who is connected already is passed over.
    pub(super) fn offer_came(&mut self, offer: End) {
        if offer.peer_id == self.peer_id || self.is_connected_to(offer.peer_id) {
            return;
        }
        let answering = Link::new(self.now, State::Answering, offer.offer_id, Some(offer.peer_id));
        let link = self.new_link(answering);
        self.want(Output::Answer { link, sdp: offer.sdp });
    }

    pub(super) fn answered(&mut self, link: LinkId, sdp: &str) {
        let Some(answering) = self.links.get_mut(&link) else { return };
        answering.state = State::Connecting;
        if let (offer_id, Some(peer)) = (answering.offer_id, answering.peer) {
            self.tell_answer(peer, offer_id, sdp);
        }
    }

    pub(super) fn answer_came(&mut self, answer: End) {
        let is_it = |link: &Link| link.offer_id == answer.offer_id && link.state == State::Offered;
        let Some(link) = self.links.iter().find(|(_, link)| is_it(link)).map(|(id, _)| *id) else {
            return;
        };
        if self.is_connected_to(answer.peer_id) {
            return self.hang_up(link);
        }
        if let Some(offered) = self.links.get_mut(&link) {
            (offered.state, offered.peer, offered.since) =
                (State::Connecting, Some(answer.peer_id), self.now);
        }
        self.want(Output::Accept { link, sdp: answer.sdp });
    }

    fn is_connected_to(&self, peer: PeerId) -> bool {
        self.links.values().any(|link| link.is_open() && link.peer == Some(peer))
    }

    pub(super) fn connected(&mut self, link: LinkId) {
        let Some(peer) = self.links.get(&link).map(|link| link.peer) else { return };
        if peer.is_some_and(|peer| self.is_connected_to(peer)) {
            return self.hang_up(link);
        }
        if let Some(connected) = self.links.get_mut(&link) {
            connected.state = State::Open;
        }
        self.greet(link);
        self.queue.is_due = true;
    }

    pub(super) fn peer_was_silent(&mut self, link: LinkId) {
        let Some(silent) = self.links.get_mut(&link) else { return };
        silent.silences += 1;
        if silent.silences >= SILENCES {
            self.hang_up(link);
        }
    }

    pub(super) fn hang_up_unless(&mut self, is_right: bool, link: LinkId) {
        if !is_right {
            self.hang_up(link);
        }
    }

    pub(super) fn hang_up(&mut self, link: LinkId) {
        self.want(Output::Disconnect { link });
        self.lose(link);
    }

    /// A connection is gone, with all that belongs to it; what has come over it stays.
    pub(super) fn lose(&mut self, link: LinkId) {
        let Some(lost) = self.links.remove(&link) else { return };
        self.nearby.replace(&lost.announced, &Announced::default());
        if let Some(no) = lost.download {
            self.answer_fails(no);
        }
    }

    pub(super) fn mind_links(&mut self) {
        let now = self.now;
        let is_late = |link: &Link| link.gives_up_at().is_some_and(|at| at <= now);
        let late: Vec<LinkId> =
            self.links.iter().filter(|(_, link)| is_late(link)).map(|(id, _)| *id).collect();
        late.into_iter().for_each(|link| self.hang_up(link));
    }

    pub(super) fn permitted(&mut self, sharing: Sharing) {
        self.sharing = sharing;
        if sharing == Sharing::Off {
            let all: Vec<LinkId> = self.links.keys().copied().collect();
            all.into_iter().for_each(|link| self.hang_up(link));
            self.leave_tracker();
        }
    }
}

/// An offer that nobody took dies.
const OFFER_LIFE: Duration = Duration::from_secs(50);
/// Until two ends that know each other have met.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);
/// A peer is left that was silent so often.
const SILENCES: u32 = 3;
/// How far back a peer's rate is measured.
const METER: Duration = Duration::from_secs(15);
