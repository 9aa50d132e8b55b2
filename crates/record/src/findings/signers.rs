//! The keys that a log has announced so far, for whoever takes records in.

use super::keys::Keys;
use super::{Finding, Found, Seen};
use crate::signature::Signature;

/// Whether the signatures of a record hold, as far as somebody has looked already: [`Signers::check_together`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held(Vec<Option<bool>>);

impl Held {
    /// Whether the signature at this place holds under the key that it names; nothing where that key was not known.
    pub(super) fn at(&self, place: usize) -> Option<bool> {
        self.0.get(place).copied().flatten()
    }
}

/// The keys that a log has announced so far: the part of the fold that judges signatures, by itself.
///
/// A log that refuses what this finds takes no record whose signature would be a finding later.
#[derive(Debug, Default)]
pub struct Signers(Keys);

impl Signers {
    /// Takes a `key.registered`, `key.rotated` or `key.revoked` record of the log, in log order; of others nothing is kept.
    pub fn take(&mut self, seen: &Seen<'_>) {
        self.0.change(&mut Found::of(seen));
    }

    /// What is wrong with the signatures of a record that is about to be logged, and with the key it announces or replaces.
    /// That a signature is missing is not said: a record need not be signed to be logged.
    pub fn look(&self, seen: &Seen<'_>) -> Vec<Finding> {
        self.look_held(seen, None)
    }

    /// The same for a record whose signatures were checked along with others'.
    pub fn look_held(&self, seen: &Seen<'_>, held: Option<&Held>) -> Vec<Finding> {
        let mut found = Found { held, ..Found::of(seen) };
        self.0.look(&mut found);
        found.findings
    }

    /// Checks the signatures over many records (their canonical bytes) at once: each has the answer it would have alone
    /// ([`verify_batch`](crate::signature::verify_batch)). For each record, in order.
    pub fn check_together(&self, signed: &[(&[u8], &[Signature])]) -> Vec<Held> {
        self.0.check_together(signed).into_iter().map(Held).collect()
    }
}
