//! What pages show of comments: the talk below a video, and what waits for whoever keeps order.

use wire::id::VideoId;

use super::{Listed, Unavailable, avatar, whole};
use crate::api::comments::{comment_text, depths};
use crate::body::Fields;
use crate::comments::DISABLED;
use crate::error::ApiError;
use crate::limits::{COUNTED, THREAD_PAGE};
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
    /// Of one thread: which page of its answers, and whether there is another.
    pub page: u32,
    /// The same.
    pub is_more: bool,
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
    /// `None` is deleted, or hidden.
    pub author: Option<Author>,
    /// It isn't for whoever asks, though answers to it are.
    pub is_hidden: bool,
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
    /// What its video is called; empty if that isn't for whoever asks.
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
    /// One thread, by the number of its first, from there on.
    Thread(i64, Place),
}

/// Where a page of a thread's answers is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the first, the second…
    Page(u32),
    /// The one on which this comment stands.
    Comment(i64),
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
        let (mut page, mut is_more) = (1, false);
        let found = match part {
            Part::Thread(id, place) => {
                page = self.thread_page(id, reader, place).await?;
                let start = i64::from(page - 1) * THREAD_PAGE;
                let mut thread =
                    comment::thread(database, id, reader, (start, THREAD_PAGE + 1)).await?;
                is_more = thread.len() as i64 > THREAD_PAGE + 1;
                thread.truncate(THREAD_PAGE as usize + 1);
                vec![thread]
            }
            Part::Threads(start, count) => self.beginnings(&sight, reader, start, count).await?,
        };
        let is_closed = sight.video.comments_policy == DISABLED;
        let mut lines = Vec::new();
        for thread in found {
            if thread.first().is_none_or(|first| first.video_id != video) {
                continue;
            }
            lines.extend(self.thread_lines(&sight, asker.visitor, part, &thread));
        }
        let (total, threads) = (whole(total), whole(threads));
        Ok(Some(Talk { total, threads, lines, page, is_more, is_closed }))
    }

    /// The number of a page of a thread.
    async fn thread_page(&self, id: i64, reader: Reader, place: Place) -> sqlx::Result<u32> {
        match place {
            Place::Page(page) => Ok(page.max(1)),
            Place::Comment(no) => {
                let before = comment::answers_before(&self.database, id, reader, no).await?;
                Ok(u32::try_from(before / THREAD_PAGE + 1).unwrap_or(1))
            }
        }
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
            let answers = match first.replies {
                0 => Vec::new(),
                _ => comment::answers(database, first.id, reader, (0, ANSWERS)).await?,
            };
            all.push(std::iter::once(first).chain(answers).collect());
        }
        Ok(all)
    }

    fn thread_lines(
        &self,
        sight: &Sight,
        visitor: Option<&Visitor>,
        part: Part,
        thread: &[Comment],
    ) -> Vec<CommentLine> {
        let depths = depths(thread);
        let answered = |id: i64| thread.iter().any(|other| other.parent_id == Some(id));
        let shown = thread.iter().filter(|comment| {
            comment.thread_id.is_none() || !comment.is_empty() || answered(comment.id)
        });
        let mut lines: Vec<CommentLine> = shown
            .map(|comment| {
                let depth = depths.get(&comment.id).map_or(0, |(depth, _)| *depth);
                CommentLine { depth, ..self.line(comment, sight.may_edit, visitor) }
            })
            .collect();
        let told = thread.iter().filter(|below| below.thread_id.is_some());
        let told = told.filter(|below| below.is(CommentState::Shown)).count() as u64;
        if let (Part::Threads(..), Some(line), Some(first)) =
            (part, lines.first_mut(), thread.first())
        {
            line.more = whole(first.replies).saturating_sub(told);
        }
        in_order(lines)
    }

    pub(super) fn line(
        &self,
        comment: &Comment,
        may_edit: bool,
        visitor: Option<&Visitor>,
    ) -> CommentLine {
        let is_own = visitor.is_some_and(|visitor| comment.account_id == Some(visitor.account_id));
        let may_judge = may_edit || visitor.is_some_and(|visitor| visitor.role.moderates());
        let is_there = !comment.is_empty();
        let is_held = comment.is(CommentState::Held);
        CommentLine {
            id: comment.id,
            thread_id: comment.thread(),
            parent_id: comment.parent_id,
            depth: 0,
            author: author(comment),
            is_hidden: comment.is(CommentState::Hidden),
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
        let found = self.comment_to_decide(key, id, asker).await?;
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
        let found = self.comment_to_decide(key, id, asker).await?;
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
        let is_shown = |found: &Comment| found.is(CommentState::Shown) && !found.is_unwanted();
        let found = found.filter(|found| is_shown(found) && is_of_it(found));
        Ok(found.map(|found| Said { id: found.id, thread_id: found.thread() }))
    }

    /// A page of the comments below a visitor's own videos, the newest first, of those that they said themselves, or of all for who
    /// keeps order. The total stops at 10,000.
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
        let (mut filter, mine) = (CommentFilter::default(), Some(visitor.account_id));
        match whose {
            Whose::Own => filter.owner = mine,
            Whose::Said => filter.author = mine,
            Whose::All if visitor.role.moderates() => {}
            Whose::All => return Err(ApiError::Forbidden("only moderators may do this")),
        }
        let filter = CommentFilter { is_held, ..filter };
        let (total, found) =
            comment::page(&self.database, filter, start.into(), count.into()).await?;
        debug_assert!(total <= COUNTED);
        let mut entries = Vec::with_capacity(found.len());
        for found in found {
            let mut line = self.line(&found, whose != Whose::Said, Some(visitor));
            if whose == Whose::Said && !self.shows_video_of(&found, visitor).await? {
                line.video_name.clear();
            }
            entries.push(line);
        }
        Ok(Listed { total: whole(total), entries })
    }

    /// Whether a visitor sees the video of a comment, which it may have been shown to them before.
    pub(crate) async fn shows_video_of(
        &self,
        comment: &Comment,
        visitor: &Visitor,
    ) -> sqlx::Result<bool> {
        let asker = Asker { visitor: Some(visitor), ..Asker::default() };
        Ok(self.look(&comment.video_uuid, asker).await?.shown().is_some())
    }
}

/// Which comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those below one's own videos.
    Own,
    /// Those that one said oneself.
    Said,
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
