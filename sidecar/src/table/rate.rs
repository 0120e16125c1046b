//! The table `rate`: who likes a video or doesn't, and the video's kept counts of them.

use crate::database::{Database, reading, writing};

/// What a user thinks of a video: `true` is a like.
pub(crate) async fn of(
    database: &Database,
    user_id: i64,
    video_id: i64,
) -> sqlx::Result<Option<bool>> {
    let select = "SELECT is_like FROM rate WHERE user_id = $1 AND video_id = $2";
    let found: Option<(bool,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(user_id).bind(video_id).fetch_optional(pool).await
    })?;
    Ok(found.map(|(is_like,)| is_like))
}

/// Sets it, or takes it away.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    video_id: i64,
    is_like: Option<bool>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Also the row's lock: of two at once, the second sees what the first left.
        sqlx::query(UNCOUNT).bind(video_id).bind(user_id).execute(&mut *work).await?;
        sqlx::query("DELETE FROM rate WHERE video_id = $1 AND user_id = $2")
            .bind(video_id)
            .bind(user_id)
            .execute(&mut *work)
            .await?;
        if let Some(is_like) = is_like {
            sqlx::query(INSERT)
                .bind(video_id)
                .bind(user_id)
                .bind(is_like)
                .bind(now_ms)
                .execute(&mut *work)
                .await?;
            let count = if is_like { COUNT_LIKE } else { COUNT_DISLIKE };
            sqlx::query(count).bind(video_id).execute(&mut *work).await?;
        }
        work.commit().await
    })
}

const UNCOUNT: &str = "UPDATE video SET \
     likes = likes - (SELECT COUNT(*) FROM rate WHERE video_id = $1 AND user_id = $2 AND is_like = TRUE), \
     dislikes = dislikes - (SELECT COUNT(*) FROM rate WHERE video_id = $1 AND user_id = $2 AND is_like = FALSE) \
     WHERE id = $1";
const INSERT: &str =
    "INSERT INTO rate (video_id, user_id, is_like, created_at) VALUES ($1, $2, $3, $4)";
const COUNT_LIKE: &str = "UPDATE video SET likes = likes + 1 WHERE id = $1";
const COUNT_DISLIKE: &str = "UPDATE video SET dislikes = dislikes + 1 WHERE id = $1";
