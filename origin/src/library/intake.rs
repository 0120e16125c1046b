//! A video that was made elsewhere and comes in file by file; it exists when all of it is there.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::atomic::AtomicBool;

use wire::id::VideoId;

use super::work::Work;
use super::{Library, LibraryError, Video};
use crate::path::{Kind, MediaPath};
use crate::signing::{Place, Signer, SigningError};
use crate::uploads::{UploadId, Uploads};

/// The files of one video so far, in a folder of their own, which is removed unless the video is published.
#[derive(Debug)]
pub struct Intake {
    library: Library,
    id: VideoId,
    work: Work,
    uploads: Uploads,
    files: HashMap<String, UploadId>,
}

/// Why a video can't be taken in, sorted by blame: whoever brings it, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// A name that no file of a video has.
    #[error("{0:?} is not the name of a video's file")]
    Name(String),
    /// More than any video has.
    #[error("a video has at most {MOST_FILES} files")]
    TooMany,
    /// The record names files that didn't come, or another video.
    #[error("the record and the files don't belong together")]
    Record,
    /// Nor do the playlists and the media.
    #[error(transparent)]
    Unsigned(#[from] SigningError),
    /// The data folder refuses.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

impl Intake {
    /// Makes room for a video that isn't there yet.
    ///
    /// # Errors
    /// When the data folder refuses, or the video is being made here.
    pub fn begin(library: &Library, id: &VideoId) -> Result<Intake, IntakeError> {
        let work = Work::begin(library, id)?;
        let folder = work.folder();
        let uploads = Uploads::open(folder);
        let uploads = uploads.map_err(|error| LibraryError::new("make", folder, error))?;
        Ok(Intake { library: library.clone(), id: *id, work, uploads, files: HashMap::new() })
    }

    /// Where its files are kept meanwhile.
    pub fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Under which number a file comes in; one that comes again takes the place of the first.
    ///
    /// # Errors
    /// When no file may be called so. Lists aren't brought: they are signed here.
    pub fn file(&mut self, name: &str) -> Result<UploadId, IntakeError> {
        let path = format!("/hls/{}/{name}", self.id);
        let is_brought = |path: MediaPath<'_>| path.file == name && path.kind != Kind::Pieces;
        if !MediaPath::parse(&path).is_some_and(is_brought) {
            return Err(IntakeError::Name(name.to_owned()));
        }
        if self.files.len() >= MOST_FILES {
            return Err(IntakeError::TooMany);
        }
        let id = UploadId::from_random((self.files.len() as u128 + 1).to_be_bytes());
        Ok(*self.files.entry(name.to_owned()).or_insert(id))
    }

    /// Moves the files to where they are served, signs what they are, and records the video.
    ///
    /// # Errors
    /// When the record doesn't fit the files, nor they each other, or the data folder refuses.
    pub fn publish(self, video: &Video, signer: &Signer) -> Result<(), IntakeError> {
        let named = video.renditions.iter().flat_map(|made| [&made.playlist, &made.media]);
        let beside = video.storyboard.as_ref().map(|storyboard| &storyboard.file);
        let mut named = named.chain([&video.master, &video.poster]).chain(beside);
        let is_whole = named.all(|name| self.files.contains_key(name))
            && video.id == self.id.to_string()
            && !video.is_importing
            && !video.renditions.is_empty();
        if !is_whole {
            return Err(IntakeError::Record);
        }
        let folder = self.library.video_dir(&self.id);
        let failed = |error: io::Error| LibraryError::new("fill", &folder, error);
        fs::create_dir(&folder).map_err(failed)?;
        for (name, id) in &self.files {
            fs::rename(self.uploads.path(*id), folder.join(name)).map_err(failed)?;
        }
        fs::File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        let never = AtomicBool::new(false);
        let place = Place::brought(&folder, video, signer, &never)?;
        place.put(&place.lists()?)?;
        self.library.record(video)?;
        self.work.finish();
        Ok(())
    }
}

/// Two for each of seven heights, a master, digests and a poster; and as many again for what a video has beside.
const MOST_FILES: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::tests::{fresh, id};
    use super::*;
    use crate::signing::{Look, sample, sign};
    use crate::uploads::Part;
    use http_body_util::Full;

    async fn bring(intake: &mut Intake, name: &str, bytes: Vec<u8>) {
        let file = intake.file(name).unwrap();
        let whole = bytes.len() as u64;
        let part = Part { at: 0, until: whole, whole };
        intake.uploads().append(file, part, &mut Full::from(bytes)).await.unwrap();
    }

    async fn bring_all(intake: &mut Intake, change: impl Fn(&str, Vec<u8>) -> Vec<u8>) {
        for (name, bytes) in sample::files() {
            assert!(!intake.library.video_dir(&id([1; 16])).exists());
            bring(intake, name, change(name, bytes)).await;
        }
        bring(intake, "g1-poster.jpg", b"picture".to_vec()).await;
    }

    fn made() -> Video {
        sample::video(&id([1; 16]))
    }

    fn signer() -> Signer {
        Signer::new(&[7; 32], None)
    }

    #[tokio::test]
    async fn a_video_is_there_and_signed_when_all_of_it_is() {
        let (_folder, library) = fresh();
        let mut intake = Intake::begin(&library, &id([1; 16])).unwrap();
        bring_all(&mut intake, |_, bytes| bytes).await;
        intake.publish(&made(), &signer()).unwrap();
        assert_eq!(library.video(&id([1; 16])).unwrap(), Some(made()));
        let folder = library.video_dir(&id([1; 16]));
        assert_eq!(fs::read(folder.join("g1-240.mp4")).unwrap(), sample::files()[0].1);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 6);
        let never = AtomicBool::new(false);
        let is_new = sign(&library, &id([1; 16]), &signer(), Look::Signatures, || true, &never);
        assert!(!is_new.unwrap());
    }

    #[tokio::test]
    async fn what_a_worker_says_of_keys_and_other_hosts_is_read_by_nobody() {
        let (_folder, library) = fresh();
        let mut intake = Intake::begin(&library, &id([1; 16])).unwrap();
        let before = [3; 32];
        bring_all(&mut intake, |name, bytes| {
            let insert = match name {
                "g1-master.m3u8" => format!(
                    "#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"org.shoal.signed\",VALUE=\"{}.g1 {}\"\n\
                     #EXT-X-CONTENT-STEERING:SERVER-URI=\"https://evil.example/\"",
                    id([1; 16]),
                    "03".repeat(32)
                ),
                "g1-240.m3u8" => {
                    "#EXTM3U\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"https://evil.example/\""
                        .to_owned()
                }
                _ => return bytes,
            };
            String::from_utf8(bytes).unwrap().replacen("#EXTM3U", &insert, 1).into()
        })
        .await;
        let signer = Signer::new(&[7; 32], Some(before));
        intake.publish(&made(), &signer).unwrap();
        let folder = library.video_dir(&id([1; 16]));
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let master: wire::playlist::Master = text("g1-master.m3u8").parse().unwrap();
        assert_eq!(master.signed.unwrap().keys, [*signer.key()], "the key before never signed it");
        assert!(!text("g1-master.m3u8").contains("evil") && !text("g1-240.m3u8").contains("evil"));
    }

    #[tokio::test]
    async fn what_was_damaged_on_its_way_is_not_published() {
        let (_folder, library) = fresh();
        let mut intake = Intake::begin(&library, &id([1; 16])).unwrap();
        bring_all(&mut intake, |name, mut bytes| {
            if name == "g1-240.mp4" {
                bytes[9] ^= 1;
            }
            bytes
        })
        .await;
        let refused = intake.publish(&made(), &signer());
        assert!(matches!(refused, Err(IntakeError::Unsigned(SigningError::Changed(_)))));
        assert_eq!(library.videos().unwrap(), []);
        assert_eq!(fs::read_dir(library.hls_dir()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_not_whole_leaves_nothing() {
        let (_folder, library) = fresh();
        let mut intake = Intake::begin(&library, &id([1; 16])).unwrap();
        for bad in ["", ".", "..", "../a.mp4", "a/b.mp4", "a.html", ".a.mp4", "a\0.mp4", "a.pieces"]
        {
            assert!(matches!(intake.file(bad), Err(IntakeError::Name(_))), "{bad}");
        }
        assert!(Intake::begin(&library, &id([1; 16])).is_err(), "two bring the same video");
        bring(&mut intake, "g1-master.m3u8", b"bytes".to_vec()).await;
        assert!(matches!(intake.publish(&made(), &signer()), Err(IntakeError::Record)));
        let other = Intake::begin(&library, &id([2; 16])).unwrap();
        assert!(matches!(other.publish(&made(), &signer()), Err(IntakeError::Record)));
        assert_eq!(library.videos().unwrap(), []);
        assert_eq!(fs::read_dir(library.hls_dir()).unwrap().count(), 0);
    }
}
