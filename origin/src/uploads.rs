//! Files on their way in: `DATA/uploads/<id>`, each written once from its first byte to its last, as the bytes come.
//!
//! Its length says how much of a file is there: nothing else is noted, so that whoever is cut off, even by kill -9, goes on
//! where the file ends. The names are numbers that we make; what a client calls its file never becomes a path.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::limits::{UPLOAD_BATCH, UPLOAD_PATIENCE, UPLOAD_SPARE};
use crate::map::Mapped;

/// Which upload: 128 bits of chance, written as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(u128);

/// A part of a file, and the whole that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where it begins.
    pub at: u64,
    /// Where it ends, at most.
    pub until: u64,
    /// How many bytes the whole file has.
    pub whole: u64,
}

/// What a body brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// How many bytes of the upload are there now.
    pub have: u64,
    /// The body came to its end, and didn't break off or pause for too long.
    pub is_ended: bool,
}

/// The uploads of one data folder.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    slots: Mutex<HashMap<UploadId, Arc<Slot>>>,
}

/// Why bytes could not be kept, sorted by blame: whoever sends, then the machine. What came before it is kept.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The file ends elsewhere than the part begins.
    #[error("the part must begin at byte {0}, where the file ends")]
    Elsewhere(u64),
    /// More bytes than were announced.
    #[error("more bytes came than were announced")]
    TooMany,
    /// Another request sends the same file since.
    #[error("another request goes on with this upload")]
    Superseded,
    /// The disk is full, or would be.
    #[error("no space left for uploads")]
    NoSpace,
    /// The file system refused.
    #[error("cannot keep an upload: {0}")]
    Io(#[source] io::Error),
}

impl Uploads {
    /// Uses `DATA/uploads`, and makes it if it isn't there; nobody else may read it.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn open(data: &Path) -> io::Result<Uploads> {
        let folder = std::path::absolute(data)?.join("uploads");
        fs::DirBuilder::new().recursive(true).mode(OUR_FOLDER).create(&folder)?;
        Ok(Uploads { folder, slots: Mutex::default() })
    }

    /// Makes the empty file of an upload, if the disk has room for all of it.
    ///
    /// # Errors
    /// When there is no room, or the file system refuses.
    pub fn begin(&self, id: UploadId, bytes: u64) -> Result<(), UploadError> {
        let found = rustix::fs::statvfs(&self.folder).map_err(io::Error::from)?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if free < bytes.saturating_add(UPLOAD_SPARE) {
            return Err(UploadError::NoSpace);
        }
        self.open_file(id)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all())?;
        Ok(())
    }

    /// Where the file of an upload lies, for whoever reads it when it is whole.
    pub fn path(&self, id: UploadId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// How many bytes of an upload are there. A request that still sends some is cut off: whoever asks has lost it.
    ///
    /// # Errors
    /// When the file system refuses; what isn't there has no bytes.
    pub async fn have(&self, id: UploadId) -> Result<u64, UploadError> {
        let _turn = self.take_turn(id).await;
        length(&self.path(id))
    }

    /// Adds what a body brings, and tells how many bytes are then there; a whole file is on the disk when this returns.
    ///
    /// A body that breaks off, or pauses for too long, leaves what it brought. Of two that send the same file, the newer
    /// one goes on.
    ///
    /// # Errors
    /// When the part begins elsewhere than the file ends, or is longer than announced, or the disk is full.
    pub async fn append<B>(
        &self,
        id: UploadId,
        part: Part,
        body: &mut B,
    ) -> Result<Appended, UploadError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let turn = self.take_turn(id).await;
        let have = length(&self.path(id))?;
        if part.at != have {
            return Err(UploadError::Elsewhere(have));
        }
        let file = Arc::new(self.open_file(id)?);
        let mut writing = Writing { file, turn, have, batch: Vec::new(), waiting: 0 };
        let received = writing.receive(part.until.min(part.whole), body).await;
        let written = writing.write().await;
        let is_ended = received?;
        written?;
        if writing.have == part.whole {
            writing.sync().await?;
        }
        Ok(Appended { have: writing.have, is_ended })
    }

    /// How long the file of an upload is, without disturbing anybody.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn length(&self, id: UploadId) -> Result<u64, UploadError> {
        length(&self.path(id))
    }

    /// The bytes of an upload that is whole and so never written any more, without reading them.
    ///
    /// # Errors
    /// When it isn't there, or is empty.
    pub fn map(&self, id: UploadId) -> Result<Bytes, UploadError> {
        let mapped = Mapped::new(File::open(self.path(id))?)?;
        Ok(mapped.slice(0..mapped.len()))
    }

    /// Makes sure that the disk has all of a file whose length wasn't known before its end.
    ///
    /// # Errors
    /// When the file system refuses.
    pub async fn settle(&self, id: UploadId) -> Result<(), UploadError> {
        let (turn, path) = (self.take_turn(id).await, self.path(id));
        let settling = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            File::open(path)?.sync_all()
        });
        Ok(settling.await.map_err(io::Error::other)??)
    }

    /// Removes the file of an upload; one that isn't there is fine.
    ///
    /// # Errors
    /// When the file system refuses.
    pub async fn remove(&self, id: UploadId) -> Result<(), UploadError> {
        let (turn, path) = (self.take_turn(id).await, self.path(id));
        let removing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            fs::remove_file(path)
        });
        match removing.await.map_err(io::Error::other)? {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// All that have a file. Ask first which there are, and then which are known: one that begins meanwhile is safe.
    ///
    /// # Errors
    /// When the folder can't be listed.
    pub fn all(&self) -> io::Result<Vec<UploadId>> {
        let names = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
    }

    fn open_file(&self, id: UploadId) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).mode(OUR_FILE).open(self.path(id))
    }

    /// Cuts off whoever sends this upload now, and waits until that one has written what came.
    async fn take_turn(&self, id: UploadId) -> Arc<Turn> {
        let superseded = CancellationToken::new();
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
            Arc::clone(slots.entry(id).or_default())
        };
        slot.supersede(superseded.clone());
        let guard = Arc::clone(&slot.turn).lock_owned().await;
        Arc::new(Turn { superseded, _guard: guard, _slot: slot })
    }
}

/// Who sends an upload now, and who may next.
#[derive(Debug, Default)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    newest: Mutex<CancellationToken>,
}

impl Slot {
    fn supersede(&self, newest: CancellationToken) {
        let mut known = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, newest).cancel();
    }
}

/// The right to write a file, until all that hold it are gone: the request, and each write that it began.
#[derive(Debug)]
struct Turn {
    superseded: CancellationToken,
    _guard: OwnedMutexGuard<()>,
    _slot: Arc<Slot>,
}

/// A file that is being received.
struct Writing {
    file: Arc<File>,
    turn: Arc<Turn>,
    /// Bytes in the file.
    have: u64,
    batch: Vec<Bytes>,
    /// Bytes in the batch.
    waiting: u64,
}

impl Writing {
    /// Takes in a body up to byte `until`, of which the last batch is not yet written; true if it came to its end.
    async fn receive<B>(&mut self, until: u64, body: &mut B) -> Result<bool, UploadError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        loop {
            let frame = tokio::select! {
                biased;
                () = self.turn.superseded.cancelled() => return Err(UploadError::Superseded),
                frame = tokio::time::timeout(UPLOAD_PATIENCE, body.frame()) => frame,
            };
            let frame = match frame {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok(true),
                Ok(Some(Err(_))) | Err(_) => return Ok(false),
            };
            let Ok(mut bytes) = frame.into_data() else { continue };
            let room = until.saturating_sub(self.have + self.waiting);
            let is_too_long = bytes.len() as u64 > room;
            if is_too_long {
                bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            }
            self.waiting += bytes.len() as u64;
            self.batch.push(bytes);
            if is_too_long {
                return Err(UploadError::TooMany);
            }
            if self.waiting >= UPLOAD_BATCH || self.batch.len() >= MOST_PIECES {
                self.write().await?;
            }
        }
    }

    async fn write(&mut self) -> Result<(), UploadError> {
        let (batch, waiting) = (std::mem::take(&mut self.batch), self.waiting);
        self.waiting = 0;
        let write = move |mut file: &File| {
            // Others may have been promised the same room.
            let found = rustix::fs::fstatvfs(file).map_err(io::Error::from)?;
            if found.f_bavail.saturating_mul(found.f_frsize) < UPLOAD_SPARE {
                return Err(io::ErrorKind::StorageFull.into());
            }
            batch.iter().try_for_each(|piece| file.write_all(piece))
        };
        self.on_disk(write).await?;
        self.have += waiting;
        Ok(())
    }

    async fn sync(&self) -> Result<(), UploadError> {
        self.on_disk(File::sync_all).await
    }

    /// Works on the file on a thread that may wait for the disk, which keeps the turn even if nobody waits for it.
    async fn on_disk(
        &self,
        work: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
    ) -> Result<(), UploadError> {
        let (file, turn) = (Arc::clone(&self.file), Arc::clone(&self.turn));
        let working = tokio::task::spawn_blocking(move || {
            let done = work(&file);
            drop(turn);
            done
        });
        Ok(working.await.map_err(io::Error::other)??)
    }
}

impl UploadId {
    /// An id of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> UploadId {
        UploadId(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for UploadId {
    type Err = NotAnUpload;

    /// Exactly as it is displayed, so that one upload has one name.
    fn from_str(text: &str) -> Result<UploadId, NotAnUpload> {
        let is_plain =
            text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = is_plain.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        number.map(UploadId).ok_or(NotAnUpload)
    }
}

/// The text is no id of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an upload: 32 hexadecimal digits")]
pub struct NotAnUpload;

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> UploadError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => UploadError::NoSpace,
            _ => UploadError::Io(error),
        }
    }
}

fn length(path: &Path) -> Result<u64, UploadError> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        found => Ok(found?.len()),
    }
}

/// What people upload may be private.
const OUR_FOLDER: u32 = 0o700;
const OUR_FILE: u32 = 0o600;

/// Pieces of a batch: a body of single bytes takes memory for each of them.
const MOST_PIECES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use tempfile::TempDir;

    const ID: UploadId = UploadId(7);

    fn fresh() -> (TempDir, Uploads) {
        let data = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(data.path()).unwrap();
        (data, uploads)
    }

    fn part(at: u64, until: u64) -> Part {
        Part { at, until, whole: 10 }
    }

    async fn append(uploads: &Uploads, at: u64, bytes: &'static [u8]) -> Result<u64, String> {
        let until = at + bytes.len() as u64;
        let appended = uploads.append(ID, part(at, until), &mut Full::from(bytes)).await;
        let have = |appended: Appended| {
            assert!(appended.is_ended);
            appended.have
        };
        appended.map(have).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_file_grows_only_where_it_ends() {
        let (_data, uploads) = fresh();
        uploads.begin(ID, 10).unwrap();
        assert_eq!(append(&uploads, 0, b"01234").await, Ok(5));
        for wrong in [0, 4, 6, u64::MAX - 9] {
            let refused = append(&uploads, wrong, b"x").await.unwrap_err();
            assert_eq!(refused, "the part must begin at byte 5, where the file ends");
        }
        assert_eq!(append(&uploads, 5, b"56789").await, Ok(10));
        assert_eq!(uploads.have(ID).await.unwrap(), 10);
        assert_eq!(fs::read(uploads.path(ID)).unwrap(), b"0123456789");
    }

    #[tokio::test]
    async fn more_than_was_announced_is_refused_and_not_kept() {
        let (_data, uploads) = fresh();
        let mut body = Full::from(&b"0123456789abc"[..]);
        let refused = uploads.append(ID, part(0, 4), &mut body).await;
        assert!(matches!(refused, Err(UploadError::TooMany)));
        assert_eq!(fs::read(uploads.path(ID)).unwrap(), b"0123");
        let mut body = Full::from(&b"456789abc"[..]);
        let refused = uploads.append(ID, part(4, 1 << 40), &mut body).await;
        assert!(matches!(refused, Err(UploadError::TooMany)));
        assert_eq!(fs::read(uploads.path(ID)).unwrap(), b"0123456789");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_leaves_what_it_brought() {
        let (_data, uploads) = fresh();
        let frames = [Ok(Frame::data(Bytes::from("0123"))), Err("the line is dead")];
        let mut body = StreamBody::new(futures_util::stream::iter(frames));
        let broken = uploads.append(ID, part(0, 10), &mut body).await.unwrap();
        assert_eq!(broken, Appended { have: 4, is_ended: false });
        assert_eq!(append(&uploads, 4, b"456789").await, Ok(10));
    }

    #[tokio::test]
    async fn whoever_comes_back_is_not_kept_waiting_by_their_dead_connection() {
        let (_data, uploads) = fresh();
        let first = Frame::data(Bytes::from("0123"));
        let frames = futures_util::stream::iter([Ok::<_, io::Error>(first)]);
        let endless = futures_util::StreamExt::chain(frames, futures_util::stream::pending());
        let mut body = StreamBody::new(endless);
        let (dead, have) = tokio::join!(uploads.append(ID, part(0, 10), &mut body), async {
            tokio::task::yield_now().await;
            uploads.have(ID).await.unwrap()
        });
        assert!(matches!(dead, Err(UploadError::Superseded)));
        assert_eq!(have, 4);
        assert_eq!(append(&uploads, 4, b"456789").await, Ok(10));
        uploads.have(UploadId(8)).await.unwrap();
        assert!(uploads.slots.lock().unwrap().len() <= 1, "slots of finished requests stay");
    }

    #[tokio::test]
    async fn an_upload_is_removed_once_and_others_stay() {
        let (data, uploads) = fresh();
        uploads.begin(ID, 1).unwrap();
        uploads.begin(UploadId(8), 1).unwrap();
        fs::write(data.path().join("uploads/notes.txt"), "").unwrap();
        for _ in 0..2 {
            uploads.remove(ID).await.unwrap();
        }
        assert_eq!(uploads.all().unwrap(), [UploadId(8)]);
        assert_eq!(uploads.have(ID).await.unwrap(), 0);
    }

    #[test]
    fn a_disk_without_room_takes_nothing() {
        let (_data, uploads) = fresh();
        assert!(matches!(uploads.begin(ID, u64::MAX), Err(UploadError::NoSpace)));
        assert_eq!(uploads.all().unwrap(), []);
    }

    #[test]
    fn only_our_own_names_are_ids() {
        let id = UploadId::from_random([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let long = "0".repeat(33);
        for bad in [
            "",
            "7",
            "../../etc/passwd",
            "ABABABABABABABABABABABABABABABAB",
            &long,
            "+0000000000000000000000000000001",
        ] {
            assert_eq!(bad.parse::<UploadId>(), Err(NotAnUpload), "{bad}");
        }
    }
}
