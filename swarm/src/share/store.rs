//! Segments that are held for others, and for a seek back: their bytes stay with the driver under the request that
//! brought them.

use std::ops::Range;

use crate::engine::{ElementState, Engine};
use crate::limits::STORE_BYTES;
use crate::message::{Output, RequestId, Sharing};
use crate::table::Table;

/// By rendition and segment.
#[derive(Debug, Default)]
pub(crate) struct Store(Table<(usize, usize), Stored>);

/// One segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) request: RequestId,
    pub(crate) bytes: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It came from the server, and nobody has compared its digest yet.
    Unchecked,
    Checking,
    /// Fit to be given away.
    Verified,
}

impl Store {
    /// A segment that may be given to others.
    pub(crate) fn verified(&self, rendition: usize, no: usize) -> Option<Stored> {
        self.0.get(&(rendition, no)).copied().filter(|stored| stored.state == State::Verified)
    }

    /// A segment that may be played.
    pub(crate) fn held(&self, rendition: usize, no: usize) -> Option<Stored> {
        self.0.get(&(rendition, no)).copied()
    }

    /// The segments of a rendition that may be given to others.
    pub(crate) fn verified_of(&self, rendition: usize) -> impl Iterator<Item = usize> {
        let all = self.0.iter().filter(move |((of, _), _)| *of == rendition);
        all.filter(|(_, stored)| stored.state == State::Verified).map(|((_, no), _)| no)
    }

    fn holds(&self, request: RequestId) -> bool {
        self.0.values().any(|stored| stored.request == request)
    }

    /// The digest of these bytes is that of a segment that is held.
    pub(super) fn is_checking(&self, request: RequestId, bytes: &Range<u64>) -> bool {
        self.0.values().any(|stored| {
            stored.request == request
                && stored.state == State::Checking
                && *bytes == (0..stored.bytes)
        })
    }

    fn bytes(&self) -> u64 {
        self.0.values().map(|stored| stored.bytes).sum()
    }
}

impl Engine {
    /// Keeps a segment that came, if this viewer gives to others.
    pub(crate) fn store(
        &mut self,
        key: (usize, usize),
        request: RequestId,
        bytes: u64,
        is_verified: bool,
    ) {
        if self.share.permitted != Sharing::Full || !self.is_verifiable() {
            return;
        }
        let state = if is_verified { State::Verified } else { State::Unchecked };
        let before = self.share.store.0.insert(key, Stored { request, bytes, state });
        if let Some(before) = before.filter(|before| before.request != request) {
            self.let_go(before.request);
        }
        self.shrink_store();
    }

    /// Has the digests computed of what came from the server, once the list is there to compare them with.
    pub(crate) fn check_stored(&mut self) {
        let unchecked = |(key, stored): ((usize, usize), &Stored)| {
            (stored.state == State::Unchecked).then_some(key)
        };
        let keys = self.share.store.0.iter().filter_map(unchecked);
        let known = keys.filter_map(|key| Some((key, self.digest_of(key.0, key.1)?.0)));
        for (key, hash) in known.collect::<Vec<_>>() {
            let Some(stored) = self.share.store.0.get_mut(&key) else { continue };
            stored.state = State::Checking;
            let (request, bytes) = (stored.request, 0..stored.bytes);
            self.want(Output::Check { request, bytes, hash });
        }
    }

    /// The digest of a stored segment. One that is wrong stays with whoever plays it: the server is believed, but what it
    /// sent isn't passed on.
    pub(crate) fn stored_checked(&mut self, request: RequestId, digest: [u8; 32]) {
        let found = self.share.store.0.iter().find(|(_, stored)| stored.request == request);
        let Some((key, _)) = found else { return };
        if self.digest_of(key.0, key.1).is_some_and(|(_, wanted)| wanted == digest) {
            if let Some(stored) = self.share.store.0.get_mut(&key) {
                stored.state = State::Verified;
            }
        } else {
            self.share.store.0.remove(&key);
            self.let_go(request);
        }
    }

    /// Lets the driver forget a body, unless it is still needed elsewhere.
    pub(crate) fn let_go(&mut self, request: RequestId) {
        let is_ready = self.element.ready.iter().any(|ready| ready.request == request);
        let is_on_its_way = matches!(self.element.state, ElementState::Appending(ready) if ready.request == request);
        if !is_ready && !is_on_its_way && !self.share.store.holds(request) {
            self.want(Output::Forget(request));
        }
    }

    pub(crate) fn empty_store(&mut self) {
        for stored in std::mem::take(&mut self.share.store).0.into_values() {
            self.let_go(stored.request);
        }
    }

    /// Above the bound, what is least likely to be wanted goes first: other renditions, then what is farthest from here.
    fn shrink_store(&mut self) {
        while self.share.store.bytes() > STORE_BYTES {
            let position = self.playhead.position;
            let distance = |(rendition, no): (usize, usize)| {
                let start = self.span_of(rendition, no).start;
                (rendition != self.target, start.abs_diff(position))
            };
            let farthest = self
                .share
                .store
                .0
                .keys()
                .filter(|key| !self.is_given(*key))
                .max_by_key(|key| distance(*key));
            let Some(stored) = farthest.and_then(|key| self.share.store.0.remove(&key)) else {
                return;
            };
            self.let_go(stored.request);
        }
    }
}
