//! `shoal video`: what there is, whoever may see it.

use anyhow::Context;
use clap::Subcommand;
use sidecar::Sidecar;
use sidecar::host::{VideoLine, Whose};
use sidecar::view::Privacy;

use super::{AT_ONCE, Output, confirm, minute, say, size, with};
use crate::catalogue::{admit, withdraw_deleted};
use crate::cli::{Settings, open_library};
use crate::config::Config;

/// What is done to videos.
#[derive(Debug, Subcommand)]
pub(crate) enum VideoCommand {
    /// List videos in whatever state, the newest first.
    List {
        /// Those of one channel, by its handle.
        #[arg(long, value_name = "HANDLE")]
        channel: Option<String>,
        /// Those of one user, by what they log in with.
        #[arg(long, value_name = "NAME", conflicts_with = "channel")]
        user: Option<String>,
        /// At most so many.
        #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
        count: usize,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show what is known of a video.
    Show {
        /// Its UUID, or what stands behind /w/ in its address.
        id: String,
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Set who may see a video from now on; what was scheduled for later is forgotten.
    SetPrivacy {
        /// Its UUID, or what stands behind /w/ in its address.
        id: String,
        /// public, unlisted, internal, private or password.
        privacy: String,
        /// The password that opens it from now on, instead of those that did.
        #[arg(long, value_name = "PASSWORD")]
        password: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Delete a video with all that belongs to it.
    Delete {
        /// Its UUID, or what stands behind /w/ in its address.
        id: String,
        /// There is no way back.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

impl VideoCommand {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            VideoCommand::List { channel, user, count, output, settings } => {
                let whose = match (&channel, &user) {
                    (Some(handle), _) => Whose::Channel(handle),
                    (None, Some(name)) => Whose::User(name),
                    (None, None) => Whose::Everybody,
                };
                list(&settings.load()?, whose, count, output)
            }
            VideoCommand::Show { id, output, settings } => {
                let shown = with(&settings.load()?, async |sidecar| sidecar.host_video(&id).await)?;
                output.sheet(&shown)
            }
            VideoCommand::SetPrivacy { id, privacy, password, settings } => {
                set_privacy(&settings.load()?, &id, &privacy, password.as_deref())
            }
            VideoCommand::Delete { id, yes, settings } => {
                confirm(yes, &format!("the video {id}"))?;
                let config = settings.load()?;
                with(&config, async |sidecar| sidecar.host_delete_video(&id).await)?;
                clear(&config)?;
                say(&format!("the video {id} is deleted"))
            }
        }
    }
}

fn list(config: &Config, whose: Whose<'_>, most: usize, output: Output) -> anyhow::Result<()> {
    let lines = with(config, async |sidecar| some(sidecar, whose, most).await)?;
    output.list(
        &[
            ("UUID", &|line: &VideoLine| line.uuid.clone()),
            ("CHANNEL", &|line| line.channel.clone()),
            ("PRIVACY", &|line| line.privacy.to_owned()),
            ("STATE", &|line| line.state.to_owned()),
            ("SECONDS", &|line| line.seconds.to_string()),
            ("FILE", &|line| size(Some(line.bytes.unsigned_abs()))),
            ("VIEWS", &|line| line.views.to_string()),
            ("SINCE", &|line| minute(&line.created_at)),
            ("NAME", &|line| line.name.clone()),
        ],
        &lines,
    )
}

async fn some(sidecar: &Sidecar, whose: Whose<'_>, most: usize) -> anyhow::Result<Vec<VideoLine>> {
    let mut lines: Vec<VideoLine> = Vec::new();
    loop {
        let before = lines.last().map_or(i64::MAX, |line| line.no);
        let count = AT_ONCE.min(u32::try_from(most - lines.len()).unwrap_or(AT_ONCE));
        let page = sidecar.host_videos(whose, before, count).await?;
        if page.is_empty() {
            return Ok(lines);
        }
        lines.extend(page);
    }
}

/// The media follows before anybody is told: it opens to nobody who may not see the video.
fn set_privacy(
    config: &Config,
    id: &str,
    word: &str,
    password: Option<&str>,
) -> anyhow::Result<()> {
    let privacy = Privacy::named(word).with_context(|| {
        format!("{word:?} is no privacy: say public, unlisted, internal, private or password")
    })?;
    let library = open_library(config)?;
    with(config, async |sidecar| {
        let uuid = sidecar.host_set_privacy(id, privacy, password).await?;
        admit(sidecar, &library, uuid).await
    })?;
    say(&format!("the video {id} is {word} now"))
}

/// Removes the media of what was deleted, as a running server does at the same time.
pub(super) fn clear(config: &Config) -> anyhow::Result<()> {
    let library = open_library(config)?;
    with(config, async |sidecar| withdraw_deleted(sidecar, &library).await)
        .context("it is deleted, and its media will be when the server next runs")
}
