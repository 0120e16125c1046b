//! What a host may set about accounts and their database.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::database::OpenError;
use crate::field::FieldError;

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
    /// Who registers must show first that they read what is sent to their address.
    pub requires_email_verification: bool,
    /// Bytes of video that a new user may keep; -1 is without a bound.
    pub video_quota_bytes: i64,
    /// Bytes of video that a new user may upload in 24 hours; -1 is without a bound.
    pub video_quota_daily_bytes: i64,
    /// Bytes of video files that somebody may take along in one export.
    pub export_bytes: i64,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// The section `[federation]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Federation {
    /// Other servers are told what everybody may see, and are heard.
    pub enabled: bool,
    /// Which of them may follow what is here.
    pub followers: Followers,
    /// What follows this instance is followed by it.
    pub follow_back: bool,
    /// What becomes of comments that come from other servers.
    pub comments: RemoteComments,
    /// Objects are told only to servers that say who they are.
    pub authorized_fetch: bool,
}

/// Who of other servers may follow what is here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Followers {
    /// Everybody who isn't blocked.
    #[default]
    Open,
    /// Whom an administrator lets.
    Approve,
    /// Nobody.
    Off,
}

/// What becomes of comments that come from other servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemoteComments {
    /// They are shown where the video's owner wants comments.
    #[default]
    On,
    /// They wait for the video's owner or a moderator.
    Approval,
    /// They aren't taken.
    Off,
}

/// The section `[outbound]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Outbound {
    /// People may have videos fetched from an address.
    pub imports: bool,
    /// For tests: also from this machine and its networks, without TLS, and from any port.
    pub allow_private: bool,
    /// A file with certificates (PEM) that are trusted beside the public ones; empty is none.
    pub ca_file: String,
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

    /// The same as variables of the environment, for PostgreSQL's own programs.
    pub(crate) fn variables(&self) -> Result<Vec<(&'static str, String)>, OpenError> {
        let options = self.options()?;
        let folder = options.get_socket().map(|folder| folder.to_string_lossy().into_owned());
        let user = options.get_username().to_owned();
        let mut variables = vec![
            ("PGHOST", folder.unwrap_or_else(|| options.get_host().to_owned())),
            ("PGPORT", options.get_port().to_string()),
            ("PGDATABASE", options.get_database().map_or_else(|| user.clone(), str::to_owned)),
            ("PGUSER", user),
            ("PGSSLMODE", ssl_mode(options.get_ssl_mode()).to_owned()),
        ];
        variables.extend(options.get_options().map(|text| ("PGOPTIONS", text.to_owned())));
        variables.extend(self.password().map(|text| ("PGPASSWORD", text)));
        let files = [
            ("PGSSLROOTCERT", ["sslrootcert", "ssl-root-cert", "ssl-ca"].as_slice()),
            ("PGSSLCERT", &["sslcert", "ssl-cert"]),
            ("PGSSLKEY", &["sslkey", "ssl-key"]),
        ];
        let named = files.map(|(variable, keys)| Some((variable, self.parameter(keys)?)));
        variables.extend(named.into_iter().flatten());
        Ok(variables)
    }

    /// One behind the `?` wins over one before the host.
    fn password(&self) -> Option<String> {
        let authority = self.0.split_once("://")?.1.split(['/', '?', '#']).next()?;
        let before = authority.rsplit_once('@').and_then(|(who, _)| who.split_once(':'));
        self.parameter(&["password"]).or_else(|| {
            // A plus sign is a space behind the `?` alone.
            let text = before?.1.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
            let decoded = form_urlencoded::parse(text.as_bytes()).next();
            decoded.map(|(text, _)| text.into_owned())
        })
    }

    /// The last of these names behind the `?`.
    fn parameter(&self, names: &[&str]) -> Option<String> {
        let query = self.0.split_once('?')?.1.split('#').next()?;
        let pairs = form_urlencoded::parse(query.as_bytes());
        pairs.filter(|(key, _)| names.contains(&&**key)).last().map(|(_, value)| value.into_owned())
    }

    #[cfg(test)]
    pub(crate) fn new(url: String) -> DatabaseUrl {
        DatabaseUrl(url)
    }

    #[cfg(test)]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
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
        if self.export_bytes < 0 {
            return Err(BadSetting::Export(self.export_bytes));
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

impl Default for Federation {
    fn default() -> Federation {
        Federation {
            enabled: true,
            followers: Followers::default(),
            follow_back: false,
            comments: RemoteComments::default(),
            authorized_fetch: false,
        }
    }
}

impl Default for Outbound {
    fn default() -> Outbound {
        Outbound { imports: true, allow_private: false, ca_file: String::new() }
    }
}

impl Default for Accounts {
    fn default() -> Accounts {
        Accounts {
            registration: Registration::Closed,
            requires_email_verification: false,
            export_bytes: 10 << 30,
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
    /// What an instance can't say of itself.
    #[error("instance.{key} {reason}")]
    House {
        /// Which one.
        key: &'static str,
        /// What it may be.
        reason: FieldError,
    },
    /// Less than nothing.
    #[error("{0} = {1} is out of bounds: it may be -1, for no bound, or a number of bytes")]
    Quota(&'static str, i64),
    /// The same.
    #[error("accounts.export_bytes = {0} is out of bounds: it may be a number of bytes, or 0")]
    Export(i64),
}

/// In PostgreSQL's words.
fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
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
