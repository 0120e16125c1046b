//! The tracker: announcements with five offers each, at its interval, and at once after nothing else.

use std::time::Duration;

use swarm::{Heard, Output, Sharing, Time};
use wire::announce::{Announce, Answer, Event, Offer, OfferId, Request, Sdp};
use wire::identity::InfoHash;
use wire::peer::PeerId;

use super::StockPeer;
use super::links::{Link, State};

/// The connection to the tracker.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    info_hash: Option<InfoHash>,
    state: Connection,
    /// It is connected to anew then.
    retry_at: Option<Time>,
    retries: u32,
    has_started: bool,
    /// The next announcement is due then.
    due_at: Option<Time>,
    /// Offers for an announcement are being made.
    is_gathering: bool,
    interval: Option<Duration>,
    members: Option<usize>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Connection {
    #[default]
    Closed,
    Opening,
    Open,
}

impl Tracker {
    pub(super) fn join(&mut self, info_hash: InfoHash) {
        self.info_hash.get_or_insert(info_hash);
    }

    pub(super) fn has_joined(&self) -> bool {
        self.info_hash.is_some()
    }

    pub(super) fn others(&self) -> Option<usize> {
        self.members.map(|members| members.saturating_sub(1))
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        match self.state {
            Connection::Open => self.due_at.filter(|_| !self.is_gathering),
            Connection::Opening => None,
            Connection::Closed => self.retry_at,
        }
    }
}

impl StockPeer {
    pub(super) fn mind_tracker(&mut self) {
        let now = self.now;
        let tracker = &mut self.tracker;
        let may_open = tracker.retry_at.is_none_or(|at| at <= now);
        if self.sharing == Sharing::Off || !tracker.has_joined() {
            return;
        }
        if tracker.state == Connection::Closed && may_open {
            tracker.state = Connection::Opening;
            return self.want(Output::OpenTracker);
        }
        let is_due = tracker.due_at.is_some_and(|at| at <= now);
        if tracker.state == Connection::Open && is_due && !tracker.is_gathering {
            self.gather();
        }
        let is_offering = |link: &Link| link.state == State::Offering;
        if self.tracker.is_gathering && !self.links.values().any(is_offering) {
            self.announce();
        }
    }

    pub(super) fn tracker_opened(&mut self) {
        let tracker = &mut self.tracker;
        (tracker.state, tracker.retry_at, tracker.retries) = (Connection::Open, None, 0);
        tracker.due_at = Some(self.now);
    }

    /// It is left in peace for ten seconds, twenty, and so on, and up to five minutes more.
    pub(super) fn tracker_closed(&mut self) {
        let wait = FIRST_RETRY * (1 << self.tracker.retries.min(8));
        let wait = wait.min(LONGEST_RETRY) + self.dice.moment(RETRY_SPREAD);
        let tracker = &mut self.tracker;
        (tracker.state, tracker.retry_at) = (Connection::Closed, Some(self.now + wait));
        (tracker.retries, tracker.has_started, tracker.is_gathering) =
            (tracker.retries + 1, false, false);
    }

    pub(super) fn leave_tracker(&mut self) {
        if self.tracker.state != Connection::Closed {
            self.want(Output::CloseTracker);
        }
        let info_hash = self.tracker.info_hash;
        self.tracker = Tracker { info_hash, ..Tracker::default() };
    }

    fn gather(&mut self) {
        self.tracker.is_gathering = true;
        for _ in 0..OFFERS {
            let offer_id = OfferId(std::array::from_fn(|_| self.dice.number() as u8));
            let link = self.new_link(Link::new(self.now, State::Offering, offer_id, None));
            self.want(Output::Offer { link });
        }
    }

    fn announce(&mut self) {
        let Some(info_hash) = self.tracker.info_hash else { return };
        let mut offers = Vec::new();
        for link in self.links.values_mut() {
            if let State::Gathered(sdp) = &link.state {
                offers.push(Offer { offer_id: link.offer_id, sdp: Sdp::of(sdp) });
                link.state = State::Offered;
            }
        }
        let is_first = !std::mem::replace(&mut self.tracker.has_started, true);
        let announce = Announce {
            info_hash,
            peer_id: self.peer_id,
            event: if is_first { Event::Started } else { Event::Periodic },
            wanted: Some(OFFERS),
            is_complete: false,
            offers,
        };
        self.tracker.is_gathering = false;
        self.tracker.due_at = Some(self.now + self.tracker.interval.unwrap_or(INTERVAL));
        self.want(Output::TellTracker(Request::Announce(announce).write()));
    }

    pub(super) fn tell_answer(&mut self, to_peer_id: PeerId, offer_id: OfferId, sdp: &str) {
        let Some(info_hash) = self.tracker.info_hash else { return };
        let (peer_id, sdp) = (self.peer_id, Sdp::of(sdp));
        let answer = Answer { info_hash, peer_id, to_peer_id, offer_id, sdp };
        self.want(Output::TellTracker(Request::Answer(answer).write()));
    }

    pub(super) fn tracker_said(&mut self, heard: Heard) {
        match heard {
            Heard::Counted { members, interval, .. } => {
                let tracker = &mut self.tracker;
                tracker.members = Some(members);
                if tracker.interval.replace(interval).is_none() {
                    tracker.due_at = Some(self.now + interval);
                }
            }
            Heard::Offer(offer) => self.offer_came(offer),
            Heard::Answer(answer) => self.answer_came(answer),
            Heard::Refused => {}
        }
    }
}

/// That go with each announcement.
const OFFERS: usize = 5;
/// Between announcements, until the tracker tells another.
const INTERVAL: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_secs(10);
const LONGEST_RETRY: Duration = Duration::from_secs(3_600);
const RETRY_SPREAD: Duration = Duration::from_secs(300);
