//! Requests to cosign a subtree, and the decisions on them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_network::sign_subtree(data));
