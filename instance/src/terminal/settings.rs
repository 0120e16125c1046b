//! `shoal config`: what the instance is told to do, and by whom.

use std::fmt::Write;

use clap::Subcommand;
use serde_json::{Map, Value as Json, json};
use toml::{Table, Value};

use super::{Output, say};
use crate::cli::Settings;
use crate::config::{Config, Sources};

/// What is asked about the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the settings that hold, and where each comes from: default, file, environment or flag. Secrets are hidden.
    Show {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Say whether the settings can be worked with, and else what is wrong.
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// Print a configuration file with every key, its default and what it is for.
    Default,
}

impl ConfigCommand {
    /// Answers it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            ConfigCommand::Show { output, settings } => {
                let (config, sources) = settings.trace()?;
                let lines = lines(&config, &sources);
                say(&if output.json { super::pretty(&in_json(&lines))? } else { in_toml(&lines) })
            }
            ConfigCommand::Check { settings } => {
                let (_, sources) = settings.trace()?;
                let file = sources.file.as_ref().map_or_else(
                    || "no configuration file".to_owned(),
                    |path| path.display().to_string(),
                );
                let variables = sources.variables.len();
                say(&format!("{file} and {variables} variables of the environment: all is well"))
            }
            ConfigCommand::Default => say(DOCUMENTED.trim_end()),
        }
    }
}

/// One setting.
#[derive(Debug, PartialEq)]
struct Line {
    section: String,
    key: String,
    /// `None` is not set, and has no default.
    value: Option<Value>,
    from: String,
}

/// All settings in the order of the sections, without secrets.
fn lines(config: &Config, sources: &Sources) -> Vec<Line> {
    let table = Table::try_from(config).expect("a configuration is a table of plain values");
    let mut lines = Vec::new();
    for (section, keys) in table {
        let keys = keys.as_table().cloned().unwrap_or_default();
        let unset = optional(&section).filter(|key| !keys.contains_key(*key)).map(|key| Line {
            section: section.clone(),
            key: key.to_owned(),
            value: None,
            from: "not set".to_owned(),
        });
        lines.extend(unset);
        for (key, value) in keys {
            let from = sources.of(&section, &key);
            let value = Some(if is_secret(&section, &key) { hidden(&value) } else { value });
            lines.push(Line { section: section.clone(), key, value, from });
        }
    }
    lines
}

/// Whether others must not read it: it is or holds a password.
fn is_secret(section: &str, key: &str) -> bool {
    ["password", "token", "secret"].iter().any(|word| key.contains(word))
        || (section, key) == ("database", "url")
}

/// Only whether there is one.
fn hidden(value: &Value) -> Value {
    let is_empty = value.as_str() == Some("");
    Value::String(if is_empty { String::new() } else { "(hidden)".to_owned() })
}

/// The keys of a section that have no default, as the documented file has them: behind a `#`.
fn optional(section: &str) -> impl Iterator<Item = &'static str> {
    let head = format!("[{section}]");
    let lines = DOCUMENTED.lines().skip_while(move |line| *line != head).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter_map(|line| {
        let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
        key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then_some(key)
    })
}

fn in_toml(lines: &[Line]) -> String {
    let mut out = String::from("# A flag wins over a variable, a variable over the file.\n");
    let said = |line: &Line| match &line.value {
        Some(value) => format!("{} = {value}", line.key),
        None => format!("# {}", line.key),
    };
    let width = lines.iter().map(|line| said(line).chars().count()).max().unwrap_or(0).min(60);
    let mut section = "";
    for line in lines {
        if line.section != section {
            let _ = writeln!(out, "\n[{}]", line.section);
            section = &line.section;
        }
        let _ = writeln!(out, "{:<width$}  # {}", said(line), line.from);
    }
    out.trim_end().to_owned()
}

fn in_json(lines: &[Line]) -> Json {
    let mut sections = Map::new();
    for line in lines {
        let section = sections.entry(&line.section).or_insert_with(|| json!({}));
        section[&line.key] = json!({ "value": line.value, "from": line.from });
    }
    Json::Object(sections)
}

/// Every key with its default.
const DOCUMENTED: &str = include_str!("../../../docs/shoal.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, variables: &[(&str, &str)]) -> Vec<Line> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shoal.toml");
        std::fs::write(&file, text).unwrap();
        let variables = variables.iter().map(|&(name, text)| (name.to_owned(), text.to_owned()));
        let (config, sources) = Config::load(Some(&file), variables).unwrap();
        lines(&config, &sources)
    }

    #[track_caller]
    fn check(lines: &[Line], section: &str, key: &str, value: Option<&str>, from: &str) {
        let line = lines.iter().find(|line| (&*line.section, &*line.key) == (section, key));
        let line = line.unwrap_or_else(|| panic!("{section}.{key} is not shown"));
        let shown = line.value.as_ref().map(ToString::to_string);
        assert_eq!(shown.as_deref(), value, "{key}");
        assert!(line.from.contains(from), "{}", line.from);
    }

    #[test]
    fn each_setting_says_where_it_comes_from() {
        let text = "[server]\nlisten = \"127.0.0.1:80\"\npublic_metrics = true\n";
        let lines = shown(text, &[("SHOAL_SERVER_LISTEN", "127.0.0.1:81"), ("SHOAL_OF_FISH", "")]);
        check(&lines, "server", "listen", Some("\"127.0.0.1:81\""), "SHOAL_SERVER_LISTEN");
        check(&lines, "server", "public_metrics", Some("true"), "shoal.toml");
        check(&lines, "server", "data", Some("\"data\""), "default");
        check(&lines, "server", "public_url", None, "not set");
        check(&lines, "database", "url", None, "not set");
        assert!(toml::from_str::<Config>(&in_toml(&lines)).is_ok(), "it is a file again");
        assert_eq!(in_json(&lines)["server"]["public_metrics"]["value"], true);
    }

    #[test]
    fn no_secret_is_shown() {
        let token = "a token of more than twenty letters".replace(' ', "-");
        let url = "postgres://shoal:sesame@localhost/shoal";
        let lines =
            shown(&format!("[database]\nurl = {url:?}\n"), &[("SHOAL_WORKER_TOKEN", &token)]);
        check(&lines, "database", "url", Some("\"(hidden)\""), "shoal.toml");
        check(&lines, "worker", "token", Some("\"(hidden)\""), "SHOAL_WORKER_TOKEN");
        let told = in_toml(&lines) + &in_json(&lines).to_string();
        assert!(!told.contains("sesame") && !told.contains(&token));
        check(&shown("", &[]), "worker", "token", Some("\"\""), "default");
    }
}
