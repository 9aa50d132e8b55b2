//! What waits is bounded; what is over it is refused, and nothing of what was taken is lost.

use follower::witness::keeper::{AdvanceError, Keeper, Limits, Refusal};

use crate::setup::{head, held, origin, watched};

fn limits() -> Limits {
    Limits { waiting_max: 5, waiting_bytes_max: 1 << 20, batch_max: 2, batch_bytes_max: 1 << 20 }
}

/// Holds a commit, fills the queue behind it, and tells how many were taken, how many refused and how many commits it took.
fn fill(limits: Limits, requests: u64) -> (usize, Vec<usize>, u64) {
    let store = watched();
    let keeper = Keeper::open(store.clone(), limits).unwrap();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let gate = store.hold();
        let first = scope.spawn(|| keeper.advance_blocking(None, held(99, head(1, 0))));
        gate.wait();
        let (mut taken, mut answers) = (0, vec![]);
        for n in 0..requests {
            let keeper = &keeper;
            let next = scope.spawn(move || keeper.advance_blocking(None, held(n, head(1, 0))));
            // Either it waits or it is refused.
            while keeper.waiting() == taken && !next.is_finished() {
                std::thread::yield_now();
            }
            taken = keeper.waiting();
            answers.push(next);
        }
        drop(gate);
        first.join().unwrap().unwrap();
        answers.into_iter().map(|answer| answer.join().unwrap()).collect()
    });
    for (n, answer) in (0..).zip(&answers) {
        assert_eq!(keeper.get(&origin(n)).is_some(), answer.is_ok(), "kept if and only if it was said");
    }
    assert_eq!(keeper.waiting(), 0);
    let refused = answers.iter().filter_map(|answer| match answer {
        Err(AdvanceError::Refused(Refusal::Busy { waiting })) => Some(*waiting),
        _ => None,
    });
    (answers.iter().filter(|answer| answer.is_ok()).count(), refused.collect(), store.commits() - 1)
}

#[test]
fn a_full_queue_refuses_by_count() {
    assert_eq!(fill(limits(), 8), (5, vec![5, 5, 5], 3), "5 wait, in commits of 2");
}

#[test]
fn a_full_queue_refuses_by_bytes() {
    let one = held(0, head(1, 0)).note().len();
    let (taken, refused, _) = fill(Limits { waiting_bytes_max: one * 4, ..limits() }, 5);
    assert!((1..4).contains(&taken) && taken + refused.len() == 5, "{taken} taken, {refused:?}");
    let (taken, refused, _) = fill(Limits { waiting_bytes_max: 1, ..limits() }, 3);
    assert_eq!((taken, refused), (1, vec![1, 1]), "an empty queue takes any one, or it could never pass");
}

#[test]
fn a_commit_is_bounded_by_bytes() {
    assert_eq!(fill(Limits { batch_bytes_max: 1, ..limits() }, 4), (4, vec![], 4), "each for itself");
}
