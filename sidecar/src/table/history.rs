//! The table `history`: where a user stopped in the videos that they watched.

use super::card::{self, Card, Sql};
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
    user_id: i64,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Card>)> {
    let total: (i64,) = reading!(database, pool => {
        let select = "SELECT COUNT(*) FROM history WHERE user_id = $1";
        sqlx::query_as(select).bind(user_id).fetch_one(pool).await
    })?;
    let mut chosen = Sql::default();
    chosen.push(
        "SELECT video_id AS chosen_id, watched_at AS chosen_key FROM history WHERE user_id = ",
    );
    chosen.number(user_id);
    chosen.push(" ORDER BY watched_at DESC LIMIT ");
    chosen.number(count);
    chosen.push(" OFFSET ");
    chosen.number(start);
    Ok((total.0, card::fetch(database, chosen, true, user_id).await?))
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

const NOTE: &str = "INSERT INTO history (user_id, video_id, position, watched_at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (user_id, video_id) DO UPDATE SET position = excluded.position, watched_at = excluded.watched_at";

/// Found in the index; nothing is found as long as there are fewer.
const TRIM: &str = "DELETE FROM history WHERE user_id = $1 AND watched_at <= \
                    (SELECT watched_at FROM history WHERE user_id = $1 ORDER BY watched_at DESC LIMIT 1 OFFSET $2)";

const FORGET: &str = "DELETE FROM history WHERE user_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR video_id = $2) AND watched_at < $3";
