//! Files in memory without copying them: the one place with unsafe code.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, Mmap};

use crate::limits::READ_AHEAD;

/// A whole file, mapped for reading.
#[derive(Debug)]
pub(crate) struct Mapped {
    file: File,
    map: Arc<Mmap>,
    bytes: Bytes,
}

impl Mapped {
    /// Maps a file that is not empty.
    #[allow(
        unsafe_code,
        reason = "a mapping is undefined behaviour if its file is truncated or written, which ours never are"
    )]
    pub(crate) fn new(file: File) -> io::Result<Mapped> {
        // SAFETY: the importer writes a media file under `work/`, closes it, and renames its folder or file into `hls/`;
        // nothing opens it for writing afterwards; `downloads` does the same with its drafts. A new version has a new name
        // or replaces the old one by renaming, a removal unlinks; both leave the mapped inode whole. Only a host who edits
        // files under `hls/` in place can break this, and the documentation of the data folder tells them not to; the worst
        // outcome then is SIGBUS or wrong bytes sent.
        let map = Arc::new(unsafe { Mmap::map(&file)? });
        let bytes = Bytes::from_owner(Owner(Arc::clone(&map)));
        Ok(Mapped { file, map, bytes })
    }

    /// The file itself, open for reading.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Where in the file some memory begins, if all of it is a part of this mapping.
    pub(crate) fn position(&self, memory: &[u8]) -> Option<u64> {
        let position = memory.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        (position + memory.len() <= self.bytes.len()).then_some(position as u64)
    }

    /// How many bytes the file has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A part of the file; the kernel is told to read its beginning ahead, so that the first write doesn't wait page by
    /// page.
    pub(crate) fn slice(&self, range: Range<usize>) -> Bytes {
        // Advice may fail on odd file systems, and reading works without.
        let _ = self.map.advise_range(Advice::WillNeed, range.start, range.len().min(READ_AHEAD));
        self.bytes.slice(range)
    }
}

/// Lets `Bytes` keep the mapping alive while a response is being sent.
struct Owner(Arc<Mmap>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_outlive_the_mapping_and_the_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mapped = Mapped::new(file.reopen().unwrap()).unwrap();
        let slice = mapped.slice(2..5);
        assert_eq!(mapped.len(), 10);
        assert_eq!(mapped.position(&slice), Some(2));
        assert_eq!(mapped.position(b"234"), None);
        drop((mapped, file));
        assert_eq!(&slice[..], b"234");
    }
}
