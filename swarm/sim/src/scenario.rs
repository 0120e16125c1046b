//! Whole audiences, from text files: who watches what, over which lines, and when they come and go; [`Audience`] plays them.

use std::time::Duration;

use serde::Deserialize;

use crate::audience::Audience;
use crate::report::{Report, Snapshot};
use crate::{Origin, Policy, Story, World};

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
    /// The share of leavers who end their connections before they go.
    #[serde(default)]
    pub goodbyes: f64,
    /// The share of those who come in a leaver's place that know from an earlier visit how fast their line is.
    #[serde(default)]
    pub returners: f64,
    /// The share of viewers that pause within a minute.
    #[serde(default)]
    pub pauses_per_minute: f64,
    /// For how long.
    #[serde(default = "pause")]
    pub pause_seconds: f64,
    /// The share of viewers that jump to somewhere else within a minute: in a VOD anywhere, in a live stream back.
    #[serde(default)]
    pub seeks_per_minute: f64,
    /// The share of viewers that take and don't give, and look for 8 connections.
    #[serde(default)]
    pub phones: f64,
    /// The share of pairs that can't reach each other.
    #[serde(default)]
    pub unreachable: f64,
    /// The share of packets between viewers that are lost.
    #[serde(default)]
    pub loss: f64,
    /// The share of viewers who betray the others, each way of [`Malice`](crate::Malice) alike.
    #[serde(default)]
    pub hostile: f64,
    /// The share of viewers who can send but 0.3 Mbit/s.
    #[serde(default)]
    pub slow: f64,
    /// The share of viewers for whom `stock_policy` decides, whatever decides for the others.
    #[serde(default)]
    pub stock: f64,
    /// See `stock`.
    #[serde(default)]
    pub stock_policy: Option<Policy>,
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
fn pause() -> f64 {
    15.0
}
fn report() -> f64 {
    1.0
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When the text isn't one: which key is wrong, and where.
    pub fn read(text: &str) -> Result<Scenario, toml::de::Error> {
        let scenario: Scenario = toml::from_str(text)?;
        if scenario.stock > 0.0 && scenario.stock_policy.is_none() {
            return Err(serde::de::Error::custom("`stock` needs a `stock-policy`"));
        }
        Ok(scenario)
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
        let mut audience = Audience::new(self, policy, seed, None);
        audience.go_on_until(self.begins());
        let before = Snapshot::of(&audience.world);
        audience.go_on_until(self.ends());
        Report::between(self, policy, &before, &audience)
    }

    /// Plays it to its end, and shows the world as it is then, with all that one of the viewers wanted, in words.
    pub fn play(&self, policy: Policy, seed: u64, traced: Option<usize>) -> World {
        let mut audience = Audience::new(self, policy, seed, traced);
        audience.go_on_until(self.ends());
        audience.world
    }

    /// Plays it to its end, and tells what one of the viewers was told; `None` if fewer came.
    pub fn story(&self, seed: u64, viewer: usize) -> Option<Story> {
        let mut world = self.play(Policy::Shoal, seed, Some(viewer));
        world.viewers.get_mut(viewer)?.story.take()
    }

    /// When measuring begins.
    fn begins(&self) -> Duration {
        seconds((self.arrive_seconds + self.settle_seconds).max(0.0))
    }

    fn ends(&self) -> Duration {
        self.begins() + seconds(self.measure_seconds)
    }

    pub(crate) fn origin(&self) -> Origin {
        match self.vod_segments {
            Some(segments) => Origin::new(&[self.bitrate_bps], segments),
            None => Origin::live(&[self.bitrate_bps], seconds(self.segment_seconds), self.window),
        }
    }
}

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Those that come with the simulator.
const SCENARIOS: &[(&str, &str)] = &[
    ("live-1000", include_str!("../scenarios/live-1000.toml")),
    ("live-1000-short", include_str!("../scenarios/live-1000-short.toml")),
    ("live-high", include_str!("../scenarios/live-high.toml")),
    ("live-100", include_str!("../scenarios/live-100.toml")),
    ("live-10000", include_str!("../scenarios/live-10000.toml")),
    ("flash-crowd", include_str!("../scenarios/flash-crowd.toml")),
    ("small-origin", include_str!("../scenarios/small-origin.toml")),
    ("hostile-30", include_str!("../scenarios/hostile-30.toml")),
    ("slow-30", include_str!("../scenarios/slow-30.toml")),
    ("mixed-stock", include_str!("../scenarios/mixed-stock.toml")),
    ("restless", include_str!("../scenarios/restless.toml")),
    ("vod-staggered", include_str!("../scenarios/vod-staggered.toml")),
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
