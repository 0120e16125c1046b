//! p2p-media-loader 2 to 4: a timer goes off at random, ever less often the more neighbours there are, and then chance decides.

use std::time::Duration;

use crate::Dice;

/// How long until the timer goes off again, with so many neighbours: a second, and up to a second for each of them.
pub fn next_tick(neighbours: usize, dice: &mut Dice) -> Duration {
    let longest = u32::try_from(neighbours).unwrap_or(u32::MAX);
    Duration::from_secs(1) + dice.moment(Duration::from_secs(1) * longest)
}

/// Which of the candidates are fetched when it goes off: positions in a list of `candidates` segments that nobody around holds
/// or is fetching, nearest first.
///
/// Of the first two for each neighbour and oneself, drawn in any order, the first is fetched with the probability that one for
/// everybody would be, and each after it with one less: as many as are needed so that all neighbours together fetch each once.
/// A lone viewer fetches nothing so.
pub fn picks(candidates: usize, neighbours: usize, dice: &mut Dice) -> Vec<usize> {
    let everybody = neighbours + 1;
    let mut drawn: Vec<usize> = (0..candidates.min(2 * everybody)).collect();
    if neighbours == 0 {
        return Vec::new();
    }
    shuffle(&mut drawn, dice);
    let first = drawn.len() as f64 / everybody as f64;
    let chances = (0..drawn.len()).map(|no| first - no as f64);
    drawn
        .into_iter()
        .zip(chances)
        .filter(|(_, chance)| dice.roll() < *chance)
        .map(|(no, _)| no)
        .collect()
}

fn shuffle(list: &mut [usize], dice: &mut Dice) {
    for end in (1..list.len()).rev() {
        list.swap(end, dice.below(end + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(candidates: usize, neighbours: usize) -> f64 {
        let mut dice = Dice::new(1);
        let picked: usize =
            (0..20_000).map(|_| picks(candidates, neighbours, &mut dice).len()).sum();
        picked as f64 / 20_000.0
    }

    #[test]
    fn a_fresh_segment_is_fetched_by_one_of_all_who_could() {
        assert!((mean(1, 9) - 0.1).abs() < 0.02);
        assert!((mean(1, 49) - 0.02).abs() < 0.005);
    }

    #[test]
    fn many_candidates_are_shared_out_two_for_everybody_at_most() {
        assert!((mean(15, 9) - 1.5).abs() < 0.02);
        assert_eq!(mean(1_000, 9), 2.0);
    }

    #[test]
    fn who_has_no_neighbours_fetches_nothing_ahead() {
        assert_eq!(mean(10, 0), 0.0);
    }

    #[test]
    fn the_timer_slows_down_with_neighbours() {
        let mut dice = Dice::new(1);
        let waits: Duration = (0..10_000).map(|_| next_tick(50, &mut dice)).sum();
        assert!((waits.as_secs_f64() / 10_000.0 - 26.0).abs() < 1.0);
        assert_eq!(next_tick(0, &mut dice), Duration::from_secs(1));
    }
}
