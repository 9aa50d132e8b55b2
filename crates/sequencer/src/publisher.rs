//! Publication: the public checkpoint moves at an interval, so that witnesses and monitors can keep up.
//!
//! A head is noted outside the store before it is shown to anybody, so that a store which is later replaced by an
//! old copy of itself is noticed. The interval also confirms an unchanged head: a reader can tell a quiet log from
//! one that stands still.
//!
//! With witnesses there are two notes: of the newest head that anybody was shown, be it a witness alone, and of what
//! everybody is shown, with its cosignatures. What was shown to everybody is shown again after a restart, so that the public
//! log never goes back in size, nor in cosignatures while policy and key stay the same.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tlog::checkpoint::SignedCheckpoint;

use crate::{
    log::{Shared, Status},
    reader::Reader,
    witnesses::Witnessing,
};

/// Remembers the newest checkpoint that anybody was shown, outside the store; with witnesses also what everybody is shown.
pub trait Evidence: Send + Sync {
    /// What was noted last; `None` if nothing ever was.
    fn newest(&self) -> io::Result<Option<Bytes>>;

    /// Notes a checkpoint; it survives a power cut once this returns.
    fn note(&self, checkpoint: &SignedCheckpoint) -> io::Result<()>;

    /// What everybody was shown last; `None` if that is what [`Self::newest`] says.
    fn published(&self) -> io::Result<Option<Bytes>>;

    /// Notes what everybody is to be shown; it survives a power cut once this returns.
    fn note_published(&self, checkpoint: &SignedCheckpoint) -> io::Result<()>;
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

/// Moves the public checkpoint.
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    evidence: Box<dyn Evidence>,
    witnessing: Option<Witnessing>,
}

impl Publisher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        evidence: Box<dyn Evidence>,
        witnessing: Option<Witnessing>,
    ) -> Self {
        Self { shared, evidence, witnessing }
    }

    /// Makes the first publication: without witnesses of the newest head; with them, what was shown last is shown again, and
    /// they are asked before the log takes an entry.
    pub(crate) fn begin(&self, published: &SignedCheckpoint) -> io::Result<()> {
        if let Some(Witnessing { cosigners, .. }) = &self.witnessing {
            // From now on the head that is noted may be ahead of what is shown.
            self.evidence.note_published(published)?;
            cosigners.begin(Reader::new(self.shared.clone()), published);
        }
        self.publish()
    }

    /// Publishes at an interval, and once more at the end.
    pub(crate) fn run(&self, every: Duration, bell: &Bell) {
        let mut pause = every;
        loop {
            let last = bell.wait(pause);
            let started = Instant::now();
            if let Err(error) = self.publish() {
                tracing::error!(%error, "the checkpoint could not be noted, and was not published; trying again");
            }
            if last {
                return;
            }
            pause = every.saturating_sub(started.elapsed());
        }
    }

    /// Notes the last committed head, then shows it to the witnesses, if there are any, and then to everybody.
    fn publish(&self) -> io::Result<()> {
        let shared = &self.shared;
        let newest = shared.committed.load().checkpoint.clone();
        let before = shared.published.borrow().clone();
        let shown = match &self.witnessing {
            None => {
                self.evidence.note(&newest)?;
                newest
            }
            Some(_) if matches!(**shared.status.load(), Status::ReadOnly(_)) => before,
            Some(witnessing) => self.ask(witnessing, &newest, &before)?,
        };
        shared.observer.published(&shown);
        shared.published.send_replace(shown);
        Ok(())
    }

    fn ask(
        &self,
        witnessing: &Witnessing,
        newest: &SignedCheckpoint,
        before: &SignedCheckpoint,
    ) -> io::Result<SignedCheckpoint> {
        self.evidence.note(newest)?;
        let round = witnessing.cosigners.cosign(newest);
        // Before anything that can fail: whatever is signed from here on may be a fork.
        if let Some(standing) = &round.stop {
            self.shared.stand_down(standing.clone());
        }
        let shown = witnessing.when_unwitnessed.to_show(&round, before);
        self.evidence.note_published(&shown)?;
        if round.witnessed.is_some() {
            self.shared.witnessed.send_replace(round.witnessed);
        }
        Ok(shown)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(Witnessing { cosigners, .. }) = &self.witnessing {
            cosigners.end();
        }
    }
}
