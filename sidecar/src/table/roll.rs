//! All videos, whatever their state and whoever may see them, as the host of an instance lists them.

use crate::database::{Database, reading, record};

record! {
    /// A video with the handle of its channel.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Entry {
        id: i64,
        uuid: String,
        name: String,
        channel: String,
        privacy: i64,
        state: i64,
        duration_ms: i64,
        source_bytes: i64,
        views: i64,
        created_at: i64,
        published_at: Option<i64>,
    }
}

/// Whose videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Everybody,
    Account(i64),
    Channel(i64),
}

/// The newest with an id below `before`.
pub(crate) async fn page(
    database: &Database,
    whose: Whose,
    before: i64,
    count: i64,
) -> sqlx::Result<Vec<Entry>> {
    let (select, id) = match whose {
        Whose::Everybody => (ALL, NOBODY),
        Whose::Account(id) => (OF_ACCOUNT, id),
        Whose::Channel(id) => (OF_CHANNEL, id),
    };
    reading!(database, pool => {
        sqlx::query_as(select).bind(before).bind(count).bind(id).fetch_all(pool).await
    })
}

/// One by its id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Entry>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT video.id, uuid, video.name, handle.name AS channel, privacy, state, duration_ms, source_bytes, views, \
             video.created_at, published_at FROM video JOIN handle ON handle.id = channel_id WHERE ",
            $condition
        )
    };
}

const BY_ID: &str = select!("video.id = $1");
const ALL: &str = select!("video.id < $1 AND $3 >= 0 ORDER BY video.id DESC LIMIT $2");
const OF_ACCOUNT: &str =
    select!("account_id = $3 AND video.id < $1 ORDER BY video.id DESC LIMIT $2");
const OF_CHANNEL: &str =
    select!("channel_id = $3 AND video.id < $1 ORDER BY video.id DESC LIMIT $2");

/// Where everybody's are listed, a parameter that says nothing.
const NOBODY: i64 = 0;
