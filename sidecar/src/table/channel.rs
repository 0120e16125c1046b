//! The table `channel`: where an account publishes. Its handle's id is its own.

use crate::database::{Database, is_taken, reading, record, writing};
use crate::field::Username;

record! {
    /// A channel, as its page shows it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Channel {
        id: i64,
        name: String,
        account_id: i64,
        display_name: String,
        description: Option<String>,
        support: Option<String>,
        avatar: Option<String>,
        banner: Option<String>,
        created_at: i64,
        updated_at: i64,
    }
}

/// What a new channel begins with.
#[derive(Debug, Clone)]
pub(crate) struct NewChannel {
    pub(crate) name: Username,
    pub(crate) display_name: String,
    pub(crate) description: Option<String>,
    pub(crate) support: Option<String>,
}

/// Why a channel can't be made: the handle's other owner, its owner's zeal, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("that handle is taken")]
    Taken,
    #[error("an account has at most {} channels", crate::limits::CHANNELS)]
    Full,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a channel with its handle, or nothing of it; returns its id.
pub(crate) async fn create(
    database: &Database,
    now_ms: i64,
    account_id: i64,
    new: NewChannel,
) -> Result<i64, CreateError> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let handle: Result<(i64,), _> = sqlx::query_as(INSERT_HANDLE)
            .bind(new.name.as_str())
            .fetch_one(&mut *work)
            .await;
        let id = handle.map_err(or_taken)?.0;
        let made = sqlx::query(INSERT)
            .bind(id)
            .bind(account_id)
            .bind(&new.display_name)
            .bind(&new.description)
            .bind(&new.support)
            .bind(now_ms)
            .bind(crate::limits::CHANNELS)
            .execute(&mut *work)
            .await?;
        if made.rows_affected() == 0 {
            return Err(CreateError::Full);
        }
        work.commit().await?;
        Ok(id)
    })
}

/// A channel by its id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Channel>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// A channel by its handle, in any case.
pub(crate) async fn by_name(database: &Database, name: &str) -> sqlx::Result<Option<Channel>> {
    let name = name.to_ascii_lowercase();
    reading!(database, pool => sqlx::query_as(BY_NAME).bind(name).fetch_optional(pool).await)
}

/// The channels of an account, the oldest first; there are few of them.
pub(crate) async fn of_account(database: &Database, account_id: i64) -> sqlx::Result<Vec<Channel>> {
    reading!(database, pool => sqlx::query_as(OF_ACCOUNT).bind(account_id).fetch_all(pool).await)
}

fn or_taken(error: sqlx::Error) -> CreateError {
    if is_taken(&error) { CreateError::Taken } else { error.into() }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT channel.id, handle.name, account_id, display_name, description, support, avatar, banner, created_at, \
             updated_at FROM channel JOIN handle ON handle.id = channel.id WHERE ",
            $condition
        )
    };
}

const BY_ID: &str = select!("channel.id = $1");
const BY_NAME: &str = select!("handle.name = $1");
const OF_ACCOUNT: &str = select!("account_id = $1 ORDER BY channel.id");

const INSERT_HANDLE: &str = "INSERT INTO handle (name) VALUES ($1) RETURNING id";

const INSERT: &str = "INSERT INTO channel (id, account_id, display_name, description, support, created_at, updated_at) \
                      SELECT $1, $2, $3, $4, $5, $6, $6 WHERE (SELECT COUNT(*) FROM channel WHERE account_id = $2) < $7";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::account;
    use crate::table::user;

    /// A channel as the tests of all tables need one.
    pub(crate) fn new(name: &str) -> NewChannel {
        NewChannel {
            name: Username::parse(name).unwrap(),
            display_name: "The sea".to_owned(),
            description: None,
            support: None,
        }
    }

    #[tokio::test]
    async fn a_channel_has_a_handle_that_no_account_has() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, user::tests::new("alice", None)).await.unwrap();
            let account = account::of_user(database, user).await.unwrap().unwrap();
            let id = create(database, 6, account.id, new("sea")).await.unwrap();
            for taken in ["sea", "alice", "alice_channel"] {
                let refused = create(database, 7, account.id, new(taken)).await;
                assert!(matches!(refused, Err(CreateError::Taken)), "{taken}: {refused:?}");
            }
            let found = by_name(database, "SEA").await.unwrap().unwrap();
            assert_eq!((found.id, found.account_id, found.created_at), (id, account.id, 6));
            assert_eq!(by_id(database, id).await.unwrap(), Some(found));
            assert_eq!(by_name(database, "alice").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_user_begins_with_a_channel_and_has_only_so_many() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, user::tests::new("alice", None)).await.unwrap();
            let account = account::of_user(database, user).await.unwrap().unwrap();
            for no in 1..crate::limits::CHANNELS {
                create(database, 6, account.id, new(&format!("c{no}"))).await.unwrap();
            }
            let refused = create(database, 7, account.id, new("more")).await;
            assert!(matches!(refused, Err(CreateError::Full)), "{refused:?}");
            let channels = of_account(database, account.id).await.unwrap();
            assert_eq!(channels.len() as i64, crate::limits::CHANNELS);
            assert_eq!(
                (&*channels[0].name, &*channels[0].display_name),
                ("alice_channel", "Main alice channel")
            );
        }
    }

    #[tokio::test]
    async fn a_taken_handle_doesnt_keep_a_user_from_having_a_channel() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let new = |name| user::tests::new(name, None);
            user::create(database, 5, new("bob_channel")).await.unwrap();
            let user = user::create(database, 5, new("bob")).await.unwrap();
            let account = account::of_user(database, user).await.unwrap().unwrap();
            let channels = of_account(database, account.id).await.unwrap();
            assert_eq!(channels.len(), 1);
            assert_eq!(channels[0].name, "bob_channel_2");
        }
    }
}
