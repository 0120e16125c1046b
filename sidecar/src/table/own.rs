//! Videos as those see them who publish: in all states, found in the index of whose they are.

use sqlx::AssertSqlSafe;

use super::card::{self, Card, Sql, bound};
use crate::database::{Database, reading};
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
    let total: (i64,) = reading!(database, pool => {
        bound!(sqlx::query_as(AssertSqlSafe(counting.text)), counting.values).fetch_one(pool).await
    })?;
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
