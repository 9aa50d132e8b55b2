//! Bad days as campaigns, most of them against the real process: real sockets, real files, real signals.
//!
//! * [`crash`] kills the server under load, again and again on one directory.
//! * [`powercut`] takes away what had not reached the disk, on a loop-mounted image that is copied under load.
//! * [`watchcut`] does the same to a monitor that follows a log.
//! * [`crowd`] sends more clients than the server has descriptors.
//! * [`network`] is no process at all: logs, witnesses, monitors and clients in a simulator, where one seed decides everything.
//!
//! Those of the log hold it to the same promises, through the [`ledger`]: every acknowledged entry is at its index, as
//! it was sent, under the signed root; no record stands there twice; and the log continues every checkpoint that
//! anybody saw. [`broken`] is a server whose promises are broken on purpose, to show that a campaign can see it.
//!
//! For developers only; nothing here prints: a campaign says what it does through a closure.

pub mod broken;
pub mod crash;
pub mod crowd;
pub mod disk;
pub mod ledger;
pub mod network;
pub mod onlooker;
pub mod powercut;
pub mod served;
pub mod watchcut;

/// How a campaign ends that does not end well.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The log broke a promise.
    #[error("a promise was broken: {0}")]
    Broken(String),
    /// Nothing can be said about the log.
    #[error("the trial could not be carried out: {0}")]
    Failed(String),
}

impl TrialError {
    /// The log broke this promise.
    pub fn broken(what: impl std::fmt::Display) -> Self {
        Self::Broken(what.to_string())
    }

    /// This went wrong, and not with the log.
    pub fn failed(what: impl std::fmt::Display) -> Self {
        Self::Failed(what.to_string())
    }
}

/// Hears a line of text at a time.
pub type Say<'a> = dyn FnMut(&str) + Send + 'a;

pub use sequencer::Kind;
pub use store::Danger;
