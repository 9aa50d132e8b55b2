//! The keys of a log as its own directory has them: the one it signs with, and those that made way.

use std::path::Path;

use client::keys::{Followed, History, Step, follow_keys};
use sequencer::directory;
use tlog::key::VerifierKey;
use tlog::policy::Policy;

use crate::cli::Failure;

/// The keys of a log, up to the one that it signs with now.
#[derive(Debug)]
pub(crate) struct Keyring {
    present: VerifierKey,
    history: History,
    followed: Followed,
}

impl Keyring {
    /// By the directory's public key. The log may be open in another process.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let vkey = directory::read_vkey(path).map_err(Failure::could_not_tell)?;
        let present = VerifierKey::parse(&vkey)
            .map_err(|error| Failure::could_not_tell(format!("{}/log.vkey: {error}", path.display())))?;
        Self::of(path, present)
    }

    /// By this key, which is the one that the log signs with.
    pub(crate) fn of(path: &Path, present: VerifierKey) -> Result<Self, Failure> {
        let bad = |why: &dyn std::fmt::Display| {
            let path = path.display();
            Failure::does_not_hold(format!("{path}/log.keys: {why}; put it back from a backup"))
        };
        let history = match directory::read_key_history(path).map_err(Failure::could_not_tell)? {
            Some(document) => History::parse(&document).map_err(|error| bad(&error))?,
            None => History::of_one(present.clone()),
        };
        let trusted = Policy::log_only(history.first().clone()).map_err(Failure::could_not_tell)?;
        let whole = follow_keys(&trusted, &history).map_err(|error| bad(&error))?;
        // A change that is being prepared is in the document, and has not happened.
        let happened = if present == *history.first() {
            0
        } else {
            let at = whole.steps.iter().position(|step| step.new == present);
            1 + at.ok_or_else(|| bad(&"it does not lead to the key that the log signs with"))?
        };
        let history = history.up_to(happened);
        let followed = follow_keys(&trusted, &history).map_err(|error| bad(&error))?;
        Ok(Self { present, history, followed })
    }

    /// The key that the log signs with.
    pub(crate) fn present(&self) -> &VerifierKey {
        &self.present
    }

    /// All keys that the log has and had, each with the size from which on it signs, in the order in which they took over.
    pub(crate) fn since(&self) -> Vec<(u64, VerifierKey)> {
        let later = self.followed.steps.iter().map(|step| (step.until, step.new.clone()));
        std::iter::once((0, self.history.first().clone())).chain(later).collect()
    }

    /// All keys that the log has and had, the present one first.
    pub(crate) fn all(&self) -> Vec<VerifierKey> {
        let past = self.followed.steps.iter().rev().map(|step| step.old.clone());
        std::iter::once(self.present.clone()).chain(past).collect()
    }

    /// What a checkpoint of this log satisfies, whenever it was signed.
    pub(crate) fn policy(&self) -> &Policy {
        &self.followed.policy
    }

    /// The changes that happened.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.followed.steps
    }

    /// What leads from the first key to the present one.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }
}
