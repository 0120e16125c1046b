//! The table `sent`: activities of ours, and to which inboxes each goes.

use crate::database::{Database, writing};
use crate::limits::{DELIVERIES_OF_HOST, PARKED};

/// To whom an activity goes, by ids of handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressee {
    /// Somebody's own inbox.
    Inbox(i64),
    /// The same, even if they are blocked: that nobody follows the other any more.
    Leaver(i64),
    /// Somebody's server, once.
    Server(i64),
    /// The servers of all who follow somebody here, once each.
    FollowersOf(i64),
}

/// Queues an activity for every inbox that it goes to, and for none twice; tells for how many.
///
/// Nothing but a leave is queued for who is blocked, nor, of what goes to all followers, for servers that have been away for days or for which
/// as much waits as may.
pub(crate) async fn queue(
    database: &Database,
    now_ms: i64,
    (actor_id, activity): (i64, &str),
    to: &[Addressee],
) -> sqlx::Result<u64> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let (id,): (i64,) = sqlx::query_as(INSERT)
            .bind(actor_id)
            .bind(activity)
            .bind(now_ms)
            .fetch_one(&mut *work)
            .await?;
        let mut queued = 0;
        for addressee in to {
            let query = match *addressee {
                Addressee::Inbox(whose) => sqlx::query(TO_INBOX).bind(id).bind(now_ms).bind(whose),
                Addressee::Leaver(whose) => sqlx::query(TO_LEAVER).bind(id).bind(now_ms).bind(whose),
                Addressee::Server(whose) => sqlx::query(TO_SERVER).bind(id).bind(now_ms).bind(whose),
                Addressee::FollowersOf(whose) => sqlx::query(TO_FOLLOWERS)
                    .bind(id)
                    .bind(now_ms)
                    .bind(whose)
                    .bind(PARKED)
                    .bind(DELIVERIES_OF_HOST - 1),
            };
            queued += query.execute(&mut *work).await?.rows_affected();
        }
        if queued > 0 {
            work.commit().await?;
        }
        Ok(queued)
    })
}

const INSERT: &str =
    "INSERT INTO sent (actor_id, activity, created_at) VALUES ($1, $2, $3) RETURNING id";

macro_rules! deliver {
    ($inbox:literal, $whom:expr) => {
        concat!(
            "INSERT INTO delivery (sent_id, host, inbox, state, attempts, created_at) \
             SELECT DISTINCT CAST($1 AS BIGINT), remote_actor.host, ",
            $inbox,
            ", 1, 0, CAST($2 AS BIGINT) FROM remote_actor JOIN handle ON handle.id = remote_actor.id ",
            $whom,
            " ON CONFLICT (sent_id, inbox) DO NOTHING"
        )
    };
}

/// Of `remote_actor` and its `handle`.
macro_rules! is_not_blocked {
    () => {
        " AND NOT EXISTS (SELECT 1 FROM block WHERE target = remote_actor.host OR target = handle.name)"
    };
}

const TO_INBOX: &str = deliver!("inbox", concat!("WHERE remote_actor.id = $3", is_not_blocked!()));
const TO_LEAVER: &str = deliver!("inbox", "WHERE remote_actor.id = $3");
const TO_SERVER: &str = deliver!(
    "COALESCE(shared_inbox, inbox)",
    concat!("WHERE remote_actor.id = $3", is_not_blocked!())
);
const TO_FOLLOWERS: &str = deliver!(
    "COALESCE(shared_inbox, inbox)",
    concat!(
        "JOIN follow ON follow.follower_id = remote_actor.id JOIN host ON host.name = remote_actor.host \
         WHERE follow.target_id = $3 AND follow.state = 2 AND host.failures < $4 AND (host.failures = 0 OR NOT EXISTS \
         (SELECT 1 FROM delivery AS waiting WHERE waiting.host = host.name AND waiting.state = 1 ORDER BY waiting.id LIMIT 1 OFFSET $5))",
        is_not_blocked!()
    )
);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::reading;

    /// How many are kept.
    pub(crate) async fn count(database: &Database) -> i64 {
        let found: sqlx::Result<(i64,)> = reading!(database, pool => {
            sqlx::query_as("SELECT COUNT(*) FROM sent").fetch_one(pool).await
        });
        found.unwrap().0
    }
}
