//! One viewer of a live stream, whose server is written here: when it looks for more, where it starts, and when it ends.

use std::time::Duration;

use swarm::{Body, Config, Engine, Failure, Input, Output, RequestId, Span, Time};

const SEGMENT_BYTES: u64 = 90_000;

/// A media playlist with the segments `first` to `end`.
fn playlist(first: u64, end: u64, tail: &str) -> String {
    let digest = "01".repeat(32);
    let segment = |no: u64| {
        format!(
            "#EXTINF:4,\n#EXT-X-SHOAL-SEGMENT:BYTES={SEGMENT_BYTES},SHA256={digest}\n{no}.m4s\n"
        )
    };
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"init.mp4\"\n";
    let segments: String = (first..end).map(segment).collect();
    format!("{head}#EXT-X-MEDIA-SEQUENCE:{first}\n{segments}{tail}")
}

/// A viewer, and what it wants since it was asked last.
struct Stage {
    engine: Engine,
    now: Duration,
    wanted: Vec<Output>,
    /// What the media element holds.
    held: Span,
}

impl Stage {
    /// A viewer who has opened a stream that lists `first` to `end`, and plays.
    fn playing(first: u64, end: u64) -> Stage {
        let engine = Engine::new(Config { seed: 1, ..Config::default() });
        let held = Span { start: Duration::ZERO, end: Duration::ZERO };
        let mut stage = Stage { engine, now: Duration::ZERO, wanted: Vec::new(), held };
        stage.tell(Input::Opened { url: "http://a/m.m3u8".to_owned(), position: Duration::ZERO });
        stage.answer("m.m3u8", Body::Text(playlist(first, end, "")));
        stage.answer("init.mp4", Body::Held(9));
        stage.tell(Input::Prepared);
        stage.tell(Input::Started);
        stage
    }

    fn tell(&mut self, input: Input) {
        self.now += Duration::from_millis(1);
        self.engine.handle(Time::at(self.now), input);
        self.wanted.extend(std::iter::from_fn(|| self.engine.poll()));
    }

    /// The request for this address that nobody has answered.
    fn asked(&mut self, name: &str) -> Option<RequestId> {
        let is_it =
            |output: &Output| matches!(output, Output::Fetch { uri, .. } if uri.ends_with(name));
        let at = self.wanted.iter().position(is_it)?;
        match self.wanted.remove(at) {
            Output::Fetch { request, .. } => Some(request),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn answer(&mut self, name: &str, body: Body) {
        let request = self.asked(name).unwrap_or_else(|| panic!("{name} isn't asked for"));
        let (url, took) = (format!("http://a/{name}"), Duration::from_millis(50));
        self.tell(Input::Fetched { request, url, body, took });
    }

    /// Sleeps as the engine wants, but not past `moment`.
    fn sleep_until(&mut self, moment: Duration) {
        while self.now < moment {
            let deadline = self.engine.next_deadline().map(|deadline| deadline.at);
            let wait = deadline.map_or(moment, |at| at.since(Time::default())).min(moment);
            self.now = self.now.max(wait);
            self.tell(Input::Woken);
        }
    }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn playback_starts_three_segments_before_the_end() {
    let mut stage = Stage::playing(100, 106);
    assert!(stage.wanted.contains(&Output::Jump(s(12))));
    assert!(
        stage.wanted.iter().any(|output| matches!(output, Output::Prepare { duration: None, .. }))
    );
    assert!(stage.asked("103.m4s").is_some() && stage.asked("102.m4s").is_none());
    assert_eq!(stage.engine.stats(Time::at(stage.now)).live_delay, Some(s(12)));
}

#[test]
fn the_playlist_is_asked_for_after_a_segment_and_sooner_when_nothing_new_came() {
    let mut stage = Stage::playing(100, 106);
    stage.sleep_until(Duration::from_millis(3_900));
    assert!(stage.asked("m.m3u8").is_none());
    stage.sleep_until(Duration::from_millis(4_100));
    stage.answer("m.m3u8", Body::Text(playlist(100, 106, "")));
    stage.sleep_until(Duration::from_millis(5_900));
    assert!(stage.asked("m.m3u8").is_none());
    stage.sleep_until(Duration::from_millis(6_200));
    stage.answer("m.m3u8", Body::Text(playlist(101, 107, "")));
    stage.sleep_until(Duration::from_millis(9_900));
    assert!(stage.asked("m.m3u8").is_none());
}

#[test]
fn a_stream_that_is_over_is_played_to_its_end() {
    let mut stage = Stage::playing(100, 104);
    stage.sleep_until(s(4) + Duration::from_millis(100));
    stage.answer("m.m3u8", Body::Text(playlist(100, 104, "#EXT-X-ENDLIST\n")));
    for no in 101..104 {
        stage.answer(&format!("{no}.m4s"), Body::Held(SEGMENT_BYTES));
        stage.tell(Input::Updated);
        stage.tell(Input::Updated);
        stage.held = Span { start: s(4), end: s((no - 99) * 4) };
        let buffered = vec![stage.held];
        stage.tell(Input::Played { position: s(4), buffered, is_starved: false, speed: 1.0 });
    }
    assert!(stage.wanted.contains(&Output::Finish));
    stage.sleep_until(s(60));
    assert!(stage.asked("m.m3u8").is_none(), "nothing more is to come");
}

#[test]
fn a_playlist_that_fails_or_is_garbage_for_a_while_does_not_end_the_stream() {
    let mut stage = Stage::playing(100, 106);
    stage.sleep_until(s(5));
    let request = stage.asked("m.m3u8").unwrap();
    stage.tell(Input::Failed { request, failure: Failure::Unreachable });
    stage.sleep_until(s(7));
    stage.answer("m.m3u8", Body::Text("<html>".to_owned()));
    stage.sleep_until(s(10));
    stage.answer("m.m3u8", Body::Text(playlist(103, 109, "")));
    assert_eq!(stage.engine.stats(Time::at(stage.now)).live_delay, Some(s(24)));
}

#[test]
fn who_falls_behind_what_is_kept_goes_on_near_the_end() {
    let mut stage = Stage::playing(100, 106);
    stage.sleep_until(s(5));
    stage.answer("m.m3u8", Body::Text(playlist(400, 406, "")));
    let target = s(300 * 4 + 3 * 4);
    assert!(stage.wanted.contains(&Output::Jump(target)), "{:?}", stage.wanted);
}

#[test]
fn a_stream_goes_on_however_long_its_server_could_not_be_reached() {
    let mut stage = Stage::playing(100, 106);
    while stage.now < s(60) {
        stage.sleep_until(stage.now + Duration::from_millis(250));
        if let Some(request) = stage.asked("m.m3u8") {
            stage.tell(Input::Failed { request, failure: Failure::Unreachable });
        }
    }
    stage.sleep_until(s(75));
    stage.answer("m.m3u8", Body::Text(playlist(103, 109, "")));
    assert!(stage.engine.stats(Time::at(stage.now)).live_delay.is_some());
}

#[test]
fn a_stream_whose_playlist_is_gone_is_over() {
    let mut stage = Stage::playing(100, 106);
    while stage.now < s(60) {
        stage.sleep_until(stage.now + Duration::from_millis(250));
        if let Some(request) = stage.asked("m.m3u8") {
            let failure = Failure::Status { code: 404, retry_after: None };
            stage.tell(Input::Failed { request, failure });
        }
    }
    assert_eq!(stage.engine.stats(Time::at(stage.now)).live_delay, None);
}
