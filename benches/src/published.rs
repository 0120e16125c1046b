//! A video on a server of ours, and the measuring scripts that load its pages.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::import::{Source, make_source};
use crate::process::{Server, finish, shoal};

/// Imports a fresh source into `folder`'s `data`, in renditions of the given lines; the video's id.
pub(crate) fn publish(folder: &Path, source: &Source, heights: &str) -> anyhow::Result<String> {
    let file = folder.join("source.mp4");
    make_source(&file, source)?;
    let data = folder.join("data");
    let mut import = Command::new(shoal());
    import.args(["import", "--wait", "--data"]).args([&data, &file]);
    finish(import.env("SHOAL_IMPORT_HEIGHTS", heights))?;
    let video = fs::read_dir(data.join("hls"))?.next().context("the import made no video")??;
    video.file_name().into_string().ok().context("an id is not UTF-8")
}

/// Our server on what was published in `folder`.
pub(crate) fn serve(folder: &Path, address: SocketAddr) -> anyhow::Result<Server> {
    serve_behind(folder, address, address)
}

/// The same behind a proxy, which viewers find at `public`; it introduces them in swarms of other streams, too.
pub(crate) fn serve_behind(
    folder: &Path,
    address: SocketAddr,
    public: SocketAddr,
) -> anyhow::Result<Server> {
    let mut command = Command::new(shoal());
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(folder.join("data"));
    command.args(["--public-url", &format!("http://{public}")]).env("SHOAL_TRACKER_OPEN", "true");
    Server::start(&mut command, address, "/health")
}

/// Runs a script of `benches/`; the Markdown that it prints.
pub(crate) fn node(script: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("node")
        .arg(workspace().join("benches").join(script))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("node does not start")?;
    anyhow::ensure!(output.status.success(), "{script} ended with {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Where this repository is.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
