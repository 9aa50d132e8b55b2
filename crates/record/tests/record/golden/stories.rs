//! The table: what was done, what the log shows of it, and why.

use record::findings::Rule;
use record::findings::Rule::{
    ActionOpen, ApprovalDenied, ApprovalExpired, ApprovalMismatch, ApprovalMissing, ApprovalReused,
    ApprovalSelf, ClockAhead, CoverageUndeclared, ExecutedAfterDenial, ExecutedDiffers, GapDeclared,
    KeyRevoked, OutOfScope, OutcomeWithoutRequest, ReceivedLate, ScopeWidened, SequenceFork, SequenceGap,
    SessionCountMismatch, SessionExpired, SessionUnknown, SignatureInvalid, SignatureMissing,
};
use serde_json::{Value, json};

use super::story::{
    AGENT, CLOSED, COMPLETED, DECIDED, Draft, OPENED, PLANNER, PRODUCER, REQUESTED, Story, closed, completed,
    covered, decided, denied, id, kid, opened, registered, requested, sd,
};

/// A story and what is found in it.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) why: &'static str,
    pub(crate) story: Story,
    /// Place, rule, places it rests on.
    pub(crate) wanted: Vec<(u64, Rule, Vec<u64>)>,
    pub(crate) verdict: &'static str,
    /// The rule that nearly applies.
    pub(crate) near: Option<Rule>,
}

const COMPLETE: &str = "COMPLETE";
const GAPS: &str = "GAPS";
const CANNOT_TELL: &str = "CANNOT TELL";

/// A story in which something is found.
fn shows(
    name: &'static str,
    why: &'static str,
    story: Story,
    verdict: &'static str,
    wanted: &[(u64, Rule, &[u64])],
) -> Golden {
    let wanted = wanted.iter().map(|(index, rule, rests_on)| (*index, *rule, rests_on.to_vec())).collect();
    Golden { name, why, story, wanted, verdict, near: None }
}

/// A story in which a rule nearly applies, and nothing is found.
fn near(rule: Rule, name: &'static str, why: &'static str, story: Story, verdict: &'static str) -> Golden {
    Golden { name, why, story, wanted: Vec::new(), verdict, near: Some(rule) }
}

pub(crate) fn stories() -> Vec<Golden> {
    [
        sessions(),
        scopes(),
        approvals(),
        decisions(),
        calls(),
        sequences(),
        signatures(),
        clocks(),
        producers(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn good() -> Story {
    Story::good()
}

fn sessions() -> Vec<Golden> {
    let unopened =
        || Story::of(vec![covered(), requested("a").set("/action/effect", json!("read")), completed("a")]);
    let late_opening =
        Story::of(vec![covered(), requested("a").set("/action/effect", json!("read")), opened()]);
    let twice = Story::of(vec![covered(), opened(), opened().set("/scope", json!("everything")), closed()]);
    vec![
        near(SessionUnknown, "all is well", "every rule is kept", good(), COMPLETE),
        shows(
            "never opened",
            "nothing says what the session may do",
            unopened(),
            GAPS,
            &[(1, SessionUnknown, &[])],
        ),
        shows(
            "opened after the first call",
            "when the call was logged nobody had said what it may do; a finding does not go away",
            late_opening,
            GAPS,
            &[(1, SessionUnknown, &[])],
        ),
        near(
            SessionUnknown,
            "a call by trace alone",
            "without a session there is none to be unknown",
            Story::of(vec![
                covered(),
                requested("a").set("/session", Value::Null).set(
                    "/trace",
                    json!({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}),
                ),
            ]),
            "",
        ),
        shows(
            "opened twice",
            "authority is not widened by opening once more",
            twice,
            GAPS,
            &[(2, SequenceFork, &[1])],
        ),
        shows(
            "requested after the end",
            "the session's authority ended a millisecond before",
            good().set(OPENED, "/expires", json!("2026-11-23T08:14:01.999Z")),
            COMPLETE,
            &[(2, SessionExpired, &[1])],
        ),
        shows(
            "the token ends first",
            "of the session's end and its token's the earlier counts",
            good().set(OPENED, "/token", json!({"exp": 1_795_421_641})),
            COMPLETE,
            &[(2, SessionExpired, &[1])],
        ),
        near(
            SessionExpired,
            "requested at the last moment",
            "the end itself is still within",
            good().set(OPENED, "/expires", json!("2026-11-23T08:14:02.000Z")),
            COMPLETE,
        ),
        near(
            ActionOpen,
            "not closed yet",
            "a call whose session goes on may still end",
            good().without(CLOSED).without(COMPLETED),
            CANNOT_TELL,
        ),
        shows(
            "closed with an open call",
            "nobody said how it ended",
            good()
                .without(COMPLETED)
                .set(4, "/session/seq", json!(4))
                .set(4, "/closed/records", json!(3))
                .set(4, "/producer/seq", json!(5)),
            GAPS,
            &[(4, ActionOpen, &[2])],
        ),
        shows(
            "two open calls",
            "each is told",
            Story::of(vec![covered(), opened(), requested("a"), requested("b"), closed()]),
            GAPS,
            &[(4, ActionOpen, &[2]), (4, ActionOpen, &[3])],
        ),
        near(
            ActionOpen,
            "closed after a denial",
            "a denied call has ended",
            Story::of(vec![covered(), opened(), requested("a"), denied("a"), closed()]),
            COMPLETE,
        ),
        shows(
            "closed with another count",
            "the producer counted five, the log holds four",
            good().set(CLOSED, "/closed/records", json!(5)),
            GAPS,
            &[(5, SessionCountMismatch, &[4])],
        ),
        shows(
            "closed with another last record",
            "the digest is of something else than the log holds last",
            good().set(CLOSED, "/closed/last_sha256", json!(sd("other"))),
            GAPS,
            &[(5, SessionCountMismatch, &[4])],
        ),
        near(
            SessionCountMismatch,
            "closed after content was put beside the log",
            "what was sent last is not what the log holds, so their digests may differ",
            good()
                .set(CLOSED, "/closed/last_sha256", json!(sd("other")))
                .with(COMPLETED, |d| d.rewritten = true),
            COMPLETE,
        ),
    ]
}

fn delegation(from: &str, to: &str, scope: &str) -> Draft {
    Draft::new(
        "delegation.granted",
        json!({"delegation": {"from": {"sub": from}, "to": {"sub": to}, "scope": scope}}),
    )
}

fn scopes() -> Vec<Golden> {
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

/// The good story with its decision taken out.
fn undecided() -> Story {
    Story::of(vec![covered(), opened(), requested("a"), completed("a"), closed()])
}

fn approvals() -> Vec<Golden> {
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

fn decisions() -> Vec<Golden> {
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

fn calls() -> Vec<Golden> {
    let read = || requested("a").set("/action/effect", json!("read"));
    let read_story = |end: Draft| Story::of(vec![covered(), opened(), read(), end, closed()]);
    vec![
        shows(
            "an outcome nobody asked for",
            "the request is not in the log",
            Story::of(vec![covered(), opened(), completed("a"), closed()]),
            GAPS,
            &[(2, OutcomeWithoutRequest, &[])],
        ),
        shows(
            "an outcome before its request",
            "requests are logged before the call runs",
            Story::of(vec![covered(), opened(), completed("a"), read(), closed()]),
            GAPS,
            &[(2, OutcomeWithoutRequest, &[])],
        ),
        near(
            OutcomeWithoutRequest,
            "an outcome after others",
            "calls may overlap",
            Story::of(vec![
                covered(),
                opened(),
                read(),
                requested("b").set("/action/effect", json!("read")),
                completed("b"),
                completed("a"),
                closed(),
            ]),
            COMPLETE,
        ),
        shows(
            "the same action id in another session",
            "action ids hold within a session",
            Story::of(vec![
                covered(),
                Draft::new("session.opened", json!({"session": {"id": "t"}})),
                read().set("/session", json!({"id": "t"})),
                opened(),
                completed("a"),
                closed(),
            ]),
            GAPS,
            &[(4, OutcomeWithoutRequest, &[])],
        ),
        shows(
            "another input ran",
            "the bytes that went in are not those requested",
            read_story(completed("a").set("/executed", json!({"sd": sd("z")}))),
            COMPLETE,
            &[(3, ExecutedDiffers, &[2])],
        ),
        shows(
            "another tool and target ran",
            "each difference is told",
            read_story(
                completed("a")
                    .set("/action/tool", json!("delete"))
                    .set("/action/target", json!("contact/43")),
            ),
            COMPLETE,
            &[(3, ExecutedDiffers, &[2]), (3, ExecutedDiffers, &[2])],
        ),
        near(
            ExecutedDiffers,
            "the same input named again",
            "the digest is the same",
            read_story(completed("a").set("/executed", json!({"sd": sd("a")}))),
            COMPLETE,
        ),
        shows(
            "run after a denial",
            "it was not let through, and ran",
            Story::of(vec![covered(), opened(), read(), denied("a"), completed("a"), closed()]),
            COMPLETE,
            &[(4, ExecutedAfterDenial, &[3])],
        ),
        shows(
            "failed after a denial",
            "a call that fails has run",
            Story::of(vec![
                covered(),
                opened(),
                read(),
                denied("a"),
                completed("a").set("/outcome/status", json!("error")),
                closed(),
            ]),
            COMPLETE,
            &[(4, ExecutedAfterDenial, &[3])],
        ),
        near(
            ExecutedAfterDenial,
            "a denial and its outcome",
            "the outcome says that it did not run",
            Story::of(vec![
                covered(),
                opened(),
                read(),
                denied("a"),
                completed("a").set("/outcome/status", json!("denied")),
                closed(),
            ]),
            COMPLETE,
        ),
        shows(
            "one action id for two requests",
            "the first request stands",
            Story::of(vec![covered(), opened(), read(), read(), completed("a"), closed()]),
            GAPS,
            &[(3, SequenceFork, &[2])],
        ),
    ]
}

/// A long run of one producer outside of any session, without the record at `left_out`.
fn strand(count: u64, left_out: &[u64]) -> Story {
    let own = |seq: u64| {
        Draft::new("x-beat", json!({})).set("/session", Value::Null).set("/producer/seq", json!(seq))
    };
    Story::of((1..=count).filter(|seq| !left_out.contains(seq)).map(own).collect())
}

fn sequences() -> Vec<Golden> {
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

fn signatures() -> Vec<Golden> {
    let with_key = |change: Vec<Draft>, request: Draft, end: Draft| {
        let read = |draft: Draft| draft.set("/action/effect", json!("read"));
        let opened = opened().signed(1);
        Story::of(
            [vec![covered()], vec![registered(1, "agent", AGENT), opened], change, vec![read(request), end]]
                .concat(),
        )
    };
    let signed = |change: Vec<Draft>| with_key(change, requested("a").signed(1), completed("a").signed(1));
    let revoked = || Draft::keeper("key.revoked", json!({"key": {"kid": kid(1)}}));
    let rotated = || {
        let registered = registered(2, "agent", AGENT).json["key"].clone();
        Draft::keeper("key.rotated", json!({"key": registered})).set("/key/replaces", json!(kid(1)))
    };
    vec![
        near(
            SignatureMissing,
            "signed by its key",
            "the agent has a key and signs",
            signed(vec![]),
            CANNOT_TELL,
        ),
        near(SignatureMissing, "no key", "a party without a key has nothing to sign with", good(), COMPLETE),
        shows(
            "a call that its agent did not sign",
            "the agent has a key",
            with_key(vec![], requested("a"), completed("a").signed(1)),
            CANNOT_TELL,
            &[(3, SignatureMissing, &[1])],
        ),
        shows(
            "a producer that did not sign",
            "all that has its name on it would bear its signature",
            Story::of(vec![covered(), registered(3, "producer", PRODUCER), opened()]),
            CANNOT_TELL,
            &[(2, SignatureMissing, &[1])],
        ),
        shows(
            "an approval that its approver did not sign",
            "alice has a key, so her yes without it is somebody's word",
            Story::of(vec![
                covered(),
                registered(4, "approver", "alice"),
                opened(),
                requested("a"),
                decided("a", 3),
            ]),
            CANNOT_TELL,
            &[(4, SignatureMissing, &[1])],
        ),
        shows(
            "a forged signature",
            "it is over other bytes",
            with_key(vec![], requested("a").signed(1), completed("a").signed(1))
                .with(3, |d| d.bent_signature = true),
            CANNOT_TELL,
            &[(3, SignatureInvalid, &[1]), (3, SignatureMissing, &[1])],
        ),
        shows(
            "a signature by a key nobody announced",
            "anybody can make a key",
            with_key(vec![], requested("a").signed(9), completed("a").signed(1)),
            CANNOT_TELL,
            &[(3, SignatureInvalid, &[]), (3, SignatureMissing, &[1])],
        ),
        shows(
            "a signature by another's key",
            "the key is known, and is not of the agent named",
            with_key(
                vec![registered(5, "agent", "agent:acme/other")],
                requested("a").signed(5),
                completed("a").signed(1),
            ),
            CANNOT_TELL,
            &[(4, SignatureInvalid, &[3]), (4, SignatureMissing, &[1])],
        ),
        near(
            SignatureInvalid,
            "two good signatures",
            "agent and producer both sign",
            Story::of(vec![
                covered(),
                registered(1, "agent", AGENT),
                registered(3, "producer", PRODUCER),
                opened().signed(1).signed(3),
            ]),
            CANNOT_TELL,
        ),
        near(
            SignatureInvalid,
            "a key that somebody announces again as his own",
            "the first announcement stands, so the key stays with its owner",
            signed(vec![registered(1, "agent", "agent:acme/other")]),
            CANNOT_TELL,
        ),
        shows(
            "signed after the key was revoked",
            "the signature holds, and the key counts no longer",
            signed(vec![revoked()]),
            CANNOT_TELL,
            &[(4, KeyRevoked, &[1, 3]), (5, KeyRevoked, &[1, 3])],
        ),
        near(
            KeyRevoked,
            "revoked after it had signed",
            "what was signed before stays signed",
            Story::of([signed(vec![]).0, vec![revoked()]].concat()),
            CANNOT_TELL,
        ),
        near(
            KeyRevoked,
            "rotated by the old key",
            "the new key takes its place",
            with_key(vec![rotated().signed(1)], requested("a").signed(2), completed("a").signed(2)),
            CANNOT_TELL,
        ),
        shows(
            "signed by a key that was rotated away",
            "the old key went with the rotation",
            with_key(vec![rotated().signed(1)], requested("a").signed(1), completed("a").signed(2)),
            CANNOT_TELL,
            &[(4, KeyRevoked, &[1, 3])],
        ),
        shows(
            "a rotation that the old key did not sign",
            "so the old key stays, and the new one is nobody's",
            with_key(vec![rotated()], requested("a").signed(1), completed("a").signed(1)),
            CANNOT_TELL,
            &[(3, SignatureInvalid, &[1])],
        ),
    ]
}

fn clocks() -> Vec<Golden> {
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

fn producers() -> Vec<Golden> {
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
