//! The loader: running downloads, what has come of them, and the storage.

use std::time::Duration;

use swarm::{LinkId, Output, RequestId, Time, Wanted, Why};
use wire::peer::{Command, Request, Segment};
use wire::playlist::ByteRange;

use crate::policy::choice::choose;

use super::StockPeer;

/// A segment in the storage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) request: RequestId,
    pub(super) bytes: u64,
}

/// A segment that isn't whole.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// What came before, in order, and how much of it.
    parts: Vec<(RequestId, u64)>,
    /// Its length, once something told it.
    total: Option<u64>,
    run: Option<Run>,
    failures: u32,
    /// The server isn't asked again before this.
    rests_until: Option<Time>,
}

/// Whom it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    Server,
    Peer,
}

/// A download that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    request: RequestId,
    from: Source,
    /// Bytes of this run.
    got: u64,
    heard_at: Time,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    Server,
    Peer {
        link: LinkId,
        /// What the request is called there.
        name: Request,
        /// How many bytes it said would follow.
        size: Option<u64>,
    },
}

impl Load {
    pub(super) fn via(&self) -> Option<Via> {
        self.run.map(|run| match run.from {
            Source::Server => Via::Server,
            Source::Peer { .. } => Via::Peer,
        })
    }

    fn done(&self) -> u64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }

    fn gives_up_at(&self) -> Option<Time> {
        let run = self.run?;
        let patience =
            if self.via() == Some(Via::Server) { SERVER_PATIENCE } else { PEER_PATIENCE };
        Some(run.heard_at + patience)
    }

    pub(super) fn deadline(&self) -> Option<(Time, Why)> {
        let silence = self.gives_up_at().map(|at| (at, Why::Silence));
        silence.or(self.rests_until.map(|at| (at, Why::Retry)))
    }
}

impl StockPeer {
    pub(super) fn via(&self, no: Segment) -> Option<Via> {
        self.loads.get(&no)?.via()
    }

    pub(super) fn running(&self, via: Via) -> usize {
        self.loads.values().filter(|load| load.via() == Some(via)).count()
    }

    pub(super) fn is_resting(&self, no: Segment) -> bool {
        self.loads.get(&no).and_then(|load| load.rests_until).is_some_and(|until| until > self.now)
    }

    /// A run may be stopped between the last byte and the word that it was the last: nothing is left to ask for then.
    fn completes(&mut self, no: Segment) -> bool {
        let is_whole = |load: &Load| load.total == Some(load.done());
        let completes = self.loads.get(&no).is_some_and(is_whole);
        if completes {
            self.complete(no);
        }
        completes
    }

    pub(super) fn start_from_server(&mut self, no: Segment) {
        if self.completes(no) {
            return;
        }
        let Some(slot) = self.track.slot(no).cloned() else { return };
        let (request, base) = (self.new_request(), self.track.base.clone());
        let load = self.loads.entry(no).or_default();
        load.total = load.total.or(slot.range.map(|range| range.length));
        if load.total.is_none() {
            let parts = std::mem::take(&mut load.parts);
            parts.into_iter().for_each(|(part, _)| self.outputs.push_back(Output::Forget(part)));
        }
        let done = load.done();
        let range = load.total.filter(|_| done > 0 || slot.range.is_some()).map(|total| {
            let start = slot.range.map_or(0, |range| range.start) + done;
            ByteRange { start, length: total - done }
        });
        load.run = Some(Run { request, from: Source::Server, got: 0, heard_at: self.now });
        load.rests_until = None;
        self.has_news = true;
        self.want(Output::Fetch { request, base, uri: slot.uri, range, wanted: Wanted::Bytes });
    }

    /// Asks one of those who hold it and are idle; tells whether there is one.
    pub(super) fn start_from_peer(&mut self, no: Segment) -> bool {
        if self.completes(no) {
            return true;
        }
        if self.nearby.of(no).loaded == 0 {
            return false;
        }
        let now = self.now;
        let (idle, rates): (Vec<LinkId>, Vec<Option<f64>>) = self
            .links
            .iter()
            .filter(|(_, link)| {
                link.is_open() && link.download.is_none() && link.announced.holds(no)
            })
            .map(|(id, link)| (*id, link.meter.rate(now)))
            .unzip();
        let Some(link) = choose(&rates, self.dice.roll()).map(|at| idle[at]) else { return false };
        let (request, name) = (self.new_request(), self.dice.below(REQUEST_NAMES) as Request);
        let load = self.loads.entry(no).or_default();
        let from = Source::Peer { link, name, size: None };
        load.run = Some(Run { request, from, got: 0, heard_at: now });
        let offset = load.done();
        if let Some(link) = self.links.get_mut(&link) {
            link.download = Some(no);
        }
        self.say(link, &Command::SegmentRequest { segment: no, request: name, offset });
        true
    }

    /// Stops a download; what has come of it is kept. That may be all, where only the last word was missing.
    pub(super) fn stop(&mut self, no: Segment) {
        let Some(run) = self.loads.get(&no).and_then(|load| load.run) else { return };
        match run.from {
            Source::Server => {
                self.want(Output::Cancel(run.request));
                self.has_news = true;
            }
            Source::Peer { link, name, .. } => {
                self.say(link, &Command::CancelSegmentRequest { segment: no, request: name });
            }
        }
        self.end_run(no);
        self.complete_if_whole(no);
    }

    /// Nothing more comes of a run; what has come becomes a part.
    fn end_run(&mut self, no: Segment) {
        let Some(load) = self.loads.get_mut(&no) else { return };
        let Some(run) = load.run.take() else { return };
        if run.got > 0 {
            load.parts.push((run.request, run.got));
        }
        if let Source::Peer { link, size, .. } = run.from {
            if let Some(link) = self.links.get_mut(&link) {
                link.download = None;
            }
            if size.is_some() {
                self.want(Output::Receive { link, request: None });
            }
        }
        if run.got == 0 {
            self.want(Output::Forget(run.request));
        }
        self.queue.is_due = true;
    }

    pub(super) fn progressed(&mut self, request: RequestId, bytes: u64) {
        let now = self.now;
        let Some((_, run)) = self.run_of(request) else { return };
        let fresh = bytes.saturating_sub(run.got);
        (run.got, run.heard_at) = (run.got + fresh, now);
        self.stats.http_bytes += fresh;
    }

    fn run_of(&mut self, request: RequestId) -> Option<(Segment, &mut Run)> {
        let runs = self.loads.iter_mut().filter_map(|(no, load)| Some((*no, load.run.as_mut()?)));
        runs.into_iter().find(|(_, run)| run.request == request)
    }

    pub(super) fn load_fetched(&mut self, request: RequestId, bytes: u64, took: Duration) {
        self.progressed(request, bytes);
        let Some((no, _)) = self.run_of(request) else { return };
        self.queue.fetch_took(took);
        self.has_news = true;
        self.end_run(no);
        self.complete(no);
    }

    pub(super) fn load_failed(&mut self, request: RequestId) {
        let Some((no, _)) = self.run_of(request) else { return };
        self.end_run(no);
        self.server_failed(no);
    }

    fn server_failed(&mut self, no: Segment) {
        let now = self.now;
        let Some(load) = self.loads.get_mut(&no) else { return };
        load.failures += 1;
        if load.failures >= ERRORS {
            (load.failures, load.rests_until) = (0, Some(now + REST));
        }
        (self.has_news, self.queue.is_due) = (true, true);
    }

    /// A peer's answer begins: tells whether it can be what was asked for. One to an earlier request is passed over.
    pub(super) fn answer_begins(
        &mut self,
        from: LinkId,
        no: Segment,
        name: Request,
        size: u64,
    ) -> bool {
        let now = self.now;
        let Some(load) = self.loads.get_mut(&no) else { return true };
        let done = load.done();
        let Some(Run {
            request,
            from: Source::Peer { link, name: asked, size: told },
            heard_at,
            ..
        }) = load.run.as_mut()
        else {
            return true;
        };
        if (*link, *asked) != (from, name) {
            return true;
        }
        if told.is_some() || load.total.is_some_and(|total| total != done + size) {
            return false;
        }
        (*told, *heard_at, load.total) = (Some(size), now, Some(done + size));
        let request = Some(*request);
        self.want(Output::Receive { link: from, request });
        true
    }

    /// Bytes of a peer's answer; tells whether so many can be.
    pub(super) fn bytes_came(&mut self, no: Segment, bytes: u64) -> bool {
        let now = self.now;
        let Some(run) = self.loads.get_mut(&no).and_then(|load| load.run.as_mut()) else {
            return true;
        };
        let Source::Peer { size: Some(size), .. } = run.from else { return true };
        (run.got, run.heard_at) = (run.got + bytes, now);
        self.stats.p2p_bytes += bytes;
        run.got <= size
    }

    /// A peer says that all was sent; tells whether it was.
    pub(super) fn answer_ends(&mut self, from: LinkId, no: Segment, name: Request) -> bool {
        let Some(run) = self.loads.get(&no).and_then(|load| load.run) else { return true };
        match run.from {
            Source::Peer { link, name: asked, size } if (link, asked) == (from, name) => {
                if size != Some(run.got) {
                    return false;
                }
                self.end_run(no);
                self.complete(no);
                true
            }
            _ => true,
        }
    }

    /// A peer lacks what was asked for, or is gone.
    pub(super) fn answer_fails(&mut self, no: Segment) {
        self.end_run(no);
        self.complete_if_whole(no);
    }

    fn complete_if_whole(&mut self, no: Segment) {
        let is_whole = |load: &Load| load.total == Some(load.done());
        if self.loads.get(&no).is_some_and(is_whole) {
            self.complete(no);
        }
    }

    /// The parts of a segment are all there: it goes into the storage.
    fn complete(&mut self, no: Segment) {
        let Some(load) = self.loads.remove(&no) else { return };
        let bytes = load.done();
        if load.total.is_some_and(|total| total != bytes) {
            self.loads.insert(no, load);
            return;
        }
        let request = match &load.parts[..] {
            [(request, _)] => *request,
            parts => {
                let (request, parts) = (self.new_request(), parts.to_vec());
                self.want(Output::Join { request, parts: parts.clone() });
                parts.into_iter().for_each(|(part, _)| self.want(Output::Forget(part)));
                request
            }
        };
        self.held.insert(no, Held { request, bytes });
        (self.has_news, self.queue.is_due) = (true, true);
        self.drop_old();
    }

    /// Live, what has played and isn't near the playhead any more leaves the storage, unless it is being given.
    fn drop_old(&mut self) {
        if !self.track.is_live() {
            return;
        }
        let oldest = self.player.position.saturating_sub(self.config.high_demand);
        let is_old = |no: Segment| self.track.slot(no).is_none_or(|slot| slot.span.end <= oldest);
        let is_given = |no: Segment| self.links.values().any(|link| link.gives(no));
        let old: Vec<Segment> = self
            .held
            .keys()
            .copied()
            .take_while(|no| is_old(*no))
            .filter(|no| !is_given(*no))
            .collect();
        let unneeded: Vec<Segment> = self
            .loads
            .keys()
            .copied()
            .take_while(|no| *no < self.player.next && is_old(*no))
            .collect();
        old.into_iter().for_each(|no| self.drop_held(no));
        for no in unneeded {
            self.stop(no);
            let parts = self.loads.remove(&no).map(|load| load.parts).unwrap_or_default();
            for (part, bytes) in parts {
                self.stats.duplicate_bytes += bytes;
                self.want(Output::Forget(part));
            }
        }
    }

    pub(super) fn drop_held(&mut self, no: Segment) {
        if let Some(held) = self.held.remove(&no) {
            self.stop_giving(no);
            self.want(Output::Forget(held.request));
            (self.has_news, self.queue.is_due) = (true, true);
        }
    }

    /// Whoever is silent for too long is given up: the server for this time, a peer for good after three times.
    pub(super) fn give_up_silent_loads(&mut self) {
        let now = self.now;
        let rested = |load: &Load| load.rests_until.is_some_and(|until| until <= now);
        for load in self.loads.values_mut().filter(|load| rested(load)) {
            load.rests_until = None;
            self.queue.is_due = true;
        }
        let is_silent = |load: &Load| load.gives_up_at().is_some_and(|at| at <= now);
        let silent: Vec<Segment> =
            self.loads.iter().filter(|(_, load)| is_silent(load)).map(|(no, _)| *no).collect();
        for no in silent {
            let from = self.loads.get(&no).and_then(|load| load.run).map(|run| run.from);
            self.stop(no);
            match from {
                Some(Source::Peer { link, .. }) => self.peer_was_silent(link),
                _ => self.server_failed(no),
            }
        }
    }
}

/// The server may be silent for so long.
const SERVER_PATIENCE: Duration = Duration::from_secs(3);
/// A peer may be silent for so long.
const PEER_PATIENCE: Duration = Duration::from_secs(2);
/// After so many failures the player is told, which asks again after a while.
const ERRORS: u32 = 3;
const REST: Duration = Duration::from_secs(1);
/// Requests have names from 0 to 999.
const REQUEST_NAMES: usize = 1_000;
