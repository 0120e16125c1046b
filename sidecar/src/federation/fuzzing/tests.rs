//! What the fuzzers found worth keeping, and signed requests with anything otherwise.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::requests::{RECEIVERS, Raw};
use super::*;

/// The corpus of a target, each with its name printed.
fn corpus(name: &str) -> impl Iterator<Item = Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|path| {
        println!("{}", path.display());
        fs::read(path).unwrap()
    })
}

#[test]
fn known_documents_are_borne() {
    corpus("documents").for_each(|bytes| documents(&bytes));
}

#[test]
fn known_requests_are_borne() {
    corpus("requests").for_each(|bytes| requests(&bytes));
}

#[test]
fn known_documents_have_something_of_each_kind() {
    let place = Place::new(OURS, Strictness::Public).unwrap();
    let told: Vec<Object> =
        corpus("documents").filter_map(|bytes| json::read(&bytes).ok()).collect();
    for is_kind in [actor, note, video] {
        assert!(told.iter().any(|object| is_kind(&place, object)));
    }
}

#[test]
fn what_was_signed_is_believed_by_whom_it_was_for() {
    for receiver in RECEIVERS.iter() {
        assert!(!receiver.sent.is_empty());
        for sent in &receiver.sent {
            assert!(receiver.believes(sent), "{sent:?}");
            assert!(RECEIVERS.iter().filter(|receiver| receiver.believes(sent)).count() == 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_believed_after_a_change_is_what_was_signed(
        which in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4),
    ) {
        let sent: Vec<&Raw> = RECEIVERS.iter().flat_map(|receiver| &receiver.sent).collect();
        let mut bytes = which.get(&sent).written();
        for (place, byte, how) in places {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        requests(&bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        documents(&bytes);
        requests(&bytes);
    }
}
