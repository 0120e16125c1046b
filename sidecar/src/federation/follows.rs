//! Who follows whom: those of elsewhere who follow somebody here, and whom the instance follows for all who are here.
//!
//! We follow as the instance, so that no list of who watches whom leaves the house.

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
        let asked = follow.url.clone().unwrap_or_else(|| format!("{}#follow", follower.url));
        let asked = activity::followed(&asked, &follower.url, &place.url(target));
        let said = activity::answer(place, target, answer, follow.id, asked);
        Ok(self.send(target, &said, &[To::Inbox(follower.id)]).await?)
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

fn our_follow(place: &Place, follow: &Follow, target: &RemoteActor) -> serde_json::Value {
    activity::follow(place, follow.id, &target.url)
}

/// How long whom we asked to follow may think about it before they are asked again.
const PATIENCE_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Federation;
    use crate::federation::inbox::tests::federating;
    use crate::table::delivery;
    use crate::table::remote_actor::tests::somebody;

    #[tokio::test]
    async fn a_follow_that_was_never_sent_is_sent_a_day_later_and_then_once_a_day() {
        for instance in federating(Federation::default()).await {
            let (sidecar, database) = (&instance.sidecar, &instance.sidecar.database);
            let us = sidecar.handle_of(&Local::Instance).await.unwrap().unwrap();
            let mut ids = Vec::new();
            for (name, state) in [("one", FollowState::Asked), ("two", FollowState::Accepted)] {
                let host = format!("{name}.example");
                let new = somebody(name, &host, Kind::Instance);
                let id = remote_actor::keep(database, 1, &new).await.unwrap();
                // As if the machine had been killed just then.
                follow::set(database, 1, (us, id), None, state).await.unwrap();
                ids.push(id);
            }
            for _ in 0..2 {
                sidecar.ask_to_follow_again().await.unwrap();
                let waiting = delivery::next(database, "one.example", 9).await.unwrap();
                assert_eq!(waiting.len(), 1);
                assert!(waiting[0].activity.contains("\"type\":\"Follow\""));
                assert_eq!(delivery::next(database, "two.example", 9).await.unwrap(), []);
            }
            let asked = follow::of(database, us, ids[0]).await.unwrap().unwrap();
            assert!(asked.updated_at > 1 && asked.created_at == 1);
        }
    }
}
