//! One viewer who has seen the first picture, and whatever a test makes the tracker and the peers say.

use std::time::Duration;

use swarm::{
    Body, Config, End, Engine, Event, Heard, Hindrance, Input, LinkId, Output, RequestId, Sharing,
    Span, Time,
};
use wire::announce::{Announce, OfferId, Request};
use wire::digest::SegmentDigests;
use wire::identity::InfoHash;
use wire::peer::{Command, EXTENSION, Hello, Joiner, MESSAGE_BYTES, Message, PeerId};
use wire::pieces::PIECE;
use wire::pieces::{Key, SegmentPieces, Window};
use wire::playlist::{ByteRange, InitSection, Media, Segment};

pub(crate) const MASTER: &str = "#EXTM3U\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"d.json\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\na.m3u8\n";
pub(crate) const SEGMENTS: usize = 30;
pub(crate) const SEGMENT_BYTES: u64 = 90_000;
pub(crate) const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
/// A segment of 24 pieces.
pub(crate) const LONG_BYTES: u64 = 24 * PIECE;
/// What the server is asked for of it before anything plays of a finished video.
pub(crate) const LONG_HEAD: u64 = LONG_BYTES / 8 * 3;
/// Ids that order before and after every other.
pub(crate) const LOW: PeerId = PeerId(*b"!PM0203-000000000000");
pub(crate) const HIGH: PeerId = PeerId(*b"~PM0203-000000000000");

pub(crate) fn media() -> String {
    media_of(SEGMENT_BYTES)
}

/// The same of segments of 24 pieces.
pub(crate) fn long_media() -> String {
    media_of(LONG_BYTES)
}

fn media_of(bytes: u64) -> String {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"m.mp4\",BYTERANGE=\"9@0\"\n";
    let segment = |no: usize| {
        format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{bytes}@{}\nm.mp4\n", 9 + no as u64 * bytes)
    };
    format!("{head}{}#EXT-X-ENDLIST\n", (0..SEGMENTS).map(segment).collect::<String>())
}

pub(crate) fn range(no: usize) -> ByteRange {
    ByteRange { start: 9 + no as u64 * SEGMENT_BYTES, length: SEGMENT_BYTES }
}

pub(crate) fn digest(no: usize) -> [u8; 32] {
    [(no as u8).wrapping_add(1); 32]
}

pub(crate) const MASTER_WITHOUT_DIGESTS: &str = "#EXTM3U\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\na.m3u8\n";

/// Who signs.
const KEY: Key = [0xab; 32];

/// The master of a video whose pieces that key signs.
pub(crate) fn signed_master() -> String {
    let key = "ab".repeat(32);
    let data = format!("#EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.signed\",VALUE=\"v.g1 {key}\"");
    MASTER_WITHOUT_DIGESTS.replace("#EXTM3U\n", &format!("#EXTM3U\n{data}\n"))
}

/// A list of segments of this length from a number on, with the digests of pieces: that of the first, and that of all others.
pub(crate) fn window(first: u64, count: usize, bytes: u64) -> Window {
    let segment = |at: usize| {
        let no = first as usize + at;
        let piece = |at| std::array::from_fn(|byte| piece(no, at == 0)[byte]);
        let pieces = (0..bytes.div_ceil(PIECE)).map(piece).collect();
        SegmentPieces { bytes, digest: digest(no), pieces }
    };
    let segments = (0..count).map(segment).collect();
    Window { video: "v.g1".to_owned(), rendition: "a.m3u8".to_owned(), first, segments }
}

/// The same as it is on the server, its signature too.
pub(crate) fn signed(window: &Window) -> Vec<u8> {
    [window.message(&KEY), vec![1; 64]].concat()
}

/// A file for each segment, with a list of it.
pub(crate) fn media_in_pieces(first: u64, bytes: u64, is_ended: bool) -> String {
    let segment = |no: u64| Segment {
        uri: format!("{no}.m4s"),
        duration: Duration::from_secs(4),
        range: Some(ByteRange { start: 0, length: bytes }),
        sha256: Some([9; 32]),
        signed: Some(signed(&window(no, 1, bytes)).into()),
    };
    let media = Media {
        target_duration: Duration::from_secs(4),
        media_sequence: first,
        init: Some(InitSection { uri: "init.mp4".to_owned(), range: None }),
        segments: (first..first + SEGMENTS as u64).map(segment).collect(),
        is_ended,
        is_encrypted: false,
    };
    media.to_string()
}

/// The playlist of a live stream in pieces, from this segment on.
pub(crate) fn live_in_pieces(first: u64) -> String {
    media_in_pieces(first, LONG_BYTES, false)
}

/// The playlist of a live stream of which so many segments are listed.
pub(crate) fn live(listed: u64) -> String {
    let segment = |no: u64| {
        let sha256: String = digest(no as usize).iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "#EXTINF:4,\n#EXT-X-SHOAL-SEGMENT:BYTES={SEGMENT_BYTES},SHA256={sha256}\n{no}.m4s\n"
        )
    };
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"init.mp4\"\n";
    format!("{head}{}", (0..listed).map(segment).collect::<String>())
}

/// What the digest of a segment's first piece is, or of a further one.
pub(crate) fn piece(no: usize, is_first: bool) -> [u8; 32] {
    [(no as u8).wrapping_add(if is_first { 100 } else { 200 }); 32]
}

/// What the digest of a whole segment is.
pub(crate) fn checked(request: RequestId, digest: [u8; 32]) -> Input {
    Input::Checked { request, bytes: 0..SEGMENT_BYTES, digest }
}

/// A viewer who has seen the first picture, and what it wants since it was asked last.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) now: Duration,
    pub(crate) wanted: Vec<Output>,
    pub(crate) info_hash: InfoHash,
    pub(crate) our_id: PeerId,
    /// Checks that were answered.
    answered: Vec<(RequestId, u64)>,
    /// Signatures that were verified.
    verified: usize,
}

/// How long answers of the server take.
const USUAL: Duration = Duration::from_millis(50);

impl Stage {
    /// The tracker counts `members`, this viewer among them.
    pub(crate) fn with(members: usize) -> Stage {
        let mut stage = Stage::opened(MASTER, &media());
        stage.fetched("0-8", Body::Held(9));
        stage.fetched(&range(0).to_string(), Body::Held(SEGMENT_BYTES));
        // The initialisation section, then the segment.
        stage.tell(Input::Updated);
        stage.tell(Input::Updated);
        let mut digests = SegmentDigests::default();
        (0..SEGMENTS).for_each(|no| digests.insert("m.mp4", range(no), digest(no)));
        stage.fetched("d.json", Body::Text(digests.to_json()));
        let first = stage.check();
        stage.tell(checked(first, digest(0)));
        stage.is_counted(members);
        stage
    }

    /// The same of a video whose segments are longer, after the beginning of the first.
    pub(crate) fn long(members: usize) -> Stage {
        let mut stage = Stage::opened(MASTER, &long_media());
        stage.fetched("0-8", Body::Held(9));
        stage.fetched(&format!("-{}", 8 + LONG_HEAD), Body::Held(LONG_HEAD));
        (0..2).for_each(|_| stage.tell(Input::Updated));
        let mut digests = SegmentDigests::default();
        let range = |no| ByteRange { start: 9 + no as u64 * LONG_BYTES, length: LONG_BYTES };
        (0..SEGMENTS).for_each(|no| digests.insert("m.mp4", range(no), digest(no)));
        stage.fetched("d.json", Body::Text(digests.to_json()));
        stage.is_counted(members);
        stage
    }

    /// The same of a video whose playlist tells the digests of pieces.
    pub(crate) fn in_pieces(members: usize) -> Stage {
        let media = media_in_pieces(0, SEGMENT_BYTES, true);
        let mut stage = Stage::opened(&signed_master(), &media);
        stage.fetched("init.mp4", Body::Held(9));
        stage.fetched("0-89999", Body::Held(SEGMENT_BYTES));
        stage.tell(Input::Updated);
        stage.tell(Input::Updated);
        stage.is_counted(members);
        stage.verify();
        stage.tell(checked(stage.check(), digest(0)));
        stage
    }

    /// Each signature turns out to be right.
    pub(crate) fn verify(&mut self) {
        while self.verified < self.signatures() {
            self.verified += 1;
            self.tell(Input::Verified(true));
        }
    }

    /// How often the engine wanted to know whether a signature is right.
    pub(crate) fn signatures(&self) -> usize {
        self.wanted.iter().filter(|output| matches!(output, Output::Verify { .. })).count()
    }

    /// What is to be checked turns out to be pieces of this segment, from the first one on.
    pub(crate) fn check_pieces(&mut self, no: usize) {
        self.check_by_place(|at| piece(no, at == 0));
    }

    /// The same of what was asked for from a further piece on.
    pub(crate) fn check_further_pieces(&mut self, no: usize) {
        self.check_by_place(|_| piece(no, false));
    }

    /// The same of one whose segments have 24 pieces, of which the beginning of the first is on.
    pub(crate) fn begun(members: usize) -> Stage {
        Stage::begun_after(members, USUAL)
    }

    /// The same where the first answer of the server took so long.
    pub(crate) fn begun_after(members: usize, took: Duration) -> Stage {
        let media = media_in_pieces(0, LONG_BYTES, true);
        let mut stage = Stage::new();
        stage.tell(Input::Permitted(Sharing::Full));
        stage.begin_after(took, &signed_master(), &media);
        stage.fetched("init.mp4", Body::Held(9));
        stage.fetched(&format!("0-{}", LONG_HEAD - 1), Body::Held(LONG_HEAD));
        stage.tell(Input::Updated);
        stage.tell(Input::Updated);
        stage.is_counted(members);
        stage.verify();
        stage.check_pieces(0);
        stage
    }

    /// A viewer who has seen the first picture of a live stream of which so many segments are listed.
    pub(crate) fn live(listed: u64, members: usize) -> Stage {
        Stage::live_with(Config { seed: 1, ..Config::default() }, listed, members)
    }

    pub(crate) fn live_with(config: Config, listed: u64, members: usize) -> Stage {
        let mut stage = Stage::with_config(config);
        stage.tell(Input::Permitted(Sharing::Full));
        stage.begin(MASTER_WITHOUT_DIGESTS, &live(listed));
        stage.fetched("init.mp4", Body::Held(9));
        stage.fetched("0-89999", Body::Held(SEGMENT_BYTES));
        stage.tell(Input::Updated);
        stage.tell(Input::Updated);
        stage.is_counted_live(members);
        stage
    }

    /// The tracker counts `members` of a live stream, after the offers that went with the first word.
    pub(crate) fn is_counted_live(&mut self, members: usize) {
        self.tell(Input::TrackerOpened);
        self.is_offered();
        (self.info_hash, self.our_id) = self.announced();
        let (info_hash, interval) = (self.info_hash, Duration::from_secs(120));
        self.tell(Input::TrackerSaid(Heard::Counted { info_hash, members, interval }));
    }

    /// All offers are made.
    pub(crate) fn is_offered(&mut self) {
        let offers: Vec<LinkId> = self.offers().collect();
        offers.into_iter().for_each(|link| self.tell(Input::Offered { link, sdp: SDP.to_owned() }));
    }

    /// Connections that were offered.
    pub(crate) fn offers(&self) -> impl Iterator<Item = LinkId> {
        self.wanted.iter().filter_map(|output| match output {
            Output::Offer { link } => Some(*link),
            _ => None,
        })
    }

    /// A viewer who has seen the beginning of the first segment of a live stream in 24 pieces each, and whom no tracker answers.
    pub(crate) fn begun_live() -> Stage {
        Stage::begun_live_of(LONG_BYTES, USUAL)
    }

    /// The same of segments of so many bytes, of the first of which the beginning took so long.
    pub(crate) fn begun_live_of(bytes: u64, took: Duration) -> Stage {
        let mut stage = Stage::opened(&signed_master(), &media_in_pieces(0, bytes, false));
        stage.fetched("init.mp4", Body::Held(9));
        stage.beginning_came(took);
        stage
    }

    /// The server has sent what it was asked for of the first segment, in so much time, and it is appended.
    pub(crate) fn beginning_came(&mut self, took: Duration) {
        let asked = self.wanted.iter().rev().find_map(|output| match output {
            Output::Fetch { range: Some(range), uri, .. } if uri.ends_with("m4s") => Some(*range),
            _ => None,
        });
        let ByteRange { start, length } = asked.expect("a segment is asked for");
        let last = start + length - 1;
        self.fetched_after(took, &format!("{start}-{last}"), Body::Held(length));
        self.tell(Input::Updated);
        self.tell(Input::Updated);
    }

    pub(crate) fn opened(master: &str, media: &str) -> Stage {
        let mut stage = Stage::new();
        stage.tell(Input::Permitted(Sharing::Full));
        stage.begin(master, media);
        stage
    }

    /// The playlists come, and the viewer presses play.
    pub(crate) fn begin(&mut self, master: &str, media: &str) {
        self.begin_after(USUAL, master, media);
    }

    fn begin_after(&mut self, took: Duration, master: &str, media: &str) {
        self.open();
        self.fetched_after(took, ".m3u8", Body::Text(master.to_owned()));
        self.fetched("a.m3u8", Body::Text(media.to_owned()));
        self.tell(Input::Prepared);
        self.tell(Input::Started);
    }

    /// Playback is so far, and the media element holds all from the beginning up to a second ahead.
    pub(crate) fn plays(&mut self, position: Duration) {
        let buffered = vec![Span { start: Duration::ZERO, end: position + Duration::from_secs(1) }];
        self.tell(Input::Played { position, buffered, is_starved: false, speed: 1.0 });
    }

    /// What is to be checked turns out as `digest` says, by where it begins in its request.
    pub(crate) fn check_by_place(&mut self, digest: impl Fn(u64) -> [u8; 32]) {
        let mut at = 0;
        while let Some(output) = self.wanted.get(at).cloned() {
            at += 1;
            if let Output::Check { request, bytes, .. } = output
                && !self.answered.contains(&(request, bytes.start))
            {
                self.answered.push((request, bytes.start));
                let digest = digest(bytes.start);
                self.tell(Input::Checked { request, bytes, digest });
            }
        }
    }

    pub(crate) fn open(&mut self) {
        self.tell(Input::Opened { url: "http://a/m.m3u8".to_owned(), position: Duration::ZERO });
    }

    /// A viewer who has been told nothing.
    pub(crate) fn new() -> Stage {
        Stage::with_config(Config { seed: 1, ..Config::default() })
    }

    pub(crate) fn with_config(config: Config) -> Stage {
        let engine = Engine::new(config);
        let (info_hash, our_id) = (InfoHash([0; 20]), PeerId([0; 20]));
        let (now, wanted, answered) = (Duration::ZERO, Vec::new(), Vec::new());
        Stage { engine, now, wanted, info_hash, our_id, answered, verified: 0 }
    }

    pub(crate) fn is_counted(&mut self, members: usize) {
        self.tell(Input::TrackerOpened);
        let unknown = self.info_hash;
        (self.info_hash, self.our_id) = self.announced();
        let interval = Duration::from_secs(120);
        for info_hash in [unknown, self.info_hash] {
            self.tell(Input::TrackerSaid(Heard::Counted { info_hash, members, interval }));
        }
    }

    /// The same, connected to a peer that holds everything.
    pub(crate) fn connected() -> (Stage, LinkId) {
        let mut stage = Stage::with(2);
        let link = stage.meet(HIGH);
        let all: Vec<u64> = (0..SEGMENTS as u64).collect();
        stage.say(
            link,
            &Command::SegmentsAnnouncement { loaded: all, loading: Vec::new(), hello: None },
        );
        (stage, link)
    }

    /// The same, with a request to the peer under way: for which segment, and its number on the wire.
    pub(crate) fn asking() -> (Stage, LinkId, u64, u64) {
        let (stage, link) = Stage::connected();
        let (segment, request) = stage.request_to(link).expect("the peer is asked");
        (stage, link, segment, request)
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.now += Duration::from_millis(1);
        self.engine.handle(Time::at(self.now), input);
        self.wanted.extend(std::iter::from_fn(|| self.engine.poll()));
    }

    /// Time passes, of which the viewer plays as much as there is.
    pub(crate) fn wait(&mut self, wait: Duration) {
        let end = self.now + wait;
        while self.now < end {
            self.now += Duration::from_millis(100);
            self.tell(Input::Woken);
        }
    }

    /// The newest request whose address or range ends so is answered.
    pub(crate) fn fetched(&mut self, ends: &str, body: Body) {
        self.fetched_after(USUAL, ends, body);
    }

    pub(crate) fn fetched_after(&mut self, took: Duration, ends: &str, body: Body) {
        let is_it = |output: &Output| match output {
            Output::Fetch { request, uri, range, .. } => {
                let name = range.map_or(uri.to_string(), |range| range.to_string());
                name.ends_with(ends).then_some(*request)
            }
            _ => None,
        };
        let request = self
            .wanted
            .iter()
            .rev()
            .find_map(is_it)
            .unwrap_or_else(|| panic!("{ends} isn't asked for"));
        let url = format!("http://a/{ends}");
        self.tell(Input::Fetched { request, url, body, took });
    }

    /// The request, since `before`, for the end of a segment from the server, and how many bytes it is for.
    pub(crate) fn server_is_asked(&self, before: usize, segment: u64) -> Option<(RequestId, u64)> {
        let last = range(segment as usize).last();
        self.wanted[before..].iter().find_map(|output| match output {
            Output::Fetch { request, range: Some(asked), .. } if asked.last() == last => {
                Some((*request, asked.length))
            }
            _ => None,
        })
    }

    /// What the page was told last of what keeps viewers from sharing.
    pub(crate) fn hindrance(&self) -> Option<Hindrance> {
        let told = self.wanted.iter().rev().find_map(|output| match output {
            Output::Report(Event::Hindered(hindrance)) => Some(*hindrance),
            _ => None,
        });
        told.flatten()
    }

    /// What the engine wants to have checked.
    pub(crate) fn check(&self) -> RequestId {
        let check = self.wanted.iter().rev().find_map(|output| match output {
            Output::Check { request, .. } => Some(*request),
            _ => None,
        });
        check.expect("something is to be checked")
    }

    /// What the tracker was told last: the swarm, and our id.
    pub(crate) fn announced(&self) -> (InfoHash, PeerId) {
        let Announce { info_hash, peer_id, .. } = self.last_announce().0;
        (info_hash, peer_id)
    }

    pub(crate) fn last_announce(&self) -> (Announce<'_>, usize) {
        let found = self.wanted.iter().enumerate().rev().find_map(|(at, output)| match output {
            Output::TellTracker(text) => match Request::read(text) {
                Ok(Request::Announce(announce)) => Some((announce, at)),
                _ => None,
            },
            _ => None,
        });
        found.expect("the tracker is told")
    }

    /// Our offer is made, told and answered by `peer`, and the connection opens.
    pub(crate) fn meet(&mut self, peer: PeerId) -> LinkId {
        let (link, offer_id) = self.offer();
        self.answer(peer, offer_id);
        assert!(self.wanted.contains(&Output::Accept { link, sdp: SDP.to_owned() }));
        self.tell(Input::Connected { link });
        link
    }

    /// A peer takes our offer.
    pub(crate) fn answer(&mut self, peer_id: PeerId, offer_id: OfferId) {
        let (info_hash, sdp) = (self.info_hash, SDP.to_owned());
        self.tell(Input::TrackerSaid(Heard::Answer(End { info_hash, peer_id, offer_id, sdp })));
    }

    /// A peer that understands the extension, holds these segments, and gives so many kilobits a second, makes an offer.
    pub(crate) fn meet_extended(&mut self, peer: PeerId, kbps: u64, loaded: &[u64]) -> LinkId {
        self.meet_who_says(peer, kbps, [loaded, &[]])
    }

    /// The same of one that holds some segments, and is fetching others.
    pub(crate) fn meet_who_says(&mut self, peer: PeerId, kbps: u64, lists: [&[u64]; 2]) -> LinkId {
        let link = self.takes_offer(peer, SDP).expect("the offer is taken");
        self.tell(Input::Answered { link, sdp: SDP.to_owned() });
        self.tell(Input::Connected { link });
        let hello = Some(Hello { version: EXTENSION, uplink_kbps: Some(kbps) });
        let [loaded, loading] = lists.map(<[u64]>::to_vec);
        self.say(link, &Command::SegmentsAnnouncement { loaded, loading, hello });
        link
    }

    /// The last part that was asked of the peer: of which segment, and the request's number.
    pub(crate) fn part_asked_of(&self, link: LinkId) -> Option<(u64, u64)> {
        self.said(link).into_iter().rev().find_map(|command| match command {
            Command::PartRequest { segment, request, .. } => Some((segment, request)),
            _ => None,
        })
    }

    /// Our offer is made and told.
    pub(crate) fn offer(&mut self) -> (LinkId, OfferId) {
        let link = self.offers().next().expect("an offer is made");
        self.tell(Input::Offered { link, sdp: SDP.to_owned() });
        (link, self.last_announce().0.offers[0].offer_id)
    }

    /// Somebody's offer comes; whether it is taken.
    pub(crate) fn takes_offer(&mut self, peer_id: PeerId, sdp: &str) -> Option<LinkId> {
        let (info_hash, offer_id) = (self.info_hash, OfferId([9; 20]));
        let before = self.wanted.len();
        self.tell(Input::TrackerSaid(Heard::Offer(End {
            info_hash,
            peer_id,
            offer_id,
            sdp: sdp.to_owned(),
        })));
        self.wanted[before..].iter().find_map(|output| match output {
            Output::Answer { link, .. } => Some(*link),
            _ => None,
        })
    }

    pub(crate) fn say(&mut self, link: LinkId, command: &Command) {
        for message in command.encode(MESSAGE_BYTES) {
            self.tell(Input::Said { link, message });
        }
    }

    /// What was said to the peer, in order.
    pub(crate) fn said(&self, to: LinkId) -> Vec<Command> {
        let mut joiner = Joiner::default();
        let messages = self.wanted.iter().filter_map(|output| match output {
            Output::Say { link, message } if *link == to => Some(message),
            _ => None,
        });
        let read =
            messages.filter_map(|message| joiner.take(message).expect("we say what can be read"));
        read.map(|message| match message {
            Message::Command(command) => command,
            Message::Data(_) => panic!("data is given, not said"),
        })
        .collect()
    }

    /// The last segment that was asked of the peer, and the request's number.
    pub(crate) fn request_to(&self, link: LinkId) -> Option<(u64, u64)> {
        self.said(link).into_iter().rev().find_map(|command| match command {
            Command::SegmentRequest { segment, request, .. } => Some((segment, request)),
            _ => None,
        })
    }

    pub(crate) fn is_dropped(&self, link: LinkId) -> bool {
        self.wanted.contains(&Output::Disconnect { link })
    }

    pub(crate) fn gives(&self, to: LinkId) -> u64 {
        let bytes = self.wanted.iter().map(|output| match output {
            Output::Give { link, bytes, .. } if *link == to => *bytes,
            _ => 0,
        });
        bytes.sum()
    }
}
