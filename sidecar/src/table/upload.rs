//! The table `upload`: files on their way in, and those that a video was made of and a retry may need.

use crate::database::{Database, reading, record, writing};
use crate::limits::{FAILED_LIFE, UPLOAD_LIFE, UPLOADS_OPEN};

record! {
    /// A file on its way in.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Upload {
        id: String,
        user_id: i64,
        /// Whose quota it counts against.
        account_id: i64,
        /// What it became, if it is whole.
        video_id: Option<i64>,
        bytes: i64,
        /// What the video will be, as JSON.
        video: String,
        created_at: i64,
        touched_at: i64,
    }
}

/// What a new upload begins with.
#[derive(Debug, Clone)]
pub(crate) struct NewUpload {
    pub(crate) id: String,
    pub(crate) user_id: i64,
    pub(crate) account_id: i64,
    pub(crate) size: Size,
    pub(crate) video: String,
}

/// How long a file is, as far as its sender tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Exactly so many bytes.
    Known(i64),
    /// Not more than these.
    AtMost(i64),
}

/// What an account may keep, and upload in 24 hours; -1 is without a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) total: i64,
    pub(crate) daily: i64,
}

/// Why an upload can't begin: whoever sends, then the machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BeginError {
    #[error("at most {UPLOADS_OPEN} uploads may be under way at once")]
    Full,
    #[error("the quota is used up")]
    Quota,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Quota {
    /// Bytes that may still come when these are used.
    fn left(self, used: Quota) -> i64 {
        let left = |most: i64, used: i64| if most < 0 { i64::MAX } else { (most - used).max(0) };
        left(self.total, used.total).min(left(self.daily, used.daily))
    }

    /// Whether what is used is within it.
    pub(crate) fn holds(self, used: Quota) -> bool {
        let holds = |most: i64, used: i64| most < 0 || used <= most;
        holds(self.total, used.total) && holds(self.daily, used.daily)
    }
}

/// Notes an upload within the bounds, and returns how many bytes it may have.
pub(crate) async fn begin(
    database: &Database,
    now_ms: i64,
    new: &NewUpload,
    quota: Quota,
) -> Result<i64, BeginError> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Uploads of one account begin one after the other, so that each sees what the others take.
        sqlx::query(LOCK).bind(new.account_id).execute(&mut *work).await?;
        let open: (i64,) = sqlx::query_as(OPEN).bind(new.user_id).fetch_one(&mut *work).await?;
        if open.0 >= UPLOADS_OPEN {
            return Err(BeginError::Full);
        }
        let used: (i64, i64) = sqlx::query_as(USED)
            .bind(new.account_id)
            .bind(now_ms - DAY_MS)
            .fetch_one(&mut *work)
            .await?;
        let left = quota.left(Quota { total: used.0, daily: used.1 });
        let bytes = match new.size {
            Size::Known(bytes) if bytes <= left => bytes,
            Size::AtMost(bytes) if left > 0 => bytes.min(left),
            Size::Known(_) | Size::AtMost(_) => return Err(BeginError::Quota),
        };
        sqlx::query(INSERT)
            .bind(&new.id)
            .bind(new.user_id)
            .bind(new.account_id)
            .bind(bytes)
            .bind(&new.video)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        work.commit().await?;
        Ok(bytes)
    })
}

/// Bytes that an account has, and those of the last 24 hours, uploads under way included.
pub(crate) async fn used(database: &Database, now_ms: i64, account_id: i64) -> sqlx::Result<Quota> {
    let used: (i64, i64) = reading!(database, pool => {
        sqlx::query_as(USED).bind(account_id).bind(now_ms - DAY_MS).fetch_one(pool).await
    })?;
    Ok(Quota { total: used.0, daily: used.1 })
}

/// What the owner of an account may keep and upload.
pub(crate) async fn quota(database: &Database, account_id: i64) -> sqlx::Result<Option<Quota>> {
    let found: Option<(i64, i64)> = reading!(database, pool => {
        sqlx::query_as(QUOTA).bind(account_id).fetch_optional(pool).await
    })?;
    Ok(found.map(|(total, daily)| Quota { total, daily }))
}

/// Whether an account may publish in a channel that isn't its own.
pub(crate) async fn is_collaborator(
    database: &Database,
    channel_id: i64,
    account_id: i64,
) -> sqlx::Result<bool> {
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(COLLABORATOR).bind(channel_id).bind(account_id).fetch_optional(pool).await
    })?;
    Ok(found.is_some())
}

/// An upload, whoever sends it.
pub(crate) async fn by_id(database: &Database, id: &str) -> sqlx::Result<Option<Upload>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// The upload that a video was made of, if its file may still be there.
pub(crate) async fn of_video(database: &Database, video_id: i64) -> sqlx::Result<Option<Upload>> {
    reading!(database, pool => sqlx::query_as(OF_VIDEO).bind(video_id).fetch_optional(pool).await)
}

/// All uploads that no video was made of yet.
pub(crate) async fn open(database: &Database) -> sqlx::Result<Vec<Upload>> {
    reading!(database, pool => sqlx::query_as(ALL_OPEN).fetch_all(pool).await)
}

/// Notes that bytes come.
pub(crate) async fn touch(database: &Database, now_ms: i64, id: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(TOUCH_OPEN).bind(id).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Sets what the video will be and whose, and how long the file really is.
pub(crate) async fn describe(
    database: &Database,
    id: &str,
    account_id: i64,
    bytes: i64,
    video: &str,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(DESCRIBE)
            .bind(id)
            .bind(account_id)
            .bind(bytes)
            .bind(video)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Gives up an upload that no video was made of; false if there is none.
pub(crate) async fn cancel(database: &Database, id: &str) -> sqlx::Result<bool> {
    let delete = "DELETE FROM upload WHERE id = $1 AND video_id IS NULL";
    let done = writing!(database, pool => {
        sqlx::query(delete).bind(id).execute(pool).await.map(|done| done.rows_affected())
    })?;
    Ok(done > 0)
}

/// Forgets uploads that nobody goes on with, and those whose video needs no file any more.
pub(crate) async fn expire(database: &Database, now_ms: i64) -> sqlx::Result<()> {
    let before = |life: std::time::Duration| now_ms - life.as_millis() as i64;
    writing!(database, pool => {
        sqlx::query(EXPIRE)
            .bind(before(UPLOAD_LIFE))
            .bind(before(FAILED_LIFE))
            .execute(pool)
            .await
            .map(drop)
    })
}

/// The ids of all whose file is needed: they are under way, or their video isn't published whole.
pub(crate) async fn needed(database: &Database) -> sqlx::Result<Vec<String>> {
    let found: Vec<(String,)> = reading!(database, pool => {
        sqlx::query_as(NEEDED).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|found| found.0).collect())
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, account_id, video_id, bytes, video, created_at, touched_at FROM upload WHERE ",
            $condition
        )
    };
}

const BY_ID: &str = select!("id = $1");
const OF_VIDEO: &str = select!("video_id = $1 ORDER BY created_at DESC LIMIT 1");
const ALL_OPEN: &str = select!("video_id IS NULL ORDER BY created_at, id");

/// Touches an upload that no video was made of.
pub(crate) const TOUCH_OPEN: &str =
    "UPDATE upload SET touched_at = $2 WHERE id = $1 AND video_id IS NULL";

/// Notes what an upload became.
pub(crate) const SETTLE: &str = "UPDATE upload SET video_id = $2 WHERE id = $1";

const LOCK: &str = "UPDATE account SET updated_at = updated_at WHERE id = $1";

const OPEN: &str = "SELECT COUNT(*) FROM upload WHERE user_id = $1 AND video_id IS NULL";

const USED: &str = "SELECT CAST((SELECT COALESCE(SUM(source_bytes), 0) FROM video WHERE account_id = $1) \
                    + (SELECT COALESCE(SUM(bytes), 0) FROM upload WHERE account_id = $1 AND video_id IS NULL) AS BIGINT), \
                    CAST((SELECT COALESCE(SUM(source_bytes), 0) FROM video WHERE account_id = $1 AND created_at >= $2) \
                    + (SELECT COALESCE(SUM(bytes), 0) FROM upload WHERE account_id = $1 AND video_id IS NULL) AS BIGINT)";

const QUOTA: &str = "SELECT video_quota, video_quota_daily FROM users JOIN account ON account.user_id = users.id \
                     WHERE account.id = $1";

/// Role 1 and more publish; state 2 has accepted.
const COLLABORATOR: &str =
    "SELECT role FROM collaborator WHERE channel_id = $1 AND account_id = $2 AND state = 2";

const INSERT: &str = "INSERT INTO upload (id, user_id, account_id, bytes, video, created_at, touched_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $6)";

const DESCRIBE: &str =
    "UPDATE upload SET account_id = $2, bytes = $3, video = $4 WHERE id = $1 AND video_id IS NULL";

/// Job states 1 and 2 wait and run.
const EXPIRE: &str = "DELETE FROM upload WHERE (video_id IS NULL AND touched_at < $1) \
                      OR (video_id IS NOT NULL AND touched_at < $2 AND NOT EXISTS \
                      (SELECT 1 FROM job WHERE job.video_id = upload.video_id AND job.state IN (1, 2)))";

/// Job state 3 is done.
pub(crate) const NEEDED: &str = "SELECT id FROM upload WHERE video_id IS NULL \
                      OR EXISTS (SELECT 1 FROM job WHERE job.video_id = upload.video_id AND job.state <> 3)";

/// Quotas of a day count its bytes.
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::video::{self, NewVideo, State, tests::about};
    use crate::table::{account, channel, job, user};
    use wire::id::VideoId;

    const FREE: Quota = Quota { total: -1, daily: -1 };

    /// A user of this name with an account, as (user, account, channel).
    pub(crate) async fn sender(database: &Database, name: &str) -> (i64, i64, i64) {
        let user = user::create(database, 5, user::tests::new(name, None)).await.unwrap();
        let account = account::of_user(database, user).await.unwrap().unwrap().id;
        let channel = channel::of_account(database, account).await.unwrap()[0].id;
        (user, account, channel)
    }

    fn new(id: &str, (user_id, account_id, _): (i64, i64, i64), size: Size) -> NewUpload {
        NewUpload { id: id.to_owned(), user_id, account_id, size, video: "{}".to_owned() }
    }

    /// A video made of an upload that is whole.
    pub(crate) async fn settled(
        database: &Database,
        id: &str,
        sender: (i64, i64, i64),
    ) -> Option<i64> {
        open(database, id, sender).await;
        settle(database, 20, id, sender).await
    }

    /// An upload of 1,000 bytes that is under way.
    pub(crate) async fn open(database: &Database, id: &str, sender: (i64, i64, i64)) {
        begin(database, 10, &new(id, sender, Size::Known(1_000)), FREE).await.unwrap();
    }

    async fn settle(
        database: &Database,
        now_ms: i64,
        id: &str,
        (_, account_id, channel_id): (i64, i64, i64),
    ) -> Option<i64> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).unwrap();
        let video = NewVideo {
            uuid: VideoId::from_random(random),
            channel_id,
            account_id,
            state: State::ToTranscode,
            source_name: "sea.mp4".to_owned(),
            source_bytes: 1_000,
            about: about("The sea"),
        };
        video::create_from_upload(database, now_ms, id, &video).await.unwrap()
    }

    #[tokio::test]
    async fn a_quota_counts_videos_and_what_is_under_way() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let quota = Quota { total: 2_500, daily: -1 };
            let try_to = async |id: &str, now_ms, size, quota| {
                begin(database, now_ms, &new(id, alice, size), quota).await
            };
            assert_eq!(try_to("a", 10, Size::Known(1_000), quota).await.unwrap(), 1_000);
            let refused = try_to("b", 11, Size::Known(1_501), quota).await;
            assert!(matches!(refused, Err(BeginError::Quota)), "{refused:?}");
            settle(database, 20, "a", alice).await.unwrap();
            assert_eq!(
                used(database, 20, alice.1).await.unwrap(),
                Quota { total: 1_000, daily: 1_000 }
            );
            assert_eq!(try_to("c", 30, Size::AtMost(9_000), quota).await.unwrap(), 1_500);
            let full = try_to("d", 31, Size::AtMost(1), quota).await;
            assert!(matches!(full, Err(BeginError::Quota)), "{full:?}");
            assert!(cancel(database, "c").await.unwrap() && !cancel(database, "a").await.unwrap());
            let daily = Quota { total: -1, daily: 1_200 };
            let today = try_to("e", 40, Size::Known(201), daily).await;
            assert!(matches!(today, Err(BeginError::Quota)), "{today:?}");
            let tomorrow = try_to("e", 20 + DAY_MS + 1, Size::Known(1_200), daily).await;
            assert_eq!(tomorrow.unwrap(), 1_200);
        }
    }

    #[tokio::test]
    async fn a_user_has_only_so_many_uploads_under_way() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            for no in 0..UPLOADS_OPEN {
                let new = new(&no.to_string(), alice, Size::Known(1));
                begin(database, 10, &new, FREE).await.unwrap();
            }
            let more = begin(database, 10, &new("more", alice, Size::Known(1)), FREE).await;
            assert!(matches!(more, Err(BeginError::Full)), "{more:?}");
            assert_eq!(super::open(database).await.unwrap().len() as i64, UPLOADS_OPEN);
        }
    }

    #[tokio::test]
    async fn a_whole_upload_becomes_one_video_and_one_job() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            let video = settled(database, "a", alice).await.unwrap();
            assert_eq!(settle(database, 21, "a", alice).await, None);
            let upload = by_id(database, "a").await.unwrap().unwrap();
            assert_eq!((upload.video_id, upload.touched_at), (Some(video), 20));
            assert_eq!(of_video(database, video).await.unwrap(), Some(upload));
            let job = job::of_video(database, video).await.unwrap().unwrap();
            assert_eq!((job.about.as_str(), job.state, job.created_at), ("a", 1, 20));
            assert_eq!(settle(database, 22, "unknown", alice).await, None);
            assert!(super::open(database).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_file_is_needed_until_its_video_is_published_or_time_is_over() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            begin(database, 10, &new("open", alice, Size::Known(1)), FREE).await.unwrap();
            settled(database, "whole", alice).await.unwrap();
            let known = async || {
                let mut ids = needed(database).await.unwrap();
                ids.sort();
                ids
            };
            assert_eq!(known().await, ["open", "whole"]);
            let later = 30 + UPLOAD_LIFE.as_millis() as i64;
            expire(database, later).await.unwrap();
            assert_eq!(known().await, ["whole"]);
            let job = job::claim(database, 30, 60, job::Taker::Here).await.unwrap().unwrap();
            expire(database, later * 100).await.unwrap();
            assert_eq!(known().await, ["whole"]);
            let done =
                crate::publishing::after(40, job.attempts, &crate::publishing::Outcome::Done);
            assert!(job::settle(database, 40, job.id, job.attempts, &done).await.unwrap());
            assert!(known().await.is_empty());
            expire(database, later * 100).await.unwrap();
            assert_eq!(by_id(database, "whole").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_file_that_comes_slowly_is_kept() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = sender(database, "alice").await;
            begin(database, 10, &new("a", alice, Size::Known(1)), FREE).await.unwrap();
            let later = 30 + UPLOAD_LIFE.as_millis() as i64;
            touch(database, later, "a").await.unwrap();
            describe(database, "a", alice.1, 7, "{\"b\":1}").await.unwrap();
            expire(database, later).await.unwrap();
            let upload = by_id(database, "a").await.unwrap().unwrap();
            assert_eq!((upload.bytes, &*upload.video), (7, "{\"b\":1}"));
            assert_eq!(
                quota(database, alice.1).await.unwrap(),
                Some(Quota { total: 7 << 40, daily: -1 })
            );
            assert!(!is_collaborator(database, alice.2, alice.1).await.unwrap());
        }
    }
}
