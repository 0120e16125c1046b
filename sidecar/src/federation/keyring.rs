//! The keys of those who are here: made when they are first asked for, kept sealed, and opened once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::id::{INSTANCE, Local};
use super::key::{KeyError, NewKey, PrivateKey};
use crate::table::actor_key::{self, ActorKey};
use crate::table::{account, channel};
use crate::{Sidecar, now_ms};

/// Who signs a request, and with what.
#[derive(Debug)]
pub(crate) struct Signer {
    /// The URL under which everybody finds the public part.
    pub(crate) key_id: String,
    pub(crate) key: PrivateKey,
}

/// The keys in memory.
#[derive(Debug, Default)]
pub(crate) struct Keyring {
    /// Those that were opened, by the id of their handle; at most [`MOST`].
    open: Mutex<HashMap<i64, Arc<Signer>>>,
    /// Whoever makes one: that takes a tenth of a second, and strangers cause it by asking.
    making: tokio::sync::Mutex<()>,
}

/// Why there is no key: who asks, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyringError {
    /// Nobody of that name is here.
    #[error("nobody here is {0}")]
    Nobody(Local),
    /// The instance has no ids that others could know.
    #[error("federation is off")]
    Off,
    /// The key was sealed by another instance's key.
    #[error("the key of {0} can't be opened: DATA/key is another one")]
    Sealed(Local),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
    #[error("the work was stopped")]
    Stopped,
}

impl Sidecar {
    /// What somebody here signs with.
    pub(crate) async fn signer(&self, whose: &Local) -> Result<Arc<Signer>, KeyringError> {
        let handle = self.handle_of(whose).await?;
        let handle = handle.ok_or_else(|| KeyringError::Nobody(whose.clone()))?;
        self.signer_of(handle, whose).await
    }

    /// The same of somebody whose handle is known, even if nothing else is left of them.
    pub(crate) async fn signer_of(
        &self,
        handle: i64,
        whose: &Local,
    ) -> Result<Arc<Signer>, KeyringError> {
        if let Some(signer) = self.keyring.find(handle) {
            return Ok(signer);
        }
        let place = self.place.as_ref().ok_or(KeyringError::Off)?;
        let sealed = self.key_of(handle).await?.private_key;
        let opened = self.seal.open(handle, &sealed);
        let opened = opened.ok_or_else(|| KeyringError::Sealed(whose.clone()))?;
        let key_id = format!("{}#main-key", place.url(whose));
        let signer = Arc::new(Signer { key_id, key: PrivateKey::read(&opened)? });
        self.keyring.keep(handle, &signer);
        Ok(signer)
    }

    /// The keys of somebody here, made unless there are some.
    pub(super) async fn key_of(&self, handle: i64) -> Result<ActorKey, KeyringError> {
        if let Some(key) = actor_key::find(&self.database, handle).await? {
            return Ok(key);
        }
        let _turn = self.keyring.making.lock().await;
        if let Some(key) = actor_key::find(&self.database, handle).await? {
            return Ok(key);
        }
        let making = tokio::task::spawn_blocking(NewKey::make);
        let new = making.await.map_err(|_| KeyringError::Stopped)??;
        let private_key = self.seal.close(handle, &new.private)?;
        let key =
            ActorKey { id: handle, private_key, public_key: new.public_pem, created_at: now_ms() };
        actor_key::keep(&self.database, &key).await?;
        // Another process that was faster has the keys that count.
        Ok(actor_key::find(&self.database, handle).await?.unwrap_or(key))
    }

    /// The id of the handle of somebody here.
    pub(crate) async fn handle_of(&self, whose: &Local) -> sqlx::Result<Option<i64>> {
        let database = &self.database;
        Ok(match whose {
            Local::Instance => Some(actor_key::handle(database, INSTANCE).await?),
            Local::Account(name) => account::by_name(database, name).await?.map(|found| found.id),
            Local::Channel(name) => channel::by_name(database, name).await?.map(|found| found.id),
            Local::Video(_) | Local::Comment(..) => None,
        })
    }
}

impl Keyring {
    fn find(&self, handle: i64) -> Option<Arc<Signer>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&handle).cloned()
    }

    fn keep(&self, handle: i64, signer: &Arc<Signer>) {
        let mut keys = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST {
            keys.clear();
        }
        keys.insert(handle, Arc::clone(signer));
    }
}

/// Keys in memory, of some 2 KB each: those who act at the same time are few.
const MOST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_500_keys_are_in_memory() {
        let key = PrivateKey::read(&NewKey::make().unwrap().private).unwrap();
        let signer =
            Arc::new(Signer { key_id: "https://one.example/accounts/ada".to_owned(), key });
        let keyring = Keyring::default();
        for handle in 0..1_200 {
            keyring.keep(handle, &signer);
            assert!(keyring.find(handle).is_some());
            assert!(keyring.open.lock().unwrap().len() <= 500);
        }
    }
}
