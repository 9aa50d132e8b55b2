//! Opened, closed, expired: the frame of a session.

use record::findings::Rule::{
    ActionOpen, SequenceFork, SessionCountMismatch, SessionExpired, SessionUnknown,
};
use serde_json::{Value, json};

use super::super::story::{
    CLOSED, COMPLETED, OPENED, Story, closed, completed, covered, denied, opened, requested, sd,
};
use super::{CANNOT_TELL, COMPLETE, GAPS, Golden, good, near, shows};

pub(super) fn sessions() -> Vec<Golden> {
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
