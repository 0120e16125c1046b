//! The table `client`: what programs name themselves by when they log in, made once for each instance.

use crate::database::{Database, reading, record, writing};

record! {
    /// PeerTube tells it to everybody, so it keeps no secret; its clients can't do without.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Client {
        client_id: String,
        client_secret: String,
    }
}

/// The instance's client: the given one, unless there has been one before.
pub(crate) async fn ensure(database: &Database, new: Client) -> sqlx::Result<Client> {
    let insert = "INSERT INTO client (no, client_id, client_secret) VALUES (1, $1, $2) ON CONFLICT (no) DO NOTHING";
    writing!(database, pool => {
        sqlx::query(insert).bind(new.client_id).bind(new.client_secret).execute(pool).await.map(drop)
    })?;
    let select = "SELECT client_id, client_secret FROM client WHERE no = 1";
    reading!(database, pool => sqlx::query_as(select).fetch_one(pool).await)
}

/// Writes what is there already, to see whether that can be done.
pub(crate) async fn touch(database: &Database) -> sqlx::Result<()> {
    let update = "UPDATE client SET client_id = client_id";
    writing!(database, pool => sqlx::query(update).execute(pool).await.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;

    #[tokio::test]
    async fn an_instance_s_client_is_made_once() {
        for trial in trial::databases().await {
            let client = |text: &str| Client { client_id: text.into(), client_secret: text.into() };
            let database = &trial.database;
            assert_eq!(ensure(database, client("one")).await.unwrap(), client("one"));
            assert_eq!(ensure(database, client("two")).await.unwrap(), client("one"));
        }
    }
}
