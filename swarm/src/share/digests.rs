//! Which bytes are the right ones: the digests of whole segments that the video's own host publishes, where it signs no lists.

use std::sync::Arc;

use wire::digest::SegmentDigests;
use wire::playlist::Signature;

use crate::Time;
use crate::engine::{Engine, What};
use crate::limits::DIGESTS_AGAIN;
use crate::message::{Hash, Hindrance};
use crate::timeline::{Place, file_name};

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
    /// Lists of pieces tell, which these keys sign (`lists`); nothing else counts.
    Signed(Signature),
    /// They don't, for this reason, and so nobody does.
    Refused(Hindrance),
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

    /// What a segment's digest should be; `None` if nobody has said.
    pub(crate) fn digest_of(&self, rendition: usize, no: usize) -> Option<(Hash, [u8; 32])> {
        let slot = self.renditions.get(rendition)?.timeline()?.slot(no)?;
        let sha256 = match &self.share.digests {
            Digests::Refused(_) => return None,
            Digests::Signed(_) => return slot.blake3.map(|digest| (Hash::Blake3, digest)),
            Digests::Known(_, digests, _) if slot.sha256.is_none() => {
                digests.sha256(file_name(&slot.place.uri), slot.place.range?)
            }
            _ => slot.sha256,
        };
        sha256.map(|digest| (Hash::Sha256, digest))
    }
}
