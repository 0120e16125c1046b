//! The table `tombstone`: what was there and is gone. Nothing comes back under such an id.

use crate::database::{Database, reading, record, writing};

record! {
    /// What is left of something.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Tombstone {
        /// Our path, or another server's URL.
        id: String,
        /// Such as `Video`.
        former_type: String,
        deleted_at: i64,
    }
}

/// Of this id, if it is gone.
pub(crate) async fn find(database: &Database, id: &str) -> sqlx::Result<Option<Tombstone>> {
    let select = "SELECT id, former_type, deleted_at FROM tombstone WHERE id = $1";
    reading!(database, pool => sqlx::query_as(select).bind(id).fetch_optional(pool).await)
}

/// Notes that something is gone.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    id: &str,
    former_type: &str,
) -> sqlx::Result<()> {
    let insert = "INSERT INTO tombstone (id, former_type, deleted_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    writing!(database, pool => {
        sqlx::query(insert).bind(id).bind(former_type).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Forgets those of others that are older than `before_ms`; ours, which begin with a slash, stay.
pub(crate) async fn forget(database: &Database, before_ms: i64) -> sqlx::Result<()> {
    let delete = "DELETE FROM tombstone WHERE deleted_at < $1 AND id NOT LIKE '/%'";
    writing!(database, pool => {
        sqlx::query(delete).bind(before_ms).execute(pool).await.map(drop)
    })
}
