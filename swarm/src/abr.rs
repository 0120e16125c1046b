//! Which rendition the line carries.

use std::time::Duration;

/// The start rendition for a stored or first estimate: the best that takes at most 70 % of it, else the lowest.
///
/// The page's script asks for the first segments by the same rule while the engine still compiles (`www/player.js`),
/// so a change here is a change there; the browser tests count the requests.
pub fn start_rendition(bandwidths_bps: &[u64], estimate_bps: u64) -> usize {
    best_within(bandwidths_bps, estimate_bps, UP)
}

/// The rendition to fetch next; `bandwidths_bps` ascends.
///
/// A step up needs room in the estimate and a filled buffer, so that a wrong guess can't stall. A step down is made
/// when the rendition no longer fits, the sooner the emptier the buffer.
pub(crate) fn next_rendition(
    bandwidths_bps: &[u64],
    current: usize,
    estimate_bps: u64,
    ahead: Duration,
) -> usize {
    let best = best_within(bandwidths_bps, estimate_bps, UP);
    if best > current {
        return if ahead >= FILLED { best } else { current };
    }
    let stay = if ahead < THIN { UP } else { STAY };
    match bandwidths_bps.get(current) {
        Some(&bps) if bps as f64 <= estimate_bps as f64 * stay => current,
        _ => best,
    }
}

fn best_within(bandwidths_bps: &[u64], estimate_bps: u64, share: f64) -> usize {
    let room = estimate_bps as f64 * share;
    bandwidths_bps.iter().rposition(|&bps| bps as f64 <= room).unwrap_or(0)
}

/// A step up may take this share of the measured rate: peaks and other traffic need the rest.
const UP: f64 = 0.7;
/// A rendition is kept up to this share, so that it doesn't flap.
const STAY: f64 = 0.9;
/// The least buffer for a step up: two segments of 4 s.
pub(crate) const FILLED: Duration = Duration::from_secs(8);
/// With less than a segment ahead there's no time left to hope.
const THIN: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    const LADDER: [u64; 4] = [300_000, 750_000, 2_500_000, 5_000_000];

    #[track_caller]
    fn check(current: usize, estimate_bps: u64, ahead_s: u64, wanted: usize) {
        assert_eq!(
            next_rendition(&LADDER, current, estimate_bps, Duration::from_secs(ahead_s)),
            wanted
        );
    }

    #[test]
    fn the_start_takes_seven_tenths_of_the_estimate() {
        assert_eq!(start_rendition(&LADDER, 2_000_000), 1);
        assert_eq!(start_rendition(&LADDER, 10_000_000), 3);
        assert_eq!(start_rendition(&LADDER, 1_000), 0);
        assert_eq!(start_rendition(&[], 1_000), 0);
    }

    #[test]
    fn a_step_up_waits_for_a_filled_buffer() {
        check(0, 10_000_000, 2, 0);
        check(0, 10_000_000, 8, 3);
    }

    #[test]
    fn a_rendition_that_barely_fits_is_kept_while_the_buffer_lasts() {
        check(2, 2_900_000, 20, 2);
        check(2, 2_900_000, 2, 1);
    }

    #[test]
    fn what_no_longer_fits_is_left_at_once() {
        check(3, 1_200_000, 30, 1);
        check(1, 100_000, 0, 0);
        check(9, 1_200_000, 30, 1);
    }
}
