//! A viewer's access line: a rate that changes with time, and a delay.

use std::time::Duration;

/// How bytes reach one viewer, and leave it.
#[derive(Clone, Debug)]
pub struct Line {
    /// Bits per second towards the viewer from each moment on, in order of time.
    pub rates: Vec<(Duration, u64)>,
    /// Bits per second that it can send.
    pub uplink_bps: u64,
    /// To the origin and back; that to other viewers is the network's business.
    pub round_trip: Duration,
}

impl Line {
    /// A line that never changes.
    pub fn steady(bps: u64) -> Line {
        Line {
            rates: vec![(Duration::ZERO, bps)],
            uplink_bps: HOME_UPLINK_BPS,
            round_trip: Duration::from_millis(40),
        }
    }

    /// A line that changes once.
    pub fn changing(before_bps: u64, at: Duration, after_bps: u64) -> Line {
        Line { rates: vec![(Duration::ZERO, before_bps), (at, after_bps)], ..Line::steady(0) }
    }

    /// When `bytes` that begin to come through at `start` are through.
    pub(crate) fn through_at(&self, start: Duration, bytes: u64) -> Duration {
        if let [(_, bps)] = self.rates[..] {
            return start + takes(bytes, bps);
        }
        let (mut now, mut left) = (start, bytes as f64 * 8.0);
        for (no, (from, bps)) in self.rates.iter().enumerate() {
            let end = self.rates.get(no + 1).map(|(next, _)| *next);
            if end.is_some_and(|end| end <= now) {
                continue;
            }
            now = now.max(*from);
            let takes = Duration::from_secs_f64(left / (*bps).max(1) as f64);
            match end {
                Some(end) if now + takes > end => {
                    left -= (end - now).as_secs_f64() * *bps as f64;
                    now = end;
                }
                _ => return now + takes,
            }
        }
        now
    }
}

/// How long bytes need at a rate.
pub(crate) fn takes(bytes: u64, bps: u64) -> Duration {
    Duration::from_nanos(bytes.saturating_mul(8_000_000_000) / bps.max(1))
}

/// A home's uplink.
const HOME_UPLINK_BPS: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_at_the_rate_of_their_time() {
        let line = Line::changing(8_000_000, Duration::from_secs(10), 4_000_000);
        let check = |start: u64, bytes, wanted| {
            let through = line.through_at(Duration::from_secs(start), bytes);
            assert_eq!(through, Duration::from_secs(wanted), "{bytes} from {start}");
        };
        check(0, 1_000_000, 1);
        check(9, 1_500_000, 11);
        check(20, 1_000_000, 22);
    }
}
