//! What pages show of what a visitor is told of.

use super::{CommentLine, Listed, Unavailable, whole};
use crate::Sidecar;
use crate::table::comment::Reader;
use crate::table::notification::{self, Notification, NotificationKind};
use crate::table::{account, channel, comment, remote_actor};
use crate::visitor::Visitor;

/// Something that a visitor is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeLine {
    /// They know it.
    pub is_read: bool,
    /// When it was, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// What it is.
    pub what: Notice,
}

/// What a visitor is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Somebody commented on their video.
    Commented(Box<CommentLine>),
    /// Somebody answered or named them.
    Named(Box<CommentLine>),
    /// Somebody of elsewhere follows.
    Follows {
        /// What they are called there, with a host.
        follower: String,
        /// Their page there.
        href: String,
        /// What of the visitor's they follow.
        what: String,
    },
}

impl Sidecar {
    /// A page of what a visitor is told of, the newest first.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn notices(
        &self,
        visitor: &Visitor,
        start: u32,
        count: u32,
    ) -> Result<Listed<NoticeLine>, Unavailable> {
        let (database, user) = (&self.database, visitor.user_id);
        let (total, found) =
            notification::page(database, user, false, start.into(), count.into()).await?;
        let mut entries = Vec::with_capacity(found.len());
        for one in found {
            let what = match one.comment_id {
                Some(id) => self.of_comment(visitor, &one, id).await?,
                None => self.of_follow(&one).await?,
            };
            let (is_read, created_at_ms) = (one.is_read, one.created_at);
            entries.extend(what.map(|what| NoticeLine { is_read, created_at_ms, what }));
        }
        Ok(Listed { total: whole(total), entries })
    }

    /// How many of these a visitor doesn't know yet.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn unread(&self, visitor: &Visitor) -> Result<u64, Unavailable> {
        Ok(whole(notification::unread(&self.database, visitor.user_id).await?))
    }

    /// Takes it that a visitor knows all of them.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn read_notices(&self, visitor: &Visitor) -> Result<(), Unavailable> {
        Ok(notification::read(&self.database, visitor.user_id, None).await?)
    }

    async fn of_comment(
        &self,
        visitor: &Visitor,
        one: &Notification,
        id: i64,
    ) -> sqlx::Result<Option<Notice>> {
        let found = comment::by_id(&self.database, id).await?;
        let Some(found) = found.filter(|found| !found.is_unwanted()) else { return Ok(None) };
        let sees_held = self.may_judge(visitor, &found).await?;
        let mut line = Box::new(self.line(&found, sees_held, Some(visitor)));
        let shows_video = self.shows_video_of(&found, visitor).await?;
        if !shows_video {
            line.video_name.clear();
        }
        // It was for them when they were told of it.
        if !shows_video || !(Reader { account_id: visitor.account_id, sees_held }).sees(&found) {
            line.html.clear();
            (line.is_held, line.is_refused) = (false, false);
        }
        Ok(Some(match one.kind == NotificationKind::Comment.id() {
            true => Notice::Commented(line),
            false => Notice::Named(line),
        }))
    }

    async fn of_follow(&self, one: &Notification) -> sqlx::Result<Option<Notice>> {
        let (Some(actor), Some(target)) = (one.actor_id, one.target_id) else { return Ok(None) };
        let Some(follower) = remote_actor::by_id(&self.database, actor).await? else {
            return Ok(None);
        };
        let what = match channel::by_id(&self.database, target).await? {
            Some(found) => Some(found.display_name),
            None => account::by_id(&self.database, target).await?.map(|found| found.display_name),
        };
        let is_page = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let href = follower.page.clone().filter(is_page).unwrap_or(follower.url.clone());
        let follower = format!("@{}@{}", follower.name, follower.host);
        Ok(what.map(|what| Notice::Follows { follower, href, what }))
    }
}
