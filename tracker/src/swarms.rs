//! Who is in which swarm, and who is introduced to whom: state and decisions, without sockets, clock or dice of its own.
//!
//! Time comes in as how long the tracker has run. A request goes in, and what is to be sent comes out; the same requests
//! with the same seed have the same outcome. A viewer's mistake is answered with an error; what may end a connection is
//! decided at its door.

use std::collections::HashMap;
use std::time::Duration;

use wire::announce::{
    Action, Announce, Answer, Counts, Event, Offer, OfferId, PeerId, Reply, Request,
};
use wire::identity::InfoHash;

use crate::dice::Dice;
use crate::error::Refusal;
use crate::limits::{
    CLAIM_INTERVAL, CLAIM_PATIENCE, IDS_PER_SWARM, INTERVAL, MEMBER_PATIENCE, MEMBERS_PER_SWARM,
    MEMBERSHIPS, OFFER_LIFE, OFFERS_PER_MEMBER, SWARMS,
};

/// How long the tracker has run.
pub type Time = Duration;

/// One viewer's connection; the door numbers them and never twice alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionNo(pub u64);

/// Which swarms may be here at all.
pub trait Admission: Send + Sync {
    /// Whether the swarm is of a video that this tracker serves.
    fn admits(&self, info_hash: &InfoHash) -> bool;
}

impl<F: Fn(&InfoHash) -> bool + Send + Sync> Admission for F {
    fn admits(&self, info_hash: &InfoHash) -> bool {
        self(info_hash)
    }
}

/// What the door has to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output<'a> {
    /// Say this to a viewer.
    Send(ConnectionNo, Reply<'a>),
    /// Find out whether this viewer still lives: another one claims its id.
    Ping(ConnectionNo),
}

/// All swarms, and the connections that are in them.
#[derive(Debug)]
pub struct Swarms {
    swarms: HashMap<InfoHash, Swarm>,
    connections: HashMap<ConnectionNo, Connection>,
    members: usize,
    dice: Dice,
}

impl Swarms {
    /// Without anybody; `seed` decides who will be introduced to whom.
    pub fn new(seed: u64) -> Swarms {
        Swarms {
            swarms: HashMap::new(),
            connections: HashMap::new(),
            members: 0,
            dice: Dice::new(seed),
        }
    }

    /// How many swarms there are, and how many members in all of them.
    pub fn totals(&self) -> (usize, usize) {
        (self.swarms.len(), self.members)
    }

    /// Whether a connection is in any swarm.
    pub fn is_member(&self, connection: ConnectionNo) -> bool {
        self.connections.get(&connection).is_some_and(|connection| !connection.ids.is_empty())
    }

    /// A viewer sent something, be it only the answer to a ping: whatever was thought of it, it lives.
    pub fn heard(&mut self, now: Time, connection: ConnectionNo) {
        if let Some(known) = self.connections.get_mut(&connection) {
            known.heard = now;
        }
    }

    /// A viewer's request: what is to be sent, to it and to others, in this order.
    pub fn handle<'a>(
        &mut self,
        now: Time,
        from: ConnectionNo,
        request: Request<'a>,
        admission: &dyn Admission,
    ) -> Vec<Output<'a>> {
        self.heard(now, from);
        let (action, info_hash) = match &request {
            Request::Announce(announce) => (Action::Announce, Some(announce.info_hash)),
            Request::Answer(answer) => (Action::Announce, Some(answer.info_hash)),
            Request::Scrape(hashes) => (Action::Scrape, hashes.first().copied()),
        };
        let handled = match request {
            Request::Announce(announce) => self.announce(now, from, announce, admission),
            Request::Answer(answer) => self.answer(now, from, answer),
            Request::Scrape(hashes) => Ok(vec![Output::Send(from, self.scrape(hashes))]),
        };
        handled.unwrap_or_else(|refusal| vec![Output::Send(from, refusal.reply(action, info_hash))])
    }

    /// A connection is gone, and all that it was with it.
    pub fn closed(&mut self, connection: ConnectionNo) {
        for (info_hash, peer_id) in
            self.connections.remove(&connection).map(|gone| gone.ids).unwrap_or_default()
        {
            self.remove(&info_hash, &peer_id);
        }
    }

    /// Lets go of offers that nobody answered and of members that fell silent.
    pub fn tidy(&mut self, now: Time) {
        let mut gone = Vec::new();
        for (info_hash, swarm) in &mut self.swarms {
            for member in &mut swarm.members {
                member.forget_old_offers(now);
                if now.saturating_sub(member.announced) > MEMBER_PATIENCE {
                    gone.push((*info_hash, member.peer_id));
                }
            }
        }
        gone.iter().for_each(|(info_hash, peer_id)| self.leave(info_hash, peer_id));
    }

    fn announce<'a>(
        &mut self,
        now: Time,
        from: ConnectionNo,
        announce: Announce<'a>,
        admission: &dyn Admission,
    ) -> Result<Vec<Output<'a>>, Refusal> {
        let Announce { info_hash, peer_id, .. } = announce;
        if !admission.admits(&info_hash) {
            return Err(Refusal::UnknownSwarm);
        }
        let holder = self.swarms.get(&info_hash).and_then(|swarm| swarm.member(&peer_id));
        let holder = holder.map(|member| member.connection);
        match (holder, announce.event) {
            (Some(holder), Event::Stopped) if holder == from => self.leave(&info_hash, &peer_id),
            (Some(holder), Event::Stopped) if holder != from => return Err(Refusal::IdTaken),
            (_, Event::Stopped) => {}
            (Some(holder), _) if holder != from => match self.claim(now, holder, &announce)? {
                Claim::Won => self.join(now, from, &announce)?,
                Claim::Waits => return Ok(self.ask_to_wait(from, holder, info_hash)),
            },
            (Some(_), _) => {}
            (None, _) => self.join(now, from, &announce)?,
        }
        self.renew(now, &announce);
        let counts = self.counts(&info_hash);
        let reply = Reply::Announced { info_hash, counts, interval: INTERVAL };
        let mut outputs = vec![Output::Send(from, reply)];
        if announce.event != Event::Stopped {
            self.introduce(now, from, announce, &mut outputs);
        }
        Ok(outputs)
    }

    /// Whether the connection that holds an id has lost it to one that announces it too.
    fn claim(
        &mut self,
        now: Time,
        holder: ConnectionNo,
        announce: &Announce<'_>,
    ) -> Result<Claim, Refusal> {
        let heard = self.connections.get(&holder).map_or(Time::ZERO, |holder| holder.heard);
        let swarm = self.swarms.get_mut(&announce.info_hash).ok_or(Refusal::IdTaken)?;
        let member = swarm.member_mut(&announce.peer_id).ok_or(Refusal::IdTaken)?;
        match member.claimed {
            Some(since) if heard > since => {
                member.claimed = None;
                Err(Refusal::IdTaken)
            }
            Some(since) if now.saturating_sub(since) >= CLAIM_PATIENCE => {
                self.leave(&announce.info_hash, &announce.peer_id);
                Ok(Claim::Won)
            }
            _ => {
                member.claimed.get_or_insert(now);
                Ok(Claim::Waits)
            }
        }
    }

    /// The claimer comes back soon; by then the holder has answered the ping or lost the id.
    fn ask_to_wait<'a>(
        &self,
        claimer: ConnectionNo,
        holder: ConnectionNo,
        info_hash: InfoHash,
    ) -> Vec<Output<'a>> {
        let counts = self.counts(&info_hash);
        let reply = Reply::Announced { info_hash, counts, interval: CLAIM_INTERVAL };
        vec![Output::Ping(holder), Output::Send(claimer, reply)]
    }

    fn join(
        &mut self,
        now: Time,
        from: ConnectionNo,
        announce: &Announce<'_>,
    ) -> Result<(), Refusal> {
        let Announce { info_hash, peer_id, .. } = *announce;
        if self.swarms.len() >= SWARMS && !self.swarms.contains_key(&info_hash) {
            return Err(Refusal::TooManySwarms);
        }
        if self.swarms.get(&info_hash).is_some_and(|swarm| swarm.members.len() >= MEMBERS_PER_SWARM)
        {
            return Err(Refusal::FullSwarm);
        }
        let connection = self
            .connections
            .entry(from)
            .or_insert_with(|| Connection { heard: now, ids: Vec::new() });
        let here = connection.ids.iter().filter(|(known, _)| *known == info_hash).count();
        if connection.ids.len() >= MEMBERSHIPS || here >= IDS_PER_SWARM {
            return Err(Refusal::TooManyIds);
        }
        connection.ids.push((info_hash, peer_id));
        self.swarms.entry(info_hash).or_default().add(now, peer_id, from);
        self.members += 1;
        Ok(())
    }

    /// Takes note of a member's announcement.
    fn renew(&mut self, now: Time, announce: &Announce<'_>) {
        let Some(swarm) = self.swarms.get_mut(&announce.info_hash) else { return };
        let Some(&at) = swarm.places.get(&announce.peer_id) else { return };
        let member = &mut swarm.members[at];
        member.announced = now;
        member.claimed = None;
        let is_complete =
            member.is_complete || announce.is_complete || announce.event == Event::Completed;
        swarm.complete += usize::from(is_complete && !member.is_complete);
        member.is_complete = is_complete;
    }

    /// Hands each offer to another member of the swarm, chosen by chance, none of them twice.
    fn introduce<'a>(
        &mut self,
        now: Time,
        from: ConnectionNo,
        announce: Announce<'a>,
        outputs: &mut Vec<Output<'a>>,
    ) {
        let Announce { info_hash, peer_id, wanted, offers, .. } = announce;
        let Some(swarm) = self.swarms.get_mut(&info_hash) else { return };
        let Some(&own) = swarm.places.get(&peer_id) else { return };
        let count = offers.len().min(wanted.unwrap_or(usize::MAX));
        let chosen = choose(&mut self.dice, swarm.members.len(), own, count);
        for (at, Offer { offer_id, sdp }) in chosen.into_iter().zip(offers) {
            let member = &mut swarm.members[at];
            member.expect(now, Pending { from, peer_id, offer_id, until: now + OFFER_LIFE });
            let offer = Reply::Offer { info_hash, peer_id, offer_id, sdp };
            outputs.push(Output::Send(member.connection, offer));
        }
    }

    /// Passes an answer on if its sender was given the offer, and once.
    fn answer<'a>(
        &mut self,
        now: Time,
        from: ConnectionNo,
        answer: Answer<'a>,
    ) -> Result<Vec<Output<'a>>, Refusal> {
        let Answer { info_hash, peer_id, to_peer_id, offer_id, sdp } = answer;
        let swarm = self.swarms.get_mut(&info_hash).ok_or(Refusal::NotAMember)?;
        let member = swarm.member_mut(&peer_id).filter(|member| member.connection == from);
        let member = member.ok_or(Refusal::NotAMember)?;
        let offerer = member.take(now, &to_peer_id, &offer_id).ok_or(Refusal::NoSuchOffer)?;
        let is_there = swarm.member(&to_peer_id).is_some_and(|member| member.connection == offerer);
        if !is_there {
            return Ok(Vec::new());
        }
        Ok(vec![Output::Send(offerer, Reply::Answer { info_hash, peer_id, offer_id, sdp })])
    }

    fn scrape(&self, hashes: Vec<InfoHash>) -> Reply<'static> {
        Reply::Scraped(hashes.into_iter().map(|hash| (hash, self.counts(&hash))).collect())
    }

    fn counts(&self, info_hash: &InfoHash) -> Counts {
        self.swarms.get(info_hash).map(Swarm::counts).unwrap_or_default()
    }

    /// Takes a member out of its swarm and off its connection's list.
    fn leave(&mut self, info_hash: &InfoHash, peer_id: &PeerId) {
        let Some(connection) = self.remove(info_hash, peer_id) else { return };
        if let Some(known) = self.connections.get_mut(&connection) {
            known.ids.retain(|id| id != &(*info_hash, *peer_id));
        }
    }

    /// Takes a member out of its swarm, and the swarm away with the last one.
    fn remove(&mut self, info_hash: &InfoHash, peer_id: &PeerId) -> Option<ConnectionNo> {
        let swarm = self.swarms.get_mut(info_hash)?;
        let connection = swarm.remove(peer_id)?;
        self.members -= 1;
        if swarm.members.is_empty() {
            self.swarms.remove(info_hash);
        }
        Some(connection)
    }
}

#[derive(Debug)]
struct Connection {
    heard: Time,
    ids: Vec<(InfoHash, PeerId)>,
}

#[derive(Debug, Default)]
struct Swarm {
    /// In no order that means anything: one who leaves is replaced by the last.
    members: Vec<Member>,
    places: HashMap<PeerId, usize>,
    complete: usize,
}

impl Swarm {
    fn member(&self, peer_id: &PeerId) -> Option<&Member> {
        self.places.get(peer_id).map(|&at| &self.members[at])
    }

    fn member_mut(&mut self, peer_id: &PeerId) -> Option<&mut Member> {
        self.places.get(peer_id).map(|&at| &mut self.members[at])
    }

    fn add(&mut self, now: Time, peer_id: PeerId, connection: ConnectionNo) {
        self.places.insert(peer_id, self.members.len());
        self.members.push(Member {
            peer_id,
            connection,
            announced: now,
            is_complete: false,
            claimed: None,
            offers: Vec::new(),
        });
    }

    fn remove(&mut self, peer_id: &PeerId) -> Option<ConnectionNo> {
        let at = self.places.remove(peer_id)?;
        let gone = self.members.swap_remove(at);
        if let Some(moved) = self.members.get(at) {
            self.places.insert(moved.peer_id, at);
        }
        self.complete -= usize::from(gone.is_complete);
        Some(gone.connection)
    }

    fn counts(&self) -> Counts {
        Counts { complete: self.complete, incomplete: self.members.len() - self.complete }
    }
}

#[derive(Debug)]
struct Member {
    peer_id: PeerId,
    connection: ConnectionNo,
    announced: Time,
    is_complete: bool,
    /// Since when another connection wants to be this member.
    claimed: Option<Time>,
    /// Offers that were delivered to it and that it hasn't answered, the oldest first.
    offers: Vec<Pending>,
}

impl Member {
    fn expect(&mut self, now: Time, offer: Pending) {
        if self.offers.len() >= OFFERS_PER_MEMBER {
            self.forget_old_offers(now);
        }
        if self.offers.len() >= OFFERS_PER_MEMBER {
            self.offers.remove(0);
        }
        self.offers.push(offer);
    }

    /// The connection that made an offer which this member may still answer.
    fn take(&mut self, now: Time, peer_id: &PeerId, offer_id: &OfferId) -> Option<ConnectionNo> {
        let is_it = |offer: &Pending| offer.peer_id == *peer_id && offer.offer_id == *offer_id;
        let at = self.offers.iter().position(is_it)?;
        let offer = self.offers.remove(at);
        (now < offer.until).then_some(offer.from)
    }

    fn forget_old_offers(&mut self, now: Time) {
        self.offers.retain(|offer| now < offer.until);
        if self.offers.is_empty() {
            self.offers = Vec::new();
        }
    }
}

#[derive(Debug)]
struct Pending {
    from: ConnectionNo,
    peer_id: PeerId,
    offer_id: OfferId,
    until: Time,
}

/// How a claim to another connection's id stands.
enum Claim {
    Won,
    Waits,
}

/// `count` different numbers below `total` without `own`, by chance (Floyd 1987), in no order; all if there are fewer.
fn choose(dice: &mut Dice, total: usize, own: usize, count: usize) -> Vec<usize> {
    let others = total.saturating_sub(1);
    let mut chosen: Vec<usize> = Vec::with_capacity(count.min(others));
    for end in others.saturating_sub(count)..others {
        let rolled = dice.below(end + 1);
        chosen.push(if chosen.contains(&rolled) { end } else { rolled });
    }
    chosen.iter_mut().for_each(|at| *at += usize::from(*at >= own));
    chosen
}

#[cfg(test)]
mod tests;
