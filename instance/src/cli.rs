//! The command line: which command, and the flags that win over configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use origin::library::Library;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, PublicUrl, Sources};
use crate::import::{self, ImportArgs};
use crate::mirror::{self, MirrorArgs};
use crate::terminal::channel::ChannelCommand;
use crate::terminal::job::JobCommand;
use crate::terminal::key::KeyCommand;
use crate::terminal::settings::ConfigCommand;
use crate::terminal::user::UserCommand;
use crate::terminal::video::VideoCommand;
use crate::{backup, doctor, remote, restore, serve};

/// A free, decentralised video host in one binary.
#[derive(Debug, Parser)]
#[command(name = "shoal", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole site: pages, player and media on one port.
    Serve(Listening),
    /// Run the media part alone: /hls/ of the videos in the data folder, /health and /metrics.
    ///
    /// It has no pages, no API and no tracker. Who may see which video is for shoal sidecar or shoal serve to say, on the same
    /// data folder.
    Origin(Listening),
    /// Run the tracker alone, for the videos in the data folder.
    ///
    /// It introduces viewers to each other at /tracker/socket and answers STUN, and it has no pages, no media and no API. Pages
    /// look for it at the host that they come from.
    Tracker(Listening),
    /// Run accounts, catalogue and their API alone, with feeds, oEmbed and the sitemap.
    ///
    /// It has no pages, no media and no tracker. It takes in no uploads, captions and thumbnails, and makes no videos and exports:
    /// for those there is shoal serve or, at a terminal, shoal import. For shoal origin to know who may see which video, both need the
    /// same data folder.
    Sidecar(Listening),
    /// Publish a video file, whether or not the server runs, and print where it can be watched.
    Import {
        #[command(flatten)]
        args: ImportArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Keep a copy of a video of another server, for any web server to serve.
    ///
    /// Nothing is kept that isn't as the video's own host signed it. Run again, it brings what is new and goes on where it broke off:
    /// have cron or a systemd timer run it for as long as the copy is to be kept.
    Mirror {
        #[command(flatten)]
        args: MirrorArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Make videos of what people upload to a server on another machine.
    Worker {
        /// Scheme and host of that server.
        #[arg(long, value_name = "URL")]
        server: PublicUrl,
        /// The token in its configuration, better told as SHOAL_WORKER_TOKEN.
        #[arg(long, value_name = "TOKEN")]
        token: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// List users, make and delete them, set what they may do, whether or not the server runs.
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// List channels, make, delete and transfer them, whether or not the server runs.
    Channel {
        #[command(subcommand)]
        command: ChannelCommand,
    },
    /// List and show videos, set who may see them, delete them, whether or not the server runs.
    Video {
        #[command(subcommand)]
        command: VideoCommand,
    },
    /// List the work on videos, try it again or end it, whether or not the server runs.
    Job {
        #[command(subcommand)]
        command: JobCommand,
    },
    /// Show the key that signs videos, or make a new one, whether or not the server runs.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Show and check the settings, or print all of them with their defaults.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Keep all that the instance has in a new folder, whether or not the server runs.
    Backup {
        /// The folder, which is empty or not there yet.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Make an instance of a backup, in a data folder that is empty or not there yet.
    Restore {
        /// The folder that `shoal backup` made.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        settings: Settings,
    },
    /// Check what a working instance needs, one line for each thing.
    Doctor(Listening),
}

/// The flags that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Configuration file [default: shoal.toml in this folder, if there is one].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder with everything that the instance keeps.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Scheme and host under which others reach this server.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Tell more in the log; RUST_LOG sets it finer.
    #[arg(long, short)]
    verbose: bool,
}

/// The flags of commands that listen, or try to.
#[derive(Debug, Args)]
struct Listening {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl Cli {
    /// Runs the command to its end.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(settings) => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                serve::run(config, library, serve::Part::Everything)?;
            }
            Command::Origin(settings) => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                serve::run(config, library, serve::Part::Origin)?;
            }
            Command::Tracker(settings) => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                serve::run(config, library, serve::Part::Tracker)?;
            }
            Command::Sidecar(settings) => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                serve::run(config, library, serve::Part::Sidecar)?;
            }
            Command::Import { args, settings } => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                let public_url = config.public_url(config.server.listen);
                return import::run(args, &library, &config, &public_url);
            }
            Command::Mirror { args, settings } => mirror::run(&args, &settings.load()?)?,
            Command::Worker { server, token, settings } => {
                let config = settings.load()?;
                let token = token.unwrap_or_else(|| config.worker.token.clone());
                let interrupted = import::interruptions().context("cannot listen to signals")?;
                let data = config.server.data.join("worker");
                let (url, settings) = (server.to_string(), &config.import);
                remote::run(&url, &token, &data, settings, &interrupted)?;
            }
            Command::User { command } => command.run()?,
            Command::Channel { command } => command.run()?,
            Command::Video { command } => command.run()?,
            Command::Job { command } => command.run()?,
            Command::Key { command } => command.run()?,
            Command::Config { command } => command.run()?,
            Command::Backup { folder, settings } => backup::run(&settings.load()?, &folder)?,
            Command::Restore { folder, settings } => restore::run(&settings.load()?, &folder)?,
            Command::Doctor(settings) => doctor::run(&settings.load()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Settings {
    /// The configuration with these flags laid over it.
    pub(crate) fn load(self) -> anyhow::Result<Config> {
        self.trace().map(|(config, _)| config)
    }

    /// The same, and where each value comes from.
    pub(crate) fn trace(self) -> anyhow::Result<(Config, Sources)> {
        // PostgreSQL remarks at each start that tables are there already.
        let default_level = if self.verbose { "debug" } else { "info,sqlx::postgres::notice=warn" };
        let filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_level));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            // It would tell of a closed pipe on that same pipe, and panic.
            .log_internal_errors(false)
            .init();
        let (mut config, mut sources) = Config::load(self.config.as_deref(), utf8_variables())?;
        let flags = [
            self.public_url.as_ref().map(|_| ("server", "public_url", "--public-url")),
            self.data.as_ref().map(|_| ("server", "data", "--data")),
        ];
        sources.flags = flags.into_iter().flatten().collect();
        let server = &mut config.server;
        server.public_url = self.public_url.or_else(|| server.public_url.take());
        server.data = self.data.unwrap_or_else(|| std::mem::take(&mut server.data));
        Ok((config, sources))
    }
}

impl Listening {
    fn load(self) -> anyhow::Result<Config> {
        let mut config = self.settings.load()?;
        config.server.listen = self.listen.unwrap_or(config.server.listen);
        Ok(config)
    }
}

pub(crate) fn open_library(config: &Config) -> anyhow::Result<Library> {
    let data = &config.server.data;
    restore::ensure_whole(data)?;
    Library::open(data).with_context(|| format!("cannot use the data folder {}", data.display()))
}

/// The environment without what is no text, which can be none of ours.
fn utf8_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}
