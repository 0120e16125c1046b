//! `shoal key`: what signs the videos of this instance.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;
use wire::digest::hex;
use wire::pieces::key_id;

use origin::signing::Look;

use super::Output;
use crate::cli::{Settings, open_library};
use crate::import::interruptions;
use crate::signing::{self, Round};
use crate::tell;

/// What is done with the key.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show what everybody may know of the key that signs videos, and of the one before.
    Show {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
    /// Make a new key, and sign all videos with it.
    ///
    /// Viewers who play just now go on: the key before stays named beside the new one until the next rotation. If it is
    /// interrupted, shoal serve signs the rest.
    Rotate {
        #[command(flatten)]
        output: Output,
        #[command(flatten)]
        settings: Settings,
    },
}

/// The key, as `--json` tells it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sheet {
    id: String,
    key: String,
    id_before: Option<String>,
    key_before: Option<String>,
}

impl KeyCommand {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self {
            KeyCommand::Show { output, settings } => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                let signer = signing::ensure(&library.data_dir())?;
                output.sheet(&Sheet {
                    id: key_id(signer.key()),
                    key: hex(signer.key()),
                    id_before: signer.before().map(key_id),
                    key_before: signer.before().map(|key| hex(key)),
                })
            }
            KeyCommand::Rotate { output, settings } => {
                let config = settings.load()?;
                let library = open_library(&config)?;
                let interrupted: Arc<AtomicBool> =
                    interruptions().context("cannot listen to signals")?;
                let signer = signing::rotate(&library.data_dir())?;
                let Round { signed, failed } =
                    signing::sign_all(&library, Look::Lengths, &interrupted)?;
                for (id, reason) in &failed {
                    tell(&format!("shoal: {id} is not signed: {reason}"));
                }
                let id = key_id(signer.key());
                let sentence = format!("{id} signs from now on; videos signed anew: {signed}");
                let value = json!({ "id": id, "signed": signed, "failed": failed.len() });
                output.done(&sentence, &value)?;
                anyhow::ensure!(failed.is_empty(), "{} videos could not be signed", failed.len());
                Ok(())
            }
        }
    }
}
