//! One viewer and a peer whose every word is written here: what it may ask, and what its misdeeds cost it.

use std::time::Duration;

use swarm::{
    Body, Config, End, Engine, Event, Heard, Hindrance, Input, LinkId, Output, RequestId, Sharing,
    Span, Time,
};
use wire::announce::{Announce, OfferId, Request};
use wire::digest::SegmentDigests;
use wire::identity::InfoHash;
use wire::peer::{Command, Joiner, MESSAGE_BYTES, Message, PeerId};
use wire::playlist::ByteRange;

const MASTER: &str = "#EXTM3U\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"d.json\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\na.m3u8\n";
const SEGMENTS: usize = 30;
const SEGMENT_BYTES: u64 = 90_000;
const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
/// Ids that order before and after every other.
const LOW: PeerId = PeerId(*b"!PM0203-000000000000");
const HIGH: PeerId = PeerId(*b"~PM0203-000000000000");

fn media() -> String {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"m.mp4\",BYTERANGE=\"9@0\"\n";
    let segment = |no: usize| {
        format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{SEGMENT_BYTES}@{}\nm.mp4\n", range(no).start)
    };
    format!("{head}{}#EXT-X-ENDLIST\n", (0..SEGMENTS).map(segment).collect::<String>())
}

fn range(no: usize) -> ByteRange {
    ByteRange { start: 9 + no as u64 * SEGMENT_BYTES, length: SEGMENT_BYTES }
}

fn digest(no: usize) -> [u8; 32] {
    [no as u8 + 1; 32]
}

/// A viewer who has seen the first picture, and what it wants since it was asked last.
struct Stage {
    engine: Engine,
    now: Duration,
    wanted: Vec<Output>,
    info_hash: InfoHash,
    our_id: PeerId,
}

impl Stage {
    /// The tracker counts `members`, this viewer among them.
    fn with(members: usize) -> Stage {
        let engine = Engine::new(Config { seed: 1, ..Config::default() });
        let (info_hash, our_id) = (InfoHash([0; 20]), PeerId([0; 20]));
        let mut stage =
            Stage { engine, now: Duration::ZERO, wanted: Vec::new(), info_hash, our_id };
        stage.tell(Input::Permitted(Sharing::Full));
        stage.tell(Input::Opened { url: "http://a/m.m3u8".to_owned(), position: Duration::ZERO });
        stage.fetched(".m3u8", Body::Text(MASTER.to_owned()));
        stage.fetched("a.m3u8", Body::Text(media()));
        stage.tell(Input::Prepared);
        stage.tell(Input::Started);
        stage.fetched("0-8", Body::Held(9));
        stage.fetched(&range(0).to_string(), Body::Held(SEGMENT_BYTES));
        // The initialisation section, then the segment.
        stage.tell(Input::Updated);
        stage.tell(Input::Updated);
        let mut digests = SegmentDigests::default();
        (0..SEGMENTS).for_each(|no| digests.insert("m.mp4", range(no), digest(no)));
        stage.fetched("d.json", Body::Text(digests.to_json()));
        let first = stage.check();
        stage.tell(Input::Checked { request: first, sha256: digest(0) });
        stage.tell(Input::TrackerOpened);
        let announce = stage.announced();
        (stage.info_hash, stage.our_id) = announce;
        let interval = Duration::from_secs(120);
        stage.tell(Input::TrackerSaid(Heard::Counted { info_hash, members, interval }));
        stage.tell(Input::TrackerSaid(Heard::Counted {
            info_hash: stage.info_hash,
            members,
            interval,
        }));
        stage
    }

    /// The same, connected to a peer that holds everything.
    fn connected() -> (Stage, LinkId) {
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
    fn asking() -> (Stage, LinkId, u64, u64) {
        let (stage, link) = Stage::connected();
        let (segment, request) = stage.request_to(link).expect("the peer is asked");
        (stage, link, segment, request)
    }

    fn tell(&mut self, input: Input) {
        self.now += Duration::from_millis(1);
        self.engine.handle(Time::at(self.now), input);
        self.wanted.extend(std::iter::from_fn(|| self.engine.poll()));
    }

    /// Time passes, of which the viewer plays as much as there is.
    fn wait(&mut self, wait: Duration) {
        let end = self.now + wait;
        while self.now < end {
            self.now += Duration::from_millis(100);
            self.tell(Input::Woken);
        }
    }

    /// The newest request whose address or range ends so is answered.
    fn fetched(&mut self, ends: &str, body: Body) {
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
        let (url, took) = (format!("http://a/{ends}"), Duration::from_millis(50));
        self.tell(Input::Fetched { request, url, body, took });
    }

    /// The request, since `before`, for the end of a segment from the server, and how many bytes it is for.
    fn server_is_asked(&self, before: usize, segment: u64) -> Option<(RequestId, u64)> {
        let last = range(segment as usize).last();
        self.wanted[before..].iter().find_map(|output| match output {
            Output::Fetch { request, range: Some(asked), .. } if asked.last() == last => {
                Some((*request, asked.length))
            }
            _ => None,
        })
    }

    /// What the page was told last of what keeps viewers from sharing.
    fn hindrance(&self) -> Option<Hindrance> {
        let told = self.wanted.iter().rev().find_map(|output| match output {
            Output::Report(Event::Hindered(hindrance)) => Some(*hindrance),
            _ => None,
        });
        told.flatten()
    }

    /// What the engine wants to have checked.
    fn check(&self) -> RequestId {
        let check = self.wanted.iter().rev().find_map(|output| match output {
            Output::Check(request) => Some(*request),
            _ => None,
        });
        check.expect("something is to be checked")
    }

    /// What the tracker was told last: the swarm, and our id.
    fn announced(&self) -> (InfoHash, PeerId) {
        let Announce { info_hash, peer_id, .. } = self.last_announce().0;
        (info_hash, peer_id)
    }

    fn last_announce(&self) -> (Announce<'_>, usize) {
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
    fn meet(&mut self, peer: PeerId) -> LinkId {
        let (link, offer_id) = self.offer();
        let (info_hash, sdp) = (self.info_hash, SDP.to_owned());
        self.tell(Input::TrackerSaid(Heard::Answer(End {
            info_hash,
            peer_id: peer,
            offer_id,
            sdp,
        })));
        assert!(self.wanted.contains(&Output::Accept { link, sdp: SDP.to_owned() }));
        self.tell(Input::Connected { link });
        link
    }

    /// Our offer is made and told.
    fn offer(&mut self) -> (LinkId, OfferId) {
        let link = self.wanted.iter().find_map(|output| match output {
            Output::Offer { link } => Some(*link),
            _ => None,
        });
        let link = link.expect("an offer is made");
        self.tell(Input::Offered { link, sdp: SDP.to_owned() });
        (link, self.last_announce().0.offers[0].offer_id)
    }

    /// Somebody's offer comes; whether it is taken.
    fn takes_offer(&mut self, peer_id: PeerId, sdp: &str) -> Option<LinkId> {
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

    fn say(&mut self, link: LinkId, command: &Command) {
        for message in command.encode(MESSAGE_BYTES) {
            self.tell(Input::Said { link, message });
        }
    }

    /// What was said to the peer, in order.
    fn said(&self, to: LinkId) -> Vec<Command> {
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
    fn request_to(&self, link: LinkId) -> Option<(u64, u64)> {
        self.said(link).into_iter().rev().find_map(|command| match command {
            Command::SegmentRequest { segment, request, .. } => Some((segment, request)),
            _ => None,
        })
    }

    fn is_dropped(&self, link: LinkId) -> bool {
        self.wanted.contains(&Output::Disconnect { link })
    }

    fn gives(&self, to: LinkId) -> u64 {
        let bytes = self.wanted.iter().map(|output| match output {
            Output::Give { link, bytes, .. } if *link == to => *bytes,
            _ => 0,
        });
        bytes.sum()
    }
}

#[test]
fn what_a_peer_holds_is_asked_of_it_and_played_after_its_digest_is_checked() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    let before = stage.wanted.len();
    stage.tell(Input::Received { link, bytes: 30_000 });
    let id = stage.check();
    let appends = |stage: &Stage| {
        stage.wanted[before..]
            .iter()
            .any(|output| matches!(output, Output::Append { request, .. } if *request == id))
    };
    assert!(!appends(&stage));
    stage.tell(Input::Checked { request: id, sha256: digest(segment as usize) });
    assert!(appends(&stage));
    let news = stage.said(link).into_iter().rev().find_map(|command| match command {
        Command::SegmentsAnnouncement { loaded, .. } => Some(loaded),
        _ => None,
    });
    assert!(news.unwrap().contains(&segment), "the others are told");
    assert_eq!(stage.engine.stats(Time::at(stage.now)).p2p_bytes, SEGMENT_BYTES);
}

#[test]
fn wrong_bytes_are_neither_played_nor_passed_on_and_their_giver_is_not_met_again() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    stage.tell(Input::Received { link, bytes: 30_000 });
    let id = stage.check();
    stage.tell(Input::Checked { request: id, sha256: [0; 32] });
    assert!(stage.is_dropped(link) && stage.wanted.contains(&Output::Forget(id)));
    assert!(
        !stage
            .wanted
            .iter()
            .any(|output| matches!(output, Output::Append { request, .. } if *request == id))
    );
    let stats = stage.engine.stats(Time::at(stage.now));
    assert_eq!((stats.rejected_pieces, stats.p2p_bytes, stats.peers), (1, 0, 0));
    assert_eq!(stage.takes_offer(HIGH, SDP), None);
    assert!(stage.takes_offer(LOW, SDP).is_some(), "others are");
}

/// Whether a peer that was asked for a segment is dropped for what it then does.
#[track_caller]
fn check(is_dropped: bool, does: impl Fn(&mut Stage, LinkId, u64, u64)) {
    let (mut stage, link, segment, request) = Stage::asking();
    does(&mut stage, link, segment, request);
    assert_eq!(stage.is_dropped(link), is_dropped, "{:?}", stage.wanted.last());
    if is_dropped {
        assert_eq!(stage.takes_offer(HIGH, SDP), None, "it isn't met again");
    }
}

#[test]
fn a_header_with_another_length_ends_the_connection() {
    check(true, |stage, link, segment, request| {
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES + 1, request });
    });
    check(false, |stage, link, segment, request| {
        stage.say(link, &Command::SegmentData { segment, size: 7, request: request + 1 });
    });
}

#[test]
fn an_empty_segment_is_not_asked_for_again_but_the_peer_stays() {
    let (mut stage, link, segment, request) = Stage::asking();
    for _ in 0..30 {
        stage.say(link, &Command::SegmentData { segment, size: 0, request });
        let all: Vec<u64> = (0..SEGMENTS as u64).collect();
        stage.say(
            link,
            &Command::SegmentsAnnouncement { loaded: all, loading: Vec::new(), hello: None },
        );
        stage.wait(Duration::from_secs(1));
    }
    let again = stage.said(link).iter().filter(|command| matches!(command, Command::SegmentRequest { segment: no, .. } if *no == segment)).count();
    assert_eq!(
        (
            again,
            stage.wanted.iter().filter(|output| matches!(output, Output::Accept { .. })).count()
        ),
        (1, 1)
    );
}

#[test]
fn more_bytes_than_said_end_the_connection() {
    check(true, |stage, link, segment, request| {
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
        stage.tell(Input::Received { link, bytes: 65_000 });
        stage.tell(Input::Received { link, bytes: 65_000 });
    });
}

#[test]
fn bytes_that_nobody_asked_for_end_the_connection_when_they_are_many() {
    let send = |times| {
        move |stage: &mut Stage, link, _, _| {
            (0..times).for_each(|_| stage.tell(Input::Received { link, bytes: 65_000 }))
        }
    };
    check(false, send(10));
    check(true, send(17));
}

#[test]
fn a_message_longer_than_any_that_is_allowed_ends_the_connection() {
    check(true, |stage, link, _, _| stage.tell(Input::Received { link, bytes: 200_000 }));
    check(false, |stage, link, _, _| {
        stage.tell(Input::Received { link, bytes: MESSAGE_BYTES as u64 })
    });
}

#[test]
fn a_flood_of_commands_or_of_tiny_messages_ends_the_connection() {
    let announce = |times| {
        move |stage: &mut Stage, link, _, _| {
            let command = Command::announcement(0, [], []);
            (0..times).for_each(|_| stage.say(link, &command));
        }
    };
    check(false, announce(150));
    check(true, announce(300));
    check(true, |stage, link, _, _| {
        (0..300).for_each(|_| stage.tell(Input::Received { link, bytes: 1 }))
    });
}

#[test]
fn a_peer_that_only_talks_gibberish_is_left() {
    let talk = |times| {
        move |stage: &mut Stage, link, _, _| {
            (0..times)
                .for_each(|_| stage.tell(Input::Said { link, message: b"cstr\x01cend".to_vec() }));
        }
    };
    check(false, talk(4));
    check(true, talk(5));
}

#[test]
fn a_completion_before_the_last_byte_is_forgiven_once() {
    let cut_short = |stage: &mut Stage, link, segment, request| {
        stage.say(link, &Command::SegmentDataSendingCompleted { segment, request });
    };
    check(false, cut_short);
    check(true, |stage, link, segment, request| {
        cut_short(stage, link, segment, request);
        let (segment, request) = stage.request_to(link).unwrap();
        cut_short(stage, link, segment, request);
    });
}

#[test]
fn a_silent_peer_is_given_up_after_two_seconds_and_left_the_second_time() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.wait(Duration::from_millis(2_200));
    assert!(stage.said(link).contains(&Command::CancelSegmentRequest { segment, request }));
    assert!(!stage.is_dropped(link));
    stage.wait(Duration::from_secs(6));
    assert!(stage.is_dropped(link));
}

#[test]
fn a_peer_that_always_stalls_is_left_although_its_beginnings_are_right() {
    let (mut stage, link) = Stage::connected();
    for _ in 0..2 {
        let (segment, request) = stage.request_to(link).expect("the peer is asked");
        stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
        let before = stage.wanted.len();
        stage.tell(Input::Received { link, bytes: 50_000 });
        stage.wait(Duration::from_millis(2_300));
        stage.tell(Input::Played {
            position: Duration::ZERO,
            buffered: Vec::new(),
            is_starved: true,
            speed: 1.0,
        });
        let asked = stage.server_is_asked(before, segment);
        let (request, length) = asked.expect("the rest is asked of the server");
        let (url, took) = ("http://a/m.mp4".to_owned(), Duration::from_millis(50));
        stage.tell(Input::Fetched { request, url, body: Body::Held(length), took });
        let whole = stage.check();
        stage.tell(Input::Checked { request: whole, sha256: digest(segment as usize) });
        stage.wait(Duration::from_secs(4));
    }
    assert!(stage.is_dropped(link));
    assert_eq!(stage.engine.stats(Time::at(stage.now)).rejected_pieces, 0);
}

#[test]
fn what_a_peer_left_unfinished_is_gone_on_with_from_there() {
    let (mut stage, link, segment, request) = Stage::asking();
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 50_000 });
    let before = stage.wanted.len();
    stage.tell(Input::Disconnected { link });
    stage.wait(Duration::from_secs(5));
    let (rest, bytes) = stage.server_is_asked(before, segment).expect("the rest is asked for");
    assert_eq!(bytes, SEGMENT_BYTES - 50_000);
    let (url, took) = ("http://a/m.mp4".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request: rest, url, body: Body::Held(bytes), took });
    let joined = stage.wanted[before..].iter().find_map(|output| match output {
        Output::Join { parts, .. } => Some(parts.clone()),
        _ => None,
    });
    let joined = joined.expect("both parts are joined");
    assert_eq!((joined[0].1, joined[1]), (50_000, (rest, bytes)));
}

#[test]
fn where_both_sides_offered_the_offer_of_the_lower_id_stands() {
    #[track_caller]
    fn check(peer: PeerId, is_ours_kept: bool) {
        let mut stage = Stage::with(2);
        let (ours, offer_id) = stage.offer();
        let theirs = stage.takes_offer(peer, SDP).expect("their offer is taken");
        stage.tell(Input::Answered { link: theirs, sdp: SDP.to_owned() });
        let (info_hash, sdp) = (stage.info_hash, SDP.to_owned());
        stage.tell(Input::TrackerSaid(Heard::Answer(End {
            info_hash,
            peer_id: peer,
            offer_id,
            sdp,
        })));
        assert_eq!(
            (stage.is_dropped(theirs), stage.is_dropped(ours)),
            (is_ours_kept, !is_ours_kept)
        );
    }
    check(HIGH, true);
    check(LOW, false);
}

#[test]
fn an_offer_of_pictures_or_of_somebody_known_is_not_taken() {
    let (mut stage, _) = Stage::connected();
    assert_eq!(stage.takes_offer(HIGH, SDP), None, "it is connected already");
    assert_eq!(stage.takes_offer(LOW, "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"), None);
    assert!(stage.takes_offer(LOW, SDP).is_some());
}

#[test]
fn however_many_offer_the_connections_have_a_bound_and_none_is_waited_for_for_long() {
    let mut stage = Stage::with(200);
    let peer = |no: u8| PeerId([no; 20]);
    let takes = |stage: &mut Stage, numbers: std::ops::Range<u8>| {
        numbers.filter_map(|no| stage.takes_offer(peer(no), SDP)).count()
    };
    assert_eq!(takes(&mut stage, 0..100), swarm::limits::LINKS);
    stage.wait(Duration::from_secs(9));
    assert_eq!(
        takes(&mut stage, 100..200),
        swarm::limits::LINKS,
        "those that came to nothing made room"
    );
}

#[test]
fn a_refused_announcement_is_a_hindrance_and_a_refused_answer_is_none() {
    let mut stage = Stage::with(1);
    stage.tell(Input::TrackerSaid(Heard::Refused));
    assert_eq!(stage.hindrance(), None);
    stage.wait(Duration::from_secs(121));
    stage.tell(Input::TrackerSaid(Heard::Refused));
    assert_eq!(stage.hindrance(), Some(Hindrance::Tracker));
}

#[test]
fn a_hindrance_is_taken_back_when_sharing_is_turned_off() {
    let mut stage = Stage::with(1);
    stage.tell(Input::TrackerClosed);
    assert_eq!(stage.hindrance(), Some(Hindrance::Tracker));
    stage.tell(Input::Permitted(Sharing::Off));
    assert_eq!(stage.hindrance(), None);
}

#[test]
fn a_lone_viewer_makes_no_connection() {
    let stage = Stage::with(1);
    assert!(!stage.wanted.iter().any(|output| matches!(output, Output::Offer { .. })));
}

#[test]
fn what_is_held_and_checked_is_given_and_nothing_else() {
    let (mut stage, link) = Stage::connected();
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 5, offset: 0 });
    assert!(stage.said(link).contains(&Command::SegmentData {
        segment: 0,
        size: SEGMENT_BYTES,
        request: 5
    }));
    assert!(
        stage.said(link).contains(&Command::SegmentDataSendingCompleted { segment: 0, request: 5 })
    );
    assert_eq!(stage.gives(link), SEGMENT_BYTES);
    for segment in [1, 29, 30, u64::MAX >> 11] {
        stage.say(link, &Command::SegmentRequest { segment, request: 6, offset: 0 });
        assert_eq!(stage.said(link).last(), Some(&Command::SegmentAbsent { segment, request: 6 }));
    }
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 7, offset: SEGMENT_BYTES });
    assert_eq!(stage.said(link).last(), Some(&Command::SegmentAbsent { segment: 0, request: 7 }));
    assert_eq!(stage.gives(link), SEGMENT_BYTES);
}

#[test]
fn the_next_gift_waits_until_the_last_is_sent_and_who_takes_nothing_is_left() {
    let (mut stage, link) = Stage::connected();
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 5, offset: 0 });
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 6, offset: 89_000 });
    assert_eq!(stage.gives(link), SEGMENT_BYTES);
    stage.tell(Input::Drained { link });
    assert_eq!(stage.gives(link), SEGMENT_BYTES + 1_000);
    stage.wait(Duration::from_secs(11));
    assert!(stage.is_dropped(link));
}

#[test]
fn no_more_than_four_times_what_was_taken_is_given() {
    let (mut stage, link) = Stage::connected();
    for request in 0..20 {
        stage.say(link, &Command::SegmentRequest { segment: 0, request, offset: 0 });
        stage.tell(Input::Drained { link });
    }
    let stats = stage.engine.stats(Time::at(stage.now));
    assert!(stats.uploaded_bytes <= 4 * (stats.http_bytes + stats.p2p_bytes), "{stats:?}");
    assert!(stats.uploaded_bytes > stats.http_bytes, "{stats:?}");
}

#[test]
fn turning_giving_off_tells_everybody_and_refuses_what_was_asked() {
    let (mut stage, link) = Stage::connected();
    stage.tell(Input::Permitted(Sharing::Receive));
    let empty =
        Command::SegmentsAnnouncement { loaded: Vec::new(), loading: Vec::new(), hello: None };
    assert_eq!(stage.said(link).last(), Some(&empty));
    stage.say(link, &Command::SegmentRequest { segment: 0, request: 5, offset: 0 });
    assert_eq!(stage.said(link).last(), Some(&Command::SegmentAbsent { segment: 0, request: 5 }));
}

#[test]
fn turning_sharing_off_ends_everything() {
    let (mut stage, link) = Stage::connected();
    stage.tell(Input::Permitted(Sharing::Off));
    assert!(stage.is_dropped(link) && stage.wanted.contains(&Output::CloseTracker));
    let told = stage.last_announce().0;
    assert_eq!((told.event, told.peer_id), (wire::announce::Event::Stopped, stage.our_id));
    let before = stage.wanted.len();
    stage.tell(Input::Played {
        position: Duration::from_secs(1),
        buffered: vec![Span { start: Duration::ZERO, end: Duration::from_secs(4) }],
        is_starved: false,
        speed: 1.0,
    });
    stage.wait(Duration::from_secs(5));
    let is_sharing = |output: &Output| !matches!(output, Output::Fetch { .. } | Output::Report(_));
    assert!(!stage.wanted[before..].iter().any(is_sharing), "{:?}", &stage.wanted[before..]);
}

#[test]
fn a_viewer_whose_server_is_busy_sleeps_until_there_is_something_to_decide() {
    let mut stage = Stage::with(1);
    stage.tell(Input::Seeked { position: Duration::from_millis(7_800) });
    let (end, mut wakes) = (Time::at(stage.now + Duration::from_secs(1)), 0);
    while let Some(deadline) = stage.engine.next_deadline().filter(|deadline| deadline.at < end) {
        stage.now = deadline.at.since(Time::default());
        stage.tell(Input::Woken);
        wakes += 1;
    }
    assert!(wakes < 20, "{wakes} times in a second");
}
