//! A request whose body has been read: what all answers about the catalogue are made from.

use http::{HeaderMap, Method, header};

use wire::id::VideoId;

use crate::body::Fields;
use crate::cookie;
use crate::error::ApiError;
use crate::query::Query;
use crate::visitor::{Asker, Visitor};

/// A request, without its path.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) query: Query,
    pub(super) fields: Fields,
    /// Whose budgets it is counted on.
    pub(super) from: &'a str,
    pub(super) visitor: Option<Visitor>,
    /// What they have to show for a video that a password opens.
    pub(super) password: Option<String>,
    /// The languages that they read, as `Accept-Language` has them.
    pub(super) language: &'a str,
}

impl Asked<'_> {
    /// Who asks, where somebody must.
    pub(super) fn visitor(&self) -> Result<&Visitor, ApiError> {
        self.visitor.as_ref().ok_or(ApiError::NoToken)
    }

    pub(super) fn moderator(&self) -> Result<&Visitor, ApiError> {
        let visitor = self.visitor()?;
        if visitor.role.moderates() {
            Ok(visitor)
        } else {
            Err(ApiError::Forbidden("only moderators and administrators may do this"))
        }
    }

    pub(super) fn user_id(&self) -> i64 {
        self.visitor.as_ref().map_or(0, |visitor| visitor.user_id)
    }

    /// What they have to show for a video.
    pub(super) fn asker(&self) -> Asker<'_> {
        Asker {
            visitor: self.visitor.as_ref(),
            password: self.password.as_deref(),
            from: self.from,
        }
    }
}

/// The password in the header, else the one that opened the page of the video in a path of the API.
pub(super) fn password(headers: &HeaderMap, path: &str) -> Option<String> {
    if let Some(shown) = headers.get(PASSWORD) {
        return String::from_utf8(shown.as_bytes().to_vec()).ok();
    }
    let video: VideoId = path.split('/').find_map(|part| part.parse().ok())?;
    cookie::is_from_own_page(headers).then(|| cookie::video_password(headers, &video))?
}

/// The languages that whoever asks reads, as far as that is a plain text of sane length.
pub(super) fn language(headers: &HeaderMap) -> &str {
    let told = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    told.filter(|text| text.len() <= LONGEST_LANGUAGE).unwrap_or_default()
}

/// Browsers say five languages in 60.
const LONGEST_LANGUAGE: usize = 200;

/// Where PeerTube's programs put a video's password.
const PASSWORD: &str = "x-peertube-video-password";
