//! The pictures of accounts and channels.
//!
//! ```text
//! POST   users/me/avatar/pick                  a form with avatarfile: JPEG, PNG or WebP, up to 4 MB   → the avatars
//! DELETE users/me/avatar                                                                               → 204
//! POST   video-channels/<handle>/avatar/pick, …/banner/pick   with avatarfile, bannerfile              → the same
//! DELETE video-channels/<handle>/avatar, …/banner
//! ```
//! Pages post the same forms to `/my/avatar`, `/my/channels/<handle>/avatar` and `/my/channels/<handle>/banner`, and with
//! `/remove` behind them nothing. The picture is somebody else's, as with thumbnails.

use std::error::Error;

use bytes::Bytes;
use http::{HeaderMap, Request};
use hyper::body::Body;
use serde_json::json;

use super::captions::{random, read_file};
use super::forms::value;
use super::upload::{Refusal, dressed};
use super::{json as answer, preflight};
use crate::error::{ApiError, BadField, BodyError};
use crate::field::FieldError;
use crate::limits::{CAPTION_PATIENCE, THUMBNAIL_BYTES};
use crate::table::picture::{self, Place};
use crate::view::{PictureKind, made_name};
use crate::visitor::meant;
use crate::{PREFIX, Reply, Sidecar, now_ms};

/// What a path that pictures are sent to is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Of which channel, by its handle; else of whoever asks.
    pub channel: Option<&'a str>,
    /// Which picture of it.
    pub kind: PictureKind,
    /// A page's form goes here.
    pub is_page: bool,
    /// It is the path that takes a picture away: of the API, the one without `pick`.
    pub is_bare: bool,
}

/// A picture that may be made and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPicture {
    /// How the names of its files begin.
    pub name: String,
    /// In which shape.
    pub kind: PictureKind,
    /// As it was sent.
    pub bytes: Vec<u8>,
    place: Place,
}

impl<'a> Target<'a> {
    /// `None` is another path.
    pub fn parse(path: &'a str) -> Option<Target<'a>> {
        let (rest, is_page) = match path.strip_prefix("/my/") {
            Some(rest) => (rest, true),
            None => (path.strip_prefix(PREFIX)?, false),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let parts: Vec<&str> = rest.split('/').collect();
        let (channel, rest) = match (is_page, &parts[..]) {
            (true, ["channels", handle, rest @ ..]) => (Some(*handle), rest),
            (false, ["video-channels", handle, rest @ ..]) => (Some(*handle), rest),
            (false, ["users", "me", rest @ ..]) => (None, rest),
            (true, rest) => (None, rest),
            _ => return None,
        };
        let (kind, end) = match *rest {
            ["avatar", ref end @ ..] => (PictureKind::Avatar, end),
            ["banner", ref end @ ..] if channel.is_some() => (PictureKind::Banner, end),
            _ => return None,
        };
        let is_bare = match (is_page, end) {
            (true, ["remove"]) | (false, []) => true,
            (true, []) | (false, ["pick"]) => false,
            _ => return None,
        };
        Some(Target { channel, kind, is_page, is_bare })
    }

    /// Where whoever sent a page's form goes on.
    pub fn page(&self) -> String {
        match self.channel {
            Some(handle) => format!("/my/channels/{handle}"),
            None => "/my/settings".to_owned(),
        }
    }

    fn methods(&self) -> &'static str {
        if self.is_bare { "DELETE, OPTIONS" } else { "POST, OPTIONS" }
    }

    fn field(&self) -> &'static str {
        match self.kind {
            PictureKind::Avatar => "avatarfile",
            PictureKind::Banner => "bannerfile",
        }
    }
}

impl Sidecar {
    /// Reads the picture that a request brings.
    ///
    /// # Errors
    /// Whoever asks may not, or it can't be read.
    pub async fn read_picture<B>(
        &self,
        target: Target<'_>,
        request: &mut Request<B>,
    ) -> Result<NewPicture, Refusal>
    where
        B: Body<Data = Bytes> + Unpin + Send,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let place = self.place(target, request.headers()).await?;
        let reading = read_file(request, target.field(), THUMBNAIL_BYTES);
        let read = tokio::time::timeout(CAPTION_PATIENCE, reading).await;
        let bytes = read.map_err(|_| ApiError::Body(BodyError::TooSlow))??;
        let name = made_name(&random()?, now_ms());
        Ok(NewPicture { name, kind: target.kind, bytes, place })
    }

    /// Notes that a picture is kept, and tells the one before, which nobody needs any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keep_picture(&self, new: &NewPicture) -> Result<Option<String>, Refusal> {
        let set = picture::set(&self.database, now_ms(), new.place, Some(&new.name)).await;
        Ok(set.map_err(ApiError::from)?)
    }

    /// Answers with the picture, as PeerTube does.
    pub fn tell_picture(&self, new: &NewPicture) -> Reply {
        let pictures = value(&self.pictures(new.kind, Some(&new.name)));
        dressed(answer(&match new.kind {
            PictureKind::Avatar => json!({ "avatars": pictures }),
            PictureKind::Banner => json!({ "banners": pictures }),
        }))
    }

    /// Forgets a picture, and tells which it was, if there was one.
    ///
    /// # Errors
    /// Whoever asks may not.
    pub async fn forget_picture(
        &self,
        target: Target<'_>,
        headers: &HeaderMap,
    ) -> Result<Option<String>, Refusal> {
        let place = self.place(target, headers).await?;
        let set = picture::set(&self.database, now_ms(), place, None).await;
        Ok(set.map_err(ApiError::from)?)
    }

    /// All pictures that somebody has: how the names of their files begin.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn needed_pictures(&self) -> Result<Vec<String>, Refusal> {
        Ok(picture::all(&self.database).await.map_err(ApiError::from)?)
    }

    /// Answers what a browser asks before a script of another site may send a picture.
    pub fn allow_picture(&self, target: Target<'_>) -> Reply {
        dressed(preflight(target.methods()))
    }

    /// Answers a method that isn't one of a picture's.
    pub fn refuse_picture_method(&self, target: Target<'_>) -> Reply {
        Refusal::from(ApiError::Method(target.methods())).answer()
    }

    /// Answers that a picture is none, or none that can be used.
    pub fn refuse_portrait(&self, target: Target<'_>) -> Refusal {
        let reason = FieldError::Kind("a JPEG, PNG or WebP picture of at most 40 megapixels");
        ApiError::Fields(vec![BadField { name: target.field(), reason }]).into()
    }

    async fn place(&self, target: Target<'_>, headers: &HeaderMap) -> Result<Place, ApiError> {
        meant(headers)?;
        let visitor = self.visitor_of(headers).await?.ok_or(ApiError::NoToken)?;
        let Some(handle) = target.channel else { return Ok(Place::OfAccount(visitor.account_id)) };
        let channel = self.managed(handle, &visitor).await?;
        Ok(match target.kind {
            PictureKind::Avatar => Place::OfChannel(channel.id),
            PictureKind::Banner => Place::Banner(channel.id),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, wanted: Option<(Option<&str>, PictureKind, bool, bool)>) {
        let found = Target::parse(path)
            .map(|target| (target.channel, target.kind, target.is_page, target.is_bare));
        assert_eq!(found, wanted, "{path}");
    }

    #[test]
    fn pictures_have_peertube_s_paths_and_those_of_pages() {
        use PictureKind::{Avatar, Banner};
        check("/api/v1/users/me/avatar/pick", Some((None, Avatar, false, false)));
        check("/api/v1/users/me/avatar", Some((None, Avatar, false, true)));
        check("/api/v1/video-channels/sea/avatar/pick", Some((Some("sea"), Avatar, false, false)));
        check("/api/v1/video-channels/sea/banner/pick/", Some((Some("sea"), Banner, false, false)));
        check("/api/v1/video-channels/sea/banner", Some((Some("sea"), Banner, false, true)));
        check("/my/avatar", Some((None, Avatar, true, false)));
        check("/my/avatar/remove", Some((None, Avatar, true, true)));
        check("/my/channels/sea/banner", Some((Some("sea"), Banner, true, false)));
        check("/my/channels/sea/avatar/remove", Some((Some("sea"), Avatar, true, true)));
        for other in [
            "/my/banner",
            "/my/channels/avatar",
            "/my/avatar/pick",
            "/api/v1/users/me/banner/pick",
            "/api/v1/users/me",
            "/api/v1/video-channels/sea",
            "/api/v1/video-channels/sea/avatar/remove",
            "/avatar",
        ] {
            check(other, None);
        }
    }
}
