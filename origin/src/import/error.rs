//! Why a file could not be imported, in one sentence for the person who tried.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::library::LibraryError;
use crate::setting::BadSetting;

/// Why a file could not be imported. Nothing of it is left in the data folder.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is nothing by that name.
    #[error("there is no file {0:?}")]
    Missing(PathBuf),
    /// A folder or a device, not a file.
    #[error("{0:?} is not a file")]
    NotAFile(PathBuf),
    /// The file has no bytes.
    #[error("{0:?} is empty")]
    Empty(PathBuf),
    /// The file can't be opened.
    #[error("cannot read {path:?}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither picture nor sound in a container that is a lone file.
    #[error("{0:?} is not a video: ffmpeg finds neither a moving picture nor sound in it")]
    NotAVideo(PathBuf),
    /// It is over before anyone could see it.
    #[error("the video is too short to play: it lasts {} ms, and at least 100 ms are needed", .0.as_millis())]
    TooShort(Duration),
    /// The end of the file is missing.
    #[error("the file is cut short: {0}; copy it again from where it came from")]
    Truncated(Truncated),
    /// The disk of the data folder is full, or would be.
    #[error("no space left in the data folder: {0}")]
    NoSpace(NoSpace),
    /// A program is missing.
    #[error("{0} is not installed or not in PATH; on Debian and Ubuntu: apt-get install ffmpeg")]
    ToolMissing(&'static str),
    /// ffmpeg took longer than the configured limit.
    #[error("gave up after {} minutes: the file takes too long to convert (limit: import.patience)", .0.as_secs() / 60)]
    TooSlow(Duration),
    /// ffmpeg wanted more memory than the configured limit.
    #[error("the file takes more memory to convert than the limit allows (import.memory_bytes)")]
    TooMuchMemory,
    /// The person, or the system, asked us to stop.
    #[error("cancelled")]
    Cancelled,
    /// The channel's handle could not be one.
    #[error(
        "{0:?} is not the handle of a channel: 1 to 50 of a-z, 0-9, '_', '.' and '-', beginning with a letter or digit"
    )]
    NotAHandle(String),
    /// The title has nothing to show.
    #[error("the title is empty")]
    NoTitle,
    /// Our own settings don't work.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// ffmpeg failed for a reason of its own.
    #[error("ffmpeg failed: {0}")]
    Ffmpeg(String),
    /// ffmpeg's work is not what we asked for.
    #[error("ffmpeg made something unusable: {0}")]
    Unusable(String),
    /// The data folder refused.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// How we know that the end of a file is missing.
#[derive(Debug, thiserror::Error)]
pub enum Truncated {
    /// The index, which is written last, isn't there.
    #[error("its index is missing")]
    NoIndex,
    /// It plays shorter than it says.
    #[error("it says that it plays {} s, but ends after {} s", stated.as_secs(), found.as_secs())]
    Short {
        /// What the container says.
        stated: Duration,
        /// What could be read.
        found: Duration,
    },
}

/// How we know that the disk is full.
#[derive(Debug, thiserror::Error)]
pub enum NoSpace {
    /// There was not enough before we began.
    #[error("about {} MB are needed, {} MB are free", .needed.div_ceil(1_000_000), .free / 1_000_000)]
    Expected {
        /// Bytes that the import would take.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// It ran out while we wrote.
    #[error("the disk filled up while converting")]
    Met,
}

impl ImportError {
    /// The file itself is to blame, so that trying again would end the same way.
    pub fn is_final(&self) -> bool {
        match self {
            ImportError::Missing(_)
            | ImportError::NotAFile(_)
            | ImportError::Empty(_)
            | ImportError::NotAVideo(_)
            | ImportError::TooShort(_)
            | ImportError::Truncated(_)
            | ImportError::TooSlow(_)
            | ImportError::TooMuchMemory
            | ImportError::NotAHandle(_)
            | ImportError::NoTitle => true,
            ImportError::Unreadable { .. }
            | ImportError::NoSpace(_)
            | ImportError::ToolMissing(_)
            | ImportError::Cancelled
            | ImportError::Setting(_)
            | ImportError::Ffmpeg(_)
            | ImportError::Unusable(_)
            | ImportError::Library(_) => false,
        }
    }

    /// A failure to write below the data folder.
    pub(super) fn writing(path: &std::path::Path, source: io::Error) -> ImportError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ImportError::NoSpace(NoSpace::Met)
            }
            _ => ImportError::Library(LibraryError::new("write", path, source)),
        }
    }
}
