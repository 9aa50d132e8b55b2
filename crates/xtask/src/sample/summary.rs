//! What a converted sample holds, counted from the records alone.

use super::convert::Line;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Counts over records; prints as tables.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    bytes: usize,
    largest: usize,
    sessions: BTreeSet<String>,
    principals: BTreeSet<String>,
    by_type: BTreeMap<String, usize>,
    tools: BTreeMap<(&'static str, String), Tool>,
}

#[derive(Debug, Default)]
struct Tool {
    calls: usize,
    errors: usize,
    by_mode: BTreeMap<String, usize>,
}

impl Summary {
    /// Counts `records`.
    pub(crate) fn of(records: &[Line]) -> Result<Self, serde_json::Error> {
        let mut summary = Self::default();
        for Line { record, sent } in records {
            summary.bytes += sent.len() + 1;
            summary.largest = summary.largest.max(record.len());
            summary.count(&serde_json::from_slice(record)?);
        }
        Ok(summary)
    }

    fn count(&mut self, record: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.sessions.insert(text(&record["session"]["id"]));
        self.principals.insert(text(&record["principal"]["sub"]));
        *self.by_type.entry(text(&record["type"])).or_default() += 1;
        let effect = if record["action"]["effect"] == "write" { "write" } else { "read" };
        let key = (effect, text(&record["action"]["tool"]));
        match record["type"].as_str() {
            Some("action.requested") => {
                let tool = self.tools.entry(key).or_default();
                tool.calls += 1;
                *tool.by_mode.entry(text(&record["approval"]["mode"])).or_default() += 1;
            }
            Some("action.completed") if record["outcome"]["status"] == "error" => {
                self.tools.entry(key).or_default().errors += 1;
            }
            _ => {}
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: usize = self.by_type.values().sum();
        writeln!(f, "{:<34}{:>7}", "sessions", self.sessions.len())?;
        writeln!(f, "{:<34}{:>7}", "principals", self.principals.len())?;
        writeln!(f, "{:<34}{records:>7}", "records")?;
        for (record_type, count) in &self.by_type {
            writeln!(f, "  {record_type:<32}{count:>7}")?;
        }
        writeln!(f, "{:<34}{:>7}  largest record {}", "bytes", self.bytes, self.largest)?;
        writeln!(f, "\n{:<34}{:>7}{:>8}{:>8}{:>13}", "tool", "calls", "errors", "yes", "without yes")?;
        let mut writes = (0, 0);
        for ((effect, name), tool) in &self.tools {
            let yes = tool.by_mode.get("human").copied().unwrap_or_default();
            let label = format!("{effect:<6}{name}");
            write!(f, "{label:<34}{:>7}{:>8}", tool.calls, tool.errors)?;
            if *effect == "write" {
                let without = tool.calls - yes;
                writes = (writes.0 + yes, writes.1 + without);
                let unknown = tool.by_mode.get("unknown").copied().unwrap_or_default();
                let why = if unknown > 0 { "unknown" } else { "not required" };
                write!(f, "{yes:>8}{without:>13}")?;
                if without > 0 {
                    write!(f, "  {why}")?;
                }
            }
            writeln!(f)?;
        }
        let calls: usize = self.tools.values().map(|tool| tool.calls).sum();
        let errors: usize = self.tools.values().map(|tool| tool.errors).sum();
        writeln!(f, "{:<34}{calls:>7}{errors:>8}{:>8}{:>13}", "all", writes.0, writes.1)
    }
}
