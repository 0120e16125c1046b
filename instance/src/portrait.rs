//! Pictures of accounts and channels: the sidecar decides, the origin makes and keeps them, and here they meet.

use std::sync::Arc;

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use origin::Reply;
use origin::import::{self, Settings, Shape, ThumbnailError};
use origin::library::{Library, LibraryError};
use sidecar::Sidecar;
use sidecar::cookie;
use sidecar::pictures::{NewPicture, Target};
use sidecar::upload::{Refusal, Trouble};
use sidecar::view::PictureKind;

use crate::turns::Turns;
use crate::upload::hear_out;

/// Where pictures come in.
#[derive(Debug, Clone)]
pub(crate) struct Portraits {
    sidecar: Arc<Sidecar>,
    library: Library,
    settings: Settings,
    turns: Turns,
}

impl Portraits {
    pub(crate) fn new(
        sidecar: Arc<Sidecar>,
        library: Library,
        settings: Settings,
        turns: Turns,
    ) -> Portraits {
        Portraits { sidecar, library, settings, turns }
    }

    /// Whether a request is about a picture.
    pub(crate) fn is_for(request: &Request<Incoming>) -> bool {
        match Target::parse(request.uri().path()) {
            Some(target) => !target.is_page || *request.method() == Method::POST,
            None => false,
        }
    }

    /// Answers one request, and goes on to the end even if nobody is there to hear the answer.
    pub(crate) async fn answer(self, mut request: Request<Incoming>) -> Reply {
        let answering = async move {
            let path = request.uri().path().to_owned();
            let Some(target) = Target::parse(&path) else {
                return origin::serve::text(StatusCode::NOT_FOUND, "there is no such page\n");
            };
            match self.act(target, &mut request).await {
                Ok(reply) => reply,
                Err(refusal) => {
                    hear_out(request.body_mut()).await;
                    if target.is_page {
                        see_other(&format!("{}?picture=refused", target.page()))
                    } else {
                        refusal.answer()
                    }
                }
            }
        };
        tokio::spawn(answering).await.unwrap_or_else(|_| {
            let text = "this cannot be done just now\n";
            origin::serve::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        })
    }

    async fn act(
        &self,
        target: Target<'_>,
        request: &mut Request<Incoming>,
    ) -> Result<Reply, Refusal> {
        let method = request.method().clone();
        if target.is_page {
            if !cookie::is_from_own_page(request.headers()) {
                let text = "this form is of another site's page\n";
                return Ok(origin::serve::text(StatusCode::FORBIDDEN, text));
            }
            if target.is_bare {
                self.remove(target, request).await?;
            } else {
                self.take(target, request).await?;
            }
            return Ok(see_other(&format!("{}?saved=1", target.page())));
        }
        match (method, target.is_bare) {
            (Method::OPTIONS, _) => Ok(self.sidecar.allow_picture(target)),
            (Method::POST, false) => {
                let new = self.take(target, request).await?;
                Ok(self.sidecar.tell_picture(&new))
            }
            (Method::DELETE, true) => {
                self.remove(target, request).await?;
                Ok(self.sidecar.tell_done())
            }
            _ => Ok(self.sidecar.refuse_picture_method(target)),
        }
    }

    /// The files come before the row that names them, and go after: what is told of is there.
    async fn take(
        &self,
        target: Target<'_>,
        request: &mut Request<Incoming>,
    ) -> Result<NewPicture, Refusal> {
        let _form = self.turns.form()?;
        let new = self.sidecar.read_picture(target, request).await?;
        let turn = self.turns.picture().await?;
        let (settings, bytes, name) = (self.settings.clone(), new.bytes.clone(), new.name.clone());
        let kind = new.kind;
        let shape = shape(kind);
        let library = self.library.clone();
        let making = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let made = import::portrait(&library, &bytes, shape, &settings)?;
            for (jpeg, &(width, _)) in made.iter().zip(shape.sizes()) {
                library.keep_picture(&PictureKind::file(&name, width), jpeg)?;
            }
            Ok(())
        });
        match making.await.map_err(|error| Trouble::Machine(error.to_string()))? {
            Ok(()) => {}
            Err(ThumbnailError::Picture(reason)) => {
                tracing::debug!(reason, "a picture can't be used");
                return Err(self.sidecar.refuse_portrait(target));
            }
            Err(error) => return Err(Trouble::Machine(error.to_string()).into()),
        }
        match self.sidecar.keep_picture(&new).await {
            Ok(old) => {
                self.discard(kind, old).await;
                Ok(new)
            }
            Err(refusal) => {
                self.discard(kind, Some(new.name)).await;
                Err(refusal)
            }
        }
    }

    async fn remove(&self, target: Target<'_>, request: &Request<Incoming>) -> Result<(), Refusal> {
        let old = self.sidecar.forget_picture(target, request.headers()).await?;
        self.discard(target.kind, old).await;
        Ok(())
    }

    /// Removes what nothing names any more; if that fails, it is swept away later.
    async fn discard(&self, kind: PictureKind, name: Option<String>) {
        let Some(name) = name else { return };
        let library = self.library.clone();
        let removing = tokio::task::spawn_blocking(move || {
            for (width, _) in kind.sizes() {
                library.remove_picture(&PictureKind::file(&name, *width))?;
            }
            Ok::<_, LibraryError>(())
        });
        if !matches!(removing.await, Ok(Ok(()))) {
            tracing::warn!("a picture that nobody has is removed later");
        }
    }
}

/// Answers with a picture of an account or a channel; its name is never used again for another.
pub(crate) async fn show(library: &Library, path: &str) -> Option<Reply> {
    let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?.to_owned();
    let library = library.clone();
    let read = tokio::task::spawn_blocking(move || library.picture(&name)).await;
    let jpeg = match read {
        Ok(Ok(found)) => found?,
        Ok(Err(error)) => {
            tracing::error!("{error}");
            let text = "the picture cannot be read\n";
            return Some(origin::serve::text(StatusCode::INTERNAL_SERVER_ERROR, text));
        }
        Err(_) => return None,
    };
    let mut reply = Response::new(Full::from(jpeg));
    for (name, value) in [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(reply)
}

fn shape(kind: PictureKind) -> Shape {
    match kind {
        PictureKind::Avatar => Shape::Avatar,
        PictureKind::Banner => Shape::Banner,
    }
}

fn see_other(to: &str) -> Reply {
    let mut reply = origin::serve::text(StatusCode::SEE_OTHER, "");
    if let Ok(to) = HeaderValue::try_from(to) {
        reply.headers_mut().insert(header::LOCATION, to);
    }
    reply
}

/// PeerTube's paths of pictures.
const FOLDERS: [&str; 2] = ["/lazy-static/avatars/", "/lazy-static/banners/"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_is_what_is_made() {
        for kind in [PictureKind::Avatar, PictureKind::Banner] {
            assert_eq!(kind.sizes(), shape(kind).sizes());
        }
    }
}
