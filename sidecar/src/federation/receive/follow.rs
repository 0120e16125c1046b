//! Who follows, is let follow, and ends it.
//!
//! they → us: Follow, Undo of it, Accept and Reject of ours, Block. We answer through `follows`.

use super::{HearError, Heard};
use crate::federation::id::{Id, Local};
use crate::federation::json;
use crate::table::follow::{self, FollowState};
use crate::{Sidecar, now_ms};

impl Sidecar {
    pub(super) async fn hear_follow(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let target = self.somebody_here(json::first_id(heard.activity, "object"));
        let target = target.ok_or(HearError::Refused("nobody of that id is here"))?;
        self.followed(heard.actor, &target, Some(heard.id)).await
    }

    pub(super) async fn hear_unfollow(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let named = match heard.object() {
            Some(follow) => self.somebody_here(json::first_id(follow, "object")),
            None => None,
        };
        let target_id = match named {
            Some(target) => self.handle_of(&target).await?,
            None => match json::first_id(heard.activity, "object") {
                Some(url) => follow::target_of(&self.database, heard.actor.id, url).await?,
                None => None,
            },
        };
        if let Some(target_id) = target_id {
            follow::end(&self.database, heard.actor.id, target_id).await?;
        }
        Ok(())
    }

    /// Whom we asked says yes or no. Which Follow is meant is told by who answers: we ask each of them once.
    pub(super) async fn hear_answer(
        &self,
        heard: &Heard<'_>,
        is_yes: bool,
    ) -> Result<(), HearError> {
        let us = self.handle_of(&Local::Instance).await?;
        let us = us.ok_or(HearError::Refused("nobody was asked"))?;
        let asked = follow::of(&self.database, us, heard.actor.id).await?;
        let asked = asked.ok_or(HearError::Refused("nobody was asked"))?;
        // A yes to something else, such as a quote or an invitation, is none to this.
        if heard.object_kind().is_some_and(|kind| kind != "Follow") {
            return Ok(());
        }
        let state = if is_yes { FollowState::Accepted } else { FollowState::Rejected };
        follow::set_state(&self.database, now_ms(), asked.id, state).await?;
        self.follows_changed(heard.actor).await
    }

    /// Somebody blocks somebody of ours: neither follows the other any more.
    pub(super) async fn hear_block(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let blocked = self.somebody_here(json::first_id(heard.activity, "object"));
        let Some(blocked) = blocked else { return Ok(()) };
        if let Some(blocked) = self.handle_of(&blocked).await? {
            follow::end(&self.database, heard.actor.id, blocked).await?;
            if follow::end(&self.database, blocked, heard.actor.id).await? {
                self.follows_changed(heard.actor).await?;
            }
        }
        Ok(())
    }

    /// Somebody here who is followed.
    fn somebody_here(&self, id: Option<&str>) -> Option<Local> {
        match self.place.as_ref()?.read(id?).ok()? {
            Id::Local(whose @ (Local::Instance | Local::Account(_) | Local::Channel(_))) => {
                Some(whose)
            }
            _ => None,
        }
    }
}
