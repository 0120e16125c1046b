//! The next segment of a live stream, of which nothing is there yet while the one before plays to its end.

use std::time::Duration;

use swarm::{LinkId, Output};
use wire::peer::{Command, PeerId};
use wire::pieces::PIECE;
use wire::playlist::ByteRange;

use crate::pieces::{play_by, send};
use crate::stage::{LONG_BYTES, Stage};

/// What plays, and what is next.
const FIRST: u64 = 27;
const NEXT: u64 = FIRST + 1;
/// Milliseconds of a segment.
const PLAYS: u64 = 4_000;

/// A viewer of a live stream, before a server that sends the segment that plays.
struct Viewer {
    stage: Stage,
    seen: usize,
    /// Milliseconds of what plays that are still to be played.
    left: u64,
}

impl Viewer {
    fn begun() -> Viewer {
        let mut stage = Stage::begun_live();
        stage.is_counted_live(9);
        stage.verify();
        stage.check_pieces(FIRST as usize);
        Viewer { stage, seen: 0, left: PLAYS }
    }

    /// Meets somebody who holds the next segment.
    fn meet(&mut self, no: u8, kbps: u64) -> LinkId {
        self.stage.meet_extended(PeerId::from_random([no; 12]), kbps, &[NEXT])
    }

    /// Plays until so much is left.
    fn play(&mut self, left: u64) {
        while self.left > left {
            self.left -= 10;
            send(&mut self.stage, &mut self.seen, |uri| uri.ends_with("27.m4s"));
            let passes = Duration::from_millis(10);
            play_by(&mut self.stage, FIRST as usize, passes, PLAYS - self.left, LONG_BYTES);
        }
    }

    /// What the server was asked for of the next segment.
    fn asked(&self) -> Option<ByteRange> {
        self.stage.wanted.iter().find_map(|output| match output {
            Output::Fetch { uri, range: Some(range), .. } if uri.ends_with("28.m4s") => {
                Some(*range)
            }
            _ => None,
        })
    }

    /// What a peer was asked for of it last: the request's number, and from which piece on.
    fn asked_of(&self, link: LinkId) -> Option<(u64, u64)> {
        self.stage.said(link).into_iter().rev().find_map(|command| match command {
            Command::PartRequest { segment: NEXT, request, start, .. } => {
                Some((request, start / PIECE))
            }
            _ => None,
        })
    }
}

#[test]
fn who_was_asked_just_before_it_is_to_be_played_is_not_waited_for_until_it_stalls() {
    let mut viewer = Viewer::begun();
    viewer.play(1_500);
    let busy = viewer.meet(1, 0);
    let (request, _) = viewer.asked_of(busy).expect("who holds it is asked");
    viewer.play(450);
    let silent = viewer.meet(2, 20_000);
    viewer.play(440);
    let asked = viewer.asked_of(silent).map(|(_, from)| from);
    assert_eq!(asked, Some(0), "one who is faster is asked, too");
    viewer.stage.say(busy, &Command::SegmentAbsent { segment: NEXT, request });
    viewer.play(150);
    assert_eq!(viewer.asked().map(|range| range.start), Some(0));
}
