//! What is found by leads is what the whole log shows.

use evidence::{Gathering, Lead, Question, Range};
use record::Logged;
use record::findings::{Fold, Parameters};
use record::model::Kind;

use crate::desk::{Desk, session};

/// Whether an entry is what a lead leads to: by definition, with no index.
fn leads_to(lead: &Lead, logged: &Logged<'_>) -> bool {
    let record = logged.record();
    let in_session = |id: &str| record.session.as_ref().map_or("", |session| session.id.as_str()) == id;
    match lead {
        Lead::Key(kid) => record.key.as_ref().is_some_and(|change| {
            change.kid == *kid.as_str()
                || change.replaces.as_ref().is_some_and(|replaced| *replaced == *kid.as_str())
        }),
        Lead::KeysOf(party) => {
            let of = record.key.as_ref().and_then(|change| change.party.as_ref());
            of.is_some_and(|of| of.sub == *party.as_str())
        }
        Lead::Coverage(producer) => {
            record.kind == Kind::CoverageDeclared
                && record.producer.as_ref().map_or("", |producer| producer.id.as_str()) == producer
        }
        Lead::Authority(id) => {
            let kinds = [Kind::SessionOpened, Kind::DelegationGranted, Kind::DelegationRevoked];
            in_session(id) && kinds.contains(&record.kind)
        }
        Lead::Call { session, id } => {
            in_session(session) && record.action.as_ref().is_some_and(|action| action.id == *id.as_str())
        }
        Lead::Bound(id) => {
            let binds = record.approval.as_ref().and_then(|approval| approval.binds.as_ref());
            binds.is_some_and(|binds| binds.record.to_string() == *id)
        }
        Lead::Record(id) => record.id.to_string() == *id,
        Lead::Erasure(sd) => record.erased.as_ref().is_some_and(|erased| erased.sd == *sd.as_str()),
        Lead::Entry(index) => logged.index() == *index,
    }
}

/// Gathers as whoever has lookups does, and counts what he looks at.
fn by_leads(desk: &Desk, asked: &Question) -> (evidence::Gathered, usize) {
    let logged: Vec<Logged<'_>> =
        (0..).zip(&desk.entries).map(|(index, entry)| Logged::read(index, entry).unwrap()).collect();
    let mut fold = Fold::new(Parameters::default());
    let (mut answer, mut findings) = (vec![], vec![]);
    for (logged, entry) in logged.iter().zip(&desk.entries) {
        let found = fold.take(&logged.seen());
        if asked.asks_for(logged.index(), logged.record()).unwrap() {
            answer.push((logged.index(), &entry[..]));
            findings.extend(found);
        }
    }
    let size = desk.entries.len() as u64;
    let mut gathering = Gathering::answered(asked.clone(), answer, findings, size).unwrap();
    let (mut followed, mut found) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    loop {
        let new: Vec<Lead> = gathering.leads().difference(&followed).cloned().collect();
        if new.is_empty() {
            return (gathering.finish(), found.len());
        }
        for lead in &new {
            let here = logged.iter().filter(|logged| leads_to(lead, logged));
            found.extend(here.map(Logged::index));
        }
        followed.extend(new);
        for index in &found {
            gathering.take(*index, &desk.entries[usize::try_from(*index).unwrap()]).unwrap();
        }
    }
}

fn same(desk: &Desk, asked: &Question) -> usize {
    let (found, looked_at) = by_leads(desk, asked);
    let whole = desk.gather(asked);
    assert_eq!(found.entries, whole.entries, "{asked}");
    assert_eq!((found.looked_at, found.lost), (whole.looked_at, whole.lost), "{asked}");
    looked_at
}

#[test]
fn every_record_of_the_story_and_every_session() {
    let desk = Desk::story();
    for index in 0..desk.entries.len() as u64 {
        same(&desk, &Question::Entries(vec![Range(index, index)]));
    }
    for id in ["s-71c2", "s-other", "desk-of-bea"] {
        same(&desk, &session(id));
    }
}

#[test]
fn the_airlines_records_and_sessions_without_looking_at_most_of_the_log() {
    let mut desk = Desk::empty();
    for line in testkit::airline::bare().take(250) {
        desk.log(&serde_json::from_str(line).unwrap());
    }
    for index in (0..250).step_by(7) {
        assert!(same(&desk, &Question::Entries(vec![Range(index, index)])) < 20);
    }
    for task in 0..12 {
        same(&desk, &session(&format!("airline-trial0-task{task:02}")));
    }
}

/// Every golden story of the findings: keys that come and go, approvals from elsewhere, delegations.
#[test]
fn every_record_of_every_golden_story() {
    let stories = std::fs::read_to_string(testkit::vectors::data().join("findings/golden.ndjson")).unwrap();
    for line in stories.lines() {
        let story: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut desk = Desk::empty();
        for entry in story["entries"].as_array().unwrap() {
            desk.log(&entry["record"]);
        }
        for index in 0..desk.entries.len() as u64 {
            same(&desk, &Question::Entries(vec![Range(index, index)]));
        }
    }
    assert!(stories.lines().count() > 100);
}
