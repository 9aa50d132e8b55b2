//! The entries of a log, brought into order while they are verified, and folded.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ::record::Logged;
use ::record::findings::{Finding, Fold, Parameters};
use ::record::model::Record;
use ::record::story::{Story, Told};
use client::audit::Visit;
use serde::Serialize;
use tlog::Hash;

/// A session in a line.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Overview {
    pub(super) session: String,
    #[serde(rename = "completeness")]
    pub(super) verdict: &'static str,
    pub(super) from: String,
    pub(super) principal: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) records: u64,
    pub(super) findings: usize,
    /// Which rules, each once.
    pub(super) rules: Vec<&'static str>,
}

/// Takes entries in whatever order they are verified, and folds them in the order of the log.
pub(super) struct InOrder {
    inner: Mutex<Inner>,
}

struct Inner {
    wanted: Option<String>,
    next: u64,
    /// Entries that came before their turn; as many as are verified at one time.
    waiting: BTreeMap<u64, Vec<u8>>,
    fold: Fold,
    sessions: BTreeMap<String, Overview>,
    /// Entries of the session that is wanted, and what was found there.
    kept: Vec<(u64, Vec<u8>)>,
    findings: Vec<Finding>,
}

impl InOrder {
    /// All sessions are listed; the records of `wanted` are kept.
    pub(super) fn new(wanted: Option<String>) -> Self {
        let inner = Inner {
            wanted,
            next: 0,
            waiting: BTreeMap::new(),
            fold: Fold::new(Parameters::default()),
            sessions: BTreeMap::new(),
            kept: Vec::new(),
            findings: Vec::new(),
        };
        Self { inner: Mutex::new(inner) }
    }

    /// The sessions in the order of their first record's time.
    pub(super) fn overviews(&self) -> Vec<Overview> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Overview> = inner.sessions.values().cloned().collect();
        for session in &mut all {
            session.verdict =
                inner.fold.verdict(&session.session).map_or("CANNOT TELL", |verdict| verdict.as_str());
        }
        all.sort_by(|a, b| (&a.from, &a.session).cmp(&(&b.from, &b.session)));
        all
    }

    /// The session that is wanted, if the log names it.
    pub(super) fn story(&self, session: &str) -> Option<Story> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = inner.fold.verdict(session)?;
        let kept = inner.kept.iter().filter_map(|(index, entry)| Logged::read(*index, entry).ok());
        let told: Vec<Told<'_>> = kept.map(|logged| logged.told()).collect();
        Story::of(session, &told, &inner.findings, &verdict)
    }
}

impl Visit for InOrder {
    fn entry(&self, index: u64, entry: &[u8], _leaf: Hash) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if index != inner.next {
            inner.waiting.insert(index, entry.to_vec());
            return;
        }
        inner.take(index, entry);
        while let Some(entry) = {
            let next = inner.next;
            inner.waiting.remove(&next)
        } {
            let index = inner.next;
            inner.take(index, &entry);
        }
    }
}

impl Inner {
    /// An entry that is no record, or one of a kind that is not known here, tells nothing.
    fn take(&mut self, index: u64, entry: &[u8]) {
        self.next = index + 1;
        let Ok(logged) = Logged::read(index, entry) else { return };
        let record = logged.record();
        let findings = self.fold.take(&logged.seen());
        let Some(session) = record.session.as_ref().map(|session| session.id.as_str()) else { return };
        self.note(session, record, &findings);
        if self.wanted.as_deref() == Some(session) {
            self.kept.push((index, entry.to_vec()));
            self.findings.extend(findings);
        }
    }

    fn note(&mut self, session: &str, record: &Record<'_>, findings: &[Finding]) {
        let overview = self.sessions.entry(session.to_owned()).or_insert_with(|| Overview {
            session: session.to_owned(),
            verdict: "",
            from: record.time.to_string(),
            principal: None,
            agent: None,
            records: 0,
            findings: 0,
            rules: Vec::new(),
        });
        overview.records += 1;
        overview.findings += findings.len();
        overview.principal =
            overview.principal.take().or_else(|| Some(record.principal.as_ref()?.sub.to_string()));
        overview.agent = overview.agent.take().or_else(|| Some(record.agent.as_ref()?.sub.to_string()));
        for finding in findings {
            if !overview.rules.contains(&finding.rule.as_str()) {
                overview.rules.push(finding.rule.as_str());
            }
        }
    }
}
