//! Who follows whom, as lists show it, and how far the catalogues of those whom we follow are known.

use super::remote_actor::Kind;
use crate::database::sql::{Sql, look_up};
use crate::database::{Database, reading, record, writing};

record! {
    /// Somebody of elsewhere who follows somebody here, or is followed by the instance.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Line {
        /// Of the follow.
        id: i64,
        state: i64,
        created_at: i64,
        updated_at: i64,
        actor_id: i64,
        url: String,
        host: String,
        name: String,
        kind: i64,
        followers: i64,
        /// Handle of who is followed here; of whom we follow, the instance's.
        here: String,
    }
}

record! {
    /// What is fetched of another server's catalogue.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Progress {
        host: String,
        url: String,
        done: i64,
        total: Option<i64>,
        state: i64,
        reason: Option<String>,
        updated_at: i64,
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those who follow anybody here, those who wait for an answer first.
    Followers,
    /// Servers that follow the instance and were let.
    Servers,
    /// Those whom the instance follows.
    Following,
}

/// In which order lines come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FollowOrder {
    /// Those who wait for an answer first, then the newest.
    #[default]
    Waiting,
    /// Those who were refused first, then the newest.
    Decided,
    Newest,
    Oldest,
}

/// What is wanted of the lines of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) which: Which,
    pub(crate) state: Option<i64>,
    pub(crate) kind: Option<Kind>,
    /// A part of a name or a host, in lower case.
    pub(crate) text: String,
    pub(crate) order: FollowOrder,
    /// Whoever asks is to see those alone that were let.
    pub(crate) accepted_alone: bool,
}

impl Wanted {
    /// All lines.
    pub(crate) fn all(which: Which) -> Wanted {
        Wanted {
            which,
            state: None,
            kind: None,
            text: String::new(),
            order: FollowOrder::default(),
            accepted_alone: false,
        }
    }

    /// What is looked through, and what must be true of it; `us` is the instance's handle.
    fn select(&self, what: &'static str, us: i64) -> Sql {
        let mut sql = Sql::default();
        sql.push(what);
        sql.push(match self.which {
            Which::Followers => THEY_FOLLOW,
            Which::Servers => SERVERS_FOLLOW,
            Which::Following => WE_FOLLOW,
        });
        sql.number(us);
        if self.accepted_alone {
            sql.push(" AND follow.state = 2");
        }
        if let Some(state) = self.state {
            sql.push(" AND follow.state = ");
            sql.number(state);
        }
        if let Some(kind) = self.kind {
            sql.push(" AND remote_actor.kind = ");
            sql.number(kind.id());
        }
        if !self.text.is_empty() {
            // What stands for any letter is meant as itself.
            let escaped = self.text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            sql.push(" AND LOWER(remote_actor.name || '@' || remote_actor.host) LIKE ");
            sql.words(&format!("%{escaped}%"));
            sql.push(" ESCAPE '\\'");
        }
        sql
    }
}

/// Some lines, after the first `start`; `us` is the instance's handle.
pub(crate) async fn list(
    database: &Database,
    wanted: &Wanted,
    us: i64,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<Line>> {
    let mut sql = wanted.select(LINE, us);
    sql.push(match wanted.order {
        FollowOrder::Waiting => {
            " ORDER BY CASE WHEN follow.state = 1 THEN 0 ELSE 1 END, follow.id DESC LIMIT "
        }
        FollowOrder::Decided => " ORDER BY follow.state DESC, follow.id DESC LIMIT ",
        FollowOrder::Newest => " ORDER BY follow.id DESC LIMIT ",
        FollowOrder::Oldest => " ORDER BY follow.id LIMIT ",
    });
    sql.number(count);
    sql.push(" OFFSET ");
    sql.number(start);
    look_up!(database, sql, fetch_all)
}

/// How many there are.
pub(crate) async fn count(database: &Database, wanted: &Wanted, us: i64) -> sqlx::Result<i64> {
    let found: (i64,) =
        look_up!(database, wanted.select("SELECT COUNT(*) FROM follow ", us), fetch_one)?;
    Ok(found.0)
}

/// The follow of the instance by somebody of elsewhere, by their id.
pub(crate) async fn of_instance(
    database: &Database,
    us: i64,
    actor_id: i64,
) -> sqlx::Result<Option<i64>> {
    let select = "SELECT id FROM follow WHERE follower_id = $1 AND target_id = $2";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(actor_id).bind(us).fetch_optional(pool).await
    })?;
    Ok(found.map(|(id,)| id))
}

/// Ends the follows of whoever had an inbox that is gone; one that a whole server shares is nobody's own.
pub(crate) async fn end_of_inbox(database: &Database, host: &str, inbox: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(END_OF_INBOX).bind(host).bind(inbox).execute(pool).await.map(drop)
    })
}

/// What is being fetched, the newest first; at most `count`.
pub(crate) async fn progress(database: &Database, count: i64) -> sqlx::Result<Vec<Progress>> {
    reading!(database, pool => sqlx::query_as(PROGRESS).bind(count).fetch_all(pool).await)
}

/// When a video of a server was fetched last, and how many are known.
pub(crate) async fn videos_of(database: &Database, host: &str) -> sqlx::Result<(i64, Option<i64>)> {
    let select = "SELECT COUNT(*), MAX(fetched_at) FROM remote_video WHERE host = $1";
    reading!(database, pool => sqlx::query_as(select).bind(host).fetch_one(pool).await)
}

const LINE: &str = "SELECT follow.id, follow.state, follow.created_at, follow.updated_at, remote_actor.id AS actor_id, remote_actor.url, \
                    remote_actor.host, remote_actor.name, remote_actor.kind, remote_actor.followers, handle.name AS here FROM follow ";

/// Each ends where the number of the instance is bound.
const THEY_FOLLOW: &str = "JOIN remote_actor ON remote_actor.id = follower_id JOIN handle ON handle.id = target_id WHERE follower_id <> ";
const SERVERS_FOLLOW: &str = "JOIN remote_actor ON remote_actor.id = follower_id JOIN handle ON handle.id = target_id \
                              WHERE follow.state = 2 AND remote_actor.kind = 3 AND target_id = ";
const WE_FOLLOW: &str = "JOIN remote_actor ON remote_actor.id = target_id JOIN handle ON handle.id = follower_id WHERE follower_id = ";

const END_OF_INBOX: &str = "DELETE FROM follow WHERE follower_id IN (SELECT id FROM remote_actor WHERE host = $1 AND inbox = $2 \
                            AND (shared_inbox IS NULL OR shared_inbox <> inbox))";

const PROGRESS: &str = "SELECT host, url, done, total, state, reason, updated_at FROM task WHERE kind = 'backfill' ORDER BY id DESC LIMIT $1";
