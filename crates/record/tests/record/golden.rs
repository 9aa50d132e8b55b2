//! Golden sessions: for each finding some that show it and some that nearly do, and why.
//!
//! The same table stands in `tests/data/findings/golden.ndjson` for programs in other languages; a test here holds the two
//! together. `DEEDBOOK_BLESS=1 cargo test -p record golden` writes the file anew.

pub(crate) mod stories;
mod story;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use record::findings::{Finding, Rule};
use serde_json::{Value, json};

use stories::{Golden, stories};

const FILE: &str = "../../tests/data/findings/golden.ndjson";

fn rules(findings: &[Finding]) -> Vec<(u64, Rule, Vec<u64>)> {
    findings.iter().map(|finding| (finding.index, finding.rule, finding.rests_on.clone())).collect()
}

#[test]
fn each_story_shows_what_it_should_and_nothing_else() {
    let mut wrong = Vec::new();
    for Golden { name, story, wanted, verdict, .. } in stories() {
        let told = story.told();
        let found = rules(&told.findings);
        let said = told.verdict.as_ref().map_or("", |verdict| verdict.as_str());
        if found != wanted || said != verdict {
            wrong.push(format!(
                "{name}:\n  found  {found:?} {said} {:?}\n  wanted {wanted:?} {verdict}",
                told.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_rule_has_stories_that_show_it_and_near_misses_that_do_not() {
    let mut shown: BTreeMap<Rule, usize> = BTreeMap::new();
    let mut missed: BTreeMap<Rule, usize> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for golden in stories() {
        assert!(names.insert(golden.name), "two stories are called {:?}", golden.name);
        assert!(!golden.why.is_empty());
        let found: BTreeSet<Rule> = golden.wanted.iter().map(|(_, rule, _)| *rule).collect();
        for rule in found {
            *shown.entry(rule).or_default() += 1;
        }
        if let Some(rule) = golden.near {
            assert!(
                golden.wanted.iter().all(|(_, found, _)| *found != rule),
                "{} is no near miss",
                golden.name
            );
            *missed.entry(rule).or_default() += 1;
        }
    }
    for rule in Rule::ALL {
        assert!(shown.get(rule).is_some_and(|&n| n >= 2), "{rule} is shown {:?} times", shown.get(rule));
        assert!(missed.contains_key(rule), "{rule} has no near miss");
    }
}

#[test]
fn each_finding_explains_itself() {
    for golden in stories() {
        for finding in golden.story.told().findings {
            assert!(!finding.why.is_empty() && !finding.why.contains('\n') && !finding.why.ends_with('.'));
            assert!(finding.rests_on.iter().all(|&index| index < finding.index), "{}", golden.name);
            let timed = matches!(finding.rule, Rule::ReceivedLate | Rule::ClockAhead);
            assert!(!timed || finding.parameter.is_some(), "{}", golden.name);
        }
    }
}

/// Findings never go away: what a beginning of the log shows, the whole shows too.
#[test]
fn what_was_found_stays_found() {
    for mut golden in stories() {
        let whole = rules(&golden.story.told().findings);
        while golden.story.0.pop().is_some() {
            let beginning = rules(&golden.story.told().findings);
            assert!(whole.starts_with(&beginning), "{}", golden.name);
        }
    }
}

#[test]
fn the_file_for_other_programs_is_this_table() {
    let line = |golden: Golden| {
        let told = golden.story.told();
        let findings: Vec<Value> = told
            .findings
            .iter()
            .map(|finding| {
                json!({"index": finding.index, "rests_on": finding.rests_on, "rule": finding.rule.as_str(),
                    "version": finding.rule.version()})
            })
            .collect();
        let json = json!({"entries": told.entries, "findings": findings, "name": golden.name,
            "verdict": golden.verdict, "why": golden.why});
        format!("{json}\n")
    };
    let table: String = stories().into_iter().map(line).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("DEEDBOOK_BLESS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == table,
        "{FILE} is another table; see above how to write it anew"
    );
}
