//! Replacing a file in one step, so that nobody ever reads half of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::LibraryError;

/// Writes a file under a name beside it, makes sure that the disk has it, and renames it into place.
///
/// # Errors
/// When the disk is full or refuses; the old file then stays as it was.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), LibraryError> {
    let draft = beside(path);
    let written = write_and_rename(&draft, path, bytes);
    written.map_err(|error| {
        // The name beside it is removed again with the video, if not here.
        let _ = fs::remove_file(&draft);
        LibraryError::new("write", path, error)
    })
}

/// The name under which a file is written before it takes its place.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".tmp");
    PathBuf::from(name)
}

fn write_and_rename(draft: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("none/a"), b"").is_err());
    }
}
