//! The table `notification`: what a user is told of. The newest are kept.

use crate::database::{Database, reading, record, writing};
use crate::limits::NOTIFICATIONS;

record! {
    /// Something that a user is told of.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Notification {
        id: i64,
        kind: i64,
        comment_id: Option<i64>,
        actor_id: Option<i64>,
        target_id: Option<i64>,
        is_read: bool,
        created_at: i64,
    }
}

/// What it is about, as PeerTube numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotificationKind {
    /// Somebody commented on a video of theirs.
    Comment,
    /// Somebody of elsewhere follows their channel or account.
    Follow,
    /// Somebody named them in a comment, or answered one.
    Mention,
}

impl NotificationKind {
    pub(crate) fn id(self) -> i64 {
        match self {
            NotificationKind::Comment => 2,
            NotificationKind::Follow => 10,
            NotificationKind::Mention => 11,
        }
    }
}

/// Tells a user of a comment, once.
pub(crate) async fn of_comment(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    kind: NotificationKind,
    comment_id: i64,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(INSERT_COMMENT)
            .bind(user_id)
            .bind(kind.id())
            .bind(comment_id)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        sqlx::query(TRIM).bind(user_id).bind(NOTIFICATIONS).execute(&mut *work).await?;
        work.commit().await
    })
}

/// Tells a user that somebody follows something of theirs, once.
pub(crate) async fn of_follow(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    (actor_id, target_id): (i64, i64),
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(INSERT_FOLLOW)
            .bind(user_id)
            .bind(actor_id)
            .bind(target_id)
            .bind(now_ms)
            .bind(NotificationKind::Follow.id())
            .execute(&mut *work)
            .await?;
        sqlx::query(TRIM).bind(user_id).bind(NOTIFICATIONS).execute(&mut *work).await?;
        work.commit().await
    })
}

/// A page of a user's, the newest first; and how many there are.
pub(crate) async fn page(
    database: &Database,
    user_id: i64,
    is_unread: bool,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Notification>)> {
    reading!(database, pool => {
        let found = sqlx::query_as(PAGE)
            .bind(user_id)
            .bind(is_unread)
            .bind(count)
            .bind(start)
            .fetch_all(pool)
            .await?;
        let total: (i64,) =
            sqlx::query_as(COUNT).bind(user_id).bind(is_unread).fetch_one(pool).await?;
        Ok((total.0, found))
    })
}

/// How many a user hasn't read.
pub(crate) async fn unread(database: &Database, user_id: i64) -> sqlx::Result<i64> {
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(COUNT).bind(user_id).bind(true).fetch_one(pool).await
    })?;
    Ok(found.0)
}

/// Takes one of a user's as read; `None` is all of them.
pub(crate) async fn read(database: &Database, user_id: i64, id: Option<i64>) -> sqlx::Result<()> {
    let update = "UPDATE notification SET is_read = TRUE WHERE user_id = $1 AND is_read = FALSE \
                  AND ($2 < 0 OR id = $2)";
    writing!(database, pool => {
        sqlx::query(update).bind(user_id).bind(id.unwrap_or(-1)).execute(pool).await.map(drop)
    })
}

const INSERT_COMMENT: &str = "INSERT INTO notification (user_id, kind, comment_id, is_read, created_at) \
                              SELECT $1, $2, $3, FALSE, $4 WHERE NOT EXISTS \
                              (SELECT 1 FROM notification WHERE user_id = $1 AND comment_id = $3)";
const INSERT_FOLLOW: &str = "INSERT INTO notification (user_id, kind, actor_id, target_id, is_read, created_at) \
                             SELECT $1, $5, $2, $3, FALSE, $4 WHERE NOT EXISTS \
                             (SELECT 1 FROM notification WHERE user_id = $1 AND actor_id = $2 AND target_id = $3)";
/// Of so many the oldest go.
const TRIM: &str = "DELETE FROM notification WHERE user_id = $1 AND id <= \
                    (SELECT id FROM notification WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
/// A user's own, but for what those did who are blocked here by now.
macro_rules! of_user {
    () => {
        "FROM notification LEFT JOIN comment ON comment.id = notification.comment_id \
         WHERE notification.user_id = $1 AND (notification.is_read = FALSE OR NOT $2) AND NOT EXISTS \
         (SELECT 1 FROM remote_actor WHERE remote_actor.id IN (comment.account_id, notification.actor_id) AND is_blocked = TRUE)"
    };
}

const PAGE: &str = concat!(
    "SELECT notification.id, kind, comment_id, actor_id, target_id, is_read, notification.created_at ",
    of_user!(),
    " ORDER BY notification.id DESC LIMIT $3 OFFSET $4"
);
const COUNT: &str = concat!("SELECT COUNT(*) ", of_user!());
