//! Which bytes are the right ones: the list that the video's own host publishes.

use std::sync::Arc;

use wire::digest::SegmentDigests;

use crate::Time;
use crate::engine::{Engine, What};
use crate::limits::DIGESTS_AGAIN;
use crate::timeline::Place;

/// The list, as far as it is known.
#[derive(Debug, PartialEq)]
pub(crate) enum Digests {
    /// No master playlist has been read.
    Unnamed,
    /// It lies there.
    At(Arc<str>),
    /// It came at that time; renditions that were finished later aren't in it.
    Known(Arc<str>, SegmentDigests, Time),
    /// There is none, or it can't be had.
    Lacking,
}

impl Digests {
    /// They are known, or may still come.
    pub(crate) fn is_named(&self) -> bool {
        matches!(self, Digests::At(_) | Digests::Known(..))
    }

    /// The server doesn't give them. Those that were known before are as good as they were.
    pub(crate) fn cannot_be_had(&mut self, now: Time) {
        match self {
            Digests::Known(_, _, came) => *came = now,
            _ => *self = Digests::Lacking,
        }
    }

    pub(crate) fn is_lacking(&self) -> bool {
        *self == Digests::Lacking
    }
}

impl Engine {
    /// Asks for the list once, and again if it may have grown by the rendition that is watched.
    pub(crate) fn ask_digests(&mut self, now: Time) {
        let uri = match &self.share.digests {
            Digests::At(uri) => uri,
            Digests::Known(uri, _, came)
                if now.since(*came) >= DIGESTS_AGAIN
                    && self.digest_of(self.target, 0).is_none() =>
            {
                uri
            }
            _ => return,
        };
        let place = Place { uri: uri.clone(), range: None };
        self.ask(now, What::Digests, self.source.clone(), place);
    }

    pub(crate) fn digests_came(&mut self, now: Time, text: &str) {
        let (Digests::At(uri) | Digests::Known(uri, ..)) = &self.share.digests else { return };
        match SegmentDigests::parse(text) {
            Ok(digests) => self.share.digests = Digests::Known(uri.clone(), digests, now),
            Err(_) => self.share.digests.cannot_be_had(now),
        }
    }

    /// What peers give of the video can be checked, or soon will be.
    pub(crate) fn is_verifiable(&self) -> bool {
        let line = self.renditions.get(self.target).and_then(|rendition| rendition.timeline());
        let is_told = line.is_some_and(|line| {
            let last = line.end().checked_sub(1).and_then(|no| line.slot(no));
            last.is_some_and(|slot| slot.sha256.is_some())
        });
        self.share.digests.is_named() || is_told
    }

    /// The same, or it isn't known yet what the playlist tells.
    pub(crate) fn may_be_verifiable(&self) -> bool {
        let line = self.renditions.get(self.target).and_then(|rendition| rendition.timeline());
        self.is_verifiable() || line.is_none()
    }

    /// What a segment's SHA-256 should be; `None` if nobody has said.
    pub(crate) fn digest_of(&self, rendition: usize, no: usize) -> Option<[u8; 32]> {
        let slot = self.renditions.get(rendition)?.timeline()?.slot(no)?;
        if slot.sha256.is_some() {
            return slot.sha256;
        }
        let Digests::Known(_, digests, _) = &self.share.digests else { return None };
        let place = &slot.place;
        digests.sha256(file_name(&place.uri), place.range?)
    }
}

/// The last part of an address, without its query.
fn file_name(uri: &str) -> &str {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_name_wherever_it_lies() {
        assert_eq!(file_name("g1-240-fragmented.mp4"), "g1-240-fragmented.mp4");
        assert_eq!(file_name("https://mirror.example/hls/a.mp4?token=/x"), "a.mp4");
    }
}
