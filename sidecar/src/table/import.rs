//! The table `import`: videos that people have fetched from an address.

use crate::database::{Database, reading, record, writing};
use crate::limits::{IMPORTS_KEPT, IMPORTS_OPEN};

record! {
    /// A video that is, was or will be fetched.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Import {
        id: i64,
        user_id: i64,
        /// Whose quota it counts against.
        account_id: i64,
        url: String,
        /// What the video will be, as JSON.
        video: String,
        upload_id: Option<String>,
        video_id: Option<i64>,
        state: i64,
        validator: Option<String>,
        attempts: i64,
        reason: Option<String>,
        due_at: i64,
        created_at: i64,
        updated_at: i64,
    }
}

/// What a new import begins with.
#[derive(Debug, Clone)]
pub(crate) struct NewImport {
    pub(crate) user_id: i64,
    pub(crate) account_id: i64,
    pub(crate) url: String,
    pub(crate) video: String,
}

/// How far an import is, as PeerTube numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportState {
    Waiting,
    Done,
    Failed,
    Cancelled,
    Fetching,
}

impl ImportState {
    pub(crate) fn id(self) -> i64 {
        match self {
            ImportState::Waiting => 1,
            ImportState::Done => 2,
            ImportState::Failed => 3,
            ImportState::Cancelled => 5,
            ImportState::Fetching => 6,
        }
    }

    pub(crate) fn parse(id: i64) -> Option<ImportState> {
        let all = [
            ImportState::Waiting,
            ImportState::Done,
            ImportState::Failed,
            ImportState::Cancelled,
            ImportState::Fetching,
        ];
        all.into_iter().find(|state| state.id() == id)
    }

    /// PeerTube's words.
    pub(crate) fn label(self) -> &'static str {
        match self {
            ImportState::Waiting => "Pending",
            ImportState::Done => "Success",
            ImportState::Failed => "Failed",
            ImportState::Cancelled => "Cancelled",
            ImportState::Fetching => "Processing",
        }
    }
}

/// What becomes of an import that was being fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) state: ImportState,
    pub(crate) video_id: Option<i64>,
    pub(crate) reason: Option<String>,
    pub(crate) due_at: i64,
}

/// One time that an import is fetched: it was due then. Whoever stops it and tries it again begins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: i64,
    pub(crate) due_at: i64,
}

impl Run {
    /// Whether it is still this one that fetches the import.
    pub(crate) fn is_on(self, import: &Import) -> bool {
        let now = Run { id: import.id, due_at: import.due_at };
        import.state == ImportState::Fetching.id() && now == self
    }
}

/// Notes an import; `None` if its user has too many under way.
pub(crate) async fn begin(
    database: &Database,
    now_ms: i64,
    new: &NewImport,
) -> sqlx::Result<Option<i64>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Of two at once the second sees what the first did.
        sqlx::query(LOCK).bind(new.user_id).execute(&mut *work).await?;
        let open: (i64,) = sqlx::query_as(OPEN).bind(new.user_id).fetch_one(&mut *work).await?;
        if open.0 >= IMPORTS_OPEN {
            return Ok(None);
        }
        let made: (i64,) = sqlx::query_as(INSERT)
            .bind(new.user_id)
            .bind(new.account_id)
            .bind(&new.url)
            .bind(&new.video)
            .bind(now_ms)
            .fetch_one(&mut *work)
            .await?;
        sqlx::query(MAKE_ROOM).bind(new.user_id).bind(IMPORTS_KEPT).execute(&mut *work).await?;
        work.commit().await?;
        Ok(Some(made.0))
    })
}

/// An import, whoever asked for it.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Import>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// A page of a user's imports, the newest first, and how many there are.
pub(crate) async fn of_user(
    database: &Database,
    user_id: i64,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Import>)> {
    reading!(database, pool => {
        let total: (i64,) = sqlx::query_as(TOTAL).bind(user_id).fetch_one(pool).await?;
        let page = sqlx::query_as(OF_USER)
            .bind(user_id)
            .bind(count)
            .bind(start)
            .fetch_all(pool)
            .await?;
        Ok((total.0, page))
    })
}

/// Takes the import that waits longest and is due, of a user of whom none is being fetched.
pub(crate) async fn claim(database: &Database, now_ms: i64) -> sqlx::Result<Option<Import>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let due: Option<Import> =
            sqlx::query_as(DUE).bind(now_ms).fetch_optional(&mut *work).await?;
        let Some(due) = due else { return Ok(None) };
        let taken = sqlx::query(TAKE).bind(due.id).bind(now_ms).execute(&mut *work).await?;
        work.commit().await?;
        Ok((taken.rows_affected() > 0)
            .then(|| Import { attempts: due.attempts + 1, state: 6, ..due }))
    })
}

/// Notes to which upload an import is fetched, and by what the other host knows the file again; false if it isn't fetched
/// any more.
pub(crate) async fn note_upload(
    database: &Database,
    now_ms: i64,
    run: Run,
    upload_id: Option<&str>,
    validator: Option<&str>,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(NOTE)
            .bind(run.id)
            .bind(upload_id)
            .bind(validator)
            .bind(now_ms)
            .bind(run.due_at)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Sets what became of an import that was being fetched; false if it isn't any more.
pub(crate) async fn settle(
    database: &Database,
    now_ms: i64,
    run: Run,
    next: &Next,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(SETTLE)
            .bind(run.id)
            .bind(next.state.id())
            .bind(next.video_id)
            .bind(&next.reason)
            .bind(next.due_at)
            .bind(now_ms)
            .bind(run.due_at)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Moves an import on that is in one of two states; false if it is in none of them, or is to wait where too many do.
pub(crate) async fn turn(
    database: &Database,
    now_ms: i64,
    id: i64,
    from: [ImportState; 2],
    to: ImportState,
) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(TURN)
            .bind(id)
            .bind(from[0].id())
            .bind(from[1].id())
            .bind(to.id())
            .bind(now_ms)
            .bind(IMPORTS_OPEN)
            .execute(pool)
            .await
            .map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Has those wait again that a process was fetching which is gone.
pub(crate) async fn take_back(database: &Database) -> sqlx::Result<()> {
    writing!(database, pool => sqlx::query(TAKE_BACK).execute(pool).await.map(drop))
}

/// Forgets an import that nothing will become of any more; false if there is none.
pub(crate) async fn delete(database: &Database, id: i64) -> sqlx::Result<bool> {
    let done = writing!(database, pool => {
        sqlx::query(DELETE).bind(id).execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, account_id, url, video, upload_id, video_id, state, validator, attempts, reason, due_at, \
             created_at, updated_at FROM import WHERE ",
            $condition
        )
    };
}

const BY_ID: &str = select!("id = $1");
const OF_USER: &str = select!("user_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3");
/// Two hosts that are slow could else keep everybody waiting for one user's sake.
const DUE: &str = select!(
    "state = 1 AND due_at <= $1 AND user_id NOT IN (SELECT user_id FROM import WHERE state = 6) ORDER BY due_at, id LIMIT 1"
);
const TOTAL: &str = "SELECT COUNT(*) FROM import WHERE user_id = $1";
const LOCK: &str = "UPDATE users SET created_at = created_at WHERE id = $1";
const OPEN: &str = "SELECT COUNT(*) FROM import WHERE user_id = $1 AND state IN (1, 6)";
const INSERT: &str = "INSERT INTO import (user_id, account_id, url, video, state, attempts, due_at, created_at, updated_at) \
                      VALUES ($1, $2, $3, $4, 1, 0, $5, $5, $5) RETURNING id";
const MAKE_ROOM: &str = "DELETE FROM import WHERE user_id = $1 AND state IN (2, 3, 5) AND id <= \
                         (SELECT id FROM import WHERE user_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
const TAKE: &str = "UPDATE import SET state = 6, attempts = attempts + 1, updated_at = $2 WHERE id = $1 AND state = 1";
const NOTE: &str = "UPDATE import SET upload_id = $2, validator = $3, updated_at = $4 \
                    WHERE id = $1 AND state = 6 AND due_at = $5";
const SETTLE: &str = "UPDATE import SET state = $2, video_id = $3, reason = $4, due_at = $5, updated_at = $6 \
                      WHERE id = $1 AND state = 6 AND due_at = $7";
const TURN: &str = "UPDATE import SET state = $4, reason = NULL, attempts = 0, updated_at = $5, \
                    due_at = CASE WHEN $4 <> 1 THEN due_at WHEN due_at = $5 THEN $5 + 1 ELSE $5 END \
                    WHERE id = $1 AND state IN ($2, $3) AND ($4 <> 1 OR $6 > \
                    (SELECT COUNT(*) FROM import AS open WHERE open.user_id = import.user_id AND open.state IN (1, 6)))";
const TAKE_BACK: &str = "UPDATE import SET state = 1 WHERE state = 6";
const DELETE: &str = "DELETE FROM import WHERE id = $1 AND state IN (2, 3, 5)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::upload::tests::sender;

    fn new((user_id, account_id, _): (i64, i64, i64)) -> NewImport {
        let url = "https://example.org/sea.mp4".to_owned();
        NewImport { user_id, account_id, url, video: "{}".to_owned() }
    }

    #[tokio::test]
    async fn an_import_is_taken_once_and_settled_once() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let id = begin(database, 10, &new(alice)).await.unwrap().unwrap();
            assert_eq!(claim(database, 9).await.unwrap(), None, "not due yet");
            let taken = claim(database, 10).await.unwrap().unwrap();
            assert_eq!((taken.id, taken.attempts, taken.state), (id, 1, 6));
            assert_eq!(claim(database, 10).await.unwrap(), None);
            let (run, other) = (Run { id, due_at: 10 }, Run { id, due_at: 9 });
            assert!(!note_upload(database, 11, other, Some("w"), None).await.unwrap());
            assert!(note_upload(database, 11, run, Some("u"), Some("\"v\"")).await.unwrap());
            let due_at = 20;
            let again = Next { state: ImportState::Waiting, video_id: None, reason: None, due_at };
            let import = by_id(database, id).await.unwrap().unwrap();
            assert!(run.is_on(&import) && !other.is_on(&import));
            assert!(!settle(database, 12, other, &again).await.unwrap());
            assert!(settle(database, 12, run, &again).await.unwrap());
            assert!(!settle(database, 12, run, &again).await.unwrap());
            assert!(!run.is_on(&by_id(database, id).await.unwrap().unwrap()));
            let taken = claim(database, 20).await.unwrap().unwrap();
            assert_eq!((taken.attempts, taken.upload_id.as_deref()), (2, Some("u")));
            take_back(database).await.unwrap();
            assert_eq!(claim(database, 20).await.unwrap().unwrap().attempts, 3);
        }
    }

    #[tokio::test]
    async fn an_import_is_cancelled_tried_again_and_forgotten() {
        use ImportState::{Cancelled, Failed, Fetching, Waiting};
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let id = begin(database, 10, &new(alice)).await.unwrap().unwrap();
            let cancel = async || turn(database, 11, id, [Waiting, Fetching], Cancelled).await;
            assert!(!delete(database, id).await.unwrap(), "it is under way");
            assert!(cancel().await.unwrap() && !cancel().await.unwrap());
            assert_eq!(claim(database, 20).await.unwrap(), None);
            assert!(turn(database, 12, id, [Failed, Cancelled], Waiting).await.unwrap());
            assert_eq!(claim(database, 20).await.unwrap().unwrap().attempts, 1);
            assert!(cancel().await.unwrap() && delete(database, id).await.unwrap());
            assert_eq!(by_id(database, id).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn one_of_each_user_is_fetched_at_once() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let (alice, bob) = (sender(database, "alice").await, sender(database, "bob").await);
            let mut begun = Vec::new();
            for owner in [alice, alice, bob] {
                begun.push(begin(database, 10, &new(owner)).await.unwrap().unwrap());
            }
            let claim = async || claim(database, 20).await.unwrap().map(|import| import.id);
            assert_eq!((claim().await, claim().await), (Some(begun[0]), Some(begun[2])));
            assert_eq!(claim().await, None);
        }
    }

    #[tokio::test]
    async fn a_user_has_only_so_many_imports() {
        use ImportState::{Cancelled, Failed, Fetching, Waiting};
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            for _ in 0..IMPORTS_OPEN {
                assert!(begin(database, 10, &new(alice)).await.unwrap().is_some());
            }
            assert_eq!(begin(database, 10, &new(alice)).await.unwrap(), None);
            let id = of_user(database, alice.0, 0, 1).await.unwrap().1[0].id;
            let retry =
                async || turn(database, 12, id, [Failed, Cancelled], Waiting).await.unwrap();
            let cancel =
                async |id| turn(database, 11, id, [Waiting, Fetching], Cancelled).await.unwrap();
            assert!(cancel(id).await);
            let other = begin(database, 11, &new(alice)).await.unwrap().unwrap();
            assert!(!retry().await, "too many are under way");
            assert!(cancel(other).await && retry().await);
            assert!(delete(database, other).await.unwrap());
            let (total, page) = of_user(database, alice.0, 1, 2).await.unwrap();
            assert_eq!((total, page.len()), (IMPORTS_OPEN, 2));
            assert!(page[0].id > page[1].id);
        }
    }
}
