//! The folder of an import under way, and the removal of folders that nobody works in any more.
//!
//! The lock on `work/<random>/lock` goes when its process goes, however it ends. `work/lock` is held for a moment
//! while a folder is made or folders are swept, so that a folder is never seen before it is locked.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use wire::id::VideoId;

use super::{Library, LibraryError, Video};

/// The folder of one import. On drop it is removed, and unless the import is finished, what it made; a video that was
/// there before stays as it was.
#[derive(Debug)]
pub(crate) struct Work {
    library: Library,
    id: VideoId,
    folder: PathBuf,
    /// The video that was there before.
    replaced: Option<Video>,
    is_finished: bool,
    _lock: File,
}

impl Work {
    /// Makes and locks a folder for the import of one video, and notes in it which one.
    ///
    /// # Errors
    /// When the data folder can't be written.
    pub(crate) fn begin(library: &Library, id: &VideoId) -> Result<Work, LibraryError> {
        let folder = library.work_dir().join(id.short());
        let replaced = library.video(id)?.filter(|video| !video.is_importing);
        let failed = |error| LibraryError::new("begin in", &folder, error);
        let lock = {
            let _turn = take_turn(library).map_err(failed)?;
            // One that is there is another import's of the same video, and is left alone.
            fs::create_dir(&folder).map_err(failed)?;
            lock(&folder, id).map_err(|error| {
                let _ = fs::remove_dir_all(&folder);
                failed(error)
            })?
        };
        let (library, id, is_finished) = (library.clone(), *id, false);
        Ok(Work { library, id, folder, replaced, is_finished, _lock: lock })
    }

    /// The video that was there before.
    pub(crate) fn replaced(&self) -> Option<&Video> {
        self.replaced.as_ref()
    }

    /// Where the import may leave what it likes.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets the video stay.
    pub(crate) fn finish(mut self) {
        self.is_finished = true;
    }
}

/// Also when the import unwinds. The folder stays if the video can't be withdrawn, so that the next start tries again.
impl Drop for Work {
    fn drop(&mut self) {
        let undone = match &self.replaced {
            _ if self.is_finished => Ok(()),
            Some(video) => self.library.tidy(&self.id, video),
            None => self.library.withdraw(&self.id),
        };
        if let Err(error) = undone {
            tracing::warn!(%error, "the next start removes what is left of this import");
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, folder = ?self.folder, "the next start removes this folder");
        }
    }
}

/// Removes the folders that nobody locks, together with the videos whose import they didn't finish, and videos that are
/// still being imported by their record, but have no folder.
///
/// # Errors
/// When the folder of imports or that of records can't be listed. One that can't be removed is only warned of: it takes nothing but space.
pub(super) fn sweep(library: &Library) -> Result<(), LibraryError> {
    let folder = library.work_dir();
    let failed = |error| LibraryError::new("sweep", &folder, error);
    let _turn = take_turn(library).map_err(failed)?;
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir()
            && let Err(error) = remove_if_abandoned(library, &path)
        {
            tracing::warn!(%error, ?path, "cannot remove what an import left");
        }
    }
    for video in library.videos()?.into_iter().filter(|video| video.is_importing) {
        if let Ok(id) = video.id.parse::<VideoId>()
            && !folder.join(id.short()).exists()
            // Asked again, since the import may have ended just now.
            && !is_finished(library, &id)
            && let Err(error) = library.withdraw(&id)
        {
            tracing::warn!(%error, id = video.id, "cannot withdraw what an import left");
        }
    }
    Ok(())
}

fn remove_if_abandoned(library: &Library, folder: &Path) -> Result<(), LibraryError> {
    let lock = match File::open(folder.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        opened => {
            Some(opened.map_err(|error| LibraryError::new("open the lock in", folder, error))?)
        }
    };
    match lock.as_ref().map(File::try_lock) {
        Some(Err(TryLockError::WouldBlock)) => return Ok(()),
        Some(Err(TryLockError::Error(error))) => {
            return Err(LibraryError::new("lock", folder, error));
        }
        Some(Ok(())) | None => {}
    }
    let journal = fs::read_to_string(folder.join(JOURNAL)).unwrap_or_default();
    if let Ok(id) = journal.parse::<VideoId>() {
        match library.video(&id) {
            Ok(Some(video)) if !video.is_importing => library.tidy(&id, &video)?,
            _ => library.withdraw(&id)?,
        }
    }
    fs::remove_dir_all(folder).map_err(|error| LibraryError::new("remove", folder, error))
}

fn is_finished(library: &Library, id: &VideoId) -> bool {
    matches!(library.video(id), Ok(Some(video)) if !video.is_importing)
}

/// Locks a new folder, and notes in it whose it is.
fn lock(folder: &Path, id: &VideoId) -> io::Result<File> {
    let lock = File::create(folder.join(LOCK))?;
    lock.lock()?;
    fs::write(folder.join(JOURNAL), id.to_string())?;
    Ok(lock)
}

fn take_turn(library: &Library) -> io::Result<File> {
    let turn = File::create(library.work_dir().join(LOCK))?;
    turn.lock()?;
    Ok(turn)
}

const LOCK: &str = "lock";
/// Names the video that an unfinished import has to be rid of.
const JOURNAL: &str = "video";

#[cfg(test)]
mod tests {
    use super::super::tests::{fresh, id, video};
    use super::*;

    #[test]
    fn an_import_under_way_is_left_alone() {
        let (folder, library) = fresh();
        let work = Work::begin(&library, &id([1; 16])).unwrap();
        Library::open(folder.path()).unwrap();
        assert!(work.folder().exists());
        let path = work.folder().to_owned();
        drop(work);
        assert!(!path.exists());
    }

    #[test]
    fn two_imports_of_one_video_do_not_meet() {
        let (_folder, library) = fresh();
        let work = Work::begin(&library, &id([1; 16])).unwrap();
        assert!(Work::begin(&library, &id([1; 16])).is_err());
        assert!(
            work.folder().join(JOURNAL).exists(),
            "the second has taken the first's folder away"
        );
    }

    #[test]
    fn an_abandoned_import_is_withdrawn_and_a_finished_one_stays() {
        let (folder, library) = fresh();
        for (seed, is_importing) in [([1; 16], true), ([2; 16], false)] {
            library.record(&crate::library::Video { is_importing, ..video(seed, 1) }).unwrap();
            fs::create_dir_all(library.video_dir(&id(seed))).unwrap();
            abandon(&library, &id(seed));
        }
        fs::create_dir(library.work_dir().join("empty")).unwrap();
        Library::open(folder.path()).unwrap();
        let left: Vec<_> = library.videos().unwrap().into_iter().map(|video| video.id).collect();
        assert_eq!(left, [id([2; 16]).to_string()]);
        assert!(
            !library.video_dir(&id([1; 16])).exists() && library.video_dir(&id([2; 16])).exists()
        );
        assert_eq!(fs::read_dir(library.work_dir()).unwrap().count(), 1, "only the lock is left");
    }

    #[test]
    fn an_import_that_unwinds_withdraws_its_video() {
        let (_folder, library) = fresh();
        let unwound = std::panic::catch_unwind(|| {
            let _work = Work::begin(&library, &id([1; 16])).unwrap();
            record_unfinished(&library, [1; 16]);
            std::panic::resume_unwind(Box::new("a broken pipe"));
        });
        assert!(unwound.is_err());
        assert_eq!(library.videos().unwrap(), []);
        assert_eq!(fs::read_dir(library.work_dir()).unwrap().count(), 1, "only the lock is left");
    }

    #[test]
    fn a_finished_import_stays_and_leaves_no_folder() {
        let (_folder, library) = fresh();
        let work = Work::begin(&library, &id([1; 16])).unwrap();
        library.record(&video([1; 16], 1)).unwrap();
        work.finish();
        assert_eq!(library.videos().unwrap().len(), 1);
        assert_eq!(fs::read_dir(library.work_dir()).unwrap().count(), 1, "only the lock is left");
    }

    #[test]
    fn a_half_made_video_that_no_folder_explains_is_withdrawn() {
        let (folder, library) = fresh();
        let _work = Work::begin(&library, &id([1; 16])).unwrap();
        record_unfinished(&library, [1; 16]);
        record_unfinished(&library, [2; 16]);
        library.record(&video([3; 16], 1)).unwrap();
        Library::open(folder.path()).unwrap();
        let is_there = |seed| library.video(&id(seed)).unwrap().is_some();
        assert_eq!([[1; 16], [2; 16], [3; 16]].map(is_there), [true, false, true]);
    }

    fn record_unfinished(library: &Library, seed: [u8; 16]) {
        library.record(&crate::library::Video { is_importing: true, ..video(seed, 1) }).unwrap();
        fs::create_dir_all(library.video_dir(&id(seed))).unwrap();
    }

    /// What a killed process leaves: the folder, its journal and a lock that nobody holds.
    fn abandon(library: &Library, id: &VideoId) {
        let folder = library.work_dir().join(id.short());
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(LOCK), "").unwrap();
        fs::write(folder.join(JOURNAL), id.to_string()).unwrap();
    }
}
