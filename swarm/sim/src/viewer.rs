//! One viewer: the engine, driven as a browser drives it, with its line and its media element.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use swarm::{Body, Config, Engine, Event, Failure, Input, Output, RequestId, Span, Stats, Time};
use wire::playlist::ByteRange;

use crate::element::Element;
use crate::origin::{Answer, INIT_BYTES, MASTER};
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
}

impl World {
    /// A world at its beginning.
    pub fn new(origin: Origin, viewers: Vec<Viewer>) -> World {
        World { now: Duration::ZERO, origin, viewers }
    }

    /// Lets time pass until `moment`.
    pub fn run_until(&mut self, moment: Duration) {
        while self.now < moment {
            self.now += STEP;
            for viewer in &mut self.viewers {
                viewer.step(self.now, &self.origin);
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
    bodies: BTreeMap<RequestId, Answer>,
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
    /// A viewer who opens the video at the world's beginning, but doesn't play yet.
    pub fn new(seed: u64, line: Line, quota: Quota) -> Viewer {
        Viewer::opening(Duration::ZERO, seed, line, quota)
    }

    fn opening(position: Duration, seed: u64, line: Line, quota: Quota) -> Viewer {
        let engine = Engine::new(Config { seed, estimate_bps: None, supports: |_| true });
        let mut viewer = Viewer {
            engine,
            line,
            element: Element::new(quota),
            transfers: BTreeMap::new(),
            bodies: BTreeMap::new(),
            update: None,
            next_report: Duration::ZERO,
            now: Duration::ZERO,
            events: Vec::new(),
            first_picture: None,
            trace: Vec::new(),
            media_bytes: 0,
            most_held: 0,
        };
        let url = format!("https://origin.example/{MASTER}");
        viewer.tell(Duration::ZERO, Input::Opened { url, position });
        viewer
    }

    /// A viewer who plays at once.
    pub fn playing(seed: u64, line: Line, quota: Quota) -> Viewer {
        Viewer::playing_from(Duration::ZERO, seed, line, quota)
    }

    /// A viewer who plays at once from there on.
    pub fn playing_from(position: Duration, seed: u64, line: Line, quota: Quota) -> Viewer {
        let mut viewer = Viewer::opening(position, seed, line, quota);
        viewer.element.position = position;
        viewer.element.is_playing = true;
        viewer.tell(Duration::ZERO, Input::Started);
        viewer
    }

    /// Where playback is.
    pub fn position(&self) -> Duration {
        self.element.position
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
                Ok(_) if transfer.bytes < transfer.length => {
                    inputs.push(Input::Progressed { request, bytes: transfer.bytes as u64 });
                }
                Ok(answer) => {
                    let body = match answer {
                        Answer::Text(text) => Body::Text(text.clone()),
                        Answer::Init { .. } => Body::Held(INIT_BYTES),
                        Answer::Segment { bytes, .. } => Body::Held(*bytes),
                    };
                    let url = format!("https://origin.example/{}", transfer.uri);
                    self.bodies.insert(request, answer.clone());
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
        match output {
            Output::Fetch { request, uri, range, .. } => {
                let length = range.map_or(1_000.0, |range| range.length as f64);
                let starts = now + self.line.delay;
                let transfer =
                    Transfer { uri, range, answer: None, began: now, starts, bytes: 0.0, length };
                self.transfers.insert(request, transfer);
            }
            Output::Cancel(request) => drop(self.transfers.remove(&request)),
            Output::Forget(request) => drop(self.bodies.remove(&request)),
            Output::Prepare { .. } => {
                self.element.clear();
                self.update = Some(Input::Prepared);
            }
            Output::Append { request, .. } => self.update = Some(self.append(request)),
            Output::Evict(span) => {
                self.element.remove(span);
                self.update = Some(Input::Updated);
            }
            Output::Finish => {}
            Output::Jump(position) => self.element.position = position,
            Output::Report(event) => self.events.push(event),
        }
    }

    fn append(&mut self, request: RequestId) -> Input {
        let Some(Answer::Segment { rendition, segment, bytes }) =
            self.bodies.get(&request).cloned()
        else {
            return Input::Updated;
        };
        if bytes == 0 {
            return Input::Undecodable;
        }
        let (start, end) = Origin::span(segment);
        if self.element.append(Span { start, end }, rendition, bytes) {
            Input::Updated
        } else {
            Input::Overfull
        }
    }

    /// Lets the server decide on what has just reached it.
    fn answer_fetches(&mut self, now: Duration, origin: &Origin) {
        for transfer in self.transfers.values_mut().filter(|transfer| transfer.answer.is_none()) {
            let mut answer = origin.answer(now, &transfer.uri, transfer.range);
            if let Ok(Answer::Segment { rendition, segment, bytes }) = &mut answer {
                self.media_bytes += *bytes;
                if origin.is_broken(*rendition, *segment) {
                    *bytes = 0;
                }
            }
            transfer.answer = Some(answer);
        }
    }
}

/// How often a browser says how far it is.
const REPORT: Duration = Duration::from_millis(250);
