//! What peers say of a live stream's newest segment, and how far that is believed.

use std::time::Duration;

use swarm::limits::{COMING_LIFE, FRESH_AHEAD, LONGEST_FRESH_TURN, OWNED_LIFE, PROMPTS};
use swarm::{Body, Config, Input, LinkId, Output, Sharing, Time};
use wire::peer::{Command, PeerId};

use crate::stage::{
    MASTER_WITHOUT_DIGESTS, SEGMENT_BYTES, Stage, checked, digest, live, live_in_pieces,
    signed_master,
};

/// The first segment that isn't listed yet.
const NEXT: u64 = 6;

/// A viewer of a stream of which six segments are listed, and a peer who has said nothing of the next.
fn watching() -> (Stage, LinkId) {
    let mut stage = Stage::live(NEXT, 2);
    let peer = stage.meet_extended(PeerId::from_random([2; 12]), 5_000, &[]);
    (stage, peer)
}

fn fresh(segment: u64, owned: Option<u64>) -> Command {
    Command::Fresh { segment, owned }
}

/// Answers what the server is asked for from `at` on: playlists list `listed` segments.
fn serve(stage: &mut Stage, at: &mut usize, listed: u64) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(output) = stage.wanted.get(*at).cloned() {
        *at += 1;
        let Output::Fetch { request, uri, .. } = output else { continue };
        let body = match uri.ends_with("m3u8") {
            true => Body::Text(live(listed)),
            false => Body::Held(SEGMENT_BYTES),
        };
        let (url, took) = (format!("http://a/{uri}"), Duration::from_millis(50));
        stage.tell(Input::Fetched { request, url, body, took });
        asked.push(uri.to_string());
    }
    asked
}

/// How long after a new segment is listed the server is asked for it, if somebody is said to own it.
fn asked_after(owned: Option<u64>) -> Duration {
    asked_after_hearing(&[fresh(NEXT, owned)])
}

fn asked_after_hearing(said: &[Command]) -> Duration {
    let (mut stage, peer) = watching();
    let mut at = stage.wanted.len();
    for _ in 0..10 {
        stage.wait(Duration::from_millis(100));
        serve(&mut stage, &mut at, NEXT);
    }
    said.iter().for_each(|command| stage.say(peer, command));
    serve(&mut stage, &mut at, NEXT + 1);
    let listed = stage.now;
    while stage.now < listed + Duration::from_secs(9) {
        stage.wait(Duration::from_millis(100));
        if serve(&mut stage, &mut at, NEXT + 1).contains(&format!("{NEXT}.m4s")) {
            break;
        }
    }
    stage.now - listed
}

#[test]
fn who_is_said_to_own_a_segment_and_gives_nothing_of_it_is_waited_for_for_two_seconds() {
    // One of two: its turn comes first or second.
    let turn = LONGEST_FRESH_TURN + Duration::from_millis(200);
    assert!(asked_after(None) < turn, "{:?}", asked_after(None));
    let waits = asked_after(Some(NEXT));
    let expected = OWNED_LIFE..OWNED_LIFE + turn;
    assert!(expected.contains(&waits), "{waits:?}");
}

#[test]
fn who_says_that_a_segment_comes_and_never_has_more_of_it_is_waited_for_for_four_seconds() {
    let coming = Command::Changes {
        held: Vec::new(),
        gone: Vec::new(),
        fetching: Vec::new(),
        coming: vec![NEXT],
        dropped: Vec::new(),
        uplink_kbps: None,
    };
    let waits = asked_after_hearing(&[fresh(NEXT, None), coming]);
    let expected = COMING_LIFE..COMING_LIFE + LONGEST_FRESH_TURN + Duration::from_millis(200);
    assert!(expected.contains(&waits), "{waits:?}");
}

/// When one of a hundred viewers, four seconds behind the end of the stream, asks the server for what nobody is known to have: tenths
/// of a second after it is listed.
fn turn_of(seed: u64) -> Option<usize> {
    let delay = Duration::from_secs(4);
    let config = Config { seed, live_delay: Some(delay), ..Config::default() };
    let (mut stage, mut at) = (Stage::live_with(config, NEXT, 100), 0);
    for _ in 0..30 {
        serve(&mut stage, &mut at, NEXT);
        stage.wait(Duration::from_millis(100));
    }
    (0..60).find(|_| {
        let is_asked = serve(&mut stage, &mut at, NEXT + 1).contains(&format!("{NEXT}.m4s"));
        stage.wait(Duration::from_millis(100));
        is_asked
    })
}

#[test]
fn turns_do_not_fall_together_however_little_time_is_left() {
    let mut turns: Vec<usize> = (1..16).filter_map(turn_of).collect();
    let all = turns.len();
    turns.sort_unstable();
    turns.dedup();
    assert!(all > 3 && turns.len() == all, "{all} viewers ask at {turns:?}");
}

#[test]
fn news_alone_hold_up_nothing_that_is_due() {
    let (mut stage, peer) = watching();
    let mut at = 0;
    serve(&mut stage, &mut at, NEXT);
    let changes = |no: u64| Command::Changes {
        held: vec![no],
        gone: Vec::new(),
        fetching: Vec::new(),
        coming: Vec::new(),
        dropped: Vec::new(),
        uplink_kbps: None,
    };
    let looks = (0..80).flat_map(|tick| {
        stage.now += Duration::from_millis(60);
        stage.say(peer, &changes(tick % 3));
        serve(&mut stage, &mut at, NEXT)
    });
    assert!(looks.into_iter().any(|uri| uri.ends_with("m3u8")), "it grows each four seconds");
}

/// How often the playlist is looked at within a second in which a peer says so ten times.
fn looks(said: &Command) -> usize {
    let (mut stage, peer) = watching();
    let mut at = stage.wanted.len();
    let mut asked = Vec::new();
    for _ in 0..10 {
        stage.say(peer, said);
        stage.wait(Duration::from_millis(100));
        asked.extend(serve(&mut stage, &mut at, NEXT));
    }
    asked.iter().filter(|uri| uri.ends_with("m3u8")).count()
}

#[test]
fn word_of_a_new_segment_has_the_playlist_looked_at_but_not_time_and_again() {
    assert_eq!(looks(&fresh(NEXT - 1, None)), 0, "that one is listed");
    assert_eq!(looks(&fresh(NEXT, None)), PROMPTS as usize);
    assert_eq!(looks(&fresh(NEXT + FRESH_AHEAD as u64, None)), 0, "nobody can have that yet");
}

/// A viewer whom no tracker answers, and for whom this playlist came.
fn started(playlist: String) -> Stage {
    started_with(MASTER_WITHOUT_DIGESTS, playlist)
}

fn started_with(master: &str, playlist: String) -> Stage {
    let mut stage = Stage::new();
    stage.tell(Input::Permitted(Sharing::Full));
    stage.open();
    stage.tell(Input::Started);
    stage.fetched(".m3u8", Body::Text(master.to_owned()));
    stage.fetched("a.m3u8", Body::Text(playlist));
    stage.tell(Input::Prepared);
    stage.fetched("init.mp4", Body::Held(9));
    stage.tell(Input::Updated);
    stage
}

/// A playlist from this segment on that tells neither lengths nor digests.
fn bare(first: u64) -> String {
    let segments: String = (first..first + 6).map(|no| format!("#EXTINF:4,\n{no}.m4s\n")).collect();
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"init.mp4\"\n";
    format!("{head}#EXT-X-MEDIA-SEQUENCE:{first}\n{segments}")
}

#[test]
fn a_segment_that_the_playlist_has_forgotten_meanwhile_is_not_put_at_the_beginning() {
    let mut stage = started(bare(0));
    let request = stage.wanted.iter().rev().find_map(|output| match output {
        Output::Fetch { request, uri, .. } if uri.ends_with("m4s") => Some(*request),
        _ => None,
    });
    let request = request.expect("a segment is asked for");
    stage.wait(Duration::from_secs(5));
    stage.fetched("a.m3u8", Body::Text(bare(1_000)));
    let before = stage.wanted.len();
    let (url, took) = ("http://a/3.m4s".to_owned(), Duration::from_millis(50));
    stage.tell(Input::Fetched { request, url, body: Body::Held(SEGMENT_BYTES), took });
    let is_appended = |output: &Output| matches!(output, Output::Append { .. });
    assert!(!stage.wanted[before..].iter().any(is_appended));
    assert!(stage.wanted[before..].contains(&Output::Forget(request)));
}

/// The server answers with this playlist when it is asked for one.
fn looks_at(stage: &mut Stage, text: &str) {
    let asked = |stage: &Stage| {
        let is_it =
            |output: &&Output| matches!(output, Output::Fetch { uri, .. } if uri.ends_with("m3u8"));
        stage.wanted.iter().filter(is_it).count()
    };
    let before = asked(stage);
    while asked(stage) == before {
        stage.wait(Duration::from_millis(100));
    }
    stage.fetched("a.m3u8", Body::Text(text.to_owned()));
}

#[test]
fn a_stream_that_counts_anew_loses_what_came_under_the_old_numbers_and_plays_on() {
    let mut stage = started_with(&signed_master(), live_in_pieces(100));
    stage.beginning_came(Duration::from_millis(50));
    looks_at(&mut stage, &live_in_pieces(0));
    looks_at(&mut stage, &live_in_pieces(100));
    let before = stage.wanted.len();
    stage.wait(Duration::from_secs(1));
    let is_asked =
        |output: &Output| matches!(output, Output::Fetch { uri, .. } if uri.ends_with("m4s"));
    assert!(stage.wanted[before..].iter().any(is_asked), "{:?}", &stage.wanted[before..]);
}

#[test]
fn who_gave_what_the_playlist_forgot_before_it_was_checked_is_not_blamed() {
    let mut stage = Stage::live(NEXT, 9);
    let link = stage.meet_extended(PeerId::from_random([2; 12]), 20_000, &[3, 4, 5]);
    let (segment, request) = stage.part_asked_of(link).expect("who holds it is asked");
    stage.say(link, &Command::SegmentData { segment, size: SEGMENT_BYTES, request });
    stage.tell(Input::Received { link, bytes: 60_000 });
    stage.tell(Input::Received { link, bytes: 30_000 });
    let check = stage.check();
    let later = live(NEXT).replace("#EXT-X-MAP", "#EXT-X-MEDIA-SEQUENCE:400\n#EXT-X-MAP");
    looks_at(&mut stage, &later);
    stage.tell(checked(check, digest(segment as usize)));
    assert!(stage.wanted.contains(&Output::Forget(check)) && !stage.is_dropped(link));
    assert_eq!(stage.engine.stats(Time::at(stage.now)).rejected_pieces, 0);
}
