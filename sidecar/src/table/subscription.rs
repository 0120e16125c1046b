//! The table `subscription`: whose new videos a user wants to see.

use crate::database::{Database, reading, writing};
use crate::limits::SUBSCRIPTIONS;

/// Whether a user has subscribed to a channel.
pub(crate) async fn is(database: &Database, user_id: i64, channel_id: i64) -> sqlx::Result<bool> {
    let select = "SELECT created_at FROM subscription WHERE user_id = $1 AND channel_id = $2";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(user_id).bind(channel_id).fetch_optional(pool).await
    })?;
    Ok(found.is_some())
}

/// How many channels a user has subscribed to.
pub(crate) async fn of_user(database: &Database, user_id: i64) -> sqlx::Result<i64> {
    let select = "SELECT COUNT(*) FROM subscription WHERE user_id = $1";
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(select).bind(user_id).fetch_one(pool).await
    })?;
    Ok(found.0)
}

/// The ids of a user's channels, those subscribed to last first.
pub(crate) async fn channels(
    database: &Database,
    user_id: i64,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<i64>> {
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(CHANNELS).bind(user_id).bind(count).bind(start).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Subscribes; `false` if the user has as many as they may.
pub(crate) async fn begin(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    channel_id: i64,
) -> sqlx::Result<bool> {
    if of_user(database, user_id).await? >= SUBSCRIPTIONS {
        return is(database, user_id, channel_id).await;
    }
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let done = sqlx::query(INSERT).bind(user_id).bind(channel_id).bind(now_ms);
        let done = done.execute(&mut *work).await?;
        sqlx::query(COUNT)
            .bind(channel_id)
            .bind(done.rows_affected() as i64)
            .execute(&mut *work)
            .await?;
        work.commit().await.map(|()| true)
    })
}

/// Ends a subscription; `false` if there was none.
pub(crate) async fn end(database: &Database, user_id: i64, channel_id: i64) -> sqlx::Result<bool> {
    let delete = "DELETE FROM subscription WHERE user_id = $1 AND channel_id = $2";
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let done = sqlx::query(delete).bind(user_id).bind(channel_id).execute(&mut *work).await?;
        let ended = done.rows_affected() as i64;
        sqlx::query(COUNT).bind(channel_id).bind(-ended).execute(&mut *work).await?;
        work.commit().await.map(|()| ended > 0)
    })
}

const COUNT: &str = "UPDATE channel SET subscribers = subscribers + $2 WHERE id = $1";

/// The user's own are few, so they are sorted.
const CHANNELS: &str = "SELECT channel_id FROM subscription WHERE user_id = $1 \
                        ORDER BY created_at DESC, channel_id DESC LIMIT $2 OFFSET $3";
const INSERT: &str = "INSERT INTO subscription (user_id, channel_id, created_at) VALUES ($1, $2, $3) \
                      ON CONFLICT DO NOTHING";
