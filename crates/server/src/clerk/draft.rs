//! The records that the log itself writes, before they are signed.

use record::{PublicKey, RecordId, RecordKey};
use serde_json::{Value, json};
use uuid::Uuid;

use super::PRODUCER;
use crate::access::{Moment, Token};

/// A record of the log's own: everything but who writes it, for which log, and when.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Given where the record is written once and never again.
    id: Option<Uuid>,
    kind: &'static str,
    members: Value,
    /// Content that goes beside the record: its place, and the text.
    pub(super) content: Option<(record::Place, String)>,
}

/// What is erased or held.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) by: String,
    pub(crate) ground: String,
}

impl Draft {
    fn new(kind: &'static str, members: Value) -> Self {
        Self { id: None, kind, members, content: None }
    }

    /// What the log promises to record of itself. Once for each service key.
    pub(super) fn coverage(key: &PublicKey) -> Self {
        let records = [
            "access.read",
            "access.exported",
            "access.granted",
            "access.revoked",
            "payload.erased",
            "hold.placed",
            "hold.released",
        ];
        let cannot_see = [
            "whoever reads the store or a backup without asking the log",
            "public hash tiles, proofs and checkpoints",
        ];
        let members = json!({"coverage": {"records": records, "cannot_see": cannot_see}});
        Self { id: Some(named(key, "coverage")), ..Self::new("coverage.declared", members) }
    }

    /// The service key itself.
    pub(super) fn key(key: &PublicKey) -> Self {
        let members = json!({"key": {
            "kid": key.id().to_string(), "public": key.to_string(), "alg": "EdDSA", "role": "producer",
            "party": {"sub": PRODUCER},
        }});
        Self { id: Some(named(key, "key")), ..Self::new("key.registered", members) }
    }

    /// Somebody looked, so many times.
    pub(super) fn read(reader: &str, kind: &str, count: u64, query: Option<String>) -> Self {
        let members = json!({"access": {"reader": reader, "kind": kind, "count": count}});
        let content = query.map(|query| (record::Place::AccessQuery, query));
        Self { content, ..Self::new("access.read", members) }
    }

    /// Somebody took something away.
    pub(crate) fn exported(reader: &str, kind: &str, what: String) -> Self {
        let members = json!({"access": {"reader": reader, "kind": kind, "count": 1}});
        Self { content: Some((record::Place::AccessQuery, what)), ..Self::new("access.exported", members) }
    }

    /// Somebody may submit or look from now on.
    pub(crate) fn granted(token: &Token, by: &str) -> Self {
        let mut grant = grant(token, by);
        grant["roles"] = json!(token.roles);
        if let Some(expires) = token.expires {
            grant["expires"] = json!(expires);
        }
        Self::new("access.granted", json!({"grant": grant}))
    }

    /// He may no longer.
    pub(crate) fn revoked(token: &Token, by: &str) -> Self {
        Self::new("access.revoked", json!({"grant": grant(token, by)}))
    }

    /// Content was erased.
    pub(crate) fn erased(sd: &str, about: &About) -> Self {
        Self::new("payload.erased", json!({"erased": {"sd": sd, "ground": about.ground, "by": about.by}}))
    }

    /// A hold is placed: on these contents, on a session, or on all content of a principal (`iss` and `sub`).
    pub(crate) fn held(
        id: &str,
        sds: &[String],
        session: Option<&str>,
        principal: Option<(&str, &str)>,
        about: &About,
    ) -> Self {
        let mut members = json!({"hold": {"id": id, "ground": about.ground, "by": about.by}});
        if !sds.is_empty() {
            members["hold"]["sds"] = json!(sds);
        }
        if let Some(session) = session {
            members["hold"]["session"] = json!(session);
        }
        if let Some((iss, sub)) = principal {
            members["principal"] = json!({"iss": iss, "sub": sub});
        }
        Self::new("hold.placed", members)
    }

    /// A hold is released.
    pub(crate) fn released(id: &str, about: &About) -> Self {
        Self::new("hold.released", json!({"hold": {"id": id, "ground": about.ground, "by": about.by}}))
    }

    /// The id of a record that is written once.
    pub(super) fn once(&self) -> Option<RecordKey> {
        let id = RecordId::from_bytes(self.id?.into_bytes());
        Some(RecordKey::new(id, PRODUCER))
    }

    /// Whether it is signed: all but what comes before the key is announced. A signature by a key that the log has not
    /// announced yet is a finding, and the announcement itself is the log's word.
    pub(super) fn is_signed(&self) -> bool {
        self.id.is_none()
    }

    /// The JSON of the record.
    pub(super) fn json(&self, origin: &str, now: Moment, sd: Option<Value>) -> Value {
        let id = self.id.unwrap_or_else(Uuid::now_v7);
        let mut record = json!({
            "v": 1, "type": self.kind, "id": id.to_string(), "time": now.to_string(), "aud": origin,
            "producer": {"id": PRODUCER},
        });
        if let (Value::Object(record), Value::Object(members)) = (&mut record, self.members.clone()) {
            record.extend(members);
        }
        if let (Some((place, _)), Some(sd)) = (&self.content, sd) {
            match place.steps() {
                (Some(object), member) => record[object][member] = sd,
                (None, member) => record[member] = sd,
            }
        }
        record
    }
}

fn grant(token: &Token, by: &str) -> Value {
    json!({"credential": token.id.to_string(), "holder": token.name, "by": by})
}

/// An id that a record has whenever it is made for this key (RFC 9562, section 5.5).
fn named(key: &PublicKey, what: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:deedbook:service-key:{}:{what}", key.id()).as_bytes())
}
