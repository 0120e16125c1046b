//! What an activity that was heard does, by its type; one file for each thing that it is about.
//!
//! What nobody here knows is passed over: whoever sent it is not to send it again.

mod actor;
mod comment;
mod follow;
mod rate;
mod report;
mod video;

use serde_json::Value;

pub(crate) use self::comment::Turns;

use super::ask::FetchError;
use super::id::{Id, Local, Remote};
use super::json::{self, Object};
use super::people::PersonError;
use crate::Sidecar;
use crate::outbound::Budget;
use crate::table::remote_actor::{self, KeepError, RemoteActor};
use crate::table::video::{self as videos, Video};
use crate::table::{heard, task, tombstone};

/// An activity whose sender is proved, and of whose id and actor they may speak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    pub(crate) activity: &'a Object,
    pub(crate) id: &'a Remote,
    /// Who acts.
    pub(crate) actor: &'a RemoteActor,
}

/// Why an activity does nothing: its sender's blame or the house's rules, then what may be otherwise later.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HearError {
    #[error("{0}")]
    Refused(&'static str),
    #[error(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Send(#[from] super::send::SendError),
    /// Its author or site has said enough for now.
    #[error("enough is said by them for now")]
    Enough,
    #[error("too much waits to be asked for")]
    Full,
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl HearError {
    /// Whether hearing it again is of no use.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            HearError::Refused(_) => true,
            HearError::Person(error) => error.is_lasting(),
            HearError::Fetch(error) => error.is_lasting(),
            HearError::Send(_) | HearError::Enough | HearError::Full | HearError::Database(_) => {
                false
            }
        }
    }
}

impl From<KeepError> for HearError {
    fn from(error: KeepError) -> HearError {
        PersonError::Keep(error).into()
    }
}

impl Heard<'_> {
    /// What it is about, if that is told and not only named.
    pub(crate) fn object(&self) -> Option<&Object> {
        json::first(self.activity.get("object")).and_then(Value::as_object)
    }

    /// The type of what it is about, if that is told.
    pub(crate) fn object_kind(&self) -> Option<&str> {
        self.object().and_then(json::kind)
    }
}

impl Sidecar {
    /// Does what an activity says.
    pub(super) async fn receive(
        &self,
        heard: &Heard<'_>,
        budget: &mut Budget,
    ) -> Result<(), HearError> {
        match json::kind(heard.activity).unwrap_or_default() {
            "Follow" => self.hear_follow(heard).await,
            "Accept" => self.hear_answer(heard, true).await,
            "Reject" => self.hear_answer(heard, false).await,
            "Block" => self.hear_block(heard).await,
            "Like" => self.hear_rate(heard, true).await,
            "Dislike" => self.hear_rate(heard, false).await,
            "View" => self.hear_view(heard).await,
            "Announce" => self.hear_announce(heard).await,
            "Undo" => self.hear_undo(heard).await,
            "Update" if is_actor(heard.object_kind()) => self.hear_changed(heard, budget).await,
            "Create" | "Update" if heard.object_kind() == Some("Video") => {
                self.hear_video(heard).await
            }
            "Create" | "Update" if heard.object_kind() == Some("Note") => {
                self.hear_note(heard).await
            }
            "Flag" => self.hear_flag(heard).await,
            "ApproveReply" => self.hear_verdict(heard, true).await,
            "RejectReply" => self.hear_verdict(heard, false).await,
            "Delete" if self.is_named(heard.activity, "object", heard.actor) => {
                self.hear_gone(heard.actor).await
            }
            "Delete" => {
                if !self.hear_note_gone(heard).await? {
                    self.hear_video_gone(heard).await?;
                }
                Ok(())
            }
            other => {
                tracing::debug!(kind = other, "an activity that nobody here knows");
                Ok(())
            }
        }
    }

    /// Forgets what came so long ago that it can't come again, and reads again who is blocked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_heard(&self) -> Result<(), crate::work::WorkError> {
        let now = crate::now_ms();
        heard::forget(&self.database, now - HEARD_MS).await?;
        tombstone::forget(&self.database, now - TOMBSTONE_MS).await?;
        task::forget(&self.database, now - IDLE_MS).await?;
        remote_actor::forget_idle(&self.database, now - IDLE_MS).await?;
        Ok(self.load_blocks().await?)
    }

    /// What is undone is told in full, or named by its id.
    async fn hear_undo(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        if let Some(object) = heard.object()
            && !self.is_named(object, "actor", heard.actor)
        {
            return Err(HearError::Refused("only who did it undoes it"));
        }
        match heard.object_kind() {
            Some("Follow") => self.hear_unfollow(heard).await,
            Some("Like" | "Dislike") => self.hear_unrate(heard).await,
            Some("Announce") => self.hear_unannounce(heard).await,
            Some(_) => Ok(()),
            None => {
                self.hear_unfollow(heard).await?;
                self.hear_unrate(heard).await?;
                self.hear_unannounce(heard).await
            }
        }?;
        // Who likes a video again says so under the same id; nobody of another server makes us forget it.
        let undone = json::first_id(heard.activity, "object");
        let undone = undone.and_then(|id| self.place.as_ref()?.read(id).ok());
        match undone {
            Some(Id::Remote(undone)) if undone.authority() == heard.actor.host => {
                Ok(heard::take_back(&self.database, undone.as_str()).await?)
            }
            _ => Ok(()),
        }
    }

    /// What somebody passes on is asked of whoever said it, by its own id.
    pub(super) async fn hear_of(&self, activity: &Object) -> Result<(), HearError> {
        tracing::debug!(kind = json::kind(activity), "an activity that was passed on");
        let heard = match self.hear_of_note(activity).await {
            Ok(true) => Ok(()),
            Ok(false) => self.hear_of_video(activity).await,
            Err(error) => Err(error),
        };
        // Whoever passes it on is not to hold back what comes behind it: collections tell of it, too.
        match heard {
            Err(HearError::Full) => Ok(()),
            heard => heard,
        }
    }

    /// Has something asked for soon, as its own server tells it. Where too much waits already, whoever tells of it tells it again.
    pub(super) async fn ask_later(&self, kind: task::Kind, id: &Remote) -> Result<(), HearError> {
        if self.add_task(kind, id).await? { Ok(()) } else { Err(HearError::Full) }
    }

    /// Whether an object names somebody there, however their URL is written.
    fn is_named(&self, object: &Object, name: &str, whom: &RemoteActor) -> bool {
        let id = json::first_id(object, name);
        let id = id.and_then(|id| self.place.as_ref()?.read(id).ok());
        matches!(id, Some(Id::Remote(id)) if id.as_str() == whom.url)
    }

    /// The video of ours that something names.
    async fn video_named(&self, value: Option<&Value>) -> Result<Option<Video>, HearError> {
        let Some(place) = &self.place else { return Ok(None) };
        let named = json::first(value).and_then(json::id).and_then(|id| place.read(id).ok());
        match named {
            Some(Id::Local(Local::Video(uuid))) => {
                let found = videos::by_uuid(&self.database, &uuid).await?;
                Ok(found.filter(|video| !video.is_remote && is_everybodys(video)))
            }
            _ => Ok(None),
        }
    }
}

/// How long an activity is known again: much longer than a signature is good.
const HEARD_MS: i64 = 2 * 86_400_000;

/// How long somebody is known of whom nothing is here: whoever invents people has to go on doing so.
const IDLE_MS: i64 = 3 * 86_400_000;

/// How long what is gone elsewhere doesn't come back by an old message: servers give up after some days.
const TOMBSTONE_MS: i64 = 30 * 86_400_000;

/// Whether other servers may know of it.
fn is_everybodys(video: &Video) -> bool {
    video.state == videos::State::Published.id() && video.privacy <= videos::Privacy::Unlisted.id()
}

fn is_actor(kind: Option<&str>) -> bool {
    matches!(kind, Some("Person" | "Group" | "Application" | "Service" | "Organization"))
}
