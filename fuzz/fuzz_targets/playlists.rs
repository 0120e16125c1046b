//! See `swarm_fuzzing::playlists`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| swarm_fuzzing::playlists(bytes));
