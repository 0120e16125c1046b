//! p2p-media-loader 5: neighbours elect who fetches a segment, without a word, by a score that each can compute of all.

use std::time::Duration;

use wire::peer::{PeerId, Segment};

use crate::Dice;

/// The score of a peer for a segment: the lowest among a viewer and those connected to it fetches.
///
/// FNV-1a of `peerId|segment`, mixed as MurmurHash3 does in the end.
pub fn score(peer: PeerId, segment: Segment) -> u32 {
    let text = segment.to_string();
    let bytes = peer.0.iter().chain(b"|").chain(text.as_bytes());
    let hash = bytes
        .fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// How many neighbours come before this viewer; none if it is the owner.
pub fn rank(own: PeerId, neighbours: impl IntoIterator<Item = PeerId>, segment: Segment) -> usize {
    let score_of_own = score(own, segment);
    neighbours.into_iter().filter(|peer| score(*peer, segment) < score_of_own).count()
}

/// What a viewer of this rank does about a segment that none of its neighbours holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is the owner: it fetches at once.
    Now,
    /// It steps in when so little time is left until the segment becomes urgent, unless a neighbour is fetching it by then.
    Within(Duration),
}

impl Turn {
    /// For a viewer of this rank whose fetches take about so long.
    pub fn of(rank: usize, fetch_estimate: Duration) -> Turn {
        match rank {
            0 => Turn::Now,
            _ => Turn::Within(fetch_estimate.mul_f64(1.0 + 1.0 / rank as f64) + MARGIN),
        }
    }

    /// Whether it fetches now.
    pub fn has_come(self, until_urgent: Duration, is_loaded_nearby: bool) -> bool {
        match self {
            Turn::Now => true,
            Turn::Within(wait) => until_urgent <= wait && !is_loaded_nearby,
        }
    }
}

/// How long until all of it is looked at again.
pub fn next_look(dice: &mut Dice) -> Duration {
    Duration::from_secs(1) + dice.moment(Duration::from_secs(1))
}

/// Added to what a fetch takes.
const MARGIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(no: u8) -> PeerId {
        PeerId::from_random([no; 12])
    }

    #[test]
    fn every_neighbourhood_has_one_owner_and_all_agree() {
        let all: Vec<PeerId> = (0..20).map(peer).collect();
        for segment in 100..200 {
            let others = |own: PeerId| all.iter().copied().filter(move |peer| *peer != own);
            let owners = all.iter().filter(|own| rank(**own, others(**own), segment) == 0).count();
            assert_eq!(owners, 1, "of segment {segment}");
        }
    }

    #[test]
    fn owning_is_spread_evenly() {
        let all: Vec<PeerId> = (0..20).map(peer).collect();
        let owned =
            (0..2_000).filter(|no| rank(all[0], all[1..].iter().copied(), *no) == 0).count();
        assert!((70..130).contains(&owned), "{owned} of 2000");
    }

    #[test]
    fn the_next_in_line_steps_in_last_moment_the_others_even_later() {
        let second = Duration::from_secs(1);
        assert_eq!(Turn::of(1, second), Turn::Within(second * 5 / 2));
        assert_eq!(Turn::of(2, second), Turn::Within(second * 2));
        assert!(Turn::of(0, second).has_come(second * 90, true));
        assert!(Turn::of(1, second).has_come(second * 2, false));
        assert!(!Turn::of(1, second).has_come(second * 2, true), "a neighbour is fetching it");
        assert!(!Turn::of(2, second).has_come(second * 9 / 4, false), "there is time");
    }
}
