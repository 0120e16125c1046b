//! The table `remote_video`: what only videos of other servers have, beside their rows in `video`.

use wire::id::VideoId;

use super::video::{
    CLEAR_PASSWORDS, CLEAR_TAGS, COUNT, DESCRIBE, INSERT, INSERT_PASSWORD, INSERT_TAG, LIST, LOCK,
    NewVideo, insert, list, set_about, unlist,
};
use crate::database::{Database, is_taken, reading, record, writing};
use crate::elsewhere;
use crate::federation::id::Local;
use crate::federation::read::video::ReadVideo;
pub(crate) use crate::federation::read::video::{Caption, File, Picture};
use crate::table::{host, tombstone};

record! {
    /// What only a video of another server has.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct RemoteVideo {
        /// Of the row in `video`.
        id: i64,
        url: String,
        host: String,
        /// That it has there.
        uuid: String,
        page: Option<String>,
        master: Option<String>,
        sums: Option<String>,
        files: String,
        trackers: String,
        pictures: String,
        captions: String,
        comments: Option<String>,
        fetched_at: i64,
    }
}

impl RemoteVideo {
    /// Files that browsers play, the best first.
    pub(crate) fn files(&self) -> Vec<File> {
        serde_json::from_str(&self.files).unwrap_or_default()
    }

    /// WebSockets at which its viewers meet.
    pub(crate) fn trackers(&self) -> Vec<String> {
        serde_json::from_str(&self.trackers).unwrap_or_default()
    }

    /// Sizes of its picture.
    pub(crate) fn pictures(&self) -> Vec<Picture> {
        serde_json::from_str(&self.pictures).unwrap_or_default()
    }

    /// What is said in it.
    pub(crate) fn captions(&self) -> Vec<Caption> {
        serde_json::from_str(&self.captions).unwrap_or_default()
    }

    /// Of people to read: its page, or what its id leads to.
    pub(crate) fn page(&self) -> &str {
        self.page.as_deref().unwrap_or(&self.url)
    }
}

/// What became of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: i64,
    /// It wasn't known.
    pub(crate) is_new: bool,
}

/// One by its id, a URL.
pub(crate) async fn by_url(database: &Database, url: &str) -> sqlx::Result<Option<RemoteVideo>> {
    reading!(database, pool => sqlx::query_as(BY_URL).bind(url).fetch_optional(pool).await)
}

/// One by the id of its row; `None` is ours.
pub(crate) async fn by_id(database: &Database, id: i64) -> sqlx::Result<Option<RemoteVideo>> {
    reading!(database, pool => sqlx::query_as(BY_ID).bind(id).fetch_optional(pool).await)
}

/// Keeps what was read of a video: anew, or instead of what was known under the same URL. It has the UUID that it has there, unless
/// another video has that, or one of ours had it; then it is `chance`.
pub(crate) async fn keep(
    database: &Database,
    now_ms: i64,
    read: &ReadVideo,
    (channel_id, account_id): (i64, i64),
    chance: VideoId,
) -> sqlx::Result<Kept> {
    let uuid = match read.uuid {
        Some(uuid) if !was_ours(database, uuid).await? => uuid,
        _ => chance,
    };
    let kept = keep_as(database, now_ms, read, (channel_id, account_id), uuid).await;
    match kept {
        // Another's UUID; or somebody kept the same just now, which then is known.
        Err(error) if is_taken(&error) => {
            keep_as(database, now_ms, read, (channel_id, account_id), chance).await
        }
        kept => kept,
    }
}

/// Whether a video of ours had this UUID, which others know: what its links lead to is to be nobody else's.
async fn was_ours(database: &Database, uuid: VideoId) -> sqlx::Result<bool> {
    let id = Local::Video(uuid).to_string();
    Ok(tombstone::find(database, &id).await?.is_some())
}

async fn keep_as(
    database: &Database,
    now_ms: i64,
    read: &ReadVideo,
    (channel_id, account_id): (i64, i64),
    uuid: VideoId,
) -> sqlx::Result<Kept> {
    let about = &read.about;
    let updated_at = read.updated_at;
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let url = read.id.as_str();
        let known: Option<(i64,)> =
            sqlx::query_as(TOUCH).bind(url).bind(now_ms).fetch_optional(&mut *work).await?;
        let id = match known {
            Some((id,)) => {
                unlist!(work, id);
                set_about!(work, updated_at, id, about);
                id
            }
            None => {
                let new = NewVideo {
                    uuid,
                    channel_id,
                    account_id,
                    state: read.state,
                    source_name: String::new(),
                    source_bytes: 0,
                    about: about.clone(),
                };
                host::met!(work, now_ms, read.id.authority());
                insert!(work, updated_at, new)
            }
        };
        sqlx::query(SET)
            .bind(id)
            .bind(channel_id)
            .bind(account_id)
            .bind(read.state.id())
            .bind(read.duration_ms)
            .bind(read.width)
            .bind(read.height)
            .bind(read.views)
            .bind(read.published_at)
            .bind(elsewhere::thumbnail(&read.pictures))
            .execute(&mut *work)
            .await?;
        sqlx::query(KEEP)
            .bind(id)
            .bind(url)
            .bind(read.id.authority())
            .bind(read.uuid.unwrap_or(uuid).to_string())
            .bind(&read.page)
            .bind(&read.master)
            .bind(&read.sums)
            .bind(text(&read.files))
            .bind(text(&read.trackers))
            .bind(text(&read.pictures))
            .bind(text(&read.captions))
            .bind(read.comments.as_ref().map(|comments| comments.as_str().to_owned()))
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        list!(work, id);
        work.commit().await?;
        Ok(Kept { id, is_new: known.is_none() })
    })
}

/// Notes how many like a video where it is from, and how many don't.
pub(crate) async fn set_rates(
    database: &Database,
    id: i64,
    likes: i64,
    dislikes: i64,
) -> sqlx::Result<()> {
    let update = "UPDATE video SET likes = $2, dislikes = $3 WHERE id = $1 AND is_remote = TRUE";
    writing!(database, pool => {
        sqlx::query(update).bind(id).bind(likes).bind(dislikes).execute(pool).await.map(drop)
    })
}

/// Notes that its server doesn't have a video, which is in no list then. Since when it is so; `None` is no such video.
pub(crate) async fn miss(database: &Database, now_ms: i64, id: i64) -> sqlx::Result<Option<i64>> {
    writing!(database, pool => {
        let mut work = pool.begin().await?;
        let since: Option<(i64,)> =
            sqlx::query_as(MISS).bind(id).bind(now_ms).fetch_optional(&mut *work).await?;
        unlist!(work, id);
        work.commit().await?;
        Ok(since.map(|(since,)| since))
    })
}

/// Has one asked for again when somebody looks at it.
pub(crate) async fn make_stale(database: &Database, url: &str) -> sqlx::Result<()> {
    writing!(database, pool => {
        sqlx::query(TOUCH).bind(url).bind(0_i64).execute(pool).await.map(drop)
    })
}

/// URLs of some that weren't there, and weren't asked for since `before_ms`: they are asked for `now_ms`.
pub(crate) async fn missing(
    database: &Database,
    now_ms: i64,
    before_ms: i64,
) -> sqlx::Result<Vec<String>> {
    let found: Vec<(String,)> = writing!(database, pool => {
        sqlx::query_as(MISSING).bind(now_ms).bind(before_ms).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(url,)| url).collect())
}

/// Some that haven't been there since before `before_ms`, whatever their servers answer now.
pub(crate) async fn missed(database: &Database, before_ms: i64) -> sqlx::Result<Vec<i64>> {
    let found: Vec<(i64,)> = reading!(database, pool => {
        sqlx::query_as(MISSED).bind(before_ms).fetch_all(pool).await
    })?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

fn text<T: serde::Serialize>(list: &[T]) -> String {
    serde_json::to_string(list).expect("texts and numbers are JSON")
}

macro_rules! select {
    ($condition:literal) => {
        concat!(
            "SELECT id, url, host, uuid, page, master, sums, files, trackers, pictures, captions, comments, fetched_at \
             FROM remote_video WHERE ",
            $condition
        )
    };
}

const BY_URL: &str = select!("url = $1");
const BY_ID: &str = select!("id = $1");

/// Also the row's lock: of two at once, the second sees what the first left.
const TOUCH: &str = "UPDATE remote_video SET fetched_at = $2 WHERE url = $1 RETURNING id";

const SET: &str = "UPDATE video SET is_remote = TRUE, channel_id = $2, account_id = $3, state = $4, duration_ms = $5, width = $6, \
                   height = $7, views = $8, published_at = $9, created_at = $9, thumbnail = $10 WHERE id = $1";

const KEEP: &str = "INSERT INTO remote_video (id, url, host, uuid, page, master, sums, files, trackers, pictures, captions, comments, \
                    fetched_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
                    ON CONFLICT (id) DO UPDATE SET page = excluded.page, master = excluded.master, sums = excluded.sums, \
                    files = excluded.files, trackers = excluded.trackers, pictures = excluded.pictures, captions = excluded.captions, \
                    comments = excluded.comments, fetched_at = excluded.fetched_at, missing_since = NULL";

const MISS: &str = "UPDATE remote_video SET missing_since = COALESCE(missing_since, $2), fetched_at = $2 WHERE id = $1 \
                    RETURNING missing_since";

const MISSING: &str = "UPDATE remote_video SET fetched_at = $1 WHERE id IN (SELECT id FROM remote_video \
                       WHERE missing_since IS NOT NULL AND fetched_at < $2 ORDER BY fetched_at LIMIT 200) RETURNING url";

const MISSED: &str =
    "SELECT id FROM remote_video WHERE missing_since < $1 ORDER BY fetched_at LIMIT 200";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::federation::id::{Place, Strictness};
    use crate::federation::object::tests::recorded;
    use crate::federation::read::video::read;
    use crate::listing::ListQuery;
    use crate::table::follow::{self, FollowState};
    use crate::table::remote_actor::{self, Kind, NewActor};
    use crate::table::video::{self, tally};
    use crate::table::{actor_key, listing};

    /// Somebody of `127.0.0.1:9000`, whose videos were recorded.
    pub(crate) fn actor(name: &str, kind: Kind, owner_id: Option<i64>) -> NewActor {
        let url = format!("http://127.0.0.1:9000/{name}");
        NewActor {
            inbox: format!("{url}/inbox"),
            url,
            host: "127.0.0.1:9000".to_owned(),
            kind,
            name: name.to_owned(),
            display_name: name.to_owned(),
            description: None,
            support: None,
            shared_inbox: None,
            outbox: None,
            public_key: String::new(),
            page: None,
            avatar_url: None,
            banner_url: None,
            followers: 0,
            created_at: 1,
            owner_id,
        }
    }

    /// The ids of a channel there and of its account.
    pub(crate) async fn owners(database: &Database) -> (i64, i64) {
        let account =
            remote_actor::keep(database, 5, &actor("root", Kind::Person, None)).await.unwrap();
        let channel = actor("root_channel", Kind::Channel, Some(account));
        (remote_actor::keep(database, 5, &channel).await.unwrap(), account)
    }

    /// The recorded video, with changes.
    pub(crate) fn video(change: impl FnOnce(&mut serde_json::Value)) -> ReadVideo {
        let mut object = recorded("ap-video.json");
        change(&mut object);
        let place = Place::new("https://here.example", Strictness::Test).unwrap();
        read(&place, 1_795_400_000_000, object.as_object().unwrap()).unwrap()
    }

    /// The instance follows a channel, as far as that.
    async fn follow(database: &Database, channel_id: i64, state: FollowState) {
        let us = actor_key::handle(database, "peertube").await.unwrap();
        follow::set(database, 9, (us, channel_id), None, state).await.unwrap();
        follow::mark_channel(database, channel_id).await.unwrap();
        video::relist_channel(database, channel_id).await.unwrap();
    }

    fn chance(no: u8) -> VideoId {
        VideoId::from_random([no; 16])
    }

    #[tokio::test]
    async fn a_video_is_listed_once_its_channel_is_followed_and_counted_beside_ours() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let owners = owners(database).await;
            let kept = keep(database, 9, &video(|_| {}), owners, chance(1)).await.unwrap();
            assert!(kept.is_new);
            let counted = async || {
                let mut counts = Vec::new();
                for kind in ["all", "local"] {
                    counts.push(tally(database, kind, "").await.unwrap());
                }
                let query = ListQuery { count: 9, ..ListQuery::default() };
                counts.push(listing::list(database, &query, 0).await.unwrap().cards.len() as i64);
                counts
            };
            assert_eq!(counted().await, [0, 0, 0]);
            follow(database, owners.0, FollowState::Accepted).await;
            assert_eq!(counted().await, [1, 0, 1]);
            let again = keep(database, 10, &video(|_| {}), owners, chance(2)).await.unwrap();
            assert_eq!((again.id, again.is_new), (kept.id, false));
            assert_eq!(counted().await, [1, 0, 1]);
            follow(database, owners.0, FollowState::Rejected).await;
            assert_eq!(counted().await, [0, 0, 0]);
            video::delete(database, kept.id).await.unwrap();
            assert_eq!(by_id(database, kept.id).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn what_a_link_to_one_of_ours_led_to_is_nobody_elses() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let owners = owners(database).await;
            let read = video(|_| {});
            let id = Local::Video(read.uuid.unwrap()).to_string();
            tombstone::set(database, 5, &id, "Video").await.unwrap();
            let kept = keep(database, 9, &read, owners, chance(1)).await.unwrap();
            let found = video::by_id(database, kept.id).await.unwrap().unwrap();
            assert_eq!(found.uuid, chance(1).to_string());
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_what_was_read_and_the_newest_word_counts() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let owners = owners(database).await;
            let first = video(|_| {});
            let kept = keep(database, 9, &first, owners, chance(1)).await.unwrap();
            let row = by_url(database, first.id.as_str()).await.unwrap().unwrap();
            assert_eq!(
                (row.files(), row.pictures()),
                (first.files.clone(), first.pictures.clone())
            );
            assert_eq!(
                (row.captions(), row.trackers()),
                (first.captions.clone(), first.trackers.clone())
            );
            assert_eq!(
                (row.id, row.host.as_str(), &row.master),
                (kept.id, "127.0.0.1:9000", &first.master)
            );
            let video_row = video::by_id(database, kept.id).await.unwrap().unwrap();
            assert_eq!(Some(video_row.uuid.parse().unwrap()), first.uuid);
            assert_eq!(
                (video_row.is_remote, video_row.published_at),
                (true, Some(first.published_at))
            );
            let second = video(|object| {
                object["name"] = "Another name".into();
                object["views"] = 77.into();
            });
            keep(database, 12, &second, owners, chance(1)).await.unwrap();
            let video_row = video::by_id(database, kept.id).await.unwrap().unwrap();
            assert_eq!((video_row.name.as_str(), video_row.views), ("Another name", 77));
            set_rates(database, kept.id, 5, 6).await.unwrap();
            let video_row = video::by_id(database, kept.id).await.unwrap().unwrap();
            assert_eq!((video_row.likes, video_row.dislikes), (5, 6));
        }
    }

    #[tokio::test]
    async fn nobody_elsewhere_has_the_uuid_of_a_video_that_is_here() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let ours = video::tests::made(database, "alice", video::tests::about("Ours")).await;
            let uuid = video::by_id(database, ours).await.unwrap().unwrap().uuid;
            let owners = owners(database).await;
            let theirs = video(|object| object["uuid"] = uuid.as_str().into());
            let kept = keep(database, 9, &theirs, owners, chance(1)).await.unwrap();
            let row = video::by_id(database, kept.id).await.unwrap().unwrap();
            assert_eq!(row.uuid, chance(1).to_string());
            assert_eq!(by_id(database, kept.id).await.unwrap().unwrap().uuid, uuid);
            assert_eq!(video::roll(database, 0, 9).await.unwrap().len(), 1);
        }
    }
}
