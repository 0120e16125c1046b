//! What pages show of comments: the talk below a video, and what waits for whoever keeps order.

use wire::id::VideoId;

use super::{Listed, Unavailable, avatar, whole};
use crate::api::comments::{comment_text, depths};
use crate::body::Fields;
use crate::comments::DISABLED;
use crate::error::ApiError;
use crate::limits::COUNTED;
use crate::sight::{Seen, Sight};
use crate::table::comment::{self, Comment, CommentFilter, CommentState, Reader, ThreadOrder};
use crate::visitor::{Asker, Visitor};
use crate::{Sidecar, prose};

/// What is said below a video, as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Talk {
    /// Comments that everybody sees.
    pub total: u64,
    /// Threads that whoever asks sees.
    pub threads: u64,
    /// Those of this page, each thread's first before its answers.
    pub lines: Vec<CommentLine>,
    /// Nobody may say more.
    pub is_closed: bool,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentLine {
    /// Its number.
    pub id: i64,
    /// Of the first of its thread.
    pub thread_id: i64,
    /// What it answers.
    pub parent_id: Option<i64>,
    /// How far below the first of its thread.
    pub depth: usize,
    /// `None` is deleted.
    pub author: Option<Author>,
    /// What is said, as HTML that can only be read.
    pub html: String,
    /// The same as it was written, of one's own.
    pub text: Option<String>,
    /// Not everybody sees it yet.
    pub is_held: bool,
    /// Whoever decides about it decided against it.
    pub is_refused: bool,
    /// When it was said, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// It said something else before.
    pub is_edited: bool,
    /// Answers in its thread that aren't shown here.
    pub more: u64,
    /// Whether whoever asks may answer it.
    pub may_reply: bool,
    /// Whether they may delete it.
    pub may_delete: bool,
    /// Whether they may show it to everybody.
    pub may_approve: bool,
    /// The short UUID of its video.
    pub video: String,
    /// What its video is called.
    pub video_name: String,
}

/// Who said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// What people read.
    pub name: String,
    /// Their handle; with a host if they are of another server.
    pub handle: String,
    /// Their page: a path, or a URL of another server.
    pub href: String,
    /// They are of another server.
    pub is_remote: bool,
    /// The path of their picture.
    pub avatar: Option<String>,
    /// The video is theirs.
    pub is_owner: bool,
}

/// Where a comment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its number.
    pub id: i64,
    /// Of the first of its thread.
    pub thread_id: i64,
}

/// Which part of a talk a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Threads, beginning with this one, at most so many, with the beginning of their answers.
    Threads(u32, u32),
    /// One thread, whole.
    Thread(i64),
}

impl Sidecar {
    /// What is said below a video, by its UUID, short UUID or number.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn talk(
        &self,
        key: &str,
        asker: Asker<'_>,
        part: Part,
    ) -> Result<Option<Talk>, Unavailable> {
        let Seen::Shown(sight) = self.look(key, asker).await? else { return Ok(None) };
        let reader = self.reader(&sight, asker.visitor);
        let (database, video) = (&self.database, sight.video.id);
        if sight.video.is_remote {
            self.freshen_comments(video).await?;
        }
        let (threads, total) = comment::totals(database, video, reader).await?;
        let found = match part {
            Part::Thread(id) => vec![comment::thread(database, id, reader).await?],
            Part::Threads(start, count) => self.beginnings(&sight, reader, start, count).await?,
        };
        let is_closed = sight.video.comments_policy == DISABLED;
        let mut lines = Vec::new();
        for thread in found {
            if thread.first().is_none_or(|first| first.video_id != video) {
                continue;
            }
            lines.extend(self.thread_lines(&sight, asker.visitor, &thread));
        }
        Ok(Some(Talk { total: whole(total), threads: whole(threads), lines, is_closed }))
    }

    async fn beginnings(
        &self,
        sight: &Sight,
        reader: Reader,
        start: u32,
        count: u32,
    ) -> sqlx::Result<Vec<Vec<Comment>>> {
        let (database, video) = (&self.database, sight.video.id);
        let page = (start.into(), count.into());
        let mut all = Vec::new();
        for first in comment::threads(database, video, reader, ThreadOrder::Newest, page).await? {
            let thread = if first.replies > 0 {
                comment::beginning(database, first.id, reader, ANSWERS).await?
            } else {
                vec![first]
            };
            all.push(thread);
        }
        Ok(all)
    }

    fn thread_lines(
        &self,
        sight: &Sight,
        visitor: Option<&Visitor>,
        thread: &[Comment],
    ) -> Vec<CommentLine> {
        let depths = depths(thread);
        let answered = |id: i64| thread.iter().any(|other| other.parent_id == Some(id));
        let shown = thread.iter().filter(|comment| {
            let is_kept = !comment.is(CommentState::Deleted) || answered(comment.id);
            (is_kept || comment.thread_id.is_none()) && !self.is_unwanted(comment)
        });
        let mut lines: Vec<CommentLine> = shown
            .map(|comment| {
                let depth = depths.get(&comment.id).map_or(0, |(depth, _)| *depth);
                CommentLine { depth, ..self.line(comment, sight.may_edit, visitor) }
            })
            .collect();
        let told = thread.iter().filter(|below| below.thread_id.is_some());
        let told = told.filter(|below| below.is(CommentState::Shown)).count() as u64;
        if let (Some(line), Some(first)) = (lines.first_mut(), thread.first()) {
            line.more = whole(first.replies).saturating_sub(told);
        }
        in_order(lines)
    }

    /// Whether it was said by somebody with whom we have nothing to do any more.
    pub(crate) fn is_unwanted(&self, comment: &Comment) -> bool {
        let host = comment.author_host.as_deref();
        host.is_some_and(|host| self.is_blocked(host, comment.author.as_deref()))
    }

    pub(super) fn line(
        &self,
        comment: &Comment,
        may_edit: bool,
        visitor: Option<&Visitor>,
    ) -> CommentLine {
        let is_own = visitor.is_some_and(|visitor| comment.account_id == Some(visitor.account_id));
        let may_judge = may_edit || visitor.is_some_and(|visitor| visitor.role.moderates());
        let is_there = !comment.is(CommentState::Deleted);
        let is_held = comment.is(CommentState::Held);
        CommentLine {
            id: comment.id,
            thread_id: comment.thread(),
            parent_id: comment.parent_id,
            depth: 0,
            author: author(comment),
            html: match comment.is_ours() {
                true => prose::html(&comment.text),
                false => prose::cleaned(&comment.text),
            },
            text: (is_own && is_there).then(|| comment.text.clone()),
            is_held,
            is_refused: comment.is(CommentState::Refused),
            created_at_ms: comment.created_at,
            is_edited: is_there && comment.updated_at > comment.created_at,
            more: 0,
            may_reply: visitor.is_some() && comment.is(CommentState::Shown),
            may_delete: is_there && (is_own || may_judge),
            may_approve: is_held && may_judge && !comment.video_is_remote,
            video: comment.video_uuid.parse::<VideoId>().map(|id| id.short()).unwrap_or_default(),
            video_name: comment.video_name.clone(),
        }
    }

    /// Says something below a video: the fields `text`, and `parent` for what it answers.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn speak(
        &self,
        key: &str,
        asker: Asker<'_>,
        mut fields: Fields,
    ) -> Result<Said, ApiError> {
        let visitor = asker.visitor.ok_or(ApiError::NoToken)?;
        let sight = self.sight(key, asker).await?;
        let parent = fields.text("parent").map(str::to_owned);
        let parent = parent.map(|parent| parent.parse()).transpose();
        let parent = parent.map_err(|_| ApiError::NotFound("Video comment"))?;
        let text = fields.required("text", comment_text);
        let text = fields.finish(text)?;
        let made = self.comment_on(visitor, &sight, parent, &text).await?;
        Ok(Said { id: made.id, thread_id: made.thread() })
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn unsay(&self, key: &str, asker: Asker<'_>, id: i64) -> Result<(), ApiError> {
        let visitor = asker.visitor.ok_or(ApiError::NoToken)?;
        let sight = self.sight(key, asker).await?;
        let found = self.comment_of(&sight, id, asker.visitor).await?;
        self.uncomment(visitor, &found).await
    }

    /// Says something else in a comment of one's own: the field `text`.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn reword(
        &self,
        key: &str,
        asker: Asker<'_>,
        id: i64,
        mut fields: Fields,
    ) -> Result<(), ApiError> {
        let visitor = asker.visitor.ok_or(ApiError::NoToken)?;
        let sight = self.sight(key, asker).await?;
        let found = self.comment_of(&sight, id, asker.visitor).await?;
        let text = fields.required("text", comment_text);
        let text = fields.finish(text)?;
        self.reword_comment(visitor, &sight, &found, &text).await.map(drop)
    }

    /// Shows a comment that waits for it.
    ///
    /// # Errors
    /// What the API refuses.
    pub async fn let_speak(&self, key: &str, asker: Asker<'_>, id: i64) -> Result<(), ApiError> {
        let visitor = asker.visitor.ok_or(ApiError::NoToken)?;
        let sight = self.sight(key, asker).await?;
        let found = self.comment_of(&sight, id, asker.visitor).await?;
        self.approve_comment(visitor, &found).await
    }

    /// Where a comment stands that everybody sees who sees its video.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn comment_place(
        &self,
        video: &VideoId,
        id: i64,
    ) -> Result<Option<Said>, Unavailable> {
        let found = comment::by_id(&self.database, id).await?;
        let is_of_it = |found: &Comment| found.video_uuid == video.to_string();
        let found = found.filter(|found| found.is(CommentState::Shown) && is_of_it(found));
        Ok(found.map(|found| Said { id: found.id, thread_id: found.thread() }))
    }

    /// A page of the comments below a visitor's own videos, the newest first; and of all, for who keeps order. The total stops
    /// at 10,000.
    ///
    /// # Errors
    /// When the visitor may not, or the database fails.
    pub async fn comments(
        &self,
        visitor: &Visitor,
        whose: Whose,
        is_held: Option<bool>,
        (start, count): (u32, u32),
    ) -> Result<Listed<CommentLine>, ApiError> {
        let owner = match whose {
            Whose::Own => Some(visitor.account_id),
            Whose::All if visitor.role.moderates() => None,
            Whose::All => return Err(ApiError::Forbidden("only moderators may do this")),
        };
        let filter = CommentFilter { owner, is_held, ..CommentFilter::default() };
        let (total, found) =
            comment::page(&self.database, filter, start.into(), count.into()).await?;
        debug_assert!(total <= COUNTED);
        let entries = found.iter().map(|found| self.line(found, true, Some(visitor))).collect();
        Ok(Listed { total: whole(total), entries })
    }
}

/// Comments of which videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One's own.
    Own,
    /// Everybody's.
    All,
}

fn author(comment: &Comment) -> Option<Author> {
    let handle = comment.author.clone()?;
    let theirs = comment.author_page.clone().or(comment.author_url.clone());
    // What isn't for browsers could do more than lead somewhere.
    let theirs = theirs.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    Some(Author {
        name: comment.author_label.clone().unwrap_or_else(|| handle.clone()),
        is_remote: comment.author_url.is_some(),
        href: theirs.unwrap_or_else(|| format!("/a/{handle}")),
        handle,
        avatar: comment.author_avatar.as_deref().map(avatar),
        is_owner: comment.account_id == Some(comment.video_account_id),
    })
}

/// Each answer below what it answers, instead of by time.
fn in_order(lines: Vec<CommentLine>) -> Vec<CommentLine> {
    let mut ordered: Vec<CommentLine> = Vec::with_capacity(lines.len());
    for line in lines {
        let above = ordered.iter().rposition(|other| Some(other.id) == line.parent_id);
        let place = match above {
            None => ordered.len(),
            Some(above) => {
                let deep = ordered[above].depth;
                let rest = ordered.iter().skip(above + 1);
                above + 1 + rest.take_while(|other| other.depth > deep).count()
            }
        };
        ordered.insert(place, line);
    }
    ordered
}

/// Answers of a thread that are shown with others.
const ANSWERS: i64 = 10;
