//! Any log in any steps answers as a look at every entry does.

use std::sync::Arc;

use lookup::{Entry, Follower, Lookups, Order, Query, keys, keys::Kind};
use proptest::prelude::*;
use record::{
    Logged,
    findings::{Fold, Parameters},
};
use store::MemoryStore;
use testkit::Chance;

use crate::log::{START_MS, STEP_MS, TestLog, any_record};

const WIDTH: u64 = 256;

/// Every entry that fits, by its own word; what was found is what a fold over the whole log finds.
fn by_definition(log: &TestLog, query: &Query, size: u64) -> Vec<u64> {
    let mut fold = Fold::new(Parameters::default());
    let mut fits = vec![];
    for (index, entry) in (0..size).zip(log.entries.borrow().iter()) {
        let logged = Logged::read(index, entry).unwrap();
        let mut here = keys::of_entry(&logged);
        here.extend(fold.take(&logged.seen()).iter().map(|finding| keys::of_finding(finding.rule)));
        let received = logged.received().unix_ms();
        let in_time = query.received.is_none_or(|(from, until)| received >= from && received < until);
        if in_time && query.indexes.contains(&index) && query.all.iter().all(|key| here.contains(key)) {
            fits.push(index);
        }
    }
    if query.order == Order::Newest {
        fits.reverse();
    }
    fits
}

/// All pages of a query.
fn answered(lookups: &Lookups, log: &TestLog, query: &Query) -> Vec<u64> {
    let mut query = query.clone();
    let mut all = vec![];
    loop {
        let found = log.search(lookups, &query).unwrap();
        assert!(found.entries.len() <= query.limit);
        all.extend(found.entries.iter().map(Entry::index));
        match found.cursor {
            None => return all,
            cursor => query.cursor = cursor,
        }
    }
}

fn followed(lookups: &Lookups, follower: &mut Follower, log: &TestLog) {
    while !follower.step(log).unwrap().is_done() {}
    assert_eq!((lookups.size(), lookups.findings_size()), (log.size(), log.size()));
}

fn any_query(chance: &mut Chance, size: u64) -> Query {
    let keys = [
        (Kind::User, "alice"),
        (Kind::Principal, "i-1|bob"),
        (Kind::Agent, "crm"),
        (Kind::Tool, "delete"),
        (Kind::Session, "s-2"),
        (Kind::Outcome, "error"),
        (Kind::Type, "action.requested"),
        (Kind::Finding, "session_unknown"),
        (Kind::Finding, "coverage_undeclared"),
        (Kind::Action, "call-3"),
        (Kind::Tool, "nobody"),
    ];
    let mut all = vec![];
    for _ in 0..chance.below(4) {
        let (kind, value) = *chance.pick(&keys);
        all.push((kind, value.to_owned()));
    }
    let at = |chance: &mut Chance| (START_MS + chance.below(size + 1) * STEP_MS).cast_signed();
    let received = chance.one_in(3).then(|| (at(chance), at(chance)));
    let indexes = if chance.one_in(3) { chance.below(size + 1)..chance.below(size + 1) } else { 0..u64::MAX };
    let order = if chance.one_in(2) { Order::Newest } else { Order::Oldest };
    Query { all, received, indexes, order, limit: 1 + chance.below(40) as usize, cursor: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn a_log_in_any_steps_with_restarts(seed: u64) {
        let mut chance = Chance::seeded(seed);
        let log = TestLog::default();
        let store = Arc::new(MemoryStore::new());
        let open = || Lookups::open_with(store.clone(), "log.example", WIDTH).unwrap();
        let mut lookups = open();
        let mut follower = Follower::new(lookups.clone());
        for _ in 0..4 {
            for _ in 0..chance.below(300) {
                log.push(&any_record(log.size(), &mut chance));
            }
            if chance.one_in(2) {
                // All that is not in the store is gone.
                lookups = open();
                follower = Follower::new(lookups.clone());
            }
            followed(&lookups, &mut follower, &log);
            for _ in 0..8 {
                let query = any_query(&mut chance, log.size());
                prop_assert_eq!(answered(&lookups, &log, &query), by_definition(&log, &query, log.size()), "{:?}", query);
            }
        }
        // Made anew they are the same, byte for byte.
        let anew = Arc::new(MemoryStore::new());
        let again = Lookups::open_with(anew.clone(), "log.example", WIDTH).unwrap();
        followed(&again, &mut Follower::new(again.clone()), &log);
        for table in [store::Table::Posting, store::Table::Times] {
            prop_assert_eq!(
                store::Store::scan(&*anew, table, None, usize::MAX).unwrap(),
                store::Store::scan(&*store, table, None, usize::MAX).unwrap()
            );
        }
    }
}

#[test]
fn a_cursor_goes_on_where_it_was_while_the_log_grows() {
    let mut chance = Chance::seeded(5);
    let log = TestLog::default();
    let lookups = Lookups::open_with(Arc::new(MemoryStore::new()), "log.example", WIDTH).unwrap();
    let mut follower = Follower::new(lookups.clone());
    (0..400).for_each(|n| log.push(&any_record(n, &mut chance)));
    followed(&lookups, &mut follower, &log);
    for order in [Order::Newest, Order::Oldest] {
        let query = Query { all: vec![(Kind::Agent, "crm".into())], order, limit: 10, ..Query::default() };
        let first = log.search(&lookups, &query).unwrap();
        (0..50).for_each(|_| log.push(&any_record(log.size(), &mut chance)));
        followed(&lookups, &mut follower, &log);
        let next = Query { cursor: first.cursor, ..query.clone() };
        let next = log.search(&lookups, &next).unwrap();
        let seen: Vec<u64> = first.entries.iter().chain(&next.entries).map(Entry::index).collect();
        let expected = by_definition(&log, &query, first.size);
        assert_eq!(seen, expected[..20], "{order:?}");
    }
}
