//! Workers: each takes one job after the other from the sidecar, lets the origin make a video of the uploaded file, and
//! tells how far it is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use origin::import::{self, Event, ImportError, Request, Settings};
use origin::library::{Access, Library, Rendition, Storyboard, Video};
use origin::uploads::Uploads;
use serde::Serialize;
use sidecar::Sidecar;
use sidecar::publishing::Stage;
use sidecar::work::{Claim, Made, WorkError};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::catalogue::admit;
use crate::signing;

/// What the workers of one process share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) sidecar: Arc<Sidecar>,
    pub(crate) library: Library,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) settings: Settings,
}

impl Worker {
    /// Runs as many workers as the settings say, until the process is asked to end and each has let go of its job.
    pub(crate) async fn run(self: Arc<Worker>, asked_to_end: CancellationToken) {
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..self.settings.parallel {
            workers.spawn(Arc::clone(&self).work(asked_to_end.clone()));
        }
        while workers.join_next().await.is_some() {}
    }

    async fn work(self: Arc<Worker>, asked_to_end: CancellationToken) {
        while !asked_to_end.is_cancelled() {
            let pause = match self.sidecar.claim_work().await {
                Ok(Some(claim)) => {
                    self.make(&claim, &asked_to_end).await;
                    continue;
                }
                Ok(None) => Duration::ZERO,
                Err(error) => {
                    tracing::warn!("cannot look for work: {error}");
                    BREATH
                }
            };
            let waiting = async {
                tokio::time::sleep(pause).await;
                self.sidecar.wait_for_work().await;
            };
            tokio::select! {
                () = waiting => {}
                () = asked_to_end.cancelled() => {}
            }
        }
    }

    async fn make(&self, claim: &Claim, asked_to_end: &CancellationToken) {
        tracing::info!(video = %claim.uuid, "making a video");
        let made = match self.made_before(claim) {
            Some(video) => Ok(video),
            None => self.import(claim, asked_to_end).await,
        };
        let told = match made {
            Ok(video) => self.finish(claim, &video).await,
            Err(ImportError::Cancelled) => self.sidecar.return_work(claim).await,
            Err(error) => {
                let reason = self.reason(claim, &error);
                tracing::info!(video = %claim.uuid, reason, "no video came of it");
                self.sidecar.fail_work(claim, reason, error.is_final()).await
            }
        };
        if let Err(error) = told {
            tracing::warn!(video = %claim.uuid, "the job is done again later: {error}");
        }
    }

    /// What an attempt made whose last word was lost.
    fn made_before(&self, claim: &Claim) -> Option<Video> {
        let video = self.library.video(&claim.uuid).ok()??;
        let is_new = claim.replaced.as_ref() != Some(&made(&video).json);
        (is_new && !video.is_importing).then_some(video)
    }

    async fn finish(&self, claim: &Claim, video: &Video) -> Result<(), WorkError> {
        self.admit(claim).await;
        if !self.sidecar.finish_work(claim, &made(video)).await? {
            // Deleted meanwhile, or another worker's; that one makes it anew.
            return self.withdraw(claim).await;
        }
        if let Ok(id) = claim.upload.parse()
            && let Err(error) = self.uploads.remove(id).await
        {
            tracing::warn!("an upload is removed later: {error}");
        }
        Ok(())
    }

    /// Lets read a video who may; if that can't be said now, the catalogue says it later, and nobody may until then.
    async fn admit(&self, claim: &Claim) {
        if let Err(error) = admit(&self.sidecar, &self.library, claim.uuid).await {
            tracing::warn!("who may read a video is told the origin later: {error:#}");
        }
    }

    async fn withdraw(&self, claim: &Claim) -> Result<(), WorkError> {
        if !self.sidecar.knows(&claim.uuid).await?
            && let Err(error) = self.library.withdraw(&claim.uuid)
        {
            tracing::warn!(%error, "a deleted video's media stays");
        }
        Ok(())
    }

    /// Makes the renditions, and tells of it while it goes on.
    async fn import(
        &self,
        claim: &Claim,
        asked_to_end: &CancellationToken,
    ) -> Result<Video, ImportError> {
        let file = claim.upload.parse().map(|id| self.uploads.path(id));
        let file = file.map_err(|_| ImportError::Missing(claim.upload.clone().into()))?;
        let request = Request {
            id: Some(claim.uuid),
            file,
            title: Some(claim.title.clone()),
            channel: None,
            // Opened when it is shown, if it is to be.
            access: Access::Capability,
        };
        let cancelled = Arc::new(AtomicBool::new(false));
        let (tell, mut told) = watch::channel(Told::default());
        let mut importing = self.begin(request, Arc::clone(&cancelled), tell);
        let mut ticks = tokio::time::interval(TICK);
        let mut shown = false;
        let mut is_ending = false;
        loop {
            tokio::select! {
                ended = &mut importing => {
                    return ended.unwrap_or_else(|_| {
                        Err(ImportError::Unusable("the import ended without a word".to_owned()))
                    });
                }
                () = asked_to_end.cancelled(), if !is_ending => {
                    is_ending = true;
                    cancelled.store(true, Ordering::Relaxed);
                }
                _ = ticks.tick() => {
                    let now = told.borrow_and_update().clone();
                    if !self.tell(claim, &now, &mut shown).await {
                        cancelled.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// Imports on a thread of its own: ffmpeg ends with the thread that started it.
    fn begin(
        &self,
        request: Request,
        cancelled: Arc<AtomicBool>,
        tell: watch::Sender<Told>,
    ) -> oneshot::Receiver<Result<Video, ImportError>> {
        let (end, ended) = oneshot::channel();
        let (library, settings) = (self.library.clone(), self.settings.clone());
        std::thread::spawn(move || {
            let mut report = |event: Event<'_>| tell.send_modify(|told| told.hear(event));
            let signer = signing::ensure(&library.data_dir());
            let signer =
                signer.inspect_err(|error| tracing::warn!("a video is signed later: {error}"));
            let signer = signer.ok();
            let made = import::import(
                &library,
                &request,
                &settings,
                signer.as_ref(),
                &cancelled,
                &mut report,
            );
            // Nobody waits for it when the process ends.
            let _ = end.send(made);
        });
        ended
    }

    /// Tells how far it is; false if the job is to be given up.
    async fn tell(&self, claim: &Claim, now: &Told, shown: &mut bool) -> bool {
        let told = async {
            if let Some(video) = now.playable.as_ref().filter(|_| !*shown) {
                self.admit(claim).await;
                self.sidecar.show_work(claim, &made(video)).await?;
                *shown = true;
            }
            self.sidecar.tell_work(claim, now.stage, now.percent).await
        };
        told.await.unwrap_or_else(|error| {
            tracing::warn!("cannot tell how far a job is: {error}");
            // The database may come back before the job is somebody else's.
            true
        })
    }

    /// Why nothing came of a file, without where it lies on this machine.
    fn reason(&self, claim: &Claim, error: &ImportError) -> String {
        let hide = |text: String, path: &Path, shown: &str| {
            let quoted = format!("{path:?}");
            text.replace(&quoted, &format!("{shown:?}")).replace(&*path.to_string_lossy(), shown)
        };
        let mut text = error.to_string();
        if let Ok(id) = claim.upload.parse() {
            text = hide(text, &self.uploads.path(id), &claim.source_name);
        }
        hide(text, &self.library.data_dir(), "…")
    }
}

/// What an import said last.
#[derive(Debug, Clone)]
struct Told {
    stage: Stage,
    percent: u8,
    /// As soon as the first rendition is there.
    playable: Option<Arc<Video>>,
}

impl Default for Told {
    fn default() -> Told {
        Told { stage: Stage::Probing, percent: 0, playable: None }
    }
}

impl Told {
    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Progress(progress) => {
                self.percent = (progress.done * 100.0) as u8;
                self.stage = match progress.stage {
                    import::Stage::Reading => Stage::Probing,
                    import::Stage::First { .. } | import::Stage::Others { .. } => {
                        Stage::Transcoding
                    }
                };
            }
            Event::Playable(video) => self.playable = Some(Arc::new(video.clone())),
        }
    }
}

/// What the catalogue keeps of a video's media.
pub(crate) fn made(video: &Video) -> Made {
    #[derive(Serialize)]
    struct Media<'a> {
        master: &'a str,
        poster: &'a str,
        renditions: &'a [Rendition],
        #[serde(skip_serializing_if = "Option::is_none")]
        storyboard: Option<&'a Storyboard>,
    }
    let (master, poster, renditions) = (&*video.master, &*video.poster, &*video.renditions);
    let storyboard = video.storyboard.as_ref();
    let json = serde_json::to_string(&Media { master, poster, renditions, storyboard });
    let best = renditions.iter().max_by_key(|rendition| rendition.width * rendition.height);
    Made {
        json: json.expect("media is plain data"),
        duration: video.duration(),
        width: best.map_or(0, |best| best.width),
        height: best.map_or(0, |best| best.height),
    }
}

/// How often progress is told: as often as somebody who waits looks.
const TICK: Duration = Duration::from_secs(1);

/// Pause when the database doesn't answer.
const BREATH: Duration = Duration::from_secs(5);
