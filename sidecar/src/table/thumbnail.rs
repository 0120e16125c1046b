//! The column `thumbnail` of the table `video`: the picture that its owner chose.

use crate::database::{Database, writing};

/// Sets the picture, or takes it away; returns the one before.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    video_id: i64,
    file: Option<&str>,
) -> sqlx::Result<Option<String>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(TOUCH).bind(video_id).bind(now_ms).execute(&mut *work).await?;
        let old: Option<(Option<String>,)> =
            sqlx::query_as(FILE).bind(video_id).fetch_optional(&mut *work).await?;
        sqlx::query(UPDATE).bind(video_id).bind(file).execute(&mut *work).await?;
        work.commit().await?;
        Ok(old.and_then(|(file,)| file))
    })
}

/// Also the video's lock, so that changes of one wait for each other.
const TOUCH: &str = "UPDATE video SET updated_at = $2 WHERE id = $1";
const FILE: &str = "SELECT thumbnail FROM video WHERE id = $1";
const UPDATE: &str = "UPDATE video SET thumbnail = $2 WHERE id = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::video::tests::{about, made};

    #[tokio::test]
    async fn a_picture_is_replaced_and_taken_away() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let video = made(database, "alice", about("The sea")).await;
            let set = async |file| set(database, 1, video, file).await.unwrap();
            assert_eq!(set(Some("a.jpg")).await, None);
            assert_eq!(set(Some("b.jpg")).await.as_deref(), Some("a.jpg"));
            assert_eq!(set(None).await.as_deref(), Some("b.jpg"));
            assert_eq!(set(None).await, None);
        }
    }
}
