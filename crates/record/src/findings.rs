//! What the log itself can tell: a pure fold over records in log order that finds what is wrong.
//!
//! [`Fold::take`] is handed one record after the other, in the order of the log, and answers what that record shows. The
//! same fold runs in the server, in the command line and in an auditor's own hands, so nobody has to believe a finding:
//! whoever has the records recomputes it. A finding never goes away as the log grows; it names its rule, the version and
//! the parameter of the rule, and the entries it rests on.
//!
//! Rules judge in log order: what an approval, a scope or a key was when a record was logged, nothing that came later.
//! Times of the calls are the producers' claims; only `received` is the log's.

mod call;
mod clock;
mod coverage;
mod decision;
mod intervals;
mod keys;
mod rule;
mod scope;
mod sequence;
mod session;
mod signers;
mod verdict;

use std::collections::HashMap;

use crate::id::RecordId;
use crate::model::{Group, Instant, Kind, Record};
use crate::signature::Signature;

pub use rule::Rule;
pub use signers::{Held, Signers};
pub use verdict::Verdict;

use coverage::Producers;
use keys::Keys;
use session::Session;

/// A record as it stands in the log.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'r> {
    /// Index of its entry.
    pub index: u64,
    /// When the log received it.
    pub received: Instant,
    /// The record, read from `canonical`.
    pub record: &'r Record<'r>,
    /// The record in canonical form, as it stands in the entry.
    pub canonical: &'r [u8],
    /// Whether the log put digests in the place of content, so that `canonical` is not what was sent.
    pub rewritten: bool,
    /// Its signatures.
    pub signatures: &'r [Signature],
}

/// What can be set; each finding that depends on one tells its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// `received_late`: milliseconds after its own time that a record may arrive.
    pub late_ms: i64,
    /// `clock_ahead`: milliseconds that a record's own time may lie after its arrival.
    pub ahead_ms: i64,
    /// `sequence_gap`: how many further records of a producer are waited for one that is missing.
    pub gap_patience: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { late_ms: 5 * 60_000, ahead_ms: 30_000, gap_patience: 64 }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule found it.
    pub rule: Rule,
    /// Index of the entry that shows it.
    pub index: u64,
    /// Id of the record there.
    pub id: RecordId,
    /// The session, where the record names one.
    pub session: Option<String>,
    /// What is wrong, in a sentence.
    pub why: String,
    /// Name and value of the parameter of the rule, where it has one.
    pub parameter: Option<(&'static str, i64)>,
    /// Indices of the other entries that it rests on, ascending.
    pub rests_on: Vec<u64>,
}

/// All that has to be remembered of the records before.
///
/// Memory grows with the calls, sessions and producers seen, not with the bytes of the log.
#[derive(Debug, Default)]
pub struct Fold {
    parameters: Parameters,
    sessions: HashMap<Correlation, Session>,
    producers: Producers,
    keys: Keys,
    /// Where a request stands that an approval from elsewhere binds.
    requests: HashMap<RecordId, Correlation>,
}

/// What holds records together: a session, or where none is named a trace, or else an action.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Correlation {
    Session(String),
    Trace(String),
    Action(String),
}

impl Correlation {
    fn of(record: &Record<'_>) -> Option<Self> {
        if let Some(session) = &record.session {
            return Some(Self::Session(session.id.as_str().to_owned()));
        }
        if let Some(trace) = record.trace.as_ref() {
            return Some(Self::Trace(trace.id().unwrap_or(&trace.traceparent).to_owned()));
        }
        record.action.as_ref().map(|action| Self::Action(action.id.as_str().to_owned()))
    }
}

impl Fold {
    /// A fold that has seen nothing.
    pub fn new(parameters: Parameters) -> Self {
        Self { parameters, ..Self::default() }
    }

    /// Takes the next record of the log and tells what it shows, in the order of the rules.
    pub fn take(&mut self, seen: &Seen<'_>) -> Vec<Finding> {
        let mut found = Found::of(seen);
        clock::judge(&self.parameters, &mut found);
        self.keys.judge(&mut found);
        self.producers.judge(&self.parameters, &mut found);
        self.judge_session(&mut found);
        let findings = found.findings;
        if let Some(session) = Correlation::of(seen.record).and_then(|at| self.sessions.get_mut(&at)) {
            session.remember(&findings);
        }
        findings
    }

    /// What can be said of how complete a session is; nothing of a session that no record names.
    pub fn verdict(&self, session: &str) -> Option<Verdict> {
        let session = self.sessions.get(&Correlation::Session(session.to_owned()))?;
        Some(session.verdict(&self.producers))
    }

    /// Entries that decide about calls of a session, ascending; also those that came under another session, or under none.
    pub fn decisions(&self, session: &str) -> Vec<u64> {
        let session = self.sessions.get(&Correlation::Session(session.to_owned()));
        let mut all: Vec<u64> = session.into_iter().flat_map(Session::decisions).collect();
        all.sort_unstable();
        all
    }

    fn judge_session(&mut self, found: &mut Found<'_, '_>) {
        let record = found.seen.record;
        let judged = !matches!(record.kind.group(), Group::Key | Group::Oversight | Group::Own);
        let Some(at) = Correlation::of(record).filter(|_| judged) else { return };
        // An approval may come over a connection of its own: what it binds says where it belongs.
        let home = session::home(record, &self.requests).unwrap_or_else(|| at.clone());
        if record.kind == Kind::ActionRequested {
            self.requests.insert(record.id, at.clone());
        }
        let named = matches!(at, Correlation::Session(_));
        self.sessions.entry(at.clone()).or_default().arrive(named, found);
        self.sessions.entry(home).or_default().judge(found);
        self.sessions.entry(at).or_default().leave(found);
    }
}

/// The record under judgement, and what was found so far.
pub(crate) struct Found<'f, 'r> {
    pub(crate) seen: &'f Seen<'r>,
    /// What is known of its signatures before.
    held: Option<&'f Held>,
    findings: Vec<Finding>,
}

impl<'f, 'r> Found<'f, 'r> {
    const fn of(seen: &'f Seen<'r>) -> Self {
        Self { seen, held: None, findings: Vec::new() }
    }

    /// Adds a finding that has no parameter.
    pub(crate) fn push(&mut self, rule: Rule, rests_on: &[u64], why: impl Into<String>) {
        self.push_with(rule, None, rests_on, why);
    }

    /// Adds a finding.
    pub(crate) fn push_with(
        &mut self,
        rule: Rule,
        parameter: Option<(&'static str, i64)>,
        rests_on: &[u64],
        why: impl Into<String>,
    ) {
        let mut rests_on = rests_on.to_vec();
        rests_on.sort_unstable();
        rests_on.dedup();
        rests_on.retain(|&index| index != self.seen.index);
        let session = self.seen.record.session.as_ref().map(|session| session.id.as_str().to_owned());
        self.findings.push(Finding {
            rule,
            index: self.seen.index,
            id: self.seen.record.id,
            session,
            why: why.into(),
            parameter,
            rests_on,
        });
    }
}
