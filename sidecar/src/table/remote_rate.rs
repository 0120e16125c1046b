//! The table `remote_rate`: what people of other servers think of a video of ours. The video's counts have those of `rate` and these.

use crate::database::{Database, reading, writing};

/// Sets it, or takes it away; `url` is the id of the Like.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    account_id: i64,
    video_id: i64,
    is_like: Option<bool>,
    url: Option<&str>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Also the row's lock: of two at once, the second sees what the first left.
        sqlx::query(UNCOUNT).bind(video_id).bind(account_id).execute(&mut *work).await?;
        sqlx::query("DELETE FROM remote_rate WHERE video_id = $1 AND account_id = $2")
            .bind(video_id)
            .bind(account_id)
            .execute(&mut *work)
            .await?;
        if let Some(is_like) = is_like {
            sqlx::query(INSERT)
                .bind(account_id)
                .bind(video_id)
                .bind(is_like)
                .bind(url)
                .bind(now_ms)
                .execute(&mut *work)
                .await?;
            sqlx::query(COUNT).bind(video_id).bind(account_id).execute(&mut *work).await?;
        }
        work.commit().await
    })
}

/// The video that somebody likes or dislikes by this id.
pub(crate) async fn video_of(
    database: &Database,
    account_id: i64,
    url: &str,
) -> sqlx::Result<Option<i64>> {
    let select = "SELECT video_id FROM remote_rate WHERE account_id = $1 AND url = $2 LIMIT 1";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(account_id).bind(url).fetch_optional(pool).await
    })?;
    Ok(found.map(|(id,)| id))
}

const UNCOUNT: &str = "UPDATE video SET \
     likes = likes - (SELECT COUNT(*) FROM remote_rate WHERE video_id = $1 AND account_id = $2 AND is_like = TRUE), \
     dislikes = dislikes - (SELECT COUNT(*) FROM remote_rate WHERE video_id = $1 AND account_id = $2 AND is_like = FALSE) \
     WHERE id = $1";
const COUNT: &str = "UPDATE video SET \
     likes = likes + (SELECT COUNT(*) FROM remote_rate WHERE video_id = $1 AND account_id = $2 AND is_like = TRUE), \
     dislikes = dislikes + (SELECT COUNT(*) FROM remote_rate WHERE video_id = $1 AND account_id = $2 AND is_like = FALSE) \
     WHERE id = $1";
const INSERT: &str = "INSERT INTO remote_rate (account_id, video_id, is_like, url, created_at) VALUES ($1, $2, $3, $4, $5)";

/// Takes all of an account's out of the counts, before the account goes.
pub(super) const UNCOUNT_LIKES: &str = "UPDATE video SET likes = likes - 1 \
     WHERE id IN (SELECT video_id FROM remote_rate WHERE account_id = $1 AND is_like = TRUE)";
pub(super) const UNCOUNT_DISLIKES: &str = "UPDATE video SET dislikes = dislikes - 1 \
     WHERE id IN (SELECT video_id FROM remote_rate WHERE account_id = $1 AND is_like = FALSE)";
