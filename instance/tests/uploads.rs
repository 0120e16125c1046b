//! Uploads to a running `shoal serve` over HTTP, from the first byte to a video that plays, through cut lines and kill -9.

mod beside;
mod imports;
mod live;
mod pictures;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{RESUMABLE, ROOTS_CHANNEL, Shoal, film, password_in, read, shoal, uuid, video};

/// That a video's master playlist and first rendition can be had.
fn assert_plays(server: &Shoal, data: &Path, video: &str) {
    let record = fs::read(data.join(format!("videos/{video}.json"))).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let media = record["renditions"][0]["media"].as_str().unwrap();
    for file in [record["master"].as_str().unwrap(), media] {
        assert_eq!(server.status(&format!("/hls/{video}/{file}")), 200, "{file}");
    }
}

fn fresh() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Bytes that no container begins with.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

#[test]
fn a_file_sent_in_parts_over_a_bad_line_becomes_a_video_that_plays() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 3);
    let (size, third) = (film.len(), film.len() / 3);
    let at = server.upload(&token, size, &video(ROOTS_CHANNEL));
    let nothing = server.put(&at, &token, &format!("*/{size}"), b"");
    assert_eq!((nothing.status, nothing.header("range")), (308, None));
    let first = server.put(&at, &token, &format!("0-{}/{size}", third - 1), &film[..third]);
    assert_eq!(first.header("range"), Some(&*format!("bytes=0-{}", third - 1)), "{first:?}");

    // The line breaks in the middle of the second part: nothing that arrived is asked for again. A server that has much to do may
    // hear the question first, and then gets the rest once more.
    let (range, cut) = (format!("{third}-{}/{size}", 2 * third - 1), third + third / 2);
    let mut from = third;
    server.until(|| {
        let head = format!("PUT {at}\nContent-Range: bytes {from}-{}/{size}", 2 * third - 1);
        let mut stream = server.begin(&head, &token, 2 * third - from);
        stream.write_all(&film[from..cut]).unwrap();
        drop(stream);
        thread::sleep(Duration::from_millis(50));
        let asked = server.put(&at, &token, &format!("*/{size}"), b"");
        assert_eq!(asked.status, 308, "{asked:?}");
        let last = asked.header("range").and_then(|range| range.rsplit('-').next()?.parse().ok());
        from = last.map_or(0, |last: usize| last + 1);
        if from == cut { Ok(()) } else { Err(asked) }
    });
    let wrong = server.put(&at, &token, &range, &film[third..2 * third]);
    assert_eq!(
        (wrong.status, wrong.header("range")),
        (409, Some(&*format!("bytes=0-{}", cut - 1)))
    );

    let last = server.put(&at, &token, &format!("{cut}-{}/{size}", size - 1), &film[cut..]);
    let id = uuid(&last);
    assert_eq!(last.body["video"]["shortUUID"].as_str().unwrap().len(), 22);
    // The answer was lost, and the client asks again.
    assert_eq!(uuid(&server.put(&at, &token, &format!("*/{size}"), b"")), id);
    let told = server.wait_for(&id, &token, &["published", "failed"]);
    assert_eq!(
        (&told["stage"], &told["percent"], &told["reason"]),
        (&json!("published"), &json!(100), &json!(null))
    );
    assert_plays(&server, data.path(), &id);
    let source = server.get(&format!("/api/v1/videos/{id}/source"), &token).body;
    assert_eq!((&source["filename"], &source["size"]), (&json!("../../film.mp4"), &json!(size)));
    let jobs = server.get("/api/v1/jobs/completed", &token).body;
    assert_eq!((&jobs["total"], &jobs["data"][0]["data"]["videoUUID"]), (&json!(1), &json!(id)));
    assert_eq!(fs::read_dir(data.path().join("uploads")).unwrap().count(), 0, "the file stays");
    assert_eq!(server.put(&at, "nobody", &format!("*/{size}"), b"").status, 401);
}

#[test]
fn kill_9_loses_neither_what_arrived_nor_what_was_accepted() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let password = server.password.clone().unwrap();
    let token = server.root();
    let film = film(data.path(), 20);
    let (size, half) = (film.len(), film.len() / 2);
    let at = server.upload(&token, size, &video(ROOTS_CHANNEL));
    server.put(&at, &token, &format!("0-{}/{size}", half - 1), &film[..half]);
    server.kill();

    let server = Shoal::start(data.path(), &[]);
    let asked = server.put(&at, &token, &format!("*/{size}"), b"");
    assert_eq!(asked.header("range"), Some(&*format!("bytes=0-{}", half - 1)), "{asked:?}");
    let id = uuid(&server.put(&at, &token, &format!("{half}-{}/{size}", size - 1), &film[half..]));
    server.wait_for(&id, &token, &["probing", "transcoding"]);
    server.kill();

    let server = Shoal::start(data.path(), &[]);
    let token = server.token("root", &password);
    let told = server.wait_for(&id, &token, &["published", "failed"]);
    assert_eq!((&told["stage"], &told["attempts"]), (&json!("published"), &json!(2)), "{told}");
    assert_plays(&server, data.path(), &id);
    assert_eq!(fs::read_dir(data.path().join("uploads")).unwrap().count(), 0);

    // All bytes on the disk, and killed before it could be noted.
    let at = server.upload(&token, size, &video(ROOTS_CHANNEL));
    let name = at.split_once('=').unwrap().1;
    server.kill();
    fs::write(data.path().join("uploads").join(name), &film).unwrap();
    let server = Shoal::start(data.path(), &[]);
    let token = server.token("root", &password);
    server.until(|| {
        let jobs = server.get("/api/v1/jobs/all", &token).body;
        if jobs["total"] == json!(2) { Ok(()) } else { Err(jobs) }
    });
    let id = uuid(&server.put(&at, &token, &format!("*/{size}"), b""));
    let told = server.wait_for(&id, &token, &["published", "failed"]);
    assert_eq!(told["stage"], "published", "{told}");
}

#[test]
fn a_server_that_is_asked_to_stop_gives_its_work_back() {
    let data = fresh();
    let mut server = Shoal::start(data.path(), &[]);
    let password = server.password.clone().unwrap();
    let token = server.root();
    let film = film(data.path(), 60);
    let at = server.upload(&token, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &token, &film));
    server.wait_for(&id, &token, &["transcoding"]);
    let asked = Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert!(asked.success() && server.child.wait().unwrap().success());
    assert_eq!(fs::read_dir(data.path().join("hls")).unwrap().count(), 0, "something is left");
    let server = Shoal::start(data.path(), &[]);
    let token = server.token("root", &password);
    let told = server.wait_for(&id, &token, &["probing", "transcoding", "published"]);
    assert_eq!(told["attempts"], 1, "{told}");
}

#[test]
fn an_upload_is_written_once_and_takes_no_memory() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let (size, piece) = (256 << 20, noise(1 << 20));
    let number = |file: &str, key: &str| {
        let text = fs::read_to_string(format!("/proc/{}/{file}", server.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let (written, memory) = (number("io", "write_bytes: "), number("status", "RssAnon:"));
    let at = server.upload(&token, size, &video(ROOTS_CHANNEL));
    let head = format!("PUT {at}\nContent-Range: bytes 0-{}/{size}", size - 1);
    let mut stream = server.begin(&head, &token, size);
    let mut most = 0;
    for _ in 0..size / piece.len() {
        stream.write_all(&piece).unwrap();
        most = most.max(number("status", "RssAnon:"));
    }
    uuid(&read(stream));
    assert!(most < memory + (16 << 10), "{memory} KiB became {most} KiB");
    let written = number("io", "write_bytes: ") - written;
    assert!(written < (size + (size >> 4)) as u64, "{written} bytes written");
}

#[test]
fn a_form_with_the_file_before_or_after_its_fields_becomes_a_video() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 1);
    let fields = [("channelId", ROOTS_CHANNEL.to_string()), ("name", "The sea".to_owned())];
    let fields = fields.map(|(name, text)| {
        format!("--AaB\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    });
    let send = |parts: &[&[u8]]| {
        let head = format!("POST {SIMPLE}\nContent-Type: multipart/form-data; boundary=AaB");
        server.request(&head, &token, &[parts.concat(), b"--AaB--\r\n".to_vec()].concat())
    };
    let file = [FILE_HEAD, &film, b"\r\n"].concat();
    let one = uuid(&send(&[fields[0].as_bytes(), fields[1].as_bytes(), &file]));
    let two = uuid(&send(&[&file, fields[0].as_bytes(), fields[1].as_bytes()]));
    for id in [one, two] {
        let told = server.wait_for(&id, &token, &["published", "failed"]);
        assert_eq!(told["stage"], "published", "{told}");
        assert_plays(&server, data.path(), &id);
    }
    let nameless = send(&[&file, fields[0].as_bytes()]);
    assert_eq!(nameless.body["detail"], "Incorrect request parameters: name", "{nameless:?}");
    let empty = send(&[fields[0].as_bytes(), fields[1].as_bytes()]);
    assert_eq!((empty.status, &empty.body["detail"]), (400, &json!("videofile is missing")));
    let image = [
        &b"--AaB\r\nContent-Disposition: form-data; name=\"videofile\"; filename=\"a.svg\"\r\n"[..],
        b"Content-Type: image/svg+xml\r\n\r\n<svg/>\r\n",
    ]
    .concat();
    assert_eq!(send(&[&image]).status, 415);
    let length = film.len() + 1_000;
    let head = format!("POST {SIMPLE}\nContent-Type: multipart/form-data; boundary=AaB");
    let mut stream = server.begin(&head, &token, length);
    stream.write_all(&file[..file.len() / 2]).unwrap();
    drop(stream);
    // A refused form leaves no file.
    server.until(|| match fs::read_dir(data.path().join("uploads")).unwrap().count() {
        0 => Ok(()),
        left => Err(left),
    });
}

#[test]
fn what_nobody_should_send_is_refused_by_name() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let at = server.upload(&token, 1_000, &video(ROOTS_CHANNEL));
    for (range, length, status) in [
        ("0-1000/1000", 1_001, 400),
        ("0-9/1001", 10, 400),
        ("5-9/1000", 5, 409),
        ("9-5/1000", 5, 400),
        ("0-9/1000", 20, 400),
    ] {
        assert_eq!(server.put(&at, &token, range, &noise(length)).status, status, "{range}");
    }
    let more = server.put(&at, &token, "*/1000", b"");
    assert_eq!(more.header("range"), Some("bytes=0-9"), "what was announced is kept: {more:?}");
    let rest = noise(1_000_000);
    assert_eq!(server.put(&at, &token, "10-999/1000", &rest).status, 400);
    assert_eq!(
        fs::metadata(data.path().join("uploads").join(&at[at.len() - 32..])).unwrap().len(),
        1_000
    );

    for (id, status) in
        [("..%2f..%2fshoal.sqlite", 404), ("x", 404), (&*"0".repeat(32), 404), ("", 404)]
    {
        let refused =
            server.put(&format!("{RESUMABLE}?upload_id={id}"), &token, "0-9/1000", b"0123456789");
        assert_eq!(refused.status, status, "{id}");
    }
    assert_eq!(server.request(&format!("PUT {RESUMABLE}"), &token, b"").status, 404);
    assert_eq!(server.request(&format!("GET {RESUMABLE}"), &token, b"").status, 405);
    for (name, value) in [
        ("channelId", json!(99)),
        ("channelId", json!(1)),
        ("name", json!("a\r\nb")),
        ("category", json!(99)),
        ("filename", json!("a\0b")),
        ("privacy", json!(9)),
    ] {
        let mut video = video(ROOTS_CHANNEL);
        video[name] = value;
        let refused = server.announce(&token, 10, &video);
        assert_eq!(refused.status, 400, "{name}: {refused:?}");
    }
    assert_eq!(server.announce("nobody", 10, &video(ROOTS_CHANNEL)).status, 401);
    assert_eq!(server.announce(&token, 0, &video(ROOTS_CHANNEL)).status, 400);
    let huge = server.announce(&token, 1 << 60, &video(ROOTS_CHANNEL));
    assert_eq!((huge.status, &huge.body["code"]), (413, &json!("max_file_size_reached")));
    let head =
        format!("POST {RESUMABLE}\nX-Upload-Content-Length: 9\nX-Upload-Content-Type: text/html");
    assert_eq!(server.request(&head, &token, b"").status, 415);

    let other = server.upload(&token, 1_000, &video(ROOTS_CHANNEL));
    server.put(&other, &token, "0-9/1000", b"0123456789");
    assert_eq!(server.request(&format!("DELETE {other}"), &token, b"").status, 204);
    assert_eq!(server.request(&format!("DELETE {other}"), &token, b"").status, 404);
    assert_eq!(server.put(&other, &token, "10-19/1000", b"0123456789").status, 404);
    assert_eq!(fs::read_dir(data.path().join("uploads")).unwrap().count(), 1);
}

#[test]
fn a_quota_is_kept_before_during_and_after() {
    let data = fresh();
    let quotas = [
        ("SHOAL_ACCOUNTS_VIDEO_QUOTA_BYTES", "3000"),
        ("SHOAL_ACCOUNTS_VIDEO_QUOTA_DAILY_BYTES", "2000"),
    ];
    let server = Shoal::start(data.path(), &quotas);
    let made = shoal(&["user", "create", "bob"], data.path()).envs(quotas).output().unwrap();
    let token = server.token("bob", &password_in(&String::from_utf8(made.stdout).unwrap()));
    let channel = (1..20).find(|&id| server.announce(&token, 1, &video(id)).status == 201).unwrap();
    let exceeded = (413, &json!("quota_reached"));
    let refused = server.announce(&token, 2_001, &video(channel));
    assert_eq!((refused.status, &refused.body["code"]), exceeded);
    // One byte is reserved by the search for the channel.
    let at = server.upload(&token, 1_999, &video(channel));
    let refused = server.announce(&token, 1, &video(channel));
    assert_eq!((refused.status, &refused.body["code"]), exceeded, "what is announced is reserved");
    assert_eq!(server.put(&at, &token, "0-999/1999", &noise(1_000)).status, 308);
    let file = [FILE_HEAD, &noise(10), b"\r\n--AaB--\r\n"].concat();
    let head = format!("POST {SIMPLE}\nContent-Type: multipart/form-data; boundary=AaB");
    let refused = server.request(&head, &token, &file);
    assert_eq!((refused.status, &refused.body["code"]), exceeded, "{refused:?}");
    let id = uuid(&server.put(&at, &token, "1000-1998/1999", &noise(999)));
    let told = server.wait_for(&id, &token, &["failed"]);
    assert!(told["reason"].as_str().unwrap().contains("is not a video"), "{told}");
    let refused = server.announce(&token, 1, &video(channel));
    assert_eq!((refused.status, &refused.body["code"]), exceeded, "it counts when it failed, too");
    assert_eq!(server.get(&format!("/api/v1/videos/{id}/source"), "").status, 401);
    assert_eq!(server.get("/api/v1/jobs/failed", &token).status, 403);
}

#[test]
fn a_crafted_file_makes_ffmpeg_read_nothing_else() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let secret = data.path().join("secret.mp4");
    fs::write(&secret, film(data.path(), 1)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (port, secret) = (listener.local_addr().unwrap().port(), secret.display().to_string());
    for (name, text) in [
        (
            "a.m3u8",
            format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
            ),
        ),
        (
            "a.mp4",
            format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n"
            ),
        ),
        (
            "a.mov",
            format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nconcat:{secret}|{secret}\n#EXT-X-ENDLIST\n"
            ),
        ),
        ("a.ffconcat", format!("ffconcat version 1.0\nfile '{secret}'\n")),
        ("a.mkv", format!("ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a'\n")),
        (
            "a.svg",
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"http://127.0.0.1:{port}/\"/></svg>"
            ),
        ),
        (
            "a.sdp",
            format!("v=0\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"),
        ),
        (
            "a.mpd",
            format!(
                "<?xml version=\"1.0\"?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>"
            ),
        ),
        ("a.txt", "just words".to_owned()),
    ] {
        let mut video = video(ROOTS_CHANNEL);
        video["filename"] = json!(name);
        let at = server.upload(&token, text.len(), &video);
        let id = uuid(&server.put_all(&at, &token, text.as_bytes()));
        let told = server.wait_for(&id, &token, &["published", "failed"]);
        let reason = told["reason"].as_str().unwrap();
        assert_eq!(told["stage"], "failed", "{name}: {told}");
        assert!(reason.starts_with(&format!("\"{name}\" is not a video")), "{name}: {reason}");
        assert!(!reason.contains(&data.path().display().to_string()), "{reason}");
        assert!(!data.path().join("hls").join(&id).exists(), "{name} left something");
        assert_eq!(told["mayRetry"], true);
        let retry = format!("POST /api/shoal/v1/videos/{id}/retry");
        assert_eq!(server.request(&retry, "", b"").status, 401);
        assert_eq!(server.request(&retry, &token, b"").status, 204);
        server.wait_for(&id, &token, &["failed"]);
    }
    let failed = server.get("/api/v1/jobs/failed?count=2", &token).body;
    assert_eq!((&failed["total"], failed["data"].as_array().unwrap().len()), (&json!(9), 2));
    assert!(listener.accept().is_err(), "something was asked for over the network");
}

#[test]
fn what_fails_for_no_fault_of_the_file_is_tried_again_by_itself() {
    let data = fresh();
    let (film, bin) = (film(data.path(), 1), data.path().join("bin"));
    fs::create_dir(&bin).unwrap();
    let server = Shoal::start(data.path(), &[("PATH", bin.to_str().unwrap())]);
    let token = server.root();
    let at = server.upload(&token, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &token, &film));
    let told = server.until(|| {
        let told = server.wait_for(&id, &token, &["queued"]);
        let is_over = told["attempts"] == json!(1) && told["reason"] != json!(null);
        if is_over { Ok(told) } else { Err(told) }
    });
    assert!(told["reason"].as_str().unwrap().contains("ffmpeg is not installed"), "{told}");
    assert!(told["dueAt"].is_string(), "{told}");
    let retry =
        |id: &str| server.request(&format!("POST /api/shoal/v1/videos/{id}/retry"), &token, b"");
    assert_eq!(retry(&id).status, 409, "it waits to be tried again by itself");

    assert_eq!(retry("00000000-0000-4000-8000-000000000000").status, 404);
}

#[test]
fn another_file_takes_the_place_of_a_video_s_and_a_bad_one_does_not() {
    let data = fresh();
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let film = film(data.path(), 2);
    let at = server.upload(&token, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &token, &film));
    server.wait_for(&id, &token, &["published"]);
    let replace = |bytes: &[u8]| {
        server.replace(&token, &id, bytes);
        server.wait_for(&id, &token, &["published", "failed"])
    };
    let master = || {
        let record = fs::read(data.path().join(format!("videos/{id}.json"))).unwrap();
        serde_json::from_slice::<Value>(&record).unwrap()["master"].clone()
    };
    let told = replace(b"just words");
    assert_eq!((&told["stage"], &told["isPublished"]), (&json!("failed"), &json!(true)), "{told}");
    assert_plays(&server, data.path(), &id);
    assert_eq!(master(), "g1-master.m3u8");
    assert_eq!(replace(&film)["stage"], "published");
    assert_plays(&server, data.path(), &id);
    assert_eq!(master(), "g2-master.m3u8");
    let old = server.request(&format!("HEAD /hls/{id}/g1-240.m3u8"), "", b"");
    assert_eq!(old.status, 404);
    let source = server.get(&format!("/api/v1/videos/{id}/source"), &token).body;
    assert_eq!(source["filename"], "b.mp4");
    let unknown = "POST /api/v1/videos/00000000-0000-4000-8000-000000000000/source/replace-resumable\n\
                   X-Upload-Content-Length: 9";
    assert_eq!(server.request(unknown, &token, b"").status, 404);
}

#[test]
fn a_worker_on_another_machine_makes_a_video() {
    let (data, away) = (fresh(), fresh());
    let token = "a token that nobody guesses".replace(' ', "-");
    let settings = [("SHOAL_IMPORT_PARALLEL", "0"), ("SHOAL_WORKER_TOKEN", &*token)];
    let server = Shoal::start(data.path(), &settings);
    let root = server.root();
    let film = film(data.path(), 2);
    let at = server.upload(&root, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &root, &film));
    let at = server.upload(&root, 10, &video(ROOTS_CHANNEL));
    let bad = uuid(&server.put(&at, &root, "0-9/10", &noise(10)));
    let url = format!("http://{}", server.address);
    let hire = |token: &str| {
        let mut worker = shoal(&["worker"], away.path());
        worker.args(["--server", &url]).env("SHOAL_WORKER_TOKEN", token);
        worker
    };
    let refused = hire("another-token-that-nobody-guesses").output().unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("does not take this token"), "{said}");
    for token in ["", "x", &token[1..], "nobody"] {
        let claim = server.request("POST /api/shoal/v1/work/claim", token, b"");
        assert_eq!(claim.status, 401, "{token}");
    }

    let mut worker = hire(&token).spawn().unwrap();
    let told = server.wait_for(&id, &root, &["published", "failed"]);
    assert_eq!(told["stage"], "published", "{told}");
    assert_plays(&server, data.path(), &id);
    let told = server.wait_for(&bad, &root, &["published", "failed"]);
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.contains("is not a video") && !reason.contains("worker"), "{reason}");
    assert!(Command::new("kill").arg(worker.id().to_string()).status().unwrap().success());
    assert!(worker.wait().unwrap().success());
    assert_eq!(fs::read_dir(away.path().join("worker/hls")).unwrap().count(), 0);
    let master = fs::read_to_string(data.path().join(format!("hls/{id}/g1-master.m3u8"))).unwrap();
    let shown = crate::server::run(&["key", "show", "--json"], data.path()).unwrap();
    let key = serde_json::from_str::<Value>(&shown).unwrap()["key"].clone();
    assert!(master.contains(key.as_str().unwrap()), "the server signs: {master}");
    let is_key = |path: &Path| path.join("signing-key").exists();
    assert!(!is_key(away.path()) && !is_key(&away.path().join("worker")), "and nobody else");
    assert!(!away.path().join("worker/source").exists());

    // What a worker says that has no job, and what no worker should bring.
    let at = server.upload(&root, film.len(), &video(ROOTS_CHANNEL));
    let id = uuid(&server.put_all(&at, &root, &film));
    let job = server.request("POST /api/shoal/v1/work/claim", &token, b"").body;
    assert_eq!(job["uuid"], json!(id));
    let ask = |method: &str, what: &str, body: &[u8]| {
        let name = job["name"].as_str().unwrap();
        server.request(&format!("{method} /api/shoal/v1/work/{name}/{what}"), &token, body).status
    };
    assert_eq!(server.request("GET /api/shoal/v1/work/9-9/source", &token, b"").status, 404);
    for (method, what, body, status) in [
        ("PUT", "files/..%2fx.mp4", "x", 400),
        ("PUT", "files/x.html", "x", 400),
        ("PUT", "files/", "x", 400),
        ("PUT", "files/g1-240.m3u8", "x", 204),
        ("POST", "finish", "{}", 400),
        ("POST", "progress", "{\"isProbing\":false,\"percent\":255}", 204),
        ("POST", "nothing", "", 400),
        ("POST", "return", "", 204),
        ("POST", "progress", "{\"isProbing\":false,\"percent\":5}", 404),
    ] {
        assert_eq!(ask(method, what, body.as_bytes()), status, "{method} {what}");
    }
    assert_eq!(server.wait_for(&id, &root, &["queued"])["attempts"], 0);
    assert!(!data.path().join("hls").join(&id).exists());
}

#[test]
fn what_was_imported_is_in_the_catalogue() {
    let data = fresh();
    film(data.path(), 1);
    let import = |title: &str| {
        let file = data.path().join("film.mp4");
        let output =
            shoal(&["import"], data.path()).arg(file).args(["--title", title]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        printed.trim_end().rsplit('/').next().unwrap().to_owned()
    };
    let before = import("Before the first start");
    let server = Shoal::start(data.path(), &[]);
    let token = server.root();
    let named = |id: &str| {
        server.until(|| {
            let source = server.get(&format!("/api/v1/videos/{id}/source"), &token);
            let name = source.body["filename"].as_str().map(str::to_owned);
            name.ok_or(source)
        })
    };
    assert_eq!(named(&before), "Before the first start");
    let beside = import("Beside the server");
    assert_eq!(named(&beside), "Beside the server");
    for id in [before, beside] {
        let told = server.wait_for(&id, &token, &["published"]);
        assert_eq!(told["isPublished"], true);
    }
    let file = data.path().join("film.mp4");
    let refused =
        shoal(&["import"], data.path()).arg(&file).args(["--channel", "nobody"]).output().unwrap();
    assert!(String::from_utf8(refused.stderr).unwrap().contains("there is no channel \"nobody\""));
}

const SIMPLE: &str = "/api/v1/videos/upload";

const FILE_HEAD: &[u8] =
    b"--AaB\r\nContent-Disposition: form-data; name=\"videofile\"; filename=\"film.mp4\"\r\n\
                           Content-Type: video/mp4\r\n\r\n";
