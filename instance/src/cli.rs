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
use crate::{doctor, serve};

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
    Serve(Settings),
    /// Run the media part alone.
    Origin(Settings),
    /// Publish a video file, whether or not the server runs, and print where it can be watched.
    Import {
        #[command(flatten)]
        args: ImportArgs,
        #[command(flatten)]
        settings: Settings,
    },
    /// Check what a working instance needs, one line for each thing.
    Doctor(Settings),
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
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Scheme and host under which others reach this server.
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Tell more in the log; RUST_LOG sets it finer.
    #[arg(long, short)]
    verbose: bool,
}

impl Cli {
    /// Runs the command to its end.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(settings) => {
                let (config, library) = settings.open()?;
                serve::run(config, library, serve::Part::Everything)?;
            }
            Command::Origin(settings) => {
                let (config, library) = settings.open()?;
                serve::run(config, library, serve::Part::Origin)?;
            }
            Command::Import { args, settings } => {
                let (config, library) = settings.open()?;
                return Ok(import::run(
                    args,
                    &library,
                    &config.import,
                    &config.public_url(config.server.listen),
                ));
            }
            Command::Doctor(settings) => doctor::run(&settings.load()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Settings {
    /// The configuration with these flags laid over it.
    pub(crate) fn load(self) -> anyhow::Result<Config> {
        let default_level = if self.verbose { "debug" } else { "info" };
        let filter =
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_level));
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
        let mut config = Config::load(self.config.as_deref(), utf8_variables())?;
        let server = &mut config.server;
        server.listen = self.listen.unwrap_or(server.listen);
        server.public_url = self.public_url.or_else(|| server.public_url.take());
        server.data = self.data.unwrap_or_else(|| std::mem::take(&mut server.data));
        Ok(config)
    }

    fn open(self) -> anyhow::Result<(Config, Library)> {
        let config = self.load()?;
        let data = &config.server.data;
        let library = Library::open(data)
            .with_context(|| format!("cannot use the data folder {}", data.display()))?;
        Ok((config, library))
    }
}

/// The environment without what is no text, which can be none of ours.
fn utf8_variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
}
