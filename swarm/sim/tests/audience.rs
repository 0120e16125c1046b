//! What whole audiences see and cost, in claims: small ones, of the scenarios that come along.

use swarm_sim::{Policy, Report, Scenario};

/// What becomes of a few viewers in a scenario, within half a minute.
fn few(name: &str, viewers: usize, policy: Policy) -> Report {
    let mut scenario = Scenario::named(name).expect("it comes along");
    (scenario.viewers, scenario.measure_seconds) = (viewers, 30.0);
    scenario.run(policy, 1)
}

#[track_caller]
fn check_nothing_breaks(name: &str) -> Report {
    let report = few(name, 20, Policy::Shoal);
    let broken = (report.wrong_appended, report.lost, report.never_started);
    assert_eq!(broken, (0, 0, 0), "{report:#?}");
    report
}

#[test]
fn among_hostile_viewers_nothing_wrong_plays() {
    check_nothing_breaks("hostile-30");
}

#[test]
fn viewers_who_come_and_go_and_pause_and_seek_lose_nothing() {
    check_nothing_breaks("restless");
}

#[test]
fn stock_pages_and_ours_feed_each_other() {
    let mixed = check_nothing_breaks("mixed-stock");
    assert!(mixed.offload > 0.6 && mixed.stall_ratio < 0.01, "{mixed:#?}");
}

#[test]
fn a_live_stream_comes_mostly_from_peers() {
    let report = few("live-100", 30, Policy::Shoal);
    assert!(report.offload > 0.7 && report.origin_copies_per_segment < 9.0, "{report:#?}");
    assert!(report.stall_ratio < 0.001, "{report:#?}");
}

#[test]
fn where_every_other_peer_can_send_next_to_nothing_next_to_nobody_stalls() {
    let mut scenario = Scenario::named("slow-30").expect("it comes along");
    (scenario.viewers, scenario.slow) = (50, 0.5);
    // From the first arrival on: who comes knows of nobody how fast it is.
    (scenario.arrive_seconds, scenario.settle_seconds, scenario.measure_seconds) =
        (6.0, -6.0, 14.0);
    let report = scenario.run(Policy::Shoal, 10);
    // Five where a peer is waited for that is fast but far behind.
    assert!(report.stalls <= 1, "{report:#?}");
}

#[test]
fn without_sharing_each_viewer_costs_a_copy() {
    let report = few("live-100", 30, Policy::Off);
    let copies = report.origin_copies_per_segment;
    assert!(copies > 27.0 && copies < 33.0 && report.offload == 0.0, "{report:#?}");
}

#[test]
fn a_crowd_is_measured_from_its_first_arrival_on() {
    let report = few("flash-crowd", 20, Policy::Off);
    let viewers: Vec<usize> = report.series.iter().map(|second| second.viewers).collect();
    assert_eq!((viewers.len(), viewers[0], viewers[29]), (30, 1, 20), "{viewers:?}");
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let report = |seed| {
        let mut scenario = Scenario::named("restless").expect("it comes along");
        (scenario.viewers, scenario.measure_seconds) = (15, 10.0);
        format!("{:?}", scenario.run(Policy::Shoal, seed))
    };
    assert_eq!(report(1), report(1));
    assert_ne!(report(1), report(2));
}

#[test]
fn stock_pages_share_too_and_all_play() {
    for policy in [Policy::Pml2, Policy::Pml5] {
        let report = few("live-100", 30, policy);
        assert!(report.offload > 0.4 && report.stall_ratio < 0.01, "{report:#?}");
        assert_eq!((report.lost, report.never_started), (0, 0), "{report:#?}");
    }
}

#[test]
fn ours_and_stock_pages_share_with_each_other() {
    let mut scenario = Scenario::named("live-100").expect("it comes along");
    (scenario.viewers, scenario.measure_seconds) = (30, 30.0);
    (scenario.stock, scenario.stock_policy) = (0.5, Some(Policy::Pml2));
    let report = scenario.run(Policy::Shoal, 1);
    assert!(report.offload > 0.5, "{report:#?}");
    assert_eq!((report.lost, report.never_started), (0, 0), "{report:#?}");
}
