//! The table `users`, and with each user the account, its handle and its first channel.

use crate::database::{Database, is_taken, reading, record, writing};
use crate::field::{Email, Username};
use crate::role::Role;

record! {
    /// Who may come in, and how far.
    #[derive(Debug, Clone)]
    pub(crate) struct User {
        id: i64,
        username: String,
        email: Option<String>,
        role: Role,
        password_hash: String,
        video_quota: i64,
        video_quota_daily: i64,
        blocked: bool,
        blocked_reason: Option<String>,
        preferences: String,
        created_at: i64,
        last_login_at: Option<i64>,
        email_verified: Option<bool>,
        pending_email: Option<String>,
        /// Sealed; whoever has one needs a code to come in.
        otp_secret: Option<String>,
    }
}

/// What a new user begins with.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    pub(crate) username: Username,
    pub(crate) email: Option<Email>,
    /// `None`: nobody asked whether they read what is sent there.
    pub(crate) email_verified: Option<bool>,
    pub(crate) display_name: String,
    pub(crate) role: Role,
    pub(crate) password_hash: String,
    pub(crate) video_quota: i64,
    pub(crate) video_quota_daily: i64,
    /// JSON.
    pub(crate) preferences: String,
}

/// Why a user can't be made: the name's or address's other owner, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("that username or e-mail address is taken")]
    Taken,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Makes a user with handle, account and a first channel, or nothing of it; returns the user's id.
pub(crate) async fn create(
    database: &Database,
    now_ms: i64,
    new: NewUser,
) -> Result<i64, CreateError> {
    let name = new.username.as_str();
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Written first: SQLite then waits for other writers now, instead of failing half-way.
        let handle: (i64,) = sqlx::query_as("INSERT INTO handle (name) VALUES ($1) RETURNING id")
            .bind(name)
            .fetch_one(&mut *work)
            .await
            .map_err(or_taken)?;
        let user: (i64,) = sqlx::query_as(INSERT_USER)
            .bind(name)
            .bind(new.email.as_ref().map(Email::as_str))
            .bind(new.role.id())
            .bind(&new.password_hash)
            .bind(new.video_quota)
            .bind(new.video_quota_daily)
            .bind(&new.preferences)
            .bind(now_ms)
            .bind(new.email_verified)
            .fetch_one(&mut *work)
            .await
            .map_err(or_taken)?;
        sqlx::query(INSERT_ACCOUNT)
            .bind(handle.0)
            .bind(user.0)
            .bind(&new.display_name)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        let mut channel: Option<(i64,)> = None;
        for handle in first_handles(name) {
            channel = sqlx::query_as(INSERT_HANDLE_UNLESS_TAKEN)
                .bind(handle)
                .fetch_optional(&mut *work)
                .await?;
            if channel.is_some() {
                break;
            }
        }
        let channel = channel.ok_or(CreateError::Taken)?;
        sqlx::query(INSERT_CHANNEL)
            .bind(channel.0)
            .bind(handle.0)
            .bind(format!("Main {name} channel"))
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        sqlx::query(super::channel::COUNT).bind(1_i64).execute(&mut *work).await?;
        sqlx::query(COUNT).bind(1_i64).execute(&mut *work).await?;
        work.commit().await?;
        Ok(user.0)
    })
}

/// A user by what they log in with: their name, or their e-mail address, which has an @ that no name has.
pub(crate) async fn by_login(database: &Database, login: &str) -> sqlx::Result<Option<User>> {
    // PostgreSQL knows no such character, and nobody's name has it.
    if login.contains('\0') {
        return Ok(None);
    }
    let login = login.to_ascii_lowercase();
    let select = if login.contains('@') { BY_EMAIL } else { BY_NAME };
    reading!(database, pool => sqlx::query_as(select).bind(login).fetch_optional(pool).await)
}

/// A user by their id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<User>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// The role of an account's user.
pub(crate) async fn role_of_account(
    database: &Database,
    account_id: i64,
) -> sqlx::Result<Option<Role>> {
    let select =
        "SELECT role FROM users JOIN account ON account.user_id = users.id WHERE account.id = $1";
    let found: Option<(Role,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(account_id).fetch_optional(pool).await
    })?;
    Ok(found.map(|found| found.0))
}

/// Whether anybody has this role. It may look at all users, so it is asked at the start alone.
pub(crate) async fn is_any(database: &Database, role: Role) -> sqlx::Result<bool> {
    Ok(first(database, role).await?.is_some())
}

/// The id of whoever has this role longest. It may look at all users, too.
pub(crate) async fn first(database: &Database, role: Role) -> sqlx::Result<Option<i64>> {
    let select = "SELECT id FROM users WHERE role = $1 ORDER BY id LIMIT 1";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(role.id()).fetch_optional(pool).await
    })?;
    Ok(found.map(|found| found.0))
}

/// Whether anybody but this one is administrator, and can come in. It may look at all users, too.
pub(crate) async fn is_another_administrator(database: &Database, id: i64) -> sqlx::Result<bool> {
    let select = "SELECT id FROM users WHERE role = 0 AND NOT blocked AND id <> $1 LIMIT 1";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(id).fetch_optional(pool).await
    })?;
    Ok(found.is_some())
}

/// Notes that a user logged in; false if the password that they showed isn't theirs any more, or they are blocked.
pub(crate) async fn note_login(
    database: &Database,
    id: i64,
    password_hash: &str,
    now_ms: i64,
) -> sqlx::Result<bool> {
    let update =
        "UPDATE users SET last_login_at = $3 WHERE id = $1 AND password_hash = $2 AND NOT blocked";
    let done = writing!(database, pool => {
        let done = sqlx::query(update).bind(id).bind(password_hash).bind(now_ms).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Sets another password and ends all sessions but one, or all; what was sent to open anything opens nothing any more, and
/// no other address is wanted: a letter that has yet to go isn't sent.
pub(crate) async fn set_password(
    database: &Database,
    id: i64,
    password_hash: &str,
    kept_session: Option<i64>,
) -> sqlx::Result<()> {
    exchange_password(database, id, None, password_hash, kept_session).await.map(drop)
}

/// The same in place of the password that its user has just shown; false if there is another one by now.
pub(crate) async fn replace_password(
    database: &Database,
    id: i64,
    former_hash: &str,
    password_hash: &str,
    kept_session: Option<i64>,
) -> sqlx::Result<bool> {
    exchange_password(database, id, Some(former_hash), password_hash, kept_session).await
}

async fn exchange_password(
    database: &Database,
    id: i64,
    former_hash: Option<&str>,
    password_hash: &str,
    kept_session: Option<i64>,
) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let set = sqlx::query(SET_PASSWORD).bind(id).bind(password_hash).bind(former_hash);
        if set.execute(&mut *work).await?.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM session WHERE user_id = $1 AND id <> $2")
            .bind(id)
            .bind(kept_session.unwrap_or(NO_SESSION))
            .execute(&mut *work)
            .await?;
        sqlx::query("DELETE FROM ticket WHERE user_id = $1").bind(id).execute(&mut *work).await?;
        work.commit().await.map(|()| true)
    })
}

/// Sets another e-mail address, of which nobody has shown yet that they read what is sent there.
pub(crate) async fn set_email(
    database: &Database,
    id: i64,
    email: &Email,
) -> Result<(), CreateError> {
    let update =
        "UPDATE users SET email = $2, email_verified = NULL, pending_email = NULL WHERE id = $1";
    writing!(database, pool => {
        let done = sqlx::query(update).bind(id).bind(email.as_str()).execute(pool).await;
        done.map(drop).map_err(or_taken)
    })
}

/// Notes the address that somebody wants, until they have shown that they read what is sent there; or that they want none.
pub(crate) async fn set_pending_email(
    database: &Database,
    id: i64,
    email: Option<&Email>,
) -> sqlx::Result<()> {
    let update = "UPDATE users SET pending_email = $2 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(email.map(Email::as_str)).execute(pool).await.map(drop)
    })
}

/// Sets the sealed secret that codes are made of, or takes the second factor away; no code was used yet.
pub(crate) async fn set_otp_secret(
    database: &Database,
    id: i64,
    secret: Option<&str>,
) -> sqlx::Result<()> {
    let update = "UPDATE users SET otp_secret = $2, otp_step = NULL WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(secret).execute(pool).await.map(drop)
    })
}

/// Uses up the code of a half minute, and all before it; false if it is used up already.
pub(crate) async fn use_otp_step(database: &Database, id: i64, step: i64) -> sqlx::Result<bool> {
    let update =
        "UPDATE users SET otp_step = $2 WHERE id = $1 AND (otp_step IS NULL OR otp_step < $2)";
    let done = writing!(database, pool => {
        let done = sqlx::query(update).bind(id).bind(step).execute(pool).await;
        done.map(|done| done.rows_affected())
    })?;
    Ok(done == 1)
}

/// Sets the preferences' JSON.
pub(crate) async fn set_preferences(
    database: &Database,
    id: i64,
    preferences: &str,
) -> sqlx::Result<()> {
    let update = "UPDATE users SET preferences = $2 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(preferences).execute(pool).await.map(drop)
    })
}

/// A page of all users, the newest first.
pub(crate) async fn page(database: &Database, start: i64, count: i64) -> sqlx::Result<Vec<User>> {
    reading!(database, pool => {
        sqlx::query_as(PAGE).bind(count).bind(start).fetch_all(pool).await
    })
}

/// Keeps a user out, and ends their sessions; or lets them in again.
pub(crate) async fn set_blocked(
    database: &Database,
    id: i64,
    is_blocked: bool,
    reason: Option<&str>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        sqlx::query("UPDATE users SET blocked = $2, blocked_reason = $3 WHERE id = $1")
            .bind(id)
            .bind(is_blocked)
            .bind(reason)
            .execute(&mut *work)
            .await?;
        if is_blocked {
            let delete = "DELETE FROM session WHERE user_id = $1";
            sqlx::query(delete).bind(id).execute(&mut *work).await?;
        }
        work.commit().await
    })
}

/// Sets what a user may do and keep; `None` leaves it as it is.
pub(crate) async fn set_rights(
    database: &Database,
    id: i64,
    role: Option<Role>,
    video_quota: Option<i64>,
    video_quota_daily: Option<i64>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(SET_RIGHTS)
            .bind(id)
            .bind(role.map(Role::id))
            .bind(video_quota)
            .bind(video_quota_daily)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Takes a user without videos away, with all that is theirs and what they were counted in. Their handles stay nobody's.
pub(crate) async fn delete(database: &Database, id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        for uncount in [UNCOUNT_LIKES, UNCOUNT_DISLIKES, UNCOUNT_SUBSCRIPTIONS, UNCOUNT_CHANNELS] {
            sqlx::query(uncount).bind(id).execute(&mut *work).await?;
        }
        let gone = sqlx::query("DELETE FROM users WHERE id = $1").bind(id);
        let gone = gone.execute(&mut *work).await?.rows_affected() as i64;
        sqlx::query(COUNT).bind(-gone).execute(&mut *work).await?;
        work.commit().await
    })
}

/// What a user's first channel may be called: PeerTube's name for it, else one with a number.
fn first_handles(name: &str) -> impl Iterator<Item = String> {
    let name = &name[..name.len().min(FIRST_HANDLE_FROM)];
    let first = format!("{name}_channel");
    let others = (2..=FIRST_HANDLES).map({
        let first = first.clone();
        move |no| format!("{first}_{no}")
    });
    std::iter::once(first).chain(others)
}

fn or_taken(error: sqlx::Error) -> CreateError {
    if is_taken(&error) { CreateError::Taken } else { error.into() }
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, username, email, role, password_hash, video_quota, video_quota_daily, blocked, ",
            "blocked_reason, preferences, created_at, last_login_at, email_verified, pending_email, otp_secret ",
            "FROM users WHERE ",
            $condition
        )
    };
}

const BY_ID: &str = select!("id = $1");
const BY_NAME: &str = select!("username = $1");
const BY_EMAIL: &str = select!("email = $1");

pub(super) const PAGE: &str = select!("TRUE ORDER BY id DESC LIMIT $1 OFFSET $2");

const SET_PASSWORD: &str = "UPDATE users SET password_hash = $2, pending_email = NULL \
                            WHERE id = $1 AND password_hash = COALESCE(CAST($3 AS TEXT), password_hash)";

const SET_RIGHTS: &str = "UPDATE users SET role = COALESCE($2, role), video_quota = COALESCE($3, video_quota), \
                          video_quota_daily = COALESCE($4, video_quota_daily) WHERE id = $1";

const UNCOUNT_LIKES: &str = "UPDATE video SET likes = likes - 1 WHERE id IN (SELECT video_id FROM rate WHERE user_id = $1 AND is_like = TRUE)";
const UNCOUNT_DISLIKES: &str = "UPDATE video SET dislikes = dislikes - 1 WHERE id IN (SELECT video_id FROM rate WHERE user_id = $1 AND is_like = FALSE)";
const UNCOUNT_SUBSCRIPTIONS: &str = "UPDATE channel SET subscribers = subscribers - 1 WHERE id IN (SELECT channel_id FROM subscription WHERE user_id = $1)";
const UNCOUNT_CHANNELS: &str = "UPDATE tally SET videos = videos - (SELECT COUNT(*) FROM channel JOIN account ON account.id = account_id WHERE user_id = $1) WHERE kind = 'channels' AND value = ''";

const INSERT_USER: &str = "INSERT INTO users (username, email, role, password_hash, video_quota, video_quota_daily, blocked, preferences, \
     created_at, email_verified) VALUES ($1, $2, $3, $4, $5, $6, FALSE, $7, $8, $9) RETURNING id";

/// How many users there are.
const COUNT: &str = "INSERT INTO tally (kind, value, videos, nsfw) VALUES ('users', '', $1, 0) \
                     ON CONFLICT (kind, value) DO UPDATE SET videos = tally.videos + excluded.videos";

const INSERT_ACCOUNT: &str = "INSERT INTO account (id, user_id, display_name, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)";

const INSERT_HANDLE_UNLESS_TAKEN: &str =
    "INSERT INTO handle (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING id";

const INSERT_CHANNEL: &str = "INSERT INTO channel (id, account_id, display_name, subscribers, created_at, updated_at) VALUES ($1, $2, $3, 0, $4, $4)";

/// Of a user's name in their first channel's, so that both fit: a handle has 50 characters.
const FIRST_HANDLE_FROM: usize = 38;

/// Names that are tried for it before the user is refused.
const FIRST_HANDLES: u32 = 20;

/// Ids begin at 1.
const NO_SESSION: i64 = 0;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::preferences::Preferences;
    use crate::table::account;

    /// A user as the tests of all tables need one.
    pub(crate) fn new(name: &str, email: Option<&str>) -> NewUser {
        NewUser {
            username: Username::parse(name).unwrap(),
            email: email.map(|email| Email::parse(email).unwrap()),
            email_verified: None,
            display_name: "Alice Liddell".to_owned(),
            role: Role::Moderator,
            password_hash: "hash".to_owned(),
            video_quota: 7 << 40,
            video_quota_daily: -1,
            preferences: Preferences::default().json(),
        }
    }

    #[tokio::test]
    async fn a_user_is_made_whole_or_not_at_all() {
        for trial in trial::databases().await {
            let database = &trial.database;
            assert!(!is_any(database, Role::Moderator).await.unwrap());
            let id = create(database, 5, new("alice", Some("Alice@example.org"))).await.unwrap();
            assert!(is_any(database, Role::Moderator).await.unwrap());
            assert!(!is_any(database, Role::Administrator).await.unwrap());
            for taken in [new("alice", None), new("bob", Some("alice@example.org"))] {
                let refused = create(database, 6, taken).await;
                assert!(matches!(refused, Err(CreateError::Taken)), "{refused:?}");
            }
            // The second of them got as far as its handle, which must be free again.
            let bob = create(database, 7, new("bob", None)).await.unwrap();
            create(database, 8, new("without.mail", None)).await.unwrap();
            assert!(bob > id);
            let account = account::of_user(database, id).await.unwrap();
            assert_eq!(
                account.map(|account| account.display_name).as_deref(),
                Some("Alice Liddell")
            );
        }
    }

    #[tokio::test]
    async fn a_user_is_found_by_name_and_by_address() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = create(database, 5, new("alice", Some("alice@example.org"))).await.unwrap();
            for login in ["alice", "Alice", "ALICE@example.org"] {
                let user = by_login(database, login).await.unwrap().unwrap();
                assert_eq!((user.id, user.role, user.blocked), (id, Role::Moderator, false));
                assert_eq!((user.video_quota, user.last_login_at), (7 << 40, None));
            }
            for login in ["bob", "", "' OR 1=1 --", "alice@example.com", "a%", "@"] {
                assert!(by_login(database, login).await.unwrap().is_none(), "{login}");
            }
            assert!(by_id(database, id + 1).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn what_a_user_changes_is_kept() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = create(database, 5, new("alice", None)).await.unwrap();
            create(database, 5, new("bob", Some("bob@example.org"))).await.unwrap();
            assert!(note_login(database, id, "hash", 9).await.unwrap());
            set_password(database, id, "other", None).await.unwrap();
            assert!(!note_login(database, id, "hash", 10).await.unwrap());
            set_preferences(database, id, "{}").await.unwrap();
            let email = Email::parse("alice@example.org").unwrap();
            set_email(database, id, &email).await.unwrap();
            let taken = set_email(database, id, &Email::parse("bob@example.org").unwrap()).await;
            assert!(matches!(taken, Err(CreateError::Taken)));
            let user = by_id(database, id).await.unwrap().unwrap();
            assert_eq!((user.last_login_at, &*user.password_hash), (Some(9), "other"));
            assert_eq!(
                (user.email.as_deref(), &*user.preferences),
                (Some("alice@example.org"), "{}")
            );
        }
    }
}
