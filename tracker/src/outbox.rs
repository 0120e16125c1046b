//! What waits to be sent to one viewer: bounded in bytes, filled by everybody, emptied by the viewer's own task.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits::QUEUE_BYTES;

/// The queue of one connection.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// What there is to do, taken out at once.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Messages, the oldest first.
    pub(crate) messages: Vec<String>,
    /// Somebody wants to know whether this viewer lives.
    pub(crate) ping: bool,
    /// The connection has to end.
    pub(crate) end: Option<End>,
    /// Of messages that wait or are being written.
    bytes: usize,
}

/// Why a connection has to end though its viewer did nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It reads more slowly than it is written to.
    Slow,
    /// The process ends.
    Shutdown,
}

impl Outbox {
    /// Adds a message. One that doesn't fit ends the connection: nothing is left out silently.
    pub(crate) fn push(&self, message: String) {
        let mut waiting = self.lock();
        if waiting.end.is_some() {
            return;
        }
        waiting.bytes += message.len();
        if waiting.bytes > QUEUE_BYTES {
            waiting.end = Some(End::Slow);
            waiting.messages = Vec::new();
        } else {
            waiting.messages.push(message);
        }
        self.changed.notify_one();
    }

    pub(crate) fn ping(&self) {
        self.lock().ping = true;
        self.changed.notify_one();
    }

    pub(crate) fn end(&self, why: End) {
        self.lock().end.get_or_insert(why);
        self.changed.notify_one();
    }

    /// Until something was added since the last time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Until the connection has to end.
    pub(crate) async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.lock().end {
                return end;
            }
            self.changed().await;
        }
    }

    /// Takes everything out; [`Outbox::written`] gives its room free.
    pub(crate) fn take(&self) -> Waiting {
        let mut waiting = self.lock();
        let left = Waiting { bytes: waiting.bytes, end: waiting.end, ..Waiting::default() };
        std::mem::replace(&mut *waiting, left)
    }

    /// These many bytes were written.
    pub(crate) fn written(&self, bytes: usize) {
        let mut waiting = self.lock();
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_in_order_and_once() {
        let outbox = Outbox::default();
        outbox.push("a".to_owned());
        outbox.push("b".to_owned());
        assert_eq!(outbox.take().messages, ["a", "b"]);
        assert!(outbox.take().messages.is_empty());
    }

    #[test]
    fn what_is_being_written_counts_and_too_much_ends_it() {
        let outbox = Outbox::default();
        let half = "x".repeat(QUEUE_BYTES / 2);
        outbox.push(half.clone());
        outbox.push(half.clone());
        assert_eq!(outbox.take().messages.len(), 2);
        outbox.push("y".to_owned());
        assert_eq!(outbox.take().end, Some(End::Slow));
        outbox.push(half);
        let waiting = outbox.take();
        assert!(waiting.messages.is_empty() && waiting.end == Some(End::Slow));
    }

    #[test]
    fn what_was_written_makes_room() {
        let outbox = Outbox::default();
        let half = "x".repeat(QUEUE_BYTES / 2);
        for _ in 0..10 {
            outbox.push(half.clone());
            let taken: usize = outbox.take().messages.iter().map(String::len).sum();
            outbox.written(taken);
        }
        assert_eq!(outbox.take().end, None);
    }
}
