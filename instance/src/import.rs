//! `shoal import`: publishes a file while someone watches, and prints where it can be watched.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use origin::import::{Event, ImportError, Progress, Request, Stage};
use origin::library::{Access, Library, Video};
use sidecar::Sidecar;
use sidecar::adoption::{Newcomer, NewcomerError};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tokio::runtime::Runtime;
use wire::id::VideoId;

use crate::config::Config;
use crate::key;
use crate::signing;
use crate::tell;
use crate::worker::made;

/// What to publish.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The video or sound file; write ./-name.mp4 if it begins with a hyphen.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Title of the video [default: the file's name without its extension].
    #[arg(long, value_name = "TITLE", allow_hyphen_values = true)]
    title: Option<String>,
    /// Handle of the channel to publish it in [default: the administrator's first].
    #[arg(long, value_name = "HANDLE")]
    channel: Option<String>,
    /// Return only when all renditions are made, which import always does for now.
    #[arg(long)]
    wait: bool,
}

/// Imports the file; the last line on standard output is then the address of its page.
///
/// Exits with 130 when it was interrupted, 1 when anything else went wrong; nothing is published then. Whether somebody
/// still reads what it prints makes no difference.
///
/// # Errors
/// When it can't be told of signals; then nothing has begun.
pub(crate) fn run(
    args: ImportArgs,
    library: &Library,
    config: &Config,
    public_url: &str,
) -> anyhow::Result<ExitCode> {
    let id = origin::import::fresh_id();
    let request = Request {
        id: Some(id),
        file: args.file,
        title: args.title,
        channel: args.channel,
        access: Access::Open,
    };
    let mut display = Display::new(public_url);
    let cancelled = interruptions().context("cannot listen to signals")?;
    let signer = signing::ensure(&config.server.data)?;
    let entry = Entry::open(config, &request, id)?;
    let mut report = |event: Event<'_>| {
        if let Event::Playable(video) = event {
            entry.publish(video);
        }
        display.show(event);
    };
    let imported = origin::import::import(
        library,
        &request,
        &config.import,
        Some(&signer),
        &cancelled,
        &mut report,
    );
    display.bar.finish_and_clear();
    entry.close(imported.as_ref().ok());
    Ok(match imported {
        Ok(video) => {
            let _ = writeln!(io::stdout(), "{}", watch_url(public_url, &video));
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(&format!("shoal: {error}"));
            ExitCode::from(if matches!(error, ImportError::Cancelled) { INTERRUPTED } else { 1 })
        }
    })
}

/// The video in the catalogue, if there is one by now: the first `shoal serve` takes in what was imported before it.
struct Entry {
    catalogue: Option<(Runtime, Sidecar)>,
    id: VideoId,
}

impl Entry {
    /// Notes the video, in no list yet.
    fn open(config: &Config, request: &Request, id: VideoId) -> anyhow::Result<Entry> {
        if !Sidecar::is_there(&config.database, &config.server.data) {
            return Ok(Entry { catalogue: None, id });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let public_url = config.public_url(config.server.listen);
        let data = &config.server.data;
        let key = key::ensure(data)?;
        let opening = Sidecar::open(&config.database, &config.accounts, data, public_url, key);
        let sidecar = runtime.block_on(opening)?;
        let newcomer = Newcomer {
            uuid: id,
            // One that can't be is told by the import.
            title: origin::import::title(request).unwrap_or_default(),
            bytes: fs::metadata(&request.file).map_or(0, |found| found.len()),
            channel: request.channel.clone(),
            is_open: request.access.is_open(),
        };
        match runtime.block_on(sidecar.announce(&newcomer)) {
            Ok(()) => Ok(Entry { catalogue: Some((runtime, sidecar)), id }),
            Err(NewcomerError::NoAdministrator) => Ok(Entry { catalogue: None, id }),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts into the lists what can be watched by now.
    fn publish(&self, video: &Video) {
        let Some((runtime, sidecar)) = &self.catalogue else { return };
        if let Err(error) = runtime.block_on(sidecar.publish(&self.id, &made(video))) {
            tell(&format!(
                "shoal: the catalogue learns of this video when shoal serve starts: {error}"
            ));
        }
    }

    /// Says the last word: what was made, or that nothing came of it.
    fn close(self, video: Option<&Video>) {
        if let Some(video) = video {
            self.publish(video);
        }
        let Some((runtime, sidecar)) = self.catalogue else { return };
        let closed = runtime.block_on(async {
            let retracted = match video {
                Some(_) => Ok(()),
                None => sidecar.retract(&self.id).await,
            };
            sidecar.close().await;
            retracted
        });
        if let Err(error) = closed {
            tell(&format!("shoal: the catalogue keeps a video without media: {error}"));
        }
    }
}

/// Shows on standard error how it goes: a bar on a terminal, else a line now and then.
struct Display<'a> {
    public_url: &'a str,
    bar: ProgressBar,
    last: Option<(Stage, u32)>,
}

impl Display<'_> {
    fn new(public_url: &str) -> Display<'_> {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::new(STEPS)
        } else {
            ProgressBar::hidden()
        };
        let style = ProgressStyle::with_template("{msg} [{bar:32}] {percent:>3}% {prefix}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Display { public_url, bar, last: None }
    }

    fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Progress(progress) if self.bar.is_hidden() => self.line(progress),
            Event::Progress(Progress { stage, done, left }) => {
                self.bar.set_message(title(stage));
                self.bar.set_prefix(left.map(time_left).unwrap_or_default());
                self.bar.set_position((done * STEPS as f64) as u64);
            }
            Event::Playable(video) => {
                let url = watch_url(self.public_url, video);
                self.bar.suspend(|| tell(&format!("Playable: {url}")));
            }
        }
    }

    /// A line for each stage and each tenth of the work.
    fn line(&mut self, Progress { stage, done, left }: Progress) {
        let tenth = (done * 10.0) as u32;
        if self.last.replace((stage, tenth)) == Some((stage, tenth)) {
            return;
        }
        let left = left.map(|left| format!(", {}", time_left(left))).unwrap_or_default();
        tell(&format!("{}: {} %{left}", title(stage), (done * 100.0) as u32));
    }
}

fn title(stage: Stage) -> String {
    match stage {
        Stage::Reading => "Looking at the file".to_owned(),
        Stage::First { height } => format!("Making {height}p"),
        Stage::Others { count: 1 } => "Making one more rendition".to_owned(),
        Stage::Others { count } => format!("Making {count} more renditions"),
    }
}

fn time_left(left: Duration) -> String {
    match left.as_secs() {
        seconds @ 0..120 => format!("{seconds} s left"),
        seconds @ 120..7200 => format!("{} min left", seconds / 60),
        seconds => format!("{} h {} min left", seconds / 3600, seconds / 60 % 60),
    }
}

fn watch_url(public_url: &str, video: &Video) -> String {
    let short = video.id.parse().map_or_else(|_| video.id.clone(), |id: VideoId| id.short());
    format!("{public_url}/w/{short}")
}

/// Set by the first Ctrl-C or request to end; the second one ends the process at once, and ffmpeg with it.
pub(crate) fn interruptions() -> io::Result<Arc<AtomicBool>> {
    let cancelled = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register_conditional_shutdown(
            signal,
            i32::from(INTERRUPTED),
            Arc::clone(&cancelled),
        )?;
        signal_hook::flag::register(signal, Arc::clone(&cancelled))?;
    }
    Ok(cancelled)
}

/// What shells expect of a program ended by Ctrl-C: 128 and the signal's number.
const INTERRUPTED: u8 = 130;

/// Finer than any terminal is wide.
const STEPS: u64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        let told = |seconds| time_left(Duration::from_secs(seconds));
        assert_eq!(told(5), "5 s left");
        assert_eq!(told(300), "5 min left");
        assert_eq!(told(7 * 3600 + 125), "7 h 2 min left");
    }

    #[test]
    fn stages_are_told_in_words() {
        assert_eq!(title(Stage::First { height: 720 }), "Making 720p");
        assert_eq!(title(Stage::Others { count: 1 }), "Making one more rendition");
        assert_eq!(title(Stage::Others { count: 3 }), "Making 3 more renditions");
    }
}
