//! A log that is opened with other keys than signed it: what both keys sign, and whose word on what is old is taken.

use std::sync::Arc;

use sequencer::{Kind, Log, LogKeys, Options, log::Status, recover::RecoverError, stored::Stored};
use store::{MemoryStore, Store};
use testkit::keys;
use tlog::{checkpoint::SignedCheckpoint, key::Signer};

use crate::testlog::{Made, NEVER, TestEvidence, answer, submissions};

fn key(seed: u8) -> Signer {
    Signer::from_seed(keys::LOG.name.parse().unwrap(), &[seed; 32])
}

struct Place {
    store: Arc<MemoryStore>,
    evidence: TestEvidence,
}

impl Place {
    fn open(&self, keys: impl Into<LogKeys>) -> Result<Log, RecoverError> {
        let options = Options { publish_every: NEVER, ..Options::default() };
        Log::open(self.store.clone(), Kind::Records, keys, Box::new(self.evidence.clone()), options)
    }

    /// Whether each of these keys has signed the head in the store, and how many lines there are.
    fn signed_by(&self, seeds: &[u8]) -> (Vec<bool>, usize) {
        let head = self.store.head().unwrap().unwrap();
        let by = |seed: &u8| SignedCheckpoint::open(head.clone(), key(*seed).verifier_key()).is_ok();
        let lines =
            String::from_utf8_lossy(&head).lines().filter(|line| line.starts_with('\u{2014}')).count();
        (seeds.iter().map(by).collect(), lines)
    }
}

fn log(log: &Log, records: std::ops::Range<u64>) {
    answer(log.submit(submissions(&Made::records(records))).unwrap()).unwrap();
}

#[test]
fn the_keys_that_sign_now_sign_the_head_that_others_have_signed() {
    let place = Place { store: Arc::new(MemoryStore::new()), evidence: TestEvidence::in_memory() };
    log(&place.open(key(1)).unwrap(), 0..300);
    assert_eq!(place.signed_by(&[1, 2]), (vec![true, false], 1));
    let other = place.open(key(2)).err().unwrap();
    assert!(matches!(other, RecoverError::Head(_)), "{other}");

    let since = vec![(0, key(1).verifier_key().clone()), (300, key(2).verifier_key().clone())];
    let both = || LogKeys::from(key(2)).with_outgoing(Some(key(1))).with_history("how".into(), since.clone());
    let open = place.open(both()).unwrap();
    assert_eq!(place.signed_by(&[1, 2]), (vec![true, true], 2), "before anything is written");
    let reader = open.reader();
    assert_eq!(reader.vkey(), key(2).verifier_key());
    assert_eq!(reader.key_history().unwrap(), "how");
    assert_eq!(reader.keys_since(), since);
    assert_eq!(Some(reader.published().bytes().clone()), place.store.head().unwrap(), "and published");
    log(&open, 300..310);
    drop(open);
    assert_eq!(place.signed_by(&[1, 2]), (vec![true, true], 2));
    let before = place.store.head().unwrap();
    drop(place.open(both()).unwrap());
    assert_eq!(place.store.head().unwrap(), before, "nothing to sign anew");

    // The new key alone: the log has to know that the old one was its own.
    let past = [key(1).verifier_key().clone()];
    let alone = || LogKeys::from(key(2)).with_past(&past);
    drop(place.open(alone()).unwrap());
    assert_eq!(place.signed_by(&[1, 2]), (vec![false, true], 1));
    let open = place.open(alone()).unwrap();
    log(&open, 310..311);
    drop(open);
    let stored = Stored::open(place.store.clone(), alone().verifiers()).unwrap();
    assert_eq!(stored.head().size(), 311);
    assert!(Stored::open(place.store.clone(), &past).is_err());
}

/// Evidence that a retired key signed is evidence all the same.
#[test]
fn an_old_copy_is_found_out_whichever_key_of_the_log_signed_the_newest_head() {
    let old = Place { store: Arc::new(MemoryStore::new()), evidence: TestEvidence::in_memory() };
    log(&old.open(key(1)).unwrap(), 0..5);
    let full = Place { store: Arc::new(MemoryStore::new()), evidence: old.evidence.clone() };
    let empty = Place { store: full.store.clone(), evidence: TestEvidence::in_memory() };
    log(&empty.open(key(1)).unwrap(), 0..3);
    let keys = || LogKeys::from(key(2)).with_past(&[key(1).verifier_key().clone()]);
    let behind = full.open(keys()).unwrap();
    assert!(matches!(behind.status(), Status::ReadOnly(_)), "{:?}", behind.status());
    assert_eq!(full.signed_by(&[1, 2]), (vec![true, false], 1), "and nothing is signed anew");
    // Without the history the evidence is of nobody known.
    let unknown = Place { store: Arc::new(MemoryStore::new()), evidence: old.evidence };
    assert!(unknown.open(key(2)).is_err());
}
