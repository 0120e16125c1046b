//! One viewer: an agent, driven as a browser drives it, with its line and its media element.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use swarm::{
    Config, Deadline, Engine, Event, Failure, Input, LinkId, Output, RequestId, Sharing, Stats,
    Time,
};
use wire::playlist::ByteRange;

use crate::agent::Agent;
use crate::element::Element;
use crate::malice::Malice;
use crate::origin::{Answer, MASTER};
use crate::pipe::{Bodies, Pipe};
use crate::{Line, Quota, Story};

/// One viewer.
#[derive(Debug)]
pub struct Viewer {
    pub(crate) agent: Box<dyn Agent>,
    /// How bytes come and go.
    pub line: Line,
    pub(crate) element: Element,
    pub(crate) transfers: BTreeMap<RequestId, Transfer>,
    pub(crate) bodies: Bodies,
    /// Under which request the data of a connection are kept.
    pub(crate) receiving: BTreeMap<LinkId, RequestId>,
    pub(crate) pipes: BTreeMap<LinkId, Pipe>,
    /// Connections that wait for their turn at the uplink.
    pub(crate) lined_up: VecDeque<LinkId>,
    pub(crate) sending: Option<LinkId>,
    /// Bytes of small commands that the next message has to wait for.
    pub(crate) slipped_in: u64,
    /// What comes through the line is through then.
    pub(crate) line_free_at: Duration,
    /// Until then it computes digests.
    pub(crate) checks_until: Duration,
    /// What verifies and computes them is there.
    pub(crate) can_verify: bool,
    pub(crate) has_connected: bool,
    /// How it betrays others.
    pub malice: Option<Malice>,
    pub(crate) is_gone: bool,
    /// What the viewer does as soon as it is there.
    pub(crate) intentions: Vec<Input>,
    /// What is told when the element is done.
    pub(crate) update: Option<Input>,
    /// Counts what makes earlier plans for the element void.
    pub(crate) element_turn: u32,
    pub(crate) playback_turn: u32,
    pub(crate) was_running: bool,
    /// The next wake that is planned.
    pub(crate) wakes_at: Option<Duration>,
    /// Where the segment plays whose beginning was appended last.
    pub(crate) head: (Duration, u64),
    pub(crate) now: Duration,
    /// When it came.
    pub joined_at: Duration,
    /// What the engine told the page.
    pub events: Vec<Event>,
    /// When the first picture was on.
    pub first_picture: Option<Duration>,
    /// Every output, in words, where [`Viewer::keeps_trace`].
    pub trace: Vec<String>,
    /// Whether outputs are kept in words.
    pub keeps_trace: bool,
    /// Media bytes that the origin sent it.
    pub media_bytes: u64,
    /// Those of its first ten seconds.
    pub newcomer_bytes: u64,
    /// Data that it sent to others.
    pub sent_bytes: u64,
    /// The most bytes that the media element ever held.
    pub most_held: u64,
    /// Segments with wrong bytes that the engine wanted to play.
    pub wrong_appended: usize,
    /// Bytes that the engine wanted and had let go before, or never had.
    pub lost: Vec<Output>,
    /// Times that playback ran dry after the first picture, and how long that lasted.
    pub stalls: u32,
    pub(crate) stalled: Duration,
    /// Playing time that the agent jumped over after the first picture.
    pub skipped: Duration,
    pub(crate) dry_since: Option<Duration>,
    /// How often something was told to its agent.
    pub inputs: u64,
    /// What its agent is told at the end of the round.
    pub(crate) input: Option<Input>,
    /// What the agent wanted then.
    pub(crate) outputs: Vec<Output>,
    /// And when it wants to be woken.
    pub(crate) deadline: Option<Deadline>,
    /// What its agent was told, where that is kept.
    pub(crate) story: Option<Story>,
}

/// An answer on its way.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) uri: Arc<str>,
    pub(crate) range: Option<ByteRange>,
    /// The server's word, once it was asked.
    pub(crate) answer: Option<Result<Answer, Failure>>,
    pub(crate) began: Duration,
    pub(crate) length: u64,
    /// Bytes that the origin has lined up or sent.
    pub(crate) queued: u64,
    /// Chunks among them that haven't come.
    pub(crate) in_flight: u32,
    pub(crate) window: u32,
    pub(crate) got: u64,
}

impl Viewer {
    /// A viewer who opens the video as soon as it is in the world, but doesn't play yet.
    pub fn new(seed: u64, line: Line, quota: Quota) -> Viewer {
        Viewer::opening(Duration::ZERO, seed, line, quota)
    }

    fn opening(position: Duration, seed: u64, line: Line, quota: Quota) -> Viewer {
        let engine = Engine::new(Config { seed, ..Config::default() });
        let mut viewer = Viewer::with(Box::new(engine), line, quota, position);
        viewer.keeps_trace = true;
        viewer
    }

    /// A viewer for whom this agent decides.
    pub fn with(agent: Box<dyn Agent>, line: Line, quota: Quota, position: Duration) -> Viewer {
        let url = format!("https://origin.example/{MASTER}");
        Viewer {
            agent,
            line,
            element: Element::new(quota, position),
            transfers: BTreeMap::new(),
            bodies: BTreeMap::new(),
            receiving: BTreeMap::new(),
            pipes: BTreeMap::new(),
            lined_up: VecDeque::new(),
            sending: None,
            slipped_in: 0,
            line_free_at: Duration::ZERO,
            checks_until: Duration::ZERO,
            can_verify: false,
            has_connected: false,
            malice: None,
            is_gone: false,
            intentions: vec![Input::Opened { url, position }],
            update: None,
            element_turn: 0,
            playback_turn: 0,
            was_running: false,
            wakes_at: None,
            head: (Duration::ZERO, 0),
            now: Duration::ZERO,
            joined_at: Duration::ZERO,
            events: Vec::new(),
            first_picture: None,
            trace: Vec::new(),
            keeps_trace: false,
            media_bytes: 0,
            newcomer_bytes: 0,
            sent_bytes: 0,
            most_held: 0,
            wrong_appended: 0,
            lost: Vec::new(),
            stalls: 0,
            stalled: Duration::ZERO,
            skipped: Duration::ZERO,
            dry_since: None,
            inputs: 0,
            input: None,
            outputs: Vec::new(),
            deadline: None,
            story: None,
        }
    }

    /// A viewer who plays at once.
    pub fn playing(seed: u64, line: Line, quota: Quota) -> Viewer {
        Viewer::playing_from(Duration::ZERO, seed, line, quota)
    }

    /// A viewer who plays at once and shares.
    pub fn sharing(seed: u64, line: Line, sharing: Sharing) -> Viewer {
        let mut viewer = Viewer::playing(seed, line, Quota(150 << 20));
        viewer.intentions.push(Input::Permitted(sharing));
        viewer
    }

    /// A viewer who plays at once from there on.
    pub fn playing_from(position: Duration, seed: u64, line: Line, quota: Quota) -> Viewer {
        let mut viewer = Viewer::opening(position, seed, line, quota);
        viewer.play();
        viewer
    }

    /// Lets the viewer press play as soon as it is there.
    pub fn play(&mut self) {
        self.element.is_playing = true;
        self.intentions.push(Input::Started);
    }

    /// Lets the viewer do this as soon as it is there.
    pub fn intend(&mut self, input: Input) {
        self.intentions.push(input);
    }

    /// Where playback is.
    pub fn position(&self) -> Duration {
        self.element.position(self.now)
    }

    /// Bytes that are kept under requests, as long as the engine hasn't let go of them.
    pub fn kept_bytes(&self) -> u64 {
        self.bodies.values().map(|held| held.bytes).sum()
    }

    /// Where the media that is held without a gap from the playhead on ends.
    pub fn buffered_until(&self) -> Duration {
        let position = self.position();
        let buffered = self.element.buffered();
        let on = buffered.iter().find(|span| span.start <= position && position < span.end);
        on.map_or(position, |span| span.end)
    }

    /// Playback is at the end.
    pub fn is_ended(&self) -> bool {
        self.element.is_ended() || self.position() >= self.element.end
    }

    /// The renditions on screen, each time that they changed, counted from the lowest bit rate.
    pub fn shown(&self) -> &[usize] {
        &self.element.shown
    }

    /// How long it has played.
    pub fn played(&self) -> Duration {
        self.element.played
    }

    /// How long playback was dry after the first picture.
    pub fn stalled(&self) -> Duration {
        let running = self.dry_since.map_or(Duration::ZERO, |since| self.now.saturating_sub(since));
        self.stalled + running
    }

    /// The agent's numbers.
    pub fn stats(&self) -> Stats {
        self.agent.stats(Time::at(self.now))
    }

    /// Notes that playback began, ran dry or goes on.
    pub(crate) fn note_playback(&mut self, now: Duration) {
        let is_running = self.element.is_running();
        if is_running {
            self.first_picture.get_or_insert(now);
            if let Some(since) = self.dry_since.take() {
                self.stalled += now - since;
            }
        } else if self.element.is_starved()
            && self.first_picture.is_some()
            && self.dry_since.is_none()
        {
            self.dry_since = Some(now);
            self.stalls += 1;
        }
        self.was_running = is_running;
    }

    /// The agent jumps.
    pub(crate) fn jump(&mut self, now: Duration, position: Duration) {
        if self.first_picture.is_some() {
            self.skipped += position.saturating_sub(self.element.position(now));
        }
        self.element.seek(now, position);
    }

    /// A seek is no stall.
    pub(crate) fn forgive(&mut self, now: Duration) {
        if let Some(since) = self.dry_since.take() {
            self.stalled += now - since;
        }
    }
}
