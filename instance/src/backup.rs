//! `shoal backup`: all that an instance keeps, as it was at one moment, while servers run and people upload.
//!
//! ```text
//! DIR/shoal.sqlite         the database at that moment; DIR/database.dump of PostgreSQL
//! DIR/key                  what signs capabilities
//! DIR/signing-key          what signs lists of pieces, once there is one
//! DIR/uploads/<id>         files on their way in, as far as they had come
//! DIR/companions/<uuid>/   captions and thumbnails
//! DIR/pictures/            avatars and banners of accounts and channels
//! DIR/hls/<uuid>/          media, linked where the disk is the same; all else is copied
//! DIR/videos/<uuid>.json   the record, when its media is there
//! DIR/backup.json          last: without it the backup isn't whole
//! ```
//!
//! Files are kept after the database, and only what it speaks of or what was there before it: a video that came since would
//! be taken in for the administrator's. What is restored is what kill -9 would have left, and is mended in the same way: a video
//! whose renditions were being made is made again from its upload. What has changed since the copy of the database is for
//! `shoal restore` to set right.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use origin::library::{Library, Video};
use serde::{Deserialize, Serialize};
use sidecar::Sidecar;
use sidecar::snapshot::{self, Kind, Snapshot};
use wire::id::VideoId;

use crate::config::Config;
use crate::key;
use crate::restore;
use crate::signing;

/// The last file of a backup, which says that it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// What wrote it: [`VERSION`] and those before are understood.
    pub(crate) version: u32,
    /// When the database was copied, in UTC.
    pub(crate) taken_at: String,
    /// Which one it was.
    pub(crate) database: Kind,
    /// How many can be watched.
    pub(crate) videos: usize,
    /// How many are on their way in.
    pub(crate) uploads: usize,
    /// Of all files but the database.
    pub(crate) bytes: u64,
}

/// Keeps the instance in a new folder, and prints what was kept.
///
/// # Errors
/// When there is no instance, the folder has something in it, or the disk or the database refuses; what is in the folder then
/// is no backup.
pub(crate) fn run(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let data = &config.server.data;
    restore::ensure_whole(data)?;
    anyhow::ensure!(
        data.is_dir() && Sidecar::is_there(&config.database, data),
        "{} holds no instance: name its folder with --data",
        data.display()
    );
    let folder = &std::path::absolute(folder)?;
    make_empty(folder)?;
    let library = Library::open(data)?;
    let manifest = keep(config, &library, folder)
        .with_context(|| format!("{} is no backup yet: remove it", folder.display()))?;
    let Manifest { videos, uploads, bytes, .. } = manifest;
    let _ = writeln!(
        io::stdout(),
        "kept {videos} videos and {uploads} uploads, {bytes} bytes beside the database, in {}",
        folder.display()
    );
    Ok(())
}

fn keep(config: &Config, library: &Library, folder: &Path) -> anyhow::Result<Manifest> {
    let data = &config.server.data;
    let earlier = library.ids()?;
    let taken_at = now();
    let snapshot = take(config, folder)?;
    for name in FOLDERS {
        make(&folder.join(name))?;
    }
    key::ensure(data)?;
    let mut bytes = 0;
    for name in KEYS {
        bytes += copy(&data.join(name), &folder.join(name))?;
    }
    let known: HashSet<VideoId> = snapshot.videos.into_iter().chain(earlier).collect();
    for id in &known {
        let name = format!("companions/{id}");
        bytes += copy_all(&data.join(&name), &folder.join(&name))?;
    }
    let (from, to) = (data.join(PICTURES), folder.join(PICTURES));
    for name in files(&from)?.iter().filter(|name| name.ends_with(PICTURE)) {
        bytes += copy(&from.join(name), &to.join(name))?;
    }
    let (uploads, uploaded) = keep_uploads(data, &snapshot.uploads, folder)?;
    bytes += uploaded;
    let mut videos = 0;
    for id in &known {
        if let Some(kept) = keep_video(library, id, folder)? {
            (videos, bytes) = (videos + 1, bytes + kept);
        }
    }
    let database = Kind::of(&config.database);
    let manifest = Manifest { version: VERSION, taken_at, database, videos, uploads, bytes };
    settle(folder)?;
    manifest.write(folder)?;
    settle(folder)?;
    Ok(manifest)
}

/// Copies the database, and tells what it speaks of.
fn take(config: &Config, folder: &Path) -> anyhow::Result<Snapshot> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let taking = snapshot::take(&config.database, &config.server.data, folder);
    Ok(runtime.block_on(taking)?)
}

/// Copies uploads as far as they have come, and tells how many and how long. One that is gone is a video by now: either it is
/// kept as that, or its upload begins again.
fn keep_uploads(data: &Path, ids: &[String], folder: &Path) -> anyhow::Result<(usize, u64)> {
    let (mut uploads, mut bytes) = (0, 0);
    for id in ids {
        let (from, to) = (data.join("uploads").join(id), folder.join("uploads").join(id));
        bytes += copy(&from, &to)?;
        uploads += usize::from(to.exists());
    }
    Ok((uploads, bytes))
}

/// Keeps a video's media and then its record, if that is still the same: a file that took the place of another's has other
/// media. Nothing if it is gone, or being made.
fn keep_video(library: &Library, id: &VideoId, folder: &Path) -> anyhow::Result<Option<u64>> {
    let name = format!("videos/{id}.json");
    let (record, media) = (library.data_dir().join(&name), folder.join(format!("hls/{id}")));
    let read = || unless_gone(fs::read(&record)).with_context(|| cannot("read", &record));
    for _ in 0..TRIES {
        let Some(before) = read()? else { return Ok(None) };
        let Some(video) = whole(&before, &record) else { return Ok(None) };
        let bytes = keep_media(&library.video_dir(id), &media, &video)?;
        if read()?.as_ref() == Some(&before) {
            let kept = folder.join(name);
            fs::write(&kept, &before).with_context(|| cannot("write", &kept))?;
            return Ok(Some(bytes + before.len() as u64));
        }
        fs::remove_dir_all(&media).with_context(|| cannot("remove", &media))?;
    }
    anyhow::bail!("the video {id} changes all the time: try again when it is left alone")
}

/// What the record says, unless its renditions are still being made or it can't be read.
fn whole(record: &[u8], path: &Path) -> Option<Video> {
    match serde_json::from_slice::<Video>(record) {
        Ok(video) => Some(video).filter(|video| !video.is_importing),
        Err(error) => {
            tracing::warn!("passing over a video: {path:?} is no record: {error}");
            None
        }
    }
}

/// Links or copies what belongs to the video's generation: the files of the next are made again.
fn keep_media(from: &Path, to: &Path, video: &Video) -> anyhow::Result<u64> {
    make(to)?;
    let generation = &video.master[..video.master.find('-').map_or(0, |at| at + 1)];
    let mut bytes = 0;
    for name in files(from)?.iter().filter(|name| name.starts_with(generation)) {
        let (from, to) = (from.join(name), to.join(name));
        bytes += if name.ends_with(MEDIA) { link(&from, &to)? } else { copy(&from, &to)? };
    }
    Ok(bytes)
}

/// A second name for a file that nobody ever changes, or a copy where the disk can't have one.
fn link(from: &Path, to: &Path) -> anyhow::Result<u64> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(fs::metadata(to).with_context(|| cannot("read", to))?.len()),
        Err(_) => copy(from, to),
    }
}

/// Copies a file, and tells its length; one that is gone has none.
pub(crate) fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let copied = unless_gone(fs::copy(from, to));
    Ok(copied.with_context(|| cannot("copy", from))?.unwrap_or_default())
}

/// Copies the files of a folder, which may be gone, and tells their length.
pub(crate) fn copy_all(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let names = files(from)?;
    if names.is_empty() {
        return Ok(0);
    }
    make(to)?;
    names.iter().map(|name| copy(&from.join(name), &to.join(name))).sum()
}

/// The names in a folder, of which there are none when it is gone; not those of files that are still being written.
pub(crate) fn files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let names = names(folder)?.into_iter().filter_map(|name| name.into_string().ok());
    Ok(names.filter(|name| !name.ends_with(".tmp")).collect())
}

/// That there is nothing in a folder, or no such folder.
///
/// # Errors
/// What is in it.
pub(crate) fn ensure_empty(folder: &Path) -> anyhow::Result<()> {
    match names(folder)?.first() {
        Some(name) => anyhow::bail!(
            "{} has {name:?} in it: name a folder that is empty or not there",
            folder.display()
        ),
        None => Ok(()),
    }
}

pub(crate) fn names(folder: &Path) -> anyhow::Result<Vec<OsString>> {
    let entries = unless_gone(fs::read_dir(folder)).with_context(|| cannot("list", folder))?;
    let names = entries.into_iter().flatten().map(|entry| Ok(entry?.file_name()));
    names.collect::<io::Result<_>>().with_context(|| cannot("list", folder))
}

fn unless_gone<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

/// The backup's folder, with nothing in it and for its owner's eyes only: hashes of passwords come into it.
fn make_empty(folder: &Path) -> anyhow::Result<()> {
    ensure_empty(folder)?;
    let made = DirBuilder::new().recursive(true).mode(OURS_ALONE).create(folder);
    made.with_context(|| cannot("make", folder))?;
    let ours_alone = std::os::unix::fs::PermissionsExt::from_mode(OURS_ALONE);
    fs::set_permissions(folder, ours_alone).with_context(|| cannot("keep to us", folder))
}

fn make(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| cannot("make", folder))
}

/// Waits until the disk has all that was written.
pub(crate) fn settle(folder: &Path) -> anyhow::Result<()> {
    let settled = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    settled.with_context(|| cannot("write", folder))
}

fn cannot(verb: &str, path: &Path) -> String {
    format!("cannot {verb} {}", path.display())
}

fn now() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    sidecar::when::minute(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

impl Manifest {
    /// That of a backup in this folder.
    ///
    /// # Errors
    /// When it isn't whole, or was made by a newer program.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Manifest> {
        let path = folder.join(MANIFEST);
        let text = unless_gone(fs::read(&path)).with_context(|| cannot("read", &path))?;
        let Some(text) = text else {
            anyhow::bail!(
                "{} has no {MANIFEST}: it is no backup, or one that was broken off",
                folder.display()
            );
        };
        let Version { version } = read(&text, &path)?;
        anyhow::ensure!(
            version <= VERSION,
            "{} is of version {version}, and this program knows {VERSION}: restore it with a newer one",
            path.display()
        );
        read(&text, &path)
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(MANIFEST);
        let draft = path.with_extension("tmp");
        let written = fs::write(&draft, serde_json::to_vec_pretty(self)?);
        written.and_then(|()| fs::rename(&draft, &path)).with_context(|| cannot("write", &path))
    }
}

/// What every manifest says, of whichever version.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8], path: &PathBuf) -> anyhow::Result<T> {
    serde_json::from_slice(text).with_context(|| format!("{path:?} is no backup's"))
}

/// Of what lies in which file.
const VERSION: u32 = 1;

const MANIFEST: &str = "backup.json";

/// What a backup has of a data folder; `work` is begun anew.
pub(crate) const FOLDERS: [&str; 5] = ["uploads", "companions", "pictures", "hls", "videos"];

/// What signs; of the second there may be none.
pub(crate) const KEYS: [&str; 2] = [key::FILE, signing::FILE];

/// Avatars and banners; what else is in the folder is being made.
const PICTURES: &str = "pictures";
const PICTURE: &str = ".jpg";

/// Written once and never changed; playlists, digests and pictures are small enough to be copied.
const MEDIA: &str = ".mp4";

const OURS_ALONE: u32 = 0o700;

/// A video that is replaced, or made private, in just that moment is rare; again and again it is something else.
const TRIES: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(manifest: Option<&str>) -> String {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = manifest {
            fs::write(folder.path().join(MANIFEST), text).unwrap();
        }
        format!("{:#}", Manifest::read(folder.path()).unwrap_err())
    }

    #[test]
    fn what_is_no_backup_of_ours_is_refused_in_a_sentence() {
        assert!(refusal(None).contains("has no backup.json"));
        assert!(refusal(Some("{")).contains("is no backup's"));
        assert!(refusal(Some(r#"{"version":1}"#)).contains("is no backup's"));
        let newer = refusal(Some(r#"{"version":2,"songs":[]}"#));
        assert!(newer.contains("is of version 2") && newer.contains("newer"), "{newer}");
    }

    #[test]
    fn media_has_two_names_and_all_else_is_a_copy() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        make(&from).unwrap();
        for name in ["g1-240.mp4", "g1-master.m3u8", "g2-240.mp4", "g1-240.m3u8.tmp"] {
            fs::write(from.join(name), "12345").unwrap();
        }
        let record = r#"{"id":"a","title":"t","durationMs":1,"publishedAtMs":1,"master":"g1-master.m3u8","poster":"p",
                         "renditions":[],"isImporting":false}"#;
        let video = whole(record.as_bytes(), &from).unwrap();
        assert_eq!(keep_media(&from, &to, &video).unwrap(), 10);
        let links = |name: &str| fs::metadata(to.join(name)).unwrap().nlink();
        assert_eq!((links("g1-240.mp4"), links("g1-master.m3u8")), (2, 1));
        assert_eq!(names(&to).unwrap().len(), 2);
        let importing = record.replace("false", "true");
        assert_eq!(whole(importing.as_bytes(), &from), None);
    }

    #[test]
    fn what_is_gone_meanwhile_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        assert_eq!(copy(&from, &to).unwrap(), 0);
        assert_eq!(link(&from, &to).unwrap(), 0);
        assert_eq!(copy_all(&from, &to).unwrap(), 0);
        assert!(!to.exists());
    }
}
