//! What came under each request, from servers and from viewers: chunks in JavaScript's memory until the engine forgets them.
//!
//! Nothing is copied into the module but what it looks at: beginnings of segments, commands, lists.

use std::cell::RefCell;
use std::ops::Range;

use js_sys::Uint8Array;
use swarm::{RequestId, Table};

/// The bytes held, by the request that they came under.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    chunks: RefCell<Table<RequestId, Vec<Uint8Array>>>,
}

impl Bodies {
    /// Holds a chunk after those that came before.
    pub(crate) fn append(&self, request: RequestId, chunk: Uint8Array) {
        let mut all = self.chunks.borrow_mut();
        let chunks = all.get_or_insert(request);
        chunks.push(chunk);
        if chunks.len() > MOST_CHUNKS {
            *chunks = vec![joined(chunks)];
        }
    }

    /// Lets a request hold the first bytes of each of these: views of the same memory.
    pub(crate) fn join(&self, request: RequestId, parts: &[(RequestId, u64)]) {
        let joined = parts.iter().flat_map(|(from, bytes)| self.views(*from, 0..*bytes)).collect();
        self.chunks.borrow_mut().insert(request, joined);
    }

    /// Views of the memory that bytes of a request are in, fewer where it ends.
    pub(crate) fn views(&self, request: RequestId, bytes: Range<u64>) -> Vec<Uint8Array> {
        let (mut views, mut start) = (Vec::new(), 0);
        for chunk in self.chunks.borrow().get(&request).into_iter().flatten() {
            let length = u64::from(chunk.length());
            let within = |at: u64| at.saturating_sub(start).min(length) as u32;
            let (from, to) = (within(bytes.start), within(bytes.end));
            if from < to {
                views.push(chunk.subarray(from, to));
            }
            start += length;
        }
        views
    }

    /// All bytes of a request in one, none if nothing came. They stay joined.
    pub(crate) fn whole(&self, request: RequestId) -> Uint8Array {
        match self.chunks.borrow_mut().get_mut(&request) {
            Some(chunks) => {
                let whole = joined(chunks);
                *chunks = vec![whole.clone()];
                whole
            }
            None => Uint8Array::new_with_length(0),
        }
    }

    /// `bytes` of a request from `start` on, in one; fewer where it ends.
    pub(crate) fn slice(&self, request: RequestId, start: u64, bytes: u64) -> Uint8Array {
        joined(&self.views(request, start..start.saturating_add(bytes)))
    }

    pub(crate) fn forget(&self, request: RequestId) {
        self.chunks.borrow_mut().remove(&request);
    }

    pub(crate) fn clear(&self) {
        self.chunks.take();
    }
}

fn joined(chunks: &[Uint8Array]) -> Uint8Array {
    if let [only] = chunks {
        return only.clone();
    }
    let whole = Uint8Array::new_with_length(chunks.iter().map(Uint8Array::length).sum());
    let mut at = 0;
    for chunk in chunks {
        whole.set(chunk, at);
        at += chunk.length();
    }
    whole
}

/// More chunks are joined. Servers and honest viewers stay below; who sends a segment byte by byte would otherwise fill the
/// memory with what each chunk takes besides its bytes.
const MOST_CHUNKS: usize = 4096;
