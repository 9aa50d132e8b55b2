//! What ran, and whether it was what was asked.

use record::findings::Rule::{ExecutedAfterDenial, ExecutedDiffers, OutcomeWithoutRequest, SequenceFork};
use serde_json::json;

use super::super::story::{Draft, Story, closed, completed, covered, denied, opened, requested, sd};
use super::{COMPLETE, GAPS, Golden, near, shows};

pub(super) fn calls() -> Vec<Golden> {
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
