//! The table `remote_actor`: people, channels and instances of other servers, with their rows in `handle`, `account` and `channel`.

use crate::database::{Database, is_taken, reading, record, writing};
use crate::elsewhere;
use crate::table::{block, comment, follow, host, remote_rate, video};

record! {
    /// Somebody of another server.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct RemoteActor {
        /// Of the handle, and so of the account or the channel.
        id: i64,
        url: String,
        host: String,
        kind: i64,
        /// Before the `@`, as they write it.
        name: String,
        inbox: String,
        shared_inbox: Option<String>,
        outbox: Option<String>,
        public_key: String,
        page: Option<String>,
        avatar_url: Option<String>,
        banner_url: Option<String>,
        followers: i64,
        fetched_at: i64,
    }
}

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person or a service: has an account.
    Person,
    /// Has a channel row, and is owned by a person.
    Channel,
    /// The application that speaks for a whole server: has an account.
    Instance,
}

impl Kind {
    pub(crate) fn id(self) -> i64 {
        match self {
            Kind::Person => 1,
            Kind::Channel => 2,
            Kind::Instance => 3,
        }
    }
}

impl RemoteActor {
    /// As it is kept and shown: `name@host`, in lower case.
    pub(crate) fn handle(&self) -> String {
        handle(&self.name, &self.host)
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind.id()
    }
}

/// What was read of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewActor {
    pub(crate) url: String,
    pub(crate) host: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) display_name: String,
    pub(crate) description: Option<String>,
    pub(crate) support: Option<String>,
    pub(crate) inbox: String,
    pub(crate) shared_inbox: Option<String>,
    pub(crate) outbox: Option<String>,
    pub(crate) public_key: String,
    pub(crate) page: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) banner_url: Option<String>,
    pub(crate) followers: i64,
    pub(crate) created_at: i64,
    /// Of a channel: the account that owns it.
    pub(crate) owner_id: Option<i64>,
}

/// Why somebody can't be kept: another has that handle or is of another kind, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error("another actor has the handle {0}")]
    Taken(String),
    #[error("a channel needs an owner")]
    NoOwner,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl KeepError {
    fn of(error: sqlx::Error, handle: &str) -> KeepError {
        if is_taken(&error) { KeepError::Taken(handle.to_owned()) } else { error.into() }
    }
}

/// By their id, a URL.
pub(crate) async fn by_url(database: &Database, url: &str) -> sqlx::Result<Option<RemoteActor>> {
    reading!(database, pool => sqlx::query_as(BY_URL).bind(url).fetch_optional(pool).await)
}

/// By the id of their handle; `None` is ours, or nobody's.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<RemoteActor>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// By `name@host`.
pub(crate) async fn by_handle(
    database: &Database,
    name: &str,
) -> sqlx::Result<Option<RemoteActor>> {
    let name = name.to_lowercase();
    reading!(database, pool => sqlx::query_as(BY_HANDLE).bind(name).fetch_optional(pool).await)
}

/// The actor who speaks for a whole server, if we know them.
pub(crate) async fn of_instance(
    database: &Database,
    host: &str,
) -> sqlx::Result<Option<RemoteActor>> {
    reading!(database, pool => sqlx::query_as(OF_INSTANCE).bind(host).fetch_optional(pool).await)
}

/// `name@host` as handles are kept.
pub(crate) fn handle(name: &str, host: &str) -> String {
    format!("{name}@{host}").to_lowercase()
}

/// Keeps what was read of somebody: anew, or instead of what was known under the same URL. Returns the id.
///
/// # Errors
/// When another URL has that handle, or what was a person becomes a channel.
pub(crate) async fn keep(
    database: &Database,
    now_ms: i64,
    new: &NewActor,
) -> Result<i64, KeepError> {
    let handle = handle(&new.name, &new.host);
    let taken = |error| KeepError::of(error, &handle);
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        host::met!(work, now_ms, &new.host);
        let known: Option<(i64, i64)> =
            sqlx::query_as(LOCK).bind(&new.url).fetch_optional(&mut *work).await?;
        let id = match known {
            Some((id, kind)) => {
                if (kind == Kind::Channel.id()) != (new.kind == Kind::Channel) {
                    return Err(KeepError::Taken(handle));
                }
                let renamed = sqlx::query(RENAME).bind(id).bind(&handle).execute(&mut *work).await;
                renamed.map_err(taken)?;
                id
            }
            None => {
                let made = sqlx::query_as::<_, (i64,)>(INSERT_HANDLE).bind(&handle);
                made.fetch_one(&mut *work).await.map_err(taken)?.0
            }
        };
        let avatar = elsewhere::actor_picture(id, new.avatar_url.as_deref());
        let described = if new.kind == Kind::Channel {
            let owner_id = new.owner_id.ok_or(KeepError::NoOwner)?;
            sqlx::query(KEEP_CHANNEL)
                .bind(id)
                .bind(&new.display_name)
                .bind(&new.description)
                .bind(new.created_at)
                .bind(now_ms)
                .bind(avatar)
                .bind(owner_id)
                .bind(&new.support)
                .bind(elsewhere::actor_picture(id, new.banner_url.as_deref()))
        } else {
            sqlx::query(KEEP_ACCOUNT)
                .bind(id)
                .bind(&new.display_name)
                .bind(&new.description)
                .bind(new.created_at)
                .bind(now_ms)
                .bind(avatar)
        };
        described.execute(&mut *work).await?;
        sqlx::query(KEEP)
            .bind(id)
            .bind(&new.url)
            .bind(&new.host)
            .bind(new.kind.id())
            .bind(&new.name)
            .bind(&new.inbox)
            .bind(&new.shared_inbox)
            .bind(&new.outbox)
            .bind(&new.public_key)
            .bind(&new.page)
            .bind(&new.avatar_url)
            .bind(&new.banner_url)
            .bind(new.followers)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        for mark in [follow::MARK, block::MARK_ONE] {
            sqlx::query(mark).bind(id).execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(id)
    })
}

/// Gives somebody whose URL leads to nobody any more another handle, so that who is called so now can have theirs; `false` if that is
/// taken, too.
pub(crate) async fn set_aside(database: &Database, whom: &RemoteActor) -> sqlx::Result<bool> {
    let handle = handle(&format!("{}.{}", whom.name, whom.id), &whom.host);
    let done = writing!(database, pool => {
        sqlx::query(RENAME).bind(whom.id).bind(&handle).execute(pool).await.map(drop)
    });
    match done {
        Err(error) if is_taken(&error) => Ok(false),
        done => done.map(|()| true),
    }
}

/// Takes somebody away with all that is theirs, some videos at a time. Of comments the place stays, without words and author.
pub(crate) async fn remove(database: &Database, id: i64) -> sqlx::Result<()> {
    loop {
        let videos: Vec<(i64,)> = reading!(database, pool => {
            sqlx::query_as(VIDEOS).bind(id).fetch_all(pool).await
        })?;
        if videos.is_empty() {
            break;
        }
        for (video_id,) in videos {
            video::delete(database, video_id).await?;
        }
    }
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        for &statement in REMOVE {
            sqlx::query(statement).bind(id).execute(&mut *work).await?;
        }
        work.commit().await
    })
}

/// Forgets those of whom nothing is here, and of whom nothing was heard since `before_ms`; some thousands at a time. What fails for
/// one is tried for the others all the same.
///
/// # Errors
/// What failed first.
pub(crate) async fn forget_idle(database: &Database, before_ms: i64) -> sqlx::Result<()> {
    let idle: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(IDLE).bind(before_ms).fetch_all(pool).await
    })?;
    let mut done = Ok(());
    for (id,) in idle {
        done = done.and(forget_one(database, before_ms, id).await);
    }
    writing!(database, pool => {
        done = done.and(sqlx::query(FORGET_GONE).execute(pool).await.map(drop));
    });
    done.and(host::forget_idle(database, before_ms).await)
}

/// Forgets somebody, unless there is something of theirs by now.
async fn forget_one(database: &Database, before_ms: i64, id: i64) -> sqlx::Result<()> {
    let locks = if let Database::Postgres(_) = database { LOCKS } else { &[] };
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        for &lock in locks {
            sqlx::query(lock).bind(id).execute(&mut *work).await?;
        }
        let done = sqlx::query(FORGET).bind(before_ms).bind(id).execute(&mut *work).await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        for &statement in FORGET_REST {
            sqlx::query(statement).bind(id).execute(&mut *work).await?;
        }
        work.commit().await
    })
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT remote_actor.id, url, host, kind, remote_actor.name, inbox, shared_inbox, outbox, public_key, page, \
             avatar_url, banner_url, followers, fetched_at FROM remote_actor ",
            $condition
        )
    };
}

const BY_URL: &str = select!("WHERE url = $1");
const BY_ID: &str = select!("WHERE id = $1");
const BY_HANDLE: &str =
    select!("JOIN handle ON handle.id = remote_actor.id WHERE handle.name = $1");
const OF_INSTANCE: &str = select!("WHERE host = $1 AND kind = 3 ORDER BY id LIMIT 1");

const LOCK: &str =
    "UPDATE remote_actor SET fetched_at = fetched_at WHERE url = $1 RETURNING id, kind";
const RENAME: &str = "UPDATE handle SET name = $2 WHERE id = $1 AND name <> $2";
const INSERT_HANDLE: &str = "INSERT INTO handle (name) VALUES ($1) RETURNING id";

const KEEP_ACCOUNT: &str = "INSERT INTO account (id, user_id, display_name, description, created_at, updated_at, avatar) \
                            VALUES ($1, NULL, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET \
                            display_name = excluded.display_name, description = excluded.description, updated_at = excluded.updated_at, \
                            avatar = excluded.avatar";

/// A channel stays its owner's: one that says that it is another's is the same channel with a lie in it.
const KEEP_CHANNEL: &str = "INSERT INTO channel (id, account_id, display_name, description, support, subscribers, is_remote, \
                            created_at, updated_at, avatar, banner) VALUES ($1, $7, $2, $3, $8, 0, TRUE, $4, $5, $6, $9) \
                            ON CONFLICT (id) DO UPDATE SET \
                            display_name = excluded.display_name, description = excluded.description, support = excluded.support, \
                            updated_at = excluded.updated_at, avatar = excluded.avatar, banner = excluded.banner";

const KEEP: &str = "INSERT INTO remote_actor (id, url, host, kind, name, inbox, shared_inbox, outbox, public_key, page, avatar_url, \
                    banner_url, followers, fetched_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (id) DO UPDATE SET \
                    kind = excluded.kind, name = excluded.name, inbox = excluded.inbox, shared_inbox = excluded.shared_inbox, \
                    outbox = excluded.outbox, public_key = excluded.public_key, page = excluded.page, \
                    avatar_url = excluded.avatar_url, banner_url = excluded.banner_url, followers = excluded.followers, \
                    fetched_at = excluded.fetched_at";

/// What makes somebody be of interest is in one of these tables.
macro_rules! idle {
    () => {
        "fetched_at < $1 AND NOT EXISTS (SELECT 1 FROM follow WHERE follower_id = actor.id OR target_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM channel WHERE account_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM video WHERE channel_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM subscription WHERE channel_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM comment WHERE account_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM remote_rate WHERE account_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM share WHERE actor_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM report WHERE reporter_id = actor.id OR target_id = actor.id) \
         AND NOT EXISTS (SELECT 1 FROM notification WHERE actor_id = actor.id OR target_id = actor.id)"
    };
}

/// Channels go before whose they are.
const IDLE: &str = concat!(
    "SELECT id FROM remote_actor AS actor WHERE ",
    idle!(),
    " ORDER BY CASE WHEN kind = 2 THEN 0 ELSE 1 END, id LIMIT 5000"
);

/// Whoever is about to note something of theirs waits, and finds nobody then.
const LOCKS: &[&str] = &[
    "SELECT id FROM handle WHERE id = $1 FOR UPDATE",
    "SELECT id FROM account WHERE id = $1 FOR UPDATE",
    "SELECT id FROM channel WHERE id = $1 FOR UPDATE",
];

const FORGET: &str = concat!("DELETE FROM remote_actor AS actor WHERE id = $2 AND ", idle!());

const FORGET_REST: &[&str] = &[
    "DELETE FROM channel WHERE id = $1 AND is_remote = TRUE",
    "DELETE FROM account WHERE id = $1 AND user_id IS NULL",
    "DELETE FROM handle WHERE id = $1",
];

/// Handles of who was taken away, which nothing names any more.
const FORGET_GONE: &str = "DELETE FROM handle WHERE name LIKE 'gone/%' \
    AND NOT EXISTS (SELECT 1 FROM account WHERE account.id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM channel WHERE channel.id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM remote_actor WHERE remote_actor.id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM follow WHERE follower_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM follow WHERE target_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM share WHERE actor_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM sent WHERE actor_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM told WHERE account_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM told WHERE channel_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM report WHERE reporter_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM report WHERE target_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM notification WHERE actor_id = handle.id) \
    AND NOT EXISTS (SELECT 1 FROM notification WHERE target_id = handle.id)";

const VIDEOS: &str =
    "SELECT id FROM video WHERE account_id = $1 OR channel_id = $1 ORDER BY id LIMIT 200";

/// In this order. The handle's row stays, for what names it, and gives its name back.
const REMOVE: &[&str] = &[
    remote_rate::UNCOUNT_LIKES,
    remote_rate::UNCOUNT_DISLIKES,
    "UPDATE comment SET text = '', state = 4 WHERE account_id = $1",
    comment::RECOUNT_ALL,
    "DELETE FROM share WHERE actor_id = $1",
    "DELETE FROM follow WHERE $1 IN (follower_id, target_id) \
     OR target_id IN (SELECT id FROM channel WHERE account_id = $1)",
    "UPDATE handle SET name = 'gone/' || id \
     WHERE id = $1 OR id IN (SELECT id FROM channel WHERE is_remote = TRUE AND account_id = $1)",
    "DELETE FROM remote_actor WHERE id = $1 OR id IN (SELECT id FROM channel WHERE is_remote = TRUE AND account_id = $1)",
    "DELETE FROM channel WHERE is_remote = TRUE AND (id = $1 OR account_id = $1)",
    "DELETE FROM account WHERE id = $1 AND user_id IS NULL",
];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::{account, actor_key, channel, report};

    /// Somebody called so, of a server called so.
    pub(crate) fn somebody(name: &str, host: &str, kind: Kind) -> NewActor {
        NewActor {
            url: format!("https://{host}/users/{name}"),
            host: host.to_owned(),
            kind,
            name: name.to_owned(),
            display_name: format!("{name} there"),
            description: None,
            support: None,
            inbox: format!("https://{host}/users/{name}/inbox"),
            shared_inbox: Some(format!("https://{host}/inbox")),
            outbox: Some(format!("https://{host}/users/{name}/outbox")),
            public_key: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_owned(),
            page: None,
            avatar_url: None,
            banner_url: None,
            followers: 3,
            created_at: 1,
            owner_id: None,
        }
    }

    #[tokio::test]
    async fn who_is_met_or_called_otherwise_is_blocked_by_what_they_are_called_now() {
        for trial in trial::databases().await {
            let database = &trial.database;
            for target in ["eve@good.example", "evil.example"] {
                block::set(database, 1, target, None).await.unwrap();
            }
            let blocked = async |new: &NewActor| {
                let id = keep(database, 5, new).await.unwrap();
                let select = "SELECT is_blocked FROM remote_actor WHERE id = $1";
                let found: (bool,) = reading!(database, pool => {
                    sqlx::query_as(select).bind(id).fetch_one(pool).await
                })
                .unwrap();
                found.0
            };
            let eve = somebody("eve", "good.example", Kind::Person);
            assert!(blocked(&eve).await);
            assert!(!blocked(&NewActor { name: "eve2".to_owned(), ..eve }).await);
            assert!(blocked(&somebody("ada", "a.evil.example", Kind::Person)).await);
            assert!(!blocked(&somebody("ada", "notevil.example", Kind::Person)).await);
        }
    }

    #[tokio::test]
    async fn who_is_read_again_is_the_same_and_nobody_takes_anothers_handle() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let ada = somebody("Ada", "one.example", Kind::Person);
            let id = keep(database, 5, &ada).await.unwrap();
            let again = NewActor { display_name: "Ada L.".to_owned(), ..ada.clone() };
            assert_eq!(keep(database, 6, &again).await.unwrap(), id);
            let kept = by_handle(database, "ADA@one.example").await.unwrap().unwrap();
            assert_eq!((kept.id, &*kept.name, kept.fetched_at), (id, "Ada", 6));
            assert_eq!(Some(&kept), by_url(database, &ada.url).await.unwrap().as_ref());
            let row = account::by_name(database, "ada@one.example").await.unwrap().unwrap();
            assert_eq!((&*row.display_name, row.user_id), ("Ada L.", None));
            let other = NewActor { url: "https://one.example/u/2".to_owned(), ..ada.clone() };
            assert!(matches!(keep(database, 7, &other).await, Err(KeepError::Taken(_))));
            let turned = NewActor { kind: Kind::Channel, owner_id: Some(id), ..ada };
            assert!(matches!(keep(database, 7, &turned).await, Err(KeepError::Taken(_))));
        }
    }

    #[tokio::test]
    async fn who_was_never_of_interest_is_forgotten_whole() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let ada =
                keep(database, 5, &somebody("ada", "one.example", Kind::Person)).await.unwrap();
            let boats = somebody("boats", "one.example", Kind::Channel);
            keep(database, 5, &NewActor { owner_id: Some(ada), ..boats }).await.unwrap();
            let bob =
                keep(database, 5, &somebody("bob", "one.example", Kind::Person)).await.unwrap();
            keep(database, 50, &somebody("cy", "one.example", Kind::Person)).await.unwrap();
            forget_idle(database, 50).await.unwrap();
            let there = async |name: &str| {
                by_handle(database, &format!("{name}@one.example")).await.unwrap().is_some()
            };
            assert!(there("cy").await && !there("bob").await && !there("boats").await);
            assert!(account::by_id(database, bob).await.unwrap().is_none());
            // Who had nothing but a channel that nobody wants goes after it.
            forget_idle(database, 50).await.unwrap();
            assert!(!there("ada").await && account::by_id(database, ada).await.unwrap().is_none());
            // Names of hosts are free; one of whom nobody is left goes, too.
            let invented = somebody("eve", "x.evil.example", Kind::Person);
            keep(database, 5, &invented).await.unwrap();
            assert!(host::known(database, "x.evil.example").await.unwrap().is_some());
            forget_idle(database, 50).await.unwrap();
            assert!(host::known(database, "x.evil.example").await.unwrap().is_none());
            assert!(host::known(database, "one.example").await.unwrap().is_some());
        }
    }

    #[tokio::test]
    async fn whom_somebody_needs_just_then_stays_with_what_is_theirs() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let mut ids = Vec::new();
            for (name, kind) in [("ada", Kind::Person), ("bob", Kind::Instance)] {
                ids.push(keep(database, 5, &somebody(name, "one.example", kind)).await.unwrap());
            }
            let target = actor_key::handle(database, "peertube").await.unwrap();
            let state = follow::FollowState::Accepted;
            follow::set(database, 9, (ids[0], target), None, state).await.unwrap();
            // As if the list had been read before that.
            for id in &ids {
                forget_one(database, 50, *id).await.unwrap();
            }
            assert!(by_id(database, ids[0]).await.unwrap().is_some());
            assert!(by_id(database, ids[1]).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn nothing_is_left_of_who_came_and_went() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let target = actor_key::handle(database, "peertube").await.unwrap();
            let mut last = 0;
            for name in ["ada", "bob"] {
                let person = somebody(name, "one.example", Kind::Person);
                last = keep(database, 5, &person).await.unwrap();
                let boats = somebody(&format!("{name}s"), "one.example", Kind::Channel);
                keep(database, 5, &NewActor { owner_id: Some(last), ..boats }).await.unwrap();
                if name == "bob" {
                    let new = report::NewReport {
                        reporter_id: last,
                        target_id: target,
                        video_id: None,
                        comment_id: None,
                        reason: "",
                    };
                    report::create(database, 9, &new).await.unwrap();
                }
                remove(database, last).await.unwrap();
            }
            forget_idle(database, 50).await.unwrap();
            let select = "SELECT name FROM handle WHERE name LIKE 'gone/%'";
            let left: sqlx::Result<Vec<(String,)>> = reading!(database, pool => {
                sqlx::query_as(select).fetch_all(pool).await
            });
            assert_eq!(left.unwrap(), [(format!("gone/{last}"),)]);
        }
    }

    #[tokio::test]
    async fn a_channel_is_its_owners() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let owner = keep(database, 5, &somebody("ada", "one.example", Kind::Person)).await;
            let owner = owner.unwrap();
            let boats = somebody("boats", "one.example", Kind::Channel);
            assert!(matches!(keep(database, 5, &boats).await, Err(KeepError::NoOwner)));
            let boats = NewActor { owner_id: Some(owner), ..boats };
            let id = keep(database, 5, &boats).await.unwrap();
            let channel = channel::by_name(database, "boats@one.example").await.unwrap().unwrap();
            assert_eq!((channel.id, channel.account_id, channel.is_remote), (id, owner, true));
            assert_eq!((channel.user_id, channel.is_followed), (None, false));
        }
    }
}
