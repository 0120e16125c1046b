//! The table `history`: where a user stopped in the videos that they watched.

use super::card::{self, Card};
use crate::database::sql::Sql;
use crate::database::{Database, reading, writing};
use crate::limits::HISTORY;

/// Notes where a user is in a video, in seconds; beyond the bound the oldest is forgotten.
pub(crate) async fn note(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    video_id: i64,
    position: i64,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(NOTE)
            .bind(user_id)
            .bind(video_id)
            .bind(position)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        sqlx::query(TRIM).bind(user_id).bind(HISTORY).execute(&mut *work).await?;
        work.commit().await
    })
}

/// A page of a user's history, what they watched last first, and how much there is.
pub(crate) async fn page(
    database: &Database,
    (user_id, account_id): (i64, i64),
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Card>)> {
    let total: (i64,) = reading!(database, pool => {
        sqlx::query_as(TOTAL).bind(user_id).bind(account_id).fetch_one(pool).await
    })?;
    let chosen = chosen((user_id, account_id), start, count);
    Ok((total.0, card::fetch(database, chosen, true, user_id).await?))
}

/// Of what they watched only what they may still see: who may has perhaps changed since.
pub(super) fn chosen((user_id, account_id): (i64, i64), start: i64, count: i64) -> Sql {
    let mut sql = Sql::default();
    sql.push(
        "SELECT video_id AS chosen_id, watched_at AS chosen_key FROM history JOIN video ON video.id = video_id \
         WHERE user_id = ",
    );
    sql.number(user_id);
    sql.push(" AND ((state = 1 AND privacy IN (1, 2, 4)) OR account_id = ");
    sql.number(account_id);
    sql.push(") ORDER BY watched_at DESC LIMIT ");
    sql.number(count);
    sql.push(" OFFSET ");
    sql.number(start);
    sql
}

/// Forgets a video, or all that was watched before a time.
pub(crate) async fn forget(
    database: &Database,
    user_id: i64,
    video_id: Option<i64>,
    before_ms: i64,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(FORGET)
            .bind(user_id)
            .bind(video_id)
            .bind(before_ms)
            .execute(pool)
            .await
            .map(drop)
    })
}

const TOTAL: &str = "SELECT COUNT(*) FROM history JOIN video ON video.id = video_id \
                     WHERE user_id = $1 AND ((state = 1 AND privacy IN (1, 2, 4)) OR account_id = $2)";

const NOTE: &str = "INSERT INTO history (user_id, video_id, position, watched_at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (user_id, video_id) DO UPDATE SET position = excluded.position, watched_at = excluded.watched_at";

/// Found in the index; nothing is found as long as there are fewer.
const TRIM: &str = "DELETE FROM history WHERE user_id = $1 AND watched_at <= \
                    (SELECT watched_at FROM history WHERE user_id = $1 ORDER BY watched_at DESC LIMIT 1 OFFSET $2)";

const FORGET: &str = "DELETE FROM history WHERE user_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR video_id = $2) AND watched_at < $3";
