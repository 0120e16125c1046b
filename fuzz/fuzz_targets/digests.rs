//! See `swarm_fuzzing::digests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::digests(bytes));
