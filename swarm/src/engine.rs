//! The contract of the engine, and what it notes on each input; what follows from it is decided in `plan`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::Time;
use crate::bandwidth::Bandwidth;
use crate::buffer::Buffer;
use crate::catalogue::Rendition;
use crate::dice::Dice;
use crate::limits::{
    CUT_TOLERANCE, HEAD_WATCH_INTERVAL, HELD_BYTES, HOLES, LONGEST_FETCH, NEIGHBOURS, PATIENCE,
    PEER_PATIENCE, RATE_WINDOW, WATCH_INTERVAL,
};
use crate::message::{
    Deadline, Input, LinkId, Output, Quality, RequestId, Span, Trouble, Trust, Why,
};
use crate::mirrors::Mirrors;
use crate::parts::Parts;
use crate::retry::Retry;
use crate::share::{Share, Tested};
use crate::table::Table;

/// What a driver fixes before the first input.
#[derive(Clone, Debug)]
pub struct Config {
    /// For the dice: any number, best a random one.
    pub seed: u64,
    /// What an earlier visit measured, in bits per second.
    pub estimate_bps: Option<u64>,
    /// Connections to other viewers that are looked for; at most [`LINKS`](crate::limits::LINKS) exist.
    pub neighbours: usize,
    /// How far before the end of a live stream playback starts; three target durations when absent.
    pub live_delay: Option<Duration>,
    /// The page says that it is a live stream: others are met while its playlists are on their way.
    pub expects_live: bool,
    /// Other servers that have the files of the folder that the master is in: what those lie below, absolute and with `/` at the
    /// end. At most [`MIRRORS`](crate::limits::MIRRORS) count.
    pub mirrors: Vec<String>,
    /// Whether the media element plays a type such as `video/mp4; codecs="avc1.64001f,mp4a.40.2"`.
    pub supports: fn(&str) -> bool,
}

impl Default for Config {
    /// A desktop that plays every type.
    fn default() -> Config {
        Config {
            seed: 0,
            estimate_bps: None,
            neighbours: NEIGHBOURS,
            live_delay: None,
            expects_live: false,
            mirrors: Vec::new(),
            supports: |_| true,
        }
    }
}

/// The engine; see the crate's own words for how it is driven.
#[derive(Debug)]
pub struct Engine {
    pub(crate) supports: fn(&str) -> bool,
    pub(crate) neighbours: usize,
    pub(crate) live_delay: Option<Duration>,
    pub(crate) expects_live: bool,
    pub(crate) dice: Dice,
    pub(crate) phase: Phase,
    pub(crate) source: Arc<str>,
    pub(crate) renditions: Vec<Rendition>,
    pub(crate) quality: Quality,
    /// The rendition that is fetched.
    pub(crate) target: usize,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) mirrors: Mirrors,
    pub(crate) requests: Table<RequestId, Request>,
    /// What has come of segments that aren't whole yet, by rendition and segment.
    pub(crate) parts: Table<(usize, usize), Parts>,
    pub(crate) retries: Table<What, Retry>,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) playhead: Playhead,
    pub(crate) element: Element,
    pub(crate) trouble: Option<Trouble>,
    /// The last gap that was jumped over; once is enough.
    pub(crate) jumped_to: Option<Duration>,
    pub(crate) stats: Stats,
    pub(crate) share: Share,
    pub(crate) next_request: u64,
    /// When the last input came, but for those from which nothing followed.
    pub(crate) looked_at: Time,
    /// The soonest, by what was known then.
    pub(crate) deadline: Option<Deadline>,
}

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of media that servers sent, those of requests given up included.
    pub http_bytes: u64,
    /// Those of them that mirrors sent.
    pub mirror_bytes: u64,
    /// Bytes of media that other viewers sent and that were right.
    pub p2p_bytes: u64,
    /// Bytes of media that were given to other viewers.
    pub uploaded_bytes: u64,
    /// Bytes of media that came and were not needed, because the same came from elsewhere.
    pub duplicate_bytes: u64,
    /// Pieces, or whole segments where pieces aren't told apart, that came from other viewers and mirrors and weren't what they
    /// should be; and whole ones of which it isn't known who spoilt them.
    pub rejected_pieces: u32,
    /// Viewers that messages pass to and from.
    pub peers: usize,
    /// Others in the swarm, as the tracker counted last; `None` before it did, and without it.
    pub others: Option<usize>,
    /// Times that playback ran dry.
    pub stalls: u32,
    /// How long it was dry, in all.
    pub stalled: Duration,
    /// The measured rate, once there is one.
    pub measured_bps: Option<u64>,
    /// The rendition that is fetched.
    pub rendition: Option<usize>,
    /// Bytes that the media element holds.
    pub held_bytes: u64,
    /// Playing time between the playhead and the end of a live stream, as its playlist told last; `None` of a video that is
    /// complete.
    pub live_delay: Option<Duration>,
    /// Whose word others' bytes are held against.
    pub trust: Trust,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No video was named.
    Idle,
    /// It waits for the master playlist.
    Opening,
    /// The renditions are known.
    Open,
    /// It can't be played.
    Failed,
}

/// What a request is for. Orders by urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Source,
    Playlist {
        rendition: usize,
    },
    Init {
        rendition: usize,
    },
    Segment {
        rendition: usize,
        no: usize,
    },
    Digests,
    /// A window of a piece list, by its place there.
    List {
        rendition: usize,
        window: usize,
    },
}

/// Whom a request was made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// The video's own host.
    Server,
    /// One of the mirrors, by its place among them.
    Mirror(usize),
    Peer(LinkId),
}

impl Via {
    pub(crate) fn peer(self) -> Option<LinkId> {
        match self {
            Via::Peer(link) => Some(link),
            Via::Server | Via::Mirror(_) => None,
        }
    }

    /// What comes from there is played as it is.
    pub(crate) fn is_believed(self) -> bool {
        self == Via::Server
    }
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) what: What,
    pub(crate) via: Via,
    /// The first byte that it is for.
    pub(crate) start: u64,
    /// How many bytes are coming, when the playlist tells.
    pub(crate) length: Option<u64>,
    pub(crate) asked_at: Time,
    pub(crate) heard_at: Time,
    pub(crate) bytes: u64,
    /// How far they are known to be right.
    pub(crate) tested: Tested,
    /// When and how much there was at the last two looks, [`RATE_WINDOW`] apart or more: older first.
    pub(crate) looks: [(Time, u64); 2],
}

/// Where playback is.
#[derive(Debug, Default)]
pub(crate) struct Playhead {
    pub(crate) position: Duration,
    /// It was put where a live stream is watched.
    pub(crate) is_placed: bool,
    pub(crate) is_started: bool,
    /// A picture has been on: from now on, waiting is stalling.
    pub(crate) has_played: bool,
    pub(crate) is_seeking: bool,
    pub(crate) is_starved: bool,
    /// When it was told.
    pub(crate) told_at: Time,
    /// It moves on since then.
    pub(crate) is_running: bool,
    /// Playing time a second, while it does.
    pub(crate) speed: f64,
    pub(crate) starved_since: Option<Time>,
    pub(crate) buffered: Vec<Span>,
}

/// The media element and what is on its way there.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) state: ElementState,
    /// Whose initialisation section it took last.
    pub(crate) init: Option<usize>,
    /// The segment of which it took only the beginning.
    pub(crate) head: Option<Head>,
    /// Fetched segments that wait for their turn.
    pub(crate) ready: Vec<Ready>,
    pub(crate) buffer: Buffer,
    pub(crate) bytes_limit: u64,
    pub(crate) is_finished: bool,
    /// Stretches that no rendition has bytes for.
    pub(crate) holes: Vec<Span>,
    pub(crate) refusals: u32,
    /// When it took something last.
    pub(crate) appended_at: Time,
    /// It just refused an append for want of room.
    pub(crate) is_overfull: bool,
    /// What it holds ahead is of a rendition that the viewer left.
    pub(crate) replaces_ahead: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ElementState {
    Unprepared,
    Preparing,
    Idle,
    AppendingInit(usize),
    Appending(Ready),
    /// Only the beginning of a segment, that plays for so long.
    AppendingHead(Head, Span),
    Evicting(Span),
}

/// The beginning of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) rendition: usize,
    pub(crate) no: usize,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    pub(crate) request: RequestId,
    pub(crate) rendition: usize,
    pub(crate) no: usize,
    pub(crate) span: Span,
    pub(crate) bytes: u64,
}

impl Engine {
    /// An engine that waits for [`Input::Opened`].
    pub fn new(config: Config) -> Engine {
        Engine {
            supports: config.supports,
            neighbours: config.neighbours,
            live_delay: config.live_delay,
            expects_live: config.expects_live,
            dice: Dice::new(config.seed),
            phase: Phase::Idle,
            source: "".into(),
            renditions: Vec::new(),
            quality: Quality::Auto,
            target: 0,
            bandwidth: Bandwidth::new(config.estimate_bps),
            mirrors: Mirrors::new(config.mirrors),
            requests: Table::default(),
            parts: Table::default(),
            retries: Table::default(),
            outputs: VecDeque::new(),
            playhead: Playhead { speed: 1.0, ..Playhead::default() },
            element: Element::new(),
            trouble: None,
            jumped_to: None,
            stats: Stats::default(),
            share: Share::new(),
            next_request: 0,
            looked_at: Time::default(),
            deadline: None,
        }
    }

    /// Takes in one thing that happened, at a time not before that of the last.
    pub fn handle(&mut self, now: Time, input: Input) {
        if self.phase == Phase::Failed {
            return;
        }
        // Who is asked is looked at more often: the page slept, and what came meanwhile is still to be told.
        if now.since(self.looked_at) >= PEER_PATIENCE {
            let asked = self.requests.values_mut().filter(|request| !request.via.is_believed());
            asked.for_each(|request| request.heard_at = now);
        }
        let before = std::mem::replace(&mut self.looked_at, now);
        let may_follow = self.note(now, input);
        let is_due = self.deadline.is_some_and(|deadline| deadline.at <= now);
        if !may_follow && !is_due && !self.plays_to_the_edge() {
            self.looked_at = before;
            return;
        }
        self.give_up_silent_requests(now);
        self.plan(now);
        self.deadline = self.soonest_deadline();
    }

    /// The next thing that the driver shall do; call until `None` after each [`handle`](Engine::handle).
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Notes what the driver shall do. Out of line, for it is called from everywhere.
    #[inline(never)]
    pub(crate) fn want(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// When to hand in [`Input::Woken`] if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn soonest_deadline(&self) -> Option<Deadline> {
        if self.phase == Phase::Failed {
            return None;
        }
        let mut soonest = Soonest { after: self.looked_at, found: None };
        for retry in self.retries.values() {
            soonest.take(retry.at, Why::Retry);
        }
        for request in self.requests.values() {
            soonest.take(request.gives_up_at(), Why::Silence);
        }
        if let Some((_, live)) = self.live_line() {
            soonest.take(live.due_at, Why::Look);
        }
        let interval = if self.plays_to_the_edge() { HEAD_WATCH_INTERVAL } else { WATCH_INTERVAL };
        let soon = self.looked_at + interval;
        if self.abandonable().is_some() {
            soonest.take(soon, Why::Watch);
        }
        if let Some(key) = self.share.awaited.filter(|_| self.playhead.moves()) {
            let spare = self.slack_of(key).saturating_sub(self.reserve(key));
            // With none left, it is not time that is waited for.
            if !spare.is_zero() {
                soonest.take(self.looked_at + spare.max(LEAST_SLEEP), Why::Peer);
            }
        }
        let is_elsewhere = |request: &Request| !request.via.is_believed();
        if self.share.is_waiting || self.requests.values().any(is_elsewhere) {
            soonest.take(soon, Why::Peer);
        }
        self.tracker_deadlines(&mut soonest);
        self.link_deadlines(&mut soonest);
        self.news_deadlines(&mut soonest);
        self.upload_deadlines(&mut soonest);
        soonest.found
    }

    /// What plays is soon over, and what follows isn't there yet: there is no time to lose.
    fn plays_to_the_edge(&self) -> bool {
        let playhead = &self.playhead;
        playhead.moves()
            && self.looked_at.since(playhead.told_at) < LONGEST_UNTOLD
            && self.ahead() < WATCHED_CLOSELY
    }

    /// Some of what is to be played is in the media element.
    pub(crate) fn has_picture(&self) -> bool {
        self.playhead.is_started && self.element.buffer.iter().next().is_some()
    }

    /// The numbers that the player's statistics are made of.
    pub fn stats(&self, now: Time) -> Stats {
        let running = self.playhead.starved_since.map_or(Duration::ZERO, |since| now.since(since));
        Stats {
            stalled: self.stats.stalled + running,
            measured_bps: self.bandwidth.is_measured().then(|| self.bandwidth.bps()),
            rendition: (self.phase == Phase::Open).then_some(self.target),
            held_bytes: self.element.buffer.bytes(),
            live_delay: self
                .live_line()
                .map(|(line, _)| line.duration().saturating_sub(self.playhead.position)),
            trust: self.trust(),
            peers: self.open_links(),
            others: self.share.swarms.get(&self.target).and_then(|swarm| swarm.others),
            ..self.stats
        }
    }
}

/// How soon time that was spare is looked at again: while the viewer pauses it doesn't get less, however often one looks.
const LEAST_SLEEP: Duration = Duration::from_millis(100);

/// What is needed later than this is looked at as seldom as all else.
const WATCHED_CLOSELY: Duration = Duration::from_secs(2);

/// Media elements tell where they are more often.
const LONGEST_UNTOLD: Duration = Duration::from_secs(1);

/// The soonest of several deadlines.
pub(crate) struct Soonest {
    /// What isn't later has been decided already.
    after: Time,
    found: Option<Deadline>,
}

impl Soonest {
    #[inline(never)]
    pub(crate) fn take(&mut self, at: Time, why: Why) {
        if at > self.after && self.found.is_none_or(|found| at < found.at) {
            self.found = Some(Deadline { at, why });
        }
    }
}

impl Request {
    pub(crate) fn new(now: Time, what: What, via: Via, length: Option<u64>) -> Request {
        Request {
            what,
            via,
            start: 0,
            length,
            asked_at: now,
            heard_at: now,
            bytes: 0,
            tested: Tested::default(),
            looks: [(now, 0); 2],
        }
    }

    pub(crate) fn is_from_peer(&self) -> bool {
        self.via.peer().is_some()
    }

    pub(crate) fn gives_up_at(&self) -> Time {
        let patience = if self.is_from_peer() { PEER_PATIENCE } else { PATIENCE };
        (self.heard_at + patience).min(self.asked_at + LONGEST_FETCH)
    }

    /// Bytes a second of late; what came long ago says nothing of what is still to come.
    pub(crate) fn rate(&self, now: Time) -> f64 {
        let (since, before) = self.looks[0];
        (self.bytes - before) as f64 / now.since(since).as_secs_f64().max(0.001)
    }

    pub(crate) fn look(&mut self, now: Time) {
        if now.since(self.looks[1].0) >= RATE_WINDOW {
            self.looks = [self.looks[1], (now, self.bytes)];
        }
    }
}

impl Playhead {
    /// It runs, or would if there were something to play: time gets less.
    pub(crate) fn moves(&self) -> bool {
        self.is_running || self.is_starved
    }

    /// Where it is likely to be now: media elements tell a few times a second.
    pub(crate) fn position_at(&self, now: Time) -> Duration {
        let since = if self.is_running { now.since(self.told_at) } else { Duration::ZERO };
        self.position + since.min(LONGEST_UNTOLD).mul_f64(self.speed)
    }
}

impl Element {
    fn new() -> Element {
        Element {
            state: ElementState::Unprepared,
            init: None,
            head: None,
            ready: Vec::new(),
            buffer: Buffer::default(),
            bytes_limit: HELD_BYTES,
            is_finished: false,
            holes: Vec::new(),
            refusals: 0,
            appended_at: Time::default(),
            is_overfull: false,
            replaces_ahead: false,
        }
    }

    /// Where what is held, or on its way into the element, or known to be missing, ends from `moment` on.
    pub(crate) fn covered_from(&self, moment: Duration) -> Duration {
        self.covered_with(moment, &[])
    }

    /// The same where these stretches count too.
    pub(crate) fn covered_with(&self, moment: Duration, others: &[Span]) -> Duration {
        let mut end = moment;
        loop {
            let waiting = self.ready.iter().map(|ready| ready.span).chain(self.appending());
            let further = waiting
                .chain(self.holes.iter().copied())
                .chain(others.iter().copied())
                .filter(|span| span.start <= end + CUT_TOLERANCE)
                .fold(self.buffer.end_from(end), |end, span| end.max(span.end));
            if further == end {
                return end;
            }
            end = further;
        }
    }

    /// Nothing is on its way into it.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == ElementState::Idle && self.ready.is_empty()
    }

    /// Keeps one hole for each stretch without a gap, and the latest few: what was forgotten is noted again where it is looked at.
    pub(crate) fn note_hole(&mut self, new: Span) {
        match self.holes.iter_mut().find(|hole| hole.start <= new.start && new.start <= hole.end) {
            Some(hole) => hole.end = hole.end.max(new.end),
            None => {
                if self.holes.len() >= HOLES {
                    self.holes.remove(0);
                }
                self.holes.push(new);
            }
        }
    }

    fn appending(&self) -> Option<Span> {
        match self.state {
            ElementState::Appending(ready) => Some(ready.span),
            _ => None,
        }
    }

    /// Bytes that the element holds or is about to.
    pub(crate) fn bytes(&self) -> u64 {
        self.buffer.bytes() + self.ready.iter().map(|ready| ready.bytes).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_a_server_lacks_the_holes_have_a_bound() {
        let mut element = Element::new();
        let hole = |no: u64| Span {
            start: Duration::from_secs(8 * no),
            end: Duration::from_secs(8 * no + 4),
        };
        (0..1_000).for_each(|no| element.note_hole(hole(no)));
        assert_eq!(element.holes.len(), HOLES);
        assert_eq!(element.holes.last(), Some(&hole(999)));
    }
}
