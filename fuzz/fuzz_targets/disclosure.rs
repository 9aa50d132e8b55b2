//! Disclosures: made from any content, opened from any text.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::disclosure(data));
