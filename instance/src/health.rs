//! `/health`: whether database and disk are well.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode, header};
use origin::Reply;
use origin::library::Library;
use serde_json::json;
use sidecar::Sidecar;
use tokio::sync::Mutex;

/// What `/health` looks at, and what it saw last.
#[derive(Debug)]
pub(crate) struct Health {
    sidecar: Arc<Sidecar>,
    library: Library,
    seen: Mutex<Option<(Instant, Condition)>>,
}

/// Why something is unwell, if it is; in sentences for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Condition {
    database: Option<String>,
    disk: Option<String>,
}

impl Health {
    pub(crate) fn new(sidecar: Arc<Sidecar>, library: Library) -> Health {
        Health { sidecar, library, seen: Mutex::default() }
    }

    /// 200 if all is well, else 503 and why; looked at anew every few seconds, however often it is asked.
    pub(crate) async fn answer(&self) -> Reply {
        let mut seen = self.seen.lock().await;
        let is_fresh = |at: &Instant| at.elapsed() < LIFE;
        if let Some((_, condition)) = seen.as_ref().filter(|(at, _)| is_fresh(at)) {
            return answer(condition);
        }
        let condition = self.look().await;
        let reply = answer(&condition);
        *seen = Some((Instant::now(), condition));
        reply
    }

    async fn look(&self) -> Condition {
        let library = self.library.clone();
        let disk = tokio::task::spawn_blocking(move || disk(&library));
        let disk = tokio::time::timeout(PATIENCE, disk).await;
        Condition {
            database: self.sidecar.health().await.err().map(str::to_owned),
            disk: match disk {
                Ok(Ok(disk)) => disk.err(),
                Ok(Err(_)) | Err(_) => Some("the disk doesn't answer".to_owned()),
            },
        }
    }
}

fn answer(condition: &Condition) -> Reply {
    if *condition == Condition::default() {
        return origin::serve::text(StatusCode::OK, "ok\n");
    }
    let said = json!({
        "status": "unwell", "database": condition.database, "disk": condition.disk,
    });
    let mut reply = origin::serve::text(StatusCode::SERVICE_UNAVAILABLE, format!("{said}\n"));
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

/// A file is made there and removed, which is the only certain test.
fn disk(library: &Library) -> Result<(), String> {
    let trial = library.data_dir().join(format!(".shoal-health-{}", std::process::id()));
    let tried = fs::write(&trial, b"shoal").and_then(|()| fs::remove_file(&trial));
    if let Err(error) = tried {
        tracing::error!("the data folder can't be written: {error}");
        return Err(format!("the data folder can't be written: {}", error.kind()));
    }
    let room = library.room().map_err(|_| "the disk can't tell its room".to_owned())?;
    if room.free_bytes < LEAST {
        return Err(format!("the disk has {} MB left", room.free_bytes >> 20));
    }
    Ok(())
}

/// How long what was seen is told: who asks more often asks for nothing.
const LIFE: Duration = Duration::from_secs(5);

/// How long the disk may take: a network's disk that is gone never answers.
const PATIENCE: Duration = Duration::from_secs(3);

/// With less than this, uploads are refused for long, and the database soon can't grow.
const LEAST: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_folder_that_is_gone_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path()).unwrap();
        assert_eq!(disk(&library), Ok(()));
        assert_eq!(
            fs::read_dir(folder.path())
                .unwrap()
                .filter(|entry| {
                    entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".shoal")
                })
                .count(),
            0
        );
        fs::remove_dir_all(folder.path()).unwrap();
        let said = disk(&library).unwrap_err();
        assert!(said.contains("data folder can't be written: entity not found"), "{said}");
    }

    #[test]
    fn what_is_unwell_is_said_with_503() {
        assert_eq!(answer(&Condition::default()).status(), 200);
        let disk = Some("the disk has 3 MB left".to_owned());
        let reply = answer(&Condition { disk, database: None });
        assert_eq!(reply.status(), 503);
        assert_eq!(reply.headers()["content-type"], "application/json; charset=utf-8");
    }
}
