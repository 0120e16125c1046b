//! A driver or a server gone mad: no order of inputs makes the engine panic, and nothing in it grows without a bound.

use std::time::Duration;

use proptest::prelude::*;
use swarm::{
    Body, Config, End, Engine, Failure, Heard, Input, LinkId, Output, Quality, RequestId, Sharing,
    Span, Time,
};
use wire::announce::{OfferId, Request};
use wire::identity::InfoHash;
use wire::peer::{Command, MESSAGE_BYTES, PeerId};

const DIGESTS: &str = "{\"m.mp4\":{\"9-90008\":\"0101010101010101010101010101010101010101010101010101010101010101\"}}";

const MASTER: &str = "#EXTM3U\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.segments-sha256\",URI=\"d.json\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=426x240,CODECS=\"avc1.640015\"\na.m3u8\n\
    #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=854x480,CODECS=\"avc1.64001f\"\nb.m3u8\n";

const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"m.mp4\",BYTERANGE=\"9@0\"\n\
    #EXTINF:4,\n#EXT-X-BYTERANGE:90000@9\nm.mp4\n#EXTINF:4,\n#EXT-X-BYTERANGE:90000\nm.mp4\n\
    #EXTINF:0,\n#EXT-X-BYTERANGE:1\nm.mp4\n#EXT-X-ENDLIST\n";

fn moment() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..12_000u64).prop_map(Duration::from_millis),
        Just(Duration::MAX),
        Just(Duration::ZERO)
    ]
}

/// What comes from other viewers and the tracker, or seems to.
fn input_of_others() -> impl Strategy<Value = Input> {
    let link = (0..6u64).prop_map(LinkId);
    let sdp = prop_oneof![Just("v=0\r\n".to_owned()), ".{0,20}"];
    let ids = (any::<[u8; 20]>(), any::<[u8; 20]>(), (0..3u8).prop_map(|id| [id; 20]));
    let heard = prop_oneof![
        (Just(HASH), any::<usize>(), moment()).prop_map(|(info_hash, members, interval)| {
            Heard::Counted { info_hash, members, interval }
        }),
        (ids.clone(), sdp.clone(), any::<bool>()).prop_map(
            |((_, offer_id, peer_id), sdp, is_offer)| {
                let (info_hash, peer_id, offer_id) = (HASH, PeerId(peer_id), OfferId(offer_id));
                match is_offer {
                    true => Heard::Offer(End { info_hash, peer_id, offer_id, sdp }),
                    false => Heard::Answer(End { info_hash, peer_id, offer_id, sdp }),
                }
            }
        ),
        Just(Heard::Refused),
    ];
    let number = prop_oneof![0..4u64, any::<u64>()];
    let command = prop_oneof![
        proptest::collection::vec(number.clone(), 0..6).prop_map(|loaded| {
            Command::SegmentsAnnouncement { loaded, loading: vec![1], hello: None }
        }),
        (0..4u64, number.clone(), number.clone()).prop_map(|(segment, request, offset)| {
            Command::SegmentRequest { segment, request, offset }
        }),
        (0..4u64, number.clone(), 0..1000u64)
            .prop_map(|(segment, size, request)| Command::SegmentData { segment, size, request }),
        (0..4u64, 0..1000u64)
            .prop_map(|(segment, request)| Command::SegmentAbsent { segment, request }),
    ];
    let message = prop_oneof![
        3 => command.prop_map(|command| command.encode(MESSAGE_BYTES).remove(0)),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
    ];
    prop_oneof![
        2 => prop_oneof![Just(Sharing::Off), Just(Sharing::Receive), Just(Sharing::Full)].prop_map(Input::Permitted),
        2 => Just(Input::TrackerOpened),
        1 => Just(Input::TrackerClosed),
        4 => heard.prop_map(Input::TrackerSaid),
        3 => (link.clone(), sdp.clone()).prop_map(|(link, sdp)| Input::Offered { link, sdp }),
        3 => (link.clone(), sdp).prop_map(|(link, sdp)| Input::Answered { link, sdp }),
        4 => link.clone().prop_map(|link| Input::Connected { link }),
        1 => link.clone().prop_map(|link| Input::Disconnected { link }),
        8 => (link.clone(), message).prop_map(|(link, message)| Input::Said { link, message }),
        4 => (link.clone(), prop_oneof![Just(45_000u64), any::<u64>()])
            .prop_map(|(link, bytes)| Input::Received { link, bytes }),
        2 => link.prop_map(|link| Input::Drained { link }),
        4 => ((0..24u64).prop_map(RequestId), prop_oneof![Just([1; 32]), any::<[u8; 32]>()])
            .prop_map(|(request, sha256)| Input::Checked { request, sha256 }),
        1 => Just(Input::Unreflected),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let request = (0..24u64).prop_map(RequestId);
    let text = prop_oneof![
        Just(MASTER.to_owned()),
        Just(MEDIA.to_owned()),
        Just("#EXTM3U".to_owned()),
        Just(DIGESTS.to_owned()),
        ".{0,20}"
    ];
    let body = prop_oneof![
        text.prop_map(Body::Text),
        any::<u64>().prop_map(Body::Held),
        Just(Body::Held(90_000))
    ];
    let failure = prop_oneof![
        Just(Failure::Unreachable),
        Just(Failure::Wrong),
        (any::<u16>(), proptest::option::of(moment()))
            .prop_map(|(code, retry_after)| Failure::Status { code, retry_after }),
    ];
    let span = (moment(), moment()).prop_map(|(start, end)| Span { start, end });
    prop_oneof![
        2 => moment().prop_map(|position| Input::Opened { url: "http://a/m.m3u8".to_owned(), position }),
        1 => Just(Input::Started),
        1 => (request.clone(), any::<u64>()).prop_map(|(request, bytes)| Input::Progressed { request, bytes }),
        8 => (request.clone(), body, moment()).prop_map(|(request, body, took)| Input::Fetched {
            request, url: "http://a/m.m3u8".to_owned(), body, took
        }),
        2 => (request, failure).prop_map(|(request, failure)| Input::Failed { request, failure }),
        2 => Just(Input::Prepared),
        4 => Just(Input::Updated),
        1 => Just(Input::Overfull),
        1 => Just(Input::Undecodable),
        2 => (moment(), proptest::collection::vec(span, 0..4), any::<bool>())
            .prop_map(|(position, buffered, is_starved)| Input::Played { position, buffered, is_starved }),
        1 => moment().prop_map(|position| Input::Seeked { position }),
        1 => prop_oneof![Just(Quality::Auto), any::<usize>().prop_map(Quality::Fixed), Just(Quality::Fixed(1))]
            .prop_map(Input::Chosen),
        1 => Just(Input::Woken),
    ]
}

/// What a world without malice answers: viewers of the next test begin connected to two peers.
fn obliging(output: &Output) -> Option<Input> {
    let url = "http://a/m.m3u8".to_owned();
    match output {
        Output::Fetch { request, uri, range, .. } => {
            let body = match (uri.as_ref(), range) {
                (_, Some(range)) => Body::Held(range.length),
                ("d.json", _) => Body::Text(DIGESTS.to_owned()),
                (uri, _) if uri.ends_with("m.m3u8") => Body::Text(MASTER.to_owned()),
                _ => Body::Text(MEDIA.to_owned()),
            };
            Some(Input::Fetched { request: *request, url, body, took: Duration::from_millis(9) })
        }
        Output::Prepare { .. } => Some(Input::Prepared),
        Output::Append { .. } | Output::Evict(_) => Some(Input::Updated),
        Output::Check(request) => Some(Input::Checked { request: *request, sha256: [1; 32] }),
        Output::OpenTracker => Some(Input::TrackerOpened),
        Output::TellTracker(text) => {
            match Request::read(text).expect("the engine writes what can be read") {
                Request::Announce(announce) => {
                    Some(Input::TrackerSaid(match announce.offers.first() {
                        Some(offer) => Heard::Answer(End {
                            info_hash: announce.info_hash,
                            peer_id: PeerId([1; 20]),
                            offer_id: offer.offer_id,
                            sdp: String::new(),
                        }),
                        None => Heard::Counted {
                            info_hash: announce.info_hash,
                            members: 3,
                            interval: Duration::from_secs(60),
                        },
                    }))
                }
                _ => None,
            }
        }
        Output::Offer { link } => Some(Input::Offered { link: *link, sdp: String::new() }),
        Output::Answer { link, .. } => Some(Input::Answered { link: *link, sdp: String::new() }),
        Output::Accept { link, .. } => Some(Input::Connected { link: *link }),
        _ => None,
    }
}

/// A viewer in the middle of a video, and its swarm.
fn connected() -> (Engine, Duration, InfoHash) {
    let mut engine = Engine::new(Config { seed: 1, ..Config::default() });
    let (mut now, mut hash) = (Duration::ZERO, HASH);
    let opened = Input::Opened { url: "http://a/m.m3u8".to_owned(), position: Duration::ZERO };
    let mut inputs =
        std::collections::VecDeque::from([Input::Permitted(Sharing::Full), opened, Input::Started]);
    while let Some(input) = inputs.pop_front() {
        now += Duration::from_millis(1);
        engine.handle(Time::at(now), input);
        let outputs: Vec<Output> = std::iter::from_fn(|| engine.poll()).collect();
        hash = outputs.iter().find_map(swarm_of).unwrap_or(hash);
        inputs.extend(outputs.iter().filter_map(obliging));
    }
    assert_eq!(engine.stats(Time::at(now)).peers, 1, "the test begins in the middle");
    (engine, now, hash)
}

/// The swarm that the engine told the tracker of.
fn swarm_of(output: &Output) -> Option<InfoHash> {
    let Output::TellTracker(text) = output else { return None };
    match Request::read(text).expect("the engine writes what can be read") {
        Request::Announce(announce) => Some(announce.info_hash),
        _ => None,
    }
}

/// The same word of the tracker about that swarm.
fn in_swarm(hash: InfoHash, mut input: Input) -> Input {
    if let Input::TrackerSaid(
        Heard::Counted { info_hash, .. }
        | Heard::Offer(End { info_hash, .. })
        | Heard::Answer(End { info_hash, .. }),
    ) = &mut input
    {
        *info_hash = hash;
    }
    input
}

const HASH: InfoHash = InfoHash([0; 20]);

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_order_of_inputs_panics_or_floods(
        is_begun: bool,
        inputs in proptest::collection::vec((0..9_000u64, prop_oneof![input(), input_of_others()]), 0..90),
    ) {
        let (mut engine, mut now, mut hash) = match is_begun {
            true => connected(),
            false => (Engine::new(Config { seed: 1, ..Config::default() }), Duration::ZERO, HASH),
        };
        for (wait, input) in inputs {
            now += Duration::from_millis(wait);
            let input = in_swarm(hash, input);
            engine.handle(Time::at(now), input);
            let outputs: Vec<Output> = std::iter::from_fn(|| engine.poll()).collect();
            prop_assert!(outputs.len() < 64, "{} outputs to one input", outputs.len());
            let fetches = outputs.iter().filter(|output| matches!(output, Output::Fetch { .. })).count();
            prop_assert!(fetches <= 5, "{fetches} requests at once");
            hash = outputs.iter().find_map(swarm_of).unwrap_or(hash);
            engine.next_deadline();
            engine.stats(Time::at(now));
        }
    }
}
