//! Numbers that are missing, and numbers that two records have.

use record::findings::Rule::{SequenceFork, SequenceGap};
use serde_json::{Value, json};

use super::super::story::{CLOSED, COMPLETED, DECIDED, Draft, Story, closed, covered, opened};
use super::{COMPLETE, GAPS, Golden, good, near, shows};

/// A long run of one producer outside of any session, without the record at `left_out`.
fn strand(count: u64, left_out: &[u64]) -> Story {
    let own = |seq: u64| {
        Draft::new("x-beat", json!({})).set("/session", Value::Null).set("/producer/seq", json!(seq))
    };
    Story::of((1..=count).filter(|seq| !left_out.contains(seq)).map(own).collect())
}

pub(super) fn sequences() -> Vec<Golden> {
    let middle = |seq: u64| good().set(COMPLETED, "/session/seq", json!(seq));
    vec![
        shows(
            "a record missing in a session",
            "its closing record is number 6, and 5 never came",
            good().set(CLOSED, "/session/seq", json!(6)).set(CLOSED, "/closed/records", json!(4)),
            GAPS,
            &[(5, SequenceGap, &[])],
        ),
        shows(
            "the first records missing",
            "the session begins at number 3",
            Story::of(vec![
                covered(),
                opened().set("/session/seq", json!(3)),
                closed().set("/session/seq", json!(4)).set("/closed/records", json!(1)),
            ]),
            GAPS,
            &[(2, SequenceGap, &[])],
        ),
        near(
            SequenceGap,
            "out of order",
            "all numbers are there in the end",
            good().set(DECIDED, "/session/seq", json!(4)).set(COMPLETED, "/session/seq", json!(3)),
            COMPLETE,
        ),
        shows(
            "a record of a producer missing for long",
            "64 further records came, and number 3 did not",
            strand(68, &[3]),
            "",
            &[(66, SequenceGap, &[])],
        ),
        near(
            SequenceGap,
            "a record of a producer missing for a while",
            "it may still be on its way",
            strand(67, &[3]),
            "",
        ),
        shows(
            "two records in one place",
            "the log holds both, and nobody has the place after them",
            middle(3),
            GAPS,
            &[(4, SequenceFork, &[3]), (5, SequenceGap, &[])],
        ),
        shows(
            "a producer that counts twice",
            "two records have its number 3",
            Story::of(vec![covered(), opened(), closed().set("/producer/seq", json!(2))]),
            GAPS,
            &[(2, SequenceFork, &[1])],
        ),
        near(
            SequenceFork,
            "two producers with equal numbers",
            "each counts its own records",
            Story::of(vec![
                covered(),
                covered().set("/producer", json!({"id": "other", "seq": 1})),
                opened(),
                Draft::new(
                    "policy.decided",
                    json!({
                        "policy": {"decision": "allow"}, "producer": {"id": "other", "seq": 2},
                        "session": {"id": "s", "seq": 1},
                    }),
                ),
                closed().set("/session/seq", json!(2)).set("/closed/records", json!(1)),
            ]),
            COMPLETE,
        ),
    ]
}
