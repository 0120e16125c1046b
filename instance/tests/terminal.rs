//! The commands of a host at a terminal, beside a running server and without one.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::server::{self, Shoal, shoal};

/// What a command prints, or its complaint.
fn run(words: &str, data: &Path) -> Result<String, String> {
    server::run(&words.split(' ').collect::<Vec<_>>(), data)
}

fn json_of(arguments: &str, data: &Path) -> Value {
    let text = run(&format!("{arguments} --json"), data).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
}

#[track_caller]
fn refused(arguments: &str, data: &Path, wanted: &str) {
    let said = run(arguments, data).unwrap_err();
    assert!(said.contains(wanted), "{said}");
}

fn start(command: &str, data: &Path) -> Shoal {
    Shoal::spawn(&mut shoal(&[command, "--listen", "127.0.0.1:0"], data), data)
}

/// Waits until a path is answered with this status, as it is soon after another process changed the data folder.
fn becomes(server: &Shoal, path: &str, status: u16) {
    server.until(|| match server.page(path).status {
        found if found == status => Ok(()),
        found => Err((path.to_owned(), found)),
    });
}

/// Publishes a film of a second, and returns its id.
fn publish(data: &Path, folder: &Path) -> String {
    let film = folder.join("sea.mp4");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=25:duration=1",
        ])
        .args(["-pix_fmt", "yuv420p"])
        .arg(&film)
        .status();
    assert!(made.unwrap().success());
    let url = run(&format!("import {}", film.display()), data).unwrap();
    url.trim().rsplit('/').next().unwrap().to_owned()
}

#[test]
fn users_are_looked_after_at_a_terminal() {
    let place = tempfile::tempdir().unwrap();
    let data = &place.path().join("data");
    refused("user list", data, "holds no instance: name its folder with --data");
    run("user create root --role administrator", data).unwrap();
    let made = json_of("user create alice --email alice@example.org", data);
    assert_eq!(made["username"], "alice");
    assert!(made["password"].as_str().unwrap().len() > 8);
    run("user quota alice --total 20G --daily none", data).unwrap();
    run("user role alice moderator", data).unwrap();
    run("user block alice --reason spam", data).unwrap();
    let alice = json_of("user list", data)[0].clone();
    for (key, wanted) in [
        ("role", json!("moderator")),
        ("email", json!("alice@example.org")),
        ("quotaBytes", json!(20_u64 << 30)),
        ("dailyBytes", Value::Null),
        ("isBlocked", json!(true)),
        ("blockedReason", json!("spam")),
    ] {
        assert_eq!(alice[key], wanted, "{alice}");
    }
    let listed = run("user list", data).unwrap();
    assert!(listed.starts_with("NAME   ROLE"), "{listed}");
    assert!(listed.lines().nth(1).unwrap().starts_with("alice  moderator"), "{listed}");
    run("user unblock alice", data).unwrap();
    refused("user block root", data, "root is the only administrator");
    refused("user role alice captain", data, "must be one of administrator, moderator, user");
    refused("user quota alice --total much", data, "write it as 500M, 20G");
    refused("user quota alice", data, "--daily <BYTES>");
    refused("user unblock nobody", data, "there is no user \"nobody\": shoal user list");
    refused("user delete alice", data, "say --yes if that is meant");
    run("user delete alice --yes", data).unwrap();
    assert_eq!(json_of("user list", data).as_array().unwrap().len(), 1);
}

#[test]
fn channels_and_videos_are_looked_after_beside_a_running_server() {
    let place = tempfile::tempdir().unwrap();
    let data = &place.path().join("data");
    run("user create root --role administrator", data).unwrap();
    run("user create alice", data).unwrap();
    let server = start("serve", data);
    let id = publish(data, place.path());
    let listed = json_of("video list", data)[0].clone();
    assert_eq!((&listed["name"], &listed["privacy"]), (&json!("sea"), &json!("public")));
    let uuid = listed["uuid"].as_str().unwrap().to_owned();
    let master = format!("/hls/{uuid}/g1-master.m3u8");
    assert_eq!(server.page(&master).status, 200);
    let shown = run(&format!("video show {id}"), data).unwrap();
    assert!(shown.contains("source name") && shown.contains("root_channel"), "{shown}");

    refused(&format!("video set-privacy {id} password"), data, "name a password with --password");
    refused(&format!("video set-privacy {id} secret"), data, "\"secret\" is no privacy: say");
    run(&format!("video set-privacy {id} private"), data).unwrap();
    becomes(&server, &master, 404);
    assert_eq!(server.page(&format!("/api/v1/videos/{uuid}")).status, 404);
    run(&format!("video set-privacy {id} public"), data).unwrap();
    becomes(&server, &master, 200);

    run("channel create alice seas --name Seas", data).unwrap();
    refused("channel create alice seas", data, "the handle \"seas\" is taken");
    refused("channel transfer root_channel alice", data, "the only channel of root");
    run("channel create root hills", data).unwrap();
    run("channel transfer root_channel alice", data).unwrap();
    assert_eq!(json_of("video list --user alice", data)[0]["uuid"], json!(uuid));
    assert_eq!(json_of("video list --channel hills", data), json!([]));
    let account = server.page("/api/v1/accounts/alice/videos").text();
    assert!(account.contains("\"total\":1"), "{account}");
    refused("channel delete root_channel", data, "say --yes");
    refused("video delete nothing --yes", data, "there is no video \"nothing\"");
    run("channel delete root_channel --yes", data).unwrap();
    assert_eq!(json_of("video list", data), json!([]));
    becomes(&server, &master, 404);
    assert!(!data.join("hls").join(&uuid).exists(), "its media stays");
    assert_eq!(json_of("job list", data), json!([]));
    refused("job retry 7", data, "there is no job 7: shoal job list");
    refused("job cancel 7", data, "there is no job 7");
}

#[test]
fn settings_are_shown_checked_and_written_down() {
    let place = tempfile::tempdir().unwrap();
    let (data, file) = (&place.path().join("data"), place.path().join("shoal.toml"));
    let named = format!("--config {}", file.display());
    std::fs::write(&file, "[instance]\nname = \"Sea TV\"\n").unwrap();
    let shown = run(&format!("config show {named}"), data).unwrap();
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap();
    assert!(line("name").contains("Sea TV") && line("name").ends_with("shoal.toml"), "{shown}");
    assert!(line("data").ends_with("# --data") && line("listen").ends_with("# default"), "{shown}");
    let checked = run(&format!("config check {named}"), data).unwrap();
    assert!(checked.contains("all is well"), "{checked}");
    std::fs::write(&file, "[instance]\nname = \"\"\n").unwrap();
    refused(&format!("config check {named}"), data, "instance.name must have 1 to 50 characters");
    std::fs::write(&file, "[instance]\nlabel = \"\"\n").unwrap();
    refused(&format!("config check {named}"), data, "unknown field `label`");
    let output = Command::new(env!("CARGO_BIN_EXE_shoal")).args(["config", "default"]).output();
    std::fs::write(&file, output.unwrap().stdout).unwrap();
    run(&format!("config check {named}"), data).unwrap();
}

#[test]
fn each_part_runs_alone_and_says_what_it_has_not() {
    let place = tempfile::tempdir().unwrap();
    let data = &place.path().join("data");
    run("user create root --role administrator", data).unwrap();
    let id = publish(data, place.path());
    let (sidecar, origin) = (start("sidecar", data), start("origin", data));
    let tracker = start("tracker", data);
    let listed = sidecar.page("/api/v1/videos").body;
    let uuid = listed["data"][0]["uuid"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned();
    let master = format!("/hls/{uuid}/g1-master.m3u8");
    for (server, path, status) in [
        (&sidecar, "/health", 200),
        (&sidecar, "/metrics", 200),
        (&sidecar, "/feeds/videos.xml", 200),
        (&sidecar, "/api/shoal/v1/openapi.json", 200),
        (&sidecar, "/", 404),
        (&sidecar, &*master, 404),
        (&sidecar, "/tracker/socket", 404),
        (&origin, "/health", 200),
        (&origin, &*master, 200),
        (&origin, "/api/v1/videos", 404),
        (&tracker, "/api/v1/videos", 404),
        (&tracker, &*master, 404),
    ] {
        assert_eq!(server.page(path).status, status, "{path}");
    }
    let said = sidecar.page("/").text();
    assert!(said.contains("pages are those of shoal serve"), "{said}");
    // What the one decides holds for the other, through the folder that they share.
    run(&format!("video set-privacy {id} private"), data).unwrap();
    becomes(&origin, &master, 404);
    for (part, wanted) in [
        ("sidecar", "takes in no uploads"),
        ("origin", "no pages, no API"),
        ("tracker", "no media"),
    ] {
        let help = Command::new(env!("CARGO_BIN_EXE_shoal")).args([part, "--help"]).output();
        let help = String::from_utf8(help.unwrap().stdout).unwrap();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(wanted), "{help}");
    }
}

#[test]
fn health_and_metrics_tell_how_a_server_is() {
    let place = tempfile::tempdir().unwrap();
    let data = &place.path().join("data");
    run("user create root --role administrator", data).unwrap();
    let server = start("serve", data);
    server.page("/api/v1/videos");
    let metrics = server.page("/metrics").text();
    for line in [
        "shoal_users 1\n",
        "shoal_api_requests_total{kind=\"videos\",status=\"2xx\"} 1\n",
        "shoal_tracker_connections 0\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    std::fs::remove_dir_all(data).unwrap();
    let said = server.page("/health");
    assert_eq!(said.status, 503, "{said:?}");
    let said = said.body;
    assert!(said["disk"].as_str().unwrap().contains("can't be written"), "{said}");
}
