//! Request bodies, cut into records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::split(data));
