//! How viewers meet and what passes between them: a tracker, and connections of limited rate and some delay.
//!
//! A sender's uplink is shared evenly by the connections that it is sending over; what it sends arrives a delay later, in
//! order. Session descriptions only name the end that they describe.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use swarm::{Heard, Input, LinkId, Output, RequestId};
use wire::announce::{Announce, Answer, Counts, Event, Reply, Request, Sdp};
use wire::identity::InfoHash;
use wire::peer::{MESSAGE_BYTES, PeerId};

use crate::STEP;

/// One end of a connection: whose, and how it is called there.
type End = (usize, LinkId);

/// The tracker, and all connections.
#[derive(Debug, Default)]
pub(crate) struct Mesh {
    members: Vec<Member>,
    /// Who is connected to the tracker.
    sockets: Vec<usize>,
    pipes: BTreeMap<End, Pipe>,
    /// What reaches a viewer when.
    post: BTreeMap<(Duration, u64), (usize, Input)>,
    sent: u64,
    rolls: usize,
    /// The tracker answers nobody.
    pub(crate) is_tracker_away: bool,
}

#[derive(Debug)]
struct Member {
    info_hash: InfoHash,
    peer_id: PeerId,
    viewer: usize,
}

/// From one end to the other.
#[derive(Debug)]
struct Pipe {
    to: Option<End>,
    is_open: bool,
    queue: VecDeque<(Parcel, f64)>,
    queued_bytes: f64,
    is_draining: bool,
}

/// What passes over a connection.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Command(Vec<u8>),
    Data(Piece),
}

/// Bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) rendition: usize,
    pub(crate) segment: usize,
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// They are what they should be.
    pub(crate) is_true: bool,
}

/// What a viewer gets from a connection.
pub(crate) struct Arrival {
    pub(crate) viewer: usize,
    pub(crate) link: LinkId,
    pub(crate) parcel: Parcel,
}

impl Mesh {
    /// Carries out what a viewer's engine wants of others.
    pub(crate) fn perform(&mut self, now: Duration, viewer: usize, output: Output) {
        match output {
            Output::OpenTracker if self.is_tracker_away => {
                self.mail(now + DELAY, viewer, Input::TrackerClosed);
            }
            Output::OpenTracker => {
                self.sockets.push(viewer);
                self.mail(now + DELAY, viewer, Input::TrackerOpened);
            }
            Output::CloseTracker => self.unplug(viewer),
            Output::TellTracker(text) => self.tell_tracker(now, viewer, &text),
            Output::Offer { link } => {
                self.pipes.insert((viewer, link), Pipe::new(None));
                let sdp = format!("{viewer} {}", link.0);
                self.mail(now + GATHERING, viewer, Input::Offered { link, sdp });
            }
            Output::Answer { link, sdp } => {
                self.pipes.insert((viewer, link), Pipe::new(read_end(&sdp)));
                let sdp = format!("{viewer} {}", link.0);
                self.mail(now + GATHERING, viewer, Input::Answered { link, sdp });
            }
            Output::Accept { link, sdp } => self.accept(now, (viewer, link), read_end(&sdp)),
            Output::Disconnect { link } => self.disconnect(now, (viewer, link)),
            Output::Say { link, message } => {
                let size = message.len() as f64;
                self.send((viewer, link), Parcel::Command(message), size);
            }
            _ => {}
        }
    }

    pub(crate) fn give(&mut self, from: End, piece: Piece) {
        let mut start = piece.start;
        while start < piece.start + piece.bytes {
            let bytes = (piece.start + piece.bytes - start).min(MESSAGE_BYTES as u64);
            self.send(from, Parcel::Data(Piece { start, bytes, ..piece }), bytes as f64);
            start += bytes;
        }
        if let Some(pipe) = self.pipes.get_mut(&from) {
            pipe.is_draining = true;
        }
    }

    /// A viewer's page is closed: the tracker sees it at once, other viewers only that nothing more comes.
    pub(crate) fn vanish(&mut self, viewer: usize) {
        self.unplug(viewer);
        self.pipes.retain(|(of, _), _| *of != viewer);
        self.post.retain(|_, (to, _)| *to != viewer);
    }

    /// The tracker ends every connection and forgets everybody.
    pub(crate) fn stop_tracker(&mut self, now: Duration) {
        self.is_tracker_away = true;
        self.members.clear();
        for viewer in std::mem::take(&mut self.sockets) {
            self.mail(now + DELAY, viewer, Input::TrackerClosed);
        }
    }

    /// The inputs that are due.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<(usize, Input)> {
        let later = self.post.split_off(&(now + Duration::from_nanos(1), 0));
        std::mem::replace(&mut self.post, later).into_values().collect()
    }

    /// Moves what is sent over connections by one step.
    pub(crate) fn flow(
        &mut self,
        now: Duration,
        uplink_bps: impl Fn(usize) -> u64,
    ) -> Vec<Arrival> {
        let ends: Vec<End> = self
            .pipes
            .iter()
            .filter(|(_, pipe)| pipe.is_open && !pipe.queue.is_empty())
            .map(|(end, _)| *end)
            .collect();
        let mut arrivals = Vec::new();
        for from in &ends {
            let senders = ends.iter().filter(|(viewer, _)| *viewer == from.0).count().max(1);
            let room = uplink_bps(from.0) as f64 / 8.0 * STEP.as_secs_f64() / senders as f64;
            self.flow_one(*from, room, &mut arrivals);
        }
        self.tell_drained(now);
        arrivals
    }

    fn flow_one(&mut self, from: End, mut room: f64, arrivals: &mut Vec<Arrival>) {
        let Some(pipe) = self.pipes.get_mut(&from) else { return };
        let Some((viewer, link)) = pipe.to else { return };
        while let Some((_, left)) = pipe.queue.front_mut() {
            let moved = left.min(room);
            *left -= moved;
            room -= moved;
            pipe.queued_bytes -= moved;
            if *left > 0.0 {
                return;
            }
            if let Some((parcel, _)) = pipe.queue.pop_front() {
                arrivals.push(Arrival { viewer, link, parcel });
            }
        }
    }

    fn tell_drained(&mut self, now: Duration) {
        let is_drained =
            |pipe: &Pipe| pipe.is_draining && pipe.queued_bytes <= MESSAGE_BYTES as f64;
        let drained: Vec<End> =
            self.pipes.iter().filter(|(_, pipe)| is_drained(pipe)).map(|(end, _)| *end).collect();
        for (viewer, link) in drained {
            if let Some(pipe) = self.pipes.get_mut(&(viewer, link)) {
                pipe.is_draining = false;
            }
            self.mail(now, viewer, Input::Drained { link });
        }
    }

    fn send(&mut self, from: End, parcel: Parcel, size: f64) {
        if let Some(pipe) = self.pipes.get_mut(&from).filter(|pipe| pipe.is_open) {
            pipe.queued_bytes += size;
            pipe.queue.push_back((parcel, size));
        }
    }

    fn accept(&mut self, now: Duration, ours: End, theirs: Option<End>) {
        let Some(theirs) = theirs.filter(|theirs| self.pipes.contains_key(theirs)) else { return };
        for (end, other) in [(ours, theirs), (theirs, ours)] {
            if let Some(pipe) = self.pipes.get_mut(&end) {
                (pipe.to, pipe.is_open) = (Some(other), true);
            }
            self.mail(now + CONNECTING, end.0, Input::Connected { link: end.1 });
        }
    }

    fn disconnect(&mut self, now: Duration, end: End) {
        let other = self.pipes.remove(&end).filter(|pipe| pipe.is_open).and_then(|pipe| pipe.to);
        if let Some((viewer, link)) = other.filter(|other| self.pipes.remove(other).is_some()) {
            self.mail(now + DELAY, viewer, Input::Disconnected { link });
        }
    }

    fn unplug(&mut self, viewer: usize) {
        self.sockets.retain(|socket| *socket != viewer);
        self.members.retain(|member| member.viewer != viewer);
    }

    fn tell_tracker(&mut self, now: Duration, viewer: usize, text: &str) {
        if !self.sockets.contains(&viewer) {
            return;
        }
        match Request::read(text).expect("our engine writes what can be read") {
            Request::Announce(announce) => self.announced(now, viewer, announce),
            Request::Answer(answer) => self.answered(now, answer),
            Request::Scrape(_) => {}
        }
    }

    fn announced(&mut self, now: Duration, viewer: usize, announce: Announce<'_>) {
        let Announce { info_hash, peer_id, .. } = announce;
        self.members.retain(|member| member.peer_id != peer_id);
        if announce.event == Event::Stopped {
            return;
        }
        let others: Vec<usize> = self
            .members
            .iter()
            .filter(|member| member.info_hash == info_hash)
            .map(|member| member.viewer)
            .collect();
        self.members.push(Member { info_hash, peer_id, viewer });
        let counts = Counts { complete: 0, incomplete: others.len() + 1 };
        let interval = Duration::from_secs(120);
        self.reply(now, viewer, Reply::Announced { info_hash, counts, interval });
        self.rolls += 1;
        for (no, offer) in announce.offers.into_iter().take(others.len()).enumerate() {
            let to = others[(self.rolls + no) % others.len()];
            let wire::announce::Offer { offer_id, sdp } = offer;
            self.reply(now, to, Reply::Offer { info_hash, peer_id, offer_id, sdp });
        }
    }

    fn answered(&mut self, now: Duration, answer: Answer<'_>) {
        let Answer { info_hash, peer_id, to_peer_id, offer_id, sdp } = answer;
        let sdp = Sdp::of(&sdp.text());
        if let Some(to) = self.members.iter().find(|member| member.peer_id == to_peer_id) {
            let reply = Reply::Answer { info_hash, peer_id, offer_id, sdp };
            self.reply(now, to.viewer, reply);
        }
    }

    fn reply(&mut self, now: Duration, viewer: usize, reply: Reply<'_>) {
        let heard = Heard::of(reply).map(Input::TrackerSaid);
        heard.into_iter().for_each(|input| self.mail(now + DELAY * 2, viewer, input));
    }

    fn mail(&mut self, at: Duration, viewer: usize, input: Input) {
        self.sent += 1;
        self.post.insert((at, self.sent), (viewer, input));
    }
}

impl Pipe {
    fn new(to: Option<End>) -> Pipe {
        Pipe { to, is_open: false, queue: VecDeque::new(), queued_bytes: 0.0, is_draining: false }
    }
}

/// What a viewer holds under a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// Of which rendition and segment.
    pub(crate) of: Option<(usize, usize)>,
    /// From which byte of it on.
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// Something in it isn't what it should be, or not where it should be.
    pub(crate) is_wrong: bool,
}

impl Held {
    pub(crate) fn push(&mut self, piece: Piece) {
        let of = (piece.rendition, piece.segment);
        if self.of.is_none() {
            (self.of, self.start) = (Some(of), piece.start);
        }
        let fits = self.of == Some(of) && piece.start == self.start + self.bytes;
        self.is_wrong |= !fits || !piece.is_true;
        self.bytes += piece.bytes;
    }
}

/// Names a request's body.
pub(crate) type Bodies = BTreeMap<RequestId, Held>;

fn read_end(sdp: &str) -> Option<End> {
    let (viewer, link) = sdp.split_once(' ')?;
    Some((viewer.parse().ok()?, LinkId(link.parse().ok()?)))
}

/// One way, to the tracker or to another viewer.
const DELAY: Duration = Duration::from_millis(30);
/// Until a browser knows its addresses.
const GATHERING: Duration = Duration::from_millis(100);
/// From the answer to the first message.
const CONNECTING: Duration = Duration::from_millis(200);
