//! The typed record: every field that has a meaning here, read from canonical bytes.
//!
//! [`Record::read`] is how a record is understood: by the server that admits it, by the fold that finds what is wrong, by
//! the lookups and by the programs that print it. It borrows from the bytes; fields it does not know are left where they
//! are. Names follow the standards that have a word for the thing: RFC 8693 (`act`, `scope`, `sub`), RFC 9396
//! (`authorization_details`), RFC 9901 (disclosures), W3C Trace Context (`traceparent`).

mod action;
mod approval;
mod check;
mod kind;
mod read;
mod schema;
mod session;
mod stewardship;
#[cfg(test)]
mod tests;
mod text;
mod who;

pub use action::{Action, Content, Effect, Inline, Outcome, Status};
pub use approval::{Approval, Binding, Decision, Identity, Mode};
pub use kind::{Group, Kind, announces_key};
pub use schema::{examples, schema};
pub use session::{
    ApprovalPolicy, Closed, Delegation, Denial, Party, PolicyDecision, PolicyOutcome, SessionRef, Token,
};
pub use stewardship::{Access, Coverage, Erased, Gap, Grant, Hold, KeyChange, KeyRole, Retention};
pub use text::{Hidden, Instant, Masked, Text};
pub use who::{Actor, Agent, Principal, Producer};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::id::RecordId;

/// One audit record.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(title = "Deedbook audit record")]
pub struct Record<'a> {
    /// Version of the record's form: 1, also where it is left out.
    #[serde(default = "version_one", deserialize_with = "read::version")]
    #[schemars(range(min = 1, max = 1))]
    pub v: u64,
    /// What happened.
    #[serde(rename = "type", borrow)]
    pub kind: Kind<'a>,
    /// A UUID in lowercase with hyphens, by the producer; version 7 is wanted. With `producer.id` the idempotency key.
    #[serde(deserialize_with = "read::id")]
    #[schemars(with = "String", regex(pattern = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"))]
    pub id: RecordId,
    /// When it happened, by the producer's word.
    pub time: Instant,
    /// Whether the record is sent as it happens, later, or from an archive; the producer's claim.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The origin of the log that a signed record is meant for, so that it cannot be replayed into another.
    #[serde(default, borrow)]
    pub aud: Option<Text<'a>>,
    /// Which program wrote the record.
    #[serde(default, borrow)]
    pub producer: Option<Producer<'a>>,
    /// The session it belongs to, and its place there.
    #[serde(default, borrow)]
    pub session: Option<SessionRef<'a>>,
    /// The human or service on whose behalf.
    #[serde(default, borrow)]
    pub principal: Option<Principal<'a>>,
    /// The agent that acts.
    #[serde(default, borrow)]
    pub agent: Option<Agent<'a>>,
    /// Who acts now, and for whom before that (RFC 8693, section 4.1).
    #[serde(default, borrow)]
    pub act: Option<Actor<'a>>,
    /// What may be done: words with a space between (RFC 8693, section 4.2).
    #[serde(default, borrow)]
    pub scope: Option<Text<'a>>,
    /// What may be done, in detail (RFC 9396); kept, not judged.
    #[serde(default)]
    #[schemars(with = "Option<Vec<serde_json::Map<String, serde_json::Value>>>")]
    pub authorization_details: Option<serde::de::IgnoredAny>,
    /// The call.
    #[serde(default, borrow)]
    pub action: Option<Action<'a>>,
    /// What went into the call: the exact bytes, beside the log.
    #[serde(default, borrow)]
    pub input: Option<Content<'a>>,
    /// What was really executed, where it differs from what was requested.
    #[serde(default, borrow)]
    pub executed: Option<Content<'a>>,
    /// What came back.
    #[serde(default, borrow)]
    pub output: Option<Content<'a>>,
    /// How the call ended.
    #[serde(default, borrow)]
    pub outcome: Option<Outcome<'a>>,
    /// Who approved, what, until when.
    #[serde(default, borrow)]
    pub approval: Option<Approval<'a>>,
    /// Who denied a call, and why.
    #[serde(default, borrow)]
    pub denial: Option<Denial<'a>>,
    /// When a session's authority ends.
    #[serde(default)]
    pub expires: Option<Instant>,
    /// What a session is for.
    #[serde(default, borrow)]
    pub purpose: Option<Masked<'a>>,
    /// Claims of the token that opened a session, and the token's digest; never the token.
    #[serde(default, borrow)]
    pub token: Option<Token<'a>>,
    /// Which calls of a session need a human's yes.
    #[serde(default, borrow)]
    pub approval_policy: Option<ApprovalPolicy<'a>>,
    /// How a session ended.
    #[serde(default, borrow)]
    pub closed: Option<Closed<'a>>,
    /// Authority handed on.
    #[serde(default, borrow)]
    pub delegation: Option<Delegation<'a>>,
    /// What a policy decided.
    #[serde(default, borrow)]
    pub policy: Option<PolicyDecision<'a>>,
    /// What a producer promises to record.
    #[serde(default, borrow)]
    pub coverage: Option<Coverage<'a>>,
    /// What a producer lost.
    #[serde(default, borrow)]
    pub gap: Option<Gap<'a>>,
    /// A key that came, changed or went.
    #[serde(default, borrow)]
    pub key: Option<KeyChange<'a>>,
    /// Who looked, or exported.
    #[serde(default, borrow)]
    pub access: Option<Access<'a>>,
    /// Who may submit or look.
    #[serde(default, borrow)]
    pub grant: Option<Grant<'a>>,
    /// What content was erased.
    #[serde(default, borrow)]
    pub erased: Option<Erased<'a>>,
    /// What must not be erased.
    #[serde(default, borrow)]
    pub hold: Option<Hold<'a>>,
    /// What a retention rule took.
    #[serde(default, borrow)]
    pub retention: Option<Retention<'a>>,
    /// The trace it belongs to.
    #[serde(default, borrow)]
    pub trace: Option<Trace<'a>>,
}

/// How a record came to be sent
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// As it happened.
    Live,
    /// After a while in the producer's spool.
    Late,
    /// From an archive.
    Backfill,
}

/// W3C Trace Context
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Trace<'a> {
    /// `00-<trace id>-<parent id>-<flags>`, in lowercase hexadecimal.
    #[serde(borrow)]
    pub traceparent: Text<'a>,
    /// What vendors add.
    #[serde(default, borrow)]
    pub tracestate: Option<Text<'a>>,
}

impl Trace<'_> {
    /// The trace id: 32 hexadecimal digits, where `traceparent` has its form (W3C Trace Context, section 3.2).
    pub fn id(&self) -> Option<&str> {
        let mut parts = self.traceparent.split('-');
        let (_, id) = (parts.next()?, parts.next()?);
        let hex = id.len() == 32 && id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        (hex && id.bytes().any(|c| c != b'0')).then_some(id)
    }
}

const fn version_one() -> u64 {
    1
}
