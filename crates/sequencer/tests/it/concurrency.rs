//! Many submitters at once, with ids that collide: every answer is right, and indexes are dense and unique.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use sequencer::{
    ids::Outcome,
    pool::{Answer, Limits, Refusal},
};
use testkit::Chance;
use tlog::proof::verify_consistency;

use crate::testlog::{Made, Setup, TestLog};

const THREADS: u64 = 64;

/// What one submitter was told.
struct Told {
    group: Vec<Made>,
    answer: Answer,
}

/// Groups of one to eight, some ids twice within one group, most of them known to other threads as well.
fn group(chance: &mut Chance, ids: u64) -> Vec<Made> {
    let one = |chance: &mut Chance| {
        let version = u8::from(chance.one_in(8));
        Made::by(chance.below(3) as u8, chance.below(ids), version)
    };
    (0..=chance.below(8)).map(|_| one(chance)).collect()
}

fn submit_from_all_threads(log: &TestLog, groups: u64, ids: u64) -> (Vec<Told>, u64) {
    let busy = AtomicU64::new(0);
    let mut chance = Chance::from_env_or(0x64);
    let told = std::thread::scope(|scope| {
        let submitters: Vec<_> = (0..THREADS)
            .map(|_| (chance.fork(), &busy))
            .map(|(mut chance, busy)| {
                scope.spawn(move || {
                    let mut told = vec![];
                    while (told.len() as u64) < groups {
                        let group = group(&mut chance, ids);
                        match log.try_submit(&group) {
                            Ok(answer) => told.push(Told { group, answer }),
                            Err(Refusal::PoolFull { .. }) => {
                                busy.fetch_add(1, SeqCst);
                                std::thread::sleep(Duration::from_micros(200));
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                    told
                })
            })
            .collect();
        submitters.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    (told, busy.load(SeqCst))
}

/// Puts the log together from what the submitters were told, and compares it with the log.
fn judge(log: &mut TestLog, told: &[Told]) {
    let each = || told.iter().flat_map(|told| told.group.iter().zip(&told.answer.outcomes));
    let mut by_index = BTreeMap::new();
    for (made, outcome) in each() {
        if let Outcome::Logged { index } = outcome {
            assert!(by_index.insert(*index, made).is_none(), "index {index} was given twice");
        }
    }
    for (expected, (index, made)) in (0..).zip(&by_index) {
        assert_eq!(*index, expected, "indexes are dense");
        let logged = log.model.log(std::slice::from_ref(*made));
        assert_eq!(logged, [Outcome::Logged { index: expected }], "an id was logged twice");
    }
    for (made, outcome) in each() {
        // Asked once more, the model gives the answer that comes after the first: at the same index.
        let again = log.model.log(std::slice::from_ref(made))[0];
        match outcome {
            Outcome::Logged { index } => assert_eq!(again, Outcome::Duplicate { index: *index }),
            other => assert_eq!(again, *other),
        }
    }
    for Told { answer, .. } in told {
        let head = answer.committed.head();
        assert!(answer.outcomes.iter().all(|outcome| outcome.index() < head.size));
        assert_eq!(*head.root.as_bytes(), log.model.tree.root(head.size));
    }
    log.check(by_index.len() as u64);
}

#[test]
fn sixty_four_submitters_with_colliding_ids() {
    let limits = Limits { pool_entries_max: 120, batch_entries_max: 100, ..Limits::default() };
    let publish_every = Duration::from_millis(2);
    let mut log = TestLog::with(Setup { limits, publish_every, ..Setup::default() });
    let (told, busy) = submit_from_all_threads(&log, 60, 4_000);
    assert!(busy > 0, "the pool was never full: the refusal was not tried");
    judge(&mut log, &told);
    let batches = log.observed.commits.lock().len();
    assert!(batches < told.len(), "groups share commits");
    log.restart();
    log.check(log.model.size());
}

#[test]
fn sixty_four_submitters_on_disk() {
    let mut log = TestLog::with(Setup { publish_every: Duration::from_millis(5), ..Setup::on_disk() });
    let (told, _) = submit_from_all_threads(&log, 12, 700);
    judge(&mut log, &told);
    log.restart();
    log.check(log.model.size());
}

/// Readers meanwhile: whatever head they see, everything under it is there and proven.
#[test]
fn readers_see_whole_states_while_the_log_grows() {
    let publish_every = Duration::from_millis(1);
    let mut log = TestLog::with(Setup { publish_every, ..Setup::default() });
    let (done, proofs) = (AtomicBool::new(false), AtomicU64::new(0));
    let told = std::thread::scope(|scope| {
        for seed in 0..4 {
            let (reader, done, proofs) = (log.reader(), &done, &proofs);
            scope.spawn(move || {
                let mut chance = Chance::seeded(seed);
                let mut last = reader.committed().head();
                while !done.load(SeqCst) {
                    let public = reader.published().head();
                    let head = reader.committed().head();
                    assert!(public.size <= head.size && last.size <= head.size);
                    for old in [public, last] {
                        let proof = reader.consistency(old.size, head).unwrap();
                        verify_consistency(old, head, &proof.hashes).unwrap();
                    }
                    if head.size > 0 {
                        let index = chance.below(head.size);
                        let entry = reader.entry(index).unwrap().expect("an entry below the size");
                        let proof = reader.inclusion(index, head).unwrap();
                        assert_eq!(proof.leaf, tlog::Hash::leaf(&entry));
                        proofs.fetch_add(1, SeqCst);
                    }
                    last = head;
                }
            });
        }
        let submitting = scope.spawn(|| submit_from_all_threads(&log, 30, 3_000).0);
        let told = submitting.join();
        done.store(true, SeqCst);
        told.unwrap()
    });
    assert!(proofs.load(SeqCst) > 100, "{proofs:?}");
    judge(&mut log, &told);
}
