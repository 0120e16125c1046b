//! One viewer and peers whose every word is written here: what it may ask, what it gives, and what misdeeds cost them.

mod close;
mod giving;
mod lists;
mod live;
mod meeting;
mod mirrors;
mod next;
mod owners;
mod pieces;
mod servers;
mod slow;

mod stage;

use std::time::Duration;

use swarm::limits::OFFERS_AT_ONCE;
use swarm::{Body, Heard, Hindrance, Input, LinkId, Output, Sharing, Span, Time};
use wire::peer::{Command, MESSAGE_BYTES, PeerId};
use wire::pieces::PIECE;

use stage::{
    HIGH, LONG_BYTES, LOW, MASTER_WITHOUT_DIGESTS, SDP, SEGMENT_BYTES, SEGMENTS, Stage, checked,
    digest,
};

#[test]
fn what_a_peer_holds_is_asked_of_it_and_played_after_its_digest_is_checked() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    let before = stage.wanted.len();
    stage.tell(Input::Received { link, bytes: 30_000 });
    let id = stage.check();
    let appends = |stage: &Stage| {
        stage.wanted[before..]
            .iter()
            .any(|output| matches!(output, Output::Append { request, .. } if *request == id))
    };
    assert!(!appends(&stage));
    stage.tell(checked(id, digest(segment as usize)));
    assert!(appends(&stage));
    let news = stage.said(link).into_iter().rev().find_map(|command| match command {
        Command::SegmentsAnnouncement { loaded, .. } => Some(loaded),
        _ => None,
    });
    assert!(news.unwrap().contains(&segment), "the others are told");
    assert_eq!(stage.engine.stats(Time::at(stage.now)).p2p_bytes, SEGMENT_BYTES);
}

#[test]
fn wrong_bytes_are_neither_played_nor_passed_on_and_their_giver_is_not_met_again() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    stage.tell(Input::Received { link, bytes: 30_000 });
    let id = stage.check();
    stage.tell(checked(id, [0; 32]));
    assert!(stage.is_dropped(link) && stage.wanted.contains(&Output::Forget(id)));
    assert!(
        !stage
            .wanted
            .iter()
            .any(|output| matches!(output, Output::Append { request, .. } if *request == id))
    );
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.rejected_pieces, stats.p2p_bytes, stats.peers), (1, 0, 0));
    assert_eq!(stage.takes_offer(HIGH, SDP), None);
    assert!(stage.takes_offer(LOW, SDP).is_some(), "others are");
}

/// Whether a peer that was asked for a segment is dropped for what it then does.
#[track_caller]
fn check(is_dropped: bool, does: impl Fn(&mut Stage, LinkId, u64, u64)) {
    let (mut stage, link, segment, request) = Stage::asking();
    does(&mut stage, link, segment, request);
    assert_eq!(stage.is_dropped(link), is_dropped, "{:?}", stage.wanted.last());
    if is_dropped {
        assert_eq!(stage.takes_offer(HIGH, SDP), None, "it isn't met again");
    }
}

#[test]
fn a_header_with_another_length_ends_the_connection() {
    check(true, |stage, link, segment, request| {
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES + 1, request });
    });
    check(false, |stage, link, segment, request| {
        stage.say(link, &Command::SegmentData { segment, size: 7, request: request + 1 });
    });
}

#[test]
fn an_empty_segment_is_not_asked_for_again_but_the_peer_stays() {
    let (mut stage, link, segment, request) = Stage::asking();
    for _ in 0..30 {
        stage.say(link, &Command::SegmentData { segment, size: 0, request });
        let all: Vec<u64> = (0..SEGMENTS as u64).collect();
        stage.say(
            link,
            &Command::SegmentsAnnouncement { loaded: all, loading: Vec::new(), hello: None },
        );
        stage.wait(Duration::from_secs(1));
    }
    let again = stage.said(link).iter().filter(|command| matches!(command, Command::SegmentRequest { segment: no, .. } if *no == segment)).count();
    assert_eq!(
        (
            again,
            stage.wanted.iter().filter(|output| matches!(output, Output::Accept { .. })).count()
        ),
        (1, 1)
    );
}

#[test]
fn more_bytes_than_said_end_the_connection() {
    check(true, |stage, link, segment, request| {
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
        stage.tell(Input::Received { link, bytes: 65_000 });
        stage.tell(Input::Received { link, bytes: 65_000 });
    });
}

#[test]
fn bytes_that_nobody_asked_for_end_the_connection_when_they_are_many() {
    let send = |times| {
        move |stage: &mut Stage, link, _, _| {
            (0..times).for_each(|_| stage.tell(Input::Received { link, bytes: 65_000 }))
        }
    };
    check(false, send(10));
    check(true, send(17));
}

#[test]
fn a_message_longer_than_any_that_is_allowed_ends_the_connection() {
    check(true, |stage, link, _, _| stage.tell(Input::Received { link, bytes: 200_000 }));
    check(false, |stage, link, _, _| {
        stage.tell(Input::Received { link, bytes: MESSAGE_BYTES as u64 })
    });
}

#[test]
fn a_flood_of_commands_or_of_tiny_messages_ends_the_connection() {
    let announce = |times| {
        move |stage: &mut Stage, link, _, _| {
            let command = Command::announcement(0, [], []);
            (0..times).for_each(|_| stage.say(link, &command));
        }
    };
    check(false, announce(150));
    check(true, announce(300));
    check(true, |stage, link, _, _| {
        (0..300).for_each(|_| stage.tell(Input::Received { link, bytes: 1 }))
    });
}

#[test]
fn a_peer_that_only_talks_gibberish_is_left() {
    let talk = |times| {
        move |stage: &mut Stage, link, _, _| {
            (0..times)
                .for_each(|_| stage.tell(Input::Said { link, message: b"cstr\x01cend".to_vec() }));
        }
    };
    check(false, talk(4));
    check(true, talk(5));
}

#[test]
fn a_completion_before_the_last_byte_is_forgiven_once() {
    let cut_short = |stage: &mut Stage, link, segment, request| {
        stage.say(link, &Command::SegmentDataSendingCompleted { segment, request });
    };
    check(false, cut_short);
    check(true, |stage, link, segment, request| {
        cut_short(stage, link, segment, request);
        let (segment, request) = stage.request_to(link).unwrap();
        cut_short(stage, link, segment, request);
    });
}

#[test]
fn a_silent_peer_is_given_up_after_two_seconds_and_left_the_second_time() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.wait(Duration::from_millis(2_200));
    assert!(stage.said(link).contains(&Command::CancelSegmentRequest { segment, request }));
    assert!(!stage.is_dropped(link));
    stage.wait(Duration::from_secs(6));
    assert!(stage.is_dropped(link));
}

#[test]
fn a_peer_that_always_stalls_is_left_although_its_beginnings_are_right() {
    let (mut stage, link) = Stage::connected();
    for _ in 0..2 {
        let (segment, request) = stage.request_to(link).expect("the peer is asked");
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
        let before = stage.wanted.len();
        stage.tell(Input::Received { link, bytes: 50_000 });
        stage.wait(Duration::from_millis(2_300));
        stage.tell(Input::Played {
            position: Duration::ZERO,
            buffered: Vec::new(),
            is_starved: true,
            speed: 1.0,
        });
        let asked = stage.server_is_asked(before, segment);
        let (request, length) = asked.expect("the rest is asked of the server");
        let (url, took) = ("http://a/m.mp4".to_owned(), Duration::from_millis(50));
        stage.tell(Input::Fetched { request, url, body: Body::Held(length), took });
        let whole = stage.check();
        stage.tell(checked(whole, digest(segment as usize)));
        stage.wait(Duration::from_secs(4));
    }
    assert!(stage.is_dropped(link));
    assert_eq!(stage.engine.stats(Time::at(stage.now)).rejected_pieces, 0);
}

#[test]
fn what_a_peer_left_unfinished_is_gone_on_with_from_there() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 50_000 });
    let before = stage.wanted.len();
    stage.tell(Input::Disconnected { link });
    stage.wait(Duration::from_secs(5));
    let (rest, bytes) = stage.server_is_asked(before, segment).expect("the rest is asked for");
    assert_eq!(bytes, SEGMENT_BYTES - 50_000);
    let (url, took) = ("http://a/m.mp4".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request: rest, url, body: Body::Held(bytes), took });
    let joined = stage.wanted[before..].iter().find_map(|output| match output {
        Output::Join { parts, .. } => Some(parts.clone()),
        _ => None,
    });
    let joined = joined.expect("both parts are joined");
    assert_eq!((joined[0].1, joined[1]), (50_000, (rest, bytes)));
}

#[test]
fn where_both_sides_offered_the_offer_of_the_lower_id_stands() {
    #[track_caller]
    fn check(peer: PeerId, is_ours_kept: bool) {
        let mut stage = Stage::with(2);
        let (ours, offer_id) = stage.offer();
        let theirs = stage.takes_offer(peer, SDP).expect("their offer is taken");
        stage.tell(Input::Answered { link: theirs, sdp: SDP.to_owned() });
        stage.answer(peer, offer_id);
        assert_eq!(
            (stage.is_dropped(theirs), stage.is_dropped(ours)),
            (is_ours_kept, !is_ours_kept)
        );
    }
    check(HIGH, true);
    check(LOW, false);
}

#[test]
fn an_offer_of_pictures_or_of_somebody_known_is_not_taken() {
    let (mut stage, _) = Stage::connected();
    assert_eq!(stage.takes_offer(HIGH, SDP), None, "it is connected already");
    assert_eq!(stage.takes_offer(LOW, "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"), None);
    assert!(stage.takes_offer(LOW, SDP).is_some());
}

#[test]
fn however_many_offer_the_connections_have_a_bound_and_none_is_waited_for_for_long() {
    let mut stage = Stage::with(200);
    let peer = |no: u8| PeerId([no; 20]);
    let takes = |stage: &mut Stage, numbers: std::ops::Range<u8>| {
        numbers.filter_map(|no| stage.takes_offer(peer(no), SDP)).count()
    };
    assert_eq!(takes(&mut stage, 0..100), swarm::limits::LINKS);
    stage.wait(Duration::from_secs(9));
    assert_eq!(
        takes(&mut stage, 100..200),
        swarm::limits::LINKS,
        "those that came to nothing made room"
    );
}

#[test]
fn a_refused_announcement_is_a_hindrance_and_a_refused_answer_is_none() {
    let mut stage = Stage::with(1);
    stage.tell(Input::TrackerSaid(Heard::Refused));
    assert_eq!(stage.hindrance(), None);
    stage.wait(Duration::from_secs(121));
    stage.tell(Input::TrackerSaid(Heard::Refused));
    assert_eq!(stage.hindrance(), Some(Hindrance::Tracker));
}

#[test]
fn a_hindrance_is_taken_back_when_sharing_is_turned_off() {
    let mut stage = Stage::with(1);
    stage.tell(Input::TrackerClosed);
    assert_eq!(stage.hindrance(), Some(Hindrance::Tracker));
    stage.tell(Input::Permitted(Sharing::Off));
    assert_eq!(stage.hindrance(), None);
}

#[test]
fn the_tracker_is_met_while_the_master_playlist_is_on_its_way_by_who_shares_and_has_pressed_play() {
    let meets = |sharing, is_started| {
        let mut stage = Stage::new();
        stage.tell(Input::Permitted(sharing));
        stage.open();
        if is_started {
            stage.tell(Input::Started);
        }
        stage.wanted.contains(&Output::OpenTracker)
    };
    let kinds = [Sharing::Off, Sharing::Receive, Sharing::Full];
    assert_eq!(kinds.map(|sharing| meets(sharing, true)), [false, true, true]);
    assert!(!meets(Sharing::Full, false));
}

#[test]
fn who_comes_to_a_live_stream_tells_the_tracker_offers_with_the_first_word() {
    let mut stage = Stage::new();
    stage.tell(Input::Permitted(Sharing::Full));
    stage.open();
    stage.tell(Input::Started);
    stage.fetched(".m3u8", Body::Text(MASTER_WITHOUT_DIGESTS.to_owned()));
    stage.fetched("a.m3u8", Body::Text(stage::live(6)));
    stage.tell(Input::TrackerOpened);
    let is_told =
        |stage: &Stage| stage.wanted.iter().any(|output| matches!(output, Output::TellTracker(_)));
    let offers: Vec<LinkId> = stage.offers().collect();
    assert_eq!(offers.len(), OFFERS_AT_ONCE);
    for link in offers {
        assert!(!is_told(&stage), "it waits for all offers");
        stage.tell(Input::Offered { link, sdp: SDP.to_owned() });
    }
    assert_eq!(stage.last_announce().0.offers.len(), OFFERS_AT_ONCE);
}

#[test]
fn a_lone_viewer_makes_no_connection() {
    let stage = Stage::with(1);
    assert!(!stage.wanted.iter().any(|output| matches!(output, Output::Offer { .. })));
}

#[test]
fn turning_giving_off_tells_everybody_and_refuses_what_was_asked() {
    let (mut stage, link) = Stage::connected();
    stage.tell(Input::Permitted(Sharing::Receive));
    let empty =
        Command::SegmentsAnnouncement { loaded: Vec::new(), loading: Vec::new(), hello: None };
    assert_eq!(stage.said(link).last(), Some(&empty));
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 5, offset: 0 });
    assert_eq!(stage.said(link).last(), Some(&Command::SegmentAbsent { segment: 0, request: 5 }));
}

#[test]
fn turning_sharing_off_ends_everything() {
    let (mut stage, link) = Stage::connected();
    stage.tell(Input::Permitted(Sharing::Off));
    assert!(stage.is_dropped(link) && stage.wanted.contains(&Output::CloseTracker));
    let told = stage.last_announce().0;
    assert_eq!((told.event, told.peer_id), (wire::announce::Event::Stopped, stage.our_id));
    let before = stage.wanted.len();
    stage.tell(Input::Played {
        position: Duration::from_secs(1),
        buffered: vec![Span { start: Duration::ZERO, end: Duration::from_secs(4) }],
        is_starved: false,
        speed: 1.0,
    });
    stage.wait(Duration::from_secs(5));
    let is_sharing = |output: &Output| !matches!(output, Output::Fetch { .. } | Output::Report(_));
    assert!(!stage.wanted[before..].iter().any(is_sharing), "{:?}", &stage.wanted[before..]);
}

#[test]
fn a_viewer_whose_server_is_busy_sleeps_until_there_is_something_to_decide() {
    let mut stage = Stage::with(1);
    stage.tell(Input::Seeked { position: Duration::from_millis(7_800) });
    let (end, mut wakes) = (Time::at(stage.now + Duration::from_secs(1)), 0);
    while let Some(deadline) = stage.engine.next_deadline().filter(|deadline| deadline.at < end) {
        stage.now = deadline.at.since(Time::default());
        stage.tell(Input::Woken);
        wakes += 1;
    }
    assert!(wakes < 20, "{wakes} times in a second");
}

#[test]
fn what_a_peer_announces_and_always_refuses_is_not_waited_for() {
    let mut stage = Stage::with(3);
    let all: Vec<u64> = (0..SEGMENTS as u64).collect();
    let link = stage.meet_extended(HIGH, 20_000, &all);
    let before = stage.wanted.len();
    for _ in 0..3 {
        let (segment, request) = stage.part_asked_of(link).expect("the peer is asked");
        stage.say(link, &Command::SegmentAbsent { segment, request });
        stage.wait(Duration::from_millis(500));
    }
    stage.wait(Duration::from_millis(500));
    assert!(stage.server_is_asked(before, 1).is_some(), "{:?}", &stage.wanted[before..]);
    assert!(!stage.is_dropped(link), "having too much to do is no crime");
}

#[test]
fn who_plays_faster_asks_the_server_sooner() {
    let asked = |speed: f64| {
        let mut stage = Stage::with(3);
        let all: Vec<u64> = (1..SEGMENTS as u64).collect();
        stage.meet_who_says(HIGH, 20_000, [&[], &all]);
        let before = stage.wanted.len();
        stage.tell(Input::Played {
            position: Duration::from_secs(1),
            buffered: vec![Span { start: Duration::ZERO, end: Duration::from_secs(4) }],
            is_starved: false,
            speed,
        });
        stage.server_is_asked(before, 1).is_some()
    };
    assert_eq!([asked(1.0), asked(8.0), asked(f64::NAN)], [false, true, false]);
}

#[test]
fn with_more_neighbours_than_are_looked_for_those_of_least_use_are_left_one_by_one() {
    let mut stage = Stage::with(60);
    let links: Vec<LinkId> =
        (0..20).map(|no| stage.meet_extended(PeerId::from_random([no; 12]), 5_000, &[])).collect();
    let left = |stage: &Stage| links.iter().filter(|link| stage.is_dropped(**link)).count();
    stage.wait(Duration::from_secs(19));
    assert_eq!(left(&stage), 0, "each has time to be of use");
    stage.wait(Duration::from_secs(3));
    assert_eq!(left(&stage), 1);
    stage.wait(Duration::from_secs(60));
    assert_eq!(left(&stage), 20 - swarm::limits::NEIGHBOURS);
    let gone = links.iter().find(|link| stage.is_dropped(**link)).expect("one was left");
    assert_eq!(stage.said(*gone).last(), Some(&Command::Bye));
}

/// A peer that was asked for the second segment, and a server that sends the third: after `does`, the second has to come from the
/// server, and is asked for before playback reaches it.
#[track_caller]
fn check_asked_in_time(does: impl Fn(&mut Stage, LinkId)) {
    let mut stage = Stage::with(3);
    let link = stage.meet_extended(HIGH, 20_000, &[1]);
    assert!(stage.server_is_asked(0, 2).is_some());
    does(&mut stage, link);
    play_first(&mut stage);
    assert!(stage.server_is_asked(0, 1).is_some(), "{:?}", stage.wanted);
}

/// The first segment plays almost to its end.
fn play_first(stage: &mut Stage) {
    for no in 1..80 {
        stage.now += Duration::from_millis(50);
        let buffered = vec![Span { start: Duration::ZERO, end: Duration::from_secs(4) }];
        let position = Duration::from_millis(no * 50);
        stage.tell(Input::Played { position, buffered, is_starved: false, speed: 1.0 });
    }
}

/// All of the segment that the peer was asked for is there, and wrong.
fn lie(stage: &mut Stage, link: LinkId) {
    let (segment, request) = stage.part_asked_of(link).expect("who holds it is asked");
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    stage.tell(Input::Received { link, bytes: 30_000 });
    let check = stage.check();
    stage.tell(checked(check, [0; 32]));
    assert!(stage.is_dropped(link));
}

#[test]
fn what_only_the_server_may_send_is_asked_for_in_time_while_it_sends_a_later_segment() {
    check_asked_in_time(|stage, _| stage.tell(Input::Permitted(Sharing::Off)));
    check_asked_in_time(lie);
}

#[test]
fn a_segment_of_which_wrong_bytes_came_is_asked_of_no_peer_again() {
    let mut stage = Stage::long(9);
    let liar = stage.meet_extended(HIGH, 20_000, &[1]);
    let (segment, request) = stage.part_asked_of(liar).expect("who holds it is asked");
    stage.say(liar, &Command::SegmentData { segment, size: LONG_BYTES, request });
    let messages = LONG_BYTES / PIECE;
    (0..messages).for_each(|_| stage.tell(Input::Received { link: liar, bytes: PIECE }));
    let request = stage.check();
    stage.tell(Input::Checked { request, bytes: 0..LONG_BYTES, digest: [0; 32] });
    assert!(stage.is_dropped(liar));
    let honest = stage.meet_extended(LOW, 20_000, &[1]);
    let mut at = 0;
    let request = (0..100).find_map(|_| {
        stage.plays(Duration::from_secs(1));
        at += 1;
        let output = stage.wanted.get(at - 1)?.clone();
        let Output::Fetch { request, range: Some(range), .. } = output else { return None };
        if range.last() >= 9 + LONG_BYTES {
            return Some(request);
        }
        let (url, took) = ("http://a/m.mp4".to_owned(), Duration::from_millis(50));
        stage.tell(Input::Fetched { request, url, body: Body::Held(range.length), took });
        stage.tell(Input::Updated);
        None
    });
    let request = request.expect("the server is asked");
    for tick in 1..20 {
        stage.now += Duration::from_millis(100);
        stage.tell(Input::Progressed { request, bytes: tick * 1_000 });
    }
    assert_eq!(stage.part_asked_of(honest), None, "however slow the server is");
}

#[test]
fn nobody_is_blamed_for_what_came_while_the_page_slept() {
    let (mut stage, link, segment, request) = Stage::asking();
    let cancel = Command::CancelSegmentRequest { segment, request };
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.now += Duration::from_secs(3);
    stage.tell(Input::Woken);
    assert!(!stage.said(link).contains(&cancel), "what it gave is still to be told");
    stage.wait(Duration::from_millis(2_200));
    assert!(stage.said(link).contains(&cancel), "there was nothing");
}
