//! What mirrors answer to who has to go on.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tlog::fuzzing_mirror::mirror_info(data));
