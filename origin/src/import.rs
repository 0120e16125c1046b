//! Publishing a video file: probe it, make renditions of it with ffmpeg, and put them into the library.
//!
//! 1. ffprobe says what the file holds (`probe`); `plan` decides what to make of it.
//! 2. ffmpeg makes the first rendition alone: the source's own frames where every browser plays them, else the
//!    smallest one (`encode` has the words, `process` runs them under limits).
//! 3. It is examined and published: from here on the video can be watched (`package`).
//! 4. One more run with one decoding makes all other renditions, cut at the same times; they are appended.
//! 5. The keyframes of the smallest make a storyboard; a video without one is as good (`storyboard`).
//!
//! A video that is there already is replaced when all renditions of its new file are made, under another generation.
//!
//! What was made is removed again when any of this fails, and by the next start when the process is killed: whoever imports
//! still has the file. Everything here blocks; call it from a thread that lives as long as the import, since ffmpeg is
//! ended together with the thread that started it.

mod encode;
mod error;
mod fragments;
mod meter;
mod package;
mod plan;
mod portrait;
mod probe;
mod process;
mod storyboard;
mod thumbnail;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use wire::id::VideoId;

use crate::library::{Access, Library, Storyboard, Video, Work};
use crate::setting::{BadSetting, within};
use crate::signing::Signer;
use encode::Keyframes;
pub use error::{ImportError, NoSpace, Truncated};
use meter::{Meter, Reached};
use package::{Made, Publication};
use plan::{Plan, Rung, Way};
pub use portrait::{Shape, portrait};
use probe::{Packets, Source};
use process::{Limits, Lines, Runner, Tools};
use storyboard::Layout;
pub use thumbnail::{Picture, ThumbnailError, thumbnail};

/// What to publish.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which video it becomes, or whose file it replaces; a new one when absent.
    pub id: Option<VideoId>,
    /// Any file that ffmpeg reads.
    pub file: PathBuf,
    /// The file's name without its extension when absent.
    pub title: Option<String>,
    /// The handle of the channel to publish it in.
    pub channel: Option<String>,
    /// Who may read it, from its first rendition on.
    pub access: Access,
}

/// How to make renditions: the section `[import]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The shorter sides that renditions may have, of [`HEIGHTS`].
    pub heights: Vec<u32>,
    /// x264's preset, of [`PRESETS`]: slower ones take more time for fewer bytes.
    pub preset: String,
    /// x264's quality, 0 to 51: lower is better and larger.
    pub crf: u8,
    /// Address space that ffmpeg may use.
    pub memory_bytes: u64,
    /// How many times as long as the video plays one run of ffmpeg may take; at least ten minutes in any case.
    pub patience: u32,
    /// How much ffmpeg gives way to other programs, 0 to 19.
    pub niceness: u8,
    /// Uploaded files that are converted at once.
    pub parallel: u32,
}

impl Default for Settings {
    /// Six renditions of a 2160p HDR film take more than 3 GB and less than 6; a slow machine takes 20 times the film's
    /// length.
    fn default() -> Settings {
        Settings {
            heights: vec![240, 480, 720, 1080],
            preset: "veryfast".to_owned(),
            crf: 23,
            memory_bytes: 6 << 30,
            patience: 60,
            niceness: 0,
            parallel: 1,
        }
    }
}

impl Settings {
    /// That every value can be worked with.
    ///
    /// # Errors
    /// Which one can't, and what it may be.
    pub fn check(&self) -> Result<(), BadSetting> {
        if self.heights.is_empty() || self.heights.iter().any(|height| !HEIGHTS.contains(height)) {
            let bounds = format!("one or more of {HEIGHTS:?}");
            return Err(BadSetting::new("import.heights", &self.heights, bounds));
        }
        if !PRESETS.contains(&self.preset.as_str()) {
            let bounds = format!("one of {PRESETS:?}");
            return Err(BadSetting::new("import.preset", &self.preset, bounds));
        }
        within("import.crf", self.crf.into(), 0..=51)?;
        within("import.memory_bytes", self.memory_bytes, LEAST_MEMORY..=MOST_MEMORY)?;
        within("import.patience", self.patience.into(), 1..=MOST_PATIENCE)?;
        within("import.niceness", self.niceness.into(), 0..=19)?;
        within("import.parallel", self.parallel.into(), 0..=MOST_PARALLEL)
    }

    fn limits(&self, duration: Option<Duration>) -> Limits {
        let time =
            duration.map_or(UNKNOWN_DURATION, |duration| duration.saturating_mul(self.patience));
        Limits {
            memory_bytes: self.memory_bytes,
            time: time.max(LEAST_TIME),
            niceness: self.niceness,
        }
    }
}

/// What happens during an import.
#[derive(Debug)]
pub enum Event<'a> {
    /// Some of the work is done.
    Progress(Progress),
    /// The first rendition is published.
    Playable(&'a Video),
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Part of all work that is done, from 0 to 1.
    pub done: f64,
    /// How long it will still take, if that can be told yet.
    pub left: Option<Duration>,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking at the source.
    Reading,
    /// Making the rendition that is published first.
    First {
        /// Its shorter side.
        height: u32,
    },
    /// Making all others.
    Others {
        /// How many.
        count: usize,
    },
}

/// Imports one file and returns its published video, all renditions made; and signed, where there is a signer.
///
/// # Errors
/// Whatever is wrong with the file, the disk, ffmpeg or the request; then the library is as it was before.
pub fn import(
    library: &Library,
    request: &Request,
    settings: &Settings,
    signer: Option<&Signer>,
    cancelled: &AtomicBool,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<Video, ImportError> {
    settings.check()?;
    let title = title(request)?;
    let channel = request.channel.as_deref().map(handle).transpose()?;
    let (input, input_bytes) = regular_file(&request.file)?;
    let tools = Tools::find()?;
    let runner = Runner { tools: &tools, cancelled };
    let id = request.id.unwrap_or_else(fresh_id);
    let work = Work::begin(library, &id)?;

    let mut meter = Meter::new(report);
    meter.tell(Event::Progress(Progress { stage: Stage::Reading, done: 0.0, left: None }));
    let mut source = probe(&runner, &input, work.folder(), settings)?;
    let packets = look_through(&runner, &input, work.folder(), settings, &mut source)?;
    let fresh = Video {
        id: id.to_string(),
        title,
        channel,
        duration_ms: 0,
        published_at_ms: 0,
        master: String::new(),
        poster: String::new(),
        renditions: Vec::new(),
        storyboard: None,
        is_importing: true,
        access: request.access,
    };
    // What is said of it stays when its file is replaced.
    let video = work.replaced().cloned().unwrap_or(fresh);
    let import =
        Import { library, settings, signer, runner, work: &work, input, source, packets, id };
    let published = import.run(video, input_bytes, &mut meter)?;
    work.finish();
    Ok(published)
}

/// One import whose source is known.
struct Import<'a> {
    library: &'a Library,
    settings: &'a Settings,
    signer: Option<&'a Signer>,
    runner: Runner<'a>,
    work: &'a Work,
    input: PathBuf,
    source: Source,
    /// Of a source that may be remuxed, or doesn't say enough of itself.
    packets: Option<Packets>,
    id: VideoId,
}

impl Import<'_> {
    fn run(
        &self,
        video: Video,
        input_bytes: u64,
        meter: &mut Meter<'_>,
    ) -> Result<Video, ImportError> {
        let plan = self.plan();
        self.check_space(plan.expected_bytes(&self.source, input_bytes))?;
        let folder = self.library.video_dir(&self.id);
        let before = self.work.replaced().map_or(0, Video::generation);
        if before == 0 {
            fs::create_dir(&folder).map_err(|error| ImportError::writing(&folder, error))?;
        }
        let published = self.publish(&plan, before + 1, video.clone(), meter);
        let published = match published.map_err(|error| self.blame_disk(error)) {
            Err(ImportError::Ffmpeg(reason) | ImportError::Unusable(reason))
                if plan.way == Way::Remux =>
            {
                tracing::info!(reason, "the source can't be remuxed after all: encoding it");
                let plan = Plan::encode(&self.source, &self.settings.heights);
                self.publish(&plan, before + 2, video, meter)?
            }
            published => published?,
        };
        if let Err(error) = self.library.tidy(&self.id, &published) {
            tracing::warn!(%error, "files of another generation stay");
        }
        Ok(published)
    }

    fn plan(&self) -> Plan {
        let heights = &self.settings.heights;
        let is_cut_well = |packets: &Packets| packets.keyframes.are_within(KEYFRAME_GAP);
        match &self.source.picture {
            Some(picture)
                if plan::may_remux(&self.source, heights)
                    && self.packets.as_ref().is_some_and(is_cut_well) =>
            {
                Plan::remux(picture, heights)
            }
            _ => Plan::encode(&self.source, heights),
        }
    }

    fn check_space(&self, needed: u64) -> Result<(), ImportError> {
        let free = self.free_bytes()?;
        if free < needed {
            Err(ImportError::NoSpace(NoSpace::Expected { needed, free }))
        } else {
            Ok(())
        }
    }

    fn free_bytes(&self) -> Result<u64, ImportError> {
        let folder = self.work.folder();
        let found = rustix::fs::statvfs(folder)
            .map_err(|error| ImportError::writing(folder, error.into()))?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// ffmpeg's HLS muxer may lose the end of a file to a full disk without a word.
    fn blame_disk(&self, error: ImportError) -> ImportError {
        let is_vague = matches!(error, ImportError::Ffmpeg(_) | ImportError::Unusable(_));
        match self.free_bytes() {
            Ok(free) if is_vague && free < FULL_DISK => ImportError::NoSpace(NoSpace::Met),
            _ => error,
        }
    }

    /// Makes and publishes everything, as one generation of files.
    fn publish(
        &self,
        plan: &Plan,
        generation: u32,
        video: Video,
        meter: &mut Meter<'_>,
    ) -> Result<Video, ImportError> {
        let (first, others) = (plan.first(), plan.others());
        meter.expect(plan, self.source.duration);
        let work = self.work.folder();
        let folder = self.library.video_dir(&self.id);

        let first = self.make_first(plan, first, meter)?;
        self.make_poster(plan, first.duration())?;
        let mut publication = Publication::new(&folder, self.id, generation, self.signer);
        publication.add_poster(work)?;
        publication.add(work, std::slice::from_ref(&first), plan.rate)?;
        let mut video = Video {
            duration_ms: u64::try_from(first.duration().as_millis()).unwrap_or(u64::MAX),
            published_at_ms: self
                .work
                .replaced()
                .map_or_else(now_ms, |replaced| replaced.published_at_ms),
            master: publication.master_name(),
            poster: publication.poster_name(),
            renditions: publication.renditions().to_vec(),
            is_importing: !others.is_empty(),
            ..video
        };
        if self.work.replaced().is_none() {
            self.library.record(&video)?;
            meter.tell(Event::Playable(&video));
        }
        if !others.is_empty() {
            let others = self.make_others(plan, others, &first, meter)?;
            publication.add(work, &others, plan.rate)?;
            video.renditions = publication.renditions().to_vec();
            video.is_importing = false;
        }
        video.storyboard = self.make_storyboard(&publication, video.duration())?;
        self.library.record(&video)?;
        Ok(video)
    }

    /// From the smallest rendition. None is no reason to give the video up.
    fn make_storyboard(
        &self,
        publication: &Publication<'_>,
        duration: Duration,
    ) -> Result<Option<Storyboard>, ImportError> {
        let renditions = publication.renditions().iter();
        let smallest = renditions.min_by_key(|rendition| rendition.width * rendition.height);
        let Some(smallest) = smallest.filter(|_| self.source.picture.is_some()) else {
            return Ok(None);
        };
        let size = plan::Size { width: smallest.width, height: smallest.height };
        let layout = Layout::of(size, duration);
        let rendition = self.library.video_dir(&self.id).join(&smallest.media);
        let made = self
            .make_picture(&layout.words(&rendition), self.source.duration, storyboard::FILE)
            .and_then(|()| publication.add_storyboard(self.work.folder()));
        match made {
            Ok(file) => Ok(Some(layout.describe(file))),
            Err(ImportError::Cancelled) => Err(ImportError::Cancelled),
            Err(error) => {
                tracing::warn!(%error, "the video has no preview on its seek bar");
                Ok(None)
            }
        }
    }

    fn make_first(
        &self,
        plan: &Plan,
        rung: Rung,
        meter: &mut Meter<'_>,
    ) -> Result<Made, ImportError> {
        let stage = Stage::First { height: rung.name };
        let arguments = match plan.way {
            Way::Remux => encode::remux(&self.input, &self.source, rung),
            Way::Encode => self.encoding(plan, &[rung], &Keyframes::Regular),
        };
        meter.begin(stage, plan);
        let reached = self.ffmpeg(&arguments, stage, meter)?;
        let made = Made::examine(self.work.folder(), rung)?;
        let is_padded = plan.way == Way::Encode && plan::missing_sound(&self.source).is_some();
        // The silence goes on to the stated end, whether or not the picture does.
        let found = if is_padded { made.duration() } else { reached.max(made.duration()) };
        self.check_whole(found)?;
        if made.duration() < SHORTEST {
            return Err(ImportError::TooShort(made.duration()));
        }
        Ok(made)
    }

    fn make_others(
        &self,
        plan: &Plan,
        rungs: &[Rung],
        first: &Made,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<Made>, ImportError> {
        let frame = Duration::from_secs_f64(1.0 / plan.rate.per_second());
        let keyframes = match (plan.way, &self.source.picture) {
            (Way::Remux, Some(picture)) => {
                let early = frame.as_secs_f64() / 2.0;
                let times = first
                    .starts()
                    .map(|start| (picture.start + start.as_secs_f64() - early).max(0.0))
                    .collect();
                Keyframes::At(times)
            }
            _ => Keyframes::Regular,
        };
        let stage = Stage::Others { count: rungs.len() };
        meter.begin(stage, plan);
        self.ffmpeg(&self.encoding(plan, rungs, &keyframes), stage, meter)?;
        let made = rungs.iter().map(|&rung| Made::examine(self.work.folder(), rung));
        let made = made.collect::<Result<Vec<_>, _>>()?;
        if made.iter().all(|made| made.is_aligned_with(first, frame)) {
            Ok(made)
        } else {
            Err(ImportError::Unusable("the renditions are not cut at the same times".to_owned()))
        }
    }

    fn encoding(
        &self,
        plan: &Plan,
        rungs: &[Rung],
        keyframes: &Keyframes,
    ) -> Vec<std::ffi::OsString> {
        encode::encode(&self.input, &self.source, plan, rungs, keyframes, self.settings)
    }

    /// Runs ffmpeg and returns how far it got.
    fn ffmpeg(
        &self,
        arguments: &[std::ffi::OsString],
        stage: Stage,
        meter: &mut Meter<'_>,
    ) -> Result<Duration, ImportError> {
        let mut reached = Reached::default();
        let limits = self.settings.limits(self.source.duration);
        let ffmpeg = &self.runner.tools.ffmpeg;
        let complaints =
            self.runner.run(ffmpeg, arguments, self.work.folder(), limits, &mut |bytes| {
                if reached.hear(bytes) {
                    meter.advance(stage, reached.time);
                }
            })?;
        complaints.check_disk()?;
        Ok(reached.time)
    }

    /// A source that ends long before its stated end has been cut off.
    fn check_whole(&self, found: Duration) -> Result<(), ImportError> {
        match self.source.duration.filter(|_| self.source.has_stated_duration) {
            Some(stated) if found + (stated / 20).max(TAIL) < stated => {
                Err(ImportError::Truncated(Truncated::Short { stated, found }))
            }
            _ => Ok(()),
        }
    }

    /// From the source, which has the most detail; from the first rendition if that can't be, or has no picture.
    fn make_poster(&self, plan: &Plan, duration: Duration) -> Result<(), ImportError> {
        let size = poster_size(plan.largest().size);
        let at = (duration.as_secs_f64() / 10.0).min(POSTER_SECONDS);
        if let Some(picture) = &self.source.picture {
            match self.try_poster(&encode::poster(
                &self.input,
                Some(picture),
                size,
                at + picture.start.max(0.0),
            )) {
                Err(ImportError::Ffmpeg(reason)) => {
                    tracing::debug!(reason, "the poster comes from the first rendition")
                }
                made => return made,
            }
        }
        let rendition = self.work.folder().join(encode::media_name(plan.first()));
        let from_rendition = |at| self.try_poster(&encode::poster(&rendition, None, size, at));
        from_rendition(at).or_else(|_| from_rendition(0.0))
    }

    fn try_poster(&self, arguments: &[std::ffi::OsString]) -> Result<(), ImportError> {
        self.make_picture(arguments, None, encode::POSTER)
    }

    /// Has ffmpeg make one picture of what plays for `duration`, as this file in the folder of work.
    fn make_picture(
        &self,
        arguments: &[std::ffi::OsString],
        duration: Option<Duration>,
        file: &str,
    ) -> Result<(), ImportError> {
        let limits = self.settings.limits(duration);
        let folder = self.work.folder();
        let complaints =
            self.runner.run(&self.runner.tools.ffmpeg, arguments, folder, limits, &mut |_| {})?;
        complaints.check_disk()?;
        match fs::metadata(folder.join(file)) {
            Ok(found) if found.len() > 0 => Ok(()),
            _ => Err(ImportError::Ffmpeg(format!("no frame for {file}"))),
        }
    }
}

fn probe(
    runner: &Runner<'_>,
    input: &Path,
    folder: &Path,
    settings: &Settings,
) -> Result<Source, ImportError> {
    let mut json = Vec::new();
    let limits = Limits { time: PROBE_TIME, ..settings.limits(None) };
    let probed =
        runner.run(&runner.tools.ffprobe, &encode::probe(input), folder, limits, &mut |bytes| {
            let room = PROBE_BYTES.saturating_sub(json.len());
            json.extend_from_slice(&bytes[..bytes.len().min(room)]);
        });
    let not_a_video = || ImportError::NotAVideo(input.to_owned());
    match probed {
        Err(ImportError::Truncated(_)) if !begins_like_mp4(input) => Err(not_a_video()),
        Err(ImportError::Ffmpeg(reason)) if REFUSALS.iter().any(|end| reason.ends_with(end)) => {
            tracing::debug!(reason, "ffprobe refuses the file");
            Err(not_a_video())
        }
        Err(error) => Err(error),
        Ok(_) => Source::parse(&json)
            .map_err(|error| ImportError::Ffmpeg(format!("ffprobe gave no answer: {error}")))?
            .ok_or_else(not_a_video),
    }
}

/// Reads all packets, where the plan depends on them, and notes when picture and sound really end.
fn look_through(
    runner: &Runner<'_>,
    input: &Path,
    folder: &Path,
    settings: &Settings,
    source: &mut Source,
) -> Result<Option<Packets>, ImportError> {
    if !plan::may_remux(source, &settings.heights) && !plan::hides_an_end(source) {
        return Ok(None);
    }
    let (mut packets, mut lines) = (Packets::of(source), Lines::default());
    let limits = settings.limits(source.duration);
    let (program, words) = (&runner.tools.ffprobe, encode::packets(input));
    let read = runner.run(program, &words, folder, limits, &mut |bytes| {
        lines.push(bytes, &mut |line| packets.note(line));
    });
    match read {
        Ok(_) => {
            packets.correct_ends(source);
            Ok(Some(packets))
        }
        Err(ImportError::Ffmpeg(reason)) => {
            tracing::info!(reason, "the packets can't be listed: encoding without knowing them");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// ffmpeg takes any unknown file for MP4 if it's called so: then a missing index means nothing.
fn begins_like_mp4(input: &Path) -> bool {
    let mut head = [0; 8];
    let read = File::open(input).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok()
        && [b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"]
            .iter()
            .any(|&name| &head[4..] == name)
}

/// The file's full path and its size.
fn regular_file(file: &Path) -> Result<(PathBuf, u64), ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: file.to_owned(), source };
    let found = match fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ImportError::Missing(file.to_owned()));
        }
        found => found.map_err(unreadable)?,
    };
    if !found.is_file() {
        return Err(ImportError::NotAFile(file.to_owned()));
    }
    if found.len() == 0 {
        return Err(ImportError::Empty(file.to_owned()));
    }
    File::open(file).map_err(unreadable)?;
    Ok((std::path::absolute(file).map_err(unreadable)?, found.len()))
}

/// What the video of a request is called.
///
/// # Errors
/// When it has a title in which nothing can be read.
pub fn title(request: &Request) -> Result<String, ImportError> {
    match &request.title {
        Some(title) => {
            Some(plain(title)).filter(|title| !title.is_empty()).ok_or(ImportError::NoTitle)
        }
        None => {
            let stem = plain(&request.file.file_stem().unwrap_or_default().to_string_lossy());
            Ok(if stem.is_empty() { "Video".to_owned() } else { stem })
        }
    }
}

/// Text without what would move the cursor or turn the writing round, of at most [`TITLE_LENGTH`] characters.
fn plain(text: &str) -> String {
    let turns = |char: char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept: String = text.chars().filter(|&char| !char.is_control() && !turns(char)).collect();
    kept.trim().chars().take(TITLE_LENGTH).collect::<String>().trim_end().to_owned()
}

fn handle(text: &str) -> Result<String, ImportError> {
    let inner =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    let is_handle = (1..=50).contains(&text.len())
        && text.bytes().all(inner)
        && text.starts_with(|char: char| char.is_ascii_alphanumeric());
    if is_handle { Ok(text.to_owned()) } else { Err(ImportError::NotAHandle(text.to_owned())) }
}

/// At most 854 pixels either way: sharp on a card, and 20 to 40 KB beside the player.
fn poster_size(size: plan::Size) -> plan::Size {
    let long = size.width.max(size.height);
    if long <= POSTER_SIDE {
        return size;
    }
    let side = |side: u32| {
        ((u64::from(side) * u64::from(POSTER_SIDE) / u64::from(long)) as u32 & !1).max(2)
    };
    plan::Size { width: side(size.width), height: side(size.height) }
}

/// The id of a video that isn't there yet.
///
/// # Panics
/// Without random numbers, which every system has that runs ffmpeg.
pub fn fresh_id() -> VideoId {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("every system that runs ffmpeg has random numbers");
    VideoId::from_random(bytes)
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// The heights that renditions may be configured to: PeerTube's, without the smallest.
pub const HEIGHTS: [u32; 7] = [240, 360, 480, 720, 1080, 1440, 2160];

/// x264's presets that are of use.
pub const PRESETS: [&str; 8] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower"];

/// What a page of videos has room for.
pub const TITLE_LENGTH: usize = 120;

/// Seconds between keyframes beyond which a remux would make segments too long to fetch from peers in time.
const KEYFRAME_GAP: f64 = 6.0;

/// What a container may say too much without the file being cut off: sound that rings out, a last frame held.
const TAIL: Duration = Duration::from_secs(2);

/// Below this, browsers may show nothing at all, and there is nothing to watch either.
const SHORTEST: Duration = Duration::from_millis(100);

/// How ffprobe ends when it takes a file for none of the permitted containers: unknown, or of a kind that isn't.
const REFUSALS: [&str; 3] =
    [": Invalid data found when processing input", ": Invalid argument", ": End of file"];

/// Free bytes below which any failure to write is the disk's: ffmpeg buffers less than that.
const FULL_DISK: u64 = 1 << 18;

/// ffmpeg's libraries alone fill a quarter of a gigabyte of address space.
const LEAST_MEMORY: u64 = 1 << 28;
/// As good as no limit, and still a number that people can read.
const MOST_MEMORY: u64 = 1 << 40;
/// ffmpeg uses all processors by itself: more at once only take more memory.
const MOST_PARALLEL: u64 = 64;
/// Years for an hour of film: more is a mistake, and would overflow a clock.
const MOST_PATIENCE: u64 = 100_000;

/// However short the video, a loaded machine may take this long to get going.
const LEAST_TIME: Duration = Duration::from_secs(600);
/// For a source that doesn't say how long it plays.
const UNKNOWN_DURATION: Duration = Duration::from_secs(12 * 3600);
/// ffprobe reads some megabytes, from a slow disk perhaps.
const PROBE_TIME: Duration = Duration::from_secs(120);
/// Some hundred bytes a stream: nobody has a thousand.
const PROBE_BYTES: usize = 1 << 20;

/// Past the titles and before the plot.
const POSTER_SECONDS: f64 = 5.0;
const POSTER_SIDE: u32 = 854;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_title(file: &str, given: Option<&str>, wanted: Option<&str>) {
        let request = Request {
            id: None,
            file: file.into(),
            title: given.map(str::to_owned),
            channel: None,
            access: Access::Open,
        };
        assert_eq!(title(&request).ok().as_deref(), wanted, "{file:?} {given:?}");
    }

    #[test]
    fn a_title_is_plain_text() {
        check_title("/a/holiday 1.mp4", None, Some("holiday 1"));
        check_title("-i.mp4", None, Some("-i"));
        check_title("$(reboot).mp4", None, Some("$(reboot)"));
        check_title("a\nb\u{1b}[31m.mp4", None, Some("ab[31m"));
        check_title("\n.mp4", None, Some("Video"));
        check_title("a.mp4", Some(" x\u{202e}y "), Some("xy"));
        check_title("a.mp4", Some("\n"), None);
        check_title("a.mp4", Some(&"é".repeat(200)), Some(&"é".repeat(120)));
    }

    #[test]
    fn a_handle_is_a_word_that_fits_in_an_address() {
        for good in ["a", "anna.b_c-9", &"a".repeat(50)] {
            assert!(handle(good).is_ok(), "{good}");
        }
        for bad in ["", "Anna", ".a", "a b", "a/b", "ä", "@a", &"a".repeat(51)] {
            assert!(handle(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut Settings), wanted: bool) {
            let mut settings = Settings::default();
            change(&mut settings);
            assert_eq!(settings.check().is_ok(), wanted, "{settings:?}");
        }
        check(|_| {}, true);
        check(|settings| settings.heights = vec![2160], true);
        check(|settings| settings.heights = vec![], false);
        check(|settings| settings.heights = vec![333], false);
        check(|settings| settings.preset = "-y".to_owned(), false);
        check(|settings| settings.crf = 52, false);
        check(|settings| settings.niceness = 20, false);
        check(|settings| settings.patience = 0, false);
        check(|settings| settings.patience = u32::MAX, false);
        check(|settings| settings.memory_bytes = 0, false);
        check(|settings| settings.parallel = 65, false);
    }

    #[test]
    fn a_poster_is_small_either_way() {
        let size = |width, height| {
            let size = poster_size(plan::Size { width, height });
            (size.width, size.height)
        };
        assert_eq!(size(1280, 720), (854, 480));
        assert_eq!(size(3840, 2160), (854, 480));
        assert_eq!(size(1080, 1920), (480, 854));
        assert_eq!(size(426, 240), (426, 240));
    }
}
