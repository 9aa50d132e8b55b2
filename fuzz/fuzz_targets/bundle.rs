//! Entry bundles.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_tree::entry_bundle(data));
