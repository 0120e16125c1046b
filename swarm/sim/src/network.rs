//! How far viewers are from each other, and which can't reach each other at all.

use std::time::Duration;

use crate::dice::between;

/// What lies between viewers.
#[derive(Clone, Debug)]
pub struct Network {
    /// What decides of each pair.
    pub seed: u64,
    /// The shortest and the longest round trip between two viewers; each pair's is drawn evenly.
    pub round_trips: (Duration, Duration),
    /// The share of pairs that can't reach each other.
    pub unreachable: f64,
    /// The share of packets of 1,200 bytes that are lost, and sent again.
    pub loss: f64,
}

impl Default for Network {
    /// Everybody reaches everybody in 60 ms.
    fn default() -> Network {
        let round_trip = Duration::from_millis(60);
        Network { seed: 0, round_trips: (round_trip, round_trip), unreachable: 0.0, loss: 0.0 }
    }
}

impl Network {
    pub(crate) fn round_trip(&self, one: usize, other: usize) -> Duration {
        let (shortest, longest) = self.round_trips;
        shortest + (longest - shortest).mul_f64(between(self.seed, one, other, 1))
    }

    pub(crate) fn is_reachable(&self, one: usize, other: usize) -> bool {
        between(self.seed, one, other, 2) >= self.unreachable
    }

    /// The chance that some packet of a message is lost.
    pub(crate) fn loss_of(&self, bytes: u64) -> f64 {
        let packets = bytes.div_ceil(PACKET_BYTES).min(100) as i32;
        1.0 - (1.0 - self.loss).powi(packets)
    }
}

/// What a packet of a data channel carries.
const PACKET_BYTES: u64 = 1_200;
