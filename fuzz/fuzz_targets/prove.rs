//! From plan to tiles to proof to verification, and bent proofs that must fail.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_tree::prove_then_verify(data));
