//! Approvals: who let exactly which call through.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Record;
use super::action::Content;
use super::kind::Kind;
use super::session::Party;
use super::text::{Instant, Text};
use crate::id::RecordId;

/// An approval, or what a call says of the one it rests on
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Approval<'a> {
    /// Who or what approves.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// The record that decided: the id of an `approval.decided`.
    #[serde(default, rename = "ref", borrow)]
    pub reference: Option<Text<'a>>,
    /// Who decided.
    #[serde(default, borrow)]
    pub approver: Option<Party<'a>>,
    /// What was decided.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// What exactly was approved.
    #[serde(default, borrow)]
    pub binds: Option<Binding<'a>>,
    /// What the approver was shown.
    #[serde(default, borrow)]
    pub shown: Option<Content<'a>>,
    /// What the approver answered.
    #[serde(default, borrow)]
    pub answer: Option<Content<'a>>,
    /// Until when it may be used.
    #[serde(default)]
    pub expires: Option<Instant>,
    /// How many calls it covers; 1 where nothing is said.
    #[serde(default)]
    pub max_uses: Option<u64>,
    /// Whether the approver was checked, or somebody says who it was.
    #[serde(default)]
    pub identity: Option<Identity>,
}

/// Who or what approves
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A human, for this call. "Always allow", bypass modes and hooks that allow by themselves are not this.
    Human,
    /// A rule.
    Policy,
    /// The other side of a contract.
    Counterparty,
    /// A human, for the session, before it began.
    PreAuthorizedSession,
    /// Nobody has to.
    AutonomousNotRequired,
    /// Somebody had to, and was not asked.
    Bypassed,
    /// Nobody knows.
    Unknown,
}

impl Mode {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Policy => "policy",
            Self::Counterparty => "counterparty",
            Self::PreAuthorizedSession => "pre_authorized_session",
            Self::AutonomousNotRequired => "autonomous_not_required",
            Self::Bypassed => "bypassed",
            Self::Unknown => "unknown",
        }
    }
}

/// What was decided
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Go on.
    Approved,
    /// Do not.
    Denied,
}

/// The one call that an approval is for
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct Binding<'a> {
    /// Id of the `action.requested` record.
    #[serde(borrow)]
    pub record: Text<'a>,
    /// The `sd` of its input.
    #[serde(default, borrow)]
    pub sd: Option<Text<'a>>,
}

/// How an approver is known
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Checked.
    Verified,
    /// Said.
    Asserted,
}

impl Record<'_> {
    /// The request that a decision binds, by that record's id.
    pub fn bound_request(&self) -> Option<RecordId> {
        let approval = self.approval.as_ref().filter(|_| self.kind == Kind::ApprovalDecided)?;
        approval.binds.as_ref()?.record.parse().ok()
    }
}
