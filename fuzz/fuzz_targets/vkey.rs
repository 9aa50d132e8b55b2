//! Vkeys and skeys.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_note::vkey(data));
