//! Full-text search over videos and channels: the one module whose SQL differs between the databases (FTS5, tsvector).
//!
//! All words must be there, the last one may go on. What has them in its name comes first, and of these the newest: no more
//! is reckoned. Of very many only the newest are looked at, so that a common word costs no more than others.

use crate::Sidecar;
use crate::database::Database;
use crate::database::sql::{Sql, look_up};
use crate::limits::LIST;
use crate::listing::{ListQuery, Order};
use crate::table::card;
use crate::table::channel::{self, Channel};
use crate::table::listing::{self, Found, Plan};
use crate::view::{ChannelPage, Listed, Unavailable, VideoCard, whole};
use crate::visitor::Visitor;

/// Words to look for, as each database wants them told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Words {
    anywhere: String,
    in_name: String,
}

impl Sidecar {
    /// A page of the public videos that have all words of `text`; in the order of the match unless another is named.
    /// Without any word it is [`Sidecar::list`].
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn search(
        &self,
        text: &str,
        query: &ListQuery,
        order: Option<Order>,
        viewer: Option<&Visitor>,
    ) -> Result<Listed<VideoCard>, Unavailable> {
        let query = self.as_wanted(query.clone(), viewer);
        let user_id = viewer.map_or(0, |viewer| viewer.user_id);
        let found = videos(&self.database, text, &query, order, user_id).await?;
        Ok(self.listed(found.total, &found.cards))
    }

    /// A page of the channels that have all words of `text`.
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn search_channels(
        &self,
        text: &str,
        start: u32,
        count: u32,
        viewer: Option<&Visitor>,
    ) -> Result<Listed<ChannelPage>, Unavailable> {
        let (total, found) = channels(&self.database, text, start.into(), count.into()).await?;
        let mut entries = Vec::new();
        for channel in found {
            entries.push(self.owner(channel, viewer).await?);
        }
        Ok(Listed { total: whole(total), entries })
    }
}

/// A page of listed videos.
pub(crate) async fn videos(
    database: &Database,
    text: &str,
    query: &ListQuery,
    order: Option<Order>,
    user_id: i64,
) -> sqlx::Result<Found> {
    let Some(words) = Words::parse(database, text) else {
        let query = ListQuery { order: order.unwrap_or_default(), ..query.clone() };
        return listing::list(database, &query, user_id).await;
    };
    let mut page: Vec<(i64, i64)> =
        look_up!(database, choose_videos(database, &words, query, order), fetch_all)?;
    let total = match page.first() {
        Some((_, total)) => *total,
        // A page behind the last doesn't know how many there were.
        None => {
            let counted: (i64,) =
                look_up!(database, count_videos(database, &words, query), fetch_one)?;
            counted.0
        }
    };
    page.truncate(LIST as usize);
    let ids: Vec<i64> = page.into_iter().map(|(id, _)| id).collect();
    Ok(Found { total, cards: card::by_ids(database, &ids, user_id).await? })
}

fn count_videos(database: &Database, words: &Words, query: &ListQuery) -> Sql {
    let mut sql = Sql::default();
    sql.push("SELECT COUNT(*) FROM ");
    candidates(&mut sql, database, Of::Videos, words);
    sql.push(" CROSS JOIN video WHERE video.id = found AND ");
    listing::conditions(&mut sql, query, Plan::Among);
    sql
}

fn choose_videos(
    database: &Database,
    words: &Words,
    query: &ListQuery,
    order: Option<Order>,
) -> Sql {
    let mut sql = Sql::default();
    // More than any moment that a video can be listed at.
    let key = order
        .map_or("in_name * 10000000000000000 + listed_at", |order| listing::columns(order.key).1);
    sql.push("SELECT id, COUNT(*) OVER () FROM ");
    candidates(&mut sql, database, Of::Videos, words);
    sql.push(" CROSS JOIN video WHERE video.id = found AND ");
    listing::conditions(&mut sql, query, Plan::Among);
    sql.push(" ORDER BY ");
    sql.push(key);
    let is_descending = order.is_none_or(|order| order.is_descending);
    sql.push(if is_descending { " DESC, id DESC" } else { ", id" });
    listing::limit(&mut sql, query);
    sql
}

/// A page of channels, and how many were found.
pub(crate) async fn channels(
    database: &Database,
    text: &str,
    start: i64,
    count: i64,
) -> sqlx::Result<(i64, Vec<Channel>)> {
    let Some(words) = Words::parse(database, text) else {
        return channel::page(database, start, count).await;
    };
    let mut sql = Sql::default();
    sql.push("SELECT found FROM ");
    candidates(&mut sql, database, Of::Channels, &words);
    sql.push(" ORDER BY in_name DESC, found DESC");
    let found: Vec<(i64,)> = look_up!(database, sql, fetch_all)?;
    let mut channels = Vec::new();
    for (id,) in found.iter().skip(start as usize).take(count as usize) {
        channels.extend(channel::by_id(database, *id).await?);
    }
    Ok((found.len() as i64, channels))
}

impl Words {
    /// `None` without any word; what is more than a bounded number of them is passed over.
    fn parse(database: &Database, text: &str) -> Option<Words> {
        let lower = text.to_lowercase();
        let words = lower.split(|character: char| !character.is_alphanumeric());
        let words = words.filter(|word| !word.is_empty() && word.len() <= WORD);
        // Letters and digits alone are left, so that quoting them is all that is needed.
        let words: Vec<&str> = words.take(WORDS).collect();
        let (last, first) = words.split_last()?;
        let told = |before: &str, each: &str, and: &str, end: &str| {
            let mut told: Vec<String> =
                first.iter().map(|word| format!("{before}{word}{before}{each}")).collect();
            told.push(format!("{before}{last}{before}{end}"));
            told.join(and)
        };
        Some(match database {
            Database::Sqlite { .. } => {
                let anywhere = told("\"", "", " AND ", "*");
                Words { in_name: format!("name : ({anywhere})"), anywhere }
            }
            Database::Postgres(_) => Words {
                anywhere: told("'", "", " & ", ":*"),
                in_name: told("'", ":A", " & ", ":*A"),
            },
        })
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Videos,
    Channels,
}

/// A table of ids, `found`, and whether the words are in the name, `in_name`, 1 or 0.
fn candidates(sql: &mut Sql, database: &Database, of: Of, words: &Words) {
    let (select, end) = match (database, of) {
        (Database::Sqlite { .. }, Of::Videos) => (
            "SELECT rowid AS id FROM video_text WHERE video_text MATCH ",
            " ORDER BY rowid DESC LIMIT ",
        ),
        (Database::Sqlite { .. }, Of::Channels) => (
            "SELECT rowid AS id FROM channel_text WHERE channel_text MATCH ",
            " ORDER BY rowid DESC LIMIT ",
        ),
        (Database::Postgres(_), Of::Videos) => (
            "SELECT id FROM video_text WHERE words @@ to_tsquery('simple', ",
            ") ORDER BY id DESC LIMIT ",
        ),
        (Database::Postgres(_), Of::Channels) => (
            "SELECT id FROM channel_text WHERE words @@ to_tsquery('simple', ",
            ") ORDER BY id DESC LIMIT ",
        ),
    };
    sql.push("(SELECT id AS found, MAX(is_name) AS in_name FROM (SELECT id, 1 AS is_name FROM (");
    sql.push(select);
    sql.words(&words.in_name);
    sql.push(end);
    sql.number(LOOKED_AT);
    sql.push(") AS named UNION ALL SELECT id, 0 AS is_name FROM (");
    sql.push(select);
    sql.words(&words.anywhere);
    sql.push(end);
    sql.number(LOOKED_AT);
    sql.push(") AS worded) AS matched GROUP BY id) AS candidate");
}

/// Words that are looked for.
const WORDS: usize = 10;

/// Bytes of a word; longer ones are nobody's.
const WORD: usize = 100;

/// Of what matches as many are looked at, the newest, once for the name and once for all.
const LOOKED_AT: i64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::video::{self, About, Privacy, State, tests::about, tests::made};
    use crate::table::{account, user};

    async fn publish(database: &Database, now: i64, about: About) -> i64 {
        let id = made(database, "alice", about).await;
        video::set_state(database, now, id, State::Published).await.unwrap();
        id
    }

    fn query() -> ListQuery {
        ListQuery { count: 9, ..ListQuery::default() }
    }

    #[tokio::test]
    async fn videos_are_found_by_all_words_and_names_come_first() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let said = |text: &str| Some(text.to_owned());
            let named = publish(database, 10, about("Whales of the deep sea")).await;
            let other = About {
                tags: Vec::new(),
                description: said("About WHALES, deep down."),
                ..about("Film")
            };
            let told = publish(database, 20, other.clone()).await;
            let newer = publish(database, 30, about("Whale songs")).await;
            let hidden = About { privacy: Privacy::Unlisted, ..about("Whale") };
            publish(database, 40, hidden).await;
            let find = async |text: &str| {
                let found = videos(database, text, &query(), None, 0).await.unwrap();
                assert_eq!(found.total, found.cards.len() as i64);
                found.cards.iter().map(|card| card.id).collect::<Vec<_>>()
            };
            assert_eq!(find("whale").await, [newer, named, told]);
            assert_eq!(find("WHALES deep").await, [named, told]);
            assert_eq!(find("deep, whal").await, [named, told]);
            assert_eq!(find("whal deep").await, [0; 0]);
            // Of its tags.
            assert_eq!(find("salt").await, [newer, named]);
            for nothing in ["shark", "wh*le", "\"", "' OR 1=1 --"] {
                assert_eq!(
                    find(nothing).await.len(),
                    if nothing == "\"" { 3 } else { 0 },
                    "{nothing}"
                );
            }
            for odd in ["name:whale", "whale AND", "NEAR(whale", "(", "é'&|!:*<->", "whale\0"] {
                videos(database, odd, &query(), None, 0).await.unwrap();
            }
            video::describe(database, 50, named, &about("Sharks")).await.unwrap();
            assert_eq!(find("shark").await, [named]);
            assert_eq!(find("whale").await, [newer, told]);
            video::describe(database, 50, told, &About { privacy: Privacy::Private, ..other })
                .await
                .unwrap();
            video::delete(database, newer).await.unwrap();
            assert_eq!(find("whale").await, [0; 0]);
        }
    }

    #[tokio::test]
    async fn what_is_found_is_filtered_and_ordered() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let one = publish(database, 10, about("Whale B")).await;
            let two = publish(database, 20, About { category: Some(1), ..about("Whale A") }).await;
            let ids = async |query: ListQuery, order| {
                let found = videos(database, "whale", &query, order, 0).await.unwrap();
                (found.total, found.cards.iter().map(|card| card.id).collect::<Vec<_>>())
            };
            assert_eq!(ids(query(), Order::parse("name")).await, (2, vec![two, one]));
            assert_eq!(ids(query(), Order::parse("-name")).await, (2, vec![one, two]));
            assert_eq!(
                ids(ListQuery { start: 1, count: 5, ..query() }, None).await,
                (2, vec![one])
            );
            let mut filtered = query();
            filtered.filters.categories = vec![1];
            assert_eq!(ids(filtered, None).await, (1, vec![two]));
        }
    }

    #[tokio::test]
    async fn channels_are_found_as_they_are_now() {
        for trial in trial::databases().await {
            let database = &trial.database;
            let user = user::create(database, 5, user::tests::new("alice", None)).await.unwrap();
            let account = account::of_user(database, user).await.unwrap().unwrap();
            let id = channel::create(database, 6, account.id, channel::tests::new("deep.sea"))
                .await
                .unwrap();
            let find = async |text: &str| {
                let (total, found) = channels(database, text, 0, 9).await.unwrap();
                assert_eq!(total, found.len() as i64);
                found.into_iter().map(|channel| channel.name).collect::<Vec<_>>()
            };
            assert_eq!(find("sea").await, ["deep.sea"]);
            assert_eq!(find("alice").await, ["alice_channel"]);
            assert_eq!(find("").await, ["deep.sea", "alice_channel"]);
            let changes = channel::Changes {
                display_name: Some("The ocean".to_owned()),
                description: Some(Some("Not by Alice".to_owned())),
                ..channel::Changes::default()
            };
            channel::describe(database, 7, id, &changes).await.unwrap();
            assert_eq!(find("alice").await, ["alice_channel", "deep.sea"]);
            assert_eq!(find("ocean").await, ["deep.sea"]);
            channel::delete(database, id).await.unwrap();
            assert_eq!(find("ocean").await, [""; 0]);
        }
    }

    #[tokio::test]
    async fn no_search_looks_at_the_whole_table() {
        let [trial, _] = trial::databases().await;
        let words = Words::parse(&trial.database, "whale song").unwrap();
        for sql in [
            choose_videos(&trial.database, &words, &query(), None),
            choose_videos(&trial.database, &words, &query(), Order::parse("-views")),
            count_videos(&trial.database, &words, &query()),
        ] {
            let steps = listing::tests::explained(&trial.database, sql).await;
            let steps: Vec<String> = steps.lines().map(str::to_owned).collect();
            let known = [
                "SCAN video_text VIRTUAL TABLE",
                "SCAN candidate",
                "SCAN matched",
                "SCAN (",
                "SCAN named",
                "SCAN worded",
            ];
            let bad = steps.iter().filter(|step| step.contains("SCAN"));
            let bad: Vec<_> =
                bad.filter(|step| !known.iter().any(|known| step.contains(known))).collect();
            assert!(bad.is_empty(), "{bad:?}: {steps:?}");
        }
    }
}
