//! See `swarm_fuzzing::headers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::headers(bytes));
