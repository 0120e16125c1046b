//! The table `task`: what is to be fetched from other servers, and how far it is.

use crate::database::sql::{Bound, Sql};
use crate::database::{Database, reading, record, writing};
use crate::federation::site;
use crate::limits::{
    OTHER_TASKS, OTHER_TASKS_OF_SITE, TASK_ATTEMPTS, VIDEO_TASKS, VIDEO_TASKS_OF_SITE,
};
use crate::table::host;

record! {
    /// Something that is to be fetched.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Task {
        id: i64,
        kind: String,
        host: String,
        /// Whose the host is.
        site: String,
        url: String,
        /// Where to go on.
        cursor: Option<String>,
        done: i64,
        total: Option<i64>,
        state: i64,
        attempts: i64,
        reason: Option<String>,
        due_at: i64,
        lease_until: i64,
        created_at: i64,
        updated_at: i64,
    }
}

/// What is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All videos of an actor, from its outbox.
    Backfill,
    /// One video.
    Video,
    /// A comment, and what it answers.
    Note,
    /// Somebody.
    Actor,
    /// What is said below a video.
    Comments,
}

impl Kind {
    /// As the table and logs have it.
    pub(crate) fn word(self) -> &'static str {
        WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |found| found.1)
    }

    pub(crate) fn parse(word: &str) -> Option<Kind> {
        WORDS.iter().find(|(_, known)| *known == word).map(|found| found.0)
    }

    /// How many may wait, and how many of one site.
    fn most(self) -> (i64, i64) {
        match self {
            Kind::Video => (VIDEO_TASKS, VIDEO_TASKS_OF_SITE),
            _ => (OTHER_TASKS, OTHER_TASKS_OF_SITE),
        }
    }
}

#[cfg(test)]
impl Task {
    pub(crate) fn is_done(&self) -> bool {
        self.state == 2
    }
}

/// Notes that something is to be fetched, from its beginning; what waits already goes on waiting. `false` if too much waits of its
/// kind, or of its site.
pub(crate) async fn add(
    database: &Database,
    now_ms: i64,
    kind: Kind,
    host: &str,
    url: &str,
) -> sqlx::Result<bool> {
    let (site, (most, most_of_site)) = (site::of(host), kind.most());
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        host::met!(work, now_ms, host);
        let done = sqlx::query(ADD)
            .bind(kind.word())
            .bind(host)
            .bind(url)
            .bind(now_ms)
            .bind(most)
            .bind(site)
            .bind(most_of_site)
            .execute(&mut *work)
            .await?;
        if done.rows_affected() > 0 {
            work.commit().await?;
        }
        Ok(done.rows_affected() > 0)
    })
}

/// Takes the task that is due longest, of this kind or of any, and of no site that is `busy`, until `lease_until`.
pub(crate) async fn claim(
    database: &Database,
    now_ms: i64,
    lease_until: i64,
    kind: Option<Kind>,
    busy: &[String],
) -> sqlx::Result<Option<Task>> {
    let (text, values) = claiming(now_ms, lease_until, kind, busy).finish();
    writing!(database, pool => {
        let mut query = sqlx::query_as(text);
        for value in values {
            query = match value {
                Bound::Number(number) => query.bind(number),
                Bound::Text(text) => query.bind(text),
            };
        }
        query.fetch_optional(pool).await
    })
}

fn claiming(now_ms: i64, lease_until: i64, kind: Option<Kind>, busy: &[String]) -> Sql {
    let mut sql = Sql::default();
    sql.push("UPDATE task SET attempts = attempts + 1, lease_until = ");
    sql.number(lease_until);
    sql.push(" WHERE lease_until <= ");
    sql.number(now_ms);
    // Of two who look at once, the second finds it taken, and looks again later.
    sql.push(" AND id = (SELECT id FROM task WHERE state = 1 AND due_at <= ");
    sql.number(now_ms);
    sql.push(" AND lease_until <= ");
    sql.number(now_ms);
    if let Some(kind) = kind {
        sql.push(" AND kind = ");
        sql.words(kind.word());
    }
    if !busy.is_empty() {
        sql.push(" AND site NOT IN ");
        sql.one_of(busy.iter().cloned().map(Bound::Text));
    }
    sql.push(" ORDER BY due_at, id LIMIT 1) RETURNING ");
    sql.push(COLUMNS);
    sql
}

/// When the next task is due; `None` if none waits.
pub(crate) async fn next_due(database: &Database) -> sqlx::Result<Option<i64>> {
    let select = "SELECT due_at FROM task WHERE state = 1 ORDER BY due_at LIMIT 1";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).fetch_optional(pool).await
    })?;
    Ok(found.map(|(due_at,)| due_at))
}

/// Notes how far a task is, and that somebody works on it; a step ahead makes earlier attempts count for nothing.
pub(crate) async fn note(
    database: &Database,
    now_ms: i64,
    id: i64,
    cursor: Option<&str>,
    (done, total): (i64, Option<i64>),
    lease_until: i64,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(NOTE)
            .bind(id)
            .bind(cursor)
            .bind(done)
            .bind(total)
            .bind(lease_until)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Notes that somebody still works on a task.
pub(crate) async fn extend(database: &Database, id: i64, lease_until: i64) -> sqlx::Result<()> {
    let update = "UPDATE task SET lease_until = $2 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(lease_until).execute(pool).await.map(drop)
    })
}

/// Lets others go before a task that got somewhere; it goes on where it was.
pub(crate) async fn requeue(database: &Database, now_ms: i64, id: i64) -> sqlx::Result<()> {
    let update = "UPDATE task SET due_at = $2, attempts = 0, lease_until = 0 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Gives back a task that nobody works on any more.
pub(crate) async fn release(database: &Database, id: i64) -> sqlx::Result<()> {
    extend(database, id, 0).await
}

/// Ends a task that is done, unless it was asked for again meanwhile: what was fetched may be older than what was heard then.
pub(crate) async fn finish(database: &Database, now_ms: i64, id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(FINISH).bind(id).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Notes why a task can't be done now, and when it is tried again; after so many attempts it is given up.
pub(crate) async fn fail(
    database: &Database,
    now_ms: i64,
    id: i64,
    reason: &str,
    again_at: Option<i64>,
) -> sqlx::Result<()> {
    let reason: String = reason.chars().take(REASON).collect();
    writing!(database, pool => {
        sqlx::query(FAIL)
            .bind(id)
            .bind(reason)
            .bind(again_at)
            .bind(now_ms)
            .bind(TASK_ATTEMPTS)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// The task of this kind about a URL.
pub(crate) async fn of(database: &Database, kind: Kind, url: &str) -> sqlx::Result<Option<Task>> {
    reading!(database, pool => {
        sqlx::query_as(OF).bind(kind.word()).bind(url).fetch_optional(pool).await
    })
}

/// Ends whatever is to be fetched about a URL.
pub(crate) async fn drop_of(database: &Database, kind: Kind, url: &str) -> sqlx::Result<()> {
    let delete = "DELETE FROM task WHERE kind = $1 AND url = $2";
    writing!(database, pool => {
        sqlx::query(delete).bind(kind.word()).bind(url).execute(pool).await.map(drop)
    })
}

/// Forgets what ended before `before_ms`; how far outboxes are known stays.
pub(crate) async fn forget(database: &Database, before_ms: i64) -> sqlx::Result<()> {
    let delete = "DELETE FROM task WHERE state <> 1 AND kind <> 'backfill' AND updated_at < $1";
    writing!(database, pool => {
        sqlx::query(delete).bind(before_ms).execute(pool).await.map(drop)
    })
}

const WORDS: [(Kind, &str); 5] = [
    (Kind::Backfill, "backfill"),
    (Kind::Video, "video"),
    (Kind::Note, "note"),
    (Kind::Actor, "actor"),
    (Kind::Comments, "comments"),
];

const COLUMNS: &str = "id, kind, host, site, url, cursor, done, total, state, attempts, reason, due_at, lease_until, created_at, updated_at";

const OF: &str = "SELECT id, kind, host, site, url, cursor, done, total, state, attempts, reason, due_at, lease_until, created_at, updated_at \
                  FROM task WHERE kind = $1 AND url = $2";

/// 1 waits.
const ADD: &str = "INSERT INTO task (kind, host, url, done, state, attempts, due_at, lease_until, created_at, updated_at, site) \
                   SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), 0, 1, 0, CAST($4 AS BIGINT), 0, CAST($4 AS BIGINT), \
                   CAST($4 AS BIGINT), CAST($6 AS TEXT) \
                   WHERE EXISTS (SELECT 1 FROM task WHERE kind = $1 AND url = $3 AND state = 1) OR \
                   ((SELECT COUNT(*) FROM (SELECT 1 FROM task WHERE kind = $1 AND state = 1 LIMIT $5) AS waiting) < $5 AND \
                   (SELECT COUNT(*) FROM (SELECT 1 FROM task WHERE site = $6 AND kind = $1 AND state = 1 LIMIT $7) AS theirs) < $7) \
                   ON CONFLICT (kind, url) DO UPDATE SET \
                   cursor = CASE WHEN task.state = 1 THEN task.cursor ELSE NULL END, \
                   done = CASE WHEN task.state = 1 THEN task.done ELSE 0 END, \
                   created_at = CASE WHEN task.state = 1 THEN task.created_at ELSE excluded.created_at END, \
                   attempts = 0, state = 1, reason = NULL, due_at = excluded.due_at, updated_at = excluded.updated_at";

const NOTE: &str = "UPDATE task SET cursor = $2, done = $3, total = $4, lease_until = $5, updated_at = $6, attempts = 1, reason = NULL \
                    WHERE id = $1";

/// Whoever asks sets the attempts to nothing, and whoever takes it counts one.
const FINISH: &str = "UPDATE task SET state = CASE WHEN attempts = 0 THEN 1 ELSE 2 END, cursor = NULL, reason = NULL, \
                      lease_until = 0, updated_at = $2 WHERE id = $1";

const FAIL: &str = "UPDATE task SET state = CASE WHEN CAST($3 AS BIGINT) IS NULL OR attempts >= $5 THEN 3 ELSE 1 END, \
                    due_at = COALESCE($3, due_at), reason = $2, lease_until = 0, updated_at = $4 WHERE id = $1";

/// Characters of a reason.
const REASON: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;

    async fn claimed(database: &Database, now_ms: i64, busy: &[&str]) -> Option<String> {
        let busy: Vec<String> = busy.iter().map(|host| (*host).to_owned()).collect();
        let task = claim(database, now_ms, now_ms + 100, None, &busy).await.unwrap();
        task.map(|task| task.url)
    }

    #[tokio::test]
    async fn a_task_is_one_worker_s_and_a_busy_host_waits() {
        for trial in trial::databases().await {
            let database = &trial.database;
            for (at, host, url) in
                [(1, "a.example", "1"), (2, "a.example", "2"), (3, "b.example", "3")]
            {
                assert!(add(database, at, Kind::Video, host, url).await.unwrap());
            }
            assert_eq!(next_due(database).await.unwrap(), Some(1));
            assert_eq!(claimed(database, 0, &[]).await, None);
            assert_eq!(claimed(database, 10, &[]).await.as_deref(), Some("1"));
            assert_eq!(claimed(database, 10, &["a.example"]).await.as_deref(), Some("3"));
            assert_eq!(claimed(database, 10, &["a.example"]).await, None);
            assert_eq!(claimed(database, 10, &[]).await.as_deref(), Some("2"));
            // Whoever had it was killed.
            assert_eq!(claimed(database, 110, &[]).await.as_deref(), Some("1"));
        }
    }

    #[tokio::test]
    async fn nobody_fills_the_queue_however_many_names_they_invent() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let adding = async |kind: Kind, host: &str, no: i64| {
                add(database, no, kind, host, &format!("https://{host}/{no}")).await.unwrap()
            };
            for no in 0..OTHER_TASKS_OF_SITE {
                assert!(adding(Kind::Note, &format!("x{no}.evil.com"), no).await);
            }
            assert!(!adding(Kind::Note, "one.more.evil.com", 1).await);
            assert!(host::known(database, "one.more.evil.com").await.unwrap().is_none());
            // What waits already isn't refused, nor are others, nor what is of more use.
            assert!(adding(Kind::Note, "x7.evil.com", 7).await);
            assert!(adding(Kind::Note, "good.com", 1).await);
            assert!(adding(Kind::Video, "one.more.evil.com", 1).await);
            let sites = OTHER_TASKS / OTHER_TASKS_OF_SITE;
            for (site, no) in
                (1..sites).flat_map(|site| (0..OTHER_TASKS_OF_SITE).map(move |no| (site, no)))
            {
                adding(Kind::Note, &format!("evil{site}.com"), no).await;
            }
            assert!(!adding(Kind::Note, "better.com", 1).await);
            assert!(adding(Kind::Video, "better.com", 1).await);
            let busy = ["evil.com".to_owned()];
            let found = claim(database, 9_999, 9_999, Some(Kind::Video), &busy).await.unwrap();
            assert_eq!(found.map(|task| task.host).as_deref(), Some("better.com"));
        }
    }

    #[tokio::test]
    async fn what_is_asked_for_while_it_is_fetched_is_fetched_once_more() {
        for trial in trial::databases().await {
            let database = &trial.database;
            add(database, 1, Kind::Video, "a.example", "v").await.unwrap();
            for at in [10, 20] {
                let task = claim(database, at, at + 5, None, &[]).await.unwrap().unwrap();
                if at == 10 {
                    add(database, 11, Kind::Video, "a.example", "v").await.unwrap();
                }
                finish(database, at + 2, task.id).await.unwrap();
            }
            assert_eq!(claim(database, 30, 35, None, &[]).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_task_goes_on_where_it_was_and_is_given_up_in_the_end() {
        for trial in trial::databases().await {
            let database = &trial.database;
            add(database, 1, Kind::Backfill, "a.example", "u").await.unwrap();
            let task = claim(database, 2, 50, None, &[]).await.unwrap().unwrap();
            note(database, 3, task.id, Some("page 2"), (10, Some(34)), 60).await.unwrap();
            fail(database, 4, task.id, "it is away", Some(70)).await.unwrap();
            assert_eq!(claim(database, 69, 99, None, &[]).await.unwrap(), None);
            let again = claim(database, 70, 99, None, &[]).await.unwrap().unwrap();
            assert_eq!(
                (again.cursor.as_deref(), again.done, again.total),
                (Some("page 2"), 10, Some(34))
            );
            assert_eq!(again.reason.as_deref(), Some("it is away"));
            let mut at = 100;
            while of(database, Kind::Backfill, "u").await.unwrap().unwrap().state == 1 {
                let task = claim(database, at, at, None, &[]).await.unwrap().unwrap();
                fail(database, at, task.id, "still", Some(at + 1)).await.unwrap();
                at += 1;
                assert!(at < 200);
            }
            forget(database, 1_000).await.unwrap();
            assert!(add(database, at, Kind::Backfill, "a.example", "u").await.unwrap());
            let task = claim(database, at, 999, None, &[]).await.unwrap().unwrap();
            assert_eq!((task.cursor, task.done), (None, 0));
            finish(database, at, task.id).await.unwrap();
            assert!(of(database, Kind::Backfill, "u").await.unwrap().unwrap().is_done());
            drop_of(database, Kind::Backfill, "u").await.unwrap();
            assert_eq!(of(database, Kind::Backfill, "u").await.unwrap(), None);
        }
    }
}
