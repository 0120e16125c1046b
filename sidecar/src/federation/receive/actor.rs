//! Somebody changes, or is gone.

use super::{HearError, Heard};
use crate::Sidecar;
use crate::federation::id::Remote;
use crate::federation::json;
use crate::now_ms;
use crate::outbound::Budget;
use crate::table::remote_actor::{self, RemoteActor};
use crate::table::tombstone;

impl Sidecar {
    /// What is told of them inline is their server's word, but the whole of it is had from their own URL.
    pub(super) async fn hear_changed(
        &self,
        heard: &Heard<'_>,
        budget: &mut Budget,
    ) -> Result<(), HearError> {
        let place = self.place.as_ref().ok_or(HearError::Refused("federation is off"))?;
        let id = heard.object().and_then(|object| json::first_id(object, "id"));
        let id = id.and_then(|id| Remote::parse(id, place.strictness()).ok());
        let id = id.filter(|id| id.authority() == heard.id.authority());
        let id = id.ok_or(HearError::Refused("only who it is says who they are"))?;
        // Of whom nothing is known here, nothing needs to be known.
        if remote_actor::by_url(&self.database, id.document()).await?.is_none() {
            return Ok(());
        }
        let asking = self.inbox.turn_to_ask_of(id.authority());
        let _turn = asking.ok_or(HearError::Full)?;
        self.person_anew(&id, budget).await?;
        Ok(())
    }

    /// Somebody goes, with all that is theirs; of what they said below videos the place stays.
    pub(crate) async fn hear_gone(&self, actor: &RemoteActor) -> Result<(), HearError> {
        tombstone::set(&self.database, now_ms(), &actor.url, "Person").await?;
        Ok(remote_actor::remove(&self.database, actor.id).await?)
    }
}
