//! The binary `shoal`: a whole video site in one process, and the commands of its host.

mod assets;
mod cli;
mod config;
mod doctor;
mod embed;
mod import;
mod pages;
mod serve;
mod site;
mod when;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("shoal: {error:#}");
            ExitCode::FAILURE
        }
    }
}
