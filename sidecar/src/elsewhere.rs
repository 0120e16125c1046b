//! Files of other servers that pages here need: pictures, under which of our paths each is had, and playlists.
//!
//! ```text
//! /lazy-static/avatars/elsewhere.<actor>.<mark>-<width>.jpg      also banners
//! /lazy-static/thumbnails/elsewhere.<uuid>.<mark>.jpg
//! ```
//! The mark is made of the URL, so that another picture has another path. Nothing is asked of another server by visitors' browsers,
//! and nothing of it is served as it came: `instance` makes each picture anew.

use std::time::Duration;

use http::HeaderMap;
use wire::id::VideoId;

use crate::Sidecar;
use crate::federation::site;
use crate::outbound::{Ask, Bounds, Budget, OutboundError};
use crate::table::remote_video::RemoteVideo;
use crate::table::{remote_actor, remote_video, video};
use crate::token;
use crate::view::{PictureKind, Unavailable};

/// A picture of another server, as a path of ours names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureElsewhere {
    of: Of,
    mark: String,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Somebody's, in one of its sizes.
    Actor(i64, PictureKind, u32),
    Video(VideoId),
}

/// Why another server's file isn't there: what is asked, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It isn't reached, too slow, too large, or something else than was asked for.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// It isn't there.
    #[error("it answers with {0}")]
    Status(http::StatusCode),
    /// Nothing is asked of others here.
    #[error("there is no door to other servers")]
    Off,
}

impl PictureElsewhere {
    /// Reads a path.
    pub fn parse(path: &str) -> Option<PictureElsewhere> {
        let rest = path.strip_prefix("/lazy-static/")?;
        let (folder, file) = rest.split_once('/')?;
        let name = file.strip_prefix(PREFIX)?.strip_suffix(".jpg")?;
        let (of, mark) = name.split_once('.')?;
        let (of, mark) = match folder {
            "thumbnails" => (Of::Video(of.parse().ok()?), mark),
            _ => {
                let kind = match folder {
                    "avatars" => PictureKind::Avatar,
                    "banners" => PictureKind::Banner,
                    _ => return None,
                };
                let (mark, width) = mark.split_once('-')?;
                let width = width.parse().ok()?;
                if !kind.sizes().iter().any(|(known, _)| *known == width) {
                    return None;
                }
                (Of::Actor(of.parse().ok()?, kind, width), mark)
            }
        };
        let is_mark = mark.len() == MARK && mark.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_mark.then(|| PictureElsewhere { of, mark: mark.to_owned() })
    }

    /// Under which name it is kept, which is nobody else's, and one of each size that is made with it.
    pub fn file(&self, width: u32) -> String {
        match self.of {
            Of::Actor(id, PictureKind::Avatar, _) => format!("a{id}-{}-{width}.jpg", self.mark),
            Of::Actor(id, PictureKind::Banner, _) => format!("b{id}-{}-{width}.jpg", self.mark),
            Of::Video(id) => format!("v{id}-{}.jpg", self.mark),
        }
    }

    /// The size that is wanted; of a video's there is one.
    pub fn width(&self) -> u32 {
        match self.of {
            Of::Actor(_, _, width) => width,
            Of::Video(_) => 0,
        }
    }

    /// Which picture of somebody it is, if it isn't a video's.
    pub fn kind(&self) -> Option<PictureKind> {
        match self.of {
            Of::Actor(_, kind, _) => Some(kind),
            Of::Video(_) => None,
        }
    }
}

impl Sidecar {
    /// Where a picture comes from; `None` if it is nobody's any more, or somebody's who is blocked.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn picture_source(
        &self,
        wanted: &PictureElsewhere,
    ) -> Result<Option<String>, Unavailable> {
        let found = match wanted.of {
            Of::Actor(id, kind, _) => {
                remote_actor::by_id(&self.database, id).await?.and_then(|actor| {
                    let url = match kind {
                        PictureKind::Avatar => actor.avatar_url.clone(),
                        PictureKind::Banner => actor.banner_url.clone(),
                    };
                    (!self.is_blocked(&actor.host, Some(&actor.handle()))).then_some(url)?
                })
            }
            Of::Video(uuid) => match video::by_uuid(&self.database, &uuid).await? {
                Some(known) if known.is_remote => {
                    let known = remote_video::by_id(&self.database, known.id).await?;
                    known
                        .filter(|known| !self.is_blocked(&known.host, None))
                        .and_then(|known| picture_of(&known))
                }
                _ => None,
            },
        };
        Ok(found.filter(|url| mark(url) == wanted.mark))
    }

    /// Fetches a picture, of whatever form pictures of the web have.
    ///
    /// # Errors
    /// When it can't be had within the bounds.
    pub async fn fetch_picture(&self, url: &str) -> Result<Vec<u8>, FileError> {
        self.fetch_file(url, &PICTURE).await
    }

    /// Fetches a playlist.
    ///
    /// # Errors
    /// When it can't be had within the bounds.
    pub async fn fetch_playlist(&self, url: &str) -> Result<Vec<u8>, FileError> {
        self.fetch_file(url, &PLAYLIST).await
    }

    async fn fetch_file(&self, url: &str, bounds: &Bounds) -> Result<Vec<u8>, FileError> {
        let door = self.door.as_ref().ok_or(FileError::Off)?;
        let ask = Ask::get(door.address(url)?, HeaderMap::new());
        let mut answer =
            door.fetch(ask, bounds, &mut Budget(u32::from(bounds.redirects) + 1)).await?;
        if !answer.status.is_success() {
            return Err(FileError::Status(answer.status));
        }
        let mut file = Vec::new();
        while let Some(chunk) = answer.next_chunk().await? {
            file.extend_from_slice(&chunk);
        }
        Ok(file)
    }
}

/// Whose server a URL leads to: all names below one domain are of one.
pub fn site_of(url: &str) -> String {
    let host = url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    site::of(&host.unwrap_or_default()).to_owned()
}

/// How the column of somebody's picture names one of another server.
pub(crate) fn actor_picture(id: i64, url: Option<&str>) -> Option<String> {
    Some(format!("{PREFIX}{id}.{}", mark(url?)))
}

/// How the column `thumbnail` of a video does.
pub(crate) fn thumbnail(pictures: &[remote_video::Picture]) -> Option<String> {
    Some(format!("{PREFIX}{}", mark(&best(pictures)?.url)))
}

/// The path of a video's picture, if the column `thumbnail` names one of another server.
pub(crate) fn thumbnail_path(uuid: &str, thumbnail: &str) -> Option<String> {
    let mark = thumbnail.strip_prefix(PREFIX)?;
    Some(format!("/lazy-static/thumbnails/{PREFIX}{uuid}.{mark}.jpg"))
}

fn picture_of(known: &RemoteVideo) -> Option<String> {
    best(&known.pictures()).map(|picture| picture.url.clone())
}

/// The smallest that is wide enough for a player, else the largest.
fn best(pictures: &[remote_video::Picture]) -> Option<&remote_video::Picture> {
    let enough = pictures.iter().filter(|picture| picture.width >= WIDE);
    let smallest = enough.min_by_key(|picture| picture.width);
    smallest.or_else(|| pictures.iter().max_by_key(|picture| picture.width))
}

fn mark(url: &str) -> String {
    token::hash(url).chars().filter(char::is_ascii_alphanumeric).take(MARK).collect()
}

const PREFIX: &str = "elsewhere.";

/// Letters and digits of a mark: 70 bits, more than anybody makes collide for a picture.
const MARK: usize = 12;

/// Pixels: PeerTube's previews have 850.
const WIDE: i64 = 640;

/// As much as uploads of pictures may have.
const PICTURE: Bounds = Bounds {
    bytes: 4 << 20,
    connect: Duration::from_secs(5),
    first_byte: Duration::from_secs(8),
    pause: Duration::from_secs(4),
    whole: Duration::from_secs(12),
    least_rate: 10_000,
    redirects: 2,
    is_wanted: |kind| kind.starts_with("image/") || kind == "application/octet-stream",
};

/// Masters of a dozen renditions have 5 KB. Stores of objects give all kinds.
const PLAYLIST: Bounds = Bounds { bytes: 256 << 10, is_wanted: |_| true, ..PICTURE };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{avatar, banner, portrait};

    #[test]
    fn a_path_names_a_picture_and_nothing_else_does() {
        let name = actor_picture(7, Some("https://a.example/a.jpg")).unwrap();
        for (path, kind, width) in [
            (avatar(&name), PictureKind::Avatar, 120),
            (portrait(&name), PictureKind::Avatar, 600),
            (banner(&name), PictureKind::Banner, 1920),
        ] {
            let read = PictureElsewhere::parse(&path).unwrap();
            assert_eq!((read.kind(), read.width()), (Some(kind), width), "{path}");
            assert_eq!(read.mark, mark("https://a.example/a.jpg"));
        }
        let uuid = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4";
        let pictures = [280, 850, 1920].map(|width| remote_video::Picture {
            url: format!("https://a.example/{width}"),
            width,
            height: 1,
        });
        let path = thumbnail_path(uuid, &thumbnail(&pictures).unwrap()).unwrap();
        let read = PictureElsewhere::parse(&path).unwrap();
        assert_eq!((read.kind(), read.mark), (None, mark("https://a.example/850")));
        assert_eq!(thumbnail(&[]), None);
        for odd in [
            "/lazy-static/avatars/elsewhere.7.abcdefghijkl-121.jpg",
            "/lazy-static/avatars/elsewhere.7.abc-120.jpg",
            "/lazy-static/avatars/elsewhere.x.abcdefghijkl-120.jpg",
            "/lazy-static/avatars/elsewhere.7.abcdefghijk%2f-120.jpg",
            "/lazy-static/others/elsewhere.7.abcdefghijkl-120.jpg",
            "/lazy-static/thumbnails/elsewhere.../../a.abcdefghijkl.jpg",
            "/lazy-static/avatars/aB3-1795324400000-120.jpg",
        ] {
            assert_eq!(PictureElsewhere::parse(odd), None, "{odd}");
        }
    }
}
