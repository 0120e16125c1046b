//! The table `comment`: what is said below videos, by people here and elsewhere.
//!
//! A comment that is deleted stays as an empty row, since others answered it. The first of a thread keeps how many are shown below
//! it; whatever changes what is shown counts them anew, and notes what others are to be told of it, in one transaction. What somebody
//! said who is blocked here is neither shown nor counted.

use serde::{Deserialize, Serialize};

use super::block::is_meant;
use crate::database::sql::{Sql, look_up};
use crate::database::{Database, reading, record, writing};
use crate::limits::COUNTED;
use crate::table::news::Happened;

record! {
    /// A comment with its video and its author.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Comment {
        id: i64,
        /// `None` is ours.
        url: Option<String>,
        page: Option<String>,
        video_id: i64,
        /// `None` is gone.
        account_id: Option<i64>,
        parent_id: Option<i64>,
        thread_id: Option<i64>,
        text: String,
        state: i64,
        replies: i64,
        approval: Option<String>,
        /// Who was told of it, as [`ToldTo`] numbers it; 0 is nobody.
        told: i64,
        created_at: i64,
        updated_at: i64,
        /// Of the replies of a thread: those of the video's owner.
        replies_by_owner: i64,
        video_uuid: String,
        video_name: String,
        video_account_id: i64,
        video_is_remote: bool,
        /// Of another server's video.
        video_url: Option<String>,
        /// The handle, with a host if it is another server's.
        author: Option<String>,
        author_user_id: Option<i64>,
        author_label: Option<String>,
        author_about: Option<String>,
        author_avatar: Option<String>,
        author_created_at: Option<i64>,
        author_updated_at: Option<i64>,
        /// These four are of people of other servers alone.
        author_url: Option<String>,
        author_name: Option<String>,
        author_host: Option<String>,
        author_page: Option<String>,
        /// This instance has nothing to do with them any more.
        author_is_blocked: Option<bool>,
    }
}

/// Whether whoever said something isn't blocked here; the one place where that is asked of comments.
macro_rules! is_wanted {
    ($comment:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM remote_actor AS unwanted WHERE unwanted.id = ",
            $comment,
            ".account_id AND unwanted.is_blocked = TRUE)"
        )
    };
}

/// Whether somebody sees what a comment says, as [`Reader::sees`]: `$2` is whether also what waits, `$3` who they are.
macro_rules! is_seen {
    () => {
        concat!(
            "((comment.state = 1 OR (comment.state = 2 AND $2) OR (comment.state IN (2, 3) AND comment.account_id = $3)) AND ",
            is_wanted!("comment"),
            ")"
        )
    };
}

/// How many of a thread everybody sees below its first, whose number is this.
macro_rules! shown_below {
    ($first:literal) => {
        concat!(
            "(SELECT COUNT(*) FROM comment AS below WHERE below.thread_id = ",
            $first,
            " AND below.state = 1 AND ",
            is_wanted!("below"),
            ")"
        )
    };
}

/// Who may see a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommentState {
    /// Whoever sees the video.
    Shown,
    /// Its author and who may approve it.
    Held,
    /// Its author.
    Refused,
    /// Nobody; that there was one is seen where others answered it.
    Deleted,
    /// Not whoever asks, who sees that there is one, since others answered it. No row has it.
    Hidden,
}

impl CommentState {
    pub(crate) fn id(self) -> i64 {
        match self {
            CommentState::Shown => 1,
            CommentState::Held => 2,
            CommentState::Refused => 3,
            CommentState::Deleted => 4,
            CommentState::Hidden => 5,
        }
    }
}

impl Comment {
    pub(crate) fn is(&self, state: CommentState) -> bool {
        self.state == state.id()
    }

    /// Whether nothing but its place is left, for everybody or for whoever asks.
    pub(crate) fn is_empty(&self) -> bool {
        self.is(CommentState::Deleted) || self.is(CommentState::Hidden)
    }

    /// Whether it was said by somebody with whom we have nothing to do any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.author_is_blocked == Some(true)
    }

    /// What somebody sees of it, of what isn't for them only its place.
    fn seen_by(self, reader: Reader) -> Comment {
        if self.is_empty() || reader.sees(&self) {
            return self;
        }
        Comment {
            url: None,
            page: None,
            account_id: None,
            text: String::new(),
            state: CommentState::Hidden.id(),
            updated_at: self.created_at,
            author: None,
            author_user_id: None,
            author_label: None,
            author_about: None,
            author_avatar: None,
            author_url: None,
            author_name: None,
            author_host: None,
            author_page: None,
            ..self
        }
    }

    /// The first of its thread, which it may be itself.
    pub(crate) fn thread(&self) -> i64 {
        self.thread_id.unwrap_or(self.id)
    }

    /// Whether so many were told of it.
    pub(crate) fn is_told(&self, to: ToldTo) -> bool {
        self.told >= to.id()
    }

    /// Whether it was written here.
    pub(crate) fn is_ours(&self) -> bool {
        self.url.is_none()
    }
}

/// Who of other servers was told of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ToldTo {
    /// Whom it names or answers, and whose video it is below.
    Concerned,
    /// And whoever follows them, or asks.
    Everybody,
}

impl ToldTo {
    fn id(self) -> i64 {
        match self {
            ToldTo::Concerned => 1,
            ToldTo::Everybody => 2,
        }
    }
}

/// What a comment was before it was deleted, for those who are told that it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Was {
    account_id: Option<i64>,
    author: Option<String>,
    author_user_id: Option<i64>,
    text: String,
    state: i64,
}

impl Was {
    pub(crate) fn of(comment: &Comment) -> Was {
        Was {
            account_id: comment.account_id,
            author: comment.author.clone(),
            author_user_id: comment.author_user_id,
            text: comment.text.clone(),
            state: comment.state,
        }
    }

    /// The comment as it was.
    pub(crate) fn restore(self, now: Comment) -> Comment {
        Comment {
            account_id: self.account_id,
            author: self.author,
            author_user_id: self.author_user_id,
            text: self.text,
            state: self.state,
            ..now
        }
    }
}

/// A comment that isn't there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewComment<'a> {
    /// Of another server's.
    pub(crate) url: Option<&'a str>,
    pub(crate) page: Option<&'a str>,
    pub(crate) video_id: i64,
    pub(crate) account_id: i64,
    /// What it answers.
    pub(crate) parent: Option<&'a Comment>,
    pub(crate) text: &'a str,
    pub(crate) state: CommentState,
    pub(crate) approval: Option<&'a str>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// Who looks at the comments of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader {
    /// Their account; 0 is nobody's.
    pub(crate) account_id: i64,
    /// They also see what waits for approval.
    pub(crate) sees_held: bool,
}

impl Reader {
    /// Whether they see what a comment says.
    pub(crate) fn sees(self, comment: &Comment) -> bool {
        let is_own = comment.account_id == Some(self.account_id);
        let is_for_them = comment.is(CommentState::Shown)
            || (comment.is(CommentState::Held) && (self.sees_held || is_own))
            || (comment.is(CommentState::Refused) && is_own);
        is_for_them && !comment.is_unwanted()
    }
}

/// In which order threads come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreadOrder {
    Newest,
    Oldest,
    /// Most answered.
    Answered,
}

/// Which comments somebody looks through who keeps order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CommentFilter {
    /// Below videos of this account.
    pub(crate) owner: Option<i64>,
    /// Said by this account: also what others decided against.
    pub(crate) author: Option<i64>,
    pub(crate) video: Option<i64>,
    /// Waiting for approval, or not.
    pub(crate) is_held: Option<bool>,
    /// Written here, or elsewhere.
    pub(crate) is_local: Option<bool>,
}

/// Keeps a comment, and that others are told of it; `None` if another of its URL is there.
pub(crate) async fn create(
    database: &Database,
    new: &NewComment<'_>,
    telling: Option<Happened>,
) -> sqlx::Result<Option<i64>> {
    let thread = new.parent.map(Comment::thread);
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let made: Option<(i64,)> = sqlx::query_as(INSERT)
            .bind(new.url)
            .bind(new.page)
            .bind(new.video_id)
            .bind(new.account_id)
            .bind(new.parent.map(|parent| parent.id))
            .bind(thread)
            .bind(new.text)
            .bind(new.state.id())
            .bind(new.approval)
            .bind(new.created_at)
            .bind(new.updated_at)
            .fetch_optional(&mut *work)
            .await?;
        if let Some((id,)) = made {
            sqlx::query(RECOUNT).bind(thread).execute(&mut *work).await?;
            if let Some(what) = telling {
                let tell = sqlx::query(TELL).bind(what.id()).bind(id).bind(None::<&str>);
                tell.execute(&mut *work).await?;
            }
        }
        work.commit().await?;
        Ok(made.map(|(id,)| id))
    })
}

/// A comment by its number.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Comment>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// One of another server's, by its URL.
pub(crate) async fn by_url(database: &Database, url: &str) -> sqlx::Result<Option<Comment>> {
    reading!(database, pool => sqlx::query_as(BY_URL).bind(url).fetch_optional(pool).await)
}

/// The number of another server's video, by its URL.
pub(crate) async fn video_at(database: &Database, url: &str) -> sqlx::Result<Option<i64>> {
    let found: Option<(i64,)> = reading!(database, pool => {
        let select = "SELECT id FROM remote_video WHERE url = $1";
        sqlx::query_as(select).bind(url).fetch_optional(pool).await
    })?;
    Ok(found.map(|(id,)| id))
}

/// The URL of another server's video.
pub(crate) async fn url_of_video(database: &Database, id: i64) -> sqlx::Result<Option<String>> {
    let found: Option<(String,)> = reading!(database, pool => {
        let select = "SELECT url FROM remote_video WHERE id = $1";
        sqlx::query_as(select).bind(id).fetch_optional(pool).await
    })?;
    Ok(found.map(|(url,)| url))
}

/// A page of a video's threads: the first comment of each.
pub(crate) async fn threads(
    database: &Database,
    video_id: i64,
    reader: Reader,
    order: ThreadOrder,
    (start, count): (i64, i64),
) -> sqlx::Result<Vec<Comment>> {
    let select = match order {
        ThreadOrder::Newest => NEWEST,
        ThreadOrder::Oldest => OLDEST,
        ThreadOrder::Answered => ANSWERED,
    };
    let found: Vec<Comment> = reading!(database, pool => {
        sqlx::query_as(select)
            .bind(video_id)
            .bind(reader.sees_held)
            .bind(reader.account_id)
            .bind(count)
            .bind(start)
            .fetch_all(pool)
            .await
    })?;
    Ok(found.into_iter().map(|first| first.seen_by(reader)).collect())
}

/// How many threads somebody sees, and how many comments everybody.
pub(crate) async fn totals(
    database: &Database,
    video_id: i64,
    reader: Reader,
) -> sqlx::Result<(i64, i64)> {
    reading!(database, pool => {
        let threads: (i64,) = sqlx::query_as(COUNT_THREADS)
            .bind(video_id)
            .bind(reader.sees_held)
            .bind(reader.account_id)
            .fetch_one(pool)
            .await?;
        let all: (i64,) = sqlx::query_as(COUNT_SHOWN).bind(video_id).fetch_one(pool).await?;
        Ok((threads.0, all.0))
    })
}

/// How many comments of a video everybody sees.
pub(crate) async fn shown(database: &Database, video_id: i64) -> sqlx::Result<i64> {
    let all: (i64,) = reading!(database, pool => {
        sqlx::query_as(COUNT_SHOWN).bind(video_id).fetch_one(pool).await
    })?;
    Ok(all.0)
}

/// A thread: its first, and a page of its answers in the order in which they came. Nothing, if it is the first of none that
/// somebody sees.
pub(crate) async fn thread(
    database: &Database,
    id: i64,
    reader: Reader,
    page: (i64, i64),
) -> sqlx::Result<Vec<Comment>> {
    let first = by_id(database, id).await?.filter(|first| first.thread_id.is_none());
    let Some(first) = first.map(|first| first.seen_by(reader)) else { return Ok(Vec::new()) };
    if first.is(CommentState::Hidden) && first.replies == 0 {
        return Ok(Vec::new());
    }
    let mut thread = vec![first];
    thread.extend(answers(database, id, reader, page).await?);
    Ok(thread)
}

/// A page of the answers of a thread, in the order in which they came.
pub(crate) async fn answers(
    database: &Database,
    thread_id: i64,
    reader: Reader,
    (start, count): (i64, i64),
) -> sqlx::Result<Vec<Comment>> {
    reading!(database, pool => {
        sqlx::query_as(ANSWERS)
            .bind(thread_id)
            .bind(reader.sees_held)
            .bind(reader.account_id)
            .bind(count)
            .bind(start)
            .fetch_all(pool)
            .await
    })
}

/// How many answers of a thread somebody sees before this one.
pub(crate) async fn answers_before(
    database: &Database,
    thread_id: i64,
    reader: Reader,
    id: i64,
) -> sqlx::Result<i64> {
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(COUNT_BEFORE)
            .bind(thread_id)
            .bind(reader.sees_held)
            .bind(reader.account_id)
            .bind(id)
            .fetch_one(pool)
            .await
    })?;
    Ok(found.0)
}

/// Number and URL of those of a video that everybody sees, in the order in which they came.
pub(crate) async fn collection(
    database: &Database,
    video_id: i64,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<(i64, Option<String>)>> {
    reading!(database, pool => {
        sqlx::query_as(COLLECTION).bind(video_id).bind(count).bind(start).fetch_all(pool).await
    })
}

/// A page of comments for those who keep order, the newest first; and how many there are, counted up to [`COUNTED`].
pub(crate) async fn page(
    database: &Database,
    filter: CommentFilter,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Comment>)> {
    let mut rows = filtered(SELECT_ALL, filter);
    rows.push(" ORDER BY comment.id DESC LIMIT ");
    rows.number(count);
    rows.push(" OFFSET ");
    rows.number(start);
    let found: Vec<Comment> = look_up!(database, rows, fetch_all)?;
    let mut counted = filtered("SELECT comment.id FROM comment ", filter);
    counted.push(" LIMIT ");
    counted.number(COUNTED);
    let counted = counted.within("SELECT COUNT(*) FROM (", ") AS counted");
    let (total,): (i64,) = look_up!(database, counted, fetch_one)?;
    Ok((total, found))
}

fn filtered(select: &'static str, filter: CommentFilter) -> Sql {
    let mut sql = Sql::default();
    sql.push(select);
    sql.push(match filter.is_held {
        Some(true) => "WHERE comment.state = 2",
        Some(false) => "WHERE comment.state = 1",
        None if filter.author.is_some() => "WHERE comment.state IN (1, 2, 3)",
        None => "WHERE comment.state IN (1, 2)",
    });
    sql.push(concat!(" AND ", is_wanted!("comment")));
    match filter.is_local {
        Some(true) => sql.push(" AND comment.url IS NULL"),
        Some(false) => sql.push(" AND comment.url IS NOT NULL"),
        None => {}
    }
    if let Some(owner) = filter.owner {
        sql.push(" AND comment.video_id IN (SELECT id FROM video WHERE account_id = ");
        sql.number(owner);
        sql.push(")");
    }
    if let Some(author) = filter.author {
        sql.push(" AND comment.account_id = ");
        sql.number(author);
    }
    if let Some(video) = filter.video {
        sql.push(" AND comment.video_id = ");
        sql.number(video);
    }
    sql
}

/// Sets who may see a comment, with the approval of its video's server if there is one, and what others are told of that; a deleted
/// one stays so.
pub(crate) async fn set_state(
    database: &Database,
    id: i64,
    state: CommentState,
    approval: Option<&str>,
    telling: &[Happened],
) -> sqlx::Result<()> {
    change(database, id, Change::State(state, approval), telling).await
}

/// Says something else in a comment.
pub(crate) async fn rewrite(
    database: &Database,
    now_ms: i64,
    id: i64,
    (text, state): (&str, CommentState),
    telling: &[Happened],
) -> sqlx::Result<()> {
    change(database, id, Change::Text(text, state, now_ms), telling).await
}

/// Notes that others are told of it.
pub(crate) async fn tell(database: &Database, id: i64, to: ToldTo) -> sqlx::Result<()> {
    let update = "UPDATE comment SET told = $2 WHERE id = $1 AND told < $2";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(to.id()).execute(pool).await.map(drop)
    })
}

/// Empties a comment, and forgets whose it was; others are told if it is given what it was to them.
pub(crate) async fn delete(
    database: &Database,
    now_ms: i64,
    id: i64,
    was: Option<&Was>,
) -> sqlx::Result<()> {
    let telling: &[Happened] = if was.is_some() { &[Happened::Gone] } else { &[] };
    change(database, id, Change::Delete(now_ms, was), telling).await
}

#[derive(Clone, Copy)]
enum Change<'a> {
    State(CommentState, Option<&'a str>),
    Text(&'a str, CommentState, i64),
    Delete(i64, Option<&'a Was>),
}

async fn change(
    database: &Database,
    id: i64,
    change: Change<'_>,
    telling: &[Happened],
) -> sqlx::Result<()> {
    let was = match change {
        Change::Delete(_, was) => was.and_then(|was| serde_json::to_string(was).ok()),
        _ => None,
    };
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let query = match change {
            Change::State(state, approval) => {
                sqlx::query_as(SET_STATE).bind(id).bind(state.id()).bind(approval)
            }
            Change::Text(text, state, now_ms) => {
                sqlx::query_as(REWRITE).bind(id).bind(state.id()).bind(text).bind(now_ms)
            }
            Change::Delete(now_ms, _) => sqlx::query_as(DELETE).bind(id).bind(now_ms),
        };
        let changed: Option<(Option<i64>,)> = query.fetch_optional(&mut *work).await?;
        if let Some((thread,)) = changed {
            if let Some(thread) = thread {
                sqlx::query(RECOUNT).bind(thread).execute(&mut *work).await?;
            }
            for what in telling {
                sqlx::query(TELL).bind(what.id()).bind(id).bind(&was).execute(&mut *work).await?;
            }
        }
        work.commit().await
    })
}

/// Empties all comments of somebody who is gone.
pub(crate) async fn delete_of_account(
    database: &Database,
    now_ms: i64,
    account_id: i64,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(EMPTY_ALL).bind(account_id).bind(now_ms).execute(&mut *work).await?;
        for step in [RECOUNT_ALL, DISOWN_ALL] {
            sqlx::query(step).bind(account_id).execute(&mut *work).await?;
        }
        work.commit().await
    })
}

macro_rules! select {
    ($($condition:tt)*) => {
        concat!(
            "SELECT comment.id, comment.url, comment.page, comment.video_id, comment.account_id, comment.parent_id, \
             comment.thread_id, comment.text, comment.state, comment.replies, comment.approval, comment.told, comment.created_at, \
             comment.updated_at, \
             (SELECT COUNT(*) FROM comment AS below WHERE below.thread_id = comment.id AND below.state = 1 \
             AND below.account_id = video.account_id) AS replies_by_owner, \
             video.uuid AS video_uuid, video.name AS video_name, video.account_id AS video_account_id, \
             video.is_remote AS video_is_remote, remote_video.url AS video_url, handle.name AS author, \
             account.user_id AS author_user_id, account.display_name AS author_label, account.description AS author_about, \
             account.avatar AS author_avatar, account.created_at AS author_created_at, account.updated_at AS author_updated_at, \
             remote_actor.url AS author_url, remote_actor.name AS author_name, remote_actor.host AS author_host, \
             remote_actor.page AS author_page, remote_actor.is_blocked AS author_is_blocked \
             FROM comment JOIN video ON video.id = comment.video_id LEFT JOIN remote_video ON remote_video.id = comment.video_id \
             LEFT JOIN account ON account.id = comment.account_id LEFT JOIN handle ON handle.id = comment.account_id \
             LEFT JOIN remote_actor ON remote_actor.id = comment.account_id ",
            $($condition)*
        )
    };
}

/// What somebody sees of the threads of a video, among them those of whose first they see only the place.
macro_rules! threads {
    ($order:literal) => {
        select!(concat!(
            "WHERE comment.video_id = $1 AND comment.thread_id IS NULL AND (comment.replies > 0 OR ",
            is_seen!(),
            ") ORDER BY ",
            $order,
            " LIMIT $4 OFFSET $5"
        ))
    };
}

const SELECT_ALL: &str = select!("");
const BY_ID: &str = select!("WHERE comment.id = $1");
const BY_URL: &str = select!("WHERE comment.url = $1");
const NEWEST: &str = threads!("comment.created_at DESC, comment.id DESC");
const OLDEST: &str = threads!("comment.created_at, comment.id");
const ANSWERED: &str = threads!("comment.replies DESC, comment.id DESC");
/// Answers of a thread that somebody sees; of those that are deleted the place, since there may be answers to them.
macro_rules! of_thread {
    () => {
        concat!("comment.thread_id = $1 AND (comment.state = 4 OR ", is_seen!(), ")")
    };
}

const ANSWERS: &str =
    select!(concat!("WHERE ", of_thread!(), " ORDER BY comment.id LIMIT $4 OFFSET $5"));
const COUNT_BEFORE: &str =
    concat!("SELECT COUNT(*) FROM comment WHERE ", of_thread!(), " AND comment.id < $4");
const COUNT_THREADS: &str = concat!(
    "SELECT COUNT(*) FROM comment WHERE comment.video_id = $1 AND comment.thread_id IS NULL AND (comment.replies > 0 OR ",
    is_seen!(),
    ")"
);
const COUNT_SHOWN: &str = concat!(
    "SELECT COUNT(*) FROM comment WHERE comment.video_id = $1 AND comment.state = 1 AND ",
    is_wanted!("comment")
);
const COLLECTION: &str = concat!(
    "SELECT id, url FROM comment WHERE comment.video_id = $1 AND comment.state = 1 AND ",
    is_wanted!("comment"),
    " ORDER BY id LIMIT $2 OFFSET $3"
);

const INSERT: &str = "INSERT INTO comment (url, page, video_id, account_id, parent_id, thread_id, text, state, approval, \
                      created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                      ON CONFLICT (url) DO NOTHING RETURNING id";
const TELL: &str = "INSERT INTO news (kind, subject, was) VALUES ($1, CAST($2 AS TEXT), $3)";
const RECOUNT: &str =
    concat!("UPDATE comment SET replies = ", shown_below!("$1"), " WHERE id = $1");
const SET_STATE: &str = "UPDATE comment SET state = $2, approval = COALESCE($3, approval) WHERE id = $1 AND state <> 4 \
                         RETURNING thread_id";
const REWRITE: &str = "UPDATE comment SET state = $2, text = $3, updated_at = $4 WHERE id = $1 AND state <> 4 RETURNING thread_id";
const DELETE: &str = "UPDATE comment SET state = 4, text = '', account_id = NULL, updated_at = $2 WHERE id = $1 AND state <> 4 \
                      RETURNING thread_id";
const EMPTY_ALL: &str =
    "UPDATE comment SET state = 4, text = '', updated_at = $2 WHERE account_id = $1";
/// Of all threads in which somebody has said something.
pub(super) const RECOUNT_ALL: &str = concat!(
    "UPDATE comment SET replies = ",
    shown_below!("comment.id"),
    " WHERE id IN (SELECT thread_id FROM comment WHERE account_id = $1)"
);
/// Of all threads in which those have said something whom a block means.
pub(super) const RECOUNT_MEANT: &str = concat!(
    "UPDATE comment SET replies = ",
    shown_below!("comment.id"),
    " WHERE id IN (SELECT said.thread_id FROM comment AS said JOIN remote_actor AS barred ON barred.id = said.account_id \
     JOIN handle AS named ON named.id = barred.id WHERE ",
    is_meant!(),
    ")"
);
const DISOWN_ALL: &str = "UPDATE comment SET account_id = NULL WHERE account_id = $1";
