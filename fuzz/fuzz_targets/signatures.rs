//! Lists of signatures.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::signatures(data));
