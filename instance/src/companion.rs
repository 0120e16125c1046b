//! What people put beside a video: the sidecar decides and cleans, the origin keeps the files, and here they meet.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use origin::Reply;
use origin::import::{self, Picture, Settings, ThumbnailError};
use origin::library::{Library, LibraryError};
use sidecar::thumbnails::NewThumbnail;
use sidecar::upload::{Cover, Refusal, Trouble};
use sidecar::{Sidecar, captions, thumbnails};
use wire::id::VideoId;

use crate::catalogue::Catalogue;
use crate::portrait::Portraits;
use crate::turns::Turns;
use crate::upload::hear_out;

/// Where captions and thumbnails come in.
#[derive(Debug, Clone)]
pub(crate) struct Companions {
    catalogue: Catalogue,
    sidecar: Arc<Sidecar>,
    library: Library,
    settings: Settings,
    turns: Turns,
}

impl Companions {
    pub(crate) fn new(catalogue: Catalogue, settings: Settings) -> Companions {
        let (sidecar, library) = (Arc::clone(&catalogue.sidecar), catalogue.library.clone());
        Companions { catalogue, sidecar, library, settings, turns: Turns::new() }
    }

    /// Who makes the pictures of accounts and channels, in turn with these.
    pub(crate) fn portraits(&self) -> Portraits {
        let (sidecar, library) = (Arc::clone(&self.sidecar), self.library.clone());
        Portraits::new(sidecar, library, self.settings.clone(), self.turns.clone())
    }

    /// Whether a request is about captions or thumbnails, or may bring one with a change of its video.
    pub(crate) fn is_for(request: &Request<Incoming>) -> bool {
        let path = request.uri().path();
        captions::at(path).is_some()
            || thumbnails::at(path).is_some()
            || thumbnails::is_change(request)
    }

    /// Answers one request, and goes on to the end even if nobody is there to hear the answer.
    pub(crate) async fn answer(self, mut request: Request<Incoming>, peer: SocketAddr) -> Reply {
        let answering = async move {
            let is_picture = thumbnails::at(request.uri().path()).is_some();
            let turn = match self.turns.form() {
                Ok(turn) => turn,
                Err(refusal) => return refusal.answer(),
            };
            let answered = match (request.method().clone(), is_picture) {
                _ if thumbnails::is_change(&request) => self.change(&mut request, peer).await,
                (Method::OPTIONS, _) => Ok(self.sidecar.allow_captions()),
                (Method::PUT, false) => self.take(&mut request, peer).await,
                (Method::PUT, true) => self.take_thumbnail(&mut request, peer).await,
                (Method::DELETE, false) => self.remove(&request, peer).await,
                (Method::DELETE, true) => self.remove_thumbnail(&request, peer).await,
                _ => Ok(self.sidecar.refuse_captions()),
            };
            match answered {
                Ok(reply) => reply,
                Err(refusal) => {
                    drop(turn);
                    hear_out(request.body_mut()).await;
                    refusal.answer()
                }
            }
        };
        tokio::spawn(answering).await.unwrap_or_else(|_| {
            let text = "this cannot be done just now\n";
            origin::serve::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        })
    }

    /// The file comes before the row that names it, and goes after: what is told of is there.
    async fn take(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Reply, Refusal> {
        let new = self.sidecar.read_caption(request, peer).await?;
        let (video, file, text) = (new.video, new.file.clone(), new.text.clone());
        let keep = move |library: &Library| library.keep_companion(&video, &file, text.as_bytes());
        self.on_disk(keep).await?;
        let kept = self.sidecar.keep_caption(&new).await;
        let (gone, answer) = match kept {
            Ok(old) => (old, Ok(self.sidecar.tell_done())),
            Err(refusal) => (Some(new.file), Err(refusal)),
        };
        if let Some(file) = gone {
            self.discard(video, file).await;
        }
        answer
    }

    async fn remove(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Reply, Refusal> {
        let (path, headers) = (request.uri().path(), request.headers());
        let (video, file) = self.sidecar.forget_caption(path, headers, peer).await?;
        self.discard(video, file).await;
        Ok(self.sidecar.tell_done())
    }

    async fn take_thumbnail(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Reply, Refusal> {
        let new = self.sidecar.read_thumbnail(request, peer).await?;
        self.make(new.video, &new.file, &new.picture).await?;
        self.keep_thumbnail(new).await?;
        Ok(self.sidecar.tell_done())
    }

    /// Changes a video as a form says that may have a picture in it: all of it, or nothing.
    async fn change(
        &self,
        request: &mut Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Reply, Refusal> {
        let change = self.sidecar.read_change(request, peer).await?;
        if let Some(new) = &change.thumbnail {
            self.make(new.video, &new.file, &new.picture).await?;
        }
        let changed = self.sidecar.change_as_read(&change).await;
        match (changed, change.thumbnail) {
            (Ok(()), Some(new)) => self.keep_thumbnail(new).await?,
            (Ok(()), None) => {}
            (Err(refusal), new) => {
                if let Some(new) = new {
                    self.discard(new.video, new.file).await;
                }
                return Err(refusal);
            }
        }
        // Who may have the media is told before anybody hears that it has changed.
        let told = self.catalogue.tell_access().await;
        told.map_err(|error| Trouble::Machine(format!("{error:#}")))?;
        Ok(self.sidecar.tell_done())
    }

    /// Makes the picture of a video that is still on its way in.
    pub(crate) async fn make_cover(&self, cover: Cover) -> Result<(), Refusal> {
        let picture = thumbnails::Picture::Sent(cover.bytes);
        let made = self.make(cover.video, &cover.file, &picture).await;
        if made.is_err() {
            self.forget(cover.video).await;
        }
        made
    }

    /// Removes the picture of a video that doesn't come; if that fails, it is swept away later.
    pub(crate) async fn forget(&self, video: VideoId) {
        if self.on_disk(move |library| library.remove_companions(&video)).await.is_err() {
            tracing::warn!(%video, "the picture of a video that never comes is removed later");
        }
    }

    /// Makes the file that the row is to name.
    async fn make(
        &self,
        video: VideoId,
        file: &str,
        picture: &thumbnails::Picture,
    ) -> Result<(), Refusal> {
        let turn = self.turns.picture().await?;
        let (library, settings) = (self.library.clone(), self.settings.clone());
        let picture = match picture {
            thumbnails::Picture::Sent(bytes) => Picture::Sent(bytes.clone()),
            thumbnails::Picture::At(seconds) => Picture::At(*seconds),
        };
        let file = file.to_owned();
        let making = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let jpeg = import::thumbnail(&library, &video, &picture, &settings)?;
            Ok(library.keep_companion(&video, &file, &jpeg)?)
        });
        match making.await.map_err(|error| Trouble::Machine(error.to_string()))? {
            Ok(()) => Ok(()),
            Err(ThumbnailError::Picture(reason)) => {
                tracing::debug!(reason, "a picture can't be used");
                Err(self.sidecar.refuse_picture())
            }
            Err(error) => Err(Trouble::Machine(error.to_string()).into()),
        }
    }

    async fn keep_thumbnail(&self, new: NewThumbnail) -> Result<(), Refusal> {
        let video = new.video;
        let (gone, answer) = match self.sidecar.keep_thumbnail(&new).await {
            Ok(old) => (old, Ok(())),
            Err(refusal) => (Some(new.file), Err(refusal)),
        };
        if let Some(file) = gone {
            self.discard(video, file).await;
        }
        answer
    }

    async fn remove_thumbnail(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Reply, Refusal> {
        let (path, headers) = (request.uri().path(), request.headers());
        if let Some((video, file)) = self.sidecar.forget_thumbnail(path, headers, peer).await? {
            self.discard(video, file).await;
        }
        Ok(self.sidecar.tell_done())
    }

    /// Removes what nothing names any more; if that fails, it goes with the video.
    async fn discard(&self, video: VideoId, file: String) {
        let removed = self.on_disk(move |library| library.remove_companion(&video, &file)).await;
        if removed.is_err() {
            tracing::warn!(%video, "a file that nobody needs stays beside a video");
        }
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Library) -> Result<T, LibraryError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let library = self.library.clone();
        let worked = tokio::task::spawn_blocking(move || work(&library)).await;
        let worked = worked.map_err(|error| Trouble::Machine(error.to_string()))?;
        Ok(worked.map_err(|error| Trouble::Machine(error.to_string()))?)
    }
}
