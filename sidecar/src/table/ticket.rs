//! The table `ticket`: what lets somebody do one thing, once, within some time. Only hashes are here.

use crate::database::{Database, is_taken, reading, record, writing};

/// What a ticket is for; the database's word for it is its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To show that a user's address is theirs.
    Verify,
    /// The same of the one that they want instead.
    Change,
    /// The same of who asks for an account.
    Applicant,
    /// To set another password.
    Reset,
    /// To turn the second factor on.
    Factor,
    /// To come in with a code after the password.
    Login,
}

record! {
    /// Whose ticket it is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Ticket {
        user_id: Option<i64>,
        registration_id: Option<i64>,
        about: String,
    }
}

/// Why a ticket isn't used: it is none, the address is somebody else's now, or the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UseError {
    #[error("the ticket is used, too old, or none")]
    Void,
    #[error("the address is another user's")]
    Taken,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Verify => "verify",
            Purpose::Change => "change",
            Purpose::Applicant => "applicant",
            Purpose::Reset => "reset",
            Purpose::Factor => "factor",
            Purpose::Login => "login",
        }
    }
}

/// Makes a ticket out, and forgets those whose time is over.
pub(crate) async fn issue(
    database: &Database,
    now_ms: i64,
    hash: &str,
    purpose: Purpose,
    ticket: &Ticket,
    expires_at: i64,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query("DELETE FROM ticket WHERE expires_at <= $1")
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        sqlx::query(INSERT)
            .bind(hash)
            .bind(purpose.name())
            .bind(ticket.user_id)
            .bind(ticket.registration_id)
            .bind(&ticket.about)
            .bind(expires_at)
            .execute(&mut *work)
            .await?;
        work.commit().await
    })
}

/// Looks at a ticket that is still good, without using it up.
pub(crate) async fn look(
    database: &Database,
    now_ms: i64,
    hash: &str,
    purpose: Purpose,
) -> sqlx::Result<Option<Ticket>> {
    reading!(database, pool => {
        sqlx::query_as(LOOK).bind(hash).bind(purpose.name()).bind(now_ms).fetch_optional(pool).await
    })
}

/// Uses a ticket up; false if somebody was faster.
pub(crate) async fn tear(database: &Database, hash: &str) -> sqlx::Result<bool> {
    let delete = "DELETE FROM ticket WHERE hash = $1";
    let done = writing!(database, pool => {
        let done = sqlx::query(delete).bind(hash).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Uses a ticket up and notes what it shows: that a user's address, present or wanted, or an applicant's is theirs.
pub(crate) async fn verify(
    database: &Database,
    now_ms: i64,
    hash: &str,
    purpose: Purpose,
) -> Result<(), UseError> {
    let update = match purpose {
        Purpose::Change => CHANGE,
        Purpose::Applicant => VERIFY_APPLICANT,
        _ => VERIFY,
    };
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let torn: Option<(Option<i64>, Option<i64>, String)> = sqlx::query_as(TEAR)
            .bind(hash)
            .bind(purpose.name())
            .bind(now_ms)
            .fetch_optional(&mut *work)
            .await?;
        let (user_id, registration_id, about) = torn.ok_or(UseError::Void)?;
        let whose = user_id.or(registration_id).ok_or(UseError::Void)?;
        let done = sqlx::query(update).bind(whose).bind(about).execute(&mut *work).await;
        let done = done.map_err(|error| if is_taken(&error) { UseError::Taken } else { error.into() })?;
        if done.rows_affected() == 0 {
            return Err(UseError::Void);
        }
        if purpose == Purpose::Applicant {
            // Who was let in before they followed the link.
            sqlx::query(VERIFY_ACCEPTED).bind(whose).execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(())
    })
}

/// Uses a ticket up and sets the password; all sessions and other tickets of that user end with it.
pub(crate) async fn reset(
    database: &Database,
    now_ms: i64,
    hash: &str,
    password_hash: &str,
) -> Result<(), UseError> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let torn: Option<(Option<i64>, Option<i64>, String)> = sqlx::query_as(TEAR)
            .bind(hash)
            .bind(Purpose::Reset.name())
            .bind(now_ms)
            .fetch_optional(&mut *work)
            .await?;
        let (user_id, _, address) = torn.ok_or(UseError::Void)?;
        let set = sqlx::query(SET_PASSWORD).bind(user_id).bind(password_hash).bind(address);
        if set.execute(&mut *work).await?.rows_affected() == 0 {
            return Err(UseError::Void);
        }
        for delete in ["DELETE FROM session WHERE user_id = $1", "DELETE FROM ticket WHERE user_id = $1"] {
            sqlx::query(delete).bind(user_id).execute(&mut *work).await?;
        }
        work.commit().await?;
        Ok(())
    })
}

const INSERT: &str = "INSERT INTO ticket (hash, kind, user_id, registration_id, about, expires_at) \
                      VALUES ($1, $2, $3, $4, $5, $6)";
const LOOK: &str = "SELECT user_id, registration_id, about FROM ticket WHERE hash = $1 AND kind = $2 AND expires_at > $3";
const TEAR: &str = "DELETE FROM ticket WHERE hash = $1 AND kind = $2 AND expires_at > $3 RETURNING user_id, registration_id, about";

/// The address must still be the one that the letter went to, here and below.
const SET_PASSWORD: &str =
    "UPDATE users SET password_hash = $2, pending_email = NULL WHERE id = $1 AND email = $3";
const VERIFY: &str = "UPDATE users SET email_verified = TRUE WHERE id = $1 AND email = $2";
const CHANGE: &str = "UPDATE users SET email = pending_email, pending_email = NULL, email_verified = TRUE \
                      WHERE id = $1 AND pending_email = $2";
const VERIFY_APPLICANT: &str =
    "UPDATE registration SET email_verified = TRUE WHERE id = $1 AND email = $2";
const VERIFY_ACCEPTED: &str = "UPDATE users SET email_verified = TRUE WHERE EXISTS \
                               (SELECT 1 FROM registration AS r WHERE r.id = $1 AND r.user_id = users.id AND r.email = users.email)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial::{self, Trial};
    use crate::field::Email;
    use crate::table::user::{self, User, tests::new};

    async fn issued(trial: &Trial, hash: &str, purpose: Purpose, user_id: i64, about: &str) {
        let ticket =
            Ticket { user_id: Some(user_id), registration_id: None, about: about.to_owned() };
        issue(&trial.database, 5, hash, purpose, &ticket, 100).await.unwrap();
    }

    async fn found(trial: &Trial, id: i64) -> User {
        user::by_id(&trial.database, id).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_ticket_is_good_once_for_one_thing_and_some_time() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = new("alice", Some("alice@example.org"));
            let id = user::create(database, 5, alice).await.unwrap();
            issued(&trial, "h", Purpose::Verify, id, "alice@example.org").await;
            for (now, hash, purpose) in
                [(100, "h", Purpose::Verify), (9, "x", Purpose::Verify), (9, "h", Purpose::Change)]
            {
                let refused = verify(database, now, hash, purpose).await;
                assert!(matches!(refused, Err(UseError::Void)), "{refused:?}");
            }
            assert!(matches!(reset(database, 9, "h", "new").await, Err(UseError::Void)));
            assert_eq!(found(&trial, id).await.email_verified, None);
            verify(database, 99, "h", Purpose::Verify).await.unwrap();
            assert_eq!(found(&trial, id).await.email_verified, Some(true));
            let again = verify(database, 99, "h", Purpose::Verify).await;
            assert!(matches!(again, Err(UseError::Void)));
        }
    }

    #[tokio::test]
    async fn an_address_is_changed_to_the_one_that_was_written_to() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = new("alice", Some("alice@example.org"));
            let id = user::create(database, 5, alice).await.unwrap();
            let bob = new("bob", Some("bob@example.org"));
            user::create(database, 5, bob).await.unwrap();
            let want = async |text: &str| {
                let email = Email::parse(text).unwrap();
                user::set_pending_email(database, id, Some(&email)).await.unwrap();
            };
            want("a@example.org").await;
            issued(&trial, "old", Purpose::Change, id, "a@example.org").await;
            want("b@example.org").await;
            issued(&trial, "new", Purpose::Change, id, "b@example.org").await;
            let late = verify(database, 9, "old", Purpose::Change).await;
            assert!(matches!(late, Err(UseError::Void)));
            verify(database, 9, "new", Purpose::Change).await.unwrap();
            let now = found(&trial, id).await;
            assert_eq!((now.email.as_deref(), now.pending_email), (Some("b@example.org"), None));
            want("bob@example.org").await;
            issued(&trial, "bobs", Purpose::Change, id, "bob@example.org").await;
            let taken = verify(database, 9, "bobs", Purpose::Change).await;
            assert!(matches!(taken, Err(UseError::Taken)));
        }
    }

    #[tokio::test]
    async fn a_reset_ends_all_that_was_open_before() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = new("alice", Some("alice@example.org"));
            let id = user::create(database, 5, alice).await.unwrap();
            issued(&trial, "old", Purpose::Reset, id, "former@example.org").await;
            let stolen = reset(database, 9, "old", "another").await;
            assert!(matches!(stolen, Err(UseError::Void)), "that mailbox is no longer theirs");
            issued(&trial, "one", Purpose::Reset, id, "alice@example.org").await;
            issued(&trial, "two", Purpose::Reset, id, "alice@example.org").await;
            assert!(look(database, 9, "two", Purpose::Reset).await.unwrap().is_some());
            reset(database, 9, "one", "another").await.unwrap();
            assert_eq!(found(&trial, id).await.password_hash, "another");
            assert_eq!(look(database, 9, "two", Purpose::Reset).await.unwrap(), None);
            issued(&trial, "three", Purpose::Login, id, "").await;
            assert!(tear(database, "three").await.unwrap());
            assert!(!tear(database, "three").await.unwrap());
        }
    }
}
