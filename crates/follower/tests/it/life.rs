//! What is kept, after each step and each restart.

use follower::witness::keeper::{AdvanceError, OriginId, Refusal};
use store::Fault;
use tempfile::TempDir;

use crate::setup::{head, held, open, origin, sled, together, wait, watched};

#[test]
fn what_was_answered_for_is_there_after_every_restart() {
    let dir = TempDir::new().unwrap();
    let mut kept = None;
    for size in [0, 1, 2, 7, 7, 300] {
        let keeper = open(&std::sync::Arc::new(sled(&dir)));
        assert_eq!(keeper.get(&origin(0)), kept);
        assert_eq!(keeper.find(&OriginId::of(&origin(0))), kept);
        let to = held(0, head(size, 0));
        keeper.advance_blocking(kept.map(|held| held.head()), to.clone()).unwrap();
        assert_eq!(keeper.get(&origin(0)), Some(to.clone()));
        kept = Some(to);
        // Another log is another matter.
        assert_eq!(keeper.get(&origin(1)), None);
        assert_eq!(keeper.all(), [(origin(0), head(size, 0))]);
    }
}

#[test]
fn only_the_head_that_was_judged_by_is_moved_from() {
    let store = watched();
    let keeper = open(&store);
    let (one, two) = (head(1, 0), head(2, 0));
    let raced = |stored| Err(AdvanceError::Raced { stored });
    assert_eq!(keeper.advance_blocking(Some(one), held(0, two)), raced(None), "never seen");
    keeper.advance_blocking(None, held(0, one)).unwrap();
    for wrong in [None, Some(two), Some(head(1, 1)), Some(head(0, 0))] {
        assert_eq!(keeper.advance_blocking(wrong, held(0, two)), raced(Some(one)), "{wrong:?}");
    }
    assert_eq!(keeper.get(&origin(0)), Some(held(0, one)));
    assert_eq!(store.commits(), 1, "nothing to write, nothing written");
    keeper.advance_blocking(Some(one), held(0, two)).unwrap();
}

/// The keeper's own guard, whatever was decided before.
#[test]
fn a_size_never_goes_back_and_never_has_two_roots() {
    let keeper = open(&watched());
    let stored = head(5, 0);
    keeper.advance_blocking(None, held(0, stored)).unwrap();
    for back in [head(4, 0), head(0, 0), head(5, 1)] {
        let refused = keeper.advance_blocking(Some(stored), held(0, back)).unwrap_err();
        assert_eq!(refused, AdvanceError::NotAhead { stored }, "{back:?}");
    }
    assert_eq!(keeper.get(&origin(0)), Some(held(0, stored)));
    keeper.advance_blocking(Some(stored), held(0, stored)).unwrap();
    // Within one commit, too.
    let steps = [(5, 8), (8, 6), (8, 9)];
    let answers = together(steps.map(|(from, to)| keeper.advance(Some(head(from, 0)), held(0, head(to, 0)))));
    assert_eq!(answers, [Ok(()), Err(AdvanceError::NotAhead { stored: head(8, 0) }), Ok(())]);
}

/// A refresh keeps the head and changes the note.
#[test]
fn the_newest_note_of_a_head_is_kept() {
    let store = watched();
    let keeper = open(&store);
    let first = held(0, head(3, 0));
    let line = "\u{2014} witness.test AAAAAAE=\n";
    let second = format!("{}{line}", String::from_utf8(first.note().to_vec()).unwrap());
    let second = follower::witness::keeper::Held::parse(second).unwrap();
    keeper.advance_blocking(None, first).unwrap();
    keeper.advance_blocking(Some(head(3, 0)), second.clone()).unwrap();
    drop(keeper);
    assert_eq!(open(&store).get(&origin(0)), Some(second));
}

#[test]
fn what_was_taken_is_committed_before_the_keeper_is_gone() {
    let store = watched();
    let keeper = open(&store);
    std::thread::scope(|scope| {
        let gate = store.hold();
        let first = scope.spawn(|| wait(keeper.advance(None, held(0, head(1, 0)))));
        gate.wait();
        let rest: Vec<_> = (1..20)
            .map(|n| {
                scope.spawn({
                    let keeper = &keeper;
                    move || keeper.advance_blocking(None, held(n, head(1, 0)))
                })
            })
            .collect();
        while keeper.waiting() < 19 {
            std::thread::yield_now();
        }
        let closing = scope.spawn(|| keeper.close());
        while keeper.stopped().is_none() {
            std::thread::yield_now();
        }
        let late = keeper.advance_blocking(None, held(30, head(1, 0)));
        assert_eq!(late, Err(Refusal::Stopped("it is shutting down".into()).into()));
        assert!(!closing.is_finished(), "a commit is not done");
        drop(gate);
        first.join().unwrap().unwrap();
        rest.into_iter().for_each(|answer| answer.join().unwrap().unwrap());
    });
    drop(keeper);
    assert_eq!(open(&store).all().len(), 20);
}

/// Whoever does not wait any more has handed in all the same, and nobody is held up by that.
#[test]
fn a_client_that_goes_away_takes_nothing_back() {
    let store = std::sync::Arc::new(store::FaultyStore::new(store::MemoryStore::new()));
    store.fail_commit(0, Fault::Slow(std::time::Duration::from_millis(20)));
    let keeper = open(&store);
    {
        let mut gone = Box::pin(keeper.advance(None, held(0, head(1, 0))));
        assert!(futures::FutureExt::now_or_never(&mut gone).is_none());
    }
    keeper.advance_blocking(None, held(1, head(1, 0))).unwrap();
    assert_eq!(keeper.get(&origin(0)), Some(held(0, head(1, 0))));
}
