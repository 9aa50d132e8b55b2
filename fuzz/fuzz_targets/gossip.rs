//! Lists of heads that monitors answer each other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| monitor::fuzzing::gossip(data));
