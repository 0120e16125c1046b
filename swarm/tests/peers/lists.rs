//! Signed piece lists: when one is asked for, what is taken and given by it, and that one that isn't what it should be ends all
//! sharing, while the server's own bytes play on.

use std::time::Duration;

use swarm::{Body, Content, Failure, Hindrance, Input, Output, RequestId, Sharing, Time, Trust};
use wire::peer::Command;
use wire::pieces::{PIECE, WINDOW, Window, Windows};
use wire::playlist::ByteRange;

use crate::stage::{
    HIGH, MASTER, SEGMENT_BYTES, SEGMENTS, Stage, checked, digest, live_in_pieces, media, piece,
    range, signed, signed_master, window,
};

/// The master of a video that has both kinds of lists.
fn master() -> String {
    let digests = MASTER.lines().find(|line| line.contains("sha256"));
    let digests = digests.expect("the other master names digests");
    signed_master().replacen('\n', &format!("\n{digests}\n"), 1)
}

/// A viewer who has seen the first segment, and with whom the tracker counts `members`.
fn seen(members: usize) -> Stage {
    let mut stage = Stage::opened(&master(), &media());
    stage.fetched("0-8", Body::Held(9));
    stage.fetched(&range(0).to_string(), Body::Held(SEGMENT_BYTES));
    stage.tell(Input::Updated);
    stage.tell(Input::Updated);
    stage.is_counted(members);
    stage
}

/// Which part of a list the server was asked for last.
fn asked(stage: &Stage) -> Option<(RequestId, ByteRange)> {
    stage.wanted.iter().rev().find_map(|output| match output {
        Output::Fetch { request, uri, range, .. } if uri.ends_with(".pieces") => {
            assert_eq!(&**uri, "a-abababab.pieces");
            Some((*request, range.expect("a part is asked for")))
        }
        _ => None,
    })
}

fn right() -> Window {
    window(0, SEGMENTS, SEGMENT_BYTES)
}

fn answer(stage: &mut Stage, list: Vec<u8>) {
    let (request, _) = asked(stage).expect("a list is asked for");
    let (url, took) = ("http://a/a-abababab.pieces".to_owned(), Duration::from_millis(20));
    stage.tell(Input::Fetched { request, url, body: Body::List(list), took });
}

fn trust(stage: &Stage) -> Trust {
    stage.engine.stats(Time::at(stage.now)).trust
}

#[test]
fn a_list_is_asked_for_when_there_is_somebody_to_share_with() {
    assert_eq!(asked(&seen(1)), None, "alone");
    let stage = seen(2);
    let (_, range) = asked(&stage).expect("with another");
    assert_eq!((range.start, range.length), (0, signed(&right()).len() as u64));
    assert_eq!(trust(&stage), Trust::Unknown);
}

#[test]
fn by_a_list_that_is_right_pieces_are_taken_and_what_is_held_is_given() {
    let mut stage = seen(9);
    answer(&mut stage, signed(&right()));
    assert_eq!(stage.signatures(), 1);
    let link = stage.meet_extended(HIGH, 20_000, &[1]);
    assert_eq!(stage.part_asked_of(link), None, "nothing before the signature is verified");
    stage.verify();
    assert_eq!(trust(&stage), Trust::Signed);
    let (segment, request) = stage.part_asked_of(link).expect("who holds it is asked");
    stage.tell(checked(stage.check(), digest(0)));
    let told =
        |command: &Command| matches!(command, Command::Changes { held, .. } if held.contains(&0));
    stage.wait(Duration::from_millis(200));
    assert!(stage.said(link).iter().any(told), "{:?}", stage.said(link));
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 40_000 });
    stage.tell(Input::Received { link, bytes: 50_000 });
    stage.check_pieces(1);
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.p2p_bytes, stats.rejected_pieces), (SEGMENT_BYTES, 0));
}

#[test]
fn a_segment_that_is_right_elsewhere_is_wrong_here() {
    let mut stage = seen(9);
    answer(&mut stage, signed(&right()));
    stage.verify();
    let link = stage.meet_extended(HIGH, 20_000, &[1]);
    let (segment, request) = stage.part_asked_of(link).expect("who holds it is asked");
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 40_000 });
    stage.tell(Input::Received { link, bytes: 40_000 });
    let request = stage.check();
    // The first piece of the segment that follows.
    stage.tell(Input::Checked { request, bytes: 0..PIECE, digest: piece(2, true) });
    assert!(stage.is_dropped(link));
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.p2p_bytes, stats.rejected_pieces), (0, 1));
}

/// After `does`, nothing is shared for this reason, the lower rung isn't tried, and the server's segments play as they are.
#[track_caller]
fn check(why: Hindrance, does: impl Fn(&mut Stage)) {
    let mut stage = seen(9);
    let link = stage.meet_extended(HIGH, 20_000, &[1]);
    does(&mut stage);
    assert_eq!(stage.hindrance(), Some(why));
    assert_eq!(trust(&stage), Trust::Nobody);
    assert!(stage.is_dropped(link) && stage.wanted.contains(&Output::CloseTracker));
    let before = stage.wanted.len();
    serve(&mut stage);
    let plays = |output: &Output| matches!(output, Output::Append { content: Content::Segment(start), .. } if start.as_secs() >= 4);
    assert!(stage.wanted[before..].iter().any(plays), "{:?}", &stage.wanted[before..]);
    let falls = |output: &Output| {
        matches!(output, Output::Fetch { uri, .. } if uri.ends_with(".json"))
            || matches!(output, Output::OpenTracker | Output::Check { .. })
    };
    assert!(!stage.wanted[before..].iter().any(falls));
}

/// The server sends what it is asked for of the segments that follow.
fn serve(stage: &mut Stage) {
    let mut at = 0;
    while let Some(output) = stage.wanted.get(at).cloned() {
        at += 1;
        if let Output::Fetch { request, uri, range: Some(asked), .. } = output
            && (range(1).start..range(9).start).contains(&asked.start)
        {
            let (url, took) = (format!("http://a/{uri}"), Duration::from_millis(50));
            stage.tell(Input::Fetched { request, url, body: Body::Held(asked.length), took });
        }
    }
}

#[track_caller]
fn check_list(why: Hindrance, change: impl Fn(&mut Window)) {
    check(why, |stage| {
        let mut window = right();
        change(&mut window);
        answer(stage, signed(&window));
    });
}

#[test]
fn a_forged_list_ends_sharing() {
    check(Hindrance::ListForged, |stage| {
        answer(stage, signed(&right()));
        stage.tell(Input::Verified(false));
    });
    check(Hindrance::ListForged, |stage| {
        answer(stage, [right().message(&[7; 32]), vec![1; 64]].concat());
    });
}

#[test]
fn a_broken_list_ends_sharing() {
    let failed = |stage: &mut Stage, failure: Failure| {
        let (request, _) = asked(stage).expect("a list is asked for");
        stage.tell(Input::Failed { request, failure });
    };
    check(Hindrance::ListBroken, |stage| answer(stage, b"<html>".to_vec()));
    check(Hindrance::ListBroken, |stage| {
        let mut list = signed(&right());
        list.pop();
        answer(stage, list);
    });
    check(Hindrance::ListBroken, |stage| failed(stage, Failure::Wrong));
    check(Hindrance::ListBroken, |stage| {
        failed(stage, Failure::Status { code: 416, retry_after: None });
    });
}

#[test]
fn a_list_of_something_else_ends_sharing() {
    check_list(Hindrance::ListForeign, |window| window.video = "w.g1".to_owned());
    check_list(Hindrance::ListForeign, |window| window.video = "v.g0".to_owned());
    check_list(Hindrance::ListForeign, |window| window.rendition = "b.m3u8".to_owned());
    check_list(Hindrance::ListForeign, |window| window.first = 1);
    check_list(Hindrance::ListForeign, |window| window.segments.truncate(SEGMENTS - 1));
    check_list(Hindrance::ListForeign, |window| {
        window.segments[3] = window.segments[0].clone();
        window.segments[3].bytes -= 1;
    });
}

#[test]
fn a_list_that_is_missing_ends_sharing_and_one_that_cannot_be_had_just_now_does_not() {
    let fails = |stage: &mut Stage, failure: Failure| {
        for _ in 0..2 {
            let (request, _) = asked(stage).expect("a list is asked for");
            stage.tell(Input::Failed { request, failure: failure.clone() });
            stage.wait(Duration::from_secs(3));
        }
    };
    check(Hindrance::ListMissing, |stage| {
        fails(stage, Failure::Status { code: 404, retry_after: None });
    });
    let mut stage = seen(9);
    let link = stage.meet_extended(HIGH, 20_000, &[1]);
    fails(&mut stage, Failure::Unreachable);
    assert_eq!(stage.hindrance(), None);
    serve(&mut stage);
    assert!(stage.server_is_asked(0, 1).is_some(), "what can't be checked isn't waited for");
    answer(&mut stage, signed(&right()));
    stage.verify();
    assert!(!stage.is_dropped(link));
    assert_eq!(trust(&stage), Trust::Signed);
}

#[test]
fn what_cannot_compute_digests_shares_nothing() {
    check(Hindrance::Uncheckable, |stage| {
        answer(stage, signed(&right()));
        stage.tell(Input::Unverifiable);
    });
}

#[test]
fn keys_that_cannot_be_read_share_nothing() {
    let master = master().replace(" abab", " xbab");
    let stage = Stage::opened(&master, &media());
    assert_eq!(stage.hindrance(), Some(Hindrance::ListForged));
    let tells = |output: &Output| matches!(output, Output::TellTracker(_) | Output::Offer { .. });
    assert!(!stage.wanted.iter().any(tells));
}

#[test]
fn a_live_stream_is_believed_segment_by_segment_until_one_is_forged() {
    let mut stage = Stage::begun_live();
    stage.is_counted_live(9);
    stage.verify();
    assert_eq!(trust(&stage), Trust::Signed);
    stage.wait(Duration::from_secs(5));
    let before = stage.signatures();
    stage.fetched("a.m3u8", Body::Text(live_in_pieces(1)));
    assert_eq!(stage.signatures(), before + 1, "of the new segment alone");
    stage.tell(Input::Verified(false));
    assert_eq!(stage.hindrance(), Some(Hindrance::ListForged));
}

#[test]
fn a_long_video_has_its_list_in_windows() {
    let count = 2 * WINDOW + 1;
    let lines: String = (0..count)
        .map(|no| {
            format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{SEGMENT_BYTES}@{}\nm.mp4\n", range(no).start)
        })
        .collect();
    let head = media().split("#EXTINF").next().unwrap().to_owned();
    let mut stage = Stage::opened(&master(), &format!("{head}{lines}#EXT-X-ENDLIST\n"));
    stage.fetched("0-8", Body::Held(9));
    stage.fetched(&range(0).to_string(), Body::Held(SEGMENT_BYTES));
    stage.tell(Input::Updated);
    stage.tell(Input::Updated);
    stage.is_counted(9);
    answer(&mut stage, signed(&window(0, WINDOW, SEGMENT_BYTES)));
    stage.verify();
    let before = asked(&stage);
    stage.tell(Input::Permitted(Sharing::Full));
    assert_eq!(asked(&stage), before, "one is enough for half a minute");
    stage.tell(Input::Seeked { position: Duration::from_secs(4 * WINDOW as u64 * 2) });
    let lengths = (0..count).map(|_| SEGMENT_BYTES);
    let (start, length) = Windows::of("v.g1", "a.m3u8").range(2 * WINDOW, lengths);
    let (_, range) = asked(&stage).expect("the last window is asked for");
    assert_eq!((range.start, range.length), (start, length));
    assert_eq!(length as usize, signed(&window(64, 1, SEGMENT_BYTES)).len());
}

#[test]
fn a_signature_that_is_long_in_being_verified_is_not_waited_for() {
    let mut stage = seen(9);
    answer(&mut stage, signed(&right()));
    let link = stage.meet_extended(HIGH, 20_000, &[1]);
    serve(&mut stage);
    stage.wait(Duration::from_secs(1));
    assert!(stage.server_is_asked(0, 1).is_some());
    assert!(!stage.is_dropped(link) && stage.hindrance().is_none());
}

#[test]
fn who_is_long_in_verifying_all_of_a_live_stream_leaves_nobody() {
    // It has just begun.
    let playlist = live_in_pieces(0);
    let (end, _) = playlist.match_indices("#EXTINF").nth(2).expect("it has more segments");
    let mut stage = Stage::opened(&signed_master(), &playlist[..end]);
    stage.fetched("init.mp4", Body::Held(9));
    stage.beginning_came(Duration::from_millis(50));
    stage.is_counted_live(9);
    assert_eq!(stage.signatures(), 2);
    let link = stage.meet_extended(HIGH, 20_000, &[]);
    stage.wait(Duration::from_secs(1));
    assert!(!stage.is_dropped(link) && stage.hindrance().is_none());
}
