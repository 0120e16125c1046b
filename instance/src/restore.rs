//! `shoal restore`: an instance from a backup, in a new data folder; the backup stays as it is.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use origin::library::Library;
use origin::uploads::Uploads;
use sidecar::Sidecar;
use sidecar::snapshot::{self, Kind};

use crate::backup::{self, Manifest};
use crate::catalogue::access_of;
use crate::config::Config;
use crate::key;
use crate::worker::made;

/// Brings back what `folder` keeps, and prints what came.
///
/// # Errors
/// When it is no backup, when there is something already where it is to go, or when the disk or the database refuses.
pub(crate) fn run(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let manifest = Manifest::read(folder)?;
    check(manifest.database, Kind::of(&config.database))?;
    let data = &config.server.data;
    backup::ensure_empty(data)?;
    let key = folder.join(key::FILE);
    anyhow::ensure!(key.is_file(), "{} is missing: take another backup", key.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        snapshot::ensure_empty(&config.database).await?;
        let brought = bring_back(config, folder).await;
        brought.with_context(|| format!("{} is half restored: remove it", data.display()))
    })?;
    let Manifest { taken_at, videos, uploads, .. } = manifest;
    let _ = writeln!(
        io::stdout(),
        "restored {videos} videos and {uploads} uploads in {}, as they were at {taken_at} UTC",
        data.display()
    );
    Ok(())
}

fn check(kept: Kind, wanted: Kind) -> anyhow::Result<()> {
    match (kept, wanted) {
        (Kind::Sqlite, Kind::Postgres) => anyhow::bail!(
            "the backup has SQLite's database, and database.url names another: restore it without"
        ),
        (Kind::Postgres, Kind::Sqlite) => {
            anyhow::bail!("the backup has PostgreSQL's database: name an empty one as database.url")
        }
        _ => Ok(()),
    }
}

/// The database comes last: without it, a server that starts too early finds an instance that has none.
async fn bring_back(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let data = &config.server.data;
    let library = Library::open(data)?;
    Uploads::open(data).context("cannot take in uploads")?;
    backup::copy(&folder.join(key::FILE), &data.join(key::FILE))?;
    for name in backup::FOLDERS {
        copy_two_deep(&folder.join(name), &data.join(name))?;
    }
    snapshot::bring_back(&config.database, data, folder).await?;
    let public_url = config.public_url(config.server.listen);
    let key = key::ensure(data)?;
    let sidecar = Sidecar::open(&config.database, &config.accounts, data, public_url, key).await?;
    let agreed = agree(&sidecar, &library).await;
    sidecar.close().await;
    agreed?;
    backup::settle(data)
}

/// Records may be younger than the database, which says who may read a video; its media is what there is.
async fn agree(sidecar: &Sidecar, library: &Library) -> anyhow::Result<()> {
    for access in sidecar.all_access().await? {
        library.set_access(&access.video, access_of(access.is_open))?;
        if let Some(video) = library.video(&access.video)? {
            sidecar.correct(&access.video, &made(&video)).await?;
        }
    }
    Ok(())
}

/// Files, and folders of files.
fn copy_two_deep(from: &Path, to: &Path) -> anyhow::Result<()> {
    for name in backup::files(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            backup::copy_all(&from, &to)?
        } else {
            backup::copy(&from, &to)?
        };
    }
    Ok(())
}
