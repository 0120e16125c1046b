//! The binary `shoal` as people and programs meet it: one test program of several rooms, which links once.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed, helpers included")]

mod accounts;
mod backup;
mod federation;
mod import;
mod mail;
mod mirror;
mod pages;
mod server;
mod signing;
mod terminal;
mod uploads;

/// A file that no line above names would be tested by nobody.
#[test]
fn every_file_here_is_one_of_its_rooms() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(room) = name.strip_suffix(".rs").filter(|room| *room != "main") else { continue };
        assert!(include_str!("main.rs").contains(&format!("\nmod {room};\n")), "{name}");
    }
}
