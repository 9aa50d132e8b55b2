//! The entries of a log, folded into its sessions.

use std::collections::{BTreeMap, HashSet};

use ::record::findings::{Finding, Fold, Parameters};
use ::record::model::{Kind, Record};
use ::record::story::{Story, Told};
use ::record::{Logged, RecordId};
use serde::Serialize;

use crate::whole_log::Take;

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

/// The sessions of a log, and the story of the one that is wanted.
pub(super) struct Sessions {
    wanted: Option<String>,
    fold: Fold,
    overviews: BTreeMap<String, Overview>,
    /// Entries of the session that is wanted, and what was found there.
    kept: Vec<(u64, Vec<u8>)>,
    /// Its requests, and entries under other sessions that decide about them.
    requests: HashSet<RecordId>,
    elsewhere: Vec<(u64, Vec<u8>)>,
    findings: Vec<Finding>,
}

impl Sessions {
    /// All sessions are listed; the records of `wanted` are kept.
    pub(super) fn new(wanted: Option<String>) -> Self {
        let fold = Fold::new(Parameters::default());
        let (kept, requests, elsewhere) = (Vec::new(), HashSet::new(), Vec::new());
        Self { wanted, fold, overviews: BTreeMap::new(), kept, requests, elsewhere, findings: Vec::new() }
    }

    /// The sessions in the order of their first record's time.
    pub(super) fn overviews(&self) -> Vec<Overview> {
        let mut all: Vec<Overview> = self.overviews.values().cloned().collect();
        for session in &mut all {
            session.verdict =
                self.fold.verdict(&session.session).map_or("CANNOT TELL", |verdict| verdict.as_str());
        }
        all.sort_by(|a, b| (&a.from, &a.session).cmp(&(&b.from, &b.session)));
        all
    }

    /// The session that is wanted, if the log names it.
    pub(super) fn story(&self, session: &str) -> Option<Story> {
        let verdict = self.fold.verdict(session)?;
        let (kept, elsewhere) = (read(&self.kept), read(&self.elsewhere));
        let told: Vec<Told<'_>> = kept.iter().map(Logged::told).collect();
        let elsewhere: Vec<Told<'_>> = elsewhere.iter().map(Logged::told).collect();
        Story::of(session, &told, &elsewhere, &self.findings, &verdict)
    }
}

impl Take for Sessions {
    /// An entry that is no record, or one of a kind that is not known here, tells nothing.
    fn take(&mut self, index: u64, entry: &[u8]) {
        let Ok(logged) = Logged::read(index, entry) else { return };
        let record = logged.record();
        let findings = self.fold.take(&logged.seen());
        let session = record.session.as_ref().map(|session| session.id.as_str());
        if let Some(session) = session {
            self.note(session, record, &findings);
        }
        if self.wanted.is_some() && self.wanted.as_deref() == session {
            self.requests.extend(Some(record.id).filter(|_| record.kind == Kind::ActionRequested));
            self.kept.push((index, entry.to_vec()));
            self.findings.extend(findings);
        } else if record.bound_request().is_some_and(|request| self.requests.contains(&request)) {
            self.elsewhere.push((index, entry.to_vec()));
        }
    }
}

fn read(entries: &[(u64, Vec<u8>)]) -> Vec<Logged<'_>> {
    entries.iter().filter_map(|(index, entry)| Logged::read(*index, entry).ok()).collect()
}

impl Sessions {
    fn note(&mut self, session: &str, record: &Record<'_>, findings: &[Finding]) {
        let overview = self.overviews.entry(session.to_owned()).or_insert_with(|| Overview {
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
