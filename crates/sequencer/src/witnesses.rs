//! Witnesses, as the publisher sees them: somebody who is asked to cosign the newest head, and what is shown of what comes
//! back. Who they are and how they are asked is elsewhere (crate `witnessing`).

use std::sync::Arc;

use tlog::checkpoint::SignedCheckpoint;

use crate::{reader::Reader, recover::Standing};

/// Asks witnesses for cosignatures.
pub trait Cosigners: Send + Sync {
    /// The log is open; this is how to read it, and `published` is what was shown last. Called once, before anything else.
    fn begin(&self, reader: Reader, published: &SignedCheckpoint);

    /// Asks for cosignatures of the newest durable head, and waits until there are enough, or no longer. It is signed by the
    /// log alone, and was noted outside the store: whoever is asked is shown it.
    fn cosign(&self, newest: &SignedCheckpoint) -> Round;

    /// Asks nobody any more, and lets go of the log.
    fn end(&self);
}

/// What came of asking.
#[derive(Clone, Debug)]
pub struct Round {
    /// The newest head with the cosignatures that are there, enough or not.
    pub newest: SignedCheckpoint,
    /// The newest checkpoint that has enough of them.
    pub witnessed: Option<SignedCheckpoint>,
    /// Why the log must sign nothing any more.
    pub stop: Option<Standing>,
}

/// What is shown while there are not enough cosignatures. The operator's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnwitnessed {
    /// The last checkpoint that has enough; the public log stands still.
    Hold,
    /// The newest checkpoint all the same: whoever demands the quorum sees that it is missing.
    Publish,
}

/// Whom to ask, and what to do without them.
#[derive(Clone)]
pub struct Witnessing {
    /// Who asks.
    pub cosigners: Arc<dyn Cosigners>,
    /// What to show meanwhile.
    pub when_unwitnessed: WhenUnwitnessed,
}

impl WhenUnwitnessed {
    /// What is shown after a round, where `before` was shown until now. Never a smaller tree, and of the same tree the note
    /// with the newest cosignatures.
    pub fn to_show(self, round: &Round, before: &SignedCheckpoint) -> SignedCheckpoint {
        let newest = &round.newest;
        let candidate = match (&round.witnessed, self) {
            (Some(witnessed), _) if witnessed.size() >= newest.size() => witnessed,
            (_, Self::Publish) => newest,
            (Some(witnessed), Self::Hold) => witnessed,
            (None, Self::Hold) => before,
        };
        if candidate.size() >= before.size() { candidate.clone() } else { before.clone() }
    }
}
