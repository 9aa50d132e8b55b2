//! Lines of a receipts file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| client::fuzzing::receipt(data));
