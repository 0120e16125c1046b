//! Videos as those see them who publish: in all states, found in the index of whose they are.

use super::card::{self, Card};
use crate::database::Database;
use crate::database::sql::{Sql, look_up};
use crate::listing::{Key, Order};

/// Whose videos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Account(i64),
    Channel(i64),
}

/// A page of them, and how many there are; `user_id` is who asks.
pub(crate) async fn page(
    database: &Database,
    whose: Whose,
    order: Order,
    start: i64,
    count: i64,
    user_id: i64,
) -> sqlx::Result<(i64, Vec<Card>)> {
    let mut counting = Sql::default();
    counting.push("SELECT COUNT(*) FROM video WHERE ");
    condition(&mut counting, whose);
    let total: (i64,) = look_up!(database, counting, fetch_one)?;
    let chosen = chosen(whose, order, start, count);
    Ok((total.0, card::fetch(database, chosen, order.is_descending, user_id).await?))
}

fn chosen(whose: Whose, order: Order, start: i64, count: i64) -> Sql {
    let key = match order.key {
        Key::Created => "created_at",
        Key::Published => "COALESCE(published_at, 0)",
        Key::Originally => "COALESCE(originally_published_at, published_at, 0)",
        Key::Views => "views + 0",
        Key::Trending => "views_lately + 0",
        Key::Likes => "likes + 0",
        Key::Duration => "duration_ms + 0",
        Key::Name => "name || ''",
    };
    let mut sql = Sql::default();
    sql.push("SELECT id AS chosen_id, ");
    sql.push(key);
    sql.push(" AS chosen_key FROM video WHERE ");
    condition(&mut sql, whose);
    sql.push(" ORDER BY ");
    sql.push(key);
    sql.push(if order.is_descending { " DESC, id DESC" } else { ", id" });
    sql.push(" LIMIT ");
    sql.number(count);
    sql.push(" OFFSET ");
    sql.number(start);
    sql
}

fn condition(sql: &mut Sql, whose: Whose) {
    match whose {
        Whose::Account(id) => {
            sql.push("account_id = ");
            sql.number(id);
        }
        Whose::Channel(id) => {
            sql.push("channel_id = ");
            sql.number(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::table::{channel, history, listing, subscription, user};

    #[tokio::test]
    async fn no_list_of_one_s_own_looks_at_a_whole_table() {
        let [trial, _] = trial::databases().await;
        let database = &trial.database;
        let mut all = Vec::new();
        for whose in [Whose::Account(1), Whose::Channel(1)] {
            for key in [Key::Created, Key::Published, Key::Views, Key::Name] {
                let order = Order { key, is_descending: true };
                all.push(card::statement(chosen(whose, order, 0, 15), true, 1));
            }
        }
        all.push(card::statement(history::chosen((1, 1), 0, 15), true, 1));
        let plain = [
            user::PAGE,
            channel::PAGE,
            channel::OF_ACCOUNT,
            channel::OF_COLLABORATOR,
            channel::BY_NAME,
            subscription::CHANNELS,
            listing::OF_SUBSCRIPTIONS,
        ];
        all.extend(plain.map(Sql::of));
        for sql in all {
            let text = sql.text().to_owned();
            let steps = listing::tests::explained(database, sql).await;
            let scans = steps.lines().filter(|step| step.contains("SCAN "));
            // A page of all users or channels is walked in the order of their keys, as far as its end.
            let is_of_all = ["WHERE TRUE ORDER BY", "WHERE is_remote = FALSE ORDER BY"]
                .iter()
                .any(|all| text.contains(all));
            let bad = scans.filter(|step| {
                let is_paged = is_of_all && (step.contains("INDEX") || *step == "SCAN users");
                !step.contains("SCAN chosen") && !is_paged
            });
            let bad: Vec<_> = bad.collect();
            assert!(bad.is_empty(), "{bad:?}: {steps}{text}");
            let is_sorted = is_of_all && steps.contains("TEMP B-TREE");
            assert!(!is_sorted, "{steps}{text}");
        }
    }
}
