//! Secrets in texts and in the strings of records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| record::fuzzing::secret(data));
