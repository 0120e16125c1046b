//! What a driver keeps, and what of it the engine may ask for at any moment.
//!
//! The rules hold for a driver that keeps its side of the contract, whatever servers, trackers and viewers do to it:
//!
//! - no request and no connection is named that the engine hasn't made, or has let go of, and none is made twice;
//! - bytes are appended, joined, given and checked only where they are;
//! - bytes that any peer or mirror gave are played only after their digest was told and was right, and whatever is given to peers was
//!   checked so, too;
//! - who permits nothing has no connection and no tracker; who permits receiving gives nothing;
//! - nothing is said in the extension's words before both sides have offered it;
//! - everything that is held has a bound.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use swarm::limits::{LINKS, OFFERS_AT_ONCE};
use swarm::{Content, LinkId, Output, RequestId, Sharing, Span, Wanted};
use wire::announce::{OfferId, Request};
use wire::identity::InfoHash;
use wire::peer::{Command, Joiner, MESSAGE_BYTES, Message};
use wire::playlist::ByteRange;

use crate::video;

#[derive(Default)]
pub(crate) struct Driver {
    /// Requests to servers that run.
    pub(crate) fetches: Vec<Fetch>,
    pub(crate) bodies: BTreeMap<RequestId, Body>,
    /// Names that have been used.
    named: BTreeSet<RequestId>,
    pub(crate) links: BTreeMap<LinkId, Link>,
    named_links: BTreeSet<LinkId>,
    /// Digests that are being computed.
    pub(crate) checks: Vec<(RequestId, Range<u64>)>,
    pub(crate) element: Element,
    /// How often it was given media, and which segments it has.
    pub(crate) appended: usize,
    pub(crate) has: BTreeSet<u64>,
    /// What was appended last without its rest.
    pub(crate) head: Option<u64>,
    /// Where the engine jumped last.
    pub(crate) jumped: Option<Duration>,
    pub(crate) tracker: Tracker,
    /// Offers that the tracker has of us.
    pub(crate) offers: Vec<OfferId>,
    /// The swarm that the engine told the tracker of last.
    pub(crate) info_hash: Option<InfoHash>,
    pub(crate) permitted: Sharing,
    /// Whose bytes the engine asked a server for last.
    rendition: u8,
    /// A server sent a playlist or digests of its own making, so that nobody knows which digest is the right one.
    pub(crate) is_wild: bool,
    pub(crate) kind: video::Kind,
    /// Signatures that are being verified, and what comes of it.
    pub(crate) verifies: VecDeque<bool>,
}

#[derive(Clone)]
pub(crate) struct Fetch {
    pub(crate) request: RequestId,
    pub(crate) uri: Arc<str>,
    pub(crate) range: Option<ByteRange>,
    pub(crate) wanted: Wanted,
    pub(crate) is_of_mirror: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Body {
    /// Where in a segment it begins.
    start: u64,
    pub(crate) bytes: u64,
    /// A peer or a mirror gave some of it.
    is_doubtful: bool,
    /// The digests that the engine was told of some of its bytes.
    pub(crate) told: Vec<(Range<u64>, [u8; 32])>,
    /// The rendition and the segment that it is of if nobody cheated.
    honest: Option<(u8, u64)>,
}

impl Body {
    /// The digest that some of its bytes have if nobody cheated.
    pub(crate) fn honest(&self, bytes: Range<u64>) -> Option<[u8; 32]> {
        let (rendition, no) = self.honest?;
        Some(video::digest(rendition, no, self.start + bytes.start..self.start + bytes.end))
    }

    /// Whether these bytes were told to have the digests that those of a segment have.
    fn is_right(&self, bytes: Range<u64>, is_it: impl Fn(Range<u64>, [u8; 32]) -> bool) -> bool {
        let of_segment = |part: &Range<u64>| self.start + part.start..self.start + part.end;
        let right = || self.told.iter().filter(|(part, digest)| is_it(of_segment(part), *digest));
        let mut at = bytes.start;
        while let Some((part, _)) = right().find(|(part, _)| part.contains(&at)) {
            at = part.end;
        }
        bytes.end <= at
    }
}

#[derive(Default)]
pub(crate) struct Link {
    pub(crate) state: LinkState,
    /// Under which request its data are kept.
    pub(crate) keeps: Option<RequestId>,
    pub(crate) is_giving: bool,
    /// What the engine asks of the peer: segment, request, and how many bytes of it.
    pub(crate) asked: Option<(u64, u64, u64)>,
    /// The first of those bytes.
    asked_from: u64,
    joiner: Joiner,
    /// The segment of the header that the engine said last.
    header: Option<u64>,
    has_offered: bool,
    /// The peer has offered the extension.
    pub(crate) was_offered: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LinkState {
    #[default]
    Offering,
    Answering,
    /// Both descriptions are made; it may come to stand.
    Ready,
    /// Ours is made, and nobody has taken it.
    Offered,
    Open,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Element {
    #[default]
    Unprepared,
    Preparing,
    Idle,
    Busy,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tracker {
    #[default]
    Closed,
    Opening,
    Open,
}

impl Driver {
    /// Notes what the engine wants; panics where it may not want that.
    pub(crate) fn take(&mut self, output: &Output) {
        match output {
            Output::Fetch { request, base, uri, range, wanted } => {
                self.name(*request);
                let (request, uri) = (*request, uri.clone());
                let (rendition, no) = video::segment_at(&uri, *range);
                if *wanted == Wanted::Bytes {
                    self.rendition = rendition;
                }
                let honest = no.map(|no| (rendition, no));
                let start = range.map_or(0, |range| video::offset_in_segment(&uri, range.start));
                let is_of_mirror = **base == *video::MIRROR;
                assert!(!is_of_mirror || honest.is_some(), "a mirror is asked for {uri}");
                let body = Body { start, honest, is_doubtful: is_of_mirror, ..Body::default() };
                self.bodies.insert(request, body);
                let (range, wanted) = (*range, *wanted);
                self.fetches.push(Fetch { request, uri, range, wanted, is_of_mirror });
            }
            Output::Cancel(request) => {
                let at = self.fetches.iter().position(|fetch| fetch.request == *request);
                self.fetches.remove(at.expect("what is cancelled runs"));
            }
            Output::Forget(request) => self.forget(*request),
            Output::Prepare { .. } => {
                (self.element, self.head) = (Element::Preparing, None);
                self.has.clear();
            }
            Output::Append { request, content, bytes } => {
                self.busy();
                self.append(*request, content, bytes.clone());
            }
            Output::Evict(span) => {
                self.busy();
                let is_kept = |of: Span| of.end <= span.start || span.end <= of.start;
                self.has.retain(|no| is_kept(video::span_of(*no)));
            }
            Output::Jump(position) => self.jumped = Some(*position),
            Output::Finish | Output::Report(_) => {}
            Output::Join { request, parts } => self.join(*request, parts),
            Output::Verify { message, signature, .. } => {
                self.verifies.push_back(video::is_signed(message, *signature));
            }
            Output::Check { request, bytes, .. } => {
                let held = self.body(*request).bytes;
                assert!(bytes.start < bytes.end && bytes.end <= held, "{bytes:?} of {held}");
                self.checks.push((*request, bytes.clone()));
            }
            Output::OpenTracker | Output::TellTracker(_) | Output::CloseTracker => {
                self.take_for_tracker(output);
            }
            _ => self.take_for_link(output),
        }
    }

    /// What holds between an input's outputs and the next input.
    pub(crate) fn check_bounds(&self) {
        assert!(self.links.len() <= LINKS + OFFERS_AT_ONCE, "{} links", self.links.len());
        assert!(self.is_wild || self.bodies.len() <= MOST_BODIES, "{} bodies", self.bodies.len());
        assert!(self.fetches.len() <= MOST_FETCHES, "{} fetches", self.fetches.len());
        assert!(self.checks.len() <= MOST_BODIES, "{} checks", self.checks.len());
        let verifies = self.verifies.len();
        assert!(self.is_wild || verifies <= MOST_VERIFIES, "{verifies} signatures");
        if self.permitted == Sharing::Off {
            assert!(self.links.is_empty(), "connected without permission");
            assert!(self.tracker == Tracker::Closed, "announced without permission");
        }
    }

    fn name(&mut self, request: RequestId) {
        assert!(self.named.insert(request), "{request:?} is named twice");
    }

    fn body(&self, request: RequestId) -> Body {
        let body = self.bodies.get(&request);
        body.cloned().unwrap_or_else(|| panic!("{request:?} is not held"))
    }

    fn busy(&mut self) {
        assert!(self.element == Element::Idle, "the media element is busy");
        self.element = Element::Busy;
    }

    fn forget(&mut self, request: RequestId) {
        let is_running = self.fetches.iter().any(|fetch| fetch.request == request);
        assert!(!is_running, "{request:?} is forgotten before it is cancelled");
        // A peer that never answered had a request of which the driver hears now.
        assert!(
            self.bodies.remove(&request).is_some() || self.named.insert(request),
            "{request:?} is forgotten twice"
        );
        self.checks.retain(|(check, _)| *check != request);
    }

    fn append(&mut self, request: RequestId, content: &Content, bytes: std::ops::Range<u64>) {
        let body = self.body(request);
        assert!(bytes.start < bytes.end && bytes.end <= body.bytes, "{bytes:?} of {}", body.bytes);
        let no = match content {
            Content::Init(_) => {
                return assert!(!body.is_doubtful, "no peer or mirror gives an init section");
            }
            Content::Segment(start) | Content::Head(start) => video::segment_of(*start),
            Content::More | Content::Rest => self.head.expect("more follows a beginning"),
        };
        self.appended += 1;
        if matches!(content, Content::Segment(_) | Content::Rest) {
            self.has.insert(no);
        }
        self.head = matches!(content, Content::Head(_) | Content::More).then_some(no);
        if body.is_doubtful {
            self.assert_right(&body, bytes, no, "played");
        }
    }

    /// These bytes were checked, and are those of that segment.
    fn assert_right(&self, body: &Body, bytes: Range<u64>, no: u64, use_made: &str) {
        // Where live playing time begins, and what another's playlist says, isn't known here.
        let is_right = match (self.is_wild, self.kind == video::Kind::Live) {
            (true, _) => body.is_right(bytes, |_, _| true),
            (false, true) => (0..0x7f)
                .any(|no| body.is_right(bytes.clone(), |of, told| video::is_right(told, no, of))),
            (false, false) => body.is_right(bytes, |of, told| video::is_right(told, no, of)),
        };
        assert!(is_right, "unchecked or wrong bytes are {use_made} for segment {no}");
    }

    fn join(&mut self, request: RequestId, parts: &[(RequestId, u64)]) {
        self.name(request);
        let mut joined = Body::default();
        for (at, (part, bytes)) in parts.iter().enumerate() {
            let body = self.body(*part);
            joined.honest = body.honest.filter(|_| at == 0 || joined.honest == body.honest);
            assert!(0 < *bytes && *bytes <= body.bytes, "{bytes} of {} bytes", body.bytes);
            if at == 0 {
                joined.start = body.start;
            }
            let told = body.told.iter().filter(|(of, _)| of.end <= *bytes);
            joined.told.extend(
                told.map(|(of, digest)| (joined.bytes + of.start..joined.bytes + of.end, *digest)),
            );
            joined.bytes += bytes;
            joined.is_doubtful |= body.is_doubtful;
        }
        self.bodies.insert(request, joined);
    }

    fn take_for_tracker(&mut self, output: &Output) {
        match output {
            Output::OpenTracker => {
                assert!(self.permitted > Sharing::Off, "the tracker is asked without permission");
                assert!(self.tracker == Tracker::Closed, "the tracker is open");
                self.tracker = Tracker::Opening;
            }
            Output::TellTracker(text) => {
                assert!(self.tracker == Tracker::Open, "the tracker isn't open");
                let request = Request::read(text).expect("the engine writes what can be read");
                if let Request::Announce(announce) = request {
                    self.info_hash = Some(announce.info_hash);
                    self.offers.extend(announce.offers.iter().map(|offer| offer.offer_id));
                    let old = self.offers.len().saturating_sub(OFFERS_AT_ONCE);
                    self.offers.drain(..old);
                }
            }
            _ => {
                assert!(self.tracker != Tracker::Closed, "the tracker is closed twice");
                self.tracker = Tracker::Closed;
            }
        }
    }

    fn take_for_link(&mut self, output: &Output) {
        match output {
            Output::Offer { link } => self.meet(*link, LinkState::Offering),
            Output::Answer { link, .. } => self.meet(*link, LinkState::Answering),
            Output::Accept { link, .. } => {
                let link = self.link(*link);
                assert!(link.state == LinkState::Offered, "what is accepted was offered");
                link.state = LinkState::Ready;
            }
            Output::Disconnect { link } => {
                assert!(self.links.remove(link).is_some(), "{link:?} is ended twice");
            }
            Output::Say { link, message } => self.say(*link, message),
            Output::Give { link, request, start, bytes } => {
                assert!(self.permitted == Sharing::Full, "given without permission");
                let body = self.body(*request);
                let is_there = start.checked_add(*bytes).is_some_and(|end| end <= body.bytes);
                assert!(is_there, "{bytes} bytes from {start} on, of {}", body.bytes);
                let link = self.open(*link);
                assert!(!link.is_giving, "more is given before the last was sent");
                link.is_giving = true;
                let no = link.header.expect("a header comes before the bytes");
                self.assert_right(&body, *start..start + bytes, no, "given away");
            }
            Output::Receive { link, request } => {
                if let Some(request) = request
                    && !self.bodies.contains_key(request)
                {
                    self.name(*request);
                    let rendition = self.rendition;
                    let link = self.link(*link);
                    let honest = link.asked.map(|(no, ..)| (rendition, no));
                    let start = link.asked_from;
                    let body = Body { start, is_doubtful: true, honest, ..Body::default() };
                    self.bodies.insert(*request, body);
                }
                match self.links.get_mut(link) {
                    Some(link) => link.keeps = *request,
                    // Word that nothing is wanted any more of what has just ended does no harm.
                    None => assert!(request.is_none(), "{link:?} is no more"),
                }
            }
            other => panic!("{other:?} isn't about a connection"),
        }
    }

    fn meet(&mut self, link: LinkId, state: LinkState) {
        assert!(self.permitted > Sharing::Off, "others are met without permission");
        assert!(self.named_links.insert(link), "{link:?} is named twice");
        self.links.insert(link, Link { state, ..Link::default() });
    }

    fn link(&mut self, link: LinkId) -> &mut Link {
        self.links.get_mut(&link).unwrap_or_else(|| panic!("{link:?} is no more"))
    }

    fn open(&mut self, link: LinkId) -> &mut Link {
        let link = self.link(link);
        assert!(link.state == LinkState::Open, "something passes before both ends have met");
        link
    }

    fn say(&mut self, id: LinkId, message: &[u8]) {
        assert!(message.len() <= MESSAGE_BYTES);
        let permitted = self.permitted;
        let link = self.open(id);
        let taken = link.joiner.take(message).expect("the engine says what can be read");
        let Some(Message::Command(command)) = taken else { return };
        let has_both = link.has_offered && link.was_offered;
        match command {
            Command::SegmentsAnnouncement { loaded, hello, .. } => {
                link.has_offered |= hello.is_some();
                assert!(loaded.is_empty() || permitted == Sharing::Full, "told without permission");
            }
            Command::SegmentRequest { segment, request, offset } => {
                let bytes = video::SEGMENT_BYTES.saturating_sub(offset);
                (link.asked, link.asked_from) = (Some((segment, request, bytes)), offset);
            }
            Command::SegmentData { segment, .. } => link.header = Some(segment),
            Command::CancelSegmentRequest { .. } => link.asked = None,
            Command::SegmentDataSendingCompleted { .. } | Command::SegmentAbsent { .. } => {}
            Command::PartRequest { segment, request, start, end, .. } => {
                assert!(has_both, "the other side doesn't know the extension");
                (link.asked, link.asked_from) = (Some((segment, request, end - start)), start);
            }
            _ => assert!(has_both, "the other side doesn't know the extension"),
        }
    }

    /// A request to a server is over; `false` if there was none.
    pub(crate) fn end_fetch(&mut self, request: RequestId) -> bool {
        let at = self.fetches.iter().position(|fetch| fetch.request == request);
        at.map(|at| self.fetches.remove(at)).is_some()
    }

    pub(crate) fn is_open(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|link| link.state == LinkState::Open)
    }

    /// A connection gets on; `false` if it has ended meanwhile.
    pub(crate) fn enter(&mut self, link: LinkId, state: LinkState) -> bool {
        let link = self.links.get_mut(&link);
        link.map(|link| link.state = state).is_some()
    }

    /// Data came over a connection, and stay if the engine wanted to have them.
    pub(crate) fn keep(&mut self, id: LinkId, bytes: u64) {
        let keeps = self.links.get(&id).and_then(|link| link.keeps);
        if let Some(body) = keeps.and_then(|request| self.bodies.get_mut(&request)) {
            body.bytes += bytes;
            body.is_doubtful = true;
        }
    }
}

/// Two renditions of four segments, each in a few parts from as many peers as there are, twice over.
const MOST_BODIES: usize = 256;

/// One for each segment that is listed, or was a moment ago.
const MOST_VERIFIES: usize = 64;

/// A playlist and digests, an initialisation section, and the segments that the engine asks servers for at once.
const MOST_FETCHES: usize = 8;
