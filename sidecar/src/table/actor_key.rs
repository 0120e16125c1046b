//! The table `actor_key`: what accounts, channels and the instance sign with.

use crate::database::{Database, reading, record, writing};

record! {
    /// A pair of keys.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct ActorKey {
        id: i64,
        /// Sealed.
        private_key: String,
        public_key: String,
        created_at: i64,
    }
}

/// The keys of a handle, if they were made.
pub(crate) async fn find(database: &Database, id: i64) -> sqlx::Result<Option<ActorKey>> {
    reading!(database, pool => sqlx::query_as(FIND).bind(id).fetch_optional(pool).await)
}

/// Keeps keys, unless somebody was faster.
pub(crate) async fn keep(database: &Database, key: &ActorKey) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(KEEP)
            .bind(key.id)
            .bind(&key.private_key)
            .bind(&key.public_key)
            .bind(key.created_at)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// The id of a handle, whether somebody has it or had it.
pub(crate) async fn find_handle(database: &Database, name: &str) -> sqlx::Result<Option<i64>> {
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(HANDLE).bind(name).fetch_optional(pool).await
    })?;
    Ok(found.map(|(id,)| id))
}

/// The name of a handle, whether somebody has it or had it.
pub(crate) async fn name_of(database: &Database, id: i64) -> sqlx::Result<Option<String>> {
    let found: Option<(String,)> = reading!(database, pool => {
        sqlx::query_as("SELECT name FROM handle WHERE id = $1").bind(id).fetch_optional(pool).await
    })?;
    Ok(found.map(|(name,)| name))
}

/// The id of a handle that nobody owns, which is made if there is none.
pub(crate) async fn handle(database: &Database, name: &str) -> sqlx::Result<i64> {
    if let Some(id) = find_handle(database, name).await? {
        return Ok(id);
    }
    writing!(database, pool => {
        sqlx::query("INSERT INTO handle (name) VALUES ($1) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .execute(pool)
            .await?;
        sqlx::query_as::<_, (i64,)>(HANDLE).bind(name).fetch_one(pool).await.map(|(id,)| id)
    })
}

const HANDLE: &str = "SELECT id FROM handle WHERE name = $1";
const FIND: &str = "SELECT id, private_key, public_key, created_at FROM actor_key WHERE id = $1";
const KEEP: &str = "INSERT INTO actor_key (id, private_key, public_key, created_at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (id) DO NOTHING";
