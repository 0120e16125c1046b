//! Sending: an activity goes into the database with the inboxes that it is for, and whoever asked goes on with other things.
//!
//! ```text
//! whoever does something ──▶ one row of `sent`, one of `delivery` for each inbox ──▶ the worker in `deliver`
//! ```

use serde_json::Value;

use super::id::{INSTANCE, Local};
use super::object::{actor_context, plain_context, video, with_context};
use crate::table::sent::Addressee;
use crate::table::{actor_key, remote_actor, sent};
use crate::{Sidecar, now_ms};

/// To whom an activity goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    /// The inbox of somebody elsewhere, by their id: what is theirs alone, such as an answer to their Follow.
    Inbox(i64),
    /// The same of somebody who was just blocked: that nobody follows the other any more.
    Leaver(i64),
    /// The server of somebody elsewhere, by their id, once.
    Server(i64),
    /// All who follow somebody here, each server once.
    FollowersOf(Local),
}

/// Why nothing is sent: who asks, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// Nobody here ever had that name.
    #[error("nobody here is {0}")]
    Nobody(Local),
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Sidecar {
    /// Queues an activity of somebody here for all these inboxes, once for each; while federation is off, for none.
    ///
    /// A context is put before it, unless it has one.
    pub(crate) async fn send(
        &self,
        from: &Local,
        activity: &Value,
        to: &[To],
    ) -> Result<(), SendError> {
        if self.place.is_none() {
            return Ok(());
        }
        let actor_id = self.ever(from).await?;
        let mut addressees = Vec::with_capacity(to.len());
        for whom in to {
            addressees.extend(match whom {
                To::Inbox(id) => self.may_write_to(*id).await?.then_some(Addressee::Inbox(*id)),
                To::Leaver(id) => Some(Addressee::Leaver(*id)),
                To::Server(id) => self.may_write_to(*id).await?.then_some(Addressee::Server(*id)),
                To::FollowersOf(whose) => Some(Addressee::FollowersOf(self.ever(whose).await?)),
            });
        }
        let text = in_context(activity.clone()).to_string();
        let said = (actor_id, text.as_str(), activity["id"].as_str());
        let queued = sent::queue(&self.database, now_ms(), said, &addressees).await?;
        if queued > 0 {
            self.delivery_waits.notify_one();
        }
        Ok(())
    }

    /// The handle of somebody who is here or was: names aren't given twice.
    async fn ever(&self, whose: &Local) -> Result<i64, SendError> {
        let name = match whose {
            Local::Instance => return Ok(actor_key::handle(&self.database, INSTANCE).await?),
            Local::Account(name) | Local::Channel(name) => name,
            Local::Video(_) | Local::Comment(..) => return Err(SendError::Nobody(whose.clone())),
        };
        let found = actor_key::find_handle(&self.database, name).await?;
        found.ok_or_else(|| SendError::Nobody(whose.clone()))
    }

    async fn may_write_to(&self, id: i64) -> sqlx::Result<bool> {
        let found = remote_actor::by_id(&self.database, id).await?;
        Ok(found.is_some_and(|actor| !self.is_blocked(&actor.host, Some(&actor.handle()))))
    }
}

/// What the words of its object mean is said at its beginning.
fn in_context(mut activity: Value) -> Value {
    if activity.get("@context").is_some() {
        return activity;
    }
    let context = match activity["object"]["type"].as_str() {
        Some("Video") => video::context(),
        Some("Person" | "Group" | "Application") => actor_context(),
        _ => plain_context(),
    };
    if let Some(object) = activity["object"].as_object_mut() {
        object.remove("@context");
    }
    with_context(context, activity)
}
