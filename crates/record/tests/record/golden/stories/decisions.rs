//! A yes that was there, and what it was good for.

use record::findings::Rule::{
    ApprovalExpired, ApprovalMismatch, ApprovalMissing, ApprovalReused, ApprovalSelf, ExecutedDiffers,
};
use serde_json::{Value, json};

use super::super::story::{
    AGENT, CLOSED, COMPLETED, DECIDED, Draft, PLANNER, REQUESTED, Story, closed, completed, covered, decided,
    id, opened, requested, sd,
};
use super::{COMPLETE, Golden, good, near, shows};

pub(super) fn decisions() -> Vec<Golden> {
    let two_calls = |second: Draft| {
        Story::of(vec![
            covered(),
            opened(),
            requested("a"),
            requested("b"),
            decided("a", 2),
            completed("a"),
            second,
            closed(),
        ])
    };
    let by_ref = |at: usize| completed("b").set("/approval", json!({"mode": "human", "ref": id(at)}));
    vec![
        shows(
            "run after the approval had expired",
            "it ended a millisecond before the call",
            good().set(DECIDED, "/approval/expires", json!("2026-11-23T08:14:03.999Z")),
            COMPLETE,
            &[(4, ApprovalExpired, &[1, 2, 3])],
        ),
        shows(
            "an approval that had expired before it was given",
            "the same, whatever the order of its times",
            good().set(DECIDED, "/approval/expires", json!("2026-11-23T08:00:00.000Z")),
            COMPLETE,
            &[(4, ApprovalExpired, &[1, 2, 3])],
        ),
        near(
            ApprovalExpired,
            "begun before the approval expired",
            "the call took 800 ms and began in time",
            good().set(DECIDED, "/approval/expires", json!("2026-11-23T08:14:03.200Z")).set(
                COMPLETED,
                "/outcome/ms",
                json!(800),
            ),
            COMPLETE,
        ),
        shows(
            "an approval of another input",
            "the yes was to other bytes",
            good().set(DECIDED, "/approval/binds/sd", json!(sd("b"))),
            COMPLETE,
            &[(4, ApprovalMismatch, &[1, 2, 3])],
        ),
        shows(
            "an approval that binds no input",
            "a yes to a call whose input is not named is a yes to anything",
            good().set(DECIDED, "/approval/binds/sd", Value::Null),
            COMPLETE,
            &[(4, ApprovalMismatch, &[1, 2, 3])],
        ),
        shows(
            "an approval that names the call and binds another record",
            "the name is not enough: what it binds was never requested",
            good().set(DECIDED, "/approval/binds/record", json!(id(99))),
            COMPLETE,
            &[(4, ApprovalMismatch, &[1, 2, 3])],
        ),
        shows(
            "an approval that binds nothing",
            "it names the call and no record",
            good().set(DECIDED, "/approval/binds", Value::Null),
            COMPLETE,
            &[(4, ApprovalMismatch, &[1, 2, 3])],
        ),
        shows(
            "another input ran than was approved",
            "request and approval agree, the execution does not",
            good().set(COMPLETED, "/executed", json!({"sd": sd("z")})),
            COMPLETE,
            &[(4, ExecutedDiffers, &[2]), (4, ApprovalMismatch, &[1, 2, 3])],
        ),
        near(
            ApprovalMismatch,
            "a request without input",
            "there is no input to bind",
            good().set(REQUESTED, "/input", Value::Null).set(DECIDED, "/approval/binds/sd", Value::Null),
            COMPLETE,
        ),
        near(
            ApprovalMismatch,
            "an approval over a connection of its own",
            "it names neither session nor call; what it binds says where it belongs",
            good()
                .set(DECIDED, "/action", Value::Null)
                .set(DECIDED, "/session", Value::Null)
                .set(
                    DECIDED,
                    "/trace",
                    json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}),
                )
                .set(DECIDED, "/producer", json!({"id": "approver-ui"}))
                .set(COMPLETED, "/session/seq", json!(3))
                .set(COMPLETED, "/producer/seq", json!(4))
                .set(CLOSED, "/session/seq", json!(4))
                .set(CLOSED, "/producer/seq", json!(5))
                .set(CLOSED, "/closed/records", json!(3)),
            COMPLETE,
        ),
        shows(
            "one approval for two calls",
            "it was good for one, and spent on it",
            two_calls(by_ref(4)),
            COMPLETE,
            &[(6, ApprovalReused, &[1, 3, 4])],
        ),
        shows(
            "one approval for a call that ran twice",
            "the second run has no approval of its own",
            Story::of(vec![
                covered(),
                opened(),
                requested("a"),
                decided("a", 2),
                completed("a"),
                completed("a"),
                closed(),
            ]),
            COMPLETE,
            &[(5, ApprovalReused, &[1, 2, 3])],
        ),
        near(
            ApprovalReused,
            "an approval that is good for two runs",
            "it says so",
            Story::of(vec![
                covered(),
                opened(),
                requested("a"),
                decided("a", 2).set("/approval/max_uses", json!(2)),
                completed("a"),
                completed("a"),
                closed(),
            ]),
            COMPLETE,
        ),
        shows(
            "an approval of another call, not used there",
            "the outcome names a yes that was to something else",
            Story::of(vec![
                covered(),
                opened(),
                requested("a"),
                requested("b"),
                decided("a", 2),
                by_ref(4),
                completed("a"),
                closed(),
            ]),
            COMPLETE,
            &[(5, ApprovalMismatch, &[1, 3, 4])],
        ),
        shows(
            "an agent that approves itself",
            "the yes counts for nothing, so the call ran without one",
            good().set(DECIDED, "/approval/approver/sub", json!(AGENT)),
            COMPLETE,
            &[(3, ApprovalSelf, &[2]), (4, ApprovalMissing, &[1, 2, 3])],
        ),
        shows(
            "an agent that approves for the one it sent",
            "the planner is in the chain of actors",
            good().set(REQUESTED, "/act", json!({"sub": AGENT, "act": {"sub": PLANNER}})).set(
                DECIDED,
                "/approval/approver/sub",
                json!(PLANNER),
            ),
            COMPLETE,
            &[(3, ApprovalSelf, &[2]), (4, ApprovalMissing, &[1, 2, 3])],
        ),
        near(
            ApprovalSelf,
            "an agent that says no to itself",
            "holding back needs nobody's leave",
            good()
                .set(DECIDED, "/approval/approver/sub", json!(AGENT))
                .set(DECIDED, "/approval/decision", json!("denied"))
                .set(COMPLETED, "/outcome/status", json!("denied")),
            COMPLETE,
        ),
    ]
}
