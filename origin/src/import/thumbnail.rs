//! The picture that somebody chooses for a video: one that they send, made anew within bounds, or a frame of it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use wire::id::VideoId;

use super::encode::{self, POSTER};
use super::process::{Limits, Runner, Tools};
use super::{ImportError, POSTER_SIDE, Settings, plan, poster_size};
use crate::library::{Library, LibraryError, Video};

/// What a thumbnail is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// A file of some format, from a stranger.
    Sent(Vec<u8>),
    /// The frame so many seconds in.
    At(f64),
}

/// Why there is no thumbnail, sorted by blame: the picture, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// Neither JPEG nor PNG nor WebP, or broken, or larger than anybody looks at.
    #[error("the picture can't be used: {0}")]
    Picture(String),
    /// The video has no media yet.
    #[error("the video has no picture yet")]
    NoVideo,
    /// The disk refuses.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// ffmpeg isn't there, or fails for a reason of its own.
    #[error(transparent)]
    Machine(ImportError),
}

/// Makes a JPEG of at most 854 pixels either way. Blocks while ffmpeg runs, some seconds at most.
///
/// # Errors
/// When the picture can't be used, or the machine fails.
pub fn thumbnail(
    library: &Library,
    id: &VideoId,
    picture: &Picture,
    settings: &Settings,
) -> Result<Vec<u8>, ThumbnailError> {
    let folder = Folder::make(library.companions_dir(id).join(super::fresh_id().short()))?;
    let arguments = match picture {
        Picture::Sent(bytes) => {
            let mut words = reading(&folder, bytes)?;
            let filter = format!(
                "scale='min({POSTER_SIDE},iw)':'min({POSTER_SIDE},ih)':force_original_aspect_ratio=decrease:\
                 force_divisible_by=2:flags=bicubic"
            );
            words.extend(writing(&filter, POSTER));
            words
        }
        Picture::At(seconds) => {
            let video = library.video(id)?.ok_or(ThumbnailError::NoVideo)?;
            frame(&library.video_dir(id), &video, *seconds).ok_or(ThumbnailError::NoVideo)?
        }
    };
    run(&folder, &arguments, settings)?;
    folder.read(POSTER)
}

/// Runs ffmpeg within the bounds of one picture.
pub(super) fn run(
    folder: &Folder,
    arguments: &[OsString],
    settings: &Settings,
) -> Result<(), ThumbnailError> {
    let tools = Tools::find().map_err(ThumbnailError::Machine)?;
    let runner = Runner { tools: &tools, cancelled: &AtomicBool::new(false) };
    let limits = Limits {
        memory_bytes: MEMORY.min(settings.memory_bytes),
        time: TIME,
        niceness: settings.niceness,
    };
    let ran = runner.run(&tools.ffmpeg, arguments, &folder.0, limits, &mut |_| {});
    let made = ran.map_err(|error| match error {
        ImportError::Ffmpeg(reason) => ThumbnailError::Picture(reason),
        ImportError::TooMuchMemory | ImportError::TooSlow(_) | ImportError::Truncated(_) => {
            ThumbnailError::Picture("it takes too much to read".to_owned())
        }
        error => ThumbnailError::Machine(error),
    })?;
    made.check_disk().map_err(ThumbnailError::Machine)
}

/// ffmpeg's words for reading a stranger's picture: its own format alone, and only if its size is known and bearable.
pub(super) fn reading(folder: &Folder, bytes: &[u8]) -> Result<Vec<OsString>, ThumbnailError> {
    let format = Format::of(bytes).ok_or_else(|| bad("not JPEG, PNG or WebP"))?;
    let (width, height) = format.size(bytes).ok_or_else(|| bad("it tells no size"))?;
    let is_shown = width.min(height) >= LEAST_SIDE && width.max(height) <= MOST_SIDE;
    if !is_shown || u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(bad("it is too large or too small"));
    }
    let path = folder.0.join("sent");
    let written = fs::write(&path, bytes);
    written.map_err(|error| LibraryError::new("write", &path, error))?;
    Ok(format.words(&path))
}

/// ffmpeg's words for a JPEG of its first picture.
pub(super) fn writing(filter: &str, to: &str) -> Vec<OsString> {
    let filter = format!("{filter},format=yuvj420p,setsar=1");
    let words = ["-map", "0:v:0", "-vf", &filter, "-frames:v", "1", "-q:v", "5"];
    let rest = ["-map_metadata", "-1", "-f", "image2", "-update", "1", to];
    words.into_iter().chain(rest).map(OsString::from).collect()
}

fn bad(reason: &str) -> ThumbnailError {
    ThumbnailError::Picture(reason.to_owned())
}

/// ffmpeg's words for a frame of the best rendition.
fn frame(folder: &Path, video: &Video, seconds: f64) -> Option<Vec<OsString>> {
    let best = video.renditions.iter().max_by_key(|made| made.width * made.height)?;
    let size = poster_size(plan::Size { width: best.width, height: best.height });
    // The last frame begins a moment before the end.
    let last = (video.duration().as_secs_f64() - 0.2).max(0.0);
    Some(encode::poster(&folder.join(&best.media), None, size, seconds.clamp(0.0, last)))
}

/// Where one picture is made; gone when dropped. What a killed process leaves goes with the video, or by and by.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make(folder: PathBuf) -> Result<Folder, LibraryError> {
        let made = fs::create_dir_all(&folder);
        made.map_err(|error| LibraryError::new("make", &folder, error))?;
        Ok(Folder(folder))
    }

    /// What ffmpeg made.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, ThumbnailError> {
        let jpeg = fs::read(self.0.join(name)).map_err(|_| bad("nothing came of it"))?;
        if jpeg.is_empty() { Err(bad("nothing came of it")) } else { Ok(jpeg) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = ?self.0, "a folder stays for a while");
        }
    }
}

/// A format of pictures, by its first bytes and never by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Jpeg,
    Png,
    Webp,
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Format> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Format::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::Webp),
            _ => None,
        }
    }

    /// Width and height as the file tells them, before anything of it is unpacked.
    fn size(self, bytes: &[u8]) -> Option<(u32, u32)> {
        match self {
            Format::Png => Some((big(bytes, 16, 4)?, big(bytes, 20, 4)?)),
            Format::Jpeg => jpeg_size(bytes),
            Format::Webp => webp_size(bytes),
        }
    }

    /// ffmpeg's words: this format alone, and again no more pixels than it told.
    fn words(self, path: &Path) -> Vec<OsString> {
        let demuxer = match self {
            Format::Jpeg => "jpeg_pipe",
            Format::Png => "png_pipe",
            Format::Webp => "webp_pipe",
        };
        let mut words: Vec<OsString> = [
            "-nostdin",
            "-y",
            "-hide_banner",
            "-v",
            "error",
            "-protocol_whitelist",
            "file",
            "-format_whitelist",
            demuxer,
            "-f",
            demuxer,
            "-max_pixels",
        ]
        .map(OsString::from)
        .into();
        words.push(MOST_PIXELS.to_string().into());
        let mut input = OsString::from("file:");
        input.push(path);
        words.extend(["-i".into(), input]);
        words
    }
}

/// Of the first frame header (ITU-T T.81 §B.2.2); what stands before it are segments with a length.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = (big(bytes, at, 1)? == 0xff).then(|| big(bytes, at + 1, 1))??;
        match marker {
            // Padding.
            0xff => at += 1,
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                return Some((big(bytes, at + 7, 2)?, big(bytes, at + 5, 2)?));
            }
            0xd8..=0xda => return None,
            _ => at += 2 + big(bytes, at + 2, 2)?.max(2) as usize,
        }
    }
}

/// Of the first chunk (RFC 9649 §2.5 to 2.7).
fn webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let little = |at: usize, length: usize| {
        let part = bytes.get(at..at + length)?;
        Some(part.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
    };
    match bytes.get(12..16)? {
        b"VP8X" => Some((little(24, 3)? + 1, little(27, 3)? + 1)),
        b"VP8L" if little(20, 1)? == 0x2f => {
            let both = little(21, 4)?;
            Some(((both & 0x3fff) + 1, (both >> 14 & 0x3fff) + 1))
        }
        b"VP8 " if bytes.get(23..26)? == [0x9d, 0x01, 0x2a] => {
            Some((little(26, 2)? & 0x3fff, little(28, 2)? & 0x3fff))
        }
        _ => None,
    }
}

/// A number of up to 4 bytes, the most significant first.
fn big(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let part = bytes.get(at..at + length)?;
    Some(part.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
}

/// A telephone's best photograph, which takes 200 MB to unpack.
const MOST_PIXELS: u64 = 40_000_000;
const MOST_SIDE: u32 = 10_000;
const LEAST_SIDE: u32 = 16;
/// ffmpeg's libraries fill a quarter of it.
const MEMORY: u64 = 2 << 30;
/// A frame or a photograph takes less than one.
const TIME: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_before_anything_is_unpacked() {
        #[track_caller]
        fn check(bytes: &[u8], wanted: Option<(u32, u32)>) {
            let found = Format::of(bytes).and_then(|format| format.size(bytes));
            assert_eq!(found, wanted);
            for cut in 0..bytes.len() {
                let _ = Format::of(&bytes[..cut]).and_then(|format| format.size(&bytes[..cut]));
            }
        }
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\x68\x08\x06";
        check(png, Some((640, 360)));
        let jpeg =
            b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc4\0\x02\xff\xc2\0\x11\x08\x01\x68\x02\x80\x03";
        check(jpeg, Some((640, 360)));
        check(b"\xff\xd8\xff\xda\0\x04ab", None);
        check(b"\xff\xd8\xff\xe0\0\0\xff\xc0\0\x11\x08\0\x01\0\x02", Some((2, 1)));
        check(b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x7f\x02\0\x67\x01\0", Some((640, 360)));
        check(b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x7f\xc2\x59\0", Some((640, 360)));
        check(b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x80\x02\x68\x01", Some((640, 360)));
        check(b"GIF89a\x01\0\x01\0", None);
        check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, at in 0..3usize) {
            let heads: [&[u8]; 3] = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0"];
            let bytes = [heads[at], &bytes].concat();
            let _ = Format::of(&bytes).and_then(|format| format.size(&bytes));
        }
    }
}
