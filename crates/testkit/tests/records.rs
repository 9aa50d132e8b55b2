//! What the kit hands out as records is what `crates/record` accepts, byte for byte.

use record::{Refusal, Submission};
use std::collections::HashSet;
use testkit::{Chance, airline, sample::typical_record};

/// Parses a line and gives the key that no other record may have.
fn accepted(line: &[u8]) -> Result<String, Refusal> {
    let submission = Submission::parse(line)?;
    assert!(submission.canonical() == line, "not canonical: {}", String::from_utf8_lossy(line));
    Ok(format!("{:?}", submission.key()))
}

#[test]
fn the_airline_sample_is_accepted_as_it_stands() {
    let mut keys = HashSet::new();
    for line in airline::bare() {
        keys.insert(accepted(line.as_bytes()).unwrap());
    }
    assert_eq!(keys.len(), airline::RECORDS, "two records with one key");
}

#[test]
fn typical_records_are_accepted_as_they_stand() {
    let mut chance = Chance::from_env_or(11);
    let mut keys = HashSet::new();
    for n in 0..5_000 {
        keys.insert(accepted(&typical_record(n, &mut chance)).unwrap());
    }
    assert_eq!(keys.len(), 5_000, "two records with one key");
}
