//! Pages of the id table.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sequencer::ids::fuzzing::page(data));
