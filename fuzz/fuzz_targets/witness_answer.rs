//! Answers of witnesses.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_network::witness_answer(data));
