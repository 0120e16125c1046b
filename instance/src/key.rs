//! The secret that signs capabilities: made by the first process that needs it, in `DATA/key`, for its owner's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use wire::capability::{KEY_LENGTH, Key};
use wire::digest::hex;

/// The key of the instance whose data lie in `data`, which exists.
///
/// Parts of one instance on several machines need the same file; a new one ends all capabilities that are out.
///
/// # Errors
/// When the file can't be read or made, or is no key.
pub(crate) fn ensure(data: &Path) -> Result<Key, KeyError> {
    let path = data.join(FILE);
    let bytes = ensure_secret(&path, KEY_LENGTH, KEY_LENGTH)?;
    bytes.try_into().map(Key::new).map_err(|_| KeyError::Length { path, wanted: WANTED })
}

/// The bytes of a secret, of which the first process that needs it makes `length` by chance.
///
/// # Errors
/// When it can't be read or made. One that is longer than `most` is read as far as one byte more.
pub(crate) fn ensure_secret(path: &Path, length: usize, most: usize) -> Result<Vec<u8>, KeyError> {
    match read_secret(path, most) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, length, most),
        read => read.map_err(|reason| KeyError::Io { path: path.to_owned(), reason }),
    }
}

/// Writes a new secret beside its place and links it in, which fails for all processes but the first.
fn make(path: &Path, length: usize, most: usize) -> Result<Vec<u8>, KeyError> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    let failed = |reason| KeyError::Io { path: path.to_owned(), reason };
    let draft = draft(path)?;
    let linked = write(&draft, &bytes).and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_secret(path, most).map_err(failed)
        }
        linked => linked.map(|()| bytes).map_err(failed),
    }
}

/// Puts other bytes in the place of a secret, in one step.
///
/// # Errors
/// When the disk refuses; then it stays as it was.
pub(crate) fn replace_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft(path)?;
    let replaced = write(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&draft);
    }
    replaced?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    File::open(folder)?.sync_all()
}

/// A name beside it that nobody else writes to, in this process or another.
fn draft(path: &Path) -> Result<PathBuf, getrandom::Error> {
    let mut chance = [0; 8];
    getrandom::fill(&mut chance)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", hex(&chance)));
    Ok(PathBuf::from(name))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// At most one byte more than there may be.
///
/// # Errors
/// When it isn't there, is a link, or can't be read.
pub(crate) fn read_secret(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why there is no key, sorted by blame: the host, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// Something else lies in its place.
    #[error(
        "{path:?} is no key, which has {wanted}: restore it, or remove it and have a new one made"
    )]
    Length {
        /// Which file.
        path: PathBuf,
        /// How long it should be.
        wanted: &'static str,
    },
    /// The file system refuses.
    #[error("cannot keep the key {path:?}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// No randomness.
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
}

/// In the data folder.
pub(crate) const FILE: &str = "key";

const WANTED: &str = "32 bytes";

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use wire::id::VideoId;

    fn signed(key: &Key) -> String {
        key.sign(&VideoId::from_random([1; 16]), 9)
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = ensure(folder.path()).unwrap();
        assert_eq!(signed(&ensure(folder.path()).unwrap()), signed(&made));
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
        let another = tempfile::tempdir().unwrap();
        assert_ne!(signed(&ensure(another.path()).unwrap()), signed(&made));
    }

    #[test]
    fn processes_that_start_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let make = || make(&folder.path().join(FILE), KEY_LENGTH, KEY_LENGTH);
        assert_eq!(make().unwrap(), make().unwrap());
    }

    #[test]
    fn threads_that_need_it_at_once_agree_and_leave_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let all: Vec<_> = std::thread::scope(|scope| {
            let made = || make(&path, KEY_LENGTH, KEY_LENGTH).unwrap();
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(made)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|one| *one == fs::read(&path).unwrap()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_key_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for bytes in [b"".as_slice(), &[7; 31], &[7; 33]] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(ensure(folder.path()), Err(KeyError::Length { .. })));
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(matches!(ensure(folder.path()), Err(KeyError::Io { .. })));
    }
}
