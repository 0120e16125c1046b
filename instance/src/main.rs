//! The binary `shoal`: a whole video site in one process, and the commands of its host.

mod alone;
mod assets;
mod backup;
mod catalogue;
mod cli;
mod companion;
mod config;
mod doctor;
mod download;
mod embed;
mod export;
mod federating;
mod fetching;
mod form;
mod health;
mod hired;
mod import;
mod inbox;
mod key;
mod language;
mod live;
mod meetings;
mod mirror;
mod mirrors;
mod pages;
mod pictures;
mod portrait;
mod post;
mod remote;
mod restore;
mod sent;
mod serve;
mod signing;
mod site;
mod swarms;
mod terminal;
mod turns;
mod upload;
mod visit;
mod when;
mod worker;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("shoal: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Says a line on standard error. Nobody may be left to hear it, which must not end an import or a server.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
