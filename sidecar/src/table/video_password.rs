//! The table `video_password`: what opens a video of privacy 5. It is written with its video.

use crate::database::{Database, reading};

/// Whether this is one of a video's passwords.
pub(crate) async fn opens(
    database: &Database,
    video_id: i64,
    password: &str,
) -> sqlx::Result<bool> {
    if password.contains('\0') {
        return Ok(false);
    }
    let select = "SELECT id FROM video_password WHERE video_id = $1 AND password = $2";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(video_id).bind(password).fetch_optional(pool).await
    })?;
    Ok(found.is_some())
}

/// All passwords of a video, for its owner; there are few of them.
pub(crate) async fn all(database: &Database, video_id: i64) -> sqlx::Result<Vec<String>> {
    let select = "SELECT password FROM video_password WHERE video_id = $1 ORDER BY id";
    let found: Vec<(String,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(video_id).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(password,)| password).collect())
}
