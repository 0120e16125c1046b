//! What became of a scenario, in numbers.

use serde::Serialize;

use crate::audience::Audience;
use crate::scenario::{Scenario, seconds};
use crate::{Policy, World};

/// Numbers of one run. Bytes are of media, and all that was sent counts: ranges, duplicates and what was given up.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Who decided.
    pub policy: Policy,
    /// How many there were about.
    pub viewers: usize,
    /// What the origin sent, in segments per segment that was published meanwhile; of a VOD, in whole videos.
    pub origin_copies_per_segment: f64,
    /// The part of it that went to viewers in their first ten seconds.
    pub newcomer_copies: f64,
    /// Playlists, digests and initialisation sections, in the same measure.
    pub text_copies: f64,
    /// The most that the origin sent in one second, as a share of all viewers' bit rate.
    pub peak_origin_egress_share: f64,
    /// The same over the length of a segment.
    pub peak_origin_egress_share4s: f64,
    /// The share of what viewers got that didn't come from the origin.
    pub offload: f64,
    /// The share of the time after the first picture that playback was dry, of those who betray nobody.
    pub stall_ratio: f64,
    /// Playing time that was jumped over, as a share of what was played, of the same.
    pub skip_ratio: f64,
    /// How often it ran dry, of the same.
    pub stalls: u64,
    /// From opening the page to the first picture, in the middle and of the slowest hundredth, in milliseconds.
    pub start_p50_ms: f64,
    /// See `start_p50_ms`.
    pub start_p99_ms: f64,
    /// Viewers who waited for the first picture for more than ten seconds, and still had none.
    pub never_started: usize,
    /// The share of bytes that came twice.
    pub duplicate_share: f64,
    /// Segments with wrong bytes that were to be played.
    pub wrong_appended: usize,
    /// Bytes that an agent wanted and had let go.
    pub lost: usize,
    /// Jain's index of what those gave who gave anything: 1 if all gave alike.
    pub upload_fairness: f64,
    /// What the tenth that gave most gave of all.
    pub top_tenth_share: f64,
    /// The share of segments that came within the budget.
    pub within_budget: f64,
    /// Seconds after its publication in which half and 95 of 100 of a segment's viewers had it.
    pub arrival_p50_seconds: f64,
    /// See `arrival_p50_seconds`.
    pub arrival_p95_seconds: f64,
    /// Copies from the origin of a live segment, by the seconds since it was listed, but for those that somebody found listed when
    /// they came.
    pub copies_by_age: Vec<f64>,
    /// What agents were told, in millions.
    pub million_inputs: f64,
    /// Second by second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Second>,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Second {
    /// Since the measuring began.
    pub second: usize,
    /// What the origin sent, in bits.
    pub origin_bps: u64,
    /// Who was there at its end.
    pub viewers: usize,
    /// Those among them whose playback was dry then.
    pub stalled: usize,
}

/// Sums at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    at: std::time::Duration,
    ages: Vec<u64>,
    text: u64,
    sums: Vec<Sums>,
}

/// Those of one viewer.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    media: u64,
    newcomer: u64,
    sent: u64,
    p2p: u64,
    http: u64,
    duplicate: u64,
    stalls: u64,
    stalled: f64,
    skipped: f64,
    played: f64,
}

impl Snapshot {
    pub(crate) fn of(world: &World) -> Snapshot {
        let sums = world.viewers.iter().map(|viewer| {
            let stats = viewer.stats();
            Sums {
                media: viewer.media_bytes,
                newcomer: viewer.newcomer_bytes,
                sent: viewer.sent_bytes,
                p2p: stats.p2p_bytes,
                http: stats.http_bytes,
                duplicate: stats.duplicate_bytes,
                stalls: u64::from(viewer.stalls),
                stalled: viewer.stalled().as_secs_f64(),
                skipped: viewer.skipped.as_secs_f64(),
                played: viewer.played().as_secs_f64(),
            }
        });
        let (ages, text) = (world.origin_ages.clone(), world.text_bytes);
        Snapshot { at: world.now, ages, text, sums: sums.collect() }
    }
}

impl Report {
    pub(crate) fn between(
        scenario: &Scenario,
        policy: Policy,
        before: &Snapshot,
        audience: &Audience<'_>,
    ) -> Report {
        let world = &audience.world;
        let after = Snapshot::of(world);
        let sums: Vec<Sums> = after
            .sums
            .iter()
            .enumerate()
            .map(|(no, sums)| sums.less(before.sums.get(no)))
            .collect();
        let total = |of: fn(&Sums) -> u64| sums.iter().map(of).sum::<u64>() as f64;
        // Who betrays others may stall by its own doing.
        let honest = || {
            let all = sums.iter().zip(&world.viewers);
            all.filter(|(_, viewer)| viewer.malice.is_none()).map(|(sums, _)| sums)
        };
        let whole = |of: fn(&Sums) -> f64| honest().map(of).sum::<f64>();
        let got = total(|sums| sums.p2p + sums.http);
        let published = published_bytes(scenario, before, world);
        let starts = starts(before, world);
        let series = series(before, audience);
        let rate = scenario.viewers as f64 * scenario.bitrate_bps as f64;
        let arrivals = arrivals(before, world);
        let budget = scenario.budget_seconds;
        let in_time = arrivals.iter().filter(|after| **after <= budget).count();
        let given: Vec<f64> =
            sums.iter().map(|sums| sums.sent as f64).filter(|sent| *sent > 0.0).collect();
        Report {
            policy,
            viewers: scenario.viewers,
            origin_copies_per_segment: total(|sums| sums.media) / published,
            newcomer_copies: total(|sums| sums.newcomer) / published,
            text_copies: (after.text - before.text) as f64 / published,
            peak_origin_egress_share: peak(&series, 1) / rate,
            peak_origin_egress_share4s: peak(&series, 4) / rate,
            offload: total(|sums| sums.p2p) / got.max(1.0),
            stall_ratio: whole(|sums| sums.stalled)
                / (whole(|sums| sums.stalled) + whole(|sums| sums.played)).max(1.0),
            skip_ratio: whole(|sums| sums.skipped) / whole(|sums| sums.played).max(1.0),
            stalls: honest().map(|sums| sums.stalls).sum(),
            start_p50_ms: at_share(&starts, 0.5) * 1000.0,
            start_p99_ms: at_share(&starts, 0.99) * 1000.0,
            never_started: world.audience().filter(|no| never_started(world, *no)).count(),
            duplicate_share: total(|sums| sums.duplicate) / got.max(1.0),
            wrong_appended: world.viewers.iter().map(|viewer| viewer.wrong_appended).sum(),
            lost: world.viewers.iter().map(|viewer| viewer.lost.len()).sum(),
            upload_fairness: jain(&given),
            top_tenth_share: top_tenth(&given),
            within_budget: in_time as f64 / arrivals.len().max(1) as f64,
            arrival_p50_seconds: at_share(&arrivals, 0.5),
            arrival_p95_seconds: at_share(&arrivals, 0.95),
            copies_by_age: ages(before, world, published),
            million_inputs: world.viewers.iter().map(|viewer| viewer.inputs).sum::<u64>() as f64
                / 1e6,
            series,
        }
    }
}

impl Sums {
    fn less(self, before: Option<&Sums>) -> Sums {
        let before = before.copied().unwrap_or_default();
        Sums {
            media: self.media - before.media,
            newcomer: self.newcomer - before.newcomer,
            sent: self.sent - before.sent,
            p2p: self.p2p - before.p2p,
            http: self.http - before.http,
            duplicate: self.duplicate - before.duplicate,
            stalls: self.stalls - before.stalls,
            stalled: self.stalled - before.stalled,
            skipped: self.skipped - before.skipped,
            played: self.played - before.played,
        }
    }
}

/// Bytes of all segments that were listed first while it was measured; of a VOD, of all of it.
fn published_bytes(scenario: &Scenario, before: &Snapshot, world: &World) -> f64 {
    let bytes = |range: std::ops::Range<usize>| {
        range.filter_map(|no| world.origin.length(0, no)).sum::<u64>() as f64
    };
    match (world.origin.newest(before.at), world.origin.newest(world.now)) {
        (Some(first), Some(last)) => bytes(first + 1..last + 1).max(1.0),
        _ => bytes(0..scenario.vod_segments.unwrap_or(0)).max(1.0),
    }
}

/// Seconds from opening the page to the first picture, of those who came while it was measured, or of all if nobody did.
fn starts(before: &Snapshot, world: &World) -> Vec<f64> {
    let took = |is_counted: &dyn Fn(&crate::Viewer) -> bool| -> Vec<f64> {
        let counted = world.viewers.iter().filter(|viewer| is_counted(viewer));
        counted
            .filter_map(|viewer| Some((viewer.first_picture? - viewer.joined_at).as_secs_f64()))
            .collect()
    };
    let new = took(&|viewer| viewer.joined_at >= before.at);
    sorted(if new.is_empty() { took(&|_| true) } else { new })
}

fn never_started(world: &World, viewer: usize) -> bool {
    let viewer = &world.viewers[viewer];
    viewer.first_picture.is_none() && world.now > viewer.joined_at + seconds(10.0)
}

/// Seconds after publication.
fn arrivals(before: &Snapshot, world: &World) -> Vec<f64> {
    let counted = world.arrivals.iter().filter(|arrival| arrival.at >= before.at);
    sorted(counted.map(|arrival| arrival.after.as_secs_f64()).collect())
}

fn series(before: &Snapshot, audience: &Audience<'_>) -> Vec<Second> {
    let world = &audience.world;
    let from = before.at.as_secs() as usize;
    let seen = audience.seconds.iter().skip(from);
    seen.map(|seen| {
        let bytes = world.origin_seconds.get(seen.second).copied().unwrap_or(0);
        Second { second: seen.second - from, origin_bps: bytes * 8, ..*seen }
    })
    .collect()
}

fn ages(before: &Snapshot, world: &World, published: f64) -> Vec<f64> {
    let bytes = world
        .origin_ages
        .iter()
        .enumerate()
        .map(|(second, bytes)| bytes - before.ages.get(second).copied().unwrap_or(0));
    bytes.map(|bytes| (bytes as f64 / published * 1000.0).round() / 1000.0).collect()
}

/// The highest mean of so many seconds in a row, in bits per second.
fn peak(series: &[Second], seconds: usize) -> f64 {
    let means = series.windows(seconds).map(|window| {
        window.iter().map(|second| second.origin_bps).sum::<u64>() as f64 / seconds as f64
    });
    means.fold(0.0, f64::max)
}

fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// The number below which this share of them lies.
fn at_share(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(0.0)
}

fn jain(numbers: &[f64]) -> f64 {
    let sum: f64 = numbers.iter().sum();
    let squares: f64 = numbers.iter().map(|number| number * number).sum();
    if squares > 0.0 { sum * sum / (numbers.len() as f64 * squares) } else { 1.0 }
}

fn top_tenth(numbers: &[f64]) -> f64 {
    let sorted = sorted(numbers.to_vec());
    let top: f64 = sorted.iter().rev().take(sorted.len().div_ceil(10)).sum();
    top / sorted.iter().sum::<f64>().max(1.0)
}
