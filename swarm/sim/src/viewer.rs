//! One viewer: the engine, driven as a browser drives it, with its line and its media element.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use swarm::{
    Body, Config, Content, Engine, Event, Failure, Input, LinkId, Output, RequestId, Sharing, Span,
    Stats, Time,
};
use wire::playlist::ByteRange;

use crate::element::Element;
use crate::mesh::{Arrival, Bodies, Held, Mesh, Parcel, Piece};
use crate::origin::{Answer, INIT_BYTES, MASTER, digest};
use crate::{Line, Origin, Quota, STEP};

/// A server and its viewers.
#[derive(Debug)]
pub struct World {
    /// Since the world began.
    pub now: Duration,
    /// The server.
    pub origin: Origin,
    /// Who watches.
    pub viewers: Vec<Viewer>,
    mesh: Mesh,
}

impl World {
    /// A world at its beginning.
    pub fn new(origin: Origin, viewers: Vec<Viewer>) -> World {
        World { now: Duration::ZERO, origin, viewers, mesh: Mesh::default() }
    }

    /// Lets one more viewer come now, and tells its number.
    pub fn join(&mut self, viewer: Viewer) -> usize {
        self.viewers.push(viewer);
        self.viewers.len() - 1
    }

    /// A viewer's page is closed. Those connected to it notice only that nothing more comes.
    pub fn leave(&mut self, viewer: usize) {
        self.viewers[viewer].is_gone = true;
        self.mesh.vanish(viewer);
    }

    /// The tracker ends, and answers nobody until it is started again.
    pub fn stop_tracker(&mut self) {
        self.mesh.stop_tracker(self.now);
    }

    /// The tracker is back, and knows nobody.
    pub fn start_tracker(&mut self) {
        self.mesh.is_tracker_away = false;
    }

    /// Lets time pass until `moment`.
    pub fn run_until(&mut self, moment: Duration) {
        while self.now < moment {
            self.now += STEP;
            self.carry_post();
            for viewer in self.viewers.iter_mut().filter(|viewer| !viewer.is_gone) {
                viewer.step(self.now, &self.origin);
            }
            self.carry_wishes();
        }
    }

    /// Hands out what has arrived from the tracker and from other viewers.
    fn carry_post(&mut self) {
        for (viewer, input) in self.mesh.due(self.now) {
            self.viewers[viewer].tell(self.now, input);
        }
        let viewers = &self.viewers;
        let arrivals = self.mesh.flow(self.now, |viewer| viewers[viewer].uplink_bps);
        for arrival in arrivals {
            self.viewers[arrival.viewer].arrived(self.now, arrival);
        }
    }

    /// Takes what engines want of others.
    fn carry_wishes(&mut self) {
        for (no, viewer) in self.viewers.iter_mut().enumerate() {
            for output in std::mem::take(&mut viewer.wishes) {
                if let (Output::Give { link, .. }, Some(piece)) = (&output, viewer.piece(&output)) {
                    self.mesh.give((no, *link), piece);
                } else {
                    self.mesh.perform(self.now, no, output);
                }
            }
        }
    }

    /// Hands one viewer's engine an input now.
    pub fn tell(&mut self, viewer: usize, input: Input) {
        let viewer = &mut self.viewers[viewer];
        match input {
            Input::Started => viewer.element.is_playing = true,
            Input::Seeked { position } => viewer.element.position = position,
            _ => {}
        }
        viewer.tell(self.now, input);
    }
}

/// One viewer.
#[derive(Debug)]
pub struct Viewer {
    engine: Engine,
    line: Line,
    element: Element,
    transfers: BTreeMap<RequestId, Transfer>,
    bodies: Bodies,
    /// Under which request the data of a connection are kept.
    receiving: BTreeMap<LinkId, RequestId>,
    /// What the engine wants of others, until the world takes it.
    wishes: Vec<Output>,
    /// Bits per second that it can send.
    pub uplink_bps: u64,
    /// How it betrays others.
    pub malice: Option<Malice>,
    is_gone: bool,
    /// What the viewer does as soon as it is there.
    intentions: Vec<Input>,
    /// Done at the next step: an append or eviction takes a moment.
    update: Option<Input>,
    next_report: Duration,
    now: Duration,
    /// What the engine told the page.
    pub events: Vec<Event>,
    /// When the first picture was on.
    pub first_picture: Option<Duration>,
    /// Every output, in words: the trace of a run.
    pub trace: Vec<String>,
    /// Media bytes that came.
    pub media_bytes: u64,
    /// The most bytes that the media element ever held.
    pub most_held: u64,
    /// Segments with wrong bytes that the engine wanted to play.
    pub wrong_appended: usize,
    /// Bytes that the engine wanted and had let go before, or never had.
    pub lost: Vec<Output>,
    checks: Vec<RequestId>,
}

/// A way to betray others, by what the network does to what an honest engine sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malice {
    /// The bytes that it gives are wrong.
    Lies,
    /// It gives nothing of what it announces.
    Silence,
    /// It gives the first bytes of each segment, and no more.
    Stalls,
}

#[derive(Debug)]
struct Transfer {
    uri: Arc<str>,
    range: Option<ByteRange>,
    /// The server's word, from the moment on when the request was sent.
    answer: Option<Result<Answer, Failure>>,
    began: Duration,
    starts: Duration,
    bytes: f64,
    length: f64,
}

impl Viewer {
    /// A viewer who opens the video as soon as it is in the world, but doesn't play yet.
    pub fn new(seed: u64, line: Line, quota: Quota) -> Viewer {
        Viewer::opening(Duration::ZERO, seed, line, quota)
    }

    fn opening(position: Duration, seed: u64, line: Line, quota: Quota) -> Viewer {
        let engine = Engine::new(Config { seed, ..Config::default() });
        let mut viewer = Viewer {
            engine,
            line,
            element: Element::new(quota),
            transfers: BTreeMap::new(),
            bodies: BTreeMap::new(),
            receiving: BTreeMap::new(),
            wishes: Vec::new(),
            uplink_bps: UPLINK_BPS,
            malice: None,
            is_gone: false,
            intentions: Vec::new(),
            update: None,
            next_report: Duration::ZERO,
            now: Duration::ZERO,
            events: Vec::new(),
            first_picture: None,
            trace: Vec::new(),
            media_bytes: 0,
            most_held: 0,
            wrong_appended: 0,
            lost: Vec::new(),
            checks: Vec::new(),
        };
        let url = format!("https://origin.example/{MASTER}");
        viewer.intentions.push(Input::Opened { url, position });
        viewer
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
        viewer.element.position = position;
        viewer.element.is_playing = true;
        viewer.intentions.push(Input::Started);
        viewer
    }

    /// Where playback is.
    pub fn position(&self) -> Duration {
        self.element.position
    }

    /// Bytes that are kept under requests, as long as the engine hasn't let go of them.
    pub fn kept_bytes(&self) -> u64 {
        self.bodies.values().map(|held| held.bytes).sum()
    }

    /// Where the media that is held without a gap from the playhead on ends.
    pub fn buffered_until(&self) -> Duration {
        let position = self.element.position;
        let buffered = self.element.buffered();
        let on = buffered.iter().find(|span| span.start <= position && position < span.end);
        on.map_or(position, |span| span.end)
    }

    /// Playback is at the end.
    pub fn is_ended(&self) -> bool {
        self.element.is_ended()
    }

    /// The renditions on screen, each time that they changed, counted from the lowest bit rate.
    pub fn shown(&self) -> &[usize] {
        &self.element.shown
    }

    /// The engine's numbers.
    pub fn stats(&self) -> Stats {
        self.engine.stats(Time::at(self.now))
    }

    fn step(&mut self, now: Duration, origin: &Origin) {
        self.now = now;
        self.element.duration = origin.duration();
        for intention in std::mem::take(&mut self.intentions) {
            self.tell(now, intention);
        }
        self.flow(now, origin);
        if let Some(update) = self.update.take() {
            self.tell(now, update);
            self.report(now);
        }
        self.element.play();
        if self.first_picture.is_none() && !self.element.position.is_zero() {
            self.first_picture = Some(now);
        }
        if now >= self.next_report {
            self.next_report = now + REPORT;
            self.report(now);
        }
        if self.engine.next_deadline().is_some_and(|deadline| deadline.at <= Time::at(now)) {
            self.tell(now, Input::Woken);
        }
        self.check(now, origin);
        self.answer_fetches(now, origin);
    }

    /// Moves bytes: the line is shared evenly by what is under way.
    fn flow(&mut self, now: Duration, origin: &Origin) {
        let active =
            self.transfers.values().filter(|transfer| transfer.starts <= now).count().max(1);
        let share = self.line.bps(now) as f64 / 8.0 * STEP.as_secs_f64() / active as f64;
        let mut inputs = Vec::new();
        for (&request, transfer) in &mut self.transfers {
            if transfer.starts > now {
                continue;
            }
            if origin.is_away(now) {
                inputs.push(Input::Failed { request, failure: Failure::Unreachable });
                continue;
            }
            transfer.bytes = (transfer.bytes + share).min(transfer.length);
            match transfer.answer.as_ref().unwrap_or(&Err(Failure::Unreachable)) {
                Err(failure) => inputs.push(Input::Failed { request, failure: failure.clone() }),
                Ok(answer) => {
                    let is_whole = transfer.bytes >= transfer.length;
                    let mut held = Held::default();
                    let body = match answer {
                        Answer::Text(text) => Body::Text(text.clone()),
                        Answer::Init { .. } => Body::Held(INIT_BYTES),
                        Answer::Segment { rendition, segment, start, bytes } => {
                            let is_true = !origin.is_broken(*rendition, *segment);
                            let (rendition, segment, start) = (*rendition, *segment, *start);
                            let bytes = if is_whole { *bytes } else { transfer.bytes as u64 };
                            held.push(Piece { rendition, segment, start, bytes, is_true });
                            Body::Held(bytes)
                        }
                    };
                    if !is_whole {
                        let bytes = transfer.bytes as u64;
                        self.bodies.insert(request, held);
                        inputs.push(Input::Progressed { request, bytes });
                        continue;
                    }
                    let url = format!("https://origin.example/{}", transfer.uri);
                    self.bodies.insert(request, held);
                    inputs.push(Input::Fetched { request, url, body, took: now - transfer.began });
                }
            }
        }
        for input in inputs {
            if let Input::Failed { request, .. } | Input::Fetched { request, .. } = &input {
                self.transfers.remove(request);
            }
            self.tell(now, input);
        }
    }

    fn tell(&mut self, now: Duration, input: Input) {
        self.engine.handle(Time::at(now), input);
        while let Some(output) = self.engine.poll() {
            self.trace.push(format!("{:.2} {output:?}", now.as_secs_f64()));
            self.perform(now, output);
        }
        self.most_held = self.most_held.max(self.element.bytes());
    }

    fn report(&mut self, now: Duration) {
        let (position, buffered) = (self.element.position, self.element.buffered());
        let is_starved = self.element.is_starved();
        self.tell(now, Input::Played { position, buffered, is_starved });
    }

    fn perform(&mut self, now: Duration, output: Output) {
        if let Output::Append { request, .. }
        | Output::Check(request)
        | Output::Give { request, .. } = &output
            && !self.bodies.contains_key(request)
        {
            self.lost.push(output.clone());
        }
        match output {
            Output::Fetch { request, uri, range, .. } => {
                let length = range.map_or(1_000.0, |range| range.length as f64);
                let starts = now + self.line.delay;
                let transfer =
                    Transfer { uri, range, answer: None, began: now, starts, bytes: 0.0, length };
                self.transfers.insert(request, transfer);
            }
            Output::Cancel(request) => {
                self.transfers.remove(&request);
            }
            Output::Forget(request) => drop(self.bodies.remove(&request)),
            Output::Prepare { .. } => {
                self.element.clear();
                self.update = Some(Input::Prepared);
            }
            Output::Append { request, content, .. } => {
                self.update = Some(self.append(request, &content));
            }
            Output::Evict(span) => {
                self.element.remove(span);
                self.update = Some(Input::Updated);
            }
            Output::Finish => {}
            Output::Jump(position) => self.element.position = position,
            Output::Report(event) => self.events.push(event),
            Output::Join { request, parts } => {
                let mut joined = Held::default();
                for (from, bytes) in parts {
                    let Some(part) = self.bodies.get(&from).filter(|part| part.bytes >= bytes)
                    else {
                        self.lost.push(Output::Join { request, parts: vec![(from, bytes)] });
                        continue;
                    };
                    let (rendition, segment) = part.of.unwrap_or_default();
                    let (start, is_true) = (part.start, !part.is_wrong);
                    joined.push(Piece { rendition, segment, start, bytes, is_true });
                }
                self.bodies.insert(request, joined);
            }
            Output::Check(request) => self.checks.push(request),
            Output::Receive { link, request } => {
                self.receiving.remove(&link);
                self.receiving.extend(request.map(|request| (link, request)));
            }
            for_others => self.wishes.push(for_others),
        }
    }

    /// Computes the digests that were asked for.
    fn check(&mut self, now: Duration, origin: &Origin) {
        for request in std::mem::take(&mut self.checks) {
            let held = self.bodies.get(&request).copied().unwrap_or_default();
            let right = held.of.filter(|(rendition, segment)| {
                !held.is_wrong
                    && held.start == 0
                    && origin.length(*rendition, *segment) == Some(held.bytes)
            });
            let sha256 = right.map_or([0; 32], |(rendition, segment)| digest(rendition, segment));
            self.tell(now, Input::Checked { request, sha256 });
        }
    }

    /// What a connection brought.
    fn arrived(&mut self, now: Duration, arrival: Arrival) {
        let Arrival { link, parcel, .. } = arrival;
        match parcel {
            Parcel::Command(message) => self.tell(now, Input::Said { link, message }),
            Parcel::Data(piece) => {
                if let Some(request) = self.receiving.get(&link) {
                    self.bodies.entry(*request).or_default().push(piece);
                }
                self.tell(now, Input::Received { link, bytes: piece.bytes });
            }
        }
    }

    /// The bytes that the engine wants to give, if they are given.
    fn piece(&self, give: &Output) -> Option<Piece> {
        let Output::Give { request, start, bytes, .. } = *give else { return None };
        let (rendition, segment) = self.bodies.get(&request)?.of?;
        let is_given = match self.malice {
            Some(Malice::Silence) => false,
            Some(Malice::Stalls) => start == 0,
            Some(Malice::Lies) | None => true,
        };
        let is_true = self.malice != Some(Malice::Lies);
        is_given.then_some(Piece { rendition, segment, start, bytes, is_true })
    }

    fn append(&mut self, request: RequestId, content: &Content) -> Input {
        let held = self.bodies.get(&request).copied().unwrap_or_default();
        let Some((rendition, segment)) = held.of else { return Input::Updated };
        if held.is_wrong {
            self.wrong_appended += 1;
            return Input::Undecodable;
        }
        let bytes = held.bytes;
        let (start, mut end) = Origin::span(segment);
        if let Content::Head(_) = content {
            end = start + (end - start).mul_f64(HEAD_SHARE);
        }
        if self.element.append(Span { start, end }, rendition, bytes) {
            Input::Updated
        } else {
            Input::Overfull
        }
    }

    /// Lets the server decide on what has just reached it.
    fn answer_fetches(&mut self, now: Duration, origin: &Origin) {
        for transfer in self.transfers.values_mut().filter(|transfer| transfer.answer.is_none()) {
            let answer = origin.answer(now, &transfer.uri, transfer.range);
            if let Ok(Answer::Segment { bytes, .. }) = &answer {
                self.media_bytes += *bytes;
            }
            transfer.answer = Some(answer);
        }
    }
}

/// What the engine fetches of a segment before the rest.
const HEAD_SHARE: f64 = 0.375;
/// A home's uplink.
const UPLINK_BPS: u64 = 10_000_000;
/// How often a browser says how far it is.
const REPORT: Duration = Duration::from_millis(250);
