//! See `swarm_fuzzing::operations`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::operations(bytes));
