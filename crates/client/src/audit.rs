//! The audit of a whole log: signature, consistency with what this auditor saw last, every entry, every tile, the root.
//!
//! The entries are hashed from the bundles as they are served, and everything above is computed from these hashes
//! alone; what the log serves as tiles is compared with it byte for byte. So an audit that holds says: these entries, in
//! this order, are what was signed, and anybody's proofs from these tiles will verify.
//!
//! Work is cut into spans of bundles that are checked in parallel and joined in order, so memory does not grow with the
//! log. A failure is reported with its path, the index of the entry and both hashes; the audit goes on and counts what
//! else is wrong.

mod finding;
mod growth;
mod levels;
mod span;
mod state;
mod tree;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tlog::Head;
use tlog::checkpoint::SignedCheckpoint;
use tlog::policy::Policy;

use crate::follow::{self, Broken, Changes, FollowError};
use crate::keys::{History, Step};
use crate::source::{Source, SourceError};

pub use finding::{FINDINGS_MAX, Finding, Findings, Wrong};
pub use growth::{Growth, Place};
pub use state::{State, StateError, StateFile};
pub use tree::{Counted, Visit};
pub(crate) use tree::{Resume, TreeCheck, resume_at};

/// What to audit, and how.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Where the log is read.
    pub source: Source,
    /// What a checkpoint must satisfy.
    pub policy: Policy,
    /// Whether a change of the log's key is followed.
    pub changes: Changes,
    /// Where this auditor keeps what it verified last; without it, every audit is the first.
    pub state: Option<PathBuf>,
    /// How much is read again.
    pub scope: Scope,
    /// Threads that hash.
    pub threads: NonZeroUsize,
}

/// How much of a log an audit reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Every byte, also what was verified before.
    Full,
    /// What is new since the state, and the tiles that tie it to what was verified before.
    Incremental,
}

/// Hears how far a long work has come. All methods may be called often.
pub trait Progress: Send + Sync {
    /// So many entries of so many are done.
    fn entries(&self, done: u64, of: u64);
    /// Something worth a line happened.
    fn note(&self, _words: &str) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn entries(&self, _: u64, _: u64) {}
}

/// What an audit found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where the log was read.
    pub place: String,
    /// Name of the log, where a verified checkpoint says it.
    pub origin: Option<String>,
    /// Number of entries in the checkpoint that was audited.
    pub size: Option<u64>,
    /// Its root hash, base64.
    pub root: Option<String>,
    /// Changes of the log's key that were followed.
    pub keys: Vec<Step>,
    /// Witnesses of the policy whose cosignatures hold.
    pub witnesses: Vec<String>,
    /// Size of the checkpoint that this auditor verified last, proven to be continued; `None` at a first audit.
    pub continues: Option<u64>,
    /// When that was (RFC 3339).
    pub continues_since: Option<String>,
    /// When this auditor verified the log for the first time (RFC 3339); each checkpoint since continued the one before.
    pub followed_since: Option<String>,
    /// When every byte was read last, before this audit (RFC 3339).
    pub full_at: Option<String>,
    /// How much was read.
    pub scope: Scope,
    /// Index of the first entry that was hashed.
    pub first: u64,
    /// Entries that an earlier, interrupted run of this audit had hashed already.
    pub resumed: u64,
    /// What was read and hashed.
    pub counted: Counted,
    /// What is wrong, the first failures in full.
    pub findings: Findings,
    /// What is worth knowing beside: why it started again, which state was ignored.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether everything that was checked holds.
    pub fn holds(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Why nothing can be said about the log.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The auditor's own memory could not be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl Audit {
    /// Audits the log as it is now. What is wrong with the log is in the report; an error says that it could not be told.
    ///
    /// # Errors
    /// The log could not be read, or the state file.
    pub async fn run(&self, progress: &dyn Progress) -> Result<Report, AuditError> {
        let state = self.state.as_deref().map(|path| StateFile::open(path, &self.policy)).transpose()?;
        let mut report = self.blank(state.as_ref());
        let known = state.as_ref().and_then(StateFile::keys).cloned();
        let trust = follow::trust(&self.source, &self.policy, known, self.changes).await;
        let Some(trust) = report.take(trust)? else { return Ok(report) };
        report.keys.clone_from(&trust.followed.steps);
        let Some(checkpoint) = report.take(trust.checkpoint())? else { return Ok(report) };
        report.describe(&checkpoint);
        if let Some(seen) = state.as_ref().and_then(StateFile::seen) {
            let proven = follow::prove_growth(&self.source, seen, checkpoint.signed()).await;
            let stop =
                matches!(&proven, Err(FollowError::DoesNotHold(Broken::WentBack(_) | Broken::Fork(_))));
            if report.take(proven)?.is_none() && stop {
                return Ok(report);
            }
        }
        self.check_tree(checkpoint.signed(), trust.history, state, &mut report, progress).await?;
        Ok(report)
    }

    fn blank(&self, state: Option<&StateFile>) -> Report {
        let seen = state.and_then(|file| file.state());
        Report {
            place: self.source.to_string(),
            origin: None,
            size: None,
            root: None,
            keys: vec![],
            witnesses: vec![],
            continues: seen.map(|state| state.checkpoint.size()),
            continues_since: seen.map(|state| state.verified.clone()),
            followed_since: seen.map(|state| state.since.clone()),
            full_at: seen.and_then(|state| state.full.clone()),
            scope: self.scope,
            first: 0,
            resumed: 0,
            counted: Counted::default(),
            findings: Findings::default(),
            notes: vec![],
        }
    }

    /// Checks entries and tiles, and remembers the checkpoint if all of it holds.
    async fn check_tree(
        &self,
        shown: &SignedCheckpoint,
        keys: Option<History>,
        mut state: Option<StateFile>,
        report: &mut Report,
        progress: &dyn Progress,
    ) -> Result<(), AuditError> {
        let started = state::now();
        let check =
            TreeCheck { source: &self.source, head: shown.head(), threads: self.threads, visit: None };
        let mut from = Resume::start();
        if report.findings.is_empty() {
            from = self.where_to_start(state.as_ref(), shown.head(), report).await?;
        }
        report.first = from.first();
        let save = |resume: &Resume| match &state {
            Some(file) => file.save_progress(resume, &started).map_err(AuditError::from),
            None => Ok(()),
        };
        let outcome = check.run(from, progress, save).await?;
        report.counted = outcome.counted;
        report.findings.append(outcome.findings);
        if let Some(file) = state.as_mut().filter(|_| report.findings.is_empty()) {
            file.save_verified(shown, self.scope, keys)?;
        }
        Ok(())
    }

    /// Where an interrupted run stopped, or where the state's checkpoint ends; otherwise the first entry.
    async fn where_to_start(
        &self,
        state: Option<&StateFile>,
        head: Head,
        report: &mut Report,
    ) -> Result<Resume, AuditError> {
        let mut start = Resume::start();
        match (self.scope, state.and_then(StateFile::seen)) {
            (Scope::Full, _) => {}
            (Scope::Incremental, Some(seen)) => {
                let resumed = tree::resume_at(&self.source, seen.head()).await;
                start = report.take(resumed)?.unwrap_or(start);
            }
            (Scope::Incremental, None) => {
                report.notes.push("no earlier audit is known, so every entry was read".to_owned());
            }
        }
        let Some(saved) = state.and_then(StateFile::progress) else { return Ok(start) };
        match self.may_go_on(saved, &start, head).await? {
            Ok(saved) => {
                report.resumed = saved.size() - start.first();
                Ok(saved)
            }
            Err(why) => {
                report.notes.push(format!("an interrupted audit was started again: {why}"));
                Ok(start)
            }
        }
    }

    /// Whether what an interrupted run had computed can be relied on: only as the beginning of the tree signed now.
    async fn may_go_on(
        &self,
        saved: Result<Resume, &'static str>,
        start: &Resume,
        head: Head,
    ) -> Result<Result<Resume, &'static str>, AuditError> {
        let saved = match saved {
            Ok(saved) if saved.first() != start.first() => return Ok(Err("it had begun at another entry")),
            Ok(saved) if saved.size() > head.size => {
                return Ok(Err("it had come further than the log reaches now"));
            }
            Ok(saved) => saved,
            Err(why) => return Ok(Err(why)),
        };
        match saved.belongs_to(&self.source, head).await {
            Ok(true) => Ok(Ok(saved)),
            Ok(false) => Ok(Err("what it had computed is not the beginning of the tree signed now")),
            Err(FollowError::CouldNotTell(error)) => Err(error.into()),
            Err(FollowError::DoesNotHold(_)) => {
                Ok(Err("the tiles do not show that it belongs to the tree signed now"))
            }
        }
    }
}

/// Checks every entry and every tile against a head that the caller has verified, and shows each entry to `visit`.
///
/// # Errors
/// The log could not be read. What is wrong with it is in the findings.
pub async fn check_tree(
    source: &Source,
    head: Head,
    threads: NonZeroUsize,
    visit: Option<Arc<dyn Visit>>,
    progress: &dyn Progress,
) -> Result<(Counted, Findings), SourceError> {
    let check = TreeCheck { source, head, threads, visit };
    let outcome = check.run(Resume::start(), progress, |_| Ok::<_, SourceError>(())).await?;
    Ok((outcome.counted, outcome.findings))
}

impl Report {
    /// Takes note of what does not hold; what could not be told ends the audit.
    fn take<T>(&mut self, result: Result<T, FollowError>) -> Result<Option<T>, AuditError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(FollowError::CouldNotTell(error)) => Err(error.into()),
            Err(FollowError::DoesNotHold(broken)) => {
                self.findings.add(broken.into());
                Ok(None)
            }
        }
    }

    fn describe(&mut self, checkpoint: &tlog::policy::VerifiedCheckpoint) {
        let signed = checkpoint.signed();
        self.origin = Some(signed.origin().to_string());
        self.size = Some(signed.size());
        self.root = Some(signed.root().to_string());
        self.witnesses =
            checkpoint.witnesses().iter().map(|witness| witness.key().name().to_string()).collect();
    }
}

#[cfg(test)]
mod tests;
