//! The configuration: one TOML file, then the environment, then the command line, the later winning.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use origin::setting::BadSetting;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::mirrors::{self, Mirror};
use crate::post::{Smtp, SmtpError};

/// Everything a host may set. `docs/shoal.toml` documents every key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) instance: sidecar::House,
    pub(crate) origin: origin::Config,
    pub(crate) tracker: tracker::Config,
    pub(crate) player: Player,
    pub(crate) import: origin::import::Settings,
    pub(crate) accounts: sidecar::config::Accounts,
    pub(crate) database: sidecar::config::Database,
    pub(crate) worker: Hiring,
    pub(crate) federation: sidecar::config::Federation,
    pub(crate) outbound: sidecar::config::Outbound,
    pub(crate) downloads: crate::download::Downloads,
    pub(crate) smtp: Smtp,
}

/// The section `[worker]`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Hiring {
    /// What a worker on another machine shows; empty lets none in.
    pub(crate) token: String,
}

impl fmt::Debug for Hiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hiring(…)")
    }
}

impl Hiring {
    fn check(&self) -> Result<(), ConfigError> {
        let is_good = self.token.bytes().all(|byte| byte.is_ascii_graphic());
        let is_long = self.token.is_empty() || self.token.len() >= LEAST_TOKEN;
        if is_good && is_long { Ok(()) } else { Err(ConfigError::WorkerToken) }
    }
}

/// The section `[server]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Address and port to listen on.
    pub(crate) listen: SocketAddr,
    /// Under which address others reach this server; `http://<listen>` if absent.
    pub(crate) public_url: Option<PublicUrl>,
    /// The folder with everything that this instance keeps.
    pub(crate) data: PathBuf,
    /// `/metrics` is answered to everyone, not to this machine alone.
    pub(crate) public_metrics: bool,
}

/// The section `[player]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Player {
    /// How far the pages let viewers share.
    pub(crate) p2p: Sharing,
    /// Who keeps copies of public videos, for players to fetch from, too.
    pub(crate) mirrors: Vec<Mirror>,
}

impl Player {
    fn check(&self) -> Result<(), ConfigError> {
        let count = self.mirrors.len();
        if count <= mirrors::MOST { Ok(()) } else { Err(ConfigError::Mirrors(count)) }
    }
}

/// How far viewers may pass a video on to each other; the player's attribute `p2p` has the same words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sharing {
    /// Not at all.
    Off,
    /// They take and don't give.
    Receive,
    /// They take and give, unless they turn it off.
    #[default]
    Full,
    /// They take and give if they say yes.
    Ask,
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sharing::Off => "off",
            Sharing::Receive => "receive",
            Sharing::Full => "full",
            Sharing::Ask => "ask",
        })
    }
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 9000)),
            public_url: None,
            data: PathBuf::from("data"),
            public_metrics: false,
        }
    }
}

impl Config {
    /// The file, which must exist if named, with the variables laid over it, and where each value comes from.
    pub(crate) fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Config, Sources), ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => {
                String::new()
            }
            Err(error) => return Err(ConfigError::Unreadable(path.to_owned(), error)),
        };
        let bad = |error| ConfigError::in_file(path, &text, &error);
        let from_file: Config = toml::from_str(&text).map_err(bad)?;
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let sources = Sources::of_file(path, &text, &from_file, &variables);
        let config = overlay(from_file, variables)?;
        config.origin.check()?;
        config.import.check()?;
        config.accounts.check()?;
        config.instance.check()?;
        config.database.check()?;
        config.worker.check()?;
        config.player.check()?;
        config.smtp.check(config.accounts.requires_email_verification)?;
        Ok((config, sources))
    }

    /// Nobody else can reach it: it listens on the loopback, and no proxy has a public address for it.
    pub(crate) fn is_for_this_machine(&self) -> bool {
        self.server.public_url.is_none() && self.server.listen.ip().is_loopback()
    }

    /// File descriptors that the full use of these settings takes.
    pub(crate) fn open_files(&self) -> u64 {
        self.origin.open_files() + self.tracker.connections as u64
    }

    /// Where others reach the instance that listens on `address`; this machine does, if that stands for all addresses.
    pub(crate) fn public_url(&self, mut address: SocketAddr) -> String {
        match address.ip() {
            ip if !ip.is_unspecified() => {}
            IpAddr::V4(_) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(_) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        }
        self.server
            .public_url
            .as_ref()
            .map_or_else(|| format!("http://{address}"), ToString::to_string)
    }

    /// Where pages under `public_url` ask for their address, if it isn't the usual port of that host: `off` if nowhere,
    /// otherwise as RFC 7064 writes it.
    pub(crate) fn unusual_stun(&self, public_url: &str) -> Option<String> {
        let mut ports = self.tracker.stun_listen.iter().map(SocketAddr::port);
        if ports.clone().any(|port| port == STUN_PORT) {
            return None;
        }
        let uri: Option<http::Uri> = public_url.parse().ok();
        let host = uri.as_ref().and_then(http::Uri::host);
        // The system chooses a port for 0, and no page knows which.
        let port = ports.find(|&port| port != 0);
        let stun = host.zip(port).map(|(host, port)| format!("stun:{host}:{port}"));
        Some(stun.unwrap_or_else(|| "off".to_owned()))
    }
}

/// Where others reach an instance: scheme, host and perhaps port, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct PublicUrl(String);

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> String {
        url.0
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<PublicUrl, ConfigError> {
        text.parse()
    }
}

impl std::str::FromStr for PublicUrl {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<PublicUrl, ConfigError> {
        let refused = || ConfigError::PublicUrl(text.to_owned());
        let text = text.strip_suffix('/').unwrap_or(text);
        let uri: http::Uri = text.parse().map_err(|_| refused())?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority = uri.authority().ok_or_else(refused)?;
        let is_bare = !authority.as_str().contains('@') && text.ends_with(authority.as_str());
        if is_web && is_bare { Ok(PublicUrl(text.to_ascii_lowercase())) } else { Err(refused()) }
    }
}

/// Why a configuration can't be used. The blame is the host's, who reads the text.
///
/// What others said is part of the sentence, and therefore no `source` that a reporter would say again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The named file isn't there or can't be read.
    #[error("cannot read the configuration {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// Not TOML, a key that doesn't exist, or a value of the wrong kind. The line itself isn't told: it may hold a password.
    #[error("{path}, line {line}: {reason}")]
    File { path: PathBuf, line: usize, reason: String },
    /// The same in an environment variable.
    #[error("{variable}: {reason}")]
    Variable { variable: String, reason: String },
    /// A variable that has a key of ours in another section than its own.
    #[error("{0} is no setting: they are SHOAL_<SECTION>_<KEY>, such as {1}")]
    UnknownVariable(String, String),
    /// A value that can't be worked with.
    #[error(transparent)]
    BadSetting(#[from] BadSetting),
    /// The same of accounts and their database.
    #[error(transparent)]
    BadAccounts(#[from] sidecar::config::BadSetting),
    /// The same of mail.
    #[error(transparent)]
    BadSmtp(#[from] SmtpError),
    /// One that could be guessed, or that no header carries. It isn't told.
    #[error(
        "worker.token is no token: it must have at least {LEAST_TOKEN} letters, digits and signs"
    )]
    WorkerToken,
    /// Not the address of a folder that could stand on a page.
    #[error(
        "{0:?} is no mirror: write it as https://mirror.example.org/hls/, below which each video has its folder"
    )]
    Mirror(String),
    /// More than players ask.
    #[error("player.mirrors has {0} mirrors: at most {most} are named on pages", most = mirrors::MOST)]
    Mirrors(usize),
    /// Something else than scheme and host.
    #[error("{0:?} is no public URL: write it as https://videos.example.org, without a path")]
    PublicUrl(String),
}

impl ConfigError {
    /// What a reader of TOML says, without what it quotes of a secret.
    fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let before = &text.as_bytes()[..at];
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        let words = text.lines().nth(line).unwrap_or_default();
        let is_url = words.split_once('=').is_some_and(|(key, _)| key.trim() == "url");
        let reason = if is_url || SECRETS.iter().any(|word| words.contains(word)) {
            "the value is a text in quotes, which isn't shown here: it may be a secret".to_owned()
        } else {
            error.message().to_owned()
        };
        ConfigError::File { path: path.to_owned(), line: line + 1, reason }
    }
}

/// Where the values of a configuration come from, if they aren't the defaults.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
    /// What is said in it.
    said: Table,
    /// Section, key and name of each variable.
    pub(crate) variables: Vec<(String, String, String)>,
    /// Section and key of what a flag said, and that flag.
    pub(crate) flags: Vec<(&'static str, &'static str, &'static str)>,
}

impl Sources {
    fn of_file(
        path: &Path,
        text: &str,
        config: &Config,
        variables: &[(String, String)],
    ) -> Sources {
        let table = Table::try_from(config).expect("a configuration is a table of plain values");
        let named = variables.iter().filter_map(|(name, _)| {
            target(&table, name).map(|(section, key)| (section, key, name.clone()))
        });
        Sources {
            file: path.exists().then(|| path.to_owned()),
            said: text.parse().unwrap_or_default(),
            variables: named.collect(),
            flags: Vec::new(),
        }
    }

    /// Where a value comes from, in words.
    pub(crate) fn of(&self, section: &str, key: &str) -> String {
        let is_it = |of: &&(&str, &str, &str)| (of.0, of.1) == (section, key);
        if let Some((.., flag)) = self.flags.iter().find(is_it) {
            return (*flag).to_owned();
        }
        if let Some((.., name)) =
            self.variables.iter().find(|of| (&*of.0, &*of.1) == (section, key))
        {
            return name.clone();
        }
        let said = self.said.get(section).and_then(Value::as_table);
        match &self.file {
            Some(file) if said.is_some_and(|keys| keys.contains_key(key)) => {
                file.display().to_string()
            }
            _ => "default".to_owned(),
        }
    }
}

/// Lays `SHOAL_SECTION_KEY` variables over a configuration.
fn overlay(
    config: Config,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut table = Table::try_from(&config).expect("a configuration is a table of plain values");
    let mut ours = Vec::new();
    for (name, text) in variables {
        match target(&table, &name) {
            Some(target) => ours.push((target, name, text)),
            None => refuse_if_meant_for_us(&table, name)?,
        }
    }
    ours.sort_unstable();
    let mut config = config;
    for ((section, key), variable, text) in ours {
        let refused = |reason: String| ConfigError::Variable { variable: variable.clone(), reason };
        let section = table
            .get_mut(&section)
            .and_then(Value::as_table_mut)
            .expect("a section found by its name");
        let value = read_as(section.get(&key), &text)
            .ok_or_else(|| refused(format!("{text:?} is of the wrong kind")))?;
        section.insert(key, value);
        config = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| refused(error.message().to_owned()))?;
    }
    Ok(config)
}

/// Which section and key a variable sets; `None` if its prefix is that of no section.
fn target(table: &Table, variable: &str) -> Option<(String, String)> {
    let (section, key) = variable.strip_prefix("SHOAL_")?.split_once('_')?;
    let section = section.to_ascii_lowercase();
    table.contains_key(&section).then(|| (section, key.to_ascii_lowercase()))
}

/// A name with one of our keys is a slip in the section. Others aren't ours: where a service is called shoal,
/// Kubernetes sets `SHOAL_SERVICE_HOST` and its like.
fn refuse_if_meant_for_us(table: &Table, variable: String) -> Result<(), ConfigError> {
    let Some(rest) = variable.strip_prefix("SHOAL_").map(str::to_ascii_lowercase) else {
        return Ok(());
    };
    let known = table.iter().flat_map(|(section, keys)| {
        keys.as_table()
            .into_iter()
            .flat_map(Table::keys)
            .filter(|key| !COMMON.contains(&key.as_str()))
            .map(move |key| (section.as_str(), key.as_str()))
    });
    let is_meant = |key: &str| {
        rest.strip_suffix(key).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    match known.chain([("server", "public_url")]).find(|&(_, key)| is_meant(key)) {
        Some((section, key)) => {
            let right = format!("SHOAL_{section}_{key}").to_ascii_uppercase();
            Err(ConfigError::UnknownVariable(variable, right))
        }
        None => Ok(()),
    }
}

/// The text as a value of the kind that `known` is of; commas part a list.
fn read_as(known: Option<&Value>, text: &str) -> Option<Value> {
    match known {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Float(_)) => text.parse().ok().map(Value::Float),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        Some(Value::Array(known)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(|item| read_as(known.first(), item)).collect::<Option<_>>().map(Value::Array)
        }
        _ => Some(Value::String(text.to_owned())),
    }
}

/// Keys whose names others' variables end in, too.
const COMMON: [&str; 5] = ["from", "host", "password", "port", "user"];

/// What lines with secrets have in their keys, beside the database's URL.
const SECRETS: [&str; 3] = ["password", "token", "secret"];

/// Nobody guesses as many characters.
const LEAST_TOKEN: usize = 20;

/// Where the player looks for STUN when its page says nothing: STUN's own port (RFC 8489 §18.6).
const STUN_PORT: u16 = 3478;

/// Read from the working folder when no other file is named, if it is there.
const DEFAULT_FILE: &str = "shoal.toml";

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../docs/shoal.toml");

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        overlay(
            Config::default(),
            variables.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())),
        )
    }

    #[test]
    fn the_documented_file_holds_the_defaults() {
        assert_eq!(toml::from_str::<Config>(DOCUMENTED).unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_documented() {
        let documented: Table = DOCUMENTED.parse().unwrap();
        for (section, keys) in Table::try_from(Config::default()).unwrap() {
            let written = documented[&section].as_table().unwrap();
            assert_eq!(
                keys.as_table().unwrap().keys().collect::<Vec<_>>(),
                written.keys().collect::<Vec<_>>()
            );
        }
        assert!(DOCUMENTED.contains("# public_url = ") && DOCUMENTED.contains("# url = "));
    }

    #[test]
    fn a_variable_wins_over_the_file() {
        let config = with(&[
            ("SHOAL_SERVER_LISTEN", "[::1]:80"),
            ("SHOAL_SERVER_PUBLIC_URL", "https://videos.example.org/"),
            ("SHOAL_SERVER_PUBLIC_METRICS", "true"),
            ("SHOAL_ORIGIN_CACHE_BYTES", "1024"),
            ("SHOAL_SERVER_DATA", "1234"),
            ("SHOAL_TRACKER_STUN_LISTEN", ""),
            ("SHOAL_PLAYER_P2P", "receive"),
            ("SHOAL_PLAYER_MIRRORS", "https://a.example, http://b.example/hls"),
            ("SHOAL_OF_FISH", "is not ours"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(config.server.listen, "[::1]:80".parse().unwrap());
        assert_eq!(config.server.public_url.unwrap().to_string(), "https://videos.example.org");
        assert_eq!((config.origin.cache_bytes, config.server.public_metrics), (1024, true));
        assert_eq!(config.server.data, PathBuf::from("1234"));
        assert_eq!(config.tracker.stun_listen, []);
        assert_eq!(config.player.p2p, Sharing::Receive);
        let mirrors: Vec<_> = config.player.mirrors.iter().map(ToString::to_string).collect();
        assert_eq!(mirrors, ["https://a.example/", "http://b.example/hls/"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        #[track_caller]
        fn check_file(text: &str, wanted: &str) {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        #[track_caller]
        fn check_variable(name: &str, text: &str, wanted: &str) {
            let error = with(&[(name, text)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(wanted), "{error}");
        }
        check_file("[server]\nport = 9000", "unknown field `port`");
        check_file("[sever]\nlisten = \"127.0.0.1:1\"", "unknown field `sever`");
        check_file("[server]\nlisten = \"nowhere\"", "invalid socket address");
        check_file("[tracker]\nstun_listen = [\"nowhere\"]", "invalid socket address");
        check_file(
            "[player]\np2p = \"on\"",
            "unknown variant `on`, expected one of `off`, `receive`",
        );
        check_variable("SHOAL_PLAYER_P2P", "Full", "unknown variant `Full`");
        check_variable("SHOAL_P2P", "off", "such as SHOAL_PLAYER_P2P");
        check_file("[server]\npublic_url = \"https://example.org/videos\"", "without a path");
        check_variable("SHOAL_SERVER_PORT", "9000", "unknown field `port`");
        check_variable("SHOAL_ORIGIN_CONNECTIONS", "many", "wrong kind");
        check_variable("SHOAL_ORIGIN_CONNECTIONS", "-1", "-1");
        check_variable("SHOAL_SEVER_LISTEN", "127.0.0.1:1", "such as SHOAL_SERVER_LISTEN");
        check_variable("SHOAL_LISTEN", "127.0.0.1:1", "such as SHOAL_SERVER_LISTEN");
        check_variable("SHOAL_PUBLIC_URL", "https://a", "such as SHOAL_SERVER_PUBLIC_URL");
        check_variable("SHOAL_ORIGINS_CACHE_BYTES", "1", "such as SHOAL_ORIGIN_CACHE_BYTES");
    }

    #[test]
    fn no_line_of_the_file_is_told_to_whoever_reads_the_log() {
        #[track_caller]
        fn check(text: &str, wanted: &str) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("shoal.toml");
            std::fs::write(&file, text).unwrap();
            let error = Config::load(Some(&file), []).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
            assert!(!error.contains("sesame") && !error.contains("87654321"), "{error}");
        }
        check("[smtp]\nhost = \"a\"\npassword = open sesame\n", "line 3: the value is a text");
        check("[smtp]\npassword = 'open sesame\nport = 25\n", "line 2: the value is a text");
        check("[smtp]\npassword = 87654321\n", "line 2: the value is a text");
        check("[smtp]\npasswort = \"sesame\"\n", "line 2: unknown field `passwort`");
        check("[worker]\ntoken = [\"sesame\"]\n", "line 2: the value is a text");
        check("[database]\nurl = postgres://shoal:sesame@localhost/shoal\n", "line 2: the value");
        check("[sever]\n", "line 1: unknown field `sever`");
        check(
            "[server]\npublic_url = \"https://a/b\"\n",
            "line 2: \"https://a/b\" is no public URL",
        );
    }

    #[test]
    fn what_others_call_shoal_is_not_ours() {
        for name in [
            "SHOAL_SERVICE_HOST",
            "SHOAL_PORT_9000_TCP_ADDR",
            "SHOAL_SERVICE_PORT",
            "SHOAL_PORT",
            "SHOAL_EMBEDDED",
            "SHOAL_",
            "E2E_DATA",
        ] {
            assert_eq!(with(&[(name, "x")]).unwrap(), Config::default(), "{name}");
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused_wherever_they_stand() {
        #[track_caller]
        fn check(name: &str, text: &str, wanted: &str) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("shoal.toml");
            std::fs::write(&file, "").unwrap();
            let variable = [(name.to_owned(), text.to_owned())];
            let error = Config::load(Some(&file), variable).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        check("SHOAL_ORIGIN_CONNECTIONS", "0", "origin.connections = 0 is out of bounds");
        check(
            "SHOAL_ORIGIN_REQUEST_TIMEOUT_SECONDS",
            "9223372036854775807",
            "it may be 1 to 86400",
        );
        check("SHOAL_IMPORT_HEIGHTS", "", "import.heights = [] is out of bounds: it may be one");
        check("SHOAL_IMPORT_PRESET", "-y", "import.preset = \"-y\" is out of bounds");
        check("SHOAL_DATABASE_URL", "mysql://a", "database.url is no PostgreSQL URL");
        check("SHOAL_DATABASE_CONNECTIONS", "0", "database.connections = 0 is out of bounds");
        check(
            "SHOAL_ACCOUNTS_REGISTRATION",
            "all",
            "unknown variant `all`, expected one of `closed`",
        );
        check("SHOAL_ACCOUNTS_VIDEO_QUOTA_BYTES", "-2", "accounts.video_quota_bytes = -2 is out");
        check(
            "SHOAL_PLAYER_MIRRORS",
            "a.example",
            "\"a.example\" is no mirror: write it as https://",
        );
        let many = "https://a.example,".repeat(9);
        check("SHOAL_PLAYER_MIRRORS", &many, "player.mirrors has 9 mirrors: at most 8");
        check("SHOAL_WORKER_TOKEN", "secret", "worker.token is no token: it must have at least 20");
        check("SHOAL_IMPORT_CRF", "52", "import.crf = 52 is out of bounds: it may be 0 to 51");
    }

    #[test]
    fn sharing_is_written_as_it_is_read() {
        for sharing in [Sharing::Off, Sharing::Receive, Sharing::Full, Sharing::Ask] {
            let value = Value::try_from(sharing).unwrap();
            assert_eq!(value.as_str(), Some(sharing.to_string().as_str()));
        }
    }

    #[test]
    fn pages_hear_of_stun_where_it_is_not_as_usual() {
        #[track_caller]
        fn check(listen: &[&str], public_url: &str, wanted: Option<&str>) {
            let mut config = Config::default();
            config.tracker.stun_listen =
                listen.iter().map(|address| address.parse().unwrap()).collect();
            assert_eq!(config.unusual_stun(public_url).as_deref(), wanted);
        }
        assert_eq!(Config::default().unusual_stun("https://videos.example.org"), None);
        check(&["0.0.0.0:9", "[::]:3478"], "https://videos.example.org", None);
        check(&["0.0.0.0:9"], "https://videos.example.org", Some("stun:videos.example.org:9"));
        check(&["0.0.0.0:0", "[::]:9"], "http://[::1]:9000", Some("stun:[::1]:9"));
        check(&["0.0.0.0:0"], "http://127.0.0.1:9000", Some("off"));
        check(&[], "https://videos.example.org", Some("off"));
    }

    #[test]
    fn all_addresses_are_reached_from_here_by_the_loopback() {
        let url = |address: &str| Config::default().public_url(address.parse().unwrap());
        assert_eq!(url("0.0.0.0:9000"), "http://127.0.0.1:9000");
        assert_eq!(url("[::]:9000"), "http://[::1]:9000");
        assert_eq!(url("192.0.2.1:80"), "http://192.0.2.1:80");
    }

    #[test]
    fn an_error_is_said_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shoal.toml");
        std::fs::write(&file, "[sever]\n").unwrap();
        for file in [&file, &folder.path().join("none.toml")] {
            let error = Config::load(Some(file), []).unwrap_err();
            assert!(std::error::Error::source(&error).is_none(), "{error}");
        }
    }

    #[test]
    fn a_public_url_is_scheme_and_host() {
        #[track_caller]
        fn check(text: &str, wanted: Option<&str>) {
            assert_eq!(
                text.parse::<PublicUrl>().ok().map(|url| url.to_string()).as_deref(),
                wanted,
                "{text}"
            );
        }
        check("https://Videos.example.org", Some("https://videos.example.org"));
        check("http://127.0.0.1:9000/", Some("http://127.0.0.1:9000"));
        check("http://[::1]:9000", Some("http://[::1]:9000"));
        check("https://example.org/a", None);
        check("https://example.org?a", None);
        check("https://user@example.org", None);
        check("ftp://example.org", None);
        check("example.org", None);
        check("https://", None);
    }

    #[test]
    fn a_named_file_must_exist() {
        let error = Config::load(Some(Path::new("/nowhere/shoal.toml")), []).unwrap_err();
        assert!(error.to_string().contains("/nowhere/shoal.toml"), "{error}");
    }
}
