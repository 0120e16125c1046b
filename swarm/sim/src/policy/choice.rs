//! Of whom stock players ask a segment: anybody who holds it and is idle, the faster the likelier.

/// Draws one of several peers by what they brought of late, in bytes a second; `None` of one that has brought nothing yet.
///
/// Those who haven't shown anything count a tenth of the best each, and together no more than all who have. `roll` is in
/// `0.0..1.0`.
pub fn choose(rates: &[Option<f64>], roll: f64) -> Option<usize> {
    let proven: f64 = rates.iter().flatten().sum();
    let unproven = rates.iter().filter(|rate| rate.is_none()).count();
    let best = rates.iter().flatten().copied().fold(0.0, f64::max);
    let floor = match proven > 0.0 {
        true => (best * UNPROVEN).min(proven / unproven.max(1) as f64),
        false => 1.0,
    };
    let weight = |rate: &Option<f64>| rate.unwrap_or(floor).max(f64::MIN_POSITIVE);
    let mut left = roll * rates.iter().map(weight).sum::<f64>();
    let drawn = rates.iter().position(|rate| {
        left -= weight(rate);
        left < 0.0
    });
    drawn.or(rates.len().checked_sub(1))
}

/// What an unproven peer counts, of the best.
const UNPROVEN: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each is drawn, in percent.
    #[track_caller]
    fn check(rates: &[Option<f64>], wanted: &[usize]) {
        let mut drawn = vec![0; rates.len()];
        (0..100).for_each(|no| drawn[choose(rates, (f64::from(no) + 0.5) / 100.0).unwrap()] += 1);
        assert_eq!(drawn, wanted);
    }

    #[test]
    fn the_faster_are_the_likelier() {
        check(&[Some(3.0), Some(1.0)], &[75, 25]);
        check(&[None, None], &[50, 50]);
        check(&[Some(9.0), None], &[91, 9]);
        assert_eq!(choose(&[], 0.5), None);
    }

    #[test]
    fn many_unproven_together_count_no_more_than_the_proven() {
        let mut rates = vec![Some(5.0)];
        rates.resize(51, None);
        let rolls = (0..100).map(|no| (f64::from(no) + 0.5) / 100.0);
        assert_eq!(rolls.filter(|roll| choose(&rates, *roll) == Some(0)).count(), 50);
    }
}
