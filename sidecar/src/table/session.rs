//! The table `session`: who is logged in. Only the hashes of tokens are here.

use crate::database::{Database, reading, record, writing};
use crate::limits::SESSIONS;

/// The hashes of a session's tokens, and until when they open a door, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) access_hash: &'a str,
    pub(crate) access_expires_at: i64,
    pub(crate) refresh_hash: &'a str,
    pub(crate) refresh_expires_at: i64,
}

record! {
    /// Whose session it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Session {
        id: i64,
        user_id: i64,
    }
}

record! {
    /// A session as its owner sees it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Begun {
        id: i64,
        created_at: i64,
    }
}

/// Begins a session; the user's oldest beyond the bound end, and so do all whose time is over.
pub(crate) async fn begin(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    keys: Keys<'_>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query("DELETE FROM session WHERE refresh_expires_at <= $1")
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        sqlx::query(INSERT)
            .bind(user_id)
            .bind(keys.access_hash)
            .bind(keys.access_expires_at)
            .bind(keys.refresh_hash)
            .bind(keys.refresh_expires_at)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        sqlx::query(TRIM).bind(user_id).bind(SESSIONS).execute(&mut *work).await?;
        work.commit().await
    })
}

/// Exchanges a session's tokens for others, once; `None` if the refresh token opens nothing.
pub(crate) async fn renew(
    database: &Database,
    now_ms: i64,
    refresh_hash: &str,
    keys: Keys<'_>,
) -> sqlx::Result<Option<Session>> {
    writing!(database, pool => {
        sqlx::query_as(RENEW)
            .bind(refresh_hash)
            .bind(now_ms)
            .bind(keys.access_hash)
            .bind(keys.access_expires_at)
            .bind(keys.refresh_hash)
            .bind(keys.refresh_expires_at)
            .fetch_optional(pool)
            .await
    })
}

/// The session that an access token opens.
pub(crate) async fn find(
    database: &Database,
    now_ms: i64,
    access_hash: &str,
) -> sqlx::Result<Option<Session>> {
    reading!(database, pool => {
        sqlx::query_as(FIND).bind(access_hash).bind(now_ms).fetch_optional(pool).await
    })
}

/// Ends a session.
pub(crate) async fn end(database: &Database, id: i64) -> sqlx::Result<()> {
    let delete = "DELETE FROM session WHERE id = $1";
    writing!(database, pool => sqlx::query(delete).bind(id).execute(pool).await.map(drop))
}

/// A user's sessions that still can go on, the newest first; there are at most [`SESSIONS`].
pub(crate) async fn of_user(
    database: &Database,
    now_ms: i64,
    user_id: i64,
) -> sqlx::Result<Vec<Begun>> {
    reading!(database, pool => {
        sqlx::query_as(OF_USER).bind(user_id).bind(now_ms).fetch_all(pool).await
    })
}

/// Ends a session if it is this user's; false if it isn't.
pub(crate) async fn end_of_user(database: &Database, user_id: i64, id: i64) -> sqlx::Result<bool> {
    let delete = "DELETE FROM session WHERE id = $1 AND user_id = $2";
    let done = writing!(database, pool => {
        let done = sqlx::query(delete).bind(id).bind(user_id).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

const OF_USER: &str = "SELECT id, created_at FROM session WHERE user_id = $1 AND refresh_expires_at > $2 ORDER BY id DESC";

const INSERT: &str = "INSERT INTO session (user_id, access_hash, access_expires_at, refresh_hash, refresh_expires_at, \
                      created_at) VALUES ($1, $2, $3, $4, $5, $6)";

const TRIM: &str = "DELETE FROM session WHERE user_id = $1 AND id <= \
                    (SELECT id FROM session WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";

const RENEW: &str = "UPDATE session SET access_hash = $3, access_expires_at = $4, refresh_hash = $5, \
                     refresh_expires_at = $6 WHERE refresh_hash = $1 AND refresh_expires_at > $2 RETURNING id, user_id";

const FIND: &str =
    "SELECT id, user_id FROM session WHERE access_hash = $1 AND access_expires_at > $2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::user::{self, tests::new};

    fn keys<'a>(access_hash: &'a str, refresh_hash: &'a str) -> Keys<'a> {
        Keys { access_hash, access_expires_at: 100, refresh_hash, refresh_expires_at: 1_000 }
    }

    #[tokio::test]
    async fn a_token_opens_until_its_time_is_over_or_its_session_ends() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, new("alice", None)).await.unwrap();
            begin(database, 5, user, keys("a", "r")).await.unwrap();
            let session = find(database, 99, "a").await.unwrap().unwrap();
            assert_eq!(session.user_id, user);
            for (now, hash) in [(100, "a"), (5, "r"), (5, ""), (5, "' OR '1'='1")] {
                assert_eq!(find(database, now, hash).await.unwrap(), None, "{hash} at {now}");
            }
            end(database, session.id).await.unwrap();
            assert_eq!(find(database, 5, "a").await.unwrap(), None);
            assert_eq!(renew(database, 5, "r", keys("b", "s")).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_refresh_token_works_once() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, new("alice", None)).await.unwrap();
            begin(database, 5, user, keys("a", "r")).await.unwrap();
            assert_eq!(renew(database, 1_000, "r", keys("b", "s")).await.unwrap(), None);
            let session = renew(database, 200, "r", keys("b", "s")).await.unwrap().unwrap();
            assert_eq!(session.user_id, user);
            assert_eq!(renew(database, 200, "r", keys("c", "t")).await.unwrap(), None);
            assert_eq!(find(database, 5, "a").await.unwrap(), None);
            assert_eq!(find(database, 5, "b").await.unwrap(), Some(session));
        }
    }

    #[tokio::test]
    async fn a_user_s_sessions_are_bounded_and_the_oldest_ends() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, new("alice", None)).await.unwrap();
            for no in 0..=SESSIONS {
                let (access, refresh) = (format!("a{no}"), format!("r{no}"));
                begin(database, 5, user, keys(&access, &refresh)).await.unwrap();
            }
            assert_eq!(find(database, 5, "a0").await.unwrap(), None);
            assert!(find(database, 5, "a1").await.unwrap().is_some());
            begin(database, 1_000, user, keys("new", "new")).await.unwrap();
            assert_eq!(find(database, 5, "a1").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_user_sees_and_ends_their_own_sessions_only() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = user::create(database, 5, new("alice", None)).await.unwrap();
            let bob = user::create(database, 5, new("bob", None)).await.unwrap();
            begin(database, 5, alice, keys("a", "r")).await.unwrap();
            begin(database, 6, alice, keys("b", "s")).await.unwrap();
            begin(database, 7, bob, keys("c", "t")).await.unwrap();
            let listed = of_user(database, 8, alice).await.unwrap();
            assert_eq!(listed.iter().map(|begun| begun.created_at).collect::<Vec<_>>(), [6, 5]);
            assert_eq!(of_user(database, 1_000, alice).await.unwrap(), []);
            assert!(!end_of_user(database, bob, listed[0].id).await.unwrap());
            assert!(find(database, 8, "b").await.unwrap().is_some());
            assert!(end_of_user(database, alice, listed[0].id).await.unwrap());
            assert_eq!(find(database, 8, "b").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn another_password_ends_all_other_sessions() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, new("alice", None)).await.unwrap();
            begin(database, 5, user, keys("a", "r")).await.unwrap();
            begin(database, 5, user, keys("b", "s")).await.unwrap();
            let kept = find(database, 5, "b").await.unwrap().unwrap();
            user::set_password(database, user, "other", Some(kept.id)).await.unwrap();
            assert_eq!(find(database, 5, "a").await.unwrap(), None);
            assert_eq!(find(database, 5, "b").await.unwrap(), Some(kept));
            user::set_password(database, user, "third", None).await.unwrap();
            assert_eq!(find(database, 5, "b").await.unwrap(), None);
        }
    }
}
