//! What witnesses answer over HTTP, and what a log makes of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| witnessing::fuzzing::reply(data));
