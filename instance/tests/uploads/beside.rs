//! What belongs to an uploaded video: who may read its media, captions, and the thumbnail.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{fresh, noise};
use crate::server::{ROOTS_CHANNEL, Shoal, film, uuid, video};

#[test]
fn private_media_is_never_everybody_s_and_becomes_so_within_seconds_when_it_is_made_public() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 1);
    let private =
        json!({ "filename": "a.mp4", "name": "Mine", "channelId": ROOTS_CHANNEL, "privacy": 3 });
    let at = server.upload(&token, film.len(), &private);
    let id = uuid(&server.put_all(&at, &token, &film));
    server.wait_for(&id, &token, &["published"]);
    let api = format!("/api/v1/videos/{id}");
    let master = || server.master(&token, &id);
    let status = |path: &str| server.status(path);
    let plain = format!("/hls/{id}/g1-master.m3u8");
    assert_eq!(status(&plain), 404);
    let shown = master();
    assert!(shown.contains("/~"), "{shown}");
    assert_eq!(status(&shown), 200);
    let boards = server.get(&format!("{api}/storyboards"), &token).body;
    let board = boards["storyboards"][0]["storyboardPath"].as_str().unwrap().to_owned();
    assert_eq!(status(&board), 200, "{boards}");

    for (privacy, wanted) in [(1, 200), (4, 404), (2, 200), (3, 404)] {
        let change = json!({ "privacy": privacy }).to_string();
        let head = format!("PUT {api}\nContent-Type: application/json");
        assert_eq!(server.request(&head, &token, change.as_bytes()).status, 204);
        server.until(|| match status(&plain) {
            found if found == wanted => Ok(()),
            found => Err((privacy, found)),
        });
        assert_eq!(status(&master()), 200);
    }
    assert_eq!(status(&shown), 200, "who has begun to watch goes on");
}

#[test]
fn captions_are_put_beside_a_video_cleaned_and_as_private_as_it_is() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 1);
    let at = server.upload(&token, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &token, &film));
    server.wait_for(&id, &token, &["published"]);
    let put = |language: &str, file: &str, token: &str| {
        let head = format!(
            "PUT /api/v1/videos/{id}/captions/{language}\nContent-Type: multipart/form-data; boundary=AaB"
        );
        let part = "--AaB\r\nContent-Disposition: form-data; name=\"captionfile\"; filename=\"../a.srt\"\r\n\r\n";
        server.request(&head, token, format!("{part}{file}\r\n--AaB--\r\n").as_bytes())
    };
    let list = || server.get(&format!("/api/v1/videos/{id}/captions"), &token).body;
    let srt = "1\n00:00:01,000 --> 00:00:02,000\n<script>alert(1)</script>Hello\n";
    assert_eq!(put("en", srt, &token).status, 204);
    let path = list()["data"][0]["captionPath"].as_str().unwrap().to_owned();
    let answer = server.page(&path);
    assert_eq!(answer.header("content-type"), Some("text/vtt; charset=utf-8"));
    let body = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nalert(1)Hello\n";
    assert_eq!(answer.text(), body);

    for (language, file, token, status) in [
        ("en", "no captions", &*token, 400),
        ("xx", srt, &token, 400),
        ("..%2f..%2fa", srt, &token, 400),
        ("en", &srt.repeat(40_000), &token, 413),
        ("en", srt, "nobody", 401),
    ] {
        assert_eq!(put(language, file, token).status, status, "{language} {token}");
    }
    assert_eq!(put("en", srt, &token).status, 204);
    let again = list()["data"][0]["captionPath"].as_str().unwrap().to_owned();
    assert!(again != path && server.status(&again) == 200, "a new file has a new name");

    let head = format!("PUT /api/v1/videos/{id}\nContent-Type: application/json");
    assert_eq!(server.request(&head, &token, b"{\"privacy\":3}").status, 204);
    server.until(|| match server.status(&again) {
        200 => Err("private captions are everybody's"),
        _ => Ok(()),
    });
    let shown = list()["data"][0]["captionPath"].as_str().unwrap().to_owned();
    assert!(shown.contains("/~") && server.page(&shown).text() == body, "{shown}");

    let delete =
        |what: &str| server.request(&format!("DELETE /api/v1/videos/{id}{what}"), &token, b"");
    assert_eq!(delete("/captions/en").status, 204);
    assert_eq!((delete("/captions/en").status, &list()["total"]), (404, &json!(0)));
    let folder = data.path().join("companions").join(&id);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(put("fr", srt, &token).status, 204);
    assert_eq!(delete("").status, 204);
    server.until(|| match folder.exists() {
        true => Err("the captions of a deleted video stay"),
        false => Ok(()),
    });
}

#[test]
fn a_thumbnail_is_sent_or_picked_and_made_anew_within_bounds() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 2);
    let at = server.upload(&token, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &token, &film));
    server.wait_for(&id, &token, &["published"]);
    let own = format!("/api/shoal/v1/videos/{id}/thumbnail");
    let send = |picture: &[u8], token: &str| {
        let head = format!("PUT {own}\nContent-Type: multipart/form-data; boundary=AaB");
        let part = "--AaB\r\nContent-Disposition: form-data; name=\"thumbnailfile\"; filename=\"a.jpg\"\r\n\r\n";
        let body = [part.as_bytes(), picture, b"\r\n--AaB--\r\n"].concat();
        server.request(&head, token, &body).status
    };
    let pick = |seconds: &str| {
        let head = format!("PUT {own}\nContent-Type: application/json");
        let body = format!("{{\"thumbnailAt\":{seconds}}}");
        server.request(&head, &token, body.as_bytes()).status
    };
    let shown = || {
        let video = server.get(&format!("/api/v1/videos/{id}"), &token).body;
        let path = video["previewPath"].as_str().unwrap().to_owned();
        let file = data.path().join("shown");
        fs::write(&file, server.page(&path).bytes).unwrap();
        (path, probe(&file))
    };
    let picture = |size: &str, name: &str| picture(data.path(), size, name);
    let (origins, _) = shown();
    for (name, size, wanted) in [
        ("a.png", "2000x1000", "mjpeg,854,426"),
        ("b.jpg", "100x200", "mjpeg,100,200"),
        ("c.webp", "64x64", "mjpeg,64,64"),
    ] {
        assert_eq!(send(&picture(size, name), &token), 204, "{name}");
        let (path, found) = shown();
        assert!(path.contains("/thumbnail-") && found == wanted, "{name}: {path} {found}");
    }
    assert_eq!(pick("1.5"), 204);
    assert!(shown().1.starts_with("mjpeg,"), "{:?}", shown());

    let mut bomb = picture("64x64", "bomb.png");
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let mut broken = picture("64x64", "broken.jpg");
    broken.truncate(30);
    let playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"
        .to_vec();
    let text = [b"\xff\xd8\xff".as_slice(), &noise(500)].concat();
    for (no, bad) in [bomb, broken, playlist, svg, text, Vec::new()].iter().enumerate() {
        assert_eq!(send(bad, &token), 400, "picture {no}");
    }
    assert_eq!(send(&noise((4 << 20) + 1), &token), 413);
    assert_eq!(send(&picture("64x64", "d.png"), "nobody"), 401);
    for bad in ["-1", "3600", "\"a\"", "null"] {
        assert_eq!(pick(bad), 400, "{bad}");
    }
    let folder = data.path().join("companions").join(&id);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the thumbnail alone");
    assert_eq!(server.request(&format!("DELETE {own}"), &token, b"").status, 204);
    assert_eq!(shown().0, origins);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

/// One picture in the format that its name says.
pub(crate) fn picture(folder: &Path, size: &str, name: &str) -> Vec<u8> {
    let source = format!("testsrc2=s={size}:d=1");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-frames:v", "1"]);
    let file = folder.join(name);
    assert!(ffmpeg.arg(&file).status().unwrap().success());
    fs::read(file).unwrap()
}

/// Its codec, width and height.
pub(crate) fn probe(file: &Path) -> String {
    let wanted = ["-of", "csv=p=0", "-show_entries", "stream=codec_name,width,height"];
    let told = Command::new("ffprobe").args(["-v", "error"]).args(wanted).arg(file).output();
    String::from_utf8(told.unwrap().stdout).unwrap().trim().to_owned()
}
