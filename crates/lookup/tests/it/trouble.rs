//! Logs that lie, stores that are damaged, lookups that are of something else.

use std::sync::Arc;

use lookup::{FollowError, Follower, LookupError, Lookups, Query, keys::Kind};
use store::{Batch, Key, MemoryStore, Store};
use testkit::Chance;
use tlog::{Hash, Head};

use crate::log::{TestLog, any_record};

fn log_of(count: u64) -> TestLog {
    let mut chance = Chance::seeded(1);
    let log = TestLog::default();
    (0..count).for_each(|n| log.push(&any_record(n, &mut chance)));
    log
}

fn open(store: &Arc<MemoryStore>) -> Lookups {
    Lookups::open_with(store.clone(), "log.example", 256).unwrap()
}

#[test]
fn entries_that_lead_elsewhere_are_not_answered_for() {
    let log = log_of(300);
    let store = Arc::new(MemoryStore::new());
    let lookups = open(&store);
    let mut follower = Follower::new(lookups.clone());
    while !follower.step(&log).unwrap().is_done() {}
    let mut chance = Chance::seeded(2);
    (0..300).for_each(|n| log.push(&any_record(1_000 + n, &mut chance)));
    *log.shown.borrow_mut() = Some(Head { size: 600, root: Hash::leaf(b"another") });
    let error = follower.step(&log).unwrap_err();
    assert!(matches!(error, FollowError::OtherRoot { size: 600, .. }), "{error}");
    assert_eq!(lookups.size(), 300, "what was proven before is still answered for");
    let all = Query { limit: 1_000, ..Query::default() };
    assert_eq!(log.search(&lookups, &all).unwrap().entries.len(), 300);
    // A stretch was full and written; opened again it is not believed either.
    let again = open(&store);
    assert_eq!(again.size(), 256);
    let error = Follower::new(again.clone()).step(&log).unwrap_err();
    assert!(matches!(error, FollowError::OtherRoot { .. }), "{error}");
    *log.shown.borrow_mut() = None;
    let mut follower = Follower::new(again.clone());
    while !follower.step(&log).unwrap().is_done() {}
    assert_eq!(again.size(), 600);
}

/// The follower does not stay with a checkpoint that its entries do not lead to: it asks for the newest one again.
#[test]
fn after_an_error_the_newest_checkpoint_is_asked_for() {
    let log = log_of(300);
    let lookups = open(&Arc::new(MemoryStore::new()));
    let mut follower = Follower::new(lookups.clone());
    *log.shown.borrow_mut() = Some(Head { size: 300, root: Hash::leaf(b"another") });
    assert!(matches!(follower.step(&log), Err(FollowError::OtherRoot { .. })));
    *log.shown.borrow_mut() = None;
    assert!(follower.step(&log).unwrap().is_done());
    assert_eq!(lookups.size(), 300);
}

#[test]
fn a_log_that_goes_back_is_told() {
    let log = log_of(20);
    let lookups = open(&Arc::new(MemoryStore::new()));
    let mut follower = Follower::new(lookups);
    while !follower.step(&log).unwrap().is_done() {}
    *log.shown.borrow_mut() = Some(log.head_at(19));
    assert!(matches!(follower.step(&log), Err(FollowError::WentBack { seen: 20, shown: 19 })));
}

/// A log that grows by more than is read in each turn: what is answered for grows with it, some way behind.
#[test]
fn a_log_that_grows_faster_than_it_is_read_is_answered_for_all_the_same() {
    let (log, mut chance) = (log_of(0), Chance::seeded(3));
    let lookups = open(&Arc::new(MemoryStore::new()));
    let mut follower = Follower::new(lookups.clone());
    let mut answered = vec![];
    for turn in 0..6 {
        (0..5_000).for_each(|n| log.push(&any_record(5_000 * turn + n, &mut chance)));
        follower.step(&log).unwrap();
        answered.push(lookups.size());
    }
    assert_eq!(answered, [0, 5_000, 5_000, 5_000, 15_000, 15_000], "one checkpoint after the other");
    while follower.step(&log).unwrap().size < log.size() {}
    while !follower.step(&log).unwrap().is_done() {}
    assert_eq!(lookups.size(), log.size());
}

#[test]
fn lookups_of_another_log_or_form_are_not_taken() {
    let log = log_of(300);
    let store = Arc::new(MemoryStore::new());
    let mut follower = Follower::new(open(&store));
    while !follower.step(&log).unwrap().is_done() {}
    let other = Lookups::open_with(store.clone(), "other.example", 256).map(drop).unwrap_err();
    assert!(matches!(other, LookupError::Others), "{other}");
    let other = Lookups::open(store.clone(), "log.example").map(drop).unwrap_err();
    assert!(matches!(other, LookupError::Others), "{other}");
    let head = store.head().unwrap().unwrap();
    let newer = String::from_utf8(head.to_vec()).unwrap().replace(
        &format!("\"version\":{}", lookup::keys::VERSION),
        &format!("\"version\":{}", lookup::keys::VERSION + 1),
    );
    store.commit(Some(&head), Batch::default(), newer.into()).unwrap();
    assert!(matches!(Lookups::open_with(store, "log.example", 256).map(drop), Err(LookupError::Others)));
}

#[test]
fn a_damaged_page_is_an_error_and_never_an_answer() {
    let log = log_of(300);
    let store = Arc::new(MemoryStore::new());
    let lookups = open(&store);
    let mut follower = Follower::new(lookups.clone());
    while !follower.step(&log).unwrap().is_done() {}
    let wanted = Query { all: vec![(Kind::Agent, "crm".into())], limit: 1_000, ..Query::default() };
    log.search(&lookups, &wanted).unwrap();
    let rows = store.scan(store::Table::Posting, None, usize::MAX).unwrap();
    let head = store.head().unwrap().unwrap();
    let deletes: Vec<Key> = rows.iter().map(|(key, _)| *key).collect();
    store.commit(Some(&head), Batch::deletes(deletes), head.clone()).unwrap();
    let puts = rows.into_iter().map(|(key, page)| (key, page.slice(..page.len() - 1))).collect();
    store.commit(Some(&head), Batch::puts(puts), head.clone()).unwrap();
    // Whoever is the last in a page of the full stretch is not missed without a word.
    let mut errors = 0;
    for index in 0..256 {
        let entry = log.entry(index).unwrap().unwrap();
        for (kind, value) in lookup::keys::of_entry(&record::Logged::read(index, &entry).unwrap()) {
            let query = Query { all: vec![(kind, value)], limit: 1_000, ..Query::default() };
            match log.search(&lookups, &query) {
                Ok(found) => assert!(found.entries.iter().any(|found| found.index() == index), "{query:?}"),
                Err(_) => errors += 1,
            }
        }
    }
    assert!(errors > 0);
}

#[tokio::test]
async fn whoever_waits_for_a_size_is_told_when_it_is_there() {
    let log = log_of(20);
    let lookups = open(&Arc::new(MemoryStore::new()));
    let brief = std::time::Duration::from_millis(20);
    assert!(!lookups.wait_for(20, brief).await);
    let waiting = tokio::spawn({
        let lookups = lookups.clone();
        async move { lookups.wait_for(20, std::time::Duration::from_secs(20)).await }
    });
    tokio::task::yield_now().await;
    let mut follower = Follower::new(lookups.clone());
    while !follower.step(&log).unwrap().is_done() {}
    assert!(waiting.await.unwrap());
}
