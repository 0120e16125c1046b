//! Objects of videos as they were told, kept while nothing that goes into them is another: what changed is never told as it was.

use std::collections::HashMap;
use std::sync::PoisonError;

use bytes::Bytes;
use wire::id::VideoId;

use super::TellError;
use crate::Sidecar;
use crate::federation::id::Place;
use crate::federation::object::{video, with_context};
use crate::table::telling::Telling;

/// As many as there is room for; those that nobody asked for lately make room.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Bytes of each half.
    most: usize,
    young: Half,
    old: Half,
}

#[derive(Debug, Default)]
struct Half {
    kept: HashMap<VideoId, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    telling: Telling,
    object: Bytes,
}

impl Encoded {
    /// Takes so many bytes at most.
    pub(crate) fn new(most: usize) -> Encoded {
        Encoded { most: most / 2, young: Half::default(), old: Half::default() }
    }

    /// The object of a video that is as it was.
    fn find(&mut self, id: VideoId, telling: &Telling) -> Option<Bytes> {
        if let Some(kept) = self.young.kept.get(&id) {
            return (kept.telling == *telling).then(|| kept.object.clone());
        }
        let kept = self.old.take(id).filter(|kept| kept.telling == *telling)?;
        let object = kept.object.clone();
        self.keep(id, kept);
        Some(object)
    }

    fn keep(&mut self, id: VideoId, kept: Kept) {
        self.young.take(id);
        if self.young.bytes + kept.bytes() > self.most {
            self.old = std::mem::take(&mut self.young);
        }
        if kept.bytes() <= self.most {
            self.young.bytes += kept.bytes();
            self.young.kept.insert(id, kept);
        }
    }
}

impl Half {
    fn take(&mut self, id: VideoId) -> Option<Kept> {
        let kept = self.kept.remove(&id)?;
        self.bytes -= kept.bytes();
        Some(kept)
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.telling.bytes() + self.object.len()
    }
}

impl Sidecar {
    /// The object of a video that everybody may see, as it is now.
    pub(super) async fn encoded_video(
        &self,
        place: &Place,
        id: &VideoId,
    ) -> Result<Option<Bytes>, TellError> {
        let Some(telling) = self.telling(id).await? else { return Ok(None) };
        if let Some(object) = self.encoded(|encoded| encoded.find(*id, &telling)) {
            return Ok(Some(object));
        }
        let Some(loaded) = self.loaded(id, &telling) else { return Ok(None) };
        let object = with_context(video::context(), loaded.told().object(place));
        let object = Bytes::from(object.to_string());
        let kept = Kept { telling, object: object.clone() };
        self.encoded(|encoded| encoded.keep(*id, kept));
        Ok(Some(object))
    }

    fn encoded<T>(&self, with: impl FnOnce(&mut Encoded) -> T) -> T {
        with(&mut self.encoded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::object::video::tests::telling;

    fn id(no: u8) -> VideoId {
        VideoId::from_random([no; 16])
    }

    fn kept(name: &str, object: &'static [u8]) -> Kept {
        Kept { telling: telling(name), object: Bytes::from_static(object) }
    }

    #[test]
    fn an_object_is_found_while_all_that_goes_into_it_is_the_same() {
        let mut encoded = Encoded::new(1 << 20);
        encoded.keep(id(1), kept("one", b"one"));
        assert_eq!(encoded.find(id(1), &telling("one")).as_deref(), Some(&b"one"[..]));
        assert_eq!(encoded.find(id(2), &telling("one")), None);
        for change in [
            (|telling| telling.video.views += 1) as fn(&mut Telling),
            |telling| telling.beside.tags = Some("another".to_owned()),
            |telling| telling.beside.captions = None,
            |telling| telling.beside.account = "bob".to_owned(),
        ] {
            let mut changed = telling("one");
            change(&mut changed);
            assert_eq!(encoded.find(id(1), &changed), None);
        }
        encoded.keep(id(1), kept("two", b"two"));
        assert_eq!(encoded.find(id(1), &telling("one")), None);
        assert_eq!(encoded.find(id(1), &telling("two")).as_deref(), Some(&b"two"[..]));
    }

    #[test]
    fn those_that_nobody_asks_for_make_room() {
        let room = 10 * kept("n", b"n").bytes();
        let mut encoded = Encoded::new(room);
        let first = || (id(0), telling("n"));
        for no in 0..200 {
            encoded.keep(id(no), kept("n", b"n"));
            assert!(encoded.young.bytes + encoded.old.bytes <= room);
            assert!(encoded.young.kept.len() + encoded.old.kept.len() <= 10);
            assert!(encoded.find(first().0, &first().1).is_some(), "asked for after each");
        }
        assert_eq!(encoded.find(id(1), &telling("n")), None);
        assert_eq!(encoded.find(id(199), &telling("n")).as_deref(), Some(&b"n"[..]));
        let mut tiny = Encoded::new(10);
        tiny.keep(id(1), kept("n", b"n"));
        assert_eq!((tiny.young.bytes, tiny.find(id(1), &telling("n"))), (0, None));
    }
}
