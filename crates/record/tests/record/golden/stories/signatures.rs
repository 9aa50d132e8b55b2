//! Who signs, with which key, and what became of the key.

use record::findings::Rule::{KeyRevoked, SignatureInvalid, SignatureMissing};
use serde_json::json;

use super::super::story::{
    AGENT, Draft, PRODUCER, Story, completed, covered, decided, kid, opened, registered, requested,
};
use super::{CANNOT_TELL, COMPLETE, Golden, good, near, shows};

pub(super) fn signatures() -> Vec<Golden> {
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
    let of_the_log = || {
        let key = registered(7, "log", "the.log").json["key"].clone();
        Draft::keeper("key.rotated", json!({"key": key})).set("/key/replaces", json!(kid(6)))
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
        near(
            SignatureInvalid,
            "the log announces another key of its own",
            "no record announced the key that goes: whoever trusts it follows",
            signed(vec![of_the_log().signed(6)]),
            CANNOT_TELL,
        ),
        shows(
            "a key of the log announced under a key that does not go",
            "neither does the log, nor a record, say whose it is",
            signed(vec![of_the_log().signed(8)]),
            CANNOT_TELL,
            &[(3, SignatureInvalid, &[])],
        ),
        shows(
            "a record under a key that was announced as the log's",
            "the log's keys sign checkpoints, and no records of others",
            with_key(vec![of_the_log().signed(6)], requested("a").signed(7), completed("a").signed(1)),
            CANNOT_TELL,
            &[(4, SignatureInvalid, &[]), (4, SignatureMissing, &[1])],
        ),
    ]
}
