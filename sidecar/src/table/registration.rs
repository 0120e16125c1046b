//! The table `registration`: who asks for an account where a moderator decides.

use crate::database::{Database, is_taken, reading, record, writing};
use crate::field::{Email, Username};
use crate::limits::REGISTRATIONS_WAITING;

/// What becomes of a request; PeerTube's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting = 1,
    Refused = 2,
    Accepted = 3,
}

record! {
    /// A request for an account.
    #[derive(Debug, Clone)]
    pub(crate) struct Registration {
        id: i64,
        username: String,
        email: String,
        password_hash: String,
        display_name: String,
        reason: String,
        state: i64,
        answer: Option<String>,
        user_id: Option<i64>,
        created_at: i64,
        updated_at: i64,
        email_verified: Option<bool>,
        language: String,
    }
}

/// What somebody asks for.
#[derive(Debug, Clone)]
pub(crate) struct NewRegistration {
    pub(crate) username: Username,
    pub(crate) email: Email,
    pub(crate) password_hash: String,
    pub(crate) display_name: String,
    pub(crate) reason: String,
    /// `None`: nobody asks whether they read what is sent there.
    pub(crate) email_verified: Option<bool>,
    /// Which languages they read.
    pub(crate) language: String,
}

/// Why a request isn't taken: the name's other owner, all the others who wait, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("that username or e-mail address is taken")]
    Taken,
    #[error("too many requests for an account wait already")]
    Full,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Notes a request, unless its name or address is a user's or another request's.
pub(crate) async fn ask(
    database: &Database,
    now_ms: i64,
    new: NewRegistration,
) -> Result<i64, AskError> {
    if count(database, State::Waiting).await? >= REGISTRATIONS_WAITING {
        return Err(AskError::Full);
    }
    let inserted: Result<Option<(i64,)>, sqlx::Error> = writing!(database, pool => {
        sqlx::query_as(INSERT)
            .bind(new.username.as_str())
            .bind(new.email.as_str())
            .bind(new.password_hash)
            .bind(new.display_name)
            .bind(new.reason)
            .bind(now_ms)
            .bind(new.email_verified)
            .bind(new.language)
            .fetch_optional(pool)
            .await
    });
    match inserted {
        Ok(Some((id,))) => Ok(id),
        Ok(None) => Err(AskError::Taken),
        Err(error) if is_taken(&error) => Err(AskError::Taken),
        Err(error) => Err(error.into()),
    }
}

/// A request by its id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Registration>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// The request of somebody who isn't a user, by what they would log in with.
pub(crate) async fn by_login(
    database: &Database,
    login: &str,
) -> sqlx::Result<Option<Registration>> {
    if login.contains('\0') {
        return Ok(None);
    }
    let login = login.to_ascii_lowercase();
    let select = if login.contains('@') { BY_EMAIL } else { BY_NAME };
    reading!(database, pool => sqlx::query_as(select).bind(login).fetch_optional(pool).await)
}

/// Requests from the newest on.
pub(crate) async fn list(
    database: &Database,
    start: i64,
    count: i64,
) -> sqlx::Result<Vec<Registration>> {
    reading!(database, pool => {
        sqlx::query_as(LIST).bind(count).bind(start).fetch_all(pool).await
    })
}

/// Requests that wait, from the oldest on.
pub(crate) async fn waiting(database: &Database, count: i64) -> sqlx::Result<Vec<Registration>> {
    reading!(database, pool => {
        sqlx::query_as(WAITING).bind(State::Waiting as i64).bind(count).fetch_all(pool).await
    })
}

/// How many there are of all states.
pub(crate) async fn total(database: &Database) -> sqlx::Result<i64> {
    let mut total = 0;
    for state in [State::Waiting, State::Refused, State::Accepted] {
        total += count(database, state).await?;
    }
    Ok(total)
}

/// Decides about a request that waits; false if none does.
pub(crate) async fn decide(
    database: &Database,
    now_ms: i64,
    id: i64,
    state: State,
    answer: &str,
    user_id: Option<i64>,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(DECIDE)
            .bind(id)
            .bind(state as i64)
            .bind(answer)
            .bind(user_id)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

async fn count(database: &Database, state: State) -> sqlx::Result<i64> {
    let select = "SELECT COUNT(*) FROM registration WHERE state = $1";
    let count: (i64,) = reading!(database, pool => {
        sqlx::query_as(select).bind(state as i64).fetch_one(pool).await
    })?;
    Ok(count.0)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, username, email, password_hash, display_name, reason, state, answer, user_id, created_at, ",
            "updated_at, email_verified, language FROM registration ",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE id = $1");
const BY_NAME: &str = select!("WHERE username = $1");
const BY_EMAIL: &str = select!("WHERE email = $1");
const WAITING: &str = select!("WHERE state = $1 ORDER BY id LIMIT $2");
const LIST: &str = select!("ORDER BY id DESC LIMIT $1 OFFSET $2");

const INSERT: &str = "INSERT INTO registration (username, email, password_hash, display_name, reason, state, created_at, \
                      updated_at, email_verified, language) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), \
                      CAST($5 AS TEXT), 1, CAST($6 AS BIGINT), CAST($6 AS BIGINT), \
                      CAST($7 AS BOOLEAN), CAST($8 AS TEXT) \
                      WHERE NOT EXISTS (SELECT 1 FROM handle WHERE name = $1) \
                      AND NOT EXISTS (SELECT 1 FROM users WHERE email = $2) RETURNING id";

const DECIDE: &str = "UPDATE registration SET state = $2, answer = $3, user_id = $4, updated_at = $5 \
                      WHERE id = $1 AND state = 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::user;

    fn new(name: &str, email: &str) -> NewRegistration {
        NewRegistration {
            username: Username::parse(name).unwrap(),
            email: Email::parse(email).unwrap(),
            password_hash: "hash".to_owned(),
            display_name: name.to_owned(),
            reason: "I film trains".to_owned(),
            email_verified: None,
            language: "en".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_and_not_when_it_is_a_user_s() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let taken = user::tests::new("alice", Some("alice@example.org"));
            user::create(database, 5, taken).await.unwrap();
            ask(database, 5, new("bob", "bob@example.org")).await.unwrap();
            for (name, email) in [
                ("alice", "a@example.org"),
                ("carol", "alice@example.org"),
                ("bob", "b@example.org"),
                ("carol", "bob@example.org"),
            ] {
                let refused = ask(database, 6, new(name, email)).await;
                assert!(matches!(refused, Err(AskError::Taken)), "{name} {email}: {refused:?}");
            }
            assert_eq!(total(database).await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn a_request_is_decided_once() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let bob = ask(database, 5, new("bob", "bob@example.org")).await.unwrap();
            let carol = ask(database, 5, new("carol", "carol@example.org")).await.unwrap();
            let user = user::create(database, 5, user::tests::new("bob", None)).await.unwrap();
            assert!(
                decide(database, 7, bob, State::Accepted, "welcome", Some(user)).await.unwrap()
            );
            assert!(decide(database, 7, carol, State::Refused, "sorry", None).await.unwrap());
            assert!(!decide(database, 8, bob, State::Refused, "no", None).await.unwrap());
            assert!(!decide(database, 8, 99, State::Refused, "no", None).await.unwrap());
            let found = by_id(database, bob).await.unwrap().unwrap();
            assert_eq!((found.state, found.user_id, found.updated_at), (3, Some(user), 7));
            let found = by_login(database, "CAROL@example.org").await.unwrap().unwrap();
            assert_eq!((found.state, found.answer.as_deref()), (2, Some("sorry")));
            let listed = list(database, 0, 1).await.unwrap();
            assert_eq!(listed.iter().map(|one| &*one.username).collect::<Vec<_>>(), ["carol"]);
            assert_eq!(list(database, 1, 9).await.unwrap().len(), 1);
        }
    }
}
