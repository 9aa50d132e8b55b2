//! A store that is not what a witness left is not opened: it would forget what it answered for.

use bytes::Bytes;
use follower::witness::keeper::{Keeper, Limits, OpenError, OriginId, Owner};
use store::{Batch, Key, MemoryStore, Store as _, StoreError};
use testkit::keys::WITNESSES;
use tlog::cosignature::Cosigner;

use crate::setup::{head, held, open, origin, watched};

const HEAD: &str = r#"{"version":1,"commits":3,"origins":1}"#;

fn key(n: u64) -> Key {
    Key::Witnessed { origin: *OriginId::of(&origin(n)).as_bytes() }
}

fn opened(head: &'static str, puts: Vec<(Key, Bytes)>) -> Result<Keeper, OpenError> {
    let store = MemoryStore::new();
    store.commit(None, Batch::puts(puts), head.into()).unwrap();
    Keeper::open(std::sync::Arc::new(store), Limits::default())
}

#[test]
fn the_bytes_of_the_store() {
    let store = watched();
    open(&store).advance_blocking(None, held(0, head(3, 0))).unwrap();
    assert_eq!(store.head().unwrap().unwrap(), r#"{"version":1,"commits":1,"origins":1}"#);
    assert_eq!(store.get(&key(0)).unwrap().unwrap(), held(0, head(3, 0)).note());
    let keeper = open(&store);
    keeper.advance_blocking(Some(head(3, 0)), held(0, head(4, 0))).unwrap();
    keeper.advance_blocking(None, held(1, head(4, 0))).unwrap();
    assert_eq!(store.head().unwrap().unwrap(), r#"{"version":1,"commits":3,"origins":2}"#);
}

/// The head says whose store it is, and goes on saying it.
#[test]
fn a_store_knows_whose_it_is_and_which_keys_were_written() {
    let [one, other, ..] = WITNESSES.map(|key| Cosigner::from_seed(key.name.parse().unwrap(), &key.seed));
    let (key, name) = (one.verifier_key(), one.verifier_key().name());
    let store = watched();
    let keeper = open(&store);
    assert_eq!(keeper.owner(), None);
    let owner = Owner::new(name).announcing(key);
    keeper.own_blocking(owner.clone()).unwrap();
    assert_eq!(keeper.owner().as_ref(), Some(&owner));
    drop(keeper);
    let keeper = open(&store);
    let said = keeper.owner().unwrap();
    let announced = said.key(4).unwrap();
    assert_eq!((said.name(), announced.is_written()), (name.as_str(), false));
    assert!(announced.is(key) && !announced.is(other.verifier_key()) && said.key(6).is_none());
    keeper.own_blocking(said.having(key)).unwrap();
    keeper.advance_blocking(None, held(0, head(3, 0))).unwrap();
    drop(keeper);
    assert!(open(&store).owner().unwrap().key(4).unwrap().is_written());
    let hash = <sha2::Sha256 as sha2::Digest>::digest(key.to_string());
    let hash = hash.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    let owner = format!(r#""owner":{{"name":"{name}","keys":{{"4":{{"sha256":"{hash}","written":true}}}}}}"#);
    let bytes = format!(r#"{{"version":1,"commits":3,"origins":1,{owner}}}"#);
    assert_eq!(store.head().unwrap().unwrap(), bytes);
}

/// An old copy of a store would make the witness cosign second histories: nobody is told to put one back.
#[test]
fn whoever_has_lost_something_is_told_to_make_a_new_witness() {
    let name = origin(0);
    let cause = follower::witness::keeper::Held::parse("").unwrap_err();
    for error in [
        OpenError::NoHead,
        OpenError::Lost { want: 2, have: 1 },
        OpenError::NoCheckpoint { origin: OriginId::of(&name), cause },
        OpenError::WrongOrigin { origin: OriginId::of(&name), found: name.clone() },
    ] {
        let words = error.to_string();
        assert!(
            words.contains("make a new witness with another name") && !words.contains("restore"),
            "{words}"
        );
    }
}

#[test]
fn each_note_is_one_of_its_log() {
    let good = held(0, head(3, 0)).note().clone();
    assert_eq!(opened(HEAD, vec![(key(0), good.clone())]).unwrap().all(), [(origin(0), head(3, 0))]);
    for bad in [Bytes::new(), good.slice(..good.len() - 1), [&good[..], b"x"].concat().into()] {
        let Err(OpenError::NoCheckpoint { origin: at, .. }) = opened(HEAD, vec![(key(0), bad)]) else {
            panic!("a note that is none")
        };
        assert_eq!(at, OriginId::of(&origin(0)));
    }
    let Err(OpenError::WrongOrigin { origin: at, found }) = opened(HEAD, vec![(key(1), good)]) else {
        panic!("another log's note")
    };
    assert_eq!((at, found), (OriginId::of(&origin(1)), origin(0)));
}

#[test]
fn lost_notes_are_noticed() {
    let lost = opened(HEAD, vec![]);
    assert!(matches!(lost, Err(OpenError::Lost { want: 1, have: 0 })), "{:?}", lost.err());
}

#[test]
fn a_store_of_something_else_is_left_alone() {
    for other in [
        "log.test\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
        r#"{"version":2,"commits":3,"origins":1}"#,
        r#"{"version":1,"commits":3,"origins":1,"more":1}"#,
        r#"{"version":1,"commits":3}"#,
        "",
    ] {
        let refused = opened(other, vec![(key(0), held(0, head(3, 0)).note().clone())]);
        assert!(matches!(refused, Err(OpenError::NotAWitness)), "{other}: {:?}", refused.err());
    }
}

/// No store loses its head by itself; one that did is not a new one.
#[test]
fn notes_without_a_head_are_not_a_new_witness() {
    struct Headless(MemoryStore);
    impl store::Store for Headless {
        fn get(&self, key: &Key) -> Result<Option<Bytes>, StoreError> {
            self.0.get(key)
        }
        fn part(&self, key: &Key, number: usize) -> Result<Option<Bytes>, StoreError> {
            self.0.part(key, number)
        }
        fn floor(&self, key: &Key) -> Result<Option<(Key, Bytes)>, StoreError> {
            self.0.floor(key)
        }
        fn scan(
            &self,
            table: store::Table,
            after: Option<&Key>,
            max: usize,
        ) -> Result<Vec<(Key, Bytes)>, StoreError> {
            self.0.scan(table, after, max)
        }
        fn head(&self) -> Result<Option<Bytes>, StoreError> {
            Ok(None)
        }
        fn commit(
            &self,
            expected: Option<&Bytes>,
            batch: Batch,
            head: Bytes,
        ) -> Result<(), store::CommitError> {
            self.0.commit(expected, batch, head)
        }
    }
    let inner = MemoryStore::new();
    inner.commit(None, Batch::puts(vec![(key(0), held(0, head(3, 0)).note().clone())]), HEAD.into()).unwrap();
    let refused = Keeper::open(std::sync::Arc::new(Headless(inner)), Limits::default());
    assert!(matches!(refused, Err(OpenError::NoHead)), "{:?}", refused.err());
}
