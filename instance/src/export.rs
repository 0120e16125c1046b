//! What people take along: the sidecar says what is in it, the origin has the media, and here both become one file.

use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use origin::downloads::Downloads;
use origin::library::{Library, LibraryError, Video};
use origin::limits::UPLOAD_SPARE;
use sidecar::Sidecar;
use sidecar::export::{Archive, Claim, Taken};
use tokio_util::sync::CancellationToken;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Makes exports, one after the other.
#[derive(Debug)]
pub(crate) struct Exporter {
    sidecar: Arc<Sidecar>,
    library: Library,
    downloads: Downloads,
}

/// Why an export can't be made: its owner's videos, the disk, then the machine.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("its video files have more than {0} bytes")]
    TooLarge(u64),
    #[error("the disk has no room for it")]
    NoRoom,
    #[error("the process is ending")]
    Stopped,
    #[error(transparent)]
    Library(#[from] LibraryError),
    #[error("cannot write it: {0}")]
    Io(#[from] io::Error),
    #[error("cannot write it: {0}")]
    Zip(#[from] zip::result::ZipError),
}

impl Exporter {
    pub(crate) fn new(sidecar: Arc<Sidecar>, library: Library) -> Exporter {
        Exporter { sidecar, downloads: Downloads::new(&library), library }
    }

    /// Makes what is asked for, until the process is asked to end.
    pub(crate) async fn run(self, asked_to_end: CancellationToken) {
        if let Err(error) = self.sidecar.take_back_exports(|file| self.downloads.has(file)).await {
            tracing::warn!("exports that a killed process was making stay unmade: {error}");
        }
        loop {
            if let Err(error) = self.keep_up(&asked_to_end).await {
                tracing::warn!("cannot make exports: {error:#}");
            }
            tokio::select! {
                () = asked_to_end.cancelled() => return,
                () = self.sidecar.exports_changed() => {}
                () = tokio::time::sleep(OFTEN) => {}
            }
        }
    }

    async fn keep_up(&self, asked_to_end: &CancellationToken) -> anyhow::Result<()> {
        loop {
            let wanted = self.sidecar.wanted_exports().await?;
            let downloads = self.downloads.clone();
            tokio::task::spawn_blocking(move || downloads.keep_only(&wanted)).await??;
            if asked_to_end.is_cancelled() {
                return Ok(());
            }
            let Some(claim) = self.sidecar.claim_export().await? else { return Ok(()) };
            match self.make(&claim, asked_to_end).await {
                Ok(bytes) => {
                    self.sidecar.settle_export(&claim, Some(bytes)).await?;
                }
                // Made anew after the next start.
                Err(_) if asked_to_end.is_cancelled() => return Ok(()),
                Err(error) => {
                    tracing::warn!("an export failed: {error:#}");
                    self.sidecar.settle_export(&claim, None).await?;
                }
            }
        }
    }

    async fn make(&self, claim: &Claim, asked_to_end: &CancellationToken) -> anyhow::Result<u64> {
        let archive = self.sidecar.archive(claim).await?;
        let most = if claim.with_video_files { self.sidecar.most_exported() } else { 0 };
        let (library, downloads) = (self.library.clone(), self.downloads.clone());
        let (claim, asked_to_end) = (claim.clone(), asked_to_end.clone());
        let writing = move || -> Result<u64, MakeError> {
            let file = downloads.begin(&claim.file)?;
            let mut zip = ZipWriter::new(BufWriter::new(file));
            let mut packing =
                Packing { zip: &mut zip, library: &library, left: most, asked_to_end };
            packing.add(&archive)?;
            if claim.with_video_files {
                packing.add_media(&archive, most)?;
            }
            let file = zip.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
            Ok(downloads.finish(&claim.file, &file)?)
        };
        Ok(tokio::task::spawn_blocking(writing).await??)
    }
}

/// An export in the making.
struct Packing<'a> {
    zip: &'a mut ZipWriter<BufWriter<std::fs::File>>,
    library: &'a Library,
    /// Bytes of video files that it may still have.
    left: u64,
    asked_to_end: CancellationToken,
}

impl Packing<'_> {
    fn add(&mut self, archive: &Archive) -> Result<(), MakeError> {
        for (name, text) in &archive.documents {
            self.add_bytes(name, text)?;
        }
        for video in &archive.videos {
            for (language, file) in &video.captions {
                // One that was replaced since is in the next export.
                let Ok(text) = self.library.read_companion(&video.uuid, file) else { continue };
                self.add_bytes(&format!("captions/{}-{language}.vtt", video.uuid), &text)?;
            }
        }
        Ok(())
    }

    fn add_media(&mut self, archive: &Archive, most: u64) -> Result<(), MakeError> {
        for taken in &archive.videos {
            let Some(video) = self.library.video(&taken.uuid)? else { continue };
            self.add_best(taken, &video).map_err(|error| match error {
                MakeError::TooLarge(_) => MakeError::TooLarge(most),
                error => error,
            })?;
        }
        Ok(())
    }

    /// The file that a viewer may download: the best of those that were made.
    fn add_best(&mut self, taken: &Taken, video: &Video) -> Result<(), MakeError> {
        let best = video.renditions.iter().max_by_key(|rendition| rendition.height);
        let Some(best) = best else { return Ok(()) };
        let path = self.library.video_dir(&taken.uuid).join(&best.media);
        let mut file = match std::fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let bytes = file.metadata()?.len();
        self.left = self.left.checked_sub(bytes).ok_or(MakeError::TooLarge(0))?;
        if self.library.room()?.free_bytes < bytes.saturating_add(UPLOAD_SPARE) {
            return Err(MakeError::NoRoom);
        }
        self.zip.start_file(format!("videos/{}.mp4", taken.uuid), options(bytes))?;
        let mut buffer = vec![0; BUFFER];
        loop {
            if self.asked_to_end.is_cancelled() {
                return Err(MakeError::Stopped);
            }
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                read => self.zip.write_all(&buffer[..read])?,
            }
        }
    }

    fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), MakeError> {
        self.zip.start_file(name, options(bytes.len() as u64))?;
        Ok(self.zip.write_all(bytes)?)
    }
}

/// Media is packed already, and the rest is small. Only what needs the ZIP format's larger numbers has them: not all
/// programs read those.
fn options(bytes: u64) -> SimpleFileOptions {
    let is_large = bytes >= u64::from(u32::MAX);
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(is_large)
}

/// Bytes copied at once.
const BUFFER: usize = 1 << 20;

/// How soon a file goes whose time is over.
const OFTEN: Duration = Duration::from_secs(600);
