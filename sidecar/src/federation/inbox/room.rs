//! Room for so much at once, in all and for each who wants some: whoever takes all of theirs leaves the others theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is free.
#[derive(Debug)]
pub(crate) struct Room {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Nobody is in it who has nothing.
    by: HashMap<String, usize>,
}

/// What somebody has of it, until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    room: Arc<Room>,
    whose: String,
    size: usize,
}

impl Room {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Arc<Room> {
        Arc::new(Room { most, most_of_one, taken: Mutex::default() })
    }

    /// Takes so much for somebody, if there is as much.
    pub(crate) fn take(self: &Arc<Room>, whose: &str, size: usize) -> Option<Share> {
        let mut share = Share { room: Arc::clone(self), whose: whose.to_owned(), size: 0 };
        share.grow(size).then_some(share)
    }
}

impl Share {
    /// Takes more, if there is as much.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.by.get(&self.whose).copied().unwrap_or(0);
        let fits = taken.all + more <= self.room.most && theirs + more <= self.room.most_of_one;
        if fits && more > 0 {
            taken.all += more;
            taken.by.insert(self.whose.clone(), theirs + more);
            self.size += more;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= self.size;
        let theirs = taken.by.get(&self.whose).copied().unwrap_or(0) - self.size;
        if theirs == 0 {
            taken.by.remove(&self.whose);
        } else {
            taken.by.insert(self.whose.clone(), theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_room_of_others() {
        let room = Room::new(10, 4);
        let mut ada = room.take("ada", 3).unwrap();
        assert!(room.take("ada", 2).is_none());
        assert!(ada.grow(1) && !ada.grow(1));
        let bob = room.take("bob", 4).unwrap();
        assert!(room.take("eve", 3).is_none());
        let eve = room.take("eve", 2).unwrap();
        drop(ada);
        assert!(room.take("eve", 3).is_none() && room.take("eve", 2).is_some());
        drop((bob, eve));
        let taken = room.taken.lock().unwrap();
        assert_eq!((taken.all, taken.by.len()), (0, 0));
    }
}
