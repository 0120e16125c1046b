//! A setting that can't be worked with, in one sentence for the host who wrote it.

use std::fmt::Debug;
use std::ops::RangeInclusive;

/// Which setting can't be worked with, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} = {value} is out of bounds: it may be {bounds}")]
pub struct BadSetting {
    /// Its section and name.
    key: &'static str,
    value: String,
    bounds: String,
}

impl BadSetting {
    pub(crate) fn new(key: &'static str, value: impl Debug, bounds: String) -> BadSetting {
        BadSetting { key, value: format!("{value:?}"), bounds }
    }
}

/// That a number is neither too small nor too large.
pub(crate) fn within(
    key: &'static str,
    value: u64,
    bounds: RangeInclusive<u64>,
) -> Result<(), BadSetting> {
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(BadSetting::new(key, value, format!("{} to {}", bounds.start(), bounds.end())))
}
