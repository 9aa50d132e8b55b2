//! Nothing is shown, and nobody is answered, before the commit has returned.

use std::time::Duration;

use follower::witness::keeper::{AdvanceError, Kept};

use crate::setup::{found, head, held, open, origin, watched};

/// The store has written everything already; the keeper has not been told.
#[test]
fn what_a_commit_has_not_returned_for_is_not_there() {
    let store = watched();
    let keeper = open(&store);
    let (old, new) = (held(0, head(1, 0)), held(0, head(2, 0)));
    keeper.advance_blocking(None, old.clone()).unwrap();
    std::thread::scope(|scope| {
        let gate = store.hold();
        let moving = scope.spawn(|| keeper.advance_blocking(Some(old.head()), new.clone()));
        gate.wait();
        let text = "a fork".to_owned();
        let found = scope.spawn(|| keeper.contradicts_blocking(found(0, 1), text));
        let raced = scope.spawn(|| keeper.advance_blocking(Some(old.head()), new.clone()));
        while keeper.waiting() < 2 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(keeper.get(&origin(0)), Some(old.clone()));
        assert_eq!(keeper.all(), [(origin(0), old.head())]);
        assert_eq!(keeper.contradictions(), []);
        // Whoever loses must not be told of a head that is not durable either.
        assert!(!moving.is_finished() && !found.is_finished() && !raced.is_finished());
        drop(gate);
        assert_eq!(moving.join().unwrap(), Ok(()));
        assert_eq!(found.join().unwrap(), Ok(Kept::New));
        assert_eq!(raced.join().unwrap(), Err(AdvanceError::Raced { stored: Some(new.head()) }));
    });
    assert_eq!(keeper.get(&origin(0)), Some(new));
    assert_eq!(keeper.contradictions().len(), 1);
}

/// A loser within the batch of the winner waits for the same commit.
#[test]
fn who_loses_within_a_batch_is_answered_after_it() {
    let store = watched();
    let keeper = open(&store);
    std::thread::scope(|scope| {
        let gate = store.hold();
        let first = scope.spawn(|| keeper.advance_blocking(None, held(9, head(1, 0))));
        gate.wait();
        let both = [0, 1].map(|branch| {
            let keeper = &keeper;
            scope.spawn(move || keeper.advance_blocking(None, held(0, head(1, branch))))
        });
        while keeper.waiting() < 2 {
            std::thread::yield_now();
        }
        assert_eq!(keeper.get(&origin(0)), None);
        drop(gate);
        first.join().unwrap().unwrap();
        let answers = both.map(|each| each.join().unwrap());
        let stored = keeper.get(&origin(0)).map(|held| held.head());
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(answers.contains(&Err(AdvanceError::Raced { stored })), "{answers:?}");
    });
}
