//! The folder of videos: their media, and what the origin knows of it. What people say of videos is the catalogue's.
//!
//! ```text
//! DATA/videos/<uuid>.json   the record: the video can be watched as soon as this file exists, and no longer when it's gone
//! DATA/hls/<uuid>/          what /hls/<uuid>/ serves; every file written once, under a name that carries a generation
//!        g1-master.m3u8  g1-240.m3u8  g1-240-fragmented.mp4  g1-segments-sha256.json  g1-poster.jpg
//!        g1-240-0a1b2c3d.pieces  g1-storyboard.jpg
//! DATA/uploads/<id>         files on their way in (`uploads`)
//! DATA/companions/<uuid>/   what people put beside a video, served with it: captions, and a thumbnail in place of the poster
//! DATA/pictures/            avatars and banners of accounts and channels (`pictures`)
//! DATA/work/<random>/       an import under way, locked by its process; a start removes those that nobody locks
//! ```

mod atomic;
mod intake;
mod pictures;
mod work;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use wire::id::VideoId;

use crate::path::MediaPath;

pub(crate) use atomic::write as write_atomically;
pub use intake::{Intake, IntakeError};
pub(crate) use work::Work;

/// The videos of one data folder.
#[derive(Debug, Clone)]
pub struct Library {
    data: PathBuf,
}

impl Library {
    /// Opens a data folder, makes what is missing in it, and removes what abandoned imports left behind.
    ///
    /// Imports and servers that use the folder at the same time are not disturbed.
    ///
    /// # Errors
    /// When the folder can't be made, read or written.
    pub fn open(data: &Path) -> Result<Library, LibraryError> {
        let data =
            std::path::absolute(data).map_err(|error| LibraryError::new("find", data, error))?;
        let library = Library { data };
        for folder in [library.videos_dir(), library.hls_dir(), library.work_dir()] {
            fs::create_dir_all(&folder)
                .map_err(|error| LibraryError::new("make", &folder, error))?;
        }
        work::sweep(&library)?;
        Ok(library)
    }

    /// All videos, newest first. A record that can't be read is passed over with a warning.
    ///
    /// # Errors
    /// When the folder of records can't be listed.
    pub fn videos(&self) -> Result<Vec<Video>, LibraryError> {
        let folder = self.videos_dir();
        let unlisted = |error| LibraryError::new("list", &folder, error);
        let mut videos = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unlisted)? {
            let name = entry.map_err(unlisted)?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok())
            else {
                continue;
            };
            match self.video(&id) {
                Ok(video) => videos.extend(video),
                Err(error) => tracing::warn!(%error, "passing over a video"),
            }
        }
        videos.sort_by(|a, b| (b.published_at_ms, &b.id).cmp(&(a.published_at_ms, &a.id)));
        Ok(videos)
    }

    /// The ids of all records, without reading them.
    ///
    /// # Errors
    /// When the folder of records can't be listed.
    pub fn ids(&self) -> Result<Vec<VideoId>, LibraryError> {
        let folder = self.videos_dir();
        let unlisted = |error| LibraryError::new("list", &folder, error);
        let names = fs::read_dir(&folder).map_err(unlisted)?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>().map_err(unlisted)?;
        let id = |name: &std::ffi::OsString| name.to_str()?.strip_suffix(".json")?.parse().ok();
        Ok(names.iter().filter_map(id).collect())
    }

    /// When a record was last published, changed or withdrawn.
    ///
    /// # Errors
    /// When the file system can't tell.
    pub fn changed_at(&self) -> Result<SystemTime, LibraryError> {
        let folder = self.videos_dir();
        let changed = fs::metadata(&folder).and_then(|metadata| metadata.modified());
        changed.map_err(|error| LibraryError::new("look at", &folder, error))
    }

    /// One video, or `None` if there is none by this id.
    ///
    /// # Errors
    /// When its record can't be read, or isn't one.
    pub fn video(&self, id: &VideoId) -> Result<Option<Video>, LibraryError> {
        let path = self.record_path(id);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| LibraryError::new("read", &path, error))?,
        };
        match serde_json::from_slice::<Video>(&text) {
            Ok(video) if video.id == id.to_string() => Ok(Some(video)),
            Ok(video) => Err(LibraryError::AnotherId { path, id: video.id }),
            Err(reason) => Err(LibraryError::NotARecord { path, reason }),
        }
    }

    /// Publishes a video, or what has changed about it, in one step: readers see the old record or the new one.
    ///
    /// Who may read it is taken from `video` the first time only, and from then on from [`Library::set_access`]: an import
    /// that began when the video was open doesn't open it again.
    ///
    /// # Errors
    /// When the record can't be written; then nothing has changed.
    pub fn record(&self, video: &Video) -> Result<(), LibraryError> {
        let id = video.id.parse().map_err(|_| LibraryError::NotAnId(video.id.clone()))?;
        let _turn = self.take_turn()?;
        match self.video(&id)? {
            Some(Video { access, .. }) if access != video.access => {
                self.write(&id, &Video { access, ..video.clone() })
            }
            _ => self.write(&id, video),
        }
    }

    /// Says who may read a video from now on, and tells whether there is one.
    ///
    /// Servers see it within [`RECHECK_AT_LEAST`](crate::limits::RECHECK_AT_LEAST).
    ///
    /// # Errors
    /// When its record can't be read or written; then nothing has changed.
    pub fn set_access(&self, id: &VideoId, access: Access) -> Result<bool, LibraryError> {
        let _turn = self.take_turn()?;
        let Some(video) = self.video(id)? else { return Ok(false) };
        if video.access != access {
            self.write(id, &Video { access, ..video })?;
        }
        Ok(true)
    }

    /// Does something to a video's files, if its record is still this one, while nobody writes or withdraws records; tells whether it did.
    ///
    /// # Errors
    /// When the record can't be read, or the work fails.
    pub(crate) fn while_recorded<E: From<LibraryError>>(
        &self,
        video: &Video,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<bool, E> {
        let id = video.id.parse().map_err(|_| LibraryError::NotAnId(video.id.clone()))?;
        let _turn = self.take_turn()?;
        let found = self.video(&id)?;
        let is_it = found.is_some_and(|found| found.master == video.master && !found.is_importing);
        if is_it {
            work()?;
        }
        Ok(is_it)
    }

    fn write(&self, id: &VideoId, video: &Video) -> Result<(), LibraryError> {
        let json = serde_json::to_vec(video).expect("a video is plain data");
        atomic::write(&self.record_path(id), &json)
    }

    /// Takes a video away with everything that belongs to it; one that isn't there is fine.
    ///
    /// # Errors
    /// When something of it can't be removed.
    pub fn withdraw(&self, id: &VideoId) -> Result<(), LibraryError> {
        let record = self.record_path(id);
        let _turn = self.take_turn()?;
        remove_if_there(&record, |path| fs::remove_file(path))?;
        remove_if_there(&atomic::beside(&record), |path| fs::remove_file(path))?;
        remove_if_there(&self.video_dir(id), |path| fs::remove_dir_all(path))
    }

    /// How much room the disk has, and how much of it is free.
    ///
    /// # Errors
    /// When the file system can't tell.
    pub fn room(&self) -> Result<Room, LibraryError> {
        let found = rustix::fs::statvfs(&self.data)
            .map_err(|error| LibraryError::new("look at", &self.data, error.into()))?;
        Ok(Room {
            bytes: found.f_blocks.saturating_mul(found.f_frsize),
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        })
    }

    /// Keeps a file that somebody puts beside a video, whole or not at all. Its name is one that is served.
    ///
    /// # Errors
    /// When the name is none of a companion, or the disk refuses.
    pub fn keep_companion(
        &self,
        id: &VideoId,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), LibraryError> {
        let path = self.companion(id, name)?;
        let folder = self.companions_dir(id);
        fs::create_dir_all(&folder).map_err(|error| LibraryError::new("make", &folder, error))?;
        atomic::write(&path, bytes)
    }

    /// The bytes of a companion.
    ///
    /// # Errors
    /// When the name is none of a companion, or it can't be read.
    pub fn read_companion(&self, id: &VideoId, name: &str) -> Result<Vec<u8>, LibraryError> {
        let path = self.companion(id, name)?;
        fs::read(&path).map_err(|error| LibraryError::new("read", &path, error))
    }

    /// Removes a companion of a video; one that isn't there is fine.
    ///
    /// # Errors
    /// When the name is none of a companion, or the disk refuses.
    pub fn remove_companion(&self, id: &VideoId, name: &str) -> Result<(), LibraryError> {
        remove_if_there(&self.companion(id, name)?, |path| fs::remove_file(path))
    }

    /// Removes all companions of a video that is gone.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove_companions(&self, id: &VideoId) -> Result<(), LibraryError> {
        remove_if_there(&self.companions_dir(id), |path| fs::remove_dir_all(path))
    }

    /// The videos whose companions weren't added to or taken from for so long; of some there may be no video.
    ///
    /// # Errors
    /// When the folder can't be listed.
    pub fn old_companions(&self, age: Duration) -> Result<Vec<VideoId>, LibraryError> {
        let folder = self.data.join("companions");
        let unlisted = |error| LibraryError::new("list", &folder, error);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(unlisted)?,
        };
        let mut old = Vec::new();
        for entry in entries {
            let entry = entry.map_err(unlisted)?;
            let modified = entry.metadata().and_then(|about| about.modified()).map_err(unlisted)?;
            let is_old = SystemTime::now().duration_since(modified).is_ok_and(|since| since > age);
            if is_old
                && let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            {
                old.push(id);
            }
        }
        Ok(old)
    }

    fn companion(&self, id: &VideoId, name: &str) -> Result<PathBuf, LibraryError> {
        let path = format!("/hls/{id}/{name}");
        let parsed =
            MediaPath::parse(&path).filter(|path| path.file == name && path.is_companion());
        parsed
            .map(|path| self.companions_dir(id).join(path.file))
            .ok_or_else(|| LibraryError::NotACompanion(name.to_owned()))
    }

    pub(crate) fn companions_dir(&self, id: &VideoId) -> PathBuf {
        self.data.join("companions").join(id.to_string())
    }

    /// Removes the files of a video's other generations: those that it replaced, or that were to replace it.
    ///
    /// # Errors
    /// When its folder can't be listed. A file that stays is only warned of: it takes nothing but space.
    pub(crate) fn tidy(&self, id: &VideoId, video: &Video) -> Result<(), LibraryError> {
        let folder = self.video_dir(id);
        let unlisted = |error| LibraryError::new("list", &folder, error);
        for entry in fs::read_dir(&folder).map_err(unlisted)? {
            let entry = entry.map_err(unlisted)?;
            let generation = entry.file_name().to_str().and_then(generation);
            if generation.is_some_and(|generation| generation != video.generation())
                && let Err(error) = fs::remove_file(entry.path())
            {
                tracing::warn!(%error, path = ?entry.path(), "a file of another generation stays");
            }
        }
        Ok(())
    }

    /// The folder with everything.
    pub fn data_dir(&self) -> PathBuf {
        self.data.clone()
    }

    /// Keeps other writers of records waiting, also those of other processes, until the folder is dropped.
    fn take_turn(&self) -> Result<File, LibraryError> {
        let folder = self.videos_dir();
        let turn = File::open(&folder).and_then(|turn| turn.lock().map(|()| turn));
        turn.map_err(|error| LibraryError::new("lock", &folder, error))
    }

    /// The folder that `/hls/` serves, with a folder for each video.
    pub fn hls_dir(&self) -> PathBuf {
        self.data.join("hls")
    }

    /// The folder that `/hls/<uuid>/` serves.
    pub fn video_dir(&self, id: &VideoId) -> PathBuf {
        self.hls_dir().join(id.to_string())
    }

    fn videos_dir(&self) -> PathBuf {
        self.data.join("videos")
    }

    fn work_dir(&self) -> PathBuf {
        self.data.join("work")
    }

    fn record_path(&self, id: &VideoId) -> PathBuf {
        self.videos_dir().join(format!("{id}.json"))
    }
}

/// The disk that a data folder is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// All of it.
    pub bytes: u64,
    /// What may still be written.
    pub free_bytes: u64,
}

/// What is known of one video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Video {
    /// Which video.
    pub id: String,
    /// As given at import, else the file's name without its extension; plain text of at most 120 characters.
    pub title: String,
    /// The handle of the channel that it was imported for, until channels exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How long it plays.
    pub duration_ms: u64,
    /// When it was published, in milliseconds since 1970.
    pub published_at_ms: u64,
    /// File name of the master playlist in `hls/<uuid>/`.
    pub master: String,
    /// File name of the poster JPEG there.
    pub poster: String,
    /// What is playable now, in the order of the master playlist.
    pub renditions: Vec<Rendition>,
    /// Pictures for the preview on a seek bar, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storyboard: Option<Storyboard>,
    /// Renditions are still being made.
    pub is_importing: bool,
    /// Who may read them.
    #[serde(default, skip_serializing_if = "Access::is_open")]
    pub access: Access,
}

impl Video {
    /// How long it plays.
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.duration_ms)
    }

    /// How often its file was made anew, counted from 1.
    pub(crate) fn generation(&self) -> u32 {
        generation(&self.master).unwrap_or(1)
    }
}

/// A sheet of small pictures, row by row, in PeerTube's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storyboard {
    /// File name of the JPEG in `hls/<uuid>/`.
    pub file: String,
    /// Pixels down, of the sheet.
    pub total_height: u32,
    /// Pixels across, of the sheet.
    pub total_width: u32,
    /// Pixels down, of one picture.
    pub sprite_height: u32,
    /// Pixels across, of one picture.
    pub sprite_width: u32,
    /// Seconds from one picture to the next.
    pub sprite_duration: u32,
}

/// Who may read a video's media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// Whoever knows the address.
    #[default]
    Open,
    /// Whoever shows a capability for it: see [`wire::capability`].
    Capability,
}

impl Access {
    /// No capability is asked for.
    pub fn is_open(&self) -> bool {
        *self == Access::Open
    }
}

/// One playable rendition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rendition {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// File name of its media playlist.
    pub playlist: String,
    /// File name of its media.
    pub media: String,
    /// Size of the media in bytes.
    pub bytes: u64,
}

/// Why the data folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The file system refused.
    #[error("cannot {verb} {path:?}: {reason}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said: part of the sentence, and therefore no `source` that a reporter would say again.
        reason: io::Error,
    },
    /// A record that isn't JSON of our shape.
    #[error("{path:?} is not the record of a video: {reason}")]
    NotARecord {
        /// The record.
        path: PathBuf,
        /// Where it breaks.
        reason: serde_json::Error,
    },
    /// A record that speaks of another video than its file name says.
    #[error("{path:?} is the record of another video: {id:?}")]
    AnotherId {
        /// The record.
        path: PathBuf,
        /// The id in it.
        id: String,
    },
    /// A file to be put beside a video has a name under which it wouldn't be served.
    #[error("not the name of a companion: {0:?}")]
    NotACompanion(String),
    /// Nor is it that of a picture.
    #[error("not the name of a picture: {0:?}")]
    NotAPicture(String),
    /// A video to be recorded has no valid id.
    #[error("not the id of a video: {0:?}")]
    NotAnId(String),
}

impl LibraryError {
    pub(crate) fn new(verb: &'static str, path: &Path, reason: io::Error) -> LibraryError {
        LibraryError::Io { verb, path: path.to_owned(), reason }
    }
}

/// Of `g2-master.m3u8`, 2.
fn generation(name: &str) -> Option<u32> {
    name.strip_prefix('g')?.split_once('-')?.0.parse().ok()
}

fn remove_if_there(
    path: &Path,
    remove: impl Fn(&Path) -> io::Result<()>,
) -> Result<(), LibraryError> {
    match remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|error| LibraryError::new("remove", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_video_comes_first_and_a_broken_record_is_passed_over() {
        let (folder, library) = fresh();
        library.record(&video([1; 16], 5)).unwrap();
        library.record(&video([2; 16], 9)).unwrap();
        fs::write(folder.path().join("videos").join(format!("{}.json", id([3; 16]))), "{").unwrap();
        fs::write(folder.path().join("videos/notes.txt"), "").unwrap();
        let times: Vec<_> =
            library.videos().unwrap().iter().map(|video| video.published_at_ms).collect();
        assert_eq!(times, [9, 5]);
        assert_eq!(library.ids().unwrap().len(), 3, "whether or not they can be read");
    }

    #[test]
    fn a_record_is_found_under_its_own_id_only() {
        let (folder, library) = fresh();
        let video = video([1; 16], 5);
        library.record(&video).unwrap();
        assert_eq!(library.video(&id([1; 16])).unwrap(), Some(video));
        assert_eq!(library.video(&id([2; 16])).unwrap(), None);
        let name = |seed| folder.path().join("videos").join(format!("{}.json", id(seed)));
        fs::copy(name([1; 16]), name([2; 16])).unwrap();
        assert!(matches!(library.video(&id([2; 16])), Err(LibraryError::AnotherId { .. })));
    }

    #[test]
    fn companions_have_names_that_are_served_and_outlive_an_import() {
        let (folder, library) = fresh();
        let id = id([1; 16]);
        for name in [
            "",
            "a.vtt",
            "g1-poster.jpg",
            "caption-/../a.vtt",
            "caption-a",
            "~x/caption-a.vtt",
            "../caption-a.vtt",
        ] {
            let refused = library.keep_companion(&id, name, b"x");
            assert!(matches!(refused, Err(LibraryError::NotACompanion(_))), "{name}");
        }
        library.keep_companion(&id, "caption-en-a.vtt", b"WEBVTT").unwrap();
        library.withdraw(&id).unwrap();
        let path = folder.path().join(format!("companions/{id}/caption-en-a.vtt"));
        assert_eq!(fs::read(&path).unwrap(), b"WEBVTT");
        library.remove_companion(&id, "caption-en-a.vtt").unwrap();
        library.remove_companion(&id, "caption-en-a.vtt").unwrap();
        library.keep_companion(&id, "thumbnail-a.jpg", b"x").unwrap();
        library.remove_companions(&id).unwrap();
        library.remove_companions(&id).unwrap();
        assert!(!folder.path().join(format!("companions/{id}")).exists());
    }

    #[test]
    fn a_withdrawn_video_leaves_nothing() {
        let (_folder, library) = fresh();
        library.record(&video([1; 16], 5)).unwrap();
        fs::create_dir_all(library.video_dir(&id([1; 16]))).unwrap();
        library.withdraw(&id([1; 16])).unwrap();
        library.withdraw(&id([1; 16])).unwrap();
        assert_eq!(library.videos().unwrap(), []);
        assert!(!library.video_dir(&id([1; 16])).exists());
    }

    #[test]
    fn who_may_read_a_video_outlives_what_else_is_recorded_of_it() {
        let (folder, library) = fresh();
        let private = Video { access: Access::Capability, ..video([1; 16], 5) };
        assert!(!library.set_access(&id([1; 16]), Access::Capability).unwrap());
        library.record(&private).unwrap();
        library.record(&video([1; 16], 6)).unwrap();
        assert_eq!(library.video(&id([1; 16])).unwrap().unwrap().access, Access::Capability);
        assert!(library.set_access(&id([1; 16]), Access::Open).unwrap());
        library.record(&private).unwrap();
        assert_eq!(library.video(&id([1; 16])).unwrap(), Some(video([1; 16], 5)));
        let text = |seed| {
            fs::read_to_string(folder.path().join("videos").join(format!("{}.json", id(seed))))
        };
        assert!(!text([1; 16]).unwrap().contains("access"), "records of before stay as they were");
        library.set_access(&id([1; 16]), Access::Capability).unwrap();
        assert!(text([1; 16]).unwrap().contains(r#""access":"capability""#));
    }

    #[test]
    fn a_record_that_speaks_of_an_access_unknown_here_is_none() {
        let (folder, library) = fresh();
        library.record(&Video { access: Access::Capability, ..video([1; 16], 5) }).unwrap();
        let path = folder.path().join("videos").join(format!("{}.json", id([1; 16])));
        let text = fs::read_to_string(&path).unwrap().replace("\"capability\"", "\"friends\"");
        fs::write(&path, text).unwrap();
        assert!(matches!(library.video(&id([1; 16])), Err(LibraryError::NotARecord { .. })));
    }

    #[test]
    fn only_the_generation_of_the_record_stays() {
        let (_folder, library) = fresh();
        let folder = library.video_dir(&id([1; 16]));
        fs::create_dir_all(&folder).unwrap();
        for name in ["g1-master.m3u8", "g2-master.m3u8", "g11-240.m3u8", "notes", "g-x", "gx-1"] {
            fs::write(folder.join(name), "").unwrap();
        }
        library.tidy(&id([1; 16]), &video([1; 16], 5)).unwrap();
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["g-x", "g1-master.m3u8", "gx-1", "notes"]);
    }

    pub(super) fn fresh() -> (tempfile::TempDir, Library) {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path()).unwrap();
        (folder, library)
    }

    pub(super) fn id(bytes: [u8; 16]) -> VideoId {
        VideoId::from_random(bytes)
    }

    pub(super) fn video(bytes: [u8; 16], published_at_ms: u64) -> Video {
        Video {
            id: id(bytes).to_string(),
            title: "t".to_owned(),
            channel: None,
            duration_ms: 1000,
            published_at_ms,
            master: "g1-master.m3u8".to_owned(),
            poster: "g1-poster.jpg".to_owned(),
            renditions: Vec::new(),
            storyboard: None,
            is_importing: false,
            access: Access::Open,
        }
    }
}
