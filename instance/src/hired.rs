//! What workers on other machines ask for and bring, under `/api/shoal/v1/work/`, for whoever shows the token.
//!
//! ```text
//! POST claim                  → 200, the job's name and how to make the video; 204 when there is none
//! GET  <name>/source          → the uploaded file
//! POST <name>/progress        stage and percent, every few seconds; 404 when the job is somebody else's by now
//! PUT  <name>/files/<file>    each file that was made
//! POST <name>/finish          the record, which publishes all of them
//! POST <name>/fail            why nothing came of it
//! POST <name>/return          it is done by somebody else
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use origin::Reply;
use origin::import::Settings;
use origin::library::{Access, Intake, IntakeError, Library, Video};
use origin::signing::SigningError;
use origin::uploads::{Part, UploadError, Uploads};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sidecar::Sidecar;
use sidecar::publishing::Stage;
use sidecar::work::{Claim, WorkError};

use crate::catalogue::admit;
use crate::key::KeyError;
use crate::signing;
use crate::worker::made;

/// Under which paths workers ask.
pub(crate) const PREFIX: &str = "/api/shoal/v1/work/";

/// The door for workers on other machines.
#[derive(Debug)]
pub(crate) struct Hired {
    sidecar: Arc<Sidecar>,
    library: Library,
    uploads: Arc<Uploads>,
    settings: Settings,
    /// Empty lets nobody in.
    token: String,
    /// What came so far, by the names of the jobs.
    intakes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Intake>>>>,
}

/// A job, as a worker is told of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) title: String,
    pub(crate) heights: Vec<u32>,
    pub(crate) preset: String,
    pub(crate) crf: u8,
}

/// How far a worker is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    pub(crate) is_probing: bool,
    pub(crate) percent: u8,
}

/// Why nothing came of a job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    pub(crate) reason: String,
    pub(crate) is_final: bool,
}

/// Why a worker isn't answered as it hopes, sorted by blame.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the token is wrong, or this server hires nobody")]
    Token,
    #[error("there is no such job, or it is somebody else's by now")]
    Lost,
    #[error("the request is no such thing")]
    Unreadable,
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error("too many workers bring something")]
    Full,
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl Hired {
    pub(crate) fn new(
        sidecar: Arc<Sidecar>,
        library: Library,
        uploads: Arc<Uploads>,
        settings: Settings,
        token: String,
    ) -> Hired {
        Hired { sidecar, library, uploads, settings, token, intakes: Mutex::default() }
    }

    /// Answers one request; what it brings is kept even if nobody is there to hear so.
    pub(crate) async fn answer(self: Arc<Hired>, mut request: Request<Incoming>) -> Reply {
        let answering = async move { self.serve(&mut request).await };
        match tokio::spawn(answering).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(refused)) => refused.answer(),
            Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "the request failed"),
        }
    }

    async fn serve(&self, request: &mut Request<Incoming>) -> Result<Reply, Refused> {
        self.authenticate(request.headers())?;
        let path = request.uri().path().strip_prefix(PREFIX).unwrap_or_default().to_owned();
        let method = request.method().clone();
        if (&method, &*path) == (&Method::POST, "claim") {
            return self.claim().await;
        }
        let (name, what) = path.split_once('/').ok_or(Refused::Lost)?;
        let claim = self.sidecar.claimed_away(name).await?.ok_or(Refused::Lost)?;
        match (method, what.split_once('/').unwrap_or((what, ""))) {
            (Method::GET, ("source", "")) => self.source(&claim),
            (Method::POST, ("progress", "")) => {
                let told: Progress = read(request).await?;
                let stage = if told.is_probing { Stage::Probing } else { Stage::Transcoding };
                let is_theirs = self.sidecar.tell_work(&claim, stage, told.percent).await?;
                if is_theirs { Ok(done()) } else { Err(Refused::Lost) }
            }
            (Method::PUT, ("files", file)) => self.take_in(&claim, file, request).await,
            (Method::POST, ("finish", "")) => {
                let video = read(request).await?;
                self.finish(&claim, video).await
            }
            (Method::POST, ("fail", "")) => {
                let Failure { reason, is_final } = read(request).await?;
                self.forget(&claim);
                let reason: String = reason.chars().take(MOST_REASON).collect();
                self.sidecar.fail_work(&claim, reason, is_final).await?;
                Ok(done())
            }
            (Method::POST, ("return", "")) => {
                self.forget(&claim);
                self.sidecar.return_work(&claim).await?;
                Ok(done())
            }
            _ => Err(Refused::Unreadable),
        }
    }

    /// In a time that says nothing about the token.
    fn authenticate(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let shown = headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
        let shown = shown.strip_prefix(b"Bearer ").unwrap_or_default();
        let token = self.token.as_bytes();
        let pairs = shown.iter().zip(token);
        let differences = pairs.fold(0, |found, (one, other)| found | (one ^ other));
        let is_right = !token.is_empty() && shown.len() == token.len() && differences == 0;
        if is_right { Ok(()) } else { Err(Refused::Token) }
    }

    async fn claim(&self) -> Result<Reply, Refused> {
        self.forget_lost().await?;
        let Some(claim) = self.sidecar.claim_work_away().await? else { return Ok(done()) };
        tracing::info!(video = %claim.uuid, "a worker on another machine makes a video");
        let job = Job {
            name: claim.name(),
            uuid: claim.uuid.to_string(),
            title: claim.title,
            heights: self.settings.heights.clone(),
            preset: self.settings.preset.clone(),
            crf: self.settings.crf,
        };
        let job = serde_json::to_string(&job).map_err(|_| Refused::Unreadable)?;
        Ok(said(StatusCode::OK, &job))
    }

    fn source(&self, claim: &Claim) -> Result<Reply, Refused> {
        let id = claim.upload.parse().map_err(|_| Refused::Lost)?;
        let bytes = self.uploads.map(id)?;
        Ok(Response::new(Full::new(bytes)))
    }

    async fn take_in(
        &self,
        claim: &Claim,
        file: &str,
        request: &mut Request<Incoming>,
    ) -> Result<Reply, Refused> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let whole = length.ok_or(Refused::Unreadable)?;
        let intake = self.intake(claim)?;
        let mut intake = intake.lock().await;
        let id = intake.file(file)?;
        let uploads = intake.uploads();
        uploads.remove(id).await?;
        uploads.begin(id, whole)?;
        let part = Part { at: 0, until: whole, whole };
        let appended = uploads.append(id, part, request.body_mut()).await?;
        if appended.have == whole { Ok(done()) } else { Err(Refused::Unreadable) }
    }

    async fn finish(&self, claim: &Claim, video: Video) -> Result<Reply, Refused> {
        let intake = self.forget(claim).and_then(Arc::into_inner).ok_or(Refused::Lost)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let video = Video {
            title: claim.title.clone(),
            channel: None,
            // Never what a worker says of it.
            access: Access::Capability,
            published_at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            ..video
        };
        let publishing = {
            let (video, data) = (video.clone(), self.library.data_dir());
            tokio::task::spawn_blocking(move || -> Result<(), Refused> {
                let signer = signing::ensure(&data)?;
                Ok(intake.into_inner().publish(&video, &signer)?)
            })
        };
        publishing.await.map_err(|_| Refused::Lost)??;
        if let Err(error) = admit(&self.sidecar, &self.library, claim.uuid).await {
            tracing::warn!("who may read a video is told the origin later: {error:#}");
        }
        if !self.sidecar.finish_work(claim, &made(&video)).await? {
            if !self.sidecar.knows(&claim.uuid).await? {
                self.library.withdraw(&claim.uuid).map_err(IntakeError::from)?;
            }
            return Err(Refused::Lost);
        }
        if let Ok(id) = claim.upload.parse() {
            self.uploads.remove(id).await?;
        }
        Ok(done())
    }

    fn intake(&self, claim: &Claim) -> Result<Arc<tokio::sync::Mutex<Intake>>, Refused> {
        let mut intakes = self.intakes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(intake) = intakes.get(&claim.name()) {
            return Ok(Arc::clone(intake));
        }
        if intakes.len() >= MOST_INTAKES {
            return Err(Refused::Full);
        }
        let intake = Intake::begin(&self.library, &claim.uuid)?;
        let intake = Arc::new(tokio::sync::Mutex::new(intake));
        intakes.insert(claim.name(), Arc::clone(&intake));
        Ok(intake)
    }

    fn forget(&self, claim: &Claim) -> Option<Arc<tokio::sync::Mutex<Intake>>> {
        let mut intakes = self.intakes.lock().unwrap_or_else(PoisonError::into_inner);
        intakes.remove(&claim.name())
    }

    /// Lets go of what workers brought that were given up.
    async fn forget_lost(&self) -> Result<(), Refused> {
        let names: Vec<String> = {
            let intakes = self.intakes.lock().unwrap_or_else(PoisonError::into_inner);
            intakes.keys().cloned().collect()
        };
        for name in names {
            if self.sidecar.claimed_away(&name).await?.is_none() {
                self.intakes.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
            }
        }
        Ok(())
    }
}

impl Refused {
    fn answer(&self) -> Reply {
        let status = match self {
            Refused::Token => StatusCode::UNAUTHORIZED,
            Refused::Lost => StatusCode::NOT_FOUND,
            Refused::Unreadable
            | Refused::Intake(IntakeError::Name(_) | IntakeError::TooMany | IntakeError::Record)
            | Refused::Upload(UploadError::TooMany | UploadError::Elsewhere(_)) => {
                StatusCode::BAD_REQUEST
            }
            Refused::Upload(UploadError::Superseded) => StatusCode::CONFLICT,
            Refused::Upload(UploadError::NoSpace) => StatusCode::INSUFFICIENT_STORAGE,
            Refused::Full => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Intake(IntakeError::Unsigned(
                SigningError::Strange(_) | SigningError::Changed(_) | SigningError::TooLarge(_),
            )) => {
                tracing::warn!("a worker brings what can't be published: {self}");
                return said(StatusCode::BAD_REQUEST, "the files don't belong together");
            }
            Refused::Work(_)
            | Refused::Key(_)
            | Refused::Upload(UploadError::Io(_))
            | Refused::Intake(IntakeError::Library(_) | IntakeError::Unsigned(_)) => {
                tracing::error!("{self}");
                return said(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be done just now");
            }
        };
        said(status, &self.to_string())
    }
}

async fn read<T: DeserializeOwned>(request: &mut Request<Incoming>) -> Result<T, Refused> {
    let body = Limited::new(request.body_mut(), MOST_JSON).collect().await;
    let bytes = body.map_err(|_| Refused::Unreadable)?.to_bytes();
    serde_json::from_slice(&bytes).map_err(|_| Refused::Unreadable)
}

fn said(status: StatusCode, text: &str) -> Reply {
    origin::serve::text(status, format!("{text}\n"))
}

fn done() -> Reply {
    said(StatusCode::NO_CONTENT, "")
}

/// A record of seven renditions has 2 KB.
const MOST_JSON: usize = 64 << 10;

/// Characters of a reason: a line of ffmpeg's, and a sentence around it.
const MOST_REASON: usize = 600;

/// Workers that bring something at once.
const MOST_INTAKES: usize = 16;
