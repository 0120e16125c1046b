//! `shoal mirror`: keeps a plain copy of a public video's files, which any web server can serve, and gives no media its name before
//! each of its segments is as the video's own host signed it.
//!
//! ```text
//! FOLDER/<uuid>/g1-240-fragmented.mp4   first: each segment compared, as `.g1-240-fragmented.mp4.part` until then
//!               g1-240-0a1b2c3d.pieces  what it was compared with
//!               g1-240.m3u8
//!               g1-poster.jpg  g1-storyboard.jpg  g1-segments-sha256.json
//!               g1-master.m3u8          last
//! ```
//! The word of the video's own host is its master over https, which names the key, and its playlists: no redirect leads them to another
//! host. Lists and media may come by whomever. No list tells of what is before the first segment: it is as whoever sent it wrote it,
//! which is why players take that from the video's own host. What is there is not fetched again, since names carry a generation; the
//! files of other generations go when a new one is whole, and all of ours once the host shows the video to nobody, or not to everybody.

mod folder;
mod media;
mod proof;
mod withdrawal;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use http::{HeaderMap, StatusCode};
use indicatif::{ProgressBar, ProgressStyle};
use origin::path::{Kind, MediaPath};
use sidecar::outbound::{Answer, Ask, Bounds, Budget, Door, OutboundError, Url};
use wire::id::VideoId;
use wire::playlist::{Master, TEXT_LIMIT};

use crate::config::Config;
use crate::fetching;
use folder::{Folder, part};
use proof::{Layout, Rendition, Word};

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
    #[arg(long, value_name = "BYTES", default_value_t = BOUNDS.bytes)]
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
    /// It was copied, and isn't for everybody any more.
    #[error("{0} is not open to all any more, or gone: the copy is out of service, {1}")]
    Withdrawn(Url, Box<folder::Cleared>),
    /// Who isn't the video's own host would be believed.
    #[error(
        "{0} leads to {1}: what a video is is believed of its own host alone, so name it there"
    )]
    Elsewhere(Url, String),
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
    let asked = source.asked(&args.url)?;
    let (url, text) = match source.find(&asked).await {
        Err(error) => return Err(source.withdraw(&asked, &args.to, error).await),
        found => found?,
    };
    let file = url.path().rsplit('/').next().unwrap_or_default().to_owned();
    let master: Master =
        text.parse().map_err(|_| MirrorError::strange(&file, "is no master playlist"))?;
    let word = Word::of(&file, &asked.id, &master)?;
    let folder = Folder::open(&args.to, &asked.id)?;
    let mut copy = Copy { source, url, folder, word, fetched: 0, bar: bar() };
    let said = copy.bring_up_to_date(&master, &text, args.most).await;
    copy.bar.finish_and_clear();
    said
}

/// How far it is, on a terminal.
fn bar() -> ProgressBar {
    let bar = if io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = "{msg} [{bar:32}] {bytes} of {total_bytes}, {bytes_per_sec}";
    let style =
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style.progress_chars("=> "))
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
    bar: ProgressBar,
}

impl Copy {
    async fn bring_up_to_date(
        &mut self,
        master: &Master,
        text: &str,
        most: u64,
    ) -> Result<String, MirrorError> {
        let digests = self.digests().await?;
        let mut found = Vec::new();
        for variant in &master.variants {
            found.push(self.look(&variant.uri, digests.as_ref()).await?);
        }
        self.check_room(&found, most)?;
        let mut renditions = Vec::new();
        for found in found {
            renditions.push(self.rendition(found, digests.as_ref()).await?);
        }
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

    /// A rendition as it is here, if what is here proves it; else what its playlist says, before anything large is asked for.
    async fn look(
        &mut self,
        playlist: &str,
        digests: Option<&proof::Digests>,
    ) -> Result<Found, MirrorError> {
        let playlist = self.word.name(playlist, Kind::MediaPlaylist)?;
        let kept = self.folder.read(&playlist, TEXT_LIMIT as u64);
        if let Some(text) = kept.and_then(|bytes| String::from_utf8(bytes).ok())
            && let Ok(layout) = self.word.layout(&playlist, text)
        {
            let list = self.word.list(&layout);
            let list = list.and_then(|(name, bytes)| self.folder.read(&name, bytes));
            if let Ok(rendition) = self.word.rendition(layout, list, digests) {
                return Ok(Found::Here(rendition));
            }
        }
        let text = self.fetch_text(&playlist).await?;
        Ok(Found::There(self.word.layout(&playlist, text)?))
    }

    /// A rendition, each segment proved.
    async fn rendition(
        &mut self,
        found: Found,
        digests: Option<&proof::Digests>,
    ) -> Result<Rendition, MirrorError> {
        let layout = match found {
            Found::Here(rendition) => return Ok(rendition),
            Found::There(layout) => layout,
        };
        let list = match self.word.list(&layout) {
            Some((name, bytes)) => Some(self.fetch_list(&name, bytes).await?),
            None => None,
        };
        self.word.rendition(layout, list, digests)
    }

    async fn fetch_text(&mut self, name: &str) -> Result<String, MirrorError> {
        let url = self.beside(name)?;
        self.source.text(&url).await
    }

    /// A list that has this many bytes, if it is the right one.
    async fn fetch_list(&mut self, name: &str, bytes: u64) -> Result<Vec<u8>, MirrorError> {
        let url = self.beside(name)?;
        let forged = |reason| MirrorError::Forged { file: name.to_owned(), reason };
        match self.source.ask(&url, HeaderMap::new(), bytes).await {
            Ok(answer) => match whole(&url, answer).await {
                Err(MirrorError::Answer(_, StatusCode::NOT_FOUND | StatusCode::GONE)) => {
                    Err(forged("is named by the master, and is not there"))
                }
                Err(MirrorError::Outbound(OutboundError::TooLarge(..))) => Err(forged(LONG)),
                read => read,
            },
            Err(MirrorError::Outbound(OutboundError::TooLarge(..))) => Err(forged(LONG)),
            Err(error) => Err(error),
        }
    }

    /// Pictures are for people who look into the folder: a player has them from the video's host. Whether there is one.
    async fn bring_picture(&mut self, name: &str) -> Result<bool, MirrorError> {
        if self.folder.length(name) > 0 {
            return Ok(true);
        }
        let url = self.beside(name)?;
        match self.source.own(&url, MOST_PICTURE).await {
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

    fn check_room(&self, found: &[Found], most: u64) -> Result<(), MirrorError> {
        let all = found.iter().fold(0_u64, |sum, found| sum.saturating_add(found.bytes()));
        if all > most {
            return Err(MirrorError::TooLarge { needed: all, most });
        }
        let there = |name: &str| self.folder.length(name).max(self.folder.length(&part(name)));
        let needed = found.iter().fold(MARGIN, |sum, found| {
            sum.saturating_add(found.bytes().saturating_sub(there(found.media())))
        });
        let free = self.folder.free()?;
        if free < needed { Err(MirrorError::NoSpace { needed, free }) } else { Ok(()) }
    }
}

/// What is known of a rendition before the room for it was looked at.
enum Found {
    /// All but its media.
    Here(Rendition),
    /// What its playlist says.
    There(Layout),
}

impl Found {
    /// Of its media.
    fn bytes(&self) -> u64 {
        match self {
            Found::Here(rendition) => rendition.bytes(),
            Found::There(layout) => layout.bytes(),
        }
    }

    fn media(&self) -> &str {
        match self {
            Found::Here(rendition) => &rendition.media,
            Found::There(layout) => &layout.media,
        }
    }
}

/// Where files come from.
struct Source {
    door: Door,
    budget: Budget,
}

/// What somebody names.
struct Asked {
    /// The page or the master, on the video's own host.
    url: Url,
    id: VideoId,
    is_master: bool,
}

impl Source {
    /// What an address names, without asking anybody.
    fn asked(&self, text: &str) -> Result<Asked, MirrorError> {
        let url = self.door.address(text)?;
        if url.path().ends_with("-master.m3u8") {
            let id = video_of(&url)?;
            return Ok(Asked { url, id, is_master: true });
        }
        let id = url.path().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let id = id.parse().map_err(|_| MirrorError::NotAVideo(url.clone()))?;
        Ok(Asked { url, id, is_master: false })
    }

    /// The master playlist of what somebody names, where it is and what it says.
    async fn find(&mut self, asked: &Asked) -> Result<(Url, String), MirrorError> {
        let url = &asked.url;
        if asked.is_master {
            return Ok((url.clone(), self.text(url).await?));
        }
        let not_a_video = || MirrorError::NotAVideo(url.clone());
        let told = match self.own(&asked.api()?, MOST_JSON).await {
            Err(MirrorError::Answer(_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                return Err(MirrorError::Private(url.clone()));
            }
            told => told?,
        };
        let told: serde_json::Value = serde_json::from_slice(&told).map_err(|_| not_a_video())?;
        let master = told["streamingPlaylists"][0]["playlistUrl"].as_str();
        let master = self.door.address(master.ok_or_else(not_a_video)?)?;
        if video_of(&master)? != asked.id {
            return Err(not_a_video());
        }
        let text = self.text(&master).await?;
        Ok((master, text))
    }

    /// A whole text that this host itself says.
    async fn text(&mut self, url: &Url) -> Result<String, MirrorError> {
        let bytes = self.own(url, TEXT_LIMIT as u64).await?;
        String::from_utf8(bytes).map_err(|_| MirrorError::strange(url.path(), "is no text"))
    }

    /// A whole file of at most so many bytes that this host itself gives, and nobody to whom it leads.
    async fn own(&mut self, url: &Url, most: u64) -> Result<Vec<u8>, MirrorError> {
        let answer = self.ask(url, HeaderMap::new(), most).await?;
        if answer.url.origin() != url.origin() {
            let other = answer.url.host_str().unwrap_or_default().to_owned();
            return Err(MirrorError::Elsewhere(url.clone(), other));
        }
        whole(url, answer).await
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

impl Asked {
    /// Where the API of its host tells of it.
    fn api(&self) -> Result<Url, MirrorError> {
        let joined = self.url.join(&format!("/api/v1/videos/{}", self.id));
        joined.map_err(|_| MirrorError::NotAVideo(self.url.clone()))
    }
}

/// All that an answer brings, if it is a good one.
async fn whole(url: &Url, mut answer: Answer) -> Result<Vec<u8>, MirrorError> {
    if answer.status != StatusCode::OK {
        return Err(MirrorError::Answer(url.clone(), answer.status));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = answer.next_chunk().await? {
        bytes.extend(piece);
    }
    Ok(bytes)
}

/// The video whose master this is, by the last two parts of its path.
fn video_of(url: &Url) -> Result<VideoId, MirrorError> {
    let not_a_video = || MirrorError::NotAVideo(url.clone());
    if url.path().contains("/~") {
        return Err(MirrorError::Private(url.clone()));
    }
    let (folder, file) = url.path().rsplit_once('/').ok_or_else(not_a_video)?;
    let id = folder.rsplit('/').next().unwrap_or_default();
    let path = format!("/hls/{id}/{file}");
    let parsed = MediaPath::parse(&path).filter(|parsed| parsed.kind == Kind::Master);
    parsed.map(|parsed| parsed.id).ok_or_else(not_a_video)
}

/// What is beside playlists and media.
const PICTURES: [&str; 2] = ["poster.jpg", "storyboard.jpg"];

/// What is wrong with a list of which only so much was read.
const LONG: &str = "is longer than its playlist says";

const JPEG: &[u8] = &[0xff, 0xd8, 0xff];

/// As an import by address has them, but that a file is told by what it says, not by what it is called.
const BOUNDS: Bounds = Bounds { is_wanted: |_| true, ..fetching::BOUNDS };

/// Requests of a run: a few for each of [`proof::MOST_RENDITIONS`], and their redirects.
const MOST_REQUESTS: u32 = 1_000;

/// A storyboard has less than 4.
const MOST_PICTURE: u64 = 16 << 20;

/// A video in PeerTube's words has some 10 KB.
const MOST_JSON: u64 = 1 << 20;

/// What is left on the disk for others.
const MARGIN: u64 = 64 << 20;
