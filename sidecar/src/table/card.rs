//! Videos as lists show them: rows of `video` with the names of whose they are, in one query for a page.

use sqlx::AssertSqlSafe;

use crate::database::{Database, reading, record};

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
        channel_id: i64,
        channel_name: String,
        channel_label: String,
        channel_avatar: Option<String>,
        account_id: i64,
        account_name: String,
        account_label: String,
        /// Seconds: where whoever asks stopped.
        position: Option<i64>,
    }
}

/// A query in the making: its text is made of constants, and what comes from outside is bound.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    pub(crate) text: String,
    pub(crate) values: Vec<Bound>,
}

/// What a parameter is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    Number(i64),
    Text(String),
}

impl Sql {
    pub(crate) fn push(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// Binds a number, and writes its place into the text.
    pub(crate) fn number(&mut self, number: i64) {
        self.bind(Bound::Number(number));
    }

    /// Binds a text, and writes its place into the text.
    pub(crate) fn words(&mut self, text: &str) {
        self.bind(Bound::Text(text.to_owned()));
    }

    /// Binds each of some values, in brackets.
    pub(crate) fn one_of(&mut self, values: impl IntoIterator<Item = Bound>) {
        self.push("(");
        for (no, value) in values.into_iter().enumerate() {
            if no > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self.push(")");
    }

    pub(crate) fn bind(&mut self, value: Bound) {
        self.values.push(value);
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
    }
}

/// Binds a query's values, of either database.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                $crate::table::card::Bound::Number(number) => query.bind(number),
                $crate::table::card::Bound::Text(text) => query.bind(text),
            };
        }
        query
    }};
}

pub(crate) use bound;

/// The cards that `chosen` chooses, a query for `chosen_id` and `chosen_key` in its own order; `user_id` is who asks, or 0.
pub(crate) async fn fetch(
    database: &Database,
    chosen: Sql,
    is_descending: bool,
    user_id: i64,
) -> sqlx::Result<Vec<Card>> {
    let sql = statement(chosen, is_descending, user_id);
    reading!(database, pool => {
        bound!(sqlx::query_as(AssertSqlSafe(sql.text)), sql.values).fetch_all(pool).await
    })
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

/// Joined in the written order, which is what `CROSS` means to SQLite: ids first, and then what belongs to them.
pub(crate) fn statement(chosen: Sql, is_descending: bool, user_id: i64) -> Sql {
    let mut sql =
        Sql { text: format!("{SELECT} FROM ({}) AS chosen ", chosen.text), values: chosen.values };
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
                      originally_published_at, video.channel_id, channel_handle.name AS channel_name, \
                      channel.display_name AS channel_label, channel.avatar AS channel_avatar, video.account_id, \
                      account_handle.name AS account_name, account.display_name AS account_label, history.position";
