//! `shoal channel`: where people publish, and whose it is.

use clap::Subcommand;
use sidecar::host::ChannelLine;

use super::{AT_ONCE, Output, confirm, minute, say, with};
use crate::cli::Settings;
use crate::config::Config;

/// What is done to channels.
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelCommand {
    /// List all channels, the newest first.
    List {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Make a channel for a user.
    Create {
        /// Whose it is to be: what they log in with.
        owner: String,
        /// Its handle, as in /c/HANDLE: 1 to 50 of a-z, 0-9, _, and within it . and -.
        handle: String,
        /// What people read [default: the handle].
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a channel with all its videos.
    Delete {
        /// Its handle.
        handle: String,
        /// There is no way back.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Give a channel with all its videos to another user, against whose quota they count from then on.
    Transfer {
        /// Its handle.
        handle: String,
        /// Whose it is to be: what they log in with.
        owner: String,
        #[command(flatten)]
        settings: Settings,
    },
}

impl ChannelCommand {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            ChannelCommand::List { output, settings } => list(&settings.load()?, output),
            ChannelCommand::Create { owner, handle, name, settings } => {
                with(&settings.load()?, async |sidecar| {
                    sidecar.host_make_channel(&owner, &handle, name.as_deref()).await
                })?;
                say(&format!("{owner} has the channel {handle} now"))
            }
            ChannelCommand::Delete { handle, yes, settings } => {
                confirm(yes, &format!("the channel {handle}, with all videos,"))?;
                let config = settings.load()?;
                with(&config, async |sidecar| sidecar.host_delete_channel(&handle).await)?;
                super::video::clear(&config)?;
                say(&format!("the channel {handle} is deleted"))
            }
            ChannelCommand::Transfer { handle, owner, settings } => {
                with(&settings.load()?, async |sidecar| {
                    sidecar.host_transfer_channel(&handle, &owner).await
                })?;
                say(&format!("the channel {handle} is {owner}'s now"))
            }
        }
    }
}

fn list(config: &Config, output: Output) -> anyhow::Result<()> {
    let lines = with(config, async |sidecar| {
        let mut lines = Vec::new();
        loop {
            let (_, page) = sidecar.host_channels(lines.len() as u32, AT_ONCE).await?;
            if page.is_empty() {
                return Ok::<_, anyhow::Error>(lines);
            }
            lines.extend(page);
        }
    })?;
    output.list(
        &[
            ("HANDLE", &|line: &ChannelLine| line.handle.clone()),
            ("OWNER", &|line| line.owner.clone()),
            ("LISTED", &|line| line.videos.to_string()),
            ("SUBSCRIBED", &|line| line.subscribers.to_string()),
            ("SINCE", &|line| minute(&line.created_at)),
            ("NAME", &|line| line.name.clone()),
        ],
        &lines,
    )
}
