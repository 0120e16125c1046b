//! Lists compared with what a loop finds, and what SQLite says of how it would find them.

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
        let id =
            video::tests::made(database, if no % 3 == 0 { "bob" } else { "alice" }, about).await;
        if no % 8 == 1 {
            elsewhere(database, id).await;
        }
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

/// Makes a video one of another server's, whose channel is followed.
async fn elsewhere(database: &Database, id: i64) {
    for update in [
        "UPDATE video SET is_remote = TRUE WHERE id = $1",
        "UPDATE channel SET is_followed = TRUE WHERE id = (SELECT channel_id FROM video WHERE id = $1)",
    ] {
        crate::database::writing!(database, pool => {
            sqlx::query(update).bind(id).execute(pool).await.map(drop)
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
        && filters.is_local.is_none_or(|is_local| video.is_remote != is_local)
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
        Filters { is_local: Some(true), ..Filters::default() },
        Filters { is_local: Some(false), ..Filters::default() },
        Filters { is_local: Some(false), categories: vec![1], ..Filters::default() },
        Filters { is_local: Some(true), nsfw: Nsfw::Without, ..Filters::default() },
        Filters { tags_one_of: words(&["t1", "t2"]), categories: vec![1], ..Filters::default() },
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
async fn a_signpost_shows_the_way_to_the_same_page() {
    for trial in trial::databases().await {
        let database = &trial.database;
        fill(database).await;
        for query in queries().into_iter().map(|query| ListQuery { scope: Scope::All, ..query }) {
            let direct = |start| ListQuery { start, count: 4, ..query.clone() };
            let all: Posts = {
                let chosen = chosen(&ListQuery { count: 100, ..direct(0) }, Plan::Walk);
                let rows: Vec<(i64, i64)> = if query.order.key == Key::Name {
                    let rows: Vec<(i64, String)> = look_up!(database, chosen, fetch_all).unwrap();
                    let posts = rows.into_iter().map(|(id, key)| (Bound::Text(key), id));
                    let posts: Vec<_> = posts.collect();
                    check_posts(database, &query, &posts).await;
                    continue;
                } else {
                    look_up!(database, chosen, fetch_all).unwrap()
                };
                rows.into_iter().map(|(id, key)| (Bound::Number(key), id)).collect()
            };
            check_posts(database, &query, &all).await;
        }
    }
}

/// That whatever comes after a place is what comes after it in the list.
async fn check_posts(database: &Database, query: &ListQuery, all: &[(Bound, i64)]) {
    for (no, (place, id)) in all.iter().enumerate().step_by(7) {
        let from = ListQuery { start: 0, count: 4, ..query.clone() };
        let chosen = choose(&from, Plan::Walk, Some((place, *id)));
        let cards = card::fetch(database, chosen, query.order.is_descending, 0).await.unwrap();
        let wanted: Vec<i64> = all.iter().skip(no + 1).take(4).map(|(_, id)| *id).collect();
        assert_eq!(cards.iter().map(|card| card.id).collect::<Vec<_>>(), wanted, "{query:?}");
    }
}

#[tokio::test]
async fn signposts_are_made_of_a_long_list_and_found_in_its_index() {
    for trial in trial::databases().await {
        let database = &trial.database;
        fill(database).await;
        let copy = "INSERT INTO video (uuid, channel_id, account_id, state, privacy, listed_at, name, nsfw, comments_policy, \
                    download_enabled, wait_transcoding, duration_ms, width, height, source_name, source_bytes, views, \
                    views_lately, likes, dislikes, created_at, updated_at, published_at) \
                    SELECT CAST(one.id * 1000 + two.id AS TEXT), one.channel_id, one.account_id, 1, 1, one.id, two.name, FALSE, 1, \
                    TRUE, TRUE, 0, 0, 0, '', 0, two.id, 0, 0, 0, 0, 0, 0 FROM video AS one CROSS JOIN video AS two \
                    WHERE one.id <= 20 AND two.id <= 50";
        crate::database::writing!(database, pool => sqlx::query(copy).execute(pool).await.map(drop)).unwrap();
        let signposts = Signposts::default();
        for (index, key) in KEYS {
            let order = Order { key, is_descending: key != Key::Likes };
            let query = |start| ListQuery { order, start, count: 9, ..ListQuery::default() };
            for start in [200, 555, 1_030, 5_000] {
                let by = Some((&signposts, Time::ZERO));
                let deep = list_by(database, &query(start), 0, by).await.unwrap();
                let walked = list(database, &query(start), 0).await.unwrap();
                assert_eq!(deep.cards, walked.cards, "{index} from {start}");
            }
            let posts = signposts.find(Time::ZERO, &query(0)).unwrap();
            assert!((20..=21).contains(&posts.len()), "{index}: {}", posts.len());
            if matches!(database, Database::Sqlite { .. }) {
                let chosen =
                    explained(database, chosen_from(&query(555), Plan::Walk, &posts)).await;
                // An index of an expression is walked from its beginning, which is no worse than before.
                let how = if key == Key::Originally { "SCAN" } else { "SEARCH" };
                assert!(
                    chosen.contains(&format!("{how} video USING COVERING INDEX {index}")),
                    "{chosen}"
                );
                let made = explained(database, posting(&query(0), Plan::Walk)).await;
                assert!(made.contains(&format!(" INDEX {index}")), "{made}");
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
        let query =
            ListQuery { scope: Scope::Subscriptions(user.id), count: 5, ..ListQuery::default() };
        let none = list(database, &query, user.id).await.unwrap();
        assert_eq!((none.total, none.cards.len()), (0, 0));
        let bob = crate::table::channel::by_name(database, "bob_channel").await.unwrap().unwrap();
        assert!(crate::table::subscription::begin(database, 5, user.id, bob.id).await.unwrap());
        let of_channel = ListQuery { scope: Scope::Channel(bob.id), ..query.clone() };
        let found = list(database, &query, user.id).await.unwrap();
        assert!(found.cards.len() == 5 && found.total > 5);
        assert_eq!(found, list(database, &of_channel, user.id).await.unwrap());
    }
}

/// SQLite's words on how it would answer.
pub(crate) async fn explained(database: &Database, sql: Sql) -> String {
    let sql = sql.within("EXPLAIN QUERY PLAN ", "");
    let steps: Vec<(i64, i64, i64, String)> = look_up!(database, sql, fetch_all).unwrap();
    steps.into_iter().map(|step| step.3 + "\n").collect()
}

#[tokio::test]
async fn no_list_looks_at_the_whole_table() {
    let [trial, _] = trial::databases().await;
    let database = &trial.database;
    for query in queries() {
        let index = KEYS.iter().find(|(_, key)| *key == query.order.key).unwrap().0;
        let estimates = estimate(database, &query).await.unwrap();
        let walk = explained(database, card::statement(chosen(&query, Plan::Walk), true, 1)).await;
        assert!(walk.contains(&format!(" INDEX {index}")), "{index}: {walk}{query:?}");
        let is_in_index = query.scope == Scope::All
            && query.filters.licences.is_empty()
            && query.filters.is_local.is_none()
            && (query.filters.longer_ms.is_none() || query.order.key == Key::Duration);
        let is_covered = walk.contains(&format!(" COVERING INDEX {index}"));
        assert!(is_covered || !is_in_index, "{walk}{query:?}");
        let mut all = vec![walk, explained(database, tallies(&query)).await];
        all.push(explained(database, counting(&query, &estimates)).await);
        for estimate in &estimates.filters {
            let sorted = explained(database, chosen(&query, Plan::Sort(estimate.by))).await;
            let is_found = sorted.contains("SEARCH video")
                || (estimate.by == By::Locality && sorted.contains(" INDEX video_newest_"));
            assert!(is_found, "{:?}: {sorted}{query:?}", estimate.by);
            all.push(sorted);
            if is_single(&query, estimate.by) && query.order.key == Key::Published {
                let followed = explained(database, chosen(&query, Plan::Follow(estimate.by))).await;
                assert!(!followed.contains("TEMP B-TREE"), "{followed}{query:?}");
                let is_there =
                    estimate.by != By::Locality || followed.contains(" INDEX video_newest_");
                assert!(is_there, "{followed}{query:?}");
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
    let tally = |kind: &str, value: &str, videos| (kind.to_owned(), value.to_owned(), videos, 0);
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
