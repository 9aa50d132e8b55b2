use proptest::prelude::*;

use super::*;
use crate::testing::{at, at_moment, cosignature, head, policy, two_of_three, vkey};

fn names(note: &SignedCheckpoint) -> Vec<String> {
    note.signatures().iter().map(|line| line.name().to_string()).collect()
}

/// Takes in cosignatures by these witnesses at these times.
fn add(gathered: &mut Gathered, size: u64, by: &[(usize, u64)]) {
    add_at(gathered, size, by, Instant::now());
}

/// The same, at this moment.
fn add_at(gathered: &mut Gathered, size: u64, by: &[(usize, u64)], now: Instant) {
    let epoch = gathered.epoch();
    for (place, time) in by {
        gathered.add(head(size).head(), epoch, &[cosignature(*place, &head(size), *time)], now);
    }
}

/// Offers a head while witnesses are being asked to cosign every head before it.
fn offer(gathered: &mut Gathered, size: u64) {
    gathered.offer(&head(size), |_| true);
}

fn restore(note: &SignedCheckpoint, policy: Policy) -> Gathered {
    let mut gathered = Gathered::new(policy);
    gathered.restore(note, Instant::now(), at(1_000));
    gathered
}

#[test]
fn a_note_has_its_lines_in_the_order_of_the_policy_whatever_came_first() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut gathered = Gathered::new(two_of_three());
        offer(&mut gathered, 5);
        add(&mut gathered, 5, &order.map(|place| (place, 9)));
        let note = gathered.witnessed().unwrap().clone();
        assert_eq!(names(&note)[1..], ["witness-a.test", "witness-b.test", "witness-c.test"]);
        assert_eq!(gathered.note(5), Some(note), "the same bytes each time");
    }
}

#[test]
fn it_is_witnessed_from_the_quorum_on_and_late_lines_join() {
    let mut gathered = Gathered::new(two_of_three());
    offer(&mut gathered, 5);
    assert!(!gathered.met() && gathered.witnessed().is_none());
    add(&mut gathered, 5, &[(2, 9)]);
    assert!(!gathered.met());
    assert_eq!(names(&gathered.note(5).unwrap()).len(), 2, "what is there is on the note, enough or not");
    add(&mut gathered, 5, &[(0, 9)]);
    assert!(gathered.met());
    add(&mut gathered, 5, &[(1, 10)]);
    assert_eq!(names(gathered.witnessed().unwrap()).len(), 4);
    let verified = two_of_three().verify(gathered.witnessed().unwrap().bytes().clone()).unwrap();
    assert_eq!(verified.witnesses().len(), 3);
}

#[test]
fn a_refresh_replaces_lines_and_takes_none_away() {
    let mut gathered = Gathered::new(two_of_three());
    offer(&mut gathered, 5);
    add(&mut gathered, 5, &[(0, 9), (1, 9)]);
    assert!(gathered.met_anew(|_| false));
    offer(&mut gathered, 5);
    assert!(gathered.met() && !gathered.met_anew(|_| false), "old lines count, and are not new");
    add(&mut gathered, 5, &[(1, 20), (2, 20)]);
    assert!(gathered.met_anew(|_| false));
    let times = |gathered: &Gathered| -> Vec<u64> {
        let verified = two_of_three().verify(gathered.witnessed().unwrap().bytes().clone()).unwrap();
        verified.witnesses().iter().map(|witness| witness.time().seconds()).collect()
    };
    assert_eq!(times(&gathered), [9, 20, 20]);
    add(&mut gathered, 5, &[(1, 15)]);
    assert_eq!(times(&gathered), [9, 20, 20], "an older line does not replace a newer one");
    // A witness whose clock was set back has answered all the same.
    offer(&mut gathered, 5);
    add(&mut gathered, 5, &[(1, 15), (2, 15)]);
    assert!(gathered.met_anew(|_| false));
    assert_eq!(times(&gathered), [9, 20, 20]);
}

#[test]
fn as_old_as_the_youngest_that_are_enough() {
    let (start, later) = at_moment(60_000);
    let latest = later + Duration::from_mins(1);
    let mut gathered = Gathered::new(two_of_three());
    offer(&mut gathered, 5);
    add_at(&mut gathered, 5, &[(0, 9)], start);
    assert_eq!(gathered.enough_since(), None);
    add_at(&mut gathered, 5, &[(1, 9)], later);
    assert_eq!(gathered.enough_since(), Some(start));
    add_at(&mut gathered, 5, &[(2, 10)], latest);
    assert_eq!(gathered.enough_since(), Some(later), "the oldest of three is not needed");
    add_at(&mut gathered, 5, &[(1, 8)], latest);
    assert_eq!(gathered.enough_since(), Some(later), "a clock that was set back makes nothing younger");
    add_at(&mut gathered, 5, &[(1, 9)], latest);
    assert_eq!(gathered.enough_since(), Some(latest));
    // After a restart the witnesses' own times are what is known.
    let published = gathered.witnessed().unwrap().clone();
    let mut gathered = Gathered::new(two_of_three());
    gathered.restore(&published, latest, at(39));
    assert_eq!(gathered.enough_since(), latest.checked_sub(Duration::from_secs(30)));
    let mut none = Gathered::new(policy("quorum none"));
    offer(&mut none, 5);
    assert_eq!(none.enough_since(), None);
}

/// A log may grow many times while one request is under way.
#[test]
fn a_head_is_kept_while_somebody_is_asked_for_it_and_no_longer() {
    let mut gathered = Gathered::new(two_of_three());
    for size in 1..=100 {
        gathered.offer(&head(size), |asked| [3, 7, 50].contains(&asked));
        let kept: Vec<u64> = (0..=size).filter(|size| gathered.note(*size).is_some()).collect();
        let expected = (1..=size).filter(|at| [3, 7, 50].contains(at) || *at == size);
        assert_eq!(kept, expected.collect::<Vec<_>>());
    }
    add(&mut gathered, 7, &[(0, 9), (1, 9)]);
    assert_eq!(gathered.witnessed().map(SignedCheckpoint::size), Some(7));
    gathered.offer(&head(101), |asked| [3, 50].contains(&asked));
    assert!(gathered.note(3).is_none(), "it is overtaken by one that is witnessed");
    assert!(gathered.note(50).is_some());
}

#[test]
fn a_head_that_was_overtaken_is_witnessed_late() {
    let mut gathered = Gathered::new(two_of_three());
    offer(&mut gathered, 5);
    add(&mut gathered, 5, &[(0, 9)]);
    offer(&mut gathered, 6);
    add(&mut gathered, 6, &[(0, 9)]);
    assert!(gathered.witnessed().is_none());
    add(&mut gathered, 5, &[(1, 9)]);
    assert_eq!(gathered.witnessed().map(SignedCheckpoint::size), Some(5));
    assert!(!gathered.met());
    add(&mut gathered, 6, &[(2, 9)]);
    assert_eq!(gathered.witnessed().map(SignedCheckpoint::size), Some(6));
    add(&mut gathered, 5, &[(2, 9)]);
    assert_eq!(gathered.witnessed().map(SignedCheckpoint::size), Some(6), "and nothing takes it back");
}

#[test]
fn what_is_of_no_head_or_by_nobody_of_the_policy_is_dropped() {
    let mut gathered = Gathered::new(policy("quorum w0"));
    offer(&mut gathered, 5);
    let other_root = Head { size: 5, root: tlog::Hash::EMPTY };
    gathered.add(other_root, 1, &[cosignature(0, &head(5), 9)], Instant::now());
    gathered.add(head(6).head(), 1, &[cosignature(0, &head(6), 9)], Instant::now());
    assert!(!gathered.met() && gathered.note(6).is_none());
    let stranger = Policy::parse(
        format!("log {}\nwitness x {}\nquorum x\n", crate::testing::signer().verifier_key(), vkey(2))
            .as_bytes(),
    );
    let mut others = Gathered::new(stranger.unwrap());
    offer(&mut others, 5);
    add(&mut others, 5, &[(0, 9), (1, 9)]);
    assert_eq!(names(&others.note(5).unwrap()).len(), 1);
}

#[test]
fn with_a_quorum_of_nobody_every_head_is_witnessed_and_lines_are_welcome() {
    let mut gathered = Gathered::new(policy("quorum none"));
    offer(&mut gathered, 5);
    assert!(gathered.met());
    add(&mut gathered, 5, &[(1, 9)]);
    assert_eq!(names(gathered.witnessed().unwrap()).len(), 2);
}

#[test]
fn what_was_published_before_counts_as_it_did() {
    let mut before = Gathered::new(two_of_three());
    offer(&mut before, 5);
    add(&mut before, 5, &[(0, 9), (2, 9)]);
    let published = before.witnessed().unwrap().clone();

    let mut gathered = restore(&published, two_of_three());
    assert_eq!(gathered.witnessed(), Some(&published), "byte for byte");
    assert_eq!((gathered.cosigned_by(&vkey(0)), gathered.cosigned_by(&vkey(1))), (Some(5), None));
    offer(&mut gathered, 5);
    assert_eq!(gathered.note(5), Some(published.clone()), "never with less");
    assert!(gathered.met() && !gathered.met_anew(|_| false));

    // A line that does not hold is not taken for one that does.
    let bent = cosignature(1, &head(6), 9).line().clone();
    let spoilt = published.with_signatures([bent]).unwrap();
    let gathered = restore(&spoilt, two_of_three());
    assert_eq!(gathered.witnessed(), Some(&published));
    // Under another policy the same lines are not enough.
    assert!(restore(&published, policy("quorum w1")).witnessed().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// In whatever order heads and cosignatures come: what is called witnessed satisfies the policy, never shrinks, and is
    /// the newest head that does.
    #[test]
    fn what_is_witnessed_satisfies_the_policy_and_never_shrinks(
        steps in proptest::collection::vec((0_u64..3, 0_usize..3, 0_u64..6), 1..40),
    ) {
        let mut gathered = Gathered::new(two_of_three());
        let (mut size, mut enough, mut before) = (1, std::collections::BTreeMap::<u64, [bool; 3]>::new(), 0);
        offer(&mut gathered, size);
        for (time, (grow, place, back)) in (1..).zip(steps) {
            if grow > 0 {
                size += grow;
                offer(&mut gathered, size);
            }
            let of = size.saturating_sub(back).max(1);
            let known = gathered.note(of).is_some();
            add(&mut gathered, of, &[(place, time)]);
            if known {
                enough.entry(of).or_default()[place] = true;
            }
            let newest = enough.iter().rev().find(|(_, by)| by.iter().filter(|by| **by).count() >= 2);
            let witnessed = gathered.witnessed().map_or(0, SignedCheckpoint::size);
            prop_assert!(witnessed >= before);
            prop_assert_eq!(witnessed, newest.map_or(0, |(size, _)| *size));
            if let Some(note) = gathered.witnessed() {
                prop_assert!(two_of_three().verify(note.bytes().clone()).is_ok());
            }
            before = witnessed;
        }
    }
}
