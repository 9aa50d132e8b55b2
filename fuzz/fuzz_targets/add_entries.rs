//! Requests that push entries to a mirror, and what it takes of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_mirror::add_entries(data));
