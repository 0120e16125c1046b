//! When the tracker hears of this viewer, and what it says.

use std::time::Duration;

use wire::announce::{Announce, Event, Offer, Request, Sdp};
use wire::identity::{InfoHash, PropertyHash};
use wire::peer::{Command, PeerId};

use crate::Time;
use crate::engine::{Engine, Soonest};
use crate::limits::{
    EAGER_INTERVAL, FIRST_WORD_PATIENCE, LONGEST_INTERVAL, MEETING_PATIENCE, MEMBERS,
    SHORTEST_INTERVAL, SWARM_GRACE, TRACKER_PATIENCE, YOUNG_INTERVAL,
};
use crate::message::{Heard, Output, Why};
use crate::retry::Retry;

use super::links::LinkState;
use super::news::News;

/// The connection to the tracker.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    state: State,
    retry: Option<Retry>,
    /// It refused the last announcement.
    is_refusing: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Opening,
    Open,
}

impl Tracker {
    pub(crate) fn is_failing(&self) -> bool {
        self.retry.is_some() || self.is_refusing
    }

    fn is_open(&self) -> bool {
        self.state == State::Open
    }
}

/// One rendition's swarm, while this viewer is in it.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) info_hash: InfoHash,
    /// What this viewer is called there.
    pub(crate) peer_id: PeerId,
    /// When the tracker was first told, over the connection that stands.
    joined_at: Option<Time>,
    announced_at: Time,
    /// The next announcement is due then.
    due_at: Time,
    interval: Duration,
    /// The tracker has answered the last announcement.
    is_answered: bool,
    /// Offers went out over the connection that stands.
    has_offered: bool,
    /// Some were made, at any time.
    pub(super) has_made_offers: bool,
    /// None is made before, since the driver could make none.
    pub(super) offers_from: Time,
    /// When the tracker first counted others.
    met_at: Option<Time>,
    /// Others there, as the tracker counted last.
    pub(crate) others: Option<usize>,
    /// Announcements that were made early for want of neighbours, in a row.
    eager: u32,
    /// Its rendition is no longer watched since then.
    left_at: Option<Time>,
    /// What was told to the swarm's peers last, and when.
    pub(crate) told: Option<News>,
    pub(crate) told_at: Time,
    /// Something has changed since, and waits for its time.
    pub(crate) has_news: bool,
}

impl Swarm {
    fn new(now: Time, info_hash: InfoHash, peer_id: PeerId) -> Swarm {
        Swarm {
            info_hash,
            peer_id,
            joined_at: None,
            announced_at: now,
            due_at: now,
            interval: LONGEST_INTERVAL,
            is_answered: false,
            has_offered: false,
            has_made_offers: false,
            offers_from: now,
            met_at: None,
            others: None,
            eager: 0,
            left_at: None,
            told: None,
            told_at: now,
            has_news: false,
        }
    }

    /// The tracker is told now, whatever isn't ready: whoever is there hears of us, and the rest goes with the next word.
    fn is_late(&self, now: Time) -> bool {
        self.joined_at.is_none() && now >= self.announced_at + FIRST_WORD_PATIENCE
    }

    /// When it is announced again if too few peers are known.
    fn hurries_at(&self) -> Time {
        self.announced_at + EAGER_INTERVAL.saturating_mul(1 << self.eager.min(8))
    }

    pub(crate) fn is_left(&self) -> bool {
        self.left_at.is_some()
    }

    /// Offers can go out: with the answer that counted others, or with an announcement that is due.
    pub(crate) fn may_offer(&self, now: Time) -> bool {
        self.is_answered && (!self.has_offered || now >= self.due_at)
    }

    /// None was ever made, since the tracker hasn't been told of the swarm yet.
    pub(crate) fn may_offer_early(&self) -> bool {
        self.joined_at.is_none() && !self.has_made_offers
    }

    /// Others are there, and it isn't long ago that we heard of them: one may bring something soon.
    pub(crate) fn awaits_peers(&self, now: Time) -> bool {
        self.met_at.is_some_and(|met| now.since(met) < MEETING_PATIENCE)
    }

    /// The tracker was asked, or is about to be, not so long ago that its answer can't be expected any more.
    pub(crate) fn awaits_tracker(&self, now: Time) -> bool {
        !self.is_answered && now.since(self.announced_at) < TRACKER_PATIENCE
    }
}

impl Engine {
    /// Connects to the tracker, unless it is left in peace for now.
    pub(crate) fn open_tracker(&mut self, now: Time) {
        let tracker = &mut self.share.tracker;
        let is_resting = tracker.retry.is_some_and(|retry| retry.at > now);
        if tracker.state == State::Closed && !is_resting {
            tracker.state = State::Opening;
            self.want(Output::OpenTracker);
        }
    }

    pub(crate) fn tracker_opened(&mut self) {
        let tracker = &mut self.share.tracker;
        if tracker.state == State::Opening {
            (tracker.state, tracker.retry) = (State::Open, None);
        }
    }

    /// A tracker that goes forgets its members: everything is announced anew when it is back.
    pub(crate) fn tracker_closed(&mut self, now: Time) {
        if self.share.tracker.state == State::Closed {
            return;
        }
        let before = self.share.tracker.retry;
        let retry = Retry::after(now, before, None, &mut self.dice);
        self.share.tracker =
            Tracker { state: State::Closed, retry: Some(retry), is_refusing: false };
        for swarm in self.share.swarms.values_mut() {
            (swarm.joined_at, swarm.due_at, swarm.eager) = (None, now, 0);
            (swarm.is_answered, swarm.has_offered) = (false, false);
        }
        self.drop_offers();
    }

    /// Joins the swarm of the rendition that is watched, and leaves the others after a while.
    pub(crate) fn choose_swarms(&mut self, now: Time) {
        let target = self.target;
        if !self.share.swarms.contains_key(&target) {
            let stream = &self.renditions[target].stream;
            let info_hash = PropertyHash.of_picture(&self.share.swarm_id, stream);
            let peer_id = PeerId::from_random(std::array::from_fn(|_| self.dice.byte()));
            let mut swarm = Swarm::new(now, info_hash, peer_id);
            if self.share.swarms.is_empty() {
                // Offers that were made before its rendition was known.
                swarm.has_made_offers = !self.share.links.is_empty();
                self.share.links.values_mut().for_each(|link| link.rendition = target);
            }
            self.share.swarms.insert(target, swarm);
        }
        for (rendition, swarm) in self.share.swarms.iter_mut() {
            if rendition != target {
                swarm.left_at.get_or_insert(now);
            } else if swarm.left_at.take().is_some() {
                // Meanwhile offers were passed over.
                (swarm.due_at, swarm.has_offered, swarm.met_at) = (now, false, None);
            }
        }
        let is_over =
            |swarm: &Swarm| swarm.left_at.is_some_and(|left| now.since(left) >= SWARM_GRACE);
        let over: Vec<usize> = self
            .share
            .swarms
            .iter()
            .filter(|(_, swarm)| is_over(swarm))
            .map(|(no, _)| no)
            .collect();
        over.into_iter().for_each(|rendition| self.leave(now, rendition));
    }

    fn leave(&mut self, now: Time, rendition: usize) {
        let links: Vec<_> = self.links_of(rendition).map(|(id, _)| id).collect();
        for link in self.links_where(|link| link.rendition == rendition && link.is_extended()) {
            self.say(link, &Command::Bye);
        }
        links.into_iter().for_each(|link| self.hang_up(now, link));
        if let Some(swarm) = self.share.swarms.remove(&rendition)
            && swarm.joined_at.is_some()
        {
            self.tell_tracker(&announcement(&swarm, Event::Stopped, Vec::new()));
        }
    }

    /// Leaves every swarm, and the tracker.
    pub(crate) fn leave_all(&mut self, now: Time) {
        let swarms: Vec<usize> = self.share.swarms.keys().collect();
        swarms.into_iter().for_each(|rendition| self.leave(now, rendition));
        // And what was offered before there was a swarm.
        self.links_where(|_| true).into_iter().for_each(|link| self.hang_up(now, link));
        if std::mem::take(&mut self.share.tracker).state != State::Closed {
            self.want(Output::CloseTracker);
        }
        (self.share.is_waiting, self.share.awaited) = (false, None);
    }

    /// Tells the tracker of what is due: of a finished video the first time without offers, since nobody may be there to take them.
    pub(crate) fn announce_to_tracker(&mut self, now: Time) {
        if !self.share.tracker.is_open() {
            return;
        }
        let due: Vec<usize> = self.share.swarms.keys().collect();
        for rendition in due {
            let offers = self.gathered_offers(now, rendition);
            let Some(swarm) = self.share.swarms.get_mut(&rendition) else { continue };
            if swarm.is_left() || offers.is_none() {
                continue;
            }
            let offers = offers.unwrap_or_default();
            if now < swarm.due_at && offers.is_empty() {
                continue;
            }
            let event = if swarm.joined_at.is_none() { Event::Started } else { Event::Periodic };
            swarm.joined_at.get_or_insert(now);
            (swarm.announced_at, swarm.is_answered) = (now, false);
            swarm.has_offered |= !offers.is_empty();
            swarm.due_at = now + swarm.interval;
            let message = announcement(swarm, event, offers);
            self.tell_tracker(&message);
        }
    }

    pub(crate) fn tell_tracker(&mut self, message: &str) {
        if self.share.tracker.is_open() {
            self.want(Output::TellTracker(message.to_owned()));
        }
    }

    pub(crate) fn tracker_said(&mut self, now: Time, heard: Heard) {
        match heard {
            Heard::Counted { info_hash, members, interval } => {
                let Some((_, swarm)) = self.share.swarm_mut(info_hash) else { return };
                let others = members.saturating_sub(1).min(MEMBERS);
                swarm.others = Some(others);
                if others > 0 {
                    swarm.met_at.get_or_insert(now);
                }
                swarm.interval = interval.clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL);
                swarm.is_answered = true;
                // While a swarm is young its count grows old fast, and with it whose turn it is.
                let age = now.since(swarm.joined_at.unwrap_or(now));
                let interval = swarm.interval.min(age.max(YOUNG_INTERVAL));
                swarm.due_at = swarm.announced_at + interval;
                self.share.tracker.is_refusing = false;
            }
            Heard::Offer(offer) => self.offer_came(now, offer),
            Heard::Answer(answer) => self.answer_came(now, answer),
            // Where all announcements are answered, it was an answer that came too late.
            Heard::Refused => {
                let swarms = self.share.swarms.values();
                self.share.tracker.is_refusing |=
                    swarms.into_iter().any(|swarm| !swarm.is_answered);
            }
        }
    }

    /// Announces early if the swarm has others and this viewer knows few of them, ever less often.
    pub(crate) fn hurry_announcement(&mut self, now: Time, rendition: usize, neighbours: usize) {
        let enough = self.neighbours / 4 * 3;
        let Some(swarm) = self.share.swarms.get_mut(&rendition) else { return };
        let others = swarm.others.unwrap_or(0);
        if neighbours >= others.min(enough) {
            swarm.eager = 0;
            return;
        }
        let at = swarm.hurries_at();
        if swarm.is_answered && now >= at && at < swarm.due_at {
            swarm.eager += 1;
            swarm.due_at = now;
        }
    }

    pub(crate) fn tracker_deadlines(&self, soonest: &mut Soonest) {
        let tracker = &self.share.tracker;
        if let Some(retry) = tracker.retry.filter(|_| self.share.is_on()) {
            soonest.take(retry.at, Why::Announce);
        }
        for swarm in self.share.swarms.values() {
            if let Some(left) = swarm.left_at {
                soonest.take(left + SWARM_GRACE, Why::Announce);
            } else if tracker.is_open() {
                soonest.take(swarm.due_at, Why::Announce);
                if swarm.joined_at.is_none() {
                    soonest.take(swarm.announced_at + FIRST_WORD_PATIENCE, Why::Announce);
                }
                soonest.take(swarm.hurries_at(), Why::Announce);
            }
        }
    }

    /// Offers of a swarm that are made and not told yet; `None` while some are still in the making, and worth waiting for.
    fn gathered_offers(&mut self, now: Time, rendition: usize) -> Option<Vec<Offer<'static>>> {
        let is_late = self.share.swarms.get(&rendition).is_some_and(|swarm| swarm.is_late(now));
        if !is_late && self.is_any(rendition, &|link| link.state == LinkState::Offering) {
            return None;
        }
        let mut offers = Vec::new();
        for link in self.share.links.values_mut().filter(|link| link.rendition == rendition) {
            if let LinkState::Gathered(sdp) = &mut link.state {
                offers.push(Offer { offer_id: link.offer_id, sdp: Sdp::of(sdp) });
                link.enter(now, LinkState::Offered);
            }
        }
        Some(offers)
    }
}

impl super::Share {
    pub(crate) fn swarm_mut(&mut self, info_hash: InfoHash) -> Option<(usize, &mut Swarm)> {
        let found = self.swarms.iter_mut().find(|(_, swarm)| swarm.info_hash == info_hash);
        found.filter(|(_, swarm)| !swarm.is_left())
    }
}

fn announcement(swarm: &Swarm, event: Event, offers: Vec<Offer<'static>>) -> String {
    let wanted = Some(offers.len());
    let announce = Announce {
        info_hash: swarm.info_hash,
        peer_id: swarm.peer_id,
        event,
        wanted,
        is_complete: false,
        offers,
    };
    Request::Announce(announce).write()
}
