//! What people here say below videos: who may say, approve and delete what, whether a program or a page asks for it.

use crate::error::ApiError;
use crate::pace::{Rate, Time};
use crate::sight::Sight;
use crate::table::comment::{self, Comment, CommentState, NewComment, Reader, Was};
use crate::table::news::Happened;
use crate::table::video::{self, Video};
use crate::visitor::{Asker, Visitor};
use crate::{Sidecar, now_ms};

impl Sidecar {
    /// Keeps what a visitor says below a video, or in answer to a comment there.
    pub(crate) async fn comment_on(
        &self,
        visitor: &Visitor,
        sight: &Sight,
        parent: Option<i64>,
        text: &str,
    ) -> Result<Comment, ApiError> {
        let video = &sight.video;
        if video.comments_policy == DISABLED {
            return Err(ApiError::Conflict("Video comments are disabled."));
        }
        let parent = match parent {
            Some(id) => Some(self.answerable(video, id).await?),
            None => None,
        };
        self.take_turn(visitor.account_id).map_err(ApiError::TooMany)?;
        let is_held = video.comments_policy == APPROVED && !sight.may_edit;
        let now_ms = now_ms();
        let new = NewComment {
            url: None,
            page: None,
            video_id: video.id,
            account_id: visitor.account_id,
            parent: parent.as_ref(),
            text,
            state: if is_held { CommentState::Held } else { CommentState::Shown },
            approval: None,
            created_at: now_ms,
            updated_at: now_ms,
        };
        let telling = (!is_held || video.is_remote).then_some(Happened::Made);
        let made = comment::create(&self.database, &new, telling).await?;
        self.wake_news();
        let made = self.comment_by(made.unwrap_or_default()).await?;
        self.notify_of_comment(&made).await?;
        Ok(made)
    }

    /// A comment of a video for whoever decides about it, which its author does and who judges it, whether or not they still see
    /// the video; for others if they see it.
    pub(crate) async fn comment_to_decide(
        &self,
        key: &str,
        id: i64,
        asker: Asker<'_>,
    ) -> Result<Comment, ApiError> {
        let visitor = asker.visitor.ok_or(ApiError::NoToken)?;
        let found = comment::by_id(&self.database, id).await?;
        if let Some(found) = found.filter(|found| !found.is_empty())
            && self.by_key(key).await?.is_some_and(|video| video.id == found.video_id)
            && (found.account_id == Some(visitor.account_id)
                || self.may_judge(visitor, &found).await?)
        {
            return Ok(found);
        }
        let sight = self.sight(key, asker).await?;
        self.comment_of(&sight, id, asker.visitor).await
    }

    /// Empties a comment, if the visitor wrote it, may change the video, or keeps order.
    pub(crate) async fn uncomment(
        &self,
        visitor: &Visitor,
        found: &Comment,
    ) -> Result<(), ApiError> {
        let is_own = found.account_id == Some(visitor.account_id);
        if !is_own && !self.may_judge(visitor, found).await? {
            return Err(ApiError::Forbidden("Cannot remove video comment of another user"));
        }
        comment::delete(&self.database, now_ms(), found.id, Some(&Was::of(found))).await?;
        self.wake_news();
        Ok(())
    }

    /// Says something else in a comment of one's own; where each is approved, it waits for that again.
    pub(crate) async fn reword_comment(
        &self,
        visitor: &Visitor,
        sight: &Sight,
        found: &Comment,
        text: &str,
    ) -> Result<Comment, ApiError> {
        if found.account_id != Some(visitor.account_id) {
            return Err(ApiError::Forbidden("Cannot change video comment of another user"));
        }
        self.take_turn(visitor.account_id).map_err(ApiError::TooMany)?;
        let is_judged = sight.video.comments_policy == APPROVED && !sight.may_edit;
        let state = if found.is(CommentState::Refused) {
            CommentState::Refused
        } else if found.is(CommentState::Held) || (is_judged && !sight.video.is_remote) {
            CommentState::Held
        } else {
            CommentState::Shown
        };
        // Later than it was written, by any clock.
        let now_ms = now_ms().max(found.updated_at + 1);
        let is_told = state == CommentState::Shown || sight.video.is_remote;
        let telling: &[Happened] = if is_told { &[Happened::Changed] } else { &[] };
        comment::rewrite(&self.database, now_ms, found.id, (text, state), telling).await?;
        self.wake_news();
        self.comment_by(found.id).await
    }

    /// Shows everybody a comment that waited for it.
    pub(crate) async fn approve_comment(
        &self,
        visitor: &Visitor,
        found: &Comment,
    ) -> Result<(), ApiError> {
        if !self.may_judge(visitor, found).await? || found.video_is_remote {
            return Err(ApiError::Forbidden("Cannot approve comments of this video"));
        }
        if !found.is(CommentState::Held) {
            return Err(ApiError::Invalid("This comment does not wait for approval"));
        }
        let above = match found.parent_id {
            Some(id) => comment::by_id(&self.database, id).await?,
            None => None,
        };
        // Others ask for what it answers, and would be told that there is nothing.
        if above.is_some_and(|above| above.is(CommentState::Held)) {
            return Err(ApiError::HeldAbove);
        }
        // Whoever saw it before it was changed knows it already, and learns what it says now.
        let telling: &[Happened] = match (found.is_ours(), found.updated_at > found.created_at) {
            (true, true) => &[Happened::Made, Happened::Changed],
            (true, false) => &[Happened::Made],
            (false, _) => &[Happened::Approved],
        };
        let (database, state) = (&self.database, CommentState::Shown);
        comment::set_state(database, found.id, state, None, telling).await?;
        self.wake_news();
        let shown = self.comment_by(found.id).await?;
        Ok(self.notify_of_comment(&shown).await?)
    }

    /// A comment of a video that whoever asks may see, unless it is deleted.
    pub(crate) async fn comment_of(
        &self,
        sight: &Sight,
        id: i64,
        visitor: Option<&Visitor>,
    ) -> Result<Comment, ApiError> {
        let found = self.comment_by(id).await?;
        let is_seen = self.reader(sight, visitor).sees(&found);
        let is_there = found.video_id == sight.video.id && is_seen;
        Some(found).filter(|_| is_there).ok_or(ApiError::NotFound("Video comment"))
    }

    /// What somebody sees of a video's comments.
    pub(crate) fn reader(&self, sight: &Sight, visitor: Option<&Visitor>) -> Reader {
        let moderates = visitor.is_some_and(|visitor| visitor.role.moderates());
        Reader {
            account_id: visitor.map_or(0, |visitor| visitor.account_id),
            sees_held: sight.may_edit || moderates,
        }
    }

    /// Whether somebody decides what stands below the video of a comment.
    pub(crate) async fn may_judge(&self, visitor: &Visitor, found: &Comment) -> sqlx::Result<bool> {
        if visitor.role.moderates() {
            return Ok(true);
        }
        match video::by_id(&self.database, found.video_id).await? {
            Some(video) => self.may_edit(&video, Some(visitor)).await,
            None => Ok(false),
        }
    }

    pub(crate) async fn comment_by(&self, id: i64) -> Result<Comment, ApiError> {
        let found = comment::by_id(&self.database, id).await?;
        found.ok_or(ApiError::NotFound("Video comment"))
    }

    /// Counts one comment of somebody, or tells how long it lasts until they may say another.
    pub(crate) fn take_turn(&self, account_id: i64) -> Result<(), Time> {
        self.attempts(|attempts, now| attempts.comments_of.take(now, &account_id))
    }

    /// A comment of this video that may be answered.
    async fn answerable(&self, video: &Video, id: i64) -> Result<Comment, ApiError> {
        let found = comment::by_id(&self.database, id).await?;
        let is_shown = |found: &Comment| found.is(CommentState::Shown) && !found.is_unwanted();
        let found = found.filter(|found| found.video_id == video.id && is_shown(found));
        found.ok_or(ApiError::NotFound("Video comment"))
    }
}

/// What a video's owner says of its comments, as PeerTube numbers it.
pub(crate) const DISABLED: i64 = 2;

/// Each waits until the owner has approved it.
pub(crate) const APPROVED: i64 = 3;

/// Comments of one account, here or elsewhere: a lively talk, and after that 180 an hour.
pub(crate) const COMMENTS_OF: Rate = Rate { burst: 30, every: Time::from_secs(20) };

/// Comments of all servers of a site elsewhere: those of a large one below a video that everybody sees, and after that 1,800 an hour.
pub(crate) const COMMENTS_FROM: Rate = Rate { burst: 600, every: Time::from_secs(2) };
