//! Whether a running server answers as its description of the API says, by schemathesis.

use crate::{http, run, shell};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Starts a server with a video in it, and asks it all that its description lets one ask, and much that it doesn't: first about
/// what is there, and then about anything.
pub(crate) fn check(shoal: &Path) -> Result<()> {
    let program = fetch()?;
    let data = shell::target().join("described");
    let _ = fs::remove_dir_all(&data);
    let (name, password) = make_user(shoal, &data)?;
    let address = free_address()?;
    let mut server = run::Server::start(shoal, &data, address)?;
    server.wait_until_healthy()?;
    run::import(shoal, &data, &film(&data)?)?;
    let token = log_in(address, &name, &password)?;
    let ask = |settings: &[&str]| {
        let mut schemathesis = Command::new("python3");
        schemathesis.env("PYTHONPATH", &program).args(["-m", "schemathesis.cli"]);
        schemathesis.args(["--config-file", CONFIGURATION, "run"]);
        schemathesis.arg(format!("http://{address}/api/shoal/v1/openapi.json"));
        schemathesis.arg("--header").arg(format!("Authorization: Bearer {token}"));
        schemathesis.args(SETTINGS).args(["--checks", CHECKS]).args(settings);
        shell::run(schemathesis.current_dir(&data))
    };
    fs::write(data.join(CONFIGURATION), known(address)?)?;
    ask(&["--exclude-method", "DELETE", "--exclude-path", LOG_OUT])?;
    fs::write(data.join(CONFIGURATION), "")?;
    ask(&["--exclude-path", LOG_OUT])?;
    server.stop()
}

/// Names of what there is, so that answers are about something.
fn known(address: SocketAddr) -> Result<String> {
    let videos: Value = serde_json::from_slice(&http::get(address, "/api/v1/videos")?.body)?;
    let uuid = videos["data"][0]["uuid"].as_str().context("there is no video")?;
    Ok(format!(
        "[parameters]\n\"path.key\" = \"{uuid}\"\n\"path.uuid\" = \"{uuid}\"\n\"path.handle\" = \"tester_channel\"\n\
         \"path.name\" = \"tester\"\n\"path.language\" = \"en\"\n"
    ))
}

/// An administrator, whom the server then doesn't make.
fn make_user(shoal: &Path, data: &Path) -> Result<(String, String)> {
    let mut create = Command::new(shoal);
    create.args(["user", "create", "tester", "--role", "administrator", "--json", "--data"]);
    let told: Value = serde_json::from_str(&shell::output(create.arg(data))?)?;
    let text = |key: &str| told[key].as_str().map(str::to_owned);
    text("username").zip(text("password")).context("the new user has no name or password")
}

fn log_in(address: SocketAddr, name: &str, password: &str) -> Result<String> {
    let client = http::get(address, "/api/v1/oauth-clients/local")?;
    let client: Value = serde_json::from_slice(&client.body)?;
    let (id, secret) = (client["client_id"].as_str(), client["client_secret"].as_str());
    let (id, secret) = id.zip(secret).context("the server names no client")?;
    let form = format!(
        "client_id={id}&client_secret={secret}&grant_type=password&username={name}&password={password}"
    );
    let answer = http::post(address, "/api/v1/users/token", &form)?;
    let tokens: Value = serde_json::from_slice(&answer.body)?;
    match tokens["access_token"].as_str() {
        Some(token) => Ok(token.to_owned()),
        None => bail!("nobody is let in: {tokens}"),
    }
}

/// A second of colours.
fn film(folder: &Path) -> Result<PathBuf> {
    let film = folder.join("sea.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=duration=1"]);
    shell::run(ffmpeg.args(["-pix_fmt", "yuv420p"]).arg(&film))?;
    Ok(film)
}

/// A port that nobody has just now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Where schemathesis and what it needs are, installed with pip into a folder of their own.
fn fetch() -> Result<PathBuf> {
    let folder = shell::target().join(format!("schemathesis-{VERSION}"));
    if !folder.exists() {
        println!("xtask: installing schemathesis {VERSION} with pip");
        let draft = folder.with_extension("tmp");
        let _ = fs::remove_dir_all(&draft);
        let mut pip = Command::new("pip3");
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--target"]).arg(&draft);
        shell::run(pip.arg(format!("schemathesis=={VERSION}")))?;
        fs::rename(draft, &folder)?;
    }
    Ok(folder)
}

/// The newest when this was written.
const VERSION: &str = "4.32.5";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Each time the same, and over within two minutes.
const SETTINGS: &[&str] = &[
    "--phases",
    "examples,coverage,fuzzing",
    "--max-examples",
    "10",
    "--seed",
    "1",
    "--no-shrink",
    "--continue-on-failure",
    "--suppress-health-check",
    "all",
    "--request-timeout",
    "30",
];

/// It ends the session that asks.
const LOG_OUT: &str = "/api/v1/users/revoke-token";

const CONFIGURATION: &str = "schemathesis.toml";
