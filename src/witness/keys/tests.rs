use std::path::Path;
use std::sync::Arc;

use follower::witness::keeper::{ContradictionId, Limits};
use store::{Fault, FaultyStore, MemoryStore, Store};

use super::*;

fn name() -> KeyName {
    "witness.test/w1".parse().unwrap()
}

/// What a start makes of a directory and a store.
fn start(path: &Path, store: &Arc<impl Store + 'static>, ml_dsa: bool) -> Result<Vec<String>, Failure> {
    let directory = DataDirectory::open(path).unwrap();
    let keeper = Keeper::open(store.clone(), Limits::default()).unwrap();
    let name = name();
    let keys = Found::read(&directory)?.beside(&directory, &keeper, &name)?.keys(ml_dsa)?;
    Ok(keys.all.iter().map(|key| key.verifier_key().to_string()).collect())
}

/// The power cut before or after each commit of a first start: the next one makes a witness, whose keys stay.
#[test]
fn a_first_start_that_was_cut_off_anywhere_is_gone_on_with() {
    let mut cut = 0;
    for fault in [Fault::Lost, Fault::Kept] {
        for nth in 0..5 {
            for again in [true, false] {
                let home = tempfile::tempdir().unwrap();
                let store = Arc::new(FaultyStore::new(MemoryStore::new()));
                store.fail_commit(nth, fault);
                let first = start(home.path(), &store, true);
                cut += usize::from(first.is_err());
                store.reopen();
                let next = start(home.path(), &store, again).unwrap();
                assert_eq!(next.len() > 1, again || home.path().join("ml-dsa-44.key").exists());
                assert_eq!(start(home.path(), &store, again).unwrap(), next, "{fault:?} at commit {nth}");
                let both = start(home.path(), &store, true).unwrap();
                assert_eq!((both.len(), &both[0]), (2, &next[0]));
                assert_eq!(start(home.path(), &store, false).unwrap(), both);
            }
        }
    }
    assert_eq!(cut, 2 * 4 * 2, "two commits for each key");
}

/// The store is told of a key before its file is there.
#[test]
fn no_key_is_written_that_the_store_does_not_know() {
    let home = tempfile::tempdir().unwrap();
    let store = Arc::new(FaultyStore::new(MemoryStore::new()));
    store.fail_commit(0, Fault::Lost);
    assert!(start(home.path(), &store, false).is_err());
    assert!(!home.path().join("ed25519.key").exists());
}

/// Whoever has answered for logs is somebody.
#[test]
fn a_store_that_was_used_and_names_nobody_is_not_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let store = Arc::new(MemoryStore::new());
    let keeper = Keeper::open(store.clone(), Limits::default()).unwrap();
    keeper
        .contradicts_blocking(ContradictionId::of(&"log.test".parse().unwrap(), b"note"), "text".into())
        .unwrap();
    drop(keeper);
    let refused = start(home.path(), &store, false).unwrap_err().words;
    assert!(refused.contains("does not say for which witness"), "{refused}");
    assert!(!home.path().join("ed25519.key").exists());
}

#[test]
fn what_is_done_about_a_key() {
    let of = |seed| Cosigner::from_seed(name(), &[seed; 32]).verifier_key().clone();
    let (key, other) = (of(1), of(2));
    let announced = Owner::new(&name()).announcing(&key);
    let written = announced.clone().having(&key);
    let said = [None, announced.key(4), written.key(4)];
    for (said, found, wanted, done) in [
        (said[0], None, false, Ok(Step::Leave)),
        (said[0], None, true, Ok(Step::Make)),
        (said[0], Some(&key), true, Err(Wrong::Unknown)),
        (said[1], None, false, Ok(Step::Leave)),
        (said[1], None, true, Ok(Step::Make)),
        (said[1], Some(&key), true, Ok(Step::Tell)),
        (said[1], Some(&other), true, Err(Wrong::Another)),
        (said[2], None, false, Err(Wrong::Lost)),
        (said[2], None, true, Err(Wrong::Lost)),
        (said[2], Some(&key), false, Ok(Step::Use)),
        (said[2], Some(&other), true, Err(Wrong::Another)),
    ] {
        assert_eq!(decide(said, found, wanted), done, "{said:?} {found:?} {wanted}");
    }
}
