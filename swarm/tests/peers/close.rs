//! What is needed soon of a live stream: how much the server is asked for first, and how peers are asked for what follows.

use std::time::Duration;

use swarm::limits::{CLOSE_BYTES, FALLEN_SILENT, FIRST_COMERS, SERVER_FETCHES};
use swarm::{Body, Config, Event, Failure, Input, LinkId, Output, RequestId, Sharing};
use wire::peer::{Command, PeerId};
use wire::pieces::PIECE;
use wire::playlist::ByteRange;

use crate::pieces::{play, play_by};
use crate::stage::{
    LONG_BYTES, MASTER_WITHOUT_DIGESTS, Stage, live_in_pieces, media, media_in_pieces,
    signed_master,
};

/// The segment that a viewer of `live_in_pieces(0)` sees first.
const FIRST: u64 = 27;
/// Pieces of it.
const ALL: u64 = LONG_BYTES / PIECE;
/// So many of which are on at first: half a second.
const BEGUN: u64 = 3;
/// How long one of them plays, in milliseconds.
const PIECE_MS: u64 = 4_000 / ALL;
/// Up to here a peer is asked for what is needed soon, and the next one goes on.
const CLOSE: u64 = BEGUN + CLOSE_BYTES / PIECE;
const NEXT_CLOSE: u64 = CLOSE + CLOSE_BYTES / PIECE;

/// A viewer of whose first segment so many pieces are on, in a swarm of nine.
fn begun() -> Stage {
    let mut stage = Stage::begun_live();
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(FIRST as usize);
    stage
}

fn meet(stage: &mut Stage, no: u8, kbps: u64) -> LinkId {
    stage.meet_extended(PeerId::from_random([no; 12]), kbps, &[FIRST])
}

/// What was asked of a peer of the first segment: the request, and pieces of it.
fn asked(stage: &Stage, link: LinkId) -> Vec<(u64, u64, u64)> {
    let parts = stage.said(link).into_iter().filter_map(|command| match command {
        Command::PartRequest { segment: FIRST, request, start, end, .. } => {
            Some((request, start / PIECE, end / PIECE))
        }
        _ => None,
    });
    parts.collect()
}

fn stretches(stage: &Stage, link: LinkId) -> Vec<(u64, u64)> {
    asked(stage, link).into_iter().map(|(_, start, end)| (start, end)).collect()
}

/// What the server is asked for of the first segment after so many outputs.
fn first_asked(stage: &Stage, before: usize) -> Option<ByteRange> {
    stage.wanted[before..].iter().find_map(|output| match output {
        Output::Fetch { uri, range: Some(range), .. } if uri.ends_with("27.m4s") => Some(*range),
        _ => None,
    })
}

/// A viewer who has pressed play, whose playlist took so many milliseconds.
fn opening(latency: u64, media: &str) -> Stage {
    let (mut stage, took) = (Stage::new(), Duration::from_millis(latency));
    stage.tell(Input::Permitted(Sharing::Full));
    stage.open();
    stage.fetched(".m3u8", Body::Text(signed_master()));
    stage.fetched_after(took, "a.m3u8", Body::Text(media.to_owned()));
    stage.tell(Input::Prepared);
    stage.tell(Input::Started);
    stage
}

/// How many pieces the server is asked for before anything plays, where an answer takes so long.
fn head(latency: u64) -> u64 {
    let stage = opening(latency, &live_in_pieces(0));
    first_asked(&stage, 0).expect("the beginning is asked for").length / PIECE
}

#[test]
fn the_first_picture_comes_with_as_much_as_plays_until_the_server_has_sent_more() {
    assert_eq!([head(50), head(150), head(2_000)], [BEGUN, 4, ALL / 4], "a quarter at most");
}

#[test]
fn what_is_needed_soon_is_asked_for_in_small_stretches_of_whoever_is_met_next() {
    let mut stage = begun();
    let links: Vec<LinkId> = (1..4).map(|no| meet(&mut stage, no, 5_000)).collect();
    let asked: Vec<_> = links.iter().map(|link| stretches(&stage, *link)).collect();
    assert_eq!(asked[..2], [[(BEGUN, CLOSE)], [(CLOSE, NEXT_CLOSE)]]);
    let (_, end) = asked[2][0];
    assert_eq!(end, ALL, "what is needed later isn't cut");
}

#[test]
fn while_who_was_asked_is_silent_others_are_asked_too_and_who_brings_something_goes_on() {
    let mut stage = begun();
    let silent = meet(&mut stage, 1, 5_000);
    let (request, ..) = asked(&stage, silent)[0];
    let size = CLOSE_BYTES;
    stage.say(silent, &Command::SegmentData { segment: FIRST, size, request });
    stage.wait(Duration::from_millis(110));
    let next = meet(&mut stage, 2, 5_000);
    stage.wait(Duration::from_millis(10));
    assert_eq!(stretches(&stage, next)[0], (BEGUN, CLOSE));
    let (second, ..) = asked(&stage, next)[0];
    stage.say(next, &Command::SegmentData { segment: FIRST, size, request: second });
    let cancel = Command::CancelSegmentRequest { segment: FIRST, request };
    assert!(!stage.said(silent).contains(&cancel), "it may be the first yet");
    stage.tell(Input::Received { link: next, bytes: PIECE / 2 });
    assert!(stage.said(silent).contains(&cancel));
}

#[test]
fn no_more_than_three_are_asked_for_the_same() {
    let mut stage = begun();
    let mut asked = 0;
    for no in 1..8 {
        let link = meet(&mut stage, no, 5_000);
        stage.wait(Duration::from_millis(110));
        asked += usize::from(stretches(&stage, link).contains(&(BEGUN, CLOSE)));
    }
    assert_eq!(asked, 3);
}

/// What is asked first of a peer that is met so long after another has brought half of what it was asked for.
fn asked_beside_half(after: Duration) -> (u64, u64) {
    let mut stage = begun();
    let silent = meet(&mut stage, 1, 5_000);
    let (request, ..) = asked(&stage, silent)[0];
    stage.say(silent, &Command::SegmentData { segment: FIRST, size: CLOSE_BYTES, request });
    (0..2).for_each(|_| stage.tell(Input::Received { link: silent, bytes: CLOSE_BYTES / 4 }));
    stage.check_further_pieces(FIRST as usize);
    stage.wait(after);
    let next = meet(&mut stage, 2, 5_000);
    stretches(&stage, next)[0]
}

#[test]
fn who_brought_something_and_falls_silent_is_not_waited_for_either() {
    let asked = [FALLEN_SILENT / 2, FALLEN_SILENT].map(asked_beside_half);
    assert_eq!(asked, [(CLOSE, NEXT_CLOSE), (BEGUN.midpoint(CLOSE), CLOSE)]);
}

#[test]
fn who_has_no_more_than_a_beginning_is_asked_in_place_of_a_silent_one_for_what_it_has() {
    let mut stage = begun();
    let silent = meet(&mut stage, 1, 5_000);
    let others = [2, 3].map(|no| stage.meet_extended(PeerId::from_random([no; 12]), 5_000, &[]));
    for (other, pieces) in others.into_iter().zip([0..BEGUN, 0..BEGUN + 1]) {
        let pieces = pieces.collect();
        stage.say(other, &Command::Pieces { segment: FIRST, piece_bytes: PIECE, pieces });
    }
    assert_eq!(stretches(&stage, silent)[0], (BEGUN, CLOSE));
    stage.wait(Duration::from_millis(110));
    let asked = others.map(|other| stretches(&stage, other).first().map(|(start, _)| *start));
    assert_eq!(asked, [None, Some(BEGUN)]);
}

/// What the server is asked for first beyond the beginning that is on, by a viewer among so many others who say nothing: pieces.
fn asked_of_the_server(others: usize) -> u64 {
    let mut stage = Stage::begun_live();
    stage.is_counted_live(others + 1);
    stage.verify();
    stage.check_pieces(FIRST as usize);
    let before = stage.wanted.len();
    (1..13).for_each(|tick| play(&mut stage, FIRST as usize, tick * 50, BEGUN * PIECE));
    first_asked(&stage, before).expect("what follows is asked for").length / PIECE
}

#[test]
fn the_first_of_a_crowd_fetch_for_those_who_follow() {
    let asked = [FIRST_COMERS - 1, FIRST_COMERS].map(asked_of_the_server);
    assert_eq!(asked, [ALL - BEGUN, 1]);
}

#[test]
fn whoever_s_turn_it_is_fetches_all_of_a_segment_though_others_were_met_a_moment_ago() {
    let mut stage = Stage::begun_live();
    stage.is_counted_live(FIRST_COMERS + 1);
    stage.verify();
    stage.check_pieces(FIRST as usize);
    meet(&mut stage, 1, 5_000);
    stage.wait(Duration::from_secs(3));
    let next = stage.wanted.iter().find_map(|output| match output {
        Output::Fetch { uri, range: Some(range), .. } if uri.ends_with("28.m4s") => Some(*range),
        _ => None,
    });
    assert_eq!(next.map(|range| (range.start, range.length)), Some((0, LONG_BYTES)));
}

/// How many milliseconds have played of what is on when the server is asked for what follows it, where somebody who was met after so
/// many was asked and is silent; before which it may have said that it gives that.
fn raced_after(met: u64, promises: bool) -> u64 {
    let mut stage = begun();
    let before = stage.wanted.len();
    let raced = (1..60).map(|tick| tick * 10).find(|millis| {
        if *millis == met {
            let silent = meet(&mut stage, 1, 5_000);
            let (request, start, end) = asked(&stage, silent)[0];
            let size = (end - start) * PIECE;
            if promises {
                stage.say(silent, &Command::SegmentData { segment: FIRST, size, request });
            }
        }
        play_by(&mut stage, FIRST as usize, Duration::from_millis(10), *millis, BEGUN * PIECE);
        first_asked(&stage, before).is_some()
    });
    raced.expect("the server is asked")
}

#[test]
fn who_was_asked_just_now_is_given_a_moment_before_the_server_is_asked_for_the_same() {
    let [long_ago, just_now] = [10, 200].map(|met| raced_after(met, false));
    assert!(just_now >= long_ago + 80, "{long_ago} {just_now}");
}

#[test]
fn who_has_said_that_it_gives_something_and_is_silent_is_not_given_longer_than_others() {
    let [others, promises] = [false, true].map(|promises| raced_after(10, promises));
    assert!(promises <= others + 10, "{others} {promises}");
}

/// What the server is asked for while the beginning plays and nothing comes, whether or not a peer was asked: pieces, and when.
fn asked_meanwhile(is_met: bool) -> Vec<(u64, ByteRange)> {
    let mut stage = begun();
    if is_met {
        meet(&mut stage, 1, 5_000);
    }
    let mut asked = Vec::new();
    for millis in (1..BEGUN * PIECE_MS / 10).map(|tick| tick * 10) {
        let before = stage.wanted.len();
        play_by(&mut stage, FIRST as usize, Duration::from_millis(10), millis, BEGUN * PIECE);
        asked.extend(first_asked(&stage, before).map(|range| (millis, range)));
    }
    asked
}

#[test]
fn the_server_is_asked_for_the_next_piece_while_it_still_sends_the_one_before() {
    for is_met in [false, true] {
        let asked = asked_meanwhile(is_met);
        let pieces = asked.iter().map(|(_, range)| (range.start / PIECE, range.length / PIECE));
        assert_eq!(pieces.collect::<Vec<_>>(), [(BEGUN, 1), (BEGUN + 1, 1)]);
        let between = asked[1].0 - asked[0].0;
        assert!((PIECE_MS - 20..=PIECE_MS + 20).contains(&between), "{asked:?}");
    }
}

/// A viewer of the better of two qualities, whom the server is about to send two pieces that follow the beginning; and the requests.
fn waiting_for_two() -> (Stage, [RequestId; 2]) {
    let lower =
        "#EXT-X-STREAM-INF:BANDWIDTH=60000,RESOLUTION=256x144,CODECS=\"avc1.640015\"\nb.m3u8\n";
    let mut stage = Stage::opened(&(signed_master() + lower), &live_in_pieces(0));
    stage.fetched("init.mp4", Body::Held(9));
    stage.beginning_came(Duration::from_millis(50));
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(FIRST as usize);
    for millis in (1..45).map(|tick| tick * 10) {
        play_by(&mut stage, FIRST as usize, Duration::from_millis(10), millis, BEGUN * PIECE);
    }
    let request = |piece: u64| {
        let asked = stage.wanted.iter().find_map(|output| match output {
            Output::Fetch { request, range: Some(range), .. } if range.start == piece * PIECE => {
                Some(*request)
            }
            _ => None,
        });
        asked.expect("the server is asked for the piece")
    };
    let requests = [request(BEGUN), request(BEGUN + 1)];
    (stage, requests)
}

#[test]
fn a_lower_quality_is_chosen_though_the_next_piece_is_under_way() {
    let (mut stage, [request, _]) = waiting_for_two();
    let before = stage.wanted.len();
    let (url, took) = ("http://a/27.m4s".to_owned(), Duration::from_secs(10));
    stage.tell(Input::Fetched { request, url, body: Body::Held(PIECE), took });
    assert!(stage.wanted[before..].contains(&Output::Report(Event::Switched(0))));
}

#[test]
fn pieces_that_fail_together_count_as_one_failure() {
    let (mut stage, requests) = waiting_for_two();
    let before = stage.wanted.len();
    for request in requests {
        stage.tell(Input::Failed { request, failure: Failure::Unreachable });
    }
    for millis in (45..130).map(|tick| tick * 10) {
        play_by(
            &mut stage,
            FIRST as usize,
            Duration::from_millis(10),
            millis.min(490),
            BEGUN * PIECE,
        );
    }
    let asked = stage.wanted[before..].iter().find_map(|output| match output {
        Output::Fetch { uri, .. } => Some(&**uri),
        _ => None,
    });
    assert_eq!(asked, Some("27.m4s"), "of the same quality again, a moment later");
}

#[test]
fn a_download_that_is_given_up_for_a_lower_quality_is_given_up_with_all_its_pieces() {
    let (mut stage, requests) = waiting_for_two();
    let given_up =
        |stage: &Stage| requests.map(|request| stage.wanted.contains(&Output::Cancel(request)));
    while given_up(&stage) == [false, false] {
        stage.wait(Duration::from_millis(50));
    }
    assert_eq!(given_up(&stage), [true, true], "at once");
}

/// What the server is asked for after the beginning of a stream of so many times the bits, which sends nothing more, where an answer has
/// taken so many milliseconds: pieces of each stretch.
fn stretches_asked(times: u64, latency: u64) -> Vec<u64> {
    let mut stage = opening(latency, &media_in_pieces(0, times * LONG_BYTES, false));
    stage.fetched("init.mp4", Body::Held(9));
    stage.beginning_came(Duration::from_millis(50));
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(FIRST as usize);
    for millis in (1..99).map(|tick| tick * 10) {
        play_by(&mut stage, FIRST as usize, Duration::from_millis(10), millis, 2 * BEGUN * PIECE);
    }
    let asked = stage.wanted.iter().filter_map(|output| match output {
        Output::Fetch { uri, range: Some(range), .. } if uri.ends_with("27.m4s") => Some(range),
        _ => None,
    });
    asked.filter(|range| range.start > 0).map(|range| range.length / PIECE).collect()
}

#[test]
fn of_more_bits_and_of_a_server_that_takes_longer_to_answer_more_pieces_are_asked_for_at_once() {
    let slices = [(1, 50), (8, 50), (8, 450)].map(|(times, latency)| {
        stretches_asked(times, latency).first().copied().expect("what follows is asked for")
    });
    assert_eq!(slices, [1, 8, 12]);
}

#[test]
fn a_server_that_sends_nothing_is_asked_for_no_more_than_two_stretches_at_once() {
    assert_eq!(stretches_asked(1, 300).len(), SERVER_FETCHES);
}

/// A viewer whose page says that it is a live stream, before anything has come.
fn expecting() -> Stage {
    let config = Config { seed: 1, expects_live: true, ..Config::default() };
    let mut stage = Stage::with_config(config);
    stage.tell(Input::Permitted(Sharing::Full));
    stage.open();
    stage.tell(Input::Started);
    stage
}

#[test]
fn where_the_page_says_that_it_is_live_offers_are_made_before_its_playlists_are_here() {
    let mut stage = expecting();
    let offers: Vec<LinkId> = stage.offers().collect();
    assert_eq!(offers.len(), swarm::limits::OFFERS_AT_ONCE);
    stage.is_offered();
    stage.tell(Input::TrackerOpened);
    stage.fetched(".m3u8", Body::Text(signed_master()));
    assert_eq!(stage.last_announce().0.offers.len(), offers.len(), "with the first word");
    stage.fetched("a.m3u8", Body::Text(live_in_pieces(0)));
    assert_eq!(stage.offers().count(), offers.len(), "once");
}

#[test]
fn a_driver_that_can_make_no_offers_is_asked_for_them_once() {
    let mut stage = expecting();
    let offers: Vec<LinkId> = stage.offers().collect();
    offers.iter().for_each(|link| stage.tell(Input::Disconnected { link: *link }));
    stage.wait(Duration::from_secs(5));
    assert_eq!(stage.offers().count(), offers.len());
}

#[test]
fn what_was_offered_to_a_stream_that_cannot_be_shared_is_taken_back() {
    for name in ["org.nobody.signed", "org.shoal.signed"] {
        let mut stage = expecting();
        let offers: Vec<LinkId> = stage.offers().collect();
        let named = format!("#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"{name}\",VALUE=\"no key\"");
        stage.fetched(".m3u8", Body::Text(MASTER_WITHOUT_DIGESTS.replace("#EXTM3U", &named)));
        stage.fetched("a.m3u8", Body::Text(media()));
        assert!(offers.iter().all(|link| stage.is_dropped(*link)), "{name}");
    }
}
