//! Who meets whom: introductions, theft, takeover, bounds, and a random crowd.

use super::*;
use wire::announce::Sdp;

const VIDEO: InfoHash = InfoHash(*b"F123ZzViggOyOP6N+87T");
const OTHER: InfoHash = InfoHash(*b"another swarm's name");
const UNKNOWN: InfoHash = InfoHash(*b"nobody knows this...");

fn admits(info_hash: &InfoHash) -> bool {
    *info_hash != UNKNOWN
}

fn s(seconds: u64) -> Time {
    Time::from_secs(seconds)
}

fn peer(no: u8) -> PeerId {
    PeerId([no; 20])
}

fn offer_id(no: u8) -> OfferId {
    OfferId([no; 20])
}

/// The tracker, and what every connection was told.
struct Room {
    swarms: Swarms,
    now: Time,
}

impl Room {
    fn new() -> Room {
        Room { swarms: Swarms::new(7), now: s(1) }
    }

    fn say(&mut self, from: u64, request: Request<'static>) -> Vec<Output<'static>> {
        self.swarms.handle(self.now, ConnectionNo(from), request, &admits)
    }

    /// Connection `no` announces as peer `no`.
    fn join(&mut self, no: u8) -> Vec<Output<'static>> {
        self.say(u64::from(no), announce(no, Event::Started, 0))
    }

    fn members(&self) -> usize {
        self.swarms.totals().1
    }
}

fn announce(no: u8, event: Event, offers: u8) -> Request<'static> {
    let offer = |at| Offer { offer_id: offer_id(at), sdp: Sdp::of("o") };
    Request::Announce(Announce {
        info_hash: VIDEO,
        peer_id: peer(no),
        event,
        wanted: None,
        is_complete: false,
        offers: (0..offers).map(offer).collect(),
    })
}

fn changed(
    mut request: Request<'static>,
    change: impl FnOnce(&mut Announce<'static>),
) -> Request<'static> {
    if let Request::Announce(announce) = &mut request {
        change(announce);
    }
    request
}

fn answer(from: u8, to: u8, offer: u8) -> Request<'static> {
    Request::Answer(Answer {
        info_hash: VIDEO,
        peer_id: peer(from),
        to_peer_id: peer(to),
        offer_id: offer_id(offer),
        sdp: Sdp::of("a"),
    })
}

fn announced(to: u64, complete: usize, incomplete: usize) -> Output<'static> {
    let counts = Counts { complete, incomplete };
    Output::Send(
        ConnectionNo(to),
        Reply::Announced { info_hash: VIDEO, counts, interval: INTERVAL },
    )
}

fn offered(to: u64, from: u8, offer: u8) -> Output<'static> {
    let (peer_id, offer_id) = (peer(from), offer_id(offer));
    let sdp = Sdp::of("o");
    Output::Send(ConnectionNo(to), Reply::Offer { info_hash: VIDEO, peer_id, offer_id, sdp })
}

fn answered(to: u64, from: u8, offer: u8) -> Output<'static> {
    let (peer_id, offer_id) = (peer(from), offer_id(offer));
    let sdp = Sdp::of("a");
    Output::Send(ConnectionNo(to), Reply::Answer { info_hash: VIDEO, peer_id, offer_id, sdp })
}

fn refused(to: u64, refusal: Refusal) -> Output<'static> {
    refused_of(to, refusal, VIDEO)
}

fn refused_of(to: u64, refusal: Refusal, info_hash: InfoHash) -> Output<'static> {
    Output::Send(ConnectionNo(to), refusal.reply(Action::Announce, Some(info_hash)))
}

/// To whom offers went.
fn receivers(outputs: &[Output<'_>]) -> Vec<u64> {
    let to = |output: &Output<'_>| match output {
        Output::Send(to, Reply::Offer { .. }) => Some(to.0),
        _ => None,
    };
    outputs.iter().filter_map(to).collect()
}

#[test]
fn an_offer_reaches_the_other_and_its_answer_comes_back_once() {
    let mut room = Room::new();
    assert_eq!(room.join(1), [announced(1, 0, 1)]);
    let outputs = room.say(2, announce(2, Event::Started, 1));
    assert_eq!(outputs, [announced(2, 0, 2), offered(1, 2, 0)]);
    assert_eq!(room.say(1, answer(1, 2, 0)), [answered(2, 1, 0)]);
    assert_eq!(room.say(1, answer(1, 2, 0)), [refused(1, Refusal::NoSuchOffer)]);
}

#[test]
fn nobody_answers_what_they_were_not_offered() {
    #[track_caller]
    fn check(from: u64, request: Request<'static>, refusal: Refusal) {
        let mut room = Room::new();
        (1..=3).for_each(|no| drop(room.join(no)));
        let one = |announce: &mut Announce<'_>| announce.wanted = Some(1);
        let outputs = room.say(4, changed(announce(4, Event::Started, 2), one));
        let receiver = receivers(&outputs)[0];
        if receiver != from {
            assert_eq!(room.say(from, request), [refused(from, refusal)]);
        }
    }
    for no in 1..=3 {
        check(no.into(), answer(no, 4, 0), Refusal::NoSuchOffer);
        check(no.into(), answer(no, 4, 9), Refusal::NoSuchOffer);
    }
    check(4, answer(1, 4, 0), Refusal::NotAMember);
    check(9, answer(9, 4, 0), Refusal::NotAMember);
}

#[test]
fn an_offer_goes_stale() {
    let mut room = Room::new();
    room.join(1);
    room.say(2, announce(2, Event::Started, 2));
    room.now += OFFER_LIFE;
    assert_eq!(room.say(1, answer(1, 2, 0)), [refused(1, Refusal::NoSuchOffer)]);
}

#[test]
fn an_answer_to_one_who_left_is_nobody_s() {
    let mut room = Room::new();
    room.join(1);
    room.say(2, announce(2, Event::Started, 1));
    room.swarms.closed(ConnectionNo(2));
    assert_eq!(room.say(1, answer(1, 2, 0)), []);
    room.say(1, announce(1, Event::Stopped, 0));
    assert_eq!(room.swarms.totals(), (0, 0));
}

#[test]
fn offers_go_to_different_others_of_the_same_swarm() {
    let mut room = Room::new();
    (1..=20).for_each(|no| drop(room.join(no)));
    room.say(30, changed(announce(30, Event::Started, 0), |announce| announce.info_hash = OTHER));
    let mut seen = [0; 21];
    for _ in 0..200 {
        let mut to = receivers(&room.say(7, announce(7, Event::Periodic, 5)));
        to.sort_unstable();
        to.dedup();
        assert_eq!(to.len(), 5);
        to.into_iter().for_each(|to| seen[to as usize] += 1);
    }
    assert_eq!((seen[0], seen[7]), (0, 0));
    let others = (1..=20).filter(|&no| no != 7);
    assert!(others.into_iter().all(|no| (20..100).contains(&seen[no])), "{seen:?}");
}

#[test]
fn as_many_offers_are_delivered_as_are_wanted_and_there_are_others() {
    #[track_caller]
    fn check(others: u8, offers: u8, wanted: Option<usize>, delivered: usize) {
        let mut room = Room::new();
        (1..=others).for_each(|no| drop(room.join(no)));
        let want = |announce: &mut Announce<'_>| announce.wanted = wanted;
        let outputs = room.say(99, changed(announce(99, Event::Started, offers), want));
        assert_eq!(receivers(&outputs).len(), delivered);
    }
    check(0, 5, None, 0);
    check(1, 5, None, 1);
    check(9, 5, None, 5);
    check(9, 5, Some(2), 2);
    check(9, 5, Some(0), 0);
    check(9, 5, Some(50), 5);
    check(9, 0, Some(5), 0);
    check(4, 10, None, 4);
}

#[test]
fn the_same_seed_introduces_the_same_viewers() {
    let play = |seed| {
        let mut room = Room { swarms: Swarms::new(seed), now: s(1) };
        (1..=50).for_each(|no| drop(room.join(no)));
        (1..=50)
            .map(|no| receivers(&room.say(no, announce(no as u8, Event::Periodic, 5))))
            .collect::<Vec<_>>()
    };
    assert_eq!(play(3), play(3));
    assert_ne!(play(3), play(4));
}

#[test]
fn one_connection_has_several_ids_in_several_swarms() {
    let mut room = Room::new();
    room.join(1);
    room.say(1, announce(2, Event::Started, 0));
    room.say(1, changed(announce(3, Event::Started, 0), |announce| announce.info_hash = OTHER));
    assert_eq!(room.swarms.totals(), (2, 3));
    let outputs = room.say(1, announce(1, Event::Periodic, 5));
    assert_eq!(outputs, [announced(1, 0, 2), offered(1, 1, 0)]);
    room.swarms.closed(ConnectionNo(1));
    assert_eq!(room.swarms.totals(), (0, 0));
    assert!(!room.swarms.is_member(ConnectionNo(1)));
}

#[test]
fn who_is_complete_is_counted_so() {
    let mut room = Room::new();
    room.join(1);
    let complete = |announce: &mut Announce<'_>| announce.is_complete = true;
    assert_eq!(
        room.say(2, changed(announce(2, Event::Started, 0), complete)),
        [announced(2, 1, 1)]
    );
    assert_eq!(room.say(2, announce(2, Event::Periodic, 0)), [announced(2, 1, 1)]);
    assert_eq!(room.say(1, announce(1, Event::Completed, 0)), [announced(1, 2, 0)]);
    assert_eq!(room.say(1, announce(1, Event::Stopped, 0)), [announced(1, 1, 0)]);
    room.swarms.closed(ConnectionNo(2));
    assert_eq!(room.join(3), [announced(3, 0, 1)]);
}

#[test]
fn a_scrape_counts_the_known_and_the_unknown() {
    let mut room = Room::new();
    room.join(1);
    let outputs = room.say(2, Request::Scrape(vec![VIDEO, UNKNOWN]));
    let files = vec![
        (VIDEO, Counts { complete: 0, incomplete: 1 }),
        (UNKNOWN, Counts { complete: 0, incomplete: 0 }),
    ];
    assert_eq!(outputs, [Output::Send(ConnectionNo(2), Reply::Scraped(files))]);
    assert!(!room.swarms.is_member(ConnectionNo(2)));
}

#[test]
fn an_unknown_swarm_is_refused_and_never_made() {
    let mut room = Room::new();
    let unknown = |announce: &mut Announce<'_>| announce.info_hash = UNKNOWN;
    let outputs = room.say(1, changed(announce(1, Event::Started, 5), unknown));
    assert_eq!(outputs, [refused_of(1, Refusal::UnknownSwarm, UNKNOWN)]);
    assert_eq!(room.swarms.totals(), (0, 0));
}

#[test]
fn a_living_connection_keeps_its_id() {
    let mut room = Room::new();
    room.join(1);
    let claim = |room: &mut Room| room.say(9, announce(1, Event::Started, 3));
    assert_eq!(claim(&mut room)[0], Output::Ping(ConnectionNo(1)));
    room.now += s(1);
    room.swarms.heard(room.now, ConnectionNo(1));
    room.now += CLAIM_INTERVAL;
    assert_eq!(claim(&mut room), [refused(9, Refusal::IdTaken)]);
    assert_eq!(room.say(9, announce(1, Event::Stopped, 0)), [refused(9, Refusal::IdTaken)]);
    assert_eq!(room.say(9, answer(1, 1, 0)), [refused(9, Refusal::NotAMember)]);
    assert_eq!(room.say(1, announce(1, Event::Periodic, 0)), [announced(1, 0, 1)]);
}

#[test]
fn a_dead_connection_s_id_goes_to_the_one_who_claims_it() {
    let mut room = Room::new();
    room.join(1);
    room.join(2);
    let outputs = room.say(9, announce(1, Event::Started, 1));
    let counts = Counts { complete: 0, incomplete: 2 };
    let wait = Reply::Announced { info_hash: VIDEO, counts, interval: CLAIM_INTERVAL };
    assert_eq!(outputs, [Output::Ping(ConnectionNo(1)), Output::Send(ConnectionNo(9), wait)]);
    room.now += CLAIM_PATIENCE;
    let outputs = room.say(9, announce(1, Event::Started, 1));
    assert_eq!(outputs, [announced(9, 0, 2), offered(2, 1, 0)]);
    assert_eq!(room.say(2, answer(2, 1, 0)), [answered(9, 2, 0)]);
    assert!(!room.swarms.is_member(ConnectionNo(1)));
    room.swarms.closed(ConnectionNo(1));
    assert_eq!(room.members(), 2);
}

#[test]
fn a_closed_connection_s_id_is_free_at_once() {
    let mut room = Room::new();
    room.join(1);
    room.swarms.closed(ConnectionNo(1));
    assert_eq!(room.say(9, announce(1, Event::Started, 0)), [announced(9, 0, 1)]);
}

#[test]
fn a_member_that_fell_silent_is_let_go_of() {
    let mut room = Room::new();
    room.join(1);
    room.join(2);
    room.now += MEMBER_PATIENCE;
    room.say(2, announce(2, Event::Periodic, 0));
    room.now += s(1);
    room.swarms.tidy(room.now);
    assert_eq!(room.members(), 1);
    assert!(room.swarms.is_member(ConnectionNo(2)) && !room.swarms.is_member(ConnectionNo(1)));
}

#[test]
fn one_connection_is_bounded_in_swarms_and_ids() {
    let mut room = Room::new();
    for no in 0..IDS_PER_SWARM as u8 {
        room.say(1, announce(no, Event::Started, 0));
    }
    assert_eq!(room.say(1, announce(99, Event::Started, 0)), [refused(1, Refusal::TooManyIds)]);
    let elsewhere = |no: usize| {
        let mut name = [0; 20];
        name[..8].copy_from_slice(&no.to_be_bytes());
        changed(announce(1, Event::Started, 0), |announce| announce.info_hash = InfoHash(name))
    };
    (0..1000).for_each(|no| drop(room.say(1, elsewhere(no))));
    assert_eq!(room.members(), MEMBERSHIPS);
    room.say(1, announce(0, Event::Stopped, 0));
    assert_eq!(room.members(), MEMBERSHIPS - 1);
}

#[test]
fn offers_that_nobody_answers_are_bounded_and_forgotten() {
    let mut room = Room::new();
    room.join(1);
    for _ in 0..OFFERS_PER_MEMBER {
        room.say(2, announce(2, Event::Periodic, 1));
    }
    let held = |room: &Room| room.swarms.swarms[&VIDEO].member(&peer(1)).unwrap().offers.len();
    assert_eq!(held(&room), OFFERS_PER_MEMBER);
    room.say(2, announce(2, Event::Periodic, 1));
    assert_eq!(held(&room), OFFERS_PER_MEMBER);
    room.now += OFFER_LIFE;
    room.swarms.tidy(room.now);
    assert_eq!(held(&room), 0);
}

#[test]
fn a_random_crowd_leaves_nothing_behind() {
    for seed in 0..20 {
        let mut room = Room { swarms: Swarms::new(seed), now: s(1) };
        let mut dice = Dice::new(seed);
        for _ in 0..3000 {
            let (connection, no) = (dice.below(12) as u64, dice.below(16) as u8);
            let event =
                [Event::Started, Event::Periodic, Event::Completed, Event::Stopped][dice.below(4)];
            match dice.below(10) {
                0 => room.swarms.closed(ConnectionNo(connection)),
                1 => drop(room.say(connection, answer(no, dice.below(16) as u8, 0))),
                2 => room.swarms.tidy(room.now),
                _ => drop(room.say(connection, announce(no, event, 3))),
            }
            room.now += Time::from_millis(dice.below(5000) as u64);
            consistent(&room.swarms, seed);
        }
        (0..12).for_each(|no| room.swarms.closed(ConnectionNo(no)));
        assert_eq!(room.swarms.totals(), (0, 0), "seed {seed}");
        assert!(room.swarms.connections.is_empty(), "seed {seed}");
    }
}

#[track_caller]
fn consistent(swarms: &Swarms, seed: u64) {
    let mut members = 0;
    for (hash, swarm) in &swarms.swarms {
        assert!(
            !swarm.members.is_empty() && swarm.members.len() == swarm.places.len(),
            "seed {seed}"
        );
        let complete = swarm.members.iter().filter(|member| member.is_complete).count();
        assert_eq!(complete, swarm.complete, "seed {seed}");
        for (at, member) in swarm.members.iter().enumerate() {
            assert_eq!(swarm.places[&member.peer_id], at, "seed {seed}");
            let ids = &swarms.connections[&member.connection].ids;
            assert!(ids.contains(&(*hash, member.peer_id)), "seed {seed}");
        }
        members += swarm.members.len();
    }
    let ids: usize = swarms.connections.values().map(|connection| connection.ids.len()).sum();
    assert_eq!((members, ids), (swarms.members, swarms.members), "seed {seed}");
}
