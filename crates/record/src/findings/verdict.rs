//! How complete a session is: as far as its producers promised, and never more.

use std::collections::BTreeSet;

use super::coverage::Producers;
use super::session::Session;

/// How complete a session is, with reasons. Never "everything the agent did": the log can only speak of what producers
/// promised to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All that was promised is there.
    Complete,
    /// Something is missing.
    Gaps(Vec<String>),
    /// The log does not hold what it takes to tell.
    CannotTell(Vec<String>),
}

impl Verdict {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Complete => "COMPLETE",
            Self::Gaps(_) => "GAPS",
            Self::CannotTell(_) => "CANNOT TELL",
        }
    }
}

impl Session {
    pub(super) fn verdict(&self, producers: &Producers) -> Verdict {
        if !self.gaps().is_empty() {
            let reasons = self.gaps().iter().map(|(rule, index)| format!("{rule} at index {index}"));
            return Verdict::Gaps(reasons.collect());
        }
        let mut reasons = BTreeSet::new();
        if !self.is_opened() {
            reasons.insert("the session was never opened".to_owned());
        }
        if !self.is_closed() {
            reasons.insert("the session is not closed".to_owned());
        }
        for (producer, strand) in self.strands() {
            if !strand.sequence.is_used() {
                reasons
                    .insert(format!("the records of producer {producer:?} are not numbered in the session"));
            }
            if !producers.declared(producer) {
                reasons.insert(format!("producer {producer:?} never said what it records"));
            }
        }
        if reasons.is_empty() {
            return Verdict::Complete;
        }
        Verdict::CannotTell(reasons.into_iter().collect())
    }
}
