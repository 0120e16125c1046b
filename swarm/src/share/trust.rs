//! Whose word others' bytes are held against: the ladder, and how it ends.
//!
//! 1. Lists of pieces that the video's own host signs (`lists`), where its master playlist names keys.
//! 2. Where it names none, digests of whole segments from the same host (`digests`).
//! 3. Where there are none either, nothing is taken from others.
//!
//! Each video stands on one rung. A list that isn't what it should be leads to the last one, never to the second.

use crate::Time;
use crate::engine::{Engine, Phase, What};
use crate::message::{Hindrance, Output, Trust};
use crate::timeline::Timeline;

use super::Digests;

/// The newest segments of a live stream, of which at least one has to be on a list.
const NEWEST: usize = 8;

impl Engine {
    /// Lists count, and nothing else.
    pub(super) fn is_signed(&self) -> bool {
        matches!(self.share.digests, Digests::Signed(_))
    }

    /// What others give of the video can be checked, or soon will be.
    pub(crate) fn is_verifiable(&self) -> bool {
        let line = self.line(self.target);
        match self.share.digests {
            Digests::Refused(_) => false,
            Digests::Signed(_) => line.is_none_or(|line| {
                let mut newest = (line.first()..line.end()).rev().take(NEWEST);
                line.is_whole || newest.any(|no| !self.lacks_list(self.target, no))
            }),
            _ => {
                let last = line.and_then(|line| line.slots().next_back());
                self.share.digests.is_named() || last.is_some_and(|slot| slot.sha256.is_some())
            }
        }
    }

    /// The same, or it isn't known yet what the playlist tells.
    pub(crate) fn may_be_verifiable(&self) -> bool {
        let is_refused = matches!(self.share.digests, Digests::Refused(_));
        self.is_verifiable() || (self.line(self.target).is_none() && !is_refused)
    }

    /// Whose word counts.
    pub(crate) fn trust(&self) -> Trust {
        let is_told = |line: &Timeline| line.slots().any(|slot| slot.blake3.is_some());
        match &self.share.digests {
            _ if !self.is_concerned() => Trust::Unknown,
            Digests::Refused(_) => Trust::Nobody,
            Digests::Signed(_) if self.line(self.target).is_some_and(is_told) => Trust::Signed,
            Digests::Signed(_) if self.may_be_verifiable() => Trust::Unknown,
            Digests::Known(..) => Trust::Digests,
            Digests::At(_) => Trust::Unknown,
            _ if self.is_verifiable() => Trust::Digests,
            Digests::Unnamed => Trust::Unknown,
            _ => Trust::Nobody,
        }
    }

    /// What keeps others' bytes from being checked, if something does.
    pub(super) fn distrust(&self) -> Option<Hindrance> {
        match self.share.digests {
            Digests::Refused(why) if self.is_concerned() => Some(why),
            _ if !self.share.is_on() || self.may_be_verifiable() => None,
            Digests::Lacking | Digests::Signed(_) => Some(Hindrance::Unverifiable),
            _ => None,
        }
    }

    /// Bytes may come from elsewhere than the video's own host.
    fn is_concerned(&self) -> bool {
        self.share.is_on() || self.mirrors.are_named()
    }

    /// Nothing of the video can be checked, for this reason: nothing of it is shared any more, until the player is loaded
    /// anew.
    pub(crate) fn trust_nobody(&mut self, now: Time, why: Hindrance) {
        self.share.digests = Digests::Refused(why);
        let is_list = |what: What| matches!(what, What::List { .. } | What::Digests);
        self.retries.retain(|what, _| !is_list(what));
        self.cancel(&|_, request| is_list(request.what));
        let checks = std::mem::take(&mut self.share.checks);
        checks.keys().for_each(|request| self.want(Output::Forget(request)));
        self.leave_all(now);
        self.drop_mirrors(now);
        self.empty_store();
        self.drop_parts_of_others();
        self.take_back_tests();
        self.report_hindrance();
    }

    /// The driver can't compute what would be compared.
    pub(crate) fn unverifiable(&mut self, now: Time) {
        self.share.verifying.clear();
        if self.phase == Phase::Open {
            self.trust_nobody(now, Hindrance::Uncheckable);
        }
    }
}
