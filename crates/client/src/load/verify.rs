//! A log held to what it acknowledged.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tlog::plan::ConsistencyPlan;
use tlog::policy::Policy;
use tlog::tile::WIDTH;

use super::acks::{Ack, AckError, AckList};
use super::watch::Watch;
use crate::audit::{Finding, Progress, Resume, TreeCheck, resume_at};
use crate::follow::{self, Broken, FollowError};
use crate::source::{Source, SourceError};

/// Broken promises that are told in full.
pub(super) const BROKEN_MAX: usize = 20;
/// Inclusion proofs that are made one by one, spread over the list.
const PROOFS: usize = 64;
/// How often the public checkpoint is looked at while it does not reach far enough.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A list, and the log that is held to it.
#[derive(Debug, Clone)]
pub struct Promises {
    /// Where the log is read.
    pub source: Source,
    /// What its checkpoint must satisfy.
    pub policy: Policy,
    /// Time for the public checkpoint to reach the last index.
    pub wait: Duration,
    /// Threads that hash.
    pub threads: NonZeroUsize,
}

/// What came of it.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Lines of the list.
    pub acknowledged: u64,
    /// Entries that are at their index, as they were sent, in the tree that was signed.
    pub kept: u64,
    /// Of these, entries for which an inclusion proof was made and verified one by one.
    pub proofs: u64,
    /// Size of the checkpoint.
    pub size: u64,
    /// Its root, base64.
    pub root: String,
    /// Promises that were broken, the first in full.
    pub broken: Vec<String>,
    /// All that were broken.
    pub broken_total: u64,
}

impl Checked {
    /// Whether every promise was kept.
    pub fn holds(&self) -> bool {
        self.broken_total == 0
    }

    pub(super) fn add(&mut self, words: String) {
        self.broken_total += 1;
        if self.broken.len() < BROKEN_MAX {
            self.broken.push(words);
        }
    }
}

/// Why it could not be told.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The list cannot be read.
    #[error(transparent)]
    Acks(#[from] AckError),
    /// The log cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl Promises {
    /// Holds the log to the list in a file: every entry is at the index that was named, is the one that was sent, and
    /// is in the tree that the log signed, as follows from hashing all entries from the first that was named. On a log of
    /// records, no record of the run stands there twice, however often it was sent.
    ///
    /// # Errors
    /// The list or the log cannot be read.
    pub async fn verify(&self, list: &Path, progress: &dyn Progress) -> Result<Checked, VerifyError> {
        let list = AckList::read(list)?;
        let mut checked = Checked {
            acknowledged: list.acks.len() as u64,
            kept: 0,
            proofs: 0,
            size: 0,
            root: String::new(),
            broken: vec![],
            broken_total: 0,
        };
        let (Some(first), Some(last)) = (list.acks.first().copied(), list.acks.last().copied()) else {
            return Ok(checked);
        };
        match self.check(list, first.index, last.index, &mut checked, progress).await {
            Ok(()) => Ok(checked),
            Err(FollowError::CouldNotTell(error)) => Err(error.into()),
            Err(FollowError::DoesNotHold(broken)) => {
                checked.add(broken.to_string());
                Ok(checked)
            }
        }
    }

    async fn check(
        &self,
        list: AckList,
        first: u64,
        last: u64,
        checked: &mut Checked,
        progress: &dyn Progress,
    ) -> Result<(), FollowError> {
        let shown = self.wait_for(last).await?;
        let head = shown.head();
        (checked.size, checked.root) = (head.size, head.root.to_string());
        let watch = Arc::new(Watch::new(list));
        for ack in watch.beyond(head.size) {
            checked.add(format!(
                "entry {} was acknowledged, and the public checkpoint is still at size {} after {:?}",
                ack.index, head.size, self.wait
            ));
        }
        let from = self.start_at(first.min(head.size), head).await?;
        let check =
            TreeCheck { source: &self.source, head, threads: self.threads, visit: Some(watch.clone()) };
        let outcome = check.run(from, progress, |_| Ok::<_, SourceError>(())).await?;
        outcome.findings.first.iter().for_each(|finding: &Finding| checked.add(finding.to_string()));
        checked.broken_total += outcome.findings.total - outcome.findings.first.len() as u64;
        watch.report(checked);
        if outcome.holds() {
            self.prove_some(watch.acks(), head, checked).await?;
        } else {
            checked.kept = 0;
        }
        Ok(())
    }

    /// The first checkpoint that reaches the index, or the last one seen when the time is up.
    async fn wait_for(&self, index: u64) -> Result<tlog::checkpoint::SignedCheckpoint, FollowError> {
        let start = Instant::now();
        let mut seen: Option<tlog::checkpoint::SignedCheckpoint> = None;
        loop {
            let shown = follow::advance(&self.source, &self.policy, seen.as_ref()).await?.signed().clone();
            if shown.size() > index || start.elapsed() >= self.wait {
                return Ok(shown);
            }
            seen = Some(shown);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// A place at or before the index, tied to the head by a consistency proof, so that what was there before a load need
    /// not be read.
    async fn start_at(&self, index: u64, head: tlog::Head) -> Result<Resume, FollowError> {
        let plan = ConsistencyPlan::new(index / WIDTH * WIDTH, head).map_err(Broken::from)?;
        let proof = plan.finish(&follow::tiles(&self.source, plan.tiles()).await?).map_err(Broken::from)?;
        resume_at(&self.source, proof.old).await
    }

    /// The road that everybody else goes: an inclusion proof for single entries.
    async fn prove_some(
        &self,
        acks: &[Ack],
        head: tlog::Head,
        checked: &mut Checked,
    ) -> Result<(), FollowError> {
        let within = acks.partition_point(|ack| ack.index < head.size);
        let step = within.div_ceil(PROOFS).max(1);
        for ack in acks[..within].iter().step_by(step) {
            let proof = follow::inclusion(&self.source, ack.index, head).await?;
            // One that is for another entry was told already, when the entries went by.
            checked.proofs += u64::from(proof.leaf == ack.leaf);
        }
        Ok(())
    }
}
