//! The table `block`: servers and people with whom this instance has nothing to do.
//!
//! Whoever of `remote_actor` is meant is marked with the block itself, and what is counted of their comments is counted anew.

use super::comment;
use super::follow::is_barred;
use crate::database::{Database, reading, record, writing};

record! {
    /// A server (`host`) or somebody (`name@host`).
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Block {
        target: String,
        reason: Option<String>,
        created_at: i64,
    }
}

/// All of them, the newest first; there are at most [`crate::limits::BLOCKS`].
pub(crate) async fn all(database: &Database) -> sqlx::Result<Vec<Block>> {
    reading!(database, pool => {
        sqlx::query_as(ALL).bind(crate::limits::BLOCKS).fetch_all(pool).await
    })
}

/// Blocks, or says why anew; `false` if there are as many as there may be.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    target: &str,
    reason: Option<&str>,
) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let done = sqlx::query(SET)
            .bind(target)
            .bind(reason)
            .bind(now_ms)
            .bind(crate::limits::BLOCKS)
            .execute(&mut *work)
            .await?;
        for step in [MARK, comment::RECOUNT_MEANT] {
            sqlx::query(step).bind(target).execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(done.rows_affected() > 0)
    })
}

/// Takes it back; `false` if there was none.
pub(crate) async fn end(database: &Database, target: &str) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let delete = "DELETE FROM block WHERE target = $1";
        let done = sqlx::query(delete).bind(target).execute(&mut *work).await?;
        for step in [MARK, comment::RECOUNT_MEANT] {
            sqlx::query(step).bind(target).execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(done.rows_affected() > 0)
    })
}

/// Whether a block of `$1` is one of `barred`, whose handle is `named`.
macro_rules! is_meant {
    () => {
        "(named.name = $1 OR barred.host = $1 OR barred.host LIKE '%.' || $1)"
    };
}

pub(super) use is_meant;

const MARK: &str = concat!(
    "UPDATE remote_actor SET is_blocked = NOT is_blocked WHERE id IN (SELECT barred.id FROM remote_actor AS barred \
     JOIN handle AS named ON named.id = barred.id WHERE ",
    is_meant!(),
    " AND barred.is_blocked <> (EXISTS (SELECT 1 FROM block WHERE ",
    is_barred!(),
    ")))"
);

/// Of one, whose name or block may have changed.
pub(super) const MARK_ONE: &str = concat!(
    "UPDATE remote_actor SET is_blocked = EXISTS (SELECT 1 FROM block JOIN handle AS named ON named.id = $1 \
     JOIN remote_actor AS barred ON barred.id = named.id WHERE ",
    is_barred!(),
    ") WHERE id = $1"
);

const ALL: &str =
    "SELECT target, reason, created_at FROM block ORDER BY created_at DESC, target LIMIT $1";

const SET: &str = "INSERT INTO block (target, reason, created_at) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT) \
                   WHERE (SELECT COUNT(*) FROM block) < $4 \
                   ON CONFLICT (target) DO UPDATE SET reason = excluded.reason";
