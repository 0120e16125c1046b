//! The table `report`: what people here and elsewhere say against something.

use crate::database::{Database, reading, record, writing};
use crate::limits::{COUNTED, REPORTS_ELSEWHERE, REPORTS_OF_SITE};

record! {
    /// A report with what it is about.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Report {
        id: i64,
        /// `None` is gone.
        reporter_id: Option<i64>,
        target_id: i64,
        video_id: Option<i64>,
        comment_id: Option<i64>,
        reason: String,
        state: i64,
        note: Option<String>,
        created_at: i64,
        updated_at: i64,
        /// Handles, with a host if they are of another server.
        reporter: Option<String>,
        target: String,
        video_uuid: Option<String>,
        video_name: Option<String>,
    }
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportState {
    Open,
    Refused,
    Accepted,
}

impl ReportState {
    /// As PeerTube numbers them.
    pub(crate) fn id(self) -> i64 {
        match self {
            ReportState::Open => 1,
            ReportState::Refused => 2,
            ReportState::Accepted => 3,
        }
    }

    pub(crate) fn parse(id: i64) -> Option<ReportState> {
        [ReportState::Open, ReportState::Refused, ReportState::Accepted]
            .into_iter()
            .find(|state| state.id() == id)
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            ReportState::Open => "Pending",
            ReportState::Refused => "Rejected",
            ReportState::Accepted => "Accepted",
        }
    }
}

/// A report that isn't there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewReport<'a> {
    pub(crate) reporter_id: i64,
    /// Whose it is, or who: an account's or a channel's handle.
    pub(crate) target_id: i64,
    pub(crate) video_id: Option<i64>,
    pub(crate) comment_id: Option<i64>,
    pub(crate) reason: &'a str,
}

/// Keeps a report, and returns its number.
pub(crate) async fn create(
    database: &Database,
    now_ms: i64,
    new: &NewReport<'_>,
) -> sqlx::Result<i64> {
    let made: (i64,) = writing!(database, pool => {
        sqlx::query_as(INSERT)
            .bind(new.reporter_id)
            .bind(new.target_id)
            .bind(new.video_id)
            .bind(new.comment_id)
            .bind(new.reason)
            .bind(now_ms)
            .fetch_one(pool)
            .await
    })?;
    Ok(made.0)
}

/// Keeps a report of somebody elsewhere, of a site; `None` if as many of them are open as may be, theirs or all.
pub(crate) async fn create_elsewhere(
    database: &Database,
    now_ms: i64,
    new: &NewReport<'_>,
    site: &str,
) -> sqlx::Result<Option<i64>> {
    let made: Option<(i64,)> = writing!(database, pool => {
        sqlx::query_as(INSERT_ELSEWHERE)
            .bind(new.reporter_id)
            .bind(new.target_id)
            .bind(new.video_id)
            .bind(new.comment_id)
            .bind(new.reason)
            .bind(now_ms)
            .bind(REPORTS_ELSEWHERE)
            .bind(site)
            .bind(REPORTS_OF_SITE)
            .fetch_optional(pool)
            .await
    })?;
    Ok(made.map(|(id,)| id))
}

/// One by its number.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Report>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// A page of those of a state, or of all, the newest first; and how many there are, counted up to [`COUNTED`].
pub(crate) async fn page(
    database: &Database,
    state: Option<ReportState>,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Report>)> {
    reading!(database, pool => {
        let found = match state {
            Some(state) => {
                let query = sqlx::query_as(OF_STATE).bind(state.id()).bind(count).bind(start);
                query.fetch_all(pool).await?
            }
            None => sqlx::query_as(ALL).bind(count).bind(start).fetch_all(pool).await?,
        };
        let total: (i64,) = match state {
            Some(state) => {
                sqlx::query_as(COUNT_STATE).bind(state.id()).bind(COUNTED).fetch_one(pool).await?
            }
            None => sqlx::query_as(COUNT_ALL).bind(COUNTED).fetch_one(pool).await?,
        };
        Ok((total.0, found))
    })
}

/// Sets what was decided, and a note about it; `None` leaves either as it is. `false` if there is no such report.
pub(crate) async fn decide(
    database: &Database,
    now_ms: i64,
    id: i64,
    state: Option<ReportState>,
    note: Option<&str>,
) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let done = sqlx::query(DECIDE)
            .bind(id)
            .bind(state.map(ReportState::id))
            .bind(note)
            .bind(now_ms)
            .execute(pool)
            .await?;
        Ok(done.rows_affected() > 0)
    })
}

/// Forgets a report; `false` if there was none.
pub(crate) async fn delete(database: &Database, id: i64) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let done = sqlx::query("DELETE FROM report WHERE id = $1").bind(id).execute(pool).await?;
        Ok(done.rows_affected() > 0)
    })
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT report.id, report.reporter_id, report.target_id, report.video_id, report.comment_id, report.reason, \
             report.state, report.note, report.created_at, report.updated_at, by_whom.name AS reporter, \
             against.name AS target, video.uuid AS video_uuid, video.name AS video_name FROM report \
             JOIN handle AS against ON against.id = report.target_id \
             LEFT JOIN handle AS by_whom ON by_whom.id = report.reporter_id \
             LEFT JOIN video ON video.id = report.video_id ",
            $condition
        )
    };
}

const BY_ID: &str = select!("WHERE report.id = $1");
const OF_STATE: &str =
    select!("WHERE report.state = $1 ORDER BY report.id DESC LIMIT $2 OFFSET $3");
const ALL: &str = select!("ORDER BY report.id DESC LIMIT $1 OFFSET $2");
const COUNT_STATE: &str =
    "SELECT COUNT(*) FROM (SELECT id FROM report WHERE state = $1 LIMIT $2) AS counted";
const COUNT_ALL: &str = "SELECT COUNT(*) FROM (SELECT id FROM report LIMIT $1) AS counted";
const INSERT: &str = "INSERT INTO report (reporter_id, target_id, video_id, comment_id, reason, state, created_at, updated_at) \
                      VALUES ($1, $2, $3, $4, $5, 1, $6, $6) RETURNING id";
/// Who is gone by now was of elsewhere.
const INSERT_ELSEWHERE: &str = "INSERT INTO report (reporter_id, target_id, video_id, comment_id, reason, state, created_at, updated_at) \
    SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS TEXT), 1, CAST($6 AS BIGINT), \
    CAST($6 AS BIGINT) WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM report WHERE state = 1 AND NOT EXISTS \
    (SELECT 1 FROM account WHERE account.id = report.reporter_id AND user_id IS NOT NULL) LIMIT $7) AS open) < $7 \
    AND (SELECT COUNT(*) FROM (SELECT 1 FROM report JOIN remote_actor ON remote_actor.id = report.reporter_id \
    JOIN host ON host.name = remote_actor.host WHERE report.state = 1 AND host.site = $8 LIMIT $9) AS theirs) < $9 RETURNING id";
const DECIDE: &str = "UPDATE report SET state = COALESCE($2, state), note = COALESCE($3, note), updated_at = $4 WHERE id = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::federation::site;
    use crate::table::remote_actor::{self, Kind, tests::somebody};

    #[tokio::test]
    async fn no_site_and_no_crowd_of_them_reports_without_end() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let reporting = async |name: &str, host: &str, times: i64| {
                let new = somebody(name, host, Kind::Person);
                let reporter_id = remote_actor::keep(database, 5, &new).await.unwrap();
                let (target_id, reason) = (reporter_id, "");
                let new =
                    NewReport { reporter_id, target_id, video_id: None, comment_id: None, reason };
                let mut made = 0;
                for _ in 0..times {
                    let done = create_elsewhere(database, 9, &new, site::of(host)).await.unwrap();
                    made += i64::from(done.is_some());
                }
                (made, reporter_id)
            };
            assert_eq!(reporting("ada", "a.evil.com", 60).await.0, 60);
            assert_eq!(reporting("bob", "b.evil.com", 60).await.0, REPORTS_OF_SITE - 60);
            assert_eq!(reporting("cyd", "good.com", 1).await.0, 1);
            // Who is gone counts all the same.
            for no in 0..REPORTS_ELSEWHERE / REPORTS_OF_SITE {
                let (_, id) = reporting("eve", &format!("evil{no}.com"), REPORTS_OF_SITE).await;
                remote_actor::remove(database, id).await.unwrap();
            }
            assert_eq!(reporting("dan", "better.com", 1).await.0, 0);
            decide(database, 9, 1, Some(ReportState::Refused), None).await.unwrap();
            assert_eq!(reporting("dan", "better.com", 1).await.0, 1);
        }
    }
}
