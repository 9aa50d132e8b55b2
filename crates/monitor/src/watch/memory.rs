//! All that a watch must not forget, as one JSON document.

use std::collections::{BTreeMap, VecDeque};

use client::audit::Place;
use serde::{Deserialize, Serialize};
use tlog::Head;
use tlog::key::KeyName;

use super::incident::Incident;
use crate::event::{Event, Kind, Millis};
use crate::heard::Heard;

const FORMAT: &str = "deedbook-monitor-log/1";

/// Who said that a log signed a head.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whom {
    /// The log, as its checkpoint.
    Log,
    /// The log, though it does not satisfy the policy.
    LogRefused,
    /// A witness, at the prefix where it is monitored.
    Witness(String),
    /// Another monitor, where it is reached.
    Peer(String),
    /// Somebody who handed it in, from this address.
    Client(String),
}

/// A head that is not connected yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The head.
    pub heard: Heard,
    /// Who said it first.
    pub from: Whom,
    /// When that was; later, by the time during which nobody looked, or the log could not be read.
    pub since: Millis,
    /// Whether it was tried to connect it, in vain, since the start, while the log could be read.
    #[serde(skip)]
    pub tried: bool,
}

/// A head of another history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Other {
    pub(super) heard: Heard,
    /// Keys that are shown to have signed both histories.
    pub(super) guilty: Vec<String>,
    /// Whether it has lines that the kept proof does not have.
    pub(super) stale: bool,
}

/// Entries that are being read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Under {
    pub(super) to: Heard,
    pub(super) place: Option<Place>,
}

/// All that a watch must not forget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    format: String,
    origin: String,
    /// The largest head that was proven.
    pub(super) proven: Option<Heard>,
    /// The largest head that the log published and that was proven: what is read up to.
    pub(super) target: Option<Heard>,
    /// Up to here every entry was hashed.
    pub(super) verified: Option<Heard>,
    pub(super) under: Option<Under>,
    /// Entries before it were judged by the rules, and what was found is told.
    pub(super) judged: u64,
    /// How often each rule found something, by rule and identity.
    pub(super) counts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Whether there are records among the entries that were hashed.
    #[serde(default = "yes")]
    pub(super) records: bool,
    pub(super) waiting: Vec<Waiting>,
    pub(super) others: Vec<Other>,
    /// For each witness, the largest head of the history with its line.
    pub(super) cosigned: BTreeMap<String, Heard>,
    /// The largest size that the log has shown.
    pub(super) largest: u64,
    /// Since when it shows less.
    pub(super) behind: Option<Millis>,
    /// When it grew last.
    pub(super) grown: Option<Millis>,
    /// Since when it cannot be read.
    pub(super) silent: Option<(Millis, String)>,
    pub(super) incidents: Vec<Incident>,
    /// When somebody looked last, as far as a clock needs it.
    #[serde(default)]
    pub(super) awake: Millis,
    /// Names the life of the monitor in the ids of events: when it was started last.
    #[serde(default)]
    pub(super) life: Millis,
    /// Number of the next event.
    pub(super) next: u64,
    pub(super) events: VecDeque<Event>,
    /// Events up to this number were printed.
    #[serde(default)]
    pub(super) printed: u64,
    /// Up to which number each webhook has taken events, by its URL.
    #[serde(default)]
    pub(super) taken: BTreeMap<String, u64>,
    pub(super) lost: u64,
}

/// A memory that is none of this log. Whoever put it there is at fault; it is not touched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Another version of this program wrote it, or it is damaged.
    #[error("this is no memory of a monitor: {0}")]
    Format(String),
    /// Of another log.
    #[error("this is what a monitor remembers of the log {found}, not of {wanted}")]
    OtherLog {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: KeyName,
    },
}

impl Memory {
    pub(super) fn new(origin: &KeyName) -> Self {
        Self {
            format: FORMAT.to_owned(),
            origin: origin.to_string(),
            proven: None,
            target: None,
            verified: None,
            under: None,
            judged: 0,
            counts: BTreeMap::new(),
            records: false,
            waiting: vec![],
            others: vec![],
            cosigned: BTreeMap::new(),
            largest: 0,
            behind: None,
            grown: None,
            silent: None,
            incidents: vec![],
            awake: 0,
            life: 0,
            next: 1,
            events: VecDeque::new(),
            printed: 0,
            taken: BTreeMap::new(),
            lost: 0,
        }
    }

    /// Reads what [`Memory::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`MemoryError::Format`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MemoryError> {
        let memory: Self =
            serde_json::from_slice(bytes).map_err(|error| MemoryError::Format(error.to_string()))?;
        if memory.format == FORMAT { Ok(memory) } else { Err(MemoryError::Format(memory.format)) }
    }

    /// The document.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists of them: printing cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn check(&self, wanted: &KeyName) -> Result<(), MemoryError> {
        if self.origin == wanted.as_str() {
            Ok(())
        } else {
            Err(MemoryError::OtherLog { found: self.origin.clone(), wanted: wanted.clone() })
        }
    }

    /// Up to here every entry was hashed.
    pub fn verified(&self) -> Option<&Heard> {
        self.verified.as_ref()
    }

    /// The largest head that was proven to continue all that was seen.
    pub fn proven(&self) -> Option<&Heard> {
        self.proven.as_ref()
    }

    /// Heads that are not connected yet.
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// Heads that the log has signed and that exclude the history, as far as they are kept.
    pub fn others(&self) -> impl Iterator<Item = &Heard> {
        self.others.iter().map(|other| &other.heard)
    }

    /// All that was ever wrong.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Names of the fork proofs that are kept, each once.
    pub fn proofs(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.incidents.iter().filter_map(|each| each.proof.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Alerts that somebody is still to be told.
    pub fn alerts(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.what.is_alert())
    }

    /// Events that are to be printed.
    pub(crate) fn unprinted(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.number > self.printed)
    }

    /// Alerts that a webhook has not taken.
    pub(crate) fn untaken(&self, webhook: &str) -> impl Iterator<Item = &Event> {
        let taken = self.taken(webhook);
        self.alerts().filter(move |event| event.number > taken)
    }

    pub(super) fn taken(&self, webhook: &str) -> u64 {
        self.taken.get(webhook).copied().unwrap_or(0)
    }

    /// Whether the log could not be read at the last look.
    pub fn is_silent(&self) -> bool {
        self.silent.is_some()
    }

    /// Whether there are records among the entries that were hashed.
    pub fn has_records(&self) -> bool {
        self.records
    }

    /// Entries that the rules have judged.
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// How often each rule found something: rule, identity (an agent), count.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &str, u64)> {
        self.counts.iter().flat_map(|(rule, counts)| {
            counts.iter().map(move |(identity, count)| (rule.as_str(), identity.as_str(), *count))
        })
    }

    /// Whether everything that the log has published and was proven is verified, and nothing waits to be proven.
    pub fn is_settled(&self) -> bool {
        let size = |heard: &Option<Heard>| heard.as_ref().map(Heard::size);
        size(&self.verified) == size(&self.target) && self.target.is_some() && self.waiting.is_empty()
    }

    /// The split views that are known.
    pub(super) fn splits(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|each| each.kind == Kind::SplitView)
    }

    /// Whether this witness is known to have cosigned two histories.
    pub(super) fn is_accused(&self, key: &str) -> bool {
        self.incidents.iter().any(|each| each.kind == Kind::TwoHistoriesCosigned && each.subject == key)
    }

    pub(super) fn is_other(&self, head: Head) -> bool {
        self.others.iter().any(|other| other.heard.head() == head)
    }
}

const fn yes() -> bool {
    true
}
