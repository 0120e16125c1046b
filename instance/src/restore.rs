//! `shoal restore`: an instance from a backup, in a new data folder; the backup stays as it is.
//!
//! ```text
//! DATA/restoring/…   all of it, until it is whole
//! DATA/…             then, one by one, the database last; and the folder `restoring` goes
//! ```
//! A data folder that has `restoring` in it is used by no command: whoever is killed half-way leaves nothing that could be taken
//! for an instance. It lies within, since a data folder may be a disk of its own, whose name no other takes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
    sweep(data)?;
    backup::ensure_empty(data)?;
    let key = folder.join(key::FILE);
    anyhow::ensure!(key.is_file(), "{} is missing: take another backup", key.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        snapshot::ensure_empty(&config.database).await?;
        let brought = bring_back(config, folder).await;
        brought.with_context(|| format!("{} is half restored: {HALF}", data.display()))
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

/// That nobody was killed while restoring this data folder.
///
/// # Errors
/// When it is half of an instance.
pub(crate) fn ensure_whole(data: &Path) -> anyhow::Result<()> {
    let is_half = draft(data).exists();
    anyhow::ensure!(!is_half, "{} is half restored: {HALF}", data.display());
    Ok(())
}

/// Where an instance is put together.
fn draft(data: &Path) -> PathBuf {
    data.join(DRAFT)
}

/// Removes what a restore left that was killed before anything was in its place.
fn sweep(data: &Path) -> anyhow::Result<()> {
    let draft = draft(data);
    if !draft.exists() {
        return Ok(());
    }
    let is_alone = backup::names(data)?.len() == 1;
    anyhow::ensure!(is_alone, "{} is half restored: {HALF}", data.display());
    fs::remove_dir_all(&draft).with_context(|| format!("cannot remove {}", draft.display()))
}

async fn bring_back(config: &Config, folder: &Path) -> anyhow::Result<()> {
    let data = &config.server.data;
    let draft = draft(data);
    put_together(config, &draft, folder).await?;
    put_in_place(&draft, data)
}

/// The database comes last: without it, there is no instance.
fn put_in_place(draft: &Path, data: &Path) -> anyhow::Result<()> {
    let mut names = backup::names(draft)?;
    names.sort_by_key(|name| name.to_string_lossy().starts_with(snapshot::FILE));
    for name in names {
        let (from, to) = (draft.join(&name), data.join(&name));
        fs::rename(&from, &to).with_context(|| format!("cannot make {}", to.display()))?;
    }
    backup::settle(data)?;
    fs::remove_dir(draft).with_context(|| format!("cannot remove {}", draft.display()))
}

async fn put_together(config: &Config, data: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(data).with_context(|| format!("cannot make {}", data.display()))?;
    let library = Library::open(data)?;
    Uploads::open(data).context("cannot take in uploads")?;
    for name in backup::KEYS {
        backup::copy(&folder.join(name), &data.join(name))?;
    }
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

/// What a half-restored folder has in it.
const DRAFT: &str = "restoring";

const HALF: &str = "remove what is in it, and restore again";

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(done: anyhow::Result<()>) -> String {
        format!("{:#}", done.unwrap_err())
    }

    #[test]
    fn half_of_an_instance_is_used_by_nobody_and_swept_by_the_next_try() {
        let data = tempfile::tempdir().unwrap();
        let data = data.path();
        ensure_whole(data).unwrap();
        sweep(data).unwrap();
        fs::create_dir_all(draft(data).join("hls")).unwrap();
        assert!(refusal(ensure_whole(data)).contains("is half restored: remove"));
        sweep(data).unwrap();
        ensure_whole(data).unwrap();
        fs::create_dir_all(draft(data)).unwrap();
        fs::write(data.join("key"), "").unwrap();
        assert!(refusal(sweep(data)).contains("is half restored: remove"));
        assert!(data.join("key").exists());
    }

    #[test]
    fn all_is_put_in_its_place_and_the_database_last() {
        let data = tempfile::tempdir().unwrap();
        let (data, draft) = (data.path(), draft(data.path()));
        fs::create_dir(&draft).unwrap();
        for name in ["shoal.sqlite", "shoal.sqlite-wal", "key", "videos"] {
            fs::write(draft.join(name), name).unwrap();
        }
        fs::create_dir(data.join("videos")).unwrap();
        assert!(put_in_place(&draft, data).is_err());
        assert!(!data.join("shoal.sqlite").exists() && draft.join("shoal.sqlite").exists());
        fs::remove_dir(data.join("videos")).unwrap();
        put_in_place(&draft, data).unwrap();
        assert!(data.join("shoal.sqlite").exists() && !draft.exists());
    }
}
