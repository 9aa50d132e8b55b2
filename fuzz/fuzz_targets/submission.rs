//! Records as they are submitted.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::submission(data));
