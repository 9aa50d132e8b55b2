//! Records folded in order: findings and stories.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::findings(data));
