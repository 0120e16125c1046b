//! See `sidecar::federation::fuzzing::documents`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sidecar::federation::fuzzing::documents(bytes));
