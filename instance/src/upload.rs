//! `videos/upload-resumable`, `source/replace-resumable` and `videos/upload`: the sidecar decides, the origin keeps the bytes, and here they meet.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use origin::Reply;
use origin::uploads::{Part, UploadError, UploadId, Uploads};
use sidecar::Sidecar;
use sidecar::upload::{Allowed, Refusal, SIMPLE, Target, Trouble};

use crate::companion::Companions;

/// Where files come in.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    sidecar: Arc<Sidecar>,
    uploads: Arc<Uploads>,
    /// Who makes pictures.
    companions: Companions,
}

impl Door {
    pub(crate) fn new(
        sidecar: Arc<Sidecar>,
        uploads: Arc<Uploads>,
        companions: Companions,
    ) -> Door {
        Door { sidecar, uploads, companions }
    }

    /// Whether a path is one of those that files are sent to.
    pub(crate) fn is_at(path: &str) -> bool {
        path == SIMPLE || Target::parse(path).is_some()
    }

    /// Answers one request, and goes on to the end of what came even if nobody is there to hear the answer.
    pub(crate) async fn answer(self, mut request: Request<Incoming>) -> Reply {
        let answering = async move {
            match self.take_in(&mut request).await {
                Ok(reply) => reply,
                Err(refusal) => {
                    hear_out(request.body_mut()).await;
                    refusal.answer()
                }
            }
        };
        // Whoever answers a connection is dropped with it, in the midst of whatever.
        let answered = tokio::spawn(answering).await;
        answered.unwrap_or_else(|_| {
            origin::serve::text(StatusCode::INTERNAL_SERVER_ERROR, "the upload failed\n")
        })
    }

    async fn take_in(&self, request: &mut Request<Incoming>) -> Result<Reply, Refusal> {
        match (Target::parse(request.uri().path()), request.method().clone()) {
            (_, Method::OPTIONS) => Ok(self.sidecar.allow_upload()),
            (Some(target), Method::POST) => self.begin(target, request).await,
            (Some(_), Method::PUT) => self.go_on(request).await,
            (Some(_), Method::DELETE) => self.cancel(request).await,
            (None, Method::POST) => self.take_form(request).await,
            _ => Ok(self.sidecar.refuse_method()),
        }
    }

    async fn begin(
        &self,
        target: Target,
        request: &mut Request<Incoming>,
    ) -> Result<Reply, Refusal> {
        let (upload, cover) = self.sidecar.begin_upload(request).await?;
        self.make_room(&upload).await?;
        if let Some(cover) = cover
            && let Err(refusal) = self.companions.make_cover(cover).await
        {
            self.forget(&upload).await;
            return Err(refusal);
        }
        Ok(self.sidecar.tell_begun(target, &upload))
    }

    async fn go_on(&self, request: &mut Request<Incoming>) -> Result<Reply, Refusal> {
        let query = request.uri().query().map(str::to_owned);
        let sent = self.sidecar.find_upload(request.headers(), query.as_deref()).await?;
        let upload = sent.upload;
        if sent.is_settled {
            return self.sidecar.complete_upload(&upload.id).await;
        }
        let id = read_id(&upload)?;
        let have = match sent.part {
            None => self.uploads.have(id).await,
            Some(range) => {
                let part = Part { at: range.start, until: range.end, whole: upload.bytes };
                let appended = self.uploads.append(id, part, request.body_mut()).await;
                appended.map(|appended| appended.have)
            }
        };
        let have = have.map_err(trouble)?;
        if have == upload.bytes {
            self.sidecar.complete_upload(&upload.id).await
        } else {
            self.sidecar.tell_progress(&upload, have).await
        }
    }

    async fn cancel(&self, request: &Request<Incoming>) -> Result<Reply, Refusal> {
        let query = request.uri().query();
        let (gone, expected) = self.sidecar.cancel_upload(request.headers(), query).await?;
        if let Ok(id) = gone.parse() {
            self.uploads.remove(id).await.map_err(trouble)?;
        }
        if let Some(video) = expected {
            self.companions.forget(video).await;
        }
        Ok(self.sidecar.tell_cancelled())
    }

    async fn take_form(&self, request: &mut Request<Incoming>) -> Result<Reply, Refusal> {
        let headers = request.headers().clone();
        let mut sending = self.sidecar.open_form(&headers, request.body_mut()).await?;
        let (upload, mut file) = self.sidecar.next_file(&mut sending).await?;
        let taken = async {
            self.make_room(&upload).await?;
            let id = read_id(&upload)?;
            let part = Part { at: 0, until: upload.bytes, whole: upload.bytes };
            let appended = self.uploads.append(id, part, &mut file).await;
            let appended = appended.map_err(|error| match error {
                UploadError::TooMany => Refusal::from(Trouble::BeyondQuota),
                error => trouble(error),
            })?;
            drop(file);
            if !appended.is_ended {
                return Err(Trouble::BrokenOff.into());
            }
            let cover = self.sidecar.close_form(sending, &upload.id, appended.have).await?;
            if let Some(cover) = cover {
                self.companions.make_cover(cover).await?;
            }
            self.uploads.settle(id).await.map_err(trouble)?;
            self.sidecar.complete_upload(&upload.id).await
        };
        let taken = taken.await;
        if taken.is_err() {
            self.forget(&upload).await;
        }
        taken
    }

    async fn make_room(&self, upload: &Allowed) -> Result<(), Refusal> {
        let (uploads, id, bytes) = (Arc::clone(&self.uploads), read_id(upload)?, upload.bytes);
        let begun = tokio::task::spawn_blocking(move || uploads.begin(id, bytes)).await;
        let begun = begun.map_err(|error| Trouble::Machine(error.to_string()))?;
        if begun.is_err() {
            self.sidecar.drop_upload(&upload.id).await;
        }
        begun.map_err(trouble)
    }

    /// Leaves nothing of an upload that cannot be gone on with.
    async fn forget(&self, upload: &Allowed) {
        self.sidecar.drop_upload(&upload.id).await;
        if let Ok(id) = upload.id.parse()
            && let Err(error) = self.uploads.remove(id).await
        {
            tracing::warn!("an upload is removed later: {error}");
        }
    }
}

fn read_id(upload: &Allowed) -> Result<UploadId, Refusal> {
    let id = upload.id.parse();
    id.map_err(|_| Trouble::Machine(format!("{:?} is no upload of ours", upload.id)).into())
}

fn trouble(error: UploadError) -> Refusal {
    let trouble = match error {
        UploadError::Elsewhere(have) => Trouble::Elsewhere(have),
        UploadError::TooMany => Trouble::TooMany,
        UploadError::Superseded => Trouble::Superseded,
        UploadError::NoSpace => Trouble::NoSpace,
        UploadError::Io(_) => Trouble::Machine(error.to_string()),
    };
    trouble.into()
}

/// Reads over the rest of a body of bearable length: whoever still sends would take a closed connection for a dead one, and
/// never read why.
pub(crate) async fn hear_out(body: &mut Incoming) {
    let mut room = HEARD_OUT;
    let hearing = async {
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, bytes::Bytes::len);
            match room.checked_sub(length) {
                Some(left) if !body.is_end_stream() => room = left,
                _ => return,
            }
        }
    };
    // Whoever takes longer is cut off.
    let _ = tokio::time::timeout(HEARING, hearing).await;
}

/// A part as PeerTube's programs send them.
const HEARD_OUT: usize = 16 << 20;
const HEARING: Duration = Duration::from_secs(10);
