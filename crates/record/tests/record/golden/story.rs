//! Stories of records to bend: a session in which all is well, and what can be done to it.

use ed25519_dalek::SigningKey;
use record::findings::{Finding, Fold, Parameters, Rule, Seen, Signers, Verdict};
use record::model::{Instant, Record};
use record::{PublicKey, Signature, signature};
use serde_json::{Value, json};

/// 2026-11-23T08:14:00Z.
const START_MS: i64 = 1_795_421_640_000;
pub(crate) const AGENT: &str = "agent:acme/crm";
pub(crate) const PLANNER: &str = "agent:acme/planner";
pub(crate) const PRODUCER: &str = "runtime-1";

/// One record to be, and how it reaches the log.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) json: Value,
    pub(crate) after_ms: i64,
    pub(crate) signed_by: Vec<u8>,
    pub(crate) bent_signature: bool,
    pub(crate) rewritten: bool,
}

/// Records in log order.
pub(crate) struct Story(pub(crate) Vec<Draft>);

/// A digest that stands for some content.
pub(crate) fn sd(of: &str) -> String {
    let filler = "A".repeat(43 - of.len() - 1);
    format!("{of}{filler}A")
}

/// The id of the record at this place of the story that was told first.
pub(crate) fn id(place: usize) -> String {
    format!("0198f0c2-7d1e-7c3a-9a54-{place:012x}")
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn kid(seed: u8) -> String {
    public(seed).id().to_string()
}

fn public(seed: u8) -> PublicKey {
    PublicKey::from_bytes(key(seed).verifying_key().as_bytes()).unwrap()
}

impl Draft {
    #[allow(clippy::needless_pass_by_value, reason = "each call makes the value where it stands")]
    pub(crate) fn new(kind: &str, fields: Value) -> Self {
        let mut json = json!({
            "type": kind, "v": 1, "agent": {"sub": AGENT}, "producer": {"id": PRODUCER},
            "principal": {"iss": "idp", "sub": "alice"}, "session": {"id": "s"},
        });
        json.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        Self { json, after_ms: 100, signed_by: Vec::new(), bent_signature: false, rewritten: false }
    }

    /// A record of the log's keeper: of no session, by no producer.
    pub(crate) fn keeper(kind: &str, fields: Value) -> Self {
        let mut draft = Self::new(kind, fields);
        for name in ["agent", "producer", "principal", "session"] {
            draft.json.as_object_mut().unwrap().remove(name);
        }
        draft
    }

    pub(crate) fn set(mut self, pointer: &str, value: Value) -> Self {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = self.json.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        match value {
            Value::Null => drop(parent.remove(name)),
            value => drop(parent.insert(name.to_owned(), value)),
        }
        self
    }

    pub(crate) fn signed(mut self, seed: u8) -> Self {
        self.signed_by.push(seed);
        self
    }
}

pub(crate) fn covered() -> Draft {
    Draft::new("coverage.declared", json!({"coverage": {"records": ["action.*"]}}))
        .set("/session", Value::Null)
}

pub(crate) fn opened() -> Draft {
    Draft::new(
        "session.opened",
        json!({
            "scope": "crm:read crm:write", "expires": "2026-11-23T09:14:00.000Z",
            "approval_policy": {"mode": "human", "effects": ["write"]},
        }),
    )
}

pub(crate) fn requested(action: &str) -> Draft {
    Draft::new(
        "action.requested",
        json!({
            "action": {"id": action, "tool": "update", "server": "crm", "target": "contact/42", "requires": "crm:write",
                "effect": "write"},
            "input": {"sd": sd(action), "bytes": 9},
        }),
    )
}

/// Alice says yes to the request at `request`.
pub(crate) fn decided(action: &str, request: usize) -> Draft {
    Draft::new(
        "approval.decided",
        json!({
            "action": {"id": action},
            "approval": {"mode": "human", "decision": "approved", "approver": {"sub": "alice"},
                "binds": {"record": id(request), "sd": sd(action)}},
        }),
    )
}

pub(crate) fn completed(action: &str) -> Draft {
    Draft::new(
        "action.completed",
        json!({"action": {"id": action, "tool": "update"}, "outcome": {"status": "ok"}}),
    )
}

pub(crate) fn denied(action: &str) -> Draft {
    Draft::new("action.denied", json!({"action": {"id": action}, "denial": {"reason": "policy"}}))
}

pub(crate) fn closed() -> Draft {
    Draft::new("session.closed", json!({"closed": {"reason": "done"}}))
}

pub(crate) fn registered(seed: u8, role: &str, party: &str) -> Draft {
    let change = json!({"kid": kid(seed), "public": public(seed).to_string(), "alg": "EdDSA", "role": role,
        "party": {"sub": party}});
    Draft::keeper("key.registered", json!({"key": change}))
}

/// Places in the good story.
pub(crate) const OPENED: usize = 1;
pub(crate) const REQUESTED: usize = 2;
pub(crate) const DECIDED: usize = 3;
pub(crate) const COMPLETED: usize = 4;
pub(crate) const CLOSED: usize = 5;

impl Story {
    /// A session in which all is well: coverage, opened, requested, decided, completed, closed.
    pub(crate) fn good() -> Self {
        Self(vec![covered(), opened(), requested("a"), decided("a", REQUESTED), completed("a"), closed()])
            .numbered()
    }

    /// The same without a call.
    pub(crate) fn of(drafts: Vec<Draft>) -> Self {
        Self(drafts).numbered()
    }

    /// Gives each record its id, time, place and number; what was set by hand stands.
    pub(crate) fn numbered(mut self) -> Self {
        let (mut session, mut producer) = (0, 0);
        for (place, draft) in self.0.iter_mut().enumerate() {
            let after = i64::try_from(place).unwrap() * 1_000;
            let time = Instant::from_unix_ms(START_MS + after).unwrap().to_string();
            let record = draft.json.as_object_mut().unwrap();
            record.entry("id").or_insert(json!(id(place)));
            record.entry("time").or_insert(json!(time));
            if record.get("session").is_some_and(|of| of["id"] == "s") {
                session += 1;
                let of = record["session"].as_object_mut().unwrap();
                of.entry("seq").or_insert(json!(session));
            }
            if record.get("producer").is_some_and(|of| of["id"] == PRODUCER) {
                producer += 1;
                let of = record["producer"].as_object_mut().unwrap();
                of.entry("seq").or_insert(json!(producer));
            }
            if let Some(closed) = record.get_mut("closed").and_then(Value::as_object_mut) {
                closed.entry("records").or_insert(json!(session - 1));
            }
        }
        self
    }

    pub(crate) fn set(mut self, place: usize, pointer: &str, value: Value) -> Self {
        self.0[place] = self.0[place].clone().set(pointer, value);
        self
    }

    pub(crate) fn without(mut self, place: usize) -> Self {
        self.0.remove(place);
        self
    }

    pub(crate) fn with(mut self, place: usize, bend: impl FnOnce(&mut Draft)) -> Self {
        bend(&mut self.0[place]);
        self
    }

    /// The records as the log holds them, and what the fold says.
    pub(crate) fn told(&self) -> Told {
        let (mut fold, mut signers) = (Fold::new(Parameters::default()), Signers::default());
        let mut told = Told { entries: Vec::new(), findings: Vec::new(), verdict: None };
        for (index, draft) in self.0.iter().enumerate() {
            let canonical = record::canonical(&serde_json::to_vec(&draft.json).unwrap()).unwrap();
            let record = Record::read(&canonical).unwrap();
            let signatures: Vec<Signature> = draft
                .signed_by
                .iter()
                .map(|&seed| {
                    let bent = [&canonical[..], b" "].concat();
                    signature::sign(&key(seed), if draft.bent_signature { &bent } else { &canonical })
                })
                .collect();
            let received = Instant::from_unix_ms(record.time.unix_ms() + draft.after_ms).unwrap();
            let seen = Seen {
                index: index as u64,
                received,
                record: &record,
                canonical: &canonical,
                rewritten: draft.rewritten,
                signatures: &signatures,
            };
            let ahead = signers.look(&seen);
            signers.take(&seen);
            let findings = fold.take(&seen);
            let of_signatures = findings
                .iter()
                .filter(|found| matches!(found.rule, Rule::SignatureInvalid | Rule::KeyRevoked));
            assert!(
                ahead.iter().eq(of_signatures),
                "whoever takes records in sees something else: {ahead:?}"
            );
            told.findings.extend(findings);
            told.entries.push(entry(&canonical, received, draft.rewritten, &signatures));
        }
        told.verdict = fold.verdict("s");
        told
    }
}

/// What the log holds and what the fold says of it.
pub(crate) struct Told {
    pub(crate) entries: Vec<Value>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) verdict: Option<Verdict>,
}

fn entry(canonical: &[u8], received: Instant, rewritten: bool, signatures: &[Signature]) -> Value {
    let record: Value = serde_json::from_slice(canonical).unwrap();
    let mut entry = json!({"received": received.to_string(), "record": record});
    if rewritten {
        entry["rewritten"] = json!(true);
    }
    if !signatures.is_empty() {
        let list = record::Signatures::new(signatures.to_vec()).unwrap().canonical();
        entry["sig"] = serde_json::from_str(&list).unwrap();
    }
    entry
}
