//! The loop: takes the next event, tells the agent, and carries out what it wants.

use std::ops::Range;
use std::time::Duration;

use swarm::{Content, Input, LinkId, Output, RequestId, Span, Time};

use crate::event::{Event, Events};
use crate::http::OriginLine;
use crate::malice::Malice;
use crate::network::Network;
use crate::origin::{SIGNATURE, digest};
use crate::pipe::{Held, Parcel, Piece, Pipe};
use crate::tracker::Tracker;
use crate::viewer::Viewer;
use crate::{Dice, Origin};

/// A server, its viewers, and all between them.
#[derive(Debug)]
pub struct World {
    /// Since the world began.
    pub now: Duration,
    /// The server.
    pub origin: Origin,
    /// Who watches, and who did.
    pub viewers: Vec<Viewer>,
    /// What lies between them.
    pub network: Network,
    /// How often a viewer's page tells where playback is.
    pub report_interval: Duration,
    /// When segments were appended: by whom, which, and how long after they were published (live).
    pub arrivals: Vec<Arrival>,
    /// Media bytes that the origin sent, by second.
    pub origin_seconds: Vec<u64>,
    /// Media bytes that the origin sent, by the seconds since their segment was first listed (live), but for those that a viewer
    /// found listed when it came.
    pub origin_ages: Vec<u64>,
    /// All else that it sent.
    pub text_bytes: u64,
    pub(crate) events: Events,
    pub(crate) origin_line: OriginLine,
    pub(crate) dice: Dice,
    tracker: Tracker,
    /// Whose agents are told something in this round.
    told: Vec<usize>,
    /// What happens in this round to those who were told something, and so waits for the next.
    held: Vec<(Duration, Event)>,
}

/// A segment of a live stream came whole to a viewer.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// To whom.
    pub viewer: usize,
    /// Its number.
    pub segment: usize,
    /// How long it had been listed by then.
    pub after: Duration,
    /// When.
    pub at: Duration,
}

impl World {
    /// A world at its beginning.
    pub fn new(origin: Origin, viewers: Vec<Viewer>) -> World {
        let mut world = World {
            now: Duration::ZERO,
            origin,
            viewers: Vec::new(),
            network: Network::default(),
            report_interval: REPORT,
            arrivals: Vec::new(),
            origin_seconds: Vec::new(),
            origin_ages: Vec::new(),
            text_bytes: 0,
            events: Events::default(),
            origin_line: OriginLine::default(),
            dice: Dice::new(1),
            tracker: Tracker::new(1),
            told: Vec::new(),
            held: Vec::new(),
        };
        for viewer in viewers {
            world.join(viewer);
        }
        world
    }

    /// Lets one more viewer come now, and tells its number.
    pub fn join(&mut self, mut viewer: Viewer) -> usize {
        let no = self.viewers.len();
        (viewer.joined_at, viewer.now) = (self.now, self.now);
        viewer.element.end = self.origin.duration();
        let intentions = std::mem::take(&mut viewer.intentions);
        self.viewers.push(viewer);
        for intention in intentions {
            self.events.push(self.now, Event::Tell(no, Box::new(intention)));
        }
        self.events.push(self.now + self.report_interval, Event::Playback(no, 0));
        no
    }

    /// A viewer's page is closed without a word: the tracker sees it at once, those connected to it when nothing answers.
    pub fn leave(&mut self, viewer: usize) {
        self.viewers[viewer].is_gone = true;
        self.tracker.disconnect(viewer);
        let others: Vec<_> =
            self.viewers[viewer].pipes.values().filter_map(|pipe| pipe.to).collect();
        for (other, link) in others {
            self.mail(self.now + CONSENT, other, Input::Disconnected { link });
        }
        let gone = &mut self.viewers[viewer];
        gone.pipes.clear();
        gone.transfers.clear();
        gone.bodies.clear();
    }

    /// Those who are here.
    pub fn audience(&self) -> impl Iterator<Item = usize> {
        self.viewers.iter().enumerate().filter(|(_, viewer)| !viewer.is_gone).map(|(no, _)| no)
    }

    /// How many are here, and of them, how many have run dry.
    pub(crate) fn count_audience(&self) -> (usize, usize) {
        let is_dry = |no: &usize| self.viewers[*no].dry_since.is_some();
        (self.audience().count(), self.audience().filter(is_dry).count())
    }

    /// A viewer pauses.
    pub fn pause(&mut self, viewer: usize) {
        let now = self.now;
        self.viewers[viewer].element.settle(now);
        self.viewers[viewer].element.is_playing = false;
        self.viewers[viewer].forgive(now);
        self.notice_playback(viewer);
    }

    /// A viewer plays on.
    pub fn resume(&mut self, viewer: usize) {
        self.viewers[viewer].element.is_playing = true;
        self.notice_playback(viewer);
    }

    /// The page sees that its viewer did something to playback.
    fn notice_playback(&mut self, viewer: usize) {
        if self.look_at_playback(viewer) {
            self.report(viewer);
        }
        self.end_round();
    }

    /// The tracker ends, and answers nobody until it is started again.
    pub fn stop_tracker(&mut self) {
        for viewer in self.tracker.stop() {
            let back = self.viewers[viewer].line.round_trip / 2;
            self.mail(self.now + back, viewer, Input::TrackerClosed);
        }
    }

    /// The tracker is back, and knows nobody.
    pub fn start_tracker(&mut self) {
        self.tracker.is_away = false;
    }

    /// Lets time pass until `moment`, a round after the other.
    pub fn run_until(&mut self, moment: Duration) {
        while let Some(first) = self.events.next_at(moment) {
            let end = moment.min(first + ROUND);
            while let Some((at, event)) = self.events.pop(end) {
                if event.viewer().is_some_and(|viewer| self.viewers[viewer].input.is_some()) {
                    self.held.push((at, event));
                } else {
                    self.now = at;
                    self.happen(event);
                }
            }
            self.end_round();
        }
        self.now = moment;
        for viewer in self.viewers.iter_mut().filter(|viewer| !viewer.is_gone) {
            viewer.now = moment;
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(viewer) => self.wake(viewer),
            Event::Tell(viewer, input) => {
                if let Input::Disconnected { link } = *input {
                    self.viewers[viewer].pipes.remove(&link);
                }
                self.tell_agent(viewer, *input);
            }
            Event::Sent(viewer) => self.sent(viewer),
            Event::PipeReady(viewer, link) => self.line_up(viewer, link),
            Event::Arrived(viewer, link, parcel) => self.arrived(viewer, link, parcel),
            Event::Received(viewer, link, parcel) => self.received(viewer, link, parcel),
            Event::Asked(viewer, request) => self.origin_asked(viewer, request),
            Event::OriginSent => self.origin_sent(),
            Event::ChunkArrived(viewer, request, bytes) => {
                self.chunk_arrived(viewer, request, bytes)
            }
            Event::ChunkReceived(viewer, request, bytes) => {
                self.chunk_received(viewer, request, bytes);
            }
            Event::WindowMoved(viewer, request) => self.fill_window(viewer, request),
            Event::ElementDone(viewer, turn) => self.element_done(viewer, turn),
            Event::Playback(viewer, turn) => self.playback(viewer, turn),
            Event::Checked(viewer, request, bytes) => self.checked(viewer, request, bytes),
        }
    }

    /// Hands one viewer's agent an input now.
    pub fn tell(&mut self, viewer: usize, input: Input) {
        let now = self.now;
        let told = &mut self.viewers[viewer];
        match input {
            Input::Started => told.element.is_playing = true,
            Input::Seeked { position } => {
                told.element.seek(now, position);
                told.forgive(now);
            }
            _ => {}
        }
        self.tell_agent(viewer, input);
        self.end_round();
        self.notice_playback(viewer);
    }

    pub(crate) fn mail(&mut self, at: Duration, viewer: usize, input: Input) {
        self.events.push(at, Event::Tell(viewer, Box::new(input)));
    }

    /// An agent is told something at the end of the round, and until then nothing else happens to its viewer.
    pub(crate) fn tell_agent(&mut self, viewer: usize, input: Input) {
        let told = &mut self.viewers[viewer];
        if told.is_gone {
            return;
        }
        // Between those who are no distance apart something may come from a round that is over.
        let at = self.now.max(told.now);
        (told.now, told.inputs) = (at, told.inputs + 1);
        if let Some(story) = &mut told.story {
            story.told.push((at, input.clone()));
        }
        told.input = Some(input);
        self.told.push(viewer);
    }

    /// Agents take in what they were told, on all cores; then what they want is carried out, one by one.
    fn end_round(&mut self) {
        for (at, event) in std::mem::take(&mut self.held) {
            self.events.push(at, event);
        }
        let (now, mut told) = (self.now, std::mem::take(&mut self.told));
        told.sort_unstable();
        take_in(&mut self.viewers, 0, &told);
        for viewer in told.drain(..) {
            self.now = self.viewers[viewer].now;
            let mut outputs = std::mem::take(&mut self.viewers[viewer].outputs);
            outputs.drain(..).for_each(|output| self.perform(viewer, output));
            self.viewers[viewer].outputs = outputs;
            self.plan_wake(viewer);
        }
        (self.told, self.now) = (told, now);
    }

    /// Wakes are planned for the soonest deadline that was ever wanted; one that is no longer wanted only looks again.
    fn plan_wake(&mut self, viewer: usize) {
        let planned = &mut self.viewers[viewer];
        let Some(deadline) = planned.deadline else { return };
        let at = deadline.at.since(Time::default()).max(self.now + LEAST_SLEEP);
        if planned.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            planned.wakes_at = Some(at);
            self.events.push(at, Event::Wake(viewer));
        }
    }

    fn wake(&mut self, viewer: usize) {
        let woken = &mut self.viewers[viewer];
        if woken.is_gone || woken.wakes_at != Some(self.now) {
            return;
        }
        woken.wakes_at = None;
        if woken.deadline.is_some_and(|deadline| deadline.at <= Time::at(self.now)) {
            self.tell_agent(viewer, Input::Woken);
        } else {
            self.plan_wake(viewer);
        }
    }

    fn perform(&mut self, viewer: usize, output: Output) {
        let now = self.now;
        let doer = &mut self.viewers[viewer];
        if doer.keeps_trace {
            doer.trace.push(format!("{:.2} {output:?}", now.as_secs_f64()));
        }
        doer.note_lost(&output);
        match output {
            Output::Fetch { request, uri, range, .. } => self.fetch(viewer, request, uri, range),
            Output::Cancel(request) => drop(doer.transfers.remove(&request)),
            Output::Forget(request) => drop(doer.bodies.remove(&request)),
            Output::Join { request, parts } => doer.join(request, &parts),
            Output::Check { request, bytes, .. } => {
                let nanos = (bytes.end - bytes.start) * 1_000_000_000 / DIGEST_BYTES_PER_SECOND;
                let at = (now + Duration::from_nanos(nanos)).max(doer.checks_until);
                doer.checks_until = at;
                self.events.push(at, Event::Checked(viewer, request, bytes));
            }
            Output::Verify { signature, .. } => {
                let has_loaded = std::mem::replace(&mut doer.can_verify, true);
                let loads =
                    if has_loaded { Duration::ZERO } else { doer.line.round_trip + LOADING };
                doer.checks_until = (now + loads + VERIFYING).max(doer.checks_until);
                let at = doer.checks_until;
                self.mail(at, viewer, Input::Verified(signature == SIGNATURE));
            }
            Output::Receive { link, request } => {
                doer.receiving.remove(&link);
                doer.receiving.extend(request.map(|request| (link, request)));
            }
            Output::Report(event) => doer.events.push(event),
            Output::Prepare { .. } => {
                doer.element.clear();
                self.element_does(viewer, Input::Prepared);
            }
            Output::Append { request, content, bytes } => {
                let update = self.append(viewer, request, &content, bytes);
                self.element_does(viewer, update);
            }
            Output::Evict(span) => {
                doer.element.remove(span);
                self.element_does(viewer, Input::Updated);
            }
            Output::Finish => {}
            Output::Jump(position) => doer.jump(now, position),
            for_others => self.perform_with_others(viewer, for_others),
        }
    }

    fn perform_with_others(&mut self, viewer: usize, output: Output) {
        let (now, round_trip) = (self.now, self.viewers[viewer].line.round_trip);
        match output {
            Output::OpenTracker if self.tracker.is_away => {
                self.mail(now + round_trip, viewer, Input::TrackerClosed);
            }
            Output::OpenTracker => {
                self.tracker.connect(viewer);
                self.mail(now + round_trip * 3, viewer, Input::TrackerOpened);
            }
            Output::CloseTracker => self.tracker.disconnect(viewer),
            Output::TellTracker(text) => {
                for (to, input) in self.tracker.tell(viewer, &text) {
                    let back = self.viewers[to].line.round_trip / 2;
                    self.mail(now + round_trip / 2 + back, to, input);
                }
            }
            Output::Offer { link } => {
                self.viewers[viewer].pipes.insert(link, Pipe::default());
                let sdp = format!("{viewer} {}", link.0);
                self.mail(now + GATHERING, viewer, Input::Offered { link, sdp });
            }
            Output::Answer { link, sdp } => {
                let pipe = Pipe { to: read_end(&sdp), ..Pipe::default() };
                self.viewers[viewer].pipes.insert(link, pipe);
                let sdp = format!("{viewer} {}", link.0);
                self.mail(now + GATHERING, viewer, Input::Answered { link, sdp });
            }
            Output::Accept { link, sdp } => self.accept((viewer, link), read_end(&sdp)),
            Output::Disconnect { link } => self.disconnect((viewer, link)),
            Output::Say { link, message } => match self.viewers[viewer].malice {
                None => self.send((viewer, link), Parcel::Command(message)),
                Some(malice) => {
                    let newest = self.origin.newest(now);
                    let there_are = 0..newest.map_or(usize::from(u8::MAX), |newest| newest + 1);
                    for message in malice.twist(message, there_are) {
                        self.send((viewer, link), Parcel::Command(message));
                    }
                }
            },
            Output::Give { link, request, start, bytes } => {
                self.give((viewer, link), request, start, bytes);
            }
            _ => {}
        }
    }

    fn give(&mut self, from: (usize, LinkId), request: RequestId, start: u64, bytes: u64) {
        let (viewer, link) = from;
        let held = self.viewers[viewer].bodies.get(&request).copied().unwrap_or_default();
        let (is_given, is_true) = Malice::gives(self.viewers[viewer].malice, start);
        let Some((rendition, segment)) = held.of.filter(|_| is_given) else { return };
        let is_true = is_true && start + bytes <= held.right;
        let start = held.start + start;
        self.give_piece((viewer, link), Piece { rendition, segment, start, bytes, is_true });
    }

    fn element_does(&mut self, viewer: usize, update: Input) {
        let doer = &mut self.viewers[viewer];
        doer.update = Some(update);
        doer.element_turn += 1;
        self.events.push(self.now + ELEMENT, Event::ElementDone(viewer, doer.element_turn));
    }

    fn element_done(&mut self, viewer: usize, turn: u32) {
        let done = &mut self.viewers[viewer];
        if done.element_turn != turn {
            return;
        }
        done.playback_turn += 1;
        let look = Event::Playback(viewer, done.playback_turn);
        if let Some(update) = done.update.take() {
            self.tell_agent(viewer, update);
        }
        self.events.push(self.now, look);
    }

    fn append(
        &mut self,
        viewer: usize,
        request: RequestId,
        content: &Content,
        bytes: Range<u64>,
    ) -> Input {
        let held = self.viewers[viewer].bodies.get(&request).copied().unwrap_or_default();
        let Some((rendition, segment)) = held.of else { return Input::Updated };
        let (start, from) = match content {
            Content::Init(_) => return Input::Updated,
            Content::Segment(start) | Content::Head(start) => (*start, 0),
            Content::More | Content::Rest => self.viewers[viewer].head,
        };
        if bytes.end > held.right || held.start + bytes.start != from {
            self.viewers[viewer].wrong_appended += 1;
            return Input::Undecodable;
        }
        let end = held.start + bytes.end;
        let whole = self.origin.length(rendition, segment).unwrap_or(end);
        let plays = self.origin.segment().mul_f64(end as f64 / whole.max(1) as f64);
        if end == whole {
            self.note_arrival(viewer, segment);
        }
        let appending = &mut self.viewers[viewer];
        appending.head = (start, end);
        let span = Span { start, end: start + plays };
        let is_taken = appending.element.append(span, rendition, end);
        appending.most_held = appending.most_held.max(appending.element.bytes());
        if is_taken { Input::Updated } else { Input::Overfull }
    }

    fn note_arrival(&mut self, viewer: usize, segment: usize) {
        let Some(published) = self.origin.published_at(segment) else { return };
        if published > self.viewers[viewer].joined_at {
            let after = self.now.saturating_sub(published);
            self.arrivals.push(Arrival { viewer, segment, after, at: self.now });
        }
    }

    /// Playback may have begun, run dry, or gone on; tells whether it has begun or ended.
    fn look_at_playback(&mut self, viewer: usize) -> bool {
        let (now, interval) = (self.now, self.report_interval);
        let looked_at = &mut self.viewers[viewer];
        let was_running = looked_at.was_running;
        looked_at.element.end = self.origin.duration();
        let runs_dry = looked_at.element.settle(now);
        looked_at.note_playback(now);
        looked_at.playback_turn += 1;
        let turns = looked_at.element.turns_at(now).unwrap_or(Duration::MAX);
        let next = runs_dry.unwrap_or(Duration::MAX).min(turns).min(now + interval);
        self.events
            .push(next.max(now + LEAST_SLEEP), Event::Playback(viewer, looked_at.playback_turn));
        was_running != looked_at.was_running
    }

    fn playback(&mut self, viewer: usize, turn: u32) {
        let playing = &self.viewers[viewer];
        if playing.is_gone || playing.playback_turn != turn {
            return;
        }
        self.look_at_playback(viewer);
        self.report(viewer);
    }

    fn report(&mut self, viewer: usize) {
        let element = &self.viewers[viewer].element;
        let (position, buffered) = (element.position(self.now), element.buffered());
        let is_starved = element.is_starved();
        let speed = if element.is_playing { 1.0 } else { 0.0 };
        self.tell_agent(viewer, Input::Played { position, buffered, is_starved, speed });
    }

    fn checked(&mut self, viewer: usize, request: RequestId, bytes: Range<u64>) {
        let held = self.viewers[viewer].bodies.get(&request).copied().unwrap_or_default();
        let right = held.of.filter(|_| bytes.end <= held.right);
        let digest = right.map_or([0; 32], |(rendition, segment)| {
            let of = held.start + bytes.start..held.start + bytes.end;
            let whole = self.origin.length(rendition, segment).unwrap_or(0);
            digest(rendition, segment, of, whole)
        });
        self.tell_agent(viewer, Input::Checked { request, bytes, digest });
    }
}

impl Viewer {
    fn take_in(&mut self) {
        let Some(input) = self.input.take() else { return };
        self.agent.handle(Time::at(self.now), input);
        self.outputs.extend(std::iter::from_fn(|| self.agent.poll()));
        self.deadline = self.agent.next_deadline();
    }

    fn note_lost(&mut self, output: &Output) {
        let is_there = |request| self.bodies.contains_key(request);
        let is_lost = match output {
            Output::Append { request, .. }
            | Output::Check { request, .. }
            | Output::Give { request, .. } => !is_there(request),
            Output::Join { parts, .. } => parts
                .iter()
                .any(|(from, bytes)| self.bodies.get(from).is_none_or(|held| held.bytes < *bytes)),
            _ => false,
        };
        if is_lost {
            self.lost.push(output.clone());
        }
    }

    fn join(&mut self, request: RequestId, parts: &[(RequestId, u64)]) {
        let mut joined = Held::default();
        for (from, bytes) in parts {
            let part = self.bodies.get(from).copied().unwrap_or_default();
            let (rendition, segment) = part.of.unwrap_or_default();
            let (start, is_true) = (part.start, *bytes <= part.right);
            joined.push(Piece { rendition, segment, start, bytes: *bytes, is_true });
        }
        self.bodies.insert(request, joined);
    }
}

/// Lets the agents of `told` take in what they are told; the first of `viewers` has the number `first`, and `told` is in order. They
/// know nothing of each other, so that it makes no difference which comes first, nor how many cores there are.
fn take_in(viewers: &mut [Viewer], first: usize, told: &[usize]) {
    if told.len() <= WORTH_A_CORE {
        told.iter().for_each(|told| viewers[told - first].take_in());
        return;
    }
    let (told, others_told) = told.split_at(told.len() / 2);
    let first_other = others_told[0];
    let (viewers, others) = viewers.split_at_mut(first_other - first);
    rayon::join(|| take_in(viewers, first, told), || take_in(others, first_other, others_told));
}

fn read_end(sdp: &str) -> Option<(usize, LinkId)> {
    let (viewer, link) = sdp.split_once(' ')?;
    Some((viewer.parse().ok()?, LinkId(link.parse().ok()?)))
}

/// How often a browser says how far it is.
const REPORT: Duration = Duration::from_millis(250);
/// Until a browser knows its addresses.
const GATHERING: Duration = Duration::from_millis(100);
/// What an append or eviction takes.
const ELEMENT: Duration = Duration::from_millis(5);
/// After which a browser gives up a connection whose other end doesn't answer (RFC 7675 leaves it up to 30 s; browsers tell
/// their pages sooner).
const CONSENT: Duration = Duration::from_secs(6);
/// How long a signature takes in wasm.
const VERIFYING: Duration = Duration::from_millis(1);
/// How long, after a round trip, what verifies takes to come and be compiled.
const LOADING: Duration = Duration::from_millis(50);
/// Bytes a second of SHA-256 in wasm (docs/decisions/0004-a-small-module.md).
const DIGEST_BYTES_PER_SECOND: u64 = 250_000_000;
/// How long a round is: shorter than anything takes from one viewer to another.
const ROUND: Duration = Duration::from_millis(2);
/// So many inputs take less time than it takes to hand half of them to another core.
const WORTH_A_CORE: usize = 32;
/// No agent is woken more often, as browsers' timers aren't.
const LEAST_SLEEP: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Line;

    /// What viewers who come at once want in their first moments, in words, where it is shared out among so many cores.
    fn traces(cores: usize) -> Vec<Vec<String>> {
        let line = || Line::steady(20_000_000);
        let come_at_once = |seed| Viewer::sharing(seed, line(), swarm::Sharing::Full);
        let viewers = (0..2 * WORTH_A_CORE as u64 + 1).map(come_at_once).collect();
        let mut world = World::new(Origin::new(&[1_500_000], 10), viewers);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().unwrap();
        pool.install(|| world.run_until(Duration::from_millis(300)));
        world.viewers.into_iter().map(|viewer| viewer.trace).collect()
    }

    #[test]
    fn one_core_and_three_come_to_the_same() {
        let alone = traces(1);
        assert!(alone.iter().all(|trace| !trace.is_empty()));
        assert_eq!(alone, traces(3));
    }
}
