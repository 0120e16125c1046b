//! What people of other servers think of a video of ours, how often it is seen there, and who passes it on.
//!
//! they → us: Like, Dislike, View, Announce; Undo of all but View.

use std::sync::PoisonError;

use super::{HearError, Heard};
use crate::federation::{json, site};
use crate::table::remote_actor::Kind;
use crate::table::{remote_rate, share, views};
use crate::{Sidecar, now_ms};

impl Sidecar {
    pub(super) async fn hear_rate(
        &self,
        heard: &Heard<'_>,
        is_like: bool,
    ) -> Result<(), HearError> {
        if heard.actor.is(Kind::Channel) {
            return Err(HearError::Refused("channels like nothing"));
        }
        let video = self.video_named(heard.activity.get("object")).await?;
        let video = video.ok_or(HearError::Refused("no such video is here"))?;
        let url = Some(heard.id.as_str());
        let who = heard.actor.id;
        Ok(remote_rate::set(&self.database, now_ms(), who, video.id, Some(is_like), url).await?)
    }

    pub(super) async fn hear_unrate(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let video_id = match heard.object() {
            Some(rate) => self.video_named(rate.get("object")).await?.map(|video| video.id),
            None => match json::first_id(heard.activity, "object") {
                Some(url) => remote_rate::video_of(&self.database, heard.actor.id, url).await?,
                None => None,
            },
        };
        if let Some(video_id) = video_id {
            remote_rate::set(&self.database, now_ms(), heard.actor.id, video_id, None, None)
                .await?;
        }
        Ok(())
    }

    /// Counted, as the other server says, within what one server may say; of who views it nothing is told.
    pub(super) async fn hear_view(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        // With an end it is somebody who watches now, which isn't a count.
        if heard.activity.contains_key("expires") {
            return Ok(());
        }
        let video = self.video_named(heard.activity.get("object")).await?;
        let video = video.ok_or(HearError::Refused("no such video is here"))?;
        let now = (self.elapsed)(&self.started);
        let taken = {
            let mut views_of = self.inbox.views_of.lock().unwrap_or_else(PoisonError::into_inner);
            views_of.take(now, &site::of(&heard.actor.host).to_owned())
        };
        if taken.is_err() {
            return Err(HearError::Refused("more views than one server may tell"));
        }
        Ok(views::count(&self.database, now_ms(), video.id).await?)
    }

    /// Of a video of ours: somebody passes it on. Of one of theirs, it is how they publish it.
    pub(super) async fn hear_announce(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let Some(video) = self.video_named(heard.activity.get("object")).await? else {
            return if heard.actor.is(Kind::Person) {
                Ok(())
            } else {
                self.hear_video(heard).await
            };
        };
        let url = heard.id.as_str();
        Ok(share::begin(&self.database, now_ms(), heard.actor.id, video.id, url).await?)
    }

    pub(super) async fn hear_unannounce(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let video_id = match heard.object() {
            Some(announce) => self.video_named(announce.get("object")).await?.map(|video| video.id),
            None => match json::first_id(heard.activity, "object") {
                Some(url) => share::video_of(&self.database, heard.actor.id, url).await?,
                None => None,
            },
        };
        if let Some(video_id) = video_id {
            share::end(&self.database, heard.actor.id, video_id).await?;
        }
        Ok(())
    }
}
