//! What an actor holds, hands on and uses.

use record::findings::Rule::{OutOfScope, ScopeWidened};
use serde_json::{Value, json};

use super::super::story::{
    AGENT, Draft, OPENED, PLANNER, Story, closed, completed, covered, opened, requested,
};
use super::{COMPLETE, Golden, near, shows};

fn delegation(from: &str, to: &str, scope: &str) -> Draft {
    Draft::new(
        "delegation.granted",
        json!({"delegation": {"from": {"sub": from}, "to": {"sub": to}, "scope": scope}}),
    )
}

pub(super) fn scopes() -> Vec<Golden> {
    let read = |requires: &str| {
        requested("a").set("/action/effect", json!("read")).set("/action/requires", json!(requires))
    };
    let handed = |hops: Vec<Draft>, requires: &str| {
        Story::of([vec![covered(), opened()], hops, vec![read(requires), completed("a"), closed()]].concat())
    };
    let revoked = Draft::new(
        "delegation.revoked",
        json!({"delegation": {"from": {"sub": PLANNER}, "to": {"sub": AGENT}}}),
    );
    vec![
        shows(
            "a call beyond the session's scope",
            "nobody handed it crm:delete",
            handed(vec![], "crm:delete"),
            COMPLETE,
            &[(2, OutOfScope, &[1])],
        ),
        near(
            OutOfScope,
            "a call within the scope",
            "it is one of its words",
            handed(vec![], "crm:read"),
            COMPLETE,
        ),
        shows(
            "a word that only begins alike",
            "a word is held whole or not at all",
            handed(vec![], "crm:readwrite"),
            COMPLETE,
            &[(2, OutOfScope, &[1])],
        ),
        near(
            OutOfScope,
            "a session without a scope",
            "where nobody said what is held, nothing is beyond it",
            handed(vec![], "crm:delete").set(OPENED, "/scope", Value::Null),
            COMPLETE,
        ),
        shows(
            "a call beyond its own word",
            "where nobody said what is held, the record's own scope is the measure",
            handed(vec![], "crm:delete").set(OPENED, "/scope", Value::Null).set(
                2,
                "/scope",
                json!("crm:read"),
            ),
            COMPLETE,
            &[(2, OutOfScope, &[])],
        ),
        shows(
            "a call beyond a narrower delegation",
            "the session holds crm:write, and handed on crm:read alone",
            handed(vec![delegation(PLANNER, AGENT, "crm:read")], "crm:write"),
            COMPLETE,
            &[(3, OutOfScope, &[1, 2])],
        ),
        near(
            OutOfScope,
            "a call within a delegation",
            "it was handed on",
            handed(vec![delegation(PLANNER, AGENT, "crm:write")], "crm:write"),
            COMPLETE,
        ),
        shows(
            "a call after the delegation was revoked",
            "what was handed on was taken back",
            handed(vec![delegation(PLANNER, AGENT, "crm:write"), revoked], "crm:write"),
            COMPLETE,
            &[(4, OutOfScope, &[2, 3])],
        ),
        shows(
            "a call after the delegation had expired",
            "it was good for a second",
            handed(
                vec![
                    delegation(PLANNER, AGENT, "crm:write")
                        .set("/delegation/expires", json!("2026-11-23T08:14:02.500Z")),
                ],
                "crm:write",
            ),
            COMPLETE,
            &[(3, OutOfScope, &[2])],
        ),
        near(
            OutOfScope,
            "a call at the last moment of a delegation",
            "the end itself is still within",
            handed(
                vec![
                    delegation(PLANNER, AGENT, "crm:write")
                        .set("/delegation/expires", json!("2026-11-23T08:14:03.000Z")),
                ],
                "crm:write",
            ),
            COMPLETE,
        ),
        shows(
            "a chain that widens",
            "the planner hands on what the session never held",
            handed(vec![delegation(PLANNER, AGENT, "crm:read crm:delete")], "crm:read"),
            COMPLETE,
            &[(2, ScopeWidened, &[1])],
        ),
        shows(
            "a second hop that widens, and is used",
            "the middle held crm:read; handing on crm:write gives nothing",
            handed(
                vec![
                    delegation(PLANNER, "agent:acme/middle", "crm:read"),
                    delegation("agent:acme/middle", AGENT, "crm:write"),
                ],
                "crm:write",
            ),
            COMPLETE,
            &[(3, ScopeWidened, &[1, 2]), (4, OutOfScope, &[1, 2, 3])],
        ),
        shows(
            "a record that claims more than is held",
            "its own scope names crm:delete",
            handed(vec![], "crm:read").set(2, "/scope", json!("crm:read crm:delete")),
            COMPLETE,
            &[(2, ScopeWidened, &[1])],
        ),
        shows(
            "a delegation that outlives its session",
            "it would hold on after the session's end",
            handed(
                vec![
                    delegation(PLANNER, AGENT, "crm:read")
                        .set("/delegation/expires", json!("2026-11-23T09:14:00.001Z")),
                ],
                "crm:read",
            ),
            COMPLETE,
            &[(2, ScopeWidened, &[1])],
        ),
        near(
            ScopeWidened,
            "a delegation that ends with its session",
            "it does not outlive it",
            handed(
                vec![
                    delegation(PLANNER, AGENT, "crm:read")
                        .set("/delegation/expires", json!("2026-11-23T09:14:00.000Z")),
                ],
                "crm:read",
            ),
            COMPLETE,
        ),
        near(
            ScopeWidened,
            "a chain that narrows twice",
            "each hop hands on words of what it holds",
            handed(
                vec![
                    delegation(PLANNER, "agent:acme/middle", "crm:write crm:read"),
                    delegation("agent:acme/middle", AGENT, "crm:read"),
                ],
                "crm:read",
            ),
            COMPLETE,
        ),
        near(
            ScopeWidened,
            "delegations in a circle",
            "a circle gives nobody more than the session holds",
            handed(
                vec![delegation(PLANNER, AGENT, "crm:read"), delegation(AGENT, PLANNER, "crm:read")],
                "crm:read",
            ),
            COMPLETE,
        ),
    ]
}
