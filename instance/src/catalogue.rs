//! What keeps catalogue and media of one mind: after a start, and now and then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use origin::library::{Access, Library, Video};
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
            self.finish_uploads().await
        };
        if let Err(error) = mended.await {
            tracing::warn!("the catalogue and the media differ: {error:#}");
        }
    }

    /// Removes what nobody needs any more, until the process is asked to end.
    pub(crate) async fn keep_house(&self, asked_to_end: CancellationToken) {
        let (mut often, mut seldom) = (tokio::time::interval(OFTEN), tokio::time::interval(SELDOM));
        loop {
            let kept = tokio::select! {
                () = asked_to_end.cancelled() => return,
                _ = often.tick() => self.keep_up().await,
                _ = seldom.tick() => self.sweep().await,
            };
            if let Err(error) = kept {
                tracing::warn!("cannot keep house: {error:#}");
            }
        }
    }

    /// Has the origin ask for a capability, or no longer, as the catalogue has it of a video: called when that may have
    /// changed, before anybody is told that it has.
    pub(crate) async fn align(&self, key: &str) -> anyhow::Result<()> {
        let Some((uuid, is_open)) = self.sidecar.is_open(key).await? else { return Ok(()) };
        let access = if is_open { Access::Open } else { Access::Capability };
        self.on_disk(move |library| library.set_access(&uuid, access)).await?;
        Ok(())
    }

    async fn keep_up(&self) -> anyhow::Result<()> {
        self.withdraw_deleted().await?;
        for uuid in self.sidecar.keep_schedules().await? {
            self.align(&uuid).await?;
        }
        Ok(self.sidecar.look_after_work().await?)
    }

    async fn withdraw_deleted(&self) -> anyhow::Result<()> {
        for uuid in self.sidecar.withdrawals().await? {
            self.on_disk(move |library| library.withdraw(&uuid)).await?;
            self.sidecar.note_withdrawn(&uuid).await?;
        }
        Ok(())
    }

    /// Takes in the videos that the catalogue doesn't know, and marks those of it whose media is gone.
    async fn adopt(&self) -> anyhow::Result<()> {
        let there: HashSet<VideoId> = self.on_disk(Library::ids).await?.into_iter().collect();
        let Differences { marked, unknown } = self.sidecar.reconcile(&there).await?;
        for id in unknown {
            let adopted = match self.on_disk(move |library| library.video(&id)).await {
                Ok(Some(video)) if !video.is_importing => self.adopt_one(&video).await,
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = adopted {
                tracing::warn!(video = %id, "cannot take a video in: {error}");
            }
        }
        if marked > 0 {
            tracing::warn!("{marked} videos of the catalogue have no media");
        }
        Ok(())
    }

    async fn adopt_one(&self, video: &Video) -> anyhow::Result<()> {
        let Ok(uuid) = video.id.parse() else { return Ok(()) };
        let newcomer = Newcomer {
            uuid,
            title: video.title.clone(),
            bytes: video.renditions.iter().map(|rendition| rendition.bytes).sum(),
            channel: video.channel.clone(),
        };
        let published_at = i64::try_from(video.published_at_ms).unwrap_or(i64::MAX);
        if self.sidecar.adopt(&newcomer, published_at, &made(video)).await? {
            tracing::info!(video = video.id, "a video is in the catalogue now");
        }
        Ok(())
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
        let uploads = Arc::clone(&self.uploads);
        let there = tokio::task::spawn_blocking(move || uploads.all()).await?;
        let there = there.context("cannot list the uploads")?;
        let needed = self.sidecar.needed_uploads().await.map_err(told)?;
        let needed: HashSet<UploadId> = needed.iter().filter_map(|id| id.parse().ok()).collect();
        for id in there.into_iter().filter(|id| !needed.contains(id)) {
            self.uploads.remove(id).await?;
        }
        Ok(())
    }

    async fn on_disk<T: Send + 'static, E: Into<anyhow::Error> + Send + 'static>(
        &self,
        work: impl FnOnce(&Library) -> Result<T, E> + Send + 'static,
    ) -> anyhow::Result<T> {
        let library = self.library.clone();
        tokio::task::spawn_blocking(move || work(&library)).await?.map_err(Into::into)
    }
}

fn told(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{refusal}")
}

/// How soon the media of a deleted video is gone.
const OFTEN: Duration = Duration::from_secs(2);

/// Uploads live for a day: a little longer does no harm.
const SELDOM: Duration = Duration::from_secs(600);
