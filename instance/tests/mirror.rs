//! `shoal mirror`: a copy that a plain web server serves, of a host that may be slow, break off, or lie.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use wire::id::VideoId;
use wire::playlist::Master;

use crate::server::{Shoal, film, run, shoal};

/// The files of one imported video of three segments.
struct Video {
    _place: tempfile::TempDir,
    data: PathBuf,
    id: VideoId,
}

fn video() -> &'static Video {
    static MADE: OnceLock<Video> = OnceLock::new();
    MADE.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let id = import(&data, 10);
        Video { _place: place, data, id }
    })
}

fn import(data: &Path, seconds: u32) -> VideoId {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("sea.mp4");
    fs::write(&file, film(place.path(), seconds)).unwrap();
    let url = run(&["import", file.to_str().unwrap()], data).unwrap();
    url.trim().rsplit('/').next().unwrap().parse().unwrap()
}

impl Video {
    fn files(&self) -> PathBuf {
        self.data.join("hls").join(self.id.to_string())
    }
}

/// A host with the files of a video, which may change what it says of each.
struct Host {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

/// What is said of a file: `None` is that there is none; the number is how many bytes are really sent.
type Said = Option<(Vec<u8>, usize)>;

impl Host {
    fn honest(files: PathBuf) -> Host {
        Host::new(files, |_, bytes| bytes)
    }

    fn new(
        files: PathBuf,
        change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Host {
        Host::saying(files, move |name, bytes| {
            let bytes = change(name, bytes);
            let length = bytes.len();
            Some((bytes, length))
        })
    }

    fn saying(files: PathBuf, say: impl Fn(&str, Vec<u8>) -> Said + Send + Sync + 'static) -> Host {
        Host::start(files, |_| None, say)
    }

    /// One that is honest but where `raw` has an answer to a path, head and all.
    fn raw(files: PathBuf, raw: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Host {
        Host::start(files, raw, |_, bytes| {
            let length = bytes.len();
            Some((bytes, length))
        })
    }

    fn start(
        files: PathBuf,
        raw: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
        say: impl Fn(&str, Vec<u8>) -> Said + Send + Sync + 'static,
    ) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                answer(stream, &files, (&raw, &say), &told);
            }
        });
        Host { address, heard }
    }

    fn master(&self, id: &VideoId) -> String {
        format!("http://{}/hls/{id}/g1-master.m3u8", self.address)
    }

    /// The requests for media.
    fn asked_for_media(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|head| head.contains(".mp4 ")).cloned().collect()
    }
}

fn answer(
    mut stream: TcpStream,
    files: &Path,
    (raw, say): (&impl Fn(&str) -> Option<String>, &impl Fn(&str, Vec<u8>) -> Said),
    told: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    told.lock().unwrap().push(head.clone());
    if let Some(reply) = raw(path) {
        let _ = stream.write_all(reply.as_bytes());
        return;
    }
    let said = fs::read(files.join(name)).ok().and_then(|bytes| say(name, bytes));
    let Some((bytes, sent)) = said else {
        let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        return;
    };
    let from = head.lines().find_map(|line| line.strip_prefix("range: bytes=")?.split('-').next());
    let from: usize = from.map_or(0, |from| from.parse().unwrap());
    let (whole, left) = (bytes.len(), bytes.len() - from);
    let status = match from {
        0 => "200 OK".to_owned(),
        from => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{whole}", whole - 1),
    };
    let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {left}\r\n\r\n");
    let _ = stream.write_all(&bytes[from..sent.max(from)]);
}

fn mirror(url: &str, to: &Path) -> Result<String, String> {
    mirror_with(&[], url, to)
}

fn mirror_with(more: &[&str], url: &str, to: &Path) -> Result<String, String> {
    let words = [&["mirror", url, "--to", to.to_str().unwrap()], more].concat();
    let mut command = shoal(&words, &to.join("none"));
    let output = command.env("SHOAL_OUTBOUND_ALLOW_PRIVATE", "true").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// The names of the files of a video that web servers would give.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap()));
    let names = entries.into_iter().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[track_caller]
fn assert_same(copy: &Path, files: &Path) {
    assert_eq!(names(copy), names(files));
    for name in names(files) {
        let same = fs::read(copy.join(&name)).unwrap() == fs::read(files.join(&name)).unwrap();
        assert!(same, "{name}");
    }
}

#[test]
fn a_copy_is_made_by_the_page_kept_up_to_date_and_served_by_nginx() {
    let place = tempfile::tempdir().unwrap();
    let (data, to) = (place.path().join("data"), place.path().join("copies"));
    let id = import(&data, 10);
    let files = data.join("hls").join(id.to_string());
    let server = Shoal::start(&data, &[]);
    let page = format!("http://{}/w/{}", server.address, id.short());
    let said = mirror(&page, &to).unwrap();
    let media = fs::metadata(files.join("g1-240-fragmented.mp4")).unwrap().len();
    assert!(
        said.contains(&format!("has 7 files of the video, {media} bytes of media are new")),
        "{said}"
    );
    let copy = to.join(id.to_string());
    assert_same(&copy, &files);
    assert!(mirror(&page, &to).unwrap().contains(" 0 bytes of media are new, 0 old files went"));
    assert!(!to.join("none").exists(), "it needs no data folder");

    let port = nginx(&to, place.path(), |port| {
        let mut asked = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let path = format!("/{id}/g1-240-fragmented.mp4");
        let head =
            "Host: a\r\nOrigin: https://videos.example\r\nRange: bytes=10-19\r\nConnection: close";
        write!(asked, "GET {path} HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        let reply = crate::server::read(asked);
        assert_eq!((reply.status, reply.bytes.len()), (206, 10), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        let mut asked = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(asked, "GET /{id}/.lock HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(crate::server::read(asked).status, 404);
    });
    assert!(port > 0);

    // Another key signs the same media; another file is other media, and the old one goes.
    run(&["key", "rotate"], &data).unwrap();
    server.until(|| {
        let text = server.page(&format!("/hls/{id}/g1-master.m3u8")).text();
        let master: Master = text.parse().unwrap();
        if master.signed.unwrap().keys.len() == 2 { Ok(()) } else { Err("the old master") }
    });
    assert!(mirror(&page, &to).unwrap().contains(" 0 bytes of media are new, 1 old files went"));
    let root = server.root();
    server.replace(&root, &id.to_string(), &film(place.path(), 2));
    server.wait_for(&id.to_string(), &root, &["published"]);
    let said = mirror(&page, &to).unwrap();
    assert!(said.ends_with("7 old files went\n"), "{said}");
    assert_same(&copy, &files);
}

/// Runs Debian's nginx as docs/mirror.nginx.conf says, on a free port, which it returns.
fn nginx(root: &Path, place: &Path, look: impl FnOnce(u16)) -> u16 {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let documented = include_str!("../../docs/mirror.nginx.conf");
    let server = documented
        .replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
        .replace("/srv/mirror", root.to_str().unwrap());
    assert!(server.contains(&port.to_string()) && server.contains(root.to_str().unwrap()));
    let place = place.to_str().unwrap();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {place}/{kind};"))
        .concat();
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let conf = format!(
        "{user} daemon off; pid {place}/nginx.pid; error_log stderr; events {{}} \
         http {{ access_log off; {temporary} {server} }}"
    );
    let path = format!("{place}/nginx.conf");
    fs::write(&path, conf).unwrap();
    let mut child = Command::new("nginx").args(["-c", &path, "-p", place]).spawn().unwrap();
    let began = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed().as_secs() < 60 && child.try_wait().unwrap().is_none(), "no nginx");
        std::thread::yield_now();
    }
    look(port);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    child.wait().unwrap();
    port
}

/// What an origin that changes its files so is answered with, and that nothing is there that isn't proved.
#[track_caller]
fn check_lie(
    wanted: &str,
    change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let host = Host::new(video().files(), change);
    let said = mirror(&host.master(&video().id), place.path()).unwrap_err();
    assert!(said.contains(wanted), "{said}");
    let there = names(&place.path().join(video().id.to_string()));
    assert_eq!(there, [""; 0], "{said}");
    (place, said)
}

fn flip(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 1;
    bytes
}

fn replace(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{text}");
    text.replace(from, to).into()
}

#[test]
fn a_wrong_byte_is_kept_by_nobody_and_what_was_right_before_it_is_gone_on_from() {
    let media = fs::read(video().files().join("g1-240-fragmented.mp4")).unwrap();
    let at = media.len() - 1;
    let (place, _) =
        check_lie("segment 3 of g1-240-fragmented.mp4 is not what", move |name, bytes| {
            if name.ends_with(".mp4") { flip(bytes, at) } else { bytes }
        });
    let copy = place.path().join(video().id.to_string());
    let proved = fs::metadata(copy.join(".g1-240-fragmented.mp4.part")).unwrap().len();
    assert!(0 < proved && proved < media.len() as u64);
    let host = Host::honest(video().files());
    let said = mirror(&host.master(&video().id), place.path()).unwrap();
    let new = media.len() as u64 - proved;
    assert!(said.contains(&format!("{new} bytes of media are new")), "{said}");
    assert!(host.asked_for_media()[0].contains(&format!("range: bytes={proved}-")));
    assert_same(&copy, &video().files());
}

#[test]
fn a_host_that_breaks_off_is_gone_on_with_and_what_somebody_changed_meanwhile_is_not_kept() {
    let place = tempfile::tempdir().unwrap();
    let size = fs::metadata(video().files().join("g1-240-fragmented.mp4")).unwrap().len();
    let host = Host::saying(video().files(), |name, bytes| {
        let length = bytes.len();
        Some((bytes, if name.ends_with(".mp4") { length * 3 / 4 } else { length }))
    });
    let said = mirror(&host.master(&video().id), place.path()).unwrap_err();
    assert!(said.contains("g1-240-fragmented.mp4 broke off: run this again"), "{said}");
    let copy = place.path().join(video().id.to_string());
    assert_eq!(names(&copy), [""; 0]);
    let part = copy.join(".g1-240-fragmented.mp4.part");
    let kept = fs::read(&part).unwrap();
    assert_eq!(kept.len() as u64, size * 3 / 4, "all that came");
    // The first segment is wrong by now: what is before it stays.
    fs::write(&part, flip(kept, 5_000)).unwrap();
    let host = Host::honest(video().files());
    mirror(&host.master(&video().id), place.path()).unwrap();
    assert_same(&copy, &video().files());
    let asked = &host.asked_for_media()[0];
    let from: u64 =
        asked.split("bytes=").nth(1).unwrap().split('-').next().unwrap().parse().unwrap();
    assert!(0 < from && from < 5_000, "{asked}");
}

#[test]
fn a_list_that_is_not_the_key_s_for_this_video_is_no_reason_to_ask_checksums() {
    let is_list = |name: &str| name.ends_with(".pieces");
    let forged = move |change: fn(Vec<u8>) -> Vec<u8>| {
        move |name: &str, bytes| if is_list(name) { change(bytes) } else { bytes }
    };
    check_lie("is not signed by the key that the master names", forged(|list| flip(list, 200)));
    check_lie("is cut short", forged(|list| list[..list.len() - 1].to_vec()));
    check_lie("is longer than its playlist says", forged(|list| [list, vec![0]].concat()));
    check_lie("is for another video, rendition or place", forged(|list| flip(list, 45)));
    check_lie("is cut short", forged(|_| Vec::new()));
    let place = tempfile::tempdir().unwrap();
    let host = Host::saying(video().files(), move |name, bytes| {
        let length = bytes.len();
        (!is_list(name)).then_some((bytes, length))
    });
    let said = mirror(&host.master(&video().id), place.path()).unwrap_err();
    assert!(said.contains("is named by the master, and is not there"), "{said}");
    assert_eq!(host.asked_for_media(), [""; 0]);
}

#[test]
fn a_video_without_a_key_is_compared_with_its_checksums_and_without_those_it_is_not_copied() {
    fn unsigned(name: &str, bytes: Vec<u8>) -> Vec<u8> {
        let without = |word: &str, bytes: Vec<u8>| -> Vec<u8> {
            let text = String::from_utf8(bytes).unwrap();
            let lines = text.lines().filter(|line| !line.contains(word));
            lines.map(|line| format!("{line}\n")).collect::<String>().into()
        };
        if name.ends_with("-master.m3u8") { without("org.shoal.signed", bytes) } else { bytes }
    }
    let place = tempfile::tempdir().unwrap();
    let host = Host::new(video().files(), unsigned);
    mirror(&host.master(&video().id), place.path()).unwrap();
    let copy = place.path().join(video().id.to_string());
    let lists =
        |folder: &Path| names(folder).iter().filter(|name| name.ends_with(".pieces")).count();
    assert_eq!((names(&copy).len(), lists(&copy)), (names(&video().files()).len() - 1, 0));

    check_lie("segment 3 of g1-240-fragmented.mp4 is not what", |name, bytes| {
        let last = bytes.len() - 1;
        if name.ends_with(".mp4") { flip(bytes, last) } else { unsigned(name, bytes) }
    });
    check_lie("names neither a key nor checksums", |name, bytes| {
        let bytes = unsigned(name, bytes);
        if name.ends_with("-master.m3u8") { replace(bytes, "org.shoal.seg", "a") } else { bytes }
    });
    check_lie("has segments without a checksum", |name, bytes| {
        if name.ends_with(".json") { b"{}".to_vec() } else { unsigned(name, bytes) }
    });
}

#[test]
fn what_a_host_names_is_no_path_and_what_it_sends_has_a_bound() {
    fn in_master(from: &str, to: &str) -> impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + use<> {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |name, bytes| {
            if name.ends_with("-master.m3u8") { replace(bytes, &from, &to) } else { bytes }
        }
    }
    let none = "names a file that is none of the video's";
    for name in ["../../g1-240.m3u8", "/g1-240.m3u8", "g2-240.m3u8", "g1-240.html", ".g1-240.m3u8"]
    {
        check_lie(none, in_master("\ng1-240.m3u8", &format!("\n{name}")));
    }
    check_lie(none, in_master("URI=\"g1-segments", "URI=\"../g1-segments"));
    check_lie(none, |name, bytes| {
        if name == "g1-240.m3u8" { replace(bytes, "g1-240-", "../g1-240-") } else { bytes }
    });
    check_lie("names keys of another video", in_master(".g1 ", ".g2 "));
    check_lie("is no master playlist", |_, _| b"#EXTM3U".to_vec());
    check_lie("is not as Shoals write it", |name, bytes| {
        if name == "g1-240.m3u8" { replace(bytes, "#EXT-X-ENDLIST", "") } else { bytes }
    });
    check_lie("sends more than 4194304 bytes", |_, _| vec![b'#'; 5 << 20]);
    check_lie("sends more than", |name, bytes| {
        if name.ends_with(".mp4") { [bytes, vec![0]].concat() } else { bytes }
    });
    let place = tempfile::tempdir().unwrap();
    let host = Host::honest(video().files());
    let said = mirror_with(&["--most", "1000"], &host.master(&video().id), place.path());
    assert!(said.as_ref().unwrap_err().contains("more than --most 1000"), "{said:?}");
    let heard = host.heard.lock().unwrap();
    let is_large = |head: &String| head.contains(".mp4 ") || head.contains(".pieces ");
    assert!(!heard.iter().any(is_large), "{heard:?}");
}

#[test]
fn what_is_no_open_video_of_a_host_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let host = Host::honest(video().files());
    let base = format!("http://{}", host.address);
    let id = video().id;
    for (url, wanted) in [
        (format!("{base}/about"), "is no video: name its page"),
        (format!("{base}/hls/nobody/g1-master.m3u8"), "is no video: name its page"),
        (format!("{base}/hls/{id}/~AWAA/g1-master.m3u8"), "is not open to all"),
        (format!("{base}/hls/{id}/g7-master.m3u8"), "is answered with 404"),
        ("file:///etc/passwd".to_owned(), "must begin with https://"),
    ] {
        let said = mirror(&url, place.path()).unwrap_err();
        assert!(said.contains(wanted), "{said}");
    }
    let words = ["mirror", &host.master(&id), "--to", place.path().to_str().unwrap()];
    let said = run(&words, place.path()).unwrap_err();
    assert!(said.contains("must begin with https://"), "{said}");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

/// An answer of `status`, for the API in its own form.
fn refusal(status: &str, kind: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\n{{}}")
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn a_video_that_turns_private_is_on_no_mirror_after_the_next_run() {
    let place = tempfile::tempdir().unwrap();
    let (data, to) = (place.path().join("data"), place.path().join("copies"));
    let id = import(&data, 2);
    let server = Shoal::start(&data, &[]);
    let page = format!("http://{}/w/{}", server.address, id.short());
    mirror(&page, &to).unwrap();
    let copy = to.join(id.to_string());
    fs::write(copy.join("notes.txt"), "mine").unwrap();
    run(&["video", "set-privacy", &id.to_string(), "private"], &data).unwrap();
    let master = format!("/hls/{id}/g1-master.m3u8");
    server.until(|| match server.page(&master).status {
        404 => Ok(()),
        status => Err(status),
    });
    let said = mirror(&page, &to).unwrap_err();
    assert!(said.contains("is not open to all any more, or gone"), "{said}");
    assert!(said.contains("its 7 files in") && said.contains("isn't this command's"), "{said}");
    let left = fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["notes.txt"]);
}

#[test]
fn only_the_video_s_own_host_takes_a_copy_out_of_service() {
    const PROBLEM: &str = "application/problem+json; charset=utf-8";
    let made = tempfile::tempdir().unwrap();
    let honest = Host::honest(video().files());
    let id = video().id;
    mirror(&honest.master(&id), made.path()).unwrap();
    let files = made.path().join(id.to_string());
    let check = |path: &str, api: String, master: Option<String>, goes: bool| {
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join(id.to_string());
        fs::create_dir(&copy).unwrap();
        for name in names(&files) {
            fs::copy(files.join(&name), copy.join(&name)).unwrap();
        }
        let told = format!("{api:?} {master:?}");
        let host = Host::raw(video().files(), move |path| match path {
            path if path.starts_with("/api/") => Some(api.clone()),
            path if path.ends_with("-master.m3u8") => master.clone(),
            _ => None,
        });
        let said = mirror(&format!("http://{}{path}", host.address), place.path()).unwrap_err();
        assert_eq!(said.contains("is not open to all any more"), goes, "{said} {told}");
        assert_eq!(!copy.exists(), goes, "{said} {told}");
        if !goes {
            assert_same(&copy, &files);
        }
    };
    let master = format!("/hls/{id}/g1-master.m3u8");
    let page = format!("/w/{}", id.short());
    let gone = || Some(refusal("404 Not Found", "text/plain"));
    for path in [&master, &page] {
        check(path, refusal("404 Not Found", PROBLEM), gone(), true);
        check(path, refusal("410 Gone", PROBLEM), gone(), true);
        check(path, refusal("403 Forbidden", PROBLEM), gone(), true);
        check(path, refusal("401 Unauthorized", PROBLEM), gone(), true);
        check(path, refusal("404 Not Found", "text/html"), gone(), false);
        check(path, refusal("403 Forbidden", "text/html"), gone(), false);
        check(path, refusal("503 Service Unavailable", PROBLEM), gone(), false);
    }
    check(&page, refusal("404 Not Found", PROBLEM), None, false);
    check(&page, refusal("403 Forbidden", PROBLEM), None, true);
    check(&master, refusal("200 OK", "application/json"), gone(), false);
    let elsewhere = Host::raw(PathBuf::new(), |_| Some(refusal("404 Not Found", PROBLEM)));
    let led = |path: &str| redirect(&format!("http://{}{path}", elsewhere.address));
    check(&page, led("/api"), gone(), false);
    check(&master, led("/api"), gone(), false);
    check(&page, refusal("404 Not Found", PROBLEM), Some(led("/master")), false);

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = mirror(&format!("http://127.0.0.1:{port}{page}"), made.path()).unwrap_err();
    assert!(said.contains("cannot be reached"), "{said}");
    assert_same(&files, &video().files());
}

#[test]
fn playlists_come_from_the_own_host_and_lists_and_media_from_anybody() {
    let files = || video().files();
    let other = Arc::new(Host::honest(files()));
    let leading = |ends: &'static [&'static str]| {
        let other = Arc::clone(&other);
        Host::raw(files(), move |path| {
            let is_led = ends.iter().any(|end| path.ends_with(end));
            is_led.then(|| redirect(&format!("http://{}{path}", other.address)))
        })
    };
    let place = tempfile::tempdir().unwrap();
    for end in [&["-master.m3u8"], &["g1-240.m3u8"], &["-sha256.json"]] {
        let said = mirror(&leading(end).master(&video().id), place.path()).unwrap_err();
        assert!(said.contains("leads to 127.0.0.1: what a video is"), "{said}");
        assert_eq!(names(&place.path().join(video().id.to_string())), [""; 0]);
    }
    mirror(&leading(&[".mp4", ".pieces"]).master(&video().id), place.path()).unwrap();
    assert_same(&place.path().join(video().id.to_string()), &files());
}

#[test]
fn what_is_before_the_first_segment_is_kept_as_it_came_and_is_short() {
    let place = tempfile::tempdir().unwrap();
    let host =
        Host::new(
            video().files(),
            |name, bytes| {
                if name.ends_with(".mp4") { flip(bytes, 100) } else { bytes }
            },
        );
    mirror(&host.master(&video().id), place.path()).unwrap();
    let name = "g1-240-fragmented.mp4";
    let copy = fs::read(place.path().join(video().id.to_string()).join(name)).unwrap();
    assert_eq!(copy, flip(fs::read(video().files().join(name)).unwrap(), 100));

    check_lie("g1-240.m3u8 is not as Shoals write it", |name, bytes| {
        if name != "g1-240.m3u8" {
            return bytes;
        }
        // All is shifted, and begins with somebody else's 50 MB.
        let text = String::from_utf8(bytes).unwrap();
        let init = text.split("BYTERANGE=\"").nth(1).unwrap().split('@').next().unwrap();
        let by = 50_000_000 - init.parse::<u64>().unwrap();
        let map = format!("\"{init}@0\"");
        let shifted = text.lines().map(|line| match line.split_once('@') {
            Some((_, "0\"")) => line.replace(&map, "\"50000000@0\""),
            Some((length, start)) => format!("{length}@{}", start.parse::<u64>().unwrap() + by),
            None => line.to_owned(),
        });
        shifted.map(|line| line + "\n").collect::<String>().into_bytes()
    });
}

#[test]
fn a_part_that_is_a_link_is_not_written_through() {
    let place = tempfile::tempdir().unwrap();
    let other = place.path().join("passwd");
    fs::write(&other, "root").unwrap();
    let copy = place.path().join(video().id.to_string());
    fs::create_dir(&copy).unwrap();
    std::os::unix::fs::symlink(&other, copy.join(".g1-240-fragmented.mp4.part")).unwrap();
    let host = Host::honest(video().files());
    let said = mirror(&host.master(&video().id), place.path()).unwrap_err();
    assert!(said.contains("cannot write") && said.contains(".mp4.part"), "{said}");
    assert_eq!(fs::read(&other).unwrap(), b"root");
}
