//! What shows that a log contradicts itself.

use std::sync::Arc;

use follower::witness::keeper::{CONTRADICTION_LEN_MAX, CONTRADICTIONS_MAX, ContradictsError, Kept};
use tempfile::TempDir;

use crate::setup::{Watched, found, head, held, open, sled, together, watched};

#[test]
fn the_first_of_each_log_are_kept_as_they_were() {
    let dir = TempDir::new().unwrap();
    let store = Watched::new(sled(&dir));
    let keeper = open(&store);
    let max = CONTRADICTIONS_MAX as u8;
    let text = |n: u8| format!("contradiction {n}");
    let first = together((0..max - 1).map(|n| keeper.contradicts(found(0, n), text(n))));
    assert!(first.iter().all(|kept| *kept == Ok(Kept::New)), "{first:?}");
    assert_eq!(keeper.contradicts_blocking(found(0, 3), "other words".into()), Ok(Kept::There));
    // The bound holds within one commit, and one log's does not touch another's.
    let last = std::thread::scope(|scope| {
        let keeper = &keeper;
        let gate = store.hold();
        let first = scope.spawn(|| keeper.contradicts_blocking(found(1, 200), text(200)));
        gate.wait();
        let last = [max - 1, max - 1, max, max + 1];
        let last = scope.spawn(move || together(last.map(|n| keeper.contradicts(found(0, n), text(n)))));
        while keeper.waiting() < 4 {
            std::thread::yield_now();
        }
        drop(gate);
        assert_eq!(first.join().unwrap(), Ok(Kept::New));
        last.join().unwrap()
    });
    assert_eq!(last, [Kept::New, Kept::There, Kept::Full, Kept::Full].map(Ok));
    assert_eq!(keeper.contradicts_blocking(found(0, 3), text(3)), Ok(Kept::There), "though it is full");

    let ids = keeper.contradictions();
    drop((keeper, store));
    let again = open(&Arc::new(sled(&dir)));
    assert_eq!(again.contradictions(), ids);
    assert_eq!(ids.len(), CONTRADICTIONS_MAX + 1);
    for n in 0..max {
        assert!(ids.contains(&found(0, n)));
        assert_eq!(again.contradiction(&found(0, n)).unwrap(), Some(text(n)));
    }
    assert_eq!(again.contradicts_blocking(found(0, 99), text(99)), Ok(Kept::Full), "after a restart too");
    assert_eq!(again.contradiction(&found(0, 99)).unwrap(), None);
    assert_eq!(again.all(), [], "evidence is no answer");
}

#[test]
fn the_longest_text_passes_and_one_byte_more_does_not() {
    let keeper = open(&watched());
    let text = "x".repeat(CONTRADICTION_LEN_MAX);
    assert_eq!(keeper.contradicts_blocking(found(0, 0), text.clone()), Ok(Kept::New));
    let long = keeper.contradicts_blocking(found(0, 1), format!("{text}x"));
    assert_eq!(long, Err(ContradictsError::TooLong { have: CONTRADICTION_LEN_MAX + 1 }));
}

/// A move and what contradicts it, handed in together, share a commit.
#[test]
fn evidence_and_moves_share_commits() {
    let store = watched();
    let keeper = open(&store);
    let (moved, kept) = futures::executor::block_on(futures::future::join(
        keeper.advance(None, held(0, head(1, 0))),
        keeper.contradicts(found(0, 0), "a fork".into()),
    ));
    assert_eq!((moved, kept), (Ok(()), Ok(Kept::New)));
    assert!(store.commits() <= 2);
    drop(keeper);
    let again = open(&store);
    assert_eq!((again.all().len(), again.contradictions().len()), (1, 1));
}
