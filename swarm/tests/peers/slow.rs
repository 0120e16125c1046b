//! A viewer beside one peer that is slower than playback, and a server that takes its time.

use std::time::Duration;

use swarm::{Body, Input, LinkId, Output, Span};
use wire::peer::{Command, PeerId};
use wire::pieces::PIECE;

use crate::stage::{LONG_BYTES, Stage};

/// A segment of four seconds, of which kibibytes come from two sides.
struct Race {
    stage: Stage,
    peer: LinkId,
    /// What the peer was asked for from.
    from: u64,
    /// Kibibytes that are there.
    here: Vec<bool>,
    /// What the server is about to have sent, and when.
    sent: Vec<(u64, Output)>,
    /// Outputs that were looked at.
    seen: usize,
    is_cancelled: bool,
}

impl Race {
    fn begun() -> Race {
        let mut stage = Stage::begun(9);
        let peer = stage.meet_extended(PeerId::from_random([2; 12]), 20_000, &[0]);
        let asked = stage.said(peer).into_iter().find_map(|command| match command {
            Command::PartRequest { segment: 0, request, start, end, .. } => {
                Some((request, start, end))
            }
            _ => None,
        });
        let (request, from, end) = asked.expect("the peer is asked for the rest");
        assert_eq!(end, LONG_BYTES);
        stage.say(peer, &Command::SegmentData { segment: 0, size: end - from, request });
        let mut here = vec![false; (LONG_BYTES >> 10) as usize];
        here[..(from >> 10) as usize].fill(true);
        Race { stage, peer, from, here, sent: Vec::new(), seen: 0, is_cancelled: false }
    }

    /// The server sends what it was asked for this long ago.
    fn serve(&mut self, now: u64, latency: u64) {
        while let Some(output) = self.stage.wanted.get(self.seen).cloned() {
            self.seen += 1;
            if matches!(output, Output::Fetch { .. }) {
                self.sent.push((now + latency, output));
            }
        }
        let due: Vec<_> = self.sent.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, output) in due {
            let Output::Fetch { request, uri, range: Some(range), .. } = output else { continue };
            if &*uri == "0.m4s" {
                self.here[(range.start >> 10) as usize..=(range.last() >> 10) as usize].fill(true);
            }
            let (url, took) = (format!("http://a/{uri}"), Duration::from_millis(latency));
            self.stage.tell(Input::Fetched { request, url, body: Body::Held(range.length), took });
        }
        let said = self.stage.said(self.peer);
        self.is_cancelled =
            said.iter().any(|command| matches!(command, Command::CancelSegmentRequest { .. }));
    }

    /// The peer has sent up to here, unless that was taken back.
    fn give(&mut self, sent: u64, to: u64) {
        let to = to.min(LONG_BYTES);
        if !self.is_cancelled && to > sent {
            self.stage.tell(Input::Received { link: self.peer, bytes: to - sent });
            self.here[(self.from >> 10) as usize..(to >> 10) as usize].fill(true);
        }
    }

    /// Milliseconds that can be played: whole pieces in a row.
    fn playable(&self) -> u64 {
        let pieces = self.here.chunks((PIECE >> 10) as usize);
        let whole = pieces.take_while(|piece| piece.iter().all(|is_here| *is_here)).count() as u64;
        whole * PIECE * 4_000 / LONG_BYTES
    }
}

/// How long playback waits within one segment, where the peer brings bytes at such a share of the speed of playback.
fn stalls(share: f64, latency: u64) -> Duration {
    let mut race = Race::begun();
    let (mut position, mut stalled, mut sent) = (0, 0, race.from);
    for now in (50..20_000).step_by(50) {
        if position >= 3_950 {
            break;
        }
        race.stage.now += Duration::from_millis(40);
        race.serve(now, latency);
        let to = race.from + (share * (LONG_BYTES * now / 4_000) as f64) as u64;
        race.give(sent, to);
        sent = to;
        race.stage.check_further_pieces(0);
        race.stage.tell(Input::Updated);
        let on = race.playable();
        let next = (position + 50).min(on);
        stalled += position + 50 - next;
        position = next;
        let buffered = vec![Span { start: Duration::ZERO, end: Duration::from_millis(on) }];
        let (position, is_starved) = (Duration::from_millis(position), next < position + 50);
        race.stage.tell(Input::Played { position, buffered, is_starved, speed: 1.0 });
    }
    Duration::from_millis(stalled)
}

#[test]
fn a_peer_slower_than_playback_costs_no_stall_before_a_server_of_usual_latency() {
    for share in [0.2, 0.33, 0.5, 0.9] {
        assert_eq!(stalls(share, 100), Duration::ZERO, "at {share} of the speed of playback");
    }
}

#[test]
fn before_a_slow_server_it_costs_less_than_the_server_takes() {
    for (share, latency) in [(0.33, 300), (0.5, 300), (0.5, 400), (0.7, 200)] {
        let stalled = stalls(share, latency);
        assert!(stalled <= Duration::from_millis(latency), "{stalled:?} at {share}, {latency} ms");
    }
}
