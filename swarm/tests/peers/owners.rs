//! A live segment that is too long for one viewer to pass on in time is fetched by several, a part each.

use std::time::Duration;

use swarm::limits::{LONGEST_ERRAND, MEETING_PATIENCE, SHARED_OUT};
use swarm::{Body, Input, LinkId, Output, RequestId};
use wire::peer::{Command, PeerId};
use wire::pieces::PIECE;
use wire::playlist::ByteRange;

use crate::stage::{Stage, piece};

/// Of 12 Mbit/s.
const HUGE: u64 = 192 * PIECE;
/// How long the server takes usually.
const SOON: Duration = Duration::from_millis(50);
/// The segment with which a viewer begins, and the next.
const LIVE: usize = 27;
const NEXT: usize = LIVE + 1;

fn peer(no: u8) -> PeerId {
    PeerId::from_random([no; 12])
}

/// A viewer of a stream of so many bytes a segment, of which the first that it watches is there.
fn stage(bytes: u64) -> Stage {
    stage_at(bytes, SOON)
}

/// The same where a quarter of a segment takes so long.
fn stage_at(bytes: u64, took: Duration) -> Stage {
    let mut stage = Stage::begun_live_of(bytes, took);
    stage.is_counted_live(9);
    stage.verify();
    stage.check_pieces(LIVE);
    stage
}

/// Stretches of the next segment that the server was asked for.
fn fetched(stage: &Stage) -> Vec<(RequestId, ByteRange)> {
    let of_next = |output: &Output| match output {
        Output::Fetch { request, uri, range: Some(range), .. } if uri.ends_with("28.m4s") => {
            Some((*request, *range))
        }
        _ => None,
    };
    stage.wanted.iter().filter_map(of_next).collect()
}

fn asked(stage: &Stage, link: LinkId) -> Vec<(u64, u64)> {
    let of_next = |command| match command {
        Command::PartRequest { segment, start, end, .. } if segment == NEXT as u64 => {
            Some((start, end))
        }
        _ => None,
    };
    stage.said(link).into_iter().filter_map(of_next).collect()
}

/// The server sends what it is asked for of the first segment.
fn send_the_first(stage: &mut Stage) {
    let mut at = 0;
    while let Some(output) = stage.wanted.get(at).cloned() {
        at += 1;
        if let Output::Fetch { request, uri, range: Some(range), .. } = output
            && uri.ends_with("27.m4s")
        {
            let (url, took) = (format!("http://a/{uri}"), SOON);
            stage.tell(Input::Fetched { request, url, body: Body::Held(range.length), took });
            stage.check_further_pieces(LIVE);
        }
    }
}

/// Waits until it is this viewer's turn to fetch the next segment.
fn wait_for_our_turn(stage: &mut Stage) {
    // Nobody else is about to be met.
    stage.wait(MEETING_PATIENCE);
    for _ in 0..200 {
        send_the_first(stage);
        if !fetched(stage).is_empty() {
            return;
        }
        stage.wait(Duration::from_millis(50));
    }
    panic!("nobody fetches it");
}

fn ask(stage: &mut Stage, link: LinkId, segment: usize, start: u64, end: u64) {
    let (segment, request) = (segment as u64, 7);
    let (needed_in, uplink_kbps) = (Some(9_000), Some(20_000));
    stage.say(link, &Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps });
}

#[test]
fn fast_neighbours_fetch_the_later_parts() {
    let mut stage = stage(HUGE);
    let fast: Vec<LinkId> = (1..5).map(|no| stage.meet_extended(peer(no), 20_000, &[])).collect();
    let slow: Vec<LinkId> = (5..13).map(|no| stage.meet_extended(peer(no), 3_000, &[])).collect();
    wait_for_our_turn(&mut stage);
    let parts = HUGE / 4;
    let ours: Vec<ByteRange> = fetched(&stage).into_iter().map(|(_, range)| range).collect();
    assert_eq!(ours, [ByteRange { start: 0, length: parts }]);
    let mut theirs: Vec<(u64, u64)> = fast.iter().flat_map(|link| asked(&stage, *link)).collect();
    theirs.sort_unstable();
    assert_eq!(theirs, [1, 2, 3].map(|part| (part * parts, (part + 1) * parts)));
    assert!(slow.iter().all(|link| asked(&stage, *link).is_empty()));
}

#[test]
fn what_one_passes_on_in_time_is_fetched_by_one() {
    let bytes = 2 * SHARED_OUT - 16 * PIECE;
    let mut stage = stage(bytes);
    let fast = stage.meet_extended(peer(1), 20_000, &[]);
    wait_for_our_turn(&mut stage);
    assert_eq!(fetched(&stage)[0].1, ByteRange { start: 0, length: bytes });
    assert_eq!(asked(&stage, fast), []);
}

#[test]
fn who_can_t_help_is_not_waited_for() {
    let mut stage = stage(HUGE);
    let fast: Vec<LinkId> = (1..5).map(|no| stage.meet_extended(peer(no), 20_000, &[])).collect();
    wait_for_our_turn(&mut stage);
    let (request, range) = fetched(&stage)[0];
    for link in fast {
        let (segment, number) = stage.part_asked_of(link).unwrap_or_default();
        stage.say(link, &Command::SegmentAbsent { segment, request: number });
    }
    let (url, took) = ("http://a/28.m4s".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request, url, body: Body::Held(range.length), took });
    stage.check_by_place(|at| piece(NEXT, at == 0));
    stage.wait(Duration::from_secs(8));
    let again = fetched(&stage).into_iter().skip(1).map(|(_, range)| range.start);
    assert!(again.min().is_some_and(|start| start >= range.length), "the server sends the rest");
}

#[test]
fn an_errand_is_run_and_given_as_it_comes() {
    let mut stage = stage(HUGE);
    let link = stage.meet_extended(peer(1), 20_000, &[]);
    let (start, end) = (HUGE / 4, HUGE / 2);
    ask(&mut stage, link, NEXT, start, end);
    let [(request, range)] = fetched(&stage)[..] else { panic!("{:?}", fetched(&stage)) };
    assert_eq!(range, ByteRange { start, length: end - start });
    assert_eq!(stage.gives(link), 0);
    stage.tell(Input::Progressed { request, bytes: PIECE + 1 });
    stage.check_by_place(|_| piece(NEXT, false));
    assert_eq!(stage.gives(link), PIECE);
}

/// Whether a peer has us fetch a stretch of a segment for it.
fn is_run(stage: &mut Stage, link: LinkId, segment: usize, start: u64, end: u64) -> bool {
    let before = stage.wanted.len();
    ask(stage, link, segment, start, end);
    let of_it = |output: &Output| matches!(output, Output::Fetch { uri, .. } if uri.ends_with(&format!("{segment}.m4s")));
    stage.wanted[before..].iter().any(of_it)
}

#[test]
fn no_errand_is_what_we_don_t_need_or_isn_t_a_part() {
    let mut stage = stage(HUGE);
    let link = stage.meet_extended(peer(1), 20_000, &[]);
    for (segment, start, end) in [
        (5, 0, PIECE),
        (NEXT, 1, PIECE),
        (NEXT, PIECE, PIECE),
        (NEXT, 2 * PIECE, PIECE),
        (NEXT, HUGE - PIECE, HUGE + PIECE),
        (NEXT, 0, PIECE - 1),
        (NEXT, 0, PIECE + 1),
        (NEXT, 0, LONGEST_ERRAND + 1),
        (NEXT, u64::MAX / PIECE * PIECE, u64::MAX),
        (usize::MAX, 0, PIECE),
    ] {
        assert!(!is_run(&mut stage, link, segment, start, end), "{segment} {start} {end}");
    }
    assert!(is_run(&mut stage, link, NEXT, PIECE, 2 * PIECE));
    assert!(!is_run(&mut stage, link, NEXT + 1, PIECE, 2 * PIECE), "one at a time");
}

#[test]
fn who_has_brought_nothing_has_one_errand() {
    let mut stage = stage(HUGE);
    let link = stage.meet_extended(peer(1), 20_000, &[]);
    assert!(is_run(&mut stage, link, NEXT, 0, PIECE));
    let (request, _) = fetched(&stage)[0];
    let (url, took) = ("http://a/28.m4s".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request, url, body: Body::Held(PIECE), took });
    stage.check_by_place(|at| piece(NEXT, at == 0));
    assert!(!is_run(&mut stage, link, NEXT + 1, 0, PIECE));
    let other = stage.meet_extended(peer(2), 20_000, &[]);
    assert!(is_run(&mut stage, other, NEXT + 1, 0, PIECE));
}

#[test]
fn each_part_is_taken_from_who_has_it() {
    let mut stage = stage(HUGE);
    let [first, second] = [1, 2].map(|no| stage.meet_extended(peer(no), 20_000, &[]));
    let tell = |stage: &mut Stage, link, pieces: std::ops::Range<u64>| {
        let (segment, piece_bytes) = (NEXT as u64, PIECE);
        stage.say(link, &Command::Pieces { segment, piece_bytes, pieces: pieces.collect() });
    };
    tell(&mut stage, second, 48..60);
    assert_eq!(asked(&stage, second), [(48 * PIECE, HUGE)]);
    tell(&mut stage, first, 0..8);
    assert_eq!(asked(&stage, first), [(0, 48 * PIECE)]);
}

#[test]
fn an_errand_that_would_hold_up_what_is_needed_first_is_not_run() {
    let is_run_at = |took| {
        let mut stage = stage_at(HUGE, took);
        send_the_first(&mut stage);
        let link = stage.meet_extended(peer(1), 20_000, &[]);
        assert!(fetched(&stage).is_empty(), "the server has nothing to do");
        is_run(&mut stage, link, NEXT, HUGE / 3, HUGE)
    };
    assert!(is_run_at(SOON));
    // The next segment is needed in four seconds, and two thirds of it take eight.
    assert!(!is_run_at(Duration::from_secs(3)));
}

#[test]
fn parts_are_not_had_fetched_of_what_can_t_be_checked_yet() {
    let mut stage = Stage::begun_live_of(HUGE, SOON);
    stage.is_counted_live(9);
    // Nothing has said yet whether the lists are genuine.
    let fast: Vec<LinkId> = (1..5).map(|no| stage.meet_extended(peer(no), 20_000, &[])).collect();
    wait_for_our_turn(&mut stage);
    assert!(fast.iter().all(|link| asked(&stage, *link).is_empty()));
}
