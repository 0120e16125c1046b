//! Pictures of accounts and channels, and a video's picture that comes with a form.

use std::fs;
use std::io::Read;

use serde_json::{Value, json};

use super::beside::{picture, probe};
use super::{fresh, noise};
use crate::server::{ROOTS_CHANNEL, Reply, Shoal, film, uuid, video};

/// A form with files and fields.
fn form(files: &[(&str, &[u8])], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!(
            "--AaB\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"../a.svg\"\r\n\r\n"
        );
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    for (name, text) in fields {
        let field =
            format!("--AaB\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n");
        body.extend(field.into_bytes());
    }
    body.extend(b"--AaB--\r\n");
    body
}

fn send(server: &Shoal, request: &str, token: &str, body: &[u8]) -> Reply {
    let head = format!("{request}\nContent-Type: multipart/form-data; boundary=AaB");
    server.request(&head, token, body)
}

/// Head and body of what is at a path.
fn fetch(server: &Shoal, path: &str) -> (String, Vec<u8>) {
    let mut answer = Vec::new();
    server.begin(&format!("GET {path}"), "", 0).read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end..].to_vec())
}

fn paths(pictures: &Value) -> Vec<String> {
    let pictures = pictures.as_array().unwrap().iter();
    pictures.map(|picture| picture["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn pictures_of_accounts_and_channels_are_made_anew_and_shown_wherever_they_are_named() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let picture = |size: &str, name: &str| picture(data.path(), size, name);
    let check = |path: &str, wanted: &str| {
        let (head, jpeg) = fetch(&server, path);
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("immutable"), "{path}: {head}");
        let file = data.path().join("shown");
        fs::write(&file, jpeg).unwrap();
        assert_eq!(probe(&file), wanted, "{path}");
    };
    let mut known = Vec::new();
    for (at, field, size) in [
        ("users/me/avatar", "avatarfile", "1000x300"),
        ("video-channels/root_channel/avatar", "avatarfile", "40x400"),
        ("video-channels/root_channel/banner", "bannerfile", "300x300"),
    ] {
        let png = picture(size, "a.png");
        let path = format!("POST /api/v1/{at}/pick");
        let set = send(&server, &path, &token, &form(&[(field, &png)], &[]));
        assert_eq!(set.status, 200, "{set:?}");
        let key = if field == "bannerfile" { "banners" } else { "avatars" };
        let first = &set.body[key][0];
        assert!(first["fileUrl"].as_str().unwrap().starts_with("http://"), "{first}");
        assert!(first["createdAt"].is_string() && first["width"].is_number(), "{first}");
        known.push(paths(&set.body[key]));
    }
    for (paths, sizes) in known.iter().zip([
        &["mjpeg,120,120", "mjpeg,600,600"][..],
        &["mjpeg,120,120", "mjpeg,600,600"],
        &["mjpeg,1920,317"],
    ]) {
        assert_eq!(paths.len(), sizes.len());
        for (path, size) in paths.iter().zip(sizes) {
            check(path, size);
        }
    }
    let me = server.get("/api/v1/users/me", &token).body;
    let channel = server.get("/api/v1/video-channels/root_channel", &token).body;
    assert_eq!(paths(&me["account"]["avatars"]), known[0]);
    assert_eq!(paths(&me["videoChannels"][0]["avatars"]), known[1]);
    assert_eq!(paths(&channel["avatars"]), known[1]);
    assert_eq!(paths(&channel["banners"]), known[2]);
    assert_eq!(paths(&channel["ownerAccount"]["avatars"]), known[0]);
    let (_, page) = fetch(&server, "/c/root_channel");
    let page = String::from_utf8(page).unwrap();
    for path in [&known[1][1], &known[2][0]] {
        assert!(page.contains(path.as_str()), "{path}");
    }
    assert!(page.contains("property=\"og:image\""), "{page}");

    let another = form(&[("avatarfile", &picture("64x64", "b.webp"))], &[]);
    let set = send(&server, "POST /api/v1/users/me/avatar/pick", &token, &another);
    let new = paths(&set.body["avatars"]);
    assert!(new != known[0] && fetch(&server, &known[0][0]).0.contains(" 404 "));
    let gone = server.request("DELETE /api/v1/users/me/avatar", &token, b"");
    assert_eq!(gone.status, 204);
    assert_eq!(server.get("/api/v1/accounts/root", &token).body["avatars"], json!([]));
    assert_eq!(fs::read_dir(data.path().join("pictures")).unwrap().count(), 3);
}

#[test]
fn a_picture_that_is_none_or_somebody_else_s_is_refused() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let pick = |picture: &[u8], token: &str| {
        let body = form(&[("avatarfile", picture)], &[]);
        send(&server, "POST /api/v1/video-channels/root_channel/avatar/pick", token, &body).status
    };
    let good = picture(data.path(), "64x64", "good.png");
    let mut bomb = good.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".to_vec();
    for (no, bad) in [bomb, svg, playlist, good[..40].to_vec(), Vec::new()].iter().enumerate() {
        assert_eq!(pick(bad, &token), 400, "picture {no}");
    }
    assert_eq!(pick(&noise((4 << 20) + 1), &token), 413);
    assert_eq!(pick(&good, "nobody"), 401);
    let other = server.request("PUT /api/v1/users/me/avatar/pick", &token, b"");
    assert_eq!(other.status, 405);
    for path in ["../key", "%2e%2e/key.jpg", "a.jpg", "a/b.jpg"] {
        let (head, _) = fetch(&server, &format!("/lazy-static/avatars/{path}"));
        assert!(head.contains(" 404 "), "{path}: {head}");
    }
    let left = fs::read_dir(data.path().join("pictures")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "something is left");
    // A page of another site sends the browser's cookie along.
    let head = "POST /my/avatar\nSec-Fetch-Site: cross-site";
    let body = form(&[("avatarfile", &good)], &[]);
    assert_eq!(send(&server, head, &token, &body).status, 403);
}

#[test]
fn a_form_changes_a_video_and_its_picture_or_neither() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 1);
    let at = server.upload(&token, film.len(), &video(ROOTS_CHANNEL));
    let range = format!("0-{}/{}", film.len() - 1, film.len());
    let id = uuid(&server.put(&at, &token, &range, &film));
    server.wait_for(&id, &token, &["published"]);
    let path = format!("/api/v1/videos/{id}");
    let shown = || {
        let video = server.get(&path, &token).body;
        (video["name"].clone(), video["thumbnailPath"].as_str().unwrap_or_default().to_owned())
    };
    let (_, origins) = shown();
    let png = picture(data.path(), "200x100", "a.png");
    let change = |files: &[(&str, &[u8])], fields: &[(&str, &str)], token: &str| {
        send(&server, &format!("PUT {path}"), token, &form(files, fields)).status
    };
    for (field, name) in [("thumbnailfile", "By thumbnail"), ("previewfile", "By preview")] {
        let before = shown().1;
        let fields = [("name", name), ("tags[]", "sea"), ("nsfw", "true")];
        assert_eq!(change(&[(field, &png)], &fields, &token), 204);
        let (now, thumbnail) = shown();
        assert_eq!(now, name);
        assert!(thumbnail.contains("/thumbnail-") && thumbnail != before, "{thumbnail}");
    }
    let kept = shown();
    assert_eq!(change(&[("thumbnailfile", b"none")], &[("name", "Never")], &token), 400);
    assert_eq!(change(&[("thumbnailfile", &png)], &[("name", "x")], &token), 400);
    assert_eq!(change(&[("thumbnailfile", &png)], &[("name", "Never")], "nobody"), 401);
    assert_eq!(shown(), kept);
    assert_eq!(change(&[], &[("name", "Only a name")], &token), 204);
    assert_eq!(shown(), (json!("Only a name"), kept.1));
    let folder = data.path().join("companions").join(&id);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    assert!(!origins.is_empty());
    assert_eq!(change(&[], &[("privacy", "3")], &token), 204);
    let plain = format!("HEAD /hls/{id}/g1-master.m3u8");
    assert_eq!(server.request(&plain, "", b"").status, 404, "it is private before it is said");
}

#[test]
fn an_upload_brings_its_picture_along() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 1);
    let png = picture(data.path(), "300x200", "a.png");
    let channel = ROOTS_CHANNEL.to_string();
    let fields = [("name", "The sea"), ("channelId", &channel), ("privacy", "1")];
    let thumbnail = |id: &str| {
        let video = server.get(&format!("/api/v1/videos/{id}"), &token).body;
        video["thumbnailPath"].as_str().unwrap_or_default().to_owned()
    };
    let simple = |picture: &[u8]| {
        let files = [("thumbnailfile", picture), ("videofile", &film)];
        send(&server, "POST /api/v1/videos/upload", &token, &form(&files, &fields))
    };
    let one = uuid(&simple(&png));
    let bytes = film.len();
    let announce = |picture: &[u8]| {
        let head =
            format!("POST /api/v1/videos/upload-resumable\nX-Upload-Content-Length: {bytes}");
        let all = [&fields[..], &[("filename", "a.mp4")]].concat();
        send(&server, &head, &token, &form(&[("previewfile", picture)], &all))
    };
    let begun = announce(&png);
    assert_eq!(begun.status, 201, "{begun:?}");
    let at = begun.header("location").unwrap().to_owned();
    let two = uuid(&server.put(&at, &token, &format!("0-{}/{bytes}", bytes - 1), &film));
    for id in [&one, &two] {
        server.wait_for(id, &token, &["published"]);
        let path = thumbnail(id);
        assert!(path.contains("/thumbnail-"), "{path}");
        let (head, jpeg) = fetch(&server, &path);
        fs::write(data.path().join("shown"), jpeg).unwrap();
        assert!(head.contains(" 200 "), "{head}");
        assert_eq!(probe(&data.path().join("shown")), "mjpeg,300,200");
    }
    assert_eq!((simple(b"none").status, announce(b"none").status), (400, 400));
    let plain = announce(b"");
    assert_eq!(plain.status, 201, "browsers send an empty file where none was chosen");
    let gone =
        server.request(&format!("DELETE {}", plain.header("location").unwrap()), &token, b"");
    assert_eq!(gone.status, 204);
    let given_up = announce(&png);
    let gone =
        server.request(&format!("DELETE {}", given_up.header("location").unwrap()), &token, b"");
    assert_eq!((given_up.status, gone.status), (201, 204));
    let folders = fs::read_dir(data.path().join("companions")).unwrap();
    let left = folders.filter(|folder| {
        let name = folder.as_ref().unwrap().file_name().into_string().unwrap();
        name != one && name != two
    });
    assert_eq!(left.count(), 0, "what is given up leaves no picture");
    assert_eq!(fs::read_dir(data.path().join("uploads")).unwrap().count(), 0);
}
