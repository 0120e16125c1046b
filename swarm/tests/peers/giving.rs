//! What is given to whom, and to whom first.

use std::time::Duration;

use swarm::limits::{UPLOAD_ADVANCE, UPLOAD_SHARE};
use swarm::{Input, LinkId, Time};
use wire::peer::{Command, PeerId};
use wire::pieces::PIECE;

use crate::stage::{LONG_BYTES, SEGMENT_BYTES, Stage};

#[test]
fn what_is_held_and_checked_is_given_and_nothing_else() {
    let (mut stage, link) = Stage::connected();
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 5, offset: 0 });
    assert!(stage.said(link).contains(&Command::SegmentData {
        segment: 0,
        size: SEGMENT_BYTES,
        request: 5
    }));
    assert!(
        stage.said(link).contains(&Command::SegmentDataSendingCompleted { segment: 0, request: 5 })
    );
    assert_eq!(stage.gives(link), SEGMENT_BYTES);
    for segment in [1, 29, 30, u64::MAX >> 11] {
        stage.say(link, &Command::SegmentRequest { segment, request: 6, offset: 0 });
        assert_eq!(stage.said(link).last(), Some(&Command::SegmentAbsent { segment, request: 6 }));
    }
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 7, offset: SEGMENT_BYTES });
    assert_eq!(stage.said(link).last(), Some(&Command::SegmentAbsent { segment: 0, request: 7 }));
    assert_eq!(stage.gives(link), SEGMENT_BYTES);
}

#[test]
fn the_next_gift_waits_until_the_last_is_sent_and_who_takes_nothing_is_left() {
    let (mut stage, link) = Stage::connected();
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 5, offset: 0 });
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 6, offset: 89_000 });
    assert_eq!(stage.gives(link), SEGMENT_BYTES);
    stage.tell(Input::Drained { link });
    assert_eq!(stage.gives(link), SEGMENT_BYTES + 1_000);
    stage.wait(Duration::from_secs(11));
    assert!(stage.is_dropped(link));
}

#[test]
fn no_more_than_an_advance_and_four_times_what_was_taken_is_given() {
    let (mut stage, link) = Stage::connected();
    for request in 0..120 {
        stage.say(link, &Command::SegmentRequest { segment: 0, request, offset: 0 });
        stage.tell(Input::Drained { link });
        if request % 3 == 0 {
            // No faster than the cap.
            stage.wait(Duration::from_millis(100));
        }
    }
    let stats = stage.engine.stats(Time::at(stage.now));
    let most = UPLOAD_ADVANCE + UPLOAD_SHARE * (stats.http_bytes + stats.p2p_bytes);
    assert!((most - SEGMENT_BYTES..=most).contains(&stats.uploaded_bytes), "{stats:?}");
}

/// A peer asks for the first segment, and has time.
fn ask(stage: &mut Stage, link: LinkId, uplink_kbps: u64) {
    ask_for(stage, link, SEGMENT_BYTES, uplink_kbps, 9_000);
}

/// A peer asks for the beginning of the first segment, which it needs in so many milliseconds.
fn ask_for(stage: &mut Stage, link: LinkId, end: u64, uplink_kbps: u64, needed_in: u64) {
    let (segment, request, start) = (0, 1, 0);
    let (needed_in, uplink_kbps) = (Some(needed_in), Some(uplink_kbps));
    stage.say(link, &Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps });
}

fn peer(no: u8) -> PeerId {
    PeerId::from_random([no; 12])
}

#[test]
fn who_can_pass_it_on_fast_is_given_to_first_though_another_asked_before() {
    let mut stage = Stage::with(9);
    let slow = stage.meet_extended(peer(1), 1_000, &[]);
    let fast = stage.meet_extended(peer(2), 20_000, &[]);
    ask(&mut stage, slow, 1_000);
    ask(&mut stage, fast, 20_000);
    assert_eq!((stage.gives(slow), stage.gives(fast)), (0, SEGMENT_BYTES));
    stage.tell(Input::Drained { link: fast });
    stage.wait(Duration::from_millis(700));
    assert_eq!(stage.gives(slow), SEGMENT_BYTES);
}

#[test]
fn who_is_slow_waits_for_a_fast_one_to_ask_but_not_for_long() {
    let mut stage = Stage::with(9);
    let slow = stage.meet_extended(peer(1), 1_000, &[]);
    stage.meet_extended(peer(2), 20_000, &[]);
    ask(&mut stage, slow, 1_000);
    assert_eq!(stage.gives(slow), 0);
    stage.wait(Duration::from_millis(700));
    assert_eq!(stage.gives(slow), SEGMENT_BYTES);
}

#[test]
fn who_needs_it_at_once_waits_for_nobody() {
    let mut stage = Stage::with(9);
    let slow = stage.meet_extended(peer(1), 1_000, &[]);
    stage.meet_extended(peer(2), 20_000, &[]);
    ask_for(&mut stage, slow, SEGMENT_BYTES, 1_000, 500);
    assert_eq!(stage.gives(slow), SEGMENT_BYTES);
}

#[test]
fn two_who_need_it_at_once_are_given_to_beside_who_has_time_and_a_third_is_not() {
    assert_eq!(given(&mut measured(9), &HURRIES), [true, true, true, false]);
}

#[test]
fn of_an_uplink_that_is_not_known_yet_only_one_who_needs_it_at_once_is_given_to() {
    assert_eq!(given(&mut Stage::begun(9), &HURRIES), [true, true, false, false]);
}

/// One who has time, and three who need it at once.
const HURRIES: [(u64, u64); 4] = [(20_000, 9_000), (20_000, 500), (20_000, 500), (20_000, 500)];

/// A viewer who has given three pieces, the first of them at about five Mbit/s.
fn measured(members: usize) -> Stage {
    let mut stage = Stage::begun(members);
    let link = stage.meet_extended(peer(9), 20_000, &[]);
    ask_for(&mut stage, link, 3 * PIECE, 20_000, 9_000);
    assert_eq!(stage.gives(link), 3 * PIECE);
    stage.now += Duration::from_millis(50);
    stage.tell(Input::Drained { link });
    stage
}

#[test]
fn who_is_slow_does_not_wait_where_all_who_are_fast_have_it() {
    let mut stage = Stage::with(9);
    let slow = stage.meet_extended(peer(1), 1_000, &[]);
    stage.meet_extended(peer(2), 20_000, &[0]);
    ask(&mut stage, slow, 1_000);
    assert_eq!(stage.gives(slow), SEGMENT_BYTES);
}

#[test]
fn of_too_many_the_slowest_are_told_at_once_to_ask_elsewhere() {
    let mut stage = Stage::begun(30);
    let kbps = |no: u8| if no < 8 { 1_000 } else { 20_000 };
    let links: Vec<(LinkId, u64)> =
        (0..12).map(|no| (stage.meet_extended(peer(no), kbps(no), &[]), kbps(no))).collect();
    for (link, kbps) in &links {
        ask_for(&mut stage, *link, LONG_BYTES / 4, *kbps, 9_000);
    }
    let absent = Command::SegmentAbsent { segment: 0, request: 1 };
    let refused = |kbps: u64| {
        let those = links.iter().filter(|(_, its)| *its == kbps);
        those.filter(|(link, _)| stage.said(*link).contains(&absent)).count()
    };
    // A line of 5 Mbit/s takes 1.5 s for five of them, of which the first is half through.
    assert_eq!((refused(1_000), refused(20_000)), (6, 0));
}

/// Who is given anything, after each of them has asked in turn: what it gives, and how soon it needs the beginning.
fn given(stage: &mut Stage, asks: &[(u64, u64)]) -> Vec<bool> {
    let meet = |(no, (kbps, _)): (u8, &(u64, u64))| stage.meet_extended(peer(no), *kbps, &[]);
    let links: Vec<LinkId> = (1..).zip(asks).map(meet).collect();
    for (link, (kbps, needed_in)) in links.iter().zip(asks) {
        ask_for(stage, *link, LONG_BYTES / 4, *kbps, *needed_in);
    }
    (0..5).for_each(|_| stage.tell(Input::Woken));
    links.iter().map(|link| stage.gives(*link) > 0).collect()
}

#[test]
fn who_needs_it_at_once_comes_before_fast_ones_who_need_it_soon() {
    let mut stage = Stage::begun(20);
    let asks = [(20_000, 9_000), (20_000, 2_000), (20_000, 2_000), (5_000, 500)];
    assert_eq!(given(&mut stage, &asks), [true, false, false, true]);
}

#[test]
fn who_is_in_a_hurry_and_reads_nothing_makes_no_room_for_others() {
    for needed_in in [9_000, 0] {
        let mut stage = Stage::begun(20);
        let idle = stage.meet_extended(peer(30), 20_000, &[]);
        // It doesn't take what it was given, and asks again.
        (0..2).for_each(|_| ask_for(&mut stage, idle, LONG_BYTES / 4, 20_000, needed_in));
        assert_eq!(given(&mut stage, &[(20_000, 9_000); 3]), [true, false, false]);
    }
}
