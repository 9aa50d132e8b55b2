//! What a list names, what it does not name, and what stands in the log more than once.

use super::*;
use record::{Submission, Vouched};

const TIME: &str = "2026-11-24T08:00:00.000Z";

/// A record of a run in the envelope of a log that received it just now.
fn entry(run: u64, number: u64) -> (u128, Vec<u8>) {
    let maker = RecordMaker::new(run, TIME);
    let id = maker.id(number, 1_795_420_800_000);
    let mut text = vec![];
    maker.record(id, &mut text);
    let vouched = Vouched::asserted(TIME, "open", [number as u8; 16]);
    let sealed = record::seal(&Submission::parse(&text).unwrap(), None, &vouched).unwrap();
    (u128::from_be_bytes(id.to_bytes()), sealed.bytes().to_vec())
}

/// The log holds these records, by run and number; the list names these indexes. What is found to be wrong.
fn watched(log: &[(u64, u64)], named: &[u64]) -> Checked {
    let named: Vec<_> = named.iter().map(|index| (*index, *index)).collect();
    told(log, &named)
}

/// The same, where the list says of the record at one index that it is at another.
fn told(log: &[(u64, u64)], named: &[(u64, u64)]) -> Checked {
    let entries: Vec<_> = log.iter().map(|(run, number)| entry(*run, *number)).collect();
    let ack = |(index, told): &(u64, u64)| {
        let (id, entry) = &entries[*index as usize];
        Ack { index: *told, leaf: Hash::leaf(entry), id: *id }
    };
    let payload = Payload::Records { run: 7, time: TIME.to_owned() };
    let mut acks: Vec<_> = named.iter().map(ack).collect();
    acks.sort_unstable();
    let watch = Watch::new(AckList { payload, acks });
    for (index, (_, entry)) in (0..).zip(&entries) {
        watch.entry(index, entry, Hash::leaf(entry));
    }
    let mut checked = Checked {
        acknowledged: named.len() as u64,
        kept: 0,
        proofs: 0,
        size: log.len() as u64,
        root: String::new(),
        broken: vec![],
        broken_total: 0,
    };
    watch.report(&mut checked);
    checked
}

#[test]
fn a_record_whose_answer_was_lost_is_nobodys_promise_while_it_stands_once() {
    let checked = watched(&[(7, 0), (7, 1), (8, 1), (7, 2)], &[0, 3]);
    assert!(checked.holds(), "{:?}", checked.broken);
    assert_eq!(checked.kept, 2);
}

#[test]
fn a_record_that_stands_twice_is_told_with_its_indexes() {
    for (case, log, named, indexes) in [
        ("lost, then acknowledged", &[(7, 5), (7, 1), (7, 5)][..], &[1, 2][..], "[0, 2]"),
        ("acknowledged at both", &[(7, 5), (7, 5)], &[0, 1], "[0, 1]"),
        ("lost twice", &[(7, 1), (7, 5), (7, 5)], &[0], "[1, 2]"),
        ("three times", &[(7, 5), (7, 5), (7, 5)], &[0], "[0, 1, 2]"),
    ] {
        let checked = watched(log, named);
        assert_eq!(checked.broken_total, 1, "{case}: {:?}", checked.broken);
        assert!(
            checked.broken[0].ends_with(&format!("more than once, at {indexes}")),
            "{:?}",
            checked.broken
        );
    }
}

#[test]
fn the_same_id_in_another_run_is_another_record() {
    assert!(watched(&[(7, 5), (7 + (1 << 22), 5), (7 + (1 << 22), 5)], &[0]).holds());
}

/// What the list says wrongly is told as that alone: what counts is where the records stand.
#[test]
fn a_line_that_is_not_true_makes_no_record_stand_twice() {
    let log = [(7, 0), (7, 1), (7, 2)];
    for (named, broken) in [(&[(0, 1), (1, 1)][..], 1), (&[(0, 9), (0, 0)], 0)] {
        let checked = told(&log, named);
        assert_eq!(checked.broken_total, broken, "{:?}", checked.broken);
        assert!(!checked.broken.iter().any(|words| words.contains("more than once")), "{:?}", checked.broken);
    }
}
