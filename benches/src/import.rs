//! How long an import takes beside ffmpeg run once for each rendition, and when the first rendition is playable.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::process::{finish, shoal};
use crate::table::{Table, median};

/// Both kinds of source, each three times in turn.
pub(crate) fn run() -> anyhow::Result<Table> {
    let folder = tempfile::tempdir()?;
    let mut table = Table::new([
        "source",
        "three ffmpeg runs",
        "import",
        "ratio",
        "first playable after",
        "ratio to the three runs",
    ]);
    for (name, keyframes) in SOURCES {
        let source = folder.path().join("source.mp4");
        make_source(&source, &Source { keyframes, ..Source::LARGE })?;
        let (mut runs, mut imports, mut firsts) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            runs.push(ffmpeg_three_times(&source, folder.path())?.as_secs_f64());
            let (whole, first) =
                import(&source, &folder.path().join(format!("data-{keyframes}-{round}")))?;
            eprintln!("{name}, round {round}: {:.1?} {whole:.1?} {first:.1?}", runs.last());
            imports.push(whole.as_secs_f64());
            firsts.push(first.as_secs_f64());
        }
        let (runs, whole, first) = (median(&runs), median(&imports), median(&firsts));
        table.row([
            name.to_owned(),
            format!("{runs:.1} s"),
            format!("{whole:.1} s"),
            format!("{:.2}", whole / runs),
            format!("{first:.1} s"),
            format!("{:.2}", first / runs),
        ]);
    }
    Ok(table)
}

/// How a source is encoded.
pub(crate) struct Source {
    /// A minute or less, or whole minutes.
    pub(crate) seconds: u32,
    pub(crate) size: &'static str,
    pub(crate) frames_per_second: u32,
    /// One every so many frames.
    pub(crate) keyframes: &'static str,
    pub(crate) rate: &'static [&'static str],
}

impl Source {
    /// 720p30 with a keyframe every 2 s: the top rendition is remuxed.
    pub(crate) const LARGE: Source = Source {
        seconds: 60,
        size: "1280x720",
        frames_per_second: 30,
        keyframes: "60",
        rate: &["-crf", "23"],
    };
}

/// What moves, with sound. Of several minutes the pictures are those of the first, which encodes sooner and plays the same.
pub(crate) fn make_source(file: &Path, source: &Source) -> anyhow::Result<()> {
    let Source { seconds, size, frames_per_second, .. } = source;
    let encoded = (*seconds).min(60);
    let input = format!("testsrc2=size={size}:rate={frames_per_second}:duration={encoded}");
    let silent = file.with_extension("silent.mp4");
    let mut picture = Command::new("ffmpeg");
    picture.args(["-v", "error", "-y", "-f", "lavfi", "-i", &input]);
    picture.args(["-vf", "noise=alls=8:allf=t", "-c:v", "libx264", "-preset", "veryfast"]);
    picture.args(["-pix_fmt", "yuv420p", "-g", source.keyframes, "-sc_threshold", "0"]);
    finish(picture.args(source.rate).arg(&silent))?;
    let again = (seconds / encoded - 1).to_string();
    let sound = format!("sine=frequency=330:duration={seconds}");
    let mut whole = Command::new("ffmpeg");
    whole.args(["-v", "error", "-y", "-stream_loop", &again, "-i"]).arg(silent);
    whole.args(["-f", "lavfi", "-i", &sound, "-map", "0:v", "-map", "1:a", "-c:v", "copy"]);
    finish(whole.args(["-c:a", "aac", "-b:a", "128k"]).arg(file)).map(drop)
}

/// What a host without Shoal would run, with the settings that an import has by default.
fn ffmpeg_three_times(source: &Path, folder: &Path) -> anyhow::Result<Duration> {
    let mut total = Duration::ZERO;
    for (height, width, peak) in LADDER {
        let filter = format!("scale={width}:{height}:flags=bicubic,setsar=1,format=yuv420p");
        let mut command = Command::new("ffmpeg");
        command
            .args(["-v", "error", "-y", "-i"])
            .arg(source)
            .args(["-vf", &filter, "-c:v", "libx264"]);
        command.args([
            "-preset",
            PRESET,
            "-crf",
            CRF,
            "-maxrate",
            &peak.to_string(),
            "-bufsize",
            &(2 * peak).to_string(),
        ]);
        command.args([
            "-profile:v",
            "high",
            "-g",
            "120",
            "-keyint_min",
            "120",
            "-sc_threshold",
            "0",
        ]);
        command.args([
            "-c:a",
            "aac",
            "-b:a",
            "128k",
            "-f",
            "hls",
            "-hls_time",
            "4",
            "-hls_playlist_type",
            "vod",
        ]);
        command.args([
            "-hls_segment_type",
            "fmp4",
            "-hls_flags",
            "single_file",
            "-hls_segment_filename",
        ]);
        command
            .arg(folder.join(format!("{height}.mp4")))
            .arg(folder.join(format!("{height}.m3u8")));
        total += finish(&mut command)?;
    }
    Ok(total)
}

/// How long until the command ends, and until the video is public.
fn import(source: &Path, data: &Path) -> anyhow::Result<(Duration, Duration)> {
    let began = Instant::now();
    let mut child = Command::new(shoal())
        .args(["import", "--wait", "--data"])
        .args([data, source])
        .env("SHOAL_IMPORT_HEIGHTS", "240,480,720")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("shoal does not start")?;
    let mut first = None;
    let status = loop {
        if first.is_none() && has_video(data) {
            first = Some(began.elapsed());
        }
        match child.try_wait()? {
            Some(status) => break status,
            None => std::thread::sleep(LOOK_AGAIN),
        }
    };
    let whole = began.elapsed();
    anyhow::ensure!(status.success(), "the import ended with {status}");
    Ok((whole, first.unwrap_or(whole)))
}

fn has_video(data: &Path) -> bool {
    let records = fs::read_dir(data.join("videos")).into_iter().flatten().flatten();
    records.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|end| end == "json"))
}

/// A keyframe every 2 s may be remuxed; one every 10 s may not.
const SOURCES: [(&str, &str); 2] =
    [("remuxed: keyframe every 2 s", "60"), ("encoded: keyframe every 10 s", "300")];
/// Height, width, and the peak rate that an import gives it.
const LADDER: [(u32, u32, u32); 3] =
    [(240, 426, 532_000), (480, 854, 1_506_000), (720, 1280, 2_765_000)];
const PRESET: &str = "veryfast";
const CRF: &str = "23";
const ROUNDS: usize = 3;
const LOOK_AGAIN: Duration = Duration::from_millis(10);
