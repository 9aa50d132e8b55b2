//! Calls that need a yes, and have one or none.

use record::findings::Rule::{ApprovalDenied, ApprovalMissing};
use serde_json::{Value, json};

use super::super::story::{
    COMPLETED, DECIDED, OPENED, REQUESTED, Story, closed, completed, covered, decided, opened, requested,
};
use super::{COMPLETE, Golden, good, near, shows};

/// The good story with its decision taken out.
fn undecided() -> Story {
    Story::of(vec![covered(), opened(), requested("a"), completed("a"), closed()])
}

pub(super) fn approvals() -> Vec<Golden> {
    vec![
        shows(
            "a write without an approval",
            "the session wants a human's yes for each write",
            undecided(),
            COMPLETE,
            &[(3, ApprovalMissing, &[1, 2])],
        ),
        shows(
            "a write approved by a policy",
            "a rule's yes is not a human's",
            good().set(DECIDED, "/approval/mode", json!("policy")),
            COMPLETE,
            &[(4, ApprovalMissing, &[1, 2, 3])],
        ),
        shows(
            "a yes that comes after",
            "when the call ended nobody had approved it",
            Story::of(vec![covered(), opened(), requested("a"), completed("a"), decided("a", 2), closed()]),
            COMPLETE,
            &[(3, ApprovalMissing, &[1, 2])],
        ),
        shows(
            "a call that says a human approved it",
            "no policy asks for a yes, but the record claims one, and none was logged",
            undecided().set(OPENED, "/approval_policy", Value::Null).set(
                3,
                "/approval",
                json!({"mode": "human"}),
            ),
            COMPLETE,
            &[(3, ApprovalMissing, &[2])],
        ),
        near(
            ApprovalMissing,
            "a read without an approval",
            "the session wants a yes for writes alone",
            undecided().set(REQUESTED, "/action/effect", json!("read")),
            COMPLETE,
        ),
        near(
            ApprovalMissing,
            "a write that was cancelled",
            "what did not run needs no approval",
            undecided().set(3, "/outcome/status", json!("cancelled")),
            COMPLETE,
        ),
        near(
            ApprovalMissing,
            "a policy's yes where a policy is asked for",
            "the session leaves writes to a rule",
            good().set(OPENED, "/approval_policy/mode", json!("policy")).set(
                DECIDED,
                "/approval/mode",
                json!("policy"),
            ),
            COMPLETE,
        ),
        shows(
            "run against a no",
            "the last decision was no",
            good().set(DECIDED, "/approval/decision", json!("denied")),
            COMPLETE,
            &[(4, ApprovalDenied, &[1, 2, 3])],
        ),
        shows(
            "a yes taken back",
            "the later word counts",
            Story::of(vec![
                covered(),
                opened(),
                requested("a"),
                decided("a", 2),
                decided("a", 2).set("/approval/decision", json!("denied")),
                completed("a"),
                closed(),
            ]),
            COMPLETE,
            &[(5, ApprovalDenied, &[1, 2, 4])],
        ),
        near(
            ApprovalDenied,
            "a no that becomes a yes",
            "the later word counts",
            Story::of(vec![
                covered(),
                opened(),
                requested("a"),
                decided("a", 2).set("/approval/decision", json!("denied")),
                decided("a", 2),
                completed("a"),
                closed(),
            ]),
            COMPLETE,
        ),
        near(
            ApprovalDenied,
            "a no that was heeded",
            "the call did not run",
            good().set(DECIDED, "/approval/decision", json!("denied")).set(
                COMPLETED,
                "/outcome/status",
                json!("denied"),
            ),
            COMPLETE,
        ),
    ]
}
