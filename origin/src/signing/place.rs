//! Signing a video where it lies: lists first, the master last, each by renaming, so that whoever is killed leaves nothing half.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use wire::digest::SegmentDigests;
use wire::id::VideoId;
use wire::pieces::{Key, SegmentPieces, Signed, WINDOW, Windows, list_name};
use wire::playlist::{ByteRange, Master, Media, Signature, TEXT_LIMIT};

use super::{Signer, digest, is_genuine};
use crate::library::{Library, LibraryError, Rendition, Video, write_atomically};
use crate::path::MediaPath;

/// Why a video isn't signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The data folder refuses.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// A file of the video can't be read.
    #[error("cannot read {0:?}: {1}")]
    Read(PathBuf, io::Error),
    /// A playlist of the video isn't one of ours.
    #[error("{0:?} is not as an import writes it")]
    Strange(PathBuf),
    /// The media isn't what the import made, by its SHA-256: to sign it would say that it is.
    #[error("{0:?} has changed since it was made")]
    Changed(PathBuf),
    /// A segment is larger than viewers read lists of.
    #[error("{0:?} has segments that are too large for a list")]
    TooLarge(PathBuf),
    /// Whoever asked for it doesn't want it any more.
    #[error("signing was interrupted")]
    Cancelled,
}

/// How closely lists that are there are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// That they are as long as they should be, which is done in no time.
    Lengths,
    /// That each window is as it was signed: a disk may lose a bit in years.
    Signatures,
}

/// Signs a video that isn't signed by this signer yet, and tells whether that was so. One that isn't there or is still being made
/// is not: its import signs it.
///
/// Its master then names this signer, and the one before, if that signed it too; lists of older keys are removed. `is_current` is asked
/// while nobody else can write: a signer whose key was replaced meanwhile leaves the video to whoever has the new one.
///
/// # Errors
/// When the video isn't as it was made, or the disk refuses; it then stays as it was.
pub fn sign(
    library: &Library,
    id: &VideoId,
    signer: &Signer,
    look: Look,
    is_current: impl FnOnce() -> bool,
    cancelled: &AtomicBool,
) -> Result<bool, SigningError> {
    let Some(video) = library.video(id)?.filter(|video| !video.is_importing) else {
        return Ok(false);
    };
    let folder = library.video_dir(id);
    let place = Place::open(&folder, &video, signer, cancelled)?;
    if place.is_signed(look)? {
        return Ok(false);
    }
    let lists = place.lists()?;
    let mut is_put = false;
    library.while_recorded(&video, || {
        is_put = is_current();
        if is_put { place.put(&lists) } else { Ok(()) }
    })?;
    Ok(is_put)
}

/// The files of one generation of a video.
pub(crate) struct Place<'a> {
    folder: &'a Path,
    video: &'a Video,
    /// As lists name it.
    name: String,
    signer: &'a Signer,
    master: Master,
    cancelled: &'a AtomicBool,
}

impl<'a> Place<'a> {
    pub(crate) fn open(
        folder: &'a Path,
        video: &'a Video,
        signer: &'a Signer,
        cancelled: &'a AtomicBool,
    ) -> Result<Place<'a>, SigningError> {
        let path = folder.join(&video.master);
        let master: Master = read(&path)?;
        let variants = master.variants.iter().map(|variant| &variant.uri);
        if !variants.eq(video.renditions.iter().map(|rendition| &rendition.playlist)) {
            return Err(SigningError::Strange(path));
        }
        let name = name(&video.id, video.generation());
        Ok(Place { folder, video, name, signer, master, cancelled })
    }

    /// One that another machine filled: what its master says of keys counts for nothing, and its playlists say in our words what we
    /// read in them and nothing else, so that no other player reads more.
    pub(crate) fn brought(
        folder: &'a Path,
        video: &'a Video,
        signer: &'a Signer,
        cancelled: &'a AtomicBool,
    ) -> Result<Place<'a>, SigningError> {
        let mut place = Place::open(folder, video, signer, cancelled)?;
        place.master.signed = None;
        for rendition in &video.renditions {
            let text = place.playlist(rendition)?.to_string();
            write_atomically(&folder.join(&rendition.playlist), text.as_bytes())?;
        }
        Ok(place)
    }

    /// Whether the master names this signer first, nobody that it shouldn't, and all lists are as long as they should be.
    fn is_signed(&self, look: Look) -> Result<bool, SigningError> {
        if self.master.signed.as_ref() != Some(&self.signature()) {
            return Ok(false);
        }
        for rendition in &self.video.renditions {
            if look == Look::Signatures {
                if self.signed_by(self.signer.key(), rendition)?.is_none() {
                    return Ok(false);
                }
                continue;
            }
            let lengths = lengths(&self.playlist(rendition)?);
            let windows = Windows::of(&self.name, &rendition.playlist);
            let (start, bytes) = windows.range(lengths.len() - 1, lengths.iter().copied());
            let list = self.list_path(rendition, self.signer.key());
            if fs::metadata(list).map_or(0, |found| found.len()) != start + bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the master should say.
    fn signature(&self) -> Signature {
        let named = self.master.signed.iter().flat_map(|signed| &signed.keys);
        let before = named.copied().filter(|key| Some(key) == self.signer.before());
        let mut signature = self.signer.alone(&self.name);
        signature.keys.extend(before.take(1));
        signature
    }

    /// The list of each rendition, made anew.
    pub(crate) fn lists(&self) -> Result<Vec<Vec<u8>>, SigningError> {
        let mut digests = None;
        let mut list = |rendition: &Rendition| {
            let segments = match self.signed_before(rendition)? {
                Some(segments) => segments,
                None => {
                    if digests.is_none() {
                        digests = Some(self.sha256()?);
                    }
                    self.look_through(rendition, digests.as_ref())?
                }
            };
            let list = self.signer.list(&self.name, &rendition.playlist, &segments);
            list.ok_or_else(|| SigningError::TooLarge(self.folder.join(&rendition.media)))
        };
        self.video.renditions.iter().map(&mut list).collect()
    }

    /// Puts the lists beside the playlists, then has the master name them, then removes those that nobody names any more.
    pub(crate) fn put(&self, lists: &[Vec<u8>]) -> Result<(), SigningError> {
        for (rendition, list) in self.video.renditions.iter().zip(lists) {
            write_atomically(&self.list_path(rendition, self.signer.key()), list)?;
        }
        let signature = self.signature();
        let master = Master { signed: Some(signature.clone()), ..self.master.clone() };
        write_atomically(&self.folder.join(&self.video.master), master.to_string().as_bytes())?;
        let keys = self.master.signed.iter().flat_map(|signed| &signed.keys);
        for key in keys.filter(|key| !signature.keys.contains(key)) {
            for rendition in &self.video.renditions {
                // One that stays takes nothing but space.
                let _ = fs::remove_file(self.list_path(rendition, key));
            }
        }
        Ok(())
    }

    /// What a list says that a key of ours signed and that fits the playlist: as it was when it was made, whatever became of it.
    fn signed_before(
        &self,
        rendition: &Rendition,
    ) -> Result<Option<Vec<SegmentPieces>>, SigningError> {
        for key in [Some(self.signer.key()), self.signer.before()].into_iter().flatten() {
            if let Some(segments) = self.signed_by(key, rendition)? {
                return Ok(Some(segments));
            }
        }
        Ok(None)
    }

    /// The same of one key: none if its list isn't there, or isn't all that it should be.
    fn signed_by(
        &self,
        key: &Key,
        rendition: &Rendition,
    ) -> Result<Option<Vec<SegmentPieces>>, SigningError> {
        let lengths = lengths(&self.playlist(rendition)?);
        let Ok(list) = fs::read(self.list_path(rendition, key)) else { return Ok(None) };
        let windows = Windows::of(&self.name, &rendition.playlist);
        let mut end = 0;
        let read = (0..lengths.len()).step_by(WINDOW).map(|no| {
            let (start, bytes) = windows.range(no, lengths.iter().copied());
            end = start + bytes;
            let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
            let signed = Signed::parse(list.get(range)?).ok()?;
            let Signed { key: by, window, .. } = &signed;
            let is_it = by == key
                && window.video == self.name
                && window.rendition == rendition.playlist
                && window.first == no as u64
                && is_genuine(&signed);
            is_it.then_some(signed.window.segments)
        });
        let segments = read.collect::<Option<Vec<_>>>().map(|windows| windows.concat());
        let is_fitting = |segments: &Vec<SegmentPieces>| {
            segments.iter().map(|segment| segment.bytes).eq(lengths.iter().copied())
                && end == list.len() as u64
        };
        Ok(segments.filter(is_fitting))
    }

    /// What the media says, if it is what was made by its SHA-256.
    fn look_through(
        &self,
        rendition: &Rendition,
        digests: Option<&SegmentDigests>,
    ) -> Result<Vec<SegmentPieces>, SigningError> {
        let path = self.folder.join(&rendition.media);
        let ranges = ranges(&self.playlist(rendition)?);
        let unreadable = |error| SigningError::Read(path.clone(), error);
        let mut file = File::open(&path).map_err(unreadable)?;
        let of_media = digests.iter().flat_map(|digests| digests.of_file(&rendition.media));
        let made: BTreeMap<ByteRange, [u8; 32]> = of_media.collect();
        let mut segments = Vec::new();
        for range in ranges {
            io::Seek::seek(&mut file, io::SeekFrom::Start(range.start)).map_err(unreadable)?;
            let read =
                digest(&mut file, range.length, |_| match self.cancelled.load(Ordering::Relaxed) {
                    true => Err(io::ErrorKind::Interrupted.into()),
                    false => Ok(()),
                });
            let found = read.map_err(|error| match self.cancelled.load(Ordering::Relaxed) {
                true => SigningError::Cancelled,
                false => unreadable(error),
            })?;
            if made.get(&range) != Some(&found.sha256) {
                return Err(SigningError::Changed(path));
            }
            segments.push(found.pieces);
        }
        Ok(segments)
    }

    /// What the import found.
    fn sha256(&self) -> Result<SegmentDigests, SigningError> {
        let named = self.master.digests.as_deref().unwrap_or_default();
        // A master that another machine made may say anything.
        let url = format!("/hls/{}/{named}", self.video.id);
        if MediaPath::parse(&url).is_none_or(|path| path.file != named) {
            return Err(SigningError::Strange(self.folder.join(&self.video.master)));
        }
        let path = self.folder.join(named);
        let text = read_text(&path)?;
        SegmentDigests::parse(&text).map_err(|_| SigningError::Strange(path))
    }

    fn playlist(&self, rendition: &Rendition) -> Result<Media, SigningError> {
        let path = self.folder.join(&rendition.playlist);
        let media: Media = read(&path)?;
        let ranges = ranges(&media);
        let is_named = |uri: &String| *uri == rendition.media;
        let is_ours = ranges.len() == media.segments.len()
            && media.segments.iter().all(|segment| is_named(&segment.uri))
            && media.init.as_ref().is_none_or(|init| is_named(&init.uri))
            && !media.is_encrypted
            && !ranges.is_empty()
            && ranges
                .windows(2)
                .all(|pair| pair[0].start.checked_add(pair[0].length) == Some(pair[1].start));
        if is_ours { Ok(media) } else { Err(SigningError::Strange(path)) }
    }

    fn list_path(&self, rendition: &Rendition, key: &Key) -> PathBuf {
        self.folder.join(list_name(&rendition.playlist, key))
    }
}

/// How lists and masters name a generation of a video.
pub(crate) fn name(id: &str, generation: u32) -> String {
    format!("{id}.g{generation}")
}

fn ranges(media: &Media) -> Vec<ByteRange> {
    media.segments.iter().filter_map(|segment| segment.range).collect()
}

fn lengths(media: &Media) -> Vec<u64> {
    ranges(media).iter().map(|range| range.length).collect()
}

/// No more of a text than any reader takes.
fn read_text(path: &Path) -> Result<String, SigningError> {
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(TEXT_LIMIT as u64 + 1).read_to_string(&mut text));
    read.map_err(|error| SigningError::Read(path.to_owned(), error))?;
    Ok(text)
}

fn read<T: std::str::FromStr>(path: &Path) -> Result<T, SigningError> {
    read_text(path)?.parse().map_err(|_| SigningError::Strange(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    const SEED: [u8; 32] = [7; 32];
    static NEVER: AtomicBool = AtomicBool::new(false);

    /// A library with one unsigned video of 40 segments, as imports made them before there were lists.
    struct Shelf {
        _folder: tempfile::TempDir,
        library: Library,
        id: VideoId,
    }

    impl Shelf {
        fn new() -> Shelf {
            let folder = tempfile::tempdir().unwrap();
            let library = Library::open(folder.path()).unwrap();
            let id = VideoId::from_random([1; 16]);
            fs::create_dir(library.video_dir(&id)).unwrap();
            let shelf = Shelf { _folder: folder, library, id };
            shelf.fill();
            shelf
        }

        fn fill(&self) {
            for (name, bytes) in sample::files() {
                fs::write(self.path(name), bytes).unwrap();
            }
            self.library.record(&self.video()).unwrap();
        }

        fn video(&self) -> Video {
            sample::video(&self.id)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.library.video_dir(&self.id).join(name)
        }

        fn sign(&self, signer: &Signer) -> Result<bool, SigningError> {
            self.sign_with(signer, Look::Lengths, true)
        }

        fn sign_with(
            &self,
            signer: &Signer,
            look: Look,
            is_current: bool,
        ) -> Result<bool, SigningError> {
            sign(&self.library, &self.id, signer, look, || is_current, &NEVER)
        }

        fn keys(&self) -> Vec<Key> {
            let master: Master = read(&self.path("g1-master.m3u8")).unwrap();
            master.signed.map(|signed| signed.keys).unwrap_or_default()
        }

        fn list(&self, signer: &Signer) -> Option<Vec<u8>> {
            fs::read(self.path(&list_name("g1-240.m3u8", signer.key()))).ok()
        }
    }

    #[test]
    fn what_was_there_before_keys_is_signed_once() {
        let shelf = Shelf::new();
        let signer = Signer::new(&SEED, None);
        assert!(shelf.sign(&signer).unwrap());
        assert_eq!(shelf.keys(), [*signer.key()]);
        let list = shelf.list(&signer).unwrap();
        let lengths = || (0..40).map(|no| 1000 + no);
        let name = format!("{}.g1", shelf.id);
        let (start, _) = Windows::of(&name, "g1-240.m3u8").range(39, lengths());
        let signed = Signed::parse(&list[start as usize..]).unwrap();
        assert!(is_genuine(&signed));
        assert_eq!((signed.window.video, signed.window.segments.len()), (name, 8));
        assert_eq!(signed.window.segments[7].digest, *blake3::hash(&[39; 1039]).as_bytes());
        assert!(!shelf.sign(&signer).unwrap());
        fs::remove_file(shelf.path(&list_name("g1-240.m3u8", signer.key()))).unwrap();
        assert!(shelf.sign(&signer).unwrap(), "a list that is gone is made again");
        assert_eq!(shelf.list(&signer), Some(list));
    }

    #[test]
    fn the_next_key_signs_what_the_one_before_signed_without_reading_the_media() {
        let shelf = Shelf::new();
        let first = Signer::new(&SEED, None);
        shelf.sign(&first).unwrap();
        let second = Signer::new(&[8; 32], Some(*first.key()));
        fs::remove_file(shelf.path("g1-240.mp4")).unwrap();
        assert!(shelf.sign(&second).unwrap());
        assert_eq!(shelf.keys(), [*second.key(), *first.key()]);
        assert!(shelf.list(&first).is_some() && shelf.list(&second).is_some());
        let third = Signer::new(&[9; 32], Some(*second.key()));
        assert!(shelf.sign(&third).unwrap() && !shelf.sign(&third).unwrap());
        assert_eq!(shelf.keys(), [*third.key(), *second.key()]);
        assert_eq!(shelf.list(&first), None, "the oldest is named no more, and gone");
        assert!(shelf.list(&second).is_some() && shelf.list(&third).is_some());
    }

    #[test]
    fn a_forged_list_is_no_reason_to_sign_what_it_says() {
        let shelf = Shelf::new();
        let first = Signer::new(&SEED, None);
        shelf.sign(&first).unwrap();
        let path = shelf.path(&list_name("g1-240.m3u8", first.key()));
        let honest = shelf.list(&first).unwrap();
        let mut forged = honest.clone();
        forged[200] ^= 1;
        fs::write(&path, forged).unwrap();
        let second = Signer::new(&[8; 32], Some(*first.key()));
        shelf.sign(&second).unwrap();
        let digests = |list: &[u8]| list[150..1000].to_vec();
        assert_eq!(digests(&shelf.list(&second).unwrap()), digests(&honest));
    }

    #[test]
    fn a_list_that_rotted_is_made_again_by_whoever_looks_closely() {
        let shelf = Shelf::new();
        let signer = Signer::new(&SEED, None);
        shelf.sign(&signer).unwrap();
        let path = shelf.path(&list_name("g1-240.m3u8", signer.key()));
        let honest = shelf.list(&signer).unwrap();
        assert!(!shelf.sign_with(&signer, Look::Signatures, true).unwrap());
        for at in [0, 9, 200, honest.len() - 1] {
            let mut rotten = honest.clone();
            rotten[at] ^= 1;
            fs::write(&path, rotten).unwrap();
            assert!(!shelf.sign(&signer).unwrap());
            assert!(shelf.sign_with(&signer, Look::Signatures, true).unwrap(), "{at}");
            assert_eq!(shelf.list(&signer).unwrap(), honest);
        }
    }

    #[test]
    fn whose_key_was_replaced_meanwhile_leaves_the_video_to_the_next() {
        let shelf = Shelf::new();
        let signer = Signer::new(&SEED, None);
        assert!(!shelf.sign_with(&signer, Look::Lengths, false).unwrap());
        assert!(shelf.keys().is_empty() && shelf.list(&signer).is_none());
    }

    #[test]
    fn media_that_has_changed_is_not_signed() {
        let shelf = Shelf::new();
        let mut bytes = fs::read(shelf.path("g1-240.mp4")).unwrap();
        bytes[30_000] ^= 1;
        fs::write(shelf.path("g1-240.mp4"), bytes).unwrap();
        let refused = shelf.sign(&Signer::new(&SEED, None));
        assert!(matches!(refused, Err(SigningError::Changed(_))), "{refused:?}");
        assert_eq!(shelf.keys(), [] as [Key; 0]);
    }

    #[test]
    fn a_strange_playlist_or_master_is_named() {
        #[track_caller]
        fn check(name: &str, from: &str, to: &str) {
            let shelf = Shelf::new();
            let text = fs::read_to_string(shelf.path(name)).unwrap();
            assert!(text.contains(from), "{text}");
            fs::write(shelf.path(name), text.replacen(from, to, 1)).unwrap();
            let refused = shelf.sign(&Signer::new(&SEED, None));
            assert!(matches!(refused, Err(SigningError::Strange(_))), "{to}: {refused:?}");
        }
        check("g1-master.m3u8", "g1-sha256.json", "../g1-sha256.json");
        check("g1-master.m3u8", "\ng1-240.m3u8", "\nhttps://evil.example/g1-240.m3u8");
        check(
            "g1-master.m3u8",
            "\ng1-240.m3u8",
            "\ng1-240.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8",
        );
        check("g1-240.m3u8", "\ng1-240.mp4", "\nhttps://evil.example/g1-240.mp4");
        let init = "#EXT-X-MAP:URI=\"https://evil.example/a.mp4\",BYTERANGE=\"9@0\"\n#EXTINF";
        check("g1-240.m3u8", "#EXTINF", init);
        let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"https://evil.example/key\"\n#EXTINF";
        check("g1-240.m3u8", "#EXTINF", key);
        check("g1-240.m3u8", "1001@1000", "1001@999");
        check("g1-240.m3u8", "#EXT-X-BYTERANGE:1000@0", "");
        check("g1-240.m3u8", "#EXTM3U", "");
        check("g1-sha256.json", "{", "[");
    }

    #[test]
    fn whoever_is_asked_to_end_leaves_it_as_it_was() {
        let shelf = Shelf::new();
        let asked = AtomicBool::new(true);
        let signer = Signer::new(&SEED, None);
        let signed = sign(&shelf.library, &shelf.id, &signer, Look::Lengths, || true, &asked);
        assert!(matches!(signed, Err(SigningError::Cancelled)));
        assert_eq!(fs::read_dir(shelf.path("")).unwrap().count(), 4);
    }

    #[test]
    fn what_is_being_made_or_was_replaced_is_left_alone() {
        let shelf = Shelf::new();
        let signer = Signer::new(&SEED, None);
        shelf.library.record(&Video { is_importing: true, ..shelf.video() }).unwrap();
        assert!(!shelf.sign(&signer).unwrap());
        let video = shelf.video();
        let folder = shelf.library.video_dir(&shelf.id);
        let place = Place::open(&folder, &video, &signer, &NEVER).unwrap();
        let lists = place.lists().unwrap();
        let next = Video { master: "g2-master.m3u8".to_owned(), ..shelf.video() };
        shelf.library.record(&next).unwrap();
        let is_put = shelf.library.while_recorded(&video, || place.put(&lists));
        assert!(!is_put.unwrap() && shelf.list(&signer).is_none());
    }
}
