//! Both databases for a test: SQLite in a temporary folder, and a PostgreSQL of its own that ends with the test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::Database;
use crate::config;

/// An empty database of the newest schema, gone when dropped.
pub(crate) struct Trial {
    pub(crate) database: Database,
    pub(crate) settings: config::Database,
    pub(crate) data: TempDir,
    _postgres: Option<Postgres>,
}

/// One of each kind.
pub(crate) async fn databases() -> [Trial; 2] {
    let postgres = Postgres::start();
    let settings = config::Database { url: Some(postgres.url()), connections: 4 };
    [trial(config::Database::default(), None).await, trial(settings, Some(postgres)).await]
}

async fn trial(settings: config::Database, postgres: Option<Postgres>) -> Trial {
    let data = tempfile::tempdir().unwrap();
    let database = Database::open(&settings, data.path()).await.unwrap();
    Trial { database, settings, data, _postgres: postgres }
}

/// A server that listens on a socket in its own folder alone.
struct Postgres {
    server: Child,
    folder: TempDir,
}

impl Postgres {
    fn start() -> Postgres {
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let owner = owner();
        give(folder.path(), owner);
        let cluster = folder.path().join("cluster");
        copy(&template(owner), &cluster, owner);
        let mut serve = program("postgres", owner, folder.path());
        serve.args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "shared_buffers=4MB",
            "-k",
        ]);
        serve.arg(folder.path()).arg("-D").arg(&cluster).stderr(Stdio::piped());
        let mut server = serve.spawn().unwrap();
        let said = BufReader::new(server.stderr.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("ready to accept connections")), "it never came up");
        // It goes on telling, and must find somebody who reads.
        std::thread::spawn(move || lines.for_each(drop));
        Postgres { server, folder }
    }

    fn url(&self) -> config::DatabaseUrl {
        let folder = self.folder.path().display();
        config::DatabaseUrl::new(format!("postgres://postgres@localhost/postgres?host={folder}"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let id = rustix::process::Pid::from_child(&self.server);
        // Its word for "cut everybody off and stop".
        let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        let _ = self.server.wait();
    }
}

/// An empty cluster beside the test's program, which the first test to need it makes, and all others copy.
fn template(owner: Option<(u32, u32)>) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let template = program.with_file_name("postgres-template");
    let lock = fs::File::create(template.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !template.exists() {
        // PostgreSQL's user may not get as far as our own folders.
        let folder = tempfile::tempdir().unwrap();
        give(folder.path(), owner);
        let cluster = folder.path().join("cluster");
        make(&cluster, owner, folder.path());
        let unready = template.with_extension("unready");
        let _ = fs::remove_dir_all(&unready);
        copy(&cluster, &unready, owner);
        fs::rename(unready, &template).unwrap();
    }
    template
}

fn make(cluster: &Path, owner: Option<(u32, u32)>, folder: &Path) {
    let mut make = program("initdb", owner, folder);
    make.args([
        "--auth=trust",
        "--username=postgres",
        "--encoding=UTF8",
        "--no-sync",
        "--wal-segsize=1",
        "--pgdata",
    ]);
    let made = make.arg(cluster).output().unwrap();
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
}

/// Where a thousand files are made in a blink: in memory, where the system has such a folder.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// Copies a folder with all that is in it, for `owner` alone.
fn copy(from: &Path, to: &Path, owner: Option<(u32, u32)>) {
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    give(to, owner);
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target, owner);
        } else {
            fs::copy(entry.path(), &target).unwrap();
            give(&target, owner);
        }
    }
}

fn give(path: &Path, owner: Option<(u32, u32)>) {
    chown(path, owner.map(|(uid, _)| uid), owner.map(|(_, gid)| gid)).unwrap();
}

fn program(name: &str, owner: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(binaries().join(name));
    command
        .current_dir(folder)
        .env_clear()
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
    command
}

/// Where Debian puts what isn't meant for everybody's path.
fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions
        .map(|version| version.path().join("bin"))
        .find(|bin| bin.join("postgres").exists());
    found.expect(
        "PostgreSQL is not installed: apt-get install --no-install-recommends postgresql-15",
    )
}

/// PostgreSQL refuses to run as root, so it runs as the user that its package made; otherwise as whoever tests.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> =
        line.expect("the package postgresql-15 makes a user postgres").split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}
