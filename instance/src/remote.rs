//! `shoal worker`: makes videos for a server on another machine, and brings it the renditions.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use origin::import::{self, Event, ImportError, Request, Settings};
use origin::library::{Access, Library, Video};
use tokio::sync::watch;
use ureq::{Agent, SendBody};
use wire::id::VideoId;

use crate::hired::{Failure, Job, PREFIX, Progress};
use crate::tell;

/// A server that hires us.
struct Server {
    agent: Agent,
    url: String,
    token: String,
}

/// Works for `url` until it is interrupted; what is under way is then given back.
pub(crate) fn run(
    url: &str,
    token: &str,
    data: &Path,
    settings: &Settings,
    interrupted: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let library = Library::open(data)?;
    let config = Agent::config_builder()
        .timeout_connect(Some(PATIENCE))
        .timeout_send_request(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .max_redirects(0)
        .build();
    let server =
        Server { agent: config.into(), url: format!("{url}{PREFIX}"), token: token.to_owned() };
    tell(&format!("working for {url}"));
    while !interrupted.load(Ordering::Relaxed) {
        match server.claim() {
            Ok(Some(job)) => {
                let title = job.title.clone();
                match make(&server, &library, job, data, settings, interrupted) {
                    Ok(told) => tell(&format!("{title}: {told}")),
                    Err(error) => tell(&format!("{title}: {error:#}")),
                }
            }
            Ok(None) => rest(interrupted),
            Err(Asked::Refused(401)) => {
                anyhow::bail!("{url} does not take this token: see [worker] in its configuration")
            }
            Err(error) => {
                tell(&format!("cannot ask for work: {error}"));
                rest(interrupted);
            }
        }
    }
    Ok(())
}

/// Makes one video, and says what became of it.
fn make(
    server: &Server,
    library: &Library,
    job: Job,
    data: &Path,
    settings: &Settings,
    interrupted: &Arc<AtomicBool>,
) -> anyhow::Result<String> {
    let id: VideoId = job.uuid.parse().context("the server names no video")?;
    let source = data.join("source");
    let settings = Settings {
        heights: job.heights.clone(),
        preset: job.preset.clone(),
        crf: job.crf,
        ..settings.clone()
    };
    let cancelled = Arc::new(AtomicBool::new(false));
    let (tell, told) = watch::channel(Progress { is_probing: true, percent: 0 });
    let made = std::thread::scope(|scope| {
        let alive = scope.spawn(|| keep_telling(server, &job.name, &told, interrupted, &cancelled));
        // Moved in here, so that it is gone even if the work unwinds, and whoever tells of it ends.
        let tell = tell;
        let work = || -> Result<Video, Ended> {
            server.fetch(&job.name, &source)?;
            let title = Some(job.title.clone());
            let request = Request {
                id: Some(id),
                file: source.clone(),
                title,
                channel: None,
                // Nobody reads it here, and there the server decides.
                access: Access::Capability,
            };
            let mut report = |event: Event<'_>| {
                if let Event::Progress(progress) = event {
                    let is_probing = progress.stage == import::Stage::Reading;
                    // The last percents are the way to the server.
                    let percent = (progress.done * 95.0) as u8;
                    tell.send_modify(|told| *told = Progress { is_probing, percent });
                }
            };
            // The server signs what it is brought: nobody else has its key.
            let made = import::import(library, &request, &settings, None, &cancelled, &mut report);
            let video = made?;
            server.bring(&job.name, &library.video_dir(&id), &video)?;
            Ok(video)
        };
        let made = work();
        drop(tell);
        // It ends when nobody can tell it anything any more.
        let _ = alive.join();
        made
    });
    let _ = fs::remove_file(&source);
    library.withdraw(&id)?;
    match made {
        Ok(_) => Ok("made".to_owned()),
        Err(Ended::Import(ImportError::Cancelled)) => {
            // If it is lost, somebody else has it already.
            let _ = server.post(&format!("{}/return", job.name), "");
            Ok("given back".to_owned())
        }
        Err(Ended::Import(error)) => {
            let reason = error.to_string().replace(&*source.to_string_lossy(), "the file");
            let failure = Failure { reason: reason.clone(), is_final: error.is_final() };
            server.post(&format!("{}/fail", job.name), &serde_json::to_string(&failure)?)?;
            Ok(reason)
        }
        Err(Ended::Server(error)) => Err(error.into()),
    }
}

/// Tells how far it is, so that the job stays ours; cancels when it doesn't, or we are interrupted.
fn keep_telling(
    server: &Server,
    name: &str,
    told: &watch::Receiver<Progress>,
    interrupted: &AtomicBool,
    cancelled: &AtomicBool,
) {
    let mut rest = Duration::ZERO;
    while told.has_changed().is_ok() {
        if interrupted.load(Ordering::Relaxed) {
            cancelled.store(true, Ordering::Relaxed);
        }
        if rest.is_zero() {
            let now = serde_json::to_string(&*told.borrow()).unwrap_or_default();
            if let Err(Asked::Refused(404)) = server.post(&format!("{name}/progress"), &now) {
                cancelled.store(true, Ordering::Relaxed);
            }
            rest = WORD;
        }
        std::thread::sleep(GLANCE);
        rest = rest.saturating_sub(GLANCE);
    }
}

impl Server {
    fn claim(&self) -> Result<Option<Job>, Asked> {
        let text = self.post("claim", "")?;
        if text.is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text).map(Some).map_err(|_| Asked::Strange)
    }

    fn post(&self, path: &str, body: &str) -> Result<String, Asked> {
        let sending = self.agent.post(format!("{}{path}", self.url));
        let mut reply = sending.header("Authorization", self.bearer()).send(body)?;
        Ok(reply.body_mut().with_config().limit(MOST_ANSWER).read_to_string()?)
    }

    /// Fetches the uploaded file.
    fn fetch(&self, name: &str, to: &Path) -> Result<(), Asked> {
        let asking = self.agent.get(format!("{}{name}/source", self.url));
        let reply = asking.header("Authorization", self.bearer()).call()?;
        io::copy(&mut reply.into_body().into_reader(), &mut File::create(to)?)?;
        Ok(())
    }

    /// Brings all files that were made, and then the record.
    fn bring(&self, name: &str, folder: &Path, video: &Video) -> Result<(), Asked> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let file = entry.file_name();
            let url = format!("{}{name}/files/{}", self.url, file.to_string_lossy());
            let length = entry.metadata()?.len();
            let sending = self.agent.put(url).header("Authorization", self.bearer());
            let sending = sending.header("Content-Length", length);
            sending.send(SendBody::from_owned_reader(File::open(entry.path())?))?;
        }
        let record = serde_json::to_string(video).map_err(|_| Asked::Strange)?;
        self.post(&format!("{name}/finish"), &record).map(drop)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

/// Why no video came of a job.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Server(#[from] Asked),
}

/// Why the server didn't answer as it should.
#[derive(Debug, thiserror::Error)]
enum Asked {
    #[error("the server answers {0}")]
    Refused(u16),
    #[error("the server answers something strange")]
    Strange,
    #[error(transparent)]
    Line(ureq::Error),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl From<ureq::Error> for Asked {
    fn from(error: ureq::Error) -> Asked {
        match error {
            ureq::Error::StatusCode(status) => Asked::Refused(status),
            error => Asked::Line(error),
        }
    }
}

fn rest(interrupted: &AtomicBool) {
    for _ in 0..PAUSES {
        if !interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(GLANCE);
        }
    }
}

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How soon an interruption is seen.
const GLANCE: Duration = Duration::from_millis(100);

/// Of these, a pause between two questions for work.
const PAUSES: u32 = 50;

/// How often the server hears from us: several times before it gives us up.
const WORD: Duration = Duration::from_secs(5);

/// A job in JSON has some hundred bytes.
const MOST_ANSWER: u64 = 64 << 10;
