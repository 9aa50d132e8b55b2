//! What is done beside the task of a log: looking, proving, reading. Each ends in what happened.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use client::audit::{Finding, Growth, Place, Progress, Visit};
use client::follow::{self, Broken, Changes, FollowError};
use client::keys::{History, follow_keys};
use client::{Source, SourceError};
use record::Logged;
use tlog::key::KeyName;
use tlog::policy::Policy;
use tlog::{Hash, Head};
use tokio::sync::mpsc;

use super::{Mail, Watched};
use crate::heard::{Heard, Trust};
use crate::watch::{Bad, Input, Proof, Reading};

/// A policy with the keys that were followed, and the history that led to them.
pub(crate) struct Followed {
    pub(crate) trust: Trust,
    pub(crate) history: Option<History>,
}

/// Whom to believe about a log before it was looked at: by its policy, and by the keys that were followed from there. What
/// does not hold any more, because the policy is another one, is for the first look to tell.
pub(super) fn trust(watched: &Watched, known: Option<&History>) -> Trust {
    let followed = known.and_then(|known| follow_keys(&watched.policy, known).ok());
    let policy = followed.map_or_else(|| watched.policy.clone(), |followed| followed.policy);
    Trust::new(watched.origin.clone(), policy)
}

/// What it takes to look at a log.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) origin: KeyName,
    pub(super) source: Source,
    pub(super) policy: Policy,
    pub(super) changes: Changes,
    pub(super) known: Option<History>,
}

impl Look {
    /// Looks at what the log publishes, and follows a change of its key.
    pub(super) async fn run(self) -> Mail {
        let looked = match follow::trust(&self.source, &self.policy, self.known.clone(), self.changes).await {
            Ok(looked) => looked,
            Err(FollowError::CouldNotTell(error)) => {
                return Mail::Looked { input: Input::Silent { why: error.to_string() }, followed: None };
            }
            Err(FollowError::DoesNotHold(broken)) => {
                let input = Input::Refused { why: broken.to_string(), heard: None };
                return Mail::Looked { input, followed: None };
            }
        };
        let trust = Trust::new(self.origin, looked.followed.policy.clone());
        let heard = trust.hear(looked.shown());
        let input = match (looked.checkpoint(), heard) {
            (Ok(_), Ok(heard)) => Input::Shown(heard),
            (Err(why), heard) => Input::Refused { why: why.to_string(), heard: heard.ok() },
            (Ok(_), Err(why)) => Input::Refused { why: why.to_string(), heard: None },
        };
        let changed = looked.history != self.known;
        let followed = changed.then(|| Box::new(Followed { trust, history: looked.history }));
        Mail::Looked { input, followed }
    }
}

/// Which root the larger tree has at the smaller size, from the log's tiles.
pub(super) async fn prove(source: Source, smaller: Heard, larger: Heard) -> Mail {
    let outcome = match follow::consistency(&source, smaller.size(), larger.head()).await {
        Ok(proof) => Proof::Root(proof),
        Err(FollowError::CouldNotTell(error)) => {
            tracing::debug!(%error, "a head could not be connected");
            Proof::CouldNotTell
        }
        Err(FollowError::DoesNotHold(broken)) => {
            let path = match &broken {
                Broken::MissingTile(tile) => tile.to_string(),
                _ => String::new(),
            };
            let why = if path.is_empty() { broken.to_string() } else { "it is not there".to_owned() };
            Proof::Wrong { path, why }
        }
    };
    Mail::Input(Input::Proved { smaller, larger, outcome })
}

/// Entries from a head on up to another.
pub(super) struct Read {
    pub(super) source: Source,
    pub(super) before: Option<Head>,
    pub(super) to: Heard,
    pub(super) place: Option<Place>,
    pub(super) threads: NonZeroUsize,
    pub(super) hashed: Arc<AtomicU64>,
    pub(super) records: Arc<Records>,
}

impl Read {
    /// Hashes them; says now and then how far it has come.
    pub(super) async fn run(self, mails: mpsc::Sender<Mail>) -> Mail {
        let growth = Growth {
            source: &self.source,
            before: self.before,
            head: self.to.head(),
            place: self.place.as_ref(),
            threads: self.threads,
            visit: Some(self.records.clone()),
        };
        let save = |place| {
            // A place that is not noted is read from again.
            let _ = mails.try_send(Mail::Input(Input::Reached(place)));
            Ok::<_, SourceError>(())
        };
        let outcome = match growth.check(&Hashed::new(&self.hashed), save).await {
            Ok((_, findings)) if findings.is_empty() => Reading::Holds,
            Ok((_, findings)) => Reading::Wrong(findings.first.into_iter().map(Bad::from).collect()),
            Err(error) => {
                tracing::debug!(%error, "the log could not be read");
                Reading::CouldNotTell
            }
        };
        Mail::Input(Input::Read { to: self.to, outcome })
    }
}

/// Whether there are records among the entries that were hashed.
#[derive(Default)]
pub(super) struct Records(AtomicBool);

impl Records {
    pub(super) fn are_there(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl Visit for Records {
    fn entry(&self, index: u64, entry: &[u8], _: Hash) {
        if !self.are_there() && Logged::read(index, entry).is_ok() {
            self.0.store(true, Relaxed);
        }
    }
}

/// Counts entries as they are hashed.
struct Hashed<'a> {
    all: &'a AtomicU64,
    last: AtomicU64,
}

impl<'a> Hashed<'a> {
    fn new(all: &'a AtomicU64) -> Self {
        Self { all, last: AtomicU64::new(u64::MAX) }
    }
}

impl Progress for Hashed<'_> {
    fn entries(&self, done: u64, _: u64) {
        let last = self.last.swap(done, Relaxed);
        // What was there at the beginning was hashed before.
        if last != u64::MAX {
            self.all.fetch_add(done.saturating_sub(last), Relaxed);
        }
    }
}

impl From<Finding> for Bad {
    fn from(finding: Finding) -> Self {
        let mut why = finding.detail;
        if let (Some(expected), Some(found)) = (finding.expected, finding.found) {
            why = format!("{why} (expected {expected}, found {found})");
        }
        Self { path: finding.path, index: finding.index, why }
    }
}
