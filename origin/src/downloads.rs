//! Files that are made for one person each and gone after some days: written beside their place, renamed into it when whole,
//! and never written again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use http::header::{self, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

use crate::Reply;
use crate::library::Library;
use crate::map::Mapped;
use crate::range::Wanted;
use crate::serve::text;

/// The folder `DATA/exports`.
#[derive(Debug, Clone)]
pub struct Downloads {
    folder: PathBuf,
}

impl Downloads {
    /// Makes nothing before the first file.
    pub fn new(library: &Library) -> Downloads {
        Downloads { folder: library.data_dir().join("exports") }
    }

    /// A file to be written; one of the same name that a killed process left is begun anew.
    ///
    /// # Errors
    /// When the name is none, or the disk refuses.
    pub fn begin(&self, name: &str) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(OUR_FOLDER).create(&self.folder)?;
        let draft = self.draft(name)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(OUR_FILE).open(draft)
    }

    /// Has a file that was written be there, and tells how long it is.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(&self, name: &str, file: &File) -> io::Result<u64> {
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        fs::rename(self.draft(name)?, self.path(name)?)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all())?;
        Ok(bytes)
    }

    /// Whether a file is there, whole.
    pub fn has(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| path.exists())
    }

    /// Removes all files but these, drafts too.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep_only(&self, names: &[String]) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_kept = names.iter().any(|kept| name.to_str() == Some(kept.as_str()));
            if !is_kept {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Answers with a file or a part of it, to be saved as `saved_as`, which is plain ASCII; it reads from the disk.
    pub fn answer(&self, name: &str, headers: &HeaderMap, saved_as: &str) -> Reply {
        let opened = self.path(name).and_then(File::open).and_then(Mapped::new);
        let Ok(mapped) = opened else {
            return text(StatusCode::NOT_FOUND, "there is no such file, or no longer\n");
        };
        let mut reply = Response::new(Full::default());
        let length = mapped.len() as u64;
        let range = match Wanted::of(headers, length) {
            Wanted::All => 0..length,
            Wanted::Part(range) => {
                let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
                reply.headers_mut().insert(header::CONTENT_RANGE, ascii(&shown));
                *reply.status_mut() = StatusCode::PARTIAL_CONTENT;
                range
            }
            Wanted::Unsatisfiable => {
                let mut reply = text(StatusCode::RANGE_NOT_SATISFIABLE, "past the end\n");
                let shown = format!("bytes */{length}");
                reply.headers_mut().insert(header::CONTENT_RANGE, ascii(&shown));
                return reply;
            }
        };
        let body = mapped.slice(range.start as usize..range.end as usize);
        *reply.body_mut() = Full::new(body);
        let named = format!("attachment; filename=\"{saved_as}\"");
        for (name, value) in [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
            (header::CONTENT_DISPOSITION, ascii(&named)),
            (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
        ] {
            reply.headers_mut().insert(name, value);
        }
        reply
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let is_plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if is_plain { Ok(self.folder.join(name)) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn draft(&self, name: &str) -> io::Result<PathBuf> {
        self.path(name).map(|path| path.with_extension("tmp"))
    }
}

fn ascii(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// They hold what is nobody else's business.
const OUR_FOLDER: u32 = 0o700;
const OUR_FILE: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::io::Write;

    async fn told(reply: Reply) -> (u16, String) {
        let (head, body) = reply.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_file_is_there_when_it_is_whole_and_until_it_is_no_longer_kept() {
        let data = tempfile::tempdir().unwrap();
        let downloads = Downloads::new(&Library::open(data.path()).unwrap());
        downloads.keep_only(&[]).unwrap();
        let mut file = downloads.begin("a-_1").unwrap();
        file.write_all(b"0123456789").unwrap();
        let none = HeaderMap::new();
        assert_eq!(told(downloads.answer("a-_1", &none, "a.zip")).await.0, 404);
        assert!(!downloads.has("a-_1"));
        assert_eq!(downloads.finish("a-_1", &file).unwrap(), 10);
        assert!(downloads.has("a-_1"));
        let whole = downloads.answer("a-_1", &none, "a.zip");
        assert_eq!(whole.headers()["content-disposition"], "attachment; filename=\"a.zip\"");
        assert_eq!(told(whole).await, (200, "0123456789".to_owned()));
        let mut part = HeaderMap::new();
        part.insert(header::RANGE, HeaderValue::from_static("bytes=7-"));
        assert_eq!(told(downloads.answer("a-_1", &part, "a.zip")).await, (206, "789".to_owned()));
        part.insert(header::RANGE, HeaderValue::from_static("bytes=10-"));
        assert_eq!(told(downloads.answer("a-_1", &part, "a.zip")).await.0, 416);
        for bad in ["", "..", "../key", "a/b", "a.tmp", "/etc/passwd", "a\0b"] {
            assert_eq!(told(downloads.answer(bad, &none, "a.zip")).await.0, 404, "{bad}");
            assert!(downloads.begin(bad).is_err(), "{bad}");
        }
        downloads.begin("b").unwrap();
        downloads.keep_only(&["a-_1".to_owned()]).unwrap();
        assert_eq!(fs::read_dir(data.path().join("exports")).unwrap().count(), 1);
        downloads.keep_only(&[]).unwrap();
        assert_eq!(told(downloads.answer("a-_1", &none, "a.zip")).await.0, 404);
    }
}
