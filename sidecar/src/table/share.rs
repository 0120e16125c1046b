//! The table `share`: who of other servers passes a video of ours on.

use crate::database::{Database, reading, writing};

/// Notes that somebody does; `url` is the id of the Announce.
pub(crate) async fn begin(
    database: &Database,
    now_ms: i64,
    actor_id: i64,
    video_id: i64,
    url: &str,
) -> sqlx::Result<()> {
    let insert = "INSERT INTO share (actor_id, video_id, url, created_at) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (actor_id, video_id) DO UPDATE SET url = excluded.url";
    writing!(database, pool => {
        sqlx::query(insert)
            .bind(actor_id)
            .bind(video_id)
            .bind(url)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Takes that back.
pub(crate) async fn end(database: &Database, actor_id: i64, video_id: i64) -> sqlx::Result<()> {
    let delete = "DELETE FROM share WHERE actor_id = $1 AND video_id = $2";
    writing!(database, pool => {
        sqlx::query(delete).bind(actor_id).bind(video_id).execute(pool).await.map(drop)
    })
}

/// The video that somebody announced by this id.
pub(crate) async fn video_of(
    database: &Database,
    actor_id: i64,
    url: &str,
) -> sqlx::Result<Option<i64>> {
    let select = "SELECT video_id FROM share WHERE actor_id = $1 AND url = $2 LIMIT 1";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(actor_id).bind(url).fetch_optional(pool).await
    })?;
    Ok(found.map(|(id,)| id))
}

/// How many of elsewhere do.
pub(crate) async fn of_video(database: &Database, video_id: i64) -> sqlx::Result<i64> {
    let select = "SELECT COUNT(*) FROM share WHERE video_id = $1";
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(select).bind(video_id).fetch_one(pool).await
    })?;
    Ok(found.0)
}
