//! Servers, viewers, trackers and drivers gone mad: nothing panics, grows without a bound or breaks the driver's rules.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use swarm_fuzzing::{TARGETS, Target, operations};

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_inputs_panics_or_floods(
        start in 0..64u8,
        rest in proptest::collection::vec(any::<u8>(), 0..900),
    ) {
        operations(&[&[start], &rest[..]].concat());
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        TARGETS.iter().for_each(|(_, target)| target(&bytes));
    }
}

/// Replays what the fuzzers found worth keeping, and how they broke earlier versions.
#[track_caller]
fn replay(name: &str) {
    let target = TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| target);
    let target: &Target = target.expect("a target has this name");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).expect("every target has a corpus");
    let mut count = 0;
    for file in files {
        let path = file.expect("a folder can be read to its end").path();
        println!("{}", path.display());
        target(&fs::read(path).expect("a file can be read"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn known_messages_are_borne() {
    replay("messages");
}

#[test]
fn known_words_of_trackers_are_borne() {
    replay("tracker");
}

#[test]
fn known_playlists_are_borne() {
    replay("playlists");
}

#[test]
fn known_digests_are_borne() {
    replay("digests");
}

#[test]
fn known_headers_are_borne() {
    replay("headers");
}

#[test]
fn known_lists_of_pieces_are_borne() {
    replay("pieces");
}

#[test]
fn known_operations_are_borne() {
    replay("operations");
}
