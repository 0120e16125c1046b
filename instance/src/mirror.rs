//! `shoal mirror`: keeps a plain copy of a public video's files, which any web server can serve, and believes none of them before
//! it is as the video's own host signed it.
//!
//! ```text
//! FOLDER/<uuid>/g1-240-fragmented.mp4   first: each segment compared, as `.g1-240-fragmented.mp4.part` until then
//!               g1-240-0a1b2c3d.pieces  what it was compared with
//!               g1-240.m3u8
//!               g1-poster.jpg  g1-storyboard.jpg  g1-segments-sha256.json
//!               g1-master.m3u8          last
//! ```
//! The word of the video's own host is its master over https, which names the key; lists and media may then come by whomever. What is
//! there is not fetched again, since names carry a generation; the files of other generations go when a new one is whole.

mod media;
mod proof;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use http::{HeaderMap, StatusCode};
use origin::path::{Kind, MediaPath};
use sidecar::outbound::{Answer, Ask, Bounds, Budget, Door, OutboundError, Url};
use wire::id::VideoId;
use wire::playlist::{Master, TEXT_LIMIT};

use crate::config::Config;
use proof::{Rendition, Word};

/// What to copy.
#[derive(Debug, Args)]
pub(crate) struct MirrorArgs {
    /// The video's page, or its master playlist, on its own host.
    #[arg(value_name = "URL")]
    url: String,
    /// Where copies are kept, each video in a folder by its id.
    #[arg(long, value_name = "FOLDER", default_value = "mirror")]
    to: PathBuf,
    /// Bytes that a video may have.
    #[arg(long, value_name = "BYTES", default_value_t = MOST_BYTES)]
    most: u64,
}

/// Why there is no copy, or no newer one; sorted by blame: whoever asks, the video's host, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MirrorError {
    /// Neither a page nor a master playlist.
    #[error(
        "{0} is no video: name its page (…/w/<id>) or its master playlist (…/hls/<id>/g1-master.m3u8)"
    )]
    NotAVideo(Url),
    /// Not everybody may see it.
    #[error("{0} is not open to all, and a copy would be")]
    Private(Url),
    /// Another run does the same.
    #[error("{0:?} is being brought up to date by somebody else")]
    Busy(PathBuf),
    /// The host can't be reached, or breaks off.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The host has no such file.
    #[error(
        "{0} is answered with {1}: what is here stays; remove it if the video is gone for good"
    )]
    Answer(Url, StatusCode),
    /// A file isn't as Shoals write it.
    #[error("{file} {reason}")]
    Strange {
        /// Which one.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Nobody says what the media should be.
    #[error("{0} names neither a key nor checksums: nothing could tell that a copy is right")]
    Unproven(String),
    /// The list isn't what the key signed for this video, or it isn't there.
    #[error("{file} {reason}: nothing of it is kept")]
    Forged {
        /// Which list.
        file: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Bytes aren't what was signed.
    #[error(
        "segment {segment} of {file} is not what the video's host says it should be: it is not kept"
    )]
    Wrong {
        /// Which media.
        file: String,
        /// Counted from 1.
        segment: usize,
    },
    /// The host stopped early.
    #[error("{0} broke off: run this again to go on from there")]
    BrokeOff(String),
    /// More than is wanted.
    #[error("the video has {needed} bytes, more than --most {most}")]
    TooLarge {
        /// Of all media.
        needed: u64,
        /// The bound.
        most: u64,
    },
    /// Not enough room.
    #[error("{needed} bytes are needed and {free} are free")]
    NoSpace {
        /// Of what isn't there yet, and a margin.
        needed: u64,
        /// On the disk.
        free: u64,
    },
    /// The disk refuses.
    #[error("cannot write {0:?}: {1}")]
    Disk(PathBuf, io::Error),
}

impl MirrorError {
    fn strange(file: &str, reason: &'static str) -> MirrorError {
        MirrorError::Strange { file: file.to_owned(), reason }
    }
}

/// Brings a copy up to date, and prints what came.
///
/// # Errors
/// Why it isn't; what was there before stays, and what was proved meanwhile is gone on from the next time.
pub(crate) fn run(args: &MirrorArgs, config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let public_url = config.public_url(config.server.listen);
    let door = Door::new(&config.outbound, &public_url)?;
    let said = runtime.context("cannot start")?.block_on(async {
        let source = Source { door, budget: Budget(MOST_REQUESTS) };
        mirror(source, args).await
    })?;
    let _ = writeln!(io::stdout(), "{said}");
    Ok(())
}

async fn mirror(mut source: Source, args: &MirrorArgs) -> Result<String, MirrorError> {
    let (url, id) = source.find(&args.url).await?;
    let file = url.path().rsplit('/').next().unwrap_or_default().to_owned();
    let text = source.text(&url).await?;
    let master: Master =
        text.parse().map_err(|_| MirrorError::strange(&file, "is no master playlist"))?;
    let word = Word::of(&file, &id, &master)?;
    let folder = Folder::open(&args.to, &id)?;
    let mut copy = Copy { source, url, folder, word, fetched: 0 };
    copy.bring_up_to_date(&master, &text, args.most).await
}

/// A copy that is brought up to date.
struct Copy {
    source: Source,
    /// Of the master, beside which all else is.
    url: Url,
    folder: Folder,
    word: Word,
    /// Bytes of media that came.
    fetched: u64,
}

impl Copy {
    async fn bring_up_to_date(
        &mut self,
        master: &Master,
        text: &str,
        most: u64,
    ) -> Result<String, MirrorError> {
        let digests = self.digests().await?;
        let mut renditions = Vec::new();
        for variant in &master.variants {
            renditions.push(self.rendition(&variant.uri, digests.as_ref()).await?);
        }
        self.check_room(&renditions, most)?;
        let mut kept = BTreeSet::from([self.word.master.clone()]);
        for rendition in &renditions {
            self.bring_media(rendition).await?;
            for (name, bytes) in rendition.files() {
                self.folder.put(name, bytes)?;
                kept.insert(name.to_owned());
            }
            kept.insert(rendition.media.clone());
        }
        for rest in PICTURES {
            let name = format!("{}-{rest}", self.word.generation);
            if self.bring_picture(&name).await? {
                kept.insert(name);
            }
        }
        if let Some((name, text, _)) = &digests {
            self.folder.put(name, text.as_bytes())?;
            kept.insert(name.clone());
        }
        self.folder.put(&self.word.master, text.as_bytes())?;
        let gone = self.folder.tidy(&kept)?;
        Ok(format!(
            "{} has {} files of the video, {} bytes of media are new, {gone} old files went",
            self.folder.path.display(),
            kept.len(),
            self.fetched
        ))
    }

    /// The checksums of all segments, as their file is called and says; none if the master names none.
    async fn digests(&mut self) -> Result<Option<proof::Digests>, MirrorError> {
        let Some(name) = self.word.digests.clone() else { return Ok(None) };
        let text = self.fetch_text(&name).await?;
        let parsed = wire::digest::SegmentDigests::parse(&text)
            .map_err(|_| MirrorError::strange(&name, "has no checksums in it"))?;
        Ok(Some((name, text, parsed)))
    }

    /// A rendition and what proves it: from what is here, if that fits, else from the host.
    async fn rendition(
        &mut self,
        playlist: &str,
        digests: Option<&proof::Digests>,
    ) -> Result<Rendition, MirrorError> {
        let playlist = self.word.name(playlist, Kind::MediaPlaylist)?;
        let list = self.word.list_name(&playlist);
        let kept = self.folder.read(&playlist, TEXT_LIMIT as u64);
        if let Some(text) = kept.and_then(|bytes| String::from_utf8(bytes).ok()) {
            let list = list.as_deref().and_then(|name| self.folder.read(name, MOST_LIST));
            if let Ok(rendition) = self.word.rendition(&playlist, text, list, digests) {
                return Ok(rendition);
            }
        }
        let text = self.fetch_text(&playlist).await?;
        let list = match list {
            Some(name) => Some(self.fetch_list(&name).await?),
            None => None,
        };
        self.word.rendition(&playlist, text, list, digests)
    }

    async fn fetch_text(&mut self, name: &str) -> Result<String, MirrorError> {
        let url = self.beside(name)?;
        self.source.text(&url).await
    }

    async fn fetch_list(&mut self, name: &str) -> Result<Vec<u8>, MirrorError> {
        let url = self.beside(name)?;
        match self.source.bytes(&url, MOST_LIST).await {
            Err(MirrorError::Answer(_, StatusCode::NOT_FOUND | StatusCode::GONE)) => {
                let (file, reason) = (name.to_owned(), "is named by the master, and is not there");
                Err(MirrorError::Forged { file, reason })
            }
            read => read,
        }
    }

    /// Pictures are for people who look into the folder: a player has them from the video's host. Whether there is one.
    async fn bring_picture(&mut self, name: &str) -> Result<bool, MirrorError> {
        if self.folder.path.join(name).exists() {
            return Ok(true);
        }
        let url = self.beside(name)?;
        match self.source.bytes(&url, MOST_PICTURE).await {
            Ok(bytes) if bytes.starts_with(JPEG) => self.folder.put(name, &bytes).map(|()| true),
            Ok(_) => Err(MirrorError::strange(name, "is no picture")),
            Err(MirrorError::Answer(..)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The address of a file of the video; its name was looked at.
    fn beside(&self, name: &str) -> Result<Url, MirrorError> {
        let bad = |_| MirrorError::strange(name, "has no address");
        self.url.join(name).map_err(bad)
    }

    fn check_room(&self, renditions: &[Rendition], most: u64) -> Result<(), MirrorError> {
        let all = renditions.iter().fold(0_u64, |sum, made| sum.saturating_add(made.bytes()));
        if all > most {
            return Err(MirrorError::TooLarge { needed: all, most });
        }
        let there = |name: &str| self.folder.length(name).max(self.folder.length(&part(name)));
        let needed = renditions.iter().fold(MARGIN, |sum, made| {
            sum.saturating_add(made.bytes().saturating_sub(there(&made.media)))
        });
        let disk =
            |error: rustix::io::Errno| MirrorError::Disk(self.folder.path.clone(), error.into());
        let found = rustix::fs::statvfs(&self.folder.path).map_err(disk)?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        if free < needed { Err(MirrorError::NoSpace { needed, free }) } else { Ok(()) }
    }
}

/// Where files come from.
struct Source {
    door: Door,
    budget: Budget,
}

impl Source {
    /// The master playlist of what somebody names, and which video that is.
    async fn find(&mut self, text: &str) -> Result<(Url, VideoId), MirrorError> {
        let url = self.door.address(text)?;
        let not_a_video = || MirrorError::NotAVideo(url.clone());
        if url.path().ends_with("-master.m3u8") {
            return master_of(&url);
        }
        let id = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let id: VideoId = id.parse().map_err(|_| not_a_video())?;
        let api = url.join(&format!("/api/v1/videos/{id}")).map_err(|_| not_a_video())?;
        let told = match self.bytes(&api, MOST_JSON).await {
            Err(MirrorError::Answer(_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                return Err(MirrorError::Private(url));
            }
            told => told?,
        };
        let told: serde_json::Value = serde_json::from_slice(&told).map_err(|_| not_a_video())?;
        let master = told["streamingPlaylists"][0]["playlistUrl"].as_str();
        let master = self.door.address(master.ok_or_else(not_a_video)?)?;
        let (master, found) = master_of(&master)?;
        if found == id { Ok((master, id)) } else { Err(not_a_video()) }
    }

    async fn text(&mut self, url: &Url) -> Result<String, MirrorError> {
        let bytes = self.bytes(url, TEXT_LIMIT as u64).await?;
        String::from_utf8(bytes).map_err(|_| MirrorError::strange(url.path(), "is no text"))
    }

    /// A whole file of at most so many bytes.
    async fn bytes(&mut self, url: &Url, most: u64) -> Result<Vec<u8>, MirrorError> {
        let mut answer = self.ask(url, HeaderMap::new(), most).await?;
        if answer.status != StatusCode::OK {
            return Err(MirrorError::Answer(url.clone(), answer.status));
        }
        let mut bytes = Vec::new();
        while let Some(piece) = answer.next_chunk().await? {
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    async fn ask(
        &mut self,
        url: &Url,
        headers: HeaderMap,
        most: u64,
    ) -> Result<Answer, MirrorError> {
        let bounds = Bounds { bytes: most, ..BOUNDS };
        Ok(self.door.fetch(Ask::get(url.clone(), headers), &bounds, &mut self.budget).await?)
    }
}

/// Takes the last two parts of a path for a video and its master.
fn master_of(url: &Url) -> Result<(Url, VideoId), MirrorError> {
    let not_a_video = || MirrorError::NotAVideo(url.clone());
    if url.path().contains("/~") {
        return Err(MirrorError::Private(url.clone()));
    }
    let (folder, file) = url.path().rsplit_once('/').ok_or_else(not_a_video)?;
    let id = folder.rsplit('/').next().unwrap_or_default();
    let path = format!("/hls/{id}/{file}");
    let parsed = MediaPath::parse(&path).filter(|parsed| parsed.kind == Kind::Master);
    let id = parsed.map(|parsed| parsed.id).ok_or_else(not_a_video)?;
    Ok((url.clone(), id))
}

/// The folder of one copy, which nobody else writes to meanwhile.
struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    fn open(to: &Path, id: &VideoId) -> Result<Folder, MirrorError> {
        let path = to.join(id.to_string());
        let failed = |error| MirrorError::Disk(path.clone(), error);
        fs::create_dir_all(&path).map_err(failed)?;
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Folder { path, _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(MirrorError::Busy(path)),
            Err(fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// A small file that is there; none if it is larger than it may be.
    fn read(&self, name: &str, most: u64) -> Option<Vec<u8>> {
        let is_small = self.length(name) <= most;
        fs::read(self.path.join(name)).ok().filter(|_| is_small)
    }

    /// Zero if it isn't there.
    fn length(&self, name: &str) -> u64 {
        fs::metadata(self.path.join(name)).map_or(0, |found| found.len())
    }

    /// Writes a small file in one step; the same file is left alone.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), MirrorError> {
        if self.read(name, bytes.len() as u64).as_deref() == Some(bytes) {
            return Ok(());
        }
        let draft = self.path.join(part(name));
        let written = File::create(&draft)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| MirrorError::Disk(draft.clone(), error))?;
        self.finish(name)
    }

    /// Gives what was written its name.
    fn finish(&self, name: &str) -> Result<(), MirrorError> {
        let to = self.path.join(name);
        let renamed = fs::rename(self.path.join(part(name)), &to)
            .and_then(|()| File::open(&self.path)?.sync_all());
        renamed.map_err(|error| MirrorError::Disk(to, error))
    }

    /// Removes what is of a video and not of this copy, and tells how many files that were.
    fn tidy(&self, kept: &BTreeSet<String>) -> Result<usize, MirrorError> {
        let failed = |error| MirrorError::Disk(self.path.clone(), error);
        let mut gone = 0;
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let whole = name.strip_prefix('.').and_then(|name| name.strip_suffix(".part"));
            let is_old = proof::generation(whole.unwrap_or(&name)).is_some();
            if is_old && !kept.contains(&name) {
                fs::remove_file(entry.path()).map_err(failed)?;
                gone += 1;
            }
        }
        Ok(gone)
    }
}

/// What a file is called until it is whole and proved; web servers give no such files, and no file of a video begins so.
fn part(name: &str) -> String {
    format!(".{name}.part")
}

/// A lock in each copy's folder.
const LOCK: &str = ".lock";

/// What is beside playlists and media.
const PICTURES: [&str; 2] = ["poster.jpg", "storyboard.jpg"];

const JPEG: &[u8] = &[0xff, 0xd8, 0xff];

/// What a host gets for one file; bytes are set by what it is.
const BOUNDS: Bounds = Bounds {
    bytes: 0,
    connect: Duration::from_secs(15),
    first_byte: Duration::from_secs(30),
    pause: Duration::from_secs(30),
    // A large film over a slow line; what is there then is gone on from.
    whole: Duration::from_secs(24 * 3600),
    least_rate: 32 << 10,
    redirects: 5,
    // What it is is told by what it says, not by what it is called.
    is_wanted: |_| true,
};

/// Requests of a run: a few for each of [`proof::MOST_RENDITIONS`], and their redirects.
const MOST_REQUESTS: u32 = 1_000;

/// As large as an upload may be.
const MOST_BYTES: u64 = 256 << 30;

/// A day of 4-second segments of 4 MiB has 25 MB.
const MOST_LIST: u64 = 64 << 20;

/// A storyboard has less than 4.
const MOST_PICTURE: u64 = 16 << 20;

/// A video in PeerTube's words has some 10 KB.
const MOST_JSON: u64 = 1 << 20;

/// What is left on the disk for others.
const MARGIN: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_do_not_write_one_copy_and_only_old_files_of_the_video_go() {
        let place = tempfile::tempdir().unwrap();
        let id = VideoId::from_random([1; 16]);
        let folder = Folder::open(place.path(), &id).unwrap();
        assert!(matches!(Folder::open(place.path(), &id), Err(MirrorError::Busy(_))));
        for name in ["g1-240.mp4", ".g1-240.mp4.part", ".g2-240.mp4.part", "notes.txt", "g2-a.m3u8"]
        {
            fs::write(folder.path.join(name), "x").unwrap();
        }
        folder.put("g2-b.m3u8", b"x").unwrap();
        let kept = ["g2-a.m3u8", "g2-b.m3u8"].map(str::to_owned).into();
        assert_eq!(folder.tidy(&kept).unwrap(), 3);
        let names = fs::read_dir(&folder.path).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, [".lock", "g2-a.m3u8", "g2-b.m3u8", "notes.txt"]);
        drop(folder);
        Folder::open(place.path(), &id).unwrap();
    }
}
