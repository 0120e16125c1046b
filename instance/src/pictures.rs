//! Pictures of other servers: fetched at first sight, made anew, and kept within a budget of bytes.
//!
//! Nothing is served as it came, and visitors' browsers ask no other server for it. What can't be had is asked again later.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use origin::Reply;
use origin::import::{self, Picture, Settings, Shape};
use origin::library::Library;
use sidecar::Sidecar;
use sidecar::elsewhere::PictureElsewhere;
use sidecar::view::PictureKind;
use tokio::sync::Semaphore;

use crate::catalogue::Catalogue;
use crate::turns::Turns;

/// The cache.
#[derive(Debug)]
pub(crate) struct Pictures {
    sidecar: Arc<Sidecar>,
    library: Library,
    settings: Settings,
    folder: PathBuf,
    /// About as many as there are.
    bytes: AtomicU64,
    fetching: Semaphore,
    /// Of its own, so that others' pictures keep nobody here from setting theirs.
    turns: Turns,
    /// What is being made, and what couldn't be had a moment ago.
    state: Mutex<HashMap<String, State>>,
}

/// What is known of a picture that isn't there.
#[derive(Debug, Clone)]
enum State {
    /// Held by whoever makes it: others wait for them.
    Making(Arc<tokio::sync::Mutex<()>>),
    /// Since then nobody asks for it.
    Missing(Instant),
}

impl Pictures {
    pub(crate) fn new(catalogue: &Catalogue, settings: Settings) -> Pictures {
        let folder = catalogue.library.data_dir().join("elsewhere");
        Pictures {
            sidecar: Arc::clone(&catalogue.sidecar),
            library: catalogue.library.clone(),
            settings,
            bytes: AtomicU64::new(size_of(&folder)),
            folder,
            fetching: Semaphore::new(FETCHED_AT_ONCE),
            turns: Turns::new(),
            state: Mutex::default(),
        }
    }

    /// Answers with a picture of another server; `None` if the path names none.
    pub(crate) async fn show(self: &Arc<Self>, path: &str) -> Option<Reply> {
        let wanted = PictureElsewhere::parse(path)?;
        // Whoever goes away leaves it to be made for the next.
        let pictures = Arc::clone(self);
        let finding = tokio::spawn(async move { pictures.find(&wanted).await });
        Some(match finding.await.ok().flatten() {
            Some(jpeg) => shown(jpeg),
            None => missing(),
        })
    }

    async fn find(&self, wanted: &PictureElsewhere) -> Option<Vec<u8>> {
        let file = wanted.file(wanted.width());
        if let Some(jpeg) = self.read(&file).await {
            return Some(jpeg);
        }
        let key = wanted.file(0);
        let turn = self.turn(&key)?;
        let _held = turn.lock().await;
        // Whoever had the turn before has made it, or found that it can't be.
        if let Some(jpeg) = self.read(&file).await {
            return Some(jpeg);
        }
        self.turn(&key)?;
        let made = self.make(wanted).await;
        self.settle(key, made.is_some());
        made?;
        self.read(&file).await
    }

    /// Whose turn it is to make a picture; `None` if it couldn't be had a moment ago.
    fn turn(&self, key: &str) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.get(key) {
            Some(State::Making(turn)) => return Some(Arc::clone(turn)),
            Some(State::Missing(since)) if since.elapsed() < AGAIN => return None,
            _ => {}
        }
        if state.len() >= REMEMBERED {
            state.retain(|_, state| match state {
                State::Making(_) => true,
                State::Missing(since) => since.elapsed() < AGAIN,
            });
        }
        if state.len() >= REMEMBERED {
            return None;
        }
        let turn = Arc::default();
        state.insert(key.to_owned(), State::Making(Arc::clone(&turn)));
        Some(turn)
    }

    fn settle(&self, key: String, is_made: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if is_made {
            state.remove(&key);
        } else {
            state.insert(key, State::Missing(Instant::now()));
        }
    }

    /// Fetches a picture, makes it anew in all its sizes, and keeps them.
    async fn make(&self, wanted: &PictureElsewhere) -> Option<()> {
        let url = self.sidecar.picture_source(wanted).await.ok()??;
        let fetching = self.fetching.acquire().await.ok()?;
        let fetched = self.sidecar.fetch_picture(&url).await;
        drop(fetching);
        let bytes = fetched
            .inspect_err(|error| tracing::debug!(url, "a picture can't be had: {error}"))
            .ok()?;
        let turn = self.turns.picture().await.ok()?;
        let (library, settings) = (self.library.clone(), self.settings.clone());
        let kind = wanted.kind();
        let making = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match kind {
                Some(kind) => import::portrait(&library, &bytes, shape(kind), &settings),
                None => {
                    // Of no video here: the folder in which it is made goes with it.
                    let id = import::fresh_id();
                    let made = import::thumbnail(&library, &id, &Picture::Sent(bytes), &settings);
                    if let Err(error) = library.remove_companions(&id) {
                        tracing::debug!("an empty folder is swept away later: {error}");
                    }
                    made.map(|jpeg| vec![jpeg])
                }
            }
        });
        let made = making.await.ok()?;
        let made = made
            .inspect_err(|error| tracing::debug!(url, "a picture can't be used: {error}"))
            .ok()?;
        let widths: Vec<u32> = match kind {
            Some(kind) => kind.sizes().iter().map(|(width, _)| *width).collect(),
            None => vec![0],
        };
        let files: Vec<(PathBuf, Vec<u8>)> = widths
            .into_iter()
            .zip(made)
            .map(|(width, jpeg)| (self.folder.join(wanted.file(width)), jpeg))
            .collect();
        self.keep(files).await
    }

    async fn keep(&self, files: Vec<(PathBuf, Vec<u8>)>) -> Option<()> {
        let more: u64 = files.iter().map(|(_, jpeg)| jpeg.len() as u64).sum();
        let now = self.bytes.fetch_add(more, Ordering::Relaxed) + more;
        let folder = self.folder.clone();
        let keeping = tokio::task::spawn_blocking(move || {
            for (path, jpeg) in &files {
                write(path, jpeg)?;
            }
            let left = if now > BUDGET { Some(sweep(&folder, BUDGET / 10 * 9)?) } else { None };
            Ok::<_, io::Error>(left)
        });
        match keeping.await.ok()? {
            Ok(left) => {
                if let Some(left) = left {
                    self.bytes.store(left, Ordering::Relaxed);
                }
                Some(())
            }
            Err(error) => {
                tracing::warn!("a picture of another server can't be kept: {error}");
                None
            }
        }
    }

    async fn read(&self, file: &str) -> Option<Vec<u8>> {
        let path = self.folder.join(file);
        let reading = tokio::task::spawn_blocking(move || {
            let jpeg = fs::read(&path).ok()?;
            touch(&path);
            Some(jpeg)
        });
        reading.await.ok().flatten()
    }
}

/// Renamed into its place, so that nobody reads a part of it.
fn write(path: &Path, jpeg: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unready = path.with_extension("unready");
    fs::write(&unready, jpeg)?;
    fs::rename(unready, path)
}

/// What was looked at is kept longer; once an hour is often enough.
fn touch(path: &Path) {
    let Ok(file) = fs::File::options().append(true).open(path) else { return };
    let changed = file.metadata().and_then(|about| about.modified());
    let is_old = changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > TOUCHED));
    if is_old && let Err(error) = file.set_modified(SystemTime::now()) {
        tracing::debug!("a picture's time stays as it was: {error}");
    }
}

/// Removes what nobody looked at for longest, until no more than `most` bytes are left; returns how many are.
fn sweep(folder: &Path, most: u64) -> io::Result<u64> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        files.push((about.modified()?, about.len(), entry.path()));
    }
    files.sort();
    let mut left = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in files {
        if left <= most {
            break;
        }
        fs::remove_file(path)?;
        left -= bytes;
    }
    Ok(left)
}

fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}

fn shape(kind: PictureKind) -> Shape {
    match kind {
        PictureKind::Avatar => Shape::Avatar,
        PictureKind::Banner => Shape::Banner,
    }
}

/// Another picture has another path.
fn shown(jpeg: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::from(jpeg));
    for (name, value) in [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

fn missing() -> Reply {
    let mut reply = origin::serve::text(StatusCode::NOT_FOUND, "there is no such picture\n");
    let briefly = HeaderValue::from_static("public, max-age=60");
    reply.headers_mut().insert(header::CACHE_CONTROL, briefly);
    reply
}

/// Bytes of all that is kept: some ten thousand pictures, less than an hour of film.
const BUDGET: u64 = 1 << 30;

/// Pictures that are fetched at the same time.
const FETCHED_AT_ONCE: usize = 8;

/// Pictures that are being made or couldn't be had, at 200 bytes each.
const REMEMBERED: usize = 10_000;

/// How long what couldn't be had isn't asked for again.
const AGAIN: Duration = Duration::from_secs(600);

const TOUCHED: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_least_goes_when_there_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        for (no, age) in [(1, 500), (2, 9_000), (3, 100)] {
            let path = folder.path().join(format!("v{no}.jpg"));
            write(&path, &[0; 100]).unwrap();
            let file = fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        }
        assert_eq!(size_of(folder.path()), 300);
        touch(&folder.path().join("v2.jpg"));
        assert_eq!(sweep(folder.path(), 250).unwrap(), 200);
        let left = |no: u32| folder.path().join(format!("v{no}.jpg")).exists();
        assert!(!left(1) && left(2) && left(3));
        assert_eq!(sweep(folder.path(), 250).unwrap(), 200);
    }
}
