//! Each fault at each commit: what was acknowledged is there, what was not is there or is not.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use follower::witness::keeper::{AdvanceError, ContradictsError, Keeper, Kept, Refusal};
use store::{Fault, FaultyStore, MemoryStore, SledStore, Store};
use tempfile::TempDir;
use tlog::Head;

use crate::setup::{found, head, held, open, origin, sled, together, watched};

const LOGS: u64 = 8;
const STEPS: u64 = 6;

/// What must be there, and what may be instead.
#[derive(Default)]
struct Model {
    acknowledged: BTreeMap<u64, Head>,
    attempted: BTreeMap<u64, Head>,
}

impl Model {
    /// Moves all logs by one, together.
    fn step(&mut self, keeper: &Keeper, branch: u64) -> Vec<Result<(), AdvanceError>> {
        let next = |from: Option<&Head>| head(from.map_or(0, |from| from.size) + 1, branch);
        self.attempted = (0..LOGS).map(|n| (n, next(self.acknowledged.get(&n)))).collect();
        let from = |n| self.acknowledged.get(&n).copied();
        let answers = together((0..LOGS).map(|n| keeper.advance(from(n), held(n, self.attempted[&n]))));
        for (n, answer) in (0..).zip(&answers) {
            if answer.is_ok() {
                self.acknowledged.insert(n, self.attempted[&n]);
            }
        }
        answers
    }

    /// While the keeper runs: exactly what was acknowledged.
    fn shown_by(&self, keeper: &Keeper) {
        for n in 0..LOGS {
            let kept = keeper.get(&origin(n));
            assert_eq!(kept, self.acknowledged.get(&n).map(|head| held(n, *head)), "log {n}");
        }
    }

    /// After a restart: that, or what was attempted. It is the truth from then on.
    fn found_by(&mut self, keeper: &Keeper) {
        for n in 0..LOGS {
            let kept = keeper.get(&origin(n)).map(|held| held.head());
            let may_be = [self.acknowledged.get(&n), self.attempted.get(&n)];
            assert!(may_be.contains(&kept.as_ref()), "log {n}: {kept:?} is none of {may_be:?}");
            self.acknowledged.extend(kept.map(|head| (n, head)));
        }
    }
}

/// After a failure: reading goes on, nothing else does.
fn stands_still(keeper: &Keeper, model: &Model) {
    model.shown_by(keeper);
    let why = keeper.stopped().unwrap();
    assert!(why.contains("has to be opened anew"), "{why}");
    let stopped = Refusal::Stopped(why);
    let moved = keeper.advance_blocking(None, held(99, head(1, 0)));
    assert_eq!(moved, Err(AdvanceError::Refused(stopped.clone())));
    let kept = keeper.contradicts_blocking(found(0, 9), "text".into());
    assert_eq!(kept, Err(ContradictsError::Refused(stopped)));
    assert_eq!(keeper.get(&origin(99)), None);
}

fn faults() -> [Fault; 4] {
    [Fault::Lost, Fault::Kept, Fault::Torn, Fault::Slow(Duration::from_millis(5))]
}

#[test]
fn a_restart_on_disk_finds_the_old_or_the_new() {
    for fault in faults() {
        for nth in 0..STEPS + 2 {
            let dir = TempDir::new().unwrap();
            let open_faulty = || -> (Arc<FaultyStore<SledStore>>, Keeper) {
                let store = Arc::new(FaultyStore::new(sled(&dir)));
                let keeper = open(&store);
                (store, keeper)
            };
            let mut model = Model::default();
            let (store, keeper) = open_faulty();
            store.fail_commit(nth, fault);
            let mut failed = false;
            for step in 0..STEPS {
                let answers = model.step(&keeper, step);
                failed = answers.iter().any(Result::is_err);
                if failed {
                    let expected = [Refusal::Unknown, Refusal::Stopped(keeper.stopped().unwrap())];
                    let expected = expected.map(|refusal| Err(AdvanceError::Refused(refusal)));
                    assert!(
                        answers.iter().all(|answer| answer.is_ok() || expected.contains(answer)),
                        "{answers:?}"
                    );
                    assert!(answers.contains(&expected[0]), "those in the batch");
                    stands_still(&keeper, &model);
                    break;
                }
                model.shown_by(&keeper);
            }
            assert!(
                failed || matches!(fault, Fault::Slow(_)) || store.commits() <= nth,
                "{fault:?} at {nth}"
            );
            drop((keeper, store));

            let (store, keeper) = open_faulty();
            model.found_by(&keeper);
            for step in 0..3 {
                assert!(model.step(&keeper, 100 + step).iter().all(Result::is_ok), "it goes on");
            }
            drop((keeper, store));
            model.shown_by(&open(&Arc::new(sled(&dir))));
        }
    }
}

#[test]
fn many_bad_days_in_a_row() {
    for seed in 0..40 {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        store.fail_by_seed(seed, 200, 4);
        let mut model = Model::default();
        for day in 0..12 {
            store.reopen();
            let keeper = open(&store);
            model.found_by(&keeper);
            for step in 0..5 {
                if model.step(&keeper, day * 10 + step).iter().any(Result::is_err) {
                    stands_still(&keeper, &model);
                    break;
                }
                model.shown_by(&keeper);
            }
        }
    }
}

/// What was not acknowledged of evidence may be handed in again.
#[test]
fn evidence_is_kept_through_faults() {
    for (fault, there) in [(Fault::Lost, Kept::New), (Fault::Kept, Kept::There)] {
        let store = Arc::new(FaultyStore::new(MemoryStore::new()));
        let keeper = open(&store);
        store.fail_commit(0, fault);
        let answer = keeper.contradicts_blocking(found(0, 1), "a fork".into());
        assert_eq!(answer, Err(ContradictsError::Refused(Refusal::Unknown)));
        assert_eq!(keeper.contradictions(), [], "not shown before a restart has read it");
        drop(keeper);
        store.reopen();
        let keeper = open(&store);
        assert_eq!(keeper.contradicts_blocking(found(0, 1), "a fork".into()), Ok(there));
        assert_eq!(keeper.contradiction(&keeper.contradictions()[0]).unwrap().as_deref(), Some("a fork"));
    }
}

#[test]
fn a_panic_of_the_store_leaves_nobody_waiting() {
    let store = watched();
    let keeper = open(&store);
    keeper.advance_blocking(None, held(0, head(1, 0))).unwrap();
    store.panics.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = keeper.advance_blocking(Some(head(1, 0)), held(0, head(2, 0)));
    assert_eq!(answer, Err(AdvanceError::Refused(Refusal::Unknown)));
    assert!(keeper.stopped().unwrap().contains("injected panic"));
    assert_eq!(keeper.get(&origin(0)), Some(held(0, head(1, 0))));
}

/// Two keepers on one store, as when a lock was never held: the slower one stops at its first commit.
#[test]
fn of_two_keepers_one_stops() {
    let store = watched();
    open(&store).advance_blocking(None, held(0, head(1, 0))).unwrap();
    let (first, second) = (open(&store), open(&store));
    first.advance_blocking(Some(head(1, 0)), held(0, head(2, 0))).unwrap();
    let forked = second.advance_blocking(Some(head(1, 0)), held(0, head(2, 1)));
    assert_eq!(forked, Err(AdvanceError::Refused(Refusal::Unknown)));
    assert!(second.stopped().unwrap().contains("another writer"), "{:?}", second.stopped());
    first.advance_blocking(Some(head(2, 0)), held(0, head(3, 0))).unwrap();
    drop((first, second));
    assert_eq!(open(&store).all(), [(origin(0), head(3, 0))]);
    assert!(store.head().unwrap().is_some());
}
