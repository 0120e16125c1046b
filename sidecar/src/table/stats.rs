//! What an instance is like in numbers. These queries look at whole tables or indexes, so they are asked once a minute.

use crate::database::{Database, reading, record};

record! {
    /// Who is here.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct People {
        administrators: i64,
        moderators: i64,
        daily: i64,
        weekly: i64,
        monthly: i64,
    }
}

record! {
    /// What is published.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Works {
        bytes: i64,
        daily: i64,
        weekly: i64,
        monthly: i64,
    }
}

record! {
    /// Who asked for an account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Requests {
        total: i64,
        processed: i64,
        waited_ms: Option<i64>,
    }
}

record! {
    /// What is said below videos, and against what.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Talk {
        comments: i64,
        comments_here: i64,
        reports: i64,
        reports_decided: i64,
        report_waited_ms: Option<i64>,
    }
}

/// With the beginnings of the last day, week and month.
macro_rules! ask {
    ($database:expr, $select:expr, $now_ms:expr) => {
        reading!($database, pool => {
            sqlx::query_as($select)
                .bind($now_ms - DAY_MS)
                .bind($now_ms - 7 * DAY_MS)
                .bind($now_ms - 30 * DAY_MS)
                .fetch_one(pool)
                .await
        })
    };
}

/// By roles, and by when they logged in last.
pub(crate) async fn people(database: &Database, now_ms: i64) -> sqlx::Result<People> {
    ask!(database, PEOPLE, now_ms)
}

/// Bytes of the uploaded files, and channels that published lately.
pub(crate) async fn works(database: &Database, now_ms: i64) -> sqlx::Result<Works> {
    ask!(database, WORKS, now_ms)
}

/// What is said, and reported.
pub(crate) async fn talk(database: &Database) -> sqlx::Result<Talk> {
    reading!(database, pool => sqlx::query_as(TALK).fetch_one(pool).await)
}

/// How many, how many were decided on, and how long that took.
pub(crate) async fn requests(database: &Database) -> sqlx::Result<Requests> {
    reading!(database, pool => sqlx::query_as(REQUESTS).fetch_one(pool).await)
}

record! {
    /// What is under way.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Waiting {
        uploads: i64,
        registrations: i64,
    }
}

/// Uploads that no video was made of, and those who wait for an account.
pub(crate) async fn waiting(database: &Database) -> sqlx::Result<Waiting> {
    reading!(database, pool => sqlx::query_as(WAITING).fetch_one(pool).await)
}

/// How many jobs are in which state; there are those of some days.
pub(crate) async fn jobs(database: &Database) -> sqlx::Result<Vec<(i64, i64)>> {
    let select = "SELECT state, COUNT(*) FROM job GROUP BY state ORDER BY state";
    reading!(database, pool => sqlx::query_as(select).fetch_all(pool).await)
}

const WAITING: &str = "SELECT (SELECT COUNT(*) FROM upload WHERE video_id IS NULL) AS uploads, \
                       (SELECT COUNT(*) FROM registration WHERE state = 1) AS registrations";

/// The value of a kind of which there is most, past the first `at`, if it has so many videos that are safe for work; found
/// in an index.
pub(crate) async fn largest(
    database: &Database,
    kind: &str,
    least: i64,
    at: i64,
) -> sqlx::Result<Option<String>> {
    let found: Option<(String,)> = reading!(database, pool => {
        sqlx::query_as(LARGEST).bind(kind).bind(least).bind(at).fetch_optional(pool).await
    })?;
    Ok(found.map(|found| found.0))
}

const LARGEST: &str = "SELECT value FROM tally WHERE kind = $1 AND videos >= $2 AND videos - nsfw >= $2 \
                       ORDER BY videos DESC, value DESC LIMIT 1 OFFSET $3";

const PEOPLE: &str = "SELECT COUNT(CASE WHEN role = 0 THEN 1 END) AS administrators, \
                      COUNT(CASE WHEN role = 1 THEN 1 END) AS moderators, \
                      COUNT(CASE WHEN last_login_at >= $1 THEN 1 END) AS daily, \
                      COUNT(CASE WHEN last_login_at >= $2 THEN 1 END) AS weekly, \
                      COUNT(CASE WHEN last_login_at >= $3 THEN 1 END) AS monthly FROM users";

const WORKS: &str = "SELECT CAST((SELECT COALESCE(SUM(source_bytes), 0) FROM video) AS BIGINT) AS bytes, \
                     COUNT(DISTINCT CASE WHEN listed_at >= $1 THEN channel_id END) AS daily, \
                     COUNT(DISTINCT CASE WHEN listed_at >= $2 THEN channel_id END) AS weekly, \
                     COUNT(DISTINCT channel_id) AS monthly FROM video WHERE listed_at >= $3";

const TALK: &str = "SELECT (SELECT COUNT(*) FROM comment WHERE state = 1) AS comments, \
                    (SELECT COUNT(*) FROM comment WHERE state = 1 AND url IS NULL) AS comments_here, COUNT(*) AS reports, \
                    COUNT(CASE WHEN state > 1 THEN 1 END) AS reports_decided, \
                    CAST(AVG(CASE WHEN state > 1 THEN updated_at - created_at END) AS BIGINT) AS report_waited_ms FROM report";

const REQUESTS: &str = "SELECT COUNT(*) AS total, COUNT(CASE WHEN state > 1 THEN 1 END) AS processed, \
                        CAST(AVG(CASE WHEN state > 1 THEN updated_at - created_at END) AS BIGINT) AS waited_ms \
                        FROM registration";

const DAY_MS: i64 = 86_400_000;
