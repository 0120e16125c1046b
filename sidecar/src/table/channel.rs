//! The table `channel`: where an account publishes. Its handle's id is its own.

use crate::database::{Database, is_taken, reading, record, writing};
use crate::field::Username;
use crate::table::video::tally;

record! {
    /// A channel, as its page shows it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Channel {
        id: i64,
        name: String,
        display_name: String,
        description: Option<String>,
        support: Option<String>,
        avatar: Option<String>,
        banner: Option<String>,
        subscribers: i64,
        created_at: i64,
        updated_at: i64,
        is_remote: bool,
        is_followed: bool,
        account_id: i64,
        /// `None` is another server's.
        user_id: Option<i64>,
        account_name: String,
        account_label: String,
        account_description: Option<String>,
        account_avatar: Option<String>,
        account_created_at: i64,
        account_updated_at: i64,
        /// The ids of another server's.
        url: Option<String>,
        account_url: Option<String>,
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
        sqlx::query(COUNT).bind(1_i64).execute(&mut *work).await?;
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

/// The channels of others in which an account works.
pub(crate) async fn of_collaborator(
    database: &Database,
    account_id: i64,
) -> sqlx::Result<Vec<Channel>> {
    reading!(database, pool => {
        sqlx::query_as(OF_COLLABORATOR).bind(account_id).fetch_all(pool).await
    })
}

/// A page of all channels that are ours, the newest first, and how many there are.
pub(crate) async fn page(
    database: &Database,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Channel>)> {
    let found = reading!(database, pool => {
        sqlx::query_as(PAGE).bind(count).bind(start).fetch_all(pool).await
    })?;
    Ok((tally(database, "channels", "").await?, found))
}

/// What an owner may change of a channel; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) support: Option<Option<String>>,
}

/// Sets what is said of a channel.
pub(crate) async fn describe(
    database: &Database,
    now_ms: i64,
    id: i64,
    changes: &Changes,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(DESCRIBE)
            .bind(id)
            .bind(&changes.display_name)
            .bind(changes.description.is_some())
            .bind(changes.description.clone().flatten())
            .bind(changes.support.is_some())
            .bind(changes.support.clone().flatten())
            .bind(now_ms)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Takes a channel without videos away, unless it is its account's last; `false` if it is. Its handle is nobody's from then on.
pub(crate) async fn delete(database: &Database, id: i64) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // The account's lock: of two at once, the second sees what the first left.
        sqlx::query(LOCK_ACCOUNT).bind(id).execute(&mut *work).await?;
        let done = sqlx::query(DELETE).bind(id).execute(&mut *work).await?;
        let deleted = done.rows_affected() as i64;
        sqlx::query(COUNT).bind(-deleted).execute(&mut *work).await?;
        work.commit().await.map(|()| deleted > 0)
    })
}

/// Gives a channel with its videos to another account, unless that has enough or it is its owner's last; `false` if so.
pub(crate) async fn transfer(
    database: &Database,
    now_ms: i64,
    id: i64,
    account_id: i64,
) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Both accounts' locks: of two at once, the second sees what the first left.
        sqlx::query(LOCK_ACCOUNTS).bind(id).bind(account_id).execute(&mut *work).await?;
        // Its videos' locks, too: nothing comes into a list or leaves one until all are counted anew.
        sqlx::query("UPDATE video SET updated_at = updated_at WHERE channel_id = $1")
            .bind(id)
            .execute(&mut *work)
            .await?;
        sqlx::query(COUNT_FOR_OWNER).bind(id).bind(-1_i64).execute(&mut *work).await?;
        let done = sqlx::query(TRANSFER)
            .bind(id)
            .bind(account_id)
            .bind(now_ms)
            .bind(crate::limits::CHANNELS)
            .execute(&mut *work)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        for follow in [FOLLOW_VIDEOS, FOLLOW_COLLABORATOR] {
            sqlx::query(follow).bind(id).bind(account_id).execute(&mut *work).await?;
        }
        sqlx::query(COUNT_FOR_OWNER).bind(id).bind(1_i64).execute(&mut *work).await?;
        work.commit().await.map(|()| true)
    })
}

fn or_taken(error: sqlx::Error) -> CreateError {
    if is_taken(&error) { CreateError::Taken } else { error.into() }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT channel.id, handle.name, channel.display_name, channel.description, support, channel.avatar, banner, subscribers, \
             channel.created_at, channel.updated_at, is_remote, is_followed, account_id, user_id, owner.name AS account_name, \
             account.display_name AS account_label, account.description AS account_description, account.avatar AS account_avatar, \
             account.created_at AS account_created_at, account.updated_at AS account_updated_at, \
             CASE WHEN is_remote THEN (SELECT url FROM remote_actor WHERE remote_actor.id = channel.id) END AS url, \
             CASE WHEN is_remote THEN (SELECT url FROM remote_actor WHERE remote_actor.id = account.id) END AS account_url FROM channel \
             JOIN handle ON handle.id = channel.id JOIN account ON account.id = account_id \
             JOIN handle AS owner ON owner.id = account.id WHERE ",
            $condition
        )
    };
}

const BY_ID: &str = select!("channel.id = $1");
pub(super) const BY_NAME: &str = select!("handle.name = $1");
pub(super) const OF_ACCOUNT: &str = select!("account_id = $1 ORDER BY channel.id");

pub(super) const OF_COLLABORATOR: &str = select!(
    "channel.id IN (SELECT channel_id FROM collaborator WHERE collaborator.account_id = $1 AND state = 2) ORDER BY channel.id LIMIT 100"
);
pub(super) const PAGE: &str =
    select!("is_remote = FALSE ORDER BY channel.id DESC LIMIT $1 OFFSET $2");

const DESCRIBE: &str = "UPDATE channel SET display_name = COALESCE($2, display_name), \
                        description = CASE WHEN $3 THEN $4 ELSE description END, \
                        support = CASE WHEN $5 THEN $6 ELSE support END, updated_at = $7 WHERE id = $1";

const LOCK_ACCOUNT: &str = "UPDATE account SET updated_at = updated_at WHERE id = (SELECT account_id FROM channel WHERE id = $1)";

const LOCK_ACCOUNTS: &str = "UPDATE account SET updated_at = updated_at \
                             WHERE id = $2 OR id = (SELECT account_id FROM channel WHERE id = $1)";

const TRANSFER: &str = "UPDATE channel SET account_id = $2, updated_at = $3 WHERE id = $1 AND EXISTS \
                        (SELECT 1 FROM channel AS other WHERE other.account_id = channel.account_id AND other.id <> channel.id) \
                        AND (SELECT COUNT(*) FROM channel AS theirs WHERE theirs.account_id = $2) < $4";

/// Whose quota they count against.
const FOLLOW_VIDEOS: &str = "UPDATE video SET account_id = $2 WHERE channel_id = $1";

/// Whoever worked there and now owns it.
const FOLLOW_COLLABORATOR: &str =
    "DELETE FROM collaborator WHERE channel_id = $1 AND account_id = $2";

/// Counts a channel's listed videos for its owner, or no longer.
const COUNT_FOR_OWNER: &str = "INSERT INTO tally (kind, value, videos, nsfw) \
                               SELECT 'account', CAST(account_id AS TEXT), CAST($2 AS BIGINT) * COUNT(*), \
                               CAST($2 AS BIGINT) * COALESCE(SUM(CASE WHEN nsfw THEN 1 ELSE 0 END), 0) \
                               FROM video WHERE channel_id = $1 AND listed_at IS NOT NULL GROUP BY account_id \
                               ON CONFLICT (kind, value) DO UPDATE SET videos = tally.videos + excluded.videos, \
                               nsfw = tally.nsfw + excluded.nsfw";

/// How many channels there are.
pub(crate) const COUNT: &str = "INSERT INTO tally (kind, value, videos, nsfw) VALUES ('channels', '', $1, 0) \
                                ON CONFLICT (kind, value) DO UPDATE SET videos = tally.videos + excluded.videos";

const DELETE: &str = "DELETE FROM channel WHERE id = $1 AND EXISTS \
                      (SELECT 1 FROM channel AS other WHERE other.account_id = channel.account_id AND other.id <> channel.id)";

const INSERT_HANDLE: &str = "INSERT INTO handle (name) VALUES ($1) RETURNING id";

const INSERT: &str = "INSERT INTO channel (id, account_id, display_name, description, support, subscribers, created_at, updated_at) \
                      SELECT $1, $2, $3, $4, $5, 0, $6, $6 WHERE (SELECT COUNT(*) FROM channel WHERE account_id = $2) < $7";

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
