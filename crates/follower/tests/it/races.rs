//! Many at once: one log has one history, many logs share a commit.

use std::sync::Barrier;

use follower::witness::keeper::AdvanceError;
use parking_lot::Mutex;
use tempfile::TempDir;
use tlog::Head;

use crate::setup::{Watched, head, held, open, origin, sled, together, watched};

const THREADS: u64 = 64;

/// All propose another successor of the same head: one is taken, and all others are told which.
#[test]
fn of_64_who_move_one_head_exactly_one_does() {
    let store = watched();
    let keeper = open(&store);
    let start = Barrier::new(THREADS as usize);
    let answers = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (keeper, start, answers) = (&keeper, &start, &answers);
            scope.spawn(move || {
                for step in 1..=20 {
                    start.wait();
                    let from = keeper.get(&origin(0)).map(|held| held.head());
                    let to = head(step, thread);
                    start.wait();
                    answers.lock().push((step, to, keeper.advance_blocking(from, held(0, to))));
                }
            });
        }
    });
    let answers = answers.into_inner();
    for step in 1..=20 {
        let of_step = || answers.iter().filter(|answer| answer.0 == step);
        let won: Vec<Head> = of_step().filter(|answer| answer.2.is_ok()).map(|answer| answer.1).collect();
        assert_eq!(won.len(), 1, "step {step}: {won:?}");
        let raced = Err(AdvanceError::Raced { stored: Some(won[0]) });
        assert_eq!(of_step().filter(|answer| answer.2 == raced).count() as u64, THREADS - 1);
    }
}

/// All move as fast as they can: the heads that were taken are one chain, each link once.
#[test]
fn heads_of_one_log_are_one_history() {
    let dir = TempDir::new().unwrap();
    let store = Watched::new(sled(&dir));
    let keeper = open(&store);
    let moves = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (keeper, moves) = (&keeper, &moves);
            scope.spawn(move || {
                for _ in 0..15 {
                    let from = keeper.get(&origin(0)).map(|held| held.head());
                    let to = head(from.map_or(0, |from| from.size) + 1, thread);
                    match keeper.advance_blocking(from, held(0, to)) {
                        Ok(()) => moves.lock().push((from, to)),
                        Err(AdvanceError::Raced { stored }) => assert_ne!(stored, from),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    let mut moves = moves.into_inner();
    moves.sort_by_key(|(_, to)| to.size);
    let mut at = None;
    for (from, to) in moves {
        assert_eq!(from, at, "no head is left twice, and none is skipped");
        at = Some(to);
    }
    drop((keeper, store));
    let again = open(&std::sync::Arc::new(sled(&dir)));
    assert_eq!(again.get(&origin(0)).map(|held| held.head()), at);
}

/// Moves of one log that come in order are one commit, whose last head is kept.
#[test]
fn a_chain_of_moves_is_one_commit() {
    let store = watched();
    let keeper = open(&store);
    let others = std::thread::scope(|scope| {
        let gate = store.hold();
        let first = scope.spawn(|| keeper.advance_blocking(None, held(0, head(1, 0))));
        gate.wait();
        let chain = scope.spawn(|| {
            together((1..50).map(|size| keeper.advance(Some(head(size, 0)), held(0, head(size + 1, 0)))))
        });
        while keeper.waiting() < 49 {
            std::thread::yield_now();
        }
        drop(gate);
        first.join().unwrap().unwrap();
        chain.join().unwrap()
    });
    assert!(others.iter().all(Result::is_ok), "{others:?}");
    assert_eq!(store.commits(), 2);
    assert_eq!(keeper.all(), [(origin(0), head(50, 0))]);
    drop(keeper);
    assert_eq!(open(&store).all(), [(origin(0), head(50, 0))]);
}

#[test]
fn a_thousand_logs_share_a_few_commits() {
    let dir = TempDir::new().unwrap();
    let store = Watched::new(sled(&dir));
    let keeper = open(&store);
    for size in 1..=3 {
        let from = (size > 1).then(|| head(size - 1, 0));
        let notes: Vec<_> = (0..1000).map(|n| held(n, head(size, 0))).collect();
        let before = store.commits();
        let answers = together(notes.into_iter().map(|note| keeper.advance(from, note)));
        assert!(answers.iter().all(Result::is_ok));
        let commits = store.commits() - before;
        assert!(commits <= 100, "{commits} commits for 1,000 moves");
    }
    drop((keeper, store));
    let again = open(&std::sync::Arc::new(sled(&dir)));
    let mut all: Vec<_> = (0..1000).map(|n| (origin(n), head(3, 0))).collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(again.all(), all);
}
