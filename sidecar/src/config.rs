//! What a host may set about accounts and their database.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;

use crate::database::OpenError;

/// The section `[database]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Where PostgreSQL is; SQLite in the data folder if absent.
    pub url: Option<DatabaseUrl>,
    /// Connections to PostgreSQL at once.
    pub connections: u32,
}

/// The section `[accounts]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accounts {
    /// Who may have an account.
    pub registration: Registration,
    /// Bytes of video that a new user may keep; -1 is without a bound.
    pub video_quota_bytes: i64,
    /// Bytes of video that a new user may upload in 24 hours; -1 is without a bound.
    pub video_quota_daily_bytes: i64,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// Who may have an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Whom the host gives one.
    #[default]
    Closed,
    /// Everybody.
    Open,
    /// Whom a moderator lets in.
    Approval,
}

/// `postgres://user:password@host/name`, which is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub(crate) fn options(&self) -> Result<PgConnectOptions, OpenError> {
        let is_postgres =
            ["postgres://", "postgresql://"].iter().any(|scheme| self.0.starts_with(scheme));
        let options = is_postgres.then(|| PgConnectOptions::from_str(&self.0).ok()).flatten();
        options.ok_or(OpenError::BadUrl)
    }

    #[cfg(test)]
    pub(crate) fn new(url: String) -> DatabaseUrl {
        DatabaseUrl(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl Database {
    /// That every value can be worked with.
    ///
    /// # Errors
    /// Which one can't, and what it may be.
    pub fn check(&self) -> Result<(), BadSetting> {
        if !(1..=MOST_CONNECTIONS).contains(&self.connections) {
            return Err(BadSetting::Connections(self.connections));
        }
        match &self.url {
            Some(url) => url.options().map(drop).map_err(|_| BadSetting::Url),
            None => Ok(()),
        }
    }
}

impl Accounts {
    /// That every value can be worked with.
    ///
    /// # Errors
    /// Which one can't, and what it may be.
    pub fn check(&self) -> Result<(), BadSetting> {
        for (key, bytes) in [
            ("accounts.video_quota_bytes", self.video_quota_bytes),
            ("accounts.video_quota_daily_bytes", self.video_quota_daily_bytes),
        ] {
            if bytes < -1 {
                return Err(BadSetting::Quota(key, bytes));
            }
        }
        Ok(())
    }
}

impl Default for Database {
    fn default() -> Database {
        // PostgreSQL lets in 100 in all, and more at once than it has cores make it slower.
        Database { url: None, connections: 8 }
    }
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts {
            registration: Registration::Closed,
            video_quota_bytes: -1,
            video_quota_daily_bytes: -1,
            trusted_proxies: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        }
    }
}

/// Which setting can't be worked with, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSetting {
    /// The text isn't told: it may hold a password.
    #[error("database.url is no PostgreSQL URL: write it as postgres://user:password@host/name")]
    Url,
    /// No connection, or more than any server lets in.
    #[error("database.connections = {0} is out of bounds: it may be 1 to {MOST_CONNECTIONS}")]
    Connections(u32),
    /// Less than nothing.
    #[error("{0} = {1} is out of bounds: it may be -1, for no bound, or a number of bytes")]
    Quota(&'static str, i64),
}

/// More than any PostgreSQL is configured for.
const MOST_CONNECTIONS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_url(url: &str, wanted: Result<(), BadSetting>) {
        let settings = Database { url: Some(DatabaseUrl::new(url.to_owned())), connections: 1 };
        assert_eq!(settings.check(), wanted, "{url}");
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn only_postgresql_has_a_url_and_it_is_never_shown() {
        check_url("postgres://shoal:secret@localhost/shoal", Ok(()));
        check_url("postgresql:///shoal?host=/run/postgresql", Ok(()));
        check_url("mysql://shoal:secret@localhost/shoal", Err(BadSetting::Url));
        check_url("secret", Err(BadSetting::Url));
        check_url("postgres://shoal:secret@localhost:port/shoal", Err(BadSetting::Url));
    }

    #[test]
    fn numbers_out_of_bounds_are_refused() {
        for connections in [0, 1_001] {
            let settings = Database { url: None, connections };
            assert_eq!(settings.check(), Err(BadSetting::Connections(connections)));
        }
        let settings = Accounts { video_quota_daily_bytes: -2, ..Accounts::default() };
        let wanted = BadSetting::Quota("accounts.video_quota_daily_bytes", -2);
        assert_eq!(settings.check(), Err(wanted));
    }
}
