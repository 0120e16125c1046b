//! Videos from an address: the sidecar says which, its door brings the bytes, the origin keeps them, and here they meet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use origin::uploads::{Part, UploadError, UploadId, Uploads};
use sidecar::Sidecar;
use sidecar::outbound::{Answer, Ask, Bounds, Budget, OutboundError};
use sidecar::upload::{Allowed, Fetching, Refusal, is_importable};
use tokio_util::sync::CancellationToken;

/// Who fetches.
#[derive(Debug)]
pub(crate) struct Importer {
    pub(crate) sidecar: Arc<Sidecar>,
    pub(crate) uploads: Arc<Uploads>,
}

/// Why nothing came, sorted by what is done about it.
#[derive(Debug)]
enum Failure {
    /// It would end the same way again.
    Final(String),
    /// The other host, or the line, may be better later.
    Later(String),
    /// Whoever asked for it doesn't want it any more.
    Cancelled,
    /// The process is asked to end; the next one goes on.
    Interrupted,
}

/// Where what comes goes to.
struct Place {
    upload: Allowed,
    id: UploadId,
    /// Bytes that are there.
    have: u64,
    is_known: bool,
}

impl Importer {
    /// Fetches a few at a time, until the process is asked to end.
    pub(crate) async fn run(self: Arc<Importer>, asked_to_end: CancellationToken) {
        if self.sidecar.import_door().is_none() {
            return;
        }
        if let Err(refusal) = self.sidecar.take_back_imports().await {
            tracing::warn!("imports that were begun are not gone on with: {refusal}");
        }
        let mut fetchers = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            fetchers.spawn(Arc::clone(&self).work(asked_to_end.clone()));
        }
        while fetchers.join_next().await.is_some() {}
    }

    async fn work(self: Arc<Importer>, asked_to_end: CancellationToken) {
        while !asked_to_end.is_cancelled() {
            match self.sidecar.claim_import().await {
                Ok(Some(fetching)) => {
                    self.bring(&fetching, &asked_to_end).await;
                    continue;
                }
                Ok(None) => {}
                Err(refusal) => tracing::warn!("cannot look for imports: {refusal}"),
            }
            tokio::select! {
                () = self.sidecar.wait_for_imports() => {}
                () = asked_to_end.cancelled() => {}
            }
        }
    }

    async fn bring(&self, fetching: &Fetching, asked_to_end: &CancellationToken) {
        let brought = match &fetching.begun {
            // Its last word was lost.
            Some((upload, _)) if fetching.is_settled => {
                self.sidecar.finish_import(fetching, upload, upload.bytes).await.map_err(refused)
            }
            _ => self.fetch(fetching, asked_to_end).await,
        };
        let (reason, is_final) = match brought {
            Ok(()) | Err(Failure::Interrupted) => return,
            Err(Failure::Cancelled) => {
                tracing::info!(import = fetching.id, "not fetched any more");
                return;
            }
            Err(Failure::Final(reason)) => (reason, true),
            Err(Failure::Later(reason)) => (reason, false),
        };
        tracing::info!(import = fetching.id, reason, "a video was not fetched");
        if let Err(refusal) = self.sidecar.fail_import(fetching, reason, is_final).await {
            tracing::warn!("an import is tried again after the next start: {refusal}");
        }
    }

    async fn fetch(
        &self,
        fetching: &Fetching,
        asked_to_end: &CancellationToken,
    ) -> Result<(), Failure> {
        let door = self.sidecar.import_door();
        let door = door.ok_or_else(|| Failure::Final("imports are turned off".to_owned()))?;
        let url = door.address(&fetching.url).map_err(failed)?;
        let begun = self.begun(fetching)?;
        let mut headers = HeaderMap::new();
        if let Some((have, validator)) = &begun {
            let range = HeaderValue::try_from(format!("bytes={have}-"));
            let validator = HeaderValue::try_from(validator.as_str());
            if let (Ok(range), Ok(validator)) = (range, validator) {
                headers.insert(header::RANGE, range);
                headers.insert(header::IF_RANGE, validator);
            }
        }
        let mut budget = Budget(REQUESTS);
        let asking = door.fetch(Ask::get(url, headers), &BOUNDS, &mut budget);
        let answer = tokio::select! {
            answer = asking => answer.map_err(failed)?,
            () = asked_to_end.cancelled() => return Err(Failure::Interrupted),
        };
        let place = self.place(fetching, &answer, begun.map(|(have, _)| have)).await?;
        let brought = self.receive(fetching, answer, &place, asked_to_end).await;
        if matches!(brought, Err(Failure::Cancelled | Failure::Final(_)))
            && let Err(error) = self.uploads.remove(place.id).await
        {
            tracing::warn!("an upload is removed later: {error}");
        }
        brought
    }

    /// How much was fetched before, if the other host can be asked for the rest.
    fn begun(&self, fetching: &Fetching) -> Result<Option<(u64, String)>, Failure> {
        let Some((upload, Some(validator))) = &fetching.begun else { return Ok(None) };
        let Ok(id) = upload.id.parse() else { return Ok(None) };
        let have = self.uploads.length(id).map_err(unkept)?;
        Ok((0 < have && have < upload.bytes).then(|| (have, validator.clone())))
    }

    /// Where the answer's bytes go: on where they ended, or into a new file.
    async fn place(
        &self,
        fetching: &Fetching,
        answer: &Answer,
        have: Option<u64>,
    ) -> Result<Place, Failure> {
        let status = answer.status;
        if let (StatusCode::PARTIAL_CONTENT, Some(have), Some((upload, _))) =
            (status, have, &fetching.begun)
            && goes_on(answer, have, upload.bytes)
        {
            return place_of(upload.clone(), have, true);
        }
        if status != StatusCode::OK {
            let reason = format!("{} answers {status}", answer.url.host_str().unwrap_or_default());
            let is_passing = status.is_server_error() || PASSING.contains(&status);
            return Err(if is_passing { Failure::Later(reason) } else { Failure::Final(reason) });
        }
        if let Some((before, _)) = &fetching.begun
            && let Ok(id) = before.id.parse()
        {
            self.uploads.remove(id).await.map_err(unkept)?;
        }
        let length = answer.length();
        if length == Some(0) {
            return Err(Failure::Final("the file is empty".to_owned()));
        }
        let validator = validator(&answer.headers);
        let reserved = self.sidecar.reserve_import(fetching, length, validator.as_deref()).await;
        let place = place_of(reserved.map_err(refused)?, 0, length.is_some())?;
        let (uploads, id, room) = (Arc::clone(&self.uploads), place.id, length.unwrap_or(0));
        let begun = tokio::task::spawn_blocking(move || uploads.begin(id, room)).await;
        begun.map_err(|error| Failure::Later(error.to_string()))?.map_err(unkept)?;
        Ok(place)
    }

    /// Keeps what comes, and makes a video of it when it is whole.
    async fn receive(
        &self,
        fetching: &Fetching,
        answer: Answer,
        place: &Place,
        asked_to_end: &CancellationToken,
    ) -> Result<(), Failure> {
        let broken = Arc::new(Mutex::new(None));
        let mut body = Box::pin(StreamBody::new(pieces(answer, Arc::clone(&broken))));
        let bytes = place.upload.bytes;
        let part = Part { at: place.have, until: bytes, whole: bytes };
        let appending = self.uploads.append(place.id, part, &mut body);
        let appended = tokio::select! {
            appended = appending => appended,
            stopped = self.watch(fetching, &place.upload) => return Err(stopped),
            () = asked_to_end.cancelled() => return Err(Failure::Interrupted),
        };
        let appended = appended.map_err(|error| match error {
            UploadError::TooMany => Failure::Final("it is larger than the quota".to_owned()),
            error => unkept(error),
        })?;
        if let Some(error) = broken.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(failed(error));
        }
        let is_whole = if place.is_known { appended.have == bytes } else { appended.is_ended };
        if !is_whole {
            return Err(Failure::Later("it broke off".to_owned()));
        }
        self.uploads.settle(place.id).await.map_err(unkept)?;
        let finished = self.sidecar.finish_import(fetching, &place.upload, appended.have).await;
        finished.map_err(refused)
    }

    /// Tells that bytes come, until nobody wants them any more or they are too many.
    async fn watch(&self, fetching: &Fetching, upload: &Allowed) -> Failure {
        loop {
            tokio::time::sleep(TICK).await;
            match self.sidecar.import_goes_on(fetching, upload).await {
                Ok(true) => {}
                Ok(false) => return Failure::Cancelled,
                Err(refusal) => return refused(refusal),
            }
        }
    }
}

/// The body of an answer as the origin takes it in; why it broke off is kept beside it.
fn pieces(
    answer: Answer,
    broken: Arc<Mutex<Option<OutboundError>>>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, std::io::Error>> {
    stream::unfold((answer, broken), |(mut answer, broken)| async move {
        match answer.next_chunk().await {
            Ok(Some(piece)) => Some((Ok(Frame::data(piece)), (answer, broken))),
            Ok(None) => None,
            Err(error) => {
                let text = std::io::Error::other(error.to_string());
                *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Some((Err(text), (answer, broken)))
            }
        }
    })
}

fn place_of(upload: Allowed, have: u64, is_known: bool) -> Result<Place, Failure> {
    let id = upload.id.parse().map_err(|_| Failure::Final("it has no place".to_owned()))?;
    Ok(Place { upload, id, have, is_known })
}

/// Whether an answer brings the rest of a file of this length (RFC 9110 §14.4).
fn goes_on(answer: &Answer, have: u64, bytes: u64) -> bool {
    let range = answer.headers.get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let last = bytes.saturating_sub(1);
    range == Some(&format!("bytes {have}-{last}/{bytes}"))
}

/// By what a host knows the very same file again: a strong one (RFC 9110 §13.1.5), or none.
fn validator(headers: &HeaderMap) -> Option<String> {
    let is_ranged =
        headers.get(header::ACCEPT_RANGES).is_none_or(|units| units.as_bytes() != b"none");
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    tag.filter(|tag| is_ranged && !tag.starts_with("W/") && tag.len() <= LONGEST_TAG)
        .map(str::to_owned)
}

/// A refusal of our own: what it says is for whoever asked.
fn refused(refusal: Refusal) -> Failure {
    if refusal.is_ours() {
        Failure::Later("this server cannot take it just now".to_owned())
    } else {
        Failure::Final(refusal.to_string())
    }
}

fn unkept(error: UploadError) -> Failure {
    match error {
        UploadError::NoSpace => Failure::Later("this server has no room for it".to_owned()),
        UploadError::Superseded => Failure::Cancelled,
        error => {
            tracing::error!("cannot keep what is fetched: {error}");
            Failure::Later("this server cannot keep it just now".to_owned())
        }
    }
}

fn failed(error: OutboundError) -> Failure {
    let is_passing = matches!(
        error,
        OutboundError::Unreachable(..) | OutboundError::Broken(..) | OutboundError::TooSlow(_)
    );
    let text = error.to_string();
    if is_passing { Failure::Later(text) } else { Failure::Final(text) }
}

/// Imports that are fetched at the same time: the rest of the line is for viewers.
const AT_ONCE: usize = 2;

/// What another host gets for one file.
pub(crate) const BOUNDS: Bounds = Bounds {
    // As large as an upload may be.
    bytes: 256 << 30,
    connect: Duration::from_secs(15),
    first_byte: Duration::from_secs(30),
    pause: Duration::from_secs(30),
    // A large film over a slow line; what is there then is gone on with.
    whole: Duration::from_secs(24 * 3600),
    // Slower, and two hosts could keep everybody else waiting.
    least_rate: 32 << 10,
    redirects: 5,
    is_wanted: is_importable,
};

/// Requests of one attempt: the file, and its redirects.
const REQUESTS: u32 = 6;

/// How often whoever asked for it is looked after.
const TICK: Duration = Duration::from_secs(2);

/// Bytes of an entity tag.
const LONGEST_TAG: usize = 200;

/// What a host says that may be otherwise in a minute.
const PASSING: [StatusCode; 2] = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_that_is_known_again_is_gone_on_with() {
        #[track_caller]
        fn check(headers: &[(&'static str, &'static str)], wanted: Option<&str>) {
            let mut map = HeaderMap::new();
            for &(name, value) in headers {
                map.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(validator(&map).as_deref(), wanted, "{headers:?}");
        }
        check(&[("etag", "\"a\"")], Some("\"a\""));
        check(&[("etag", "\"a\""), ("accept-ranges", "bytes")], Some("\"a\""));
        check(&[("etag", "\"a\""), ("accept-ranges", "none")], None);
        check(&[("etag", "W/\"a\"")], None);
        check(&[("last-modified", "Thu, 26 Nov 2026 12:00:00 GMT")], None);
        check(&[], None);
    }
}
