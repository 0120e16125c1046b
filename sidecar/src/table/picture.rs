//! The columns with pictures of the tables `account` and `channel`: each has the beginning of the names of its files.

use crate::database::{Database, reading, writing};

/// Which picture of whom, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    OfAccount(i64),
    OfChannel(i64),
    /// Above a channel's page.
    Banner(i64),
}

/// Sets a picture, or takes it away; returns the one before.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    place: Place,
    name: Option<&str>,
) -> sqlx::Result<Option<String>> {
    let (id, touch, read, update) = match place {
        Place::OfAccount(id) => (id, TOUCH_ACCOUNT, ACCOUNT, SET_ACCOUNT),
        Place::OfChannel(id) => (id, TOUCH_CHANNEL, CHANNEL, SET_CHANNEL),
        Place::Banner(id) => (id, TOUCH_CHANNEL, BANNER, SET_BANNER),
    };
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query(touch).bind(id).bind(now_ms).execute(&mut *work).await?;
        let old: Option<(Option<String>,)> =
            sqlx::query_as(read).bind(id).fetch_optional(&mut *work).await?;
        sqlx::query(update).bind(id).bind(name).execute(&mut *work).await?;
        work.commit().await?;
        Ok(old.and_then(|(name,)| name))
    })
}

/// Those of all: what is kept of others is nobody's.
pub(crate) async fn all(database: &Database) -> sqlx::Result<Vec<String>> {
    let found: Vec<(String,)> =
        reading!(database, pool => sqlx::query_as(ALL).fetch_all(pool).await)?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Also the row's lock, so that of two changes each knows what the other set.
const TOUCH_ACCOUNT: &str = "UPDATE account SET updated_at = $2 WHERE id = $1";
const TOUCH_CHANNEL: &str = "UPDATE channel SET updated_at = $2 WHERE id = $1";
const ACCOUNT: &str = "SELECT avatar FROM account WHERE id = $1";
const CHANNEL: &str = "SELECT avatar FROM channel WHERE id = $1";
const BANNER: &str = "SELECT banner FROM channel WHERE id = $1";
const SET_ACCOUNT: &str = "UPDATE account SET avatar = $2 WHERE id = $1";
const SET_CHANNEL: &str = "UPDATE channel SET avatar = $2 WHERE id = $1";
const SET_BANNER: &str = "UPDATE channel SET banner = $2 WHERE id = $1";
const ALL: &str = "SELECT avatar FROM account WHERE avatar IS NOT NULL \
                   UNION ALL SELECT avatar FROM channel WHERE avatar IS NOT NULL \
                   UNION ALL SELECT banner FROM channel WHERE banner IS NOT NULL";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::upload::tests::sender;

    #[tokio::test]
    async fn each_place_has_one_picture() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let (_, account, channel) = sender(database, "alice").await;
            let set = async |place, name| set(database, 1, place, name).await.unwrap();
            for (no, place) in
                [Place::OfAccount(account), Place::OfChannel(channel), Place::Banner(channel)]
                    .into_iter()
                    .enumerate()
            {
                assert_eq!(set(place, Some("a")).await, None);
                assert_eq!(set(place, Some("b")).await.as_deref(), Some("a"));
                assert_eq!(all(database).await.unwrap(), vec!["b"; no + 1]);
            }
            assert_eq!(set(Place::Banner(channel), None).await.as_deref(), Some("b"));
            assert_eq!(set(Place::OfChannel(0), Some("c")).await, None);
            assert_eq!(all(database).await.unwrap(), ["b", "b"]);
        }
    }
}
