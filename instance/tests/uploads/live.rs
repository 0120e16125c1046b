//! How far a video is, as it is told; and its file to keep, no faster than the house allows.

use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fresh;
use crate::server::{ROOTS_CHANNEL, Shoal, film, uuid, video};

/// An uploaded film of so many seconds.
fn uploaded(server: &Shoal, token: &str, film: &[u8]) -> String {
    let at = server.upload(token, film.len(), &video(ROOTS_CHANNEL));
    let range = format!("0-{}/{}", film.len() - 1, film.len());
    uuid(&server.put(&at, token, &range, film))
}

#[test]
fn an_owner_hears_how_far_a_video_is_until_it_is_made() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let id = uploaded(&server, &token, &film(data.path(), 20));
    let path = format!("/api/shoal/v1/videos/{id}/progress/events");
    assert_eq!(server.get(&path, "nobody").status, 401);
    assert_eq!(server.request(&format!("PUT {path}"), &token, b"").status, 405);
    let other = path.replace(&id, "38fda7c9-bbb7-464f-bb9b-d64d33f575c4");
    assert_eq!(server.get(&other, &token).status, 404);
    let stream = server.begin(&format!("GET {path}"), &token, 0);
    let lines: Vec<String> = BufReader::new(stream).lines().map_while(Result::ok).collect();
    assert!(lines.contains(&"content-type: text/event-stream; charset=utf-8".to_owned()));
    let told = lines.iter().filter_map(|line| line.strip_prefix("data: "));
    let told: Vec<Value> = told.map(|json| serde_json::from_str(json).unwrap()).collect();
    assert!(told.len() >= 2, "{lines:?}");
    assert_ne!(told[0]["stage"], "published");
    assert_eq!(told.last().unwrap()["stage"], "published");
    let again = server.begin(&format!("GET {path}"), &token, 0);
    let lines: Vec<String> = BufReader::new(again).lines().map_while(Result::ok).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("data: ")).count(), 1, "it is over");
}

#[test]
fn so_many_listen_at_once_and_a_server_that_ends_lets_them_go() {
    let data = fresh();
    // Nobody makes it, so that all wait.
    let mut server = Shoal::start(data.path(), &[("SHOAL_IMPORT_PARALLEL", "0")]);
    let token = server.root();
    let id = uploaded(&server, &token, &film(data.path(), 1));
    let head = format!("GET /api/shoal/v1/videos/{id}/progress/events");
    let mut listeners = Vec::new();
    for _ in 0..64 {
        let mut stream = BufReader::new(server.begin(&head, &token, 0));
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 "), "{line}");
        listeners.push(stream);
    }
    let refused = server.request(&head, &token, b"");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    let asked = std::process::Command::new("kill").arg(server.child.id().to_string()).status();
    let patience = Instant::now() + Duration::from_secs(20);
    assert!(asked.unwrap().success() && server.child.wait().unwrap().success());
    assert!(Instant::now() < patience, "whoever listens keeps the server from ending");
    for mut listener in listeners {
        let mut rest = String::new();
        let _ = listener.read_to_string(&mut rest);
        assert!(rest.contains("\"stage\":\"queued\""), "{rest}");
    }
}

#[test]
fn a_file_to_keep_is_had_by_whom_its_owner_lets_and_not_faster_than_the_house_allows() {
    let data = fresh();
    let settings =
        [("SHOAL_DOWNLOADS_BYTES_PER_SECOND", "100000000"), ("SHOAL_IMPORT_HEIGHTS", "240")];
    let server = Shoal::start(data.path(), &settings);
    let token = server.root();
    let id = uploaded(&server, &token, &film(data.path(), 2));
    server.wait_for(&id, &token, &["published"]);
    let api = format!("/api/v1/videos/{id}");
    let file = server.get(&api, &token).body["streamingPlaylists"][0]["files"][0].clone();
    let url = file["fileDownloadUrl"].as_str().unwrap();
    let path = url[url.find("/download/").unwrap()..].to_owned();
    let fetch = |headers: &str, token: &str| {
        let mut stream = server.begin(&format!("GET {path}{headers}"), token, 0);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end..].to_vec())
    };
    let (head, body) = fetch("", "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let name = format!("filename*=UTF-8''The%20sea-{}p.mp4", file["resolution"]["id"]);
    assert!(head.contains("content-disposition: attachment; ") && head.contains(&name), "{head}");
    assert_eq!((json!(body.len()), &body[4..8]), (file["size"].clone(), &b"ftyp"[..]));
    let (head, part) = fetch("\nRange: bytes=4-7", "");
    assert!(head.starts_with("HTTP/1.1 206") && part == b"ftyp", "{head}");
    let status = |token: &str| fetch("", token).0.split(' ').nth(1).unwrap().to_owned();
    let change = |body: Value| {
        let head = format!("PUT {api}\nContent-Type: application/json");
        assert_eq!(server.request(&head, &token, body.to_string().as_bytes()).status, 204);
    };
    change(json!({ "downloadEnabled": false }));
    assert_eq!((&*status(""), &*status(&token)), ("403", "200"));
    change(json!({ "downloadEnabled": true, "privacy": 3 }));
    assert_eq!((&*status(""), &*status(&token)), ("404", "200"));
    let none = path.replace(".mp4", "x.mp4");
    assert_eq!(server.get(&none, &token).status, 404);
}
