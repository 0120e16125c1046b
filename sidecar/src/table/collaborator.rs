//! The table `collaborator`: who else may publish in a channel, once they have accepted.

use crate::database::{Database, reading, record, writing};
use crate::limits::COLLABORATORS;

/// What somebody may do in another's channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Publish, and change its videos.
    Editor,
    /// Also change the channel itself.
    Manager,
}

record! {
    /// Somebody who was asked into a channel.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Collaborator {
        account_id: i64,
        name: String,
        display_name: String,
        role: i64,
        state: i64,
        created_at: i64,
    }
}

impl Role {
    pub(crate) fn id(self) -> i64 {
        match self {
            Role::Editor => 1,
            Role::Manager => 2,
        }
    }

    pub(crate) fn parse(id: i64) -> Option<Role> {
        [Role::Editor, Role::Manager].into_iter().find(|role| role.id() == id)
    }
}

/// What somebody may do in a channel, if they were asked and accepted.
pub(crate) async fn role(
    database: &Database,
    channel_id: i64,
    account_id: i64,
) -> sqlx::Result<Option<Role>> {
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(ROLE).bind(channel_id).bind(account_id).fetch_optional(pool).await
    })?;
    Ok(found.and_then(|(id,)| Role::parse(id)))
}

/// Who was asked into a channel, the first first; there are few of them.
pub(crate) async fn of_channel(
    database: &Database,
    channel_id: i64,
) -> sqlx::Result<Vec<Collaborator>> {
    reading!(database, pool => sqlx::query_as(OF_CHANNEL).bind(channel_id).fetch_all(pool).await)
}

/// Asks somebody, or changes their role; `false` if the channel has as many as it may.
pub(crate) async fn ask(
    database: &Database,
    now_ms: i64,
    channel_id: i64,
    account_id: i64,
    role: Role,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(ASK)
            .bind(channel_id)
            .bind(account_id)
            .bind(role.id())
            .bind(now_ms)
            .bind(COLLABORATORS)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Notes that somebody accepted; `false` if nobody asked them.
pub(crate) async fn accept(
    database: &Database,
    channel_id: i64,
    account_id: i64,
) -> sqlx::Result<bool> {
    let update = "UPDATE collaborator SET state = 2 WHERE channel_id = $1 AND account_id = $2";
    let done = writing!(database, pool => {
        let done = sqlx::query(update).bind(channel_id).bind(account_id).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Ends it, whoever of the two wants to; `false` if there was nothing.
pub(crate) async fn end(
    database: &Database,
    channel_id: i64,
    account_id: i64,
) -> sqlx::Result<bool> {
    let delete = "DELETE FROM collaborator WHERE channel_id = $1 AND account_id = $2";
    let done = writing!(database, pool => {
        let done = sqlx::query(delete).bind(channel_id).bind(account_id).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

const ROLE: &str =
    "SELECT role FROM collaborator WHERE channel_id = $1 AND account_id = $2 AND state = 2";

const OF_CHANNEL: &str = "SELECT collaborator.account_id, handle.name, account.display_name, role, state, collaborator.created_at \
                          FROM collaborator JOIN account ON account.id = collaborator.account_id \
                          JOIN handle ON handle.id = account.id WHERE channel_id = $1 \
                          ORDER BY collaborator.created_at, collaborator.account_id";

const ASK: &str = "INSERT INTO collaborator (channel_id, account_id, role, state, created_at) SELECT $1, $2, $3, 1, $4 \
                   WHERE (SELECT COUNT(*) FROM collaborator WHERE channel_id = $1) < $5 \
                   OR EXISTS (SELECT 1 FROM collaborator WHERE channel_id = $1 AND account_id = $2) \
                   ON CONFLICT (channel_id, account_id) DO UPDATE SET role = excluded.role";
