//! The table `follow`: who of elsewhere follows whom of ours, and whom we follow as the instance.

use crate::database::{Database, reading, record, writing};

record! {
    /// Somebody follows somebody.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Follow {
        id: i64,
        follower_id: i64,
        target_id: i64,
        url: Option<String>,
        state: i64,
        is_by_hand: bool,
        created_at: i64,
        updated_at: i64,
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowState {
    Asked,
    Accepted,
    Rejected,
}

impl FollowState {
    pub(crate) fn id(self) -> i64 {
        match self {
            FollowState::Asked => 1,
            FollowState::Accepted => 2,
            FollowState::Rejected => 3,
        }
    }
}

impl Follow {
    pub(crate) fn is(&self, state: FollowState) -> bool {
        self.state == state.id()
    }
}

/// Of these two, if there is one.
pub(crate) async fn of(
    database: &Database,
    follower_id: i64,
    target_id: i64,
) -> sqlx::Result<Option<Follow>> {
    reading!(database, pool => {
        sqlx::query_as(OF).bind(follower_id).bind(target_id).fetch_optional(pool).await
    })
}

/// One by its number.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Follow>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// Notes that somebody follows somebody, or does so anew; `url` is the id of the Follow, where it isn't ours.
pub(crate) async fn set(
    database: &Database,
    now_ms: i64,
    (follower_id, target_id): (i64, i64),
    url: Option<&str>,
    state: FollowState,
) -> sqlx::Result<Follow> {
    writing!(database, pool => {
        sqlx::query_as(SET)
            .bind(follower_id)
            .bind(target_id)
            .bind(url)
            .bind(state.id())
            .bind(now_ms)
            .fetch_one(pool)
            .await
    })
}

/// Whom somebody asked before `before_ms` and who said nothing; some, who were asked longest ago first.
pub(crate) async fn unanswered(
    database: &Database,
    follower_id: i64,
    before_ms: i64,
) -> sqlx::Result<Vec<i64>> {
    let select = "SELECT target_id FROM follow WHERE follower_id = $1 AND state = 1 AND updated_at < $2 ORDER BY updated_at LIMIT 100";
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(follower_id).bind(before_ms).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Notes that an administrator wants it.
pub(crate) async fn set_by_hand(database: &Database, id: i64) -> sqlx::Result<()> {
    let update = "UPDATE follow SET is_by_hand = TRUE WHERE id = $1";
    writing!(database, pool => sqlx::query(update).bind(id).execute(pool).await.map(drop))
}

/// Follows of those who are blocked, whichever way, of whom nobody has been told no; at most [`LEAVES`].
pub(crate) async fn of_blocked(database: &Database) -> sqlx::Result<Vec<Follow>> {
    reading!(database, pool => sqlx::query_as(OF_BLOCKED).bind(LEAVES).fetch_all(pool).await)
}

/// Ends all follows of those who are blocked, whichever way.
pub(crate) async fn end_blocked(database: &Database) -> sqlx::Result<()> {
    writing!(database, pool => sqlx::query(END_BLOCKED).execute(pool).await.map(drop))
}

/// Channels of elsewhere of which it isn't noted yet that we follow them, or no longer.
pub(crate) async fn changed_channels(database: &Database) -> sqlx::Result<Vec<i64>> {
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(CHANGED).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Notes whether we follow a channel of elsewhere.
pub(crate) async fn mark_channel(database: &Database, channel_id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(MARK).bind(channel_id).execute(pool).await.map(drop)
    })
}

/// Sets how far one is.
pub(crate) async fn set_state(
    database: &Database,
    now_ms: i64,
    id: i64,
    state: FollowState,
) -> sqlx::Result<()> {
    let update = "UPDATE follow SET state = $2, updated_at = $3 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(state.id()).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Ends one; `false` if there was none.
pub(crate) async fn end(
    database: &Database,
    follower_id: i64,
    target_id: i64,
) -> sqlx::Result<bool> {
    let delete = "DELETE FROM follow WHERE follower_id = $1 AND target_id = $2";
    writing!(database, pool => {
        let done = sqlx::query(delete).bind(follower_id).bind(target_id).execute(pool).await?;
        Ok(done.rows_affected() > 0)
    })
}

/// Whom somebody follows by this id.
pub(crate) async fn target_of(
    database: &Database,
    follower_id: i64,
    url: &str,
) -> sqlx::Result<Option<i64>> {
    let select = "SELECT target_id FROM follow WHERE follower_id = $1 AND url = $2 LIMIT 1";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(follower_id).bind(url).fetch_optional(pool).await
    })?;
    Ok(found.map(|(id,)| id))
}

/// One of each server that runs `software` and follows one of these, but for the server `but`; at most [`SERVERS`].
pub(crate) async fn servers_running(
    database: &Database,
    [one, two, three]: [i64; 3],
    software: &str,
    but: &str,
) -> sqlx::Result<Vec<i64>> {
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(SERVERS_RUNNING)
            .bind(one)
            .bind(two)
            .bind(three)
            .bind(software)
            .bind(but)
            .bind(SERVERS)
            .fetch_all(pool)
            .await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// How many of elsewhere follow somebody of ours.
pub(crate) async fn followers(database: &Database, target_id: i64) -> sqlx::Result<i64> {
    let select = "SELECT COUNT(*) FROM follow WHERE target_id = $1 AND state = 2";
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(select).bind(target_id).fetch_one(pool).await
    })?;
    Ok(found.0)
}

/// How many somebody of ours follows.
pub(crate) async fn following(database: &Database, follower_id: i64) -> sqlx::Result<i64> {
    let select = "SELECT COUNT(*) FROM follow WHERE follower_id = $1 AND state = 2";
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(select).bind(follower_id).fetch_one(pool).await
    })?;
    Ok(found.0)
}

/// Whether `block` is of `barred`, whose handle is `named`, or of their server, or of one above it.
macro_rules! is_barred {
    () => {
        "(block.target IN (barred.host, named.name) OR barred.host LIKE '%.' || block.target)"
    };
}

pub(super) use is_barred;

/// Whether the instance follows the channel `channel`, its account, or its server, and has blocked none of them.
macro_rules! is_followed {
    () => {
        concat!(
            "(EXISTS (SELECT 1 FROM follow JOIN handle ON handle.id = follower_id \
             WHERE handle.name = 'peertube' AND state = 2 AND (target_id IN (channel.id, channel.account_id) OR target_id IN \
             (SELECT speaker.id FROM remote_actor AS speaker JOIN remote_actor AS itself ON itself.host = speaker.host \
             WHERE speaker.kind = 3 AND itself.id = channel.id))) \
             AND NOT EXISTS (SELECT 1 FROM remote_actor AS barred JOIN handle AS named ON named.id = barred.id JOIN block ON ",
            is_barred!(),
            " WHERE barred.id IN (channel.id, channel.account_id)))"
        )
    };
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, follower_id, target_id, url, state, is_by_hand, created_at, updated_at FROM follow WHERE ",
            $condition
        )
    };
}

const OF: &str = select!("follower_id = $1 AND target_id = $2");
const BY_ID: &str = select!("id = $1");

const SERVERS_RUNNING: &str = "SELECT MIN(remote_actor.id) FROM follow JOIN remote_actor ON remote_actor.id = follower_id \
                               JOIN host ON host.name = remote_actor.host WHERE target_id IN ($1, $2, $3) AND state = 2 \
                               AND host.software = $4 AND host.name <> $5 GROUP BY host.name ORDER BY 1 LIMIT $6";

/// Servers that one comment is passed on to: each then asks who said it.
const SERVERS: i64 = 500;

/// Whether somebody is blocked on either side of a follow.
macro_rules! is_of_blocked {
    () => {
        concat!(
            "id IN (SELECT follow.id FROM follow JOIN remote_actor AS barred ON barred.id IN (follower_id, target_id) \
             JOIN handle AS named ON named.id = barred.id JOIN block ON ",
            is_barred!(),
            ")"
        )
    };
}

const OF_BLOCKED: &str =
    concat!(select!("state <> 3 AND "), is_of_blocked!(), " ORDER BY id LIMIT $1");
const END_BLOCKED: &str = concat!("DELETE FROM follow WHERE ", is_of_blocked!());

/// Follows that are ended in so many words when a server is blocked, each by an activity of its own: whoever else followed from there
/// hears nothing any more, which is as good.
const LEAVES: i64 = 1_000;
const CHANGED: &str = concat!(
    "SELECT id FROM channel WHERE is_remote = TRUE AND is_followed <> ",
    is_followed!(),
    " ORDER BY id"
);
pub(super) const MARK: &str = concat!(
    "UPDATE channel SET is_followed = ",
    is_followed!(),
    " WHERE id = $1 AND is_remote = TRUE"
);

const SET: &str = "INSERT INTO follow (follower_id, target_id, url, state, is_by_hand, created_at, updated_at) VALUES ($1, $2, $3, $4, FALSE, $5, $5) \
                   ON CONFLICT (follower_id, target_id) DO UPDATE SET url = excluded.url, state = excluded.state, \
                   updated_at = excluded.updated_at \
                   RETURNING id, follower_id, target_id, url, state, is_by_hand, created_at, updated_at";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::remote_actor::{self, Kind, tests::somebody};

    #[tokio::test]
    async fn a_comment_is_passed_on_to_no_more_than_500_servers() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let keep = async |name: &str, host: &str, kind| {
                remote_actor::keep(database, 1, &somebody(name, host, kind)).await.unwrap()
            };
            let boats = keep("boats", "one.example", Kind::Person).await;
            for no in 0..502 {
                let server = keep("peertube", &format!("s{no}.example"), Kind::Instance).await;
                set(database, 1, (server, boats), None, FollowState::Accepted).await.unwrap();
            }
            let update = "UPDATE host SET software = 'shoal'";
            let done: sqlx::Result<()> =
                writing!(database, pool => sqlx::query(update).execute(pool).await.map(drop));
            done.unwrap();
            let found = servers_running(database, [boats, 0, 0], "shoal", "s7.example").await;
            assert_eq!(found.unwrap().len(), 500);
        }
    }
}
