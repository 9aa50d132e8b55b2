//! Entries of the log, opened and sealed again.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::handed(data));
