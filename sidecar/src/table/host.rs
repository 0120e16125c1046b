//! The table `host`: servers that we have met.

use crate::database::{Database, writing};

/// Notes that there is a server of this name, unless that is known.
pub(crate) async fn meet(database: &Database, now_ms: i64, name: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(MEET).bind(name).bind(now_ms).execute(pool).await.map(drop)
    })
}

pub(super) const MEET: &str =
    "INSERT INTO host (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
