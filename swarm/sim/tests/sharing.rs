//! What viewers bring each other, in claims: several engines, a tracker, and connections between them.

use std::time::Duration;

use swarm::{Event, Hindrance, Input, Quality, Sharing};
use swarm_sim::{Fault, Line, Malice, Origin, Quota, Viewer, World};

const FAST: u64 = 20_000_000;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A minute of one rendition of 1 Mbit/s.
fn minute() -> Origin {
    Origin::new(&[1_000_000], 15)
}

/// A world in which `viewers` come `apart` from each other; it goes on until the last has seen everything.
fn staggered(origin: Origin, viewers: u64, apart: Duration) -> World {
    let mut world = World::new(origin, Vec::new());
    for seed in 1..=viewers {
        world.join(Viewer::sharing(seed, Line::steady(FAST), Sharing::Full));
        world.run_until(world.now + apart);
    }
    world
}

#[track_caller]
fn check_watched(world: &World, viewer: usize) {
    let watching = &world.viewers[viewer];
    let trace: Vec<_> = watching.trace.iter().rev().take(12).collect();
    assert!(watching.is_ended(), "{viewer} stopped at {:?}: {trace:#?}", watching.position());
    let stats = watching.stats();
    assert_eq!(stats.stalls, 0, "{viewer} stalled for {:?}", stats.stalled);
    assert_eq!(watching.wrong_appended, 0, "{viewer} was to play wrong bytes");
    assert_eq!(watching.lost, [], "{viewer} wanted bytes that it had let go");
}

fn share_from_peers(world: &World) -> f64 {
    let sum = |of: fn(&swarm::Stats) -> u64| {
        world.viewers.iter().map(|viewer| of(&viewer.stats())).sum::<u64>() as f64
    };
    sum(|stats| stats.p2p_bytes) / (sum(|stats| stats.p2p_bytes) + sum(|stats| stats.http_bytes))
}

#[test]
fn four_viewers_bring_each_other_most_of_what_they_watch() {
    let mut world = staggered(minute(), 4, s(8));
    world.run_until(s(100));
    (0..4).for_each(|viewer| check_watched(&world, viewer));
    let share = share_from_peers(&world);
    assert!(share > 0.65, "{share}");
    for viewer in &world.viewers {
        let stats = viewer.stats();
        assert!(stats.duplicate_bytes * 50 < stats.p2p_bytes + stats.http_bytes, "{stats:?}");
        assert_eq!(stats.rejected_pieces, 0);
    }
}

#[test]
fn viewers_who_come_together_share_the_fetching() {
    let mut world = staggered(minute(), 4, Duration::from_millis(300));
    world.run_until(s(70));
    (0..4).for_each(|viewer| check_watched(&world, viewer));
    let share = share_from_peers(&world);
    assert!(share > 0.5, "{share}");
}

#[test]
fn nothing_comes_between_the_beginning_of_a_segment_and_its_rest() {
    let mut slices = 0;
    for seed in 3..11 {
        // One who holds the beginning gives slowly, one who came in later gives what follows at once.
        let mut world = staggered(minute(), 1, s(4));
        world.viewers[0].line.uplink_bps = 300_000;
        let quota = Quota(150 << 20);
        let mut later = Viewer::playing_from(s(5), 2, Line::steady(FAST), quota);
        later.line.uplink_bps = 20_000_000;
        later.intend(Input::Permitted(Sharing::Full));
        world.join(later);
        world.run_until(s(20));
        world.join(Viewer::sharing(seed, Line::steady(FAST), Sharing::Full));
        world.run_until(s(90));
        check_watched(&world, 2);
        let appended: Vec<_> =
            world.viewers[2].trace.iter().filter(|line| line.contains("Append {")).collect();
        let is = |line: &str, content: &str| line.contains(&format!("content: {content}"));
        for pair in appended.windows(2) {
            let goes_on = is(pair[1], "More") || is(pair[1], "Rest");
            let is_open = is(pair[0], "Head") || is(pair[0], "More");
            assert_eq!(goes_on, is_open, "{pair:#?}");
        }
        assert!(appended.iter().any(|line| is(line, "Head")), "{appended:#?}");
        slices += appended.iter().filter(|line| is(line, "More")).count();
    }
    assert!(slices > 0, "the server sends slices where peers are slow");
}

#[test]
fn a_lone_viewer_fetches_as_far_ahead_as_without_sharing() {
    let mut world = staggered(minute(), 1, s(5));
    let ahead = |world: &World| {
        world.viewers[0].buffered_until().saturating_sub(world.viewers[0].position())
    };
    assert!(ahead(&world) >= s(26), "{:?}", ahead(&world));
    assert!(!world.viewers[0].trace.iter().any(|line| line.contains("Offer")), "nobody is there");
    world.run_until(s(65));
    check_watched(&world, 0);
}

#[test]
fn sharing_starts_no_later_and_fetches_the_same_first_segment() {
    let first = |sharing| {
        let mut world = World::new(minute(), vec![Viewer::sharing(1, Line::steady(FAST), sharing)]);
        world.run_until(s(3));
        world.viewers[0].first_picture
    };
    assert_eq!(first(Sharing::Full), first(Sharing::Off));
}

#[test]
fn who_may_not_share_touches_nothing_of_it() {
    let mut world = World::new(minute(), Vec::new());
    world.join(Viewer::sharing(1, Line::steady(FAST), Sharing::Full));
    world.join(Viewer::sharing(2, Line::steady(FAST), Sharing::Off));
    world.run_until(s(65));
    let words = ["OpenTracker", "Offer", "Answer", "Check", "Give", "Say"];
    let trace = &world.viewers[1].trace;
    assert!(!trace.iter().any(|line| words.iter().any(|word| line.contains(word))), "{trace:#?}");
    check_watched(&world, 1);
}

#[test]
fn who_only_receives_gives_nothing() {
    let mut world = World::new(minute(), Vec::new());
    world.join(Viewer::sharing(1, Line::steady(FAST), Sharing::Full));
    world.run_until(s(8));
    world.join(Viewer::sharing(2, Line::steady(FAST), Sharing::Receive));
    world.run_until(s(16));
    world.join(Viewer::sharing(3, Line::steady(FAST), Sharing::Full));
    world.run_until(s(90));
    (0..3).for_each(|viewer| check_watched(&world, viewer));
    let stats = world.viewers[1].stats();
    assert!(stats.p2p_bytes > stats.http_bytes && stats.uploaded_bytes == 0, "{stats:?}");
}

#[test]
fn sharing_ends_when_it_is_turned_off_and_goes_on_when_it_is_turned_on() {
    let mut world = staggered(minute(), 2, s(8));
    world.tell(1, Input::Permitted(Sharing::Off));
    let before = world.viewers[1].stats();
    world.run_until(s(30));
    let after = world.viewers[1].stats();
    assert_eq!((after.peers, after.p2p_bytes), (0, before.p2p_bytes));
    assert_eq!(world.viewers[0].stats().peers, 0, "the other was told");
    world.tell(1, Input::Permitted(Sharing::Full));
    world.run_until(s(45));
    assert_eq!(world.viewers[1].stats().peers, 1);
    world.run_until(s(80));
    (0..2).for_each(|viewer| check_watched(&world, viewer));
}

#[test]
fn a_viewer_who_closes_the_page_in_the_middle_costs_no_stall() {
    let mut world = staggered(minute(), 2, s(8));
    world.viewers[0].line.uplink_bps = 300_000;
    world.run_until(s(17));
    world.leave(0);
    world.run_until(s(80));
    check_watched(&world, 1);
}

#[test]
fn a_slow_peer_is_raced_for_the_pieces_that_would_be_late_alone() {
    let mut world = World::new(minute(), Vec::new());
    world.join(Viewer::sharing(1, Line::steady(FAST), Sharing::Full));
    world.viewers[0].line.uplink_bps = 700_000;
    world.run_until(s(8));
    world.join(Viewer::sharing(2, Line::steady(FAST), Sharing::Full));
    world.run_until(s(80));
    check_watched(&world, 1);
    let stats = world.viewers[1].stats();
    assert!(stats.p2p_bytes > 1_000_000, "{stats:?}");
    // Of a piece that is late most comes all the same.
    assert!(stats.duplicate_bytes * 5 < stats.p2p_bytes + stats.http_bytes, "{stats:?}");
}

#[track_caller]
fn check_malice(malice: Malice, is_dropped: bool) {
    let mut world = staggered(minute(), 1, s(8));
    world.viewers[0].malice = Some(malice);
    world.join(Viewer::sharing(2, Line::steady(FAST), Sharing::Full));
    world.run_until(s(20));
    world.join(Viewer::sharing(3, Line::steady(FAST), Sharing::Full));
    world.run_until(s(90));
    for viewer in [1, 2] {
        check_watched(&world, viewer);
    }
    let peers = world.viewers[1].stats().peers;
    assert_eq!(peers, if is_dropped { 1 } else { 2 }, "{malice:?}");
}

#[test]
fn a_liar_is_found_out_and_dropped_and_nothing_of_it_plays() {
    check_malice(Malice::Lies, true);
}

#[test]
fn a_silent_peer_is_given_up() {
    check_malice(Malice::Silence, true);
}

#[test]
fn a_peer_that_stalls_is_given_up_and_its_bytes_are_used() {
    check_malice(Malice::Stalls, true);
}

#[test]
fn a_tracker_that_goes_and_comes_back_is_announced_to_again() {
    let mut world = staggered(minute(), 2, s(8));
    world.stop_tracker();
    world.run_until(s(20));
    assert_eq!(world.viewers[1].stats().peers, 1, "connections stay");
    assert!(world.viewers[0].events.contains(&Event::Hindered(Some(Hindrance::Tracker))));
    world.start_tracker();
    world.run_until(s(30));
    assert_eq!(world.viewers[0].events.last(), Some(&Event::Hindered(None)));
    world.join(Viewer::sharing(3, Line::steady(FAST), Sharing::Full));
    world.run_until(s(95));
    (0..3).for_each(|viewer| check_watched(&world, viewer));
    assert_eq!(world.viewers[2].stats().peers, 2, "a newcomer meets them");
}

#[test]
fn without_a_tracker_everything_comes_from_the_server() {
    let mut world = World::new(minute(), Vec::new());
    world.stop_tracker();
    world.join(Viewer::sharing(1, Line::steady(FAST), Sharing::Full));
    world.run_until(s(65));
    check_watched(&world, 0);
}

#[test]
fn peers_carry_on_while_the_server_is_away() {
    let origin = minute().with(Fault::Away(s(9)..s(25)));
    let mut world = World::new(origin, Vec::new());
    world.join(Viewer::sharing(1, Line::steady(FAST), Sharing::Full));
    world.run_until(Duration::from_millis(7_600));
    world.join(Viewer::sharing(2, Line::steady(FAST), Sharing::Full));
    world.run_until(s(24));
    let stats = world.viewers[1].stats();
    assert!(stats.p2p_bytes > 2_000_000 && stats.stalls == 0, "{stats:?}");
    world.run_until(s(80));
    (0..2).for_each(|viewer| check_watched(&world, viewer));
}

#[test]
fn a_change_of_quality_joins_the_other_swarm_and_leaves_the_first() {
    let mut world = World::new(Origin::new(&[300_000, 900_000], 30), Vec::new());
    for seed in [1, 2] {
        let viewer = world.join(Viewer::sharing(seed, Line::steady(FAST), Sharing::Full));
        world.run_until(world.now + Duration::from_millis(500));
        world.tell(viewer, Input::Chosen(Quality::Fixed(0)));
        world.run_until(world.now + s(6));
    }
    let before = world.viewers[1].stats().p2p_bytes;
    assert!(before > 0);
    world.tell(0, Input::Chosen(Quality::Fixed(1)));
    world.run_until(s(20));
    world.tell(1, Input::Chosen(Quality::Fixed(1)));
    world.run_until(s(132));
    (0..2).for_each(|viewer| check_watched(&world, viewer));
    assert!(world.viewers[1].stats().p2p_bytes > before + 1_000_000);
    let stopped = |viewer: &Viewer| viewer.trace.iter().any(|line| line.contains("stopped"));
    assert!(world.viewers.iter().all(stopped));
}

#[test]
fn nobody_gives_more_than_four_times_what_it_took() {
    let mut world = staggered(minute(), 8, s(2));
    world.run_until(s(100));
    for viewer in &world.viewers {
        let stats = viewer.stats();
        assert!(stats.uploaded_bytes <= 4 * (stats.http_bytes + stats.p2p_bytes), "{stats:?}");
    }
}

#[test]
fn what_is_kept_for_others_has_a_bound_and_who_gives_nothing_keeps_nothing() {
    // Segments of 10 MB, two minutes of which are more than may be kept.
    let fast = || Line::steady(200_000_000);
    let mut world = World::new(Origin::new(&[20_000_000], 30), Vec::new());
    for (seed, sharing) in
        [(1, Sharing::Full), (2, Sharing::Full), (3, Sharing::Receive), (4, Sharing::Off)]
    {
        let viewer = world.join(Viewer::sharing(seed, fast(), sharing));
        world.viewers[viewer].line.uplink_bps = 200_000_000;
        world.run_until(world.now + s(3));
    }
    for second in 13..140 {
        world.run_until(s(second));
        for viewer in &world.viewers {
            assert!(viewer.kept_bytes() < 220 << 20, "{} bytes at {second} s", viewer.kept_bytes());
        }
    }
    let kept = |viewer: usize| world.viewers[viewer].kept_bytes();
    assert!(kept(0) > 64 << 20 && kept(0) < 140 << 20, "{}", kept(0));
    assert_eq!((kept(2), kept(3)), (0, 0));
    (0..4).for_each(|viewer| assert_eq!(world.viewers[viewer].lost, []));
}

#[test]
fn seeks_to_and_fro_lose_no_bytes_that_are_still_wanted() {
    let mut world = staggered(Origin::new(&[300_000, 1_000_000], 60), 3, s(6));
    let mut place = 7;
    for step in 0..40 {
        place = place * 31 % 230;
        let viewer = step % 3;
        match step % 5 {
            4 => world.tell(viewer, Input::Chosen(Quality::Fixed(step / 5 % 2))),
            3 => world.tell(
                viewer,
                Input::Permitted([Sharing::Off, Sharing::Receive, Sharing::Full][step % 3]),
            ),
            _ => world.tell(viewer, Input::Seeked { position: s(place) }),
        }
        world.run_until(world.now + Duration::from_millis(700));
    }
    for viewer in &world.viewers {
        assert_eq!((viewer.lost.as_slice(), viewer.wrong_appended), (&[][..], 0));
    }
}

#[test]
fn a_seek_comes_from_the_server_at_once_and_then_from_peers() {
    let mut world = staggered(Origin::new(&[1_000_000], 60), 2, s(40));
    world.run_until(s(85));
    world.tell(1, Input::Seeked { position: s(60) });
    let before = world.viewers[1].stats();
    world.run_until(s(95));
    let after = world.viewers[1].stats();
    assert!(after.p2p_bytes > before.p2p_bytes + 1_000_000, "{before:?} {after:?}");
    assert!(world.viewers[1].position() > s(69), "{:?}", world.viewers[1].position());
}

#[test]
fn the_same_seeds_make_the_same_world() {
    let traces = || {
        let mut world = staggered(minute(), 3, s(5));
        world.run_until(s(30));
        world.viewers.into_iter().map(|viewer| viewer.trace).collect::<Vec<_>>()
    };
    assert_eq!(traces(), traces());
}
