//! Publication: the public checkpoint moves at an interval, so that witnesses and monitors can keep up.
//!
//! A head is noted outside the store before it is shown to anybody, so that a store which is later replaced by an
//! old copy of itself is noticed. The interval also confirms an unchanged head: a reader can tell a quiet log from
//! one that stands still.

use std::{io, time::Duration};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tlog::checkpoint::SignedCheckpoint;

use crate::log::Shared;

/// Remembers the newest published checkpoint, outside the store.
pub trait Evidence: Send + Sync {
    /// What was noted last; `None` if nothing ever was.
    fn newest(&self) -> io::Result<Option<Bytes>>;

    /// Notes a checkpoint; it survives a power cut once this returns.
    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()>;
}

/// Ends the publisher's wait.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    sound: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rung.lock() = true;
        self.sound.notify_all();
    }

    /// Waits; answers whether the bell was rung.
    fn wait(&self, at_most: Duration) -> bool {
        let mut rung = self.rung.lock();
        if !*rung {
            self.sound.wait_for(&mut rung, at_most);
        }
        *rung
    }
}

/// Publishes at an interval, and once more at the end.
pub(crate) fn run(shared: &Shared, evidence: &dyn Evidence, every: Duration, bell: &Bell) {
    loop {
        let last = bell.wait(every);
        if let Err(error) = publish(shared, evidence) {
            tracing::error!(%error, "the checkpoint could not be noted, and was not published; trying again");
        }
        if last {
            return;
        }
    }
}

/// Notes the last committed head, then shows it.
pub(crate) fn publish(shared: &Shared, evidence: &dyn Evidence) -> io::Result<()> {
    let checkpoint = shared.committed.load().checkpoint.clone();
    evidence.note(&checkpoint)?;
    shared.observer.published(&checkpoint);
    shared.published.send_replace(checkpoint);
    Ok(())
}
