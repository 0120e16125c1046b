//! Files that were asked for lately, in memory or mapped, and whether they are still the same on disk.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::error::ServeError;
use crate::etag::Etag;
use crate::library::{Access, Library, Video};
use crate::limits::{CACHE_IDLE, MAPPING_WEIGHT, MAPPINGS, RECHECK, RECHECK_AT_LEAST, SMALL_FILE};
use crate::map::Mapped;
use crate::path::MediaPath;

/// The cache of one library's files.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: moka::sync::Cache<String, Arc<Entry>>,
    disk: Arc<Disk>,
}

impl Cache {
    pub(crate) fn new(library: Library, bytes: u64) -> Cache {
        let mapping_weight =
            MAPPING_WEIGHT.max(u32::try_from(bytes / MAPPINGS).unwrap_or(u32::MAX));
        let entries = moka::sync::Cache::builder()
            .max_capacity(bytes)
            .weigher(move |key: &String, entry: &Arc<Entry>| {
                entry.weight(mapping_weight) + key.len() as u32
            })
            .time_to_idle(CACHE_IDLE)
            .build();
        Cache { entries, disk: Arc::new(Disk { library, since: Instant::now() }) }
    }

    /// The file of a video, at most [`RECHECK`] behind the disk, or [`RECHECK_AT_LEAST`] while somebody looks there. Whether
    /// whoever asks may have it is not asked here: [`Entry::access`] tells who may.
    pub(crate) async fn open(&self, path: &MediaPath<'_>) -> Result<Arc<Entry>, ServeError> {
        let key = path.key();
        if let Some(entry) = self.entries.get(&*key) {
            if !entry.claim_check(self.disk.now_ms()) {
                return Ok(entry);
            }
            if self.on_disk(path, |disk, path| disk.stamp(&path)).await? == Some(entry.stamp) {
                entry.checked_ms.store(self.disk.now_ms(), Ordering::Relaxed);
                return Ok(entry);
            }
            self.entries.invalidate(&*key);
        }
        let key = key.into_owned();
        let entries = self.entries.clone();
        self.on_disk(path, move |disk, path| entries.try_get_with(key, || disk.load(&path)))
            .await?
            .map_err(|error| ServeError::from(io::Error::from(error.kind())))
    }

    /// Lets go of what has been idle for [`CACHE_IDLE`].
    pub(crate) fn tidy(&self) {
        self.entries.run_pending_tasks();
    }

    /// Runs what may wait for the disk on a thread that may wait.
    async fn on_disk<T: Send + 'static>(
        &self,
        path: &MediaPath<'_>,
        work: impl FnOnce(&Disk, MediaPath<'_>) -> T + Send + 'static,
    ) -> Result<T, ServeError> {
        let disk = Arc::clone(&self.disk);
        let text = format!("/hls/{}", path.key());
        tokio::task::spawn_blocking(move || {
            let path = MediaPath::parse(&text).expect("a path that was parsed before");
            work(&disk, path)
        })
        .await
        .map_err(|stopped| ServeError::Unreadable(io::Error::other(stopped)))
    }
}

/// One file as it was when it was last looked at.
#[derive(Debug)]
pub(crate) struct Entry {
    content: Content,
    stamp: Stamp,
    etag: Etag,
    /// On the clock of [`Disk::now_ms`].
    checked_ms: AtomicU64,
    /// When somebody last went to check.
    claimed_ms: AtomicU64,
}

impl Entry {
    pub(crate) fn len(&self) -> u64 {
        self.stamp.bytes
    }

    /// Who may read it.
    pub(crate) fn access(&self) -> Access {
        self.stamp.access
    }

    pub(crate) fn etag(&self) -> &Etag {
        &self.etag
    }

    /// A part of the file that lies within it, without copying.
    pub(crate) fn slice(&self, range: Range<u64>) -> Bytes {
        let range = range.start as usize..range.end as usize;
        match &self.content {
            Content::Read(bytes) => bytes.slice(range),
            Content::Mapped(mapped) => mapped.slice(range),
        }
    }

    /// The mapping that slices are cut from, for the socket to send from.
    pub(crate) fn mapped(&self) -> Option<Arc<Mapped>> {
        match &self.content {
            Content::Read(_) => None,
            Content::Mapped(mapped) => Some(Arc::clone(mapped)),
        }
    }

    fn weight(&self, mapping_weight: u32) -> u32 {
        match &self.content {
            Content::Read(bytes) => ENTRY_WEIGHT + bytes.len() as u32,
            Content::Mapped(_) => mapping_weight,
        }
    }

    /// The entry has to be checked, and the caller is the one to do it; everyone else uses it as it is meanwhile, unless
    /// nobody asked for it for so long that it may tell of another time.
    fn claim_check(&self, now_ms: u64) -> bool {
        let since = |then: u64| Duration::from_millis(now_ms.saturating_sub(then));
        let age = since(self.checked_ms.load(Ordering::Relaxed));
        let claimed = self.claimed_ms.load(Ordering::Relaxed);
        age >= RECHECK_AT_LEAST
            || age >= RECHECK
                && since(claimed) >= RECHECK
                && self
                    .claimed_ms
                    .compare_exchange(claimed, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
    }
}

#[derive(Debug)]
enum Content {
    Read(Bytes),
    Mapped(Arc<Mapped>),
}

/// What differs when a file was replaced, or is for others than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified_ns: i128,
    access: Access,
}

#[derive(Debug)]
struct Disk {
    library: Library,
    since: Instant,
}

impl Disk {
    fn now_ms(&self) -> u64 {
        self.since.elapsed().as_millis() as u64
    }

    /// `None` when the file is gone, or its video.
    fn stamp(&self, path: &MediaPath<'_>) -> Option<Stamp> {
        self.open(path).ok().map(|(_, stamp)| stamp)
    }

    fn load(&self, path: &MediaPath<'_>) -> io::Result<Arc<Entry>> {
        let now_ms = self.now_ms();
        let (mut file, stamp) = self.open(path)?;
        let content = if stamp.bytes > SMALL_FILE {
            Content::Mapped(Arc::new(Mapped::new(file)?))
        } else {
            let mut bytes = vec![0; stamp.bytes as usize];
            file.read_exact(&mut bytes)?;
            Content::Read(bytes.into())
        };
        let stamp = match &content {
            Content::Mapped(mapped) => Stamp { bytes: mapped.len() as u64, ..stamp },
            Content::Read(_) => stamp,
        };
        let etag = Etag::new(format_args!("{:x}-{:x}", stamp.bytes, stamp.modified_ns));
        let (checked_ms, claimed_ms) = (AtomicU64::new(now_ms), AtomicU64::new(now_ms));
        Ok(Arc::new(Entry { content, stamp, etag, checked_ms, claimed_ms }))
    }

    /// Opens a regular file of a video without following a link at either level.
    fn open(&self, path: &MediaPath<'_>) -> io::Result<(File, Stamp)> {
        let Ok(Some(Video { access, .. })) = self.library.video(&path.id) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let folder = self.library.hls_dir().join(path.id.to_string());
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder =
            rustix::fs::open(folder, flags | OFlags::DIRECTORY, Mode::empty()).map_err(no_link)?;
        let file = rustix::fs::openat(folder, path.file, flags | OFlags::NONBLOCK, Mode::empty())
            .map_err(no_link)?;
        let file = File::from(file);
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let modified_ns =
            i128::from(found.mtime()) * 1_000_000_000 + i128::from(found.mtime_nsec());
        Ok((file, Stamp { inode: found.ino(), bytes: found.len(), modified_ns, access }))
    }
}

/// A link in place of a file is as good as no file.
fn no_link(error: Errno) -> io::Error {
    if error == Errno::LOOP { io::ErrorKind::NotFound.into() } else { error.into() }
}

/// What an entry costs beside its bytes: the key, the tag, moka's own lists.
const ENTRY_WEIGHT: u32 = 512;
