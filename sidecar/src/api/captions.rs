//! `videos/<id>/captions/<language>`: who may put captions beside a video, and what is kept of them.
//!
//! ```text
//! PUT     a form with captionfile: WebVTT or SRT, UTF-8, up to 2 MB   → 204
//! DELETE                                                              → 204
//! ```
//! The file is somebody else's: `instance` asks here, has the origin keep the text, and says when it is kept.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use hyper::body::Body;
use wire::id::VideoId;

use super::upload::{File, Form, Refusal, dressed, unreadable};
use super::{done, preflight};
use crate::body::Fields;
use crate::error::{ApiError, BadField, BodyError};
use crate::field::FieldError;
use crate::limits::{CAPTION_BYTES, CAPTION_PATIENCE};
use crate::subtitle::{self, SubtitleError};
use crate::table::caption::{self, SetError};
use crate::table::video::Video;
use crate::visitor::{Asker, meant};
use crate::{Reply, Sidecar, now_ms, token, vocabulary};

/// Captions that may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCaption {
    /// Of which video.
    pub video: VideoId,
    /// Under which name.
    pub file: String,
    /// Clean WebVTT.
    pub text: String,
    video_id: i64,
    language: String,
}

/// The video's key and the language in a path that captions are sent to.
pub fn at(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/api/v1/videos/")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match rest.split('/').collect::<Vec<_>>()[..] {
        [key, "captions", language] => Some((key, language)),
        _ => None,
    }
}

impl Sidecar {
    /// Reads the captions that a request brings.
    ///
    /// # Errors
    /// Whoever asks may not, or they can't be read.
    pub async fn read_caption<B>(
        &self,
        request: &mut Request<B>,
        peer: SocketAddr,
    ) -> Result<NewCaption, Refusal>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = request.uri().path().to_owned();
        let (key, language) = at(&path).ok_or(ApiError::NoRoute)?;
        let video = self.changeable(key, request.headers(), peer).await?;
        let language = known(language)?;
        let reading = read_file(request, FILE, CAPTION_BYTES);
        let read = tokio::time::timeout(CAPTION_PATIENCE, reading).await;
        let file = read.map_err(|_| ApiError::Body(BodyError::TooSlow))??;
        let text = subtitle::to_webvtt(&file).map_err(ApiError::from)?;
        let id = video.uuid.parse().map_err(|_| ApiError::NotFound("Video"))?;
        let file = format!("caption-{language}-{}.vtt", random()?);
        Ok(NewCaption { video: id, file, text, video_id: video.id, language })
    }

    /// Notes that captions are kept, and tells the name of the file that nobody needs any more.
    ///
    /// # Errors
    /// When there are too many, or the database fails.
    pub async fn keep_caption(&self, new: &NewCaption) -> Result<Option<String>, Refusal> {
        let set = caption::set(&self.database, now_ms(), new.video_id, &new.language, &new.file);
        Ok(set.await.map_err(ApiError::from)?)
    }

    /// Forgets the captions that a request names, and tells whose they were and in which file.
    ///
    /// # Errors
    /// Whoever asks may not, or there are none.
    pub async fn forget_caption(
        &self,
        path: &str,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<(VideoId, String), Refusal> {
        let (key, language) = at(path).ok_or(ApiError::NoRoute)?;
        let video = self.changeable(key, headers, peer).await?;
        let removed = caption::remove(&self.database, now_ms(), video.id, language).await;
        let file = removed.map_err(ApiError::from)?.ok_or(ApiError::NotFound("Caption"))?;
        let id = video.uuid.parse().map_err(|_| ApiError::NotFound("Video"))?;
        Ok((id, file))
    }

    /// Answers that it is done.
    pub fn tell_done(&self) -> Reply {
        dressed(done())
    }

    /// Answers what a browser asks before a script of another site may send captions.
    pub fn allow_captions(&self) -> Reply {
        dressed(preflight(METHODS))
    }

    /// Answers a method that isn't one of captions'.
    pub fn refuse_captions(&self) -> Reply {
        Refusal::from(ApiError::Method(METHODS)).answer()
    }

    /// The video, for somebody who may change it.
    pub(super) async fn changeable(
        &self,
        key: &str,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Video, ApiError> {
        meant(headers)?;
        let visitor = self.visitor_of(headers).await?.ok_or(ApiError::NoToken)?;
        let from = self.counted(headers, peer);
        let asker = Asker { visitor: Some(&visitor), password: None, from: &from };
        let sight = self.sight(key, asker).await?;
        if sight.may_edit {
            Ok(sight.video)
        } else {
            Err(ApiError::Forbidden("Cannot manage a video of another user."))
        }
    }
}

impl From<SetError> for ApiError {
    fn from(error: SetError) -> ApiError {
        match error {
            SetError::Full => ApiError::Conflict("the video has captions in too many languages"),
            SetError::Database(error) => ApiError::Database(error),
        }
    }
}

impl From<SubtitleError> for ApiError {
    fn from(error: SubtitleError) -> ApiError {
        let reason = match error {
            SubtitleError::NotUtf8 => FieldError::Kind("UTF-8 text"),
            SubtitleError::Empty => FieldError::Kind("WebVTT or SRT with a caption in it"),
            SubtitleError::TooMany => FieldError::Many(subtitle::CUES),
        };
        ApiError::Fields(vec![BadField { name: FILE, reason }])
    }
}

/// Reads the file in one field of a form, of at most so many bytes.
pub(super) async fn read_file<B>(
    request: &mut Request<B>,
    field: &'static str,
    most: usize,
) -> Result<Vec<u8>, ApiError>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (_, bytes) = read_form(request, std::slice::from_ref(&field), most).await?;
    bytes.ok_or(ApiError::Missing(field))
}

/// Reads a form's fields, and the first of its files that is in one of these fields and has something in it.
pub(super) async fn read_form<B>(
    request: &mut Request<B>,
    names: &[&'static str],
    most: usize,
) -> Result<(Fields, Option<Vec<u8>>), ApiError>
where
    B: Body<Data = Bytes> + Unpin + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let headers = request.headers().clone();
    let mut form = Form::with(&headers, request.body_mut(), names, most as u64)?;
    let mut found = None;
    while let Some(file) = form.next_file().await? {
        let bytes = read_whole(file, most).await?;
        // Browsers send an empty file where none was chosen.
        if found.is_none() && !bytes.is_empty() {
            found = Some(bytes);
        }
    }
    Ok((form.fields(), found))
}

/// Reads a form's file of at most so many bytes.
pub(super) async fn read_whole(mut file: File<'_>, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = file.frame().await {
        if let Ok(piece) = frame.map_err(unreadable)?.into_data() {
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() > most {
            return Err(BodyError::TooLong.into());
        }
    }
    Ok(bytes)
}

/// A part of a file's name that nobody guesses.
pub(super) fn random() -> Result<String, ApiError> {
    let random = token::generate().map_err(ApiError::from)?;
    Ok(random.chars().filter(char::is_ascii_alphanumeric).take(RANDOM).collect())
}

fn known(language: &str) -> Result<String, ApiError> {
    // A code becomes a part of a file's name: those that we know are letters, digits and hyphens.
    let is_known = vocabulary::language(language).is_some()
        && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let bad = || {
        let reason = FieldError::Kind("the code of a language");
        ApiError::Fields(vec![BadField { name: "captionLanguage", reason }])
    };
    is_known.then(|| language.to_owned()).ok_or_else(bad)
}

const METHODS: &str = "PUT, DELETE, OPTIONS";
/// PeerTube's name for the field with the file.
const FILE: &str = "captionfile";
/// Of 62 letters each: nobody guesses the name of a file.
const RANDOM: usize = 16;
