//! Which inputs some bytes stand for: what a driver tells that keeps its side of the contract while servers, trackers and
//! viewers do what they like, or what one tells that has gone mad.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use swarm::{
    Body, Config, End, Engine, Event, Failure, Fatal, Heard, Input, LinkId, Output, Quality,
    RequestId, Sharing, Span, Time, Wanted,
};
use wire::announce::OfferId;
use wire::identity::InfoHash;
use wire::peer::{Command, Hello, MESSAGE_BYTES, PIECE_BYTES, PeerId};

use crate::bytes::Bytes;
use crate::driver::{Driver, Element, Fetch, LinkState, Tracker};
use crate::video;

/// An engine and its driver. The first byte says which driver, and where the story begins.
pub fn operations(bytes: &[u8]) {
    tell(bytes, &|_| {});
}

/// The same, telling what happens and what the engine wants, line by line.
pub fn tell(bytes: &[u8], listener: &dyn Fn(fmt::Arguments)) {
    let mut bytes = Bytes::new(bytes);
    let start = bytes.byte();
    let kind = match start {
        _ if start & 2 == 2 => video::Kind::Live,
        _ if start & 32 == 32 => video::Kind::Signed,
        _ => video::Kind::Plain,
    };
    let mut world = World::new(kind, &mut bytes, listener);
    if start & 4 == 4 {
        world.begin();
    }
    if start & 12 == 12 {
        world.meet(start & 16 == 16);
    }
    world.is_mad = start & 1 == 1;
    for _ in 0..MOST_OPERATIONS {
        if bytes.is_empty() {
            break;
        }
        world.wait(&mut bytes);
        for input in world.inputs(&mut bytes) {
            world.tell(input);
        }
    }
    world.play_on();
}

struct World<'a> {
    listener: &'a dyn Fn(fmt::Arguments),
    engine: Engine,
    driver: Driver,
    now: Duration,
    /// The driver says what it likes, and nothing is expected but that the engine bears it.
    is_mad: bool,
    /// By how many segments the live stream has moved on.
    moved: u64,
    /// The server and the media element have done what they should, all the time.
    is_sound: bool,
    /// Where the viewer was last, once a video was opened.
    position: Option<Duration>,
}

impl<'a> World<'a> {
    fn new(
        kind: video::Kind,
        bytes: &mut Bytes,
        listener: &'a dyn Fn(fmt::Arguments),
    ) -> World<'a> {
        let config = Config {
            seed: bytes.byte().into(),
            neighbours: bytes.below(30),
            live_delay: bytes.flag().then(|| moment(bytes)),
            mirrors: bytes.flag().then(|| video::MIRROR.to_owned()).into_iter().collect(),
            ..Config::default()
        };
        let mut driver = Driver::default();
        driver.kind = kind;
        let (engine, now) = (Engine::new(config), Duration::ZERO);
        let (is_mad, moved, is_sound, position) = (false, 0, true, None);
        World { listener, engine, driver, now, is_mad, moved, is_sound, position }
    }

    /// Gets into the middle of a video: everybody does what is asked of them.
    fn begin(&mut self) {
        let url = video::URL.to_owned();
        self.tell(Input::Permitted(Sharing::Full));
        self.tell(Input::Opened { url, position: Duration::ZERO });
        self.tell(Input::Started);
        for _ in 0..40 {
            self.now += Duration::from_millis(5);
            match self.owed().into_iter().next() {
                Some(input) => self.tell(input),
                None => return,
            }
        }
    }

    /// Gets a peer that has every segment.
    fn meet(&mut self, knows_extension: bool) {
        let Some(info_hash) = self.driver.info_hash else { return };
        let (members, interval) = (3, Duration::from_secs(60));
        self.tell(Input::TrackerSaid(Heard::Counted { info_hash, members, interval }));
        for _ in 0..40 {
            self.now += Duration::from_millis(5);
            if let Some(link) = self.driver.links.keys().find(|link| self.driver.is_open(**link)) {
                let link = *link;
                let first = self.first_segment();
                let all = Command::announcement(0, first..first + video::SEGMENTS, []);
                let hello = Hello { version: 1, uplink_kbps: None };
                let all = if knows_extension { all.with_hello(hello) } else { all };
                if let Some(link) = self.driver.links.get_mut(&link) {
                    link.was_offered = knows_extension;
                }
                let message = all.encode(MESSAGE_BYTES).remove(0);
                return self.tell(Input::Said { link, message });
            }
            match self.owed().pop() {
                Some(input) => self.tell(input),
                None => return,
            }
        }
    }

    /// Hands in one input, and carries out what follows from it.
    fn tell(&mut self, input: Input) {
        let is_contract = !self.is_mad;
        if is_contract && !self.note(&input) {
            return;
        }
        (self.listener)(format_args!("{:?} {input:?}", self.now));
        self.engine.handle(Time::at(self.now), input);
        let outputs: Vec<Output> = std::iter::from_fn(|| self.engine.poll()).collect();
        outputs.iter().for_each(|output| (self.listener)(format_args!("    {output:?}")));
        assert!(outputs.len() <= MOST_OUTPUTS, "{} outputs to one input", outputs.len());
        // A server that never answers does wrong, too.
        let has_given_up =
            |output: &Output| *output == Output::Report(Event::Failed(Fatal::Unreachable));
        self.is_sound &= !outputs.iter().any(has_given_up);
        let fetches =
            outputs.iter().filter(|output| matches!(output, Output::Fetch { .. })).count();
        assert!(fetches <= 5, "{fetches} requests at once");
        if is_contract {
            outputs.iter().for_each(|output| self.driver.take(output));
            self.driver.check_bounds();
        }
        if let Some(deadline) = self.engine.next_deadline() {
            assert!(deadline.at > Time::at(self.now), "{deadline:?} is over");
        }
        self.engine.stats(Time::at(self.now));
    }

    /// Where only other viewers, mirrors and their lists did wrong, somebody who waits for a picture gets one, in the end.
    fn play_on(&mut self) {
        let within = Duration::from_secs(4 * video::SEGMENTS - 1);
        let Some(position) = self.position.filter(|position| *position < within) else { return };
        let (no, before) = (video::segment_of(position), self.driver.appended);
        let is_live = self.driver.kind == video::Kind::Live;
        if self.is_mad || !self.is_sound || is_live || self.driver.has.contains(&no) {
            return;
        }
        let start = video::span_of(no).start;
        let begun = self.driver.head.filter(|head| *head == no && start < position);
        let begun = begun.map(|_| Span { start, end: position });
        let has = self.driver.has.iter().map(|no| video::span_of(*no));
        let mut buffered: Vec<Span> = has.chain(begun).collect();
        buffered.sort_by_key(|span| span.start);
        self.driver.jumped = None;
        for _ in 0..ROUNDS {
            for _ in 0..4 {
                self.owed().into_iter().for_each(|input| self.tell(input));
            }
            let jumped = self.driver.jumped.map(video::segment_of);
            let plays_on = jumped.is_some_and(|no| self.driver.has.contains(&no));
            if self.driver.appended > before || plays_on {
                return;
            }
            self.now += Duration::from_millis(400);
            self.tell(Input::Woken);
            let buffered = buffered.clone();
            self.tell(Input::Played { position, buffered, is_starved: true, speed: 1.0 });
        }
        panic!("nothing is played at {position:?}");
    }

    /// Lets time pass; the driver wakes the engine when that wants it.
    fn wait(&mut self, bytes: &mut Bytes) {
        let until = self.now + pause(bytes);
        let mut wakes = 0;
        while !self.is_mad
            && let Some(deadline) = self.engine.next_deadline()
            && deadline.at <= Time::at(until)
        {
            self.now = deadline.at.since(Time::default());
            self.tell(Input::Woken);
            wakes += 1;
            assert!(wakes <= MOST_WAKES, "woken {wakes} times, at last for {:?}", deadline.why);
        }
        self.now = until;
    }

    /// Notes what happens, as far as the driver has part in it. `false`: it doesn't happen, since what came before it has
    /// ended meanwhile.
    fn note(&mut self, input: &Input) -> bool {
        let driver = &mut self.driver;
        match input {
            Input::Opened { position, .. } => self.position = self.position.or(Some(*position)),
            Input::Seeked { position } | Input::Played { position, .. } => {
                self.position = self.position.map(|_| *position);
            }
            Input::Permitted(sharing) => driver.permitted = *sharing,
            Input::Progressed { request, bytes } => {
                let is_running = driver.fetches.iter().any(|fetch| fetch.request == *request);
                let Some(body) = driver.bodies.get_mut(request).filter(|_| is_running) else {
                    return false;
                };
                body.bytes = *bytes;
            }
            Input::Fetched { request, body, .. } => {
                if !driver.end_fetch(*request) {
                    return false;
                }
                match (body, driver.bodies.get_mut(request)) {
                    (Body::Held(bytes), Some(held)) => held.bytes = *bytes,
                    _ => drop(driver.bodies.remove(request)),
                }
            }
            Input::Failed { request, .. } => return driver.end_fetch(*request),
            Input::Prepared | Input::Updated => driver.element = Element::Idle,
            Input::Rejected | Input::Overfull => driver.element = Element::Idle,
            Input::Undecodable => driver.element = Element::Unprepared,
            Input::TrackerOpened => driver.tracker = Tracker::Open,
            Input::TrackerClosed => driver.tracker = Tracker::Closed,
            Input::Offered { link, .. } => return driver.enter(*link, LinkState::Offered),
            Input::Answered { link, .. } => return driver.enter(*link, LinkState::Ready),
            Input::Connected { link } => return driver.enter(*link, LinkState::Open),
            Input::Disconnected { link } => return driver.links.remove(link).is_some(),
            Input::Said { link, .. } => return driver.is_open(*link),
            Input::Received { link, bytes } => {
                driver.keep(*link, *bytes);
                return driver.is_open(*link);
            }
            Input::Drained { link } => match driver.links.get_mut(link) {
                Some(link) => link.is_giving = false,
                None => return false,
            },
            Input::Verified(_) => return driver.verifies.pop_front().is_some(),
            Input::Unverifiable => driver.verifies.clear(),
            Input::Checked { request, bytes, digest } => {
                driver.checks.retain(|(check, of)| (check, of) != (request, bytes));
                match driver.bodies.get_mut(request) {
                    Some(body) => body.told.push((bytes.clone(), *digest)),
                    None => return false,
                }
            }
            _ => {}
        }
        true
    }

    /// What comes next: from everybody who owes the engine something, or from somebody who owes it nothing.
    fn inputs(&mut self, bytes: &mut Bytes) -> Vec<Input> {
        let one = match bytes.byte() {
            0..=89 if !self.is_mad => self.next_answer(bytes.byte().into()),
            0..=109 => self.server(bytes),
            110..=134 => self.viewer(bytes),
            135..=154 => self.element(bytes),
            155..=174 => self.tracker(bytes),
            175..=189 => self.link(bytes),
            190..=204 => self.peer_data(bytes),
            205..=209 => {
                let digest = [bytes.array::<1>()[0]; 32];
                self.check(bytes).map(|(request, bytes)| Input::Checked { request, bytes, digest })
            }
            210 if self.is_mad => Some(Input::Verified(bytes.flag())),
            210 => self.driver.verifies.front().map(|_| Input::Verified(false)),
            211 if bytes.below(8) == 0 => {
                self.driver.checks.clear();
                Some(Input::Unverifiable)
            }
            _ => return self.peer_says(bytes),
        };
        one.into_iter().collect()
    }

    /// The `at`th thing that somebody owes the engine.
    fn next_answer(&self, at: usize) -> Option<Input> {
        let mut owed = self.owed();
        let at = at % owed.len().max(1);
        (at < owed.len()).then(|| owed.swap_remove(at))
    }

    /// What everybody owes the engine, done as it should be.
    fn owed(&self) -> Vec<Input> {
        let driver = &self.driver;
        let mut owed: Vec<Input> = driver.fetches.iter().map(|fetch| self.serve(fetch)).collect();
        owed.extend(match driver.element {
            Element::Preparing => Some(Input::Prepared),
            Element::Busy => Some(Input::Updated),
            Element::Unprepared | Element::Idle => None,
        });
        // Digests of one request are computed in the order asked.
        let first = driver.checks.iter().enumerate().filter(|(at, (request, _))| {
            driver.checks[..*at].iter().all(|(before, _)| before != request)
        });
        owed.extend(first.map(|(_, (request, bytes))| {
            let body = driver.bodies.get(request);
            let digest = body.and_then(|body| body.honest(bytes.clone())).unwrap_or([0; 32]);
            Input::Checked { request: *request, bytes: bytes.clone(), digest }
        }));
        owed.extend(driver.verifies.front().map(|is_right| Input::Verified(*is_right)));
        owed.extend((driver.tracker == Tracker::Opening).then_some(Input::TrackerOpened));
        let (info_hash, sdp) = (driver.info_hash.unwrap_or(HASH), String::new());
        owed.extend(driver.offers.last().map(|offer_id| {
            let (peer_id, offer_id) = (PeerId([1; 20]), *offer_id);
            Input::TrackerSaid(Heard::Answer(End { info_hash, peer_id, offer_id, sdp }))
        }));
        for (link, state) in &driver.links {
            let (link, sdp) = (*link, String::new());
            match state.state {
                LinkState::Offering => owed.push(Input::Offered { link, sdp }),
                LinkState::Answering => owed.push(Input::Answered { link, sdp }),
                LinkState::Ready => owed.push(Input::Connected { link }),
                LinkState::Open if state.is_giving => owed.push(Input::Drained { link }),
                LinkState::Offered | LinkState::Open => {}
            }
        }
        owed
    }
}

/// What servers, the page and the media element do.
impl World<'_> {
    /// The right answer.
    fn serve(&self, fetch: &Fetch) -> Input {
        let body = match (fetch.wanted, fetch.range) {
            (Wanted::Text, _) => {
                Body::Text(video::text_at(&fetch.uri, self.driver.kind, self.moved))
            }
            (Wanted::Bytes, Some(range)) => Body::Held(range.length),
            (Wanted::Bytes, None) => Body::Held(video::SEGMENT_BYTES),
            (Wanted::List, range) => Body::List(video::list_at(&fetch.uri, range)),
        };
        let (url, took) = (address(&fetch.uri), Duration::from_millis(9));
        Input::Fetched { request: fetch.request, url, body, took }
    }

    /// Something else than the right answer, or that in part.
    fn server(&mut self, bytes: &mut Bytes) -> Option<Input> {
        let fetch = self.fetch(bytes)?;
        self.is_sound &= fetch.is_of_mirror || fetch.wanted == Wanted::List;
        let request = fetch.request;
        let length = fetch.range.map_or(video::SEGMENT_BYTES, |range| range.length);
        Some(match bytes.below(6) {
            0 => Input::Failed { request, failure: failure(bytes) },
            1 | 2 if self.is_mad => {
                Input::Progressed { request, bytes: bytes.number() % NEVER_HELD }
            }
            1 | 2 => {
                let held = self.driver.bodies.get(&request)?.bytes;
                let more = (length - held.min(length)) * u64::from(bytes.byte()) / 255;
                Input::Progressed { request, bytes: held.max(held + more) }
            }
            3 => {
                self.moved += bytes.below(4) as u64;
                self.serve(&fetch)
            }
            _ => {
                let (url, took) = (address(&fetch.uri), moment(bytes));
                let body = match fetch.wanted {
                    Wanted::Bytes if self.is_mad => Body::Held(bytes.number() % NEVER_HELD),
                    Wanted::Bytes => Body::Held(length),
                    Wanted::Text => Body::Text(self.text(&fetch, bytes)),
                    Wanted::List => Body::List(self.pieces(&fetch, bytes)),
                };
                Input::Fetched { request, url, body, took }
            }
        })
    }

    /// The right text with something in its midst, another's, or any.
    fn text(&mut self, fetch: &Fetch, bytes: &mut Bytes) -> String {
        self.driver.is_wild = true;
        let kind = bytes.pick(&[video::Kind::Plain, video::Kind::Live, video::Kind::Signed]);
        let other = bytes.pick(&["m.m3u8", "live.m3u8", "a.m3u8", "b.m3u8", "d.json"]);
        match bytes.below(4) {
            0 => video::text_at(other, kind, self.moved),
            1 => bytes.text(),
            2 => format!("{}\n{}", video::text_at(&fetch.uri, kind, self.moved), bytes.text()),
            _ => {
                let right = video::text_at(&fetch.uri, self.driver.kind, self.moved);
                let at = right.len() * bytes.below(255) / 255;
                let end = at + bytes.below(20);
                let end = end.min(right.len());
                format!("{}{}{}", &right[..at], bytes.text(), &right[end..])
            }
        }
    }

    /// The right list with some bytes changed or cut off, another's, or any.
    fn pieces(&self, fetch: &Fetch, bytes: &mut Bytes) -> Vec<u8> {
        let mut list = video::list_at(&fetch.uri, fetch.range);
        let at = list.len() * bytes.below(255) / 255;
        match bytes.below(4) {
            0 => return bytes.text().into_bytes(),
            1 => list.truncate(at),
            2 => list = video::list_at(bytes.pick(&["a.m3u8", "b.m3u8"]), fetch.range),
            _ => list.iter_mut().skip(at).take(bytes.below(9)).for_each(|byte| *byte ^= 0x20),
        }
        list
    }

    /// The page and who watches.
    fn viewer(&mut self, bytes: &mut Bytes) -> Option<Input> {
        Some(match bytes.below(16) {
            0 => Input::Opened { url: video::URL.to_owned(), position: moment(bytes) },
            1 => Input::Started,
            2 | 3 => {
                let sharing = [Sharing::Full, Sharing::Full, Sharing::Receive, Sharing::Off];
                Input::Permitted(bytes.pick(&sharing))
            }
            4 => Input::Seeked { position: moment(bytes) },
            5 => Input::Chosen(match bytes.below(4) {
                0 => Quality::Auto,
                1 => Quality::Fixed(bytes.number() as usize),
                no => Quality::Fixed(no - 2),
            }),
            6 => Input::Woken,
            7 => Input::Unreflected,
            8..=11 => {
                let spans = bytes.below(4);
                let span = |bytes: &mut Bytes| Span { start: moment(bytes), end: moment(bytes) };
                let buffered = (0..spans).map(|_| span(bytes)).collect();
                Input::Played {
                    position: moment(bytes),
                    buffered,
                    is_starved: bytes.flag(),
                    speed: [1.0, 2.0, f64::NAN, f64::NEG_INFINITY][bytes.below(4)],
                }
            }
            // It plays on, as it should.
            _ => {
                let end = Duration::from_secs(bytes.below(20) as u64);
                let position = end.saturating_sub(Duration::from_millis(bytes.number() % 20_000));
                let buffered = vec![Span { start: Duration::ZERO, end }];
                Input::Played { position, buffered, is_starved: position == end, speed: 1.0 }
            }
        })
    }

    fn element(&mut self, bytes: &mut Bytes) -> Option<Input> {
        let kind = bytes.below(8);
        self.is_sound &= kind > 3;
        let input = match kind {
            0 => Input::Rejected,
            1 => Input::Overfull,
            2 => Input::Undecodable,
            3 if self.is_mad => Input::Prepared,
            _ => Input::Updated,
        };
        (self.is_mad || self.driver.element == Element::Busy).then_some(input)
    }

    fn fetch(&self, bytes: &mut Bytes) -> Option<Fetch> {
        if self.is_mad {
            let wanted = bytes.pick(&[Wanted::Text, Wanted::Bytes, Wanted::List]);
            let uri = bytes.pick(&["m.m3u8", "live.m3u8", "a.m3u8", "d.json"]).into();
            let request = RequestId(bytes.below(24) as u64);
            return Some(Fetch { request, uri, range: None, wanted, is_of_mirror: false });
        }
        let fetches = &self.driver.fetches;
        fetches.get(bytes.below(fetches.len())).cloned()
    }

    fn check(&self, bytes: &mut Bytes) -> Option<(RequestId, Range<u64>)> {
        let at = usize::from(bytes.byte());
        match self.is_mad {
            true => Some((RequestId(at as u64 % 24), 0..video::SEGMENT_BYTES)),
            false => {
                // Digests of one request are computed in the order asked.
                let (of, _) = self.driver.checks.get(at % self.driver.checks.len().max(1))?;
                self.driver.checks.iter().find(|(request, _)| request == of).cloned()
            }
        }
    }
}

/// What the tracker and other viewers do.
impl World<'_> {
    fn tracker(&mut self, bytes: &mut Bytes) -> Option<Input> {
        let kind = bytes.below(8);
        let is_due = match kind {
            0 => self.driver.tracker != Tracker::Closed,
            1 => self.driver.tracker == Tracker::Opening,
            _ => self.driver.tracker == Tracker::Open,
        };
        if !self.is_mad && !is_due {
            return None;
        }
        let info_hash = match bytes.below(8) {
            0 => HASH,
            _ => self.driver.info_hash.unwrap_or(HASH),
        };
        let end = |bytes: &mut Bytes| {
            let known = &self.driver.offers;
            let offer_id = match bytes.below(9) {
                0 => OfferId(bytes.array()),
                at => known.get(at % known.len().max(1)).copied().unwrap_or(OfferId([9; 20])),
            };
            let peer_id = PeerId([bytes.byte() % 32; 20]);
            let sdp = if bytes.below(8) == 0 { bytes.text() } else { "v=0\r\n".to_owned() };
            End { info_hash, peer_id, offer_id, sdp }
        };
        Some(match kind {
            0 => Input::TrackerClosed,
            1 => Input::TrackerOpened,
            2 => Input::TrackerSaid(Heard::Refused),
            3 => {
                let (members, interval) = (bytes.number() as usize, moment(bytes));
                Input::TrackerSaid(Heard::Counted { info_hash, members, interval })
            }
            4 | 5 => Input::TrackerSaid(Heard::Answer(end(bytes))),
            _ => Input::TrackerSaid(Heard::Offer(end(bytes))),
        })
    }

    /// A connection gets on, or ends.
    fn link(&mut self, bytes: &mut Bytes) -> Option<Input> {
        let (link, kind) = (self.any_link(bytes)?, bytes.below(5));
        let state = self.driver.links.get(&link).map(|link| (link.state, link.is_giving));
        let sdp = if self.is_mad { bytes.text() } else { String::new() };
        Some(match (kind, state) {
            (0, _) => Input::Disconnected { link },
            (1, None) | (_, Some((LinkState::Offering, _))) => Input::Offered { link, sdp },
            (2, None) | (_, Some((LinkState::Answering, _))) => Input::Answered { link, sdp },
            (3, None) | (_, Some((LinkState::Ready, _))) => Input::Connected { link },
            (_, None) | (_, Some((LinkState::Open, true))) => Input::Drained { link },
            _ => return None,
        })
    }

    fn any_link(&self, bytes: &mut Bytes) -> Option<LinkId> {
        if self.is_mad {
            return Some(LinkId(bytes.below(6) as u64));
        }
        let links = &self.driver.links;
        links.keys().nth(bytes.below(links.len())).copied()
    }

    fn open_link(&self, bytes: &mut Bytes) -> Option<LinkId> {
        self.any_link(bytes).filter(|link| self.is_mad || self.driver.is_open(*link))
    }

    fn peer_data(&mut self, bytes: &mut Bytes) -> Option<Input> {
        let link = self.open_link(bytes)?;
        let rest =
            self.driver.links.get(&link).and_then(|link| link.asked).map_or(0, |asked| asked.2);
        let count = match bytes.below(4) {
            0 => bytes.number(),
            1 => bytes.byte().into(),
            _ => rest.min(MESSAGE_BYTES as u64),
        };
        // A driver passes on what came, and no channel brings more at once.
        let most = if self.is_mad { NEVER_HELD } else { 1 << 18 };
        let count = count.min(most);
        if let Some(link) = self.driver.links.get_mut(&link)
            && let Some(asked) = &mut link.asked
        {
            asked.2 = asked.2.saturating_sub(count);
        }
        Some(Input::Received { link, bytes: count })
    }

    /// A command, whole or its first parts, or something like one.
    fn peer_says(&mut self, bytes: &mut Bytes) -> Vec<Input> {
        let Some(link) = self.open_link(bytes) else { return Vec::new() };
        let said = |message| Input::Said { link, message };
        if bytes.below(12) == 0 {
            let count = bytes.below(60);
            let message = [b"cstr", bytes.take(count), bytes.pick(&[b"cend", b"dend"])].concat();
            return vec![said(message)];
        }
        let command = self.command(link, bytes);
        let max = bytes.pick(&[MESSAGE_BYTES, MESSAGE_BYTES, MESSAGE_BYTES, 16]);
        let mut messages = command.encode(max);
        messages.truncate(bytes.below(9) + 1);
        messages.into_iter().map(said).collect()
    }

    fn command(&mut self, link: LinkId, bytes: &mut Bytes) -> Command {
        let asked = self.driver.links.get(&link).and_then(|link| link.asked);
        let (segment, request, size) = match asked.filter(|_| bytes.below(6) > 0) {
            Some(asked) => asked,
            None => (self.segment(bytes), bytes.number(), bytes.number()),
        };
        match bytes.below(16) {
            0..=2 => {
                let hello = bytes.flag().then(|| self.hello(link, bytes));
                let (loaded, loading) = (self.list(bytes), self.list(bytes));
                Command::SegmentsAnnouncement { loaded, loading, hello }
            }
            3 | 4 => Command::SegmentData { segment, size, request },
            5 => Command::SegmentDataSendingCompleted { segment, request },
            6 => Command::SegmentAbsent { segment, request },
            7 | 8 => {
                let (segment, offset) = (self.segment(bytes), bytes.number());
                Command::SegmentRequest { segment, request: bytes.number(), offset }
            }
            9 => Command::CancelSegmentRequest { segment, request: bytes.number() },
            10 | 11 => Command::Changes {
                held: self.list(bytes),
                gone: self.list(bytes),
                fetching: self.list(bytes),
                coming: self.list(bytes),
                dropped: self.list(bytes),
                uplink_kbps: None,
            },
            12 => Command::Fresh {
                segment: self.segment(bytes),
                owned: bytes.flag().then(|| self.segment(bytes)),
            },
            13 => {
                let (segment, request, start) =
                    (self.segment(bytes), bytes.number(), bytes.number());
                let end = start.saturating_add(bytes.number()).saturating_add(1);
                let needed_in = bytes.flag().then(|| bytes.number());
                let uplink_kbps = bytes.flag().then(|| bytes.number());
                Command::PartRequest { segment, request, start, end, needed_in, uplink_kbps }
            }
            14 => Command::Bye,
            _ => {
                let piece_bytes = bytes.pick(&[*PIECE_BYTES.start(), *PIECE_BYTES.end()]);
                Command::Pieces { segment, piece_bytes, pieces: self.list(bytes) }
            }
        }
    }

    fn hello(&mut self, link: LinkId, bytes: &mut Bytes) -> Hello {
        if let Some(link) = self.driver.links.get_mut(&link) {
            link.was_offered = true;
        }
        let uplink_kbps = bytes.flag().then(|| bytes.number());
        Hello { version: bytes.pick(&[1, 1, 1, 0, 2, u64::MAX]), uplink_kbps }
    }

    /// The first segment that the server lists.
    fn first_segment(&self) -> u64 {
        if self.driver.kind == video::Kind::Live { video::FIRST + self.moved } else { 0 }
    }

    fn segment(&self, bytes: &mut Bytes) -> u64 {
        let first = self.first_segment();
        match bytes.below(8) {
            0 => bytes.number(),
            no => first + no as u64 % video::SEGMENTS,
        }
    }

    /// Some of the next eight segments, a few of any numbers, or none.
    fn list(&self, bytes: &mut Bytes) -> Vec<u64> {
        let first = self.first_segment();
        match bytes.below(4) {
            0 => Vec::new(),
            1 => (0..bytes.below(6)).map(|_| bytes.number()).collect(),
            _ => {
                let bits = bytes.byte();
                (0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| first + bit).collect()
            }
        }
    }
}

fn address(uri: &str) -> String {
    format!("http://a/{}", uri.rsplit('/').next().unwrap_or(uri))
}

fn failure(bytes: &mut Bytes) -> Failure {
    match bytes.below(4) {
        0 => Failure::Wrong,
        1 => Failure::Unreachable,
        2 => {
            Failure::Status { code: bytes.pick(&[404, 403, 410, 429, 500, 503]), retry_after: None }
        }
        _ => {
            let code = u16::from_le_bytes(bytes.array());
            Failure::Status { code, retry_after: bytes.flag().then(|| moment(bytes)) }
        }
    }
}

/// A moment of the video, or none that any video has.
fn moment(bytes: &mut Bytes) -> Duration {
    match bytes.byte() {
        0 => Duration::ZERO,
        255 => Duration::MAX,
        254 => Duration::from_millis(bytes.number()),
        part => Duration::from_millis(u64::from(part) * 100),
    }
}

/// Up to eleven seconds, mostly much less.
fn pause(bytes: &mut Bytes) -> Duration {
    Duration::from_millis(match bytes.byte().into() {
        short @ 0..100 => short * 2,
        middle @ 100..220 => (middle - 100) * 30,
        long => (long - 219) * 300,
    })
}

/// A swarm that the engine isn't in.
const HASH: InfoHash = InfoHash([0; 20]);

/// A minute, in which a server answers at once.
const ROUNDS: usize = 150;

/// What is done in one go: more finds nothing that less doesn't, and takes long.
const MOST_OPERATIONS: usize = 400;

/// What the engine may want at once.
const MOST_OUTPUTS: usize = 63;

/// How often it may want to be woken within eleven seconds: four times a second for each of what it watches.
const MOST_WAKES: usize = 200;

/// A terabyte: bytes that not even a driver gone mad has, so that sums of a few can't overflow.
const NEVER_HELD: u64 = 1 << 40;
