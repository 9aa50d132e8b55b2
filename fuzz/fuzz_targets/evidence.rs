//! Evidence files: read, verified, redacted, told.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| evidence::fuzzing::evidence(data));
