//! A log that is read from end to end, verified on the way, and shown entry by entry in its own order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use client::Source;
use client::audit::{Findings, Visit, check_tree};
use client::follow::{self, FollowError};
use tlog::Hash;
use tlog::policy::{Policy, VerifiedCheckpoint};

use crate::audit::cores;
use crate::cli::{Failure, Verdict};
use crate::print::Printer;
use crate::progress::Bar;

/// Is shown the entries of a log, one after the other.
pub(crate) trait Take: Send {
    fn take(&mut self, index: u64, entry: &[u8]);
}

/// A log whose checkpoint was verified.
pub(crate) struct WholeLog {
    pub(crate) source: Source,
    pub(crate) checkpoint: VerifiedCheckpoint,
}

impl WholeLog {
    /// Fetches the checkpoint and verifies it under the policy.
    pub(crate) async fn at(source: Source, policy: &Policy) -> Result<Self, Failure> {
        let checkpoint = follow::checkpoint(&source, policy).await.map_err(failure)?;
        Ok(Self { source, checkpoint })
    }

    /// Shows every entry to `to`, and hands it back if the log is what was signed.
    pub(crate) async fn show<T: Take + 'static>(&self, to: T, printer: Printer) -> Result<T, Failure> {
        let order = Arc::new(InOrder::new(to));
        let bar = Bar::new(printer, "entries");
        let head = self.checkpoint.signed().head();
        let checked = check_tree(&self.source, head, cores(), Some(order.clone()), &bar).await;
        bar.finish();
        let (_, wrong) = checked.map_err(Failure::could_not_tell)?;
        trustworthy(&wrong)?;
        order.into_inner().ok_or_else(|| Failure::could_not_tell("the entries were shown before"))
    }
}

/// What following a log came to, if not to an end.
pub(crate) fn failure(error: FollowError) -> Failure {
    match error {
        FollowError::CouldNotTell(error) => Failure::could_not_tell(error),
        FollowError::DoesNotHold(broken) => {
            Failure { verdict: Verdict::DoesNotHold, words: broken.to_string() }
        }
    }
}

/// Nothing is told from a log that is not what was signed.
fn trustworthy(wrong: &Findings) -> Result<(), Failure> {
    match wrong.first.first() {
        None => Ok(()),
        Some(first) => Err(Failure::does_not_hold(format!(
            "the log is not what was signed, so nothing is told from it: {first}"
        ))),
    }
}

/// Takes entries in whatever order they are verified, and hands them on in the order of the log.
struct InOrder<T>(Mutex<Option<Ordered<T>>>);

struct Ordered<T> {
    to: T,
    next: u64,
    /// Entries that came before their turn; as many as are verified at one time.
    waiting: BTreeMap<u64, Vec<u8>>,
}

impl<T: Take> InOrder<T> {
    fn new(to: T) -> Self {
        Self(Mutex::new(Some(Ordered { to, next: 0, waiting: BTreeMap::new() })))
    }

    fn into_inner(self: Arc<Self>) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map(|ordered| ordered.to)
    }
}

impl<T: Take> Visit for InOrder<T> {
    fn entry(&self, index: u64, entry: &[u8], _leaf: Hash) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ordered) = inner.as_mut() else { return };
        if index != ordered.next {
            ordered.waiting.insert(index, entry.to_vec());
            return;
        }
        ordered.to.take(index, entry);
        ordered.next += 1;
        while let Some(entry) = ordered.waiting.remove(&ordered.next) {
            ordered.to.take(ordered.next, &entry);
            ordered.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<u64>);

    impl Take for Heard {
        fn take(&mut self, index: u64, _: &[u8]) {
            self.0.push(index);
        }
    }

    #[test]
    fn entries_come_in_the_order_of_the_log_however_they_were_verified() {
        let order = Arc::new(InOrder::new(Heard::default()));
        for index in [2, 0, 3, 1, 5, 4] {
            order.entry(index, b"", Hash::EMPTY);
        }
        assert_eq!(order.clone().into_inner().unwrap().0, [0, 1, 2, 3, 4, 5]);
        assert!(order.into_inner().is_none());
    }
}
