//! `shoal backup` beside a running `shoal serve`, and what `shoal restore` makes of it elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::server::{ROOTS_CHANNEL, Shoal, film, password_in, run, shoal, uuid};

/// What an upload will be.
fn named(name: &str, privacy: u32, channel: i64) -> Value {
    json!({ "filename": "a.mp4", "name": name, "channelId": channel, "privacy": privacy })
}

/// The number of somebody's first channel.
fn channel(server: &Shoal, token: &str) -> i64 {
    server.get("/api/v1/users/me", token).body["videoChannels"][0]["id"].as_i64().unwrap()
}

/// Publishes a film, and returns its id.
fn publish(server: &Shoal, token: &str, name: &str, privacy: u32, film: &[u8]) -> String {
    let video = named(name, privacy, channel(server, token));
    let at = server.upload(token, film.len(), &video);
    let id = uuid(&server.put_all(&at, token, film));
    server.wait_for(&id, token, &["published"]);
    id
}

/// The titles of all public videos.
fn names(server: &Shoal) -> Vec<String> {
    let videos = server.page("/api/v1/videos").body;
    let videos = videos["data"].as_array().unwrap().iter();
    let mut names: Vec<String> =
        videos.map(|video| video["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The word `command` with a folder.
fn with(command: &str, folder: &Path, data: &Path) -> Result<String, String> {
    run(&[command, folder.to_str().unwrap()], data)
}

#[test]
fn what_a_running_server_has_goes_on_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    let film = film(place.path(), 1);
    let server = Shoal::start(&here, &[]);
    let root = server.password.clone().unwrap();
    let password = password_in(&run(&["user", "create", "alice"], &here).unwrap());
    let alice = server.token("alice", &password);
    let public = publish(&server, &alice, "The sea", 1, &film);
    let private = publish(&server, &alice, "The diary", 3, &film);
    let (size, half) = (film.len(), film.len() / 2);
    let at = server.upload(&alice, size, &named("The end", 1, channel(&server, &alice)));
    server.put(&at, &alice, &format!("0-{}/{size}", half - 1), &film[..half]);
    let capability = server.master(&alice, &private);

    let said = with("backup", &kept, &here).unwrap();
    assert!(said.starts_with("kept 2 videos and 1 uploads, "), "{said}");
    let mode = fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "others may read the backup");
    // What comes later isn't in it, and changes nothing of it.
    server.put(&at, &alice, &format!("{half}-{}/{size}", size - 1), &film[half..]);
    publish(&server, &alice, "Too late", 1, &film);
    let deleted = server.request(&format!("DELETE /api/v1/videos/{public}"), &alice, b"");
    assert_eq!(deleted.status, 204);
    drop(server);

    let said = with("restore", &kept, &there).unwrap();
    assert!(said.starts_with("restored 2 videos and 1 uploads in "), "{said}");
    fs::remove_dir_all(&kept).unwrap();
    fs::remove_dir_all(&here).unwrap();
    let server = Shoal::start(&there, &[]);
    server.token("root", &root);
    let alice = server.token("alice", &password);
    assert_eq!(names(&server), ["The sea"]);
    let found = server.get("/api/v1/search/videos?search=sea", &alice).body;
    assert_eq!(found["total"], json!(1), "{found}");
    assert_eq!(server.status(&format!("/hls/{public}/g1-master.m3u8")), 200);
    assert_eq!(server.status(&format!("/hls/{public}/g1-240-fragmented.mp4")), 200);
    assert_eq!(server.status(&format!("/hls/{private}/g1-master.m3u8")), 404);
    assert_eq!(server.status(&server.master(&alice, &private)), 200);
    assert_eq!(server.status(&capability), 200, "it is signed with the same key");
    let asked = server.put(&at, &alice, &format!("*/{size}"), b"");
    assert_eq!(asked.header("range"), Some(&*format!("bytes=0-{}", half - 1)), "{asked:?}");
    let rest = server.put(&at, &alice, &format!("{half}-{}/{size}", size - 1), &film[half..]);
    server.wait_for(&uuid(&rest), &alice, &["published"]);
    // Lists are the same for a second.
    server.until(|| {
        let found = names(&server);
        if found == ["The end", "The sea"] { Ok(()) } else { Err(found) }
    });
}

#[test]
fn a_video_in_the_making_is_made_again_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    let film = film(place.path(), 30);
    let server = Shoal::start(&here, &[]);
    let root = server.password.clone().unwrap();
    let token = server.token("root", &root);
    let at = server.upload(&token, film.len(), &named("The sea", 3, ROOTS_CHANNEL));
    let id = &uuid(&server.put_all(&at, &token, &film));
    with("backup", &kept, &here).unwrap();
    drop(server);

    with("restore", &kept, &there).unwrap();
    let server = Shoal::start(&there, &[]);
    let token = server.token("root", &root);
    server.wait_for(id, &token, &["published"]);
    assert_eq!(server.status(&format!("/hls/{id}/g1-master.m3u8")), 404);
    assert_eq!(server.status(&server.master(&token, id)), 200);
}

#[test]
fn files_that_are_younger_than_the_database_open_nothing_and_play() {
    let place = tempfile::tempdir().unwrap();
    let [here, old, kept, there] =
        ["here", "old", "kept", "there"].map(|name| place.path().join(name));
    let film = film(place.path(), 1);
    let server = Shoal::start(&here, &[]);
    let root = server.password.clone().unwrap();
    let token = server.token("root", &root);
    let id = publish(&server, &token, "The diary", 3, &film);
    with("backup", &old, &here).unwrap();
    server.replace(&token, &id, &film);
    server.wait_for(&id, &token, &["published"]);
    let change = json!({ "privacy": 1 }).to_string();
    let head = format!("PUT /api/v1/videos/{id}\nContent-Type: application/json");
    assert_eq!(server.request(&head, &token, change.as_bytes()).status, 204);
    let late = publish(&server, &token, "Too late", 1, &film);
    assert_eq!(server.status(&format!("/hls/{id}/g2-master.m3u8")), 200);
    with("backup", &kept, &here).unwrap();
    drop(server);

    fs::copy(old.join("shoal.sqlite"), kept.join("shoal.sqlite")).unwrap();
    fs::remove_file(kept.join(format!("videos/{late}.json"))).unwrap();
    with("restore", &kept, &there).unwrap();
    let server = Shoal::start(&there, &[]);
    let token = server.token("root", &root);
    assert_eq!(server.status(&format!("/hls/{id}/g2-master.m3u8")), 404);
    let master = server.master(&token, &id);
    assert!(master.ends_with("/g2-master.m3u8"), "{master}");
    assert_eq!(server.status(&master), 200);
}

#[test]
fn what_would_be_mixed_or_is_no_backup_is_refused_and_stays() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    let refused = with("backup", &kept, &here).unwrap_err();
    assert!(refused.contains("holds no instance: name its folder with --data"), "{refused}");
    assert!(!here.exists() && !kept.exists());

    run(&["user", "create", "alice"], &here).unwrap();
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("holiday.txt"), "").unwrap();
    let refused = with("backup", &kept, &here).unwrap_err();
    assert!(refused.contains("has \"holiday.txt\" in it: name a folder"), "{refused}");
    let refused = with("restore", &kept, &there).unwrap_err();
    assert!(refused.contains("has no backup.json: it is no backup"), "{refused}");
    assert!(!there.exists());
    fs::remove_file(kept.join("holiday.txt")).unwrap();

    with("backup", &kept, &here).unwrap();
    let refused = with("backup", &kept, &here).unwrap_err();
    assert!(refused.contains("in it: name a folder"), "{refused}");
    let refused = with("restore", &kept, &here).unwrap_err();
    assert!(refused.contains("in it: name a folder"), "{refused}");
    let mut elsewhere = shoal(&["restore", kept.to_str().unwrap()], &there);
    elsewhere.env("SHOAL_DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing");
    let refused = String::from_utf8(elsewhere.output().unwrap().stderr).unwrap();
    assert!(refused.contains("the backup has SQLite's database"), "{refused}");
    with("restore", &kept, &there).unwrap();
    let taken = run(&["user", "create", "alice"], &there).unwrap_err();
    assert!(taken.contains("is taken"), "{taken}");
}

#[test]
fn a_restore_that_is_killed_leaves_nothing_that_could_be_taken_for_an_instance() {
    let place = tempfile::tempdir().unwrap();
    let [here, kept, there] = ["here", "kept", "there"].map(|name| place.path().join(name));
    run(&["user", "create", "alice"], &here).unwrap();
    with("backup", &kept, &here).unwrap();
    // Whoever reads this waits until somebody writes it: there the restore is killed.
    let trap = kept.join("videos/trap.json");
    assert!(Command::new("mkfifo").arg(&trap).status().unwrap().success());
    let mut restore = shoal(&["restore", kept.to_str().unwrap()], &there).spawn().unwrap();
    let writing = fs::OpenOptions::new().write(true).open(&trap).unwrap();
    restore.kill().unwrap();
    restore.wait().unwrap();
    drop(writing);
    fs::remove_file(&trap).unwrap();

    let names: Vec<_> =
        fs::read_dir(&there).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["restoring"]);
    let elsewhere = place.path().join("elsewhere");
    for arguments in [
        &["user", "create", "bob"][..],
        &["user", "list"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["backup", elsewhere.to_str().unwrap()],
    ] {
        let refused = run(arguments, &there).unwrap_err();
        assert!(refused.contains("is half restored: remove what is in it"), "{refused}");
    }
    with("restore", &kept, &there).unwrap();
    let taken = run(&["user", "create", "alice"], &there).unwrap_err();
    assert!(taken.contains("is taken"), "{taken}");
    assert!(!there.join("restoring").exists());
}
