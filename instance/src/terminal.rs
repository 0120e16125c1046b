//! The commands about users, channels, videos, jobs and the configuration: what they have in common.
//!
//! Each opens the catalogue by itself, whether or not a server runs beside it, and says what it found in columns for people or
//! in JSON for programs.

pub(crate) mod channel;
pub(crate) mod job;
pub(crate) mod key;
pub(crate) mod settings;
pub(crate) mod user;
pub(crate) mod video;

use std::io::{self, Write};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use sidecar::Sidecar;

use crate::config::Config;
use crate::restore;

/// How a command says what it found.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Output {
    /// Say it in JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// What stands above a column, and what a line has in it.
type Column<'a, T> = (&'a str, &'a dyn Fn(&T) -> String);

impl Output {
    /// A line for each, or an array.
    fn list<T: Serialize>(self, columns: &[Column<'_, T>], lines: &[T]) -> anyhow::Result<()> {
        if self.json {
            return say(&pretty(&lines)?);
        }
        let heads = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        let rows =
            lines.iter().map(|line| columns.iter().map(|(_, of)| plain(&of(line))).collect());
        say(&table(&std::iter::once(heads).chain(rows).collect::<Vec<_>>()))
    }

    /// A line for each of one thing's properties, or an object.
    fn sheet<T: Serialize>(self, thing: &T) -> anyhow::Result<()> {
        let Value::Object(keys) = serde_json::to_value(thing)? else {
            anyhow::bail!("there is nothing to say of it")
        };
        if self.json {
            return say(&pretty(&keys)?);
        }
        let rows: Vec<_> = keys.iter().map(|(key, value)| vec![spaced(key), text(value)]).collect();
        say(&table(&rows))
    }

    /// A sentence, or an object with what was done.
    fn done(self, sentence: &str, value: &Value) -> anyhow::Result<()> {
        if self.json { say(&pretty(value)?) } else { say(sentence) }
    }
}

/// Does something with the catalogue, which is there already, and closes it.
///
/// # Errors
/// When there is no instance, the database can't be opened, or the work fails.
fn with<T, E: Into<anyhow::Error>>(
    config: &Config,
    work: impl AsyncFnOnce(&Sidecar) -> Result<T, E>,
) -> anyhow::Result<T> {
    let data = &config.server.data;
    restore::ensure_whole(data)?;
    anyhow::ensure!(
        data.is_dir() && Sidecar::is_there(&config.database, data),
        "{} holds no instance: name its folder with --data, or begin one with shoal serve",
        data.display()
    );
    with_new(config, work)
}

/// The same, where the catalogue is made if it isn't there.
fn with_new<T, E: Into<anyhow::Error>>(
    config: &Config,
    work: impl AsyncFnOnce(&Sidecar) -> Result<T, E>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start")?.block_on(async {
        let public_url = config.public_url(config.server.listen);
        let data = &config.server.data;
        let key = crate::key::ensure(data)?;
        let opening = Sidecar::open(&config.database, &config.accounts, data, public_url, key);
        let mut sidecar = opening.await?;
        sidecar.describe_house(config.instance.clone());
        let done = work(&sidecar).await;
        sidecar.close().await;
        done.map_err(Into::into)
    })
}

/// That whoever asks knows that there is no way back.
///
/// # Errors
/// Unless they are sure.
fn confirm(is_sure: bool, what: &str) -> anyhow::Result<()> {
    anyhow::ensure!(is_sure, "{what} would be gone for ever: say --yes if that is meant");
    Ok(())
}

/// Says something on standard output. Whoever reads it may have seen enough, which is no error.
fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to the terminal")
        }
        _ => Ok(()),
    }
}

fn pretty<T: Serialize>(value: &T) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)?)
}

/// Rows in columns that stand below each other; the last one ends where it ends.
fn table(rows: &[Vec<String>]) -> String {
    let wide = |cell: &String| cell.chars().count();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |no: usize| rows.iter().filter_map(|row| row.get(no)).map(wide).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// In one line, and without what would make a terminal do something, or show what stands beside it in another order.
fn plain(text: &str) -> String {
    let turns = |char| matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|char| if char.is_control() || turns(char) { ' ' } else { char }).collect()
}

/// A value as people read it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => plain(text),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// `createdAt` as `created at`.
fn spaced(key: &str) -> String {
    let mut words = String::new();
    for char in key.chars() {
        if char.is_uppercase() {
            words.push(' ');
        }
        words.extend(char.to_lowercase());
    }
    words
}

/// A number of bytes, or a word for none.
fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "no bound".to_owned(), crate::visit::size)
}

/// The day and minute of what the catalogue tells as ISO 8601.
fn minute(iso: &str) -> String {
    iso.get(..16).unwrap_or(iso).replace('T', " ")
}

/// Lines that are asked for at once.
const AT_ONCE: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["name", "role"], ["alice", "user"], ["é", "administrator"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "name   role\nalice  user\né      administrator");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn what_people_wrote_moves_no_terminal() {
        assert_eq!(plain("a\u{1b}[2J\nb"), "a [2J b");
        assert_eq!(plain("a\u{9b}2Jb"), "a 2Jb");
        assert_eq!(plain("a\u{202e}b\u{2066}c\u{2028}d\u{200f}é"), "a b c d é");
        assert_eq!(text(&serde_json::json!(["a\nb", 1, null])), "a b, 1, -");
        assert_eq!(spaced("publishedAt"), "published at");
        assert_eq!(minute("2026-11-22T05:13:20.000Z"), "2026-11-22 05:13");
    }

    #[test]
    fn what_is_gone_for_ever_is_confirmed() {
        let refused = confirm(false, "alice, with all videos,").unwrap_err().to_string();
        assert_eq!(
            refused,
            "alice, with all videos, would be gone for ever: say --yes if that is meant"
        );
        confirm(true, "").unwrap();
    }
}
