//! A viewer of a video in two renditions, whose server stops answering at some point: what is given up, and how often.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use swarm::{
    Body, Config, End, Engine, Failure, Heard, Input, LinkId, Output, Quality, RequestId, Sharing,
    Span, Time,
};
use wire::announce::{OfferId, Request};
use wire::digest::SegmentDigests;
use wire::peer::PeerId;
use wire::playlist::ByteRange;

const MASTER: &str = "#EXTM3U\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"d.json\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\na.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=400000,RESOLUTION=640x360,CODECS=\"avc1.64001e\"\nb.m3u8\n";
const SDP: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
const INIT_BYTES: u64 = 9;
const SEGMENT_BYTES: u64 = 90_000;
const SEGMENTS: u64 = 10;

/// The viewer, with a driver and a tracker that do what they should, and a server that answers some requests.
struct Stage {
    engine: Engine,
    now: Time,
    /// What the server still answers, of media: that many requests.
    answers: usize,
    /// The lower rendition's playlist can't be had.
    lacks_low: bool,
    done: Vec<Output>,
}

impl Stage {
    /// It has pressed play and permitted to share.
    fn playing(answers: usize) -> Stage {
        let engine = Engine::new(Config { seed: 1, ..Config::default() });
        let (now, lacks_low, done) = (Time::default(), false, Vec::new());
        let mut stage = Stage { engine, now, answers, lacks_low, done };
        stage.tell(Input::Permitted(Sharing::Full));
        stage.tell(Input::Started);
        stage.tell(Input::Opened { url: "http://a/m.m3u8".to_owned(), position: Duration::ZERO });
        stage
    }

    /// Hands in an input, and all that follows at once.
    fn tell(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.now = self.now + Duration::from_millis(1);
            self.engine.handle(self.now, input);
            while let Some(output) = self.engine.poll() {
                inputs.extend(self.answer(&output));
                self.done.push(output);
            }
        }
    }

    fn answer(&mut self, output: &Output) -> Option<Input> {
        let (url, took) = ("http://a/m.m3u8".to_owned(), Duration::from_millis(20));
        let (sdp, body) = (SDP.to_owned(), |text: &str| Body::Text(text.to_owned()));
        Some(match output {
            Output::Fetch { request, range: Some(range), .. } => {
                self.answers = self.answers.checked_sub(1)?;
                Input::Fetched { request: *request, url, body: Body::Held(range.length), took }
            }
            Output::Fetch { request, uri, .. } if self.lacks_low && uri.ends_with("a.m3u8") => {
                Input::Failed { request: *request, failure: Failure::Unreachable }
            }
            Output::Fetch { request, uri, .. } => {
                let body = match uri.rsplit('/').next() {
                    Some("m.m3u8") => body(MASTER),
                    Some("d.json") => body(&digests().to_json()),
                    _ => body(&media()),
                };
                Input::Fetched { request: *request, url, body, took }
            }
            Output::Prepare { .. } => Input::Prepared,
            Output::Append { .. } | Output::Evict(_) => Input::Updated,
            Output::Check { request, bytes, .. } => {
                Input::Checked { request: *request, bytes: bytes.clone(), digest: [1; 32] }
            }
            Output::OpenTracker => Input::TrackerOpened,
            Output::Answer { link, .. } => Input::Answered { link: *link, sdp },
            _ => return None,
        })
    }

    /// Wakes the engine as it wants to be, for so long.
    fn sleep(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.engine.next_deadline().filter(|next| next.at < until) {
            self.now = deadline.at;
            self.tell(Input::Woken);
        }
        self.now = until;
    }

    fn cancelled(&self) -> Vec<RequestId> {
        let cancelled = self.done.iter().filter_map(|output| match output {
            Output::Cancel(request) => Some(*request),
            _ => None,
        });
        cancelled.collect()
    }

    /// Somebody's offer in the swarm that was announced last, and the connection that comes of it.
    fn meet(&mut self) -> LinkId {
        let announced = self.done.iter().rev().find_map(|output| match output {
            Output::TellTracker(text) => {
                match Request::read(text).expect("the engine writes what can be read") {
                    Request::Announce(announce) => Some(announce.info_hash),
                    _ => None,
                }
            }
            _ => None,
        });
        let (info_hash, offer_id) = (announced.expect("a swarm was announced"), OfferId([7; 20]));
        let end = End { info_hash, peer_id: PeerId([7; 20]), offer_id, sdp: SDP.to_owned() };
        self.tell(Input::TrackerSaid(Heard::Offer(end)));
        let link = self.done.iter().rev().find_map(|output| match output {
            Output::Answer { link, .. } => Some(*link),
            _ => None,
        });
        self.tell(Input::Connected { link: link.expect("the offer was taken") });
        link.expect("the offer was taken")
    }
}

fn range(no: u64) -> ByteRange {
    ByteRange { start: INIT_BYTES + no * SEGMENT_BYTES, length: SEGMENT_BYTES }
}

fn media() -> String {
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"m.mp4\",BYTERANGE=\"9@0\"\n";
    let segment = |no: u64| {
        format!("#EXTINF:4,\n#EXT-X-BYTERANGE:{SEGMENT_BYTES}@{}\nm.mp4\n", range(no).start)
    };
    format!("{head}{}#EXT-X-ENDLIST\n", (0..SEGMENTS).map(segment).collect::<String>())
}

fn digests() -> SegmentDigests {
    let mut digests = SegmentDigests::default();
    (0..SEGMENTS).for_each(|no| digests.insert("m.mp4", range(no), [1; 32]));
    digests
}

#[test]
fn requests_that_fell_silent_while_the_page_slept_are_each_cancelled_once() {
    let mut stage = Stage::playing(3);
    for _ in 0..40 {
        stage.now = stage.now + Duration::from_secs(15);
        stage.tell(Input::Woken);
    }
    let cancelled = stage.cancelled();
    let once: BTreeSet<_> = cancelled.iter().collect();
    assert_eq!(once.len(), cancelled.len(), "{cancelled:?}");
}

#[test]
fn a_silent_server_is_given_time_while_there_is_enough_to_play() {
    // The initialisation section and four segments of the higher rendition.
    let mut stage = Stage::playing(5);
    let buffered = vec![Span { start: Duration::ZERO, end: Duration::from_secs(16) }];
    stage.tell(Input::Played { position: Duration::ZERO, buffered, is_starved: false, speed: 1.0 });
    let before = stage.cancelled().len();
    stage.sleep(Duration::from_secs(5));
    assert_eq!(stage.cancelled().len(), before, "it has not been silent for long");
}

#[test]
fn a_slow_server_is_given_time_where_the_lower_rendition_cannot_be_had() {
    // The initialisation section and a segment of the higher rendition.
    let mut stage = Stage::playing(2);
    stage.lacks_low = true;
    let buffered = vec![Span { start: Duration::ZERO, end: Duration::from_secs(4) }];
    let position = Duration::from_millis(3_900);
    stage.tell(Input::Played { position, buffered, is_starved: true, speed: 1.0 });
    stage.sleep(Duration::from_secs(5));
    let before = stage.cancelled().len();
    stage.sleep(Duration::from_secs(8));
    assert!(
        stage.cancelled().len() <= before + 1,
        "a request is given {:?}",
        swarm::limits::PATIENCE
    );
}

#[test]
fn a_viewer_who_wants_no_others_any_more_leaves_those_of_every_rendition() {
    let mut stage = Stage::playing(usize::MAX);
    let link = stage.meet();
    stage.tell(Input::Chosen(Quality::Fixed(0)));
    stage.tell(Input::TrackerClosed);
    stage.tell(Input::Permitted(Sharing::Off));
    assert!(stage.done.contains(&Output::Disconnect { link }));
}
