//! Videos are signed as they are made, where they weren't, and anew with another key.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wire::digest::hex;
use wire::pieces::{Key, Signed, Windows, list_name};
use wire::playlist::{Master, Media};

use crate::server::{self, Shoal, film, run, until};

/// A data folder with one imported video.
struct Shelf {
    _place: tempfile::TempDir,
    data: PathBuf,
    id: String,
}

impl Shelf {
    fn new() -> Shelf {
        let place = tempfile::tempdir().unwrap();
        let (data, file) = (place.path().join("data"), place.path().join("sea.mp4"));
        fs::write(&file, film(place.path(), 2)).unwrap();
        run(&["import", file.to_str().unwrap()], &data).unwrap();
        let names = fs::read_dir(data.join("hls")).unwrap();
        let id = names.last().unwrap().unwrap().file_name().into_string().unwrap();
        Shelf { _place: place, data, id }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.join("hls").join(&self.id).join(name)
    }

    fn keys(&self) -> Vec<Key> {
        named_in(&self.path("g1-master.m3u8"))
    }

    /// All of the windows of 240p that a key signed.
    fn list(&self, key: &Key) -> Option<Vec<u8>> {
        fs::read(self.path(&list_name("g1-240.m3u8", key))).ok()
    }

    /// As it was before there were keys.
    fn forget(&self) {
        for key in self.keys() {
            fs::remove_file(self.path(&list_name("g1-240.m3u8", &key))).unwrap();
        }
        let text = fs::read_to_string(self.path("g1-master.m3u8")).unwrap();
        let lines = text.lines().filter(|line| !line.contains("org.shoal.signed"));
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        fs::write(self.path("g1-master.m3u8"), text).unwrap();
    }
}

fn named_in(master: &Path) -> Vec<Key> {
    let master: Master = fs::read_to_string(master).unwrap().parse().unwrap();
    master.signed.map(|signed| signed.keys).unwrap_or_default()
}

fn shown(data: &Path) -> Value {
    serde_json::from_str(&run(&["key", "show", "--json"], data).unwrap()).unwrap()
}

#[test]
fn what_is_imported_is_served_with_its_list() {
    let shelf = Shelf::new();
    let key = shelf.keys()[0];
    assert_eq!(shown(&shelf.data)["key"], hex(&key));
    let mode = fs::metadata(shelf.data.join("signing-key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let server = Shoal::start(&shelf.data, &[]);
    let playlist = server.page(&format!("/hls/{}/g1-240.m3u8", shelf.id)).text();
    let media: Media = playlist.parse().unwrap();
    let lengths = || media.segments.iter().map(|segment| segment.range.unwrap().length);
    let name = format!("{}.g1", shelf.id);
    let (start, bytes) = Windows::of(&name, "g1-240.m3u8").range(0, lengths());
    let path = format!("/hls/{}/{}", shelf.id, list_name("g1-240.m3u8", &key));
    let range = format!("GET {path}\nRange: bytes={start}-{}", start + bytes - 1);
    let window = server.request(&range, "", b"");
    assert_eq!(window.status, 206, "{window:?}");
    for (header, wanted) in [
        ("content-type", "application/octet-stream"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("access-control-allow-origin", "*"),
    ] {
        assert_eq!(window.header(header), Some(wanted));
    }
    let signed = Signed::parse(&window.bytes).unwrap();
    assert_eq!((signed.key, &signed.window.video, signed.window.first), (key, &name, 0));
    assert!(lengths().eq(signed.window.segments.iter().map(|segment| segment.bytes)));
}

#[test]
fn a_server_signs_what_was_there_before_it_had_a_key() {
    let shelf = Shelf::new();
    shelf.forget();
    fs::remove_file(shelf.data.join("signing-key")).unwrap();
    let server = Shoal::start(&shelf.data, &[]);
    let key = server.until(|| shelf.keys().first().copied().ok_or("not named"));
    assert_eq!(hex(&key), shown(&shelf.data)["key"]);
    assert!(shelf.list(&key).is_some(), "the list is there before it is named");
    // Whoever is killed in between has written lists that no master names.
    server.kill();
    shelf.forget();
    let path = shelf.path(&list_name("g1-240.m3u8", &key));
    fs::write(path.with_extension("pieces.tmp"), "half").unwrap();
    let server = Shoal::start(&shelf.data, &[]);
    server.until(|| shelf.keys().first().map(drop).ok_or("not named"));
    assert!(shelf.list(&key).is_some() && !path.with_extension("pieces.tmp").exists());
}

#[test]
fn a_list_that_rotted_is_made_again_by_the_next_start() {
    let shelf = Shelf::new();
    let key = shelf.keys()[0];
    let honest = shelf.list(&key).unwrap();
    let mut rotten = honest.clone();
    rotten[200] ^= 1;
    fs::write(shelf.path(&list_name("g1-240.m3u8", &key)), rotten).unwrap();
    let server = Shoal::start(&shelf.data, &[]);
    server
        .until(|| if shelf.list(&key).as_ref() == Some(&honest) { Ok(()) } else { Err("rotten") });
}

#[test]
fn a_rotated_key_signs_anew_and_the_one_before_stays_for_one_more() {
    let shelf = Shelf::new();
    let server = Shoal::start(&shelf.data, &[]);
    let first = shelf.keys()[0];
    let said = run(&["key", "rotate"], &shelf.data).unwrap();
    let second = shelf.keys()[0];
    assert_eq!(said, format!("{} signs from now on; videos signed anew: 1\n", &hex(&second)[..8]));
    assert_eq!(shelf.keys(), [second, first]);
    assert!(shelf.list(&first).is_some() && shelf.list(&second).is_some());
    assert_eq!(shown(&shelf.data)["keyBefore"], hex(&first));
    let told: Value =
        serde_json::from_str(&run(&["key", "rotate", "--json"], &shelf.data).unwrap()).unwrap();
    assert_eq!((&told["signed"], &told["failed"]), (&1.into(), &0.into()));
    assert_eq!(shelf.keys()[1], second);
    assert!(shelf.list(&first).is_none() && shelf.list(&second).is_some());
    // Whoever asks the server hears of it soon.
    server.until(|| {
        let text = server.page(&format!("/hls/{}/g1-master.m3u8", shelf.id)).text();
        let master: Master = text.parse().unwrap();
        let named = master.signed.unwrap().keys;
        if named == shelf.keys() { Ok(()) } else { Err(named) }
    });
}

#[test]
fn what_has_changed_since_it_was_made_is_not_signed_and_plays_on() {
    let shelf = Shelf::new();
    shelf.forget();
    let media = shelf.path("g1-240-fragmented.mp4");
    let mut bytes = fs::read(&media).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&media, bytes).unwrap();
    let said = run(&["key", "rotate"], &shelf.data).unwrap_err();
    assert!(said.contains("has changed since it was made"), "{said}");
    assert!(said.contains("1 videos could not be signed"), "{said}");
    assert_eq!(shelf.keys(), [] as [Key; 0]);
}

#[test]
fn a_backup_has_the_key_and_one_of_before_has_none() {
    let shelf = Shelf::new();
    drop(Shoal::start(&shelf.data, &[]));
    let place = tempfile::tempdir().unwrap();
    let [kept, there, later] = ["kept", "there", "later"].map(|name| place.path().join(name));
    run(&["backup", kept.to_str().unwrap()], &shelf.data).unwrap();
    run(&["restore", kept.to_str().unwrap()], &there).unwrap();
    assert_eq!(shown(&there), shown(&shelf.data));
    let mode = fs::metadata(there.join("signing-key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let master = format!("hls/{}/g1-master.m3u8", shelf.id);
    assert_eq!(named_in(&there.join(&master)), shelf.keys());
    assert!(
        there
            .join(format!("hls/{}", shelf.id))
            .join(list_name("g1-240.m3u8", &shelf.keys()[0]))
            .exists()
    );

    fs::remove_file(kept.join("signing-key")).unwrap();
    run(&["restore", kept.to_str().unwrap()], &later).unwrap();
    let _server = Shoal::start(&later, &[]);
    let key = until(&later, || {
        let named = named_in(&later.join(&master));
        if named == shelf.keys() { Err("it is not signed anew") } else { Ok(named[0]) }
    });
    assert_eq!(shown(&later)["key"], hex(&key));
}

#[test]
fn a_key_that_is_none_keeps_a_server_from_starting() {
    let shelf = Shelf::new();
    fs::write(shelf.data.join("signing-key"), "secret").unwrap();
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["key", "show"], &["key", "rotate"]] {
        let said = server::run(words, &shelf.data).unwrap_err();
        assert!(said.contains("signing-key\" is no key, which has 32 or 64 bytes"), "{said}");
    }
    let said = server::run(&["doctor"], &shelf.data).unwrap_err();
    assert!(said.contains("checks failed"), "{said}");
}
