//! A copy of the database as it was at one moment, taken while servers use it, and the way back.
//!
//! SQLite copies itself. PostgreSQL's own programs copy theirs; where it is and how they come in goes through their
//! environment, since everybody may read a command line.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, PgConnection};
use wire::id::VideoId;

use crate::config::{Database, DatabaseUrl};
pub use crate::database::FILE;
use crate::database::{BUSY, OURS_ALONE, OpenError};
use crate::table::{upload, video};

/// What a copy speaks of that lies in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// All its videos.
    pub videos: HashSet<VideoId>,
    /// Uploads whose file is needed, as far as it has come.
    pub uploads: Vec<String>,
}

/// Which database keeps an instance's accounts and catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// In the data folder.
    Sqlite,
    /// Behind `database.url`.
    Postgres,
}

/// Why a database can't be copied or brought back, sorted by blame: the host, then the machine.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It can't be reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something would be mixed with what is brought back.
    #[error("the database of database.url has tables already: name one that is empty")]
    NotEmpty,
    /// The program isn't there, or can't run.
    #[error("cannot run {name} ({reason}): install postgresql-client, in the server's version")]
    NoProgram {
        /// Which one.
        name: &'static str,
        /// What the system said.
        reason: io::Error,
    },
    /// It gave up.
    #[error("{name} failed: {said}")]
    Program {
        /// Which one.
        name: &'static str,
        /// Its last words.
        said: String,
    },
    /// SQLite takes names in UTF-8 alone.
    #[error("the name {0:?} is no text: choose another folder")]
    Name(PathBuf),
    /// The file system refuses.
    #[error("cannot keep {path:?}: {reason}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The database doesn't answer.
    #[error("the database: {0}")]
    Database(sqlx::Error),
}

/// Part of the sentence, and therefore no `source` that a reporter would say again.
impl From<sqlx::Error> for SnapshotError {
    fn from(error: sqlx::Error) -> SnapshotError {
        SnapshotError::Database(error)
    }
}

impl Kind {
    /// The one that `settings` name.
    pub fn of(settings: &Database) -> Kind {
        if settings.url.is_some() { Kind::Postgres } else { Kind::Sqlite }
    }
}

/// Copies the database that `settings` name, or that is in the folder `data`, into `folder`, in place of a copy that was
/// taken there before. Nobody else waits for that.
///
/// # Errors
/// When it can't be read, the copy can't be written, or PostgreSQL's `pg_dump` isn't there.
pub async fn take(
    settings: &Database,
    data: &Path,
    folder: &Path,
) -> Result<Snapshot, SnapshotError> {
    match &settings.url {
        None => take_sqlite(&data.join(FILE), &folder.join(FILE)).await,
        Some(url) => take_postgres(url, &folder.join(DUMP)).await,
    }
}

/// Makes sure that what is brought back is mixed with nothing that is in PostgreSQL already.
///
/// # Errors
/// When it would be, or the database can't be reached.
pub async fn ensure_empty(settings: &Database) -> Result<(), SnapshotError> {
    let Some(url) = &settings.url else { return Ok(()) };
    let mut connection = connect(url).await?;
    let (is_used,): (bool,) = sqlx::query_as(IS_USED).fetch_one(&mut connection).await?;
    connection.close().await?;
    if is_used { Err(SnapshotError::NotEmpty) } else { Ok(()) }
}

/// Brings the copy in `folder` back: into the folder `data`, or into the empty database that `settings` name.
///
/// # Errors
/// When there is something already, or PostgreSQL's `pg_restore` isn't there; then nothing has changed.
pub async fn bring_back(
    settings: &Database,
    data: &Path,
    folder: &Path,
) -> Result<(), SnapshotError> {
    ensure_empty(settings).await?;
    match &settings.url {
        None => bring_back_sqlite(&folder.join(FILE), &data.join(FILE)),
        Some(url) => {
            let dump = folder.join(DUMP);
            let bytes = File::open(&dump).map_err(failed(&dump))?;
            let mut restore = program("pg_restore", &RESTORING, url)?;
            restore.stdin(bytes).stdout(Stdio::null());
            run("pg_restore", restore).await
        }
    }
}

/// Reads, in whichever way it is connected, what belongs to a copy.
macro_rules! contents {
    ($connection:expr) => {{
        let videos: Vec<(String,)> =
            sqlx::query_as(video::UUIDS).fetch_all(&mut $connection).await?;
        let uploads: Vec<(String,)> =
            sqlx::query_as(upload::NEEDED).fetch_all(&mut $connection).await?;
        Snapshot {
            videos: videos.iter().filter_map(|(uuid,)| uuid.parse().ok()).collect(),
            uploads: uploads.into_iter().map(|(id,)| id).collect(),
        }
    }};
}

async fn take_sqlite(file: &Path, copy: &Path) -> Result<Snapshot, SnapshotError> {
    let name = copy.to_str().ok_or_else(|| SnapshotError::Name(copy.to_owned()))?;
    drop(make(copy)?);
    let mut source = open(file).await?;
    sqlx::query("VACUUM INTO $1").bind(name).execute(&mut source).await?;
    source.close().await?;
    let mut copied = open(copy).await?;
    let snapshot = contents!(copied);
    copied.close().await?;
    Ok(snapshot)
}

async fn open(file: &Path) -> Result<SqliteConnection, OpenError> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(BUSY);
    let opened = options.disable_statement_logging().connect().await;
    opened.map_err(|error| OpenError::Sqlite(file.to_owned(), error))
}

/// The moment of the copy is that of a transaction here, which `pg_dump` joins.
async fn take_postgres(url: &DatabaseUrl, copy: &Path) -> Result<Snapshot, SnapshotError> {
    let mut connection = connect(url).await?;
    sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").execute(&mut connection).await?;
    let (moment,): (String,) =
        sqlx::query_as("SELECT pg_export_snapshot()").fetch_one(&mut connection).await?;
    let snapshot = contents!(connection);
    let mut dump = program("pg_dump", &DUMPING, url)?;
    dump.arg(format!("--snapshot={moment}")).stdin(Stdio::null()).stdout(make(copy)?);
    run("pg_dump", dump).await?;
    connection.close().await?;
    Ok(snapshot)
}

async fn connect(url: &DatabaseUrl) -> Result<PgConnection, OpenError> {
    let options = url.options()?.disable_statement_logging();
    options.connect().await.map_err(OpenError::Postgres)
}

/// One of PostgreSQL's programs, which asks nobody for a password.
fn program(
    name: &'static str,
    arguments: &[&str],
    url: &DatabaseUrl,
) -> Result<Command, SnapshotError> {
    let mut program = Command::new(name);
    program.args(arguments).env_remove("PGSERVICE").envs(url.variables()?);
    Ok(program)
}

async fn run(name: &'static str, mut program: Command) -> Result<(), SnapshotError> {
    program.stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || program.output()).await;
    let ended = ended.map_err(io::Error::other).flatten();
    let output = ended.map_err(|reason| SnapshotError::NoProgram { name, reason })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next_back().unwrap_or("it says nothing").to_owned();
    Err(SnapshotError::Program { name, said })
}

/// Beside its place first, so that no server ever finds half of it.
fn bring_back_sqlite(copy: &Path, file: &Path) -> Result<(), SnapshotError> {
    let draft = file.with_extension("tmp");
    let mut bytes = File::open(copy).map_err(failed(copy))?;
    let mut written = make(&draft)?;
    let copied = io::copy(&mut bytes, &mut written).and_then(|_| written.sync_all());
    copied.and_then(|()| fs::rename(&draft, file)).map_err(failed(file))
}

/// An empty file for our eyes only.
fn make(path: &Path) -> Result<File, SnapshotError> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(OURS_ALONE);
    options.open(path).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> SnapshotError {
    let path = path.to_owned();
    move |reason| SnapshotError::Io { path: path.clone(), reason }
}

/// PostgreSQL's copy.
const DUMP: &str = "database.dump";

/// Whoever brings it back may have another name there.
const DUMPING: [&str; 4] = ["--format=custom", "--no-owner", "--no-privileges", "--no-password"];

/// All of it or nothing. An empty name stands for the one in the environment.
const RESTORING: [&str; 6] = [
    "--single-transaction",
    "--exit-on-error",
    "--no-owner",
    "--no-privileges",
    "--no-password",
    "--dbname=",
];

const IS_USED: &str = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema'))";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::trial;
    use crate::database::{self, writing};
    use crate::table::upload::tests::{open, sender, settled};
    use crate::table::user;
    use std::os::unix::fs::PermissionsExt;

    fn url(text: &str) -> DatabaseUrl {
        DatabaseUrl::new(text.to_owned())
    }

    /// Another database of the same server, or the same settings for SQLite.
    async fn elsewhere(trial: &trial::Trial) -> Database {
        let Some(url) = &trial.settings.url else { return trial.settings.clone() };
        let mut connection = connect(url).await.unwrap();
        sqlx::query("CREATE DATABASE elsewhere").execute(&mut connection).await.unwrap();
        let url = url.reveal().replace("/postgres?", "/elsewhere?");
        Database { url: Some(DatabaseUrl::new(url)), connections: 2 }
    }

    #[tokio::test]
    async fn what_was_there_at_that_moment_comes_back_elsewhere() {
        for trial in trial::databases().await {
            let alice = sender(&trial.database, "alice").await;
            settled(&trial.database, "a", alice).await.unwrap();
            open(&trial.database, "b", alice).await;
            let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let take = async || take(&trial.settings, trial.data.path(), folder.path()).await;
            let first = take().await.unwrap();
            assert_eq!(first.videos.len(), 1);
            assert_eq!(first.uploads.len(), 2);
            assert_eq!(take().await.unwrap(), first, "a second copy takes the place of the first");
            let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let names: Vec<_> = names.collect();
            assert_eq!(names.len(), 1, "{names:?}");
            let mode = fs::metadata(&names[0]).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);

            writing!(&trial.database, pool => {
                sqlx::query("UPDATE users SET email = 'later'").execute(pool).await.map(drop)
            })
            .unwrap();
            let there = elsewhere(&trial).await;
            bring_back(&there, data.path(), folder.path()).await.unwrap();
            let opened = database::Database::open(&there, data.path()).await.unwrap();
            let found = user::by_login(&opened, "alice").await.unwrap().unwrap();
            assert_eq!((found.id, found.email), (alice.0, None));
            opened.close().await;
            if there.url.is_some() {
                let again = bring_back(&there, data.path(), folder.path()).await;
                assert!(matches!(again, Err(SnapshotError::NotEmpty)), "{again:?}");
            }
        }
    }

    #[test]
    fn postgresql_s_programs_learn_of_no_password_by_their_command_line() {
        let text = "postgres://shoal:p%40ss+w@db.example:5433/videos?sslmode=require";
        let program = program("pg_dump", &DUMPING, &url(text)).unwrap();
        let arguments: Vec<_> = program.get_args().map(|text| text.to_str().unwrap()).collect();
        assert_eq!(arguments, DUMPING);
        let variable = |name: &str| {
            let found = program.get_envs().find(|(key, _)| *key == name)?.1?;
            found.to_str()
        };
        for (name, value) in [
            ("PGHOST", "db.example"),
            ("PGPORT", "5433"),
            ("PGUSER", "shoal"),
            ("PGPASSWORD", "p@ss+w"),
            ("PGDATABASE", "videos"),
            ("PGSSLMODE", "require"),
        ] {
            assert_eq!(variable(name), Some(value), "{name}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_or_fails_is_named() {
        let run = async |name| run(name, Command::new(name)).await.unwrap_err().to_string();
        assert!(run("pg_nothing").await.starts_with("cannot run pg_nothing (No such file"));
        assert_eq!(run("false").await, "false failed: it says nothing");
    }
}
