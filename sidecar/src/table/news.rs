//! The tables `news`, of what changes here, and `told`: which videos others know of.
//!
//! The database itself notes videos and actors that change, and `comment` what happens to comments, each with the change itself.

use crate::database::{Database, reading, record, writing};

record! {
    /// Something changed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct News {
        id: i64,
        kind: i64,
        /// A video's UUID, else the id of a handle or of a comment.
        subject: String,
        /// Of a comment that is deleted: what it was, as JSON.
        was: Option<String>,
    }
}

/// What it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Video,
    Account,
    Channel,
    Comment(Happened),
}

/// What happened to a comment that others are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// It is there, or everybody sees it now.
    Made,
    /// It says something else.
    Changed,
    /// It is deleted.
    Gone,
    /// Whoever decides about the video shows it.
    Approved,
}

impl Happened {
    pub(crate) fn id(self) -> i64 {
        match self {
            Happened::Made => 4,
            Happened::Changed => 5,
            Happened::Gone => 6,
            Happened::Approved => 7,
        }
    }
}

record! {
    /// A video of which others know.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Told {
        uuid: String,
        account_id: i64,
        channel_id: i64,
        digest: String,
    }
}

impl News {
    pub(crate) fn about(&self) -> Option<About> {
        Some(match self.kind {
            1 => About::Video,
            2 => About::Account,
            3 => About::Channel,
            4 => About::Comment(Happened::Made),
            5 => About::Comment(Happened::Changed),
            6 => About::Comment(Happened::Gone),
            7 => About::Comment(Happened::Approved),
            _ => return None,
        })
    }
}

/// The oldest; at most `count`.
pub(crate) async fn next(database: &Database, count: i64) -> sqlx::Result<Vec<News>> {
    let select = "SELECT id, kind, subject, was FROM news ORDER BY id LIMIT $1";
    reading!(database, pool => sqlx::query_as(select).bind(count).fetch_all(pool).await)
}

/// That was told, as everything of the same that is no newer.
pub(crate) async fn end(database: &Database, news: &News) -> sqlx::Result<()> {
    let delete = "DELETE FROM news WHERE id <= $1 AND kind = $2 AND subject = $3";
    writing!(database, pool => {
        sqlx::query(delete)
            .bind(news.id)
            .bind(news.kind)
            .bind(&news.subject)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Nobody is to be told anything.
pub(crate) async fn forget_all(database: &Database) -> sqlx::Result<()> {
    writing!(database, pool => sqlx::query("DELETE FROM news").execute(pool).await.map(drop))
}

/// What others know of a video.
pub(crate) async fn told(database: &Database, uuid: &str) -> sqlx::Result<Option<Told>> {
    let select = "SELECT uuid, account_id, channel_id, digest FROM told WHERE uuid = $1";
    reading!(database, pool => sqlx::query_as(select).bind(uuid).fetch_optional(pool).await)
}

/// Others know of a video.
pub(crate) async fn tell(database: &Database, told: &Told) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(TELL)
            .bind(&told.uuid)
            .bind(told.account_id)
            .bind(told.channel_id)
            .bind(&told.digest)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Others know no more of it.
pub(crate) async fn take_back(database: &Database, uuid: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query("DELETE FROM told WHERE uuid = $1").bind(uuid).execute(pool).await.map(drop)
    })
}

/// The id that a video of another server's has there.
pub(crate) async fn url_of(database: &Database, video_id: i64) -> sqlx::Result<Option<String>> {
    let select = "SELECT url FROM remote_video WHERE id = $1";
    let found: Option<(String,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(video_id).fetch_optional(pool).await
    })?;
    Ok(found.map(|(url,)| url))
}

const TELL: &str = "INSERT INTO told (uuid, account_id, channel_id, digest) VALUES ($1, $2, $3, $4) ON CONFLICT (uuid) DO UPDATE SET \
                    account_id = excluded.account_id, channel_id = excluded.channel_id, digest = excluded.digest";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives a video a URL of another server, which must be known.
    pub(crate) async fn make_remote(database: &Database, id: i64, host: &str, url: &str) {
        let insert = "INSERT INTO remote_video (id, url, host, uuid, files, trackers, pictures, captions, fetched_at) \
                      VALUES ($1, $2, $3, '', '[]', '[]', '[]', '[]', 1)";
        let made: sqlx::Result<()> = writing!(database, pool => {
            sqlx::query(insert).bind(id).bind(url).bind(host).execute(pool).await.map(drop)
        });
        made.unwrap();
    }
}
