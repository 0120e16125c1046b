//! Videos as lists show them: rows of `video` with the names of whose they are, in one query for a page.

use crate::database::sql::{Bound, Sql, look_up};
use crate::database::{Database, record};

record! {
    /// A video with the handles and names of its channel and account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Card {
        id: i64,
        uuid: String,
        state: i64,
        privacy: i64,
        name: String,
        /// The beginning of the description.
        beginning: Option<String>,
        category: Option<i64>,
        licence: Option<i64>,
        language: Option<String>,
        nsfw: bool,
        wait_transcoding: bool,
        scheduled_at: Option<i64>,
        scheduled_privacy: Option<i64>,
        duration_ms: i64,
        width: i64,
        height: i64,
        media: Option<String>,
        thumbnail: Option<String>,
        views: i64,
        likes: i64,
        dislikes: i64,
        created_at: i64,
        updated_at: i64,
        published_at: Option<i64>,
        originally_published_at: Option<i64>,
        is_remote: bool,
        /// The ids of another server's.
        url: Option<String>,
        channel_url: Option<String>,
        account_url: Option<String>,
        channel_id: i64,
        channel_name: String,
        channel_label: String,
        channel_avatar: Option<String>,
        account_id: i64,
        account_name: String,
        account_label: String,
        account_avatar: Option<String>,
        /// Seconds: where whoever asks stopped.
        position: Option<i64>,
    }
}

/// The cards that `chosen` chooses, a query for `chosen_id` and `chosen_key` in its own order; `user_id` is who asks, or 0.
pub(crate) async fn fetch(
    database: &Database,
    chosen: Sql,
    is_descending: bool,
    user_id: i64,
) -> sqlx::Result<Vec<Card>> {
    look_up!(database, statement(chosen, is_descending, user_id), fetch_all)
}

/// The card of one video.
pub(crate) async fn by_id(
    database: &Database,
    id: i64,
    user_id: i64,
) -> sqlx::Result<Option<Card>> {
    let mut chosen = Sql::default();
    chosen.push("SELECT id AS chosen_id, 0 AS chosen_key FROM video WHERE id = ");
    chosen.number(id);
    Ok(fetch(database, chosen, true, user_id).await?.pop())
}

/// The cards of some videos, in the order of their ids as given; those that are gone are left out.
pub(crate) async fn by_ids(
    database: &Database,
    ids: &[i64],
    user_id: i64,
) -> sqlx::Result<Vec<Card>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut chosen = Sql::default();
    chosen.push("SELECT id AS chosen_id, 0 AS chosen_key FROM video WHERE id IN ");
    chosen.one_of(ids.iter().copied().map(Bound::Number));
    let mut cards = fetch(database, chosen, true, user_id).await?;
    cards.sort_by_key(|card| ids.iter().position(|id| *id == card.id));
    Ok(cards)
}

/// Joined in the written order, which is what `CROSS` means to SQLite: ids first, and then what belongs to them.
pub(crate) fn statement(chosen: Sql, is_descending: bool, user_id: i64) -> Sql {
    let mut sql = chosen.within(SELECT, ") AS chosen ");
    sql.push(
        "CROSS JOIN video CROSS JOIN channel CROSS JOIN handle AS channel_handle CROSS JOIN account \
         CROSS JOIN handle AS account_handle LEFT JOIN history ON history.user_id = ",
    );
    sql.number(user_id);
    sql.push(
        " AND history.video_id = video.id WHERE video.id = chosen_id AND channel.id = video.channel_id \
         AND channel_handle.id = channel.id AND account.id = video.account_id AND account_handle.id = account.id \
         ORDER BY ",
    );
    sql.push(if is_descending {
        "chosen_key DESC, chosen_id DESC"
    } else {
        "chosen_key, chosen_id"
    });
    sql
}

/// Of a description as much as a card shows, and one character by which it is known to go on.
const SELECT: &str = "SELECT video.id, uuid, state, privacy, video.name, SUBSTR(video.description, 1, 251) AS beginning, category, \
                      licence, language, nsfw, wait_transcoding, scheduled_at, scheduled_privacy, duration_ms, width, height, \
                      media, thumbnail, views, likes, dislikes, video.created_at, video.updated_at, published_at, \
                      originally_published_at, video.is_remote, \
                      CASE WHEN video.is_remote THEN (SELECT url FROM remote_video WHERE remote_video.id = video.id) END AS url, \
                      CASE WHEN video.is_remote THEN (SELECT url FROM remote_actor WHERE remote_actor.id = channel.id) END AS channel_url, \
                      CASE WHEN video.is_remote THEN (SELECT url FROM remote_actor WHERE remote_actor.id = account.id) END AS account_url, \
                      video.channel_id, channel_handle.name AS channel_name, \
                      channel.display_name AS channel_label, channel.avatar AS channel_avatar, video.account_id, \
                      account_handle.name AS account_name, account.display_name AS account_label, account.avatar AS account_avatar, history.position FROM (";
