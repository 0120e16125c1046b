//! Passwords become argon2id hashes and are compared with them: on threads of their own, a bounded number at once.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use tokio::sync::Semaphore;

use crate::field::Password;
use crate::limits::{HASHES_AT_ONCE, HASHES_WAITING};

/// The only place where argon2 runs while a server serves.
#[derive(Debug)]
pub(crate) struct Hasher {
    running: Arc<Semaphore>,
    admitted: Semaphore,
}

/// Why no password was hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum HasherError {
    /// Too many wait already.
    #[error("too many people log in at once")]
    Busy,
    /// No memory or no chance; the blame is the machine's.
    #[error("cannot hash a password: {0}")]
    Failed(argon2::password_hash::Error),
    /// The thread is gone.
    #[error("the process is ending")]
    Stopped,
}

impl Hasher {
    pub(crate) fn new() -> Hasher {
        Hasher {
            running: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            admitted: Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING),
        }
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, HasherError> {
        self.run(move || hash(&password)).await?
    }

    /// Whether a password is the one that `hash` is of; takes as long where nobody has that name, and `hash` is `None`.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, HasherError> {
        self.run(move || {
            let known = hash.as_deref().unwrap_or(NOBODYS);
            let compared = Argon2::default().verify_password(password.as_bytes(), known);
            compared.is_ok() && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HasherError> {
        let _admitted = self.admitted.try_acquire().map_err(|_| HasherError::Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        let running = running.map_err(|_| HasherError::Stopped)?;
        // The permit goes along: whoever hangs up leaves a thread that is still busy.
        let work = move || {
            let _running = running;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| HasherError::Stopped)
    }
}

/// The PHC string of a password, made on this thread.
pub(crate) fn hash(password: &Password) -> Result<String, HasherError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| HasherError::Failed(error.into()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.reveal().as_bytes());
    hash.map(|hash| hash.to_string()).map_err(HasherError::Failed)
}

/// With one pass and one lane OWASP's first choice, as strong as its other with 19 MiB and two passes.
///
/// Memory above 32 MiB goes back to the system at once. What is below glibc keeps for each thread that ever hashed: 235 MB
/// after a dozen logins.
const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 1;
const LANES: u32 = 1;

/// Costs as much to compare with as a real one.
const NOBODYS: &str = "$argon2id$v=19$m=47104,t=1,p=1$bm9ib2R5IGhhcyB0aGlzIQ$\
                       c2hvYWwgc2hvYWwgc2hvYWwgc2hvYWwgc2hvYWwgc2g";

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::phc::PasswordHash;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hasher = Hasher::new();
        let hash = hasher.hash(password("correct horse")).await.unwrap();
        let again = hasher.hash(password("correct horse")).await.unwrap();
        assert_ne!(hash, again);
        for (text, known, wanted) in [
            ("correct horse", Some(hash.clone()), true),
            ("wrong horse", Some(hash), false),
            ("correct horse", None, false),
            ("correct horse", Some("$argon2id$broken".to_owned()), false),
        ] {
            assert_eq!(hasher.verify(text.to_owned(), known).await.unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn nobody_s_hash_costs_what_a_user_s_does() {
        let real = hash(&password("correct horse")).unwrap();
        let (real, nobodys) =
            (PasswordHash::new(&real).unwrap(), PasswordHash::new(NOBODYS).unwrap());
        assert_eq!((real.algorithm, real.version), (nobodys.algorithm, nobodys.version));
        assert_eq!(real.params.to_string(), nobodys.params.to_string());
        let lengths = |hash: &PasswordHash| {
            (hash.salt.map(|salt| salt.len()), hash.hash.map(|hash| hash.len()))
        };
        assert_eq!(lengths(&real), lengths(&nobodys));
    }

    #[tokio::test]
    async fn threads_that_hashed_keep_no_memory() {
        let resident = || -> usize {
            let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
            pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
        };
        let before = resident();
        for _ in 0..4 {
            let threads =
                (0..3).map(|_| std::thread::spawn(|| drop(hash(&password("correct horse")))));
            for thread in threads.collect::<Vec<_>>() {
                thread.join().unwrap();
            }
        }
        let kept = resident().saturating_sub(before);
        assert!(kept < 16 << 20, "{kept} bytes are kept");
    }

    #[tokio::test]
    async fn more_than_can_wait_are_turned_away() {
        let hasher = Hasher::new();
        let _all = hasher.admitted.acquire_many((HASHES_AT_ONCE + HASHES_WAITING) as u32).await;
        let turned = hasher.verify("a".to_owned(), None).await;
        assert!(matches!(turned, Err(HasherError::Busy)));
    }
}
