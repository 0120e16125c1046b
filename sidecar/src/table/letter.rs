//! The table `letter`: mail that is to go out, in the order in which it may.

use crate::database::{Database, reading, record, writing};
use crate::limits::LETTERS;

/// What a letter is about; the database's word for it is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Whoever opened an account shall show that the address is theirs.
    Verify,
    /// The same of the address that a user wants instead.
    Change,
    /// The same of who asks for an account.
    Applicant,
    /// Somebody has forgotten their password.
    Reset,
    /// A moderator lets somebody in.
    Accepted,
    /// A moderator doesn't.
    Refused,
}

record! {
    /// A letter, and whom it is about.
    #[derive(Debug, Clone)]
    pub(crate) struct Letter {
        id: i64,
        kind: String,
        user_id: Option<i64>,
        registration_id: Option<i64>,
        address: String,
        language: String,
        attempts: i64,
    }
}

/// A letter to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewLetter<'a> {
    pub(crate) kind: Kind,
    pub(crate) user_id: Option<i64>,
    pub(crate) registration_id: Option<i64>,
    pub(crate) address: &'a str,
    pub(crate) language: &'a str,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Verify => "verify",
            Kind::Change => "change",
            Kind::Applicant => "applicant",
            Kind::Reset => "reset",
            Kind::Accepted => "accepted",
            Kind::Refused => "refused",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Kind> {
        let all = [
            Kind::Verify,
            Kind::Change,
            Kind::Applicant,
            Kind::Reset,
            Kind::Accepted,
            Kind::Refused,
        ];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// Puts a letter at the end; false if so many wait that this one would never go.
pub(crate) async fn post(
    database: &Database,
    now_ms: i64,
    new: NewLetter<'_>,
) -> sqlx::Result<bool> {
    let waiting: (i64,) =
        reading!(database, pool => sqlx::query_as(WAITING).bind(LETTERS).fetch_one(pool).await)?;
    if waiting.0 >= LETTERS {
        return Ok(false);
    }
    writing!(database, pool => {
        sqlx::query(INSERT)
            .bind(new.kind.name())
            .bind(new.user_id)
            .bind(new.registration_id)
            .bind(new.address)
            .bind(new.language)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(drop)
    })?;
    Ok(true)
}

/// Takes the letter that is due longest, which nobody else gets before `again_at` of its attempts so far.
pub(crate) async fn take(
    database: &Database,
    now_ms: i64,
    lease_ms: i64,
) -> sqlx::Result<Option<Letter>> {
    writing!(database, pool => {
        sqlx::query_as(TAKE).bind(now_ms).bind(now_ms + lease_ms).fetch_optional(pool).await
    })
}

/// Has all letters be tried at once, also those that a killed process was sending.
pub(crate) async fn take_back(database: &Database, now_ms: i64) -> sqlx::Result<()> {
    let update = "UPDATE letter SET due_at = $1 WHERE due_at > $1";
    writing!(database, pool => sqlx::query(update).bind(now_ms).execute(pool).await.map(drop))
}

/// Has a letter wait until it is tried again.
pub(crate) async fn put_off(database: &Database, id: i64, due_at: i64) -> sqlx::Result<()> {
    let update = "UPDATE letter SET due_at = $2 WHERE id = $1";
    writing!(database, pool => sqlx::query(update).bind(id).bind(due_at).execute(pool).await.map(drop))
}

/// Forgets a letter that is sent, or that nobody can send.
pub(crate) async fn remove(database: &Database, id: i64) -> sqlx::Result<()> {
    let delete = "DELETE FROM letter WHERE id = $1";
    writing!(database, pool => sqlx::query(delete).bind(id).execute(pool).await.map(drop))
}

const WAITING: &str = "SELECT COUNT(*) FROM (SELECT 1 FROM letter LIMIT $1) AS waiting";

const INSERT: &str = "INSERT INTO letter (kind, user_id, registration_id, address, language, attempts, due_at, created_at) \
                      VALUES ($1, $2, $3, $4, $5, 0, $6, $6)";

const TAKE: &str = "UPDATE letter SET attempts = attempts + 1, due_at = $2 WHERE due_at <= $1 AND id = \
                    (SELECT id FROM letter WHERE due_at <= $1 ORDER BY due_at, id LIMIT 1) \
                    RETURNING id, kind, user_id, registration_id, address, language, attempts";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;

    fn new(address: &str) -> NewLetter<'_> {
        let kind = Kind::Reset;
        NewLetter { kind, user_id: None, registration_id: None, address, language: "en" }
    }

    #[tokio::test]
    async fn letters_go_in_turn_and_one_at_a_time() {
        for trial in trial::databases().await {
            let database = &trial.database;
            for address in ["a@example.org", "b@example.org"] {
                assert!(post(database, 5, new(address)).await.unwrap());
            }
            assert!(take(database, 4, 10).await.unwrap().is_none());
            let first = take(database, 5, 10).await.unwrap().unwrap();
            let second = take(database, 5, 10).await.unwrap().unwrap();
            assert_eq!((&*first.address, &*second.address), ("a@example.org", "b@example.org"));
            assert_eq!((Kind::named(&first.kind), first.attempts), (Some(Kind::Reset), 1));
            assert!(take(database, 14, 10).await.unwrap().is_none());
            remove(database, first.id).await.unwrap();
            put_off(database, second.id, 99).await.unwrap();
            assert!(take(database, 98, 10).await.unwrap().is_none());
            let again = take(database, 99, 10).await.unwrap().unwrap();
            assert_eq!((again.id, again.attempts), (second.id, 2));
            take_back(database, 100).await.unwrap();
            assert_eq!(take(database, 100, 10).await.unwrap().unwrap().attempts, 3);
        }
    }

    #[tokio::test]
    async fn a_flood_of_letters_ends() {
        let [trial, _] = trial::databases().await;
        let database = &trial.database;
        let fill = "WITH RECURSIVE n (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n WHERE no < $1) \
                    INSERT INTO letter (kind, address, language, attempts, due_at, created_at) \
                    SELECT 'reset', 'a@example.org', 'en', 0, 5, 5 FROM n";
        writing!(database, pool => sqlx::query(fill).bind(LETTERS).execute(pool).await.map(drop))
            .unwrap();
        assert!(!post(database, 5, new("b@example.org")).await.unwrap());
    }
}
