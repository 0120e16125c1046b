//! Whose turn it is to send a form with a file, which is held in memory, and to have a picture made.

use std::sync::Arc;
use std::time::Duration;

use sidecar::upload::{Refusal, Trouble};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Shared by all that take such forms.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    forms: Arc<Semaphore>,
    making: Arc<Semaphore>,
}

/// Held for as long as it is somebody's turn.
pub(crate) type Turn = OwnedSemaphorePermit;

impl Turns {
    pub(crate) fn new() -> Turns {
        Turns { forms: Arc::new(Semaphore::new(FORMS)), making: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Before a form is read; nobody waits for it.
    pub(crate) fn form(&self) -> Result<Turn, Refusal> {
        Arc::clone(&self.forms).try_acquire_owned().map_err(|_| Trouble::Busy.into())
    }

    /// Before a picture is made.
    pub(crate) async fn picture(&self) -> Result<Turn, Refusal> {
        let taken = tokio::time::timeout(QUEUE, Arc::clone(&self.making).acquire_owned()).await;
        match taken {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Trouble::Busy.into()),
        }
    }
}

/// Forms that are read at the same time, with up to 4 MB each.
const FORMS: usize = 32;

/// Pictures made at the same time: each takes a core for a moment, and 200 MB at worst.
const AT_ONCE: usize = 1;

/// How long somebody waits for their turn before they are told to come back: longer than the worst picture takes.
const QUEUE: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_forms_are_read_at_once_and_then_others_are_told_to_come_back() {
        let turns = Turns::new();
        let mut held: Vec<Turn> = (0..FORMS).map(|_| turns.form().unwrap()).collect();
        assert!(turns.form().is_err());
        held.pop();
        assert!(turns.form().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_waits_for_the_one_before_it_but_not_for_ever() {
        let turns = Turns::new();
        let first = turns.picture().await.unwrap();
        assert!(turns.picture().await.is_err());
        drop(first);
        assert!(turns.picture().await.is_ok());
    }
}
