//! Fork proofs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_network::fork_proof(data));
