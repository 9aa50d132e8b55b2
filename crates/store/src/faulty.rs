//! A store that fails on purpose, for tests of everything above it.

use std::{collections::BTreeMap, io, time::Duration};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{Batch, CommitError, Key, Store, StoreError, Table};

/// What goes wrong with one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written, and the answer is that nobody knows.
    Lost,
    /// All is written, and the answer is that nobody knows.
    Kept,
    /// Some of the values are written but not the head (as by a store without atomic batches), and the answer is
    /// that nobody knows.
    Torn,
    /// All is written, later than one would like.
    Slow(Duration),
}

/// Wraps a store and makes chosen commits and reads fail.
pub struct FaultyStore<S> {
    inner: S,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    commits: u64,
    commit_faults: BTreeMap<u64, Fault>,
    broken_reads: bool,
    dead: bool,
}

impl<S: Store> FaultyStore<S> {
    /// A store that does not fail yet.
    pub fn new(inner: S) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// Makes commit number `nth` from now (0 is the next one) fail in this way.
    pub fn fail_commit(&self, nth: u64, fault: Fault) {
        let mut plan = self.plan.lock();
        let number = plan.commits + nth;
        plan.commit_faults.insert(number, fault);
    }

    /// Faults for the next `commits` commits, each with probability 1 in `one_in`, all determined by `seed`.
    pub fn fail_by_seed(&self, seed: u64, commits: u64, one_in: u64) {
        let faults = [Fault::Lost, Fault::Kept, Fault::Torn, Fault::Slow(Duration::from_millis(2))];
        let mut state = seed;
        for nth in 0..commits {
            // SplitMix64: small, well spread, and the same on every machine.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            if z.is_multiple_of(one_in.max(1)) {
                self.fail_commit(nth, faults[(z >> 32) as usize % faults.len()]);
            }
        }
    }

    /// Makes all reads fail, or work again.
    pub fn break_reads(&self, broken: bool) {
        self.plan.lock().broken_reads = broken;
    }

    /// What a restart does: the store takes commits again, faults that are still planned stay planned.
    pub fn reopen(&self) {
        self.plan.lock().dead = false;
    }

    /// How many commits have begun, whatever became of them.
    pub fn commits(&self) -> u64 {
        self.plan.lock().commits
    }

    /// The store inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn reading(&self) -> Result<&S, StoreError> {
        if self.plan.lock().broken_reads {
            return Err(StoreError::Io(injected()));
        }
        Ok(&self.inner)
    }
}

fn injected() -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(io::Error::other("injected fault"))
}

impl<S: Store> Store for FaultyStore<S> {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.reading()?.get(key)
    }

    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        self.reading()?.part(key, number)
    }

    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        self.reading()?.floor(key)
    }

    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.reading()?.scan(table, after, max)
    }

    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        self.reading()?.head()
    }

    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        let fault = {
            let mut plan = self.plan.lock();
            if plan.dead {
                return Err(CommitError::Unknown(injected()));
            }
            let number = plan.commits;
            plan.commits += 1;
            let fault = plan.commit_faults.remove(&number);
            plan.dead = matches!(fault, Some(Fault::Lost | Fault::Kept | Fault::Torn));
            fault
        };
        match fault {
            None => self.inner.commit(expected, batch, head),
            Some(Fault::Slow(delay)) => {
                std::thread::sleep(delay);
                self.inner.commit(expected, batch, head)
            }
            Some(Fault::Lost) => Err(CommitError::Unknown(injected())),
            Some(Fault::Kept) => {
                self.inner.commit(expected, batch, head)?;
                Err(CommitError::Unknown(injected()))
            }
            Some(Fault::Torn) => {
                let half =
                    Batch { deletes: vec![], puts: batch.puts.into_iter().step_by(2).collect(), ..batch };
                // The old head stays: written back over itself, or nothing at all where there is none.
                if let Some(old) = expected {
                    self.inner.commit(Some(old), half, old.clone())?;
                }
                Err(CommitError::Unknown(injected()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn conforms_when_nothing_fails() {
        crate::conformance::run(&|| Box::new(FaultyStore::new(MemoryStore::new())));
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let batch = || Batch {
            puts: vec![(Key::Bundle { index: 0 }, "a".into()), (Key::Bundle { index: 1 }, "b".into())],
            ..Batch::default()
        };
        for (fault, head, values) in [
            (Fault::Lost, "old", [None, None]),
            (Fault::Kept, "new", [Some("a"), Some("b")]),
            (Fault::Torn, "old", [Some("a"), None]),
        ] {
            let store = FaultyStore::new(MemoryStore::new());
            store.commit(None, Batch::default(), "old".into()).unwrap();
            store.fail_commit(0, fault);
            let old = Bytes::from("old");
            assert!(matches!(store.commit(Some(&old), batch(), "new".into()), Err(CommitError::Unknown(_))));
            assert!(
                matches!(store.commit(Some(&old), batch(), "new".into()), Err(CommitError::Unknown(_))),
                "dead until reopened"
            );
            assert_eq!(store.commits(), 2, "the first and the one that failed: a dead store begins none");
            store.reopen();
            assert_eq!(store.head().unwrap().unwrap(), head);
            for (index, value) in values.into_iter().enumerate() {
                assert_eq!(
                    store.get(&Key::Bundle { index: index as u64 }).unwrap(),
                    value.map(Bytes::from),
                    "{fault:?}"
                );
            }
        }
    }

    #[test]
    fn the_same_seed_plans_the_same_faults() {
        let plans = [1, 1, 2].map(|seed| {
            let store = FaultyStore::new(MemoryStore::new());
            store.fail_by_seed(seed, 1000, 10);
            store.plan.into_inner().commit_faults
        });
        assert_eq!(plans[0], plans[1]);
        assert_ne!(plans[0], plans[2]);
        assert!((50..200).contains(&plans[0].len()), "about one in ten: {}", plans[0].len());
    }
}
