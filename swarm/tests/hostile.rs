//! A driver or a server gone mad: no order of inputs makes the engine panic, and nothing in it grows without a bound.

use std::time::Duration;

use proptest::prelude::*;
use swarm::{Body, Config, Engine, Failure, Input, Output, Quality, RequestId, Span, Time};

const MASTER: &str = "#EXTM3U\n\
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

fn input() -> impl Strategy<Value = Input> {
    let request = (0..12u64).prop_map(RequestId);
    let text = prop_oneof![
        Just(MASTER.to_owned()),
        Just(MEDIA.to_owned()),
        Just("#EXTM3U".to_owned()),
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_order_of_inputs_panics_or_floods(inputs in proptest::collection::vec((0..9_000u64, input()), 0..60)) {
        let mut engine = Engine::new(Config { seed: 1, estimate_bps: None, supports: |_| true });
        let mut now = Duration::ZERO;
        for (wait, input) in inputs {
            now += Duration::from_millis(wait);
            engine.handle(Time::at(now), input);
            let outputs: Vec<Output> = std::iter::from_fn(|| engine.poll()).collect();
            prop_assert!(outputs.len() < 64, "{} outputs to one input", outputs.len());
            let fetches = outputs.iter().filter(|output| matches!(output, Output::Fetch { .. })).count();
            prop_assert!(fetches <= 4, "{fetches} requests at once");
            engine.next_deadline();
            engine.stats(Time::at(now));
        }
    }
}
