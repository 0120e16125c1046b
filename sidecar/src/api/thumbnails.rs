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
use http::{HeaderMap, Request, header};
use hyper::body::Body;
use wire::id::VideoId;

use super::captions::{random, read_file};
use super::upload::Refusal;
use crate::body::Fields;
use crate::error::{ApiError, BadField, BodyError};
use crate::field::FieldError;
use crate::limits::{CAPTION_PATIENCE, THUMBNAIL_BYTES};
use crate::table::thumbnail;
use crate::{OWN_PREFIX, Reply, Sidecar, now_ms};

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
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
        let picture = if is_form {
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

    /// Answers that a picture is none, or none that can be used.
    pub fn refuse_picture(&self) -> Reply {
        let reason = FieldError::Kind("a JPEG, PNG or WebP picture of at most 40 megapixels");
        let bad = vec![BadField { name: FILE, reason }];
        Refusal::from(ApiError::Fields(bad)).answer()
    }

    /// Answers that too many pictures are being made.
    pub fn refuse_for_now(&self) -> Reply {
        Refusal::from(ApiError::Busy("too many pictures are being made at once")).answer()
    }
}

/// PeerTube's name for the field with the picture.
const FILE: &str = "thumbnailfile";
