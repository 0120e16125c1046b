//! The table `views_of_day`, and each video's kept counts of views: in all, and of the last seven days.

use crate::database::{Database, reading, writing};

/// Counts a view.
pub(crate) async fn count(database: &Database, now_ms: i64, video_id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(COUNT).bind(video_id).execute(&mut *work).await?;
        sqlx::query(COUNT_OF_DAY).bind(now_ms / DAY).bind(video_id).execute(&mut *work).await?;
        sqlx::query(COUNT_IN_ALL).execute(&mut *work).await?;
        work.commit().await
    })
}

/// Takes days that are seven days ago or longer out of the counts, some videos at a time, so that others may write, too.
pub(crate) async fn roll(database: &Database, now_ms: i64) -> sqlx::Result<()> {
    let oldest = now_ms / DAY - LATELY + 1;
    loop {
        let old: Vec<(i64, i64, i64)> = reading!(database, pool => {
            sqlx::query_as(OLD).bind(oldest).bind(AT_ONCE).fetch_all(pool).await
        })?;
        writing!(database, pool => {
            let mut work = pool.begin().await?;
            for (day, video_id, views) in &old {
                let gone = sqlx::query(FORGET).bind(day).bind(video_id).execute(&mut *work).await?;
                // Of two that roll at once, one finds it gone.
                if gone.rows_affected() > 0 {
                    sqlx::query(UNCOUNT).bind(video_id).bind(views).execute(&mut *work).await?;
                }
            }
            work.commit().await?;
        });
        if (old.len() as i64) < AT_ONCE {
            return Ok(());
        }
    }
}

const COUNT: &str =
    "UPDATE video SET views = views + 1, views_lately = views_lately + 1 WHERE id = $1";

const COUNT_OF_DAY: &str = "INSERT INTO views_of_day (day, video_id, views) VALUES ($1, $2, 1) \
                            ON CONFLICT (day, video_id) DO UPDATE SET views = views_of_day.views + 1";

const COUNT_IN_ALL: &str = "INSERT INTO tally (kind, value, videos, nsfw) VALUES ('views', '', 1, 0) \
                            ON CONFLICT (kind, value) DO UPDATE SET videos = tally.videos + 1";

const OLD: &str =
    "SELECT day, video_id, views FROM views_of_day WHERE day < $1 ORDER BY day, video_id LIMIT $2";
const FORGET: &str = "DELETE FROM views_of_day WHERE day = $1 AND video_id = $2";
const UNCOUNT: &str = "UPDATE video SET views_lately = views_lately - $2 WHERE id = $1";

/// Milliseconds.
const DAY: i64 = 86_400_000;

/// Days whose views are trending.
const LATELY: i64 = 7;

/// Videos in one transaction: some milliseconds.
const AT_ONCE: i64 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::video::{
        self,
        tests::{about, made},
    };

    #[tokio::test]
    async fn views_are_kept_in_all_and_for_seven_days() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = made(database, "alice", about("The sea")).await;
            for day in [100, 100, 101, 106] {
                count(database, day * DAY + 5, id).await.unwrap();
            }
            for (day, lately) in [(106, 4), (107, 2), (107, 2), (108, 1), (113, 0)] {
                roll(database, day * DAY).await.unwrap();
                let video = video::by_id(database, id).await.unwrap().unwrap();
                assert_eq!((video.views, video.views_lately), (4, lately), "day {day}");
            }
            assert_eq!(video::tally(database, "views", "").await.unwrap(), 4);
        }
    }
}
