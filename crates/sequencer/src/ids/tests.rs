//! The table against a plain map, in every order of ids, and its pages against their own bytes.

use std::collections::HashMap;

use proptest::prelude::*;
use record::RecordKey;
use store::{Batch, MemoryStore, Table};

use super::*;

fn identity(id: u64, producer: u8, digest: u8) -> Identity {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&id.to_be_bytes());
    Identity { key: RecordKey { id: bytes, producer: [producer; 16] }, digest: [digest; 32] }
}

/// A log that consists of its id table only.
#[derive(Default)]
struct Log {
    store: MemoryStore,
    size: u64,
}

impl Log {
    fn submit(&mut self, batch: &[Option<Identity>]) -> Vec<Outcome> {
        let (outcomes, puts) = admit(&self.store, batch, self.size).unwrap();
        let head = self.store.head().unwrap();
        self.size +=
            outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Logged { .. })).count() as u64;
        let next = Bytes::from(format!("{}", self.size));
        self.store.commit(head.as_ref(), Batch::puts(puts), next).unwrap();
        outcomes
    }

    /// Every page starts where the one before it ends, and is not too long.
    fn check(&self) -> usize {
        let pages = self.store.scan(Table::Id, None, usize::MAX).unwrap();
        let mut expected = RecordKey { id: [0; 16], producer: [0; 16] };
        let mut rows = 0;
        for (n, (key, value)) in pages.iter().enumerate() {
            let (from, page, until) = read_page(key, value).unwrap();
            assert_eq!(from, expected, "page {n} starts where the one before it ends");
            assert!(page.len() <= PAGE_ROWS_MAX && page.iter().all(|row| row.key >= from));
            assert_eq!(until.is_none(), n + 1 == pages.len());
            expected = until.unwrap_or(expected);
            rows += page.len();
        }
        rows
    }
}

#[test]
fn the_three_outcomes_across_batches_and_within_one() {
    let mut log = Log::default();
    let (a, a2, b) = (identity(1, 1, 1), identity(1, 1, 2), identity(1, 2, 1));
    assert_eq!(
        log.submit(&[Some(a), Some(a), None, Some(a2), Some(b)]),
        [
            Outcome::Logged { index: 0 },
            Outcome::Duplicate { index: 0 },
            Outcome::Logged { index: 1 },
            Outcome::Conflict { index: 0 },
            Outcome::Logged { index: 2 },
        ],
        "duplicates in flight join the first; another producer's id is another id"
    );
    assert_eq!(
        log.submit(&[Some(a2), Some(b), Some(a), Some(a)]),
        [
            Outcome::Conflict { index: 0 },
            Outcome::Duplicate { index: 2 },
            Outcome::Duplicate { index: 0 },
            Outcome::Duplicate { index: 0 },
        ]
    );
}

/// A conflicting submission that comes first in a later batch does not make itself the one to compare with.
#[test]
fn after_a_conflict_the_first_bytes_still_stand() {
    let mut log = Log::default();
    let (a, a2) = (identity(1, 1, 1), identity(1, 1, 2));
    log.submit(&[Some(a)]);
    assert_eq!(
        log.submit(&[Some(a2), Some(a2), Some(a)]),
        [Outcome::Conflict { index: 0 }, Outcome::Conflict { index: 0 }, Outcome::Duplicate { index: 0 }]
    );
}

#[test]
fn ascending_ids_fill_pages_and_touch_few() {
    let mut log = Log::default();
    for batch in (0..20_000_u64).collect::<Vec<_>>().chunks(1_000) {
        let batch: Vec<_> = batch.iter().map(|id| Some(identity(*id, 0, 0))).collect();
        let (_, puts) = admit(&log.store, &batch, log.size).unwrap();
        assert!(puts.len() <= 1_000 / PAGE_ROWS_MAX + 2, "{} pages for 1,000 ids", puts.len());
        log.submit(&batch);
    }
    assert_eq!(log.check(), 20_000);
    let pages = log.store.scan(Table::Id, None, usize::MAX).unwrap().len();
    assert_eq!(pages, 20_000_usize.div_ceil(PAGE_ROWS_MAX), "pages are full");
}

#[test]
fn one_id_of_many_producers_is_found_across_pages() {
    let mut log = Log::default();
    let batch: Vec<_> = (0..=255).map(|producer| Some(identity(5, producer, producer))).collect();
    log.submit(&batch);
    log.submit(&[Some(identity(4, 0, 0)), Some(identity(6, 0, 0))]);
    let found = |max, counts: fn(&Row) -> bool| {
        find_id(&log.store, identity(5, 0, 0).key.id, max, counts).unwrap().len()
    };
    assert_eq!(found(usize::MAX, |_| true), 256);
    assert_eq!([0, 1, 255, 256, 257].map(|max| found(max, |_| true)), [0, 1, 255, 256, 256]);
    assert_eq!(found(2, |row| row.index == 200), 1, "what does not count takes no place");
    assert!(log.store.scan(Table::Id, None, 10).unwrap().len() > 1, "they do not fit one page");
    assert_eq!(find(&log.store, &identity(5, 77, 0).key).unwrap().unwrap().index, 77);
    assert_eq!(find(&log.store, &identity(7, 77, 0).key).unwrap(), None);
    assert_eq!(find_id(&log.store, [9; 16], 2, |_| true).unwrap(), []);
}

/// What a store without atomic commits may leave behind is named, and never taken for an answer.
#[test]
fn a_table_that_was_torn_is_refused() {
    let mut log = Log::default();
    let batch: Vec<_> = (0..300).map(|id| Some(identity(id, 0, 0))).collect();
    log.submit(&batch);
    let ahead = admit(&log.store, &[Some(identity(299, 0, 0))], 299);
    assert!(matches!(ahead, Err(IdsError::Ahead { index: 299, size: 299 })), "{ahead:?}");
    let gone = Key::Id { from: identity(128, 0, 0).key.to_bytes() };
    let head = log.store.head().unwrap();
    log.store.commit(head.as_ref(), Batch::deletes(vec![gone]), "torn".into()).unwrap();
    for id in [128, 200, 255] {
        let missing = admit(&log.store, &[Some(identity(id, 0, 0))], 300);
        assert!(matches!(missing, Err(IdsError::PageMissing)), "{missing:?}");
        assert!(find(&log.store, &identity(id, 0, 0).key).is_err());
    }
    assert_eq!(find(&log.store, &identity(127, 0, 0).key).unwrap().unwrap().index, 127);
    assert_eq!(find(&log.store, &identity(256, 0, 0).key).unwrap().unwrap().index, 256);
}

proptest! {
    #[test]
    fn agrees_with_a_plain_map(batches in proptest::collection::vec(
        proptest::collection::vec((0..400_u64, 0..2_u8, 0..2_u8), 1..120), 1..20
    )) {
        let (mut log, mut model) = (Log::default(), HashMap::new());
        let mut next = 0;
        for batch in batches {
            let batch: Vec<_> = batch.into_iter().map(|(id, producer, digest)| {
                // Spread the ids so that pages are split in the middle as well as at the end.
                Some(identity(id.wrapping_mul(0x9e37_79b9_7f4a_7c15), producer, digest))
            }).collect();
            let expected: Vec<_> = batch.iter().flatten().map(|identity| match model.get(&identity.key) {
                None => {
                    model.insert(identity.key, (identity.digest, next));
                    next += 1;
                    Outcome::Logged { index: next - 1 }
                }
                Some((digest, index)) if *digest == identity.digest => Outcome::Duplicate { index: *index },
                Some((_, index)) => Outcome::Conflict { index: *index },
            }).collect();
            prop_assert_eq!(log.submit(&batch), expected);
        }
        prop_assert_eq!(log.check(), model.len());
    }

    #[test]
    fn pages_of_any_bytes_are_refused_or_print_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(page) = Page::decode(&bytes) {
            prop_assert_eq!(page.encode(), bytes);
        }
    }
}

/// A page's bytes, good ones as often as bent ones.
fn page_bytes() -> impl Strategy<Value = Vec<u8>> {
    let row = (0..4_u8, 0..4_u8).prop_map(|(id, producer)| [[id; 16], [producer; 16]].concat());
    let rows = proptest::collection::vec(row, 0..5).prop_map(|mut keys| {
        keys.sort();
        keys.iter()
            .flat_map(|key| [key.as_slice(), &[7; 32], &9_u64.to_be_bytes()].concat())
            .collect::<Vec<_>>()
    });
    let until = prop_oneof![Just(vec![0]), (0..5_u8).prop_map(|id| [[1].as_slice(), &[id; 32]].concat())];
    let more = proptest::collection::vec(any::<u8>(), 0..2);
    (until, rows, more).prop_map(|(until, rows, more)| [until, rows, more].concat())
}

proptest! {
    #[test]
    fn pages_print_back_or_are_refused(bytes in page_bytes(), any in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzzing::page(&bytes);
        fuzzing::page(&any);
    }
}
