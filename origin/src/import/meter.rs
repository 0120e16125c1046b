//! How far an import is, and how long it will still take, from what ffmpeg says of its progress.

use std::time::{Duration, Instant};

use super::plan::{Plan, Rung, Way};
use super::process::Lines;
use super::{Event, Progress, Stage};

/// Tells whoever asked for the import about it.
pub(super) struct Meter<'a> {
    report: &'a mut dyn FnMut(Event<'_>),
    began: Instant,
    /// Of the source, if known.
    duration: Option<Duration>,
    /// Work in the stages before this one, in this one, and in all, in any unit.
    before: f64,
    this: f64,
    all: f64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(report: &'a mut dyn FnMut(Event<'_>)) -> Meter<'a> {
        Meter { report, began: Instant::now(), duration: None, before: 0.0, this: 0.0, all: 0.0 }
    }

    pub(super) fn tell(&mut self, event: Event<'_>) {
        (self.report)(event);
    }

    /// What is to be done is known.
    pub(super) fn expect(&mut self, plan: &Plan, duration: Option<Duration>) {
        let (first, rest) = work(plan);
        (self.duration, self.before, self.this, self.all) = (duration, 0.0, 0.0, first + rest);
    }

    /// One stage is over and the next begins, which takes this much work.
    pub(super) fn begin(&mut self, stage: Stage, plan: &Plan) {
        let (first, rest) = work(plan);
        self.before += self.this;
        self.this = if matches!(stage, Stage::First { .. }) { first } else { rest };
        self.advance(stage, Duration::ZERO);
    }

    /// ffmpeg has got this far in the source.
    pub(super) fn advance(&mut self, stage: Stage, reached: Duration) {
        let part = match self.duration {
            Some(duration) if !duration.is_zero() => {
                (reached.as_secs_f64() / duration.as_secs_f64()).min(1.0)
            }
            _ => 0.0,
        };
        let done = if self.all > 0.0 {
            ((self.before + self.this * part) / self.all).min(1.0)
        } else {
            0.0
        };
        let left = time_left(self.began.elapsed(), done);
        self.tell(Event::Progress(Progress { stage, done, left }));
    }
}

/// How far ffmpeg's `-progress` says that it has got.
#[derive(Debug, Default)]
pub(super) struct Reached {
    lines: Lines,
    /// In what it makes, over all streams.
    pub(super) time: Duration,
}

impl Reached {
    /// Takes in a piece of its output; true if the time has changed.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> bool {
        let before = self.time;
        let Reached { lines, time } = self;
        lines.push(bytes, &mut |line| {
            if let Some(microseconds) =
                line.strip_prefix("out_time_us=").and_then(|number| number.parse().ok())
            {
                *time = Duration::from_micros(microseconds);
            }
        });
        self.time != before
    }
}

/// Work in the first rendition and in all others together: pixels to encode, and a share for decoding and copying.
fn work(plan: &Plan) -> (f64, f64) {
    let pixels = |rungs: &[Rung]| rungs.iter().map(|rung| rung.size.pixels()).sum::<f64>();
    let (first, others) = (plan.first(), plan.others());
    let largest = plan.largest().size.pixels();
    let decoding = DECODING * largest;
    let first = match plan.way {
        Way::Remux => COPYING * largest,
        Way::Encode => pixels(&[first]) + decoding,
    };
    (first, if others.is_empty() { 0.0 } else { pixels(others) + decoding })
}

/// What is left if the rest goes as fast as what is done; unknown at the very beginning.
fn time_left(elapsed: Duration, done: f64) -> Option<Duration> {
    (done >= 0.01).then(|| elapsed.mul_f64(((1.0 - done) / done).clamp(0.0, 100.0)))
}

/// Work to decode a pixel, where encoding it fast is 1.
const DECODING: f64 = 0.2;
/// Work to copy one without decoding it.
const COPYING: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::super::plan::tests::film;
    use super::*;

    #[test]
    fn progress_never_goes_back_and_ends_at_one() {
        let mut told = Vec::new();
        let mut report = |event: Event<'_>| {
            if let Event::Progress(progress) = event {
                told.push(progress.done);
            }
        };
        let plan = Plan::encode(&film(), &[240, 480]);
        let mut meter = Meter::new(&mut report);
        meter.expect(&plan, Some(Duration::from_secs(10)));
        for stage in [Stage::First { height: 240 }, Stage::Others { count: 1 }] {
            meter.begin(stage, &plan);
            for second in [1, 5, 10, 11] {
                meter.advance(stage, Duration::from_secs(second));
            }
        }
        assert!(told.is_sorted(), "{told:?}");
        assert!((told.last().unwrap() - 1.0).abs() < 1e-9, "{told:?}");
    }

    #[test]
    fn the_time_left_is_unknown_until_something_is_done() {
        assert_eq!(time_left(Duration::from_secs(5), 0.0), None);
        assert_eq!(time_left(Duration::from_secs(5), 0.5), Some(Duration::from_secs(5)));
        assert_eq!(time_left(Duration::from_secs(5), 1.0), Some(Duration::ZERO));
    }

    #[test]
    fn ffmpegs_time_is_read_across_pieces() {
        let mut reached = Reached::default();
        assert!(!reached.hear(b"frame=1\nout_time_us=N/A\nout_ti"));
        assert!(reached.hear(b"me_us=1500000\nprogress=continue\n"));
        assert_eq!(reached.time, Duration::from_millis(1500));
        assert!(!reached.hear(b"out_time_us=-5\n"));
    }
}
