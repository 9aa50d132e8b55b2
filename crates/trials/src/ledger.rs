//! What a log has acknowledged in its life, and the demand that it keep all of it.

use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::audit::{Audit, Scope, Silent};
use client::follow::{self, Changes};
use client::load::{Checked, Load, Loaded, Payload, Promises};
use sequencer::Kind;
use tlog::checkpoint::SignedCheckpoint;
use tlog::policy::Policy;

use crate::TrialError;
use crate::onlooker::source;

/// Time for the public checkpoint to reach what was acknowledged.
const PUBLISH_WAIT: Duration = Duration::from_secs(5);
/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a raw entry.
const ENTRY_BYTES: usize = 400;

/// How hard a log is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Workers, each with a connection.
    pub workers: u32,
    /// Records in a request; raw entries go one by one.
    pub per_request: u64,
    /// Requests a second that are due.
    pub rate: f64,
}

/// The books of one log: kept outside its directory, by somebody who trusts only its key.
pub struct Ledger {
    home: PathBuf,
    kind: Kind,
    policy: Policy,
    run: u64,
    loads: u64,
    /// What the log's users counted.
    pub totals: Totals,
}

/// What all loads together came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Entries that were acknowledged.
    pub acknowledged: u64,
    /// Records that were sent again, since nobody could tell what became of them.
    pub resent: u64,
    /// Records of which the log then said that it has them already.
    pub duplicates: u64,
    /// Requests that ended with a connection that broke or was not made.
    pub broken_off: u64,
}

impl Ledger {
    /// New books in a directory of their own, for the log with this key. `run` tells its entries from those of others.
    ///
    /// # Errors
    /// The directory cannot be made, or the key is none.
    pub fn new(home: PathBuf, kind: Kind, vkey: &str, run: u64) -> Result<Self, TrialError> {
        fs::create_dir_all(&home).map_err(TrialError::failed)?;
        let key = vkey.parse().map_err(TrialError::failed)?;
        let policy = Policy::log_only(key).map_err(TrialError::failed)?;
        Ok(Self { home, kind, policy, run, loads: 0, totals: Totals::default() })
    }

    /// Whom these books believe.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// A load of its own list, to be run, and then to be entered with [`Ledger::enter`].
    ///
    /// # Errors
    /// The URL is none.
    pub fn load(&mut self, url: &str, pace: Pace, duration: Duration) -> Result<Load, TrialError> {
        self.loads += 1;
        let (payload, per_request) = match self.kind {
            // Raw entries of one run are told apart by their number, which begins again with each load.
            Kind::Raw => {
                (Payload::Raw { run: self.run.wrapping_add(self.loads << 32), bytes: ENTRY_BYTES }, 1)
            }
            Kind::Records => {
                let time = "2026-11-24T08:00:00.000Z".to_owned();
                (Payload::Records { run: self.run, time }, pace.per_request)
            }
        };
        Ok(Load {
            url: format!("{}/", url.trim_end_matches('/')).parse().map_err(TrialError::failed)?,
            token: None,
            payload,
            per_request,
            workers: pace.workers,
            rate: Some(pace.rate),
            duration,
            requests_max: None,
            acks: self.home.join(format!("acks-{}", self.loads)),
            timeout: TIMEOUT,
        })
    }

    /// Enters what came of a load. Nothing may have come but an acknowledgement, a plea to come back later, or silence.
    ///
    /// # Errors
    /// A record was refused, an answer could not be read, or the books cannot be kept.
    pub fn enter(&mut self, loaded: &Loaded) -> Result<(), TrialError> {
        for (status, count) in &loaded.statuses {
            if !matches!(status, 200 | 429 | 503) {
                return Err(TrialError::broken(format!("{count} answers with the status {status}")));
            }
        }
        for (kind, count) in &loaded.errors {
            if !matches!(&**kind, "no connection" | "connection broken") {
                return Err(TrialError::broken(format!("{count} times: {kind}")));
            }
            self.totals.broken_off += count;
        }
        self.totals.acknowledged += loaded.acknowledged;
        self.totals.resent += loaded.resent;
        self.totals.duplicates += loaded.duplicates;
        self.append(&loaded.acks).map_err(TrialError::failed)
    }

    /// Adds a list to the list of all; the first line of the first one stands for all of them.
    fn append(&self, list: &Path) -> std::io::Result<()> {
        let text = fs::read_to_string(list)?;
        let all = self.all();
        let lines = if all.exists() { text.split_once('\n').map_or("", |(_, rest)| rest) } else { &text };
        fs::OpenOptions::new().create(true).append(true).open(all)?.write_all(lines.as_bytes())
    }

    /// The list of everything that was ever acknowledged.
    pub fn all(&self) -> PathBuf {
        self.home.join("acks-all")
    }

    /// Holds the log to a list: what is wrong is in what comes back.
    ///
    /// # Errors
    /// It could not be told.
    pub async fn check(&self, url: &str, list: &Path) -> Result<Checked, TrialError> {
        let (source, policy) = (source(url, 3)?, self.policy.clone());
        let promises = Promises { source, policy, wait: PUBLISH_WAIT, threads: NonZeroUsize::MIN };
        promises.verify(list, &Silent).await.map_err(TrialError::failed)
    }

    /// The same, where nothing may be wrong.
    ///
    /// # Errors
    /// A promise was broken, or it could not be told.
    pub async fn hold(&self, url: &str, list: &Path) -> Result<Checked, TrialError> {
        let checked = self.check(url, list).await?;
        if checked.holds() && checked.kept == checked.acknowledged {
            return Ok(checked);
        }
        Err(TrialError::broken(format!(
            "{} of {} acknowledged entries are kept; {}",
            checked.kept,
            checked.acknowledged,
            first_of(&checked.broken)
        )))
    }

    /// Demands that the log as it is shown now continues a checkpoint that somebody saw.
    ///
    /// # Errors
    /// It does not, with both checkpoints inside; or it could not be told.
    pub async fn continues(&self, url: &str, seen: Option<&SignedCheckpoint>) -> Result<(), TrialError> {
        match follow::advance(&source(url, 3)?, &self.policy, seen).await {
            Ok(_) => Ok(()),
            Err(follow::FollowError::DoesNotHold(broken)) => Err(TrialError::broken(broken)),
            Err(follow::FollowError::CouldNotTell(error)) => Err(TrialError::failed(error)),
        }
    }

    /// An auditor that remembers looks at the log again. The size that it found.
    ///
    /// # Errors
    /// Something is wrong with the log, or it could not be told.
    pub async fn audit(&self, url: &str, scope: Scope) -> Result<u64, TrialError> {
        let audit = Audit {
            source: source(url, 3)?,
            policy: self.policy.clone(),
            changes: Changes::Refused,
            state: Some(self.home.join("auditor")),
            scope,
            threads: NonZeroUsize::MIN,
        };
        let report = audit.run(&Silent).await.map_err(TrialError::failed)?;
        if report.holds() {
            return Ok(report.size.unwrap_or(0));
        }
        let wrong: Vec<_> = report.findings.first.iter().map(ToString::to_string).collect();
        Err(TrialError::broken(format!("the audit says: {}", first_of(&wrong))))
    }
}

/// The first of several sentences, and how many more there are.
pub(crate) fn first_of(sentences: &[String]) -> String {
    match sentences {
        [] => "nobody says why".to_owned(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}
