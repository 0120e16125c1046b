//! See `swarm_fuzzing::messages`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::messages(bytes));
