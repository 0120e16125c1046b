//! Lists of public videos: found in an index that has their order, or in the index of the rarest thing they are filtered by.
//!
//! Which of the two costs less is reckoned from kept counts (`tally`), so that no list looks at the whole catalogue. What isn't
//! to choose the index is written as an expression (`views + 0`), which both databases read alike.

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use super::card::{self, Card};
use crate::database::sql::{Bound, Sql, look_up};
use crate::database::{Database, reading};
use crate::limits::{COUNTED, LIST};
use crate::listing::{Filters, Key, ListQuery, Nsfw, Scope};
use crate::pace::Time;
use crate::signposts::{MOST, Posts, STEP, Signposts};

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
    /// Published here, or elsewhere.
    Locality,
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
pub(crate) struct Estimate {
    by: By,
    videos: i64,
    nsfw: i64,
    /// No video was counted twice.
    is_exact: bool,
}

/// All that is known before a list is looked up.
#[derive(Debug)]
pub(crate) struct Estimates {
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
    list_by(database, query, user_id, None).await
}

/// The same, where signposts show the way to pages deep in it.
pub(crate) async fn list_by(
    database: &Database,
    query: &ListQuery,
    user_id: i64,
    signposts: Option<(&Signposts, Time)>,
) -> sqlx::Result<Found> {
    let known = signposts.filter(|_| user_id == 0);
    let known = known.and_then(|(signposts, now)| signposts.estimates(now, query));
    let estimates = match known {
        Some(known) => known,
        None => {
            let estimates = Arc::new(estimate(database, query).await?);
            if let Some((signposts, now)) = signposts {
                signposts.keep_estimates(now, query, &estimates);
            }
            estimates
        }
    };
    let mut chosen_by = None;
    if let Some((signposts, now)) = signposts
        && let Some(plan) = deep_plan(query, &estimates)
        && let Some(posts) = posts(database, query, plan, signposts, now).await?
    {
        chosen_by = Some(chosen_from(query, plan, &posts));
    }
    let chosen = chosen_by.unwrap_or_else(|| chosen(query, plan(query, &estimates)));
    let cards = card::fetch(database, chosen, query.order.is_descending, user_id).await?;
    let total = match total(query, &estimates) {
        Some(total) => total,
        None => count(database, query, &estimates).await?,
    };
    // A count that stopped is never less than what is seen.
    let seen = if cards.is_empty() { 0 } else { i64::from(query.start) + cards.len() as i64 };
    Ok(Found { total: total.max(seen), cards })
}

/// How a page deep in a list is walked to from a signpost, if that costs less than sorting what the filters leave.
fn deep_plan(query: &ListQuery, estimates: &Estimates) -> Option<Plan> {
    if query.start < DEEP {
        return None;
    }
    let Some(rarest) = estimates.rarest() else { return Some(Plan::Walk) };
    if query.order.key == Key::Published && is_single(query, rarest.by) {
        return Some(Plan::Follow(rarest.by));
    }
    let wanted = STEP + i64::from(query.count);
    let walked = wanted.saturating_mul(estimates.all.videos) / rarest.videos.max(1);
    (walked <= rarest.videos.saturating_mul(SORTED)).then_some(Plan::Walk)
}

/// The signposts of a list, made unless there are some; `None` while somebody else makes some.
async fn posts(
    database: &Database,
    query: &ListQuery,
    plan: Plan,
    signposts: &Signposts,
    now: Time,
) -> sqlx::Result<Option<Posts>> {
    if let Some(posts) = signposts.find(now, query) {
        return Ok(Some(posts));
    }
    let Ok(_making) = signposts.making.try_lock() else { return Ok(None) };
    let sql = posting(query, plan);
    let posts: Posts = if query.order.key == Key::Name {
        let found: Vec<(String, i64)> = look_up!(database, sql, fetch_all)?;
        found.into_iter().map(|(key, id)| (Bound::Text(key), id)).collect()
    } else {
        let found: Vec<(i64, i64)> = look_up!(database, sql, fetch_all)?;
        found.into_iter().map(|(key, id)| (Bound::Number(key), id)).collect()
    };
    signposts.keep(now, query, &posts);
    Ok(Some(posts))
}

/// Every so many places of a list.
fn posting(query: &ListQuery, plan: Plan) -> Sql {
    let key = columns(query.order.key).0;
    let direction = if query.order.is_descending { " DESC, id DESC" } else { ", id" };
    let mut sql = Sql::default();
    sql.push("SELECT place, id FROM (SELECT ");
    sql.push(key);
    sql.push(" AS place, id, ROW_NUMBER() OVER (ORDER BY ");
    sql.push(key);
    sql.push(direction);
    sql.push(") AS no FROM video WHERE ");
    conditions(&mut sql, query, plan);
    sql.push(") AS numbered WHERE no % ");
    sql.number(STEP);
    sql.push(" = 0 ORDER BY no LIMIT ");
    sql.number(MOST);
    sql
}

/// Ids and keys of a page, from the last signpost before it on.
fn chosen_from(query: &ListQuery, plan: Plan, posts: &Posts) -> Sql {
    let passed = (i64::from(query.start) / STEP).min(posts.len() as i64);
    let Some((place, id)) = usize::try_from(passed - 1).ok().and_then(|no| posts.get(no)) else {
        return chosen(query, plan);
    };
    let rest = query.start - (passed * STEP) as u32;
    let from = ListQuery { start: rest, ..query.clone() };
    choose(&from, plan, Some((place, *id)))
}

async fn estimate(database: &Database, query: &ListQuery) -> sqlx::Result<Estimates> {
    let mut counted: Vec<Tally> = look_up!(database, tallies(query), fetch_all)?;
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
        let all = sum(By::Scope, true, "all", &[String::new()]);
        if let Some(is_local) = query.filters.is_local {
            let here = sum(By::Locality, true, "local", &[String::new()]);
            let (videos, nsfw) = (all.videos - here.videos, all.nsfw - here.nsfw);
            filters.push(if is_local { here } else { Estimate { videos, nsfw, ..here } });
        }
        for (no, tag) in tags_all_of.iter().enumerate() {
            filters.push(sum(By::Tag(no), true, "tag", std::slice::from_ref(tag)));
        }
        Estimates { all, filters }
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
    if filters.is_local.is_some() {
        wanted.push(("local", vec![String::new()]));
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
        By::Locality => true,
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
    let found: (i64,) = look_up!(database, counting(query, estimates), fetch_one)?;
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
    choose(query, plan, None)
}

fn choose(query: &ListQuery, plan: Plan, after: Option<(&Bound, i64)>) -> Sql {
    let (key, hidden_key) = columns(query.order.key);
    let key = if matches!(plan, Plan::Sort(_)) { hidden_key } else { key };
    let mut sql = Sql::default();
    sql.push("SELECT id AS chosen_id, ");
    sql.push(key);
    sql.push(" AS chosen_key FROM video WHERE ");
    conditions(&mut sql, query, plan);
    if let Some((place, id)) = after {
        sql.push(" AND (");
        sql.push(key);
        sql.push(if query.order.is_descending { ", id) < (" } else { ", id) > (" });
        sql.bind(place.clone());
        sql.push(", ");
        sql.number(id);
        sql.push(")");
    }
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
    if let Some(is_local) = filters.is_local {
        sql.push(match (is_local, is_by(By::Locality)) {
            (true, true) => " AND is_remote = FALSE",
            (false, true) => " AND is_remote = TRUE",
            (true, false) => " AND NOT is_remote",
            (false, false) => " AND NOT (NOT is_remote)",
        });
    }
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

/// Pages from here on are walked to from a signpost.
const DEEP: u32 = 200;

/// Rows that are passed over in the time that one takes to be looked up and sorted.
const SORTED: i64 = 3;

pub(super) const OF_SUBSCRIPTIONS: &str = "SELECT CAST(COALESCE(SUM(videos), 0) AS BIGINT), CAST(COALESCE(SUM(nsfw), 0) AS BIGINT) \
                                FROM subscription CROSS JOIN tally \
                                WHERE user_id = $1 AND kind = 'channel' AND value = CAST(channel_id AS TEXT)";
