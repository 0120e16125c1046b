//! Mirrors: asked only for what a verified list tells of, spread by what they give, and left when they fail or lie.

use std::time::Duration;

use swarm::{Body, Config, Content, Failure, Input, Output, RequestId, Sharing, Time};
use wire::pieces::PIECE;
use wire::playlist::ByteRange;

use crate::stage::{LONG_BYTES, SEGMENTS, Stage, long_media, piece, signed, signed_master, window};

pub(crate) const MIRROR: &str = "https://mirror.example/v/";

/// A viewer who shares nothing and has seen the first segment of a video, with one mirror, whose list is here.
fn listed() -> Stage {
    listed_at(10_000)
}

/// The same, whose own host has sent so many kilobytes a second.
pub(crate) fn listed_at(kbytes: u64) -> Stage {
    let mut stage = unlisted_at(kbytes);
    let list = signed(&window(0, SEGMENTS, LONG_BYTES));
    let request = stage.wanted.iter().find_map(|output| match output {
        Output::Fetch { request, base, uri, .. } if uri.ends_with(".pieces") => {
            assert!(base.starts_with("http://a/"), "lists come from the video's own host");
            Some(*request)
        }
        _ => None,
    });
    let (url, took) = ("http://a/a.pieces".to_owned(), Duration::from_millis(20));
    let request = request.expect("a list is asked for");
    stage.tell(Input::Fetched { request, url, body: Body::List(list), took });
    stage.verify();
    stage
}

fn unlisted() -> Stage {
    unlisted_at(10_000)
}

fn unlisted_at(kbytes: u64) -> Stage {
    let config = Config { seed: 1, mirrors: vec![MIRROR.to_owned()], ..Config::default() };
    let mut stage = Stage::with_config(config);
    stage.tell(Input::Permitted(Sharing::Off));
    stage.begin(&signed_master(), &long_media());
    stage.fetched("0-8", Body::Held(9));
    let mut at = 0;
    // The head, and the rest of the first segment.
    while let Some((request, _, range)) = fetch(&stage, &mut at).filter(|_| at < 9) {
        send(&mut stage, request, range.length, range.length / kbytes);
        stage.tell(Input::Updated);
    }
    stage.tell(Input::Updated);
    stage
}

/// The next request for media from a place in what is wanted on.
pub(crate) fn fetch(stage: &Stage, at: &mut usize) -> Option<(RequestId, String, ByteRange)> {
    while let Some(output) = stage.wanted.get(*at) {
        *at += 1;
        if let Output::Fetch { request, base, uri, range: Some(range), .. } = output
            && uri.ends_with(".mp4")
            && range.start > 0
        {
            return Some((*request, base.to_string(), *range));
        }
    }
    None
}

fn send(stage: &mut Stage, request: RequestId, bytes: u64, millis: u64) {
    let (url, took) = ("http://x/m.mp4".to_owned(), Duration::from_millis(millis));
    stage.tell(Input::Fetched { request, url, body: Body::Held(bytes), took });
}

/// Where the following segments are asked for. The mirror sends each stretch within so long, the own host within 400 ms, and right.
fn bases(stage: &mut Stage, mirror_millis: u64) -> Vec<String> {
    let (mut at, mut bases) = (0, Vec::new());
    while let Some((request, base, range)) = fetch(stage, &mut at) {
        let is_mirror = base == MIRROR;
        send(stage, request, range.length, if is_mirror { mirror_millis } else { 400 });
        stage.check_by_place(|at| piece_at(range.start + at));
        stage.tell(Input::Updated);
        let played = Duration::from_secs(4 * bases.len() as u64);
        stage.plays(played);
        bases.push(base);
    }
    bases
}

/// What the piece at this byte of the file has to be.
pub(crate) fn piece_at(byte: u64) -> [u8; 32] {
    let (no, within) = ((byte - 9) / LONG_BYTES, (byte - 9) % LONG_BYTES);
    piece(no as usize, within < PIECE)
}

#[test]
fn a_mirror_is_asked_for_nothing_before_a_list_says_what_it_should_send() {
    let stage = unlisted();
    let mut at = 0;
    while let Some((_, base, _)) = fetch(&stage, &mut at) {
        assert!(base.starts_with("http://a/"), "{base}");
    }
}

#[test]
fn a_fast_mirror_takes_much_of_the_load_and_a_slow_one_little() {
    let share = |millis| {
        let mut stage = listed();
        let bases = bases(&mut stage, millis);
        assert!(bases.len() > 20, "{}", bases.len());
        let of_mirror = bases.iter().filter(|base| *base == MIRROR).count();
        let stats = stage.engine.stats(Time::at(stage.now));
        assert!(stats.mirror_bytes > 0 && stats.mirror_bytes < stats.http_bytes);
        of_mirror * 100 / bases.len()
    };
    let (fast, slow) = (share(100), share(4_000));
    assert!(fast >= 60 && slow <= 30, "{fast} % and {slow} %");
}

/// The first request to the mirror goes so; the rest of the video comes from its own host.
#[track_caller]
fn check_dropped(does: impl Fn(&mut Stage, RequestId, ByteRange)) {
    assert_eq!(times_asked(does), 1);
}

/// How often a mirror is asked that does so.
fn times_asked(does: impl Fn(&mut Stage, RequestId, ByteRange)) -> usize {
    let mut stage = listed();
    let (mut at, mut times) = (0, 0);
    while let Some((request, base, range)) = fetch(&stage, &mut at) {
        if base == MIRROR {
            times += 1;
            does(&mut stage, request, range);
        } else {
            send(&mut stage, request, range.length, 400);
        }
        stage.check_by_place(|at| piece_at(range.start + at));
        stage.tell(Input::Updated);
        stage.plays(Duration::from_secs(4 * (at as u64 % 30)));
    }
    times
}

#[test]
fn a_mirror_that_lacks_a_file_is_not_asked_again() {
    check_dropped(|stage, request, _| {
        let failure = Failure::Status { code: 404, retry_after: None };
        stage.tell(Input::Failed { request, failure });
    });
    check_dropped(|stage, request, range| send(stage, request, range.length - 1, 100));
}

#[test]
fn a_wrong_piece_of_a_mirror_is_not_played_and_ends_it() {
    check_dropped(|stage, request, range| {
        stage.tell(Input::Progressed { request, bytes: 3 * PIECE });
        let digest = piece_at(range.start);
        stage.tell(Input::Checked { request, bytes: 0..PIECE, digest });
        let before = stage.wanted.len();
        stage.tell(Input::Checked { request, bytes: PIECE..2 * PIECE, digest: [0; 32] });
        assert!(stage.wanted[before..].contains(&Output::Cancel(request)));
        let is_wrong = |output: &Output| match output {
            Output::Append { request: of, bytes, .. } => *of == request && bytes.end > PIECE,
            Output::Join { parts, .. } => {
                parts.iter().any(|(of, bytes)| *of == request && *bytes > PIECE)
            }
            _ => false,
        };
        stage.wait(Duration::from_secs(1));
        assert!(!stage.wanted.iter().any(is_wrong));
        assert_eq!(stage.engine.stats(Time::at(stage.now)).rejected_pieces, 1);
    });
}

#[test]
fn what_else_a_mirror_was_asked_for_until_its_first_piece_was_compared_is_taken_back() {
    let mut stage = listed();
    let (mut at, mut first, mut asked) = (0, None, Vec::new());
    while let Some((request, base, range)) = fetch(&stage, &mut at) {
        match (base == MIRROR, first) {
            (false, _) => {
                send(&mut stage, request, range.length, 400);
                if first.is_none() {
                    stage.check_by_place(|at| piece_at(range.start + at));
                }
                stage.tell(Input::Updated);
            }
            // All of it is here, and no digest of it yet.
            (true, None) => {
                first = Some(request);
                send(&mut stage, request, range.length, 100);
            }
            (true, Some(_)) => asked.push(request),
        }
    }
    let request = first.expect("the mirror is asked");
    assert_eq!(asked.len(), 1, "one thing at a time, whatever is to be compared yet");
    let before = stage.wanted.len();
    stage.tell(Input::Checked { request, bytes: 0..PIECE, digest: [0; 32] });
    assert!(stage.wanted[before..].contains(&Output::Cancel(asked[0])));
    stage.plays(Duration::from_secs(40));
    let mut at = before;
    while let Some((_, base, _)) = fetch(&stage, &mut at) {
        assert!(base.starts_with("http://a/"), "{base}");
    }
}

#[test]
fn what_a_mirror_sends_too_slowly_is_taken_over_by_the_own_host() {
    let mut stage = listed();
    let mut at = 0;
    let asked = loop {
        let (request, base, range) = fetch(&stage, &mut at).expect("the mirror is asked");
        if base == MIRROR {
            break (request, range);
        }
        send(&mut stage, request, range.length, 400);
        stage.check_by_place(|at| piece_at(range.start + at));
        stage.tell(Input::Updated);
    };
    let (request, range) = asked;
    let plays_at = Duration::from_secs((range.start - 9) / LONG_BYTES * 4);
    stage.plays(plays_at.saturating_sub(Duration::from_millis(1500)));
    let before = stage.wanted.len();
    stage.tell(Input::Progressed { request, bytes: PIECE });
    for _ in 0..12 {
        stage.wait(Duration::from_millis(100));
        stage.plays(plays_at.saturating_sub(Duration::from_millis(300)));
    }
    assert!(stage.wanted[before..].contains(&Output::Cancel(request)));
    let mut at = before;
    let (_, base, _) = fetch(&stage, &mut at).expect("somebody else is asked");
    assert!(base.starts_with("http://a/"), "{base}");
}

#[test]
fn a_list_that_is_forged_ends_mirrors_too() {
    let mut stage = unlisted();
    let list = [window(0, SEGMENTS, LONG_BYTES).message(&[1; 32]), vec![0; 64]].concat();
    let request = stage.wanted.iter().find_map(|output| match output {
        Output::Fetch { request, uri, .. } if uri.ends_with(".pieces") => Some(*request),
        _ => None,
    });
    let (url, took) = ("http://a/a.pieces".to_owned(), Duration::from_millis(20));
    let request = request.expect("a list is asked for");
    stage.tell(Input::Fetched { request, url, body: Body::List(list), took });
    assert_eq!(stage.hindrance(), Some(swarm::Hindrance::ListForged));
    let bases = bases(&mut stage, 100);
    assert!(bases.iter().all(|base| base != MIRROR));
    let plays = |output: &Output| {
        let is_it = |content: &Content| matches!(content, Content::Segment(_) | Content::Rest);
        matches!(output, Output::Append { content, .. } if is_it(content))
    };
    assert!(stage.wanted.iter().any(plays));
}
