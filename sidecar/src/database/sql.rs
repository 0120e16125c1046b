//! Queries that are put together of constants: lists whose conditions differ from one request to the next.
//!
//! Only `&'static str` is ever added to the text; whatever comes from outside is bound. This is what vouches for it to sqlx.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// A query in the making.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Bound>,
}

/// What a parameter is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    Number(i64),
    Text(String),
}

impl Sql {
    #[cfg(test)]
    pub(crate) fn of(text: &'static str) -> Sql {
        Sql { text: text.to_owned(), values: Vec::new() }
    }

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

    /// The same query as a part of another.
    pub(crate) fn within(self, before: &'static str, after: &'static str) -> Sql {
        Sql { text: [before, &self.text, after].concat(), values: self.values }
    }

    /// What sqlx runs, and what is bound to it.
    pub(crate) fn finish(self) -> (SqlStr, Vec<Bound>) {
        (AssertSqlSafe(self.text).into_sql_str(), self.values)
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

/// Runs a query that was put together and changes nothing, with `fetch_all` or another method of sqlx.
macro_rules! look_up {
    ($database:expr, $sql:expr, $fetch:ident) => {{
        let (text, values) = $sql.finish();
        $crate::database::reading!($database, pool => {
            let mut query = sqlx::query_as(text);
            for value in values {
                query = match value {
                    $crate::database::sql::Bound::Number(number) => query.bind(number),
                    $crate::database::sql::Bound::Text(text) => query.bind(text),
                };
            }
            query.$fetch(pool).await
        })
    }};
}

pub(crate) use look_up;
