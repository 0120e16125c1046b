//! The secret that signs capabilities: made by the first process that needs it, in `DATA/key`, for its owner's eyes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use wire::capability::{KEY_LENGTH, Key};

/// The key of the instance whose data lie in `data`, which exists.
///
/// Parts of one instance on several machines need the same file; a new one ends all capabilities that are out.
///
/// # Errors
/// When the file can't be read or made, or is no key.
pub(crate) fn ensure(data: &Path) -> Result<Key, KeyError> {
    let path = data.join(FILE);
    let read = read(&path);
    match read {
        Ok(Some(bytes)) => Ok(Key::new(bytes)),
        Ok(None) => Err(KeyError::Length(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(data, &path),
        Err(reason) => Err(KeyError::Io { path, reason }),
    }
}

/// Writes a new key beside its place and links it in, which fails for all processes but the first.
fn make(data: &Path, path: &Path) -> Result<Key, KeyError> {
    let mut bytes = [0; KEY_LENGTH];
    getrandom::fill(&mut bytes)?;
    let draft = data.join(format!("{FILE}.{}.tmp", std::process::id()));
    let failed = |reason| KeyError::Io { path: path.to_owned(), reason };
    // What a killed process of the same number left.
    let _ = fs::remove_file(&draft);
    let linked = write(&draft, &bytes).and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = read(path).map_err(failed)?;
            found.map(Key::new).ok_or_else(|| KeyError::Length(path.to_owned()))
        }
        linked => linked.map(|()| Key::new(bytes)).map_err(failed),
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `None` for a file of another length.
fn read(path: &Path) -> io::Result<Option<[u8; KEY_LENGTH]>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.take(KEY_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.try_into().ok())
}

/// Why there is no key, sorted by blame: the host, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// Something else lies in its place.
    #[error(
        "{0:?} is no key, which has {KEY_LENGTH} bytes: restore it, or remove it and have a new one made"
    )]
    Length(PathBuf),
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
        let make = || make(folder.path(), &folder.path().join(FILE)).map(|key| signed(&key));
        assert_eq!(make().unwrap(), make().unwrap());
    }

    #[test]
    fn what_is_no_key_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for bytes in [b"".as_slice(), &[7; 31], &[7; 33]] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(ensure(folder.path()), Err(KeyError::Length(_))));
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(matches!(ensure(folder.path()), Err(KeyError::Io { .. })));
    }
}
