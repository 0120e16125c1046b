//! Makes the video that `cargo xtask run` shows when it is given none: slow colours, a clock, a few fish, soft chords.

use crate::shell;
use anyhow::Result;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The sample in a data folder, made if it is not there.
pub(crate) fn make(data: &Path) -> Result<PathBuf> {
    let sample = data.join("A shoal at dusk.mp4");
    if sample.is_file() {
        return Ok(sample);
    }
    println!("xtask: making a sample video, up to a minute");
    let unfinished = data.join("sample.unfinished.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y"]);
    ffmpeg.args(["-f", "lavfi", "-i", &picture(), "-f", "lavfi", "-i", SOUND]);
    ffmpeg.args([
        "-t",
        SECONDS,
        "-c:v",
        "libx264",
        "-preset",
        "superfast",
        "-crf",
        "23",
        "-g",
        "60",
        "-sc_threshold",
        "0",
    ]);
    ffmpeg.args(["-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]).arg(&unfinished);
    shell::run(&mut ffmpeg)?;
    fs::rename(&unfinished, &sample)?;
    Ok(sample)
}

fn picture() -> String {
    let mut picture = COLOURS.to_owned();
    for &(start, height, speed, size, phase) in FISH {
        // Writing to a String cannot fail.
        let _ = write!(
            picture,
            ",drawtext=font=Sans:text='><>':fontsize={size}:fontcolor=white@0.33:\
             x='mod(t*{speed}+{start}\\,w+200)-120':y='{height}+18*sin(t*0.9+{phase})'"
        );
    }
    picture + CLOCK
}

const SECONDS: &str = "90";

/// Drawn small and enlarged, which a gradient does not show, so that making it takes a third of the time.
const COLOURS: &str = "gradients=s=320x180:r=30:d=90:n=4:c0=0x0b3954:c1=0x1b7f8c:c2=0xe98a76:c3=0x5c4b8a:\
                       speed=0.004:x0=25:y0=15:x1=295:y1=165,format=yuv420p,scale=1280:720:flags=bicubic";

/// Where each fish starts, how deep it swims, pixels per second, font size, and when it rises.
const FISH: &[(u32, u32, u32, u32, f32)] = &[
    (0, 180, 46, 30, 0.0),
    (90, 215, 46, 26, 1.0),
    (150, 160, 47, 22, 2.0),
    (230, 200, 45, 28, 0.5),
    (300, 240, 46, 20, 1.7),
    (60, 260, 45, 24, 2.6),
    (700, 520, 62, 34, 0.3),
    (790, 555, 62, 28, 1.2),
    (850, 500, 63, 24, 2.2),
    (940, 540, 61, 30, 0.9),
    (1010, 575, 62, 22, 3.0),
];

const CLOCK: &str = r",drawtext=font=Sans:text='%{pts\:gmtime\:0\:%M\\\:%S}':fontsize=150:fontcolor=white@0.92:x=(w-tw)/2:y=(h-th)/2-10:shadowcolor=black@0.25:shadowx=0:shadowy=3,drawtext=font=Sans:text='Shoal':fontsize=34:fontcolor=white@0.8:x=(w-tw)/2:y=h/2+95";

/// Four chords of six seconds, each swelling and fading, so that no change of chord clicks.
const SOUND: &str = r"aevalsrc=exprs='st(0\,mod(floor(t/6)\,4))\;st(1\,220*pow(2\,(eq(ld(0)\,1)*(-4)+eq(ld(0)\,2)*3+eq(ld(0)\,3)*(-2))/12))\;st(2\,pow(sin(PI*mod(t\,6)/6)\,2))\;0.09*ld(2)*(sin(PI*ld(1)*t)+0.7*sin(2*PI*ld(1)*t)+0.5*sin(2*PI*1.5*ld(1)*t)+0.35*sin(2*PI*2.5*ld(1)*t)+0.2*sin(2*PI*3*ld(1)*t))':s=48000:d=90";
