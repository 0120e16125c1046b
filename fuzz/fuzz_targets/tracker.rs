//! See `swarm_fuzzing::tracker`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::tracker(bytes));
