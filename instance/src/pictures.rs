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
use sidecar::elsewhere::{PictureElsewhere, site_of};
use sidecar::view::PictureKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::time::timeout;

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
    lines: Lines,
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
    /// Until then nobody asks for it: it can't be had.
    Missing(Instant),
    /// The same, while others are fetched.
    Waiting(Instant),
}

/// What is found of a picture.
#[derive(Debug)]
enum Found {
    Picture(Vec<u8>),
    Nothing,
    /// Nothing yet: others are fetched just now.
    Later,
}

/// What came of making one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Kept,
    /// It can't be had, or isn't one.
    Not,
    /// Others are fetched just now.
    Later,
}

/// What is fetched at the same time: so much in all, of which one site has few, so that slow servers keep no others waiting.
#[derive(Debug)]
struct Lines {
    all: Semaphore,
    /// Of sites of which something is being fetched, or waits for it.
    of_site: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Lines {
    fn new() -> Lines {
        Lines { all: Semaphore::new(FETCHED_AT_ONCE), of_site: Mutex::default() }
    }

    /// A line to a site; `None` if there is none free for a while.
    async fn take(&self, site: &str) -> Option<(OwnedSemaphorePermit, SemaphorePermit<'_>)> {
        let own = {
            let mut sites = self.of_site.lock().unwrap_or_else(PoisonError::into_inner);
            sites.retain(|_, own| Arc::strong_count(own) > 1);
            let own = sites.entry(site.to_owned());
            Arc::clone(own.or_insert_with(|| Arc::new(Semaphore::new(FETCHED_OF_SITE))))
        };
        let taking = async {
            let own = own.acquire_owned().await.ok()?;
            Some((own, self.all.acquire().await.ok()?))
        };
        timeout(PATIENCE, taking).await.ok()?
    }
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
            lines: Lines::new(),
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
        Some(match finding.await.unwrap_or(Found::Nothing) {
            Found::Picture(jpeg) => shown(jpeg),
            Found::Nothing => missing("public, max-age=60"),
            Found::Later => missing("no-store"),
        })
    }

    async fn find(&self, wanted: &PictureElsewhere) -> Found {
        let file = wanted.file(wanted.width());
        if let Some(jpeg) = self.read(&file).await {
            return Found::Picture(jpeg);
        }
        let key = wanted.file(0);
        let turn = match self.turn(&key) {
            Ok(turn) => turn,
            Err(found) => return found,
        };
        let _held = turn.lock().await;
        // Whoever had the turn before has made it, or found that it can't be.
        if let Some(jpeg) = self.read(&file).await {
            return Found::Picture(jpeg);
        }
        if let Err(found) = self.turn(&key) {
            return found;
        }
        match self.make(wanted).await {
            Made::Kept => {
                self.settle(key, None);
                self.read(&file).await.map_or(Found::Nothing, Found::Picture)
            }
            Made::Not => {
                self.settle(key, Some(State::Missing(Instant::now() + AGAIN)));
                Found::Nothing
            }
            Made::Later => {
                self.settle(key, Some(State::Waiting(Instant::now() + SOON)));
                Found::Later
            }
        }
    }

    /// Whose turn it is to make a picture, or what is found of it if it couldn't be had a moment ago.
    fn turn(&self, key: &str) -> Result<Arc<tokio::sync::Mutex<()>>, Found> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.get(key) {
            Some(State::Making(turn)) => return Ok(Arc::clone(turn)),
            Some(State::Missing(until)) if Instant::now() < *until => return Err(Found::Nothing),
            Some(State::Waiting(until)) if Instant::now() < *until => return Err(Found::Later),
            _ => {}
        }
        if state.len() >= REMEMBERED {
            state.retain(|_, state| match state {
                State::Making(_) => true,
                State::Missing(until) | State::Waiting(until) => Instant::now() < *until,
            });
        }
        if state.len() >= REMEMBERED {
            return Err(Found::Later);
        }
        let turn = Arc::default();
        state.insert(key.to_owned(), State::Making(Arc::clone(&turn)));
        Ok(turn)
    }

    /// Nobody waits for it any more; what isn't made is known for a while.
    fn settle(&self, key: String, known: Option<State>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            None => state.remove(&key),
            Some(known) => state.insert(key, known),
        };
    }

    /// Fetches a picture, makes it anew in all its sizes, and keeps them.
    async fn make(&self, wanted: &PictureElsewhere) -> Made {
        let Ok(Some(url)) = self.sidecar.picture_source(wanted).await else { return Made::Not };
        let Some(line) = self.lines.take(&site_of(&url)).await else { return Made::Later };
        let fetched = self.sidecar.fetch_picture(&url).await;
        drop(line);
        let made = match fetched {
            Ok(bytes) => self.make_of(wanted, &url, bytes).await,
            Err(error) => {
                tracing::debug!(url, "a picture can't be had: {error}");
                None
            }
        };
        made.map_or(Made::Not, |()| Made::Kept)
    }

    async fn make_of(&self, wanted: &PictureElsewhere, url: &str, bytes: Vec<u8>) -> Option<()> {
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

/// For as long as caches may believe it.
fn missing(how_long: &'static str) -> Reply {
    let mut reply = origin::serve::text(StatusCode::NOT_FOUND, "there is no such picture\n");
    reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(how_long));
    reply
}

/// Bytes of all that is kept: some ten thousand pictures, less than an hour of film.
const BUDGET: u64 = 1 << 30;

/// Pictures that are fetched at the same time, and those of one site.
const FETCHED_AT_ONCE: usize = 8;
const FETCHED_OF_SITE: usize = 2;

/// How long somebody waits for that: a page's pictures of one quick server come in this time.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long what nobody could fetch in that time isn't asked for again: so that those who wait for it don't wait one after the other.
const SOON: Duration = Duration::from_secs(3);

/// Pictures that are being made or couldn't be had, at 200 bytes each.
const REMEMBERED: usize = 10_000;

/// How long what couldn't be had isn't asked for again.
const AGAIN: Duration = Duration::from_secs(600);

const TOUCHED: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn slow_servers_keep_no_others_pictures_waiting() {
        let lines = Lines::new();
        let mut held = Vec::new();
        for _ in 0..FETCHED_OF_SITE {
            held.push(lines.take("evil.com").await.unwrap());
        }
        assert!(lines.take("evil.com").await.is_none());
        for no in 0..FETCHED_AT_ONCE - FETCHED_OF_SITE {
            held.push(lines.take(&format!("{no}.com")).await.unwrap());
        }
        let begun = tokio::time::Instant::now();
        assert!(lines.take("good.com").await.is_none());
        assert_eq!(begun.elapsed(), PATIENCE);
        held.pop();
        held.push(lines.take("good.com").await.unwrap());
        drop(held);
        assert!(lines.take("evil.com").await.is_some());
        assert_eq!(lines.of_site.lock().unwrap().len(), 1);
    }

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
