//! The table `host`: servers that we have met, how their deliveries go, and what they say of themselves.

use crate::database::sql::{Bound, Sql, look_up};
use crate::database::{Database, reading, record, writing};
use crate::limits::{DELIVERED_OF_SITE, PARKED};

/// Notes that there is a server of this name, unless that is known.
macro_rules! met {
    ($work:ident, $now_ms:expr, $name:expr) => {
        sqlx::query($crate::table::host::MEET)
            .bind($name)
            .bind($now_ms)
            .bind($crate::federation::site::of($name))
            .execute(&mut *$work)
            .await?;
    };
}
pub(super) use met;

record! {
    /// How deliveries to a server go.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Health {
        name: String,
        /// Whose it is.
        site: String,
        /// Deliveries that failed, in a row.
        failures: i64,
    }
}

record! {
    /// A server that may be delivered to.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Due {
        name: String,
        site: String,
    }
}

record! {
    /// How a server is left alone.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Trouble {
        failures: i64,
        due_at: i64,
    }
}

record! {
    /// What a server says of itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Known {
        name: String,
        software: Option<String>,
        version: Option<String>,
        title: Option<String>,
        description: Option<String>,
        rules: Option<String>,
        registration: Option<bool>,
        asked_at: Option<i64>,
    }
}

/// Notes that there is a server of this name, unless that is known.
#[cfg(test)]
pub(crate) async fn meet(database: &Database, now_ms: i64, name: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        met!(work, now_ms, name);
        work.commit().await
    })
}

/// Servers for which something waits that may be delivered now, and to which nobody delivers, who was served longest ago first; at
/// most `most`, few of each site and none of those that are `full`.
pub(crate) async fn due(
    database: &Database,
    now_ms: i64,
    most: i64,
    full: &[String],
) -> sqlx::Result<Vec<Due>> {
    let mut sql = Sql::default();
    sql.push(WAITING);
    sql.push(" WHERE due_at <= ");
    sql.number(now_ms);
    sql.push(" AND lease_until <= ");
    sql.number(now_ms);
    if !full.is_empty() {
        sql.push(" AND site NOT IN ");
        sql.one_of(full.iter().cloned().map(Bound::Text));
    }
    sql.push(
        " AND EXISTS (SELECT 1 FROM delivery WHERE delivery.host = host.name AND state = 1)) ",
    );
    sql.push("SELECT name, site FROM able WHERE turn <= ");
    sql.number(DELIVERED_OF_SITE as i64);
    sql.push(" ORDER BY served_at, due_at, name LIMIT ");
    sql.number(most);
    look_up!(database, sql, fetch_all)
}

/// Takes a server until `until_ms`, to deliver to it; `None` if somebody else did, or it is to be left alone for now.
pub(crate) async fn lease(
    database: &Database,
    now_ms: i64,
    name: &str,
    until_ms: i64,
) -> sqlx::Result<Option<Health>> {
    writing!(database, pool => {
        sqlx::query_as(LEASE).bind(name).bind(now_ms).bind(until_ms).fetch_optional(pool).await
    })
}

/// Keeps it for longer.
pub(crate) async fn prolong(database: &Database, name: &str, until_ms: i64) -> sqlx::Result<()> {
    let update = "UPDATE host SET lease_until = $2 WHERE name = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(name).bind(until_ms).execute(pool).await.map(drop)
    })
}

/// Gives back all that were taken by a process that is no more.
pub(crate) async fn take_back(database: &Database) -> sqlx::Result<()> {
    let update = "UPDATE host SET lease_until = 0 WHERE lease_until > 0";
    writing!(database, pool => sqlx::query(update).execute(pool).await.map(drop))
}

/// A delivery failed: nothing is tried before `due_ms`.
pub(crate) async fn failed(
    database: &Database,
    now_ms: i64,
    name: &str,
    due_ms: i64,
    reason: &str,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(FAILED)
            .bind(name)
            .bind(now_ms)
            .bind(due_ms)
            .bind(reason)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// How a server is left alone, if deliveries to it fail.
pub(crate) async fn trouble(database: &Database, name: &str) -> sqlx::Result<Option<Trouble>> {
    let select = "SELECT failures, due_at FROM host WHERE name = $1 AND failures > 0";
    reading!(database, pool => sqlx::query_as(select).bind(name).fetch_optional(pool).await)
}

/// A server that fails was heard of: it is tried before its time, unless that was done since `last_ms`. `false` if it was.
pub(crate) async fn hear(
    database: &Database,
    now_ms: i64,
    name: &str,
    last_ms: i64,
) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let update = sqlx::query(HEAR).bind(name).bind(now_ms).bind(last_ms).bind(PARKED - 1);
        Ok(update.execute(pool).await?.rows_affected() > 0)
    })
}

/// A server is there: whatever waits for it may go at once.
pub(crate) async fn revive(database: &Database, name: &str) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let done = sqlx::query(REVIVE).bind(name).execute(pool).await?;
        Ok(done.rows_affected() > 0)
    })
}

/// Forgets servers that were met before `before_ms` and of which nothing is here.
pub(crate) async fn forget_idle(database: &Database, before_ms: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(FORGET_IDLE).bind(before_ms).execute(pool).await.map(drop)
    })
}

/// What a server of this name says of itself.
pub(crate) async fn known(database: &Database, name: &str) -> sqlx::Result<Option<Known>> {
    reading!(database, pool => sqlx::query_as(BY_NAME).bind(name).fetch_optional(pool).await)
}

/// Servers that said who they are, in the order of their names; at most `count` after the first `start`.
pub(crate) async fn list(database: &Database, start: i64, count: i64) -> sqlx::Result<Vec<Known>> {
    reading!(database, pool => {
        sqlx::query_as(LIST).bind(count).bind(start).fetch_all(pool).await
    })
}

/// How many there are of these.
pub(crate) async fn count(database: &Database) -> sqlx::Result<i64> {
    let select = "SELECT COUNT(*) FROM host WHERE software IS NOT NULL";
    let found: (i64,) = reading!(database, pool => sqlx::query_as(select).fetch_one(pool).await)?;
    Ok(found.0)
}

/// Servers that were not asked since `before_ms`, the ones never asked first; at most `most`, and one of each site.
pub(crate) async fn unasked(
    database: &Database,
    before_ms: i64,
    most: i64,
) -> sqlx::Result<Vec<String>> {
    let found: Vec<(String,)> = reading!(database, pool => {
        sqlx::query_as(UNASKED).bind(before_ms).bind(most).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Notes when a server was asked, and what it said, if it said something.
pub(crate) async fn note(
    database: &Database,
    now_ms: i64,
    name: &str,
    said: Option<&Known>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let Some(said) = said else {
            let update = sqlx::query("UPDATE host SET asked_at = $2 WHERE name = $1");
            return update.bind(name).bind(now_ms).execute(pool).await.map(drop);
        };
        sqlx::query(NOTE)
            .bind(name)
            .bind(now_ms)
            .bind(&said.software)
            .bind(&said.version)
            .bind(&said.title)
            .bind(&said.description)
            .bind(&said.rules)
            .bind(said.registration)
            .execute(pool)
            .await
            .map(drop)
    })
}

pub(super) const MEET: &str =
    "INSERT INTO host (name, created_at, site) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";

/// From one name to the next in the index: as many steps as there are servers for which something is kept, not deliveries.
const WAITING: &str = "WITH RECURSIVE waiting (name) AS (SELECT MIN(host) FROM delivery UNION ALL \
                       SELECT (SELECT MIN(host) FROM delivery WHERE host > waiting.name) FROM waiting WHERE waiting.name IS NOT NULL), \
                       able AS (SELECT host.name, site, served_at, due_at, \
                       ROW_NUMBER() OVER (PARTITION BY site ORDER BY served_at, due_at, host.name) AS turn \
                       FROM waiting JOIN host ON host.name = waiting.name";

const LEASE: &str = "UPDATE host SET lease_until = $3, served_at = $2 WHERE name = $1 AND lease_until <= $2 AND due_at <= $2 \
                     RETURNING name, site, failures";

const FAILED: &str = "UPDATE host SET failures = failures + 1, failing_since = COALESCE(failing_since, $2), due_at = $3, reason = $4, \
                      lease_until = 0 WHERE name = $1";

const REVIVE: &str = "UPDATE host SET failures = 0, failing_since = NULL, due_at = 0, reason = NULL WHERE name = $1 AND failures > 0";

/// What goes to all followers is kept for it again; where it fails once more it is given up once more.
const HEAR: &str = "UPDATE host SET due_at = 0, heard_at = $2, failures = CASE WHEN failures < $4 THEN failures ELSE $4 END \
                    WHERE name = $1 AND failures > 0 AND heard_at <= $3";

const FORGET_IDLE: &str = "DELETE FROM host WHERE created_at < $1 AND name NOT IN (SELECT host FROM remote_actor) \
                           AND name NOT IN (SELECT host FROM remote_video) AND name NOT IN (SELECT host FROM delivery) \
                           AND name NOT IN (SELECT host FROM task)";

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT name, software, version, title, description, rules, registration, asked_at FROM host ",
            $condition
        )
    };
}

const BY_NAME: &str = select!("WHERE name = $1");
const LIST: &str = select!("WHERE software IS NOT NULL ORDER BY name LIMIT $1 OFFSET $2");

const UNASKED: &str = "SELECT name FROM (SELECT name, COALESCE(asked_at, 0) AS asked, \
                       ROW_NUMBER() OVER (PARTITION BY site ORDER BY COALESCE(asked_at, 0), name) AS turn \
                       FROM host WHERE asked_at IS NULL OR asked_at < $1) AS hosts WHERE turn = 1 ORDER BY asked, name LIMIT $2";

const NOTE: &str = "UPDATE host SET asked_at = $2, software = $3, version = $4, title = $5, description = $6, rules = $7, \
                    registration = $8 WHERE name = $1";
