//! The query of a URL: its parameters taken out one by one, so that all bad ones are named at once.

use crate::error::{ApiError, BadField};
use crate::field::FieldError;

/// Names and values, and those found bad so far.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    bad: Vec<BadField>,
}

impl Query {
    /// Reads what is behind the question mark; what is more than a URL needs is passed over.
    pub(crate) fn parse(text: &str) -> Query {
        let pairs = form_urlencoded::parse(text.as_bytes()).take(PAIRS);
        Query {
            pairs: pairs.map(|(key, value)| (key.into(), value.into())).collect(),
            bad: Vec::new(),
        }
    }

    /// A parameter as it was written; an empty one is as good as absent.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter that may be absent.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let found = parse(self.text(name)?);
        found.map_err(|reason| self.bad.push(BadField { name, reason })).ok()
    }

    /// A parameter that may be there several times, as `name`, `name[]`, or with commas.
    pub(crate) fn several<T>(
        &mut self,
        name: &'static str,
        most: usize,
        parse: impl Fn(&str) -> Result<T, FieldError>,
    ) -> Vec<T> {
        let is_it = |key: &str| key == name || key.strip_suffix("[]") == Some(name);
        let values = self.pairs.iter().filter(|(key, _)| is_it(key));
        let values =
            values.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty());
        let read: Result<Vec<T>, FieldError> = values.take(most + 1).map(parse).collect();
        let read = match read {
            Ok(read) if read.len() > most => Err(FieldError::Many(most)),
            read => read,
        };
        read.map_err(|reason| self.bad.push(BadField { name, reason })).unwrap_or_default()
    }

    /// Takes a parameter out, since it has been read.
    pub(crate) fn forget(&mut self, name: &str) {
        self.pairs.retain(|(key, _)| key != name);
    }

    /// What was read, if none was bad.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, ApiError> {
        if self.bad.is_empty() { Ok(read) } else { Err(ApiError::Fields(self.bad)) }
    }
}

/// More than all parameters of a list at their bounds.
const PAIRS: usize = 200;
