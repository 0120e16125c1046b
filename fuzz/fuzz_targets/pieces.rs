//! See `swarm_fuzzing::pieces`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::pieces(bytes));
