//! Lists of public videos: found in an index that has their order, or in the index of the rarest thing they are filtered by.
//!
//! Which of the two costs less is reckoned from kept counts (`tally`), so that no list looks at the whole catalogue. What isn't
//! to choose the index is written as an expression (`views + 0`), which both databases read alike.

use sqlx::AssertSqlSafe;

use super::card::{self, Bound, Card, Sql, bound};
use crate::database::{Database, reading};
use crate::limits::{COUNTED, LIST};
use crate::listing::{Filters, Key, ListQuery, Nsfw, Scope};

/// What was found, and how many there are in all; the total stops at [`COUNTED`] where several filters meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) total: i64,
    pub(crate) cards: Vec<Card>,
}

/// What a list is filtered by that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Scope,
    Categories,
    Languages,
    Licences,
    TagsOneOf,
    /// One of those that it must have.
    Tag(usize),
}

/// How a list is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// In the index of its order, passing over what the filters leave out.
    Walk,
    /// In the index of a filter, and then sorted.
    Sort(By),
    /// In the index of a filter, which is also in the wanted order.
    Follow(By),
    /// Among rows that were found otherwise.
    Among,
}

/// How many listed videos a filter leaves.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    by: By,
    videos: i64,
    nsfw: i64,
    /// No video was counted twice.
    is_exact: bool,
}

/// All that is known before a list is looked up.
#[derive(Debug)]
struct Estimates {
    all: Estimate,
    filters: Vec<Estimate>,
}

/// Kind, value, videos, and of them those not safe for work.
type Tally = (String, String, i64, i64);

/// A page of a list, for the user with this id, or 0.
pub(crate) async fn list(
    database: &Database,
    query: &ListQuery,
    user_id: i64,
) -> sqlx::Result<Found> {
    if query.filters.is_local == Some(false) {
        return Ok(Found { total: 0, cards: Vec::new() });
    }
    let estimates = estimate(database, query).await?;
    let plan = plan(query, &estimates);
    let chosen = chosen(query, plan);
    let cards = card::fetch(database, chosen, query.order.is_descending, user_id).await?;
    let total = match total(query, &estimates) {
        Some(total) => total,
        None => count(database, query, &estimates).await?,
    };
    // A count that stopped is never less than what is seen.
    let seen = if cards.is_empty() { 0 } else { i64::from(query.start) + cards.len() as i64 };
    Ok(Found { total: total.max(seen), cards })
}

async fn estimate(database: &Database, query: &ListQuery) -> sqlx::Result<Estimates> {
    let sql = tallies(query);
    let mut counted: Vec<Tally> = reading!(database, pool => {
        bound!(sqlx::query_as(AssertSqlSafe(sql.text)), sql.values).fetch_all(pool).await
    })?;
    if let Scope::Subscriptions(user_id) = query.scope {
        let (videos, nsfw): (i64, i64) = reading!(database, pool => {
            sqlx::query_as(OF_SUBSCRIPTIONS).bind(user_id).fetch_one(pool).await
        })?;
        counted.push(("subscriptions".to_owned(), String::new(), videos, nsfw));
    }
    Ok(Estimates::new(query, &counted))
}

impl Estimates {
    fn new(query: &ListQuery, counted: &[Tally]) -> Estimates {
        let sum = |by: By, is_exact: bool, kind: &str, values: &[String]| {
            let found =
                counted.iter().filter(|(known, value, ..)| known == kind && values.contains(value));
            let (videos, nsfw) =
                found.fold((0, 0), |(videos, nsfw), found| (videos + found.2, nsfw + found.3));
            Estimate { by, videos, nsfw, is_exact }
        };
        let Filters { categories, languages, licences, tags_one_of, tags_all_of, .. } =
            &query.filters;
        let mut filters = Vec::new();
        match query.scope {
            Scope::All => {}
            Scope::Channel(id) => filters.push(sum(By::Scope, true, "channel", &[id.to_string()])),
            Scope::Account(id) => filters.push(sum(By::Scope, true, "account", &[id.to_string()])),
            Scope::Subscriptions(_) => {
                filters.push(sum(By::Scope, true, "subscriptions", &[String::new()]));
            }
        }
        if !categories.is_empty() {
            filters.push(sum(By::Categories, true, "category", &texts(categories)));
        }
        if !licences.is_empty() {
            filters.push(sum(By::Licences, true, "licence", &texts(licences)));
        }
        if !languages.is_empty() && !languages.iter().any(|code| code == UNKNOWN) {
            filters.push(sum(By::Languages, true, "language", languages));
        }
        if !tags_one_of.is_empty() {
            filters.push(sum(By::TagsOneOf, tags_one_of.len() == 1, "tag", tags_one_of));
        }
        for (no, tag) in tags_all_of.iter().enumerate() {
            filters.push(sum(By::Tag(no), true, "tag", std::slice::from_ref(tag)));
        }
        Estimates { all: sum(By::Scope, true, "all", &[String::new()]), filters }
    }

    fn rarest(&self) -> Option<Estimate> {
        self.filters.iter().copied().min_by_key(|estimate| estimate.videos)
    }
}

fn texts(numbers: &[i64]) -> Vec<String> {
    numbers.iter().map(i64::to_string).collect()
}

/// The counts of everything that a list is filtered by.
fn tallies(query: &ListQuery) -> Sql {
    let filters = &query.filters;
    let mut wanted: Vec<(&'static str, Vec<String>)> = vec![("all", vec![String::new()])];
    match query.scope {
        Scope::Channel(id) => wanted.push(("channel", vec![id.to_string()])),
        Scope::Account(id) => wanted.push(("account", vec![id.to_string()])),
        Scope::All | Scope::Subscriptions(_) => {}
    }
    wanted.push(("category", texts(&filters.categories)));
    wanted.push(("licence", texts(&filters.licences)));
    wanted.push(("language", filters.languages.clone()));
    wanted.push(("tag", [filters.tags_one_of.clone(), filters.tags_all_of.clone()].concat()));
    let mut sql = Sql::default();
    for (no, (kind, values)) in
        wanted.into_iter().filter(|(_, values)| !values.is_empty()).enumerate()
    {
        sql.push(if no > 0 { " UNION ALL " } else { "" });
        sql.push("SELECT kind, value, videos, nsfw FROM tally WHERE kind = ");
        sql.words(kind);
        sql.push(" AND value IN ");
        sql.one_of(values.into_iter().map(Bound::Text));
    }
    sql
}

/// Passing over is cheap, sorting looks each row up; but whoever walks in an index doesn't know when enough is found.
fn plan(query: &ListQuery, estimates: &Estimates) -> Plan {
    let Some(rarest) = estimates.rarest() else { return Plan::Walk };
    if query.order.key == Key::Published && is_single(query, rarest.by) {
        return Plan::Follow(rarest.by);
    }
    let wanted = i64::from(query.start) + i64::from(query.count);
    let walked = wanted.saturating_mul(estimates.all.videos) / rarest.videos.max(1);
    if walked <= rarest.videos.saturating_mul(SORTED) { Plan::Walk } else { Plan::Sort(rarest.by) }
}

/// Whether its index has one run for it, in the order of publication.
fn is_single(query: &ListQuery, by: By) -> bool {
    match by {
        By::Scope => matches!(query.scope, Scope::Channel(_) | Scope::Account(_)),
        By::Categories => query.filters.categories.len() == 1,
        By::Languages => query.filters.languages.len() == 1,
        By::Licences => query.filters.licences.len() == 1,
        By::TagsOneOf | By::Tag(_) => false,
    }
}

/// The total where the kept counts have it.
fn total(query: &ListQuery, estimates: &Estimates) -> Option<i64> {
    let filters = &query.filters;
    let is_more = [filters.since_ms, filters.until_ms, filters.longer_ms, filters.shorter_ms]
        .iter()
        .any(Option::is_some)
        || filters.languages.iter().any(|code| code == UNKNOWN);
    let counted = match estimates.filters[..] {
        _ if is_more => return None,
        [] => estimates.all,
        [only] if only.is_exact => only,
        _ => return None,
    };
    Some(match filters.nsfw {
        Nsfw::AsWanted | Nsfw::With => counted.videos,
        Nsfw::Only => counted.nsfw,
        Nsfw::Without => counted.videos - counted.nsfw,
    })
}

/// Counts as far as [`COUNTED`], in the index of the rarest thing.
async fn count(database: &Database, query: &ListQuery, estimates: &Estimates) -> sqlx::Result<i64> {
    let sql = counting(query, estimates);
    let found: (i64,) = reading!(database, pool => {
        bound!(sqlx::query_as(AssertSqlSafe(sql.text)), sql.values).fetch_one(pool).await
    })?;
    Ok(found.0)
}

fn counting(query: &ListQuery, estimates: &Estimates) -> Sql {
    let plan = estimates.rarest().map_or(Plan::Walk, |rarest| Plan::Sort(rarest.by));
    let mut sql = Sql::default();
    sql.push("SELECT COUNT(*) FROM (SELECT 1 FROM video WHERE ");
    conditions(&mut sql, query, plan);
    sql.push(" LIMIT ");
    sql.number(COUNTED);
    sql.push(") AS counted");
    sql
}

/// Ids and keys of a page.
fn chosen(query: &ListQuery, plan: Plan) -> Sql {
    let (key, hidden_key) = columns(query.order.key);
    let key = if matches!(plan, Plan::Sort(_)) { hidden_key } else { key };
    let mut sql = Sql::default();
    sql.push("SELECT id AS chosen_id, ");
    sql.push(key);
    sql.push(" AS chosen_key FROM video WHERE ");
    conditions(&mut sql, query, plan);
    sql.push(" ORDER BY ");
    sql.push(key);
    sql.push(if query.order.is_descending { " DESC, id DESC" } else { ", id" });
    limit(&mut sql, query);
    sql
}

/// The page of a list.
pub(crate) fn limit(sql: &mut Sql, query: &ListQuery) {
    sql.push(" LIMIT ");
    sql.number(i64::from(query.count).min(LIST as i64));
    sql.push(" OFFSET ");
    sql.number(query.start.into());
}

/// What is sorted by, and the same where no index is to be chosen for it.
pub(crate) fn columns(key: Key) -> (&'static str, &'static str) {
    match key {
        Key::Published => ("listed_at", "listed_at + 0"),
        Key::Created => ("created_at", "created_at + 0"),
        Key::Originally => (
            "COALESCE(originally_published_at, listed_at)",
            "COALESCE(originally_published_at, listed_at) + 0",
        ),
        Key::Views => ("views", "views + 0"),
        Key::Trending => ("views_lately", "views_lately + 0"),
        Key::Likes => ("likes", "likes + 0"),
        Key::Duration => ("duration_ms", "duration_ms + 0"),
        Key::Name => ("name", "name || ''"),
    }
}

/// What a listed video must be; the index of what `plan` names may be used, and no other.
pub(crate) fn conditions(sql: &mut Sql, query: &ListQuery, plan: Plan) {
    let is_by = |by: By| plan == Plan::Sort(by) || plan == Plan::Follow(by);
    let filters = &query.filters;
    sql.push("listed_at IS NOT NULL");
    scope(sql, query.scope, is_by(By::Scope));
    let numbers = |values: &[i64]| values.iter().copied().map(Bound::Number).collect::<Vec<_>>();
    for (column, hidden, by, values) in [
        (" AND category", " AND category + 0", By::Categories, numbers(&filters.categories)),
        (" AND licence", " AND licence + 0", By::Licences, numbers(&filters.licences)),
    ] {
        if !values.is_empty() {
            sql.push(if is_by(by) { column } else { hidden });
            among(sql, values);
        }
    }
    languages(sql, filters, is_by(By::Languages));
    tags(sql, filters, &is_by);
    match filters.nsfw {
        Nsfw::AsWanted | Nsfw::With => {}
        Nsfw::Only => sql.push(" AND nsfw = TRUE"),
        Nsfw::Without => sql.push(" AND nsfw = FALSE"),
    }
    let is_walked = |key: Key| plan == Plan::Walk && query.order.key == key;
    let published = if is_walked(Key::Published) { " AND listed_at" } else { " AND listed_at + 0" };
    let duration =
        if is_walked(Key::Duration) { " AND duration_ms" } else { " AND duration_ms + 0" };
    for (column, comparison, bound) in [
        (published, " >= ", filters.since_ms),
        (published, " <= ", filters.until_ms),
        (duration, " >= ", filters.longer_ms),
        (duration, " <= ", filters.shorter_ms),
    ] {
        if let Some(bound) = bound {
            sql.push(column);
            sql.push(comparison);
            sql.number(bound);
        }
    }
}

fn scope(sql: &mut Sql, scope: Scope, is_chosen: bool) {
    let (column, hidden, id) = match scope {
        Scope::All => return,
        Scope::Channel(id) => (" AND channel_id = ", " AND channel_id + 0 = ", id),
        Scope::Account(id) => (" AND account_id = ", " AND account_id + 0 = ", id),
        Scope::Subscriptions(id) => (" AND channel_id IN ", " AND channel_id + 0 IN ", id),
    };
    sql.push(if is_chosen { column } else { hidden });
    if matches!(scope, Scope::Subscriptions(_)) {
        sql.push("(SELECT channel_id FROM subscription WHERE user_id = ");
        sql.number(id);
        sql.push(")");
    } else {
        sql.number(id);
    }
}

/// One value is compared with, so that an index that goes on in the wanted order is seen to do so.
fn among(sql: &mut Sql, values: Vec<Bound>) {
    if values.len() == 1 {
        sql.push(" = ");
        values.into_iter().for_each(|value| sql.bind(value));
    } else {
        sql.push(" IN ");
        sql.one_of(values);
    }
}

fn languages(sql: &mut Sql, filters: &Filters, is_chosen: bool) {
    let known: Vec<Bound> = filters
        .languages
        .iter()
        .filter(|code| *code != UNKNOWN)
        .cloned()
        .map(Bound::Text)
        .collect();
    let is_unknown_too = known.len() < filters.languages.len();
    let (is_none, column) =
        (known.is_empty(), if is_chosen { "language" } else { "language || ''" });
    if is_none && !is_unknown_too {
        return;
    }
    sql.push(" AND (");
    if !is_none {
        sql.push(column);
        among(sql, known);
    }
    if is_unknown_too {
        sql.push(if is_none { NO_LANGUAGE } else { " OR COALESCE(language, '') = ''" });
    }
    sql.push(")");
}

fn tags(sql: &mut Sql, filters: &Filters, is_by: &impl Fn(By) -> bool) {
    let one_of = filters.tags_one_of.iter().cloned().map(Bound::Text).collect::<Vec<_>>();
    let each = filters.tags_all_of.iter().enumerate();
    let each = each.map(|(no, tag)| (By::Tag(no), vec![Bound::Text(tag.clone())]));
    for (by, values) in std::iter::once((By::TagsOneOf, one_of)).chain(each) {
        if values.is_empty() {
            continue;
        }
        sql.push(if is_by(by) {
            " AND id IN (SELECT video_id FROM tag WHERE lower_name"
        } else {
            " AND EXISTS (SELECT 1 FROM tag WHERE video_id = video.id AND lower_name"
        });
        among(sql, values);
        sql.push(")");
    }
}

/// What PeerTube's clients say for a video that names no language.
const UNKNOWN: &str = "_unknown";

const NO_LANGUAGE: &str = "COALESCE(language, '') = ''";

/// Rows that are passed over in the time that one takes to be looked up and sorted.
const SORTED: i64 = 3;

const OF_SUBSCRIPTIONS: &str = "SELECT CAST(COALESCE(SUM(videos), 0) AS BIGINT), CAST(COALESCE(SUM(nsfw), 0) AS BIGINT) \
                                FROM subscription CROSS JOIN tally \
                                WHERE user_id = $1 AND kind = 'channel' AND value = CAST(channel_id AS TEXT)";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::database::trial;
    use crate::listing::Order;
    use crate::table::video::{self, About, State, Video};
    use crate::table::{about, user};

    /// Fifty videos of two people that differ in everything that lists are ordered and filtered by, most of them listed.
    pub(crate) async fn fill(database: &Database) {
        for no in 0..50_i64 {
            let about = About {
                category: (no % 5 > 0).then_some(no % 5),
                licence: (no % 3 > 0).then_some(no % 3),
                language: ["fr", "en", "de"].get(no as usize % 4).map(|&code| code.to_owned()),
                nsfw: no % 6 == 0,
                originally_published_at: (no % 7 == 0).then_some(3 * no),
                tags: (0..no % 4).map(|tag| format!("T{tag}")).collect(),
                ..video::tests::about(&format!("Film {}", no * 7 % 50))
            };
            let id = video::tests::made(database, if no % 3 == 0 { "bob" } else { "alice" }, about)
                .await;
            if no % 10 > 0 {
                video::set_state(database, 100 + no * 3 % 50, id, State::Published).await.unwrap();
            }
            let update = "UPDATE video SET views = $2, views_lately = $3, likes = $4, duration_ms = $5 WHERE id = $1";
            crate::database::writing!(database, pool => {
                let query = sqlx::query(update).bind(id).bind(no % 9).bind(no % 8).bind(no % 2);
                query.bind(no % 11 * 1000).execute(pool).await.map(drop)
            })
            .unwrap();
        }
    }

    /// What a list is to be, found without any index.
    async fn wanted(database: &Database, query: &ListQuery) -> Vec<i64> {
        let mut listed: Vec<Video> = Vec::new();
        for id in 1..=50 {
            let video = video::by_id(database, id).await.unwrap().unwrap();
            let tags = about::tags(database, id).await.unwrap();
            if video.listed_at.is_some() && is_wanted(&query.filters, query.scope, &video, &tags) {
                listed.push(video);
            }
        }
        let number = |video: &Video| match query.order.key {
            Key::Published => video.listed_at.unwrap(),
            Key::Created => video.created_at,
            Key::Originally => video.originally_published_at.or(video.listed_at).unwrap(),
            Key::Views => video.views,
            Key::Trending => video.views_lately,
            Key::Likes => video.likes,
            Key::Duration => video.duration_ms,
            Key::Name => 0,
        };
        let name = |video: &Video| match query.order.key {
            Key::Name => video.name.clone(),
            _ => String::new(),
        };
        listed.sort_by_key(|video| (number(video), name(video), video.id));
        if query.order.is_descending {
            listed.reverse();
        }
        listed.into_iter().map(|video| video.id).collect()
    }

    fn is_wanted(filters: &Filters, scope: Scope, video: &Video, tags: &[String]) -> bool {
        let is_of = |values: &[i64], value: Option<i64>| {
            values.is_empty() || value.is_some_and(|value| values.contains(&value))
        };
        let has = |tag: &String| tags.iter().any(|own| own.to_lowercase() == *tag);
        let language = video.language.clone().unwrap_or(UNKNOWN.to_owned());
        (match scope {
            Scope::Account(id) => video.account_id == id,
            Scope::Channel(id) => video.channel_id == id,
            Scope::All | Scope::Subscriptions(_) => true,
        }) && is_of(&filters.categories, video.category)
            && is_of(&filters.licences, video.licence)
            && (filters.languages.is_empty() || filters.languages.contains(&language))
            && (filters.tags_one_of.is_empty() || filters.tags_one_of.iter().any(has))
            && filters.tags_all_of.iter().all(has)
            && match filters.nsfw {
                Nsfw::Only => video.nsfw,
                Nsfw::Without => !video.nsfw,
                Nsfw::AsWanted | Nsfw::With => true,
            }
            && filters.since_ms.is_none_or(|since| video.listed_at >= Some(since))
            && filters.longer_ms.is_none_or(|least| video.duration_ms >= least)
            && filters.shorter_ms.is_none_or(|most| video.duration_ms <= most)
    }

    fn queries() -> Vec<ListQuery> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let filters = [
            Filters::default(),
            Filters { nsfw: Nsfw::Without, ..Filters::default() },
            Filters { nsfw: Nsfw::Only, categories: vec![2], ..Filters::default() },
            Filters { categories: vec![1, 3], ..Filters::default() },
            Filters { licences: vec![1], nsfw: Nsfw::Without, ..Filters::default() },
            Filters { languages: words(&["fr"]), ..Filters::default() },
            Filters { languages: words(&["fr", UNKNOWN]), ..Filters::default() },
            Filters { languages: words(&[UNKNOWN]), categories: vec![4], ..Filters::default() },
            Filters { tags_one_of: words(&["t0"]), ..Filters::default() },
            Filters {
                tags_one_of: words(&["t1", "t2"]),
                categories: vec![1],
                ..Filters::default()
            },
            Filters {
                tags_all_of: words(&["t0", "t2"]),
                languages: words(&["de"]),
                ..Filters::default()
            },
            Filters {
                since_ms: Some(120),
                longer_ms: Some(3_000),
                shorter_ms: Some(8_999),
                ..Filters::default()
            },
        ];
        let scopes = [Scope::All, Scope::Account(1), Scope::Channel(2)];
        let mut queries = Vec::new();
        for (no, filters) in filters.into_iter().enumerate() {
            for (other, (_, key)) in KEYS.iter().enumerate() {
                let order = Order { key: *key, is_descending: (no + other) % 3 > 0 };
                let scope = scopes[(no + other) % scopes.len()];
                let (start, count) = ((no % 3) as u32, 12);
                queries.push(ListQuery { scope, filters: filters.clone(), order, start, count });
            }
        }
        queries
    }

    const KEYS: [(&str, Key); 8] = [
        ("video_newest", Key::Published),
        ("video_created", Key::Created),
        ("video_originally", Key::Originally),
        ("video_most_viewed", Key::Views),
        ("video_trending", Key::Trending),
        ("video_most_liked", Key::Likes),
        ("video_longest", Key::Duration),
        ("video_by_name", Key::Name),
    ];

    #[tokio::test]
    async fn a_list_is_what_it_is_however_it_is_found() {
        for trial in trial::databases().await {
            let database = &trial.database;
            fill(database).await;
            for query in queries() {
                let all = wanted(database, &query).await;
                let page = &all[all.len().min(query.start as usize)..];
                let page = &page[..page.len().min(query.count as usize)];
                let found = list(database, &query, 0).await.unwrap();
                let ids = |cards: &[Card]| cards.iter().map(|card| card.id).collect::<Vec<_>>();
                assert_eq!(
                    (found.total, ids(&found.cards)),
                    (all.len() as i64, page.to_vec()),
                    "{query:?}"
                );
                let estimates = estimate(database, &query).await.unwrap();
                let others = estimates.filters.iter().map(|estimate| Plan::Sort(estimate.by));
                for plan in others.chain([Plan::Walk]) {
                    let chosen = chosen(&query, plan);
                    let cards =
                        card::fetch(database, chosen, query.order.is_descending, 0).await.unwrap();
                    assert_eq!(ids(&cards), page, "{plan:?} {query:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn subscriptions_are_listed_and_counted() {
        for trial in trial::databases().await {
            let database = &trial.database;
            fill(database).await;
            let user = user::by_login(database, "alice").await.unwrap().unwrap();
            let query = ListQuery {
                scope: Scope::Subscriptions(user.id),
                count: 5,
                ..ListQuery::default()
            };
            let none = list(database, &query, user.id).await.unwrap();
            assert_eq!((none.total, none.cards.len()), (0, 0));
            let bob =
                crate::table::channel::by_name(database, "bob_channel").await.unwrap().unwrap();
            assert!(crate::table::subscription::begin(database, 5, user.id, bob.id).await.unwrap());
            let of_channel = ListQuery { scope: Scope::Channel(bob.id), ..query.clone() };
            let found = list(database, &query, user.id).await.unwrap();
            assert!(found.cards.len() == 5 && found.total > 5);
            assert_eq!(found, list(database, &of_channel, user.id).await.unwrap());
        }
    }

    /// SQLite's words on how it would answer.
    async fn explained(database: &Database, sql: Sql) -> String {
        let Database::Sqlite { reading: pool, .. } = database else { return String::new() };
        let text = format!("EXPLAIN QUERY PLAN {}", sql.text);
        let steps: Vec<(i64, i64, i64, String)> =
            bound!(sqlx::query_as(AssertSqlSafe(text)), sql.values).fetch_all(pool).await.unwrap();
        steps.into_iter().map(|step| step.3 + "\n").collect()
    }

    #[tokio::test]
    async fn no_list_looks_at_the_whole_table() {
        let [trial, _] = trial::databases().await;
        let database = &trial.database;
        for query in queries() {
            let index = KEYS.iter().find(|(_, key)| *key == query.order.key).unwrap().0;
            let estimates = estimate(database, &query).await.unwrap();
            let walk =
                explained(database, card::statement(chosen(&query, Plan::Walk), true, 1)).await;
            assert!(walk.contains(&format!(" INDEX {index}")), "{index}: {walk}{query:?}");
            let mut all = vec![walk, explained(database, tallies(&query)).await];
            all.push(explained(database, counting(&query, &estimates)).await);
            for estimate in &estimates.filters {
                let sorted = explained(database, chosen(&query, Plan::Sort(estimate.by))).await;
                assert!(sorted.contains("SEARCH video"), "{:?}: {sorted}{query:?}", estimate.by);
                all.push(sorted);
                if is_single(&query, estimate.by) && query.order.key == Key::Published {
                    let followed =
                        explained(database, chosen(&query, Plan::Follow(estimate.by))).await;
                    assert!(!followed.contains("TEMP B-TREE"), "{followed}{query:?}");
                    all.push(followed);
                }
            }
            for steps in all {
                let scans = steps.lines().filter(|step| step.contains("SCAN "));
                let bad =
                    scans.filter(|step| !step.contains(" INDEX ") && !step.contains("SCAN chosen"));
                let bad: Vec<_> = bad.filter(|step| !step.contains("SCAN counted")).collect();
                assert!(bad.is_empty(), "{bad:?}: {steps}{query:?}");
            }
        }
    }

    #[test]
    fn the_cheaper_way_is_taken() {
        let query = |key, category: &[i64], start| ListQuery {
            filters: Filters { categories: category.to_vec(), ..Filters::default() },
            order: Order { key, is_descending: true },
            start,
            count: 15,
            ..ListQuery::default()
        };
        let tally =
            |kind: &str, value: &str, videos| (kind.to_owned(), value.to_owned(), videos, 0);
        let check = |query: &ListQuery, of_category, wanted| {
            let counted = [tally("all", "", 100_000), tally("category", "1", of_category)];
            assert_eq!(plan(query, &Estimates::new(query, &counted)), wanted, "{query:?}");
        };
        check(&query(Key::Views, &[], 99_000), 0, Plan::Walk);
        check(&query(Key::Views, &[1], 0), 5_000, Plan::Walk);
        check(&query(Key::Views, &[1], 0), 100, Plan::Sort(By::Categories));
        check(&query(Key::Views, &[1], 4_900), 5_000, Plan::Sort(By::Categories));
        check(&query(Key::Published, &[1], 4_900), 5_000, Plan::Follow(By::Categories));
        check(&query(Key::Published, &[1, 2], 0), 100, Plan::Sort(By::Categories));
    }
}
