//! Proofs in a file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_note::tlog_proof(data));
