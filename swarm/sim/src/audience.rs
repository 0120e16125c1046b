//! Plays a scenario: lets viewers come, go, pause and seek when their time is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use swarm::{Config, Input};

use crate::policy::agent;
use crate::report::Second;
use crate::scenario::{Scenario, seconds};
use crate::{Dice, Line, Malice, Network, Policy, Quota, Story, Viewer, World};

/// A world in which a scenario is played.
pub(crate) struct Audience<'a> {
    scenario: &'a Scenario,
    policy: Policy,
    pub(crate) world: World,
    dice: Dice,
    plans: BinaryHeap<Reverse<(Duration, Deed)>>,
    /// Those of the first audience who are still to come.
    to_come: usize,
    /// What was seen at the end of each second.
    pub(crate) seconds: Vec<Second>,
    /// Whose outputs are kept in words, and inputs as they are.
    traced: Option<usize>,
}

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Arrive,
    Depart,
    Pause,
    Resume(usize),
    Seek,
}

impl<'a> Audience<'a> {
    pub(crate) fn new(
        scenario: &'a Scenario,
        policy: Policy,
        seed: u64,
        traced: Option<usize>,
    ) -> Audience<'a> {
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
        let (plans, to_come) = (BinaryHeap::new(), scenario.viewers);
        let (dice, seconds) = (Dice::new(seed), Vec::new());
        let mut audience =
            Audience { scenario, policy, world, dice, plans, to_come, seconds, traced };
        audience.plan(Duration::ZERO, Deed::Arrive);
        audience
    }

    /// Lets time pass, and everybody do what they do.
    pub(crate) fn go_on_until(&mut self, moment: Duration) {
        while let Some(Reverse((at, deed))) = self.plans.peek().copied()
            && at <= moment
        {
            self.plans.pop();
            self.pass_until(at);
            self.happen(deed);
        }
        self.pass_until(moment);
    }

    /// Lets time pass, and looks about at the end of each second.
    fn pass_until(&mut self, moment: Duration) {
        while seconds((self.seconds.len() + 1) as f64) <= moment {
            self.world.run_until(seconds((self.seconds.len() + 1) as f64));
            let (viewers, stalled) = self.world.count_audience();
            let second = self.seconds.len();
            self.seconds.push(Second { second, origin_bps: 0, viewers, stalled });
        }
        self.world.run_until(moment);
    }

    fn plan(&mut self, at: Duration, deed: Deed) {
        self.plans.push(Reverse((at, deed)));
    }

    /// Plans what happens by chance, so many times a minute for each viewer.
    fn plan_some(&mut self, per_minute: f64, deed: Deed) {
        let a_minute = per_minute * self.scenario.viewers as f64;
        let wait = -(1.0 - self.dice.roll()).ln() * 60.0 / a_minute;
        if a_minute > 0.0 {
            self.plan(self.world.now + seconds(wait.min(1e6)), deed);
        }
    }

    fn happen(&mut self, deed: Deed) {
        let (scenario, now) = (self.scenario, self.world.now);
        match deed {
            Deed::Arrive => self.arrive(),
            Deed::Depart => {
                self.replace_somebody();
                self.plan_some(scenario.churn_per_minute, deed);
            }
            Deed::Pause => {
                if let Some(viewer) = self.somebody() {
                    self.world.pause(viewer);
                    self.plan(now + seconds(scenario.pause_seconds), Deed::Resume(viewer));
                }
                self.plan_some(scenario.pauses_per_minute, deed);
            }
            Deed::Resume(viewer) => self.world.resume(viewer),
            Deed::Seek => {
                self.seek();
                self.plan_some(scenario.seeks_per_minute, deed);
            }
        }
    }

    /// One more of the first audience comes; when the last of them is there, some begin to go and to seek.
    fn arrive(&mut self) {
        let scenario = self.scenario;
        let has_left = self.to_come.checked_sub(1);
        let Some(to_come) = has_left else { return };
        self.to_come = to_come;
        self.join(false);
        if to_come > 0 {
            let each = scenario.arrive_seconds / scenario.viewers as f64;
            let at = seconds(each * (scenario.viewers - to_come) as f64);
            return self.plan(at, Deed::Arrive);
        }
        self.plan_some(scenario.churn_per_minute, Deed::Depart);
        self.plan_some(scenario.pauses_per_minute, Deed::Pause);
        self.plan_some(scenario.seeks_per_minute, Deed::Seek);
    }

    fn somebody(&mut self) -> Option<usize> {
        let here: Vec<usize> = self.world.audience().collect();
        let at = self.dice.below(here.len());
        here.get(at).copied()
    }

    fn replace_somebody(&mut self) {
        let Some(leaver) = self.somebody() else { return };
        if self.dice.roll() < self.scenario.goodbyes {
            self.world.tell(leaver, Input::Permitted(swarm::Sharing::Off));
        }
        self.world.leave(leaver);
        let returns = self.dice.roll() < self.scenario.returners;
        self.join(returns);
    }

    /// Somebody jumps to anywhere in the video, or back by up to the length of the playlist.
    fn seek(&mut self) {
        let Some(viewer) = self.somebody() else { return };
        let position = match self.scenario.vod_segments {
            Some(_) => self.dice.moment(self.world.origin.duration()),
            None => {
                let window = seconds(self.scenario.segment_seconds * self.scenario.window as f64);
                let back = self.dice.moment(window);
                self.world.viewers[viewer].position().saturating_sub(back)
            }
        };
        self.world.tell(viewer, Input::Seeked { position });
    }

    fn join(&mut self, returns: bool) {
        let viewer = self.somebody_new(returns);
        self.world.join(viewer);
    }

    fn somebody_new(&mut self, returns: bool) -> Viewer {
        let scenario = self.scenario;
        let is_phone = self.dice.roll() < scenario.phones;
        let stock = scenario.stock_policy.filter(|_| self.dice.roll() < scenario.stock);
        let policy = stock.unwrap_or(self.policy);
        let downlink_bps = bps(scenario.downlink_mbps);
        let config = Config {
            seed: self.dice.number(),
            neighbours: if is_phone {
                swarm::limits::NEIGHBOURS_ON_A_PHONE
            } else {
                scenario.neighbours
            },
            live_delay: scenario.live_delay_seconds.map(seconds),
            expects_live: scenario.vod_segments.is_none(),
            estimate_bps: returns.then_some(downlink_bps),
            ..Config::default()
        };
        let (shortest, longest) = self.world.network.round_trips;
        let line = Line {
            uplink_bps: self.uplink_bps(),
            round_trip: shortest + self.dice.moment(longest - shortest),
            ..Line::steady(downlink_bps)
        };
        let mut viewer = Viewer::with(
            agent(policy, config.clone(), is_phone),
            line,
            Quota(ELEMENT_BYTES),
            Duration::ZERO,
        );
        viewer.play();
        viewer.intend(Input::Permitted(policy.sharing(is_phone)));
        if self.dice.roll() < scenario.hostile {
            viewer.malice = Some(Malice::ALL[self.dice.below(Malice::ALL.len())]);
        }
        viewer.keeps_trace = self.traced == Some(self.world.viewers.len());
        viewer.story = viewer.keeps_trace.then(|| Story::new(config));
        viewer
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

fn bps(mbps: f64) -> u64 {
    (mbps * 1e6) as u64
}

/// What a willing viewer on a bad line can send.
const SLOW_MBPS: f64 = 0.3;
/// What a browser's media element takes.
const ELEMENT_BYTES: u64 = 150 << 20;
