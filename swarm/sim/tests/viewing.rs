//! What a viewer sees, in claims: the engine against lines that change and servers that fail.

use std::time::Duration;

use swarm::{Event, Fatal, Input, Quality, Trouble};
use swarm_sim::{Fault, Line, Origin, Quota, Viewer, World};

const LADDER: [u64; 3] = [300_000, 900_000, 2_500_000];
const ROOMY: Quota = Quota(150 << 20);
const FAST: u64 = 20_000_000;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A minute of video for one viewer who plays at once.
fn world(line: Line, faults: &[Fault]) -> World {
    let origin = faults.iter().cloned().fold(Origin::new(&LADDER, 15), Origin::with);
    World::new(origin, vec![Viewer::playing(7, line, ROOMY)])
}

#[track_caller]
fn check_plays_through(world: &World) {
    let viewer = &world.viewers[0];
    assert!(viewer.is_ended(), "stopped at {:?}: {:?}", viewer.position(), viewer.trace.last());
    assert_eq!(viewer.stats().stalls, 0, "stalled for {:?}", viewer.stats().stalled);
}

#[test]
fn a_fast_line_starts_at_once_plays_through_and_ends_at_the_top() {
    let mut world = world(Line::steady(FAST), &[]);
    world.run_until(s(62));
    check_plays_through(&world);
    let viewer = &world.viewers[0];
    assert!(
        viewer.first_picture.unwrap() < Duration::from_millis(800),
        "{:?}",
        viewer.first_picture
    );
    assert_eq!(viewer.shown().last(), Some(&2));
}

#[test]
fn a_slow_line_stays_low_and_does_not_stall() {
    let mut world = world(Line::steady(700_000), &[]);
    world.run_until(s(70));
    check_plays_through(&world);
    assert!(!world.viewers[0].shown().contains(&2), "{:?}", world.viewers[0].shown());
}

#[test]
fn a_viewer_steps_down_before_it_stalls() {
    let line = Line::changing(FAST, s(10), 450_000);
    let mut world = world(line, &[]);
    world.origin = Origin::new(&LADDER, 60);
    world.run_until(s(250));
    check_plays_through(&world);
    assert_eq!(world.viewers[0].shown().last(), Some(&0), "{:?}", world.viewers[0].shown());
}

#[test]
fn a_download_that_would_come_too_late_is_left_for_a_lower_rendition() {
    let mut world = world(Line::changing(3_800_000, s(13), 450_000), &[]);
    world.run_until(s(100));
    let viewer = &world.viewers[0];
    assert!(viewer.trace.iter().any(|line| line.contains("Cancel")), "{:#?}", viewer.trace);
    check_plays_through(&world);
}

#[test]
fn a_server_that_is_away_for_ten_seconds_costs_no_stall() {
    let mut world = world(Line::steady(FAST), &[Fault::Away(s(15)..s(25))]);
    world.run_until(s(63));
    check_plays_through(&world);
    let events = &world.viewers[0].events;
    assert!(
        events.contains(&Event::Trouble(Trouble::Unreachable))
            && events.contains(&Event::Recovered)
    );
}

#[test]
fn a_viewer_who_ran_dry_goes_on_soon_after_the_server_is_back() {
    let mut world = world(Line::steady(FAST), &[Fault::Away(s(5)..s(65))]);
    world.run_until(s(65));
    let dry = world.viewers[0].position();
    world.run_until(s(65 + 13));
    assert!(world.viewers[0].position() > dry + Duration::from_millis(500), "still at {dry:?}");
    assert_eq!(world.viewers[0].stats().stalls, 1);
    world.run_until(s(130));
    assert!(world.viewers[0].is_ended());
}

#[test]
fn retry_after_is_honoured() {
    let mut world = world(Line::steady(FAST), &[Fault::Busy(s(0)..s(3), s(5))]);
    world.run_until(s(5));
    let asked =
        |world: &World| world.viewers[0].trace.iter().filter(|line| line.contains("Fetch")).count();
    assert_eq!(asked(&world), 1, "{:?}", world.viewers[0].trace);
    world.run_until(s(70));
    assert!(world.viewers[0].is_ended());
}

#[test]
fn a_segment_that_one_rendition_lacks_is_shown_in_another() {
    let mut world = world(Line::steady(FAST), &[Fault::Missing { rendition: Some(2), segment: 6 }]);
    world.run_until(s(63));
    check_plays_through(&world);
    assert!(!world.viewers[0].events.contains(&Event::Trouble(Trouble::Hole)));
}

#[test]
fn a_segment_that_nobody_has_is_skipped_and_said() {
    let mut world = world(Line::steady(FAST), &[Fault::Missing { rendition: None, segment: 6 }]);
    world.run_until(s(63));
    let viewer = &world.viewers[0];
    assert!(viewer.is_ended() && viewer.events.contains(&Event::Trouble(Trouble::Hole)));
    assert!(viewer.stats().stalled < s(1), "{:?}", viewer.stats().stalled);
}

#[test]
fn a_rendition_that_fails_throughout_is_left_for_another() {
    for fault in [Fault::Ill { rendition: 1 }, Fault::Headless { rendition: 1 }] {
        let mut world = world(Line::steady(FAST), &[fault]);
        world.run_until(s(66));
        assert!(world.viewers[0].is_ended(), "{:?}", world.viewers[0].trace.last());
        assert!(!world.viewers[0].shown().contains(&1));
    }
}

#[test]
fn a_playlist_that_does_not_come_keeps_nobody_from_watching_the_others() {
    for rendition in [0, 1, 2] {
        let mut world = world(Line::steady(FAST), &[Fault::Unlisted { rendition }]);
        world.run_until(s(66));
        check_plays_through(&world);
        assert!(!world.viewers[0].shown().contains(&rendition));
    }
}

#[test]
fn a_server_that_is_away_is_not_taken_for_one_with_holes() {
    let mut world = world(Line::steady(FAST), &[Fault::Away(s(5)..s(65))]);
    world.run_until(s(130));
    assert!(!world.viewers[0].events.contains(&Event::Trouble(Trouble::Hole)));
}

#[test]
fn a_trickle_is_given_up_for_a_lower_rendition() {
    let line = Line {
        rates: vec![(s(0), 2_000_000), (s(10), 20_000), (s(40), 2_000_000)],
        ..Line::steady(0)
    };
    let mut world = world(line, &[]);
    world.run_until(s(40));
    assert!(world.viewers[0].trace.iter().any(|line| line.contains("Switched(0)")));
    world.run_until(s(130));
    assert!(world.viewers[0].is_ended());
}

#[test]
fn a_start_beyond_the_end_is_one_at_the_beginning() {
    let mut world = world(Line::steady(FAST), &[]);
    world.viewers[0] = Viewer::playing_from(s(80_000), 7, Line::steady(FAST), ROOMY);
    world.run_until(s(63));
    check_plays_through(&world);
}

#[test]
fn broken_bytes_are_replaced_by_another_rendition_s() {
    let mut world = world(Line::steady(FAST), &[Fault::Broken { rendition: 2, segment: 5 }]);
    world.run_until(s(66));
    assert!(world.viewers[0].is_ended(), "{:?}", world.viewers[0].trace.last());
}

#[test]
fn a_video_whose_every_byte_is_broken_is_given_up() {
    let faults: Vec<Fault> = (0..3)
        .flat_map(|rendition| (0..15).map(move |segment| Fault::Broken { rendition, segment }))
        .collect();
    let mut world = world(Line::steady(FAST), &faults);
    world.run_until(s(30));
    assert_eq!(world.viewers[0].events.last(), Some(&Event::Failed(Fatal::Undecodable)));
}

#[test]
fn seeks_far_and_back_play_on() {
    let mut world = world(Line::steady(FAST), &[]);
    world.origin = Origin::new(&LADDER, 150);
    world.run_until(s(5));
    for (at, to) in [(5, 300), (10, 20), (15, 590), (20, 310)] {
        world.run_until(s(at));
        world.tell(0, Input::Seeked { position: s(to) });
        world.run_until(s(at + 3));
        let position = world.viewers[0].position();
        assert!(position > s(to + 1) && position < s(to + 4), "{position:?} after a seek to {to}");
    }
}

#[test]
fn a_chosen_quality_is_on_screen_within_a_segment_or_two_and_stays() {
    let mut world = world(Line::steady(FAST), &[]);
    world.run_until(s(20));
    assert_eq!(world.viewers[0].shown().last(), Some(&2));
    world.tell(0, Input::Chosen(Quality::Fixed(0)));
    world.run_until(s(26));
    assert_eq!(world.viewers[0].shown().last(), Some(&0), "{:?}", world.viewers[0].shown());
    world.run_until(s(63));
    check_plays_through(&world);
    assert_eq!(world.viewers[0].shown().last(), Some(&0));
}

#[test]
fn a_viewer_who_does_not_play_fetches_one_segment() {
    let origin = Origin::new(&LADDER, 15);
    let mut world = World::new(origin, vec![Viewer::new(7, Line::steady(FAST), ROOMY)]);
    world.run_until(s(60));
    assert!(
        world.viewers[0].media_bytes < 900_000 / 8 * 4 * 8 / 7,
        "{}",
        world.viewers[0].media_bytes
    );
    world.tell(0, Input::Started);
    world.run_until(s(125));
    assert!(world.viewers[0].is_ended());
}

#[test]
fn a_small_quota_is_kept_within_and_played_through() {
    let origin = Origin::new(&[300_000, 6_000_000], 60);
    let mut world =
        World::new(origin, vec![Viewer::playing(7, Line::steady(40_000_000), Quota(12 << 20))]);
    world.run_until(s(250));
    check_plays_through(&world);
    assert!(world.viewers[0].most_held <= 12 << 20);
}

#[test]
fn what_is_held_stays_within_half_a_minute_on_either_side() {
    let mut world = world(Line::steady(FAST), &[]);
    world.origin = Origin::new(&LADDER, 150);
    world.run_until(s(300));
    let most = world.viewers[0].most_held;
    assert!(most < 2_500_000 / 8 * (30 + 40 + 3 * 4), "{most}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let origin = Origin::new(&LADDER, 15).with(Fault::Away(s(3)..s(9)));
        let mut world =
            World::new(origin, vec![Viewer::playing(seed, Line::steady(900_000), ROOMY)]);
        world.run_until(s(60));
        world.viewers.remove(0).trace
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "retries are spread by the seed");
}

#[test]
fn a_video_that_is_not_there_is_said_to_be_gone() {
    let mut world = world(Line::steady(FAST), &[]);
    world.viewers[0] = Viewer::playing(7, Line::steady(FAST), ROOMY);
    world.origin = Origin::new(&[], 0);
    world.run_until(s(5));
    assert!(
        matches!(world.viewers[0].events.as_slice(), [Event::Failed(Fatal::Playlist(_))]),
        "{:?}",
        world.viewers[0].events
    );
}

#[test]
fn a_server_that_lacks_everything_is_not_asked_without_end() {
    let faults: Vec<Fault> =
        (0..15).map(|segment| Fault::Missing { rendition: None, segment }).collect();
    let mut world = world(Line::steady(FAST), &faults);
    world.run_until(s(120));
    let asked = world.viewers[0].trace.iter().filter(|line| line.contains("Fetch")).count();
    assert!(asked <= 1 + 2 * LADDER.len() + 15 * LADDER.len() * 2, "{asked} requests");
}
