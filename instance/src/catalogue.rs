//! What keeps catalogue and media of one mind: after a start, and now and then.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use origin::Reply;
use origin::library::{Access, Library, LibraryError, Video};
use origin::uploads::{UploadId, Uploads};
use sidecar::Sidecar;
use sidecar::adoption::{Differences, Newcomer};
use sidecar::upload::Refusal;
use tokio_util::sync::CancellationToken;
use wire::id::VideoId;

use crate::worker::made;

/// Both sides of an instance.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    pub(crate) sidecar: Arc<Sidecar>,
    pub(crate) library: Library,
    pub(crate) uploads: Arc<Uploads>,
}

impl Catalogue {
    /// Mends what a killed process left, before any worker begins. What fails is done after the next start.
    pub(crate) async fn mend(&self) {
        let mended = async {
            self.sidecar.take_back_work().await?;
            self.withdraw_deleted().await?;
            self.adopt().await?;
            self.tell_access().await?;
            self.finish_uploads().await
        };
        if let Err(error) = mended.await {
            tracing::warn!("the catalogue and the media differ: {error:#}");
        }
    }

    /// Takes in at once what a new catalogue finds beside it, unless that is so much that visitors would wait.
    pub(crate) async fn begin(&self) {
        match self.on_disk(Library::ids).await {
            Ok(ids) if ids.len() <= FEW => self.mend().await,
            Ok(ids) => tracing::info!("{} videos come into the catalogue one by one", ids.len()),
            Err(error) => tracing::warn!("the library can't be listed: {error:#}"),
        }
    }

    /// How many bytes of an upload are there.
    pub(crate) fn arrived(&self, upload: &str) -> u64 {
        upload.parse().ok().and_then(|id| self.uploads.length(id).ok()).unwrap_or_default()
    }

    /// Has the sidecar answer; what that changes about who may have a video's media holds before anybody hears of it.
    pub(crate) async fn answer_api(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
    ) -> Reply {
        let reply = self.sidecar.answer(request, peer).await;
        let is_change = *request.method() == Method::PUT;
        if is_change
            && request.uri().path().starts_with(VIDEOS)
            && reply.status().is_success()
            && let Err(error) = self.tell_access().await
        {
            tracing::error!("who may have a video's media is told the origin later: {error:#}");
            let text = "this cannot be done just now\n";
            return origin::serve::text(StatusCode::INTERNAL_SERVER_ERROR, text);
        }
        reply
    }

    /// Removes what nobody needs any more, until the process is asked to end.
    pub(crate) async fn keep_house(&self, asked_to_end: CancellationToken) {
        let (mut often, mut seldom) = (tokio::time::interval(OFTEN), tokio::time::interval(SELDOM));
        let mut hourly = tokio::time::interval(HOURLY);
        loop {
            let kept = tokio::select! {
                () = asked_to_end.cancelled() => return,
                _ = often.tick() => self.keep_up().await,
                _ = seldom.tick() => self.sweep().await,
                _ = hourly.tick() => self.keep_up_slowly().await,
            };
            if let Err(error) = kept {
                tracing::warn!("cannot keep house: {error:#}");
            }
        }
    }

    async fn keep_up_slowly(&self) -> anyhow::Result<()> {
        self.roll_views().await?;
        self.sweep_companions().await
    }

    /// Removes pictures of videos that never came.
    async fn sweep_companions(&self) -> anyhow::Result<()> {
        let there = self.on_disk(|library| library.old_companions(LONG)).await?;
        let expected = self.sidecar.expected_videos().await.map_err(told)?;
        for id in there.into_iter().filter(|id| !expected.contains(id)) {
            if !self.sidecar.knows(&id).await? {
                self.on_disk(move |library| library.remove_companions(&id)).await?;
            }
        }
        Ok(())
    }

    /// What was watched eight days ago is no longer of the last seven.
    async fn roll_views(&self) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(self.sidecar.roll_views(i64::try_from(now.as_millis())?).await?)
    }

    async fn keep_up(&self) -> anyhow::Result<()> {
        self.withdraw_deleted().await?;
        self.sidecar.keep_schedules().await?;
        self.tell_access().await?;
        Ok(self.sidecar.look_after_work().await?)
    }

    async fn withdraw_deleted(&self) -> anyhow::Result<()> {
        withdraw_deleted(&self.sidecar, &self.library).await
    }

    /// Tells the origin who may read what, where that has changed in whichever way: by the clock, at a terminal, or just now from a
    /// page, whose visitor is answered afterwards.
    pub(crate) async fn tell_access(&self) -> anyhow::Result<()> {
        loop {
            let due = self.sidecar.access_due().await?;
            if due.is_empty() {
                return Ok(());
            }
            for access in due {
                set_access(&self.sidecar, &self.library, access.video).await?;
            }
        }
    }

    /// Takes in the videos that the catalogue doesn't know, and marks those of it whose media is gone.
    async fn adopt(&self) -> anyhow::Result<()> {
        let there: HashSet<VideoId> = self.on_disk(Library::ids).await?.into_iter().collect();
        let Differences { marked, unknown } = self.sidecar.reconcile(&there).await?;
        let mut adopted = 0;
        for video in
            self.on_disk(move |library| Ok::<_, LibraryError>(whole(library, &unknown))).await?
        {
            match self.adopt_one(&video).await {
                Ok(is_new) => adopted += usize::from(is_new),
                Err(error) => {
                    tracing::warn!(video = video.id, "cannot take a video in: {error}");
                }
            }
        }
        if adopted > 0 {
            tracing::info!("taken into the catalogue: {adopted}");
        }
        if marked > 0 {
            tracing::warn!("{marked} videos of the catalogue have no media");
        }
        Ok(())
    }

    async fn adopt_one(&self, video: &Video) -> anyhow::Result<bool> {
        let Ok(uuid) = video.id.parse() else { return Ok(false) };
        let newcomer = Newcomer {
            uuid,
            title: video.title.clone(),
            bytes: video.renditions.iter().map(|rendition| rendition.bytes).sum(),
            channel: video.channel.clone(),
            is_open: video.access.is_open(),
        };
        let published_at = i64::try_from(video.published_at_ms).unwrap_or(i64::MAX);
        Ok(self.sidecar.adopt(&newcomer, published_at, &made(video)).await?)
    }

    /// Makes videos of uploads that are whole, and of which the process that took them in could not say so any more.
    async fn finish_uploads(&self) -> anyhow::Result<()> {
        for upload in self.sidecar.open_uploads().await.map_err(told)? {
            let Ok(id) = upload.id.parse::<UploadId>() else { continue };
            if self.uploads.length(id)? == upload.bytes
                && let Err(refusal) = self.sidecar.complete_upload(&upload.id).await
            {
                tracing::warn!("an upload that is whole stays one: {refusal}");
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> anyhow::Result<()> {
        self.sidecar.forget_old_work().await?;
        self.sidecar.forget_heard().await?;
        let uploads = Arc::clone(&self.uploads);
        let there = tokio::task::spawn_blocking(move || uploads.all()).await?;
        let there = there.context("cannot list the uploads")?;
        let needed = self.sidecar.needed_uploads().await.map_err(told)?;
        let needed: HashSet<UploadId> = needed.iter().filter_map(|id| id.parse().ok()).collect();
        for id in there.into_iter().filter(|id| !needed.contains(id)) {
            self.uploads.remove(id).await?;
        }
        self.sweep_pictures().await
    }

    async fn sweep_pictures(&self) -> anyhow::Result<()> {
        let needed: HashSet<String> =
            self.sidecar.needed_pictures().await.map_err(told)?.into_iter().collect();
        // What stands before the width.
        let is_needed =
            move |file: &str| file.rsplit_once('-').is_some_and(|(name, _)| needed.contains(name));
        self.on_disk(move |library| library.sweep_pictures(is_needed)).await
    }

    async fn on_disk<T: Send + 'static, E: Into<anyhow::Error> + Send + 'static>(
        &self,
        work: impl FnOnce(&Library) -> Result<T, E> + Send + 'static,
    ) -> anyhow::Result<T> {
        let library = self.library.clone();
        tokio::task::spawn_blocking(move || work(&library)).await?.map_err(Into::into)
    }
}

/// Lets read a video who may, before anybody is told of it.
pub(crate) async fn admit(
    sidecar: &Sidecar,
    library: &Library,
    uuid: VideoId,
) -> anyhow::Result<()> {
    set_access(sidecar, library, uuid).await
}

/// Removes what is left of deleted videos.
pub(crate) async fn withdraw_deleted(sidecar: &Sidecar, library: &Library) -> anyhow::Result<()> {
    loop {
        let due = sidecar.withdrawals().await?;
        if due.is_empty() {
            return Ok(());
        }
        for uuid in due {
            let library = library.clone();
            let removing = tokio::task::spawn_blocking(move || {
                library.withdraw(&uuid)?;
                library.remove_companions(&uuid)
            });
            removing.await??;
            sidecar.note_withdrawn(&uuid).await?;
        }
    }
}

async fn set_access(sidecar: &Sidecar, library: &Library, uuid: VideoId) -> anyhow::Result<()> {
    // What is read, told and noted belongs together.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = TURN.lock().await;
    let told = sidecar.access(uuid).await?;
    let (library, access) = (library.clone(), access_of(told.is_open));
    tokio::task::spawn_blocking(move || library.set_access(&told.video, access)).await??;
    Ok(sidecar.note_access(told).await?)
}

/// In the origin's words.
pub(crate) fn access_of(is_open: bool) -> Access {
    if is_open { Access::Open } else { Access::Capability }
}

/// Those of the videos that are made to their end, the oldest first; one that can't be read is passed over with a warning.
fn whole(library: &Library, ids: &[VideoId]) -> Vec<Video> {
    let read = |id: &VideoId| match library.video(id) {
        Ok(video) => video.filter(|video| !video.is_importing),
        Err(error) => {
            tracing::warn!(%error, "passing over a video");
            None
        }
    };
    let mut videos: Vec<Video> = ids.iter().filter_map(read).collect();
    videos.sort_by(|a, b| (a.published_at_ms, &a.id).cmp(&(b.published_at_ms, &b.id)));
    videos
}

fn told(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{refusal}")
}

/// Under which paths the API changes a video.
const VIDEOS: &str = "/api/v1/videos/";

/// Videos that are taken in within a second.
const FEW: usize = 200;

/// How soon the media of a deleted video is gone.
const OFTEN: Duration = Duration::from_secs(2);

/// How long after midnight (UTC) a day's views are forgotten at the latest.
const HOURLY: Duration = Duration::from_secs(3_600);

/// How old what belongs to no video must be before it is removed: an upload lives for a day.
const LONG: Duration = Duration::from_secs(2 * 86_400);

/// Uploads live for a day: a little longer does no harm.
const SELDOM: Duration = Duration::from_secs(600);
