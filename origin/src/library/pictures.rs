//! Pictures of accounts and channels: `DATA/pictures/<name>`, each written once under a name that is never used again.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{Library, LibraryError, atomic, remove_if_there};

impl Library {
    /// Keeps a picture, whole or not at all.
    ///
    /// # Errors
    /// When the name is none of a picture, or the disk refuses.
    pub fn keep_picture(&self, name: &str, bytes: &[u8]) -> Result<(), LibraryError> {
        let path = self.picture_path(name)?;
        let folder = self.pictures_dir();
        fs::create_dir_all(&folder).map_err(|error| LibraryError::new("make", &folder, error))?;
        atomic::write(&path, bytes)
    }

    /// A picture, or `None` if there is none by this name.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn picture(&self, name: &str) -> Result<Option<Vec<u8>>, LibraryError> {
        let Ok(path) = self.picture_path(name) else { return Ok(None) };
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|error| LibraryError::new("read", &path, error)),
        }
    }

    /// Removes a picture; one that isn't there is fine.
    ///
    /// # Errors
    /// When the name is none of a picture, or the disk refuses.
    pub fn remove_picture(&self, name: &str) -> Result<(), LibraryError> {
        remove_if_there(&self.picture_path(name)?, |path| fs::remove_file(path))
    }

    /// Removes what nobody needs and was not just made: pictures of those who are gone, and what a killed process left.
    ///
    /// # Errors
    /// When the folder can't be listed, or the disk refuses.
    pub fn sweep_pictures(&self, is_needed: impl Fn(&str) -> bool) -> Result<(), LibraryError> {
        let folder = self.pictures_dir();
        let unlisted = |error| LibraryError::new("list", &folder, error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(unlisted)?,
        };
        for entry in entries {
            let entry = entry.map_err(unlisted)?;
            let modified = entry.metadata().and_then(|about| about.modified()).map_err(unlisted)?;
            let age = SystemTime::now().duration_since(modified).unwrap_or_default();
            if age < FRESH || entry.file_name().to_str().is_some_and(&is_needed) {
                continue;
            }
            remove_if_there(&entry.path(), |path| {
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
            })?;
        }
        Ok(())
    }

    pub(crate) fn pictures_dir(&self) -> PathBuf {
        self.data.join("pictures")
    }

    fn picture_path(&self, name: &str) -> Result<PathBuf, LibraryError> {
        if is_name(name) {
            Ok(self.pictures_dir().join(name))
        } else {
            Err(LibraryError::NotAPicture(name.to_owned()))
        }
    }
}

/// Letters, digits and hyphens, and the one ending that there is.
fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(".jpg").filter(|stem| (1..=LONGEST).contains(&stem.len()));
    stem.is_some_and(|stem| stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// Bytes of a name without its ending: ours have about 40.
const LONGEST: usize = 64;

/// A picture is written before the row that names it: nothing so young is swept away.
const FRESH: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_picture_is_kept_read_and_removed() {
        let data = tempfile::tempdir().unwrap();
        let library = Library::open(data.path()).unwrap();
        assert_eq!(library.picture("a-120.jpg").unwrap(), None);
        library.keep_picture("a-120.jpg", b"jpeg").unwrap();
        assert_eq!(library.picture("a-120.jpg").unwrap().as_deref(), Some(&b"jpeg"[..]));
        library.remove_picture("a-120.jpg").unwrap();
        library.remove_picture("a-120.jpg").unwrap();
        assert_eq!(library.picture("a-120.jpg").unwrap(), None);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let data = tempfile::tempdir().unwrap();
        let library = Library::open(data.path()).unwrap();
        for name in
            ["", ".jpg", "../key.jpg", "a/b.jpg", "a.png", "a.jpg.tmp", "%2e.jpg", "a b.jpg"]
        {
            assert_eq!(library.picture(name).unwrap(), None, "{name}");
            assert!(library.keep_picture(name, b"").is_err(), "{name}");
            assert!(library.remove_picture(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_nobody_needs_goes_when_it_is_old() {
        let data = tempfile::tempdir().unwrap();
        let library = Library::open(data.path()).unwrap();
        library.sweep_pictures(|_| false).unwrap();
        for name in ["old-120.jpg", "needed-120.jpg", "new-120.jpg"] {
            library.keep_picture(name, b"jpeg").unwrap();
        }
        fs::create_dir(library.pictures_dir().join("left")).unwrap();
        let long_ago = SystemTime::now() - FRESH * 2;
        for name in ["old-120.jpg", "needed-120.jpg", "left"] {
            let file = File::open(library.pictures_dir().join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
        library.sweep_pictures(|name| name.starts_with("needed")).unwrap();
        let there = |name: &str| library.pictures_dir().join(name).exists();
        assert!(there("needed-120.jpg") && there("new-120.jpg"));
        assert!(!there("old-120.jpg") && !there("left"));
    }
}
