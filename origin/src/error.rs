//! Why a request gets no media.

use std::io;

/// Why a request gets no media, sorted by blame: the one who asks, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No such file is public, or the path is none of ours.
    #[error("there is no such file")]
    NotFound,
    /// Only GET, HEAD and OPTIONS are answered.
    #[error("only GET, HEAD and OPTIONS are answered here")]
    Method,
    /// The range begins past the end of a file of this many bytes.
    #[error("the range lies past the end of {0} bytes")]
    Unsatisfiable(u64),
    /// The file exists and can't be read.
    #[error("cannot read the file: {0}")]
    Unreadable(#[source] io::Error),
}

impl From<io::Error> for ServeError {
    fn from(error: io::Error) -> ServeError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ServeError::NotFound,
            _ => ServeError::Unreadable(error),
        }
    }
}
