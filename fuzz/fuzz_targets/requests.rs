//! See `sidecar::federation::fuzzing::requests`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidecar::federation::fuzzing::requests(bytes));
