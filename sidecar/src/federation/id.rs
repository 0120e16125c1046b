//! Ids of what servers speak of: URLs, ours and others'.
//!
//! Ours are kept as what they name and written as a path below the public URL, so that nothing is stored twice; others' are kept as
//! they are written, after host and escapes were made one form.

#[cfg(test)]
mod tests;

use std::fmt;

use url::{Host, Url};
use wire::id::VideoId;

use crate::field::Username;

/// The id of somebody or something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Id {
    /// Ours.
    Local(Local),
    /// Another server's.
    Remote(Remote),
}

/// What has an id here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Local {
    /// The instance itself, which PeerTube wants to be called `peertube`.
    Instance,
    /// A person.
    Account(String),
    /// A person's channel.
    Channel(String),
    /// A video.
    Video(VideoId),
    /// A comment, by its number.
    Comment(VideoId, i64),
}

/// A URL of another server that we could ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    text: String,
    /// Where the host begins and ends in it, with a port if it has one.
    authority: (usize, usize),
}

/// Where we are, and whom we may meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Without a slash at the end.
    public_url: String,
    authority: String,
    strictness: Strictness,
}

/// Which URLs others may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// https, a name with a dot, no port.
    Public,
    /// For tests alone: http, ports and addresses, too.
    Test,
}

impl Place {
    /// # Errors
    /// When the public URL is none that others may have.
    pub fn new(public_url: &str, strictness: Strictness) -> Result<Place, IdError> {
        let public_url = public_url.trim_end_matches('/');
        let remote = Remote::parse(public_url, strictness)?;
        Ok(Place {
            public_url: public_url.to_owned(),
            authority: remote.authority().to_owned(),
            strictness,
        })
    }

    /// Host of our ids, with a port if the public URL has one.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whom we may meet.
    pub(crate) fn strictness(&self) -> Strictness {
        self.strictness
    }

    /// Reads an id that somebody sent.
    ///
    /// # Errors
    /// When it is no URL that we could ask, or one of ours that names nothing.
    pub fn read(&self, text: &str) -> Result<Id, IdError> {
        let remote = Remote::parse(text, self.strictness)?;
        if remote.authority() != self.authority {
            return Ok(Id::Remote(remote));
        }
        let path = remote.text.get(remote.authority.1..).unwrap_or_default();
        Local::parse(path).map(Id::Local).ok_or(IdError::Nothing)
    }

    /// A path as a URL.
    pub(crate) fn below(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }

    /// The same as a URL.
    pub fn url(&self, local: &Local) -> String {
        format!("{}{local}", self.public_url)
    }
}

impl Id {
    /// The other server's URL, if it isn't ours.
    pub fn remote(&self) -> Option<&Remote> {
        match self {
            Id::Local(_) => None,
            Id::Remote(remote) => Some(remote),
        }
    }
}

impl Local {
    /// Reads a path, which may name a part of a document behind `#`.
    pub fn parse(path: &str) -> Option<Local> {
        let path = path.split_once('#').map_or(path, |(path, _)| path);
        let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        Some(match segments[..] {
            ["accounts", INSTANCE] => Local::Instance,
            ["accounts", name] => Local::Account(handle(name)?),
            ["video-channels", name] => Local::Channel(handle(name)?),
            ["videos", "watch", uuid] => Local::Video(video(uuid)?),
            ["videos", "watch", uuid, "comments", no] => {
                let is_plain = no.bytes().all(|byte| byte.is_ascii_digit()) && !no.starts_with('0');
                Local::Comment(video(uuid)?, no.parse().ok().filter(|_| is_plain)?)
            }
            _ => return None,
        })
    }
}

/// The path.
impl fmt::Display for Local {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Local::Instance => write!(to, "/accounts/{INSTANCE}"),
            Local::Account(name) => write!(to, "/accounts/{name}"),
            Local::Channel(name) => write!(to, "/video-channels/{name}"),
            Local::Video(uuid) => write!(to, "/videos/watch/{uuid}"),
            Local::Comment(uuid, no) => write!(to, "/videos/watch/{uuid}/comments/{no}"),
        }
    }
}

/// In the one form that is written, not the short one.
fn video(uuid: &str) -> Option<VideoId> {
    uuid.parse().ok().filter(|id: &VideoId| id.to_string() == uuid)
}

/// One that somebody here could have.
fn handle(name: &str) -> Option<String> {
    Username::parse(name).ok().map(|_| name.to_owned())
}

impl Remote {
    /// Reads a URL, and writes its host and escapes in the one form in which it is compared and kept.
    ///
    /// # Errors
    /// When we may not ask it, or it is too long to be kept.
    pub fn parse(text: &str, strictness: Strictness) -> Result<Remote, IdError> {
        if text.len() > MOST_BYTES {
            return Err(IdError::Long);
        }
        let url = Url::parse(text).map_err(|_| IdError::Unreadable)?;
        let is_test = strictness == Strictness::Test;
        if url.scheme() != "https" && !(is_test && url.scheme() == "http") {
            return Err(IdError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(IdError::Credentials);
        }
        if url.port().is_some() && !is_test {
            return Err(IdError::Port);
        }
        match url.host() {
            Some(Host::Domain(name)) if is_public(name) || is_test => {}
            Some(_) if is_test => {}
            _ => return Err(IdError::Host),
        }
        let begin = url.scheme().len() + "://".len();
        let authority = url.authority().len();
        let text = String::from(url);
        // Escapes may have made it longer.
        if text.len() > MOST_BYTES {
            return Err(IdError::Long);
        }
        Ok(Remote { text, authority: (begin, begin + authority) })
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host, and port if it has one: whose word an object is.
    pub fn authority(&self) -> &str {
        self.text.get(self.authority.0..self.authority.1).unwrap_or_default()
    }

    /// Path and query: what is asked for.
    pub fn target(&self) -> &str {
        self.text
            .get(self.authority.1..)
            .and_then(|rest| rest.split('#').next())
            .unwrap_or_default()
    }

    /// The document that it is a part of.
    pub fn document(&self) -> &str {
        self.text.split('#').next().unwrap_or_default()
    }
}

/// A name in the public DNS has a dot, and doesn't end with one: that would be the same host under another name.
fn is_public(name: &str) -> bool {
    name.contains('.') && !name.ends_with('.')
}

/// Why a text is no id; the blame is its sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// No URL.
    #[error("this is no URL")]
    Unreadable,
    /// Longer than PeerTube's column.
    #[error("a URL may have {MOST_BYTES} bytes")]
    Long,
    /// Not encrypted.
    #[error("the URL must begin with https://")]
    Scheme,
    /// A name or a password in it.
    #[error("the URL may have no credentials")]
    Credentials,
    /// Other servers take no ports.
    #[error("the URL may have no port")]
    Port,
    /// An address, or a name of a private network.
    #[error("the URL must have a name of the public DNS")]
    Host,
    /// Of our host, but nothing of ours.
    #[error("nothing here has this URL")]
    Nothing,
}

/// What the instance is called, for PeerTube's sake.
pub const INSTANCE: &str = "peertube";

/// PeerTube's bound.
const MOST_BYTES: usize = 2000;
