//! The table `delivery`: which activity still has to get to which inbox, in the order in which each server gets them.

use crate::database::{Database, reading, record, writing};

record! {
    /// One that waits, with what it brings.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Delivery {
        id: i64,
        sent_id: i64,
        inbox: String,
        attempts: i64,
        created_at: i64,
        actor_id: i64,
        activity: String,
    }
}

record! {
    /// What waits for a server, and what was given up.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Queue {
        host: String,
        waiting: i64,
        given_up: i64,
        failures: i64,
        failing_since: Option<i64>,
        due_at: i64,
        reason: Option<String>,
    }
}

/// What waits for a server, the oldest first.
pub(crate) async fn next(
    database: &Database,
    host: &str,
    count: i64,
) -> sqlx::Result<Vec<Delivery>> {
    reading!(database, pool => {
        sqlx::query_as(NEXT).bind(host).bind(count).fetch_all(pool).await
    })
}

/// It has arrived, or is to go nowhere; the activity goes with its last delivery.
pub(crate) async fn end(database: &Database, id: i64, sent_id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query("DELETE FROM delivery WHERE id = $1").bind(id).execute(&mut *work).await?;
        sqlx::query(END_SENT).bind(sent_id).execute(&mut *work).await?;
        work.commit().await
    })
}

/// It didn't arrive, and is tried again.
pub(crate) async fn put_off(database: &Database, id: i64, reason: &str) -> sqlx::Result<()> {
    let update = "UPDATE delivery SET attempts = attempts + 1, reason = $2 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(reason).execute(pool).await.map(drop)
    })
}

/// It didn't arrive, and isn't tried again.
pub(crate) async fn give_up(database: &Database, id: i64, reason: &str) -> sqlx::Result<()> {
    let update =
        "UPDATE delivery SET attempts = attempts + 1, state = 2, reason = $2 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(reason).execute(pool).await.map(drop)
    })
}

/// Gives up all that waits for a server.
pub(crate) async fn give_up_all(database: &Database, host: &str, reason: &str) -> sqlx::Result<()> {
    let update = "UPDATE delivery SET state = 2, reason = $2 WHERE host = $1 AND state = 1";
    writing!(database, pool => {
        sqlx::query(update).bind(host).bind(reason).execute(pool).await.map(drop)
    })
}

/// Has what was given up wait again, as if it were new.
pub(crate) async fn retry(database: &Database, now_ms: i64, host: &str) -> sqlx::Result<()> {
    let update = "UPDATE delivery SET state = 1, attempts = 0, created_at = $2 WHERE host = $1 AND state = 2";
    writing!(database, pool => {
        sqlx::query(update).bind(host).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Forgets what was given up before `before_ms`, and activities that nobody gets any more; `host` alone, or all.
pub(crate) async fn forget(
    database: &Database,
    before_ms: i64,
    host: Option<&str>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(FORGET).bind(before_ms).bind(host).execute(&mut *work).await?;
        sqlx::query(FORGET_SENT).execute(&mut *work).await?;
        work.commit().await
    })
}

/// The servers for which something waits or was given up, those in trouble first; at most `count` after `start`.
pub(crate) async fn queues(
    database: &Database,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<Queue>> {
    reading!(database, pool => {
        sqlx::query_as(QUEUES).bind(count).bind(start).fetch_all(pool).await
    })
}

const NEXT: &str = "SELECT delivery.id, sent_id, inbox, attempts, delivery.created_at, actor_id, activity FROM delivery \
                    JOIN sent ON sent.id = delivery.sent_id WHERE host = $1 AND state = 1 ORDER BY delivery.id LIMIT $2";

const END_SENT: &str = "DELETE FROM sent WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM delivery WHERE sent_id = sent.id)";

const FORGET: &str =
    "DELETE FROM delivery WHERE state = 2 AND created_at < $1 AND host = COALESCE($2, host)";

const FORGET_SENT: &str =
    "DELETE FROM sent WHERE NOT EXISTS (SELECT 1 FROM delivery WHERE sent_id = sent.id)";

const QUEUES: &str = "SELECT host.name AS host, SUM(CASE WHEN delivery.state = 1 THEN 1 ELSE 0 END) AS waiting, \
                      SUM(CASE WHEN delivery.state = 2 THEN 1 ELSE 0 END) AS given_up, failures, failing_since, due_at, host.reason \
                      FROM host LEFT JOIN delivery ON delivery.host = host.name WHERE failures > 0 OR delivery.id IS NOT NULL \
                      GROUP BY host.name ORDER BY failures DESC, host.name LIMIT $1 OFFSET $2";
