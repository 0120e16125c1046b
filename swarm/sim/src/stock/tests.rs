//! A stock page against scripts and other stock pages, in claims.

use std::time::Duration;

use swarm::{Body, Content, Heard, Input, LinkId, Output, RequestId, Sharing, Time, Wanted};
use wire::announce::{OfferId, Request as TrackerRequest};
use wire::identity::InfoHash;
use wire::peer::{Command, Joiner, MESSAGE_BYTES, Message, PeerId, Segment};
use wire::playlist::ByteRange;

use super::{StockConfig, StockPeer};
use crate::policy::Stock;
use crate::policy::pml5::score;
use crate::{Agent, Line, Malice, Origin, Quota, Viewer, World};

const BYTES: u64 = 500_000;

fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A page and what happens to it, by hand.
struct Page {
    peer: StockPeer,
    now: Duration,
    outputs: Vec<Output>,
    info_hash: Option<InfoHash>,
}

impl Page {
    fn new(policy: Stock, uploads: bool) -> Page {
        let (high_demand, live_delay) = (s(4.0), Some(s(12.0)));
        let config = StockConfig { seed: 1, high_demand, live_delay, uploads };
        let peer = StockPeer::new(policy, config);
        Page { peer, now: Duration::ZERO, outputs: Vec::new(), info_hash: None }
    }

    /// One that plays a live stream of five segments from the beginning of the third last, with one neighbour.
    fn watching(policy: Stock, uploads: bool) -> Page {
        let mut page = Page::new(policy, uploads);
        page.tell(Input::Permitted(Sharing::Full));
        page.tell(Input::Opened { url: "https://a/m.m3u8".into(), position: Duration::ZERO });
        page.answer_text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.64001f\"\nv.m3u8\n");
        page.answer_text(&media(100, 5));
        page.tell(Input::Prepared);
        page.tell(Input::TrackerOpened);
        page.meet(1);
        page
    }

    fn tell(&mut self, input: Input) {
        self.peer.handle(Time::at(self.now), input);
        while let Some(output) = self.peer.poll() {
            if let Output::TellTracker(text) = &output
                && let Ok(TrackerRequest::Announce(announce)) = TrackerRequest::read(text)
            {
                self.info_hash = Some(announce.info_hash);
            }
            self.outputs.push(output);
        }
    }

    fn wait(&mut self, seconds: f64) {
        let until = self.now + s(seconds);
        while let Some(deadline) = self.peer.next_deadline()
            && deadline.at <= Time::at(until)
        {
            self.now = deadline.at.since(Time::default()).max(self.now + Duration::from_millis(1));
            self.tell(Input::Woken);
        }
        self.now = until;
        self.tell(Input::Woken);
    }

    fn play_at(&mut self, position: f64) {
        let (position, buffered) = (s(position), Vec::new());
        self.tell(Input::Played { position, buffered, is_starved: false, speed: 1.0 });
    }

    fn answer_text(&mut self, text: &str) {
        let text_of = |output: &Output| match output {
            Output::Fetch { request, wanted: Wanted::Text, .. } => Some(*request),
            _ => None,
        };
        let request = self.outputs.iter().rev().find_map(text_of).expect("it asks for a text");
        let (url, body) = ("https://a/m.m3u8".into(), Body::Text(text.into()));
        self.tell(Input::Fetched { request, url, body, took: s(0.1) });
    }

    /// All bytes of a segment come from the server.
    fn answer_segment(&mut self, no: Segment) {
        let (request, range) = self.fetches(no).pop().expect("it is asked for");
        let (url, body) = ("https://a/s".into(), Body::Held(range.length));
        self.tell(Input::Fetched { request, url, body, took: s(0.3) });
    }

    /// Requests to the server for a segment.
    fn fetches(&self, no: Segment) -> Vec<(RequestId, ByteRange)> {
        let fetch = |output: &Output| match output {
            Output::Fetch { request, uri, range: Some(range), .. } if **uri == no.to_string() => {
                Some((*request, *range))
            }
            _ => None,
        };
        self.outputs.iter().filter_map(fetch).collect()
    }

    /// A connection to somebody else.
    fn meet(&mut self, no: u8) -> LinkId {
        let (offer_id, peer_id) = (OfferId([no; 20]), PeerId::from_random([no; 12]));
        let info_hash = InfoHash([0; 20]);
        let offer = swarm::End { info_hash, peer_id, offer_id, sdp: "theirs".into() };
        self.tell(Input::TrackerSaid(Heard::Offer(offer)));
        let answered = |output: &Output| match output {
            Output::Answer { link, .. } => Some(*link),
            _ => None,
        };
        let link = self.outputs.iter().rev().find_map(answered).expect("it answers");
        self.tell(Input::Answered { link, sdp: "ours".into() });
        self.tell(Input::Connected { link });
        link
    }

    fn hear(&mut self, link: LinkId, command: Command) {
        for message in command.encode(MESSAGE_BYTES) {
            self.tell(Input::Said { link, message });
        }
    }

    fn hear_announcement(&mut self, link: LinkId, loaded: &[Segment], loading: &[Segment]) {
        let (loaded, loading) = (loaded.to_vec(), loading.to_vec());
        self.hear(link, Command::SegmentsAnnouncement { loaded, loading, hello: None });
    }

    fn said(&self, to: LinkId) -> Vec<Command> {
        let said = |output: &Output| match output {
            Output::Say { link, message } if *link == to => match Joiner::default().take(message) {
                Ok(Some(Message::Command(command))) => Some(command),
                _ => None,
            },
            _ => None,
        };
        self.outputs.iter().filter_map(said).collect()
    }

    /// The last request that was made of a neighbour: which segment, its name, from which byte on.
    fn asked(&self, to: LinkId) -> Option<(Segment, u64, u64)> {
        self.said(to).into_iter().rev().find_map(|command| match command {
            Command::SegmentRequest { segment, request, offset } => {
                Some((segment, request, offset))
            }
            _ => None,
        })
    }

    fn hung_up(&self, from: LinkId) -> bool {
        self.outputs.contains(&Output::Disconnect { link: from })
    }
}

fn media(first: u64, count: u64) -> String {
    let hex = "0".repeat(64);
    let segments: String = (first..first + count)
        .map(|no| format!("#EXTINF:4,\n#EXT-X-SHOAL-SEGMENT:BYTES={BYTES},SHA256={hex}\n{no}\n"))
        .collect();
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:";
    format!("{head}{first}\n#EXT-X-MAP:URI=\"init\"\n{segments}")
}

const LINK: LinkId = LinkId(6);

#[test]
fn a_page_starts_so_far_behind_the_edge_and_hurries_for_what_is_urgent_alone() {
    let page = Page::watching(Stock::Pml2, true);
    assert!(page.outputs.contains(&Output::Jump(s(8.0))), "{:?}", page.outputs);
    assert_eq!((page.fetches(102).len(), page.fetches(103).len()), (1, 1), "8 s to 12 s, and 12 s");
    assert!(page.fetches(104).is_empty(), "there is time");
}

#[test]
fn every_announcement_takes_five_offers_along() {
    let mut page = Page::watching(Stock::Pml2, true);
    let offered: Vec<LinkId> = (page.outputs.iter())
        .filter_map(|output| match output {
            Output::Offer { link } => Some(*link),
            _ => None,
        })
        .collect();
    assert_eq!(offered.len(), 5);
    for link in offered {
        page.tell(Input::Offered { link, sdp: "ours".into() });
    }
    let told = page.outputs.iter().filter_map(|output| match output {
        Output::TellTracker(text) if text.contains("offers") => Some(text.matches("ours").count()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [5]);
    assert!(page.info_hash.is_some());
}

#[test]
fn what_is_not_urgent_comes_from_whoever_holds_it() {
    let mut page = Page::watching(Stock::Pml2, true);
    page.hear_announcement(LINK, &[104], &[]);
    let (segment, request, offset) = page.asked(LINK).expect("it asks");
    assert_eq!((segment, offset), (104, 0));
    page.hear(LINK, Command::SegmentData { segment, size: BYTES, request });
    page.tell(Input::Received { link: LINK, bytes: BYTES });
    page.hear(LINK, Command::SegmentDataSendingCompleted { segment, request });
    assert!(page.fetches(104).is_empty());
    let told = page.said(LINK).pop();
    assert!(
        matches!(&told, Some(Command::SegmentsAnnouncement { loaded, .. }) if loaded.contains(&104)),
        "{told:?}"
    );
    assert_eq!(page.peer.stats(Time::at(page.now)).p2p_bytes, BYTES);
}

#[test]
fn what_becomes_urgent_on_the_way_is_taken_from_the_server_from_there_on() {
    let mut page = Page::watching(Stock::Pml2, true);
    (102..104).for_each(|no| page.answer_segment(no));
    page.hear_announcement(LINK, &[104], &[]);
    let (segment, request, _) = page.asked(LINK).expect("it asks");
    page.hear(LINK, Command::SegmentData { segment, size: BYTES, request });
    page.tell(Input::Received { link: LINK, bytes: 200_000 });
    page.now = s(1.0);
    page.play_at(12.5);
    assert!(page.said(LINK).contains(&Command::CancelSegmentRequest { segment, request }));
    let (_, range) = page.fetches(104)[0];
    assert_eq!((range.start, range.length), (200_000, BYTES - 200_000));
    page.answer_segment(104);
    let joined = page.outputs.iter().any(|output| {
        matches!(output, Output::Join { parts, .. } if parts[0].1 == 200_000 && parts[1].1 == BYTES - 200_000)
    });
    assert!(joined, "{:?}", page.outputs);
}

#[test]
fn a_segment_that_lacks_only_the_last_word_is_not_fetched_anew() {
    let mut page = Page::watching(Stock::Pml2, true);
    (102..104).for_each(|no| page.answer_segment(no));
    page.hear_announcement(LINK, &[104], &[]);
    let (segment, request, _) = page.asked(LINK).expect("it asks");
    page.hear(LINK, Command::SegmentData { segment, size: BYTES, request });
    page.tell(Input::Received { link: LINK, bytes: BYTES });
    page.now = s(1.0);
    page.play_at(12.5);
    assert_eq!(page.fetches(104), []);
    page.hear(LINK, Command::SegmentRequest { segment: 104, request: 7, offset: 0 });
    let header = Command::SegmentData { segment: 104, size: BYTES, request: 7 };
    assert!(page.said(LINK).contains(&header), "it gives it");
}

#[test]
fn a_peer_that_is_silent_three_times_is_left() {
    let mut page = Page::watching(Stock::Pml2, true);
    page.hear_announcement(LINK, &[104], &[]);
    for _ in 0..2 {
        page.wait(2.0);
        assert!(!page.hung_up(LINK));
    }
    page.wait(2.1);
    assert!(page.hung_up(LINK));
}

#[test]
fn a_header_of_the_wrong_size_ends_the_connection() {
    let mut page = Page::watching(Stock::Pml2, true);
    // The length of a segment is known from its first part.
    page.hear_announcement(LINK, &[104], &[]);
    let (segment, request, _) = page.asked(LINK).expect("it asks");
    page.hear(LINK, Command::SegmentData { segment, size: BYTES, request });
    page.tell(Input::Received { link: LINK, bytes: 100 });
    page.wait(2.1);
    let (segment, request, offset) = page.asked(LINK).expect("it asks again");
    assert_eq!(offset, 100);
    page.hear(LINK, Command::SegmentData { segment, size: BYTES, request });
    assert!(page.hung_up(LINK));
}

#[test]
fn what_is_asked_for_is_given_in_turn_and_whoever_asks_anew_gets_only_that() {
    let mut page = Page::watching(Stock::Pml2, true);
    (102..104).for_each(|no| page.answer_segment(no));
    page.hear(LINK, Command::SegmentRequest { segment: 102, request: 7, offset: 0 });
    page.hear(LINK, Command::SegmentRequest { segment: 103, request: 8, offset: BYTES - 200_000 });
    page.tell(Input::Drained { link: LINK });
    page.tell(Input::Drained { link: LINK });
    let given: u64 = (page.outputs.iter())
        .filter_map(|output| match output {
            Output::Give { start, bytes, .. } if *start > 0 => Some(*bytes),
            _ => None,
        })
        .sum();
    assert_eq!(given, 200_000);
    let completed =
        |name| Command::SegmentDataSendingCompleted { segment: 95 + name, request: name };
    assert!(page.said(LINK).contains(&completed(8)) && !page.said(LINK).contains(&completed(7)));
    page.hear(LINK, Command::SegmentRequest { segment: 104, request: 9, offset: 0 });
    assert_eq!(page.said(LINK).pop(), Some(Command::SegmentAbsent { segment: 104, request: 9 }));
    let before = page.said(LINK).len();
    page.hear(LINK, Command::SegmentRequest { segment: 200, request: 10, offset: 0 });
    assert_eq!(page.said(LINK).len(), before, "of what the playlist lacks nothing is said");
}

#[test]
fn who_does_not_give_says_so_only_when_asked() {
    let mut page = Page::watching(Stock::Pml2, false);
    page.answer_segment(102);
    assert_eq!(page.said(LINK), []);
    page.hear(LINK, Command::SegmentRequest { segment: 102, request: 7, offset: 0 });
    assert_eq!(page.said(LINK), [Command::SegmentAbsent { segment: 102, request: 7 }]);
}

#[test]
fn the_timer_of_version_2_passes_over_what_somebody_has() {
    let mut page = Page::watching(Stock::Pml2, true);
    page.hear_announcement(LINK, &[], &[104]);
    page.wait(30.0);
    assert!(page.fetches(104).is_empty(), "a neighbour is fetching it");
    page.hear_announcement(LINK, &[], &[]);
    (102..104).for_each(|no| page.answer_segment(no));
    page.wait(30.0);
    assert!(!page.fetches(104).is_empty());
}

#[test]
fn in_version_5_one_of_two_neighbours_fetches_at_once() {
    let peer = |no| PeerId::from_random([no; 12]);
    for no in 2..42 {
        let mut page = Page::watching(Stock::Pml5, true);
        (102..104).for_each(|no| page.answer_segment(no));
        page.tell(Input::Disconnected { link: LINK });
        page.meet(no);
        page.wait(2.0);
        let is_owner = score(page.peer.peer_id, 104) < score(peer(no), 104);
        assert_eq!(!page.fetches(104).is_empty(), is_owner, "beside {no}");
    }
}

#[test]
fn segments_are_appended_as_they_are_and_again_after_one_that_does_not_decode() {
    let mut page = Page::watching(Stock::Pml2, true);
    let init = page.outputs.iter().find_map(|output| match output {
        Output::Fetch { request, uri, .. } if **uri == *"init" => Some(*request),
        _ => None,
    });
    let (request, url) = (init.expect("it asks"), "https://a/init".to_owned());
    page.tell(Input::Fetched { request, url, body: Body::Held(900), took: s(0.1) });
    page.tell(Input::Updated);
    page.answer_segment(102);
    let appends = |page: &Page| {
        let is_it = |output: &&Output| matches!(output, Output::Append { content: Content::Segment(start), .. } if *start == s(8.0));
        page.outputs.iter().filter(is_it).count()
    };
    assert_eq!(appends(&page), 1);
    page.tell(Input::Undecodable);
    page.tell(Input::Prepared);
    page.tell(Input::Updated);
    assert_eq!(page.fetches(102).len(), 2, "it is fetched anew");
    page.answer_segment(102);
    assert_eq!(appends(&page), 2);
}

/// Two minutes of a live stream before so many stock pages, of which the first may be malicious.
fn watch(policy: Stock, viewers: u64, malice: Option<Malice>) -> World {
    let mut world = World::new(Origin::live(&[1_000_000], s(4.0), 15), Vec::new());
    world.run_until(s(100.0));
    for seed in 0..viewers {
        let config =
            StockConfig { seed, high_demand: s(4.0), live_delay: Some(s(24.0)), uploads: true };
        let agent = Box::new(StockPeer::new(policy, config));
        let quota = Quota(150 << 20);
        let mut viewer = Viewer::with(agent, Line::steady(20_000_000), quota, Duration::ZERO);
        viewer.play();
        viewer.intend(Input::Permitted(Sharing::Full));
        viewer.malice = malice.filter(|_| seed == 0);
        viewer.keeps_trace = true;
        world.join(viewer);
        world.run_until(world.now + s(0.7));
    }
    world.run_until(s(220.0));
    world
}

#[track_caller]
fn check_shares(policy: Stock) {
    let world = watch(policy, 4, None);
    for viewer in &world.viewers {
        assert_eq!((viewer.stalls, viewer.wrong_appended, viewer.lost.len()), (0, 0, 0));
        assert!(viewer.played() > s(110.0), "{:?}", viewer.played());
    }
    let sum = |of: fn(&swarm::Stats) -> u64| {
        world.viewers.iter().map(|viewer| of(&viewer.stats())).sum::<u64>() as f64
    };
    let p2p = sum(|stats| stats.p2p_bytes);
    let share = p2p / (p2p + sum(|stats| stats.http_bytes));
    assert!(share > 0.5, "{policy:?}: {share}");
    assert!((sum(|stats| stats.uploaded_bytes) / p2p - 1.0).abs() < 0.1);
}

#[test]
fn stock_pages_bring_each_other_most_of_what_they_watch() {
    check_shares(Stock::Pml2);
    check_shares(Stock::Pml5);
}

#[test]
fn a_liar_makes_stock_pages_play_wrong_bytes() {
    let world = watch(Stock::Pml5, 4, Some(Malice::Lies));
    let wrong: usize = world.viewers.iter().map(|viewer| viewer.wrong_appended).sum();
    assert!(wrong > 0);
}

#[test]
fn a_video_is_watched_to_its_end() {
    let mut world = World::new(Origin::new(&[1_000_000], 15), Vec::new());
    for seed in 0..3 {
        let config = StockConfig { seed, high_demand: s(15.0), live_delay: None, uploads: true };
        let agent = Box::new(StockPeer::new(Stock::Pml2, config));
        let quota = Quota(150 << 20);
        let mut viewer = Viewer::with(agent, Line::steady(20_000_000), quota, Duration::ZERO);
        viewer.play();
        viewer.intend(Input::Permitted(Sharing::Full));
        world.join(viewer);
        world.run_until(world.now + s(8.0));
    }
    world.run_until(s(90.0));
    for viewer in &world.viewers {
        assert!(viewer.is_ended(), "{:?}", viewer.position());
        assert_eq!((viewer.stalls, viewer.lost.len()), (0, 0));
    }
    assert!(world.viewers[2].stats().p2p_bytes > 0);
}
