//! When a copy goes out of service: its host shows the video to nobody any more, or not to everybody. A host that is only away, or
//! whose proxy has lost it, keeps its mirrors.

use std::path::Path;

use http::{HeaderMap, StatusCode};

use super::folder::Folder;
use super::{Asked, MOST_JSON, MirrorError, Source, Url};

impl Source {
    /// Takes the copy of a video that wasn't found out of service, if its host says so for certain; returns what is to be said then, and
    /// else what was wrong.
    pub(super) async fn withdraw(
        &mut self,
        asked: &Asked,
        to: &Path,
        error: MirrorError,
    ) -> MirrorError {
        let is_refused = match &error {
            MirrorError::Private(_) => true,
            MirrorError::Answer(_, status) => is_hidden(*status) || is_gone(*status),
            _ => false,
        };
        if !is_refused {
            return error;
        }
        let folder = match Folder::find(to, &asked.id) {
            Ok(Some(folder)) => folder,
            Ok(None) => return error,
            Err(error) => return error,
        };
        match self.is_withdrawn(asked, &folder).await {
            Ok(true) => match folder.clear() {
                Ok(cleared) => MirrorError::Withdrawn(asked.url.clone(), Box::new(cleared)),
                Err(error) => error,
            },
            Ok(false) | Err(_) => error,
        }
    }

    /// Whether the API of the video's own host says in its own form (RFC 9457) that it isn't there, or not for all, and its media agree:
    /// a page of a proxy, a host behind a redirect or a video that is only made anew are no such word.
    async fn is_withdrawn(&mut self, asked: &Asked, folder: &Folder) -> Result<bool, MirrorError> {
        let api = asked.api()?;
        let answer = self.ask(&api, HeaderMap::new(), MOST_JSON).await?;
        if answer.url.origin() != api.origin() || answer.kind() != PROBLEM {
            return Ok(false);
        }
        if !is_gone(answer.status) {
            return Ok(is_hidden(answer.status));
        }
        for name in folder.masters()? {
            let master = self.master(asked, &name)?;
            let answer = self.ask(&master, HeaderMap::new(), MOST_JSON).await?;
            let is_away = is_gone(answer.status) || is_hidden(answer.status);
            if !is_away || answer.url.origin() != master.origin() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where the host of a video has its masters.
    fn master(&self, asked: &Asked, name: &str) -> Result<Url, MirrorError> {
        let joined = asked.url.join(&format!("/hls/{}/{name}", asked.id));
        joined.map_err(|_| MirrorError::NotAVideo(asked.url.clone()))
    }
}

fn is_hidden(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Also what is private: a Shoal tells nobody that there is something.
fn is_gone(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// In which form APIs of Shoals and PeerTubes refuse.
const PROBLEM: &str = "application/problem+json";
