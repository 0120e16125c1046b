//! The table `account`: under which name a user publishes. Its handle's id is its own.

use crate::database::{Database, reading, record, writing};

record! {
    /// The public side of a user.
    #[derive(Debug, Clone)]
    pub(crate) struct Account {
        id: i64,
        /// `None` is another server's.
        user_id: Option<i64>,
        name: String,
        display_name: String,
        description: Option<String>,
        avatar: Option<String>,
        created_at: i64,
        updated_at: i64,
        /// The id of another server's.
        url: Option<String>,
    }
}

/// The account of a user, who has exactly one.
pub(crate) async fn of_user(database: &Database, user_id: i64) -> sqlx::Result<Option<Account>> {
    reading!(database, pool => sqlx::query_as(OF_USER).bind(user_id).fetch_optional(pool).await)
}

/// Sets what is public of a user; `None` leaves it as it is.
pub(crate) async fn describe(
    database: &Database,
    now_ms: i64,
    user_id: i64,
    display_name: Option<&str>,
    description: Option<Option<&str>>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(DESCRIBE)
            .bind(user_id)
            .bind(display_name)
            .bind(description.is_some())
            .bind(description.flatten())
            .bind(now_ms)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// An account by its handle, in any case.
pub(crate) async fn by_name(database: &Database, name: &str) -> sqlx::Result<Option<Account>> {
    let name = name.to_ascii_lowercase();
    reading!(database, pool => sqlx::query_as(BY_NAME).bind(name).fetch_optional(pool).await)
}

/// A page of the accounts of all who are here, the newest first.
pub(crate) async fn page(
    database: &Database,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<Account>> {
    reading!(database, pool => {
        sqlx::query_as(PAGE).bind(count).bind(start).fetch_all(pool).await
    })
}

/// An account by its id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Account>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT account.id, user_id, handle.name, display_name, description, avatar, created_at, updated_at, \
             CASE WHEN user_id IS NULL THEN (SELECT url FROM remote_actor WHERE remote_actor.id = account.id) END AS url FROM account \
             JOIN handle ON handle.id = account.id WHERE ",
            $condition
        )
    };
}

const OF_USER: &str = select!("user_id = $1");
const BY_ID: &str = select!("account.id = $1");
const BY_NAME: &str = select!("handle.name = $1");
const PAGE: &str = select!("user_id IS NOT NULL ORDER BY account.id DESC LIMIT $1 OFFSET $2");

const DESCRIBE: &str = "UPDATE account SET display_name = COALESCE($2, display_name), \
                        description = CASE WHEN $3 THEN $4 ELSE description END, updated_at = $5 WHERE user_id = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::user::{self, tests::new};

    #[tokio::test]
    async fn a_description_is_set_and_taken_away_and_else_left() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, new("alice", None)).await.unwrap();
            let now = async |name, text| {
                describe(database, 6, user, name, text).await.unwrap();
                let account = of_user(database, user).await.unwrap().unwrap();
                assert_eq!(
                    (&*account.name, account.created_at, account.updated_at),
                    ("alice", 5, 6)
                );
                (account.display_name, account.description)
            };
            let said = |name: &str, text: Option<&str>| (name.to_owned(), text.map(str::to_owned));
            assert_eq!(
                now(None, Some(Some("a text"))).await,
                said("Alice Liddell", Some("a text"))
            );
            assert_eq!(now(Some("Alice"), None).await, said("Alice", Some("a text")));
            assert_eq!(now(None, Some(None)).await, said("Alice", None));
        }
    }
}
