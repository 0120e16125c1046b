//! Who follows whom: those of elsewhere who follow somebody here, and whom the instance follows for all who are here.
//!
//! We follow as the instance, so that no list of who watches whom leaves the house.

#[cfg(test)]
mod tests;

use super::activity::{self, Answer};
use super::id::{Local, Place, Remote};
use super::receive::HearError;
use super::send::To;
use crate::config::Followers;
use crate::table::follow::{self, Follow, FollowState};
use crate::table::remote_actor::{self, Kind, RemoteActor};
use crate::table::{account, channel, video};
use crate::{Sidecar, now_ms};

impl Sidecar {
    /// Somebody of elsewhere wants to follow somebody here: what the house's rule says is said, again if they ask again.
    pub(crate) async fn followed(
        &self,
        follower: &RemoteActor,
        target: &Local,
        url: Option<&Remote>,
    ) -> Result<(), HearError> {
        let target_id = self.handle_of(target).await?;
        let target_id = target_id.ok_or(HearError::Refused("nobody of that id is here"))?;
        let known = follow::of(&self.database, follower.id, target_id).await?;
        let state = match (known, self.federation.followers) {
            (_, Followers::Off) => FollowState::Rejected,
            // A no stays one until an administrator says otherwise.
            (Some(known), _) if known.is(FollowState::Rejected) => FollowState::Rejected,
            (Some(known), _) if known.is(FollowState::Accepted) => FollowState::Accepted,
            (_, Followers::Approve) => FollowState::Asked,
            (_, Followers::Open) => FollowState::Accepted,
        };
        let url = url.map(Remote::as_str);
        let pair = (follower.id, target_id);
        let kept = follow::set(&self.database, now_ms(), pair, url, state).await?;
        self.answer_follow(&kept, follower, target).await?;
        if state == FollowState::Accepted {
            self.notify_of_follow(follower.id, target_id).await?;
        }
        let is_instance = follower.is(Kind::Instance) && *target == Local::Instance;
        if self.federation.follow_back && is_instance && state == FollowState::Accepted {
            self.follow(follower).await?;
        }
        Ok(())
    }

    /// Says to who asked what was decided, if anything was.
    async fn answer_follow(
        &self,
        follow: &Follow,
        follower: &RemoteActor,
        target: &Local,
    ) -> Result<(), HearError> {
        let Some(place) = &self.place else { return Ok(()) };
        let answer = if follow.is(FollowState::Accepted) {
            self.notify_of_follow(follower.id, follow.target_id).await?;
            Answer::Accept
        } else if follow.is(FollowState::Rejected) {
            Answer::Reject
        } else {
            return Ok(());
        };
        let said = our_answer(place, answer, follow, follower, target);
        Ok(self.send(target, &said, &[To::Inbox(follower.id)]).await?)
    }

    /// Says to those who were just blocked that they follow nobody here any more, nor are followed.
    pub(crate) async fn take_leave(&self) -> Result<(), HearError> {
        let Some(place) = &self.place else { return Ok(()) };
        let us = self.handle_of(&Local::Instance).await?;
        for found in follow::of_blocked(&self.database).await? {
            let is_ours = Some(found.follower_id) == us;
            let theirs = if is_ours { found.target_id } else { found.follower_id };
            let Some(theirs) = remote_actor::by_id(&self.database, theirs).await? else { continue };
            let (whose, said) = if is_ours {
                (Local::Instance, activity::undo(&our_follow(place, &found, &theirs)))
            } else {
                let Some(whose) = self.local_of(found.target_id).await? else { continue };
                let said = our_answer(place, Answer::Reject, &found, &theirs, &whose);
                (whose, said)
            };
            self.send(&whose, &said, &[To::Leaver(theirs.id)]).await?;
        }
        Ok(())
    }

    /// An administrator lets somebody follow, or doesn't, also who did before; `false` if there is no such follower.
    pub(crate) async fn decide_follower(&self, id: i64, is_yes: bool) -> Result<bool, HearError> {
        let Some(found) = follow::by_id(&self.database, id).await? else { return Ok(false) };
        let Some(follower) = remote_actor::by_id(&self.database, found.follower_id).await? else {
            return Ok(false);
        };
        let Some(target) = self.local_of(found.target_id).await? else { return Ok(false) };
        let state = if is_yes { FollowState::Accepted } else { FollowState::Rejected };
        follow::set_state(&self.database, now_ms(), id, state).await?;
        let decided = Follow { state: state.id(), ..found };
        self.answer_follow(&decided, &follower, &target).await?;
        Ok(true)
    }

    /// Asks to follow somebody of elsewhere, for all who are here.
    pub(crate) async fn follow(&self, target: &RemoteActor) -> Result<Follow, HearError> {
        let off = HearError::Refused("federation is off");
        let Some(place) = &self.place else { return Err(off) };
        let us = self.handle_of(&Local::Instance).await?.ok_or(off)?;
        if let Some(known) = follow::of(&self.database, us, target.id).await?
            && known.is(FollowState::Accepted)
        {
            return Ok(known);
        }
        self.ask_to_follow(place, us, target).await
    }

    async fn ask_to_follow(
        &self,
        place: &Place,
        us: i64,
        target: &RemoteActor,
    ) -> Result<Follow, HearError> {
        let pair = (us, target.id);
        let asked = follow::set(&self.database, now_ms(), pair, None, FollowState::Asked).await?;
        let said = our_follow(place, &asked, target);
        self.send(&Local::Instance, &said, &[To::Inbox(target.id)]).await?;
        Ok(asked)
    }

    /// Asks those again who said nothing for a day: what was to be sent may be lost, by a kill here or by a server that was away.
    pub(super) async fn ask_to_follow_again(&self) -> Result<(), HearError> {
        let Some(place) = &self.place else { return Ok(()) };
        let Some(us) = self.handle_of(&Local::Instance).await? else { return Ok(()) };
        for id in follow::unanswered(&self.database, us, now_ms() - PATIENCE_MS).await? {
            if let Some(target) = remote_actor::by_id(&self.database, id).await? {
                self.ask_to_follow(place, us, &target).await?;
            }
        }
        Ok(())
    }

    /// Ends that, if it was; what was shown for it isn't listed any more.
    pub(crate) async fn unfollow(&self, target: &RemoteActor) -> Result<bool, HearError> {
        let Some(place) = &self.place else { return Ok(false) };
        let Some(us) = self.handle_of(&Local::Instance).await? else { return Ok(false) };
        let Some(known) = follow::of(&self.database, us, target.id).await? else {
            return Ok(false);
        };
        let undo = activity::undo(&our_follow(place, &known, target));
        self.send(&Local::Instance, &undo, &[To::Inbox(target.id)]).await?;
        follow::end(&self.database, us, target.id).await?;
        self.follows_changed(target).await?;
        Ok(true)
    }

    /// Lists what is followed now, and not what isn't any more; what they published is fetched, or no longer.
    pub(crate) async fn follows_changed(&self, target: &RemoteActor) -> Result<(), HearError> {
        self.relist().await?;
        let Some(us) = self.handle_of(&Local::Instance).await? else { return Ok(()) };
        let known = follow::of(&self.database, us, target.id).await?;
        if known.is_some_and(|known| known.is(FollowState::Accepted)) {
            self.begin_backfill(target).await?;
        } else {
            self.end_backfill(target).await?;
        }
        Ok(())
    }

    /// Lists what is followed now, and not what isn't any more.
    pub(crate) async fn relist(&self) -> sqlx::Result<()> {
        for channel_id in follow::changed_channels(&self.database).await? {
            follow::mark_channel(&self.database, channel_id).await?;
            video::relist_channel(&self.database, channel_id).await?;
        }
        Ok(())
    }

    /// Who of ours has this handle.
    pub(crate) async fn local_of(&self, handle: i64) -> sqlx::Result<Option<Local>> {
        if self.handle_of(&Local::Instance).await? == Some(handle) {
            return Ok(Some(Local::Instance));
        }
        if let Some(found) = account::by_id(&self.database, handle).await? {
            return Ok(found.user_id.map(|_| Local::Account(found.name)));
        }
        let found = channel::by_id(&self.database, handle).await?;
        Ok(found.filter(|found| !found.is_remote).map(|found| Local::Channel(found.name)))
    }
}

fn our_answer(
    place: &Place,
    answer: Answer,
    follow: &Follow,
    follower: &RemoteActor,
    target: &Local,
) -> serde_json::Value {
    let asked = follow.url.clone().unwrap_or_else(|| format!("{}#follow", follower.url));
    let asked = activity::followed(&asked, &follower.url, &place.url(target));
    activity::answer(place, target, answer, follow.id, asked)
}

fn our_follow(place: &Place, follow: &Follow, target: &RemoteActor) -> serde_json::Value {
    activity::follow(place, follow.id, &target.url)
}

/// How long whom we asked to follow may think about it before they are asked again.
const PATIENCE_MS: i64 = 86_400_000;
