//! The table `heard`: activities that came, so that what comes twice is done once.

use crate::database::{Database, reading, writing};
use crate::token;

/// Whether an activity of this id has come.
pub(crate) async fn is(database: &Database, id: &str) -> sqlx::Result<bool> {
    Ok(at(database, id).await?.is_some())
}

/// When an activity of this id came first.
pub(crate) async fn at(database: &Database, id: &str) -> sqlx::Result<Option<i64>> {
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as("SELECT heard_at FROM heard WHERE id = $1")
            .bind(token::hash(id))
            .fetch_optional(pool)
            .await
    })?;
    Ok(found.map(|(at,)| at))
}

/// Notes that an activity was done.
pub(crate) async fn note(database: &Database, now_ms: i64, id: &str) -> sqlx::Result<()> {
    let insert = "INSERT INTO heard (id, heard_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
    writing!(database, pool => {
        sqlx::query(insert).bind(token::hash(id)).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Forgets one that was taken back, so that it may come again under the same id.
pub(crate) async fn take_back(database: &Database, id: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        let delete = "DELETE FROM heard WHERE id = $1";
        sqlx::query(delete).bind(token::hash(id)).execute(pool).await.map(drop)
    })
}

/// Forgets those that came before `before_ms`.
pub(crate) async fn forget(database: &Database, before_ms: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        let delete = "DELETE FROM heard WHERE heard_at < $1";
        sqlx::query(delete).bind(before_ms).execute(pool).await.map(drop)
    })
}
