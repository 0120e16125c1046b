//! The folder of one copy, which one run at a time writes to, and in which no link is followed: who runs this may be root, and the
//! folder a web server's.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use origin::path::MediaPath;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use wire::id::VideoId;

use super::{MirrorError, proof};

/// Where a copy is. All is looked up in the folder that was opened, whatever takes its name meanwhile.
pub(super) struct Folder {
    /// What it is called.
    pub(super) path: PathBuf,
    id: VideoId,
    folder: File,
    _lock: File,
}

/// What became of a copy that was taken out of service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cleared {
    path: PathBuf,
    /// Files that were removed.
    gone: usize,
    /// Whether there are other people's files in the folder.
    is_left: bool,
}

impl fmt::Display for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its {} files in {} were removed", self.gone, self.path.display())?;
        if self.is_left { f.write_str("; what else is there isn't this command's") } else { Ok(()) }
    }
}

impl Folder {
    /// The folder of a video below `to`, made if there is none.
    pub(super) fn open(to: &Path, id: &VideoId) -> Result<Folder, MirrorError> {
        let path = to.join(id.to_string());
        let made = fs::create_dir_all(to).and_then(|()| match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        });
        made.map_err(|error| MirrorError::Disk(path.clone(), error))?;
        Folder::enter(path, id)
    }

    /// The folder of a video below `to`, if there is one.
    pub(super) fn find(to: &Path, id: &VideoId) -> Result<Option<Folder>, MirrorError> {
        match Folder::enter(to.join(id.to_string()), id) {
            Err(MirrorError::Disk(_, error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            entered => entered.map(Some),
        }
    }

    fn enter(path: PathBuf, id: &VideoId) -> Result<Folder, MirrorError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&path, flags, Mode::empty());
        let folder = folder.map_err(|error| MirrorError::Disk(path.clone(), error.into()))?;
        let folder = File::from(folder);
        let lock = writable(&folder, LOCK);
        let lock = lock.map_err(|error| MirrorError::Disk(path.join(LOCK), error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path, id: *id, folder, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(MirrorError::Busy(path)),
            Err(fs::TryLockError::Error(error)) => Err(MirrorError::Disk(path, error)),
        }
    }

    /// A file as it is, or an empty one, to be written to.
    ///
    /// # Errors
    /// When it can't be had, or is a link.
    pub(super) fn writable(&self, name: &str) -> Result<File, MirrorError> {
        writable(&self.folder, name).map_err(|error| self.failed(name, error))
    }

    /// A small file that is there; none if it is larger than it may be.
    pub(super) fn read(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&self.folder, name, flags, Mode::empty()).ok()?;
        let file = File::from(file);
        let found = file.metadata().ok().filter(|found| found.is_file() && found.len() <= most)?;
        let mut bytes = Vec::new();
        file.take(found.len()).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Zero if it isn't there, or no file.
    pub(super) fn length(&self, name: &str) -> u64 {
        let found = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW).ok();
        let is_file = |found: &rustix::fs::Stat| {
            FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        };
        let length = found.filter(is_file).map(|found| u64::try_from(found.st_size));
        length.and_then(Result::ok).unwrap_or(0)
    }

    /// Bytes that the disk has left.
    pub(super) fn free(&self) -> Result<u64, MirrorError> {
        let found = rustix::fs::fstatvfs(&self.folder);
        let found = found.map_err(|error| MirrorError::Disk(self.path.clone(), error.into()))?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Writes a small file in one step; the same file is left alone.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), MirrorError> {
        if self.read(name, bytes.len() as u64).as_deref() == Some(bytes) {
            return Ok(());
        }
        let draft = part(name);
        let mut file = self.writable(&draft)?;
        let written = file.set_len(0).and_then(|()| file.write_all(bytes));
        let written = written.and_then(|()| file.sync_all());
        written.map_err(|error| self.failed(&draft, error))?;
        self.finish(name)
    }

    /// Gives what was written its name.
    pub(super) fn finish(&self, name: &str) -> Result<(), MirrorError> {
        let renamed = rustix::fs::renameat(&self.folder, part(name), &self.folder, name);
        let renamed = renamed.map_err(io::Error::from).and_then(|()| self.folder.sync_all());
        renamed.map_err(|error| self.failed(name, error))
    }

    /// Removes what is of the video and not of this copy, and tells how many files that were.
    pub(super) fn tidy(&self, kept: &BTreeSet<String>) -> Result<usize, MirrorError> {
        let mut gone = 0;
        for name in self.names()?.iter().filter(|name| self.is_ours(name) && !kept.contains(*name))
        {
            match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
                Ok(()) => gone += 1,
                // Folders are made by others.
                Err(Errno::ISDIR | Errno::NOENT) => {}
                Err(error) => return Err(self.failed(name, error.into())),
            }
        }
        Ok(gone)
    }

    /// The master playlists that are there.
    pub(super) fn masters(&self) -> Result<Vec<String>, MirrorError> {
        let is_one = |name: &String| name.ends_with("-master.m3u8") && self.is_ours(name);
        Ok(self.names()?.into_iter().filter(is_one).collect())
    }

    /// Removes all that runs of this have made, and the folder, unless others have put something there.
    pub(super) fn clear(self) -> Result<Cleared, MirrorError> {
        let gone = self.tidy(&BTreeSet::new())?;
        let others = self.names()?.iter().filter(|name| *name != LOCK).count();
        let synced = rustix::fs::unlinkat(&self.folder, LOCK, AtFlags::empty());
        let synced = synced.map_err(io::Error::from).and_then(|()| self.folder.sync_all());
        synced.map_err(|error| self.failed(LOCK, error))?;
        // It is empty, or stays.
        let _ = fs::remove_dir(&self.path);
        Ok(Cleared { path: self.path, gone, is_left: others > 0 })
    }

    /// Whether a file is called as those of a copy, or as their parts.
    fn is_ours(&self, name: &str) -> bool {
        let whole = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
        let whole = whole.unwrap_or(name);
        proof::generation(whole).is_some()
            && MediaPath::parse(&format!("/hls/{}/{whole}", self.id))
                .is_some_and(|path| path.file == whole)
    }

    fn names(&self) -> Result<Vec<String>, MirrorError> {
        let failed = |error: Errno| MirrorError::Disk(self.path.clone(), error.into());
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn failed(&self, name: &str, error: io::Error) -> MirrorError {
        MirrorError::Disk(self.path.join(name), error)
    }
}

/// What a file is called until it is whole and proved; web servers give no such files, and no file of a video begins so.
pub(super) fn part(name: &str) -> String {
    format!(".{name}.part")
}

/// Opens a file that has this name and no other; one by a link would be written over elsewhere.
fn writable(folder: &File, name: &str) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o666);
    let file = File::from(rustix::fs::openat(folder, name, flags | OFlags::NONBLOCK, mode)?);
    let found = file.metadata()?;
    if found.is_file() && found.nlink() == 1 {
        Ok(file)
    } else {
        Err(io::Error::other("it is a link, or no file"))
    }
}

/// A lock in each copy's folder.
const LOCK: &str = ".lock";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn id() -> VideoId {
        VideoId::from_random([1; 16])
    }

    fn names(path: &Path) -> Vec<String> {
        let names = fs::read_dir(path).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn two_do_not_write_one_copy_and_only_old_files_of_the_video_go() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), &id()).unwrap();
        assert!(matches!(Folder::open(place.path(), &id()), Err(MirrorError::Busy(_))));
        for name in ["g1-240.mp4", ".g1-240.mp4.part", ".g2-240.mp4.part", "notes.txt", "g2-a.m3u8"]
        {
            fs::write(folder.path.join(name), "x").unwrap();
        }
        folder.put("g2-b.m3u8", b"x").unwrap();
        let kept = ["g2-a.m3u8", "g2-b.m3u8"].map(str::to_owned).into();
        assert_eq!(folder.tidy(&kept).unwrap(), 3);
        assert_eq!(names(&folder.path), [".lock", "g2-a.m3u8", "g2-b.m3u8", "notes.txt"]);
        drop(folder);
        Folder::open(place.path(), &id()).unwrap();
    }

    #[test]
    fn nothing_is_written_read_or_removed_through_a_link() {
        let place = tempfile::tempdir().unwrap();
        let (other, to) = (place.path().join("passwd"), place.path().join("copies"));
        fs::write(&other, "root").unwrap();
        let path = to.join(id().to_string());
        fs::create_dir_all(&path).unwrap();
        symlink(&other, path.join(".lock")).unwrap();
        assert!(matches!(Folder::open(&to, &id()), Err(MirrorError::Disk(..))));
        fs::remove_file(path.join(".lock")).unwrap();
        // A lock's own content is nobody's business.
        fs::write(path.join(".lock"), "kept").unwrap();
        let folder = Folder::open(&to, &id()).unwrap();
        assert_eq!(fs::read(path.join(".lock")).unwrap(), b"kept");

        symlink(&other, path.join(".g1-a.m3u8.part")).unwrap();
        assert!(folder.put("g1-a.m3u8", b"x").is_err());
        fs::hard_link(&other, path.join(".g1-b.m3u8.part")).unwrap();
        assert!(folder.put("g1-b.m3u8", b"x").is_err());
        symlink(&other, path.join("g1-c.m3u8")).unwrap();
        assert_eq!((folder.read("g1-c.m3u8", 99), folder.length("g1-c.m3u8")), (None, 0));
        folder.put("g1-c.m3u8", b"y").unwrap();
        assert_eq!(folder.read("g1-c.m3u8", 99).unwrap(), b"y");
        symlink(place.path(), path.join("g1-d.mp4")).unwrap();
        assert_eq!(folder.clear().unwrap().gone, 4);
        assert_eq!(fs::read(&other).unwrap(), b"root");
        assert_eq!(names(place.path()), ["copies", "passwd"]);
        assert_eq!(names(&to), [""; 0]);

        symlink(place.path(), &path).unwrap();
        assert!(matches!(Folder::open(&to, &id()), Err(MirrorError::Disk(..))));
        assert_eq!(names(place.path()), ["copies", "passwd"]);
    }

    #[test]
    fn a_copy_that_goes_leaves_what_others_put_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path(), &id()).unwrap();
        let path = folder.path.clone();
        fs::create_dir(path.join("g1-folder.mp4")).unwrap();
        for name in ["g1-240.mp4", ".g1-240.mp4.part", "g1-notes.txt", "index.html"] {
            fs::write(path.join(name), "x").unwrap();
        }
        let cleared = folder.clear().unwrap();
        assert_eq!((cleared.gone, cleared.is_left), (2, true));
        assert_eq!(names(&path), ["g1-folder.mp4", "g1-notes.txt", "index.html"]);
        assert!(Folder::find(&place.path().join("none"), &id()).unwrap().is_none());
    }
}
