//! How others are met: when the tracker hears of a viewer, and what offers go with it.

use std::time::Duration;

use swarm::limits::{LINKS, OFFERS_AT_ONCE};
use swarm::{Body, Input, LinkId, Output, Sharing};
use wire::announce::OfferId;
use wire::peer::PeerId;

use crate::stage::{MASTER_WITHOUT_DIGESTS, SDP, Stage, live};

/// A viewer who has pressed play, and has the master playlist.
fn started(master: &str) -> Stage {
    let mut stage = Stage::new();
    stage.tell(Input::Permitted(Sharing::Full));
    stage.open();
    stage.tell(Input::Started);
    stage.fetched(".m3u8", Body::Text(master.to_owned()));
    stage
}

/// The same of a live stream, whose media playlist is there too.
fn live_viewer() -> Stage {
    let mut stage = started(MASTER_WITHOUT_DIGESTS);
    stage.fetched("a.m3u8", Body::Text(live(6)));
    stage
}

fn gathered(stage: &mut Stage, links: &[LinkId]) {
    links.iter().for_each(|link| stage.tell(Input::Offered { link: *link, sdp: SDP.to_owned() }));
}

fn peer(no: u8) -> PeerId {
    PeerId::from_random([no; 12])
}

#[test]
fn no_offer_is_made_before_it_is_known_that_a_stream_is_live() {
    let stage = started(MASTER_WITHOUT_DIGESTS);
    assert_eq!(stage.offers().count(), 0);
    assert_eq!(live_viewer().offers().count(), OFFERS_AT_ONCE);
}

#[test]
fn a_tracker_that_cannot_be_reached_costs_no_further_offers() {
    let (mut stage, mut at) = (live_viewer(), 0);
    for _ in 0..600 {
        stage.wait(Duration::from_millis(100));
        while let Some(output) = stage.wanted.get(at).cloned() {
            at += 1;
            match output {
                Output::OpenTracker => stage.tell(Input::TrackerClosed),
                Output::Offer { link } => gathered(&mut stage, &[link]),
                _ => {}
            }
        }
    }
    assert!(stage.wanted.iter().filter(|output| **output == Output::OpenTracker).count() > 5);
    assert_eq!(stage.offers().count(), OFFERS_AT_ONCE);
}

#[test]
fn an_offer_that_is_told_late_lives_as_long_as_others() {
    let mut stage = live_viewer();
    let offers: Vec<LinkId> = stage.offers().collect();
    gathered(&mut stage, &offers);
    stage.wait(Duration::from_millis(9_500));
    stage.tell(Input::TrackerOpened);
    (stage.info_hash, stage.our_id) = stage.announced();
    let offer_id = stage.last_announce().0.offers[0].offer_id;
    stage.wait(Duration::from_millis(700));
    stage.answer(peer(1), offer_id);
    assert!(stage.wanted.iter().any(|output| matches!(output, Output::Accept { .. })));
}

#[test]
fn the_first_word_waits_half_a_second_for_slow_offers_which_go_with_the_next() {
    let mut stage = live_viewer();
    stage.tell(Input::TrackerOpened);
    let offers: Vec<LinkId> = stage.offers().collect();
    gathered(&mut stage, &offers[1..]);
    let is_told =
        |stage: &Stage| stage.wanted.iter().any(|output| matches!(output, Output::TellTracker(_)));
    assert!(!is_told(&stage));
    stage.wait(Duration::from_millis(600));
    assert_eq!(stage.last_announce().0.offers.len(), offers.len() - 1);
    gathered(&mut stage, &offers[..1]);
    assert_eq!(stage.last_announce().0.offers.len(), 1);
}

#[test]
fn a_browser_that_makes_no_connection_is_not_asked_without_end() {
    let (mut stage, mut at) = (live_viewer(), 0);
    // As the driver does where the browser throws: at once, before anything else happens.
    let mut refuse = |stage: &mut Stage| {
        while let Some(output) = stage.wanted.get(at).cloned() {
            at += 1;
            if let Output::Offer { link } = output {
                stage.tell(Input::Disconnected { link });
            }
            assert!(stage.offers().count() < 100, "{} offers", stage.offers().count());
        }
    };
    refuse(&mut stage);
    stage.is_counted(9);
    for _ in 0..600 {
        stage.wait(Duration::from_millis(100));
        refuse(&mut stage);
    }
}

#[test]
fn answers_beyond_the_bound_are_not_taken() {
    let mut stage = Stage::live(6, 60);
    let told = stage.last_announce().0.offers;
    let offers: Vec<OfferId> = told.iter().map(|offer| offer.offer_id).collect();
    let mut met = 0;
    for no in 0..60 {
        if let Some(link) = stage.takes_offer(peer(no), SDP) {
            stage.tell(Input::Answered { link, sdp: SDP.to_owned() });
            stage.tell(Input::Connected { link });
            met += 1;
        }
    }
    for (no, offer_id) in (100..).zip(offers) {
        stage.answer(peer(no), offer_id);
    }
    let taken = stage.wanted.iter().filter(|output| matches!(output, Output::Accept { .. }));
    assert_eq!(met + taken.count(), LINKS);
}
