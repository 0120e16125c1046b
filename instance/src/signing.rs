//! The Ed25519 key that signs what videos are made of, in `DATA/signing-key` for its owner's eyes only, and the signing of videos
//! that it didn't sign yet.
//!
//! The file has the secret (32 bytes), and behind it what is public of the key before, if there was one (32 bytes): masters name that,
//! too, so that whoever began to play before the key was rotated goes on. Nobody but this machine ever has the secret.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use origin::library::Library;
use origin::signing::{self, Look, Signer, SigningError};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wire::id::VideoId;
use wire::pieces::Key;

use crate::key::{self, KeyError};

/// The signer of the instance whose data lie in `data`, which exists; made by the first process that needs it.
///
/// # Errors
/// When the file can't be read or made, or is no key.
pub(crate) fn ensure(data: &Path) -> Result<Signer, KeyError> {
    let path = data.join(FILE);
    let bytes = key::ensure_secret(&path, SEED_BYTES, MOST_BYTES)?;
    read(&bytes).ok_or(KeyError::Length { path, wanted: WANTED })
}

/// What is wrong with the file, if it is there.
///
/// # Errors
/// When it can't be read, or is no key.
pub(crate) fn look(data: &Path) -> Result<Option<Signer>, KeyError> {
    let path = data.join(FILE);
    match key::read_secret(&path, MOST_BYTES) {
        Ok(bytes) => read(&bytes).map(Some).ok_or(KeyError::Length { path, wanted: WANTED }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(KeyError::Io { path, reason }),
    }
}

/// Makes a new key, which knows the one before. Videos aren't signed yet.
///
/// # Errors
/// When the file can't be read or written; then the key stays as it was.
pub(crate) fn rotate(data: &Path) -> Result<Signer, KeyError> {
    let path = data.join(FILE);
    let failed = |reason| KeyError::Io { path: path.clone(), reason };
    // Two at once would both know the same key before, and one of theirs would be lost.
    let turn = File::open(data).map_err(failed)?;
    turn.lock().map_err(failed)?;
    let before = ensure(data)?;
    let mut bytes = vec![0; SEED_BYTES];
    getrandom::fill(&mut bytes)?;
    bytes.extend(before.key());
    key::replace_secret(&path, &bytes).map_err(failed)?;
    ensure(data)
}

fn read(bytes: &[u8]) -> Option<Signer> {
    let (seed, before) = bytes.split_first_chunk()?;
    let before: Option<Key> = match before {
        [] => None,
        before => Some(before.try_into().ok()?),
    };
    Some(Signer::new(seed, before))
}

/// What became of a round of signing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Round {
    /// Videos that weren't signed, and are now.
    pub(crate) signed: usize,
    /// Which couldn't be, and why.
    pub(crate) failed: Vec<(VideoId, String)>,
}

/// Signs each video that the key of now didn't sign yet, the newest first.
///
/// # Errors
/// When there is no key, or the videos can't be listed. One that can't be signed is told in the round.
pub(crate) fn sign_all(
    library: &Library,
    look: Look,
    cancelled: &AtomicBool,
) -> anyhow::Result<Round> {
    let data = library.data_dir();
    let mut round = Round::default();
    for video in library.videos()? {
        let Ok(id) = video.id.parse::<VideoId>() else { continue };
        if cancelled.load(Ordering::Relaxed) {
            break;
        }
        let signer = ensure(&data)?;
        // Another process may rotate the key while this one reads a long video.
        let is_current = || ensure(&data).is_ok_and(|now| now.key() == signer.key());
        match signing::sign(library, &id, &signer, look, is_current, cancelled) {
            Ok(is_new) => round.signed += usize::from(is_new),
            Err(SigningError::Cancelled) => break,
            Err(error) => round.failed.push((id, error.to_string())),
        }
    }
    Ok(round)
}

/// Signs what isn't signed now and then, until the process is asked to end: videos of before there were keys, and those whose import
/// was under way while the key was rotated. The first round looks at each signature: a list that rotted is made again.
pub(crate) async fn keep_signed(library: Library, asked_to_end: CancellationToken) {
    let mut told = HashSet::new();
    let mut look = Look::Signatures;
    while !asked_to_end.is_cancelled() {
        match sign_quietly(library.clone(), look, &asked_to_end).await {
            Some(Ok(Round { signed, failed })) => {
                if signed > 0 {
                    tracing::info!("videos signed for their viewers: {signed}");
                }
                for (id, reason) in failed.into_iter().filter(|(id, _)| told.insert(*id)) {
                    tracing::warn!(video = %id, "cannot be signed: {reason}");
                }
            }
            Some(Err(error)) => tracing::warn!("videos are not signed: {error:#}"),
            None => {}
        }
        look = Look::Lengths;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = asked_to_end.cancelled() => {}
        }
    }
}

/// One round on a thread that gives way to all others; `None` if it ended without a word.
async fn sign_quietly(
    library: Library,
    look: Look,
    asked_to_end: &CancellationToken,
) -> Option<anyhow::Result<Round>> {
    let (end, mut ended) = oneshot::channel();
    let cancelled = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&cancelled);
    std::thread::spawn(move || {
        // Linux has a niceness for each thread.
        if let Err(error) = rustix::process::nice(NICENESS) {
            tracing::debug!("signing is as urgent as all else: {error}");
        }
        // Nobody waits for it when the process ends.
        let _ = end.send(sign_all(&library, look, &asked));
    });
    tokio::select! {
        round = &mut ended => return round.ok(),
        () = asked_to_end.cancelled() => cancelled.store(true, Ordering::Relaxed),
    }
    ended.await.ok()
}

/// In the data folder, and in a backup.
pub(crate) const FILE: &str = "signing-key";

const SEED_BYTES: usize = 32;
const MOST_BYTES: usize = SEED_BYTES + size_of::<Key>();
const WANTED: &str = "32 or 64 bytes";

/// How soon an import that was under way while the key was rotated is signed with the new one: until then the one before is named.
const PAUSE: Duration = Duration::from_secs(3_600);

/// As far as it goes.
const NICENESS: i32 = 19;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(look(folder.path()).unwrap().is_none());
        let made = ensure(folder.path()).unwrap();
        assert_eq!(ensure(folder.path()).unwrap().key(), made.key());
        assert_eq!(look(folder.path()).unwrap().unwrap().key(), made.key());
        assert_eq!(made.before(), None);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let another = tempfile::tempdir().unwrap();
        assert_ne!(ensure(another.path()).unwrap().key(), made.key());
    }

    #[test]
    fn a_new_key_knows_the_one_before_and_not_the_one_before_that() {
        let folder = tempfile::tempdir().unwrap();
        let first = ensure(folder.path()).unwrap();
        let second = rotate(folder.path()).unwrap();
        assert_ne!(second.key(), first.key());
        assert_eq!(second.before(), Some(first.key()));
        let third = rotate(folder.path()).unwrap();
        assert_eq!(third.before(), Some(second.key()));
        assert_eq!(ensure(folder.path()).unwrap().key(), third.key());
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
    }

    #[test]
    fn what_is_no_key_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for length in [0, 31, 33, 63, 65] {
            fs::write(&path, vec![7; length]).unwrap();
            assert!(matches!(ensure(folder.path()), Err(KeyError::Length { .. })), "{length}");
            assert!(look(folder.path()).is_err() && rotate(folder.path()).is_err());
            assert_eq!(fs::read(&path).unwrap().len(), length);
        }
    }
}
