//! Clocks, promises and losses of those who send.

use record::findings::Rule::{ClockAhead, CoverageUndeclared, GapDeclared, ReceivedLate};
use serde_json::{Value, json};

use super::super::story::{Draft, REQUESTED, Story, closed, covered, opened};
use super::{CANNOT_TELL, COMPLETE, GAPS, Golden, good, near, shows};

pub(super) fn clocks() -> Vec<Golden> {
    let arrives = |after_ms: i64| good().with(REQUESTED, |draft| draft.after_ms = after_ms);
    vec![
        shows(
            "five minutes and a millisecond late",
            "a record that is not said to be late arrives late",
            arrives(300_001),
            COMPLETE,
            &[(2, ReceivedLate, &[])],
        ),
        shows(
            "late, and said to be live",
            "the producer's word does not match the log's clock",
            arrives(3_600_000).set(REQUESTED, "/delivery", json!("live")),
            COMPLETE,
            &[(2, ReceivedLate, &[])],
        ),
        near(ReceivedLate, "five minutes late", "the limit itself is within", arrives(300_000), COMPLETE),
        near(
            ReceivedLate,
            "late, and said to be",
            "a spool that says so hides nothing",
            arrives(3_600_000).set(REQUESTED, "/delivery", json!("late")),
            COMPLETE,
        ),
        shows(
            "a clock 30 seconds and a millisecond ahead",
            "what has not happened yet cannot be recorded",
            arrives(-30_001),
            COMPLETE,
            &[(2, ClockAhead, &[])],
        ),
        shows(
            "a clock a day ahead, in a backfill",
            "an archive does not hold the future either",
            arrives(-86_400_000).set(REQUESTED, "/delivery", json!("backfill")),
            COMPLETE,
            &[(2, ClockAhead, &[])],
        ),
        near(
            ClockAhead,
            "a clock 30 seconds ahead",
            "the limit itself is within",
            arrives(-30_000),
            COMPLETE,
        ),
    ]
}

pub(super) fn producers() -> Vec<Golden> {
    let undeclared = Story::of(vec![opened(), closed()]);
    let unnamed = Story::of(vec![
        covered(),
        opened().set("/producer", Value::Null),
        closed().set("/producer", Value::Null),
    ]);
    let gap = |lost: u64| Draft::new("gap.declared", json!({"gap": {"lost": lost, "reason": "spool full"}}));
    vec![
        shows(
            "a producer that promised nothing",
            "told once",
            undeclared,
            CANNOT_TELL,
            &[(0, CoverageUndeclared, &[])],
        ),
        shows(
            "records without a producer",
            "nobody promised anything for them",
            unnamed,
            CANNOT_TELL,
            &[(1, CoverageUndeclared, &[])],
        ),
        near(
            CoverageUndeclared,
            "an approval from a producer that records nothing else",
            "only who records calls or sessions has to say what it records",
            Story::of(vec![covered(), opened(), closed(), Draft::new("policy.decided", json!({
                "policy": {"decision": "allow"}, "producer": {"id": "policy-engine"}, "session": {"id": "t"},
            }))])
            .set(3, "/session", Value::Null)
            .set(3, "/trace", json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})),
            COMPLETE,
        ),
        shows(
            "a gap within a session",
            "the producer says that it lost records of it",
            Story::of(vec![covered(), opened(), gap(14), closed()]),
            GAPS,
            &[(2, GapDeclared, &[])],
        ),
        shows(
            "a gap of none",
            "a producer that declares a gap has one, whatever its count",
            Story::of(vec![covered(), opened(), gap(0), closed()]),
            GAPS,
            &[(2, GapDeclared, &[])],
        ),
        near(
            GapDeclared,
            "a producer that says what it cannot see",
            "what was never promised is not lost",
            Story::of(vec![
                covered().set("/coverage/cannot_see", json!(["calls that a tool makes itself"])),
                opened(),
                closed(),
            ]),
            COMPLETE,
        ),
    ]
}
