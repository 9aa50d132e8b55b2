//! The pool against a plain queue.

use std::collections::VecDeque;

use proptest::{collection::vec, prelude::*};

use super::*;

fn group(entries: usize, bytes: usize) -> Vec<Submission> {
    let entry = Entry::new(vec![0; bytes].into()).unwrap();
    vec![Submission::new(entry, None); entries]
}

fn pool() -> Pool {
    Pool::new(Limits {
        pool_entries_max: 10,
        pool_bytes_max: 1000,
        batch_entries_max: 4,
        batch_bytes_max: 500,
    })
}

fn widths(taken: &[Group]) -> Vec<usize> {
    taken.iter().map(|group| group.submissions.len()).collect()
}

#[test]
fn a_full_pool_refuses_by_count_and_by_bytes() {
    let pool = pool();
    let _kept: Vec<_> = (0..10).map(|_| pool.put(group(1, 1)).unwrap()).collect();
    assert_eq!(pool.put(group(1, 1)).err(), Some(Refusal::PoolFull { waiting: 10 }));
    assert_eq!(pool.take().unwrap().len(), 4);
    let _more = pool.put(group(1, 900)).unwrap();
    assert_eq!(pool.put(group(1, 100)).err(), Some(Refusal::PoolFull { waiting: 7 }), "994 bytes wait");
}

#[test]
fn commits_are_bounded_and_groups_are_never_cut() {
    let pool = pool();
    let _kept: Vec<_> = [3, 1, 1, 5].map(|n| pool.put(group(n, 1)).unwrap()).into();
    assert_eq!(widths(&pool.take().unwrap()), [3, 1]);
    assert_eq!(widths(&pool.take().unwrap()), [1], "5 more would be over 4");
    assert_eq!(widths(&pool.take().unwrap()), [5], "a group over the bound is a commit of its own");
    assert_eq!(pool.waiting(), 0);
}

#[test]
fn an_empty_pool_takes_even_a_group_over_its_bound() {
    let pool = pool();
    assert!(pool.put(group(11, 1)).is_ok(), "else it could never be logged");
}

#[test]
fn a_closed_pool_is_drained_and_takes_nothing_more() {
    let pool = pool();
    let _kept = pool.put(group(1, 1)).unwrap();
    pool.close("going down");
    assert_eq!(pool.put(group(1, 1)).err(), Some(Refusal::NotWriting("going down".into())));
    assert_eq!(pool.take().unwrap().len(), 1);
    assert!(pool.take().is_none());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Put { entries: usize, bytes: usize },
    Take,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..7_usize, 0..300_usize).prop_map(|(entries, bytes)| Step::Put { entries, bytes }),
        3 => Just(Step::Take),
        1 => Just(Step::Close),
    ]
}

proptest! {
    /// Nothing is lost, doubled or reordered; a refusal says why; neither the pool nor a commit is over its bound
    /// unless by one group that could never pass otherwise.
    #[test]
    fn behaves_as_a_bounded_queue(steps in vec(step(), 0..60)) {
        let (pool, mut kept, mut closed) = (pool(), vec![], false);
        let mut waiting: VecDeque<(usize, usize)> = VecDeque::new();
        for step in steps {
            let entries_waiting = waiting.iter().map(|group| group.0).sum::<usize>();
            let bytes_waiting = waiting.iter().map(|group| group.1).sum::<usize>();
            match step {
                Step::Put { entries, bytes } => {
                    let all_bytes = entries * bytes;
                    let over = entries_waiting + entries > 10 || bytes_waiting + all_bytes > 1000;
                    match pool.put(group(entries, bytes)) {
                        Ok(reply) => {
                            prop_assert!(!closed && (!over || entries_waiting == 0));
                            kept.push(reply);
                            waiting.push_back((entries, all_bytes));
                        }
                        Err(Refusal::PoolFull { waiting }) => {
                            prop_assert!(!closed && over && waiting == entries_waiting && waiting > 0);
                        }
                        Err(other) => prop_assert!(closed && matches!(other, Refusal::NotWriting(_))),
                    }
                }
                Step::Take if waiting.is_empty() && !closed => {}
                Step::Take => {
                    let taken: Vec<_> = pool.take().unwrap_or_default();
                    prop_assert_eq!(taken.is_empty(), waiting.is_empty());
                    let sizes: Vec<_> = taken.iter().map(|g| (g.submissions.len(), g.bytes())).collect();
                    let first: Vec<_> = waiting.drain(..sizes.len()).collect();
                    prop_assert_eq!(&sizes, &first, "in the order they came");
                    let within = |sizes: &[(usize, usize)]| {
                        let entries = sizes.iter().map(|size| size.0).sum::<usize>();
                        entries <= 4 && sizes.iter().map(|size| size.1).sum::<usize>() <= 500
                    };
                    prop_assert!(sizes.len() <= 1 || within(&sizes));
                    let more: Vec<_> = sizes.iter().chain(waiting.front()).copied().collect();
                    prop_assert!(waiting.is_empty() || !within(&more), "no more would have fitted");
                }
                Step::Close => {
                    pool.close("closed");
                    closed = true;
                }
            }
            prop_assert_eq!(pool.waiting(), waiting.iter().map(|group| group.0).sum::<usize>());
        }
    }
}
