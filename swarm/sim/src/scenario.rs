//! Whole audiences, from text files: who watches what, over which lines, and when they come and go.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swarm::{Config, Engine, Input, Sharing};

use crate::report::{Report, Snapshot};
use crate::{Agent, Dice, Line, Malice, Network, Origin, Quota, Viewer, World};

/// An audience and its world. All shares are of 1; all chance follows from the seed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// How many come in the beginning, and about how many there are from then on.
    pub viewers: usize,
    /// They come evenly spread over so many seconds.
    pub arrive_seconds: f64,
    /// Measuring begins so long after the last of them came; if negative, before.
    #[serde(default)]
    pub settle_seconds: f64,
    /// How long is measured.
    pub measure_seconds: f64,
    /// Bits per second of the one rendition.
    #[serde(default = "bitrate")]
    pub bitrate_bps: u64,
    /// Playing time of each segment.
    #[serde(default = "segment")]
    pub segment_seconds: f64,
    /// Segments that a live playlist lists.
    #[serde(default = "window")]
    pub window: usize,
    /// Segments of the video, if it is none that goes on.
    #[serde(default)]
    pub vod_segments: Option<usize>,
    /// How far before the end of the playlist a live stream is watched, to the nearest segment.
    #[serde(default)]
    pub live_delay_seconds: Option<f64>,
    /// How long after its publication a segment of a live stream should be there.
    #[serde(default = "budget")]
    pub budget_seconds: f64,
    /// Connections that each viewer looks for.
    pub neighbours: usize,
    /// The share of viewers that leave within a minute, without a word, and are replaced by as many others.
    #[serde(default)]
    pub churn_per_minute: f64,
    /// The share of viewers that take and don't give, and look for 8 connections.
    #[serde(default)]
    pub phones: f64,
    /// The share of pairs that can't reach each other.
    #[serde(default)]
    pub unreachable: f64,
    /// The share of packets between viewers that are lost.
    #[serde(default)]
    pub loss: f64,
    /// The share of viewers who betray the others, each way of [`Malice`] alike.
    #[serde(default)]
    pub hostile: f64,
    /// The share of viewers who can send but 0.3 Mbit/s.
    #[serde(default)]
    pub slow: f64,
    /// The share of viewers whose page has a stock player.
    #[serde(default)]
    pub stock: f64,
    /// What viewers' uplinks carry: the share of viewers, and Mbit/s.
    #[serde(default = "uplinks")]
    pub uplinks: Vec<(f64, f64)>,
    /// What comes to a viewer, in Mbit/s.
    #[serde(default = "downlink")]
    pub downlink_mbps: f64,
    /// The shortest and the longest round trip in milliseconds, between viewers, and to the servers.
    #[serde(default = "round_trips")]
    pub round_trip_ms: (u64, u64),
    /// What the origin's uplink carries in Mbit/s; without bound if absent.
    #[serde(default)]
    pub origin_mbps: Option<f64>,
    /// How often pages tell their engine where playback is.
    #[serde(default = "report")]
    pub report_seconds: f64,
}

fn bitrate() -> u64 {
    1_500_000
}
fn segment() -> f64 {
    4.0
}
fn window() -> usize {
    15
}
fn budget() -> f64 {
    10.0
}
fn uplinks() -> Vec<(f64, f64)> {
    vec![(0.2, 1.0), (0.5, 5.0), (0.3, 20.0)]
}
fn downlink() -> f64 {
    25.0
}
fn round_trips() -> (u64, u64) {
    (20, 150)
}
fn report() -> f64 {
    1.0
}

/// Who decides for the viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Our engine.
    Shoal,
    /// Our engine with sharing off.
    Off,
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Policy, String> {
        match name {
            "shoal" => Ok(Policy::Shoal),
            "off" => Ok(Policy::Off),
            other => Err(format!("no policy {other:?} is known; there are shoal and off")),
        }
    }
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When the text isn't one: which key is wrong, and where.
    pub fn read(text: &str) -> Result<Scenario, toml::de::Error> {
        toml::from_str(text)
    }

    /// One of those that come with the simulator.
    pub fn named(name: &str) -> Option<Scenario> {
        let (_, text) = SCENARIOS.iter().find(|(known, _)| *known == name)?;
        Scenario::read(text).ok()
    }

    /// The names of those that come with the simulator.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SCENARIOS.iter().map(|(name, _)| *name)
    }

    /// Plays it, and tells what became of it.
    pub fn run(&self, policy: Policy, seed: u64) -> Report {
        let mut run = Run::new(self, policy, seed);
        run.arrive();
        let begins = seconds((self.arrive_seconds + self.settle_seconds).max(0.0));
        let ends = begins + seconds(self.measure_seconds);
        run.go_on_until(begins);
        let before = Snapshot::of(&run.world);
        run.go_on_until(ends);
        Report::between(self, policy, &before, &run.world)
    }

    /// Plays it to its end, and shows the world as it is then.
    pub fn play(&self, policy: Policy, seed: u64) -> World {
        let mut run = Run::new(self, policy, seed);
        run.arrive();
        let begins = self.arrive_seconds + self.settle_seconds + self.measure_seconds;
        run.go_on_until(seconds(begins));
        run.world
    }

    fn origin(&self) -> Origin {
        match self.vod_segments {
            Some(segments) => Origin::new(&[self.bitrate_bps], segments),
            None => Origin::live(&[self.bitrate_bps], seconds(self.segment_seconds), self.window),
        }
    }
}

/// A world in which a scenario is played.
struct Run<'a> {
    scenario: &'a Scenario,
    policy: Policy,
    world: World,
    dice: Dice,
    /// When somebody comes for the first time, or goes.
    next_arrival: usize,
    next_departure: Option<Duration>,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, policy: Policy, seed: u64) -> Run<'a> {
        let mut world = World::new(scenario.origin(), Vec::new());
        let (shortest, longest) = scenario.round_trip_ms;
        world.network = Network {
            seed,
            round_trips: (Duration::from_millis(shortest), Duration::from_millis(longest)),
            unreachable: scenario.unreachable,
            loss: scenario.loss,
        };
        world.report_interval = seconds(scenario.report_seconds);
        scenario.origin_mbps.into_iter().for_each(|mbps| world.limit_origin(bps(mbps)));
        Run {
            scenario,
            policy,
            world,
            dice: Dice::new(seed),
            next_arrival: 0,
            next_departure: None,
        }
    }

    /// Lets the first audience come.
    fn arrive(&mut self) {
        let each = self.scenario.arrive_seconds / self.scenario.viewers.max(1) as f64;
        while self.next_arrival < self.scenario.viewers {
            let at = seconds(each * self.next_arrival as f64);
            self.next_arrival += 1;
            self.go_on_until(at);
            self.join();
        }
        self.next_departure = self.lifetime().map(|wait| self.world.now + wait);
    }

    fn go_on_until(&mut self, moment: Duration) {
        while let Some(at) = self.next_departure.filter(|at| *at <= moment) {
            self.world.run_until(at);
            self.replace_somebody();
            self.next_departure = self.lifetime().map(|wait| at + wait);
        }
        self.world.run_until(moment.max(self.world.now));
    }

    /// Until somebody leaves next: at random, so many a minute.
    fn lifetime(&mut self) -> Option<Duration> {
        let a_minute = self.scenario.churn_per_minute * self.scenario.viewers as f64;
        let wait = -(1.0 - self.dice.roll()).ln() * 60.0 / a_minute;
        (a_minute > 0.0).then(|| seconds(wait.min(1e6)))
    }

    fn replace_somebody(&mut self) {
        let here: Vec<usize> = self.world.audience().collect();
        if !here.is_empty() {
            let leaver = here[self.dice.below(here.len())];
            self.world.leave(leaver);
            self.join();
        }
    }

    fn join(&mut self) {
        let scenario = self.scenario;
        let is_phone = self.dice.roll() < scenario.phones;
        let config = Config {
            seed: self.dice.number(),
            neighbours: if is_phone {
                swarm::limits::NEIGHBOURS_ON_A_PHONE
            } else {
                scenario.neighbours
            },
            live_delay: scenario.live_delay_seconds.map(seconds),
            ..Config::default()
        };
        let sharing = match self.policy {
            Policy::Off => Sharing::Off,
            Policy::Shoal if is_phone => Sharing::Receive,
            Policy::Shoal => Sharing::Full,
        };
        let (shortest, longest) = self.world.network.round_trips;
        let line = Line {
            uplink_bps: self.uplink_bps(),
            round_trip: shortest + self.dice.moment(longest - shortest),
            ..Line::steady(bps(scenario.downlink_mbps))
        };
        let agent: Box<dyn Agent> = Box::new(Engine::new(config));
        let mut viewer = Viewer::with(agent, line, Quota(150 << 20), Duration::ZERO);
        viewer.play();
        viewer.intend(Input::Permitted(sharing));
        if self.dice.roll() < scenario.hostile {
            viewer.malice = Some(WAYS[self.dice.below(WAYS.len())]);
        }
        self.world.join(viewer);
    }

    fn uplink_bps(&mut self) -> u64 {
        let is_slow = self.dice.roll() < self.scenario.slow;
        let mut left = self.dice.roll();
        let class = self.scenario.uplinks.iter().find(|(share, _)| {
            left -= share;
            left < 0.0
        });
        let mbps = class.or(self.scenario.uplinks.last()).map_or(1.0, |(_, mbps)| *mbps);
        if is_slow { bps(SLOW_MBPS) } else { bps(mbps) }
    }
}

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn bps(mbps: f64) -> u64 {
    (mbps * 1e6) as u64
}

const WAYS: [Malice; 4] = [Malice::Lies, Malice::Silence, Malice::Stalls, Malice::FalseHave];

/// What a willing viewer on a bad line can send.
const SLOW_MBPS: f64 = 0.3;

/// Those that come with the simulator.
const SCENARIOS: &[(&str, &str)] = &[
    ("live-1000", include_str!("../scenarios/live-1000.toml")),
    ("live-1000-short", include_str!("../scenarios/live-1000-short.toml")),
    ("live-100", include_str!("../scenarios/live-100.toml")),
    ("live-10000", include_str!("../scenarios/live-10000.toml")),
    ("flash-crowd", include_str!("../scenarios/flash-crowd.toml")),
    ("small-origin", include_str!("../scenarios/small-origin.toml")),
    ("hostile-30", include_str!("../scenarios/hostile-30.toml")),
    ("slow-30", include_str!("../scenarios/slow-30.toml")),
    ("vod-crowd", include_str!("../scenarios/vod-crowd.toml")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_that_comes_along_can_be_read() {
        for (name, text) in SCENARIOS {
            Scenario::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = Scenario::read("viewers = 3\nvewers = 3\n").unwrap_err().to_string();
        assert!(error.contains("vewers"), "{error}");
    }
}
