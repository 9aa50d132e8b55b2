use super::*;
use crate::reply::{Cause, Reply};
use crate::testing::{at, at_moment, cosignature, head, policy, two_of_three, vkey};

fn table(policy: Policy) -> Table {
    Table::new(policy, (0..3).map(|place| vec![vkey(place)]).collect())
}

/// What a witness is asked now.
fn asks(table: &mut Table, place: usize, now: Instant) -> Request {
    match table.next(place, now) {
        Next::Ask(request) => request,
        other => panic!("witness {place} is not asked: {other:?}"),
    }
}

fn cosigns(table: &mut Table, place: usize, now: Instant) {
    let newest = asks(table, place, now).newest;
    let lines = vec![cosignature(place, &newest, 9)];
    table.heard(place, &Reply::Cosigned(lines), newest.size(), now);
}

fn fails(table: &mut Table, place: usize, cause: Cause, now: Instant) {
    let size = asks(table, place, now).task.size;
    let failed = Reply::Failed { cause, wait: None, what: String::new() };
    table.heard(place, &failed, size, now);
}

#[test]
fn a_round_is_over_with_a_quorum_at_the_deadline_or_when_it_cannot_be_met() {
    let (now, deadline) = at_moment(1_000);
    let mut asked = table(two_of_three());
    asked.offer(&head(5), now);
    assert!(!asked.settled(false, now, deadline));
    cosigns(&mut asked, 0, now);
    assert!(!asked.settled(false, now, deadline));
    assert!(asked.settled(false, deadline, deadline));
    fails(&mut asked, 1, Cause::NotEnrolled, now);
    assert!(!asked.settled(false, now, deadline), "the third may");
    fails(&mut asked, 2, Cause::TimedOut, now);
    assert!(!asked.settled(false, now, deadline), "again in 50 ms");
    fails(&mut asked, 2, Cause::KeyRefused, now + Duration::from_millis(50));
    assert!(asked.settled(false, now, deadline));
    let mut met = table(two_of_three());
    met.offer(&head(5), now);
    cosigns(&mut met, 2, now);
    cosigns(&mut met, 0, now);
    assert!(met.settled(false, now, deadline));
    met.offer(&head(5), now);
    assert!(met.settled(false, now, deadline), "nobody waits for a refresh");
    assert!(!met.settled(true, now, deadline), "but the first round of a log");
}

#[test]
fn the_witnesses_are_asked_of_what_is_new_and_of_what_is_old() {
    let (now, later) = at_moment(600_000);
    let refresh = Duration::from_mins(10);
    let mut asked = table(two_of_three());
    assert!(asked.is_due(&head(5), refresh, now));
    asked.offer(&head(5), now);
    assert!(!asked.is_due(&head(5), refresh, now));
    assert!(asked.is_due(&head(6), refresh, now));
    assert!(asked.is_due(&head(5), refresh, later));
}

#[test]
fn the_log_stops_where_there_is_no_quorum_without_those_that_are_ahead() {
    let (now, _) = at_moment(0);
    for (rest, ahead, stops) in [
        ("group g 2 w0 w1 w2\nquorum g", &[0][..], false),
        ("group g 2 w0 w1 w2\nquorum g", &[0, 2], true),
        ("group g any w0 w1 w2\nquorum g", &[0, 2], false),
        ("group g any w0 w1 w2\nquorum g", &[0, 1, 2], true),
        ("quorum w1", &[0, 2], false),
        ("quorum w1", &[1], true),
        ("quorum none", &[0, 1, 2], false),
    ] {
        let mut asked = table(policy(rest));
        asked.offer(&head(5), now);
        for place in ahead {
            asks(&mut asked, *place, now);
            asked.heard(*place, &Reply::Stored(7 + *place as u64), 6, now);
        }
        let known = 7 + *ahead.iter().max().unwrap() as u64;
        let expected = stops.then_some(Standing::WitnessesAhead { stored: 6, known });
        assert_eq!(asked.stop(), expected, "{rest}, {ahead:?}");
    }
}

#[test]
fn a_log_that_has_grown_while_a_witness_was_asked_goes_on() {
    let (now, later) = at_moment(1_000);
    let mut asked = table(two_of_three());
    asked.offer(&head(5), now);
    for place in 0..3 {
        asks(&mut asked, place, now);
        asked.heard(place, &Reply::Stored(8), 8, now);
    }
    assert_eq!((asked.stop(), asked.next(0, now)), (None, Next::Rest));
    assert!(asked.settled(false, now, later), "nobody cosigns 5 any more");
    asked.offer(&head(8), later);
    assert_eq!(asks(&mut asked, 0, later).old, 8);
}

#[test]
fn what_a_slow_witness_is_asked_is_waited_for_however_often_the_log_grows() {
    let (now, later) = at_moment(10_000);
    let mut asked = table(two_of_three());
    asked.offer(&head(1), now);
    let slow: Vec<Request> = (0..2).map(|place| asks(&mut asked, place, now)).collect();
    for size in 2..=100 {
        asked.offer(&head(size), now);
    }
    for (place, Request { newest, .. }) in slow.into_iter().enumerate() {
        let lines = vec![cosignature(place, &newest, 9)];
        asked.heard(place, &Reply::Cosigned(lines), 100, later);
    }
    assert_eq!(asked.gathered.witnessed().map(SignedCheckpoint::size), Some(1));
    assert_eq!(asks(&mut asked, 0, later).old, 1);
    asked.offer(&head(101), later);
    assert!(asked.gathered.note(1).is_none() && asked.gathered.note(100).is_some());
}

#[test]
fn cosignatures_are_as_old_as_they_are_however_many_rounds_have_seen_them() {
    let (now, later) = at_moment(60_000);
    let mut asked = table(two_of_three());
    assert_eq!(asked.cosigned_age(now), None);
    asked.offer(&head(5), now);
    cosigns(&mut asked, 0, now);
    cosigns(&mut asked, 1, now);
    asked.count(true, later);
    assert_eq!(asked.cosigned_age(later), Some(later - now));
    // Opened anew with no witness in reach.
    let published = asked.gathered.witnessed().unwrap().clone();
    let mut asked = table(two_of_three());
    asked.gathered.restore(&published, later, at(9 + 3_600));
    asked.offer(&head(5), later);
    asked.count(asked.gathered.met(), later);
    assert_eq!(asked.cosigned_age(later), Some(Duration::from_hours(1)));
    let mut nobody = table(policy("quorum none"));
    nobody.offer(&head(5), now);
    assert_eq!(nobody.cosigned_age(later), Some(Duration::ZERO));
}

#[test]
fn rounds_without_a_quorum_are_counted_until_one_has_it() {
    let (now, later) = at_moment(1_000);
    let mut asked = table(two_of_three());
    asked.count(false, now);
    asked.count(false, later);
    assert_eq!(asked.unmet, Some((now, 2)));
    asked.count(true, later);
    assert_eq!(asked.unmet, None);
}

#[test]
fn a_witness_is_asked_one_thing_at_a_time_until_the_log_is_opened_anew() {
    let (now, later) = at_moment(1_000);
    let mut asked = table(two_of_three());
    asked.offer(&head(5), now);
    asks(&mut asked, 0, now);
    asked.offer(&head(6), later);
    assert_eq!(asked.next(0, later), Next::Rest);
    assert_eq!(asked.asked(0).map(|(newest, _)| newest.size()), Some(5));
    assert_eq!(asks(&mut asked, 1, later).newest, head(6), "the others are asked");
    asked.heard(0, &Reply::Cosigned(vec![cosignature(0, &head(5), 9)]), 6, later);
    assert_eq!(asks(&mut asked, 0, later).old, 5);
    asked.restore(&head(5), later, at(9));
    assert_eq!(asked.asked(0), None);
    assert_eq!(asks(&mut asked, 0, later).newest, head(6));
}
