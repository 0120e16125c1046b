//! `/api/shoal/v1/videos/<id>/thumbnail`: the picture that stands for a video, sent or picked from it.
//!
//! ```text
//! PUT     a form with thumbnailfile: JPEG, PNG or WebP, up to 4 MB   → 204
//! PUT     {"thumbnailAt": 12.5}, in seconds                          → 204
//! DELETE                                                             → 204, and the origin's own again
//! ```
//! The picture is somebody else's, as with captions.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use hyper::body::Body;
use wire::id::VideoId;

use super::Act;
use super::captions::{random, read_file, read_form};
use super::upload::Refusal;
use crate::body::Fields;
use crate::error::{ApiError, BadField, BodyError};
use crate::field::FieldError;
use crate::limits::{CAPTION_PATIENCE, THUMBNAIL_BYTES};
use crate::table::thumbnail;
use crate::visitor::Visitor;
use crate::{OWN_PREFIX, PREFIX, Sidecar, now_ms};

/// A picture that may be made and kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewThumbnail {
    /// Of which video.
    pub video: VideoId,
    /// Under which name.
    pub file: String,
    /// Of what.
    pub picture: Picture,
    video_id: i64,
}

/// What a thumbnail is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// A file of some format.
    Sent(Vec<u8>),
    /// The frame so many seconds in.
    At(f64),
}

/// Changes of a video that came as a form.
#[derive(Debug, Clone)]
pub struct Change {
    /// What is to stand for it from now on.
    pub thumbnail: Option<NewThumbnail>,
    key: String,
    visitor: Visitor,
    fields: Fields,
}

/// Whether a request changes a video by a form that may have a picture in it.
pub fn is_change<B>(request: &Request<B>) -> bool {
    *request.method() == Method::PUT
        && changed(request.uri().path()).is_some()
        && is_form(request.headers())
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/"))
}

/// The video's key in the path of the video itself.
fn changed(path: &str) -> Option<&str> {
    let key = path.strip_prefix(PREFIX)?.strip_prefix("videos/")?;
    let key = key.strip_suffix('/').unwrap_or(key);
    (!key.contains('/')).then_some(key)
}

/// The video's key in a path that thumbnails are sent to.
pub fn at(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(OWN_PREFIX)?.strip_prefix("videos/")?;
    let (key, rest) = rest.split_once('/')?;
    matches!(rest, "thumbnail" | "thumbnail/").then_some(key)
}

impl Sidecar {
    /// Reads what a request wants for a thumbnail.
    ///
    /// # Errors
    /// Whoever asks may not, or it can't be read.
    pub async fn read_thumbnail<B>(
        &self,
        request: &mut Request<B>,
        peer: SocketAddr,
    ) -> Result<NewThumbnail, Refusal>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = request.uri().path().to_owned();
        let key = at(&path).ok_or(ApiError::NoRoute)?;
        let video = self.changeable(key, request.headers(), peer).await?;
        let picture = if is_form(request.headers()) {
            let reading = read_file(request, FILE, THUMBNAIL_BYTES);
            let read = tokio::time::timeout(CAPTION_PATIENCE, reading).await;
            Picture::Sent(read.map_err(|_| ApiError::Body(BodyError::TooSlow))??)
        } else {
            let mut fields = Fields::read(request).await.map_err(ApiError::from)?;
            let most = video.duration_ms as f64 / 1000.0;
            let at = fields.value("thumbnailAt", |value| {
                let at = value.as_f64().filter(|at| (0.0..=most).contains(at));
                at.ok_or(FieldError::Kind("a number of seconds within the video"))
            });
            Picture::At(fields.finish(at)?)
        };
        let id = video.uuid.parse().map_err(|_| ApiError::NotFound("Video"))?;
        let file = format!("thumbnail-{}.jpg", random()?);
        Ok(NewThumbnail { video: id, file, picture, video_id: video.id })
    }

    /// Notes that a thumbnail is kept, and tells the name of the file that nobody needs any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_thumbnail(&self, new: &NewThumbnail) -> Result<Option<String>, Refusal> {
        let set = thumbnail::set(&self.database, now_ms(), new.video_id, Some(&new.file));
        Ok(set.await.map_err(ApiError::from)?)
    }

    /// Forgets the thumbnail that an owner chose, and tells whose it was and its file, if there was one.
    ///
    /// # Errors
    /// Whoever asks may not.
    pub async fn forget_thumbnail(
        &self,
        path: &str,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Option<(VideoId, String)>, Refusal> {
        let key = at(path).ok_or(ApiError::NoRoute)?;
        let video = self.changeable(key, headers, peer).await?;
        let id = video.uuid.parse().map_err(|_| ApiError::NotFound("Video"))?;
        let old = thumbnail::set(&self.database, now_ms(), video.id, None).await;
        Ok(old.map_err(ApiError::from)?.map(|file| (id, file)))
    }

    /// Reads a form with changes of a video, and perhaps a picture for it, as PeerTube's programs send it.
    ///
    /// # Errors
    /// Whoever asks may not, or it can't be read.
    pub async fn read_change<B>(
        &self,
        request: &mut Request<B>,
        peer: SocketAddr,
    ) -> Result<Change, Refusal>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let path = request.uri().path().to_owned();
        let key = changed(&path).ok_or(ApiError::NoRoute)?;
        let video = self.changeable(key, request.headers(), peer).await?;
        let visitor = self.visitor_of(request.headers()).await?.ok_or(ApiError::NoToken)?;
        let reading = read_form(request, &FILES, THUMBNAIL_BYTES);
        let read = tokio::time::timeout(CAPTION_PATIENCE, reading).await;
        let (fields, sent) = read.map_err(|_| ApiError::Body(BodyError::TooSlow))??;
        let id = video.uuid.parse().map_err(|_| ApiError::NotFound("Video"))?;
        let thumbnail = match sent {
            Some(bytes) => Some(NewThumbnail {
                video: id,
                file: format!("thumbnail-{}.jpg", random()?),
                picture: Picture::Sent(bytes),
                video_id: video.id,
            }),
            None => None,
        };
        Ok(Change { thumbnail, key: video.uuid, visitor, fields })
    }

    /// Changes what is said of the video, by the same rules as those of the JSON form.
    ///
    /// # Errors
    /// When a field is bad, or the database fails.
    pub async fn change_as_read(&self, change: &Change) -> Result<(), Refusal> {
        let act = Act::ChangeVideo(&change.key);
        Ok(self.act(&change.visitor, act, change.fields.clone()).await?)
    }

    /// Answers that a picture is none, or none that can be used.
    pub fn refuse_picture(&self) -> Refusal {
        let reason = FieldError::Kind("a JPEG, PNG or WebP picture of at most 40 megapixels");
        ApiError::Fields(vec![BadField { name: FILE, reason }]).into()
    }
}

/// PeerTube's name for the field with the picture.
const FILE: &str = "thumbnailfile";
/// PeerTube's names where a form has more than that: there is one picture for both.
const FILES: [&str; 2] = [FILE, "previewfile"];
