//! What `benches/browsers.mjs` found, as a table and charts.

use std::fmt;

use serde::Deserialize;
use swarm_sim::chart::{self, Bar, Group, Moment, Run};

use super::plan::{Audience, Plan};
use crate::table::{Table, interval_of_median, median};

/// All of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// When, in RFC 3339.
    made: String,
    machine: Machine,
    rates_mbps: Rates,
    plan: Plan,
    vod: Vec<Round>,
    live: Vec<Round>,
    start: Starts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    processor: String,
    cores: u32,
    kernel: String,
    chromium: String,
}

#[derive(Debug, Deserialize)]
struct Rates {
    origin: f64,
    down: f64,
    up: f64,
}

/// All pages of one kind, once.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Round {
    kind: Kind,
    /// Media that there was to have after the first page's first ten seconds.
    published_bytes: f64,
    machine: Load,
    pages: Vec<Page>,
    series: Vec<Moment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    On,
    Off,
    Stock,
}

/// Of all cores' time: how much went, and how much of that to others than the bench.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Load {
    used: f64,
    others: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    is_through: bool,
    /// From its first request to the video's end.
    seconds: f64,
    cpu_seconds: f64,
    /// The first frame, if there was one.
    start_ms: Option<f64>,
    stalls: u32,
    stall_ms: f64,
    p2p_bytes: f64,
    /// Without what came twice.
    needed_bytes: f64,
    /// What the origin sent it.
    origin_bytes: Bytes,
    /// Of that, after the page's first ten seconds.
    late_bytes: Bytes,
    /// Of a live stream.
    behind_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Bytes {
    media: f64,
    lists: f64,
}

#[derive(Debug, Deserialize)]
struct Starts {
    machine: Load,
    pairs: Vec<Pair>,
}

#[derive(Debug, Deserialize)]
struct Pair {
    on: Start,
    off: Start,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    start_ms: f64,
    p2p_bytes: f64,
    stalls: u32,
}

impl Report {
    /// SVGs by their files' names.
    ///
    /// # Errors
    /// When there is nothing to draw.
    pub(crate) fn charts(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let copies = self.grouped(|rounds| Figure {
            value: median(&rounds.iter().map(|round| round.copies()).collect::<Vec<_>>()),
            interval: None,
        });
        let cpu = self.grouped(|rounds| Figure::spread(pages(rounds).map(Page::cpu_percent)));
        let start =
            self.grouped(|rounds| Figure::spread(pages(rounds).filter_map(|page| page.start_ms)));
        let runs = KINDS.iter().filter_map(|kind| of(&self.vod, *kind).into_iter().next());
        let runs = runs.map(|round| Run {
            scenario: String::new(),
            policy: policy(round.kind).to_owned(),
            viewers: round.pages.len(),
            origin_copies_per_segment: round.copies(),
            series: round.series.clone(),
        });
        let runs = runs.collect::<Vec<_>>();
        let viewers = self.plan.vod.viewers;
        let copied = format!("Copies that the origin sends {viewers} pages after their first 10 s");
        let sent = format!("What the origin sends {viewers} pages that watch a finished video");
        let began = "First frame: median of the pages, the least and the most";
        let taken = "What a page takes of a core: median, the least and the most";
        Ok(vec![
            ("browsers-copies.svg", chart::groups(&copied, "copies of the media", &copies)?),
            ("browsers-origin.svg", chart::sending(&sent, &runs)?),
            ("browsers-start.svg", chart::groups(began, "ms", &start)?),
            ("browsers-cpu.svg", chart::groups(taken, "% of a core", &cpu)?),
        ])
    }

    fn grouped(&self, figure: impl Fn(&[&Round]) -> Figure) -> Vec<Group> {
        let bars = |rounds: &[Round]| {
            let bar = |kind: &Kind| {
                let Figure { value, interval } = figure(&of(rounds, *kind));
                Bar { policy: policy(*kind).to_owned(), value, interval }
            };
            KINDS.iter().map(bar).collect()
        };
        let group =
            |(name, _, rounds): (&str, _, _)| Group { name: name.to_owned(), bars: bars(rounds) };
        self.both().map(group).into()
    }
}

impl Round {
    /// Of the media, that the origin sent after each page's first ten seconds.
    fn copies(&self) -> f64 {
        self.pages.iter().map(|page| page.late_bytes.media).sum::<f64>() / self.published_bytes
    }

    /// To all pages, in MB.
    fn sent(&self, of: fn(&Bytes) -> f64) -> f64 {
        self.pages.iter().map(|page| of(&page.origin_bytes)).sum::<f64>() / 1e6
    }
}

impl Page {
    fn cpu_percent(&self) -> f64 {
        100.0 * self.cpu_seconds / self.seconds
    }

    /// Bytes that it had before, of all that it needed.
    fn duplicate_percent(&self) -> f64 {
        let received = self.origin_bytes.media + self.p2p_bytes;
        100.0 * (received / self.needed_bytes - 1.0).max(0.0)
    }

    fn peers_percent(&self) -> f64 {
        100.0 * self.p2p_bytes / (self.p2p_bytes + self.origin_bytes.media)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, Audience { viewers, apart_seconds, seconds, .. }, rounds) in self.both() {
            let heading = format!("{what} of {seconds} s, {viewers} pages {apart_seconds} s apart");
            let mut table = Table::new(columns(&heading));
            let rows = ROWS.iter().filter_map(|(name, cell)| row(name, *cell, rounds));
            rows.for_each(|row| table.row(row));
            writeln!(f, "{table}")?;
        }
        writeln!(f, "{}\n\n{}", self.starts(), self.circumstances())
    }
}

impl Report {
    /// What the README shows.
    pub(crate) fn summary(&self) -> String {
        let viewers = self.plan.vod.viewers;
        let mut table = Table::new(columns(&format!("{viewers} pages, each on a line of its own")));
        for (what, _, rounds) in self.both() {
            let short = ROWS.iter().filter(|(name, _)| SHORT.contains(name));
            let row = |(name, cell): &(&str, Cell)| row(&format!("{what}: {name}"), *cell, rounds);
            short.filter_map(row).for_each(|row| table.row(row));
        }
        let copies = |rounds| {
            let [on, off, stock] = KINDS.map(|kind| each(&of(rounds, kind), Round::copies));
            format!("Shoal {on}, with sharing off {off}, p2p-media-loader {stock}")
        };
        format!(
            "{table}\n{}\n\n{}\n\n\
             ![Copies that the origin sends: of a finished video {}; of a live stream {}]\
             (docs/charts/browsers-copies.svg)\n\n\
             ![What the origin sends second by second while a finished video is watched](docs/charts/browsers-origin.svg)",
            self.starts(),
            self.circumstances(),
            copies(&self.vod),
            copies(&self.live),
        )
    }

    fn both(&self) -> [(&str, &Audience, &[Round]); 2] {
        let Plan { vod, live, .. } = &self.plan;
        [("a finished video", vod, &self.vod), ("a live stream", live, &self.live)]
    }

    /// Where and when, and how far the figures can be trusted.
    fn circumstances(&self) -> String {
        let Machine { processor, cores, kernel, chromium } = &self.machine;
        let Rates { origin, down, up } = self.rates_mbps;
        let rounds = || self.vod.iter().chain(&self.live).map(|round| round.machine);
        let all = || rounds().chain([self.start.machine]);
        let most = |of: fn(Load) -> f64| all().map(of).fold(0.0, f64::max) * 100.0;
        let others = most(|load| load.others);
        let verdict = match others > MOST_OTHERS {
            true => "**The machine was busy with other things: these figures don't count.**",
            false => "The machine was quiet.",
        };
        format!(
            "{}, {cores} cores of {processor}, Linux {kernel}, Chromium {chromium}; each kind of page {} × in turn. \
             The origin's line carries {origin} Mbit/s, each page's {down} down and {up} up. Medians of the pages with the least and the \
             most; of the pairs with 95 % intervals. \
             {verdict} Others took {others:.0} % of it at most; with them it was busy for {:.0} % of the time at most.",
            self.made.get(..10).unwrap_or(&self.made),
            self.plan.rounds,
            most(|load| load.used),
        )
    }

    /// On against off.
    fn starts(&self) -> String {
        let pairs = &self.start.pairs;
        let differences = pairs.iter().map(|Pair { on, off }| on.start_ms - off.start_ms);
        let on = Figure::of(pairs.iter().map(|pair| pair.on.start_ms));
        let off = Figure::of(pairs.iter().map(|pair| pair.off.start_ms));
        let fed = pairs.iter().filter(|pair| pair.on.p2p_bytes > 0.0).count();
        let stalls =
            |of: fn(&Pair) -> &Start| pairs.iter().map(|pair| of(pair).stalls).sum::<u32>();
        format!(
            "Start of our page in {} pairs, by turns: {on} ms with sharing and {off} ms without; one less the other {} ms. \
            {fed} of those with sharing had bytes of a peer 0.7 s after the first frame; {} stalls with, {} without.",
            pairs.len(),
            Figure::of(differences),
            stalls(|pair| &pair.on),
            stalls(|pair| &pair.off)
        )
    }
}

/// How a row of the table comes from all rounds of one kind of page.
type Cell = fn(&[&Round]) -> String;

/// All that is told of a kind of video.
const ROWS: &[(&str, Cell)] = &[
    (COPIES, |rounds| each(rounds, Round::copies)),
    ("the same of one page", |rounds| {
        let of = |round: &Round, page: &Page| page.late_bytes.media / round.published_bytes;
        let copies = rounds.iter().flat_map(|round| round.pages.iter().map(|page| of(round, page)));
        Figure::spread(copies).to_string()
    }),
    (SENT, |rounds| each(rounds, |round| round.sent(|sent| sent.media))),
    ("playlists and lists of digests, MB", |rounds| {
        each(rounds, |round| round.sent(|sent| sent.lists))
    }),
    (PEERS, |rounds| Figure::spread(pages(rounds).map(Page::peers_percent)).to_string()),
    (TWICE, |rounds| Figure::spread(pages(rounds).map(Page::duplicate_percent)).to_string()),
    (FIRST, |rounds| {
        let never = pages(rounds).filter(|page| page.start_ms.is_none()).count();
        let figure = Figure::spread(pages(rounds).filter_map(|page| page.start_ms)).to_string();
        if never == 0 { figure } else { format!("{figure}; none on {never}") }
    }),
    (STALLS, |rounds| {
        let stalled = pages(rounds).map(|page| page.stall_ms).sum::<f64>() / 1000.0;
        format!("{} ({stalled:.1} s)", pages(rounds).map(|page| page.stalls).sum::<u32>())
    }),
    (CPU, |rounds| Figure::spread(pages(rounds).map(Page::cpu_percent)).to_string()),
    (BEHIND, |rounds| {
        let behind: Vec<f64> = pages(rounds).filter_map(|page| page.behind_seconds).collect();
        if behind.is_empty() {
            String::new()
        } else {
            Figure::spread(behind.into_iter()).to_string()
        }
    }),
    (THROUGH, |rounds| {
        let through = pages(rounds).filter(|page| page.is_through).count();
        format!("{through} of {}", pages(rounds).count())
    }),
];

/// What strangers are told.
const SHORT: &[&str] = &[COPIES, SENT, PEERS, TWICE, FIRST, STALLS, THROUGH, CPU, BEHIND];

const COPIES: &str = "copies from the origin after each page's first 10 s";
const PEERS: &str = "from peers, % of a page's bytes";
const TWICE: &str = "come twice, % of what a page needs";
const FIRST: &str = "first frame, ms";
const STALLS: &str = "stalls after that, of all pages";
const BEHIND: &str = "behind the live edge, as each tells, s";
const SENT: &str = "media sent by the origin in all, MB";
const THROUGH: &str = "played to the end";
const CPU: &str = "a page takes of one core, %";

/// The cells of one row, if it has any.
fn row(name: &str, cell: Cell, rounds: &[Round]) -> Option<[String; 4]> {
    let [on, off, stock] = KINDS.map(|kind| cell(&of(rounds, kind)));
    (!on.is_empty()).then(|| [name.to_owned(), on, off, stock])
}

/// A table's heading.
fn columns(first: &str) -> [&str; 4] {
    [first, "Shoal", "Shoal, sharing off", "p2p-media-loader 2.3.1"]
}

/// A median, and either where the true one is in 95 of 100 such measurements, if there are enough to say, or the least and the most.
#[derive(Debug, Clone, Copy)]
struct Figure {
    value: f64,
    interval: Option<(f64, f64)>,
}

impl Figure {
    fn of(values: impl Iterator<Item = f64>) -> Figure {
        let values: Vec<f64> = values.collect();
        Figure { value: median(&values), interval: interval_of_median(&values) }
    }

    /// Of pages that share with each other, which are no measurements apart.
    fn spread(values: impl Iterator<Item = f64>) -> Figure {
        let values: Vec<f64> = values.collect();
        let [least, most] = [f64::min, f64::max].map(|of| values.iter().copied().reduce(of));
        Figure { value: median(&values), interval: least.zip(most) }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figure { value, interval } = self;
        let most = interval.map_or(value.abs(), |(low, high)| low.abs().max(high.abs()));
        let digits = if most >= 20.0 { 0 } else { 2 };
        write!(f, "{value:.digits$}")?;
        interval.map_or(Ok(()), |(low, high)| write!(f, " ({low:.digits$} to {high:.digits$})"))
    }
}

fn of(rounds: &[Round], kind: Kind) -> Vec<&Round> {
    rounds.iter().filter(|round| round.kind == kind).collect()
}

fn pages<'a>(rounds: &[&'a Round]) -> impl Iterator<Item = &'a Page> {
    rounds.iter().flat_map(|round| &round.pages).collect::<Vec<_>>().into_iter()
}

/// Round by round.
fn each(rounds: &[&Round], figure: impl Fn(&Round) -> f64) -> String {
    rounds.iter().map(|round| format!("{:.2}", figure(round))).collect::<Vec<_>>().join(", ")
}

/// As charts call them.
fn policy(kind: Kind) -> &'static str {
    match kind {
        Kind::On => "shoal",
        Kind::Off => "off",
        Kind::Stock => "pml2",
    }
}

const KINDS: [Kind; 3] = [Kind::On, Kind::Off, Kind::Stock];
/// Of the machine's time, in percent, that may go to others before figures are none.
const MOST_OTHERS: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn page(late_bytes: u32, start_ms: Option<f64>, behind: Option<f64>) -> Value {
        let mut page = json!({
            "isThrough": start_ms.is_some(), "seconds": 100, "cpuSeconds": 15, "startMs": start_ms, "stalls": 1, "stallMs": 500,
            "p2pBytes": 700, "neededBytes": 1000, "originBytes": {"media": 400, "lists": 10, "page": 5},
            "lateBytes": {"media": late_bytes, "lists": 4},
        });
        if let Some(behind) = behind {
            page["behindSeconds"] = behind.into();
        }
        page
    }

    fn report(others: f64) -> Report {
        let rounds = |behind| {
            let round = |(kind, late_bytes)| {
                let starts =
                    [Some(500.0), Some(600.0), Some(700.0), Some(800.0), Some(900.0), None];
                let pages = starts.map(|start| page(late_bytes, start, behind));
                json!({"kind": kind, "publishedBytes": 1000, "machine": {"used": 0.9, "others": others}, "pages": pages,
                    "series": [{"second": 0, "originBps": 2e6}, {"second": 5, "originBps": 1e6}]})
            };
            [("on", 200), ("off", 1000), ("stock", 400)].map(round)
        };
        let pair = |on| json!({"on": {"startMs": on, "p2pBytes": 9, "stalls": 0, "peers": 1}, "off": {"startMs": 250, "p2pBytes": 0, "stalls": 1}});
        let pairs: Vec<Value> = [240, 245, 250, 255, 260, 265].map(pair).into();
        let audience = json!({"viewers": 6, "apartSeconds": 12, "seconds": 300});
        let report = json!({
            "made": "2026-11-27T01:02:03.000Z",
            "machine": {"processor": "Abacus", "cores": 2, "memoryGb": 24, "kernel": "6.18", "chromium": "148"},
            "ratesMbps": {"origin": 40, "down": 20, "up": 10},
            "plan": {"rounds": 1, "pairs": 6, "vod": audience, "live": audience},
            "start": {"machine": {"used": 0.5, "others": 0.01}, "pairs": pairs},
            "vod": rounds(None), "live": rounds(Some(11.25)),
        });
        serde_json::from_value(report).unwrap()
    }

    #[track_caller]
    fn check(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn the_table_compares_kinds_of_pages() {
        let lines = [
            "| a finished video of 300 s, 6 pages 12 s apart | Shoal | Shoal, sharing off | p2p-media-loader 2.3.1 |",
            "| copies from the origin after each page's first 10 s | 1.20 | 6.00 | 2.40 |",
            "| come twice, % of what a page needs | 10.00 (10.00 to 10.00) |",
            "| first frame, ms | 700 (500 to 900); none on 1 |",
            "| stalls after that, of all pages | 6 (3.0 s) |",
            "| a page takes of one core, % | 15.00 (15.00 to 15.00) |",
            "| behind the live edge, as each tells, s | 11.25 (11.25 to 11.25) |",
            "| played to the end | 5 of 6 | 5 of 6 | 5 of 6 |",
        ];
        check(&report(0.02).to_string(), &lines);
    }

    #[test]
    fn the_summary_has_both_kinds_of_video_in_one_table() {
        let lines = [
            "| 6 pages, each on a line of its own | Shoal |",
            "| a finished video: copies from the origin after each page's first 10 s | 1.20 |",
            "| a live stream: stalls after that, of all pages | 6 (3.0 s) |",
            "| a live stream: behind the live edge, as each tells, s | 11.25 (11.25 to 11.25) |",
            "Start of our page in 6 pairs",
            "2026-11-27, 2 cores of Abacus",
            "](docs/charts/browsers-copies.svg)",
        ];
        let summary = report(0.02).summary();
        check(&summary, &lines);
        assert!(!summary.contains("a finished video: behind"));
    }

    #[test]
    fn starts_are_compared_pair_by_pair() {
        let line = "252 (240 to 265) ms with sharing and 250 (250 to 250) ms without; one less the other 2.50 (-10.00 to 15.00) ms";
        check(&report(0.02).to_string(), &[line, "6 of those with sharing had bytes"]);
    }

    #[test]
    fn figures_of_a_busy_machine_are_called_so() {
        check(&report(0.02).to_string(), &["The machine was quiet. Others took 2 % of it at most"]);
        check(
            &report(0.4).to_string(),
            &["busy with other things: these figures don't count", "Others took 40 %"],
        );
    }

    #[test]
    fn there_is_a_chart_of_each_thing_that_is_compared() {
        let charts = report(0.02).charts().unwrap();
        assert_eq!(charts.len(), 4);
        check(
            &charts[0].1,
            &["a finished video", "a live stream", "1.2", "no sharing", "p2p-media-loader 2"],
        );
    }
}
