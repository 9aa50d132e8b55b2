//! Pages of the lookups.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lookup::fuzzing::page(data));
