//! The table `export`: what people take along, one for each user at a time; and what of theirs only an export lists.

use crate::database::{Database, reading, record, writing};
use crate::limits::EXPORTED;

/// What became of an export that was being made; PeerTube's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done = 3,
    Failed = 4,
}

record! {
    /// An export, and the name of its file.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Export {
        id: i64,
        user_id: i64,
        file: String,
        with_video_files: bool,
        state: i64,
        bytes: i64,
        created_at: i64,
        expires_at: i64,
    }
}

record! {
    /// A video that somebody watched or rated, as far as they may still see it.
    #[derive(Debug, Clone)]
    pub(crate) struct Met {
        uuid: String,
        name: String,
        /// Seconds watched, or 1 for a like and 0 for the contrary.
        number: i64,
        at: i64,
    }
}

/// Notes that a user wants an export; `None` if they have one, unless that failed.
pub(crate) async fn request(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    file: &str,
    with_video_files: bool,
    expires_at: i64,
) -> sqlx::Result<Option<i64>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query("DELETE FROM export WHERE user_id = $1 AND state = 4")
            .bind(user_id)
            .execute(&mut *work)
            .await?;
        let made: Option<(i64,)> = sqlx::query_as(INSERT)
            .bind(user_id)
            .bind(file)
            .bind(with_video_files)
            .bind(now_ms)
            .bind(expires_at)
            .fetch_optional(&mut *work)
            .await?;
        work.commit().await?;
        Ok(made.map(|(id,)| id))
    })
}

/// A user's export, if they have one.
pub(crate) async fn of_user(database: &Database, user_id: i64) -> sqlx::Result<Option<Export>> {
    reading!(database, pool => sqlx::query_as(OF_USER).bind(user_id).fetch_optional(pool).await)
}

/// The export with a file of this name, which is whole.
pub(crate) async fn by_file(
    database: &Database,
    now_ms: i64,
    file: &str,
) -> sqlx::Result<Option<Export>> {
    reading!(database, pool => {
        sqlx::query_as(BY_FILE).bind(file).bind(now_ms).fetch_optional(pool).await
    })
}

/// Forgets a user's export; false if it isn't theirs.
pub(crate) async fn remove(database: &Database, user_id: i64, id: i64) -> sqlx::Result<bool> {
    let delete = "DELETE FROM export WHERE id = $1 AND user_id = $2";
    let done = writing!(database, pool => {
        let done = sqlx::query(delete).bind(id).bind(user_id).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Takes the export that waits longest.
pub(crate) async fn claim(database: &Database) -> sqlx::Result<Option<Export>> {
    writing!(database, pool => sqlx::query_as(CLAIM).fetch_optional(pool).await)
}

/// Says what became of one that was claimed; false if it was removed meanwhile.
pub(crate) async fn settle(
    database: &Database,
    id: i64,
    outcome: Outcome,
    bytes: i64,
    expires_at: i64,
) -> sqlx::Result<bool> {
    let update =
        "UPDATE export SET state = $2, bytes = $3, expires_at = $4 WHERE id = $1 AND state = 2";
    let done = writing!(database, pool => {
        let done = sqlx::query(update).bind(id).bind(outcome as i64).bind(bytes).bind(expires_at);
        done.execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Has those wait again that a killed process was making.
pub(crate) async fn take_back(database: &Database) -> sqlx::Result<()> {
    let update = "UPDATE export SET state = 1 WHERE state = 2";
    writing!(database, pool => sqlx::query(update).execute(pool).await.map(drop))
}

/// Has one be made anew whose file is lost.
pub(crate) async fn redo(database: &Database, file: &str) -> sqlx::Result<()> {
    let update = "UPDATE export SET state = 1 WHERE file = $1 AND state = 3";
    writing!(database, pool => sqlx::query(update).bind(file).execute(pool).await.map(drop))
}

/// Forgets those whose time is over, and tells the files of all others.
pub(crate) async fn files(database: &Database, now_ms: i64) -> sqlx::Result<Vec<String>> {
    let delete = "DELETE FROM export WHERE expires_at <= $1";
    writing!(database, pool => sqlx::query(delete).bind(now_ms).execute(pool).await.map(drop))?;
    let found: Vec<(String,)> = reading!(database, pool => {
        sqlx::query_as("SELECT file FROM export").fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(file,)| file).collect())
}

/// The ids of an account's videos, from the oldest on.
pub(crate) async fn videos(database: &Database, account_id: i64) -> sqlx::Result<Vec<i64>> {
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(VIDEOS).bind(account_id).bind(EXPORTED).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// What a user watched, the last first.
pub(crate) async fn history(
    database: &Database,
    user_id: i64,
    account_id: i64,
) -> sqlx::Result<Vec<Met>> {
    reading!(database, pool => {
        sqlx::query_as(WATCHED).bind(user_id).bind(account_id).bind(EXPORTED).fetch_all(pool).await
    })
}

/// What a user rated.
pub(crate) async fn rates(
    database: &Database,
    user_id: i64,
    account_id: i64,
) -> sqlx::Result<Vec<Met>> {
    reading!(database, pool => {
        sqlx::query_as(RATED).bind(user_id).bind(account_id).bind(EXPORTED).fetch_all(pool).await
    })
}

/// The handles of the channels that a user subscribed to, and since when.
pub(crate) async fn subscriptions(
    database: &Database,
    user_id: i64,
) -> sqlx::Result<Vec<(String, i64)>> {
    reading!(database, pool => {
        sqlx::query_as(SUBSCRIBED).bind(user_id).bind(EXPORTED).fetch_all(pool).await
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, file, with_video_files, state, bytes, created_at, expires_at FROM export ",
            $rest
        )
    };
}

/// Of videos that somebody met only those that they may still see.
macro_rules! met {
    ($number:literal, $at:literal, $table:literal) => {
        concat!(
            "SELECT uuid, name, CAST(",
            $number,
            " AS BIGINT) AS number, ",
            $at,
            " AS at FROM ",
            $table,
            " JOIN video ON video.id = video_id WHERE user_id = $1 ",
            "AND ((state = 1 AND privacy IN (1, 2, 4)) OR account_id = $2) ORDER BY ",
            $at,
            " DESC LIMIT $3"
        )
    };
}

const OF_USER: &str = select!("WHERE user_id = $1");
const BY_FILE: &str = select!("WHERE file = $1 AND state = 3 AND expires_at > $2");

const INSERT: &str = "INSERT INTO export (user_id, file, with_video_files, state, bytes, created_at, expires_at) \
                      VALUES ($1, $2, $3, 1, 0, $4, $5) ON CONFLICT (user_id) DO NOTHING RETURNING id";

const CLAIM: &str = "UPDATE export SET state = 2 WHERE state = 1 AND id = \
                     (SELECT id FROM export WHERE state = 1 ORDER BY id LIMIT 1) \
                     RETURNING id, user_id, file, with_video_files, state, bytes, created_at, expires_at";

const VIDEOS: &str = "SELECT id FROM video WHERE account_id = $1 ORDER BY id LIMIT $2";
const WATCHED: &str = met!("position", "watched_at", "history");
const RATED: &str = met!("CASE WHEN is_like = TRUE THEN 1 ELSE 0 END", "rate.created_at", "rate");
const SUBSCRIBED: &str = "SELECT handle.name, subscription.created_at FROM subscription \
                          JOIN handle ON handle.id = channel_id WHERE user_id = $1 \
                          ORDER BY subscription.created_at DESC LIMIT $2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::user;

    #[tokio::test]
    async fn one_at_a_time_is_made_for_each_user() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = user::create(database, 5, user::tests::new("alice", None)).await.unwrap();
            let bob = user::create(database, 5, user::tests::new("bob", None)).await.unwrap();
            let ask = async |user, file| request(database, 5, user, file, true, 100).await.unwrap();
            let first = ask(alice, "a").await.unwrap();
            assert_eq!(ask(alice, "b").await, None);
            ask(bob, "c").await.unwrap();
            let claimed = claim(database).await.unwrap().unwrap();
            assert_eq!((claimed.id, claimed.user_id, &*claimed.file), (first, alice, "a"));
            assert_eq!(by_file(database, 9, "a").await.unwrap(), None);
            assert!(settle(database, first, Outcome::Done, 7, 50).await.unwrap());
            assert!(!settle(database, first, Outcome::Failed, 0, 50).await.unwrap());
            assert_eq!(by_file(database, 9, "a").await.unwrap().unwrap().bytes, 7);
            assert_eq!(by_file(database, 50, "a").await.unwrap(), None);
            redo(database, "a").await.unwrap();
            assert_eq!(claim(database).await.unwrap().unwrap().id, first);
            assert!(settle(database, first, Outcome::Done, 7, 50).await.unwrap());
            assert!(!remove(database, bob, first).await.unwrap());
            let second = claim(database).await.unwrap().unwrap();
            take_back(database).await.unwrap();
            assert_eq!(claim(database).await.unwrap().unwrap(), second);
            settle(database, second.id, Outcome::Failed, 0, 60).await.unwrap();
            assert!(ask(bob, "d").await.is_some());
            let mut left = files(database, 50).await.unwrap();
            left.sort();
            assert_eq!(left, ["d"]);
        }
    }
}
