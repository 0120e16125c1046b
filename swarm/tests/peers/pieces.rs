//! Cut-through: pieces of a segment that isn't whole yet are checked one by one, played and passed on.

use std::time::Duration;

use swarm::{Body, Content, Input, LinkId, Output, Sharing, Span, Time};
use wire::peer::{Command, PeerId};
use wire::pieces::PIECE;
use wire::playlist::ByteRange;

use crate::stage::{LONG_BYTES, LONG_HEAD, SEGMENT_BYTES, Stage, live_in_pieces, piece};

/// The segment with which a viewer of the live stream begins.
const LIVE: usize = 27;
/// How long a segment plays.
const LONG: Duration = Duration::from_secs(4);

/// A giver that holds the second segment and was asked for it, somebody who has nothing, and what the request is called.
fn between() -> (Stage, LinkId, LinkId, u64) {
    let mut stage = Stage::in_pieces(9);
    let giver = stage.meet_extended(peer(2), 20_000, &[1]);
    let taker = stage.meet_extended(peer(1), 9_000, &[]);
    let (segment, request) = stage.part_asked_of(giver).expect("who holds it is asked");
    assert_eq!(segment, 1);
    let header = Command::SegmentData { segment, size: SEGMENT_BYTES, request };
    stage.say(giver, &header);
    (stage, giver, taker, request)
}

fn peer(no: u8) -> PeerId {
    PeerId::from_random([no; 12])
}

fn begun(pieces: u64) -> Command {
    Command::Pieces { segment: 1, piece_bytes: PIECE, pieces: (0..pieces).collect() }
}

fn ask(stage: &mut Stage, link: LinkId) {
    let (segment, request, start, end) = (1, 7, 0, SEGMENT_BYTES);
    let (needed_in, uplink_kbps) = (None, Some(20_000));
    stage.say(link, &Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps });
}

#[test]
fn a_piece_is_passed_on_before_the_next_has_come() {
    let (mut stage, giver, taker, _) = between();
    stage.tell(Input::Received { link: giver, bytes: PIECE / 4 * 3 });
    stage.check_pieces(1);
    assert!(!stage.said(taker).contains(&begun(1)), "not yet a piece");
    stage.tell(Input::Received { link: giver, bytes: PIECE / 4 * 3 });
    assert!(!stage.said(taker).contains(&begun(1)), "not before its digest is known");
    stage.check_pieces(1);
    assert!(stage.said(taker).contains(&begun(1)));
    ask(&mut stage, taker);
    let header = Command::SegmentData { segment: 1, size: SEGMENT_BYTES, request: 7 };
    assert!(stage.said(taker).contains(&header));
    assert_eq!(stage.gives(taker), PIECE);
    stage.tell(Input::Drained { link: taker });
    assert_eq!(stage.gives(taker), PIECE, "nothing that isn't there");
    stage.tell(Input::Received { link: giver, bytes: PIECE / 2 });
    assert_eq!(stage.gives(taker), PIECE, "nor what isn't checked");
    stage.check_pieces(1);
    assert_eq!(stage.gives(taker), 2 * PIECE);
    stage.tell(Input::Drained { link: taker });
    stage.tell(Input::Received { link: giver, bytes: SEGMENT_BYTES - 2 * PIECE });
    assert_eq!(stage.gives(taker), 2 * PIECE);
    stage.check_pieces(1);
    assert_eq!(stage.gives(taker), SEGMENT_BYTES);
    let end = Command::SegmentDataSendingCompleted { segment: 1, request: 7 };
    assert!(stage.said(taker).contains(&end));
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.p2p_bytes, stats.rejected_pieces), (SEGMENT_BYTES, 0));
}

#[test]
fn a_wrong_piece_costs_its_giver_the_connection_and_nothing_else() {
    let (mut stage, giver, taker, _) = between();
    stage.tell(Input::Received { link: giver, bytes: PIECE / 2 });
    stage.tell(Input::Received { link: giver, bytes: PIECE / 2 });
    let request = stage.check();
    let wrong = piece(2, true);
    stage.tell(Input::Checked { request, bytes: 0..PIECE, digest: wrong });
    assert!(stage.is_dropped(giver));
    assert!(!stage.said(taker).contains(&begun(1)));
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.p2p_bytes, stats.rejected_pieces), (0, 1));
}

#[test]
fn right_pieces_before_a_wrong_one_are_kept() {
    let (mut stage, giver, _, _) = between();
    stage.tell(Input::Received { link: giver, bytes: 40_000 });
    stage.tell(Input::Received { link: giver, bytes: 40_000 });
    stage.check_pieces(1);
    stage.tell(Input::Received { link: giver, bytes: 10_000 });
    let request = stage.check();
    let bytes = 2 * PIECE..SEGMENT_BYTES;
    stage.tell(Input::Checked { request, bytes, digest: piece(1, true) });
    assert!(stage.is_dropped(giver));
    let other = stage.meet_extended(peer(3), 20_000, &[1]);
    let said = stage.said(other);
    let asked = said.iter().find_map(|command| match command {
        Command::PartRequest { segment: 1, start, end, .. } => Some((*start, *end)),
        _ => None,
    });
    assert_eq!(asked, Some((2 * PIECE, SEGMENT_BYTES)), "only what is missing: {said:?}");
}

#[test]
fn what_the_server_sends_is_played_whatever_its_playlist_says_and_given_to_nobody() {
    let mut stage = Stage::in_pieces(9);
    let link = stage.meet_extended(peer(1), 9_000, &[]);
    let before = stage.wanted.len();
    stage.fetched("0-89999", Body::Held(SEGMENT_BYTES));
    let request = stage.check();
    stage.tell(Input::Checked { request, bytes: 0..PIECE, digest: piece(1, true) });
    for bytes in [PIECE..2 * PIECE, 2 * PIECE..SEGMENT_BYTES] {
        stage.tell(Input::Checked { request, bytes, digest: piece(9, true) });
    }
    let whole = Input::Checked { request, bytes: 0..SEGMENT_BYTES, digest: piece(9, true) };
    stage.tell(whole);
    let appended = |output: &Output| matches!(output, Output::Append { bytes, .. } if *bytes == (0..SEGMENT_BYTES));
    assert!(stage.wanted[before..].iter().any(appended));
    let again =
        |output: &&Output| matches!(output, Output::Fetch { uri, .. } if uri.ends_with("1.m4s"));
    assert_eq!(stage.wanted.iter().filter(again).count(), 1, "it isn't asked for again");
    ask(&mut stage, link);
    assert_eq!(stage.gives(link), 0);
    assert!(stage.said(link).contains(&Command::SegmentAbsent { segment: 1, request: 7 }));
}

/// A piece of the second segment is being compared when `does` happens; then the rest of it comes from the server, and plays.
#[track_caller]
fn check_not_waited_for(does: impl Fn(&mut Stage, swarm::RequestId)) {
    let mut stage = Stage::in_pieces(9);
    stage.meet_extended(peer(1), 9_000, &[]);
    let request = stage.wanted.iter().rev().find_map(|output| match output {
        Output::Fetch { request, uri, .. } if uri.ends_with("1.m4s") => Some(*request),
        _ => None,
    });
    let request = request.expect("the second segment is asked for");
    stage.tell(Input::Progressed { request, bytes: 70_000 });
    assert_eq!(stage.check(), request);
    let before = stage.wanted.len();
    does(&mut stage, request);
    let (url, took) = ("http://a/1.m4s".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request, url, body: Body::Held(SEGMENT_BYTES), took });
    let plays = |output: &Output| matches!(output, Output::Append { .. });
    assert!(stage.wanted[before..].iter().any(plays), "{:?}", &stage.wanted[before..]);
}

#[test]
fn a_digest_that_nobody_needs_any_more_is_not_waited_for() {
    check_not_waited_for(|stage, request| {
        stage.tell(Input::Permitted(swarm::Sharing::Off));
        stage.tell(Input::Checked { request, bytes: 0..PIECE, digest: piece(1, true) });
    });
    check_not_waited_for(|stage, _| stage.tell(Input::Unverifiable));
}

#[test]
fn who_has_only_begun_is_not_blamed_for_falling_silent() {
    let mut stage = Stage::in_pieces(9);
    let link = stage.meet_who_says(peer(1), 20_000, [&[], &[1, 2, 3]]);
    for segment in 1..4 {
        let pieces = Command::Pieces { segment, piece_bytes: PIECE, pieces: vec![0] };
        stage.say(link, &pieces);
        let (_, request) = stage.part_asked_of(link).expect("who has begun is asked");
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
        stage.tell(Input::Received { link, bytes: PIECE / 8 * 5 });
        stage.wait(Duration::from_secs(6));
    }
    assert!(!stage.is_dropped(link));
}

#[test]
fn a_message_that_is_too_long_spoils_no_piece_before_it() {
    let (mut stage, giver, _, _) = between();
    stage.tell(Input::Received { link: giver, bytes: 40_000 });
    stage.tell(Input::Received { link: giver, bytes: 40_000 });
    stage.check_pieces(1);
    stage.tell(Input::Received { link: giver, bytes: 60_000 });
    assert!(stage.is_dropped(giver));
    stage.check_pieces(1);
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.p2p_bytes, stats.rejected_pieces), (SEGMENT_BYTES, 0));
}

#[test]
fn a_beginning_that_the_element_refuses_is_not_put_on_again() {
    let mut stage = Stage::in_pieces(9);
    stage.tell(Input::Seeked { position: Duration::from_secs(20) });
    let asked = stage.wanted.iter().find_map(|output| match output {
        Output::Fetch { request, uri, .. } if uri.ends_with("5.m4s") => Some(*request),
        _ => None,
    });
    let request = asked.expect("the server is asked for what is needed now");
    stage.tell(Input::Progressed { request, bytes: 70_000 });
    stage.check_pieces(5);
    let begun = |stage: &Stage| {
        let is_it =
            |output: &&Output| matches!(output, Output::Append { content: Content::Head(_), .. });
        stage.wanted.iter().filter(is_it).count()
    };
    assert_eq!(begun(&stage), 1, "what has come is put on");
    stage.tell(Input::Rejected);
    stage.wait(Duration::from_secs(1));
    assert_eq!(begun(&stage), 1);
}

#[test]
fn who_was_to_be_given_what_comes_no_more_is_told_so() {
    let (mut stage, giver, taker, _) = between();
    stage.tell(Input::Received { link: giver, bytes: 40_000 });
    stage.tell(Input::Received { link: giver, bytes: 40_000 });
    stage.check_pieces(1);
    ask(&mut stage, taker);
    stage.tell(Input::Drained { link: taker });
    // The viewer jumps far away, so that the segment isn't wanted any more.
    stage.tell(Input::Seeked { position: Duration::from_secs(100) });
    assert!(stage.said(taker).contains(&Command::SegmentAbsent { segment: 1, request: 7 }));
}

#[test]
fn who_has_begun_is_asked_and_goes_on_giving_as_it_comes() {
    let mut stage = Stage::in_pieces(9);
    let link = stage.meet_who_says(peer(1), 20_000, [&[], &[1]]);
    assert_eq!(stage.part_asked_of(link), None, "it has nothing yet");
    stage.say(link, &begun(1));
    assert_eq!(stage.part_asked_of(link).map(|(segment, _)| segment), Some(1));
}

#[test]
fn pieces_of_another_size_or_that_there_can_t_be_are_of_no_use() {
    let mut stage = Stage::in_pieces(9);
    let link = stage.meet_who_says(peer(1), 20_000, [&[], &[1]]);
    stage.say(link, &Command::Pieces { segment: 1, piece_bytes: 16_384, pieces: vec![0, 1, 2] });
    let pieces = vec![SEGMENT_BYTES.div_ceil(PIECE), u64::MAX / PIECE, u64::MAX];
    stage.say(link, &Command::Pieces { segment: 1, piece_bytes: PIECE, pieces });
    assert_eq!(stage.part_asked_of(link), None);
}

#[test]
fn of_all_that_a_peer_tells_to_have_begun_the_latest_are_kept() {
    let mut stage = Stage::in_pieces(9);
    let loading: Vec<u64> = (1..30).collect();
    let link = stage.meet_who_says(peer(1), 20_000, [&[], &loading]);
    let tell = |stage: &mut Stage, segment| {
        stage.say(link, &Command::Pieces { segment, piece_bytes: PIECE, pieces: vec![0] });
    };
    tell(&mut stage, 1);
    let (_, request) = stage.part_asked_of(link).expect("who has begun is asked");
    tell(&mut stage, 2);
    // As many as are kept, so that the second is forgotten.
    (3..3 + swarm::limits::BEGUN as u64).for_each(|segment| tell(&mut stage, segment));
    stage.say(link, &Command::SegmentData { segment: 1, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    stage.tell(Input::Received { link, bytes: 30_000 });
    stage.check_pieces(1);
    assert_eq!(stage.part_asked_of(link).map(|(segment, _)| segment), Some(3));
}

/// Time passes, of which the viewer plays what is on; every piece of the first segment that came is right.
pub(crate) fn play(stage: &mut Stage, no: usize, millis: u64, on: u64) {
    play_by(stage, no, Duration::from_millis(50), millis, on);
}

/// The same, of which so much has passed since the last time.
pub(crate) fn play_by(stage: &mut Stage, no: usize, passes: Duration, millis: u64, on: u64) {
    let begins = LONG * no as u32;
    let plays = begins + Duration::from_millis(millis);
    stage.now += passes;
    let buffered =
        vec![Span { start: begins, end: begins + LONG.mul_f64(on as f64 / LONG_BYTES as f64) }];
    stage.tell(Input::Played { position: plays, buffered, is_starved: false, speed: 1.0 });
    stage.check_further_pieces(no);
    stage.tell(Input::Updated);
}

/// The server sends at once what it was asked for, of those files.
pub(crate) fn send(stage: &mut Stage, at: &mut usize, is_sent: impl Fn(&str) -> bool) {
    while let Some(output) = stage.wanted.get(*at).cloned() {
        *at += 1;
        if let Output::Fetch { request, uri, range: Some(range), .. } = output
            && is_sent(&uri)
        {
            let (url, took) = (format!("http://a/{uri}"), Duration::from_millis(50));
            stage.tell(Input::Fetched { request, url, body: Body::Held(range.length), took });
        }
    }
}

/// What the server is asked for beside a peer that brings a third of what is played, in order, and how long before that would play.
/// A liar may have been met before.
fn asked_beside_a_slow_peer(has_met_a_liar: bool) -> Vec<(Duration, ByteRange)> {
    let (mut stage, mut at) = (Stage::begun_live(), 0);
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(LIVE);
    if has_met_a_liar {
        let liar = stage.meet_extended(peer(3), 20_000, &[LIVE as u64 + 1]);
        let (segment, request) = stage.part_asked_of(liar).expect("who holds it is asked");
        stage.say(liar, &Command::SegmentData { segment, size: LONG_BYTES, request });
        (0..4).for_each(|_| stage.tell(Input::Received { link: liar, bytes: PIECE / 4 }));
        let request = stage.check();
        stage.tell(Input::Checked { request, bytes: 0..PIECE, digest: [0; 32] });
        assert!(stage.is_dropped(liar));
        send(&mut stage, &mut at, |_| true);
    }
    let slow = stage.meet_extended(peer(2), 20_000, &[LIVE as u64]);
    let asked = stage.said(slow).into_iter().find_map(|command| match command {
        Command::PartRequest { segment, request, start, end, .. } if segment == LIVE as u64 => {
            Some((request, start, end))
        }
        _ => None,
    });
    let (request, start, end) = asked.expect("who holds it is asked for the rest");
    stage.say(slow, &Command::SegmentData { segment: LIVE as u64, size: end - start, request });
    let mut asked = Vec::new();
    for tick in 1..=40 {
        send(&mut stage, &mut at, |uri| !uri.ends_with("27.m4s"));
        let before = stage.wanted.len();
        stage.tell(Input::Received { link: slow, bytes: PIECE / 10 });
        let came = tick * (PIECE / 10) / PIECE * PIECE;
        play(&mut stage, LIVE, tick * 50, start + came);
        let plays = |byte: u64| LONG.mul_f64(byte as f64 / LONG_BYTES as f64);
        asked.extend(stage.wanted[before..].iter().filter_map(|output| match output {
            Output::Fetch { uri, range: Some(range), .. } if uri.ends_with("27.m4s") => {
                let position = Duration::from_millis(tick * 50);
                Some((plays(range.start).saturating_sub(position), *range))
            }
            _ => None,
        }));
    }
    asked
}

#[test]
fn of_what_a_slow_peer_will_not_bring_in_time_the_server_sends_a_slice_at_a_time() {
    let asked = asked_beside_a_slow_peer(false);
    assert!(!asked.is_empty(), "the peer is too slow");
    assert!(asked.iter().all(|(_, range)| range.length <= LONG_BYTES / 8), "{asked:?}");
}

#[test]
fn who_has_met_a_liar_asks_the_server_sooner() {
    let [honest, cheated] = [false, true].map(asked_beside_a_slow_peer);
    assert!(cheated[0].0 > honest[0].0 + Duration::from_millis(200), "{cheated:?} {honest:?}");
}

/// After how many twentieths of a second the server is asked for what follows the beginning that is on, if nobody brings it and the
/// first answer took so long.
fn asked_for_more_after(took: Duration) -> Option<u64> {
    let mut stage = Stage::begun_after(9, took);
    stage.meet_who_says(peer(2), 20_000, [&[], &[0]]);
    (1..40).find(|tick| {
        let before = stage.wanted.len();
        play(&mut stage, 0, tick * 50, LONG_HEAD);
        let is_it =
            |output: &Output| matches!(output, Output::Fetch { uri, .. } if uri.ends_with("0.m4s"));
        stage.wanted[before..].iter().any(is_it)
    })
}

#[test]
fn that_it_took_long_to_connect_to_the_server_has_it_asked_no_sooner() {
    let [near, far] = [50, 1_000].map(|took| asked_for_more_after(Duration::from_millis(took)));
    assert!(near.is_some());
    assert_eq!(near, far);
}

/// So often somebody who lacks a segment is told of pieces of it, of which four come one by one from who holds it.
fn told_while_it_comes(no: u64) -> usize {
    let mut stage = Stage::begun_live();
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(LIVE);
    let taker = stage.meet_extended(peer(1), 9_000, &[]);
    let giver = stage.meet_extended(peer(2), 20_000, &[no]);
    let asked = stage.said(giver).into_iter().find_map(|command| match command {
        Command::PartRequest { segment, request, start, end, .. } if segment == no => {
            Some((request, end - start))
        }
        _ => None,
    });
    let (request, size) = asked.expect("who holds it is asked");
    stage.say(giver, &Command::SegmentData { segment: no, size, request });
    let before = stage.said(taker).len();
    for _ in 0..4 {
        stage.tell(Input::Received { link: giver, bytes: PIECE });
        stage.check_by_place(|at| piece(no as usize, at == 0 && size == LONG_BYTES));
    }
    let said = stage.said(taker);
    let is_told =
        |command: &&Command| matches!(command, Command::Pieces { segment, .. } if *segment == no);
    said[before..].iter().filter(is_told).count()
}

#[test]
fn of_what_is_needed_at_once_others_are_told_each_piece_and_of_the_rest_a_few_at_a_time() {
    assert_eq!([LIVE as u64, LIVE as u64 + 1].map(told_while_it_comes), [4, 2]);
}

/// Whether the first piece of a live stream's next segment is put on when the server sends it a moment before what plays is over, or when
/// playback stands still already: who holds the segment was asked for it in vain.
fn is_put_on(stands_still: bool) -> bool {
    let (mut stage, mut at) = (Stage::begun_live(), 0);
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(LIVE);
    stage.meet_extended(peer(2), 20_000, &[LIVE as u64 + 1]);
    for tick in 1..79 {
        send(&mut stage, &mut at, |uri| uri.ends_with("27.m4s"));
        play(&mut stage, LIVE, tick * 50, LONG_BYTES);
    }
    if stands_still {
        let (begins, position) = (LONG * LIVE as u32, LONG * (LIVE as u32 + 1));
        stage.now += Duration::from_millis(100);
        let buffered = vec![Span { start: begins, end: position }];
        stage.tell(Input::Played { position, buffered, is_starved: true, speed: 1.0 });
    }
    let next = stage.wanted.iter().find_map(|output| match output {
        Output::Fetch { request, uri, range: Some(_), .. } if uri.ends_with("28.m4s") => {
            Some(*request)
        }
        _ => None,
    });
    let (request, before) =
        (next.expect("the server is asked in place of who is silent"), stage.wanted.len());
    stage.tell(Input::Progressed { request, bytes: PIECE });
    stage.check_pieces(LIVE + 1);
    let is_head =
        |output: &Output| matches!(output, Output::Append { content: Content::Head(_), .. });
    stage.wanted[before..].iter().any(is_head)
}

#[test]
fn as_long_as_it_plays_the_next_segment_is_put_on_however_little_has_come() {
    assert_eq!([false, true].map(is_put_on), [true, false]);
}

/// A peer was asked for the second segment and says nothing: how long the engine sleeps at most while so much of the first plays yet.
fn sleeps(plays_yet: Duration) -> Duration {
    let mut stage = Stage::in_pieces(9);
    let silent = stage.meet_extended(peer(2), 20_000, &[1]);
    assert!(stage.part_asked_of(silent).is_some());
    let buffered = vec![Span { start: Duration::ZERO, end: LONG }];
    let position = LONG - plays_yet;
    stage.tell(Input::Played { position, buffered, is_starved: false, speed: 1.0 });
    let (mut longest, until) = (Duration::ZERO, stage.now + Duration::from_millis(300));
    while stage.now < until {
        let deadline = stage.engine.next_deadline().expect("it watches").at.since(Time::default());
        longest = longest.max(deadline - stage.now);
        stage.now = deadline;
        stage.tell(Input::Woken);
    }
    longest
}

#[test]
fn what_follows_is_watched_closely_though_nothing_of_it_is_there_yet() {
    let [soon, later] = [1_000, 3_000].map(|plays_yet| sleeps(Duration::from_millis(plays_yet)));
    assert!(soon < Duration::from_millis(60), "{soon:?}");
    assert!(later > Duration::from_millis(200), "{later:?}");
}

/// How often an engine is woken within two seconds, before whose playhead something is still to come.
fn wakes(speed: f64) -> usize {
    let mut stage = Stage::begun(9);
    stage.meet_who_says(peer(2), 20_000, [&[], &[0]]);
    let buffered = vec![Span { start: Duration::ZERO, end: LONG / 4 }];
    let (mut wakes, end) = (0, Time::at(stage.now + Duration::from_secs(2)));
    let position = Duration::from_millis(500);
    stage.tell(Input::Played { position, buffered, is_starved: false, speed });
    while let Some(deadline) = stage.engine.next_deadline().filter(|deadline| deadline.at < end) {
        stage.now = deadline.at.since(Time::default());
        stage.tell(Input::Woken);
        wakes += 1;
    }
    wakes
}

#[test]
fn who_pauses_before_what_is_still_to_come_is_woken_seldom_and_who_plays_often() {
    let [paused, playing] = [0.0, 1.0].map(wakes);
    assert!(paused <= 10, "{paused} times in two seconds");
    assert!(playing >= 20, "{playing} times in two seconds");
}

#[test]
fn the_rest_of_a_segment_that_the_playlist_has_forgotten_meanwhile_is_dropped() {
    let mut stage = Stage::begun_live();
    stage.wait(Duration::from_secs(5));
    let rest = stage.wanted.iter().find_map(|output| match output {
        Output::Fetch { request, range: Some(range), .. } if range.start > 0 => {
            Some((*request, range.length))
        }
        _ => None,
    });
    let (request, bytes) = rest.expect("the server is asked for the rest");
    stage.fetched("a.m3u8", Body::Text(live_in_pieces(1_000)));
    let before = stage.wanted.len();
    let (url, took) = ("http://a/27.m4s".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request, url, body: Body::Held(bytes), took });
    assert!(stage.wanted[before..].contains(&Output::Forget(request)));
}

#[test]
fn a_jump_does_not_wait_for_the_rest_of_a_beginning_that_is_elsewhere() {
    let (mut stage, mut at) = (Stage::begun(9), 0);
    // Somebody may bring the rest of where it leads, so that the server is asked for the beginning alone.
    stage.meet_who_says(peer(2), 20_000, [&[], &[5]]);
    stage.tell(Input::Seeked { position: LONG * 5 });
    send(&mut stage, &mut at, |uri| uri == "5.m4s");
    let buffered = vec![Span { start: Duration::ZERO, end: LONG / 8 * 3 }];
    stage.tell(Input::Played { position: LONG * 5, buffered, is_starved: true, speed: 1.0 });
    let begins = |output: &Output| matches!(output, Output::Append { content: Content::Head(start), .. } if *start == LONG * 5);
    assert!(stage.wanted.iter().any(begins));
}

#[test]
fn who_turns_sharing_off_keeps_what_the_server_sent() {
    let (mut stage, mut at) = (Stage::begun(9), 0);
    let before = stage.wanted.len();
    stage.tell(Input::Permitted(Sharing::Off));
    for _ in 0..3 {
        send(&mut stage, &mut at, |uri| uri == "0.m4s");
        stage.wait(Duration::from_millis(100));
    }
    let is_again = |output: &Output| matches!(output, Output::Fetch { uri, range: Some(range), .. } if &**uri == "0.m4s" && range.start == 0);
    assert!(!stage.wanted[before..].iter().any(is_again));
}
