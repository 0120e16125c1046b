//! What belongs to a video: `tag`, `chapter` and `caption`.

use crate::database::{Database, reading, record, writing};

record! {
    /// Where a part of a video begins, in seconds.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Chapter {
        timecode: i64,
        title: String,
    }
}

record! {
    /// A WebVTT file of what is said in a video.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Caption {
        language: String,
        file: String,
        updated_at: i64,
    }
}

/// The tags of a video, as its owner wrote them.
pub(crate) async fn tags(database: &Database, video_id: i64) -> sqlx::Result<Vec<String>> {
    let select = "SELECT name FROM tag WHERE video_id = $1 ORDER BY lower_name";
    let found: Vec<(String,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(video_id).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// The chapters of a video, in order.
pub(crate) async fn chapters(database: &Database, video_id: i64) -> sqlx::Result<Vec<Chapter>> {
    let select = "SELECT timecode, title FROM chapter WHERE video_id = $1 ORDER BY timecode";
    reading!(database, pool => sqlx::query_as(select).bind(video_id).fetch_all(pool).await)
}

/// Sets all chapters of a video.
pub(crate) async fn set_chapters(
    database: &Database,
    video_id: i64,
    chapters: &[Chapter],
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query("DELETE FROM chapter WHERE video_id = $1")
            .bind(video_id)
            .execute(&mut *work)
            .await?;
        for chapter in chapters {
            sqlx::query(INSERT_CHAPTER)
                .bind(video_id)
                .bind(chapter.timecode)
                .bind(&chapter.title)
                .execute(&mut *work)
                .await?;
        }
        work.commit().await
    })
}

/// The captions of a video.
pub(crate) async fn captions(database: &Database, video_id: i64) -> sqlx::Result<Vec<Caption>> {
    let select =
        "SELECT language, file, updated_at FROM caption WHERE video_id = $1 ORDER BY language";
    reading!(database, pool => sqlx::query_as(select).bind(video_id).fetch_all(pool).await)
}

const INSERT_CHAPTER: &str =
    "INSERT INTO chapter (video_id, timecode, title) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
