//! The table `sent`: activities of ours, and to which inboxes each goes.

use crate::database::{Database, writing};
use crate::limits::{DELIVERIES_OF_HOST, DELIVERIES_OF_PARKED, PARKED};

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
/// Nothing but a leave is queued for who is blocked, and nothing for servers for which as much waits as may: of what goes to all
/// followers, none for those that have been away for days. In one's own inbox, it takes the place of what waits there under the same
/// id, `about`.
pub(crate) async fn queue(
    database: &Database,
    now_ms: i64,
    (actor_id, activity, about): (i64, &str, Option<&str>),
    to: &[Addressee],
) -> sqlx::Result<u64> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let (id,): (i64,) = sqlx::query_as(INSERT)
            .bind(actor_id)
            .bind(activity)
            .bind(now_ms)
            .bind(about)
            .fetch_one(&mut *work)
            .await?;
        let mut queued = 0;
        for addressee in to {
            if let (Addressee::Inbox(whose) | Addressee::Leaver(whose), Some(about)) =
                (*addressee, about)
            {
                sqlx::query(REPLACE).bind(id).bind(about).bind(whose).execute(&mut *work).await?;
                sqlx::query(REPLACED).bind(id).bind(about).execute(&mut *work).await?;
            }
            let parked = Some(DELIVERIES_OF_PARKED - 1);
            let (query, whose, parked) = match *addressee {
                Addressee::Inbox(whose) => (TO_INBOX, whose, parked),
                Addressee::Leaver(whose) => (TO_LEAVER, whose, parked),
                Addressee::Server(whose) => (TO_SERVER, whose, parked),
                Addressee::FollowersOf(whose) => (TO_FOLLOWERS, whose, None),
            };
            let query = sqlx::query(query)
                .bind(id)
                .bind(now_ms)
                .bind(whose)
                .bind(PARKED)
                .bind(DELIVERIES_OF_HOST - 1);
            let query = if let Some(parked) = parked { query.bind(parked) } else { query };
            queued += query.execute(&mut *work).await?.rows_affected();
        }
        if queued > 0 {
            work.commit().await?;
        }
        Ok(queued)
    })
}

const INSERT: &str =
    "INSERT INTO sent (actor_id, activity, created_at, about) VALUES ($1, $2, $3, $4) RETURNING id";

const REPLACE: &str = "DELETE FROM delivery WHERE state = 1 AND inbox = (SELECT inbox FROM remote_actor WHERE id = $3) \
                       AND sent_id IN (SELECT id FROM sent WHERE about = $2 AND id <> $1)";

const REPLACED: &str = "DELETE FROM sent WHERE about = $2 AND id <> $1 \
                        AND NOT EXISTS (SELECT 1 FROM delivery WHERE sent_id = sent.id)";

macro_rules! deliver {
    ($inbox:literal, $whom:expr) => {
        concat!(
            "INSERT INTO delivery (sent_id, host, inbox, state, attempts, created_at) \
             SELECT DISTINCT CAST($1 AS BIGINT), remote_actor.host, ",
            $inbox,
            ", 1, 0, CAST($2 AS BIGINT) FROM remote_actor JOIN handle ON handle.id = remote_actor.id \
             JOIN host ON host.name = remote_actor.host ",
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

/// Whether less waits for a host than what is bound there.
macro_rules! has_room {
    ($most:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM delivery AS waiting WHERE waiting.host = host.name AND waiting.state = 1 \
             ORDER BY waiting.id LIMIT 1 OFFSET ",
            $most,
            ")"
        )
    };
}

/// Somebody, if there is room for what is theirs alone.
macro_rules! one {
    () => {
        concat!(
            "WHERE remote_actor.id = $3 AND ",
            has_room!("$5"),
            " AND (host.failures < $4 OR ",
            has_room!("$6"),
            ")"
        )
    };
}

const TO_INBOX: &str = deliver!("inbox", concat!(one!(), is_not_blocked!()));
const TO_LEAVER: &str = deliver!("inbox", one!());
const TO_SERVER: &str =
    deliver!("COALESCE(shared_inbox, inbox)", concat!(one!(), is_not_blocked!()));
const TO_FOLLOWERS: &str = deliver!(
    "COALESCE(shared_inbox, inbox)",
    concat!(
        "JOIN follow ON follow.follower_id = remote_actor.id \
         WHERE follow.target_id = $3 AND follow.state = 2 AND host.failures < $4 AND (host.failures = 0 OR ",
        has_room!("$5"),
        ")",
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
