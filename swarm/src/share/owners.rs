//! Live segments that one viewer alone can't pass on in time: several fetch a part each.
//!
//! ```text
//! whoever's turn it is ── the first part ──▶ server          each passes on what it fetched;
//!         └── "I want bytes 3..6 of it" ──▶ a fast neighbour    so the server sends it once,
//!                                             └── 3..6 ──▶ server      over several uplinks
//! ```
//!
//! A stretch of a live segment that a peer asks for and that nobody has is an errand: we fetch it, since we need it, too. Who
//! sends on errands and gives nothing is soon left alone with it.

use std::ops::Range;

use wire::pieces::PIECE;

use crate::Time;
use crate::engine::{Engine, What};
use crate::limits::{AHEAD, FAST_KBPS, LONGEST_ERRAND, OWNERS, SHARED_OUT};
use crate::message::{LinkId, Sharing};

impl Engine {
    /// Has fast neighbours fetch later parts of a long segment that it is our turn to fetch. Tells which bytes are left to us.
    pub(crate) fn share_out(
        &mut self,
        now: Time,
        key: (usize, usize),
        bytes: Range<u64>,
    ) -> Range<u64> {
        let parts = ((bytes.end - bytes.start) / SHARED_OUT).min(OWNERS);
        let is_checked = self.can_share(key.0, key.1) && self.digest_of(key.0, key.1).is_some();
        if parts < 2 || bytes.start > 0 || !self.is_long(key) || !is_checked {
            return bytes;
        }
        let mut helpers = self.links_where(|link| {
            link.rendition == key.0
                && link.is_extended()
                && link.is_free(now)
                && !link.conduct.is_doubtful()
                && link.kbps.is_some_and(|kbps| kbps >= FAST_KBPS)
        });
        let each = (bytes.end / parts).next_multiple_of(PIECE);
        let mut left = bytes;
        for part in (1..parts).rev() {
            if helpers.is_empty() {
                break;
            }
            let helper = helpers.swap_remove(self.dice.below(helpers.len() as u64) as usize);
            self.ask_peer(now, helper, key, part * each..left.end);
            left.end = part * each;
        }
        left
    }

    /// Fetches what a peer asks for and nobody has, if it is a part of a live segment that we need as well.
    pub(super) fn run_errand(&mut self, now: Time, id: LinkId, no: usize, bytes: Range<u64>) {
        let Some(link) = self.share.links.get(&id) else { return };
        let (key, long) = ((link.rendition, no), bytes.end.saturating_sub(bytes.start));
        let is_earned = link.is_extended() && link.fetched_for <= link.brought;
        let is_part = bytes.start.is_multiple_of(PIECE)
            && (1..=LONGEST_ERRAND).contains(&long)
            && self.length_of(key.0, no).is_some_and(|length| {
                bytes.end == length || bytes.end < length && bytes.end.is_multiple_of(PIECE)
            });
        let is_ours = self.share.permitted == Sharing::Full
            && key.0 == self.target
            && self.is_long(key)
            && !self.is_on_its_way(key)
            && self.is_time_for(key, long);
        let is_resting = self.is_server_resting(now, no)
            || self.is_resting(now, What::Segment { rendition: key.0, no });
        let is_idle = self.server_segments().next().is_none();
        if is_earned && is_part && is_ours && is_idle && !is_resting {
            self.share.links.get_mut(&id).into_iter().for_each(|link| link.fetched_for += long);
            self.ask_server_for(now, key, bytes);
        }
    }

    /// It is of a live stream, and several fetch it.
    pub(super) fn is_long(&self, key: (usize, usize)) -> bool {
        self.is_streamed(key) && self.length_of(key.0, key.1) >= Some(2 * SHARED_OUT)
    }

    /// It is to be played within the time that is fetched ahead, and what is needed first can still be fetched after so many bytes.
    fn is_time_for(&self, key: (usize, usize), bytes: u64) -> bool {
        let is_ahead = self.span_of(key.0, key.1).start >= self.playhead.position;
        let takes = self.reserve(key) + self.server_time(bytes) * 2;
        let slack = self.slack_of(key);
        is_ahead && takes < slack && slack <= AHEAD
    }
}
