//! Who a session belongs to: `session`, `users` and `account` in one look.

use crate::database::{Database, reading, record};
use crate::role::Role;

record! {
    /// What requests need to know of who asks.
    #[derive(Debug, Clone)]
    pub(crate) struct Known {
        session_id: i64,
        user_id: i64,
        account_id: i64,
        username: String,
        display_name: String,
        role: Role,
        preferences: String,
    }
}

/// Who shows this access token, unless its time is over or they are blocked.
pub(crate) async fn by_access(
    database: &Database,
    now_ms: i64,
    access_hash: &str,
) -> sqlx::Result<Option<Known>> {
    reading!(database, pool => {
        sqlx::query_as(BY_ACCESS).bind(access_hash).bind(now_ms).fetch_optional(pool).await
    })
}

const BY_ACCESS: &str = "SELECT session.id AS session_id, session.user_id, account.id AS account_id, username, display_name, role, \
                         preferences \
                         FROM session JOIN users ON users.id = session.user_id JOIN account ON account.user_id = users.id \
                         WHERE access_hash = $1 AND access_expires_at > $2 AND NOT blocked";
