//! Charts of what simulations found, as SVG that reads on any page: with a ground of its own, and text of 13 pixels and more.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

/// What a chart needs of a simulation's report.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// What was played, where the report tells.
    #[serde(default)]
    pub scenario: String,
    /// Who decided: `shoal`, `pml2`, `pml5` or `off`.
    pub policy: String,
    /// How many watched.
    pub viewers: usize,
    /// What the server sent, in segments for each segment that there was.
    pub origin_copies_per_segment: f64,
    /// Second by second, where that was kept.
    #[serde(default)]
    pub series: Vec<Moment>,
}

/// One second of it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// Since the measuring began.
    pub second: f64,
    /// What the server sent, in bits.
    pub origin_bps: f64,
    /// Who was there.
    #[serde(default)]
    pub viewers: usize,
}

/// Why there is no chart.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// No report has what it shows.
    #[error("no report has what the chart shows")]
    Empty,
    /// It can't be drawn.
    #[error("the chart can't be drawn: {0}")]
    Drawing(#[from] DrawingAreaErrorKind<std::io::Error>),
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Some bars that stand together, under a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What they are of.
    pub name: String,
    /// At least one.
    pub bars: Vec<Bar>,
}

/// One of several that are compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// As in [`Run`].
    pub policy: String,
    /// From zero up.
    pub value: f64,
    /// Between which two values the true one probably lies.
    pub interval: Option<(f64, f64)>,
}

/// Groups of bars from zero up, each with its value above it, and a line through it as long as its interval.
///
/// # Errors
/// See [`ChartError`].
pub fn groups(title: &str, unit: &str, groups: &[Group]) -> Result<String, ChartError> {
    let bars = || groups.iter().flat_map(|group| &group.bars);
    let highest = |bar: &Bar| bar.interval.map_or(bar.value, |(_, high)| high.max(bar.value));
    let most = bars().map(highest).fold(0.0, f64::max) * 1.15;
    let first = groups.first().ok_or(ChartError::Empty)?;
    if most <= 0.0 {
        return Err(ChartError::Empty);
    }
    let keys = first.bars.iter().map(|bar| (name(&bar.policy), Some(colour(&bar.policy))));
    let keys = keys.collect::<Vec<_>>();
    // A place for each bar, and an empty one between groups.
    let room = first.bars.len() + 1;
    let places = groups.len() * room - 1;
    draw(title, |area| {
        let area = keyed(area, &keys)?;
        let mut chart =
            frame(&area).build_cartesian_2d((0..places - 1).into_segmented(), 0.0..most)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(14))
            .x_labels(places)
            .x_label_formatter(&|at| match at {
                SegmentValue::CenterOf(no) if no % room == (room - 1) / 2 => {
                    groups.get(no / room).map_or("", |group| &group.name).to_owned()
                }
                _ => String::new(),
            })
            .y_label_formatter(&|value| short(*value))
            .y_desc(unit)
            .draw()?;
        for (group, bars) in groups.iter().map(|group| &group.bars).enumerate() {
            for (bar, no) in bars.iter().zip(group * room..) {
                let corners =
                    [(SegmentValue::Exact(no), 0.0), (SegmentValue::Exact(no + 1), bar.value)];
                let mut block = Rectangle::new(corners, colour(&bar.policy).filled());
                block.set_margin(0, 0, GROUPED_MARGIN, GROUPED_MARGIN);
                chart.draw_series([block])?;
                let middle = || SegmentValue::CenterOf(no);
                let line = bar.interval.map(|(low, high)| [(middle(), low), (middle(), high)]);
                let line = line.map(|ends| PathElement::new(ends, INK.stroke_width(2)));
                chart.draw_series(line)?;
                let above = text(14).pos(Pos::new(HPos::Center, VPos::Bottom));
                let at = EmptyElement::at((middle(), highest(bar)));
                chart.draw_series([at + Text::new(short(bar.value), (0, -4), above)])?;
            }
        }
        Ok(())
    })
}

/// Copies per segment of several policies in one scenario, as bars over a logarithmic axis.
///
/// # Errors
/// See [`ChartError`].
pub fn copies(runs: &[Run]) -> Result<String, ChartError> {
    let first = runs.first().ok_or(ChartError::Empty)?;
    let of = first.scenario.clone() + if first.scenario.is_empty() { "" } else { ", " };
    let title =
        format!("How often the server sends each segment ({of}{} viewers)", grouped(first.viewers));
    let values: Vec<f64> = runs.iter().map(|run| run.origin_copies_per_segment).collect();
    let axis = decades(&values);
    draw(&title, |area| {
        let mut chart = frame(area)
            .build_cartesian_2d((0..runs.len() - 1).into_segmented(), axis.clone().log_scale())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(14))
            .x_labels(runs.len())
            .x_label_formatter(&|at| match at {
                SegmentValue::CenterOf(no) => {
                    runs.get(*no).map_or("", |run| name(&run.policy)).to_owned()
                }
                _ => String::new(),
            })
            .y_label_formatter(&|copies| short(*copies))
            .y_desc("copies per segment (logarithmic)")
            .draw()?;
        for (no, run) in runs.iter().enumerate() {
            let value = run.origin_copies_per_segment.max(axis.start);
            let corners =
                [(SegmentValue::Exact(no), axis.start), (SegmentValue::Exact(no + 1), value)];
            let mut bar = Rectangle::new(corners, colour(&run.policy).filled());
            bar.set_margin(0, 0, BAR_MARGIN, BAR_MARGIN);
            chart.draw_series([bar])?;
            let above = text(16).pos(Pos::new(HPos::Center, VPos::Bottom));
            let label = short(run.origin_copies_per_segment);
            let at = (SegmentValue::CenterOf(no), value);
            chart.draw_series([EmptyElement::at(at) + Text::new(label, (0, -4), above)])?;
        }
        Ok(())
    })
}

/// What the server sends while a crowd comes, of several policies, beside what it would send if everybody took all from it.
///
/// # Errors
/// See [`ChartError`].
pub fn crowd(runs: &[Run], bitrate_bps: f64) -> Result<String, ChartError> {
    let moments = || runs.iter().flat_map(|run| &run.series);
    let last = moments().map(|moment| moment.second).fold(0.0, f64::max);
    let peak = moments().map(|moment| moment.origin_bps).fold(0.0, f64::max) / 1e6;
    let longest = runs.iter().max_by_key(|run| run.series.len()).ok_or(ChartError::Empty)?;
    let all: Vec<(f64, f64)> = (longest.series.iter())
        .map(|moment| (moment.second, moment.viewers as f64 * bitrate_bps / 1e6))
        .collect();
    let most = all.iter().map(|(_, mbps)| *mbps).fold(peak, f64::max) * 1.05;
    if last <= 0.0 || most <= 0.0 {
        return Err(ChartError::Empty);
    }
    let title = format!("What the server sends while {} viewers come", grouped(longest.viewers));
    let reference = format!("viewers × {} Mbit/s", short(bitrate_bps / 1e6));
    course(&title, runs, Some((&reference, all)), (last, most))
}

/// What the server sends, second by second, of several policies.
///
/// # Errors
/// See [`ChartError`].
pub fn sending(title: &str, runs: &[Run]) -> Result<String, ChartError> {
    let moments = || runs.iter().flat_map(|run| &run.series);
    let last = moments().map(|moment| moment.second).fold(0.0, f64::max);
    let most = moments().map(|moment| moment.origin_bps).fold(0.0, f64::max) / 1e6 * 1.05;
    if last <= 0.0 || most <= 0.0 {
        return Err(ChartError::Empty);
    }
    course(title, runs, None, (last, most))
}

/// Lines of runs, and perhaps a dashed one, up to the last second and the most Mbit/s.
fn course(
    title: &str,
    runs: &[Run],
    reference: Option<(&str, Vec<(f64, f64)>)>,
    ends: (f64, f64),
) -> Result<String, ChartError> {
    let mut keys: Vec<_> = reference.iter().map(|(name, _)| (*name, None)).collect();
    keys.extend(runs.iter().map(|run| (name(&run.policy), Some(colour(&run.policy)))));
    draw(title, |area| {
        let area = keyed(area, &keys)?;
        let mut chart = frame(&area).build_cartesian_2d(0.0..ends.0, 0.0..ends.1)?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(13))
            .x_label_formatter(&|second| format!("{second:.0}"))
            .y_label_formatter(&|mbps| grouped(mbps.round() as usize))
            .x_desc("seconds")
            .y_desc("Mbit/s")
            .draw()?;
        if let Some((_, points)) = &reference {
            let line = DashedLineSeries::new(points.clone(), 6, 4, INK.stroke_width(2));
            chart.draw_series(line)?;
        }
        for run in runs {
            let line = colour(&run.policy).stroke_width(2);
            let points = run.series.iter().map(|moment| (moment.second, moment.origin_bps / 1e6));
            chart.draw_series(LineSeries::new(points, line))?;
        }
        Ok(())
    })
}

/// Copies per segment of one policy against the number of viewers, both logarithmic, beside what grows as the logarithm.
///
/// # Errors
/// See [`ChartError`].
pub fn growth(runs: &[Run]) -> Result<String, ChartError> {
    let mut points: Vec<(f64, f64)> =
        runs.iter().map(|run| (run.viewers as f64, run.origin_copies_per_segment)).collect();
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (first, last) = (*points.first().ok_or(ChartError::Empty)?, points[points.len() - 1]);
    let logarithm = |viewers: f64| first.1 * viewers.ln() / first.0.max(2.0).ln();
    let values: Vec<f64> = points.iter().map(|point| point.1).chain([logarithm(last.0)]).collect();
    let (across, up) = (first.0 * 0.8..last.0.max(first.0 * 2.0) * 1.25, decades(&values));
    let policy = runs[0].policy.clone();
    draw("How often the server sends each segment as audiences grow", |area| {
        let area =
            keyed(area, &[("grows as log N", None), (name(&policy), Some(colour(&policy)))])?;
        let mut chart = frame(&area).build_cartesian_2d(across.log_scale(), up.log_scale())?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(text(13))
            .x_label_formatter(&|viewers| step(*viewers))
            .y_label_formatter(&|copies| short(*copies))
            .x_desc("viewers (logarithmic)")
            .y_desc("copies per segment (logarithmic)")
            .draw()?;
        let grows = (0..=STEPS).map(|step| {
            let viewers = first.0 * (last.0 / first.0).powf(f64::from(step) / f64::from(STEPS));
            (viewers, logarithm(viewers))
        });
        let grows = grows.collect::<Vec<_>>();
        chart.draw_series(DashedLineSeries::new(grows, 6, 4, INK.stroke_width(2)))?;
        let line = colour(&policy).stroke_width(2);
        chart.draw_series(LineSeries::new(points.clone(), line).point_size(4))?;
        let above = text(14).pos(Pos::new(HPos::Center, VPos::Bottom));
        chart.draw_series(points.iter().map(|point| {
            EmptyElement::at(*point) + Text::new(short(point.1), (0, -9), above.clone())
        }))?;
        Ok(())
    })
}

/// Draws on a ground of its own, under a title.
fn draw(
    title: &str,
    contents: impl FnOnce(&Area<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&GROUND)?;
        let below = area.margin(6, 0, 0, 0).titled(title, text(19))?;
        contents(&below)?;
        area.present()?;
    }
    Ok(svg)
}

fn frame<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(14).x_label_area_size(46).y_label_area_size(70);
    builder
}

/// A row that tells what the lines are, and the room below it. What has no colour is the dashed line.
fn keyed<'a>(area: &Area<'a>, keys: &[(&str, Option<RGBColor>)]) -> Result<Area<'a>, ChartError> {
    let (row, below) = area.split_vertically(KEY_HEIGHT);
    let mut x = KEY_MARGIN;
    for (key, colour) in keys {
        let style = colour.unwrap_or(INK).stroke_width(2);
        let dashes =
            if colour.is_some() { vec![(0, KEY_LINE)] } else { vec![(0, 10), (14, KEY_LINE)] };
        for (from, to) in dashes {
            row.draw(&PathElement::new([(x + from, KEY_MIDDLE), (x + to, KEY_MIDDLE)], style))?;
        }
        let beside = text(14).pos(Pos::new(HPos::Left, VPos::Center));
        row.draw(&Text::new((*key).to_owned(), (x + KEY_LINE + 8, KEY_MIDDLE), beside))?;
        x += KEY_LINE + 8 + KEY_GAP + key.chars().count() as i32 * 15 / 2;
    }
    Ok(below)
}

fn text(pixels: u32) -> TextStyle<'static> {
    ("sans-serif", f64::from(pixels) * SVG_SHRINKS).into_font().color(&INK)
}

/// From the power of ten below all values to one that leaves room above them.
fn decades(values: &[f64]) -> Range<f64> {
    let positive = || values.iter().copied().filter(|value| *value > 0.0);
    let least = positive().fold(f64::INFINITY, f64::min).min(10.0);
    let most = positive().fold(1.0, f64::max);
    10f64.powf((least * 0.7).log10().floor()).max(0.01)..10f64.powf((most * 1.6).log10().ceil())
}

/// As many digits as say something: 0.42, 8.8, 355, 1,200.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => grouped(value.round() as usize),
        value if (value - value.round()).abs() < 0.005 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// Of a logarithmic axis, every 1, 2 and 5; the others would lie over each other.
fn step(number: f64) -> String {
    let label = grouped(number.round() as usize);
    if label.starts_with(['1', '2', '5']) && label.matches(['0', ',']).count() + 1 == label.len() {
        label
    } else {
        String::new()
    }
}

/// With a comma at each thousand.
fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// What people call a policy.
fn name(policy: &str) -> &str {
    match policy {
        "shoal" => "Shoal",
        "pml2" => "p2p-media-loader 2",
        "pml5" => "p2p-media-loader 5",
        "off" => "no sharing",
        other => other,
    }
}

fn colour(policy: &str) -> RGBColor {
    match policy {
        "shoal" => RGBColor(0, 110, 150),
        "pml2" => RGBColor(200, 90, 20),
        "pml5" => RGBColor(130, 80, 160),
        _ => RGBColor(120, 120, 120),
    }
}

/// By so much the SVG backend shrinks letters.
const SVG_SHRINKS: f64 = 1.24;
const SIZE: (u32, u32) = (840, 440);
const GROUND: RGBColor = RGBColor(252, 252, 250);
const INK: RGBColor = RGBColor(40, 40, 40);
const GRID: RGBColor = RGBColor(215, 215, 210);
/// The row that tells what the lines are, in pixels: its height and middle, where it begins, the line and the gap after each.
const KEY_HEIGHT: u32 = 26;
const KEY_MIDDLE: i32 = 13;
const KEY_MARGIN: i32 = 60;
const KEY_LINE: i32 = 24;
const KEY_GAP: i32 = 14;
/// Pixels on both sides of a bar, and of one of several groups.
const BAR_MARGIN: u32 = 40;
const GROUPED_MARGIN: u32 = 6;
/// Of which a curve is made.
const STEPS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn run(policy: &str, viewers: usize, copies: f64) -> Run {
        let series = (0..90).map(|second| Moment {
            second: f64::from(second),
            origin_bps: copies * 1e6 + f64::from(second) * 1e5,
            viewers: (viewers * second as usize / 30).min(viewers),
        });
        Run {
            scenario: "live & well".into(),
            policy: policy.into(),
            viewers,
            origin_copies_per_segment: copies,
            series: series.collect(),
        }
    }

    /// Every tag that opens closes, in order.
    #[track_caller]
    fn check_well_formed(svg: &str) {
        let mut open = vec!["svg"];
        let mut tags = svg.split('<').skip(1).map(|tag| tag.split_once('>').expect("a tag ends").0);
        assert!(tags.next().is_some_and(|tag| tag.starts_with("svg ")), "{svg}");
        for tag in tags {
            let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
            match tag {
                _ if tag.starts_with('/') => assert_eq!(open.pop(), Some(name), "in {svg}"),
                _ if tag.ends_with('/') => {}
                _ => open.push(name),
            }
        }
        assert_eq!(open, [""; 0]);
        let entities =
            svg.split('&').skip(1).filter(|after| !after.starts_with(['a', 'l', 'g', 'q', '#']));
        assert_eq!(entities.count(), 0);
    }

    #[track_caller]
    fn check(svg: &str, texts: &[&str]) {
        check_well_formed(svg);
        for text in texts {
            assert!(svg.contains(text), "{text} is missing in {svg}");
        }
    }

    #[test]
    fn bars_carry_their_values() {
        let runs = [run("shoal", 1000, 8.77), run("pml5", 1000, 355.6), run("pml2", 1000, 1497.0)];
        let texts = [
            "8.8",
            "356",
            "1,497",
            "Shoal",
            "p2p-media-loader 5",
            "live &amp; well, 1,000 viewers",
        ];
        check(&copies(&runs).unwrap(), &texts);
    }

    #[test]
    fn groups_of_bars_carry_their_values_and_intervals() {
        let bar = |policy: &str, value| Bar { policy: policy.into(), value, interval: None };
        let bars = vec![bar("shoal", 1.25), Bar { interval: Some((4.0, 7.5)), ..bar("off", 5.2) }];
        let group = Group { name: "a finished video".into(), bars };
        let svg = groups("Copies", "copies", &[group.clone(), group]).unwrap();
        check(&svg, &["Copies", "a finished video", "1.2", "5.2", "no sharing"]);
        let none = Group { name: String::new(), bars: vec![bar("off", 0.0)] };
        assert!(matches!(groups("", "", &[none]), Err(ChartError::Empty)));
    }

    #[test]
    fn what_is_sent_is_drawn_for_each_policy() {
        let runs = [run("shoal", 6, 1.0), run("off", 6, 6.0)];
        check(&sending("Sent", &runs).unwrap(), &["Sent", "Shoal", "no sharing", "Mbit/s"]);
        assert!(matches!(sending("Sent", &[]), Err(ChartError::Empty)));
    }

    #[test]
    fn a_crowd_is_compared_with_everybody_fetching() {
        let runs = [run("shoal", 1000, 8.0), run("pml2", 1000, 500.0)];
        let texts =
            ["viewers × 1.5 Mbit/s", "Shoal", "p2p-media-loader 2", "seconds", "1,000 viewers"];
        check(&crowd(&runs, 1_500_000.0).unwrap(), &texts);
    }

    #[test]
    fn growth_stands_beside_the_logarithm() {
        let runs = [run("shoal", 1000, 8.0), run("shoal", 100, 3.0), run("shoal", 10_000, 13.4)];
        check(&growth(&runs).unwrap(), &["grows as log N", "Shoal", "3", "8", "13.4", "10,000"]);
    }

    #[test]
    fn without_reports_there_is_no_chart() {
        assert!(matches!(copies(&[]), Err(ChartError::Empty)));
        assert!(matches!(growth(&[]), Err(ChartError::Empty)));
        let silent = Run { series: Vec::new(), ..run("off", 10, 10.0) };
        assert!(matches!(crowd(&[silent], 1e6), Err(ChartError::Empty)));
    }

    #[test]
    fn a_report_of_the_simulator_is_read() {
        let json = r#"{"policy":"off","viewers":5,"originCopiesPerSegment":5.0,"offload":0.0,
            "series":[{"second":0,"originBps":7,"viewers":2,"stalled":0}]}"#;
        let run: Run = serde_json::from_str(json).unwrap();
        assert_eq!((run.viewers, run.series[0].origin_bps, run.series[0].viewers), (5, 7.0, 2));
    }

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        let check = |value, wanted| assert_eq!(short(value), wanted);
        check(0.416, "0.42");
        check(1.0, "1");
        check(8.77, "8.8");
        check(355.6, "356");
        check(1_234_567.0, "1,234,567");
    }
}
