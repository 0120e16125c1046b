//! Videos of other servers: that there is a new one, that one changed, and that one is gone.
//!
//! they → us: Create, Update, Delete of a Video; Announce of one by its channel or its instance.
//!
//! Nothing that is told is taken: a video is what its own id tells, which is asked soon after. Only those are asked for that
//! somebody whom we follow tells of, and only by who is of the same server.

#[cfg(test)]
mod tests;

use super::{HearError, Heard};
use crate::Sidecar;
use crate::federation::id::{Id, Local, Remote};
use crate::federation::json::{self, Object};
use crate::table::follow::{self, FollowState};
use crate::table::remote_actor::{self, RemoteActor};
use crate::table::task::Kind;
use crate::table::{channel, remote_video, tombstone};
use crate::{now_ms, table::video};

impl Sidecar {
    /// There is a video, or it changed: it is fetched if it is known, or somebody whom we follow tells of it.
    pub(super) async fn hear_video(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let Some(id) = self.theirs(heard) else { return Ok(()) };
        let is_known = remote_video::by_url(&self.database, id.document()).await?.is_some();
        if !is_known && !self.is_followed(heard.actor).await? {
            return Ok(());
        }
        if tombstone::find(&self.database, id.document()).await?.is_some() {
            return Err(HearError::Refused("it was deleted"));
        }
        match self.ask_later(Kind::Video, &id).await {
            // A PeerTube tells it once. What is known is asked for when somebody looks; what isn't is on the outbox.
            Err(HearError::Full) if is_known => {
                Ok(remote_video::make_stale(&self.database, id.document()).await?)
            }
            Err(HearError::Full) => Ok(self.begin_backfill(heard.actor).await?),
            noted => noted,
        }
    }

    /// A video is gone, as somebody of its own server says; nothing comes back under its id.
    pub(super) async fn hear_video_gone(&self, heard: &Heard<'_>) -> Result<bool, HearError> {
        let Some(id) = self.theirs(heard) else { return Ok(false) };
        let Some(known) = remote_video::by_url(&self.database, id.document()).await? else {
            return Ok(false);
        };
        let found = video::by_id(&self.database, known.id).await?;
        let is_owner = found
            .is_some_and(|found| [found.channel_id, found.account_id].contains(&heard.actor.id));
        if !is_owner {
            return Err(HearError::Refused("only whose it is deletes it"));
        }
        tombstone::set(&self.database, now_ms(), &known.url, "Video").await?;
        video::delete(&self.database, known.id).await?;
        Ok(true)
    }

    /// Somebody passes on what another says of a video that is known: it is asked for, whatever that was, unless that was done just now.
    pub(super) async fn hear_of_video(&self, activity: &Object) -> Result<(), HearError> {
        let id = json::first_id(activity, "object");
        let id = id.and_then(|id| self.place.as_ref()?.read(id).ok());
        if let Some(Id::Remote(id)) = id
            && let Some(known) = remote_video::by_url(&self.database, id.document()).await?
            && known.fetched_at + FRESH_MS < now_ms()
        {
            self.ask_later(Kind::Video, &id).await?;
        }
        Ok(())
    }

    /// The id of what is told, if it is of the server of who tells it.
    fn theirs(&self, heard: &Heard<'_>) -> Option<Remote> {
        let id = json::first_id(heard.activity, "object")?;
        match self.place.as_ref()?.read(id).ok()? {
            Id::Remote(id) if id.authority() == heard.actor.host => Some(id),
            _ => None,
        }
    }

    /// Whether we follow somebody, one of their channels, or their server.
    async fn is_followed(&self, actor: &RemoteActor) -> Result<bool, HearError> {
        if let Some(found) = channel::by_id(&self.database, actor.id).await? {
            return Ok(found.is_followed);
        }
        let Some(us) = self.handle_of(&Local::Instance).await? else { return Ok(false) };
        let instance = remote_actor::of_instance(&self.database, &actor.host).await?;
        for target in [Some(actor.id), instance.map(|instance| instance.id)].into_iter().flatten() {
            let found = follow::of(&self.database, us, target).await?;
            if found.is_some_and(|found| found.is(FollowState::Accepted)) {
                return Ok(true);
            }
        }
        let channels = channel::of_account(&self.database, actor.id).await?;
        Ok(channels.iter().any(|channel| channel.is_followed))
    }
}

/// How long others' word doesn't have a video asked for again: who passes on what they like would have us ask a server all day.
const FRESH_MS: i64 = 10 * 60_000;
