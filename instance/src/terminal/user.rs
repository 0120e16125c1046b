//! `shoal user`: who may come in, and how far.

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use sidecar::field::{Email, Password, Username};
use sidecar::role::Role;
use sidecar::{Sidecar, UserError, UserLine, when};

use super::{AT_ONCE, Output, confirm, minute, say, size, with, with_new};
use crate::cli::{Settings, open_library};
use crate::config::Config;

/// What is done to users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List all users, the newest first.
    List {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Make a user, and print the password that is generated for them.
    Create {
        /// What they log in with: 1 to 50 of a-z, 0-9, _, and within it . and -.
        name: String,
        /// administrator, moderator or user.
        #[arg(long, default_value = "user")]
        role: String,
        /// They can log in with it, too.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print another password for a user, and end all their sessions.
    ResetPassword {
        /// What they log in with.
        name: String,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Set what a user may do.
    Role {
        /// What they log in with.
        name: String,
        /// administrator, moderator or user.
        role: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Set how much a user may keep, and upload in 24 hours.
    Quota {
        /// What they log in with.
        name: String,
        /// Bytes in all, such as 20G (of 1024³); none is without a bound.
        #[arg(long = "total", value_name = "BYTES", value_parser = bytes)]
        in_all: Option<i64>,
        /// Bytes in 24 hours, in the same words.
        #[arg(long, value_name = "BYTES", value_parser = bytes, required_unless_present = "in_all")]
        daily: Option<i64>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Let a user who lost their telephone log in without a code again.
    DisableTwoFactor {
        /// What they log in with.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Keep a user out, and end all their sessions.
    Block {
        /// What they log in with.
        name: String,
        /// Why, for those who keep order.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Let a user in again.
    Unblock {
        /// What they log in with.
        name: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a user with all their channels and videos.
    Delete {
        /// What they log in with.
        name: String,
        /// There is no way back.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

/// A user, as `--json` tells them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: i64,
    username: String,
    email: Option<String>,
    role: &'static str,
    is_blocked: bool,
    blocked_reason: Option<String>,
    used_bytes: u64,
    quota_bytes: Option<u64>,
    daily_bytes: Option<u64>,
    created_at: String,
    last_login_at: Option<String>,
}

impl UserCommand {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            UserCommand::List { output, settings } => list(&settings.load()?, output),
            UserCommand::Create { name, role, email, output, settings } => {
                create(&settings.load()?, &name, &role, email.as_deref(), output)
            }
            UserCommand::ResetPassword { name, output, settings } => {
                reset_password(&settings.load()?, &name, output)
            }
            UserCommand::Role { name, role, settings } => {
                let wanted = read_role(&role)?;
                with(&settings.load()?, async |sidecar| {
                    sidecar.host_set_role(&name, wanted).await
                })?;
                say(&format!("{name} is {role} now"))
            }
            UserCommand::Quota { name, in_all, daily, settings } => {
                with(&settings.load()?, async |sidecar| {
                    sidecar.host_set_quota(&name, in_all, daily).await
                })?;
                say(&format!("the quota of {name} is set"))
            }
            UserCommand::Block { name, reason, settings } => {
                with(&settings.load()?, async |sidecar| {
                    sidecar.host_block(&name, reason.as_deref()).await
                })?;
                say(&format!("{name} can't come in any more"))
            }
            UserCommand::DisableTwoFactor { name, settings } => {
                let wanted = read_name(&name)?;
                with(&settings.load()?, async |sidecar| sidecar.disable_two_factor(&wanted).await)?;
                say(&format!("{name} logs in without a code now"))
            }
            UserCommand::Unblock { name, settings } => {
                with(&settings.load()?, async |sidecar| sidecar.host_unblock(&name).await)?;
                say(&format!("{name} can come in again"))
            }
            UserCommand::Delete { name, yes, settings } => {
                confirm(yes, &format!("{name}, with all channels and videos,"))?;
                let config = settings.load()?;
                with(&config, async |sidecar| sidecar.host_delete_user(&name).await)?;
                super::video::clear(&config)?;
                say(&format!("{name} is deleted"))
            }
        }
    }
}

fn list(config: &Config, output: Output) -> anyhow::Result<()> {
    let lines = with(config, async |sidecar| {
        let mut lines = Vec::new();
        loop {
            let (_, page) = sidecar.host_users(lines.len() as u32, AT_ONCE).await?;
            if page.is_empty() {
                return Ok::<_, anyhow::Error>(lines);
            }
            lines.extend(page.into_iter().map(line));
        }
    })?;
    output.list(
        &[
            ("NAME", &|line: &Line| line.username.clone()),
            ("ROLE", &|line| line.role.to_owned()),
            ("USED", &|line| size(Some(line.used_bytes))),
            ("QUOTA", &|line| size(line.quota_bytes)),
            ("A DAY", &|line| size(line.daily_bytes)),
            ("SINCE", &|line| minute(&line.created_at)),
            ("LOGIN", &|line| line.last_login_at.as_deref().map_or("never".to_owned(), minute)),
            ("E-MAIL", &|line| line.email.clone().unwrap_or("-".to_owned())),
            ("BLOCKED", &|line| match (line.is_blocked, &line.blocked_reason) {
                (false, _) => "no".to_owned(),
                (true, None) => "yes".to_owned(),
                (true, Some(reason)) => format!("yes: {reason}"),
            }),
        ],
        &lines,
    )
}

fn create(
    config: &Config,
    name: &str,
    role: &str,
    email: Option<&str>,
    output: Output,
) -> anyhow::Result<()> {
    let name = read_name(name)?;
    let role = read_role(role)?;
    let email = email.map(|text| Email::parse(text).with_context(|| format!("--email {text}")));
    let email = email.transpose()?;
    make(config, &name, output, async |sidecar| sidecar.create_user(&name, email, role).await)
}

fn reset_password(config: &Config, name: &str, output: Output) -> anyhow::Result<()> {
    let name = read_name(name)?;
    make(config, &name, output, async |sidecar| sidecar.reset_password(&name).await)
}

fn read_name(text: &str) -> anyhow::Result<Username> {
    Username::parse(text).with_context(|| format!("the username {text:?}"))
}

fn read_role(text: &str) -> anyhow::Result<Role> {
    text.parse().with_context(|| format!("the role {text:?}"))
}

fn make(
    config: &Config,
    name: &Username,
    output: Output,
    work: impl AsyncFnOnce(&Sidecar) -> Result<Password, UserError>,
) -> anyhow::Result<()> {
    open_library(config)?;
    let password = with_new(config, work)?;
    let password = password.reveal();
    let told = output.done(
        &format!("username: {name}\npassword: {password}"),
        &json!({ "username": name.to_string(), "password": password }),
    );
    told.context("the password is set, and could not be told")
}

fn line(user: UserLine) -> Line {
    Line {
        id: user.id,
        username: user.username,
        email: user.email,
        role: match user.role {
            Role::Administrator => "administrator",
            Role::Moderator => "moderator",
            Role::User => "user",
        },
        is_blocked: user.blocked.is_some(),
        blocked_reason: user.blocked.flatten(),
        used_bytes: user.used_bytes,
        quota_bytes: user.quota_bytes,
        daily_bytes: user.daily_bytes,
        created_at: when::iso(user.created_at),
        last_login_at: user.last_login_at.map(when::iso),
    }
}

/// `none`, or a number with a letter for a power of 1024.
fn bytes(text: &str) -> Result<i64, String> {
    if text == "none" {
        return Ok(-1);
    }
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, 'K')) => (&text[..at], 10),
        Some((at, 'M')) => (&text[..at], 20),
        Some((at, 'G')) => (&text[..at], 30),
        Some((at, 'T')) => (&text[..at], 40),
        _ => (text, 0),
    };
    let number = number.parse::<u32>().ok().map(i64::from);
    let whole = if shift == 0 { text.parse::<i64>().ok() } else { number };
    let bytes = whole.filter(|bytes| *bytes >= 0).and_then(|whole| whole.checked_mul(1 << shift));
    bytes.ok_or_else(|| {
        "write it as 500M, 20G or a number of bytes, or none for no bound".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_people_write_them() {
        for (text, wanted) in [
            ("none", Some(-1)),
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("3K", Some(3072)),
            ("500M", Some(500 << 20)),
            ("20G", Some(20 << 30)),
            ("2T", Some(2 << 40)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-1", None),
            ("-1G", None),
            ("G", None),
            ("", None),
            ("20 G", None),
            ("é", None),
            ("9223372036854775807T", None),
        ] {
            assert_eq!(bytes(text).ok(), wanted, "{text}");
        }
    }
}
