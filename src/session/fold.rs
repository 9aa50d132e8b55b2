//! The entries of a log, folded into its sessions.

use std::collections::BTreeMap;

use ::record::Logged;
use ::record::findings::{Finding, Fold, Parameters};
use ::record::model::Record;
use ::record::story::{Story, Told};
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
    findings: Vec<Finding>,
}

impl Sessions {
    /// All sessions are listed; the records of `wanted` are kept.
    pub(super) fn new(wanted: Option<String>) -> Self {
        let fold = Fold::new(Parameters::default());
        Self { wanted, fold, overviews: BTreeMap::new(), kept: Vec::new(), findings: Vec::new() }
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
        let kept: Vec<Logged<'_>> =
            self.kept.iter().filter_map(|(index, entry)| Logged::read(*index, entry).ok()).collect();
        let told: Vec<Told<'_>> = kept.iter().map(Logged::told).collect();
        Story::of(session, &told, &self.findings, &verdict)
    }
}

impl Take for Sessions {
    /// An entry that is no record, or one of a kind that is not known here, tells nothing.
    fn take(&mut self, index: u64, entry: &[u8]) {
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
