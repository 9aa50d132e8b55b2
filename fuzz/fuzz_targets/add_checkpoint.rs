//! Requests to cosign a checkpoint, and the decisions on them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_network::add_checkpoint(data));
