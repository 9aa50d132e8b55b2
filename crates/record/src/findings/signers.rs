//! The keys that a log has announced so far, for whoever takes records in.

use super::keys::Keys;
use super::{Finding, Found, Seen};

/// The keys that a log has announced so far: the part of the fold that judges signatures, by itself.
///
/// A log that refuses what this finds takes no record whose signature would be a finding later.
#[derive(Debug, Default)]
pub struct Signers(Keys);

impl Signers {
    /// Takes a `key.registered`, `key.rotated` or `key.revoked` record of the log, in log order; of others nothing is kept.
    pub fn take(&mut self, seen: &Seen<'_>) {
        self.0.change(&mut Found { seen, findings: Vec::new() });
    }

    /// What is wrong with the signatures of a record that is about to be logged, and with the key it announces or replaces.
    /// That a signature is missing is not said: a record need not be signed to be logged.
    pub fn look(&self, seen: &Seen<'_>) -> Vec<Finding> {
        let mut found = Found { seen, findings: Vec::new() };
        self.0.look(&mut found);
        found.findings
    }
}
