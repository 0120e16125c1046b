//! What a video is, as far as the table `video` knows: whose it is, who may see it, how far it is.

use serde::{Deserialize, Serialize};
use wire::id::VideoId;

/// What a new video begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewVideo {
    pub(crate) uuid: VideoId,
    pub(crate) channel_id: i64,
    pub(crate) account_id: i64,
    pub(crate) state: State,
    pub(crate) source_name: String,
    pub(crate) source_bytes: i64,
    pub(crate) about: About,
}

/// What an owner says of a video, and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) privacy: Privacy,
    pub(crate) description: Option<String>,
    pub(crate) support: Option<String>,
    pub(crate) category: Option<i64>,
    pub(crate) licence: Option<i64>,
    pub(crate) language: Option<String>,
    pub(crate) nsfw: bool,
    /// 1 everybody's, 2 nobody's, 3 after approval.
    pub(crate) comments_policy: i64,
    pub(crate) download_enabled: bool,
    pub(crate) wait_transcoding: bool,
    pub(crate) originally_published_at: Option<i64>,
    /// When it becomes what, by itself.
    pub(crate) schedule: Option<Schedule>,
    /// Each once, whatever its case.
    pub(crate) tags: Vec<String>,
    /// Of privacy [`Privacy::Password`].
    pub(crate) passwords: Vec<String>,
}

impl About {
    /// What is said of a video of which only this is said; the rest as PeerTube has it.
    pub(crate) fn named(name: String, privacy: Privacy) -> About {
        About {
            name,
            privacy,
            description: None,
            support: None,
            category: None,
            licence: None,
            language: None,
            nsfw: false,
            comments_policy: 1,
            download_enabled: true,
            wait_transcoding: false,
            originally_published_at: None,
            schedule: None,
            tags: Vec::new(),
            passwords: Vec::new(),
        }
    }
}

/// When a video becomes what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    pub(crate) at: i64,
    pub(crate) privacy: Privacy,
}

/// Who may see a video; PeerTube's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Privacy {
    /// Everybody, and it is listed.
    Public,
    /// Whoever has its address.
    Unlisted,
    /// Its owner, and who works in its channel.
    Private,
    /// Whoever is logged in.
    Internal,
    /// Whoever knows one of its passwords.
    Password,
}

/// How far a video is; PeerTube's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can be watched.
    Published,
    /// It will be.
    ToTranscode,
    /// It can't be.
    TranscodingFailed,
}

/// What the origin made of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Media {
    /// The origin's own words, as JSON.
    pub(crate) json: String,
    pub(crate) duration_ms: i64,
    /// Of the best rendition; 0 is sound only.
    pub(crate) width: i64,
    pub(crate) height: i64,
}

impl Privacy {
    /// PeerTube's number.
    pub fn number(self) -> i64 {
        self.id()
    }

    pub(crate) fn id(self) -> i64 {
        match self {
            Privacy::Public => 1,
            Privacy::Unlisted => 2,
            Privacy::Private => 3,
            Privacy::Internal => 4,
            Privacy::Password => 5,
        }
    }

    pub(crate) fn parse(id: i64) -> Option<Privacy> {
        let all = [
            Privacy::Public,
            Privacy::Unlisted,
            Privacy::Private,
            Privacy::Internal,
            Privacy::Password,
        ];
        all.into_iter().find(|privacy| privacy.id() == id)
    }

    /// As a terminal says it.
    pub fn word(self) -> &'static str {
        match self {
            Privacy::Public => "public",
            Privacy::Unlisted => "unlisted",
            Privacy::Private => "private",
            Privacy::Internal => "internal",
            Privacy::Password => "password",
        }
    }

    /// By that word.
    pub fn named(word: &str) -> Option<Privacy> {
        (1..=5).filter_map(Privacy::parse).find(|privacy| privacy.word() == word)
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Privacy::Public => "Public",
            Privacy::Unlisted => "Unlisted",
            Privacy::Private => "Private",
            Privacy::Internal => "Internal",
            Privacy::Password => "Password protected",
        }
    }
}

impl State {
    pub(crate) fn parse(id: i64) -> Option<State> {
        let all = [State::Published, State::ToTranscode, State::TranscodingFailed];
        all.into_iter().find(|state| state.id() == id)
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            State::Published => "Published",
            State::ToTranscode => "To transcode",
            State::TranscodingFailed => "Transcoding failed",
        }
    }

    pub(crate) fn id(self) -> i64 {
        match self {
            State::Published => 1,
            State::ToTranscode => 2,
            State::TranscodingFailed => 7,
        }
    }
}
