//! The rules: one line each, with what it means, and how it bears on a session's completeness.

use std::fmt;

/// One line a rule: the name here, its word, its version, whether it shows that something is missing, what it says.
macro_rules! rules {
    ($($name:ident $word:literal $version:literal $bears:ident $says:literal,)*) => {
        /// What can be wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $says] $name,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word for it, stable.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Version of the rule: another one may find something else in the same records.
            pub const fn version(self) -> u32 {
                match self { $(Self::$name => $version,)* }
            }

            /// What it means.
            pub const fn says(self) -> &'static str {
                match self { $(Self::$name => $says,)* }
            }

            /// Whether it shows that records are missing, or cannot be told apart from missing.
            pub const fn shows_a_gap(self) -> bool {
                matches!(match self { $(Self::$name => Bears::$bears,)* }, Bears::Gap)
            }
        }
    };
}

enum Bears {
    /// On what was done.
    Conduct,
    /// On what is missing.
    Gap,
}

rules! {
    SessionUnknown "session_unknown" 1 Gap "The session had not been opened when its first record was logged.",
    SessionExpired "session_expired" 1 Conduct "A call was requested after the session's authority had ended.",
    OutOfScope "out_of_scope" 1 Conduct "A call needs a word of the scope that the actor did not hold.",
    ScopeWidened "scope_widened" 1 Conduct "Somebody claims or hands on more than was held.",
    ApprovalMissing "approval_missing" 1 Conduct "A call ran that needed an approval, and none covers it.",
    ApprovalDenied "approval_denied" 1 Conduct "A call ran although the last decision on it was no.",
    ApprovalExpired "approval_expired" 1 Conduct "A call ran on an approval that had expired.",
    ApprovalMismatch "approval_mismatch" 1 Conduct "A call ran on an approval that binds another call or another input.",
    ApprovalReused "approval_reused" 1 Conduct "A call ran on an approval whose uses were spent.",
    ApprovalSelf "approval_self" 1 Conduct "The approver is the acting agent, or one that acts before it in the chain.",
    ActionOpen "action_open" 1 Gap "The session was closed, and how a call ended was not logged.",
    OutcomeWithoutRequest "outcome_without_request" 1 Gap "A call ended that was never requested.",
    ExecutedDiffers "executed_differs" 1 Conduct "Something else was executed than was requested.",
    ExecutedAfterDenial "executed_after_denial" 1 Conduct "A call ran that had been denied.",
    SequenceGap "sequence_gap" 1 Gap "Numbers are missing in a sequence that has none missing.",
    SequenceFork "sequence_fork" 1 Gap "Two records have one place in a sequence.",
    SessionCountMismatch "session_count_mismatch" 1 Gap "The session was closed with another count, or another last record, than the log holds.",
    SignatureMissing "signature_missing" 1 Conduct "A party that has a key did not sign.",
    SignatureInvalid "signature_invalid" 1 Conduct "A signature does not hold, or is not of the party named.",
    KeyRevoked "key_revoked" 1 Conduct "A signature was made with a key that had been revoked.",
    ReceivedLate "received_late" 1 Conduct "A record that is said to be live arrived long after its own time.",
    ClockAhead "clock_ahead" 1 Conduct "A record's own time lies after its arrival.",
    CoverageUndeclared "coverage_undeclared" 1 Conduct "A producer sends records and never said what it records.",
    GapDeclared "gap_declared" 1 Gap "A producer says that it lost records.",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
