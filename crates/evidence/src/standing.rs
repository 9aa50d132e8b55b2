//! What a finding is worth that was computed from a part of a log.

use record::findings::{Finding, Rule};
use serde::Serialize;

/// Whether entries outside of the file could undo a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The entries in the file show it, whatever else the log holds.
    Shown,
    /// It says that something is not there, or what is in force: it stands if the file leaves nothing out that bears on it.
    IfNothingIsLeftOut,
}

impl Standing {
    /// Of a finding from a file that carries the whole log, or a part of it.
    pub(crate) fn of(finding: &Finding, whole: bool) -> Self {
        let shown = match finding.rule {
            // What a single record says.
            Rule::ReceivedLate
            | Rule::ClockAhead
            | Rule::GapDeclared
            // Two records that are both there, whatever stands between them.
            | Rule::SequenceFork
            | Rule::ExecutedDiffers
            | Rule::ExecutedAfterDenial
            | Rule::ApprovalSelf
            | Rule::SessionExpired
            | Rule::KeyRevoked => true,
            // A signature that does not hold under a key that is there; or a key that is not.
            Rule::SignatureInvalid => !finding.rests_on.is_empty(),
            _ => false,
        };
        if shown || whole { Self::Shown } else { Self::IfNothingIsLeftOut }
    }
}
