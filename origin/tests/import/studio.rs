//! Makes small films with ffmpeg, imports them, and looks at the result with ffprobe and ffmpeg.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use origin::import::{Event, ImportError, Request, Settings, import};
use origin::library::{Access, Library, Video};
use origin::signing::{Look, Signer, is_genuine, sign};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use wire::digest::SegmentDigests;
use wire::pieces::{PIECE, Signed, WINDOW, Windows, list_name};
use wire::playlist::{Master, Media};

/// A folder for sources, and one for a library.
pub(crate) struct Studio {
    folder: TempDir,
    pub(crate) library: Library,
}

/// A moving picture with every colour, and a tone.
pub(crate) const PICTURE: &str = "testsrc2=s=640x360:r=25:d=5";
pub(crate) const TONE: &str = "sine=f=440:r=44100:d=5";

impl Studio {
    pub(crate) fn new() -> Studio {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(&folder.path().join("data")).unwrap();
        Studio { folder, library }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a film from generated picture and sound, encoded with `words`, under `name`.
    pub(crate) fn film(&self, name: &str, words: &str) -> PathBuf {
        self.film_of(name, &[PICTURE, TONE], words)
    }

    pub(crate) fn film_of(&self, name: &str, inputs: &[&str], words: &str) -> PathBuf {
        let mut all = vec!["-v", "error", "-y"];
        all.extend(inputs.iter().flat_map(|input| ["-f", "lavfi", "-i", input]));
        all.extend(words.split_whitespace());
        let path = self.path(name);
        let output = Command::new("ffmpeg").args(all).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        path
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn import(&self, file: &Path) -> Result<Imported, ImportError> {
        self.import_to(file, &[240, 360, 720])
    }

    pub(crate) fn import_to(&self, file: &Path, heights: &[u32]) -> Result<Imported, ImportError> {
        let settings = Settings {
            heights: heights.to_vec(),
            preset: "ultrafast".to_owned(),
            ..Settings::default()
        };
        let request = Request {
            id: None,
            file: file.to_owned(),
            title: None,
            channel: None,
            access: Access::Open,
        };
        let mut playable_first = Vec::new();
        let cancelled = AtomicBool::new(false);
        let video = import(
            &self.library,
            &request,
            &settings,
            Some(&signer()),
            &cancelled,
            &mut |event| {
                if let Event::Playable(video) = event {
                    let recorded = self.library.video(&video.id.parse().unwrap()).unwrap();
                    assert_eq!(
                        recorded.as_ref(),
                        Some(video),
                        "a video is recorded before it is announced"
                    );
                    playable_first = heights_of(video);
                }
            },
        )?;
        let folder = self.library.hls_dir().join(&video.id);
        Ok(Imported { folder, video, playable_first })
    }

    /// Neither a video nor a half-made file.
    #[track_caller]
    pub(crate) fn assert_empty(&self) {
        assert_eq!(self.library.videos().unwrap(), []);
        assert_eq!(fs::read_dir(self.library.hls_dir()).unwrap().count(), 0);
        let work: Vec<_> = fs::read_dir(self.path("data/work"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(work, ["lock"]);
    }
}

/// Who signs what is imported.
pub(crate) fn signer() -> Signer {
    Signer::new(&[7; 32], None)
}

/// A published video.
pub(crate) struct Imported {
    pub(crate) folder: PathBuf,
    pub(crate) video: Video,
    /// The shorter sides of what was there when it became playable.
    pub(crate) playable_first: Vec<u32>,
}

impl Imported {
    /// The shorter sides of the renditions, in the order of the master.
    pub(crate) fn heights(&self) -> Vec<u32> {
        heights_of(&self.video)
    }

    pub(crate) fn master(&self) -> Master {
        self.read(&self.video.master).parse().unwrap()
    }

    pub(crate) fn media(&self) -> Vec<Media> {
        let playlists =
            self.video.renditions.iter().map(|rendition| self.read(&rendition.playlist));
        playlists.map(|text| text.parse().unwrap()).collect()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }

    /// What every import has to keep to, whatever came in.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        assert!(!self.video.is_importing);
        self.assert_files();
        self.assert_digests();
        self.assert_signed();
        self.assert_aligned();
        self.assert_in_fragments();
        for rendition in &self.video.renditions {
            let errors = ffmpeg_errors(&self.folder.join(&rendition.playlist));
            assert_eq!(errors, "", "decoding {}", rendition.playlist);
            let picture = &self.streams(&rendition.media)[0];
            assert_eq!(picture["codec_name"], "h264");
            assert_eq!(picture["pix_fmt"], "yuv420p");
            assert_eq!(
                (&picture["width"], &picture["height"]),
                (&rendition.width.into(), &rendition.height.into())
            );
            assert!(
                matches!(picture["sample_aspect_ratio"].as_str(), None | Some("1:1")),
                "{picture}"
            );
            assert!(picture["side_data_list"].is_null(), "{picture}");
        }
        let poster = &ffprobe(&self.folder.join(&self.video.poster))["streams"][0];
        assert_eq!(poster["codec_name"], "mjpeg");
        assert!(poster["width"].as_u64().unwrap() <= 1280);
        if let Some(storyboard) = &self.video.storyboard {
            let sheet = &ffprobe(&self.folder.join(&storyboard.file))["streams"][0];
            let size = (&sheet["width"], &sheet["height"]);
            assert_eq!(size, (&storyboard.total_width.into(), &storyboard.total_height.into()));
        }
    }

    /// How bright each picture of the storyboard is, 0 to 255, row by row.
    pub(crate) fn storyboard(&self) -> Vec<u8> {
        let storyboard = self.video.storyboard.as_ref().unwrap();
        let (columns, rows) = (
            storyboard.total_width / storyboard.sprite_width,
            storyboard.total_height / storyboard.sprite_height,
        );
        let filter = format!("scale={columns}:{rows}:flags=area,format=gray");
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(self.folder.join(&storyboard.file))
            .args(["-vf", &filter, "-f", "rawvideo", "pipe:1"])
            .output()
            .unwrap();
        output.stdout
    }

    /// Nothing lies there that isn't named, and nothing is named that isn't there.
    #[track_caller]
    fn assert_files(&self) {
        let mut named = vec![self.video.master.clone(), self.video.poster.clone()];
        named.push(self.video.master.replace("master.m3u8", "segments-sha256.json"));
        for rendition in &self.video.renditions {
            named.extend([rendition.playlist.clone(), rendition.media.clone()]);
            named.push(list_name(&rendition.playlist, signer().key()));
            let bytes = fs::metadata(self.folder.join(&rendition.media)).unwrap().len();
            assert_eq!(bytes, rendition.bytes);
        }
        named.extend(self.video.storyboard.iter().map(|storyboard| storyboard.file.clone()));
        named.sort();
        let mut found: Vec<_> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, named);
        let listed: Vec<_> =
            self.master().variants.into_iter().map(|variant| variant.uri).collect();
        assert_eq!(
            listed,
            self.video
                .renditions
                .iter()
                .map(|rendition| rendition.playlist.clone())
                .collect::<Vec<_>>()
        );
    }

    #[track_caller]
    fn assert_digests(&self) {
        let digests = SegmentDigests::parse(
            &self.read(&self.video.master.replace("master.m3u8", "segments-sha256.json")),
        )
        .unwrap();
        let mut count = 0;
        for (media, rendition) in self.media().iter().zip(&self.video.renditions) {
            let bytes = fs::read(self.folder.join(&rendition.media)).unwrap();
            let mut end = media.init.as_ref().unwrap().range.unwrap().length;
            for segment in &media.segments {
                let range = segment.range.unwrap();
                assert_eq!(range.start, end, "segments lie end to end");
                end += range.length;
                let sha256: [u8; 32] =
                    Sha256::digest(&bytes[range.start as usize..end as usize]).into();
                assert_eq!(digests.sha256(&rendition.media, range), Some(sha256));
                count += 1;
            }
            assert_eq!(end, bytes.len() as u64);
        }
        assert_eq!(digests.len(), count);
    }

    /// Each piece of each segment is in a list that the master's key signed, where the playlist says.
    #[track_caller]
    fn assert_signed(&self) {
        let signed = self.master().signed.unwrap();
        let name = format!("{}.g1", self.video.id);
        assert_eq!(
            (&signed.keys[..], signed.video.split('.').next()),
            (&[*signer().key()][..], name.split('.').next())
        );
        let media = self.media();
        for (media, rendition) in media.iter().zip(&self.video.renditions) {
            let bytes = fs::read(self.folder.join(&rendition.media)).unwrap();
            let list =
                fs::read(self.folder.join(list_name(&rendition.playlist, signer().key()))).unwrap();
            assert!(list.len() * 100 < bytes.len().max(100_000), "at most 1 % of the media");
            let windows = Windows::of(&signed.video, &rendition.playlist);
            for (no, segment) in media.segments.iter().enumerate() {
                let lengths = media.segments.iter().map(|segment| segment.range.unwrap().length);
                let (start, length) = windows.range(no, lengths);
                let window =
                    Signed::parse(&list[start as usize..(start + length) as usize]).unwrap();
                assert!(is_genuine(&window));
                let said = &window.window.segments[no % WINDOW];
                let range = segment.range.unwrap();
                let bytes = &bytes[range.start as usize..][..range.length as usize];
                assert_eq!(said.digest, *blake3::hash(bytes).as_bytes());
                let pieces = bytes
                    .chunks(PIECE as usize)
                    .map(|piece| blake3::hash(piece).as_bytes()[..16].to_vec());
                assert!(pieces.eq(said.pieces.iter().map(|piece| piece.to_vec())));
            }
        }
        let id = self.video.id.parse().unwrap();
        let library = Library::open(self.folder.parent().unwrap().parent().unwrap()).unwrap();
        let never = AtomicBool::new(false);
        let is_new = sign(&library, &id, &signer(), Look::Signatures, || true, &never);
        assert!(!is_new.unwrap(), "nothing is left to sign");
    }

    /// All renditions are cut at the same times, to within a frame, and every segment begins with a keyframe.
    #[track_caller]
    fn assert_aligned(&self) {
        let media = self.media();
        let starts = |media: &Media| -> Vec<Duration> {
            let durations = media.segments.iter().map(|segment| segment.duration);
            durations
                .scan(Duration::ZERO, |end, duration| {
                    let start = *end;
                    *end += duration;
                    Some(start)
                })
                .collect()
        };
        let first = starts(&media[0]);
        for (media, rendition) in media.iter().zip(&self.video.renditions) {
            let own = starts(media);
            assert_eq!(own.len(), first.len(), "{}", rendition.playlist);
            let frame = Duration::from_millis(101);
            assert!(
                own.iter().zip(&first).all(|(a, b)| a.abs_diff(*b) < frame),
                "{own:?} {first:?}"
            );
            let keyframes = self.keyframes(&rendition.media);
            for start in own.iter().map(Duration::as_secs_f64) {
                assert!(
                    keyframes.iter().any(|time| (time - keyframes[0] - start).abs() < 0.002),
                    "{start} {keyframes:?}"
                );
            }
        }
    }

    /// Each segment is cut into fragments of half a second, of which browsers show one as soon as it has come.
    #[track_caller]
    fn assert_in_fragments(&self) {
        for (media, rendition) in self.media().iter().zip(&self.video.renditions) {
            let bytes = fs::read(self.folder.join(&rendition.media)).unwrap();
            for segment in &media.segments {
                let range = segment.range.unwrap();
                let segment_bytes = &bytes[range.start as usize..][..range.length as usize];
                assert_eq!(&segment_bytes[4..8], b"moof");
                let count = segment_bytes.windows(4).filter(|name| name == b"moof").count();
                let wanted = segment.duration.as_secs_f64() * 2.0;
                assert!((count as f64 - wanted).abs() < 1.5, "{count} in {:?}", segment.duration);
            }
        }
    }

    pub(crate) fn streams(&self, file: &str) -> Vec<Value> {
        ffprobe(&self.folder.join(file))["streams"].as_array().unwrap().clone()
    }

    /// When the last packet of a kind of stream ends, in seconds.
    pub(crate) fn end_of(&self, kind: &str, file: &str) -> f64 {
        let words = ["-v", "error", "-show_entries", "packet=pts_time,duration_time"];
        let words = words.into_iter().chain(["-of", "csv=p=0", "-select_streams", kind]);
        let path = self.folder.join(file);
        let output = run("ffprobe", words.map(OsStr::new).chain([path.as_os_str()]));
        let text = String::from_utf8(output.stdout).unwrap();
        let end = |line: &str| {
            let (time, duration) = line.split_once(',')?;
            let duration = duration.trim_end_matches(',').parse::<f64>().ok()?;
            Some(time.parse::<f64>().ok()? + duration)
        };
        text.lines().filter_map(end).max_by(f64::total_cmp).unwrap()
    }

    /// Times of the keyframes of a rendition in seconds.
    pub(crate) fn keyframes(&self, file: &str) -> Vec<f64> {
        let words = [
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "packet=pts_time,flags",
            "-of",
            "csv=p=0",
        ];
        let output = run(
            "ffprobe",
            words.map(OsStr::new).into_iter().chain([self.folder.join(file).as_os_str()]),
        );
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| line.split_once(",K")?.0.parse().ok()).collect()
    }
}

/// When each packet of a kind of stream is shown, in milliseconds after the first, and a digest of it; in the order of decoding.
pub(crate) fn packets(kind: &str, file: &Path) -> Vec<(i64, String)> {
    let words = ["-v", "error", "-show_entries", "packet=pts_time,data_hash", "-show_data_hash"];
    let words = words.into_iter().chain(["md5", "-of", "json", "-select_streams", kind]);
    let output = run("ffprobe", words.map(OsStr::new).chain([file.as_os_str()]));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |packet: &Value, name: &str| packet[name].as_str().unwrap().to_owned();
    let all = found["packets"].as_array().unwrap().iter();
    let all = all.map(|packet| {
        let time: f64 = text(packet, "pts_time").parse().unwrap();
        (time, text(packet, "data_hash"))
    });
    let all: Vec<_> = all.collect();
    let millis = |time: f64| ((time - all[0].0) * 1000.0).round() as i64;
    all.iter().map(|(time, digest)| (millis(*time), digest.clone())).collect()
}

/// What ffprobe finds in a file.
pub(crate) fn ffprobe(file: &Path) -> Value {
    let words = ["-v", "error", "-of", "json", "-show_streams", "-show_format"];
    let output = run("ffprobe", words.map(OsStr::new).into_iter().chain([file.as_os_str()]));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What ffmpeg complains of when it decodes a file to its end.
fn ffmpeg_errors(file: &Path) -> String {
    let words = ["-nostdin", "-v", "warning", "-i"].map(OsStr::new).into_iter();
    let output =
        run("ffmpeg", words.chain([file.as_os_str()]).chain(["-f", "null", "-"].map(OsStr::new)));
    String::from_utf8(output.stderr).unwrap()
}

fn run<'a>(program: &str, words: impl Iterator<Item = &'a OsStr>) -> Output {
    let output = Command::new(program).args(words).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn heights_of(video: &Video) -> Vec<u32> {
    video.renditions.iter().map(|rendition| rendition.width.min(rendition.height)).collect()
}
