//! What somebody's own pages show: their videos in all states, and what they watched.

use super::{Listed, Unavailable, VideoCard};
use crate::Sidecar;
use crate::limits::LIST;
use crate::listing::Order;
use crate::sight::Seen;
use crate::table::{history, own};
use crate::visitor::{Asker, Visitor};

impl Sidecar {
    /// A page of somebody's own videos, whatever their state; or of a channel's, in which they may publish.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn my_videos(
        &self,
        visitor: &Visitor,
        channel: Option<i64>,
        order: Order,
        start: u32,
        count: u32,
    ) -> Result<Listed<VideoCard>, Unavailable> {
        let (total, cards) = self.own_cards(visitor, channel, order, start, count).await?;
        Ok(self.listed(total, &cards))
    }

    pub(crate) async fn own_cards(
        &self,
        visitor: &Visitor,
        channel: Option<i64>,
        order: Order,
        start: u32,
        count: u32,
    ) -> sqlx::Result<(i64, Vec<crate::table::card::Card>)> {
        let whose = match channel {
            None => own::Whose::Account(visitor.account_id),
            Some(id) => match crate::table::channel::by_id(&self.database, id).await? {
                Some(channel) if self.may_publish(id, channel.account_id, visitor).await? => {
                    own::Whose::Channel(id)
                }
                _ => return Ok((0, Vec::new())),
            },
        };
        let count = i64::from(count).min(LIST as i64);
        own::page(&self.database, whose, order, start.into(), count, visitor.user_id).await
    }

    /// A page of what somebody watched, the last first.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn my_history(
        &self,
        visitor: &Visitor,
        start: u32,
        count: u32,
    ) -> Result<Listed<VideoCard>, Unavailable> {
        let count = i64::from(count).min(LIST as i64);
        let (total, cards) = history::page(
            &self.database,
            (visitor.user_id, visitor.account_id),
            start.into(),
            count,
        )
        .await?;
        Ok(self.listed(total, &cards))
    }

    /// Forgets one video of somebody's history, or all of it.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn forget_history(
        &self,
        visitor: &Visitor,
        video: Option<i64>,
    ) -> Result<(), Unavailable> {
        Ok(history::forget(&self.database, visitor.user_id, video, i64::MAX).await?)
    }

    /// Notes what somebody thinks of a video that they may see: `true` is a like; `false` if they may not.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn rate_video(
        &self,
        key: &str,
        visitor: &Visitor,
        password: Option<&str>,
        is_like: Option<bool>,
    ) -> Result<bool, Unavailable> {
        let asker = Asker { visitor: Some(visitor), password, from: &visitor.username };
        let Seen::Shown(sight) = self.look(key, asker).await? else { return Ok(false) };
        self.rate_as(visitor.user_id, &sight.video, is_like).await?;
        Ok(true)
    }
}
