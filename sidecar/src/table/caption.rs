//! The table `caption`: of which languages a video has captions, and in which files.

use crate::database::{Database, writing};
use crate::limits::CAPTIONS;

/// Why captions can't be noted: their owner's zeal, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetError {
    #[error("a video has captions in at most {CAPTIONS} languages")]
    Full,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Notes the file of one language, and returns the one that it replaces.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    video_id: i64,
    language: &str,
    file: &str,
) -> Result<Option<String>, SetError> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(TOUCH).bind(video_id).bind(now_ms).execute(&mut *work).await?;
        let old: Option<(String,)> =
            sqlx::query_as(FILE).bind(video_id).bind(language).fetch_optional(&mut *work).await?;
        let set = sqlx::query(if old.is_some() { UPDATE } else { INSERT })
            .bind(video_id)
            .bind(language)
            .bind(file)
            .bind(now_ms)
            .bind(CAPTIONS)
            .execute(&mut *work)
            .await?;
        if set.rows_affected() == 0 {
            return Err(SetError::Full);
        }
        work.commit().await?;
        Ok(old.map(|(file,)| file))
    })
}

/// Forgets the captions of one language, and returns their file.
pub(crate) async fn remove(
    database: &Database,
    now_ms: i64,
    video_id: i64,
    language: &str,
) -> sqlx::Result<Option<String>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(HOLD).bind(video_id).execute(&mut *work).await?;
        let old: Option<(String,)> =
            sqlx::query_as(DELETE).bind(video_id).bind(language).fetch_optional(&mut *work).await?;
        if old.is_some() {
            sqlx::query(TOUCH).bind(video_id).bind(now_ms).execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(old.map(|(file,)| file))
    })
}

/// Also the video's lock, so that changes of one wait for each other.
const TOUCH: &str = "UPDATE video SET updated_at = $2 WHERE id = $1";
/// The lock alone.
const HOLD: &str = "UPDATE video SET updated_at = updated_at WHERE id = $1";
const FILE: &str = "SELECT file FROM caption WHERE video_id = $1 AND language = $2";
const UPDATE: &str = "UPDATE caption SET file = $3, updated_at = $4 WHERE video_id = $1 AND language = $2 AND $5 > 0";
const INSERT: &str = "INSERT INTO caption (video_id, language, file, updated_at) SELECT $1, $2, $3, $4 \
                      WHERE (SELECT COUNT(*) FROM caption WHERE video_id = $1) < $5";
const DELETE: &str = "DELETE FROM caption WHERE video_id = $1 AND language = $2 RETURNING file";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::about as tables;
    use crate::table::video as videos;
    use crate::table::video::tests::{about, made};

    #[tokio::test]
    async fn a_language_has_one_file_and_a_video_so_many_languages() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let video = made(database, "alice", about("The sea")).await;
            assert_eq!(set(database, 1, video, "en", "a.vtt").await.unwrap(), None);
            let old = set(database, 2, video, "en", "b.vtt").await.unwrap();
            assert_eq!(old.as_deref(), Some("a.vtt"));
            for no in 1..CAPTIONS {
                set(database, 3, video, &format!("x{no}"), "c.vtt").await.unwrap();
            }
            assert!(matches!(set(database, 4, video, "fr", "d.vtt").await, Err(SetError::Full)));
            assert!(set(database, 5, video, "en", "e.vtt").await.is_ok(), "one may be replaced");
            let found = tables::captions(database, video).await.unwrap();
            assert_eq!((found.len() as i64, &*found[0].file), (CAPTIONS, "e.vtt"));
            let removed = remove(database, 6, video, "en").await.unwrap();
            assert_eq!(removed.as_deref(), Some("e.vtt"));
            let changed_at =
                async || videos::by_id(database, video).await.unwrap().unwrap().updated_at;
            assert_eq!(changed_at().await, 6, "others are to hear of it");
            assert_eq!(remove(database, 7, video, "en").await.unwrap(), None);
            assert_eq!(changed_at().await, 6);
        }
    }
}
