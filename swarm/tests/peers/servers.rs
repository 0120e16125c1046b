//! The video's own host and one mirror, each as fast, as wrong and as silent as a test wants, and a viewer who plays what comes.

use std::time::Duration;

use swarm::{Body, Content, Failure, Input, Output, RequestId, Span, Time};
use wire::playlist::ByteRange;

use crate::mirrors::{MIRROR, fetch, listed_at, piece_at};
use crate::stage::{LONG_BYTES, Stage};

/// What a server does.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// It sends so many kilobytes a second, after 100 ms.
    Sends(u64),
    /// The same, after 600 ms.
    Far(u64),
    /// The same, and no byte is what the list says.
    Lies(u64),
    Fails,
    Silent,
}

struct Running {
    id: RequestId,
    range: ByteRange,
    does: Does,
    since: Duration,
}

struct Race {
    stage: Stage,
    own: Does,
    mirror: Does,
    running: Vec<Running>,
    at: usize,
    /// Requests to the own host, and to the mirror.
    asked: (usize, usize),
    /// Where the playhead is.
    position: Duration,
    /// Where what can be played ends, and the bytes of the segment whose beginning that is.
    end: Duration,
    begun: (Duration, u64),
    appended: usize,
}

impl Race {
    /// After the first segment, which its own host sent at `kbytes` a second.
    fn new(kbytes: u64, own: Does, mirror: Does) -> Race {
        let stage = listed_at(kbytes);
        let (mut at, mut last) = (0, None);
        while let Some(asked) = fetch(&stage, &mut at) {
            last = Some(asked);
        }
        let first = Duration::from_secs(4);
        let mut race = Race {
            appended: stage.wanted.len(),
            stage,
            own,
            mirror,
            running: Vec::new(),
            at,
            asked: (0, 0),
            position: Duration::ZERO,
            end: first,
            begun: (first, 0),
        };
        last.into_iter().for_each(|(id, base, range)| race.start(id, &base, range));
        race
    }

    fn start(&mut self, id: RequestId, base: &str, range: ByteRange) {
        let is_mirror = base == MIRROR;
        let does = if is_mirror { self.mirror } else { self.own };
        *(if is_mirror { &mut self.asked.1 } else { &mut self.asked.0 }) += 1;
        self.running.push(Running { id, range, does, since: self.stage.now });
    }

    fn run(&mut self, time: Duration) {
        let end = self.stage.now + time;
        while self.stage.now < end {
            self.stage.now += STEP;
            while let Some((id, base, range)) = fetch(&self.stage, &mut self.at) {
                self.start(id, &base, range);
            }
            let running = std::mem::take(&mut self.running);
            running.into_iter().for_each(|request| self.serve(request));
            self.play();
        }
    }

    fn serve(&mut self, request: Running) {
        let Running { id, range, does, since } = request;
        if self.stage.wanted.contains(&Output::Cancel(id)) {
            return;
        }
        let took = self.stage.now - since;
        let (Does::Sends(kbytes) | Does::Far(kbytes) | Does::Lies(kbytes)) = does else {
            if does == Does::Fails {
                let (request, failure) = (id, Failure::Unreachable);
                return self.stage.tell(Input::Failed { request, failure });
            }
            return self.running.push(request);
        };
        let latency = if matches!(does, Does::Far(_)) { 600 } else { 100 };
        let bytes = took.saturating_sub(Duration::from_millis(latency)).as_millis() as u64 * kbytes;
        if bytes < range.length {
            self.running.push(request);
            if bytes > 0 {
                self.stage.tell(Input::Progressed { request: id, bytes });
            }
        } else {
            let (url, body) = ("http://x/m.mp4".to_owned(), Body::Held(range.length));
            self.stage.tell(Input::Fetched { request: id, url, body, took });
        }
        let lies = matches!(does, Does::Lies(_));
        let digest = |at: u64| if lies { [0; 32] } else { piece_at(range.start + at) };
        self.stage.check_by_place(digest);
    }

    /// The media element takes what it is given, and plays.
    fn play(&mut self) {
        while let Some(output) = self.stage.wanted.get(self.appended).cloned() {
            self.appended += 1;
            let (content, bytes) = match output {
                Output::Append { content, bytes, .. } => (content, bytes),
                Output::Evict(_) => {
                    self.stage.tell(Input::Updated);
                    continue;
                }
                _ => continue,
            };
            let segment = Duration::from_secs(4);
            match content {
                Content::Init(_) => {}
                Content::Segment(start) => self.end = start + segment,
                Content::Head(start) => self.begun = (start, bytes.end),
                Content::More => self.begun.1 += bytes.end - bytes.start,
                Content::Rest => self.begun.1 = LONG_BYTES,
            }
            if matches!(content, Content::Head(_) | Content::More | Content::Rest) {
                let share = self.begun.1 as f64 / LONG_BYTES as f64;
                self.end = self.begun.0 + segment.mul_f64(share);
            }
            self.stage.tell(Input::Updated);
        }
        self.position = (self.position + STEP).min(self.end.max(self.position));
        let (position, is_starved) = (self.position, self.position >= self.end);
        let buffered = vec![Span { start: Duration::ZERO, end: self.end }];
        self.stage.tell(Input::Played { position, buffered, is_starved, speed: 1.0 });
    }
}

const STEP: Duration = Duration::from_millis(50);

/// A segment of 786 KB plays 4 s: 197 KB/s are needed.
#[track_caller]
fn check_plays(own: Does, mirror: Does) -> (usize, usize) {
    let kbytes = if let Does::Sends(kbytes) = own { kbytes } else { 600 };
    let mut race = Race::new(kbytes, own, mirror);
    race.run(Duration::from_secs(100));
    let Race { position, asked, .. } = race;
    assert!(position > Duration::from_secs(92), "at {position:?} after 100 s, asked {asked:?}");
    asked
}

#[test]
fn a_mirror_carries_what_the_own_host_is_too_slow_for() {
    for kbytes in [80, 150, 190] {
        let (_, mirror) = check_plays(Does::Sends(kbytes), Does::Sends(2_000));
        assert!(mirror > 5, "asked {mirror} times");
    }
}

#[test]
fn a_mirror_carries_on_while_the_own_host_is_away() {
    let (own, _) = check_plays(Does::Fails, Does::Sends(400));
    assert!(own < 20, "asked {own} times");
}

#[test]
fn a_mirror_that_stays_silent_costs_little_and_is_left_after_three_times() {
    let (_, mirror) = check_plays(Does::Sends(600), Does::Silent);
    assert!((1..=3).contains(&mirror), "asked {mirror} times");
}

#[test]
fn a_mirror_that_is_ill_is_asked_three_times() {
    let (_, mirror) = check_plays(Does::Sends(600), Does::Fails);
    assert_eq!(mirror, 3);
}

#[test]
fn a_slow_mirror_does_no_harm() {
    check_plays(Does::Sends(600), Does::Sends(30));
}

#[test]
fn of_a_mirror_that_lies_nothing_is_waited_for() {
    let (_, mirror) = check_plays(Does::Sends(600), Does::Lies(2_000));
    assert_eq!(mirror, 1);
}

#[test]
fn what_the_own_host_sends_plays_although_its_list_says_otherwise() {
    check_plays(Does::Lies(600), Does::Sends(400));
}

#[test]
fn where_both_are_slow_what_comes_is_used() {
    let mut race = Race::new(40, Does::Sends(40), Does::Sends(120));
    race.run(Duration::from_secs(100));
    // Half of what the two of them could send together.
    let wanted = Duration::from_secs_f64(100.0 * (160_000.0 / LONG_BYTES as f64 * 4.0) / 2.0);
    assert!(race.position > wanted, "at {:?}, asked {:?}", race.position, race.asked);
    assert!(race.asked.0 + race.asked.1 < 150, "asked {:?}", race.asked);
}

#[test]
fn where_both_fail_they_are_asked_no_oftener_than_one_that_fails_alone() {
    let mut race = Race::new(600, Does::Fails, Does::Fails);
    race.run(Duration::from_secs(10));
    assert!(race.asked.0 < 20, "asked {:?}", race.asked);
}

#[test]
fn a_mirror_that_is_far_away_is_of_use() {
    let mut race = Race::new(600, Does::Sends(600), Does::Far(2_000));
    race.run(Duration::from_secs(100));
    assert!(race.position > Duration::from_secs(92), "at {:?}", race.position);
    let stats = race.stage.engine.stats(Time::at(race.stage.now));
    assert!(
        stats.mirror_bytes > 5 * LONG_BYTES,
        "{} from it, asked {:?}",
        stats.mirror_bytes,
        race.asked
    );
}

#[test]
fn an_own_host_that_failed_once_is_soon_asked_again_where_the_mirror_is_slow() {
    let mut race = Race::new(600, Does::Fails, Does::Sends(30));
    race.run(Duration::from_millis(100));
    race.own = Does::Sends(600);
    race.run(Duration::from_secs(20));
    assert!(race.position > Duration::from_secs(18), "at {:?}", race.position);
}
