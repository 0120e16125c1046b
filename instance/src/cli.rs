//! The command line: which command, and the flags that win over configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use origin::library::Library;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, PublicUrl};
use crate::import::{self, ImportArgs};
use crate::{backup, doctor, remote, restore, serve, user};

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
    /// Run the media part alone.
    Origin(Listening),
    /// Run the tracker alone, for the videos in the data folder.
    Tracker(Listening),
    /// Publish a video file, whether or not the server runs, and print where it can be watched.
    Import {
        #[command(flatten)]
        args: ImportArgs,
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
    /// Make a user or give one another password, whether or not the server runs.
    User {
        #[command(subcommand)]
        command: UserCommand,
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

/// What is done to a user.
#[derive(Debug, Subcommand)]
enum UserCommand {
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
        settings: Settings,
    },
    /// Print another password for a user, and end all their sessions.
    ResetPassword {
        /// What they log in with.
        name: String,
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
}

impl UserCommand {
    fn run(self) -> anyhow::Result<()> {
        match self {
            UserCommand::Create { name, role, email, settings } => {
                let config = settings.load()?;
                open_library(&config)?;
                user::create(&config, &name, &role, email.as_deref())
            }
            UserCommand::ResetPassword { name, settings } => {
                let config = settings.load()?;
                open_library(&config)?;
                user::reset_password(&config, &name)
            }
            UserCommand::DisableTwoFactor { name, settings } => {
                let config = settings.load()?;
                open_library(&config)?;
                user::disable_two_factor(&config, &name)
            }
        }
    }
}

/// The flags that every command takes.
#[derive(Debug, Args)]
struct Settings {
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
            Command::Import { args, settings } => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                let public_url = config.public_url(config.server.listen);
                return import::run(args, &library, &config, &public_url);
            }
            Command::Worker { server, token, settings } => {
                let config = settings.load()?;
                let token = token.unwrap_or_else(|| config.worker.token.clone());
                let interrupted = import::interruptions().context("cannot listen to signals")?;
                let data = config.server.data.join("worker");
                let (url, settings) = (server.to_string(), &config.import);
                remote::run(&url, &token, &data, settings, &interrupted)?;
            }
            Command::User { command } => command.run()?,
            Command::Backup { folder, settings } => backup::run(&settings.load()?, &folder)?,
            Command::Restore { folder, settings } => restore::run(&settings.load()?, &folder)?,
            Command::Doctor(settings) => doctor::run(&settings.load()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Settings {
    /// The configuration with these flags laid over it.
    fn load(self) -> anyhow::Result<Config> {
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
        let mut config = Config::load(self.config.as_deref(), utf8_variables())?;
        let server = &mut config.server;
        server.public_url = self.public_url.or_else(|| server.public_url.take());
        server.data = self.data.unwrap_or_else(|| std::mem::take(&mut server.data));
        Ok(config)
    }
}

impl Listening {
    fn load(self) -> anyhow::Result<Config> {
        let mut config = self.settings.load()?;
        config.server.listen = self.listen.unwrap_or(config.server.listen);
        Ok(config)
    }
}

fn open_library(config: &Config) -> anyhow::Result<Library> {
    let data = &config.server.data;
    Library::open(data).with_context(|| format!("cannot use the data folder {}", data.display()))
}

/// The environment without what is no text, which can be none of ours.
fn utf8_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}
