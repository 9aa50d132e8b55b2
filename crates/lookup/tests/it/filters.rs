//! A rare key is not looked for where it is not.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use bytes::Bytes;
use lookup::{Follower, LookupError, Lookups, Query, keys::Kind};
use store::{Batch, CommitError, Key, MemoryStore, Store, StoreError, Table};
use testkit::Chance;

use crate::log::{TestLog, any_record};

const WIDTH: u64 = 256;
const STRETCHES: u64 = 20;

/// A store that counts how often pages are looked for.
#[derive(Default)]
struct Counting {
    inner: MemoryStore,
    looks: AtomicU64,
}

impl Store for Counting {
    fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key)
    }

    fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
        self.inner.part(key, number)
    }

    fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
        self.looks.fetch_add(1, Relaxed);
        self.inner.floor(key)
    }

    fn scan(&self, table: Table, after: Option<&Key>, max: usize) -> Result<Vec<(Key, Bytes)>, StoreError> {
        self.inner.scan(table, after, max)
    }

    fn head(&self) -> Result<Option<Bytes>, StoreError> {
        self.inner.head()
    }

    fn commit(&self, expected: Option<&Bytes>, batch: Batch, head: Bytes) -> Result<(), CommitError> {
        self.inner.commit(expected, batch, head)
    }
}

/// Lookups of some full stretches; one of them, in the middle, has a record of somebody rare.
fn followed() -> (TestLog, Arc<Counting>) {
    let (log, store, mut chance) = (TestLog::default(), Arc::<Counting>::default(), Chance::seeded(3));
    for n in 0..STRETCHES * WIDTH {
        let mut record = any_record(n, &mut chance);
        if n == STRETCHES * WIDTH / 2 {
            record["principal"]["sub"] = "zoe".into();
        }
        log.push(&record);
    }
    let mut follower = Follower::new(open(&store));
    while !follower.step(&log).unwrap().is_done() {}
    (log, store)
}

fn open(store: &Arc<Counting>) -> Lookups {
    Lookups::open_with(store.clone(), "log.example", WIDTH).unwrap()
}

#[test]
fn a_rare_key_costs_few_looks_also_after_a_restart() {
    let (log, store) = followed();
    let lookups = open(&store);
    for (user, found, looks) in [("zoe", 1, 1..=4), ("nobody", 0, 0..=3), ("alice", 50, 1..=2)] {
        store.looks.store(0, Relaxed);
        let query = Query { all: vec![(Kind::User, user.into())], ..Query::default() };
        assert_eq!(log.search(&lookups, &query).unwrap().entries.len(), found, "{user}");
        let looked = store.looks.load(Relaxed);
        assert!(looks.contains(&looked), "{user}: {looked} looks in {STRETCHES} stretches");
    }
}

#[test]
fn lookups_without_filters_are_made_anew_and_not_believed() {
    let (_, store) = followed();
    let filters = store.scan(Table::Posting, None, usize::MAX).unwrap().into_iter().map(|(key, _)| key);
    let filters = filters.filter(|key| matches!(key, Key::Posting { index: 2.., .. }));
    let (head, deletes) = (store.head().unwrap().unwrap(), filters.collect::<Vec<_>>());
    assert_eq!(deletes.len() as u64, 2 * STRETCHES);
    store.commit(Some(&head), Batch::deletes(deletes), head.clone()).unwrap();
    let refused = Lookups::open_with(store, "log.example", WIDTH).map(drop).unwrap_err();
    assert!(matches!(refused, LookupError::Others), "{refused}");
}

#[test]
fn entries_that_are_read_together_are_those_that_are_read_one_by_one() {
    let (log, store) = followed();
    let lookups = open(&store);
    let query = Query { all: vec![(Kind::User, "alice".into())], limit: 40, ..Query::default() };
    let one_by_one = log.search(&lookups, &query).unwrap();
    let most = AtomicU64::new(0);
    let together = lookups.search(&query, |indexes, take| {
        most.fetch_max(indexes.len() as u64, Relaxed);
        log.entries_at(indexes, take)
    });
    assert_eq!(together.unwrap(), one_by_one);
    assert_eq!(most.into_inner(), 41, "no more than the answer needs, and one to know whether it goes on");
}

/// Somebody rare with a word that all have: of that word's pages only the one is read that the rare entry is in.
#[test]
fn a_common_key_beside_a_rare_one_costs_one_look() {
    let (log, store) = followed();
    let lookups = open(&store);
    let (rare, common) = ((Kind::User, "zoe".to_owned()), (Kind::Type, "action.requested".to_owned()));
    for all in [vec![common.clone(), rare.clone()], vec![rare.clone(), common.clone()]] {
        let looks = |all: &[(Kind, String)]| {
            store.looks.store(0, Relaxed);
            let query = Query { all: all.to_vec(), ..Query::default() };
            let found = log.search(&lookups, &query).unwrap().entries.len();
            (found, store.looks.load(Relaxed))
        };
        let (alone, both) = (looks(&all[..1]), looks(&all));
        assert_eq!(both.0, 1, "{all:?}, alone {alone:?}");
        assert_eq!(
            both.1,
            looks(std::slice::from_ref(&rare)).1 + 1,
            "one look more than for the rare one alone"
        );
    }
}
