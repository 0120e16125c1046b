//! The table `video`, and what lists need to be quick: when a video is listed, and how many there are of a kind.
//!
//! Whatever changes which list a video is in takes it out of the counts first (`unlist!`) and puts it back as what it then is
//! (`list!`), in one transaction.

mod kind;

use wire::id::VideoId;

pub(crate) use kind::{About, Media, NewVideo, Schedule};
pub use kind::{Privacy, State};

use crate::database::{Database, reading, record, writing};
use crate::table::{job, upload};

/// Takes a video out of the lists and of their counts; also its row's lock, so that changes of one video wait for each other.
macro_rules! unlist {
    ($work:ident, $id:expr) => {
        sqlx::query(LOCK).bind($id).execute(&mut *$work).await?;
        sqlx::query(COUNT).bind($id).bind(-1_i64).execute(&mut *$work).await?;
        sqlx::query("UPDATE video SET listed_at = NULL WHERE id = $1")
            .bind($id)
            .execute(&mut *$work)
            .await?;
    };
}

/// Puts a video into the lists, and counts it there, if it is public and published.
macro_rules! list {
    ($work:ident, $id:expr) => {
        sqlx::query(LIST).bind($id).execute(&mut *$work).await?;
        sqlx::query(COUNT).bind($id).bind(1_i64).execute(&mut *$work).await?;
    };
}

macro_rules! set_about {
    ($work:ident, $now_ms:expr, $id:expr, $about:expr) => {
        sqlx::query(DESCRIBE)
            .bind($id)
            .bind(&$about.name)
            .bind($about.privacy.id())
            .bind(&$about.description)
            .bind(&$about.support)
            .bind($about.category)
            .bind($about.licence)
            .bind(&$about.language)
            .bind($about.nsfw)
            .bind($about.comments_policy)
            .bind($about.download_enabled)
            .bind($about.wait_transcoding)
            .bind($about.schedule.map(|schedule| schedule.at))
            .bind($about.schedule.map(|schedule| schedule.privacy.id()))
            .bind($about.originally_published_at)
            .bind($now_ms)
            .execute(&mut *$work)
            .await?;
        for clear in [CLEAR_TAGS, CLEAR_PASSWORDS] {
            sqlx::query(clear).bind($id).execute(&mut *$work).await?;
        }
        for tag in &$about.tags {
            sqlx::query(INSERT_TAG)
                .bind($id)
                .bind(tag)
                .bind(tag.to_lowercase())
                .execute(&mut *$work)
                .await?;
        }
        for password in &$about.passwords {
            sqlx::query(INSERT_PASSWORD)
                .bind($id)
                .bind(password)
                .bind($now_ms)
                .execute(&mut *$work)
                .await?;
        }
    };
}

/// Makes the job of a video whose file an upload brought.
macro_rules! employ {
    ($work:ident, $now_ms:expr, $id:expr, $upload:expr, $kind:expr) => {
        sqlx::query(job::INSERT)
            .bind($id)
            .bind($upload)
            .bind($now_ms)
            .bind($kind)
            .execute(&mut *$work)
            .await?;
    };
}

/// Makes a row with all that belongs to it, and gives its id.
macro_rules! insert {
    ($work:ident, $now_ms:expr, $new:expr) => {{
        let made: (i64,) = sqlx::query_as(INSERT)
            .bind($new.uuid.to_string())
            .bind($new.channel_id)
            .bind($new.account_id)
            .bind($new.state.id())
            .bind(&$new.source_name)
            .bind($new.source_bytes)
            .bind($now_ms)
            .bind(&$new.about.name)
            .bind($new.about.privacy.id())
            .fetch_one(&mut *$work)
            .await?;
        let about = &$new.about;
        set_about!($work, $now_ms, made.0, about);
        made.0
    }};
}

/// The columns of a [`Video`].
macro_rules! columns {
    () => {
        "id, uuid, channel_id, account_id, state, privacy, listed_at, name, description, support, category, licence, \
         language, nsfw, comments_policy, download_enabled, wait_transcoding, scheduled_at, scheduled_privacy, duration_ms, \
         width, height, media, thumbnail, source_name, source_bytes, replaced_at, views, views_lately, likes, dislikes, \
         created_at, updated_at, published_at, originally_published_at, is_remote"
    };
}

pub(super) use {columns, insert, list, set_about, unlist};

record! {
    /// A video, with the handles of whose it is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Video {
        id: i64,
        uuid: String,
        channel_id: i64,
        account_id: i64,
        state: i64,
        privacy: i64,
        listed_at: Option<i64>,
        name: String,
        description: Option<String>,
        support: Option<String>,
        category: Option<i64>,
        licence: Option<i64>,
        language: Option<String>,
        nsfw: bool,
        comments_policy: i64,
        download_enabled: bool,
        wait_transcoding: bool,
        scheduled_at: Option<i64>,
        scheduled_privacy: Option<i64>,
        duration_ms: i64,
        width: i64,
        height: i64,
        media: Option<String>,
        thumbnail: Option<String>,
        source_name: String,
        source_bytes: i64,
        replaced_at: Option<i64>,
        views: i64,
        views_lately: i64,
        likes: i64,
        dislikes: i64,
        created_at: i64,
        updated_at: i64,
        published_at: Option<i64>,
        originally_published_at: Option<i64>,
        is_remote: bool,
    }
}

/// Makes a video with its tags and passwords, and returns its id.
pub(crate) async fn create(database: &Database, now_ms: i64, new: &NewVideo) -> sqlx::Result<i64> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let id = insert!(work, now_ms, new);
        work.commit().await?;
        Ok(id)
    })
}

/// Makes a video of a whole upload, and the job that transcodes it, or nothing of it; `None` if it has been made already.
pub(crate) async fn create_from_upload(
    database: &Database,
    now_ms: i64,
    upload: &str,
    new: &NewVideo,
) -> sqlx::Result<Option<i64>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        // Also the row's lock: of two that finish the same upload, the second finds it finished.
        let touched =
            sqlx::query(upload::TOUCH_OPEN).bind(upload).bind(now_ms).execute(&mut *work).await?;
        if touched.rows_affected() == 0 {
            return Ok(None);
        }
        let id = insert!(work, now_ms, new);
        sqlx::query(upload::SETTLE).bind(upload).bind(id).execute(&mut *work).await?;
        employ!(work, now_ms, id, upload, job::TRANSCODING);
        work.commit().await?;
        Ok(Some(id))
    })
}

/// Notes the file that a whole upload brought instead of a video's old one, and the job that makes it anew; false if that
/// has been done already, or there is no such video any more.
pub(crate) async fn replace_source(
    database: &Database,
    now_ms: i64,
    upload: &str,
    id: i64,
    (name, bytes): (&str, i64),
) -> sqlx::Result<bool> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let touched =
            sqlx::query(upload::TOUCH_OPEN).bind(upload).bind(now_ms).execute(&mut *work).await?;
        let found: Option<(i64, bool)> = sqlx::query_as(REPLACE_SOURCE)
            .bind(id)
            .bind(name)
            .bind(bytes)
            .bind(now_ms)
            .fetch_optional(&mut *work)
            .await?;
        let Some((state, has_media)) = found.filter(|_| touched.rows_affected() > 0) else {
            return Ok(false);
        };
        sqlx::query(upload::SETTLE).bind(upload).bind(id).execute(&mut *work).await?;
        let is_watched = has_media && state == State::Published.id();
        let kind = if is_watched { job::REPLACEMENT } else { job::TRANSCODING };
        employ!(work, now_ms, id, upload, kind);
        work.commit().await?;
        Ok(true)
    })
}

/// Sets all that an owner says of a video.
pub(crate) async fn describe(
    database: &Database,
    now_ms: i64,
    id: i64,
    about: &About,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        unlist!(work, id);
        set_about!(work, now_ms, id, about);
        list!(work, id);
        work.commit().await
    })
}

/// Notes what the origin made of a video so far, without publishing it.
pub(crate) async fn set_media(
    database: &Database,
    now_ms: i64,
    id: i64,
    media: &Media,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(SET_MEDIA)
            .bind(id)
            .bind(&media.json)
            .bind(media.duration_ms)
            .bind(media.width)
            .bind(media.height)
            .bind(now_ms)
            .execute(pool)
            .await
            .map(drop)
    })
}

/// Forgets what the origin made of a video, since it is to be made again.
pub(crate) async fn forget_media(database: &Database, now_ms: i64, id: i64) -> sqlx::Result<()> {
    let update = "UPDATE video SET media = NULL, updated_at = $2 WHERE id = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(now_ms).execute(pool).await.map(drop)
    })
}

/// Sets how far a video is; the first time that it is published is when it was.
pub(crate) async fn set_state(
    database: &Database,
    now_ms: i64,
    id: i64,
    state: State,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        unlist!(work, id);
        sqlx::query(SET_STATE)
            .bind(id)
            .bind(state.id())
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        list!(work, id);
        work.commit().await
    })
}

/// Puts a video into another channel of its account.
pub(crate) async fn set_channel(database: &Database, id: i64, channel_id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        unlist!(work, id);
        sqlx::query("UPDATE video SET channel_id = $2 WHERE id = $1")
            .bind(id)
            .bind(channel_id)
            .execute(&mut *work)
            .await?;
        list!(work, id);
        work.commit().await
    })
}

/// Gives videos the privacy that they were to have by now, and tells how many; one that becomes public is new then.
pub(crate) async fn keep_schedules(database: &Database, now_ms: i64) -> sqlx::Result<usize> {
    let due: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(DUE).bind(now_ms).fetch_all(pool).await
    })?;
    for &(id,) in &due {
        writing!(database, pool => {
            let mut work = pool.begin().await?;
            unlist!(work, id);
            sqlx::query(KEEP_SCHEDULE).bind(id).bind(now_ms).execute(&mut *work).await?;
            list!(work, id);
            work.commit().await
        })?;
    }
    Ok(due.len())
}

/// Sets who may see a video, and forgets what was planned for later; a password takes the place of those that it has.
pub(crate) async fn set_privacy(
    database: &Database,
    now_ms: i64,
    id: i64,
    privacy: Privacy,
    password: Option<&str>,
) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        unlist!(work, id);
        sqlx::query(SET_PRIVACY)
            .bind(id)
            .bind(privacy.id())
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        if let Some(password) = password {
            sqlx::query(CLEAR_PASSWORDS).bind(id).execute(&mut *work).await?;
            let insert = sqlx::query(INSERT_PASSWORD).bind(id).bind(password).bind(now_ms);
            insert.execute(&mut *work).await?;
        }
        list!(work, id);
        work.commit().await
    })
}

/// Lists a channel's videos that may be listed, and no others, since it is followed now or no longer.
pub(crate) async fn relist_channel(database: &Database, channel_id: i64) -> sqlx::Result<()> {
    let mut after = 0;
    loop {
        let ids: Vec<(i64,)> = reading!(database, pool => {
            sqlx::query_as(NEXT_OF_CHANNEL).bind(channel_id).bind(after).fetch_all(pool).await
        })?;
        let Some((last,)) = ids.last() else { return Ok(()) };
        after = *last;
        writing!(database, pool => {
            let mut work = pool.begin().await?;
            for (id,) in &ids {
                unlist!(work, *id);
                list!(work, *id);
            }
            work.commit().await?;
        });
    }
}

/// Takes a video away with all that is its own.
pub(crate) async fn delete(database: &Database, id: i64) -> sqlx::Result<()> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        unlist!(work, id);
        sqlx::query("DELETE FROM video WHERE id = $1").bind(id).execute(&mut *work).await?;
        work.commit().await
    })
}

/// A video by its id.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<Video>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// Some videos of a channel, whatever their state.
pub(crate) async fn ids_of_channel(database: &Database, channel_id: i64) -> sqlx::Result<Vec<i64>> {
    let select = "SELECT id FROM video WHERE channel_id = $1 ORDER BY id LIMIT 100";
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(channel_id).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// A video by its UUID.
pub(crate) async fn by_uuid(database: &Database, uuid: &VideoId) -> sqlx::Result<Option<Video>> {
    reading!(database, pool => {
        sqlx::query_as(BY_UUID).bind(uuid.to_string()).fetch_optional(pool).await
    })
}

/// Ids and UUIDs of ours after a certain id, in order, with their states; at most `count`.
pub(crate) async fn roll(
    database: &Database,
    after: i64,
    count: i64,
) -> sqlx::Result<Vec<(i64, String, i64)>> {
    let select = "SELECT id, uuid, state FROM video WHERE id > $1 AND is_remote = FALSE ORDER BY id LIMIT $2";
    reading!(database, pool => {
        sqlx::query_as(select).bind(after).bind(count).fetch_all(pool).await
    })
}

/// Deleted videos whose media is still to be removed; at most `count`.
pub(crate) async fn withdrawals(database: &Database, count: i64) -> sqlx::Result<Vec<String>> {
    let select = "SELECT uuid FROM withdrawal ORDER BY uuid LIMIT $1";
    let found: Vec<(String,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(count).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|found| found.0).collect())
}

/// Notes that nothing is left of a deleted video.
pub(crate) async fn forget_withdrawal(database: &Database, uuid: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        let delete = "DELETE FROM withdrawal WHERE uuid = $1";
        sqlx::query(delete).bind(uuid).execute(pool).await.map(drop)
    })
}

/// UUID and privacy of those of which the origin knows otherwise who may have the media.
pub(crate) async fn access_due(database: &Database, most: i64) -> sqlx::Result<Vec<(String, i64)>> {
    reading!(database, pool => sqlx::query_as(ACCESS_DUE).bind(most).fetch_all(pool).await)
}

/// UUID and privacy of all that are ours.
pub(crate) async fn privacies(database: &Database) -> sqlx::Result<Vec<(String, i64)>> {
    let select = "SELECT uuid, privacy FROM video WHERE is_remote = FALSE ORDER BY id";
    reading!(database, pool => sqlx::query_as(select).fetch_all(pool).await)
}

/// Notes what the origin was told of who may have the media.
pub(crate) async fn note_access(
    database: &Database,
    uuid: &str,
    is_open: bool,
) -> sqlx::Result<()> {
    let update = "UPDATE video SET told_open = $2 WHERE uuid = $1";
    writing!(database, pool => {
        sqlx::query(update).bind(uuid).bind(is_open).execute(pool).await.map(drop)
    })
}

/// How many listed videos there are of a kind: `all`, `category`, `language`, `channel`, `account` or `tag`.
pub(crate) async fn tally(database: &Database, kind: &str, value: &str) -> sqlx::Result<i64> {
    let select = "SELECT videos FROM tally WHERE kind = $1 AND value = $2";
    let found: Option<(i64,)> = reading!(database, pool => {
        sqlx::query_as(select).bind(kind).bind(value).fetch_optional(pool).await
    })?;
    Ok(found.map_or(0, |found| found.0))
}

/// Bytes that an account's videos had when they were uploaded, of those that came since `since_ms`.
pub(crate) async fn source_bytes(
    database: &Database,
    account_id: i64,
    since_ms: i64,
) -> sqlx::Result<i64> {
    let found: (i64,) = reading!(database, pool => {
        sqlx::query_as(SOURCE_BYTES).bind(account_id).bind(since_ms).fetch_one(pool).await
    })?;
    Ok(found.0)
}

macro_rules! select {
    ($condition:literal) => {
        concat!("SELECT ", columns!(), " FROM video WHERE ", $condition)
    };
}

/// Of all that are ours.
pub(crate) const UUIDS: &str = "SELECT uuid FROM video WHERE is_remote = FALSE";

/// The index `video_access_due` has the same condition.
const ACCESS_DUE: &str = "SELECT uuid, privacy FROM video WHERE media IS NOT NULL AND (told_open IS NULL OR told_open <> (privacy <= 2)) \
                          ORDER BY id LIMIT $1";
const BY_ID: &str = select!("id = $1");
const BY_UUID: &str = select!("uuid = $1");

pub(super) const INSERT: &str = "INSERT INTO video (uuid, channel_id, account_id, state, source_name, source_bytes, created_at, updated_at, name, \
                      privacy, nsfw, comments_policy, download_enabled, wait_transcoding, duration_ms, width, height, views, \
                      views_lately, likes, dislikes) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, FALSE, 1, TRUE, FALSE, 0, 0, 0, 0, 0, 0, 0) RETURNING id";

pub(super) const DESCRIBE: &str = "UPDATE video SET name = $2, privacy = $3, description = $4, support = $5, category = $6, licence = $7, \
                        language = $8, nsfw = $9, comments_policy = $10, download_enabled = $11, wait_transcoding = $12, \
                        scheduled_at = $13, scheduled_privacy = $14, originally_published_at = $15, updated_at = $16 \
                        WHERE id = $1";

const REPLACE_SOURCE: &str = "UPDATE video SET source_name = $2, source_bytes = $3, replaced_at = $4, updated_at = $4 \
                              WHERE id = $1 RETURNING state, media IS NOT NULL";

const SET_MEDIA: &str = "UPDATE video SET media = $2, duration_ms = $3, width = $4, height = $5, updated_at = $6 WHERE id = $1";

const SET_PRIVACY: &str = "UPDATE video SET privacy = $2, updated_at = $3, scheduled_at = NULL, scheduled_privacy = NULL \
                           WHERE id = $1";

/// 1 is published.
const SET_STATE: &str = "UPDATE video SET state = $2, updated_at = $3, \
                         published_at = CASE WHEN $2 = 1 THEN COALESCE(published_at, $3) ELSE published_at END WHERE id = $1";

const DUE: &str =
    "SELECT id, uuid FROM video WHERE scheduled_at <= $1 ORDER BY scheduled_at LIMIT 100";

/// Looks again at what is due: its owner may have changed it just now.
const KEEP_SCHEDULE: &str = "UPDATE video SET privacy = COALESCE(scheduled_privacy, privacy), scheduled_at = NULL, \
                             scheduled_privacy = NULL, updated_at = $2, \
                             published_at = CASE WHEN published_at IS NULL THEN NULL ELSE $2 END \
                             WHERE id = $1 AND scheduled_at <= $2";

/// So many that others may write in between.
const NEXT_OF_CHANNEL: &str =
    "SELECT id FROM video WHERE channel_id = $1 AND id > $2 ORDER BY id LIMIT 50";

pub(super) const LOCK: &str = "UPDATE video SET updated_at = updated_at WHERE id = $1";

/// Public and published, and of a channel that we follow if it isn't ours, whose server has it.
pub(super) const LIST: &str = "UPDATE video SET listed_at = published_at WHERE id = $1 AND privacy = 1 AND state = 1 AND (is_remote = FALSE OR \
                    (EXISTS (SELECT 1 FROM channel WHERE channel.id = video.channel_id AND is_followed = TRUE) AND NOT EXISTS \
                    (SELECT 1 FROM remote_video WHERE remote_video.id = video.id AND missing_since IS NOT NULL)))";

/// In one order, so that two changes at once don't wait for each other in a circle.
pub(super) const COUNT: &str = "INSERT INTO tally (kind, value, videos, nsfw) \
                     SELECT kind, value, CAST($2 AS BIGINT), CASE WHEN nsfw THEN CAST($2 AS BIGINT) ELSE 0 END FROM (\
                     SELECT 'all' AS kind, '' AS value, nsfw FROM video WHERE id = $1 AND listed_at IS NOT NULL \
                     UNION ALL SELECT 'local', '', nsfw FROM video WHERE id = $1 AND listed_at IS NOT NULL AND is_remote = FALSE \
                     UNION ALL SELECT 'account', CAST(account_id AS TEXT), nsfw FROM video WHERE id = $1 AND listed_at IS NOT NULL \
                     UNION ALL SELECT 'channel', CAST(channel_id AS TEXT), nsfw FROM video WHERE id = $1 AND listed_at IS NOT NULL \
                     UNION ALL SELECT 'category', CAST(category AS TEXT), nsfw FROM video \
                     WHERE id = $1 AND listed_at IS NOT NULL AND category IS NOT NULL \
                     UNION ALL SELECT 'licence', CAST(licence AS TEXT), nsfw FROM video \
                     WHERE id = $1 AND listed_at IS NOT NULL AND licence IS NOT NULL \
                     UNION ALL SELECT 'language', language, nsfw FROM video \
                     WHERE id = $1 AND listed_at IS NOT NULL AND language IS NOT NULL \
                     UNION ALL SELECT 'tag', lower_name, nsfw FROM tag JOIN video ON video.id = tag.video_id \
                     WHERE video.id = $1 AND listed_at IS NOT NULL) AS kinds WHERE TRUE ORDER BY kind, value \
                     ON CONFLICT (kind, value) DO UPDATE SET videos = tally.videos + excluded.videos, \
                     nsfw = tally.nsfw + excluded.nsfw";

pub(super) const CLEAR_TAGS: &str = "DELETE FROM tag WHERE video_id = $1";
pub(super) const CLEAR_PASSWORDS: &str = "DELETE FROM video_password WHERE video_id = $1";

pub(super) const INSERT_TAG: &str =
    "INSERT INTO tag (video_id, name, lower_name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

pub(super) const INSERT_PASSWORD: &str = "INSERT INTO video_password (video_id, password, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

const SOURCE_BYTES: &str = "SELECT CAST(COALESCE(SUM(source_bytes), 0) AS BIGINT) FROM video WHERE account_id = $1 AND created_at >= $2";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::{account, channel, user};

    /// What is said of a video in the tests of all tables.
    pub(crate) fn about(name: &str) -> About {
        About {
            name: name.to_owned(),
            privacy: Privacy::Public,
            description: None,
            support: None,
            category: Some(15),
            licence: None,
            language: Some("en".to_owned()),
            nsfw: false,
            comments_policy: 1,
            download_enabled: true,
            wait_transcoding: false,
            originally_published_at: None,
            schedule: None,
            tags: vec!["Sea".to_owned(), "salt".to_owned()],
            passwords: Vec::new(),
        }
    }

    /// A video that waits to be transcoded, of a user of this name who is made for it unless they are there.
    pub(crate) async fn made(database: &Database, owner: &str, about: About) -> i64 {
        let user = match user::by_login(database, owner).await.unwrap() {
            Some(user) => user.id,
            None => user::create(database, 5, user::tests::new(owner, None)).await.unwrap(),
        };
        let account = account::of_user(database, user).await.unwrap().unwrap();
        let channel = channel::of_account(database, account.id).await.unwrap().remove(0);
        let mut random = [0; 16];
        getrandom::fill(&mut random).unwrap();
        let new = NewVideo {
            uuid: VideoId::from_random(random),
            channel_id: channel.id,
            account_id: account.id,
            state: State::ToTranscode,
            source_name: "sea.mp4".to_owned(),
            source_bytes: 1_000,
            about,
        };
        create(database, 10, &new).await.unwrap()
    }

    #[tokio::test]
    async fn a_video_is_listed_and_counted_while_it_is_public_and_published() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = made(database, "alice", about("The sea")).await;
            let counted = async || {
                let mut counts = Vec::new();
                for (kind, value) in
                    [("all", ""), ("category", "15"), ("language", "en"), ("tag", "sea")]
                {
                    counts.push(tally(database, kind, value).await.unwrap());
                }
                counts
            };
            assert_eq!(counted().await, [0, 0, 0, 0]);
            for _ in 0..2 {
                set_state(database, 20, id, State::Published).await.unwrap();
                assert_eq!(counted().await, [1, 1, 1, 1]);
            }
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!((video.listed_at, video.published_at), (Some(20), Some(20)));
            let other = About { category: None, tags: vec!["air".to_owned()], ..about("The sea") };
            describe(database, 30, id, &other).await.unwrap();
            assert_eq!(counted().await, [1, 0, 1, 0]);
            let hidden = About { privacy: Privacy::Unlisted, ..about("The sea") };
            describe(database, 40, id, &hidden).await.unwrap();
            assert_eq!(counted().await, [0, 0, 0, 0]);
            describe(database, 50, id, &about("The sea")).await.unwrap();
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!((video.listed_at, video.updated_at), (Some(20), 50));
            delete(database, id).await.unwrap();
            assert_eq!(counted().await, [0, 0, 0, 0]);
            assert_eq!(by_id(database, id).await.unwrap(), None);
            assert_eq!(withdrawals(database, 9).await.unwrap(), std::slice::from_ref(&video.uuid));
            forget_withdrawal(database, &video.uuid).await.unwrap();
            assert!(withdrawals(database, 9).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_video_that_can_be_watched_stays_so_while_its_file_is_replaced() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let alice = upload::tests::sender(database, "alice").await;
            let id = upload::tests::settled(database, "a", alice).await.unwrap();
            let job_of = async || job::of_video(database, id).await.unwrap().unwrap();
            assert_eq!((job_of().await.is_replacement(), job_of().await.is_open()), (false, true));
            for (upload, media, is_replacement) in [("b", None, false), ("c", Some("{}"), true)] {
                if let Some(json) = media {
                    let media =
                        Media { json: json.to_owned(), duration_ms: 1, width: 1, height: 1 };
                    set_media(database, 12, id, &media).await.unwrap();
                    set_state(database, 12, id, State::Published).await.unwrap();
                }
                upload::tests::open(database, upload, alice).await;
                let source = ("new.mp4", 7);
                assert!(replace_source(database, 30, upload, id, source).await.unwrap());
                assert!(!replace_source(database, 31, upload, id, source).await.unwrap());
                let video = by_id(database, id).await.unwrap().unwrap();
                assert_eq!((&*video.source_name, video.source_bytes), ("new.mp4", 7));
                assert_eq!((video.replaced_at, video.media.as_deref()), (Some(30), media));
                let job = job_of().await;
                assert_eq!((&*job.about, job.is_replacement()), (upload, is_replacement));
            }
            assert!(!replace_source(database, 30, "unknown", id, ("x", 1)).await.unwrap());
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!(&*video.source_name, "new.mp4", "nothing is changed half");
        }
    }

    #[tokio::test]
    async fn a_video_becomes_public_when_it_was_meant_to() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let schedule = Some(Schedule { at: 50, privacy: Privacy::Public });
            let about = About { privacy: Privacy::Private, schedule, ..about("Tomorrow") };
            let id = made(database, "alice", about).await;
            set_state(database, 20, id, State::Published).await.unwrap();
            assert_eq!(keep_schedules(database, 49).await.unwrap(), 0);
            assert_eq!(tally(database, "all", "").await.unwrap(), 0);
            assert_eq!(keep_schedules(database, 60).await.unwrap(), 1);
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!((video.privacy, video.listed_at, video.scheduled_at), (1, Some(60), None));
            assert_eq!(tally(database, "all", "").await.unwrap(), 1);
            assert_eq!(keep_schedules(database, 70).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn the_media_of_a_video_that_goes_with_its_account_is_remembered() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = made(database, "alice", about("One")).await;
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!(roll(database, 0, 9).await.unwrap(), [(id, video.uuid.clone(), 2)]);
            writing!(database, pool => {
                sqlx::query("DELETE FROM users").execute(pool).await.map(drop)
            })
            .unwrap();
            assert_eq!(withdrawals(database, 9).await.unwrap(), [video.uuid]);
            assert!(roll(database, 0, 9).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn what_an_account_uploaded_is_counted_since_a_time() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = made(database, "alice", about("One")).await;
            made(database, "alice", about("Two")).await;
            made(database, "bob", about("Three")).await;
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!(source_bytes(database, video.account_id, 0).await.unwrap(), 2_000);
            assert_eq!(source_bytes(database, video.account_id, 11).await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn what_the_origin_made_is_kept_with_its_video() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let id = made(database, "alice", about("One")).await;
            let media =
                Media { json: "{}".to_owned(), duration_ms: 60_000, width: 1280, height: 720 };
            set_media(database, 12, id, &media).await.unwrap();
            let video = by_id(database, id).await.unwrap().unwrap();
            assert_eq!((video.media.as_deref(), video.duration_ms), (Some("{}"), 60_000));
            let uuid = video.uuid.parse().unwrap();
            assert_eq!(by_uuid(database, &uuid).await.unwrap(), Some(video));
        }
    }
}
