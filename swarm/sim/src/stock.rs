//! A page with a stock player, hls.js over p2p-media-loader, as an agent in the place of our engine.
//!
//! ```text
//!   player ── the next segment that it can take ──▶ queue ──▶ loader ──┬─▶ the server
//!     ▲                                            policy ──▶   │      └─▶ a link that announced it
//!     └───────────────── storage ◀── a whole segment ───────────┘
//! ```
//!
//! It is made from facts alone. It plays one rendition, the first: what hls.js decides about renditions isn't ours to compare.
//! Nothing that comes from others is checked, as nothing is unless a page brings its own check. What would end a real page
//! (three failures in a row, a segment that doesn't decode) is tried again here, so that an audience stays whole.
//!
//! - `player`, `track`: playlists, the media element and what it is fed
//! - `queue`: which segment is fetched from whom, now; [`policy`](crate::policy) is asked about what isn't urgent
//! - `loader`: running downloads, and the storage
//! - `tracker`, `links`, `talk`, `nearby`: others, what they say, and what they hold

mod links;
mod loader;
mod nearby;
mod player;
mod queue;
mod talk;
#[cfg(test)]
mod tests;
mod track;
mod tracker;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use swarm::{Deadline, Input, LinkId, Output, RequestId, Sharing, Stats, Time, Why};
use wire::peer::{PeerId, Segment};

use crate::policy::Stock;
use crate::{Agent, Dice};

use links::Link;
use loader::{Held, Load};
use nearby::Nearby;
use player::Player;
use queue::Queue;
use track::Track;
use tracker::Tracker;

/// What a page fixes before the first input.
#[derive(Clone, Copy, Debug)]
pub struct StockConfig {
    /// What chance follows from.
    pub seed: u64,
    /// Segments that begin so soon after the playhead are urgent: they come from the server, whatever others bring.
    pub high_demand: Duration,
    /// How far before the end of a live stream playback starts; three target durations when absent.
    pub live_delay: Option<Duration>,
    /// Whether it gives; if not, it says so to nobody, and answers that it has nothing.
    pub uploads: bool,
}

/// A stock page.
#[derive(Debug)]
pub struct StockPeer {
    policy: Stock,
    config: StockConfig,
    dice: Dice,
    /// When the last input came.
    now: Time,
    outputs: VecDeque<Output>,
    requests: u64,
    stats: Stats,
    player: Player,
    track: Track,
    queue: Queue,
    loads: BTreeMap<Segment, Load>,
    held: BTreeMap<Segment, Held>,
    sharing: Sharing,
    peer_id: PeerId,
    tracker: Tracker,
    links: BTreeMap<LinkId, Link>,
    next_link: u64,
    nearby: Nearby,
    /// What it holds or fetches from the server has changed since its neighbours were told.
    has_news: bool,
}

impl StockPeer {
    /// A page that waits for [`Input::Opened`].
    pub fn new(policy: Stock, config: StockConfig) -> StockPeer {
        let mut dice = Dice::new(config.seed);
        let peer_id = PeerId::from_random(std::array::from_fn(|_| dice.number() as u8));
        StockPeer {
            policy,
            config,
            dice,
            now: Time::default(),
            outputs: VecDeque::new(),
            requests: 0,
            stats: Stats::default(),
            player: Player::default(),
            track: Track::default(),
            queue: Queue::default(),
            loads: BTreeMap::new(),
            held: BTreeMap::new(),
            sharing: Sharing::Off,
            peer_id,
            tracker: Tracker::default(),
            links: BTreeMap::new(),
            next_link: 0,
            nearby: Nearby::default(),
            has_news: false,
        }
    }

    fn want(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    fn new_request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn note(&mut self, input: Input) {
        match input {
            Input::Opened { url, position } => self.opened(&url, position),
            Input::Progressed { request, bytes } => self.progressed(request, bytes),
            Input::Fetched { request, url, body, took } => self.fetched(request, &url, body, took),
            Input::Failed { request, .. } => self.failed(request),
            Input::Prepared => self.player.prepared(),
            Input::Updated => self.updated(),
            Input::Rejected => self.refused(),
            Input::Overfull => self.overfull(),
            Input::Undecodable => self.undecodable(),
            Input::Played { position, buffered, is_starved, .. } => {
                self.played(position, buffered, is_starved);
            }
            Input::Seeked { position } => self.seeked(position),
            Input::Permitted(sharing) => self.permitted(sharing),
            Input::TrackerOpened => self.tracker_opened(),
            Input::TrackerClosed => self.tracker_closed(),
            Input::TrackerSaid(heard) => self.tracker_said(heard),
            Input::Offered { link, sdp } => self.offered(link, sdp),
            Input::Answered { link, sdp } => self.answered(link, &sdp),
            Input::Connected { link } => self.connected(link),
            Input::Disconnected { link } => self.lose(link),
            Input::Said { link, message } => self.said(link, &message),
            Input::Received { link, bytes } => self.received(link, bytes),
            Input::Drained { link } => self.give_more(link),
            Input::Started
            | Input::Chosen(_)
            | Input::Woken
            | Input::Checked { .. }
            | Input::Verified(_)
            | Input::Unverifiable
            | Input::Unreflected => {}
        }
    }

    /// It gives what it holds.
    fn gives(&self) -> bool {
        self.config.uploads && self.sharing == Sharing::Full
    }
}

impl Agent for StockPeer {
    fn handle(&mut self, now: Time, input: Input) {
        self.now = now;
        self.note(input);
        self.give_up_silent_loads();
        self.mind_links();
        self.mind_tracker();
        self.look_at_queue();
        self.feed();
        self.tell_news();
    }

    fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn next_deadline(&self) -> Option<Deadline> {
        let looks = self.player.looks_at(&self.track).map(|at| (at, Why::Look));
        let ticks = self.queue.ticks_at().map(|at| (at, Why::Watch));
        let loads = self.loads.values().filter_map(Load::deadline);
        let links = self.links.values().filter_map(Link::gives_up_at).map(|at| (at, Why::Link));
        let tracker = self.tracker.deadline().map(|at| (at, Why::Announce));
        let all = looks.into_iter().chain(ticks).chain(loads).chain(links).chain(tracker);
        all.min_by_key(|(at, _)| *at).map(|(at, why)| Deadline { at, why })
    }

    fn stats(&self, _now: Time) -> Stats {
        Stats {
            peers: self.links.values().filter(|link| link.is_open()).count(),
            others: self.tracker.others(),
            rendition: self.track.is_known().then_some(0),
            held_bytes: self.held.values().map(|held| held.bytes).sum(),
            live_delay: self
                .track
                .is_live()
                .then(|| self.track.end_time().saturating_sub(self.player.position)),
            ..self.stats
        }
    }
}
