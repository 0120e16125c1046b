//! The tracker: who is in which swarm, and who hears of whose offers.

use std::collections::BTreeMap;
use std::time::Duration;

use swarm::{Heard, Input};
use wire::announce::{Announce, Answer, Counts, Event, Offer, Reply, Request, Sdp};
use wire::identity::InfoHash;
use wire::peer::PeerId;

use crate::dice::Dice;

/// Members of all swarms. Which of them hear of an offer is decided by chance.
#[derive(Debug)]
pub(crate) struct Tracker {
    swarms: BTreeMap<InfoHash, Vec<PeerId>>,
    members: BTreeMap<PeerId, Member>,
    /// By viewer: the ids of its memberships, while it is connected.
    sockets: BTreeMap<usize, Vec<PeerId>>,
    dice: Dice,
    /// It answers nobody.
    pub(crate) is_away: bool,
}

#[derive(Debug)]
struct Member {
    viewer: usize,
    info_hash: InfoHash,
    /// In the swarm's list.
    place: usize,
}

/// What the tracker sends, to whom.
pub(crate) type Letter = (usize, Input);

impl Tracker {
    pub(crate) fn new(seed: u64) -> Tracker {
        let (swarms, members, sockets) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Tracker { swarms, members, sockets, dice: Dice::new(seed), is_away: false }
    }

    pub(crate) fn connect(&mut self, viewer: usize) {
        self.sockets.insert(viewer, Vec::new());
    }

    /// A viewer's connection ends: it is forgotten.
    pub(crate) fn disconnect(&mut self, viewer: usize) {
        for peer in self.sockets.remove(&viewer).unwrap_or_default() {
            self.leave(peer);
        }
    }

    /// Ends every connection, and tells whose.
    pub(crate) fn stop(&mut self) -> Vec<usize> {
        self.is_away = true;
        self.swarms.clear();
        self.members.clear();
        std::mem::take(&mut self.sockets).into_keys().collect()
    }

    pub(crate) fn tell(&mut self, viewer: usize, text: &str) -> Vec<Letter> {
        if !self.sockets.contains_key(&viewer) {
            return Vec::new();
        }
        match Request::read(text).expect("agents write what can be read") {
            Request::Announce(announce) => self.announced(viewer, announce),
            Request::Answer(answer) => self.answered(answer).into_iter().collect(),
            Request::Scrape(_) => Vec::new(),
        }
    }

    fn announced(&mut self, viewer: usize, announce: Announce<'_>) -> Vec<Letter> {
        let Announce { info_hash, peer_id, .. } = announce;
        if announce.event == Event::Stopped {
            self.leave(peer_id);
            return Vec::new();
        }
        if !self.members.contains_key(&peer_id) {
            self.join(viewer, info_hash, peer_id);
        }
        let members = self.swarms.get(&info_hash).map_or(0, Vec::len);
        let counts = Counts { complete: 0, incomplete: members };
        let mut letters =
            letter(viewer, Reply::Announced { info_hash, counts, interval: INTERVAL });
        let others = self.some_others(info_hash, peer_id, announce.offers.len());
        for (to, Offer { offer_id, sdp }) in others.into_iter().zip(announce.offers) {
            letters.extend(letter(to, Reply::Offer { info_hash, peer_id, offer_id, sdp }));
        }
        letters
    }

    /// So many members of a swarm, by chance, none twice.
    fn some_others(&mut self, info_hash: InfoHash, not: PeerId, count: usize) -> Vec<usize> {
        let Some(list) = self.swarms.get(&info_hash) else { return Vec::new() };
        let mut chosen: Vec<PeerId> = Vec::new();
        let wanted = count.min(list.len().saturating_sub(1));
        while chosen.len() < wanted {
            let peer = list[self.dice.below(list.len())];
            if peer != not && !chosen.contains(&peer) {
                chosen.push(peer);
            }
        }
        chosen.iter().filter_map(|peer| Some(self.members.get(peer)?.viewer)).collect()
    }

    fn answered(&mut self, answer: Answer<'_>) -> Vec<Letter> {
        let Answer { info_hash, peer_id, to_peer_id, offer_id, sdp } = answer;
        let Some(to) = self.members.get(&to_peer_id) else { return Vec::new() };
        let sdp = Sdp::of(&sdp.text());
        letter(to.viewer, Reply::Answer { info_hash, peer_id, offer_id, sdp })
    }

    fn join(&mut self, viewer: usize, info_hash: InfoHash, peer_id: PeerId) {
        let list = self.swarms.entry(info_hash).or_default();
        let place = list.len();
        list.push(peer_id);
        self.members.insert(peer_id, Member { viewer, info_hash, place });
        self.sockets.entry(viewer).or_default().push(peer_id);
    }

    fn leave(&mut self, peer: PeerId) {
        let Some(Member { info_hash, place, .. }) = self.members.remove(&peer) else { return };
        let Some(list) = self.swarms.get_mut(&info_hash) else { return };
        list.swap_remove(place);
        if let Some(moved) = list.get(place).and_then(|moved| self.members.get_mut(moved)) {
            moved.place = place;
        }
    }
}

fn letter(to: usize, reply: Reply<'_>) -> Vec<Letter> {
    Heard::of(reply).map(|heard| (to, Input::TrackerSaid(heard))).into_iter().collect()
}

/// Our tracker's own.
const INTERVAL: Duration = Duration::from_secs(120);
