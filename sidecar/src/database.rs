//! The database: SQLite in the data folder, or PostgreSQL behind a URL; one SQL text for both.
//!
//! Each table's queries are in a module of their own under [`crate::table`]. Values only ever go in as bound parameters.

pub(crate) mod sql;
#[cfg(test)]
pub(crate) mod trial;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool, SqlSafeStr, SqlitePool};

use crate::config;

/// A bounded set of connections to a database whose schema is this build's.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite {
        reading: SqlitePool,
        /// A single connection: writers wait here in turn, instead of being told that the file is busy.
        writing: SqlitePool,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens what `settings` name, in the folder `data` if they name nothing, and brings its schema up to date.
    pub(crate) async fn open(
        settings: &config::Database,
        data: &Path,
    ) -> Result<Database, OpenError> {
        let database = match &settings.url {
            None => Database::sqlite(&data.join(FILE)).await?,
            Some(url) => Database::postgres(url.options()?, settings.connections).await?,
        };
        database.migrate().await?;
        Ok(database)
    }

    /// Whether `settings` name one that may be there, or the folder has one.
    pub(crate) fn is_there(settings: &config::Database, data: &Path) -> bool {
        settings.url.is_some() || data.join(FILE).exists()
    }

    async fn sqlite(file: &Path) -> Result<Database, OpenError> {
        let made = OpenOptions::new().create(true).append(true).mode(OURS_ALONE).open(file);
        made.map_err(|error| OpenError::Sqlite(file.to_owned(), error.into()))?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered outlives kill -9, and all but the last moment a loss of power.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY)
            .pragma("cache_size", CACHE_KIB)
            .disable_statement_logging();
        let pool = |most: u32| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .acquire_timeout(ACQUIRE)
                .idle_timeout(IDLE)
                .max_lifetime(None)
                // A file doesn't hang up, and asking it each time costs as much as a small query.
                .test_before_acquire(false)
        };
        let writing = pool(1).connect_with(options.clone()).await;
        let writing = writing.map_err(|error| OpenError::Sqlite(file.to_owned(), error))?;
        let reading = pool(SQLITE_READERS).connect_lazy_with(options);
        Ok(Database::Sqlite { reading, writing })
    }

    async fn postgres(options: PgConnectOptions, most: u32) -> Result<Database, OpenError> {
        let options = options.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(IDLE)
            .connect_with(options);
        Ok(Database::Postgres(pool.await.map_err(OpenError::Postgres)?))
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        match self {
            Database::Sqlite { writing, .. } => migrator(&SQLITE).run(writing).await?,
            Database::Postgres(pool) => migrator(&POSTGRES).run(pool).await?,
        }
        Ok(())
    }

    /// Waits for running queries and closes all connections; SQLite's file is then whole without its log.
    pub(crate) async fn close(&self) {
        match self {
            Database::Sqlite { reading, writing } => {
                reading.close().await;
                writing.close().await;
            }
            Database::Postgres(pool) => pool.close().await,
        }
    }
}

/// Why the database can't be used; the blame is the host's or the machine's.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A URL of something else.
    #[error("database.url is no PostgreSQL URL: write it as postgres://user:password@host/name")]
    BadUrl,
    /// The file can't be opened.
    #[error("cannot open the database {0}: {1}")]
    Sqlite(std::path::PathBuf, #[source] sqlx::Error),
    /// PostgreSQL can't be reached, or refuses us.
    #[error("cannot reach the PostgreSQL of database.url: {0}")]
    Postgres(#[source] sqlx::Error),
    /// What every instance has can't be read or made.
    #[error("the database: {0}")]
    Query(#[from] sqlx::Error),
    /// What every instance needs can't be made.
    #[error("the system gives no random numbers: {0}")]
    Chance(#[from] getrandom::Error),
    /// The schema is of a newer build, or can't be changed.
    #[error("cannot bring the database's schema up to date: {0}")]
    Schema(#[from] MigrateError),
}

/// Runs a query on connections that may write.
macro_rules! writing {
    ($database:expr, $pool:ident => $work:expr) => {
        match $database {
            $crate::database::Database::Sqlite { writing: $pool, .. } => {
                $crate::database::timed!(Writing, $work)
            }
            $crate::database::Database::Postgres($pool) => {
                $crate::database::timed!(Writing, $work)
            }
        }
    };
}

/// Runs a query that changes nothing.
macro_rules! reading {
    ($database:expr, $pool:ident => $work:expr) => {
        match $database {
            $crate::database::Database::Sqlite { reading: $pool, .. } => {
                $crate::database::timed!(Reading, $work)
            }
            $crate::database::Database::Postgres($pool) => {
                $crate::database::timed!(Reading, $work)
            }
        }
    };
}

/// Counts a query and its time.
macro_rules! timed {
    ($asking:ident, $work:expr) => {{
        let _timer = $crate::metrics::Timer::start($crate::metrics::Asking::$asking);
        $work
    }};
}

/// A struct whose fields are read from columns of the same names, of either database.
macro_rules! record {
    ($(#[$about:meta])* $seen:vis struct $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        $seen struct $name { $($(#[$doc])* $seen $field: $kind,)* }
        $crate::database::record!(@row $name, sqlx::sqlite::SqliteRow, $($field)*);
        $crate::database::record!(@row $name, sqlx::postgres::PgRow, $($field)*);
    };
    (@row $name:ident, $row:ty, $($field:ident)*) => {
        impl sqlx::FromRow<'_, $row> for $name {
            fn from_row(row: &$row) -> sqlx::Result<$name> {
                use sqlx::Row;
                Ok($name { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}

pub(crate) use {reading, record, timed, writing};

/// Whether a write failed because a value that must be unique is there already.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

/// What one database says differently in the schema.
struct Dialect {
    /// A key that numbers itself and never gives a number twice.
    id: &'static str,
    when_a_video_goes: &'static str,
    when_something_changes: &'static str,
    news_of_comments: &'static str,
    search: &'static str,
    /// Lets an account have no user; not in a transaction.
    accounts_elsewhere: &'static str,
}

fn migrator(dialect: &Dialect) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(no, about, text)| {
        let text = text
            .replace("{news_of_comments}", dialect.news_of_comments)
            .replace("{id}", dialect.id)
            .replace("{search}", dialect.search)
            .replace("{accounts_elsewhere}", dialect.accounts_elsewhere)
            .replace("{when_a_video_goes}", dialect.when_a_video_goes)
            .replace("{when_something_changes}", dialect.when_something_changes);
        let text = AssertSqlSafe(text).into_sql_str();
        let is_alone = no == ACCOUNTS_ELSEWHERE;
        Migration::new(no, about.into(), MigrationType::Simple, text, is_alone)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Every change of the schema, in order; what is published is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "accounts", include_str!("../migrations/0001-accounts.sql")),
    (2, "catalogue", include_str!("../migrations/0002-catalogue.sql")),
    (3, "search", "{search}"),
    (4, "withdrawals", include_str!("../migrations/0004-withdrawals.sql")),
    (5, "mail", include_str!("../migrations/0005-mail.sql")),
    (6, "pictures and imports", include_str!("../migrations/0006-pictures-imports.sql")),
    (7, "overviews", include_str!("../migrations/0007-overviews.sql")),
    (10, "actor keys", include_str!("../migrations/0010-actor-keys.sql")),
    (ACCOUNTS_ELSEWHERE, "accounts elsewhere", "{accounts_elsewhere}"),
    (12, "federation", include_str!("../migrations/0012-federation.sql")),
    (13, "news", include_str!("../migrations/0013-news.sql")),
    (16, "comments", include_str!("../migrations/0016-comments.sql")),
    (17, "here", include_str!("../migrations/0017-here.sql")),
    (18, "news of comments", "{news_of_comments}"),
    (19, "sites", include_str!("../migrations/0019-sites.sql")),
    (21, "blocked", include_str!("../migrations/0021-blocked.sql")),
    (22, "told", include_str!("../migrations/0022-told.sql")),
];

/// The one change that brings its own transaction.
const ACCOUNTS_ELSEWHERE: i64 = 11;

const SQLITE: Dialect = Dialect {
    id: "INTEGER PRIMARY KEY AUTOINCREMENT",
    search: include_str!("../migrations/0003-search-sqlite.sql"),
    accounts_elsewhere: include_str!("../migrations/0011-accounts-elsewhere-sqlite.sql"),
    when_a_video_goes: "CREATE TRIGGER video_gone AFTER DELETE ON video BEGIN \
                        INSERT OR IGNORE INTO withdrawal (uuid) VALUES (OLD.uuid); END;",
    when_something_changes: include_str!("../migrations/0013-news-sqlite.sql"),
    news_of_comments: include_str!("../migrations/0018-news-of-comments-sqlite.sql"),
};
const POSTGRES: Dialect = Dialect {
    id: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    when_a_video_goes: "CREATE FUNCTION note_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                        INSERT INTO withdrawal (uuid) VALUES (OLD.uuid) ON CONFLICT DO NOTHING; RETURN NULL; END $$; \
                        CREATE TRIGGER video_gone AFTER DELETE ON video \
                        FOR EACH ROW EXECUTE FUNCTION note_withdrawal();",
    when_something_changes: include_str!("../migrations/0013-news-postgres.sql"),
    news_of_comments: "ALTER TABLE news DROP CONSTRAINT news_kind_check; \
                       ALTER TABLE news ADD CONSTRAINT news_kind_check CHECK (kind BETWEEN 1 AND 7); \
                       ALTER TABLE news ADD COLUMN was TEXT;",
    search: include_str!("../migrations/0003-search-postgres.sql"),
    accounts_elsewhere: "ALTER TABLE account ALTER COLUMN user_id DROP NOT NULL;",
};

/// Hashes of passwords are in it; what SQLite puts beside it gets the same mode.
pub(crate) const OURS_ALONE: u32 = 0o600;

/// SQLite's file in the data folder.
pub const FILE: &str = "shoal.sqlite";

/// Readers of SQLite at once, each with a thread: more than a small server has cores gain nothing.
const SQLITE_READERS: u32 = 4;

/// Memory for pages that one connection to SQLite may keep; the system's page cache has the rest.
const CACHE_KIB: &str = "-1024";

/// How long another process (`shoal user`, a backup) may keep SQLite's file to itself before we give up.
pub(crate) const BUSY: Duration = Duration::from_secs(5);

/// How long a request waits for a connection: after this whoever asked has lost patience.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Connections that nobody used for so long are closed, for their memory.
const IDLE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens SQLite as a build of an earlier schema did.
    async fn of_earlier(data: &Path, last: i64) -> SqlitePool {
        let database = Database::sqlite(&data.join(FILE)).await.unwrap();
        let Database::Sqlite { writing, .. } = database else { panic!("this is SQLite") };
        let all = migrator(&SQLITE);
        let earlier = all.migrations.iter().filter(|migration| migration.version <= last).cloned();
        Migrator::with_migrations(earlier.collect()).run(&writing).await.unwrap();
        writing
    }

    #[tokio::test]
    async fn an_instance_of_before_federation_keeps_all_that_it_has() {
        let data = tempfile::tempdir().unwrap();
        let earlier = of_earlier(data.path(), 10).await;
        for statement in [
            "INSERT INTO users (username, role, password_hash, video_quota, video_quota_daily, blocked, preferences, created_at) \
             VALUES ('ada', 2, '', -1, -1, FALSE, '{}', 0)",
            "INSERT INTO handle (id, name) VALUES (1, 'ada'), (2, 'ada_channel')",
            "INSERT INTO account (id, user_id, display_name, avatar, created_at, updated_at) VALUES (1, 1, 'Ada', 'face', 0, 0)",
            "INSERT INTO channel (id, account_id, display_name, subscribers, created_at, updated_at) VALUES (2, 1, 'Boats', 0, 0, 0)",
            "INSERT INTO collaborator (channel_id, account_id, role, state, created_at) VALUES (2, 1, 1, 2, 0)",
            "INSERT INTO tally (kind, value, videos, nsfw) VALUES ('all', '', 7, 1)",
        ] {
            sqlx::query(statement).execute(&earlier).await.unwrap();
        }
        earlier.close().await;
        let opened = Database::open(&config::Database::default(), data.path()).await.unwrap();
        let Database::Sqlite { writing, .. } = &opened else { panic!("this is SQLite") };
        let found: (String, String, bool, i64) = sqlx::query_as(
            "SELECT account.display_name, avatar_of.avatar, channel.is_remote, tally.videos FROM account \
             JOIN account AS avatar_of ON avatar_of.id = account.id JOIN channel ON channel.account_id = account.id \
             JOIN collaborator ON collaborator.account_id = account.id JOIN tally ON tally.kind = 'local'",
        )
        .fetch_one(writing)
        .await
        .unwrap();
        assert_eq!(found, ("Ada".to_owned(), "face".to_owned(), false, 7));
        // What refers to it still does, and goes with it.
        sqlx::query("DELETE FROM users").execute(writing).await.unwrap();
        let left: (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM channel").fetch_one(writing).await.unwrap();
        assert_eq!(left.0, 0);
        opened.close().await;
    }
}
